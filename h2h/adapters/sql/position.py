"""The ledger's figures for the position: balances, what is pending, what was sent and is open."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, select, text, tuple_

from h2h.adapters.sql import tables
from h2h.adapters.sql.store import Store, files
from h2h.core.books import account_key
from h2h.core.expected import Report
from h2h.core.matching import NAMELESS
from h2h.core.money import plain, total
from h2h.core.position import Open, Owner, Reported
from h2h.core.statement import StatementKind
from h2h.core.states import ANNOUNCED, AT_THE_BANK, OPEN_PAYMENT, Kept
from h2h.ports import BalanceRow

statements, entries, payments = tables.statements, tables.entries, tables.payments

_CHUNK = 500  # rows in memory, and values in one question
_STREAM = {"yield_per": _CHUNK}
_REACHED = frozenset(ANNOUNCED | AT_THE_BANK)
_AFTER = "}"  # sorts behind the | that follows the day in a position
# Conditions of partial indexes, in their very words: with bound values they would not be used.
_OPEN = text(tables.OPEN_PAYMENTS)
_INTRADAY = text(tables.INTRADAY)
_END_OF_DAY = (statements.c.kind == StatementKind.STATEMENT.value) & (
    statements.c.kept == Kept.BOOKED.value
)
_Key = tuple[str, int]  # file id and number of a payment


class Positions(Store):
    """What each account has, by the bank's word and by our own."""

    def balances(self, as_of: date | None = None) -> Sequence[BalanceRow]:
        with self._reading() as connection:
            closings = (
                (owner, _closing(connection, owner, as_of)) for owner in _owners(connection)
            )
            found = [
                BalanceRow(*owner, plain(closing.amount), closing.as_of, closing.id)
                for owner, closing in closings
                if closing is not None
            ]
        return sorted(found, key=lambda row: (row.bank, row.account, row.currency))

    def pending(self) -> Sequence[Reported]:
        with self._reading() as connection:
            return [_reported(connection, owner) for owner in _owners(connection)]

    def open_payments(self) -> Sequence[Open]:
        with self._reading() as connection:
            shown = {
                key for owner in _owners(connection) for key in _shown_as_pending(connection, owner)
            }
            return _summed(_open(connection), shown)

    def reports(self, owner: Owner, since: date | None = None) -> Sequence[Report]:
        query = _reports(owner).order_by(statements.c.position)
        if since is None:
            with self._reading() as connection:
                return [Report._make(row) for row in connection.execute(query)]
        before = _reports(owner).where(statements.c.position < since.isoformat())
        later = query.where(statements.c.position >= since.isoformat())
        last = before.order_by(statements.c.position.desc()).limit(1)
        with self._reading() as connection:
            rows = [*connection.execute(last), *connection.execute(later)]
            return [Report._make(row) for row in rows]


# ----------------------------------------------------------------------------------------- accounts


def owners(connection: Connection) -> Iterator[Owner]:
    """Every account that a statement came for."""
    return _owners(connection)


def balance_rows(connection: Connection, owner: Owner, since: date) -> list[BalanceRow]:
    """The booked closing balances from `since` on and the newest one before, the oldest first."""
    columns = ("id", "closing", "as_of")
    query = select(*(statements.c[name] for name in columns)).where(
        _of(owner), _END_OF_DAY, statements.c.closing.is_not(None)
    )
    place = statements.c.position
    before = query.where(place < since.isoformat()).order_by(place.desc()).limit(1)
    later = query.where(place >= since.isoformat()).order_by(place)
    rows = [*connection.execute(before), *connection.execute(later)]
    return [BalanceRow(*owner, plain(row.closing), row.as_of, row.id) for row in rows]


def _owners(connection: Connection) -> Iterator[Owner]:
    """Every account that a statement came for: one step in the index for each."""
    columns = (statements.c.account, statements.c.currency, statements.c.bank)
    order = tuple_(*columns)
    found: tuple[str, ...] = ("", "", "")
    while True:
        query = select(*columns).where(order > found).order_by(*columns).limit(1)
        row = connection.execute(query).first()
        if row is None:
            return
        found = (row.account, row.currency, row.bank)
        yield Owner(row.bank, row.account, row.currency)


def _of(owner: Owner) -> ColumnElement[bool]:
    return (
        (statements.c.account == owner.account)
        & (statements.c.currency == owner.currency)
        & (statements.c.bank == owner.bank)
    )


def _reports(owner: Owner) -> Select[Any]:
    columns = ("id", "sequence", "period_from", "as_of", "opening", "closing")
    chosen = select(*(statements.c[name] for name in columns))
    return chosen.where(_of(owner), _END_OF_DAY)


