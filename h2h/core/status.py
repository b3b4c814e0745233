"""What a payment status report says of our files and payments (pain.002)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: an ISO external status reason code, or the bank's own, and its words."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class PaymentStatus:
    """One payment's answer. `status` is "" when the report gives none at this level."""

    instruction_id: str
    end_to_end_id: str
    status: str
    reasons: tuple[Reason, ...]
    amount: str  # of the original, as written; "" when absent
    currency: str
    servicer_reference: str


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """One batch's answer, with the payments it lists (often only those that differ)."""

    id: str
    status: str
    reasons: tuple[Reason, ...]
    payments: tuple[PaymentStatus, ...]


@dataclass(frozen=True, slots=True)
class StatusReport:
    """One pain.002. The payment's status counts, else its batch's, else the group's."""

    message_id: str
    created: str
    original_message_id: str
    original_message: str  # "pain.001.001.09", as the bank wrote it
    group_status: str
    reasons: tuple[Reason, ...]
    batches: tuple[BatchStatus, ...]
