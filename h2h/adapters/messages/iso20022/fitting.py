"""One element of an account report made to fit an older version, and what is told of it.

Types of one name are the same in all versions: what has the same type in source and target is
copied as it is, a bank's slips in it included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from lxml import etree

from h2h.adapters.messages.iso20022.reshape import (
    CORES,
    RULES,
    SUBSTITUTES,
    WRAPS,
    Note,
    Place,
    child,
    like,
    local,
    reshape,
)
from h2h.adapters.messages.iso20022.structure import Part, Type, Types, Value
from h2h.adapters.messages.iso20022.xml import Element
from h2h.core.words import say

MOST_LINES = 20  # of what is told
# The additional information of each level: what has no place in the target is told there.
INFORMATION = {
    "GrpHdr": "AddtlInf",
    "Rpt": "AddtlRptInf",
    "Stmt": "AddtlStmtInf",
    "Ntfctn": "AddtlNtfctnInf",
    "Ntry": "AddtlNtryInf",
    "TxDtls": "AddtlTxInf",
}
# What nobody needs to find a value by.
_WRAPPERS = frozenset(
    {"NtryDtls", "Refs", "RltdPties", "RltdAgts", "FinInstnId", "Pty", "CdOrPrtry", "Cd", "Prtry"}
)
_SPECIAL = re.compile("[&<>\r]")
_NEVER_LEFT_OUT = frozenset({"Ntry", "Bal"})  # money: a bank's slip in it stays a slip


class _Fate(IntEnum):
    """In the order in which they are told."""

    LOST = 0
    TAKEN = 1
    MOVED = 2


@dataclass
class Report:
    """What became of the parts that could not stay, each kind with its number and first place."""

    kinds: dict[tuple[_Fate, str, str], tuple[int, str]] = field(default_factory=dict)

    def add(self, fate: _Fate, name: str, where: str, place: str) -> None:
        count, first = self.kinds.get((fate, name, where), (0, place))
        self.kinds[fate, name, where] = (count + 1, first)

    def lines(self, complaints: Iterable[str]) -> Iterator[str]:
        """At most MOST_LINES, the graver first."""
        told = [
            _sentence(fate, name, where, count, first)
            for (fate, name, where), (count, first) in sorted(self.kinds.items())
        ]
        lost = sum(fate is _Fate.LOST for fate, _, _ in self.kinds)
        told[lost:lost] = [
            say("as the bank wrote it, against the standard: {complaint}", complaint=words)
            for words in complaints
        ]
        yield from told[:MOST_LINES]
        if len(told) > MOST_LINES:
            yield say("and {count} more of such kinds", count=len(told) - MOST_LINES)


def _sentence(fate: _Fate, name: str, where: str, count: int, first: str) -> str:
    values = {"name": name, "where": where, "count": count, "place": first}
    if fate is _Fate.LOST:
        return say(
            "{name}: not kept, {where} has no room ({count} in all, first: {place})", **values
        )
    if fate is _Fate.TAKEN:
        return say("{name}: missing, taken from {where} ({count} in all, first: {place})", **values)
    return say("{name}: moved to {where} ({count} in all, first: {place})", **values)


class _Moved(NamedTuple):
    """A value that waits for room in the additional information of its level."""

    name: str
    value: str


@dataclass
class Level:
    """A transaction, entry, statement or group header while it is rewritten."""

    place: str
    moved: list[_Moved | Note] = field(default_factory=list)
    trail: list[str] = field(default_factory=list)


# -------------------------------------------------------------------------------- one element's fit


class Fitter:
    """Turns elements of the source into text of the target."""

    def __init__(self, prefix: str, have: Types, want: Types) -> None:
        self.prefix = prefix
        self.have = have
        self.want = want
        self.report = Report()
        self.levels: list[Level] = []
        self.statement = self.entry = self.transaction = 0

    def ordered(self, elements: Iterable[Element], have: str, want: str) -> Iterator[str]:
        """Children of an element that is written whatever it lacks, in the target's order."""
        found = self.parts(self.groups(elements), have, want, must=True)
        return _ordered(found or {}, self.want[want])

    def groups(self, elements: Iterable[Element]) -> dict[str, list[Element]]:
        """Elements by name; a name of another name space stays whole, so that no type knows it."""
        groups: dict[str, list[Element]] = {}
        for element in elements:
            groups.setdefault(self.name(element), []).append(element)
        return groups

    def parts(
        self, groups: Mapping[str, list[Element]], have: str, want: str, *, must: bool
    ) -> dict[str, list[str]] | None:
        """Text by tag; None when a due part is missing, unless it `must`."""
        kind = self.want[want]
        known = self.have[have].parts if have in self.have else {}
        found: dict[str, list[str]] = {}
        for tag, elements in groups.items():
            part = kind.parts.get(tag)
            due = must and (kind.choice or tag in kind.due)
            for element in elements:
                full = found if kind.choice else part and len(found.get(tag, ())) >= part.most
                text = ""
                if part and not full:
                    text = self.fit(element, tag, known.get(tag), kind, due=due)
                if text:
                    found.setdefault(tag, []).append(text)
                else:
                    self.move(element)
        missing = not found if kind.choice else not kind.due <= found.keys()
        return None if missing and not must else found

    def fit(self, element: Element, tag: str, have: Part | None, parent: Type, *, due: bool) -> str:
        """The element as text, as a proprietary code where the target lists no such; else ""."""
        source, want = have.type if have else "", parent.parts[tag].type
        if source == want:
            return self.copy(element)
        if tag == "Cd" and "Prtry" in parent.parts:
            if text := self.attempt(element, tag, source, want, must=False):
                return text
            proprietary = like(element, "Prtry")
            proprietary.text = element.text
            other = parent.parts["Prtry"].type
            if text := self.attempt(proprietary, "Prtry", "", other, must=False):
                return text
        return self.attempt(element, tag, source, want, must=due or tag in _NEVER_LEFT_OUT)

    def attempt(self, element: Element, tag: str, have: str, want: str, *, must: bool) -> str:
        """The element as text; "" when it does not fit, and nothing of it is moved then."""
        level = self.levels[-1]
        mark = len(level.moved)
        level.trail.append(tag)
        if self.want[want].value:
            text = self.value(element, tag, self.want[want], must=must)
        elif tag in INFORMATION:
            text = self.reported(element, tag, have, want, must=must)
        else:
            text = self.branch(element, tag, have, want, must=must)
        level.trail.pop()
        if not text:
            del level.moved[mark:]
        return text

    def copy(self, element: Element) -> str:
        """The element as it is; what is of another name space keeps it."""
        tag = str(element.tag)
        if not tag.startswith(self.prefix):
            return etree.tostring(element, encoding="unicode", with_tail=False)
        name = tag[len(self.prefix) :]
        if name == "Envlp":  # anything at all
            inner = "".join(
                etree.tostring(part, encoding="unicode", with_tail=False) for part in element
            )
        elif len(element):
            inner = "".join(map(self.copy, element))
        else:
            inner = escaped(element.text)
        return tagged(name, inner, element.get("Ccy"))

    def branch(self, element: Element, tag: str, have: str, want: str, *, must: bool) -> str:
        """An element with parts."""
        found = self.parts(self.arranged(element, tag, want), have, want, must=must)
        stands = bool(found) or (found is not None and must)
        return tagged(tag, "".join(_ordered(found or {}, self.want[want]))) if stands else ""

    def arranged(self, element: Element, tag: str, want: str) -> dict[str, list[Element]]:
        """The children of an element, brought into the target's arrangement, by name."""
        kind, groups = self.want[want], self.groups(element)
        if groups and tag not in RULES and groups.keys() <= kind.parts.keys():
            return groups
        if not groups and (text := (element.text or "").strip()):
            self.wrap(element, text, kind)
        notes: list[Note] = []
        reshape(element, Place(self.want, kind, notes))
        self.levels[-1].moved += notes
        return self.groups(element)

    def wrap(self, element: Element, text: str, kind: Type) -> None:
        """A value where parts are due is the first of them that it can be."""
        for tag in WRAPS:
            if (part := kind.parts.get(tag)) and self.can_be(text, self.want[part.type]):
                etree.SubElement(element, like(element, tag).tag).text = text
                return

    def can_be(self, text: str, kind: Type) -> bool:
        if kind.value:
            return kind.currency is None and kind.value.fits(text)
        inner = (self.want[kind.parts[tag].type] for tag in WRAPS if tag in kind.parts)
        return any(self.can_be(text, each) for each in inner)

    def value(self, element: Element, tag: str, kind: Type, *, must: bool) -> str:
        """An element with a value. Of one with parts in the source, the value that it is about."""
        core = element
        while len(core):
            inner = next(
                (found for name in CORES if (found := child(core, name)) is not None), None
            )
            if inner is None:
                return ""
            for other in core:
                if other is not inner:
                    self.move(other)
            core = inner
        text, currency = core.text or "", core.get("Ccy")
        if not _fits(kind.value, text):
            text = text.strip()  # blanks around a code are a slip, no other code
        if not (_fits(kind.value, text) and _fits(kind.currency, currency)):
            if not must:
                return ""
            if tag in SUBSTITUTES:
                self.levels[-1].moved.append(_Moved(self.named(), text))
                text = SUBSTITUTES[tag]
        return tagged(tag, escaped(text), currency if kind.currency else None)

    def reported(self, element: Element, tag: str, have: str, want: str, *, must: bool) -> str:
        """A transaction, an entry or the group header, with its own additional information."""
        information = INFORMATION[tag]
        own = child(element, information)
        if tag == "TxDtls":
            self.transaction += 1
        self.levels.append(level := Level(self.place()))
        found = self.parts(self.arranged(element, tag, want), have, want, must=must)
        self.levels.pop()
        if found is None:
            return ""
        words = (own.text or "") if own is not None else ""
        if words := self.told(level, words, want, information):
            found[information] = [tagged(information, escaped(words))]
        return tagged(tag, "".join(_ordered(found, self.want[want])))

    # ----------------------------------------------------------------------- what has no place

    def move(self, element: Element) -> None:
        """Note every value in an element that has no place."""
        level = self.levels[-1]
        level.trail.append(local(element))
        if len(element):
            for part in element:
                self.move(part)
        elif value := " ".join((element.text or "").split()):
            amount = " ".join(filter(None, (value, element.get("Ccy"))))
            level.moved.append(_Moved(self.named(), amount))
        level.trail.pop()

    def named(self) -> str:
        trail = self.levels[-1].trail
        return "/".join([tag for tag in trail if tag not in _WRAPPERS] or trail)

    def told(self, level: Level, words: str, want: str, information: str) -> str:
        """The bank's own additional information, then what was moved there as far as it goes."""
        part = self.want[want].parts.get(information)
        value = self.want[part.type].value if part else None
        room = value.longest or 0 if value else 0
        for moved in level.moved:
            if isinstance(moved, Note):
                fate = _Fate.TAKEN if moved.taken else _Fate.MOVED
                self.report.add(fate, moved.name, moved.where, level.place)
                continue
            longer = "; ".join(filter(None, (words, f"{moved.name}: {moved.value}")))
            fits = len(longer) <= room
            words = longer if fits else words
            fate = _Fate.MOVED if fits else _Fate.LOST
            self.report.add(fate, moved.name, information, level.place)
        return words

    def place(self) -> str:
        statement, entry = self.statement, self.entry
        if not statement:
            return say("group header")
        if not entry:
            return say("statement {statement}", statement=statement)
        if not self.transaction:
            return say("statement {statement}, entry {entry}", statement=statement, entry=entry)
        return say(
            "statement {statement}, entry {entry}, transaction {transaction}",
            statement=statement,
            entry=entry,
            transaction=self.transaction,
        )

    def name(self, element: Element) -> str:
        """Its name, whole in another name space."""
        return str(element.tag).removeprefix(self.prefix)


def tagged(tag: str, inner: str, currency: str | None = None) -> str:
    attribute = f" Ccy={quoteattr(currency)}" if currency else ""
    return f"<{tag}{attribute}>{inner}</{tag}>"


def escaped(text: str | None) -> str:
    return escape(text, {"\r": "&#13;"}) if text and _SPECIAL.search(text) else text or ""


def _fits(kind: Value | None, text: str | None) -> bool:
    return kind is None or kind.fits(text or "")


def _ordered(found: Mapping[str, list[str]], kind: Type) -> Iterator[str]:
    for tag in sorted(found, key=kind.order.__getitem__):
        yield from found[tag]
