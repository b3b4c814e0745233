"""Real parts on free ports of 127.0.0.1: OpenSSH's sshd, GnuPG homes, a gate in front of a server.

Everything lives in temporary folders and is stopped by its own process id. And bank files read as a
whole.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from h2h.adapters.messages import Iso20022Messages
from h2h.adapters.messages.iso20022 import lifting
from h2h.adapters.sftp import SftpBank, Timeouts
from h2h.core.problem import Problem
from h2h.core.statement import Statement, whole
from h2h.core.status import StatusReport

QUICK = Timeouts(connect=2.0, login=3.0, idle=2.0, call=3.0, slowest=1_000_000)
Wait = Callable[[Callable[[], bool], str], None]


def wait_until(true: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Wait for a condition, with a deadline."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.01)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class KeyPair:
    """An SSH key on disk."""

    path: Path

    @property
    def private(self) -> str:
        return self.path.read_text()

    @property
    def public(self) -> str:
        """`type base64`"""
        return " ".join(self.path.with_suffix(".pub").read_text().split()[:2])


@dataclass
class SshServer:
    """OpenSSH's sshd with internal-sftp, everybody's home being `folder`."""

    room: Path
    host_key: KeyPair
    allowed: KeyPair
    options: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=_free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        return self.room / "bank"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it when it is root
        (self.room / "authorized").write_text(self.allowed.public + "\n")
        settings = {
            "Port": str(self.port),
            "ListenAddress": "127.0.0.1",
            "HostKey": str(self.host_key.path),
            "PidFile": "none",
            "AuthorizedKeysFile": str(self.room / "authorized"),
            "StrictModes": "no",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "PermitRootLogin": "yes",
            "Subsystem": f"sftp internal-sftp -d {self.folder}",
            **self.options,
        }
        config = self.room / "sshd_config"
        config.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        with (self.room / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["/usr/sbin/sshd", "-D", "-e", "-f", config], stdout=log, stderr=log
            )
        wait_until(self._speaks, "sshd listens")

    def _speaks(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as wire:
            return wire.recv(4) == b"SSH-"
        return False

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def kill_sessions(self) -> int:
        """Kill what sshd forked for its logins, by their own pids; how many there were."""
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        children = [int(pid) for pid in path.read_text().split()]
        for pid in children:
            for grandchild in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                os.kill(int(grandchild), 9)
            os.kill(pid, 9)
        return len(children)

    def bank(self, timeouts: Timeouts = QUICK) -> SftpBank:
        """A bank that logs in here as it should."""
        return SftpBank(
            hosts=["127.0.0.1"],
            username=getpass.getuser(),
            host_keys=[self.host_key.public],
            private_key=lambda: self.allowed.private,
            port=self.port,
            timeouts=timeouts,
        )


@pytest.fixture(scope="session")
def ssh_key(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], KeyPair]:
    """ssh_key(kind, name): an SSH key, made once."""
    room = tmp_path_factory.mktemp("ssh-keys")

    def make(kind: str, name: str) -> KeyPair:
        path = room / f"{kind}-{name}"
        if not path.exists():
            size = ["-b", "2048"] if kind == "rsa" else []
            command = ["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", name, "-f", str(path)]
            subprocess.run(command, check=True)
        return KeyPair(path)

    return make


SshKey = Callable[[str, str], KeyPair]
StartServer = Callable[..., SshServer]


@pytest.fixture(scope="module")
def learning_at_once() -> Iterator[None]:
    """Shapes are learned of the first payments and entries too, so that short files have some."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lifting, "AT_FIRST", 0)
        yield


@pytest.fixture
def start_server(tmp_path: Path, ssh_key: SshKey) -> Iterator[StartServer]:
    """start_server(**options): an sshd of one's own; `kind` chooses the keys' algorithm."""
    with ExitStack() as stack:

        def start(kind: str = "ed25519", **options: str) -> SshServer:
            room = Path(tempfile.mkdtemp(dir=tmp_path))
            server = SshServer(room, ssh_key(kind, "host"), ssh_key(kind, "corp"), options)
            stack.callback(server.stop)
            server.start()
            return server

        yield start


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, ssh_key: SshKey) -> Iterator[SshServer]:
    """One sshd for all tests that do it no harm."""
    room = tmp_path_factory.mktemp("sshd")
    shared = SshServer(room, ssh_key("ed25519", "host"), ssh_key("ed25519", "corp"))
    shared.start()
    yield shared
    shared.stop()


