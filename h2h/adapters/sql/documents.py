"""Documents of a bank (receipts of single entries, 电子回单) and the entries that they belong to.

A document's name carries the bank's reference of its entry. Nothing of the tie is stored: it is
looked up, by whichever of both is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, or_, select, text, update

from h2h.adapters.sql import tables
from h2h.adapters.sql.store import Store
from h2h.core.states import Handed, Kept
from h2h.ports import Link

documents, exports, files = tables.documents, tables.exports, tables.files
entries, statements = tables.entries, tables.statements

_NEAR = timedelta(days=31)  # a document follows its entry within a month
_REFERRED = text("entries.servicer_reference <> ''")
_NAMED = ("servicer_reference", "transaction_id")  # of a transaction behind an entry
_MOST_ASKED = 500  # references in one question


class Documents(Store):
    """Which document belongs to which entry."""

    def links(self, file_id: str) -> Sequence[Link]:
        with self._reading() as connection:
            return [*links_of(connection, file_id), *_links_into(connection, file_id)]


def links_of(connection: Connection, file_id: str) -> list[Link]:
    """The entries that a document belongs to, none when it is no such document."""
    query = select(documents, files.c.name, files.c.created).join(files)
    document = connection.execute(query.where(documents.c.file_id == file_id)).first()
    if document is None:
        return []
    found = connection.execute(_by_servicer_reference(document)).all()
    rows = found or _named_near(connection, document)
    return [_link(document, row) for row in rows]


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


def _named_near(connection: Connection, document: Row[Any]) -> Sequence[Row[Any]]:
    """By the references that have no index, so among the newer statements alone."""
    since = document.created.date() - _NEAR
    named = [entries.c.details.contains(part, autoescape=True) for part in _parts(document)]
    same = or_(entries.c.entry_reference == document.reference, *named)
    query = _entries_of(document.bank).where(statements.c.as_of >= since, same)
    return connection.execute(query).all()


def _parts(document: Row[Any]) -> Iterator[str]:
    """How a reference stands in the JSON of an entry's transactions."""
    for name in _NAMED:
        yield f'"{name}":{json.dumps(document.reference, ensure_ascii=False)}'


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
    named = dict(_references(connection, statement.key))
    asked = list(named)
    for start in range(0, len(asked), _MOST_ASKED):
        some = documents.c.reference.in_(asked[start : start + _MOST_ASKED])
        query = select(documents, files.c.name).join(files)
        query = query.where(documents.c.bank == statement.bank, some)
        for document in connection.execute(query.order_by(documents.c.reference)):
            yield document, named[document.reference]


def _references(connection: Connection, key: int) -> Iterator[tuple[str, int]]:
    """Every reference of the entries of a statement, with the number of its entry."""
    names = ("index", "entry_reference", "servicer_reference", "details")
    query = select(*(entries.c[name] for name in names)).where(entries.c.statement == key)
    for index, *own, details in connection.execute(query):
        yield from ((reference, index) for reference in (*own, *_named(details)) if reference)


def _named(details: str) -> Iterable[str]:
    if not any(f'"{name}"' in details for name in _NAMED):
        return ()
    return (found.get(name, "") for found in json.loads(details) for name in _NAMED)


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
