"""The position of the company: what is booked, pending and sent, and what is to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from h2h.core.calendar import business_date
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
