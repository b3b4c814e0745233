"""Serving the console: on 127.0.0.1 unless told otherwise, by TLS when given a certificate."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from h2h.console.app import application
from h2h.errors import ConfigError

if TYPE_CHECKING:
    from h2h.ports import Services

HERE = "127.0.0.1"
_LONGEST_REQUEST = 1 << 20  # bytes of an address: whoever pastes a list gets a page, no error


def serve(
    services: Services,
    host: str,
    port: int,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    tell: Callable[[str], None],
) -> None:
    """Until SIGINT or SIGTERM; `tell` gets the address once the port is open (0: any free one).

    Raises ConfigError for a port that is taken, or another address without a certificate.
    """
    import uvicorn  # noqa: PLC0415 - for the console alone

    if host != HERE and certificate is None:
        raise ConfigError(
            f"{host} is reached from other machines, and passwords would go there in clear",
            "Give --certificate and --key, or stay on 127.0.0.1 behind a proxy of your own",
        )
    listener = _listen(host, port)
    scheme = "https" if certificate else "http"
    tell(f"{scheme}://{host}:{listener.getsockname()[1]}")
    settings = uvicorn.Config(
        application(services, secure=certificate is not None),
        log_level="warning",
        access_log=False,  # addresses hold what was searched for
        server_header=False,
        proxy_headers=False,  # X-Forwarded-For is whatever the asker wrote
        h11_max_incomplete_event_size=_LONGEST_REQUEST,
        ssl_certfile=certificate,
        ssl_keyfile=key,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(settings).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise ConfigError(
            f"{host} port {port} cannot be used: {error.strerror}", "Choose another with --port"
        ) from error
    listener.listen(128)
    return listener
