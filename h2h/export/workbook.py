"""XLSX: the rows of CSV with dates as dates, and amounts as numbers as long as Excel is exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from h2h.core.money import plain
from h2h.core.spreadsheet import EXACT_DIGITS, LONGEST_CELL, MOST_ROWS, defused
from h2h.core.statement import Entry, Exchange, Statement
from h2h.errors import ConfigError, Refused
from h2h.export.columns import Kind, Table, exchange_words
from h2h.ports import FormTerms

if TYPE_CHECKING:
    from xlsxwriter.format import Format

_CREATED = datetime(2000, 1, 1, tzinfo=UTC)  # the same rows shall give the same bytes
_STRFTIME = {"%Y": "yyyy", "%y": "yy", "%m": "mm", "%d": "dd"}
Put = Callable[[int, int, Any], None]  # row, column, and a value of the column's kind


class WorkbookWriter:
    """A workbook of one sheet while entries come in, a row in memory at a time."""

    def __init__(self, terms: FormTerms, out: BinaryIO, folder: Path) -> None:
        try:
            from xlsxwriter import Workbook  # noqa: PLC0415 - an extra, and seldom needed
        except ImportError as error:
            raise ConfigError("XLSX needs XlsxWriter", "Install h2h[xlsx]") from error

        self._table, day_format = Table(terms), _day_format(terms.date_format)
        self._book = Workbook(out, {"constant_memory": True, "tmpdir": str(folder)})
        self._book.set_properties({"created": _CREATED})
        self._sheet = self._book.add_worksheet()
        self._day = self._book.add_format({"num_format": day_format})
        self._figures: dict[int, Format] = {}
        self._row, self._cut = 0, 0
        self._put: Mapping[Kind, Put] = {
            Kind.TEXT: self._text,
            Kind.AMOUNT: self._amount,
            Kind.DAY: lambda row, at, day: self._sheet.write_datetime(row, at, day, self._day),
            Kind.COUNT: self._sheet.write_number,
            Kind.FLAG: self._sheet.write_boolean,
            Kind.EXCHANGE: self._exchange,
        }
        if terms.header:
            for place, heading in enumerate(self._table.headings):
                self._sheet.write_string(0, place, heading)
            self._row = 1

    def begin(self, statement: Statement) -> None:
        """The entries that come now are this statement's."""
        self._table.begin(statement)

    def add(self, entries: Sequence[Entry]) -> None:
        """Write the rows of the next entries."""
        for chunk in self._table.chunks(entries):
            puts = [self._put[column.kind] for column in self._table.columns]
            columns = [column.values(chunk) for column in self._table.columns]
            for row in zip(*columns, strict=True):
                self._write(puts, row)

    def end(self) -> Sequence[str]:
        """Write the file; what was too long for a cell."""
        self._book.close()
        if not self._cut:
            return ()
        return (f"{self._cut} texts are cut to {LONGEST_CELL} characters, the most of a cell",)

    def abandon(self) -> None:
        """The rows lie in a temporary file until the end."""
        self._book.close()

    def _write(self, puts: Sequence[Put], row: Sequence[object]) -> None:
        if self._row >= MOST_ROWS:
            words = f"there are more than {MOST_ROWS} rows, the most of a sheet"
            raise Refused(words, 'Hand it over as CSV, or let rows = "entries" leave batches out')
        for place, (put, value) in enumerate(zip(puts, row, strict=True)):
            if value is not None and value != "":
                put(self._row, place, value)
        self._row += 1

    def _text(self, row: int, at: int, text: str) -> None:
        cell = defused(text)
        self._cut += len(cell) > LONGEST_CELL
        self._sheet.write_string(row, at, cell[:LONGEST_CELL])

    def _exchange(self, row: int, at: int, exchange: Exchange) -> None:
        self._text(row, at, exchange_words(exchange))

    def _amount(self, row: int, at: int, amount: Decimal) -> None:
        """A number where binary floating point gives the same digits back, else a text."""
        text = plain(amount)
        if len(text.replace(".", "").lstrip("-0")) > EXACT_DIGITS:
            self._sheet.write_string(row, at, text)
        else:
            self._sheet.write_number(row, at, float(text), self._figure(text))

    def _figure(self, text: str) -> Format:
        """As many decimals as the bank wrote."""
        decimals = len(text.partition(".")[2])
        if decimals not in self._figures:
            form = "0" + ("." + "0" * decimals if decimals else "")
            self._figures[decimals] = self._book.add_format({"num_format": form})
        return self._figures[decimals]


def _day_format(form: str) -> str:
    for ours, excel in _STRFTIME.items():
        form = form.replace(ours, excel)
    if "%" in form:
        raise Refused(f"{form!r} is no date format for XLSX", "Use %Y, %y, %m and %d alone")
    return form
