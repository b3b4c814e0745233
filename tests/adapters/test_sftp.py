"""SFTP against real OpenSSH, and against servers that lie, fall silent or are long out of date."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import paramiko
import pytest
from paramiko.common import (
    AUTH_FAILED,
    AUTH_PARTIALLY_SUCCESSFUL,
    AUTH_SUCCESSFUL,
    OPEN_SUCCEEDED,
)
from paramiko.sftp import (
    CMD_CLOSE,
    SFTP_EOF,
    SFTP_FAILURE,
    SFTP_NO_SUCH_FILE,
    SFTP_OK,
    SFTP_PERMISSION_DENIED,
)

from h2h.adapters.sftp import CIPHERS, MACS, SftpBank, SftpSession, Timeouts
from h2h.errors import ConfigError, H2HError, HostKeyChanged, LoginRefused, Refused, Transient

if TYPE_CHECKING:
    from tests.adapters.conftest import Gate, SshKey, SshServer, StartServer

QUICK = Timeouts(connect=2.0, login=2.0, idle=1.0, call=1.5, slowest=10_000_000)
BIG = 60_000_000


def never() -> str:
    pytest.fail("a credential was asked for")


def log_in(bank: SftpBank, host: str = "") -> None:
    with bank.session(host):
        pass


def whole_text(error: BaseException | None) -> str:
    """The words of an error and of everything behind it, as a traceback shows them."""
    words = []
    while error is not None:
        words.append(f"{error!r} {error}")
        error = error.__cause__ or error.__context__
    return "\n".join(words)


# ---------------------------------------------------------------------------------- who they are


def test_a_changed_host_key_is_refused_before_any_credential(
    start_server: StartServer, ssh_key: SshKey
) -> None:
    server = start_server()
    other = ssh_key("ed25519", "other").public
    bank = replace(server.bank(), host_keys=[other], private_key=never, password=never)
    with pytest.raises(HostKeyChanged, match="not pinned: ssh-ed25519 SHA256:") as refused:
        log_in(bank)
    assert "Ask the bank" in refused.value.next_move
    assert "user" not in (server.room / "sshd.log").read_text()


def test_a_host_key_of_another_kind_than_the_pinned_is_refused(
    server: SshServer, ssh_key: SshKey
) -> None:
    bank = replace(server.bank(), host_keys=[ssh_key("rsa", "host").public], private_key=never)
    with pytest.raises(HostKeyChanged, match="no host key of the pinned kind"):
        log_in(bank)


def test_two_keys_are_pinned_while_the_bank_rolls_over(server: SshServer, ssh_key: SshKey) -> None:
    keys = [ssh_key("ed25519", "other").public, server.host_key.public + " a comment"]
    log_in(replace(server.bank(), host_keys=keys))


def test_rsa_works_on_both_sides(start_server: StartServer) -> None:
    log_in(start_server(kind="rsa").bank())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"Ciphers": "aes128-cbc,3des-cbc"}, "ciphers"),
        ({"Ciphers": "aes128-ctr", "MACs": "hmac-sha1,hmac-md5"}, "macs"),
        ({"KexAlgorithms": "diffie-hellman-group14-sha1"}, "kex"),
    ],
)
def test_a_server_with_only_weak_algorithms_is_refused_in_words(
    start_server: StartServer, options: dict[str, str], words: str
) -> None:
    bank = replace(start_server(**options).bank(), private_key=never)
    with pytest.raises(LoginRefused, match=f"no longer safe: .*{words}"):
        log_in(bank)


def test_a_server_that_signs_with_sha1_only_is_refused_in_words(start_server: StartServer) -> None:
    bank = start_server(kind="rsa", HostKeyAlgorithms="ssh-rsa").bank()
    with pytest.raises(HostKeyChanged, match="SHA-1"):
        log_in(replace(bank, private_key=never))


def test_nothing_weak_is_ever_offered(server: SshServer) -> None:
    with server.bank().session() as session:
        transport: Any = session._transport
        options = transport.get_security_options()
        offered = [*options.ciphers, *options.digests, *options.kex, *options.key_types]
        assert tuple(options.ciphers) == CIPHERS
        assert tuple(options.digests) == MACS
        assert not [name for name in offered if "cbc" in name or "md5" in name]
        assert not [name for name in offered if name.endswith("sha1") or "sha1-" in name]
        assert transport.remote_cipher == "aes128-gcm@openssh.com"
        assert transport.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# ------------------------------------------------------------------------------------ who we are


def test_a_wrong_key_is_refused_and_not_shown(server: SshServer, ssh_key: SshKey) -> None:
    wrong = ssh_key("ed25519", "other")
    with pytest.raises(LoginRefused, match=r"does not let .* in") as refused:
        log_in(replace(server.bank(), private_key=lambda: wrong.private))
    assert wrong.private.splitlines()[2] not in whole_text(refused.value)


def test_a_server_that_hangs_up_on_a_wrong_key_refused_us(
    start_server: StartServer, ssh_key: SshKey
) -> None:
    wrong = ssh_key("ed25519", "other")
    bank = start_server(MaxAuthTries="1").bank()
    with pytest.raises(LoginRefused, match="Too many authentication failures"):
        log_in(replace(bank, private_key=lambda: wrong.private))


def test_an_unreadable_key_is_named_without_its_content(server: SshServer) -> None:
    secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LXNlY3JldA==\n-----END"
    with pytest.raises(LoginRefused, match="cannot be read") as refused:
        log_in(replace(server.bank(), private_key=lambda: secret))
    assert "c2VjcmV0" not in whole_text(refused.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hosts": []}, "no host"),
        ({"host_keys": []}, "no host key"),
        ({"private_key": None}, "neither a key nor a password"),
        ({"host_keys": ["ssh-ed25519 AAAA"]}, "not one"),
        ({"host_keys": ["ssh-dss AAAAB3NzaC1kc3M="]}, "not one"),
        ({"host_keys": ["SHA256:abc"]}, "not one"),
        ({"proxy": "proxy.example"}, "not host:port"),
    ],
)
def test_a_configuration_that_cannot_work_says_so(
    server: SshServer, change: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        log_in(replace(server.bank(), **change))  # type: ignore[arg-type]  # wrong on purpose


# ------------------------------------------------------------------------------- lines that fail


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that accepts and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_a_silent_server_is_transient(server: SshServer, silent_port: int) -> None:
    with pytest.raises(Transient):
        log_in(replace(server.bank(QUICK), port=silent_port))


def test_a_server_that_is_down_is_transient(server: SshServer, closed_port: int) -> None:
    with pytest.raises(Transient, match=f"127.0.0.1:{closed_port}: Connection refused"):
        log_in(replace(server.bank(), port=closed_port))


def test_the_next_host_is_tried_and_the_session_tells_which_answered(server: SshServer) -> None:
    bank = replace(server.bank(), hosts=["127.0.0.2", "127.0.0.1"])
    with bank.session() as session:
        assert session.host == "127.0.0.1"
    with pytest.raises(Transient, match=r"127\.0\.0\.2"):
        log_in(bank, "127.0.0.2")


def test_a_refusal_is_not_tried_at_the_next_host(server: SshServer, ssh_key: SshKey) -> None:
    tries = []

    def wrong() -> str:
        tries.append(1)
        return ssh_key("ed25519", "other").private

    with pytest.raises(LoginRefused):
        log_in(replace(server.bank(), hosts=["127.0.0.1", "localhost"], private_key=wrong))
    assert len(tries) == 1


def big_file(folder: Path) -> Path:
    path = folder / "big"
    with path.open("wb") as file:
        file.truncate(BIG)
    return path


def when_passed(gate: Gate, amount: int, act: Callable[[], object]) -> threading.Thread:
    """Do `act` once so many bytes went through the gate."""

    def watch() -> None:
        end = time.monotonic() + 20
        while gate.passed < amount and time.monotonic() < end:
            time.sleep(0.001)
        act()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("fault", ["killed", "cut", "silent"])
@pytest.mark.parametrize("direction", ["put", "get"])
def test_a_transfer_that_is_cut_is_transient_and_never_hangs(
    start_server: StartServer,
    gate: Callable[[int], Gate],
    tmp_path: Path,
    fault: str,
    direction: str,
) -> None:
    server = start_server()
    doorway = gate(server.port)
    acts = {"killed": server.kill_sessions, "cut": doorway.cut, "silent": doorway.silent.set}
    big_file(server.folder if direction == "get" else tmp_path)
    with replace(server.bank(QUICK), port=doorway.port).session() as session:
        thread = when_passed(doorway, 1_000_000, acts[fault])
        transfers = {
            "put": lambda: session.put(tmp_path / "big", "big.tmp"),
            "get": lambda: session.get("big", tmp_path / "got", BIG),
        }
        with pytest.raises(Transient, match="big"):
            transfers[direction]()
        thread.join()
        with pytest.raises(Transient):
            session.stat("big")
    assert not (tmp_path / "got").exists()


def test_the_watchdog_ends_what_the_idle_timeout_would_let_go_on(
    server: SshServer, gate: Callable[[int], Gate], tmp_path: Path
) -> None:
    big_file(tmp_path)
    slow = replace(QUICK, idle=60.0, call=0.5, slowest=1_000_000_000)
    doorway = gate(server.port)
    with replace(server.bank(slow), port=doorway.port).session() as session:
        thread = when_passed(doorway, 1_000_000, doorway.silent.set)
        with pytest.raises(Transient, match="no end within 1 seconds"):
            session.put(tmp_path / "big", f"{tmp_path.name}.tmp")
        thread.join()


def test_no_thread_outlives_its_session(server: SshServer, tmp_path: Path) -> None:
    before = threading.active_count()
    (tmp_path / "small").write_bytes(b"x" * 100_000)
    with server.bank().session() as session:
        for number in range(5):
            session.put(tmp_path / "small", f"{tmp_path.name}-{number}")
            session.get(f"{tmp_path.name}-{number}", tmp_path / "back", 100_000)
    end = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() == before


# --------------------------------------------------------------------------------------- a proxy


class Proxy:
    """An HTTP proxy that opens tunnels, or answers with another status."""

    def __init__(self, status: str) -> None:
        self.status = status
        self.asked: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                wire, _ = self._listener.accept()
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    request += wire.recv(1)
                self.asked.append(request)
                wire.sendall(f"HTTP/1.1 {self.status}\r\nVia: test\r\n\r\n".encode())
                if not self.status.startswith("200"):
                    wire.close()
                    continue
                host, port = request.split()[1].decode().split(":")
                far = socket.create_connection((host, int(port)))
                for pair in ((wire, far), (far, wire)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)
        source.close()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def proxy() -> Iterator[Callable[[str], Proxy]]:
    with ExitStack() as stack:

        def make(status: str) -> Proxy:
            made = Proxy(status)
            stack.callback(made.close)
            return made

        yield make


def test_a_session_goes_through_a_proxy(server: SshServer, proxy: Callable[[str], Proxy]) -> None:
    tunnel, place = proxy("200 Connection established"), f"127.0.0.1:{server.port}"
    with replace(server.bank(), proxy=tunnel.address).session() as session:
        assert session.stat("nothing") is None
    assert tunnel.asked == [f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode()]


def test_a_proxy_that_refuses_is_transient(
    server: SshServer, proxy: Callable[[str], Proxy], silent_port: int
) -> None:
    with pytest.raises(Transient, match=r"through the proxy .* refuses: 'HTTP/1.1 403 Forbidden'"):
        log_in(replace(server.bank(), proxy=proxy("403 Forbidden").address))
    with pytest.raises(Transient, match=r"through the proxy .* no answer in time"):
        log_in(replace(server.bank(QUICK), proxy=f"127.0.0.1:{silent_port}"))


# ------------------------------------------------------------------- a server that does as it likes


@dataclass
class Mood:
    """How the server below behaves."""

    factors: list[set[str]] = field(default_factory=lambda: [{"publickey"}])
    password: str = "pass-word-of-corp"
    told_size: int = 10
    content: bytes = b"0123456789"
    endless: bool = False
    names: list[str] = field(default_factory=list)
    open_answer: int = SFTP_OK
    write_answer: int = SFTP_OK
    close_fails: bool = False


class Login(paramiko.ServerInterface):
    def __init__(self, mood: Mood) -> None:
        self.left = [set(step) for step in mood.factors]
        self.mood = mood

    def get_allowed_auths(self, username: str) -> str:
        return ",".join(sorted(self.left[0])) if self.left else ""

    def _given(self, factor: str) -> int:
        if factor not in self.left[0]:
            return AUTH_FAILED
        self.left.pop(0)
        return AUTH_PARTIALLY_SUCCESSFUL if self.left else AUTH_SUCCESSFUL

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return self._given("publickey")

    def check_auth_password(self, username: str, password: str) -> int:
        right = password == self.mood.password
        return self._given("password") if right else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED


class Handle(paramiko.SFTPHandle):
    mood: Mood

    def stat(self) -> paramiko.SFTPAttributes:
        return facts("f", self.mood.told_size)

    def read(self, offset: int, length: int) -> bytes | int:
        if self.mood.endless:
            return b"x" * length
        return self.mood.content[offset : offset + length] or SFTP_EOF

    def write(self, offset: int, data: object) -> int:
        return self.mood.write_answer


def facts(name: str, size: int, mode: int = 0o100600) -> paramiko.SFTPAttributes:
    made = paramiko.SFTPAttributes()
    made.filename, made.st_size, made.st_mtime, made.st_atime = name, size, 1, 1
    made.st_mode = mode
    return made


class Files(paramiko.SFTPServerInterface):
    def __init__(self, server: paramiko.ServerInterface, mood: Mood) -> None:
        super().__init__(server)
        self.mood = mood

    def open(self, path: str, flags: int, attr: object) -> Handle | int:
        if self.mood.open_answer != SFTP_OK:
            return self.mood.open_answer
        handle = Handle(flags)
        handle.mood = self.mood
        return handle

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes]:
        return [facts(name, 1) for name in self.mood.names]

    def lstat(self, path: str) -> paramiko.SFTPAttributes | int:
        return SFTP_NO_SUCH_FILE

    stat = lstat


class Subsystem(paramiko.SFTPServer):
    """Answers a close as its mood says: paramiko's own server always says yes."""

    def _process(self, kind: int, number: int, message: paramiko.Message) -> None:
        mood: Mood = self.server.mood  # type: ignore[attr-defined]  # not in paramiko's types
        if kind == CMD_CLOSE and mood.close_fails:
            self._send_status(number, SFTP_FAILURE, "quota")  # type: ignore[attr-defined]
        else:
            super()._process(kind, number, message)  # type: ignore[misc]


