"""What alerts are: which happening is one, how bad it is, and what a message about many says.

An alert never carries a name or an amount of a confidential file. Account numbers are masked when
the message is written, since what others say is quoted in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from h2h.core.states import In, Out
from h2h.core.words import Translate, Words, say, tell


class Level(StrEnum):
    """How bad it is, the worst first."""

    CRITICAL = "critical"  # money or the proof of it is at stake: somebody acts now
    WARNING = "warning"  # it waits for somebody
    INFO = "info"  # it is as it should be, or is so again


class Event(StrEnum):
    """What an alert tells of; `events` of a channel names them."""

    RECEIVED = "received"
    SENT = "sent"
    REFUSED = "refused"
    HELD = "held"
    APPROVAL = "awaiting_approval"
    IN_DOUBT = "in_doubt"
    IN_DOUBT_TOO_LONG = "in_doubt_too_long"
    REJECTED = "rejected"
    WAITING_AT_BANK = "waiting_at_bank"
    RETURNED = "returned"
    STATEMENT_MISSING = "statement_missing"
    STATEMENT_HELD = "statement_held"
    STATEMENT_GAP = "statement_gap"
    QUARANTINED = "quarantined"
    CUT_OFF = "cut_off_near"
    KEY_EXPIRES = "key_expires"
    HOST_KEY = "host_key_changed"
    DISK = "disk_low"
    UNREACHABLE = "bank_unreachable"
    SILENT = "bank_silent"
    CHAIN = "chain_broken"
    POISON = "poison"
    CONFIG = "config_waiting"
    PAUSED = "paused"
    ALARM = "alarm"
    TROUBLE = "trouble"
    TEST = "test"


TITLES: Mapping[Event, Words] = MappingProxyType(
    {
        Event.RECEIVED: say("received"),
        Event.SENT: say("sent"),
        Event.REFUSED: say("refused by h2h"),
        Event.HELD: say("held"),
        Event.APPROVAL: say("waits for approval"),
        Event.IN_DOUBT: say("in doubt"),
        Event.IN_DOUBT_TOO_LONG: say("in doubt for too long"),
        Event.REJECTED: say("rejected by the bank"),
        Event.WAITING_AT_BANK: say("waiting at the bank"),
        Event.RETURNED: say("returned"),
        Event.STATEMENT_MISSING: say("statement missing"),
        Event.STATEMENT_HELD: say("statement held"),
        Event.STATEMENT_GAP: say("gap between statements"),
        Event.QUARANTINED: say("bank file set aside"),
        Event.CUT_OFF: say("cut-off near"),
        Event.KEY_EXPIRES: say("key or certificate expires"),
        Event.HOST_KEY: say("host key changed"),
        Event.DISK: say("disk nearly full"),
        Event.UNREACHABLE: say("bank not reached"),
        Event.SILENT: say("nothing heard from the bank"),
        Event.CHAIN: say("chain broken"),
        Event.POISON: say("file that ends h2h set aside"),
        Event.CONFIG: say("change waits for a second person"),
        Event.PAUSED: say("stopped"),
        Event.ALARM: say("alarm"),
        Event.TROUBLE: say("trouble on this machine"),
        Event.TEST: say("test"),
    }
)
_CRITICAL = (Event.IN_DOUBT, Event.IN_DOUBT_TOO_LONG, Event.HOST_KEY, Event.DISK, Event.CHAIN)
_INFO = (Event.RECEIVED, Event.SENT, Event.APPROVAL, Event.CONFIG, Event.TEST)
_USUAL: Mapping[Event, Level] = MappingProxyType(
    {
        **dict.fromkeys(Event, Level.WARNING),
        **dict.fromkeys((*_CRITICAL, Event.POISON), Level.CRITICAL),
        **dict.fromkeys(_INFO, Level.INFO),
    }
)
_LEVEL_WORDS = {
    Level.CRITICAL: say("CRITICAL"),
    Level.WARNING: say("WARNING"),
    Level.INFO: say("INFO"),
}
RANK = {level: rank for rank, level in enumerate(Level)}


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that somebody wants to know. `words` may be told in another language."""

    event: Event
    words: str
    bank: str = ""
    file_id: str = ""
    raised: Level | None = None  # where it differs from the usual level of its event

    @property
    def level(self) -> Level:
        """How bad it is."""
        return self.raised or _USUAL[self.event]


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that lasts. It is told when it begins and when its `value` changes."""

    key: str
    alert: Alert
    value: str = ""


@dataclass(frozen=True, slots=True)
class Interest:
    """Whom an alert is for. An empty set names all."""

    name: str
    events: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset({Level.CRITICAL, Level.WARNING})
    banks: frozenset[str] = frozenset()
    collect: timedelta = timedelta(minutes=1)  # so long others are waited for, to go with it

    def wants(self, alert: Alert) -> bool:
        """Does it go there? What concerns no single bank goes to those of some banks too."""
        if alert.event is Event.TEST:
            return True
        named = not self.events or alert.event in self.events
        of_bank = not (self.banks and alert.bank) or alert.bank in self.banks
        return named and alert.level in self.levels and of_bank


# ----------------------------------------------------------------------------- what becomes of what


@dataclass(frozen=True, slots=True)
class Moved:
    """A move of a file, with what is known of the file."""

    file_id: str
    name: str
    bank: str
    direction: str
    source: str
    target: str
    because: str
    confidential: bool = False
    poison: bool = False


_OUTGOING = {
    Out.SENT: Event.SENT,
    Out.INVALID: Event.REFUSED,
    Out.DUPLICATE: Event.REFUSED,
    Out.HELD: Event.HELD,
    Out.AWAITING_APPROVAL: Event.APPROVAL,
    Out.IN_DOUBT: Event.IN_DOUBT,
    Out.REJECTED: Event.REJECTED,
    Out.PART_ACCEPTED: Event.REJECTED,
    Out.CANCELLED_BY_BANK: Event.REJECTED,
}
_INCOMING = {In.FETCHED: Event.RECEIVED, In.QUARANTINED: Event.QUARANTINED}


def of_move(moved: Moved) -> Alert | None:
    """The alert that a move is; None for a move that nobody has to hear of."""
    event = _event_of(moved)
    if event is None:
        return None
    return Alert(event, _words_of(moved, event), moved.bank, moved.file_id)


def _words_of(moved: Moved, event: Event) -> Words:
    """Whether a payment file is confidential is not known before it was read."""
    if moved.confidential:
        return say(
            "{id} is {state}; the file is confidential", id=moved.file_id, state=moved.target
        )
    unread = moved.direction == "out" and event in {Event.RECEIVED, Event.POISON}
    file = moved.file_id if unread else f"{moved.name} ({moved.file_id})"
    if not moved.because:
        return say("{file} is {state}", file=file, state=moved.target)
    return say("{file} is {state}: {because}", file=file, state=moved.target, because=moved.because)


def _event_of(moved: Moved) -> Event | None:
    if moved.poison and moved.target in {Out.HELD, In.QUARANTINED}:
        return Event.POISON
    if moved.direction == "out":
        if (moved.source, moved.target) == (Out.CLAIMING, Out.CLAIMED):
            return Event.RECEIVED
        return _OUTGOING.get(Out(moved.target))
    if moved.target == In.FETCHED and moved.source:  # a person has it read again
        return None
    return _INCOMING.get(In(moved.target))


Facts = Mapping[str, str | int | None]
# Of these the log alone tells; what they quote is of this machine, not of a payment.
_TROUBLES = {
    "door_unusable": "door",
    "not_a_file": "door",
    "pass_failed": "",
    "not_recorded": "",
    "head_not_exported": "",
    "head_not_noted": "",
    "not_exported": "receiver",
    "no_rates": "file",
    "doors_not_watched": "",
}


def of_event(event: str, facts: Facts, *, hidden: bool) -> Condition | None:
    """The alert that a log event is; a value that comes again within a day is told once.

    `hidden`: what it quotes may be of a confidential file. None for events that nobody has to hear
    of, and for those that moves and states tell already.
    """
    because, bank = str(facts.get("because") or ""), str(facts.get("bank") or "")
    file_id = str(facts.get("file_id") or "")
    if event in _TROUBLES:
        where = str(facts.get(_TROUBLES[event]) or "")
        words = say("{where}: {because}", where=where, because=because) if where else because
        key = f"{event} {where} {facts.get('name') or ''}"
        return Condition(key, Alert(Event.TROUBLE, words, bank), because)
    if event == Event.HOST_KEY:
        words = say("{bank}: {because}", bank=bank, because=because)
        return Condition(f"{event} {bank}", Alert(Event.HOST_KEY, words, bank), because)
    if event == Event.CHAIN:
        return Condition(event, Alert(Event.CHAIN, because), because)
    if event not in {Event.ALARM, Event.WAITING_AT_BANK}:
        return None
    if hidden:
        because = say("look at it with `h2h show {id}`", id=file_id)
    words = say("{bank}: {because}", bank=bank, because=because) if bank else because
    return Condition(
        f"{event} {file_id} {because}", Alert(Event(event), words, bank, file_id), because
    )


def over(alert: Alert) -> Alert:
    """What is told when a condition has ended."""
    words = say("no longer so: {words}", words=alert.words)
    return Alert(alert.event, words, alert.bank, alert.file_id, Level.INFO)


# -------------------------------------------------------------------------------------- the message

_LONGEST = 500  # characters of one line of a message
_MOST_IN_SUBJECT = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One alert as it stands in the queue."""

    at: datetime
    alert: Alert


