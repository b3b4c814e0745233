"""The books: what a statement must add up to, by what it is known again, and what it follows.

Only a STATEMENT (end of day) makes a booked balance; intraday reports and notifications carry
balances and entries too, but never take part in this arithmetic. Entries come part by part, so
what they come to is kept in a Tally.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import compress, pairwise
from typing import NamedTuple

import orjson

from h2h.core.money import plain, total
from h2h.core.statement import (
    Balance,
    Charge,
    Entry,
    EntryDetail,
    Exchange,
    Statement,
    StatementKind,
)

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


class Mark(NamedTuple):
    """By what an entry is known again; `details` are its transactions as canonical JSON."""

    fingerprint: bytes  # 16 bytes; honest twins have the same
    details: str


class Tally:
    """What the entries of one statement come to, added up while they pass."""

    def __init__(self) -> None:
        self.entries = 0
        self.credits = self.debits = Decimal(0)  # both unsigned, whatever their status
        self.booked: dict[str, Decimal] = {}  # by currency, signed
        self.first_booked: dict[str, int] = {}  # currency -> the index of its first entry
        self._digest = hashlib.sha256()

    def add(self, entries: Sequence[Entry]) -> list[Mark]:
        """Count the next entries; by what each is known again, in order."""
        self.entries += len(entries)
        self.credits = total((self.credits, *(e.amount for e in entries if e.amount > 0)))
        debits = (e.amount.copy_negate() for e in entries if e.amount < 0)
        self.debits = total((self.debits, *debits))
        booked = [entry for entry in entries if entry.status == _BOOKED]
        for currency in dict.fromkeys([entry.currency for entry in booked]):
            own = [entry for entry in booked if entry.currency == currency]
            self.first_booked.setdefault(currency, own[0].index)
            before = self.booked.get(currency, Decimal(0))
            self.booked[currency] = total((before, *(entry.amount for entry in own)))
        found = list(map(mark, entries))
        self._digest.update(b"".join([each.fingerprint for each in found]))
        return found

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the fingerprints of all entries so far."""
        return self._digest.hexdigest()


def tally_of(statement: Statement) -> Tally:
    """The tally of a whole statement."""
    tally = Tally()
    tally.add(tuple(statement.entries))
    return tally


def equation(statement: Statement, tally: Tally) -> Equation | None:
    """The figures of the balance equation; None when a balance is missing or none is due."""
    first, last = opening(statement), closing(statement)
    if statement.kind is not StatementKind.STATEMENT or first is None or last is None:
        return None
    booked = tally.booked.get(statement.currency, Decimal(0))
    return Equation(first.amount, booked, last.amount)


def balanced(statement: Statement, tally: Tally) -> bool | None:
    """Does opening + booked entries = closing hold exactly? None when it cannot be asked."""
    if statement.kind is StatementKind.STATEMENT and _foreign(statement, tally):
        return False
    figures = equation(statement, tally)
    return None if figures is None else not figures.difference


def _foreign(statement: Statement, tally: Tally) -> str:
    """Why the figures cannot be added up: one is in another currency than the account."""
    for balance in statement.balances:
        if balance.type in _BOOKED_BALANCES and balance.currency != statement.currency:
            return f"balance {balance.type} is in {balance.currency}, not in {statement.currency}"
    for currency, index in tally.first_booked.items():
        if currency != statement.currency:
            return f"entry {index} is in {currency}, not in {statement.currency}"
    return ""


def judge(statement: Statement, tally: Tally, our_accounts: Collection[str]) -> str:
    """Why a statement is held; "" when it may be booked. `our_accounts` are numbers as written."""
    if statement.doubts:
        return "; ".join(statement.doubts)
    if account_key(statement.account) not in {account_key(number) for number in our_accounts}:
        return f"account {statement.account} is not one of ours at this bank"
    return imbalance(statement, tally)


def imbalance(statement: Statement, tally: Tally) -> str:
    """How far from balance a statement is, in words; "" when it balances or cannot be asked."""
    if statement.kind is StatementKind.STATEMENT and (foreign := _foreign(statement, tally)):
        return f"does not balance: {foreign}"
    if (figures := equation(statement, tally)) is None:
        return ""
    if not (difference := figures.difference):
        return ""
    side = "less" if difference > 0 else "more"
    return (
        f"does not balance by {plain(difference.copy_abs())} {statement.currency}: opening "
        f"{plain(figures.opening)} and booked entries {plain(figures.booked)} make {side} than "
        f"closing {plain(figures.closing)}"
    )


