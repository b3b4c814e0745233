"""Parties: who is paid has a name that is his own, and legal entity identifiers check out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import lei as reference

from h2h.core.demands import Demands, Profile
from h2h.core.problem import Severity
from h2h.core.rules.parties import lei_fault

if TYPE_CHECKING:
    from tests.core.conftest import Found, Judge

# the GLEIF foundation, Apple, Deutsche Bank, Bank of China, HSBC
LEIS = (
    "506700GE1G29325QX363",
    "HWUPKR0MPOU8FGXBT394",
    "7LTWFZYICNSX8D621K86",
    "54930053HGCFWVHYZX42",
    "MLU0ZO3ML4LN2LL2TL39",
)
SEVENTY = Demands(name_length=70)


def told(found: list[Found], rule: str) -> list[tuple[str, str, str]]:
    return [(each.place, each.field, each.code) for each in found if each.rule == rule]


# ------------------------------------------------------------------------------------------ names


@pytest.mark.parametrize("name", ["", " ", "\t\n"])
def test_a_payment_to_nobody_is_refused(judge: Judge, name: str) -> None:
    found = judge({}, {"name": name})
    assert told(found, "name") == [("batch 1, payment 2 (E-1-2)", "name", "BE22")]
    assert found[0].severity is Severity.ERROR
    found = judge({"name": name}, batch=replace(judge.batch, method="DD"))
    assert told(found, "name") == [("batch 1, payment 1 (E-1-1)", "name", "BE08")]


@pytest.mark.parametrize("name", ["Acme", "ACME", " acme "])
def test_a_counterparty_that_is_called_like_us_is_warned_about(judge: Judge, name: str) -> None:
    found = judge({"name": "Acme Supplies"}, {"name": name})
    assert told(found, "own-name") == [("batch 1, payment 2 (E-1-2)", "name", "BE01")]
    assert found[0].severity is Severity.WARN


def test_names_are_compared_with_their_own_batch(judge: Judge) -> None:
    other = replace(judge.batch, index=2, id="B-2", name="Emca")
    payments = [{"name": "Emca"}, {"name": "Acme", "amount": "3"}]
    found = judge.batches([(judge.batch, payments), (other, payments)], chunk=4)
    assert [place for place, *_ in told(found, "own-name")] == [
        "batch 1, payment 2 (E-1-2)",
        "batch 2, payment 1 (E-2-1)",
    ]


def test_money_between_our_own_accounts_needs_no_warning(judge: Judge) -> None:
    terms = replace(judge.terms, accounts=(judge.account("DE89 3704 0044 0532 0130 00"),))
    own = {"name": "Acme", "iban": "DE89370400440532013000"}
    assert told(judge(own, terms=terms), "own-name") == []
    assert len(told(judge({"name": "Acme"}, terms=terms), "own-name")) == 1


def test_a_batch_without_a_holder_is_compared_with_nothing(judge: Judge) -> None:
    assert told(judge({"name": ""}, batch=replace(judge.batch, name="")), "own-name") == []


def test_a_name_is_no_longer_than_the_scheme_takes(judge: Judge) -> None:
    payments = [{"name": "x" * 70}, {"name": "x" * 71}, {"ultimate_creditor": "y" * 71}]
    found = judge(*payments, {"ultimate_debtor": "z" * 71}, demands=SEVENTY)
    assert sorted(told(found, "name-length")) == [
        ("batch 1, payment 2 (E-1-2)", "name", "BE20"),
        ("batch 1, payment 3 (E-1-3)", "ultimate_creditor", "BE20"),
        ("batch 1, payment 4 (E-1-4)", "ultimate_debtor", "BE20"),
    ]
    message = next(each.message for each in found if each.rule == "name-length")
    assert message == "the name has 71 characters; 70 are taken"
    assert told(judge(*payments), "name-length") == []


def test_our_own_names_are_measured_too(judge: Judge) -> None:
    batch = replace(judge.batch, name="x" * 71, ultimate_name="y" * 71)
    assert told(judge({}, batch=batch, demands=SEVENTY), "name-length") == [
        ("batch 1 (B-1)", "name", "BE20"),
        ("batch 1 (B-1)", "ultimate_name", "BE20"),
    ]


def test_the_length_is_that_of_each_payments_own_scheme(judge: Judge) -> None:
    profile = Profile(by_service_level={"SEPA": SEVENTY})
    long = {"name": "x" * 71}
    found = judge(
        long, {**long, "service_level": "SEPA"}, terms=replace(judge.terms, profile=profile)
    )
    assert told(found, "name-length") == [("batch 1, payment 2 (E-1-2)", "name", "BE20")]


# -------------------------------------------------------------------------------------------- LEI


@pytest.mark.parametrize("lei", LEIS)
def test_every_single_wrong_digit_of_an_lei_is_caught(lei: str) -> None:
    assert lei_fault(lei) is None
    for at, right in enumerate(lei):
        for each in set("0123456789") - {right} if right.isdigit() else ():
            assert lei_fault(lei[:at] + each + lei[at + 1 :]), (lei, at, each)


@given(st.from_regex(r"\A[0-9A-Z]{18}[0-9]{2}\Z") | st.sampled_from(LEIS))
def test_an_lei_is_right_when_the_reference_says_so(lei: str) -> None:
    assert (lei_fault(lei) is None) == reference.is_valid(lei)


@pytest.mark.parametrize("lei", ["506700GE1G29325QX36", "506700ge1g29325qx363", "GLEIF"])
def test_what_is_no_lei_is_told_so(lei: str) -> None:
    assert str(lei_fault(lei)).startswith(f"{lei} is no LEI")


@pytest.mark.parametrize(
    ("field", "transfer", "collection"),
    [("lei", "BE17", "BE16"), ("agent_lei", "RC04", "RC03")],
)
def test_the_lei_of_a_counterparty_and_its_bank_is_judged(
    judge: Judge, field: str, transfer: str, collection: str
) -> None:
    payments, place = [{field: LEIS[0]}, {field: LEIS[0][:-1] + "4"}], "batch 1, payment 2 (E-1-2)"
    assert told(judge(*payments), "lei") == [(place, field, transfer)]
    found = judge(*payments, batch=replace(judge.batch, method="DD"))
    assert told(found, "lei") == [(place, field, collection)]


def test_the_leis_of_batch_and_header_are_judged(judge: Judge) -> None:
    wrong = "506700GE1G29325QX364"
    batch = replace(judge.batch, lei=wrong, agent=judge.batch.agent._replace(lei=wrong))
    header = replace(judge.header, party_lei=wrong)
    assert told(judge({}, batch=batch, header=header), "lei") == [
        ("batch 1 (B-1)", "lei", "BE16"),
        ("batch 1 (B-1)", "agent_lei", "RC03"),
        ("header", "party_lei", "BE15"),
    ]
    right = replace(judge.header, party_lei=LEIS[0])
    assert told(judge({}, header=right), "lei") == []
