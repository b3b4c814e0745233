"""What the chain keeps of the facts from which it is judged what a payment file may do.

When a file is claimed and when its check is passed, its link of the chain notes what approvals,
limits and policies read of it later. Before it is sealed and sent, the ledger's rows must tell the
same: otherwise somebody wrote into them.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain
from types import MappingProxyType
from typing import Protocol

from h2h.core.approval import AccountSum
from h2h.core.money import plain, total
from h2h.core.payment import Chunk, Execution, Payment
from h2h.core.words import Words, say

FOUND = "found in the door"
CHECKED = "checked"
ENTERED = "entered again"
_SHOWN = MappingProxyType(
    {
        FOUND: say("found in the door"),
        CHECKED: say("checked"),
        ENTERED: say("entered again"),
    }
)
_NOTED = ", noted "
_BY = "h2h"  # a person's reason is no note, whatever it says

WHAT: Mapping[str, Words] = MappingProxyType(
    {
        "door": say("its door"),
        "dropped_by": say("who dropped it"),
        "first_scan": say("whether it lay in its door from the start"),
        "bank": say("its bank"),
        "message": say("its kind of message"),
        "transactions": say("its number of payments"),
        "control_sum": say("its sums"),
        "executions": say("its execution dates"),
        "sums": say("its sums by account"),
        "payments": say("its payments"),
    }
)
_BY_NO_DOOR: Mapping[str, object] = MappingProxyType(
    {"door": "", "dropped_by": "", "first_scan": False}
)


class Judged(Protocol):
    """What of a file is noted (h2h.ports.File)."""

    @property
    def bank(self) -> str | None: ...
    @property
    def door(self) -> str: ...
    @property
    def dropped_by(self) -> str: ...
    @property
    def first_scan(self) -> bool: ...
    @property
    def message(self) -> str: ...
    @property
    def transactions(self) -> int | None: ...
    @property
    def control_sum(self) -> Mapping[str, str]: ...
    @property
    def executions(self) -> tuple[Execution, ...]: ...


class Told(Protocol):
    """A link of the chain that may note something."""

    @property
    def who(self) -> str: ...
    @property
    def because(self) -> str: ...


# ------------------------------------------------------------------------------------- the notes


def found(bank: str | None, door: str, dropped_by: str, *, first_scan: bool) -> str:
    """What the link of a claim says; `bank` is the one that the door belongs to."""
    by = {"door": door, "dropped_by": dropped_by, "first_scan": first_scan}
    return _note(FOUND, {**by, "for": bank})


def checked(file: Judged, payments: Tally) -> str:
    """What the link of a passed check says."""
    return _note(CHECKED, {**_of_check(file), **_of_payments(payments)})


def entered(file: Judged, payments: Tally | None) -> str:
    """What is said of a file that was not claimed here but entered again; without `payments` it has
    to be checked anew."""
    facts = {**_of_claim(file), "for": file.bank}
    if payments is not None:
        facts |= {**_of_check(file), **_of_payments(payments)}
    return _note(ENTERED, facts)


def noted(path: Iterable[Told]) -> Mapping[str, object]:
    """What the links of one file note, the newest word on each fact; {} when they note nothing."""
    told: dict[str, object] = {}
    for link in path:
        _, _, text = str(link.because).partition(_NOTED)
        if text and link.who == _BY:
            told |= _read(text)
    return told


def shown(because: str) -> str:
    """What a link says without its note, for people."""
    words, _, text = str(because).partition(_NOTED)
    return _SHOWN[words] if text and words in _SHOWN else because


def _note(words: str, facts: Mapping[str, object]) -> str:
    return f"{words}{_NOTED}{json.dumps(facts, sort_keys=True, separators=(',', ':'))}"


def _read(text: str) -> Mapping[str, object]:
    try:
        facts = json.loads(text)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


# ------------------------------------------------------------------------------------ comparing


def differing(file: Judged, told: Mapping[str, object]) -> Iterator[str]:
    """The facts of a file's row that are not as noted. A recall came by no door."""
    for name, fact in {**_of_claim(file), **_of_check(file)}.items():
        if told.get(name, _BY_NO_DOOR.get(name)) != fact:
            yield name
    if told.get("for") not in {None, file.bank}:
        yield "bank"


