"""Which of our payments a booked line of an account is. What is not certain counts for nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import NamedTuple

from h2h.core.books import account_key
from h2h.core.money import plain, total
from h2h.core.payment import NOT_PROVIDED
from h2h.core.problem import Problem, Severity
from h2h.core.statement import Charge, Entry, EntryDetail
from h2h.core.states import REFUSED, How, Pay
from h2h.core.words import say

NAMELESS = frozenset({"", NOT_PROVIDED, "NONREF"})  # the last one is SWIFT's
# ISO bank transaction sub-families of money that comes back: returned, reversed, unpaid.
_COMES_BACK = frozenset({"RRTN", "RPCR", "ARRT", "UPDD", "PRDD", "RCDD", "CPRR", "UPCT"})
# ISO families that no transfer of ours has (a direct debit received), and no collection.
_OTHERS = {False: "RDDT", True: "ICDT"}
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}(?!.*XXX)[A-Z0-9]{11,30}")  # none that is masked
CONTRADICTION = "payment-contradiction"  # the rule: entries against what is known of a payment
A_DAY = timedelta(days=1)  # by which a bank's calendar may be behind ours
_MOST_NAMED = 5  # payments shown for one uncertain line
# By which ids of a line a payment is found, the first one first: the line's, and the payment's.
IDS = (
    ("end_to_end_id", "end_to_end_id"),
    ("instruction_id", "instruction_id"),
    ("transaction_reference", "servicer_reference"),
    ("servicer_reference", "servicer_reference"),
)


class Line(NamedTuple):
    """One transaction behind a booked entry, or an entry as a whole. `amount` is signed."""

    entry: int  # its place in the statement, from 1
    detail: int  # its place in the entry, from 1; 0 for the whole entry
    account: str
    amount: Decimal
    currency: str
    message_id: str = ""
    batch_id: str = ""
    instruction_id: str = ""
    end_to_end_id: str = ""
    transaction_reference: str = ""  # the bank's own, of the transaction
    servicer_reference: str = ""  # the bank's own, of the entry
    returned: bool = False  # the bank says that it is money coming back
    charges: Decimal = Decimal(0)  # that the amount is less by, in the same currency
    instructed: Decimal | None = None  # what was ordered, before it was exchanged
    instructed_currency: str = ""
    transactions: int | None = None  # that the bank says to be in it
    booked_on: date | None = None
    family: str = ""  # of the ISO bank transaction code
    parties: tuple[str, ...] = ()  # accounts of its debtor and creditor, as far as it tells them

    @property
    def named(self) -> bool:
        """Does it name anything by which one payment of ours can be found?"""
        return bool({getattr(self, name) for name, _ in IDS} - NAMELESS)


class Candidate(NamedTuple):
    """A payment of ours that was announced at the bank of the account."""

    file_id: str
    number: int
    message_id: str
    batch_id: str
    instruction_id: str
    end_to_end_id: str
    amount: Decimal
    currency: str
    account: str
    servicer_reference: str = ""
    counterparty_account: str = ""
    collection: bool = False
    since: date | None = None  # when its file was announced
    delivered: bool = True  # False: its file must not have gone


class Batch(NamedTuple):
    """What of a file of ours stands for one sum: one batch, or all of one account."""

    file_id: str
    message_id: str
    ids: tuple[str, ...]  # of the batches in it
    account: str
    currency: str  # "" when they differ
    collection: bool
    payments: Sequence[Member]
    since: date | None = None  # when its file was announced


class Member(NamedTuple):
    """A payment in a batch: its amount, and what was told of it at most, and when."""

    amount: Decimal
    told: Pay
    at: str  # as text that sorts: an ISO time


class Match(NamedTuple):
    """A line is this payment (`number`), or this batch (`number` 0). `why` it is not certain."""

    file_id: str
    number: int
    batch_id: str
    how: How
    why: str = ""


class Claim(NamedTuple):
    """An entry that is a payment, or its return; the same mark elsewhere is the same entry."""

    kind: str  # of the report
    statement: int
    entry: int
    how: How
    mark: tuple[str, date | None]  # the bank's reference and the booking date


def booked_again(claims: Iterable[Claim]) -> bool:
    """Was a payment, after its return, booked once more? The report that tells most decides.

    Reports of one kind may overlap: they tell of an entry once more.
    """
    of: dict[str, dict[int, Counter[tuple[How, tuple[str, date | None]]]]] = {}
    for kind, statement, _, how, mark in {*claims}:
        of.setdefault(kind, {}).setdefault(statement, Counter())[how, mark] += 1
    told = [reduce(or_, statements.values()) for statements in of.values()]
    told = [each for each in told if _times(each, How.RETURN)]
    most = max((each.total() for each in told), default=0)
    fullest = [each for each in told if each.total() == most]
    return bool(fullest) and all(
        _times(each, How.EXACT) > _times(each, How.RETURN) for each in fullest
    )


def _times(told: Counter[tuple[How, tuple[str, date | None]]], how: How) -> int:
    return sum(times for (which, _), times in told.items() if which is how)


def contradiction(words: str) -> Problem:
    """What a person must see of a bank file whose entries contradict what else is known."""
    remedy = say("Look at the payment with `h2h trace`, then ask the bank.")
    return Problem(CONTRADICTION, Severity.WARN, words, remedy)


# ------------------------------------------------------------------------------- what an entry says


def lines_of(entry: Entry, account: str) -> Iterator[Line]:
    """The lines of an entry: its transactions, and itself where these do not tell all of it."""
    details, count = entry.details, entry.batch_transactions
    alone = len(details) == 1 and (count or 1) == 1
    for number, detail in enumerate(details, 1):
        yield _line(entry, number, detail, account, alone=alone)
    if not alone and not _told_whole(entry):
        yield _line(entry, 0, _shared(details), account, alone=True)


def _told_whole(entry: Entry) -> bool:
    amounts = [detail.amount for detail in entry.details if detail.amount is not None]
    return len(amounts) == len(entry.details) > 0 and total(amounts) == entry.amount


def _shared(details: Sequence[EntryDetail]) -> EntryDetail:
    """What a whole entry has of its details: the message and batch that all of them name."""
    messages = {detail.message_id for detail in details}
    batches = {detail.batch_id for detail in details}
    return EntryDetail(
        message_id=messages.pop() if len(messages) == 1 else "",
        batch_id=batches.pop() if len(batches) == 1 else "",
    )


def _line(entry: Entry, number: int, detail: EntryDetail, account: str, *, alone: bool) -> Line:
    """A detail takes its direction from the entry, and when it stands alone all that it lacks.

    One among others, without an amount of its own, is no payment that could be recognised.
    """
    amount, currency = entry.amount, entry.currency
    if detail.amount is not None:
        amount = detail.amount.copy_abs().copy_sign(entry.amount)
        currency = detail.currency or currency
    known = alone or detail.amount is not None
    exchange = detail.exchange or (entry.exchange if alone else None)
    charges = detail.charges or (entry.charges if alone else ())
    return Line(
        entry=entry.index,
        detail=number,
        account=account,
        amount=amount,
        currency=currency,
        message_id=detail.message_id or entry.batch_message_id,
        batch_id=detail.batch_id or entry.batch_id,
        instruction_id=detail.instruction_id if known else "",
        end_to_end_id=detail.end_to_end_id if known else "",
        transaction_reference=detail.servicer_reference if known else "",
        servicer_reference=entry.servicer_reference if alone else "",
        returned=_comes_back(entry, detail),
        charges=_charges(charges, currency),
        instructed=exchange.instructed if exchange else None,
        instructed_currency=exchange.instructed_currency if exchange else "",
        transactions=entry.batch_transactions if alone else None,
        booked_on=entry.booking_date,
        family=_family(entry.bank_transaction_code),
        parties=tuple(filter(None, (detail.debtor_account, detail.creditor_account))),
    )


def _family(code: str) -> str:
    """`ICDT` of `PMNT/ICDT/ESCT`; a bank's own code has none."""
    domain, _, rest = code.partition("/")
    return rest.partition("/")[0] if domain == "PMNT" else ""


