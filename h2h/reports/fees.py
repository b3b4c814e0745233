"""Fees: charges named beside entries, and entries that are fees themselves.

Whether a bank also books what it names beside an entry is its own custom: the two are told apart
and never added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from h2h.core.money import total
from h2h.core.position import Owner
from h2h.core.statement import Charge, Entry
from h2h.core.words import say
from h2h.ports.reporting import BookedEntry
from h2h.reports.movements import words_of
from h2h.reports.table import HIDDEN, Again, Books, Column, Kind, Row, Scope, Sums, Table

# ISO 20022 bank transaction sub-families of charges, commissions and fees.
_ISO = frozenset({"CHRG", "COMM", "COME", "COMI", "COMT", "FEES"})
# SWIFT MT940 field 61: N, S or F before CHG (charges) or COM (commission); 808: the German
# business transaction code of charges. BAI2 698: miscellaneous fees.
_OTHERS = re.compile(r"[NSF](CHG|COM)(\+.*)?|[^+]*\+808(\+.*)?|698")

_MONTHS = (
    Column("bank", say("Bank")),
    Column("account", say("Account")),
    Column("month", say("Month")),
    Column("currency", say("Currency")),
    Column("fee_entries", say("Fee entries"), Kind.COUNT),
    Column("booked", say("Booked as entries"), Kind.AMOUNT),
    Column("charged_entries", say("Entries with charges"), Kind.COUNT),
    Column("beside", say("Named beside entries"), Kind.AMOUNT),
)
_SINGLE = (
    Column("bank", say("Bank")),
    Column("account", say("Account")),
    Column("booking_date", say("Booked on"), Kind.DAY),
    Column("how", say("How")),
    Column("type", say("Type")),
    Column("currency", say("Currency")),
    Column("fee", say("Fee"), Kind.AMOUNT),
    Column("text", say("Text")),
    Column("statement", say("Statement")),
)


_Group = tuple[str, str, str, str]  # bank, account, month, currency


class Fee(NamedTuple):
    """What a bank took; negative what it gave back."""

    owner: Owner
    day: date
    type: str
    currency: str
    amount: Decimal
    of: BookedEntry
    beside: bool = False  # named beside an entry, not booked by itself


def fees(books: Books, scope: Scope) -> Sequence[Table]:
    """By account, month and currency; then each."""
    beside: Sums[_Group] = Sums()
    booked: Sums[_Group] = Sums()
    for fee in _fees(books, scope):
        sums = beside if fee.beside else booked
        sums.add((*fee.owner[:2], f"{fee.day:%Y-%m}", fee.currency), fee.amount)
    groups = sorted({*booked.numbers, *beside.numbers})
    months = [
        (*group, booked.numbers[group], booked.sum(group), beside.numbers[group], beside.sum(group))
        for group in groups
    ]
    return [
        Table("months", say("By month"), _MONTHS, months, _totals(months), note=_APART),
        Table("fees", say("Single fees"), _SINGLE, Again(lambda: _rows(books, scope))),
    ]


_APART = say(
    "What is named beside an entry may be booked as an entry too: the two are never added. "
    "Money that a bank gave back is negative."
)


def _totals(months: Sequence[Row]) -> list[Row]:
    found: list[Row] = []
    for currency in sorted({str(row[3]) for row in months}):
        rows = [row for row in months if row[3] == currency]
        figures = [[row[at] for row in rows] for at in range(4, 8)]
        counts = [sum(n for n in figures[at] if isinstance(n, int)) for at in (0, 2)]
        sums = [total(a for a in figures[at] if isinstance(a, Decimal)) for at in (1, 3)]
        found.append(("", "", "", currency, counts[0], sums[0], counts[1], sums[1]))
    return found


def is_fee(code: str) -> bool:
    """Is an entry with this bank transaction code a fee?"""
    return not _ISO.isdisjoint(code.split("/")) or _OTHERS.fullmatch(code) is not None


def _fees(books: Books, scope: Scope) -> Iterator[Fee]:
    for owner in books.owners(scope):
        for found in books.ledger.charged(owner, scope.first, scope.last):
            yield from _of_entry(owner, found)


def _of_entry(owner: Owner, found: BookedEntry) -> Iterator[Fee]:
    """A fee entry may name itself among its charges: it is told once."""
    entry = found.entry
    day = entry.booking_date or entry.value_date or date.min
    if is_fee(entry.bank_transaction_code):
        code, amount = entry.bank_transaction_code, entry.amount.copy_negate()
        yield Fee(owner, day, code, entry.currency, amount, found)
        return
    for charge in _charges(entry):
        currency = charge.currency or entry.currency
        yield Fee(owner, day, charge.type, currency, charge.amount, found, beside=True)


def _charges(entry: Entry) -> Sequence[Charge]:
    """Those of the entry, which are the sum of its transactions'; else theirs."""
    return entry.charges or [each for detail in entry.details for each in detail.charges]


def _rows(books: Books, scope: Scope) -> Iterator[Row]:
    for fee in _fees(books, scope):
        veiled = not scope.unveiled and (fee.of.confidential or books.confidential(fee.owner))
        name, text = (HIDDEN, "") if veiled else words_of(fee.of.entry)
        how = say("beside an entry") if fee.beside else say("an entry")
        words = " ".join(filter(None, (name, text)))
        yield (
            *fee.owner[:2],
            fee.day,
            how,
            fee.type,
            fee.currency,
            fee.amount,
            words,
            fee.of.statement_id,
        )
