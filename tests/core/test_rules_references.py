"""Structured references: of five kinds, each with its check digit, and the Swiss QR-IBAN."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import iso11649, luhn
from stdnum.ch import esr
from stdnum.iso7064 import mod_97_10

from h2h.core import checkdigits
from h2h.core.problem import Severity
from h2h.core.rules.references import (
    belgian_fault,
    check_of,
    finnish_fault,
    kid_fault,
    qr_fault,
    rf_fault,
)
from h2h.core.words import Words

if TYPE_CHECKING:
    from tests.core.conftest import Found, Judge

# printed examples of the standards: ISO 11649; SIX; Febelfin; Finance Finland; Bits
RF = ("RF18539007547034", "RF26INV2026A1", "RF741", "rf18539007547034")
QRR = ("210000000003139471430009017", "120000000000234478943216899")
BELGIAN = ("090933755493", "010806817183", "000000029197", "+++090/9337/55493+++")
FINNISH = ("1232", "1009", "268745", "123453", "00000000000000001232")
KID_10 = ("2345676", "1234567897", "00001234567890128")
KID_11 = ("12345678903", "7450003-")

BELGIUM, FINLAND, NORWAY = "BE68539007547034", "FI2112345600000785", "NO9386011117947"
SWISS, QR_IBAN, LIECHTENSTEIN = (
    "CH9300762011623852957",
    "CH4431999123000889012",
    "LI21088100002324013AA",
)
Check = Callable[[str], Words | None]


def told(found: list[Found], rule: str) -> list[tuple[str, str, str]]:
    return [(each.place, each.field, each.code) for each in found if each.rule == rule]


def cases(*kinds: tuple[Check, tuple[str, ...]]) -> list[tuple[Check, str]]:
    return [(check, reference) for check, references in kinds for reference in references]


# ----------------------------------------------------------------------------------- check digits


@pytest.mark.parametrize(
    ("check", "reference"),
    cases(
        (rf_fault, RF),
        (qr_fault, QRR),
        (belgian_fault, BELGIAN),
        (finnish_fault, FINNISH),
        (kid_fault, KID_10 + KID_11),
    ),
)
def test_printed_examples_are_right(check: Check, reference: str) -> None:
    assert check(reference) is None


@pytest.mark.parametrize(
    ("check", "reference"),
    cases((rf_fault, RF), (qr_fault, QRR), (belgian_fault, BELGIAN), (finnish_fault, FINNISH)),
)
def test_every_single_wrong_digit_of_a_reference_is_caught(check: Check, reference: str) -> None:
    for wrong in _one_digit_changed(reference):
        assert check(wrong), wrong


@pytest.mark.parametrize("reference", KID_10 + KID_11)
def test_a_wrong_digit_of_a_kid_passes_only_by_its_other_algorithm(reference: str) -> None:
    """A biller has one of two; each catches every digit, but here it is not known which it is."""
    ten = reference in KID_10
    for wrong in _one_digit_changed(reference):
        other = _by_eleven(wrong) if ten else wrong.isdecimal() and luhn.is_valid(wrong)
        assert (kid_fault(wrong) is None) == other, wrong


def _one_digit_changed(text: str) -> list[str]:
    return [
        text[:at] + digit + text[at + 1 :]
        for at, right in enumerate(text)
        for digit in sorted(set("0123456789") - {right})
        if right.isdigit()
    ]


def _by_eleven(kid: str) -> bool:
    values = [10 if each == "-" else int(each) for each in kid]
    weights = [1, *(2 + at % 6 for at in range(len(kid) - 1))]
    pairs = zip(reversed(values), weights, strict=True)
    return sum(value * weight for value, weight in pairs) % 11 == 0


@pytest.mark.parametrize(
    ("check", "reference"),
    cases(
        (rf_fault, ("RF18 5390 0754 7034", "RFXX539007547034", "RF04" + "0" * 22, "RF18")),
        (qr_fault, (QRR[0][1:], "0" * 27, QRR[0][:-1] + "x")),
        (belgian_fault, ("90933755493", "+++090/9337/5549+++", "+++090/9337/55493***")),
        (finnish_fault, ("232", "0" * 20 + "1232", "12 32")),
        (kid_fault, ("5", "1" * 26, "234-5676", "")),
    ),
)
def test_what_is_not_of_the_form_is_refused(check: Check, reference: str) -> None:
    assert " is no " in str(check(reference))


def test_arabic_digits_are_no_digits() -> None:
    assert all(check("١٢٣٢") for check in (qr_fault, belgian_fault, finnish_fault, kid_fault))


@given(st.from_regex(r"\ARF[0-9]{2}[A-Z0-9]{1,21}\Z") | st.sampled_from(RF))
def test_iso_references_are_right_when_the_reference_implementation_says_so(text: str) -> None:
    assert (rf_fault(text) is None) == iso11649.is_valid(text)


@given(st.from_regex(r"\A[0-9]{2,27}\Z"))
def test_the_check_digits_are_those_of_the_reference_implementations(digits: str) -> None:
    assert checkdigits.luhn(digits) == luhn.checksum(digits)
    assert checkdigits.mod_97(digits) == mod_97_10.checksum(digits)
    right = esr.calc_check_digit(digits[:-1]) == digits[-1]
    assert (checkdigits.mod_10_recursive(digits) == 0) == right


# -------------------------------------------------------------------------------- what is checked


@pytest.mark.parametrize(
    ("reference", "kind", "issuer", "account", "check"),
    [
        (RF[0], "", "", "", rf_fault),
        (RF[0], "QRR", "", SWISS, rf_fault),
        ("RF9", "SCOR", "", "", rf_fault),
        ("4711", "SCOR", "ISO", "", rf_fault),
        ("4711", "SCOR", "", SWISS, rf_fault),
        ("4711", "SCOR", "", LIECHTENSTEIN, rf_fault),
        ("4711", "QRR", "", "", qr_fault),
        ("4711", "SCOR", "BBA", "", belgian_fault),
        ("4711", "BBA", "", "", belgian_fault),
        ("4711", "SCOR", "", BELGIUM, belgian_fault),
        (BELGIAN[3], "", "", "", belgian_fault),
        ("4711", "SCOR", "", FINLAND, finnish_fault),
        ("4711", "SCOR", "", NORWAY, kid_fault),
        ("4711", "SCOR", "", "DE89370400440532013000", None),
        ("4711", "", "", NORWAY, None),
        ("RFQ-2026", "", "", "", None),
        ("4711", "DISP", "", FINLAND, None),
        ("7450004712", "SCOR", "CUR", "NL91ABNA0417164300", None),
    ],
)
def test_look_type_issuer_and_country_say_what_a_reference_is(
    reference: str, kind: str, issuer: str, account: str, check: Check | None
) -> None:
    assert check_of(reference, kind, issuer, account[:2]) is check


def test_a_wrong_reference_is_named_with_its_payment(judge: Judge) -> None:
    found = judge(
        {"reference": RF[0]}, {"reference": "RF19539007547034", "reference_type": "SCOR"}, {}
    )
    assert told(found, "creditor-reference") == [
        ("batch 1, payment 2 (E-1-2)", "reference", "RR09")
    ]
    assert found[0].message == "RF19539007547034 has a wrong check digit: it was mistyped"
    assert found[0].severity is Severity.ERROR


def test_the_country_is_that_of_the_account_else_of_the_bank(judge: Judge) -> None:
    kid = {"reference": "2345677", "reference_type": "SCOR"}
    domestic = {**kid, "iban": "", "number": "86011117947", "agent_bic": "DNBANOKK"}
    found = judge({**kid, "iban": NORWAY}, domestic, {**kid, "iban": ""}, chunk=3)
    assert [place for place, *_ in told(found, "creditor-reference")] == [
        "batch 1, payment 1 (E-1-1)",
        "batch 1, payment 2 (E-1-2)",
    ]


def test_each_of_several_references_goes_by_its_own_type(judge: Judge) -> None:
    wrong = QRR[0][:-1] + "8"
    payment = {"reference": f"{RF[0]}\n{wrong}", "reference_type": "SCOR\nQRR", "iban": QR_IBAN}
    found = judge(payment)
    assert told(found, "creditor-reference") == [
        ("batch 1, payment 1 (E-1-1)", "reference", "CH16")
    ]
    assert wrong in found[0].message


def test_of_several_references_with_fewer_types_only_the_certain_are_checked(
    judge: Judge,
) -> None:
    open_which = {"reference": "4711\n4712", "reference_type": "SCOR\nDISP\nSCOR"}
    same = {"reference": "4711\n4712", "reference_type": "SCOR"}
    found = judge({**open_which, "iban": FINLAND}, {**same, "iban": FINLAND})
    assert [place for place, *_ in told(found, "creditor-reference")] == [
        "batch 1, payment 2 (E-1-2)",
        "batch 1, payment 2 (E-1-2)",
    ]


# ------------------------------------------------------------------------------ Swiss and Belgian


def test_a_qr_reference_to_a_qr_iban_is_good(judge: Judge) -> None:
    payment = {"iban": QR_IBAN, "reference": QRR[0], "reference_type": "QRR"}
    plain = {"iban": SWISS, "reference": RF[0], "reference_type": "SCOR"}
    found = judge(payment, plain, {"iban": SWISS})
    assert told(found, "qr-iban") == []
    assert told(found, "creditor-reference") == []


@pytest.mark.parametrize(
    ("payment", "code"),
    [
        ({"iban": QR_IBAN}, "CH21"),
        ({"iban": QR_IBAN, "reference": RF[0], "reference_type": "SCOR"}, "CH21"),
        ({"iban": SWISS, "reference": QRR[0], "reference_type": "QRR"}, "CH16"),
        ({"iban": LIECHTENSTEIN, "reference": QRR[0], "reference_type": "QRR"}, "CH16"),
        ({"iban": "", "number": "1", "reference": QRR[0], "reference_type": "QRR"}, "CH16"),
    ],
)
def test_qr_iban_and_qr_reference_go_together(
    judge: Judge, payment: dict[str, str], code: str
) -> None:
    found = judge({}, payment)
    assert told(found, "qr-iban") == [("batch 1, payment 2 (E-1-2)", "iban", code)]


@pytest.mark.parametrize(
    ("bank", "is_one"), [("29999", False), ("30000", True), ("31999", True), ("32000", False)]
)
def test_a_qr_iban_is_told_by_its_bank_30000_to_31999(
    judge: Judge, bank: str, is_one: bool
) -> None:
    for country in ("CH", "LI"):
        found = told(judge({"iban": f"{country}00{bank}000000000000"}), "qr-iban")
        assert bool(found) == is_one


def test_a_belgian_reference_in_free_text_is_checked_where_it_matters(judge: Judge) -> None:
    right, wrong = "invoice 7 +++090/9337/55493+++", "+++090/9337/55494+++ invoice 7"
    payments = [
        {"iban": BELGIUM, "remittance": right},
        {"iban": BELGIUM, "remittance": wrong},
        {"remittance": wrong},
    ]
    found = judge(*payments, chunk=3)
    assert told(found, "belgian-remittance") == [
        ("batch 1, payment 2 (E-1-2)", "remittance", "RR09")
    ]
    assert found[0].severity is Severity.WARN
