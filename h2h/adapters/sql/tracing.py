"""One payment's whole life, gathered from all that the ledger knows of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Table,
    and_,
    exists,
    or_,
    select,
)

from h2h.adapters.sql import tables
from h2h.adapters.sql.outgoing import payment_of
from h2h.adapters.sql.store import Store, files, moves, the_file
from h2h.core.books import account_key
from h2h.core.money import plain
from h2h.core.noted import shown
from h2h.core.recall import Answer
from h2h.core.states import AT_THE_BANK, NEVER_WENT, How, Kept, Out
from h2h.ports import File, PaymentRow, TracedPayment, TraceEvent

payments, told, claims = tables.payments, tables.told, tables.claims
statements, entries = tables.statements, tables.entries
recalls, recalled = tables.recalls, tables.recalled

_NO_ANSWER = NEVER_WENT | {Out.REJECTED}  # such a recall will not be answered any more
_MOST_TIED = 20  # other reports of one entry that are named
_PAYMENT = tuple(payments.c[field.name] for field in fields(PaymentRow))
_ENTRY = (
    *(statements.c[name] for name in ("id", "kind", "file_id")),
    *(files.c[name] for name in ("created", "name")),
    *(entries.c[name] for name in ("index", "amount", "currency", "booking_date")),
    *(entries.c[name] for name in ("servicer_reference", "linked_message_id")),
)


class Traces(Store):
    """What happened to a payment, by its EndToEndId."""

    def trace(self, end_to_end_id: str) -> Sequence[TracedPayment]:
        query = (
            select(*_PAYMENT)
            .join(files, files.c.id == payments.c.file_id)
            .where(payments.c.end_to_end_id == end_to_end_id)
            .order_by(files.c.created, files.c.id, payments.c.number)
        )
        with self._reading() as connection:
            found = [payment_of(row) for row in connection.execute(query).mappings()]
            return [_traced(connection, payment) for payment in found]

    def trace_one(self, file_id: str, number: int) -> TracedPayment | None:
        query = select(*_PAYMENT).where(payments.c.file_id == file_id, payments.c.number == number)
        with self._reading() as connection:
            row = connection.execute(query).mappings().first()
            return _traced(connection, payment_of(row)) if row else None


def _traced(connection: Connection, payment: PaymentRow) -> TracedPayment:
    file = the_file(connection, payment.file_id)
    claimed = [*connection.execute(_claimed(payment)).mappings()]
    events = [
        *_moves(connection, file),
        *_told(connection, payment),
        *_recalls(connection, payment),
        *(_event(row, row["how"], row["why"]) for row in claimed),
        *_tied(connection, file, payment, claimed),
    ]
    in_order = sorted(events, key=lambda event: event.at)
    return TracedPayment(payment, file, tuple(in_order))


def _moves(connection: Connection, file: File) -> Iterator[TraceEvent]:
    """What happened to its file up to the bank, and what persons did; the bank's part is below.

    The links of recalls are left out: they may ask for other payments of the file. Theirs is below.
    """
    at_the_bank = sorted(AT_THE_BANK)
    ours = or_(moves.c.source.not_in(at_the_bank), moves.c.who != "h2h")
    asked = exists().where(
        recalls.c.original_id == file.id, recalls.c.at == moves.c.at, recalls.c.who == moves.c.who
    )
    query = select(moves).where(moves.c.file_id == file.id, ours).order_by(moves.c.sequence)
    query = query.where(~(asked & (moves.c.source == moves.c.target)))
    for row in connection.execute(query).mappings():
        moved = row["target"] if row["target"] != row["source"] else "noted"
        yield TraceEvent(row["at"], moved, row["who"], file.id, file.name, shown(row["because"]))


def _about(table: Table, payment: PaymentRow) -> ColumnElement[bool]:
    """The rows on the payment itself, on its batch, and on all of its file."""
    return and_(
        table.c.file_id == payment.file_id,
        table.c.number.in_([0, payment.number]),
        or_(table.c.number == payment.number, table.c.batch_id.in_(["", payment.batch_id])),
    )


def _told(connection: Connection, payment: PaymentRow) -> Iterator[TraceEvent]:
    query = (
        select(told, files.c.created.label("came"), files.c.name)
        .join(files, files.c.id == told.c.report_id)
        .where(_about(told, payment))
        .order_by(files.c.created, told.c.report_id, told.c.place)
    )
    for row in connection.execute(query).mappings():
        level = "payment" if row["number"] else "batch" if row["batch_id"] else "file"
        yield TraceEvent(
            row["came"],
            "told",
            "",
            row["report_id"],
            row["name"],
            row["reason"],
            code=row["code"],
            created=row["created"],
            level=level,
        )


def _recalls(connection: Connection, payment: PaymentRow) -> Iterator[TraceEvent]:
    query = (
        select(recalls, recalled.c.answer, recalled.c.code.label("answered"), files.c.name)
        .add_columns(recalled.c.reason.label("why"), files.c.state)
        .join(recalled, recalled.c.file_id == recalls.c.file_id)
        .join(files, files.c.id == recalls.c.file_id)
        .where(recalls.c.original_id == payment.file_id, recalled.c.number == payment.number)
        .order_by(recalls.c.at)
    )
    for row in connection.execute(query).mappings():
        words = " ".join(filter(None, (row["reason"], row["why"])))
        silent = row["answer"] == Answer.ASKED and Out(row["state"]) in _NO_ANSWER
        yield TraceEvent(
            row["at"],
            "recall",
            row["who"],
            row["file_id"],
            row["name"],
            words,
            code=row["answered"],
            level=row["state"] if silent else row["answer"],
        )


# ------------------------------------------------------------------------------------------ entries


def _claimed(payment: PaymentRow) -> Select[Any]:
    entry = and_(entries.c.statement == claims.c.statement, entries.c.index == claims.c.entry)
    return (
        select(*_ENTRY, claims.c.how, claims.c.why)
        .join_from(claims, statements, statements.c.key == claims.c.statement)
        .join(entries, entry)
        .join(files, files.c.id == statements.c.file_id)
        .where(_about(claims, payment))
        .order_by(files.c.created, claims.c.statement, claims.c.entry, claims.c.detail)
    )


def _event(row: RowMapping, what: str, because: str) -> TraceEvent:
    return TraceEvent(
        row["created"],
        what,
        "",
        row["file_id"],
        row["name"],
        because,
        statement_id=row["id"],
        level=row["kind"],
        entry=row["index"],
        booking_date=row["booking_date"],
        amount=plain(row["amount"]),
        currency=row["currency"],
        reference=row["servicer_reference"],
    )


def _tied(
    connection: Connection, file: File, payment: PaymentRow, claimed: Sequence[RowMapping]
) -> Iterator[TraceEvent]:
    """What other reports tell of the same entries: by the bank's reference, else by the message
    that an entry says to have its details."""
    sure = [row for row in claimed if row["how"] != How.UNCERTAIN]
    known = {(row["id"], row["index"]) for row in claimed}
    references = {row["servicer_reference"] for row in sure} - {""}
    others = (
        select(*_ENTRY)
        .join_from(entries, statements, statements.c.key == entries.c.statement)
        .join(files, files.c.id == statements.c.file_id)
        .where(entries.c.servicer_reference.in_(references), entries.c.servicer_reference != "")
        .where(statements.c.bank == file.bank, statements.c.kept == Kept.BOOKED.value)
        .where(statements.c.account == account_key(payment.account))
        .order_by(files.c.created)
        .limit(_MOST_TIED + len(known))
    )
    for row in connection.execute(others).mappings() if references else ():
        if (row["id"], row["index"]) not in known:
            yield _event(row, "tied", row["servicer_reference"])
    linked = {row["linked_message_id"] for row in sure if not row["servicer_reference"]} - {""}
    if linked:
        yield from _linked(connection, file, linked)


def _linked(connection: Connection, file: File, messages: Iterable[str]) -> Iterator[TraceEvent]:
    query = select(files.c.id, files.c.created, files.c.name, files.c.message_id).where(
        files.c.message_id.in_(messages), files.c.bank == file.bank, files.c.direction == "in"
    )
    for row in connection.execute(query.limit(_MOST_TIED)):
        yield TraceEvent(row.created, "tied", "", row.id, row.name, row.message_id)
