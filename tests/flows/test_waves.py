"""Files that go together: what ends the process, a commit or one of them ends no other."""

from __future__ import annotations

import hashlib
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from h2h.core.states import Out
from h2h.errors import Refused, Transient
from h2h.flows.sweep import Sweep
from h2h.flows.waves import sweep_outbound
from tests.flows.conftest import KILLED, LOOKS, WrappedBank

if TYPE_CHECKING:
    from h2h.core.payment import Verdict
    from h2h.ports import Archive, Bank, Ledger, Messages, Sealer, Seen, Session
    from tests.conftest import PaymentFile
    from tests.flows.conftest import MakeRoom, MakeRounds, Room

COUNT = 3
EVERY = 20  # so-manieth call that changes something; each call of one file: test_kills.py
ATTEMPTS = 3


def drop(room: Room, payment_file: PaymentFile) -> list[str]:
    """One-payment files, each to another creditor; the hashes of what the bank is to get."""
    found = []
    for number in range(COUNT):
        creditor = {"creditor_name": f"Supplier {number}", "amount": f"{number + 1}.00"}
        content = payment_file(f"MSG-{number}", [creditor])
        room.drop(content, f"pay-{number}.xml")
        found.append(hashlib.sha256(content).hexdigest())
    return sorted(found)


def states(room: Room) -> Counter[str]:
    return Counter(file.state.value for file in room.files())


@pytest.mark.parametrize("part", range(2))
def test_killed_anywhere_in_a_wave_each_file_is_delivered_once(
    part: int, make_room: MakeRoom, rounds: MakeRounds, payment_file: PaymentFile
) -> None:
    room = make_room()
    room.furnish()
    expected: list[str] = []
    work = rounds(room, lambda room: expected.extend(drop(room, payment_file)))
    calls = work.prepare()
    assert "ledger.together" in calls
    changing = [at for at, name in enumerate(calls) if name not in LOOKS]
    for at in changing[part * EVERY // 2 :: EVERY]:
        for where in work.killed(calls, at, at + 1, sides=("before",)):
            room.sweep(times=2)
            assert states(room) in (
                Counter(sent=COUNT),
                Counter(sent=COUNT - 1, in_doubt=1),  # announced, and nothing proves more
            ), where
            published = room.published()
            assert len(published) == len({*published}), where
            assert {*published} <= {*expected}, where
            assert states(room)["sent"] <= len(published), where


@pytest.mark.parametrize("nth", range(1, 8))
def test_a_wave_that_cannot_be_committed_goes_one_by_one(
    nth: int, room: Room, payment_file: PaymentFile
) -> None:
    expected = drop(room, payment_file)
    with room.services() as services:
        failing = Failing(services.ledger, nth)
        with Sweep(replace(services, ledger=cast("Ledger", failing))) as sweep:
            sweep_outbound(sweep)
    assert failing.failed
    room.sweep(times=2)
    assert sorted(room.published()) == expected
    assert states(room) == {"sent": COUNT}
    assert len([*(room.inbox / "acme" / "answers").glob("*.json")]) == COUNT


class Failing:
    """A ledger that undoes its n-th common transaction, as one on a full disk does."""

    def __init__(self, ledger: Ledger, nth: int) -> None:
        self._ledger, self._left = ledger, nth

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)

    @property
    def failed(self) -> bool:
        return self._left <= 0

    @contextmanager
    def together(self) -> Iterator[None]:
        self._left -= 1
        with self._ledger.together():
            yield
            if self._left == 0:
                raise Transient("the disk is full", "It is tried again")


def test_a_file_that_ends_the_process_is_set_aside_alone(
    room: Room, payment_file: PaymentFile
) -> None:
    drop(room, payment_file)
    ends = [died_at(room, "MSG-1") for _ in range(ATTEMPTS + 2)]
    assert ends == [KILLED] * ATTEMPTS + [0, 0]
    found = {file.name: file.state for file in room.files()}
    assert found == {"pay-0.xml": Out.SENT, "pay-1.xml": Out.HELD, "pay-2.xml": Out.SENT}


