"""The position: what is booked, what the bank shows as pending, what was sent, what is to come.

Amounts are signed: money that leaves an account is negative. Different currencies are never added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import count, islice
from typing import NamedTuple

from h2h.core.books import account_key
from h2h.core.calendar import is_business_day
from h2h.core.money import total

_NOTHING = Decimal(0)
_DAY = timedelta(days=1)


class Owner(NamedTuple):
    """An account in one currency at one bank; the number as `account_key` makes it."""

    bank: str
    account: str
    currency: str


class Booked(NamedTuple):
    """The newest booked closing balance of an account."""

    owner: Owner
    amount: Decimal
    as_of: date | None


class Reported(NamedTuple):
    """What the bank has told of an account since its newest booked closing balance."""

    owner: Owner
    booked_since: Decimal  # entries booked since, by intraday reports
    pending: Decimal  # entries announced and not booked yet


class Open(NamedTuple):
    """Payments of ours that a bank was given and has not yet booked, rejected or cancelled."""

    owner: Owner
    day: date | None  # requested for execution, or collection
    amount: Decimal
    payments: int


@dataclass(frozen=True, slots=True)
class Agreed:
    """What is known of an account beside its figures."""

    entity: str
    today: date  # in the bank's zone
    calendar: str  # the bank's business days


@dataclass(frozen=True, slots=True)
class Position:
    """One line of the position: an account, or several of one currency together.

    Fields of what it was grouped over are "". `booked` is None when no balance is known;
    `without_balance` counts the accounts of which that is so: nothing that banks told of their
    money is in it.
    """

    bank: str
    account: str
    entity: str
    currency: str
    booked: Decimal | None
    as_of: date | None  # of several accounts the oldest
    booked_since: Decimal
    pending: Decimal
    sent_open: Decimal
    coming: Mapping[date, Decimal]  # `sent_open` by the day on which it is to move
    days: tuple[date, ...]  # of the forecast, business days from today on
    accounts: int = 1
    without_balance: int = 0
    ours: bool = True  # configured; what is not, is in no total

    def forecast(self) -> list[tuple[date, Decimal | None]]:
        """The balance to be expected at the end of each day; None where not all is known today."""
        return [(day, self._until(day)) for day in self.days]

    def _until(self, day: date) -> Decimal | None:
        if self.booked is None or self.without_balance:
            return None
        due = (amount for each, amount in self.coming.items() if each <= day)
        return total((self.booked, self.booked_since, self.pending, *due))


def positions(
    agreed: Mapping[Owner, Agreed],
    booked: Iterable[Booked],
    reported: Iterable[Reported],
    sent: Iterable[Open],
    days: int = 0,
) -> list[Position]:
    """One line an account, in order; `agreed` has all of ours, with or without figures.

    The forecast has `days` business days, today the first where it is one. What was due before
    shows there, what is due on a holiday on the next. An account that is not in `agreed` has a line
    where there is a booked balance of it or a payment was sent from it, and is not forecast.
    """
    balances = {each.owner: each for each in booked}
    since = {each.owner: each for each in reported}
    going: dict[Owner, list[Open]] = defaultdict(list)
    for each in sent:
        going[each.owner].append(each)
    owners = sorted({*agreed, *balances, *going})
    return [
        _position(
            owner, agreed.get(owner), balances.get(owner), since.get(owner), going[owner], days
        )
        for owner in owners
    ]


def _position(
    owner: Owner,
    agreed: Agreed | None,
    booked: Booked | None,
    reported: Reported | None,
    sent: Sequence[Open],
    days: int,
) -> Position:
    return Position(
        bank=owner.bank,
        account=owner.account,
        entity=agreed.entity if agreed else "",
        currency=owner.currency,
        booked=booked.amount if booked else None,
        as_of=booked.as_of if booked else None,
        booked_since=reported.booked_since if reported else _NOTHING,
        pending=reported.pending if reported else _NOTHING,
        sent_open=total(each.amount for each in sent),
        coming=_coming(sent, agreed.today) if agreed else {},
        days=_business_days(agreed, days) if agreed else (),
        without_balance=0 if booked else 1,
        ours=agreed is not None,
    )


def _coming(sent: Iterable[Open], today: date) -> dict[date, Decimal]:
    by_day: dict[date, list[Decimal]] = defaultdict(list)
    for each in sent:
        by_day[each.day or today].append(each.amount)
    return {day: total(by_day[day]) for day in sorted(by_day)}


def _business_days(agreed: Agreed, number: int) -> tuple[date, ...]:
    """The next business days, today the first where it is one."""
    following = (agreed.today + n * _DAY for n in count())
    return tuple(islice((d for d in following if is_business_day(d, agreed.calendar)), number))


# ----------------------------------------------------------------------------------------- together

BY = ("account", "bank", "currency", "entity")


def grouped(found: Iterable[Position], by: str) -> list[Position]:
    """The positions of our accounts added up by one of `BY`, each currency for itself.

    What is as old as its oldest part is called so. Banks whose holidays differ have days of the
    forecast of their own: the earliest of all of them are told.
    """
    if by == "account":
        return list(found)
    groups: dict[tuple[str, str], list[Position]] = defaultdict(list)
    for each in found:
        if each.ours:
            groups[_name(each, by), each.currency].append(each)
    return [_sum(groups[key], by) for key in sorted(groups)]


def _name(position: Position, by: str) -> str:
    return {"bank": position.bank, "entity": position.entity, "currency": ""}[by]


def _sum(group: Sequence[Position], by: str) -> Position:
    first = group[0]
    told = [each for each in group if each.booked is not None]
    known = [each.booked for each in told if each.booked is not None]
    dates = [each.as_of for each in told]
    coming: dict[date, list[Decimal]] = defaultdict(list)
    for each in group:
        for day, amount in each.coming.items():
            coming[day].append(amount)
    longest = max(len(each.days) for each in group)
    return replace(
        first,
        bank=first.bank if by == "bank" else "",
        account="",
        entity=first.entity if by == "entity" else "",
        booked=total(known) if known else None,
        as_of=min((day for day in dates if day), default=None) if all(dates) else None,
        booked_since=total(each.booked_since for each in told),
        pending=total(each.pending for each in told),
        sent_open=total(each.sent_open for each in group),
        coming={day: total(coming[day]) for day in sorted(coming)},
        days=tuple(sorted({day for each in group for day in each.days})[:longest]),
        accounts=sum(each.accounts for each in group),
        without_balance=sum(each.without_balance for each in group),
    )


def owner_of(bank: str, number: str, currency: str) -> Owner:
    """The owner of an account as its number is written."""
    return Owner(bank, account_key(number), currency)
