"""The shapes of entries: how a bank writes them, learned while a file is read.

A bank writes entries in more ways than an ERP writes payments, and the ways take turns. So all
shapes are tried at once: what they begin with alike is looked at once, and where they differ the
next tag decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from html import unescape
from typing import Generic, TypeVar

from h2h.adapters.messages.iso20022 import lifting
from h2h.adapters.messages.iso20022.lifting import Spelled

MOST = 100  # shapes kept
_PROVEN = 50  # things that new shapes must have read before they are joined with the others
# Those that need no declaration and stand for no blank. Where there are others, a parser reads.
_KNOWN = re.compile("&(?:amp|lt|gt|quot|apos);")
_GROUP = re.compile(r"(?<!\\)\((?!\?)")

Texts = tuple[str, ...]
Item = TypeVar("Item")


def resolved(texts: Texts) -> Texts:
    """The texts with what their references stand for."""
    return tuple(map(unescape, texts))


class Shape(Generic[Item]):
    """How something is written, and what is made of its texts."""

    def __init__(self, spelled: Spelled, make: Callable[[Texts], Item]) -> None:
        self.pieces = spelled.pieces
        self.make = make


class _Branch(Generic[Item]):
    """A shape within an expression for several: which of its groups are the shape's."""

    def __init__(self, shape: Shape[Item]) -> None:
        self.pieces = shape.pieces
        self.make = shape.make
        self.groups: list[int] = []


class Joined(Generic[Item]):
    """Several shapes as one expression. The last group of each is empty and tells which it is."""

    def __init__(self, shapes: Sequence[Shape[Item]]) -> None:
        self._groups = 0
        self._written: list[str] = []
        self._ends: dict[int, tuple[tuple[int, ...], Callable[[Texts], Item]]] = {}
        self._write([_Branch(shape) for shape in shapes], 0)
        self.match = re.compile("".join(self._written)).match

    def _write(self, branches: Sequence[_Branch[Item]], at: int) -> None:
        """Write what is left of the branches from piece `at` on."""
        while at < len(branches[0].pieces):
            ways: dict[str, list[_Branch[Item]]] = {}
            for branch in branches:
                ways.setdefault(branch.pieces[at], []).append(branch)
            if len(ways) > 1:
                self._write_each(list(ways.values()), at)
                return
            self._write_piece(branches, at)
            at += 1
        self._groups += 1
        self._written.append("()")
        self._ends[self._groups] = tuple(branches[0].groups), branches[0].make

    def _write_each(self, ways: Sequence[Sequence[_Branch[Item]]], at: int) -> None:
        for number, branches in enumerate(ways):
            self._written.append("|" if number else "(?:")
            self._write_piece(branches, at)
            self._write(branches, at + 1)
        self._written.append(")")

    def _write_piece(self, branches: Sequence[_Branch[Item]], at: int) -> None:
        piece = branches[0].pieces[at]
        self._written.append(piece)
        for _ in _GROUP.findall(piece):
            self._groups += 1
            for branch in branches:
                branch.groups.append(self._groups)

    def item(self, found: re.Match[str], *, references: bool) -> Item:
        """What is made of the texts of a match, which may have `references`."""
        groups, make = self._ends[found.lastindex or 0]
        texts = found.group(*groups)
        return make(resolved(texts) if references else texts)


class Shapes(Generic[Item]):
    """The shapes learned so far.

    New ones are tried after those that are joined, each for itself, until they have proved useful:
    to join all takes as long as to parse some hundred entries.
    """

    def __init__(self) -> None:
        self._learned = self._lifted = self._proven = 0  # characters; entries by new shapes
        self._shapes: list[Shape[Item]] = []
        self._joined: list[Joined[Item]] = []

    def want(self, fragment: str) -> bool:
        """Is this shape unknown, and is it worth while to learn more?"""
        if fragment.count("&") != len(_KNOWN.findall(fragment)):
            return False
        spent = self._learned * lifting.LIFTED_FOR_EACH
        worth = self._learned < lifting.FREE or self._lifted > spent
        return worth and not any(joined.match(fragment) for joined in self._joined)

    def tried(self, fragment: str) -> None:
        """It was tried to learn a shape from this."""
        self._learned += len(fragment)

    def add(self, shape: Shape[Item]) -> None:
        """Remember one more; where there are too many, the others go."""
        if len(self._shapes) >= MOST:
            self.forget()
        self._shapes.append(shape)
        self._joined.append(Joined([shape]))

    def forget(self) -> None:
        """Tags mean something else from here on."""
        self._shapes.clear()
        self._joined.clear()

    def read(self, text: str, position: int) -> Iterator[tuple[Item, int, int]]:
        """What stands one behind the other from `position` on, until one is not of a known shape:
        what is made of its texts, where it begins and where it ends."""
        if self._proven > _PROVEN and len(self._joined) > 1:
            self._joined, self._proven = [Joined(self._shapes)], 0
        start, found = position, self._find(text, position)
        while found is not None:
            joined, match = found
            end = match.end()
            references = text.count("&", position, end)
            if references and references != len(_KNOWN.findall(text, position, end)):
                break
            yield joined.item(match, references=references > 0), position, end
            position = end
            found = self._find(text, position)
        self._lifted += position - start

    def _find(self, text: str, position: int) -> tuple[Joined[Item], re.Match[str]] | None:
        for at, joined in enumerate(self._joined):
            if match := joined.match(text, position):
                self._proven += at > 0
                return joined, match
        return None
