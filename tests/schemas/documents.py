"""Documents grown from a schema's canonical structure, and ways to break them."""

import base64
import random
import re
from collections.abc import Callable

from lxml import etree

from .oracles import NAMESPACE, Structure

SIZE = 250  # elements: beyond it a growing document takes only what it must

# For every pattern of the standard at least one of these fits.
SAMPLES = (
    "EUR", "DE", "en", "1", "42", "042", "0421", "a1B2", "+49-69-123456", "+7", "123456789012345",
    "12345678", "DE89370400440532013000", "COBADEFFXXX", "COBADEFF", "US0378331005",
    "529900T8BM49AURSDO55", "f47ac10b-58cc-4372-a567-0e02b2c3d479",
)  # fmt: skip
PLAIN = {
    "date": ("2026-02-28", "2024-02-29", "2026-10-01+02:00"),
    "dateTime": ("2026-02-28T09:30:00", "2026-02-28T09:30:00.123Z", "2026-12-31T24:00:00"),
    "gYear": ("2026",),
    "gYearMonth": ("2026-02",),
    "boolean": ("true", "false", "1", "0"),
}
# What banks and their software do write, and what lies just beside the lawful.
WORDS = """
x - 0 00 -0 -1 +1 1. .5 1,5 1e3 NaN INF 0.12345 0.123456 1234567890123.12345 12345678901234.12345
999999999999999999 9999999999999999999 true TRUE QUJD QUJ 2026-02-28 2026-02-29 2026-2-28 28.02.2026
2026-02-28Z 2026-02-28T09:30:00 2026-02-28T9:30 24:00:00 2026-12 2026-13 0000 +491-2 äöü 日本
EUR eur EURO D DEU de CRDT crdt TRF SLEV SEPA BOOK GB29NWBK60161331926819 gb29NWBK60161331926819
DEUTDEFF DEUTDEFFXX DEUTDEFF500 1EUTDEFF 529900T8BM49AURSDO5X F47AC10B-58CC-4372-A567-0E02B2C3D479
"""
VALUES = (
    *("", " ", "\n", "a\nb", "GB29 NWBK 6016 1331 9268 19", "+49 69 123", *SAMPLES, *WORDS.split()),
    *("x" * length for length in (2, 4, 5, 10, 11, 16, 17, 34, 35, 36, 70, 71, 105, 106, 128, 129)),
    *("é" * length for length in (140, 141, 350, 351, 500, 501, 1025, 1026, 2048, 2049)),
)


def binary(length: int) -> str:
    """So many bytes, as base64."""
    return base64.b64encode(b"x" * length).decode()


def value(shape: tuple[str, tuple[tuple[str, ...], ...]], chance: random.Random) -> str:
    """A lawful value of a simple type, often at one of its limits."""
    base, parts = shape
    if codes := [part[1] for part in parts if part[0] == "enumeration"]:
        return chance.choice(codes)
    facets = {part[0]: part[1] for part in parts}
    if base in PLAIN:
        return chance.choice(PLAIN[base])
    if base == "base64Binary":
        fewest, most = int(facets["minLength"]), int(facets["maxLength"])
        return binary(chance.choice((fewest, most, min(most, 21))))
    if base == "decimal":
        total, fraction = int(facets["totalDigits"]), int(facets["fractionDigits"])
        before = "9" * chance.choice((1, max(1, total - fraction)))
        after = "1" * chance.choice((0, min(fraction, total - len(before))))
        sign = "-" if "minInclusive" not in facets and chance.random() < 0.5 else ""
        return f"{sign}{before}.{after}" if after else sign + before
    if "pattern" in facets:
        return chance.choice([text for text in SAMPLES if re.fullmatch(facets["pattern"], text)])
    fewest, most = int(facets["minLength"]), int(facets["maxLength"])
    return "x" * chance.choice((fewest, most, min(most, 20)))


