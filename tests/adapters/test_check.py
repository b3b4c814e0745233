"""Payment files judged: good ones, every kind of bad one, and what the verdict says of each."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from textwrap import dedent
from typing import Protocol
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from h2h import resources
from h2h.adapters.messages.iso20022 import check as checking
from h2h.adapters.messages.iso20022 import schema, xml
from h2h.core.payment import Payment, Verdict
from h2h.core.problem import Problem, Severity
from h2h.core.terms import Account, CheckTerms
from h2h.errors import ConfigError, Corrupt

TODAY = date(2026, 11, 23)
NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
OURS = Account("DE89 3704 0044 0532 0130 00", "37040044", "EUR", "Acme GmbH")


class PaymentFile(Protocol):
    """The builder in tests/conftest.py."""

    def __call__(self, message_id: str = ..., payments: object = ..., **more: str) -> bytes: ...


class Check(Protocol):
    """Judges bytes or a path."""

    def __call__(self, content: bytes | Path, terms: CheckTerms = ...) -> Verdict: ...


@pytest.fixture
def check(tmp_path: Path) -> Check:
    def judge(content: bytes | Path, terms: CheckTerms = CheckTerms()) -> Verdict:  # noqa: B008 - frozen
        path = content if isinstance(content, Path) else tmp_path / "payments.xml"
        if isinstance(content, bytes):
            path.write_bytes(content)
        return checking.check(path, terms, TODAY)

    return judge


@pytest.fixture
def good(payment_file: PaymentFile) -> bytes:
    return payment_file("M", [{}, {"amount": "7.5"}, {"end_to_end_id": "INV-3", "amount": "0.01"}])


def only(verdict: Verdict) -> Problem:
    """The one problem of a refused file."""
    (problem,) = verdict.problems
    assert not verdict.valid
    return problem


def rules(verdict: Verdict) -> set[str]:
    return {problem.rule for problem in verdict.problems}


def read(path: Path) -> list[Payment]:
    return [payment for chunk in checking.payments(path) for payment in chunk]


# --------------------------------------------------------------------------------------- good files


@pytest.mark.parametrize("version", ["pain.001.001.03", "pain.001.001.09"])
def test_a_good_file_is_valid_and_says_what_it_contains(
    check: Check, payment_file: PaymentFile, version: str
) -> None:
    payments = [{"amount": "100.10"}, {"amount": "50", "currency": "USD"}]
    verdict = check(payment_file("MSG-7", payments, version=version), CheckTerms(accounts=(OURS,)))
    assert verdict.problems == ()
    assert verdict.valid
    assert verdict.message == version
    assert verdict.transactions == 2
    assert verdict.control_sum == {"EUR": Decimal("100.10"), "USD": Decimal(50)}
    assert verdict.accounts == ("DE89370400440532013000",)
    assert {each.day for each in verdict.executions} == {date(2026, 12, 1)}
    assert verdict.header is not None
    assert verdict.header.message_id == "MSG-7"
    assert verdict.header.initiating_party == "Acme GmbH"
    assert verdict.header.transactions == 2
    assert verdict.header.control_sum == Decimal("150.10")


def test_the_payments_of_a_good_file_are_read_whole(
    tmp_path: Path, payment_file: PaymentFile
) -> None:
    path = tmp_path / "payments.xml"
    invoice = {
        "end_to_end_id": "INV <1> & co",
        "amount": "1234.50",
        "creditor_name": "Müller",
        "remittance": "Invoice 1",
    }
    path.write_bytes(payment_file("M", [invoice, {}]))
    first, second = read(path)
    assert (first.batch.id, first.index, second.index) == ("M-B1", 1, 2)
    assert first.batch.account == first.batch.iban == "DE89370400440532013000"
    assert first.batch.agent.bic == "COBADEFFXXX"
    assert first.batch.requested_execution_date == date(2026, 12, 1)
    assert first.end_to_end_id == "INV <1> & co"
    assert (str(first.amount), first.currency) == ("1234.50", "EUR")
    assert (first.counterparty_name, first.remittance) == ("Müller", "Invoice 1")
    assert second.remittance == ""


def test_a_creditor_without_iban_is_read_by_number_and_clearing_code(
    tmp_path: Path, check: Check, good: bytes
) -> None:
    number = b"<ClrSysId><Cd>USABA</Cd></ClrSysId><MmbId>021000021</MmbId>"
    agent = b"<CdtrAgt><FinInstnId><ClrSysMmbId>%b</ClrSysMmbId></FinInstnId></CdtrAgt>" % number
    one = re.sub(rb"<Cdtr>", agent + b"<Cdtr>", good, count=1)
    one = one.replace(b"<IBAN>FR1420041010050500013M02606</IBAN>", b"<Othr><Id>4711</Id></Othr>")
    verdict = check(one)
    assert verdict.problems == ()
    payment = read(tmp_path / "payments.xml")[0]
    assert (payment.counterparty_account, payment.counterparty_agent) == ("4711", "021000021")


def test_an_equivalent_amount_counts_in_its_own_currency(check: Check, good: bytes) -> None:
    equivalent = b'<EqvtAmt><Amt Ccy="EUR">7.5</Amt><CcyOfTrf>USD</CcyOfTrf></EqvtAmt>'
    verdict = check(good.replace(b'<InstdAmt Ccy="EUR">7.5</InstdAmt>', equivalent))
    assert verdict.problems == ()
    assert verdict.control_sum == {"EUR": Decimal("107.51")}


@pytest.mark.parametrize(
    "spelling",
    [
        b"100<!-- no -->.00",
        b"<![CDATA[100]]>.00",
        b"1<![CDATA[0]]>0<?pi?>.00",
        b"&#49;00.00",
        b" 100.00\n",
    ],
)
def test_validator_and_reader_see_the_same_amount(
    check: Check, good: bytes, spelling: bytes
) -> None:
    verdict = check(good.replace(b"100.00", spelling))
    assert verdict.problems == ()
    assert verdict.control_sum == {"EUR": Decimal("107.51")}


def test_a_prefix_changes_nothing(check: Check, good: bytes) -> None:
    prefixed = re.sub(rb"<(/?)([A-Z])", rb"<\1p:\2", good).replace(b"xmlns=", b"xmlns:p=")
    assert check(prefixed).problems == ()
    assert check(prefixed).control_sum == {"EUR": Decimal("107.51")}


def test_separators_inside_a_value_part_nothing(tmp_path: Path, payment_file: PaymentFile) -> None:
    path = tmp_path / "payments.xml"
    payments = [{"creditor_name": "a\ue000b\ue001c"}, {"end_to_end_id": "SECOND"}]
    path.write_bytes(payment_file("M", payments))
    first, second = read(path)
    assert first.counterparty_name == "a\ue000b\ue001c"
    assert second.end_to_end_id == "SECOND"


def test_a_namesake_in_supplementary_data_is_no_payment(check: Check, good: bytes) -> None:
    inner = (
        b"<CstmrCdtTrfInitn><PmtInf><CdtTrfTxInf><Amt/></CdtTrfTxInf></PmtInf></CstmrCdtTrfInitn>"
    )
    extra = b"<SplmtryData><Envlp>" + inner + b"</Envlp></SplmtryData></CdtTrfTxInf>"
    verdict = check(good.replace(b"</CdtTrfTxInf>", extra))
    assert verdict.transactions == 3
    assert verdict.control_sum == {"EUR": Decimal("107.51")}


def test_many_batches_keep_their_payments(
    tmp_path: Path, check: Check, payment_file: PaymentFile
) -> None:
    one = payment_file("M", [{"amount": "1.00"}, {"amount": "2.00"}], version="pain.001.001.09")
    batch = re.search(rb"<PmtInf>.*</PmtInf>", one, re.DOTALL)
    assert batch is not None
    copies = b"".join(
        batch[0].replace(b"M-B1", b"B-%d" % n).replace(b">M-", b">%d-" % n) for n in range(700)
    )
    many = one.replace(batch[0], copies).replace(b"<NbOfTxs>2", b"<NbOfTxs>1400", 1)
    verdict = check(many.replace(b"<CtrlSum>3.00", b"<CtrlSum>2100.00", 1))
    assert verdict.problems == ()
    assert verdict.transactions == 1400
    found = [(payment.batch.id, payment.index) for payment in read(tmp_path / "payments.xml")]
    assert found == [(f"B-{n}", index) for n in range(700) for index in (1, 2)]


amounts = st.decimals(min_value=Decimal("0.01"), max_value=Decimal(10) ** 12, places=2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(amounts, st.sampled_from(["EUR", "USD", "CNY"])), min_size=1, max_size=8))
def test_the_amounts_read_are_those_of_an_independent_reader(
    tmp_path: Path, payment_file: PaymentFile, drawn: list[tuple[Decimal, str]]
) -> None:
    path = tmp_path / "payments.xml"
    payments = [{"amount": f"{amount:f}", "currency": currency} for amount, currency in drawn]
    path.write_bytes(payment_file("M", payments))
    independent = [
        (Decimal(element.text or ""), element.attrib["Ccy"])
        for element in ET.parse(path).iter(f"{{{NAMESPACE}}}InstdAmt")
    ]
    assert [(payment.amount, payment.currency) for payment in read(path)] == independent
    assert sum(checking.check(path, CheckTerms(), TODAY).control_sum.values()) == sum(
        amount for amount, _ in independent
    )


# ----------------------------------------------------------------------------------- not a message


@pytest.mark.parametrize(
    ("content", "rule", "words"),
    [
        (b"", "empty", "0 bytes"),
        (b" \n", "xml", "no element"),
        (b"hello, bank", "xml", "not XML"),
        (b"PK\x03\x04\0\0", "xml", "not XML"),
        (b"<?xml version='1.0' encoding='GBK'?><Document/>", "encoding", "GBK"),
        (b"<?xml version='1.0' encoding='UTF-16'?><Document/>", "encoding", "encoding"),
        (b"<Document/>", "message", "no name space"),
        (b"<a xmlns='http://example.org'/>", "message", "http://example.org"),
    ],
)
def test_what_is_no_payment_message_is_refused(
    check: Check, content: bytes, rule: str, words: str
) -> None:
    problem = only(check(content))
    assert problem.rule == rule
    assert words in problem.message
    assert problem.remedy


def test_a_missing_file_a_folder_and_a_pipe_are_refused(check: Check, tmp_path: Path) -> None:
    folder, pipe = tmp_path / "folder.xml", tmp_path / "pipe.xml"
    folder.mkdir()
    os.mkfifo(pipe)
    assert "No such file" in only(check(tmp_path / "missing.xml")).message
    assert "not a regular file" in only(check(folder)).message
    assert "not a regular file" in only(check(pipe)).message


def test_a_file_above_the_largest_size_is_refused_unread(check: Check, tmp_path: Path) -> None:
    path = tmp_path / "huge.xml"
    with path.open("wb") as file:
        file.truncate(1_000_000_001)
    problem = only(check(path))
    assert problem.rule == "size"
    assert "1000000001" in problem.message


def test_a_file_of_just_the_largest_size_is_judged(check: Check, good: bytes) -> None:
    assert check(good, CheckTerms(largest_file=len(good))).valid
    assert only(check(good, CheckTerms(largest_file=len(good) - 1))).rule == "size"


@pytest.mark.parametrize(
    ("namespace", "message", "words"),
    [
        ("urn:iso:std:iso:20022:tech:xsd:pain.001.001.13", "pain.001.001.13", "not known here"),
        ("urn:iso:std:iso:20022:tech:xsd:pain.001.003.03", "pain.001.003.03", "not known here"),
        (
            "http://www.six-interbank-clearing.com/de/pain.001.001.03.ch.02.xsd",
            "pain.001.001.03.ch.02",
            "variant",
        ),
        ("urn:swift:xsd:pain.001.001.09", "pain.001.001.09", "variant"),
        ("urn:iso:std:iso:20022:tech:xsd:camt.053.001.08", "camt.053.001.08", "no payment file"),
    ],
)
def test_another_message_or_version_is_refused_by_name(
    check: Check, good: bytes, namespace: str, message: str, words: str
) -> None:
    verdict = check(good.replace(NAMESPACE.encode(), namespace.encode()))
    problem = only(verdict)
    assert (verdict.message, problem.rule) == (message, "message")
    assert words in problem.message
    assert "pain.001.001.09" in problem.remedy


def test_a_message_in_an_envelope_is_refused_by_name(check: Check, good: bytes) -> None:
    body = good.partition(b"?>")[2]
    verdict = check(b"<Envelope xmlns='urn:x'>" + body + b"</Envelope>")
    assert verdict.message == "pain.001.001.09"
    assert "envelope" in only(verdict).message


def test_a_message_without_its_document_is_refused(check: Check, good: bytes) -> None:
    bare = good.replace(b"<Document", b"<Dokument").replace(b"</Document", b"</Dokument")
    assert "must be Document" in only(check(bare)).message


# -------------------------------------------------------------------------------------- broken XML


@pytest.mark.parametrize("version", ["pain.001.001.03", "pain.001.001.09"])
def test_a_file_cut_off_at_any_byte_is_refused(
    check: Check, payment_file: PaymentFile, version: str
) -> None:
    whole = payment_file("M", [{}], version=version).strip() + b"<!-- end -->"
    ends = {whole.index(b"<!-- end"), len(whole)}
    verdicts = [check(whole[:at]) for at in range(len(whole) + 1)]
    assert {at for at, verdict in enumerate(verdicts) if verdict.valid} == ends
    told = [only(verdict).message for verdict in verdicts[whole.index(b"<GrpHdr>") : min(ends)]]
    assert [message for message in told if "cut off" not in message] == []


def test_a_large_file_cut_off_at_a_block_is_refused(
    check: Check, payment_file: PaymentFile
) -> None:
    whole = payment_file("M", [{}] * 1500)
    assert len(whole) > 1 << 18
    problem = only(check(whole[: 1 << 18]))
    assert (problem.rule, "cut off" in problem.message) == ("xml", True)


def test_two_messages_in_one_file_are_refused(check: Check, good: bytes) -> None:
    problem = only(check(good + good.partition(b"?>\n")[2]))
    assert "two messages" in problem.message
    assert problem.line == good.count(b"\n") + 1


def test_two_messages_in_one_document_are_refused(check: Check, good: bytes) -> None:
    inner = re.search(rb"<CstmrCdtTrfInitn>.*</CstmrCdtTrfInitn>", good, re.DOTALL)
    assert inner is not None
    assert rules(check(good.replace(inner[0], inner[0] * 2))) >= {"schema"}


@pytest.mark.parametrize(
    ("old", "new", "rule", "words"),
    [
        (b"Acme", b"M\xfcller", "encoding", "encoding"),
        (b"Acme", b"A\0me", "xml", "0x0"),
        (b"Acme", b"A&amp", "xml", "it is written “&amp;”"),
        (b"100.00", b"&amount;", "xml", "amount"),
        (b"<Nm>Acme GmbH</Nm>", b"<x:Nm>Acme GmbH</x:Nm>", "xml", "prefix"),
        (b"</CdtTrfTxInf>", b"</CdtTrfTx>", "xml", "mismatch"),
    ],
)
def test_broken_xml_is_refused_with_its_line(
    check: Check, good: bytes, old: bytes, new: bytes, rule: str, words: str
) -> None:
    verdict = check(good.replace(old, new))
    problem = only(verdict)
    assert problem.rule == rule
    assert words in problem.message
    assert problem.line == good[: good.index(old)].count(b"\n") + 1
    assert verdict.message == "pain.001.001.09"


def test_nothing_after_an_unknown_entity_is_taken_for_a_document(check: Check, good: bytes) -> None:
    # the broken document fills a block; lxml would begin anew with the next one
    broken = good.replace(b"100.00", b"&amount;").partition(b"</CstmrCdtTrfInitn>")[0]
    filled = broken + b" " * ((1 << 18) - len(broken))
    assert not check(filled + good).valid


DOCTYPES = (
    b"<!DOCTYPE Document>",
    b'<!DOCTYPE Document [<!ENTITY amount "100.00">]>',
    b'<!DOCTYPE Document SYSTEM "file:///etc/passwd">',
    b'<!DOCTYPE Document [<!ENTITY amount SYSTEM "file:///etc/hostname">]>',
    b'<!DOCTYPE Document [<!ENTITY a "aaaaaaaaaa"><!ENTITY amount "&a;&a;&a;">]>',
)


@pytest.mark.parametrize("doctype", DOCTYPES)
@pytest.mark.parametrize("wide", [False, True])
def test_a_doctype_is_refused(check: Check, good: bytes, doctype: bytes, *, wide: bool) -> None:
    content = good.replace(b"<Document", b"<!-- \n -->" + doctype + b"<Document", 1)
    content = content.replace(b"100.00", b"&amount;")
    if wide:
        content = content.decode().replace("UTF-8", "UTF-16").encode("utf-16")
    problem = only(check(content))
    assert (problem.rule, problem.line) == ("doctype", 3)


# --------------------------------------------------------------------------------------- encodings


def test_a_byte_order_mark_is_a_warning(check: Check, good: bytes) -> None:
    verdict = check(b"\xef\xbb\xbf" + good)
    assert verdict.valid
    assert [(p.rule, p.severity) for p in verdict.problems] == [("byte-order-mark", Severity.WARN)]


@pytest.mark.parametrize("encoding", ["UTF-16", "ISO-8859-1", "windows-1252"])
def test_another_encoding_is_refused_but_read(
    check: Check, payment_file: PaymentFile, encoding: str
) -> None:
    text = payment_file("M", [{"creditor_name": "Müller"}]).decode()
    content = text.replace("UTF-8", encoding).encode(encoding)
    verdict = check(content)
    assert only(verdict).rule == "encoding"
    assert encoding.upper() in only(verdict).message
    assert verdict.transactions == 1
    assert check(content, CheckTerms(severities={"encoding": Severity.WARN})).valid


# ------------------------------------------------------------------------------------------ schema


def test_every_schema_error_has_its_place_and_line(check: Check, good: bytes) -> None:
    bad = good.replace(b"INV-3", b"I" * 36).replace(b"<PmtMtd>TRF", b"<PmtMtd>XXX")
    bad = bad.replace(b"<CreDtTm>2026-11-20T10:00:00", b"<CreDtTm>yesterday")
    verdict = check(bad)
    lines = bad.split(b"\n")
    places = [(p.rule, p.path, p.line) for p in verdict.problems]
    too_long = "I" * 36
    assert places == [
        ("schema", "group header, creation time", _line(lines, b"<CreDtTm>")),
        ("schema", "batch 1 (M-B1), payment method", _line(lines, b"<PmtMtd>")),
        (
            "schema",
            f"batch 1, payment 3 ({too_long}), payment id, end-to-end id",
            _line(lines, too_long.encode()),
        ),
    ]
    assert (verdict.problems[2].found, verdict.problems[2].expected) == ("36", "35")
    assert "has 36 characters, 35 at most" in verdict.problems[2].message


def _line(lines: list[bytes], text: bytes) -> int:
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_schema_and_rule_problems_come_together(check: Check, good: bytes) -> None:
    bad = good.replace(b"<PmtMtd>TRF", b"<PmtMtd>XXX").replace(b"FR14", b"FR15", 1)
    bad = bad.replace(b"<NbOfTxs>3", b"<NbOfTxs>4")
    verdict = check(bad)
    assert rules(verdict) == {"schema", "iban", "number-of-transactions"}
    found = [problem.line for problem in verdict.problems]
    assert found == sorted(found, key=lambda line: line or 0)


def test_an_amount_that_is_none_leaves_no_sum(check: Check, good: bytes) -> None:
    verdict = check(good.replace(b">7.5<", b">7,5<"))
    assert [(problem.rule, problem.path) for problem in verdict.problems] == [
        ("schema", "batch 1, payment 2 (M-2), amount"),
        ("control-sum", "batch 1, payment 2 (M-2), amount"),
    ]
    assert verdict.control_sum == {}


@pytest.mark.parametrize("sign", [b"-0", b"-0.00"])
def test_an_amount_of_minus_nothing_which_the_schema_allows_is_refused(
    check: Check, good: bytes, sign: bytes
) -> None:
    # what is missing in one amount is not found in another by the control sum
    verdict = check(good.replace(b">7.5<", b">" + sign + b"<").replace(b">0.01<", b">7.51<"))
    assert only(verdict).rule == "control-sum"
    assert "batch 1, payment 2 (M-2)" in str(only(verdict).path)


@pytest.mark.parametrize("declared", [b"-107.51", b"-0"])
def test_a_control_sum_below_zero_which_the_schema_allows_is_compared(
    check: Check, good: bytes, declared: bytes
) -> None:
    verdict = check(good.replace(b"<CtrlSum>107.51", b"<CtrlSum>" + declared, 1))
    assert only(verdict).rule == "control-sum"
    assert only(verdict).found == declared.decode()


def test_amounts_that_no_sum_can_hold_are_refused(check: Check, good: bytes) -> None:
    verdict = check(good.replace(b">7.5<", b">1" + b"0" * 70 + b"<"))
    assert rules(verdict) == {"schema", "control-sum"}


def test_a_missing_element_is_told_where_it_is_missing(check: Check, good: bytes) -> None:
    verdict = check(re.sub(rb"<Amt>.*?</Amt>", b"", good, count=1))
    schema_problem = next(p for p in verdict.problems if p.rule == "schema")
    assert schema_problem.path == "batch 1, payment 1 (M-1), creditor"
    assert "Amt" in schema_problem.message


def test_a_file_without_payments_is_refused_by_schema_and_rule(check: Check, good: bytes) -> None:
    empty = re.sub(rb"<CdtTrfTxInf>.*</CdtTrfTxInf>", b"", good, flags=re.DOTALL)
    verdict = check(empty)
    assert verdict.transactions == 0
    assert rules(verdict) >= {"schema", "no-payments", "number-of-transactions"}


@pytest.mark.parametrize(
    "content",
    [
        f'<Document xmlns="{NAMESPACE}"/>',
        f'<Document xmlns="{NAMESPACE}"></Document>',
        f'<Document xmlns="{NAMESPACE}"><CstmrCdtTrfInitn/></Document>',
    ],
)
def test_an_error_at_the_very_last_tag_is_found(check: Check, content: str) -> None:
    problem = next(p for p in check(content.encode()).problems if p.rule == "schema")
    assert problem.line == 1
    assert problem.path is not None


def test_text_between_elements_is_an_error_of_the_schema(check: Check, good: bytes) -> None:
    assert only(check(good.replace(b"</Document>", b"text</Document>"))).rule == "schema"
    assert only(check(good.replace(b"<PmtMtd>", b"text<PmtMtd>"))).rule == "schema"


def test_a_schema_error_whose_place_is_lost_is_told_all_the_same(
    check: Check, good: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml, "tags", lambda path: iter(()))
    problem = only(check(good.replace(b"<PmtMtd>TRF", b"<PmtMtd>XXX")))
    assert (problem.rule, problem.path, problem.line) == ("schema", None, None)
    assert "PmtMtd" in problem.message


def test_a_flood_of_schema_errors_is_bounded(check: Check, payment_file: PaymentFile) -> None:
    bad = payment_file("M", [{}] * 3000).replace(b"<Cdtr><Nm>", b"<Cdtr><NM/><Nm>")
    verdict = check(bad)
    assert [p.rule for p in verdict.problems] == ["schema"] * schema.BOUND
    assert verdict.transactions == 3000
    assert verdict.problems[-1].path is not None
    assert "payment 100 (M-100)" in verdict.problems[-1].path


def test_of_a_flood_of_findings_a_hundred_are_told_and_the_others_counted(
    check: Check, payment_file: PaymentFile
) -> None:
    bad = payment_file("M", [{"creditor_iban": "DE88370400440532013000"}] * 1234)
    verdict = check(bad)
    assert {problem.rule for problem in verdict.problems} == {"iban"}
    assert (len(verdict.problems), verdict.more) == (checking.MOST_TOLD, 1134)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (b"<MsgId>M<", b"<MsgId>" + b"M" * 36 + b"<", "schema"),
        (b"FR14", b"FR15", "iban"),
        (b"<NbOfTxs>3", b"<NbOfTxs>4", "number-of-transactions"),
        (b"</Document>", b"", "xml"),
    ],
)
def test_asked_for_the_first_problem_a_check_tells_no_other(
    tmp_path: Path, good: bytes, old: bytes, new: bytes, rule: str
) -> None:
    path = tmp_path / "payments.xml"
    path.write_bytes(good.replace(old, new))
    problem = only(checking.check(path, CheckTerms(), TODAY, first=True))
    assert problem.rule == rule
    path.write_bytes(good)
    assert checking.check(path, CheckTerms(), TODAY, first=True).problems == ()


def test_asked_for_the_first_problem_a_check_leaves_the_rest_unread(
    tmp_path: Path, payment_file: PaymentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "payments.xml"
    read: list[int] = []
    monkeypatch.setattr(xml, "blocks", _counting(xml.blocks, read))
    for old, new in ((b"<PmtMtd>TRF", b"<PmtMtd>XXX"), (b">M-1<", b">" + b"M" * 36 + b"<")):
        path.write_bytes(payment_file("M", [{}] * 20_000).replace(old, new))
        read.clear()
        assert only(checking.check(path, CheckTerms(), TODAY, first=True)).rule == "schema"
        assert sum(read) < path.stat().st_size / 2


def _counting(
    blocks: Callable[[Path], Iterator[bytes]], read: list[int]
) -> Callable[[Path], Iterator[bytes]]:
    def counted(path: Path) -> Iterator[bytes]:
        for block in blocks(path):
            read.append(len(block))
            yield block

    return counted


def test_a_schema_named_by_the_file_is_never_used(
    check: Check, good: bytes, tmp_path: Path
) -> None:
    lax = tmp_path / "lax.xsd"
    lax.write_text(
        f"<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='{NAMESPACE}'>"
        "<xs:element name='Document'/></xs:schema>"
    )
    named = (
        f"<Document xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' "
        f"xsi:schemaLocation='{NAMESPACE} {lax}' "
    ).encode()
    assert check(good.replace(b"<Document ", named)).valid
    bad = good.replace(b"<PmtMtd>TRF", b"<PmtMtd>XXX")
    assert rules(check(bad.replace(b"<Document ", named))) == {"schema"}


def _bank_schema(tmp_path: Path, old: str, new: str) -> CheckTerms:
    standard = resources.schema("pain.001.001.09")
    assert standard is not None
    text = standard.read_text()
    assert old in text
    path = tmp_path / "bank.xsd"
    path.write_text(text.replace(old, new))
    return CheckTerms(schema=path)


def test_a_banks_own_schema_is_judged_too(check: Check, good: bytes, tmp_path: Path) -> None:
    terms = _bank_schema(tmp_path, '<xs:enumeration value="TRF"/>', "")
    problem = only(check(good, terms))
    assert (problem.rule, problem.path) == ("bank-schema", "batch 1 (M-B1), payment method")
    # what the standard refuses already is not told twice
    both = check(good.replace(b"<PmtMtd>TRF", b"<PmtMtd>XXX"), terms)
    assert [p.rule for p in both.problems] == ["schema"]


def test_an_unusable_bank_schema_is_a_matter_of_configuration(
    check: Check, good: bytes, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.xsd"
    broken.write_text("<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><oops/></xs:schema>")
    with pytest.raises(ConfigError, match=r"broken\.xsd"):
        check(good, CheckTerms(schema=broken))


# ------------------------------------------------------------------------------------ lines, memory


def test_lines_are_true_beyond_65535(check: Check, payment_file: PaymentFile) -> None:
    payments: list[Mapping[str, str]] = [{}] * 9500
    bad_iban = {"creditor_iban": "DE88370400440532013000", "end_to_end_id": "BAD"}
    bad_id = {"end_to_end_id": "T" * 36}
    content = payment_file("M", [*payments, bad_iban, bad_id])
    lines = content.split(b"\n")
    verdict = check(content)
    found = {problem.rule: problem.line for problem in verdict.problems}
    iban_line = _line(lines, b"DE88370400440532013000")
    assert iban_line > 65_535
    assert found == {"iban": iban_line, "schema": _line(lines, b"T" * 36)}


def test_a_problem_in_a_file_of_one_line_is_on_line_one(check: Check, good: bytes) -> None:
    flat = re.sub(rb"\s*\n\s*", b"", good)
    verdict = check(flat.replace(b"FR14", b"FR15"))
    assert {(p.rule, p.line) for p in verdict.problems} == {("iban", 1)}


# VmHWM begins anew with the program; ru_maxrss would be that of the test run it was forked from
PEAK = """
    import re, sys
    from datetime import date
    from pathlib import Path
    from h2h.adapters.messages.iso20022.check import check
    from h2h.core.terms import CheckTerms
    verdict = check(Path(sys.argv[1]), CheckTerms(), date(2026, 11, 23))
    assert verdict.valid, verdict.problems
    status = Path("/proc/self/status").read_text()
    print(verdict.transactions, re.search(r"VmHWM:\\s*(\\d+)", status)[1])
