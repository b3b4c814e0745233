"""The journal: one JSON object a line on standard error, account numbers masked."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from typing import TextIO

import structlog

from h2h.core.confidential import masked
from h2h.core.naming import escaped


def _mask(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    return {
        key: masked(escaped(value)) if isinstance(value, str) and key != "timestamp" else value
        for key, value in event.items()
    }


class Journal:
    """Fulfils h2h.ports.Log with structlog."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._unwritten = 0
        self._logger = structlog.wrap_logger(
            structlog.PrintLogger(self._stream),
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _mask,
                structlog.processors.JSONRenderer(),
            ],
        )

    def event(self, event: str, /, **facts: str | int | None) -> None:
        """Note one event with its facts.

        Where nobody reads any more, or the log's disk is full, the work goes on: the ledger has
        every move. The next line that is written says how many could not be.
        """
        if self._unwritten:
            facts["unwritten"] = self._unwritten
        try:
            self._logger.info(event, **facts)
            self._unwritten = 0
        except BrokenPipeError:
            _to_nowhere(self._stream)
        except OSError:
            self._unwritten += 1


def _to_nowhere(stream: TextIO) -> None:
    """Let what is still to be written vanish, also what Python itself writes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class Silence:
    """A log for commands that speak for themselves."""

    def event(self, event: str, /, **facts: str | int | None) -> None:
        """Say nothing."""
