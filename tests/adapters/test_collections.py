"""Collections (pain.008) take the same road as payments: the creditor's account is ours.

National variants of either are named and refused, unless the bank's own schema is configured.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from h2h.adapters.messages.iso20022.check import check, payments
from h2h.adapters.profiles import load_profile
from h2h.core.payment import Verdict
from h2h.core.problem import Severity
from h2h.core.terms import Account, CheckTerms

if TYPE_CHECKING:
    from tests.conftest import CollectionFile, PaymentFile

TODAY = date(2026, 11, 23)
OURS = Account("DE89 3704 0044 0532 0130 00", "37040044", "EUR", "Acme GmbH")
DEBTOR = "FR1420041010050500013M02606"
VERSIONS = ("pain.008.001.02", "pain.008.001.08")
BATCH = "/Document/CstmrDrctDbtInitn/PmtInf[1]"


class Judge(Protocol):
    """Judges the bytes of a file."""

    def __call__(self, content: bytes, terms: CheckTerms = ...) -> Verdict: ...


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "collections.xml"


@pytest.fixture
def judge(path: Path) -> Judge:
    def judged(content: bytes, terms: CheckTerms = CheckTerms()) -> Verdict:  # noqa: B008 - frozen
        path.write_bytes(content)
        return check(path, terms, TODAY)

    return judged


@pytest.mark.parametrize("version", VERSIONS)
def test_a_good_collection_is_valid_and_read_whole(
    judge: Judge, path: Path, collection_file: CollectionFile, version: str
) -> None:
    collections = [{"amount": "100.10", "mandate": "M-7"}, {"amount": "50"}, {"debtor_name": "Ö"}]
    content = collection_file("C", collections, version=version)
    verdict = judge(content, CheckTerms(accounts=(OURS,)))
    assert [p.rule for p in verdict.problems if p.severity is not Severity.INFO] == []
    assert (verdict.message, verdict.transactions) == (version, 3)
    assert verdict.control_sum == {"EUR": Decimal("250.10")}
    assert verdict.accounts == ("DE89370400440532013000",)
    assert verdict.header is not None
    assert verdict.header.collection
    found = [payment for chunk in payments(path) for payment in chunk]
    batch = found[0].batch
    assert (batch.method, batch.name, batch.account) == ("DD", "Acme GmbH", verdict.accounts[0])
    assert (batch.agent.bic, batch.requested_execution_date) == ("COBADEFFXXX", date(2026, 12, 1))
    assert (batch.sequence_type, batch.creditor_scheme_id) == ("RCUR", "DE98ZZZ09999999999")
    assert (batch.service_level, batch.local_instrument) == ("SEPA", "CORE")
    assert [payment.end_to_end_id for payment in found] == ["C-1", "C-2", "C-3"]
    assert [payment.counterparty_name for payment in found] == ["Client SA", "Client SA", "Ö"]
    assert {payment.counterparty_account for payment in found} == {DEBTOR}
    assert {payment.counterparty_agent for payment in found} == {"AGRIFRPP"}
    columns = next(iter(payments(path))).columns
    assert [*columns.mandate_id] == ["M-7", "MANDATE-1", "MANDATE-1"]
    assert {*columns.mandate_date} == {"2020-01-31"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("old", "new", "rule", "words", "xpath"),
    [
        (
            "FR14",
            "FR15",
            "iban",
            "batch 1, payment 1 (C-1), debtor account",
            "/DrctDbtTxInf[1]/DbtrAcct/Id/IBAN",
        ),
        ("AGRIFRPP", "AGRIQQPP", "bic", "batch 1, payment 1 (C-1), debtor agent", None),
        ("DE89370", "DE88370", "iban", "batch 1 (C-B1), creditor account", "/CdtrAcct/Id/IBAN"),
        ("COBADEFF", "COBAQQFF", "bic", "batch 1 (C-B1), creditor agent", None),
        (
            ">100.00<",
            ">0.00<",
            "amount-positive",
            "batch 1, payment 1 (C-1), amount",
            "/DrctDbtTxInf[1]/InstdAmt",
        ),
        (
            "<ReqdColltnDt>2026-12",
            "<ReqdColltnDt>2026-10",
            "execution-date-past",
            "batch 1 (C-B1), requested collection date",
            "/ReqdColltnDt",
        ),
        ("<PmtMtd>DD", "<PmtMtd>TRF", "schema", "batch 1 (C-B1), payment method", "/PmtMtd"),
        (
            ">MANDATE-1<",
            f">{'M' * 36}<",
            "schema",
            "batch 1, payment 1 (C-1), direct debit, mandate id",
            "/DrctDbtTxInf[1]/DrctDbtTx/MndtRltdInf/MndtId",
        ),
    ],
)
def test_what_is_wrong_is_told_with_the_sides_of_a_collection(
    judge: Judge,
    collection_file: CollectionFile,
    version: str,
    old: str,
    new: str,
    rule: str,
    words: str,
    xpath: str | None,
) -> None:
    content = collection_file("C", [{}, {"debtor_iban": "DE02120300000000202051"}], version=version)
    harmed = content.replace(old.encode(), new.encode(), 1)
    told = [problem for problem in judge(harmed).problems if problem.rule == rule]
    assert [problem.path for problem in told] == [words]
    assert told[0].line == harmed[: harmed.index(new.encode())].count(b"\n") + 1
    assert xpath is None or told[0].xpath == BATCH + xpath


@pytest.mark.parametrize("version", VERSIONS)
def test_a_sepa_collection_passes_the_sepa_profile(
    judge: Judge, collection_file: CollectionFile, version: str
) -> None:
    terms = CheckTerms(profile=load_profile("sepa"))
    assert judge(collection_file("C", version=version), terms).problems == ()


def test_a_creditor_account_that_is_not_ours_is_refused(
    judge: Judge, collection_file: CollectionFile
) -> None:
    terms = CheckTerms(accounts=(OURS,))
    content = collection_file("C", creditor_iban="NL91ABNA0417164300")
    (problem,) = [p for p in judge(content, terms).problems if p.severity is Severity.ERROR]
    assert problem.path == "batch 1 (C-B1), creditor account"
    assert "NL91ABNA0417164300" in problem.message
    # the debtor's account being ours does not help
    swapped = collection_file("C", [{"debtor_iban": "DE89370400440532013000"}])
    swapped = swapped.replace(
        b"<CdtrAcct><Id><IBAN>DE89370400440532013000", b"<CdtrAcct><Id><IBAN>NL91ABNA0417164300"
    )
    assert not judge(swapped, terms).valid


def test_counts_and_sums_of_a_collection_are_compared(
    judge: Judge, collection_file: CollectionFile
) -> None:
    content = collection_file("C", [{}, {}])
    found = {
        (problem.rule, problem.path)
        for harm in (("<CtrlSum>200.00", "<CtrlSum>200.01"), ("<NbOfTxs>2", "<NbOfTxs>3"))
        for problem in judge(content.replace(harm[0].encode(), harm[1].encode())).problems
        if problem.severity is Severity.ERROR
    }
    assert found == {
        (rule, f"{where}, {words}")
        for rule, words in (
            ("control-sum", "control sum"),
            ("number-of-transactions", "number of transactions"),
        )
        for where in ("group header", "batch 1 (C-B1)")
    }


def test_credit_transfers_in_a_collection_are_refused_by_the_schema(
    judge: Judge, payment_file: PaymentFile
) -> None:
    content = payment_file("M").replace(b"pain.001.001.09", b"pain.008.001.08")
    verdict = judge(content)
    assert "schema" in {problem.rule for problem in verdict.problems}
    assert verdict.transactions == 0


# -------------------------------------------------------------------------------- national variants

VARIANTS = (
    ("urn:iso:std:iso:20022:tech:xsd:pain.001.001.13", "pain.001.001.13"),
    ("urn:iso:std:iso:20022:tech:xsd:pain.001.003.03", "pain.001.003.03"),
    ("urn:iso:std:iso:20022:tech:xsd:pain.001.001.09.ch.03", "pain.001.001.09.ch.03"),
    (
        "http://www.six-interbank-clearing.com/de/pain.001.001.03.ch.02.xsd",
        "pain.001.001.03.ch.02",
    ),
)
SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="{space}"
  targetNamespace="{space}" elementFormDefault="qualified">
<xs:element name="Document"><xs:complexType><xs:sequence>
  <xs:element name="CstmrCdtTrfInitn"><xs:complexType><xs:sequence>
    <xs:element name="GrpHdr"><xs:complexType><xs:sequence>
      <xs:element name="MsgId"><xs:simpleType><xs:restriction base="xs:string">
        <xs:maxLength value="5"/></xs:restriction></xs:simpleType></xs:element>
      <xs:any maxOccurs="unbounded" processContents="skip"/>
    </xs:sequence></xs:complexType></xs:element>
    <xs:any maxOccurs="unbounded" processContents="skip"/>
  </xs:sequence></xs:complexType></xs:element>
</xs:sequence></xs:complexType></xs:element></xs:schema>"""


