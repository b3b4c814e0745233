"""Identities: one EndToEndId names one payment of the file."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from itertools import islice, pairwise

from h2h.core.payment import NOT_PROVIDED, Header, Payment
from h2h.core.problem import Severity
from h2h.core.rules.rule import Finding, Rule, Tally, Terms

_SHELVES = 256
_LOOKED_UP = 1000  # repeated ids whose places are named


class RepeatedEndToEndId(Rule):
    """No EndToEndId comes twice: the status report and the statement could not tell them apart.

    A set of a million ids takes 122 MB, so only their 64-bit hashes are kept, on shelves that are
    sorted one by one; what looks repeated is read again and compared in full.
    """

    id = "end-to-end-id"
    severity = Severity.WARN
    remedy = "Give each payment an id of its own, or make sure that this one is not paid twice."

    def __init__(self, terms: Terms, today: date) -> None:
        super().__init__(terms, today)
        self._shelves = [array("q") for _ in range(_SHELVES)]

    def payments(self, payments: Sequence[Payment]) -> Iterable[Finding]:
        shelves = self._shelves
        for payment in payments:
            name = payment.end_to_end_id
            if name and name != NOT_PROVIDED:
                key = hash(name)
                shelves[key % _SHELVES].append(key)
        return ()

    def file(
        self, header: Header, tally: Tally, again: Callable[[], Iterable[Sequence[Payment]]]
    ) -> Iterator[Finding]:
        del header, tally
        suspects = frozenset(islice(self._repeated(), _LOOKED_UP))
        if not suspects:
            return
        first: dict[str, str] = {}
        for payment in (payment for chunk in again() for payment in chunk):
            name = payment.end_to_end_id
            if hash(name) not in suspects:
                continue
            if name in first:
                words = f"the EndToEndId {name} was given before, in {first[name]}"
                yield Finding(payment, "end-to-end id", words)
            else:
                first[name] = f"batch {payment.batch.index}, payment {payment.index}"

    def _repeated(self) -> Iterator[int]:
        for shelf in self._shelves:
            yield from (key for key, following in pairwise(sorted(shelf)) if key == following)
