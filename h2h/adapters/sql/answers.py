"""What a bank says of our files: status reports and acknowledgements, applied to them."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import pairwise

from sqlalchemy import Connection, bindparam, exists, insert, literal, select, update

from h2h.adapters.sql import tables
from h2h.adapters.sql.outgoing import MAY_GO
from h2h.adapters.sql.store import (
    Store,
    append,
    file_of,
    files,
    moves,
    select_files,
    set_if_unmoved,
    shift,
    the_file,
)
from h2h.core.money import plain
from h2h.core.problem import Problem, Severity
from h2h.core.recall import Resolution, reported_state
from h2h.core.states import ANNOUNCED, BEFORE_DELIVERING, In, Out, Pay, may_move
from h2h.core.status import (
    KNOWN_AT_BANK,
    Effect,
    PaymentKey,
    PaymentTarget,
    StatusReport,
    answers_duplicate,
    file_state,
    payment_targets,
)
from h2h.core.words import listed, say
from h2h.ports import File, Told

payments, reports = tables.payments, tables.reports


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
    named = _files_of_message(connection, file.bank, report.original_message_id)
    if len(named) != 1:
        fits = f"fits {len(named)} files of ours" if named else "is none of ours"
        return Told("", (), (f"{name}: message {report.original_message_id} {fits}",))
    ours = named[0]
    if ours.state in BEFORE_DELIVERING:
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
    after = _apply(connection, ours, effect, name, now)
    alarms = tuple(f"{name}: {alarm}" for alarm in effect.alarms)
    return Told(ours.id, steps(before, ours.state, after.state), alarms)


def _files_of_message(connection: Connection, bank: str | None, message_id: str) -> list[File]:
    """Files with this message id that went or may still go, those at the bank before others."""
    query = select_files().where(MAY_GO, files.c.bank == bank, files.c.message_id == message_id)
    found = [file_of(row) for row in connection.execute(query).mappings()] if message_id else []
    return [file for file in found if file.state not in BEFORE_DELIVERING] or found


def too_early(connection: Connection, ours: File, name: str, now: datetime) -> Told:
    """The bank knows a file that we have not announced: somebody must look before it goes."""
    words = say(
        "{name} names file {file}, which was not delivered ({state})",
        name=name,
        file=ours.id,
        state=ours.state.value,
    )
    remedy = say("Ask the bank how it came to it, then release the file or cancel it.")
    problem = Problem(KNOWN_AT_BANK, Severity.HOLD, words, remedy)
    facts = {"problems": (*(p for p in ours.problems if p.rule != KNOWN_AT_BANK), problem)}
    if may_move(ours.state, Out.HELD):
        shift(connection, ours, Out.HELD, now, because=words, facts=facts)
    else:
        set_if_unmoved(connection, ours, facts)
        append(connection, ours.id, ours.state, ours.state, now, "h2h", words, ours.sha256)
    return Told(ours.id, steps(ours.state, Out.HELD), (words,))


def arrived(connection: Connection, ours: File, name: str, now: datetime) -> File:
    """Write `sent` when what names our message proves the arrival of a file in doubt."""
    if ours.state not in ANNOUNCED:
        return ours
    shift(connection, ours, Out.SENT, now, because=say("{name} proves that it arrived", name=name))
    return the_file(connection, ours.id)


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


def _keys(connection: Connection, ours: File) -> list[PaymentKey]:
    columns = ("number", "batch_id", "instruction_id", "end_to_end_id", "amount", "state")
    query = select(*(payments.c[name] for name in columns)).where(payments.c.file_id == ours.id)
    rows = connection.execute(query.order_by(payments.c.number))
    return [
        PaymentKey(number, batch, instruction, end_to_end, plain(amount), Pay(state))
        for number, batch, instruction, end_to_end, amount, state in rows
    ]


def _apply(connection: Connection, ours: File, effect: Effect, name: str, now: datetime) -> File:
    """Write what a report does to payments, then the state of their file that follows."""
    write_targets(connection, ours.id, effect.targets)
    counted = Counter(target.state for target in effect.targets)
    moved = listed(say("{count} {state}", count=n, state=state) for state, n in counted.items())
    words = say("{name}: {moved}", name=name, moved=moved or say("no payment moved"))
    return follow(connection, ours, words, now)


def write_targets(connection: Connection, file_id: str, targets: Sequence[PaymentTarget]) -> None:
    """Write where the payments of a file stand now, and why."""
    written = (
        update(payments)
        .where(payments.c.file_id == file_id, payments.c.number == bindparam("the_number"))
        .values(
            state=bindparam("to_state"), status=bindparam("code"), reason=bindparam("the_reason")
        )
    )
    rows = [
        {
            "the_number": target.number,
            "to_state": target.state.value,
            "code": target.code,
            "the_reason": target.reason,
        }
        for target in targets
    ]
    if rows:
        connection.execute(written, rows)


def follow(connection: Connection, ours: File, words: str, now: datetime) -> File:
    """Move a file to the state that follows from its payments'; chained also when it stays."""
    query = select(payments.c.state).where(payments.c.file_id == ours.id).distinct()
    states = [Pay(state) for state in connection.execute(query).scalars()]
    return note(connection, ours, file_state(states, Out(ours.state)), words, now)


def note(connection: Connection, ours: File, target: Out | None, words: str, now: datetime) -> File:
    """Move a file to `target`; None: it stays, and a link of the chain says why."""
    if target is None:
        append(connection, ours.id, ours.state, ours.state, now, "h2h", words, ours.sha256)
    else:
        shift(connection, ours, target, now, because=words)
    return the_file(connection, ours.id)


# ------------------------------------------------------------------------------- acknowledgements


def _acknowledge(connection: Connection, file: File, text: str, now: datetime) -> Told:
    name = say("acknowledgement {file}", file=file.name)
    named = _files_named_in(connection, file.bank, text)
    if len(named) != 1:
        fits = f"names {len(named)} files of ours" if named else "names no file of ours"
        return Told("", (), (f"{name} {fits}",))
    ours = named[0]
    if ours.state in BEFORE_DELIVERING:
        return too_early(connection, ours, name, now)
    before = ours.state
    ours = arrived(connection, ours, name, now)
    if not may_move(ours.state, Out.ACKNOWLEDGED):  # the bank has said more already
        return Told(ours.id, steps(before, ours.state), ())
    shift(connection, ours, Out.ACKNOWLEDGED, now, because=name)
    return Told(ours.id, steps(before, ours.state, Out.ACKNOWLEDGED), ())


def _files_named_in(connection: Connection, bank: str | None, text: str) -> list[File]:
    """Files whose final name stands in `text` as a whole word.

    LIKE looks first and finds too much (its wildcards, letters of either case), never too little.
    """
    query = select_files().where(
        MAY_GO,
        files.c.bank == bank,
        files.c.final_name != "",
        literal(text).like(literal("%") + files.c.final_name + literal("%")),
    )
    found = [file_of(row) for row in connection.execute(query).mappings()]
    return [file for file in found if _stands_in(file.final_name, text)]


def _stands_in(name: str, text: str) -> bool:
    return bool(re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", text))
