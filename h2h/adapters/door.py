"""A folder that the ERP drops files into: what lies there, and what of it is complete.

A scan is the truth (file system events are only a hint that one is worth while). It looks with
lstat alone: no link is followed, no pipe opened, nothing blocks.
"""

from __future__ import annotations

import os
import pwd
import re
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from h2h.adapters import durable, input_seal
from h2h.adapters.durable import disk
from h2h.adapters.input_seal import InputSeal
from h2h.core.naming import escaped, is_temporary
from h2h.core.problem import Problem
from h2h.errors import ConfigError, Refused, Transient
from h2h.ports import DoorTerms, Seen

_LOOK = 4096  # bytes read at each end of a file to see whether its document is closed
_ROOT = re.compile(rb"<([A-Za-z_][\w.:-]*)")
_AFTER_ROOT = rb"\s*>(?:\s|<!--.*?-->|<\?.*?\?>)*\Z"
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}

Signature = tuple[int, int, int]  # inode, size, mtime in ns


@dataclass(slots=True)
class _Watched:
    """A file as it looked, and since when it has looked like that."""

    signature: Signature
    since: float


class FolderDoor:
    """One door. `elapsed` counts seconds and never jumps; the wall clock may.

    `doors` names subfolders that are doors of their own and so are not reported as refused. With a
    `seal`, a file is complete once its seal stands beside it, and has been quiet as long.
    """

    def __init__(
        self,
        terms: DoorTerms,
        elapsed: Callable[[], float] = time.monotonic,
        doors: Collection[str] = (),
        seal: InputSeal | None = None,
    ) -> None:
        self.terms = terms
        self._seal = seal
        self._elapsed = elapsed
        self._doors = frozenset(doors)
        self._watched: dict[str, _Watched] = {}
        self._unsettled = False
        self._device: int | None = None

    def check(self) -> None:
        """Raise ConfigError unless the door is a folder that only its owner and group write to."""
        try:
            self._entries()
        except (Refused, Transient) as error:
            raise ConfigError(error.cause, error.next_move) from error

    def scan(self) -> Sequence[Seen]:
        """Every file that is complete by the door's rule now, the oldest first.

        Raises Transient when the folder is gone or looks unmounted, Refused when others may write
        to it.
        """
        now, entries = self._elapsed(), self._entries()
        before, self._watched = self._watched, {}
        complete, self._unsettled = [], False
        regular = [(self._seen(*found), found[1]) for found in _regular(entries)]
        quiet = {seen.name: self._quiet(seen, before.get(seen.name), now) for seen, _ in regular}
        fit = {seen.name: quiet[seen.name] for seen, status in regular if input_seal.is_fit(status)}
        for seen, status in regular:
            if not self._wanted(seen.name, status):
                continue
            if quiet[seen.name] < self.terms.settle or self._waits_for_its_end(
                seen, quiet[seen.name]
            ):
                self._unsettled = True
            elif self._is_marked(seen.name) and self._is_sealed(seen.name, fit):
                complete.append(seen)
        return sorted(complete, key=lambda seen: (seen.mtime_ns, seen.name))

    def present(self) -> Sequence[Seen]:
        """Every regular file there now, settled or not, temporary names included."""
        return [self._seen(*found) for found in _regular(self._entries())]

    def unsettled(self) -> bool:
        """Was something at the last scan not yet quiet for long enough?

        A file whose marker is missing is not waited for: it may never come.
        """
        return self._unsettled

    def refused(self) -> Sequence[tuple[str, str]]:
        """(escaped name, why) of what lies in the door and can never be taken."""
        entries = self._entries()
        found = (
            (entry.name, _unfit(entry) or self._unfit_seal(entry))
            for entry in entries
            if entry.name not in self._doors
        )
        return [(escaped(name), why) for name, why in found if why and not is_temporary(name)]

    # -- seals

    @property
    def sealed(self) -> bool:
        """Must each file come with a seal?"""
        return self._seal is not None

    def copy_seal(self, seen: Seen, original: Path) -> bool:
        """Bring the file's seal beside `original` in the dossier; False when it is not there.

        True too when the file itself has left the door, so that no seal is waited for.
        """
        if self._seal is None or input_seal.copied(
            self._seal, self.terms.folder, seen.name, original
        ):
            return True
        return not os.path.lexists(self.terms.folder / seen.name)

    def drop_seal(self, seen: Seen, original: Path) -> None:
        """Remove the copied seal from the door, but no later one of that name."""
        if self._seal is not None:
            input_seal.dropped(self._seal, self.terms.folder, seen.name, original)

    def judge_seal(self, original: Path, sha256: str) -> Problem | None:
        """What is wrong with the seal of a taken file; None when it fits or none is asked for."""
        return None if self._seal is None else input_seal.judged(self._seal, original, sha256)

    # -- what is there

    def _entries(self) -> list[os.DirEntry[str]]:
        folder = self.terms.folder
        with disk(f"looking into the door {folder}"):
            status = folder.stat()
            with os.scandir(folder) as listing:
                entries = list(listing)
        if status.st_mode & stat.S_IWOTH:
            raise Refused(
                f"anybody on this machine may write to the door {folder}, and so make payments",
                f"chmod o-w {folder}",
            )
        if self._device not in {None, status.st_dev} and not entries:
            raise Transient(f"the door {folder} looks unmounted", "Mount it; it goes on by itself")
        self._device = status.st_dev
        return entries

    def _unfit_seal(self, entry: os.DirEntry[str]) -> str:
        """Why this regular file can never be a seal; "" when it may be one, or need not."""
        if self._seal is None or not entry.name.endswith(self._seal.suffixes):
            return ""
        with suppress(FileNotFoundError):
            if entry.stat(follow_symlinks=False).st_size > input_seal.LARGEST_SEAL:
                return f"a seal has at most {input_seal.LARGEST_SEAL} bytes"
        return ""

    def _seen(self, name: str, status: os.stat_result) -> Seen:
        facts = (status.st_ino, status.st_size, status.st_mtime_ns, _user(status.st_uid))
        return Seen(self.terms.name, name, *facts)

    def _wanted(self, name: str, status: os.stat_result) -> bool:
        marker = self.terms.marker
        beside = (*((marker,) if marker else ()), *(self._seal.suffixes if self._seal else ()))
        return status.st_nlink == 1 and not name.endswith(beside) and not is_temporary(name)

    # -- is it complete

    def _quiet(self, seen: Seen, before: _Watched | None, now: float) -> float:
        """For how many seconds it has looked as it looks now."""
        signature = (seen.inode, seen.size, seen.mtime_ns)
        if before is None or before.signature != signature:
            before = _Watched(signature, now)
        self._watched[seen.name] = before
        return now - before.since

    def _waits_for_its_end(self, seen: Seen, quiet: float) -> bool:
        """Is its document cut short, and is a pausing writer still given time?"""
        return quiet < self.terms.incomplete_wait and not _closed(self.terms.folder / seen.name)

    def _is_marked(self, name: str) -> bool:
        return not self.terms.marker or os.path.lexists(
            self.terms.folder / (name + self.terms.marker)
        )

    def _is_sealed(self, name: str, quiet: Mapping[str, float]) -> bool:
        """Does a seal stand beside it that has been quiet for long enough?"""
        if self._seal is None:
            return True
        beside = [quiet[name + end] for end in self._seal.suffixes if name + end in quiet]
        settled = any(seconds >= self.terms.settle for seconds in beside)
        self._unsettled = self._unsettled or bool(beside and not settled)
        return settled


