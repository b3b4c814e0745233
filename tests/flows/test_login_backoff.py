"""A login that the bank refuses is tried seldom, and soon not at all: no account is ever locked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.core.states import Out
from h2h.errors import HostKeyChanged, LoginRefused
from h2h.flows.inbound import sweep_inbound
from h2h.flows.sweep import MOST_LOGIN_FAILURES, Sweep
from h2h.flows.waves import sweep_outbound
from tests.flows.conftest import Room

if TYPE_CHECKING:
    from h2h.ports import Session
    from tests.conftest import PaymentFile

FEWEST_THAT_LOCK = 5  # failed logins after which strict servers lock an account


class Refusing:
    """A bank that lets nobody in, and counts who tried."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.tries = 0

    @contextmanager
    def session(self, host: str = "") -> Iterator[Session]:
        self.tries += 1
        raise self.error
        yield  # what makes it a generator


def work_for_a_day(room: Room, bank: Refusing, minutes: int, *, patient: bool) -> None:
    """Sweep every few minutes for a day, as the daemon does, or as an impatient person."""
    with room.services() as services:
        around = replace(services, servers={**services.servers, "acme": bank})
        for _ in range(24 * 60 // minutes):
            with Sweep(around, patient=patient) as sweep:
                sweep_outbound(sweep)
                sweep_inbound(sweep, ["acme"])
            room.clock.advance(minutes=minutes)


@pytest.mark.parametrize("patient", [True, False])
def test_a_refused_login_is_not_tried_often_enough_to_lock_the_account(
    tmp_path: Path, payment_file: PaymentFile, patient: bool
) -> None:
    room = Room(tmp_path / "room")
    room.furnish()
    room.drop(payment_file())
    bank = Refusing(LoginRefused("key or password was refused", "Ask the bank"))
    work_for_a_day(room, bank, 60, patient=patient)
    assert bank.tries == MOST_LOGIN_FAILURES < FEWEST_THAT_LOCK
    with room.ledger() as ledger:
        (pause,) = ledger.pauses()
    assert "mend the key or password" in pause.reason
    assert room.file().state is Out.SEALED


def test_a_host_key_that_changed_is_looked_at_again_without_any_login(
    tmp_path: Path, payment_file: PaymentFile
) -> None:
    room = Room(tmp_path / "room")
    room.furnish()
    room.drop(payment_file())
    bank = Refusing(HostKeyChanged("it shows a host key that is not pinned", "Ask the bank"))
    work_for_a_day(room, bank, 60, patient=True)
    assert bank.tries > MOST_LOGIN_FAILURES  # no credential was shown, so it costs nothing
    with room.ledger() as ledger:
        assert ledger.pauses() == []
        assert ledger.health("acme").login_failures == 0
