"""What a file leaves behind besides its moves: the answer to the ERP, and its dossier's record.

Both are made from the ledger and may be made again at any time; SQL is the truth of state, the
dossier the auditor's copy of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial

from h2h.core.chain import Head, record_of
from h2h.core.naming import shortened
from h2h.core.problem import SEVERITY_WORDS, Problem, place_words
from h2h.core.states import AT_THE_BANK, IN_FINAL, SETTLED, Out, State
from h2h.core.words import Words, say, tell
from h2h.errors import H2HError
from h2h.flows.exporting import status_folders
from h2h.flows.handover import prepare, publish, show
from h2h.flows.refusals import contents_of, refusal_of
from h2h.flows.sweep import Sweep, terms_of
from h2h.ports import Announcement, Content, File, HandOver, MoveRow, Refusal

# What the ERP is told, by the state that a file has reached; nothing before it was checked.
_VERDICTS: Mapping[State, str] = {
    Out.VALID: "taken",
    Out.AWAITING_APPROVAL: "taken",
    Out.APPROVED: "taken",
    Out.SEALED: "taken",
    Out.STAGED: "taken",
    Out.DELIVERING: "taken",
    Out.IN_DOUBT: "taken",
    Out.INVALID: "refused",
    Out.DUPLICATE: "duplicate",
    Out.HELD: "held",
    Out.CANCELLED: "cancelled",
    **dict.fromkeys(AT_THE_BANK, "sent"),
}

_WORDS = {
    "taken": say("taken"),
    "sent": say("sent"),
    "refused": say("refused"),
    "duplicate": say("duplicate"),
    "held": say("held"),
    "cancelled": say("cancelled"),
}
_NEXT_MOVES = {
    "taken": say("None: h2h delivers it."),
    "sent": say("None: the bank's report follows."),
    "refused": say("Correct the problems and drop the file again."),
    "duplicate": say(
        "None if it was dropped twice by mistake; new payments need a new message id."
    ),
    "held": say("An operator decides: `h2h show` tells why, then `h2h release` or `h2h cancel`."),
    "cancelled": say("None: it was not sent and will not be."),
}


def bring_up_to_date(sweep: Sweep, *, moved: bool = False) -> None:
    """Answer the ERP and write the dossiers of all files that moved since this last ran.

    `moved` when files did that are up to date already, one by one.
    """
    files = sweep.ledger.unrecorded()
    for file in files:
        _try_to(file, sweep)
    if files or moved:
        note_head(sweep)


def bring_one_up_to_date(file_id: str, sweep: Sweep) -> None:
    """The same for one file, so that the ERP hears of it before the others are through."""
    file = sweep.ledger.file(file_id)
    if file is not None and file.recorded < file.last_move:
        _try_to(file, sweep)


def bring_wave_up_to_date(files: Sequence[File], sweep: Sweep) -> None:
    """The same for some that went together: those that were delivered are told of together."""
    delivered = [file for file in files if file.state is Out.SENT]
    try:
        _tell_together(delivered, sweep)
    except (H2HError, OSError) as error:  # then each by itself, at the end of the sweep
        sweep.log.event("wave_undone", files=len(delivered), because=str(error))
    for file in files:
        if file.state is not Out.SENT:
            bring_one_up_to_date(file.id, sweep)


def _tell_together(files: Sequence[File], sweep: Sweep) -> None:
    """As `_answer` does for one: the names are committed before any of them is shown. What an
    earlier attempt left half handed over is not among them."""
    with sweep.ledger.together():
        known = [
            (file, sweep.ledger.moves(file.id), _manifest(file, sweep))
            for file in files
            if not sweep.ledger.pending_hand_overs(file)
        ]
    handed = sweep.beside.each([partial(_write, *facts, sweep) for facts in known])
    with sweep.ledger.together():
        for (file, *_), items in zip(known, handed, strict=True):
            sweep.ledger.handing_over(file, items, recorded=file.last_move)
    sweep.beside.each(
        [partial(show, items, file, sweep) for (file, *_), items in zip(known, handed, strict=True)]
    )
    with sweep.ledger.together():
        for file, *_ in known:
            sweep.ledger.handed_over(file)


def _write(file: File, moves: Sequence[MoveRow], manifest: str, sweep: Sweep) -> list[HandOver]:
    """The dossier's record, and the temporaries of the answer."""
    _record(file, moves, manifest, sweep)
    verdict = _verdict(file, moves)
    return [] if verdict is None else _prepared(file, verdict, None, sweep)


