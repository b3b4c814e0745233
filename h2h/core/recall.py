"""A recall: what we ask our bank to take back (camt.055), and what it answers (camt.029).

A payment is recalled only when its bank says so: CNCL for the case, or ACCR for the payment itself.
Whatever is less clear than that is recorded and moves nothing, since who believes in a recall that
did not happen pays again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from h2h.core.payment import NOT_PROVIDED
from h2h.core.states import OUT_MOVES, Out
from h2h.core.status import (
    MOST_ALARMS,
    BatchStatus,
    Meaning,
    PaymentKey,
    PaymentStatus,
    Reason,
    StatusReport,
    matching,
    meaning_of,
    reason_words,
)

# ISO external cancellation reason codes, as far as a customer has use for them.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "CUST": "requested by the customer",
        "DUPL": "paid twice",
        "AM09": "wrong amount",
        "CURR": "wrong currency",
        "AC03": "wrong account of the creditor",
        "AGNT": "wrong bank",
        "UPAY": "was not due",
        "CUTA": "it cannot be applied",
        "TECH": "technical problem",
        "FRAD": "fraud",
    }
)
USUAL_REASON = "CUST"
MESSAGE = "camt.055.001.08"
_PREFIX = "H2H-"  # of our own message ids, which no ERP's looks like


def message_id(file_id: str) -> str:
    """The message id of the recall that is file `file_id`; it is the id of the case, too."""
    return _PREFIX + file_id


class Scope(StrEnum):
    """How much of a payment file is asked back."""

    FILE = "file"
    BATCH = "batch"
    PAYMENTS = "payments"


@dataclass(frozen=True, slots=True)
class Recall:
    """What is asked of the bank: a whole payment file, whole batches of it, or payments.

    `numbers` are the places in the file, from 1, of the payments that are asked back; a batch is
    meant by any of its payments.
    """

    message_id: str
    created: datetime
    code: str  # a key of REASONS
    words: str  # why, as the person said it
    scope: Scope
    numbers: frozenset[int]


class Answer(StrEnum):
    """What the bank has said of one payment that was asked back."""

    ASKED = "asked"  # nothing yet
    PENDING = "pending"
    RECALLED = "recalled"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Resolution:
    """One camt.029. What it says is nearest at the payment, then its batch, the group, the case.

    `references` are the ids by which it may name a recall of ours. Payments that it lists outside
    of any batch stand in a batch without an id.
    """

    message_id: str
    created: str
    references: tuple[str, ...]
    original_message_id: str  # of the payment file
    confirmation: str  # of the case: CNCL, RJCR, PDCR, ...
    group_status: str
    reasons: tuple[Reason, ...]
    batches: tuple[BatchStatus, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """A payment that was asked back: by what the bank names it, and its answer so far."""

    payment: PaymentKey
    answer: Answer


@dataclass(frozen=True, slots=True)
class Answered:
    """What a resolution does to one payment: the answer from now on, the code, and why."""

    number: int
    answer: Answer
    code: str
    reason: str  # "LEGL court order", "" when none was given


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a resolution does to the payments it speaks of, and what a person must see."""

    answered: tuple[Answered, ...]
    alarms: tuple[str, ...]


class _Meaning(StrEnum):
    RECALLED = "recalled"
    REFUSED = "refused"
    PENDING = "pending"
    PARTLY = "partly"  # of a group or case: each payment has its own


# ISO external investigation execution confirmation codes (the case) and cancellation status codes
# (group, batch, payment). CWFW: the cancellation will follow. Any other is about something else.
_MEANINGS = {
    "CNCL": _Meaning.RECALLED,
    "ACCR": _Meaning.RECALLED,
    "RJCR": _Meaning.REFUSED,
    "PDCR": _Meaning.PENDING,
    "CWFW": _Meaning.PENDING,
    "PECR": _Meaning.PARTLY,
    "PACR": _Meaning.PARTLY,
}
_CONFIRMED = "CNCL"
# Of two answers, in whatever order they came, the one further on in this line counts.
_STRENGTH = (Answer.ASKED, Answer.PENDING, Answer.RECALLED, Answer.REFUSED)
_NOT_GIVEN = frozenset({"", NOT_PROVIDED})


