"""Shared by all tests: the corpus, and payment files made to measure."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Protocol
from xml.sax.saxutils import escape

import pytest

from tests.postgres import cluster, ledger_database, ledger_template

__all__ = ["cluster", "ledger_database", "ledger_template"]
REPOSITORY = Path(__file__).parent.parent
GOOD_PAYMENT = {
    "amount": "100.00",
    "currency": "EUR",
    "creditor_iban": "FR1420041010050500013M02606",
    "creditor_name": "Fournisseur SA",
    "remittance": "",
}
GOOD_COLLECTION = {
    "amount": "100.00",
    "currency": "EUR",
    "debtor_iban": "FR1420041010050500013M02606",
    "debtor_name": "Client SA",
    "mandate": "MANDATE-1",
}


class PaymentFile(Protocol):
    """Makes a valid pain.001; each payment is a dict that overrides what GOOD_PAYMENT says."""

    def __call__(
        self,
        message_id: str = "MSG-1",
        payments: Sequence[Mapping[str, str]] = ({},),
        *,
        debtor_iban: str = "DE89370400440532013000",
        execution_date: str = "2026-12-01",
        version: str = "pain.001.001.09",
    ) -> bytes: ...


@pytest.fixture
def payment_file() -> PaymentFile:
    """The builder of payment files: one batch, counts and control sums as they should be."""
    return make_payment_file


class CollectionFile(Protocol):
    """Makes a valid pain.008; each collection is a dict that overrides GOOD_COLLECTION."""

    def __call__(
        self,
        message_id: str = "MSG-1",
        collections: Sequence[Mapping[str, str]] = ({},),
        *,
        creditor_iban: str = "DE89370400440532013000",
        collection_date: str = "2026-12-01",
        version: str = "pain.008.001.08",
    ) -> bytes: ...


@pytest.fixture
def collection_file() -> CollectionFile:
    """The builder of collection files (direct debits): one batch, figures as they should be."""
    return make_collection_file


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """As in a shell: commands that ran in this process have set their own, a daemon's."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Real files of banks and their software, read where they lie.

    They belong to others, so no package brings them; where somebody names them they must be there.
    """
    folder = Path(os.environ.get("H2H_CORPUS") or REPOSITORY.parent / "shared" / "corpus")
    if not folder.is_dir():
        missing = pytest.fail if "H2H_CORPUS" in os.environ else pytest.skip
        missing(f"the corpus is not at {folder}; set H2H_CORPUS")
    return folder


def make_payment_file(
    message_id: str = "MSG-1",
    payments: Sequence[Mapping[str, str]] = ({},),
    *,
    debtor_iban: str = "DE89370400440532013000",
    execution_date: str = "2026-12-01",
    version: str = "pain.001.001.09",
) -> bytes:
    old = version.endswith(".03")
    day = execution_date if old else f"<Dt>{execution_date}</Dt>"
    bic = "BIC" if old else "BICFI"
    full = [
        {**GOOD_PAYMENT, "end_to_end_id": f"{message_id}-{number}", **payment}
        for number, payment in enumerate(payments, 1)
    ]
    totals = f"""<NbOfTxs>{len(full)}</NbOfTxs>
      <CtrlSum>{sum((Decimal(payment["amount"]) for payment in full), Decimal(0)):f}</CtrlSum>"""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}">
  <CstmrCdtTrfInitn>
    <GrpHdr>
      <MsgId>{escape(message_id)}</MsgId>
      <CreDtTm>2026-11-20T10:00:00</CreDtTm>
      {totals}
      <InitgPty><Nm>Acme GmbH</Nm></InitgPty>
    </GrpHdr>
    <PmtInf>
      <PmtInfId>{escape(message_id)}-B1</PmtInfId>
      <PmtMtd>TRF</PmtMtd>
      {totals}
      <ReqdExctnDt>{day}</ReqdExctnDt>
      <Dbtr><Nm>Acme GmbH</Nm></Dbtr>
      <DbtrAcct><Id><IBAN>{debtor_iban}</IBAN></Id></DbtrAcct>
      <DbtrAgt><FinInstnId><{bic}>COBADEFFXXX</{bic}></FinInstnId></DbtrAgt>
{"".join(map(_payment, full))}    </PmtInf>
  </CstmrCdtTrfInitn>
</Document>
""".encode()


