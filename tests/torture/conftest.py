"""The rig: real parts that misbehave on purpose, and an oracle that the product cannot touch.

How a row gets into the table that `make torture` prints:

1. Write `tests/torture/test_<fault>.py`. Fixtures of the flows (`room`, `make_room`, `rounds`,
   `bank_files`) and of the adapters (`start_server`, `ssh_key`, `keyrings`) are at hand here too;
   classes come from `tests.flows.conftest`, helpers of this folder by `from .proxy import …`.
2. Choose how much is tried by the fixture `full`, or by `FULL` of `.report` in a parametrize:
   `range(2000 if full else 20)`. The short form runs in `make test`: a second or two a row.
3. After each try (or once, with sums) call the fixture `tally`:
   `tally("sshd killed", tried=1, survived=1)`; further columns: lost, doubled, in_doubt. Rows of
   one name are summed over tests and workers. Tally before asserting, so that a failure shows too.
4. Assert what must hold: the table tells, it does not judge.
5. Under `make torture` a test may last two hours; cut long ones into parametrized parts, so that
   both workers have something to do.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests.adapters.conftest import keyrings, ssh_key, start_server
from tests.flows.conftest import bank_files, make_room, room, rounds

from .report import FULL, PLACE, Tally, table, tallied

__all__ = ["bank_files", "keyrings", "make_room", "room", "rounds", "ssh_key", "start_server"]


def pytest_configure(config: pytest.Config) -> None:
    """The controller opens the tally; workers inherit its place."""
    if FULL and not hasattr(config, "workerinput"):
        descriptor, place = tempfile.mkstemp(prefix="tally")
        os.close(descriptor)
        os.environ[PLACE] = place


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table and forget it."""
    place = os.environ.pop(PLACE, None)
    if place is None or hasattr(terminalreporter.config, "workerinput"):
        return
    rows = Path(place)
    terminalreporter.section("torture")
    for line in table(rows.read_text()):
        terminalreporter.write_line(line)
    rows.unlink()


@pytest.fixture
def full() -> bool:
    """Is this `make torture`?"""
    return FULL


@pytest.fixture
def tally() -> Tally:
    """Adds to a row of the table."""
    return tallied
