"""What a person may do: it carries a name and a reason, and nothing goes out twice by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from h2h import desk
from h2h.core.states import Kept, Out
from h2h.errors import Refused, Transient
from h2h.ports import Session
from h2h.sweep import Sweep

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, Room

WHO, WHY = "os:anna", "the bank said so on the telephone"


class Cut:
    """A session whose rename gets lost before the bank hears of it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.host = session.host

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)

    def rename(self, source: str, target: str) -> None:
        raise Transient(f"the line was cut while {source} became {target}")


def decide(room: Room, act: Callable[..., str], identity: str) -> str:
    with room.ledger() as ledger:
        return act(ledger, identity, WHO, WHY, room.clock.now())


def not_sent(room: Room, identity: str) -> str:
    with room.services() as services, Sweep(services, patient=False) as sweep:
        return desk.resolve_not_sent(sweep, identity, WHO, WHY)


@pytest.fixture
def doubtful(room: Room, payment_file: PaymentFile) -> Room:
    """A room whose only payment file is in doubt."""
    whole = room.wrap_session
    room.wrap_session = Cut  # type: ignore[assignment] # the rest of the session is delegated
    room.drop(payment_file())
    room.sweep()
    room.wrap_session = whole
    assert room.file().state is Out.IN_DOUBT
    return room


def test_not_sent_lets_the_same_bytes_go_once(doubtful: Room) -> None:
    sealed = doubtful.file().sealed_sha256
    assert not_sent(doubtful, doubtful.file().id) == "sealed"
    doubtful.sweep(times=2)
    assert doubtful.file().state is Out.SENT
    assert doubtful.published() == [sealed]
    assert [path.name for path in (doubtful.bank / "in").iterdir()] == [doubtful.file().final_name]


def test_not_sent_is_refused_while_the_file_lies_at_the_bank(doubtful: Room) -> None:
    (doubtful.bank / "in" / doubtful.file().final_name).write_bytes(b"some of it")
    with pytest.raises(Refused, match="lies at the bank"):
        not_sent(doubtful, doubtful.file().id)
    assert doubtful.file().state is Out.IN_DOUBT


def test_sent_settles_a_doubt_and_names_who_said_so(doubtful: Room) -> None:
    assert decide(doubtful, desk.resolve_sent, doubtful.file().id) == "sent"
    doubtful.sweep()
    assert doubtful.published() == []
    with doubtful.ledger() as ledger:
        last = ledger.moves(doubtful.file().id)[-1]
    assert (last.who, last.because, last.target) == (WHO, WHY, "sent")


@pytest.mark.parametrize("act", [desk.cancel, desk.release, desk.reject])
def test_a_file_in_doubt_is_neither_cancelled_nor_released(
    doubtful: Room, act: Callable[..., str]
) -> None:
    with pytest.raises(Refused):
        decide(doubtful, act, doubtful.file().id)
    assert doubtful.file().state is Out.IN_DOUBT


def test_a_sent_file_is_neither_cancelled_nor_settled(
    room: Room, payment_file: PaymentFile
) -> None:
    room.drop(payment_file())
    room.sweep()
    for act in (desk.cancel, desk.resolve_sent, desk.release):
        with pytest.raises(Refused, match="sent"):
            decide(room, act, room.file().id)
    with pytest.raises(Refused, match="not in doubt"):
        not_sent(room, room.file().id)
    assert len(room.published()) == 1


def _held_by_similar_payment(room: Room, payment_file: PaymentFile) -> str:
    rent = {"end_to_end_id": "RENT", "remittance": "Rent December"}
    room.drop(payment_file(payments=[rent]))
    room.sweep()
    room.drop(payment_file("MSG-2", [rent]), "again.xml")
    room.sweep()
    file = room.file("again.xml")
    assert file.state is Out.HELD
    return file.id


def test_a_released_file_goes_and_is_not_held_for_the_same_reason_again(
    room: Room, payment_file: PaymentFile
) -> None:
    identity = _held_by_similar_payment(room, payment_file)
    assert decide(room, desk.release, identity) == "claimed"
    room.sweep()
    assert room.file("again.xml").state is Out.SENT
    assert len(room.published()) == 2


@pytest.mark.parametrize("act", [desk.reject, desk.cancel])
def test_a_held_file_that_is_refused_never_goes(
    room: Room, payment_file: PaymentFile, act: Callable[..., str]
) -> None:
    identity = _held_by_similar_payment(room, payment_file)
    assert decide(room, act, identity) == "cancelled"
    room.sweep(times=2)
    assert len(room.published()) == 1
    assert any("again.xml" in name for name in room.handed_over("answers"))


def test_a_pause_stops_everything_outward_until_it_is_resumed(
    room: Room, payment_file: PaymentFile
) -> None:
    with room.ledger() as ledger:
        desk.pause(ledger, "", WHO, WHY, room.clock.now())
    room.drop(payment_file())
    room.sweep(times=2)
    assert room.published() == []
    assert WHO in room.file().due_because
    with room.ledger() as ledger:
        desk.resume(ledger, "", WHO, WHY, room.clock.now())
        with pytest.raises(Refused, match="nothing is paused"):
            desk.resume(ledger, "", WHO, WHY, room.clock.now())
    room.sweep()
    assert len(room.published()) == 1


def test_a_released_statement_is_booked_and_handed_over_once(
    room: Room, bank_files: BankFiles
) -> None:
    wrong = bank_files.report_file(bank_files.statement("1", closing="151.00"))
    (room.bank / "out" / "st.xml").write_bytes(wrong)
    room.sweep()
    with room.ledger() as ledger:
        (row,) = ledger.statements()
    assert row.kept is Kept.HELD
    assert room.handed_over("statements") == []
    assert decide(room, desk.release, row.id) == "booked"
    room.sweep(times=2)
    assert len([n for n in room.handed_over("statements") if n.endswith(".xml")]) == 1
    with pytest.raises(Refused, match=r"is booked already. On 2026-.* released by os:anna"):
        decide(room, desk.release, row.id)


def test_an_act_needs_a_name_and_a_reason(doubtful: Room) -> None:
    with doubtful.ledger() as ledger, pytest.raises(Refused, match="name and a reason"):
        desk.resolve_sent(ledger, doubtful.file().id, WHO, "  ", doubtful.clock.now())


def test_an_unknown_file_is_named(room: Room) -> None:
    with pytest.raises(Refused, match="no payment file 2026"):
        decide(room, desk.cancel, "2026-nothing")


def test_a_file_that_is_being_claimed_is_not_cancelled(
    room: Room, payment_file: PaymentFile
) -> None:
    room.drop(payment_file())
    with room.services() as services:
        (seen,) = services.doors[1].scan()
        file = services.ledger.claiming(seen, "acme", services.new_id(), room.clock.now())
    with pytest.raises(Refused, match="taken out of its door"):
        decide(room, desk.cancel, file.id)
    room.sweep()
    assert len(room.published()) == 1
