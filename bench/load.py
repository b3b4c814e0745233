"""What a flood of small files costs, beside bare gpg: python bench/load.py [--files 1000].

One-payment files are dropped at once, and one whole `h2h run --once` takes, checks, seals and
delivers them to OpenSSH's sshd, over one session. Beside it, in the same run, as many shells as
there are agents do nothing but run gpg over the same files, each in a home and with an agent of its
own. The bank's own log (sftp-server's) and the files that lie there say what arrived.

--rounds takes turns; --keys chooses their kind; --profile runs h2h once more under cProfile.
"""

from __future__ import annotations

import argparse
import getpass
import hashlib
import os
import pstats
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import payment_files
from measure import Cost, median, run, told

H2H = Path(sys.executable).parent / "h2h"
SFTP_SERVER = "/usr/lib/openssh/sftp-server"
RENAMED = re.compile(r'^rename old ".*" new "(.*)"$', re.MULTILINE)
CONFIG = """[h2h]
environment = "test"

[banks.bank]
calendar = "ECB"
zone = "Europe/Berlin"
accounts = [{{ iban = "{iban}", currency = "EUR" }}]

[banks.bank.sftp]
hosts = ["127.0.0.1"]
port = {port}
username = "{user}"
private_key = "file:{key}"
host_keys = ["{host_key}"]
upload = {{ folder = "in", temporary = "{{name}}.{{attempt}}.tmp", publish = "rename" }}

[banks.bank.pgp]
home = "{home}"
{agents}sign_with = "{ours}"
encrypt_to = ["{theirs}"]
accept_from = ["{theirs}"]

[banks.bank.door]
settle = 0  # they are renamed into the door
"""

PROFILED = """
import cProfile, runpy, sys, time
profile = cProfile.Profile(time.thread_time)
path, sys.argv = sys.argv[1], sys.argv[2:]
try:
    profile.runcall(runpy.run_path, sys.argv[0], run_name="__main__")
finally:
    profile.dump_stats(path)
"""


@dataclass(frozen=True)
class Keys:
    """Our key and the bank's, each in a home of its own."""

    ring: Path
    bank: Path
    ours: str
    theirs: str

    @classmethod
    def made(cls, folder: Path, kind: str) -> Keys:
        """New keys of gpg's algorithm `kind`."""
        ring, bank = folder / "ring", folder / "bank-ring"
        ours, theirs = _key(ring, "us", kind), _key(bank, "bank", kind)
        for holder, taker in ((bank, ring), (ring, bank)):
            public = gpg(holder, "--export")
            command = [*_gpg(taker), "--import"]
            subprocess.run(command, input=public, check=True, capture_output=True)
        return cls(ring, bank, ours, theirs)


def _gpg(home: Path) -> list[str]:
    return ["gpg", "--homedir", str(home), "--batch", "--quiet"]


def gpg(home: Path, *arguments: str) -> bytes:
    """What gpg says."""
    return subprocess.run([*_gpg(home), *arguments], check=True, capture_output=True).stdout


def _key(home: Path, name: str, kind: str) -> str:
    home.mkdir(mode=0o700)
    bare = ["--passphrase", "", "--pinentry-mode", "loopback"]
    pair = {"ed25519": ("ed25519", "cv25519")}.get(kind, (kind, kind))
    gpg(home, *bare, "--quick-gen-key", f"{name}@example.com", pair[0], "sign", "never")
    lines = gpg(home, "--with-colons", "--list-keys").decode().splitlines()
    fingerprint = next(line.split(":")[9] for line in lines if line.startswith("fpr"))
    gpg(home, *bare, "--quick-add-key", fingerprint, pair[1], "encr", "never")
    return fingerprint


def end_agent(home: Path) -> None:
    """End the agent of a home, if one runs."""
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


# --------------------------------------------------------------------------------------- the bank


