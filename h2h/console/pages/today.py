"""Today: what waits for whom, what went, what came, how the banks are, what there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse, Response

from h2h import desk
from h2h.console.chart import Chart, Line, chart
from h2h.console.guard import signed_in
from h2h.console.page import Asked, Room
from h2h.core.calendar import business_date
from h2h.core.money import total
from h2h.core.operators import Act
from h2h.core.position import Position, grouped
from h2h.core.states import BEFORE_DELIVERING, Out
from h2h.core.words import say
from h2h.daemon import next_slot
from h2h.desk.waiting import going_on, waiting
from h2h.errors import Refused
from h2h.flows.expecting import outlook_of
from h2h.reports.position import booked_lines, position_of

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from h2h.core.expected import Missing
    from h2h.ports import BankTerms, Health, Sum

_RECENT = timedelta(days=40)  # what is missing for longer was told when it fell due
_CHARTED = 30  # days
_LISTED = 50  # of the files that go on by themselves


def _page(asked: Asked) -> Response:
    room, services = asked.room, asked.room.services
    midnight = datetime.combine(room.now.astimezone(room.zone), time.min, room.zone)
    counts = room.ledger.counts_since(midnight)
    further = going_on(services, asked.session.roles, room.now)
    return asked.render(
        "today.html",
        waits=waiting(services, asked.session.roles, room.now),
        going_on=further[:_LISTED],
        more_going_on=max(0, len(further) - _LISTED),
        out=[_group(*group, counts.out) for group in _GROUPS],
        out_files=sum(each.files for each in counts.out.values()),
        counts=counts,
        kinds=_KINDS,
        since=midnight.date(),
        missing=_missing(room),
        banks=[_bank(terms, room) for terms in services.banks.values()],
        expiries=[(each, (each.ends - midnight.date()).days) for each in room.expiries()],
        positions=_positions(room),
        charts=_charts(room, midnight.date()),
        as_of=room.now,
    )


# ---------------------------------------------------------------------------------- what went today

# The states of a payment file in a clerk's words, as the page tells of them.
_GROUPS = (
    (say("accepted"), "done", (Out.ACCEPTED, Out.PART_ACCEPTED)),
    (say("sent, no answer yet"), "quiet", (Out.SENT, Out.ACKNOWLEDGED)),
    (say("on the way"), "quiet", tuple(BEFORE_DELIVERING - {Out.HELD, Out.AWAITING_APPROVAL})),
    (say("being delivered"), "quiet", (Out.DELIVERING,)),
    (say("waiting for a person"), "waiting", (Out.HELD, Out.AWAITING_APPROVAL)),
    (say("in doubt"), "doubt", (Out.IN_DOUBT,)),
    (say("rejected by the bank"), "refused", (Out.REJECTED, Out.CANCELLED_BY_BANK)),
    (say("refused here"), "refused", (Out.INVALID, Out.DUPLICATE)),
    (say("cancelled"), "quiet", (Out.CANCELLED,)),
)
_KINDS = {
    "statement": say("statements"),
    "intraday": say("intraday reports"),
    "notification": say("notifications"),
}


@dataclass(frozen=True, slots=True)
class _Group:
    name: str
    kind: str
    files: int
    sums: Mapping[str, Decimal]
    state: str  # by which its files are found, "" for several


def _group(name: str, kind: str, states: Sequence[Out], out: Mapping[str, Sum]) -> _Group:
    found = [(state, out[state]) for state in states if state in out]
    sums: dict[str, Decimal] = {}
    for _, each in found:
        for currency, amount in each.sums.items():
            sums[currency] = total((sums.get(currency, Decimal(0)), amount))
    state = found[0][0].value if len(found) == 1 else ""
    return _Group(name, kind, sum(each.files for _, each in found), sums, state)


# --------------------------------------------------------------------------------- what is missing


@dataclass(frozen=True, slots=True)
class _Missing:
    bank: str
    account: str
    currency: str
    first: Missing
    count: int


def _missing(room: Room) -> list[_Missing]:
    """A line for each account of which statements are overdue."""
    found = []
    for terms in room.services.banks.values():
        since = business_date(room.now, terms.zone) - _RECENT
        for account in terms.accounts:
            outlook = outlook_of(room.ledger, terms, account, room.now, since)
            if outlook is not None and outlook.missing:
                first, count = outlook.missing[0], len(outlook.missing)
                row = _Missing(terms.name, account.number, account.currency, first, count)
                found.append(row)
    return found


# --------------------------------------------------------------------------------------- the banks


@dataclass(frozen=True, slots=True)
class _Bank:
    health: Health
    next_fetch: datetime | None
    zone: ZoneInfo


def _bank(terms: BankTerms, room: Room) -> _Bank:
    return _Bank(room.ledger.health(terms.name), next_slot(terms, room.now), terms.zone)


# ------------------------------------------------------------------------------------ the position


def _positions(room: Room) -> list[tuple[Position, int | None]]:
    """By bank and currency, each with the age in days of its oldest balance."""
    banks = room.services.banks
    found = grouped(position_of(room.ledger, banks, room.now), "bank")
    return [(each, _age(each, room)) for each in found]


def _age(position: Position, room: Room) -> int | None:
    if position.as_of is None:
        return None
    return (business_date(room.now, room.services.banks[position.bank].zone) - position.as_of).days


def _charts(room: Room, today: date) -> list[tuple[str, Chart]]:
    """One for each currency: amounts of two cannot be compared by their height."""
    days = [today - timedelta(days=n) for n in reversed(range(_CHARTED))]
    lines = booked_lines(room.ledger, room.services.banks, days)
    drawn = [
        (
            currency,
            chart(
                days, [Line(each.bank, each.amounts) for each in lines if each.currency == currency]
            ),
        )
        for currency in sorted({each.currency for each in lines})
    ]
    return [(currency, each) for currency, each in drawn if each is not None]


# -------------------------------------------------------------------------------- the stop button


def _pause(asked: Asked) -> Response:
    """The stop button: everything outward, or one bank."""
    bank, reason = asked.text("bank"), asked.text("reason")
    if bank and bank not in asked.room.services.banks:
        words = say("there is no bank {bank}", bank=bank)
        raise Refused(words, say("Open the page again"))
    desk.pause(asked.room.ledger, bank, asked.who, reason, asked.room.now)
    return RedirectResponse("/", status_code=303)


def _resume(asked: Asked) -> Response:
    """Go on after the pause that was shown, no other: a later one has another reason."""
    bank, reason = asked.text("bank"), asked.text("reason")
    standing = {each.bank: each.since.isoformat() for each in asked.room.ledger.pauses()}
    if standing.get(bank) != asked.text("since"):
        words = say("the pause that you looked at is not the one that stands")
        raise Refused(words, say("Open the page again"))
    desk.resume(asked.room.ledger, bank, asked.who, reason, asked.room.now)
    return RedirectResponse("/", status_code=303)


page = signed_in(_page)
pause = signed_in(_pause, act=Act.PAUSE)
resume = signed_in(_resume, act=Act.RESUME)
