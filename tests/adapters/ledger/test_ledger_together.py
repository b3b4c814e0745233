"""Many calls of the ledger in one transaction: all of them, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import bindparam, create_engine, insert, select

from h2h.adapters.sql import tables
from h2h.adapters.sql.prepared import Prepared
from h2h.core.states import Out
from h2h.errors import Refused, Transient
from tests.adapters.ledger.conftest import NEW_YEAR

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office


def test_what_is_done_together_is_seen_by_others_only_at_its_end(office: Office) -> None:
    one, two = office.admitted(), office.admitted()
    beside = office.open()
    with office.ledger.together():
        for file in (one, two):
            moved = office.ledger.move(file, Out.APPROVED, office.now)
            assert moved is not None
            assert moved.state is Out.APPROVED
        assert [office.state(file) for file in (one, two)] == [Out.APPROVED] * 2
        assert [found.state for found in beside.files()] == [Out.VALID] * 2
    assert [found.state for found in beside.files()] == [Out.APPROVED] * 2


def test_what_is_raised_within_undoes_all_of_it(office: Office) -> None:
    file, before = office.admitted(), office.ledger.moves()

    def half() -> None:
        with office.ledger.together():
            office.ledger.move(file, Out.APPROVED, office.now)
            raise KeyError

    with pytest.raises(KeyError):
        half()
    assert office.state(file) is Out.VALID
    assert office.ledger.moves() == before


def test_after_a_call_that_failed_nothing_of_it_is_committed(office: Office) -> None:
    one, two = office.admitted(), office.admitted()
    before = office.ledger.moves()

    def half() -> None:
        with office.ledger.together():
            office.ledger.move(one, Out.APPROVED, office.now)
            with pytest.raises(ValueError, match="no move leads"):
                office.ledger.move(two, Out.ACCEPTED, office.now)
            with pytest.raises(Transient, match="undone"):
                office.ledger.move(two, Out.APPROVED, office.now)

    with pytest.raises(Transient, match="undone"):
        half()
    assert office.ledger.moves() == before
    assert office.ledger.move(two, Out.APPROVED, office.now) is not None


def test_a_name_that_is_taken_undoes_what_was_reserved_with_it(office: Office) -> None:
    one, two = office.admitted(), office.admitted()

    def half() -> None:
        with office.ledger.together():
            office.ledger.reserve(one, lambda _: "same.xml", "in", office.now, gap_free=False)
            with pytest.raises(Refused, match="is file"):
                office.ledger.reserve(two, lambda _: "same.xml", "in", office.now, gap_free=False)

    with pytest.raises(Transient, match="undone"):
        half()
    found = [office.ledger.file(file.id) for file in (one, two)]
    assert [(file.final_name, file.attempt) for file in found if file] == [("", 0)] * 2


def test_a_statement_whose_values_only_sqlalchemy_fills_in_is_not_prepared() -> None:
    entered = Prepared(insert(tables.files))
    engine = create_engine("sqlite://")
    with engine.begin() as connection, pytest.raises(ValueError, match="defaults"):
        entered.run(connection, {"id": "one"})
    engine.dispose()


def test_a_list_that_a_statement_says_itself_is_written_out() -> None:
    files = tables.files.c
    asked = Prepared(
        select(files.name)
        .where(files.state.in_(["valid", "approved"]), files.bank == bindparam("the_bank"))
        .order_by(files.name)
    )
    engine = create_engine("sqlite://")
    tables.metadata.create_all(engine, [tables.files])
    states = {"a": "valid", "b": "approved", "c": "sent"}
    row = {"direction": "out", "bank": "acme", "created": NEW_YEAR}
    with engine.begin() as connection:
        rows = [{**row, "id": name, "name": name, "state": states[name]} for name in states]
        connection.execute(insert(tables.files), rows)
        assert asked.rows(connection, {"the_bank": "acme"}) == [["a"], ["b"]]
        assert asked.rows(connection, {"the_bank": "other"}) == []
    engine.dispose()
