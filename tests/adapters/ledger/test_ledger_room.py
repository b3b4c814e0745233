"""What belongs to the whole room: the stop button, banks' health, the timetable, requests."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from h2h.ports import Health, Pause, Request

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office


def test_the_stop_button_is_seen_by_all_and_on_the_record(office: Office) -> None:
    office.ledger.pause("acme", "ann", "audit", office.now)
    office.ledger.pause("", "bob", "fire drill", office.now)
    assert office.open().pauses() == [
        Pause("", "bob", "fire drill", office.now),
        Pause("acme", "ann", "audit", office.now),
    ]
    assert office.ledger.resume("acme", "ann", "done", office.later())
    assert not office.ledger.resume("acme", "ann", "done", office.later())
    assert [pause.bank for pause in office.ledger.pauses()] == [""]
    acts = [(move.who, move.target, move.because) for move in office.ledger.moves()]
    assert acts == [
        ("ann", "paused", "acme: audit"),
        ("bob", "paused", "everything: fire drill"),
        ("ann", "resumed", "acme: done"),
    ]


def test_a_banks_health_is_remembered_and_cleared_by_resume(office: Office) -> None:
    assert office.ledger.health("acme") == Health("acme", 0, 0, None, "")
    ill = Health("acme", 3, 1, office.now + timedelta(hours=1), "no route")
    office.ledger.set_health(ill)
    office.ledger.set_health(Health("other", 1, 0, None, "slow"))
    assert office.open().health("acme") == ill
    office.ledger.resume("acme", "ann", "", office.later())
    assert office.ledger.health("acme").failures == 0
    assert office.ledger.health("other").failures == 1
    office.ledger.resume("", "ann", "", office.later())
    assert office.ledger.health("other").failures == 0


@pytest.mark.parametrize("restart", [False, True])
def test_a_slot_is_taken_once(office: Office, *, restart: bool) -> None:
    assert office.ledger.slot("acme fetch 2026-10-25 02:30", office.now)
    ledger = office.open() if restart else office.ledger
    assert not ledger.slot("acme fetch 2026-10-25 02:30", office.later(hours=1))
    assert ledger.slot("acme fetch 2026-10-26 02:30", office.later(days=1))


def test_a_request_waits_until_it_is_answered(office: Office) -> None:
    first = office.ledger.ask("send", "", office.now)
    second = office.ledger.ask("fetch", "acme", office.now)
    assert office.open().asked() == [
        Request(first, "send", "", ""),
        Request(second, "fetch", "acme", ""),
    ]
    office.ledger.answer(first, "2 sent")
    assert office.ledger.request(first) == Request(first, "send", "", "2 sent")
    assert [request.id for request in office.ledger.asked()] == [second]
    assert office.ledger.request(99) is None
