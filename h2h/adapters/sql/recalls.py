"""Recalls in the ledger: which payments were asked back, and what the bank has answered.

A recall is an outgoing file of its own; it has no payments, but rows that point at those of the
file that it asks back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    func,
    insert,
    literal,
    select,
    true,
    update,
)

from h2h.adapters.sql import tables
from h2h.adapters.sql.answers import steps, summary, told_before, too_early
from h2h.adapters.sql.claims import arrived, derive, follow, note
from h2h.adapters.sql.outgoing import MAY_GO, payment_of
from h2h.adapters.sql.settling import settle_again
from h2h.adapters.sql.store import (
    Store,
    append,
    file_of,
    files,
    select_files,
    set_if_unmoved,
    shift,
    the_file,
)
from h2h.core import recall as core
from h2h.core.money import plain
from h2h.core.recall import Answer, Answered, Asked, Resolution, Scope
from h2h.core.states import (
    ANNOUNCED,
    AT_THE_BANK,
    BEFORE_DELIVERING,
    NEVER_WENT,
    In,
    Out,
    Pay,
)
from h2h.core.status import PaymentKey
from h2h.core.words import listed, say
from h2h.errors import Refused
from h2h.ports import File, PaymentRow, RecalledRow, RecallRow, Told

payments, recalls, recalled = tables.payments, tables.recalls, tables.recalled

_WITH_THE_BANK = sorted((Pay.INSTRUCTED, Pay.ACKNOWLEDGED, Pay.ACCEPTED, Pay.BOOKED))
_CLOSED = sorted(NEVER_WENT | {Out.REJECTED})  # such a recall stands in nobody's way
_REACHED = sorted(ANNOUNCED | AT_THE_BANK)
_RECALLED = {**recalled.c, "end_to_end_id": payments.c.end_to_end_id}
_MOST_REASONS = 3  # told in one line


class Recalls(Store):
    """What was asked back, and the answers."""

    def recall(
        self,
        original: File,
        recall_id: str,
        *,
        payments: Sequence[str],
        batches: Sequence[str],
        code: str,
        who: str,
        reason: str,
        now: datetime,
    ) -> File | None:
        with self._writing() as connection:
            if not set_if_unmoved(connection, original, {"state": original.state.value}):
                return None
            scope = Scope.PAYMENTS if payments else Scope.BATCH if batches else Scope.FILE
            _insert_file(connection, original, recall_id, now)
            facts = {"scope": scope.value, "code": code, "reason": reason, "who": who, "at": now}
            row = {"file_id": recall_id, "original_id": original.id, **facts}
            connection.execute(insert(recalls).values(**row))
            _ask_back(
                connection, original, recall_id, _wanted(connection, original, payments, batches)
            )
            _refuse_twice(connection, original, recall_id)
            asked = say("recall of file {id}: {reason}", id=original.id, reason=reason)
            append(connection, recall_id, "", Out.CLAIMING, now, who, asked, "")
            words = say("recalled by file {id}: {reason}", id=recall_id, reason=reason)
            state, content = original.state, original.sha256
            append(connection, original.id, state, state, now, who, words, content)
            return the_file(connection, recall_id)

    def recall_of(self, file_id: str) -> RecallRow | None:
        found = self._recalls(recalls.c.file_id == file_id)
        return found[0] if found else None

    def recalls(self, original_id: str) -> Sequence[RecallRow]:
        return self._recalls(recalls.c.original_id == original_id)

    def recalled(self, file_id: str) -> Sequence[RecalledRow]:
        query = (
            select(*(_RECALLED[field.name] for field in fields(RecalledRow)))
            .join_from(recalled, recalls, recalls.c.file_id == recalled.c.file_id)
            .join(payments, _the_payment())
            .where(recalled.c.file_id == file_id)
            .order_by(recalled.c.number)
        )
        with self._reading() as connection:
            rows = connection.execute(query).mappings()
            return [RecalledRow(**{**row, "answer": Answer(row["answer"])}) for row in rows]

    def payments_named(self, end_to_end_id: str) -> Sequence[PaymentRow]:
        columns = (payments.c[each.name] for each in fields(PaymentRow))
        query = (
            select(*columns)
            .join(files, files.c.id == payments.c.file_id)
            .where(payments.c.end_to_end_id == end_to_end_id, MAY_GO)
            .order_by(files.c.created, payments.c.number)
        )
        with self._reading() as connection:
            return [payment_of(row) for row in connection.execute(query).mappings()]

    def resolve(self, file: File, resolution: Resolution, now: datetime) -> Told | None:
        with self._writing() as connection:
            if not set_if_unmoved(connection, file, {"state": file.state.value}):
                return None
            if first := told_before(connection, file, resolution):
                words = f"the same answer came as file {first}"
                shift(
                    connection,
                    file,
                    In.DUPLICATE,
                    now,
                    because=words,
                    facts={"duplicate_of": first},
                )
                return Told("", (), ())
            told = _resolve(connection, file, resolution, now)
            shift(connection, file, In.BOOKED, now, because=summary(told))
            return told

    def _recalls(self, wanted: ColumnElement[bool]) -> list[RecallRow]:
        query = (
            select(recalls, files.c.state)
            .join(files, files.c.id == recalls.c.file_id)
            .where(wanted)
            .order_by(recalls.c.at, recalls.c.file_id)
        )
        with self._reading() as connection:
            rows = [*connection.execute(query).mappings()]
            return [_recall_row(connection, row) for row in rows]


def _recall_row(connection: Connection, row: RowMapping) -> RecallRow:
    counted = (
        select(recalled.c.answer, func.count().label("payments"))
        .where(recalled.c.file_id == row["file_id"])
        .group_by(recalled.c.answer)
    )
    found = {row.answer: row.payments for row in connection.execute(counted)}
    answers = {answer: found[answer] for answer in Answer if answer in found}
    facts = {"scope": Scope(row["scope"]), "state": Out(row["state"]), "answers": answers}
    return RecallRow(**{**row, **facts})


def _the_payment() -> ColumnElement[bool]:
    """The payment that a row of `recalled` points at, by its recall's original."""
    return and_(payments.c.file_id == recalls.c.original_id, payments.c.number == recalled.c.number)


