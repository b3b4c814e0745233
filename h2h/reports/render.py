"""A report as HTML that prints well, PDF, XLSX, CSV, or JSON lines.

HTML is whole in itself: no script, no address outside, its style in its head. Figures for people
have their thousands apart; figures for programs are plain. Nothing is rounded anywhere.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from h2h.core.money import plain
from h2h.core.spreadsheet import EXACT_DIGITS, LONGEST_CELL, MOST_ROWS, defused
from h2h.core.words import Translate, say, tell
from h2h.errors import ConfigError, Refused
from h2h.ports.reporting import Printer
from h2h.reports.table import Cell, Kind, Report, Row, Table

if TYPE_CHECKING:
    from jinja2 import Template
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

FORMS = ("html", "pdf", "xlsx", "csv", "json")
FIGURES = frozenset({Kind.AMOUNT, Kind.COUNT, Kind.SPAN, Kind.SHARE})  # they stand to the right
_MADE = datetime(2000, 1, 1, tzinfo=UTC)  # of a workbook: the same figures give the same bytes
_WIDE = 8  # columns from which a table is printed on a page that lies
_TOTAL = say("Total")
_DAY = 86_400  # seconds
_A4 = 9  # as spreadsheets number papers
_LONGEST_NAME = 31  # of a sheet


def write(
    report: Report,
    form: str,
    target: Path,
    translate: Translate = str,
    *,
    language: str = "en",
    printer: Printer | None = None,
) -> None:
    """Write `report` to `target`, flushed, or leave nothing there.

    Raises ConfigError for a form that cannot be made on this machine, Refused for a table that has
    no place in it.
    """
    if form == "pdf":
        _pdf(report, target, translate, language, printer)
        return
    with _written(target) as out:
        if form == "xlsx":
            _xlsx(report, out, target.parent, translate)
            return
        text = _Lines(out, "utf-8-sig" if form == "csv" else "utf-8")
        {"html": _html, "csv": _csv, "json": _json}[form](
            report, text, Telling(translate, language)
        )


@contextmanager
def _written(target: Path) -> Iterator[BinaryIO]:
    try:
        with target.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise


class _Lines:
    """Text written to a binary file; whose it is closes it."""

    def __init__(self, out: BinaryIO, encoding: str) -> None:
        self._out = out
        out.write(b"\xef\xbb\xbf" if encoding == "utf-8-sig" else b"")

    def write(self, text: str) -> int:
        """Write `text`."""
        return self._out.write(text.encode())


# ------------------------------------------------------------------------------------------ telling


class Telling:
    """Words and figures in the reader's form."""

    def __init__(self, translate: Translate, language: str = "en") -> None:
        self.translate = translate
        self.language = language

    def say(self, template: str, /, **values: object) -> str:
        """A sentence of a template."""
        told = self.translate(template)
        return told.format(**values) if values else told

    def words(self, words: str) -> str:
        """A sentence that the code made."""
        return tell(words, self.translate)

    def cell(self, cell: Cell) -> str:
        """A cell for people."""
        if isinstance(cell, Decimal):
            return apart(cell)
        if isinstance(cell, int):
            return f"{cell:,}"
        return self.words(cell) if isinstance(cell, str) else bare(cell)

    def percent(self, cell: Cell) -> str:
        """A share for people."""
        return "" if cell is None else f"{cell} %"


def apart(amount: Decimal) -> str:
    """`-1,248,902.10`: thousands apart, its own decimals, every digit."""
    sign, digits = ("-", plain(-amount)) if amount < 0 else ("", plain(amount))
    whole, point, fraction = digits.removeprefix("-").partition(".")
    return f"{sign}{int(whole):,}{point}{fraction}"


