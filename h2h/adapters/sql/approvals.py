"""Approvals in the ledger: what a file was asked for, who said yes, what the chain says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
)

from h2h.adapters.sql import tables
from h2h.adapters.sql.noting import (
    BEFORE_APPROVAL,
    GONE,
    ON_THE_WAY,
    PREFERRED,
    broken_moves,
    changed_facts,
    doubtful,
    doubtful_day,
)
from h2h.adapters.sql.operators import fingerprint_of, first_operator
from h2h.adapters.sql.prepared import Prepared
from h2h.adapters.sql.store import (
    Store,
    append,
    file_of,
    files,
    moves,
    moves_of,
    select_files,
    set_if_unmoved,
    shift,
    the_file,
)
from h2h.core.approval import AccountSum, Demand, Group, missing
from h2h.core.money import total
from h2h.core.operators import Act, may
from h2h.core.states import Out
from h2h.core.words import say, sentences
from h2h.errors import Corrupt, Refused
from h2h.ports import Approval, Asked, Creditors, File, MoveRow, Progress

payments, sums = tables.payments, tables.account_sums
demands, approvals, operators = tables.demands, tables.approvals, tables.operators

# Whom a file in one of these pays is known: a person has looked at it, or nobody had to.
_KNOWN = sorted({*GONE, Out.APPROVED, Out.SEALED, Out.STAGED})
_CHUNK = 10_000
_MOST_IDS = 500  # in one query
_TOLD = "operator-"  # how the links of the chain that tell of operators begin


class ApprovalRows(Store):
    """h2h.ports.Approvals."""

    # -- what a file is judged by

    def account_sums(self, file: File) -> Sequence[AccountSum]:
        with self._writing() as connection:
            return _sums(connection, file)

    def sums_gone(
        self, bank: str, day: date, besides: File, since: datetime
    ) -> Sequence[AccountSum]:
        others = select_files().where(files.c.bank == bank, files.c.id != besides.id)
        ahead = besides.state not in BEFORE_APPROVAL
        counting = or_(
            files.c.state.in_(PREFERRED if ahead else ON_THE_WAY),
            and_(files.c.checked_on == day, files.c.state.in_(GONE)),
        )
        with self._writing() as connection:
            rows = connection.execute(others.where(counting)).mappings().all()
            counted = {row["id"]: _sums(connection, file_of(row)) for row in rows}
            if why := doubtful_day(connection, bank, counted, besides, since):
                words = say("what goes to {bank} today is not known, {why}", bank=bank, why=why)
                raise Corrupt(
                    words, say("Find out who changed the ledger, see `h2h archive verify`")
                )
            return [one for each in counted.values() for one in each]

    def creditors(self, file: File) -> Creditors:
        other = and_(
            _EARLIER.c.file_id == files.c.id,
            files.c.state.in_(_KNOWN),
            _EARLIER.c.file_id != file.id,
        )
        paid = and_(other, _EARLIER.c.counterparty_account == payments.c.counterparty_account)
        earlier = _EARLIER
        named = exists().where(
            other,
            func.lower(earlier.c.counterparty_name) == tables.CREDITOR,  # by its index
            earlier.c.counterparty_name == payments.c.counterparty_name,
            earlier.c.counterparty_name != "",
        )
        with self._reading() as connection:
            account = exists().where(paid, files.c.id.not_in(_untold(connection, file, paid)))
            new = (
                select(payments.c.counterparty_account, payments.c.counterparty_name)
                .where(payments.c.file_id == file.id, ~account)
                .distinct()
                .subquery("new")
            )
            count = select(func.count(new.c.counterparty_account.distinct()))
            changed = select(func.count(payments.c.counterparty_account.distinct())).where(
                payments.c.file_id == file.id, ~account, named
            )
            return Creditors(
                connection.execute(count).scalar() or 0, connection.execute(changed).scalar() or 0
            )

    # -- asking

    def ask_approval(
        self, file: File, demand: Demand, terms: str, involved: Sequence[str], now: datetime
    ) -> File | None:
        because = sentences(demand.reasons)
        row = {
            "file_id": file.id,
            "content": file.sha256,
            "terms": terms,
            "count": demand.count,
            "groups": [[group.count, sorted(group.members)] for group in demand.groups],
            "because": because,
            "involved": tuple(involved),
            "at": now,
        }
        with self._writing() as connection:
            if not set_if_unmoved(connection, file, {"because": because}):
                return None
            connection.execute(delete(demands).where(demands.c.file_id == file.id))
            connection.execute(insert(demands).values(**row))
            if file.state is Out.AWAITING_APPROVAL:
                state = file.state
                append(connection, file.id, state, state, now, "h2h", because, file.sha256)
            else:
                shift(connection, file, Out.AWAITING_APPROVAL, now, because=because)
            return the_file(connection, file.id)

    def asked_of(self, file_id: str) -> Asked | None:
        with self._reading() as connection:
            return _asked(connection, file_id)

    def approvals(self, file_id: str) -> Sequence[Approval]:
        with self._reading() as connection:
            return _approvals(connection, file_id)

    def counting(self, asked: Asked) -> Sequence[Approval]:
        with self._reading() as connection:
            return _counting(connection, asked)

    def progress(self, file_ids: Sequence[str]) -> Mapping[str, Progress]:
        with self._reading() as connection:
            wanted = demands.c.file_id.in_(bindparam("ids", expanding=True))
            asked = [_demand(row) for row in _rows(connection, _DEMANDS.where(wanted), file_ids)]
            wanted = approvals.c.file_id.in_(bindparam("ids", expanding=True))
            given = [
                Approval(**row) for row in _rows(connection, _APPROVALS.where(wanted), file_ids)
            ]
            gone = _gone(connection, {each.operator for each in given})
        by_file = defaultdict(list)
        for each in given:
            by_file[each.file_id].append(each)
        return {each.file_id: _progress(each, by_file[each.file_id], gone) for each in asked}

    def waiting_for(self, asked: Asked) -> str:
        with self._reading() as connection:
            return _waiting_for(connection, asked)

    # -- approving

    def approve(
        self, file: File, content: str, terms: str, who: str, reason: str, now: datetime
    ) -> File | None:
        with self._writing() as connection:
            if not set_if_unmoved(connection, file, {"state": file.state.value}):
                return None
            asked = _asked(connection, file.id)
            if asked is None or (asked.content, asked.terms) != (content, terms):
                words = say("{id} is not what you looked at any more", id=file.id)
                raise Refused(words, say("Look at it with `h2h show`, then decide"))
            if who in {each.operator for each in _counting(connection, asked)}:
                words = say("{who} has approved {id} already", who=who, id=file.id)
                raise Refused(words, say("Another person has to approve it"))
            state = file.state
            append(connection, file.id, state, state, now, who, _yes(terms, reason), content)
            row = {"file_id": file.id, "operator": who, "content": content, "terms": terms}
            move = the_file(connection, file.id).last_move
            connection.execute(insert(approvals).values(**row, reason=reason, at=now, move=move))
            if not _waiting_for(connection, asked):
                words = say("approved by {names}", names=", ".join(_names(connection, asked)))
                shift(connection, the_file(connection, file.id), Out.APPROVED, now, because=words)
            return the_file(connection, file.id)

    # -- proof

    def broken_path(self, file: File) -> str:
        with self._reading() as connection:
            path = moves_of(connection, file.id)
            given = _approvals(connection, file.id)
            strange = _strange_operators(connection, given)
            return (
                broken_moves(file, path)
                or _broken_approvals(given, path)
                or strange
                or changed_facts(connection, file, path)
            )


# -------------------------------------------------------------------------------------- approvals


def _yes(terms: str, reason: str) -> str:
    """What the chain says of an approval: a text, so that it can be compared by itself."""
    return f"approved under {terms}: {reason}"


def _asked(connection: Connection, file_id: str) -> Asked | None:
    found = connection.execute(_DEMANDS.where(demands.c.file_id == file_id)).mappings().first()
    return None if found is None else _demand(found)


def _demand(row: RowMapping) -> Asked:
    groups = tuple(Group(count, frozenset(members)) for count, members in row["groups"])
    return Asked(**{**row, "groups": groups})


def _approvals(connection: Connection, file_id: str) -> list[Approval]:
    return [Approval(*row) for row in _APPROVALS_OF_FILE.rows(connection, {"the_id": file_id})]


def _rows(
    connection: Connection, query: Select[Any], file_ids: Sequence[str]
) -> Iterator[RowMapping]:
    for start in range(0, len(file_ids), _MOST_IDS):
        ids = list(file_ids[start : start + _MOST_IDS])
        yield from connection.execute(query, {"ids": ids}).mappings()


_DEMANDS = select(*(demands.c[field.name] for field in fields(Asked)))
_APPROVALS = select(*(approvals.c[field.name] for field in fields(Approval))).order_by(
    approvals.c.move
)
_APPROVALS_OF_FILE = Prepared(_APPROVALS.where(approvals.c.file_id == bindparam("the_id")))


def _counting(connection: Connection, asked: Asked) -> list[Approval]:
    """Those for exactly this content under exactly these terms, by who may still approve.

    Users of the machine, from before there were operators, have no role to lose.
    """
    given = _approvals(connection, asked.file_id)
    return _standing(asked, given, _gone(connection, {each.operator for each in given}))


def _standing(asked: Asked, given: Sequence[Approval], gone: Collection[str]) -> list[Approval]:
    wanted = (asked.content, asked.terms)
    mine = [each for each in given if (each.content, each.terms) == wanted]
    return [each for each in mine if each.operator not in gone]


def _gone(connection: Connection, names: Collection[str]) -> set[str]:
    """Those of them who are operators and may approve no more."""
    query = select(operators.c.name, operators.c.active, operators.c.roles)
    rows = connection.execute(query.where(operators.c.name.in_(names))).all() if names else []
    return {row.name for row in rows if not (row.active and may(row.roles, Act.APPROVE))}


def _progress(asked: Asked, given: Sequence[Approval], gone: Collection[str]) -> Progress:
    names = tuple(each.operator for each in _standing(asked, given, gone))
    return Progress(names, missing(asked.demand, names, asked.involved))


def _names(connection: Connection, asked: Asked) -> list[str]:
    return [each.operator for each in _counting(connection, asked)]


def _waiting_for(connection: Connection, asked: Asked) -> str:
    return missing(asked.demand, _names(connection, asked), asked.involved)


# --------------------------------------------------------------------------------------- the chain


def _broken_approvals(given: Sequence[Approval], path: Sequence[MoveRow]) -> str:
    links = {move.sequence: move for move in path}
    for each in given:
        move = links.get(each.move)
        told = move and (move.who, move.content, str(move.because), move.target)
        yes = _yes(each.terms, each.reason)
        if told != (each.operator, each.content, yes, Out.AWAITING_APPROVAL.value):
            return say("the chain knows nothing of the approval by {who}", who=each.operator)
    return ""


def _strange_operators(connection: Connection, given: Sequence[Approval]) -> str:
    """Did one approve who is not what the chain last told of him? Then somebody gave him a role, or
    took all operators away, by hand."""
    if not given:
        return ""
    since = {each.operator: each.move for each in given}
    query = (
        select(operators, moves.c.content, moves.c.target.label("told"))
        .outerjoin(moves, moves.c.sequence == operators.c.move)
        .where(operators.c.name.in_(since))
    )
    for row in connection.execute(query).mappings():
        told = (row["content"], str(row["told"])[: len(_TOLD)])
        if told != (fingerprint_of(row), _TOLD):
            return say("the chain knows nothing of the roles of {who}", who=row["name"])
        del since[row["name"]]
    first = first_operator(connection) if since else None
    for who, move in since.items():  # users of the machine, before there was any operator
        if first is not None and first < move:
            return say("the chain knows nothing of the roles of {who}", who=who)
    return ""


# --------------------------------------------------------------------------------------- creditors


def _untold(connection: Connection, file: File, paid: ColumnElement[bool]) -> list[str]:
    """The files from which a creditor is known though the chain tells otherwise: edited by hand.

    Each account is known from the newest file that paid it, or from the one before that.
    """
    seen: set[str] = set()
    untold: list[str] = []
    while True:
        newest = (
            select(_EARLIER.c.file_id)
            .where(paid, files.c.id.not_in(untold))
            .order_by(_EARLIER.c.file_id.desc())
            .limit(1)
            .correlate(payments)
            .scalar_subquery()
        )
        query = select(newest).where(payments.c.file_id == file.id).distinct()
        found = {each for each in connection.execute(query).scalars() if each} - seen
        strange = [*doubtful(connection, found)]
        if not strange:
            return untold
        seen |= found
        untold += strange


_EARLIER = payments.alias("earlier")


# -------------------------------------------------------------------------------------------- sums


def _sums(connection: Connection, file: File) -> list[AccountSum]:
    """What was counted for these bytes, else counted now."""
    mine = (sums.c.file_id == file.id) & (sums.c.content == file.sha256)
    query = select(sums.c.account, sums.c.currency, sums.c.amount).where(mine)
    if not (found := [AccountSum(*row) for row in connection.execute(query)]):
        found = _counted(connection, file)
        connection.execute(delete(sums).where(sums.c.file_id == file.id))
        rows = [
            {
                "file_id": file.id,
                "content": file.sha256,
                "account": one.account,
                "currency": one.currency,
                "amount": one.amount,
            }
            for one in found
        ]
        if rows:
            connection.execute(insert(sums), rows)
    return found


def _counted(connection: Connection, file: File) -> list[AccountSum]:
    mine = payments.c.file_id == file.id
    pairs = select(payments.c.account, payments.c.currency).where(mine).distinct()
    held = [(row.account, row.currency) for row in connection.execute(pairs)]
    currencies = [currency for _, currency in held]
    if len(set(currencies)) == len(held) and set(currencies) == set(file.control_sum):
        return [
            AccountSum(account, each, Decimal(file.control_sum[each])) for account, each in held
        ]
    totals: dict[tuple[str, str], Decimal] = {}
    query = select(payments.c.account, payments.c.currency, payments.c.amount).where(mine)
    stream = connection.execute(query, execution_options={"yield_per": _CHUNK})
    for rows in stream.partitions():
        some = defaultdict(list)
        for account, currency, amount in rows:
            some[account, currency].append(amount)
        for pair, amounts in some.items():
            totals[pair] = total([totals.get(pair, Decimal(0)), *amounts])
    return [AccountSum(*pair, amount) for pair, amount in sorted(totals.items())]
