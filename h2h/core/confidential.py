"""Which payments are confidential by what they say themselves: salaries. And what of an account
number may be shown where everybody reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from h2h.core.payment import Batch, Chunk, Payment

# IBANs and long account numbers; message ids and file ids carry dashes and stay readable.
_ACCOUNT = re.compile(r"\b(?:[A-Z]{2}\d{2}[A-Z0-9]{8,30}|\d{9,34})\b")
SALARY = "SALA"  # ISO 20022, ExternalCategoryPurpose1Code


class Watched:
    """Chunks of payments, passed on; `salaries` tells afterwards whether one was a salary."""

    def __init__(self, chunks: Iterable[Sequence[Payment]]) -> None:
        self._chunks = chunks
        self.salaries = False

    def __iter__(self) -> Iterator[Sequence[Payment]]:
        for chunk in self._chunks:
            self.salaries = self.salaries or _salaries(chunk)
            yield chunk


def _salaries(chunk: Sequence[Payment]) -> bool:
    """By the payment itself, or by its batch; batches are few and the same object in a row."""
    if not isinstance(chunk, Chunk):
        return any(payment.batch.category_purpose == SALARY for payment in chunk)
    if SALARY in chunk.columns.category_purpose:
        return True
    return any(batch.category_purpose == SALARY for batch in _each_once(chunk))


def _each_once(chunk: Chunk) -> Iterable[Batch]:
    return {id(batch): batch for batch in chunk.batches}.values()


def masked(text: str) -> str:
    """`text` with account numbers cut down to their first and last four characters."""
    return _ACCOUNT.sub(lambda found: f"{found[0][:4]}...{found[0][-4:]}", text)
