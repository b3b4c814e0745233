"""The bank's SFTP server: one customer, one key, one folder, a thread with its own event loop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import IO, TypeVar, cast

import asyncssh
from asyncssh.constants import FXF_APPEND, FXF_WRITE

from h2h.errors import ConfigError
from h2h.sandbox.manners import Manners

_WRITES = FXF_WRITE | FXF_APPEND
_SLOW = 0.5  # seconds that a slow bank takes for an answer
Answer = TypeVar("Answer")


class SftpServer:
    """Serves `root` to `username` with `customer_key` on 127.0.0.1.

    `changed` is set whenever a file was written or renamed. `port` 0 takes a free one.

    A plain rename refuses an existing target; posix-rename@openssh.com overwrites it.
    """

    def __init__(
        self,
        root: Path,
        host_key: asyncssh.SSHKey,
        username: str,
        customer_key: asyncssh.SSHKey,
        changed: threading.Event,
        port: int = 0,
        manners: Manners | None = None,
    ) -> None:
        self._root = root
        self._manners = manners or Manners()
        self._host_key = host_key
        self._login = (username, customer_key.public_data)
        self._uploads = _Uploads(changed)
        self._connections: set[asyncssh.SSHServerConnection] = set()
        self._bound: Future[tuple[int, Callable[[], object]]] = Future()  # the port, and the end
        self._thread = threading.Thread(target=self._run, args=[port], name="sftp", daemon=True)

    def start(self) -> int:
        """Listen, and return the port. Raises ConfigError when it is taken."""
        self._thread.start()
        try:
            port, _ = self._bound.result()
        except OSError as error:
            self._thread.join()
            raise ConfigError(
                f"the practice bank cannot listen: {error.strerror}",
                "Choose another --port, or none for a free one",
            ) from error
        return port

    def stop(self) -> None:
        """Close the listener and every connection, and end the thread."""
        _, end = self._bound.result()
        end()
        self._thread.join()

    def being_written(self) -> frozenset[int]:
        """Inodes of the files that a customer has open for writing."""
        return self._uploads.open_now()

    def _run(self, port: int) -> None:
        try:
            asyncio.run(self._serve(port))
        except OSError as error:
            self._bound.set_exception(error)

    async def _serve(self, port: int) -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        acceptor = await asyncssh.listen(
            "127.0.0.1",
            port,
            server_host_keys=[self._host_key],
            server_factory=lambda: _Login(self._login, self._connections),
            sftp_factory=lambda channel: _CustomerFolder(
                channel, self._root, self._uploads, self._manners
            ),
            gss_host=None,
        )
        async with acceptor:
            end = partial(loop.call_soon_threadsafe, ended.set)
            self._bound.set_result((acceptor.get_port(), end))
            await ended.wait()
        for connection in list(self._connections):
            connection.abort()
            await connection.wait_closed()


class _Login(asyncssh.SSHServer):
    """Public key only, and only the customer's."""

    def __init__(
        self, login: tuple[str, bytes], connections: set[asyncssh.SSHServerConnection]
    ) -> None:
        self._allowed = login
        self._connections = connections
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncssh's signature
        if self._connection is not None:
            self._connections.discard(self._connection)

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return (username, key.public_data) == self._allowed


class _Uploads:
    """Which files are open for writing; shared by the server's sessions and the gateway."""

    def __init__(self, changed: threading.Event) -> None:
        self.lock = threading.Lock()
        self.inodes: dict[int, int] = {}  # file descriptor -> inode
        self.changed = changed

    def open_now(self) -> frozenset[int]:
        with self.lock:
            return frozenset(self.inodes.values())


class _CustomerFolder(asyncssh.SFTPServer):
    """The customer's folder as the root of everything, and a note of each file being written."""

    def __init__(
        self,
        channel: asyncssh.SSHServerChannel[bytes],
        root: Path,
        uploads: _Uploads,
        manners: Manners,
    ) -> None:
        super().__init__(channel, chroot=bytes(root))
        self._uploads = uploads
        self._manners = manners

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        return self._answered(self._opened(path, pflags, attrs))

    def _opened(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        # Under the lock, so that whoever sees the new name also sees that it is being written.
        with self._uploads.lock:
            file = cast("IO[bytes]", super().open(path, pflags, attrs))
            if pflags & _WRITES:
                self._uploads.inodes[file.fileno()] = os.fstat(file.fileno()).st_ino
        return file

    def close(self, file_obj: object) -> None:
        file = cast("IO[bytes]", file_obj)
        with self._uploads.lock:
            self._uploads.inodes.pop(file.fileno(), None)
            file.close()
        self._uploads.changed.set()

    def write(self, file_obj: object, offset: int, data: bytes) -> Awaitable[int] | int:
        if self._manners.has("full"):
            raise asyncssh.SFTPFailure("No space left on device")
        most = self._manners.cut_after
        if most is not None and offset + len(data) > most:
            self._manners.cut_after = None
            super().write(file_obj, offset, data[: max(most - offset, 0)])
            self.connection.abort()
            raise asyncssh.SFTPConnectionLost("cut")
        return self._answered(cast("int", super().write(file_obj, offset, data)))

    def rename(self, oldpath: bytes, newpath: bytes) -> Awaitable[None] | None:
        if self._manners.has("no-rename"):
            raise asyncssh.SFTPOpUnsupported("rename")
        super().rename(oldpath, newpath)
        return self._renamed()

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> Awaitable[None] | None:
        if self._manners.has("no-posix-rename"):
            raise asyncssh.SFTPOpUnsupported("posix-rename@openssh.com")
        super().posix_rename(oldpath, newpath)
        return self._renamed()

    def _renamed(self) -> Awaitable[None] | None:
        self._uploads.changed.set()
        if self._manners.once("deaf"):
            return _never()
        return self._answered(None)

    def _answered(self, answer: Answer) -> Awaitable[Answer] | Answer:
        return _late(answer) if self._manners.has("slow") else answer


async def _late(answer: Answer) -> Answer:
    await asyncio.sleep(_SLOW)
    return answer


async def _never() -> None:
    await asyncio.Event().wait()
