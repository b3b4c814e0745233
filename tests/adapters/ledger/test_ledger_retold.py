"""A statement that the bank tells several times: what is kept of it never depends on the order."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from h2h.core.statement import Statement
from h2h.core.states import Kept

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office

AFTERNOON, EVENING, NIGHT = (f"2026-01-05T{hour}:00:00" for hour in (15, 20, 23))
OUTLOOK = ("original", "again", "corrected")


def told(office: Office) -> dict[str, Statement]:
    """The original, the same content again under a new id, and a correction made in between."""
    original = office.statement("0.00", "7.00", office.entry("7.00"), created=AFTERNOON, id="FIRST")
    again = replace(original, id="SECOND", created=NIGHT, copy="DUPL")
    entry = office.entry("7.00", additional_information="put right")
    corrected = office.statement("0.00", "7.00", entry, created=EVENING, id="MENDED")
    return {"original": original, "again": again, "corrected": corrected}


def kept(office: Office) -> dict[str, tuple[Kept, tuple[str, ...]]]:
    """What is in the books, by the bank's id."""
    rows = [row for row in office.ledger.statements() if row.kept is not Kept.DUPLICATE]
    assert len(rows) == len({row.number for row in rows})
    return {row.number: (row.kept, row.flags) for row in rows}


@pytest.mark.parametrize("order", list(permutations(OUTLOOK)))
def test_the_delivery_that_the_bank_made_first_gives_a_statement_its_id(
    office: Office, order: tuple[str, ...]
) -> None:
    statements = told(office)
    for name in order:
        office.book(statements[name])
    assert kept(office) == {
        "FIRST": (Kept.SUPERSEDED, ()),
        "MENDED": (Kept.BOOKED, ("first",)),
    }


@pytest.mark.parametrize("order", list(permutations(OUTLOOK)))
def test_of_deliveries_without_a_time_always_the_same_gives_the_id(
    office: Office, order: tuple[str, ...]
) -> None:
    for name in order:
        office.book(replace(told(office)[name], created="", copy=""))
    assert set(kept(office)) == {"FIRST", "MENDED"}


@pytest.mark.parametrize("order", list(permutations(OUTLOOK)))
def test_a_delivery_that_leaves_the_period_out_makes_no_statement_of_its_own(
    office: Office, order: tuple[str, ...]
) -> None:
    statements = told(office)
    statements["again"] = replace(statements["again"], period_from=None, period_to=None)
    for name in order:
        office.book(statements[name])
    assert kept(office) == {
        "FIRST": (Kept.SUPERSEDED, ()),
        "MENDED": (Kept.BOOKED, ("first",)),
    }


@pytest.mark.parametrize("order", list(permutations((*OUTLOOK, "earlier"))))
def test_a_statement_that_was_no_version_of_another_lets_the_other_count(
    office: Office, order: tuple[str, ...]
) -> None:
    """Two that are versions of one day, until a still earlier delivery shows another period."""
    statements = told(office)
    mended, day = statements["corrected"], date(2026, 1, 4)
    statements["earlier"] = replace(mended, created=AFTERNOON, period_from=day, id="EARLY")
    for name in order:
        office.book(statements[name])
    found = kept(office)
    assert {name: state for name, (state, _) in found.items()} == {
        "FIRST": Kept.BOOKED,
        "EARLY": Kept.BOOKED,
    }
    assert sorted(flags for _, flags in found.values()) == [("first",), ("overlap",)]
