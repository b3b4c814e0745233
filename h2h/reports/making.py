"""The reports there are, and how one of them is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from h2h.core.words import say
from h2h.reports.fees import fees
from h2h.reports.movements import movements
from h2h.reports.position import position
from h2h.reports.reconciliation import reconciliation
from h2h.reports.rejects import rejects
from h2h.reports.table import Books, Report, Scope, Table
from h2h.reports.turnaround import turnaround


class Made(NamedTuple):
    """A report's name for people, the question it answers, and what fills its tables."""

    title: str
    question: str
    tables: Callable[[Books, Scope], Sequence[Table]]


REPORTS: Mapping[str, Made] = MappingProxyType(
    {
        "position": Made(
            say("Position"),
            say("What do we have, where, and as of when?"),
            position,
        ),
        "movements": Made(
            say("Movements"),
            say("What was booked, from the opening to the closing balance?"),
            movements,
        ),
        "rejects": Made(
            say("Rejects"),
            say("What did not go, or came back, and why?"),
            rejects,
        ),
        "turnaround": Made(
            say("Turnaround"),
            say("How long does each bank take, and what should be mended?"),
            turnaround,
        ),
        "fees": Made(
            say("Fees"),
            say("What did the banks take?"),
            fees,
        ),
        "reconciliation": Made(
            say("Reconciliation"),
            say("Is what was sent booked, and what was booked ours?"),
            reconciliation,
        ),
    }
)


def made(kind: str, books: Books, scope: Scope, environment: str) -> Report:
    """The report `kind`; what is confidential is hidden unless the scope says otherwise."""
    title, _, tables = REPORTS[kind]
    notes = () if scope.unveiled else (_VEILED,)
    found = tuple(tables(books, scope))
    return Report(kind, title, scope, books.now, environment, found, notes)


_VEILED = say("Of confidential payments only sums and numbers are shown.")
