"""The books: what a statement must add up to, and by what it is known again.

Only a STATEMENT (end of day) makes a booked balance; intraday reports and notifications carry
balances and entries too, but never take part in this arithmetic.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from h2h.core.money import plain, total
from h2h.core.statement import Balance, Charge, Entry, EntryDetail, Statement, StatementKind

# ISO external balance types: the opening and closing booked balance, the closing one of the
# statement before, and the interim booked one that stands between the pages of one statement.
_OPENING = ("OPBD", "PRCD")
_CLOSING = ("CLBD",)
_PAGE = "ITBD"
_BOOKED_BALANCES = frozenset({*_OPENING, *_CLOSING})
_BOOKED = "BOOK"


@dataclass(frozen=True, slots=True)
class Equation:
    """opening + booked = closing, or not: `difference` is what closing has too much."""

    opening: Decimal
    booked: Decimal
    closing: Decimal

    @property
    def difference(self) -> Decimal:
        return total((self.closing, self.opening.copy_negate(), self.booked.copy_negate()))


def account_key(number: str) -> str:
    """An account number as it is compared: without spaces, in capitals."""
    return "".join(number.split()).upper()


def opening(statement: Statement) -> Balance | None:
    """The booked balance that the statement starts from; of several the earliest.

    A page that is not the first starts from an interim balance and ends with another or the closing
    one.
    """
    found = _first_type(statement, _OPENING)
    pages = _of_type(statement, _PAGE)
    if not found and (len(pages) > 1 or _of_type(statement, *_CLOSING)):
        found = pages
    return min(found, key=lambda balance: balance.date or date.min, default=None)


def closing(statement: Statement) -> Balance | None:
    """The booked balance that the statement ends with; of several the latest."""
    found = _of_type(statement, *_CLOSING)
    pages = _of_type(statement, _PAGE)
    if not found and (len(pages) > 1 or _first_type(statement, _OPENING)):
        found = pages
    # the last one of a day: max() takes the first of equals, so it looks from the end
    return max(reversed(found), key=lambda balance: balance.date or date.min, default=None)


def _first_type(statement: Statement, types: Iterable[str]) -> list[Balance]:
    return next(filter(None, (_of_type(statement, name) for name in types)), [])


def _of_type(statement: Statement, *types: str) -> list[Balance]:
    return [b for b in statement.balances if b.type in types and b.currency == statement.currency]


def equation(statement: Statement) -> Equation | None:
    """The figures of the balance equation; None when a balance is missing or none is due."""
    first, last = opening(statement), closing(statement)
    if statement.kind is not StatementKind.STATEMENT or first is None or last is None:
        return None
    booked = total(entry.amount for entry in statement.entries if entry.status == _BOOKED)
    return Equation(first.amount, booked, last.amount)


def balanced(statement: Statement) -> bool | None:
    """Does opening + booked entries = closing hold exactly? None when it cannot be asked."""
    if statement.kind is StatementKind.STATEMENT and _foreign(statement):
        return False
    figures = equation(statement)
    return None if figures is None else not figures.difference


def _foreign(statement: Statement) -> str:
    """Why the figures cannot be added up: one is in another currency than the account."""
    for balance in statement.balances:
        if balance.type in _BOOKED_BALANCES and balance.currency != statement.currency:
            return f"balance {balance.type} is in {balance.currency}, not in {statement.currency}"
    for entry in statement.entries:
        if entry.status == _BOOKED and entry.currency != statement.currency:
            return f"entry {entry.index} is in {entry.currency}, not in {statement.currency}"
    return ""


def judge(statement: Statement, our_accounts: Collection[str]) -> str:
    """Why a statement is held; "" when it may be booked. `our_accounts` are numbers as written."""
    if statement.doubts:
        return "; ".join(statement.doubts)
    if account_key(statement.account) not in {account_key(number) for number in our_accounts}:
        return f"account {statement.account} is not one of ours at this bank"
    return imbalance(statement)


def imbalance(statement: Statement) -> str:
    """How far from balance a statement is, in words; "" when it balances or cannot be asked."""
    if statement.kind is StatementKind.STATEMENT and (foreign := _foreign(statement)):
        return f"does not balance: {foreign}"
    if (figures := equation(statement)) is None:
        return ""
    if not (difference := figures.difference):
        return ""
    side = "less" if difference > 0 else "more"
    return (
        f"does not balance by {plain(difference.copy_abs())} {statement.currency}: opening "
        f"{plain(figures.opening)} and booked entries {plain(figures.booked)} make {side} than "
        f"closing {plain(figures.closing)}"
    )


def continuity(previous_closing: Decimal | None, statement: Statement) -> tuple[str, ...]:
    """The flags of a statement after the account's last booked closing: `first`, `gap` or none."""
    start = opening(statement)
    if statement.kind is not StatementKind.STATEMENT:
        return ()
    return flags_after(previous_closing, start.amount if start else None)


