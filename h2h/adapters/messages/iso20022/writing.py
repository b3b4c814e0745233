"""What our own messages are written with: elements, and texts that the schemas take."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

from lxml import etree

from h2h.adapters.messages.iso20022 import xml
from h2h.core.money import plain

LONGEST_ID = 35  # Max35Text
LONGEST_LINE = 105  # Max105Text
LONGEST_COUNT = 15  # Max15NumericText
AMOUNT_DECIMALS, SUM_DECIMALS = 5, 17
EQUIVALENT = b"EqvtAmt"  # where it stands, not all amounts are in the currency that is instructed
UETR = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}")
CURRENCY = re.compile("[A-Z]{3}")
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_MOST_DIGITS = 18  # of an amount and of a control sum
_DATE_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d)?", re.ASCII
)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(message: str) -> xml.Element:
    """The empty document of a message ("pain.002.001.10")."""
    return etree.XML(f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{message}"/>')


def serialised(root: xml.Element) -> bytes:
    """The bytes of a whole document."""
    return _DECLARATION + etree.tostring(root, encoding="UTF-8", pretty_print=True)


def child(parent: xml.Element, *tags: str) -> xml.Element:
    """A new element below `parent`, each of the tags inside the one before it."""
    for tag in tags:
        parent = etree.SubElement(parent, f"{{{parent.nsmap[None]}}}{tag}")
    return parent


def put(parent: xml.Element, tag: str, text: str) -> None:
    """The child with its text; an empty text makes none."""
    if text:
        child(parent, tag).text = text


def fitting(identity: str) -> str:
    """An id as it may stand in a message, "" when it may not."""
    return identity if len(identity) <= LONGEST_ID else ""


def one_line(text: str) -> str:
    """`text` in XML's characters, with single blanks."""
    return " ".join(_NOT_XML.sub("?", text).split())


def figure(value: Decimal | None, decimals: int) -> str:
    """`value` as written; "" when it has more digits than the schema allows, or is no number."""
    if value is None or not value.is_finite():
        return ""
    _, digits, exponent = value.as_tuple()
    fits = len(digits) <= _MOST_DIGITS and -int(exponent) <= decimals
    return plain(value) if fits else ""


def count(number: int | None) -> str:
    """A number of payments; "" when there is none, or it is longer than the schema allows."""
    text = "" if number is None else str(number)
    return text if len(text) <= LONGEST_COUNT else ""


def moment(when: datetime) -> str:
    """A creation time of ours, in UTC."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def date_time(text: str) -> str:
    """Another's creation time as written; "" when it is none."""
    written = text.strip()
    try:
        datetime.fromisoformat(written[:19])
    except ValueError:
        return ""
    return written if _DATE_TIME.fullmatch(written) else ""