@dataclass(frozen=True, slots=True)
class Group:
    """So many alerts of one event, level and bank."""

    event: Event
    level: Level
    bank: str
    count: int


@dataclass(frozen=True, slots=True)
class Message:
    """What goes through a channel: plain text, one line for the subject."""

    subject: str
    text: str
    level: Level
    environment: str
    groups: tuple[Group, ...]
    lines: tuple[str, ...]
    count: int


def message(
    groups: Iterable[Group],
    first: Sequence[Line],
    environment: str,
    translate: Translate,
    mask: Callable[[str], str],
) -> Message:
    """One message about all of them: counts, the worst first, and the first lines."""
    ordered = tuple(sorted(groups, key=lambda g: (RANK[g.level], -g.count, g.event, g.bank)))
    count = sum(group.count for group in ordered)
    lines = tuple(_plain(mask(_told(line, translate))) for line in first)
    counted = [_counted(group, translate) for group in ordered]
    parts = [*counted, "", *lines]
    if count > len(lines):
        more = say("and {count} more; `h2h alerts list` shows all", count=count - len(lines))
        parts.append(tell(more, translate))
    return Message(
        _subject(ordered, environment, translate),
        "\n".join(parts) + "\n",
        ordered[0].level if ordered else Level.INFO,
        environment,
        ordered,
        lines,
        count,
    )


