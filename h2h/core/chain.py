"""The hash chain over all moves: an edited, removed, added or reordered record breaks it.

Each record's hash covers the hash of the record before it, across files. A cut tail is the one
change that the chain cannot see by itself; it shows against a head that was noted elsewhere.

Numbers follow without a gap. Only a recovery, after an older ledger was restored, leaves one: its
record is numbered beyond everything that the archive knows.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

GENESIS = "0" * 64  # the `previous` of the very first record
RECOVERING = "recovering"  # the target of the record with which a recovery begins
RECOVERED = "recovered"  # and of the one that ends it
_CHANGED = "its content was changed after it was written"
_encoded = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


_quoted = json.encoder.encode_basestring_ascii
# What json.dumps makes of a record for the hash, and for moves.jsonl.
_CANONICAL = (
    '[%s,{"at":%s,"because":%s,"content":%s,"file_id":%s,"sequence":%s,"source":%s,"target":%s,'
    '"who":%s}]'
)
_LINE = (
    '{"sequence": %s, "file_id": %s, "source": %s, "target": %s, "at": %s, "who": %s,'
    ' "because": %s, "content": %s, "previous": %s, "hash": %s}\n'
)


@dataclass(frozen=True, slots=True)
class Head:
    """How far a chain goes: its newest record."""

    sequence: int = 0
    hash: str = GENESIS


class Link(NamedTuple):
    """One record in the texts that are hashed; nothing of it was judged yet."""

    sequence: int
    file_id: str
    source: str
    target: str
    at: str
    who: str
    because: str
    content: str
    previous: str
    hash: str

    def record(self) -> dict[str, str]:
        """What of it is hashed, as `record` has it."""
        return {
            "sequence": str(self.sequence),
            "file_id": self.file_id,
            "source": self.source,
            "target": self.target,
            "at": self.at,
            "who": self.who,
            "because": self.because,
            "content": self.content,
        }

    def deserved(self) -> str:
        """The `link` of it, four times as fast. Raises TypeError for what is no text."""
        text = _CANONICAL % tuple(map(_quoted, self._texts()))
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def _texts(self) -> tuple[str, ...]:
        return (
            self.previous,
            self.at,
            self.because,
            self.content,
            self.file_id,
            str(self.sequence),
            self.source,
            self.target,
            self.who,
        )

    def line(self) -> str:
        """As it stands in moves.jsonl and in a proof."""
        number, *texts = self
        return _LINE % tuple(map(_quoted, (str(number), *texts)))


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
    text = _encoded([previous, dict(record)])
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def link_of(line: bytes) -> Link | None:
    """The record that a line of moves.jsonl holds, with the hash it deserves; None for no such."""
    try:
        fields = json.loads(line)
        found = Link(**{**fields, "sequence": int(fields["sequence"])})
        computed = link(found.previous, found.record())
    except (ValueError, KeyError, TypeError, AttributeError, UnicodeError):
        return None
    return found if computed == found.hash else None


class Walk:
    """Goes along the chain from its first record; `head` is as far as it has come."""

    def __init__(self) -> None:
        self.head = Head()
        self.records = 0

    def misfits(self, links: Iterable[Link]) -> Iterator[Broken]:
        """Every record that does not fit the one before it; goes on from what it says it is."""
        for each in links:
            why = self._why(each)
            if why is not None:
                yield why
            self.head = Head(each.sequence, each.hash)
            self.records += 1

    def _why(self, each: Link) -> Broken | None:
        last, head = self.head.sequence, self.head.hash
        if each.sequence <= last:
            return Broken(each.sequence, each.file_id, f"its number does not follow {last}")
        if each.sequence != last + 1 and each.target != RECOVERING:
            return Broken(last + 1, "", f"it is missing: {each.sequence} comes after {last}")
        if each.previous != head:
            return Broken(each.sequence, each.file_id, f"it was written after another {last}")
        try:
            deserved = each.deserved()
        except (TypeError, ValueError):
            deserved = ""
        if each.hash != deserved:
            return Broken(each.sequence, each.file_id, _CHANGED)
        return None


def first_broken(moves: Iterable[Chained]) -> Broken | None:
    """The first move that breaks the chain, in the order of their sequence; None when it holds.

    The whole chain is expected, from its first record on.
    """
    return next(Walk().misfits(map(_link, moves)), None)


def _link(move: Chained) -> Link:
    facts = {**record_of(move), "previous": move.previous, "hash": move.hash}
    del facts["sequence"]
    return Link(move.sequence, **facts)
