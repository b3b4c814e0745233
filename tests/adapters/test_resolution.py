"""Reading answers to recalls (camt.029), whatever version and envelope they come in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from h2h.adapters.messages import Iso20022Messages
from h2h.core.recall import Resolution
from h2h.core.status import BatchStatus, PaymentStatus, Reason
from h2h.errors import Corrupt

ISO = "urn:iso:std:iso:20022:tech:xsd:camt.029.001."
BANK = "<Agt><FinInstnId><BICFI>COBADEFFXXX</BICFI></FinInstnId></Agt>"
PARTY = "<Pty><Nm>Acme GmbH</Nm></Pty>"
CASE = f"<RslvdCase><Id>H2H-1</Id><Cretr>{PARTY}</Cretr></RslvdCase>"
REASON = """<CxlStsRsnInf><Rsn><Cd>{code}</Cd></Rsn><AddtlInf>court</AddtlInf>
<AddtlInf>order</AddtlInf></CxlStsRsnInf>"""
PAYMENT = """<TxInfAndSts><CxlStsId>S-{n}</CxlStsId>{case}<OrgnlInstrId>I-{n}</OrgnlInstrId>
<OrgnlEndToEndId>E-{n}</OrgnlEndToEndId><TxCxlSts>{status}</TxCxlSts>{reason}{amount}</TxInfAndSts>"""
AMOUNT = '<OrgnlTxRef><Amt><InstdAmt Ccy="EUR">12.50</InstdAmt></Amt></OrgnlTxRef>'
GROUP = """<OrgnlGrpInfAndSts><OrgnlGrpCxlId>G-1</OrgnlGrpCxlId><OrgnlMsgId>{original}</OrgnlMsgId>
<OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId><GrpCxlSts>{status}</GrpCxlSts>{reason}
</OrgnlGrpInfAndSts>"""
BATCH = """<OrgnlPmtInfAndSts><OrgnlPmtInfCxlId>P-1</OrgnlPmtInfCxlId>
<OrgnlPmtInfId>B-1</OrgnlPmtInfId><PmtInfCxlSts>PACR</PmtInfCxlSts>{payments}</OrgnlPmtInfAndSts>"""


def message(*details: str, said: str = "<Conf>PECR</Conf>", version: str = "09") -> str:
    return f"""<Document xmlns="{ISO}{version}"><RsltnOfInvstgtn><Assgnmt><Id>A-1</Id>
<Assgnr>{BANK}</Assgnr><Assgne>{PARTY}</Assgne><CreDtTm>2026-11-23T12:00:00</CreDtTm></Assgnmt>
{CASE}<Sts>{said}</Sts>{"".join(f"<CxlDtls>{each}</CxlDtls>" for each in details)}
</RsltnOfInvstgtn></Document>"""


def payment(number: int, status: str, reason: str = "", amount: str = "", case: str = "") -> str:
    told = REASON.format(code=reason) if reason else ""
    return PAYMENT.format(n=number, status=status, reason=told, amount=amount, case=case)


Read = Callable[[str], tuple[Resolution, tuple[str, ...]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """What a file says, and the rules of what is wrong with it."""

    def reads(text: str) -> tuple[Resolution, tuple[str, ...]]:
        path = tmp_path / "answer.xml"
        path.write_text(text, "utf-8")
        found = Iso20022Messages().read(path, 1_000_000)
        assert found.resolution is not None
        assert found.message_id == found.resolution.message_id
        return found.resolution, tuple(problem.rule for problem in found.problems)

    return reads


WHOLE = message(
    GROUP.format(original="MSG-1", status="PACR", reason=REASON.format(code="LEGL"))
    + BATCH.format(payments=payment(1, "ACCR"))
    + payment(2, "RJCR", "ARDT", AMOUNT)
)
EXPECTED = Resolution(
    message_id="A-1",
    created="2026-11-23T12:00:00",
    references=("S-2", "G-1", "P-1", "S-1", "H2H-1", "A-1", "MSG-1"),
    original_message_id="MSG-1",
    confirmation="PECR",
    group_status="PACR",
    reasons=(Reason("LEGL", "court order"),),
    batches=(
        BatchStatus("B-1", "PACR", (), (PaymentStatus("I-1", "E-1", "ACCR", (), "", "", ""),)),
        BatchStatus(
            "",
            "",
            (),
            (
                PaymentStatus(
                    "I-2", "E-2", "RJCR", (Reason("ARDT", "court order"),), "12.50", "EUR", ""
                ),
            ),
        ),
    ),
)


def test_every_level_of_an_answer_is_read(read: Read) -> None:
    found, problems = read(WHOLE)
    assert (problems, found) == ((), EXPECTED)


@pytest.mark.parametrize("version", ["03", "06", "08", "10", "12", "13"])
def test_its_neighbours_are_read_by_its_shape_with_a_warning(version: str, read: Read) -> None:
    found, problems = read(WHOLE.replace(f"{ISO}09", f"{ISO}{version}"))
    assert (found, problems) == (EXPECTED, ("version-between",))


def test_an_answer_without_details_is_read(read: Read) -> None:
    found, problems = read(message(said="<Conf>CNCL</Conf>"))
    assert (found.confirmation, found.batches, problems) == ("CNCL", (), ())
    assert found.references == ("H2H-1", "A-1")


def test_an_envelope_is_seen_through(read: Read) -> None:
    head = '<AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"/>'
    found, problems = read(f"<BizMsg>{head}{WHOLE}</BizMsg>")
    assert (found, problems) == (EXPECTED, ())


def test_a_code_in_an_element_of_its_own_is_a_slip_and_is_read(read: Read) -> None:
    found, problems = read(message(said="<Conf><Cd>CNCL</Cd></Conf>"))
    assert found.confirmation == "CNCL"
    assert set(problems) == {"schema"}


def test_another_status_than_a_confirmation_confirms_nothing(read: Read) -> None:
    found, problems = read(message(said="<AssgnmtCxlConf>true</AssgnmtCxlConf>"))
    assert (found.confirmation, problems) == ("", ())


def test_groups_of_different_status_leave_it_to_the_payments(read: Read) -> None:
    groups = [GROUP.format(original="MSG-1", status=each, reason="") for each in ("ACCR", "RJCR")]
    found, _ = read(message(*groups))
    assert found.group_status == "PACR"


def test_a_case_beside_a_payment_is_a_reference_too(read: Read) -> None:
    case = CASE.replace("H2H-1", "H2H-2")
    found, _ = read(message(payment(1, "ACCR", case=case)))
    assert "H2H-2" in found.references


def test_a_cut_off_answer_is_refused(read: Read) -> None:
    with pytest.raises(Corrupt):
        read(WHOLE[:-30])
