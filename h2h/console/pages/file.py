"""One file: its life, what it holds, the evidence, and what may be done with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, RedirectResponse, Response

from h2h import desk
from h2h.asking import ask_or_do
from h2h.console.guard import signed_in
from h2h.console.page import Asked
from h2h.core.operators import Act, may, who_may
from h2h.core.problem import Problem, place_words
from h2h.core.recall import REASONS, USUAL_REASON
from h2h.core.states import Kept, Out
from h2h.core.words import say
from h2h.desk.files import said_not_sent
from h2h.desk.waiting import standing, why_statement
from h2h.errors import H2HError, Refused
from h2h.excerpt import Excerpts, Line

if TYPE_CHECKING:
    from h2h.ports import File, Ledger, StatementRow

PAYMENTS = 100  # on a page
_STATEMENTS = 200
_PROBLEMS = 50  # shown; all are in the answer to the ERP
_ANSWER_WITHIN = 20.0  # seconds for the running daemon
_INTERNAL = frozenset({"claimed", "copied"})  # a file on its way in
_TOLD = ("manifest.json", "moves.jsonl")

_alone = Lock()  # two of this process's threads must not take each other for a daemon


# --------------------------------------------------------------------------------------- the page


def _page(asked: Asked) -> Response:
    return _shown(asked, file_of(asked))


def _shown(asked: Asked, file: File, looked: datetime | None = None) -> Response:
    """The page of a file; `looked`: its bank's server was looked at again then, for nothing."""
    room, roles = asked.room, asked.session.roles
    ledger, veiled = room.ledger, asked.hides(file)
    after = _number(asked.request.query_params.get("after", ""))
    payments = ledger.payments_page(file.id, after, PAYMENTS + 1) if file.direction == "out" else ()
    moves = ledger.moves(file.id)
    stands = standing(room.services, [file], roles, room.now)[file.id]
    return asked.render(
        "file.html",
        file=file,
        veiled=veiled,
        because=stands.because,
        stands=stands,
        looked=looked,
        first_word=said_not_sent(ledger, file, moves[-1] if moves else None),
        seconds=desk.second_for(ledger, asked.who) if file.state is Out.IN_DOUBT else (),
        steps=[move for move in moves if move.source != move.target],
        moves=desk.veil_moves(file, moves, roles),
        press_=_press(file, asked),
        approvals=_approvals(file, ledger),
        problems=_problems(file, asked, veiled=veiled),
        more_problems=max(0, len(file.problems) - _PROBLEMS),
        payments=desk.veil(file, payments[:PAYMENTS], roles),
        after=payments[PAYMENTS - 1].number if len(payments) > PAYMENTS else 0,
        first=after == 0,
        recalls=_recalls(file, ledger),
        reasons=REASONS,
        usual=USUAL_REASON,
        contents=() if veiled else _contents(file, asked),
        inside=_of_bank_file(file, asked, veiled=veiled),
    )


def file_of(asked: Asked) -> File:
    """The file that the address names; 404 for none."""
    file = asked.room.ledger.file(asked.request.path_params["file_id"])
    if file is None:
        raise HTTPException(404)
    return file


def _number(written: str) -> int:
    return int(written) if written.isdecimal() and len(written) < 10 else 0


@dataclass(frozen=True, slots=True)
class _Press:
    """`acts` may be pressed by this reader; `others` are possible too, and who may."""

    acts: tuple[Act, ...]
    others: tuple[tuple[Act, str], ...]


def _press(file: File, asked: Asked) -> _Press:
    acts = desk.possible(file)
    if file.state is Out.AWAITING_APPROVAL and _said_yes(file, asked):
        acts = tuple(act for act in acts if act is not Act.APPROVE)
    mine = tuple(act for act in acts if may(asked.session.roles, act))
    return _Press(mine, tuple((act, who_may(act)) for act in acts if act not in mine))


def _said_yes(file: File, asked: Asked) -> bool:
    given = desk.approvals_of(asked.room.ledger, file)
    return any(each.operator == asked.who and not why_not for each, why_not in given)


