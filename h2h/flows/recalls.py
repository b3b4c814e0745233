"""A recall's own steps: it is written here, not taken from a door, and judged by its schema alone.

`h2h recall` commits only the intent, an outgoing file in `claiming`. From there it takes the road
of a payment file, and the loop of outbound.py finishes it after whatever crash.
"""

from __future__ import annotations

from pathlib import Path

from h2h.core.payment import Verdict
from h2h.core.recall import Recall, Scope, message_id
from h2h.core.states import Out
from h2h.core.words import say, words_of
from h2h.errors import Corrupt, Refused
from h2h.flows.sweep import Sweep, original_of
from h2h.ports import Change, File, RecallRow


def write(file: File, sweep: Sweep) -> File | None:
    """claiming: write the recall from the payment file in the archive; repeatable, same bytes."""
    row = sweep.ledger.recall_of(file.id)
    if row is None:
        raise Corrupt(say("nothing says what file {id} recalls", id=file.id))
    try:
        target = original_of(file, sweep)
        sweep.services.messages.write_recall(_source(row, sweep), _asked(row, sweep), target)
    except (Corrupt, Refused) as error:  # no repetition mends it
        return sweep.move(file, Out.CANCELLED, words_of(error))
    sha256, size = sweep.services.archive.digest(target)
    return sweep.move(file, Out.CLAIMED, change=Change(sha256=sha256, size=size))


def judge(file: File, sweep: Sweep) -> Verdict:
    """claimed: the schema's verdict; rules, dates and limits are for payments."""
    return sweep.services.messages.check_recall(original_of(file, sweep))


def _source(row: RecallRow, sweep: Sweep) -> Path:
    """The payment file as the bank has it."""
    original = sweep.ledger.file(row.original_id)
    assert original is not None  # noqa: S101  (a foreign key holds it)
    path = original_of(original, sweep)
    if sweep.services.archive.digest(path)[0] != original.sha256:
        words = say("{name} changed after it was checked", name=path.name)
        raise Corrupt(words, say("Look into the dossier."))
    return path


def _asked(row: RecallRow, sweep: Sweep) -> Recall:
    numbers: frozenset[int] = frozenset()
    if row.scope is not Scope.FILE:
        numbers = frozenset(each.number for each in sweep.ledger.recalled(row.file_id))
    return Recall(message_id(row.file_id), row.at, row.code, row.reason, row.scope, numbers)