def _payment(payment: Mapping[str, str]) -> str:
    words = {name: escape(value) for name, value in payment.items()}
    remittance = words["remittance"] and f"<RmtInf><Ustrd>{words['remittance']}</Ustrd></RmtInf>"
    return f"""      <CdtTrfTxInf>
        <PmtId><EndToEndId>{words["end_to_end_id"]}</EndToEndId></PmtId>
        <Amt><InstdAmt Ccy="{words["currency"]}">{words["amount"]}</InstdAmt></Amt>
        <Cdtr><Nm>{words["creditor_name"]}</Nm></Cdtr>
        <CdtrAcct><Id><IBAN>{words["creditor_iban"]}</IBAN></Id></CdtrAcct>
        {remittance}
      </CdtTrfTxInf>
"""


def make_collection_file(
    message_id: str = "MSG-1",
    collections: Sequence[Mapping[str, str]] = ({},),
    *,
    creditor_iban: str = "DE89370400440532013000",
    collection_date: str = "2026-12-01",
    version: str = "pain.008.001.08",
) -> bytes:
    bic = "BIC" if version.endswith(".02") else "BICFI"
    full = [
        {**GOOD_COLLECTION, "end_to_end_id": f"{message_id}-{number}", "bic": bic, **collection}
        for number, collection in enumerate(collections, 1)
    ]
    totals = f"""<NbOfTxs>{len(full)}</NbOfTxs>
      <CtrlSum>{sum((Decimal(each["amount"]) for each in full), Decimal(0)):f}</CtrlSum>"""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}">
  <CstmrDrctDbtInitn>
    <GrpHdr>
      <MsgId>{escape(message_id)}</MsgId>
      <CreDtTm>2026-11-20T10:00:00</CreDtTm>
      {totals}
      <InitgPty><Nm>Acme GmbH</Nm></InitgPty>
    </GrpHdr>
    <PmtInf>
      <PmtInfId>{escape(message_id)}-B1</PmtInfId>
      <PmtMtd>DD</PmtMtd>
      {totals}
      <PmtTpInf>
        <SvcLvl><Cd>SEPA</Cd></SvcLvl><LclInstrm><Cd>CORE</Cd></LclInstrm><SeqTp>RCUR</SeqTp>
      </PmtTpInf>
      <ReqdColltnDt>{collection_date}</ReqdColltnDt>
      <Cdtr><Nm>Acme GmbH</Nm></Cdtr>
      <CdtrAcct><Id><IBAN>{creditor_iban}</IBAN></Id></CdtrAcct>
      <CdtrAgt><FinInstnId><{bic}>COBADEFFXXX</{bic}></FinInstnId></CdtrAgt>
      <ChrgBr>SLEV</ChrgBr>
      <CdtrSchmeId><Id><PrvtId><Othr><Id>DE98ZZZ09999999999</Id>
        <SchmeNm><Prtry>SEPA</Prtry></SchmeNm></Othr></PrvtId></Id></CdtrSchmeId>
{"".join(map(_collection, full))}    </PmtInf>
  </CstmrDrctDbtInitn>
</Document>
""".encode()


def _collection(collection: Mapping[str, str]) -> str:
    words = {name: escape(value) for name, value in collection.items()}
    bic = words["bic"]
    return f"""      <DrctDbtTxInf>
        <PmtId><EndToEndId>{words["end_to_end_id"]}</EndToEndId></PmtId>
        <InstdAmt Ccy="{words["currency"]}">{words["amount"]}</InstdAmt>
        <DrctDbtTx><MndtRltdInf>
          <MndtId>{words["mandate"]}</MndtId><DtOfSgntr>2020-01-31</DtOfSgntr>
        </MndtRltdInf></DrctDbtTx>
        <DbtrAgt><FinInstnId><{bic}>AGRIFRPP</{bic}></FinInstnId></DbtrAgt>
        <Dbtr><Nm>{words["debtor_name"]}</Nm></Dbtr>
        <DbtrAcct><Id><IBAN>{words["debtor_iban"]}</IBAN></Id></DbtrAcct>
      </DrctDbtTxInf>
"""
