"""Somebody swaps what lies in the door a thousand times a second while h2h takes it in.

A file, a link to a secret, a hard link of it, a pipe: what is taken is a regular file of the door
and stays as it was taken; the secret stays where it is, and nothing ever blocks.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.adapters import durable
from h2h.adapters.archive import FolderArchive
from h2h.adapters.door import FolderDoor
from h2h.adapters.durable import digest
from h2h.errors import Refused, Transient
from h2h.ports import DoorTerms

if TYPE_CHECKING:
    from .report import Tally

SECRET = b"root:$y$j9T$secret:19000:0:99999:7:::\n"
PAUSE = 0.001  # seconds between two swaps


class Swapper:
    """Puts one thing after another under the same name, each by one rename."""

    def __init__(self, door: Path, secret: Path) -> None:
        self._target, self._next = door / "pay.xml", door / "pay.tmp"
        self._secret = secret
        self._stop = threading.Event()
        self.swaps = 0

    def _file(self) -> None:
        self._next.write_bytes(b"<Document>" + b"%06d" % self.swaps * 2_000 + b"</Document>")

    def _link(self) -> None:
        self._next.symlink_to(self._secret)

    def _hard_link(self) -> None:
        self._next.hardlink_to(self._secret)

    def _pipe(self) -> None:
        os.mkfifo(self._next)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _work(self) -> None:
        kinds: list[Callable[[], None]] = [
            *(self._file, self._link, self._file, self._hard_link),
            *(self._file, self._pipe),
        ]
        for make in cycle(kinds):
            if self._stop.is_set():
                return
            self._next.unlink(missing_ok=True)
            make()
            self._next.replace(self._target)
            self.swaps += 1
            time.sleep(PAUSE)


@pytest.fixture
def rooms(tmp_path: Path) -> tuple[Path, Path, Path]:
    """(door, archive, secret): on one file system, so that each may be linked to."""
    for name in ("door", "archive", "etc"):
        (tmp_path / name).mkdir(mode=0o700)
    (tmp_path / "etc" / "shadow").write_bytes(SECRET)
    return tmp_path / "door", tmp_path / "archive", tmp_path / "etc" / "shadow"


def test_what_is_swapped_while_it_is_taken_is_a_file_of_the_door_or_nothing(
    rooms: tuple[Path, Path, Path], full: bool, tally: Tally
) -> None:
    door_folder, root, secret = rooms
    rounds = 10_000 if full else 300
    door = FolderDoor(DoorTerms("acme", door_folder, "acme", settle=0.0))
    archive, swapper = FolderArchive(root), Swapper(door_folder, secret)
    taken: dict[str, tuple[str, int]] = {}
    tries = 0
    with swapper.at_work():
        while swapper.swaps < rounds:
            for seen in door.scan():
                tries += 1
                file_id = f"20261123-101530-{tries:06x}"
                with suppress(Transient, Refused):  # it is still there, or was put back
                    claimed = archive.claim(file_id, door_folder, seen)
                    taken |= {file_id: claimed} if claimed is not None else {}
    contents = {path: path.read_bytes() for path in root.rglob("original.xml")}
    sound = sum(digest(archive.path(name, "original.xml")) == told for name, told in taken.items())
    tally("swaps in a door at 1 kHz", tried=tries, survived=tries - len(taken) + sound)
    assert taken
    assert sound == len(taken) == len(contents)
    assert not [path for path, content in contents.items() if b"secret" in content]
    assert all(path.lstat().st_nlink == 1 for path in contents)
    assert secret.read_bytes() == SECRET


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "another file"])
def test_what_is_swapped_in_between_the_last_look_and_the_rename_is_given_back(
    rooms: tuple[Path, Path, Path], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    door_folder, root, secret = rooms
    path, beside = door_folder / "pay.xml", door_folder / "pay.tmp"
    path.write_bytes(b"<Document></Document>")
    (seen,) = FolderDoor(DoorTerms("acme", door_folder, "acme", settle=0.0)).scan()
    make: dict[str, Callable[[], object]] = {
        "link": lambda: beside.symlink_to(secret),
        "hard link": lambda: beside.hardlink_to(secret),
        "pipe": lambda: os.mkfifo(beside),
        "another file": lambda: beside.write_bytes(b"<Document>another</Document>"),
    }

    def look_then_swap(source: Path) -> int:
        descriptor = durable.open_regular(source)
        make[kind]()
        beside.replace(path)
        return descriptor

    with monkeypatch.context() as patch:
        patch.setattr("h2h.adapters.archive.durable", Swapping(look_then_swap))
        assert FolderArchive(root).claim("20261123-101530-000001", door_folder, seen) is None
    swapped = path.lstat()
    assert swapped.st_ino != seen.inode
    assert [left.name for left in door_folder.iterdir()] == ["pay.xml"]
    assert not [left for left in root.rglob("*") if not left.is_dir()]
    assert secret.read_bytes() == SECRET


class Swapping:
    """The module `durable`, whose first look at a file is followed by a swap."""

    def __init__(self, look: Callable[[Path], int]) -> None:
        self._look = look

    def __getattr__(self, name: str) -> object:
        return self._look if name == "open_regular" else getattr(durable, name)
