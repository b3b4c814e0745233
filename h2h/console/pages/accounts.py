"""Accounts: what each has and how old that is; of one, its balances, entries and statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from starlette.responses import Response

from h2h.console.asking import amounts, day, given, onward
from h2h.console.chart import Chart, Line, chart
from h2h.console.guard import signed_in
from h2h.console.page import Asked
from h2h.core.calendar import business_date
from h2h.core.expected import Missing, Report, gaps_in
from h2h.core.operators import Act
from h2h.core.position import Owner, Position, owner_of
from h2h.core.terms import Account
from h2h.core.words import say
from h2h.desk import HIDDEN
from h2h.errors import Refused
from h2h.flows.expecting import outlook_of
from h2h.ports import BankTerms
from h2h.ports.account_views import EntryWish
from h2h.reports.position import position_of

_SHOWN = timedelta(days=90)  # of balances
_RECENT = timedelta(days=40)  # in which a missing statement is looked for


@dataclass(frozen=True, slots=True)
class Held:
    """One account of the list; `age` in days, None where no balance is known."""

    position: Position
    age: int | None
    missing: Sequence[Missing]


def _list(asked: Asked) -> Response:
    return asked.render("accounts.html", lines=_lines(asked), as_of=asked.room.now)


def _one(asked: Asked) -> Response:
    """One account, by bank, number and currency."""
    names = ("bank", "account", "currency")
    owner = Owner(*(given(asked, name) for name in names))
    line = next((each for each in _lines(asked) if _owner(each.position) == owner), None)
    if line is None:
        words = say("there is no account {account}", account=owner.account)
        raise Refused(words, say("Look in the list of accounts"))
    ledger, now = asked.room.ledger, asked.room.now
    terms = asked.room.services.banks.get(owner.bank)
    wish = EntryWish(
        day(asked, "since"),
        day(asked, "until"),
        amounts(asked, "amount"),
        given(asked, "text"),
        unveiled=asked.may(Act.UNVEIL),
        whole=terms is not None and owner.account in terms.confidential_accounts,
    )
    entries = ledger.account_entries(owner, wish, given(asked, "after", 2_000))
    statements = ledger.account_statements(owner, given(asked, "statements", 2_000), 20)
    reports = ledger.reports(owner, now.date() - _SHOWN)
    return asked.render(
        "account.html",
        line=line,
        owner=owner,
        wish=wish,
        filters={name: given(asked, name) for name in ("since", "until", "amount", "text")},
        entries=entries,
        older=onward(asked, after=entries.after),
        statements=statements,
        older_statements=f"{onward(asked, statements=statements.after)}#statements",
        gaps=_gaps(asked, owner, [row.as_of for row in statements.rows]),
        chart=_chart(owner, reports, business_date(now, asked.room.zone)),
        hidden=HIDDEN,
    )


def _lines(asked: Asked) -> list[Held]:
    room = asked.room
    banks = room.services.banks
    missing = {
        _owner_of(terms, account): _missing(asked, terms, account)
        for terms in banks.values()
        for account in terms.accounts
    }
    return [
        Held(each, _age(asked, each), missing.get(_owner(each), ()))
        for each in position_of(room.ledger, banks, room.now)
    ]


def _owner(position: Position) -> Owner:
    return Owner(position.bank, position.account, position.currency)


def _owner_of(terms: BankTerms, account: Account) -> Owner:
    return owner_of(terms.name, account.number, account.currency)


def _missing(asked: Asked, terms: BankTerms, account: Account) -> Sequence[Missing]:
    now = asked.room.now
    since = business_date(now, terms.zone) - _RECENT
    found = outlook_of(asked.room.ledger, terms, account, now, since)
    return found.missing if found else ()


def _age(asked: Asked, position: Position) -> int | None:
    if position.as_of is None:
        return None
    terms = asked.room.services.banks.get(position.bank)
    now = asked.room.now
    today = business_date(now, terms.zone) if terms else now.date()
    return (today - position.as_of).days


def _gaps(asked: Asked, owner: Owner, days: Sequence[date | None]) -> Mapping[str, str]:
    """Of the statements shown, those behind a gap, by id: the gap in words."""
    known = [each for each in days if each]
    if not known:
        return {}
    reports = asked.room.ledger.reports(owner, min(known))
    return {gap.after.id: gap.words() for gap in gaps_in(reports)}


def _chart(owner: Owner, reports: Sequence[Report], today: date) -> Chart | None:
    """The booked balance of each of the last days; None before the first that is known."""
    known = {
        each.as_of: each.closing for each in reports if each.as_of and each.closing is not None
    }
    last = max((on for on in known if on <= today - _SHOWN), default=None)
    balance = known[last] if last else None
    days = [today - _SHOWN + timedelta(days=n) for n in range(1, _SHOWN.days + 1)]
    amounts = [balance := known.get(on, balance) for on in days]
    return chart(days, [Line(owner.bank, tuple(amounts))])


page = signed_in(_list)
one = signed_in(_one)
