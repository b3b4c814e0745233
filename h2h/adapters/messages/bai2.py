"""BAI2, the cash management report of US banks (BAI, Balance Reporting Specifications, version 2).

Records are lines of fields between commas: file (01), group (02: a day), account (03), transaction
(16), continuation (88), and a trailer for each level (49, 98, 99) with a control total and counts.
All of them are verified exactly. Amounts stand in the currency's minor unit without a point; the
type code, not a sign, tells credit from debit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

from h2h.adapters.messages.iso20022.incoming import corrupt
from h2h.adapters.messages.text import Doubt, Findings, day, decoded, numbered
from h2h.core.money import decimals_of
from h2h.core.statement import Balance, Entry, EntryDetail, Part, Statement, StatementKind
from h2h.ports import BankMessage

# Status codes, and the ISO balance types that say the same.
BALANCES: Mapping[str, str] = {
    "010": "OPBD",
    "015": "CLBD",
    "030": "ITBD",
    "040": "OPAV",
    "045": "CLAV",
    "060": "ITAV",
}
_INTERIM = frozenset({"1", "3"})  # as-of date modifiers: interim previous day, interim same day
_STATUS = {"2": "a deletion", "3": "a correction", "4": "test data"}  # of a group; 1 is an update
_WIDTHS = {"V": 3, "S": 4}  # fields of a funds type with what belongs to it
_VERSIONS = frozenset({"", "2", "3"})  # 3 is BTRS (ANSI X9.121): the same records and totals
_NO_MONEY = "890"
_DEFAULT_CURRENCY = "USD"
_MOST_DIGITS = 24
_NUMBER = re.compile(r"[+-]?\d+", re.ASCII)
_CODES = rb"01|02|03|16|49|88|98|99"
_RECORD = re.compile(rb"\s*(" + _CODES + rb")(?:,|/|\s*$)")
_SEVERAL = re.compile(rb"(?<=/)(?=[ \t]+(?:" + _CODES + rb"),)")


@dataclass
class _Record:
    """A record with its continuations. A field that begins a line begins with a line feed."""

    code: str
    fields: list[str]
    line: int
    lines: int = 1

    def text(self, at: int) -> str:
        """A field without what tells of lines; "" when the record ends before."""
        return self.fields[at].strip() if at < len(self.fields) else ""

    def rest(self, at: int) -> str:
        """All from a field on, as the text of a transaction: commas are part of it."""
        return ",".join(self.fields[at:]).replace(",\n", " ").replace("\n", " ").strip()


def _pieces(path: Path) -> Iterator[tuple[int, bytes]]:
    """Physical records as on disk, with their line; some banks put several on one line."""
    for number, line in numbered(path):
        for piece in _SEVERAL.split(line):
            if piece.strip():
                yield number, piece


def _code(piece: bytes) -> str:
    """The record code, "" for the rest of a text that was broken without a new record."""
    found = _RECORD.match(piece)
    return found[1].decode() if found else ""


def _records(path: Path) -> Iterator[_Record]:
    """The records of a file. Raises Corrupt for a line that is none."""
    found: _Record | None = None
    for number, piece in _pieces(path):
        code, line = _code(piece), decoded(piece).strip()
        first, *others = line.removesuffix("/").split(",")
        if code and code != "88":
            if found:
                yield found
            found = _Record(code, others or [""], number)
        elif found is None:
            raise corrupt(path, "message", "it does not begin with a record 01", line=number)
        elif code:
            found.fields += [f"\n{text}" if not at else text for at, text in enumerate(others)]
            found.lines += 1
        elif found.code == "16":
            found.fields[-1] += " " + ",".join([first, *others])
        else:
            raise corrupt(path, "message", "it holds a line that is no record", line=number)
    if found:
        yield found


# ---------------------------------------------------------------------------------------- reading


def read(path: Path) -> BankMessage:
    """The accounts of a file, each a statement. Raises Corrupt, also for one that is cut off."""
    return _Reader(path).read()


@dataclass
class _Level:
    """File, group or account while its records come in: what its trailer must say."""

    total: int = 0
    parts: int = 0  # groups of a file, accounts of a group; without those left out
    all_parts: int = 0  # with them
    changed: bool = False  # something was left out further down
    records: int = 0
    first: int = 0  # index of its first statement, from 0


@dataclass
class _Account:
    """An account between its records 03 and 49."""

    number: str
    currency: str
    balances: list[Balance] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    seen: int = 0  # records 16


class _Reader:
    """One pass over the records. `_next` says which may follow which."""

    _NEXT: Mapping[str, frozenset[str]] = {
        "": frozenset({"01"}),
        "01": frozenset({"02", "99"}),
        "02": frozenset({"03", "98"}),
        "03": frozenset({"16", "49"}),
        "16": frozenset({"16", "49"}),
        "49": frozenset({"03", "98"}),
        "98": frozenset({"02", "99"}),
        "99": frozenset({"01"}),  # some banks join their files
    }

    def __init__(self, path: Path) -> None:
        self.path = path
        self.findings = Findings()
        self.statements: list[Statement] = []
        self.file, self.group, self.level = _Level(), _Level(), _Level()
        self.header = self.group_header = _Record("", [], 0)
        self.account = _Account("", "")
        self.message_id = ""
        self.take: Mapping[str, Callable[[_Record], None]] = {
            "01": self._file,
            "02": self._group,
            "03": self._begin,
            "16": self._transaction,
            "49": self._end,
            "98": self._end_group,
            "99": self._end_file,
        }

    def read(self) -> BankMessage:
        last = ""
        for record in _records(self.path):
            if record.code not in self._NEXT[last]:
                before = f"behind {last}" if last else "at the beginning"
                words = f"a record {record.code} cannot stand {before}"
                raise corrupt(self.path, "message", words, line=record.line)
            for level in (self.file, self.group, self.level):
                level.records += record.lines
            self.take[record.code](record)
            last = record.code
        if last != "99":
            raise corrupt(self.path, "text", "it ends before its record 99: it was cut off")
        if not self.statements:
            raise corrupt(self.path, "message", "no account is in it")
        parts = (Part(statement, last=True) for statement in self.statements)
        problems = self.findings.problems
        return BankMessage("BAI2", parts, message_id=self.message_id, problems=problems)

    # -- file and group

    def _file(self, record: _Record) -> None:
        if record.text(7) not in _VERSIONS:
            words = f"it is of version {record.text(7)}; versions 2 and 3 are read"
            raise corrupt(self.path, "message", words, line=record.line)
        self.header = record
        self.message_id = self.message_id or "-".join(filter(None, map(record.text, (0, 2, 4))))
        self.file = _Level(records=record.lines, first=len(self.statements))

    def _group(self, record: _Record) -> None:
        self.group_header = record
        self.group = _Level(records=record.lines, first=len(self.statements))
        self.file.parts += 1
        if day(record.text(3)) is None:
            words = f"the as-of date {record.text(3)!r} is no day"
            raise corrupt(self.path, "message", words, line=record.line)

    def _end_group(self, record: _Record) -> None:
        self.file.total += self._stated(record, 0) or 0
        self._verify(record, self.group, ("accounts", self._stated(record, 1)))

    def _end_file(self, record: _Record) -> None:
        self._verify(record, self.file, ("groups", self._stated(record, 1)))

    def _verify(self, record: _Record, level: _Level, parts: tuple[str, int | None]) -> None:
        """A trailer that does not fit puts all it covers in doubt: any of it may be missing."""
        words = [
            *_difference("control total", self._stated(record, 0), level.total),
            *_difference(f"number of {parts[0]}", parts[1], level.parts),
            *_difference("number of records", self._stated(record, 2), level.records),
        ]
        for index in range(level.first, len(self.statements)) if words else ():
            statement = self.statements[index]
            why = f"does not fit what it covers: {'; '.join(words)}"
            told = self.findings.doubt(statement.index, f"record {record.code}", why, record.line)
            self.statements[index] = replace(statement, doubts=(*statement.doubts, told))

    def _stated(self, record: _Record, at: int) -> int | None:
        try:
            return _number(record.text(at))
        except Doubt:
            return None

    # -- account

    def _begin(self, record: _Record) -> None:
        currency = record.text(1) or self.group_header.text(5) or _DEFAULT_CURRENCY
        self.account = _Account(record.text(0), currency)
        self.level = _Level(records=record.lines)
        self.group.parts += 1
        if not record.text(0):
            self._doubt("", "the account is missing", record.line)
        if not re.fullmatch("[A-Z]{3}", currency):
            self._doubt("", f"its currency {currency!r} is none", record.line)
        try:
            self._summary(record)
        except Doubt as doubt:
            self._doubt("record 03", f"cannot be read: {doubt}", record.line)

    def _summary(self, record: _Record) -> None:
        """Groups of type code, amount, item count and funds type, in any number."""
        at = 2
        while at < len(record.fields):
            code, figure = record.text(at), record.text(at + 1)
            if code and figure:
                value = _number(figure)
                self.level.total += value
                if kind := BALANCES.get(code):
                    self.account.balances.append(self._balance(kind, value))
            at += 3 + _width(record, at + 3)

    def _balance(self, kind: str, value: int) -> Balance:
        currency = self.account.currency
        return Balance(kind, _amount(value, currency), currency, day(self.group_header.text(3)))

    def _end(self, record: _Record) -> None:
        words = [
            *_difference("control total", self._stated(record, 0), self.level.total),
            *_difference("number of records", self._stated(record, 1), self.level.records),
        ]
        self.group.total += self._stated(record, 0) or 0
        if words:
            self._doubt("record 49", f"does not fit its account: {'; '.join(words)}", record.line)
        if status := _STATUS.get(self.group_header.text(2)):
            self._doubt("", f"the bank declares it {status}", self.group_header.line)
        self.statements.append(self._statement())

    def _statement(self) -> Statement:
        account, when = self.account, day(self.group_header.text(3))
        interim = self.group_header.text(6) in _INTERIM
        return Statement(
            index=len(self.statements) + 1,
            kind=StatementKind.INTRADAY if interim else StatementKind.STATEMENT,
            id="-".join(filter(None, map(self.header.text, (0, 2, 4)))),
            account=account.number,
            currency=account.currency,
            electronic_sequence="",
            legal_sequence="",
            period_from=when,
            period_to=when,
            created=_moment(self.header.text(2), self.header.text(3)),
            copy="",
            balances=tuple(account.balances),
            entries=tuple(account.entries),
            doubts=tuple(account.doubts),
        )

    def _doubt(self, place: str, why: str, line: int) -> None:
        index = len(self.statements) + 1
        self.account.doubts.append(self.findings.doubt(index, place, why, line))

    # -- transactions

    def _transaction(self, record: _Record) -> None:
        self.account.seen += 1
        place = f"entry {self.account.seen}"
        try:
            if record.text(0) == _NO_MONEY:
                self._words(record, place)
            else:
                self.account.entries.append(self._entry(record, _unsigned(record.text(1))))
        except Doubt as doubt:
            self._doubt(place, f"is left out: {doubt}", record.line)

    def _words(self, record: _Record, place: str) -> None:
        """Type 890 tells of no money; a figure in it counts in the control total all the same."""
        self.level.total += _unsigned(record.text(1) or "0")
        words = f"is no entry, but words (type {_NO_MONEY}): {record.rest(2 + _width(record, 2))}"
        self.findings.slip(len(self.statements) + 1, place, words, record.line)

    def _entry(self, record: _Record, value: int) -> Entry:
        self.level.total += value
        code = record.text(0)
        at = 2 + _width(record, 2)
        when = day(self.group_header.text(3))
        currency = self.account.currency
        customer = record.text(at + 1)
        return Entry(
            index=len(self.account.entries) + 1,
            amount=_amount(value * _sign(code), currency),
            currency=currency,
            status="BOOK",
            reversal=False,
            booking_date=when,
            value_date=_value_date(record, when),
            entry_reference="",
            servicer_reference=record.text(at),
            bank_transaction_code=code,
            additional_information=record.rest(at + 2),
            batch_transactions=None,
            batch_message_id="",
            batch_id="",
            charges=(),
            details=(EntryDetail(instruction_id=customer),) if customer else (),
        )


def _difference(words: str, stated: int | None, found: int) -> Iterator[str]:
    if stated != found:
        said = "nothing readable" if stated is None else stated
        yield f"{words} says {said}, its records give {found}"


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text) or len(text) > _MOST_DIGITS:
        raise Doubt(f"{text!r} is no number")
    return int(text)


def _unsigned(text: str) -> int:
    """The amount of a transaction: its type tells the direction, so a sign would contradict it."""
    if not text.isdigit():
        raise Doubt(f"{text!r} is no amount in minor units")
    return _number(text)


def _amount(value: int, currency: str) -> Decimal:
    """Minor units as an amount: 12345 USD is 123.45, 12345 JPY is 12345."""
    return Decimal((value < 0, tuple(map(int, str(abs(value)))), -decimals_of(currency)))


def _sign(code: str) -> int:
    """Type codes 100-399 are credits and 400-699 debits, and so are a bank's own 920s and 960s."""
    if not re.fullmatch(r"\d{3}", code, re.ASCII):
        raise Doubt(f"{code!r} is no type code")
    if "100" <= code < "400" or "920" <= code < "960":
        return 1
    if "400" <= code < "700" or code >= "960":
        return -1
    raise Doubt(f"type code {code} says neither credit nor debit")


