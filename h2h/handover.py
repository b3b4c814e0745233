"""Handing finished files to the ERP: each appears once, whole, under its final name.

The names and hashes of flushed temporaries are committed before any of them is renamed. On resume
a missing temporary means that the file was handed over, so nothing is ever handed over twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from h2h.ports import File, HandOver
from h2h.sweep import Sweep

Content = Path | bytes


def prepare(sweep: Sweep, folder: str, contents: Mapping[str, Content]) -> list[HandOver]:
    """Write the flushed temporaries; nothing of them is visible yet."""
    handed = []
    for name, content in contents.items():
        temporary, sha256 = sweep.services.desktop.prepare(folder, name, content)
        handed.append(HandOver(folder, temporary, name, sha256))
    return handed


def publish(file: File, sweep: Sweep) -> None:
    """Rename what was committed; repeatable at every point."""
    for item in sweep.ledger.pending_hand_overs(file):
        sweep.services.desktop.publish(item.folder, item.temporary, item.name)
        sweep.log.event("handed_over", file_id=file.id, folder=item.folder, name=item.name)
    sweep.ledger.handed_over(file)
