"""Documents of a bank (receipts of single entries, 电子回单) and the entries that they belong to.

A document's name carries the bank's reference of its entry. Nothing of the tie is stored: it is
looked up, by whichever of both is asked for. Not every reference has an index: for the others the
entries of the month are walked, once for all documents that are being handed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row, Select, func, select, text, update

from h2h.adapters.sql import tables
from h2h.adapters.sql.store import Database, Store
from h2h.core.states import Handed, In, Kept
from h2h.ports import Link

documents, exports, files = tables.documents, tables.exports, tables.files
entries, statements = tables.entries, tables.statements

_NEAR = timedelta(days=31)  # a document follows its entry within a month
_REFERRED = text("entries.servicer_reference <> ''")
_NAMED = ("servicer_reference", "transaction_id")  # of a transaction behind an entry
_MOST_ASKED = 500  # references in one question
_UNDER_WAY = (In.BOOKED.value, In.EXPORTING.value)


@dataclass(frozen=True, slots=True)
class _Walk:
    """Where the entries of a bank name the references that were asked for."""

    newest: int  # the key of the last statement then
    since: date
    places: Mapping[str, Sequence[tuple[int, int]]]  # (statement's key, entry), by reference


class Documents(Store):
    """Which document belongs to which entry."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._walks: dict[str, _Walk] = {}  # the last one of each bank

    def links(self, file_id: str) -> Sequence[Link]:
        with self._reading() as connection:
            return [*self._links_of(connection, file_id), *_links_into(connection, file_id)]

    def _links_of(self, connection: Connection, file_id: str) -> list[Link]:
        """The entries that a document belongs to, none when it is no such document."""
        query = select(documents, files.c.name, files.c.created).join(files)
        document = connection.execute(query.where(documents.c.file_id == file_id)).first()
        if document is None:
            return []
        found = connection.execute(_by_servicer_reference(document)).all()
        rows = found or self._named_near(connection, document)
        return [_link(document, row) for row in rows]

    def _named_near(self, connection: Connection, document: Row[Any]) -> list[Row[Any]]:
        """By the references that have no index, so among the newer statements alone."""
        since = document.created.date() - _NEAR
        near = _entries_of(document.bank).where(statements.c.as_of >= since)
        found: list[Row[Any]] = []
        for key, index in self._walked(connection, document, since).places[document.reference]:
            place = (entries.c.statement == key) & (entries.c.index == index)
            found += connection.execute(near.where(place))
        return sorted(found, key=lambda row: (row.id, row.number))

    def _walked(self, connection: Connection, document: Row[Any], since: date) -> _Walk:
        """A walk that knows of a document; no new one while nothing new came."""
        walk = self._walks.get(document.bank)
        newest = connection.execute(select(func.max(statements.c.key))).scalar() or 0
        fresh = walk is not None and walk.newest == newest and walk.since <= since
        if walk is None or not fresh or document.reference not in walk.places:
            walk = self._walks[document.bank] = _walk(connection, document, newest)
        return walk


def _entries_of(bank: str) -> Select[Any]:
    """The columns that a link shows, of what is booked at a bank."""
    shown = (entries.c[name] for name in ("amount", "currency", "booking_date"))
    number = entries.c.index.label("number")
    known = (statements.c.bank == bank) & (statements.c.kept == Kept.BOOKED.value)
    joined = entries.join(statements, statements.c.key == entries.c.statement)
    query = select(statements.c.id, statements.c.account, number, *shown).select_from(joined)
    return query.where(known).order_by(statements.c.id, entries.c.index)


def _by_servicer_reference(document: Row[Any]) -> Select[Any]:
    same = entries.c.servicer_reference == document.reference
    return _entries_of(document.bank).where(same, _REFERRED)


