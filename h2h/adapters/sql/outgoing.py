"""Payment files in the ledger: claiming, admitting, reserving a name, moving, waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    union,
    union_all,
    update,
)

from h2h.adapters.sql import tables
from h2h.adapters.sql.prepared import Prepared
from h2h.adapters.sql.settling import reached
from h2h.adapters.sql.store import (
    MOVES,
    Store,
    append,
    bare_file_of,
    facts_of,
    file_of,
    files,
    find_file,
    moves,
    moves_of,
    select_files,
    set_and_read,
    set_if_unmoved,
    shift,
    the_file,
)
from h2h.core import duplicates, noted
from h2h.core.chain import link, record_of
from h2h.core.confidential import Watched
from h2h.core.money import plain, total
from h2h.core.naming import escaped
from h2h.core.payment import Payment
from h2h.core.problem import Problem, Severity
from h2h.core.states import (
    ANNOUNCED,
    AT_THE_BANK,
    BEFORE_DELIVERING,
    NEVER_WENT,
    Out,
    Pay,
    State,
)
from h2h.core.words import say, sentences
from h2h.errors import Refused, Transient
from h2h.ports import Change, File, MoveRow, PaymentRow, Seen

payments, first_seen, sequences = tables.payments, tables.first_seen, tables.sequences

# An expression, so that SQLite never takes the index of the direction: that is half of all files.
_OUTGOING = files.c.direction + "" == "out"
MAY_GO = and_(_OUTGOING, files.c.state.not_in(sorted(NEVER_WENT)))
_NOT_YET_ADMITTED = (Out.CLAIMING, Out.CLAIMED)
_UNPROVEN = sorted(BEFORE_DELIVERING | ANNOUNCED)
# What counts against the limit of a day: a held file is judged again when a person releases it, and
# a refused one moves no money.
_ON_THE_WAY = sorted(BEFORE_DELIVERING - {*_NOT_YET_ADMITTED, Out.HELD})
_GONE = sorted((AT_THE_BANK | ANNOUNCED) - {Out.REJECTED, Out.CANCELLED_BY_BANK})
_MOST_MATCHES = 10  # other files named in the problems of one
_CHUNK = 1_000  # payments in one statement


class OutgoingFiles(Store):
    """The outbound half of the ledger, and what both directions share."""

    # -- reading

    def file(self, file_id: str) -> File | None:
        with self._reading() as connection:
            return find_file(connection, file_id)

    def files(
        self,
        states: Iterable[State] | None = None,
        *,
        direction: str | None = None,
        bank: str | None = None,
        due: datetime | None = None,
    ) -> Sequence[File]:
        wanted: list[ColumnElement[bool]] = [true()]
        if states is not None:
            wanted.append(files.c.state.in_(sorted({str(state) for state in states})))
        if direction is not None:
            wanted.append(files.c.direction == direction)
        if bank is not None:
            wanted.append(files.c.bank == bank)
        if due is not None:
            wanted.append(or_(files.c.due_at.is_(None), files.c.due_at <= due))
        with self._reading() as connection:
            return _files(connection, *wanted)

    def moves(self, file_id: str | None = None) -> Sequence[MoveRow]:
        with self._reading() as connection:
            if file_id is not None:
                return moves_of(connection, file_id)
            rows = connection.execute(MOVES).mappings()
            return [MoveRow(**{**row, "file_id": row["file_id"] or ""}) for row in rows]

    def newest_move(self) -> int:
        with self._reading() as connection:
            return connection.execute(select(func.max(moves.c.sequence))).scalar() or 0

    def payments(self, file_id: str) -> Sequence[PaymentRow]:
        query = select(*(payments.c[field.name] for field in fields(PaymentRow)))
        query = query.where(payments.c.file_id == file_id).order_by(payments.c.number)
        with self._reading() as connection:
            return [payment_of(row) for row in connection.execute(query).mappings()]

    def unrecorded(self) -> Sequence[File]:
        unshown = select(files.c.id).where(files.c.last_move > files.c.recorded)
        handing = select(tables.hand_overs.c.file_id)
        answers = or_(files.c.direction == "out", files.c.last_move > files.c.recorded)
        with self._reading() as connection:
            return _files(connection, files.c.id.in_(union(unshown, handing)), answers)

    def recorded(self, file: File, last_move: int) -> None:
        with self._writing() as connection:
            record_up_to(connection, file, last_move)

    # -- the door

    def first_scan(self, door: str, present: Sequence[Seen], now: datetime) -> None:
        scans = tables.first_scans
        with self._writing() as connection:
            if connection.execute(select(scans).where(scans.c.door == door)).first():
                return
            connection.execute(insert(scans).values(door=door, at=now))
            inodes = {seen.inode for seen in present}  # two names of one file are one file
            if inodes:
                rows = [{"door": door, "inode": inode} for inode in sorted(inodes)]
                connection.execute(insert(first_seen), rows)

    def claiming(self, seen: Seen, bank: str | None, file_id: str, now: datetime) -> File:
        with self._writing() as connection:
            one = {"the_door": seen.door, "the_name": seen.name, "the_inode": seen.inode}
            if begun := _BEGUN.rows(connection, one):
                return bare_file_of(begun[0])
            first = _insert_claim(connection, seen, bank, file_id, now)
            found = noted.found(bank, seen.door, seen.owner, first_scan=first)
            append(connection, file_id, "", Out.CLAIMING, now, "h2h", found, "")
            return the_file(connection, file_id)

    # -- moving

    def move(
        self,
        file: File,
        target: State,
        now: datetime,
        *,
        because: str = "",
        who: str = "h2h",
        change: Change | None = None,
    ) -> File | None:
        with self._writing() as connection:
            facts = facts_of(change)
            moved = shift(connection, file, target, now, because=because, who=who, facts=facts)
            if moved is None or target is not Out.SENT:
                return moved
            return reached(connection, moved, now)

    def wait(
        self, file: File, until: datetime | None, because: str, *, failed: bool
    ) -> File | None:
        facts = {
            "due_at": until,
            "due_because": because,
            "failures": files.c.failures + int(failed),
        }
        with self._writing() as connection:
            return set_and_read(connection, file, facts)

    def begin(self, file: File) -> File | None:
        with self._writing() as connection:
            return set_and_read(connection, file, {"begun": files.c.begun + 1})

    def end(self, file: File) -> None:
        with self._writing() as connection:
            set_if_unmoved(connection, file, {"begun": 0})

    # -- once only

    def same_bytes(self, file: File) -> File | None:
        with self._reading() as connection:
            return _same_bytes(connection, file, file.sha256)

    def admit(
        self,
        file: File,
        change: Change,
        holds: Sequence[Problem],
        payments: Iterable[Sequence[Payment]],
        similar_days: int,
        now: datetime,
    ) -> File | None:
        with self._writing() as connection:
            if not _unmoved(connection, file):
                return None
            facts, note = facts_of(change), ""
            known = tuple(change.problems if change.problems is not None else file.problems)
            if clash := _clash(connection, file, change):
                other, problem = clash
                facts |= {"duplicate_of": other.id, "problems": (*known, problem)}
                target, because = Out.DUPLICATE, problem.message
            else:
                watched = Watched(payments)
                noting = noted.Noting(watched)
                keep_payments(connection, file.id, noting)
                if watched.salaries:
                    facts["confidential"] = True
                alike = [
                    *_similar(connection, file, now - timedelta(days=similar_days)),
                    *_already_refused(connection, file, change),
                ]
                facts["problems"] = (*known, *alike)
                asking = [*holds, *(p for p in alike if p.severity is Severity.HOLD)]
                target = Out.HELD if asking else Out.VALID
                because = sentences(problem.message for problem in asking)
                if not asking:
                    note = noted.checked(_as_checked(file, change), noting.tally)
            return shift(connection, file, target, now, because=because, facts=facts, note=note)

    def gone(self, bank: str, day: date, besides: File) -> Mapping[str, Decimal]:
        others = select(files.c.control_sum).where(files.c.bank == bank, files.c.id != besides.id)
        waiting = others.where(files.c.state.in_(_ON_THE_WAY))
        went = others.where(files.c.checked_on == day, files.c.state.in_(_GONE))
        with self._reading() as connection:
            sums = [*connection.execute(union_all(waiting, went)).scalars()]
        currencies = {currency for each in sums for currency in each}
        return {
            currency: total(Decimal(each[currency]) for each in sums if currency in each)
            for currency in sorted(currencies)
        }

    def waived(self, file: File) -> frozenset[str]:
        with self._reading() as connection:
            return _waived(connection, file.sha256)

    def waive(
        self, file: File, rules: Sequence[str], who: str, reason: str, now: datetime
    ) -> File | None:
        with self._writing() as connection:
            seen = the_file(connection, file.id)
            if seen.last_move != file.last_move:
                return None
            known = _waived(connection, file.sha256)
            words = f"{_WAIVING}{', '.join(sorted(set(rules)))}: {reason}"
            append(connection, file.id, seen.state, seen.state, now, who, words, file.sha256)
            waived = the_file(connection, file.id)
            one = {"content": file.sha256, "file_id": file.id, "move": waived.last_move}
            for rule in sorted(set(rules) - known):
                row = {**one, "rule": rule}
                connection.execute(_NO_WAIVER, {"the_bytes": file.sha256, "the_rule": rule})
                connection.execute(
                    insert(tables.waivers).values(**row, who=who, reason=reason, at=now)
                )
            return waived

    def note(self, file: File, because: str, who: str, now: datetime) -> File | None:
        with self._writing() as connection:
            seen = the_file(connection, file.id)
            if seen.last_move != file.last_move:
                return None
            append(connection, file.id, seen.state, seen.state, now, who, because, file.sha256)
            return the_file(connection, file.id)

    def reserve(
        self,
        file: File,
        name: Callable[[int], str],
        folder: str,
        now: datetime,  # noqa: ARG002  the port gives it; a reservation is no move
        *,
        gap_free: bool,
    ) -> File | None:
        if file.state not in BEFORE_DELIVERING:
            raise ValueError(f"file {file.id}: nothing is reserved for a file that is {file.state}")
        with self._writing() as connection:
            facts: dict[str, object] = {"attempt": files.c.attempt + 1}
            seen = set_and_read(connection, file, {"state": file.state.value})
            if seen is None:
                return None
            if not seen.final_name:
                if gap_free:
                    _insist_alone(connection, file)
                number = _next_number(connection, file, gap_free=gap_free)
                final = name(number)
                _insist_free(connection, file, folder, final)
                facts |= {"final_name": final, "final_folder": folder, "sequence": number}
            return set_and_read(connection, file, facts)


def payment_of(row: RowMapping) -> PaymentRow:
    """A row with the columns of `PaymentRow` as the port shows it."""
    return PaymentRow(**{**row, "amount": plain(row["amount"]), "state": Pay(row["state"])})


def record_up_to(connection: Connection, file: File, last_move: int) -> None:
    """Note that dossier and answer show every move up to `last_move`; never goes back."""
    upto = {"the_id": file.id, "up_to": last_move, "recorded": last_move}
    _OLDER_RECORD.run(connection, upto)


def _files(connection: Connection, *wanted: ColumnElement[bool]) -> list[File]:
    rows = connection.execute(_oldest_first(*wanted)).mappings()
    return [file_of(row) for row in rows]


def _found(connection: Connection, query: Prepared, given: Mapping[str, object]) -> list[File]:
    return [bare_file_of(row) for row in query.rows(connection, given)]


def _oldest_first(*wanted: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    return select_files().where(*wanted).order_by(files.c.created, files.c.id)


# Built once: every file that comes needs each of these, and to build one takes longer than to
# execute it.
_BEGUN = Prepared(
    _oldest_first(
        files.c.state == Out.CLAIMING.value,
        files.c.door == bindparam("the_door"),
        files.c.door_name == bindparam("the_name"),
        files.c.door_inode == bindparam("the_inode"),
    )
)
_SAME_BYTES = Prepared(
    _oldest_first(
        MAY_GO,
        files.c.sha256 == bindparam("the_bytes"),
        files.c.id != bindparam("the_id"),
        files.c.state.not_in(_NOT_YET_ADMITTED),
    )
)
_SAME_MESSAGE = Prepared(
    _oldest_first(
        MAY_GO,
        files.c.bank == bindparam("the_bank"),
        files.c.initiating_party == bindparam("the_party"),
        files.c.message_id == bindparam("the_message"),
        files.c.id != bindparam("the_id"),
    )
)
_SAME_NAME = Prepared(
    _oldest_first(
        MAY_GO,
        files.c.bank == bindparam("the_bank"),
        files.c.final_folder == bindparam("the_folder"),
        files.c.final_name == bindparam("the_name"),
    )
)
_OLDER_RECORD = Prepared(
    update(files).where(files.c.id == bindparam("the_id"), files.c.recorded < bindparam("up_to"))
)
_AT_FIRST = Prepared(
    delete(first_seen).where(
        first_seen.c.door == bindparam("the_door"), first_seen.c.inode == bindparam("the_inode")
    )
)
_WAIVING = "waived "  # how the links of the chain that tell of waivers begin
_WAIVED = (
    select(
        *(tables.waivers.c[name].label(f"waived_{name}") for name in ("rule", "who", "reason")),
        *(moves.c[field.name] for field in fields(MoveRow)),
    )
    .join_from(tables.waivers, moves, moves.c.sequence == tables.waivers.c.move)
    .where(tables.waivers.c.content == bindparam("the_bytes"))
)
_NO_WAIVER = delete(tables.waivers).where(  # one that the chain knows nothing of
    tables.waivers.c.content == bindparam("the_bytes"),
    tables.waivers.c.rule == bindparam("the_rule"),
)
_REFUSED_BEFORE = Prepared(
    select(files.c.id)
    .where(
        files.c.message_id == bindparam("the_message"),  # by whatever bank's door it came
        _OUTGOING,
        files.c.refusal != "",
    )
    .limit(1)
)
_ONE_FILE = insert(files)
_PAYMENTS = insert(payments)
_NO_PAYMENTS = Prepared(delete(payments).where(payments.c.file_id == bindparam("the_id")))


def _unmoved(connection: Connection, file: File) -> bool:
    return set_if_unmoved(connection, file, {"state": file.state.value})


def _insert_claim(
    connection: Connection, seen: Seen, bank: str | None, file_id: str, now: datetime
) -> bool:
    """The new file; did it lie there at the first scan? That is used up: inodes come again."""
    at_first = {"the_door": seen.door, "the_inode": seen.inode}
    used = _AT_FIRST.run(connection, at_first)
    row = {
        "id": file_id,
        "direction": "out",
        "bank": bank,
        "name": escaped(seen.name),
        "state": Out.CLAIMING.value,
        "created": now,
        "door": seen.door,
        "door_name": seen.name,
        "door_inode": seen.inode,
        "first_scan": used > 0,
        "dropped_by": seen.owner,
    }
    connection.execute(_ONE_FILE, row)
    return used > 0


def _as_checked(file: File, change: Change) -> File:
    facts: dict[str, Any] = facts_of(change)  # columns, each of its own type
    return replace(file, **facts)


# --------------------------------------------------------------------------------------- uniqueness


def _same_bytes(connection: Connection, file: File, sha256: str) -> File | None:
    """Another file of these bytes that was admitted, or that a person will decide on."""
    found = _found(connection, _SAME_BYTES, {"the_bytes": sha256, "the_id": file.id})
    return found[0] if found and sha256 else None


def _clash(connection: Connection, file: File, change: Change) -> tuple[File, Problem] | None:
    """The file that was here first with the same bytes, or with the same message id."""
    if other := _same_bytes(connection, file, change.sha256 or file.sha256):
        return other, duplicates.same_bytes(other.id)
    message_id = change.message_id or file.message_id
    same = {
        "the_bank": change.bank or file.bank,
        "the_party": change.initiating_party or file.initiating_party,
        "the_message": message_id,
        "the_id": file.id,
    }
    found = _found(connection, _SAME_MESSAGE, same)
    if found and message_id:
        return found[0], duplicates.same_message(message_id, found[0].id)
    return None


def _already_refused(connection: Connection, file: File, change: Change) -> Iterator[Problem]:
    """A hold when a status report of ours rejected this message, unless a person waived it."""
    message_id = change.message_id or file.message_id
    same = {"the_message": message_id}
    found = _REFUSED_BEFORE.rows(connection, same) if message_id else ()
    other = found[0][0] if found else None
    if other and duplicates.REFUSED not in _waived(connection, file.sha256):
        yield duplicates.already_refused(message_id, other)


def _waived(connection: Connection, sha256: str) -> frozenset[str]:
    """The rules that a person waived for these bytes, as far as the chain tells of it."""
    rows = connection.execute(_WAIVED, {"the_bytes": sha256}).mappings()
    return frozenset(row["waived_rule"] for row in rows if _told(row, sha256))


def _told(row: RowMapping, sha256: str) -> bool:
    """Does the link of a waiver tell of just this: who, which rule, why, for which bytes?"""
    move = MoveRow(**{field.name: row[field.name] for field in fields(MoveRow)})
    rules, _, reason = str(move.because).removeprefix(_WAIVING).partition(": ")
    told = (move.hash, move.who, move.content, reason)
    deserved = (
        link(move.previous, record_of(move)),
        row["waived_who"],
        sha256,
        row["waived_reason"],
    )
    waived = str(move.because).startswith(_WAIVING) and row["waived_rule"] in rules.split(", ")
    return waived and told == deserved


def keep_payments(
    connection: Connection, file_id: str, chunks: Iterable[Sequence[Payment]]
) -> None:
    """Store the payments of a file in place of those of an earlier check, chunk by chunk."""
    _NO_PAYMENTS.run(connection, {"the_id": file_id})
    numbers = count(1)
    for chunk in chunks:
        for start in range(0, len(chunk), _CHUNK):
            rows = [_row(file_id, next(numbers), one) for one in chunk[start : start + _CHUNK]]
            connection.execute(_PAYMENTS, rows)


def _row(file_id: str, number: int, payment: Payment) -> dict[str, object]:
    keys = duplicates.keys(payment)
    return {
        "file_id": file_id,
        "number": number,
        "batch_id": payment.batch.id,
        "instruction_id": payment.instruction_id,
        "end_to_end_id": payment.end_to_end_id,
        "amount": payment.amount,
        "currency": payment.currency,
        "account": payment.batch.account,
        "counterparty_account": payment.counterparty_account,
        "counterparty_name": payment.counterparty_name,
        "remittance": " ".join(filter(None, (payment.reference, payment.remittance))),
        "requested_execution_date": payment.batch.requested_execution_date,
        "state": Pay.INSTRUCTED.value,
        "exact_key": keys.exact,
        "similar_key": keys.similar,
        "described": keys.described,
    }


def _similar(connection: Connection, file: File, since: datetime) -> list[Problem]:
    """A problem for each earlier file that has payments like ours, the exact matches first."""
    found: dict[str, duplicates.Match] = {}
    for column, exact in ((payments.c.exact_key, True), (payments.c.similar_key, False)):
        for match in _matches(connection, file, since, column, exact=exact):
            found.setdefault(match.other, match)
    waived = bool(found) and duplicates.SIMILAR in _waived(connection, file.sha256)
    return [duplicates.similar_payment(match, waived=waived) for match in found.values()]


def _matches(
    connection: Connection, file: File, since: datetime, key: Column[object], *, exact: bool
) -> Iterator[duplicates.Match]:
    """One match for each other file, found by one join over the indexed keys."""
    given = {"the_id": file.id, "since": since}
    for other, described, number, first in _matching(key).rows(connection, given):
        place = _place(connection, file.id, first)
        yield duplicates.Match(other, number, place, exact, described)


@cache
def _matching(column: Column[object]) -> Prepared:
    mine, theirs, key = payments.alias("mine"), payments.alias("theirs"), column.name
    return Prepared(
        select(
            theirs.c.file_id,
            mine.c.described,
            func.count(mine.c.number.distinct()).label("payments"),
            func.min(mine.c.number).label("first"),
        )
        .join_from(mine, theirs, mine.c[key] == theirs.c[key])
        .join(files, files.c.id == theirs.c.file_id)
        .where(mine.c.file_id == bindparam("the_id"), theirs.c.file_id != bindparam("the_id"))
        .where(MAY_GO, files.c.created >= bindparam("since"))
        .group_by(theirs.c.file_id, mine.c.described, files.c.created)
        .order_by(mine.c.described.desc(), files.c.created)
        .limit(_MOST_MATCHES)
    )


def _place(connection: Connection, file_id: str, number: int) -> str:
    one = select(payments).where(payments.c.file_id == file_id, payments.c.number == number)
    row = connection.execute(one).one()
    return say(
        "payment {payment} ({id}), {currency} {amount}",
        payment=number,
        id=row.end_to_end_id,
        currency=row.currency,
        amount=plain(row.amount),
    )


# -------------------------------------------------------------------------------------- final names


def _insist_alone(connection: Connection, file: File) -> None:
    """Gap-free numbers: nobody else of this bank holds one that may still come back."""
    others = _files(
        connection,
        files.c.bank == file.bank,
        files.c.id != file.id,
        files.c.final_name != "",
        files.c.state.in_(_UNPROVEN),
    )
    if others:
        raise Transient(
            f"file {others[0].id} ({others[0].state}) holds the next number of bank {file.bank}",
            "It goes on once that file is delivered or cancelled",
        )


def _next_number(connection: Connection, file: File, *, gap_free: bool) -> int:
    """Spend the bank's next number, or the last one again when a cancelled file hands it on."""
    found = _LAST_NUMBER.rows(connection, {"the_bank": file.bank})
    if not found:
        connection.execute(insert(sequences).values(bank=file.bank, last=1))
        return 1
    last: int = found[0][0]
    if gap_free and _handed_on(connection, file, last):
        return last
    _NUMBERED.run(connection, {"the_bank": file.bank, "last": last + 1})
    return last + 1


_LAST_NUMBER = Prepared(select(sequences.c.last).where(sequences.c.bank == bindparam("the_bank")))
_NUMBERED = Prepared(update(sequences).where(sequences.c.bank == bindparam("the_bank")))


def _handed_on(connection: Connection, file: File, number: int) -> bool:
    holders = select(files.c.state).where(
        files.c.bank == file.bank, files.c.sequence == number, files.c.id != file.id
    )
    states = set(connection.execute(holders).scalars())
    return states == {Out.CANCELLED.value}


def _insist_free(connection: Connection, file: File, folder: str, final: str) -> None:
    same = {"the_bank": file.bank, "the_folder": folder, "the_name": final}
    if taken := _found(connection, _SAME_NAME, same):
        raise Refused(
            f"the name {final} in {folder} is file {taken[0].id}'s already",
            "Put {sequence} into `file_name` of this bank, so that names differ",
        )
