"""What somebody types is read as the things that it may be."""

from __future__ import annotations

from datetime import date

import pytest

from h2h.core.search import after_all, day_of, lower, sought


@pytest.mark.parametrize(
    ("text", "first", "currency"),
    [
        ("48210", "48210.00", ""),
        ("48,210.00", "48210.00", ""),
        ("48.210,00", "48210.00", ""),
        ("48 210,5", "48210.50", ""),
        ("48'210.50", "48210.50", ""),
        ("1,204,000", "1204000.00", ""),
        ("1,204", "1204.00", ""),
        ("EUR 990", "990.00", "EUR"),
        ("990.00 eur", "990.00", "EUR"),
        ("JPY 990", "990", "JPY"),
        ("KWD 1.250", "1.250", "KWD"),
    ],
)
def test_an_amount_is_read_as_people_write_it(text: str, first: str, currency: str) -> None:
    assert (sought(text).amounts[0], sought(text).currency) == (first, currency)


def test_an_amount_may_have_been_written_with_more_or_fewer_decimals() -> None:
    assert set(sought("12.50").amounts) == {"12.5", "12.50", "12.500", "12.5000"}
    assert set(sought("12").amounts) == {"12", "12.0", "12.00", "12.000", "12.0000"}
    assert sought("0.12345").amounts == ("0.12345",)


@pytest.mark.parametrize("text", ["payrun", "XXX 10", "1" * 40, ",", "12-11", "INV-2026-0101", ""])
def test_what_is_no_amount_is_none(text: str) -> None:
    assert sought(text).amounts == ()


def test_an_account_is_found_however_it_is_spaced() -> None:
    assert sought(" de89 3704\n0044 ").account == "DE8937040044"
    assert lower("ÄBC ß") == "Äbc ß"


def test_a_beginning_ends_before_what_does_not_begin_so() -> None:
    assert "pay" < "payrun" < after_all("pay") <= "paz"


@pytest.mark.parametrize("text", ["2026-11-23", "23.11.2026", "23 Nov 2026", "2026年11月23日"])
def test_a_day_is_read_in_the_forms_in_which_it_is_told(text: str) -> None:
    assert day_of(text) == date(2026, 11, 23)


@pytest.mark.parametrize("text", ["2026-13-01", "31.02.2026", "23 Foo 2026", "20261123", ""])
def test_what_is_no_day_is_none(text: str) -> None:
    assert day_of(text) is None
