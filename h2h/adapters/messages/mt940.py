"""MT940, the customer statement message of SWIFT, and MT942, its interim report: read and written.

The grammar is our own, since the usual library (mt-940 5.1) cannot be made exact where money is at
stake: an amount with a full stop (`1234.56`) reads as 1234, one that is too long loses its last
digits, a 30 February becomes the 28th, the information behind the closing balance is added to the
last entry, EC and ED stop the whole file, and no error tells its line. The tests hold it as the
second opinion on what is read and written here.

Money and identity are read strictly, as with camt: what cannot be read is left out and is a doubt
of its statement. Without both balances an MT940 is in doubt too: it may be cut off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from h2h.adapters.messages import information
from h2h.adapters.messages.information import Information
from h2h.adapters.messages.iso20022.incoming import corrupt
from h2h.adapters.messages.text import Doubt, Findings, day, decoded, numbered, words_of
from h2h.core.money import amount, plain, total
from h2h.core.rules.accounts import iban_fault
from h2h.core.statement import Balance, Entry, EntryDetail, Part, Statement, StatementKind
from h2h.ports import BankMessage

# Field tags, and the ISO balance types that stand for the balances.
_BALANCES = {
    "60F": "OPBD",
    "60M": "ITBD",
    "60": "OPBD",  # a slip, as is 62: F or M should say which of the two it is
    "62F": "CLBD",
    "62M": "ITBD",
    "62": "CLBD",
    "64": "CLAV",
    "65": "FWAV",
}
_OPENING, _CLOSING = ("60F", "60M", "60"), ("62F", "62M", "62")
_FIELDS = frozenset({"13D", "20", "21", "25", "25P", "28", "28C", "34F", "61", "86", "90C", "90D"})
_KNOWN = _FIELDS | _BALANCES.keys()
_IDENTITY = frozenset({"25", "28"})  # account and number
_TAG = re.compile(r":(\d\d[A-Z]?|NS):", re.ASCII)
_ENVELOPE = re.compile(r"(?:\{[123]:[^\n]*\})*\{4:")  # the blocks before the text of a message
_NEXT_MESSAGE = re.compile(rb"(?<=.)(?=\{1:)")
_BEGINS = (b"{1:", b":20:")
_CLOSES = (b":62F:", b":62M:", b":62:", b":90C:", b":90D:")
_INTERIM = re.compile(r"\{2:[IO]942")

_BALANCE = re.compile(r"([CD])(\d{6})([A-Z]{3})(\d+[.,]|\d*,\d+|\d*\.\d{1,2})", re.ASCII)
_LINE = re.compile(
    r"(?P<value>\d{6})(?P<booked>\d{4}| {4})?(?P<mark>[ER]?[CD])(?P<funds>[A-Z])?"
    r"[\n ]?(?P<amount>\d+[.,]?|\d*,\d+|\d*\.\d{1,2})"
    r"(?P<blank> ?)(?:(?P<type>[A-Z][A-Z0-9 ]{3})|(?=//))(?P<rest>.*)",
    re.ASCII | re.DOTALL,
)
_NUMBER = re.compile(r"0*(\d+)(?:/0*(\d+))?", re.ASCII)
_SUM = re.compile(r"(\d{1,5})([A-Z]{3})(\d+,\d*)", re.ASCII)
_MOMENT = re.compile(r"(\d{6})(\d\d)(\d\d)(?:([+-]\d\d)(\d\d))?", re.ASCII)
_FLOOR = re.compile(r"([A-Z]{3})([CD ])?(\d+,\d*)", re.ASCII)
_DIGITS = re.compile(r"[\d. -]+", re.ASCII)
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
# A reversal of a credit takes money away, a reversal of a debit brings it back.
_POSITIVE = frozenset({"C", "RD", "EC"})
_NAMELESS = frozenset({"NONREF", "NOTPROVIDED"})


@dataclass(frozen=True, slots=True)
class _Field:
    """A field with its tag; `text` has its lines joined by line feeds."""

    tag: str
    text: str
    line: int


# ---------------------------------------------------------------------------- the parts of a file


@dataclass(frozen=True, slots=True)
class _Raw:
    """A line as on disk, the statement it belongs to, and whether it is the end of that."""

    statement: int
    number: int
    line: bytes
    ends: bool


def _cut(path: Path) -> Iterator[_Raw]:
    """The lines: a new statement with each `{1:` or `:20:`, and after the `-` that ends one. What
    stands before the first belongs to it."""
    statement, begun, ended, closed = 1, False, False, False
    for number, line, following in _looking_ahead(path):
        first = line.lstrip(b"\x1a")  # what DOS joined
        if (begun or ended) and (first.startswith(_BEGINS) or (ended and first.strip())):
            statement, begun, ended, closed = statement + 1, False, False, False
        bare = line.strip(b" \r\n\1\3")
        begun = begun or bare.startswith(b":")
        closed = closed or bare.startswith(_CLOSES)
        # a `-` alone may be text that was broken there, until what ends a statement has come
        last = closed or not following.strip() or following.lstrip(b"\x1a").startswith(_BEGINS)
        ends = bare.startswith(b"-}") or (bare == b"-" and begun and last)
        ended = ended or (begun and ends)
        yield _Raw(statement, number, line, ends)


def _looking_ahead(path: Path) -> Iterator[tuple[int, bytes, bytes]]:
    """(number, the line, the next one or nothing); some messages follow without a line feed."""
    waiting: tuple[int, bytes] | None = None
    for number, raw in numbered(path):
        for line in _NEXT_MESSAGE.split(raw) if b"{1:" in raw else (raw,):
            if waiting:
                yield (*waiting, line)
            waiting = number, line
    if waiting:
        yield (*waiting, b"")


def _fields(lines: Iterable[_Raw], opened: _Open) -> Iterator[_Field]:
    """The fields of one statement. A line without a tag goes on with the field before it."""
    found: _Field | None = None
    for raw in lines:
        line = decoded(raw.line).strip("\1\3")  # some gateways leave SWIFT's frame around a message
        if line.startswith("{"):
            opened.interim = opened.interim or bool(_INTERIM.search(line))
            opened.reopened = opened.reopened or "{4:" in line
            opened.enclosed = opened.enclosed or opened.reopened
            line = _ENVELOPE.sub("", line)
        if raw.ends:
            opened.ended = True
            break
        tag = _TAG.match(line)
        if tag and (tag[1] in _KNOWN or found is None or found.tag != "86"):
            if found:
                yield found
            found = _Field(tag[1], line[tag.end() :], raw.number)
        elif found and line:
            found = _Field(found.tag, f"{found.text}\n{line}", found.line)
    if found:
        yield found


# ---------------------------------------------------------------------------------------- reading


@dataclass(slots=True)
class _Line:
    """Field 61, until the statement's dates tell the year of its entry date."""

    mark: str
    amount: Decimal
    booked: str  # MMDD, or ""
    value_date: date | None
    type: str
    customer_reference: str
    bank_reference: str
    details: str
    line: int
    place: int  # among all fields 61, from 1
    information: str = ""


