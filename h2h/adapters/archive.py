"""The archive: one dossier a file, `YYYY/MM/DD/<file-id>/`, for its owner's eyes only (0700, 0600).

What a dossier holds: `original.xml` (what the ERP dropped) or `received` (what the bank sent), the
sealed or opened form, replies, `manifest.json`, `moves.jsonl`. A bank file is fetched into
`.incoming/<file-id>/`; that folder stays until the ledger knows the file.

With an archive key the contents of a final file are sealed to it: `NAME` becomes `NAME.rest`.

Beside the dossiers lie `head.json` (how far the ledger has come) and `announced/YYYY-MM.jsonl`
(what may have become visible at a bank): against them an older ledger shows.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from h2h.adapters import durable
from h2h.adapters.durable import disk
from h2h.core.chain import Head
from h2h.core.dossier import manifest_facts, manifest_text
from h2h.core.naming import escaped, is_plain
from h2h.errors import Corrupt, Refused, Transient
from h2h.ports import Announcement, Dossier, Sealer, Seen

ORIGINAL = "original.xml"
RECEIVED = "received"
SEALED = "sealed.pgp"
MANIFEST = "manifest.json"
MOVES = "moves.jsonl"
_CLAIMED = "claimed"  # the ERP's own file, renamed in: a writer may still hold it open
_COPIED = "copied"  # our copy of a file that lies on another file system, its door not yet emptied
REST = ".rest"  # what is sealed to the archive key bears the plain name and this
HEAD = "head.json"
ANNOUNCED = "announced"
ERASED = "erased"  # of a content in the manifest: why it is gone
_INCOMING = ".incoming"
_OPENED = ".opened-"  # and the process that opened what is sealed
_LARGEST = 1 << 40  # bytes of what we sealed ourselves
_ID = re.compile(r"\d{8}-[0-9A-Za-z-]+", re.ASCII)


class FolderArchive:
    """Dossiers in a folder. `root` must exist: an archive that is not mounted is not made anew.

    `key` seals the contents of final files to the archive's own OpenPGP key, and opens them.
    """

    def __init__(self, root: Path, key: Sealer | None = None) -> None:
        self.root = root
        self._key = key

    def close(self) -> None:
        """Forget what was opened."""
        shutil.rmtree(self._opened, ignore_errors=True)

    @property
    def _opened(self) -> Path:
        return self.root / f"{_OPENED}{os.getpid()}"

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
            received = self.path(file_id, RECEIVED)
            if not received.exists():
                raise Transient(f"nothing was fetched as {file_id}", "It is fetched again")
            return received

    def tidy(self, known: Callable[[str], bool]) -> None:
        """Remove fetched files that never got into the ledger (they still lie at the bank).

        A dossier is removed only if its folder in `.incoming` still stands, which shows that the
        ledger never confirmed it: no ledger restored from a backup can make us delete an archive.
        """
        with disk(f"tidying {self.root}"):
            for folder in self.root.glob(f"{_OPENED}*"):
                if not Path("/proc", folder.name.removeprefix(_OPENED)).exists():
                    shutil.rmtree(folder)
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
        """Where `name` of this dossier lies (its folder exists).

        What is sealed at rest is opened, to a place that this process forgets at its end. Raises
        Refused where that cannot be done.
        """
        if not is_plain(name):
            raise ValueError(f"not a name in a dossier: {name!r}")
        with disk(f"opening the dossier of {file_id}"):
            dossier = self._dossier(file_id)
            sealed = dossier / (name + REST)
            if (dossier / name).exists() or not sealed.exists():
                return dossier / name
            target = self._make(self._opened / file_id) / name
            if not target.exists():
                self.open(file_id, name, target)
            return target

    def open(self, file_id: str, name: str, target: Path) -> None:
        """Write what is sealed at rest as `name` to `target`; Refused where the key is missing,
        Corrupt when it is not what was sealed."""
        where = f"{name} of {file_id}"
        if self._key is None:
            raise Refused(f"{where} is sealed at rest", "Set archive_key and archive_home in [h2h]")
        dossier = dossier_path(self.root, file_id)
        try:
            self._key.open(dossier / (name + REST), target, _LARGEST)
        except Corrupt as error:
            raise Refused(
                f"{where} is sealed at rest and cannot be opened here: {error.cause}",
                "Do it where the private key of the archive is, see docs/archive.md",
            ) from error
        told = self._manifest(dossier).get(name, {}).get("sha256")
        if told and durable.digest(target)[0] != told:
            target.unlink()
            raise Corrupt(f"{where} is not what was sealed", "`h2h archive verify` tells more")

    def digest(self, path: Path) -> tuple[str, int]:
        """(sha256, size) of a file as it lies on disk now."""
        with disk(f"reading {path}"):
            return durable.digest(path)

    def record(self, file_id: str, manifest: str, moves: str, *, final: bool = False) -> None:
        """Write `manifest.json` and `moves.jsonl` of a dossier, each complete or not at all.

        `manifest` is a JSON object; the hashes and sizes of the dossier's files are added to it as
        `files`. A move that left no dossier behind (the file never came) makes one for its record.

        With a key, the contents of a `final` file are sealed first, then listed, then removed: a
        cut leaves both, and the next call takes it up.
        """
        with disk(f"recording {file_id}"):
            dossier = self._dossier(file_id)
            _keep_another_history(dossier / MOVES, moves.encode())
            if final and self._key is not None:
                self._seal(dossier, self._key)
            files = self._listed(dossier)
            durable.write(dossier / MOVES, moves.encode())
            facts = {**json.loads(manifest), "files": files}
            durable.write(dossier / MANIFEST, manifest_text(facts))
            if final and self._key is not None:
                self._forget_plain(dossier)

    def _seal(self, dossier: Path, key: Sealer) -> None:
        for plain in _contents(dossier):
            if not plain.name.endswith(REST):
                before = durable.digest(plain)
                key.seal(plain, plain.with_name(plain.name + REST))
                if durable.digest(plain) != before:
                    raise Transient(f"{plain} changed while it was sealed", "It is tried again")

    def _listed(self, dossier: Path) -> Mapping[str, Mapping[str, object]]:
        """What the manifest tells of the contents: of what is sealed both hashes. That of a plain
        content that is gone is known from when it was sealed."""
        before, listed = self._manifest(dossier), dict[str, dict[str, object]]()
        for path in _contents(dossier):
            name = path.name.removesuffix(REST)
            if path.name == name:
                listed[name] = {**_facts(path), **listed.get(name, {})}
            elif (dossier / name).exists():
                listed.setdefault(name, {})["at_rest"] = _facts(path)
            else:
                listed[name] = before.get(name) or {"at_rest": _facts(path)}
        gone = {name: told for name, told in before.items() if ERASED in told}
        return {**gone, **listed}

    def _forget_plain(self, dossier: Path) -> None:
        for path in list(_contents(dossier)):
            if not path.name.endswith(REST) and path.with_name(path.name + REST).exists():
                path.unlink()
        durable.sync_folder(dossier)
        self._close_opened(dossier)

    def _close_opened(self, dossier: Path) -> None:
        """Forget what any process, this one or the console's, has opened of a dossier."""
        for opened in self.root.glob(f"{_OPENED}*"):
            shutil.rmtree(opened / dossier.name, ignore_errors=True)

    def erase(self, file_id: str, because: str) -> None:
        """Remove the contents of a dossier for ever; its manifest keeps their hashes and sizes, and
        says why, before the first of them goes. Moves stay. Repeatable."""
        with disk(f"erasing the contents of {file_id}"):
            dossier = dossier_path(self.root, file_id)
            if not dossier.is_dir():
                return
            there = [path for path in _contents(dossier) if not path.name.startswith(MOVES)]
            facts = manifest_facts(_bytes(dossier / MANIFEST) or b"") or {"file_id": file_id}
            listed = {name: dict(told) for name, told in self._listed(dossier).items()}
            for path in there:
                listed[path.name.removesuffix(REST)][ERASED] = because
            durable.write(dossier / MANIFEST, manifest_text({**facts, "files": listed}))
            for path in there:
                path.unlink()
            durable.sync_folder(dossier)
            self._close_opened(dossier)

    def _manifest(self, dossier: Path) -> Mapping[str, dict[str, Any]]:
        """What the manifest tells of each content; nothing when it is not there or was changed."""
        try:
            facts = manifest_facts((dossier / MANIFEST).read_bytes())
        except FileNotFoundError:
            return {}
        files: Mapping[str, dict[str, Any]] = (facts or {}).get("files") or {}
        return files

    # -- the proof

    def announce(self, announcement: Announcement) -> None:
        """Note, flushed, what may become visible at a bank from now on."""
        facts = {name: getattr(announcement, name) for name in Announcement.__slots__}
        with disk(f"announcing {announcement.file_id}"):
            folder = self._make(self.root / ANNOUNCED)
            line = json.dumps(facts) + "\n"
            durable.append(folder / f"{announcement.at[:7]}.jsonl", line.encode())

    def note_head(self, head: Head, at: datetime) -> None:
        """Note, flushed, how far the ledger has come."""
        facts = {"sequence": head.sequence, "hash": head.hash, "at": at.isoformat()}
        with disk(f"writing {self.root / HEAD}"):
            durable.write(self.root / HEAD, json.dumps(facts).encode() + b"\n")

    def heads(self) -> Sequence[Head]:
        """That of head.json, and that of the newest announcement."""
        found = []
        with disk(f"reading {self.root}"):
            path = self.root / HEAD
            if path.exists():
                found.append(_head(path.read_bytes(), path))
            for path in sorted((self.root / ANNOUNCED).glob("*.jsonl"))[-1:]:
                lines = path.read_bytes().rpartition(b"\n")[0].splitlines()
                found += [_head(line, path) for line in lines[-1:]]
        return found

    def announcements(self) -> Iterator[Announcement]:
        """All of them, oldest first; a line that is none raises Corrupt."""
        for path in sorted((self.root / ANNOUNCED).glob("*.jsonl")):
            with path.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if line.endswith(b"\n"):  # else it was cut, and nothing was announced
                        yield _announcement(line, f"{path} line {number}")

    def dossiers(self) -> Iterator[str]:
        """The ids of all dossiers, in their order."""
        for day in _below(self.root, "[0-9]*", "[0-9]*", "[0-9]*"):
            yield from sorted(each.name for each in os.scandir(day) if each.is_dir())

    def place(self, file_id: str) -> Path:
        """Where the dossier of a file lies, or would."""
        return dossier_path(self.root, file_id)

    def dossier(self, file_id: str) -> Dossier | None:
        """What lies in a dossier; None when there is no such folder."""
        place = dossier_path(self.root, file_id)
        if not place.is_dir():
            return None
        with disk(f"reading {place}"):
            plain = {path.name: path for path in _contents(place)}
            names = [name for name in plain if name.endswith(REST)]
            sealed = {name.removesuffix(REST): plain.pop(name) for name in names}
            return Dossier(
                file_id,
                place,
                _bytes(place / MANIFEST),
                _bytes(place / MOVES),
                plain,
                sealed,
            )

    def is_incoming(self, file_id: str) -> bool:
        """Is a bank file of this id fetched, or was it since the last start?"""
        return self._incoming(file_id).exists()

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


