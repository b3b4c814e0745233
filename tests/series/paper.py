"""How a bank writes what it means: statements as camt of several dialects, as MT940 and as BAI2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

_BODIES = {
    "camt.052": ("BkToCstmrAcctRpt", "Rpt"),
    "camt.053": ("BkToCstmrStmt", "Stmt"),
    "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


class Line(NamedTuple):
    """One booked line. `amount` is signed; a batch names what it holds in `parts`."""

    amount: Decimal
    reference: str  # the bank's
    text: str
    value_date: date
    booked: date
    status: str = "BOOK"
    reversal: bool = False
    end_to_end_id: str = ""
    message_id: str = ""  # of our payment file
    batch_id: str = ""
    reason: str = ""  # why a payment came back
    party: str = ""
    linked: str = ""  # the notification that has its details
    instructed: tuple[str, str, str] = ("", "", "")  # amount, currency, rate: an exchange
    parts: tuple[Line, ...] = ()
    transactions: int = 0  # of what a batch holds, when that is all that is told of it


@dataclass(frozen=True, slots=True)
class Sheet:
    """One statement of one account as the bank means it; a page is one of its own."""

    account: str
    currency: str
    id: str
    created: str
    begins: date
    ends: date
    opening: Decimal
    lines: tuple[Line, ...] = ()
    number: str = ""
    page: str = ""  # "1/last" ... as the dialect writes it
    last_page: bool = True
    opens: str = "OPBD"  # "" for a page that tells no such balance
    closes: str = "CLBD"
    interim: bool = False  # intraday, or a notification
    copy: str = ""

    @property
    def closing(self) -> Decimal:
        booked = (line.amount for line in self.lines if line.status == "BOOK")
        return sum(booked, self.opening)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between banks that all write camt."""

    version: str  # "08"
    number: str = "ElctrncSeqNb"  # "" for none, or LglSeqNb
    period: str = "DtTm"  # FrDtTm, FrDt, or "" for none
    bic: str = "BICFI"
    status_element: bool = True  # Sts/Cd; else as text
    prefix: str = ""
    zone: str = ""
    extra: str = ""  # balances beside the booked ones
    business_message: bool = False
    indent: bool = field(default=False)


# --------------------------------------------------------------------------------------------- camt


def camt(family: str, sheets: Sequence[Sheet], message_id: str, created: str, how: Dialect) -> str:
    """A file of the family ("camt.053") with these statements."""
    body, block = _BODIES[family]
    message = f"{family}.001.{how.version}"
    blocks = "".join(f"<{block}>{_sheet(family, sheet, how)}</{block}>" for sheet in sheets)
    inner = (
        f"<{body}><GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>{created}{how.zone}</CreDtTm>"
        f"</GrpHdr>{blocks}</{body}>"
    )
    name = f"xmlns:{how.prefix}" if how.prefix else "xmlns"
    text = f'<Document {name}="urn:iso:std:iso:20022:tech:xsd:{message}">{inner}</Document>'
    if how.prefix:
        text = text.replace("</", f"\0{how.prefix}:").replace("<", f"<{how.prefix}:")
        text = text.replace("\0", "</")
    if how.indent:
        text = text.replace("><", ">\n<")
    if how.business_message:
        text = f'<Message xmlns="urn:example:frame"><Info>{message_id}</Info>{text}</Message>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _sheet(family: str, sheet: Sheet, how: Dialect) -> str:
    pagination = {"camt.052": "RptPgntn", "camt.053": "StmtPgntn", "camt.054": "NtfctnPgntn"}
    page = ""
    if sheet.page:
        last = "true" if sheet.last_page else "false"
        page = _tag(pagination[family], _tag("PgNb", sheet.page) + _tag("LastPgInd", last))
    servicer = _tag("Svcr", _tag("FinInstnId", _tag(how.bic, "COBADEFFXXX")))
    identity = "IBAN" if sheet.account[:2].isalpha() else "Othr"
    number = sheet.account if identity == "IBAN" else _tag("Id", sheet.account)
    account = _tag("Id", _tag(identity, number)) + _tag("Ccy", sheet.currency) + servicer
    return "".join(
        (
            _tag("Id", sheet.id),
            page,
            _tag(how.number, sheet.number) if how.number and sheet.number else "",
            _tag("CreDtTm", sheet.created + how.zone),
            _period(sheet, how),
            _tag("CpyDplctInd", sheet.copy) if sheet.copy else "",
            _tag("Acct", account),
            _balances(family, sheet, how),
            *(_entry(line, sheet, how) for line in sheet.lines),
        )
    )