@dataclass(slots=True)
class _Open:
    """A statement while its fields come in."""

    index: int
    findings: Findings
    interim: bool = False
    enclosed: bool = False  # in {4:, which may hold several statements
    reopened: bool = False  # it has a {4: of its own
    ended: bool = False
    first_line: int | None = None
    texts: dict[str, str] = field(default_factory=dict)
    balances: list[Balance] = field(default_factory=list)
    lines: list[_Line] = field(default_factory=list)
    seen: int = 0  # fields 61, unreadable ones too
    currency: str = ""
    sums: dict[str, tuple[int, Decimal, int]] = field(default_factory=dict)
    last: str = ""  # the tag before, without 86
    skipping: bool = False  # the last entry was left out, and so is its information
    doubts: list[str] = field(default_factory=list)

    def doubt(self, place: str, why: str, line: int | None) -> None:
        self.doubts.append(self.findings.doubt(self.index, place, why, line))

    def slip(self, place: str, words: str, line: int | None) -> None:
        self.findings.slip(self.index, place, words, line)


def read(path: Path) -> BankMessage:
    """The statements of a file, in its order; pages of one are statements of their own, joined by
    their interim balances. Raises Corrupt."""
    findings = Findings()
    statements: list[Statement] = []
    unclosed = False
    for _, lines in groupby(_cut(path), key=lambda raw: raw.statement):
        opened = _Open(len(statements) + 1, findings, enclosed=unclosed)
        for found in _fields(lines, opened):
            _take(found, opened)
        if unclosed and opened.reopened:
            break
        unclosed = opened.enclosed and not opened.ended
        if opened.first_line is not None:
            statements.append(_statement(opened))
    if unclosed:
        raise corrupt(path, "text", "it ends before its last message was closed by -}")
    if not statements:
        raise corrupt(path, "message", "no MT940 or MT942 is in it")
    interim = all(s.kind is StatementKind.INTRADAY for s in statements)
    parts = (Part(statement, last=True) for statement in statements)
    return BankMessage("MT942" if interim else "MT940", parts, problems=findings.problems)


