"""Identities: one EndToEndId names one payment of the file."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import islice, pairwise

from h2h.core.demands import Demands
from h2h.core.payment import NOT_PROVIDED, Chunk, Header
from h2h.core.problem import Severity
from h2h.core.rules.rule import Again, Finding, Rule, Tally, Terms
from h2h.core.words import say

_SHELVES = 256
_LOOKED_UP = 1000  # repeated ids whose places are named


class Repeated:
    """Finds texts that come twice among millions.

    A set of a million ids takes 122 MB, so only their 64-bit hashes are kept, on shelves that are
    sorted one by one; what looks repeated must be read again and compared in full.
    """

    def __init__(self) -> None:
        self._shelves = [array("q") for _ in range(_SHELVES)]

    def add(self, texts: Iterable[str]) -> None:
        """Remember some more."""
        shelves = self._shelves
        for key in map(hash, texts):
            shelves[key & 255].append(key)

    def suspects(self) -> frozenset[int]:
        """The hashes that came more than once, the first thousand of them."""
        return frozenset(islice(self._repeated(), _LOOKED_UP))

    def _repeated(self) -> Iterator[int]:
        for shelf in self._shelves:
            yield from (key for key, following in pairwise(sorted(shelf)) if key == following)


class RepeatedEndToEndId(Rule):
    """No EndToEndId comes twice: the status report and the statement could not tell them apart."""

    id = "end-to-end-id"
    severity = Severity.WARN
    code = "AM05"
    source = "ISO 20022: EndToEndIdentification; NOTPROVIDED is exempt"
    remedy = say(
        "Give each payment an id of its own, or make sure that this one is not paid twice."
    )

    def __init__(self, terms: Terms, today: date) -> None:
        super().__init__(terms, today)
        self._ids = Repeated()

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterable[Finding]:
        del demands
        self._ids.add(name for name in chunk.columns.end_to_end_id if name and name != NOT_PROVIDED)
        return ()

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del header, tally
        suspects = self._ids.suspects()
        first: dict[str, str] = {}
        for chunk in again() if suspects else ():
            for at, name in enumerate(chunk.columns.end_to_end_id):
                if hash(name) not in suspects:
                    continue
                if name in first:
                    words = say(
                        "the EndToEndId {id} was given before, in {first}",
                        id=name,
                        first=first[name],
                    )
                    yield Finding(chunk[at], "end_to_end_id", words, name)
                else:
                    payment = chunk[at]
                    first[name] = say(
                        "batch {batch}, payment {payment}",
                        batch=payment.batch.index,
                        payment=payment.index,
                    )
