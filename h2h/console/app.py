"""The console as an ASGI application: routes, and what every answer carries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from h2h import resources
from h2h.console.guard import refused
from h2h.console.page import Room
from h2h.console.pages import account, sign_in, today
from h2h.console.pages.events import events
from h2h.errors import H2HError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from h2h.ports import Services

_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",  # of what an operator saw nothing stays behind
}
_LARGEST_FORM = 64 * 1024  # bytes: a reason in words, never a file

ROUTES = (
    Route("/", today.page),
    Route("/events", events),
    Route("/sign-in", sign_in.page),
    Route("/sign-in", sign_in.enter, methods=["POST"]),
    Route("/sign-out", sign_in.leave, methods=["POST"]),
    Route("/language", account.language, methods=["POST"]),
    Route("/password", account.page),
    Route("/password", account.change, methods=["POST"]),
    Route("/pause", today.pause, methods=["POST"]),
    Route("/resume", today.resume, methods=["POST"]),
)


def application(services: Services, *, secure: bool = False) -> Starlette:
    """The console of a workspace; `secure`: it is reached by TLS alone, so cookies are too."""
    static = StaticFiles(directory=resources.find("console") / "static")
    app = Starlette(
        routes=[*ROUTES, Mount("/static", static)],
        middleware=[Middleware(_EveryAnswer)],
        exception_handlers={H2HError: refused},
    )
    app.state.room = Room(services, secure=secure)
    return app


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
                return {"type": "http.disconnect"}
            return message

        await self._app(scope, bounded, with_headers)
