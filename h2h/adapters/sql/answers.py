"""What a bank says of our files: status reports and acknowledgements, applied to them."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from itertools import pairwise

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    bindparam,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from h2h.adapters.sql import tables
from h2h.adapters.sql.claims import (
    Changes,
    among,
    arrived,
    derive,
    follow,
    hold_known,
    is_proof,
    note,
)
from h2h.adapters.sql.outgoing import MAY_GO
from h2h.adapters.sql.settling import settle_again
from h2h.adapters.sql.store import (
    Store,
    file_of,
    files,
    moves,
    select_files,
    set_if_unmoved,
    shift,
    the_file,
)
from h2h.core.matching import NAMELESS
from h2h.core.money import plain
from h2h.core.recall import Resolution, reported_state
from h2h.core.states import ANNOUNCED, AT_THE_BANK, BEFORE_DELIVERING, How, In, Out, Pay
from h2h.core.status import (
    Effect,
    Fact,
    Payee,
    PaymentKey,
    StatusReport,
    answers_duplicate,
    payment_targets,
    usable,
)
from h2h.core.words import listed, say
from h2h.ports import File, Told

payments, reports, claims = tables.payments, tables.reports, tables.claims


class Answers(Store):
    """Status reports and declared acknowledgements."""

    def tell(
        self, file: File, report: StatusReport, now: datetime, *, rejects_only: bool
    ) -> Told | None:
        with self._writing() as connection:
            if not set_if_unmoved(connection, file, {"state": file.state.value}):
                return None
            if first := told_before(connection, file, report):
                facts = {"duplicate_of": first}
                words = f"the same report came as file {first}"
                shift(connection, file, In.DUPLICATE, now, because=words, facts=facts)
                return Told("", (), ())
            told = _tell(connection, file, report, now, rejects_only=rejects_only)
            shift(connection, file, In.BOOKED, now, because=summary(told))
            return told

    def acknowledge(self, file: File, text: str, now: datetime) -> Told | None:
        with self._writing() as connection:
            if not set_if_unmoved(connection, file, {"state": file.state.value}):
                return None
            told = _acknowledge(connection, file, text, now)
            shift(connection, file, In.BOOKED, now, because=summary(told))
            return told


def summary(told: Told) -> str:
    """What was done, in one line, for the move of the bank's file."""
    moved = [f"file {told.file_id}: {one}" for one in told.moved]
    return "; ".join((*moved, *told.alarms))


# ----------------------------------------------------------------------------------- status reports


def told_before(connection: Connection, file: File, report: StatusReport | Resolution) -> str:
    """The bank file by which this very report was applied; "" and remembered when it is new."""
    text = json.dumps(asdict(report), sort_keys=True)
    key = {
        "bank": file.bank,
        "message_id": report.message_id,
        "fingerprint": hashlib.sha256(text.encode()).hexdigest(),
    }
    same = [reports.c[name] == value for name, value in key.items()]
    first = connection.execute(select(reports.c.file_id).where(*same)).scalar()
    if first is None:
        connection.execute(
            insert(reports).values(
                file_id=file.id, original_message_id=report.original_message_id, **key
            )
        )
    return first or ""


def _tell(
    connection: Connection, file: File, report: StatusReport, now: datetime, *, rejects_only: bool
) -> Told:
    name = say("report {message_id}", message_id=report.message_id)
    named = _files_meant(connection, file, report)
    if len(named) != 1:
        fits = f"fits {len(named)} files of ours" if named else "is none of ours"
        return Told("", (), (f"{name}: message {report.original_message_id} {fits}",))
    ours = named[0]
    if ours.state in BEFORE_DELIVERING and not is_proof(connection, ours):
        return too_early(connection, ours, name, now)
    before = ours.state
    ours = arrived(connection, ours, name, now)
    if answers_duplicate(report) and _was_resent(connection, ours):
        words = f"{name}: the bank has file {ours.id} already; the first delivery had arrived"
        return Told(ours.id, steps(before, ours.state), (words,))
    if ours.recall:
        words = say("{name}: {what}", name=name, what=report.group_status)
        after = note(connection, ours, reported_state(report, Out(ours.state)), words, now)
        return Told(ours.id, steps(before, ours.state, after.state), ())
    effect = payment_targets(report, _keys(connection, ours), rejects_only=rejects_only)
    _keep_facts(connection, file, ours, effect.facts, report.created)
    changes = _write_targets(connection, ours, effect.targets)
    moved = changes.words() or say("no payment moved")
    follow(connection, ours, say("{name}: {moved}", name=name, moved=moved), now)
    references = _keep_references(connection, ours, effect.references)
    others = settle_again(connection, ours, references, now)
    after = the_file(connection, ours.id)
    alarms = (*(f"{name}: {alarm}" for alarm in (*effect.alarms, *changes.alarms)), *others)
    waiting = _waiting(name, effect, after)
    return Told(ours.id, steps(before, ours.state, after.state), alarms, waiting)