@lru_cache(maxsize=1024)  # it is asked for a dozen times a file
def dossier_path(root: Path, file_id: str) -> Path:
    """Where the dossier of `file_id` (`20261123-101530-7f3a9c`) lies below `root`."""
    if not _ID.fullmatch(file_id):
        raise ValueError(f"not a file id: {file_id!r}")
    return root / f"{file_id[:4]}/{file_id[4:6]}/{file_id[6:8]}/{file_id}"


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


def _keep_another_history(path: Path, moves: bytes) -> None:
    """What an auditor could read is never replaced by what does not continue it."""
    try:
        there = path.read_bytes()
    except FileNotFoundError:
        return
    if not moves.startswith(there):
        number = sum(1 for _ in path.parent.glob(f"{MOVES}.before-*")) + 1
        durable.rename_new(path, path.with_name(f"{MOVES}.before-{number}"))
        durable.sync_folder(path.parent)


def _below(folder: Path, *patterns: str) -> Iterator[Path]:
    """Folders, in the order of their names, level by level."""
    if not patterns:
        yield folder
        return
    for path in sorted(folder.glob(patterns[0])):
        if path.is_dir():
            yield from _below(path, *patterns[1:])


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _head(text: bytes, place: Path) -> Head:
    try:
        facts = json.loads(text)
        return Head(int(facts["sequence"]), str(facts["hash"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Corrupt(
            f"{place} is no head of a chain", "`h2h archive verify` tells more"
        ) from error


def _announcement(line: bytes, place: str) -> Announcement:
    try:
        return Announcement(**json.loads(line))
    except (ValueError, TypeError) as error:
        raise Corrupt(f"{place} is no announcement", "its content was changed") from error


def _facts(path: Path) -> dict[str, object]:
    sha256, size = durable.digest(path)
    return {"sha256": sha256, "size": size}
