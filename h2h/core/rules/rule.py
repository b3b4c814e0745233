"""What a rule is: an id, a severity, a remedy, and three moments at which it may speak.

The payments of a file come in chunks, so that a file of a million is judged in flat memory; a batch
is shown when its last payment has been seen, the file when everything has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import ClassVar, NamedTuple

from h2h.core.demands import Demands
from h2h.core.money import total
from h2h.core.payment import Batch, Chunk, Columns, Execution, Header, Payment
from h2h.core.problem import Severity
from h2h.core.terms import CheckTerms
from h2h.core.words import Words

Again = Callable[[], Iterable[Chunk]]


class Finding(NamedTuple):
    """What a rule found.

    `where` None is the file as a whole. `field` is a field of Columns for a payment, of Batch or
    Header for those, or ""; it decides the path's last word and the XPath. `found` and `expected`
    are values or short words. `code` is the reason a bank would give where it is not the rule's
    usual one.
    """

    where: Header | Batch | Payment | None
    field: str
    message: Words
    found: str = ""
    expected: str = ""
    code: str = ""


class Sides(NamedTuple):
    """Reason codes of which the debtor and the creditor have one each."""

    debtor: str
    creditor: str

    def ours(self, batch: Batch) -> str:
        """The code for our side of a batch, whose account it runs on."""
        return self.creditor if batch.collection else self.debtor

    def theirs(self, batch: Batch) -> str:
        """The code for the counterparties of a batch."""
        return self.debtor if batch.collection else self.creditor


@dataclass(frozen=True, slots=True)
class BatchTotals:
    """A batch that has ended, and what it really contains."""

    batch: Batch
    transactions: int
    by_currency: Mapping[str, Decimal]
    executions: frozenset[Execution] = frozenset()

    @property
    def control_sum(self) -> Decimal:
        """The hash total: all amounts, whatever their currency."""
        return total(self.by_currency.values())


class Tally:
    """Counts and exact sums of what a file really contains."""

    def __init__(self) -> None:
        self.transactions = 0
        self.by_currency: dict[str, Decimal] = {}
        self.executions: set[Execution] = set()
        self._open: BatchTotals | None = None

    def add(self, chunk: Chunk) -> Iterator[BatchTotals]:
        """Count a chunk; yields each batch that it brings to its end."""
        at = 0
        for batch, group in groupby(chunk.batches):  # one batch is one object
            count = sum(1 for _ in group)
            if self._open is not None and self._open.batch is not batch:
                yield self._open
                self._open = None
            self._count(batch, chunk, slice(at, at + count))
            at += count

    def end(self) -> Iterator[BatchTotals]:
        """The last batch, when no more payments come."""
        if self._open is not None:
            yield self._open

    @property
    def control_sum(self) -> Decimal:
        """The hash total: all amounts, whatever their currency."""
        return total(self.by_currency.values())

    def _count(self, batch: Batch, chunk: Chunk, part: slice) -> None:
        sums = _sums(chunk.columns.currency[part], chunk.amounts[part])
        executions = _executions(batch, chunk.columns, part)
        self.transactions += part.stop - part.start
        self.by_currency = _together(self.by_currency, sums)
        self.executions |= executions
        before = self._open or BatchTotals(batch, 0, {})
        self._open = BatchTotals(
            batch,
            before.transactions + part.stop - part.start,
            _together(before.by_currency, sums),
            before.executions | executions,
        )


def _executions(batch: Batch, columns: Columns, part: slice) -> frozenset[Execution]:
    """Those of some payments of a batch; what a payment says of itself goes before its batch."""
    day = batch.requested_execution_date
    if day is None:
        return frozenset()
    currencies = columns.currency[part]
    levels, instruments = columns.service_level[part], columns.local_instrument[part]
    kinds = {(currency, "", "") for currency in set(currencies)}
    if any(levels) or any(instruments):
        kinds = set(zip(currencies, levels, instruments, strict=True))
    return frozenset(
        Execution(day, currency, level or batch.service_level, instrument or batch.local_instrument)
        for currency, level, instrument in kinds
    )


def _sums(currencies: Sequence[str], amounts: Sequence[Decimal]) -> Mapping[str, Decimal]:
    kinds = set(currencies)
    if len(kinds) == 1:
        return {currencies[0]: total(amounts)}
    pairs = [*zip(currencies, amounts, strict=True)]
    return {kind: total(amount for each, amount in pairs if each == kind) for kind in kinds}


def _together(before: Mapping[str, Decimal], more: Mapping[str, Decimal]) -> dict[str, Decimal]:
    zero = Decimal(0)
    return {
        kind: total((before.get(kind, zero), more.get(kind, zero))) for kind in {**before, **more}
    }


def agreed_severity(terms: CheckTerms, rule: str, usual: Severity) -> Severity:
    """What was agreed for a rule id with the bank, else in its profile, else the usual."""
    return terms.severities.get(rule, terms.profile.severities.get(rule, usual))


class Rule:
    """One thing that is demanded of a payment file. A subclass speaks at the moments it needs.

    `code` is the ISO reason a bank would give (ExternalStatusReason1Code), `source` names where the
    demand comes from; both stand in the list of rules in the documentation, with the class's first
    line of documentation and the remedy.
    """

    id: ClassVar[str]
    severity: ClassVar[Severity] = Severity.ERROR
    code: ClassVar[str]
    source: ClassVar[str]
    remedy: ClassVar[Words]

    def __init__(self, terms: CheckTerms, today: date) -> None:
        self.terms = terms
        self.today = today

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterable[Finding]:
        """What is wrong with the payments of this chunk; `demands` are those on each."""
        del chunk, demands
        return ()

    def batch(self, totals: BatchTotals) -> Iterable[Finding]:
        """What is wrong with a batch as a whole."""
        del totals
        return ()

    def file(self, header: Header, tally: Tally, again: Again) -> Iterable[Finding]:
        """What is wrong with the file as a whole; `again` reads its payments once more."""
        del header, tally, again
        return ()

    @classmethod
    def severity_by(cls, terms: CheckTerms) -> Severity:
        """What was agreed for this rule with the bank, else in its profile, else the usual."""
        return agreed_severity(terms, cls.id, cls.severity)
