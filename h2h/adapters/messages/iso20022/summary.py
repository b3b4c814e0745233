"""What a report says that its entries come to (TxsSummry), beside what they do.

Some banks count booked entries only, others all of them: a figure contradicts the entries when it
is neither. On a page of several the totals may be those of all pages; they are not compared then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from h2h.adapters.messages.iso20022.incoming import Node
from h2h.core.money import plain, total
from h2h.core.statement import Entry

_BOOKED = "BOOK"
_NUMBER = ("TtlNtries", "NbOfNtries")
PAGINATIONS = ("StmtPgntn", "RptPgntn", "NtfctnPgntn")


class _Counted:
    """Entries counted; with `sums` their amounts too, unsigned."""

    def __init__(self, *, sums: bool) -> None:
        self.entries = self.credits = self.debits = 0
        self.credit_sum = self.debit_sum = Decimal(0)
        self._sums = sums

    def add(self, entries: Sequence[Entry]) -> None:
        self.entries += len(entries)
        if self._sums:
            received = [entry.amount for entry in entries if entry.amount > 0]
            spent = [entry.amount.copy_negate() for entry in entries if entry.amount < 0]
            self.credits += len(received)
            self.debits += len(spent)
            self.credit_sum = total((self.credit_sum, *received))
            self.debit_sum = total((self.debit_sum, *spent))

    @property
    def sum(self) -> Decimal:
        return total((self.credit_sum, self.debit_sum))

    @property
    def net(self) -> Decimal:
        return total((self.credit_sum, self.debit_sum.copy_negate()))


_FIGURES: Mapping[tuple[str, ...], Callable[[_Counted], Decimal]] = {
    _NUMBER: lambda counted: Decimal(counted.entries),
    ("TtlNtries", "Sum"): lambda counted: counted.sum,
    ("TtlNtries", "TtlNetNtry", "Amt"): lambda counted: counted.net.copy_abs(),
    ("TtlNtries", "TtlNetNtryAmt"): lambda counted: counted.net.copy_abs(),
    ("TtlCdtNtries", "NbOfNtries"): lambda counted: Decimal(counted.credits),
    ("TtlCdtNtries", "Sum"): lambda counted: counted.credit_sum,
    ("TtlDbtNtries", "NbOfNtries"): lambda counted: Decimal(counted.debits),
    ("TtlDbtNtries", "Sum"): lambda counted: counted.debit_sum,
}


class Contradiction(NamedTuple):
    """A figure of the summary that no count of the entries gives; `path` are the tags to it."""

    path: str
    declared: str
    found: str


class Summary:
    """Compares; entries are looked at only as far as the report sums them up."""

    def __init__(self, head: Node) -> None:
        summary = None if _on_a_page(head) else head.one("TxsSummry")
        texts = {path: summary.value(*path) for path in _FIGURES} if summary else {}
        self._declared = {path: text for path, text in texts.items() if text}
        sums = self._declared.keys() > {_NUMBER}
        self._all, self._booked = _Counted(sums=sums), _Counted(sums=sums)

    def add(self, entries: Sequence[Entry]) -> None:
        """Count the next entries."""
        if self._declared:
            self._all.add(entries)
            self._booked.add([entry for entry in entries if entry.status == _BOOKED])

    @property
    def entries(self) -> int:
        """How many were counted."""
        return self._all.entries

    def contradictions(self) -> Iterator[Contradiction]:
        """What the report says otherwise than its entries do."""
        for path, declared in self._declared.items():
            figures = [_FIGURES[path](counted) for counted in (self._all, self._booked)]
            if _number(declared) not in figures:
                words = " or ".join(dict.fromkeys(map(plain, figures)))
                yield Contradiction("/".join(("TxsSummry", *path)), declared, words)


def _number(declared: str) -> Decimal | None:
    """A count or sum; a sum may have a sign of its own, which its name tells already."""
    digits = declared.lstrip("+-")
    whole, _, fraction = digits.partition(".")
    figure = f"{whole}{fraction}"
    return Decimal(digits) if figure.isascii() and figure.isdigit() else None


def is_whole(pagination: Node) -> bool:
    """Is it the first page and the last?"""
    first = pagination.value("PgNb").lstrip("0") == "1"
    return first and pagination.value("LastPgInd") in {"true", "1"}


def _on_a_page(head: Node) -> bool:
    found = next(filter(None, map(head.one, PAGINATIONS)), None)
    return found is not None and not is_whole(found)
