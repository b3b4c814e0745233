"""Rejects: what banks rejected, cancelled or returned, and what h2h refused or held back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from h2h.core.problem import Severity
from h2h.core.states import Out
from h2h.core.words import listed, say
from h2h.ports.reporting import FileTimes, ReportedPayment
from h2h.reports.reasons import meaning, split
from h2h.reports.table import HIDDEN, Again, Books, Column, Kind, Row, Scope, Sums, Table

# A direct debit is returned up to 13 months later (SEPA, unauthorised), nothing later than that.
_LOOK_BACK = timedelta(days=430)
_STOPPED = (Out.INVALID, Out.DUPLICATE, Out.HELD, Out.CANCELLED)
_SERIOUS = frozenset({Severity.ERROR, Severity.HOLD})

_REASONS = (
    Column("code", say("Code")),
    Column("meaning", say("Meaning")),
    Column("bank", say("Bank")),
    Column("state", say("State")),
    Column("currency", say("Currency")),
    Column("payments", say("Payments"), Kind.COUNT),
    Column("amount", say("Amount"), Kind.AMOUNT),
)
_RULES = (
    Column("rule", say("Rule")),
    Column("bank", say("Bank")),
    Column("severity", say("Severity")),
    Column("files", say("Files"), Kind.COUNT),
)
_CREDITORS = (
    Column("counterparty", say("Counterparty")),
    Column("currency", say("Currency")),
    Column("payments", say("Payments"), Kind.COUNT),
    Column("amount", say("Amount"), Kind.AMOUNT),
)
_PAYMENTS = (
    Column("day", say("Day"), Kind.DAY),
    Column("bank", say("Bank")),
    Column("file_id", say("File")),
    Column("end_to_end_id", say("End-to-end id")),
    Column("counterparty", say("Counterparty")),
    Column("currency", say("Currency")),
    Column("amount", say("Amount"), Kind.AMOUNT),
    Column("state", say("State")),
    Column("code", say("Code")),
    Column("reason", say("Reason")),
)
_FILES = (
    Column("created", say("Taken in"), Kind.TIME),
    Column("bank", say("Bank")),
    Column("file_id", say("File")),
    Column("name", say("Name")),
    Column("payments", say("Payments"), Kind.COUNT),
    Column("currency", say("Currency")),
    Column("amount", say("Amount"), Kind.AMOUNT),
    Column("state", say("State")),
    Column("rules", say("Rules")),
)


def rejects(books: Books, scope: Scope) -> Sequence[Table]:
    """By reason, rule and counterparty; then each payment and each file."""
    by_reason: Sums[tuple[str, str, str, str]] = Sums()
    by_name: Sums[tuple[str, str]] = Sums()
    for payment in troubled(books, scope):
        code, _ = split(payment.reason)
        veiled = payment.confidential and not scope.unveiled
        group = (code or payment.status, payment.bank, payment.state.value, payment.currency)
        by_reason.add(group, payment.amount, veiled=veiled)
        name = HIDDEN if veiled else payment.counterparty_name
        by_name.add((name, payment.currency), payment.amount, veiled=veiled)
    reasons = [
        (code, meaning(code), bank, say_state(state), currency, number, by_reason.shown(group))
        for group, number in sorted(by_reason.numbers.items())
        for code, bank, state, currency in [group]
    ]
    often = sorted(by_name.numbers.items(), key=lambda each: (-each[1], each[0]))
    names = [(*group, number, by_name.shown(group)) for group, number in often]
    return [
        Table("reasons", say("By the bank's reason"), _REASONS, reasons),
        Table("rules", say("By rule of h2h"), _RULES, list(by_rule(books, scope))),
        Table("counterparties", say("By counterparty"), _CREDITORS, names),
        Table("payments", say("Payments"), _PAYMENTS, Again(lambda: _payments(books, scope))),
        Table("files", say("Files held back"), _FILES, Again(lambda: _files(books, scope))),
    ]


def troubled(books: Books, scope: Scope) -> Iterator[ReportedPayment]:
    """Payments that a bank rejected, cancelled or returned on one of the days."""
    wanted = books.asked(scope)
    for payment in books.ledger.troubled_payments(scope.begin - _LOOK_BACK, scope.end):
        on_the_days = scope.first <= payment.day <= scope.last
        if on_the_days and (payment.bank, payment.account) in wanted:
            yield payment


def stopped(books: Books, scope: Scope) -> Iterator[FileTimes]:
    """Files of these days that h2h refused, or that it or a person held or took back."""
    for file in books.ledger.file_times(scope.begin, scope.end):
        if scope.takes(file.bank or "") and not file.reached.keys().isdisjoint(_STOPPED):
            yield file


def by_rule(books: Books, scope: Scope) -> Iterator[Row]:
    """How many files each rule refused or held, by bank."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for file in stopped(books, scope):
        serious = {(p.rule, p.severity.value) for p in file.problems if p.severity in _SERIOUS}
        for rule, severity in serious:
            found[rule, file.bank or "", severity] += 1
    yield from ((*group, number) for group, number in sorted(found.items()))


def _payments(books: Books, scope: Scope) -> Iterator[Row]:
    for payment in troubled(books, scope):
        code, words = split(payment.reason)
        veiled = payment.confidential and not scope.unveiled
        named = (payment.end_to_end_id, payment.counterparty_name)
        yield (
            payment.day,
            payment.bank,
            payment.file_id,
            *((HIDDEN, HIDDEN) if veiled else named),
            payment.currency,
            HIDDEN if veiled else payment.amount,
            say_state(payment.state.value),
            code or payment.status,
            HIDDEN if veiled else meaning(code, words),
        )


def _files(books: Books, scope: Scope) -> Iterator[Row]:
    """A line a file and currency; of a confidential file its sums are no secret."""
    for file in stopped(books, scope):
        rules = listed(sorted({p.rule for p in file.problems if p.severity in _SERIOUS}))
        for currency, amount in file.control_sum.items() or [("", "")]:
            yield (
                file.created,
                file.bank or "",
                file.id,
                file.name,
                file.transactions,
                currency,
                Decimal(amount) if amount else None,
                say_state(file.state.value),
                rules,
            )


def say_state(state: str) -> str:
    """A state in the reader's language."""
    return _STATES.get(state, state.replace("_", " "))


_STATES = {
    "rejected": say("rejected"),
    "cancelled": say("cancelled"),
    "returned": say("returned"),
    "invalid": say("refused by h2h"),
    "duplicate": say("duplicate"),
    "held": say("held"),
    "instructed": say("sent"),
    "acknowledged": say("acknowledged"),
    "accepted": say("accepted"),
    "booked": say("booked"),
    "sent": say("sent"),
}
