"""docs/first-bank.md, walked as it is written: every command, in order, in an empty folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from h2h.sandbox.keys import stop_agent

PAGE = Path(__file__).parent.parent.parent / "docs" / "first-bank.md"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "=== block {number} ==="


@pytest.fixture
def empty() -> Iterator[Path]:
    """An empty folder whose path is short enough for an agent's socket."""
    folder = Path(tempfile.mkdtemp(prefix="h2h-"))
    yield folder
    for ring in folder.rglob("pubring.kbx"):
        stop_agent(ring.parent)
    shutil.rmtree(folder)


def steps(page: str) -> list[tuple[str, list[str]]]:
    """(commands, the lines that the page shows of their output) of each block, in order."""
    found: list[tuple[str, list[str]]] = []
    for kind, text in BLOCK.findall(page):
        if kind == "sh":
            found.append((text, []))
        else:
            found[-1][1].extend(text.splitlines())
    return found


def walked(commands: list[str], folder: Path) -> list[str]:
    """What each block said, run by one shell that stops at the first command that fails."""
    blocks = [f"echo '{MARK.format(number=n)}'\n{text}" for n, text in enumerate(commands)]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with (folder.parent / f"{folder.name}.said").open("w+") as said:
        shell = subprocess.Popen(
            ["bash", "-e", "-c", "".join(blocks)],
            cwd=folder,
            env={**os.environ, "PATH": path, "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            code = shell.wait(timeout=120)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGTERM)  # the bank, when the walk ended early
        said.seek(0)
        text = said.read()
    Path(said.name).unlink()
    assert code == 0, text
    return re.split("".join(MARK.format(number="[0-9]+") + "\n"), text)[1:]


def shows(line: str) -> re.Pattern[str]:
    """The line as the page has it; … stands for anything, and blanks for one or more."""
    parts = (r"\s+".join(map(re.escape, part.split())) for part in line.split("…"))
    return re.compile(".*".join(parts))


def test_the_page_leads_from_an_empty_folder_to_a_booked_statement(empty: Path) -> None:
    way = steps(PAGE.read_text("utf-8"))
    assert len(way) >= 8
    told = walked([commands for commands, _ in way], empty)
    for (commands, expected), output in zip(way, told, strict=True):
        at = 0
        for line in expected:
            found = shows(line).search(output, at)
            assert found, f"{line!r} is not said after:\n{commands}\nbut:\n{output[at:]}"
            at = found.end()
    assert list((empty / "inbox/practice/statements").glob("*.xml"))
