"""The archive: one dossier a file, `YYYY/MM/DD/<file-id>/`, for its owner's eyes only (0700, 0600).

What a dossier holds: `original.xml` (what the ERP dropped) or `received` (what the bank sent), the
sealed or opened form, replies, `manifest.json`, `moves.jsonl`. A bank file is fetched into
`.incoming/<file-id>/`; that folder stays until the ledger knows the file.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from h2h.adapters import durable
from h2h.adapters.durable import disk
from h2h.core.chain import first_broken, link
from h2h.core.naming import escaped, is_plain
from h2h.errors import Transient
from h2h.ports import File, MoveRow, Seen

ORIGINAL = "original.xml"
RECEIVED = "received"
SEALED = "sealed.pgp"
MANIFEST = "manifest.json"
MOVES = "moves.jsonl"
_CLAIMED = "claimed"  # the ERP's own file, renamed in: a writer may still hold it open
_COPIED = "copied"  # our copy of a file that lies on another file system, its door not yet emptied
_INCOMING = ".incoming"
_ID = re.compile(r"\d{8}-[0-9A-Za-z-]+", re.ASCII)


class FolderArchive:
    """Dossiers in a folder. `root` must exist: an archive that is not mounted is not made anew."""

    def __init__(self, root: Path) -> None:
        self.root = root

    # -- taking in

    def claim(self, file_id: str, door: Path, seen: Seen) -> tuple[str, int] | None:
        """Bring a file in from its door: (sha256, size) of our private copy.

        The states that a cut may leave, each of which the next call takes up:

            door/NAME -> dossier/claimed -> + dossier/original.xml -> dossier/original.xml
            door/NAME -> + dossier/copied -> dossier/copied -> dossier/original.xml   (EXDEV)
        """
        with disk(f"claiming {escaped(seen.name)} from {door}"):
            dossier = self._dossier(file_id)
            original = dossier / ORIGINAL
            done = original.exists()
            taken = durable.digest(original) if done else self._take(dossier, door, seen)
            if taken is None:
                self._drop_if_empty(dossier)
                return None
            (dossier / _CLAIMED).unlink(missing_ok=True)
            durable.sync_folder(dossier)
            return taken

    def _take(self, dossier: Path, door: Path, seen: Seen) -> tuple[str, int] | None:
        claimed, copied = dossier / _CLAIMED, dossier / _COPIED
        if copied.exists():
            return self._finish_copied(copied, door, seen)
        if not os.path.lexists(claimed) and not self._move_in(claimed, door, seen):
            return self._finish_copied(copied, door, seen) if copied.exists() else None
        status = claimed.lstat()
        if status.st_ino != seen.inode or not _ordinary(status):
            _give_back(claimed, door, seen.name)
            return None
        return _copied(claimed, dossier / ORIGINAL)

    def _move_in(self, claimed: Path, door: Path, seen: Seen) -> bool:
        """Rename NAME to `claimed`, or copy it to `copied`; True when it was renamed.

        It is opened first, so that a file that we may not read stays in its door.
        """
        source = door / seen.name
        try:
            status = source.lstat()
            if status.st_ino != seen.inode or not _ordinary(status):
                return False
            os.close(durable.open_regular(source))
            return self._renamed_in(source, claimed)
        except FileNotFoundError:
            if not door.is_dir():
                raise
            return False

    def _renamed_in(self, source: Path, claimed: Path) -> bool:
        try:
            source.rename(claimed)
        except OSError as error:
            if error.errno != errno.EXDEV:  # the door lies on another file system
                raise
            _copied(source, claimed.with_name(_COPIED))
            return False
        durable.sync_folder(claimed.parent)
        durable.sync_folder(source.parent)
        return True

    def _finish_copied(self, copied: Path, door: Path, seen: Seen) -> tuple[str, int]:
        """Empty the door of what was copied (and only of that), then give the copy its name."""
        ours, source = copied.stat(), door / seen.name
        with suppress(FileNotFoundError):
            status = source.lstat()
            same = (status.st_size, status.st_mtime_ns) == (ours.st_size, ours.st_mtime_ns)
            if same and status.st_ino == seen.inode and _ordinary(status):
                source.unlink()
                durable.sync_folder(door)
        taken = durable.digest(copied)
        copied.rename(copied.with_name(ORIGINAL))
        return taken

    def unmark(self, door: Path, seen: Seen, marker: str) -> None:
        """Remove the marker file of a claimed file."""
        mark = door / (seen.name + marker)
        with disk(f"removing the marker {escaped(mark.name)} from {door}"):
            mark.unlink(missing_ok=True)

    # -- bank files

    def incoming(self, file_id: str) -> Path:
        """Where a bank file is fetched to before the ledger knows it."""
        with disk(f"making room for {file_id} in {self.root}"):
            return self._make(self._incoming(file_id)) / RECEIVED

    def receive(self, file_id: str) -> Path:
        """Move what was fetched (and a detached signature beside it) into its dossier; repeatable.

        Raises Transient when nothing was fetched under this id.
        """
        with disk(f"receiving {file_id}"):
            dossier, incoming = self._dossier(file_id), self._incoming(file_id)
            for name in (RECEIVED + ".sig", RECEIVED):
                with suppress(FileNotFoundError):
                    (incoming / name).rename(dossier / name)
            durable.sync_folder(dossier)
            received = dossier / RECEIVED
            if not received.exists():
                raise Transient(f"nothing was fetched as {file_id}", "It is fetched again")
            return received

    def tidy(self, known: Callable[[str], bool]) -> None:
        """Remove fetched files that never got into the ledger (they still lie at the bank).

        A dossier is removed only if its folder in `.incoming` still stands, which shows that the
        ledger never confirmed it: no ledger restored from a backup can make us delete an archive.
        """
        with disk(f"tidying {self.root}"):
            for folder in sorted(self._unconfirmed()):
                if not known(folder.name):
                    self._forget(folder)
                elif not any(folder.iterdir()):
                    folder.rmdir()

    def _unconfirmed(self) -> Iterable[Path]:
        folder = self.root / _INCOMING
        return folder.iterdir() if folder.is_dir() else ()

    def _forget(self, folder: Path) -> None:
        dossier = self._dossier(folder.name)
        for name in (RECEIVED, RECEIVED + ".sig"):
            (dossier / name).unlink(missing_ok=True)
        self._drop_if_empty(dossier)
        shutil.rmtree(folder)

    # -- the dossier

    def path(self, file_id: str, name: str) -> Path:
        """Where `name` of this dossier lies (its folder exists)."""
        if not is_plain(name):
            raise ValueError(f"not a name in a dossier: {name!r}")
        with disk(f"opening the dossier of {file_id}"):
            return self._dossier(file_id) / name

    def digest(self, path: Path) -> tuple[str, int]:
        """(sha256, size) of a file as it lies on disk now."""
        with disk(f"reading {path}"):
            return durable.digest(path)

    def record(self, file_id: str, manifest: str, moves: str) -> None:
        """Write `manifest.json` and `moves.jsonl` of a dossier, each complete or not at all.

        `manifest` is a JSON object; the hashes and sizes of the dossier's files are added to it as
        `files`. A move that left no dossier behind (the file never came) makes one for its record.
        """
        with disk(f"recording {file_id}"):
            dossier = self._dossier(file_id)
            files = {path.name: _facts(path) for path in _contents(dossier)}
            text = json.dumps({**json.loads(manifest), "files": files}, indent=2)
            durable.write(dossier / MOVES, moves.encode())
            durable.write(dossier / MANIFEST, text.encode() + b"\n")

    def _dossier(self, file_id: str) -> Path:
        return self._make(dossier_path(self.root, file_id))

    def _incoming(self, file_id: str) -> Path:
        return self.root / _INCOMING / dossier_path(self.root, file_id).name

    def _make(self, folder: Path) -> Path:
        durable.make_folders(self.root, folder)
        return folder

    def _drop_if_empty(self, dossier: Path) -> None:
        with suppress(OSError):
            dossier.rmdir()


def dossier_path(root: Path, file_id: str) -> Path:
    """Where the dossier of `file_id` (`20261123-101530-7f3a9c`) lies below `root`."""
    if not _ID.fullmatch(file_id):
        raise ValueError(f"not a file id: {file_id!r}")
    return root / file_id[:4] / file_id[4:6] / file_id[6:8] / file_id


def _ordinary(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _copied(source: Path, target: Path) -> tuple[str, int]:
    """Copy to a new inode under a name that appears only when the copy is whole and flushed.

    The copy carries the source's mtime: it tells a door's file from one dropped later. Raises
    Transient when somebody wrote to the source meanwhile.
    """
    descriptor = durable.open_regular(source)
    try:
        before = os.fstat(descriptor)
        temporary = target.with_name(f".{target.name}.writing")
        with durable.created(temporary) as copy:
            taken = durable.copy(descriptor, copy)
            os.utime(copy, ns=(before.st_mtime_ns, before.st_mtime_ns))
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if (before.st_size, before.st_mtime_ns) != (taken[1], after.st_mtime_ns):
        temporary.unlink()
        raise Transient(
            f"{escaped(source.name)} is still being written after it seemed complete",
            "Let the ERP write under a temporary name, or raise `settle` of the door",
        )
    if durable.digest(temporary) != taken:
        temporary.unlink()
        raise Transient(f"the copy of {escaped(source.name)} differs", "Look at the disk (dmesg)")
    temporary.rename(target)
    durable.sync_folder(target.parent)
    return taken


def _give_back(claimed: Path, door: Path, name: str) -> None:
    """Return a file that replaced the one we came for, in the moment of taking it."""
    try:
        durable.rename_new(claimed, door / name)
    except FileExistsError:
        durable.rename_new(claimed, door / f"{claimed.parent.name}.{name}"[:200])
    durable.sync_folder(door)


def _contents(dossier: Path) -> Iterator[Path]:
    for path in sorted(dossier.iterdir()):
        if path.name not in {MANIFEST, MOVES} and not path.name.startswith("."):
            yield path


def _facts(path: Path) -> dict[str, str | int]:
    sha256, size = durable.digest(path)
    return {"sha256": sha256, "size": size}


# ------------------------------------------------------------------------------ the proof of it all


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not agree: the file id ("" for the chain as a whole), the place, and why."""

    file_id: str
    place: str
    why: str


