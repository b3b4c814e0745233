"""The books: statements and what became of each, their entries, balances, continuity."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    func,
    insert,
    select,
    update,
)

from h2h.adapters.sql import tables
from h2h.adapters.sql.settling import settle
from h2h.adapters.sql.store import Store, append, set_if_unmoved, shift, the_file
from h2h.core.books import (
    account_key,
    closing,
    entry_fingerprints,
    flags_after,
    judge,
    opening,
    statement_fingerprint,
)
from h2h.core.money import plain
from h2h.core.statement import Charge, Entry, Statement, StatementKind
from h2h.core.states import In, Kept
from h2h.core.terms import Account
from h2h.ports import BalanceRow, Booked, File, StatementRow

statements, balances, entries = tables.statements, tables.balances, tables.entries

_CHUNK = 1_000  # entries in one statement
_NO_DAY = date(1, 1, 1)


class Books(Store):
    """What the banks' statements say, and which of them were believed."""

    def book(
        self,
        file: File,
        statements: Sequence[Statement],
        our_accounts: Sequence[Account],
        now: datetime,
    ) -> File | None:
        numbers = [account.number for account in our_accounts]
        with self._writing() as connection:
            if not set_if_unmoved(connection, file, {"state": file.state.value}):
                return None
            kept = [_keep(connection, file, one, numbers) for one in statements]
            for outcome in kept:
                if outcome.kept is Kept.BOOKED:
                    settle(connection, file, outcome.statement_id, now)
            news = not kept or any(outcome.kept is not Kept.DUPLICATE for outcome in kept)
            target = In.BOOKED if news else In.DUPLICATE
            shift(connection, file, target, now, because=_summary(kept))
            return the_file(connection, file.id)

    def release_statement(
        self, statement_id: str, who: str, reason: str, now: datetime
    ) -> StatementRow | None:
        with self._writing() as connection:
            held = _held(connection, statement_id)
            if held is None:
                return None
            first = _booked_before(connection, held["fingerprint"])
            kept = Kept.DUPLICATE if first else Kept.BOOKED
            words = f"released by {who}: {reason}" + (f"; it came as {first}" if first else "")
            _decide(connection, held, kept, who, words, now)
            if kept is Kept.BOOKED:
                _flag_neighbours(connection, statement_id)
                settle(connection, the_file(connection, held["file_id"]), statement_id, now)
            return _statement(connection, statement_id)

    def reject_statement(
        self, statement_id: str, who: str, reason: str, now: datetime
    ) -> StatementRow | None:
        with self._writing() as connection:
            held = _held(connection, statement_id)
            if held is None:
                return None
            words = f"rejected by {who}: {reason}"
            _decide(connection, held, Kept.REJECTED, who, words, now)
            return _statement(connection, statement_id)

    def statements(
        self, file_id: str | None = None, *, account: str | None = None
    ) -> Sequence[StatementRow]:
        query = _select_statements()
        if file_id is not None:
            query = query.where(statements.c.file_id == file_id)
        if account is not None:
            query = query.where(statements.c.account == account_key(account))
        order = [statements.c[name] for name in ("bank", "account", "currency", "position")]
        order = [statements.c.index] if file_id is not None else order
        with self._reading() as connection:
            rows = connection.execute(query.order_by(*order, statements.c.id)).mappings()
            return [_statement_of(row) for row in rows]

    def unexported(self, file_id: str) -> Sequence[StatementRow]:
        query = _select_statements().where(
            statements.c.file_id == file_id,
            statements.c.kept == Kept.BOOKED.value,
            statements.c.exported.is_(False),
        )
        with self._reading() as connection:
            rows = connection.execute(query.order_by(statements.c.index)).mappings()
            return [_statement_of(row) for row in rows]

    def statement_entries(self, statement_id: str) -> Sequence[Mapping[str, str | None]]:
        hidden = {"statement_id", "fingerprint", "occurrence"}
        columns = [column for column in entries.c if column.name not in hidden]
        query = select(*columns).where(entries.c.statement_id == statement_id)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(entries.c.index)).mappings()
            return [{name: _text(value) for name, value in row.items()} for row in rows]

    def balances(self) -> Sequence[BalanceRow]:
        owner = (statements.c.bank, statements.c.account, statements.c.currency)
        newest = func.row_number().over(partition_by=owner, order_by=statements.c.position.desc())
        ranked = (
            select(*owner, statements.c.closing, statements.c.as_of, statements.c.id)
            .add_columns(newest.label("place"))
            .where(_BALANCE_MAKING)
            .subquery()
        )
        query = select(ranked).where(ranked.c.place == 1)
        with self._reading() as connection:
            rows = connection.execute(
                query.order_by(ranked.c.bank, ranked.c.account, ranked.c.currency)
            )
            return [
                BalanceRow(bank, account, currency, plain(amount), as_of, statement_id)
                for bank, account, currency, amount, as_of, statement_id, _ in rows
            ]


