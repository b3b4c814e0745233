"""What is measured: the figures behind /metrics, without names or account numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FilesThere:
    """How many files of a bank are in a state; `oldest` came first of them. `size` in bytes."""

    direction: str
    bank: str
    state: str
    count: int
    oldest: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Step:
    """A move of a file; `sent` is when the file was sent before it, None when it was not."""

    sequence: int
    direction: str
    bank: str
    target: str
    at: datetime
    created: datetime
    sent: datetime | None


class Measures(Protocol):
    """The part of the ledger that is measured."""

    def files_there(self) -> Sequence[FilesThere]:
        """Every file there is, counted."""
        ...

    def steps_since(self, sequence: int, limit: int = 10_000) -> Sequence[Step]:
        """Moves of files after `sequence`, oldest first."""
        ...

    def writable(self) -> None:
        """Take the write lock and let go of it; raises Transient or Refused when it cannot."""
        ...

    def is_locked(self) -> bool:
        """Does a daemon, or a single pass, hold this ledger?"""
        ...
