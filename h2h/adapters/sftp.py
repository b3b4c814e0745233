"""A bank's SFTP server: pinned host keys, strong algorithms, and nothing that waits for ever.

paramiko's own waits do not all end (a put on a silent link never does), so a watchdog shuts the
socket down when a call takes longer than its size permits. Its file objects swallow the server's
answers to the last writes and to the close, and one name that is not UTF-8 breaks its listing; the
small client below listens itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import logging
import os
import socket
import stat
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import paramiko
from paramiko.message import Message
from paramiko.sftp import CMD_CLOSE, CMD_OPENDIR, CMD_READDIR, CMD_STATUS, CMD_WRITE, int64

from h2h.adapters import durable
from h2h.adapters.durable import disk
from h2h.core.naming import is_plain
from h2h.errors import ConfigError, H2HError, HostKeyChanged, LoginRefused, Refused, Transient
from h2h.ports import RemoteFile

Secret = Callable[[], str]  # gives the secret when it is needed, so that nothing keeps it

# Allowed, best first (aes128-gcm is the fastest in paramiko). Everything else is never offered:
# 3DES, CBC, HMAC-MD5, HMAC-SHA1 and their cut forms. paramiko 5 knows no SHA-1 key exchange or
# signature any more.
CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
_SIGNATURES = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}
_KEY_CLASSES = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)
# What paramiko raises when a server stops answering, or answers something else than SFTP.
_BROKEN = (paramiko.SSHException, paramiko.SFTPError, EOFError, OSError, ValueError, struct.error)
_LONGEST_PROXY_ANSWER = 8192  # bytes
_WRITE = 32_768  # bytes of one write: what every server must take
_LOOK = 0.1  # seconds between two looks of the watchdog

# Its tracebacks go to no terminal: what they are about is raised, and said in our words.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. No call lasts longer than `call` plus its bytes at the `slowest` rate."""

    connect: float = 10.0
    login: float = 30.0
    idle: float = 30.0  # between two packets
    call: float = 45.0
    slowest: int = 16_384  # bytes a second


