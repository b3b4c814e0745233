"""When two payments are the same, or so alike that a person should look.

A second run of an ERP gives new message ids, new EndToEndIds and new dates, so bytes and ids alone
do not find a payment that is instructed twice. Two keys do: the exact one (accounts, amount,
EndToEndId) and the similar one (accounts, amount, remittance). Honest twins exist, two equal rents
in a month, so a match holds the file for a person and refuses nothing.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass

from h2h.core.money import plain
from h2h.core.payment import NOT_PROVIDED, Payment
from h2h.core.problem import Problem, Severity
from h2h.core.words import say

FILE, MESSAGE, SIMILAR = "duplicate-file", "duplicate-message", "similar-payment"
REFUSED = "already-refused"


@dataclass(frozen=True, slots=True)
class Keys:
    """What a payment is found again by: 16 bytes each. `exact` is None without an EndToEndId.

    `described` is False when there is no remittance: then `similar` says so little that a match
    is only mentioned.
    """

    exact: bytes | None
    similar: bytes
    described: bool


def keys(payment: Payment) -> Keys:
    """The two keys of a payment."""
    what = (
        payment.batch.account,
        payment.counterparty_account,
        plain(payment.amount.normalize()),
        payment.currency,
        *(("collection",) if payment.batch.collection else ()),  # money in is not money out
    )
    named = payment.end_to_end_id not in {"", NOT_PROVIDED}
    words = normalised_remittance(payment)
    return Keys(
        _digest(*what, "id", payment.end_to_end_id) if named else None,
        _digest(*what, "remittance", words),
        bool(words),
    )


def normalised_remittance(payment: Payment) -> str:
    """Reference and remittance without what differs by accident: case, width, blanks, dashes."""
    text = unicodedata.normalize("NFKC", payment.reference + payment.remittance)
    return "".join(filter(str.isalnum, text.casefold()))


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).digest()


def same_bytes(other: str) -> Problem:
    """The very same file was dropped before: nothing is wrong, and nothing is sent."""
    return Problem(
        FILE,
        Severity.INFO,
        say("already processed: the same bytes came as file {other}", other=other),
        say("Nothing to do. To pay again on purpose, make a new file with a new message id."),
        code="DU01",
    )


def same_message(message_id: str, other: str) -> Problem:
    """The same message id with other content."""
    return Problem(
        MESSAGE,
        Severity.ERROR,
        say(
            "message id {message_id} was used by file {other} with other content",
            message_id=message_id,
            other=other,
        ),
        say("The ERP must give every new file a new message id; compare the two files first."),
        say("message id"),
        code="DU01",
    )


def already_refused(message_id: str, other: str) -> Problem:
    """The ERP was told by a status report that this message is rejected: it may have paid anew."""
    return Problem(
        REFUSED,
        Severity.HOLD,
        say(
            "a status report told the ERP that message {message_id} is rejected (file {other}), so "
            "it may have paid its items anew",
            message_id=message_id,
            other=other,
        ),
        say("Look in the ERP: release the file if its items are unpaid there, or cancel it."),
        say("message id"),
        code="DU01",
    )


@dataclass(frozen=True, slots=True)
class Match:
    """Payments of this file that file `other` has too. `place` describes the first of them."""

    other: str
    payments: int
    place: str
    exact: bool
    described: bool


def similar_payment(match: Match, *, waived: bool) -> Problem:
    """A payment like one of an earlier file: a person decides, unless one did for this content."""
    asks = (match.exact or match.described) and not waived
    what = (
        say("the same accounts, amount and EndToEndId")
        if match.exact
        else say("the same accounts, amount and remittance")
        if match.described
        else say("the same accounts and amount, and no remittance")
    )
    where = match.place
    if match.payments > 1:
        where = say("{place} and {more} more", place=match.place, more=match.payments - 1)
    return Problem(
        SIMILAR,
        Severity.HOLD if asks else Severity.WARN,
        say("{where}: {what} as in file {other}", where=where, what=what, other=match.other),
        say("A person compares the two files, then releases this one or cancels it.")
        if asks
        else say("Nothing to do if both are meant."),
        match.place,
        code="AM05",
    )
