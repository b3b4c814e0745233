"""docs/crashes.md says what the code does: states, transitions, the calls in their order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from h2h import ports
from h2h.core.states import IN_FINAL, In, Out, State, may_move
from h2h.flows import inbound, outbound

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, MakeRoom, MakeRounds

PAGE = Path(__file__).parent.parent.parent / "docs" / "crashes.md"
PORTS = {
    "ledger": ports.Ledger,
    "archive": ports.Archive,
    "messages": ports.Messages,
    "exporter": ports.Exporter,
    "desktop": ports.Desktop,
    "door": ports.Door,
    "session": ports.Session,
    "sealer": ports.Sealer,
}
# What an undisturbed round without policies and doubts does not come to.
SELDOM = {"awaiting_approval", "in_doubt", "duplicate", "quarantined"}


class Row(NamedTuple):
    """One state: the step's calls, and the states it goes to."""

    state: str
    calls: Sequence[str]
    targets: Sequence[str]


def rows(heading: str) -> list[Row]:
    """The first table below a heading."""
    page = PAGE.read_text("utf-8")
    section = page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = section.strip().split("\n\n")[0].splitlines()[2:]
    return [_row(line) for line in table]


def _row(line: str) -> Row:
    state, calls, _, _, targets = (cell.strip() for cell in line.strip("|").split("|"))
    called, reached = re.findall(r"`(\w+\.\w+)`", calls), re.findall(r"`(\w+)`", targets)
    return Row(state.strip("`"), called, reached)


FLOWS: Mapping[str, tuple[Callable[[str], State], set[State]]] = {
    "A payment file": (Out, {*outbound.STEPS}),
    "A bank file": (
        In,
        {*inbound.BOOKING, *inbound.CHOOSING, *inbound.HANDING_OVER, *IN_FINAL},
    ),
}


@pytest.mark.parametrize("heading", FLOWS)
def test_every_state_that_a_step_leaves_has_its_row_and_no_other(heading: str) -> None:
    _, states = FLOWS[heading]
    first, *others = [row.state for row in rows(heading)]
    assert first == "none yet"
    assert sorted(others) == sorted(state.value for state in states)


@pytest.mark.parametrize("heading", FLOWS)
def test_every_transition_on_the_page_is_lawful(heading: str) -> None:
    kind, _ = FLOWS[heading]
    told = [(row.state, target) for row in rows(heading)[1:] for target in row.targets]
    assert len(told) > 8
    for source, target in told:
        assert may_move(kind(source), kind(target)), f"{source} to {target}"


def test_every_call_on_the_page_is_one_of_a_port() -> None:
    named = re.findall(r"`(\w+)\.(\w+)`", PAGE.read_text("utf-8"))
    calls = [(port, call) for port, call in named if port in PORTS]
    assert len(calls) > 50
    for port, call in calls:
        assert hasattr(PORTS[port], call), f"{port}.{call}"


def test_a_payment_file_makes_the_calls_of_the_page_in_their_order(
    make_room: MakeRoom, rounds: MakeRounds, payment_file: PaymentFile
) -> None:
    room = make_room(marker=".ok")
    room.furnish()
    made = rounds(room, lambda room: room.drop(payment_file())).prepare()
    assert_in_order("A payment file", made)


def test_a_bank_file_makes_the_calls_of_the_page_in_their_order(
    make_room: MakeRoom, rounds: MakeRounds, bank_files: BankFiles
) -> None:
    room = make_room()
    room.furnish()
    content = bank_files.report_file(bank_files.statement("1"))
    (room.bank / "out" / "st.xml").write_bytes(content)
    made = rounds(room, lambda room: None).prepare()
    assert_in_order("A bank file", made)


def assert_in_order(heading: str, made: Sequence[str]) -> None:
    """The calls of all rows, one after the other, stand among those that were made."""
    rest = iter(made)
    for row in rows(heading):
        if row.state not in SELDOM:
            for call in row.calls:
                assert call in rest, f"{row.state}: {call} is not made, or not there"
