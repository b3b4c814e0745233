"""One payment: from the ERP's file to the entry on the statement."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from h2h import desk
from h2h.console.guard import signed_in
from h2h.console.page import Asked
from h2h.console.pages.file import recall_as
from h2h.core.matching import NAMELESS
from h2h.core.missing import next_of
from h2h.core.operators import Act, who_may
from h2h.core.recall import REASONS, USUAL_REASON
from h2h.core.states import OPEN_PAYMENT, How, Out
from h2h.core.words import say
from h2h.errors import Refused
from h2h.ports import TracedPayment

_OPEN = ("asked", "pending")  # a recall that the bank has not decided


def _page(asked: Asked) -> Response:
    traced = _traced(asked)
    payment, file = traced.payment, traced.file
    uncertain = [event for event in traced.events if event.what == How.UNCERTAIN]
    recalled = any(each.what == "recall" and each.level in _OPEN for each in traced.events)
    lacks = next_of(
        payment.state,
        Out(file.state),
        file.id,
        payment.account,
        uncertain=bool(uncertain),
        recalled=recalled,
    )
    shown = desk.veil_trace(traced, asked.session.roles)
    return asked.render(
        "payment.html",
        payment=shown.payment,
        file=file,
        events=[event for event in shown.events if event.what != How.UNCERTAIN],
        uncertain=[event for event in shown.events if event.what == How.UNCERTAIN],
        lacks=lacks,
        recallable=_recallable(traced) and not recalled and asked.may(Act.RECALL),
        who_recalls=who_may(Act.RECALL),
        reasons=REASONS,
        usual=USUAL_REASON,
    )


def _traced(asked: Asked) -> TracedPayment:
    given = asked.request.path_params
    traced = asked.room.ledger.trace_one(given["file_id"], min(given["number"], 2**31 - 1))
    if traced is None:
        raise HTTPException(404)
    return traced


def _recallable(traced: TracedPayment) -> bool:
    """Can this one be asked back by its EndToEndId?"""
    named = traced.payment.end_to_end_id not in NAMELESS
    possible = Act.RECALL in desk.possible(traced.file)
    return named and possible and traced.payment.state in OPEN_PAYMENT


def _recall(asked: Asked) -> Response:
    traced = _traced(asked)
    if asked.text("content") != traced.file.sha256:
        words = say("{id} is not what this page showed any more", id=traced.file.id)
        raise Refused(words, say("Look at it again, then decide"))
    recall_as(asked, traced.file, [traced.payment.end_to_end_id])
    return RedirectResponse(asked.request.url.path.removesuffix("/recall"), status_code=303)


page = signed_in(_page)
recall = signed_in(_recall)