@pytest.fixture
def moody(ssh_key: SshKey) -> Iterator[Callable[[Mood], SftpBank]]:
    """moody(mood): a bank whose server is made of paramiko and does as it likes."""
    host_key, corp = ssh_key("ed25519", "host"), ssh_key("ed25519", "corp")
    with ExitStack() as stack:

        def start(mood: Mood) -> SftpBank:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve() -> None:
                with suppress(OSError):
                    while True:
                        wire, _ = listener.accept()
                        transport = paramiko.Transport(wire)
                        stack.callback(transport.close)
                        transport.add_server_key(paramiko.Ed25519Key(filename=str(host_key.path)))
                        transport.set_subsystem_handler("sftp", Subsystem, Files, mood)
                        with suppress(paramiko.SSHException, EOFError):
                            transport.start_server(server=Login(mood))

            threading.Thread(target=serve, daemon=True).start()
            stack.callback(lambda: listener.shutdown(socket.SHUT_RDWR))
            return SftpBank(
                hosts=["127.0.0.1"],
                username="corp",
                host_keys=[host_key.public],
                private_key=lambda: corp.private,
                port=listener.getsockname()[1],
                timeouts=QUICK,
            )

        yield start


Moody = Callable[[Mood], SftpBank]


@pytest.mark.parametrize(
    "factors",
    [
        [{"publickey"}, {"password"}],
        [{"password"}, {"publickey"}],
        [{"password"}],
        [{"publickey", "password"}],
    ],
)
def test_key_and_password_are_given_in_the_order_the_bank_wants(
    moody: Moody, factors: list[set[str]]
) -> None:
    mood = Mood(factors=factors)
    with replace(moody(mood), password=lambda: mood.password).session() as session:
        assert session.stat("x") is None


