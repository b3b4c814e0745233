"""A collection's life: routed by the account to be credited, delivered once, booked by a credit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from h2h.core.states import Out, Pay

if TYPE_CHECKING:
    from tests.conftest import CollectionFile, PaymentFile
    from tests.flows.conftest import BankFiles, Room

CLIENT = {"end_to_end_id": "FEE-1", "mandate": "M-1"}


@pytest.mark.parametrize("version", ["pain.008.001.02", "pain.008.001.08"])
def test_a_collection_in_the_root_door_goes_to_the_bank_of_the_creditor_account(
    room: Room, collection_file: CollectionFile, version: str
) -> None:
    content = collection_file("DD-1", [CLIENT, {}], version=version)
    room.drop(content, door="")
    room.sweep(times=3)
    assert (room.file().bank, room.file().state) == ("acme", Out.SENT)
    assert [path.read_bytes() for path in room.at_the_bank()] == [content]
    with room.ledger() as ledger:
        rows = [*ledger.payments(room.file().id)]
    assert [row.end_to_end_id for row in rows] == ["FEE-1", "DD-1-2"]
    sides = {(row.account, row.counterparty_account, row.counterparty_name) for row in rows}
    assert sides == {("DE89370400440532013000", "FR1420041010050500013M02606", "Client SA")}


@pytest.mark.parametrize(("direction", "state"), [("CRDT", Pay.BOOKED), ("DBIT", Pay.INSTRUCTED)])
def test_a_credit_books_it_and_a_debit_of_the_same_id_does_not(
    room: Room,
    collection_file: CollectionFile,
    bank_files: BankFiles,
    direction: str,
    state: Pay,
) -> None:
    room.drop(collection_file("DD-1", [{**CLIENT, "amount": "50.00"}]))
    room.sweep()
    details = (
        "<NtryDtls><TxDtls><Refs><EndToEndId>FEE-1</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>"
    )
    block = bank_files.statement("1", "150.00" if direction == "CRDT" else "50.00")
    block = block.replace("</Ntry>", details).replace(
        "<BookgDt><Dt>2026-11-20", "<BookgDt><Dt>2026-11-23"
    )
    entry = '<Amt Ccy="EUR">50.00</Amt><CdtDbtInd>'
    assert f"{entry}CRDT" in block
    block = block.replace(f"{entry}CRDT", f"{entry}{direction}")
    (room.bank / "out" / "st.xml").write_bytes(bank_files.report_file(block))
    room.sweep()
    with room.ledger() as ledger:
        assert len(ledger.statements()) == 1
        (payment,) = ledger.payments(room.file().id)
    assert payment.state is state


def test_our_account_on_the_debtors_side_leads_to_no_bank(
    room: Room, collection_file: CollectionFile
) -> None:
    ours = {"debtor_iban": "DE89370400440532013000"}
    room.drop(collection_file("DD-1", [ours], creditor_iban="GB82WEST12345698765432"), door="")
    room.sweep()
    assert room.file().state is Out.INVALID
    (problem,) = [each for each in room.file().problems if each.rule == "routing"]
    assert problem.code == "AC03"
    assert room.published() == []


def test_a_collection_is_sent_once(room: Room, collection_file: CollectionFile) -> None:
    room.drop(collection_file("DD-1", [CLIENT]))
    room.sweep()
    room.drop(collection_file("DD-1", [CLIENT]), "again.xml")
    room.drop(collection_file("DD-1", [{**CLIENT, "amount": "7.00"}]), "other.xml")
    room.sweep()
    room.drop(collection_file("DD-2", [CLIENT]), "second.xml")
    room.sweep()
    states = {name: room.file(name).state for name in ("again.xml", "other.xml", "second.xml")}
    assert states == {
        "again.xml": Out.DUPLICATE,
        "other.xml": Out.DUPLICATE,
        "second.xml": Out.HELD,  # the same amount from the same account under the same id
    }
    assert len(room.published()) == 1


def test_a_collection_is_no_twin_of_a_payment(
    room: Room, collection_file: CollectionFile, payment_file: PaymentFile
) -> None:
    # the same two accounts, amount and id: money in is not money out
    room.drop(payment_file("CT-1", [{"end_to_end_id": "FEE-1"}]))
    room.sweep()
    room.drop(collection_file("DD-1", [CLIENT]), "collection.xml")
    room.sweep()
    assert room.file("collection.xml").state is Out.SENT


def test_the_banks_report_on_a_collection_is_booked_on_it(
    room: Room, collection_file: CollectionFile, bank_files: BankFiles
) -> None:
    room.drop(collection_file("DD-1", [CLIENT]))
    room.sweep()
    report = bank_files.status_file("DD-1", "RJCT")
    report = report.replace(b"pain.001.001.09", b"pain.008.001.08")
    (room.bank / "out" / "report.xml").write_bytes(report)
    room.sweep(times=2)
    assert room.file().state is Out.REJECTED
    with room.ledger() as ledger:
        assert [row.state for row in ledger.payments(room.file().id)] == [Pay.REJECTED]
