"""The bank's time: business dates, closed windows, and how long to wait after a failure.

No function here reads a clock: the moment is passed in, and a zone makes a date of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from holidays import HolidayBase

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONGEST_PAUSE = timedelta(minutes=60)
_DAY = timedelta(days=1)
_SPAN = re.compile(
    r"(?P<days>[a-z]{3}(?:[,-][a-z]{3})*|daily) +(?P<start>\d\d:\d\d)"
    r" *- *(?:(?P<last>[a-z]{3}) +)?(?P<end>\d\d:\d\d)",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Window:
    """A weekly span in which the bank is closed: no attempts, no alarms. Weekdays count from 0."""

    weekdays: frozenset[int]
    start: time
    end: time  # at or before `start`: it ends the next day


@dataclass(frozen=True, slots=True)
class CutOff:
    """Until when, in its own zone, a bank takes payments: `until` on the day that lies
    `days_before` business days before the execution date. "" fits every scheme or currency."""

    until: time
    days_before: int = 0
    scheme: str = ""  # of the profile, or a service level or local instrument
    currency: str = ""

    def fits(self, schemes: Collection[str], currency: str) -> bool:
        """Does it concern payments in `currency` that go by one of these names?"""
        names = {scheme.casefold() for scheme in schemes}
        return self.currency in {"", currency} and (
            not self.scheme or self.scheme.casefold() in names
        )


# ---------------------------------------------------------------------------------- business dates


def business_date(now: datetime, zone: ZoneInfo) -> date:
    """The bank's own date at the moment `now`; raises ValueError when `now` has no zone."""
    return _local(now, zone).date()


def is_business_day(day: date, calendar: str) -> bool:
    """Does the bank work on `day`? `calendar` is a name of `calendar_names()`.

    China's adjusted working weekends count as business days. Raises ValueError for an unknown
    calendar.
    """
    return _holidays(calendar).is_working_day(day)


def business_day_before(day: date, count: int, calendar: str) -> date:
    """The day that lies `count` business days before `day`; `day` itself for 0."""
    for _ in range(count):
        day -= _DAY
        while not is_business_day(day, calendar):
            day -= _DAY
    return day


def business_day_after(day: date, count: int, calendar: str) -> date:
    """The day that lies `count` business days after `day`; `day` itself for 0."""
    for _ in range(count):
        day += _DAY
        while not is_business_day(day, calendar):
            day += _DAY
    return day


@cache
def calendar_names() -> frozenset[str]:
    """Financial calendars (`ECB`, `NYSE`, `XLON`) and ISO 3166 country codes (`DE`, `CHN`)."""
    import holidays  # noqa: PLC0415  heavy, and most commands ask for no calendar

    return frozenset(
        [
            *holidays.list_supported_financial(),
            *holidays.list_supported_countries(include_aliases=True),
        ]
    )


@cache
def _holidays(calendar: str) -> HolidayBase:
    import holidays  # noqa: PLC0415  as above

    # asking for the names of all would import every country: 150 ms
    for make in (holidays.financial_holidays, holidays.country_holidays):
        try:
            return make(calendar)
        except NotImplementedError:
            continue
    raise ValueError(f"no calendar is called {calendar!r}")


# ---------------------------------------------------------------------------------- closed windows


def parse_windows(text: str) -> tuple[Window, ...]:
    """Read `sat 17:00 - sun 01:00`, `tue,thu 17:00 - 22:00`, `mon-fri 22:00 - 04:00` or `daily …`.

    Several windows come of a span longer than a day. Raises ValueError for anything else.
    """
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError("it is not written as DAYS HH:MM - [DAY] HH:MM")
    days = _days(found["days"])
    start, end = time.fromisoformat(found["start"]), time.fromisoformat(found["end"])
    if found["last"] is None:
        return (Window(days, start, end),)
    if len(days) != 1:
        raise ValueError("a window that names its last day begins on one day")
    return _span(min(days), start, _weekday(found["last"]), end)


def window_end(now: datetime, windows: Sequence[Window], zone: ZoneInfo) -> datetime | None:
    """When the bank opens again, in UTC; None when no window covers `now`.

    A window includes its first moment and not its last. Windows that touch or overlap count as one,
    as long as that ends within a week.
    """
    opens = _local(now, zone)
    for _ in range(7 * max(1, len(windows))):
        later = max((_end(opens, window) for window in windows), default=opens)
        if later <= opens:
            break
        opens = later
    return None if opens == _local(now, zone) else opens.astimezone(UTC)


def _end(local: datetime, window: Window) -> datetime:
    """The end of the run of `window` that covers `local`; `local` itself when none does.

    All by the wall clock; in the hour that autumn repeats, the end lies in the same repetition.
    """
    for first in (local.date(), local.date() - _DAY):
        last = first if window.start < window.end else first + _DAY
        start = datetime.combine(first, window.start, local.tzinfo)
        end = datetime.combine(last, window.end, local.tzinfo)
        if first.weekday() in window.weekdays and start <= local < end:
            return end.replace(fold=local.fold)
    return local


def _span(first: int, start: time, last: int, end: time) -> tuple[Window, ...]:
    """One window a day from `first` to `last`; midnight is `time(0)`, the end of the day before."""
    nights = (last - first) % 7
    if nights == 0:
        if end <= start:
            raise ValueError("it ends before it begins")
        return (Window(frozenset({first}), start, end),)
    begins = [start, *[time(0)] * (nights - 1)]
    days = [(first + night) % 7 for night in range(nights)]
    whole = [Window(frozenset({d}), s, time(0)) for d, s in zip(days, begins, strict=True)]
    return (*whole, Window(frozenset({last}), time(0), end)) if end != time(0) else tuple(whole)


def _days(text: str) -> frozenset[int]:
    if text == "daily":
        return frozenset(range(7))
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        begin = _weekday(first)
        nights = (_weekday(last) - begin) % 7 if last else 0
        days.update((begin + night) % 7 for night in range(nights + 1))
    return frozenset(days)


def _weekday(name: str) -> int:
    if name not in WEEKDAYS:
        raise ValueError(f"{name!r} is no weekday: write {', '.join(WEEKDAYS)}")
    return WEEKDAYS.index(name)


# --------------------------------------------------------------------------------- after a failure


def back_off(failures: int, jitter: float = 0.0) -> timedelta:
    """The pause after so many failures in a row: 1, 2, 4 … and at most 60 minutes.

    `jitter` lengthens it by that fraction; the caller draws it, so that this stays a figure.
    """
    minutes = timedelta(minutes=2 ** min(max(failures, 1) - 1, 6))
    return min(minutes, _LONGEST_PAUSE) * (1 + jitter)


def _local(now: datetime, zone: ZoneInfo) -> datetime:
    if now.tzinfo is None:
        raise ValueError("a moment without a zone has no business date")
    return now.astimezone(zone)
