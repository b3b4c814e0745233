"""The recall that a bank is sent (camt.055): valid, exact, and the same at every repetition."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from h2h.adapters.messages import Iso20022Messages
from h2h.core.recall import Recall, Scope
from h2h.core.terms import CheckTerms
from h2h.errors import Corrupt, Refused
from h2h.resources import schema

if TYPE_CHECKING:
    from tests.conftest import CollectionFile, PaymentFile

GOLDEN = Path(__file__).parent / "golden"
NOON = datetime(2026, 11, 23, 12, 0, 0, 5, tzinfo=UTC)
OURS = "H2H-20261123-101530-7f3a9c"
WHY = "the supplier was paid twice by a second run of the ERP; " * 2
SPACE = "{urn:iso:std:iso:20022:tech:xsd:camt.055.001.08}"

ORIGINAL = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn>
<GrpHdr><MsgId>MSG-1</MsgId><CreDtTm>2026-11-20T10:00:00+01:00</CreDtTm><NbOfTxs>3</NbOfTxs>
<InitgPty><Nm>Acme Group</Nm><Id><OrgId><LEI>529900T8BM49AURSDO55</LEI><Othr><Id>CUST-77</Id></Othr>
</OrgId></Id></InitgPty></GrpHdr>
<PmtInf><PmtInfId>B-1</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt><Dt>2026-12-01</Dt></ReqdExctnDt>
<Dbtr><Nm>Acme Inc &amp; Co</Nm></Dbtr><DbtrAcct><Id><Othr><Id>0012345</Id></Othr></Id></DbtrAcct>
<DbtrAgt><FinInstnId><BICFI>BOFAUS3N</BICFI><ClrSysMmbId><ClrSysId><Cd>USABA</Cd></ClrSysId>
<MmbId>026009593</MmbId></ClrSysMmbId><Nm>Bank of Examples</Nm></FinInstnId></DbtrAgt>
<CdtTrfTxInf><PmtId><InstrId>I-1</InstrId><EndToEndId>E-1</EndToEndId>
<UETR>7a562c67-ca16-48ba-b074-65581be6f001</UETR></PmtId>
<Amt><InstdAmt Ccy="USD">100.50</InstdAmt></Amt>
<CdtrAgt><FinInstnId><ClrSysMmbId><MmbId>021000021</MmbId></ClrSysMmbId></FinInstnId></CdtrAgt>
<Cdtr><Nm>Supplier</Nm></Cdtr><CdtrAcct><Id><Othr><Id>998877</Id></Othr></Id></CdtrAcct>
</CdtTrfTxInf>
<CdtTrfTxInf><PmtId><EndToEndId>E-2</EndToEndId></PmtId>
<Amt><InstdAmt Ccy="USD">7.05</InstdAmt></Amt><Cdtr><Nm>Other</Nm></Cdtr></CdtTrfTxInf></PmtInf>
<PmtInf><PmtInfId>B-2</PmtInfId><PmtMtd>TRF</PmtMtd><ReqdExctnDt><Dt>2026-12-02</Dt></ReqdExctnDt>
<Dbtr><Nm>Acme GmbH</Nm></Dbtr>
<DbtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></DbtrAcct>
<DbtrAgt><FinInstnId><BICFI>COBADEFFXXX</BICFI></FinInstnId></DbtrAgt>
<CdtTrfTxInf><PmtId><EndToEndId>NOTPROVIDED</EndToEndId></PmtId>
<Amt><InstdAmt Ccy="EUR">0.45</InstdAmt></Amt>
<CdtrAgt><FinInstnId><BICFI>AGRIFRPP</BICFI></FinInstnId></CdtrAgt><Cdtr><Nm>Tiers</Nm></Cdtr>
<CdtrAcct><Id><IBAN>FR1420041010050500013M02606</IBAN></Id></CdtrAcct></CdtTrfTxInf></PmtInf>
</CstmrCdtTrfInitn></Document>"""

