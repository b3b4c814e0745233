"""Statements that are due: the alarm rings once for each, and one that comes after all is told."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from h2h.adapters.journal import Journal
from h2h.core.calendar import parse_windows
from h2h.core.expected import Expected, StatementDays
from h2h.daemon import Daemon, once
from h2h.flows.expecting import tell_missing
from h2h.flows.inbound import sweep_inbound
from h2h.flows.sweep import Sweep

if TYPE_CHECKING:
    from tests.flows.conftest import BankFiles, MakeRoom, Room

BUSINESS_DAYS = Expected(StatementDays(frozenset(range(7))))
Send = Callable[..., None]


@pytest.fixture
def agreed(make_room: MakeRoom) -> Room:
    """A room whose one account owes a statement of every business day, by nine the next one."""
    room = make_room()
    _agree(room, BUSINESS_DAYS)
    room.furnish()
    return room


def _agree(room: Room, expected: Expected, **terms: object) -> None:
    (account,) = room.terms.accounts
    ours = (replace(account, expects=expected),)
    room.terms = replace(room.terms, calendar="ECB", accounts=ours, **terms)  # type: ignore[arg-type]  # as the test names them


@pytest.fixture
def send(agreed: Room, bank_files: BankFiles) -> Send:
    """The bank makes a statement of a day, with one credit of 50.00."""

    def make(day: str, number: int, opening: int) -> None:
        block = bank_files.statement(str(number), closing=f"{opening + 50}.00")
        block = block.replace("2026-11-20", day).replace("'EUR'>100.00", f"'EUR'>{opening}.00")
        block = block.replace("2026-11-21T", f"{day}T")
        content = bank_files.report_file(block)
        (agreed.bank / "out" / f"{day}.xml").write_bytes(content)

    return make


def look(room: Room, moment: str) -> None:
    """One sweep of a fresh h2h at a moment, in UTC; Berlin is an hour ahead."""
    room.clock.time = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    with room.services() as services, Sweep(services) as sweep:
        sweep_inbound(sweep, ["acme"])
        tell_missing(sweep)


def told(room: Room, event: str = "statement_missing") -> list[str]:
    return [str(facts["day"]) for facts in room.log.named(event)]


def test_the_alarm_rings_once_when_a_statement_is_due(agreed: Room, send: Send) -> None:
    send("2026-11-23", 1, 100)
    look(agreed, "2026-11-24T06:00")
    look(agreed, "2026-11-25T07:59")
    assert told(agreed) == []
    look(agreed, "2026-11-25T08:00")
    look(agreed, "2026-11-25T08:01")
    (alarm,) = agreed.log.named("statement_missing")
    assert alarm == {
        "bank": "acme",
        "account": "DE89370400440532013000",
        "currency": "EUR",
        "day": "2026-11-24",
        "due": "2026-11-25T09:00:00+01:00",
        "because": "due 2026-11-25 09:00, and not here",
    }


def test_each_missing_day_rings_for_itself_and_a_weekend_for_none(agreed: Room, send: Send) -> None:
    send("2026-11-26", 1, 100)
    look(agreed, "2026-12-01T08:00")
    assert told(agreed) == ["2026-11-27", "2026-11-30"]


def test_it_is_told_when_the_statement_comes_after_all(agreed: Room, send: Send) -> None:
    send("2026-11-23", 1, 100)
    send("2026-11-25", 3, 200)
    look(agreed, "2026-11-26T08:00")
    (alarm,) = agreed.log.named("statement_missing")
    assert alarm["because"] == (
        "no statement between no. 1 of 2026-11-23 (closing 150.00) and no. 3 of 2026-11-25 "
        "(opening 200.00): difference +50.00; missing: 2"
    )
    assert told(agreed, "statement_filled") == []
    send("2026-11-24", 2, 150)
    look(agreed, "2026-11-26T09:00")
    look(agreed, "2026-11-26T10:00")
    assert told(agreed, "statement_filled") == ["2026-11-24"]
    assert told(agreed) == ["2026-11-24"]


def test_a_statement_that_comes_months_late_is_still_told(agreed: Room, send: Send) -> None:
    send("2026-11-23", 1, 100)
    look(agreed, "2026-11-25T08:00")
    for number, day in enumerate(("2026-11-25", "2026-11-26", "2027-02-01"), 3):
        send(day, number, 50 * number + 50)
    look(agreed, "2027-02-03T07:00")
    assert "2026-11-24" in told(agreed)
    assert told(agreed, "statement_filled") == []
    send("2026-11-24", 2, 150)
    look(agreed, "2027-02-03T07:01")
    assert told(agreed, "statement_filled") == ["2026-11-24"]


def test_before_the_first_statement_every_due_day_rings_and_none_is_taken_for_filled(
    agreed: Room, send: Send
) -> None:
    look(agreed, "2026-11-24T12:00")
    look(agreed, "2026-11-25T12:00")
    assert told(agreed) == ["2026-11-23", "2026-11-24"]
    send("2026-11-25", 1, 100)
    look(agreed, "2026-11-26T12:00")
    assert told(agreed) == ["2026-11-23", "2026-11-24"]
    assert told(agreed, "statement_filled") == []


def test_an_intraday_report_or_a_notification_fills_nothing(
    agreed: Room, send: Send, bank_files: BankFiles
) -> None:
    send("2026-11-23", 1, 100)
    block = bank_files.notification("1").replace("2026-11-20", "2026-11-24")
    content = bank_files.report_file(block, message="camt.054.001.02")
    (agreed.bank / "out" / "n.xml").write_bytes(content)
    look(agreed, "2026-11-25T12:00")
    assert told(agreed) == ["2026-11-24"]


def test_where_empty_statements_are_omitted_only_a_gap_rings(agreed: Room, send: Send) -> None:
    _agree(agreed, replace(BUSINESS_DAYS, empty_omitted=True))
    send("2026-11-23", 1, 100)
    send("2026-11-26", 2, 150)
    look(agreed, "2026-12-07T12:00")
    assert told(agreed) == []
    send("2026-12-07", 4, 250)
    look(agreed, "2026-12-08T12:00")
    assert told(agreed) == [
        *("2026-11-27", "2026-11-30", "2026-12-01", "2026-12-02"),
        *("2026-12-03", "2026-12-04"),
    ]
    send("2026-12-01", 3, 200)
    look(agreed, "2026-12-08T13:00")
    assert told(agreed, "statement_filled") == told(agreed)


def test_a_bank_in_maintenance_rings_no_alarm(agreed: Room, send: Send) -> None:
    closed = parse_windows("wed 08:00 - 12:00")
    _agree(agreed, BUSINESS_DAYS, closed=closed)
    send("2026-11-23", 1, 100)
    look(agreed, "2026-11-24T06:00")
    look(agreed, "2026-11-25T08:00")
    assert told(agreed) == []
    look(agreed, "2026-11-25T11:00")
    assert told(agreed) == ["2026-11-24"]


def test_nothing_is_expected_of_an_account_that_agreed_on_nothing(room: Room) -> None:
    look(room, "2026-12-08T12:00")
    assert told(room) == []


def test_the_daemon_looks_for_missing_statements_in_each_pass(agreed: Room) -> None:
    agreed.clock.time = datetime(2026, 11, 24, 12, tzinfo=UTC)
    with agreed.services() as services:
        once(services)
        assert told(agreed) == ["2026-11-23"]
        agreed.clock.advance(days=1)
        daemon = Daemon(services)
        daemon._pass()
        daemon._pass()
    assert told(agreed) == ["2026-11-23", "2026-11-24"]


def test_the_journal_masks_the_account_of_a_missing_statement(agreed: Room) -> None:
    journal = io.StringIO()
    agreed.clock.time = datetime(2026, 11, 24, 12, tzinfo=UTC)
    with agreed.services() as services, Sweep(replace(services, log=Journal(journal))) as sweep:
        tell_missing(sweep)
    assert "DE89...3000" in journal.getvalue()
    assert "DE89370400440532013000" not in journal.getvalue()
