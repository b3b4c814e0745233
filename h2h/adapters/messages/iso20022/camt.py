"""Account reports: camt.052, camt.053 and camt.054, read as core.statement has them.

Money and identity are read strictly: a balance or an entry without a readable amount, sign or
currency is left out, and the statement says so in its doubts. All else is read leniently.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from h2h.adapters.messages.iso20022.incoming import Node, Opened, Part, corrupt, parts
from h2h.core.money import amount
from h2h.core.problem import Problem, Severity
from h2h.core.statement import (
    Balance,
    Charge,
    Entry,
    EntryDetail,
    Statement,
    StatementKind,
)
from h2h.core.statement import Part as StatementPart
from h2h.ports import BankMessage

KINDS = {
    "camt.052": StatementKind.INTRADAY,
    "camt.053": StatementKind.STATEMENT,
    "camt.054": StatementKind.NOTIFICATION,
}
# ISO 20022 amounts have 18 digits. A few zeros more are a slip; beyond that it is no amount.
_MOST_DIGITS = 24
_SIGNS = {"CRDT": 1, "DBIT": -1}
_RULE = "statement-doubt"
_REMEDY = (
    "The statement is held: ask the bank for a corrected one, or compare it with the bank's own "
    "view and release it"
)


class _Doubt(Exception):
    """Why a figure cannot be trusted, in words that follow its place."""


@dataclass
class _Open:
    """A statement while its parts come in."""

    index: int
    problems: list[Problem]
    doubts: list[str] = field(default_factory=list)
    currency: str = ""  # of its first entry

    def doubt(self, place: str, why: str, line: int | None) -> None:
        words = f"{place} {why}" if place else why
        self.doubts.append(words)
        path = ", ".join(filter(None, (f"statement {self.index}", place)))
        self.problems.append(Problem(_RULE, Severity.HOLD, words, _REMEDY, path, line))


def read(opened: Opened) -> BankMessage:
    """The account reports of a file, in its order, while it is read."""
    message = BankMessage(opened.message)
    message.parts = _parts(opened, message)
    return message


def _parts(opened: Opened, message: BankMessage) -> Iterator[StatementPart]:
    """Raises Corrupt where the file turns out to be none."""
    kind, current = KINDS[opened.family], _Open(1, message.problems)
    for part in parts(opened, message.problems):
        if part.block:
            entries = tuple(_entries(part, current))
            statement = _statement(kind, part.head, entries, current, last=part.last)
            yield StatementPart(statement, part.last)
            if part.last:
                current = _Open(part.block + 1, message.problems)
        else:
            message.message_id = part.head.value("GrpHdr", "MsgId")
    if current.index == 1:
        raise corrupt(opened.path, "message", f"{opened.message} without any statement in it")


def _entries(part: Part, current: _Open) -> Iterator[Entry]:
    for index, node in enumerate(part.items, part.first):
        try:
            entry = _entry(index, node)
        except _Doubt as doubt:
            current.doubt(f"entry {index}", f"is left out: {doubt}", node.line)
        else:
            current.currency = current.currency or entry.currency
            yield entry


# ------------------------------------------------------------------------------------ the statement


def _statement(
    kind: StatementKind, head: Node, entries: tuple[Entry, ...], current: _Open, *, last: bool
) -> Statement:
    account = head.value("Acct", "Id", "IBAN") or head.value("Acct", "Id", "Othr", "Id")
    if last and not account:
        current.doubt("", "the account is missing", head.line)
    balances = tuple(_balances(head, current if last else _Open(current.index, [])))
    return Statement(
        index=current.index,
        kind=kind,
        id=head.value("Id"),
        account=account,
        currency=_currency(head, balances, current),
        electronic_sequence=head.value("ElctrncSeqNb"),
        legal_sequence=head.value("LglSeqNb"),
        period_from=_day(head.value("FrToDt", "FrDtTm") or head.value("FrToDt", "FrDt")),
        period_to=_day(head.value("FrToDt", "ToDtTm") or head.value("FrToDt", "ToDt")),
        created=head.value("CreDtTm"),
        copy=head.value("CpyDplctInd"),
        balances=balances,
        entries=entries,
        doubts=tuple(current.doubts),
        page=head.value("StmtPgntn", "PgNb") or head.value("RptPgntn", "PgNb"),
    )


def _currency(head: Node, balances: Sequence[Balance], current: _Open) -> str:
    named = [*(b.currency for b in balances), *filter(None, (current.currency,))]
    return head.value("Acct", "Ccy") or next(iter(named), "")


def _balances(head: Node, current: _Open) -> Iterable[Balance]:
    for number, node in enumerate(head.all("Bal"), 1):
        code = node.code("Tp", "CdOrPrtry") or node.code("Tp")
        try:
            value, currency = _money(node)
        except _Doubt as doubt:
            current.doubt(f"balance {number}", f"({code}) is left out: {doubt}", head.line)
        else:
            yield Balance(code, value, currency, _date(node, "Dt"))


# -------------------------------------------------------------------------------------------- money


def _money(node: Node) -> tuple[Decimal, str]:
    """The signed amount of a balance or entry, and its currency. Raises _Doubt."""
    value, currency = _unsigned(node, "Amt")
    return _signed(value, _sole(node, "CdtDbtInd", "sign").text), currency


def _unsigned(node: Node, tag: str) -> tuple[Decimal, str]:
    found = _sole(node, tag, "amount")
    try:
        value = amount(found.text)
    except ValueError:
        raise _Doubt(f"{found.text!r} is no amount") from None
    if found.children or len(value.as_tuple().digits) > _MOST_DIGITS:
        raise _Doubt(f"{found.text!r} is no amount")
    if not found.currency:
        raise _Doubt("its currency is missing")
    return value, found.currency


def _sole(node: Node, tag: str, words: str) -> Node:
    """The one child `tag`: with none or two, nobody knows which figure is meant."""
    found = node.all(tag)
    if len(found) != 1:
        raise _Doubt(f"its {words} is missing" if not found else f"it has more than one {words}")
    return found[0]


def _signed(value: Decimal, indicator: str) -> Decimal:
    if indicator not in _SIGNS:
        raise _Doubt(f"its sign {indicator!r} is neither credit nor debit")
    return value.copy_negate() if value and _SIGNS[indicator] < 0 else value


# ------------------------------------------------------------------------------------------ entries


def _entry(index: int, node: Node) -> Entry:
    value, currency = _money(node)
    batches = node.all("NtryDtls", "Btch")
    return Entry(
        index=index,
        amount=value,
        currency=currency,
        status=node.code("Sts"),
        reversal=node.value("RvslInd") in {"true", "1"},
        booking_date=_date(node, "BookgDt"),
        value_date=_date(node, "ValDt"),
        entry_reference=node.value("NtryRef"),
        servicer_reference=node.value("AcctSvcrRef"),
        bank_transaction_code=_transaction_code(node),
        additional_information=node.value("AddtlNtryInf"),
        batch_transactions=_count(batches),
        batch_message_id=next((b.value("MsgId") for b in batches), ""),
        batch_id=next((b.value("PmtInfId") for b in batches), ""),
        charges=_charges(node),
        details=tuple(_detail(found, node) for found in node.all("NtryDtls", "TxDtls")),
    )


def _count(batches: Iterable[Node]) -> int | None:
    """The sum over all batches of an entry; None when no batch says."""
    declared = [batch.value("NbOfTxs") for batch in batches]
    counts = [
        int(text) for text in declared if text.isascii() and text.isdigit() and len(text) < 16
    ]
    return sum(counts) if counts else None


def _transaction_code(node: Node) -> str:
    """`PMNT/ICDT/ESCT`, else the bank's own code."""
    domain = node.one("BkTxCd", "Domn")
    if domain is None:
        return node.value("BkTxCd", "Prtry", "Cd") or node.value("BkTxCd", "Prtry")
    codes = domain.value("Cd"), domain.value("Fmly", "Cd"), domain.value("Fmly", "SubFmlyCd")
    return "/".join(filter(None, codes))


