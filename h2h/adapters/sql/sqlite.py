"""All that only SQLite can do: its file, its durability, its lock, its write transactions.

WAL with synchronous=FULL loses no committed transaction at a power cut. WAL needs shared memory,
which a network file system does not give.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, create_engine, event

from h2h.adapters.durable import disk
from h2h.errors import ConfigError, Refused

BUSY_TIMEOUT = 60_000  # milliseconds; a file of a million payments is admitted in less
WRITES = "h2h_writes"  # the execution option of a connection that is going to write

_PRAGMAS = {
    "journal_mode": ("WAL", "wal"),
    "synchronous": ("FULL", 2),
    "foreign_keys": ("ON", 1),
    "busy_timeout": (str(BUSY_TIMEOUT), BUSY_TIMEOUT),
    "cache_size": ("-16384", -16384),  # 16 MB at most; four times as much was no faster
}
_NETWORK = frozenset(
    {"9p", "afs", "ceph", "cifs", "davfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"}
    | {"smb2", "smb3", "smbfs"}
)
_NETWORK_FUSE = ("ceph", "davfs", "gluster", "rclone", "s3", "smb", "sshfs")
_PATIENCE = 0.5  # seconds in which somebody who only asks about the lock lets go of it


class _Cursor(Protocol):
    def execute(self, statement: str, /) -> object: ...
    def fetchone(self) -> tuple[object, ...] | None: ...
    def close(self) -> None: ...


class _Driver(Protocol):
    isolation_level: str | None

    def cursor(self) -> _Cursor: ...


def engine(url: URL, path: Path, *, checkpoints: bool) -> Engine:
    """An engine whose every connection is durable. Raises ConfigError where that cannot be.

    Only one process of a ledger should make `checkpoints`: the daemon, while there is one.
    """
    path.touch(0o600)
    path.chmod(0o600)
    made = create_engine(url, hide_parameters=True)

    def prepare(driver: _Driver, _: object) -> None:
        driver.isolation_level = None  # BEGIN is said below; the driver's own is never immediate
        _set_pragmas(driver, path, checkpoints=checkpoints)

    event.listen(made, "connect", prepare)
    event.listen(made, "begin", _begin)
    return made


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One consistent view, begun at once, as prepared statements want it; never committed."""
    with engine.connect() as connection:
        connection.begin()
        yield connection


def _begin(connection: Connection) -> None:
    """A writer takes the write lock at once: upgrading later can only fail, never wait."""
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _set_pragmas(driver: _Driver, path: Path, *, checkpoints: bool) -> None:
    cursor = driver.cursor()
    try:
        if not checkpoints:
            cursor.execute("PRAGMA wal_autocheckpoint=0")
        for name, (value, expected) in _PRAGMAS.items():
            cursor.execute(f"PRAGMA {name}={value}")
            cursor.execute(f"PRAGMA {name}")
            got = (cursor.fetchone() or (None,))[0]
            if got != expected:
                raise ConfigError(
                    f"{path}: SQLite does not take {name}={value} here (it says {got})",
                    "Put the database on a local disk",
                )
    finally:
        cursor.close()


def file_system(path: Path, mounts: Path = Path("/proc/mounts")) -> str:
    """The type of the file system that `path` lies on, "" where the system does not tell."""
    if not mounts.exists():
        return ""
    best, kind = "", ""
    for line in mounts.read_text("utf-8", "surrogateescape").splitlines():
        _, point, type_, *_ = line.split(" ")
        folder = point.encode("latin-1", "replace").decode("unicode_escape")  # \040 is a blank
        if path.is_relative_to(folder) and len(folder) >= len(best):
            best, kind = folder, type_
    return kind


def refuse_network(path: Path, mounts: Path = Path("/proc/mounts")) -> None:
    """Raise ConfigError when `path` lies on a network file system."""
    kind = file_system(path.resolve(), mounts)
    fuse = kind.startswith("fuse.") and any(name in kind for name in _NETWORK_FUSE)
    if kind in _NETWORK or fuse:
        raise ConfigError(
            f"{path} lies on a network file system ({kind}), where SQLite loses data",
            "Set `database` in [h2h] to a path on a local disk",
        )


class LedgerLock:
    """One h2h at a time on a ledger: an flock on a file beside it, gone with its holder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the ledger. Raises Refused, naming the holder's pid, when another has it."""
        with disk(f"opening {self._path}"):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._take(descriptor)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def is_locked(self) -> bool:
        """Does somebody hold the ledger now?"""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not _try_lock(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def insist(self) -> None:
        """Nothing: the kernel takes this lock from nobody."""

    def _take(self, descriptor: int) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not _try_lock(descriptor, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                holder = os.pread(descriptor, 20, 0).decode("ascii", "replace") or "unknown"
                raise Refused(
                    f"another h2h runs on this ledger (pid {holder})",
                    "Leave the work to it, or stop it first",
                )
            time.sleep(_PATIENCE / 20)


def lock_at(path: Path) -> LedgerLock:
    """The lock of the ledger at `path`."""
    return LedgerLock(path.with_name(path.name + ".lock"))


def _try_lock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
