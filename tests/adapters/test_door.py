"""The ERP's doors: what is complete, what is still being written, what can never be taken."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest

from h2h.adapters.desktop import FolderDesktop
from h2h.adapters.door import FolderDoor
from h2h.errors import ConfigError, Refused, Transient
from h2h.ports import DoorTerms

WHOLE = b"<?xml version='1.0'?>\n<Document xmlns='urn:x'><a/></Document>\n"


class Watch:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Erp:
    """A door, and the ERP before it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o770)
        self.folder = folder
        self.watch = Watch()

    def door(self, **terms: object) -> FolderDoor:
        made = DoorTerms("acme", self.folder, "acme", **terms)  # type: ignore[arg-type]  # by name
        return FolderDoor(made, self.watch, doors=["acme"])

    def drop(self, name: str, content: bytes = WHOLE) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path


@pytest.fixture
def erp(tmp_path: Path) -> Erp:
    return Erp(tmp_path / "outbox")


def taken(door: FolderDoor) -> list[str]:
    return [seen.name for seen in door.scan()]


# -------------------------------------------------------------------------------------- settling


def test_a_file_is_taken_once_it_was_quiet_for_the_settle_time(erp: Erp) -> None:
    door = erp.door(settle=2.0)
    path = erp.drop("a.xml")
    assert taken(door) == []
    assert door.unsettled()
    erp.watch.now += 1.9
    assert taken(door) == []
    erp.watch.now += 0.1
    status = path.stat()
    (seen,) = door.scan()
    assert (seen.door, seen.name, seen.inode) == ("acme", "a.xml", status.st_ino)
    assert (seen.size, seen.mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert not door.unsettled()


@pytest.mark.parametrize("change", ["size", "mtime", "inode"])
def test_any_change_starts_the_wait_again(erp: Erp, change: str) -> None:
    door = erp.door(settle=2.0)
    path = erp.drop("a.xml")
    taken(door)
    erp.watch.now += 1.5
    before = path.stat()
    if change == "size":
        path.write_bytes(WHOLE + b" ")
        os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))
    elif change == "mtime":
        os.utime(path, ns=(1, 1))
    else:
        erp.drop("b.tmp").rename(path)
        os.utime(path, ns=(before.st_mtime_ns, before.st_mtime_ns))
    erp.watch.now += 1.5
    assert taken(door) == []
    erp.watch.now += 2.0
    assert taken(door) == ["a.xml"]


def test_a_file_that_lay_there_long_before_still_waits_for_two_looks(erp: Erp) -> None:
    door = erp.door(settle=2.0)
    os.utime(erp.drop("old.xml"), ns=(1, 1))
    assert taken(door) == []
    erp.watch.now += 2.0
    assert taken(door) == ["old.xml"]


def test_without_a_settle_time_a_file_is_taken_at_once(erp: Erp) -> None:
    erp.drop("a.xml")
    assert taken(erp.door(settle=0.0)) == ["a.xml"]


def test_the_oldest_file_goes_first(erp: Erp) -> None:
    for name, mtime in (("c.xml", 3), ("a.xml", 9), ("b.xml", 5)):
        os.utime(erp.drop(name), ns=(mtime, mtime))
    assert taken(erp.door(settle=0.0)) == ["c.xml", "b.xml", "a.xml"]


def test_temporary_names_are_ignored_but_present(erp: Erp) -> None:
    hidden = ["a.xml.tmp", "a.PART", "a.filepart", ".a.xml", "a.Uploading", "a.writing"]
    for name in hidden:
        erp.drop(name)
    door = erp.door(settle=0.0)
    assert taken(door) == []
    assert not door.unsettled()
    assert {seen.name for seen in door.present()} == set(hidden)


def test_a_file_renamed_from_its_temporary_name_is_new(erp: Erp) -> None:
    door = erp.door(settle=2.0)
    path = erp.drop("a.xml.tmp")
    taken(door)
    erp.watch.now += 5.0
    path.rename(erp.folder / "a.xml")
    assert taken(door) == []
    erp.watch.now += 2.0
    assert taken(door) == ["a.xml"]


# ------------------------------------------------------------------------------ markers and waits


def test_with_markers_a_file_is_taken_once_its_marker_stands_beside_it(erp: Erp) -> None:
    door = erp.door(settle=0.0, marker=".ok")
    erp.drop("a.xml")
    erp.drop("b.xml.ok", b"")
    assert taken(door) == []
    assert not door.unsettled()
    erp.drop("a.xml.ok", b"")
    assert taken(door) == ["a.xml"]


