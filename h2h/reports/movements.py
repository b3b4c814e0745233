"""Movements: what was booked on each account in a period, from its opening to its closing balance.

The unit is the booked end-of-day statement, as in the books themselves, so that opening, entries
and closing come to what the bank says. What does not is told as a difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from h2h.core.money import total
from h2h.core.position import Owner
from h2h.core.statement import Entry
from h2h.core.words import say
from h2h.ports.reporting import StatementFigures
from h2h.reports.table import HIDDEN, Again, Books, Column, Kind, Row, Scope, Table

_NOTHING = Decimal(0)
_BOOK = "BOOK"
_ACCOUNT = (
    Column("bank", say("Bank")),
    Column("account", say("Account")),
    Column("currency", say("Currency")),
)
_SUMS = (
    *_ACCOUNT,
    Column("statements", say("Statements"), Kind.COUNT),
    Column("opening", say("Opening"), Kind.AMOUNT),
    Column("booked", say("Booked"), Kind.AMOUNT),
    Column("closing", say("Closing"), Kind.AMOUNT),
    Column("difference", say("Difference"), Kind.AMOUNT),
    Column("entries", say("Entries"), Kind.COUNT),
    Column("as_of", say("As of"), Kind.DAY),
)
_ENTRIES = (
    *_ACCOUNT,
    Column("booking_date", say("Booked on"), Kind.DAY),
    Column("value_date", say("Value date"), Kind.DAY),
    Column("amount", say("Amount"), Kind.AMOUNT),
    Column("counterparty", say("Counterparty")),
    Column("text", say("Text")),
    Column("reference", say("Bank's reference")),
    Column("statement", say("Statement")),
)


def movements(books: Books, scope: Scope) -> Sequence[Table]:
    """A line an account with its sums, then every entry."""
    found = [
        (owner, figures)
        for owner in books.owners(scope)
        if (figures := books.ledger.statement_figures(owner, scope.first, scope.last))
    ]
    sums = [_sum(owner, figures) for owner, figures in found]
    entries = Again(lambda: _entries(books, scope, found))
    return [
        Table("accounts", say("Accounts"), _SUMS, sums, note=_DIFFERENCE),
        Table("entries", say("Entries"), _ENTRIES, entries),
    ]


_DIFFERENCE = say(
    "A difference other than zero is what no statement here explains: one is missing, or two "
    "overlap."
)


def _sum(owner: Owner, figures: Sequence[StatementFigures]) -> Row:
    opening = next((each.opening for each in figures if each.opening is not None), None)
    closing = next((each.closing for each in reversed(figures) if each.closing is not None), None)
    booked = total(each.booked for each in figures)
    difference = None
    if opening is not None and closing is not None:
        difference = total((closing, opening.copy_negate(), booked.copy_negate()))
    number, last = sum(each.entries for each in figures), figures[-1].as_of
    return (*owner, len(figures), opening, booked, closing, difference, number, last)


def _entries(
    books: Books, scope: Scope, found: Sequence[tuple[Owner, Sequence[StatementFigures]]]
) -> Iterator[Row]:
    """Every booked entry; what is confidential is one line an account, with its sum."""
    for owner, figures in found:
        hides = not scope.unveiled
        veiled = books.ledger.confidential_entries(owner, scope.first, scope.last)
        everything = hides and books.confidential(owner)
        hidden, number = _NOTHING, 0
        for statement in figures:
            own = veiled.get(statement.id, set()) if hides else ()
            for entry in _booked(books, statement):
                if everything or entry.index in own:
                    hidden, number = total((hidden, entry.amount)), number + 1
                else:
                    yield _entry(owner, entry, statement)
        if number:
            words = say("{number} confidential entries together", number=number)
            yield (*owner, None, None, hidden, HIDDEN, words, HIDDEN, "")


def _booked(books: Books, figures: StatementFigures) -> Iterator[Entry]:
    statement = books.ledger.statement(figures.id)
    return (e for e in (statement.entries if statement else ()) if e.status == _BOOK)


def _entry(owner: Owner, entry: Entry, statement: StatementFigures) -> Row:
    bank, account, _ = owner
    days = (entry.booking_date or statement.as_of, entry.value_date)
    told = (entry.servicer_reference, statement.number or statement.id)
    return (bank, account, entry.currency, *days, entry.amount, *words_of(entry), *told)


def words_of(entry: Entry) -> tuple[str, str]:
    """With whom, and what for, as far as the entry tells it of one transaction."""
    if len(entry.details) != 1:
        number = entry.batch_transactions or len(entry.details)
        batch = say("{number} transactions", number=number) if number else ""
        return "", entry.additional_information or batch
    [detail] = entry.details
    debit = entry.amount < 0
    name = detail.creditor_name if debit else detail.debtor_name
    account = detail.creditor_account if debit else detail.debtor_account
    words = (detail.remittance, detail.reference, detail.additional_information)
    return name or account, next(filter(None, words), "") or entry.additional_information