def verify(root: Path, moves: Iterable[MoveRow], files: Iterable[File]) -> Iterator[Finding]:
    """Compare ledger and archive; reads only, yields every disagreement, the chain's first.

    `moves` in the order of their sequence, from the first; each file of the ledger.
    """
    by_file: dict[str, list[str]] = {}
    chain = _noting(moves, by_file)
    broken = first_broken(chain)
    if broken is not None:
        place = f"move {broken.sequence}"
        yield Finding(broken.file_id, place, broken.why)
    for _ in chain:  # the rest, so that every dossier is compared
        pass
    known = set()
    for file in files:
        known.add(file.id)
        yield from _verify_dossier(root, file, by_file.get(file.id, []))
    for dossier in root.glob("[0-9]*/[0-9]*/[0-9]*/*"):
        if dossier.name not in known and not (root / _INCOMING / dossier.name).exists():
            yield Finding(dossier.name, str(dossier), "the ledger does not know this dossier")


def _noting(moves: Iterable[MoveRow], by_file: dict[str, list[str]]) -> Iterator[MoveRow]:
    for move in moves:
        by_file.setdefault(move.file_id, []).append(move.hash)
        yield move


def _verify_dossier(root: Path, file: File, hashes: list[str]) -> Iterator[Finding]:
    dossier = dossier_path(root, file.id)
    promised = _promised(file)
    if promised and not dossier.is_dir():
        yield Finding(file.id, str(dossier), "its dossier is missing")
        return
    manifest = dossier / MANIFEST
    if manifest.exists():
        try:
            listed = json.loads(manifest.read_bytes())["files"]
            promised = {name: facts["sha256"] for name, facts in listed.items()} | promised
        except (ValueError, KeyError, TypeError, AttributeError):
            yield Finding(file.id, MANIFEST, "it cannot be read")
    for name, sha256 in promised.items():
        if why := _differs(dossier / name, sha256):
            yield Finding(file.id, name, why)
    yield from _verify_moves(file, dossier / MOVES, hashes)


