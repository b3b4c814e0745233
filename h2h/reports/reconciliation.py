"""Reconciliation: what was sent against what was booked, and what has no partner."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from h2h.core.calendar import business_date
from h2h.core.states import OPEN_PAYMENT, Pay
from h2h.core.words import say
from h2h.ports.reporting import ReportedPayment
from h2h.reports.movements import words_of
from h2h.reports.rejects import say_state
from h2h.reports.table import HIDDEN, Again, Books, Column, Kind, Row, Scope, Sums, Table

_SENT = (
    Column("bank", say("Bank")),
    Column("account", say("Account")),
    Column("currency", say("Currency")),
    Column("how", say("How")),
    Column("payments", say("Payments"), Kind.COUNT),
    Column("amount", say("Amount"), Kind.AMOUNT),
)
_OPEN = (
    Column("bank", say("Bank")),
    Column("account", say("Account")),
    Column("file_id", say("File")),
    Column("end_to_end_id", say("End-to-end id")),
    Column("counterparty", say("Counterparty")),
    Column("currency", say("Currency")),
    Column("amount", say("Amount"), Kind.AMOUNT),
    Column("requested_execution_date", say("To be executed"), Kind.DAY),
    Column("age", say("Age in days"), Kind.COUNT),
    Column("state", say("State")),
)
_UNCERTAIN = (
    Column("file_id", say("File")),
    Column("end_to_end_id", say("End-to-end id or batch")),
    Column("statement", say("Statement")),
    Column("entry", say("Entry"), Kind.COUNT),
    Column("booking_date", say("Booked on"), Kind.DAY),
    Column("currency", say("Currency")),
    Column("amount", say("Amount"), Kind.AMOUNT),
    Column("why", say("Why")),
)
_DEBITS = (
    Column("bank", say("Bank")),
    Column("account", say("Account")),
    Column("booking_date", say("Booked on"), Kind.DAY),
    Column("currency", say("Currency")),
    Column("amount", say("Amount"), Kind.AMOUNT),
    Column("counterparty", say("Counterparty")),
    Column("text", say("Text")),
    Column("type", say("Type")),
    Column("statement", say("Statement")),
)
_MATCHED, _OPEN_STILL = say("matched"), say("open")
_HOW = {Pay.BOOKED: _MATCHED, **dict.fromkeys(OPEN_PAYMENT, _OPEN_STILL)}


def reconciliation(books: Books, scope: Scope) -> Sequence[Table]:
    """Of the payments in files that came in on these days, and of the debits booked on them."""
    sums: Sums[tuple[str, str, str, str]] = Sums()
    for payment in _given(books, scope):
        how = _HOW.get(payment.state) or say_state(payment.state.value)
        sums.add((payment.bank, payment.account, payment.currency, how), payment.amount)
    rows = [(*group, number, sums.sum(group)) for group, number in sorted(sums.numbers.items())]
    return [
        Table("sent", say("Sent, and what became of it"), _SENT, rows),
        Table("open", say("Open"), _OPEN, Again(lambda: _open(books, scope))),
        Table(
            "uncertain",
            say("Uncertain matches"),
            _UNCERTAIN,
            Again(lambda: _uncertain(books, scope)),
            note=say("None of them counts until a person has looked at it."),
        ),
        Table(
            "debits",
            say("Debits without a payment"),
            _DEBITS,
            Again(lambda: _debits(books, scope)),
        ),
    ]


def _given(books: Books, scope: Scope) -> Iterator[ReportedPayment]:
    wanted = books.asked(scope)
    for payment in books.ledger.given_payments(scope.begin, scope.end):
        if (payment.bank, payment.account) in wanted:
            yield payment


def _open(books: Books, scope: Scope) -> Iterator[Row]:
    """How long each is open counts from the day on which it was to be executed."""
    today = business_date(books.now, scope.zone)
    for payment in _given(books, scope):
        if payment.state in OPEN_PAYMENT:
            veiled = payment.confidential and not scope.unveiled
            named = (payment.end_to_end_id, payment.counterparty_name)
            due = payment.requested_execution_date
            yield (
                *(payment.bank, payment.account, payment.file_id),
                *((HIDDEN, HIDDEN) if veiled else named),
                payment.currency,
                HIDDEN if veiled else payment.amount,
                due,
                (today - (due or payment.day)).days,
                say_state(payment.state.value),
            )


def _uncertain(books: Books, scope: Scope) -> Iterator[Row]:
    wanted = books.asked(scope)
    for match in books.ledger.uncertain_matches(scope.begin, scope.end):
        payment = match.payment
        if not (payment is None or (payment.bank, payment.account) in wanted):
            continue
        veiled = match.confidential and not scope.unveiled
        name = payment.end_to_end_id if payment else match.batch_id
        yield (
            match.file_id,
            HIDDEN if veiled else name,
            *(match.statement_id, match.entry, match.booking_date, match.currency),
            *((HIDDEN, HIDDEN) if veiled else (match.amount, match.why)),
        )


def _debits(books: Books, scope: Scope) -> Iterator[Row]:
    """On a confidential account: one line with their sum."""
    for owner in books.owners(scope):
        veiled = books.confidential(owner) and not scope.unveiled
        hidden: Sums[str] = Sums()
        for statement_id, entry, _ in books.ledger.unclaimed_debits(owner, scope.first, scope.last):
            if veiled:
                hidden.add(entry.currency, entry.amount)
                continue
            told = (*words_of(entry), entry.bank_transaction_code, statement_id)
            figures = (entry.booking_date, entry.currency, entry.amount)
            yield (owner.bank, owner.account, *figures, *told)
        for currency, number in hidden.numbers.items():
            words = say("{number} confidential entries together", number=number)
            place = (owner.bank, owner.account, None, currency, hidden.sum(currency))
            yield (*place, HIDDEN, words, HIDDEN, "")
