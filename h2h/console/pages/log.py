"""Desk log: who did what, when and why; for the auditor with sign-ins and changes too."""

from __future__ import annotations

from starlette.responses import Response

from h2h.console.asking import begins, day, given, onward, place
from h2h.console.guard import signed_in
from h2h.console.page import Asked
from h2h.core.operators import Act
from h2h.ports.account_views import ActWish


def _page(asked: Asked) -> Response:
    auditor = asked.may(Act.AUDIT)
    everything = auditor and given(asked, "access") == "yes"
    wish = ActWish(
        given(asked, "who", 64),
        begins(asked, day(asked, "since")),
        begins(asked, day(asked, "until"), after=1),
        access=everything,
    )
    found = asked.room.ledger.acts(wish, place(asked, "after"))
    return asked.render(
        "log.html",
        acts=found.rows,
        older=onward(asked, after=found.after) if found.after else "",
        filters={name: given(asked, name) for name in ("who", "since", "until")},
        everything=everything,
        auditor=auditor,
        people=[each.name for each in asked.room.ledger.operators()],
    )


page = signed_in(_page)
