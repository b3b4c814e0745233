"""Collections (pain.008) and what bank's own schemas judge: the same road, the sides changed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from h2h.adapters.messages import Iso20022Messages
from h2h.adapters.profiles import load_profile
from h2h.core.payment import Payment, Verdict
from h2h.core.terms import Account, CheckTerms

TODAY = date(2026, 11, 23)
OURS = "DE89370400440532013000"
DEBTOR = "FR1420041010050500013M02606"
OUR_TERMS = CheckTerms(accounts=(Account(OURS, "", "EUR", "Acme GmbH"),))


def collection(
    version: str, *, ours: str = OURS, debtor: str = DEBTOR, control: str = "30.50"
) -> str:
    """Two collections of one mandate each."""
    bic = "BIC" if version.endswith(".02") else "BICFI"
    payments = "".join(
        f"""<DrctDbtTxInf><PmtId><EndToEndId>RENT-{number}</EndToEndId></PmtId>
        <InstdAmt Ccy="EUR">{amount}</InstdAmt>
        <DrctDbtTx><MndtRltdInf><MndtId>M-{number}</MndtId><DtOfSgntr>2020-01-0{number}</DtOfSgntr>
        </MndtRltdInf></DrctDbtTx>
        <DbtrAgt><FinInstnId><{bic}>AGRIFRPP</{bic}></FinInstnId></DbtrAgt>
        <Dbtr><Nm>Locataire {number}</Nm></Dbtr>
        <DbtrAcct><Id><IBAN>{debtor}</IBAN></Id></DbtrAcct>
        <RmtInf><Ustrd>Rent {number}</Ustrd></RmtInf></DrctDbtTxInf>"""
        for number, amount in ((1, "10.25"), (2, "20.25"))
    )
    return f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{version}"><CstmrDrctDbtInitn>
    <GrpHdr><MsgId>DD-1</MsgId><CreDtTm>2026-11-20T10:00:00</CreDtTm><NbOfTxs>2</NbOfTxs>
    <CtrlSum>{control}</CtrlSum><InitgPty><Nm>Acme GmbH</Nm></InitgPty></GrpHdr>
    <PmtInf><PmtInfId>DD-1-B1</PmtInfId><PmtMtd>DD</PmtMtd><NbOfTxs>2</NbOfTxs>
    <CtrlSum>30.50</CtrlSum>
    <PmtTpInf><SvcLvl><Cd>SEPA</Cd></SvcLvl><LclInstrm><Cd>CORE</Cd></LclInstrm><SeqTp>RCUR</SeqTp>
    </PmtTpInf><ReqdColltnDt>2026-12-01</ReqdColltnDt><Cdtr><Nm>Acme GmbH</Nm></Cdtr>
    <CdtrAcct><Id><IBAN>{ours}</IBAN></Id></CdtrAcct>
    <CdtrAgt><FinInstnId><{bic}>COBADEFFXXX</{bic}></FinInstnId></CdtrAgt>
    <ChrgBr>SLEV</ChrgBr><CdtrSchmeId><Id><PrvtId><Othr><Id>DE98ZZZ09999999999</Id>
    <SchmeNm><Prtry>SEPA</Prtry></SchmeNm></Othr></PrvtId></Id></CdtrSchmeId>
    {payments}</PmtInf></CstmrDrctDbtInitn></Document>"""


VERSIONS = ("pain.008.001.02", "pain.008.001.08")


def judged(path: Path, content: str, terms: CheckTerms = OUR_TERMS) -> Verdict:
    path.write_text(content, "utf-8")
    return Iso20022Messages().check(path, terms, TODAY)


def told(verdict: Verdict) -> list[tuple[str, str | None]]:
    return [(problem.rule, problem.path) for problem in verdict.problems]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_good_collection_is_read_with_its_sides_changed(version: str, tmp_path: Path) -> None:
    path = tmp_path / "dd.xml"
    verdict = judged(path, collection(version))
    assert (told(verdict), verdict.message, verdict.transactions) == ([], version, 2)
    assert verdict.accounts == (OURS,)
    assert [str(execution.day) for execution in verdict.executions] == ["2026-12-01"]
    payments: list[Payment] = [p for chunk in Iso20022Messages().payments(path) for p in chunk]
    assert [(p.counterparty_name, p.counterparty_account, str(p.amount)) for p in payments] == [
        ("Locataire 1", DEBTOR, "10.25"),
        ("Locataire 2", DEBTOR, "20.25"),
    ]
    batch = payments[0].batch
    assert (batch.account, batch.agent.bic, batch.name) == (OURS, "COBADEFFXXX", "Acme GmbH")
    assert (batch.creditor_scheme_id, batch.sequence_type) == ("DE98ZZZ09999999999", "RCUR")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_words_and_places_name_the_right_side(version: str, tmp_path: Path) -> None:
    wrong = collection(version, ours=OURS[:-1] + "1", debtor=DEBTOR[:-1] + "7")
    verdict = judged(tmp_path / "dd.xml", wrong, CheckTerms())
    assert told(verdict) == [
        ("iban", "batch 1 (DD-1-B1), creditor account"),
        ("iban", "batch 1, payment 1 (RENT-1), debtor account"),
        ("iban", "batch 1, payment 2 (RENT-2), debtor account"),
    ]
    assert verdict.problems[2].xpath == (
        "/Document/CstmrDrctDbtInitn/PmtInf[1]/DrctDbtTxInf[2]/DbtrAcct/Id/IBAN"
    )


