"""Reports by schedule: each due slot makes one report, handed over once, also after a restart.

A slot is a day on the clock of the report's zone. As with everything that is handed over, the names
of flushed temporaries are committed before any of them is renamed; a missing temporary means that
it was handed over. Days that were missed are made up for, a month back at most.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from h2h.core.calendar import is_business_day
from h2h.core.words import say, tell
from h2h.errors import H2HError, Transient
from h2h.ports import Services
from h2h.ports.reporting import ReportTerms
from h2h.reports.making import REPORTS, made
from h2h.reports.render import write
from h2h.reports.table import Books, Scope

FOLDER = "reports"
_DAY = timedelta(days=1)
_MADE_UP_FOR = timedelta(days=31)
_LONGEST_GAP = timedelta(days=100)  # between two slots: a month, and whatever holidays
_LOOK = 20.0  # seconds between two looks
_AFTER_A_FAILURE = timedelta(minutes=15)
_MAILED_WITHIN = timedelta(days=2)  # then it is given up, and told
_LAST_WORDS = 10.0  # seconds that a report in the making gets when the daemon stops


class Slot(NamedTuple):
    """A day on which a report is due, and the days that it tells of."""

    terms: ReportTerms
    day: date
    first: date
    last: date

    @property
    def key(self) -> str:
        """What its slots in the ledger begin with."""
        return f"report {self.terms.name} {self.day.isoformat()}"

    @property
    def due(self) -> datetime:
        """From when on."""
        return datetime.combine(self.day, self.terms.at, self.terms.zone)


class Reporter:
    """Makes what is due, and remembers what failed lately."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._not_before: dict[str, datetime] = {}

    def run(self, stopping: threading.Event) -> None:
        """Until `stopping`."""
        while not stopping.wait(_LOOK):
            self.look()

    def look(self) -> None:
        """One look; what fails is told, and tried again a quarter of an hour later."""
        now = self._services.clock.now()
        for terms in self._services.reports:
            if now < self._not_before.get(terms.name, now):
                continue
            try:
                make_due(terms, self._services)
            except H2HError as error:
                self._not_before[terms.name] = now + _AFTER_A_FAILURE
                self._services.log.event("report_failed", name=terms.name, because=str(error))


