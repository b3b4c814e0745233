"""The refusal as a bank would send it: may the ERP be told that a payment file is rejected?

ERPs reopen what a status report rejects and pay it anew, so a wrong one pays twice. It is written
only where the bank's terms ask for it and a file was refused by its check, is whole and plain
enough to be compared, was never announced, and shares neither message id nor payment with a file
that was or may be yet. Everybody else has the plain answer alone; so has a file that a person
cancelled, since its payments may have been made in another way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from h2h.core.matching import NAMELESS
from h2h.core.payment import Payment
from h2h.core.problem import Severity
from h2h.core.states import ANNOUNCED, Out
from h2h.core.status import KNOWN_AT_BANK
from h2h.errors import Corrupt, Refused
from h2h.flows.sweep import Sweep, original_of
from h2h.ports import BankTerms, Content, File, MoveRow, Refusal

_NOBODY = "Nobody needs to act: the plain answer says what is wrong."
REFUSAL = "refusal.xml"  # of a dossier
_PREFIX = "H2H-"  # of our own message ids, which no bank's looks like
# What a person could release, but what leaves it open whether the bank has the file.
_DOUBTFUL = frozenset({"first-scan", "name-taken", KNOWN_AT_BANK})
# What sends the file elsewhere, or means that not all of it was read.
# Nor is the ERP told of its own file what a file says that somebody may have changed.
_ELSEWHERE = frozenset(
    {"debtor-account", "routing", "number-of-transactions", "no-payments", "input-seal"}
)


def refusal_of(file: File, moves: Sequence[MoveRow], sweep: Sweep) -> Refusal | None:
    """The refusal that the ERP is told of `file`, written into its dossier; None: there is none."""
    terms = sweep.services.banks.get(file.bank or "")
    if terms is None or not terms.refusals or not file.message_id or file.refusal:
        return None
    if file.state is not Out.INVALID or not _provably_unsent(file, moves):
        return None
    reasons = [problem for problem in file.problems if problem.severity is Severity.ERROR]
    refusal = Refusal(_PREFIX + file.id, sweep.now, tuple(reasons))
    try:
        because = _written(file, refusal, terms, sweep)
    except (Corrupt, Refused) as error:
        because = str(error)
    if because:
        sweep.log.event("no_refusal", file_id=file.id, bank=file.bank, because=because)
        return None
    return refusal


def _provably_unsent(file: File, moves: Sequence[MoveRow]) -> bool:
    announced = any(move.target in ANNOUNCED for move in moves)
    doubtful = any(problem.rule in _DOUBTFUL | _ELSEWHERE for problem in file.problems)
    return not (announced or doubtful or file.first_scan)


def _written(file: File, refusal: Refusal, terms: BankTerms, sweep: Sweep) -> str:
    """Write the refusal; "", or why there must be none."""
    original, messages = original_of(file, sweep), sweep.services.messages
    if sweep.services.archive.digest(original)[0] != file.sha256:
        raise Corrupt(f"{original.name} changed after it was checked", "Look into the dossier.")
    since = sweep.now - timedelta(days=terms.similar_days)
    if file.message_id != file.message_id.strip():
        raise Refused("its message id has blanks at its ends", _NOBODY)
    other = sweep.ledger.elsewhere(file, map(_comparable, messages.payments(original)), since)
    if other:
        return f"file {other} has its message id, or a payment of it"
    messages.refuse(original, refusal, _path(file, sweep))
    return ""


def _comparable(payments: Sequence[Payment]) -> Sequence[Payment]:
    """The payments, each of which can be found again. Raises Refused when one cannot."""
    for payment in payments:
        name = payment.end_to_end_id
        whole = payment.batch.account and payment.counterparty_account and payment.currency
        if payment.amount.is_nan() or not whole or name in NAMELESS or name != name.strip():
            raise Refused(f"{payment.place} cannot be compared with what went before", _NOBODY)
    return payments


def contents_of(file: File, refusal: Refusal, sweep: Sweep) -> Mapping[str, Content]:
    """What the ERP finds among its bank's status reports, by name, in the same clothes as those."""
    written, largest = _path(file, sweep), sweep.services.banks[file.bank or ""].largest_file
    report = sweep.services.messages.read(written, largest).report
    made = sweep.services.exporter.report(report) if report else ()
    exports = {refusal.message_id + export.suffix: export.content for export in made}
    return {f"{refusal.message_id}.xml": written, **exports}


def _path(file: File, sweep: Sweep) -> Path:
    return sweep.services.archive.path(file.id, REFUSAL)
