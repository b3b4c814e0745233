"""Keeping a statement while it is read: its entries first, then what it comes to, and its outcome.

The functions here run within the write transaction that books a bank file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, text

from h2h.adapters.sql import tables
from h2h.adapters.sql.entries import row_of
from h2h.adapters.sql.inserting import Inserter
from h2h.adapters.sql.settling import concerns_us, settle
from h2h.adapters.sql.versions import choose, restate
from h2h.core import books
from h2h.core.statement import Entry, Part, Statement
from h2h.core.states import Kept
from h2h.ports import Booked, File

statements, balances, entries = tables.statements, tables.balances, tables.entries


@contextmanager
def keeping(
    connection: Connection, file: File, our_accounts: Sequence[str], now: datetime
) -> Iterator[Keeper]:
    """A keeper within the connection's transaction. Left, it has nothing under way any more."""
    with closing(Inserter(connection, entries)) as inserter:
        keeper = Keeper(connection, inserter, file, our_accounts, now)
        yield keeper
        keeper.close()


class Keeper:
    """Takes the parts of a bank file, in their order; `outcomes` has what became of each."""

    def __init__(
        self,
        connection: Connection,
        inserter: Inserter,
        file: File,
        our_accounts: Sequence[str],
        now: datetime,
    ) -> None:
        self.connection = connection
        self.inserter = inserter
        self.file = file
        self.our_accounts = our_accounts
        self.now = now
        self.outcomes: list[Booked] = []
        self.before = _read_before(connection, file)  # by index: the file is read once more
        self.alarms: list[str] = []  # what the entries say against our payments
        self._begin()

    def _begin(self) -> None:
        newest = self.connection.execute(select(func.max(statements.c.key))).scalar()
        self.key = (newest or 0) + 1
        self.tally = books.Tally()
        self.spans: list[tuple[int, int]] = []  # of entries that may be payments of ours
        self.savepoint = self.connection.begin_nested()

    def take(self, part: Part) -> None:
        """Keep the entries of a part; with the last one the statement gets its outcome."""
        chunk = tuple(part.statement.entries)
        rows = self.inserter.bound(self._rows(chunk)) if chunk else ()
        self.inserter.settle()
        if chunk and concerns_us(self.connection, self.file.bank, chunk):
            self.spans.append((chunk[0].index, chunk[-1].index))
        if not part.last:
            self.inserter.begin(rows)
        else:
            if rows:
                self.inserter.insert(rows)
            self.outcomes.append(self._end(part.statement))
            self._begin()

    def close(self) -> None:
        """No more parts come."""
        self.inserter.settle()
        self.savepoint.rollback()

    def _rows(self, chunk: Sequence[Entry]) -> Iterator[tuple[object, ...]]:
        marks = self.tally.add(chunk)
        return (row_of(self.key, entry, *mark) for entry, mark in zip(chunk, marks, strict=True))

    def _end(self, statement: Statement) -> Booked:
        fingerprint = books.statement_fingerprint(statement, self.tally)
        before = self.before.get(statement.index)
        if before is not None and before["kept"] != Kept.HELD.value:
            self.savepoint.rollback()
            return _as_before(before, fingerprint)
        first = told_before(self.connection, self.file.bank, fingerprint)
        if first:
            self.savepoint.rollback()  # its entries are there already
        else:
            self.savepoint.commit()
        if before is not None:
            _forget(self.connection, before)
        if first:
            words = f"booked before as statement {first}"
            outcome = self._keep(statement, fingerprint, Kept.DUPLICATE, words)
            self._told_again(first, statement)
            return outcome
        because = books.judge(statement, self.tally, self.our_accounts)
        kept = Kept.HELD if because else Kept.SUPERSEDED  # until it is chosen
        outcome = self._keep(statement, fingerprint, kept, because)
        _keep_balances(self.connection, outcome.statement_id, statement)
        if kept is Kept.SUPERSEDED:
            kept, because = choose(self.connection, outcome.statement_id, self.now)
        if kept is Kept.BOOKED:
            told = settle(self.connection, self.file, outcome.statement_id, self.now, self.spans)
            self.alarms += told
        return Booked(outcome.statement_id, outcome.index, kept, because)

    def _keep(self, statement: Statement, fingerprint: str, kept: Kept, because: str) -> Booked:
        outcome = Booked(f"{self.file.id}-{statement.index}", statement.index, kept, because)
        row = insert(statements).values(
            id=outcome.statement_id,
            key=self.key,
            file_id=self.file.id,
            bank=self.file.bank,
            kept=kept.value,
            because=because,
            booked=self.tally.booked.get(statement.currency, Decimal(0)),
            entries=self.tally.entries,
            fingerprint=fingerprint,
            **_facts(statement, fingerprint),
        )
        self.connection.execute(row)
        return outcome

    def _told_again(self, first: str, statement: Statement) -> None:
        """The delivery that the bank made first tells what stands beside the figures, whichever of
        them came first."""
        query = select(statements).where(statements.c.id == first)
        row = self.connection.execute(query).mappings().one()
        facts = _facts(statement, row["fingerprint"])
        del facts["index"]  # its place in the file from which it was booked
        if _made(facts) < _made(row):
            restate(self.connection, first, facts, self.now)


