"""Alerts: what happened and what lasts is looked at, queued in the ledger, and sent from there.

Moves are read from the chain, each once: how far it was read is committed with the alerts that
followed. States that last (a missing statement, a key that expires) are told when they begin, when
they change, and when they are over. What the log alone tells, adapters/alert_log.py queues.

Sending is a thread for each channel: no payment waits for a mail server. A channel that is down
keeps its alerts. A kill between sending and marking repeats one message, and loses none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice

from h2h.core.alerts import Alert, Condition, Event, Level, Moved, message, of_move, over
from h2h.core.approval import approve_by
from h2h.core.books import account_key
from h2h.core.calendar import back_off, business_date, window_end
from h2h.core.chain import Head, Link, Walk
from h2h.core.confidential import masked
from h2h.core.states import In, Kept, Out
from h2h.core.words import say
from h2h.errors import H2HError
from h2h.flows.expecting import outlook_of
from h2h.ports import BankTerms, Channel, Expiry, File, Health, Services, StatementRow

Slot = Callable[[BankTerms, datetime], datetime | None]  # the newest of a bank's timetable

_MOST_MOVES = 2_000  # that one look reads at a time
_LINES = 20  # of a message
_PAUSE = 2.0  # seconds between two looks at the queue
_LONGEST = 60.0  # seconds that a single pass waits for its channels
_LAST_WORDS = 5.0  # seconds that a stopping daemon waits for a message on its way
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAYS_BEFORE = (1, 7, 30, 90)  # that an expiry is told of
_UNREACHED = 3  # failed logins in a row that are worth an alert
_RECENT = timedelta(days=40)  # that a missing statement is looked for


def new_alerts(services: Services, alerts: Sequence[Alert]) -> list[tuple[str, Alert]]:
    """Each with the channels that it is for."""
    interests = [channel.interest for channel in services.channels]
    return [(each.name, alert) for alert in alerts for each in interests if each.wants(alert)]


class Watcher:
    """Looks at the ledger and the machine, and queues what somebody has to hear of."""

    def __init__(self, services: Services, slot: Slot) -> None:
        self._services = services
        self._ledger = services.ledger
        self._slot = slot
        self._seen: Head | None = None
        self._looked: datetime | None = None
        self._expiries: tuple[datetime, Sequence[Expiry]] | None = None

    def look(self) -> None:
        """Once a pass: new moves; once a minute what lasts. Without a channel nothing."""
        if not self._services.channels:
            return
        try:
            self._look(self._services.clock.now())
        except Exception as error:  # noqa: BLE001 - alerts never end a pass; the next look tells
            self._services.log.event("alerts_not_queued", because=str(error))

    def _look(self, now: datetime) -> None:
        self._look_at_moves(now)
        if self._looked is None or now - self._looked >= _MINUTE or now < self._looked:
            self._look_at_conditions(now)
            self._looked = now

    # -- moves

    def _look_at_moves(self, now: datetime) -> None:
        if self._seen is None:
            self._seen = self._ledger.alerts_seen()
        if self._seen is None:  # the very first look: what was before is nobody's alarm
            self._seen = self._ledger.head()
            self._ledger.queue_alerts((), now, seen=self._seen)
        while self._ledger.newest_move() != self._seen.sequence:
            with self._ledger.snapshot() as snapshot:
                links = list(islice(snapshot.links(self._seen.sequence), _MOST_MOVES))
            if not links:  # an older ledger: integrity tells of it
                return
            alerts = [*self._broken(links), *self._of_links(links)]
            seen = Head(links[-1].sequence, links[-1].hash)
            self._ledger.queue_alerts(new_alerts(self._services, alerts), now, seen=seen)
            self._seen = seen

    def _broken(self, links: Sequence[Link]) -> Iterator[Alert]:
        """What is new in the chain must follow from what was seen of it."""
        walk = Walk()
        walk.head = self._seen or Head()
        for each in walk.misfits(links):
            words = say("record {sequence}: {why}", sequence=each.sequence, why=each.why)
            yield Alert(Event.CHAIN, words, file_id=each.file_id)

    def _of_links(self, links: Sequence[Link]) -> Iterator[Alert]:
        files: dict[str, File | None] = {}
        for each in links:
            if not each.file_id:
                yield from _of_act(each)
                continue
            if each.file_id not in files:
                files[each.file_id] = self._ledger.file(each.file_id)
            file = files[each.file_id]
            if file is not None:
                yield from self._of_move(each, file)

    def _of_move(self, link: Link, file: File) -> Iterator[Alert]:
        newest = link.sequence == file.last_move
        moved = Moved(
            file.id,
            file.name,
            file.bank or "",
            file.direction,
            link.source,
            link.target,
            file.because if newest and file.because == link.because else link.because,
            confidential=file.confidential,
            poison=any(problem.rule == "poison" for problem in file.problems),
        )
        if link.source == link.target or link.target not in {*Out, *In}:
            return  # a note on the file, no move
        alert = of_move(moved)
        if alert is not None:
            yield alert
        if file.direction == "in" and link.target == In.BOOKED:
            yield from self._of_statements(file)

    def _of_statements(self, file: File) -> Iterator[Alert]:
        for row in self._ledger.statements(file.id):
            name = say(
                "statement {number} of {account} {currency}",
                number=row.number,
                account=row.account,
                currency=row.currency,
            )
            if row.kept is Kept.HELD:
                because = self._quoted(row)
                words = say("{name}: {because}", name=name, because=because)
                yield Alert(Event.STATEMENT_HELD, words, row.bank, file.id)
            elif "gap" in row.flags:
                words = say("{name} does not follow the one before it", name=name)
                yield Alert(Event.STATEMENT_GAP, words, row.bank, file.id)
        returned = self._ledger.returned_in(file.id)
        if returned:
            words = say("{name}: {count} payments came back", name=file.name, count=returned)
            yield Alert(Event.RETURNED, words, file.bank or "", file.id)

    def _quoted(self, row: StatementRow) -> str:
        """Why it is held; it may tell amounts, which those of a confidential account are not."""
        terms = self._services.banks.get(row.bank)
        if terms is None or account_key(row.account) in terms.confidential_accounts:
            return say("look at it with `h2h show {id}`", id=row.file_id)
        return row.because

    # -- what lasts

    def _look_at_conditions(self, now: datetime) -> None:
        there = {each.key: each for each in self._conditions(now)}
        known = self._ledger.conditions()
        began = [
            each
            for key, each in there.items()
            if key not in known or known[key].value != each.value
        ]
        ended = [key for key in known if key not in there]
        if began or ended:
            alerts = [each.alert for each in began] + [over(known[key].alert) for key in ended]
            queued = new_alerts(self._services, alerts)
            self._ledger.queue_alerts(queued, now, began=began, ended=ended)

    def _conditions(self, now: datetime) -> Iterator[Condition]:
        for terms in self._services.banks.values():
            yield from self._of_bank(terms, now)
        yield from self._cut_offs(now)
        yield from self._doubts(now)
        yield from self._keys(now)
        yield from self._disks()
        for change in self._ledger.proposals():
            words = say(
                "{who} asked for a change of {subject} ({kind}); another person confirms it",
                who=change.who,
                subject=change.subject,
                kind=change.kind,
            )
            yield Condition(f"change {change.id}", Alert(Event.CONFIG, words))

    def _of_bank(self, terms: BankTerms, now: datetime) -> Iterator[Condition]:
        if window_end(now, terms.closed, terms.zone) is not None:
            yield from self._as_before(terms.name)  # in maintenance it neither begins nor ends
            return
        health = self._ledger.health(terms.name)
        if health.failures >= _UNREACHED:
            words = say("{bank}: {because}", bank=terms.name, because=health.because)
            yield Condition(
                f"unreachable {terms.name}", Alert(Event.UNREACHABLE, words, terms.name)
            )
        yield from self._silence(terms, health, now)
        yield from self._missing(terms, now)

    def _as_before(self, bank: str) -> Iterator[Condition]:
        for each in self._ledger.conditions().values():
            if each.alert.bank == bank and each.alert.event in _OF_A_BANK:
                yield each

    def _silence(self, terms: BankTerms, health: Health, now: datetime) -> Iterator[Condition]:
        slot = self._slot(terms, now - self._services.watch.silent_after)
        if health.contact is None or slot is None or health.contact >= slot:
            return
        words = say(
            "nothing was heard from {bank} since {since} UTC",
            bank=terms.name,
            since=f"{health.contact:%Y-%m-%d %H:%M}",
        )
        yield Condition(f"silent {terms.name}", Alert(Event.SILENT, words, terms.name))

    def _missing(self, terms: BankTerms, now: datetime) -> Iterator[Condition]:
        since = business_date(now, terms.zone) - _RECENT
        for account in terms.accounts:
            found = outlook_of(self._ledger, terms, account, now, since)
            for each in found.missing if found else ():
                words = say(
                    "statement of {account} {currency} for {day}: {because}",
                    account=account.number,
                    currency=account.currency,
                    day=each.day.isoformat(),
                    because=each.words(),
                )
                key = f"missing {terms.name} {account.number} {account.currency} {each.day}"
                yield Condition(key, Alert(Event.STATEMENT_MISSING, words, terms.name))

    def _cut_offs(self, now: datetime) -> Iterator[Condition]:
        near: dict[tuple[str, datetime], int] = {}
        waiting = frozenset({Out.AWAITING_APPROVAL, Out.HELD})
        for file in self._ledger.files(waiting, direction="out"):
            terms = self._services.banks.get(file.bank or "")
            if terms is None:
                continue
            agreed = (terms.check.cut_offs, terms.calendar, terms.zone)
            until = approve_by(file.executions, *agreed, now)
            if until and now < until.at <= now + self._services.watch.cut_off_near:
                near[terms.name, until.at] = near.get((terms.name, until.at), 0) + 1
        for (bank, at), count in near.items():
            words = say(
                "{count} files to {bank} wait for a decision: by {at}",
                count=count,
                bank=bank,
                at=f"{at:%H:%M}",
            )
            yield Condition(f"cut-off {bank} {at.isoformat()}", Alert(Event.CUT_OFF, words, bank))

    def _doubts(self, now: datetime) -> Iterator[Condition]:
        for file in self._ledger.files(frozenset({Out.IN_DOUBT}), direction="out"):
            terms = self._services.banks.get(file.bank or "")
            since = self._announced(file)
            if terms is None or since is None or now - since < terms.doubt_deadline:
                continue
            words = say(
                "{id}: no proof of its arrival since {since} UTC; a person must ask the bank",
                id=file.id,
                since=f"{since:%Y-%m-%d %H:%M}",
            )
            alert = Alert(Event.IN_DOUBT_TOO_LONG, words, terms.name, file.id)
            yield Condition(f"doubt {file.id} {file.attempt}", alert)

    def _announced(self, file: File) -> datetime | None:
        moves = reversed(self._ledger.moves(file.id))
        return next((move.at for move in moves if move.target == Out.DELIVERING), None)

    def _keys(self, now: datetime) -> Iterator[Condition]:
        """The rings are asked once an hour: that takes a process each."""
        if self._expiries is None or not now - _HOUR < self._expiries[0] <= now:
            self._expiries = now, self._services.watch.expiries()
        for each in self._expiries[1]:
            left = (each.ends - now.date()).days
            within = next((days for days in _DAYS_BEFORE if left <= days), None)
            if within is None:
                continue
            words = say(
                "{what} expires on {day}: {left} days are left",
                what=each.what,
                day=each.ends.isoformat(),
                left=max(left, 0),
            )
            level = Level.CRITICAL if within <= _DAYS_BEFORE[1] else Level.WARNING
            alert = Alert(Event.KEY_EXPIRES, words, each.bank, raised=level)
            value = f"{each.ends.isoformat()} {within if left > 0 else 'expired'}"
            yield Condition(f"expires {each.bank} {each.what}", alert, value)

    def _disks(self) -> Iterator[Condition]:
        for disk in self._services.watch.disks():
            if disk.free < self._services.watch.disk_free:
                words = say(
                    "the disk of {room} has {free} MB left",
                    room=disk.room,
                    free=disk.free // 1_000_000,
                )
                yield Condition(f"disk {disk.room}", Alert(Event.DISK, words))


_OF_A_BANK = {Event.UNREACHABLE, Event.SILENT, Event.STATEMENT_MISSING}


def _of_act(link: Link) -> Iterator[Alert]:
    """Of acts on the whole room only the stop button is an alert."""
    if link.target == "paused":
        words = say("{what} (by {who})", what=link.because, who=link.who)
        yield Alert(Event.PAUSED, words)


# ------------------------------------------------------------------------------------------ sending


class Courier:
    """Carries what waits for one channel."""

    def __init__(self, services: Services, channel: Channel) -> None:
        self._services = services
        self._channel = channel

    def deliver(self, *, at_once: bool = False) -> bool:
        """Send what waits, as one message, when it was collected long enough (or `at_once`).

        Returns whether it was sent. A channel that failed is left alone until its pause is over.
        """
        interest, now = self._channel.interest, self._services.clock.now()
        batch = self._services.ledger.alert_batch(interest.name, _LINES)
        if batch is None or not (at_once or now - batch.oldest >= interest.collect):
            return False
        failures, due_at = self._failures()
        if due_at is not None and now < due_at:
            return False
        services = self._services
        told = message(batch.groups, batch.first, services.environment, services.translate, masked)
        try:
            self._channel.send(told)
        except H2HError as error:
            because = masked(str(error))
            services.log.event("alert_not_sent", channel=interest.name, because=because)
            due_at = services.clock.now() + back_off(failures + 1)
            services.ledger.alerts_failed(interest.name, because, due_at)
            return False
        services.ledger.alerts_sent(interest.name, batch.last, services.clock.now())
        return True

    def _failures(self) -> tuple[int, datetime | None]:
        for each in self._services.ledger.backlogs():
            if each.channel == self._channel.interest.name:
                return each.failures, each.due_at
        return 0, None

    def run(self, stopping: threading.Event) -> None:
        """Until `stopping`; no failure of a channel ends it."""
        while not stopping.wait(_PAUSE):
            self.once(at_once=False)

    def once(self, *, at_once: bool = True) -> None:
        """`deliver`; whatever fails (the ledger, its disk, a channel's library) is a log line."""
        try:
            self.deliver(at_once=at_once)
        except Exception as error:  # noqa: BLE001 - else the channel would fall silent for good
            name, because = self._channel.interest.name, str(error)
            self._services.log.event("alert_not_sent", channel=name, because=because)


@contextmanager
def couriers(services: Services) -> Iterator[None]:
    """A thread for each channel as long as this lasts. What is on its way at the end gets a moment;
    what waits stays in the ledger."""
    stopping = threading.Event()
    threads = [
        threading.Thread(target=Courier(services, each).run, args=(stopping,), daemon=True)
        for each in services.channels
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stopping.set()
        for thread in threads:
            thread.join(_LAST_WORDS)


def tell_at_once(services: Services, slot: Slot) -> None:
    """Look, and send what waits: for a single pass, which no slow server may keep from ending."""
    Watcher(services, slot).look()
    threads = [
        threading.Thread(target=Courier(services, each).once, daemon=True)
        for each in services.channels
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_LONGEST)
