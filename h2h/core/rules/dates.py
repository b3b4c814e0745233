"""Dates: a requested execution date is not past, the bank works on it, and it is not too late.

What is found is reported; a date is never shifted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import NamedTuple

from h2h.core.calendar import business_day_before, is_business_day
from h2h.core.demands import Demands
from h2h.core.payment import Execution
from h2h.core.problem import Problem, Severity
from h2h.core.rules.rule import BatchTotals, Finding, Rule
from h2h.core.terms import CheckTerms
from h2h.core.words import Words, say

_ISO = "ISO 20022: RequestedExecutionDate, RequestedCollectionDate"


class Fault(NamedTuple):
    """What is wrong with a date, and what would not be."""

    message: Words
    expected: str


class DateRule(Rule):
    """A rule that needs no more than the executions of a file, so that it can judge a file again
    which has waited since its check."""

    def __init__(self, terms: CheckTerms, today: date) -> None:
        super().__init__(terms, today)
        self._known: dict[Execution, Fault | None] = {}

    def fault(self, execution: Execution) -> Fault | None:
        """What is wrong with it; None when nothing is."""
        raise NotImplementedError

    def faults(self, executions: Iterable[Execution]) -> Iterator[tuple[Execution, Fault]]:
        """What is wrong with some of them, each thing once."""
        told: set[Fault] = set()
        for execution in sorted(executions):
            if execution not in self._known:
                self._known[execution] = self.fault(execution)
            fault = self._known[execution]
            if fault is not None and fault not in told:
                told.add(fault)
                yield execution, fault

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        for execution, fault in self.faults(totals.executions):
            yield Finding(
                totals.batch,
                "requested_execution_date",
                fault.message,
                str(execution.day),
                fault.expected,
            )


class ExecutionDatePast(DateRule):
    """The requested execution date is today or later, but for the tolerance of the bank."""

    id = "execution-date-past"
    severity = Severity.WARN
    code = "DT01"
    source = _ISO
    remedy = say("Ask the bank whether it executes at once, or write the file with a new date.")

    def fault(self, execution: Execution) -> Fault | None:
        days = (self.today - execution.day) // timedelta(days=1)
        if days <= self.terms.past_date_tolerance:
            return None
        words = say(
            "execution is asked for on {requested}, {days} days ago (today is {today})",
            requested=execution.day,
            days=days,
            today=self.today,
        )
        return Fault(words, str(self.today))


class ExecutionDateHoliday(DateRule):
    """The bank works on the requested execution date, where the scheme keeps business days."""

    id = "execution-date-holiday"
    severity = Severity.WARN
    code = "DT03"
    source = f"{_ISO}; the bank's calendar"
    remedy = say(
        "Expect the next business day, or write the file with a day on which the bank works."
    )

    def fault(self, execution: Execution) -> Fault | None:
        calendar, day = self.terms.calendar, execution.day
        if not calendar or not _demands(self.terms, execution).business_days:
            return None
        if is_business_day(day, calendar):
            return None
        words = say(
            "{requested} is no business day of the bank (calendar {calendar})",
            requested=day,
            calendar=calendar,
        )
        return Fault(words, "")


class ExecutionDateFar(DateRule):
    """The requested execution date is not farther ahead than the scheme takes."""

    id = "execution-date-far"
    code = "CH03"
    source = f"{_ISO}; the scheme's longest time ahead"
    remedy = say("Send the file later, or write it with an earlier date.")

    def fault(self, execution: Execution) -> Fault | None:
        most = _demands(self.terms, execution).days_ahead
        days = (execution.day - self.today) // timedelta(days=1)
        if not most or days <= most:
            return None
        words = say(
            "execution is asked for on {requested}, {days} days ahead; at most {most} are taken",
            requested=execution.day,
            days=days,
            most=most,
        )
        return Fault(words, str(self.today + timedelta(days=most)))


class AfterCutOff(DateRule):
    """The file comes before the cut-off of its execution date, as agreed with the bank."""

    id = "after-cut-off"
    severity = Severity.WARN
    code = "TM01"
    source = "`cut_offs` of the configuration"
    remedy = say(
        "Expect a later execution, or agree with the bank; the next file may ask for a later date."
    )

    def fault(self, execution: Execution) -> Fault | None:
        now, cut_off = self.terms.now, self._cut_off(execution)
        if now is None or cut_off is None or now < cut_off:
            return None
        words = say(
            "the cut-off for execution on {requested} was {cut_off}; now it is {now}",
            requested=execution.day,
            cut_off=_told(cut_off),
            now=_told(now),
        )
        return Fault(words, _told(cut_off))

    def _cut_off(self, execution: Execution) -> datetime | None:
        """The moment in the bank's zone; a day that is past can only be executed today."""
        terms, demands = self.terms, _demands(self.terms, execution)
        if not terms.cut_offs or terms.now is None or not demands.cut_off:
            return None
        names = {demands.scheme, execution.service_level, execution.local_instrument} - {""}
        for each in terms.cut_offs:
            if each.fits(names, execution.currency):
                day = max(execution.day, self.today)
                last = business_day_before(day, each.days_before, terms.calendar)
                return datetime.combine(last, each.until, terms.now.tzinfo)
        return None


DATE_RULES = (ExecutionDatePast, ExecutionDateHoliday, ExecutionDateFar, AfterCutOff)


def judge_dates(
    executions: Iterable[Execution], terms: CheckTerms, today: date
) -> tuple[Problem, ...]:
    """The date rules over what is kept of a file that has waited since its check."""
    kept = [*executions]
    return tuple(
        Problem(
            rule.id,
            rule.severity_by(terms),
            fault.message,
            rule.remedy,
            code=rule.code,
            found=str(execution.day),
            expected=fault.expected or None,
        )
        for rule in (each(terms, today) for each in DATE_RULES)
        for execution, fault in rule.faults(kept)
    )


def _demands(terms: CheckTerms, execution: Execution) -> Demands:
    return terms.profile.by(execution.service_level, execution.local_instrument)


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