@dataclass(frozen=True, slots=True)
class SftpBank:
    """A bank's server, `hosts` tried in order; key, password, or both factors.

    `host_keys` are pinned as `type base64`; `proxy` is the `host:port` of an HTTP CONNECT proxy.
    Raises ConfigError when that cannot work.
    """

    hosts: Sequence[str]
    username: str
    host_keys: Sequence[str]
    private_key: Secret | None = None  # PEM or OpenSSH text without a passphrase
    password: Secret | None = None
    port: int = 22
    proxy: str | None = None
    timeouts: Timeouts = Timeouts()
    _public_halves: dict[str, str] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.hosts:
            raise ConfigError("no host is configured", "Name at least one in `hosts`")
        if not self.host_keys:
            raise ConfigError(
                "no host key is pinned", "Ask the bank for it, write it in `host_keys`"
            )
        if self.private_key is None and self.password is None:
            raise ConfigError("neither a key nor a password", "Set `private_key` in config.toml")
        for line in self.host_keys:
            _pinned(line)

    def public_half(self) -> str:
        """SHA-256 of the public half of the key that logs in; "" where there is none to be read.

        Worked out once for each content of the file: an RSA key of 4096 bits takes a third of a
        second.
        """
        try:
            text = self.private_key() if self.private_key is not None else ""
            content = hashlib.sha256(text.encode()).hexdigest()
            if content not in self._public_halves:
                public = _private_key(lambda: text).asbytes()
                self._public_halves[content] = hashlib.sha256(public).hexdigest()
        except H2HError:
            return ""
        return self._public_halves[content]

    @contextmanager
    def session(self, host: str = "") -> Iterator[SftpSession]:
        """Log in at the first host that answers, or at `host` alone when it is given.

        Raises Transient (no host answered), LoginRefused, HostKeyChanged; nothing was sent then.
        The next host is tried only after a Transient: a refusal would be the same there.
        """
        session = self._first_that_answers([host] if host else self.hosts)
        try:
            yield session
        finally:
            session.close()

    def _first_that_answers(self, hosts: Sequence[str]) -> SftpSession:
        silent: list[str] = []
        for host in hosts:
            try:
                return self._connect(host)
            except Transient as error:
                silent.append(error.cause)
        raise Transient("; ".join(silent), "It is tried again")

    def _connect(self, host: str) -> SftpSession:
        place = f"{host}:{self.port}"
        wire = _wire(host, self.port, self.proxy, self.timeouts)
        watchdog = _Watchdog(wire)
        transport = None
        try:
            with watchdog.within(self.timeouts.login + self.timeouts.connect):
                transport = self._transport(wire)
                self._shake_hands(transport, place)
                self._log_in(transport, place)
                client = _open_client(transport, self.timeouts)
        except BaseException as error:
            watchdog.end()
            if transport is not None:
                transport.close()
            wire.close()
            if isinstance(error, _BROKEN):
                raise Transient(f"{place}: {_words(error)}", "It is tried again") from error
            raise
        return SftpSession(host, transport, client, watchdog, self.timeouts)

    def _transport(self, wire: socket.socket) -> _Transport:
        # Only pinned kinds of host key are asked for, so that the server shows one of those.
        kinds = dict.fromkeys(_pinned(line)[0] for line in self.host_keys)
        signatures = [name for kind in kinds for name in _SIGNATURES[kind]]
        return _safe_transport(wire, self.timeouts, signatures)

    def _shake_hands(self, transport: _Transport, place: str) -> None:
        """Agree on algorithms and compare the host key; no credentials are sent before."""
        try:
            transport.start_client(timeout=self.timeouts.login)
        except paramiko.ssh_exception.IncompatiblePeer as error:
            raise self._incompatible(place, str(error)) from error
        key = transport.get_remote_server_key()
        if (key.get_name(), key.asbytes()) not in set(map(_pinned, self.host_keys)):
            raise HostKeyChanged(
                f"{place} shows a host key that is not pinned: {key.get_name()} {key.fingerprint}",
                "Ask the bank whether it changed its key; only then put the new one in `host_keys`",
            )

    def _incompatible(self, place: str, words: str) -> H2HError:
        if "host key" in words:
            kinds = ", ".join(sorted({_pinned(line)[0] for line in self.host_keys}))
            return HostKeyChanged(
                f"{place} shows no host key of the pinned kind ({kinds}) with a safe signature",
                "Ask the bank for its present host key; signing with SHA-1 (ssh-rsa) is refused",
            )
        return _unsafe(place, words)

    # -- who we are

    def _log_in(self, transport: _Transport, place: str) -> None:
        """Give the factors in the order that the server wants, each at most once."""
        factors = deque[Callable[[paramiko.Transport], Sequence[str]]]()
        if self.private_key is not None:
            factors.append(self._give_key)
        if self.password is not None:
            factors.append(self._give_password)
        wanted: Sequence[str] = ()
        put_off = False
        while factors and not transport.is_authenticated():
            factor = factors.popleft()
            try:
                wanted = factor(transport)
            except paramiko.BadAuthenticationType as error:
                wanted = error.allowed_types
                if put_off or not factors:
                    break
                put_off = True
                factors.append(factor)
            except paramiko.AuthenticationException as error:
                raise self._refusal(transport, place, error) from error
        if not transport.is_authenticated():
            raise self._login_refused(place, f"the server also asks for: {', '.join(wanted)}")

    def _give_key(self, transport: paramiko.Transport) -> Sequence[str]:
        if self.private_key is None:
            return ()
        return transport.auth_publickey(self.username, _private_key(self.private_key))

    def _give_password(self, transport: paramiko.Transport) -> Sequence[str]:
        if self.password is None:
            return ()
        return transport.auth_password(self.username, self.password())

    def _refusal(
        self, transport: _Transport, place: str, error: paramiko.AuthenticationException
    ) -> H2HError:
        """A cut line during the login may pass; a clear no, or a goodbye in words, will not."""
        if transport.goodbye:
            return self._login_refused(place, transport.goodbye)
        if not transport.is_active() or "imeout" in str(error):
            return Transient(f"{place} broke off the login", "It is tried again")
        return self._login_refused(place, "key or password was refused")

    def _login_refused(self, place: str, why: str) -> LoginRefused:
        return LoginRefused(
            f"{place} does not let {self.username} in: {why}",
            "Compare user name, key and password with the bank before it locks the account",
        )


