"""What every part of the ledger stands on: transactions, the chain of moves, compare and set."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Select,
    Table,
    bindparam,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias

from h2h.adapters.sql import tables
from h2h.adapters.sql.failures import in_our_words
from h2h.adapters.sql.prepared import Prepared
from h2h.adapters.sql.sqlite import WRITES
from h2h.core.chain import GENESIS, link, record
from h2h.core.states import In, Out, State, may_move
from h2h.errors import Transient
from h2h.ports import Change, File, MoveRow

files, moves = tables.files, tables.moves
FILE_COLUMNS = tuple(files.c[field.name] for field in fields(File))
INSIST = "h2h_insist"  # the execution option with what a delivery asks first
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


Transaction = Callable[[Engine], AbstractContextManager[Connection]]


@dataclass(frozen=True)
class Database:
    """An engine, and how it is used where a database has ways of its own."""

    engine: Engine
    reading: Transaction = Engine.connect
    writing: Transaction = Engine.begin
    insist: Callable[[], None] = lambda: None  # raises unless this h2h has the ledger to itself


class _Joint(threading.local):
    """The transaction that several calls of one thread have in common, if they do."""

    connection: Connection | None = None
    broken = False


class Store:
    """One database. Every public method of its children is one transaction, or nothing."""

    def __init__(self, database: Database) -> None:
        self._engine = database.engine
        options = {WRITES: True, INSIST: database.insist}
        self._writer = database.engine.execution_options(**options)
        self._read, self._write = database.reading, database.writing
        self._joint = _Joint()

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    @contextmanager
    def together(self) -> Iterator[None]:
        joint = self._joint
        if joint.connection is not None:
            raise RuntimeError("what is done together is not begun within itself")
        with _in_our_words(), self._write(self._writer) as connection:
            joint.connection, joint.broken = connection, False
            try:
                yield
            finally:
                joint.connection = None
            if joint.broken:
                raise _undone()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """One consistent view; raises Transient or Corrupt for what the database may suffer."""
        if self._joint.connection is not None:
            with self._part(self._joint.connection) as connection:
                yield connection
            return
        with _in_our_words(), self._read(self._engine) as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """One write transaction: committed whole at the end, or nothing."""
        if self._joint.connection is not None:
            with self._part(self._joint.connection) as connection:
                yield connection
            return
        with _in_our_words(), self._write(self._writer) as connection:
            yield connection

    @contextmanager
    def _part(self, connection: Connection) -> Iterator[Connection]:
        """A part of the common transaction. After an error nothing more is done in it: a part of it
        may be half, and SQLite may have undone what came before, and would commit what follows."""
        if self._joint.broken:
            raise _undone()
        try:
            with _in_our_words():
                yield connection
        except BaseException:
            self._joint.broken = True
            raise


def _undone() -> Transient:
    return Transient("what was to be committed together was undone", "It is tried one by one")


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        told = in_our_words(error)
        if told is None:
            raise
        raise told from error


# ------------------------------------------------------------------------------------ reading files


def select_files() -> Select[tuple[object, ...]]:
    """Every column of `File`, in its order."""
    return select(*FILE_COLUMNS)


# Each file needs these a dozen times, and to build a statement takes longer than to execute it.
_ONE_FILE = Prepared(select_files().where(files.c.id == bindparam("the_id")))
_WHATEVER_STATE = update(files).where(files.c.id == bindparam("the_id"))
_IF_UNMOVED = _WHATEVER_STATE.where(files.c.state == bindparam("seen"))
_IF_UNMOVED_AT_ONCE = Prepared(_IF_UNMOVED)
_IF_UNMOVED_SHOWN = _IF_UNMOVED.returning(*FILE_COLUMNS)
_IF_UNMOVED_SHOWN_AT_ONCE = Prepared(_IF_UNMOVED_SHOWN)
_NEW_LAST_MOVE = Prepared(_WHATEVER_STATE)
_ONE_MOVE = Prepared(insert(moves))
MOVES = select(*(moves.c[field.name] for field in fields(MoveRow))).order_by(moves.c.sequence)
MOVES_OF_FILE = MOVES.where(moves.c.file_id == bindparam("the_id"))
_MOVES_OF_FILE = Prepared(MOVES_OF_FILE)
_NEWEST_MOVE = Prepared(
    select(moves.c.hash, moves.c.sequence).order_by(moves.c.sequence.desc()).limit(1)
)


def file_of(row: RowMapping) -> File:
    """A row of `select_files` as the port shows it."""
    facts = dict(row)
    outgoing = facts["direction"] == "out"
    facts["state"] = Out(facts["state"]) if outgoing else In(facts["state"])
    facts["held_from"] = Out(facts["held_from"]) if facts["held_from"] else None
    return File(**facts)


def bare_file_of(row: Iterable[Any]) -> File:
    """The same from the bare columns, in half the time."""
    facts = [*row]
    kind = Out if facts[_DIRECTION] == "out" else In
    facts[_STATE] = kind(facts[_STATE])
    facts[_HELD] = Out(facts[_HELD]) if facts[_HELD] else None
    return File(*facts)


_DIRECTION, _STATE, _HELD = (
    [field.name for field in fields(File)].index(name)
    for name in ("direction", "state", "held_from")
)


def moves_of(connection: Connection, file_id: str) -> list[MoveRow]:
    """The moves of one file, in their order."""
    return [MoveRow(*row) for row in _MOVES_OF_FILE.rows(connection, {"the_id": file_id})]


def find_file(connection: Connection, file_id: str) -> File | None:
    """One file by its id."""
    found = _ONE_FILE.rows(connection, {"the_id": file_id})
    return bare_file_of(found[0]) if found else None


def the_file(connection: Connection, file_id: str) -> File:
    """One file that is known to be there."""
    (found,) = _ONE_FILE.rows(connection, {"the_id": file_id})
    return bare_file_of(found)


def facts_of(change: Change | None) -> dict[str, object]:
    """The columns that a change writes."""
    if change is None:
        return {}
    facts = {name: getattr(change, name) for name in _CHANGES}
    return {name: value for name, value in facts.items() if value is not None}


# ---------------------------------------------------------------------------------------- many rows


def given_values(values: Iterable[str]) -> TableValuedAlias:
    """Values as a table of one column, `value`, handed over as one text; without doubles."""
    return _Given(json.dumps(sorted({*values}))).table_valued("value")


class _Given(FunctionElement[str]):
    name = "json_each"
    inherit_cache = True


@compiles(_Given)
def _given(element: _Given, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401  the compiler's own
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(_Given, "postgresql")
def _given_on_postgres(element: _Given, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401  the compiler's own
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS json))"


def in_driver_words(connection: Connection, statement: str) -> str:
    """A statement that is written for SQLite's driver as this connection's takes it."""
    if connection.dialect.name == "sqlite":
        return statement
    told = statement.replace("json_each(?)", "json_array_elements_text(?::json)")
    return told.replace("?", "%s")


def read_rows(
    connection: Connection, query: Select[Any], table: Table, size: int
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a query over all columns of `table`, past SQLAlchemy's own; `size` at a time."""
    dialect = connection.dialect
    asked = query.compile(dialect=dialect)
    names = asked.positiontup
    given = asked.params if names is None else tuple(asked.params[name] for name in names)
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
    note: str = "",
) -> File | None:
    """One lawful move of `file`, chained; None when it is no longer in the state seen, or is held
    for more than was seen. `note`: what the chain tells in place of `because`."""
    _insist_lawful(file, target)
    if file.state is Out.HELD and the_file(connection, file.id).last_move != file.last_move:
        return None
    if target is Out.DELIVERING:
        connection.get_execution_options()[INSIST]()
    facts = dict(facts or {})
    previous, last = _head(connection)
    written = facts | {
        "state": target.value,
        "held_from": _HELD_FROM[Out(file.state)].value if target is Out.HELD else None,
        "because": because,
        "due_at": None,
        "due_because": "",
        "failures": 0,
        "begun": 0,
        "last_move": last + 1,
    }
    moved = set_and_read(connection, file, written)
    if moved is not None:
        content = str(facts.get("sha256", file.sha256))
        told = (file.id, file.state, target, now, who, note or because, content)
        _insert_link(connection, previous, last + 1, *told)
    return moved


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
    computed, given = _divided(file, facts)
    if computed:
        return connection.execute(_IF_UNMOVED.values(**computed), given).rowcount == 1
    return _IF_UNMOVED_AT_ONCE.run(connection, given) == 1


