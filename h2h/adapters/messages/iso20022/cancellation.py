"""The recall of payments: a cancellation request to our bank (camt.055.001.08).

Everything in it about the payments is read from the payment file as the bank has it: ids as they
were written, amounts, days, parties. A whole file is named by its message id alone, a whole batch
by its own id, single payments are listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from lxml import etree

from h2h.adapters import durable
from h2h.adapters.durable import disk
from h2h.adapters.messages.iso20022 import schema, xml
from h2h.adapters.messages.iso20022.payments import Reading
from h2h.adapters.messages.iso20022.writing import (
    AMOUNT_DECIMALS,
    CURRENCY,
    EQUIVALENT,
    LONGEST_ID,
    LONGEST_LINE,
    SUM_DECIMALS,
    UETR,
    child,
    count,
    date_time,
    document,
    figure,
    fitting,
    moment,
    one_line,
    put,
    serialised,
)
from h2h.core.money import total
from h2h.core.payment import NOT_PROVIDED, Address, Agent, Batch, Chunk, Header, Payment, Verdict
from h2h.core.problem import Problem, Severity
from h2h.core.recall import MESSAGE, Recall, Scope
from h2h.core.words import say
from h2h.errors import Refused

_BIC = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
_LEI = re.compile(r"[A-Z0-9]{18}[0-9]{2}")
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[a-zA-Z0-9]{1,30}")
_CLEARING_SYSTEM = re.compile(r"[A-Z0-9]{1,5}")
_METHODS = frozenset({"CHK", "DD", "TRA", "TRF"})
_LONGEST_NAME = 140  # Max140Text


def write(path: Path, recall: Recall, target: Path) -> None:
    """Write to `target`, flushed, the recall of payments of the file at `path`.

    The same recall of the same file gives the same bytes. Raises Corrupt when the file cannot be
    read, Refused when an id that must be named does not fit into a recall.
    """
    original = _Original(path, recall)
    content = _Request(original, recall).content()
    with disk(f"writing {target}"):
        durable.write(target, content)


def check(path: Path) -> Verdict:
    """Judge a recall of ours by its schema alone: no rule of payments is for it."""
    standard = _schema()
    judge = schema.Judge(standard)
    for block in xml.blocks(path):
        judge.feed(block)
    slips = schema.slips(path, standard, judge) if judge.complaints() else []
    return Verdict(MESSAGE, None, None, {}, tuple(map(_problem, slips)))


def _schema() -> etree.XMLSchema:
    found = schema.carried(MESSAGE)
    assert found is not None  # noqa: S101  (resources.verify_schemas stops a start without it)
    return found


def _problem(slip: schema.Slip) -> Problem:
    remedy = say("Recall it at the bank's own desk, and tell the makers of h2h.")
    place = "/".join(tag for tag, _ in slip.trail)
    return Problem(
        "schema", Severity.ERROR, slip.complaint, remedy, place, slip.line, column=slip.column
    )


# ------------------------------------------------------------------------------------ the original


@dataclass(slots=True)
class _Part:
    """A batch of the original: what it holds, and what of it is asked back by name."""

    batch: Batch
    count: int = 0
    sum: Decimal = Decimal(0)
    asked: dict[int, Payment] = field(default_factory=dict)  # by their places in the file


class _Original:
    """What a recall says of a payment file."""

    def __init__(self, path: Path, recall: Recall) -> None:
        self._recall = recall
        self._parts: dict[int, _Part] = {}
        self._named: set[int] = set()
        self._payments = 0
        head = xml.opening(path)
        self.instructed = head.utf8  # amounts are; an equivalent one is in another currency
        reading = Reading(path, head, self._watch)
        for chunk in reading.chunks():
            self._look(chunk)
        self.header: Header = reading.header

    def _watch(self, block: bytes) -> None:
        self.instructed = self.instructed and EQUIVALENT not in block

    def _look(self, chunk: Chunk) -> None:
        """Count a chunk by its batches, and keep the payments that are asked back by name."""
        for at, batch in enumerate(chunk.batches):
            self._payments += 1
            part = self._parts.setdefault(batch.index, _Part(batch))
            asked = self._payments in self._recall.numbers
            if asked:
                self._named.add(batch.index)
            if self._recall.scope is not Scope.PAYMENTS or asked:
                part.count += 1
                part.sum = total((part.sum, chunk.amounts[at]))
            if self._recall.scope is Scope.PAYMENTS and asked:
                part.asked[self._payments] = chunk[at]

    @property
    def parts(self) -> list[_Part]:
        """The batches that are asked back, or of which something is."""
        whole = self._recall.scope is Scope.FILE
        return [part for index, part in self._parts.items() if whole or index in self._named]

    def sum(self, parts: list[_Part]) -> str:
        """The control sum of what is asked back, whatever its currencies (as ISO defines it)."""
        return figure(total(part.sum for part in parts), SUM_DECIMALS) if self.instructed else ""


# ------------------------------------------------------------------------------------- the request


class _Request:
    """The recall of what is asked of `original`."""

    def __init__(self, original: _Original, recall: Recall) -> None:
        self._original, self._recall = original, recall
        self._parts = original.parts

    def content(self) -> bytes:
        """The whole document."""
        recall, root = self._recall, document(MESSAGE)
        body = child(root, "CstmrPmtCxlReq")
        assignment = child(body, "Assgnmt")
        put(assignment, "Id", recall.message_id)
        self._party(child(assignment, "Assgnr", "Pty"))
        _agent(child(assignment, "Assgne", "Agt"), self._parts[0].batch.agent)
        put(assignment, "CreDtTm", moment(recall.created))
        case = child(body, "Case")
        put(case, "Id", recall.message_id)
        self._party(child(case, "Cretr", "Pty"))
        self._totals(child(body, "CtrlData"), self._parts)
        self._underlying(child(body, "Undrlyg"))
        return serialised(root)

    def _underlying(self, below: xml.Element) -> None:
        whole = self._recall.scope is Scope.FILE
        group = child(below, "OrgnlGrpInfAndCxl")
        put(group, "GrpCxlId", self._recall.message_id)
        header = self._original.header
        put(group, "OrgnlMsgId", _needed(header.message_id))
        put(group, "OrgnlMsgNmId", header.message)
        put(group, "OrgnlCreDtTm", date_time(header.created))
        if whole:
            self._totals(group, self._parts)
        put(group, "GrpCxl", "true" if whole else "false")
        if whole:
            self._because(group)
            return
        for part in self._parts:
            self._batch(child(below, "OrgnlPmtInfAndCxl"), part)

    def _batch(self, block: xml.Element, part: _Part) -> None:
        whole = self._recall.scope is Scope.BATCH
        put(block, "PmtCxlId", fitting(f"{self._recall.message_id}-B{part.batch.index}"))
        put(block, "OrgnlPmtInfId", _needed(part.batch.id))
        self._totals(block, [part])
        put(block, "PmtInfCxl", "true" if whole else "false")
        if whole:
            self._because(block)
        for number, payment in part.asked.items():
            self._payment(child(block, "TxInf"), number, payment)

    def _payment(self, item: xml.Element, number: int, payment: Payment) -> None:
        batch = payment.batch
        put(item, "CxlId", fitting(f"{self._recall.message_id}-{number}"))
        put(item, "OrgnlInstrId", fitting(payment.instruction_id))
        put(item, "OrgnlEndToEndId", fitting(payment.end_to_end_id))
        put(item, "OrgnlUETR", payment.uetr if UETR.fullmatch(payment.uetr) else "")
        amount = figure(payment.amount, AMOUNT_DECIMALS) if self._original.instructed else ""
        if amount and CURRENCY.fullmatch(payment.currency):
            instructed = child(item, "OrgnlInstdAmt")
            instructed.set("Ccy", payment.currency)
            instructed.text = amount
        if (day := batch.requested_execution_date) is not None:
            if batch.collection:
                put(item, "OrgnlReqdColltnDt", day.isoformat())
            else:
                put(child(item, "OrgnlReqdExctnDt"), "Dt", day.isoformat())
        self._because(item)
        _reference(child(item, "OrgnlTxRef"), payment)

    def _party(self, party: xml.Element) -> None:
        """The initiating party, by what the original calls it."""
        header = self._original.header
        name, lei, own = header.party_name, header.party_lei, header.initiating_party
        put(party, "Nm", name[:_LONGEST_NAME])
        lei = lei if _LEI.fullmatch(lei) else ""
        identifier = "" if own in {name, lei} else fitting(own)
        if not (lei or identifier):
            return
        organisation = child(party, "Id", "OrgId")
        bic = identifier if _BIC.fullmatch(identifier) else ""
        put(organisation, "AnyBIC", bic)
        put(organisation, "LEI", lei)
        if identifier and not bic:
            put(child(organisation, "Othr"), "Id", identifier)

    def _totals(self, parent: xml.Element, parts: list[_Part]) -> None:
        put(parent, "NbOfTxs", count(sum(part.count for part in parts)))
        put(parent, "CtrlSum", self._original.sum(parts))

    def _because(self, parent: xml.Element) -> None:
        reason = child(parent, "CxlRsnInf")
        self._party(child(reason, "Orgtr"))
        put(child(reason, "Rsn"), "Cd", self._recall.code)
        for line in _lines(self._recall.words):
            put(reason, "AddtlInf", line)


def _needed(identity: str) -> str:
    """An id by which the bank must find what is asked back."""
    if not fitting(identity) or not identity:
        raise Refused(
            f"the id {identity!r} cannot stand in a recall",
            f"Recall it at the bank's own desk: an id has 1 to {LONGEST_ID} characters",
        )
    return identity


def _lines(words: str) -> Iterator[str]:
    """The words in lines that the schema takes, broken between words where that is possible."""
    rest = one_line(words)
    while rest:
        at = len(rest) if len(rest) <= LONGEST_LINE else rest.rfind(" ", 1, LONGEST_LINE + 1)
        at = at if at > 0 else LONGEST_LINE
        yield rest[:at].rstrip()
        rest = rest[at:].lstrip()


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a payment."""

    name: str
    account: str
    agent: Agent