@cache
def _user(number: int) -> str:
    """The name of a user; of one that nobody knows here, the number."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _regular(entries: Sequence[os.DirEntry[str]]) -> Iterator[tuple[str, os.stat_result]]:
    for entry in entries:
        with suppress(FileNotFoundError):  # it left the door while we looked
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                yield entry.name, status


def _unfit(entry: os.DirEntry[str]) -> str:
    """Why this can never be taken; "" for a regular file with one name, or one that just left."""
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return ""
    if stat.S_ISREG(status.st_mode):
        return (
            "" if status.st_nlink == 1 else "it is a file with another name elsewhere (a hard link)"
        )
    kind = _KINDS.get(stat.S_IFMT(status.st_mode), "nothing known")
    return f"it is {kind}, not a file"


def _closed(path: Path) -> bool:
    """Does the document end with the end tag of its root? True too when it cannot be read."""
    try:
        with os.fdopen(durable.open_regular(path), "rb") as file:
            head = file.read(_LOOK)
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOOK))
            tail = file.read(_LOOK)
    except OSError:
        return True  # claiming it tells why
    root = _ROOT.search(head.replace(b"\0", b""))  # without its zeros UTF-16 reads like ASCII
    if root is None:
        return False
    end = rb"</" + re.escape(root[1]) + _AFTER_ROOT
    return re.search(end, tail.replace(b"\0", b""), re.DOTALL) is not None
