"""What the two formats of plain text (MT940 and BAI2) share: careful opening, and what is wrong.

Lines are read one after the other and never longer than a bank could mean them; the size is
bounded before anything is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from h2h.adapters.messages.iso20022.incoming import MOST_SLIPS, corrupt
from h2h.adapters.messages.iso20022.xml import Unreadable, blocks
from h2h.core.problem import Problem, Severity

_LONGEST = 1 << 16  # bytes of a line: MT940 allows 65, BAI2 names no limit
_UTF8_MARK = b"\xef\xbb\xbf"
_HOLD = (
    "The statement is held: ask the bank for a corrected one, or compare it with the bank's own "
    "view and release it"
)


class Doubt(Exception):
    """Why a figure cannot be trusted, in words that follow its place."""


def head(path: Path) -> bytes:
    """The first block of a file, without a byte order mark. Raises Corrupt (rule `file`)."""
    return next(_named_blocks(path), b"").removeprefix(_UTF8_MARK)


def bound(path: Path, largest: int) -> None:
    """Raise Corrupt (rule `size`) for a file of more than `largest` bytes."""
    if (size := path.stat().st_size) > largest:
        words = f"has {size} bytes; at most {largest} are allowed (largest_file)"
        remedy = "Raise largest_file in the configuration, if the bank's files are so large"
        raise corrupt(path, "size", words, remedy)


def numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines with their ends as they lie on disk, counted from 1. Raises Corrupt (`text`)."""
    number, rest = 0, b""
    for block in _named_blocks(path):
        *whole, rest = (rest + block).splitlines(keepends=True) or [b""]
        if rest.endswith(b"\n"):
            whole, rest = [*whole, rest], b""
        for number, line in enumerate(whole, number + 1):  # noqa: B020 - it counts on
            yield number, _checked(path, number, line)
        _checked(path, number + 1, rest)
    if rest:
        yield number + 1, _checked(path, number + 1, rest)


def _checked(path: Path, number: int, line: bytes) -> bytes:
    if len(line) > _LONGEST:
        raise corrupt(path, "text", f"a line has more than {_LONGEST} bytes", line=number)
    if b"\0" in line:
        raise corrupt(path, "text", "a byte 0 is in it: no plain text", line=number)
    return line


def _named_blocks(path: Path) -> Iterator[bytes]:
    """The file's bytes; what keeps it from being opened is told with its name."""
    try:
        yield from blocks(path)
    except Unreadable as error:
        found = error.problem
        raise corrupt(path, found.rule, found.message, found.remedy) from None


def decoded(line: bytes) -> str:
    """A line without its end: UTF-8, else Latin-1, as banks write umlauts where ASCII is due."""
    bare = line.removeprefix(_UTF8_MARK).rstrip(b"\r\n").strip(b"\x1a")  # DOS ends files by it
    try:
        return bare.decode()
    except UnicodeDecodeError:
        return bare.decode("latin-1")


def day(text: str) -> date | None:
    """YYMMDD of this century; None when there is no such day (a 30 February is bankers' usage)."""
    try:
        return date(2000 + int(text[:2]), int(text[2:4]), int(text[4:6]))
    except ValueError:
        return None


class Findings:
    """What is wrong with a file: doubts hold their statement, slips are recorded, at most so many.

    `place` says where, in words: `statement 2, entry 7`.
    """

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._slips = 0

    def doubt(self, statement: int, place: str, why: str, line: int | None) -> str:
        """Record a doubt about a statement, and give its words."""
        words = f"{place} {why}" if place else why
        path = ", ".join(filter(None, (f"statement {statement}", place)))
        self.problems.append(Problem("statement-doubt", Severity.HOLD, words, _HOLD, path, line))
        return words

    def slip(self, statement: int, place: str, words: str, line: int | None) -> None:
        """Record what departs from the standard and changes neither money nor identity."""
        self._slips += 1
        if self._slips > MOST_SLIPS:
            return
        remedy = "None here; tell the bank that its file departs from the standard"
        path = ", ".join(filter(None, (f"statement {statement}", place)))
        self.problems.append(Problem("format", Severity.WARN, words, remedy, path, line))


# -------------------------------------------------------------------------------------- characters

# What SWIFT's character set x has no letter for, beside letters that lose only their accent.
_TABLE = """
ä ae ö oe ü ue Ä Ae Ö Oe Ü Ue ß ss æ ae Æ Ae ø oe Ø Oe å aa Å Aa œ oe Œ Oe ł l Ł L đ d Đ D ð d Ð D
þ th Þ Th & + _ - @ (at) " ' ; , * . = - | / [ ( ] ) { ( } ) < ( > ) \\ / ` ' ~ - € EUR
\u2018 ' \u2019 ' \u201c ' \u201d ' \u201e ' \u2013 - \u2014 -
"""
_PAIRS = _TABLE.split()
_INSTEAD = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)) | dict.fromkeys("\t\r\n\u00a0", " ")
_MOST_SHOWN = 20  # characters of one entry
_OUTSIDE_X = re.compile(r"[^A-Za-z0-9/\-?:().,'+ ]")


def in_set_x(text: str) -> str:
    """`text` in SWIFT's character set x (see docs/formats.md); what has no counterpart is a `.`."""
    return _OUTSIDE_X.sub(lambda found: _counterpart(found[0]), text)


def _counterpart(character: str) -> str:
    import unicodedata  # noqa: PLC0415 - most files need none of it

    plain = _decomposed(character)
    return _OUTSIDE_X.sub("", plain) or ("" if unicodedata.combining(character) else ".")


def _decomposed(character: str) -> str:
    import unicodedata  # noqa: PLC0415 - most files need none of it

    return _INSTEAD.get(character) or unicodedata.normalize("NFKD", character)


def lost_in(text: str) -> str:
    """What set x cannot tell of `text`, as a sentence, "" when nothing is lost.

    A letter without its accent, or a quote of another shape, says the same; a `.` for a letter, a
    fraction without its stroke or a hyphen for an equals sign does not.
    """
    found = [each for each in dict.fromkeys(_OUTSIDE_X.findall(text)) if _says_less(each)]
    if not found:
        return ""
    more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    shown = "".join(found[:_MOST_SHOWN])
    return f"what SWIFT's character set lacks is changed: {shown}{more}"


def _says_less(character: str) -> bool:
    import unicodedata  # noqa: PLC0415 - most files need none of it

    dropped = map(unicodedata.combining, _OUTSIDE_X.findall(_decomposed(character)))
    return character == "=" or _counterpart(character) == "." or not all(dropped)


def words_of(*texts: str) -> str:
    """Texts that say something, with a blank between."""
    return " ".join(filter(None, map(str.strip, texts)))