@contextmanager
def reporting(services: Services) -> Iterator[None]:
    """A thread for reports as long as this lasts: they never keep a payment waiting."""
    if not services.reports:
        yield
        return
    stopping = threading.Event()
    thread = threading.Thread(target=Reporter(services).run, args=(stopping,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(_LAST_WORDS)


# ------------------------------------------------------------------------------------------- slots


def make_due(terms: ReportTerms, services: Services) -> None:
    """Make, hand over and mail what is due of one report."""
    beginning = f"report {terms.name} "
    keys = services.ledger.taken(beginning)
    done = [date.fromisoformat(key[len(beginning) :][:10]) for key in keys if _is(key, "handed")]
    unmailed = {slot.day for slot in _unmailed(terms, keys)}
    for slot in _slots(terms, services.clock.now(), max(done, default=None)):
        _hand_over(slot, services)
        unmailed.add(slot.day)
    for day in sorted(unmailed):
        _mail(_slot(terms, day), services)


def _is(key: str, what: str) -> bool:
    return key.split(" ", 4)[3:4] == [what]


def _unmailed(terms: ReportTerms, keys: Sequence[str]) -> list[Slot]:
    handed, mailed = (
        {date.fromisoformat(key.split(" ")[2]) for key in keys if _is(key, what)}
        for what in ("handed", "mailed")
    )
    return [_slot(terms, day) for day in sorted(handed - mailed)]


def _slots(terms: ReportTerms, now: datetime, done: date | None) -> Iterator[Slot]:
    """The slots since the last one done; before any, the newest alone."""
    today = now.astimezone(terms.zone).date()
    if done is None:
        newest = _before(terms, today + _DAY, lambda day: _slot(terms, day).due <= now)
        if newest is not None:
            yield _slot(terms, newest)
        return
    day = max(done + _DAY, today - _MADE_UP_FOR)
    while day <= today:
        if _falls_on(terms, day) and _slot(terms, day).due <= now:
            yield _slot(terms, day)
        day += _DAY


def _slot(terms: ReportTerms, day: date) -> Slot:
    """A daily report tells of the days since the slot before it, a monthly one of the month."""
    if terms.monthly:
        last = day.replace(day=1) - _DAY
        return Slot(terms, day, last.replace(day=1), last)
    return Slot(terms, day, _before(terms, day) or day - _DAY, day - _DAY)


def _before(
    terms: ReportTerms, day: date, fits: Callable[[date], bool] = lambda _: True
) -> date | None:
    """The slot before `day` that `fits`."""
    earlier = day - _DAY
    while earlier > day - _LONGEST_GAP:
        if _falls_on(terms, earlier) and fits(earlier):
            return earlier
        earlier -= _DAY
    return None


def _falls_on(terms: ReportTerms, day: date) -> bool:
    """Daily: each business day. Monthly: the first one of the month."""
    if not _works(terms, day):
        return False
    before = (day.replace(day=n) for n in range(1, day.day))
    return not terms.monthly or not any(_works(terms, each) for each in before)


def _works(terms: ReportTerms, day: date) -> bool:
    return not terms.calendar or is_business_day(day, terms.calendar)


# ------------------------------------------------------------------------------------- handing over


def _hand_over(slot: Slot, services: Services) -> None:
    """Intent before, evidence after; repeatable at every point."""
    ledger, now = services.ledger, services.clock.now()
    intent = f"{slot.key} made "
    if not (known := ledger.taken(intent)):
        with tempfile.TemporaryDirectory(prefix="h2h-report-") as room:
            files = _files(slot, services, Path(room))
            handed = [(_prepared(slot, file, services), file.name) for file in files]
        ledger.slot(f"{intent}{json.dumps(handed)}", now)
        known = ledger.taken(intent)
    for temporary, name in json.loads(known[0].removeprefix(intent)):
        services.desktop.publish(FOLDER, temporary, name, replace=False)
        services.log.event("report_made", report=slot.terms.name, folder=FOLDER, name=name)
    ledger.slot(f"{slot.key} handed", now)


def _prepared(slot: Slot, file: Path, services: Services) -> str:
    return services.desktop.prepare(FOLDER, file.name, file, key=slot.key)[0]


def _files(slot: Slot, services: Services, room: Path) -> list[Path]:
    """Each report in each form, under a name that is free; what cannot be made is told of."""
    terms, made_files = slot.terms, []
    books = Books(services.ledger, services.banks, services.clock.now())
    whose = (terms.banks, terms.accounts, terms.entities)
    scope = Scope(slot.first, slot.last, terms.zone, *whose)
    for kind in terms.kinds:
        report = made(kind, books, scope, services.environment)
        for form in terms.forms:
            target = room / _free_name(slot, kind, form, services)
            try:
                write(
                    report,
                    form,
                    target,
                    services.translate,
                    language=services.language,
                    printer=services.printer,
                )
            except H2HError as error:  # the others are made all the same
                facts = {"report": terms.name, "kind": kind, "form": form}
                services.log.event("report_not_made", **facts, because=str(error))
            else:
                made_files.append(target)
    return made_files


def _free_name(slot: Slot, kind: str, form: str, services: Services) -> str:
    """`treasury_movements_2026-11-20_2026-11-22.csv`; nothing that lies there is overwritten."""
    base, number = f"{slot.terms.name}_{kind}_{slot.first}_{slot.last}", 1
    name = f"{base}.{form}"
    while services.desktop.taken(FOLDER, name):
        number += 1
        name = f"{base}_{number}.{form}"
    return name


def _mail(slot: Slot, services: Services) -> None:
    """Once it was handed over; a mail that does not go for two days is given up, and told."""
    terms, now = slot.terms, services.clock.now()
    if terms.mailer is None:
        services.ledger.slot(f"{slot.key} mailed", now)  # who is added later gets no old ones
        return
    titles = ", ".join(tell(REPORTS[kind].title, services.translate) for kind in terms.kinds)
    days = say("{first} to {last}", first=slot.first, last=slot.last)
    subject = f"{_mark(services)}{titles}: {tell(days, services.translate)}"
    try:
        with tempfile.TemporaryDirectory(prefix="h2h-report-") as room:
            files = _files(slot, services, Path(room))
            told = say("Report {name}: {titles}.", name=terms.name, titles=titles)
            text = tell(told, services.translate)
            terms.mailer.mail(slot.key, terms.mail_to, subject, text, files)
    except H2HError as error:  # a refusal does not pass, and some may have their mail already
        if isinstance(error, Transient) and now - slot.due < _MAILED_WITHIN:
            raise
        services.log.event("report_not_mailed", report=terms.name, because=str(error))
    services.ledger.slot(f"{slot.key} mailed", now)


def _mark(services: Services) -> str:
    return "" if services.environment == "production" else "TEST "
