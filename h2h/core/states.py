"""The states of a file and of a payment, which moves are lawful, and what delivery proves.

The tables are the law: the ledger refuses a move that is not in them, whoever asks. A payment has
no moves of its own; its state is derived from facts, so that it never matters which came first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

S = TypeVar("S", bound=StrEnum)


class Out(StrEnum):
    """The life of a payment file."""

    CLAIMING = "claiming"
    CLAIMED = "claimed"
    INVALID = "invalid"
    DUPLICATE = "duplicate"
    HELD = "held"
    VALID = "valid"
    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    SEALED = "sealed"
    STAGED = "staged"
    DELIVERING = "delivering"
    IN_DOUBT = "in_doubt"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    ACCEPTED = "accepted"
    PART_ACCEPTED = "part_accepted"
    REJECTED = "rejected"
    CANCELLED_BY_BANK = "cancelled_by_bank"
    CANCELLED = "cancelled"


class In(StrEnum):
    """The life of a bank file."""

    FETCHED = "fetched"
    OPENED = "opened"
    READ = "read"
    BOOKED = "booked"
    EXPORTING = "exporting"
    DONE = "done"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"


class Pay(StrEnum):
    """The life of one payment, as its bank tells it."""

    INSTRUCTED = "instructed"
    ACKNOWLEDGED = "acknowledged"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    BOOKED = "booked"
    RETURNED = "returned"


class How(StrEnum):
    """In what way a booked line is a payment of ours."""

    EXACT = "exact"
    BATCH = "batch"  # the payment's whole batch in one sum
    RETURN = "return"
    UNCERTAIN = "uncertain"  # for a person to look at; it counts for nothing


class Kept(StrEnum):
    """The outcome of one statement in a bank file."""

    BOOKED = "booked"
    DUPLICATE = "duplicate"
    HELD = "held"
    SUPERSEDED = "superseded"  # by a later version of the same statement
    REJECTED = "rejected"  # by a person


class Handed(StrEnum):
    """How far something that was booked is on its way to one receiver."""

    WAITING = "waiting"  # for what has to come before it
    DUE = "due"
    HANDING = "handing"
    DONE = "done"
    HELD = "held"  # some or all of it cannot be made as the receiver wants it


State = Out | In

# A file at its bank stands as its payments do. Nothing of that is final: their entries overrule
# what rejected them, and the correction of a statement what booked them.
AT_THE_BANK = frozenset(
    {Out.SENT, Out.ACKNOWLEDGED, Out.ACCEPTED, Out.PART_ACCEPTED}
    | {Out.REJECTED, Out.CANCELLED_BY_BANK}
)
_BEFORE_DELIVERING = (Out.HELD, Out.CANCELLED)


def _table(moves: Mapping[S, tuple[S, ...]]) -> Mapping[S, frozenset[S]]:
    return MappingProxyType({state: frozenset(targets) for state, targets in moves.items()})


OUT_MOVES: Mapping[Out, frozenset[Out]] = _table(
    {
        Out.CLAIMING: (Out.CLAIMED, Out.CANCELLED),  # cancelled: the file left the door before us
        Out.CLAIMED: (Out.VALID, Out.INVALID, Out.DUPLICATE, *_BEFORE_DELIVERING),
        Out.VALID: (Out.AWAITING_APPROVAL, Out.APPROVED, *_BEFORE_DELIVERING),
        Out.AWAITING_APPROVAL: (Out.APPROVED, *_BEFORE_DELIVERING),
        # back to waiting: what was approved is not what would be sealed, or under other terms
        Out.APPROVED: (Out.SEALED, Out.AWAITING_APPROVAL, *_BEFORE_DELIVERING),
        # sent: it is to go once more, as a person said, and the bank proves that it has it
        Out.SEALED: (Out.STAGED, Out.SENT, *_BEFORE_DELIVERING),
        Out.STAGED: (Out.DELIVERING, Out.SEALED, Out.SENT, *_BEFORE_DELIVERING),
        Out.DELIVERING: (Out.SENT, Out.IN_DOUBT),
        Out.IN_DOUBT: (Out.SENT, Out.SEALED),  # sealed: only a person says so
        Out.HELD: (
            *(Out.CLAIMED, Out.VALID, Out.AWAITING_APPROVAL, Out.APPROVED, Out.SEALED),
            *(Out.SENT, Out.CANCELLED),
        ),
        **{state: tuple(AT_THE_BANK - {state}) for state in AT_THE_BANK},
        Out.INVALID: (),
        Out.DUPLICATE: (),
        Out.CANCELLED: (),
    }
)

IN_MOVES: Mapping[In, frozenset[In]] = _table(
    {
        In.FETCHED: (In.OPENED, In.QUARANTINED),
        In.OPENED: (In.READ, In.QUARANTINED, In.DUPLICATE),
        In.READ: (In.BOOKED, In.DUPLICATE, In.QUARANTINED),
        In.BOOKED: (In.EXPORTING,),
        In.EXPORTING: (In.DONE,),
        In.DONE: (In.EXPORTING, In.FETCHED),  # what was released, or waited; read again
        In.DUPLICATE: (),
        In.QUARANTINED: (In.FETCHED,),  # only a person has it read again
    }
)

# What status reports can say of a payment; of two, in whatever order they came, the latter counts.
TOLD = (Pay.INSTRUCTED, Pay.ACKNOWLEDGED, Pay.ACCEPTED, Pay.CANCELLED, Pay.REJECTED)
REFUSED = frozenset({Pay.CANCELLED, Pay.REJECTED})


def pay_state(told: Pay, claims: Collection[How], *, recalled: bool = False) -> Pay:
    """Where a payment stands: by what reports `told` at most, whether the bank called it recalled,
    and by the booked lines that are it.

    Money that moved outweighs words. Only of a batch in one sum can words say that a payment was
    not in it.
    """
    if How.RETURN in claims:
        return Pay.RETURNED
    told = told_of(told, recalled=recalled)
    if How.EXACT in claims or (How.BATCH in claims and told not in REFUSED):
        return Pay.BOOKED
    return told


def told_of(told: Pay, *, recalled: bool) -> Pay:
    """What the bank says at most: in its reports, and in its answer to a recall."""
    return max(told, Pay.CANCELLED, key=TOLD.index) if recalled else told


# A file in one of these never went and never will: its identities may be used again.
NEVER_WENT = frozenset({Out.INVALID, Out.DUPLICATE, Out.CANCELLED})
# Once announced, only proof or a person moves it: nothing of it is made visible a second time.
ANNOUNCED = frozenset({Out.DELIVERING, Out.IN_DOUBT})
# A payment in one of these may still move money.
OPEN_PAYMENT = frozenset({Pay.INSTRUCTED, Pay.ACKNOWLEDGED, Pay.ACCEPTED})
BEFORE_DELIVERING = frozenset(Out) - NEVER_WENT - ANNOUNCED - AT_THE_BANK
# Their outcome is known; only what contradicts it moves them again.
SETTLED = NEVER_WENT | AT_THE_BANK - {Out.SENT, Out.ACKNOWLEDGED}
IN_FINAL = frozenset({In.DONE, In.DUPLICATE, In.QUARANTINED})  # until a person has it read again


def may_move(source: State, target: State) -> bool:
    """Is the move from `source` to `target` in the tables above?"""
    if isinstance(source, Out):
        return target in OUT_MOVES[source]
    return target in IN_MOVES[source]


class Publish(StrEnum):
    """How a bank lets a complete file become visible under its final name."""

    RENAME = "rename"  # fails when the target exists; OpenSSH: link + unlink, so not atomic
    POSIX_RENAME = "posix-rename"  # atomic, but overwrites
    DIRECT = "direct"  # uploaded under its final name, at the bank's own order


class Confirm(StrEnum):
    """What shows that a file arrived, when the answer to its delivery was lost."""

    LIST = "list"  # its name in the bank's folder, or what the bank says
    REPORT_ONLY = "report-only"  # what the bank says alone: its folder shows nothing


class Proof(StrEnum):
    """What a look at the server says about a file that was announced."""

    ARRIVED = "arrived"
    RENAME_AGAIN = "rename_again"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sighting:
    """Sizes in bytes seen on a *new* session; None means that the name is provably not there."""

    final: int | None
    temporary: int | None


def delivery_decision(
    publish: Publish, seen: Sighting, size: int, confirm: Confirm = Confirm.LIST
) -> Proof:
    """What an announced file's place on the server proves; `size` is that of our sealed bytes.

    The final name with our size proves arrival under every way of publishing, since the name was
    ours alone and absent before. A temporary that is still there permits another rename only where
    the rename is atomic: a plain rename may have linked the final name, lost it to the bank's
    collector, and left the temporary behind; renaming again would deliver twice. An absent final
    name proves nothing: the bank may have collected it. Where the bank shows nothing, nothing that
    is seen there is proof.
    """
    if confirm is Confirm.REPORT_ONLY:
        return Proof.UNKNOWN
    if seen.final == size:
        return Proof.ARRIVED
    if publish is Publish.POSIX_RENAME and seen.final is None and seen.temporary == size:
        return Proof.RENAME_AGAIN
    return Proof.UNKNOWN


def withdraws(publish: Publish) -> bool:
    """Must the temporary go before a person asks the bank about a file in doubt?

    A rename that was asked for and never answered may be performed at any later moment, also
    between the bank's "we do not have it" and our sending again. Without its temporary it cannot:
    what the bank says from then on stays true. `direct` has none.
    """
    return publish is not Publish.DIRECT


_TO_GO_AGAIN = frozenset({Out.SEALED, Out.STAGED, Out.HELD})


def proves_arrival(state: State, *, announced_before: bool) -> bool:
    """Does a message of the bank that names our file prove that it arrived?

    It does once the file was announced, also when a person has since said that it did not arrive:
    then what was sent first is there, and the second sending stops. Before any announcement it
    proves only that something is wrong.
    """
    return state in ANNOUNCED or (announced_before and state in _TO_GO_AGAIN)
