"""Until when somebody has to decide over a file, so that it is in time at its bank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from h2h.cli.workspace import now
from h2h.core.approval import ApproveBy
from h2h.core.states import Out
from h2h.core.words import say

if TYPE_CHECKING:
    from h2h.ports import File

_WAITING = frozenset({Out.AWAITING_APPROVAL, Out.HELD})


def deadlines(path: Path, files: Sequence[File]) -> Mapping[str, ApproveBy]:
    """By the file's id, for those that wait for a person and whose bank has a cut-off for them."""
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.desk import approve_by_of  # noqa: PLC0415 - as above
    from h2h.wiring import terms_of  # noqa: PLC0415 - as above

    waiting = [file for file in files if file.direction == "out" and file.state in _WAITING]
    config = load(path) if waiting else None
    if config is None:
        return {}
    banks = {file.bank or "" for file in waiting} & set(config.banks)
    terms = {name: terms_of(name, config.banks[name], config) for name in banks}
    found = {
        file.id: approve_by_of(file, terms[file.bank], now())
        for file in waiting
        if file.bank in terms
    }
    return {file_id: until for file_id, until in found.items() if until is not None}


def until_words(until: ApproveBy) -> str:
    """`approve by 15:40 to make today's cut-off`."""
    if until.passed:
        return say("the cut-off for its execution date passed at {time}", time=_told(until))
    if until.today:
        return say("decide by {time} to make today's cut-off", time=f"{until.at:%H:%M}")
    return say("decide by {time} to be executed as asked", time=_told(until))


def _told(until: ApproveBy) -> str:
    return f"{until.at:%Y-%m-%d %H:%M}"
