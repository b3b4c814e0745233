"""Statements written as BAI2, for an ERP that reads what US banks send.

A statement is a group of its own with one account in it, so that each keeps its day. Money is
written exactly or not at all (Refused); what has no place or had to change is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import BinaryIO

from h2h.adapters.messages.bai2 import BALANCES
from h2h.adapters.messages.leftover import Leftover
from h2h.adapters.messages.text import in_set_x, lost_in, words_of
from h2h.core.money import decimals_of, decimals_used, plain, total
from h2h.core.statement import Entry, EntryDetail, Statement, StatementKind
from h2h.errors import Refused

_OTHER_FORM = "Hand it over in another format: camt, CSV and JSON Lines have room for it"
_CODES = {kind: code for code, kind in BALANCES.items()}
_CREDITS, _DEBITS = "100", "400"  # the summary codes of their totals
# ISO family -> type code, as a credit and as a debit: credit transfers, direct debits, cheques.
# What goes the other way is a reversal or return.
_FAMILIES = {
    "RCDT": ("195", "699"),
    "ICDT": ("399", "495"),
    "IDDT": ("165", "699"),
    "RDDT": ("399", "455"),
    "ICHQ": ("399", "475"),
    "RCHQ": ("174", "699"),
}
_MISCELLANEOUS = ("399", "699")
_FINAL, _INTERIM = "2", "3"  # as-of date modifiers: final of the day before, interim of the day
# A slash and a record code would begin a record for some readers.
_RECORD_INSIDE = re.compile(r"(/\s*(?:01|02|03|16|49|88|98|99)),")


def write_bai2(
    statements: Iterable[Statement],
    target: BinaryIO,
    *,
    sender: str,
    receiver: str,
    created: datetime,
    number: int,
) -> tuple[str, ...]:
    """Write statements as one file, and tell what was left out or changed.

    `sender` is the bank, `receiver` its customer; `number` tells files of one day apart. Raises
    Refused when the money or identity of one does not go into the format.
    """
    out = _Out(target)
    parties = _reference(sender), _reference(receiver)
    out.record("01", *parties, f"{created:%y%m%d}", f"{created:%H%M}", str(number), "", "", "2")
    groups = 0
    grand_total = 0
    for groups, statement in enumerate(statements, 1):  # noqa: B007 - how many there are
        grand_total += _group(out, statement, parties)
    out.record("99", str(grand_total), str(groups), str(out.records + 1))
    return out.left.told()


@dataclass
class _Out:
    """A file while it is written."""

    target: BinaryIO
    records: int = 0
    left: Leftover = field(default_factory=Leftover)

    def record(self, *fields: str) -> None:
        self.records += 1
        self.target.write(f"{','.join(fields)}/\r\n".encode("ascii"))


def _refused(statement: Statement, why: str) -> Refused:
    name = statement.id or statement.index
    return Refused(f"statement {name} of {statement.account} {why}", _OTHER_FORM)


def _group(out: _Out, statement: Statement, parties: tuple[str, str]) -> int:
    """Write a group with its one account; its control total."""
    when = _as_of(statement)
    first = out.records
    sender, receiver = parties
    modifier = _FINAL if statement.kind is StatementKind.STATEMENT else _INTERIM
    currency = statement.currency
    out.record("02", receiver, sender, "1", f"{when:%y%m%d}", "", currency, modifier)
    control_total = _account(out, statement)
    out.record("98", str(control_total), "1", str(out.records - first + 1))
    return control_total


def _as_of(statement: Statement) -> date:
    dates = (balance.date for balance in reversed(statement.balances) if balance.date)
    created = (date.fromisoformat(statement.created[:10]) for _ in statement.created[:1])
    found = statement.period_to or next(dates, None) or next(created, None)
    if found is None:
        raise _refused(statement, "does not say of which day it is")
    return found


def _account(out: _Out, statement: Statement) -> int:
    number = statement.account
    if not number or _reference(number) != number:
        raise _refused(statement, "has an account number that BAI2 cannot hold")
    first = out.records
    summary = [*_balances(out, statement), *_totals(statement)]
    fields = [text for code, value, count in summary for text in (code, str(value), count, "")]
    out.record("03", number, statement.currency, *fields)
    control_total = sum(value for _, value, _ in summary)
    for entry in _booked(out, statement):
        value = abs(_minor(statement, entry.amount, entry.currency))
        out.record(*_transaction(out, entry, value))
        control_total += value
    out.record("49", str(control_total), str(out.records - first + 1))
    return control_total


def _booked(out: _Out, statement: Statement) -> Iterator[Entry]:
    for entry in statement.entries:
        if entry.status != "BOOK":
            words = f"entry {entry.index} of status {entry.status}, {plain(entry.amount)}"
            out.left.tell(words)
            continue
        if entry.currency != statement.currency:
            why = f"has an entry in {entry.currency}, not in {statement.currency}"
            raise _refused(statement, why)
        yield entry


_Summary = tuple[str, int, str]  # type code, minor units, number of items


def _balances(out: _Out, statement: Statement) -> Iterator[_Summary]:
    written = set()
    for balance in statement.balances:
        code = _CODES.get("OPBD" if balance.type == "PRCD" else balance.type)
        if code and balance.currency != statement.currency:
            why = f"has a balance in {balance.currency}, not in {statement.currency}"
            raise _refused(statement, why)
        if code is None or code in written:
            words = f"balance {balance.type} of {plain(balance.amount)} {balance.currency}"
            out.left.tell(words)
            continue
        written.add(code)
        yield code, _minor(statement, balance.amount, balance.currency), ""


def _totals(statement: Statement) -> Iterator[_Summary]:
    """Counted in a walk of its own: the summary stands before the entries."""
    counts, sums = {True: 0, False: 0}, {True: Decimal(0), False: Decimal(0)}
    for entry in statement.entries:
        if entry.status == "BOOK":
            credit = entry.amount >= 0
            counts[credit] += 1
            sums[credit] = total((sums[credit], entry.amount.copy_abs()))
    for code, credit in ((_CREDITS, True), (_DEBITS, False)):
        yield code, _minor(statement, sums[credit], statement.currency), str(counts[credit])


def _minor(statement: Statement, value: Decimal, currency: str) -> int:
    """The amount in the currency's minor unit."""
    decimals = decimals_of(currency)
    if decimals_used(value) > decimals:
        words = f"has {plain(value)} {currency}: more decimals than the currency, and than BAI2"
        raise _refused(statement, words)
    whole, _, fraction = plain(value).partition(".")
    return int(whole + fraction[:decimals].ljust(decimals, "0"))