def bare(cell: Cell) -> str:
    """A cell as programs read it: ISO days and times, a span in `H:MM:SS`, amounts plain."""
    match cell:
        case None:
            return ""
        case Decimal():
            return plain(cell)
        case datetime():
            return cell.isoformat(" ", "seconds")
        case date():
            return cell.isoformat()
        case timedelta():
            minutes, seconds = divmod(int(cell.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        case _:
            return str(cell)


def localised(report: Report, table: Table) -> Iterator[tuple[bool, Row]]:
    """The rows, times on the report's clock, then the totals: (is it a total, row)."""
    for total, rows in ((False, table.rows), (True, table.totals)):
        for row in rows:
            zone = report.scope.zone
            yield (
                total,
                [each.astimezone(zone) if isinstance(each, datetime) else each for each in row],
            )


def shown(report: Report, table: Table) -> Iterator[tuple[bool, Row]]:
    """The same for people: a total's first cell says so."""
    for total, row in localised(report, table):
        yield total, [_TOTAL, *row[1:]] if total else row


# ---------------------------------------------------------------------------------------- HTML, PDF


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - heavy

    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")


def _html(report: Report, out: _Lines, telling: Telling) -> None:
    facts = {
        "report": report,
        "telling": telling,
        "say": telling.say,
        "language": "zh-CN" if telling.language == "zh" else telling.language,
        "figures": FIGURES,
        "Kind": Kind,
        "localised": localised,
        "wide": _WIDE,
    }
    for part in _template().generate(facts):
        out.write(part)


def _pdf(
    report: Report, target: Path, translate: Translate, language: str, printer: Printer | None
) -> None:
    if printer is None:
        raise ConfigError(
            say("there is nothing here that prints PDF"),
            say("Install Debian's package chromium, or take the report as HTML and print that"),
        )
    page = target.with_name(f".{target.name}.html")
    try:
        write(report, "html", page, translate, language=language)
        printer.pdf(page, target)
    finally:
        page.unlink(missing_ok=True)


# ------------------------------------------------------------------------------------- CSV and JSON


def _csv(report: Report, out: _Lines, telling: Telling) -> None:
    """Every table, each behind its name and its headings, an empty line between two."""
    lines = csv.writer(out)
    for place, table in enumerate(report.tables):
        if place:
            lines.writerow(())
        lines.writerow([defused(telling.words(table.title))])
        lines.writerow([defused(telling.words(column.heading)) for column in table.columns])
        for _, row in shown(report, table):
            lines.writerow([_csv_cell(each, telling) for each in row])


def _csv_cell(cell: Cell, telling: Telling) -> str:
    """Only a text can be a formula: a negative amount is a number."""
    return defused(telling.words(cell)) if isinstance(cell, str) else bare(cell)


def _json(report: Report, out: _Lines, telling: Telling) -> None:
    """A line for the report, then one for each row and total of each table."""
    scope = report.scope
    head = {
        "report": report.kind,
        "from": scope.first.isoformat(),
        "to": scope.last.isoformat(),
        "made": report.made.isoformat(),
        "tables": [table.name for table in report.tables],
    }
    out.write(json.dumps(head) + "\n")
    for table in report.tables:
        names = [column.name for column in table.columns]
        for total, row in localised(report, table):
            facts: dict[str, Any] = {"table": table.name} | ({"total": True} if total else {})
            facts |= dict(zip(names, (_json_cell(each, telling) for each in row), strict=True))
            out.write(json.dumps(facts, ensure_ascii=False) + "\n")


def _json_cell(cell: Cell, telling: Telling) -> str | int | None:
    """Amounts as text, spans in seconds, times with their zone."""
    match cell:
        case timedelta():
            return int(cell.total_seconds())
        case datetime():
            return cell.isoformat()
        case str():
            return telling.words(cell)
        case int() | None:
            return cell
        case _:
            return bare(cell)


# --------------------------------------------------------------------------------------------- XLSX


def _xlsx(report: Report, out: BinaryIO, folder: Path, translate: Translate) -> None:
    """A sheet a table, with a row in memory at a time."""
    try:
        from xlsxwriter import Workbook  # noqa: PLC0415 - an extra, and seldom needed
    except ImportError as error:
        raise ConfigError("XLSX needs XlsxWriter", "Install h2h[xlsx]") from error

    book = Workbook(out, {"constant_memory": True, "tmpdir": str(folder)})
    book.set_properties({"created": _MADE, "title": tell(report.title, translate)})
    sheets = _Sheets(book, translate)
    try:
        for table in report.tables:
            sheets.add(report, table)
    finally:
        book.close()


class _Sheets:
    """Tables put into a workbook."""

    def __init__(self, book: Workbook, translate: Translate) -> None:
        self._book = book
        self._telling = Telling(translate)
        self._formats: dict[tuple[str, bool], Format] = {}

    def add(self, report: Report, table: Table) -> None:
        """One more sheet."""
        sheet = self._book.add_worksheet(self._telling.words(table.title)[:_LONGEST_NAME])
        for place, column in enumerate(table.columns):
            sheet.set_column(place, place, 28 if column.kind is Kind.TEXT else 18)
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        sheet.set_landscape()
        sheet.set_paper(_A4)
        self._row(sheet, 0, [column.heading for column in table.columns], bold=True)
        for number, (total, row) in enumerate(shown(report, table), 1):
            if number >= MOST_ROWS:
                words = say("there are more than {rows} rows, the most of a sheet", rows=MOST_ROWS)
                raise Refused(words, say("Take it as CSV, or ask for fewer days"))
            self._row(sheet, number, row, bold=total)

    def _row(self, sheet: Worksheet, number: int, row: Row, *, bold: bool) -> None:
        for place, cell in enumerate(row):
            if cell is None or cell == "":
                continue
            value, shown_as = in_a_sheet(
                self._telling.words(cell) if isinstance(cell, str) else cell
            )
            form = self._form(shown_as, bold=bold)
            if isinstance(value, str):
                sheet.write_string(number, place, value, form)
            elif isinstance(value, date):
                sheet.write_datetime(number, place, value, form)
            else:
                sheet.write_number(number, place, value, form)

    def _form(self, shown_as: str, *, bold: bool) -> Format:
        key = (shown_as, bold)
        if key not in self._formats:
            self._formats[key] = self._book.add_format({"num_format": shown_as, "bold": bold})
        return self._formats[key]


def in_a_sheet(cell: Cell) -> tuple[str | float | date, str]:
    """The value of a cell and how it is shown. An amount is a number where binary floating point
    gives the same digits back, else a text; a time is the one on the report's clock."""
    match cell:
        case Decimal():
            return _exactly(plain(cell))
        case datetime():
            return cell.replace(tzinfo=None, microsecond=0), "yyyy-mm-dd hh:mm:ss"
        case date():
            return cell, "yyyy-mm-dd"
        case timedelta():
            return int(cell.total_seconds()) / _DAY, "[h]:mm:ss"
        case int():
            return cell, "#,##0"
        case _:
            return defused(str(cell or ""))[:LONGEST_CELL], "@"


def _exactly(text: str) -> tuple[str | float, str]:
    if len(text.replace(".", "").lstrip("-0")) > EXACT_DIGITS:
        return text, "@"
    decimals = len(text.partition(".")[2])
    return float(text), "#,##0" + ("." + "0" * decimals if decimals else "")
