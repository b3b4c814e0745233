"""What booked lines of an account say of our payments: their claims, and what follows from them.

A line is judged by the payments as they are now, so its claims are made anew when a report adds
what they depend on: the bank's own reference of a payment, or which of a batch are rejected. The
functions here run within the write transaction that books the statement or applies the report.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from itertools import groupby, islice, product
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
)

from h2h.adapters.sql import tables
from h2h.adapters.sql.claims import (
    Changes,
    among,
    arrived,
    derive,
    derive_some,
    follow,
    hold_known,
    recalled_payments,
)
from h2h.adapters.sql.entries import entry_of
from h2h.adapters.sql.prepared import Prepared
from h2h.adapters.sql.store import (
    file_of,
    files,
    given_values,
    in_driver_words,
    moves,
    select_files,
    set_if_unmoved,
    the_file,
)
from h2h.core.books import account_key
from h2h.core.matching import (
    A_DAY,
    IDS,
    NAMELESS,
    Batch,
    Candidate,
    Line,
    Match,
    Member,
    contradiction,
    goes_the_way,
    lines_of,
    the_batch,
    the_payment,
)
from h2h.core.statement import Entry
from h2h.core.states import (
    ANNOUNCED,
    AT_THE_BANK,
    BEFORE_DELIVERING,
    How,
    Kept,
    Out,
    Pay,
    told_of,
)
from h2h.core.status import shortened
from h2h.core.words import say
from h2h.ports import File

payments, statements, entries = tables.payments, tables.statements, tables.entries
claims, told = tables.claims, tables.told_references

_CHUNK = 500  # entries, and lines of them, looked up at a time
_MOST_BATCHES = 10  # of files, the newest ones, whose batch may be meant by one line
_REACHED = sorted(ANNOUNCED | AT_THE_BANK)
_bank_alone = files.c.bank + ""  # an expression: no index of all files of a bank is taken for it
_MAY_GO = sorted(BEFORE_DELIVERING | ANNOUNCED | AT_THE_BANK)
_BOOKED = "BOOK"
_NO_END = 2**31 - 1  # of the entries of a statement, whose index is a 32-bit integer
Spans = Sequence[tuple[int, int]]  # first and last entry, both inclusive


def concerns_us(connection: Connection, bank: str | None, found: Sequence[Entry]) -> bool:
    """May any of these entries be a payment of ours? Asked of every entry that is booked.

    So it is quick: past the statement's construction, and for a bank that has no file of ours
    without a look at the entries.
    """
    run = connection.exec_driver_sql
    if not run(in_driver_words(connection, _ANY_FILE), (bank,)).scalar():
        return False
    names, messages, batches, references = set[str](), set[str](), set[str](), set[str]()
    for entry in found:
        messages.add(entry.batch_message_id)
        batches.add(entry.batch_id)
        references.add(entry.servicer_reference)
        for detail in entry.details:
            names.add(detail.end_to_end_id)
            names.add(detail.instruction_id)
            references.add(detail.servicer_reference)
            messages.add(detail.message_id)
            batches.add(detail.batch_id)
    given = (names, names, messages, batches, references)
    asked = tuple(json.dumps([*(each - NAMELESS)]) for each in given)
    return bool(run(in_driver_words(connection, _ANY_NAME), asked).scalar())


_STATES = ", ".join(f"'{state}'" for state in _MAY_GO)
_ANY_FILE = f"SELECT 1 FROM files WHERE bank = ? AND state IN ({_STATES}) LIMIT 1"  # noqa: S608  constants
_NAMED_IN = "EXISTS (SELECT 1 FROM json_each(?) AS named JOIN {} = named.value)"
_ANY_NAME = "SELECT " + " OR ".join(
    _NAMED_IN.format(column)
    for column in (
        "payments ON payments.end_to_end_id",
        "payments ON payments.instruction_id <> '' AND payments.instruction_id",
        "files ON files.message_id",
        "payments ON payments.batch_id",
        "told_references ON told_references.servicer_reference",
    )
)


def settle(
    connection: Connection,
    file: File,  # noqa: ARG001  the statement knows its bank
    statement_id: str,
    now: datetime,
    spans: Spans | None = None,
) -> Sequence[str]:
    """Let the booked lines of a statement claim our payments; what a person must see.

    Only the entries within `spans` are read. A line that names our message, or is exactly one of
    our payments, proves the arrival of a file in doubt.
    """
    row = connection.execute(select(statements).where(statements.c.id == statement_id)).mappings()
    return _Settling(connection, row.one(), now).run(spans)


def unsettle(connection: Connection, statement_id: str, now: datetime) -> None:
    """Take back what a statement said of our payments: another version of it counts."""
    key = select(statements.c.key).where(statements.c.id == statement_id).scalar_subquery()
    claimed = select(claims.c.file_id).where(claims.c.statement == key).distinct()
    touched = [*connection.execute(claimed).scalars()]
    connection.execute(delete(claims).where(claims.c.statement == key))
    for file_id in touched:
        changes = derive(connection, file_id)
        if changes.counted:
            words = say("statement {id} counts no more", id=statement_id)
            words = say("{name}: {moved}", name=words, moved=changes.words())
            follow(connection, the_file(connection, file_id), words, now)


def settle_again(
    connection: Connection, ours: File, references: Iterable[str], now: datetime
) -> Sequence[str]:
    """Judge anew the lines that depend on what was just told of a file's payments.

    These are the sums of its batches, what is not certain (it may have come before the file went),
    and entries under references that the bank has now told.
    """
    named = {*references} - {""}
    lines = [*_UNCERTAIN.rows(connection, {"the_id": ours.id})]
    if named:
        referred = _REFERRED.where(entries.c.servicer_reference.in_(among(named)))
        lines += connection.execute(referred, {"the_bank": ours.bank})
    wanted: dict[int, set[int]] = defaultdict(set)
    for key, entry in lines:
        wanted[key].add(entry)
    alarms: list[str] = []
    for key, found in sorted(wanted.items()):
        row = connection.execute(select(statements).where(statements.c.key == key)).mappings().one()
        spans = [(entry, entry) for entry in sorted(found)]
        alarms += _Settling(connection, row, now).run(spans)
    return alarms


_UNCERTAIN = Prepared(
    select(claims.c.statement, claims.c.entry).where(
        claims.c.file_id == bindparam("the_id"),
        or_(claims.c.number == 0, claims.c.how == How.UNCERTAIN.value),
    )
)
_REFERRED = (
    select(entries.c.statement, entries.c.index)
    .join(statements, statements.c.key == entries.c.statement)
    .where(
        entries.c.servicer_reference != "",
        statements.c.bank == bindparam("the_bank"),
        statements.c.kept == Kept.BOOKED.value,
    )
)


def reached(connection: Connection, ours: File, now: datetime) -> File:
    """A file lies at its bank: what named it before is judged anew, contradictions stay on it."""
    if alarms := settle_again(connection, ours, (), now):
        ours = the_file(connection, ours.id)
        problems = (*ours.problems, *map(contradiction, alarms))
        set_if_unmoved(connection, ours, {"problems": problems})
    return the_file(connection, ours.id)


class _Settling:
    """One statement whose lines make their claims."""

    def __init__(self, connection: Connection, statement: RowMapping, now: datetime) -> None:
        self.connection = connection
        self.statement = statement
        self.name = f"statement {statement['id']}"
        self.now = now
        self.changes: dict[str, Changes] = defaultdict(Changes)
        self.alarms: list[str] = []

    def run(self, spans: Spans | None) -> Sequence[str]:
        whole = [(1, _NO_END)]
        joined = whole if spans is None else _joined(spans)
        before = [match for span in joined for match in self.forget(span)]
        for span in joined:
            for chunk in _chunks(self.lines(*span), _CHUNK):
                self.prove(chunk)
                self.claim(chunk)
        self.derive(before)
        for file_id, changes in sorted(self.changes.items()):
            self.follow(file_id, changes)
        return shortened(self.alarms)

    def follow(self, file_id: str, changes: Changes) -> None:
        self.alarms += [f"file {file_id}: {words}" for words in changes.alarms]
        if changes.counted:
            ours = the_file(self.connection, file_id)
            ours = arrived(self.connection, ours, self.name, self.now)
            words = say("{name}: {moved}", name=self.name, moved=changes.words())
            follow(self.connection, ours, words, self.now)

    def forget(self, span: tuple[int, int]) -> Sequence[Match]:
        """Remove the claims that are made anew."""
        ours = and_(claims.c.statement == self.statement["key"], claims.c.entry.between(*span))
        columns = (claims.c.file_id, claims.c.number, claims.c.batch_id, claims.c.how)
        found = self.connection.execute(select(*columns).where(ours))
        before = [Match(file_id, number, batch, How(how)) for file_id, number, batch, how in found]
        if before:
            self.connection.execute(delete(claims).where(ours))
        return before

    def lines(self, first: int, last: int) -> Iterator[Line]:
        """The lines of the booked entries from `first` to `last`, a few of them in memory."""
        ours = and_(entries.c.statement == self.statement["key"], entries.c.index <= last)
        query = select(entries).where(ours).order_by(entries.c.index).limit(_CHUNK)
        while page := self.connection.execute(query.where(entries.c.index >= first)).all():
            for row in page:
                entry = entry_of(row)
                if entry.status == _BOOKED:
                    yield from lines_of(entry, self.statement["account"])
                first = entry.index + 1

    # -- claiming

    def prove(self, lines: Sequence[Line]) -> None:
        """The files in doubt whose message ids the lines name have arrived."""
        named = {line.message_id for line in lines} - NAMELESS
        query = select_files().where(
            files.c.direction == "out",
            _bank_alone == self.statement["bank"],
            files.c.message_id.in_(among(named)),
            files.c.state.in_(sorted(ANNOUNCED)),
        )
        found = [file_of(row) for row in self.connection.execute(query).mappings()] if named else []
        ids = Counter(file.message_id for file in found)
        for file in found:
            if ids[file.message_id] == 1:
                arrived(self.connection, file, self.name, self.now)

    def claim(self, lines: Sequence[Line]) -> None:
        candidates, ours = self.candidates(lines), self.named_batches(lines)
        early = self.early(lines)
        rows: list[dict[str, object]] = []
        matches: list[Match] = []
        for line in lines:
            known = candidates(line)
            found = the_payment(line, (each for each in known if each.delivered))
            if not found and {line.message_id, line.batch_id} & ours:
                found = the_batch(line, self.batches(line))
            if not any(match.how is not How.UNCERTAIN for match in found):
                found += self.too_early(line, known, early)
            matches += found
            rows += [self.row(line, match) for match in found]
        if rows:
            self.connection.execute(insert(claims), rows)
            self.derive(matches)
            self.look_for_twice(matches)

    def too_early(
        self, line: Line, known: Iterable[Candidate], early: Mapping[str, File]
    ) -> list[Match]:
        """A file that the line is of, and that must not have gone: held, for a person to look."""
        ours = the_payment(line, (each for each in known if not each.delivered))
        found = [match for match in ours if match.how is not How.UNCERTAIN]
        file = early.get(line.message_id)
        collection = file is not None and file.message.startswith(_COLLECTION)
        if not found and file and goes_the_way(line, collection=collection):
            found = [Match(file.id, 0, "", How.UNCERTAIN)]
        for match in found:
            file = the_file(self.connection, match.file_id)
            self.alarms.append(hold_known(self.connection, file, self.name, self.now))
        return [
            match._replace(how=How.UNCERTAIN, why="its file was not delivered") for match in found
        ]

    def row(self, line: Line, match: Match) -> dict[str, object]:
        place = {"entry": line.entry, "detail": line.detail}
        return {"statement": self.statement["key"], **place, **match._asdict()}

    def derive(self, matches: Sequence[Match]) -> None:
        by_file: dict[str, list[Match]] = defaultdict(list)
        for match in matches:
            if match.how is not How.UNCERTAIN:
                by_file[match.file_id].append(match)
        for file_id, found in by_file.items():
            numbers = {match.number for match in found if match.number}
            batches = {match.batch_id for match in found if not match.number}
            done = []
            if numbers:
                done.append(derive_some(self.connection, file_id, numbers))
            if batches:
                done.append(derive(self.connection, file_id, batches))
            for changes in done:
                self.changes[file_id].counted += changes.counted
                self.changes[file_id].alarms += changes.alarms

    # -- finding

    def early(self, lines: Sequence[Line]) -> Mapping[str, File]:
        """By message id, the one file of ours that has it and must not have gone."""
        query = select_files().where(
            files.c.direction == "out",
            _bank_alone == self.statement["bank"],
            files.c.message_id.in_(among({line.message_id for line in lines} - NAMELESS)),
            files.c.state.in_(_MAY_GO),
        )
        found = [file_of(row) for row in self.connection.execute(query).mappings()]
        ids = Counter(file.message_id for file in found)
        return {
            file.message_id: file
            for file in found
            if file.state in BEFORE_DELIVERING and ids[file.message_id] == 1
        }

    def candidates(self, lines: Sequence[Line]) -> Callable[[Line], Iterable[Candidate]]:
        """By a line, our payments for this bank that bear one of its ids."""
        bearing = [
            (name, self.bearing(ours, {getattr(line, name) for line in lines} - NAMELESS))
            for name, ours in IDS
        ]

        def of(line: Line) -> Iterable[Candidate]:
            found = (
                candidate
                for name, known in bearing
                for candidate in known.get(getattr(line, name), ())
            )
            return {(each.file_id, each.number): each for each in found}.values()

        return of

    def bearing(self, name: str, wanted: Collection[str]) -> Mapping[str, Sequence[Candidate]]:
        """Payments first, then their files: asked in one, a database may begin with the files."""
        if not wanted:
            return {}
        query = _TOLD if name == "servicer_reference" else select(*_CANDIDATE)
        column = told.c[name] if name == "servicer_reference" else payments.c[name]
        query = query.where(column.in_(among(wanted)), column != "")
        rows = self.connection.execute(query).all()
        reached = self.may_go({row.file_id for row in rows}) if rows else {}
        found: dict[str, list[Candidate]] = defaultdict(list)
        for file_id, number, *facts in rows:
            if file := reached.get(file_id):
                collection = file.message.startswith(_COLLECTION)
                known = (collection, file.since.date(), file.state in _REACHED)
                candidate = Candidate._make((file_id, number, file.message_id, *facts, *known))
                found[getattr(candidate, name)].append(candidate)
        return found

    def may_go(self, ids: Collection[str]) -> Mapping[str, Row[Any]]:
        """Those of the files that lie at this bank or may still go there, by their id."""
        query = select(*_FILE, files.c.state).where(
            _bank_alone == self.statement["bank"],
            files.c.direction == "out",
            files.c.state.in_(_MAY_GO),
        )
        found: Iterable[Row[Any]] = self.connection.execute(query.where(files.c.id.in_(ids)))
        return {row.id: row for row in found}

    def named_batches(self, lines: Sequence[Line]) -> set[str]:
        """Which ids of messages and batches are ones of ours; most are others'."""
        messages = {line.message_id for line in lines} - NAMELESS
        batches = {line.batch_id for line in lines} - NAMELESS
        given = given_values(batches)
        queries = (
            select(files.c.message_id).where(
                files.c.message_id.in_(among(messages)), self.at_the_bank()
            ),
            select(given.c.value).where(exists().where(payments.c.batch_id == given.c.value)),
        )
        named = zip((messages, batches), queries, strict=True)
        return {
            name for ids, query in named if ids for name in self.connection.execute(query).scalars()
        }

    def at_the_bank(self) -> ColumnElement[bool]:
        ours = (files.c.bank == self.statement["bank"], files.c.direction == "out")
        return and_(*ours, files.c.state.in_(_REACHED))

    def batches(self, line: Line) -> Sequence[Batch]:
        """What of ours the line may be the sum of: a batch that it names, or all of a message."""
        query = select(*_FILE).where(self.at_the_bank())
        named = query.where(files.c.message_id == line.message_id)
        having = select(payments.c.file_id).where(payments.c.batch_id == line.batch_id).distinct()
        newest = query.where(files.c.id.in_(having)).order_by(files.c.created.desc())
        if line.booked_on:  # a file of later is not meant, and takes no place of an older one
            newest = newest.where(files.c.created < _midnight(line.booked_on + 2 * A_DAY))
        found = self.connection.execute(named).all() if line.message_id not in NAMELESS else []
        if not found and line.batch_id not in NAMELESS:
            found = self.connection.execute(newest.limit(_MOST_BATCHES)).all()
        return [batch for row in found if (batch := self.batch(line, *row))]

    def batch(
        self, line: Line, file_id: str, message: str, message_id: str, since: datetime
    ) -> Batch | None:
        """The batch of a file that the line names, else all that runs on the line's account."""
        columns = ("batch_id", "account", "currency", "amount", "told", "told_at", "number")
        query = select(*(payments.c[name] for name in columns)).where(payments.c.file_id == file_id)
        query = query.order_by(payments.c.number)
        rows = self.connection.execute(query.where(payments.c.batch_id == line.batch_id)).all()
        if not rows:
            every, ours = self.connection.execute(query), account_key(line.account)
            rows = [row for row in every if account_key(row.account) == ours]
        if not rows:
            return None
        currencies = {row.currency for row in rows}
        back = recalled_payments(self.connection, file_id)
        return Batch(
            file_id=file_id,
            message_id=message_id,
            ids=tuple(dict.fromkeys(row.batch_id for row in rows)),
            account=rows[0].account,
            currency=currencies.pop() if len(currencies) == 1 else "",
            collection=message.startswith(_COLLECTION),
            payments=[
                Member(row.amount, told_of(Pay(row.told), recalled=row.number in back), row.told_at)
                for row in rows
            ],
            since=since.date(),
        )

    # -- twice

    def look_for_twice(self, matches: Sequence[Match]) -> None:
        """Money that moved twice for one payment, as reports of one kind tell it."""
        by_file: dict[str, list[int]] = defaultdict(list)
        for match in matches:
            if match.how in _PAID:
                by_file[match.file_id].append(match.number)
        for file_id, numbers in by_file.items():
            entry = and_(
                entries.c.statement == claims.c.statement, entries.c.index == claims.c.entry
            )
            query = (
                select(claims.c.number, claims.c.batch_id, *_MARKS)
                .join(statements, statements.c.key == claims.c.statement)
                .join(entries, entry)
                .where(claims.c.file_id == file_id, claims.c.number.in_(numbers))
                .where(claims.c.how.in_(_PAID))
                .order_by(claims.c.number, claims.c.batch_id, claims.c.statement, claims.c.entry)
            )
            every: Iterable[Row[Any]] = self.connection.execute(query)
            for (number, batch), rows in groupby(every, attrgetter("number", "batch_id")):
                name = f"payment {number}" if number else f"batch {batch}"
                if words := self.twice(name, [*rows]):
                    self.alarms.append(f"file {file_id}: {words}")

    def twice(self, name: str, rows: Sequence[Row[Any]]) -> str:
        """An overlap or a later report tells of the same entry once more: that is not twice."""
        mine = (row for row in rows if row.statement == self.statement["key"])
        for one, other in product(mine, rows):
            if one.kind == other.kind and _another(one, other):
                return (
                    f"{name} is booked twice: entry {one.entry} of {one.id} and entry "
                    f"{other.entry} of {other.id}"
                )
        return ""