Write = Callable[..., bytes]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Recalls a payment file, or places in it; what is written must be valid."""

    def written(
        content: bytes, scope: Scope = Scope.FILE, numbers: Iterable[int] = (), words: str = WHY
    ) -> bytes:
        original, target = tmp_path / "pay.xml", tmp_path / "recall.xml"
        original.write_bytes(content)
        recall = Recall(OURS, NOON, "DUPL", words, scope, frozenset(numbers))
        Iso20022Messages().write_recall(original, recall, target)
        etree.XMLSchema(file=str(schema("camt.055.001.08"))).assertValid(etree.parse(target))
        assert Iso20022Messages().check_recall(target).problems == ()
        return target.read_bytes()

    return written


def texts(document: bytes, path: str) -> list[str]:
    tags = f"{SPACE}CstmrPmtCxlReq/" + "/".join(SPACE + tag for tag in path.split("/"))
    return [found.text or "" for found in etree.fromstring(document).iterfind(tags)]


@pytest.mark.parametrize(
    ("scope", "numbers"), [(Scope.FILE, ()), (Scope.BATCH, (3,)), (Scope.PAYMENTS, (1, 3))]
)
def test_the_recall_is_what_it_was_agreed_to_be(
    scope: Scope, numbers: tuple[int, ...], write: Write
) -> None:
    expected = (GOLDEN / f"recall_of_{scope}.xml").read_bytes()
    assert write(ORIGINAL.encode(), scope, numbers) == expected


def test_a_repetition_has_the_same_bytes(write: Write, payment_file: PaymentFile) -> None:
    assert write(payment_file()) == write(payment_file())


def test_a_whole_file_is_named_by_its_message_id_alone(
    write: Write, payment_file: PaymentFile
) -> None:
    content = write(payment_file(payments=[{"end_to_end_id": "E-1"}, {"amount": "7.05"}]))
    group = "Undrlyg/OrgnlGrpInfAndCxl"
    assert texts(content, f"{group}/OrgnlMsgId") == ["MSG-1"]
    assert texts(content, f"{group}/OrgnlMsgNmId") == ["pain.001.001.09"]
    assert texts(content, f"{group}/GrpCxl") == ["true"]
    assert texts(content, "CtrlData/NbOfTxs") == ["2"]
    assert texts(content, "CtrlData/CtrlSum") == ["107.05"]
    assert b"E-1" not in content


def test_a_collection_is_recalled_by_its_creditor(
    write: Write, collection_file: CollectionFile
) -> None:
    content = write(collection_file(), Scope.PAYMENTS, [1])
    item = "Undrlyg/OrgnlPmtInfAndCxl/TxInf"
    assert texts(content, f"{item}/OrgnlReqdColltnDt") == ["2026-12-01"]
    assert texts(content, f"{item}/OrgnlTxRef/Cdtr/Pty/Nm") == ["Acme GmbH"]
    assert texts(content, f"{item}/OrgnlTxRef/Dbtr/Pty/Nm") == ["Client SA"]
    assert texts(content, "Assgnmt/Assgne/Agt/FinInstnId/BICFI") == ["COBADEFFXXX"]


@pytest.mark.parametrize("version", ["pain.001.001.03", "pain.001.001.10", "pain.001.001.12"])
@pytest.mark.parametrize("scope", Scope)
def test_every_version_of_a_payment_file_is_recalled(
    version: str, scope: Scope, write: Write, payment_file: PaymentFile
) -> None:
    content = write(payment_file(version=version, payments=[{}, {}]), scope, [2])
    assert texts(content, "Undrlyg/OrgnlGrpInfAndCxl/OrgnlMsgNmId") == [version]
    assert texts(content, "CtrlData/NbOfTxs") == ["1" if scope is Scope.PAYMENTS else "2"]


def test_the_reason_is_told_in_lines_that_the_schema_takes(
    write: Write, payment_file: PaymentFile
) -> None:
    words = f"zweimal bezahlt \u00fc\x01\n{'x' * 120} ende"
    content = write(payment_file(), words=words)
    lines = texts(content, "Undrlyg/OrgnlGrpInfAndCxl/CxlRsnInf/AddtlInf")
    assert lines == ["zweimal bezahlt ü?", "x" * 105, f"{'x' * 15} ende"]


def test_an_equivalent_amount_is_not_told_as_an_instructed_one(
    write: Write, payment_file: PaymentFile
) -> None:
    amount = b'<InstdAmt Ccy="EUR">100.00</InstdAmt>'
    other = b'<EqvtAmt><Amt Ccy="EUR">100.00</Amt><CcyOfTrf>USD</CcyOfTrf></EqvtAmt>'
    content = write(payment_file().replace(amount, other), Scope.PAYMENTS, [1])
    assert b"OrgnlInstdAmt" not in content
    assert texts(content, "CtrlData/CtrlSum") == []


def test_an_id_that_the_bank_needs_must_fit(write: Write, payment_file: PaymentFile) -> None:
    with pytest.raises(Refused, match="cannot stand in a recall"):
        write(payment_file("M" * 36))


def test_a_payment_file_that_cannot_be_read_is_not_recalled(
    write: Write, payment_file: PaymentFile
) -> None:
    with pytest.raises(Corrupt):
        write(payment_file()[:-40])


def test_the_check_says_what_the_schema_says(tmp_path: Path) -> None:
    broken = tmp_path / "recall.xml"
    content = (GOLDEN / "recall_of_payments.xml").read_text("utf-8")
    broken.write_text(content.replace("<Cd>DUPL</Cd>", "<Cd>TOO LONG</Cd>", 1), "utf-8")
    verdict = Iso20022Messages().check_recall(broken)
    assert not verdict.valid
    assert verdict.problems[0].rule == "schema"
    assert (verdict.problems[0].path or "").endswith("CxlRsnInf/Rsn/Cd")


def test_every_payment_file_of_the_corpus_can_be_recalled(corpus: Path, write: Write) -> None:
    recalled = 0
    for path in sorted(corpus.rglob("*.xml")):
        verdict = Iso20022Messages().check(path, CheckTerms(), NOON.date())
        broken = {"schema", "xml"} & {problem.rule for problem in verdict.problems}
        if verdict.header is None or broken:
            continue
        for scope in Scope:
            write(path.read_bytes(), scope, [1])
        recalled += 1
    assert recalled == 8
