"""What a bank's account report says, and the arithmetic that it must obey.

Amounts here are signed: a credit to our account is positive, a debit negative, and so is an
overdrawn balance. `CdtDbtInd` alone decides the sign; a reversal (`RvslInd`) never flips it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class StatementKind(StrEnum):
    """Which of the three account reports it is; only a STATEMENT makes a booked balance."""

    STATEMENT = "statement"  # camt.053, end of day
    INTRADAY = "intraday"  # camt.052
    NOTIFICATION = "notification"  # camt.054


# What a bank may get wrong in a report and its books are still read: departing from the standard's
# schema, a version that is not carried, a balance without a sign that the equation proves to be a
# credit, totals that its entries deny.
SLIPS = ("schema", "version-between", "balance-sign", "statement-summary")


class Balance(NamedTuple):
    """One balance, e.g. OPBD or CLBD. `date` is None when the bank left it out."""

    type: str
    amount: Decimal
    currency: str
    date: date | None


class Charge(NamedTuple):
    """A charge named beside an entry; it never alters the entry's amount.

    Positive when the bank took it, negative when it gave it back.
    """

    amount: Decimal
    currency: str
    type: str


class Exchange(NamedTuple):
    """How an amount was changed into the account's currency. Amounts are unsigned, as written.

    `instructed` is what was ordered, `counter` its counter value; `rate` is units of `target` (or
    as the bank quotes it) for one of `source`, as the bank wrote it.
    """

    instructed: Decimal | None = None
    instructed_currency: str = ""
    counter: Decimal | None = None
    counter_currency: str = ""
    rate: str = ""
    source: str = ""
    target: str = ""


class EntryDetail(NamedTuple):
    """One transaction behind an entry. Text fields are "" when the bank left them out."""

    amount: Decimal | None = None
    currency: str = ""
    message_id: str = ""
    batch_id: str = ""
    instruction_id: str = ""
    end_to_end_id: str = ""
    servicer_reference: str = ""
    transaction_id: str = ""
    uetr: str = ""
    debtor_name: str = ""
    debtor_account: str = ""
    creditor_name: str = ""
    creditor_account: str = ""
    remittance: str = ""
    reference: str = ""
    return_reason: str = ""
    additional_information: str = ""
    charges: tuple[Charge, ...] = ()
    exchange: Exchange | None = None
    mandate_id: str = ""
    cheque_number: str = ""
    card_number: str = ""  # as the bank wrote it, most of it masked
    debtor_agent: str = ""  # BIC, else the clearing member's number
    creditor_agent: str = ""
    ultimate_debtor: str = ""
    ultimate_creditor: str = ""
    purpose: str = ""


class Entry(NamedTuple):
    """One line of the account. Only status BOOK takes part in the balance equation."""

    index: int  # type: ignore[assignment]  # within its statement, from 1; hides tuple.index
    amount: Decimal
    currency: str
    status: str  # BOOK, PDNG, INFO, or as the bank wrote it
    reversal: bool
    booking_date: date | None
    value_date: date | None
    entry_reference: str
    servicer_reference: str
    bank_transaction_code: str  # "PMNT/ICDT/ESCT", else the proprietary code
    additional_information: str
    batch_transactions: int | None  # the number of transactions a batch booking declares
    batch_message_id: str
    batch_id: str
    charges: tuple[Charge, ...]
    details: tuple[EntryDetail, ...]
    linked_message_id: str = ""  # of the notification that has its details (AddtlInfInd)
    exchange: Exchange | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One account report out of a file. `index` is its place in the file, from 1.

    `entries` may be walked more than once, and may come from a file or ledger while it is walked.
    A balance or entry whose amount, sign or currency cannot be read is left out and is a doubt.
    """

    index: int
    kind: StatementKind
    id: str
    account: str  # IBAN, or the number as written
    currency: str  # the account's, else that of its balances, else that of its entries
    electronic_sequence: str
    legal_sequence: str
    period_from: date | None
    period_to: date | None
    created: str
    copy: str  # COPY, DUPL, CODU or ""
    balances: tuple[Balance, ...]
    entries: Iterable[Entry]
    doubts: tuple[str, ...] = ()  # why its money or identity is in doubt; such a one is held
    page: str = ""  # of a statement in pages


class Part(NamedTuple):
    """Some entries of a statement, as a file is read: no reader has more of it in memory.

    `statement` has these entries only. What it says beside them is what is known so far; with
    `last` it is complete.
    """

    statement: Statement
    last: bool


def whole(parts: Iterable[Part]) -> Iterator[Statement]:
    """The statements with all their entries, each in memory as a whole."""
    entries: list[Entry] = []
    for statement, last in parts:
        entries += statement.entries
        if last:
            yield replace(statement, entries=tuple(entries))
            entries = []
