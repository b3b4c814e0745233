"""What schemes demand: each rule speaks under a profile that demands it, and is silent without."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from h2h.core.demands import Demands, Profile
from h2h.core.problem import Severity

if TYPE_CHECKING:
    from tests.core.conftest import Fields, Judge

RULES = {
    *("scheme-currency", "one-currency", "service-level", "charge-bearer", "scheme-country"),
    *("iban-only", "remittance-length", "remittance-lines", "remittance-either"),
    *("purpose-required", "purpose-code", "regulatory-report", "regulatory-code"),
    "payee-verified",
}
EVERYTHING = {
    "currency": "USD",
    "service_level": "URGP",
    "charge_bearer": "DEBT",
    "iban": "",
    "number": "4711",
    "agent_bic": "BKCHCNBJ",
    "purpose": "GDDS",
    "reference": "RF18539007547034",
    "remittance": "one\n" + "x" * 300,
    "regulatory_codes": "1\n2",
}
EUROS = frozenset({"EUR"})
SLEV = frozenset({"SLEV"})
CHINA = frozenset({"CN"})


def test_without_a_profile_no_scheme_demands_anything(judge: Judge) -> None:
    assert not RULES & {each.rule for each in judge(EVERYTHING)}


@pytest.mark.parametrize(
    ("demands", "wrong", "right", "rule", "field"),
    [
        (Demands(currencies=EUROS), {"currency": "USD"}, {}, "scheme-currency", "currency"),
        (Demands(service_levels=frozenset({"SEPA"})), {"service_level": "URGP"},
         {"service_level": "SEPA"}, "service-level", "service_level"),
        (Demands(charge_bearers=SLEV), {"charge_bearer": "DEBT"}, {"charge_bearer": "SLEV"},
         "charge-bearer", "charge_bearer"),
        (Demands(countries=frozenset({"DE"})), {}, {"iban": "DE89370400440532013000"},
         "scheme-country", "iban"),
        (Demands(iban_only=True), {"iban": "", "number": "4711"}, {}, "iban-only", "iban"),
        (Demands(iban_only=True), {"iban": ""}, {}, "iban-only", "iban"),
        (Demands(purposes=frozenset({"GDDS"})), {"purpose": "RENT"}, {"purpose": "GDDS"},
         "purpose-code", "purpose"),
        (Demands(regulatory_codes=frozenset("12")), {"regulatory_codes": "1\n3"},
         {"regulatory_codes": "2\n1"}, "regulatory-code", "regulatory_codes"),
        (Demands(remittance_length=5), {"remittance": "123456"}, {"remittance": "12345"},
         "remittance-length", "remittance"),
        (Demands(remittance_length=5), {"remittance": "123\n456"}, {"remittance": "123\n45"},
         "remittance-length", "remittance"),
        (Demands(remittance_lines=1), {"remittance": "1\n2"}, {"remittance": "1"},
         "remittance-lines", "remittance"),
        (Demands(remittance_lines=4), {"remittance": "1\n2\n3\n4\n5"},
         {"remittance": "1\n2\n3\n4"}, "remittance-lines", "remittance"),
        (Demands(remittance_either=True), {"reference": "RF18539007547034", "remittance": "x"},
         {"reference": "RF18539007547034"}, "remittance-either", "remittance"),
        (Demands(remittance_either=True), {"reference": "RF18539007547034", "remittance": "x"},
         {"remittance": "x"}, "remittance-either", "remittance"),
    ],
)  # fmt: skip
def test_what_a_scheme_does_not_carry_is_refused_at_its_payment(
    judge: Judge, demands: Demands, wrong: Fields, right: Fields, rule: str, field: str
) -> None:
    found = judge(right, wrong, right, demands=demands)
    (problem,) = [each for each in found if each.rule == rule]
    assert (problem.place, problem.field) == ("batch 1, payment 2 (E-1-2)", field)
    assert problem.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("field", "wrong", "demands", "rule"),
    [
        ("service_level", "URGP", Demands(service_levels=frozenset({"SEPA"})), "service-level"),
        ("charge_bearer", "DEBT", Demands(charge_bearers=SLEV), "charge-bearer"),
        ("iban", "", Demands(iban_only=True), "iban-only"),
    ],
)
def test_what_a_batch_says_for_its_payments_is_judged_once(
    judge: Judge, field: str, wrong: str, demands: Demands, rule: str
) -> None:
    batch = replace(judge.batch, **{field: wrong})  # type: ignore[arg-type]  # texts, all of them
    found = judge({}, {}, {}, batch=batch, demands=demands)
    assert [each.place for each in found if each.rule == rule] == ["batch 1 (B-1)"]


def test_what_is_left_out_of_batch_and_payment_is_no_wrong_value(judge: Judge) -> None:
    demands = Demands(service_levels=frozenset({"SEPA"}), charge_bearers=SLEV)
    assert judge({}, demands=demands) == []


def test_each_payment_is_judged_by_the_demands_of_its_own_service_level(judge: Judge) -> None:
    profile = Profile(
        demands=Demands(currencies=frozenset({"USD"})),
        by_service_level={"SEPA": Demands(currencies=EUROS)},
    )
    found = judge(
        {"service_level": "SEPA"},
        {"service_level": "URGP"},
        {"service_level": "URGP", "currency": "USD"},
        {"service_level": "SEPA", "currency": "USD"},
        terms=replace(judge.terms, profile=profile),
        chunk=4,
    )
    places = [each.place for each in found if each.rule == "scheme-currency"]
    assert sorted(places) == ["batch 1, payment 2 (E-1-2)", "batch 1, payment 4 (E-1-4)"]


def test_a_batch_of_two_currencies_is_refused_where_the_scheme_wants_one(judge: Judge) -> None:
    payments: tuple[Fields, ...] = ({}, {"currency": "USD"})
    found = judge(*payments, demands=Demands(one_currency_a_batch=True))
    (problem,) = [each for each in found if each.rule == "one-currency"]
    assert (problem.place, problem.message) == (
        "batch 1 (B-1)",
        "the batch mixes currencies: EUR, USD",
    )
    assert judge(*payments) == []


def test_two_batches_of_a_currency_each_are_what_a_scheme_wants(judge: Judge) -> None:
    dollars = replace(judge.batch, index=2, id="B-2")
    batches = [(judge.batch, [{"currency": "EUR"}]), (dollars, [{"currency": "USD"}])]
    found = judge.batches(batches, demands=Demands(one_currency_a_batch=True))
    assert "one-currency" not in {each.rule for each in found}


def test_a_charge_bearer_at_both_levels_is_told_once_a_batch(judge: Judge) -> None:
    twice = replace(judge.batch, charge_bearer="SLEV")
    once = replace(judge.batch, index=2, id="B-2")
    paid = [{"charge_bearer": "SLEV"}] * 3
    found = judge.batches([(twice, paid), (once, paid)])
    (problem,) = [each for each in found if each.rule == "charge-bearer-twice"]
    assert (problem.place, problem.field) == ("batch 1 (B-1)", "charge_bearer")
    assert problem.severity is Severity.WARN


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"agent_bic": "BKCHCNBJ", "iban": "", "number": "1"}, True),
        ({"agent_country": "CN", "iban": "", "number": "1"}, True),
        ({"agent_member_scheme": "CNAPS", "agent_member": "102100099996", "iban": ""}, True),
        ({"iban": "CN001234"}, True),
        ({"agent_bic": "BKCHCNBJ", "purpose": "GDDS", "regulatory_codes": "1"}, False),
        ({"agent_bic": "BKCHDEFF", "agent_country": "CN"}, False),  # the BIC counts
        ({}, False),
    ],
)
def test_a_payment_to_a_country_that_asks_for_its_purpose_gives_one(
    judge: Judge, fields: Fields, *, missing: bool
) -> None:
    demands = Demands(purpose_required_in=CHINA, regulatory_required_in=CHINA)
    found = [each.rule for each in judge({}, fields, {}, demands=demands)]
    assert ("purpose-required" in found) is missing
    assert ("regulatory-report" in found) is missing


def test_a_regulatory_report_may_be_in_words(judge: Judge) -> None:
    fields = {"agent_bic": "BKCHCNBJ", "regulatory_information": "goods"}
    found = judge(fields, demands=Demands(regulatory_required_in=CHINA))
    assert "regulatory-report" not in {each.rule for each in found}


def test_a_sepa_file_of_one_payment_is_said_to_be_verified_and_of_two_is_not(judge: Judge) -> None:
    demands = Demands(payee_verified=True)
    (problem,) = judge({}, demands=demands)
    assert (problem.rule, problem.severity) == ("payee-verified", Severity.INFO)
    assert judge({}, {"amount": "7"}, demands=demands) == []
    collection = replace(judge.header, message="pain.008.001.08")
    assert "payee-verified" not in {
        each.rule for each in judge({}, demands=demands, header=collection)
    }


def test_an_instant_payment_has_its_local_instrument_told_once_a_batch(judge: Judge) -> None:
    instant = Demands(local_instrument="INST")
    found = judge({}, {}, {}, demands=instant)
    assert [(each.rule, each.place, each.field) for each in found] == [
        ("local-instrument", "batch 1 (B-1)", "local_instrument")
    ]
    assert found[0].message == "the local instrument is -, not INST"
    assert judge({}, batch=replace(judge.batch, local_instrument="INST"), demands=instant) == []
    assert judge({"local_instrument": "INST"}, demands=instant) == []
