"""What is past its time, and its erasure, which two persons agree on.

Nothing is erased by itself. What two persons say (desk.retaining) only commits what is to go;
`carry_out`, which whoever holds the ledger calls, does it file by file: the intent is chained and
the ledger's rows are erased, then the dossier's contents, then the chain tells that it is done. Cut
anywhere, it is taken up again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from h2h.core.retention import Expired, Rule, came_before, expired, list_hash
from h2h.core.words import tell
from h2h.errors import H2HError
from h2h.flows import evidence
from h2h.flows.sweep import Sweep
from h2h.ports import Erasure, Ledger


@dataclass(frozen=True, slots=True)
class Listed:
    """What is past its time on a day; `hash` is that of those that may go."""

    as_of: date
    files: Sequence[Expired]

    @property
    def may_go(self) -> Sequence[Expired]:
        """Those that nothing keeps."""
        return [each for each in self.files if not each.kept]

    @property
    def hash(self) -> str:
        """What two persons agree on."""
        return list_hash(self.may_go)


def listed(ledger: Ledger, rules: Sequence[Rule], as_of: date) -> Listed:
    """What is past its time, and why some of it stays. Without a rule nothing ever is."""
    before = came_before(rules, as_of)
    found = ledger.retained(before) if before else ()
    return Listed(as_of, expired(found, rules, ledger.holds() if found else (), as_of))


# ------------------------------------------------------------------------------------- carrying out


def carry_out(sweep: Sweep) -> dict[str, str]:
    """Erase what is confirmed and not done. Returns the files that stay, each with the reason.

    Whoever calls holds the ledger's lock.
    """
    stay = {}
    for erasure in sweep.ledger.to_erase():
        if sweep.stopping():
            break
        try:
            why = _erase(erasure, sweep)
        except (H2HError, OSError) as error:
            why = str(error)
            sweep.log.event("not_erased", file_id=erasure.file_id, because=why)
        if why:
            stay[erasure.file_id] = tell(why, sweep.services.translate)
    return stay


def _erase(erasure: Erasure, sweep: Sweep) -> str:
    why = sweep.ledger.begin_erasure(erasure, sweep.now)
    if why:
        sweep.log.event("erasure_stopped", file_id=erasure.file_id, because=why)
        return why
    because = f"list {erasure.number} ({erasure.hash})"
    sweep.services.archive.erase(erasure.file_id, because)
    sweep.ledger.end_erasure(erasure, sweep.now)
    evidence.bring_one_up_to_date(erasure.file_id, sweep)
    evidence.note_head(sweep)
    sweep.log.event("erased", file_id=erasure.file_id, because=because)
    return ""
