"""Dossiers: nothing is lost at any point where the process may die, and every change shows."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from h2h.adapters.archive import FolderArchive, dossier_path, verify
from h2h.core.chain import GENESIS, link, record_of
from h2h.core.states import In, Out, State
from h2h.errors import H2HError, Refused, Transient
from h2h.ports import File, MoveRow, Seen

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


# ------------------------------------------------------------------------------------- the proof


def file_row(file_id: str, direction: str, state: State, content: bytes, moves: int) -> File:
    return File(
        id=file_id,
        direction=direction,
        bank="acme",
        name="a.xml",
        state=state,
        held_from=None,
        created=datetime(2026, 11, 23, tzinfo=UTC),
        door="",
        door_name="",
        door_inode=0,
        first_scan=False,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        message="",
        message_id="",
        initiating_party="",
        transactions=None,
        control_sum={},
        executions=(),
        checked_on=None,
        problems=(),
        because="",
        due_at=None,
        due_because="",
        failures=0,
        attempt=0,
        final_name="",
        sealed_sha256=hashlib.sha256(b"sealed").hexdigest() if direction == "out" else "",
        sealed_size=6 if direction == "out" else 0,
        duplicate_of="",
        download=0,
        remote_folder="",
        remote_name="",
        remote_size=0,
        remote_mtime=0,
        remote_done=False,
        opened_by="",
        last_move=moves,
        recorded=moves,
    )


class Books:
    """An archive with its ledger: three files, five moves each, interleaved."""

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700)
        self.archive = FolderArchive(root)
        ids = [f"20261123-10153{n}-7f3a9c" for n in range(3)]
        self.moves: list[MoveRow] = []
        for number in range(1, 16):
            self._move(number, ids[number % 3])
        self.files = [self._file(file_id) for file_id in ids]

    def _move(self, number: int, file_id: str) -> None:
        at = datetime(2026, 11, 23, 10, tzinfo=UTC) + timedelta(seconds=number)
        head = self.moves[-1].hash if self.moves else GENESIS
        move = MoveRow(number, file_id, "a", "b", at, "h2h", "Müller", "", head, "")
        self.moves.append(replace(move, hash=link(head, record_of(move))))

    def _file(self, file_id: str) -> File:
        incoming = file_id.endswith("2-7f3a9c")
        if incoming:
            self.archive.path(file_id, "received").write_bytes(b"received")
            self.archive.path(file_id, "opened.xml").write_bytes(b"opened")
        else:
            self.archive.path(file_id, "original.xml").write_bytes(b"original")
            self.archive.path(file_id, "sealed.pgp").write_bytes(b"sealed")
        mine = [move for move in self.moves if move.file_id == file_id]
        self.archive.record(file_id, '{"state": "sent"}', lines(mine))
        if incoming:
            return file_row(file_id, "in", In.DONE, b"received", mine[-1].sequence)
        return file_row(file_id, "out", Out.SENT, b"original", mine[-1].sequence)

    def findings(self) -> list[tuple[str, str, str]]:
        found = verify(self.archive.root, self.moves, self.files)
        return [(finding.file_id, finding.place, finding.why) for finding in found]


def lines(moves: list[MoveRow]) -> str:
    plain = [{**record_of(move), "previous": move.previous, "hash": move.hash} for move in moves]
    return "".join(json.dumps(fields) + "\n" for fields in plain)


@pytest.fixture
def books(tmp_path: Path) -> Books:
    made = Books(tmp_path / "archive")
    assert made.findings() == []
    return made


def test_a_dossier_tells_the_hash_and_size_of_what_is_in_it(books: Books) -> None:
    manifest = json.loads(books.archive.path(books.files[0].id, "manifest.json").read_text())
    sha256 = hashlib.sha256(b"original").hexdigest()
    assert manifest["state"] == "sent"
    assert manifest["files"]["original.xml"] == {"sha256": sha256, "size": 8}
    assert set(manifest["files"]) == {"original.xml", "sealed.pgp"}


def test_every_byte_changed_in_a_dossier_is_found(books: Books) -> None:
    choose = random.Random(7)
    paths = [path for path in sorted(books.archive.root.rglob("*")) if path.is_file()]
    for path in paths:
        before = path.read_bytes()
        for _ in range(20):
            place, bit = choose.randrange(len(before)), 1 << choose.randrange(8)
            path.write_bytes(before[:place] + bytes([before[place] ^ bit]) + before[place + 1 :])
            manifest_prose = path.name == "manifest.json" and b'"state"' in before[:20]
            found = books.findings()
            assert manifest_prose or [f for f in found if f[0] == path.parent.name], path
        path.write_bytes(before)
    assert books.findings() == []


def test_missing_files_lines_and_dossiers_are_found(books: Books) -> None:
    one, two, three = (file.id for file in books.files)
    (dossier(books.archive, one) / "original.xml").unlink()
    moves = dossier(books.archive, two) / "moves.jsonl"
    moves.write_bytes(b"".join(moves.read_bytes().splitlines(keepends=True)[:-2]))
    books.archive.path(three, "opened.xml").unlink()
    stranger = books.archive.path("20261123-999999-000000", "original.xml")
    stranger.write_bytes(b"x")
    assert books.findings() == [
        (one, "original.xml", "it is missing"),
        (two, "moves.jsonl", "2 of the ledger's moves are missing"),
        (three, "opened.xml", "it is missing"),
        (stranger.parent.name, str(stranger.parent), "the ledger does not know this dossier"),
    ]


def test_a_missing_dossier_is_named(books: Books) -> None:
    for path in dossier(books.archive, books.files[0].id).iterdir():
        path.unlink()
    dossier(books.archive, books.files[0].id).rmdir()
    found = books.findings()
    assert [(file_id, why) for file_id, _, why in found] == [
        (books.files[0].id, "its dossier is missing")
    ]


def test_a_forged_ledger_is_found_by_its_chain_and_by_the_dossier(books: Books) -> None:
    books.moves[6] = replace(books.moves[6], who="mallory")
    assert books.findings() == [
        (books.moves[6].file_id, "move 7", "its content was changed after it was written")
    ]
    rewritten: list[MoveRow] = []
    for move in books.moves:
        previous = rewritten[-1].hash if rewritten else GENESIS
        again = replace(move, previous=previous)
        rewritten.append(replace(again, hash=link(previous, record_of(again))))
    books.moves = rewritten
    assert {why for _, _, why in books.findings()} == {"it is not the ledger's move"}


def test_a_dossier_not_yet_written_up_after_a_crash_is_no_finding(books: Books) -> None:
    file = books.files[0]
    moves = dossier(books.archive, file.id) / "moves.jsonl"
    moves.write_bytes(b"".join(moves.read_bytes().splitlines(keepends=True)[:-1]))
    books.files[0] = replace(file, recorded=file.last_move - 1)
    assert books.findings() == []
    moves.unlink()
    (dossier(books.archive, file.id) / "manifest.json").unlink()
    assert books.findings() == []
