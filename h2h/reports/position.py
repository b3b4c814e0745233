"""The position of the company: what is booked, pending and sent, and what is to come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from h2h.core.calendar import business_date
from h2h.core.position import Agreed, Booked, Owner, Position, owner_of, positions
from h2h.ports import BankTerms, Ledger


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