def test_a_missing_second_factor_is_named(moody: Moody) -> None:
    with pytest.raises(LoginRefused, match="also asks for: password"):
        log_in(moody(Mood(factors=[{"publickey"}, {"password"}])))
    with pytest.raises(LoginRefused, match="also asks for: password"):
        log_in(moody(Mood(factors=[{"password"}])))


def test_a_wrong_password_is_refused_and_never_shown(moody: Moody) -> None:
    bank = moody(Mood(factors=[{"publickey"}, {"password"}]))
    with pytest.raises(LoginRefused) as refused:
        log_in(replace(bank, password=lambda: "pass-word-of-yesterday"))
    assert "yesterday" not in whole_text(refused.value)


def fetched(bank: SftpBank, tmp_path: Path, largest: int) -> H2HError:
    with bank.session() as session, pytest.raises((Transient, Refused)) as error:
        session.get("f", tmp_path / "got", largest)
    assert list(tmp_path.iterdir()) == []
    caught: H2HError = error.value
    return caught


def test_a_file_shorter_or_longer_than_announced_is_fetched_again(
    moody: Moody, tmp_path: Path
) -> None:
    assert "10 bytes came, 20 were announced" in str(
        fetched(moody(Mood(told_size=20)), tmp_path, 1000)
    )
    assert "10 bytes came, 7 were announced" in str(
        fetched(moody(Mood(told_size=7)), tmp_path, 1000)
    )


