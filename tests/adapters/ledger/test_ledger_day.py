"""What counts against the limit of a day: what went to the bank on it, or is on its way there."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from h2h.core.problem import Problem, Severity
from h2h.core.states import OUT_MOVES, Out
from h2h.ports import Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from h2h.ports import File
    from tests.adapters.ledger.conftest import Office

DAY = date(2026, 1, 5)
EARLIER = DAY - timedelta(days=3)
TEN = {"EUR": "10.10"}
HOLD = Problem("day-total", Severity.HOLD, "too much", "Wait.")
REFUSED = {Out.HELD, Out.CANCELLED, Out.REJECTED, Out.CANCELLED_BY_BANK, Out.INVALID, Out.DUPLICATE}
ON_THE_WAY = (Out.VALID, Out.AWAITING_APPROVAL, Out.APPROVED, Out.SEALED, Out.STAGED)
GONE = (Out.DELIVERING, Out.IN_DOUBT, Out.SENT, Out.ACKNOWLEDGED, Out.ACCEPTED, Out.PART_ACCEPTED)


def in_state(
    office: Office, state: Out, day: date | None = DAY, sums: Mapping[str, str] = TEN
) -> File:
    """A file that was brought to `state`, judged on `day`."""
    facts = Change(
        message_id=f"M{next(office.numbers)}",
        initiating_party="ACME",
        control_sum=sums,
        checked_on=day,
    )
    if state is Out.CLAIMED:
        return office.claimed()
    if state in {Out.INVALID, Out.DUPLICATE}:
        return office.moved(office.claimed(), state, facts)
    holds = [HOLD] if state is Out.HELD else []
    chunks = [[office.payment()]]
    file = office.ledger.admit(office.claimed(), facts, holds, chunks, 30, office.later())
    assert file is not None
    for target in (*ON_THE_WAY[1:], *GONE[:1], Out.SENT):
        if file.state is state or state in OUT_MOVES[Out(file.state)]:
            break
        file = office.moved(file, target)
    return file if file.state is state else office.moved(file, state)


def gone(office: Office, besides: File, day: date = DAY) -> Mapping[str, Decimal]:
    return office.ledger.gone("acme", day, besides)


def test_every_state_counts_or_does_not() -> None:
    assert {*ON_THE_WAY, *GONE, *REFUSED, Out.CLAIMING, Out.CLAIMED} == set(Out)


@pytest.mark.parametrize("state", ON_THE_WAY)
def test_what_is_on_its_way_counts_whenever_it_was_judged(office: Office, state: Out) -> None:
    in_state(office, state, EARLIER)
    assert gone(office, in_state(office, Out.CLAIMED)) == {"EUR": Decimal("10.10")}


@pytest.mark.parametrize("state", GONE)
def test_what_went_counts_on_its_day_alone(office: Office, state: Out) -> None:
    in_state(office, state)
    ours = in_state(office, Out.CLAIMED)
    assert gone(office, ours) == {"EUR": Decimal("10.10")}
    assert gone(office, ours, EARLIER) == gone(office, ours, DAY + timedelta(days=1)) == {}


@pytest.mark.parametrize("state", [*sorted(REFUSED), Out.CLAIMED])
def test_what_does_not_go_does_not_count(office: Office, state: Out) -> None:
    in_state(office, state)
    assert gone(office, in_state(office, Out.CLAIMED)) == {}


def test_a_released_file_counts_once_it_was_judged_again(office: Office) -> None:
    office.moved(in_state(office, Out.HELD), Out.CLAIMED)
    assert gone(office, in_state(office, Out.CLAIMED)) == {}


def test_sums_are_exact_and_by_currency_and_without_the_file_itself(office: Office) -> None:
    ours = in_state(office, Out.VALID)
    in_state(office, Out.SENT, sums={"EUR": "0.00001", "USD": "999999999999999999"})
    in_state(office, Out.STAGED, sums={"USD": "0.1"})
    in_state(office, Out.SENT, sums={})
    assert gone(office, ours) == {
        "EUR": Decimal("0.00001"),
        "USD": Decimal("999999999999999999.1"),
    }


def test_another_bank_has_limits_of_its_own(office: Office) -> None:
    in_state(office, Out.SENT)
    assert office.ledger.gone("other", DAY, in_state(office, Out.CLAIMED)) == {}
