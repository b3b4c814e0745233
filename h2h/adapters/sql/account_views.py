"""Accounts and acts as they are shown: walks along an index, the newest first.

The entries of an account lie with their statements; so a page goes from statement to statement and
reads the entries of each from its end. What is asked for is compared on the way, and a walk that
finds too little ends early and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select, text, true

from h2h.adapters.sql import tables
from h2h.adapters.sql.books import select_statements, statement_of
from h2h.adapters.sql.entries import entry_of
from h2h.adapters.sql.store import Store, append, files, moves
from h2h.core.position import Owner
from h2h.core.statement import Entry, StatementKind
from h2h.core.states import Kept
from h2h.ports.account_views import AccountEntry, Act, ActWish, EntryWish
from h2h.ports.rows import MoveRow, StatementRow
from h2h.ports.views import Found

statements, entries, claims = tables.statements, tables.entries, tables.claims

_MOST = 3_000  # entries and statements that one page looks through
_SOME = 200  # of them at once
_LONGEST = timedelta(days=366)  # that one statement covers
_BY_PERSONS = text(tables.BY_PERSONS)
_MOVE = tuple(moves.c[field.name] for field in fields(MoveRow))
_ACCESS = ("sign-", "operator-", "config-")  # how targets begin that only the auditor sees
_VERIFIED = ("verify-whole", "verify-broken")


class AccountViewing(Store):
    """h2h.ports.account_views.AccountViews."""

    def account_entries(
        self, owner: Owner, wish: EntryWish, after: str = "", limit: int = 50
    ) -> Found[AccountEntry]:
        with self._reading() as connection:
            return _Entries(connection, owner, wish).page(after, limit)

    def account_statements(
        self, owner: Owner, after: str = "", limit: int = 50
    ) -> Found[StatementRow]:
        query = select_statements().where(_of(owner))
        if after:
            query = query.where(_behind(after))
        newest = query.order_by(statements.c.position.desc(), statements.c.id.desc())
        with self._reading() as connection:
            rows = connection.execute(newest.limit(limit + 1)).mappings()
            found = [statement_of(row) for row in rows]
        last = found[limit - 1] if len(found) > limit else None
        return Found(found[:limit], f"{last.position}~{last.id}" if last else "")

    def acts(self, wish: ActWish, after: str = "", limit: int = 50) -> Found[Act]:
        with self._reading() as connection:
            rows = connection.execute(_acts(connection, wish, after).limit(limit + 1)).all()
        found = [Act(_move(row), row.name or "") for row in rows]
        last = found[limit - 1].move.sequence if len(found) > limit else ""
        return Found(found[:limit], str(last))

    def last_verified(self) -> MoveRow | None:
        query = select(*_MOVE).where(moves.c.file_id.is_(None), moves.c.target.in_(_VERIFIED))
        with self._reading() as connection:
            row = connection.execute(query.order_by(moves.c.sequence.desc()).limit(1)).first()
            return _move(row) if row else None

    def note_verified(self, who: str, because: str, now: datetime, *, whole: bool) -> None:
        with self._writing() as connection:
            append(connection, "", "", _VERIFIED[not whole], now, who, because, "")


# ------------------------------------------------------------------------------------------ entries


class _Entries:
    """One walk through the entries of an account."""

    def __init__(self, connection: Connection, owner: Owner, wish: EntryWish) -> None:
        self._connection, self._owner, self._wish = connection, owner, wish
        self._beginning = wish.beginning.casefold()
        self._looked = 0

    def page(self, after: str, limit: int) -> Found[AccountEntry]:
        rows: list[AccountEntry] = []
        last = after
        for place, found in self._walk(after):
            if found is not None and len(rows) == limit:
                return Found(rows, last)
            last = place
            if found is not None:
                rows.append(found)
            if self._looked >= _MOST and len(rows) < limit:
                return Found(rows, last, partial=True)
        return Found(rows)

    def _walk(self, after: str) -> Iterator[tuple[str, AccountEntry | None]]:
        """Each entry that is asked for with its place; None for a step that found nothing."""
        place, _, index = after.rpartition("#")
        until = int(index) if index.isdecimal() else None
        for row in self._statements(place, inclusive=until is not None):
            here = f"{row.position}~{row.id}"
            before = until if here == place else None
            for entry, confidential in self._of_statement(row.key, before):
                self._looked += 1
                shown = self._fits(entry, hidden=confidential and not self._wish.unveiled)
                found = AccountEntry(
                    entry, row.id, row.file_id, row.sequence or row.number, row.as_of, confidential
                )
                yield f"{here}#{entry.index}", found if shown else None
            self._looked += 1
            yield f"{here}#0", None

    def _statements(self, place: str, *, inclusive: bool) -> Iterator[Row[Any]]:
        names = ("key", "id", "file_id", "sequence", "number", "as_of", "position")
        query = select(*(statements.c[name] for name in names)).where(
            _of(self._owner),
            statements.c.kind == StatementKind.STATEMENT.value,
            statements.c.kept == Kept.BOOKED.value,
            statements.c.entries > 0,
            *self._days(),
        )
        newest = query.order_by(statements.c.position.desc(), statements.c.id.desc()).limit(_SOME)
        while True:
            here = _behind(place, inclusive=inclusive) if place else true()
            rows = self._connection.execute(newest.where(here)).all()
            yield from rows
            if len(rows) < _SOME:
                return
            place, inclusive = f"{rows[-1].position}~{rows[-1].id}", False

    def _days(self) -> Iterator[ColumnElement[bool]]:
        """A position begins with the day of the closing balance."""
        since, until = self._wish.since, self._wish.until
        if since:
            yield statements.c.position >= since.isoformat()
        if until:
            yield statements.c.position < _later(until).isoformat()
            yield or_(statements.c.period_from.is_(None), statements.c.period_from <= until)

    def _of_statement(self, key: int, before: int | None) -> Iterator[tuple[Entry, bool]]:
        query = select(entries).where(entries.c.statement == key)
        newest = query.order_by(entries.c.index.desc()).limit(_SOME)
        while True:
            here = true() if before is None else entries.c.index < before
            found = [entry_of(row) for row in self._connection.execute(newest.where(here))]
            hidden = self._confidential(key, found)
            whole = self._wish.whole
            yield from ((entry, whole or entry.index in hidden) for entry in found)
            if len(found) < _SOME:
                return
            before = found[-1].index

    def _confidential(self, key: int, found: Sequence[Entry]) -> frozenset[int]:
        """Those of the entries that are payments of confidential files."""
        if not found:
            return frozenset()
        query = (
            select(claims.c.entry)
            .join(files, files.c.id == claims.c.file_id)
            .where(claims.c.statement == key, files.c.confidential)
            .where(claims.c.entry.between(found[-1].index, found[0].index))
        )
        return frozenset(self._connection.execute(query).scalars())

    def _fits(self, entry: Entry, *, hidden: bool) -> bool:
        wish = self._wish
        day = entry.booking_date
        if (wish.since and (day is None or day < wish.since)) or (
            wish.until and (day is None or day > wish.until)
        ):
            return False
        if wish.amounts and (hidden or abs(entry.amount) not in map(abs, wish.amounts)):
            return False
        return not self._beginning or (not hidden and self._begins(entry))

    def _begins(self, entry: Entry) -> bool:
        own = (entry.entry_reference, entry.servicer_reference, entry.additional_information)
        behind = (
            field for each in entry.details for field in each if isinstance(field, str) and field
        )
        texts = (*own, *behind)
        return any(each.casefold().startswith(self._beginning) for each in texts)


def _later(day: date) -> date:
    return min(day, date.max - _LONGEST - timedelta(days=1)) + _LONGEST


def _of(owner: Owner) -> ColumnElement[bool]:
    return and_(
        statements.c.account == owner.account,
        statements.c.currency == owner.currency,
        statements.c.bank == owner.bank,
    )


def _behind(place: str, *, inclusive: bool = False) -> ColumnElement[bool]:
    """Statements that stand before `place`, which is a position and an id."""
    position, _, name = place.rpartition("~")
    same = statements.c.id <= name if inclusive else statements.c.id < name
    at_or_before = statements.c.position <= position  # which the index is searched by
    return at_or_before & or_(statements.c.position < position, same)


# --------------------------------------------------------------------------------------------- acts


def _acts(connection: Connection, wish: ActWish, after: str) -> Select[Any]:
    query = select(*_MOVE, files.c.name).join(files, files.c.id == moves.c.file_id, isouter=True)
    query = query.where(_BY_PERSONS)
    if not wish.access:
        hidden = or_(*(moves.c.target.startswith(each) for each in _ACCESS))
        query = query.where(or_(moves.c.file_id.is_not(None), ~hidden))
    if wish.who:
        query = query.where(moves.c.who == wish.who)
    if wish.since:
        query = query.where(moves.c.at >= wish.since)
    if wish.until:
        query = query.where(moves.c.at < wish.until)
    if after.isdecimal():
        query = query.where(*_before(connection, int(after)))
    return query.order_by(moves.c.at.desc(), moves.c.sequence.desc())


def _before(connection: Connection, sequence: int) -> Iterator[ColumnElement[bool]]:
    at: datetime | None = connection.execute(
        select(moves.c.at).where(moves.c.sequence == sequence)
    ).scalar()
    if at is not None:
        yield moves.c.at <= at
        yield or_(moves.c.at < at, moves.c.sequence < sequence)


def _move(row: Row[Any]) -> MoveRow:
    facts = {field.name: getattr(row, field.name) for field in fields(MoveRow)}
    return MoveRow(**{**facts, "file_id": facts["file_id"] or ""})
