"""Signing in and out."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from h2h.console.guard import COOKIE, FORM, signed_in
from h2h.console.page import Asked, Room, room_of
from h2h.core.words import say
from h2h.errors import Refused

if TYPE_CHECKING:
    from starlette.requests import Request

_BEFORE = "h2h_sign_in"  # the cookie that the form of a stranger is bound to
_SOON = 3600  # seconds that a form to sign in is good for


def page(request: Request) -> Response:
    """The form, and what to do while there is nobody who could sign in."""
    return _form(request, room_of(request))


async def enter(request: Request) -> Response:
    """Sign in; whatever was wrong, the words are the same."""
    form = await request.form()
    names = ("name", "password", "code", FORM)
    fields = {name: str(form.get(name, "")).replace("\0", "") for name in names}
    return await run_in_threadpool(_enter, request, fields)


def _enter(request: Request, fields: dict[str, str]) -> Response:
    room = room_of(request)
    bound = request.cookies.get(_BEFORE, "")
    if not bound or not hmac.compare_digest(bound.encode(), fields[FORM].encode()):
        return _form(request, room, Refused(say("this form is old"), say("Try again")))
    address = _address(request)
    try:
        token, _ = room.ledger.sign_in(
            fields["name"].strip(), fields["password"], fields["code"].strip(), address, room.now
        )
    except Refused as error:
        return _form(request, room, error)
    answer = RedirectResponse("/", status_code=303)
    _keep(answer, COOKIE, token, room)
    answer.delete_cookie(_BEFORE)
    return answer


def _address(request: Request) -> str:
    """Where somebody asks from; "" for what is no address, such as a name or a socket."""
    host = request.client.host if request.client else ""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


def _form(request: Request, room: Room, error: Refused | None = None) -> Response:
    bound = secrets.token_urlsafe(24)
    nobody = not room.ledger.operators()
    answer = room.render(
        request,
        "sign_in.html",
        status=401 if error else 200,
        form_token=bound,
        error=error,
        nobody=nobody,
    )
    _keep(answer, _BEFORE, bound, room, age=_SOON)
    return answer


def _keep(answer: Response, name: str, value: str, room: Room, age: int | None = None) -> None:
    answer.set_cookie(
        name, value, max_age=age, httponly=True, samesite="strict", secure=room.secure
    )


def _leave(asked: Asked) -> Response:
    asked.room.ledger.sign_out(asked.request.cookies.get(COOKIE, ""), asked.room.now)
    answer = RedirectResponse("/sign-in", status_code=303)
    answer.delete_cookie(COOKIE)
    return answer


leave = signed_in(_leave, act=None)