# ------------------------------------------------------------------------------------------ asking


def _insert_file(connection: Connection, original: File, recall_id: str, now: datetime) -> None:
    """The recall as a file that came by no door; its own id keeps it apart from other claims."""
    connection.execute(
        insert(files).values(
            id=recall_id,
            direction="out",
            bank=original.bank,
            name=f"recall of {original.name}",
            state=Out.CLAIMING.value,
            created=now,
            door_name=recall_id,
            message=core.MESSAGE,
            message_id=core.message_id(recall_id),
            initiating_party=original.initiating_party,
            confidential=original.confidential,
        )
    )


def _wanted(
    connection: Connection, original: File, named: Sequence[str], batches: Sequence[str]
) -> ColumnElement[bool]:
    """Which of the file's payments are meant. Raises Refused for a name that fits none or many."""
    for name in named:
        found = _states(connection, original, payments.c.end_to_end_id == name)
        if len(found) != 1:
            words = say(
                "{count} payments of {id} have the EndToEndId {name}",
                count=len(found),
                id=original.id,
                name=name,
            )
            raise Refused(words, say("`h2h show` lists its payments"))
        if found[0] not in _WITH_THE_BANK:
            words = say("payment {name} is {state} already", name=name, state=found[0])
            raise Refused(words, say("Nothing is left to recall"))
    for name in batches:
        if not _states(connection, original, payments.c.batch_id == name):
            words = say("{id} has no batch {name}", id=original.id, name=name)
            raise Refused(words, say("`h2h show` lists its payments"))
    if named:
        return payments.c.end_to_end_id.in_(named)
    return payments.c.batch_id.in_(batches) if batches else true()


def _states(connection: Connection, original: File, which: ColumnElement[bool]) -> list[str]:
    query = select(payments.c.state).where(payments.c.file_id == original.id, which)
    return [*connection.execute(query).scalars()]


def _ask_back(
    connection: Connection, original: File, recall_id: str, wanted: ColumnElement[bool]
) -> None:
    """A row for each payment that is meant and still with the bank."""
    meant = select(
        literal(recall_id), payments.c.number, literal(Answer.ASKED.value), literal(""), literal("")
    ).where(payments.c.file_id == original.id, payments.c.state.in_(_WITH_THE_BANK), wanted)
    columns = ["file_id", "number", "answer", "code", "reason"]
    if not connection.execute(insert(recalled).from_select(columns, meant)).rowcount:
        words = say("no payment of {id} that is meant is with the bank", id=original.id)
        raise Refused(words, say("Nothing is left to recall"))


def _refuse_twice(connection: Connection, original: File, recall_id: str) -> None:
    """One payment is asked back by one recall at a time; once refused, it may be asked again."""
    mine, theirs = recalled.alias("mine"), recalled.alias("theirs")
    other = (
        select(theirs.c.file_id, theirs.c.answer, payments.c.end_to_end_id)
        .join_from(mine, theirs, mine.c.number == theirs.c.number)
        .join(recalls, recalls.c.file_id == theirs.c.file_id)
        .join(files, files.c.id == theirs.c.file_id)
        .join(
            payments,
            and_(payments.c.file_id == original.id, payments.c.number == mine.c.number),
        )
        .where(mine.c.file_id == recall_id, theirs.c.file_id != recall_id)
        .where(recalls.c.original_id == original.id, theirs.c.answer != Answer.REFUSED.value)
        .where(files.c.state.not_in(_CLOSED))
    )
    found = connection.execute(other.limit(1)).first()
    if found is not None:
        words = say(
            "payment {name} is {answer} by recall {id}",
            name=found.end_to_end_id,
            answer=found.answer,
            id=found.file_id,
        )
        raise Refused(words, say("Wait for the bank's answer; `h2h show` tells it"))