def _subject(groups: Sequence[Group], environment: str, translate: Translate) -> str:
    sums: dict[Event, int] = {}
    for group in groups:
        sums[group.event] = sums.get(group.event, 0) + group.count
    told = [f"{tell(TITLES[event], translate)} ({count})" for event, count in sums.items()]
    rest = "" if len(told) <= _MOST_IN_SUBJECT else " …"
    mark = "" if environment == "production" else f" {environment.upper()}"
    worst = tell(_LEVEL_WORDS[groups[0].level], translate) if groups else ""
    return _plain(f"h2h{mark} {worst}: {', '.join(told[:_MOST_IN_SUBJECT])}{rest}")


def _counted(group: Group, translate: Translate) -> str:
    words = tell(TITLES[group.event], translate)
    level = tell(_LEVEL_WORDS[group.level], translate)
    bank = f" ({group.bank})" if group.bank else ""
    return f"{level} {words}: {group.count}{bank}"


def _told(line: Line, translate: Translate) -> str:
    at = f"{line.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    title = tell(TITLES[line.alert.event], translate)
    return f"{at} {title}: {tell(line.alert.words, translate)}"


def _plain(text: str) -> str:
    """One printable line, whatever a bank or a file's name put into it."""
    line = "".join(each if each.isprintable() else " " for each in text)
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
