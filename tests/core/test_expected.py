"""The calendar of expected statements: what is missing, since when, and the name of a gap."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from h2h.core.calendar import is_business_day
from h2h.core.expected import LOOK_BACK, Expected, Report, StatementDays, gaps_in, outlook

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = frozenset(range(7))
BUSINESS_DAYS = Expected(StatementDays(WEEK))
OMITTED = replace(BUSINESS_DAYS, empty_omitted=True)
_ids = count(1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def on(text: str) -> date:
    return date.fromisoformat(text)


def report(
    day: str, opening: str = "100", closing: str = "100", *, number: str = "", first: str = ""
) -> Report:
    """A statement of `day`, or of the days from `first` on."""
    begins = on(first or day)
    return Report(f"S{next(_ids)}", number, begins, on(day), Decimal(opening), Decimal(closing))


def missing(
    *reports: Report, now: str, expected: Expected = BUSINESS_DAYS, calendar: str = "ECB"
) -> list[str]:
    found = outlook(expected, reports, calendar, BERLIN, at(now)).missing
    return [each.day.isoformat() for each in found]


# ------------------------------------------------------------------------------- by when it is due


def test_a_statement_is_missing_from_its_due_time_on_and_not_before() -> None:
    monday = report("2026-11-02")
    assert missing(monday, now="2026-11-04T08:59") == []
    found = outlook(BUSINESS_DAYS, [monday], "ECB", BERLIN, at("2026-11-04T09:00"))
    assert [(each.day, each.due) for each in found.missing] == [
        (on("2026-11-03"), at("2026-11-04T09:00"))
    ]
    assert found.awaited == ((on("2026-11-04"), at("2026-11-05T09:00")),)
    assert found.missing[0].words() == "due 2026-11-04 09:00, and not here"


def test_fridays_statement_is_due_on_monday() -> None:
    thursday = report("2026-11-05")
    assert missing(thursday, now="2026-11-08T23:00") == []
    assert missing(thursday, now="2026-11-09T09:00") == ["2026-11-06"]


def test_new_year_is_a_holiday_and_new_years_eve_is_none() -> None:
    """TARGET works on Thursday 31 December 2026, and not on 1 January."""
    eve_before = report("2026-12-30")
    assert missing(eve_before, now="2027-01-01T12:00") == []
    assert missing(eve_before, now="2027-01-04T09:00") == ["2026-12-31"]
    assert missing(eve_before, report("2026-12-31"), now="2027-01-04T12:00") == []


def test_the_same_evening_and_a_later_day_can_be_agreed() -> None:
    evening = replace(BUSINESS_DAYS, by=time(22), days_after=0)
    monday = report("2026-11-02")
    assert missing(monday, now="2026-11-03T21:59", expected=evening) == []
    assert missing(monday, now="2026-11-03T22:00", expected=evening) == ["2026-11-03"]
    slow = replace(BUSINESS_DAYS, days_after=2)
    assert missing(monday, now="2026-11-04T12:00", expected=slow) == []
    assert missing(monday, now="2026-11-05T09:00", expected=slow) == ["2026-11-03"]


def test_a_bank_that_makes_one_daily_makes_one_of_sundays_too() -> None:
    daily = Expected(StatementDays(WEEK, on_holidays=True))
    friday = report("2026-11-06")
    assert missing(friday, now="2026-11-09T09:00", expected=daily) == ["2026-11-07", "2026-11-08"]


def test_weekdays_are_those_that_are_business_days() -> None:
    fridays = Expected(StatementDays(frozenset({4})))
    before = report("2026-03-20")
    # Good Friday 2026-04-03 has none
    assert missing(before, now="2026-04-08T12:00", expected=fridays) == ["2026-03-27"]


def test_the_due_time_is_the_banks_own() -> None:
    monday = report("2026-11-02")
    tokyo = outlook(BUSINESS_DAYS, [monday], "ECB", ZoneInfo("Asia/Tokyo"), at("2026-11-04T01:00"))
    assert [each.day for each in tokyo.missing] == [on("2026-11-03")]


# ------------------------------------------------------------------------------- what fills a day


def test_a_statement_that_covers_several_days_fills_them_all() -> None:
    week = report("2026-11-13", first="2026-11-09")
    assert missing(report("2026-11-06"), week, now="2026-11-16T12:00") == []


def test_a_period_from_evening_to_evening_does_not_hide_the_missing_day() -> None:
    """It begins on the day of the statement before; here that one did not come."""
    monday = report("2026-11-02", "0", "10")
    thursday = report("2026-11-05", "15", "20", first="2026-11-04")
    assert missing(monday, thursday, now="2026-11-06T12:00") == ["2026-11-03", "2026-11-04"]
    tuesday = report("2026-11-03", "10", "12", first="2026-11-02")
    wednesday = report("2026-11-04", "12", "15", first="2026-11-03")
    assert missing(monday, tuesday, thursday, now="2026-11-06T12:00") == ["2026-11-04"]
    assert missing(monday, tuesday, wednesday, thursday, now="2026-11-06T12:00") == []


def test_nothing_is_expected_before_the_first_statement_that_came() -> None:
    assert missing(report("2026-11-04"), now="2026-11-05T12:00") == []


def test_without_any_statement_the_newest_due_one_is_missing() -> None:
    assert missing(now="2026-11-05T12:00") == ["2026-11-04"]
    assert missing(now="2026-11-05T12:00", expected=OMITTED) == []


def test_a_statement_from_the_beginning_of_time_costs_nothing() -> None:
    told = [report("0001-01-01"), report("2026-11-04", first="0001-01-01")]
    found = outlook(BUSINESS_DAYS, told, "ECB", BERLIN, at("2026-11-05T12:00"))
    assert found.missing == ()
    assert min(found.covered) == on("2026-11-05") - LOOK_BACK


def test_what_is_older_than_a_year_and_a_month_is_no_longer_asked_for() -> None:
    told = [report("2024-01-02"), report("2026-11-04")]
    found = missing(*told, now="2026-11-05T12:00")
    assert found[0] == "2025-10-01"
    assert found[-1] == "2026-11-03"


# ------------------------------------------------------------------------ empty statements omitted


def test_where_empty_ones_are_omitted_a_quiet_day_misses_nothing() -> None:
    quiet = [report("2026-11-02", "90", "100"), report("2026-11-05", "100", "130")]
    assert missing(*quiet, now="2026-11-30T12:00", expected=OMITTED) == []


def test_where_empty_ones_are_omitted_a_gap_names_the_days_it_may_have_come_about() -> None:
    broken = [
        report("2026-11-03", "80", "90.00", number="5"),
        report("2026-11-06", "100.00", "130", number="8"),
    ]
    found = outlook(OMITTED, broken, "ECB", BERLIN, at("2026-11-09T12:00")).missing
    assert [each.day.isoformat() for each in found] == ["2026-11-04", "2026-11-05"]
    (told,) = {each.words() for each in found}
    assert told == (
        "no statement between no. 5 of 2026-11-03 (closing 90.00) and no. 8 of 2026-11-06 "
        "(opening 100.00): difference +10.00; missing: 6, 7"
    )


def test_a_gap_between_two_days_in_a_row_shows_on_the_later_one() -> None:
    broken = [report("2026-11-03", "80", "90"), report("2026-11-04", "70", "60")]
    for expected in (OMITTED, BUSINESS_DAYS):
        found = outlook(expected, broken, "ECB", BERLIN, at("2026-11-05T12:00")).missing
        assert [each.day.isoformat() for each in found] == ["2026-11-04"]
        assert "the one of 2026-11-03 (closing 90)" in found[0].words()
        assert "difference -20" in found[0].words()


def test_the_gap_around_a_missing_day_is_told_with_it() -> None:
    around = [report("2026-11-02", "1", "2"), report("2026-11-04", "3", "4")]
    found = outlook(BUSINESS_DAYS, around, "ECB", BERLIN, at("2026-11-05T12:00")).missing
    assert [(each.day.isoformat(), each.gap is not None) for each in found] == [
        ("2026-11-03", True)
    ]


def test_a_second_version_of_a_day_is_no_gap() -> None:
    versions = [report("2026-11-03", "80", "90"), report("2026-11-03", "80", "95")]
    assert gaps_in(versions) == ()


# ---------------------------------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("before", "after", "numbers"),
    [
        (("2026-11-03", "5"), ("2026-11-06", "8"), (6, 7)),
        (("2026-11-03", "5"), ("2026-11-04", "6"), ()),
        (("2026-12-30", "251"), ("2027-01-06", "3"), (1, 2)),  # begun again in January
        (("2026-12-30", "251"), ("2027-01-04", "1"), ()),
        (("2026-12-30", "251"), ("2027-01-04", "252"), ()),  # a bank that does not begin again
        (("2026-12-30", "5"), ("2027-02-04", "8"), ()),  # either may be meant
        (("2026-11-03", "5"), ("2026-11-06", "4"), ()),
        (("2026-11-03", "5"), ("2026-11-06", "999999"), ()),  # too many to name
        (("2026-11-03", ""), ("2026-11-06", "8"), ()),
        (("2026-11-03", "5/1"), ("2026-11-06", "8"), ()),
        (("2026-11-03", "9" * 5000), ("2026-11-06", "8"), ()),
    ],
)
def test_the_missing_numbers_are_named_where_they_are_certain(
    before: tuple[str, str], after: tuple[str, str], numbers: tuple[int, ...]
) -> None:
    [gap] = gaps_in(
        [
            report(before[0], "1", "2", number=before[1]),
            report(after[0], "3", "4", number=after[1]),
        ]
    )
    assert gap.numbers == numbers


# ------------------------------------------------------------------------------------- properties


@given(lost=st.sets(st.integers(1, 40), max_size=12), hours=st.integers(36, 24 * 59))
def test_exactly_what_was_lost_and_is_due_is_missing_whatever_the_hour(
    lost: set[int], hours: int
) -> None:
    """Two months around New Year; the statement of each day is there the next midnight."""
    start = on("2026-12-01")
    days = [start + timedelta(days=n) for n in range(60)]
    days = [day for day in days if is_business_day(day, "ECB")]
    now = at("2026-12-01T00:00") + timedelta(hours=hours)
    reports = [
        report(day.isoformat(), str(n), str(n + 1))
        for n, day in enumerate(days)
        if n not in lost and day < now.date()
    ]
    found = outlook(BUSINESS_DAYS, reports, "ECB", BERLIN, now)
    owed = [days[n] for n in sorted(lost) if n < len(days)]
    owed = [day for day in owed if BUSINESS_DAYS.due(day, "ECB", BERLIN) <= now]
    assert [each.day for each in found.missing] == owed


@given(lost=st.sets(st.integers(1, 28), max_size=12))
def test_where_empty_ones_are_omitted_only_lost_movements_are_missing(lost: set[int]) -> None:
    """Every third day has a movement; only a lost one of those, with one behind it, is a gap."""
    days = [on("2026-11-02") + timedelta(days=n) for n in range(40)]
    days = [day for day in days if is_business_day(day, "ECB")]
    busy = [n for n in range(len(days)) if n % 3 == 0]
    came = [n for n in busy if n not in lost]
    reports = [report(days[n].isoformat(), str(n // 3), str(n // 3 + 1)) for n in came]
    found = outlook(OMITTED, reports, "ECB", BERLIN, at("2027-01-15T12:00")).missing
    told = {days.index(each.day) for each in found}
    noticed = {n for n in busy if n in lost and n < came[-1]}
    assert noticed <= told
    assert len({each.gap for each in found}) == len([n for n in came[1:] if n - 3 in noticed])
