"""What is shown to whoever looks: pages of files and payments, a day's figures, the balances.

A page is a walk along an index, the newest first, from where the page before ended. What is written
in search of something is looked up as each thing that it may be, by its index, and the walks are
merged; the rest of what is asked for is compared on the way, and a walk that finds too little ends
early and says so. So no page is slow, however much there is.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, FromClause, and_, func, select, text, true, tuple_

from h2h.adapters.sql import tables
from h2h.adapters.sql.outgoing import payment_of
from h2h.adapters.sql.position import balance_rows, owners
from h2h.adapters.sql.store import MOVES, Store, file_of, files, moves, select_files
from h2h.core.money import total
from h2h.core.search import Sought, after_all, sought
from h2h.core.states import OPEN_PAYMENT, REFUSED, Out
from h2h.ports import (
    BalanceRow,
    Counts,
    File,
    Found,
    FoundPayment,
    MoveRow,
    PaymentRow,
    Sum,
    Wish,
)

payments, statements = tables.payments, tables.statements

_MOST = 3_000  # rows that one page looks through
_LARGEST = 800  # of them at once
_MOST_NAMES = 20  # that begin with what is looked for
_LAST = "~"  # sorts behind every id
_SLACK = timedelta(days=1)  # between the moment in an id and the one when its file was recorded
_CHUNK = 500
_DIGITS = 10  # fewer have the numbers of payments
_PAYMENT = tuple(payments.c[field.name] for field in fields(PaymentRow))
_TROUBLED = text(tables.TROUBLED_PAYMENTS) & true()
_OPEN = text(tables.OPEN_PAYMENTS) & true()
_CONFIDENTIAL = text("confidential") & true()  # as its index is written
_OUTGOING = text("direction = 'out'") & true()
_NAMED_THERE = text("final_name <> ''") & true()

Key = TypeVar("Key")
Row = TypeVar("Row")
Batch = Callable[[Key, int], Sequence[tuple[Key, Row | None]]]  # None: looked at, and not asked for
Condition = Callable[[FromClause], ColumnElement[bool]]
_PaymentKey = tuple[str, int]


class Viewing(Store):
    """h2h.ports.views.Views."""

    def search_files(self, wish: Wish, after: str = "", limit: int = 50) -> Found[File]:
        with self._reading() as connection:
            if not wish.text:
                return _page(_filtered(connection, wish), after or _LAST, str, limit)
            walk = _FileSearch(connection, wish)
            return _page(walk.batch, after or _LAST, str, limit, names=walk.names)

    def search_payments(self, wish: Wish, after: str = "", limit: int = 50) -> Found[FoundPayment]:
        file_id, _, number = after.rpartition(":")
        told = number.isdecimal() and len(number) < _DIGITS
        start = (file_id, int(number)) if told else (_LAST, 0)
        with self._reading() as connection:
            walk = _PaymentSearch(connection, wish)
            found = _page(walk.batch, start, _cursor, limit, names=walk.names)
            known = _files(connection, {row.file_id for row in found.rows})
            rows = [FoundPayment(row, known[row.file_id]) for row in found.rows]
            return Found(rows, found.after, found.partial, found.names)

    def payments_page(self, file_id: str, after: int, limit: int) -> Sequence[PaymentRow]:
        query = select(*_PAYMENT).where(payments.c.file_id == file_id, payments.c.number > after)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(payments.c.number).limit(limit)).mappings()
            return [payment_of(row) for row in rows]

    def anything_confidential(self) -> bool:
        query = select(files.c.id).where(_CONFIDENTIAL).limit(1)
        with self._reading() as connection:
            return connection.execute(query).first() is not None

    def newest_moves(self, file_ids: Sequence[str]) -> Mapping[str, MoveRow]:
        found = {}
        with self._reading() as connection:
            for chunk in _chunks(file_ids):
                newest = select(files.c.last_move).where(files.c.id.in_(chunk))
                query = MOVES.where(moves.c.sequence.in_(newest))
                for row in connection.execute(query).mappings():
                    found[row["file_id"]] = MoveRow(**row)
        return found

    def counts_since(self, since: datetime) -> Counts:
        columns = (files.c.id, files.c.direction, files.c.state, files.c.control_sum)
        query = select(*columns).where(files.c.created >= since)
        with self._reading() as connection:
            found = connection.execute(query).all()
            outgoing = [row for row in found if row.direction == "out"]
            came = [row.id for row in found if row.direction == "in"]
            return Counts(
                {state: _sum(outgoing, state) for state in {row.state for row in outgoing}},
                len(came),
                _statements(connection, came),
                _refused(connection, [row.id for row in outgoing if row.state in _TOLD_OF]),
            )

    def booked_balances(self, since: date) -> Sequence[BalanceRow]:
        with self._reading() as connection:
            return [
                row
                for owner in owners(connection)
                for row in balance_rows(connection, owner, since)
            ]


def _page(
    batch: Batch[Key, Row],
    before: Key,
    written: Callable[[Key], str],
    limit: int,
    *,
    names: bool = False,
) -> Found[Row]:
    """Walk on until the page is full and another row is known, or enough was looked through."""
    rows: list[Row] = []
    last, looked, size = before, 0, limit + 1
    while looked < _MOST:
        some = batch(before, size)
        for key, row in some:
            if row is not None and len(rows) == limit:
                return Found(rows, written(last), names=names)
            if row is not None:
                rows.append(row)
                last = key
        if len(some) < size:
            return Found(rows, names=names)
        before, looked, size = some[-1][0], looked + size, min(2 * size, _LARGEST)
    return Found(rows, written(before), partial=True, names=names)


# -------------------------------------------------------------------------------------------- files


def _filtered(connection: Connection, wish: Wish) -> Batch[str, File]:
    """Without a text: every combination of what can be asked has its index."""

    def batch(before: str, size: int) -> Sequence[tuple[str, File | None]]:
        query = select_files().where(files.c.id < before, *_filters(wish))
        rows = connection.execute(query.order_by(files.c.id.desc()).limit(size)).mappings()
        return [(row["id"], file_of(row)) for row in rows]

    return batch


def _filters(wish: Wish) -> Iterator[ColumnElement[bool]]:
    if wish.state:
        yield files.c.state == wish.state
    if wish.direction:
        # a state has its direction, but one: no index may be chosen for that
        column = func.lower(files.c.direction) if wish.state else files.c.direction
        yield column == wish.direction
    if wish.bank:
        yield files.c.bank == wish.bank
    if wish.since:
        yield files.c.id >= _id_at(wish.since - _SLACK)
        yield files.c.created >= wish.since
    if wish.until:
        yield files.c.id < _id_at(wish.until + _SLACK)
        yield files.c.created < wish.until


def _id_at(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%d-%H%M%S}"


class _FileSearch:
    """Files by what is written of them, of their payments and of their statements."""

    def __init__(self, connection: Connection, wish: Wish) -> None:
        self._connection, self._wish = connection, wish
        self._sought = sought(wish.text)
        self.names = False
        self._own = [*self._own_keys()]
        self._inner = [*_payment_keys(self._sought, self._beginning(payments, tables.CREDITOR))]

    def batch(self, before: str, size: int) -> Sequence[tuple[str, File | None]]:
        """The newest files before one, with those that do not fit as None."""
        own = {each for key in self._own for each in self._newest(key, before, size)}
        of_account = self._loosely(statements, _is("account", self._sought.account), before, size)
        inner = {each for key in self._inner for each in self._loosely(payments, key, before, size)}
        newest = sorted(own | inner | {*of_account}, reverse=True)[:size]
        known = _files(self._connection, newest)
        return [
            (each, known[each] if self._fits(known[each], shown=each in own) else None)
            for each in newest
        ]

    def _fits(self, file: File, *, shown: bool) -> bool:
        wish, currency = self._wish, self._sought.currency
        if file.confidential and not wish.unveiled and not shown:
            return False
        return (
            wish.state in {"", file.state.value}
            and wish.direction in {"", file.direction}
            and _within(wish, file.bank, file.created)
            and (not currency or shown or currency in file.control_sum)
        )

    def _own_keys(self) -> Iterator[ColumnElement[bool]]:
        key, currencies = self._sought, self._wish.currencies
        file_name, final_name, sums = tables.FILE_NAME, tables.FINAL_NAME, tables.SUMS
        yield (files.c.id >= key.text) & (files.c.id < after_all(key.text))
        yield files.c.message_id == key.text
        yield files.c.sha256 == key.lower
        of_statement = select(statements.c.file_id).where(statements.c.id == key.text)
        yield files.c.id.in_(of_statement)
        for name in self._beginning(files, file_name):
            yield file_name == name
        for name in self._beginning(files, final_name, _NAMED_THERE):
            yield (final_name == name) & _NAMED_THERE
        for currency in [key.currency] if key.currency else currencies:
            for amount in key.amounts:
                yield (sums == f'{{"{currency}": "{amount}"}}') & _OUTGOING

    def _newest(self, key: ColumnElement[bool], before: str, size: int) -> Iterable[str]:
        query = select(files.c.id).where(key, files.c.id < before)
        return self._connection.execute(query.order_by(files.c.id.desc()).limit(size)).scalars()

    def _loosely(
        self, table: FromClause, condition: Condition, before: str, size: int
    ) -> Iterable[str]:
        """The files of the rows, one step in the index for each file, however many rows it has."""
        newest = func.max(table.c.file_id)
        found = select(newest.label("id")).where(condition(table), table.c.file_id < before)
        walk = found.cte("walk", recursive=True)
        older = select(newest).where(condition(table), table.c.file_id < walk.c.id)
        walk = walk.union_all(select(older.scalar_subquery()).where(walk.c.id.is_not(None)))
        query = select(walk.c.id).where(walk.c.id.is_not(None)).limit(size)
        return self._connection.execute(query).scalars()

    def _beginning(
        self, table: FromClause, name: ColumnElement[str], *where: ColumnElement[bool]
    ) -> list[str]:
        names = _names(self._connection, table, name, self._sought.lower, *where)
        self.names = self.names or len(names) > _MOST_NAMES
        return names[:_MOST_NAMES]


def _names(
    connection: Connection,
    table: FromClause,
    name: ColumnElement[str],
    beginning: str,
    *where: ColumnElement[bool],
) -> list[str]:
    """The different names that begin so, one step in the index for each, and one too many."""
    least, end = func.min(name), name < after_all(beginning)
    walk = (
        select(least.label("name"))
        .where(name >= beginning, end, *where)
        .cte("walk", recursive=True)
    )
    after = select(least).select_from(table).where(name > walk.c.name, end, *where)
    walk = walk.union_all(select(after.scalar_subquery()).where(walk.c.name.is_not(None)))
    query = select(walk.c.name).where(walk.c.name.is_not(None)).limit(_MOST_NAMES + 1)
    return list(connection.execute(query).scalars())


def _payment_keys(key: Sought, creditors: Iterable[str]) -> Iterator[Condition]:
    """What a payment says that may be what is looked for."""
    yield _is("end_to_end_id", key.text)
    for account in {key.account, key.text}:
        yield _is("counterparty_account", account)
    for amount in key.amounts:
        yield _is("amount", Decimal(amount))
    for name in creditors:
        yield _is_creditor(name)


def _is(column: str, value: object) -> Condition:
    def condition(at: FromClause) -> ColumnElement[bool]:
        return at.c[column] == value

    return condition


def _is_creditor(name: str) -> Condition:
    def condition(at: FromClause) -> ColumnElement[bool]:
        return func.lower(at.c.counterparty_name) == name

    return condition


def _files(connection: Connection, ids: Iterable[str]) -> dict[str, File]:
    wanted = list(ids)
    query = select_files().where(files.c.id.in_(wanted))
    rows = connection.execute(query).mappings() if wanted else ()
    return {row["id"]: file_of(row) for row in rows}


def _within(wish: Wish, bank: str | None, created: datetime) -> bool:
    return (
        wish.bank in {"", bank}
        and (wish.since is None or created >= wish.since)
        and (wish.until is None or created < wish.until)
    )


# ----------------------------------------------------------------------------------------- payments


class _PaymentSearch:
    """Payments by what is written of them, else all of them."""

    def __init__(self, connection: Connection, wish: Wish) -> None:
        self._connection, self._wish = connection, wish
        self._keys, self._currency, self.names = [_listed(wish.state)], "", False
        if wish.text:
            key = sought(wish.text)
            creditors = _names(connection, payments, tables.CREDITOR, key.lower)
            self.names = len(creditors) > _MOST_NAMES
            found = [*_payment_keys(key, creditors[:_MOST_NAMES]), _is("file_id", key.text)]
            self._keys, self._currency = [each(payments) for each in found], key.currency

    def batch(
        self, before: _PaymentKey, size: int
    ) -> Sequence[tuple[_PaymentKey, PaymentRow | None]]:
        """The newest payments before one, with those that do not fit as None."""
        found = {
            (row.file_id, row.number): row
            for key in self._keys
            for row in self._newest(key, before, size)
        }
        newest = sorted(found, reverse=True)[:size]
        facts = self._facts({file_id for file_id, _ in newest})
        return [
            (key, found[key] if self._fits(found[key], facts[key[0]]) else None) for key in newest
        ]

    def _newest(
        self, key: ColumnElement[bool], before: _PaymentKey, size: int
    ) -> Iterator[PaymentRow]:
        place = tuple_(payments.c.file_id, payments.c.number)
        query = select(*_PAYMENT).where(key, place < before).limit(size)
        ordered = query.order_by(payments.c.file_id.desc(), payments.c.number.desc())
        yield from map(payment_of, self._connection.execute(ordered).mappings())

    def _facts(self, ids: Iterable[str]) -> dict[str, Any]:
        columns = (files.c.id, files.c.bank, files.c.created, files.c.confidential)
        wanted = list(ids)
        query = select(*columns).where(files.c.id.in_(wanted))
        return {row.id: row for row in self._connection.execute(query)} if wanted else {}

    def _fits(self, row: PaymentRow, file: Any) -> bool:  # noqa: ANN401  a row of the database
        wish = self._wish
        if wish.text and file.confidential and not wish.unveiled:
            return False
        return (
            wish.state in {"", row.state.value}
            and _within(wish, file.bank, file.created)
            and self._currency in {"", row.currency}
        )


def _listed(state: str) -> ColumnElement[bool]:
    """Payments without a text. What few are in has an index of its own."""
    if state in tables.TROUBLED:
        return and_(_TROUBLED, payments.c.state == state)
    return _OPEN if state in OPEN_PAYMENT else true()


def _cursor(key: _PaymentKey) -> str:
    return f"{key[0]}:{key[1]}"


# ------------------------------------------------------------------------------------------ figures

_TOLD_OF = {Out.ACKNOWLEDGED, Out.PART_ACCEPTED, Out.REJECTED, Out.CANCELLED_BY_BANK, Out.ACCEPTED}


def _sum(rows: Sequence[Any], state: str) -> Sum:
    """How many of the files are in `state`, and what they move."""
    found = [row.control_sum for row in rows if row.state == state]
    sums: dict[str, list[Decimal]] = defaultdict(list)
    for each in found:
        for currency, amount in each.items():
            sums[currency].append(Decimal(amount))
    return Sum(len(found), {currency: total(sums[currency]) for currency in sorted(sums)})


def _statements(connection: Connection, ids: Sequence[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for chunk in _chunks(ids):
        query = select(statements.c.kind).where(statements.c.file_id.in_(chunk))
        found.update(connection.execute(query).scalars())
    return found


def _refused(connection: Connection, ids: Sequence[str]) -> Counter[str]:
    """How many payments of these files were refused, by the code that the reason begins with."""
    found: Counter[str] = Counter()
    for chunk in _chunks(ids):
        query = select(payments.c.reason, payments.c.status).where(
            _TROUBLED, payments.c.state.in_(sorted(REFUSED)), payments.c.file_id.in_(chunk)
        )
        for row in connection.execute(query):
            found[(row.reason.split() or [row.status])[0]] += 1
    return found


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]
