"""What each ERP finds in its folder, byte for byte, for one day at the bank.

The expected files lie in export_expected/, named as the ERP would find them: a change of any of
them is a change of what an ERP imports.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import pytest

from h2h.core.naming import fitted
from h2h.core.statement import StatementKind
from h2h.errors import ConfigError
from h2h.export import FORMS, PRESETS, ErpExporter
from h2h.export.columns import COLUMNS
from h2h.export.offline import BankFile
from h2h.ports import Source

if TYPE_CHECKING:
    from h2h.export import Preset
    from h2h.ports import FormTerms

HERE = Path(__file__).parent
EXPECTED = HERE / "export_expected"
DOCS = HERE.parents[1] / "docs"
LARGEST = 1_000_000
FACTS: dict[str, str | date] = {
    "bank": "acme",
    "account": "DE89370400440532013000",
    "date": date(2026, 11, 23),
    "sequence": "231",
    "id": "20261123-191500-a1b2c3",
    "currency": "EUR",
    "kind": "statement",
    "name": "out",
}
CASES = [(preset, form) for preset in PRESETS.values() for form in preset.forms]
NAMES = [f"{preset.name}-{form.form}" for preset, form in CASES]


def name_of(preset: Preset, form: FormTerms) -> str:
    suffix = ErpExporter().suffix(form)
    return fitted(preset.file_name, FACTS, preset.longest_name - len(suffix)) + suffix


def made(form: FormTerms, target: Path) -> bytes:
    """The form of the bank's day that it takes; of a workbook its cells."""
    source = "intraday.xml" if form.form == "mt942" else "statement.xml"
    file = BankFile(EXPECTED / source, LARGEST)
    kept = [each for each in file.statements if form.takes(each.kind)]
    origin = Source(EXPECTED / source, tuple(each.index for each in kept))
    ErpExporter().write(form, kept, target, source=origin)
    return cells(target) if form.form == "xlsx" else target.read_bytes()


def cells(path: Path) -> bytes:
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    rows = (
        "\t".join(f"{cell.data_type}:{cell.value}" for cell in row) for row in sheet.iter_rows()
    )
    return "\n".join([*rows, ""]).encode()


@pytest.mark.parametrize(("preset", "form"), CASES, ids=NAMES)
def test_the_erp_finds_what_it_imports(preset: Preset, form: FormTerms, tmp_path: Path) -> None:
    name = name_of(preset, form)
    expected = EXPECTED / preset.name / (f"{name}.txt" if form.form == "xlsx" else name)
    assert made(form, tmp_path / name) == expected.read_bytes()


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_a_preset_can_be_served(preset: Preset) -> None:
    assert preset.forms
    for form in preset.forms:
        assert form.form in FORMS
        assert set(form.columns) <= set(COLUMNS)
        assert len(form.headings) in {0, len(form.columns)}
        assert any(form.takes(kind) for kind in StatementKind)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_no_statement_comes_in_two_forms(preset: Preset) -> None:
    """An ERP that finds a statement twice posts it twice."""
    for kind in StatementKind:
        assert sum(form.takes(kind) for form in preset.forms) <= 1


@pytest.mark.parametrize("preset", PRESETS.values(), ids=list(PRESETS))
def test_a_page_tells_where_the_erp_picks_it_up(preset: Preset) -> None:
    page = (DOCS / preset.page).read_text("utf-8")
    assert f'"{preset.name}"' in page
    assert "## What is lost" in page
    for form in preset.forms:
        for column, heading in zip(form.columns, form.headings, strict=True):
            assert f"| {heading} | `{column}` |" in page
    assert preset.page in (DOCS / "exports.md").read_text("utf-8")


# ------------------------------------------------------------------------------------------- names


def test_netsuite_gets_names_of_fifty_characters_that_end_with_our_id() -> None:
    preset = PRESETS["netsuite"]
    name = name_of(preset, preset.forms[0])
    assert name == "00440532013000_20261123_20261123-191500-a1b2c3.xml"
    assert len(name) == 50


def test_the_longest_text_is_cut_first_and_the_id_never() -> None:
    template, facts = "{bank}_{name}_{id}", {"bank": "acme", "name": "x" * 30, "id": "ID-1"}
    assert fitted(template, facts, 20) == "acme_xxxxxxxxxx_ID-1"
    assert fitted(template, facts, 12) == "acm_xxx_ID-1"
    with pytest.raises(ConfigError, match="cannot be cut to 7 characters"):
        fitted(template, facts, 7)


def test_what_is_empty_leaves_no_gap_in_a_name() -> None:
    facts = {"bank": "acme", "sequence": "", "id": "ID-1"}
    assert fitted("{bank}_{sequence}_{id}", facts, 99) == "acme_ID-1"


def test_a_name_without_our_id_is_refused() -> None:
    with pytest.raises(ConfigError, match="by which two files are told apart"):
        fitted("{bank}", {"bank": "acme", "id": "ID-1"}, 99)


def test_bank_names_never_leave_the_folder() -> None:
    facts = {"bank": "../a b", "id": "ID-1"}
    assert fitted("{bank}_{id}", facts, 99) == "_._a_b_ID-1"
