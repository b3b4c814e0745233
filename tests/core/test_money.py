"""Money is exact."""

from __future__ import annotations

from decimal import Decimal, Inexact

import pytest
from hypothesis import given
from hypothesis import strategies as st

from h2h.core import money


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10.50", "10.50"),
        (" 1\n", "1"),
        ("+7.", "7"),
        (".5", "0.5"),
        ("0", "0"),
        ("0" * 99 + "1." + "0" * 99, "1"),
    ],
)
def test_an_amount_is_read_as_xml_schema_writes_it(text: str, value: str) -> None:
    assert money.amount(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1e2",
        "-1",
        "1,5",
        "NaN",
        "1_000",
        "٣",
        "1 0",
        ".",
        "1" + "0" * 18,
        "0." + "0" * 18 + "1",
    ],
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        money.amount(text)


@given(st.lists(st.integers(min_value=0, max_value=10**18 - 1), max_size=50))
def test_a_sum_of_amounts_loses_no_cent(cents: list[int]) -> None:
    amounts = [Decimal(value).scaleb(-5) for value in cents]
    assert money.total(amounts) * 100_000 == sum(cents)


def test_a_sum_that_would_be_rounded_is_refused() -> None:
    with pytest.raises(Inexact):
        money.total([Decimal(10) ** 60, Decimal("0.01")])


def test_a_sum_of_more_digits_than_a_decimal_usually_keeps_is_exact() -> None:
    assert money.plain(money.total([Decimal(10) ** 30, Decimal("0.01")])) == f"1{0:030}.01"


def test_ten_tenths_are_one() -> None:
    assert money.total([Decimal("0.1")] * 10) == 1


@pytest.mark.parametrize(
    ("currency", "decimals"), [("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("CNY", 2)]
)
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, decimals: int) -> None:
    assert money.decimals_of(currency) == decimals


@pytest.mark.parametrize(("value", "used"), [("1.500", 1), ("100", 0), ("0.00", 0), ("1.05", 2)])
def test_trailing_zeros_are_no_decimals(value: str, used: int) -> None:
    assert money.decimals_used(Decimal(value)) == used


def test_every_currency_with_its_own_decimals_is_in_the_list() -> None:
    assert set(money.DECIMALS) <= money.CURRENCIES


def test_currencies_that_ended_are_not_in_the_list() -> None:
    assert not {"DEM", "HRK", "BGN", "ANG", "ZWL", "SLL", "XXX"} & money.CURRENCIES
