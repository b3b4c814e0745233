"""Documents of single entries: found by every reference, and all of them in one walk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, event

from h2h.core.states import In

if TYPE_CHECKING:
    from h2h.ports import File
    from tests.adapters.ledger.conftest import Office


def paper(office: Office, reference: str) -> File:
    """A document with this reference in its name, on its way."""
    file = office.ledger.document(office.read(), office.later(), reference)
    assert file is not None
    return file


def found(office: Office, document: File) -> list[tuple[str, int]]:
    return [(link.statement_id, link.entry) for link in office.ledger.links(document.id)]


ENDS = ("?", "%(statement_1)s::BIGINT")  # of such a question, on either database


@contextmanager
def walks(office: Office) -> Iterator[list[str]]:
    """The questions for all entries of a statement."""
    asked: list[str] = []

    def note(
        connection: Connection, cursor: object, statement: str, given: object, *_: object
    ) -> None:
        if (
            "details" in statement
            and statement.rstrip().partition("entries.statement = ")[2] in ENDS
        ):
            asked.append(statement)

    event.listen(office.ledger._engine, "before_cursor_execute", note)
    yield asked
    event.remove(office.ledger._engine, "before_cursor_execute", note)


def test_all_documents_on_their_way_are_looked_up_in_one_walk(office: Office) -> None:
    by_transaction = office.entry("1.00", office.detail(transaction_id="TX-7"))
    by_own = office.entry("2.00", entry_reference="N-8")
    booked = office.book(office.statement("0.00", "3.00", by_transaction, by_own))
    papers = [paper(office, name) for name in ("TX-7", "N-8", "TX", "NOBODY'S")]
    with walks(office) as asked:
        told = [found(office, each) for each in papers]
    one = f"{booked.id}-1"
    assert told == [[(one, 1)], [(one, 2)], [], []]
    assert len(asked) == 1


def test_a_document_is_found_in_what_is_booked_after_it_was_asked_for(office: Office) -> None:
    first = paper(office, "TX-7")
    assert found(office, first) == []
    entry = office.entry("1.00", office.detail(transaction_id="TX-7"))
    booked = office.book(office.statement("0.00", "1.00", entry))
    assert found(office, first) == [(f"{booked.id}-1", 1)]
    second = paper(office, "TX-7")
    assert found(office, second) == [(f"{booked.id}-1", 1)]


def test_an_entry_that_tells_a_reference_twice_is_linked_once(office: Office) -> None:
    twice = office.detail(transaction_id="TX-7", servicer_reference="TX-7")
    entry = office.entry("1.00", twice, entry_reference="TX-7")
    booked = office.book(office.statement("0.00", "1.00", entry))
    assert found(office, paper(office, "TX-7")) == [(f"{booked.id}-1", 1)]


def test_each_document_is_looked_for_in_the_month_before_it_alone(office: Office) -> None:
    entry = office.entry("1.00", office.detail(transaction_id="TX-7"))
    booked = office.book(office.statement("0.00", "1.00", entry))
    early = office.moved(office.moved(paper(office, "TX-7"), In.EXPORTING), In.DONE)
    office.later(days=60)
    late = paper(office, "TX-7")
    assert found(office, late) == []
    assert found(office, early) == [(f"{booked.id}-1", 1)]
    assert found(office, late) == []


def test_what_was_superseded_since_is_linked_no_more(office: Office) -> None:
    entry = office.entry("1.00", office.detail(transaction_id="TX-7"))
    office.book(office.statement("0.00", "1.00", entry))
    document = paper(office, "TX-7")
    assert len(found(office, document)) == 1
    other = office.entry("1.00", office.detail(transaction_id="TX-8"))
    office.book(office.statement("0.00", "1.00", other, created="2026-01-06T20:00:00"))
    assert found(office, document) == []
