"""`h2h report`: position, movements, rejects, turnaround, fees, reconciliation."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.cli.output import Row, show_rows
from h2h.cli.workspace import acting, banks_at, ledger_at, now, translator_at
from h2h.errors import Refused

if TYPE_CHECKING:
    from h2h.ports import BankTerms, Ledger
    from h2h.reports.table import Report, Table

_KINDS = {
    "position": "What every account has, by bank, entity and currency, and what is to come.",
    "movements": "What was booked, account by account, from the opening to the closing balance.",
    "rejects": "What banks rejected or returned, what h2h refused or held back, and why.",
    "turnaround": "How long each bank takes, what goes through by itself, what came late.",
    "fees": "What the banks took, by account, month and currency.",
    "reconciliation": "What was sent against what was booked.",
}
_FORMS = click.Choice(["text", "html", "pdf", "xlsx", "csv", "json"])
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def report() -> None:
    """What a period came to: on the screen, to print, or to calculate with."""


def _options(command: Callable[..., None]) -> Callable[..., None]:
    for option in (
        click.option("--from", "first", type=_DAY, help="The first day (this month's first)."),
        click.option("--to", "last", type=_DAY, help="The last day (today)."),
        click.option("--bank", "banks", multiple=True, help="Only this bank; may be repeated."),
        click.option("--account", "accounts", multiple=True, help="Only this account."),
        click.option("--entity", "entities", multiple=True, help="Only this company's accounts."),
        click.option("--format", "form", type=_FORMS, default="text", help="How it is written."),
        click.option("--json", "as_json", is_flag=True, help="The same as --format json."),
        click.option("--to-file", type=click.Path(path_type=Path), help="Write it there."),
    ):
        command = option(command)
    return click.pass_obj(command)


def _add(kind: str, words: str) -> None:
    @report.command(kind, help=words)
    @_options
    def run(
        path: Path,
        *,
        first: datetime | None,
        last: datetime | None,
        banks: tuple[str, ...],
        accounts: tuple[str, ...],
        entities: tuple[str, ...],
        form: str,
        as_json: bool,
        to_file: Path | None,
    ) -> None:
        form = "json" if as_json else form
        if form in {"pdf", "xlsx"} and to_file is None:
            raise click.UsageError(f"{form} is no text: name a file with --to-file")
        days = (first.date() if first else None, last.date() if last else None)
        with ledger_at(path) as ledger:
            made = _made(kind, path, ledger, days, (banks, accounts, entities))
            if to_file is not None:
                _to_file(made, "html" if form == "text" else form, to_file, path)
            elif form == "text":
                _show(made, path)
            else:
                _to_screen(made, form, path)


for _kind, _words in _KINDS.items():
    _add(_kind, _words)


def _made(
    kind: str,
    path: Path,
    ledger: Ledger,
    days: tuple[date | None, date | None],
    whose: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]],
) -> Report:
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.core.books import account_key  # noqa: PLC0415 - with the ledger
    from h2h.core.calendar import business_date  # noqa: PLC0415 - with the ledger
    from h2h.core.operators import Act, may  # noqa: PLC0415 - with the ledger
    from h2h.desk import roles_of  # noqa: PLC0415 - with the ledger
    from h2h.reports.making import made  # noqa: PLC0415 - with the ledger
    from h2h.reports.table import Books, Scope, zone_of  # noqa: PLC0415 - with the ledger

    config, agreed = load(path), banks_at(path)
    banks, accounts, entities = whose
    _insist_known(banks, agreed)
    zone = zone_of(agreed)
    last = days[1] or business_date(now(), zone)
    first = days[0] or last.replace(day=1)
    if first > last:
        raise click.UsageError(f"--from {first} lies behind --to {last}")
    roles = roles_of(ledger, acting(ledger))
    scope = Scope(
        first,
        last,
        zone,
        frozenset(banks),
        frozenset(map(account_key, accounts)),
        frozenset(entities),
        unveiled=roles is None or may(roles, Act.UNVEIL),
    )
    return made(kind, Books(ledger, agreed, now()), scope, config.h2h.environment)


def _insist_known(banks: tuple[str, ...], agreed: dict[str, BankTerms]) -> None:
    for bank in banks:
        if bank not in agreed:
            raise click.UsageError(f"there is no bank {bank!r}: one of {', '.join(agreed)}")


def _to_file(made: Report, form: str, target: Path, path: Path) -> None:
    """Under a temporary name beside it first: what lies there is never overwritten."""
    from h2h.adapters.durable import disk, rename_new  # noqa: PLC0415 - heavy
    from h2h.adapters.pdf import ChromiumPrinter  # noqa: PLC0415 - for PDF alone
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.reports.render import write  # noqa: PLC0415 - heavy

    language = load(path).h2h.language
    with disk(f"writing {target}"):
        part = target.with_name(f".{target.name}.writing")
        write(made, form, part, translator_at(path), language=language, printer=ChromiumPrinter())
        try:
            rename_new(part, target)
        except FileExistsError as error:
            raise Refused(f"{target} is there already", "Name another file") from error
        finally:
            part.unlink(missing_ok=True)
    click.echo(f"{target}")


def _to_screen(made: Report, form: str, path: Path) -> None:
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.reports.render import write  # noqa: PLC0415 - heavy

    with tempfile.TemporaryDirectory(prefix="h2h-report-") as room:
        part = Path(room, "report")
        write(made, form, part, translator_at(path), language=load(path).h2h.language)
        with part.open(encoding="utf-8-sig", newline="") as lines:
            for line in lines:
                sys.stdout.write(line)


# -------------------------------------------------------------------------------------- as a table


def _show(made: Report, path: Path) -> None:
    from h2h.reports.render import Telling  # noqa: PLC0415 - heavy

    telling = Telling(translator_at(path))
    scope = made.scope
    click.secho(f"{telling.words(made.title)} {scope.first} … {scope.last}", bold=True)
    for note in made.notes:
        click.echo(telling.words(note))
    for table in made.tables:
        click.secho(f"\n{telling.words(table.title)}", bold=True)
        _show_table(made, table, telling.words, telling.cell)
        if table.note:
            click.echo(telling.words(table.note))


def _show_table(
    made: Report, table: Table, words: Callable[[str], str], told: Callable[..., str]
) -> None:
    from h2h.reports.render import FIGURES, shown  # noqa: PLC0415 - heavy

    headings = [words(column.heading) for column in table.columns]
    rows: list[Row] = [
        dict(zip(headings, map(told, row), strict=True)) for _, row in shown(made, table)
    ]
    figures = [words(column.heading) for column in table.columns if column.kind in FIGURES]
    show_rows(rows, headings, as_json=False, empty="-", figures=figures)
