"""Customer credit transfer initiations (pain.001): judged as a stream, read as payments.

One pass: the bytes go past the schema and through the parser; the payments are turned to rows by a
style sheet in C, a few hundred at a time, and the rules of the core look at them. Only a file with
problems is read again, for the lines and places of what is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from xml.sax.saxutils import quoteattr

from lxml import etree

from h2h import resources
from h2h.adapters.messages.iso20022 import schema, xml
from h2h.core import money
from h2h.core.payment import Batch, Header, Payment, Verdict
from h2h.core.problem import Problem, Severity
from h2h.core.rules import RULES, Finding, Rule, Tally
from h2h.ports import CheckTerms

CHUNK = 500  # payments
MOST_FINDINGS = 1000  # told of one rule

Place = tuple[int, int]  # batch and payment, from 1; 0 for what lies above

# Private characters part the columns and the rows that the style sheet writes.
_COLUMN, _ROW = "\ue000", "\ue001"
_AMOUNT = "p:Amt/p:InstdAmt|p:Amt/p:EqvtAmt/p:Amt"
_COLUMNS = {
    "instruction_id": "p:PmtId/p:InstrId",
    "end_to_end_id": "p:PmtId/p:EndToEndId",
    "uetr": "p:PmtId/p:UETR",
    "amount": _AMOUNT,
    "currency": f"({_AMOUNT})/@Ccy",
    "creditor_name": "p:Cdtr/p:Nm",
    "creditor_iban": "p:CdtrAcct/p:Id/p:IBAN",
    "creditor_number": "p:CdtrAcct/p:Id/p:Othr/p:Id",
    "creditor_bic": "p:CdtrAgt/p:FinInstnId/p:BIC|p:CdtrAgt/p:FinInstnId/p:BICFI",
    "creditor_member": "p:CdtrAgt/p:FinInstnId/p:ClrSysMmbId/p:MmbId",
    "reference": "p:RmtInf/p:Strd/p:CdtrRefInf/p:Ref",
    "purpose": "p:Purp/p:Cd|p:Purp/p:Prtry",
}
_REMITTANCE = "p:RmtInf/p:Ustrd"
_BATCH = {
    "id": "p:PmtInfId",
    "method": "p:PmtMtd",
    "debtor_name": "p:Dbtr/p:Nm",
    "iban": "p:DbtrAcct/p:Id/p:IBAN",
    "number": "p:DbtrAcct/p:Id/p:Othr/p:Id",
    "bic": "p:DbtrAgt/p:FinInstnId/p:BIC|p:DbtrAgt/p:FinInstnId/p:BICFI",
    "member": "p:DbtrAgt/p:FinInstnId/p:ClrSysMmbId/p:MmbId",
    "debtor_currency": "p:DbtrAcct/p:Ccy",
    "date": "p:ReqdExctnDt",  # a date, or from version 08 a choice of Dt and DtTm
    "service_level": "p:PmtTpInf/p:SvcLvl/p:Cd|p:PmtTpInf/p:SvcLvl/p:Prtry",
    "local_instrument": "p:PmtTpInf/p:LclInstrm/p:Cd|p:PmtTpInf/p:LclInstrm/p:Prtry",
    "charge_bearer": "p:ChrgBr",
    "transactions": "p:NbOfTxs",
    "control_sum": "p:CtrlSum",
}
_PARTY = "p:InitgPty/p:Id/p:OrgId/p:{0}|p:InitgPty/p:Id/p:PrvtId/p:{0}"
_HEADER = {
    "message_id": "p:MsgId",
    "created": "p:CreDtTm",
    "transactions": "p:NbOfTxs",
    "control_sum": "p:CtrlSum",
    "other": _PARTY.format("Othr/p:Id"),
    "bic": "p:InitgPty/p:Id/p:OrgId/p:BICOrBEI|p:InitgPty/p:Id/p:OrgId/p:AnyBIC",
    "lei": "p:InitgPty/p:Id/p:OrgId/p:LEI",
    "name": "p:InitgPty/p:Nm",
}

# The clerk's words for the parts of a message, by the tag that a place lies in.
_FIELDS = {
    "GrpHdr": "group header",
    "PmtInf": "batch",
    "CdtTrfTxInf": "payment",
    "PmtId": "payment id",
    "Amt": "amount",
    "Cdtr": "creditor",
    "CdtrAcct": "creditor account",
    "CdtrAgt": "creditor agent",
    "UltmtCdtr": "ultimate creditor",
    "Dbtr": "debtor",
    "DbtrAcct": "debtor account",
    "DbtrAgt": "debtor agent",
    "UltmtDbtr": "ultimate debtor",
    "RmtInf": "remittance information",
    "ReqdExctnDt": "requested execution date",
    "PmtTpInf": "payment type",
    "Purp": "purpose",
    "InitgPty": "initiating party",
    "MsgId": "message id",
    "CreDtTm": "creation time",
    "NbOfTxs": "number of transactions",
    "CtrlSum": "control sum",
    "PmtMtd": "payment method",
    "PmtInfId": "batch id",
    "ChrgBr": "charge bearer",
}


def check(path: Path, terms: CheckTerms, today: date) -> Verdict:
    """Judge a payment file by its schema and the rules, all problems at once.

    Never raises for bad content. Raises ConfigError when the bank's own schema is not usable.
    """
    message = None
    try:
        head = xml.opening(path, terms.largest_file)
        message = head.message or None
        standard = _schema(head)
        return _Check(path, head, standard, terms, today).verdict()
    except xml.Unreadable as refused:
        return Verdict(message, None, None, {}, (refused.problem,))


def payments(path: Path) -> Iterator[Sequence[Payment]]:
    """The payments of a file that was found valid, in chunks. Raises Corrupt when it changed."""
    head = xml.opening(path)
    _schema(head)
    return _Reading(path, head).chunks()


def _schema(head: xml.Opening) -> etree.XMLSchema:
    """The schema to judge by; what is no pain.001 that we carry is refused, by name."""
    outgoing = head.message.startswith("pain.001.")
    found = schema.carried(head.message) if outgoing else None
    if head.enclosed:
        words = f"{head.message} is enclosed in {head.root}, an envelope"
    elif not head.message:
        words = (
            f"the root {head.root} is in no name space of ISO 20022 ({head.namespace or 'none'})"
        )
    elif not head.standard:
        words = f"{head.message} is a national or bank's own variant ({head.namespace})"
    elif not outgoing:
        words = f"{head.message} is no payment file"
    elif found is None:
        words = f"this version is not known here: {head.message}"
    elif head.root != "Document":
        words = f"the root of {head.message} is {head.root}; it must be Document"
    else:
        return found
    versions = ", ".join(each for each in resources.carried() if each.startswith("pain.001."))
    remedy = f"Write the file as one of {versions}, with nothing around it."
    return xml.refuse("message", words, remedy)


class _Check:
    """One judgement: what passes, and what was found."""

    def __init__(
        self,
        path: Path,
        head: xml.Opening,
        standard: etree.XMLSchema,
        terms: CheckTerms,
        today: date,
    ) -> None:
        self._path, self._head, self._terms = path, head, terms
        self._schemas = {"schema": standard}
        if terms.schema is not None:
            self._schemas["bank-schema"] = schema.load(terms.schema)
        self._judges = {rule: schema.Judge(each) for rule, each in self._schemas.items()}
        self._rules = [rule(terms, today) for rule in RULES]
        self._found: list[tuple[Place, Problem]] = []
        self._counts: Counter[str] = Counter()
        self._accounts: dict[str, None] = {}
        self._dates: set[date] = set()

    def verdict(self) -> Verdict:
        tally, reading = Tally(), _Reading(self._path, self._head, self._watch)
        for chunk in reading.chunks():
            self._look(chunk, tally)
        self._end(reading.header, tally)
        sums = {ccy: total for ccy, total in tally.by_currency.items() if not total.is_nan()}
        return Verdict(
            self._head.message,
            reading.header,
            tally.transactions,
            sums,
            tuple(self._problems()),
            tuple(self._accounts),
            tuple(sorted(self._dates)),
        )

    def _watch(self, block: bytes) -> None:
        for judge in self._judges.values():
            judge.feed(block)

    def _look(self, chunk: Sequence[Payment], tally: Tally) -> None:
        ended = list(tally.add(chunk))
        for rule in self._rules:
            self._note(rule, rule.payments(chunk))
            for totals in ended:
                self._note(rule, rule.batch(totals))
        for batch in (payment.batch for payment in chunk if payment.index == 1):
            self._accounts[batch.debtor_account] = None
            if batch.requested_execution_date is not None:
                self._dates.add(batch.requested_execution_date)

    def _end(self, header: Header, tally: Tally) -> None:
        ended = list(tally.end())
        again = partial(_again, self._path, self._head)
        for rule in self._rules:
            for totals in ended:
                self._note(rule, rule.batch(totals))
            self._note(rule, rule.file(header, tally, again))

    def _note(self, rule: Rule, findings: Iterable[Finding]) -> None:
        for finding in findings:
            self._counts[rule.id] += 1
            if self._counts[rule.id] <= MOST_FINDINGS:
                self._found.append((_place(finding), rule.problem(finding)))

    def _problems(self) -> Iterator[Problem]:
        """Everything that was found, each with its line, in the order of the file."""
        yield from self._encoding()
        yield from sorted([*self._slips(), *self._with_lines()], key=_line)
        for rule in self._rules:
            if (more := self._counts[rule.id] - MOST_FINDINGS) > 0:
                yield rule.problem(Finding(None, "", f"and {more} more of this kind"))

    def _encoding(self) -> Iterator[Problem]:
        if not self._head.utf8:
            severity = self._terms.severities.get("encoding", Severity.ERROR)
            words = f"is written in {self._head.encoding}; ISO 20022 messages are in UTF-8"
            yield Problem("encoding", severity, words, "Write the file in UTF-8.", line=1)
        if self._head.byte_order_mark:
            severity = self._terms.severities.get("byte-order-mark", Severity.WARN)
            words = "begins with a byte order mark: lawful, but some banks' systems refuse it"
            remedy = "Write the file in UTF-8 without a byte order mark."
            yield Problem("byte-order-mark", severity, words, remedy, line=1)

    def _slips(self) -> Iterator[Problem]:
        """What the schemas say; what the standard's refuses already, the bank's does not repeat."""
        told: set[tuple[tuple[schema.Step, ...], int | None]] = set()
        for rule, judge in self._judges.items():
            if judge.complaints():
                slips = schema.slips(self._path, self._schemas[rule], judge)
                fresh = [slip for slip in slips if (slip.trail, slip.line) not in told]
                told.update((slip.trail, slip.line) for slip in slips)
                yield from self._placed(rule, fresh)

    def _placed(self, rule: str, slips: Sequence[schema.Slip]) -> Iterator[Problem]:
        agreed = self._terms.severities if rule != "schema" else {}
        severity = agreed.get(rule, Severity.ERROR)
        remedy = f"Correct it at the source as the {rule.replace('-', ' ')} asks."
        names = _names(self._path, self._head, {_place_of(slip.trail) for slip in slips})
        for slip in slips:
            path = _path_words(slip.trail, names)
            yield Problem(rule, severity, slip.words, remedy, path, slip.line)

    def _with_lines(self) -> Iterator[Problem]:
        lines = _lines(self._path, {place for place, problem in self._found if problem.path})
        for place, problem in self._found:
            yield replace(problem, line=lines.get(place)) if problem.path else problem


def _again(path: Path, head: xml.Opening) -> Iterator[Sequence[Payment]]:
    return _Reading(path, head).chunks()


def _line(problem: Problem) -> int:
    return problem.line or 0


def _place(finding: Finding) -> Place:
    where = finding.where
    if isinstance(where, Payment):
        return where.batch.index, where.index
    return (where.index, 0) if isinstance(where, Batch) else (0, 0)


def _lines(path: Path, wanted: set[Place]) -> Mapping[Place, int]:
    """The lines of batches, payments and the group header ((0, 0)), by a pass over the tags."""
    lines: dict[Place, int] = {}
    batch = payment = depth = 0
    for tag in xml.tags(path) if wanted else ():
        depth += 1 if tag.start else -1
        if not tag.start or depth not in {3, 4}:
            continue
        name = tag.name.rpartition("}")[2]
        if depth == 3 and name == "PmtInf":
            batch, payment = batch + 1, 0
        elif depth == 4 and name == "CdtTrfTxInf" and batch:
            payment += 1
        elif depth == 4 or name != "GrpHdr":
            continue
        if (batch, payment) in wanted and (batch, payment) not in lines:
            lines[batch, payment] = tag.line
            if len(lines) == len(wanted):
                break
    return lines


def _place_of(trail: Sequence[schema.Step]) -> Place:
    batch = trail[2][1] if len(trail) > 2 and trail[2][0] == "PmtInf" else 0
    payment = trail[3][1] if batch and len(trail) > 3 and trail[3][0] == "CdtTrfTxInf" else 0
    return batch, payment


def _names(path: Path, head: xml.Opening, places: set[Place]) -> Mapping[Place, str]:
    """The places of payments and batches in words, ids included, as the rules give them."""
    names: dict[Place, str] = {}
    wanted = {place for place in places if place[0]}
    for chunk in _again(path, head) if wanted else ():
        for payment in chunk:
            batch = payment.batch
            if (batch.index, payment.index) in wanted:
                names[batch.index, payment.index] = payment.place
            if payment.index == 1 and (batch.index, 0) in wanted:
                names[batch.index, 0] = batch.place
        if len(names) == len(wanted):
            break
    return names


def _path_words(trail: Sequence[schema.Step], names: Mapping[Place, str]) -> str | None:
    batch, payment = place = _place_of(trail)
    rest = [name for name, _ in trail[4 if payment else 3 if batch else 2 :]]
    plain = f"batch {batch}, payment {payment}" if payment else f"batch {batch}"
    words = [names.get(place, plain)] if batch else []
    if rest:
        words.append(_FIELDS.get(rest[0], rest[0]))
        words.extend(["/".join(rest)] if len(rest) > 1 else [])
    return ", ".join(words) or (trail[-1][0] if trail else None)


class _Reading:
    """A pass over the payments. `header` is complete when the chunks are through."""

    def __init__(self, path: Path, head: xml.Opening, watch: xml.Watch | None = None) -> None:
        self._path, self._head, self._watch = path, head, watch
        self._sheet = _sheet(head.namespace, guarded=False)
        self._batch_fields = _Fields(head.namespace, _BATCH)
        self._payment_tag, self._batch_tag = head.tag("CdtTrfTxInf"), head.tag("PmtInf")
        self._batch: Batch | None = None
        self._batch_element: xml.Element | None = None
        self._batches = self._payments = 0
        self.header = Header(head.message, "", "", "", None, None)

    def chunks(self) -> Iterator[Sequence[Payment]]:
        """The payments in the file's order, CHUNK at a time, whatever batch they are in."""
        pending: list[tuple[Batch, int, xml.Element]] = []
        names = ("GrpHdr", "PmtInf", "CdtTrfTxInf")
        for element in xml.elements(self._path, self._head, names, self._watch):
            if element.tag == self._payment_tag:
                batch = self._batch_of(element)
                if batch is not None:
                    self._payments += 1
                    pending.append((batch, self._payments, element))
            elif _depth(element) == 2:
                self._upper(element)
            if len(pending) > CHUNK:  # the last one's tail may still be growing: it stays
                yield self._rows(pending[:-1])
                del pending[:-1]
        if pending:
            yield self._rows(pending)

    def _batch_of(self, element: xml.Element) -> Batch | None:
        """The batch that a payment lies in; None for a namesake in supplementary data."""
        parent = element.getparent()
        if parent is None or parent.tag != self._batch_tag:
            return None
        if parent is not self._batch_element:
            if _depth(parent) != 2:
                return None
            self._begin(parent)
        return self._batch

    def _begin(self, element: xml.Element) -> None:
        self._batches += 1
        self._payments = 0
        self._batch_element = element
        self._batch = _batch(self._batches, self._batch_fields(element))

    def _upper(self, element: xml.Element) -> None:
        """The group header or a batch has ended."""
        if element.tag == self._batch_tag:
            if element is not self._batch_element:  # it has no payments, but it counts
                self._begin(element)
            self._batch_element = None
            xml.release(element)
        else:
            fields = _Fields(self._head.namespace, _HEADER)(element)
            self.header = _header(self._head.message, fields)

    def _rows(self, pending: Sequence[tuple[Batch, int, xml.Element]]) -> list[Payment]:
        holder = etree.Element(self._batch_tag, nsmap={"p": self._head.namespace})
        holder.extend([element for _, _, element in pending])
        text = str(self._sheet(holder))
        if text.count(_COLUMN) != len(pending) * len(_COLUMNS) or text.count(_ROW) != len(pending):
            text = str(_sheet(self._head.namespace, guarded=True)(holder))
        rows = text.split(_ROW)
        return [
            _payment(batch, index, row.split(_COLUMN))
            for (batch, index, _), row in zip(pending, rows, strict=False)  # nothing after the last
        ]


