"""Account statements of any size for the measurements: distinct, valid, balanced, always the same.

Entries are written in the ways that a bank's system has: incoming and outgoing transfers, returns
with their reason, entries with charges, and one line for a whole batch of payments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

IBAN = "DE89370400440532013000"
_OPENING = 1_000_000_000  # cents, so that the account is never overdrawn
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}">
<BkToCstmrStmt>
<GrpHdr><MsgId>BENCH-{entries}</MsgId><CreDtTm>2026-11-24T06:00:00+01:00</CreDtTm></GrpHdr>
<Stmt><Id>STMT-BENCH-{entries}</Id><ElctrncSeqNb>231</ElctrncSeqNb><LglSeqNb>231</LglSeqNb>\
<CreDtTm>2026-11-24T06:00:00+01:00</CreDtTm>\
<FrToDt><FrDtTm>2026-11-23T00:00:00+01:00</FrDtTm><ToDtTm>2026-11-23T23:59:59+01:00</ToDtTm></FrToDt>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy><Ownr><Nm>Acme GmbH</Nm></Ownr>\
<Svcr><FinInstnId><{bic}>COBADEFFXXX</{bic}></FinInstnId></Svcr></Acct>
{opening}{closing}\
<TxsSummry><TtlNtries><NbOfNtries>{entries}</NbOfNtries></TtlNtries></TxsSummry>
"""
_BALANCE = """<Bal><Tp><CdOrPrtry><Cd>{type}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt>\
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-23</Dt></Dt></Bal>
"""
_TAIL = "</Stmt>\n</BkToCstmrStmt>\n</Document>\n"

_ENTRY = """<Ntry><NtryRef>{number}</NtryRef><Amt Ccy="EUR">{amount}</Amt>\
<CdtDbtInd>{side}</CdtDbtInd><Sts>{status}</Sts><BookgDt><Dt>2026-11-23</Dt></BookgDt>\
<ValDt><Dt>2026-11-{value_day}</Dt></ValDt><AcctSvcrRef>2026112300{number:012}</AcctSvcrRef>\
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{sub_family}</SubFmlyCd></Fmly></Domn>\
</BkTxCd>{charges}
<NtryDtls>{details}</NtryDtls>
<AddtlNtryInf>{words}</AddtlNtryInf></Ntry>
"""
_CHARGES = """
<Chrgs>{open}<Amt Ccy="EUR">0.35</Amt><CdtDbtInd>DBIT</CdtDbtInd>\
<Tp><Prtry><Id>FEE</Id></Prtry></Tp>{close}</Chrgs>"""
_BATCH = """<Btch><MsgId>OUR-MSG-{number:09}</MsgId><PmtInfId>OUR-BATCH-{number:09}</PmtInfId>\
<NbOfTxs>25</NbOfTxs></Btch>"""
_DETAILS = """<TxDtls><Refs>{ids}</Refs>{own_amount}
<RltdPties><Dbtr>{open}<Nm>{debtor}</Nm>{close}</Dbtr><DbtrAcct><Id><IBAN>{debtor_iban}</IBAN></Id>\
</DbtrAcct><Cdtr>{open}<Nm>{creditor}</Nm>{close}</Cdtr><CdtrAcct><Id><IBAN>{creditor_iban}</IBAN>\
</Id></CdtrAcct></RltdPties>
<RltdAgts><{agent}><FinInstnId><{bic}>DEUTDEFFXXX</{bic}></FinInstnId></{agent}></RltdAgts>
<Purp><Cd>SUPP</Cd></Purp>
<RmtInf><Ustrd>Invoice INV-2026-{number:09}</Ustrd><Ustrd>order {number:08}</Ustrd></RmtInf>\
{reason}</TxDtls>"""
_RETURN = """
<RtrInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>account closed</AddtlInf></RtrInf>"""


@dataclass(frozen=True)
class _Way:
    """How one kind of entry is written."""

    side: str
    family: str
    sub_family: str
    words: str
    charges: bool = False
    returned: bool = False
    batch: bool = False


