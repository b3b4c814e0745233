"""`h2h demo` as a user runs it: a program of its own, its output read by no terminal."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from h2h.sandbox.keys import stop_agent

_FAILING = """
from h2h.cli import main
from h2h.sandbox import story
story.GOOD = (*story.GOOD[:2], story.Transfer("9.00", "Initech", story.CLOSED, "closed"))
main()
"""


@pytest.fixture
def short() -> Iterator[Path]:
    """A temporary folder whose path is short enough for an agent's socket."""
    folder = Path(tempfile.mkdtemp(prefix="h2h-"))
    yield folder
    for ring in folder.rglob("pubring.kbx"):
        stop_agent(ring.parent)
    shutil.rmtree(folder)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python child that inherits this environment, with nothing on its standard input."""
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def still_running(place: str) -> list[str]:
    """Command lines of the processes that name `place`."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if place in line:
            found.append(line)
    return found


def test_the_demo_tells_the_round_trip_and_leaves_its_proof(short: Path) -> None:
    done = run("-m", "h2h", "demo", "--keep", str(short / "kept"))

    assert (done.returncode, done.stderr) == (0, "")
    told = done.stdout
    assert "\x1b" not in told
    assert re.findall(
        r"(DEMO-\d-\d) .* (accepted|rejected AC04 .*closed)$", told, re.MULTILINE
    ) == [
        ("DEMO-1-1", "accepted"),
        ("DEMO-1-2", "accepted"),
        ("DEMO-1-3", "accepted"),
        ("DEMO-2-1", "accepted"),
        ("DEMO-2-2", "rejected AC04 the creditor account NL84MOCK0000000003 is closed"),
    ]
    assert "suppliers.xml is duplicate" in told
    assert re.findall(r"^  error ([\w-]+) \(line", told, re.MULTILINE) == [
        "control-sum",
        "control-sum",
        "iban",
    ]
    assert "NL41MOCK0000000001  122837.46 EUR" in told  # 125 000.00 less the four accepted

    workspace = short / "kept/workspace"
    dossiers = re.findall(r"^  (archive/\S+)", told, re.MULTILINE)
    assert len(dossiers) == 9
    for dossier in dossiers:
        assert (workspace / dossier / "manifest.json").is_file()
    ready = re.findall(r"^  (inbox/\S+)$", told, re.MULTILINE)
    there = [p for p in (workspace / "inbox").rglob("*") if p.is_file()]
    assert sorted(ready) == sorted(str(p.relative_to(workspace)) for p in there)
    received = (short / "kept/bank/bank/received.jsonl").read_text().splitlines()
    assert [json.loads(line)["message_id"] for line in received] == ["DEMO-1", "DEMO-2"]
    assert still_running(str(short)) == []


def test_without_keep_nothing_of_the_demo_stays() -> None:
    done = run("-m", "h2h", "demo")

    assert done.returncode == 0
    assert "h2h demo --keep DIR" in done.stdout
    [place] = re.findall(r"below (/.*)/workspace$", done.stdout, re.MULTILINE)
    assert not Path(place).exists()
    assert still_running(place) == []


def test_a_payment_that_the_bank_does_not_accept_ends_the_demo_with_a_clear_sentence() -> None:
    done = run("-c", _FAILING, "demo")

    assert done.returncode == 1
    assert "the bank's answers are accepted, accepted, rejected AC04" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_with_something_in_it_is_left_alone(short: Path) -> None:
    (short / "letter.txt").write_text("dear")
    done = run("-m", "h2h", "demo", "--keep", str(short))

    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [path.name for path in short.iterdir()] == ["letter.txt"]