def died_at(room: Room, message_id: str) -> int:
    """One sweep in a process of its own, which dies reading that message; how it ended."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            with room.services() as services:
                messages = cast("Messages", Deadly(services.messages, message_id))
                armed = replace(services, messages=messages, poison_attempts=ATTEMPTS)
                with Sweep(armed) as sweep:
                    sweep_outbound(sweep)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    room.clock.advance(hours=1)
    return os.waitstatus_to_exitcode(status)


class Deadly:
    """Reads messages; one of them ends the process."""

    def __init__(self, messages: Messages, message_id: str) -> None:
        self._messages, self._id = messages, message_id.encode()

    def __getattr__(self, name: str) -> Callable[..., object]:
        return cast("Callable[..., object]", getattr(self._messages, name))

    def check(self, path: Path, *terms: object) -> Verdict:
        if self._id in path.read_bytes():
            os.kill(os.getpid(), signal.SIGKILL)
        return cast("Callable[..., Verdict]", self._messages.check)(path, *terms)


# ------------------------------------------------------------------- law 8, and the stop button


def test_a_file_that_cannot_be_brought_in_stops_no_other(
    room: Room, payment_file: PaymentFile
) -> None:
    drop(room, payment_file)
    with room.services() as services:
        archive = cast("Archive", Unfit(services.archive, "pay-1.xml"))
        with Sweep(replace(services, archive=archive)) as sweep:
            sweep_outbound(sweep)
    found = {file.name: (file.state, file.due_because) for file in room.files()}
    assert found == {
        "pay-0.xml": (Out.SENT, ""),
        "pay-1.xml": (Out.CLAIMING, "ValueError: unfit"),
        "pay-2.xml": (Out.SENT, ""),
    }


class Unfit:
    """An archive that one file is too much for, in a way that nobody foresaw."""

    def __init__(self, archive: Archive, name: str) -> None:
        self._archive, self._name = archive, name

    def __getattr__(self, name: str) -> object:
        return getattr(self._archive, name)

    def claim(self, file_id: str, door: Path, seen: Seen) -> tuple[str, int] | None:
        if seen.name == self._name:
            raise ValueError("unfit")
        return self._archive.claim(file_id, door, seen)


def test_the_stop_button_ends_the_uploads_of_a_wave(room: Room, payment_file: PaymentFile) -> None:
    def press() -> None:
        with room.ledger() as ledger:
            ledger.pause("", "ann", "wait", room.clock.now())

    drop(room, payment_file)
    room.wrap_session = lambda session: cast("Session", Pressed(session, press))
    room.sweep()
    assert [path.name for path in (room.bank / "in").iterdir()] == ["ACME_0001.xml.1.tmp"]
    assert room.published() == []
    assert states(room) == {"staged": 1, "sealed": COUNT - 1}


class Pressed:
    """A session; somebody presses the stop button while its first file is put."""

    def __init__(self, session: Session, press: Callable[[], None]) -> None:
        self._session, self._press = session, press
        self.host = session.host

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)

    def put(self, local: Path, path: str) -> None:
        self._session.put(local, path)
        self._press()


def test_nobody_logs_in_while_the_ledger_waits_for_a_wave(
    room: Room, payment_file: PaymentFile
) -> None:
    drop(room, payment_file)
    with room.services() as services:
        ledger = Watched(services.ledger)
        watched = replace(
            services,
            ledger=cast("Ledger", ledger),
            servers={"acme": ledger.around(services.servers["acme"])},
            sealers={"acme": cast("Sealer", Reluctant(services.sealers["acme"], "MSG-0"))},
        )
        with Sweep(watched) as sweep:
            sweep_outbound(sweep)
    assert ledger.logins == [False]
    assert states(room) == {"held": 1, "sent": COUNT - 1}


class Watched:
    """A ledger that notes of each login whether something is about to be committed together."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self._open = ledger, False
        self.logins: list[bool] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._ledger, name)

    @contextmanager
    def together(self) -> Iterator[None]:
        with self._ledger.together():
            self._open = True
            try:
                yield
            finally:
                self._open = False

    def around(self, bank: Bank) -> Bank:
        def noted(session: Session) -> Session:
            self.logins.append(self._open)
            return session

        return WrappedBank(bank, noted)


class Reluctant:
    """Seals all but one message."""

    def __init__(self, sealer: Sealer, message_id: str) -> None:
        self._sealer, self._id = sealer, message_id.encode()

    def __getattr__(self, name: str) -> object:
        return getattr(self._sealer, name)

    def seal(self, plain: Path, sealed: Path) -> None:
        if self._id in plain.read_bytes():
            raise Refused("its key is not there", "Look for it")
        self._sealer.seal(plain, sealed)
