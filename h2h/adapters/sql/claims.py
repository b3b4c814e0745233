"""Where our payments and their files stand: derived from what reports told and what lines claim.

Whoever adds a fact, or takes one back, asks for the derivation here; so it never matters which fact
came first. The functions run within the caller's write transaction.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    select,
    update,
)

from h2h.adapters.sql import tables
from h2h.adapters.sql.store import append, given_values, set_if_unmoved, shift, the_file
from h2h.core.matching import Claim, booked_again
from h2h.core.problem import Problem, Severity
from h2h.core.recall import Answer
from h2h.core.states import REFUSED, How, Out, Pay, may_move, pay_state, proves_arrival
from h2h.core.status import KNOWN_AT_BANK, MEANINGS, file_state
from h2h.core.words import listed, say
from h2h.ports import File

payments, claims = tables.payments, tables.claims
statements, entries = tables.statements, tables.entries
recalls, recalled, moves = tables.recalls, tables.recalled, tables.moves

_PAGE = 5_000  # payments in memory at a time


def among(values: Iterable[str]) -> Select[tuple[str]]:
    """Values to look for, handed over as one: thousands of them cost no more than the look-up."""
    return select(given_values(values).c.value)


@dataclass
class Changes:
    """What a derivation changed: payments by their new state, and what a person must see."""

    counted: Counter[Pay] = field(default_factory=Counter)
    alarms: list[str] = field(default_factory=list)

    def words(self) -> str:
        """`2 booked, 1 returned`, "" for nothing."""
        return listed(
            say("{count} {state}", count=n, state=state) for state, n in self.counted.items()
        )


def derive(connection: Connection, file_id: str, batches: Collection[str] | None = None) -> Changes:
    """Write anew the states of a file's payments, of all or of some batches."""
    changes, last = Changes(), 0
    query = _STANDING.where(payments.c.file_id == file_id).limit(_PAGE)
    if batches is not None:
        query = query.where(payments.c.batch_id.in_(batches))
    while page := connection.execute(query.where(payments.c.number > last)).all():
        first, last = page[0].number, page[-1].number
        _derive(connection, file_id, page, lambda column: column.between(first, last), changes)  # noqa: B023  called at once
    return changes


def derive_some(connection: Connection, file_id: str, numbers: Collection[int]) -> Changes:
    """Write anew the states of some payments of a file."""
    changes = Changes()
    query = _STANDING.where(payments.c.file_id == file_id, payments.c.number.in_(numbers))
    page = connection.execute(query).all()
    _derive(connection, file_id, page, lambda column: column.in_(numbers), changes)
    return changes


_STANDING = select(
    *(payments.c[name] for name in ("number", "batch_id", "end_to_end_id")),
    *(payments.c[name] for name in ("told", "status", "state")),
).order_by(payments.c.number)
_Wanted = Callable[[ColumnElement[int]], ColumnElement[bool]]  # of a column of payments' numbers


def _derive(
    connection: Connection,
    file_id: str,
    page: Sequence[Row[Any]],
    wanted: _Wanted,
    changes: Changes,
) -> None:
    found, batches = _claims(connection, file_id, wanted)
    back = recalled_payments(connection, file_id, wanted)
    moved: list[dict[str, object]] = []
    for row in page:
        hows = found.get(row.number, frozenset()) | batches.get(row.batch_id, frozenset())
        if {How.EXACT, How.RETURN} <= hows and _booked_again(connection, file_id, row.number):
            hows = hows - {How.RETURN}
        state = pay_state(Pay(row.told), hows, recalled=row.number in back)
        if state.value != row.state:
            moved.append({"the_number": row.number, "to_state": state.value})
            changes.counted[state] += 1
            if words := _contradiction(row, state):
                changes.alarms.append(words)
    if moved:
        ours = (payments.c.file_id == file_id) & (payments.c.number == bindparam("the_number"))
        connection.execute(update(payments).where(ours).values(state=bindparam("to_state")), moved)


def _claims(
    connection: Connection, file_id: str, wanted: _Wanted
) -> tuple[Mapping[int, set[How]], Mapping[str, set[How]]]:
    """How lines claim payments by number, and whole batches by their id."""
    numbers: dict[int, set[How]] = defaultdict(set)
    batches: dict[str, set[How]] = defaultdict(set)
    query = select(claims.c.number, claims.c.batch_id, claims.c.how).where(
        claims.c.file_id == file_id, claims.c.how != How.UNCERTAIN.value
    )
    for which in (wanted(claims.c.number), claims.c.number == 0):
        for number, batch_id, how in connection.execute(query.where(which)):
            (numbers[number] if number else batches[batch_id]).add(How(how))
    return numbers, batches


def _booked_again(connection: Connection, file_id: str, number: int) -> bool:
    """Does one kind of report tell of more bookings of a payment than of its returns?"""
    entry = and_(entries.c.statement == claims.c.statement, entries.c.index == claims.c.entry)
    query = (
        select(statements.c.kind, claims.c.statement, claims.c.entry, claims.c.how)
        .add_columns(entries.c.servicer_reference, entries.c.booking_date)
        .join_from(claims, statements, statements.c.key == claims.c.statement)
        .join(entries, entry)
        .where(claims.c.file_id == file_id, claims.c.number == number)
        .where(claims.c.how.in_([How.EXACT.value, How.RETURN.value]))
    )
    return booked_again(
        Claim(kind, statement, entry, How(how), (reference, day))
        for kind, statement, entry, how, reference, day in connection.execute(query)
    )


def recalled_payments(
    connection: Connection, file_id: str, wanted: _Wanted | None = None
) -> Collection[int]:
    """The numbers of a file's payments that the bank has called recalled."""
    query = (
        select(recalled.c.number)
        .join(recalls, recalls.c.file_id == recalled.c.file_id)
        .where(recalls.c.original_id == file_id, recalled.c.answer == Answer.RECALLED.value)
    )
    if wanted is not None:
        query = query.where(wanted(recalled.c.number))
    return {*connection.execute(query).scalars()}


def _contradiction(row: Row[Any], state: Pay) -> str:
    """Money that moved although the bank said that it would not."""
    if state is not Pay.BOOKED or Pay(row.told) not in REFUSED or row.status not in MEANINGS:
        return ""
    name = f"{row.number} ({row.end_to_end_id})"
    return f"payment {name} is booked, and {row.status} said that it is {row.told}"


# ---------------------------------------------------------------------------------------- the file


def arrived(connection: Connection, ours: File, name: str, now: datetime) -> File:
    """Write `sent` when what names our message proves the arrival of a file in doubt."""
    if not is_proof(connection, ours):
        return ours
    shift(connection, ours, Out.SENT, now, because=say("{name} proves that it arrived", name=name))
    return the_file(connection, ours.id)


def is_proof(connection: Connection, ours: File) -> bool:
    """Does what names our message prove its arrival, as far as that is not known yet?"""
    announced = exists().where(moves.c.file_id == ours.id, moves.c.target == Out.DELIVERING.value)
    before = bool(connection.execute(select(announced)).scalar())
    return proves_arrival(ours.state, announced_before=before)


def hold_known(connection: Connection, ours: File, name: str, now: datetime) -> str:
    """Hold a file that the bank knows before we have announced it; why, for a person."""
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
    return words


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
