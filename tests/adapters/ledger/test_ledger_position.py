"""What the ledger knows of the position: closings at any day, what is pending, what is open."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, event, update

from h2h.adapters.sql.tables import files
from h2h.core.position import Open, Owner, Reported
from h2h.core.statement import Entry, Statement, StatementKind
from h2h.core.states import Out
from h2h.core.terms import Account

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office

OURS = "DE89370400440532013000"
ACME = Owner("acme", OURS, "EUR")
FIFTH = date(2026, 1, 5)


def figures(office: Office, as_of: date | None = None) -> list[tuple[str, date | None]]:
    return [(row.amount, row.as_of) for row in office.ledger.balances(as_of)]


def intraday(office: Office, *entries: Entry, day: int = 6, hour: int = 12) -> Statement:
    """An interim report without balances and period, as many banks write them."""
    report = office.statement("0", "0", *entries, day=day)
    return replace(
        report,
        kind=StatementKind.INTRADAY,
        balances=(),
        period_from=None,
        period_to=None,
        electronic_sequence=str(hour),
        created=f"2026-01-{day:02}T{hour:02}:00:00",
    )


def pending(office: Office) -> tuple[str, str]:
    """(booked since the closing, pending) of our account."""
    (found,) = office.ledger.pending()
    assert found.owner == ACME
    return str(found.booked_since), str(found.pending)


# ----------------------------------------------------------------------------------------- balances


def test_a_balance_is_told_as_of_any_day(office: Office) -> None:
    for day in (7, 5, 6):
        office.book(office.statement(f"{day}.00", f"{day + 1}.00", office.entry("1.00"), day=day))
    assert figures(office) == [("8.00", date(2026, 1, 7))]
    assert figures(office, date(2026, 1, 9)) == [("8.00", date(2026, 1, 7))]
    assert figures(office, date(2026, 1, 6)) == [("7.00", date(2026, 1, 6))]
    assert figures(office, date(2026, 1, 4)) == []
    assert figures(office, date.max) == [("8.00", date(2026, 1, 7))]


def test_a_closing_without_a_day_is_the_balance_and_that_of_no_day(office: Office) -> None:
    report = office.statement("0.00", "1.00", office.entry("1.00"), period_to=None)
    undated = tuple(balance._replace(date=None) for balance in report.balances)
    office.book(replace(report, balances=undated))
    assert figures(office) == [("1.00", None)]
    assert figures(office, date(2027, 1, 1)) == []


def test_a_held_statement_and_an_intraday_report_make_no_balance(office: Office) -> None:
    office.book(office.statement("0.00", "1.00", office.entry("1.00"), day=5))
    office.book(office.statement("1.00", "9.00", office.entry("1.00"), day=6))
    report = office.statement("1.00", "2.00", office.entry("1.00"), day=7)
    office.book(replace(report, kind=StatementKind.INTRADAY))
    assert figures(office) == [("1.00", FIFTH)]


def test_of_two_versions_of_a_day_the_later_made_one_counts(office: Office) -> None:
    first = office.statement("0.00", "1.00", office.entry("1.00"))
    second = office.statement("0.00", "2.00", office.entry("2.00"), created="2026-01-05T23:00:00")
    office.book(second)
    office.book(first)
    assert figures(office) == [("2.00", FIFTH)]


def test_each_account_and_currency_has_its_own_balance(office: Office) -> None:
    numbers = ("A1", "A1", "B2", "C3")
    for number, currency in zip(numbers, ("EUR", "USD", "EUR", "EUR"), strict=True):
        report = office.statement("0.00", "0.00", account=number, currency=currency)
        balances = tuple(balance._replace(currency=currency) for balance in report.balances)
        message = office.message(replace(report, balances=balances))
        ours = [Account(number, "", currency, "Acme GmbH")]
        assert office.ledger.book(office.read(), message, ours, office.later()) is not None
    found = [(row.account, row.currency) for row in office.ledger.balances()]
    assert found == [("A1", "EUR"), ("A1", "USD"), ("B2", "EUR"), ("C3", "EUR")]


# ------------------------------------------------------------------- the statements in their order


def test_the_statements_of_an_account_come_in_the_order_of_the_books(office: Office) -> None:
    for day in (8, 5, 7, 6):
        office.book(office.statement(f"{day}.00", f"{day + 1}.00", office.entry("1.00"), day=day))
    office.book(intraday(office, office.entry("1.00"), day=7))
    found = office.ledger.reports(ACME)
    assert [(each.number, each.as_of) for each in found] == [
        (str(day), date(2026, 1, day)) for day in (5, 6, 7, 8)
    ]
    assert (found[0].opening, found[0].closing) == (Decimal("5.00"), Decimal("6.00"))
    since = office.ledger.reports(ACME, date(2026, 1, 7))
    assert [each.number for each in since] == ["6", "7", "8"]
    assert [each.number for each in office.ledger.reports(ACME, FIFTH)] == ["5", "6", "7", "8"]
    assert office.ledger.reports(Owner("other", OURS, "EUR")) == []


def test_the_slots_taken_are_found_by_their_beginning(office: Office) -> None:
    for key in ("missing a 1", "missing a 2", "missing b 1", "fetch a 1"):
        office.ledger.slot(key, office.now)
    assert office.ledger.taken("missing a ") == ["missing a 1", "missing a 2"]


# ------------------------------------------------------------------------------------------ pending


def test_pending_is_what_the_newest_report_shows(office: Office) -> None:
    old = office.entry("-9.00", status="PDNG", servicer_reference="R1")
    new = office.entry("-7.00", status="PDNG", servicer_reference="R2")
    office.book(intraday(office, new, hour=16))
    office.book(intraday(office, old, hour=9))
    assert pending(office) == ("0", "-7.00")


def test_what_is_booked_meanwhile_is_no_longer_pending(office: Office) -> None:
    office.book(office.statement("0.00", "0.00"))
    waits = office.entry("-7.00", status="PDNG", servicer_reference="R2")
    office.book(intraday(office, waits, office.entry("-1.00", status="PDNG")))
    assert pending(office) == ("0", "-8.00")
    booked = office.entry("-7.00", servicer_reference="R2")
    dollars = intraday(office, booked._replace(currency="USD"), hour=13)
    dollars = replace(dollars, kind=StatementKind.NOTIFICATION, currency="USD")
    office.book(dollars)  # another account's: the bank's references are of one account only
    assert office.ledger.pending()[0] == Reported(ACME, Decimal(0), Decimal("-8.00"))
    told = intraday(office, booked, hour=13)
    office.book(replace(told, kind=StatementKind.NOTIFICATION))
    assert office.ledger.pending()[0] == Reported(ACME, Decimal(0), Decimal("-1.00"))


def test_a_report_of_the_day_that_is_closed_says_nothing_more(office: Office) -> None:
    waits = office.entry("-7.00", status="PDNG")
    office.book(intraday(office, waits, office.entry("-3.00"), day=5))
    assert pending(office) == ("-3.00", "-7.00")
    office.book(office.statement("3.00", "0.00", office.entry("-3.00")))
    assert pending(office) == ("0", "0")


def test_pending_entries_of_the_statement_itself_count_until_a_newer_report(office: Office) -> None:
    waits = office.entry("-7.00", status="PDNG")
    office.book(office.statement("0.00", "1.00", office.entry("1.00"), waits))
    assert pending(office) == ("0", "-7.00")
    office.book(intraday(office))
    assert pending(office) == ("0", "0")


def test_what_intraday_reports_repeat_is_counted_once_and_honest_twins_twice(
    office: Office,
) -> None:
    office.book(office.statement("0.00", "0.00"))
    twins = [office.entry("-5.00"), office.entry("-5.00")]
    named = office.entry("2.00", servicer_reference="R1")
    again = office.entry("2.00", servicer_reference="R1", additional_information="told otherwise")
    office.book(intraday(office, *twins, named, hour=9))
    office.book(intraday(office, *twins, again, office.entry("-1.00"), hour=12))
    assert pending(office) == ("-9.00", "0")


def test_what_the_statement_has_booked_is_not_booked_since(office: Office) -> None:
    """A report made after midnight still tells of the day before."""
    entry = office.entry("2.00", servicer_reference="R1")
    office.book(office.statement("0.00", "2.00", entry))
    office.book(intraday(office, entry, office.entry("3.00"), day=6, hour=0))
    assert pending(office) == ("3.00", "0")


# ------------------------------------------------------------------------------------ what is open


def test_only_what_a_bank_was_given_is_open(office: Office) -> None:
    office.on_the_road(Out.SEALED, office.payment(amount=Decimal("1.00")))
    assert office.ledger.open_payments() == []
    office.on_the_road(Out.IN_DOUBT, office.payment(amount=Decimal("2.00")))
    office.on_the_road(Out.SENT, office.payment(amount=Decimal("4.00")))
    assert office.ledger.open_payments() == [Open(ACME, FIFTH, Decimal("-6.00"), 2)]


def test_open_payments_are_told_by_account_currency_and_day(office: Office) -> None:
    later = office.payment(amount=Decimal("3.00"))
    later = replace(later, batch=replace(later.batch, requested_execution_date=date(2026, 1, 9)))
    dollars = office.payment(amount=Decimal("0.10"), currency="USD")
    spaced = office.payment(amount=Decimal("0.20"), account="DE89 3704 0044 0532 0130 00")
    office.on_the_road(Out.SENT, later, dollars, spaced, office.payment(amount=Decimal("0.10")))
    assert office.ledger.open_payments() == [
        Open(ACME, FIFTH, Decimal("-0.30"), 2),
        Open(ACME, date(2026, 1, 9), Decimal("-3.00"), 1),
        Open(ACME._replace(currency="USD"), FIFTH, Decimal("-0.10"), 1),
    ]


def test_a_collection_brings_money(office: Office) -> None:
    file = office.on_the_road(Out.SENT, office.payment(amount=Decimal("5.00")))
    with office.ledger._writing() as connection:
        collects = update(files).where(files.c.id == file.id).values(message="pain.008.001.08")
        connection.execute(collects)
    assert office.ledger.open_payments() == [Open(ACME, FIFTH, Decimal("5.00"), 1)]


def test_what_is_booked_or_rejected_is_no_longer_open(office: Office) -> None:
    names = ("A", "B", "C")
    payments = [office.payment(end_to_end_id=name) for name in names]
    office.on_the_road(Out.SENT, *payments, message_id="M1")
    report = office.report("M1", "", ("A", "RJCT"), ("C", "ACCP"))
    office.ledger.tell(office.read(), report, office.later(), rejects_only=False)
    debit = office.entry("-10.00", office.detail(end_to_end_id="B", message_id="M1"))
    office.book(office.statement("100.00", "90.00", debit))
    assert office.ledger.open_payments() == [Open(ACME, FIFTH, Decimal("-10.00"), 1)]


@pytest.mark.parametrize("times", [1, 2])
def test_what_the_bank_shows_as_pending_is_not_counted_as_sent_too(
    office: Office, times: int
) -> None:
    """An id that two payments bear tells neither apart: both stay open."""
    office.on_the_road(Out.SENT, *(office.payment(end_to_end_id="A") for _ in range(times)))
    waits = office.entry("-10.00", office.detail(end_to_end_id="A"), status="PDNG")
    office.book(intraday(office, waits))
    assert pending(office) == ("0", "-10.00")
    still = [] if times == 1 else [Open(ACME, FIFTH, Decimal("-20.00"), 2)]
    assert office.ledger.open_payments() == still


@pytest.mark.parametrize(("figure", "open_"), [("-20.00", 1), ("-19.00", 3), ("20.00", 3)])
def test_a_pending_batch_counts_where_it_comes_to_the_same_sum(
    office: Office, figure: str, open_: int
) -> None:
    batch = [office.payment(batch_id="B1") for _ in range(2)]
    office.on_the_road(Out.SENT, *batch, office.payment(batch_id="B2"), message_id="M1")
    waits = office.entry(figure, status="PDNG", batch_message_id="M1", batch_id="B1")
    office.book(intraday(office, waits))
    assert [each.payments for each in office.ledger.open_payments()] == [open_]


def test_sums_are_exact_where_a_database_would_round(office: Office) -> None:
    amounts = ("9999999999999999.99", "0.01", "0.1", "0.2")
    payments = [office.payment(amount=Decimal(each)) for each in amounts]
    office.on_the_road(Out.SENT, *payments)
    assert [str(each.amount) for each in office.ledger.open_payments()] == ["-10000000000000000.30"]


def test_a_file_that_was_sent_and_rejected_as_a_whole_is_not_open(office: Office) -> None:
    office.on_the_road(Out.SENT, office.payment(), message_id="M1")
    office.ledger.tell(
        office.read(), office.report("M1", "RJCT"), office.later(), rejects_only=False
    )
    assert office.ledger.open_payments() == []


# -------------------------------------------------------------------------------------------- plans


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)  # its plans
def test_the_position_reads_no_table_from_end_to_end(office: Office) -> None:
    office.on_the_road(Out.SENT, office.payment(end_to_end_id="A"), message_id="M1")
    office.book(office.statement("0.00", "2.00", office.entry("2.00")))
    detail = office.detail(end_to_end_id="A")
    waits = office.entry(
        "-10.00",
        detail,
        status="PDNG",
        servicer_reference="R",
        batch_message_id="M1",
        batch_id="B9",
    )
    office.book(intraday(office, waits, office.entry("-1.00", servicer_reference="Q")))
    asked: list[tuple[str, object]] = []

    def note(c: Connection, cursor: object, statement: str, given: object, *_: object) -> None:
        asked.append((statement, given))

    event.listen(office.ledger._engine, "before_cursor_execute", note)
    office.ledger.balances()
    office.ledger.balances(FIFTH)
    office.ledger.reports(ACME, FIFTH)
    office.ledger.taken("missing")
    assert office.ledger.pending() == [Reported(ACME, Decimal("-1.00"), Decimal("-10.00"))]
    assert office.ledger.open_payments() == []
    event.remove(office.ledger._engine, "before_cursor_execute", note)
    steps = set()
    with office.ledger._reading() as connection:
        for statement, given in asked:
            if statement.startswith("SELECT"):
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)  # type: ignore[arg-type]  # as it was given
                steps |= {str(row[3]) for row in plan}
    whole = {step for step in steps if step.startswith(("SCAN", "USE TEMP"))}
    assert whole == {"SCAN payments USING INDEX payments_open"}  # what is open, and nothing else
    assert any("intraday_by_created" in step for step in steps)
