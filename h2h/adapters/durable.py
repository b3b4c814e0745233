"""Writing so that a power cut leaves the old or the new, never a half; and disk errors in words."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from h2h.errors import H2HError, Refused, Transient

CHUNK = 1 << 20  # bytes read at once
_PASSES = {
    errno.ENOSPC: "Free some space; it goes on by itself",
    errno.EDQUOT: "Raise the quota or free some space; it goes on by itself",
    errno.EROFS: "Mount it writable; it goes on by itself",
    errno.EIO: "Look at the disk (dmesg); it is tried again",
    errno.ENOENT: "Look whether it is mounted; it goes on by itself",
    errno.ENOTDIR: "Look whether it is mounted; it goes on by itself",
}
_RENAME_NOREPLACE = 1  # renameat2(2)
_AT_FDCWD = -100


def in_words(error: OSError, doing: str) -> H2HError:
    """What an error of the local disk means: no permission is Refused, all else may pass."""
    cause = f"{doing}: {error.strerror or error}"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return Refused(cause, "Give the user that runs h2h read and write access there")
    if error.errno in {errno.ENAMETOOLONG, errno.ELOOP, errno.EISDIR}:
        return Refused(cause, "Look at what lies there; it is not a file that h2h can use")
    return Transient(cause, _PASSES.get(error.errno or 0, "It is tried again"))


@contextmanager
def disk(doing: str) -> Iterator[None]:
    """Turn any OSError inside into Transient or Refused that begins with `doing`."""
    try:
        yield
    except OSError as error:
        raise in_words(error, doing) from error


def sync_folder(folder: Path) -> None:
    """Flush the names in `folder`: a rename survives a power cut only after this."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(root: Path, folder: Path) -> None:
    """Make `folder` (0700) below `root`, which must exist: what is unmounted is not made anew."""
    missing = []
    while folder != root and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        sync_folder(path.parent)


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write `path`, whole or not at all, replacing what was there."""
    temporary = path.with_name(f".{path.name}.writing")
    with created(temporary, mode) as descriptor:
        write_all(descriptor, content)
    temporary.replace(path)
    sync_folder(path.parent)


def append(path: Path, line: bytes) -> None:
    """Append one line, flushed. What an interrupted call left behind the last line end is cut."""
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        end = _last_line_end(descriptor)
        os.ftruncate(descriptor, end)
        os.lseek(descriptor, end, os.SEEK_SET)
        write_all(descriptor, line)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        sync_folder(path.parent)


def _last_line_end(descriptor: int) -> int:
    """Where the last whole line ends."""
    start = os.lseek(descriptor, 0, os.SEEK_END)
    while start:
        begin = max(0, start - CHUNK)
        found = os.pread(descriptor, start - begin, begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        start = begin
    return 0


@contextmanager
def created(path: Path, mode: int = 0o600) -> Iterator[int]:
    """A descriptor of a fresh file at `path`; flushed at the end, removed on any error.

    A leftover of an interrupted write is replaced. After a failed fsync nothing of the file is
    trusted (the kernel may have dropped its pages), so it is removed and not flushed again.
    """
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(path, flags, mode)
    try:
        try:
            yield descriptor
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`; os.write may take only a part of it."""
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def open_regular(path: Path) -> int:
    """A descriptor for reading, of a regular file and nothing else; follows no link, never blocks.

    Raises OSError (EINVAL) for a folder, pipe, device or socket.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return descriptor


def copy(source: int, target: int) -> tuple[str, int]:
    """Copy one descriptor to another from where they stand: (sha256, size)."""
    sha256, size = hashlib.sha256(), 0
    while chunk := os.read(source, CHUNK):
        sha256.update(chunk)
        size += len(chunk)
        write_all(target, chunk)
    return sha256.hexdigest(), size


def digest(path: Path) -> tuple[str, int]:
    """(sha256, size) of a regular file as it lies on disk now."""
    descriptor = open_regular(path)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        sha256 = hashlib.file_digest(file, "sha256")
        return sha256.hexdigest(), file.tell()


def rename_new(source: Path, target: Path) -> None:
    """Rename, raising FileExistsError when `target` exists: renameat2 with RENAME_NOREPLACE.

    Where the file system does not know it (EINVAL, e.g. NFS) the new name is linked and the old
    one removed; cut between the two, both names exist.
    """
    code = _renameat2(source, target)
    if code in {errno.EINVAL, errno.ENOSYS}:
        os.link(source, target, follow_symlinks=False)
        source.unlink()
    elif code:
        raise OSError(code, os.strerror(code), str(source), None, str(target))


def _renameat2(source: Path, target: Path) -> int:
    """The system call that Python does not have; the error number, 0 when it was done."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(source), os.fsencode(target)
    failed: int = libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_NOREPLACE)
    return ctypes.get_errno() if failed else 0
