"""Banks: a BIC has the form of ISO 9362 and names a country that exists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from stdnum import bic as registry
from stdnum.exceptions import InvalidComponent, ValidationError

from h2h.core.demands import Demands
from h2h.core.payment import Chunk
from h2h.core.rules.rule import BatchTotals, Finding, Rule
from h2h.core.words import Words, say


@lru_cache(maxsize=4096)
def bic_fault(bic: str) -> Words | None:
    """What is wrong with a BIC, in words; None when nothing is."""
    try:
        if registry.validate(bic) == bic:
            return None
    except InvalidComponent:
        return say(
            "{bic} names no country with its fifth and sixth letter ({country})",
            bic=bic,
            country=bic[4:6],
        )
    except ValidationError:
        pass
    return say(
        "{bic} is not a BIC: 4 letters, 2 for the country, 2 for the place, 3 for a branch",
        bic=bic,
    )


class Bic(Rule):
    """Every BIC is possible."""

    id = "bic"
    code = "RC01"
    source = "ISO 9362; the country by ISO 3166-1"
    remedy = say("Correct the BIC in the master data; leave it out where the IBAN is enough.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        for field in ("agent_bic", "intermediary_bic"):
            column: Sequence[str] = getattr(chunk.columns, field)
            faults = {bic: fault for bic in set(column) if bic and (fault := bic_fault(bic))}
            for at, bic in enumerate(column) if faults else ():
                if bic in faults:
                    yield Finding(chunk[at], field, faults[bic], bic)

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        bic = totals.batch.agent.bic
        if bic and (fault := bic_fault(bic)):
            yield Finding(totals.batch, "agent", fault, bic)
