"""Status reports as rows: one a payment."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import orjson

from h2h.core.status import BatchStatus, PaymentStatus, Reason, StatusReport, reason_words
from h2h.export.delimited import DelimitedLines
from h2h.export.writing import all_defused
from h2h.ports import FormTerms

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_PAYMENT = PaymentStatus("", "", "", (), "", "", "")
_NO_BATCH = BatchStatus("", "", (), ())
STATUS: Mapping[str, Callable[[StatusReport, BatchStatus, PaymentStatus], str]] = {
    "message_id": lambda report, _, __: report.message_id,
    "original_message_id": lambda report, _, __: report.original_message_id,
    "original_message": lambda report, _, __: report.original_message,
    "group_status": lambda report, _, __: report.group_status,
    "batch_id": lambda _, batch, __: batch.id,
    "batch_status": lambda _, batch, __: batch.status,
    "instruction_id": lambda _, __, payment: payment.instruction_id,
    "end_to_end_id": lambda _, __, payment: payment.end_to_end_id,
    "payment_status": lambda _, __, payment: payment.status,
    "status": lambda *levels: _counting(*levels)[0],
    "reason": lambda *levels: reason_words(_counting(*levels)[1]),
    "amount": lambda _, __, payment: payment.amount,
    "currency": lambda _, __, payment: payment.currency,
    "servicer_reference": lambda _, __, payment: payment.servicer_reference,
}


def _counting(
    report: StatusReport, batch: BatchStatus, payment: PaymentStatus
) -> tuple[str, tuple[Reason, ...]]:
    """The payment's status counts, else its batch's, else the group's; its reasons likewise."""
    level = next((level for level in (payment, batch) if level.status), None)
    return (level.status, level.reasons) if level else (report.group_status, report.reasons)


def _rows(report: StatusReport) -> Iterator[tuple[str, ...]]:
    for batch in report.batches or (_NO_BATCH,):
        for payment in batch.payments or (_NO_PAYMENT,):
            yield tuple(tell(report, batch, payment) for tell in STATUS.values())


def csv_of(report: StatusReport, terms: FormTerms) -> tuple[bytes, tuple[str, ...]]:
    """RFC 4180 in the marks and encoding of `terms`; sentences of what that could not hold."""
    out = io.BytesIO()
    lines = DelimitedLines(terms, out)
    if terms.header:
        lines.write([lines.joined(lines.quoted([*STATUS]))])
    for row in _rows(report):
        told = dict(zip(STATUS, all_defused(row), strict=True))
        told["amount"] = lines.figure(told["amount"])
        lines.write([lines.joined(lines.quoted([*told.values()]))])
    return out.getvalue(), lines.told()


def json_lines_of(report: StatusReport) -> bytes:
    """An object a payment."""
    objects = (dict(zip(STATUS, row, strict=True)) for row in _rows(report))
    return b"".join(orjson.dumps(found, None, orjson.OPT_APPEND_NEWLINE) for found in objects)