def grow(types: Structure, message: str, chance: random.Random) -> etree._Element:
    """A valid document of a message, by a schema's structure."""
    space = f"{{{NAMESPACE}{message}}}"
    root = etree.Element(space + "Document")
    left, richness = SIZE, chance.choice((0.05, 0.3, 0.6))

    def fill(node: etree._Element, kind: str) -> None:
        nonlocal left
        model, parts = types[kind]
        if model == "amount":
            (base,), (name, _, currency) = parts
            node.text = value(types[base], chance)
            node.set(name, value(types[currency], chance))
        elif model not in ("sequence", "choice"):
            node.text = value((model, parts), chance)
        else:
            for tag, fewest, most, of in [chance.choice(parts)] if model == "choice" else parts:
                count = int(fewest)
                if left > 0 and count == 0 and chance.random() < richness:
                    count = 1
                if left > 0 and count and most != "1" and chance.random() < 0.3:
                    count = 2 if most == "unbounded" else int(most)
                for _ in range(count):
                    left -= 1
                    if tag == "*":
                        etree.SubElement(node, "{urn:elsewhere}Anything").text = "free"
                    else:
                        fill(etree.SubElement(node, space + tag), of)

    fill(root, "Document")
    return root


# ---- Mutations: each takes an element of the document and a number to choose with.

Mutation = Callable[[etree._Element, int], None]


def drop(node: etree._Element, pick: int) -> None:
    """Remove it."""
    if (parent := node.getparent()) is not None:
        parent.remove(node)


def repeat(node: etree._Element, pick: int) -> None:
    """Have it up to twelve times: bounds of 2, 5, 7 and 10 are passed."""
    if (parent := node.getparent()) is not None:
        for _ in range(pick % 11 + 1):
            parent.insert(parent.index(node), copied(node))


def copied(node: etree._Element) -> etree._Element:
    """The same element once more."""
    return etree.fromstring(etree.tostring(node, with_tail=False))


def later(node: etree._Element, pick: int) -> None:
    """Move it behind its next sibling."""
    if (after := node.getnext()) is not None:
        after.addnext(node)


def retag(node: etree._Element, pick: int) -> None:
    """Give it the name of another element."""
    others = list(node.getroottree().getroot().iter())
    node.tag = others[pick % len(others)].tag


def transplant(node: etree._Element, pick: int) -> None:
    """Put a copy of another element before it."""
    others = list(node.getroottree().getroot().iter())
    if node.getparent() is not None:
        node.addprevious(copied(others[1:][pick % len(others[1:])]))


def retext(node: etree._Element, pick: int) -> None:
    """Another value, lawful somewhere or nowhere."""
    node.text = VALUES[pick % len(VALUES)]


def retext_leaf(node: etree._Element, pick: int) -> None:
    """The same, in a place that has a value."""
    leaves = [leaf for leaf in node.iter() if len(leaf) == 0]
    retext(leaves[pick % len(leaves)], pick // 7)


def edit(node: etree._Element, pick: int) -> None:
    """One character more, less, or another."""
    text = node.text or ""
    at = pick % (len(text) + 1)
    node.text = text[:at] + "0Aa -.é"[pick % 7] + text[at + pick % 2 :] if pick % 3 else text[:-1]


def lead(node: etree._Element, pick: int) -> None:
    """A sign or one character more in front of a value."""
    leaves = [leaf for leaf in node.iter() if len(leaf) == 0]
    leaf = leaves[pick % len(leaves)]
    leaf.text = "-+0Ax"[pick % 5] + (leaf.text or "")


def attribute(node: etree._Element, pick: int) -> None:
    """A currency away, wrong, or where none belongs; or an attribute of another name space."""
    if pick % 4 == 0:
        node.attrib.pop("Ccy", "")
    elif pick % 4 == 1:
        node.set("Ccy", VALUES[pick % len(VALUES)].strip())
    elif pick % 4 == 2:
        node.set("Currency", "EUR")
    else:
        node.set("{http://www.w3.org/2001/XMLSchema-instance}nil", "true")


def elsewhere(node: etree._Element, pick: int) -> None:
    """The same name in another name space, or in none."""
    name = etree.QName(node).localname
    node.tag = name if pick % 2 else f"{{{NAMESPACE}camt.099.001.01}}{name}"


MUTATIONS: tuple[Mutation, ...] = (
    *(drop, repeat, later, retag, transplant, retext, retext_leaf, edit, lead, attribute),
    elsewhere,
)
