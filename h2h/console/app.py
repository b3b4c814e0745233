"""The console as an ASGI application: routes, and what every answer carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from h2h import resources
from h2h.console.guard import TooLong, missing, refused
from h2h.console.page import Room, room_of
from h2h.console.pages import (
    account,
    accounts,
    archive,
    file,
    files,
    log,
    operators,
    payment,
    reports,
    retention,
    sessions,
    sign_in,
    today,
)
from h2h.console.pages.events import events
from h2h.console.pages.health import probe
from h2h.core.words import say, tell
from h2h.errors import H2HError
from h2h.flows.readiness import PATHS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from h2h.ports import Services

_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none at all a browser tells "null" as a form's origin
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",  # of what an operator saw nothing stays behind
}
_LARGEST_FORM = 64 * 1024  # bytes: a reason in words, never a file

ROUTES = (
    Route("/", today.page),
    Route("/events", events),
    Route("/files", files.page),
    Route("/payments", files.payments),
    Route("/files/{file_id}", file.page),
    Route("/files/{file_id}/content/{name}", file.download),
    Route("/files/{file_id}/{verb}", file.act, methods=["POST"]),
    Route("/files/{file_id}/statements/{number}/{verb}", file.of_statement, methods=["POST"]),
    Route("/files/{file_id}/payments/{number:int}", payment.page),
    Route("/files/{file_id}/payments/{number:int}/recall", payment.recall, methods=["POST"]),
    Route("/accounts", accounts.page),
    Route("/accounts/one", accounts.one),
    Route("/archive", archive.page),
    Route("/archive/verify", archive.verify, methods=["POST"]),
    Route("/archive/verification", archive.verification),
    Route("/archive/retention", retention.page),
    Route("/archive/retention/propose", retention.propose, methods=["POST"]),
    Route("/archive/retention/confirm", retention.confirm, methods=["POST"]),
    Route("/archive/retention/hold", retention.hold, methods=["POST"]),
    Route("/archive/retention/lift", retention.lift, methods=["POST"]),
    Route("/archive/retention/lifted", retention.lifted, methods=["POST"]),
    Route("/archive/{file_id}.tar.gz", archive.download),
    Route("/reports", reports.page),
    Route("/reports/{kind}", reports.one),
    Route("/reports/{kind}/download", reports.download),
    Route("/log", log.page),
    Route("/operators", operators.page),
    Route("/operators/add", operators.add, methods=["POST"]),
    Route("/operators/change", operators.change, methods=["POST"]),
    Route("/operators/decide", operators.decide, methods=["POST"]),
    Route("/operators/revoke", operators.revoke, methods=["POST"]),
    Route("/sessions", sessions.page),
    Route("/sessions/end", sessions.end, methods=["POST"]),
    Route("/second-factor", operators.second_factor),
    Route("/second-factor", operators.new_second_factor, methods=["POST"]),
    Route("/sign-in", sign_in.page),
    Route("/sign-in", sign_in.enter, methods=["POST"]),
    Route("/sign-out", sign_in.leave, methods=["POST"]),
    Route("/language", account.language, methods=["POST"]),
    Route("/password", account.page),
    Route("/password", account.change, methods=["POST"]),
    Route("/pause", today.pause, methods=["POST"]),
    Route("/resume", today.resume, methods=["POST"]),
    *(Route(path, probe) for path in PATHS),
)


def application(services: Services, *, secure: bool = False) -> Starlette:
    """The console of a workspace; `secure`: it is reached by TLS alone, so cookies are too."""
    static = StaticFiles(directory=resources.find("console") / "static")
    app = Starlette(
        routes=[*ROUTES, Mount("/static", static)],
        middleware=[Middleware(_EveryAnswer)],
        exception_handlers={H2HError: refused, 404: missing, Exception: _failed},
    )
    app.state.room = Room(services, secure=secure)
    return app


async def _failed(request: Request, _: Exception) -> Response:
    """A mistake of ours, which the log tells; Starlette answers it outside of `_EveryAnswer`."""
    telling = room_of(request).telling(request)
    words = say("This page could not be made. Whoever runs h2h finds the reason in its log.")
    return PlainTextResponse(tell(words, telling.translate), 500, headers=_HEADERS)


class _EveryAnswer:
    """Puts the headers on every answer, and refuses a form that is too long to be one of ours."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > _LARGEST_FORM:
                raise TooLong(say("this form is too long"), say("Send fewer words"))
            return message

        await self._app(_without_nul(scope), bounded, with_headers)


def _without_nul(scope: Scope) -> Scope:
    """No text of ours holds a NUL, and PostgreSQL takes none; an address with one names nothing."""
    query = scope["query_string"]
    while b"%00" in query:  # again: "%%0000" holds another one
        query = query.replace(b"%00", b"")
    return {**scope, "path": scope["path"].replace("\0", "\ufffd"), "query_string": query}
