"""What every part of the ledger stands on: transactions, the chain of moves, compare and set."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    Dialect,
    Engine,
    RowMapping,
    Select,
    Table,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DatabaseError, OperationalError

from h2h.adapters.sql import tables
from h2h.adapters.sql.sqlite import WRITES
from h2h.adapters.sql.types import Amount
from h2h.core.chain import GENESIS, link, record
from h2h.core.money import plain
from h2h.core.states import In, Out, State, may_move
from h2h.errors import Corrupt, Transient
from h2h.ports import Change, File

files, moves = tables.files, tables.moves
FILE_COLUMNS = tuple(files.c[field.name] for field in fields(File))
_CHANGES = tuple(field.name for field in fields(Change))

# Where a release returns to: what a person may have overlooked is judged again.
_HELD_FROM = {
    Out.CLAIMED: Out.CLAIMED,
    Out.VALID: Out.CLAIMED,
    Out.AWAITING_APPROVAL: Out.AWAITING_APPROVAL,
    Out.APPROVED: Out.APPROVED,
    Out.SEALED: Out.SEALED,
    Out.STAGED: Out.SEALED,
}
_ON_THE_WAY = (Out.CLAIMED, Out.VALID, Out.AWAITING_APPROVAL, Out.APPROVED, Out.SEALED)


class Store:
    """One database. Every public method of its children is one transaction, or nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{WRITES: True})

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """One consistent view; raises Transient or Corrupt for what the database may suffer."""
        with _in_our_words(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """One write transaction: committed whole at the end, or nothing."""
        with _in_our_words(), self._writer.begin() as connection:
            yield connection


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise Transient(
            f"the ledger cannot be used now: {error.orig}",
            "It is tried again by itself; look at the disk if this goes on",
        ) from error
    except DatabaseError as error:
        if type(error.orig) is not sqlite3.DatabaseError:
            raise
        raise Corrupt(
            f"the ledger is damaged: {error.orig}",
            "Stop, keep the file, and restore it from the newest backup",
        ) from error


# ------------------------------------------------------------------------------------ reading files


def select_files() -> Select[tuple[object, ...]]:
    """Every column of `File`, in its order."""
    return select(*FILE_COLUMNS)


def file_of(row: RowMapping) -> File:
    """A row of `select_files` as the port shows it."""
    facts = dict(row)
    outgoing = facts["direction"] == "out"
    facts["state"] = Out(facts["state"]) if outgoing else In(facts["state"])
    facts["held_from"] = Out(facts["held_from"]) if facts["held_from"] else None
    return File(**facts)


def find_file(connection: Connection, file_id: str) -> File | None:
    """One file by its id."""
    found = connection.execute(select_files().where(files.c.id == file_id)).mappings().first()
    return file_of(found) if found else None


def the_file(connection: Connection, file_id: str) -> File:
    """One file that is known to be there."""
    return file_of(connection.execute(select_files().where(files.c.id == file_id)).mappings().one())


def facts_of(change: Change | None) -> dict[str, object]:
    """The columns that a change writes."""
    if change is None:
        return {}
    facts = {name: getattr(change, name) for name in _CHANGES}
    return {name: value for name, value in facts.items() if value is not None}


# ---------------------------------------------------------------------------------------- many rows


def insert_rows(connection: Connection, table: Table, rows: Iterable[tuple[object, ...]]) -> None:
    """Insert rows that have every column of `table` in its order.

    Past the statement's construction, which takes longer than the insertion itself.
    """
    dialect = connection.dialect
    columns = list(zip(*rows, strict=True))
    for at, column in enumerate(table.columns):
        bind = _bind(column, dialect)
        if bind is not None and isinstance(column.type, Date | Boolean):  # few values, many rows
            bound = {value: bind(value) for value in set(columns[at])}
            columns[at] = tuple(map(bound.__getitem__, columns[at]))
        elif bind is not None:
            columns[at] = tuple(map(bind, columns[at]))
    statement = str(insert(table).compile(dialect=dialect))
    connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))


