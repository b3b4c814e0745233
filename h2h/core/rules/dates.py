"""Dates: a requested execution date is not past. It is reported, never shifted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from h2h.core.problem import Problem, Severity
from h2h.core.rules.rule import BatchTotals, Finding, Rule, Terms
from h2h.core.words import Words, say


class ExecutionDatePast(Rule):
    """The requested execution date is today or later, but for the tolerance of the bank."""

    id = "execution-date-past"
    severity = Severity.WARN
    code = "DT01"
    source = "ISO 20022: RequestedExecutionDate, RequestedCollectionDate"
    remedy = say("Ask the bank whether it executes at once, or write the file with a new date.")

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        requested = totals.batch.requested_execution_date
        if requested is not None and (words := self.fault(requested)):
            yield Finding(
                totals.batch, "requested_execution_date", words, str(requested), str(self.today)
            )

    def fault(self, requested: date) -> Words | None:
        """What is wrong with the date, in words; None when nothing is."""
        days = (self.today - requested) // timedelta(days=1)
        if days <= self.terms.past_date_tolerance:
            return None
        return say(
            "execution is asked for on {requested}, {days} days ago (today is {today})",
            requested=requested,
            days=days,
            today=self.today,
        )


def judge_dates(execution_dates: Iterable[date], terms: Terms, today: date) -> tuple[Problem, ...]:
    """The date rule over dates alone, for a file that waited since its check."""
    rule = ExecutionDatePast(terms, today)
    severity = rule.severity_by(terms)
    faults = (rule.fault(requested) for requested in sorted(set(execution_dates)))
    return tuple(
        Problem(rule.id, severity, words, rule.remedy, code=rule.code) for words in faults if words
    )
