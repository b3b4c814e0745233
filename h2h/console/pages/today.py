"""Today: what waits for whom, what went, what came, how the banks are, what there is."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from h2h import desk
from h2h.console.guard import signed_in
from h2h.console.page import Asked
from h2h.core.operators import Act
from h2h.desk.waiting import waiting
from h2h.reports.position import position_of


def _page(asked: Asked) -> Response:
    room = asked.room
    health = [room.ledger.health(bank) for bank in room.services.banks]
    return asked.render(
        "today.html",
        waits=waiting(room.services, asked.session.roles, room.now),
        health=health,
        positions=position_of(room.ledger, room.services.banks, room.now),
        as_of=room.now,
    )


def _pause(asked: Asked) -> Response:
    """The stop button: everything outward, or one bank."""
    bank, reason = asked.text("bank"), asked.text("reason")
    desk.pause(asked.room.ledger, bank, asked.who, reason, asked.room.now)
    return RedirectResponse("/", status_code=303)


def _resume(asked: Asked) -> Response:
    bank, reason = asked.text("bank"), asked.text("reason")
    desk.resume(asked.room.ledger, bank, asked.who, reason, asked.room.now)
    return RedirectResponse("/", status_code=303)


page = signed_in(_page)
pause = signed_in(_pause, act=Act.PAUSE)
resume = signed_in(_resume, act=Act.RESUME)