def _charges(node: Node) -> tuple[Charge, ...]:
    """Charges one by one; only where none is listed, their total. Version .02 has no records."""
    blocks = node.all("Chrgs")
    listed = [*node.all("Chrgs", "Rcrd"), *(block for block in blocks if block.one("Amt"))]
    found = [_charge(item, "Amt") for item in listed or blocks if item.one("Amt")]
    totals = [
        _charge(item, "TtlChrgsAndTaxAmt") for item in blocks if item.one("TtlChrgsAndTaxAmt")
    ]
    return tuple(found or totals)


def _charge(node: Node, tag: str) -> Charge:
    value, currency = _unsigned(node, tag)
    given_back = node.value("CdtDbtInd") == "CRDT" and value
    kind = node.value("Tp", "Prtry", "Id") or node.code("Tp")
    return Charge(value.copy_negate() if given_back else value, currency, kind)


# ------------------------------------------------------------------------- transactions of an entry


def _detail(node: Node, entry: Node) -> EntryDetail:
    value, currency = _detail_amount(node, entry)
    references = node.one("Refs") or node
    return EntryDetail(
        amount=value,
        currency=currency,
        message_id=references.value("MsgId"),
        batch_id=references.value("PmtInfId"),
        instruction_id=references.value("InstrId"),
        end_to_end_id=references.value("EndToEndId"),
        servicer_reference=references.value("AcctSvcrRef"),
        transaction_id=references.value("TxId"),
        uetr=references.value("UETR"),
        debtor_name=_party(node, "Dbtr"),
        debtor_account=_account(node, "DbtrAcct"),
        creditor_name=_party(node, "Cdtr"),
        creditor_account=_account(node, "CdtrAcct"),
        remittance=_joined(node, ("RmtInf", "Ustrd"), ("RmtInf", "Strd", "AddtlRmtInf")),
        reference=_joined(node, ("RmtInf", "Strd", "CdtrRefInf", "Ref"))
        or _joined(node, ("RmtInf", "Strd", "RfrdDocInf", "Nb")),
        return_reason=" ".join(
            filter(None, (node.code("RtrInf", "Rsn"), _joined(node, ("RtrInf", "AddtlInf"))))
        ),
        additional_information=node.value("AddtlTxInf"),
        charges=_charges(node),
    )


