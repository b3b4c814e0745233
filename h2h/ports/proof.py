"""What verifying and recovering need of the ledger and of the archive, beside what the flows do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from h2h.core.chain import Head, Link
from h2h.core.payment import Payment
from h2h.core.states import State
from h2h.ports.rows import ExportRow, File


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row of the ledger that is none any more."""

    id: str
    why: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `archive find` looks for; "" and None ask for nothing. Days are those of the coming."""

    text: str = ""  # an id, a name or its beginning, a message id, a sha256
    bank: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Announcement:
    """What the archive was told right before a file may have become visible at its bank.

    `sequence` and `hash` are the ledger's head at that moment, just before the announcement.
    """

    sequence: int
    hash: str
    at: str
    file_id: str
    facts: Mapping[str, object]  # as in the manifest


@dataclass(frozen=True, slots=True)
class Dossier:
    """What lies in one dossier; `manifest` and `moves` None: not written yet."""

    file_id: str
    place: Path
    manifest: bytes | None
    moves: bytes | None
    contents: Mapping[str, Path]  # by the name of the plain content
    at_rest: Mapping[str, Path]  # sealed to the archive key, by the same name


@dataclass(frozen=True, slots=True)
class Reinstated:
    """A file as the archive proves it. `exports` were handed over and are not again."""

    facts: Mapping[str, object]  # of its manifest
    state: State
    because: str
    payments: Iterable[Sequence[Payment]] = ()
    exports: Sequence[ExportRow] = ()


class Snapshot(Protocol):
    """The ledger as it is at one moment, whatever moves meanwhile; nothing is held in memory."""

    def head(self) -> Head: ...

    def links(self, after: int = 0) -> Iterator[Link]:
        """The chain in its order, past the record `after`."""
        ...

    def hashes(self, sequences: Sequence[int]) -> Mapping[int, str]:
        """Those of these records that are there."""
        ...

    def links_by_file(self) -> Iterator[Link]:
        """The same by file id, those of a file in their order; acts on the room come first."""
        ...

    def files(self) -> Iterator[File | Unreadable]:
        """Every file in the order of the ids."""
        ...


class LedgerProof(Protocol):
    """The ledger, for those who prove it and for those who mend it."""

    def head(self) -> Head:
        """The newest record of the chain."""
        ...

    def hash_at(self, sequence: int) -> str | None:
        """The hash of a record; None when there is none of this number."""
        ...

    def recoveries(self) -> Sequence[Link]:
        """The records with which recoveries began and ended, oldest first."""
        ...

    def snapshot(self) -> AbstractContextManager[Snapshot]: ...

    def found(self, wanted: Wanted, most: int) -> Sequence[File]:
        """Files, newest first."""
        ...

    def begin_recovery(
        self, common: int, beyond: int, who: str, reason: str, now: datetime
    ) -> None:
        """Chain that a recovery begins, numbered beyond the record `beyond`; once until it ends.

        `common` is the last record that ledger and archive have in common.
        """
        ...

    def end_recovery(self, who: str, reason: str, now: datetime) -> None: ...

    def reinstate(self, wish: Reinstated, who: str, now: datetime) -> File:
        """Enter a file that the ledger forgot, or set one that it has to what the archive proves.

        Chained. Raises Corrupt when its facts lack something, Refused when another file is in its
        place.
        """
        ...


class ArchiveProof(Protocol):
    """The archive, likewise."""

    def announce(self, announcement: Announcement) -> None:
        """Note, flushed, what may become visible at a bank from now on."""
        ...

    def note_head(self, head: Head, at: datetime) -> None:
        """Note, flushed, how far the ledger has come."""
        ...

    def heads(self) -> Sequence[Head]:
        """The newest heads that were noted: a ledger without them is older, or another."""
        ...

    def announcements(self) -> Iterator[Announcement]:
        """All of them, oldest first; a line that is none raises Corrupt."""
        ...

    def dossiers(self) -> Iterator[str]:
        """The ids of all dossiers, in their order."""
        ...

    def place(self, file_id: str) -> Path:
        """Where the dossier of a file lies, or would."""
        ...

    def dossier(self, file_id: str) -> Dossier | None:
        """What lies in a dossier; None when there is no such folder."""
        ...

    def open(self, file_id: str, name: str, target: Path) -> None:
        """Write what is sealed at rest as `name` to `target`; Refused where the key is missing."""
        ...

    def is_incoming(self, file_id: str) -> bool:
        """Is a bank file of this id fetched, or was it since the last start?"""
        ...


class HeadExport(Protocol):
    """A place outside of the archive that keeps how far the chain has come."""

    def export(self, head: Head, at: datetime) -> None:
        """Append it; raises Transient or Refused."""
        ...
