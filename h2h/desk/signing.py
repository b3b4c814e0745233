"""Who acts, and whether that role may. Every act of the desk begins here."""

from __future__ import annotations

from h2h.core.operators import ACT_WORDS, Act, may, who_may
from h2h.core.words import say
from h2h.errors import Refused
from h2h.ports import Ledger


def signed(ledger: Ledger, who: str, reason: str, act: Act) -> None:
    """Raise Refused unless the act carries a name and a reason, and `who` may do it."""
    if not who.strip() or not reason.strip():
        words = say("an act needs a name and a reason")
        raise Refused(words, say("Give --reason in words"))
    insist(ledger, who, act)


def insist(ledger: Ledger, who: str, act: Act) -> None:
    """Raise Refused unless the operator `who` may. While there is no operator, anybody may who can
    write to the workspace."""
    if permitted(ledger, who, act):
        return
    if ledger.operator(who) is None:
        words = say("{who} is no operator here", who=who)
        raise Refused(words, say("An admin adds operators: `h2h operator add`"))
    words = say("{who} may not do this ({act})", who=who, act=ACT_WORDS[act])
    raise Refused(words, say("These roles may: {roles}", roles=who_may(act)))


def permitted(ledger: Ledger, who: str, act: Act) -> bool:
    """May `who` do it now?"""
    operator = ledger.operator(who)
    if operator is not None:
        return may(operator.roles, act)
    return not ledger.operators()


def roles_of(ledger: Ledger, who: str) -> tuple[str, ...] | None:
    """The roles of an operator; None while there is no operator at all, () for a stranger."""
    operator = ledger.operator(who)
    if operator is not None:
        return operator.roles
    return () if ledger.operators() else None
