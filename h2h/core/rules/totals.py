"""The figures that a file declares of itself: how many payments, and their sum.

Both may stand in the header and in each batch. The control sum is the total of all amounts whatever
their currency: a hash total against lost and altered payments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal

from h2h.core.money import plain
from h2h.core.payment import Batch, Header, Payment
from h2h.core.rules.rule import BatchTotals, Finding, Rule, Tally


class NumberOfTransactions(Rule):
    """The declared number of payments is the number there is."""

    id = "number-of-transactions"
    remedy = "Find the payments that are missing or too many at the source; write the file again."

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        yield from _compare_count(totals.batch, totals.transactions)

    def file(
        self, header: Header, tally: Tally, again: Callable[[], Iterable[Sequence[Payment]]]
    ) -> Iterator[Finding]:
        del again
        yield from _compare_count(header, tally.transactions)


class ControlSum(Rule):
    """The declared control sum is the sum there is, exactly."""

    id = "control-sum"
    remedy = "Find the amount that was lost or altered at the source; write the file again."

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        yield from _compare_sum(totals.batch, totals.control_sum)

    def file(
        self, header: Header, tally: Tally, again: Callable[[], Iterable[Sequence[Payment]]]
    ) -> Iterator[Finding]:
        del again
        yield from _compare_sum(header, tally.control_sum)


class NoPayments(Rule):
    """A payment file holds at least one payment."""

    id = "no-payments"
    remedy = "Nothing is to be paid: do not send the file, or write it again with its payments."

    def file(
        self, header: Header, tally: Tally, again: Callable[[], Iterable[Sequence[Payment]]]
    ) -> Iterator[Finding]:
        del header, again
        if tally.transactions == 0:
            yield Finding(None, "", "the file contains no payment")


def _compare_count(where: Header | Batch, found: int) -> Iterator[Finding]:
    if where.transactions is not None and where.transactions != found:
        words = f"declares {where.transactions} payments, but contains {found}"
        yield Finding(where, "number of transactions", words)


def _compare_sum(where: Header | Batch, found: Decimal) -> Iterator[Finding]:
    declared = where.control_sum
    if declared is not None and not found.is_nan() and declared != found:
        words = f"declares a control sum of {plain(declared)}, but the amounts add up to "
        yield Finding(where, "control sum", words + plain(found))
