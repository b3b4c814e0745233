"""A report in its forms: exact, harmless in a spreadsheet, whole in itself, and printed."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import stat
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from lxml import html

from h2h.adapters.catalogue import translator
from h2h.adapters.pdf import ChromiumPrinter
from h2h.core.words import say
from h2h.errors import ConfigError, Transient
from h2h.reports.render import apart, write
from h2h.reports.table import Column, Kind, Report, Scope, Table

LONG = Decimal("123456789012345678.90")
COLUMNS = (
    Column("name", say("Name")),
    Column("currency", say("Currency")),
    Column("amount", say("Amount"), Kind.AMOUNT),
    Column("day", say("Day"), Kind.DAY),
    Column("came", say("Came"), Kind.TIME),
    Column("late", say("Late by"), Kind.SPAN),
    Column("payments", say("Payments"), Kind.COUNT),
    Column("share", say("Straight through"), Kind.SHARE),
)
NAMES = ("=1+1", "+49", "-1", "@SUM(A1)", "<script>alert(1)</script>", "שלום", 'a "b", c')
CAME = datetime(2026, 11, 23, 6, tzinfo=UTC)


def row(name: str, amount: Decimal = Decimal("-1234.50")) -> tuple[object, ...]:
    return (
        *(name, "EUR", amount, date(2026, 11, 23), CAME),
        *(timedelta(hours=30, seconds=5), 1200, Decimal("97.5")),
    )


@pytest.fixture
def report() -> Report:
    rows = [row(name) for name in NAMES] + [row("long", LONG), ("none", *(None,) * 7)]
    total = ("", "EUR", Decimal("0.00"), *(None,) * 5)
    tables = (
        Table("names", say("Entries"), COLUMNS, rows, [total], note=say("Nothing.")),  # type: ignore[arg-type]  # cells
        Table("empty", say("Open"), COLUMNS[:2], []),
    )
    scope = Scope(date(2026, 11, 1), date(2026, 11, 30), ZoneInfo("Europe/Berlin"))
    return Report("movements", say("Movements"), scope, CAME, "test", tables)


def written(report: Report, form: str, folder: Path, language: str = "en") -> Path:
    target = folder / f"report.{form}"
    write(report, form, target, translator(language), language=language, printer=ChromiumPrinter())
    return target


def test_csv_is_exact_and_runs_nothing(report: Report, tmp_path: Path) -> None:
    content = written(report, "csv", tmp_path).read_bytes().decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(content, newline="")))
    assert lines[:2] == [["Entries"], [str(column.heading) for column in COLUMNS]]
    assert [line[0] for line in lines[2:9]] == [
        *("'=1+1", "'+49", "'-1", "'@SUM(A1)", *NAMES[4:]),
    ]
    assert lines[2][1:] == [
        *("EUR", "-1234.50", "2026-11-23", "2026-11-23 07:00:00+01:00", "30:00:05", "1200"),
        "97.5",
    ]
    assert lines[9][2] == "123456789012345678.90"
    assert lines[11][:3] == ["Total", "EUR", "0.00"]
    assert lines[12:] == [[], ["Open"], ["Name", "Currency"]]


def test_json_has_a_line_a_row_with_amounts_as_text(report: Report, tmp_path: Path) -> None:
    content = written(report, "json", tmp_path).read_text()
    head, first, *rest = [json.loads(line) for line in content.splitlines()]
    assert (head["report"], head["from"], head["tables"]) == (
        *("movements", "2026-11-01"),
        ["names", "empty"],
    )
    assert first == {
        "table": "names",
        "name": "=1+1",
        "currency": "EUR",
        "amount": "-1234.50",
        "day": "2026-11-23",
        "came": "2026-11-23T07:00:00+01:00",
        "late": 108005,
        "payments": 1200,
        "share": "97.5",
    }
    assert rest[-1] == {
        **dict.fromkeys(column.name for column in COLUMNS),
        "table": "names",
        "total": True,
        "name": "",
        "currency": "EUR",
        "amount": "0.00",
    }


def test_a_sheet_counts_with_what_it_can_hold_and_keeps_the_rest_as_text(
    report: Report, tmp_path: Path
) -> None:
    path = written(report, "xlsx", tmp_path)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Entries", "Open"]
    names, *rows = book["Entries"].iter_rows()
    assert [cell.value for cell in names] == [str(column.heading) for column in COLUMNS]
    first = rows[0]
    assert (first[0].value, first[0].data_type) == ("'=1+1", "s")
    assert (first[2].value, first[2].number_format) == (-1234.5, "#,##0.00")
    assert (first[3].value, first[4].value) == (
        datetime(2026, 11, 23),  # noqa: DTZ001 - a cell knows no zone
        datetime(2026, 11, 23, 7),  # noqa: DTZ001 - the same
    )
    assert first[6].value == 1200
    assert (rows[7][2].value, rows[7][2].data_type) == ("123456789012345678.90", "s")
    again = tmp_path / "again"
    again.mkdir()
    assert written(report, "xlsx", again).read_bytes() == path.read_bytes()


def found(page: html.HtmlElement, path: str) -> list[Any]:
    """What an XPath finds in a page."""
    there = page.xpath(path)
    assert isinstance(there, list)
    return there


def test_html_is_whole_in_itself_and_a_real_table(report: Report, tmp_path: Path) -> None:
    content = written(report, "html", tmp_path).read_text()
    page = html.fromstring(content)
    assert found(page, "//script") == []
    assert found(page, "//*[@src or @href]") == []
    assert "url(" not in content
    assert "default-src 'none'" in content
    assert {each.get("scope") for each in found(page, "//thead//th")} == {"col"}
    assert found(page, "//tfoot//th[@scope='row']/text()") == ["Total"]
    [first, *_] = found(page, "//section[1]//tbody/tr")
    assert [cell.text_content().strip() for cell in first] == [
        *("=1+1", "EUR", "-1,234.50", "2026-11-23", "2026-11-23 07:00:00+01:00"),
        *("30:00:05", "1,200", "97.5 %"),
    ]
    assert [cell.get("class") for cell in first][2] == "figure"
    assert found(page, "//section[1]//tbody/tr[5]/td[1]/bdi/text()") == [NAMES[4]]
    assert found(page, "//section[2]//tbody//td/text()") == ["Nothing."]
    assert found(page, "//p[@class='test']/text()") == ["TEST"]
    for rule in ("size: A4", "table-header-group", "break-inside: avoid", "tabular-nums"):
        assert rule in content


def test_a_report_is_told_in_chinese(report: Report, tmp_path: Path) -> None:
    page = html.fromstring(written(report, "html", tmp_path, "zh").read_text())
    assert page.get("lang") == "zh-CN"
    headings = [each.text_content() for each in found(page, "//section[1]//thead//th")]
    assert not any(re.search("[A-Za-z]", heading) for heading in headings)


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("0", "0"),
        ("-0.00", "0.00"),
        ("-1234567.001", "-1,234,567.001"),
        ("999", "999"),
        ("1E+3", "1,000"),
        ("123456789012345678901234.5", "123,456,789,012,345,678,901,234.5"),
    ],
)
def test_thousands_stand_apart_and_no_digit_is_lost(amount: str, told: str) -> None:
    assert apart(Decimal(amount)) == told


def test_what_cannot_be_written_leaves_nothing(report: Report, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="chromium"):
        write(report, "pdf", tmp_path / "report.pdf")
    assert list(tmp_path.iterdir()) == []


# ----------------------------------------------------------------------------------------- printing


def test_chromium_prints_it(report: Report, tmp_path: Path) -> None:
    if shutil.which("chromium") is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("there is no chromium")
    pdf = written(report, "pdf", tmp_path)
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF-")
    assert b"%%EOF" in content[-1024:]
    assert stat.S_IMODE(pdf.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [pdf]


def program(folder: Path, script: str) -> str:
    path = folder / "printer"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return str(path)


def test_the_printer_sees_nothing_of_our_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("H2H_SECRET", "hunter2")
    page, seen = tmp_path / "page.html", tmp_path / "seen"
    page.write_text("<p>x</p>")
    script = f"""env > {seen}; echo "$@" >> {seen}