class _Fields:
    """The texts of some fields of an element; "" where one is missing."""

    def __init__(self, namespace: str, paths: Mapping[str, str]) -> None:
        names = {"p": namespace}
        self._paths = {
            field: etree.XPath(f"string({path})", namespaces=names) for field, path in paths.items()
        }

    def __call__(self, element: xml.Element) -> dict[str, str]:
        return {field: str(path(element)) for field, path in self._paths.items()}


def _sheet(namespace: str, *, guarded: bool) -> etree.XSLT:
    """A style sheet that writes the payments below an element as rows of _COLUMNS and remittance.

    Guarded, it replaces the separators where a value contains them; that costs a third more time.
    """
    guard = f"translate(PATH, '{_COLUMN}{_ROW}', '\ufffd\ufffd')" if guarded else "PATH"

    def value(path: str) -> str:
        # string() also joins what comments and CDATA sections part
        return f"<xsl:value-of select={quoteattr(guard.replace('PATH', f'string({path})'))}/>"

    columns = "".join(f"{value(path)}<xsl:text>{_COLUMN}</xsl:text>" for path in _COLUMNS.values())
    sheet = f"""<xsl:stylesheet version="1.0" xmlns:p={quoteattr(namespace)}
        xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:output method="text"/>
      <xsl:template match="/*"><xsl:for-each select="p:CdtTrfTxInf">{columns}
        <xsl:for-each select="{_REMITTANCE}">
          <xsl:if test="position() &gt; 1"><xsl:text> </xsl:text></xsl:if>{value(".")}
        </xsl:for-each><xsl:text>{_ROW}</xsl:text>
      </xsl:for-each></xsl:template></xsl:stylesheet>"""
    return etree.XSLT(etree.fromstring(sheet))


