"""No question that a sweep asks reads whole tables: each is answered from an index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, event

from h2h.core.states import Handed, Out
from h2h.ports import ExportRow, HandOver, RemoteFile

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office

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
    """Steps that grow with the years: a scan, or all files of a bank."""
    with office.ledger._reading() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)  # type: ignore[arg-type]  # as it was given
        steps = [str(row[3]) for row in plan]
    if "LIMIT" in statement and steps == ["SCAN moves USING INDEX sqlite_autoindex_moves_1"]:
        return []  # the newest alone
    scans = [s for s in steps if s.startswith("SCAN") and s.split()[1] not in SMALL]
    scans = [s for s in scans if "VIRTUAL TABLE" not in s]  # the values that are asked for
    scans = [s for s in scans if s != "SCAN CONSTANT ROW"]  # an answer without a table
    scans = [s for s in scans if not s.endswith(OPEN)]
    return scans + [s for s in steps if s.startswith("SEARCH files") and s.endswith("(bank=?)")]


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
