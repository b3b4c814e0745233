"""The refusal as a bank would send it: may the ERP be told that a payment file is rejected?

ERPs reopen what a status report rejects and pay it anew, so a wrong one pays twice. It is written
only where the bank's terms ask for it and a file is at its end (refused by its check, or cancelled
by a person), was never announced, and shares neither message id nor payment with a file that was or
may be yet. Everybody else has the plain answer alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from h2h.core.problem import Problem, Severity
from h2h.core.states import ANNOUNCED, Out
from h2h.core.status import KNOWN_AT_BANK
from h2h.errors import Corrupt, Refused
from h2h.handover import Content
from h2h.ports import BankTerms, File, MoveRow, Refusal
from h2h.sweep import Sweep, original_of

REFUSAL = "refusal.xml"  # of a dossier
_PREFIX = "H2H-"  # of our own message ids, which no bank's looks like
_CANCELLED = "DS02"  # ISO external status reason: an authorised user has cancelled the order
# What a person could release, but what leaves it open whether the bank has the file.
_DOUBTFUL = frozenset({"first-scan", "name-taken", KNOWN_AT_BANK})


def refusal_of(file: File, moves: Sequence[MoveRow], sweep: Sweep) -> Refusal | None:
    """The refusal that the ERP is told of `file`, written into its dossier; None: there is none."""
    terms = sweep.services.banks.get(file.bank or "")
    if terms is None or not terms.refusals or not file.message_id or file.refusal:
        return None
    reasons = _reasons(file, moves)
    if not reasons or not _provably_unsent(file, moves):
        return None
    refusal = Refusal(_PREFIX + file.id, sweep.now, tuple(reasons))
    try:
        because = _written(file, refusal, terms, sweep)
    except (Corrupt, Refused) as error:
        because = str(error)
    if because:
        sweep.log.event("no_refusal", file_id=file.id, bank=file.bank, because=because)
        return None
    return refusal


def _reasons(file: File, moves: Sequence[MoveRow]) -> Sequence[Problem]:
    """Why the file is rejected; nothing for one that is not at its end, or left by itself."""
    if file.state is Out.INVALID:
        return [problem for problem in file.problems if problem.severity is Severity.ERROR]
    if file.state is Out.CANCELLED:
        last = next(move for move in reversed(moves) if move.target == Out.CANCELLED)
        cancelled = Problem("cancelled", Severity.ERROR, last.because, "", code=_CANCELLED)
        return [] if last.who == "h2h" else [cancelled]
    return []


def _provably_unsent(file: File, moves: Sequence[MoveRow]) -> bool:
    announced = any(move.target in ANNOUNCED for move in moves)
    doubtful = any(problem.rule in _DOUBTFUL for problem in file.problems)
    return not (announced or doubtful or file.first_scan)


def _written(file: File, refusal: Refusal, terms: BankTerms, sweep: Sweep) -> str:
    """Write the refusal; "", or why there must be none."""
    original, messages = original_of(file, sweep), sweep.services.messages
    if sweep.services.archive.digest(original)[0] != file.sha256:
        raise Corrupt(f"{original.name} changed after it was checked", "Look into the dossier.")
    since = sweep.now - timedelta(days=terms.similar_days)
    other = sweep.ledger.elsewhere(file, messages.payments(original), since)
    if other:
        return f"file {other} has its message id, or a payment of it"
    messages.refuse(original, refusal, _path(file, sweep))
    return ""


def contents_of(file: File, refusal: Refusal, sweep: Sweep) -> Mapping[str, Content]:
    """What the ERP finds among its bank's status reports, by name, in the same clothes as those."""
    written, largest = _path(file, sweep), sweep.services.banks[file.bank or ""].largest_file
    report = sweep.services.messages.read(written, largest).report
    made = sweep.services.exporter.report(report) if report else ()
    exports = {refusal.message_id + export.suffix: export.content for export in made}
    return {f"{refusal.message_id}.xml": written, **exports}


def _path(file: File, sweep: Sweep) -> Path:
    return sweep.services.archive.path(file.id, REFUSAL)
