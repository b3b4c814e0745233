"""Characters: every one that is not taken is found, whatever its field, with its place."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from h2h.core.demands import Demands, Profile
from h2h.core.payment import Address
from h2h.core.problem import Severity

if TYPE_CHECKING:
    from tests.core.conftest import Found, Judge

LATIN = "A-Za-z0-9/?:().,'+ -"
SEPA = Demands(characters=LATIN, plain_ids=True)
SWISS = Demands(characters=" -~\u00a0-\u017f\u0218-\u021b€")


def told(found: list[Found], rule: str = "characters") -> list[tuple[str, str, str]]:
    return [(each.place, each.field, each.code) for each in found if each.rule == rule]


def messages(found: list[Found], rule: str = "characters") -> list[str]:
    return [each.message for each in found if each.rule == rule]


def test_the_first_strange_character_of_a_field_is_named_with_its_position(judge: Judge) -> None:
    found = judge({"name": "Supplier"}, {"name": "Jürgen Größe"}, demands=SEPA)
    assert told(found) == [("batch 1, payment 2 (E-1-2)", "name", "RR10")]
    assert messages(found) == ["the character ü (U+00FC) at position 2 is not taken: Jürgen Größe"]
    assert found[0].severity is Severity.ERROR


def test_each_field_of_a_payment_is_told_once(judge: Judge) -> None:
    found = judge({"name": "& & ü", "remittance": "50 % & 3 %", "town": "Köln"}, demands=SEPA)
    assert sorted(field for _, field, _ in told(found)) == ["name", "remittance", "town"]


@pytest.mark.parametrize(
    "field",
    [
        *("instruction_id", "end_to_end_id", "mandate_id", "reference", "name", "town"),
        *("address_lines", "address_parts", "number", "remittance", "regulatory_information"),
        *("agent_member", "agent_name", "agent_town", "agent_address_lines"),
        *("agent_address_parts", "intermediary_member", "intermediary_town"),
        *("intermediary_address_lines", "intermediary_address_parts"),
        *("ultimate_debtor", "ultimate_debtor_town", "ultimate_debtor_address_lines"),
        *("ultimate_debtor_address_parts", "ultimate_creditor", "ultimate_creditor_town"),
        *("ultimate_creditor_address_lines", "ultimate_creditor_address_parts"),
    ],
)
def test_every_text_that_reaches_the_bank_is_read(judge: Judge, field: str) -> None:
    found = judge({field: "good"}, {field: "b#d"}, demands=SEPA)
    assert [(place[:18], name) for place, name, _ in told(found)] == [("batch 1, payment 2", field)]
    assert "the character # (U+0023) at position 2" in messages(found)[0]


@pytest.mark.parametrize(
    "field",
    ["address_lines", "address_parts", "remittance", "reference", "regulatory_information"],
)
def test_the_position_is_that_in_its_own_line(judge: Judge, field: str) -> None:
    assert told(judge({field: "one\ntwo"}, demands=SEPA)) == []
    found = judge({field: "one\ntwo & three\nfour"}, demands=SEPA)
    assert messages(found) == ["the character & (U+0026) at position 5 is not taken: two & three"]


@pytest.mark.parametrize(
    ("character", "words"), [("\n", "U+000A"), ("\t", "U+0009"), ("\u200b", "U+200B")]
)
def test_a_character_that_cannot_be_seen_is_named_by_its_number(
    judge: Judge, character: str, words: str
) -> None:
    found = judge({"name": f"Ac{character}me"}, demands=SEPA)
    assert f"the character {words} at position 3" in messages(found)[0]


def test_letters_beyond_ascii_are_taken_where_they_are_listed(judge: Judge) -> None:
    good = {"name": "Müller & Ștefan", "remittance": "Größe\n5 €"}
    assert told(judge(good, demands=SWISS)) == []
    found = judge(good, {"remittance": "Größe\n丸"}, demands=SWISS)
    assert told(found) == [("batch 1, payment 2 (E-1-2)", "remittance", "RR10")]
    assert "丸 (U+4E38) at position 1" in messages(found)[0]


def test_where_nothing_is_demanded_everything_is_taken(judge: Judge) -> None:
    assert told(judge({"name": "丸"}, header=replace(judge.header, message_id="丸"))) == []


def test_only_the_payments_of_the_scheme_are_judged(judge: Judge) -> None:
    terms = replace(judge.terms, profile=Profile(by_service_level={"SEPA": SEPA}))
    found = judge({"name": "ü"}, {"name": "ü", "service_level": "SEPA"}, terms=terms)
    assert told(found) == [("batch 1, payment 2 (E-1-2)", "name", "RR10")]


def test_batch_and_header_are_read_too(judge: Judge) -> None:
    address = Address("Köln", "DE", "Hof\nTür", "Straße")
    batch = replace(
        judge.batch,
        id="B#1",
        name="Ä",
        ultimate_name="Ö",
        address=address,
        agent=judge.batch.agent._replace(name="Ü", address=address._replace(town="Genève")),
        ultimate_address=address._replace(town="Zürich"),
        creditor_scheme_id="ß",
    )
    header = replace(judge.header, message_id="M#", party_name="é")
    found = judge({}, batch=batch, header=header, demands=SEPA)
    fields = [field for place, field, _ in told(found) if place.startswith("batch")]
    assert sorted(fields) == sorted(
        [
            *("id", "name", "ultimate_name", "agent_name", "creditor_scheme_id"),
            *("town", "address_lines", "address_parts"),
            *("agent_town", "agent_address_lines", "agent_address_parts"),
            *("ultimate_town", "ultimate_address_lines", "ultimate_address_parts"),
        ]
    )
    assert [each for each in told(found) if each[0] == "header"] == [
        ("header", "message_id", "RR10"),
        ("header", "party_name", "RR10"),
    ]
    words = {each.field: each.message for each in found if each.rule == "characters"}
    assert words["address_lines"] == "the character ü (U+00FC) at position 2 is not taken: Tür"
    assert words["town"].endswith("Köln")
    assert words["agent_town"].endswith("Genève")
    assert words["ultimate_town"].endswith("Zürich")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.text("aZ9 -+'ü€\n\t&", max_size=6), min_size=1, max_size=5))
def test_the_place_is_that_of_a_plain_search(judge: Judge, names: list[str]) -> None:
    taken = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/?:().,'+ -")
    expected = [
        f"batch 1, payment {number} (E-1-{number})"
        for number, name in enumerate(names, 1)
        if set(name) - taken
    ]
    found = judge(*({"name": name} for name in names), demands=SEPA)
    assert [place for place, *_ in told(found)] == expected


# ---------------------------------------------------------------------------------------- slashes


@pytest.mark.parametrize("field", ["instruction_id", "end_to_end_id", "reference", "mandate_id"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/INV", "/INV begins or ends with a slash"),
        ("INV/", "INV/ begins or ends with a slash"),
        ("IN//V", "IN//V has two slashes together"),
    ],
)
def test_sepa_ids_have_no_slash_at_their_ends_and_no_two_together(
    judge: Judge, field: str, text: str, words: str
) -> None:
    found = judge({field: "INV/7/A"}, {field: text}, demands=SEPA)
    assert [(name, code) for _, name, code in told(found, "id-slashes")] == [(field, "CH16")]
    assert messages(found, "id-slashes") == [words]
    assert told(judge({field: text}), "id-slashes") == []


def test_the_ids_of_batch_and_header_are_judged_alike(judge: Judge) -> None:
    batch = replace(judge.batch, id="B//1", creditor_scheme_id="/DE98")
    header = replace(judge.header, message_id="M/")
    found = judge({}, batch=batch, header=header, demands=SEPA)
    assert told(found, "id-slashes") == [
        ("batch 1 (B//1)", "id", "CH16"),
        ("batch 1 (B//1)", "creditor_scheme_id", "CH16"),
        ("header", "message_id", "CH16"),
    ]
