"""What the ledger shows of one account, and of what persons did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from h2h.core.position import Owner
from h2h.core.statement import Entry
from h2h.ports.rows import MoveRow, StatementRow
from h2h.ports.views import Found


@dataclass(frozen=True, slots=True)
class EntryWish:
    """Which entries of an account are looked for; "" and None ask for nothing.

    `beginning` is how a name, an account, a reference or a text of the entry begins; an amount is
    one of `amounts`, whatever its sign. Days are booking days, both included. Without `unveiled`
    nothing is found by what an entry of a confidential payment says; `whole`: the account is
    confidential, and so is each of its entries.
    """

    since: date | None = None
    until: date | None = None
    amounts: tuple[Decimal, ...] = ()
    beginning: str = ""
    unveiled: bool = True
    whole: bool = False


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """One booked line, and the statement that it stands in; `confidential`: a payment of a
    confidential file is behind it, or all of the account is."""

    entry: Entry
    statement_id: str
    file_id: str
    number: str  # of the statement, as the bank numbers it
    as_of: date | None
    confidential: bool


@dataclass(frozen=True, slots=True)
class ActWish:
    """Which acts of persons are looked for. `access`: sign-ins and changes of operators and of the
    configuration too, which only the auditor sees."""

    who: str = ""
    since: datetime | None = None
    until: datetime | None = None  # excluded
    access: bool = False


@dataclass(frozen=True, slots=True)
class Act:
    """A link of the chain that a person made; the file's name "" for an act on the room."""

    move: MoveRow
    file_name: str


class AccountViews(Protocol):
    """The part of the ledger that shows accounts and acts, page by page, the newest first."""

    def account_entries(
        self, owner: Owner, wish: EntryWish, after: str = "", limit: int = 50
    ) -> Found[AccountEntry]:
        """The entries of the booked end-of-day statements, the last of the newest one first."""
        ...

    def account_statements(
        self, owner: Owner, after: str = "", limit: int = 50
    ) -> Found[StatementRow]:
        """Every statement and report of an account, whatever became of it."""
        ...

    def acts(self, wish: ActWish, after: str = "", limit: int = 50) -> Found[Act]:
        """What persons did, and why."""
        ...

    def last_verified(self) -> MoveRow | None:
        """The newest of the links that `note_verified` made."""
        ...

    def note_verified(self, who: str, because: str, now: datetime, *, whole: bool) -> None:
        """Chain that somebody had everything verified: `verify-whole` or `verify-broken`."""
        ...
