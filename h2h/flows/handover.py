"""Handing finished files to the ERP: each appears once, whole, under its final name.

The names and hashes of flushed temporaries are committed before any of them is renamed. On resume
a missing temporary means that the file was handed over, so nothing is ever handed over twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from h2h.core.states import Handed
from h2h.flows.sweep import Sweep
from h2h.ports import Content, File, HandOver


def prepare(sweep: Sweep, folder: str, contents: Mapping[str, Content]) -> list[HandOver]:
    """Write the flushed temporaries; nothing of them is visible yet."""
    handed = []
    for name, content in contents.items():
        temporary, sha256 = sweep.services.desktop.prepare(folder, name, content)
        handed.append(HandOver(folder, temporary, name, sha256))
    return handed


def publish(file: File, sweep: Sweep) -> None:
    """Rename what was committed, an earlier answer of that name away; repeatable at every point."""
    show(sweep.ledger.pending_hand_overs(file), file, sweep)
    sweep.ledger.handed_over(file)


def show(items: Iterable[HandOver], file: File, sweep: Sweep) -> None:
    """Rename what was committed, an earlier answer of that name away."""
    for item in items:
        _publish(item, file, sweep, replace=True)


def publish_to(receiver: str, file: File, sweep: Sweep) -> None:
    """Rename what was committed for one receiver, over nothing; repeatable at every point."""
    rows = sweep.ledger.exports(file.id)
    if not any(row.receiver == receiver and row.state is Handed.HANDING for row in rows):
        return
    for item in sweep.ledger.pending_hand_overs(file):
        if item.receiver == receiver:
            _publish(item, file, sweep, replace=False)
    sweep.ledger.handed_over(file, receiver)


def _publish(item: HandOver, file: File, sweep: Sweep, *, replace: bool) -> None:
    sweep.services.desktop.publish(item.folder, item.temporary, item.name, replace=replace)
    sweep.log.event(
        "handed_over",
        file_id=file.id,
        receiver=item.receiver,
        folder=item.folder,
        name=item.name,
    )
