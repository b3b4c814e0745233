"""What is still missing in the life of a payment, in words."""

from __future__ import annotations

from h2h.core.states import ANNOUNCED, AT_THE_BANK, BEFORE_DELIVERING, REFUSED, Out, Pay
from h2h.core.words import say


def next_of(
    payment: Pay, file: Out, file_id: str, account: str, *, uncertain: bool, recalled: bool = False
) -> str:
    """What comes next for a payment of `file_id`; `uncertain`: a line of `account` may be it;
    `recalled`: it was asked back, and the bank has not answered yet."""
    if file not in AT_THE_BANK:
        return _before_the_bank(file, file_id)
    if recalled and payment not in {Pay.RETURNED, *REFUSED}:
        return say("The bank's answer to the recall: it is {state}", state=payment.value)
    if payment in {Pay.BOOKED, Pay.RETURNED}:
        return say("Nothing: it is {state}", state=payment.value)
    if uncertain:
        return say("A person's look at the uncertain entries: none of them counts by itself")
    if payment in REFUSED:
        return say("Nothing: the bank does not make it")
    return _entry(payment, account)


def _entry(payment: Pay, account: str) -> str:
    if payment is Pay.ACCEPTED:
        return say("An entry on account {account}", account=account)
    return say("The bank's status report, then an entry on account {account}", account=account)


def _before_the_bank(file: Out, file_id: str) -> str:
    if file is Out.HELD:
        return say("A person's decision on its file: `h2h show {id}` says why", id=file_id)
    if file in BEFORE_DELIVERING:
        return say("Its file has still to be delivered to the bank ({state})", state=file.value)
    if file in ANNOUNCED:
        return say("A proof that its file arrived: `h2h resolve {id}`", id=file_id)
    return say("Nothing: its file is {state}", state=file.value)