def _walk(connection: Connection, document: Row[Any], newest: int) -> _Walk:
    """Look for a document's reference, and for those of all others on their way, in one walk."""
    query = select(documents.c.reference, files.c.created).join_from(files, documents)
    under_way = (files.c.bank == document.bank) & files.c.state.in_(_UNDER_WAY)
    asked = [(document.reference, document.created), *connection.execute(query.where(under_way))]
    since = min(created for _, created in asked).date() - _NEAR
    places: dict[str, list[tuple[int, int]]] = {reference: [] for reference, _ in asked}
    near = (statements.c.bank == document.bank) & (statements.c.as_of >= since)
    for key in connection.execute(select(statements.c.key).where(near)).scalars().all():
        for index, told in _references(connection, key):
            for reference in places.keys() & told:
                places[reference].append((key, index))
    return _Walk(newest, since, places)


def _link(document: Row[Any], row: Row[Any]) -> Link:
    return Link(
        document=document.file_id,
        name=document.name,
        reference=document.reference,
        statement_id=row.id,
        account=row.account,
        entry=row.number,
        amount=row.amount,
        currency=row.currency,
        booking_date=row.booking_date,
    )


# ----------------------------------------------------------------------------- of whole statements


def _links_into(connection: Connection, file_id: str) -> Iterator[Link]:
    """The documents of the entries of a file's statements."""
    booked = (statements.c.file_id == file_id) & (statements.c.kept == Kept.BOOKED.value)
    for row in connection.execute(select(statements).where(booked)).all():
        for document, index in _documents_of(connection, row):
            found = _entries_of(row.bank).where(statements.c.id == row.id)
            yield from (
                _link(document, each)
                for each in connection.execute(found.where(entries.c.index == index))
            )


def _documents_of(connection: Connection, statement: Row[Any]) -> Iterator[tuple[Row[Any], int]]:
    """The documents of a statement's entries, each with the number of its entry."""
    any_ = select(documents.c.file_id).where(documents.c.bank == statement.bank).limit(1)
    if connection.execute(any_).first() is None:
        return
    told = _references(connection, statement.key)
    named = {reference: index for index, some in told for reference in some if reference}
    asked = list(named)
    for start in range(0, len(asked), _MOST_ASKED):
        some = documents.c.reference.in_(asked[start : start + _MOST_ASKED])
        query = select(documents, files.c.name).join(files)
        query = query.where(documents.c.bank == statement.bank, some)
        for document in connection.execute(query.order_by(documents.c.reference)):
            yield document, named[document.reference]


def _references(connection: Connection, key: int) -> Iterator[tuple[int, Iterable[str]]]:
    """Each entry's number of a statement, with every reference of it, some of them empty."""
    names = ("index", "entry_reference", "servicer_reference", "details")
    query = select(*(entries.c[name] for name in names)).where(entries.c.statement == key)
    for index, entry_reference, servicer_reference, details in connection.execute(query):
        yield index, (entry_reference, servicer_reference, *_named(details))


def _named(details: str) -> list[str]:
    if not any(name in details for name in _NAMED):  # spares the reading of most
        return []
    return [found.get(name, "") for found in orjson.loads(details) for name in _NAMED]


# --------------------------------------------------------------------------------- handed together


def complete(connection: Connection, statement_id: str, receiver: str) -> None:
    """A receiver has a statement: the documents that waited for its entries are due."""
    waiting = (exports.c.state == Handed.WAITING.value) & (exports.c.receiver == receiver)
    waits = select(documents.c.file_id).join(exports, exports.c.subject == documents.c.file_id)
    if connection.execute(waits.where(waiting).limit(1)).first() is None:
        return
    query = select(statements).where(statements.c.id == statement_id)
    statement = connection.execute(query).first()
    if statement is None:  # a report or a document
        return
    theirs = {document.file_id for document, _ in _documents_of(connection, statement)}
    due = update(exports).where(waiting, exports.c.subject.in_(theirs))
    connection.execute(due.values(state=Handed.DUE.value, because=""))
