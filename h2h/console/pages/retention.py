"""Retention: what is past its time, the lists that two persons agree on, and legal holds."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from h2h.console.asking import day_of_form
from h2h.console.guard import signed_in
from h2h.console.page import Asked
from h2h.core.books import account_key
from h2h.core.operators import Act
from h2h.core.retention import Hold
from h2h.core.words import say
from h2h.desk import retaining
from h2h.errors import Refused
from h2h.flows.retention import listed

_MOST = 200  # files that are shown one by one


def _page(asked: Asked) -> Response:
    room = asked.room
    ledger, rules = room.ledger, room.services.retention
    found = listed(ledger, rules, room.now.date())
    waiting = [
        each for each in ledger.proposals() if each.kind in {retaining.KIND, retaining.UNHOLD}
    ]
    return asked.render(
        "retention.html",
        rules=rules,
        as_of=found.as_of,
        files=found.files[:_MOST],
        more=max(0, len(found.files) - _MOST),
        may_go=len(found.may_go),
        hash=found.hash,
        lists=[each for each in waiting if each.kind == retaining.KIND],
        lifts={int(each.subject): each for each in waiting if each.kind == retaining.UNHOLD},
        holds=ledger.holds(),
        left=len(ledger.to_erase()),
    )


def _propose(asked: Asked) -> Response:
    """Bound to the list that the page showed: what came to it since is looked at first."""
    room = asked.room
    shown = asked.text("hash")
    if listed(room.ledger, room.services.retention, room.now.date()).hash != shown:
        words = say("the list is not the one that this page showed")
        raise Refused(words, say("Look at it again, then propose it"))
    reason = asked.text("reason")
    retaining.propose(room.ledger, room.services.retention, asked.who, reason, room.now)
    return _back()


def _confirm(asked: Asked) -> Response:
    """The daemon erases what is confirmed, in its next pass."""
    room, reason = asked.room, asked.text("reason")
    rules = room.services.retention
    retaining.confirm(room.ledger, rules, _number(asked), asked.who, reason, room.now)
    return _back()


def _hold(asked: Asked) -> Response:
    days = (day_of_form(asked, "since"), day_of_form(asked, "until"))
    account = account_key(asked.text("account"))
    wish = Hold(0, asked.text("file_id"), account, *days, asked.who, asked.text("reason"))
    retaining.hold(asked.room.ledger, wish, asked.room.now)
    return _back()


def _lift(asked: Asked) -> Response:
    given = (_number(asked), asked.who, asked.text("reason"), asked.room.now)
    retaining.propose_unhold(asked.room.ledger, *given)
    return _back()


def _lifted(asked: Asked) -> Response:
    given = (_number(asked), asked.who, asked.text("reason"), asked.room.now)
    retaining.unhold(asked.room.ledger, *given)
    return _back()


def _number(asked: Asked) -> int:
    written = asked.text("number")
    if not written.isdecimal() or len(written) > 9:
        raise Refused(say("there is no such change"), say("Open the page again"))
    return int(written)


def _back() -> Response:
    return RedirectResponse("/archive/retention", status_code=303)


page = signed_in(_page)
propose = signed_in(_propose, act=Act.PROPOSE)
confirm = signed_in(_confirm, act=Act.CONFIRM)
hold = signed_in(_hold, act=Act.PAUSE)
lift = signed_in(_lift, act=Act.PROPOSE)
lifted = signed_in(_lifted, act=Act.CONFIRM)