def shown_host_keys(
    host: str, port: int, proxy: str | None = None, timeouts: Timeouts = Timeouts()
) -> Sequence[str]:
    """The host keys that a server shows, as `type base64`, each safe kind once, the best first.

    Nothing is proven by that: whoever is on the line shows his own. No credential is sent. Raises
    Transient when nobody answers, Refused when there is no safe kind of key.
    """
    found = [_shown_host_key(host, port, proxy, timeouts, kind) for kind in _SIGNATURES]
    lines = [line for line in found if line]
    if not lines:
        raise Refused(
            f"{host}:{port} shows no host key with a safe signature",
            "Ask the bank for an ed25519, ECDSA or RSA key; signing with SHA-1 is refused",
        )
    return lines


def _shown_host_key(
    host: str, port: int, proxy: str | None, timeouts: Timeouts, kind: str
) -> str | None:
    """The server's key of one kind; None when it has none."""
    place = f"{host}:{port}"
    with closing(_wire(host, port, proxy, timeouts)) as wire:
        watchdog = _Watchdog(wire)
        transport = None
        try:
            with watchdog.within(timeouts.login):
                transport = _safe_transport(wire, timeouts, _SIGNATURES[kind])
                transport.start_client(timeout=timeouts.login)
                key = transport.get_remote_server_key()
        except paramiko.ssh_exception.IncompatiblePeer as error:
            if "host key" in str(error):
                return None
            raise _unsafe(place, str(error)) from error
        except _BROKEN as error:
            raise Transient(f"{place}: {_words(error)}", "It is tried again") from error
        finally:
            watchdog.end()
            if transport is not None:
                transport.close()
        return f"{key.get_name()} {key.get_base64()}"


def _wire(host: str, port: int, proxy: str | None, timeouts: Timeouts) -> socket.socket:
    """A connected socket, through the proxy if there is one."""
    place = f"{host}:{port}"
    by = f" through the proxy {proxy}" if proxy else ""
    address = _address(proxy) if proxy else (host, port)
    try:
        wire = socket.create_connection(address, timeout=timeouts.connect)
        try:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if proxy:
                _through_proxy(wire, place)
        except BaseException:
            wire.close()
            raise
    except OSError as error:
        raise Transient(f"{place}{by}: {_words(error)}", "It is tried again") from error
    return wire


def _safe_transport(
    wire: socket.socket, timeouts: Timeouts, signatures: Sequence[str]
) -> _Transport:
    """A transport that offers nothing unsafe, and asks for host keys that sign so."""
    transport = _Transport(wire)
    transport.banner_timeout = timeouts.login
    transport.handshake_timeout = timeouts.login
    transport.auth_timeout = timeouts.login
    transport.channel_timeout = timeouts.login
    options = transport.get_security_options()
    options.ciphers = CIPHERS
    options.digests = MACS
    options.key_types = [*signatures]
    return transport


def _unsafe(place: str, words: str) -> LoginRefused:
    return LoginRefused(
        f"{place} offers only algorithms that are no longer safe: {words}",
        "Ask the bank for aes-ctr or aes-gcm, hmac-sha2 and a SHA-2 key exchange",
    )


