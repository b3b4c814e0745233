"""What a person may do: it carries a name and a reason, and nothing goes out twice by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from h2h import desk
from h2h.asking import ask
from h2h.core.states import Kept, Out
from h2h.daemon import Daemon
from h2h.errors import Refused, Transient
from h2h.flows.inbound import sweep_inbound
from h2h.flows.sweep import Sweep
from h2h.ports import Request, Session

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


def staff(room: Room, *names: str) -> None:
    with room.ledger() as ledger:
        for name in ("anna", "bob"):
            ledger.enrol(name, f"os-{name}", ["admin"], "", "os:x", WHY, room.clock.now())
        for name in names:
            role = "operator" if name == "otto" else "approver"
            change = ledger.propose("add", name, "anna", WHY, room.clock.now(), roles=[role])
            ledger.decide(change.id, "bob", WHY, room.clock.now(), confirmed=True)


def said(room: Room, who: str) -> str:
    """What comes of it when `who` says that the only file did not arrive."""
    with room.services() as services, Sweep(services, patient=False) as sweep:
        return desk.resolve_not_sent(sweep, room.file().id, who, WHY)


def test_a_wrong_not_sent_pays_twice_so_that_it_takes_another_approver(doubtful: Room) -> None:
    staff(doubtful, "otto", "alice")
    sealed = doubtful.file().sealed_sha256
    assert said(doubtful, "otto") == "in_doubt"
    doubtful.sweep(times=2)
    assert doubtful.published() == []
    with pytest.raises(Refused, match="otto has said so"):
        said(doubtful, "otto")
    assert said(doubtful, "alice") == "sealed"
    doubtful.sweep(times=2)
    assert doubtful.published() == [sealed]
    with doubtful.ledger() as ledger:
        path = [(m.who, m.target) for m in ledger.moves(doubtful.file().id) if m.who != "h2h"]
    assert path == [("otto", "in_doubt"), ("alice", "sealed")]


def test_the_only_approver_settles_a_doubt_alone(doubtful: Room) -> None:
    staff(doubtful, "otto", "alice")
    assert said(doubtful, "alice") == "sealed"


def test_the_first_word_of_somebody_who_left_counts_no_more(doubtful: Room) -> None:
    staff(doubtful, "alice", "eve", "otto")
    assert said(doubtful, "otto") == "in_doubt"
    with doubtful.ledger() as ledger:
        change = ledger.propose("remove", "otto", "anna", WHY, doubtful.clock.now())
        ledger.decide(change.id, "bob", WHY, doubtful.clock.now(), confirmed=True)
    assert said(doubtful, "alice") == "in_doubt"
    assert said(doubtful, "eve") == "sealed"


def test_a_first_word_that_was_written_into_the_ledger_by_hand_sends_nothing(
    doubtful: Room,
) -> None:
    staff(doubtful, "otto", "alice", "eve")
    assert said(doubtful, "alice") == "in_doubt"
    engine = create_engine(f"sqlite:///{doubtful.root}/ledger.db")
    with engine.begin() as connection:
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'moves'"
        for name in connection.execute(text(triggers)).scalars().all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("UPDATE moves SET who = 'otto' WHERE who = 'alice'"))
    engine.dispose()
    with pytest.raises(Refused, match="changed by hand"):
        said(doubtful, "alice")
    assert doubtful.file().state is Out.IN_DOUBT


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


def report_names_it(room: Room, bank_files: BankFiles) -> None:
    """A report of the bank names our message, which waits here."""
    (room.bank / "out" / "told.xml").write_bytes(bank_files.status_file("MSG-2"))
    with room.services() as services, Sweep(services) as sweep:
        sweep_inbound(sweep, ["acme"])
    assert [problem.rule for problem in room.file("again.xml").problems][-1] == "known-at-bank"


@pytest.mark.parametrize("looked", [True, False], ids=["page open", "never looked"])
def test_a_release_does_not_waive_what_the_bank_told_meanwhile(
    room: Room,
    payment_file: PaymentFile,
    bank_files: BankFiles,
    looked: bool,
) -> None:
    identity = _held_by_similar_payment(room, payment_file)
    seen = room.file("again.xml").last_move if looked else None
    report_names_it(room, bank_files)
    with pytest.raises(Refused, match="which was not delivered"):
        decide(room, partial(desk.release, seen=seen), identity)
    room.sweep()
    assert room.file("again.xml").state is Out.HELD
    assert len(room.published()) == 1
    now_seen = room.file("again.xml").last_move
    assert decide(room, partial(desk.release, seen=now_seen), identity) == "claimed"


@pytest.mark.parametrize("act", ["waive", "move"])
def test_a_report_that_comes_within_a_release_stops_it(
    room: Room,
    payment_file: PaymentFile,
    bank_files: BankFiles,
    act: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    identity = _held_by_similar_payment(room, payment_file)
    with room.ledger() as ledger, monkeypatch.context() as patch:
        whole = getattr(ledger, act)

        def first_the_report(*given: object, **named: object) -> object:
            report_names_it(room, bank_files)
            return whole(*given, **named)

        patch.setattr(ledger, act, first_the_report)
        with pytest.raises(Refused, match="moved on meanwhile"):
            desk.release(ledger, identity, WHO, WHY, room.clock.now())
    room.sweep()
    assert room.file("again.xml").state is Out.HELD
    assert len(room.published()) == 1


def asking(room: Room, wish: dict[str, object]) -> dict[str, str]:
    """What the daemon answers to a request that was left for it."""
    with room.services() as services:
        number = services.ledger.ask("not-sent", json.dumps(wish), room.clock.now())
        Daemon(services)._pass()
        request = services.ledger.request(number)
    assert request is not None
    answer: dict[str, str] = json.loads(request.answer)
    return answer


def test_not_sent_is_of_the_attempt_that_the_bank_was_asked_about(doubtful: Room) -> None:
    file, whole = doubtful.file(), doubtful.wrap_session
    wish = {"file_id": file.id, "who": WHO, "reason": WHY, "seen": file.last_move}
    doubtful.wrap_session = Cut  # type: ignore[assignment] # the rest of the session is delegated
    assert not_sent(doubtful, file.id) == "sealed"
    doubtful.sweep()
    doubtful.wrap_session = whole
    assert (doubtful.file().state, doubtful.file().attempt) == (Out.IN_DOUBT, file.attempt + 1)
    assert "moved on meanwhile" in asking(doubtful, wish)["refused"]
    assert doubtful.file().state is Out.IN_DOUBT


def test_a_request_that_nobody_waits_for_any_more_is_not_carried_out(doubtful: Room) -> None:
    file = doubtful.file()
    wish = {"file_id": file.id, "who": WHO, "reason": WHY, "seen": file.last_move}
    with doubtful.services() as services:
        with pytest.raises(Refused, match="withdrawn"):
            ask(services.ledger, "not-sent", json.dumps(wish), doubtful.clock.now(), within=0)
        assert services.ledger.asked() == []
        daemon, number = Daemon(services), services.ledger.newest_move()
        daemon._answer(Request(1, "not-sent", json.dumps(wish), ""))  # as listed just before
        assert services.ledger.newest_move() == number
    assert doubtful.file().state is Out.IN_DOUBT


@pytest.mark.parametrize(
    ("verb", "subject", "words"),
    [("fetch", "gone", "knows no bank gone"), ("not-sent", "{}", "KeyError")],
)
def test_a_request_that_cannot_be_carried_out_is_refused_and_ends_nothing(
    room: Room, verb: str, subject: str, words: str
) -> None:
    with room.services() as services:
        first = services.ledger.ask(verb, subject, room.clock.now())
        Daemon(services)._pass()
        found = services.ledger.request(first)
        assert found is not None
        assert words in json.loads(found.answer)["refused"]
        assert services.ledger.asked() == []


def test_a_file_whose_bank_left_the_config_is_not_settled(doubtful: Room) -> None:
    with doubtful.services() as services:
        others = {name: terms for name, terms in services.banks.items() if name != "acme"}
        with (
            Sweep(replace(services, banks=others), patient=False) as sweep,
            pytest.raises(Refused, match="knows no bank acme"),
        ):
            desk.resolve_not_sent(sweep, doubtful.file().id, WHO, WHY)
