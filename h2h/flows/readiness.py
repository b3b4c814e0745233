"""Is h2h alive, and can it do its work now? What /healthz and /readyz answer."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from h2h.core.confidential import masked
from h2h.errors import H2HError
from h2h.ports import Services

_BY_ITSELF = "h2h"  # who has pressed the stop button when logins were refused too often


def unwell(services: Services) -> list[str]:
    """Why the process is no use: its ledger does not answer; empty when it does."""
    try:
        services.ledger.newest_move()
    except H2HError as error:
        return [str(error)]
    return []


def unready(services: Services) -> list[str]:
    """Why files would not move now; empty when they would."""
    try:
        services.ledger.writable()
        return list(_reasons(services))
    except H2HError as error:
        return [str(error)]


def _reasons(services: Services) -> Iterator[str]:
    if not services.ledger.is_locked():
        yield "no daemon runs"
    for pause in services.ledger.pauses():
        if pause.who == _BY_ITSELF:
            yield f"{pause.bank or 'everything'} is paused after failures"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to a probe."""

    status: int
    kind: str
    body: bytes


PATHS = ("/metrics", "/healthz", "/readyz")
_METRICS = "text/plain; version=0.0.4; charset=utf-8"
_PLAIN = "text/plain; charset=utf-8"
_HERE = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
_BY_PROXY = ("forwarded", "x-forwarded-for", "x-real-ip")


def answer(services: Services, path: str, address: str, headers: Mapping[str, str]) -> Answer:
    """The answer to one of PATHS. `headers` by their names in small letters.

    Without a token only this machine is answered, and no proxy on it, which asks for others.
    """
    if not _may_ask(services, address, headers):
        return Answer(403, _PLAIN, b"not from here, or not without the bearer token\n")
    if path == "/metrics":
        try:
            return Answer(200, _METRICS, services.metrics())
        except H2HError:
            return Answer(503, _PLAIN, b"the ledger does not answer\n")
    wrong = unwell(services) if path == "/healthz" else unready(services)
    told = masked("\n".join(wrong) or "ok") + "\n"
    return Answer(503 if wrong else 200, _PLAIN, told.encode())


def _may_ask(services: Services, address: str, headers: Mapping[str, str]) -> bool:
    if services.metrics_token is None:
        return address in _HERE and not any(name in headers for name in _BY_PROXY)
    kind, _, given = headers.get("authorization", "").partition(" ")
    known = hmac.compare_digest(given.strip().encode(), services.metrics_token().encode())
    return kind.lower() == "bearer" and known
