"""What waits for a person: payment files, statements, and what receivers did not get."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from h2h.core.approval import ApproveBy
from h2h.core.operators import Act, may
from h2h.core.states import Handed, In, Kept, Out
from h2h.core.words import say
from h2h.desk.approving import approve_by_of
from h2h.desk.veil import veiled
from h2h.ports import ExportRow, File, Ledger, Services, StatementRow

_ACTS: Mapping[Out | In, Act] = {
    Out.IN_DOUBT: Act.RESOLVE,
    Out.AWAITING_APPROVAL: Act.APPROVE,
    Out.HELD: Act.RELEASE,
    In.QUARANTINED: Act.REPLAY,
}
_ORDER = {Act.RESOLVE: 0, Act.APPROVE: 1, Act.RELEASE: 2, Act.REPLAY: 3}


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits. `act` is what ends the waiting, `mine` whether this reader may."""

    act: Act
    state: str
    id: str  # of the file, or of the statement
    file_id: str
    name: str
    bank: str
    sums: Mapping[str, str]
    since: datetime
    until: ApproveBy | None
    because: str
    mine: bool


def waiting(services: Services, roles: Collection[str], now: datetime) -> list[Waiting]:
    """Everything that waits for somebody; doubts first, then what is due first."""
    found = [
        *_files(services, roles, now),
        *_statements(services.ledger, roles),
        *_exports(services.ledger, roles),
    ]
    return sorted(found, key=lambda each: (_ORDER[each.act], _due(each), each.since, each.id))


def _due(each: Waiting) -> float:
    return each.until.at.timestamp() if each.until else float("inf")


def _files(services: Services, roles: Collection[str], now: datetime) -> Iterator[Waiting]:
    for state, act in _ACTS.items():
        direction = "out" if isinstance(state, Out) else "in"
        for file in services.ledger.files(frozenset({state}), direction=direction):
            terms = services.banks.get(file.bank or "")
            until = approve_by_of(file, terms, now) if terms else None
            yield Waiting(
                act,
                file.state.value,
                file.id,
                file.id,
                file.name,
                file.bank or "",
                file.control_sum,
                _since(services.ledger, file),
                until,
                _because(file, roles),
                may(roles, act),
            )


def _since(ledger: Ledger, file: File) -> datetime:
    moves = ledger.moves(file.id)
    return moves[-1].at if moves else file.created


def _because(file: File, roles: Collection[str]) -> str:
    because = file.due_because or file.because
    if veiled(file, roles) and because and file.state is not Out.AWAITING_APPROVAL:
        return say("hidden: the file is confidential")
    return because


def _statements(ledger: Ledger, roles: Collection[str]) -> Iterator[Waiting]:
    for row in ledger.undecided():
        file = ledger.file(row.file_id)
        if file is None:
            continue
        yield _of_statement(row, file, roles)


def _of_statement(row: StatementRow, file: File, roles: Collection[str]) -> Waiting:
    state = "held" if row.kept is Kept.HELD else "waiting"
    sums = {row.currency: row.closing} if row.closing is not None else {}
    name = say("statement of {account} {currency}", account=row.account, currency=row.currency)
    because = row.because or say("it is a second version, or overlaps: it is not handed over yet")
    mine = may(roles, Act.RELEASE)
    return Waiting(
        Act.RELEASE, state, row.id, file.id, name, row.bank, sums, file.created, None, because, mine
    )


def _exports(ledger: Ledger, roles: Collection[str]) -> Iterator[Waiting]:
    for row in ledger.stuck():
        file = ledger.file(row.file_id)
        if file is not None and row.state is Handed.HELD:
            yield _of_export(row, file, roles)


def _of_export(row: ExportRow, file: File, roles: Collection[str]) -> Waiting:
    name = say("a form for {receiver}", receiver=row.receiver or say("everybody"))
    mine = may(roles, Act.REPLAY)
    return Waiting(
        Act.REPLAY,
        "held",
        row.subject,
        file.id,
        name,
        file.bank or "",
        {},
        file.created,
        None,
        row.because,
        mine,
    )


def why_statement(row: StatementRow, ledger: Ledger) -> str:
    """Why a statement is held, or its hand-over waits."""
    return row.because or shared_words(row, ledger.shared_entries(row.id))


def shared_words(row: StatementRow, shared: int) -> str:
    """What an overlap is made of; "" where there is none."""
    if "overlap" not in row.flags:
        return ""
    if not shared:
        return say("it begins before the one before has ended, with another balance")
    return say(
        "{shared} of its {entries} entries are in other statements too",
        shared=shared,
        entries=row.entries,
    )
