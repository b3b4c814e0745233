"""The columns of statements: their names, and what each shows.

Amounts are signed: a credit to the account is positive. The entry's own money (amount, charges,
exchange, what it does to the balance) stands in its first row only, so that a column adds up.

Rows are made many at once, a column after the other: most columns of most banks are empty, and a
look at a whole column costs no more than one at a cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto
from itertools import islice
from typing import Any, NamedTuple

from h2h.core import books
from h2h.core.money import plain, total
from h2h.core.statement import Charge, Entry, EntryDetail, Exchange, Statement
from h2h.errors import Refused
from h2h.ports import FormTerms

_ROWS = 500  # made at once
_BOOKED = "BOOK"
_NO_DETAIL = EntryDetail()


class Kind(Enum):
    """What the values of a column are. All but texts and flags may be None."""

    TEXT = auto()  # str
    AMOUNT = auto()  # Decimal
    DAY = auto()  # date
    COUNT = auto()  # int
    FLAG = auto()  # bool
    EXCHANGE = auto()  # Exchange


Values = Sequence[Any]  # of one column: each what its Kind says


class Movement(NamedTuple):
    """What an entry does: `debit` and `credit` are unsigned, one of them is None.

    `balance` is the booked balance after it; None where the opening one is not told, or the entry
    is not booked. All are None in a row that is not the first of its entry.
    """

    debit: Decimal | None = None
    credit: Decimal | None = None
    balance: Decimal | None = None


class Side(NamedTuple):
    """The other side of an entry."""

    name: str
    account: str
    agent: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows: of each the entry, its place among the entry's transactions, the transaction."""

    statement: Statement
    entries: Sequence[Entry]
    numbers: Sequence[int | None]  # from 1; None for an entry without transactions
    details: Sequence[EntryDetail]
    movements: Sequence[Movement]
    by_field: Mapping[str, Values]  # "entry.amount", "detail.remittance"

    def first(self, values: Values, nothing: str | None) -> Values:
        """Values of entries, each in the first row of its entry only."""
        if all(map(_FIRST.__contains__, self.numbers)):
            return values
        pairs = zip(values, self.numbers, strict=True)
        return [value if number in _FIRST else nothing for value, number in pairs]


_FIRST = frozenset({None, 1})


def chunk_of(
    statement: Statement,
    entries: Sequence[Entry] = (),
    numbers: Sequence[int | None] = (),
    details: Sequence[EntryDetail] = (),
    movements: Sequence[Movement] = (),
) -> Chunk:
    """The chunk of some rows, of which entries or transactions may be left out."""
    by_field = {f"entry.{name}": values for name, values in _turned(Entry._fields, entries)}
    by_field |= {f"detail.{name}": values for name, values in _turned(EntryDetail._fields, details)}
    return Chunk(statement, entries, numbers, details, movements, by_field)


def _turned(names: Sequence[str], records: Sequence[Values]) -> Iterator[tuple[str, Values]]:
    """Records as columns."""
    return zip(names, zip(*records, strict=True), strict=bool(records))


@dataclass(frozen=True, slots=True)
class Column:
    """One column: what its values are, and where they come from."""

    kind: Kind
    values: Callable[[Chunk], Values]


# ------------------------------------------------------------------------- where a value comes from

_KINDS = {
    "index": Kind.COUNT,
    "batch_transactions": Kind.COUNT,
    "amount": Kind.AMOUNT,
    "booking_date": Kind.DAY,
    "value_date": Kind.DAY,
    "reversal": Kind.FLAG,
    "exchange": Kind.EXCHANGE,
}


def _head(tell: Callable[[Statement], str]) -> Column:
    return Column(Kind.TEXT, lambda chunk: [tell(chunk.statement)] * len(chunk.entries))


def _entry(field: str) -> Column:
    return Column(_KINDS.get(field, Kind.TEXT), lambda chunk: chunk.by_field[f"entry.{field}"])


def _detail(field: str) -> Column:
    return Column(_KINDS.get(field, Kind.TEXT), lambda chunk: chunk.by_field[f"detail.{field}"])


def _charges(level: str) -> Column:
    def values(chunk: Chunk) -> Values:
        found = chunk.by_field[f"{level}.charges"]
        return [charges_words(charges) if charges else "" for charges in found]

    return Column(Kind.TEXT, values)


def _first(of: Column) -> Column:
    nothing = "" if of.kind is Kind.TEXT else None
    return Column(of.kind, lambda chunk: chunk.first(of.values(chunk), nothing))