def _another(one: Row[Any], other: Row[Any]) -> bool:
    if one.statement == other.statement:
        return bool(one.entry != other.entry)
    marks = ("servicer_reference", "booking_date")
    return any(getattr(one, mark) != getattr(other, mark) for mark in marks)


def _midnight(day: date) -> datetime:
    """When a day begins, by our clock."""
    return datetime.combine(day, time(), UTC)


def _joined(spans: Spans) -> Spans:
    """The same entries, in as few spans as it takes."""
    joined: list[tuple[int, int]] = []
    for first, last in spans:
        goes_on = bool(joined) and joined[-1][1] + 1 >= first
        joined.append((joined.pop()[0] if goes_on else first, last))
    return joined


def _chunks(lines: Iterator[Line], size: int) -> Iterator[Sequence[Line]]:
    while chunk := [*islice(lines, size)]:
        yield chunk


_PAID = (How.EXACT, How.BATCH)
# By what two claims are told to be of one entry, or of two.
_MARKS = (
    *(claims.c.statement, claims.c.entry, statements.c.kind, statements.c.id),
    *(entries.c.servicer_reference, entries.c.booking_date),
)
_COLLECTION = "pain.008"
_CANDIDATE = tuple(
    payments.c[name]
    for name in Candidate._fields
    if name not in {"message_id", "collection", "since", "delivered"}
)
_ANNOUNCED_AT = (
    select(func.min(moves.c.at))
    .where(moves.c.file_id == files.c.id, moves.c.target == Out.DELIVERING.value)
    .scalar_subquery()
)
_FILE = (
    *(files.c[name] for name in ("id", "message", "message_id")),
    func.coalesce(_ANNOUNCED_AT, files.c.created).label("since"),
)
# A payment once for each reference that the bank has told of it.
_TOLD = select(
    *(told.c[c.name] if c.name == "servicer_reference" else c for c in _CANDIDATE)
).join_from(
    told, payments, and_(payments.c.file_id == told.c.file_id, payments.c.number == told.c.number)
)
