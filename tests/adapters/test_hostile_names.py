"""Names that somebody chose to do harm: in the ERP's door, and at the bank's server."""

from __future__ import annotations

import io
import json
import os
import socket
import stat
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from h2h.adapters.door import _unfit
from h2h.adapters.folder import FolderBank
from h2h.adapters.journal import Journal
from h2h.core.naming import is_plain
from h2h.core.states import Out
from h2h.errors import Refused
from tests.flows.conftest import Room

if TYPE_CHECKING:
    from tests.adapters.conftest import SshServer
    from tests.conftest import PaymentFile

HOSTILE = (
    *(b"-rf.xml", b"--help", b"a\nb.xml", b"a\r\nSet-Cookie: x.xml", b"\x1b[2J\x1b[31m.xml"),
    *(b"bad\xff\xfe.xml", b"\x9b31m.xml", "\u009b31m.xml".encode(), "\u202elmx.yap".encode()),
    *(
        b"x" * 251 + b".xml",
        b"PAY.xml",
        b"pay.xml",
        b"$(touch owned).xml",
        b"`id`.xml",
        b"; ls.xml",
    ),
    *(b"%n%s%x.xml", b"{file.name}.xml", b"=cmd|' !A0.xml", b"*?[a].xml", b" .xml", b"~root.xml"),
    *(b"C:\\pay.xml", b"a..\\..\\pay.xml", b"con.xml", b"a\tb.xml", b"\x7f.xml", b"\\x41.xml"),
    unicodedata.normalize("NFC", "é.xml").encode(),
    unicodedata.normalize("NFD", "é.xml").encode(),
    "电汇.xml".encode(),
)


def harmless(text: str) -> bool:
    """Nothing that a terminal or a line-wise reader would obey."""
    return all(c.isprintable() or c == "\n" for c in text)


def test_files_of_any_name_are_sent_once_and_their_names_do_nothing(
    tmp_path: Path, payment_file: PaymentFile
) -> None:
    room = Room(tmp_path / "room")
    room.furnish()
    stream = io.StringIO()
    room.log.event = Journal(stream).event  # type: ignore[method-assign]  # the real one
    for number, name in enumerate(HOSTILE):
        room.drop(payment_file(f"MSG-{number}"), os.fsdecode(name))
    room.sweep(times=2)
    files = room.files()
    assert [file.state for file in files] == [Out.SENT] * len(HOSTILE)
    assert len({file.name for file in files}) == len(HOSTILE)  # twins of case or form as well
    assert all(harmless(file.name) for file in files)
    assert list((room.root / "outbox" / "acme").iterdir()) == []
    assert len(set(room.published())) == len(HOSTILE)
    written = [path.name for path in (room.root / "inbox").rglob("*") if path.is_file()]
    assert len(written) == 2 * len(HOSTILE)  # an answer for machines and one for people
    assert all(map(is_plain, written))
    lines = stream.getvalue().splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert harmless(stream.getvalue())
    assert not list(tmp_path.rglob("owned"))


def test_answers_and_dossiers_can_be_read_by_a_terminal(
    tmp_path: Path, payment_file: PaymentFile
) -> None:
    room = Room(tmp_path / "room")
    room.furnish()
    room.drop(payment_file(debtor_iban="NL91ABNA0417164300"), "\x1b]0;owned\x07\u202e.xml")
    room.sweep()
    papers = [*(room.root / "inbox").rglob("*.txt"), *(room.root / "archive").rglob("*.json*")]
    assert len(papers) >= 3
    for paper in papers:
        assert harmless(paper.read_text()), paper.name


class Entry:
    """What os.scandir gives of something that only root can make."""

    name = "tape.xml"

    def __init__(self, mode: int) -> None:
        self._mode = mode

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        assert not follow_symlinks
        return os.stat_result((self._mode | 0o600, 1, 1, 1, 0, 0, 0, 0, 0, 0))


@pytest.mark.parametrize("mode", [stat.S_IFBLK, stat.S_IFCHR])
def test_a_device_is_never_taken(mode: int) -> None:
    assert _unfit(cast("os.DirEntry[str]", Entry(mode))) == "it is a device, not a file"


# ------------------------------------------------------------------------------------ at the bank


def furnish(folder: Path) -> None:
    """One good file among what may not be fetched."""
    folder.mkdir()
    for name in HOSTILE:
        (folder / os.fsdecode(name)).write_bytes(b"x")
    (folder / "folder.xml").mkdir()
    (folder / "link.xml").symlink_to("/etc/passwd")
    (folder / "loop.xml").symlink_to("loop.xml")
    os.mkfifo(folder / "pipe.xml")
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(folder)  # a socket's path has 107 bytes
        listener.bind("socket.xml")


PLAIN = sorted(name for name in map(os.fsdecode, HOSTILE) if is_plain(name))


@pytest.mark.parametrize("kind", ["sftp", "folder"])
def test_only_plain_names_of_regular_files_are_seen_at_a_bank(
    server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)  # furnish() changes it
    root = server.folder if kind == "sftp" else tmp_path
    furnish(root / f"hostile-{kind}")
    bank = server.bank() if kind == "sftp" else FolderBank(root)
    with bank.session() as session:
        seen = [remote.name for remote in session.listing(f"hostile-{kind}", 1_000)]
    assert sorted(seen) == PLAIN
    assert not [name for name in seen if "/" in name or "\\" in name or not harmless(name)]


@pytest.mark.parametrize("kind", ["sftp", "folder"])
def test_a_folder_with_more_names_than_agreed_is_refused_whole(
    server: SshServer, tmp_path: Path, kind: str
) -> None:
    root = server.folder if kind == "sftp" else tmp_path
    many = root / f"many-{kind}"
    many.mkdir()
    for number in range(301):
        (many / f"{number}.xml").touch()
    bank = server.bank() if kind == "sftp" else FolderBank(root)
    with bank.session() as session:
        assert len(session.listing(many.name, 301)) == 301
        with pytest.raises(Refused, match="more than 300 files"):
            session.listing(many.name, 300)
        assert session.stat(f"{many.name}/0.xml") is not None  # the session itself is sound