@contextmanager
def bank_server(folder: Path) -> Iterator[int]:
    """OpenSSH's sshd, its files in `folder`/bank, its log in `folder`/bank.log; its port."""
    for name in ("host", "user"):
        path = folder / name
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
        subprocess.run(command, check=True)
    shutil.copyfile(folder / "user.pub", folder / "authorized")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it when it is root
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nPermitRootLogin yes\n"
        f"Subsystem sftp {SFTP_SERVER} -e -l INFO -d {folder}/bank 2>>{folder}/bank.log\n"
    )
    with (folder / "sshd.log").open("wb") as log:
        command = ["/usr/sbin/sshd", "-D", "-e", "-f", str(folder / "sshd_config")]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait_for(port)
        yield port
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit("sshd does not listen")


# -------------------------------------------------------------------------------------- one round


@dataclass(frozen=True)
class Bench:
    """Files, keys and a server, for any number of rounds."""

    folder: Path
    keys: Keys
    port: int
    agents: int
    count: int

    @property
    def made(self) -> Path:
        """Where the files lie until they are dropped."""
        return self.folder / "made"

    @property
    def room(self) -> Path:
        """The workspace of h2h."""
        return self.folder / "room"

    def make(self) -> None:
        """The files, executed tomorrow."""
        self.made.mkdir(exist_ok=True)
        day = str(date.today() + timedelta(days=1))  # noqa: DTZ011 - here
        for number in range(1, self.count + 1):
            payment_files.write(self.made / f"pay-{number:06}.xml", 1, day, number)

    def bare(self) -> Cost:
        """gpg alone: as many shells as agents, each with a copy of the ring, and a part of all."""
        rings = [self.folder / f"bare-{number}" for number in range(self.agents)]
        for ring in rings:
            shutil.copytree(self.keys.ring, ring, ignore=shutil.ignore_patterns("S.*", "*.lock"))
        out = self.folder / "bare"
        out.mkdir()
        cost = run(["bash", "-c", self._loops(rings, out)])
        if len(list(out.iterdir())) != self.count:
            raise SystemExit("bare gpg did not seal every file")
        for ring in rings:
            end_agent(ring)
        for folder in (*rings, out):
            shutil.rmtree(folder)
        return cost

    def _loops(self, rings: list[Path], out: Path) -> str:
        """Every file's number modulo the agents tells whose it is."""
        seal = (
            "gpg --homedir {ring} --batch --quiet --no-options --trust-model always -z1 "
            "--cipher-algo AES256 --digest-algo SHA256 --local-user {ours} --recipient {theirs} "
            '--sign --encrypt --output {out}/"${{f##*/}}".pgp -- "$f"'
        )
        loops = []
        for number, ring in enumerate(rings):
            names = f"{self.made}/*.xml"
            run_gpg = seal.format(ring=ring, ours=self.keys.ours, theirs=self.keys.theirs, out=out)
            mine = f"(( n++ % {len(rings)} == {number} )) || continue"
            loops.append(f"( n=0; for f in {names}; do {mine}; {run_gpg}; done ) &")
        return " ".join([*loops, "wait"])

    def ours(self, *before: str) -> Cost:
        """A whole `h2h run --once` over the files, dropped at once into a room that knew none."""
        self._furnish()
        run([str(H2H), "--config", str(self.room / "config.toml"), "run", "--once"])
        began = time.monotonic()
        for path in self.made.iterdir():
            path.rename(self.room / "outbox" / "bank" / path.name)
        dropped = time.monotonic() - began
        if dropped > 1:
            print(f"  (dropping them took {dropped:.1f} s)")
        h2h = [*before, str(H2H), "--config", str(self.room / "config.toml"), "run", "--once"]
        cost = run(["sh", "-c", f'exec "$@" 2>"{self.folder}/journal"', "sh", *h2h])
        try:
            for line in self.verdict():
                print(f"  {line}")
        except SystemExit:
            print((self.folder / "journal").read_text()[-2000:])
            raise
        return cost

    def _furnish(self) -> None:
        for name in ("room", "bank"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        (self.folder / "bank" / "in").mkdir(parents=True)
        (self.folder / "bank.log").write_bytes(b"")
        self.room.mkdir(mode=0o700)
        text = CONFIG.format(
            iban="DE89370400440532013000",
            port=self.port,
            user=getpass.getuser(),
            key=self.folder / "user",
            host_key=" ".join((self.folder / "host.pub").read_text().split()[:2]),
            home=self.keys.ring,
            agents=f"agents = {self.agents}\n" if self.agents > 1 else "",
            ours=self.keys.ours,
            theirs=self.keys.theirs,
        )
        (self.room / "config.toml").write_text(text)

    # -- what arrived

    def verdict(self) -> Iterator[str]:
        """What the bank's own log and folder say, compared with the ledger; raises on any loss."""
        log = (self.folder / "bank.log").read_text()
        shown = Counter(Path(name).name for name in RENAMED.findall(log))
        twice = [name for name, times in shown.items() if times > 1]
        there = {path.name: digest(path) for path in (self.folder / "bank" / "in").iterdir()}
        ledger = sqlite3.connect(self.room / "ledger.db")
        rows = ledger.execute("SELECT name, state, final_name, sealed_sha256 FROM files").fetchall()
        ledger.close()
        sent = {row[2]: row[3] for row in rows if row[1] == "sent"}
        answers = self.room / "inbox" / "bank" / "answers"
        told_sent = sum('"verdict": "sent"' in path.read_text() for path in answers.glob("*.json"))
        yield (
            f"{len(shown)} shown to the bank, {len(twice)} twice, {len(there)} there, "
            f"{len(sent)} sent by the ledger, {told_sent} answers say so"
        )
        sessions = log.count("session opened")
        yield f"{sessions} session(s)"
        names = {row[0] for row in rows}
        if not (len(shown) == len(there) == len(names) == told_sent == self.count):
            raise SystemExit("not every file was delivered and answered")
        if twice or there != sent:
            raise SystemExit("what lies at the bank is not what was sealed")
        yield from self._opened(sorted(there)[:: max(1, self.count // 20)])

    def _opened(self, names: list[str]) -> Iterator[str]:
        """The bank opens some of them."""
        dropped = {digest(path) for path in self.room.glob("archive/*/*/*/*/original.xml")}
        home = self.keys.bank
        opened = {
            hashlib.sha256(gpg(home, "--decrypt", f"{self.folder}/bank/in/{name}")).hexdigest()
            for name in names
        }
        if len(dropped) != self.count or not opened <= dropped or len(opened) != len(names):
            raise SystemExit("what the bank opens is not what was dropped")
        yield f"the bank opened {len(names)} of them: each another one of those dropped"

    def profile(self) -> None:
        """Once more, slower, under Python's profiler: where the main thread's CPU time goes."""
        self.make()
        path = self.folder / "profile"
        self.ours(sys.executable, "-c", PROFILED, str(path))
        for order in ("tottime", "cumulative"):
            pstats.Stats(str(path)).sort_stats(order).print_stats(60)


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--agents", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--keys", default="rsa3072", help="rsa2048, rsa3072, rsa4096, ed25519")
    parser.add_argument("--profile", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        keys = Keys.made(folder, asked.keys)
        try:
            with bank_server(folder) as port:
                measure(Bench(folder, keys, port, asked.agents, asked.files), asked)
        finally:
            end_agent(keys.ring)
            end_agent(keys.bank)


def measure(bench: Bench, asked: argparse.Namespace) -> None:
    """Both in turns, then the ratio."""
    print(f"{bench.count:,} files of one payment, {asked.keys}, {bench.agents} agent(s)")
    bare, ours = [], []
    for _ in range(asked.rounds):
        bench.make()
        bare.append(bench.bare())
        ours.append(bench.ours())
    print(told("bare gpg", bare))
    print(told("h2h run --once", ours))
    each = median(ours) / bench.count * 1e3
    print(f"  ratio {median(ours) / median(bare):.2f} (1.5), {each:.1f} ms a file")
    if asked.profile:
        bench.profile()


if __name__ == "__main__":
    main()
