"""Account reports: camt.052, camt.053 and camt.054, read as core.statement has them.

Money and identity are read strictly: a balance or an entry without a readable amount, sign or
currency is left out, and the statement says so in its doubts. All else is read leniently: a slip of
the bank is recorded, as a warning unless somebody wants it otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import NamedTuple

from h2h.adapters.messages.iso20022.entries import Doubt, date_text, day, signed, sole, unsigned
from h2h.adapters.messages.iso20022.incoming import (
    AS_USUAL,
    Node,
    Opened,
    Severities,
    corrupt,
    version_between,
)
from h2h.adapters.messages.iso20022.reports import ReportPart, parts
from h2h.adapters.messages.iso20022.summary import PAGINATIONS, Contradiction, Summary, is_whole
from h2h.core import books
from h2h.core.money import total
from h2h.core.problem import Problem, Severity
from h2h.core.statement import Balance, Entry, Part, Statement, StatementKind
from h2h.ports import BankMessage

KINDS = {
    "camt.052": StatementKind.INTRADAY,
    "camt.053": StatementKind.STATEMENT,
    "camt.054": StatementKind.NOTIFICATION,
}
_HELD = (
    "The statement is held: ask the bank for a corrected one, or compare it with the bank's own "
    "view and release it"
)
_SLIPPED = "None here; tell the bank, and compare the statement with the bank's own view"
_BOOKED = "BOOK"
_MOST_DOUBTS = 100  # told of a statement
_MOST_UNSIGNED = 4  # balances of one statement whose signs are looked for


def read(opened: Opened, severities: Severities = AS_USUAL, *, lift: bool = True) -> BankMessage:
    """The account reports of a file, in its order, while it is read.

    `severities` are those of slips, by rule id (core.statement.SLIPS); one that is to hold makes a
    doubt of its statement. With `lift` False the parser reads every entry.
    """
    message = BankMessage(opened.message)
    message.parts = _statements(opened, message, severities, lift=lift)
    return message


def _statements(
    opened: Opened, message: BankMessage, severities: Severities, *, lift: bool
) -> Iterator[Part]:
    """Raises Corrupt where the file turns out to be none."""
    doubts = [p.message for p in version_between(opened, severities) if p.severity is Severity.HOLD]
    current, found = None, 0
    for part in parts(opened, message.problems, severities, lift=lift):
        message.message_id = message.message_id or part.group.value("MsgId")
        if part.number:
            if current is None:
                current = _Open(part, KINDS[opened.family], message.problems, severities, doubts)
            yield Part(current.statement(part), part.last)
            current, found = None if part.last else current, part.number
    if not found:
        raise corrupt(opened.path, "message", f"{opened.message} without any statement in it")


class _Open:
    """A statement while its parts come in."""

    def __init__(
        self,
        part: ReportPart,
        kind: StatementKind,
        problems: list[Problem],
        severities: Severities,
        doubts: Sequence[str],
    ) -> None:
        self.index = part.number
        self.kind = kind
        self.problems = problems
        self.severities = severities
        self.doubts = [*doubts]
        self.more = 0  # doubts that are only counted
        self.currency = ""  # of its first entry
        self.summary = Summary(part.head)
        self.balances = _Balances(part.head)
        self.booked = Decimal(0)  # added up only where a balance has no sign
        self.known: Statement | None = None  # what the parts before the last one say

    def statement(self, part: ReportPart) -> Statement:
        """The statement as it is known with this part."""
        if self.kind is StatementKind.STATEMENT and not all(e.status for e in part.entries):
            part = part._replace(entries=list(map(_listed, part.entries)))
        self.count(part)
        if part.last:
            return self.end(part)
        if self.known is None:
            self.known = self.read(part, self.balances.signed)
        return replace(self.known, entries=tuple(part.entries), doubts=tuple(self.doubts))

    def count(self, part: ReportPart) -> None:
        """Take notice of the entries, and of those that were left out."""
        for number, why, path, line in part.doubted:
            self.leave_out(f"entry {number}", "", why, path, line)
        if part.entries and not self.currency:
            self.currency = part.entries[0].currency
        self.summary.add(part.entries)
        if self.balances.unsigned:
            booked = [entry.amount for entry in part.entries if entry.status == _BOOKED]
            self.booked = total((self.booked, *booked))

    def end(self, part: ReportPart) -> Statement:
        """The statement as a whole: now its figures can be compared."""
        counted = bool(self.balances.unsigned)
        self.balances = _Balances(part.head)
        for place, kind, doubt, line in self.balances.unread:
            self.leave_out(place, kind, str(doubt), doubt.path, line)
        statement = self.read(part, [*self.balances.signed, *self.balances.unsigned])
        if self.balances.unsigned:
            statement = self.settle(statement, counted=counted)
        if not statement.account:
            self.doubt("the account is missing", "Acct/Id", part.head.line)
        for path, declared, found in self.contradictions():
            words = f"its summary says {declared} ({path}), its entries come to {found}"
            self.slip("statement-summary", words, path, part.head.line)
        more = [f"{self.more} more are left out or in doubt"] if self.more else []
        return replace(statement, doubts=(*self.doubts, *part.held, *more))

    def read(self, part: ReportPart, balances: Sequence[_Written]) -> Statement:
        """What the head says, with the entries of this part."""
        head = part.head
        found = tuple(each.balance for each in sorted(balances))
        named = [head.value("Acct", "Ccy"), *(each.currency for each in found), self.currency]
        return Statement(
            index=self.index,
            kind=self.kind,
            id=head.value("Id"),
            account=head.value("Acct", "Id", "IBAN") or head.value("Acct", "Id", "Othr", "Id"),
            currency=next(filter(None, named), ""),
            electronic_sequence=head.value("ElctrncSeqNb"),
            legal_sequence=head.value("LglSeqNb"),
            period_from=day(head.value("FrToDt", "FrDtTm") or head.value("FrToDt", "FrDt")),
            period_to=day(head.value("FrToDt", "ToDtTm") or head.value("FrToDt", "ToDt")),
            created=head.value("CreDtTm"),
            copy=head.value("CpyDplctInd"),
            balances=found,
            entries=tuple(part.entries),
            page=_page(head, part.group),
        )

    def contradictions(self) -> Iterator[Contradiction]:
        """Totals that the entries deny; a report within the day may consist of totals alone."""
        if self.summary.entries or self.kind is StatementKind.STATEMENT:
            yield from self.summary.contradictions()

    def settle(self, statement: Statement, *, counted: bool) -> Statement:
        """Decide on the balances without sign: those that the equation proves to be credits."""
        proved = _credits(statement, self.balances, self.booked if counted else None)
        kept = [*self.balances.signed]
        for written in self.balances.unsigned:
            place, kind = f"balance {written.number}", f" ({written.balance.type})"
            if written.number in proved:
                kept.append(written)
                words = f"{place}{kind} has no sign; only as a credit does it balance"
                self.slip("balance-sign", words, f"{place}, CdtDbtInd", written.line)
            else:
                self.leave_out(place, kind, "its sign is missing", "CdtDbtInd", written.line)
        return replace(statement, balances=tuple(each.balance for each in sorted(kept)))

    # -- what is said of it

    def leave_out(self, place: str, kind: str, why: str, path: str, line: int | None) -> None:
        """Somebody must look at the statement: this is not in it."""
        self.doubt(f"{place}{kind} is left out: {why}", f"{place}, {path}", line)

    def doubt(self, words: str, path: str, line: int | None) -> None:
        """Put the statement in doubt; so many times, and no more, is it told why."""
        if len(self.doubts) >= _MOST_DOUBTS:
            self.more += 1
            return
        self.doubts.append(words)
        path = f"statement {self.index}, {path}"
        self.problems.append(Problem("statement-doubt", Severity.HOLD, words, _HELD, path, line))

    def slip(self, rule: str, words: str, path: str, line: int | None) -> None:
        """Record a slip, which holds the statement only where this is wanted."""
        severity = self.severities.get(rule, Severity.WARN)
        remedy = _HELD if severity is Severity.HOLD else _SLIPPED
        if severity is Severity.HOLD:
            self.doubts.append(words)
        path = f"statement {self.index}, {path}"
        self.problems.append(Problem(rule, severity, words, remedy, path, line))


def _listed(entry: Entry) -> Entry:
    """An entry of an end-of-day statement, which lists what is booked: so without a status too.

    That the status is missing is a slip of the schema, and the balances tell if it was a lie.
    """
    return entry if entry.status else entry._replace(status=_BOOKED)


def _page(head: Node, group: Node) -> str:
    """Its number; before .04 only the message had pages, and every first and last one says so."""
    found = next(filter(None, map(head.one, PAGINATIONS)), None)
    if found is not None:
        return found.value("PgNb")
    message = group.one("MsgPgntn")
    return "" if message is None or is_whole(message) else message.value("PgNb")


# ----------------------------------------------------------------------------------------- balances


class _Written(NamedTuple):
    """A balance as it was read; one without a sign is taken for a credit until that is proved."""

    number: int
    balance: Balance
    line: int | None


class _Balances:
    """The balances of a statement."""

    def __init__(self, head: Node) -> None:
        self.signed: list[_Written] = []
        self.unsigned: list[_Written] = []
        self.unread: list[tuple[str, str, Doubt, int | None]] = []
        for number, node in enumerate(head.all("Bal"), 1):
            code = node.code("Tp", "CdOrPrtry") or node.code("Tp")
            try:
                balance, has_sign = _balance(code, node)
            except Doubt as doubt:
                self.unread.append((f"balance {number}", f" ({code})", doubt, node.line))
            else:
                found = self.signed if has_sign else self.unsigned
                found.append(_Written(number, balance, node.line))


def _balance(code: str, node: Node) -> tuple[Balance, bool]:
    """A balance, and whether its sign is known: nothing needs none. Raises Doubt."""
    figure = sole(node, "Amt", "amount")
    if figure.children:
        raise Doubt(f"{figure.text!r} is no amount", "Amt")
    value, has_sign = unsigned(figure.text, figure.currency, "Amt"), True
    if node.one("CdtDbtInd") is None:
        has_sign = not value
    else:
        sign = sole(node, "CdtDbtInd", "sign").text
        value = signed(figure.text, figure.currency, sign, "Amt")
    return Balance(code, value, figure.currency, day(date_text(node, "Dt"))), has_sign


def _credits(statement: Statement, balances: _Balances, booked: Decimal | None) -> set[int]:
    """The numbers of the balances without sign that must be credits for the equation to hold.

    With every choice of signs by which opening + entries = closing holds, they are credits.
    """
    if booked is None or len(balances.unsigned) > _MOST_UNSIGNED:
        return set()
    tally = books.Tally()
    tally.booked[statement.currency] = booked
    choices = [
        signs
        for signs in product((False, True), repeat=len(balances.unsigned))
        if books.balanced(_with_signs(statement, balances, signs), tally)
    ]
    return {
        written.number
        for written, *debits in zip(balances.unsigned, *choices, strict=True)
        if debits and not any(debits)
    }


def _with_signs(statement: Statement, balances: _Balances, debits: Sequence[bool]) -> Statement:
    chosen = [
        each._replace(balance=each.balance._replace(amount=each.balance.amount.copy_negate()))
        if debit
        else each
        for each, debit in zip(balances.unsigned, debits, strict=True)
    ]
    return replace(
        statement, balances=tuple(each.balance for each in sorted([*balances.signed, *chosen]))
    )
