"""Dates: a requested execution date is not past. It is reported, never shifted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from h2h.core.problem import Problem, Severity
from h2h.core.rules.rule import BatchTotals, Finding, Rule, Terms


class ExecutionDatePast(Rule):
    """The requested execution date is today or later, but for the tolerance of the bank."""

    id = "execution-date-past"
    severity = Severity.WARN
    remedy = "Ask the bank whether it executes at once, or write the file with a new date."

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        requested = totals.batch.requested_execution_date
        if requested is not None and (words := self.fault(requested)):
            yield Finding(totals.batch, "requested execution date", words)

    def fault(self, requested: date) -> str | None:
        """What is wrong with the date, in words; None when nothing is."""
        days = (self.today - requested) // timedelta(days=1)
        if days <= self.terms.past_date_tolerance:
            return None
        ago = "yesterday" if days == 1 else f"{days} days ago"
        return f"execution is asked for on {requested}, {ago} (today is {self.today})"


def judge_dates(execution_dates: Iterable[date], terms: Terms, today: date) -> tuple[Problem, ...]:
    """The date rule over dates alone, for a file that waited since its check."""
    rule = ExecutionDatePast(terms, today)
    faults = (rule.fault(requested) for requested in sorted(set(execution_dates)))
    return tuple(rule.problem(Finding(None, "", words)) for words in faults if words)
