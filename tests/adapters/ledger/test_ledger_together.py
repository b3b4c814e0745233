"""Many calls of the ledger in one transaction: all of them, or none."""

from __future__ import annotations

import sqlite3
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from sqlalchemy import bindparam, create_engine, func, insert, select
from sqlalchemy.exc import OperationalError

from h2h.adapters.sql import sqlite, tables
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


def test_a_list_that_is_given_or_converted_is_not_prepared() -> None:
    """Its words would not be found: what went before would not be seen."""
    files = tables.files.c
    given = Prepared(select(files.id).where(files.state.in_(bindparam("states", expanding=True))))
    converted = Prepared(select(files.id).where(files.created.in_([NEW_YEAR])))
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        with pytest.raises(ValueError, match="lists"):
            given.rows(connection, {"states": ["valid"]})
        with pytest.raises(ValueError, match="lists"):
            converted.rows(connection, {})
    engine.dispose()


def test_what_fails_at_a_later_row_is_told_like_any_failure(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/rows.db")
    asked = Prepared(select(func.at_times(tables.files.c.id)).order_by(tables.files.c.id))
    calls = count(1)

    def at_times(_: str) -> int:
        if next(calls) == 2:
            raise OSError("the disk")
        return 1

    with engine.begin() as connection:
        tables.metadata.create_all(connection, [tables.files])
        rows = [{"id": f"{n}", "direction": "out", "name": "a", "state": "valid"} for n in range(3)]
        connection.execute(insert(tables.files), [{**row, "created": NEW_YEAR} for row in rows])
        driver = cast("sqlite3.Connection", connection.connection.driver_connection)
        driver.create_function("at_times", 1, at_times)
        with pytest.raises(OperationalError, match="user-defined function"):
            asked.rows(connection, {})
    engine.dispose()


def test_what_only_reads_writes_nothing(office: Office) -> None:
    if office.url.startswith("sqlite"):
        with sqlite.reading(create_engine(office.url)) as connection:
            assert connection.in_transaction()
            connection.execute(insert(tables.slots), {"key": "once", "at": NEW_YEAR})
    assert office.ledger.slot("once", NEW_YEAR)