_CREDIT = _Way("CRDT", "RCDT", "ESCT", "SEPA CREDIT TRANSFER")
_DEBIT = _Way("DBIT", "ICDT", "ESCT", "SEPA TRANSFER OUT")
_CHARGED = _Way("DBIT", "ICDT", "XBCT", "CROSS-BORDER TRANSFER", charges=True)
_RETURNED = _Way("CRDT", "ICDT", "RRTN", "RETURN OF A TRANSFER", returned=True)
_BATCHED = _Way("DBIT", "ICDT", "ESCT", "BATCH OF TRANSFERS", batch=True)
_WAYS = (
    *(_CREDIT,) * 8,
    *(_DEBIT,) * 8,
    *(_CHARGED,) * 2,
    _RETURNED,
    _BATCHED,
)


def write(path: Path, entries: int, version: str = "08") -> None:
    """A camt.053.001.02, .04, .06, .08, .10 or .12 of one statement, about 1,100 bytes an entry."""
    booked = sum(map(_signed_cents, range(1, entries + 1)))
    with path.open("w", encoding="utf-8", newline="\n") as file:
        opening = _BALANCE.format(type="OPBD", amount=_money(_OPENING))
        closing = _BALANCE.format(type="CLBD", amount=_money(_OPENING + booked))
        bic = _bic(version)
        file.write(
            _HEAD.format(
                version=version, entries=entries, bic=bic, opening=opening, closing=closing
            )
        )
        file.writelines(_entries(entries, version))
        file.write(_TAIL)


def _bic(version: str) -> str:
    return "BIC" if version == "02" else "BICFI"


def _way(number: int) -> _Way:
    return _WAYS[number * 7919 % len(_WAYS)]


def _cents(number: int) -> int:
    return 100 + number * 7919 % 9_983


def _signed_cents(number: int) -> int:
    return _cents(number) if _way(number).side == "CRDT" else -_cents(number)


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def _entries(count: int, version: str) -> Iterator[str]:
    code = "<Cd>BOOK</Cd>" if version >= "08" else "BOOK"
    chrgs = _CHARGES.format(
        open="" if version == "02" else "<Rcrd>", close="" if version == "02" else "</Rcrd>"
    )
    for number in range(1, count + 1):
        way = _way(number)
        yield _ENTRY.format(
            number=number,
            amount=_money(_cents(number)),
            side=way.side,
            status=code,
            value_day="24" if number % 3 else "23",
            family=way.family,
            sub_family=way.sub_family,
            charges=chrgs if way.charges else "",
            details=_BATCH.format(number=number) if way.batch else _details(number, way, version),
            words=way.words,
        )


def _details(number: int, way: _Way, version: str) -> str:
    amount = f'<Amt Ccy="EUR">{_money(_cents(number))}</Amt>'
    if version == "02":
        own_amount = f"<AmtDtls><TxAmt>{amount}</TxAmt></AmtDtls>"
    else:
        own_amount = f"{amount}<CdtDbtInd>{way.side}</CdtDbtInd>"
    ours, other = ("Acme GmbH", IBAN), (f"Partner {number} Handels GmbH", _iban(number))
    creditor, debtor = (ours, other) if way is _CREDIT else (other, ours)
    return _DETAILS.format(
        number=number,
        ids=_ids(number, version),
        own_amount=own_amount,
        open="<Pty>" if version >= "08" else "",
        close="</Pty>" if version >= "08" else "",
        debtor=debtor[0],
        debtor_iban=debtor[1],
        creditor=creditor[0],
        creditor_iban=creditor[1],
        bic=_bic(version),
        agent="DbtrAgt" if way is _CREDIT else "CdtrAgt",
        reason=_RETURN if way.returned else "",
    )


def _ids(number: int, version: str) -> str:
    uetr = f"<UETR>9f1c{number % 65536:04x}-0b1d-4e2f-8a3b-{number:012x}</UETR>"
    return (
        f"<MsgId>M{number // 1000:09}</MsgId><PmtInfId>B{number // 100:09}</PmtInfId>"
        f"<InstrId>I{number:09}</InstrId><EndToEndId>INV-2026-{number:09}</EndToEndId>"
        f"{uetr if version >= '08' else ''}"
    )


def _iban(number: int) -> str:
    digits = f"37040044{number:010}"
    return f"DE{98 - int(digits + '131400') % 97:02}{digits}"
