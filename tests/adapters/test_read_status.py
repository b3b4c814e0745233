"""Reading status reports (pain.002), old and new, national and standard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.adapters.messages.iso20022 import incoming
from h2h.core.status import BatchStatus, PaymentStatus, Reason, StatusReport

if TYPE_CHECKING:
    from tests.adapters.conftest import ReadWhole, WholeMessage

ISO = "urn:iso:std:iso:20022:tech:xsd:"
SIX = "http://www.six-interbank-clearing.com/de/"
PAYMENT = """<TxInfAndSts><OrgnlInstrId>I{n}</OrgnlInstrId><OrgnlEndToEndId>E{n}</OrgnlEndToEndId>
<TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AC04</Cd></Rsn><AddtlInf>closed</AddtlInf>
<AddtlInf>account</AddtlInf></StsRsnInf><StsRsnInf><Rsn><Prtry>X9</Prtry></Rsn></StsRsnInf>
<AcctSvcrRef>SVC</AcctSvcrRef>
<OrgnlTxRef><Amt><InstdAmt Ccy="EUR">12.50</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>"""
BATCH = """<OrgnlPmtInfAndSts><OrgnlPmtInfId>{id}</OrgnlPmtInfId><PmtInfSts>{status}</PmtInfSts>
<StsRsnInf><Rsn><Cd>NARR</Cd></Rsn></StsRsnInf>{payments}</OrgnlPmtInfAndSts>"""


def report(space: str, *batches: str, group: str = "<GrpSts>PART</GrpSts>") -> str:
    return f"""<Document xmlns="{space}"><CstmrPmtStsRpt>
<GrpHdr><MsgId>R1</MsgId><CreDtTm>2026-03-03T06:00:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>M1</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>{group}
</OrgnlGrpInfAndSts>{"".join(batches)}</CstmrPmtStsRpt></Document>"""


Read = Callable[[str], "WholeMessage"]


@pytest.fixture
def read(tmp_path: Path, read_whole: ReadWhole) -> Read:
    def reads(text: str) -> WholeMessage:
        path = tmp_path / "status.xml"
        path.write_text(text, "utf-8")
        return read_whole(path, 1_000_000)

    return reads


REJECTED = (Reason("AC04", "closed account"), Reason("X9", ""))
EXPECTED = StatusReport(
    message_id="R1",
    created="2026-03-03T06:00:00",
    original_message_id="M1",
    original_message="pain.001.001.09",
    group_status="PART",
    reasons=(),
    batches=(
        BatchStatus("B1", "ACCP", (Reason("NARR", ""),), ()),
        BatchStatus(
            "B2",
            "PART",
            (Reason("NARR", ""),),
            tuple(
                PaymentStatus(f"I{n}", f"E{n}", "RJCT", REJECTED, "12.50", "EUR", "SVC")
                for n in range(5)
            ),
        ),
    ),
)
BATCHES = (
    BATCH.format(id="B1", status="ACCP", payments=""),
    BATCH.format(id="B2", status="PART", payments="".join(PAYMENT.format(n=n) for n in range(5))),
)


@pytest.mark.parametrize(
    ("space", "message", "rules"),
    [
        (ISO + "pain.002.001.03", "pain.002.001.03", []),
        (ISO + "pain.002.001.10", "pain.002.001.10", []),
        (ISO + "pain.002.001.11", "pain.002.001.11", ["version-between"]),
        (ISO + "pain.002.003.03", "pain.002.003.03", ["version-between"]),
        (SIX + "pain.002.001.03.ch.02.xsd", "pain.002.001.03.ch.02", ["version-between"]),
    ],
)
def test_a_status_report_is_read_with_every_field(
    read: Read, space: str, message: str, rules: list[str]
) -> None:
    found = read(report(space, *BATCHES))
    assert (found.message, found.message_id, found.statements) == (message, "R1", ())
    assert found.report == EXPECTED
    assert [problem.rule for problem in found.problems] == rules


def test_a_report_is_the_same_in_however_many_parts_it_is_read(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    for chunk in (1, 2, 4, 5):
        monkeypatch.setattr(incoming, "CHUNK", chunk)
        found = read(report(ISO + "pain.002.001.03", *BATCHES))
        assert (found.report, found.problems) == (EXPECTED, ())


def test_a_report_on_the_whole_file_alone_has_no_batches(read: Read) -> None:
    group = "<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>AM05</Cd></Rsn></StsRsnInf>"
    found = read(report(ISO + "pain.002.001.03", group=group)).report
    assert found is not None
    assert (found.group_status, found.reasons, found.batches) == ("RJCT", (Reason("AM05", ""),), ())


def test_a_status_as_its_own_child_is_a_slip_and_still_read(read: Read) -> None:
    group = "<GrpSts><Cd>ACCP</Cd></GrpSts>"
    found = read(report(ISO + "pain.002.001.03", group=group))
    assert found.report is not None
    assert found.report.group_status == "ACCP"
    assert {(p.rule, p.path) for p in found.problems} == {("schema", "OrgnlGrpInfAndSts/GrpSts")}


def test_a_slip_in_a_payment_names_its_batch_and_its_place(read: Read) -> None:
    wrong = (
        BATCHES[1].replace("<TxSts>RJCT", "<TxSts>NOPE", 3).replace("<TxSts>NOPE", "<TxSts>RJCT", 2)
    )
    found = read(report(ISO + "pain.002.001.03", BATCHES[0], wrong))
    assert [problem.path for problem in found.problems] == ["batch 2, payment 3, TxSts"]


@pytest.mark.parametrize(
    ("version", "creditor"),
    [("03", "<Nm>Globex S.A.</Nm>"), ("10", "<Pty><Nm>Globex S.A.</Nm></Pty>")],
)
def test_the_creditors_name_is_read_where_the_version_has_it(
    read: Read, version: str, creditor: str
) -> None:
    payment = PAYMENT.format(n=1).replace("</Amt></Orgnl", f"</Amt><Cdtr>{creditor}</Cdtr></Orgnl")
    batch = BATCH.format(id="B1", status="PART", payments=payment)
    found = read(report(f"{ISO}pain.002.001.{version}", batch))
    assert found.report is not None
    assert found.report.batches[0].payments[0].payee_name == "Globex S.A."
    assert found.problems == ()


@pytest.mark.parametrize("version", ["12", "14"])
@pytest.mark.parametrize("original", ["<OrgnlTxRef/>", "<OrgnlTxRef><MndtRltdInf/></OrgnlTxRef>"])
def test_an_empty_reference_to_the_original_is_no_hindrance(
    read: Read, version: str, original: str
) -> None:
    payment = f"<TxInfAndSts><OrgnlEndToEndId>E1</OrgnlEndToEndId><TxSts>ACSP</TxSts>{original}"
    batch = BATCH.format(id="B1", status="PART", payments=f"{payment}</TxInfAndSts>")
    found = read(report(f"{ISO}pain.002.001.{version}", batch))
    assert found.report is not None
    expected = PaymentStatus("", "E1", "ACSP", (), "", "", "")
    assert found.report.batches[0].payments == (expected,)
