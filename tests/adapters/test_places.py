"""Line, column and XPath of a problem lead to the very element, however a file is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from h2h.adapters.messages.iso20022.check import check
from h2h.core.problem import Problem
from h2h.core.terms import CheckTerms

if TYPE_CHECKING:
    from tests.conftest import CollectionFile, PaymentFile

TODAY = date(2026, 11, 23)
WRONG_IBAN = "FR1420041010050500013M02607"


def problems(path: Path, content: str) -> tuple[Problem, ...]:
    path.write_text(content, "utf-8", newline="")
    return check(path, CheckTerms(), TODAY).problems


def element(content: str, problem: Problem) -> etree._Element:
    """The one element that the XPath leads to, in a tree of the whole file."""
    assert problem.xpath is not None
    root = etree.fromstring(content.encode())
    space = etree.QName(root).namespace
    steps = re.sub(r"/(\w+)", r"/n:\1", problem.xpath)
    found = root.xpath(steps, namespaces={"n": str(space)})
    assert isinstance(found, list)
    assert len(found) == 1
    assert isinstance(found[0], etree._Element)
    return found[0]


def at(content: str, problem: Problem) -> str:
    """What stands at the line and column, up to the end of the tag."""
    assert problem.line is not None
    assert problem.column is not None
    line = content.split("\n")[problem.line - 1]
    return line[problem.column - 1 :].partition(">")[0]


def led_to(content: str, problem: Problem) -> str | None:
    """The text of the element that is meant, when all ways lead to the same."""
    found = element(content, problem)
    assert found.sourceline == problem.line  # type: ignore[comparison-overlap]  # not in its stubs
    tag = at(content, problem)
    assert tag.startswith("<")
    assert re.split(r"[\s/]", tag[1:])[0].rpartition(":")[2] == etree.QName(found).localname
    return found.text


# ------------------------------------------------------------------------ ways of writing the same


def _flat(content: str) -> str:
    return re.sub(r"\s*\n\s*", "", content)


def _prefixed(content: str) -> str:
    return re.sub("<(/?)([A-Z])", r"<\1p:\2", content).replace("xmlns=", "xmlns:p=", 1)


def _windows(content: str) -> str:
    return content.replace("\n", "\r\n")


def _wide(content: str) -> str:
    return content.replace("<Cdtr><Nm>", "<!-- 中文 😀 --><Cdtr><Nm>中文ü😀")


def _with_namesakes(content: str) -> str:
    inner = (
        "<PmtInf><CdtTrfTxInf><CdtrAcct><Id><IBAN>X</IBAN></Id></CdtrAcct></CdtTrfTxInf></PmtInf>"
    )
    other = f"<x:PmtInf xmlns:x='urn:x'><x:CdtTrfTxInf/></x:PmtInf>{inner}"
    return content.replace(
        "</CdtTrfTxInf>", f"<SplmtryData><Envlp><x>{other}</x></Envlp></SplmtryData></CdtTrfTxInf>"
    )


def _with_comments(content: str) -> str:
    false = "<!-- <PmtInf><CdtTrfTxInf> -->\n<?x </CdtTrfTxInf>?>"
    return content.replace("<CdtTrfTxInf>", f"{false}<CdtTrfTxInf>")


def _batches(content: str) -> str:
    batch = content[content.index("<PmtInf>") : content.index("</CstmrCdtTrfInitn>")]
    others = "".join(
        batch.replace(WRONG_IBAN, "FR1420041010050500013M02606").replace(">M-", f">{number}-")
        for number in (2, 3)
    )
    return content.replace(batch, others + batch)


Way = Callable[[str], str]
WAYS: tuple[Way, ...] = (
    str,
    _flat,
    _prefixed,
    _windows,
    _wide,
    _with_namesakes,
    _with_comments,
    _batches,
)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_rules_finding_leads_to_its_element(
    tmp_path: Path, payment_file: PaymentFile, way: Way
) -> None:
    payments = [{}, {"creditor_iban": WRONG_IBAN}, {}, {"amount": "0.00"}]
    content = way(payment_file("M", payments).decode())
    found = {problem.rule: problem for problem in problems(tmp_path / "payments.xml", content)}
    assert led_to(content, found["iban"]) == WRONG_IBAN
    assert led_to(content, found["amount-positive"]) == "0.00"
    batch = 3 if way is _batches else 1
    assert str(found["iban"].path).startswith(f"batch {batch}, payment 2 (M-2)")
    assert f"/PmtInf[{batch}]/CdtTrfTxInf[2]/" in str(found["iban"].xpath)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_schemas_complaint_leads_to_its_element(
    tmp_path: Path, payment_file: PaymentFile, way: Way
) -> None:
    payments = [{}, {"end_to_end_id": "E" * 36}, {"currency": "eur"}]
    content = way(payment_file("M", payments).decode())
    told = [
        problem
        for problem in problems(tmp_path / "payments.xml", content)
        if problem.rule == "schema"
    ]
    texts = [led_to(content, problem) for problem in told]
    assert [text for text in texts if text == "E" * 36] == ["E" * 36] * (
        3 if way is _batches else 1
    )
    assert [text for text in texts if text == "100.00"] == ["100.00"] * (
        3 if way is _batches else 1
    )


def test_what_is_wrong_in_header_and_batch_is_pointed_at_there(
    tmp_path: Path, payment_file: PaymentFile
) -> None:
    content = payment_file("M", execution_date="2026-10-01").decode()
    content = content.replace("<CtrlSum>100.00", "<CtrlSum>7").replace("COBADEFF", "COBAQQFF")
    content = content.replace("<Nm>Acme GmbH</Nm></InitgPty>", "<Nm/></InitgPty>")
    told = problems(tmp_path / "payments.xml", content)
    ways = {
        (problem.rule, problem.path, problem.xpath): led_to(content, problem) for problem in told
    }
    message, batch = "/Document/CstmrCdtTrfInitn", "/Document/CstmrCdtTrfInitn/PmtInf[1]"
    assert ways == {
        ("control-sum", "group header, control sum", f"{message}/GrpHdr/CtrlSum"): "7",
        ("control-sum", "batch 1 (M-B1), control sum", f"{batch}/CtrlSum"): "7",
        (
            "execution-date-past",
            "batch 1 (M-B1), requested execution date",
            f"{batch}/ReqdExctnDt/Dt",
        ): "2026-10-01",
        (
            "bic",
            "batch 1 (M-B1), debtor agent",
            f"{batch}/DbtrAgt/FinInstnId/BICFI",
        ): "COBAQQFFXXX",
        ("schema", "group header, initiating party, name", f"{message}/GrpHdr/InitgPty/Nm"): None,
        (
            "initiating-party",
            "group header, initiating party, name",
            f"{message}/GrpHdr/InitgPty/Nm",
        ): None,
    }


def test_what_is_not_there_is_pointed_at_where_it_is_missing(
    tmp_path: Path, collection_file: CollectionFile
) -> None:
    content = collection_file("C", [{}, {}]).decode()
    head, _, tail = content.rpartition("<DbtrAcct>")
    account, _, rest = tail.partition("</DbtrAcct>")
    content = head + rest
    told = next(p for p in problems(tmp_path / "c.xml", content) if p.rule == "schema")
    assert led_to(content, told) is not None
    assert told.xpath == "/Document/CstmrDrctDbtInitn/PmtInf[1]/DrctDbtTxInf[2]"
    assert told.path == "batch 1, payment 2 (C-2)"
    assert account not in (told.found or "")


def test_the_hundred_that_are_told_stand_in_the_order_of_the_file(
    tmp_path: Path, payment_file: PaymentFile
) -> None:
    payments = [{"creditor_iban": WRONG_IBAN, "amount": "0.00"}] * 80
    content = payment_file("M", payments).decode()
    told = problems(tmp_path / "payments.xml", content)
    places = [(problem.line, problem.column) for problem in told]
    assert len(told) == 100
    assert places == sorted(places, key=lambda place: (place[0] or 0, place[1] or 0))
    assert {led_to(content, problem) for problem in told if problem.xpath} == {WRONG_IBAN, "0.00"}


def test_every_rule_that_found_something_is_heard_however_many_others_did(
    tmp_path: Path, payment_file: PaymentFile
) -> None:
    payments = [{"creditor_iban": WRONG_IBAN, "amount": f"{number}"} for number in range(1, 301)]
    payments += [{"amount": "0.00"}, {"end_to_end_id": "M-1"}]
    path = tmp_path / "payments.xml"
    path.write_bytes(payment_file("M", payments))
    verdict = check(path, CheckTerms(), TODAY)
    assert {problem.rule for problem in verdict.problems} >= {
        "iban",
        "amount-positive",
        "end-to-end-id",
    }
    assert len(verdict.problems) == 100
    assert verdict.more == len(payments) - 100
