"""Which statements an account should have by now, and which of them are not there.

Only end-of-day statements count: an intraday report or a notification fills no day. The moment is
passed in, and the bank's zone and calendar make days of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from h2h.core.books import Place, flags_after
from h2h.core.calendar import business_date, business_day_after, is_business_day
from h2h.core.money import plain, total
from h2h.core.words import listed, say

LOOK_BACK = timedelta(days=400)  # days before that are no longer asked for
_FIRST_LOOK = timedelta(days=40)  # without any statement: a longer holiday lies within
_DAY = timedelta(days=1)
_LONGEST_NUMBER = 18  # digits, ISO 20022 Number
_MOST_NAMED = 20  # missing numbers listed one by one


@dataclass(frozen=True, slots=True)
class StatementDays:
    """The days of which a bank makes an end-of-day statement. Weekdays count from 0, Monday."""

    weekdays: frozenset[int]
    on_holidays: bool = False  # also of days on which the bank does not work

    def include(self, day: date, calendar: str) -> bool:
        """Is there a statement of `day`?"""
        works = self.on_holidays or is_business_day(day, calendar)
        return day.weekday() in self.weekdays and works


@dataclass(frozen=True, slots=True)
class Expected:
    """What was agreed of an account's statements: of which days, and by when they are here."""

    days: StatementDays
    by: time = time(9)  # in the bank's zone
    days_after: int = 1  # business days after the statement's day
    empty_omitted: bool = False  # a day without movements brings no statement

    def due(self, day: date, calendar: str, zone: ZoneInfo) -> datetime:
        """Until when the statement of `day` is here."""
        arrival = business_day_after(day, self.days_after, calendar)
        return datetime.combine(arrival, self.by, zone)


class Report(NamedTuple):
    """One booked end-of-day statement of an account: where it stands among the others."""

    id: str
    number: str  # the bank's sequence number, "" when it gives none
    period_from: date | None
    as_of: date | None  # the day of its closing balance, else the last one that it covers
    opening: Decimal | None
    closing: Decimal | None

    @property
    def place(self) -> Place:
        """The same as the books judge it."""
        return Place(self.opening, self.closing, self.period_from, self.as_of)


class Gap(NamedTuple):
    """Two statements that follow each other, the second of which does not begin where the first
    one ends."""

    before: Report
    after: Report

    @property
    def difference(self) -> Decimal:
        """What the later opening has more than the earlier closing."""
        return total((_known(self.after.opening), _known(self.before.closing).copy_negate()))

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of the statements between; none where they cannot be told.

        Numbers begin again each January: then those of the old year that follow are not known.
        """
        first, last = _number(self.before), _number(self.after)
        if first is None or last is None:
            return ()
        if last <= first:
            first = 0 if _year(self.before) < _year(self.after) else last
        elif _year(self.before) != _year(self.after):
            return ()  # the rest of the old year, or all since the new one began
        return tuple(range(first + 1, last)) if last - first <= _MOST_NAMED else ()

    def words(self) -> str:
        """The gap in one sentence, with both figures."""
        told = say(
            "no statement between {before} (closing {closing}) and {after} (opening {opening}): "
            "difference {difference}",
            before=_named(self.before),
            closing=plain(_known(self.before.closing)),
            after=_named(self.after),
            opening=plain(_known(self.after.opening)),
            difference=f"{self.difference:+f}",
        )
        numbers = listed(str(number) for number in self.numbers)
        return say("{gap}; missing: {numbers}", gap=told, numbers=numbers) if numbers else told


class Missing(NamedTuple):
    """A statement that should be here: its day, until when it was due, and the gap it left."""

    day: date
    due: datetime
    gap: Gap | None

    def words(self) -> str:
        """Why it is missed, in one sentence."""
        if self.gap is not None:
            return self.gap.words()
        return say("due {due}, and not here", due=f"{self.due:%Y-%m-%d %H:%M}")


class Outlook(NamedTuple):
    """What is missing, what is not due yet: (day, until when), and the days that are told of."""

    missing: tuple[Missing, ...]
    awaited: tuple[tuple[date, datetime], ...]
    covered: frozenset[date]


def outlook(
    expected: Expected, reports: Sequence[Report], calendar: str, zone: ZoneInfo, now: datetime
) -> Outlook:
    """What is missing of an account at the moment `now`; `reports` in the order of the books.

    Nothing is expected before the first statement that came; without any, the newest one due is.
    Where empty statements are omitted, one is missing only where two others do not join.
    """
    today, gaps = business_date(now, zone), gaps_in(reports)
    first = _first_day(reports, today)
    covered = _covered(reports, {gap.after for gap in gaps}, first)
    days = (first + n * _DAY for n in range((today - first).days + 1))
    lacking = [d for d in days if d not in covered and expected.days.include(d, calendar)]
    lost = {day: gap for gap in gaps for day in _days_lost(gap, lacking)}
    suspected: dict[date, Gap | None] = {} if expected.empty_omitted else dict.fromkeys(lacking)
    suspected |= lost
    due = [(day, expected.due(day, calendar, zone)) for day in sorted(suspected)]
    missing = tuple(Missing(day, until, suspected[day]) for day, until in due if until <= now)
    awaited = tuple((day, until) for day, until in due if until > now)
    return Outlook(missing if reports else missing[-1:], awaited, frozenset(covered))


def gaps_in(reports: Sequence[Report]) -> tuple[Gap, ...]:
    """Where the statements of one account do not join."""
    told = [report for report in reports if report.closing is not None]
    pairs = (Gap(before, after) for before, after in pairwise(told))
    return tuple(gap for gap in pairs if flags_after(gap.before.place, gap.after.place) == ("gap",))


def _first_day(reports: Sequence[Report], today: date) -> date:
    """Where the expectation begins."""
    known = [report.as_of for report in reports if report.as_of]
    return max(min(known), today - LOOK_BACK) if known else today - _FIRST_LOOK


def _covered(reports: Sequence[Report], behind_gaps: Collection[Report], first: date) -> set[date]:
    """The days since `first` of which a statement tells.

    A period often runs from evening to evening, and so begins on the day of the statement before;
    where that one is missing, its day is not covered by this.
    """
    covered: set[date] = set()
    for report in reports:
        if report.as_of is None:
            continue
        begins = min(report.period_from or report.as_of, report.as_of)
        if report in behind_gaps and begins < report.as_of:
            begins += _DAY
        begins = max(begins, first)
        covered.update(begins + n * _DAY for n in range((report.as_of - begins).days + 1))
    return covered


def _days_lost(gap: Gap, lacking: Sequence[date]) -> list[date]:
    """The days on which a gap may have come about; where there is none, that on which it shows."""
    before, after = gap.before.as_of, gap.after.as_of
    between = [day for day in lacking if before and after and before < day < after]
    shows = gap.after.period_from or after
    return between or ([shows] if shows else [])


def _known(amount: Decimal | None) -> Decimal:
    """A balance at a gap: there is no gap where one is not known."""
    return Decimal(0) if amount is None else amount


def _number(report: Report) -> int | None:
    plain_digits = report.number.isascii() and report.number.isdecimal()
    return int(report.number) if plain_digits and len(report.number) <= _LONGEST_NUMBER else None


def _year(report: Report) -> int:
    return report.as_of.year if report.as_of else 0


def _named(report: Report) -> str:
    day = report.as_of.isoformat() if report.as_of else ""
    if not report.number:
        return say("the one of {day}", day=day)
    return say("no. {number} of {day}", number=report.number, day=day)
