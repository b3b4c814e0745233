"""One stream a page that is looked at: a line when something moved, so that the page asks again.

A stream is no use of a session: it makes none last longer, and it ends with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from h2h.console.guard import COOKIE, signed_in
from h2h.console.page import Asked, Room

if TYPE_CHECKING:
    from starlette.requests import Request

_LOOK = 3.0  # seconds between two looks at the chain's end: so often a page asks again at most
_ALIVE = 10  # looks after which the line is kept warm
_MOST, _MOST_OF_ONE = 200, 8  # streams in all, and of one session


def _stream(asked: Asked) -> Response:
    return StreamingResponse(_changes(asked.request, asked.room), media_type="text/event-stream")


async def _changes(request: Request, room: Room) -> AsyncIterator[str]:
    """`full`: there are too many already; `ended`: the session is over; else the newest move."""
    token, streams = request.cookies.get(COOKIE, ""), room.streams
    if streams.total() >= _MOST or streams[token] >= _MOST_OF_ONE:
        yield "event: full\ndata:\n\n"
        return
    streams[token] += 1
    try:
        yield "retry: 3000\n\n"
        async for line in _lines(request, room, token):
            yield line
    finally:
        streams[token] -= 1
        if not streams[token]:
            del streams[token]


async def _lines(request: Request, room: Room, token: str) -> AsyncIterator[str]:
    told = request.query_params.get("seen", "")  # what the page was made with
    seen = int(told[:18]) if told.isascii() and told.isdecimal() else -1
    look = 0
    while not await request.is_disconnected():
        newest = await run_in_threadpool(_newest, room, token)
        if newest is None:
            yield "event: ended\ndata:\n\n"
            return
        if newest != seen:
            seen = newest
            yield f"data: {newest}\n\n"
        elif look % _ALIVE == 0:
            yield ": still here\n\n"
        look += 1
        await asyncio.sleep(_LOOK)


def _newest(room: Room, token: str) -> int | None:
    """The newest move; None once the session is over."""
    if room.ledger.session(token, room.now, used=False) is None:
        return None
    return room.ledger.newest_move()


events = signed_in(_stream, used=False)
