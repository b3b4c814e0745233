"""The bank's time: business dates, closed windows, and the pause after a failure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from h2h.core.calendar import (
    Window,
    back_off,
    business_date,
    calendar_names,
    is_business_day,
    parse_windows,
    window_end,
)

BERLIN = ZoneInfo("Europe/Berlin")
NEW_YORK = ZoneInfo("America/New_York")
SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str, zone: ZoneInfo = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def test_the_business_date_is_the_banks_own_and_not_utcs() -> None:
    late_evening = datetime(2026, 3, 31, 22, 30, tzinfo=UTC)
    assert business_date(late_evening, BERLIN) == date(2026, 4, 1)
    assert business_date(late_evening, NEW_YORK) == date(2026, 3, 31)


def test_a_moment_without_a_zone_has_no_business_date() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        business_date(datetime(2026, 3, 31, 22, 30), BERLIN)  # noqa: DTZ001  the very mistake


@pytest.mark.parametrize(
    ("day", "calendar", "works"),
    [
        (date(2026, 5, 1), "ECB", False),  # Labour Day closes TARGET
        (date(2026, 5, 4), "ECB", True),
        (date(2026, 5, 2), "ECB", False),  # a Saturday
        (date(2026, 4, 3), "ECB", False),  # Good Friday
        (date(2026, 4, 3), "US", True),  # which federal offices do not know
        (date(2026, 2, 14), "CN", True),  # a Saturday worked for the Spring Festival
        (date(2026, 2, 18), "CN", False),
        (date(2026, 10, 3), "DE", False),
    ],
)
def test_business_days_follow_the_calendar(day: date, calendar: str, works: bool) -> None:
    assert is_business_day(day, calendar) is works


def test_an_unknown_calendar_is_refused_and_not_taken_for_one_without_holidays() -> None:
    assert "ECBX" not in calendar_names()
    with pytest.raises(ValueError, match="ECBX"):
        is_business_day(date(2026, 5, 4), "ECBX")


# ----------------------------------------------------------------------------------- closed windows

SATURDAY_NIGHT = parse_windows("sat 17:00 - sun 01:00")


@pytest.mark.parametrize(
    ("moment", "closed"),
    [
        ("2026-05-02 16:59:59", False),
        ("2026-05-02 17:00:00", True),
        ("2026-05-02 23:59:59", True),
        ("2026-05-03 00:59:59", True),
        ("2026-05-03 01:00:00", False),
        ("2026-05-01 18:00:00", False),  # a Friday
        ("2026-05-03 18:00:00", False),  # a Sunday
    ],
)
def test_a_window_over_midnight_covers_its_first_moment_and_not_its_last(
    moment: str, closed: bool
) -> None:
    assert (window_end(at(moment), SATURDAY_NIGHT, BERLIN) is not None) is closed


def test_a_nightly_window_reaches_into_the_morning_after_its_last_day() -> None:
    nightly = parse_windows("mon-fri 22:00 - 04:00")
    on_saturday, on_monday = at("2026-05-02 03:00"), at("2026-05-04 03:00")
    assert window_end(on_saturday, nightly, BERLIN) == at("2026-05-02 04:00")
    assert window_end(on_monday, nightly, BERLIN) is None


def test_the_bank_says_when_it_opens_again() -> None:
    assert window_end(at("2026-05-02 20:00"), SATURDAY_NIGHT, BERLIN) == at("2026-05-03 01:00")
    assert window_end(at("2026-05-02 12:00"), SATURDAY_NIGHT, BERLIN) is None


def test_a_window_is_read_in_the_banks_zone() -> None:
    noon_in_new_york = at("2026-05-02 12:00", NEW_YORK)  # 18:00 in Berlin
    assert window_end(noon_in_new_york, SATURDAY_NIGHT, BERLIN) == at("2026-05-03 01:00")
    assert window_end(noon_in_new_york, SATURDAY_NIGHT, NEW_YORK) is None


def test_a_weekend_window_is_one_span_until_monday() -> None:
    weekend = parse_windows("fri 22:00 - mon 04:00")
    assert window_end(at("2026-05-01 22:30"), weekend, BERLIN) == at("2026-05-04 04:00")
    assert window_end(at("2026-05-03 12:00"), weekend, BERLIN) == at("2026-05-04 04:00")


def test_windows_that_touch_are_waited_out_as_one() -> None:
    both = (*parse_windows("mon 10:00 - 11:00"), *parse_windows("mon 11:00 - 12:00"))
    assert window_end(at("2026-05-04 10:30"), both, BERLIN) == at("2026-05-04 12:00")


def test_a_bank_that_is_always_closed_gives_an_answer_within_reach() -> None:
    always = parse_windows("daily 00:00 - 00:00")
    opens = window_end(at("2026-05-04 10:30"), always, BERLIN)
    assert opens is not None
    assert at("2026-05-05 00:00") <= opens <= at("2026-05-12 00:00")


def test_in_the_hour_that_autumn_repeats_the_bank_never_opens_in_the_past() -> None:
    window = parse_windows("sun 02:00 - 02:30")
    for moment in (
        datetime(2026, 10, 25, 0, 10, tzinfo=UTC),  # 02:10 summer time
        datetime(2026, 10, 25, 1, 10, tzinfo=UTC),  # 02:10 winter time
    ):
        assert window_end(moment, window, BERLIN) == moment + timedelta(minutes=20)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tue,thu 17:00 - 22:00", (Window(frozenset({1, 3}), time(17), time(22)),)),
        ("mon-fri 22:00 - 04:00", (Window(frozenset(range(5)), time(22), time(4)),)),
        ("sat-mon 01:00-02:00", (Window(frozenset({5, 6, 0}), time(1), time(2)),)),
        ("Daily 23:30 - 00:30", (Window(frozenset(range(7)), time(23, 30), time(0, 30)),)),
        ("sat 17:00 - sun 00:00", (Window(frozenset({5}), time(17), time(0)),)),
        ("mon 08:00 - mon 09:00", (Window(frozenset({0}), time(8), time(9)),)),
    ],
)
def test_windows_are_written_as_banks_announce_them(
    text: str, expected: tuple[Window, ...]
) -> None:
    assert parse_windows(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "sat", "17:00 - 18:00", "sat 25:00 - sun 01:00", "sat 1:00 - 2:00", "foo 01:00 - 02:00",
     "sat,sun 17:00 - mon 01:00", "mon 09:00 - mon 08:00", "sat 17:00", "6 17:00 - 18:00",
     "sat 17:00 - son 01:00"],
)  # fmt: skip
def test_other_windows_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_windows(text)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
    st.integers(0, 6),
    st.integers(0, 6),
    st.times(),
    st.times(),
)
def test_the_bank_is_open_again_at_the_end_of_a_window(
    now: datetime, first: int, last: int, start: time, end: time
) -> None:
    start, end = start.replace(second=0, microsecond=0), end.replace(second=0, microsecond=0)
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    if first == last and end <= start:
        end = start.replace(hour=23, minute=59) if start < time(23, 59) else time(23, 59)
        start = min(start, time(23, 58))
    windows = parse_windows(f"{names[first]} {start:%H:%M} - {names[last]} {end:%H:%M}")
    opens = window_end(now, windows, SHANGHAI)
    if opens is not None:
        assert opens > now
        assert window_end(opens, windows, SHANGHAI) is None
        assert window_end(opens - timedelta(seconds=1), windows, SHANGHAI) is not None


# --------------------------------------------------------------------------------- after a failure


def test_the_pause_doubles_and_ends_at_an_hour() -> None:
    pauses = [back_off(failures) // timedelta(minutes=1) for failures in range(1, 10)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_first_failure_that_was_not_counted_still_pauses() -> None:
    assert back_off(0) == timedelta(minutes=1)


def test_many_failures_do_not_overflow() -> None:
    assert back_off(10**6) == timedelta(minutes=60)


def test_jitter_lengthens_a_pause_by_its_fraction() -> None:
    assert back_off(3, jitter=0.25) == timedelta(minutes=5)
