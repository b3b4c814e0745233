"""A line may name a file that has not gone, or bear an id that is used every month."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import pytest

from h2h.core.matching import CONTRADICTION
from h2h.core.states import BEFORE_DELIVERING, Out, Pay
from h2h.core.status import KNOWN_AT_BANK
from h2h.ports import File

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office


def states(office: Office, file: File) -> list[Pay]:
    return [row.state for row in office.ledger.payments(file.id)]


def not_sent(office: Office) -> File:
    """A file in doubt of which a person said that it did not arrive."""
    ours = office.on_the_road(Out.IN_DOUBT, office.payment(end_to_end_id="A"), message_id="M1")
    return office.moved(ours, Out.SEALED)


def delivered(office: Office, file: File) -> File:
    for target in (Out.SEALED, Out.STAGED, Out.DELIVERING, Out.SENT):
        file = office.moved(file, target)
    return file


def current(office: Office, file: File) -> File:
    found = office.ledger.file(file.id)
    assert found is not None
    return found


@pytest.mark.parametrize("facts", [{"end_to_end_id": "A"}, {"message_id": "M1"}])
def test_a_booked_line_of_a_file_that_must_not_have_gone_holds_it(
    office: Office, facts: dict[str, str]
) -> None:
    ours = not_sent(office)
    debit = office.entry("-10.00", office.detail(**facts))
    booked = office.book(office.statement("100.00", "90.00", debit))
    held = current(office, ours)
    assert held.state is Out.HELD
    assert [problem.rule for problem in held.problems] == [KNOWN_AT_BANK]
    (problem,) = booked.problems
    assert problem.rule == CONTRADICTION
    assert "which was not delivered (sealed)" in problem.message


@pytest.mark.parametrize(
    "until", sorted(BEFORE_DELIVERING - {Out.CLAIMING, Out.CLAIMED, Out.VALID, Out.HELD})
)
def test_whatever_state_it_waits_in(office: Office, until: Out) -> None:
    ours = office.on_the_road(until, office.payment(end_to_end_id="A"), message_id="M1")
    office.book(
        office.statement("100.00", "90.00", office.entry("-10.00", office.detail(message_id="M1")))
    )
    assert office.state(ours) is Out.HELD


def test_what_only_resembles_a_file_that_waits_does_not_hold_it(office: Office) -> None:
    ours = not_sent(office)
    other = office.entry("-9.00", office.detail(end_to_end_id="A"))
    theirs = office.entry("10.00", office.detail(end_to_end_id="A", message_id="M1"))
    before = office.entry(
        "-10.00", office.detail(end_to_end_id="A"), booking_date=date(2025, 12, 5)
    )
    office.book(office.statement("100.00", "91.00", other, theirs, before))
    assert office.state(ours) is Out.SEALED


def test_a_line_of_last_months_file_does_not_hold_this_months(office: Office) -> None:
    last = office.on_the_road(Out.SENT, office.payment(end_to_end_id="A"), message_id="M1")
    this = office.admitted(office.payment(end_to_end_id="A"), message_id="M2", days=0)
    debit = office.entry("-10.00", office.detail(end_to_end_id="A"))
    assert office.book(office.statement("100.00", "90.00", debit)).problems == ()
    assert (states(office, last), office.state(this)) == ([Pay.BOOKED], Out.VALID)


def test_a_line_that_came_before_its_file_went_is_judged_anew_when_it_has_arrived(
    office: Office,
) -> None:
    ours = not_sent(office)
    debit = office.entry("-10.00", office.detail(end_to_end_id="A"))
    office.book(office.statement("100.00", "90.00", debit))
    assert states(office, ours) == [Pay.INSTRUCTED]
    delivered(office, current(office, ours))
    assert states(office, ours) == [Pay.BOOKED]
    again = debit._replace(booking_date=date(2026, 1, 6))
    booked = office.book(office.statement("90.00", "80.00", again, day=6))
    assert "is booked twice" in booked.problems[0].message


def test_two_lines_that_came_before_are_an_alarm_on_the_file_once_it_arrived(
    office: Office,
) -> None:
    ours = not_sent(office)
    twins = [office.entry("-10.00", office.detail(end_to_end_id="A")) for _ in range(2)]
    office.book(office.statement("100.00", "80.00", *twins))
    arrived = delivered(office, current(office, ours))
    assert "is booked twice" in arrived.problems[-1].message


# ------------------------------------------------------------------------ ids that come every month


def monthly(office: Office, day: int, month: int, message_id: str) -> File:
    office.now = datetime(2026, month, day, 9, tzinfo=office.now.tzinfo)
    salary = office.payment(end_to_end_id="ANN", batch_id="SALARY")
    return office.on_the_road(Out.SENT, salary, message_id=message_id)


def test_a_report_months_later_does_not_take_a_batch_back(office: Office) -> None:
    january = monthly(office, 4, 1, "JAN")
    sum_of_all = office.entry("-10.00", batch_id="SALARY")
    office.book(office.statement("100.00", "90.00", sum_of_all))
    february = monthly(office, 4, 2, "FEB")
    for message in ("JAN", "FEB"):
        report = office.report(message, "ACCP")
        office.ledger.tell(office.read(), report, office.later(), rejects_only=False)
    assert (states(office, january), states(office, february)) == ([Pay.BOOKED], [Pay.ACCEPTED])


def test_a_line_is_no_payment_that_was_announced_later(office: Office) -> None:
    january = monthly(office, 4, 1, "JAN")
    february = monthly(office, 4, 2, "FEB")
    debit = office.entry("-10.00", office.detail(end_to_end_id="ANN"))
    office.book(office.statement("100.00", "90.00", debit))
    assert (states(office, january), states(office, february)) == ([Pay.BOOKED], [Pay.INSTRUCTED])


@pytest.mark.parametrize(("day", "state"), [(5, Pay.INSTRUCTED), (6, Pay.BOOKED)])
def test_a_bank_on_the_other_side_of_the_earth_is_a_day_behind(
    office: Office, day: int, state: Pay
) -> None:
    ours = monthly(office, 7, 1, "JAN")
    debit = office.entry(
        "-10.00", office.detail(end_to_end_id="ANN"), booking_date=date(2026, 1, day)
    )
    office.book(office.statement("100.00", "90.00", debit))
    assert states(office, ours) == [state]