def extract(path: Path, keep: Collection[int], target: BinaryIO) -> None:
    """Write the lines of the statements `keep` (from 1) as they are. Raises ValueError for others.

    What stands before the first statement goes with it.
    """
    count = 0
    for _, lines in groupby(_cut(path), key=lambda raw: raw.statement):
        raw = b"".join(found.line for found in lines)
        is_one = any(_TAG.match(_ENVELOPE.sub("", decoded(line))) for line in raw.splitlines())
        count += is_one
        if is_one and count in keep:
            target.write(raw)
    if not keep or not set(keep) <= set(range(1, count + 1)):
        raise ValueError(f"{list(keep)} are not statements of {path}, which has {count}")


def _take(found: _Field, opened: _Open) -> None:
    opened.first_line = opened.first_line or found.line
    if found.tag != "86":
        opened.last, opened.skipping = found.tag, False
    try:
        if found.tag in _BALANCES:
            _take_balance(found, opened)
        elif take := _TAKE.get(found.tag):
            take(found, opened)
        elif found.tag in _KNOWN:
            _take_text(found, opened)
        else:
            opened.slip(f"field {found.tag}", f"field {found.tag} is not read", found.line)
    except Doubt as doubt:
        opened.doubt(f"field {found.tag}", f"is left out: {doubt}", found.line)


def _take_text(found: _Field, opened: _Open) -> None:
    text, name = found.text.strip(), found.tag[:2]
    if opened.texts.setdefault(name, text) != text and name in _IDENTITY:
        raise Doubt("it stands there a second time and says something else")


def _take_balance(found: _Field, opened: _Open) -> None:
    if found.tag in {"60", "62"}:
        opened.slip(f"field {found.tag}", "says neither F (final) nor M (page)", found.line)
    kind = _BALANCES[found.tag]
    sides = next((side for side in (_OPENING, _CLOSING) if found.tag in side), ())
    if any(tag in opened.texts for tag in sides):
        raise Doubt("there is more than one of it")
    written, _, behind = found.text.strip().partition("\n")
    parts = _BALANCE.fullmatch(written.strip())
    if parts is None:
        raise Doubt(f"{written.strip()!r} is no balance")
    mark, day_text, currency, figure = parts.groups()
    if behind:  # a balance is one line
        opened.slip(f"field {found.tag}", f"{behind!r} behind it is not read", found.line)
    if words := _unusual(figure):
        opened.slip(f"field {found.tag}", words, found.line)
    if (when := day(day_text)) is None:
        opened.slip(f"field {found.tag}", f"{day_text} is no day", found.line)
    opened.texts[found.tag] = found.text
    opened.currency = opened.currency or currency
    opened.balances.append(Balance(kind, _signed(figure, mark), currency, when))


def _unusual(figure: str) -> str:
    """What is not as it should be with a figure that has one meaning all the same."""
    if "." in figure:  # one or two digits behind it: never thousands
        return f"the amount {figure} has a full stop for its decimal comma"
    return "" if figure[0].isdigit() else f"the amount {figure} begins with its comma"


def _signed(figure: str, mark: str) -> Decimal:
    """The amount with its sign. Raises Doubt for more digits than an amount has."""
    try:
        value = amount(f"0{figure}".replace(",", "."))
    except ValueError:
        raise Doubt(f"{figure!r} is no amount") from None
    return value if mark in _POSITIVE or not value else value.copy_negate()


def _take_line(found: _Field, opened: _Open) -> None:
    opened.seen += 1
    try:
        opened.lines.append(_line(found, opened))
    except Doubt as doubt:
        opened.doubt(f"entry {opened.seen}", f"is left out: {doubt}", found.line)
        opened.skipping = True


def _line(found: _Field, opened: _Open) -> _Line:
    parts = _LINE.fullmatch(found.text)
    if parts is None:
        raise Doubt(f"{found.text.split(chr(10), 1)[0]!r} is no statement line")
    first, _, details = parts["rest"].partition("\n")
    reference, _, bank = first.partition("//")
    line = _Line(
        mark=parts["mark"],
        amount=_signed(parts["amount"], parts["mark"]),
        booked=(parts["booked"] or "").strip(),
        value_date=day(parts["value"]),
        type=(parts["type"] or "").strip(),
        customer_reference=_named(reference),
        bank_reference=_named(bank),
        details=details.replace("\n", " ").strip(),
        line=found.line,
        place=opened.seen,
    )
    for words in _slips(parts, line, opened.currency):
        opened.slip(f"entry {opened.seen}", words, found.line)
    return line