def set_and_read(connection: Connection, file: File, facts: Mapping[str, object]) -> File | None:
    """The same, and the file as it stands then."""
    if not connection.dialect.update_returning:  # SQLite before 3.35
        return the_file(connection, file.id) if set_if_unmoved(connection, file, facts) else None
    computed, given = _divided(file, facts)
    found: Sequence[Sequence[Any]]
    if computed:
        found = connection.execute(_IF_UNMOVED_SHOWN.values(**computed), given).all()
    else:
        found = _IF_UNMOVED_SHOWN_AT_ONCE.rows(connection, given)
    return bare_file_of(found[0]) if found else None


def _divided(
    file: File, facts: Mapping[str, object]
) -> tuple[dict[str, ColumnElement[Any]], dict[str, object]]:
    """What the database works out, and what is given."""
    computed = {name: fact for name, fact in facts.items() if isinstance(fact, ColumnElement)}
    given = {name: fact for name, fact in facts.items() if name not in computed}
    return computed, {"the_id": file.id, "seen": file.state.value, **given}


def append(
    connection: Connection,
    file_id: str,
    source: str,
    target: str,
    at: datetime,
    who: str,
    because: str,
    content: str,
    *,
    beyond: int = 0,
) -> None:
    """Add one link to the chain, numbered beyond `beyond` too; `file_id` "" for an act on the whole
    room."""
    previous, last = _head(connection)
    number = max(last, beyond) + 1
    told = (file_id, source, target, at, who, because, content)
    _insert_link(connection, previous, number, *told)
    if file_id:
        _NEW_LAST_MOVE.run(connection, {"the_id": file_id, "last_move": number})


def _insert_link(
    connection: Connection,
    previous: str,
    number: int,
    file_id: str,
    source: str,
    target: str,
    at: datetime,
    who: str,
    because: str,
    content: str,
) -> None:
    facts = record(number, file_id, str(source), str(target), at, who, because, content)
    row = {
        "sequence": number,
        "file_id": file_id or None,
        "source": str(source),
        "target": str(target),
        "at": at,
        "who": who,
        "because": because,
        "content": content,
        "previous": previous,
        "hash": link(previous, facts),
    }
    _ONE_MOVE.run(connection, row)


def _head(connection: Connection) -> tuple[str, int]:
    """Hash and sequence of the newest move, read under the write lock."""
    found = _NEWEST_MOVE.rows(connection, {})
    return (found[0][0], found[0][1]) if found else (GENESIS, 0)