class SftpSession:
    """One login; see h2h.ports.Session. Not for use by several threads at once."""

    def __init__(
        self,
        host: str,
        transport: paramiko.Transport,
        client: _Client,
        watchdog: _Watchdog,
        timeouts: Timeouts,
    ) -> None:
        self.host = host
        self._transport = transport
        self._client = client
        self._watchdog = watchdog
        self._timeouts = timeouts

    def close(self) -> None:
        """Log out; a server that does not answer is left alone."""
        with suppress(*_BROKEN), self._watchdog.within(self._timeouts.call):
            self._transport.close()
        self._watchdog.end()

    def stat(self, path: str) -> RemoteFile | None:
        with self._call(f"looking for {path}"):
            try:
                found = self._client.lstat(path)
            except FileNotFoundError:
                return None
            return RemoteFile(PurePosixPath(path).name, _size(found, path), found.st_mtime or 0)

    def put(self, local: Path, path: str) -> None:
        doing = f"sending {path}"
        with disk(f"reading {local}"):
            source = durable.open_regular(local)
        with os.fdopen(source, "rb", buffering=0) as file:
            with self._call(doing):
                remote = self._client.open(path, "wb")
            with self._call(doing, os.fstat(source).st_size):
                try:
                    self._client.fill(remote, _read(file, local))
                except OSError as error:
                    # A full disk or quota says no more than "Failure"; that may pass.
                    raise Transient(f"{doing} to {self.host}: {_words(error)}") from error

    def rename(self, source: str, target: str) -> None:
        with self._call(f"renaming {source} to {target}"):
            self._client.rename(source, target)

    def replace(self, source: str, target: str) -> None:
        with self._call(f"renaming {source} to {target}"):
            self._client.posix_rename(source, target)

    def remove(self, path: str) -> None:
        with self._call(f"removing {path}"), suppress(FileNotFoundError):
            self._client.remove(path)

    def listing(self, folder: str, most: int) -> Sequence[RemoteFile]:
        found = []
        with (
            self._call(f"listing {folder}", most * 200),
            closing(self._client.entries(folder)) as entries,
        ):
            for number, (name, facts) in enumerate(entries, start=1):
                if number > most + 2:  # "." and ".." come along
                    raise Refused(
                        f"{folder} holds more than {most} files", "Ask the bank to empty it"
                    )
                if _ordinary(name, facts):
                    found.append(RemoteFile(name, facts.st_size or 0, facts.st_mtime or 0))
        return found

    def get(self, path: str, local: Path, largest: int) -> None:
        doing = f"fetching {path}"
        with self._call(doing):
            remote = self._client.open(path, "rb")
            size = _size(remote.stat(), path)
        too_large = Refused(
            f"{path} is larger than {largest} bytes", "Ask the bank, or raise `largest_file`"
        )
        if size > largest:
            raise too_large
        with disk(f"writing {local}"):
            with durable.created(local) as target, self._call(doing, size):
                received = 0
                for chunk in self._client.chunks(remote, size):
                    received += len(chunk)
                    if received > largest:
                        raise too_large
                    with disk(f"writing {local}"):
                        durable.write_all(target, chunk)
                if received != size:
                    raise Transient(f"{doing}: {received} bytes came, {size} were announced")
            durable.sync_folder(local.parent)

    @contextmanager
    def _call(self, doing: str, size: int = 0) -> Iterator[None]:
        """Bound one act in time and say in words what became of it."""
        limit = self._timeouts.call + size / self._timeouts.slowest
        try:
            with self._watchdog.within(limit):
                yield
        except _BROKEN as error:
            raise self._in_words(error, doing, limit) from error

    def _in_words(self, error: Exception, doing: str, limit: float) -> H2HError:
        cause = f"{doing} at {self.host}: {_words(error)}"
        if self._watchdog.fired:
            return Transient(f"{doing} at {self.host}: no end within {limit:.0f} seconds")
        channel = self._client.get_channel()
        if not self._transport.is_active() or channel is None or channel.closed:
            return Transient(cause)
        if isinstance(error, FileNotFoundError | PermissionError) or type(error) is OSError:
            return Refused(cause, "Look at the bank's folders and rights")  # the server's own no
        return Transient(cause)


# ------------------------------------------------------------------------- paramiko, with its gaps


class _Transport(paramiko.Transport):
    """paramiko's transport, which forgets the words of a server that hangs up."""

    goodbye = ""

    def _parse_disconnect(self, message: Message) -> None:
        code, words = message.get_int(), message.get_binary().decode(errors="replace")
        self.goodbye = f"{words or 'it hung up'} (code {code})"


