"""Amounts: the quick look at many finds what a look at each finds."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from h2h.core.money import decimals_of, decimals_used

if TYPE_CHECKING:
    from tests.core.conftest import Judge

AMOUNTS = st.decimals(min_value=0, max_value=10**6, places=5).map(
    lambda amount: f"{amount.normalize():f}" if amount.as_tuple().digits[-1] % 2 else f"{amount:f}"
)
CURRENCIES = st.sampled_from(["EUR", "JPY", "KWD", "CLF", "USD"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(AMOUNTS, CURRENCIES), min_size=1, max_size=6), st.integers(1, 6))
def test_decimals_that_a_currency_lacks_are_found_among_any_others(
    judge: Judge, paid: list[tuple[str, str]], chunk: int
) -> None:
    fields = [{"amount": amount, "currency": currency} for amount, currency in paid]
    found = [each for each in judge(*fields, chunk=chunk) if each.rule == "currency-decimals"]
    wrong = [
        f"batch 1, payment {at} (E-1-{at})"
        for at, (amount, currency) in enumerate(paid, 1)
        if decimals_used(Decimal(amount)) > decimals_of(currency)
    ]
    assert [each.place for each in found] == wrong


def test_trailing_zeros_and_unreadable_amounts_are_no_decimals(judge: Judge) -> None:
    fields = [{"amount": "1.50000"}, {"amount": "1.5.00001"}, {"amount": ""}]
    found = {each.rule for each in judge(*fields, chunk=3)}
    assert not found & {"currency-decimals", "amount-positive"}
