"""The figures that a file declares of itself: how many payments, and their sum.

Both may stand in the header and in each batch. The control sum is the total of all amounts whatever
their currency: a hash total against lost and altered payments.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from h2h.core.money import plain
from h2h.core.payment import Batch, Header
from h2h.core.rules.rule import Again, BatchTotals, Finding, Rule, Tally
from h2h.core.words import say

_ISO = "ISO 20022 pain.001 and pain.008: "


class NumberOfTransactions(Rule):
    """The declared number of payments is the number there is."""

    id = "number-of-transactions"
    code = "AM18"
    source = _ISO + "NumberOfTransactions, in the group header and in each batch"
    remedy = say(
        "Find the payments that are missing or too many at the source; write the file again."
    )

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        yield from _compare_count(totals.batch, totals.transactions)

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del again
        yield from _compare_count(header, tally.transactions)


class ControlSum(Rule):
    """The declared control sum is the sum there is, exactly."""

    id = "control-sum"
    code = "AM10"
    source = _ISO + "ControlSum, in the group header and in each batch"
    remedy = say("Find the amount that was lost or altered at the source; write the file again.")

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        yield from _compare_sum(totals.batch, totals.control_sum)

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        yield from _compare_sum(header, tally.control_sum)
        if tally.control_sum.is_nan():
            yield from _no_sum(again)


class NoPayments(Rule):
    """A payment file holds at least one payment."""

    id = "no-payments"
    code = "AM18"
    source = _ISO + "at least one transaction in a batch"
    remedy = say(
        "Nothing is to be paid: do not send the file, or write it again with its payments."
    )

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del header, again
        if tally.transactions == 0:
            yield Finding(None, "", say("the file contains no payment"))


def _no_sum(again: Again) -> Iterator[Finding]:
    """The first amount that is none: whatever a schema says to it, nothing can be added up."""
    for chunk in again():
        for at, amount in enumerate(chunk.amounts):
            if amount.is_nan():
                text = chunk.columns.amount[at]
                words = say("the amount “{text}” is none, so there is no sum of them", text=text)
                yield Finding(chunk[at], "amount", words, text)
                return


def _compare_count(where: Header | Batch, found: int) -> Iterator[Finding]:
    declared = where.transactions
    if declared is not None and declared != found:
        words = say(
            "declares {declared} payments, but contains {found}", declared=declared, found=found
        )
        yield Finding(where, "transactions", words, str(declared), str(found))


def _compare_sum(where: Header | Batch, found: Decimal) -> Iterator[Finding]:
    declared = where.control_sum
    if declared is not None and not found.is_nan() and declared != found:
        words = say(
            "declares a control sum of {declared}, but the amounts add up to {found}",
            declared=plain(declared),
            found=plain(found),
        )
        yield Finding(where, "control_sum", words, plain(declared), plain(found))
