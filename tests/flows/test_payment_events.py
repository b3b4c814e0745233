"""What the journal has of payments: waiting at the bank, and the bank against itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from h2h.core.states import Out

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, Room

DEBIT = b"""<Ntry><Amt Ccy="EUR">100.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-12-01</Dt></BookgDt><BkTxCd/><NtryDtls><TxDtls><Refs>
<EndToEndId>MSG-1-1</EndToEndId></Refs></TxDtls></NtryDtls></Ntry></Ntfctn>"""


def answer(room: Room, name: str, content: bytes) -> None:
    (room.bank / "out" / name).write_bytes(content)
    room.sweep()


def test_names_that_do_not_match_wait_at_the_bank_until_it_accepts(
    room: Room, payment_file: PaymentFile, bank_files: BankFiles
) -> None:
    room.drop(payment_file())
    room.sweep()
    answer(room, "checked.xml", bank_files.status_file(status="RVCM"))
    (event,) = room.log.named("waiting_at_bank")
    assert (event["file_id"], event["bank"]) == (room.file().id, "acme")
    assert "(RVCM): authorise or cancel there" in str(event["because"])
    assert room.file().state is Out.ACKNOWLEDGED
    answer(room, "accepted.xml", bank_files.status_file(status="ACSP"))
    assert room.file().state is Out.ACCEPTED
    assert len(room.log.named("waiting_at_bank")) == 1


def test_an_entry_of_a_rejected_payment_rings_an_alarm_and_is_told_on_its_file(
    room: Room, payment_file: PaymentFile, bank_files: BankFiles
) -> None:
    room.drop(payment_file())
    room.sweep()
    answer(room, "told.xml", bank_files.status_file(status="RJCT"))
    assert room.log.named("alarm") == []
    entry = bank_files.report_file(bank_files.notification("1"), message="camt.054.001.02")
    answer(room, "entry.xml", entry.replace(b"</Ntfctn>", DEBIT))
    (alarm,) = room.log.named("alarm")
    assert "payment 1 (MSG-1-1) is booked, and RJCT said that it is rejected" in str(
        alarm["because"]
    )
    (problem,) = (p for p in room.file("entry.xml").problems if p.rule == "payment-contradiction")
    assert problem.message == alarm["because"]
    assert room.file().state is Out.ACCEPTED


def test_a_report_without_a_message_id_is_known_by_the_name_that_its_file_has(
    room: Room, payment_file: PaymentFile, bank_files: BankFiles
) -> None:
    room.drop(payment_file())
    room.sweep()
    report = bank_files.status_file(message_id="NOTPROVIDED")
    answer(room, f"STATUS.{room.file().final_name}2.xml", report)
    answer(room, f"STATUS-{room.file().final_name}.xml", report.replace(b"R-1", b"R-2"))
    assert room.file().state is Out.SENT  # these are names of their own
    answer(room, f"STATUS {room.file().final_name}.xml", report.replace(b"R-1", b"R-3"))
    assert room.file().state is Out.ACCEPTED
