"""When the practice bank has done all there is to do, as seen from another process."""

from __future__ import annotations

import time
from pathlib import Path

from h2h.core.naming import is_temporary
from h2h.errors import Transient

_WITHIN = 60.0  # seconds
_LOOK = 0.05


def wait_until_at_rest(folder: Path) -> None:
    """Until nothing lies in its Outbox, all that came is decided, and every answer is sent.

    Raises Transient when that does not happen within a minute.
    """
    end = time.monotonic() + _WITHIN
    while not _at_rest(folder):
        if time.monotonic() > end:
            raise Transient("the practice bank is not done", "Look at what it says, then try again")
        time.sleep(_LOOK)


def _at_rest(folder: Path) -> bool:
    """In the order in which a file goes, so that none is overlooked on its way."""
    bank = folder / "bank"
    if any(not is_temporary(path.name) for path in (folder / "sftp/Outbox").iterdir()):
        return False
    came = sum(path.is_file() for path in (bank / "received").rglob("*"))
    log = bank / "received.jsonl"
    decided = len(log.read_bytes().splitlines()) if log.exists() else 0
    return came == decided and not any((bank / "pickup").iterdir())
