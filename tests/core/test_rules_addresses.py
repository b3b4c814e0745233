"""Addresses after November 2026: structured or hybrid, of whatever party; banks by BIC."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from h2h.core.countries import COUNTRIES
from h2h.core.demands import Demands
from h2h.core.payment import Address, Agent, Batch
from h2h.core.problem import Severity

if TYPE_CHECKING:
    from tests.core.conftest import Found, Judge

RULES = {
    *("address", "address-lines", "address-repeated", "address-hybrid", "address-required"),
    *("agent-address", "country"),
}
BERLIN = {"town": "Berlin", "country": "DE", "address_parts": "Hauptstrasse\n5\n10115"}
NOWHERE = Address("", "", "", "")


def told(found: list[Found], rule: str = "") -> list[tuple[str, str, str, str]]:
    """Rule, place, field and code of what the rules of this topic, or one of them, found."""
    wanted = {rule} if rule else RULES
    return [(f.rule, f.place, f.field, f.code) for f in found if f.rule in wanted]


def messages(found: list[Found], rule: str) -> list[str]:
    return [each.message for each in found if each.rule == rule]


def collecting(judge: Judge) -> Batch:
    return replace(judge.batch, method="DD")


# ----------------------------------------------------------------------------- town and country


@pytest.mark.parametrize(
    "address",
    [
        {},
        {"town": "Berlin", "country": "DE"},
        BERLIN,
        {**BERLIN, "address_lines": "Hinterhof, dritter Stock\nbei Schmidt"},
    ],
)
def test_no_address_and_structured_and_hybrid_ones_are_good(
    judge: Judge, address: dict[str, str]
) -> None:
    assert told(judge(address)) == []


@pytest.mark.parametrize(
    ("address", "field", "code", "words"),
    [
        ({"country": "DE"}, "address_parts", "BE04", "the address has no town"),
        ({"town": "Berlin"}, "address_parts", "BE11", "the address has no country"),
        ({"address_parts": "10115"}, "address_parts", "BE04", "the address has neither town nor"),
        ({"address_lines": "10115 Berlin"}, "address_lines", "BE04", "has free lines only"),
    ],
)
def test_an_address_without_town_or_country_is_refused(
    judge: Judge, address: dict[str, str], field: str, code: str, words: str
) -> None:
    found = judge(address)
    assert told(found) == [("address", "batch 1, payment 1 (E-1-1)", field, code)]
    assert words in found[0].message
    assert found[0].severity is Severity.ERROR


@pytest.mark.parametrize(
    ("party", "transfer", "collection"),
    [
        ("", "BE04", "BE07"),
        ("ultimate_creditor_", "BE04", "BE07"),
        ("ultimate_debtor_", "BE07", "BE04"),
    ],
)
def test_every_party_of_a_payment_is_judged_and_named_by_its_side(
    judge: Judge, party: str, transfer: str, collection: str
) -> None:
    wrong = {f"{party}country": "DE", f"{party}address_lines": "Hauptstrasse 5"}
    place = "batch 1, payment 1 (E-1-1)"
    field = f"{party}address_parts"
    assert told(judge(wrong)) == [("address", place, field, transfer)]
    assert told(judge(wrong, batch=collecting(judge))) == [("address", place, field, collection)]


@pytest.mark.parametrize(("method", "code"), [("TRF", "BE07"), ("DD", "BE04")])
def test_the_parties_of_a_batch_are_judged_too(judge: Judge, method: str, code: str) -> None:
    wrong = Address("", "DE", "", "Hauptstrasse")
    ours = replace(judge.batch, method=method, address=wrong)
    behind = replace(judge.batch, method=method, ultimate_address=wrong)
    place = "batch 1 (B-1)"
    assert told(judge({}, batch=ours)) == [("address", place, "address_parts", code)]
    assert told(judge({}, batch=behind)) == [("address", place, "ultimate_address_parts", code)]


def test_only_the_payments_with_the_fault_are_named(judge: Judge) -> None:
    payments = [BERLIN, {}, {"town": "Berlin"}, BERLIN, {"country": "FR"}]
    found = told(judge(*payments, chunk=10))
    assert [place for _, place, _, _ in found] == [
        "batch 1, payment 3 (E-1-3)",
        "batch 1, payment 5 (E-1-5)",
    ]


# ------------------------------------------------------------------------------------- free lines


@pytest.mark.parametrize("lines", ["x" * 70, f"{'x' * 70}\n{'y' * 70}"])
def test_two_free_lines_of_seventy_are_taken(judge: Judge, lines: str) -> None:
    assert told(judge({**BERLIN, "address_lines": lines})) == []


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("x" * 71, "a free line of the address has 71 characters"),
        (f"a\n{'x' * 71}", "a free line of the address has 71 characters"),
        ("a\nb\nc", "the address has 3 free lines"),
    ],
)
def test_a_third_line_and_a_long_one_are_refused(judge: Judge, lines: str, words: str) -> None:
    found = judge({**BERLIN, "address_lines": lines})
    assert [rule for rule, *_ in told(found)] == ["address-lines"]
    assert messages(found, "address-lines") == [words]


def test_an_address_of_free_lines_alone_is_told_once(judge: Judge) -> None:
    assert [rule for rule, *_ in told(judge({"address_lines": "a\nb\nc"}))] == ["address"]


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("Berlin", "Berlin"),
        ("10115 BERLIN", "10115"),
        ("Hinterhof, Berlin", "Berlin"),
        ("Hof 3 Berlin DE", "Berlin"),
        ("DE", "DE"),
        ("DE-10117 Berlin", "DE"),
        ("bei Schmidt, Hauptstrasse 5", "Hauptstrasse"),
    ],
)
def test_a_free_line_must_not_repeat_what_has_its_field(judge: Judge, line: str, part: str) -> None:
    found = judge({**BERLIN, "address_lines": f"bei Mayer\n{line}"})
    assert told(found) == [
        ("address-repeated", "batch 1, payment 1 (E-1-1)", "address_lines", "BE04")
    ]
    assert f"repeats {part}," in messages(found, "address-repeated")[0]


@pytest.mark.parametrize(
    ("town", "country", "line"),
    [
        ("Paris", "FR", "12 Rue de Paris"),
        ("London", "GB", "London Road 7"),
        ("Cologne", "DE", "Rue DE la Gare"),
        ("Oslo", "NO", "Storgata No 5"),
        ("Berlin", "DE", "Berliner Allee 5"),
        ("Berlin", "DE", "5"),
    ],
)
def test_a_street_may_be_called_after_its_town(
    judge: Judge, town: str, country: str, line: str
) -> None:
    found = judge({"town": town, "country": country, "address_lines": line, "address_parts": "5"})
    assert told(found) == []


@pytest.mark.parametrize(
    ("parts", "line"), [("SW1A 1AA", "Flat 2, SW1A 1AA"), ("Tower House", "TOWER HOUSE, 3rd floor")]
)
def test_post_codes_and_buildings_are_parts_as_well(judge: Judge, parts: str, line: str) -> None:
    address = {"town": "London", "country": "GB", "address_parts": parts, "address_lines": line}
    assert [rule for rule, *_ in told(judge(address))] == ["address-repeated"]


words = st.sampled_from(["Berlin", "berlin", "St.", "Gallen", "DE", "5", "10115", "Hof", ",", "de"])
texts = st.lists(words, max_size=4).map(" ".join)
several = st.lists(texts.filter(bool), max_size=3).map("\n".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(texts, st.sampled_from(["", "DE", "UK"]), several, several, texts)
def test_what_is_found_of_a_batch_is_found_of_payments_among_others(
    judge: Judge, town: str, country: str, lines: str, parts: str, other: str
) -> None:
    """A batch's address is judged without the quick look over a chunk."""
    address = Address(town, country, lines, parts)
    batch = judge({}, batch=replace(judge.batch, address=address))
    fields = dict(zip(("town", "country", "address_lines", "address_parts"), address, strict=True))
    payment = judge({"town": other}, fields, BERLIN, {}, chunk=4)
    of_batch = {(f.rule, f.message) for f in batch if f.rule in RULES}
    second = {(f.rule, f.message) for f in payment if f.rule in RULES and "payment 2" in f.place}
    assert of_batch == second


