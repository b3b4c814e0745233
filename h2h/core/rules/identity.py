"""Identities: what names one payment or batch names no other, and nothing is paid twice."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import date
from functools import partial
from itertools import islice, repeat
from typing import ClassVar

from h2h.core.demands import Demands
from h2h.core.payment import NOT_PROVIDED, Batch, Chunk, Columns, Header, Payment, Texts
from h2h.core.problem import Severity
from h2h.core.rules.rule import Again, BatchTotals, Finding, Rule, Tally
from h2h.core.terms import CheckTerms
from h2h.core.words import Words, say

_SHELVES = 256
_LOOKED_UP = 1000  # repeated values whose places are named


class Repeated:
    """Finds values that come twice among millions.

    A set of a million ids takes 122 MB, so only their 64-bit hashes are kept, on shelves that are
    searched one by one; what looks repeated must be read again and compared in full.
    """

    def __init__(self) -> None:
        self._shelves: defaultdict[int, array[int]] = defaultdict(partial(array, "q"))

    def add(self, values: Iterable[Hashable]) -> None:
        """Remember some more."""
        shelves = self._shelves
        for key in map(hash, values):
            shelves[key % _SHELVES].append(key)

    def suspects(self) -> frozenset[int]:
        """The hashes that came more than once, the first thousand of them."""
        return frozenset(islice(self._repeated(), _LOOKED_UP))

    def _repeated(self) -> Iterator[int]:
        for shelf in self._shelves.values():
            if len(set(shelf)) < len(shelf):
                yield from (key for key, count in Counter(shelf).items() if count > 1)


class UniqueField(Rule):
    """A field that no two payments of a file have in common; what is `exempt` may repeat."""

    field: ClassVar[str]
    exempt: ClassVar[frozenset[str]] = frozenset({""})

    def __init__(self, terms: CheckTerms, today: date) -> None:
        super().__init__(terms, today)
        self._seen = Repeated()

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterable[Finding]:
        del demands
        if self.field in chunk.filled:
            column: Texts = getattr(chunk.columns, self.field)
            if not self.exempt.isdisjoint(column):
                column = [text for text in column if text not in self.exempt]
            self._seen.add(column)
        return ()

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del header, tally
        suspects = self._seen.suspects()
        first: dict[str, Words] = {}
        for chunk in again() if suspects else ():
            for at, text in enumerate(getattr(chunk.columns, self.field)):
                if hash(text) not in suspects:
                    continue
                if text in first:
                    words = say("{id} was given before, in {first}", id=text, first=first[text])
                    yield Finding(chunk[at], self.field, words, text)
                else:
                    first[text] = _place(chunk[at])


def _place(payment: Payment) -> Words:
    return say("batch {batch}, payment {payment}", batch=payment.batch.index, payment=payment.index)


class RepeatedEndToEndId(UniqueField):
    """No EndToEndId comes twice: the status report and the statement could not tell them apart."""

    id = "end-to-end-id"
    severity = Severity.WARN
    code = "AM05"
    source = "ISO 20022: EndToEndIdentification; NOTPROVIDED is exempt"
    remedy = say(
        "Give each payment an id of its own, or make sure that this one is not paid twice."
    )
    field = "end_to_end_id"
    exempt = frozenset({"", NOT_PROVIDED})


class RepeatedInstructionId(UniqueField):
    """No instruction id comes twice: it is what our bank tells the payments apart by."""

    id = "instruction-id"
    severity = Severity.WARN
    code = "DU05"
    source = "ISO 20022: InstructionIdentification"
    remedy = say("Give each payment an instruction id of its own, or none.")
    field = "instruction_id"
    exempt = frozenset({"", NOT_PROVIDED})


class RepeatedUetr(UniqueField):
    """No UETR comes twice: it is one payment's in all the world."""

    id = "uetr"
    code = "DU03"
    source = "ISO 20022: UETR; RFC 4122 version 4"
    remedy = say("Make a new random UETR for each payment, or leave it to the bank.")
    field = "uetr"


class RepeatedBatchId(Rule):
    """No batch id comes twice: reports and entries name a batch by it."""

    id = "batch-id"
    code = "DU02"
    source = "ISO 20022: PaymentInformationIdentification"
    remedy = say("Give each batch an id of its own.")

    def __init__(self, terms: CheckTerms, today: date) -> None:
        super().__init__(terms, today)
        self._seen = Repeated()

    def batch(self, totals: BatchTotals) -> Iterable[Finding]:
        self._seen.add([totals.batch.id])
        return ()

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del header, tally
        suspects = self._seen.suspects()
        first: dict[str, int] = {}
        for batch in _batches(again()) if suspects else ():
            if batch.id in first:
                words = say(
                    "{id} is also the id of batch {first}", id=batch.id, first=first[batch.id]
                )
                yield Finding(batch, "id", words, batch.id)
            elif hash(batch.id) in suspects:
                first[batch.id] = batch.index


def _batches(chunks: Iterable[Chunk]) -> Iterator[Batch]:
    """Each batch once; one may go on in the next chunk."""
    previous = None
    for chunk in chunks:
        for batch in chunk.batches:
            if batch is not previous:
                previous = batch
                yield batch


class TwinPayment(Rule):
    """No two payments of a file agree in accounts, amount, currency, date and remittance.

    What has neither remittance nor reference is told apart by its EndToEndId.
    """

    id = "twin-payment"
    severity = Severity.HOLD
    code = "AM05"
    source = "the keys by which a payment is compared with those of earlier files"
    remedy = say("Release the file if both are meant; else write it again with one of them.")

    def __init__(self, terms: CheckTerms, today: date) -> None:
        super().__init__(terms, today)
        self._seen = Repeated()

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterable[Finding]:
        del demands
        self._seen.add(_keys(chunk))
        return ()

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del header, tally
        suspects = self._seen.suspects()
        first: dict[Hashable, Words] = {}
        for chunk in again() if suspects else ():
            for at, key in enumerate(_keys(chunk)):
                if hash(key) not in suspects:
                    continue
                if key in first:
                    words = say(
                        "the same accounts, amount, date and remittance as {first}",
                        first=first[key],
                    )
                    yield Finding(chunk[at], "", words)
                else:
                    first[key] = _place(chunk[at])


def _keys(chunk: Chunk) -> Iterator[Hashable]:
    """What twins agree in. As plain tuples: a million are hashed."""
    columns, batches = chunk.columns, chunk.batches
    one = batches[0] is batches[-1]
    return zip(
        repeat(_ours(batches[0])) if one else map(_ours, batches),
        columns.iban if all(columns.iban) else _counterparties(columns),
        chunk.amounts,
        columns.currency,
        columns.reference,
        columns.remittance if all(columns.remittance) else _descriptions(columns),
        strict=False,
    )


def _ours(batch: Batch) -> Hashable:
    return batch.account, batch.requested_execution_date


def _counterparties(columns: Columns) -> Iterator[Hashable]:
    """IBAN, else the number and the bank that it is at; the name where a cheque has no account."""
    for iban, number, name, bic, member in zip(
        columns.iban,
        columns.number,
        columns.name,
        columns.agent_bic,
        columns.agent_member,
        strict=True,
    ):
        yield iban or (number or name, bic, member)


def _descriptions(columns: Columns) -> Iterator[Hashable]:
    """What each payment is for."""
    for remittance, reference, name in zip(
        columns.remittance, columns.reference, columns.end_to_end_id, strict=True
    ):
        yield remittance or reference or ("id", name)
