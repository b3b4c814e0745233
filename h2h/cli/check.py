"""`h2h check FILE…`: judge outgoing files, offline, before anybody sends them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.cli.read import Json, show_problems
from h2h.core.money import plain
from h2h.core.naming import escaped

if TYPE_CHECKING:
    from h2h.core.payment import Verdict
    from h2h.ports import CheckTerms


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--bank", help="Judge by the terms of this bank of the workspace.")
@click.option("--json", "as_lines", is_flag=True, help="One JSON object a line, one line a file.")
@click.pass_context
def check(
    context: click.Context, files: tuple[Path, ...], *, bank: str | None, as_lines: bool
) -> None:
    """Judge payment files (pain.001): the schema and every rule, all problems at once.

    Exit code 1 when one of them has a problem of severity `error`.
    """
    terms, today = _terms(context.obj, bank)
    valid = True
    for found in check_files(files, terms, today):
        valid = valid and found["valid"]
        if as_lines:
            click.echo(json.dumps(found))
        else:
            _show(found)
    context.exit(0 if valid else 1)


def _terms(config_path: Path, bank: str | None) -> tuple[CheckTerms, date]:
    """The terms and the business date to judge by; without a bank, no workspace is needed."""
    from h2h.ports import CheckTerms  # noqa: PLC0415 - read with the rules, not for --help

    if bank is None:
        return CheckTerms(), datetime.now().astimezone().date()
    from h2h.config import load  # noqa: PLC0415 - only with a workspace
    from h2h.wiring import terms_of  # noqa: PLC0415 - the same

    config = load(config_path)
    if bank not in config.banks:
        raise click.BadParameter(f"there is no bank {bank} in {config_path}")
    terms = terms_of(bank, config.banks[bank], config)
    return terms.check, datetime.now(terms.zone).date()


def check_files(paths: Sequence[Path], terms: CheckTerms, today: date) -> Iterator[Json]:
    """The verdict on each file, in the shape of `as_json`."""
    from h2h.adapters.messages import Iso20022Messages  # noqa: PLC0415 - lxml

    messages = Iso20022Messages()
    for path in paths:
        yield as_json(path, messages.check(path, terms, today))


def as_json(path: Path, verdict: Verdict) -> Json:
    """One verdict as `h2h check --json` tells it; what is unknown is null."""
    return {
        "file": escaped(str(path)),
        "message": verdict.message,
        "valid": verdict.valid,
        "transactions": verdict.transactions,
        "control_sum": {ccy: plain(value) for ccy, value in verdict.control_sum.items()},
        "problems": [problem.as_json() for problem in verdict.problems],
    }


def _show(found: Json) -> None:
    from rich.console import Console  # noqa: PLC0415 - 60 ms that --json need not pay

    console = Console(markup=False, highlight=False, emoji=False)
    sums = ", ".join(f"{value} {currency}" for currency, value in found["control_sum"].items())
    verdict = "valid" if found["valid"] else "NOT VALID"
    count = found["transactions"]
    told = f": {count} payments, {sums}" if count is not None else ""
    words = f"{found['file']}: {found['message'] or 'unreadable'}, {verdict}{told}"
    console.print(words, soft_wrap=True)
    show_problems(console, found["problems"])
