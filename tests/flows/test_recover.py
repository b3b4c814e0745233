"""A ledger from a backup: nothing is sent until it is reconciled, and nothing is sent again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h import daemon
from h2h.adapters.archive import FolderArchive
from h2h.adapters.sql.ledger import open_ledger
from h2h.core.chain import RECOVERED
from h2h.core.states import In, Kept, Out, Publish
from h2h.desk import approving, files
from h2h.errors import ConfigError, Transient
from h2h.flows.integrity import Finding, Verifier, insist_current
from h2h.flows.recovery import Difference, Recovery
from h2h.flows.sweep import Sweep

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, MakeRoom, Room

WHO, WHY = "os:anna", "the disk of the ledger died"


def back_up(room: Room) -> Path:
    """A copy of the ledger as it is now, with an act in it."""
    kept = room.root / "backup.db"
    with room.ledger() as ledger:  # closed in order, so that all of it is in one file
        ledger.pause("other", WHO, WHY, room.clock.now())
    shutil.copy(room.root / "ledger.db", kept)
    return kept


def restore(room: Room, kept: Path) -> None:
    for path in room.root.glob("ledger.db*"):
        path.unlink()
    shutil.copy(kept, room.root / "ledger.db")


def recover(room: Room, *, dry_run: bool = False, without: str = "") -> list[Difference]:
    with room.services() as services, Sweep(services, patient=False) as sweep:
        banks = frozenset(without.split())
        return list(Recovery(sweep, WHO, WHY, dry_run, banks).run())


def start(room: Room) -> None:
    with room.services() as services:
        daemon.recover(services)


def findings(room: Room) -> list[Finding]:
    with room.ledger() as ledger:
        return list(Verifier(ledger, FolderArchive(room.root / "archive")).findings())


def told(found: list[Difference]) -> set[tuple[str, str]]:
    return {(each.file_id, each.what) for each in found}


def send(room: Room, payment_file: PaymentFile, *numbers: int) -> None:
    for number in numbers:
        room.drop(payment_file(f"MSG-{number}"), f"pay{number}.xml")
        room.sweep()


def test_a_ledger_that_is_current_starts(room: Room, payment_file: PaymentFile) -> None:
    start(room)
    send(room, payment_file, 1)
    start(room)
    assert recover(room) == []
    with room.ledger() as ledger:
        assert ledger.recoveries() == []


def test_an_older_ledger_refuses_to_start(room: Room, payment_file: PaymentFile) -> None:
    kept = back_up(room)
    send(room, payment_file, 1)
    restore(room, kept)
    with pytest.raises(ConfigError, match="older") as refused:
        start(room)
    assert "h2h recover" in refused.value.next_move


def test_a_diverged_ledger_refuses_to_start(room: Room, payment_file: PaymentFile) -> None:
    kept = back_up(room)
    send(room, payment_file, 1)
    restore(room, kept)
    with room.ledger() as ledger:
        for _ in range(20):  # acts at the desk carry it beyond what the archive knows
            ledger.pause("", WHO, WHY, room.clock.now())
            ledger.resume("", WHO, WHY, room.clock.now())
    with pytest.raises(ConfigError, match="another"):
        start(room)
    recover(room)
    start(room)
    assert findings(room) == []


def test_what_was_announced_right_before_a_crash_is_known(
    room: Room, payment_file: PaymentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine dies after the rename; neither ledger nor dossier tells of it."""
    kept = back_up(room)
    room.drop(payment_file())
    with monkeypatch.context() as patch:
        patch.setattr("h2h.flows.evidence._bring_up_to_date", lambda *_: None)
        patch.setattr("h2h.flows.evidence.note_head", lambda *_: None)
        room.sweep()
    assert len(room.published()) == 1
    restore(room, kept)
    with pytest.raises(ConfigError):
        start(room)
    (only,) = recover(room)
    assert only.act.startswith("the bank's folder")
    assert room.file("pay.xml").state is Out.IN_DOUBT
    room.sweep()
    assert room.file("pay.xml").state is Out.SENT  # it lies at the bank with our size
    assert len(room.published()) == 1


