"""Whatever two clerks do at once: one of them moves a file, and the chain stays whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from h2h.core.chain import first_broken
from h2h.core.states import IN_MOVES, OUT_MOVES, In, Out, State
from h2h.ports import File

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office

ROAD = [Out.CLAIMED, Out.VALID, Out.APPROVED, Out.SEALED]  # what a release may lead back to
STATES: tuple[State, ...] = (*Out, *In)
ACTS = st.tuples(
    st.integers(min_value=0, max_value=3),  # which file
    st.booleans(),  # seen now, or as it was at the start of the last act on it
    st.sampled_from(STATES),
    st.sampled_from(["move", "wait", "waive"]),
)


def _lawful(file: File, target: State) -> bool:
    if file.direction == "in":
        return target in IN_MOVES[In(file.state)]
    lawful = target in OUT_MOVES[Out(file.state)]
    if file.held_from is None or target == Out.CANCELLED:
        return lawful
    return lawful and ROAD.index(Out(target)) <= ROAD.index(file.held_from)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts=st.lists(ACTS, max_size=25))
def test_any_sequence_of_acts_keeps_the_chain_and_the_tables(
    office: Office, acts: list[tuple[int, bool, State, str]]
) -> None:
    files = [office.claimed(), office.claimed(), office.fetched(), office.fetched()]
    now = dict(enumerate(files))
    stale = dict(now)
    other = office.opened[-1] if len(office.opened) > 1 else office.open()
    moved = 0
    for number, fresh, target, act in acts:
        seen = now[number] if fresh else stale[number]
        clerk = office.ledger if fresh else other
        before = now[number]
        stale[number] = before
        if act == "waive":
            waived = clerk.waive(seen, ["rule"], "ann", "why", office.later())
            assert (waived is not None) == (seen.last_move == before.last_move)
            moved += waived is not None
        elif act == "wait":
            waited = clerk.wait(seen, office.later(), "later", failed=False)
            assert (waited is not None) == (seen.state is before.state)
        elif not _lawful(seen, target):
            with pytest.raises(ValueError, match=f"file {before.id}: "):
                clerk.move(seen, target, office.later())
        else:
            result = clerk.move(seen, target, office.later())
            same = seen.last_move == before.last_move or seen.state is not Out.HELD
            assert (result is not None) == (seen.state is before.state and same)
            moved += result is not None
        found = office.ledger.file(before.id)
        assert found is not None
        now[number] = found
    mine = [move for file in files for move in office.ledger.moves(file.id)]
    assert len(mine) == 2 + 2 + 1 + 1 + moved
    assert first_broken(office.ledger.moves()) is None
    for file in now.values():
        last = office.ledger.moves(file.id)[-1]
        assert last.target == file.state
        assert last.sequence == file.last_move
