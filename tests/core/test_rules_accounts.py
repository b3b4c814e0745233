"""Our own accounts: by IBAN, or by number and bank code; and their currency."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from h2h.core.payment import Batch
    from tests.core.conftest import Found, Judge


def numbered(judge: Judge, bic: str = "", member: str = "") -> Batch:
    system = "USABA" if member else ""
    agent = judge.batch.agent._replace(bic=bic, member=member, member_scheme=system)
    return replace(judge.batch, account="000123", iban="", agent=agent, account_currency="USD")


def told(judge: Judge, batch: Batch, *accounts: tuple[str, str, str]) -> list[Found]:
    ours = tuple(judge.account(number, currency, code) for number, code, currency in accounts)
    return judge({}, batch=batch, terms=replace(judge.terms, accounts=ours))


OURS = ("000123", "021000021", "USD")


@pytest.mark.parametrize(
    ("bic", "member", "ours"),
    [
        ("", "021000021", True),
        ("", "0210 00021", True),
        ("CHASUS33", "021000021", True),
        ("CHASUS33", "", True),  # nothing to compare
        ("", "026009593", False),
        ("CHASUS33", "026009593", False),
        ("", "", False),
    ],
)
def test_an_account_by_number_is_ours_only_with_its_bank_code(
    judge: Judge, bic: str, member: str, *, ours: bool
) -> None:
    found = told(judge, numbered(judge, bic, member), OURS, ("9", "026009593", "USD"))
    wrong = [(each.place, each.field) for each in found if each.rule == "debtor-account"]
    assert wrong == ([] if ours else [("batch 1 (B-1)", "agent")])


def test_one_number_may_be_ours_at_two_bank_codes(judge: Judge) -> None:
    other = ("000123", "026009593", "USD")
    for member in ("021000021", "026009593"):
        assert told(judge, numbered(judge, member=member), OURS, other) == []


def test_the_currency_of_our_account_is_that_of_the_configuration(judge: Judge) -> None:
    batch = numbered(judge, member="021000021")
    (problem,) = told(judge, replace(batch, account_currency="EUR"), OURS)
    assert (problem.rule, problem.field) == ("account-currency", "account_currency")
    assert problem.message == "our account 000123 is in USD, not in EUR"
    assert told(judge, replace(batch, account_currency=""), OURS) == []


def test_an_account_may_be_kept_in_several_currencies(judge: Judge) -> None:
    ours = [(judge.batch.account, "", currency) for currency in ("USD", "EUR")]
    assert told(judge, judge.batch, *ours) == []
    found = told(judge, replace(judge.batch, account_currency="GBP"), *ours)
    assert [each.message for each in found] == [
        f"our account {judge.batch.account} is in EUR, USD, not in GBP"
    ]


def test_an_account_by_iban_needs_no_bank_code(judge: Judge) -> None:
    agent = judge.batch.agent._replace(bic="", member="37040044", member_scheme="DEBLZ")
    for named in (agent, agent._replace(member="", member_scheme="")):
        found = told(judge, replace(judge.batch, agent=named), (judge.batch.account, "", "EUR"))
        assert "debtor-account" not in {each.rule for each in found}


def test_an_iban_in_small_letters_is_read_like_any_other(judge: Judge) -> None:
    right, wrong = "FR1420041010050500013m02606", "FR1420041010050500014m02606"
    found = judge({}, {"iban": right}, {"iban": wrong}, chunk=3)
    places = [each.place for each in found if each.rule == "iban"]
    assert places == ["batch 1, payment 3 (E-1-3)"]


@pytest.mark.parametrize("field", ["agent_iban", "intermediary_iban"])
def test_the_ibans_of_banks_between_are_checked_too(judge: Judge, field: str) -> None:
    wrong = "DE89370400440532013001"
    (found,) = judge({field: wrong}, {field: "DE89370400440532013000"}, {})
    assert (found.rule, found.place, found.field) == ("iban", "batch 1, payment 1 (E-1-1)", field)
    (second,) = judge({field: f"DE89370400440532013000\n{wrong}"})
    assert wrong in second.message


@pytest.mark.parametrize("field", ["charges_iban", "agent_iban"])
def test_the_other_ibans_of_a_batch_are_checked_too(judge: Judge, field: str) -> None:
    batch = replace(judge.batch, **{field: "DE89370400440532013001"})  # type: ignore[arg-type]  # as named
    (found,) = judge({}, batch=batch)
    assert (found.rule, found.place, found.field) == ("iban", "batch 1 (B-1)", field)
