"""The refusal of a payment file as its bank would send it: a status report (pain.002).

All of the file is rejected, by the group's status. Batches and payments at fault are listed too,
with their reasons. What the file gives no id by which a report can name it, is told one level up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from lxml import etree

from h2h.adapters import durable
from h2h.adapters.durable import disk
from h2h.adapters.messages.iso20022 import xml
from h2h.adapters.messages.iso20022.payments import Reading
from h2h.adapters.messages.iso20022.places import Place
from h2h.core.money import plain
from h2h.core.payment import Batch, Chunk, Header, Payment
from h2h.core.problem import Problem
from h2h.core.status import Reason
from h2h.errors import Refused
from h2h.ports import Refusal

_OLD = frozenset({"pain.001.001.03", "pain.008.001.02"})
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_REJECTED = "RJCT"
_NARRATIVE = "NARR"  # a reason of no code of its own: the words tell it
_ORIGINATOR = "h2h"
_LONGEST_ID = 35  # Max35Text
_LONGEST_WORDS = 105  # Max105Text
_LONGEST_COUNT = 15  # Max15NumericText
_MOST_DIGITS = 18  # of an amount and of a control sum
_PLACE = re.compile(r"/\w+/\w+/PmtInf\[(\d+)\](?:/(?:CdtTrfTxInf|DrctDbtTxInf)\[(\d+)\])?(?![^/])")
_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)?", re.ASCII
)
_UETR = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}")
_CURRENCY = re.compile("[A-Z]{3}")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_EQUIVALENT = b"EqvtAmt"


def write(path: Path, refusal: Refusal, target: Path) -> None:
    """Write to `target`, flushed, the report that rejects all of the payment file at `path`.

    pain.002.001.03 for a pain.001.001.03 or pain.008.001.02, else pain.002.001.10. Ids are those of
    the file as it wrote them, counts and sums those it declares. Raises Refused when its message id
    does not fit into a report, Corrupt when it cannot be read.
    """
    original = _Original(path, {(0, 0), *map(_place, refusal.reasons)})
    message_id = original.header.message_id
    if not _fitting(message_id):
        raise Refused(
            f"the message id {message_id!r} cannot stand in a status report",
            f"Give every file a message id of 1 to {_LONGEST_ID} characters",
        )
    report = _Report(original, _told(refusal.reasons, original))
    with disk(f"writing {target}"):
        durable.write(target, report.of(refusal))


def _fitting(identity: str) -> str:
    """An id as it may stand in a report, "" when it may not."""
    return identity if len(identity) <= _LONGEST_ID else ""


def _place(problem: Problem) -> Place:
    """The batch and payment that a problem's XPath leads into; 0 for what lies above."""
    match = _PLACE.match(problem.xpath or "")
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


class _Original:
    """What a report says of a file: its header, and the batches and payments at the `places`."""

    def __init__(self, path: Path, places: set[Place]) -> None:
        self.batches: dict[int, Batch] = {}
        self.payments: dict[Place, Payment] = {}
        self._places = places
        self._wanted = {batch for batch, _ in places if batch}
        head = xml.opening(path)
        self.instructed = head.utf8  # amounts are; an equivalent one is in another currency
        reading = Reading(path, head, self._watch)
        for chunk in reading.chunks():
            if self._look(chunk) and reading.header.message_id:
                break
        self.header: Header = reading.header

    def _watch(self, block: bytes) -> None:
        self.instructed = self.instructed and _EQUIVALENT not in block

    def _look(self, chunk: Chunk) -> bool:
        """Remember what is wanted of a chunk; True when nothing more can come."""
        for at, (batch, number) in enumerate(zip(chunk.batches, chunk.numbers, strict=True)):
            if batch.index in self._wanted:
                self.batches[batch.index] = batch
                if (batch.index, number) in self._places:
                    self.payments[batch.index, number] = chunk[at]
        return (chunk.batches[-1].index, chunk.numbers[-1]) >= max(self._places)

    def nearest(self, place: Place) -> Place:
        """The place, or the next one above it that a report can name."""
        batch, payment = self.batches.get(place[0]), self.payments.get(place)
        if batch is None or not _fitting(batch.id):
            return 0, 0
        named = payment and (_fitting(payment.end_to_end_id) or _fitting(payment.instruction_id))
        return place if named else (batch.index, 0)

    def words(self, place: Place) -> str:
        """The place as problems write it; "" for the whole file."""
        found = self.payments.get(place) or self.batches.get(place[0])
        return found.place if found else ""


