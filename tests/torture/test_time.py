"""Clocks that change, jump a day, or go back: each slot of a timetable is used once.

A slot is what the timetable names, a time of day by the bank's clock: half past two is one slot on
the night that has it twice, and on the night that has it not it comes as soon as it can.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from h2h.core.calendar import is_business_day
from h2h.daemon import Daemon, due_fetches, newest_slot
from h2h.ports import Services
from tests.flows.conftest import FixedClock, Room, bank_terms

from .report import FULL, Tally

ZONES = (
    "Europe/Berlin",
    "Australia/Lord_Howe",  # by half an hour
    "America/Santiago",  # at midnight
    "America/New_York",
    "Europe/London",
)[: None if FULL else 3]
YEARS = (2025, 2026, 2027) if FULL else (2026,)
CALENDARS = ("QA", "IL")  # they work on Sundays, when most clocks change
STEP = timedelta(minutes=10 if FULL else 30)
STEPS = timedelta(days=3, hours=1) // STEP
TIMETABLES = {
    "nightly": ("30 2 * * *",),
    "midnight": ("15 0 * * *",),
    "early": ("30 1 * * *",),
    "often": ("*/30 * * * *",),
}


def changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """The moments, to the minute, at which a zone's clock changes in that year."""
    moment, found = datetime(year, 1, 1, tzinfo=UTC), []
    while moment.year == year:
        later = moment + timedelta(minutes=30)
        if moment.astimezone(zone).utcoffset() != later.astimezone(zone).utcoffset():
            found.append(later)
        moment = later
    return found


@dataclass
class Night:
    """Three days around a change, walked in steps; counts the runs of each slot."""

    services: Services
    clock: FixedClock
    zone: ZoneInfo
    runs: Counter[tuple[str, datetime]]

    def look(self) -> None:
        """What the daemon does in a pass: use the newest slot of each timetable."""
        for bank in due_fetches(self.services, unscheduled=False):
            slot = newest_slot(self.services.banks[bank], self.clock.now())
            assert slot is not None
            self.runs[bank, slot.replace(tzinfo=None, fold=0)] += 1

    def days(self, bank: str) -> Counter[date]:
        """The runs of a daily timetable, by day of the bank's clock."""
        counted: Counter[date] = Counter()
        for (name, slot), count in self.runs.items():
            if name == bank:
                counted[slot.date()] += count
        return counted


@contextmanager
def night(root: Path, zone: ZoneInfo, change: datetime) -> Iterator[Night]:
    """Everything of a room but its banks, which only keep a timetable."""
    room = Room(root, clock=FixedClock(start_of(change, zone)))
    room.make_rooms()
    calendar = calendar_of(change, zone)
    with room.services() as services:
        banks = {
            name: replace(bank_terms(name, ""), zone=zone, calendar=calendar, fetch=lines)
            for name, lines in TIMETABLES.items()
        }
        made = Night(replace(services, banks=banks), room.clock, zone, Counter())
        made.look()  # what was due before
        made.runs.clear()
        yield made


def calendar_of(change: datetime, zone: ZoneInfo) -> str:
    """One that has no holiday on the day of the change, if there is one."""
    day = change.astimezone(zone).date()
    return next((name for name in CALENDARS if is_business_day(day, name)), CALENDARS[0])


def whole_days(change: datetime, zone: ZoneInfo) -> list[date]:
    """The business days that the walk covers from end to end."""
    middle, calendar = change.astimezone(zone).date(), calendar_of(change, zone)
    days = [middle + timedelta(days=number) for number in (-1, 0, 1)]
    return [day for day in days if is_business_day(day, calendar)]


def start_of(change: datetime, zone: ZoneInfo) -> datetime:
    day = change.astimezone(zone).date() - timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) - STEP


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("year", YEARS)
def test_each_slot_is_used_once_when_the_clock_changes(
    year: int, name: str, tmp_path: Path, tally: Tally
) -> None:
    zone = ZoneInfo(name)
    found = changes(zone, year)
    assert len(found) == 2
    for number, change in enumerate(found if FULL else found[1:]):
        with night(tmp_path / str(number), zone, change) as walk:
            for _ in range(STEPS):
                walk.clock.time += STEP
                walk.look()
        days = whole_days(change, zone)
        for bank in ("nightly", "midnight", "early"):
            runs = walk.days(bank)
            bad = sum(runs[day] != 1 for day in days)
            tally("clock changes", tried=len(days), survived=len(days) - bad)
            assert [runs[day] for day in days] == [1] * len(days), (bank, change)
        assert set(walk.runs.values()) == {1}
        often = [slot for bank, slot in walk.runs if bank == "often" and slot.date() in days]
        gap = 2 if change.astimezone(zone).utcoffset() > _before(change, zone) else 0  # type: ignore[operator]  # aware
        least = 48 * len(days) - gap
        assert least <= len(often) <= 48 * len(days)


def _before(change: datetime, zone: ZoneInfo) -> timedelta:
    offset = (change - timedelta(hours=1)).astimezone(zone).utcoffset()
    assert offset is not None
    return offset


@pytest.mark.parametrize("name", ZONES[: None if FULL else 1])
@pytest.mark.parametrize("year", YEARS)
def test_each_slot_is_used_once_when_the_clock_jumps_by_a_day(
    year: int, name: str, tmp_path: Path, tally: Tally
) -> None:
    zone, draw = ZoneInfo(name), random.Random(f"{name} {year}")
    for number, change in enumerate(changes(zone, year)[0 if FULL else 1 :]):
        jumps = 0
        with night(tmp_path / str(number), zone, change) as walk:
            for _ in range(STEPS):
                walk.clock.time += STEP
                if draw.random() < 0.05:
                    jumps += 1
                    _wrong_for_a_while(walk, draw.choice((-1, 1)))
                walk.look()
        days = whole_days(change, zone)
        once = set(walk.runs.values()) == {1}
        tally("clock jumps a day", tried=jumps, survived=jumps if once else 0)
        assert jumps > 5
        assert once, walk.runs.most_common(3)
        for bank in ("nightly", "midnight", "early"):
            assert [walk.days(bank)[day] for day in days] == [1] * len(days), (bank, change)


def _wrong_for_a_while(walk: Night, days: int) -> None:
    """Somebody sets the clock a day off, and it is mended two looks later."""
    walk.clock.advance(days=days)
    for _ in range(2):
        walk.look()
        walk.clock.time += STEP
    walk.clock.advance(days=-days)


@pytest.mark.parametrize("hours", [-24, -1, 1, 24])
def test_a_clock_that_jumps_raises_an_alarm_once(hours: int, room: Room) -> None:
    with room.services() as services:
        daemon = Daemon(services)
        daemon.tell_of_a_jump()
        room.clock.advance(seconds=2)
        daemon.tell_of_a_jump()
        assert room.log.named("alarm") == []
        room.clock.advance(hours=hours)
        daemon.tell_of_a_jump()
        daemon.tell_of_a_jump()
    (alarm,) = room.log.named("alarm")
    told = re.search(r"by ([+-]\d+) seconds", str(alarm["because"]))
    assert told is not None
    assert round(int(told[1]) / 3600) == hours  # less the moments that this test took
