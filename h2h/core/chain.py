"""The hash chain over all moves: an edited, removed, added or reordered record breaks it.

Each record's hash covers the hash of the record before it, across files. A cut tail is the one
change that the chain cannot see by itself; it shows against a head that was noted elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

GENESIS = "0" * 64  # the `previous` of the very first record


class Chained(Protocol):
    """One link, as the ledger keeps it (h2h.ports.MoveRow)."""

    @property
    def sequence(self) -> int: ...
    @property
    def file_id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def who(self) -> str: ...
    @property
    def because(self) -> str: ...
    @property
    def content(self) -> str: ...
    @property
    def previous(self) -> str: ...
    @property
    def hash(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Broken:
    """The first record that does not fit, and why."""

    sequence: int
    file_id: str
    why: str


def record(
    sequence: int,
    file_id: str,
    source: str,
    target: str,
    at: datetime,
    who: str,
    because: str,
    content: str,
) -> dict[str, str]:
    """What of a move is hashed. `at` is aware; it is written in UTC to the microsecond."""
    return {
        "sequence": str(sequence),
        "file_id": file_id,
        "source": source,
        "target": target,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "who": who,
        "because": because,
        "content": content,
    }


def record_of(move: Chained) -> dict[str, str]:
    """`record` of a move that stands in the ledger already."""
    return record(
        move.sequence,
        move.file_id,
        move.source,
        move.target,
        move.at,
        move.who,
        move.because,
        move.content,
    )


def link(previous: str, record: Mapping[str, str]) -> str:
    """The hash of `record` after `previous`: SHA-256, in hex, over one canonical JSON text."""
    text = json.dumps([previous, dict(record)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def first_broken(moves: Iterable[Chained]) -> Broken | None:
    """The first move that breaks the chain, in the order of their sequence; None when it holds.

    The whole chain is expected, from its first record on.
    """
    head, last = GENESIS, 0
    for move in moves:
        if why := _misfit(move, head, last):
            return Broken(move.sequence, move.file_id, why)
        head, last = move.hash, move.sequence
    return None


def _misfit(move: Chained, head: str, last: int) -> str:
    if move.previous != head:
        return f"the record before it is not the one it was written after (last seen: {last})"
    if move.sequence <= last:
        return f"its number does not follow {last}"
    if move.hash != link(move.previous, record_of(move)):
        return "its content was changed after it was written"
    return ""
