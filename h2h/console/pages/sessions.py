"""Sessions that are open: one's own, for an admin everybody's; each can be ended."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from h2h import desk
from h2h.console.guard import COOKIE, signed_in
from h2h.console.page import Asked
from h2h.core.operators import Act


def _page(asked: Asked) -> Response:
    ledger = asked.room.ledger
    everybody = asked.may(Act.PROPOSE)
    return asked.render(
        "sessions.html",
        sessions=[
            each
            for each in ledger.sessions(asked.room.now)
            if everybody or each.operator == asked.who
        ],
        this=ledger.session_id(asked.request.cookies.get(COOKIE, "")),
        everybody=everybody,
    )


def _end(asked: Asked) -> Response:
    desk.end_session(asked.room.ledger, asked.text("session"), asked.who, asked.room.now)
    return RedirectResponse("/sessions", status_code=303)


page = signed_in(_page, act=None)
end = signed_in(_end, act=None)