# ------------------------------------------------------------------------------------------ the row


@dataclass(frozen=True, slots=True)
class Place:
    """Where a booked statement stands among those of its account."""

    begins: Decimal | None  # with what balance; None where nothing tells
    ends: Decimal | None
    period_from: date | None
    as_of: date | None
    number: str = ""  # "12", or "12/3" for a page


def place_of(
    opening: Decimal | None,
    closing: Decimal | None,
    booked: Decimal,
    period_from: date | None,
    as_of: date | None,
    number: str = "",
) -> Place:
    """A page with one booked balance only tells the other by its booked entries."""
    begins, ends = opening, closing
    if opening is None and closing is not None:
        begins = total((closing, booked.copy_negate()))
    if closing is None and opening is not None:
        ends = total((opening, booked))
    return Place(begins, ends, period_from, as_of, number)


def flags_after(previous: Place | None, here: Place) -> tuple[str, ...]:
    """What is to be said of a statement behind the `previous` one: `first`, `gap`, `overlap`, none.

    It overlaps when it does not go on where the other ended, and begins before its last day, or on
    it while no number between theirs is missing: a bank may send several a day, or pages.
    Where a balance is not to be known it shows neither.
    """
    if previous is None:
        return ("first",)
    if here.begins is None or previous.ends is None or here.begins == previous.ends:
        return ()
    begins = here.period_from or here.as_of
    behind = begins is None or previous.as_of is None or begins > previous.as_of
    missing = begins == previous.as_of and _skipped(previous.number, here.number)
    return ("gap",) if behind or missing else ("overlap",)


def _skipped(before: str, here: str) -> bool:
    """Is a number, or a page, between these two missing?"""
    first, second = _counted(before), _counted(here)
    if not first or not second:
        return False
    if first[0] == second[0]:
        return len(first) == len(second) > 1 and second[1] > first[1] + 1
    return second[0] > first[0] + 1


def _counted(number: str) -> tuple[int, ...]:
    parts = number.split("/") if len(number) <= _LONGEST_NUMBER else [""]
    return tuple(map(int, parts)) if all(p.isascii() and p.isdecimal() for p in parts) else ()


_LONGEST_NUMBER = 35  # characters: ISO's numbers have 18 digits


def chained(places: Sequence[Place], before: Decimal | None) -> Sequence[int]:
    """In what order statements of one day go on from each other: their indexes, all of them.

    An Eulerian path: each statement leads from one balance to another. Numbers and times cannot
    tell where a bank gives none, or all the same. Where no order joins all, it is the given one.
    """
    given = range(len(places))
    if len(places) < 2:
        return given
    leads: dict[Decimal, list[int]] = {}
    ends: Counter[Decimal] = Counter()
    for index in reversed(given):  # the last of a list is taken first
        place = places[index]
        if place.begins is None or place.ends is None:
            return given
        leads.setdefault(place.begins, []).append(index)
        ends[place.ends] += 1
    starts = [balance for balance, found in leads.items() if len(found) > ends[balance]]
    start = starts[0] if starts else before if before in leads else places[0].begins
    order, stack = list[int](), [(start, -1)]
    while stack:
        balance, index = stack[-1]
        if balance is not None and leads.get(balance):
            taken = leads[balance].pop()
            stack.append((places[taken].ends, taken))
        else:
            order.append(stack.pop()[1])
    found = order[-2::-1]  # without the start
    joined = all(places[a].ends == places[b].begins for a, b in pairwise(found))
    return found if joined and len(found) == len(places) else given


def as_of(statement: Statement) -> date | None:
    """The day of the closing balance, else the last one that it covers."""
    last = closing(statement)
    return (last and last.date) or statement.period_to


def position(statement: Statement, fingerprint: str) -> str:
    """Where it stands among the statements of its account, as a text that sorts that way.

    The day comes first, since numbers begin again every year; then its turn on that day (see
    `with_turn`); the fingerprint last, so that the order never depends on the order of arrival.
    """
    days = ((day or date.min).isoformat() for day in (as_of(statement), statement.period_to))
    day, last = days
    numbers = (statement.electronic_sequence, statement.legal_sequence, statement.page)
    counted = (_sortable(number) for number in numbers)
    rest = "|".join((last, *counted, moment(statement.created), fingerprint))
    return f"{day}|{0:06}|{rest}"


