"""The journal: one JSON object a line, for whoever reads it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from h2h.adapters.journal import Journal


def test_where_nobody_reads_any_more_the_work_goes_on() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w", buffering=1) as stream, os.fdopen(reading) as reader:
        journal = Journal(stream)
        journal.event("sent", file_id="f1")
        assert json.loads(reader.readline())["event"] == "sent"
        reader.close()
        journal.event("sent", file_id="f2")
        journal.event("sent", file_id="f3")


def test_while_the_disk_of_the_log_is_full_the_work_goes_on_and_the_next_line_tells(
    tmp_path: Path,
) -> None:
    log = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    full = os.open("/dev/full", os.O_WRONLY)
    with os.fdopen(os.dup(full), "w", buffering=1) as stream:
        journal = Journal(stream)
        journal.event("sent", file_id="f1")
        journal.event("sent", file_id="f2")
        os.dup2(log, stream.fileno())
        journal.event("sent", file_id="f3")
        journal.event("sent", file_id="f4")
    os.close(full)
    os.close(log)
    *_, third, fourth = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert (third["file_id"], third["unwritten"]) == ("f3", 2)
    assert (fourth["file_id"], "unwritten" in fourth) == ("f4", False)


def test_a_closed_pipe_is_no_failure_of_the_process() -> None:
    words = (
        "from h2h.adapters.journal import Journal; j = Journal(); input(); j.event('a'); print(1)"
    )
    command = [sys.executable, "-c", words]
    reading, writing = os.pipe()
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=writing
    ) as process:
        os.close(writing)
        os.close(reading)
        told, _ = process.communicate(b"\n")
    assert (told, process.returncode) == (b"1\n", 0)