# Only an end-of-day statement makes a booked balance.
_BALANCE_MAKING = (
    (statements.c.kept == Kept.BOOKED.value)
    & (statements.c.kind == StatementKind.STATEMENT.value)
    & statements.c.closing.is_not(None)
)


def _summary(kept: Sequence[Booked]) -> str:
    """What became of the statements, the unusual ones by name."""
    counts = {state: sum(one.kept is state for one in kept) for state in Kept}
    words = [f"{number} {state}" for state, number in counts.items() if number]
    words += [f"statement {one.index}: {one.because}" for one in kept if one.kept is Kept.HELD]
    return "; ".join(words)


# ------------------------------------------------------------------------------------------ keeping


def _keep(
    connection: Connection, file: File, statement: Statement, our_accounts: Sequence[str]
) -> Booked:
    """Store one statement with its outcome; entries and balances of a duplicate are not kept."""
    fingerprint = statement_fingerprint(statement)
    because = judge(statement, our_accounts)
    kept = Kept.HELD if because else Kept.BOOKED
    if first := _booked_before(connection, fingerprint):
        kept, because = Kept.DUPLICATE, f"booked before as statement {first}"
    outcome = Booked(f"{file.id}-{statement.index}", statement.index, kept, because)
    facts = _facts(statement, fingerprint)
    connection.execute(
        insert(statements).values(
            id=outcome.statement_id,
            file_id=file.id,
            bank=file.bank,
            kept=kept.value,
            because=because,
            **facts,
        )
    )
    if kept is not Kept.DUPLICATE:
        _keep_balances(connection, outcome.statement_id, statement)
        _keep_entries(connection, outcome.statement_id, statement)
    if kept is Kept.BOOKED:
        _flag_neighbours(connection, outcome.statement_id)
    return outcome


def _booked_before(connection: Connection, fingerprint: str) -> str:
    """The booked statement that says the same, "" when there is none."""
    query = select(statements.c.id).where(
        statements.c.fingerprint == fingerprint, statements.c.kept == Kept.BOOKED.value
    )
    return connection.execute(query).scalar() or ""


def _facts(statement: Statement, fingerprint: str) -> dict[str, object]:
    first, last = opening(statement), closing(statement)
    as_of = (last and last.date) or statement.period_to
    return {
        "index": statement.index,
        "kind": statement.kind.value,
        "account": account_key(statement.account),
        "currency": statement.currency,
        "number": statement.id,
        "sequence": statement.electronic_sequence or statement.legal_sequence,
        "period_from": statement.period_from,
        "period_to": statement.period_to,
        "opening": first.amount if first else None,
        "closing": last.amount if last else None,
        "as_of": as_of,
        "entries": len(statement.entries),
        "fingerprint": fingerprint,
        "position": _position(statement, as_of, fingerprint),
    }


def _position(statement: Statement, as_of: date | None, fingerprint: str) -> str:
    """Where it stands among the statements of its account, as a text that sorts that way.

    The day comes first, since numbers begin again every year; the fingerprint last, so that the
    order never depends on the order of arrival.
    """
    number = statement.electronic_sequence or statement.legal_sequence
    number = number if number.isascii() and number.isdecimal() else ""
    days = ((day or _NO_DAY).isoformat() for day in (as_of, statement.period_to))
    return "|".join((*days, number.zfill(18), statement.created, fingerprint))


def _keep_balances(connection: Connection, statement_id: str, statement: Statement) -> None:
    rows = [
        asdict(balance) | {"statement_id": statement_id, "number": number}
        for number, balance in enumerate(statement.balances, 1)
    ]
    if rows:
        connection.execute(insert(balances), rows)


