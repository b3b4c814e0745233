"""A statement that comes in parts: its rows go in while the next ones are read, and are whole."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from h2h.adapters.sql.inserting import Inserter, Row
from h2h.core.statement import Part, Statement
from h2h.core.states import In
from h2h.errors import Corrupt, Transient
from h2h.ports import BankMessage

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office

_PARTS = (3, 2000, 1, 40, 5)  # entries in each; one statement inserts 256 of them at most


def _parts(statement: Statement, sizes: Sequence[int] = _PARTS) -> Iterator[Part]:
    entries = tuple(statement.entries)
    for at, size in enumerate(sizes):
        start = sum(sizes[:at])
        some = replace(statement, entries=entries[start : start + size])
        yield Part(some, last=at == len(sizes) - 1)


def _month(office: Office) -> Statement:
    number = sum(_PARTS)
    entries = [office.entry("1.50", servicer_reference=f"R{at}") for at in range(number)]
    return office.statement("0.00", f"{number * 1.5:.2f}", *entries)


def _message(parts: Iterator[Part]) -> BankMessage:
    return BankMessage("camt.053.001.08", parts)


def test_the_entries_of_all_parts_are_in_the_books(office: Office) -> None:
    file, month = office.read(), _month(office)
    booked = office.ledger.book(file, _message(_parts(month)), [office.account()], office.later())
    assert booked is not None
    assert booked.state is In.BOOKED
    (row,) = office.ledger.statements(file.id)
    assert office.entries(row.id) == [*month.entries]


def test_all_but_the_last_part_go_in_beside_the_reading(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    insert = Inserter.insert

    def seen(self: Inserter, bound: Sequence[Row]) -> None:
        threads.append((len(bound), threading.current_thread() is threading.main_thread()))
        insert(self, bound)

    monkeypatch.setattr(Inserter, "insert", seen)
    month = _month(office)
    office.ledger.book(office.read(), _message(_parts(month)), [office.account()], office.later())
    assert threads == [(3, False), (2000, False), (1, False), (40, False), (5, True)]


@pytest.mark.parametrize("failing", range(len(_PARTS)))
def test_when_a_part_fails_nothing_is_booked_and_it_can_be_tried_again(
    office: Office, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    file, month, insert = office.read(), _month(office), Inserter.insert

    def fails(self: Inserter, bound: Sequence[Row]) -> None:
        insert(self, bound)
        if len(bound) == _PARTS[failing]:
            raise OperationalError("INSERT", None, Exception("disk I/O error"))

    with monkeypatch.context() as patched:
        patched.setattr(Inserter, "insert", fails)
        with pytest.raises(Transient, match="disk I/O error"):
            office.ledger.book(file, _message(_parts(month)), [office.account()], office.later())
    assert office.state(file) is In.READ
    assert office.ledger.statements() == []
    booked = office.ledger.book(file, _message(_parts(month)), [office.account()], office.later())
    assert booked is not None
    assert office.entries(f"{file.id}-1") == [*month.entries]


def test_a_file_that_breaks_off_is_not_booked_while_rows_are_under_way(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, broken, ended = office.read(), threading.Event(), list[int]()
    insert = Inserter.insert

    def slow(self: Inserter, bound: Sequence[Row]) -> None:
        if len(bound) == _PARTS[1]:
            assert broken.wait(20)
        insert(self, bound)
        ended.append(len(bound))

    def parts() -> Iterator[Part]:
        given = _parts(_month(office))
        yield next(given)
        yield next(given)
        broken.set()
        raise Corrupt("it breaks off", "Ask the bank for it again")

    monkeypatch.setattr(Inserter, "insert", slow)
    with pytest.raises(Corrupt, match="it breaks off"):
        office.ledger.book(file, _message(parts()), [office.account()], office.later())
    assert ended == [*_PARTS[:2]]  # nobody uses the connection behind our back
    assert office.state(file) is In.READ
    assert office.ledger.statements() == []
    assert office.book(_month(office), file=file).state is In.BOOKED


def test_a_statement_of_the_database_has_no_more_values_than_it_takes(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite before 3.32 takes 999, and each statement is kept: there must be few."""
    insert, texts = Inserter.insert, set[str]()

    def noted(_: object, __: object, statement: str, *rest: object) -> None:
        texts.add(statement)

    def limited(self: Inserter, bound: Sequence[Row]) -> None:
        connection = self._connection
        if connection.dialect.name == "sqlite":
            driver = cast("sqlite3.Connection", connection.connection.driver_connection)
            driver.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)
            event.listen(connection, "before_cursor_execute", noted)
        insert(self, bound)

    monkeypatch.setattr(Inserter, "insert", limited)
    file, month = office.read(), _month(office)
    office.ledger.book(file, _message(_parts(month)), [office.account()], office.later())
    assert office.entries(f"{file.id}-1") == [*month.entries]
    inserted = {text for text in texts if text.startswith("INSERT INTO entries ")}
    counts = {text.count("(?") for text in inserted}
    assert counts == ({32, 16, 8, 4, 2, 1} if office.url.startswith("sqlite") else set())


def test_whoever_interrupts_the_wait_for_a_part_waits_all_the_same(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the rows would go into whatever transaction the connection has next."""
    insert, shutdown = Inserter.insert, ThreadPoolExecutor.shutdown
    interrupted, ended = threading.Event(), list[int]()

    def slow(self: Inserter, bound: Sequence[Row]) -> None:
        assert interrupted.wait(20)
        insert(self, bound)
        ended.append(len(bound))

    def interrupts(self: ThreadPoolExecutor, wait: bool = True) -> None:
        if not interrupted.is_set():
            interrupted.set()
            raise SystemExit(1)
        shutdown(self, wait)

    def parts() -> Iterator[Part]:
        yield next(_parts(_month(office)))
        raise SystemExit(0)

    file = office.read()
    with monkeypatch.context() as patched:
        patched.setattr(Inserter, "insert", slow)
        patched.setattr(ThreadPoolExecutor, "shutdown", interrupts)
        with pytest.raises(SystemExit, match="1"):
            office.ledger.book(file, _message(parts()), [office.account()], office.later())
    assert ended == [_PARTS[0]]
    assert office.state(file) is In.READ
    assert office.book(_month(office), file=file).state is In.BOOKED
