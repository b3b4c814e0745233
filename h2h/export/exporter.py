"""Which form is made of what: ports.Exporter."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from h2h.core import books
from h2h.core.statement import Entry, Statement
from h2h.core.status import StatusReport
from h2h.errors import Refused
from h2h.export.delimited import DelimitedWriter
from h2h.export.json_lines import JsonLinesWriter
from h2h.export.reports import csv_of, json_lines_of
from h2h.export.writing import RowWriter, written
from h2h.ports import REPORTS, Export, FormTerms, Source

_ENDINGS = {
    "original": ".xml",
    "camt.02": ".xml",
    "camt.04": ".xml",
    "camt.06": ".xml",
    "camt.08": ".xml",
    "mt940": ".sta",
    "mt942": ".sta",
    "bai2": ".bai",
    "csv": ".csv",
    "jsonl": ".jsonl",
    "xlsx": ".xlsx",
}
FORMS = tuple(_ENDINGS)
_ROWS = 500  # of entries that are walked together
_LONG_AGO = datetime(1970, 1, 1)  # noqa: DTZ001 - a bank's local time, where it tells none


class ErpExporter:
    """Every form, as ports.Exporter wants them."""

    def write(
        self,
        terms: FormTerms,
        statements: Sequence[Statement],
        target: Path,
        *,
        source: Source | None = None,
    ) -> Sequence[str]:
        """Write `statements` in one form to `target`, flushed; sentences of what was left out."""
        if terms.form not in FORMS:
            raise Refused(f"there is no form {terms.form}", f"Choose {', '.join(FORMS)}")
        if terms.form == "original" or terms.form.startswith("camt."):
            return _rewritten(terms, target, source)
        with written(target) as out:
            return _made(terms, statements, out, target)

    def suffix(self, terms: FormTerms) -> str:
        """The end of the file's name."""
        return terms.ending or _ENDINGS[terms.form]

    def report(
        self, report: StatusReport, forms: Sequence[FormTerms] = REPORTS
    ) -> Sequence[Export]:
        """A row a payment; a batch, or the whole, that lists no payment has one row of its own."""
        made = []
        for terms in forms:
            if terms.form == "csv":
                made.append(Export(self.suffix(terms), *csv_of(report, terms)))
            elif terms.form == "jsonl":
                made.append(Export(self.suffix(terms), json_lines_of(report)))
        return made


# ----------------------------------------------------------------------------- from the bank's file


def _rewritten(terms: FormTerms, target: Path, source: Source | None) -> Sequence[str]:
    if source is None:
        words = f"{terms.form} is made of the bank's own file, which is not at hand"
        raise Refused(words, "Choose a form that is made of the ledger: mt940, bai2, csv, jsonl")
    from h2h.adapters.messages import Iso20022Messages  # noqa: PLC0415 - lxml

    messages = Iso20022Messages()
    if terms.form == "original":
        messages.extract(source.path, source.keep, target)
        return ()
    found = messages.read(source.path, source.path.stat().st_size).message
    if not found.startswith("camt.05"):
        words = f"the bank sends {found}, and no version of camt can be made of it"
        raise Refused(words, "Choose original, mt940, bai2, csv, jsonl or xlsx for this account")
    version = terms.form.removeprefix("camt.")
    wanted = f"{found[:8]}.001.{version}"
    return messages.rewrite(source.path, wanted, target, keep=source.keep)


# ---------------------------------------------------------------------------------- from the ledger


def _made(
    terms: FormTerms, statements: Iterable[Statement], out: BinaryIO, target: Path
) -> Sequence[str]:
    if terms.form in {"mt940", "mt942"}:
        return _swift(terms, statements, out)
    if terms.form == "bai2":
        return _bai2(terms, [*statements], out)
    if terms.form == "xlsx":
        return _workbook(terms, statements, out, target.parent)
    lines = JsonLinesWriter(out, booked=terms.booked)
    return _rows(DelimitedWriter(terms, out) if terms.form == "csv" else lines, statements)


def _workbook(
    terms: FormTerms, statements: Iterable[Statement], out: BinaryIO, folder: Path
) -> Sequence[str]:
    """Its helping files lie where an ERP that looks into `folder` takes none of them."""
    from h2h.export.workbook import WorkbookWriter  # noqa: PLC0415 - an extra

    with TemporaryDirectory(prefix=".", suffix=".writing", dir=folder) as helping:
        return _rows(WorkbookWriter(terms, out, Path(helping)), statements)


def _rows(writer: RowWriter, statements: Iterable[Statement]) -> Sequence[str]:
    try:
        for statement in statements:
            writer.begin(statement)
            for entries in _together(statement.entries):
                writer.add(entries)
        return writer.end()
    except BaseException:
        writer.abandon()
        raise


def _together(entries: Iterable[Entry]) -> Iterator[Sequence[Entry]]:
    """Entries with some hundred rows at a time: a batch may have thousands of transactions."""
    found, rows = list[Entry](), 0
    for entry in entries:
        found.append(entry)
        rows += len(entry.details) or 1
        if rows >= _ROWS:
            yield found
            found, rows = [], 0
    if found:
        yield found


def _swift(terms: FormTerms, statements: Iterable[Statement], out: BinaryIO) -> Sequence[str]:
    from h2h.adapters.messages.mt940_writer import write_mt940, write_mt942  # noqa: PLC0415 - seldom

    write = write_mt940 if terms.form == "mt940" else write_mt942
    return _told((statement, write(statement, out)) for statement in statements)


def _told(made: Iterable[tuple[Statement, Sequence[str]]]) -> Sequence[str]:
    return [f"statement {each.id or each.index}: {words}" for each, told in made for words in told]


def _bai2(terms: FormTerms, statements: Sequence[Statement], out: BinaryIO) -> Sequence[str]:
    from h2h.adapters.messages.bai2_writer import write_bai2  # noqa: PLC0415 - seldom needed

    return write_bai2(
        statements,
        out,
        sender=terms.bank or "BANK",
        receiver=terms.customer or "CUSTOMER",
        created=max(map(_created, statements), default=_LONG_AGO),
        number=_number(statements),
    )


def _created(statement: Statement) -> datetime:
    """When the bank made it, so that the same statements always make the same file."""
    try:
        return datetime.fromisoformat(statement.created).replace(tzinfo=None)
    except ValueError:
        day = books.as_of(statement)
        return datetime.combine(day, time()) if day else _LONG_AGO


def _number(statements: Iterable[Statement]) -> int:
    """Tells files of one day apart: of other statements it is another one."""
    ids = "\n".join(f"{each.account} {each.id} {each.index}" for each in statements)
    return zlib.crc32(ids.encode()) % 999_999_999 + 1