def _tag(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>"


def _period(sheet: Sheet, how: Dialect) -> str:
    if not how.period:
        return ""
    first, last = f"{sheet.begins}", f"{sheet.ends}"
    if how.period == "DtTm":
        first, last = f"{first}T00:00:00{how.zone}", f"{last}T23:59:59{how.zone}"
    return _tag("FrToDt", _tag(f"Fr{how.period}", first) + _tag(f"To{how.period}", last))


def _balances(family: str, sheet: Sheet, how: Dialect) -> str:
    if family == "camt.054":
        return ""
    if sheet.interim:
        return _balance("ITBD", sheet.closing, sheet.ends, sheet)
    extra = _balance(how.extra, sheet.closing, sheet.ends, sheet) if how.extra else ""
    first = _balance(sheet.opens, sheet.opening, sheet.begins, sheet) if sheet.opens else ""
    last = _balance(sheet.closes, sheet.closing, sheet.ends, sheet) if sheet.closes else ""
    return first + last + extra


def _balance(kind: str, amount: Decimal, day: date, sheet: Sheet) -> str:
    type_ = _tag("Tp", _tag("CdOrPrtry", _tag("Cd", kind)))
    return _tag("Bal", type_ + _money(amount, sheet.currency) + _tag("Dt", _tag("Dt", f"{day}")))


def _money(amount: Decimal, currency: str) -> str:
    sign = "DBIT" if amount < 0 else "CRDT"
    return f'<Amt Ccy="{currency}">{abs(amount)}</Amt><CdtDbtInd>{sign}</CdtDbtInd>'


def _entry(line: Line, sheet: Sheet, how: Dialect) -> str:
    status = line.status if how.version < "08" or not how.status_element else ""
    code = _tag("Cd", "ICDT" if line.amount < 0 else "RCDT") + _tag("SubFmlyCd", "ESCT")
    domain = _tag("Domn", _tag("Cd", "PMNT") + _tag("Fmly", code))
    batch = ""
    if line.batch_id and (line.parts or line.transactions):
        batch = _tag(
            "Btch",
            _tag("MsgId", line.message_id)
            + _tag("PmtInfId", line.batch_id)
            + _tag("NbOfTxs", f"{len(line.parts) or line.transactions}"),
        )
    told = () if line.transactions else line.parts or (line,)
    details = "".join(_detail(part, sheet.currency, how) for part in told)
    linked = "<AddtlInfInd><MsgNmId>camt.054.001.{}</MsgNmId><MsgId>{}</MsgId></AddtlInfInd>"
    return _tag(
        "Ntry",
        "".join(
            (
                _money(line.amount, sheet.currency),
                "<RvslInd>true</RvslInd>" if line.reversal else "",
                _tag("Sts", status or _tag("Cd", line.status)),
                _tag("BookgDt", _tag("Dt", f"{line.booked}")),
                _tag("ValDt", _tag("Dt", f"{line.value_date}")),
                _tag("AcctSvcrRef", line.reference) if line.reference else "",
                _tag("BkTxCd", domain),
                linked.format(how.version, line.linked) if line.linked else "",
                _tag("NtryDtls", batch + details),
                _tag("AddtlNtryInf", line.text),
            )
        ),
    )


def _detail(line: Line, currency: str, how: Dialect) -> str:
    named = {"MsgId": line.message_id, "PmtInfId": line.batch_id, "EndToEndId": line.end_to_end_id}
    references = "".join(_tag(name, value) for name, value in named.items() if value)
    own = _money(line.amount, currency) if how.version >= "04" else ""
    amount = f'<Amt Ccy="{currency}">{abs(line.amount)}</Amt>'
    figure, foreign, rate = line.instructed
    instructed = ""
    if figure:
        exchange = _tag("SrcCcy", foreign) + _tag("TrgtCcy", currency) + _tag("XchgRate", rate)
        ordered = f'<Amt Ccy="{foreign}">{figure}</Amt>' + _tag("CcyXchg", exchange)
        instructed = _tag("InstdAmt", ordered)
    other = "Cdtr" if line.amount < 0 else "Dbtr"
    name = _tag("Nm", line.party)
    party = _tag("Pty", name) if how.version >= "08" else name
    agent = _tag(f"{other}Agt", _tag("FinInstnId", _tag(how.bic, "AGRIFRPP")))
    return _tag(
        "TxDtls",
        "".join(
            (
                _tag("Refs", references) if references else "",
                own,
                _tag("AmtDtls", instructed + _tag("TxAmt", amount)),
                _tag("RltdPties", _tag(other, party)) + _tag("RltdAgts", agent)
                if line.party
                else "",
                _tag("RmtInf", _tag("Ustrd", line.text)),
                _tag("RtrInf", _tag("Rsn", _tag("Cd", line.reason))) if line.reason else "",
            )
        ),
    )


# --------------------------------------------------------------------------------- MT940 and MT942


def mt940(sheets: Sequence[Sheet]) -> str:
    """Statements, or pages of them, one message each; interim ones as MT942."""
    return "".join(_mt942(sheet) if sheet.interim else _mt940(sheet) for sheet in sheets)


def _mt940(sheet: Sheet) -> str:
    opens, closes = ("60F" if sheet.opens == "OPBD" else "60M"), "62M"
    if sheet.closes == "CLBD":
        closes = "62F"
    return _lines(
        f":20:{sheet.id}",
        f":25:{sheet.account}",
        f":28C:{sheet.number}" + (f"/{sheet.page}" if sheet.page else ""),
        f":{opens}:{_mt_balance(sheet.opening, sheet.begins, sheet.currency)}",
        *(_mt_line(line) for line in sheet.lines),
        f":{closes}:{_mt_balance(sheet.closing, sheet.ends, sheet.currency)}",
        "-",
    )


def _mt942(sheet: Sheet) -> str:
    sums = []
    for mark, lines in (
        ("D", [line for line in sheet.lines if line.amount < 0]),
        ("C", [line for line in sheet.lines if line.amount > 0]),
    ):
        value = _comma(sum((line.amount for line in lines), Decimal(0)))
        sums.append(f":90{mark}:{len(lines)}{sheet.currency}{value}")
    return _lines(
        f":20:{sheet.id}",
        f":25:{sheet.account}",
        f":28C:{sheet.number}",
        f":34F:{sheet.currency}0,",
        f":13D:{sheet.ends:%y%m%d}1200+0000",
        *(_mt_line(line) for line in sheet.lines),
        *sums,
        "-",
    )


def _lines(*lines: str) -> str:
    return "".join(f"{line}\r\n" for line in lines)


def _mt_balance(amount: Decimal, day: date, currency: str) -> str:
    return f"{'D' if amount < 0 else 'C'}{day:%y%m%d}{currency}{_comma(amount)}"


def _comma(amount: Decimal) -> str:
    whole, _, fraction = f"{abs(amount)}".partition(".")
    return f"{whole},{fraction}"


def _mt_line(line: Line) -> str:
    mark = "D" if line.amount < 0 else "C"
    if line.reversal:
        mark = "RC" if line.amount < 0 else "RD"
    days = f"{line.value_date:%y%m%d}{line.booked:%m%d}"
    reference = line.end_to_end_id[:16] or "NONREF"
    bank = f"//{line.reference}" if line.reference else ""
    kind = "NTRF" if line.parts == () else "NMSC"
    return f":61:{days}{mark}{_comma(line.amount)}{kind}{reference}{bank}\r\n:86:{line.text}"


# --------------------------------------------------------------------------------------------- BAI2


def bai2(sheets: Sequence[Sheet], number: str, created: str) -> str:
    """A file with one group a day, and the accounts in it. `created` is "2026-12-10T06:00"."""
    moment = f"{created[2:10].replace('-', '')},{created[11:16].replace(':', '')}"
    groups: list[str] = []
    total = 0
    for day in sorted({sheet.ends for sheet in sheets}):
        of_day = [sheet for sheet in sheets if sheet.ends == day]
        accounts = [_account(sheet) for sheet in of_day]
        figure = sum(value for _, value in accounts)
        modifier = "3" if of_day[0].interim else "2"
        lines = [line for found, _ in accounts for line in found]
        header = f"02,ACME,HARBUS33,1,{day:%y%m%d},,{of_day[0].currency},{modifier}/"
        groups += [header, *lines, f"98,{figure},{len(accounts)},{len(lines) + 2}/"]
        total += figure
    days = sum(line.startswith("02,") for line in groups)
    records = [f"01,HARBUS33,ACME,{moment},{number},,,2/", *groups]
    return "\n".join((*records, f"99,{total},{days},{len(records) + 1}/", ""))


def _account(sheet: Sheet) -> tuple[list[str], int]:
    balances = {"010": sheet.opening, "015": sheet.closing}
    if sheet.interim:
        balances = {"030": sheet.closing}
    summary = ",".join(f"{code},{_minor(value)},," for code, value in balances.items())
    lines = [f"03,{sheet.account},{sheet.currency},{summary}/"]
    for line in sheet.lines:
        code = "475" if line.amount < 0 else "195"
        lines.append(f"16,{code},{abs(_minor(line.amount))},Z,{line.reference},,{line.text}")
    figure = sum(map(_minor, balances.values())) + sum(abs(_minor(x.amount)) for x in sheet.lines)
    return [*lines, f"49,{figure},{len(lines) + 1}/"], figure


def _minor(amount: Decimal) -> int:
    return int(amount * 100)


# ------------------------------------------------------------------ payment files, status reports


class Pay(NamedTuple):
    """One payment of ours, as we order it."""

    id: str  # its EndToEndId, and its instruction id too
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Order:
    """A payment file of ours with one batch. In `doubt` we do not know whether it arrived."""

    message_id: str
    batch_id: str
    account: str
    currency: str
    payments: tuple[Pay, ...]
    doubt: bool = False


def pain001(order: Order) -> str:
    """The file as the ERP writes it."""
    totals = _tag("NbOfTxs", f"{len(order.payments)}") + _tag(
        "CtrlSum", f"{sum(each.amount for each in order.payments)}"
    )
    header = _tag("MsgId", order.message_id) + _tag("CreDtTm", "2026-12-09T10:00:00") + totals
    party = _tag("Nm", "Acme GmbH")
    debtor = (
        _tag("Dbtr", party)
        + _tag("DbtrAcct", _tag("Id", _tag("IBAN", order.account)))
        + _tag("DbtrAgt", _tag("FinInstnId", _tag("BICFI", "COBADEFFXXX")))
    )
    batch = "".join(
        (
            _tag("PmtInfId", order.batch_id),
            _tag("PmtMtd", "TRF"),
            _tag("BtchBookg", "true"),
            totals,
            _tag("ReqdExctnDt", _tag("Dt", "2026-12-10")),
            debtor,
            *(_order(each, order.currency) for each in order.payments),
        )
    )
    body = _tag("GrpHdr", header + _tag("InitgPty", party)) + _tag("PmtInf", batch)
    return _document("pain.001.001.09", _tag("CstmrCdtTrfInitn", body))


def _order(payment: Pay, currency: str) -> str:
    ids = _tag("InstrId", payment.id) + _tag("EndToEndId", payment.id)
    creditor = _tag("IBAN", "FR1420041010050500013M02606")
    return _tag(
        "CdtTrfTxInf",
        _tag("PmtId", ids)
        + _tag("Amt", f'<InstdAmt Ccy="{currency}">{payment.amount}</InstdAmt>')
        + _tag("Cdtr", _tag("Nm", f"Supplier of {payment.id}"))
        + _tag("CdtrAcct", _tag("Id", creditor))
        + _tag("RmtInf", _tag("Ustrd", f"invoice of {payment.id}")),
    )


def pain002(
    message_id: str,
    created: str,
    original: str,
    group: str = "",
    batch: str = "",
    status: str = "",
    payments: Sequence[tuple[str, str, str]] = (),
    version: str = "10",
) -> str:
    """A status report; `payments` are (EndToEndId, status, reason or the bank's reference)."""
    told = "".join(
        _tag(
            "TxInfAndSts",
            _tag("OrgnlEndToEndId", name)
            + _tag("TxSts", code)
            + (_tag("StsRsnInf", _tag("Rsn", _tag("Cd", more))) if len(more) == 4 else "")
            + (_tag("AcctSvcrRef", more) if len(more) > 4 else ""),
        )
        for name, code, more in payments
    )
    answer = _tag("OrgnlMsgId", original) + _tag("OrgnlMsgNmId", "pain.001.001.09")
    body = _tag("GrpHdr", _tag("MsgId", message_id) + _tag("CreDtTm", created))
    body += _tag("OrgnlGrpInfAndSts", answer + (_tag("GrpSts", group) if group else ""))
    if batch:
        level = _tag("PmtInfSts", status) if status else ""
        body += _tag("OrgnlPmtInfAndSts", _tag("OrgnlPmtInfId", batch) + level + told)
    return _document(f"pain.002.001.{version}", _tag("CstmrPmtStsRpt", body))


def _document(message: str, body: str) -> str:
    text = f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{message}">{body}</Document>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'