def _comes_back(entry: Entry, detail: EntryDetail) -> bool:
    codes = {*entry.bank_transaction_code.split("/")}
    return bool(detail.return_reason or entry.reversal or codes & _COMES_BACK)


def _charges(charges: Iterable[Charge], currency: str) -> Decimal:
    return total(charge.amount for charge in charges if charge.currency == currency)


# ------------------------------------------------------------------------------------- one payment


def the_payment(line: Line, candidates: Iterable[Candidate]) -> list[Match]:
    """The payment that `line` is, as the only match; or what it may be, uncertain; or none.

    Found by the EndToEndId, else by the instruction id, else by the bank's own reference. One of
    them must agree with it in amount, currency, account, and message id where the line has one.
    """
    possible = [each for each in candidates if _goes_the_way(line, each) and _in_time(line, each)]
    possible = _named(line, possible)
    doubts = [(each, _doubt(line, each)) for each in possible]
    sure = _narrowed(line, [each for each, why in doubts if not why])
    if len(sure) == 1:
        how = How.EXACT if _books(line, sure[0]) else How.RETURN
        return [_match(sure[0], how)]
    if sure:
        doubts = [(each, f"it fits {len(sure)} of our payments") for each in sure]
    return [_match(each, How.UNCERTAIN, why) for each, why in doubts[:_MOST_NAMED]]