class Gate:
    """A TCP gate in front of a server: it can fall silent, cut, or count."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.silent = threading.Event()
        self.passed = 0
        self._wires: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                wire, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._wires += [wire, far]
                for source, target in ((wire, far), (far, wire)):
                    threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if self.silent.is_set():
                    continue
                self.passed += len(data)
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        for wire in self._wires:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for wire in self._wires:
            wire.close()


@pytest.fixture
def gate() -> Iterator[Callable[[int], Gate]]:
    """gate(port): a gate in front of a server."""
    with ExitStack() as stack:

        def make(port: int) -> Gate:
            made = Gate(port)
            stack.callback(made.close)
            return made

        yield make


# ------------------------------------------------------------------------------------------ OpenPGP


@dataclass
class Party:
    """Somebody with a GnuPG home and a key."""

    home: Path
    fingerprint: str = ""
    passphrase: str = ""

    def gpg(self, *arguments: str | Path, stdin: bytes = b"") -> bytes:
        """Run gpg in this home, without any question asked; what it writes."""
        return self._gpg(*arguments, stdin=stdin).stdout

    def gpg_says(self, *arguments: str | Path, stdin: bytes = b"") -> str:
        """The same; its words for people."""
        return self._gpg(*arguments, stdin=stdin).stderr.decode(errors="replace")

    def _gpg(
        self, *arguments: str | Path, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--yes", "--no-tty"]
        command += ["--pinentry-mode", "loopback", "--passphrase", self.passphrase]
        command += ["--trust-model", "always", *map(str, arguments)]
        done = subprocess.run(command, input=stdin, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done

    def new_key(self, name: str, kind: str, expires: str, *options: str) -> str:
        """Make a key for signing with a subkey for encryption; its fingerprint."""
        known = self.fingerprints()
        signing, encryption = ("ed25519", "cv25519") if kind == "ed25519" else (kind, kind)
        self.gpg(*options, "--quick-generate-key", name, signing, "cert,sign", expires)
        (made,) = self.fingerprints() - known
        self.gpg(*options, "--quick-add-key", made, encryption, "encr", expires)
        return made

    def fingerprints(self) -> set[str]:
        """Of the primary keys in the ring."""
        lines = self.gpg("--with-colons", "--list-keys").decode().splitlines()
        return {after.split(":")[9] for line, after in pairwise(lines) if line.startswith("pub")}

    def learns(self, other: Party, fingerprint: str = "") -> None:
        """Import the other's public key, as it stands now."""
        self.gpg("--import", stdin=other.gpg("--export", fingerprint or other.fingerprint))

    def stop_agent(self) -> None:
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False)


MakeParty = Callable[..., Party]


@pytest.fixture(scope="session")
def keyrings() -> Iterator[MakeParty]:
    """keyrings(name, kind, ...): a home with a key, made once a name; its agent ends at last."""
    room = Path(tempfile.mkdtemp(prefix="pgp"))  # short: the agent's socket has 107 bytes
    made: dict[str, Party] = {}

    def make(
        name: str,
        kind: str = "ed25519",
        *options: str,
        expires: str = "2y",
        passphrase: str = "",
    ) -> Party:
        label = f"{name}-{kind}"
        if label not in made:
            home = room / label
            home.mkdir(mode=0o700)
            made[label] = party = Party(home, passphrase=passphrase)
            party.fingerprint = party.new_key(name, kind, expires, *options)
        return made[label]

    yield make
    for party in made.values():
        party.stop_agent()
    shutil.rmtree(room, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class WholeMessage:
    """A bank file after its last part was read."""

    message: str
    message_id: str
    statements: tuple[Statement, ...]
    report: StatusReport | None
    problems: tuple[Problem, ...]


ReadWhole = Callable[[Path, int], WholeMessage]


@pytest.fixture(scope="session")
def read_whole() -> ReadWhole:
    """read_whole(path, largest): a bank file read to its end; raises what its parts raise."""

    def reads(path: Path, largest: int) -> WholeMessage:
        found = Iso20022Messages().read(path, largest)
        statements = tuple(whole(found.parts))
        return WholeMessage(
            found.message, found.message_id, statements, found.report, tuple(found.problems)
        )

    return reads
