"""What carrying files costs beside OpenSSH's own client: python bench/sftp.py [--rounds 7] [PART…].

Both speak with the same sshd on 127.0.0.1 and take turns; logging in and out is part of every
time. OpenSSH's is a whole process; ours, as in the daemon, is a session in a process that has its
imports behind it. A ratio is OpenSSH's median by ours: above 1 we are faster. OpenSSH runs as it
comes, and once more with our cipher.

Parts: large (one file of 256 MB), small (1,000 files of 4 KB in one session), even (500 transfers
of 256 KB: is one ever much slower than the others?).
"""

from __future__ import annotations

import argparse
import getpass
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from h2h.adapters.sftp import SftpBank
from h2h.ports import Session

LARGE, SMALL, EVEN = 256 << 20, 4096, 256 << 10  # bytes
Act = Callable[[], object]


@dataclass(frozen=True)
class Server:
    """An sshd of our own; whoever runs this logs in with a key made for it."""

    room: Path
    port: int

    @property
    def folder(self) -> Path:
        return self.room / "bank"

    def bank(self) -> SftpBank:
        return SftpBank(
            hosts=["127.0.0.1"],
            port=self.port,
            username=getpass.getuser(),
            host_keys=[" ".join((self.room / "host.pub").read_text().split()[:2])],
            private_key=(self.room / "corp").read_text,
        )

    def openssh(self, batch: Path, *options: str) -> None:
        """Run a batch of OpenSSH's sftp, which knows nothing but what is said here."""
        known = ["-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={self.room}/known"]
        own = ["-q", "-F", "none", "-P", str(self.port), "-i", str(self.room / "corp"), *known]
        command = ["sftp", *own, *options, "-b", str(batch), f"{getpass.getuser()}@127.0.0.1"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def sshd(room: Path) -> Iterator[Server]:
    """OpenSSH's server on a free port."""
    for name in ("host", "corp"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(room / name)]
        subprocess.run(command, check=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = Server(room, port)
    server.folder.mkdir()
    public = (room / "host.pub").read_text()
    (room / "known").write_text(f"[127.0.0.1]:{port} {public}")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on it when it is root
    lines = (
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {room}/host",
        "PidFile none",
        f"AuthorizedKeysFile {room}/corp.pub",
        "StrictModes no",
        "UsePAM no",
        "PasswordAuthentication no",
        "PermitRootLogin yes",
        f"Subsystem sftp internal-sftp -d {server.folder}",
    )
    (room / "config").write_text("\n".join(lines) + "\n")
    command = ["/usr/sbin/sshd", "-D", "-q", "-f", str(room / "config")]
    with subprocess.Popen(command) as process:
        try:
            _listening(port)
            yield server
        finally:
            process.terminate()


def _listening(port: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    raise SystemExit("sshd did not start")


def large(server: Server, rounds: int) -> Iterator[str]:
    """One file of 256 MB, put."""
    source = server.room / "large"
    source.write_bytes(os.urandom(1 << 20) * (LARGE >> 20))
    yield f"one file of {LARGE >> 20} MB"
    yield from _compared(server, rounds, [source], 0.9, LARGE)


def small(server: Server, rounds: int) -> Iterator[str]:
    """1,000 files of 4 KB, put in one session."""
    folder = server.room / "small"
    folder.mkdir()
    for number in range(1000):
        (folder / f"{number:04}").write_bytes(os.urandom(SMALL))
    sources = sorted(folder.iterdir())
    yield f"{len(sources):,} files of {SMALL >> 10} KB"
    yield from _compared(server, rounds, sources, 1.0, len(sources) * SMALL)


def _compared(
    server: Server, rounds: int, sources: list[Path], target: float, size: int
) -> Iterator[str]:
    batch = server.room / "batch"
    batch.write_text("".join(f"put {path} {path.name}\n" for path in sources))

    def ours() -> None:
        with server.bank().session() as session:
            for path in sources:
                session.put(path, path.name)

    acts: Mapping[str, Act] = {
        "h2h": ours,
        "sftp": lambda: server.openssh(batch),
        "sftp -c aes128-gcm": lambda: server.openssh(batch, "-c", "aes128-gcm@openssh.com"),
    }
    times: dict[str, list[float]] = {name: [] for name in acts}
    for _ in range(rounds):
        for name, act in acts.items():
            times[name].append(_timed(act))
            _whole(server, sources)
    middle = {name: statistics.median(taken) for name, taken in times.items()}
    for name, taken in times.items():
        each = " ".join(f"{seconds:.2f}" for seconds in taken)
        speed = size / middle[name] / 1e6
        yield f"  {name:20} median {middle[name]:7.3f} s  {speed:6.1f} MB/s  ({each})"
    ratios = [f"{middle[name] / middle['h2h']:.2f} x {name}" for name in acts if name != "h2h"]
    yield f"  {', '.join(ratios)} (at least {target} x sftp)"


def even(server: Server, rounds: int) -> Iterator[str]:
    """500 transfers one after the other; what each takes."""
    source = server.room / "even"
    source.write_bytes(os.urandom(EVEN))
    yield f"500 transfers of {EVEN >> 10} KB"
    for _ in range(rounds):
        with server.bank().session() as session:
            times = [_timed(_putting(session, source, f"even-{n % 10}")) for n in range(500)]
        middle, worst = statistics.median(times), max(times)
        above = sum(seconds > 3 * middle for seconds in times)
        yield (
            f"  median {middle * 1000:.2f} ms, slowest {worst * 1000:.2f} ms = "
            f"{worst / middle:.1f} x (at most 3), {above} above"
        )


def _putting(session: Session, source: Path, name: str) -> Act:
    return lambda: session.put(source, name)


def _timed(act: Act) -> float:
    began = perf_counter()
    act()
    return perf_counter() - began


def _whole(server: Server, sources: list[Path]) -> None:
    """Everything arrived; and is taken away, so that the next one starts as this one did."""
    for path in sources:
        arrived = server.folder / path.name
        if arrived.stat().st_size != path.stat().st_size:
            raise SystemExit(f"{path.name} arrived with another size")
        arrived.unlink()


PARTS = {"large": large, "small": small, "even": even}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    room = Path(tempfile.mkdtemp(prefix="sftp"))
    try:
        with sshd(room) as server:
            for part in chosen.parts or PARTS:
                for line in PARTS[part](server, chosen.rounds):
                    print(line)
                    sys.stdout.flush()
    finally:
        shutil.rmtree(room)


if __name__ == "__main__":
    main()
