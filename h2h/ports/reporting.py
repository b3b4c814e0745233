"""What reports ask of the ledger: figures of a period, each question bounded by an index."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from h2h.core.position import Owner
from h2h.core.problem import Problem
from h2h.core.statement import Entry
from h2h.core.states import Out, Pay


class StatementFigures(NamedTuple):
    """A booked end-of-day statement: what it comes to, without its entries."""

    id: str
    number: str  # the bank's sequence number, "" when it gives none
    as_of: date
    opening: Decimal | None
    closing: Decimal | None
    booked: Decimal  # the sum of its booked entries
    entries: int
    came: datetime  # when its file was fetched


class BookedEntry(NamedTuple):
    """A booked entry of an account."""

    statement_id: str
    entry: Entry
    confidential: bool = False  # it is a payment of a confidential file


class ReportedPayment(NamedTuple):
    """A payment that a bank was given. `amount` is unsigned, as it was ordered."""

    file_id: str
    file_name: str
    bank: str
    confidential: bool
    collection: bool
    number: int  # its place in the file, from 1
    end_to_end_id: str
    account: str
    amount: Decimal
    currency: str
    counterparty_name: str
    requested_execution_date: date | None
    state: Pay
    status: str  # the bank's last code
    reason: str  # "AC04 closed account number", "" when none was given
    day: date  # when its file came; of what was refused or returned, the bank's day of that


class UncertainMatch(NamedTuple):
    """An entry that may be a payment of ours; it counts for nothing until a person looked."""

    payment: ReportedPayment | None  # None: it may be a whole batch
    file_id: str
    batch_id: str
    why: str
    statement_id: str
    entry: int
    booking_date: date | None
    amount: Decimal  # signed
    currency: str
    confidential: bool


class FileTimes(NamedTuple):
    """A payment file and when it came how far; `reached` has the first time of each state."""

    id: str
    name: str
    bank: str | None
    created: datetime
    state: Out
    confidential: bool
    transactions: int | None
    control_sum: Mapping[str, str]
    problems: tuple[Problem, ...]
    reached: Mapping[str, datetime]
    acts: tuple[tuple[str, str], ...]  # of persons: (state before, state after)
    booked: datetime | None  # when the first report with an entry of it was fetched


class Reporting(Protocol):
    """Figures of a period. Days are those of balances, moments those of files."""

    def statement_figures(
        self, owner: Owner, first: date, last: date
    ) -> Sequence[StatementFigures]:
        """The booked end-of-day statements whose balance is of one of these days, in order."""
        ...

    def confidential_entries(self, owner: Owner, first: date, last: date) -> Mapping[str, set[int]]:
        """By statement, the entries that are payments of confidential files, or may be."""
        ...

    def charged(self, owner: Owner, first: date, last: date) -> Iterator[BookedEntry]:
        """Booked entries beside which charges are named, or whose code may be one of fees."""
        ...

    def unclaimed_debits(self, owner: Owner, first: date, last: date) -> Iterator[BookedEntry]:
        """Booked debits that are no payment of ours, not even an uncertain one."""
        ...

    def file_times(self, begin: datetime, end: datetime) -> Iterator[FileTimes]:
        """Payment files that came in `begin` <= t < `end`, in the order in which they came."""
        ...

    def given_payments(self, begin: datetime, end: datetime) -> Iterator[ReportedPayment]:
        """The payments of files of that time that were announced to a bank."""
        ...

    def troubled_payments(self, begin: datetime, end: datetime) -> Iterator[ReportedPayment]:
        """Payments of files of that time that were rejected, cancelled by the bank or returned."""
        ...

    def uncertain_matches(self, begin: datetime, end: datetime) -> Iterator[UncertainMatch]:
        """Entries that may be payments of files of that time."""
        ...


class Printer(Protocol):
    """What makes a page out of HTML."""

    def pdf(self, html: Path, target: Path) -> None:
        """Write `target`, flushed. Raises ConfigError where there is nothing to print with,
        Transient when it failed."""
        ...


class Mailer(Protocol):
    """What brings a report to people."""

    def mail(
        self, key: str, to: Sequence[str], subject: str, text: str, attachments: Sequence[Path]
    ) -> None:
        """Hand a mail over for delivery; the same `key` is the same mail. Raises Transient."""
        ...


@dataclass(frozen=True, slots=True)
class ReportTerms:
    """Reports that make themselves; nothing named as a condition: all."""

    name: str
    kinds: tuple[str, ...]
    monthly: bool  # else daily
    at: time  # on the clock of `zone`
    zone: ZoneInfo
    calendar: str  # on its business days; "" on every day
    forms: tuple[str, ...]
    banks: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()  # keys of core.books.account_key
    entities: frozenset[str] = frozenset()
    mail_to: tuple[str, ...] = ()
    mailer: Mailer | None = None
