"""Statements written as MT940, intraday reports and notifications as MT942, for an ERP that reads
nothing newer.

Money and identity are written exactly or not at all (Refused); of texts and dates, what the format
has no room for is left out and told, a sentence each, so that nobody takes the file for the whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from typing import BinaryIO

from h2h.adapters.messages import information
from h2h.adapters.messages.information import Information
from h2h.adapters.messages.leftover import Leftover
from h2h.adapters.messages.mt940 import entry_date
from h2h.adapters.messages.text import in_set_x
from h2h.core import books
from h2h.core.money import decimals_of, decimals_used, plain, total
from h2h.core.statement import Balance, Entry, EntryDetail, Statement, StatementKind
from h2h.errors import Refused

_REFERENCE, _ACCOUNT, _FIGURE, _NUMBER = 16, 35, 15, 5  # characters: 16x, 35x, 15d, 5n
_OWN = 6  # of the reference: what tells an id that was cut from others that begin like it
_OTHER_FORM = "Hand it over in another format: camt, CSV and JSON Lines have room for it"
_AVAILABLE = {"CLAV": "64", "FWAV": "65"}
_PROPRIETARY = re.compile(r"([NSF][A-Z0-9]{3})(?:\+(\d{3}))?(?:\+(\w{1,10}))?", re.ASCII)
# ISO family -> SWIFT's transaction type, and the German business transaction code where both sides
# agree on one: 116 and 166 credit transfer out and in, 105 and 171 collection paid and received.
_FAMILIES = {
    "ICDT": ("NTRF", "116"),
    "RCDT": ("NTRF", "166"),
    "RDDT": ("NDDT", "105"),
    "IDDT": ("NDDT", "171"),
    "ICHQ": ("NCHK", ""),
    "RCHQ": ("NCHK", ""),
}
_SUBFAMILIES = {"CHRG": "NCHG", "COMM": "NCHG", "FEES": "NCHG", "INTR": "NINT"}
_MISCELLANEOUS, _OTHER = "NMSC", "835"  # 835: other bookings


def write_mt940(statement: Statement, target: BinaryIO) -> tuple[str, ...]:
    """Write an end-of-day statement, and tell what was left out or changed. CRLF ends its lines.

    A page begins or ends with an interim balance (60M, 62M). Raises Refused when its money or
    identity does not go into the format.
    """
    if statement.kind is not StatementKind.STATEMENT:
        raise _refused(statement, "is no end-of-day statement; MT940 holds nothing else")
    first, last = books.opening(statement), books.closing(statement)
    if first is None or last is None:
        raise _refused(statement, "has no opening or no closing balance")
    out = _Out(statement, statement.period_to or last.date)
    others = [balance for balance in statement.balances if balance not in {first, last}]
    parts = (
        _head(out),
        [_balance(out, first, "60")],
        _entries(out, ("BOOK",)),
        [_balance(out, last, "62")],
        _available(out, others),
    )
    return out.write(chain.from_iterable(parts), target)


def _available(out: _Out, others: Iterable[Balance]) -> Iterator[str]:
    for balance in others:
        if balance.type in _AVAILABLE and balance.currency == out.statement.currency:
            yield _balance(out, balance, _AVAILABLE[balance.type])
        else:
            out.leave(f"balance {balance.type} of {plain(balance.amount)} {balance.currency}")


def write_mt942(statement: Statement, target: BinaryIO) -> tuple[str, ...]:
    """Write an intraday report or a notification, pending entries as expected ones (EC, ED)."""
    if statement.kind is StatementKind.STATEMENT:
        raise _refused(statement, "is an end-of-day statement; MT942 holds none")
    created = _created(statement)
    out = _Out(statement, statement.period_to or created.date())
    for balance in statement.balances:
        out.leave(f"balance {balance.type} of {plain(balance.amount)} {balance.currency}")
    top = [f":34F:{statement.currency}0,", _moment(out, created)]
    parts = (_head(out), top, _entries(out, ("BOOK", "PDNG")), _sums(out))
    return out.write(chain.from_iterable(parts), target)


@dataclass
class _Out:
    """A message while it is made."""

    statement: Statement
    day: date | None  # for what has none of its own
    left: Leftover = field(default_factory=Leftover)
    debits: int = 0  # of what was written
    credits: int = 0
    debit_sum: Decimal = Decimal(0)  # unsigned
    credit_sum: Decimal = Decimal(0)

    def leave(self, words: str) -> None:
        self.left.tell(words)

    def add(self, entry: Entry) -> None:
        if _is_credit(entry):
            self.credits, self.credit_sum = self.credits + 1, total((self.credit_sum, entry.amount))
        else:
            self.debits += 1
            self.debit_sum = total((self.debit_sum, entry.amount.copy_abs()))

    def write(self, fields: Iterable[str], target: BinaryIO) -> tuple[str, ...]:
        whole = (f"{text}\n".replace("\n", "\r\n") for text in chain(fields, "-"))
        target.writelines(text.encode("ascii") for text in whole)
        return self.left.told()


def _refused(statement: Statement, why: str) -> Refused:
    name = statement.id or statement.index
    return Refused(f"statement {name} of {statement.account} {why}", _OTHER_FORM)


# ------------------------------------------------------------------------------------------- head


def _head(out: _Out) -> Iterator[str]:
    statement = out.statement
    account = statement.account
    if not account or len(account) > _ACCOUNT or in_set_x(account) != account:
        raise _refused(statement, f"has an account that is not 1 to {_ACCOUNT} plain characters")
    yield f":20:{_told_reference(out)}"
    yield f":25:{account}"
    yield f":28C:{_told_number(out)}"


def _told_reference(out: _Out) -> str:
    """The statement's id; one that does not go in whole ends with what tells it from others."""
    found = out.statement.id
    if not found:
        return "NONREF"
    if _is_reference(found):
        return found
    own = hashlib.sha256(found.encode()).hexdigest()[:_OWN].upper()
    first = re.sub("/+", "/", in_set_x(found)).strip(" /")[: _REFERENCE - _OWN - 1]
    short = f"{first}-{own}"
    out.leave(f"statement id {found!r} is written {short!r}")
    return short


