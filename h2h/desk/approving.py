"""Saying yes to a payment file, or setting it aside."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from h2h.core.approval import ApproveBy, approve_by
from h2h.core.operators import Act
from h2h.core.states import BEFORE_DELIVERING, Out
from h2h.core.words import say
from h2h.desk.files import file_named, moved_on, state_of
from h2h.desk.signing import signed
from h2h.errors import Refused
from h2h.ports import Approval, Asked, BankTerms, File, Ledger, Progress


def approve(
    ledger: Ledger,
    file_id: str,
    who: str,
    reason: str,
    now: datetime,
    *,
    content: str = "",
    terms: str = "",
) -> str:
    """Approve a file that waits for it; returns its state: `approved` with the last approval that
    was missing, else still `awaiting_approval`.

    Bound to `content`, the SHA-256 that the person was shown ("": as it stands now), and to
    `terms`, the policies and the bank's configuration under which it was shown ("": under which it
    waits now).
    """
    signed(ledger, who, reason, Act.APPROVE)
    file = file_named(ledger, file_id)
    if file.state is not Out.AWAITING_APPROVAL:
        words = say("{id} is {state}, it waits for no approval", id=file.id, state=file.state)
        raise Refused(words, say("Look at it with `h2h show`, then decide"))
    asked = ledger.asked_of(file.id)
    if asked is None or broken_words(ledger, file):
        why = broken_words(ledger, file) or say("nobody asked for it")
        words = say("{id} cannot be approved: {why}", id=file.id, why=why)
        raise Refused(words, say("Somebody changed the ledger by hand; see `h2h archive verify`"))
    wanted = content or file.sha256
    return state_of(ledger.approve(file, wanted, terms or asked.terms, who, reason, now), file)


def hold(ledger: Ledger, file_id: str, who: str, reason: str, now: datetime) -> str:
    """Set a payment file aside before it is delivered; `release` lets it go on."""
    signed(ledger, who, reason, Act.HOLD)
    file = file_named(ledger, file_id)
    if file.state not in BEFORE_DELIVERING - {Out.CLAIMING, Out.HELD}:
        words = say("{id} is {state} and cannot be held", id=file.id, state=file.state)
        raise Refused(words, say("`h2h show` tells where it stands"))
    moved = ledger.move(file, Out.HELD, now, because=reason, who=who)
    if moved is None:
        raise moved_on(file)
    return moved.state.value


def approve_by_of(file: File, terms: BankTerms, now: datetime) -> ApproveBy | None:
    """Until when a waiting or held payment file has to be decided to be in time; else None."""
    if file.direction != "out" or file.state not in {Out.AWAITING_APPROVAL, Out.HELD}:
        return None
    return approve_by(file.executions, terms.check.cut_offs, terms.calendar, terms.zone, now)


def approvals_of(ledger: Ledger, file: File) -> list[tuple[Approval, str]]:
    """All that were given, each with why it does not count, "" when it does.

    Of a file that is at its bank, what counted when it went counts.
    """
    wanted = ledger.asked_of(file.id)
    standing = {each.move for each in ledger.counting(wanted)} if wanted else set()
    return [(each, _why_not(each, wanted, file, standing)) for each in ledger.approvals(file.id)]


def _why_not(each: Approval, wanted: Asked | None, file: File, standing: Collection[int]) -> str:
    if wanted is None or (each.content, each.terms) != (wanted.content, wanted.terms):
        return say("it was for something else")
    if file.state in BEFORE_DELIVERING and each.move not in standing:
        return say("{who} was removed since, or lost the role", who=each.operator)
    return ""


def progress_words(progress: Progress) -> str:
    """`1 of 2 approvals, after bob`; "" when nothing is missing."""
    if not progress.missing or not progress.given:
        return progress.missing
    names = ", ".join(progress.given)
    return say("{missing}, after {names}", missing=progress.missing, names=names)


def broken_words(ledger: Ledger, file: File) -> str:
    """Why the ledger's word on a file is not the chain's; "" when it is."""
    return ledger.broken_path(file)
