"""Identities: ids that come twice, in flat memory, and payments that are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from h2h.core.payment import Batch
from h2h.core.problem import Severity
from h2h.core.rules.identity import Repeated

if TYPE_CHECKING:
    from tests.core.conftest import Fields, Found, Judge

UETR = "9f1c0001-0b1d-4e2f-8a3b-000000000001"
INVOICE = {"remittance": "Invoice 4711"}


def told(found: list[Found], rule: str) -> list[tuple[str, str, str, Severity]]:
    return [(f.place, f.field, f.code, f.severity) for f in found if f.rule == rule]


def messages(found: list[Found], rule: str) -> list[str]:
    return [each.message for each in found if each.rule == rule]


def second(judge: Judge, **other: object) -> Batch:
    return replace(judge.batch, index=2, id="B-2", **other)  # type: ignore[arg-type]  # its fields


# -------------------------------------------------------------------------------------- ids twice


@pytest.mark.parametrize(
    ("rule", "field", "text", "code", "severity"),
    [
        ("end-to-end-id", "end_to_end_id", "INV-1", "AM05", Severity.WARN),
        ("instruction-id", "instruction_id", "I-1", "DU05", Severity.WARN),
        ("uetr", "uetr", UETR, "DU03", Severity.ERROR),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_an_id_that_comes_twice_names_both_places(
    judge: Judge, rule: str, field: str, text: str, code: str, severity: Severity, chunk: int
) -> None:
    again = {field: text, "amount": "7"}
    batches = [(judge.batch, [{field: text}, {}, again]), (second(judge), [again])]
    found = judge.batches(batches, chunk=chunk)
    ids = {"end_to_end_id": text}.get(field)
    assert told(found, rule) == [
        (f"batch 1, payment 3 ({ids or 'E-1-3'})", field, code, severity),
        (f"batch 2, payment 1 ({ids or 'E-2-1'})", field, code, severity),
    ]
    assert messages(found, rule) == [f"{text} was given before, in batch 1, payment 1"] * 2


@pytest.mark.parametrize(
    ("rule", "field", "exempt"),
    [
        ("end-to-end-id", "end_to_end_id", "NOTPROVIDED"),
        ("instruction-id", "instruction_id", "NOTPROVIDED"),
        ("instruction-id", "instruction_id", ""),
        ("uetr", "uetr", ""),
    ],
)
def test_what_says_that_there_is_no_id_may_come_often(
    judge: Judge, rule: str, field: str, exempt: str
) -> None:
    own = {field: "OWN"}
    assert told(judge({field: exempt}, own, {field: exempt}), rule) == []
    assert len(told(judge({field: exempt}, own, {field: exempt}, own), rule)) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from("ABCDEFGH"), max_size=12))
def test_exactly_the_repeated_ids_are_found(judge: Judge, ids: Sequence[str]) -> None:
    found = judge(*({"instruction_id": each} for each in ids), chunk=3)
    expected = [number for number, each in enumerate(ids, 1) if each in ids[: number - 1]]
    places = [place for place, *_ in told(found, "instruction-id")]
    assert places == [f"batch 1, payment {number} (E-1-{number})" for number in expected]


def test_of_many_values_those_that_repeat_are_found_by_their_hashes() -> None:
    repeated = Repeated()
    repeated.add(range(100_000))
    assert repeated.suspects() == frozenset()
    repeated.add([99_999, 7, 7, 200_000])
    assert repeated.suspects() == {hash(7), hash(99_999)}


def test_of_very_many_repeated_values_a_thousand_are_looked_up() -> None:
    repeated = Repeated()
    for _ in range(2):
        repeated.add(range(5000))
    assert len(repeated.suspects()) == 1000


# ------------------------------------------------------------------------------------- batch ids


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_a_batch_id_that_comes_twice_is_refused(judge: Judge, chunk: int) -> None:
    payments: list[Fields] = [{}, {"amount": "7"}, {"amount": "8"}]
    third = replace(judge.batch, index=3)
    batches = [(judge.batch, payments), (second(judge), payments), (third, payments)]
    found = judge.batches(batches, chunk=chunk)
    assert told(found, "batch-id") == [("batch 3 (B-1)", "id", "DU02", Severity.ERROR)]
    assert messages(found, "batch-id") == ["B-1 is also the id of batch 1"]


def test_one_batch_in_many_chunks_is_one(judge: Judge) -> None:
    payments = [{"amount": str(number)} for number in range(1, 8)]
    found = judge.batches([(judge.batch, payments), (second(judge), payments)], chunk=2)
    assert told(found, "batch-id") == []


# ------------------------------------------------------------------------------------------ twins


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_a_twin_holds_the_file_and_names_the_other(judge: Judge, chunk: int) -> None:
    found = judge(INVOICE, {"amount": "1", **INVOICE}, {**INVOICE, "amount": "10.5"}, chunk=chunk)
    place = "batch 1, payment 3 (E-1-3)"
    assert told(found, "twin-payment") == [(place, "", "AM05", Severity.HOLD)]
    assert messages(found, "twin-payment") == [
        "the same accounts, amount, date and remittance as batch 1, payment 1"
    ]


@pytest.mark.parametrize(
    "different",
    [
        {"amount": "10.51"},
        {"currency": "USD"},
        {"iban": "DE89370400440532013000"},
        {"iban": "", "number": "4711"},
        {"remittance": "Invoice 4712"},
        {"reference": "RF18539007547034"},
    ],
)
def test_what_differs_in_money_account_or_words_is_no_twin(
    judge: Judge, different: dict[str, str]
) -> None:
    assert told(judge(INVOICE, {**INVOICE, **different}), "twin-payment") == []
    twice = judge(INVOICE, {**INVOICE, **different}, {**INVOICE, **different})
    assert len(told(twice, "twin-payment")) == 1


def test_names_and_ids_do_not_make_a_difference(judge: Judge) -> None:
    other = {**INVOICE, "name": "Supplier Ltd", "instruction_id": "I", "uetr": UETR}
    assert len(told(judge(INVOICE, other), "twin-payment")) == 1


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_twins_in_two_batches_run_on_the_same_account_and_day(judge: Judge, chunk: int) -> None:
    def twins(batch: Batch) -> list[str]:
        batches = [(judge.batch, [INVOICE]), (batch, [INVOICE])]
        return [place for place, *_ in told(judge.batches(batches, chunk=chunk), "twin-payment")]

    assert twins(second(judge)) == ["batch 2, payment 1 (E-2-1)"]
    assert twins(second(judge, account="FR1420041010050500013M02606")) == []
    assert twins(second(judge, requested_execution_date=date(2026, 11, 24))) == []


def test_the_same_number_at_another_bank_is_another_account(judge: Judge) -> None:
    one = {**INVOICE, "iban": "", "number": "4711", "agent_bic": "BKCHCNBJ"}
    other = {**one, "agent_bic": "ICBKCNBJ"}
    clearing = {**one, "agent_bic": "", "agent_member": "102100099996"}
    elsewhere = {**clearing, "agent_member": "104100000004"}
    assert told(judge(one, other, clearing, elsewhere), "twin-payment") == []
    assert len(told(judge(one, other, clearing, one), "twin-payment")) == 1


def test_cheques_without_an_account_go_by_the_name(judge: Judge) -> None:
    cheque = {**INVOICE, "iban": ""}
    assert told(judge({**cheque, "name": "A"}, {**cheque, "name": "B"}), "twin-payment") == []
    assert len(told(judge({**cheque, "name": "A"}, {**cheque, "name": "A"}), "twin-payment")) == 1


def test_without_remittance_the_id_tells_payments_apart(judge: Judge) -> None:
    assert told(judge({}, {}), "twin-payment") == []
    nothing = {"end_to_end_id": "NOTPROVIDED"}
    assert len(told(judge(nothing, INVOICE, nothing), "twin-payment")) == 1
    referred = {"reference": "RF18539007547034"}
    assert len(told(judge(referred, INVOICE, referred), "twin-payment")) == 1
