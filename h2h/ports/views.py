"""What the ledger shows to whoever looks: pages of files and payments, and a day's figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from h2h.ports.rows import BalanceRow, File, MoveRow, PaymentRow, TracedPayment

Row_co = TypeVar("Row_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is looked for; "" and None ask for nothing.

    `text` is an id, a name at either end, a message id, an EndToEndId, an account, an amount with
    or without its currency, a hash, or the beginning of an id or of a name. `currencies` are those
    in which a file may move an amount that is written without one. Without `unveiled` nothing is
    found by what a payment of a confidential file says.
    """

    text: str = ""
    state: str = ""  # of a file, or of a payment
    bank: str = ""
    direction: str = ""
    since: datetime | None = None  # when the file came
    until: datetime | None = None  # excluded
    currencies: tuple[str, ...] = ()
    unveiled: bool = True


@dataclass(frozen=True, slots=True)
class Found(Generic[Row_co]):
    """One page, the newest first. `after` leads to the next one, "" at the end.

    `partial`: so much was looked through without filling the page that it ends early. `names`: more
    names begin with the text than were looked up.
    """

    rows: Sequence[Row_co]
    after: str = ""
    partial: bool = False
    names: bool = False


@dataclass(frozen=True, slots=True)
class FoundPayment:
    """A payment, and the file that it is in."""

    payment: PaymentRow
    file: File


@dataclass(frozen=True, slots=True)
class Sum:
    """So many files, and what they move by currency."""

    files: int = 0
    sums: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counts:
    """What came since a moment: payment files by state, statements by kind; and why banks refused
    payments of these files, by their code."""

    out: Mapping[str, Sum]
    bank_files: int
    statements: Mapping[str, int]
    refused: Mapping[str, int]


class Views(Protocol):
    """The part of the ledger that is only looked at. Nothing here reads a whole table."""

    def search_files(self, wish: Wish, after: str = "", limit: int = 50) -> Found[File]: ...

    def search_payments(
        self, wish: Wish, after: str = "", limit: int = 50
    ) -> Found[FoundPayment]: ...

    def payments_page(self, file_id: str, after: int, limit: int) -> Sequence[PaymentRow]:
        """The payments of a file behind its number `after`, in their order."""
        ...

    def anything_confidential(self) -> bool:
        """Is any file confidential?"""
        ...

    def newest_moves(self, file_ids: Sequence[str]) -> Mapping[str, MoveRow]:
        """The newest move of each of these files."""
        ...

    def counts_since(self, since: datetime) -> Counts:
        """Of the files that came since."""
        ...

    def booked_balances(self, since: date) -> Sequence[BalanceRow]:
        """The booked closing balances of every account from `since` on, and the newest one before;
        by account, the oldest first."""
        ...

    def trace_one(self, file_id: str, number: int) -> TracedPayment | None:
        """The whole life of one payment of a file."""
        ...