def _variant(payment_file: PaymentFile, space: str, message_id: str = "M") -> bytes:
    content = payment_file(message_id, version="pain.001.001.03")
    return content.replace(b"urn:iso:std:iso:20022:tech:xsd:pain.001.001.03", space.encode())


@pytest.fixture
def bank_schema(tmp_path: Path) -> Path:
    return tmp_path / "bank.xsd"


@pytest.mark.parametrize(("space", "name"), VARIANTS)
def test_a_national_variant_is_refused_by_name(
    judge: Judge, payment_file: PaymentFile, bank_schema: Path, space: str, name: str
) -> None:
    for terms in (CheckTerms(), CheckTerms(schema=bank_schema)):
        bank_schema.write_text(SCHEMA.format(space="urn:another"))
        verdict = judge(_variant(payment_file, space), terms)
        (problem,) = verdict.problems
        assert (verdict.message, problem.rule) == (name, "message")
        assert name in problem.message
        assert "the bank's own schema" in problem.remedy


@pytest.mark.parametrize(("space", "name"), VARIANTS)
def test_a_national_variant_is_judged_by_the_banks_own_schema_alone(
    judge: Judge, payment_file: PaymentFile, bank_schema: Path, space: str, name: str
) -> None:
    bank_schema.write_text(SCHEMA.format(space=space))
    terms = CheckTerms(schema=bank_schema, accounts=(OURS,))
    content = _variant(payment_file, space)
    verdict = judge(content, terms)
    assert verdict.problems == ()
    assert (verdict.message, verdict.transactions) == (name, 1)
    assert verdict.control_sum == {"EUR": Decimal("100.00")}
    # what the standard forbids is no matter here
    assert judge(content.replace(b"<PmtMtd>TRF", b"<PmtMtd>XXX"), terms).valid
    # what the bank forbids, and every rule, is
    (problem,) = judge(_variant(payment_file, space, "MSG-01"), terms).problems
    assert (problem.rule, problem.path) == ("bank-schema", "group header, message id")
    (problem,) = judge(content.replace(b"FR14", b"FR15"), terms).problems
    assert (problem.rule, problem.path) == ("iban", "batch 1, payment 1 (M-1), creditor account")


def test_the_only_schema_there_is_cannot_be_made_a_warning(
    judge: Judge, payment_file: PaymentFile, bank_schema: Path
) -> None:
    space = VARIANTS[0][0]
    bank_schema.write_text(SCHEMA.format(space=space))
    terms = CheckTerms(schema=bank_schema, severities={"bank-schema": Severity.WARN})
    assert not judge(_variant(payment_file, space, "MSG-01"), terms).valid


def test_where_a_schema_asks_for_no_numbers_an_amount_must_be_one_all_the_same(
    judge: Judge, payment_file: PaymentFile, bank_schema: Path
) -> None:
    space = VARIANTS[0][0]
    bank_schema.write_text(SCHEMA.format(space=space))
    content = _variant(payment_file, space)
    content = re.sub(rb"<CtrlSum>.*?</CtrlSum>", b"", content).replace(b">100.00<", b">1.000,00<")
    (problem,) = judge(content, CheckTerms(schema=bank_schema)).problems
    assert (problem.rule, problem.severity) == ("control-sum", Severity.ERROR)
    assert problem.path == "batch 1, payment 1 (M-1), amount"
