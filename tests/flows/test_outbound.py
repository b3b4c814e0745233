"""The life of a payment file, on real parts: sent once and whole, or set aside with its reasons."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from h2h.core.states import Out, Publish
from h2h.errors import Transient

if TYPE_CHECKING:
    from h2h.ports import Session
    from tests.conftest import PaymentFile
    from tests.flows.conftest import MakeRoom, Room

RENT = {"remittance": "Rent November 2026"}


def answer(room: Room, name: str = "pay.xml", folder: str = "acme/answers") -> dict[str, object]:
    """What the ERP was told of a file."""
    file = room.file(name)
    facts: dict[str, object] = json.loads(
        (room.inbox / folder / f"{name}.{file.id}.json").read_text()
    )
    assert (room.inbox / folder / f"{name}.{file.id}.txt").read_text().startswith(name)
    return facts


@pytest.mark.parametrize("publish", list(Publish))
def test_a_dropped_file_is_sent_once_and_whole(
    publish: Publish, make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = make_room(publish=publish)
    room.furnish()
    room.drop(payment_file())
    room.sweep(times=3)
    assert room.file().state is Out.SENT
    (arrived,) = room.at_the_bank()
    assert (arrived.name, arrived.read_bytes()) == ("ACME_0001.xml", payment_file())
    assert len(room.published()) == 1
    assert [path.name for path in (room.bank / "in").iterdir()] == ["ACME_0001.xml"]
    assert answer(room)["verdict"] == "sent"
    assert list((room.root / "outbox" / "acme").iterdir()) == []


def test_a_broken_file_is_refused_with_its_reasons(room: Room, payment_file: PaymentFile) -> None:
    room.drop(payment_file().replace(b"<MsgId>MSG-1</MsgId>", b""))
    room.sweep()
    assert room.file().state is Out.INVALID
    told = answer(room)
    assert told["verdict"] == "refused"
    assert told["problems"]
    assert room.published() == []


def test_the_same_bytes_twice_are_sent_once(room: Room, payment_file: PaymentFile) -> None:
    room.drop(payment_file())
    room.sweep()
    room.drop(payment_file(), "again.xml")
    room.sweep()
    again = room.file("again.xml")
    assert (again.state, again.duplicate_of) == (Out.DUPLICATE, room.file().id)
    assert answer(room, "again.xml")["verdict"] == "duplicate"
    assert len(room.published()) == 1


def test_two_copies_in_one_scan_are_sent_once(room: Room, payment_file: PaymentFile) -> None:
    room.drop(payment_file(), "one.xml")
    room.drop(payment_file(), "two.xml")
    room.sweep(times=2)
    assert sorted(file.state for file in room.files()) == [Out.DUPLICATE, Out.SENT]
    assert len(room.published()) == 1


def test_another_content_under_a_used_message_id_is_refused_loudly(
    room: Room, payment_file: PaymentFile
) -> None:
    room.drop(payment_file())
    room.sweep()
    room.drop(payment_file(payments=[{"amount": "7.00", "end_to_end_id": "X"}]), "other.xml")
    room.sweep()
    assert room.file("other.xml").state is Out.DUPLICATE
    problems = {problem.rule: problem.severity for problem in room.file("other.xml").problems}
    assert problems == {"duplicate-message": "error"}
    assert len(room.published()) == 1


def test_a_payment_like_an_earlier_one_is_held(room: Room, payment_file: PaymentFile) -> None:
    room.drop(payment_file(payments=[RENT]))
    room.sweep()
    room.drop(payment_file("MSG-2", [RENT]), "second.xml")
    room.sweep()
    held = room.file("second.xml")
    assert (held.state, held.held_from) == (Out.HELD, Out.CLAIMED)
    assert "similar-payment" in {problem.rule for problem in held.problems}
    assert answer(room, "second.xml")["verdict"] == "held"
    assert len(room.published()) == 1


def test_accounts_of_two_banks_in_one_file_are_refused(
    room: Room, payment_file: PaymentFile
) -> None:
    ours = payment_file(debtor_iban="DE89370400440532013000")
    batch = ours[ours.index(b"<PmtInf>") : ours.index(b"</CstmrCdtTrfInitn>")]
    second = batch.replace(b"DE89370400440532013000", b"NL91ABNA0417164300")
    second = second.replace(b"MSG-1-", b"MSG-2-")
    room.drop(ours.replace(batch, batch + second), door="")
    room.sweep()
    assert room.file().state is Out.INVALID
    assert "routing" in {problem.rule for problem in room.file().problems}
    assert answer(room, folder="answers")["verdict"] == "refused"


def test_a_file_in_the_root_door_finds_the_bank_of_its_account(
    room: Room, payment_file: PaymentFile
) -> None:
    room.drop(payment_file(), door="")
    room.sweep()
    assert (room.file().bank, room.file().state) == ("acme", Out.SENT)


def test_what_lay_in_the_door_before_the_first_scan_is_held(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = make_room()
    room.make_rooms()
    room.drop(payment_file())
    room.sweep()
    assert room.file().state is Out.HELD
    assert "first-scan" in {problem.rule for problem in room.file().problems}
    assert room.published() == []


# ------------------------------------------------------------------------- when answers are lost


class LosesAnswers:
    """A session whose publishing act is performed or not, and never answered, once."""

    def __init__(self, session: Session, *, performs: bool, budget: list[int]) -> None:
        self._session = session
        self._performs = performs
        self._budget = budget

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)

    def rename(self, source: str, target: str) -> None:
        self._publish(lambda: self._session.rename(source, target))

    def replace(self, source: str, target: str) -> None:
        self._publish(lambda: self._session.replace(source, target))

    def put(self, local: Path, path: str) -> None:
        if path.endswith(".tmp"):
            self._session.put(local, path)
        else:
            self._publish(lambda: self._session.put(local, path))

    def _publish(self, act: Callable[[], None]) -> None:
        if not self._budget:
            act()
            return
        self._budget.pop()
        if self._performs:
            act()
        raise Transient("the line was cut")


@pytest.mark.parametrize(
    ("publish", "performs", "collects", "end", "copies"),
    [
        (Publish.RENAME, True, False, Out.SENT, 1),
        (Publish.RENAME, True, True, Out.IN_DOUBT, 1),
        (Publish.RENAME, False, False, Out.IN_DOUBT, 0),
        (Publish.POSIX_RENAME, True, False, Out.SENT, 1),
        (Publish.POSIX_RENAME, True, True, Out.IN_DOUBT, 1),
        (Publish.POSIX_RENAME, False, False, Out.SENT, 1),
        (Publish.DIRECT, True, False, Out.SENT, 1),
        (Publish.DIRECT, True, True, Out.IN_DOUBT, 1),
        (Publish.DIRECT, False, False, Out.IN_DOUBT, 0),
    ],
)
def test_a_lost_answer_never_delivers_twice(
    publish: Publish,
    performs: bool,
    collects: bool,
    end: Out,
    copies: int,
    make_room: MakeRoom,
    payment_file: PaymentFile,
) -> None:
    room = make_room(publish=publish, collects=collects)
    room.furnish()
    budget = [1]
    room.wrap_session = lambda session: cast(
        "Session", LosesAnswers(session, performs=performs, budget=budget)
    )
    room.drop(payment_file())
    room.sweep(times=4)
    assert budget == []
    assert room.file().state is end
    assert len(room.published()) == len(room.at_the_bank()) == copies


def test_a_name_that_is_taken_at_the_bank_holds_the_file(
    room: Room, payment_file: PaymentFile
) -> None:
    (room.bank / "in" / "ACME_0001.xml").write_bytes(b"somebody else's")
    room.drop(payment_file())
    room.sweep()
    assert (room.file().state, room.file().held_from) == (Out.HELD, Out.SEALED)
    assert "name-taken" in {problem.rule for problem in room.file().problems}
    assert (room.bank / "in" / "ACME_0001.xml").read_bytes() == b"somebody else's"


def test_a_bank_that_is_down_is_waited_for(room: Room, payment_file: PaymentFile) -> None:
    shutil.move(room.bank, room.root / "away")
    room.drop(payment_file())
    room.sweep()
    assert room.file().state is Out.SEALED
    assert room.file().due_because
    shutil.move(room.root / "away", room.bank)
    room.sweep()
    assert room.file().state is Out.SENT


def test_while_a_bank_is_paused_nothing_goes_there(room: Room, payment_file: PaymentFile) -> None:
    with room.ledger() as ledger:
        ledger.pause("acme", "anna", "we look into it", room.clock.now())
    room.drop(payment_file())
    room.sweep()
    assert (room.file().state, room.published()) == (Out.SEALED, [])
    assert room.file().due_because == "paused by anna: we look into it"
    with room.ledger() as ledger:
        ledger.resume("acme", "anna", "all is well", room.clock.now())
    room.sweep()
    assert room.file().state is Out.SENT
