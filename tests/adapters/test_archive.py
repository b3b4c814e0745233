"""Dossiers: nothing is lost at any point where the process may die, and every change shows."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from h2h.adapters.archive import FolderArchive, dossier_path
from h2h.errors import H2HError, Refused, Transient
from h2h.ports import Seen

ID = "20261123-101530-7f3a9c"
NAME = "pay\udcff\n.xml"
CONTENT = b"<Document>" + os.urandom(3_000_000) + b"</Document>"
TAKEN = (hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@pytest.fixture
def archive(tmp_path: Path) -> FolderArchive:
    (tmp_path / "archive").mkdir(mode=0o700)
    return FolderArchive(tmp_path / "archive")


@pytest.fixture
def door(tmp_path: Path) -> Path:
    folder = tmp_path / "door"
    folder.mkdir()
    return folder


def drop(door: Path, name: str = NAME, content: bytes = CONTENT) -> Seen:
    (door / name).write_bytes(content)
    status = (door / name).stat()
    return Seen("acme", name, status.st_ino, status.st_size, status.st_mtime_ns)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def dossier(archive: FolderArchive, file_id: str = ID) -> Path:
    return dossier_path(archive.root, file_id)


# ------------------------------------------------------------------------------------- claiming


def test_a_claimed_file_lies_in_its_dossier_alone(archive: FolderArchive, door: Path) -> None:
    seen = drop(door)
    assert archive.claim(ID, door, seen) == TAKEN
    assert names(door) == []
    assert names(dossier(archive)) == ["original.xml"]
    original = archive.path(ID, "original.xml")
    assert original == archive.root / "2026" / "11" / "23" / ID / "original.xml"
    assert original.stat().st_mode & 0o777 == 0o600
    assert all(path.stat().st_mode & 0o777 == 0o700 for path in [original.parent, archive.root])


def test_a_writer_that_holds_the_file_open_cannot_change_our_copy(
    archive: FolderArchive, door: Path
) -> None:
    seen = drop(door)
    with (door / NAME).open("ab") as late_writer:
        archive.claim(ID, door, seen)
        late_writer.write(b"one payment more")
    assert archive.digest(archive.path(ID, "original.xml")) == TAKEN


def test_claiming_again_gives_the_same_answer(archive: FolderArchive, door: Path) -> None:
    seen = drop(door)
    assert archive.claim(ID, door, seen) == archive.claim(ID, door, seen) == TAKEN


def test_a_file_of_the_same_name_dropped_later_is_left_alone(
    archive: FolderArchive, door: Path
) -> None:
    seen = drop(door)
    archive.claim(ID, door, seen)
    drop(door, content=b"another")
    assert archive.claim(ID, door, seen) == TAKEN
    assert (door / NAME).read_bytes() == b"another"


CALLS = ("open", "close", "read", "write", "fsync", "rename", "replace", "unlink", "mkdir", "utime")


def dies_at(call: int, act: Callable[[], object], *, after: bool) -> bool:
    """Run `act` in a process that dies around its n-th call of the system; did it die?"""
    child = os.fork()
    if child == 0:
        left = call

        def deadly(real: Callable[..., object]) -> Callable[..., object]:
            def called(*arguments: object, **options: object) -> object:
                nonlocal left
                left -= 1
                if left == 0 and not after:
                    os._exit(9)
                try:
                    return real(*arguments, **options)
                finally:
                    if left == 0:
                        os._exit(9)

            return called

        for name in CALLS:
            setattr(os, name, deadly(getattr(os, name)))
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def on_another_disk(source: Path, target: Path, real: Callable[..., None] = os.rename) -> None:
    """os.rename as it is when doors and archive lie on two file systems."""
    if Path(source).parent.name == "door":
        raise OSError(errno.EXDEV, "Invalid cross-device link")
    real(source, target)


@pytest.mark.parametrize("other_disk", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_killed_around_any_system_call_a_claim_loses_nothing_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_disk: bool, after: bool
) -> None:
    if other_disk:
        monkeypatch.setattr(os, "rename", on_another_disk)
    for call in range(1, 200):
        archive, door = FolderArchive(tmp_path / f"{call}"), tmp_path / f"{call}" / "door"
        door.mkdir(parents=True)
        claim = partial(archive.claim, ID, door, drop(door))
        if not dies_at(call, claim, after=after):
            break
        places = [*door.iterdir(), *dossier(archive).rglob("*")]
        assert any(path.read_bytes() == CONTENT for path in places), f"lost at call {call}"
        assert claim() == TAKEN
        assert names(door) == []
        assert names(dossier(archive)) == ["original.xml"]
    assert 40 < call < 199


def test_on_another_disk_a_file_dropped_meanwhile_is_left_alone(
    archive: FolderArchive, door: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = drop(door)
    real = os.rename

    def rename(source: Path, target: Path) -> None:
        if Path(source).parent == door:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        if Path(target).name == "copied":
            real(source, target)
            drop(door, content=CONTENT + b"rewritten in place")
            return
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    assert archive.claim(ID, door, seen) == TAKEN
    assert (door / NAME).read_bytes() == CONTENT + b"rewritten in place"


def test_on_another_disk_a_copy_made_before_a_crash_is_not_made_again(
    archive: FolderArchive, door: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = drop(door)
    monkeypatch.setattr(os, "rename", on_another_disk)

    def crash(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(archive, "_finish_copied", crash)
        with pytest.raises(KeyboardInterrupt):
            archive.claim(ID, door, seen)
    drop(door, content=b"half of the next fi")  # rewritten in place: the same inode
    assert archive.claim(ID, door, seen) == TAKEN
    assert (door / NAME).read_bytes() == b"half of the next fi"


def test_a_file_that_left_its_door_is_not_there(archive: FolderArchive, door: Path) -> None:
    seen = drop(door)
    (door / NAME).unlink()
    assert archive.claim(ID, door, seen) is None
    assert not dossier(archive).exists()


def test_a_replaced_file_is_not_taken(archive: FolderArchive, door: Path) -> None:
    seen = drop(door)
    (door / "new").write_bytes(b"half of a new fi")
    (door / "new").rename(door / NAME)
    assert archive.claim(ID, door, seen) is None
    assert (door / NAME).read_bytes() == b"half of a new fi"


@pytest.mark.parametrize("third", [False, True])
def test_a_file_replaced_in_the_moment_of_taking_is_given_back(
    archive: FolderArchive, door: Path, monkeypatch: pytest.MonkeyPatch, third: bool
) -> None:
    seen = drop(door)
    (door / "new").write_bytes(b"half of a new fi")
    real = os.rename

    def rename(source: Path, target: Path) -> None:
        if Path(source) == door / NAME:
            real(door / "new", door / NAME)
        real(source, target)
        if third and Path(source) == door / NAME:
            (door / NAME).write_bytes(b"a third one")

    monkeypatch.setattr(os, "rename", rename)
    assert archive.claim(ID, door, seen) is None
    contents = sorted(path.read_bytes() for path in door.iterdir())
    assert contents == ([b"a third one"] if third else []) + [b"half of a new fi"]
    assert not dossier(archive).exists()


def test_links_are_not_taken(archive: FolderArchive, door: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (door / "link.xml").symlink_to(tmp_path / "secret")
    os.link(tmp_path / "secret", door / "hard.xml")
    for name in ("link.xml", "hard.xml"):
        inode = (door / name).lstat().st_ino
        assert archive.claim(ID, door, Seen("acme", name, inode, 6, 0)) is None
        assert os.path.lexists(door / name)


@pytest.mark.parametrize(
    ("call", "code", "kind", "words"),
    [
        ("write", errno.ENOSPC, Transient, "No space left on device.*Free some space"),
        ("fsync", errno.EIO, Transient, "Input/output error.*dmesg"),
        ("mkdir", errno.ENOSPC, Transient, "No space left"),
        ("mkdir", errno.EROFS, Transient, "Read-only file system"),
        ("rename", errno.EACCES, Refused, "Permission denied.*write access"),
        ("open", errno.EACCES, Refused, "Permission denied"),
    ],
)
def test_a_failing_disk_is_told_in_words_and_loses_nothing(
    archive: FolderArchive,
    door: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    code: int,
    kind: type[H2HError],
    words: str,
) -> None:
    seen = drop(door)

    def fails(*arguments: object, **options: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fails)
        with pytest.raises(kind, match=rf"claiming pay\\xff\\x0a\.xml .*{words}"):
            archive.claim(ID, door, seen)
    whole = [door / NAME, dossier(archive) / "claimed"]
    assert [path.read_bytes() for path in whole if path.exists()] == [CONTENT]
    assert archive.claim(ID, door, seen) == TAKEN
    assert names(dossier(archive)) == ["original.xml"]


def test_a_file_still_being_written_waits_whole_in_its_dossier(
    archive: FolderArchive, door: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = drop(door)
    real = os.utime

    def utime(target: int, ns: tuple[int, int]) -> None:
        with (dossier(archive) / "claimed").open("ab") as late_writer:
            late_writer.write(b"more")
        real(target, ns=ns)

    with monkeypatch.context() as patch:
        patch.setattr(os, "utime", utime)
        with pytest.raises(Transient, match="still being written"):
            archive.claim(ID, door, seen)
    whole = hashlib.sha256(CONTENT + b"more").hexdigest(), len(CONTENT) + 4
    assert archive.claim(ID, door, seen) == whole


def test_an_archive_that_is_not_mounted_is_not_made_anew(tmp_path: Path, door: Path) -> None:
    seen = drop(door)
    with pytest.raises(Transient, match="mounted"):
        FolderArchive(tmp_path / "gone").claim(ID, door, seen)
    assert (door / NAME).exists()
    assert not (tmp_path / "gone").exists()


def test_a_door_that_vanished_is_not_an_empty_door(archive: FolderArchive, door: Path) -> None:
    with pytest.raises(Transient, match="mounted"):
        archive.claim(ID, door / "gone", Seen("acme", "a.xml", 1, 1, 1))


def test_a_marker_is_removed_with_its_file(archive: FolderArchive, door: Path) -> None:
    seen = drop(door, "a.xml")
    (door / "a.xml.ok").touch()
    archive.unmark(door, seen, ".ok")
    archive.unmark(door, seen, ".ok")
    assert names(door) == ["a.xml"]


@pytest.mark.parametrize("bad", ["", "..", "../../etc", "20261123", "20261123-../x", "2026-1"])
def test_a_file_id_is_no_path(archive: FolderArchive, bad: str) -> None:
    with pytest.raises(ValueError, match="not a file id"):
        archive.path(bad, "original.xml")
    with pytest.raises(ValueError, match="not a name"):
        archive.path(ID, "../x")


# ------------------------------------------------------------------------------------ bank files


def test_a_fetched_file_moves_into_its_dossier_once(archive: FolderArchive) -> None:
    archive.incoming(ID).write_bytes(b"sealed")
    archive.incoming(ID).with_name("received.sig").write_bytes(b"signature")
    assert archive.receive(ID) == archive.receive(ID) == archive.path(ID, "received")
    assert archive.path(ID, "received").read_bytes() == b"sealed"
    assert archive.path(ID, "received.sig").read_bytes() == b"signature"


def test_receiving_what_was_never_fetched_is_transient(archive: FolderArchive) -> None:
    archive.incoming(ID)
    with pytest.raises(Transient, match="nothing was fetched"):
        archive.receive(ID)


@pytest.mark.parametrize("received", [False, True])
def test_tidying_removes_what_the_ledger_never_knew(archive: FolderArchive, received: bool) -> None:
    archive.incoming(ID).write_bytes(b"sealed")
    if received:
        archive.receive(ID)
    archive.tidy(lambda file_id: False)
    assert not dossier(archive).exists()
    assert names(archive.root / ".incoming") == []


def test_tidying_keeps_what_the_ledger_knows_even_if_it_forgets_later(
    archive: FolderArchive,
) -> None:
    archive.incoming(ID).write_bytes(b"sealed")
    archive.receive(ID)
    archive.tidy(lambda file_id: file_id == ID)
    assert names(archive.root / ".incoming") == []
    archive.tidy(lambda file_id: False)  # a ledger restored from yesterday's backup
    assert archive.path(ID, "received").read_bytes() == b"sealed"


def test_tidying_an_archive_without_bank_files_does_nothing(archive: FolderArchive) -> None:
    archive.tidy(lambda file_id: False)
    assert names(archive.root) == []


def test_what_another_process_opened_of_a_dossier_goes_with_its_contents(tmp_path: Path) -> None:
    archive = FolderArchive(tmp_path / "archive")
    archive.root.mkdir()
    file_id = "20261123-101500-abcdef"
    archive.path(file_id, "original.xml").write_text("<salaries/>")
    console = tmp_path / "archive" / ".opened-4711" / file_id
    console.mkdir(parents=True)
    (console / "original.xml").write_text("<salaries/>")
    archive.erase(file_id, "past its time")
    assert not console.exists()