def charges_words(charges: Iterable[Charge]) -> str:
    """`0.25 EUR; 1.00 EUR`: beside the amount, never part of it."""
    return "; ".join(f"{plain(charge.amount)} {charge.currency}" for charge in charges)


def exchange_words(exchange: Exchange | None) -> str:
    """`100.00 USD = 92.35 EUR at 1.0828 USD/EUR`, as far as it is told."""
    if exchange is None:
        return ""
    amounts = (
        (exchange.instructed, exchange.instructed_currency),
        (exchange.counter, exchange.counter_currency),
    )
    words = " = ".join(f"{plain(value)} {currency}" for value, currency in amounts if value)
    pair = f"{exchange.source}/{exchange.target}".strip("/")
    rate = f"at {exchange.rate} {pair}".strip() if exchange.rate else ""
    return f"{words} {rate}".strip()


def _exchange(kind: Kind, field: str) -> Column:
    """A field of the transaction's exchange, else of the entry's."""

    def values(chunk: Chunk) -> Values:
        nothing = Exchange()
        pairs = zip(
            chunk.by_field["detail.exchange"], chunk.by_field["entry.exchange"], strict=True
        )
        return [getattr(own or entry or nothing, field) for own, entry in pairs]

    return Column(kind, values)


def _movement(field: str) -> Column:
    return Column(
        Kind.AMOUNT, lambda chunk: [getattr(movement, field) for movement in chunk.movements]
    )


def _side(field: str) -> Column:
    def values(chunk: Chunk) -> Values:
        pairs = zip(chunk.entries, chunk.details, strict=True)
        return [getattr(other_side(chunk.statement, *pair), field) for pair in pairs]

    return Column(Kind.TEXT, values)


def _description(chunk: Chunk) -> Values:
    return [
        detail.remittance or detail.additional_information or entry.additional_information
        for entry, detail in zip(chunk.entries, chunk.details, strict=True)
    ]


def _transaction_date(chunk: Chunk) -> Values:
    return [entry.booking_date or entry.value_date for entry in chunk.entries]


def other_side(statement: Statement, entry: Entry, detail: EntryDetail) -> Side:
    """Ours is the side with the statement's account; if not one has it, the payer of what goes out.

    So the other side of a payment that came back is still the one that did not get it.
    """
    debtor = Side(detail.debtor_name, detail.debtor_account, detail.debtor_agent)
    creditor = Side(detail.creditor_name, detail.creditor_account, detail.creditor_agent)
    own = books.account_key(statement.account)
    paid_by_us = own == books.account_key(debtor.account)
    if paid_by_us is (own == books.account_key(creditor.account)):
        paid_by_us = entry.amount < 0
    return creditor if paid_by_us else debtor


