"""The few characters of a file around a place that is complained of.

The file may be one line of 700 MB: it is passed over in blocks, and only what is shown is decoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self

from h2h.core.naming import escaped

AROUND = 60  # characters either side of the place
_BEFORE = 2  # lines
_BLOCK = 1 << 16
_NEIGHBOURS = 1 << 10  # bytes in which the lines around are looked for
_NOTHING = "\\x00"  # every second byte of a file in UTF-16
_CONTINUED = bytes(range(0x80, 0xC0))  # bytes of UTF-8 that begin no character
_NEW_LINE = re.compile(rb"\n")
_CHARACTER = re.compile(rb"[^\x80-\xbf][\x80-\xbf]*")


class Line(NamedTuple):
    """A line as it may be shown; the place is at `text[caret]`, None for the lines around it."""

    number: int
    text: str
    caret: int | None = None


class Excerpts:
    """Looks into one file. Asked for places in their order, it passes over the file once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self._file: BinaryIO | None = None
        self._rewind()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def around(self, line: int, column: int | None, most: int = AROUND) -> Sequence[Line]:
        """The line, up to `most` characters either side of its column, and its neighbours.

        Line and column count from 1, in characters. Empty when the file has no such place any more,
        or is no text in UTF-8. Without a column the line has no caret.
        """
        try:
            if not self._go_to(line, column or 1):
                self._rewind()
                return []
            here = self._here(most, caret=column is not None)
            lines = [*self._above(2 * most), here, *self._below(2 * most)]
        except OSError:
            return []
        return [] if any(_NOTHING in line.text for line in lines) else lines

    # -- the way there

    def _rewind(self) -> None:
        self._line, self._column = 1, 1
        self._start = self._offset = 0  # in bytes: of the line, and of the character

    def _go_to(self, line: int, column: int) -> bool:
        if (line, column) < (self._line, self._column):
            self._rewind()
        if line > self._line:
            if not self._pass(line - self._line, _lines, _NEW_LINE):
                return False
            self._line, self._column, self._start = line, 1, self._offset
        if not self._pass(column - self._column, _characters, _CHARACTER):
            return False
        self._column = column
        return True

    def _pass(self, count: int, among: Callable[[bytes], int], one: re.Pattern[bytes]) -> bool:
        """Go behind the `count`th of something; False when the file ends before."""
        while count:
            block = self._read(self._offset, _BLOCK)
            if not block:
                return False
            if (passed := among(block)) < count:
                self._offset += len(block)
                count -= passed
            else:
                self._offset += next(islice(one.finditer(block), count - 1, None)).end()
                count = 0
        return True

    def _read(self, offset: int, size: int) -> bytes:
        if self._file is None:
            self._file = self._stack.enter_context(self._path.open("rb"))
        self._file.seek(offset)
        return self._file.read(size)

    # -- what is shown

    def _here(self, most: int, *, caret: bool) -> Line:
        start = max(self._start, self._offset - 4 * most)  # four bytes a character at most
        before = _text(self._read(start, self._offset - start))[-most:]
        left = _visible(before, cut_left=self._column - 1 > most)
        after = _text(self._read(self._offset, 4 * most + 4).lstrip(_CONTINUED)).partition("\n")[0]
        text = left + _visible(after[:most], cut_right=len(after) > most)
        return Line(self._line, text, len(left) if caret else None)

    def _above(self, most: int) -> list[Line]:
        start = max(0, self._start - _NEIGHBOURS)
        lines = _text(self._read(start, self._start - start)).split("\n")[:-1]
        whole = lines[1:] if start else lines
        shown = whole[-_BEFORE:]
        first = self._line - len(shown)
        return [Line(number, _cut(text, most)) for number, text in enumerate(shown, first)]

    def _below(self, most: int) -> list[Line]:
        found = self._read(self._offset, _NEIGHBOURS)
        lines = _text(found).split("\n")
        whole = lines[:-1] if len(found) == _NEIGHBOURS else lines
        return [Line(self._line + 1, _cut(text, most)) for text in whole[1:2] if text.strip()]


def _lines(block: bytes) -> int:
    return block.count(b"\n")


def _characters(block: bytes) -> int:
    return len(block.translate(None, _CONTINUED))


def _text(some: bytes) -> str:
    return some.decode("utf-8", "surrogateescape")


def _cut(text: str, most: int) -> str:
    return _visible(text[:most], cut_right=len(text) > most)


def _visible(text: str, *, cut_left: bool = False, cut_right: bool = False) -> str:
    """As it may be printed: control characters and terminal escapes are spelled out."""
    shown = escaped(text.removesuffix("\r").replace("\t", "    "))
    return f"{'…' if cut_left else ''}{shown}{'…' if cut_right else ''}"
