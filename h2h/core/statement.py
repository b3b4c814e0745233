"""What a bank's account report says, and the arithmetic that it must obey.

Amounts here are signed: a credit to our account is positive, a debit negative, and so is an
overdrawn balance. `CdtDbtInd` alone decides the sign; a reversal (`RvslInd`) never flips it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class StatementKind(StrEnum):
    """Which of the three account reports it is; only a STATEMENT makes a booked balance."""

    STATEMENT = "statement"  # camt.053, end of day
    INTRADAY = "intraday"  # camt.052
    NOTIFICATION = "notification"  # camt.054


@dataclass(frozen=True, slots=True)
class Balance:
    """One balance, e.g. OPBD or CLBD. `date` is None when the bank left it out."""

    type: str
    amount: Decimal
    currency: str
    date: date | None


@dataclass(frozen=True, slots=True)
class Charge:
    """A charge named beside an entry; it never alters the entry's amount.

    Positive when the bank took it, negative when it gave it back.
    """

    amount: Decimal
    currency: str
    type: str


@dataclass(frozen=True, slots=True)
class EntryDetail:
    """One transaction behind an entry. Text fields are "" when the bank left them out."""

    amount: Decimal | None
    currency: str
    message_id: str
    batch_id: str
    instruction_id: str
    end_to_end_id: str
    servicer_reference: str
    transaction_id: str
    uetr: str
    debtor_name: str
    debtor_account: str
    creditor_name: str
    creditor_account: str
    remittance: str
    reference: str
    return_reason: str
    additional_information: str
    charges: tuple[Charge, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the account. Only status BOOK takes part in the balance equation."""

    index: int  # within its statement, from 1
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


@dataclass(frozen=True, slots=True)
class Statement:
    """One account report out of a file. `index` is its place in the file, from 1.

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
    entries: tuple[Entry, ...]
    doubts: tuple[str, ...] = ()  # why its money or identity is in doubt; such a one is held