HEAD: Mapping[str, Column] = {
    "kind": _head(lambda statement: statement.kind.value),
    "account": _head(lambda statement: statement.account),
    "currency": _head(lambda statement: statement.currency),
    "statement_id": _head(lambda statement: statement.id),
    "sequence": _head(lambda statement: statement.electronic_sequence or statement.legal_sequence),
}
ENTRY: Mapping[str, Column] = {
    "entry": _entry("index"),
    "status": _entry("status"),
    "entry_amount": _first(_entry("amount")),
    "entry_currency": _entry("currency"),
    "reversal": _entry("reversal"),
    "booking_date": _entry("booking_date"),
    "value_date": _entry("value_date"),
    "entry_reference": _entry("entry_reference"),
    "entry_servicer_reference": _entry("servicer_reference"),
    "bank_transaction_code": _entry("bank_transaction_code"),
    "entry_information": _entry("additional_information"),
    "batch_transactions": _entry("batch_transactions"),
    "batch_message_id": _entry("batch_message_id"),
    "batch_id": _entry("batch_id"),
    "entry_charges": _first(_charges("entry")),
    "entry_exchange": _first(_entry("exchange")),
    "linked_message_id": _entry("linked_message_id"),
}
DETAIL: Mapping[str, Column] = {
    "detail": Column(Kind.COUNT, lambda chunk: chunk.numbers),
    "detail_amount": _detail("amount"),
    "detail_currency": _detail("currency"),
    "message_id": _detail("message_id"),
    "payment_batch_id": _detail("batch_id"),
    "instruction_id": _detail("instruction_id"),
    "end_to_end_id": _detail("end_to_end_id"),
    "servicer_reference": _detail("servicer_reference"),
    "transaction_id": _detail("transaction_id"),
    "uetr": _detail("uetr"),
    "debtor_name": _detail("debtor_name"),
    "debtor_account": _detail("debtor_account"),
    "debtor_agent": _detail("debtor_agent"),
    "ultimate_debtor": _detail("ultimate_debtor"),
    "creditor_name": _detail("creditor_name"),
    "creditor_account": _detail("creditor_account"),
    "creditor_agent": _detail("creditor_agent"),
    "ultimate_creditor": _detail("ultimate_creditor"),
    "remittance": _detail("remittance"),
    "reference": _detail("reference"),
    "purpose": _detail("purpose"),
    "return_reason": _detail("return_reason"),
    "additional_information": _detail("additional_information"),
    "mandate_id": _detail("mandate_id"),
    "cheque_number": _detail("cheque_number"),
    "card_number": _detail("card_number"),
    "detail_charges": _charges("detail"),
    "detail_exchange": _detail("exchange"),
}
STANDARD: Mapping[str, Column] = {**HEAD, **ENTRY, **DETAIL}
# Made of several fields, or parts of one; written only for a receiver that names them.
COMPUTED: Mapping[str, Column] = {
    "transaction_date": Column(Kind.DAY, _transaction_date),
    "debit": _movement("debit"),
    "credit": _movement("credit"),
    "running_balance": _movement("balance"),
    "counterparty_name": _side("name"),
    "counterparty_account": _side("account"),
    "counterparty_agent": _side("agent"),
    "description": Column(Kind.TEXT, _description),
    "instructed_amount": _exchange(Kind.AMOUNT, "instructed"),
    "instructed_currency": _exchange(Kind.TEXT, "instructed_currency"),
    "counter_amount": _exchange(Kind.AMOUNT, "counter"),
    "counter_currency": _exchange(Kind.TEXT, "counter_currency"),
    "exchange_rate": _exchange(Kind.TEXT, "rate"),
    "exchange_source": _exchange(Kind.TEXT, "source"),
    "exchange_target": _exchange(Kind.TEXT, "target"),
}
COLUMNS: Mapping[str, Column] = {**STANDARD, **COMPUTED}


# -------------------------------------------------------------------------------------------- rows

_MOVES = frozenset({"debit", "credit", "running_balance"})
_NO_MOVEMENT = Movement()
_Row = tuple[Entry, int | None, EntryDetail, Movement]


class Table:
    """The columns that a receiver gets, as its terms name them, and the rows of its statements."""

    def __init__(self, terms: FormTerms) -> None:
        names = terms.columns or tuple(STANDARD)
        self.headings = terms.headings or names
        if unknown := [name for name in names if name not in COLUMNS]:
            words = f"there is no column {', '.join(unknown)}"
            raise Refused(words, f"Choose among {', '.join(COLUMNS)}")
        if len(self.headings) != len(names):
            words = f"{len(self.headings)} headings are given for {len(names)} columns"
            raise Refused(words, "Give each column its heading, or none at all")
        self.columns = [COLUMNS[name] for name in names]
        self._moves = not _MOVES.isdisjoint(names)
        self._booked, self._by_entry = terms.booked, terms.rows == "entries"

    def begin(self, statement: Statement) -> None:
        """The entries that come now are this statement's."""
        self._statement, self._running = statement, _Running(statement)

    def chunks(self, entries: Iterable[Entry]) -> Iterator[Chunk]:
        """The rows of the next entries: one for each transaction, else one for the entry."""
        rows = self._rows(entries)
        while found := list(islice(rows, _ROWS)):
            yield chunk_of(self._statement, *zip(*found, strict=True))

    def _rows(self, entries: Iterable[Entry]) -> Iterator[_Row]:
        movement = _NO_MOVEMENT
        for entry in entries:
            if self._booked and entry.status != _BOOKED:
                continue
            if self._moves:
                movement = self._running.after(entry)
            details = entry.details
            if not details or (self._by_entry and len(details) > 1):
                yield entry, None, _NO_DETAIL, movement
                continue
            for number, detail in enumerate(details, 1):
                yield entry, number, detail, movement
                movement = _NO_MOVEMENT


class _Running:
    """The booked balance while entries pass, in the order in which the bank lists them."""

    def __init__(self, statement: Statement) -> None:
        first = books.opening(statement)
        self._currency = statement.currency
        self._balance = first.amount if first else None

    def after(self, entry: Entry) -> Movement:
        amount, balance = entry.amount, None
        if entry.status == _BOOKED and self._balance is not None:
            same = entry.currency == self._currency
            balance = self._balance = total((self._balance, amount)) if same else None
        if amount < 0:
            return Movement(amount.copy_abs(), None, balance)
        return Movement(None, amount, balance)
