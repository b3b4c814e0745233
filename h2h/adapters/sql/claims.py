"""Where our payments and their files stand: derived from what reports told and what lines claim.

Whoever adds a fact, or takes one back, asks for the derivation here; so it never matters which fact
came first. The functions run within the caller's write transaction.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    bindparam,
    func,
    select,
    true,
    update,
)

from h2h.adapters.sql import tables
from h2h.adapters.sql.store import append, shift, the_file
from h2h.core.recall import Answer
from h2h.core.states import ANNOUNCED, REFUSED, How, Out, Pay, pay_state
from h2h.core.status import MEANINGS, file_state
from h2h.core.words import listed, say
from h2h.ports import File

payments, claims = tables.payments, tables.claims
recalls, recalled = tables.recalls, tables.recalled

_PAGE = 5_000  # payments in memory at a time


def among(values: Iterable[str]) -> Select[tuple[str]]:
    """Values to look for, handed over as one: thousands of them cost no more than the look-up."""
    given = func.json_each(json.dumps(sorted(values))).table_valued("value")
    return select(given.c.value)


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


def derive(
    connection: Connection, file_id: str, which: ColumnElement[bool] | None = None
) -> Changes:
    """Write anew the states of a file's payments, all or `which`."""
    changes, last = Changes(), 0
    ours = (payments.c.file_id == file_id) & (true() if which is None else which)
    columns = ("number", "batch_id", "end_to_end_id", "told", "status", "state")
    query = select(*(payments.c[name] for name in columns)).order_by(payments.c.number)
    while page := [
        *connection.execute(query.where(ours, payments.c.number > last).limit(_PAGE)).mappings()
    ]:
        last = page[-1]["number"]
        _derive_page(connection, file_id, page, changes)
    return changes


def _derive_page(
    connection: Connection, file_id: str, page: Sequence[RowMapping], changes: Changes
) -> None:
    span = page[0]["number"], page[-1]["number"]
    found, batches = _claims(connection, file_id, *span)
    back = recalled_payments(connection, file_id, *span)
    moved: list[dict[str, object]] = []
    for row in page:
        hows = found.get(row["number"], frozenset()) | batches.get(row["batch_id"], frozenset())
        state = pay_state(Pay(row["told"]), hows, recalled=row["number"] in back)
        if state is not Pay(row["state"]):
            moved.append({"the_number": row["number"], "to_state": state.value})
            changes.counted[state] += 1
            if words := _contradiction(row, state):
                changes.alarms.append(words)
    if moved:
        ours = (payments.c.file_id == file_id) & (payments.c.number == bindparam("the_number"))
        connection.execute(update(payments).where(ours).values(state=bindparam("to_state")), moved)


def _claims(
    connection: Connection, file_id: str, first: int, last: int
) -> tuple[Mapping[int, set[How]], Mapping[str, set[How]]]:
    """How lines claim payments by number, and whole batches by their id."""
    numbers: dict[int, set[How]] = defaultdict(set)
    batches: dict[str, set[How]] = defaultdict(set)
    query = select(claims.c.number, claims.c.batch_id, claims.c.how).where(
        claims.c.file_id == file_id, claims.c.how != How.UNCERTAIN.value
    )
    for wanted in (claims.c.number.between(first, last), claims.c.number == 0):
        for number, batch_id, how in connection.execute(query.where(wanted)):
            (numbers[number] if number else batches[batch_id]).add(How(how))
    return numbers, batches


def recalled_payments(
    connection: Connection, file_id: str, first: int = 1, last: int | None = None
) -> Collection[int]:
    """The numbers of a file's payments that the bank has called recalled."""
    query = (
        select(recalled.c.number)
        .join(recalls, recalls.c.file_id == recalled.c.file_id)
        .where(recalls.c.original_id == file_id, recalled.c.answer == Answer.RECALLED.value)
        .where(recalled.c.number >= first)
    )
    if last is not None:
        query = query.where(recalled.c.number <= last)
    return {*connection.execute(query).scalars()}


def _contradiction(row: RowMapping, state: Pay) -> str:
    """Money that moved although the bank said that it would not."""
    if state is not Pay.BOOKED or Pay(row["told"]) not in REFUSED or row["status"] not in MEANINGS:
        return ""
    name = f"{row['number']} ({row['end_to_end_id']})"
    return f"payment {name} is booked, and {row['status']} said that it is {row['told']}"


# ---------------------------------------------------------------------------------------- the file


def arrived(connection: Connection, ours: File, name: str, now: datetime) -> File:
    """Write `sent` when what names our message proves the arrival of a file in doubt."""
    if ours.state not in ANNOUNCED:
        return ours
    shift(connection, ours, Out.SENT, now, because=say("{name} proves that it arrived", name=name))
    return the_file(connection, ours.id)


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
