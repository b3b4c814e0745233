"""An account is read page by page from its newest line; what persons did likewise."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from h2h.adapters.sql import account_views
from h2h.core.position import Owner
from h2h.core.states import Out
from h2h.ports import Change
from h2h.ports.account_views import ActWish, EntryWish

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office

OURS = Owner("acme", "DE89370400440532013000", "EUR")
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def three_days(office: Office) -> None:
    """Five lines in three statements: 1 and 2, then 3, then 4 and 5."""
    lines = iter(range(1, 6))
    for day, count in ((5, 2), (6, 1), (7, 2)):
        some = [
            office.entry(
                f"{number}.00",
                office.detail(debtor_name=f"Debtor {number}", end_to_end_id=f"E-{number}"),
                booking_date=date(2026, 1, day),
            )
            for number in (next(lines) for _ in range(count))
        ]
        opening = sum(range(int(some[0].amount)))
        closing = opening + sum(int(entry.amount) for entry in some)
        office.book(office.statement(f"{opening}.00", f"{closing}.00", *some, day=day))


def pages(office: Office, size: int, **wish: object) -> list[list[int]]:
    """The amounts of each page, until there is none after it."""
    found: list[list[int]] = []
    after = ""
    while True:
        page = office.ledger.account_entries(OURS, EntryWish(**wish), after, size)  # type: ignore[arg-type]  # as given
        found.append([int(row.entry.amount) for row in page.rows])
        if not page.after:
            return found
        after = page.after


def test_every_line_stands_on_exactly_one_page(office: Office) -> None:
    three_days(office)
    for size in range(1, 7):
        found = pages(office, size)
        assert [len(page) for page in found[:-1]] == [size] * (len(found) - 1)
        assert [number for page in found for number in page] == [5, 4, 3, 2, 1]


def test_lines_are_found_by_day_amount_and_how_a_text_begins(office: Office) -> None:
    three_days(office)
    assert pages(office, 9, since=date(2026, 1, 6)) == [[5, 4, 3]]
    assert pages(office, 9, until=date(2026, 1, 6)) == [[3, 2, 1]]
    assert pages(office, 9, since=date(2026, 1, 6), until=date(2026, 1, 6)) == [[3]]
    assert pages(office, 9, amounts=(Decimal("-4.0"),)) == [[4]]
    assert pages(office, 9, beginning="debtor 2") == pages(office, 9, beginning="e-2") == [[2]]
    assert pages(office, 9, beginning="ebtor") == [[]]
    assert pages(office, 9, until=date.max) == [[5, 4, 3, 2, 1]]


def test_a_search_in_vain_ends_early_and_goes_on_where_it_was(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_views, "_MOST", 2)
    three_days(office)
    first = office.ledger.account_entries(OURS, EntryWish(beginning="debtor 1"))
    assert first.partial
    assert first.rows == []
    found = pages(office, 9, beginning="debtor 1")
    assert [number for page in found for number in page] == [1]


def test_what_a_confidential_payment_says_is_told_apart_and_finds_nothing(office: Office) -> None:
    file = office.admitted(office.payment(end_to_end_id="SALARY"), message_id="M1")
    for target in (Out.APPROVED, Out.SEALED, Out.STAGED, Out.DELIVERING):
        file = office.moved(file, target)
    office.moved(file, Out.SENT, Change(confidential=True))
    line = office.entry("-10.00", office.detail(end_to_end_id="SALARY", creditor_name="Bob"))
    office.book(office.statement("100.00", "90.00", line))
    (row,) = office.ledger.account_entries(OURS, EntryWish(beginning="Bob")).rows
    assert row.confidential
    for wish in (
        EntryWish(beginning="Bob", unveiled=False),
        EntryWish(amounts=(Decimal(10),), unveiled=False),
    ):
        assert office.ledger.account_entries(OURS, wish).rows == []


def test_every_entry_of_a_confidential_account_is_hidden_and_found_by_nothing(
    office: Office,
) -> None:
    line = office.entry("-10.00", office.detail(end_to_end_id="FEE", creditor_name="Bob"))
    office.book(office.statement("100.00", "90.00", line))
    (row,) = office.ledger.account_entries(OURS, EntryWish(unveiled=False, whole=True)).rows
    assert row.confidential
    wish = EntryWish(beginning="Bob", unveiled=False, whole=True)
    assert office.ledger.account_entries(OURS, wish).rows == []
    assert office.ledger.account_entries(OURS, EntryWish(beginning="Bob", whole=True)).rows


def test_statements_are_paged_newest_first(office: Office) -> None:
    three_days(office)
    first = office.ledger.account_statements(OURS, limit=2)
    rest = office.ledger.account_statements(OURS, first.after, limit=2)
    days = [row.as_of.day for row in (*first.rows, *rest.rows) if row.as_of]
    assert days == [7, 6, 5]
    assert rest.after == ""


def test_what_persons_did_is_paged_and_access_is_for_the_auditor(office: Office) -> None:
    ledger = office.ledger
    ledger.enrol("ann", "", ["admin"], "", "os:owner", "first", office.later())
    file = office.moved(office.admitted(), Out.HELD)
    start = office.later()
    for number in range(5):
        ledger.pause("", "ann", f"because {number}", office.later())
    ledger.waive(file, ["r"], "bob", "looked", office.later())
    everything = ledger.acts(ActWish(access=True))
    told = [(act.move.who, act.move.target) for act in everything.rows]
    assert told == [("bob", "held"), *[("ann", "paused")] * 5, ("os:owner", "operator-add")]
    assert everything.rows[0].file_name == file.name
    assert len(ledger.acts(ActWish()).rows) == 6
    assert [act.move.who for act in ledger.acts(ActWish(who="bob")).rows] == ["bob"]
    assert len(ledger.acts(ActWish(since=start, until=start + timedelta(seconds=3))).rows) == 2
    found, after = [], ""
    for size in (4, 4):
        page = ledger.acts(ActWish(), after, size)
        found += [act.move.sequence for act in page.rows]
        after = page.after
    assert len(found) == len(set(found)) == 6
    assert after == ""


def test_the_last_verification_is_known(office: Office) -> None:
    assert office.ledger.last_verified() is None
    office.ledger.note_verified("ann", "12 moves", office.later(), whole=True)
    office.ledger.note_verified("bob", "2 findings", office.later(), whole=False)
    found = office.ledger.last_verified()
    assert found is not None
    assert (found.who, found.target) == ("bob", "verify-broken")


@ON_SQLITE
def test_pages_of_accounts_and_acts_are_answered_from_an_index(office: Office) -> None:
    three_days(office)
    ledger = office.ledger
    ledger.pause("", "ann", "because", office.later())
    asked: list[tuple[str, object]] = []
    event.listen(
        ledger._engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, given, *_: asked.append((statement, given)),
    )
    page = ledger.account_entries(OURS, EntryWish(since=date(2026, 1, 5)), limit=2)
    ledger.account_entries(OURS, EntryWish(until=date(2026, 1, 6), unveiled=False), page.after)
    after = ledger.account_statements(OURS, limit=1).after
    ledger.account_statements(OURS, after)
    for who in ("", "ann"):
        ledger.acts(ActWish(who, office.now, office.now, access=True), "1")
        ledger.acts(ActWish(who))
    ledger.last_verified()
    questions = [each for each in asked if each[0].lstrip().startswith("SELECT")]
    assert len(questions) > 10
    with ledger._reading() as connection:
        plans = {
            statement: [str(row[3]) for row in explained]
            for statement, given in questions
            for explained in [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)]  # type: ignore[arg-type]  # as it was given
        }

    def sorts(step: str) -> bool:
        return "TEMP B-TREE" in step and "RIGHT PART" not in step and "LAST TERM" not in step

    def scans(step: str) -> bool:
        return step.startswith("SCAN") and "moves_by_persons" not in step

    slow = {
        statement: plan
        for statement, plan in plans.items()
        if any(sorts(s) or scans(s) for s in plan)
    }
    assert slow == {}
