"""What a payment status report says of our files and payments (pain.002)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from h2h.core.books import moment
from h2h.core.money import amount
from h2h.core.payment import NOT_PROVIDED
from h2h.core.states import AT_THE_BANK, REFUSED, TOLD, Out, Pay


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
    payee_name: str = ""  # the creditor's, as the report has it


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


# Verification of the payee (EPC218-23), as ISO's external status codes have it. Of a payment: full
# match, close match, no match, not applicable; of all: not yet complete, complete with mismatches
# (some banks write RCVM). None of these accepts or rejects: the bank's answer still comes.
FULL_MATCH = "RCVC"
_NOT_THE_PAYEE = frozenset({"RVMC", "RVNM", "RVNA"})
_SOME_NOT = frozenset({"RVCM", "RCVM"})
_OF_A_PAYEE = frozenset({FULL_MATCH, "RVNC", *_NOT_THE_PAYEE})
_MORE_SIGNATURES = "PATC"  # some have authorised at the bank, others have to

# ISO external payment group and transaction status codes.
_CODES = {
    Meaning.ACKNOWLEDGED: "RCVD ACTC PDNG PATC ACFW RCVC RVCM RCVM RVNC RVNM RVMC RVNA",
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


class Payee(NamedTuple):
    """What the bank found when it compared the payee's name; of two the greater one counts."""

    at: str = ""  # when the report was made, as text that sorts
    check: str = ""  # FULL_MATCH, or one of the other codes
    name: str = ""  # the account's real one, as far as the bank tells it


_NO_PAYEE = Payee()


@dataclass(frozen=True, slots=True)
class PaymentKey:
    """By what a report names one of our payments, and what reports have told of it so far."""

    number: int  # its place in the file, from 1
    batch_id: str
    instruction_id: str
    end_to_end_id: str
    amount: str  # plain decimal string
    state: Pay  # one of TOLD: the most that was told
    at: str = ""  # when the report that told it was made, as text that sorts
    code: str = ""  # by which the bank told it
    reason: str = ""  # "AC04 closed account number", "" when none was given
    booked: bool = False  # an entry is exactly it
    servicer_reference: str = ""
    payee: Payee = _NO_PAYEE

    @property
    def weight(self) -> tuple[int, str, str, str]:
        """Of two tellings the weightier counts, in whatever order they come."""
        return TOLD.index(self.state), self.at, self.code, self.reason


class Fact(NamedTuple):
    """What a report says at one of its levels: of a payment, of a batch, of the whole file."""

    number: int  # the payment's; 0 above that level
    batch_id: str  # "" for the whole file
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What a report does: what is new of each payment, what it says, what a person must see.

    `waiting` are the codes for which somebody must authorise or cancel at the bank; `references`
    the bank's own of payments, by their number.
    """

    targets: tuple[PaymentKey, ...]
    alarms: tuple[str, ...]
    facts: tuple[Fact, ...] = ()
    waiting: tuple[str, ...] = ()
    references: frozenset[tuple[int, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class _Said:
    """A status, what it means for one payment, and its reasons, from whatever level."""

    code: str
    meaning: Meaning
    reasons: tuple[Reason, ...]
    payee_name: str = ""

    @property
    def payee_check(self) -> str:
        """The result of a verification of the payee, also where it is the reason of a status."""
        codes = (self.code, *(reason.code for reason in self.reasons))
        return next((code for code in codes if code in _OF_A_PAYEE), "")


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


def usable(original_message_id: str) -> bool:
    """May a report's original message id be one? Banks fill in words where they have none."""
    return original_message_id.upper() not in _NO_MESSAGE


_NO_MESSAGE = frozenset({*_NOT_GIVEN, "UNKNOWN", "UNKN", "NONREF", "NOTAVAILABLE", "NONE", "N/A"})


def payment_targets(
    report: StatusReport, payments: Sequence[PaymentKey], *, rejects_only: bool
) -> Effect:
    """What `report` does to the payments of the file that it names.

    A payment's own status counts, else its batch's, else the group's. Under PART, payments not
    listed stay as they were, unless the bank reports rejects only: then they are accepted. What
    fits more than one payment, or none, moves nothing and is an alarm. Of all that is ever told of
    a payment the weightiest counts, so reports may come in any order.
    """
    effect = _Effects(payments, moment(report.created))
    effect.above(report)
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
            name = level.payee_name if isinstance(level, PaymentStatus) else ""
            return _Said(code, meaning_of(code), level.reasons, name)
    return None


def _unlisted(said: _Said | None, *, rejects_only: bool) -> _Said | None:
    """What PART says of a payment that it does not list."""
    if said is None or said.meaning is not Meaning.PARTLY:
        return said
    return _Said(said.code, Meaning.ACCEPTED, ()) if rejects_only else None


