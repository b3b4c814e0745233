"""Which approvals a payment file needs, and whether it has them. Pure: facts in, a demand out.

Every policy that applies to a file asks what it asks, and the strictest of them counts: the order
of the policies does not matter, and none of them makes an exception from another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from h2h.core.calendar import business_date, business_day_before
from h2h.core.money import product, total
from h2h.core.problem import Problem, Severity
from h2h.core.words import say

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from h2h.core.calendar import CutOff
    from h2h.core.payment import Execution


class Then(StrEnum):
    """What follows from something unusual in a file."""

    NOTHING = "nothing"
    ONE_MORE = "one-more"  # pair of eyes, however many things are unusual
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class AccountSum:
    """What a file moves on one account of ours in one currency."""

    account: str
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Policy:
    """Which files it is for, and what it asks. What is not given as a condition holds for all.

    `above` and `day_above` are in `amounts_in`. `members` are the operators who may give the
    approvals; empty: whoever has the role.
    """

    name: str
    approvals: int = 1
    members: frozenset[str] = frozenset()
    banks: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()  # without blanks, in capitals
    entities: frozenset[str] = frozenset()
    currencies: frozenset[str] = frozenset()
    above: Decimal | None = None  # what the file moves
    day_above: Decimal | None = None  # what goes to its bank on this day, this file included
    amounts_in: str = ""
    new_creditor: Then = Then.NOTHING
    changed_creditor: Then = Then.NOTHING
    after_cut_off: Then = Then.NOTHING

    @property
    def asks_creditors(self) -> bool:
        """Does it need to know who was paid before?"""
        return {self.new_creditor, self.changed_creditor} != {Then.NOTHING}


@dataclass(frozen=True, slots=True)
class Policies:
    """All of them, and a hash of how they are written: an approval is bound to it."""

    each: tuple[Policy, ...] = ()
    fingerprint: str = ""

    def of(self, bank: str) -> tuple[Policy, ...]:
        """Those that may concern files to `bank`."""
        return tuple(policy for policy in self.each if not policy.banks or bank in policy.banks)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is asked of a file: sums, never its payments."""

    bank: str
    sums: tuple[AccountSum, ...]
    entities: Mapping[str, str] = field(default_factory=dict)  # of our accounts
    gone_today: tuple[AccountSum, ...] = ()  # to this bank, or on the way there
    new_creditors: int = 0  # accounts that nothing was ever paid to
    changed_creditors: int = 0  # of these, those whose name was paid at another account
    late: bool = False  # it executes today, and the cut-off has passed


