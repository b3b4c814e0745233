"""Where the chain's head is exported to: a file, and the system's log.

Whoever keeps them out of reach of the machine sees a cut tail and a rewritten chain against them.
"""

from __future__ import annotations

import json
import logging
import socket
from datetime import datetime
from logging.handlers import SysLogHandler
from pathlib import Path

from h2h.adapters import durable
from h2h.adapters.durable import disk
from h2h.core.chain import Head
from h2h.errors import Transient


class HeadFile:
    """Appends a JSON line; see h2h.ports.HeadExport. `h2h archive verify --head` reads it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def export(self, head: Head, at: datetime) -> None:
        """Append it, flushed."""
        with disk(f"exporting the chain's head to {self._path}"):
            durable.append(self._path, _line(head, at).encode() + b"\n")


class HeadSyslog:
    """Sends it to syslog as a notice of the facility auth; see h2h.ports.HeadExport."""

    def __init__(self, address: str | tuple[str, int] = "/dev/log") -> None:
        self._address = address

    def export(self, head: Head, at: datetime) -> None:
        """Send it; raises Transient where nobody listens."""
        try:
            handler = _Handler(self._address, SysLogHandler.LOG_AUTH)
        except OSError as error:
            raise Transient(
                f"syslog at {self._address}: {error}", "Look whether it runs"
            ) from error
        try:
            handler.ident = "h2h: "
            text = f"chain head {_line(head, at)}"
            handler.emit(logging.LogRecord("h2h", logging.INFO, "", 0, text, None, None))
        finally:
            handler.close()


class _Handler(SysLogHandler):
    """Raises what the standard handler prints."""

    def __init__(self, address: str | tuple[str, int], facility: int) -> None:
        super().__init__(address, facility, socket.SOCK_DGRAM)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's name
        raise Transient(
            f"syslog at {self.address} did not take the chain's head", "It is tried again"
        )


def _line(head: Head, at: datetime) -> str:
    facts = {"sequence": head.sequence, "hash": head.hash, "at": at.isoformat()}
    return json.dumps(facts)
