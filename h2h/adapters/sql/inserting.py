"""Many rows of one table, inserted while the next ones are made.

A database's own code runs without Python's lock. So the rows that are at hand become one statement,
and while a thread waits for it the file is read on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from itertools import chain
from typing import Any, cast

from sqlalchemy import Boolean, Column, Connection, Date, Dialect, Table, insert

from h2h.adapters.sql import postgres
from h2h.adapters.sql.types import Amount
from h2h.core.money import plain

_MOST_ROWS = 256  # of one statement: a part of a camt file

Row = tuple[object, ...]


class Inserter:
    """Inserts rows that have every column of `table` in its order, in the connection's transaction.

    Nobody else uses the connection between `begin` and `settle`, or `close`.
    """

    def __init__(self, connection: Connection, table: Table) -> None:
        self._connection, self._table = connection, table
        self._worker: ThreadPoolExecutor | None = None  # few statements are so large
        self._begun: Future[None] | None = None

    def bound(self, rows: Iterable[Row]) -> Sequence[Row]:
        """The rows in the database's own values. Asks it for nothing."""
        columns = list(zip(*rows, strict=True))
        for at, column in enumerate(self._table.columns):
            bind = _bind(column, self._connection.dialect)
            if bind is not None and isinstance(column.type, Date | Boolean):  # few, in many rows
                bound = {value: bind(value) for value in set(columns[at])}
                columns[at] = tuple(map(bound.__getitem__, columns[at]))
            elif bind is not None:
                columns[at] = tuple(map(bind, columns[at]))
        return list(zip(*columns, strict=True))

    def begin(self, bound: Sequence[Row]) -> None:
        """Have these rows inserted beside."""
        self.settle()
        if self._worker is None:
            self._worker = ThreadPoolExecutor(1, "insert")
        self._begun = self._worker.submit(self.insert, bound)

    def settle(self) -> None:
        """Wait for what was begun; raises what the database said of it."""
        begun, self._begun = self._begun, None
        if begun is not None:
            begun.result()

    def close(self) -> None:
        """Wait, whatever became of it, and whoever wants us to end: the transaction ends, and
        nobody may write behind it."""
        if self._worker is None:
            return
        try:
            self._worker.shutdown()
        except BaseException:
            self.close()
            raise

    def insert(self, bound: Sequence[Row]) -> None:
        """Insert these rows now, past the statement's construction, which takes longer."""
        connection, table = self._connection, self._table
        if connection.dialect.name == "postgresql":
            postgres.copy_rows(connection, table, bound)
            return
        for some in _some(bound, self._most()):
            statement = _insertion(table, connection.dialect, len(some))
            connection.exec_driver_sql(statement, tuple(chain.from_iterable(some)))

    def _most(self) -> int:
        """How many rows a statement may have: SQLite before 3.32 takes 999 values."""
        driver = cast("sqlite3.Connection", self._connection.connection.driver_connection)
        values = driver.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER)
        return min(_MOST_ROWS, values // len(self._table.columns))


def _some(rows: Sequence[Row], most: int) -> Iterator[Sequence[Row]]:
    """The rows in powers of two: the driver keeps each statement that it has seen, with its last
    values."""
    start = 0
    while left := len(rows) - start:
        size = 1 << (min(left, most).bit_length() - 1)
        yield rows[start : start + size]
        start += size


def _insertion(table: Table, dialect: Dialect, rows: int) -> str:
    """The statement for so many rows."""
    one = _insertion_of_one(table, dialect)
    return one + f", {one.rpartition('VALUES ')[2]}" * (rows - 1)


@lru_cache(maxsize=4)
def _insertion_of_one(table: Table, dialect: Dialect) -> str:
    return str(insert(table).compile(dialect=dialect))


def _bind(column: Column[Any], dialect: Dialect) -> Callable[[Any], object] | None:
    """What makes a value one of the database's own; None where it is one already."""
    if isinstance(column.type, Amount) and not column.nullable:
        return plain  # past two calls of SQLAlchemy's for each of many rows
    return column.type.dialect_impl(dialect).bind_processor(dialect)
