"""Characters: what the scheme or the bank takes, with the place of what it does not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from h2h.core.demands import Demands, spans
from h2h.core.payment import LINE, Address, Batch, Chunk, Header, Texts
from h2h.core.rules.rule import Again, BatchTotals, Finding, Rule, Tally
from h2h.core.words import Words, say

_ADDRESS = ("town", "address_lines", "address_parts")
_IDS = ("instruction_id", "end_to_end_id", "mandate_id", "reference")
_TEXTS = (
    *_IDS,
    "name",
    *_ADDRESS,
    "number",
    "remittance",
    "regulatory_information",
    *(f"{bank}_{field}" for bank in ("agent", "intermediary") for field in ("member", *_ADDRESS)),
    "agent_name",
    *(
        name
        for party in ("ultimate_debtor", "ultimate_creditor")
        for name in (party, *(f"{party}_{field}" for field in _ADDRESS))
    ),
)
_SEVERAL = frozenset(  # fields that may come several times, joined by LINE
    name
    for name in (*_TEXTS, "ultimate_address_lines", "ultimate_address_parts")
    if name.endswith(("address_lines", "address_parts", "reference", "remittance", "information"))
)


class Alphabet:
    """The characters that are taken; `characters` is the inside of a regular expression's class.

    `field` decides whether LINE may stand between texts that come several times.
    """

    def __init__(self, characters: str) -> None:
        self._known = re.compile(f"[{characters}]*")
        self._strange = re.compile(f"[^{characters}]")
        self._ascii = "".join(filter(self._known.fullmatch, map(chr, range(128)))).encode()

    def knows(self, field: str, column: Texts) -> bool:
        """Are all characters of a column taken? Plain ASCII is told at a nanosecond each."""
        joined = "".join(column)
        if joined.isascii():
            between = LINE.encode() if field in _SEVERAL else b""
            return not joined.encode().translate(None, self._ascii + between)
        if field in _SEVERAL:
            joined = joined.replace(LINE, "")
        return self._known.fullmatch(joined) is not None

    def stranger(self, field: str, text: str) -> re.Match[str] | None:
        """The first character that is not taken."""
        between = LINE if field in _SEVERAL else None
        return next((each for each in self._strange.finditer(text) if each[0] != between), None)


_alphabet = lru_cache(maxsize=64)(Alphabet)  # a profile has a few


class Characters(Rule):
    """All texts that reach the bank are written in the characters that it takes."""

    id = "characters"
    code = "RR10"
    source = "the scheme's profile; SEPA: EPC217-08, the Latin set"
    remedy = say("Write it with the letters that the bank takes, e.g. ue for ü.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        for wanted, places in spans(demands):
            if not wanted.characters:
                continue
            letters = _alphabet(wanted.characters)
            for field in filter(chunk.filled.__contains__, _TEXTS):
                column: Texts = getattr(chunk.columns, field)
                for at in () if letters.knows(field, column) else places:
                    if stranger := letters.stranger(field, column[at]):
                        yield Finding(chunk[at], field, *_told(stranger))

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        characters = self.terms.profile.of(totals.batch).characters
        if characters:
            yield from _strangers(totals.batch, characters, _texts_of(totals.batch))

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del tally, again
        texts = (("message_id", header.message_id), ("party_name", header.party_name))
        if characters := self.terms.profile.demands.characters:
            yield from _strangers(header, characters, texts)


def _strangers(
    where: Batch | Header, characters: str, texts: Iterable[tuple[str, str]]
) -> Iterator[Finding]:
    letters = _alphabet(characters)
    for field, text in texts:
        if stranger := letters.stranger(field, text):
            yield Finding(where, field, *_told(stranger))


def _texts_of(batch: Batch) -> Iterator[tuple[str, str]]:
    yield from (("id", batch.id), ("name", batch.name), ("ultimate_name", batch.ultimate_name))
    yield from (("agent_name", batch.agent.name), ("agent_member", batch.agent.member))
    yield ("creditor_scheme_id", batch.creditor_scheme_id)
    for prefix, address in (
        ("", batch.address),
        ("ultimate_", batch.ultimate_address),
        ("agent_", batch.agent.address),
    ):
        yield from _texts_of_address(prefix, address)


def _texts_of_address(prefix: str, address: Address) -> Iterator[tuple[str, str]]:
    yield f"{prefix}town", address.town
    yield f"{prefix}address_lines", address.lines
    yield f"{prefix}address_parts", address.parts


def _told(stranger: re.Match[str]) -> tuple[Words, str]:
    """A character that is not taken, in words, and as it was found."""
    text, start = stranger.string, stranger.start()
    line_start = text.rfind(LINE, 0, start) + 1
    line = text[line_start:].partition(LINE)[0]
    found = f"U+{ord(stranger[0]):04X}"
    if stranger[0].isprintable() and not stranger[0].isspace():
        found = f"{stranger[0]} ({found})"
    words = say(
        "the character {character} at position {position} is not taken: {text}",
        character=found,
        position=start - line_start + 1,
        text=line,
    )
    return words, found


class Slashes(Rule):
    """Ids neither begin nor end with a slash, nor have two together, where the scheme says so."""

    id = "id-slashes"
    code = "CH16"
    source = "EPC217-08, SEPA requirements for an extended character set: identifications"
    remedy = say("Give the id without slashes at its ends, and no two together.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        for wanted, places in spans(demands):
            for field in chunk.filled.intersection(_IDS) if wanted.plain_ids else ():
                column: Texts = getattr(chunk.columns, field)
                for at in places if _slashed(column) else ():
                    if words := _slashes_fault(column[at]):
                        yield Finding(chunk[at], field, words, column[at])

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        batch = totals.batch
        if self.terms.profile.of(batch).plain_ids:
            for field, text in (("id", batch.id), ("creditor_scheme_id", batch.creditor_scheme_id)):
                if words := _slashes_fault(text):
                    yield Finding(batch, field, words, text)

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del tally, again
        if self.terms.profile.demands.plain_ids and (words := _slashes_fault(header.message_id)):
            yield Finding(header, "message_id", words, header.message_id)


def _slashed(column: Texts) -> bool:
    """May one of them be wrong?"""
    joined = LINE.join(["", *column, ""])
    return "/" in joined and any(each in joined for each in ("//", f"{LINE}/", f"/{LINE}"))


def _slashes_fault(ids: str) -> Words | None:
    for each in ids.split(LINE):
        if each.startswith("/") or each.endswith("/"):
            return say("{id} begins or ends with a slash", id=each)
        if "//" in each:
            return say("{id} has two slashes together", id=each)
    return None
