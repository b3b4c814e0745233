"""Payments, and entries of account reports, lifted out of a file's bytes, past the parser.

An ERP writes all payments of a file alike: the same tags around other texts. From a payment that
the parser has read, a *shape* is learned: a regular expression that spells out every tag and leaves
room for the texts only. What follows a parsed payment directly and matches a known shape must mean
to any parser what it means here, so it need not be parsed: its texts are the expression's groups.
A bank's entries are no different; as they come in more ways, all are tried at once (see shapes.py).

That holds because a shape knows no comment, no CDATA section, no entity and no name space of its
own, and a text in it holds no character that XML treats in a special way. Whatever does not match
goes to the parser. Whether the whole is well-formed and valid, the schema's judge says, before
which every byte passes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import NamedTuple

from h2h.adapters.messages.iso20022.fields import Plan

AT_FIRST = 50  # are left to the parser: to learn a shape takes as long as to parse dozens
MOST = 32  # shapes kept
_LONGEST = 1 << 14  # characters of a payment whose shape is learned
# Beyond some characters that are learned for nothing it must have paid so far.
FREE = 100_000
LIFTED_FOR_EACH = 50
HELD_BACK = 1 << 16  # characters: an unfinished payment waits for the next block up to this length
_BLANKS = "[ \t\r\n]*"
# No markup, no control character (white space included, which attributes and line ends change), and
# nothing that XML does not allow.
_TEXT = "([^<>&\x00-\x1f\ufffe\uffff]*)"
# There is something to it, and no blank at either end. What it has taken it keeps: nothing shorter
# would do. References are for the reader to see to.
_SOLID = "([^<>\x00-\x20\ufffe\uffff][^<>\x00-\x1f\ufffe\uffff]*+)(?<! )"
_VALUE = '([^<>&"\x00-\x1f\ufffe\uffff]*)'
# Comments, sections and instructions are no token.
_TOKEN = re.compile(r"<(/?)([\w.:-]+)([^<>]*?)(/?)>|([^<>]+)")
_ATTRIBUTE = re.compile(r'([ \t\r\n]+([A-Za-z]+)=")([^"]*)"')


# A prefix may consist of whatever XML allows in a name. A tag with one that is overlooked would let
# the wrong tag count as the end; so this has room for more than names.
PREFIX = "[^ \t\r\n<>/:&=]++:"
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
# A comment, a section or an instruction, behind which tags may be none
_HIDING = re.compile(r"<(?:!|\?(?!xml[ \t\r\n]))")


class _Token(NamedTuple):
    closes: bool
    name: str
    attributes: str
    empty: bool
    text: str
    whole: str


class Shape:
    """How a payment is written, and what its texts are."""

    def __init__(self, pattern: re.Pattern[str], plan: Plan) -> None:
        self.match = pattern.match
        self.row = plan.row


class Pattern(NamedTuple):
    """A learned expression and the path of each of its groups."""

    expression: re.Pattern[str]
    paths: tuple[str, ...]


class Spelled(NamedTuple):
    """How something is written, piece by piece as expressions, and the path of each group."""

    pieces: tuple[str, ...]
    paths: tuple[str, ...]


class Between:
    """What stands between a file's bytes, the parser and the shapes.

    `end` finds the end tag of a payment. Once the parser has read some, `learned` is asked behind
    each whether it has read a payment that ended there; `lift` then takes known ones out of a text
    from a position on, and says up to where.
    """

    def __init__(
        self,
        end: re.Pattern[str],
        learned: Callable[[str], bool],
        lift: Callable[[str, int], int],
    ) -> None:
        self._end, self._learned, self._lift = end, learned, lift
        self._parsed = 0  # pieces so far
        self._behind = False  # the text goes on directly behind a payment that was read
        self._cut = False  # the parser has the text up to somewhere within a payment, or a tag

    def pieces(self, blocks: Iterable[bytes], *, lift: bool) -> Iterator[bytes]:
        """What the parser must read; known payments are lifted out between the pieces.

        An empty piece says that some were.
        """
        text, raw = "", b""
        for block in blocks:
            raw += block
            if lift:
                try:
                    decoded, used = codecs.utf_8_decode(raw, "strict", False)  # noqa: FBT003 - C
                except UnicodeDecodeError:
                    lift = False  # the parser has words for it
                else:
                    text, raw = text + decoded, raw[used:]
                    text = yield from self._unlifted(text)
                    continue
            yield text.encode() + raw
            text, raw = "", b""
        yield text.encode() + raw

    def _unlifted(self, text: str) -> Generator[bytes, None, str]:
        """The pieces of `text` for the parser, each up to a payment's end; returns the rest."""
        position = 0
        while True:
            if self._behind:
                position = self._lift(text, position)
                yield b""
            end = self._end.search(text, position)
            if end is None:
                break
            piece = text[position : end.end()]
            yield piece.encode()
            self._parsed += 1
            self._behind = self._parsed > AT_FIRST and not self._cut and self._learned(piece)
            self._cut = False
            position = end.end()
        rest = text[position:]
        if len(rest) > HELD_BACK:
            self._behind, self._cut = False, True
            yield rest.encode()
            return ""
        return rest


