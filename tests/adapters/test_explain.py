"""What libxml2 says of a broken file, in words that a clerk understands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.adapters.messages.iso20022.check import check
from h2h.adapters.messages.iso20022.explain import TAGS, explain
from h2h.core.problem import Problem
from h2h.core.terms import CheckTerms
from h2h.core.words import Words

if TYPE_CHECKING:
    from tests.conftest import CollectionFile, PaymentFile

TODAY = date(2026, 11, 23)
LONG = "x" * 141
BIC = "a BIC: 8 or 11 capital letters and digits, e.g. DEUTDEFF or DEUTDEFF500"
CREDITOR = "<Cdtr><Nm>Fournisseur SA</Nm></Cdtr>"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def slip(path: Path, content: bytes, old: str, new: str) -> Problem:
    """The first thing that the schema says of a file with one thing changed."""
    assert old.encode() in content
    path.write_bytes(content.replace(old.encode(), new.encode(), 1))
    problems = check(path, CheckTerms(), TODAY).problems
    return next(problem for problem in problems if problem.rule == "schema")


@pytest.mark.parametrize(
    ("old", "new", "words", "found", "expected", "code"),
    [
        (
            '"EUR">100.00<',
            '"EUR">1.000,00<',
            "amount (InstdAmt): “1.000,00” is not a number",
            "1.000,00",
            "a number",
            "CH16",
        ),
        (
            '"EUR">100.00<',
            '"EUR"><',
            "amount (InstdAmt): “” is not a number",
            None,
            "a number",
            "CH16",
        ),
        (
            '"EUR">100.00<',
            '"EUR">0.123456<',
            "amount (InstdAmt): “0.123456” has too many digits, 5 are allowed",
            "0.123456",
            "5",
            "AM12",
        ),
        (
            '"EUR">100.00<',
            '"EUR">-1<',
            "amount (InstdAmt): “-1” is out of bounds, it must be ≥ 0",
            "-1",
            "≥ 0",
            "AM12",
        ),
        (
            "<Dt>2026-12-01<",
            "<Dt>01.12.2026<",
            "requested execution date (ReqdExctnDt/Dt): “01.12.2026” is not a date as 2026-11-23",
            "01.12.2026",
            "a date as 2026-11-23",
            "CH16",
        ),
        (
            "2026-11-20T10:00:00",
            "2026-11-20",
            "creation time (CreDtTm): “2026-11-20” is not a date and time as 2026-11-23T08:30:00",
            "2026-11-20",
            "a date and time as 2026-11-23T08:30:00",
            "CH16",
        ),
        (
            "<Nm>Fournisseur SA<",
            f"<Nm>{LONG}<",
            "name (Nm) has 141 characters, 140 at most are allowed",
            "141",
            "140",
            "CH16",
        ),
        (
            "<MsgId>M<",
            "<MsgId><",
            "message id (MsgId) has 0 characters, at least 1 are needed",
            "0",
            "1",
            "CH16",
        ),
        (
            ">TRF<",
            ">DD<",
            "payment method (PmtMtd): “DD” is none of the codes CHK, TRA, TRF",
            "DD",
            "CHK, TRA, TRF",
            "CH16",
        ),
        ("COBADEFFXXX", "cobadeff", f"BICFI: “cobadeff” is not {BIC}", "cobadeff", BIC, "CH16"),
        (
            "FR1420041010050500013M02606",
            "FR14 2004 1010 0505 0001 3M02 606",
            "IBAN: “FR14 2004 1010 0505 0001 3M02 606” is not an IBAN without spaces",
            "FR14 2004 1010 0505 0001 3M02 606",
            "an IBAN without spaces",
            "CH16",
        ),
        (
            ' Ccy="EUR"',
            "",
            "amount (InstdAmt) lacks its attribute Ccy",
            None,
            "Ccy",
            "CH21",
        ),
        (
            ' Ccy="EUR"',
            ' Ccy="EUR" Cur="EUR"',
            "amount (InstdAmt), attribute Cur does not belong here",
            "Cur",
            None,
            "FF01",
        ),
        (
            'Ccy="EUR"',
            'Ccy="eur"',
            "amount (InstdAmt), attribute Ccy: “eur” is not three capital letters, e.g. EUR",
            "eur",
            "three capital letters, e.g. EUR",
            "CH16",
        ),
        (
            "</CstmrCdtTrfInitn>",
            "</CstmrCdtTrfInitn><X/>",
            "X does not belong here",
            None,
            None,
            "FF01",
        ),
        (
            "<PmtMtd>TRF</PmtMtd>",
            "",
            "number of transactions (NbOfTxs) does not belong here; expected is payment method (Pm",
            None,
            "payment method (PmtMtd)",
            "FF01",
        ),
        (
            CREDITOR,
            f"{CREDITOR}<Amt/>",
            "amount (Amt) does not belong here; expected is creditor account (CdtrAcct), ",
            None,
            "creditor account (CdtrAcct), ",
            "FF01",
        ),
        (
            "<EndToEndId>M-1</EndToEndId>",
            "",
            "payment id (PmtId) is incomplete: instruction id (InstrId), end-to-end id ",
            None,
            "",
            "CH21",
        ),
        (
            "<PmtMtd>",
            "x<PmtMtd>",
            "batch (PmtInf) holds text between its elements",
            None,
            None,
            "CH16",
        ),
        (
            ">M-1<",
            ">x<b>M-1</b><",
            "end-to-end id (EndToEndId) holds elements where only text may stand",
            None,
            None,
            "CH16",
        ),
    ],
)
def test_each_slip_has_its_sentence(
    tmp_path: Path,
    payment_file: PaymentFile,
    old: str,
    new: str,
    words: str,
    found: str | None,
    expected: str | None,
    code: str,
) -> None:
    told = slip(tmp_path / "payments.xml", payment_file("M"), old, new)
    assert told.message.startswith(words)
    assert told.found == found
    assert (told.expected or "").startswith(expected or "")
    assert told.code == code
    assert told.remedy.endswith(".")
    assert isinstance(told.message, Words)  # it can be told in another language


def test_the_program_that_writes_is_to_blame_for_tags_and_whoever_filled_in_for_values(
    tmp_path: Path, payment_file: PaymentFile
) -> None:
    path, content = tmp_path / "payments.xml", payment_file("M")
    assert "program" in slip(path, content, CREDITOR, CREDITOR + "<Amt/>").remedy
    assert "master data" in slip(path, content, ">100.00<", ">1,5<").remedy
    assert "Shorten" in slip(path, content, "Fournisseur", LONG).remedy


def test_a_bare_code_is_named_by_the_part_it_lies_in(
    tmp_path: Path, collection_file: CollectionFile
) -> None:
    path, content = tmp_path / "collections.xml", collection_file("C")
    assert slip(path, content, "<Cd>SEPA", "<Cd>SEPAX").message.startswith(
        "service level (SvcLvl/Cd) has 5 characters"
    )
    assert slip(path, content, "<Cd>CORE", f"<Cd>{'C' * 36}").message.startswith(
        "local instrument (LclInstrm/Cd) has 36 characters"
    )


@pytest.mark.parametrize(
    "value",
    [
        "a'b",
        "' is not an element of the set {",
        "{urn:x}y",
        "' is not accepted by the pattern 'x'.",
        "a\nb",
        "{x}",
        "“quoted”",
    ],
)
def test_a_value_is_told_as_it_stands_whatever_it_looks_like(
    tmp_path: Path, payment_file: PaymentFile, value: str
) -> None:
    told = slip(tmp_path / "payments.xml", payment_file("M"), ">TRF<", f">{value}<")
    assert told.message.startswith(f"payment method (PmtMtd): “{value}” is none of the codes")
    assert told.found == value


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("Element '{urn:x}Foo': Something new.", "Foo: Something new."),
        ("Element '{urn:x}Cdtr': The element is not 'nillable'.", "creditor (Cdtr): The element"),
        ("Nobody knows.", "Nobody knows."),
        ("", ""),
    ],
)
def test_what_is_not_known_is_told_as_libxml2_says_it(complaint: str, words: str) -> None:
    assert explain(complaint).message.startswith(words)


def test_no_name_space_is_told(tmp_path: Path, payment_file: PaymentFile) -> None:
    path, content = tmp_path / "payments.xml", payment_file("M")
    for old, new in (
        (CREDITOR, CREDITOR + "<Amt/>"),
        (">100.00<", ">x<"),
        ("<PmtId>", "<X/><PmtId>"),
    ):
        told = slip(path, content, old, new)
        texts = (told.message, told.found or "", told.expected or "", told.path or "")
        assert not [text for text in texts if "urn:" in text or "{" in text]


def test_every_word_for_a_tag_can_be_told_in_another_language() -> None:
    def words_of(tags: Mapping[str, Words]) -> set[str]:
        return {word.template for word in tags.values()}

    assert all(isinstance(word, Words) for word in TAGS.values())
    assert not [word for word in words_of(TAGS) if re.search(r"[{}]", word)]