def _waiting(name: str, effect: Effect, ours: File) -> str:
    """Why somebody must act at the bank; nobody must once the file is accepted or refused."""
    if not effect.waiting or ours.state not in {Out.SENT, Out.ACKNOWLEDGED}:
        return ""
    why = listed(effect.waiting)
    return say("{name}: waiting at the bank ({why}): authorise or cancel there", name=name, why=why)


# ------------------------------------------------------------------------------ which file is meant


def _files_meant(connection: Connection, file: File, report: StatusReport) -> list[File]:
    """By the original message id; else by a file name of ours; else, without any, by its payments.

    A bank that gives a message id means that one: the payments of another message prove nothing.
    """
    message_id = report.original_message_id
    if found := _files_of_message(connection, file.bank, message_id):
        return found
    words = (file.remote_name, report.original_message, *(r.words for r in report.reasons))
    if found := _files_named_in(connection, file.bank, "\n".join(words), followed=True):
        return found
    return [] if usable(message_id) else _files_of_payments(connection, file.bank, report)


def _files_of_message(connection: Connection, bank: str | None, message_id: str) -> list[File]:
    """Files with this message id that went or may still go, those at the bank before others."""
    query = select_files().where(MAY_GO, files.c.bank == bank, files.c.message_id == message_id)
    found = [file_of(row) for row in connection.execute(query).mappings()] if message_id else []
    return [file for file in found if file.state not in BEFORE_DELIVERING] or found


def _files_of_payments(
    connection: Connection, bank: str | None, report: StatusReport
) -> list[File]:
    """The files that have every payment of a report, or every batch of one that lists none."""
    told = [status for batch in report.batches for status in batch.payments]
    if told:
        names = _holders(connection, bank, "end_to_end_id", (p.end_to_end_id for p in told))
        instructions = _holders(
            connection, bank, "instruction_id", (p.instruction_id for p in told)
        )
        having = [
            names.get(each.end_to_end_id) or instructions.get(each.instruction_id) or set()
            for each in told
        ]
    else:
        batches = _holders(connection, bank, "batch_id", (batch.id for batch in report.batches))
        having = [batches.get(batch.id, set()) for batch in report.batches]
    found = having[0].intersection(*having[1:]) if having else set[str]()
    return [the_file(connection, file_id) for file_id in sorted(found)]


def _holders(
    connection: Connection, bank: str | None, name: str, wanted: Iterable[str]
) -> Mapping[str, set[str]]:
    """By id, the files at the bank, or on their way to it, whose payments have it."""
    column, given = payments.c[name], {*wanted} - NAMELESS
    query = (
        select(column, files.c.id)
        .join(files, files.c.id == payments.c.file_id)
        .where(column.in_(among(given)), column != "")
        .where(files.c.bank == bank, files.c.state.in_(sorted(ANNOUNCED | AT_THE_BANK)))
        .distinct()
    )
    found: dict[str, set[str]] = defaultdict(set)
    for value, file_id in connection.execute(query) if given else ():
        found[value].add(file_id)
    return found


def too_early(connection: Connection, ours: File, name: str, now: datetime) -> Told:
    """The bank knows a file that we have not announced: somebody must look before it goes."""
    words = hold_known(connection, ours, name, now)
    return Told(ours.id, steps(ours.state, Out.HELD), (words,))


def _was_resent(connection: Connection, ours: File) -> bool:
    """Did a person send it a second time, with the first delivery in doubt?"""
    again = exists().where(
        moves.c.file_id == ours.id,
        moves.c.source == Out.IN_DOUBT.value,
        moves.c.target == Out.SEALED.value,
    )
    return bool(connection.execute(select(again)).scalar())


def steps(*states: Out | In) -> tuple[str, ...]:
    """The moves from each of the states to the next: `sent -> accepted`."""
    return tuple(f"{source} -> {target}" for source, target in pairwise(states) if source != target)


# --------------------------------------------------------------------------- what is told, and kept


def _keys(connection: Connection, ours: File) -> list[PaymentKey]:
    booked = select(claims.c.number).where(
        claims.c.file_id == ours.id,
        claims.c.number > 0,
        claims.c.how.in_([How.EXACT.value, How.RETURN.value]),
    )
    exactly = {*connection.execute(booked).scalars()}
    query = select(*(payments.c[name] for name in _KEY)).where(payments.c.file_id == ours.id)
    rows = connection.execute(query.order_by(payments.c.number)).mappings()
    return [_key(row, booked=row["number"] in exactly) for row in rows]


_KEY = (
    *("number", "batch_id", "instruction_id", "end_to_end_id", "amount", "told", "told_at"),
    *("status", "reason", "servicer_reference", "payee_at", "payee_check", "payee_name"),
)


def _key(row: RowMapping, *, booked: bool) -> PaymentKey:
    return PaymentKey(
        number=row["number"],
        batch_id=row["batch_id"],
        instruction_id=row["instruction_id"],
        end_to_end_id=row["end_to_end_id"],
        amount=plain(row["amount"]),
        state=Pay(row["told"]),
        at=row["told_at"],
        code=row["status"],
        reason=row["reason"],
        booked=booked,
        servicer_reference=row["servicer_reference"],
        payee=Payee(row["payee_at"], row["payee_check"], row["payee_name"]),
    )