# ---------------------------------------------------------------------------- what a bank demands


def test_a_bank_may_take_no_free_lines_at_all(judge: Judge) -> None:
    hybrid = {**BERLIN, "address_lines": "Hinterhof"}
    strict = Demands(hybrid_addresses=False)
    place = "batch 1, payment 1 (E-1-1)"
    expected = [("address-hybrid", place, "address_lines", "BE04")]
    assert told(judge(hybrid, BERLIN, demands=strict)) == expected
    ours = replace(judge.batch, address=Address("Berlin", "DE", "Hinterhof", ""))
    expected = [("address-hybrid", "batch 1 (B-1)", "address_lines", "BE07")]
    assert told(judge({}, batch=ours, demands=strict)) == expected
    assert told(judge(hybrid)) == []


def test_where_it_is_demanded_the_counterparty_has_an_address(judge: Judge) -> None:
    demands = Demands(address_required=True)
    found = judge(BERLIN, {}, {"country": "FR"}, demands=demands)
    expected = [("address-required", "batch 1, payment 2 (E-1-2)", "address_parts", "BE04")]
    assert told(found, "address-required") == expected
    found = judge({}, batch=collecting(judge), demands=demands)
    assert [code for *_, code in told(found, "address-required")] == ["BE07"]


# ------------------------------------------------------------------------------------------ banks