for word in "$@"; do
  case $word in --print-to-pdf=*) printf '%%PDF-1.4' > "${{word#*=}}";; esac
done"""
    ChromiumPrinter(program(tmp_path, script)).pdf(page, tmp_path / "out.pdf")
    assert (tmp_path / "out.pdf").read_bytes() == b"%PDF-1.4"
    told = seen.read_text()
    assert "hunter2" not in told
    assert str(Path.home()) not in told.replace("HOME=/tmp", "")
    assert "NOTFOUND" in told
    assert "--user-data-dir=" in told


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo no display >&2; exit 1", "made no PDF: no display"),
        ("sleep 60", "within 0.3 seconds"),
    ],
)
def test_a_printer_that_fails_or_hangs_is_told_and_leaves_nothing(
    tmp_path: Path, script: str, words: str
) -> None:
    page = tmp_path / "page.html"
    page.write_text("<p>x</p>")
    printer = ChromiumPrinter(program(tmp_path, script), limit=0.3 if "sleep" in script else 30)
    with pytest.raises(Transient, match=words):
        printer.pdf(page, tmp_path / "out.pdf")
    assert not (tmp_path / "out.pdf").exists()


def test_without_a_chromium_the_remedy_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="Debian's package chromium"):
        ChromiumPrinter().pdf(tmp_path / "page.html", tmp_path / "out.pdf")