# ----------------------------------------------------------------------------------------- balances


class _Closing(NamedTuple):
    id: str
    key: int
    amount: Decimal
    as_of: date | None


def _closing(connection: Connection, owner: Owner, as_of: date | None = None) -> _Closing | None:
    """The newest booked closing balance, not later than `as_of`."""
    columns = ("id", "key", "closing", "as_of")
    query = select(*(statements.c[name] for name in columns)).where(
        _of(owner), _END_OF_DAY, statements.c.closing.is_not(None)
    )
    if as_of is not None:
        # a position begins with the day, so that what is later is not even looked at
        early = statements.c.position < f"{as_of.isoformat()}{_AFTER}"
        query = query.where(early, statements.c.as_of <= as_of)
    row = connection.execute(query.order_by(statements.c.position.desc()).limit(1)).first()
    return _Closing(*row) if row else None


# ------------------------------------------------------------------------------ since that balance


class _Line(NamedTuple):
    """An entry, as far as it counts here."""

    amount: Decimal
    reference: str
    fingerprint: bytes
    message_id: str
    batch_id: str
    details: str


def _reported(connection: Connection, owner: Owner) -> Reported:
    closing = _closing(connection, owner)
    keys = _intraday_since(connection, owner, closing)
    since = _each_once(connection, owner, keys)
    waiting = (line.amount for line in _pending_lines(connection, owner, closing, keys))
    return Reported(owner, total(since), total(waiting))


def _intraday_since(
    connection: Connection, owner: Owner, closing: _Closing | None
) -> Sequence[int]:
    """The intraday reports of later days than the closing balance, the newest first."""
    if closing and closing.as_of is None:
        return ()
    day = (closing.as_of if closing and closing.as_of else date.min).isoformat()
    columns = (statements.c.key, statements.c.as_of, statements.c.created)
    query = select(*columns).where(_of(owner), _INTRADAY, statements.c.created > day)
    newest = query.order_by(statements.c.created.desc(), statements.c.position.desc())
    return [
        row.key
        for row in connection.execute(newest)
        if (row.as_of.isoformat() if row.as_of else row.created[:10]) > day
    ]


def _each_once(connection: Connection, owner: Owner, keys: Sequence[int]) -> list[Decimal]:
    """The amounts of what the reports `keys` show as booked: most tell all of their day again."""
    found: dict[tuple[object, Decimal, int], Decimal] = {}
    references: dict[tuple[object, Decimal, int], str] = {}
    for key in keys:
        seen: Counter[tuple[object, Decimal]] = Counter()
        for line in _lines(connection, key, "BOOK"):
            name = (line.reference or line.fingerprint, line.amount)
            seen[name] += 1
            found[*name, seen[name]] = line.amount
            references[*name, seen[name]] = line.reference
    told = _booked_references(connection, owner, references.values(), _END_OF_DAY)
    return [amount for name, amount in found.items() if references[name] not in told]


def _pending_lines(
    connection: Connection, owner: Owner, closing: _Closing | None, keys: Sequence[int]
) -> list[_Line]:
    """What the newest report shows as pending, and no other as booked."""
    newest = keys[0] if keys else closing.key if closing else None
    if newest is None:
        return []
    lines = list(_lines(connection, newest, "PDNG"))
    booked = statements.c.kept == Kept.BOOKED.value
    told = _booked_references(connection, owner, (line.reference for line in lines), booked)
    return [line for line in lines if line.reference not in told]


def _lines(connection: Connection, key: int, status: str) -> Iterator[_Line]:
    columns = (
        *("amount", "servicer_reference", "fingerprint"),
        *("batch_message_id", "batch_id", "details"),
    )
    query = select(*(entries.c[name] for name in columns))
    of_it = query.where(entries.c.statement == key, entries.c.status == status)
    for row in connection.execute(of_it, execution_options=_STREAM):
        yield _Line(*row)


def _booked_references(
    connection: Connection,
    owner: Owner,
    references: Iterable[str],
    where: ColumnElement[bool],
) -> set[str]:
    """Those of the bank's references that a booked entry of the account bears."""
    found: set[str] = set()
    for chunk in _chunks(set(references) - {""}):
        query = (
            select(entries.c.servicer_reference)
            .join(statements, statements.c.key == entries.c.statement)
            .where(entries.c.servicer_reference.in_(chunk), text("servicer_reference <> ''"))
            .where(entries.c.status == "BOOK", _of(owner), where)
        )
        found.update(connection.execute(query).scalars())
    return found