def _reference(below: xml.Element, payment: Payment) -> None:
    """Both sides of a payment; in a collection our account is the creditor's."""
    batch, identifier = payment.batch, payment.counterparty_agent
    bic = identifier if _BIC.fullmatch(identifier) else ""
    agent = Agent(bic, "" if bic else identifier, "", "", "", Address("", "", "", ""))
    theirs = _Side(payment.counterparty_name, payment.counterparty_account, agent)
    ours = _Side(batch.name, batch.account, batch.agent)
    debtor, creditor = (theirs, ours) if batch.collection else (ours, theirs)
    put(below, "PmtMtd", batch.method if batch.method in _METHODS else "")
    _named(below, "Dbtr", debtor)
    _account(below, "DbtrAcct", debtor)
    _bank(below, "DbtrAgt", debtor)
    _bank(below, "CdtrAgt", creditor)
    _named(below, "Cdtr", creditor)
    _account(below, "CdtrAcct", creditor)


def _named(below: xml.Element, tag: str, side: _Side) -> None:
    if side.name:
        put(child(below, tag, "Pty"), "Nm", side.name[:_LONGEST_NAME])


def _account(below: xml.Element, tag: str, side: _Side) -> None:
    if not side.account:
        return
    identifier = child(below, tag, "Id")
    if _IBAN.fullmatch(side.account):
        put(identifier, "IBAN", side.account)
    else:
        put(child(identifier, "Othr"), "Id", side.account)


def _bank(below: xml.Element, tag: str, side: _Side) -> None:
    if side.agent.identifier:
        _agent(child(below, tag), side.agent)


def _agent(below: xml.Element, agent: Agent) -> None:
    """A bank, by whatever the original calls it."""
    bank = child(below, "FinInstnId")
    put(bank, "BICFI", agent.bic if _BIC.fullmatch(agent.bic) else "")
    if agent.member:
        member = child(bank, "ClrSysMmbId")
        if agent.member_scheme:
            coded = _CLEARING_SYSTEM.fullmatch(agent.member_scheme)
            put(child(member, "ClrSysId"), "Cd" if coded else "Prtry", agent.member_scheme)
        put(member, "MmbId", agent.member)
    put(bank, "LEI", agent.lei if _LEI.fullmatch(agent.lei) else "")
    put(bank, "Nm", agent.name[:_LONGEST_NAME])
    if len(bank) == 0:
        put(child(bank, "Othr"), "Id", NOT_PROVIDED)