def _depth(element: xml.Element) -> int:
    return sum(1 for _ in element.iterancestors())


def _header(message: str, fields: Mapping[str, str]) -> Header:
    return Header(
        message=message,
        message_id=fields["message_id"],
        initiating_party=fields["other"] or fields["bic"] or fields["lei"] or fields["name"],
        created=fields["created"],
        transactions=_count(fields["transactions"]),
        control_sum=_sum(fields["control_sum"]),
    )


def _batch(index: int, fields: Mapping[str, str]) -> Batch:
    return Batch(
        index=index,
        id=fields["id"],
        method=fields["method"],
        debtor_name=fields["debtor_name"],
        debtor_account=fields["iban"] or fields["number"],
        debtor_agent=fields["bic"] or fields["member"],
        debtor_currency=fields["debtor_currency"],
        requested_execution_date=_date(fields["date"]),
        service_level=fields["service_level"],
        local_instrument=fields["local_instrument"],
        charge_bearer=fields["charge_bearer"],
        transactions=_count(fields["transactions"]),
        control_sum=_sum(fields["control_sum"]),
        debtor_iban=fields["iban"],
        debtor_bic=fields["bic"],
    )


def _payment(batch: Batch, index: int, row: Sequence[str]) -> Payment:
    (instruction_id, end_to_end_id, uetr, amount, currency, name, iban, number, bic, member,
     reference, purpose, remittance) = row  # fmt: skip
    return Payment(
        batch,
        index,
        instruction_id,
        end_to_end_id,
        uetr,
        _amount(amount),
        currency,
        name,
        iban or number,
        bic or member,
        reference,
        remittance,
        purpose,
        None,
        iban,
        bic,
    )


def _amount(text: str) -> Decimal:
    try:
        return money.amount(text)
    except ValueError:
        return Decimal("NaN")  # the schema says that this is no amount


def _sum(text: str) -> Decimal | None:
    amount = _amount(text)
    return None if amount.is_nan() else amount


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def _date(text: str) -> date | None:
    """The day of an xs:date or xs:dateTime, as written, in whatever zone it names."""
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        return None
