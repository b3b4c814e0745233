"""The life of a bank file: fetched, read, booked, handed over; only then removed at the bank."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from h2h.core.states import In, Kept, Out

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, Room


def kept(room: Room) -> list[Kept]:
    with room.ledger() as ledger:
        return [row.kept for row in ledger.statements()]


def states(room: Room) -> dict[str, In]:
    return {file.name: In(file.state) for file in room.files("in")}


def remote_names(room: Room, folder: str) -> list[str]:
    return sorted(path.name for path in (room.bank / folder).iterdir())


def test_a_statement_is_booked_handed_over_and_removed_at_the_bank(
    room: Room, bank_files: BankFiles
) -> None:
    content = bank_files.report_file(bank_files.statement("1"))
    (room.bank / "out" / "st.xml").write_bytes(content)
    room.sweep()
    assert states(room) == {"st.xml": In.DONE}
    assert kept(room) == [Kept.BOOKED]
    handed = room.handed_over("statements")
    assert [name.startswith("st.") for name in handed] == [True] * len(handed)
    (xml,) = (name for name in handed if name.endswith(".xml"))
    assert b"S-1" in (room.inbox / "acme" / "statements" / xml).read_bytes()
    assert remote_names(room, "out") == []


def test_a_notification_goes_to_its_own_folder(room: Room, bank_files: BankFiles) -> None:
    content = bank_files.report_file(bank_files.notification("1"), message="camt.054.001.02")
    (room.bank / "out" / "n.xml").write_bytes(content)
    room.sweep()
    assert states(room) == {"n.xml": In.DONE}
    assert any(name.endswith(".xml") for name in room.handed_over("notifications"))
    assert room.handed_over("statements") == []


def test_a_status_report_moves_the_payment_file_and_goes_to_the_erp(
    room: Room, bank_files: BankFiles, payment_file: PaymentFile
) -> None:
    room.drop(payment_file())
    room.sweep()
    (room.bank / "out" / "status.xml").write_bytes(bank_files.status_file())
    room.sweep()
    assert room.file().state is Out.ACCEPTED
    assert any(name.endswith(".xml") for name in room.handed_over("status"))
    assert remote_names(room, "out") == []


def test_a_file_that_comes_again_changes_nothing(room: Room, bank_files: BankFiles) -> None:
    content = bank_files.report_file(bank_files.statement("1"))
    (room.bank / "out" / "st.xml").write_bytes(content)
    room.sweep()
    handed = room.handed.read_text()
    (room.bank / "out" / "again.xml").write_bytes(content)
    room.sweep(times=2)
    assert states(room) == {"st.xml": In.DONE, "again.xml": In.DUPLICATE}
    assert kept(room).count(Kept.BOOKED) == 1
    assert room.handed.read_text() == handed
    assert remote_names(room, "out") == []


def test_an_unreadable_file_is_set_aside_and_its_neighbours_go_on(
    room: Room, bank_files: BankFiles
) -> None:
    (room.bank / "out" / "a.xml").write_bytes(b"<Document><cut")
    good = bank_files.report_file(bank_files.statement("1"))
    (room.bank / "out" / "b.xml").write_bytes(good)
    room.sweep()
    assert states(room) == {"a.xml": In.QUARANTINED, "b.xml": In.DONE}
    assert [problem.rule for problem in room.file("a.xml").problems] == ["unreadable"]


def test_a_statement_that_does_not_balance_is_held_alone(room: Room, bank_files: BankFiles) -> None:
    blocks = (bank_files.statement("1"), bank_files.statement("2", closing="999.00"))
    (room.bank / "out" / "st.xml").write_bytes(bank_files.report_file(*blocks))
    room.sweep()
    assert states(room) == {"st.xml": In.DONE}
    assert kept(room) == [Kept.BOOKED, Kept.HELD]
    (xml,) = (name for name in room.handed_over("statements") if name.endswith(".xml"))
    handed = (room.inbox / "acme" / "statements" / xml).read_bytes()
    assert b"S-1" in handed
    assert b"S-2" not in handed


def test_a_document_is_handed_over_unread_and_moved_at_the_bank(room: Room) -> None:
    (room.bank / "papers" / "fees.pdf").write_bytes(b"%PDF-1.7 fees")
    room.sweep()
    assert states(room) == {"fees.pdf": In.DONE}
    (name,) = room.handed_over("documents")
    assert (name.split(".")[0], name.split(".")[-1]) == ("fees", "pdf")
    assert (room.inbox / "acme" / "documents" / name).read_bytes() == b"%PDF-1.7 fees"
    assert remote_names(room, "papers") == []
    assert remote_names(room, "read") == ["fees.pdf"]


def test_an_acknowledgement_moves_the_file_that_it_names(
    room: Room, payment_file: PaymentFile
) -> None:
    room.drop(payment_file())
    room.sweep()
    (room.bank / "acks" / "r.ack").write_text(f"RECEIVED {room.file().final_name} OK")
    room.sweep()
    assert room.file().state is Out.ACKNOWLEDGED
    assert states(room) == {"r.ack": In.DONE}


def test_every_change_is_in_the_dossier_of_a_bank_file(room: Room, bank_files: BankFiles) -> None:
    content = bank_files.report_file(bank_files.statement("1"))
    (room.bank / "out" / "st.xml").write_bytes(content)
    room.sweep()
    (moves,) = (room.root / "archive").rglob("moves.jsonl")
    targets = [json.loads(line)["target"] for line in moves.read_text().splitlines()]
    assert targets == ["fetched", "opened", "read", "booked", "exporting", "done"]


def test_the_banks_copy_stays_until_a_dossier_tells_of_its_outcome(
    room: Room, bank_files: BankFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = room.bank / "out" / "st.xml"
    theirs.write_bytes(bank_files.report_file(bank_files.statement("1")))

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("h2h.flows.evidence._record", full)
        room.sweep()
    assert (room.file("st.xml").state, theirs.exists()) == (In.DONE, True)
    room.sweep()
    assert not theirs.exists()
