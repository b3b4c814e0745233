"""CSV (RFC 4180), with the columns, marks and encoding that a receiver reads.

Some hundred rows are told at once, a column after the other: only a column that has something to
quote or to defuse is gone through cell by cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import BinaryIO

from h2h.core.statement import Entry, Statement
from h2h.errors import Refused
from h2h.export.columns import Kind, Table, Values, exchange_words
from h2h.export.writing import Cells, Days, all_defused, figures, lines
from h2h.ports import FormTerms

ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "latin-1")
_END = "\r\n"


class DelimitedLines:
    """Cells put together to lines, in the marks and the encoding of a receiver."""

    def __init__(self, terms: FormTerms, out: BinaryIO) -> None:
        _check(terms)
        self._out, self._terms = out, terms
        self._encoding, self._lost = terms.encoding, 0
        self._quoting = ('"', "\r", "\n", terms.separator)
        if self._encoding == "utf-8-sig":  # its mark belongs before the first line alone
            self._encoding = "utf-8"
            out.write(b"\xef\xbb\xbf")

    def joined(self, cells: Sequence[str]) -> str:
        """A line of cells that are quoted already."""
        return self._terms.separator.join(cells) + _END

    def quoted(self, cells: Sequence[str]) -> Sequence[str]:
        """The cells, in quotes where something in them would end them."""
        whole = "".join(cells)
        if not any(mark in whole for mark in self._quoting):
            return cells
        return [self._quoted_cell(cell) for cell in cells]

    def _quoted_cell(self, cell: str) -> str:
        if any(mark in cell for mark in self._quoting):
            return '"' + cell.replace('"', '""') + '"'
        return cell

    def figure(self, figure: str) -> str:
        """An amount with the decimal mark of the receiver."""
        return figure.replace(".", self._terms.decimal_mark)

    def write(self, rows: Iterable[str]) -> None:
        """Write lines; what the encoding lacks becomes a `?`, and is counted."""
        text = "".join(rows)
        try:
            self._out.write(text.encode(self._encoding))
        except UnicodeEncodeError:
            made = text.encode(self._encoding, "replace")
            self._lost += made.count(b"?") - text.count("?")
            self._out.write(made)

    def told(self) -> tuple[str, ...]:
        """What the encoding could not hold."""
        if not self._lost:
            return ()
        return (f"{self._lost} characters that {self._encoding} lacks are written as ?",)


class DelimitedWriter:
    """A CSV file while entries come in."""

    def __init__(self, terms: FormTerms, out: BinaryIO) -> None:
        self._lines, self._table, self._terms = DelimitedLines(terms, out), Table(terms), terms
        quoted, self._days = self._lines.quoted, Days(terms.date_format)
        self._tell: Mapping[Kind, Callable[[Values], Sequence[str]]] = {
            Kind.TEXT: lambda texts: quoted(all_defused(texts)),
            Kind.AMOUNT: self._amounts,
            Kind.DAY: lambda days: quoted(self._days.told(days)),
            Kind.COUNT: lambda counts: ["" if count is None else str(count) for count in counts],
            Kind.FLAG: lambda flags: ["true" if flag else "false" for flag in flags],
            Kind.EXCHANGE: lambda found: quoted([*map(exchange_words, found)]),
        }
        if terms.header:
            self._lines.write([self._lines.joined(quoted(self._table.headings))])

    def begin(self, statement: Statement) -> None:
        """The entries that come now are this statement's."""
        self._table.begin(statement)

    def add(self, entries: Sequence[Entry]) -> None:
        """Write the rows of the next entries."""
        for chunk in self._table.chunks(entries):
            columns = [
                Cells(self._tell[column.kind](column.values(chunk)))
                for column in self._table.columns
            ]
            self._lines.write(lines(self._lines.joined, columns))

    def end(self) -> Sequence[str]:
        """What the encoding could not hold."""
        return self._lines.told()

    def abandon(self) -> None:
        """Nothing is held."""

    def _amounts(self, amounts: Values) -> Sequence[str]:
        found = figures(amounts)
        if self._terms.decimal_mark == ".":
            return found
        return self._lines.quoted([*map(self._lines.figure, found)])


def _check(terms: FormTerms) -> None:
    """Raise Refused for what would make a file that nobody can read back."""
    if terms.encoding not in ENCODINGS:
        raise Refused(f"there is no encoding {terms.encoding}", f"Choose {', '.join(ENCODINGS)}")
    separator = terms.separator
    if len(separator) != 1 or separator in '"%.-\r\n' or separator.isalnum():
        raise Refused(f"{separator!r} cannot separate cells", "Choose a comma, ; | or a tab")
    if terms.decimal_mark not in {".", ","}:
        raise Refused(f"{terms.decimal_mark!r} is no decimal mark", "Choose a point or a comma")
