"""What the independent checker says of a room of the flows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from h2h.core.states import Publish

from .invariants import Place, Told, broken

if TYPE_CHECKING:
    from tests.flows.conftest import Room


def place_of(room: Room) -> Place:
    """Where everything lies in a room of the flows."""
    root = room.root
    # published directly, a file grows under its final name: then only what the bank took is judged
    grows = room.watched and room.terms.publish is Publish.DIRECT
    return Place(
        doors=(root / "outbox", root / "outbox" / "acme"),
        inbox=room.inbox,
        archive=root / "archive",
        ledger=root / "ledger.db",
        deliveries=room.deliveries,
        bank=(room.collected,) if grows else (room.bank / "in", room.collected),
        offered=tuple(room.bank / name for name in ("out", "papers", "read", "acks")),
        marker=room.marker,
    )


def judged(room: Room, dropped: Sequence[bytes], offered: Sequence[bytes] = ()) -> list[str]:
    """The invariants that do not hold, when all that was dropped is good."""
    return broken(place_of(room), Told(dropped, offered=offered))