class _Client(paramiko.SFTPClient):
    """paramiko's client, made to listen to what it drops (its types do not show these parts)."""

    _request: Callable[..., tuple[int, Message]]
    _async_request: Callable[..., int]
    _read_response: Callable[[int | None], tuple[int, Message]]
    _convert_status: Callable[[Message], None]
    sock: paramiko.Channel

    def entries(self, folder: str) -> Generator[tuple[str, paramiko.SFTPAttributes], None, None]:
        """Everything in `folder`, undecodable bytes in names as surrogates."""
        handle = self._request(CMD_OPENDIR, folder)[1].get_binary()
        try:
            yield from self._entries(handle)
        finally:
            with suppress(*_BROKEN):
                self._request(CMD_CLOSE, handle)

    def _entries(self, handle: bytes) -> Generator[tuple[str, paramiko.SFTPAttributes], None, None]:
        while True:
            try:
                answer = self._request(CMD_READDIR, handle)[1]
            except EOFError:  # the end of the folder; a lost connection is an SSHException here
                return
            for _ in range(answer.get_int()):
                name = answer.get_binary().decode(errors="surrogateescape")
                answer.get_binary()  # the line that `ls -l` would show
                yield name, paramiko.SFTPAttributes._from_msg(answer)  # type: ignore[attr-defined]  # noqa: SLF001 - paramiko's only reader of attributes

    def fill(self, remote: paramiko.SFTPFile, chunks: Iterator[bytes]) -> None:
        """Write all and close, and hear the answer to each write and to the close.

        Nothing is waited for before the close was asked for, so a small file costs one wait.
        """
        answers, offset = _Answers(self._convert_status), 0
        try:
            for chunk in chunks:
                for at in range(0, len(chunk), _WRITE):
                    piece = chunk[at : at + _WRITE]
                    self._ask(answers, CMD_WRITE, remote.handle, int64(offset), piece)
                    offset += len(piece)
                self._hear(answers, wait=False)
            self._ask(answers, CMD_CLOSE, remote.handle)
            self._hear(answers, wait=True)
        finally:
            remote._closed = True  # type: ignore[attr-defined]  # noqa: SLF001 - or its __del__ talks to a dead line

    def _ask(self, answers: _Answers, kind: int, *arguments: object) -> None:
        answers.open += 1
        self._async_request(answers, kind, *arguments)

    def _hear(self, answers: _Answers, *, wait: bool) -> None:
        """Take in the answers that came, or, with `wait`, all; raise the first that is a no."""
        while answers.open and (wait or self.sock.recv_ready()):
            self._read_response(None)
        if answers.error is not None:
            raise answers.error

    def chunks(self, remote: paramiko.SFTPFile, size: int) -> Iterator[bytes]:
        """The content, fetched ahead up to `size`, then on to its real end; closed at the end."""
        fetch_ahead = remote._prefetch_thread  # type: ignore[attr-defined]  # noqa: SLF001 - see below

        def quietly(*arguments: object) -> None:
            with suppress(*_BROKEN):  # the reader meets the same error and tells of it
                fetch_ahead(*arguments)

        remote._prefetch_thread = quietly  # type: ignore[attr-defined]  # noqa: SLF001 - its thread would print a traceback
        try:
            remote.prefetch(size)
            while chunk := remote.read(remote.MAX_REQUEST_SIZE):
                yield chunk
            self._request(CMD_CLOSE, remote.handle)
        finally:
            remote._closed = True  # type: ignore[attr-defined]  # noqa: SLF001 - as in fill()


class _Answers:
    """Counts the answers that are still to come, in whatever order, and keeps the first error."""

    def __init__(self, convert_status: Callable[[Message], None]) -> None:
        self.open = 0
        self.error: Exception | None = None
        self._convert_status = convert_status

    def _async_response(self, kind: int, message: Message, _number: int) -> None:
        """What paramiko calls; an answer that is no status is not the protocol's."""
        self.open -= 1
        if kind != CMD_STATUS:
            self.error = self.error or paramiko.SFTPError(f"expected a status, got {kind}")
            return
        try:
            self._convert_status(message)
        except _BROKEN as error:
            self.error = self.error or error


