"""Operators: who may do what, and changes that one proposes and a second person confirms."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from starlette.responses import RedirectResponse, Response

from h2h import desk
from h2h.console.guard import signed_in
from h2h.console.page import Asked
from h2h.core.operators import Act, Role
from h2h.core.words import say
from h2h.errors import Refused
from h2h.ports import Proposal


def _page(asked: Asked) -> Response:
    return _shown(asked)


def _shown(asked: Asked, second_half: Proposal | None = None) -> Response:
    """The page; with the second half of a password that was just confirmed, this once."""
    ledger = asked.room.ledger
    return asked.render(
        "operators.html",
        second_half=second_half,
        operators=ledger.operators(),
        changes=ledger.proposals(),
        roles=list(Role),
    )


def _add(asked: Asked) -> Response:
    now, roles = asked.room.now, [str(each) for each in asked.form.getlist("roles")]
    desk.add_operator(
        asked.room.ledger,
        asked.text("name"),
        roles,
        asked.who,
        asked.text("reason"),
        now,
        os_user=asked.text("os_user"),
        password=str(asked.form.get("password", "")),
    )
    return _back()


def _change(asked: Asked) -> Response:
    """Propose other roles, a new password, no second factor, or that somebody goes."""
    kind = asked.text("kind")
    if kind not in {"role", "password", "totp", "remove"}:
        raise Refused(say("nothing was chosen"), say("Choose what is to change"))
    password = str(asked.form.get("password", "")) if kind == "password" else ""
    if kind == "password" and not password:
        raise Refused(say("there is no new password"), say("Give its first half"))
    roles = [str(each) for each in asked.form.getlist("roles")] if kind == "role" else []
    desk.change_operator(
        asked.room.ledger,
        kind,
        asked.text("name"),
        asked.who,
        asked.text("reason"),
        asked.room.now,
        roles=roles,
        password=password,
    )
    return _back()


def _decide(asked: Asked) -> Response:
    """Confirm somebody else's change, or refuse it (one's own: take it back)."""
    back = "/archive/retention" if asked.text("back") == "retention" else "/operators"
    number, reason = asked.text("number"), asked.text("reason")
    if not number.isdecimal() or len(number) > 9:
        raise Refused(say("there is no such change"), say("Open the page again"))
    decide = desk.confirm if asked.text("decision") == "confirm" else desk.refuse
    change = decide(asked.room.ledger, int(number), asked.who, reason, asked.room.now)
    if change.second_half:
        return _shown(asked, change)
    return RedirectResponse(back, status_code=303)


def _revoke(asked: Asked) -> Response:
    desk.revoke_sessions(asked.room.ledger, asked.text("name"), asked.who, asked.room.now)
    return _back()


def _factor(asked: Asked) -> Response:
    return asked.render("second_factor.html", there=_has_factor(asked), address="", secret="")


def _new_factor(asked: Asked) -> Response:
    """One's own new second factor, shown in this answer and never again."""
    ledger, now = asked.room.ledger, asked.room.now
    ledger.insist_password(asked.who, str(asked.form.get("present", "")), now)
    address = desk.new_second_factor(ledger, asked.who, now)
    secret = parse_qs(urlsplit(address).query)["secret"][0]
    return asked.render("second_factor.html", there=True, address=address, secret=secret)


def _has_factor(asked: Asked) -> bool:
    operator = asked.room.ledger.operator(asked.who)
    return operator is not None and operator.has_totp


def _back() -> Response:
    return RedirectResponse("/operators", status_code=303)


page = signed_in(_page, act=Act.AUDIT)
add = signed_in(_add, act=Act.PROPOSE)
change = signed_in(_change, act=Act.PROPOSE)
decide = signed_in(_decide, act=Act.CONFIRM)
revoke = signed_in(_revoke, act=Act.PROPOSE)
second_factor = signed_in(_factor, act=None)
new_second_factor = signed_in(_new_factor, act=None)
