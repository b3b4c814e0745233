"""Leaving statements out of a bank file without touching a byte of the others.

expat tells at which byte each element starts, so the blocks left out are cut from the file as it
lies on disk; nothing is parsed and written anew.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from h2h.adapters.messages.iso20022.incoming import Opened

_BUFFER = 1 << 20


def extract(opened: Opened, keep: Sequence[int], target: Path) -> None:
    """Write to `target`, flushed, the file with only the blocks `keep` (from 1) left in it.

    Raises ValueError when there is nothing to keep, or a block that the file does not have.
    """
    with opened.path.open("rb") as source:
        blocks = _Blocks(opened, source).found
        if not keep or not set(keep) <= set(range(1, len(blocks) + 1)):
            raise ValueError(
                f"{list(keep)} are not blocks of {opened.path}, which has {len(blocks)}"
            )
        with target.open("wb") as out:
            for start, end in _kept(blocks, set(keep), opened.path.stat().st_size):
                _copy(source, start, end, out)
            out.flush()
            os.fsync(out.fileno())


def _kept(
    blocks: Sequence[tuple[int, int]], keep: Collection[int], size: int
) -> Iterator[tuple[int, int]]:
    """The byte ranges between the blocks left out."""
    position = 0
    for number, (start, end) in enumerate(blocks, 1):
        if number not in keep:
            yield position, start
            position = end
    yield position, size


def _copy(source: BinaryIO, start: int, end: int, out: BinaryIO) -> None:
    source.seek(start)
    while start < end:
        piece = source.read(min(_BUFFER, end - start))
        if not piece:
            raise OSError(f"the file shrank to {start} bytes while it was copied")
        out.write(piece)
        start += len(piece)


class _Blocks:
    """Where each block starts and ends. An end shows with whatever comes behind its end tag."""

    def __init__(self, opened: Opened, source: BinaryIO) -> None:
        path = (opened.prefix + opened.kind.block, *opened.above)
        self.path = [tag.lstrip("{") for tag in reversed(path)]  # as expat writes tags
        self.stack: list[str] = []
        self.found: list[tuple[int, int]] = []
        self.start = 0
        self.ended = False
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.StartElementHandler = self.open
        self.parser.EndElementHandler = self.close
        self.parser.DefaultHandler = self.other
        self.parser.ParseFile(source)

    def open(self, name: str, _: object) -> None:
        self.settle()
        self.stack.append(name)
        if self.stack == self.path:
            self.start = self.parser.CurrentByteIndex

    def close(self, _: str) -> None:
        self.settle()
        self.ended = self.stack == self.path
        self.stack.pop()

    def other(self, _: str) -> None:
        self.settle()

    def settle(self) -> None:
        if self.ended:
            self.found.append((self.start, self.parser.CurrentByteIndex))
            self.ended = False
