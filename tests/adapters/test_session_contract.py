"""What every bank's session keeps to, be it a folder or OpenSSH behind paramiko."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.adapters.folder import FolderBank
from h2h.errors import Refused, Transient
from h2h.ports import Bank, RemoteFile, Session

if TYPE_CHECKING:
    from tests.adapters.conftest import SshServer


@dataclass
class Place:
    """A session, and the folder at the bank as its clerk sees it."""

    session: Session
    folder: Path
    name: str

    def at(self, name: str) -> str:
        return f"{self.name}/{name}"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["folder", "openssh"])
def bank(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Bank, Path]:
    """A bank, and the folder that its paths start from."""
    if request.param == "folder":
        root = tmp_path / "bank"
        root.mkdir()
        return FolderBank(root), root
    server: SshServer = request.getfixturevalue("server")
    return server.bank(), server.folder


@pytest.fixture
def place(bank: tuple[Bank, Path], tmp_path: Path) -> Iterator[Place]:
    server, root = bank
    folder = root / tmp_path.name
    folder.mkdir()
    with server.session() as session:
        yield Place(session, folder, folder.name)


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / "payload"
    path.write_bytes(os.urandom(300_000))
    return path


def test_a_file_that_is_not_there_is_none(place: Place) -> None:
    assert place.session.stat(place.at("nothing")) is None
    assert place.session.stat(place.at("no-folder/nothing")) is None


def test_a_file_arrives_with_its_size_and_content(place: Place, local: Path) -> None:
    place.session.put(local, place.at("a.tmp"))
    seen = place.session.stat(place.at("a.tmp"))
    assert seen == RemoteFile("a.tmp", 300_000, int((place.folder / "a.tmp").stat().st_mtime))
    assert (place.folder / "a.tmp").read_bytes() == local.read_bytes()


def test_put_overwrites_what_a_cut_left(place: Place, local: Path, tmp_path: Path) -> None:
    place.session.put(local, place.at("a.tmp"))
    short = tmp_path / "short"
    short.write_bytes(b"short")
    place.session.put(short, place.at("a.tmp"))
    assert (place.folder / "a.tmp").read_bytes() == b"short"


def test_an_empty_file_arrives_empty(place: Place, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    place.session.put(empty, place.at("empty"))
    seen = place.session.stat(place.at("empty"))
    assert seen is not None
    assert seen.size == 0
    place.session.get(place.at("empty"), tmp_path / "back", 10)
    assert (tmp_path / "back").read_bytes() == b""


def test_put_into_a_missing_folder_is_refused(place: Place, local: Path) -> None:
    with pytest.raises((Refused, Transient), match="no-such-folder"):
        place.session.put(local, place.at("no-such-folder/a.tmp"))


def test_rename_publishes_under_the_final_name(place: Place, local: Path) -> None:
    place.session.put(local, place.at("a.tmp"))
    place.session.rename(place.at("a.tmp"), place.at("a.xml"))
    assert names(place.folder) == ["a.xml"]


def test_rename_refuses_an_existing_target_and_keeps_both(place: Place, local: Path) -> None:
    place.session.put(local, place.at("a.tmp"))
    (place.folder / "a.xml").write_bytes(b"the bank's")
    with pytest.raises(Refused):
        place.session.rename(place.at("a.tmp"), place.at("a.xml"))
    assert (place.folder / "a.xml").read_bytes() == b"the bank's"
    assert (place.folder / "a.tmp").read_bytes() == local.read_bytes()


def test_renaming_what_is_not_there_is_refused(place: Place) -> None:
    with pytest.raises(Refused):
        place.session.rename(place.at("a.tmp"), place.at("a.xml"))
    with pytest.raises(Refused):
        place.session.replace(place.at("a.tmp"), place.at("a.xml"))


def test_replace_overwrites_at_once(place: Place, local: Path) -> None:
    place.session.put(local, place.at("a.tmp"))
    (place.folder / "a.xml").write_bytes(b"old")
    place.session.replace(place.at("a.tmp"), place.at("a.xml"))
    assert names(place.folder) == ["a.xml"]
    assert (place.folder / "a.xml").read_bytes() == local.read_bytes()


def test_remove_may_be_repeated(place: Place) -> None:
    (place.folder / "a.xml").write_bytes(b"x")
    place.session.remove(place.at("a.xml"))
    place.session.remove(place.at("a.xml"))
    assert names(place.folder) == []


def test_a_listing_shows_regular_files_with_plain_names_only(place: Place) -> None:
    (place.folder / "good 月.xml").write_bytes(b"1234")
    for hostile in (b"a\nb.xml", b"\x1b[31m.xml", b"bad\xff.xml", "gnp\u202elmx".encode()):
        (Path(os.fsdecode(bytes(place.folder) + b"/" + hostile))).write_bytes(b"x")
    (place.folder / "folder.xml").mkdir()
    (place.folder / "link.xml").symlink_to("/etc/passwd")
    (place.folder / "dangling.xml").symlink_to("nowhere")
    os.mkfifo(place.folder / "pipe.xml")
    mtime = int((place.folder / "good 月.xml").stat().st_mtime)
    assert list(place.session.listing(place.name, 100)) == [RemoteFile("good 月.xml", 4, mtime)]


def test_a_listing_has_its_limit(place: Place) -> None:
    for number in range(6):
        (place.folder / f"{number}.xml").write_bytes(b"x")
    assert len(place.session.listing(place.name, 6)) == 6
    with pytest.raises(Refused, match="more than 5"):
        place.session.listing(place.name, 5)
    assert place.session.stat(place.at("0.xml")) is not None


def test_listing_a_missing_folder_is_refused(place: Place) -> None:
    with pytest.raises(Refused, match="nowhere"):
        place.session.listing("nowhere", 5)


def test_get_brings_the_very_bytes_for_our_eyes_only(
    place: Place, local: Path, tmp_path: Path
) -> None:
    (place.folder / "s.xml").write_bytes(local.read_bytes())
    place.session.get(place.at("s.xml"), tmp_path / "got", 300_000)
    assert (tmp_path / "got").read_bytes() == local.read_bytes()
    assert (tmp_path / "got").stat().st_mode & 0o777 == 0o600


def test_get_is_bounded_and_leaves_nothing(place: Place, local: Path, tmp_path: Path) -> None:
    (place.folder / "s.xml").write_bytes(local.read_bytes())
    with pytest.raises(Refused, match="299999"):
        place.session.get(place.at("s.xml"), tmp_path / "got", 299_999)
    assert not (tmp_path / "got").exists()
    with pytest.raises(Refused):
        place.session.get(place.at("nothing.xml"), tmp_path / "got", 10)
    assert not (tmp_path / "got").exists()


def test_get_replaces_what_an_earlier_cut_left(place: Place, tmp_path: Path) -> None:
    (place.folder / "s.xml").write_bytes(b"whole")
    (tmp_path / "got").write_bytes(b"half of something longer")
    place.session.get(place.at("s.xml"), tmp_path / "got", 10)
    assert (tmp_path / "got").read_bytes() == b"whole"


def test_a_path_out_of_a_folder_bank_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bank").mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    with (
        FolderBank(tmp_path / "bank").session() as session,
        pytest.raises(Refused, match="leads out"),
    ):
        session.stat("../secret")


def test_a_folder_bank_that_is_not_mounted_is_transient(tmp_path: Path) -> None:
    with (
        pytest.raises(Transient, match="mounted"),
        FolderBank(tmp_path / "gone").session(),
    ):
        pass
