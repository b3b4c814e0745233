"""Retention at the desk: a list to erase, by two persons, and legal holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from h2h.core.operators import Act
from h2h.core.retention import Hold, Rule
from h2h.core.words import say
from h2h.desk.signing import signed
from h2h.errors import Refused
from h2h.flows.retention import listed
from h2h.ports import Ledger, Proposal

KIND = "retention"  # of its proposals
UNHOLD = "unhold"  # of those that lift a hold


def propose(
    ledger: Ledger, rules: Sequence[Rule], who: str, reason: str, now: datetime
) -> Proposal:
    """Propose to erase what may go today; another one confirms exactly that list."""
    _insist_operator(ledger, who, reason, Act.PROPOSE)
    today = listed(ledger, rules, now.date())
    if not today.may_go:
        words = say("nothing is past its time that may go")
        raise Refused(words, say("`h2h retention list` tells what stays, and why"))
    return ledger.propose_erasure(today.may_go, today.as_of, who, reason, now)


def confirm(
    ledger: Ledger, rules: Sequence[Rule], number: int, who: str, reason: str, now: datetime
) -> Proposal:
    """Be the second person for a list. It is made anew: what has changed since is refused."""
    _insist_operator(ledger, who, reason, Act.CONFIRM)
    waiting = [each for each in ledger.proposals() if (each.id, each.kind) == (number, KIND)]
    if not waiting:
        words = say("no list {number} waits for a second person", number=number)
        raise Refused(words, say("`h2h retention list` shows what waits"))
    as_of = date.fromisoformat(waiting[0].details["as_of"][0])
    return ledger.confirm_erasure(number, listed(ledger, rules, as_of).may_go, who, reason, now)


def hold(ledger: Ledger, wish: Hold, now: datetime) -> Hold:
    """A legal hold. Who may stop everything may place one: what is kept too long can still go."""
    signed(ledger, wish.who, wish.reason, Act.PAUSE)
    if not (wish.file_id or wish.account or wish.since or wish.until):
        words = say("a hold names a file, an account or a period")
        raise Refused(words, say("Give --file, --account, --since or --until"))
    return ledger.hold(wish, now)


def propose_unhold(ledger: Ledger, number: int, who: str, reason: str, now: datetime) -> Proposal:
    """Propose to lift a legal hold, which is what lets its files be erased."""
    _insist_operator(ledger, who, reason, Act.PROPOSE)
    return ledger.propose_unhold(number, who, reason, now)


def unhold(ledger: Ledger, change: int, who: str, reason: str, now: datetime) -> Proposal:
    """Be the second person for it: the hold is lifted; by itself that erases nothing."""
    _insist_operator(ledger, who, reason, Act.CONFIRM)
    return ledger.unhold(change, who, reason, now)


def _insist_operator(ledger: Ledger, who: str, reason: str, act: Act) -> None:
    """Two persons are two operators: without any, one could be two users of the machine."""
    signed(ledger, who, reason, act)
    if ledger.operator(who) is None:
        words = say("{who} is no operator here", who=who)
        raise Refused(words, say("Erasing, and what permits it, takes two: `h2h operator add`"))