class _Effects:
    """Collects what a report does, payment by payment, each from where the last one left it."""

    def __init__(self, payments: Sequence[PaymentKey], at: str) -> None:
        self.payments = payments
        self.at = at
        self.by_id: dict[str, list[PaymentKey]] = {}
        for payment in payments:
            for name in {payment.end_to_end_id, payment.instruction_id} - _NOT_GIVEN:
                self.by_id.setdefault(name, []).append(payment)
        self.targets: dict[int, PaymentKey] = {}
        self.alarms: dict[str, None] = {}  # in order, each once
        self.facts: list[Fact] = []
        self.waiting: set[str] = set()
        self.references: set[tuple[int, str]] = set()

    def above(self, report: StatusReport) -> None:
        """Note what is said above the payments."""
        levels = [("", report.group_status, report.reasons)]
        levels += [(batch.id, batch.status, batch.reasons) for batch in report.batches]
        for batch_id, code, reasons in levels:
            if code or reasons:
                self.facts.append(Fact(0, batch_id, code, reason_words(reasons)))
            if code in _SOME_NOT or code == _MORE_SIGNATURES:
                self.waiting.add(code)

    def listed(self, batch: BatchStatus, status: PaymentStatus, said: _Said | None) -> set[int]:
        """Apply a listed payment's status; the numbers of the payments it may mean."""
        name = status.end_to_end_id
        if name in _NOT_GIVEN:
            name = status.instruction_id
        found = matching(self.by_id.get(name, ()), batch, status)
        if len(found) == 1:
            self.refer(found[0], status)
            self.apply(found[0], said)
        else:
            fits = f"{len(found)} of our payments" if found else "none of our payments"
            self.alarm(f"{said.code if said else 'no status'} for payment {name!r} fits {fits}")
        return {payment.number for payment in found}

    def refer(self, payment: PaymentKey, status: PaymentStatus) -> None:
        """Note what stands beside a payment's status: by what its entry will be known."""
        if status.status or status.reasons:
            words = reason_words(status.reasons)
            self.facts.append(Fact(payment.number, payment.batch_id, status.status, words))
        if status.servicer_reference:
            self.references.add((payment.number, status.servicer_reference))
        before = self.now(payment)
        if status.servicer_reference > before.servicer_reference:
            self.keep(replace(before, servicer_reference=status.servicer_reference))

    def apply(self, payment: PaymentKey, said: _Said | None) -> None:
        if said is None:
            return
        before = self.now(payment)
        target = _STATES.get(said.meaning)
        if target is None:
            self.puzzled(payment, said)
        else:
            self.compare(before, said, target)
        reason = reason_words(said.reasons)
        told = replace(
            before, state=target or Pay.INSTRUCTED, at=self.at, code=said.code, reason=reason
        )
        after = max(before, told, key=lambda payment: payment.weight)
        self.keep(replace(after, payee=max(before.payee, self.payee(said))))

    def payee(self, said: _Said) -> Payee:
        check = said.payee_check
        if said.code == _MORE_SIGNATURES or check in _NOT_THE_PAYEE:
            self.waiting.add(check or said.code)
        if not check:
            return _NO_PAYEE
        words = " ".join(reason.words for reason in said.reasons if reason.words)
        return Payee(self.at, check, "" if check == FULL_MATCH else words or said.payee_name)

    def compare(self, payment: PaymentKey, said: _Said, target: Pay) -> None:
        """An alarm for what cannot both be true, whichever is told first.

        A rejection after the acceptance is the bank's good right; the other way round it is not.
        """
        name, state = _name(payment), payment.state
        refused, after = target in REFUSED, self.at >= payment.at
        if refused and payment.booked:
            self.alarm(f"{said.code} contradicts: payment {name} is booked")
        elif {target, state} == REFUSED or (target is Pay.ACCEPTED and state in REFUSED and after):
            self.alarm(f"{said.code} contradicts: payment {name} is {state.value}")
        elif refused and state is Pay.ACCEPTED and self.at <= payment.at:
            self.alarm(f"{said.code} contradicts: payment {name} was accepted after it")

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

    def now(self, payment: PaymentKey) -> PaymentKey:
        return self.targets.get(payment.number, payment)

    def keep(self, payment: PaymentKey) -> None:
        self.targets[payment.number] = payment

    def alarm(self, words: str) -> None:
        self.alarms[words] = None

    def done(self) -> Effect:
        before = {payment.number: payment for payment in self.payments}
        changed = (self.targets[n] for n in sorted(self.targets) if self.targets[n] != before[n])
        alarms = shortened(list(self.alarms))
        waiting = tuple(sorted(self.waiting))
        references = frozenset(self.references)
        return Effect(tuple(changed), alarms, tuple(self.facts), waiting, references)


def shortened(alarms: Sequence[str]) -> tuple[str, ...]:
    """No more of them than a person reads."""
    if len(alarms) <= MOST_ALARMS:
        return tuple(alarms)
    return (*alarms[:MOST_ALARMS], f"and {len(alarms) - MOST_ALARMS} more of the kind")


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
    if current not in AT_THE_BANK or not states:
        return None
    target = _file_state({_STANDS.get(state, state) for state in states})
    return target if target is not current else None


# For its file, a booked or returned payment was accepted.
_STANDS = {Pay.BOOKED: Pay.ACCEPTED, Pay.RETURNED: Pay.ACCEPTED}


def _file_state(stands: Collection[Pay]) -> Out:
    if set(stands) == {Pay.INSTRUCTED}:
        return Out.SENT
    if set(stands) == {Pay.ACCEPTED}:
        return Out.ACCEPTED
    if set(stands) == {Pay.CANCELLED}:
        return Out.CANCELLED_BY_BANK
    if set(stands) <= REFUSED:
        return Out.REJECTED
    if Pay.ACCEPTED in stands and set(stands) & REFUSED:
        return Out.PART_ACCEPTED
    return Out.ACKNOWLEDGED