def _read_before(connection: Connection, file: File) -> Mapping[int, RowMapping]:
    query = select(statements).where(statements.c.file_id == file.id)
    return {row["index"]: row for row in connection.execute(query).mappings()}


def _as_before(before: RowMapping, fingerprint: str) -> Booked:
    """What has its outcome keeps it, however it reads now."""
    same = fingerprint == before["fingerprint"]
    words = "" if same else "it reads differently now; what is in the books stays"
    return Booked(before["id"], before["index"], Kept(before["kept"]), words)


def _forget(connection: Connection, held: RowMapping) -> None:
    """A statement that was held is judged anew."""
    connection.execute(delete(entries).where(entries.c.statement == held["key"]))
    connection.execute(delete(balances).where(balances.c.statement_id == held["id"]))
    connection.execute(delete(statements).where(statements.c.id == held["id"]))


def _made(facts: Mapping[str, object] | RowMapping) -> tuple[str, ...]:
    """When the bank made a delivery; of the same time, some order that is always the same."""
    others = ("copy", "number", "created", "position", "version")
    return (books.moment(str(facts["created"])), *(str(facts[name]) for name in others))


def told_before(connection: Connection, bank: str | None, fingerprint: str) -> str:
    """The statement in the books that says the same, "" when there is none."""
    same = (statements.c.bank == bank) & (statements.c.fingerprint == fingerprint)
    query = select(statements.c.id).where(same, text(tables.IN_THE_BOOKS))
    return connection.execute(query).scalar() or ""


def _facts(statement: Statement, fingerprint: str) -> dict[str, object]:
    first, last = books.opening(statement), books.closing(statement)
    return {
        "index": statement.index,
        "kind": statement.kind.value,
        "account": books.account_key(statement.account),
        "currency": statement.currency,
        "number": statement.id,
        "sequence": statement.electronic_sequence or statement.legal_sequence,
        "electronic_sequence": statement.electronic_sequence,
        "legal_sequence": statement.legal_sequence,
        "page": statement.page,
        "copy": statement.copy,
        "created": statement.created,
        "period_from": statement.period_from,
        "period_to": statement.period_to,
        "opening": first.amount if first else None,
        "closing": last.amount if last else None,
        "as_of": books.as_of(statement),
        "version": books.version_of(statement),
        "position": books.position(statement, fingerprint),
    }


def _keep_balances(connection: Connection, statement_id: str, statement: Statement) -> None:
    rows = [
        balance._asdict() | {"statement_id": statement_id, "number": number}
        for number, balance in enumerate(statement.balances, 1)
    ]
    if rows:
        connection.execute(insert(balances), rows)
