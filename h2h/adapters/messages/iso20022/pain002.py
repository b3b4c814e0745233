"""Payment status reports: pain.002, read as core.status has them."""

from __future__ import annotations

from collections.abc import Iterable

from h2h.adapters.messages.iso20022.incoming import AS_USUAL, Node, Opened, Severities, parts
from h2h.core.problem import Problem
from h2h.core.status import BatchStatus, PaymentStatus, Reason, StatusReport
from h2h.ports import BankMessage


def read(opened: Opened, severities: Severities = AS_USUAL) -> BankMessage:
    """The status report of a file. Raises Corrupt."""
    problems: list[Problem] = []
    batches: list[BatchStatus] = []
    payments: list[PaymentStatus] = []
    report = None
    for part in parts(opened, problems, severities):
        payments += map(_payment, part.items)
        if part.block and part.last:
            batches.append(_batch(part.head, payments))
            payments = []
        elif not part.block:
            report = _report(part.head, batches)
    assert report is not None  # noqa: S101  (parts ends with the body, or raises)
    message_id = report.message_id
    return BankMessage(opened.message, report=report, message_id=message_id, problems=problems)


def _report(body: Node, batches: Iterable[BatchStatus]) -> StatusReport:
    group = body.one("OrgnlGrpInfAndSts") or body
    return StatusReport(
        message_id=body.value("GrpHdr", "MsgId"),
        created=body.value("GrpHdr", "CreDtTm"),
        original_message_id=group.value("OrgnlMsgId"),
        original_message=group.value("OrgnlMsgNmId"),
        group_status=group.code("GrpSts"),
        reasons=_reasons(group),
        batches=tuple(batches),
    )


def _batch(node: Node, payments: Iterable[PaymentStatus]) -> BatchStatus:
    return BatchStatus(
        id=node.value("OrgnlPmtInfId"),
        status=node.code("PmtInfSts"),
        reasons=_reasons(node),
        payments=tuple(payments),
    )


def _payment(node: Node) -> PaymentStatus:
    original = node.one("OrgnlTxRef", "Amt", "InstdAmt") or node.one("OrgnlTxRef", "IntrBkSttlmAmt")
    return PaymentStatus(
        instruction_id=node.value("OrgnlInstrId"),
        end_to_end_id=node.value("OrgnlEndToEndId"),
        status=node.code("TxSts"),
        reasons=_reasons(node),
        amount=original.text if original else "",
        currency=original.currency if original else "",
        servicer_reference=node.value("AcctSvcrRef"),
        payee_name=_creditor(node),
    )


def _creditor(node: Node) -> str:
    """From .10 on a party may be a bank, and stands one level deeper."""
    creditor = node.one("OrgnlTxRef", "Cdtr")
    return (creditor.value("Nm") or creditor.value("Pty", "Nm")) if creditor else ""


def _reasons(node: Node) -> tuple[Reason, ...]:
    return tuple(
        Reason(found.code("Rsn"), " ".join(words.text for words in found.all("AddtlInf")))
        for found in node.all("StsRsnInf")
    )
