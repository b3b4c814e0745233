"""Statements that every file asks for a dozen times, on SQLite past SQLAlchemy's own execution.

That takes three to five times as long as SQLite itself does: 50 to 140 us against 10 to 20. A
server's database is asked in the usual way, where the network takes longer than both.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from sqlalchemy import Connection, Delete, Dialect, Insert, Select, Update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import ReturningUpdate

Statement = Select[Any] | Insert | Update | Delete | ReturningUpdate[Any]
Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Made:
    """A statement as the driver takes it: its text, where its values go, what becomes of both."""

    text: str
    names: Sequence[str]
    fixed: Mapping[str, object]  # what the statement says itself, as a LIMIT does
    bind: Mapping[str, Convert]
    told: Sequence[tuple[int, Convert]]  # by the place in a row

    @classmethod
    def of(cls, statement: Statement, names: Sequence[str], dialect: Dialect) -> _Made:
        compiled = statement.compile(dialect=dialect, column_keys=list(names))
        lists = [(name, bind.type) for name, bind in compiled.binds.items() if bind.expanding]
        for name, kind in lists:
            if name in names or kind.dialect_impl(dialect).bind_processor(dialect):
                raise ValueError(f"lists that are given, or converted, are SQLAlchemy's: {name}")
        whole = compiled.construct_expanded_state(dict.fromkeys(names))  # lists written out
        ours = whole.positiontup or ()
        if statement.is_insert and not {*ours} <= {*names}:
            raise ValueError(f"Python's defaults are SQLAlchemy's: {compiled}")
        typed = [name for name in ours if name in compiled.binds]  # all but the words of a list
        impls = {name: compiled.binds[name].type.dialect_impl(dialect) for name in typed}
        bind = {name: impl.bind_processor(dialect) for name, impl in impls.items()}
        columns = getattr(statement, "exported_columns", ())
        told = [each.type.dialect_impl(dialect).result_processor(dialect, None) for each in columns]
        return cls(
            whole.statement,
            ours,
            {name: whole.parameters[name] for name in ours if name not in names},
            {name: convert for name, convert in bind.items() if convert is not None},
            [(at, convert) for at, convert in enumerate(told) if convert is not None],
        )

    def values(self, given: Mapping[str, object]) -> tuple[object, ...]:
        whole, bind = {**self.fixed, **given}, self.bind
        return tuple(
            bind[name](whole[name]) if name in bind else whole[name] for name in self.names
        )

    def row(self, row: Sequence[Any]) -> Sequence[Any]:
        found = list(row)
        for at, convert in self.told:
            found[at] = convert(found[at])
        return found


class Prepared:
    """One statement. Both ways raise what SQLAlchemy raises, and tell its listeners."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._made: dict[tuple[str, ...], _Made] = {}

    def rows(self, connection: Connection, given: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """The rows that it finds, or that it changed and returns."""
        if not _is_direct(connection):
            return connection.execute(self._statement, given).all()
        made = self._for(given, connection.dialect)
        return [made.row(row) for row in _executed(connection, made, given).rows]

    def run(self, connection: Connection, given: Mapping[str, object]) -> int:
        """How many rows it changed."""
        if not _is_direct(connection):
            return connection.execute(self._statement, given).rowcount
        return _executed(connection, self._for(given, connection.dialect), given).changed

    def _for(self, given: Mapping[str, object], dialect: Dialect) -> _Made:
        names = tuple(given)
        if names not in self._made:
            self._made[names] = _Made.of(self._statement, names, dialect)
        return self._made[names]


def _is_direct(connection: Connection) -> bool:
    """Only within a transaction: SQLAlchemy begins one with its own first statement."""
    return connection.dialect.name == "sqlite" and connection.in_transaction()


class _Outcome(NamedTuple):
    rows: Sequence[Sequence[Any]]
    changed: int


def _executed(connection: Connection, made: _Made, given: Mapping[str, object]) -> _Outcome:
    values = made.values(given)
    cursor = cast("sqlite3.Cursor", connection.connection.cursor())
    for listener in connection.dispatch.before_cursor_execute:
        listener(connection, cursor, made.text, values, None, False)  # noqa: FBT003 - SQLAlchemy's own signature
    try:
        rows = cursor.execute(made.text, values).fetchall()  # which may fail at any row
        return _Outcome(rows, cursor.rowcount)
    except sqlite3.Error as error:
        raise DBAPIError.instance(
            made.text,
            None,
            error,
            sqlite3.Error,
            hide_parameters=True,
            dialect=connection.dialect,
        ) from error