class _Watchdog:
    """Shuts a socket down when a call lasts too long, from a thread of its own until `end`.

    One thread a session: starting a timer for each call took longer than a small file's call.
    """

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire
        self._limit: float | None = None  # of time.monotonic()
        self._ended = threading.Event()
        self.fired = False
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        self._limit = time.monotonic() + seconds
        try:
            yield
        finally:
            self._limit = None

    def end(self) -> None:
        """Nothing is called any more."""
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(_LOOK):
            limit = self._limit
            if limit is not None and time.monotonic() > limit:
                self.fired = True
                with suppress(OSError):  # gone already
                    self._wire.shutdown(socket.SHUT_RDWR)
                return


def _open_client(transport: paramiko.Transport, timeouts: Timeouts) -> _Client:
    channel = transport.open_session(timeout=timeouts.login)
    channel.settimeout(timeouts.idle)
    channel.invoke_subsystem("sftp")
    return _Client(channel)


# ------------------------------------------------------------------------------------------- parts


def _pinned(line: str) -> tuple[str, bytes]:
    """The (type, key) of a pinned `type base64` line; raises ConfigError."""
    kind, _, rest = line.strip().partition(" ")
    try:
        blob = base64.b64decode(rest.split()[0], validate=True)
    except (IndexError, binascii.Error):
        blob = b""
    if kind not in _SIGNATURES or Message(blob).get_binary() != kind.encode():
        raise ConfigError(
            f"host key {line[:40]!r} is not one",
            f"Write `type base64` as in the bank's .pub file; types: {', '.join(_SIGNATURES)}",
        )
    return kind, blob


def _private_key(secret: Secret) -> paramiko.PKey:
    """The key in `secret`; raises LoginRefused without a word of what is in it."""
    text = secret()
    for kind in _KEY_CLASSES:
        with suppress(paramiko.SSHException, paramiko.PasswordRequiredException, ValueError):
            return kind.from_private_key(io.StringIO(text))
    raise LoginRefused(
        "the private key for the bank's server cannot be read",
        "Set `private_key` to an ed25519, ECDSA or RSA key without a passphrase",
    ) from None


def _address(place: str) -> tuple[str, int]:
    host, _, port = place.rpartition(":")
    if not host or not port.isdecimal():
        raise ConfigError(f"proxy {place!r} is not host:port", "Mend `proxy` in config.toml")
    return host.strip("[]"), int(port)


def _through_proxy(wire: socket.socket, place: str) -> None:
    """Ask an HTTP proxy for a tunnel (RFC 9110, 9.3.6); raises OSError when it says no."""
    wire.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode("ascii"))
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        byte = wire.recv(1)  # no more than the header: what follows is the server's
        if not byte or len(answer) > _LONGEST_PROXY_ANSWER:
            raise OSError("the proxy did not answer in HTTP")
        answer += byte
    status = answer.split(b"\r\n")[0].decode("latin-1")
    if status.split(" ")[1:2] != ["200"]:
        raise OSError(f"the proxy refuses: {status!r}")


def _size(facts: paramiko.SFTPAttributes, path: str) -> int:
    if facts.st_size is None:
        raise Refused(f"the server does not tell the size of {path}", "Ask the bank to mend that")
    return facts.st_size


def _ordinary(name: str, facts: paramiko.SFTPAttributes) -> bool:
    """A regular file with a plain name and a size; a server may leave the type out."""
    kind = stat.S_IFMT(facts.st_mode or 0)
    return is_plain(name) and kind in {0, stat.S_IFREG} and facts.st_size is not None


def _read(file: io.FileIO, local: Path) -> Iterator[bytes]:
    while True:
        with disk(f"reading {local}"):
            chunk = file.read(durable.CHUNK)
        if not chunk:
            return
        yield chunk


def _words(error: BaseException) -> str:
    """What an exception of the network or of paramiko says, or what it is when it says nothing."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
