"""Limits: payment, file, day; by currency, and again for a file that waited."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from h2h.core.demands import Demands, Limit
from h2h.core.problem import Severity
from h2h.core.rules import judge_limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.core.conftest import Found, Judge, Terms

HUNDRED = Decimal("100.00")


def limited(judge: Judge, gone: Mapping[str, str] | None = None, **limits: Decimal) -> Terms:
    sums = {currency: Decimal(amount) for currency, amount in (gone or {}).items()}
    return replace(judge.terms, limits={"EUR": Limit(**limits)}, gone_today=sums)


def of(found: Sequence[Found], rule: str) -> list[Found]:
    return [each for each in found if each.rule == rule]


def test_a_payment_above_the_banks_limit_is_refused_at_its_place(judge: Judge) -> None:
    terms = limited(judge, payment=HUNDRED)
    payments = ({"amount": "100"}, {"amount": "100.01"}, {"amount": "500", "currency": "USD"})
    (problem,) = of(judge(*payments, terms=terms), "largest-payment")
    assert problem.severity is Severity.ERROR
    assert (problem.place, problem.field) == ("batch 1, payment 2 (E-1-2)", "amount")
    assert problem.message == "100.01 EUR is more than the 100.00 that one payment may have"


def test_the_lower_of_the_banks_and_the_schemes_limit_counts(judge: Judge) -> None:
    scheme = Demands(largest_payment=Decimal(50))
    paid = ({"amount": "50"}, {"amount": "51"})
    for terms in (judge.terms, limited(judge, payment=HUNDRED), limited(judge, day=HUNDRED * 9)):
        (problem,) = of(judge(*paid, terms=terms, demands=scheme), "largest-payment")
        assert problem.message.startswith("51 EUR is more than the 50 ")


def test_an_amount_that_cannot_be_read_hides_no_other(judge: Judge) -> None:
    paid = ({"amount": "1e9"}, {"amount": "101"}, {"amount": "x"})
    found = judge(*paid, terms=limited(judge, payment=HUNDRED), chunk=3)
    assert [each.place for each in of(found, "largest-payment")] == ["batch 1, payment 2 (E-1-2)"]


@given(st.lists(st.decimals(min_value=0, max_value=200, places=2), min_size=1, max_size=9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_every_payment_above_the_limit_is_found(judge: Judge, amounts: list[Decimal]) -> None:
    paid = [{"amount": str(amount)} for amount in amounts]
    found = of(judge(*paid, terms=limited(judge, payment=HUNDRED)), "largest-payment")
    assert len(found) == sum(amount > HUNDRED for amount in amounts)


@pytest.mark.parametrize(("most", "refused"), [(1, True), (2, False), (None, False)])
def test_more_payments_than_the_bank_takes_are_refused(
    judge: Judge, most: int | None, *, refused: bool
) -> None:
    terms = replace(judge.terms, most_payments=most)
    found = of(judge({}, {"amount": "7"}, terms=terms), "most-payments")
    assert [(each.place, each.field) for each in found] == [("header", "transactions")] * refused


def test_the_sums_of_a_file_are_limited_by_currency(judge: Judge) -> None:
    terms = limited(judge, file=HUNDRED)
    paid = ({"amount": "60"}, {"amount": "900", "currency": "USD"})
    assert of(judge(*paid, {"amount": "40"}, terms=terms), "file-total") == []
    (problem,) = of(judge(*paid, {"amount": "40.01"}, terms=terms), "file-total")
    assert problem.severity is Severity.ERROR
    assert "100.01 EUR are more than the 100.00" in problem.message


def test_what_went_today_counts_against_the_limit_of_the_day(judge: Judge) -> None:
    paid = {"amount": "40"}
    for gone, held in (({"EUR": "60"}, False), ({"EUR": "60.01"}, True), ({"USD": "900"}, False)):
        found = of(judge(paid, terms=limited(judge, gone, day=HUNDRED)), "day-total")
        assert [each.severity for each in found] == [Severity.HOLD] * held


def test_a_sum_that_cannot_be_told_is_no_matter_of_limits(judge: Judge) -> None:
    terms = limited(judge, file=HUNDRED, day=HUNDRED)
    found = judge({"amount": "x"}, {"amount": "900"}, terms=terms)
    assert not {"file-total", "day-total"} & {each.rule for each in found}


def test_a_file_that_waited_is_judged_by_what_is_kept_of_it(judge: Judge) -> None:
    terms = replace(
        limited(judge, {"EUR": "100"}, file=HUNDRED, day=HUNDRED * 2),
        most_payments=2,
        severities={"file-total": Severity.WARN},
    )
    problems = judge_limits(3, {"EUR": Decimal("100.01"), "USD": HUNDRED}, terms, judge.today)
    assert [(each.rule, each.severity, each.code) for each in problems] == [
        ("most-payments", Severity.ERROR, "AM18"),
        ("file-total", Severity.WARN, "AM14"),
        ("day-total", Severity.HOLD, "AM14"),
    ]
    assert [(each.found, each.expected) for each in problems] == [
        ("3", "2"),
        ("100.01", "100.00"),
        ("200.01", "200.00"),
    ]
    assert judge_limits(2, {"EUR": HUNDRED}, terms, judge.today) == ()
