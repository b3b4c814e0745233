"""`h2h read FILE…`: any bank file, offline; no workspace, no ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from h2h.cli.export import FORM_HELP, form_options, write_file
from h2h.core import books
from h2h.core.money import plain
from h2h.core.naming import escaped
from h2h.core.problem import Problem, Severity
from h2h.errors import H2HError
from h2h.export import entry_object

if TYPE_CHECKING:
    from rich.table import Table

    from h2h.core.recall import Resolution
    from h2h.core.statement import Statement
    from h2h.core.status import Reason, StatusReport
    from h2h.ports import BankMessage

LARGEST = 1_000_000_000  # bytes, as the configuration's default
Json = dict[str, Any]  # what json.dumps takes; the shapes are those of the documentation


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_lines", is_flag=True, help="One JSON object a line, one line a file.")
@click.option("--entries", is_flag=True, help="With every entry of every statement.")
@click.option("--format", "form", metavar="FORM", help=f"Write one FILE as {FORM_HELP}.")
@form_options
@click.pass_context
def read(
    context: click.Context,
    /,
    files: tuple[Path, ...],
    *,
    as_lines: bool,
    entries: bool,
    form: str | None,
    out: Path | None,
    **looks: Any,  # noqa: ANN401 - the options of form_options
) -> None:
    """Read bank files: account reports (camt, MT940, MT942, BAI2), status reports (pain.002) and
    answers to recalls (camt.029).

    Exit code 1 when one of them is no readable bank file.
    """
    if form:
        _convert(files, form, out, looks)
        return
    if out or any(value is not None for value in looks.values()):
        raise click.UsageError("what a form looks like is told with --format FORM")
    readable = True
    for path, found, problems in read_files(files, LARGEST, entries=entries):
        readable = readable and found["message"] is not None
        if as_lines:
            click.echo(json.dumps(found))
        else:
            _show(path, found, problems)
    context.exit(0 if readable else 1)


def _convert(files: Sequence[Path], form: str, out: Path | None, looks: Mapping[str, Any]) -> None:
    if len(files) != 1:
        raise click.UsageError("--format takes one FILE at a time")
    try:
        write_file(files[0], LARGEST, form, out, looks)
    except H2HError as error:
        raise click.ClickException(f"{escaped(str(files[0]))}: {error}") from error


def read_files(
    paths: Sequence[Path], largest: int, *, entries: bool
) -> Iterator[tuple[Path, Json, Sequence[Problem]]]:
    """What each file says, in the shape of `as_json`, and what is wrong with it."""
    from h2h.adapters.messages import Iso20022Messages, Unreadable  # noqa: PLC0415 - lxml

    messages = Iso20022Messages()
    for path in paths:
        try:
            message = messages.read(path, largest)
            yield path, *as_json(path, message, entries=entries)
        except Unreadable as error:
            problem = _of_ours(path, error.problem)
            yield path, unreadable(path, problem), [problem]


def _of_ours(path: Path, problem: Problem) -> Problem:
    """What no bank sends is not asked of a bank."""
    message = problem.message.removeprefix(f"{escaped(path.name)}: ")
    if problem.rule == "message" and message.startswith(("pain.001.", "pain.008.")):
        return replace(problem, remedy="It is a payment file: judge it with `h2h check`")
    return problem


def as_json(path: Path, message: BankMessage, *, entries: bool) -> tuple[Json, list[Problem]]:
    """One file as `h2h read --json` tells it: with payments, or with statements."""
    found: Json = {"file": escaped(str(path)), "message": message.message}
    problems: list[Problem] = []
    if answer := message.report or message.resolution:
        found |= _report(answer)
        if message.resolution:
            found["confirmation"] = message.resolution.confirmation or None
    else:
        found["statements"] = list(_statements(message, problems, entries=entries))
    problems[:0] = message.problems
    return {**found, "problems": [problem.as_json() for problem in problems]}, problems


def _statements(message: BankMessage, problems: list[Problem], *, entries: bool) -> Iterator[Json]:
    """Each statement once its last part was read; imbalances are added to `problems`."""
    tally, listed = books.Tally(), list[Json]()
    for statement, last in message.parts:
        chunk = tuple(statement.entries)
        tally.add(chunk)
        if entries:
            listed += (entry_object(statement, entry) for entry in chunk)
        if last:
            problems += _imbalance(statement, tally)
            found = _statement(statement, tally)
            yield {**found, "entry_list": listed} if entries else found
            tally, listed = books.Tally(), []


def _imbalance(statement: Statement, tally: books.Tally) -> Iterator[Problem]:
    if words := books.imbalance(statement, tally):
        remedy = "The daemon holds such a statement; ask the bank which figure is wrong"
        path = f"statement {statement.index}"
        yield Problem("balance", Severity.HOLD, words, remedy, path)


def unreadable(path: Path, problem: Problem) -> Json:
    """A file that says nothing: one problem, all else empty."""
    return {
        "file": escaped(str(path)),
        "message": None,
        "statements": [],
        "problems": [problem.as_json()],
    }


def _statement(statement: Statement, tally: books.Tally) -> Json:
    first, last = books.opening(statement), books.closing(statement)
    start, end = statement.period_from, statement.period_to
    return {
        "account": statement.account or None,
        "currency": statement.currency or None,
        "id": statement.id or None,
        "sequence": statement.electronic_sequence or statement.legal_sequence or None,
        "from": start.isoformat() if start else None,
        "to": end.isoformat() if end else None,
        "opening": plain(first.amount) if first else None,
        "closing": plain(last.amount) if last else None,
        "entries": tally.entries,
        "credit_sum": plain(tally.credits),
        "debit_sum": plain(tally.debits),
        "balanced": books.balanced(statement, tally),
    }


def _report(report: StatusReport | Resolution) -> Json:
    return {
        "original_message_id": report.original_message_id or None,
        "group_status": report.group_status or None,
        "reasons": _reasons(report.reasons),
        "batches": [
            {
                "batch_id": batch.id or None,
                "status": batch.status or None,
                "reasons": _reasons(batch.reasons),
            }
            for batch in report.batches
            if batch.status or batch.reasons
        ],
        "payments": [
            {
                "batch_id": batch.id or None,
                "instruction_id": payment.instruction_id or None,
                "end_to_end_id": payment.end_to_end_id or None,
                "status": payment.status or batch.status or report.group_status or None,
                "reasons": _reasons(payment.reasons),
                "amount": payment.amount or None,
                "currency": payment.currency or None,
            }
            for batch in report.batches
            for payment in batch.payments
        ],
    }


def _reasons(reasons: Iterable[Reason]) -> list[Json]:
    return [{"code": reason.code, "words": reason.words} for reason in reasons]


# --------------------------------------------------------------------------------- for a person

_STATEMENT_COLUMNS = ("account", "no.", "period", "opening", "closing", "entries", "balanced")
_PAYMENT_COLUMNS = ("batch", "end to end id", "status", "reasons", "amount")
_BALANCED = {True: "yes", False: "NO", None: "-"}


def _show(path: Path, found: Json, problems: Sequence[Problem]) -> None:
    """A table of statements or payments, then what is wrong."""
    from rich.console import Console  # noqa: PLC0415 - 60 ms that --json need not pay

    from h2h.cli.problems import show_problems  # noqa: PLC0415 - the same

    console = Console(markup=False, highlight=False, emoji=False)
    console.print(f"{found['file']}: {found['message'] or 'unreadable'}", soft_wrap=True)
    if rows := found.get("statements"):
        console.print(_table(_STATEMENT_COLUMNS, map(_statement_cells, rows)))
    elif "payments" in found:
        status = found.get("confirmation") or found["group_status"] or "no group status"
        group = f"of {found['original_message_id']}: {status} {_told(found['reasons'])}".strip()
        console.print(escaped(group), soft_wrap=True)
        cells = (*map(_batch_cells, found["batches"]), *map(_payment_cells, found["payments"]))
        console.print(_table(_PAYMENT_COLUMNS, cells))
    if problems:
        show_problems(console, path, problems)


def _table(names: Iterable[str], rows: Iterable[Sequence[str]]) -> Table:
    """Nothing is cut off: a cell that is too long goes on in the next line."""
    from rich.table import Column, Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    figures = {"opening", "closing", "entries", "amount"}
    columns = (
        Column(name, overflow="fold", justify="right", no_wrap=True)
        if name in figures
        else Column(name, overflow="fold")
        for name in names
    )
    table = Table(*columns)
    for row in rows:
        table.add_row(*(Text(escaped(cell)) for cell in row))  # a bank's brackets are no markup
    return table


def _statement_cells(row: Json) -> list[str]:
    return [
        f"{row['account'] or '?'} {row['currency'] or ''}",
        row["sequence"] or "",
        f"{row['from'] or ''} {row['to'] or ''}",
        row["opening"] or "",
        row["closing"] or "",
        str(row["entries"]),
        _BALANCED[row["balanced"]],
    ]


def _told(reasons: Iterable[Json]) -> str:
    return "; ".join(f"{reason['code']} {reason['words']}".strip() for reason in reasons)


def _batch_cells(row: Json) -> list[str]:
    return [row["batch_id"] or "", "(batch)", row["status"] or "", _told(row["reasons"]), ""]


def _payment_cells(row: Json) -> list[str]:
    return [
        row["batch_id"] or "",
        row["end_to_end_id"] or "",
        row["status"] or "",
        _told(row["reasons"]),
        f"{row['amount']} {row['currency'] or ''}" if row["amount"] else "",
    ]
