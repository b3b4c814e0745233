"""One stream a page: a line each time something moved, so that the page asks again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from h2h.console.guard import signed_in
from h2h.console.page import Asked, Room

if TYPE_CHECKING:
    from starlette.requests import Request

_LOOK = 2.0  # seconds between two looks at the chain's end
_ALIVE = 15  # looks after which the line is kept warm
_LONGEST = 900  # looks: the page connects again, and is asked anew who it is


def _stream(asked: Asked) -> Response:
    return StreamingResponse(_changes(asked.request, asked.room), media_type="text/event-stream")


async def _changes(request: Request, room: Room) -> AsyncIterator[str]:
    told = request.query_params.get("seen", "")  # what the page was made with
    seen = int(told[:18]) if told.isascii() and told.isdecimal() else -1
    yield "retry: 3000\n\n"
    for look in range(_LONGEST):
        if await request.is_disconnected():
            return
        newest = await run_in_threadpool(_newest, room)
        if newest != seen:
            seen = newest
            yield f"data: {newest}\n\n"
        elif look % _ALIVE == 0:
            yield ": still here\n\n"
        await asyncio.sleep(_LOOK)


def _newest(room: Room) -> int:
    return room.ledger.newest_move()


events = signed_in(_stream)