def _try_to(file: File, sweep: Sweep) -> None:
    try:
        _bring_up_to_date(file, sweep)
    except (H2HError, OSError) as error:
        sweep.log.event("not_recorded", file_id=file.id, because=str(error))


def note_head(sweep: Sweep) -> None:
    """Let the archive know how far the ledger has come: an older one shows against it."""
    try:
        sweep.services.archive.note_head(sweep.ledger.head(), sweep.now)
    except (H2HError, OSError) as error:
        sweep.log.event("head_not_noted", because=str(error))


def announcement(file: File, head: Head, at: datetime) -> Announcement:
    """What the archive must know of a file that may become visible at its bank in a moment."""
    return Announcement(head.sequence, head.hash, at.isoformat(), file.id, facts_of(file))


def record(file: File, sweep: Sweep) -> Sequence[MoveRow]:
    """Write the dossier's manifest and moves; returns the moves."""
    moves = sweep.ledger.moves(file.id)
    _record(file, moves, _manifest(file, sweep), sweep)
    return moves


def _record(file: File, moves: Sequence[MoveRow], manifest: str, sweep: Sweep) -> None:
    lines = "".join(json.dumps(_plain(move)) + "\n" for move in moves)
    final = file.state in SETTLED | IN_FINAL
    sweep.services.archive.record(file.id, manifest, lines, final=final)


def _bring_up_to_date(file: File, sweep: Sweep) -> None:
    moves = record(file, sweep)
    if file.direction == "out":
        refused = _answer(file, moves, sweep)
        if refused is not None:  # a link of the chain, which the dossier shows too
            _bring_up_to_date(refused, sweep)
    else:
        sweep.ledger.recorded(file, file.last_move)


def _plain(move: MoveRow) -> dict[str, str]:
    return {**record_of(move), "previous": move.previous, "hash": move.hash}


def facts_of(file: File) -> dict[str, object]:
    """What a file is, as JSON has it; with `state` all that it takes to enter it again."""
    facts: dict[str, object] = {"file_id": file.id}
    facts |= {name: getattr(file, name) for name in _FACTS}
    return facts | {
        "state": file.state.value,
        "held_from": file.held_from.value if file.held_from else None,
        "created": file.created.isoformat(),
        "control_sum": dict(file.control_sum),
        "executions": [[day.isoformat(), *rest] for day, *rest in file.executions],
        "checked_on": file.checked_on.isoformat() if file.checked_on else None,
        "problems": [problem.as_json() for problem in file.problems],
    }


_FACTS = (
    *("direction", "bank", "name", "door", "sha256", "size", "message", "message_id"),
    *("initiating_party", "transactions", "sealed_sha256", "sealed_size", "duplicate_of"),
    *("attempt", "final_folder", "final_name", "sequence", "host", "refusal"),
    *("dropped_by", "confidential"),
    *("download", "remote_folder", "remote_name", "remote_size", "remote_mtime", "opened_by"),
)


def _manifest(file: File, sweep: Sweep) -> str:
    """What a dossier says of itself; its archive adds the hashes of the files in it."""
    facts = facts_of(file)
    if file.direction == "in":
        facts["exports"] = [asdict(row) for row in sweep.ledger.exports(file.id)]
    elif recall := sweep.ledger.recall_of(file.id) if file.recall else None:
        facts["recall"] = {
            "original_id": recall.original_id,
            "scope": recall.scope.value,
            "code": recall.code,
            "reason": recall.reason,
            "who": recall.who,
            "at": recall.at.isoformat(),
            "numbers": [each.number for each in sweep.ledger.recalled(file.id)],
        }
    return json.dumps(facts, ensure_ascii=False)


# ---------------------------------------------------------------------------- answers to the ERP


def _answer(file: File, moves: Sequence[MoveRow], sweep: Sweep) -> File | None:
    """Tell the ERP when the verdict on its file has changed since it was last told.

    Returns the file as it stands when it was told of a refusal, too, as a bank would send it.
    """
    publish(file, sweep)  # what a crash left half handed over
    verdict = _verdict(file, moves)
    handed: list[HandOver] = []
    refusal = None
    if verdict is not None:
        refusal = refusal_of(file, moves, sweep)
        handed = _prepared(file, verdict, refusal, sweep)
        if refusal is not None:
            for place in status_folders(terms_of(file, sweep), sweep):
                handed += prepare(sweep, place, contents_of(file, refusal, sweep))
    sweep.ledger.handing_over(file, handed, recorded=file.last_move, refusal=refusal)
    publish(file, sweep)
    return sweep.ledger.file(file.id) if refusal else None


