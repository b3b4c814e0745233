"""What a payment status report says of our files and payments (pain.002)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from h2h.core.money import amount
from h2h.core.payment import NOT_PROVIDED
from h2h.core.states import OUT_MOVES, PAY_MOVES, Out, Pay


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


class Meaning(StrEnum):
    """What a status code says of a payment."""

    ACKNOWLEDGED = "acknowledged"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    BLOCKED = "blocked"
    PARTLY = "partly"  # of a group or batch: each payment has its own
    UNKNOWN = "unknown"


# ISO external payment group and transaction status codes. The last six are the answers of a
# verification of payee (EPC218-23): the payment's own answer still comes.
_CODES = {
    Meaning.ACKNOWLEDGED: "RCVD ACTC PDNG PATC ACFW RCVC RVCM RVNC RVNM RVMC RVNA",
    Meaning.ACCEPTED: "ACCP ACFC ACWC ACSP ACPD ACWP ACSC ACCC",
    Meaning.REJECTED: "RJCT",
    Meaning.CANCELLED: "CANC",
    Meaning.BLOCKED: "BLCK",
    Meaning.PARTLY: "PART",
}
MEANINGS: Mapping[str, Meaning] = MappingProxyType(
    {code: meaning for meaning, codes in _CODES.items() for code in codes.split()}
)
_STATES = {
    Meaning.ACKNOWLEDGED: Pay.ACKNOWLEDGED,
    Meaning.ACCEPTED: Pay.ACCEPTED,
    Meaning.REJECTED: Pay.REJECTED,
    Meaning.CANCELLED: Pay.CANCELLED,
}
MOST_ALARMS = 20  # of one report
KNOWN_AT_BANK = "known-at-bank"  # the rule that holds a file which its bank names too early
_NOT_GIVEN = frozenset({"", NOT_PROVIDED})
# "Duplicate message", "duplication" and "duplicate payment" (ISO external status reasons).
_DUPLICATE = frozenset({"DU01", "AM05", "DUPL"})


@dataclass(frozen=True, slots=True)
class PaymentKey:
    """By what a report names one of our payments, and where that payment stands now."""

    number: int  # its place in the file, from 1
    batch_id: str
    instruction_id: str
    end_to_end_id: str
    amount: str  # plain decimal string
    state: Pay


@dataclass(frozen=True, slots=True)
class PaymentTarget:
    """What a report does to one payment: its state from now on, the bank's code, and why."""

    number: int
    state: Pay
    code: str
    reason: str  # "AC04 closed account number", "" when none was given


@dataclass(frozen=True, slots=True)
class Effect:
    """What a report does: a target for each payment it speaks of, and what a person must see."""

    targets: tuple[PaymentTarget, ...]
    alarms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Said:
    """A status, what it means for one payment, and its reasons, from whatever level."""

    code: str
    meaning: Meaning
    reasons: tuple[Reason, ...]


def meaning_of(code: str) -> Meaning:
    """What a status code means; UNKNOWN when no table has it."""
    return MEANINGS.get(code, Meaning.UNKNOWN)


def reason_words(reasons: Iterable[Reason]) -> str:
    """Reasons as one line: `AC04 closed account number; AM02`."""
    return "; ".join(" ".join(filter(None, (r.code, r.words))) for r in reasons)


def answers_duplicate(report: StatusReport) -> bool:
    """Does the bank refuse the whole file as one that it has already?

    For a file that was sent again with the same bytes, that is proof that the first one arrived.
    """
    codes = {reason.code for reason in report.reasons}
    return meaning_of(report.group_status) is Meaning.REJECTED and bool(codes & _DUPLICATE)


def payment_targets(
    report: StatusReport, payments: Sequence[PaymentKey], *, rejects_only: bool
) -> Effect:
    """What `report` does to the payments of the file that it names.

    A payment's own status counts, else its batch's, else the group's. Under PART, payments not
    listed stay as they were, unless the bank reports rejects only: then they are accepted. What
    fits more than one payment, or none, moves nothing and is an alarm.
    """
    effect = _Effects(payments)
    listed: set[int] = set()
    for batch in report.batches:
        for status in batch.payments:
            listed |= effect.listed(batch, status, _first_given(status, batch, report))
    batches = {batch.id: batch for batch in report.batches}
    for payment in payments:
        if payment.number not in listed:
            said = _first_given(batches.get(payment.batch_id), report)
            effect.apply(payment, _unlisted(said, rejects_only=rejects_only))
    effect.unknown_batches(report)
    return effect.done()


def _first_given(*levels: PaymentStatus | BatchStatus | StatusReport | None) -> _Said | None:
    """The status of the first level that has one; the levels go outward."""
    for level in levels:
        code = level.group_status if isinstance(level, StatusReport) else level and level.status
        if level and code:
            return _Said(code, meaning_of(code), level.reasons)
    return None


def _unlisted(said: _Said | None, *, rejects_only: bool) -> _Said | None:
    """What PART says of a payment that it does not list."""
    if said is None or said.meaning is not Meaning.PARTLY:
        return said
    return _Said(said.code, Meaning.ACCEPTED, ()) if rejects_only else None


