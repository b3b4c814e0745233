"""docs/security.md promises nothing that no test proves."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of each line of the table under a heading."""
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def test_every_attack_on_the_page_has_a_test_that_is_there() -> None:
    attacks = rows("What is covered, and by which test")
    assert len(attacks) > 20
    for attack, _, proof in attacks:
        tests = re.findall(r"`(tests/[\w/]+\.py)`", proof)
        assert tests, attack
        assert [test for test in tests if not (ROOT / test).is_file()] == [], attack


def test_the_map_of_controls_says_what_is_left_to_the_user() -> None:
    controls = rows("A checklist against SWIFT's CSCF")
    assert len(controls) >= 13
    assert all(ours and yours for _, ours, yours in controls)
    assert "not\na certification" in PAGE


def test_the_policy_leads_to_the_page_and_back() -> None:
    assert "docs/security.md" in (ROOT / "SECURITY.md").read_text("utf-8")
    assert "](../SECURITY.md)" in PAGE