def _width(record: _Record, at: int) -> int:
    """How many fields a funds type takes with its availability."""
    funds = record.text(at)
    if funds != "D":
        return _WIDTHS.get(funds, 1)
    count = record.text(at + 1)
    if not count.isdigit() or len(count) > 3:
        raise Doubt(f"a distributed availability (D) has {count!r} parts")
    return 2 + 2 * int(count)


def _value_date(record: _Record, when: date | None) -> date | None:
    """The date that a value-dated amount (V) names; available at once (0, Z) is the as-of date."""
    funds = record.text(2)
    if funds == "V":
        return day(record.text(3))
    return when if funds in {"", "0", "Z"} else None


def _moment(date_text: str, time_text: str) -> str:
    """`2026-11-23T10:15:00`; 2400 and 9999 mean the end of the day."""
    if (when := day(date_text)) is None:
        return ""
    if time_text in {"2400", "9999"}:
        return f"{when}T23:59:59"
    known = re.fullmatch(r"([01]\d|2[0-3])([0-5]\d)", time_text, re.ASCII)
    return f"{when}T{known[1]}:{known[2]}:00" if known else f"{when}"


# ----------------------------------------------------------------------------------------- cutting


def extract(path: Path, keep: Collection[int], target: BinaryIO) -> None:
    """Write the file with only the accounts `keep` (from 1) in it.

    What is kept is not touched, but for the trailers (98, 99) of what something was left out of:
    they are made anew. Raises ValueError for accounts that are not there.
    """
    sieve = _Sieve(frozenset(keep), target)
    for _, piece in _pieces(path):
        sieve.take(piece)
    if not keep or not set(keep) <= set(range(1, sieve.accounts + 1)):
        raise ValueError(f"{list(keep)} are not accounts of {path}, which has {sieve.accounts}")