def outcome(resolution: Resolution, asked: Sequence[Asked]) -> Outcome:
    """What `resolution` does to the payments that its recall asked back.

    A refusal at any level wins over an acceptance, and an alarm tells of it. Where the bank lists
    payments, CNCL for the case speaks for those it does not list only with ACCR for the group.
    """
    reading = _Reading(resolution, asked)
    reading.listed()
    reading.unlisted()
    return reading.outcome()


class _Reading:
    """Collects what a resolution says, payment by payment."""

    def __init__(self, resolution: Resolution, asked: Sequence[Asked]) -> None:
        self._resolution = resolution
        self._lists = any(batch.payments for batch in resolution.batches)
        self._asked = {each.payment.number: each for each in asked}
        self._by_id: dict[str, list[PaymentKey]] = {}
        for each in asked:
            for name in {each.payment.end_to_end_id, each.payment.instruction_id} - _NOT_GIVEN:
                self._by_id.setdefault(name, []).append(each.payment)
        self._named: set[int] = set()
        self._answered: dict[int, Answered] = {}
        self._alarms: dict[str, None] = {}  # in order, each once

    def listed(self) -> None:
        """The payments that the bank names."""
        for batch in self._resolution.batches:
            for status in batch.payments:
                name = _name(status)
                found = matching(self._by_id.get(name, ()), batch, status)
                self._named |= {payment.number for payment in found}
                if len(found) == 1:
                    self._apply(found[0], _Said.of(self._resolution, batch, status))
                else:
                    fits = f"{len(found)} payments" if found else "no payment"
                    self._alarm(f"{status.status or 'an answer'} for {name!r} fits {fits} of it")

    def unlisted(self) -> None:
        """The payments that it does not name: what was said of their batch, or of all."""
        batches = {batch.id: batch for batch in self._resolution.batches if batch.id}
        for number, each in self._asked.items():
            if number not in self._named:
                batch = batches.get(each.payment.batch_id)
                said = _Said.of(self._resolution, batch, None)
                self._apply(each.payment, said, among_others=self._lists)

    def outcome(self) -> Outcome:
        """All that was found; of the alarms no more than a person reads."""
        alarms = list(self._alarms)
        if len(alarms) > MOST_ALARMS:
            alarms[MOST_ALARMS:] = [f"and {len(alarms) - MOST_ALARMS} more of the kind"]
        return Outcome(tuple(self._answered[n] for n in sorted(self._answered)), tuple(alarms))

    def _apply(self, payment: PaymentKey, said: _Said, *, among_others: bool = False) -> None:
        name = f"payment {payment.number} ({payment.end_to_end_id})"
        for words in said.doubts(name):
            self._alarm(words)
        decided = said.decided(among_others=among_others)
        if decided is None:
            return
        code, answer = decided
        before = self._before(payment.number)
        if {before, answer} == {Answer.RECALLED, Answer.REFUSED}:
            self._alarm(f"{code} contradicts an earlier answer: {name} counts as refused")
        if _STRENGTH.index(answer) > _STRENGTH.index(before):
            reason = reason_words(said.reasons)
            self._answered[payment.number] = Answered(payment.number, answer, code, reason)

    def _before(self, number: int) -> Answer:
        answered = self._answered.get(number)
        return answered.answer if answered else self._asked[number].answer

    def _alarm(self, words: str) -> None:
        self._alarms[words] = None


