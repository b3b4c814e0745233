"""Expected statements: each that is missing is told once, and once more when it is filled."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import date, datetime, timedelta

from h2h.core.calendar import business_date, window_end
from h2h.core.expected import LOOK_BACK, Outlook, outlook
from h2h.core.position import Owner, owner_of
from h2h.core.terms import Account
from h2h.flows.sweep import Sweep
from h2h.ports import BankTerms, Ledger

_RECENT = timedelta(days=40)  # what is older was told when it fell due


def tell_missing(sweep: Sweep) -> None:
    """Raise the alarm for every statement that is overdue; a bank in maintenance is left alone."""
    for terms in sweep.services.banks.values():
        if window_end(sweep.now, terms.closed, terms.zone) is None:
            for account in terms.accounts:
                if account.expects is not None:
                    _tell_of(terms, account, sweep)


def outlook_of(
    ledger: Ledger, terms: BankTerms, account: Account, now: datetime, since: date | None = None
) -> Outlook | None:
    """What is missing of one account, as far as known `since`; None when nothing is expected."""
    if account.expects is None:
        return None
    reports = ledger.reports(owner_of(terms.name, account.number, account.currency), since)
    return outlook(account.expects, reports, terms.calendar, terms.zone, now)


def _tell_of(terms: BankTerms, account: Account, sweep: Sweep) -> None:
    owner = owner_of(terms.name, account.number, account.currency)
    today = business_date(sweep.now, terms.zone)
    told = {day for day in _days("missing", owner, sweep.ledger) if today - day < LOOK_BACK}
    still_told = told - _days("filled", owner, sweep.ledger)
    since = min({today - _RECENT, *still_told})
    found = outlook_of(sweep.ledger, terms, account, sweep.now, since)
    if found is None or account.expects is None:
        return
    facts = {"bank": owner.bank, "account": owner.account, "currency": owner.currency}
    for each in found.missing:
        if each.day not in told and sweep.ledger.slot(_key("missing", owner, each.day), sweep.now):
            when = {"day": each.day.isoformat(), "due": each.due.isoformat()}
            sweep.log.event("statement_missing", **facts, **when, because=each.words())
    for day in sorted(still_told - {each.day for each in found.missing}):
        # a day that was told before the first statement came is not filled by a later one
        filled = day in found.covered or account.expects.empty_omitted
        if filled and sweep.ledger.slot(_key("filled", owner, day), sweep.now):
            sweep.log.event("statement_filled", **facts, day=day.isoformat())


def _key(what: str, owner: Owner, day: date | None) -> str:
    """The slot of a day; without one, what the slots of the account begin with."""
    written = day.isoformat() if day else ""
    return f"{what} statement {owner.bank} {owner.account} {owner.currency} {written}"


def _days(what: str, owner: Owner, ledger: Ledger) -> AbstractSet[date]:
    """The days of which so much was told."""
    return {date.fromisoformat(key[-10:]) for key in ledger.taken(_key(what, owner, None))}