def _match(candidate: Candidate, how: How, why: str = "") -> Match:
    return Match(candidate.file_id, candidate.number, "", how, why)


def _named(line: Line, candidates: Sequence[Candidate]) -> list[Candidate]:
    """The candidates that bear the first of its ids that any of them bears."""
    for name, ours in IDS:
        given = getattr(line, name)
        found = [each for each in candidates if getattr(each, ours) == given]
        if found and given not in NAMELESS:
            return found
    return []


def _books(line: Line, candidate: Candidate) -> bool:
    """Does the line's money go the payment's way: out, or in for a collection?"""
    return (line.amount > 0) is candidate.collection


def _goes_the_way(line: Line, candidate: Candidate) -> bool:
    """Other people's payments to us carry their own ids, which may be like ours."""
    strange = _OTHERS[candidate.collection]
    return line.family != strange and goes_the_way(line, collection=candidate.collection)


def goes_the_way(line: Line, *, collection: bool) -> bool:
    """May the line be a transfer of ours (or a collection), or the return of one?"""
    return (line.amount > 0) is collection or line.returned


def _in_time(line: Line, ours: Candidate | Batch) -> bool:
    """What was announced later is not in the line, unless it names the very message.

    A day is left for a bank on the other side of the earth.
    """
    if line.booked_on is None or ours.since is None:
        return True
    named = line.message_id == ours.message_id and line.message_id not in NAMELESS
    return named or line.booked_on >= ours.since - A_DAY


def _narrowed(line: Line, sure: list[Candidate]) -> list[Candidate]:
    """Of several that fit, those that have the line's instruction id, and its batch."""
    for name in ("instruction_id", "batch_id"):
        same = [each for each in sure if getattr(each, name) == getattr(line, name) != ""]
        sure = same or sure
    return sure