# --------------------------------------------------------------------------------------- answering


def _resolve(connection: Connection, file: File, resolution: Resolution, now: datetime) -> Told:
    name = say("answer {message_id}", message_id=resolution.message_id)
    named = _named(connection, file.bank, resolution)
    if len(named) != 1:
        fits = f"fits {len(named)} recalls of ours" if named else "answers no recall of ours"
        return Told("", (), (f"{name} (message {resolution.original_message_id}) {fits}",))
    ours = named[0]
    if ours.state in BEFORE_DELIVERING:
        return too_early(connection, ours, name, now)
    before = ours.state
    ours = arrived(connection, ours, name, now)
    original = _original(connection, ours)
    asked = _asked(connection, ours, original)
    done = core.outcome(resolution, asked)
    _write_answers(connection, ours, done.answered)
    words = say("{name}: {what}", name=name, what=_words(done.answered))
    after = _follow_recall(connection, ours, words, now)
    changes = derive(connection, original.id)
    follow(connection, original, words, now)
    others = settle_again(connection, original, (), now)
    alarms = (*(f"{name}: {alarm}" for alarm in (*done.alarms, *changes.alarms)), *others)
    return Told(ours.id, steps(before, ours.state, after.state), alarms)


def _named(connection: Connection, bank: str | None, resolution: Resolution) -> list[File]:
    """The recalls that an answer may mean: by our ids, else by the payment file's message id."""
    ids = {*resolution.references}
    ids |= {reference.rpartition("-")[0] for reference in ids}  # of a payment or batch in it
    ours = select_files().join(recalls, recalls.c.file_id == files.c.id)
    ours = ours.where(files.c.bank == bank, MAY_GO)
    if found := _files(connection, ours.where(files.c.message_id.in_(ids - {""}))):
        return found
    original = files.alias("original")
    ours = ours.join(original, original.c.id == recalls.c.original_id)
    ours = ours.where(original.c.message_id == resolution.original_message_id)
    found = _files(connection, ours.where(files.c.state.in_(_REACHED)))
    waiting = [file for file in found if file.state not in {Out.ACCEPTED, Out.REJECTED}]
    return waiting or found


def _files(connection: Connection, query: Select[tuple[object, ...]]) -> list[File]:
    return [file_of(row) for row in connection.execute(query).mappings()]


def _original(connection: Connection, ours: File) -> File:
    query = select(recalls.c.original_id).where(recalls.c.file_id == ours.id)
    return the_file(connection, connection.execute(query).scalar_one())


def _asked(connection: Connection, ours: File, original: File) -> list[Asked]:
    """The payments that were asked back, as they stand now."""
    columns = ("number", "batch_id", "instruction_id", "end_to_end_id", "amount", "state")
    query = (
        select(*(payments.c[each] for each in columns), recalled.c.answer)
        .join(recalled, recalled.c.number == payments.c.number)
        .where(payments.c.file_id == original.id, recalled.c.file_id == ours.id)
        .order_by(payments.c.number)
    )
    return [_asked_of(row) for row in connection.execute(query).mappings()]


def _asked_of(row: RowMapping) -> Asked:
    key = PaymentKey(
        number=row["number"],
        batch_id=row["batch_id"],
        instruction_id=row["instruction_id"],
        end_to_end_id=row["end_to_end_id"],
        amount=plain(row["amount"]),
        state=Pay(row["state"]),
    )
    return Asked(key, Answer(row["answer"]))


def _write_answers(connection: Connection, ours: File, answered: Sequence[Answered]) -> None:
    mine = recalled.c.file_id == ours.id
    written = (
        update(recalled)
        .where(mine, recalled.c.number == bindparam("the_number"))
        .values(
            answer=bindparam("the_answer"),
            code=bindparam("the_code"),
            reason=bindparam("why"),
        )
    )
    rows = [
        {
            "the_number": each.number,
            "the_answer": each.answer.value,
            "the_code": each.code,
            "why": each.reason,
        }
        for each in answered
    ]
    if rows:
        connection.execute(written, rows)


def _words(answered: Sequence[Answered]) -> str:
    """`2 recalled, 1 refused (LEGL court order)`."""
    counted = Counter(each.answer for each in answered)
    told = listed(say("{count} {state}", count=n, state=answer) for answer, n in counted.items())
    reasons = [*dict.fromkeys(each.reason for each in answered if each.reason)]
    if reasons:
        why = "; ".join(reasons[:_MOST_REASONS])
        return say("{what} ({why})", what=told, why=why)
    return told or say("no payment moved")


def _follow_recall(connection: Connection, ours: File, words: str, now: datetime) -> File:
    """Move the recall to the state that follows from its answers; chained also when it stays."""
    query = select(recalled.c.answer).where(recalled.c.file_id == ours.id).distinct()
    answers = [Answer(answer) for answer in connection.execute(query).scalars()]
    return note(connection, ours, core.recall_state(answers, Out(ours.state)), words, now)
