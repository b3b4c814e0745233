"""What waits for a person: payment files, statements, and what receivers did not get."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from h2h.core.approval import ApproveBy
from h2h.core.operators import Act, may
from h2h.core.states import Handed, In, Kept, Out
from h2h.core.words import say, sentences
from h2h.desk.approving import approve_by_of, progress_words
from h2h.desk.files import said_not_sent
from h2h.desk.veil import veiled
from h2h.ports import (
    ExportRow,
    File,
    Ledger,
    MoveRow,
    Progress,
    Services,
    StatementRow,
)

_ACTS: Mapping[Out | In, Act] = {
    Out.IN_DOUBT: Act.RESOLVE,
    Out.AWAITING_APPROVAL: Act.APPROVE,
    Out.HELD: Act.RELEASE,
    In.QUARANTINED: Act.REPLAY,
}
# What goes on by itself, once it may.
_BY_ITSELF = frozenset({Out.APPROVED, Out.SEALED, Out.STAGED})
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


@dataclass(frozen=True, slots=True)
class Standing:
    """What a file waits for: `until` when a person has to decide, or from when on it goes by itself
    (None: that is not known), and why."""

    until: ApproveBy | None
    goes_on: datetime | None
    because: str


def standing(
    services: Services, files: Sequence[File], roles: Collection[str], now: datetime
) -> dict[str, Standing]:
    """The same for each of these files, whatever its state."""
    asked = [file.id for file in files if file.state is Out.AWAITING_APPROVAL]
    progress = services.ledger.progress(asked)
    doubtful = [file.id for file in files if file.state is Out.IN_DOUBT]
    newest = services.ledger.newest_moves(doubtful)
    return {
        file.id: Standing(
            _until(file, services, now),
            file.due_at if file.state in _BY_ITSELF else None,
            because_of(
                file,
                roles,
                progress.get(file.id),
                said_not_sent(services.ledger, file, newest.get(file.id)),
            ),
        )
        for file in files
    }


def going_on(
    services: Services, roles: Collection[str], now: datetime
) -> list[tuple[File, Standing]]:
    """The payment files that wait for something else than a person, such as a window; first what
    goes first."""
    files = services.ledger.files(_BY_ITSELF, direction="out")
    waits = [file for file in files if file.due_because]
    told = standing(services, waits, roles, now)
    latest = datetime.max.replace(tzinfo=UTC)
    return sorted(
        ((file, told[file.id]) for file in waits), key=lambda each: each[1].goes_on or latest
    )


def _until(file: File, services: Services, now: datetime) -> ApproveBy | None:
    terms = services.banks.get(file.bank or "")
    return approve_by_of(file, terms, now) if terms else None


def _due(each: Waiting) -> float:
    return each.until.at.timestamp() if each.until else float("inf")


def _files(services: Services, roles: Collection[str], now: datetime) -> Iterator[Waiting]:
    files = [
        file
        for direction, kind in (("out", Out), ("in", In))
        for file in services.ledger.files(
            frozenset(state for state in _ACTS if isinstance(state, kind)), direction=direction
        )
    ]
    newest = services.ledger.newest_moves([file.id for file in files])
    told = standing(services, files, roles, now)
    for file in files:
        act = _ACTS[file.state]
        move, stands = newest.get(file.id), told[file.id]
        yield Waiting(
            act,
            file.state.value,
            file.id,
            file.id,
            file.name,
            file.bank or "",
            file.control_sum,
            move.at if move else file.created,
            stands.until,
            stands.because,
            may(roles, act),
        )


def because_of(
    file: File,
    roles: Collection[str] | None,
    progress: Progress | None = None,
    said: MoveRow | None = None,
) -> str:
    """Why a file stands where it does, or what it waits for; nothing that quotes what is hidden.

    `progress` is that of its approvals, `said` who was the first to say that it did not arrive.
    """
    because = file.due_because or file.because
    if veiled(file, roles) and because and file.state is not Out.AWAITING_APPROVAL:
        because = say("hidden: the file is confidential")
    if progress is not None and file.state is Out.AWAITING_APPROVAL:
        return sentences(words for words in (progress_words(progress), because) if words)
    if said is not None:
        first = say(
            "{who} said that it did not arrive; a second person has to say it too", who=said.who
        )
        return sentences(words for words in (first, because) if words)
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
