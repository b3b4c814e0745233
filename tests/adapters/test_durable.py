"""Writes that are whole or not there, renames that never overwrite, disk errors in words."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from h2h.adapters import durable
from h2h.errors import Refused, Transient


@pytest.mark.parametrize("knows_noreplace", [True, False])
def test_a_rename_to_a_new_name_never_overwrites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, knows_noreplace: bool
) -> None:
    if not knows_noreplace:
        monkeypatch.setattr(durable, "_renameat2", lambda source, target: errno.EINVAL)
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    with pytest.raises(FileExistsError):
        durable.rename_new(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"b"
    durable.rename_new(tmp_path / "a", tmp_path / "c")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c"]
    with pytest.raises(FileNotFoundError):
        durable.rename_new(tmp_path / "a", tmp_path / "d")


def test_a_write_that_fails_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "manifest.json"
    durable.write(path, b"old")

    def full(descriptor: int, content: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            durable.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["manifest.json"]
    durable.write(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, content[:3]))
    durable.write(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    for path in (tmp_path / "pipe", tmp_path / "link", tmp_path):
        with pytest.raises(OSError, match=r"regular|symbolic links"):
            durable.open_regular(path)


@pytest.mark.parametrize(
    ("code", "kind", "next_move"),
    [
        (errno.ENOSPC, Transient, "Free some space"),
        (errno.EIO, Transient, "dmesg"),
        (errno.ENOENT, Transient, "mounted"),
        (errno.EMFILE, Transient, "tried again"),
        (errno.EACCES, Refused, "write access"),
        (errno.ENAMETOOLONG, Refused, "Look at what lies there"),
    ],
)
def test_an_error_of_the_disk_says_what_to_do(
    code: int, kind: type[Transient | Refused], next_move: str
) -> None:
    with (
        pytest.raises(kind, match=f"^sealing a: {os.strerror(code)}") as told,
        durable.disk("sealing a"),
    ):
        raise OSError(code, os.strerror(code))
    assert next_move in told.value.next_move