def flags_after(previous_closing: Decimal | None, start: Decimal | None) -> tuple[str, ...]:
    """`continuity` by its figures alone; a statement without an opening balance shows no gap."""
    if previous_closing is None:
        return ("first",)
    return ("gap",) if start is not None and start != previous_closing else ()


# ------------------------------------------------------------------------------------- fingerprints


def statement_fingerprint(statement: Statement) -> str:
    """SHA-256 of what the statement says: the same when it is delivered again under other names.

    The bank's ids, time of creation, place in the file and copy flag are left out; they change when
    a statement is sent again.
    """
    first, last = opening(statement), closing(statement)
    period = [_plain(statement.period_from), _plain(statement.period_to)]
    return _hash(
        [
            statement.kind.value,
            account_key(statement.account),
            statement.currency,
            statement.electronic_sequence or statement.legal_sequence or period,
            first and _plain(first.amount),
            last and _plain(last.amount),
            [_balance(balance) for balance in statement.balances],
            [_entry(entry) for entry in statement.entries],
        ]
    )


def entry_fingerprints(statement: Statement) -> tuple[tuple[str, int], ...]:
    """(fingerprint, occurrence) of each entry: honest twins differ by occurrence, from 1."""
    seen: Counter[str] = Counter()
    found = []
    for entry in statement.entries:
        fingerprint = _hash(_entry(entry))
        seen[fingerprint] += 1
        found.append((fingerprint, seen[fingerprint]))
    return tuple(found)


def _hash(words: object) -> str:
    """SHA-256 over canonical JSON: nothing in a text can pass for the end of it."""
    text = json.dumps(words, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _plain(value: Decimal | date | None) -> str | None:
    """1.5 and 1.50 are the same money, and told the same."""
    if isinstance(value, Decimal):
        return plain(value).rstrip("0").rstrip(".") if "." in plain(value) else plain(value)
    return value.isoformat() if value else None


def _balance(balance: Balance) -> list[str | None]:
    return [balance.type, _plain(balance.amount), balance.currency, _plain(balance.date)]


def _charge(charge: Charge) -> list[str | None]:
    return [_plain(charge.amount), charge.currency, charge.type]


def _entry(entry: Entry) -> list[object]:
    """All of an entry but its place."""
    return [
        _plain(entry.amount),
        entry.currency,
        entry.status,
        entry.reversal,
        _plain(entry.booking_date),
        _plain(entry.value_date),
        entry.entry_reference,
        entry.servicer_reference,
        entry.bank_transaction_code,
        entry.additional_information,
        entry.batch_transactions,
        entry.batch_message_id,
        entry.batch_id,
        [_charge(charge) for charge in entry.charges],
        [_detail(detail) for detail in entry.details],
    ]


def _detail(detail: EntryDetail) -> list[object]:
    return [
        _plain(detail.amount),
        detail.currency,
        detail.message_id,
        detail.batch_id,
        detail.instruction_id,
        detail.end_to_end_id,
        detail.servicer_reference,
        detail.transaction_id,
        detail.uetr,
        detail.debtor_name,
        detail.debtor_account,
        detail.creditor_name,
        detail.creditor_account,
        detail.remittance,
        detail.reference,
        detail.return_reason,
        detail.additional_information,
        [_charge(charge) for charge in detail.charges],
    ]
