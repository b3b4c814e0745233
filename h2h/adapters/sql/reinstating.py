"""Entering what the archive proves and a restored ledger forgot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from h2h.adapters.sql import tables
from h2h.adapters.sql.noting import note_of
from h2h.adapters.sql.outgoing import keep_payments
from h2h.adapters.sql.proofs import Proofs
from h2h.adapters.sql.store import append, files, find_file, the_file
from h2h.core.chain import RECOVERED, RECOVERING
from h2h.core.payment import Execution
from h2h.core.problem import Problem, Severity
from h2h.core.recall import Answer
from h2h.core.states import Handed, Out, State
from h2h.errors import Corrupt, Refused
from h2h.ports import ExportRow, File, Reinstated

# Facts of a manifest that are columns of the same name.
_PLAIN = (
    *("direction", "bank", "name", "door", "sha256", "size", "message", "message_id"),
    *("initiating_party", "transactions", "control_sum", "sealed_sha256", "sealed_size"),
    *("attempt", "final_folder", "final_name", "sequence", "duplicate_of", "host", "refusal"),
    *("download", "remote_folder", "remote_name", "remote_size", "remote_mtime", "opened_by"),
)


class Reinstating(Proofs):
    """The writing half of h2h.ports.proof.LedgerProof."""

    def begin_recovery(
        self, common: int, beyond: int, who: str, reason: str, now: datetime
    ) -> None:
        begun = self.recoveries()
        if begun and begun[-1].target == RECOVERING and begun[-1].sequence > beyond:
            return
        with self._writing() as connection:
            append(connection, "", "", RECOVERING, now, who, reason, str(common), beyond=beyond)

    def end_recovery(self, who: str, reason: str, now: datetime) -> None:
        with self._writing() as connection:
            words = f"recovered by {who} because {reason}"
            append(connection, "", RECOVERING, RECOVERED, now, who, words, "")

    def reinstate(self, wish: Reinstated, who: str, now: datetime) -> File:
        try:
            with self._writing() as connection:
                return _reinstate(connection, wish, who, now)
        except IntegrityError as error:
            raise Refused(
                f"the ledger has another file in its place: {error.orig}",
                "Compare the two dossiers; only one of them may go on",
            ) from error


def _reinstate(connection: Connection, wish: Reinstated, who: str, now: datetime) -> File:
    facts, state, because = wish.facts, wish.state, wish.because
    row = _row(facts, state, because)
    file_id = str(facts["file_id"])
    before = find_file(connection, file_id)
    if before is None:
        row |= {"id": file_id, "door_name": str(facts["name"]), "created": _time(facts["created"])}
        connection.execute(insert(files).values(**row))
    else:
        connection.execute(update(files).where(files.c.id == file_id).values(**row))
    source = before.state.value if before else ""
    append(connection, file_id, source, state, now, who, because, str(facts["sha256"]))
    if not _has_payments(connection, file_id):
        keep_payments(connection, file_id, wish.payments)
    _note(connection, the_file(connection, file_id), now)
    _hand_over(connection, file_id, wish.exports)
    _keep_recall(connection, file_id, facts.get("recall"))
    _spend_numbers(connection, facts)
    return the_file(connection, file_id)


def _note(connection: Connection, file: File, now: datetime) -> None:
    """If a payment file goes on, it is judged by what was entered."""
    if file.direction == "out":
        told = note_of(connection, file)
        append(connection, file.id, file.state, file.state, now, "h2h", told, file.sha256)


def _row(facts: Mapping[str, object], state: State, because: str) -> dict[str, object]:
    """The columns that a manifest vouches for. Raises Corrupt when it lacks one of them."""
    try:
        row = {name: facts[name] for name in _PLAIN}
        row |= {name: facts[name] for name in ("dropped_by", "confidential") if name in facts}
        row["executions"] = _executions(facts["executions"])
        row["checked_on"] = _day(facts["checked_on"])
        row["problems"] = tuple(_problems(facts["problems"]))
    except (KeyError, TypeError, ValueError) as error:
        why = f"its manifest does not tell {error}"
        raise Corrupt(why, "Look into the dossier, and enter the file by hand") from error
    held = Out.CLAIMED.value if state is Out.HELD else None
    nothing = {"due_at": None, "due_because": "", "failures": 0}
    return {**row, "state": state.value, "held_from": held, "because": because, **nothing}


def _executions(told: Any) -> tuple[Execution, ...]:  # noqa: ANN401 - as JSON gives it
    return tuple(Execution(date.fromisoformat(day), *rest) for day, *rest in told)


def _problems(told: Any) -> Iterator[Problem]:  # noqa: ANN401 - as JSON gives it
    for each in told:
        yield Problem(**{**each, "severity": Severity(each["severity"])})


def _day(told: object) -> date | None:
    return date.fromisoformat(str(told)) if told else None


def _time(told: object) -> datetime:
    return datetime.fromisoformat(str(told))


def _has_payments(connection: Connection, file_id: str) -> bool:
    table = tables.payments
    query = select(table.c.number).where(table.c.file_id == file_id).limit(1)
    return connection.execute(query).first() is not None


def _hand_over(connection: Connection, file_id: str, exports: Sequence[ExportRow]) -> None:
    """What the ERP has is not handed over again when the file is booked anew."""
    table = tables.exports
    for row in exports:
        if row.state is Handed.DONE:
            same = (table.c.subject == row.subject) & (table.c.receiver == row.receiver)
            connection.execute(delete(table).where(same))
            connection.execute(insert(table).values(**{**asdict(row), "file_id": file_id}))


def _keep_recall(connection: Connection, file_id: str, told: Any) -> None:  # noqa: ANN401 - as JSON gives it
    """What a recall asks back; the bank's answers are told again by its files."""
    table = tables.recalls
    there = select(table.c.file_id).where(table.c.file_id == file_id)
    if not told or connection.execute(there).first():
        return
    facts = {name: told[name] for name in ("original_id", "scope", "code", "reason", "who")}
    connection.execute(insert(table).values(file_id=file_id, at=_time(told["at"]), **facts))
    asked = [
        {"file_id": file_id, "number": number, "answer": Answer.ASKED.value}
        for number in told["numbers"]
    ]
    if asked:
        connection.execute(insert(tables.recalled), asked)


def _spend_numbers(connection: Connection, facts: Mapping[str, object]) -> None:
    """A number that was in a file's name is not given out again."""
    number, bank, table = facts.get("sequence"), facts.get("bank"), tables.sequences
    if not isinstance(number, int) or not bank:
        return
    ours = table.c.bank == bank
    last = connection.execute(select(func.max(table.c.last)).where(ours)).scalar()
    if last is None:
        connection.execute(insert(table).values(bank=bank, last=number))
    elif last < number:
        connection.execute(update(table).where(ours).values(last=number))
