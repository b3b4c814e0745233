"""Recalls at the practice bank. mock-bank knows none, so the gateway reads and answers them.

What is not booked yet is taken back (CNCL); for the rest there is a refusal with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

from h2h.adapters.messages.iso20022 import xml
from h2h.adapters.messages.iso20022.writing import child, document, moment, put, serialised

ANSWER = "camt.029.001.09"
_SPACE = "{urn:iso:std:iso:20022:tech:xsd:camt.055.001.08}"


class Fate(StrEnum):
    """What became of a payment that is asked back."""

    TAKEN_BACK = "taken back"
    BOOKED = "booked"
    RETURNED = "returned"


_REASONS = {Fate.BOOKED: "AGNT", Fate.RETURNED: "ARDT"}  # the bank's decision, already returned
_NEVER_CAME = "NOOR"


@dataclass(frozen=True, slots=True)
class Asked:
    """A recall as it came: of these payments, of these batches, or without either of all."""

    message_id: str
    original: str  # message id of the payment file
    names: frozenset[str]  # EndToEndIds
    batches: frozenset[str]

    def means(self, batch: str, name: str) -> bool:
        """Is the payment of this name in this batch asked back?"""
        return not (self.names or self.batches) or name in self.names or batch in self.batches


def read(path: Path) -> Asked | None:
    """The recall in a file; None when it is another message, or none at all."""
    if b"camt.055.001." not in path.read_bytes()[:1000]:
        return None
    root = ET.parse(path).getroot()  # noqa: S314 - the customer has signed it
    batches = [*root.iterfind(f".//{_SPACE}OrgnlPmtInfAndCxl")]
    return Asked(
        message_id=_text(root, "Id"),
        original=_text(root, "OrgnlMsgId"),
        names=frozenset(
            _text(item, "OrgnlEndToEndId")
            for each in batches
            for item in each.iter(_SPACE + "TxInf")
        ),
        batches=frozenset(
            _text(each, "OrgnlPmtInfId") for each in batches if _text(each, "PmtInfCxl") == "true"
        ),
    )


def _text(element: ET.Element, tag: str) -> str:
    return (element.findtext(f".//{_SPACE}{tag}") or "").strip()


def confirmation(fates: Mapping[str, Fate]) -> str:
    """The word on the whole case."""
    found = set(fates.values())
    if found == {Fate.TAKEN_BACK}:
        return "CNCL"
    return "PECR" if Fate.TAKEN_BACK in found else "RJCR"


def answer(asked: Asked, fates: Mapping[str, Fate], number: int) -> bytes:
    """The bank's `number`th answer: what became of each payment, by its EndToEndId."""
    root = document(ANSWER)
    body = child(root, "RsltnOfInvstgtn")
    assignment = child(body, "Assgnmt")
    put(assignment, "Id", f"RSLTN-{number}")
    put(child(assignment, "Assgnr", "Agt", "FinInstnId"), "Nm", "Practice Bank")
    put(child(assignment, "Assgne", "Pty"), "Nm", "Practice Customer")
    put(assignment, "CreDtTm", moment(datetime.now(UTC)))
    case = child(body, "RslvdCase")
    put(case, "Id", asked.message_id)
    put(child(case, "Cretr", "Pty"), "Nm", "Practice Customer")
    put(child(body, "Sts"), "Conf", confirmation(fates))
    details = child(body, "CxlDtls")
    group = child(details, "OrgnlGrpInfAndSts")
    put(group, "OrgnlMsgId", asked.original)
    put(group, "OrgnlMsgNmId", "pain.001")
    if not fates:
        put(child(group, "CxlStsRsnInf", "Rsn"), "Cd", _NEVER_CAME)
    for name, fate in fates.items():
        _payment(child(details, "TxInfAndSts"), name, fate)
    return serialised(root)


def _payment(item: xml.Element, name: str, fate: Fate) -> None:
    put(item, "OrgnlEndToEndId", name)
    put(item, "TxCxlSts", "ACCR" if fate is Fate.TAKEN_BACK else "RJCR")
    if fate in _REASONS:
        put(child(item, "CxlStsRsnInf", "Rsn"), "Cd", _REASONS[fate])
