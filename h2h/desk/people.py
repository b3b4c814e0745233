"""Operators and the configuration: what two persons change, and what everybody has of his own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from h2h.core.operators import LEAST_ADMINS, Act, Role
from h2h.core.words import say
from h2h.desk.retaining import UNHOLD, unhold
from h2h.desk.signing import insist, signed
from h2h.errors import Refused
from h2h.ports import Ledger, Proposal

_NAME = re.compile(r"[a-z][a-z0-9._-]{0,39}", re.ASCII)


def add_operator(
    ledger: Ledger,
    name: str,
    roles: Sequence[str],
    who: str,
    reason: str,
    now: datetime,
    *,
    os_user: str = "",
    password: str = "",
    owner: bool = False,
) -> Proposal | None:
    """Add an operator: None when that is done, else the change that waits for a second admin.

    Only the workspace's `owner`, in the shell, adds the first two admins alone. Of a `password`
    that waits for a second admin only half is chosen here (see `confirm`); whoever did not choose
    his password himself has to change it at the first sign-in.
    """
    if not _NAME.fullmatch(name):
        words = say("{name} is no name for an operator", name=name)
        raise Refused(words, say("At most 40 of a-z, 0-9, dot, dash, and a letter first"))
    _insist_roles(roles)
    admins = [each for each in ledger.operators() if each.active and Role.ADMIN in each.roles]
    if len(admins) < LEAST_ADMINS:
        if not owner or Role.ADMIN not in roles:
            words = say("there are not {least} admins yet", least=LEAST_ADMINS)
            remedy = say("The owner of the workspace adds them first: `--role admin`")
            raise Refused(words, remedy)
        ledger.enrol(name, os_user, roles, password, who, reason, now)
        return None
    signed(ledger, who, reason, Act.PROPOSE)
    return ledger.propose(
        "add", name, who, reason, now, roles=roles, os_user=os_user, password=password
    )


def change_operator(
    ledger: Ledger,
    kind: str,
    name: str,
    who: str,
    reason: str,
    now: datetime,
    *,
    roles: Sequence[str] = (),
    password: str = "",
) -> Proposal:
    """Propose to `remove` an operator, to give him another `role`, a new `password` (its first
    half), or to take away his second factor (`totp`); a second admin confirms it."""
    signed(ledger, who, reason, Act.PROPOSE)
    if kind == "role":
        _insist_roles(roles)
    return ledger.propose(kind, name, who, reason, now, roles=roles, password=password)


def confirm(ledger: Ledger, number: int, who: str, reason: str, now: datetime) -> Proposal:
    """Be the second person for a change of operators, of the configuration, or of a legal hold.

    With a new password the answer tells its second half, this once: whoever proposed it told the
    first one, so that neither of the two can sign in as the third.
    """
    signed(ledger, who, reason, Act.CONFIRM)
    waiting = {each.id: each.kind for each in ledger.proposals()}
    if waiting.get(number) == UNHOLD:
        return unhold(ledger, number, who, reason, now)
    return ledger.decide(number, who, reason, now, confirmed=True)


def refuse(ledger: Ledger, number: int, who: str, reason: str, now: datetime) -> Proposal:
    """Say no to a change that waits; whoever proposed it may take it back so, too."""
    signed(ledger, who, reason, Act.CONFIRM)
    return ledger.decide(number, who, reason, now, confirmed=False)


def confirm_config(ledger: Ledger, who: str, reason: str, now: datetime) -> Proposal:
    """Be the second person for the change of the configuration that waits."""
    signed(ledger, who, reason, Act.CONFIRM)
    waiting = [each for each in ledger.proposals() if each.kind == "config"]
    if not waiting:
        words = say("no change of the configuration waits for a second person")
        raise Refused(words, say("The daemon notes a change when it starts"))
    return ledger.decide(waiting[0].id, who, reason, now, confirmed=True)


def change_password(ledger: Ledger, name: str, password: str, now: datetime) -> None:
    """An operator's own new password, once he has shown who he is. His sessions end."""
    ledger.set_password(name, password, now)


def new_second_factor(ledger: Ledger, name: str, now: datetime) -> str:
    """An operator's own new second factor: the otpauth:// address for his telephone."""
    return ledger.new_totp(name, now)


def revoke_sessions(ledger: Ledger, name: str, who: str, now: datetime) -> int:
    """End all sessions of an operator: his own, or anybody's for an admin."""
    if name != who:
        insist(ledger, who, Act.PROPOSE)
    return ledger.revoke_all(name, who, now)


def end_session(ledger: Ledger, session: str, who: str, now: datetime) -> None:
    """End one session: one's own, or anybody's for an admin."""
    owners = [each.operator for each in ledger.sessions(now) if each.id == session]
    if not owners:
        words = say("this session is over already")
        raise Refused(words, say("Nothing is left to end"))
    if owners[0] != who:
        insist(ledger, who, Act.PROPOSE)
    ledger.revoke(session, who, now)


def _insist_roles(roles: Sequence[str]) -> None:
    unknown = sorted(set(roles) - set(Role))
    if unknown or not roles:
        words = say("{roles} is no role", roles=", ".join(unknown) or '""')
        raise Refused(words, say("One or several of: {known}", known=", ".join(Role)))
