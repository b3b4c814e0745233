"""The daemon: watches the doors, keeps the timetable, answers requests, and drains on SIGTERM.

One thread moves files; the watcher and the timetable only wake it. What they tell is a hint: every
pass scans the doors and asks the ledger, so that nothing depends on an event having been seen.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from h2h import desk
from h2h.core.calendar import is_business_day
from h2h.core.words import tell, words_of
from h2h.desk.files import not_configured
from h2h.errors import H2HError, Transient
from h2h.flows.alerting import Watcher, couriers, tell_at_once
from h2h.flows.consent import remember_config
from h2h.flows.expecting import tell_missing
from h2h.flows.inbound import sweep_inbound
from h2h.flows.integrity import HeadExporter, insist_current
from h2h.flows.retention import carry_out
from h2h.flows.sweep import Sweep
from h2h.flows.waves import sweep_outbound, take_in
from h2h.ports import BankTerms, Request, Services
from h2h.reports.schedule import Reporter, reporting

_RESCAN = 2.0  # seconds between two looks into the doors when nothing wakes the daemon
_SETTLING = 0.1
_PATIENCE = 30.0  # seconds that `run --once` waits for a door beyond its own settle time
_JUMP = 60.0  # seconds between two passes that the wall clock may differ from the steady one
_LOOK_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=4))
_CHANGE = timedelta(hours=3)  # no clock is put on or back by more
_LOOK_AHEAD = timedelta(days=14)  # longer than any holiday of banks


def recover(services: Services) -> None:
    """What a start does first: make sure that the ledger is no older one, then forget half-fetched
    files, which still lie at their bank."""
    insist_current(services)
    services.archive.tidy(lambda file_id: services.ledger.file(file_id) is not None)
    remember_config(services)


# ------------------------------------------------------------------------------------- run --once


def once(services: Services) -> dict[str, str]:
    """One whole pass; returns the banks that could not be reached, with the reason."""
    recover(services)
    with _exporting(services), Sweep(services, patient=False) as sweep:
        wait_until_settled(sweep)
        sweep_outbound(sweep)
        sweep_inbound(sweep, due_fetches(services, unscheduled=True))
        # a report may have settled a doubt, or a bank may have opened its window meanwhile
        sweep_outbound(sweep)
        tell_missing(sweep)
        carry_out(sweep)
        unreachable = dict(sweep.unreachable)
    tell_at_once(services, newest_slot)
    Reporter(services).look()
    return unreachable


@contextmanager
def _exporting(services: Services) -> Iterator[None]:
    """What a single pass does last: export the chain's head."""
    try:
        yield
    finally:
        HeadExporter(services).export(at_once=True)


def wait_until_settled(sweep: Sweep, bank: str | None = None) -> None:
    """Take in what lies in the doors until nothing there is still settling, with a bound."""
    doors = [d for d in sweep.services.doors if bank is None or d.terms.bank in {None, bank}]
    longest = max((d.terms.settle + d.terms.incomplete_wait for d in doors), default=0.0)
    end = time.monotonic() + longest + _PATIENCE
    while True:
        for door in doors:
            take_in(door, sweep)
        if not any(door.unsettled() for door in doors) or time.monotonic() > end:
            return
        time.sleep(_SETTLING)


def due_fetches(services: Services, *, unscheduled: bool) -> list[str]:
    """The banks whose newest timetable slot has not been used; each slot is used once.

    A slot is a time on the bank's clock: a night that has half past two twice has it once.
    With `unscheduled`, banks without a timetable too: whoever calls is their timetable.
    """
    now, due = services.clock.now(), []
    for name, terms in services.banks.items():
        slot = newest_slot(terms, now)
        if slot is None:
            due.extend([name] if unscheduled and not terms.fetch else [])
        elif services.ledger.slot(f"fetch {name} {slot.replace(tzinfo=None).isoformat()}", now):
            due.append(name)
    return due


def newest_slot(terms: BankTerms, now: datetime) -> datetime | None:
    """The last moment at or before `now` that the timetable names on a business day."""
    slots = (_newest_of(line, terms.zone, now) for line in terms.fetch)
    found = [s for s in slots if s is not None and is_business_day(s.date(), terms.calendar)]
    return max(found, default=None)


def next_slot(terms: BankTerms, now: datetime) -> datetime | None:
    """The first moment after `now` that the timetable names on a business day; None for a bank
    without one."""
    first = (_next_of(line, terms, now + timedelta(seconds=1)) for line in terms.fetch)
    return min((slot for slot in first if slot is not None), default=None)


