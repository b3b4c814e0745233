"""Files and payments: found by anything, filtered by the address, page by page."""

from __future__ import annotations

from starlette.responses import Response

from h2h import desk
from h2h.console.guard import signed_in
from h2h.console.looking import DIRECTIONS, looked
from h2h.console.page import Asked
from h2h.core.states import In, Out, Pay
from h2h.desk.waiting import standing
from h2h.ports import File, Found

_FILE_STATES = tuple(dict.fromkeys((*(s.value for s in Out), *(s.value for s in In))))
_PAY_STATES = tuple(state.value for state in Pay)


def _files(asked: Asked) -> Response:
    search = looked(asked, _FILE_STATES)
    found: Found[File] = Found(())
    if search.wish is not None:
        found = asked.room.ledger.search_files(search.wish, search.after)
    return asked.render(
        "files.html",
        search=search,
        found=found,
        states=_FILE_STATES,
        directions=DIRECTIONS,
        standing=standing(asked.room.services, found.rows, asked.session.roles, asked.room.now),
        query=search.fields["q"],
    )


def _payments(asked: Asked) -> Response:
    search = looked(asked, _PAY_STATES)
    rows, found = [], None
    if search.wish is not None:
        found = asked.room.ledger.search_payments(search.wish, search.after)
        rows = [
            (each.file, *desk.veil(each.file, [each.payment], asked.session.roles))
            for each in found.rows
        ]
    return asked.render(
        "payments.html",
        search=search,
        found=found,
        rows=rows,
        states=_PAY_STATES,
        directions=(),
        query=search.fields["q"],
    )


page = signed_in(_files)
payments = signed_in(_payments)
