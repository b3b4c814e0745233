"""The books: statements and what became of each, their entries, balances, continuity."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    Subquery,
    and_,
    case,
    func,
    literal,
    select,
    text,
    update,
)

from h2h.adapters.sql import tables
from h2h.adapters.sql.entries import entry_of
from h2h.adapters.sql.exports import exported, let_go
from h2h.adapters.sql.keeping import keeping, told_before
from h2h.adapters.sql.settling import settle
from h2h.adapters.sql.store import Store, append, read_rows, set_if_unmoved, shift, the_file
from h2h.adapters.sql.versions import choose
from h2h.core.books import account_key
from h2h.core.matching import contradiction
from h2h.core.money import plain
from h2h.core.statement import Balance, Entry, Statement, StatementKind
from h2h.core.states import In, Kept
from h2h.core.terms import Account
from h2h.ports import BalanceRow, BankMessage, Booked, File, StatementRow

statements, balances, entries = tables.statements, tables.balances, tables.entries

_CHUNK = 500  # entries in memory at a time


class Books(Store):
    """What the banks' statements say, and which of them were believed."""

    def book(
        self,
        file: File,
        message: BankMessage,
        our_accounts: Sequence[Account],
        now: datetime,
    ) -> File | None:
        numbers = [account.number for account in our_accounts]
        with self._writing() as connection:
            if not set_if_unmoved(connection, file, {"state": file.state.value}):
                return None
            with keeping(connection, file, numbers, now) as keeper:
                for part in message.parts:
                    keeper.take(part)
            kept = keeper.outcomes
            news = not kept or any(outcome.kept is not Kept.DUPLICATE for outcome in kept)
            target = In.BOOKED if news else In.DUPLICATE
            problems = (*message.problems, *map(contradiction, keeper.alarms))
            facts = {"problems": problems, "message_id": message.message_id}
            words = _summary(kept)
            if keeper.before:
                words = f"{_news(kept, keeper.before)}; {words}"
            shift(connection, file, target, now, because=words, facts=facts)
            return the_file(connection, file.id)

    def release_statement(
        self, statement_id: str, who: str, reason: str, now: datetime
    ) -> StatementRow | None:
        with self._writing() as connection:
            words = f"released by {who}: {reason}"
            if waiting := _waiting(connection, statement_id, words):
                _let_go(connection, waiting, who, words, now)
                return _statement(connection, statement_id)
            held = _held(connection, statement_id)
            if held is None:
                return None
            if first := told_before(connection, held["bank"], held["fingerprint"]):
                words += f"; it came as {first}"
                _decide(connection, held, Kept.DUPLICATE, who, words, now)
                return _statement(connection, statement_id)
            _decide(connection, held, Kept.SUPERSEDED, who, words, now)
            kept, _ = choose(connection, statement_id, now)
            if kept is Kept.BOOKED:
                file = the_file(connection, held["file_id"])
                told = settle(connection, file, statement_id, now)
                problems = (*file.problems, *map(contradiction, told))
                set_if_unmoved(connection, file, {"problems": problems})
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
        query = select_statements()
        if file_id is not None:
            query = query.where(statements.c.file_id == file_id)
        if account is not None:
            query = query.where(statements.c.account == account_key(account))
        order = [statements.c[name] for name in ("bank", "account", "currency", "position")]
        order = [statements.c.index] if file_id is not None else order
        with self._reading() as connection:
            rows = connection.execute(query.order_by(*order, statements.c.id)).mappings()
            return [statement_of(row) for row in rows]

    def shared_entries(self, statement_id: str) -> int:
        ours, theirs = statements.alias("ours"), statements.alias("theirs")
        same = [theirs.c[name] == ours.c[name] for name in ("bank", "account", "currency", "kind")]
        beside = (
            select(theirs.c.key)
            .join(ours, and_(*same))
            .where(
                ours.c.id == statement_id,
                theirs.c.id != statement_id,
                theirs.c.kept == Kept.BOOKED.value,
                theirs.c.as_of >= func.coalesce(ours.c.period_from, ours.c.as_of),
                func.coalesce(theirs.c.period_from, theirs.c.as_of) <= ours.c.as_of,
            )
        )
        own = select(statements.c.key).where(statements.c.id == statement_id)
        here, there = _told_times(own), _told_times(beside)
        fewer = case((here.c.times < there.c.times, here.c.times), else_=there.c.times)
        query = select(func.sum(fewer)).join_from(
            here, there, here.c.fingerprint == there.c.fingerprint
        )
        with self._reading() as connection:
            return connection.execute(query).scalar() or 0

    def unassigned(self, file_id: str) -> Sequence[StatementRow]:
        query = select_statements().where(statements.c.file_id == file_id, text(tables.UNASSIGNED))
        with self._reading() as connection:
            rows = connection.execute(query.order_by(statements.c.index)).mappings()
            return [statement_of(row) for row in rows]

    def undecided(self) -> Sequence[StatementRow]:
        booked = statements.c.kept == Kept.BOOKED.value
        person = (statements.c.kept == Kept.HELD.value) | (booked & statements.c.waits)
        order = [statements.c[name] for name in ("bank", "account", "currency", "position", "id")]
        with self._reading() as connection:
            rows = connection.execute(select_statements().where(person).order_by(*order))
            return [statement_of(row) for row in rows.mappings()]

    def statement(self, statement_id: str) -> Statement | None:
        kept = statements.c.kept != Kept.DUPLICATE.value
        query = select(statements).where((statements.c.id == statement_id) & kept)
        told = select(balances).where(balances.c.statement_id == statement_id)
        with self._reading() as connection:
            row = connection.execute(query).mappings().first()
            found = connection.execute(told.order_by(balances.c.number)).mappings()
            booked = tuple(
                Balance(each["type"], each["amount"], each["currency"], each["date"])
                for each in found
            )
        return None if row is None else _whole(row, booked, _Entries(self, row["key"]))

    def entries_of(self, key: int) -> Iterator[Entry]:
        """The entries of the statement with this key, in the file's order."""
        query = select(entries).where(entries.c.statement == key).order_by(entries.c.index)
        with self._reading() as connection:
            for rows in read_rows(connection, query, entries, _CHUNK):
                yield from map(entry_of, rows)

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


