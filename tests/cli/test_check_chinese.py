"""`h2h check --lang zh`: what a clerk reads who thinks in Chinese."""

# ruff: noqa: RUF001 - Chinese has full-width marks

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from h2h.cli import root

if TYPE_CHECKING:
    from tests.conftest import PaymentFile

FAR = "2039-12-01"
WRONG = {"end_to_end_id": "INV-2", "creditor_iban": "FR1420041010050500013M02607"}
Check = Callable[..., str]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Says what the command prints of a file with this content."""
    monkeypatch.chdir(tmp_path)

    def run(content: bytes, *options: str) -> str:
        Path("pay.xml").write_bytes(content)
        return CliRunner().invoke(root, ["check", "--lang", "zh", *options, "pay.xml"]).output

    return run


def test_a_good_file_is_one_chinese_line(check: Check, payment_file: PaymentFile) -> None:
    told = check(payment_file(payments=[{}, {"amount": "7"}], execution_date=FAR))
    assert told == "pay.xml：检查通过（pain.001.001.09，2 笔，107.00 EUR）\n"


def test_a_wrong_iban_is_told_with_its_place_and_the_next_move(
    check: Check, payment_file: PaymentFile
) -> None:
    told = check(payment_file(payments=[{}, WRONG], execution_date=FAR)).splitlines()
    assert told[:6] == [
        "pay.xml：检查未通过（pain.001.001.09，2 笔，200.00 EUR）",
        "1 项错误",
        "",
        "第 1 批第 2 笔（INV-2），收款账户，第 31 行第 23 列",
        "  错误 iban AC01：FR1420041010050500013M02607 的校验位不符：有字符录错或颠倒",
        "    处理：请向账户持有人核实 IBAN，并更正主数据。",
    ]


def test_a_payment_without_an_id_is_named_by_its_number(
    check: Check, payment_file: PaymentFile
) -> None:
    told = check(payment_file(payments=[{"end_to_end_id": ""}], execution_date=FAR))
    assert "\n第 1 批第 1 笔，交易标识，端到端标识号，第 21 行第 16 列\n" in told
    assert "端到端标识号（EndToEndId）有 0 个字符，至少需要 1 个" in told


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        (b"<CtrlSum>100.00", b"<CtrlSum>99.00"),
        (b"<PmtMtd>TRF", b"<PmtMtd>XXX"),
        (b"<Nm>Fournisseur SA</Nm>", b"<Nmm>Fournisseur</Nmm>"),
        (b"<Document", b"<!DOCTYPE Document><Document"),
        (b"2039-12-01", b"2019-12-01"),
        (b"pain.001.001.09", b"pain.001.001.99"),
        (b"FR1420041010050500013M02606", b"FR00"),
    ],
)
def test_no_english_word_is_left_but_names_and_codes(
    found: bytes, instead: bytes, check: Check, payment_file: PaymentFile
) -> None:
    broken = payment_file(execution_date=FAR).replace(found, instead)
    told = json.loads(check(broken, "--json"))
    assert told["problems"]
    for problem in told["problems"]:
        for name in ("message", "remedy", "path"):
            assert not re.search(r"\b[a-z]+ [a-z]+", problem[name] or ""), problem[name]
            assert name == "path" or re.search("[一-鿿]", problem[name])


def test_what_programs_look_for_stays_as_it_is(check: Check, payment_file: PaymentFile) -> None:
    (problem,) = json.loads(check(payment_file(payments=[WRONG], execution_date=FAR), "--json"))[
        "problems"
    ]
    assert (problem["rule"], problem["severity"], problem["code"]) == ("iban", "error", "AC01")
