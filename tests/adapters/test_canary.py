"""Planted secrets, looked for everywhere after a day's work: none of them may be found.

h2h runs as a program of its own beside a real sshd and a real gpg whose key has a passphrase, and
under strace, which sees the arguments and the environment of every program that is started.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.flows.conftest import report_file, statement

if TYPE_CHECKING:
    from tests.adapters.conftest import MakeParty, Party, SshServer, StartServer
    from tests.conftest import PaymentFile

PASSPHRASE = "canary passphrase 金丝雀 9f3a"
WRONG = "canary of yesterday 71c0"
PASSWORD = "canary-password-5d1e"
VARIABLE = "H2H_CANARY_PASSWORD"
CONFIG = """
[h2h]
environment = "test"

[banks.acme]
calendar = "ECB"
zone = "Europe/Berlin"

[banks.acme.sftp]
hosts = ["127.0.0.1"]
port = {port}
username = "{user}"
private_key = "file:ssh-key"
password = "env:{variable}"
host_keys = ["{host_key}"]
upload = {{ folder = "in" }}
download = [{{ folder = "out", pattern = "*.pgp", after = "delete" }}]

[banks.acme.pgp]
home = "{home}"
passphrase = "file:passphrase"
sign_with = "{ours}"
encrypt_to = ["{banks}"]
accept_from = ["{banks}"]

[banks.acme.door]
settle = 0
{more}
[[banks.acme.accounts]]
iban = "DE89370400440532013000"
currency = "EUR"
"""


@dataclass
class Workspace:
    """Ours, with secrets in files and in a variable; what h2h said and did is kept."""

    root: Path
    server: SshServer
    corp: Party
    bank: Party
    said: list[str] = field(default_factory=list)
    traces: list[str] = field(default_factory=list)

    def furnish(self) -> None:
        for folder in ("in", "out"):
            (self.server.folder / folder).mkdir()
        self.write_config()
        self.keep("passphrase", PASSPHRASE)
        self.keep("ssh-key", self.server.allowed.private)

    def write_config(self, more: str = "") -> None:
        text = CONFIG.format(
            port=self.server.port,
            user=getpass.getuser(),
            variable=VARIABLE,
            host_key=self.server.host_key.public,
            home=self.corp.home,
            ours=self.corp.fingerprint,
            banks=self.bank.fingerprint,
            more=more,
        )
        self.keep("config.toml", text)

    def keep(self, name: str, content: str) -> None:
        path = self.root / name
        path.write_text(content)
        path.chmod(0o600)

    def run(self, *arguments: str) -> int:
        """h2h with the loosest umask there is; its exit code."""
        command, around = self._command(*arguments), self._around()
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=120, **around
        )
        self.said += [done.stdout, done.stderr]
        return done.returncode

    def run_traced(self, *arguments: str) -> None:
        """The same under strace, which ends only when the agent that gpg started has ended too."""
        log, output = self.root.parent / "strace.log", self.root.parent / "output"
        options = ("-f", "-qq", "-v", "-s", "100000", "-e", "trace=execve,prctl,prlimit64")
        tracer = ["strace", "--seccomp-bpf", *options, "-o", str(log)]
        with output.open("w") as to:
            command = [*tracer, *self._command(*arguments)]
            around = self._around()
            around["env"]["PATH"] = f"{self._wrapped_gpg()}:{around['env']['PATH']}"
            process = subprocess.Popen(command, stdout=to, stderr=to, **around)
        end = time.monotonic() + 120
        while "\nDone;" not in output.read_text() and process.poll() is None:
            assert time.monotonic() < end, output.read_text()
            time.sleep(0.05)
        self.corp.stop_agent()
        process.wait(60)
        self.said.append(output.read_text())
        self.traces.append(log.read_text(errors="surrogateescape"))

    def _command(self, *arguments: str) -> list[str]:
        config = str(self.root / "config.toml")
        return [sys.executable, "-m", "h2h", "--config", config, *arguments]

    def _wrapped_gpg(self) -> Path:
        """A folder with a gpg that notes what it was given: a plain user's strace cannot look into
        h2h, which lets nobody do so."""
        folder = self.root.parent / "bin"
        folder.mkdir()
        note = f'printf "%s\\n" gpg "$@" >> {folder}/given; env >> {folder}/given'
        (folder / "gpg").write_text(f'#!/bin/sh\n{note}\nexec {shutil.which("gpg")} "$@"\n')
        (folder / "gpg").chmod(0o700)
        return folder

    def _around(self) -> dict[str, Any]:
        """How its process is started: with the secret variable, and with no mask at all."""
        return {"env": {**os.environ, VARIABLE: PASSWORD}, "cwd": self.root, "umask": 0}

    def secrets(self) -> list[str]:
        """Each as it may be written: plain, as bytes that strace escapes, a key's own lines."""
        key = self.server.allowed.private.splitlines()[1:-1]
        octal = "".join(chr(b) if b < 128 else f"\\{b:o}" for b in PASSPHRASE.encode())
        return [PASSPHRASE, octal, "canary passphrase", "9f3a", WRONG, PASSWORD, *key[1:-1]]

    def places(self) -> Iterator[tuple[str, str]]:
        """(where, what): everything that was said, started, or lies on disk."""
        for number, text in enumerate(self.said):
            yield f"output {number}", text
        for number, trace in enumerate(self.traces):
            own, *children = re.findall(r"(?m)^\d+ +execve\(.*", trace)
            assert VARIABLE in own  # that process was given it; nobody else may be
            for line in children:
                yield f"a program of run {number}", line
        given = self.root.parent / "bin" / "given"
        if self.traces:
            assert "--passphrase-fd" in given.read_text()
            yield "what gpg was given", given.read_text()
        own_secrets = {self.root / "passphrase", self.root / "ssh-key"}
        folders = (self.root, self.corp.home, self.server.room)
        for folder in folders:
            for path in folder.rglob("*"):
                if path.is_file() and path not in own_secrets:
                    yield str(path), path.read_bytes().decode(errors="surrogateescape")

    def leaks(self) -> list[tuple[str, str]]:
        return [(where, s) for where, text in self.places() for s in self.secrets() if s in text]