def _news(kept: Sequence[Booked], before: Mapping[int, RowMapping]) -> str:
    """What became of a file that was read again."""
    news = [
        f"statement {one.index}: {one.because or one.kept}"
        for one in kept
        if _is_news(one, before.get(one.index))
    ]
    return "read again: " + ("; ".join(news) or "nothing is new")


def _is_news(one: Booked, before: RowMapping | None) -> bool:
    if before is None:
        return True
    held = before["kept"] == Kept.HELD.value
    return one.kept is not Kept.HELD if held else bool(one.because)


# ------------------------------------------------------------------------------ a person's decision


def _held(connection: Connection, statement_id: str) -> RowMapping | None:
    held = (statements.c.id == statement_id) & (statements.c.kept == Kept.HELD.value)
    return connection.execute(select(statements).where(held)).mappings().first()


def _waiting(connection: Connection, statement_id: str, words: str) -> RowMapping | None:
    """The statement whose hand-over waits: for a person, or for one that comes before it."""
    turn = let_go(connection, statement_id, words)
    waits = (statements.c.id == statement_id) & (statements.c.waits | literal(turn))
    return connection.execute(select(statements).where(waits)).mappings().first()


def _let_go(
    connection: Connection, waiting: RowMapping, who: str, words: str, now: datetime
) -> None:
    """End the wait of a hand-over."""
    ours = update(statements).where(statements.c.id == waiting["id"])
    connection.execute(ours.values(waits=False, assigned=False))
    file = the_file(connection, waiting["file_id"])
    because = f"statement {waiting['id']} may be handed over: {words}"
    append(connection, file.id, file.state, file.state, now, who, because, file.sha256)


def _decide(
    connection: Connection, held: RowMapping, kept: Kept, who: str, words: str, now: datetime
) -> None:
    ours = update(statements).where(statements.c.id == held["id"])
    connection.execute(ours.values(kept=kept.value, because=words))
    file = the_file(connection, held["file_id"])
    because = f"statement {held['id']}, held -> {kept}: {words} ({held['because']})"
    append(connection, file.id, file.state, file.state, now, who, because, file.sha256)


# ------------------------------------------------------------------------------------------ reading


def _told_times(keys: Select[tuple[int]]) -> Subquery:
    """How often each entry is told by the statements of these keys, at most."""
    each = (
        select(entries.c.fingerprint, func.count().label("times"))
        .where(entries.c.statement.in_(keys))
        .group_by(entries.c.statement, entries.c.fingerprint)
        .subquery()
    )
    most = select(each.c.fingerprint, func.max(each.c.times).label("times"))
    return most.group_by(each.c.fingerprint).subquery()


def select_statements() -> Select[Any]:
    """Every column of `StatementRow`."""
    names = (field.name for field in fields(StatementRow))
    return select(*(exported() if name == "exported" else statements.c[name] for name in names))


def _statement(connection: Connection, statement_id: str) -> StatementRow:
    query = select_statements().where(statements.c.id == statement_id)
    return statement_of(connection.execute(query).mappings().one())


def statement_of(row: RowMapping) -> StatementRow:
    """A row of `select_statements` as the port shows it."""
    facts = {
        **row,
        "kind": StatementKind(row["kind"]),
        "kept": Kept(row["kept"]),
        "opening": None if row["opening"] is None else plain(row["opening"]),
        "closing": None if row["closing"] is None else plain(row["closing"]),
    }
    return StatementRow(**facts)


@dataclass(frozen=True, slots=True)
class _Entries:
    """The entries of a statement, read from the ledger each time they are walked."""

    books: Books
    key: int

    def __iter__(self) -> Iterator[Entry]:
        return self.books.entries_of(self.key)


def _whole(row: RowMapping, found: tuple[Balance, ...], entries: _Entries) -> Statement:
    return Statement(
        index=row["index"],
        kind=StatementKind(row["kind"]),
        id=row["number"],
        account=row["account"],
        currency=row["currency"],
        electronic_sequence=row["electronic_sequence"],
        legal_sequence=row["legal_sequence"],
        period_from=row["period_from"],
        period_to=row["period_to"],
        created=row["created"],
        copy=row["copy"],
        balances=found,
        entries=entries,
        page=row["page"],
    )
