"""What reports ask of the ledger, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from h2h.core.position import Owner
from h2h.core.statement import Charge
from h2h.core.states import Out, Pay
from h2h.ports import Change, File

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office

OURS = "DE89370400440532013000"
OWNER = Owner("acme", OURS, "EUR")
DAYS = (date(2026, 1, 5), date(2026, 1, 6))
BEGIN, END = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 1, 6, tzinfo=UTC)
HUGE = "123456789012345678.90"  # more than a database's own numbers keep


def sent(office: Office, file_id: str, *names: str, confidential: bool = False) -> File:
    """A file that is at its bank, under an id as h2h makes them."""
    file = office.ledger.claiming(office.seen(f"{file_id}.xml"), "acme", file_id, office.later())
    change = Change(sha256=f"bytes of {file_id}", confidential=confidential)
    file = office.moved(file, Out.CLAIMED, change)
    payments = [office.payment(end_to_end_id=name) for name in names]
    file = office.admitted(*payments, file=file, message_id=f"M-{file_id}")
    for state in (Out.APPROVED, Out.SEALED, Out.STAGED, Out.DELIVERING, Out.SENT):
        file = office.moved(file, state)
    return file


def test_statements_of_the_days_alone_with_their_exact_sums(office: Office) -> None:
    lines = [office.entry(HUGE), office.entry("-0.90")]
    office.book(office.statement("0.00", "123456789012345678.00", *lines, day=5))
    office.book(office.statement("123456789012345678.00", "123456789012345678.00", day=7))
    [found] = office.ledger.statement_figures(OWNER, *DAYS)
    assert (found.as_of, found.number, found.entries) == (DAYS[0], "5", 2)
    assert (found.booked, found.closing) == (Decimal("123456789012345678.00"),) * 2
    assert office.ledger.statement_figures(OWNER._replace(bank="other"), *DAYS) == []


def test_entries_with_charges_or_of_fees_and_debits_of_nobody(office: Office) -> None:
    file = sent(office, "20260105-100000-00000a", "E-1")
    charge = Charge(Decimal("1.20"), "EUR", "CRED")
    office.book(
        office.statement(
            *("100.00", "60.00"),
            office.entry("-10.00", office.detail(end_to_end_id="E-1"), servicer_reference="R1"),
            office.entry("-25.00", charges=(charge,)),
            office.entry("-10.00", office.detail(charges=(charge,))),
            office.entry("-5.00", bank_transaction_code="ACMT/MDOP/CHRG"),
            office.entry("10.00"),
        )
    )
    assert [row.state for row in office.ledger.payments(file.id)] == [Pay.BOOKED]
    charged = office.ledger.charged(OWNER, *DAYS)
    assert [each.entry.index for each in charged] == [2, 3, 4]
    debits = office.ledger.unclaimed_debits(OWNER, *DAYS)
    assert [(each.entry.amount, each.confidential) for each in debits] == [
        (Decimal("-25.00"), False),
        (Decimal("-10.00"), False),
        (Decimal("-5.00"), False),
    ]


def test_entries_of_confidential_files_are_known(office: Office) -> None:
    sent(office, "20260105-100000-00000a", "E-1", confidential=True)
    sent(office, "20260105-110000-00000b", "E-2")
    secret, plain = (office.detail(end_to_end_id=name) for name in ("E-1", "E-2"))
    lines = (office.entry("-10.00", secret), office.entry("-10.00", plain))
    office.book(office.statement("100.00", "80.00", *lines))
    [(_, entries)] = office.ledger.confidential_entries(OWNER, *DAYS).items()
    assert entries == {1}


def test_files_and_payments_of_the_time_alone(office: Office) -> None:
    sent(office, "20260104-235959-00000a", "E-0")
    file = sent(office, "20260105-000000-00000b", "E-1", "E-2")
    sent(office, "20260106-000000-00000c", "E-3")
    [times] = office.ledger.file_times(BEGIN, END)
    assert (times.id, times.acts, times.booked) == (file.id, (), None)
    assert times.reached[Out.SENT] > times.reached[Out.CLAIMED] >= times.created
    given = list(office.ledger.given_payments(BEGIN, END))
    assert [(each.number, each.end_to_end_id) for each in given] == [(1, "E-1"), (2, "E-2")]
    assert {each.account for each in given} == {OURS}


def test_what_was_rejected_has_the_banks_day_and_reason(office: Office) -> None:
    file = sent(office, "20260103-100000-00000a", "E-1", "E-2")
    report = office.report(file.message_id, "PART", ("E-1", "RJCT"))
    office.ledger.tell(office.read(), report, office.later(), rejects_only=False)
    [found] = office.ledger.troubled_payments(BEGIN - timedelta(days=9), END)
    assert (found.end_to_end_id, found.state, found.day) == ("E-1", Pay.REJECTED, DAYS[0])
    assert found.reason == "AC04 closed"
    assert list(office.ledger.troubled_payments(BEGIN, END)) == []


def test_the_first_booking_and_uncertain_matches(office: Office) -> None:
    file = sent(office, "20260105-100000-00000a", "E-1", "E-2")
    entry = office.entry("-10.00", office.detail(end_to_end_id="E-1"))
    booked = office.book(office.statement("100.00", "90.00", entry))
    other = office.entry("-9.99", office.detail(end_to_end_id="E-2"))
    office.book(office.statement("90.00", "80.01", other, day=6))
    [times] = office.ledger.file_times(BEGIN, END)
    assert times.booked == booked.created
    [match] = office.ledger.uncertain_matches(BEGIN, END)
    assert match.payment is not None
    assert (match.file_id, match.payment.end_to_end_id) == (file.id, "E-2")
    assert (match.amount, match.why != "") == (Decimal("-9.99"), True)
