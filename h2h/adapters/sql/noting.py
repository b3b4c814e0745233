"""The ledger's rows against the chain: the path of a file, and what was noted on it.

h2h.core.noted says what is noted, and when.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Text,
    bindparam,
    func,
    literal,
    select,
    type_coerce,
    union_all,
)

from h2h.adapters.sql import tables
from h2h.adapters.sql.store import MOVES, file_of, files, moves, select_files
from h2h.core import noted
from h2h.core.approval import AccountSum
from h2h.core.chain import link, record_of
from h2h.core.states import ANNOUNCED, AT_THE_BANK, BEFORE_DELIVERING, Out
from h2h.core.words import listed, say
from h2h.ports import File, MoveRow

payments, sums = tables.payments, tables.account_sums

_CHUNK = 10_000
_MOST_IDS = 500  # in one query
_STREAMED = {"yield_per": _CHUNK}
# What counts against the limits of a day: a held file is judged again when a person releases it,
# and a refused one moves no money.
ON_THE_WAY = sorted(BEFORE_DELIVERING - {Out.CLAIMING, Out.CLAIMED, Out.HELD})
# What is approved goes before what is not yet: each of that is judged with it counted.
BEFORE_APPROVAL = frozenset({Out.VALID, Out.AWAITING_APPROVAL})
PREFERRED = [state for state in ON_THE_WAY if state not in BEFORE_APPROVAL]
GONE = sorted((AT_THE_BANK | ANNOUNCED) - {Out.REJECTED, Out.CANCELLED_BY_BANK})
COUNTING = frozenset({*ON_THE_WAY, *GONE})
_JUDGED = frozenset({Out.AWAITING_APPROVAL, Out.APPROVED})  # policies are asked of its payments


# ------------------------------------------------------------------------------------- the path


def broken_moves(file: File, path: Sequence[MoveRow]) -> str:
    """Why the moves of a file do not lead to where its row has it, in words; "" when they do."""
    state = ""
    for move in path:
        if move.hash != link(move.previous, record_of(move)):
            return say(
                "its move {sequence} was changed after it was written", sequence=move.sequence
            )
        if move.source != state:
            return say(
                "its move {sequence} begins at {source}, but it was {state}",
                sequence=move.sequence,
                source=move.source or say("nothing"),
                state=state or say("nothing"),
            )
        state = move.target
    if state != file.state or not path:
        return say("the chain says {chain}, the ledger {state}", chain=state, state=file.state)
    if path[-1].content != file.sha256:
        return say("the chain tells of other bytes than the ledger")
    return ""


# ------------------------------------------------------------------------------------ the facts


def changed_facts(connection: Connection, file: File, path: Sequence[MoveRow]) -> str:
    """Which facts of an admitted file are not as its path noted them, in words; "": none.

    Its payments, and its sums by account, are read as long as policies have a say.
    """
    told = noted.noted(path)
    if not told.get("payments"):
        return say("the chain tells of no check of it")
    differ = [*noted.differing(file, told)]
    if file.state in _JUDGED:
        differ += _changed_payments(connection, file, told)
    return _words(differ)


def _words(differ: Sequence[str]) -> str:
    if not differ:
        return ""
    facts = listed(noted.WHAT[name] for name in dict.fromkeys(differ))
    return say("this is not as the chain noted it: {facts}", facts=facts)


def _changed_payments(
    connection: Connection, file: File, told: Mapping[str, object]
) -> Iterator[str]:
    digest, counted = noted.Digest(), []
    given = {"the_id": file.id, "the_bytes": file.sha256}
    stream = connection.execute(_JUDGED_BY, given, execution_options=_STREAMED)
    for rows in stream.partitions():
        counted += [row[2:5] for row in rows if row[0] == _SUM]
        digest.add([[*map(str, row[2:])] for row in rows if row[0] != _SUM])
    if digest.hexdigest() != told["payments"]:
        yield "payments"
    if counted and _digest_of(counted) != told["sums"]:
        yield "sums"


def _digest_of(rows: Iterable[Sequence[str]]) -> str:
    """ "" for sums that are none."""
    try:
        return noted.digest_of(AccountSum(row[0], row[1], Decimal(row[2])) for row in rows)
    except (InvalidOperation, TypeError):
        return ""


_SUM, _PAID = 0, 1
_PAYMENT = (  # what core.noted.Digest covers
    payments.c.account,
    payments.c.currency,
    type_coerce(payments.c.amount, Text),  # as it stands there
    payments.c.counterparty_account,
    payments.c.counterparty_name,
)
_JUDGED_BY = union_all(
    select(
        literal(_SUM).label("kind"),
        literal(0).label("number"),
        sums.c.account,
        sums.c.currency,
        type_coerce(sums.c.amount, Text),
        literal(""),
        literal(""),
    ).where(sums.c.file_id == bindparam("the_id"), sums.c.content == bindparam("the_bytes")),
    select(literal(_PAID), payments.c.number, *_PAYMENT).where(
        payments.c.file_id == bindparam("the_id")
    ),
).order_by("number")


def note_of(connection: Connection, file: File) -> str:
    """What the chain is to note of a file that was entered again, as its rows are now."""
    if file.state is Out.HELD:
        return noted.entered(file, None)
    tally = noted.Tally()
    query = select(*_PAYMENT).where(payments.c.file_id == file.id).order_by(payments.c.number)
    stream = connection.execute(query, execution_options=_STREAMED)
    for rows in stream.partitions():
        accounts, currencies, amounts, others, names = zip(*rows, strict=True)
        tally.add((accounts, currencies, [*map(Decimal, amounts)], others, names))
    return noted.entered(file, tally)


# ------------------------------------------------------------------------------------ other files


def doubtful(connection: Connection, file_ids: Collection[str]) -> Iterator[str]:
    """Those of them whose path is broken, or whose payments are not those that it noted."""
    digests = _digests(connection, file_ids)
    for other, path in paths(connection, file_ids):
        noting = noted.noted(path)
        if broken_moves(other, path) or noting.get("payments") != digests[other.id]:
            yield other.id


def doubtful_day(
    connection: Connection,
    bank: str,
    counted: Mapping[str, Sequence[AccountSum]],
    besides: File,
    since: datetime,
) -> str:
    """Why what goes to a bank on a day is not what was `counted` by file, in words; "": it is.

    `since`: when that day began. What the chain tells to have gone must be among it.
    """
    wanted = {*counted, *went_since(connection, since)} - {besides.id}
    for file, path in paths(connection, wanted):
        told = noted.noted(path)
        if file.id in counted:
            differ = [*noted.differing(file, told)]
            if noted.digest_of(counted[file.id]) != told.get("sums"):
                differ.append("sums")
            why = broken_moves(file, path) or _words(differ)
        else:
            counts = told.get("bank") == bank and path[-1].target in COUNTING
            why = say("it went today, but the ledger does not count it") if counts else ""
        if why:
            return say("file {id}: {why}", id=file.id, why=why)
    return ""


def paths(
    connection: Connection, file_ids: Collection[str]
) -> Iterator[tuple[File, Sequence[MoveRow]]]:
    """Each of some files with its moves."""
    links = defaultdict(list)
    for row in _rows(connection, _MOVES_OF, file_ids):
        links[row["file_id"]].append(MoveRow(**row))
    for row in _rows(connection, _FILES, file_ids):
        yield file_of(row), links[row["id"]]


def went_since(connection: Connection, since: datetime) -> set[str]:
    """The files that were announced to their banks since then, as the chain tells."""
    return {*connection.execute(_ANNOUNCED, {"since": since}).scalars()}


def _digests(connection: Connection, file_ids: Collection[str]) -> dict[str, str]:
    found = dict.fromkeys(file_ids, noted.Digest().hexdigest())
    for file_id, rows in groupby(_rows(connection, _PAYMENTS_OF, file_ids), itemgetter("file_id")):
        digest = noted.Digest()
        while chunk := [*islice(rows, _CHUNK)]:
            digest.add([[*map(str, row.values())][1:] for row in chunk])
        found[file_id] = digest.hexdigest()
    return found


def _rows(
    connection: Connection, query: Select[Any], file_ids: Collection[str]
) -> Iterator[RowMapping]:
    ids = sorted(file_ids)
    for start in range(0, len(ids), _MOST_IDS):
        some = {"ids": ids[start : start + _MOST_IDS]}
        yield from connection.execute(query, some, execution_options=_STREAMED).mappings()


def _among(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return column.in_(bindparam("ids", expanding=True))


_FILES = select_files().where(_among(files.c.id))
_MOVES_OF = MOVES.where(_among(moves.c.file_id))
_PAYMENTS_OF = (
    select(payments.c.file_id, *_PAYMENT)
    .where(_among(payments.c.file_id))
    .order_by(payments.c.file_id, payments.c.number)
)
_BEFORE = (  # backwards along the chain: it is never far
    select(moves.c.sequence)
    .where(moves.c.at < bindparam("since"))
    .order_by(moves.c.sequence.desc())
    .limit(1)
    .scalar_subquery()
)
_ANNOUNCED = select(moves.c.file_id).where(
    moves.c.sequence > func.coalesce(_BEFORE, 0), moves.c.target == Out.DELIVERING.value
)