def _bind(column: Column[Any], dialect: Dialect) -> Callable[[Any], object] | None:
    """What makes a value one of the database's own; None where it is one already."""
    if isinstance(column.type, Amount) and not column.nullable:
        return plain  # past two calls of SQLAlchemy's for each of many rows
    return column.type.dialect_impl(dialect).bind_processor(dialect)


def read_rows(
    connection: Connection, query: Select[Any], table: Table, size: int
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a query over all columns of `table`, past SQLAlchemy's own; `size` at a time."""
    dialect = connection.dialect
    asked = query.compile(dialect=dialect)
    given = tuple(asked.params[name] for name in asked.positiontup or ())
    stream = connection.execution_options(yield_per=size)
    for rows in stream.exec_driver_sql(str(asked), given).partitions(size):
        columns = list(zip(*rows, strict=True))
        for at, column in enumerate(table.columns):
            told = column.type.dialect_impl(dialect).result_processor(dialect, None)
            if told is not None:
                columns[at] = _each_once(told, columns[at])
        yield list(zip(*columns, strict=True))


def _each_once(told: Callable[[Any], Any], values: Sequence[Any]) -> tuple[Any, ...]:
    """`told` of every value; a text that stands there twice is read once."""
    found = {value: told(value) for value in set(values)}
    return tuple(map(found.__getitem__, values))


# ------------------------------------------------------------------------------------ moving files


def shift(
    connection: Connection,
    file: File,
    target: State,
    now: datetime,
    *,
    because: str = "",
    who: str = "h2h",
    facts: Mapping[str, object] | None = None,
) -> bool:
    """One lawful move of `file`, chained; False when it is no longer in the state seen."""
    _insist_lawful(file, target)
    facts = dict(facts or {})
    written = facts | {
        "state": target.value,
        "held_from": _HELD_FROM[Out(file.state)].value if target is Out.HELD else None,
        "because": because,
        "due_at": None,
        "due_because": "",
        "failures": 0,
        "begun": 0,
    }
    if not set_if_unmoved(connection, file, written):
        return False
    content = str(facts.get("sha256", file.sha256))
    append(connection, file.id, file.state, target, now, who, because, content)
    return True


def _insist_lawful(file: File, target: State) -> None:
    if not may_move(file.state, target):
        raise ValueError(f"file {file.id}: no move leads from {file.state} to {target}")
    if target not in _reachable(file):
        raise ValueError(f"file {file.id}: held from {file.held_from}, not from {target}")


def _reachable(file: File) -> Collection[State]:
    """A release never skips a step that the file has not been through."""
    if file.held_from is None:
        return (*Out, *In)
    return (*_ON_THE_WAY[: _ON_THE_WAY.index(file.held_from) + 1], Out.CANCELLED)


def set_if_unmoved(connection: Connection, file: File, facts: Mapping[str, object]) -> bool:
    """Write `facts` if the file is still in the state seen: the compare and set of all moves."""
    still = (files.c.id == file.id) & (files.c.state == file.state.value)
    return connection.execute(update(files).where(still).values(**facts)).rowcount == 1


def append(
    connection: Connection,
    file_id: str,
    source: str,
    target: str,
    at: datetime,
    who: str,
    because: str,
    content: str,
) -> None:
    """Add one link to the chain; `file_id` "" for an act on the whole room."""
    previous, last = _head(connection)
    facts = record(last + 1, file_id, str(source), str(target), at, who, because, content)
    connection.execute(
        insert(moves).values(
            sequence=last + 1,
            file_id=file_id or None,
            source=str(source),
            target=str(target),
            at=at,
            who=who,
            because=because,
            content=content,
            previous=previous,
            hash=link(previous, facts),
        )
    )
    if file_id:
        connection.execute(update(files).where(files.c.id == file_id).values(last_move=last + 1))


def _head(connection: Connection) -> tuple[str, int]:
    """Hash and sequence of the newest move, read under the write lock."""
    newest = select(moves.c.hash, moves.c.sequence).order_by(moves.c.sequence.desc()).limit(1)
    found = connection.execute(newest).first()
    return (found.hash, found.sequence) if found else (GENESIS, 0)
