"""The chain and the files as a verifier reads them: by columns, at one moment, in flat memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, collate, or_, select, true

from h2h.adapters.sql.prepared import Prepared
from h2h.adapters.sql.store import Store, file_of, files, moves, select_files
from h2h.core.chain import GENESIS, RECOVERED, RECOVERING, Head, Link
from h2h.ports import File, Unreadable, Wanted

_COLUMNS = tuple(moves.c[name] for name in Link._fields)
_LINKS = 5_000  # rows read at once
_FILES = 200


class Proofs(Store):
    """h2h.ports.proof.LedgerProof, but for what it writes."""

    def head(self) -> Head:
        with self._reading() as connection:
            return _head(connection)

    def hash_at(self, sequence: int) -> str | None:
        query = select(moves.c.hash).where(moves.c.sequence == sequence)
        with self._reading() as connection:
            found: str | None = connection.execute(query).scalar()
            return found

    def recoveries(self) -> Sequence[Link]:
        of_the_room = moves.c.file_id.is_(None) & moves.c.target.in_((RECOVERING, RECOVERED))
        query = select(*_COLUMNS).where(of_the_room).order_by(moves.c.sequence)
        with self._reading() as connection:
            return [_link(tuple(row)) for row in connection.execute(query)]

    @contextmanager
    def snapshot(self) -> Iterator[SqlSnapshot]:
        with self._reading() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            yield SqlSnapshot(connection)

    def found(self, wanted: Wanted, most: int) -> Sequence[File]:
        query = select_files().where(*_conditions(wanted))
        newest = query.order_by(files.c.created.desc(), files.c.id.desc()).limit(most)
        with self._reading() as connection:
            return [file_of(row) for row in connection.execute(newest).mappings()]


def _conditions(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    yield true()
    if wanted.text:
        exactly = (files.c.id, files.c.message_id, files.c.sha256, files.c.sealed_sha256)
        named = (files.c.name, files.c.final_name)
        yield or_(
            *(column == wanted.text for column in exactly),
            *(column.startswith(wanted.text, autoescape=True) for column in named),
        )
    if wanted.bank:
        yield files.c.bank == wanted.bank
    if wanted.since:
        yield files.c.created >= datetime.combine(wanted.since, time.min, UTC)
    if wanted.until:
        yield files.c.created < datetime.combine(wanted.until, time.min, UTC) + timedelta(days=1)


class SqlSnapshot:
    """h2h.ports.proof.Snapshot within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def head(self) -> Head:
        return _head(self._connection)

    def links(self, after: int = 0) -> Iterator[Link]:
        query = select(*_COLUMNS).where(moves.c.sequence > after).order_by(moves.c.sequence)
        return _links(self._connection, query)

    def hashes(self, sequences: Sequence[int]) -> Mapping[int, str]:
        query = select(moves.c.sequence, moves.c.hash).where(moves.c.sequence.in_(sequences))
        return {row.sequence: row.hash for row in self._connection.execute(query)}

    def links_by_file(self) -> Iterator[Link]:
        of_files = select(*_COLUMNS).where(moves.c.file_id.is_not(None))
        of_room = select(*_COLUMNS).where(moves.c.file_id.is_(None)).order_by(moves.c.sequence)
        ordered = of_files.order_by(self._by_id(moves.c.file_id), moves.c.sequence)
        return chain(_links(self._connection, of_room), _links(self._connection, ordered))

    def files(self) -> Iterator[File | Unreadable]:
        after = ""
        by_id = self._by_id(files.c.id)
        while True:
            query = select(files.c.id).where(by_id > after).order_by(by_id).limit(_FILES)
            ids = self._connection.execute(query).scalars().all()
            yield from self._files(ids)
            if len(ids) < _FILES:
                return
            after = ids[-1]

    def _files(self, ids: Sequence[str]) -> Iterator[File | Unreadable]:
        try:
            rows = self._rows(select_files().where(files.c.id.in_(ids)))
        except _NONSENSE:
            for file_id in ids:
                yield self._file(file_id)
            return
        by_id = {file.id: file for file in rows}
        yield from (by_id[file_id] for file_id in ids)

    def _file(self, file_id: str) -> File | Unreadable:
        try:
            return self._rows(select_files().where(files.c.id == file_id))[0]
        except _NONSENSE as error:
            return Unreadable(file_id, f"its row in the ledger cannot be read: {error}")

    def _rows(self, query: Select[Any]) -> list[File]:
        return [file_of(row) for row in self._connection.execute(query).mappings()]

    def _by_id(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """By the bytes of the ids, whatever language the database speaks."""
        return collate(column, "C") if self._connection.dialect.name == "postgresql" else column


_NONSENSE = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError)


def _head(connection: Connection) -> Head:
    found = _NEWEST.rows(connection, {})
    return Head(*found[0]) if found else Head(0, GENESIS)


_NEWEST = Prepared(
    select(moves.c.sequence, moves.c.hash).order_by(moves.c.sequence.desc()).limit(1)
)


def _links(connection: Connection, query: Select[Any]) -> Iterator[Link]:
    """Past SQLAlchemy's own reading of values: what somebody bent is a text like any other."""
    asked = query.compile(dialect=connection.dialect)
    names = asked.positiontup
    given: Any = tuple(map(asked.params.__getitem__, names)) if names else asked.params
    stream = connection.execution_options(yield_per=_LINKS)
    for rows in stream.exec_driver_sql(str(asked), given or None).partitions(_LINKS):
        yield from map(_link, rows)


def _link(row: Sequence[Any]) -> Link:
    sequence, file_id, source, target, at, who, because, content, previous, hash_ = row
    return Link(
        sequence if type(sequence) is int else -1,
        file_id or "",
        source,
        target,
        _moment(at),
        who,
        because,
        content,
        previous,
        hash_,
    )


def _moment(at: object) -> str:
    """As `record` writes it: SQLite keeps UTC as `2026-11-23 10:00:00.000000`."""
    if isinstance(at, datetime):
        return at.astimezone(UTC).isoformat(timespec="microseconds")
    text = str(at)
    return f"{text[:10]}T{text[11:]}+00:00" if text[10:11] == " " else text