# ----------------------------------------------------------------------------------- transactions


def _transaction(out: _Out, entry: Entry, value: int) -> Iterator[str]:
    """Record 16: available with its value date (V), the references, and all else as text."""
    details = entry.details if len(entry.details) == 1 else ()
    if len(entry.details) > 1:
        out.left.tell(f"entry {entry.index}: the {len(entry.details)} transactions behind it")
    for charge in entry.charges:
        words = f"entry {entry.index}: the charge {plain(charge.amount)} {charge.currency}"
        out.left.tell(words)
    yield from ("16", _type_code(entry), str(value))
    yield from ("V", f"{entry.value_date:%y%m%d}", "") if entry.value_date else ("",)
    bank, customer = _references(entry, details)
    for words, text in (("the bank's reference", bank), ("the reference", customer)):
        if (written := _reference(text)) != text:
            out.left.tell(f"entry {entry.index}: {words} {text!r} is written {written!r}")
        yield written
    text = _text(entry, details)
    if words := lost_in(text):
        out.left.tell(f"entry {entry.index}: {words}")
    # The last field may hold commas and slashes: it runs to the end of its record.
    yield _RECORD_INSIDE.sub(r"\1 ", " ".join(in_set_x(text).split())).rstrip("/ ")


def _references(entry: Entry, details: Sequence[EntryDetail]) -> tuple[str, str]:
    """(the bank's, the customer's)."""
    customer = [text for d in details for text in (d.end_to_end_id, d.instruction_id) if text]
    candidates = (*customer, entry.batch_id, entry.entry_reference)
    return entry.servicer_reference, next(filter(None, candidates), "")


def _type_code(entry: Entry) -> str:
    """The bank's own where it is a BAI2 code, else one for the kind of entry and its direction."""
    debit = entry.amount < 0
    own = entry.bank_transaction_code
    if re.fullmatch("[4-6]\\d\\d" if debit else "[1-3]\\d\\d", own, re.ASCII):
        return own
    family = [*own.split("/"), "", ""][1]
    return _FAMILIES.get(family, _MISCELLANEOUS)[debit]


def _text(entry: Entry, details: Sequence[EntryDetail]) -> str:
    return words_of(
        "REVERSAL" if entry.reversal else "",
        entry.additional_information,
        *(text for detail in details for text in _told(detail, paid_in=entry.amount >= 0)),
    )


def _told(detail: EntryDetail, *, paid_in: bool) -> Iterator[str]:
    names = (detail.debtor_name, detail.creditor_name)
    accounts = (detail.debtor_account, detail.creditor_account)
    yield next(filter(None, names if paid_in else names[::-1]), "")
    yield next(filter(None, accounts if paid_in else accounts[::-1]), "")
    if detail.end_to_end_id and detail.instruction_id:
        yield f"ID {detail.instruction_id}"
    yield from (detail.remittance, detail.reference, detail.return_reason)
    yield detail.additional_information


def _reference(text: str) -> str:
    """A field that is not the last: nothing in it may end it or its record."""
    return " ".join(in_set_x(text).replace(",", " ").replace("/", "-").split())
