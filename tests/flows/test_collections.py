"""A collection's life: routed by the account to be credited, delivered once, booked by a credit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from h2h.core.states import Out, Pay

if TYPE_CHECKING:
    from tests.flows.conftest import BankFiles, Room

OURS = "DE89370400440532013000"
DEBTOR = "FR1420041010050500013M02606"
COLLECTION = f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.008.001.08">
<CstmrDrctDbtInitn><GrpHdr><MsgId>DD-1</MsgId><CreDtTm>2026-11-20T10:00:00</CreDtTm>
<NbOfTxs>1</NbOfTxs><InitgPty><Nm>Acme GmbH</Nm></InitgPty></GrpHdr>
<PmtInf><PmtInfId>DD-1-B1</PmtInfId><PmtMtd>DD</PmtMtd><ReqdColltnDt>2026-12-01</ReqdColltnDt>
<Cdtr><Nm>Acme GmbH</Nm></Cdtr><CdtrAcct><Id><IBAN>{OURS}</IBAN></Id></CdtrAcct>
<CdtrAgt><FinInstnId><BICFI>COBADEFFXXX</BICFI></FinInstnId></CdtrAgt>
<DrctDbtTxInf><PmtId><EndToEndId>RENT-1</EndToEndId></PmtId><InstdAmt Ccy="EUR">50.00</InstdAmt>
<DbtrAgt><FinInstnId><BICFI>AGRIFRPP</BICFI></FinInstnId></DbtrAgt><Dbtr><Nm>Locataire</Nm></Dbtr>
<DbtrAcct><Id><IBAN>{DEBTOR}</IBAN></Id></DbtrAcct></DrctDbtTxInf>
</PmtInf></CstmrDrctDbtInitn></Document>""".encode()


@pytest.mark.parametrize("door", ["acme", ""])
def test_a_collection_goes_to_the_bank_of_its_creditor_account(room: Room, door: str) -> None:
    room.drop(COLLECTION, "rents.xml", door=door)
    room.sweep()
    file = room.file("rents.xml")
    assert (file.bank, file.state, file.message) == ("acme", Out.SENT, "pain.008.001.08")
    assert [path.read_bytes() for path in room.at_the_bank()] == [COLLECTION]
    with room.ledger() as ledger:
        (payment,) = ledger.payments(file.id)
    assert (payment.account, payment.counterparty_account) == (OURS, DEBTOR)
    assert (payment.counterparty_name, payment.state) == ("Locataire", Pay.INSTRUCTED)


@pytest.mark.parametrize(("direction", "state"), [("CRDT", Pay.BOOKED), ("DBIT", Pay.INSTRUCTED)])
def test_a_credit_books_it_and_a_debit_of_the_same_id_does_not(
    room: Room, bank_files: BankFiles, direction: str, state: Pay
) -> None:
    room.drop(COLLECTION, "rents.xml")
    room.sweep()
    details = (
        "<NtryDtls><TxDtls><Refs><EndToEndId>RENT-1</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>"
    )
    block = bank_files.statement("1", "150.00" if direction == "CRDT" else "50.00")
    block = block.replace("</Ntry>", details)
    entry = '<Amt Ccy="EUR">50.00</Amt><CdtDbtInd>'
    assert f"{entry}CRDT" in block
    block = block.replace(f"{entry}CRDT", f"{entry}{direction}")
    (room.bank / "out" / "st.xml").write_bytes(bank_files.report_file(block))
    room.sweep()
    with room.ledger() as ledger:
        assert len(ledger.statements()) == 1
        (payment,) = ledger.payments(room.file("rents.xml").id)
    assert payment.state is state
