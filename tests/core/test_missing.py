"""What is missing next in the life of a payment."""

from __future__ import annotations

import pytest

from h2h.core.missing import next_of
from h2h.core.states import AT_THE_BANK, Out, Pay


@pytest.mark.parametrize(
    ("payment", "file", "uncertain", "words"),
    [
        (Pay.INSTRUCTED, Out.INVALID, False, "Nothing: its file is invalid"),
        (
            Pay.INSTRUCTED,
            Out.HELD,
            False,
            "A person's decision on its file: `h2h show f1` says why",
        ),
        (Pay.INSTRUCTED, Out.SEALED, False, "still to be delivered to the bank (sealed)"),
        (Pay.INSTRUCTED, Out.IN_DOUBT, False, "A proof that its file arrived: `h2h resolve f1`"),
        (Pay.INSTRUCTED, Out.SENT, False, "The bank's status report, then an entry on account DE1"),
        (Pay.ACCEPTED, Out.ACCEPTED, False, "An entry on account DE1"),
        (Pay.ACCEPTED, Out.ACCEPTED, True, "A person's look at the uncertain entries"),
        (Pay.REJECTED, Out.REJECTED, True, "A person's look at the uncertain entries"),
        (Pay.REJECTED, Out.REJECTED, False, "Nothing: the bank does not make it"),
        (Pay.BOOKED, Out.ACCEPTED, True, "Nothing: it is booked"),
        (Pay.RETURNED, Out.ACCEPTED, False, "Nothing: it is returned"),
    ],
)
def test_what_comes_next_is_told(payment: Pay, file: Out, uncertain: bool, words: str) -> None:
    assert words in next_of(payment, file, "f1", "DE1", uncertain=uncertain)


def test_before_the_bank_only_the_file_counts() -> None:
    for file in set(Out) - AT_THE_BANK:
        told = {next_of(payment, file, "f1", "DE1", uncertain=True) for payment in Pay}
        assert len(told) == 1


@pytest.mark.parametrize(
    ("payment", "words"),
    [
        (Pay.ACCEPTED, "The bank's answer to the recall: it is accepted"),
        (Pay.BOOKED, "The bank's answer to the recall: it is booked"),
        (Pay.RETURNED, "Nothing: it is returned"),
        (Pay.CANCELLED, "Nothing: the bank does not make it"),
    ],
)
def test_while_a_recall_is_not_answered_its_answer_comes_next(payment: Pay, words: str) -> None:
    file = Out.ACCEPTED
    assert next_of(payment, file, "f1", "DE1", uncertain=False, recalled=True) == words