@dataclass(frozen=True, slots=True)
class _Said:
    """The codes that speak of one payment, "" where none is given, and the nearest reasons."""

    own: str
    batch: str
    group: str
    case: str
    reasons: tuple[Reason, ...]

    @classmethod
    def of(
        cls, resolution: Resolution, batch: BatchStatus | None, payment: PaymentStatus | None
    ) -> _Said:
        levels = (payment, batch, resolution)
        return cls(
            own=payment.status if payment else "",
            batch=batch.status if batch else "",
            group=resolution.group_status,
            case=resolution.confirmation,
            reasons=next((level.reasons for level in levels if level and level.reasons), ()),
        )

    def decided(self, *, among_others: bool) -> tuple[str, Answer] | None:
        """The code that decides and the answer it gives; None when nothing is decided."""
        if code := self._first(_Meaning.REFUSED):
            return code, Answer.REFUSED
        if _MEANINGS.get(self.own) is _Meaning.RECALLED:
            return self.own, Answer.RECALLED
        if code := self._first(_Meaning.PENDING):
            return code, Answer.PENDING
        if self._confirmed and (not among_others or self._accepted_above):
            return self.case, Answer.RECALLED
        return None

    def doubts(self, name: str) -> Iterator[str]:
        """What a person must see of the payment that is called `name`."""
        for code in self._given:
            if code not in _MEANINGS:
                yield f"{code} is no known answer to a recall; it moves nothing"
        said = " and ".join(self._given)
        pending = self._first(_Meaning.PENDING)
        if self._first(_Meaning.REFUSED):
            if self._first(_Meaning.RECALLED):
                yield f"{said} contradict each other: {name} counts as refused"
        elif pending and self.case == _CONFIRMED:
            yield f"{said} contradict each other: {name} counts as pending"
        elif self._accepted_above and not (self.own or pending or self._confirmed):
            yield f"{said} without CNCL for the case: {name} is not recalled"

    @property
    def _given(self) -> list[str]:
        return [code for code in (self.own, self.batch, self.group, self.case) if code]

    @property
    def _confirmed(self) -> bool:
        """CNCL for the case, and nothing nearer that says otherwise."""
        meanings = {_MEANINGS.get(code) for code in self._given}
        return self.case == _CONFIRMED and meanings == {_Meaning.RECALLED}

    @property
    def _accepted_above(self) -> bool:
        return _Meaning.RECALLED in {_MEANINGS.get(self.batch), _MEANINGS.get(self.group)}

    def _first(self, meaning: _Meaning) -> str:
        """The nearest code with this meaning, "" when there is none."""
        return next((code for code in self._given if _MEANINGS.get(code) is meaning), "")


def _name(status: PaymentStatus) -> str:
    given = status.end_to_end_id
    return status.instruction_id if given in _NOT_GIVEN else given


def recall_state(answers: Collection[Answer], current: Out) -> Out | None:
    """The state of the recall's own file by its payments' answers; None: it stays as it is."""
    target = _recall_state(set(answers))
    return target if target is not None and target in OUT_MOVES[current] else None


def reported_state(report: StatusReport, current: Out) -> Out | None:
    """Where a status report on the recall itself leads; None: it stays where it is.

    Whatever it accepts is the message, to be looked into; what comes of it an answer tells.
    """
    meaning = meaning_of(report.group_status)
    if meaning is Meaning.REJECTED and current in {Out.SENT, Out.ACKNOWLEDGED}:
        return Out.REJECTED
    if meaning in {Meaning.ACKNOWLEDGED, Meaning.ACCEPTED} and current is Out.SENT:
        return Out.ACKNOWLEDGED
    return None


def _recall_state(answers: Collection[Answer]) -> Out | None:
    if not answers or set(answers) == {Answer.ASKED}:
        return None
    if set(answers) == {Answer.RECALLED}:
        return Out.ACCEPTED
    if set(answers) == {Answer.REFUSED}:
        return Out.REJECTED
    return Out.PART_ACCEPTED if Answer.RECALLED in answers else Out.ACKNOWLEDGED