def _is_reference(text: str) -> bool:
    """16x; two slashes would begin the bank's reference, one at an end is not allowed."""
    fits = bool(text) and len(text) <= _REFERENCE and in_set_x(text) == text
    return fits and "//" not in text and text.strip(" /") == text


def _told_number(out: _Out) -> str:
    sequence = out.statement.electronic_sequence or out.statement.legal_sequence
    number, _, page = sequence.partition("/")
    if not re.fullmatch(r"\d+(/\d{1,5})?", sequence, re.ASCII):
        if sequence:
            out.leave(f"statement number {sequence!r}")
        return "0"
    if len(number) > _NUMBER:
        out.leave(f"statement number {number!r} is written {number[-_NUMBER:]!r}")
    return number[-_NUMBER:] + (f"/{page}" if page else "")


def _balance(out: _Out, balance: Balance, tag: str) -> str:
    if tag in {"60", "62"}:
        tag += "M" if balance.type == "ITBD" else "F"
    if (when := balance.date or out.day) is None:
        raise _refused(out.statement, f"has no date for its balance {balance.type}")
    if balance.date is None:
        out.leave(f"balance {balance.type} has no date; it is written as of {when}")
    mark = "D" if balance.amount < 0 else "C"
    figure = _figure(out, balance.amount, balance.currency)
    return f":{tag}:{mark}{when:%y%m%d}{balance.currency}{figure}"


def _figure(out: _Out, value: Decimal, currency: str) -> str:
    """15d: no sign, a decimal comma, no more decimals than the currency has."""
    decimals = decimals_of(currency)
    if decimals_used(value) > decimals:
        words = f"has {plain(value)} {currency}: more decimals than the currency, and than MT940"
        raise _refused(out.statement, words)
    whole, _, fraction = plain(value.copy_abs()).partition(".")
    figure = f"{whole},{fraction[:decimals]}"
    if len(figure) > _FIGURE:
        raise _refused(out.statement, f"has {plain(value)} {currency}: longer than 15 characters")
    return figure


def _created(statement: Statement) -> datetime:
    try:
        return datetime.fromisoformat(statement.created)
    except ValueError:
        raise _refused(statement, "does not say when it was made, as MT942 must") from None


def _moment(out: _Out, created: datetime) -> str:
    if created.tzinfo is None:
        out.leave(f"the zone of {out.statement.created} is not told; it is written as UTC")
    return f":13D:{created:%y%m%d%H%M}{f'{created:%z}'[:5] or '+0000'}"


def _sums(out: _Out) -> Iterator[str]:
    currency = out.statement.currency
    yield f":90D:{out.debits}{currency}{_figure(out, out.debit_sum, currency)}"
    yield f":90C:{out.credits}{currency}{_figure(out, out.credit_sum, currency)}"


def _is_credit(entry: Entry) -> bool:
    return entry.amount >= 0


# ---------------------------------------------------------------------------------------- entries