def _doubt(line: Line, candidate: Candidate) -> str:
    """Why the line is not certainly the candidate; "" when it is."""
    if account_key(line.account) != account_key(candidate.account):
        return f"it is of account {line.account}, the payment of {candidate.account}"
    if _books(line, candidate) and line.returned:
        return "it goes the payment's way, and the bank says that it comes back"
    if line.message_id not in {"", candidate.message_id}:
        return f"it names message {line.message_id}, the payment is of {candidate.message_id}"
    if other := _another_party(line, candidate):
        return f"it is with {other}, the payment with {candidate.counterparty_account}"
    if not _same_money(line, candidate):
        booked = f"{plain(line.amount.copy_abs())} {line.currency}"
        return f"it is {booked}, the payment {plain(candidate.amount)} {candidate.currency}"
    return ""


def _another_party(line: Line, candidate: Candidate) -> str:
    """The IBAN of somebody else that the line tells in place of the payment's counterparty.

    In a return the debtor and the creditor may have changed places.
    """
    theirs, ours = account_key(candidate.counterparty_account), account_key(line.account)
    told = [account_key(each) for each in line.parties]
    others = [each for each in told if each != ours and _IBAN.fullmatch(each)]
    return others[0] if others and theirs not in others and _IBAN.fullmatch(theirs) else ""


def _same_money(line: Line, candidate: Candidate) -> bool:
    """The same, or what only the charges that the bank names have made different."""
    if line.currency != candidate.currency:
        ordered = (line.instructed, line.instructed_currency)
        return ordered == (candidate.amount, candidate.currency)
    gross = total((line.amount, line.charges)).copy_abs()
    return candidate.amount in {line.amount.copy_abs(), gross}


# --------------------------------------------------------------------------------------- one batch


def the_batch(line: Line, batches: Sequence[Batch]) -> list[Match]:
    """The batch of which `line` is the sum, as one match a batch; or what it may be, uncertain."""
    possible = [
        each
        for each in batches
        if goes_the_way(line, collection=each.collection) and _in_time(line, each)
    ]
    doubts = [(each, _batch_doubt(line, each)) for each in possible]
    sure = [each for each, why in doubts if not why]
    if len(sure) == 1:
        return [Match(sure[0].file_id, 0, name, How.BATCH) for name in sure[0].ids]
    if sure:
        doubts = [(each, f"it fits {len(sure)} of our batches") for each in sure]
    return [
        Match(each.file_id, 0, name, How.UNCERTAIN, why)
        for each, why in doubts[:_MOST_NAMED]
        for name in each.ids
    ]


def _batch_doubt(line: Line, batch: Batch) -> str:
    if (line.amount > 0) is not batch.collection or line.returned:
        return "a batch that comes back"
    if account_key(line.account) != account_key(batch.account):
        return f"it is of account {line.account}, the batch of {batch.account}"
    if line.message_id not in {"", batch.message_id}:
        return f"it names message {line.message_id}, the batch is of {batch.message_id}"
    for members in _versions(line, batch):
        count = line.transactions in {None, len(members)}
        if count and line.currency == batch.currency and _sum(members) == line.amount.copy_abs():
            return ""
    booked = f"{plain(line.amount.copy_abs())} {line.currency}"
    booked += f" for {line.transactions} payments" if line.transactions is not None else ""
    rest = _told(_not_refused(batch))
    return f"it is {booked}, the batch {_told(batch.payments)}, of which not rejected {rest}"


def _versions(line: Line, batch: Batch) -> Iterator[Sequence[Member]]:
    """What may be in the sum: all, what is not rejected, and what was not when it was booked."""
    yield batch.payments
    yield _not_refused(batch)
    if line.booked_on:
        day = line.booked_on.isoformat()
        yield [each for each in batch.payments if each.told not in REFUSED or each.at[:10] > day]


def _not_refused(batch: Batch) -> Sequence[Member]:
    return [each for each in batch.payments if each.told not in REFUSED]


def _sum(members: Iterable[Member]) -> Decimal:
    return total(each.amount for each in members)


def _told(members: Sequence[Member]) -> str:
    return f"{plain(_sum(members))} for {len(members)}"
