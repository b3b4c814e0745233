"""/metrics: the ledger's figures in the form that Prometheus reads.

Gauges are asked of the ledger at each scrape. Counters and histograms begin with the process, as
is usual there, and follow the chain from then on. Labels are banks, states and currencies: never a
name, an account or an amount.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from h2h.core.states import In, Out
from h2h.ports import Clock, Disk, Ledger, Step

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram
    from prometheus_client.core import GaugeMetricFamily

_SECONDS = (1, 5, 15, 60, 300, 900, 3_600, 14_400, 43_200, 86_400, 259_200)
_TAKEN = frozenset({Out.ACCEPTED, Out.PART_ACCEPTED, Out.REJECTED})  # the bank has answered
# Moves of these are failures, by their class.
_FAILURES = frozenset(
    {Out.INVALID, Out.DUPLICATE, Out.HELD, Out.IN_DOUBT, Out.REJECTED, Out.CANCELLED_BY_BANK}
)
_SETTLED = frozenset({Out.INVALID, Out.CANCELLED, *_TAKEN, Out.CANCELLED_BY_BANK, In.DONE})
# What is in none of these any more waits for nothing; both directions know `duplicate`.
_OVER = _SETTLED | {Out.DUPLICATE, In.QUARANTINED}


class Metrics:
    """What `text` tells of one ledger."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        banks: Sequence[str],
        disks: Callable[[], Sequence[Disk]],
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._banks = banks
        self._disks = disks
        self._followed: _Followed | None = None
        self._turn = threading.Lock()

    def text(self) -> bytes:
        """All of it; raises Transient when the ledger does not answer."""
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415 - heavy

        with self._turn:  # two scrapes at once would count a move twice
            if self._followed is None:
                self._followed = _Followed(CollectorRegistry(), self._ledger.newest_move())
            self._followed.follow(self._ledger)
            there = CollectorRegistry()
            there.register(_Asked(tuple(self._gauges())))
            return generate_latest(there) + generate_latest(self._followed.registry)

    def _gauges(self) -> Iterator[GaugeMetricFamily]:
        now = self._clock.now()
        yield from self._files(now)
        yield from self._bank_health()
        yield from self._alerts()
        running = _gauge("h2h_running", "1 while an h2h holds the ledger, as the daemon does")
        running.add_metric((), float(self._ledger.is_locked()))
        free = _gauge("h2h_disk_free_bytes", "Room left on each disk that h2h writes to", "room")
        for disk in self._disks():
            free.add_metric((disk.room,), disk.free)
        ages = _gauge(
            "h2h_balance_age_seconds",
            "Age of the oldest newest balance of the accounts at a bank in a currency",
            *("bank", "currency"),
        )
        for (bank, currency), age in self._balances(now).items():
            ages.add_metric((bank, currency), age)
        yield from (running, free, ages)

    def _files(self, now: datetime) -> Iterator[GaugeMetricFamily]:
        labels = ("direction", "bank", "state")
        files = _gauge("h2h_files", "Files there are, by state", *labels)
        sizes = _gauge("h2h_files_bytes", "Their bytes, as dropped or fetched", *labels)
        oldest = _gauge(
            "h2h_oldest_file_age_seconds", "Since the oldest file in a passing state came", *labels
        )
        for each in self._ledger.files_there():
            names = (each.direction, each.bank, each.state)
            files.add_metric(names, each.count)
            sizes.add_metric(names, each.size)
            if each.state not in _OVER:
                oldest.add_metric(names, (now - each.oldest).total_seconds())
        yield from (files, sizes, oldest)

    def _bank_health(self) -> Iterator[GaugeMetricFamily]:
        failures = _gauge("h2h_bank_failures", "Failed contacts in a row", "bank")
        logins = _gauge("h2h_bank_login_failures", "Refused logins in a row", "bank")
        contact = _gauge(
            "h2h_bank_last_contact_timestamp_seconds", "When the bank let us in last", "bank"
        )
        paused = _gauge("h2h_paused", "1 while the stop button is pressed; bank all", "bank")
        for bank in self._banks:
            health = self._ledger.health(bank)
            failures.add_metric((bank,), health.failures)
            logins.add_metric((bank,), health.login_failures)
            if health.contact is not None:
                contact.add_metric((bank,), health.contact.timestamp())
        stopped = {pause.bank for pause in self._ledger.pauses()}
        for bank in ("", *self._banks):
            paused.add_metric((bank or "all",), float(bank in stopped))
        yield from (failures, logins, contact, paused)

    def _alerts(self) -> Iterator[GaugeMetricFamily]:
        waiting = _gauge("h2h_alerts_waiting", "Alerts that were not sent yet", "channel")
        failing = _gauge("h2h_alert_failures", "Failed messages in a row", "channel")
        for each in self._ledger.backlogs():
            waiting.add_metric((each.channel,), each.waiting)
            failing.add_metric((each.channel,), each.failures)
        yield from (waiting, failing)

    def _balances(self, now: datetime) -> dict[tuple[str, str], float]:
        """A balance is of the end of its day, wherever that ends first."""
        ages: dict[tuple[str, str], float] = {}
        for row in self._ledger.balances():
            if row.as_of is not None:
                end = datetime.combine(row.as_of, time.max, UTC)
                key, age = (row.bank, row.currency), max(0.0, (now - end).total_seconds())
                ages[key] = max(age, ages.get(key, 0.0))
        return ages


def _gauge(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - heavy

    return GaugeMetricFamily(name, words, labels=labels)


class _Asked:
    """Figures that were asked of the ledger, as prometheus-client takes them."""

    def __init__(self, families: Sequence[GaugeMetricFamily]) -> None:
        self._families = families

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Each of them."""
        yield from self._families


class _Followed:
    """What is counted along the chain, from where it stood when the process began."""

    def __init__(self, registry: CollectorRegistry, last: int) -> None:
        from prometheus_client import Counter, Histogram  # noqa: PLC0415 - heavy

        self.registry = registry
        self._last = last
        self._sent: Histogram = Histogram(
            "h2h_drop_to_sent_seconds",
            "From the drop of a file until it was sent",
            ["bank"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._answered: Histogram = Histogram(
            "h2h_sent_to_answer_seconds",
            "From a file's sending until its bank accepted or rejected it",
            ["bank"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._failures: Counter = Counter(
            "h2h_failures",
            "Files that were refused, held, doubted, rejected or set aside, by class",
            ["bank", "class"],
            registry=registry,
        )
        self._moves: Counter = Counter(
            "h2h_moves", "Moves of files by target", ["direction", "target"], registry=registry
        )

    def follow(self, ledger: Ledger) -> None:
        """Count what has moved since."""
        while steps := ledger.steps_since(self._last):
            for step in steps:
                self._count(step)
            self._last = steps[-1].sequence

    def _count(self, step: Step) -> None:
        self._moves.labels(step.direction, step.target).inc()
        outgoing = step.direction == "out"
        if (outgoing and step.target in _FAILURES) or step.target == In.QUARANTINED:
            self._failures.labels(step.bank, step.target).inc()
        if outgoing and step.target == Out.SENT and step.sent is None:
            self._sent.labels(step.bank).observe(_seconds(step.created, step.at))
        if outgoing and step.target in _TAKEN and step.sent is not None:
            self._answered.labels(step.bank).observe(_seconds(step.sent, step.at))


def _seconds(since: datetime, until: datetime) -> float:
    return max(0.0, (until - since).total_seconds())
