"""A file that the ERP sealed, from its door to the bank: sent once when it fits, never when not."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from h2h.adapters.input_seal import Sha256Seal
from h2h.core.states import Out

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import MakeRoom, MakeRounds, Room


@pytest.fixture
def sealed_room(make_room: MakeRoom) -> Room:
    room = make_room()
    room.seal = Sha256Seal()
    room.furnish()
    return room


@pytest.mark.parametrize("door", ["acme", ""])
def test_a_sealed_file_is_sent_and_its_seal_kept(
    sealed_room: Room, payment_file: PaymentFile, door: str
) -> None:
    sealed_room.drop(payment_file(), door=door)
    sealed_room.sweep()
    file = sealed_room.file()
    assert file.state is Out.SENT
    left = [path.name for path in (sealed_room.root / "outbox" / door).iterdir() if path.is_file()]
    assert left == []
    (manifest,) = (sealed_room.root / "archive").rglob("manifest.json")
    files = json.loads(manifest.read_text())["files"]
    assert "original.xml.sha256" in files


@pytest.mark.parametrize("door", ["acme", ""])
def test_a_file_that_was_changed_on_its_way_is_invalid_and_never_sent(
    sealed_room: Room, payment_file: PaymentFile, door: str
) -> None:
    sealed_room.drop(payment_file(payments=[{"amount": "100.00"}]), door=door)
    changed = payment_file(payments=[{"amount": "900.00"}])
    (sealed_room.root / "outbox" / door / "pay.xml").write_bytes(changed)
    sealed_room.sweep(times=2)
    file = sealed_room.file()
    assert file.state is Out.INVALID
    assert [problem.rule for problem in file.problems] == ["input-seal"]
    assert hashlib.sha256(changed).hexdigest() in file.problems[0].message
    assert not file.message_id  # nothing of what it says counts
    assert sealed_room.published() == []
    answers = sealed_room.inbox / door / "answers"
    (told,) = answers.glob("pay.xml.*.json")
    assert json.loads(told.read_text())["verdict"] == "refused"


def test_a_file_is_sent_once_its_late_seal_has_come(
    sealed_room: Room, payment_file: PaymentFile
) -> None:
    content = payment_file()
    (sealed_room.root / "outbox" / "acme" / "pay.xml").write_bytes(content)
    sealed_room.sweep()
    assert sealed_room.files() == []
    sealed_room.drop(content)
    sealed_room.sweep()
    assert sealed_room.file().state is Out.SENT


def test_killed_anywhere_a_sealed_file_is_delivered_once_and_its_door_is_empty(
    sealed_room: Room, payment_file: PaymentFile, rounds: MakeRounds
) -> None:
    content = payment_file()
    work = rounds(sealed_room, lambda room: room.drop(content))
    calls = work.prepare()
    first, last = calls.index("door.copy_seal"), calls.index("door.judge_seal") + 1
    for where in work.killed(calls, first, last):
        sealed_room.sweep(times=2)
        assert sealed_room.file().state is Out.SENT, where
        assert sealed_room.published() == [hashlib.sha256(content).hexdigest()], where
        assert list((sealed_room.root / "outbox" / "acme").iterdir()) == [], where
        assert len(list((sealed_room.root / "archive").rglob("original.xml.sha256"))) == 1, where
    assert work.hit() == {(name, side) for name in calls[first:last] for side in SIDES}


SIDES = ("before", "after")
