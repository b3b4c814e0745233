"""Which of our payments a booked line of an account is. What is not certain moves nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from h2h.core.books import account_key
from h2h.core.payment import NOT_PROVIDED
from h2h.core.states import PAY_MOVES, Pay

NAMELESS = frozenset({"", NOT_PROVIDED})


@dataclass(frozen=True, slots=True)
class Line:
    """One transaction behind a booked entry. `amount` is signed: a debit is negative."""

    account: str
    amount: Decimal
    currency: str
    message_id: str
    end_to_end_id: str
    return_reason: str

    @property
    def named(self) -> bool:
        """Does it name anything by which a payment or file of ours can be found?"""
        return self.end_to_end_id not in NAMELESS or self.message_id not in NAMELESS


@dataclass(frozen=True, slots=True)
class Candidate:
    """A payment of ours that was announced at the bank of the account, under the same id."""

    file_id: str
    number: int
    message_id: str
    end_to_end_id: str
    amount: Decimal
    currency: str
    account: str
    state: Pay
    collection: bool = False

    def booked_by(self, line: Line) -> bool:
        """Does the line's money go the payment's way: out, or in for a collection?"""
        return (line.amount > 0) is self.collection

    def returned_by(self, line: Line) -> bool:
        """Does its money come back, and the bank says that it is a return?"""
        return not self.booked_by(line) and bool(line.return_reason)


def the_payment(line: Line, candidates: Iterable[Candidate]) -> Candidate | None:
    """The one payment that `line` is; None when none or more than one fits."""
    if line.end_to_end_id in NAMELESS:
        return None
    fitting = [candidate for candidate in candidates if _fits(line, candidate)]
    return fitting[0] if len(fitting) == 1 else None


def _fits(line: Line, candidate: Candidate) -> bool:
    return (
        candidate.end_to_end_id == line.end_to_end_id
        and candidate.amount == line.amount.copy_abs()
        and candidate.currency == line.currency
        and account_key(candidate.account) == account_key(line.account)
        and line.message_id in {"", candidate.message_id}
        # other people's payments to us carry their own ids, which may be like ours
        and (candidate.booked_by(line) or candidate.returned_by(line))
    )


def state_after(line: Line, payment: Candidate, state: Pay) -> Pay | None:
    """Where the line leads `payment`, now in `state`; None when it leads nowhere."""
    target = Pay.RETURNED if payment.returned_by(line) else Pay.BOOKED
    return target if target in PAY_MOVES[state] else None