@pytest.fixture
def workspace(start_server: StartServer, keyrings: MakeParty, tmp_path: Path) -> Workspace:
    corp, bank = keyrings("canary-corp", passphrase=PASSPHRASE), keyrings("canary-bank")
    corp.learns(bank)
    bank.learns(corp)
    corp.stop_agent()
    root = tmp_path / "workspace"
    root.mkdir(mode=0o700)
    made = Workspace(root, start_server(), corp, bank)
    made.furnish()
    return made


def loose(root: Path) -> Mapping[str, str]:
    """What others could read or enter, with its mode."""
    modes = {path: path.lstat().st_mode & 0o777 for path in (root, *root.rglob("*"))}
    return {str(path): oct(mode) for path, mode in modes.items() if mode & 0o077}


def test_after_a_days_work_no_secret_is_anywhere_and_nothing_is_open_to_others(
    workspace: Workspace, payment_file: PaymentFile
) -> None:
    assert workspace.run("run", "--once") == 0, workspace.said  # sees its doors empty
    (workspace.root / "outbox" / "acme" / "pay.xml").write_bytes(payment_file())
    (workspace.root / "outbox" / "acme" / "pay.xml").chmod(0o600)
    sealed = workspace.bank.gpg(
        *("--sign", "-u", workspace.bank.fingerprint, "--encrypt"),
        *("-r", workspace.corp.fingerprint, "--output", "-"),
        stdin=report_file(statement("1")),
    )
    (workspace.server.folder / "out" / "st.xml.pgp").write_bytes(sealed)
    workspace.corp.stop_agent()
    workspace.run_traced("run", "--once")
    (sent,) = (workspace.server.folder / "in").iterdir()
    assert workspace.bank.gpg("--decrypt", sent) == payment_file()
    assert list((workspace.root / "inbox" / "acme" / "statements").glob("*.xml"))
    (trace,) = workspace.traces
    assert "gpg-agent" in trace  # it was started, and so seen
    assert workspace.leaks() == []
    assert loose(workspace.root) == {}
    assert_kept_to_itself(trace)


def assert_kept_to_itself(trace: str) -> None:
    """No core file, and no debugger of the same user."""
    main = trace.split(maxsplit=1)[0]
    own = [line for line in trace.splitlines() if line.startswith(f"{main} ")]
    assert any("prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE" in line for line in own)
    core = "prlimit64(0, RLIMIT_CORE, {rlim_cur=0, rlim_max=0}"
    assert any(core in line for line in own)


def test_what_fails_tells_no_secret(workspace: Workspace, payment_file: PaymentFile) -> None:
    assert workspace.run("run", "--once") == 0, workspace.said
    (workspace.root / "outbox" / "acme" / "pay.xml").write_bytes(payment_file())
    workspace.keep("passphrase", WRONG)
    workspace.keep("ssh-key", workspace.server.allowed.private[:-60] + PASSWORD)
    assert workspace.run("run", "--once") == 1
    said = "".join(workspace.said)
    assert "passphrase of our key" in said
    assert "private key for the bank's server cannot be read" in said
    workspace.write_config(more=f'passphrase = "{PASSWORD}"\n')  # in the wrong table, and in clear
    assert workspace.run("config", "check") == 2
    workspace.write_config()
    assert "Traceback" not in "".join(workspace.said)
    assert workspace.leaks() == []