def with_turn(position: str, turn: int) -> str:
    """The position of the statement that is the `turn`-th of its day, from 0."""
    day, _, rest = position.split("|", 2)
    return f"{day}|{turn:06}|{rest}"


def _sortable(number: str) -> str:
    """`12/3` as a text that sorts by its numbers."""
    parts = (part for part in number.split("/") if part.isascii() and part.isdecimal())
    return "/".join(part.zfill(18) for part in parts)


def moment(created: str) -> str:
    """A time as the bank wrote it, in UTC where it names its zone, so that two can be compared."""
    try:
        found = datetime.fromisoformat(created)
        found = found.astimezone(UTC) if found.tzinfo else found
    except (ValueError, OverflowError):  # no time, or none in UTC: at the edge of the calendar
        return created
    return found.replace(tzinfo=None).isoformat(timespec="microseconds")


def version_of(statement: Statement) -> str:
    """What two versions of one end-of-day statement have in common, "" where that is not certain.

    The same account, number, page, days and opening balance. Numbers alone will not do: they begin
    again each year, some banks give none, or all the same. Where the balance does not move, so that
    the next statement of the day begins alike, the bank's id must be the same too.
    """
    first, last = opening(statement), closing(statement)
    if statement.kind is not StatementKind.STATEMENT or (first is None and not statement.page):
        return ""
    moves = first is None or last is None or first.amount != last.amount
    if not moves and not statement.id:
        return ""
    return _hash(
        [
            account_key(statement.account),
            statement.currency,
            statement.electronic_sequence,
            statement.legal_sequence,
            statement.page,
            _plain(statement.period_from),
            _plain(statement.period_to),
            _plain(as_of(statement)),
            first and _plain(first.amount),
            "" if moves else statement.id,
        ]
    )


# ------------------------------------------------------------------------------------- fingerprints


def statement_fingerprint(statement: Statement, tally: Tally) -> str:
    """SHA-256 of what the statement says: the same when it is delivered again under other names.

    The bank's ids, time of creation, place in the file and copy flag are left out; they change when
    a statement is sent again.
    """
    period = [_plain(statement.period_from), _plain(statement.period_to)]
    return _hash(
        [
            statement.kind.value,
            account_key(statement.account),
            statement.currency,
            statement.electronic_sequence or statement.legal_sequence or period,
            statement.page,
            [_balance(balance) for balance in statement.balances],
            tally.entries,
            tally.fingerprint,
        ]
    )


def mark(entry: Entry) -> Mark:
    """The mark of an entry: a hash over all of it but its place."""
    details = _json([detail_facts(detail) for detail in entry.details])
    facts = (
        _figure(entry.amount),
        entry[2:14],
        [_charge(charge) for charge in entry.charges] if entry.charges else (),
        entry.linked_message_id,
        entry.exchange and _exchange(entry.exchange),
    )
    hashed = hashlib.blake2b(_json(facts), digest_size=16)
    hashed.update(details)
    return Mark(hashed.digest(), details.decode())


def detail_facts(detail: EntryDetail) -> dict[str, object]:
    """What a transaction behind an entry says, by name, ready for JSON, without what it lacks."""
    told = zip(_DETAIL, detail, strict=True)
    found: dict[str, object] = dict(compress(told, detail))
    if detail.amount is not None:
        found["amount"] = _figure(detail.amount)
    if detail.charges:
        found["charges"] = [_charge(charge) for charge in detail.charges]
    if detail.exchange:
        found["exchange"] = _exchange(detail.exchange)
    return found


_DETAIL = EntryDetail._fields
_json = orjson.dumps  # canonical: nothing in a text can pass for the end of it


def _hash(words: object) -> str:
    return hashlib.sha256(_json(words)).hexdigest()


def _plain(value: Decimal | date | None) -> str | None:
    """1.5 and 1.50 are the same money, and told the same."""
    if isinstance(value, Decimal):
        return _figure(value)
    return value.isoformat() if value else None


def _figure(value: Decimal) -> str:
    text = str(value)
    if "E" in text:
        text = plain(value)
    if text[-1] == "0" and "." in text:
        return text.rstrip("0").rstrip(".")
    return text


def _balance(balance: Balance) -> list[str | None]:
    return [balance.type, _plain(balance.amount), balance.currency, _plain(balance.date)]


def _charge(charge: Charge) -> list[str | None]:
    return [_plain(charge.amount), charge.currency, charge.type]


def _exchange(exchange: Exchange) -> list[str | None]:
    return [_plain(value) if isinstance(value, Decimal) else value for value in exchange]