@pytest.mark.parametrize(
    "bank",
    [
        {"agent_bic": "BNPAFRPP"},
        {"agent_bic": "BNPAFRPP", "agent_name": "BNP Paribas"},
        {"agent_bic": "BNPAFRPP", "agent_country": "FR"},
        {"agent_member": "021000021", "agent_member_scheme": "USABA", "agent_address_lines": "NY"},
        {"agent_name": "A Bank", "agent_town": "Paris", "agent_country": "FR"},
        {"intermediary_bic": "BNPAFRPP", "intermediary_address_lines": "Paris"},
    ],
)
def test_a_bank_is_known_by_bic_or_clearing_id_or_town_and_country(
    judge: Judge, bank: dict[str, str]
) -> None:
    assert told(judge(bank)) == []


@pytest.mark.parametrize(
    ("bank", "field", "code"),
    [
        ({"agent_name": "A Bank"}, "agent_name", "RC04"),
        ({"agent_name": "A Bank", "agent_town": "Paris"}, "agent_address_parts", "RC04"),
        ({"agent_address_lines": "Paris"}, "agent_address_parts", "RC04"),
        ({"intermediary_country": "FR"}, "intermediary_address_parts", "RC11"),
    ],
)
def test_a_bank_by_name_alone_is_refused(
    judge: Judge, bank: dict[str, str], field: str, code: str
) -> None:
    found = told(judge({"agent_bic": "BNPAFRPP"}, bank))
    assert found == [("agent-address", "batch 1, payment 2 (E-1-2)", field, code)]


def test_the_batchs_own_bank_is_judged_alike(judge: Judge) -> None:
    named = replace(judge.batch, agent=Agent("", "", "", "A Bank", "", NOWHERE))
    assert told(judge({}, batch=named)) == [
        ("agent-address", "batch 1 (B-1)", "agent_name", "RC03")
    ]
    there = replace(named, agent=named.agent._replace(address=Address("Paris", "FR", "", "")))
    known = replace(named, agent=named.agent._replace(bic="BNPAFRPP"))
    assert told(judge({}, batch=there)) == told(judge({}, batch=known)) == []


# -------------------------------------------------------------------------------------- countries


def test_there_are_the_countries_of_iso_and_kosovo() -> None:
    assert len(COUNTRIES) == 249 + 1
    assert {"DE", "GB", "CN", "US", "SS", "CW", "XK"} <= COUNTRIES
    assert not {"UK", "EU", "AN", "YU", "ZR", "EL", ""} & COUNTRIES


@pytest.mark.parametrize(
    ("field", "transfer", "collection"),
    [
        ("country", "BE11", "BE10"),
        ("ultimate_debtor_country", "BE10", "BE11"),
        ("ultimate_creditor_country", "BE11", "BE10"),
        ("country_of_residence", "BE14", "BE13"),
        ("agent_country", "AG06", "AG05"),
        ("intermediary_country", "AG04", "AG04"),
    ],
)
def test_a_country_that_does_not_exist_is_named(
    judge: Judge, field: str, transfer: str, collection: str
) -> None:
    wrong, place = {field: "UK"}, "batch 1, payment 2 (E-1-2)"
    found = judge({}, wrong, {field: "GB"})
    assert told(found, "country") == [("country", place, field, transfer)]
    assert messages(found, "country") == ["ISO 3166-1 has no country UK"]
    found = judge({}, wrong, batch=collecting(judge))
    assert told(found, "country") == [("country", place, field, collection)]


def test_the_countries_of_a_batch_exist(judge: Judge) -> None:
    wrong = Address("London", "UK", "", "")
    batch = replace(
        judge.batch,
        address=wrong,
        ultimate_address=wrong,
        agent=judge.batch.agent._replace(address=wrong),
    )
    place = "batch 1 (B-1)"
    assert told(judge({}, batch=batch), "country") == [
        ("country", place, "country", "BE10"),
        ("country", place, "ultimate_country", "BE10"),
        ("country", place, "agent_country", "AG05"),
    ]