def _of_claim(file: Judged) -> dict[str, object]:
    return {"door": file.door, "dropped_by": file.dropped_by, "first_scan": file.first_scan}


def _of_check(file: Judged) -> dict[str, object]:
    return {
        "bank": file.bank,
        "message": file.message,
        "transactions": file.transactions,
        "control_sum": dict(file.control_sum),
        "executions": _hashed([[_text(part) for part in each] for each in file.executions]),
    }


def _of_payments(payments: Tally) -> dict[str, object]:
    return {"payments": payments.digest, "sums": digest_of(payments.sums)}


def _text(part: date | str) -> str:
    return part if isinstance(part, str) else part.isoformat()


def _hashed(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def digest_of(sums: Iterable[AccountSum]) -> str:
    """SHA-256, in hex, of what a file moves by account and currency, whatever their order."""
    return _hashed(sorted([one.account, one.currency, _figure(one.amount)] for one in sums))


def _figure(amount: Decimal) -> str:
    text = plain(amount)
    return text.rstrip("0").rstrip(".") if "." in text else text


# ------------------------------------------------------------------------------------- payments


class Digest:
    """SHA-256 over what policies read of payments, in their order: our account, the currency, the
    amount, the counterparty's account and name.

    Between two texts stands a NUL, which no XML and no PostgreSQL holds; the number of payments at
    the end makes a NUL in a row that was written by hand harmless.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self._payments = 0

    def add(self, payments: Sequence[Sequence[str]]) -> None:
        """The next ones, five texts each."""
        text = "\0".join([*chain.from_iterable(payments), ""])
        self._hash.update(text.encode("utf-8", "surrogatepass"))
        self._payments += len(payments)

    def hexdigest(self) -> str:
        """Of all so far."""
        ended = self._hash.copy()
        ended.update(str(self._payments).encode())
        return ended.hexdigest()


class Tally:
    """What payments come to: their Digest, and their sums by account and currency."""

    def __init__(self) -> None:
        self._digest = Digest()
        self._sums: dict[tuple[str, str], Decimal] = {}

    def add(self, columns: Columns) -> None:
        """The next ones."""
        accounts, currencies, amounts, others, names = columns
        texts = map(plain, amounts)
        self._digest.add([*zip(accounts, currencies, texts, others, names, strict=True)])
        some = defaultdict(list)
        for account, currency, amount in zip(accounts, currencies, amounts, strict=True):
            some[account, currency].append(amount)
        for pair, each in some.items():
            self._sums[pair] = total([self._sums.get(pair, Decimal(0)), *each])

    @property
    def digest(self) -> str:
        """The Digest of all so far."""
        return self._digest.hexdigest()

    @property
    def sums(self) -> Sequence[AccountSum]:
        """What they move by account and currency."""
        return [AccountSum(*pair, amount) for pair, amount in sorted(self._sums.items())]


class Noting:
    """Chunks of payments, passed on and counted in `tally`."""

    def __init__(self, chunks: Iterable[Sequence[Payment]]) -> None:
        self._chunks = chunks
        self.tally = Tally()

    def __iter__(self) -> Iterator[Sequence[Payment]]:
        for chunk in self._chunks:
            self.tally.add(_columns(chunk))
            yield chunk


# Account, currency, amount, the counterparty's account and name, a column each.
Columns = tuple[Sequence[str], Sequence[str], Sequence[Decimal], Sequence[str], Sequence[str]]


def _columns(chunk: Sequence[Payment]) -> Columns:
    if isinstance(chunk, Chunk):
        each = chunk.columns
        others = [iban or number for iban, number in zip(each.iban, each.number, strict=True)]
        accounts = [batch.account for batch in chunk.batches]
        return accounts, each.currency, chunk.amounts, others, each.name
    return (
        [one.batch.account for one in chunk],
        [one.currency for one in chunk],
        [one.amount for one in chunk],
        [one.counterparty_account for one in chunk],
        [one.counterparty_name for one in chunk],
    )
