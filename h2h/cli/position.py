"""`h2h balances`: what every account has; and the statements that should be here and are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.cli.output import Row, Value, show_rows
from h2h.cli.workspace import banks_at, ledger_at, now, translator_at
from h2h.core.money import plain
from h2h.core.position import BY
from h2h.core.words import say, tell

if TYPE_CHECKING:
    from h2h.core.expected import Missing
    from h2h.core.position import Position
    from h2h.core.terms import Account
    from h2h.ports import BankTerms, Ledger

_NAMES = {
    "account": ("bank", "account", "currency"),
    "bank": ("bank", "currency", "accounts"),
    "currency": ("currency", "accounts"),
    "entity": ("entity", "currency", "accounts"),
}
_BOOKED = ("booked", "as_of", "age")
_NOT_BOOKED = ("booked_since", "pending", "sent_open")
_LONGEST_FORECAST = 60


@click.command()
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Booked balances of that day.")
@click.option("--by", type=click.Choice(BY), default="account", help="Add up by this.")
@click.option(
    "--forecast",
    type=click.IntRange(1, _LONGEST_FORECAST),
    metavar="DAYS",
    help="The next business days, by what is sent and due.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def balances(
    path: Path, *, as_of: datetime | None, by: str, forecast: int | None, as_json: bool
) -> None:
    """The position: what is booked and how old that is, what is pending, what was sent."""
    from h2h.core.position import grouped  # noqa: PLC0415 - with the ledger
    from h2h.reports.position import position_of  # noqa: PLC0415 - with the ledger

    if as_of and forecast:
        raise click.UsageError("a forecast begins today: leave out --as-of or --forecast")
    day = as_of.date() if as_of else None
    banks = banks_at(path)
    with ledger_at(path) as ledger:
        positions = position_of(ledger, banks, now(), as_of=day, days=forecast or 0)
        found = grouped(positions, by)
    rows = [_row(each, _age(each, banks, day), past=as_of is not None) for each in found]
    if as_json:
        show_rows(rows, (), as_json=True, empty="")
        return
    figures = (*_BOOKED, *(() if as_of else _NOT_BOOKED))
    shown: list[Row] = [{**row, "accounts": _accounts(row)} for row in rows]
    empty = "There is no account."
    show_rows(shown, (*_NAMES[by], *figures), as_json=False, empty=empty, figures=figures)
    if forecast:
        _show_forecast(shown, found, _NAMES[by])


def _accounts(row: Mapping[str, Value]) -> str:
    """How many accounts are together, and of how many of them a balance is known."""
    known = int(str(row["accounts"])) - int(str(row["without_balance"]))
    return f"{row['accounts']}" if known == row["accounts"] else f"{known} of {row['accounts']}"


def _show_forecast(rows: Sequence[Row], found: Sequence[Position], names: Sequence[str]) -> None:
    days: list[Row] = [
        {**row, "day": day.isoformat(), "balance": _plain(balance)}
        for row, position in zip(rows, found, strict=True)
        for day, balance in position.forecast()
    ]
    figures = ("day", "balance")
    click.secho("forecast", bold=True)
    show_rows(days, (*names, *figures), as_json=False, empty="no forecast", figures=figures)


def _age(position: Position, banks: dict[str, BankTerms], as_of: date | None) -> int | None:
    """Days since the balance, in the bank's zone."""
    from h2h.core.calendar import business_date  # noqa: PLC0415 - with the ledger

    if position.as_of is None:
        return None
    terms = banks.get(position.bank)
    today = business_date(now(), terms.zone) if terms else now().date()
    return ((as_of or today) - position.as_of).days


def _row(position: Position, age: int | None, *, past: bool) -> dict[str, Value]:
    later = {name: None if past else plain(getattr(position, name)) for name in _NOT_BOOKED}
    return {
        "bank": position.bank or None,
        "account": position.account or None,
        "entity": position.entity or None,
        "currency": position.currency,
        "booked": _plain(position.booked),
        "as_of": position.as_of.isoformat() if position.as_of else None,
        "age": age,
        **later,
        "accounts": position.accounts,
        "without_balance": position.without_balance,
        "forecast": [
            {"day": day.isoformat(), "balance": _plain(balance)}
            for day, balance in position.forecast()
        ],
    }


def _plain(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)


# ------------------------------------------------------------------------------------------ missing


def missing_statements(path: Path, ledger: Ledger, *, folded: bool = False) -> list[Row]:
    """Every statement that is overdue, with the gap that it left; `folded`: days of an account that
    follow each other are one row."""
    from h2h.flows.expecting import outlook_of  # noqa: PLC0415 - with the ledger

    translate = translator_at(path)
    return [
        {
            "bank": terms.name,
            "account": account.number,
            "currency": account.currency,
            "day": _days(span),
            "due": span[0].due.isoformat(),
            "because": tell(_why(span), translate),
        }
        for terms in banks_at(path).values()
        for account in terms.accounts
        if (outlook := outlook_of(ledger, terms, account, now())) is not None
        for span in _spans(outlook.missing, account, terms, folded=folded)
    ]


def _spans(
    missing: Sequence[Missing], account: Account, terms: BankTerms, *, folded: bool
) -> list[list[Missing]]:
    """The days each for itself, or those together that have one reason and no other day between."""
    spans: list[list[Missing]] = []
    for each in missing:
        if folded and spans and _follows(spans[-1][-1], each, account, terms):
            spans[-1].append(each)
        else:
            spans.append([each])
    return spans


def _follows(before: Missing, after: Missing, account: Account, terms: BankTerms) -> bool:
    """Is there no day between of which a statement is expected?"""
    between = (before.day + timedelta(days=n) for n in range(1, (after.day - before.day).days))
    days = account.expects.days if account.expects else None
    apart = days and any(days.include(day, terms.calendar) for day in between)
    return before.gap == after.gap and not apart


def _days(span: Sequence[Missing]) -> str:
    first, last = span[0].day, span[-1].day
    return f"{first} … {last}, {len(span)} days" if len(span) > 1 else first.isoformat()


def _why(span: Sequence[Missing]) -> str:
    if len(span) == 1 or span[0].gap:
        return span[0].words()
    return say("due from {due} on, and not here", due=f"{span[0].due:%Y-%m-%d %H:%M}")