def _detail_amount(node: Node, entry: Node) -> tuple[Decimal | None, str]:
    """Its own amount (.08), else the transaction's, else the instructed one (.02).

    Its own sign, where it has one, else that of its entry.
    """
    details = node.one("AmtDtls") or node
    for holder in (node, details.one("TxAmt"), details.one("InstdAmt")):
        if holder is not None and holder.one("Amt"):
            value, currency = _unsigned(holder, "Amt")
            sign = node.value("CdtDbtInd") or entry.value("CdtDbtInd")
            return _signed(value, sign), currency
    return None, ""


def _party(node: Node, tag: str) -> str:
    """A party's name; from .08 on it stands one level deeper, and may be a bank."""
    party = node.one("RltdPties", tag)
    if party is None:
        return ""
    agent = party.value("Agt", "FinInstnId", "Nm") or party.value("Agt", "FinInstnId", "BICFI")
    return party.value("Nm") or party.value("Pty", "Nm") or agent


def _account(node: Node, tag: str) -> str:
    return node.value("RltdPties", tag, "Id", "IBAN") or node.value(
        "RltdPties", tag, "Id", "Othr", "Id"
    )


def _joined(node: Node, *paths: tuple[str, ...]) -> str:
    return " ".join(found.text for path in paths for found in node.all(*path) if found.text)


# -------------------------------------------------------------------------------------------- dates


def _date(node: Node, tag: str) -> date | None:
    """A date or the date of a moment; some banks leave the inner element out."""
    found = node.one(tag)
    return _day(found.value("Dt") or found.value("DtTm") or found.text) if found else None


def _day(text: str) -> date | None:
    """The day as the bank wrote it, whatever the zone; None when it is none."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