"""


def _peak(path: Path) -> tuple[int, int]:
    program = [sys.executable, "-c", dedent(PEAK), str(path)]
    count, kilobytes = subprocess.check_output(program, text=True).split()
    return int(count), int(kilobytes)


def _batches(content: bytes, count: int) -> bytes:
    """The file with its one batch of one payment repeated."""
    batch = re.search(rb"<PmtInf>.*</PmtInf>\s*", content, re.DOTALL)
    assert batch is not None
    copies = (
        batch[0].replace(b">M-1<", b">E-%d<" % n).replace(b">M-B1<", b">B-%d<" % n)
        for n in range(count)
    )
    many = content.replace(batch[0], b"".join(copies))
    head, begin, rest = many.partition(b"<PmtInf>")
    head = re.sub(rb"<(NbOfTxs|CtrlSum)>.*?</\1>", b"", head)
    return head.replace(b"<InitgPty>", b"<NbOfTxs>%d</NbOfTxs><InitgPty>" % count) + begin + rest


def test_memory_stays_flat_over_many_batches(tmp_path: Path, payment_file: PaymentFile) -> None:
    small, large = tmp_path / "small.xml", tmp_path / "large.xml"
    one = payment_file("M", [{}])
    small.write_bytes(_batches(one, 4000))
    large.write_bytes(_batches(one, 20_000))
    few, before = _peak(small)
    many, after = _peak(large)
    assert (few, many) == (4000, 20_000)
    assert after - before < 8 * 1024


def test_memory_stays_flat_over_payments_of_thousands_of_lines(tmp_path: Path, good: bytes) -> None:
    path = tmp_path / "long.xml"
    head, payment, tail = re.split(rb"(?<=</DbtrAgt>)|(?=</PmtInf>)", good)
    payment = payment[: payment.index(b"</CdtTrfTxInf>")].strip()
    many = (
        payment.replace(b"M-1", b"M-%d" % number)
        + b"<RmtInf>%b</RmtInf></CdtTrfTxInf>\n" % (b"<Ustrd>x</Ustrd>" * (2000 + number))
        for number in range(150)
    )
    head = re.sub(rb"<(NbOfTxs|CtrlSum)>.*?</\1>", b"", head)
    head = head.replace(b"<InitgPty>", b"<NbOfTxs>150</NbOfTxs><InitgPty>")
    path.write_bytes(head + b"".join(many) + tail)
    count, kilobytes = _peak(path)
    assert count == 150
    assert kilobytes < 64 * 1024


def test_of_what_stands_before_a_payment_nothing_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_bytes(b"<a xmlns='urn:x'><x/><b><y/> text <c><d/></c><z/><c><d/></c></b></a>")
    for element in xml.elements(path, xml.opening(path), ("c",)):
        xml.forget(element)
        assert len(element) == 0
        assert [each.getprevious() for each in (element, *element.iterancestors())] == [None] * 3


def test_the_text_of_an_element_is_whole_for_every_reader(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_bytes(b"<a xmlns='urn:x'><b>1<!-- no -->0<?no?><![CDATA[0]]></b><c>1</c></a>")
    found = [element.text for element in xml.elements(path, xml.opening(path), ("b", "c"))]
    assert found == ["100", "1"]


def test_memory_stays_flat(tmp_path: Path, payment_file: PaymentFile) -> None:
    small, large = tmp_path / "small.xml", tmp_path / "large.xml"
    small.write_bytes(payment_file("M", [{}] * 20_000))  # enough for every buffer to be full
    large.write_bytes(payment_file("M", [{}] * 200_000))
    few, before = _peak(small)
    many, after = _peak(large)
    assert (few, many) == (20_000, 200_000)
    # 50 MB more of payments, less than 12 MB more of memory: the ids' hashes and what malloc keeps
    assert after - before < 12 * 1024
    assert large.stat().st_size > 55_000_000


# ------------------------------------------------------------------------------------------- corpus


def test_every_payment_file_of_the_corpus_gets_the_verdict_it_deserves(
    check: Check, corpus: Path
) -> None:
    with (corpus / "SOURCES.tsv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["message"] == "pain.001"]
    judged = 0
    for row in rows:
        verdict = check(corpus / row["path"])
        named = f"pain.001.{row['version'].removesuffix('.xsd')}"
        assert verdict.message == named, row["path"]
        if "message" in rules(verdict):
            envelope = "envelope" in only(verdict).message
            assert envelope or named not in resources.carried(), row["path"]
        else:
            judged += 1
            valid = "schema" not in rules(verdict)
            assert valid == (row["schema_verdict"] == "valid"), row["path"]
    assert len(rows) > 20
    assert judged > 8


def test_payments_of_what_is_no_message_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.xml"
    path.write_bytes(b"<a/>")
    with pytest.raises(Corrupt):
        read(path)
