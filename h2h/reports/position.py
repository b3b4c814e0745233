"""The position of the company: what is booked, pending and sent, and what is to come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from h2h.core.calendar import business_date
from h2h.core.money import total
from h2h.core.position import Agreed, Booked, Owner, Position, grouped, owner_of, positions
from h2h.core.words import say
from h2h.ports import BankTerms, Ledger
from h2h.reports.table import Books, Column, Kind, Row, Scope, Table


def position_of(
    ledger: Ledger,
    banks: Mapping[str, BankTerms],
    now: datetime,
    *,
    as_of: date | None = None,
    days: int = 0,
) -> list[Position]:
    """A line for each account and currency; with `as_of` the booked balances of that day, with
    `days` a forecast of so many business days."""
    agreed = {
        owner_of(terms.name, account.number, account.currency): Agreed(
            account.entity, business_date(now, terms.zone), terms.calendar
        )
        for terms in banks.values()
        for account in terms.accounts
    }
    booked = [
        Booked(Owner(row.bank, row.account, row.currency), Decimal(row.amount), row.as_of)
        for row in ledger.balances(as_of)
    ]
    if as_of is not None:
        return positions(agreed, booked, (), ())
    return positions(agreed, booked, ledger.pending(), ledger.open_payments(), days)


def position(books: Books, scope: Scope) -> Sequence[Table]:
    """What there is: by account, and added up by bank, entity and currency; and what is to come."""
    past = scope.last < business_date(books.now, scope.zone)
    found = [
        each
        for each in position_of(
            books.ledger,
            books.banks,
            books.now,
            as_of=scope.last if past else None,
            days=0 if past else _FORECAST,
        )
        if scope.takes(each.bank, each.account, each.entity)
    ]
    today = scope.last if past else business_date(books.now, scope.zone)

    def row(each: Position, *names: str) -> Row:
        since = (None,) * 3 if past else (each.booked_since, each.pending, each.sent_open)
        age = (today - each.as_of).days if each.as_of else None
        figures = (each.booked, each.as_of, age, *since, each.without_balance)
        return (*names, each.currency, *figures)

    accounts = [row(each, each.bank, each.account, each.entity) for each in found]
    totals = [row(each, "", "", "") for each in grouped(found, "currency")]
    tables = [
        Table("accounts", say("By account"), (*_WHERE, *_FIGURES), accounts, totals),
        Table(
            "banks",
            say("By bank"),
            (_BANK, *_FIGURES),
            [row(each, each.bank) for each in grouped(found, "bank")],
        ),
        Table(
            "entities",
            say("By entity"),
            (_ENTITY, *_FIGURES),
            [row(each, each.entity) for each in grouped(found, "entity")],
        ),
    ]
    coming = [
        (each.bank, each.account, each.currency, day, balance)
        for each in found
        for day, balance in each.forecast()
    ]
    return [*tables, Table("forecast", say("Forecast"), _COMING, coming, note=_BY_WHAT)]


_FORECAST = 5  # business days
_BY_WHAT = say("Booked, announced by the bank, and sent by us; nothing else is foreseen.")
_BANK, _ACCOUNT = Column("bank", say("Bank")), Column("account", say("Account"))
_ENTITY, _CURRENCY = Column("entity", say("Entity")), Column("currency", say("Currency"))
_WHERE = (_BANK, _ACCOUNT, _ENTITY)
_FIGURES = (
    _CURRENCY,
    Column("booked", say("Booked"), Kind.AMOUNT),
    Column("as_of", say("As of"), Kind.DAY),
    Column("age", say("Age in days"), Kind.COUNT),
    Column("booked_since", say("Booked since"), Kind.AMOUNT),
    Column("pending", say("Pending"), Kind.AMOUNT),
    Column("sent_open", say("Sent, open"), Kind.AMOUNT),
    Column("without_balance", say("Accounts without a balance"), Kind.COUNT),
)
_COMING = (
    *(_BANK, _ACCOUNT, _CURRENCY),
    Column("day", say("Day"), Kind.DAY),
    Column("balance", say("Balance"), Kind.AMOUNT),
)


class BalanceLine(NamedTuple):
    """What the accounts of a bank in one currency had booked at the end of each day; None while not
    all of them are known."""

    bank: str
    currency: str
    amounts: tuple[Decimal | None, ...]


def booked_lines(
    ledger: Ledger, banks: Mapping[str, BankTerms], days: Sequence[date]
) -> list[BalanceLine]:
    """The booked balances of our accounts on `days`, the last known one of each account; an account
    of which nothing was ever known is in no line."""
    ours = {
        owner_of(terms.name, account.number, account.currency)
        for terms in banks.values()
        for account in terms.accounts
    }
    known: dict[Owner, list[tuple[date, Decimal]]] = defaultdict(list)
    for row in ledger.booked_balances(days[0]):
        owner = Owner(row.bank, row.account, row.currency)
        if owner in ours and row.as_of is not None:
            known[owner].append((row.as_of, Decimal(row.amount)))
    groups: dict[tuple[str, str], list[list[Decimal | None]]] = defaultdict(list)
    for owner, balances in known.items():
        groups[owner.bank, owner.currency].append([_at(day, balances) for day in days])
    return [
        BalanceLine(bank, currency, tuple(map(_together, zip(*accounts, strict=True))))
        for (bank, currency), accounts in sorted(groups.items())
    ]


def _at(day: date, balances: Sequence[tuple[date, Decimal]]) -> Decimal | None:
    """The newest balance not later than `day`; `balances` in the order of the books."""
    return next((amount for as_of, amount in reversed(balances) if as_of <= day), None)


def _together(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [each for each in amounts if each is not None]
    return total(known) if len(known) == len(amounts) else None