def is_open(piece: str) -> bool:
    """Is every tag in it one, as nothing there hides any?"""
    return _HIDING.search(piece) is None


def are_plain(prefixes: Iterable[str | None]) -> bool:
    """Are these prefixes such as everybody writes? Else a parser should read all."""
    return all(prefix is None or _PLAIN.fullmatch(prefix) for prefix in prefixes)


def learn(fragment: str) -> Pattern | None:
    """The pattern of a payment as written, from its start tag to its end tag.

    None when it is written in a way that only a parser should read.
    """
    found = None if "&" in fragment else _spell(fragment, _TEXT)
    return None if found is None else Pattern(re.compile("".join(found.pieces)), found.paths)


def spell_solid(fragment: str) -> Spelled | None:
    """How a fragment is written, as `learn` has it; but a text that is there stays there.

    No empty or blank one has room in its place, nor one with blanks around it. There is room for
    references (`&amp;`), which stand for themselves here.
    """
    return _spell(fragment, _SOLID)


def _spell(fragment: str, room: str) -> Spelled | None:
    tokens = _tokens(fragment)
    return None if tokens is None else _spelled(tokens, room)


def _tokens(fragment: str) -> Sequence[_Token] | None:
    if len(fragment) > _LONGEST:
        return None
    found, end = [], 0
    for match in _TOKEN.finditer(fragment):
        if match.start() != end:
            return None
        closes, name, attributes, empty, text = match.groups()
        found.append(
            _Token(bool(closes), name or "", attributes or "", bool(empty), text or "", match[0])
        )
        end = match.end()
    return found if end == len(fragment) else None


def _spelled(tokens: Sequence[_Token], room: str) -> Spelled | None:
    written, paths = [_BLANKS], list[str]()
    stack: list[str] = []
    for at, token in enumerate(tokens):
        if token.text:
            leaf = tokens[at - 1].name and not tokens[at - 1].closes and tokens[at + 1].closes
            if leaf and not tokens[at - 1].empty:
                written.append(room)
                paths.append(_path(stack))
            elif token.text.strip(" \t\r\n"):
                return None  # text between elements: the schema will have its say
            else:
                written.append(re.escape(token.text))
            continue
        if token.closes:
            stack.pop()
            written.append(re.escape(token.whole))
            continue
        stack.append(token.name.rpartition(":")[2])
        opening = _opening(token)
        if opening is None:
            return None
        written.append(opening[0])
        paths.extend(f"{_path(stack)}@{name}" for name in opening[1])
        if token.empty:
            stack.pop()
    return Spelled(tuple(written), tuple(paths))


def _opening(token: _Token) -> tuple[str, list[str]] | None:
    """A start tag as an expression, and its attributes; None for those that change meaning."""
    written, names, end = [re.escape(f"<{token.name}")], [], 0
    while match := _ATTRIBUTE.match(token.attributes, end):
        if match[2] == "xmlns":
            return None
        written.append(re.escape(match[1]) + _VALUE + '"')
        names.append(match[2])
        end = match.end()
    rest = token.attributes[end:]
    if rest.strip(" \t\r\n"):
        return None
    written.append(re.escape(rest + ("/>" if token.empty else ">")))
    return "".join(written), names


def _path(stack: Sequence[str]) -> str:
    return "/".join(stack[1:])  # below the payment


class Shapes:
    """The shapes learned so far, the one that matched last first.

    `learned` counts the characters of all payments from which a shape was tried to be learned.
    """

    def __init__(self) -> None:
        self.learned = 0
        self._lifted = 0
        self._shapes: list[Shape] = []

    def want(self, fragment: str) -> bool:
        """Is this payment's shape unknown, and is it worth while to learn more?"""
        worth = self.learned < FREE or self._lifted > self.learned * LIFTED_FOR_EACH
        return worth and self._at(fragment, 0) is None

    def add(self, shape: Shape) -> None:
        """Remember one more; the one that has not matched for longest makes room."""
        self._shapes.insert(0, shape)
        del self._shapes[MOST:]

    def forget(self) -> None:
        """Tags mean something else from here on."""
        self._shapes.clear()

    def rows(self, text: str, position: int) -> tuple[list[tuple[str, ...]], int]:
        """The fields of the payments that stand one behind the other from `position` on, until one
        is not of a known shape, and where that one begins."""
        rows, start = list[tuple[str, ...]](), position
        while shape := self._at(text, position):
            match, row = shape.match, shape.row
            while found := match(text, position):
                position = found.end()
                rows.append(row(found.groups()))
        self._lifted += position - start
        return rows, position

    def _at(self, text: str, position: int) -> Shape | None:
        for at, shape in enumerate(self._shapes):
            if shape.match(text, position):
                if at:
                    self._shapes.insert(0, self._shapes.pop(at))
                return shape
        return None