def _slips(parts: re.Match[str], line: _Line, currency: str) -> Iterator[str]:
    if line.value_date is None:
        yield f"the value date {parts['value']} is no day"
    if parts["amount"].isdigit():  # another unit would show in the balances, which need one
        yield f"the amount {parts['amount']} has no decimal comma"
    elif words := _unusual(parts["amount"]):
        yield words
    if parts["blank"]:
        yield "a blank stands behind the amount"
    if parts["type"] is None:
        yield "the transaction type is missing"
    if parts["funds"] and currency and parts["funds"] != currency[2]:
        yield f"the funds code {parts['funds']} does not fit {currency}"


def _named(reference: str) -> str:
    return "" if reference.strip() in _NAMELESS else reference.strip()


def _take_information(found: _Field, opened: _Open) -> None:
    """To the entry that it follows; what follows a balance is about the statement."""
    if opened.last == "61" and not opened.skipping:
        latest = opened.lines[-1]
        latest.information = "\n".join(filter(None, (latest.information, found.text)))


def _take_sum(found: _Field, opened: _Open) -> None:
    parts = _SUM.fullmatch(found.text.strip())
    if parts is None:
        opened.slip(f"field {found.tag}", f"{found.text.strip()!r} is no sum", found.line)
        return
    mark = found.tag[2]
    opened.currency = opened.currency or parts[2]
    opened.sums[mark] = (int(parts[1]), _signed(parts[3], mark), found.line)


def _take_floor(found: _Field, opened: _Open) -> None:
    """The currency of an MT942 without entries, and from which amount on there are any."""
    opened.interim = True
    if parts := _FLOOR.fullmatch(found.text.strip()):
        opened.currency = opened.currency or parts[1]
        if _signed(parts[3], "C"):
            opened.texts["34F"] = found.text


_TAKE: Mapping[str, Callable[[_Field, _Open], None]] = {
    "61": _take_line,
    "86": _take_information,
    "90C": _take_sum,
    "90D": _take_sum,
    "34F": _take_floor,
}


def _statement(opened: _Open) -> Statement:
    texts = opened.texts
    kind = _kind(opened)
    if kind is StatementKind.STATEMENT:
        _demand_balances(opened)
    account = _account(texts.get("25", ""), opened.currency)
    if not account:
        opened.doubt("", "the account is missing", opened.first_line)
    created = _moment(texts.get("13", ""))
    start, end = (_balance_day(opened, side) for side in ("60", "62"))
    end = end or (date.fromisoformat(created[:10]) if created else None)
    entries = tuple(_entry(n, line, opened, (start, end)) for n, line in enumerate(opened.lines, 1))
    _compare_sums(opened, entries)
    if kind is StatementKind.INTRADAY and not (opened.ended or opened.sums):
        opened.slip("", "has neither sums nor an end: it may be cut off", opened.first_line)
    return Statement(
        index=opened.index,
        kind=kind,
        id=texts.get("20", ""),
        account=account,
        currency=opened.currency,
        electronic_sequence=_sequence(opened),
        legal_sequence="",
        period_from=start,
        period_to=end,
        created=created,
        copy="",
        balances=tuple(opened.balances),
        entries=entries,
        doubts=tuple(opened.doubts),
    )


def _kind(opened: _Open) -> StatementKind:
    """Only an MT942 has a floor limit; else it is one if it has its moment or sums, no balances."""
    balanced = any(tag in opened.texts for tag in (*_OPENING, *_CLOSING))
    interim = opened.interim or (not balanced and ("13" in opened.texts or opened.sums))
    return StatementKind.INTRADAY if interim else StatementKind.STATEMENT


def _demand_balances(opened: _Open) -> None:
    for words, tags in (("opening", _OPENING), ("closing", _CLOSING)):
        if not any(tag in opened.texts for tag in tags):
            opened.doubt("", f"the {words} balance is missing", opened.first_line)


def _balance_day(opened: _Open, side: str) -> date | None:
    """The date of the opening (60) or closing (62) balance."""
    text = next((opened.texts[tag] for tag in opened.texts if tag[:2] == side), "")
    return day(text.strip()[1:7]) if text else None


def _account(text: str, currency: str) -> str:
    """The number in `IBAN`, `IBANEUR`, `BIC/number`, `bank code/number EUR`, number and BIC."""
    first = text.split("\n", 1)[0].strip().upper().lstrip("/")  # Austria's banks write two of them
    bank, slash, rest = first.partition("/")
    number = rest.strip() if slash and (_BIC.fullmatch(bank) or bank.isdigit()) else first
    shorter = number.removesuffix(currency)
    # the IBANs of some countries end with letters, so a suffix is one only if an IBAN is left
    if shorter[-1:] in {" ", "/"} or _DIGITS.fullmatch(shorter) or iban_fault(shorter) is None:
        return shorter.rstrip(" /")
    return number