class _Effects:
    """Collects what a report does, payment by payment, each from where the last one left it."""

    def __init__(self, payments: Sequence[PaymentKey]) -> None:
        self.payments = payments
        self.by_id: dict[str, list[PaymentKey]] = {}
        for payment in payments:
            for name in {payment.end_to_end_id, payment.instruction_id} - _NOT_GIVEN:
                self.by_id.setdefault(name, []).append(payment)
        self.targets: dict[int, PaymentTarget] = {}
        self.alarms: dict[str, None] = {}  # in order, each once

    def listed(self, batch: BatchStatus, status: PaymentStatus, said: _Said | None) -> set[int]:
        """Apply a listed payment's status; the numbers of the payments it may mean."""
        name = status.end_to_end_id
        if name in _NOT_GIVEN:
            name = status.instruction_id
        found = matching(self.by_id.get(name, ()), batch, status)
        if len(found) == 1:
            self.apply(found[0], said)
        else:
            fits = f"{len(found)} of our payments" if found else "none of our payments"
            self.alarm(f"{said.code if said else 'no status'} for payment {name!r} fits {fits}")
        return {payment.number for payment in found}

    def apply(self, payment: PaymentKey, said: _Said | None) -> None:
        if said is None:
            return
        before = self.targets.get(payment.number)
        after = self.next_state(payment, before.state if before else payment.state, said)
        if after is not None:
            reason = reason_words(said.reasons)
            self.targets[payment.number] = PaymentTarget(payment.number, after, said.code, reason)

    def next_state(self, payment: PaymentKey, state: Pay, said: _Said) -> Pay | None:
        """Where the status leads from `state`; None when it is overtaken or impossible."""
        target = _STATES.get(said.meaning)
        if target is None:
            self.puzzled(payment, said)
            return state  # the code is recorded, and moves nothing
        if target is state or target in PAY_MOVES[state]:
            return target
        if not _overtaken(state, target):
            self.alarm(f"{said.code} contradicts: payment {_name(payment)} is {state.value}")
        return None

    def puzzled(self, payment: PaymentKey, said: _Said) -> None:
        if said.meaning is Meaning.BLOCKED:
            self.alarm(f"{said.code}: the bank blocks payment {_name(payment)}")
        else:
            self.alarm(f"{said.code} is no known status of a payment; it moves nothing")

    def unknown_batches(self, report: StatusReport) -> None:
        ours = {payment.batch_id for payment in self.payments}
        for batch in report.batches:
            if batch.status and batch.id not in ours:
                self.alarm(
                    f"{batch.status} for batch {batch.id or 'without an id'}: not in our file"
                )

    def alarm(self, words: str) -> None:
        self.alarms[words] = None

    def done(self) -> Effect:
        alarms = list(self.alarms)
        if len(alarms) > MOST_ALARMS:
            alarms[MOST_ALARMS:] = [f"and {len(alarms) - MOST_ALARMS} more of the kind"]
        return Effect(tuple(self.targets[n] for n in sorted(self.targets)), tuple(alarms))


def _overtaken(state: Pay, target: Pay) -> bool:
    """Is it only old news? Reports come in any order; a contradiction is something else."""
    known_better = target is Pay.ACCEPTED and state in {Pay.BOOKED, Pay.RETURNED}
    return target is Pay.ACKNOWLEDGED or known_better


def _name(payment: PaymentKey) -> str:
    return f"{payment.number} ({payment.end_to_end_id})"


def matching(
    payments: Iterable[PaymentKey], batch: BatchStatus, status: PaymentStatus
) -> list[PaymentKey]:
    """The payments that a listed one may mean: by all ids it gives, and by amount if need be."""
    found = [
        payment
        for payment in payments
        if _agree(batch.id, payment.batch_id)
        and _agree(status.end_to_end_id, payment.end_to_end_id)
        and (not payment.instruction_id or _agree(status.instruction_id, payment.instruction_id))
    ]
    if status.instruction_id not in _NOT_GIVEN:
        found = [p for p in found if p.instruction_id == status.instruction_id] or found
    if len(found) > 1:
        found = [p for p in found if _same_amount(p.amount, status.amount)] or found
    return found


def _agree(given: str, ours: str) -> bool:
    """An id that the report does not give excludes nobody."""
    return given in _NOT_GIVEN or given == ours


def _same_amount(ours: str, theirs: str) -> bool:
    try:
        return amount(ours) == amount(theirs)
    except ValueError:
        return False


def file_state(states: Collection[Pay], current: Out) -> Out | None:
    """The state of a file that follows from its payments'; None when it stays as it is."""
    target = _file_state({_STANDS.get(state, state) for state in states})
    return target if target is not None and target in OUT_MOVES[current] else None


# For its file, a booked or returned payment was accepted.
_STANDS = {Pay.BOOKED: Pay.ACCEPTED, Pay.RETURNED: Pay.ACCEPTED}


def _file_state(stands: Collection[Pay]) -> Out | None:
    if not stands or set(stands) == {Pay.INSTRUCTED}:
        return None
    if set(stands) == {Pay.ACCEPTED}:
        return Out.ACCEPTED
    if set(stands) == {Pay.CANCELLED}:
        return Out.CANCELLED_BY_BANK
    if set(stands) <= {Pay.REJECTED, Pay.CANCELLED}:
        return Out.REJECTED
    if Pay.ACCEPTED in stands and set(stands) & {Pay.REJECTED, Pay.CANCELLED}:
        return Out.PART_ACCEPTED
    return Out.ACKNOWLEDGED
