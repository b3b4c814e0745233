"""Where in a payment file a field stands: its line, its column, its XPath, its place in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from h2h.adapters.messages.iso20022 import xml
from h2h.adapters.messages.iso20022.explain import TAGS
from h2h.adapters.messages.iso20022.fields import Kind
from h2h.adapters.messages.iso20022.schema import Step, Trail
from h2h.core.payment import Batch, Header, Payment
from h2h.core.rules import Finding
from h2h.core.words import Words, say

Place = tuple[int, int]  # batch and payment, from 1; 0 for what lies above
Spot = tuple[Place, tuple[str, ...]]  # a place, and the tags from there to a field

# Fields that unite several: a batch's account is its IBAN or its number.
_UNITED = {"account": ("iban", "number"), "agent": ("agent_bic", "agent_member")}


@dataclass(frozen=True, slots=True)
class Found:
    """A spot in the file: as much of the way there as exists."""

    trail: tuple[Step, ...]
    line: int
    column: int

    @property
    def xpath(self) -> str:
        """`/Document/…/PmtInf[2]/CdtTrfTxInf[14]/CdtrAcct`: tags without name spaces."""
        return xpath(self.trail)


def xpath(trail: Sequence[Step]) -> str:
    """The way from the root; the first of its name goes without a number unless it is counted."""
    counted = {"PmtInf", "CdtTrfTxInf", "DrctDbtTxInf"}
    return "".join(
        f"/{name}[{number}]" if number > 1 or name in counted else f"/{name}"
        for name, number in trail
    )


def place_of(where: Header | Batch | Payment | None) -> Place:
    """The batch and payment of what a finding is about."""
    if isinstance(where, Payment):
        return where.batch.index, where.index
    return (where.index, 0) if isinstance(where, Batch) else (0, 0)


def spots_of(finding: Finding, kind: Kind) -> Sequence[Spot]:
    """The spots where the finding's field may stand, the likeliest first; the place itself last."""
    place, paths = place_of(finding.where), _paths(finding, kind)
    spots = [(place, tuple(path.partition("@")[0].rstrip("/").split("/"))) for path in paths]
    return [*spots, (place, ())]


def _paths(finding: Finding, kind: Kind) -> Sequence[str]:
    if isinstance(finding.where, Payment):
        known = kind.payment_paths
    elif isinstance(finding.where, Batch):
        known = kind.batch_paths
    else:
        known = kind.header_paths
    fields = _UNITED.get(finding.field, (finding.field,))
    return [path for field in fields for path in known.get(field, ())]


def path_words(finding: Finding, kind: Kind) -> Words | None:
    """The readable place: `batch 2, payment 14 (INV-4711), creditor account`."""
    if finding.where is None:
        return None
    paths = _paths(finding, kind)
    return _joined(_where_words(finding.where), paths[0].split("/") if paths else ())


def trail_words(trail: Sequence[Step], kind: Kind, names: Mapping[Place, Words]) -> Words | None:
    """The same for a place that a schema complains of."""
    batch, payment = place = place_of_trail(trail, kind)
    rest = [name for name, _ in trail[4 if payment else 3 if batch else 2 :]]
    if batch:
        return _joined(names.get(place) or _plain(batch, payment), rest)
    if rest:
        return _joined(TAGS.get(rest[0]) or say("{tag}", tag=rest[0]), rest[1:])
    return say("{tag}", tag=trail[-1][0]) if trail else None


def place_of_trail(trail: Sequence[Step], kind: Kind) -> Place:
    """The batch and payment that a trail leads into."""
    batch = trail[2][1] if len(trail) > 2 and trail[2][0] == "PmtInf" else 0
    inside = batch and len(trail) > 3 and trail[3][0] == kind.payment
    return batch, trail[3][1] if inside else 0


def _where_words(where: Header | Batch | Payment) -> Words:
    if isinstance(where, Header):
        return TAGS["GrpHdr"]
    batch, payment = place_of(where)
    if isinstance(where, Batch):
        return say("batch {batch} ({id})", batch=batch, id=where.id) if where.id else _plain(batch)
    if not where.end_to_end_id:
        return _plain(batch, payment)
    return say(
        "batch {batch}, payment {payment} ({id})",
        batch=batch,
        payment=payment,
        id=where.end_to_end_id,
    )


def _plain(batch: int, payment: int = 0) -> Words:
    if not payment:
        return say("batch {batch}", batch=batch)
    return say("batch {batch}, payment {payment}", batch=batch, payment=payment)


def _joined(place: Words, tags: Sequence[str]) -> Words:
    """The place, the clerk's word for the part, and what the part's part is called."""
    known = [TAGS[tag.partition("@")[0]] for tag in tags if tag.partition("@")[0] in TAGS]
    told = place
    for word in dict.fromkeys([*known[:1], *known[-1:]]):  # an amount's amount is one word
        told = say("{place}, {part}", place=told, part=word)
    return told


def names(chunks: Iterable[Sequence[Payment]], wanted: set[Place]) -> Mapping[Place, Words]:
    """The places of payments and batches in words, ids included, as the rules give them."""
    found: dict[Place, Words] = {}
    missing = {place for place in wanted if place[0]}
    for chunk in chunks if missing else ():
        for payment in chunk:
            for where in (payment, payment.batch):
                place = place_of(where)
                if place in missing and place not in found:
                    found[place] = _where_words(where)
        if len(found) == len(missing):
            break
    return found


def locate(path: Path, kind: Kind, wanted: set[Spot]) -> Mapping[Spot, Found]:
    """Where the spots are that exist, by a pass over the tags that ends with the last of them."""
    search = _Search(kind, wanted)
    for tag in xml.tags(path) if wanted else ():
        if search.follow(tag):
            break
    return search.found


class _Search:
    """Follows the tags; `found` are the wanted spots that have been passed."""

    def __init__(self, kind: Kind, wanted: set[Spot]) -> None:
        self.found: dict[Spot, Found] = {}
        self._kind = kind
        self._wanted = wanted
        self._places = {place for place, _ in wanted}
        self._last = max(self._places, default=(0, 0))
        self._trail = Trail()
        self._depth = self._batch = self._payment = 0
        self._inside = False  # a payment

    def follow(self, tag: xml.Tag) -> bool:
        """True when nothing that is wanted can come any more."""
        self._trail.follow(tag)
        self._depth += 1 if tag.start else -1
        if not tag.start:
            return False
        name = tag.name.rpartition("}")[2]
        if self._depth == 3:
            self._batch, self._payment = self._batch + (name == "PmtInf"), 0
        elif self._depth == 4 and name == self._kind.payment:
            self._payment += 1
        self._note(tag, name)
        return (self._batch, self._payment) > self._last

    def _note(self, tag: xml.Tag, name: str) -> None:
        place = self._place(name)
        if place not in self._places:
            return
        below = 4 if place[1] else 3
        steps = self._trail.steps
        spot = (place, tuple(step for step, _ in steps[below:]))
        if len(steps) >= below and spot in self._wanted and spot not in self.found:
            self.found[spot] = Found(steps, tag.line, tag.column)

    def _place(self, name: str) -> Place:
        """Of the tag that begins here."""
        if self._depth == 3:
            self._inside = False
            return self._batch if name == "PmtInf" else 0, 0
        if self._depth == 4:
            self._inside = name == self._kind.payment
        return self._batch, self._payment if self._inside else 0