def test_a_marker_that_came_first_does_not_hurry_a_growing_file(erp: Erp) -> None:
    door = erp.door(settle=2.0, marker=".done")
    erp.drop("a.xml.done", b"")
    path = erp.drop("a.xml", WHOLE[:20])
    taken(door)
    erp.watch.now += 1.5
    path.write_bytes(WHOLE)
    erp.watch.now += 1.0
    assert taken(door) == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        WHOLE[:-5],
        WHOLE[:30],
        b"<Document><Document></a>",
        b"<Document>" + b"x" * 10_000,
        "\ufeff<Document>é".encode("utf-16"),
        b"not XML",
    ],
)
def test_a_document_cut_short_is_waited_for_and_then_taken_as_it_is(
    erp: Erp, content: bytes
) -> None:
    door = erp.door(settle=2.0, incomplete_wait=600.0)
    erp.drop("a.xml", content)
    taken(door)
    erp.watch.now += 599.0
    assert taken(door) == []
    assert door.unsettled()
    erp.watch.now += 1.0
    assert taken(door) == ["a.xml"]


@pytest.mark.parametrize(
    "content",
    [
        WHOLE,
        WHOLE + b"<!-- the end -->\n<?by erp?>\n",
        b"<p:Document xmlns:p='x'>" + b"x" * 10_000 + b"</p:Document >",
        "<Document>é</Document>".encode("utf-16"),
        b"\xef\xbb\xbf<Document></Document>",
    ],
)
def test_a_closed_document_is_not_waited_for(erp: Erp, content: bytes) -> None:
    door = erp.door(settle=2.0, incomplete_wait=600.0)
    erp.drop("a.xml", content)
    taken(door)
    erp.watch.now += 2.0
    assert taken(door) == ["a.xml"]


# ------------------------------------------------------------------------------- what lies there


def test_what_is_no_file_is_refused_and_never_opened(erp: Erp, tmp_path: Path) -> None:
    (erp.folder / "folder.xml").mkdir()
    (erp.folder / "acme").mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (erp.folder / "link.xml").symlink_to(tmp_path / "secret")
    os.link(tmp_path / "secret", erp.folder / "hard.xml")
    os.mkfifo(erp.folder / "pipe.xml")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(erp.folder / "s\n.xml"))
        door = erp.door(settle=0.0, incomplete_wait=5.0)
        assert taken(door) == []
        assert not door.unsettled()
        assert sorted(door.refused()) == [
            ("folder.xml", "it is a folder, not a file"),
            ("hard.xml", "it is a file with another name elsewhere (a hard link)"),
            ("link.xml", "it is a symbolic link, not a file"),
            ("pipe.xml", "it is a pipe, not a file"),
            (r"s\x0a.xml", "it is a socket, not a file"),
        ]


def test_names_of_any_bytes_are_taken_as_they_are(erp: Erp) -> None:
    raw = [b"-rf.xml", b"a\nb.xml", b"\x1b[31m.xml", b"bad\xff.xml", b"x" * 255]
    for name in raw:
        erp.drop(os.fsdecode(name))
    door = erp.door(settle=0.0, marker="")
    assert {os.fsencode(name) for name in taken(door)} == set(raw)
    assert taken(erp.door(settle=0.0, marker=".ok")) == []
    assert door.refused() == []


def test_thousands_of_files_dropped_at_once_are_all_found(erp: Erp) -> None:
    for number in range(5_000):
        os.close(os.open(erp.folder / f"{number}.xml", os.O_CREAT | os.O_WRONLY))
    assert len(erp.door(settle=0.0).scan()) == 5_000


# --------------------------------------------------------------------------------- the door itself


def test_a_door_that_vanished_is_not_an_empty_door(erp: Erp) -> None:
    door = erp.door()
    erp.folder.rmdir()
    with pytest.raises(Transient, match="mounted"):
        door.scan()
    with pytest.raises(Transient, match="mounted"):
        door.present()
    with pytest.raises(ConfigError, match="mounted"):
        door.check()