def _approvals(file: File, ledger: Ledger) -> Mapping[str, object] | None:
    """Who said yes, whether it counts, and what is still missing; None: nothing was asked for."""
    wanted = ledger.asked_of(file.id)
    if wanted is None:
        return None
    waits = file.state is Out.AWAITING_APPROVAL
    return {
        "given": desk.approvals_of(ledger, file),
        "missing": ledger.waiting_for(wanted) if waits else "",
        "because": wanted.because,
        "terms": wanted.terms,
        "involved": wanted.involved,
    }


# -------------------------------------------------------------------------- what is wrong with it


@dataclass(frozen=True, slots=True)
class _Place:
    words: str
    problems: Sequence[Problem]
    lines: Sequence[Line]


def _problems(file: File, asked: Asked, *, veiled: bool) -> list[_Place]:
    """By their place, each with the few characters around it as they lie in the archive."""
    roles = asked.session.roles
    problems = desk.veil_problems(file, file.problems[:_PROBLEMS], roles)
    if not problems:
        return []
    places = {place: [*group] for place, group in groupby(problems, _place)}
    at = [(None, None) if veiled else (line, column) for _, line, column in places]
    around = _around(file, at, asked)
    return [
        _Place(place_words(*place) or say("the file as a whole"), group, lines)
        for (place, group), lines in zip(places.items(), around, strict=True)
    ]


def _place(problem: Problem) -> tuple[str | None, int | None, int | None]:
    return problem.path, problem.line, problem.column


def _around(
    file: File, places: Sequence[tuple[int | None, int | None]], asked: Asked
) -> list[Sequence[Line]]:
    """The lines at each place; none where there is no place, or the file cannot be shown."""
    name = "original.xml" if file.direction == "out" else "opened"
    try:
        content = asked.room.services.archive.path(file.id, name)
    except (H2HError, ValueError):  # sealed at rest, and its key is elsewhere
        return [() for _ in places]
    with Excerpts(content) as excerpts:
        return [excerpts.around(line, column) if line else () for line, column in places]


# ------------------------------------------------------------------------------------- a bank file


def _of_bank_file(file: File, asked: Asked, *, veiled: bool) -> dict[str, object]:
    """Its statements with their outcomes, who receives what, and the documents of its entries."""
    if file.direction == "out":
        return {"statements": (), "more_statements": 0, "exports": (), "links": ()}
    ledger = asked.room.ledger
    rows = ledger.statements(file.id)
    return {
        "statements": [
            (row, why_statement(row, ledger), _of_statement(row, asked))
            for row in rows[:_STATEMENTS]
        ],
        "more_statements": max(0, len(rows) - _STATEMENTS),
        "exports": ledger.exports(file.id),
        "links": () if veiled else ledger.links(file.id),
    }


def _of_statement(row: StatementRow, asked: Asked) -> tuple[Act, ...]:
    held = row.kept is Kept.HELD
    waits = row.kept is Kept.BOOKED and row.waits
    acts = (Act.RELEASE, Act.REJECT) if held else (Act.RELEASE,) if waits else ()
    return tuple(act for act in acts if asked.may(act))


def _recalls(file: File, ledger: Ledger) -> Sequence[object]:
    own = ledger.recall_of(file.id)
    return [own] if own else ledger.recalls(file.id)


# ---------------------------------------------------------------------------------------- the acts


def _act(asked: Asked) -> Response:
    """What a person decided, bound to what the page showed; the same page shows what happened."""
    file = file_of(asked)
    decide = _DECISIONS.get(asked.request.path_params["verb"])
    if decide is None:
        raise HTTPException(404)
    content = asked.text("content")
    if decide is not _approve and content != file.sha256:
        words = say("{id} is not what this page showed any more", id=file.id)
        raise Refused(words, say("Look at it again, then decide"))
    return decide(asked, file) or RedirectResponse(f"/files/{file.id}", status_code=303)


Decision = Callable[[Asked, "File"], Response | None]


def _approve(asked: Asked, file: File) -> None:
    content = asked.text("content")
    if not content:
        words = say("an approval names the content that it is for")
        raise Refused(words, say("Open the page of the file, and press its button"))
    given = (asked.room.ledger, file.id, asked.who, asked.text("reason"), asked.room.now)
    desk.approve(*given, content=content, terms=asked.text("terms"))


