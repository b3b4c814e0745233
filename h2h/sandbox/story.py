"""The payment files that `h2h demo` drops, written as an ERP would write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from xml.sax.saxutils import escape

from h2h.sandbox.office import BankAccount

# Creditors as the practice bank knows them: one at another bank, two with accounts of its own.
ELSEWHERE, IN_HOUSE, CLOSED = "NL30MOCK0000000005", "NL14MOCK0000000002", "NL84MOCK0000000003"
MISTYPED = "NL31MOCK0000000005"  # its check digits are wrong


@dataclass(frozen=True, slots=True)
class Transfer:
    """One payment. `amount` is in euro, as it stands in the file."""

    amount: str
    creditor: str
    iban: str
    remittance: str


GOOD = (
    Transfer("1250.00", "Vermeer Papier B.V.", ELSEWHERE, "Invoice 4711"),
    Transfer("80.45", "Globex Supplies B.V.", IN_HOUSE, "Invoice 4712"),
    Transfer("319.99", "De Boer Transport", ELSEWHERE, "Freight November"),
)
PARTLY = (
    Transfer("512.10", "Jansen Advies", ELSEWHERE, "Fee 2031"),
    Transfer("75.00", "Initech Services N.V.", CLOSED, "Invoice 88"),
)
BROKEN = (Transfer("640.00", "Vermeer Papier B.V.", MISTYPED, "Invoice 4720"),)


def total(transfers: Sequence[Transfer]) -> Decimal:
    """The sum of the amounts."""
    return sum((Decimal(transfer.amount) for transfer in transfers), Decimal(0))


def payment_file(
    message_id: str,
    transfers: Sequence[Transfer],
    debtor: BankAccount,
    day: date,
    control_sum: Decimal | None = None,
) -> bytes:
    """A pain.001.001.09 with one batch, due on `day`; `control_sum` overrides the true one."""
    stated = total(transfers) if control_sum is None else control_sum
    totals = f"<NbOfTxs>{len(transfers)}</NbOfTxs><CtrlSum>{stated:f}</CtrlSum>"
    name = escape(debtor.name)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">
  <CstmrCdtTrfInitn>
    <GrpHdr>
      <MsgId>{message_id}</MsgId>
      <CreDtTm>{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}</CreDtTm>
      {totals}
      <InitgPty><Nm>{name}</Nm></InitgPty>
    </GrpHdr>
    <PmtInf>
      <PmtInfId>{message_id}-B1</PmtInfId>
      <PmtMtd>TRF</PmtMtd>
      {totals}
      <ReqdExctnDt><Dt>{day}</Dt></ReqdExctnDt>
      <Dbtr><Nm>{name}</Nm></Dbtr>
      <DbtrAcct><Id><IBAN>{debtor.iban}</IBAN></Id></DbtrAcct>
      <DbtrAgt><FinInstnId><BICFI>{debtor.bic}</BICFI></FinInstnId></DbtrAgt>
{"".join(_payment(message_id, *numbered) for numbered in enumerate(transfers, 1))}    </PmtInf>
  </CstmrCdtTrfInitn>
</Document>
""".encode()


def _payment(message_id: str, number: int, transfer: Transfer) -> str:
    return f"""      <CdtTrfTxInf>
        <PmtId><EndToEndId>{message_id}-{number}</EndToEndId></PmtId>
        <Amt><InstdAmt Ccy="EUR">{transfer.amount}</InstdAmt></Amt>
        <Cdtr><Nm>{escape(transfer.creditor)}</Nm></Cdtr>
        <CdtrAcct><Id><IBAN>{transfer.iban}</IBAN></Id></CdtrAcct>
        <RmtInf><Ustrd>{escape(transfer.remittance)}</Ustrd></RmtInf>
      </CdtTrfTxInf>
"""
