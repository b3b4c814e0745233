"""What booked lines of an account say of our payments, applied to them.

The functions here run within the write transaction that books the statement.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, RowMapping, select, update

from h2h.adapters.sql import tables
from h2h.adapters.sql.answers import arrived, follow
from h2h.adapters.sql.store import file_of, files, select_files, the_file
from h2h.core.matching import NAMELESS, Candidate, Line, state_after, the_payment
from h2h.core.statement import Entry
from h2h.core.states import ANNOUNCED, AT_THE_BANK, Pay
from h2h.ports import File

payments, statements, entries = tables.payments, tables.statements, tables.entries

_CHUNK = 500  # lines looked up in one statement
_REACHED = sorted(ANNOUNCED | AT_THE_BANK)
_Moved = dict[tuple[str, int], Pay]  # (file id, payment number) -> its new state


def concerns_us(connection: Connection, bank: str | None, found: Sequence[Entry]) -> bool:
    """May any of these entries be a payment of ours?"""
    return bool(found)


def unsettle(connection: Connection, statement_id: str, now: datetime) -> None:
    """Take back what a statement said of our payments."""


def settle(
    connection: Connection,
    file: File,
    statement_id: str,
    now: datetime,
    spans: Sequence[tuple[int, int]] | None = None,
) -> None:
    """Let the booked lines of a statement of `file` say what became of our payments.

    A line that names our message, or is exactly one of our payments, proves the arrival of a file
    in doubt. A debit that is exactly one payment makes it booked, a return makes it returned.
    """
    lines = [line for line in _lines(connection, statement_id) if line.named]
    lines.sort(
        key=lambda line: bool(line.return_reason)
    )  # a payment is booked before it comes back
    name = f"statement {statement_id}"
    for start in range(0, len(lines), _CHUNK):
        chunk = lines[start : start + _CHUNK]
        for ours in _named_in_doubt(connection, file.bank, chunk):
            arrived(connection, ours, name, now)
        moved = _moved(chunk, _candidates(connection, file.bank, chunk))
        _write(connection, moved, name, now)


def _lines(connection: Connection, statement_id: str) -> Iterator[Line]:
    query = (
        select(entries, statements.c.account)
        .join(statements, statements.c.key == entries.c.statement)
        .where(statements.c.id == statement_id, entries.c.status == "BOOK")
        .order_by(entries.c.index)
    )
    for row in connection.execute(query).mappings():
        details = json.loads(row["details"])
        for detail in details or [{}]:
            yield _line(row, detail, alone=len(details) <= 1)


def _line(entry: RowMapping, detail: Mapping[str, str | None], *, alone: bool) -> Line:
    """A detail takes its direction from the entry, and its amount too when it stands alone."""
    amount, currency = entry["amount"], entry["currency"]
    if written := detail.get("amount"):
        amount = Decimal(written).copy_abs().copy_sign(amount)
        currency = detail.get("currency") or currency
    return Line(
        account=entry["account"],
        amount=amount,
        currency=currency,
        message_id=detail.get("message_id") or entry["batch_message_id"],
        end_to_end_id=(detail.get("end_to_end_id") or "") if written or alone else "",
        return_reason=detail.get("return_reason") or "",
    )


def _named_in_doubt(connection: Connection, bank: str | None, lines: Sequence[Line]) -> list[File]:
    """The files in doubt whose message ids the lines name."""
    named = {line.message_id for line in lines} - NAMELESS
    query = select_files().where(
        files.c.direction == "out",
        files.c.bank == bank,
        files.c.message_id.in_(named),
        files.c.state.in_(sorted(ANNOUNCED)),
    )
    found = [file_of(row) for row in connection.execute(query).mappings()]
    ids = Counter(file.message_id for file in found)
    return [file for file in found if ids[file.message_id] == 1]


def _candidates(
    connection: Connection, bank: str | None, lines: Sequence[Line]
) -> Mapping[str, list[Candidate]]:
    """Our payments at this bank that bear one of the EndToEndIds, by that id."""
    wanted = {line.end_to_end_id for line in lines} - NAMELESS
    columns = ("number", "end_to_end_id", "amount", "currency", "account", "state")
    query = (
        select(
            files.c.id, files.c.message, files.c.message_id, *(payments.c[name] for name in columns)
        )
        .join(files, files.c.id == payments.c.file_id)
        .where(payments.c.end_to_end_id.in_(wanted))
        .where(files.c.bank == bank, files.c.state.in_(_REACHED))
    )
    found: dict[str, list[Candidate]] = defaultdict(list)
    for row in connection.execute(query):
        facts = {name: getattr(row, name) for name in columns} | {"state": Pay(row.state)}
        collection = row.message.startswith("pain.008")
        found[row.end_to_end_id].append(
            Candidate(file_id=row.id, message_id=row.message_id, collection=collection, **facts)
        )
    return found


def _moved(lines: Sequence[Line], candidates: Mapping[str, list[Candidate]]) -> _Moved:
    moved: _Moved = {}
    for line in lines:
        found = the_payment(line, candidates.get(line.end_to_end_id, ()))
        if found is None:
            continue
        key = (found.file_id, found.number)
        target = state_after(line, found, moved.get(key, found.state))
        if target is not None:
            moved[key] = target
    return moved


def _write(connection: Connection, moved: _Moved, name: str, now: datetime) -> None:
    """The payments' new states, then for each of their files what follows, chained."""
    by_file: dict[str, Counter[Pay]] = defaultdict(Counter)
    for (file_id, number), state in moved.items():
        ours = (payments.c.file_id == file_id) & (payments.c.number == number)
        connection.execute(update(payments).where(ours).values(state=state.value))
        by_file[file_id][state] += 1
    for file_id, counted in by_file.items():
        words = ", ".join(f"{number} {state}" for state, number in counted.items())
        ours_now = arrived(connection, the_file(connection, file_id), name, now)
        follow(connection, ours_now, f"{name}: {words}", now)
