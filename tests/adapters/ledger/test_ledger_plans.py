"""No question that a sweep asks reads whole tables: each is answered from an index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, event

from h2h.core.states import Handed, Out
from h2h.core.status import BatchStatus, PaymentStatus
from h2h.ports import ExportRow, HandOver, RemoteFile

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office

# Its plans say what is read; PostgreSQL chooses by the size of the tables.
ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
SMALL = {"hand_overs", "health", "pauses", "first_scans", "settings", "requests"}

# Indexes of only what is still to be done.
OPEN = ("INDEX files_unrecorded", "INDEX statements_unassigned")


@contextmanager
def _asked(office: Office) -> Iterator[list[tuple[str, object]]]:
    asked: list[tuple[str, object]] = []

    def note(
        connection: Connection, cursor: object, statement: str, given: object, *_: object
    ) -> None:
        if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE")):
            asked.append((statement, given[0] if isinstance(given, list) else given))

    event.listen(office.ledger._engine, "before_cursor_execute", note)
    yield asked
    event.remove(office.ledger._engine, "before_cursor_execute", note)


def _slow(office: Office, statement: str, given: object) -> list[str]:
    """Steps that grow with the years: a scan, or all files of a bank or of a direction."""
    with office.ledger._reading() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)  # type: ignore[arg-type]  # as it was given
        steps = [str(row[3]) for row in plan]
    if "LIMIT" in statement and steps == ["SCAN moves USING INDEX sqlite_autoindex_moves_1"]:
        return []  # the newest alone
    scans = [s for s in steps if s.startswith("SCAN") and s.split()[1] not in SMALL]
    scans = [s for s in scans if "VIRTUAL TABLE" not in s]  # the values that are asked for
    scans = [s for s in scans if s != "SCAN CONSTANT ROW"]  # an answer without a table
    scans = [s for s in scans if not s.endswith(OPEN)]
    many = ("(bank=?)", "(direction=?)")
    return scans + [s for s in steps if s.startswith("SEARCH files") and s.endswith(many)]


@ON_SQLITE
def test_every_question_of_a_days_work_is_answered_from_an_index(office: Office) -> None:
    with _asked(office) as asked:
        ours = office.on_the_road(Out.SEALED, office.payment(end_to_end_id="A"), message_id="M1")
        named = office.ledger.reserve(ours, lambda n: f"N{n}", "in", office.later(), gap_free=True)
        assert named is not None
        for target in (Out.STAGED, Out.DELIVERING, Out.IN_DOUBT):
            named = office.moved(named, target)
        office.ledger.waive(named, ["r"], "ann", "why", office.later())
        office.ledger.same_bytes(named)
        office.ledger.elsewhere(named, [[office.payment()]], office.now)
        office.ledger.gone("acme", office.now.date(), named)
        office.ledger.tell(
            office.read(), office.report("M1", "ACTC"), office.later(), rejects_only=False
        )
        debit = office.entry("-10.00", office.detail(end_to_end_id="A", message_id="M1"))
        booked = office.book(office.statement("100.00", "90.00", debit))
        paper = office.read()
        office.ledger.document(paper, office.later(), "A REFERENCE")
        row = ExportRow(f"{booked.id}-1", "sap", booked.id, Handed.WAITING)
        office.ledger.assign(booked, [row.subject], [row], again=True)
        office.ledger.let_through()
        office.ledger.handing_over(booked, [HandOver("f", "t", "n", "s", "sap")], [row])
        office.ledger.pending_hand_overs(booked)
        office.ledger.handed_over(booked, "sap")
        office.ledger.exports(booked.id)
        office.ledger.exportable(office.now)
        office.ledger.links(booked.id)
        office.ledger.links(paper.id)
        office.ledger.known("acme", "out", [RemoteFile("x", 1, 1)])
        office.ledger.remote_pending("acme")
        office.ledger.remote_done(booked)
        office.ledger.unrecorded()
        office.ledger.recorded(booked, 99)
        office.ledger.files([Out.CLAIMED, Out.SENT], direction="out", due=office.now)
        office.ledger.moves(booked.id)
        office.ledger.payments(ours.id)
        office.ledger.statements(booked.id)
        office.ledger.statements(account=office.account().number)
        office.entries(f"{booked.id}-1")
        office.ledger.unassigned(booked.id)
        office.ledger.slot("key", office.now)
        office.ledger.asked()
        office.ledger.answer(office.ledger.ask("send", "", office.now), "done")
    assert len(asked) > 100
    found = {
        statement: slow for statement, given in asked if (slow := _slow(office, statement, given))
    }
    assert found == {}, found.values()


@ON_SQLITE
def test_what_finds_payments_and_tells_their_life_is_answered_from_an_index(
    office: Office,
) -> None:
    names = [office.payment(end_to_end_id=name, instruction_id=f"I-{name}") for name in "ABC"]
    ours = office.on_the_road(Out.SENT, *names, message_id="M1")
    status = PaymentStatus("I-A", "A", "ACSP", (), "", "", "BANK-1")
    report = replace(office.report("NOTPROVIDED"), batches=(BatchStatus("B1", "", (), (status,)),))
    sum_of_all = office.entry("-30.00", batch_id="B1")
    by_reference = office.entry("-10.00", servicer_reference="BANK-1")
    by_instruction = office.entry("-10.00", office.detail(instruction_id="I-B"))
    linked = office.entry("-10.00", office.detail(end_to_end_id="C"), linked_message_id="N1")
    both = (sum_of_all, by_reference, by_instruction, linked)
    statement = office.statement("100.00", "40.00", *both)
    corrected = office.statement("100.00", "70.00", sum_of_all)
    corrected = replace(corrected, created="2026-01-05T21:00:00")
    with _asked(office) as asked:
        office.book(statement)
        told = office.ledger.tell(office.read(), report, office.later(), rejects_only=False)
        lives = [office.ledger.trace(name) for name in "ABC"]
        office.book(corrected)
        office.ledger.trace("nobody's")
    assert told is not None
    assert told.file_id == ours.id
    assert ["exact" in [event.what for event in life[0].events] for life in lives] == [True] * 3
    found = {
        statement: slow for statement, given in asked if (slow := _slow(office, statement, given))
    }
    assert found == {}
