"""Which payments a person should look at before they go a second time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from h2h.core.duplicates import (
    Match,
    keys,
    normalised_remittance,
    same_bytes,
    same_message,
    similar_payment,
)
from h2h.core.payment import Address, Agent, Batch, Payment
from h2h.core.problem import Severity

NOWHERE = Address("", "", "", "")
BATCH = Batch(
    index=1,
    id="B1",
    method="TRF",
    name="Acme",
    account="DE89370400440532013000",
    iban="DE89370400440532013000",
    account_currency="EUR",
    agent=Agent("", "", "", "", "", NOWHERE),
    requested_execution_date=date(2026, 1, 5),
    service_level="",
    local_instrument="",
    category_purpose="",
    charge_bearer="",
    transactions=None,
    control_sum=None,
    address=NOWHERE,
)
RENT = Payment(
    batch=BATCH,
    index=1,
    instruction_id="I1",
    end_to_end_id="E1",
    uetr="",
    amount=Decimal("950.00"),
    currency="EUR",
    counterparty_name="Landlord",
    counterparty_account="FR1420041010050500013M02606",
    counterparty_agent="",
    reference="",
    remittance="Rent January",
    purpose="",
)


def test_a_second_run_of_the_erp_has_the_same_similar_key_and_another_exact_one() -> None:
    batch = replace(BATCH, id="B2", index=4, requested_execution_date=date(2026, 1, 9))
    again = replace(RENT, batch=batch, index=7, instruction_id="I2", end_to_end_id="E2", uetr="u")
    assert keys(again).similar == keys(RENT).similar
    assert keys(again).exact != keys(RENT).exact


@pytest.mark.parametrize(
    "words", ["RENT JANUARY", "rent-january", " Rent  January\n", "\uff32ent January"]
)
def test_remittances_that_differ_by_accident_are_the_same(words: str) -> None:
    assert keys(replace(RENT, remittance=words)).similar == keys(RENT).similar


@pytest.mark.parametrize("words", ["Rent February", "Rent January 2", "房租一月"])
def test_remittances_that_say_something_else_are_not(words: str) -> None:
    assert keys(replace(RENT, remittance=words)).similar != keys(RENT).similar


def test_a_structured_reference_counts_as_remittance() -> None:
    referred = replace(RENT, remittance="", reference="RF18 5390 0754 7034")
    assert normalised_remittance(referred) == "rf18539007547034"
    assert keys(referred).described


@pytest.mark.parametrize(
    "changed",
    [
        replace(RENT, amount=Decimal("950.01")),
        replace(RENT, amount=Decimal(9500)),
        replace(RENT, currency="CHF"),
        replace(RENT, counterparty_account="FR76"),
        replace(RENT, batch=replace(BATCH, account="DE02")),
    ],
)
def test_other_money_or_accounts_change_both_keys(changed: Payment) -> None:
    assert keys(changed).similar != keys(RENT).similar
    assert keys(changed).exact != keys(RENT).exact


def test_money_in_is_not_like_money_out() -> None:
    collected = replace(RENT, batch=replace(BATCH, method="DD"))
    assert keys(collected).similar != keys(RENT).similar
    assert keys(collected).exact != keys(RENT).exact


def test_the_same_amount_written_otherwise_is_the_same() -> None:
    for text in ("950", "950.0", "9.5E+2"):
        assert keys(replace(RENT, amount=Decimal(text))) == keys(RENT)


@pytest.mark.parametrize("name", ["NOTPROVIDED", ""])
def test_without_an_end_to_end_id_there_is_no_exact_key(name: str) -> None:
    assert keys(replace(RENT, end_to_end_id=name)).exact is None


def test_texts_cannot_run_into_each_other() -> None:
    one = replace(RENT, counterparty_account="AB", currency="C")
    two = replace(RENT, counterparty_account="A", currency="BC")
    assert keys(one).similar != keys(two).similar


def test_a_payment_without_words_is_not_described() -> None:
    assert not keys(replace(RENT, remittance=" - / ")).described


@pytest.mark.parametrize(
    ("exact", "described", "waived", "severity"),
    [
        (True, True, False, Severity.HOLD),
        (True, False, False, Severity.HOLD),
        (False, True, False, Severity.HOLD),
        (False, False, False, Severity.WARN),
        (True, True, True, Severity.WARN),
    ],
)
def test_a_match_asks_for_a_person_unless_it_says_little_or_was_waived(
    *, exact: bool, described: bool, waived: bool, severity: Severity
) -> None:
    match = Match("f1", 3, "payment 2 (E1), EUR 950.00", exact, described)
    problem = similar_payment(match, waived=waived)
    assert (problem.rule, problem.severity) == ("similar-payment", severity)
    assert problem.message.startswith("payment 2 (E1), EUR 950.00 and 2 more: the same accounts")
    assert problem.message.endswith("as in file f1")


def test_the_same_bytes_are_no_error_and_a_reused_message_id_is_one() -> None:
    assert same_bytes("f1").severity is Severity.INFO
    assert same_message("M1", "f1").severity is Severity.ERROR
    assert "M1" in same_message("M1", "f1").message