def test_an_endless_file_ends_at_the_limit(moody: Moody, tmp_path: Path) -> None:
    error = fetched(moody(Mood(endless=True)), tmp_path, 200_000)
    assert isinstance(error, Refused)
    assert "larger than 200000 bytes" in str(error)


def test_hostile_names_are_left_out(moody: Moody) -> None:
    names = ["../x", "/etc/passwd", "a/b", "a\nb", "a\\b", "..", "", "good.xml", "x" * 256]
    with moody(Mood(names=names)).session() as session:
        assert [remote.name for remote in session.listing("in", 100)] == ["good.xml"]


@pytest.mark.parametrize(
    ("mood", "kind", "words"),
    [
        (Mood(open_answer=SFTP_PERMISSION_DENIED), Refused, "Permission denied"),
        (Mood(open_answer=SFTP_FAILURE), Refused, "Failure"),
        (Mood(write_answer=SFTP_FAILURE), Transient, "Failure"),
        (Mood(close_fails=True), Transient, "quota"),
    ],
)
@pytest.mark.parametrize("size", [5, 500_000])
def test_a_server_that_does_not_take_all_is_heard(
    moody: Moody, tmp_path: Path, mood: Mood, kind: type[H2HError], words: str, size: int
) -> None:
    (tmp_path / "payload").write_bytes(os.urandom(size))
    with moody(mood).session() as session:
        with pytest.raises(kind, match=words):
            session.put(tmp_path / "payload", "f.tmp")
        assert session.stat("x") is None  # the session itself is sound


def test_a_local_file_that_cannot_be_read_is_no_fault_of_the_bank(
    moody: Moody, tmp_path: Path
) -> None:
    with moody(Mood()).session() as session, pytest.raises(H2HError, match=r"reading .*missing"):
        session.put(tmp_path / "missing", "f.tmp")


def test_the_session_is_the_port(server: SshServer) -> None:
    with server.bank().session() as session:
        assert isinstance(session, SftpSession)