@pytest.mark.parametrize("collects", [False, True], ids=["lies", "collected"])
@pytest.mark.parametrize("sent_since", range(1, 11))
def test_a_restore_drill_sends_nothing_again_and_lists_every_difference(
    sent_since: int, collects: bool, make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = make_room(collects=collects, publish=list(Publish)[sent_since % 2])
    room.furnish()
    send(room, payment_file, 100)
    kept = back_up(room)
    contents = [payment_file(f"MSG-{number}") for number in range(sent_since)]
    for number, content in enumerate(contents):
        room.drop(content, f"pay{number}.xml")
    room.sweep()
    went = {file.id: file for file in room.files()}
    before = room.published()
    assert len(before) == sent_since + 1
    restore(room, kept)
    with pytest.raises(ConfigError):
        start(room)
    found = recover(room)
    assert sorted(each.file_id for each in found) == sorted(went.keys() - {room.files()[0].id})
    assert all(each.done == "entered as sent: it is not sent again" for each in found)
    assert {file.id: file.state for file in room.files()} == dict.fromkeys(went, Out.SENT)
    assert recover(room) == []
    start(room)
    for number, content in enumerate(contents):  # the ERP drops them again
        room.drop(content, f"again{number}.xml")
    room.sweep(times=2)
    assert room.published() == before
    assert {file.state for file in room.files() if file.name.startswith("again")} == {Out.DUPLICATE}
    send(room, payment_file, 200)  # a number is not given out twice
    assert len(room.published()) == len(before) + 1
    assert len({file.final_name for file in room.files() if file.final_name}) == len(before) + 1
    assert findings(room) == []


def test_a_lost_ledger_is_filled_from_the_archive(
    room: Room,
    payment_file: PaymentFile,
    bank_files: BankFiles,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send(room, payment_file, 1)
    (room.bank / "out" / "st.xml").write_bytes(bank_files.report_file(bank_files.statement("1")))
    room.sweep(times=2)
    handed = room.handed.read_text()
    with room.ledger() as ledger:
        row = ledger.statements()[0]
    for path in room.root.glob("ledger.db*"):
        path.unlink()
    open_ledger(f"sqlite:///{room.root}/ledger.db", "test", archive=room.root / "none").close()
    monkeypatch.setattr("h2h.adapters.sql.ledger._refuse_filled", lambda *_: None)
    found = recover(room)
    assert len(found) == 2
    room.sweep(times=2)
    assert room.handed.read_text() == handed  # nothing is handed over twice
    assert room.file("st.xml").state is In.DONE
    assert room.file("pay1.xml").state is Out.SENT
    with room.ledger() as ledger:
        assert [(each.id, each.kept) for each in ledger.statements()] == [(row.id, Kept.BOOKED)]
        assert ledger.payments(room.file("pay1.xml").id)[0].end_to_end_id == "MSG-1-1"
    assert findings(room) == []


def test_what_had_not_gone_waits_for_a_person(room: Room, payment_file: PaymentFile) -> None:
    kept = back_up(room)
    with room.ledger() as ledger:
        ledger.pause("acme", WHO, WHY, room.clock.now())
    send(room, payment_file, 1)
    assert room.file("pay1.xml").state is Out.SEALED
    restore(room, kept)
    (only,) = recover(room)
    assert "h2h release" in only.act
    room.sweep()
    assert room.file("pay1.xml").state is Out.HELD
    assert room.published() == []


def test_a_file_that_the_ledger_has_sealed_is_known_to_have_gone(
    room: Room, payment_file: PaymentFile
) -> None:
    with room.ledger() as ledger:
        ledger.pause("acme", WHO, WHY, room.clock.now())
    send(room, payment_file, 1)
    kept = back_up(room)
    with room.ledger() as ledger:
        ledger.resume("acme", WHO, WHY, room.clock.now())
    room.sweep()
    assert room.file("pay1.xml").state is Out.SENT
    restore(room, kept)
    assert told(recover(room)) == {
        (room.file("pay1.xml").id, "the ledger has it sealed, the archive sent")
    }
    room.sweep()
    assert room.file("pay1.xml").state is Out.SENT
    assert len(room.published()) == 1
    assert findings(room) == []


def act_at_the_desk(room: Room) -> None:
    """So often that the restored ledger counts beyond all that the archive knows."""
    with room.ledger() as ledger:
        for _ in range(15):
            ledger.pause("other", WHO, WHY, room.clock.now())
            ledger.resume("other", WHO, WHY, room.clock.now())


def test_acts_at_the_desk_before_the_recovery_hide_no_file_that_went(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = make_room(collects=True)
    room.furnish()
    with room.ledger() as ledger:
        ledger.pause("acme", WHO, WHY, room.clock.now())
    send(room, payment_file, 1)
    kept = back_up(room)
    with room.ledger() as ledger:
        ledger.resume("acme", WHO, WHY, room.clock.now())
    room.sweep()
    sent, went = room.file("pay1.xml"), room.published()
    assert (sent.state, len(went)) == (Out.SENT, 1)
    restore(room, kept)
    act_at_the_desk(room)
    with room.ledger() as ledger:
        approving.hold(ledger, sent.id, WHO, WHY, room.clock.now())
        files.release(ledger, sent.id, WHO, WHY, room.clock.now())
        ledger.resume("acme", WHO, WHY, room.clock.now())
    assert room.file("pay1.xml").last_move > sent.last_move
    assert told(recover(room)) == {(sent.id, "the ledger has it sealed, the archive sent")}
    start(room)
    room.sweep(times=2)
    assert room.file("pay1.xml").state is Out.SENT
    assert room.published() == went
    assert recover(room) == []
    assert findings(room) == []


def test_acts_at_the_desk_before_the_recovery_hide_nothing_that_the_erp_has(
    room: Room, bank_files: BankFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    (room.bank / "out" / "st.xml").write_bytes(bank_files.report_file(bank_files.statement("1")))
    with monkeypatch.context() as patch:
        patch.setattr("h2h.flows.inbound.HANDING_OVER", {})
        room.sweep()
    kept = back_up(room)
    room.sweep()
    done, handed = room.file("st.xml"), room.handed.read_text()
    assert done.state is In.DONE
    restore(room, kept)
    act_at_the_desk(room)
    with room.ledger() as ledger:
        for state in (In.DONE, In.EXPORTING):  # as when a person lets more of it go
            ledger.move(room.file("st.xml"), state, room.clock.now(), because=WHY, who=WHO)
    assert room.file("st.xml").last_move > done.last_move
    assert told(recover(room)) == {(done.id, "the ledger has it exporting, the archive done")}
    room.sweep()
    assert room.handed.read_text() == handed
    assert room.file("st.xml").state is In.DONE
    assert findings(room) == []


def test_what_the_erp_has_of_a_file_that_the_ledger_had_just_fetched_is_not_handed_over_again(
    room: Room, bank_files: BankFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    (room.bank / "out" / "st.xml").write_bytes(bank_files.report_file(bank_files.statement("1")))
    with monkeypatch.context() as patch:
        patch.setattr("h2h.flows.inbound.BOOKING", {})
        room.sweep()
    assert room.file("st.xml").state is In.FETCHED
    kept = back_up(room)
    room.sweep()
    done, handed = room.file("st.xml"), room.handed.read_text()
    assert done.state is In.DONE
    restore(room, kept)
    assert told(recover(room)) == {(done.id, "the ledger has it fetched, the archive done")}
    room.sweep()
    assert room.file("st.xml").state is In.DONE
    assert room.handed.read_text() == handed
    assert findings(room) == []


def test_a_recovery_is_chained_with_its_name_and_reason(
    room: Room, payment_file: PaymentFile
) -> None:
    kept = back_up(room)
    send(room, payment_file, 1)
    restore(room, kept)
    assert told(recover(room, dry_run=True)) == told(recover(room))
    recover(room)
    with room.ledger() as ledger:
        ended = [link for link in ledger.recoveries() if link.target == RECOVERED]
    assert [(link.who, link.because) for link in ended] == [
        (WHO, f"recovered by {WHO} because {WHY}")
    ]


def test_without_a_look_into_the_banks_folder_nothing_is_sent(
    room: Room, payment_file: PaymentFile
) -> None:
    kept = back_up(room)
    send(room, payment_file, 1)
    restore(room, kept)
    (room.bank / "in").rename(room.bank / "gone")
    assert any("folder was not seen" in each.what for each in recover(room))
    with pytest.raises(ConfigError, match="begun and not ended"):
        start(room)
    assert any("nobody looked" in each.what for each in recover(room, without="acme"))
    (room.bank / "gone").rename(room.bank / "in")
    start(room)


def test_a_cut_recovery_goes_on(
    room: Room, payment_file: PaymentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = back_up(room)
    send(room, payment_file, 1, 2, 3)
    restore(room, kept)
    with monkeypatch.context() as patch:
        patch.setattr("h2h.flows.recovery.Recovery._bank", _cut)
        with pytest.raises(Transient, match="cut"):
            recover(room)
    with pytest.raises(ConfigError, match="begun and not ended"):
        start(room)
    recover(room)
    with room.services() as services:
        insist_current(services)
    assert [file.state for file in room.files()] == [Out.SENT] * 3
    assert len(room.published()) == 3
    assert findings(room) == []


def _cut(*_: object) -> None:
    raise Transient("cut", "")


def test_a_strange_file_in_the_banks_folder_is_listed(room: Room) -> None:
    (room.bank / "in" / "ACME_0001.xml").write_text("x")
    (only,) = recover(room)
    assert only.what.startswith("ACME_0001.xml lies at the bank")
    assert only.act
