"""The ledger's answers to reports: streams, each bounded by the days or the moments asked for.

Amounts are texts, so they are added up by whoever asks, exactly. A file's id begins with the moment
of its making: a span of time is a span of ids in every table that has them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, text

from h2h.adapters.sql import tables
from h2h.adapters.sql.entries import entry_of
from h2h.adapters.sql.store import Store, files, moves, read_rows
from h2h.core.books import account_key
from h2h.core.position import Owner
from h2h.core.statement import StatementKind
from h2h.core.states import ANNOUNCED, AT_THE_BANK, How, Kept, Out, Pay
from h2h.ports.reporting import (
    BookedEntry,
    FileTimes,
    ReportedPayment,
    StatementFigures,
    UncertainMatch,
)

statements, entries, payments = tables.statements, tables.entries, tables.payments
claims = tables.claims

_CHUNK = 500  # rows in memory
_STREAM = {"yield_per": _CHUNK}
_AFTER = "}"  # sorts behind the | that follows the day in a position
_REACHED = sorted(ANNOUNCED | AT_THE_BANK)
_TROUBLED = text(f"payments.{tables.TROUBLED_PAYMENTS}")  # the partial index, in its very words
_OURS = (How.EXACT.value, How.BATCH.value)
_OUTGOING = (files.c.direction == "out") & (files.c.door != "")  # a recall has no door
# What the code of a fee may look like, in ISO 20022, MT940 and BAI2; the report looks closer.
_FEES = ("%CHRG%", "%COM_", "%COM_+%", "%FEES%", "_CHG%", "_COM%", "%808%", "698%")

_PAYMENT = (
    *(payments.c[name] for name in ("file_id", "number", "end_to_end_id", "account", "amount")),
    *(payments.c[name] for name in ("currency", "counterparty_name", "requested_execution_date")),
    *(payments.c[name] for name in ("state", "status", "reason", "told_at")),
    *(files.c[name] for name in ("name", "bank", "confidential", "message", "created")),
)


class ReportRows(Store):
    """Figures of a period."""

    # -- what the banks' books say

    def statement_figures(
        self, owner: Owner, first: date, last: date
    ) -> Sequence[StatementFigures]:
        columns = ("id", "sequence", "as_of", "opening", "closing", "booked", "entries")
        query = (
            select(*(statements.c[name] for name in columns), files.c.created)
            .join(files, files.c.id == statements.c.file_id)
            .where(_of_days(owner, first, last))
            .order_by(statements.c.position)
        )
        with self._reading() as connection:
            return [StatementFigures._make(row) for row in connection.execute(query)]

    def confidential_entries(self, owner: Owner, first: date, last: date) -> Mapping[str, set[int]]:
        query = (
            select(statements.c.id, claims.c.entry)
            .join_from(statements, claims, claims.c.statement == statements.c.key)
            .join(files, files.c.id == claims.c.file_id)
            .where(_of_days(owner, first, last), files.c.confidential)
        )
        found: dict[str, set[int]] = defaultdict(set)
        with self._reading() as connection:
            for statement_id, entry in connection.execute(query):
                found[statement_id].add(entry)
        return found

    def charged(self, owner: Owner, first: date, last: date) -> Iterator[BookedEntry]:
        named = (entries.c.charges != "[]") | entries.c.details.like('%"charges"%')
        fee = or_(*(entries.c.bank_transaction_code.like(form) for form in _FEES))
        yield from self._entries(owner, first, last, named | fee)

    def unclaimed_debits(self, owner: Owner, first: date, last: date) -> Iterator[BookedEntry]:
        claimed = exists().where(
            claims.c.statement == entries.c.statement, claims.c.entry == entries.c.index
        )
        yield from self._entries(owner, first, last, entries.c.amount.like("-%") & ~claimed)

    def _entries(
        self, owner: Owner, first: date, last: date, where: ColumnElement[bool]
    ) -> Iterator[BookedEntry]:
        veiled = self.confidential_entries(owner, first, last)
        keys = select(statements.c.key).where(_of_days(owner, first, last))
        query = (
            select(entries)
            .where(entries.c.statement.in_(keys), entries.c.status == "BOOK", where)
            .order_by(entries.c.statement, entries.c.index)
        )
        with self._reading() as connection:
            ids = select(statements.c.key, statements.c.id).where(_of_days(owner, first, last))
            id_of = {row.key: row.id for row in connection.execute(ids)}
            for rows in read_rows(connection, query, entries, _CHUNK):
                for row in rows:
                    statement_id, entry = id_of[row[0]], entry_of(row)
                    confidential = entry.index in veiled.get(statement_id, ())
                    yield BookedEntry(statement_id, entry, confidential)

    # -- our files

    def file_times(self, begin: datetime, end: datetime) -> Iterator[FileTimes]:
        facts = (
            *(files.c[name] for name in ("id", "name", "bank", "created", "state")),
            *(files.c[name] for name in ("confidential", "transactions", "control_sum")),
            *(files.c.problems, moves.c.source, moves.c.target, moves.c.at, moves.c.who),
        )
        query = (
            select(*facts)
            .join(moves, moves.c.file_id == files.c.id)
            .where(_made(files.c.id, begin, end), _OUTGOING)
            .order_by(files.c.id, moves.c.sequence)
        )
        booked = self._first_booked(begin, end)
        with self._reading() as connection:
            rows = connection.execute(query, execution_options=_STREAM)
            for file_id, its in groupby(rows, key=lambda row: row.id):
                yield _times(list(its), booked.get(file_id))

    def _first_booked(self, begin: datetime, end: datetime) -> Mapping[str, datetime]:
        query = (
            select(claims.c.file_id, func.min(files.c.created))
            .join_from(claims, statements, statements.c.key == claims.c.statement)
            .join(files, files.c.id == statements.c.file_id)
            .where(_made(claims.c.file_id, begin, end), claims.c.how.in_(_OURS))
            .group_by(claims.c.file_id)
        )
        with self._reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    # -- our payments

    def given_payments(self, begin: datetime, end: datetime) -> Iterator[ReportedPayment]:
        at_a_bank = files.c.state.in_(_REACHED) & _OUTGOING
        query = _payments(begin, end).where(at_a_bank)
        with self._reading() as connection:
            for row in connection.execute(query, execution_options=_STREAM):
                yield _payment(row, row.created.date())

    def troubled_payments(self, begin: datetime, end: datetime) -> Iterator[ReportedPayment]:
        came_back = self._returned(begin, end)
        query = _payments(begin, end).where(_TROUBLED)
        with self._reading() as connection:
            for row in connection.execute(query, execution_options=_STREAM):
                told, back = _day(row.told_at) or row.created.date(), None
                if row.state == Pay.RETURNED:
                    back = came_back.get((row.file_id, row.number))
                yield _payment(row, told) if back is None else _returned(row, *back)

    def _returned(
        self, begin: datetime, end: datetime
    ) -> Mapping[tuple[str, int], tuple[date | None, str]]:
        """Day and reason of each return, by payment."""
        at_entry = and_(
            entries.c.statement == claims.c.statement, entries.c.index == claims.c.entry
        )
        query = (
            select(claims.c.file_id, claims.c.number, claims.c.detail, *entries.c)
            .join(entries, at_entry)
            .where(_made(claims.c.file_id, begin, end), claims.c.how == How.RETURN.value)
        )
        found = {}
        with self._reading() as connection:
            for file_id, number, detail, *row in connection.execute(query):
                entry = entry_of(row)
                behind = entry.details[max(detail - 1, 0) :][:1]
                reason = "".join(each.return_reason for each in behind)
                found[file_id, number] = (entry.booking_date, reason)
        return found

    def uncertain_matches(self, begin: datetime, end: datetime) -> Iterator[UncertainMatch]:
        its = and_(payments.c.file_id == claims.c.file_id, payments.c.number == claims.c.number)
        at_entry = and_(
            entries.c.statement == claims.c.statement, entries.c.index == claims.c.entry
        )
        query = (
            select(claims.c.file_id.label("of_file"), claims.c.batch_id, claims.c.why)
            .add_columns(claims.c.entry, *_PAYMENT, statements.c.id.label("statement_id"))
            .add_columns(entries.c.booking_date, entries.c.amount.label("booked"))
            .add_columns(entries.c.currency.label("booked_in"))
            .join_from(claims, files, files.c.id == claims.c.file_id)
            .join(statements, statements.c.key == claims.c.statement)
            .join(entries, at_entry)
            .outerjoin(payments, its)
            .where(_made(claims.c.file_id, begin, end), claims.c.how == How.UNCERTAIN.value)
            .order_by(claims.c.file_id, claims.c.number, claims.c.statement, claims.c.entry)
        )
        with self._reading() as connection:
            for row in connection.execute(query, execution_options=_STREAM):
                yield UncertainMatch(
                    _payment(row, row.created.date()) if row.amount is not None else None,
                    row.of_file,
                    row.batch_id,
                    row.why,
                    row.statement_id,
                    row.entry,
                    row.booking_date,
                    row.booked,
                    row.booked_in,
                    row.confidential,
                )


def _of_days(owner: Owner, first: date, last: date) -> ColumnElement[bool]:
    """Booked end-of-day statements of these days. A position begins with the day, so that nothing
    else is even looked at."""
    return and_(
        *(statements.c[name] == value for name, value in owner._asdict().items()),
        statements.c.kind == StatementKind.STATEMENT.value,
        statements.c.kept == Kept.BOOKED.value,
        statements.c.position >= first.isoformat(),
        statements.c.position < f"{last.isoformat()}{_AFTER}",
        statements.c.as_of.is_not(None),
    )


def _made(column: ColumnElement[str], begin: datetime, end: datetime) -> ColumnElement[bool]:
    """Ids of files that came in `begin` <= t < `end`."""
    low, high = (f"{moment.astimezone(UTC):%Y%m%d-%H%M%S}" for moment in (begin, end))
    return (column >= low) & (column < high)


def _payments(begin: datetime, end: datetime) -> Select[Any]:
    return (
        select(*_PAYMENT)
        .join(files, files.c.id == payments.c.file_id)
        .where(_made(payments.c.file_id, begin, end))
        .order_by(payments.c.file_id, payments.c.number)
    )


def _payment(row: Any, day: date) -> ReportedPayment:  # noqa: ANN401 - a row of _PAYMENT
    return ReportedPayment(
        row.file_id,
        row.name,
        row.bank or "",
        row.confidential,
        row.message.startswith("pain.008"),
        row.number,
        row.end_to_end_id,
        account_key(row.account),
        row.amount,
        row.currency,
        row.counterparty_name,
        row.requested_execution_date,
        Pay(row.state),
        row.status,
        row.reason,
        day,
    )


def _returned(row: Any, day: date | None, reason: str) -> ReportedPayment:  # noqa: ANN401 - the same
    known = _payment(row, day or row.created.date())
    return known._replace(reason=reason or known.reason)


def _day(written: str) -> date | None:
    """The day of a time as a bank writes it."""
    try:
        return date.fromisoformat(written[:10])
    except ValueError:
        return None


def _times(rows: Sequence[Any], booked: datetime | None) -> FileTimes:
    """A file and its moves, in their order."""
    file = rows[0]
    reached: dict[str, datetime] = {}
    for row in rows:
        if row.source != row.target:
            reached.setdefault(row.target, row.at)
    acts = tuple((row.source, row.target) for row in rows if row.who != "h2h")
    return FileTimes._make((*file[:4], Out(file.state), *file[5:9], reached, acts, booked))