def _newest_of(line: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    for span in _LOOK_BACK:
        if found := [*_slots(line, zone, now - span, now)]:
            return max(found).astimezone(zone)
    return None


def _next_of(line: str, terms: BankTerms, begin: datetime) -> datetime | None:
    today = begin.astimezone(terms.zone).date()
    for number in range(_LOOK_AHEAD.days):
        day = today + timedelta(days=number)
        if is_business_day(day, terms.calendar):
            midnight, next_midnight = (
                datetime.combine(each, datetime.min.time(), terms.zone).astimezone(UTC)
                for each in (day, day + timedelta(days=1))
            )
            end = next_midnight - timedelta(seconds=1)
            if found := [*_slots(line, terms.zone, max(begin, midnight), end)]:
                return min(found).astimezone(terms.zone)
    return None


def _slots(line: str, zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[datetime]:
    """The moments, in UTC, from `begin` to `end` that a cron line names on the clock of a zone.

    The line is read on a clock that never changes: a time that a night lacks comes as much later
    as the clock is put on, and one that it has twice comes once. Read on the zone's own clock, a
    time would be left out on the night that has no midnight.
    """
    from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415 - 100 ms, only for a timetable

    trigger = CronTrigger.from_crontab(line, timezone=UTC)
    wall, last = (moment.astimezone(zone).replace(tzinfo=UTC) for moment in (begin, end))
    wall -= _CHANGE
    while (fire := trigger.get_next_fire_time(None, wall)) and fire <= last + _CHANGE:
        named = datetime.fromisoformat(fire.isoformat())
        moment = named.replace(tzinfo=zone).astimezone(UTC)
        if begin <= moment <= end:
            yield moment
        wall = named + timedelta(seconds=1)


# ---------------------------------------------------------------------------------------- run


class Daemon:
    """`h2h run`. Everything that moves a file happens in the thread that calls `run`."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._woken: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._asked_for_statements: datetime | None = None
        self._clocks = services.clock.now(), time.monotonic()
        self._heads = HeadExporter(services)
        self._watcher = Watcher(services, newest_slot)
        self._contents = services.contents()

    def stop(self, *_: object) -> None:
        """Drain: finish the step of the file at hand, then leave."""
        self._stopping.set()
        self._woken.put("stop")

    def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.stop)
        recover(self.services)
        with self._watching(), couriers(self.services), reporting(self.services):
            notify("READY=1")
            self.services.log.event("started", environment=self.services.environment)
            while not self._stopping.is_set():
                self._pass_or_tell()
                self._wait()
        self._heads.export(at_once=True)
        notify("STOPPING=1")
        self.services.log.event("stopped")

    def _wait(self) -> None:
        try:
            self._woken.get(timeout=_RESCAN)
            while True:  # many events, one pass
                self._woken.get_nowait()
        except queue.Empty:
            return

    def _alive(self) -> bool:
        notify("WATCHDOG=1")
        return self._stopping.is_set()

    def _pass_or_tell(self) -> None:
        """What may pass, as a full disk or a locked ledger, ends a pass and not the daemon."""
        try:
            self.tell_of_a_jump()
            self._pass()
        except Transient as error:
            self.services.log.event("pass_failed", because=str(error))
        self._watcher.look()

    def tell_of_a_jump(self) -> None:
        """Compare the wall clock with one that never jumps: it was set, or the machine slept.

        What is due is taken up all the same, each slot once; cut-offs may have passed meanwhile.
        """
        (wall, steady), self._clocks = self._clocks, (self.services.clock.now(), time.monotonic())
        off = (self._clocks[0] - wall).total_seconds() - (self._clocks[1] - steady)
        if abs(off) > _JUMP:
            because = f"the clock jumped by {off:+.0f} seconds; look at time service and cut-offs"
            self.services.log.event("alarm", because=because)

    def _note_exchanged(self) -> None:
        """Files that config.toml names are read anew each time, so they may change any time."""
        if (contents := self.services.contents()) != self._contents:
            remember_config(self.services)
            self._contents = contents

    def _pass(self) -> None:
        self.services.ledger.insist()
        self._note_exchanged()
        for request in self.services.ledger.asked():
            self._answer(request)
        with Sweep(self.services, stopping=self._alive) as sweep:
            self._alive()
            sweep_outbound(sweep)
            sweep_inbound(sweep, due_fetches(self.services, unscheduled=False))
            self._tell_missing(sweep)
            carry_out(sweep)
        self._heads.export()

    def _tell_missing(self, sweep: Sweep) -> None:
        """Statements are due to the minute."""
        minute = sweep.now.replace(second=0, microsecond=0)
        if minute != self._asked_for_statements:
            tell_missing(sweep)
            self._asked_for_statements = minute

    def _answer(self, request: Request) -> None:
        now = self.services.ledger.request(request.id)
        if now is None or now.answer:  # withdrawn while others were carried out
            return
        try:
            with Sweep(self.services, patient=False, stopping=self._alive) as sweep:
                answer = act(request.verb, request.bank, sweep)
        except Exception as error:  # noqa: BLE001 - a request that stayed would end every start
            because = (
                str(error) if isinstance(error, H2HError) else f"{type(error).__name__}: {error}"
            )
            self.services.log.event("request_failed", verb=request.verb, because=because)
            words = words_of(error) if isinstance(error, H2HError) else because
            answer = {"refused": tell(words, self.services.translate)}
        self.services.ledger.answer(request.id, json.dumps(answer))

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """Wake up for changes in the doors, and for the timetable's minutes."""
        from watchdog.events import FileSystemEvent, FileSystemEventHandler  # noqa: PLC0415 - daemon only
        from watchdog.observers import Observer  # noqa: PLC0415 - daemon only

        woken = self._woken

        class Wake(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:  # noqa: ARG002 - watchdog's name
                woken.put("door")

        observer = Observer()
        try:
            for door in self.services.doors:
                observer.schedule(Wake(), str(door.terms.folder))
            observer.start()
        except OSError as error:  # as where the machine has no watch left: each pass looks anyway
            observer.unschedule_all()
            self.services.log.event("doors_not_watched", because=str(error))
        try:
            with self._timetable():
                yield
        finally:
            if observer.is_alive():
                observer.stop()
                observer.join()

    @contextmanager
    def _timetable(self) -> Iterator[None]:
        """APScheduler wakes the loop; which slot is due, and only once, the ledger decides."""
        from apscheduler.schedulers.background import BackgroundScheduler  # noqa: PLC0415 - daemon only
        from apscheduler.triggers.cron import CronTrigger  # noqa: PLC0415 - daemon only

        scheduler = BackgroundScheduler(
            timezone="UTC",
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for terms in self.services.banks.values():
            for line in terms.fetch:
                trigger = CronTrigger.from_crontab(line, timezone=terms.zone)
                scheduler.add_job(self._woken.put, trigger, args=["timetable"])
        scheduler.start()
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)


def act(verb: str, subject: str, sweep: Sweep) -> dict[str, str]:
    """What a person asked for: `send` or `fetch` (subject: a bank, "" for all), `not-sent`,
    `look-again`, or `erase`, whose answer names the files that stay, and why.

    The answer names the banks that could not be reached, and why.
    """
    if verb in {"not-sent", "look-again"}:
        return _of_doubt(verb, json.loads(subject), sweep)
    if verb == "erase":
        with _exporting(sweep.services):
            return carry_out(sweep)
    if subject and subject not in sweep.services.banks:
        raise not_configured(subject)
    with _exporting(sweep.services):
        if verb == "send":
            wait_until_settled(sweep, subject or None)
        else:
            sweep_inbound(sweep, [subject] if subject else list(sweep.services.banks))
        sweep_outbound(sweep, subject or None)  # after a fetch: a report may have settled a doubt
    return dict(sweep.unreachable)


def _of_doubt(verb: str, wish: dict[str, str], sweep: Sweep) -> dict[str, str]:
    """Only where no settling runs beside it may the desk look, or say that it did not arrive."""
    file_id, who = wish["file_id"], wish["who"]
    try:
        if verb == "look-again":
            return {"state": desk.look_again(sweep, file_id, who)}
        seen = int(wish["seen"])
        state = desk.resolve_not_sent(sweep, file_id, who, wish["reason"], seen=seen)
    except H2HError as error:
        return {"refused": tell(words_of(error), sweep.services.translate)}
    return {"state": state}


def notify(state: str) -> None:
    """Tell systemd (sd_notify(3)); without it, nothing happens."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.sendto(state.encode(), "\0" + address[1:] if address[0] == "@" else address)