# -------------------------------------------------------------------------------- payments of ours


class _OpenPayment(NamedTuple):
    key: _Key
    owner: Owner
    day: date | None
    amount: Decimal  # signed


def _open(connection: Connection) -> Iterator[_OpenPayment]:
    """Payments that a bank was given and that are open."""
    names = ("file_id", "number", "account", "currency", "requested_execution_date", "amount")
    query = select(*(payments.c[name] for name in names)).where(_OPEN)
    known: dict[str, tuple[str, bool] | None] = {}
    for row in connection.execute(query, execution_options=_STREAM):
        if row.file_id not in known:
            known[row.file_id] = _sent_file(connection, row.file_id)
        if (sent := known[row.file_id]) is None:
            continue
        bank, collects = sent
        owner = Owner(bank, account_key(row.account), row.currency)
        amount = row.amount if collects else row.amount.copy_negate()
        yield _OpenPayment((row.file_id, row.number), owner, row.requested_execution_date, amount)


def _sent_file(connection: Connection, file_id: str) -> tuple[str, bool] | None:
    """Bank, and whether it collects; None for a file that no bank was given."""
    query = select(files.c.bank, files.c.message, files.c.state).where(files.c.id == file_id)
    row = connection.execute(query).one()
    reached = row.state in _REACHED and row.bank is not None
    return (row.bank, row.message.startswith("pain.008")) if reached else None


def _summed(found: Iterable[_OpenPayment], besides: Collection[_Key]) -> list[Open]:
    sums: dict[tuple[Owner, date | None], Decimal] = defaultdict(Decimal)
    numbers: Counter[tuple[Owner, date | None]] = Counter()
    for each in found:
        if each.key not in besides:
            group = (each.owner, each.day)
            sums[group] = total((sums[group], each.amount))
            numbers[group] += 1
    groups = sorted(sums, key=lambda group: (group[0], group[1] or date.min))
    return [Open(*group, sums[group], numbers[group]) for group in groups]


def _shown_as_pending(connection: Connection, owner: Owner) -> Iterator[_Key]:
    """Our open payments that the bank shows as pending entries: they are not counted twice."""
    closing = _closing(connection, owner)
    keys = _intraday_since(connection, owner, closing)
    for line in _pending_lines(connection, owner, closing, keys):
        yield from _batch_of(connection, owner, line) or _payments_of(connection, owner, line)


def _payments_of(connection: Connection, owner: Owner, line: _Line) -> Iterator[_Key]:
    """The payments that the transactions behind an entry are, each by its EndToEndId."""
    details: list[Mapping[str, str]] = json.loads(line.details) or [{}]
    for detail in details:
        name, written = detail.get("end_to_end_id", ""), detail.get("amount")
        if name in NAMELESS or (written is None and len(details) > 1):
            continue
        amount = line.amount.copy_abs() if written is None else Decimal(written).copy_abs()
        named = _open_of(connection, owner, line, payments.c.end_to_end_id == name)
        fitting = [key for key, each in named if each == amount]
        if len(fitting) == 1:
            yield fitting[0]


def _batch_of(connection: Connection, owner: Owner, line: _Line) -> list[_Key]:
    """The payments of the batch that an entry is, where they come to its very amount."""
    if line.message_id in NAMELESS or line.batch_id in NAMELESS:
        return []
    named = (files.c.message_id == line.message_id) & (payments.c.batch_id == line.batch_id)
    found = _open_of(connection, owner, line, named)
    fits = total(amount for _, amount in found) == line.amount.copy_abs()
    return [key for key, _ in found] if fits else []


def _open_of(
    connection: Connection, owner: Owner, line: _Line, named: ColumnElement[bool]
) -> list[tuple[_Key, Decimal]]:
    """Open payments at the account that are `named` so, in the direction of the entry."""
    columns = (payments.c.file_id, payments.c.number, payments.c.amount)
    query = (
        select(*columns, payments.c.account, files.c.message)
        .join(files, files.c.id == payments.c.file_id)
        .where(named, files.c.bank == owner.bank, files.c.direction == "out")
        .where(files.c.state.in_(sorted(_REACHED)), payments.c.state.in_(sorted(OPEN_PAYMENT)))
        .where(payments.c.currency == owner.currency)
    )
    return [
        ((row.file_id, row.number), row.amount)
        for row in connection.execute(query)
        if account_key(row.account) == owner.account
        and row.message.startswith("pain.008") is (line.amount > 0)
    ]


def _chunks(values: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]
