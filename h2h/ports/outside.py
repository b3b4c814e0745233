"""The world that flows act on: a bank's server and seal, doors, archive, the ERP's folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from h2h.core.problem import Problem
from h2h.ports.proof import ArchiveProof
from h2h.ports.terms import DoorTerms


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at the bank. `mtime` is in seconds since the epoch, as the server tells it."""

    name: str
    size: int
    mtime: int


class Session(Protocol):
    """One login at a bank's server. Any call may raise Transient (outcome unknown) or Refused."""

    host: str  # the one of the bank's hosts that answered

    def stat(self, path: str) -> RemoteFile | None:
        """The file at `path`; None only when the server says that it is not there."""
        ...

    def put(self, local: Path, path: str) -> None:
        """Write `local` to `path`, overwriting; cut, it leaves an incomplete file there."""
        ...

    def rename(self, source: str, target: str) -> None:
        """Rename, failing when `target` exists; cut, both names or either may exist."""
        ...

    def replace(self, source: str, target: str) -> None:
        """Rename atomically, overwriting `target` (posix-rename@openssh.com)."""
        ...

    def remove(self, path: str) -> None:
        """Remove `path`; a file already gone is no error."""
        ...

    def listing(self, folder: str, most: int) -> Sequence[RemoteFile]:
        """Regular files in `folder`, hostile names left out; Refused above `most` names."""
        ...

    def get(self, path: str, local: Path, largest: int) -> None:
        """Fetch `path` into `local`, flushed; Refused above `largest` bytes."""
        ...


class Bank(Protocol):
    """A bank's server."""

    def session(self, host: str = "") -> AbstractContextManager[Session]:
        """Log in at the first host that answers, or at `host` alone when it is given.

        Raises Transient, LoginRefused or HostKeyChanged; nothing was sent then.
        """
        ...


class Sealer(Protocol):
    """OpenPGP at one bank, with its own ring and its own pinned keys."""

    agents: int  # so many calls of `seal` are at work at once; more of them wait

    def seal(self, plain: Path, sealed: Path) -> None:
        """Write the sealed `plain` to `sealed`, flushed, complete or not at all."""
        ...

    def sidecar(self, sealed: Path) -> Path | None:
        """The detached signature that travels beside `sealed`, None when the seal is one file."""
        ...

    def open(self, sealed: Path, plain: Path, largest: int) -> str:
        """Verify and decrypt; returns the signer's primary fingerprint ("" when unsealed).

        Raises Corrupt when the file is not authentic, and leaves no plaintext behind then.
        """
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """A settled file in a door. `name` is the file system's, undecodable bytes as surrogates."""

    door: str
    name: str
    inode: int
    size: int
    mtime_ns: int
    owner: str = ""  # the operating system's name of whose it is


class Door(Protocol):
    """A folder that the ERP drops files into."""

    terms: DoorTerms

    @property
    def sealed(self) -> bool:
        """Must each file come with a seal of the ERP (a checksum, a signature) beside it?"""
        ...

    def copy_seal(self, seen: Seen, original: Path) -> bool:
        """Bring the file's seal beside `original` in the dossier; repeatable.

        False when the file is in the door and its seal is not.
        """
        ...

    def drop_seal(self, seen: Seen, original: Path) -> None:
        """Remove the copied seal from the door, but no later one of that name; repeatable."""
        ...

    def judge_seal(self, original: Path, sha256: str) -> Problem | None:
        """What is wrong with the seal of a taken file; None when it fits or none is asked for."""
        ...

    def scan(self) -> Sequence[Seen]:
        """Every file that is complete by the door's rule now; never blocks, follows no link."""
        ...

    def present(self) -> Sequence[Seen]:
        """Every regular file there now, settled or not, temporary names included."""
        ...

    def unsettled(self) -> bool:
        """Is something in the door that the last scan did not yet take for complete?"""
        ...

    def refused(self) -> Sequence[tuple[str, str]]:
        """(name, why) of what lies in the door and can never be taken: a folder, a link, a pipe."""
        ...


class Archive(ArchiveProof, Protocol):
    """The dossiers. Paths it returns lie inside one; a dossier is named by its file id."""

    def claim(self, file_id: str, door: Path, seen: Seen) -> tuple[str, int] | None:
        """Bring a file in from its door: (sha256, size) of our private copy.

        Repeatable at every point; None when the file has left the door before we came.
        """
        ...

    def unmark(self, door: Path, seen: Seen, marker: str) -> None:
        """Remove the marker file of a claimed file."""
        ...

    def path(self, file_id: str, name: str) -> Path:
        """Where `name` of this dossier lies (its folder exists)."""
        ...

    def incoming(self, file_id: str) -> Path:
        """Where a bank file is fetched to before the ledger knows it."""
        ...

    def receive(self, file_id: str) -> Path:
        """Move what was fetched into its dossier; repeatable; returns the path there."""
        ...

    def digest(self, path: Path) -> tuple[str, int]:
        """(sha256, size) of a file as it lies on disk now."""
        ...

    def record(self, file_id: str, manifest: str, moves: str, *, final: bool = False) -> None:
        """Write `manifest.json` and `moves.jsonl` of a dossier, each complete or not at all.

        Moves of another history, as an older ledger tells it, are kept beside. The contents of a
        `final` file are sealed, where the archive has a key.
        """
        ...

    def erase(self, file_id: str, because: str) -> None:
        """Remove the contents of a dossier for ever; repeatable. Their hashes and sizes stay in the
        manifest, with the reason; so do the moves."""
        ...

    def tidy(self, known: Callable[[str], bool]) -> None:
        """Remove fetched files that never got into the ledger (they still lie at the bank)."""
        ...


# What a file is made of: another file, its bytes, or what writes it, flushed, where it is told to.
Content = Path | bytes | Callable[[Path], None]


class Desktop(Protocol):
    """Folders of the ERP into which finished files are handed: below the inbox, or absolute."""

    def taken(self, folder: str, name: str) -> bool:
        """Does something of that name lie there?"""
        ...

    def prepare(
        self, folder: str, name: str, content: Content, *, key: str = ""
    ) -> tuple[str, str]:
        """Write a flushed temporary: (its name, sha256). The same name and key give the same."""
        ...

    def publish(self, folder: str, temporary: str, name: str, *, replace: bool) -> None:
        """Rename it to its final name; a missing temporary means that it was handed over.

        Where something of that name lies there already it is replaced, or Transient is raised.
        """
        ...


class Log(Protocol):
    """Where events go: to the journal, and to whoever watches."""

    def event(self, event: str, /, **facts: str | int | None) -> None:
        """Note that something happened; account numbers are masked behind this door."""
        ...
