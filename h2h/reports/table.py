"""What every report is made of: tables of typed columns, and what it was asked for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from h2h.core.books import account_key
from h2h.core.money import total
from h2h.core.position import Owner, owner_of
from h2h.core.terms import Account
from h2h.ports import BankTerms, Ledger

HIDDEN = "•••"  # what only the role payroll may see
_DAY = timedelta(days=1)
Group = TypeVar("Group", bound=Hashable)


class Kind(StrEnum):
    """What the cells of a column are."""

    TEXT = "text"
    AMOUNT = "amount"  # Decimal, signed; its currency stands in a column of its own
    DAY = "day"
    TIME = "time"  # aware
    COUNT = "count"
    SPAN = "span"  # timedelta
    SHARE = "share"  # Decimal, percent


Cell = str | int | Decimal | date | datetime | timedelta | None
Row = Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is for programs and never changes, `heading` for people."""

    name: str
    heading: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` may be walked more than once, and may come from the ledger while they are walked."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: Iterable[Row]
    totals: Sequence[Row] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report is asked for: days on the clock of `zone`, and whose. Nothing named: all."""

    first: date
    last: date
    zone: ZoneInfo
    banks: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()  # keys of core.books.account_key
    entities: frozenset[str] = frozenset()
    unveiled: bool = False  # names and amounts of confidential payments too

    @property
    def begin(self) -> datetime:
        """The first moment."""
        return datetime.combine(self.first, time(), self.zone).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.last + _DAY, time(), self.zone).astimezone(UTC)

    def takes(self, bank: str, account: str | None = None, entity: str = "") -> bool:
        """Is it asked for? Without an account: something of a bank."""
        if self.banks and bank not in self.banks:
            return False
        if account is None:
            return not (self.accounts or self.entities)
        ours = not self.accounts or account in self.accounts
        return ours and (not self.entities or entity in self.entities)


def zone_of(banks: Mapping[str, BankTerms]) -> ZoneInfo:
    """Whose days a report counts when nobody says otherwise: those of the first bank."""
    return next((terms.zone for terms in banks.values()), ZoneInfo("UTC"))


@dataclass(frozen=True, slots=True)
class Report:
    """A report that is ready to be shown."""

    kind: str
    title: str
    scope: Scope
    made: datetime
    environment: str
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Books:
    """What reports are made from."""

    ledger: Ledger
    banks: Mapping[str, BankTerms]
    now: datetime

    def owners(self, scope: Scope) -> Sequence[Owner]:
        """The accounts that are asked for: those that are agreed, and those with a balance."""
        entities = self.entities()
        known = {*entities, *(Owner(r.bank, r.account, r.currency) for r in self.ledger.balances())}
        return sorted(
            owner
            for owner in known
            if scope.takes(owner.bank, owner.account, entities.get(owner, ""))
        )

    def entities(self) -> Mapping[Owner, str]:
        """Whose each agreed account is."""
        return {owner: account.entity for owner, _, account in self.agreed()}

    def agreed(self) -> Iterator[tuple[Owner, BankTerms, Account]]:
        """Every account of the configuration."""
        for terms in self.banks.values():
            for account in terms.accounts:
                yield owner_of(terms.name, account.number, account.currency), terms, account

    def asked(self, scope: Scope) -> Wanted:
        """Which payments are asked for, by bank and account."""
        entities = {(o.bank, o.account): entity for o, entity in self.entities().items()}
        return Wanted(scope, entities)

    def confidential(self, owner: Owner) -> bool:
        """Is all on this account for the role payroll alone?"""
        terms = self.banks.get(owner.bank)
        return terms is not None and owner.account in terms.confidential_accounts


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of which accounts the payments are asked for."""

    scope: Scope
    entities: Mapping[tuple[str, str], str]

    def __contains__(self, place: tuple[str, str]) -> bool:
        bank, account = place
        key = account_key(account)
        return self.scope.takes(bank, key, self.entities.get((bank, key), ""))


class Sums(Generic[Group]):
    """Amounts added up by group, exactly; what must not be shown is counted, not added."""

    def __init__(self) -> None:
        self.numbers: dict[Group, int] = defaultdict(int)
        self._amounts: dict[Group, Decimal] = defaultdict(Decimal)
        self._hidden: dict[Group, int] = defaultdict(int)

    def add(self, group: Group, amount: Decimal, *, veiled: bool = False) -> None:
        """One more of this group."""
        self.numbers[group] += 1
        if veiled:
            self._hidden[group] += 1
        else:
            self._amounts[group] = total((self._amounts[group], amount))

    def sum(self, group: Group) -> Decimal:
        """What may be shown of it."""
        return self._amounts[group]

    def shown(self, group: Group) -> Cell:
        """The same; HIDDEN where something of it is."""
        return HIDDEN if self._hidden[group] else self._amounts[group]


class Again:
    """Rows that are made anew each time they are walked."""

    def __init__(self, make: Callable[[], Iterator[Row]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[Row]:
        return self._make()