def _keep_facts(
    connection: Connection, file: File, ours: File, facts: Sequence[Fact], created: str
) -> None:
    """Note what was said, at its level, for whoever asks for the life of a payment."""
    about = {"report_id": file.id, "file_id": ours.id, "created": created}
    rows = [about | {"place": n} | fact._asdict() for n, fact in enumerate(facts, 1)]
    if rows:
        connection.execute(insert(tables.told), rows)


def _keep_references(
    connection: Connection, ours: File, told: Iterable[tuple[int, str]]
) -> Collection[str]:
    """Note the bank's own references of payments; those that are new."""
    table = tables.told_references
    query = select(table.c.number, table.c.servicer_reference).where(table.c.file_id == ours.id)
    new = sorted({*told} - {(number, name) for number, name in connection.execute(query)})
    rows = [{"file_id": ours.id, "number": n, "servicer_reference": name} for n, name in new]
    if rows:
        connection.execute(insert(table), rows)
    return {name for _, name in new}


def _write_targets(connection: Connection, ours: File, targets: Sequence[PaymentKey]) -> Changes:
    """Write what was told of the payments of a file, and where they stand therefore."""
    facts = ("told", "told_at", "status", "reason", "servicer_reference")
    payee = ("payee_at", "payee_check", "payee_name")
    written = (
        update(payments)
        .where(payments.c.file_id == ours.id, payments.c.number == bindparam("the_number"))
        .values({name: bindparam(f"the_{name}") for name in (*facts, *payee)})
    )
    rows = [
        {
            "the_number": target.number,
            "the_told": target.state.value,
            "the_told_at": target.at,
            "the_status": target.code,
            "the_reason": target.reason,
            "the_servicer_reference": target.servicer_reference,
            **{f"the_{name}": value for name, value in zip(payee, target.payee, strict=True)},
        }
        for target in targets
    ]
    if not rows:
        return Changes()
    connection.execute(written, rows)
    return derive(connection, ours.id)


# ------------------------------------------------------------------------------- acknowledgements


def _acknowledge(connection: Connection, file: File, text: str, now: datetime) -> Told:
    name = say("acknowledgement {file}", file=file.name)
    named = _files_named_in(connection, file.bank, text)
    if len(named) != 1:
        fits = f"names {len(named)} files of ours" if named else "names no file of ours"
        return Told("", (), (f"{name} {fits}",))
    ours = named[0]
    if ours.state in BEFORE_DELIVERING and not is_proof(connection, ours):
        return too_early(connection, ours, name, now)
    before = ours.state
    ours = arrived(connection, ours, name, now)
    if ours.recall:
        target = Out.ACKNOWLEDGED if ours.state is Out.SENT else None
        after = note(connection, ours, target, name, now)
        return Told(ours.id, steps(before, ours.state, after.state), ())
    fact = Fact(0, "", "", name)
    _keep_facts(connection, file, ours, [fact], file.created.isoformat())
    targets = [
        replace(key, state=Pay.ACKNOWLEDGED, at="", code="", reason="")
        for key in _keys(connection, ours)
        if key.state is Pay.INSTRUCTED
    ]
    changes = _write_targets(connection, ours, targets)
    if not changes.counted:  # the bank has said more already
        return Told(ours.id, steps(before, ours.state), ())
    after = follow(connection, ours, name, now)
    return Told(ours.id, steps(before, ours.state, after.state), ())


def _files_named_in(
    connection: Connection, bank: str | None, text: str, *, followed: bool = False
) -> list[File]:
    """Files whose final name stands in `text` as a whole word, with its seal's suffix or without.

    `followed`: a bank's own suffix may come behind it, then the longest name counts. LIKE looks
    first and finds too much (its wildcards, letters of either case), never too little.
    """
    bare: ColumnElement[str] = files.c.final_name
    for suffix in _SEALS:
        bare = func.replace(bare, suffix, "")
    query = select_files().where(
        MAY_GO,
        files.c.direction == "out",
        files.c.bank == bank,
        files.c.final_name != "",
        literal(text).like(literal("%") + bare + literal("%")),
    )
    found: dict[int, list[File]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        file = file_of(row)
        standing = [
            len(n) for n in _names(file.final_name) if _stands_in(n, text, followed=followed)
        ]
        if standing:
            found[max(standing) if followed else 0].append(file)
    return found[max(found)] if found else []


_SEALS = (".pgp", ".gpg", ".asc")


def _names(final_name: str) -> set[str]:
    bare = final_name
    for suffix in _SEALS:
        bare = bare.removesuffix(suffix)
    return {final_name, bare}


def _stands_in(name: str, text: str, *, followed: bool) -> bool:
    end = r"(?![\w-])" if followed else r"(?![\w-]|\.\w)"
    return bool(re.search(rf"(?<![\w.-]){re.escape(name)}{end}", text))