def _verdict(file: File, moves: Sequence[MoveRow]) -> str | None:
    """The verdict that the ERP does not know yet; None: nothing is to be told."""
    verdict = None if file.recall else _VERDICTS.get(file.state)  # the ERP did not ask for it
    return None if verdict == _told(file, moves) else verdict


def _prepared(file: File, verdict: str, refusal: Refusal | None, sweep: Sweep) -> list[HandOver]:
    folder = f"{file.bank}/answers" if file.bank else "answers"
    return prepare(sweep, folder, _Answer(file, verdict, refusal, sweep).contents())


def _told(file: File, moves: Sequence[MoveRow]) -> str | None:
    """The verdict that the ERP was last told: that of the last move on record."""
    told = [move.target for move in moves if move.sequence <= file.recorded]
    verdicts = [_VERDICTS[Out(state)] for state in told if state in _VERDICTS]
    return verdicts[-1] if verdicts else None


class _Answer:
    """What the ERP is told of a file, in the language of the workspace."""

    def __init__(self, file: File, verdict: str, refusal: Refusal | None, sweep: Sweep) -> None:
        self._file, self._verdict, self._refusal = file, verdict, refusal
        self._translate = sweep.services.translate

    def contents(self) -> Mapping[str, Content]:
        """The answer by the names of its files: for programs, and as a clerk reads it."""
        base = f"{shortened(self._file.name)}.{self._file.id}"
        facts = json.dumps(self._facts(), indent=2, ensure_ascii=False) + "\n"
        letter = "".join(f"{line}\n" for line in self._letter())
        return {f"{base}.json": facts.encode(), f"{base}.txt": letter.encode()}

    def _facts(self) -> dict[str, object]:
        file, refusal = self._file, self._refusal
        return {
            "file": file.name,
            "file_id": file.id,
            "bank": file.bank,
            "verdict": self._verdict,
            "state": file.state.value,
            "because": self._tell(file.because),
            "next_move": self._tell(self._next_move()),
            "message": file.message or None,
            "message_id": file.message_id or None,
            "transactions": file.transactions,
            "control_sum": dict(file.control_sum),
            "sha256": file.sha256,
            "sent_as": file.final_name or None,
            "duplicate_of": file.duplicate_of or None,
            "status_report": refusal.message_id if refusal else None,
            "problems": [problem.told(self._translate).as_json() for problem in file.problems],
        }

    def _letter(self) -> Iterator[str]:
        file = self._file
        verdict = say("{file}: {judgement}", file=file.name, judgement=_WORDS[self._verdict])
        yield self._tell(verdict)
        if file.because:
            yield self._tell(file.because)
        if file.transactions is not None:
            yield self._tell(_content(file))
        for problem in file.problems:
            yield from self._paragraph(problem)
        yield self._tell(say("Next move: {next_move}", next_move=self._next_move()))
        yield self._tell(say("File id: {id}", id=file.id))

    def _paragraph(self, problem: Problem) -> Iterator[str]:
        severity = self._tell(SEVERITY_WORDS[problem.severity])
        label = " ".join(filter(None, (severity, problem.rule, problem.code)))
        yield "- " + self._tell(say("{label}: {message}", label=label, message=problem.message))
        if place := place_words(problem.path, problem.line, problem.column):
            yield "  " + self._tell(say("at {place}", place=place))
        yield "  " + self._tell(problem.remedy)

    def _next_move(self) -> Words:
        if self._refusal is None:
            return _NEXT_MOVES[self._verdict]
        return say(
            "A status report rejects it, as its bank would: pay its items in a new message. "
            "Status report: {message_id}.",
            message_id=self._refusal.message_id,
        )

    def _tell(self, words: str) -> str:
        return tell(words, self._translate)


def _content(file: File) -> Words:
    """`2 payments, EUR 107.00; message id MSG-1`."""
    count = file.transactions
    told = say("1 payment") if count == 1 else say("{count} payments", count=count)
    for currency, total in file.control_sum.items():
        told = say("{content}, {more}", content=told, more=f"{currency} {total}")
    return say("{content}; message id {message_id}", content=told, message_id=file.message_id)