@dataclass(frozen=True, slots=True)
class Group:
    """So many approvals by these operators; no `members`: by anybody who may approve."""

    count: int
    members: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked for before a file may be sealed; `count` persons in all."""

    count: int = 0
    groups: tuple[Group, ...] = ()
    reasons: tuple[str, ...] = ()
    hold: tuple[Problem, ...] = ()

    @property
    def nothing(self) -> bool:
        """Is no approval asked for?"""
        return self.count == 0


# ------------------------------------------------------------------------------------ the decision


def demanded(facts: Facts, policies: Iterable[Policy], rates: Mapping[str, Decimal]) -> Demand:
    """What the policies ask of a file. `rates`: what one unit of each currency is worth in some
    currency that is the same for all. An amount without a rate counts as above every limit."""
    groups, reasons, holds, more = [], [], [], False
    for policy in policies:
        if not _applies(policy, facts, rates):
            continue
        if policy.approvals:
            groups.append(Group(policy.approvals, policy.members))
            reasons.append(_words(policy))
        for then, problem in _unusual(policy, facts):
            more = more or then is Then.ONE_MORE
            if then is Then.HOLD:
                holds.append(problem)
            elif then is Then.ONE_MORE:
                reasons.append(problem.message)
    count = max((group.count for group in groups), default=0) + more
    return Demand(count, tuple(groups), tuple(dict.fromkeys(reasons)), _once(holds))


def missing(demand: Demand, approvers: Collection[str], involved: Collection[str] = ()) -> str:
    """What is still missing, in words; "" when the approvals suffice.

    Each person counts once. Whoever is `involved` (dropped the file, configured its bank) does not
    suffice alone: somebody else has to be among the approvers.
    """
    persons = set(approvers)
    if demand.nothing:
        return ""
    if len(persons) < demand.count:
        return say("{given} of {asked} approvals", given=len(persons), asked=demand.count)
    for group in demand.groups:
        given = len(persons & group.members) if group.members else len(persons)
        if given < group.count:
            return say(
                "{given} of {asked} approvals by {members}",
                given=given,
                asked=group.count,
                members=", ".join(sorted(group.members)),
            )
    if persons <= set(involved):
        return say("an approval by somebody who neither dropped the file nor configured its bank")
    return ""


def _applies(policy: Policy, facts: Facts, rates: Mapping[str, Decimal]) -> bool:
    mine = [each for each in facts.sums if _chosen(policy, each, facts)]
    if policy.banks and facts.bank not in policy.banks:
        return False
    if not mine:
        return False
    if policy.above is None and policy.day_above is None:
        return True
    today = [each for each in facts.gone_today if _chosen(policy, each, facts)]
    return _exceeds(mine, policy.above, policy.amounts_in, rates) or _exceeds(
        [*mine, *today], policy.day_above, policy.amounts_in, rates
    )


def _chosen(policy: Policy, one: AccountSum, facts: Facts) -> bool:
    account = one.account.replace(" ", "").upper()
    return (
        (not policy.accounts or account in policy.accounts)
        and (not policy.currencies or one.currency in policy.currencies)
        and (not policy.entities or facts.entities.get(account, "") in policy.entities)
    )


def _exceeds(
    sums: Sequence[AccountSum], limit: Decimal | None, unit: str, rates: Mapping[str, Decimal]
) -> bool:
    """Are they more than `limit` of `unit`? True too when that cannot be known."""
    if limit is None:
        return False
    if all(each.currency == unit for each in sums):
        return total(each.amount for each in sums) > limit
    if unit not in rates or any(each.currency not in rates for each in sums):
        return True
    worth = total(product(each.amount, rates[each.currency]) for each in sums)
    return worth > product(limit, rates[unit])


def _words(policy: Policy) -> str:
    if not policy.members:
        return say("policy {name}: {count} approvals", name=policy.name, count=policy.approvals)
    members = ", ".join(sorted(policy.members))
    return say(
        "policy {name}: {count} approvals by {members}",
        name=policy.name,
        count=policy.approvals,
        members=members,
    )


def _unusual(policy: Policy, facts: Facts) -> Iterator[tuple[Then, Problem]]:
    remedy = say("Make sure that it is meant, then release the file; or cancel it.")
    if facts.new_creditors:
        words = say("{count} creditor accounts were never paid before", count=facts.new_creditors)
        problem = Problem("new-creditor", Severity.HOLD, words, remedy)
        yield policy.new_creditor, problem
    if facts.changed_creditors:
        words = say(
            "{count} creditors were paid at another account before", count=facts.changed_creditors
        )
        problem = Problem("changed-creditor", Severity.HOLD, words, remedy)
        yield policy.changed_creditor, problem
    if facts.late:
        words = say("it is to be executed today, and the cut-off has passed")
        yield policy.after_cut_off, Problem("late-today", Severity.HOLD, words, remedy)


def _once(holds: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple({problem.rule: problem for problem in holds}.values())


# ------------------------------------------------------------------------------------- until when


@dataclass(frozen=True, slots=True)
class ApproveBy:
    """Until when a file has to be approved or released to be in time; `today`: for today's
    cut-off. `passed`: it is too late for the execution that is asked for."""

    at: datetime
    today: bool
    passed: bool


def approve_by(
    executions: Iterable[Execution],
    cut_offs: Sequence[CutOff],
    calendar: str,
    zone: ZoneInfo,
    now: datetime,
) -> ApproveBy | None:
    """The earliest cut-off of a file, in the bank's zone; None where none is agreed.

    Of several cut-offs the first that fits counts. A day that is past can only be executed today.
    """
    today = business_date(now, zone)
    found = []
    for execution in executions:
        names = {execution.service_level, execution.local_instrument} - {""}
        for each in cut_offs:
            if each.fits(names, execution.currency):
                day = business_day_before(max(execution.day, today), each.days_before, calendar)
                found.append(datetime.combine(day, each.until, zone))
                break
    if not found:
        return None
    earliest = min(found)
    return ApproveBy(earliest, earliest.date() == today, now >= earliest)
