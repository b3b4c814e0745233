"""The table adds up what its workers wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from .report import PLACE, Tally, table


def test_rows_of_one_fault_are_summed_and_others_stand_beside(
    tally: Tally, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PLACE, str(tmp_path / "rows"))
    tally("cut", tried=2, survived=1, in_doubt=1)
    tally("cut", survived=1)
    tally("a clock that jumps", lost=1)
    head, clock, cut = table((tmp_path / "rows").read_text())
    assert head.split() == ["fault", "tried", "survived", "lost", "doubled", "in", "doubt"]
    assert clock.split()[-5:] == ["1", "0", "1", "0", "0"]
    assert cut.split() == ["cut", "3", "2", "0", "0", "1"]


def test_without_a_tally_nothing_is_written(tally: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PLACE, raising=False)
    tally("cut")
    assert table("") == []