def _promised(file: File) -> dict[str, str]:
    """The hashes that the ledger itself vouches for, by name in the dossier."""
    first = ORIGINAL if file.direction == "out" else RECEIVED
    known = {first: file.sha256, SEALED: file.sealed_sha256}
    return {name: sha256 for name, sha256 in known.items() if sha256}


def _differs(path: Path, sha256: str) -> str:
    try:
        found, _ = durable.digest(path)
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    return "" if found == sha256 else "its content was changed"


def _verify_moves(file: File, path: Path, hashes: list[str]) -> Iterator[Finding]:
    """moves.jsonl must be the ledger's moves; it may lack the newest ones after a crash."""
    if not path.exists():
        return
    lines = path.read_bytes().splitlines()
    for number, line in enumerate(lines, start=1):
        if number > len(hashes) or _recomputed(line) != hashes[number - 1]:
            yield Finding(file.id, f"{MOVES} line {number}", "it is not the ledger's move")
            return
    if len(lines) < len(hashes) and file.recorded >= file.last_move:
        yield Finding(
            file.id, MOVES, f"{len(hashes) - len(lines)} of the ledger's moves are missing"
        )


def _recomputed(line: bytes) -> str | None:
    """The hash that a line of moves.jsonl deserves, None when it is not one."""
    try:
        fields = json.loads(line)
        previous, stated = fields.pop("previous"), fields.pop("hash")
        computed = link(previous, fields)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return computed if computed == stated else None
