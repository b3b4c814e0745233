"""A bank file is believed only when everything about its seal is as agreed; nothing else is left.

The long form takes every case with both kinds of key and then flips or cuts one sealed file at many
places; the short form takes every case with ed25519, and with RSA those that need no further key.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import pgp_cases as cases
from .report import FULL, Tally

if TYPE_CHECKING:
    from tests.adapters.conftest import MakeParty

KINDS = ("ed25519", "rsa4096")
ALL = (*cases.ACCEPTED, *cases.REFUSED)
PLACES = 500 if FULL else 6


def chosen(kind: str) -> tuple[str, ...]:
    return ALL if FULL or kind == "ed25519" else cases.CHEAP


@pytest.fixture
def dossier(tmp_path: Path) -> Path:
    folder = tmp_path / "dossier"
    folder.mkdir(mode=0o700)
    return folder


@pytest.mark.parametrize(("kind", "case"), [(k, case) for k in KINDS for case in chosen(k)])
def test_only_what_the_bank_sealed_for_us_is_believed_and_nothing_else_is_left(
    kind: str, case: str, keyrings: MakeParty, dossier: Path, tally: Tally
) -> None:
    p = cases.parties(kind, keyrings)
    rightly = case in cases.ACCEPTED
    sealed = (cases.ACCEPTED if rightly else cases.REFUSED)[case](p)
    why = p.refusal(sealed, dossier)
    left, due = cases.left_over(dossier), ["opened"] if rightly else []
    tally(f"PGP: every case, {kind}", tried=1, survived=int((why == "", left) == (rightly, due)))
    assert cases.WHY.get(case, "") in why
    assert (why == "", left) == (rightly, due)
    assert p.refusal(sealed, dossier) == why  # no freshness in a signature: bytes are compared


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("act", ["flipped", "cut"])
def test_a_sealed_file_that_was_changed_anywhere_is_refused_and_no_plaintext_is_left(
    kind: str, act: str, keyrings: MakeParty, dossier: Path, tally: Tally
) -> None:
    p = cases.parties(kind, keyrings)
    sealed = p.sealed()
    places = [number * len(sealed) // PLACES for number in range(PLACES)]
    wrongly, left = [], []
    for place in places:
        bad = cases.flipped(sealed, place) if act == "flipped" else sealed[:place]
        if not p.refusal(bad, dossier):
            wrongly.append(place)
            (dossier / "opened").unlink()
        left += cases.left_over(dossier)
    tally(f"PGP: {act} anywhere, {kind}", tried=PLACES, survived=PLACES - len(wrongly))
    assert (wrongly, left) == ([], [])


def test_every_row_of_the_table_of_cases_is_here() -> None:
    assert len(cases.ACCEPTED) == 4
    assert len(cases.REFUSED) == 19
    assert set(cases.WHY) == set(cases.REFUSED)
    assert set(cases.CHEAP) <= set(ALL)