def _by(act: Callable[..., object]) -> Decision:
    """An act of the desk that takes a file's id, who, why, and when."""

    def decide(asked: Asked, file: File) -> None:
        act(asked.room.ledger, file.id, asked.who, asked.text("reason"), asked.room.now)

    return decide


def _release(asked: Asked, file: File) -> None:
    shown = _number(asked.text("seen"))
    given = (asked.room.ledger, file.id, asked.who, asked.text("reason"), asked.room.now)
    desk.release(*given, seen=shown)


def _not_sent(asked: Asked, file: File) -> None:
    seen = _number(asked.text("seen"))
    _of_doubt("not-sent", asked, file, reason=asked.text("reason"), seen=seen)


def _look_again(asked: Asked, file: File) -> Response | None:
    """None: it was settled, and its page tells how."""
    looked = asked.room.now
    _of_doubt("look-again", asked, file)
    file = file_of(asked)
    return _shown(asked, file, looked) if file.state is Out.IN_DOUBT else None


def _of_doubt(verb: str, asked: Asked, file: File, **more: object) -> None:
    """The daemon does it, or, without one, this process for so long as that takes."""
    desk.insist(asked.room.ledger, asked.who, Act.RESOLVE)
    wish = json.dumps({"file_id": file.id, "who": asked.who, **more})
    with _alone:
        answer = ask_or_do(asked.room.services, verb, wish, _ANSWER_WITHIN)
    if "refused" in answer:
        raise Refused(answer["refused"])


def _recall(asked: Asked, file: File) -> None:
    recall_as(asked, file)


def recall_as(asked: Asked, file: File, payments: Sequence[str] = ()) -> None:
    """Ask the bank to take back the file, or some of its payments."""
    desk.recall(
        asked.room.ledger,
        file.id,
        asked.who,
        asked.text("reason"),
        asked.room.now,
        recall_id=asked.room.services.new_id(),
        code=asked.text("code") or USUAL_REASON,
        payments=payments,
    )


_DECISIONS: Mapping[str, Decision] = {
    "approve": _approve,
    "reject": _by(desk.reject),
    "hold": _by(desk.hold),
    "release": _release,
    "cancel": _by(desk.cancel),
    "sent": _by(desk.resolve_sent),
    "not-sent": _not_sent,
    "look-again": _look_again,
    "recall": _recall,
    "replay": _by(desk.replay),
}


def _statement(asked: Asked) -> Response:
    """Release or reject one statement of a bank file."""
    file, number = file_of(asked), asked.request.path_params["number"]
    decide = {"release": desk.release, "reject": desk.reject}.get(asked.request.path_params["verb"])
    if decide is None or all(row.id != number for row in asked.room.ledger.statements(file.id)):
        raise HTTPException(404)
    decide(asked.room.ledger, number, asked.who, asked.text("reason"), asked.room.now)
    return RedirectResponse(f"/files/{file.id}", status_code=303)


# ------------------------------------------------------------------------------------ the evidence


def _contents(file: File, asked: Asked) -> list[str]:
    """What the dossier holds, by its names."""
    try:
        dossier = asked.room.services.archive.dossier(file.id)
    except (H2HError, ValueError):
        return []
    if dossier is None:
        return []
    told = [name for name in _TOLD if (dossier.place / name).exists()]
    return [*sorted({*dossier.contents, *dossier.at_rest} - _INTERNAL), *told]


def _download(asked: Asked) -> Response:
    """A file of the dossier, to be kept and never shown by the browser."""
    file, name = file_of(asked), asked.request.path_params["name"]
    if asked.hides(file):
        words = say("{id} is confidential", id=file.id)
        roles = say("These roles may: {roles}", roles=who_may(Act.UNVEIL))
        raise Refused(words, roles)
    if name not in _contents(file, asked):
        raise HTTPException(404)
    path = asked.room.services.archive.path(file.id, name)
    return FileResponse(path, media_type="application/octet-stream", filename=f"{file.id}-{name}")


page = signed_in(_page)
act = signed_in(_act)
of_statement = signed_in(_statement)
download = signed_in(_download)
