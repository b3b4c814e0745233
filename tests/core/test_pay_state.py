"""A payment's state follows from what was told of it and from the booked lines that are it."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain, combinations, product

import pytest

from h2h.core.states import TOLD, How, Pay, pay_state

CLAIMS = [*chain.from_iterable(combinations(How, number) for number in range(len(How) + 1))]


@pytest.mark.parametrize(
    ("told", "claims", "state"),
    [
        (Pay.ACCEPTED, (), Pay.ACCEPTED),
        (Pay.ACCEPTED, (How.UNCERTAIN,), Pay.ACCEPTED),
        (Pay.INSTRUCTED, (How.EXACT,), Pay.BOOKED),
        (Pay.INSTRUCTED, (How.BATCH,), Pay.BOOKED),
        (Pay.REJECTED, (How.BATCH,), Pay.REJECTED),
        (Pay.CANCELLED, (How.BATCH,), Pay.CANCELLED),
        (Pay.REJECTED, (How.BATCH, How.EXACT), Pay.BOOKED),
        (Pay.CANCELLED, (How.EXACT,), Pay.BOOKED),
        (Pay.ACCEPTED, (How.BATCH, How.RETURN), Pay.RETURNED),
        (Pay.REJECTED, (How.RETURN,), Pay.RETURNED),
    ],
)
def test_money_that_moved_outweighs_words(told: Pay, claims: tuple[How, ...], state: Pay) -> None:
    assert pay_state(told, claims) is state


def test_an_uncertain_line_counts_for_nothing() -> None:
    for told, claims in product(TOLD, CLAIMS):
        without = [how for how in claims if how is not How.UNCERTAIN]
        assert pay_state(told, claims) is pay_state(told, without)


def test_one_fact_more_leads_on_and_only_words_on_a_batch_lead_back() -> None:
    """What a payment of each state may become by one more report, or by one more line."""
    moves: dict[Pay, set[Pay]] = defaultdict(set)
    for (place, told), claims in product(enumerate(TOLD), CLAIMS):
        before = pay_state(told, claims)
        after = [pay_state(later, claims) for later in TOLD[place:]]
        after += [pay_state(told, (*claims, how)) for how in How]
        moves[before] |= {state for state in after if state is not before}
    decided = {Pay.CANCELLED, Pay.REJECTED, Pay.BOOKED, Pay.RETURNED}
    assert moves == {
        Pay.INSTRUCTED: {Pay.ACKNOWLEDGED, Pay.ACCEPTED, *decided},
        Pay.ACKNOWLEDGED: {Pay.ACCEPTED, *decided},
        Pay.ACCEPTED: decided,
        Pay.CANCELLED: {Pay.REJECTED, Pay.BOOKED, Pay.RETURNED},
        Pay.REJECTED: {Pay.BOOKED, Pay.RETURNED},
        Pay.BOOKED: {Pay.CANCELLED, Pay.REJECTED, Pay.RETURNED},
        Pay.RETURNED: set(),
    }
