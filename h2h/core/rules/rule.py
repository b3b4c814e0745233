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
from operator import attrgetter
from typing import ClassVar, NamedTuple, Protocol

from h2h.core.money import total
from h2h.core.payment import Batch, Header, Payment
from h2h.core.problem import Problem, Severity


class _Account(Protocol):
    @property
    def number(self) -> str: ...


class Terms(Protocol):
    """What was agreed about outgoing files (`h2h.ports.CheckTerms`), as far as rules need it."""

    @property
    def accounts(self) -> Sequence[_Account] | None: ...
    @property
    def severities(self) -> Mapping[str, Severity]: ...
    @property
    def past_date_tolerance(self) -> int: ...


class Finding(NamedTuple):
    """What a rule found: where (None: the file as a whole), in which field, and words."""

    where: Header | Batch | Payment | None
    field: str
    message: str

    @property
    def path(self) -> str | None:
        """The readable place: `batch 2, payment 14 (INV-4711), creditor account`."""
        if self.where is None:
            return None
        place = "group header" if isinstance(self.where, Header) else self.where.place
        return f"{place}, {self.field}" if self.field else place


@dataclass(frozen=True, slots=True)
class BatchTotals:
    """A batch that has ended, and what it really contains."""

    batch: Batch
    transactions: int
    control_sum: Decimal


class Tally:
    """Counts and exact sums of what a file really contains."""

    def __init__(self) -> None:
        self.transactions = 0
        self.by_currency: dict[str, Decimal] = {}
        self._open: BatchTotals | None = None

    def add(self, payments: Sequence[Payment]) -> Iterator[BatchTotals]:
        """Count a chunk; yields each batch that it brings to its end."""
        for batch, group in groupby(payments, attrgetter("batch")):
            members = list(group)
            if self._open is not None and self._open.batch is not batch:
                yield self._open
                self._open = None
            self._count(batch, members)

    def end(self) -> Iterator[BatchTotals]:
        """The last batch, when no more payments come."""
        if self._open is not None:
            yield self._open

    @property
    def control_sum(self) -> Decimal:
        """The hash total: all amounts, whatever their currency."""
        return total(self.by_currency.values())

    def _count(self, batch: Batch, members: list[Payment]) -> None:
        for currency in {payment.currency for payment in members}:
            amounts = (payment.amount for payment in members if payment.currency == currency)
            before = self.by_currency.get(currency, Decimal(0))
            self.by_currency[currency] = total((before, *amounts))
        self.transactions += len(members)
        count, before = (
            (self._open.transactions, self._open.control_sum) if self._open else (0, Decimal(0))
        )
        amounts = (payment.amount for payment in members)
        self._open = BatchTotals(batch, count + len(members), total((before, *amounts)))


class Rule:
    """One thing that is demanded of a payment file. A subclass speaks at the moments it needs."""

    id: ClassVar[str]
    severity: ClassVar[Severity] = Severity.ERROR
    remedy: ClassVar[str]

    def __init__(self, terms: Terms, today: date) -> None:
        self.terms = terms
        self.today = today

    def payments(self, payments: Sequence[Payment]) -> Iterable[Finding]:
        """What is wrong with the payments of this chunk."""
        del payments
        return ()

    def batch(self, totals: BatchTotals) -> Iterable[Finding]:
        """What is wrong with a batch as a whole."""
        del totals
        return ()

    def file(
        self, header: Header, tally: Tally, again: Callable[[], Iterable[Sequence[Payment]]]
    ) -> Iterable[Finding]:
        """What is wrong with the file as a whole; `again` reads its payments once more."""
        del header, tally, again
        return ()

    def problem(self, finding: Finding) -> Problem:
        """The finding with this rule's name, remedy, and the severity agreed for it."""
        severity = self.terms.severities.get(self.id, self.severity)
        return Problem(self.id, severity, finding.message, self.remedy, finding.path)
