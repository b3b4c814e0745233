"""Which payment of ours a booked line is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from h2h.core.matching import Candidate, Line, state_after, the_payment
from h2h.core.states import Pay

OURS = "DE89370400440532013000"
TRANSFER = Candidate("f1", 1, "MSG-1", "INV-1", Decimal("100.00"), "EUR", OURS, Pay.ACCEPTED)
COLLECTION = replace(TRANSFER, file_id="f2", collection=True)
DEBIT = Line(OURS, Decimal("-100.00"), "EUR", "", "INV-1", "")
CREDIT = replace(DEBIT, amount=Decimal("100.00"))


def test_a_transfer_is_booked_by_a_debit_and_a_collection_by_a_credit() -> None:
    both = (TRANSFER, COLLECTION)
    assert the_payment(DEBIT, both) is TRANSFER
    assert the_payment(CREDIT, both) is COLLECTION
    assert state_after(DEBIT, TRANSFER, Pay.ACCEPTED) is Pay.BOOKED
    assert state_after(CREDIT, COLLECTION, Pay.ACCEPTED) is Pay.BOOKED


def test_a_return_comes_back_the_other_way_with_a_reason() -> None:
    returned, charged_back = (replace(line, return_reason="AC04") for line in (CREDIT, DEBIT))
    assert the_payment(returned, [TRANSFER]) is TRANSFER
    assert state_after(returned, TRANSFER, Pay.BOOKED) is Pay.RETURNED
    assert the_payment(charged_back, [COLLECTION]) is COLLECTION
    assert state_after(charged_back, COLLECTION, Pay.BOOKED) is Pay.RETURNED


def test_somebody_elses_payment_to_us_with_the_same_id_is_none_of_ours() -> None:
    assert the_payment(CREDIT, [TRANSFER]) is None
    assert the_payment(DEBIT, [COLLECTION]) is None


@pytest.mark.parametrize(
    "other",
    [
        {"amount": Decimal("-100.01")},
        {"currency": "CHF"},
        {"account": "NL91ABNA0417164300"},
        {"end_to_end_id": "NOTPROVIDED"},
        {"message_id": "MSG-2"},
    ],
)
def test_a_line_that_differs_is_none_of_ours(other: dict[str, object]) -> None:
    assert the_payment(replace(DEBIT, **other), [TRANSFER]) is None  # type: ignore[arg-type]  # as named above


def test_two_payments_that_both_fit_are_left_to_a_person() -> None:
    assert the_payment(DEBIT, [TRANSFER, replace(TRANSFER, number=2)]) is None
