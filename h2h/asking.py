"""What only the holder of the ledger may do: the running daemon is asked, or it is done here."""

from __future__ import annotations

import json
import time
from datetime import datetime

from h2h import daemon
from h2h.core.words import say
from h2h.errors import Refused
from h2h.flows.sweep import Sweep
from h2h.ports import Ledger, Services

ANSWER_WITHIN = 300.0  # seconds that a request to the daemon is waited for
_POLL = 0.1


def ask(
    ledger: Ledger, verb: str, subject: str, now: datetime, within: float = ANSWER_WITHIN
) -> dict[str, str]:
    """Leave a request for the running daemon and wait for its answer; Refused when there is none:
    the request is withdrawn then, and never carried out later unless it was begun."""
    number = ledger.ask(verb, subject, now)
    end = time.monotonic() + within
    while (answer := _answer(ledger, number)) is None and time.monotonic() < end:
        time.sleep(_POLL)
    if answer is None and not ledger.answer(number, json.dumps({"expired": ""})):
        answer = _answer(ledger, number)  # it came just now
    if answer is None:
        words = say("the running daemon did not answer; what it has not begun is withdrawn")
        raise Refused(words, say("Look at its journal, then ask again"))
    if "refused" in answer:
        raise Refused(answer["refused"])
    return answer


def _answer(ledger: Ledger, number: int) -> dict[str, str] | None:
    request = ledger.request(number)
    if request is None or not request.answer:
        return None
    answer: dict[str, str] = json.loads(request.answer)
    return answer


def do(services: Services, verb: str, subject: str) -> dict[str, str]:
    """Do it here. Whoever calls holds the ledger's lock."""
    with Sweep(services, patient=False) as sweep:
        daemon.recover(services)
        return daemon.act(verb, subject, sweep)


def ask_or_do(
    services: Services, verb: str, subject: str, within: float = ANSWER_WITHIN
) -> dict[str, str]:
    """Have the running daemon do it; without one, hold the ledger and do it here."""
    if services.ledger.is_locked():
        return ask(services.ledger, verb, subject, services.clock.now(), within)
    with services.ledger.lock():
        return do(services, verb, subject)
