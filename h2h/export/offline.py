"""A bank file as statements whose entries are read when they are walked: memory stays flat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from h2h.adapters.messages import Iso20022Messages
from h2h.core.statement import Entry, Part
from h2h.core.status import StatusReport


class BankFile:
    """A bank file, read once for what it says beside its entries, then again for these.

    Statements that are walked in their order take one more reading in all. Raises Corrupt.
    """

    def __init__(self, path: Path, largest: int) -> None:
        self._path, self._largest = path, largest
        self._parts: Iterator[Part] = iter(())
        self._next = -1  # the statement that `_parts` goes on with, from 0; -1: none
        message = Iso20022Messages().read(path, largest)
        self.message: str = message.message
        self.report: StatusReport | None = message.report
        heads = [statement for statement, last in message.parts if last]
        self.statements = [
            replace(head, entries=_Entries(self, place)) for place, head in enumerate(heads)
        ]

    def entries(self, place: int) -> Iterator[Entry]:
        """The entries of a statement (places from 0), as the bank lists them."""
        parts = self._parts if self._next == place else self._from(place)
        self._next = -1
        for statement, last in parts:
            yield from statement.entries
            if last:
                self._parts, self._next = parts, place + 1
                return

    def _from(self, place: int) -> Iterator[Part]:
        parts = Iso20022Messages().read(self._path, self._largest).parts
        while place:
            place -= next(parts).last
        return parts


@dataclass(frozen=True, slots=True)
class _Entries(Iterable[Entry]):
    file: BankFile
    place: int

    def __iter__(self) -> Iterator[Entry]:
        return self.file.entries(self.place)
