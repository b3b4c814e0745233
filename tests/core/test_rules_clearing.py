"""Clearing member ids: of each system its own form, the routing number with its check digit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.us import rtn

from h2h.core.demands import Demands
from h2h.core.payment import Address, Agent, Batch
from h2h.core.problem import Severity
from h2h.core.rules.clearing import SYSTEMS, Member, member_fault

if TYPE_CHECKING:
    from tests.core.conftest import Found, Judge

# real banks: BNP Paribas, Westpac, Royal Bank of Canada, UBS, ICBC, Deutsche Bank, and so on
REAL = {
    "ATBLZ": "20111",
    "AUBSB": "062000",
    "CACPA": "000300002",
    "CHBCC": "230",
    "CHSIC": "002301",
    "CNAPS": "102100099996",
    "DEBLZ": "37040044",
    "ESNCC": "00490001",
    "GBDSC": "204000",
    "GRBIC": "0110120",
    "HKNCC": "004",
    "IENCC": "900017",
    "INFSC": "HDFC0000001",
    "ITNCC": "0306909606",
    "JPZGN": "0001001",
    "NZNCC": "010001",
    "PLKNR": "10201068",
    "PTNCC": "00350001",
    "RUCBC": "044525225",
    "SESBA": "6000",
    "SGIBG": "7171001",
    "THCBC": "002",
    "TWNCC": "0040037",
    "USABA": "021000021",
    "USPID": "0002",
    "ZANCC": "250655",
}
ROUTING_NUMBERS = ("021000021", "026009593", "011401533", "121000358", "322271627", "071000013")
NOWHERE = Address("", "", "", "")


def told(found: list[Found], rule: str) -> list[tuple[str, str, str]]:
    return [(each.place, each.field, each.code) for each in found if each.rule == rule]


def banked(judge: Judge, system: str, member: str, method: str = "TRF") -> Batch:
    return replace(judge.batch, method=method, agent=Agent("", member, system, "", "", NOWHERE))


@pytest.mark.parametrize(("system", "member"), REAL.items())
def test_real_numbers_pass_beside_their_system_and_behind_its_code(
    judge: Judge, system: str, member: str
) -> None:
    beside = {"agent_member": member, "agent_member_scheme": system}
    behind = {"agent_member": system + member}
    assert not [each for each in judge(beside, behind) if each.rule.startswith("clearing")]


@pytest.mark.parametrize(("system", "member"), REAL.items())
def test_a_digit_too_few_or_too_many_is_refused(judge: Judge, system: str, member: str) -> None:
    least, most = {"CHBCC": ("23", "230123"), "ESNCC": ("0049000", "0049000100")}.get(
        system, (member[:-1], member + "0")
    )
    found = judge(
        *({"agent_member": wrong, "agent_member_scheme": system} for wrong in (least, most))
    )
    assert told(found, "clearing-member") == [
        ("batch 1, payment 1 (E-1-1)", "agent_member", "RC10"),
        ("batch 1, payment 2 (E-1-2)", "agent_member", "RC10"),
    ]
    assert {each.severity for each in found} == {Severity.ERROR}


@pytest.mark.parametrize(
    ("system", "member", "words"),
    [
        ("GBDSC", "20-40-00", "20-40-00 is no GBDSC: 6 digits"),
        ("CHBCC", "12", "12 is no CHBCC: 3 to 5 digits"),
        ("INFSC", "HDFC1000001", "HDFC1000001 is no INFSC: four letters, 0, six letters or digits"),
        ("DEBLZ", "3704004X", "3704004X is no DEBLZ: 8 digits"),
        ("DEBLZ", "٣٧٠٤٠٠٤٤", "٣٧٠٤٠٠٤٤ is no DEBLZ: 8 digits"),
        ("USABA", "021000022", "021000022 has a wrong check digit: a digit was mistyped"),
        ("USABA", "500000005", "500000005 is no routing number: none begins so"),
        ("USABA", "990000030", "990000030 is no routing number: none begins so"),
    ],
)
def test_what_is_wrong_is_told_in_words(judge: Judge, system: str, member: str, words: str) -> None:
    found = judge({"agent_member": member, "agent_member_scheme": system})
    assert [each.message for each in found if each.rule == "clearing-member"] == [words]


@pytest.mark.parametrize("number", ROUTING_NUMBERS)
def test_every_single_wrong_digit_of_a_routing_number_is_caught(number: str) -> None:
    assert member_fault(Member("USABA", number)) is None
    for at in range(9):
        for digit in set("0123456789") - {number[at]}:
            wrong = number[:at] + digit + number[at + 1 :]
            assert member_fault(Member("USABA", wrong)), wrong


@given(st.from_regex(r"\A[0-9]{9}\Z"))
def test_a_routing_number_that_passes_here_passes_elsewhere(number: str) -> None:
    if member_fault(Member("USABA", number)) is None:
        assert rtn.is_valid(number)
    elif rtn.is_valid(number):  # it does not know that the ABA gives out no others
        assert number[:2] not in {"02", "12", "32", "72", "80"}


def test_the_banks_on_the_way_and_the_batchs_own_are_judged(judge: Judge) -> None:
    wrong = {"intermediary_member": "1", "intermediary_member_scheme": "GBDSC"}
    place = "batch 1, payment 1 (E-1-1)"
    assert told(judge(wrong), "clearing-member") == [(place, "intermediary_member", "RC11")]
    for method, ours, theirs in (("TRF", "RC09", "RC10"), ("DD", "RC10", "RC09")):
        batch = banked(judge, "GBDSC", "1", method)
        found = judge({"agent_member": "GBDSC1"}, batch=batch)
        assert told(found, "clearing-member") == [
            (place, "agent_member", theirs),
            ("batch 1 (B-1)", "agent_member", ours),
        ]


# -------------------------------------------------------------------------------------- the system


@pytest.mark.parametrize(
    ("system", "member", "words"),
    [
        ("", "021000021", "021000021 does not say of which clearing system it is"),
        ("ABA", "021000021", "ISO's list has no clearing system ABA"),
        ("", "XXABC12345", "XXABC12345 does not say of which clearing system it is"),
    ],
)
def test_a_system_that_is_not_named_or_not_known_is_warned_about(
    judge: Judge, system: str, member: str, words: str
) -> None:
    payment = {"agent_member": member, "agent_member_scheme": system}
    found = [each for each in judge(payment) if each.rule.startswith("clearing")]
    assert [(each.rule, each.severity, each.message) for each in found] == [
        ("clearing-system", Severity.WARN, words)
    ]
    found = judge({}, batch=banked(judge, system, member))
    assert told(found, "clearing-system") == [("batch 1 (B-1)", "agent_member", "RC09")]


def test_of_a_listed_system_without_a_known_form_every_id_is_taken(judge: Judge) -> None:
    assert "CNCIP" in SYSTEMS
    found = judge({"agent_member": "ANY-THING", "agent_member_scheme": "CNCIP"})
    assert not [each for each in found if each.rule.startswith("clearing")]


# ------------------------------------------------------------------------------ the bank is named


def test_the_counterpartys_bank_is_named_where_that_is_demanded(judge: Judge) -> None:
    payments = [
        {"agent_bic": "BNPAFRPP"},
        {"agent_member": "021000021", "agent_member_scheme": "USABA"},
        {"agent_name": "A Bank", "agent_town": "Paris", "agent_country": "FR"},
    ]
    found = judge(*payments, demands=Demands(agent_required=True), chunk=3)
    expected = [("batch 1, payment 3 (E-1-3)", "agent_bic", "RC04")]
    assert told(found, "agent-required") == expected
    collection = replace(judge.batch, method="DD")
    found = judge({}, batch=collection, demands=Demands(agent_required=True))
    assert [code for *_, code in told(found, "agent-required")] == ["RC03"]
    assert told(judge(*payments), "agent-required") == []


def test_a_cheque_needs_no_bank_of_the_counterparty(judge: Judge) -> None:
    wanted = Demands(agent_required=True)
    assert [each.rule for each in judge({}, demands=wanted)] == ["agent-required"]
    assert judge({}, batch=replace(judge.batch, method="CHK"), demands=wanted) == []
