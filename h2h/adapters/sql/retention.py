"""Retention in the ledger: what is past its time, legal holds, and what is erased of its rows.

Amounts, dates, states, references and hashes stay: the books, the matching of payments and the
rules against sending twice stand on them. Names, accounts of others, and what people wrote go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    func,
    insert,
    select,
    update,
)

from h2h.adapters.sql import tables
from h2h.adapters.sql.operators import (
    RETENTION,
    UNHOLD,
    decided_proposal,
    insist_second,
    open_proposal,
    proposal_of,
    propose_change,
    set_decided,
)
from h2h.adapters.sql.store import Store, append, find_file, moves
from h2h.core import retention
from h2h.core.books import account_key
from h2h.core.fingerprints import digest
from h2h.core.recall import Answer
from h2h.core.retention import Expired, Hold, Retained, kind_of, list_hash
from h2h.core.states import IN_FINAL, SETTLED, Handed, In, Kept
from h2h.core.words import say
from h2h.errors import Corrupt, Refused
from h2h.ports import Erasure, Proposal

files, payments, entries = tables.files, tables.payments, tables.entries
statements, claims, told = tables.statements, tables.claims, tables.told
exports, recalls, recalled = tables.exports, tables.recalls, tables.recalled
documents, hand_overs, proposals = tables.documents, tables.hand_overs, tables.proposals
erasures, legal_holds = tables.erasures, tables.legal_holds

_ROWS = 5_000  # rewritten at once
_FINAL = SETTLED | IN_FINAL
# What of the transactions behind an entry stays: figures, codes, and ids of messages of ours.
_STAYS = frozenset(
    {"amount", "currency", "charges", "exchange", "message_id", "batch_id", "instruction_id"}
    | {"end_to_end_id", "servicer_reference", "transaction_id", "uetr", "return_reason"}
    | {"debtor_agent", "creditor_agent", "purpose"}
)


class RetentionRows(Store):
    """h2h.ports.retention.Retention."""

    def retained(self, before: date) -> Sequence[Retained]:
        came = files.c.created < datetime.combine(before, time.min, UTC)
        begun = select(erasures.c.file_id).where(erasures.c.begun.is_not(None))
        with self._reading() as connection:
            return list(_retained(connection, came & files.c.id.not_in(begun)))

    def erased(self, file_id: str) -> bool:
        ours = (erasures.c.file_id == file_id) & erasures.c.begun.is_not(None)
        with self._reading() as connection:
            return connection.execute(select(erasures.c.file_id).where(ours)).first() is not None

    # -- holds

    def holds(self) -> Sequence[Hold]:
        with self._reading() as connection:
            return _holds(connection)

    def hold(self, wish: Hold, now: datetime) -> Hold:
        with self._writing() as connection:
            if wish.file_id and find_file(connection, wish.file_id) is None:
                words = say("there is no file {id}", id=wish.file_id)
                raise Refused(words, say("`h2h archive find` lists the ids"))
            newest = connection.execute(select(func.max(legal_holds.c.id))).scalar() or 0
            made = replace(wish, id=newest + 1)
            row = {name: getattr(made, name) for name in Hold.__slots__}
            connection.execute(insert(legal_holds).values(**row, at=now))
            told = f"hold {made.id}: {made.reason}"
            _of_room(connection, retention.HELD, now, made.who, told, _digest(made))
            return made

    def propose_unhold(self, number: int, who: str, reason: str, now: datetime) -> Proposal:
        with self._writing() as connection:
            hold = _the_hold(connection, number)
            mine = (proposals.c.kind == UNHOLD) & (proposals.c.subject == str(number))
            waiting = select(proposals.c.id).where(mine, proposals.c.outcome == "")
            if (change := connection.execute(waiting).scalar()) is not None:
                words = say(
                    "change {change} lifts hold {number} already", change=change, number=number
                )
                raise Refused(words, say("A second person has to confirm it"))
            facts = {"sha256": [_digest(hold)], "hold": [hold.reason]}
            row = propose_change(connection, UNHOLD, str(number), facts, "", who, reason, now)
            return proposal_of(row)

    def unhold(self, change: int, who: str, reason: str, now: datetime) -> Proposal:
        with self._writing() as connection:
            row = open_proposal(connection, change)
            if row["kind"] != UNHOLD:
                words = say("change {number} lifts no legal hold", number=change)
                raise Refused(words, say("`h2h retention list` shows what waits"))
            insist_second(row, who)
            hold = _the_hold(connection, int(row["subject"]))
            set_decided(connection, change, "confirmed", who, now)
            ours = update(legal_holds).where(legal_holds.c.id == hold.id)
            connection.execute(ours.values(lifted=now))
            told = f"hold {hold.id} of {hold.who}, change {change} of {row['who']}: {reason}"
            _of_room(connection, retention.UNHELD, now, who, told, _digest(hold))
            return decided_proposal(connection, change)

    # -- lists by two persons

    def propose_erasure(
        self, files: Sequence[Expired], as_of: date, who: str, reason: str, now: datetime
    ) -> Proposal:
        facts = {
            "files": [str(len(files))],
            "as_of": [as_of.isoformat()],
            "sha256": [list_hash(files)],
        }
        with self._writing() as connection:
            waits = (proposals.c.kind == RETENTION) & (proposals.c.outcome == "")
            for number in connection.execute(select(proposals.c.id).where(waits)).scalars().all():
                set_decided(connection, number, "superseded", who, now)
            subject = f"{len(files)} files"
            row = propose_change(connection, RETENTION, subject, facts, "", who, reason, now)
            return proposal_of(row)

    def confirm_erasure(
        self, number: int, files: Sequence[Expired], who: str, reason: str, now: datetime
    ) -> Proposal:
        with self._writing() as connection:
            row = open_proposal(connection, number)
            if row["kind"] != RETENTION:
                words = say("change {number} is no list of files to erase", number=number)
                raise Refused(words, say("`h2h retention list` shows what waits"))
            insist_second(row, who)
            (agreed,) = row["details"]["sha256"]
            if list_hash(files) != agreed:
                words = say("the list has changed since it was proposed")
                raise Refused(words, say("Look at it, and propose it anew"))
            set_decided(connection, number, "confirmed", who, now)
            rows = [
                {
                    "list": number,
                    "file_id": each.file.file_id,
                    "hash": agreed,
                    "last_move": each.file.last_move,
                }
                for each in files
            ]
            connection.execute(insert(erasures), rows)
            told = f"list {number} of {row['who']}, {len(files)} files: {reason}"
            _of_room(connection, retention.CONFIRMED, now, who, told, agreed)
            return decided_proposal(connection, number)

    # -- erasing

    def to_erase(self) -> Sequence[Erasure]:
        begun = erasures.c.begun.is_not(None)
        query = select(erasures.c.file_id, erasures.c.list, erasures.c.hash, begun)
        query = query.where(erasures.c.ended.is_(None))
        with self._reading() as connection:
            rows = connection.execute(query.order_by(erasures.c.list, erasures.c.file_id))
            return [Erasure(*row) for row in rows]

    def begin_erasure(self, erasure: Erasure, now: datetime) -> str:
        with self._writing() as connection:
            row = connection.execute(select(erasures).where(_this(erasure))).mappings().one()
            if row["begun"] is not None:
                return ""
            why = _stays(connection, erasure.file_id, row["last_move"])
            facts = {"ended": now, "kept": str(why)} if why else {"begun": now}
            connection.execute(update(erasures).where(_this(erasure)).values(**facts))
            if why:
                words = f"list {erasure.number}, {erasure.file_id}: {why}"
                _of_room(connection, retention.KEPT, now, "h2h", words, "")
                return why
            found = select(proposals).where(proposals.c.id == erasure.number)
            change = proposal_of(connection.execute(found).mappings().one())
            by = (change.who, change.decided_by, change.reason)
            words = retention.erasing_words(erasure.number, erasure.hash, *by)
            _of_file(connection, erasure.file_id, now, words)
            _erase_rows(connection, erasure.file_id)
            return ""

    def end_erasure(self, erasure: Erasure, now: datetime) -> None:
        open_ = _this(erasure) & erasures.c.ended.is_(None)
        with self._writing() as connection:
            if connection.execute(update(erasures).where(open_).values(ended=now)).rowcount:
                words = retention.erased_words(erasure.number, erasure.hash)
                _of_file(connection, erasure.file_id, now, words)


def _this(erasure: Erasure) -> ColumnElement[bool]:
    return (erasures.c.list == erasure.number) & (erasures.c.file_id == erasure.file_id)


def _of_room(
    connection: Connection, target: str, now: datetime, who: str, words: str, content: str
) -> None:
    append(connection, "", "", target, now, who, words, content)


def _of_file(connection: Connection, file_id: str, now: datetime, words: str) -> None:
    file = find_file(connection, file_id)
    assert file is not None  # noqa: S101 - erasures refer to files
    append(connection, file_id, file.state, file.state, now, "h2h", words, file.sha256)


# ------------------------------------------------------------------------------------------- holds


def _holds(connection: Connection) -> list[Hold]:
    """Those that stand. Raises Corrupt when a hand changed them: the chain tells of each."""
    columns = (legal_holds.c[name] for name in Hold.__slots__)
    query = select(*columns).where(legal_holds.c.lifted.is_(None)).order_by(legal_holds.c.id)
    standing = [Hold(*row) for row in connection.execute(query)]
    of_room = moves.c.file_id.is_(None) & moves.c.target.in_((retention.HELD, retention.UNHELD))
    links = connection.execute(select(moves.c.target, moves.c.content).where(of_room)).all()
    lifted = {link.content for link in links if link.target == retention.UNHELD}
    if {link.content for link in links} - lifted != {_digest(each) for each in standing}:
        words = say("the legal holds are not those that the chain tells of")
        raise Corrupt(words, say("Nothing is erased; `h2h archive verify` tells more"))
    return standing


def _the_hold(connection: Connection, number: int) -> Hold:
    found = [each for each in _holds(connection) if each.id == number]
    if not found:
        words = say("there is no hold {number}", number=number)
        raise Refused(words, say("`h2h retention list` shows those that stand"))
    return found[0]


def _digest(hold: Hold) -> str:
    facts = {name: getattr(hold, name) for name in Hold.__slots__}
    return digest({name: fact and str(fact) for name, fact in facts.items()})


# ------------------------------------------------------------------------------- past its time


@dataclass
class _Found:
    """What the tables tell of one file."""

    accounts: set[str] = field(default_factory=set)
    days: set[date] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    needed: list[str] = field(default_factory=list)
    told: bool = False


def _retained(connection: Connection, wanted: ColumnElement[bool]) -> Iterator[Retained]:
    ours = select(files.c.id).where(wanted)
    found: Mapping[str, _Found] = defaultdict(_Found)
    for file_id, account in _accounts(connection, ours):
        found[file_id].accounts.add(account)
    for row in connection.execute(select(statements).where(statements.c.file_id.in_(ours))):
        _statement(found[row.file_id], row)
    reports = select(told.c.report_id).where(told.c.report_id.in_(ours)).distinct()
    for file_id in connection.execute(reports).scalars().all():
        found[file_id].told = True
    for file_id, why in _needs(connection, ours):
        found[file_id].needed.append(why)
    columns = ("id", "direction", "state", "sha256", "last_move", "recorded", "message", "created")
    asked = (*(files.c[name] for name in (*columns, "executions", "remote_done")), moves.c.at)
    joined = files.join(moves, moves.c.sequence == files.c.last_move)
    for row in connection.execute(select(*asked).select_from(joined).where(wanted)).all():
        yield _one(row, found[row.id])


def _one(row: Row[Any], found: _Found) -> Retained:
    came = row.created.date()
    days = found.days | {came} | {each.day for each in row.executions}
    final = row.state in {state.value for state in _FINAL}
    needed = list(found.needed)
    if not final:
        needed.append(say("it is {state}, which is not final", state=row.state))
    if row.direction == "in" and not row.remote_done:
        needed.append(say("it is to be removed at the bank first"))
    if row.recorded < row.last_move:
        needed.append(say("its dossier does not show its newest move yet"))
    read = row.state != In.QUARANTINED.value
    return Retained(
        row.id,
        row.sha256,
        row.last_move,
        kind_of(row.direction, row.message, found.kinds, told=found.told, read=read),
        frozenset(found.accounts - {""}),
        min(days),
        max(*days, row.at.date()),
        needed[0] if needed else "",
    )


def _statement(found: _Found, row: Row[Any]) -> None:
    found.accounts.add(row.account)
    found.kinds.add(row.kind)
    found.days |= {row.period_from, row.period_to, row.as_of} - {None}
    if row.kept == Kept.HELD.value or (row.waits and row.kept == Kept.BOOKED.value):
        found.needed.append(say("a statement in it waits for a person"))


def _accounts(connection: Connection, ours: Select[Any]) -> Iterator[tuple[str, str]]:
    """Whose a file is, where no statement in it tells: of its payments, of those that it recalls
    or reports on, and of the entry that a document belongs to."""
    paid = select(payments.c.file_id, payments.c.account)
    yield from _pairs(connection, paid.where(payments.c.file_id.in_(ours)))
    asked = select(recalls.c.file_id, payments.c.account)
    asked = asked.join(payments, payments.c.file_id == recalls.c.original_id)
    yield from _pairs(connection, asked.where(recalls.c.file_id.in_(ours)))
    reported = select(told.c.report_id.label("file_id"), payments.c.account)
    reported = reported.join(payments, payments.c.file_id == told.c.file_id)
    yield from _pairs(connection, reported.where(told.c.report_id.in_(ours)))
    same = entries.c.servicer_reference == documents.c.reference
    shown = (statements.c.key == entries.c.statement) & (statements.c.bank == documents.c.bank)
    belongs = select(documents.c.file_id, statements.c.account)
    belongs = belongs.select_from(documents.join(entries, same).join(statements, shown))
    yield from _pairs(
        connection,
        belongs.where(documents.c.file_id.in_(ours), documents.c.reference != ""),
    )


def _pairs(connection: Connection, query: Select[Any]) -> Iterator[tuple[str, str]]:
    for row in connection.execute(query.distinct()):
        yield row.file_id, account_key(row.account)


def _needs(connection: Connection, ours: Select[Any]) -> Iterator[tuple[str, str]]:
    """For what the ERP or the bank needs a file still."""
    undone = (exports.c.state != Handed.DONE.value) & exports.c.file_id.in_(ours)
    for (file_id,) in connection.execute(select(exports.c.file_id).where(undone)):
        yield file_id, say("the ERP does not have all of it yet")
    handing = select(hand_overs.c.file_id).where(hand_overs.c.file_id.in_(ours))
    for (file_id,) in connection.execute(handing):
        yield file_id, say("the ERP does not have all of it yet")
    unanswered = recalled.c.answer.in_((Answer.ASKED.value, Answer.PENDING.value))
    query = select(recalls.c.original_id, recalls.c.file_id).join(
        recalled, recalled.c.file_id == recalls.c.file_id
    )
    either = recalls.c.original_id.in_(ours) | recalls.c.file_id.in_(ours)
    for original, recall in connection.execute(query.where(unanswered, either)):
        yield original, say("the bank has not answered a recall of it")
        yield recall, say("the bank has not answered it")


def _stays(connection: Connection, file_id: str, last_move: int) -> str:
    """Why a file of a confirmed list must stay now; "" when it may go."""
    (file,) = _retained(connection, files.c.id == file_id)
    if file.last_move != last_move:
        return say("it moved since the list was made")
    return file.needed or retention.held(file, _holds(connection))


# ------------------------------------------------------------------------------------------ erasing


def _erase_rows(connection: Connection, file_id: str) -> None:
    """What is personal in the rows of one file."""
    names = ("counterparty_account", "counterparty_name", "remittance", "reason", "payee_name")
    paid = update(payments).where(payments.c.file_id == file_id)
    connection.execute(paid.values(**dict.fromkeys(names, ""), similar_key=b""))
    reports = (told.c.report_id == file_id) | (told.c.file_id == file_id)
    connection.execute(update(told).where(reports).values(reason=""))
    connection.execute(update(recalled).where(recalled.c.file_id == file_id).values(reason=""))
    keys = select(statements.c.key).where(statements.c.file_id == file_id)
    tied = (claims.c.file_id == file_id) | claims.c.statement.in_(keys)
    connection.execute(update(claims).where(tied).values(why=""))
    for key in connection.execute(keys).scalars().all():
        _erase_entries(connection, key)
    connection.execute(update(files).where(files.c.id == file_id).values(problems=()))


def _erase_entries(connection: Connection, key: int) -> None:
    """The transactions behind each entry keep their figures and references alone."""
    mine = entries.c.statement == key
    query = select(entries.c.index.label("number"), entries.c.details).where(mine)
    rewritten = update(entries).where(mine, entries.c.index == bindparam("the_index"))
    rewritten = rewritten.values(details=bindparam("told"), additional_information="")
    rows = connection.execute(query).all()
    changes = [{"the_index": row.number, "told": _figures(row.details)} for row in rows]
    for at in range(0, len(changes), _ROWS):
        connection.execute(rewritten, changes[at : at + _ROWS])


def _figures(details: str) -> str:
    found = orjson.loads(details)
    kept = [{name: fact for name, fact in each.items() if name in _STAYS} for each in found]
    return orjson.dumps(kept).decode()
