"""Payment files of any size for the measurements: distinct, valid, and the same every time."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09">
<CstmrCdtTrfInitn>
<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>2026-11-23T08:00:00</CreDtTm>\
<NbOfTxs>{count}</NbOfTxs><CtrlSum>{total}</CtrlSum>\
<InitgPty><Nm>Acme GmbH</Nm><Id><OrgId><Othr><Id>ACME1</Id></Othr></OrgId></Id></InitgPty></GrpHdr>
<PmtInf><PmtInfId>B-1</PmtInfId><PmtMtd>TRF</PmtMtd><NbOfTxs>{count}</NbOfTxs>\
<CtrlSum>{total}</CtrlSum><PmtTpInf><SvcLvl><Cd>NURG</Cd></SvcLvl></PmtTpInf>\
<ReqdExctnDt><Dt>{date}</Dt></ReqdExctnDt><Dbtr><Nm>Acme GmbH</Nm>\
<PstlAdr><PstCd>10115</PstCd><TwnNm>Berlin</TwnNm><Ctry>DE</Ctry></PstlAdr></Dbtr>\
<DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></DbtrAcct>\
<DbtrAgt><FinInstnId><BICFI>COBADEFFXXX</BICFI></FinInstnId></DbtrAgt><ChrgBr>SHAR</ChrgBr>
"""
_PAYMENT = """<CdtTrfTxInf>
<PmtId><InstrId>I{number:09}</InstrId><EndToEndId>INV-2026-{number:09}</EndToEndId>\
<UETR>9f1c{low:04x}-0b1d-4e2f-8a3b-{number:012x}</UETR></PmtId>
<Amt><InstdAmt Ccy="EUR">{amount}</InstdAmt></Amt>
<CdtrAgt><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></CdtrAgt>
<Cdtr><Nm>Supplier {number} Handels GmbH</Nm><PstlAdr><StrtNm>Hauptstrasse</StrtNm>\
<BldgNb>{house}</BldgNb><PstCd>{postcode:05}</PstCd><TwnNm>Musterstadt</TwnNm><Ctry>DE</Ctry>\
</PstlAdr></Cdtr>
<CdtrAcct><Id><IBAN>{iban}</IBAN></Id></CdtrAcct>
<Purp><Cd>SUPP</Cd></Purp>
<RmtInf><Ustrd>Invoice INV-2026-{number:09} of 2026-11-02, customer 4711, order {number:08}, \
less 2 percent cash discount as agreed, thank you</Ustrd></RmtInf>
</CdtTrfTxInf>
"""
_TAIL = "</PmtInf>\n</CstmrCdtTrfInitn>\n</Document>\n"
_BICS = ("COBADEFFXXX", "DEUTDEFFXXX", "GENODEFFXXX", "BYLADEMMXXX", "INGDDEFFXXX")


def write(path: Path, count: int, date: str, first: int = 0) -> None:
    """A pain.001.001.09 of `count` payments in one batch, about 730 bytes each.

    They are numbered from `first`, so that the payments of several files differ too.
    """
    numbers = range(first, first + count)
    total = Decimal(sum(map(_cents, numbers))).scaleb(-2)
    message_id = f"BENCH-{count}-{first}" if first else f"BENCH-{count}"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_HEAD.format(count=count, total=total, date=date, message_id=message_id))
        file.writelines(map(_payment, numbers))
        file.write(_TAIL)


def _cents(number: int) -> int:
    return 100 + number * 7919 % 999_983


def _payment(number: int) -> str:
    return _PAYMENT.format(
        number=number,
        low=number % 65536,
        amount=Decimal(_cents(number)).scaleb(-2),
        bic=_BICS[number % len(_BICS)],
        house=number % 200 + 1,
        postcode=10000 + number % 80000,
        iban=_german_iban(37040044, number),
    )


def _german_iban(bank: int, account: int) -> str:
    number = f"{bank:08}{account:010}"
    return f"DE{98 - int(number + '131400') % 97:02}{number}"
