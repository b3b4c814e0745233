"""The probes: /metrics, /healthz and /readyz, without a sign-in; readiness.py says who may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from h2h.console.page import room_of
from h2h.flows.readiness import answer

if TYPE_CHECKING:
    from starlette.requests import Request


async def probe(request: Request) -> Response:
    """One of the three, by its path."""
    return await run_in_threadpool(_answer, request)


def _answer(request: Request) -> Response:
    address = request.client.host if request.client else ""
    told = answer(room_of(request).services, request.url.path, address, request.headers)
    return Response(told.body, told.status, media_type=told.kind)