def test_the_account_to_be_credited_must_be_ours(tmp_path: Path) -> None:
    verdict = judged(tmp_path / "dd.xml", collection(VERSIONS[1], ours="NL91ABNA0417164300"))
    assert ("debtor-account", "batch 1 (DD-1-B1), creditor account") in told(verdict)


def test_figures_are_counted_and_summed(tmp_path: Path) -> None:
    verdict = judged(tmp_path / "dd.xml", collection(VERSIONS[0], control="30.51"))
    assert told(verdict) == [("control-sum", "group header, control sum")]


def test_a_sepa_collection_passes_the_sepa_profile(tmp_path: Path) -> None:
    terms = CheckTerms(profile=load_profile("sepa"))
    assert told(judged(tmp_path / "dd.xml", collection(VERSIONS[1]), terms)) == []


# ----------------------------------------------------------------- what only a bank's schema knows

CREDIT_TRANSFER = """<Document xmlns="{space}"><CstmrCdtTrfInitn><GrpHdr><MsgId>V-1</MsgId>
<CreDtTm>2026-11-20T10:00:00</CreDtTm><NbOfTxs>{count}</NbOfTxs><InitgPty><Nm>Acme</Nm></InitgPty>
</GrpHdr><PmtInf><PmtInfId>V-1-B1</PmtInfId><PmtMtd>TRF</PmtMtd>
<ReqdExctnDt>2026-12-01</ReqdExctnDt><Dbtr><Nm>Acme</Nm></Dbtr>
<DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct>
<DbtrAgt><FinInstnId><BIC>COBADEFFXXX</BIC></FinInstnId></DbtrAgt>
<CdtTrfTxInf><PmtId><EndToEndId>V-1-1</EndToEndId></PmtId>
<Amt><InstdAmt Ccy="EUR">1.00</InstdAmt></Amt><Cdtr><Nm>Someone</Nm></Cdtr>
<CdtrAcct><Id><IBAN>FR1420041010050500013M02606</IBAN></Id></CdtrAcct></CdtTrfTxInf>
</PmtInf></CstmrCdtTrfInitn></Document>"""
SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" elementFormDefault="qualified"
 targetNamespace="{space}" xmlns="{space}"><xs:element name="Document"><xs:complexType><xs:sequence>
<xs:element name="{body}"><xs:complexType><xs:sequence>
<xs:any maxOccurs="unbounded" processContents="skip"/></xs:sequence></xs:complexType></xs:element>
</xs:sequence></xs:complexType></xs:element></xs:schema>"""
GERMAN = "urn:iso:std:iso:20022:tech:xsd:pain.001.003.03"
SWISS = "http://www.six-interbank-clearing.com/de/pain.001.001.09.ch.03.xsd"
UNKNOWN = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.13"


def own_schema(folder: Path, space: str, body: str = "CstmrCdtTrfInitn") -> CheckTerms:
    path = folder / "own.xsd"
    path.write_text(SCHEMA.format(space=space, body=body), "utf-8")
    return CheckTerms(schema=path)


@pytest.mark.parametrize(
    ("space", "name"),
    [(GERMAN, "pain.001.003.03"), (SWISS, "pain.001.001.09.ch.03"), (UNKNOWN, "pain.001.001.13")],
)
def test_a_variant_is_refused_by_name_unless_the_banks_schema_is_there(
    space: str, name: str, tmp_path: Path
) -> None:
    path, content = tmp_path / "v.xml", CREDIT_TRANSFER.format(space=space, count=1)
    (problem,) = judged(path, content, CheckTerms()).problems
    assert (problem.rule, name in problem.message) == ("message", True)
    assert "schema" in problem.remedy
    verdict = judged(path, content, own_schema(tmp_path, space))
    assert (told(verdict), verdict.valid, verdict.transactions) == ([], True, 1)


def test_the_banks_schema_and_the_rules_judge_a_variant(tmp_path: Path) -> None:
    path = tmp_path / "v.xml"
    counted = judged(
        path, CREDIT_TRANSFER.format(space=GERMAN, count=7), own_schema(tmp_path, GERMAN)
    )
    assert [rule for rule, _ in told(counted)] == ["number-of-transactions"]
    strict = own_schema(tmp_path, GERMAN, body="SomethingElse")
    refused = judged(path, CREDIT_TRANSFER.format(space=GERMAN, count=1), strict)
    assert [rule for rule, _ in told(refused)] == ["bank-schema"]


def test_the_schema_of_another_variant_helps_nothing(tmp_path: Path) -> None:
    content = CREDIT_TRANSFER.format(space=SWISS, count=1)
    (problem,) = judged(tmp_path / "v.xml", content, own_schema(tmp_path, GERMAN)).problems
    assert problem.rule == "message"
