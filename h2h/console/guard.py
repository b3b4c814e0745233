"""Who asks, whether he may, and whether the form that came is one of ours.

A session is a random token in a cookie that no script reads; the ledger keeps its hash. A form
carries a token made from the session's, so that no other page can post in an operator's name, and
no form outlives the session that it was made in.
"""

from __future__ import annotations

import hashlib
import hmac
import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.responses import RedirectResponse, Response

from h2h.console.page import Asked, room_of
from h2h.core.operators import ACT_WORDS, Act, may, who_may
from h2h.core.words import say
from h2h.errors import H2HError, Refused

if TYPE_CHECKING:
    from starlette.requests import Request

COOKIE = "h2h_session"
LIVE = "x-live"  # a request that the script makes by itself: nobody used the page
FORM = "token"  # the field of every form

Page = Callable[[Asked], Response]


class NotOurs(Refused):
    """A form that was not made by this console for this session."""


class TooLong(Refused):
    """A form that is longer than any of ours."""


def signed_in(
    page: Page, *, act: Act | None = Act.LOOK, used: bool = True
) -> Callable[[Request], Awaitable[Response]]:
    """A page for operators whose role permits `act` (None: everybody who is signed in). Not `used`:
    no person asks for it, so that no session lasts longer by it."""

    @wraps(page)
    async def guarded(request: Request) -> Response:
        asked = await run_in_threadpool(_asked, request, used=used)
        if asked is None:
            return RedirectResponse("/sign-in", status_code=303)
        if asked.session.must_change and request.url.path not in {"/password", "/sign-out"}:
            return RedirectResponse("/password", status_code=303)
        if request.method == "POST":
            asked.form = _without_nul(await request.form())
            _insist_ours(asked, asked.form)
        if act is not None and not may(asked.session.roles, act):
            who = asked.session.operator
            words = say("{who} may not do this ({act})", who=who, act=ACT_WORDS[act])
            raise Refused(words, say("These roles may: {roles}", roles=who_may(act)))
        return await run_in_threadpool(page, asked)

    if inspect.iscoroutinefunction(page):
        raise TypeError("a page is a plain function: it runs in a thread of its own")
    return guarded


def form_token(token: str) -> str:
    """What the forms of a session carry."""
    return hashlib.sha256(b"form " + token.encode()).hexdigest()


def _asked(request: Request, *, used: bool = True) -> Asked | None:
    room = room_of(request)
    token = request.cookies.get(COOKIE, "")
    used = used and LIVE not in request.headers
    session = room.ledger.session(token, room.now, used=used) if token else None
    if session is None:
        return None
    return Asked(request, room, session, form_token(token), seen=room.ledger.newest_move())


def _without_nul(form: FormData) -> FormData:
    """The texts of a form; PostgreSQL takes no NUL."""
    return FormData([(name, _text(given)) for name, given in form.multi_items()])


def _text(given: str | UploadFile) -> str | UploadFile:
    return str(given).replace("\0", "")


def _insist_ours(asked: Asked, form: FormData) -> None:
    given = str(form.get(FORM, ""))
    origin, host = (asked.request.headers.get(name) for name in ("origin", "host"))
    same = origin in {None, f"http://{host}", f"https://{host}"}  # a proxy may end the TLS
    if not same or not hmac.compare_digest(given.encode(), asked.form_token.encode()):
        raise NotOurs(say("this form is old, or not ours"), say("Open the page again"))


async def refused(request: Request, error: Exception) -> Response:
    """An expected refusal: on the page that asked, in the reader's language."""
    assert isinstance(error, H2HError)  # noqa: S101 - registered for this class alone
    return await run_in_threadpool(_refusal, request, error)


async def missing(request: Request, _: Exception) -> Response:
    """An address where there is nothing: a page like any other."""
    error = Refused(say("there is nothing at this address"), say("Search for it, or look at Today"))
    return await run_in_threadpool(_refusal, request, error, 404)


def _refusal(request: Request, error: H2HError, status: int = 409) -> Response:
    asked = _asked(request)
    status = 403 if isinstance(error, NotOurs) else status
    status = 413 if isinstance(error, TooLong) else status
    room = room_of(request)
    back = _page_of(request.url.path)
    return room.render(request, "refused.html", asked=asked, status=status, error=error, back=back)


def _page_of(path: str) -> str:
    """Where the button was: the address of an act on a file goes on from its page's."""
    parts = path.split("/")
    if parts[1] != "files" or len(parts) < 4:
        return path
    return path.rpartition("/")[0] if parts[3] == "payments" else "/".join(parts[:3])
