"""Banks: a BIC has the form of ISO 9362 and names a country that exists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from stdnum import bic as registry
from stdnum.exceptions import InvalidComponent, ValidationError

from h2h.core.payment import Payment
from h2h.core.rules.rule import BatchTotals, Finding, Rule


@lru_cache(maxsize=4096)
def bic_fault(bic: str) -> str | None:
    """What is wrong with a BIC, in words; None when nothing is."""
    try:
        if registry.validate(bic) == bic:
            return None
    except InvalidComponent:
        return f"{bic} names no country with its fifth and sixth letter ({bic[4:6]})"
    except ValidationError:
        pass
    return f"{bic} is not a BIC: 4 letters, 2 for the country, 2 for the place, 3 for a branch"


class Bic(Rule):
    """Every BIC is possible."""

    id = "bic"
    remedy = "Correct the BIC in the master data; leave it out where the IBAN is enough."

    def payments(self, payments: Sequence[Payment]) -> Iterator[Finding]:
        for payment in payments:
            if payment.creditor_bic and (fault := bic_fault(payment.creditor_bic)):
                yield Finding(payment, "creditor agent", fault)

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        bic = totals.batch.debtor_bic
        if bic and (fault := bic_fault(bic)):
            yield Finding(totals.batch, "debtor agent", fault)
