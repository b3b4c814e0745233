"""A schema as types: what may stand in an element, in which order, and which values are lawful.

Only the constructs of our own generated schemas are known (`schemas/generate.py`). In these a name
means one type across all versions, so elements of one type name need no second look.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import NamedTuple

from lxml import etree

from h2h import resources
from h2h.errors import ConfigError

_XS = "{http://www.w3.org/2001/XMLSchema}"
_ZONE = r"(Z|[+-]\d\d:\d\d)?"
_FORMS = {
    "boolean": re.compile("true|false|0|1"),
    "date": re.compile(r"\d{4}-\d\d-\d\d" + _ZONE, re.ASCII),
    "dateTime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?" + _ZONE, re.ASCII),
    "gYear": re.compile(r"\d{4}" + _ZONE, re.ASCII),
    "gYearMonth": re.compile(r"\d{4}-\d\d" + _ZONE, re.ASCII),
    "base64Binary": re.compile(r"[A-Za-z0-9+/\s]*={0,2}\s*"),
    "decimal": re.compile(r"[+-]?(?P<whole>\d*)(\.(?P<fraction>\d*))?", re.ASCII),
}


@dataclass(frozen=True, slots=True)
class Value:
    """A simple type. `longest` is in characters, None where there is no bound."""

    base: str
    codes: frozenset[str] = frozenset()
    pattern: re.Pattern[str] | None = None
    facets: Mapping[str, int] = field(default_factory=dict)

    @property
    def longest(self) -> int | None:
        return self.facets.get("maxLength")

    def fits(self, text: str) -> bool:
        """Is `text` a lawful value? At a bound it may say no where the schema would say yes."""
        if self.base != "string":
            return self._form(text.strip())
        if self.codes:
            return text in self.codes
        if self.pattern:
            return self.pattern.fullmatch(text) is not None
        return self.facets.get("minLength", 0) <= len(text) <= self.facets["maxLength"]

    def _form(self, text: str) -> bool:
        match = _FORMS[self.base].fullmatch(text)
        if match is None or self.base != "decimal":
            return match is not None
        whole, fraction = match["whole"].lstrip("0"), match["fraction"] or ""
        return (
            bool(match["whole"] or fraction)
            and len(whole) + len(fraction) <= self.facets.get("totalDigits", 99)
            and len(fraction) <= self.facets.get("fractionDigits", 99)
            and Decimal(text) >= self.facets.get("minInclusive", Decimal("-Infinity"))
        )


class Part(NamedTuple):
    """A child: its type and how often it may stand there."""

    type: str
    fewest: int
    most: float


@dataclass(frozen=True, slots=True)
class Type:
    """What may stand in an element: a value, or parts in their order (one of them in a choice).

    With neither, anything may stand there. `currency` tells that an attribute Ccy is due.
    """

    parts: Mapping[str, Part]
    choice: bool = False
    value: Value | None = None
    currency: Value | None = None
    order: Mapping[str, int] = field(init=False)
    due: frozenset[str] = field(init=False)  # parts that must be there; in a choice one of all

    def __post_init__(self) -> None:
        order = {tag: place for place, tag in enumerate(self.parts)}
        due = (tag for tag, part in self.parts.items() if part.fewest and not self.choice)
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "due", frozenset(due))


Types = Mapping[str, Type]


@cache
def types(message: str) -> Types:
    """Every type of `message` by its name. Raises ConfigError when it is not carried."""
    path = resources.schema(message)
    if path is None:
        raise ConfigError(f"no schema of {message} is carried", "Install h2h again.")
    root = etree.parse(path, etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    simple = {node.get("name", ""): _value(node[0]) for node in root.iter(_XS + "simpleType")}
    found = {name: Type({}, value=value) for name, value in simple.items()}
    found |= {
        node.get("name", ""): _complex(node[0], simple) for node in root.iter(_XS + "complexType")
    }
    return found


def _value(restriction: etree._Element) -> Value:
    facets = [(str(facet.tag).removeprefix(_XS), facet.get("value", "")) for facet in restriction]
    pattern = next((re.compile(value) for kind, value in facets if kind == "pattern"), None)
    return Value(
        restriction.get("base", "").removeprefix("xs:"),
        frozenset(value for kind, value in facets if kind == "enumeration"),
        pattern,
        {kind: int(value) for kind, value in facets if kind not in {"enumeration", "pattern"}},
    )


def _complex(model: etree._Element, simple: Mapping[str, Value]) -> Type:
    if model.tag == _XS + "simpleContent":
        extension = model[0]
        base, currency = extension.get("base", ""), extension[0].get("type", "")
        return Type({}, value=simple[base], currency=simple[currency])
    parts = {
        node.get("name", ""): Part(node.get("type", ""), *_bounds(node))
        for node in model.iter(_XS + "element")
    }
    return Type(parts, choice=model.tag == _XS + "choice")


def _bounds(node: etree._Element) -> tuple[int, float]:
    most = node.get("maxOccurs", "1")
    return int(node.get("minOccurs", "1")), float("inf") if most == "unbounded" else int(most)