@dataclass
class _Sieve:
    """Lets pass what belongs to the accounts kept, and adds up for the trailers."""

    keep: Collection[int]
    target: BinaryIO
    accounts: int = 0
    passing: bool = True
    group_header: list[bytes] = field(default_factory=list)  # until an account of it passes
    group: _Level = field(default_factory=_Level)
    file: _Level = field(default_factory=_Level)

    def take(self, piece: bytes) -> None:
        code = _code(piece)
        if code == "01":
            self.file = _Level()
        elif code == "02":
            self.group, self.group_header, self.passing = _Level(), [], True
        elif code == "03":
            self.accounts += 1
            self.passing = self.accounts in self.keep
            self.group.parts += self.passing
            self.group.all_parts += 1
        self._pass(code, piece)

    def _pass(self, code: str, piece: bytes) -> None:
        if code == "98":
            self._end_group(piece)
        elif code == "99":
            self._write(self._trailer(piece, self.file), self.file)
        elif code == "02" or (self.group_header and not self.group.all_parts):
            self.group_header.append(piece)
        elif self.passing:
            for header in self.group_header:
                self._write(header, self.group)
            self.group_header = []
            self._write(piece, self.group if code != "01" else self.file)
            if code == "49":
                self.group.total += _total(piece)

    def _end_group(self, piece: bytes) -> None:
        self.passing = True
        self.file.all_parts += 1
        if not self.group.parts and self.group.all_parts:
            return
        trailer = self._trailer(piece, self.group)
        self._write(trailer, self.group)
        self.file.parts += 1
        self.file.changed |= self.group.parts < self.group.all_parts
        self.file.total += _total(trailer)
        self.file.records += self.group.records

    def _trailer(self, piece: bytes, level: _Level) -> bytes:
        if level.parts == level.all_parts and not level.changed:
            return piece
        figures = f"{_code(piece)},{level.total},{level.parts},{level.records + 1}/"
        return figures.encode() + piece[len(piece.rstrip()) :]

    def _write(self, piece: bytes, level: _Level) -> None:
        level.records += 1 if _code(piece) else 0
        self.target.write(piece)


def _total(trailer: bytes) -> int:
    """The control total of a trailer, as it stands there; 0 when nothing readable does."""
    try:
        return _number(decoded(trailer).strip().removesuffix("/").split(",")[1].strip())
    except (Doubt, IndexError):
        return 0
