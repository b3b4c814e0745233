"""What is an operator's own: the password, and the language."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.responses import RedirectResponse, Response

from h2h import desk
from h2h.adapters.catalogue import languages
from h2h.console.guard import COOKIE, signed_in
from h2h.console.page import LANGUAGE, Asked
from h2h.core.words import say
from h2h.errors import Refused

if TYPE_CHECKING:
    from starlette.requests import Request

_YEAR = 365 * 24 * 3600


def _page(asked: Asked) -> Response:
    return asked.render("password.html")


def _change(asked: Asked) -> Response:
    """A new password, told twice; all sessions end, this one too. Who found an open session does
    not know the present one."""
    first, second = (str(asked.form.get(name, "")) for name in ("password", "again"))
    if first != second:
        raise Refused(say("the two passwords differ"), say("Type the same one twice"))
    ledger, now = asked.room.ledger, asked.room.now
    if not asked.session.must_change:
        ledger.insist_password(asked.who, str(asked.form.get("present", "")), now)
    desk.change_password(ledger, asked.who, first, now)
    answer = RedirectResponse("/sign-in", status_code=303)
    answer.delete_cookie(COOKIE)
    return answer


async def language(request: Request) -> Response:
    """Choose a language; nobody has to be signed in for it."""
    form = await request.form()
    chosen = str(form.get("language", ""))
    try:
        back = urlsplit(str(form.get("back", "/"))).path
    except ValueError:  # such as //[
        back = "/"
    local = back.startswith("/") and not back.startswith(("//", "/\\"))
    answer = RedirectResponse(back if local else "/", status_code=303)
    if chosen in languages():
        answer.set_cookie(LANGUAGE, chosen, max_age=_YEAR, httponly=True, samesite="strict")
    return answer


page = signed_in(_page, act=None)
change = signed_in(_change, act=None)
