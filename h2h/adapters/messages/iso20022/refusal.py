"""The refusal of a payment file as its bank would send it: a status report (pain.002).

All of the file is rejected, by the group's status. Batches and payments at fault are listed too,
with their reasons. What the file gives no id by which a report can name it, is told one level up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from h2h.adapters import durable
from h2h.adapters.durable import disk
from h2h.adapters.messages.iso20022 import xml
from h2h.adapters.messages.iso20022.payments import Reading
from h2h.adapters.messages.iso20022.places import Place
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
from h2h.core.payment import Batch, Chunk, Header, Payment
from h2h.core.problem import Problem
from h2h.core.status import Reason
from h2h.errors import Refused
from h2h.ports import Refusal

_OLD = frozenset({"pain.001.001.03", "pain.008.001.02"})
_REJECTED = "RJCT"
_NARRATIVE = "NARR"  # a reason of no code of its own: the words tell it
_ORIGINATOR = "h2h"
_PLACE = re.compile(r"/\w+/\w+/PmtInf\[(\d+)\](?:/(?:CdtTrfTxInf|DrctDbtTxInf)\[(\d+)\])?(?![^/])")


def write(path: Path, refusal: Refusal, target: Path) -> None:
    """Write to `target`, flushed, the report that rejects all of the payment file at `path`.

    pain.002.001.03 for a pain.001.001.03 or pain.008.001.02, else pain.002.001.10. Ids are those of
    the file as it wrote them, counts and sums those it declares. Raises Refused when its message id
    does not fit into a report, Corrupt when it cannot be read.
    """
    original = _Original(path, {(0, 0), *map(_place, refusal.reasons)})
    message_id = original.header.message_id
    if not fitting(message_id):
        raise Refused(
            f"the message id {message_id!r} cannot stand in a status report",
            f"Give every file a message id of 1 to {LONGEST_ID} characters",
        )
    report = _Report(original, _told(refusal.reasons, original))
    with disk(f"writing {target}"):
        durable.write(target, report.of(refusal))


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
        self.instructed = self.instructed and EQUIVALENT not in block

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
        if batch is None or not fitting(batch.id):
            return 0, 0
        named = payment and (fitting(payment.end_to_end_id) or fitting(payment.instruction_id))
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
    return one_line(text)[:LONGEST_LINE].rstrip()


class _Report:
    """The report on `original`, with the reasons by their places."""

    def __init__(self, original: _Original, reasons: Mapping[Place, Sequence[Reason]]) -> None:
        self._original, self._reasons = original, reasons
        self._old = original.header.message in _OLD
        version = "03" if self._old else "10"
        self._message = f"pain.002.001.{version}"

    def of(self, refusal: Refusal) -> bytes:
        """The whole document."""
        root = document(self._message)
        body = child(root, "CstmrPmtStsRpt")
        head = child(body, "GrpHdr")
        put(head, "MsgId", refusal.message_id)
        put(head, "CreDtTm", moment(refusal.created))
        self._group(body)
        for batch in sorted({place[0] for place in self._reasons} - {0}):
            self._batch(body, self._original.batches[batch])
        return serialised(root)

    def _group(self, body: xml.Element) -> None:
        header, group = self._original.header, child(body, "OrgnlGrpInfAndSts")
        put(group, "OrgnlMsgId", header.message_id)
        put(group, "OrgnlMsgNmId", header.message)
        put(group, "OrgnlCreDtTm", date_time(header.created))
        _totals(group, header)
        put(group, "GrpSts", _REJECTED)
        self._because(group, (0, 0))

    def _batch(self, body: xml.Element, batch: Batch) -> None:
        block = child(body, "OrgnlPmtInfAndSts")
        put(block, "OrgnlPmtInfId", batch.id)
        _totals(block, batch)
        put(block, "PmtInfSts", _REJECTED)
        self._because(block, (batch.index, 0))
        for place in sorted(self._reasons):
            if place[0] == batch.index and place[1]:
                self._payment(block, place)

    def _payment(self, block: xml.Element, place: Place) -> None:
        payment, item = self._original.payments[place], child(block, "TxInfAndSts")
        put(item, "OrgnlInstrId", fitting(payment.instruction_id))
        put(item, "OrgnlEndToEndId", fitting(payment.end_to_end_id))
        if not self._old and UETR.fullmatch(payment.uetr):
            put(item, "OrgnlUETR", payment.uetr)
        put(item, "TxSts", _REJECTED)
        self._because(item, place)
        amount = figure(payment.amount, AMOUNT_DECIMALS)
        if amount and CURRENCY.fullmatch(payment.currency) and self._original.instructed:
            instructed = child(item, "OrgnlTxRef", "Amt", "InstdAmt")
            instructed.set("Ccy", payment.currency)
            instructed.text = amount

    def _because(self, parent: xml.Element, place: Place) -> None:
        for reason in self._reasons.get(place, ()):
            told = child(parent, "StsRsnInf")
            put(child(told, "Orgtr"), "Nm", _ORIGINATOR)
            put(child(told, "Rsn"), "Cd", reason.code)
            put(told, "AddtlInf", reason.words)


def _totals(parent: xml.Element, declared: Header | Batch) -> None:
    put(parent, "OrgnlNbOfTxs", count(declared.transactions))
    put(parent, "OrgnlCtrlSum", figure(declared.control_sum, SUM_DECIMALS))
