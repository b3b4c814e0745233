"""Limits: the largest payment, the most payments, and the sums that a bank takes in a file and day.

Limits are by currency: sums of different currencies are never compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from h2h.core.demands import Demands, spans
from h2h.core.money import plain, total
from h2h.core.payment import Chunk, Header
from h2h.core.problem import Problem, Severity
from h2h.core.rules.rule import Again, Finding, Rule, Tally
from h2h.core.terms import CheckTerms
from h2h.core.words import Words, say

_OURS = "`limits` of the configuration, as agreed with the bank"


class LargestPayment(Rule):
    """No payment is larger than the bank or the scheme takes."""

    id = "largest-payment"
    code = "AM02"
    source = f"{_OURS}; the scheme's own largest amount"
    remedy = say("Pay by another scheme, or agree on a higher limit with the bank.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        for wanted, places in spans(demands):
            limits = {
                currency: limit
                for currency in set(chunk.columns.currency)
                if (limit := self._limit(currency, wanted)) is not None
            }
            if limits and _above(chunk.amounts, min(limits.values())):
                yield from _too_large(chunk, places, limits)

    def _limit(self, currency: str, demands: Demands) -> Decimal | None:
        ours = self.terms.limits.get(currency)
        agreed = None if ours is None else ours.payment
        both = [limit for limit in (agreed, demands.largest_payment) if limit is not None]
        return min(both, default=None)


def _above(amounts: Sequence[Decimal], limit: Decimal) -> bool:
    """May one of them be larger?"""
    try:
        return max(amounts) > limit
    except InvalidOperation:  # one is not a number
        return True


def _too_large(
    chunk: Chunk, places: Sequence[int], limits: Mapping[str, Decimal]
) -> Iterator[Finding]:
    for at in places:
        amount, currency = chunk.amounts[at], chunk.columns.currency[at]
        limit = limits.get(currency)
        if limit is not None and not amount.is_nan() and amount > limit:
            words = say(
                "{amount} {currency} is more than the {limit} that one payment may have",
                amount=plain(amount),
                currency=currency,
                limit=plain(limit),
            )
            yield Finding(chunk[at], "amount", words, plain(amount), plain(limit))


class Excess(NamedTuple):
    """What goes beyond a limit of the whole file."""

    message: Words
    found: str
    limit: str


class FileLimit(Rule):
    """A rule that needs no more than the count and the sums of a file, so that it can judge a file
    again which has waited since its check."""

    field = ""

    def excesses(self, transactions: int, sums: Mapping[str, Decimal]) -> Iterator[Excess]:
        """Where the file goes beyond the limit."""
        raise NotImplementedError

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del again
        for message, found, limit in self.excesses(tally.transactions, tally.by_currency):
            yield Finding(header, self.field, message, found, limit)


class MostPayments(FileLimit):
    """A file has no more payments than the bank takes in one."""

    id = "most-payments"
    code = "AM18"
    source = "`most_payments` of the configuration, as agreed with the bank"
    remedy = say("Write several files.")
    field = "transactions"

    def excesses(self, transactions: int, sums: Mapping[str, Decimal]) -> Iterator[Excess]:
        del sums
        most = self.terms.most_payments
        if most is not None and transactions > most:
            words = say(
                "the file has {found} payments; the bank takes {most}",
                found=transactions,
                most=most,
            )
            yield Excess(words, str(transactions), str(most))


class FileTotal(FileLimit):
    """The sum of a file is not more than the bank takes in one."""

    id = "file-total"
    code = "AM14"
    source = _OURS
    remedy = say("Write several files, or agree on a higher limit with the bank.")
    field = "control_sum"

    def excesses(self, transactions: int, sums: Mapping[str, Decimal]) -> Iterator[Excess]:
        del transactions
        for currency, found in sums.items():
            limit = self.terms.limits.get(currency)
            if limit is None or limit.file is None or found.is_nan() or found <= limit.file:
                continue
            words = say(
                "the file's {found} {currency} are more than the {limit} that a file may have",
                found=plain(found),
                currency=currency,
                limit=plain(limit.file),
            )
            yield Excess(words, plain(found), plain(limit.file))


class DayTotal(FileLimit):
    """The sum of a day, with what went before, is not more than the bank takes on one."""

    id = "day-total"
    severity = Severity.HOLD
    code = "AM14"
    source = _OURS
    remedy = say("Release the file on another day, or agree with the bank, then release it.")
    field = "control_sum"

    def excesses(self, transactions: int, sums: Mapping[str, Decimal]) -> Iterator[Excess]:
        del transactions
        for currency, found in sums.items():
            limit = self.terms.limits.get(currency)
            if limit is None or limit.day is None or found.is_nan():
                continue
            gone = self.terms.gone_today.get(currency, Decimal(0))
            day = total((gone, found))
            if day > limit.day:
                words = say(
                    "with {gone} {currency} that went or go today, the file's {found} make {day}; "
                    "the bank takes {limit} a day",
                    gone=plain(gone),
                    currency=currency,
                    found=plain(found),
                    day=plain(day),
                    limit=plain(limit.day),
                )
                yield Excess(words, plain(day), plain(limit.day))


FILE_LIMITS = (MostPayments, FileTotal, DayTotal)


def judge_limits(
    transactions: int, sums: Mapping[str, Decimal], terms: CheckTerms, today: date
) -> tuple[Problem, ...]:
    """The limits over what is kept of a file that has waited since its check."""
    return tuple(
        Problem(
            rule.id,
            rule.severity_by(terms),
            message,
            rule.remedy,
            code=rule.code,
            found=found,
            expected=limit,
        )
        for rule in (each(terms, today) for each in FILE_LIMITS)
        for message, found, limit in rule.excesses(transactions, sums)
    )
