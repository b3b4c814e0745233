"""The workspace that a command was called for."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from h2h.adapters.sql.ledger import SqlLedger


@contextmanager
def ledger_at(config_path: Path) -> Iterator[SqlLedger]:
    """The workspace's ledger, for a command that looks or decides."""
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.wiring import ledger_of  # noqa: PLC0415 - heavy

    ledger = ledger_of(load(config_path))
    try:
        yield ledger
    finally:
        ledger.close()


def operator() -> str:
    """Who acts: the operating system's user, whatever the environment says."""
    return f"os:{pwd.getpwuid(os.getuid()).pw_name}"


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