def _keep_entries(connection: Connection, statement_id: str, statement: Statement) -> None:
    keyed = list(zip(statement.entries, entry_fingerprints(statement), strict=True))
    for start in range(0, len(keyed), _CHUNK):
        rows = [
            _entry(entry)
            | {"statement_id": statement_id, "fingerprint": key[0], "occurrence": key[1]}
            for entry, key in keyed[start : start + _CHUNK]
        ]
        connection.execute(insert(entries), rows)


def _entry(entry: Entry) -> dict[str, object]:
    names = (field.name for field in fields(Entry))
    row = {name: getattr(entry, name) for name in names}
    row["charges"] = [_charge(charge) for charge in entry.charges]
    row["details"] = [
        asdict(detail)
        | {
            "amount": None if detail.amount is None else plain(detail.amount),
            "charges": [_charge(charge) for charge in detail.charges],
        }
        for detail in entry.details
    ]
    return row


def _charge(charge: Charge) -> dict[str, str]:
    return {"amount": plain(charge.amount), "currency": charge.currency, "type": charge.type}


# --------------------------------------------------------------------------------------- continuity


def _flag_neighbours(connection: Connection, statement_id: str) -> None:
    """Judge a newly booked statement against the one before it, and the next one against it.

    Statements may arrive in any order; each ends up with the flags that the right order gives.
    """
    query = _select_statements().add_columns(statements.c.position)
    row = connection.execute(query.where(statements.c.id == statement_id)).mappings().one()
    if row["kind"] != StatementKind.STATEMENT.value:
        return
    _flag(connection, row)
    same = _same_account(row) & (statements.c.position > row["position"])
    later = query.where(same, _BOOKED_STATEMENT).order_by(statements.c.position).limit(1)
    for next_row in connection.execute(later).mappings().all():
        _flag(connection, next_row)


_BOOKED_STATEMENT = (statements.c.kept == Kept.BOOKED.value) & (
    statements.c.kind == StatementKind.STATEMENT.value
)


def _flag(connection: Connection, row: RowMapping) -> None:
    before = (
        select(statements.c.closing)
        .where(_same_account(row), _BALANCE_MAKING, statements.c.position < row["position"])
        .order_by(statements.c.position.desc())
        .limit(1)
    )
    previous: Decimal | None = connection.execute(before).scalar()
    flags = flags_after(previous, row["opening"])
    ours = update(statements).where(statements.c.id == row["id"])
    connection.execute(ours.values(flags=flags))


def _same_account(row: RowMapping) -> ColumnElement[bool]:
    names = ("bank", "account", "currency")
    return and_(*(statements.c[name] == row[name] for name in names))


# ------------------------------------------------------------------------------ a person's decision


def _held(connection: Connection, statement_id: str) -> RowMapping | None:
    held = (statements.c.id == statement_id) & (statements.c.kept == Kept.HELD.value)
    return connection.execute(select(statements).where(held)).mappings().first()


def _decide(
    connection: Connection, held: RowMapping, kept: Kept, who: str, words: str, now: datetime
) -> None:
    ours = update(statements).where(statements.c.id == held["id"])
    connection.execute(ours.values(kept=kept.value, because=words))
    file = the_file(connection, held["file_id"])
    because = f"statement {held['id']}, held -> {kept}: {words} ({held['because']})"
    append(connection, file.id, file.state, file.state, now, who, because, file.sha256)


# ------------------------------------------------------------------------------------------ reading


def _select_statements() -> Select[Any]:
    return select(*(statements.c[field.name] for field in fields(StatementRow)))


def _statement(connection: Connection, statement_id: str) -> StatementRow:
    query = _select_statements().where(statements.c.id == statement_id)
    return _statement_of(connection.execute(query).mappings().one())


def _statement_of(row: RowMapping) -> StatementRow:
    facts = {
        **row,
        "kind": StatementKind(row["kind"]),
        "kept": Kept(row["kept"]),
        "opening": None if row["opening"] is None else plain(row["opening"]),
        "closing": None if row["closing"] is None else plain(row["closing"]),
    }
    return StatementRow(**facts)


def _text(value: object) -> str | None:
    """A column as plain text: exact amounts, ISO days, `true` and `false`, JSON for lists."""
    match value:
        case None | str():
            return value
        case bool() | list():
            return json.dumps(value, ensure_ascii=False)
        case Decimal():
            return plain(value)
        case date():
            return value.isoformat()
        case _:
            return str(value)