def _told(problems: Iterable[Problem], original: _Original) -> Mapping[Place, Sequence[Reason]]:
    """The reasons by the place where a report tells them, each once."""
    told: dict[Place, dict[Reason, None]] = {}
    for problem in problems:
        nearest = original.nearest(_place(problem))
        part = (problem.path or "").removeprefix(original.words(nearest)).lstrip(", ")
        words = _words(f"{part}: {problem.message}" if part else problem.message)
        reason = Reason(problem.code or _NARRATIVE, words)
        told.setdefault(nearest, {})[reason] = None
    return {place: tuple(reasons) for place, reasons in told.items()}


def _words(text: str) -> str:
    """One line that the schema takes: XML's characters, and no more of them than allowed."""
    return " ".join(_NOT_XML.sub("?", text).split())[:_LONGEST_WORDS].rstrip()


class _Report:
    """The report on `original`, with the reasons by their places."""

    def __init__(self, original: _Original, reasons: Mapping[Place, Sequence[Reason]]) -> None:
        self._original, self._reasons = original, reasons
        self._old = original.header.message in _OLD
        version = "03" if self._old else "10"
        self._space = f"urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}"

    def of(self, refusal: Refusal) -> bytes:
        """The whole document."""
        document = etree.XML(f'<Document xmlns="{self._space}"/>')
        body = _part(document, "CstmrPmtStsRpt")
        head = _part(body, "GrpHdr")
        _text(head, "MsgId", refusal.message_id)
        _text(head, "CreDtTm", f"{refusal.created.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
        self._group(body)
        for batch in sorted({place[0] for place in self._reasons} - {0}):
            self._batch(body, self._original.batches[batch])
        return _DECLARATION + etree.tostring(document, encoding="UTF-8", pretty_print=True)

    def _group(self, body: xml.Element) -> None:
        header, group = self._original.header, _part(body, "OrgnlGrpInfAndSts")
        _text(group, "OrgnlMsgId", header.message_id)
        _text(group, "OrgnlMsgNmId", header.message)
        _text(group, "OrgnlCreDtTm", _date_time(header.created))
        _totals(group, header)
        _text(group, "GrpSts", _REJECTED)
        self._because(group, (0, 0))

    def _batch(self, body: xml.Element, batch: Batch) -> None:
        block = _part(body, "OrgnlPmtInfAndSts")
        _text(block, "OrgnlPmtInfId", batch.id)
        _totals(block, batch)
        _text(block, "PmtInfSts", _REJECTED)
        self._because(block, (batch.index, 0))
        for place in sorted(self._reasons):
            if place[0] == batch.index and place[1]:
                self._payment(block, place)

    def _payment(self, block: xml.Element, place: Place) -> None:
        payment, item = self._original.payments[place], _part(block, "TxInfAndSts")
        _text(item, "OrgnlInstrId", _fitting(payment.instruction_id))
        _text(item, "OrgnlEndToEndId", _fitting(payment.end_to_end_id))
        if not self._old and _UETR.fullmatch(payment.uetr):
            _text(item, "OrgnlUETR", payment.uetr)
        _text(item, "TxSts", _REJECTED)
        self._because(item, place)
        amount = _number(payment.amount, 5)
        if amount and _CURRENCY.fullmatch(payment.currency) and self._original.instructed:
            instructed = _part(_part(_part(item, "OrgnlTxRef"), "Amt"), "InstdAmt")
            instructed.set("Ccy", payment.currency)
            instructed.text = amount

    def _because(self, parent: xml.Element, place: Place) -> None:
        for reason in self._reasons.get(place, ()):
            told = _part(parent, "StsRsnInf")
            _text(_part(told, "Orgtr"), "Nm", _ORIGINATOR)
            _text(_part(told, "Rsn"), "Cd", reason.code)
            _text(told, "AddtlInf", reason.words)


def _part(parent: xml.Element, tag: str) -> xml.Element:
    return etree.SubElement(parent, f"{{{parent.nsmap[None]}}}{tag}")


def _text(parent: xml.Element, tag: str, text: str) -> None:
    """The part with its text; an empty text makes none."""
    if text:
        _part(parent, tag).text = text


def _totals(parent: xml.Element, declared: Header | Batch) -> None:
    count = "" if declared.transactions is None else str(declared.transactions)
    _text(parent, "OrgnlNbOfTxs", count if len(count) <= _LONGEST_COUNT else "")
    _text(parent, "OrgnlCtrlSum", _number(declared.control_sum, 17))


def _number(value: Decimal | None, decimals: int) -> str:
    """`value` as written; "" when it has more digits than a report may have, or is no number."""
    if value is None or not value.is_finite():
        return ""
    _, digits, exponent = value.as_tuple()
    fits = len(digits) <= _MOST_DIGITS and -int(exponent) <= decimals
    return plain(value) if fits else ""


def _date_time(text: str) -> str:
    """A creation time as written; "" when it is none."""
    written = text.strip()
    try:
        datetime.fromisoformat(written[:19])
    except ValueError:
        return ""
    return written if _DATE_TIME.fullmatch(written) else ""
