"""Answers to recalls: camt.029, read as core.recall has them.

One message is about one case. Payments may be listed in their batch or beside the batches.
"""

from __future__ import annotations

from collections.abc import Iterator

from h2h.adapters.messages.iso20022.incoming import AS_USUAL, Node, Opened, Severities, parts
from h2h.core.problem import Problem
from h2h.core.recall import Resolution
from h2h.core.status import BatchStatus, PaymentStatus, Reason
from h2h.ports import BankMessage

_PARTLY = "PACR"  # what several groups of different status come to: each payment has its own
_AMOUNTS = (
    ("OrgnlInstdAmt",),
    ("OrgnlTxRef", "Amt", "InstdAmt"),
    ("OrgnlIntrBkSttlmAmt",),
    ("OrgnlTxRef", "IntrBkSttlmAmt"),
)


def read(opened: Opened, severities: Severities = AS_USUAL) -> BankMessage:
    """The answer of a file. Raises Corrupt."""
    problems: list[Problem] = []
    found = _Found()
    for part in parts(opened, problems, severities):
        found.beside += map(found.payment, part.items)
        if part.block and part.last:
            found.details(part.head)
        elif not part.block:
            found.body(part.head)
    resolution = found.resolution()
    message_id = resolution.message_id
    return BankMessage(
        opened.message, resolution=resolution, message_id=message_id, problems=problems
    )


class _Found:
    """Collects what a message says, in the order of its parts: the body comes last."""

    def __init__(self) -> None:
        self.beside: list[PaymentStatus] = []  # payments outside of any batch
        self._batches: list[BatchStatus] = []
        self._references: dict[str, None] = {}  # in order, each once
        self._originals: dict[str, None] = {}
        self._groups: dict[str, None] = {}
        self._reasons: list[Reason] = []
        self._message_id = self._created = self._confirmation = ""

    def details(self, node: Node) -> None:
        """One block of details: a group, its batches, and the payments beside them."""
        if (group := node.one("OrgnlGrpInfAndSts")) is not None:
            self._refers(group, "OrgnlGrpCxlId")
            self._names(group)
            self._groups[group.code("GrpCxlSts")] = None
            self._reasons += _reasons(group)
        self._batches += map(self._batch, node.all("OrgnlPmtInfAndSts"))
        if self.beside:
            self._batches.append(BatchStatus("", "", (), tuple(self.beside)))
            self.beside = []

    def body(self, node: Node) -> None:
        """What stands around the details."""
        self._message_id = node.value("Assgnmt", "Id")
        self._created = node.value("Assgnmt", "CreDtTm")
        self._confirmation = node.code("Sts", "Conf")
        self._refers(node)
        self._references[self._message_id] = None  # some banks give back the id they were given

    def payment(self, node: Node) -> PaymentStatus:
        """One payment, wherever it stands."""
        self._refers(node, "CxlStsId")
        self._names(node.one("OrgnlGrpInf"))
        amount = next((found for path in _AMOUNTS if (found := node.one(*path))), None)
        return PaymentStatus(
            instruction_id=node.value("OrgnlInstrId"),
            end_to_end_id=node.value("OrgnlEndToEndId"),
            status=node.code("TxCxlSts"),
            reasons=tuple(_reasons(node)),
            amount=amount.text if amount else "",
            currency=amount.currency if amount else "",
            servicer_reference="",
        )

    def resolution(self) -> Resolution:
        """All of it."""
        groups = [code for code in self._groups if code]
        references = (*self._references, *self._originals)
        return Resolution(
            message_id=self._message_id,
            created=self._created,
            references=tuple(filter(None, references)),
            original_message_id=next((name for name in self._originals if name), ""),
            confirmation=self._confirmation,
            group_status=groups[0] if len(groups) == 1 else _PARTLY if groups else "",
            reasons=tuple(self._reasons),
            batches=tuple(self._batches),
        )

    def _batch(self, node: Node) -> BatchStatus:
        self._refers(node, "OrgnlPmtInfCxlId")
        self._names(node.one("OrgnlGrpInf"))
        return BatchStatus(
            id=node.value("OrgnlPmtInfId"),
            status=node.code("PmtInfCxlSts"),
            reasons=tuple(_reasons(node)),
            payments=tuple(map(self.payment, node.all("TxInfAndSts"))),
        )

    def _refers(self, node: Node, tag: str = "") -> None:
        """Note the ids by which a recall of ours may be meant: the case's, and the one at `tag`."""
        self._references[node.value("RslvdCase", "Id")] = None
        if tag:
            self._references[node.value(tag)] = None

    def _names(self, group: Node | None) -> None:
        if group is not None:
            self._originals[group.value("OrgnlMsgId")] = None


def _reasons(node: Node) -> Iterator[Reason]:
    for found in node.all("CxlStsRsnInf"):
        words = " ".join(words.text for words in found.all("AddtlInf"))
        yield Reason(found.code("Rsn"), words)
