"""Turnaround: how long each bank takes, how much goes through by itself, and what to mend."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from h2h.core.expected import outlook
from h2h.core.position import Owner
from h2h.core.states import Out
from h2h.core.terms import Account
from h2h.core.words import say
from h2h.ports import BankTerms
from h2h.ports.reporting import FileTimes
from h2h.reports.reasons import meaning, split
from h2h.reports.rejects import by_rule, troubled
from h2h.reports.table import Books, Column, Kind, Row, Scope, Table

_RECENT = timedelta(days=40)
_ACCEPTED = (Out.ACCEPTED, Out.PART_ACCEPTED)
_APPROVING = {"awaiting_approval", "approved"}

_TIMES = (
    Column("bank", say("Bank")),
    Column("until", say("From taking in until")),
    Column("files", say("Files"), Kind.COUNT),
    Column("median", say("Median"), Kind.SPAN),
    Column("percentile_90", say("90 of 100 within"), Kind.SPAN),
    Column("slowest", say("Slowest"), Kind.SPAN),
    Column("slowest_file", say("Its file")),
)
_THROUGH = (
    Column("bank", say("Bank")),
    Column("files", say("Files"), Kind.COUNT),
    Column("sent", say("Sent"), Kind.COUNT),
    Column("straight", say("Untouched by persons"), Kind.COUNT),
    Column("approved", say("Only approved"), Kind.COUNT),
    Column("touched", say("Touched otherwise"), Kind.COUNT),
    Column("straight_through", say("Straight through"), Kind.SHARE),
)
_REFUSALS = (
    Column("bank", say("Bank")),
    Column("by", say("By")),
    Column("rule", say("Rule or code")),
    Column("meaning", say("Meaning")),
    Column("files", say("Files"), Kind.COUNT),
    Column("payments", say("Payments"), Kind.COUNT),
)
_LATE = (
    Column("bank", say("Bank")),
    Column("account", say("Account")),
    Column("currency", say("Currency")),
    Column("day", say("Statement of"), Kind.DAY),
    Column("due", say("Due"), Kind.TIME),
    Column("came", say("Came"), Kind.TIME),
    Column("late", say("Late by"), Kind.SPAN),
    Column("because", say("Why")),
)


def turnaround(books: Books, scope: Scope) -> Sequence[Table]:
    """Of the files that came in on these days."""
    by_bank: dict[str, list[FileTimes]] = defaultdict(list)
    for file in books.ledger.file_times(scope.begin, scope.end):
        if scope.takes(file.bank or ""):
            by_bank[file.bank or ""].append(file)
    times = [row for bank in sorted(by_bank) for row in _times(bank, by_bank[bank])]
    through = [_through(bank, by_bank[bank]) for bank in sorted(by_bank)]
    late = list(_late(books, scope))
    return [
        Table("times", say("How long it takes"), _TIMES, times, note=_HOW),
        Table("through", say("What goes through by itself"), _THROUGH, through),
        Table("refusals", say("Refusals"), _REFUSALS, list(_refusals(books, scope))),
        Table("late_statements", say("Late statements"), _LATE, late),
    ]


_HOW = say(
    "Each time begins when the file was taken from its door. Booked is when the first report with "
    "an entry of the file was fetched here."
)


# -------------------------------------------------------------------------------------------- times


def _times(bank: str, files: Sequence[FileTimes]) -> Iterator[Row]:
    stages = (
        (say("sent"), lambda file: file.reached.get(Out.SENT)),
        (say("accepted"), lambda file: _first(file, _ACCEPTED)),
        (say("booked"), lambda file: file.booked),
    )
    for words, moment in stages:
        spans = [
            (reached - file.created, file.id)
            for file in files
            if (reached := moment(file)) is not None
        ]
        if spans:
            slowest, file_id = max(spans)
            every = sorted(span for span, _ in spans)
            yield (bank, words, len(spans), middle(every), within(every, 90), slowest, file_id)


def _first(file: FileTimes, states: Sequence[Out]) -> datetime | None:
    return min((file.reached[state] for state in states if state in file.reached), default=None)


def middle(spans: Sequence[timedelta]) -> timedelta:
    """The median."""
    low, high = statistics.median_low(spans), statistics.median_high(spans)
    return low + (high - low) / 2


def within(spans: Sequence[timedelta], percent: int) -> timedelta:
    """The least of the sorted `spans` that `percent` of them do not exceed (nearest rank)."""
    return spans[math.ceil(len(spans) * percent / 100) - 1]


def _through(bank: str, files: Sequence[FileTimes]) -> Row:
    """Only files that were sent can have gone straight through; the rate is of all."""
    sent = [file for file in files if Out.SENT in file.reached]
    touched = Counter(_touch(file) for file in sent)
    straight = touched["straight"]
    rate = (Decimal(100) * straight / len(files)).quantize(Decimal("0.1"))
    figures = (len(files), len(sent), straight, touched["approved"], touched["touched"])
    return (bank, *figures, rate)


def _touch(file: FileTimes) -> str:
    """What persons did with it."""
    if not file.acts:
        return "straight"
    return "approved" if all({*act} <= _APPROVING for act in file.acts) else "touched"


# ----------------------------------------------------------------------------------- what to mend


def _refusals(books: Books, scope: Scope) -> Iterator[Row]:
    """Ours by rule, in files; the bank's by code, in payments and the files that they are in."""
    for rule, bank, _, files in by_rule(books, scope):
        yield (bank, "h2h", rule, "", files, None)
    payments: Counter[tuple[str, str]] = Counter()
    inside: dict[tuple[str, str], set[str]] = defaultdict(set)
    for payment in troubled(books, scope):
        group = (payment.bank, split(payment.reason)[0] or payment.status)
        payments[group] += 1
        inside[group].add(payment.file_id)
    for group, number in sorted(payments.items()):
        bank, code = group
        yield (bank, say("the bank"), code, meaning(code), len(inside[group]), number)


def _late(books: Books, scope: Scope) -> Iterator[Row]:
    for owner, terms, account in books.agreed():
        if scope.takes(terms.name, owner.account, account.entity) and account.expects is not None:
            yield from sorted(
                (
                    *_came_late(books, scope, owner, terms, account),
                    *_missing(books, scope, owner, terms, account),
                ),
                key=lambda row: str(row[3]),
            )


def _came_late(
    books: Books, scope: Scope, owner: Owner, terms: BankTerms, account: Account
) -> Iterator[Row]:
    assert account.expects is not None  # noqa: S101 - only then is it asked
    for each in books.ledger.statement_figures(owner, scope.first, scope.last):
        due = account.expects.due(each.as_of, terms.calendar, terms.zone)
        expected = account.expects.days.include(each.as_of, terms.calendar)
        if expected and each.came > due:
            yield (*owner, each.as_of, due, each.came, each.came - due, say("came late"))


def _missing(
    books: Books, scope: Scope, owner: Owner, terms: BankTerms, account: Account
) -> Iterator[Row]:
    assert account.expects is not None  # noqa: S101 - only then is it asked
    reports = books.ledger.reports(owner, scope.first - _RECENT)
    found = outlook(account.expects, reports, terms.calendar, terms.zone, books.now)
    for each in found.missing:
        if scope.first <= each.day <= scope.last:
            yield (*owner, each.day, each.due, None, books.now - each.due, each.words())
