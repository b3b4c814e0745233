"""Who is told of what: channels, the durable queue before them, and what is looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from h2h.core.alerts import Alert, Condition, Group, Interest, Line, Message
from h2h.core.chain import Head


class Channel(Protocol):
    """One way to people: a mailbox, a web hook, a chat."""

    interest: Interest

    def send(self, message: Message) -> None:
        """Hand it over, within the channel's own time limit.

        Raises Transient, Refused or ConfigError; cut, it may have arrived all the same.
        """
        ...


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert on its way through one channel; `sent` None: it waits."""

    id: int
    channel: str
    at: datetime
    alert: Alert
    sent: datetime | None


@dataclass(frozen=True, slots=True)
class Batch:
    """All that waits for one channel: what goes out as one message."""

    channel: str
    last: int  # the newest alert that it is about
    oldest: datetime
    groups: tuple[Group, ...]
    first: tuple[Line, ...]  # the worst of them, in their order


@dataclass(frozen=True, slots=True)
class Backlog:
    """How a channel stands. `due_at` None: it may be tried now."""

    channel: str
    waiting: int
    failures: int
    due_at: datetime | None
    because: str


class Alerts(Protocol):
    """The part of the ledger that alerts are kept in until they were sent, and a while after."""

    def alerts_seen(self) -> Head | None:
        """How far the chain was looked at for alerts; None before the first look."""
        ...

    def conditions(self) -> Mapping[str, Condition]:
        """The conditions that were told and have not ended."""
        ...

    def queue_alerts(
        self,
        queued: Sequence[tuple[str, Alert]],
        now: datetime,
        *,
        seen: Head | None = None,
        began: Sequence[Condition] = (),
        ended: Sequence[str] = (),
        until: datetime | None = None,
    ) -> None:
        """Commit alerts with the channels that they are for, and what they follow from.

        The alerts, how far the chain was `seen`, and the conditions that `began` and `ended` are
        one transaction, so that nothing is told twice or missed. Conditions with `until` do not
        end by themselves but then.
        """
        ...

    def note_alert(
        self, queued: Sequence[tuple[str, Alert]], condition: Condition, now: datetime
    ) -> bool:
        """Commit an alert of the log; False when it was told within the last day already."""
        ...

    def alert_batch(self, channel: str, most: int) -> Batch | None:
        """What waits for a channel, with the `most` worst lines; None when nothing does."""
        ...

    def alerts_sent(self, channel: str, last: int, now: datetime) -> None:
        """All up to `last` were handed over; those of long ago are forgotten."""
        ...

    def alerts_failed(self, channel: str, because: str, due_at: datetime) -> None:
        """The channel did not take them: one more failure, and not before `due_at` again."""
        ...

    def returned_in(self, file_id: str) -> int:
        """How many entries of a bank file are payments of ours that came back."""
        ...

    def backlogs(self) -> Sequence[Backlog]:
        """How every channel stands that ever had an alert."""
        ...

    def alerts(self, channel: str = "", limit: int = 100) -> Sequence[AlertRow]:
        """The newest alerts, the newest first."""
        ...


# ------------------------------------------------------------------------------ what is looked at


@dataclass(frozen=True, slots=True)
class Expiry:
    """A key or certificate that ends on `ends`."""

    what: str
    ends: date
    bank: str = ""


@dataclass(frozen=True, slots=True)
class Disk:
    """A file system that h2h writes to, in bytes."""

    room: str  # archive, inbox, outbox, ledger
    free: int
    size: int


def _nothing() -> Sequence[Expiry]:
    return ()


def _no_disks() -> Sequence[Disk]:
    return ()


@dataclass(frozen=True, slots=True)
class Watch:
    """From when on a state is worth an alert, and how the machine is asked."""

    cut_off_near: timedelta = timedelta(hours=1)
    silent_after: timedelta = timedelta(hours=4)  # over the newest slot of a bank's timetable
    disk_free: int = 1_000_000_000  # bytes
    expiries: Callable[[], Sequence[Expiry]] = _nothing
    disks: Callable[[], Sequence[Disk]] = _no_disks