def test_a_door_that_was_unmounted_is_not_an_empty_door(
    erp: Erp, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = erp.door(settle=0.0)
    assert taken(door) == []
    before = erp.folder.stat()
    other_disk = os.stat_result((*before[:2], before.st_dev + 1, *before[3:]))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", lambda self, **options: other_disk)
        with pytest.raises(Transient, match="looks unmounted"):
            door.scan()
    erp.drop("a.xml")
    assert taken(door) == ["a.xml"]


def test_a_door_that_anybody_may_write_to_is_refused(erp: Erp) -> None:
    door = erp.door(settle=0.0)
    door.check()
    erp.drop("a.xml")
    erp.folder.chmod(0o777)
    with pytest.raises(ConfigError, match="chmod o-w"):
        door.check()
    with pytest.raises(Refused, match="anybody on this machine"):
        door.scan()


# --------------------------------------------------------------------------- the ERP's other side


@pytest.fixture
def desktop(tmp_path: Path) -> FolderDesktop:
    (tmp_path / "inbox").mkdir()
    return FolderDesktop(tmp_path / "inbox")


def test_a_finished_file_appears_whole_under_its_name(
    desktop: FolderDesktop, tmp_path: Path
) -> None:
    (tmp_path / "verified").write_bytes(WHOLE)
    one = desktop.prepare("acme/statements", "a.xml", tmp_path / "verified")
    two = desktop.prepare("acme/statements", "a.csv", b"1,2")
    folder = desktop.root / "acme" / "statements"
    assert all(path.name.startswith(".") for path in folder.iterdir())
    desktop.publish("acme/statements", one[0], "a.xml", replace=True)
    desktop.publish("acme/statements", two[0], "a.csv", replace=True)
    contents = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert contents == {"a.xml": WHOLE, "a.csv": b"1,2"}


def test_handing_over_may_be_repeated_after_a_crash(desktop: FolderDesktop) -> None:
    first = desktop.prepare("answers", "a.json", b"half")
    again = desktop.prepare("answers", "a.json", b"whole")
    assert first[0] == again[0]
    desktop.publish("answers", again[0], "a.json", replace=True)
    (desktop.root / "answers" / "a.json").unlink()  # the ERP took it
    desktop.publish("answers", again[0], "a.json", replace=True)
    assert list((desktop.root / "answers").iterdir()) == []


def test_a_later_answer_replaces_the_earlier(desktop: FolderDesktop) -> None:
    for verdict in (b"taken", b"sent"):
        temporary, _ = desktop.prepare("answers", "a.txt", verdict)
        desktop.publish("answers", temporary, "a.txt", replace=True)
    assert (desktop.root / "answers" / "a.txt").read_bytes() == b"sent"


@pytest.mark.parametrize("folder", ["../x", "a//b", "", "a/.."])
def test_nothing_is_handed_over_outside_the_desktop(desktop: FolderDesktop, folder: str) -> None:
    with pytest.raises(ValueError, match="not a folder"):
        desktop.prepare(folder, "a.txt", b"x")
    with pytest.raises(ValueError, match="not a file name"):
        desktop.prepare("answers", "../a.txt", b"x")


def test_a_desktop_that_is_not_mounted_is_not_made_anew(tmp_path: Path) -> None:
    with pytest.raises(Transient, match="mounted"):
        FolderDesktop(tmp_path / "gone").prepare("answers", "a.txt", b"x")
    assert not (tmp_path / "gone").exists()


def test_a_folder_elsewhere_is_used_where_it_is_mounted(
    desktop: FolderDesktop, tmp_path: Path
) -> None:
    folder = f"{tmp_path}/share/statements"
    with pytest.raises(Transient, match="mounted"):
        desktop.prepare(folder, "a.txt", b"x")
    (tmp_path / "share").mkdir()
    temporary, _ = desktop.prepare(folder, "a.txt", b"x")
    desktop.publish(folder, temporary, "a.txt", replace=False)
    assert (tmp_path / "share" / "statements" / "a.txt").read_bytes() == b"x"


def test_what_lies_there_already_is_not_overwritten(desktop: FolderDesktop) -> None:
    temporary, _ = desktop.prepare("sap", "a.txt", b"ours")
    assert not desktop.taken("sap", "a.txt")
    theirs = desktop.root / "sap" / "a.txt"
    theirs.write_bytes(b"theirs")
    assert desktop.taken("sap", "a.txt")
    with pytest.raises(Transient, match="not overwritten"):
        desktop.publish("sap", temporary, "a.txt", replace=False)
    assert theirs.read_bytes() == b"theirs"
    theirs.unlink()
    desktop.publish("sap", temporary, "a.txt", replace=False)
    assert theirs.read_bytes() == b"ours"


def test_two_links_that_a_crash_left_are_one_file(desktop: FolderDesktop) -> None:
    temporary, _ = desktop.prepare("sap", "a.txt", b"ours")
    (desktop.root / "sap" / "a.txt").hardlink_to(desktop.root / "sap" / temporary)
    desktop.publish("sap", temporary, "a.txt", replace=False)
    assert [path.name for path in (desktop.root / "sap").iterdir()] == ["a.txt"]


def test_files_of_one_name_have_temporaries_of_their_own(desktop: FolderDesktop) -> None:
    one, two = (desktop.prepare("sap", "a.txt", b"x", key=key)[0] for key in ("f1", "f2"))
    assert one != two


def test_what_writes_itself_is_written_under_the_temporary_name(desktop: FolderDesktop) -> None:
    temporary, sha256 = desktop.prepare("sap", "a.txt", lambda target: write(target, b"x"))
    assert (desktop.root / "sap" / temporary).read_bytes() == b"x"
    assert sha256 == hashlib.sha256(b"x").hexdigest()


def write(target: Path, content: bytes) -> None:
    target.write_bytes(content)