def _entries(out: _Out, statuses: Sequence[str]) -> Iterator[str]:
    for entry in out.statement.entries:
        if entry.status not in statuses:
            out.leave(f"entry {entry.index} of status {entry.status}, {plain(entry.amount)}")
            continue
        if entry.currency != out.statement.currency:
            why = f"has an entry in {entry.currency}, not in {out.statement.currency}"
            raise _refused(out.statement, why)
        out.add(entry)
        yield from _entry(out, entry)


def _entry(out: _Out, entry: Entry) -> Iterator[str]:
    def leave(words: str) -> None:
        out.leave(f"entry {entry.index}: {words}")

    detail = _the_detail(entry, leave)
    kind, told = _information(entry, detail)
    customer = _first_reference(
        detail.instruction_id, detail.end_to_end_id, entry.batch_id, entry.entry_reference
    )
    bank = _first_reference(entry.servicer_reference, detail.servicer_reference)
    if entry.servicer_reference and bank != entry.servicer_reference:
        leave(f"the bank's reference {entry.servicer_reference!r} has no place in 16 characters")
    line = (
        f":61:{_dates(out, entry, leave)}{_mark(entry)}"
        f"{_figure(out, entry.amount, entry.currency)}{kind}{customer or 'NONREF'}"
    )
    yield line + (f"//{bank}" if bank else "")
    text, lost = information.build(told)
    for words in lost:
        leave(words)
    yield f":86:{text}"


def _the_detail(entry: Entry, leave: Callable[[str], None]) -> EntryDetail:
    """The transaction behind the entry; of a batch none, since one would pass for the whole."""
    if len(entry.details) > 1:
        leave(f"the {len(entry.details)} transactions behind it")
    for charge in entry.charges:
        leave(f"the charge {plain(charge.amount)} {charge.currency}")
    return entry.details[0] if len(entry.details) == 1 else EntryDetail()


def _mark(entry: Entry) -> str:
    """A reversed credit is a debit (RC), a reversed debit a credit (RD)."""
    credit = _is_credit(entry)
    if entry.status == "PDNG":
        return "EC" if credit else "ED"
    if entry.reversal:
        return "RD" if credit else "RC"
    return "C" if credit else "D"


def _dates(out: _Out, entry: Entry, leave: Callable[[str], None]) -> str:
    """The value date, and the entry date without its year, if its reader will find that again."""
    value_date = entry.value_date or entry.booking_date or out.day
    if value_date is None:
        raise _refused(out.statement, f"has no date for entry {entry.index}")
    if entry.value_date is None:
        leave(f"no value date is told; it is written as {value_date}")
    booked = entry.booking_date
    if booked is None:
        return f"{value_date:%y%m%d}"
    first = books.opening(out.statement)
    period = (first.date if first else None, out.day)
    if entry_date(f"{booked:%m%d}", value_date, period) != booked:
        leave(f"the booking date {booked}, whose year would be lost")
        return f"{value_date:%y%m%d}"
    return f"{value_date:%y%m%d}{booked:%m%d}"


def _first_reference(*candidates: str) -> str:
    """The first that goes in whole: a reference that is cut is another one."""
    return next(filter(_is_reference, candidates), "")


def _information(entry: Entry, detail: EntryDetail) -> tuple[str, Information]:
    """The SWIFT transaction type, and field 86."""
    kind, code, journal = _codes(entry, detail)
    names = (detail.debtor_name, detail.creditor_name)
    accounts = (detail.debtor_account, detail.creditor_account)
    if _mark(entry)[-1] == "D":
        names, accounts = names[::-1], accounts[::-1]
    told = Information(
        code=code,
        journal=journal,
        posting_text=entry.additional_information,
        end_to_end_id=detail.end_to_end_id,
        instruction_id=detail.instruction_id or entry.batch_id,
        name=names[0] or names[1],
        account=accounts[0] or accounts[1],
        remittance=detail.remittance,
        reference=detail.reference,
        return_reason=detail.return_reason,
        others=detail.additional_information,
    )
    return kind, told


def _codes(entry: Entry, detail: EntryDetail) -> tuple[str, str, str]:
    """(SWIFT's transaction type, the German code, the journal)."""
    if found := _PROPRIETARY.fullmatch(entry.bank_transaction_code):
        return found[1], found[2] or _OTHER, found[3] or ""
    _, family, subfamily, *_ = [*entry.bank_transaction_code.split("/"), "", "", ""]
    kind, code = _FAMILIES.get(family, (_MISCELLANEOUS, ""))
    kind = _SUBFAMILIES.get(subfamily, kind)
    if detail.return_reason:
        return "NRTI", _OTHER, ""
    return kind, code or _OTHER, ""