def _sequence(opened: _Open) -> str:
    """`123`; with the page where it is one page of several (`123/2`)."""
    text = opened.texts.get("28", "")
    parts = _NUMBER.fullmatch(text)
    if parts is None:
        return text
    paged = any(tag in opened.texts for tag in ("60M", "62M"))
    return f"{parts[1]}/{parts[2]}" if paged and parts[2] else parts[1]


def _moment(text: str) -> str:
    """`2026-11-23T10:15:00+01:00`; "" when it is none."""
    parts = _MOMENT.fullmatch(text)
    if parts is None or (when := day(parts[1])) is None:
        return ""
    offset = f"{parts[4]}:{parts[5]}" if parts[4] else ""
    return f"{when.isoformat()}T{parts[2]}:{parts[3]}:00{offset}"


def _compare_sums(opened: _Open, entries: Sequence[Entry]) -> None:
    """An MT942 has no balances: its sums are what shows a wrong digit.

    They are only a warning where they may count what is not listed: entries below a floor limit,
    on other pages, or expected ones.
    """
    expected = any(line.mark[0] == "E" for line in opened.lines)
    page = opened.texts.get("28", "").partition("/")[2].lstrip("0")
    certain = not ("34F" in opened.texts or expected or page not in {"", "1"})
    for mark, (count, value, line) in opened.sums.items():
        amounts = [e.amount for e in entries if (e.amount > 0) == (mark == "C")]
        if (found := (len(amounts), total(amounts))) == (count, value):
            continue
        words = (
            f"says {count} entries of {plain(value.copy_abs())} in all; there are {found[0]} of "
            f"{plain(found[1].copy_abs())}"
        )
        tell = opened.doubt if certain else opened.slip
        tell(f"field 90{mark}", words, line)


# ---------------------------------------------------------------------------------------- entries


def entry_date(
    booked: str, value_date: date | None, period: tuple[date | None, date | None]
) -> date | None:
    """The entry date, of which MMDD is told: near the value date, and if it can be in the period.

    So 31 December with a value date in January is the old year's.
    """
    start, end = period
    anchor = value_date or end or start
    if anchor is None or not booked:
        return None
    known = value_date and not (start and end and not start <= value_date <= end)
    if value_date and known and booked == f"{value_date.month:02}{value_date.day:02}":
        return value_date  # nearly always
    years = (anchor.year - 1, anchor.year, anchor.year + 1)
    found = [when for year in years if (when := day(f"{year % 100:02}{booked}"))]
    within = [when for when in found if start and end and start <= when <= end]
    return min(within or found, key=lambda when: abs(when - anchor), default=None)


def _entry(
    index: int, line: _Line, opened: _Open, period: tuple[date | None, date | None]
) -> Entry:
    told = information.parse(line.information)
    booked = entry_date(line.booked, line.value_date, period)
    if line.booked and booked is None:
        opened.slip(f"entry {line.place}", f"the entry date {line.booked} is no day", line.line)
    return Entry(
        index=index,
        amount=line.amount,
        currency=opened.currency,
        status="PDNG" if line.mark[0] == "E" else "BOOK",
        reversal=line.mark[0] == "R",
        booking_date=booked,
        value_date=line.value_date,
        entry_reference="",
        servicer_reference=line.bank_reference,
        bank_transaction_code="+".join(filter(None, (line.type, told.code, told.journal))),
        additional_information=words_of(line.details, told.posting_text, told.free),
        batch_transactions=None,
        batch_message_id="",
        batch_id="",
        charges=(),
        details=_details(line, told),
    )


def _details(line: _Line, told: Information) -> tuple[EntryDetail, ...]:
    """The one transaction that an entry tells of; the other side pays a credit, gets a debit."""
    paid_in = line.mark[-1] == "C"
    name, account = told.name, told.account
    detail = EntryDetail(
        batch_id=told.batch_id,
        instruction_id=told.instruction_id or line.customer_reference,
        end_to_end_id=told.end_to_end_id,
        debtor_name=name if paid_in else "",
        debtor_account=account if paid_in else "",
        creditor_name="" if paid_in else name,
        creditor_account="" if paid_in else account,
        remittance=told.remittance,
        reference=told.reference,
        return_reason=told.return_reason,
        additional_information=told.others,
    )
    return (detail,) if any(detail) else ()
