"""`h2h doctor`: everything that a workspace stands on, each fault with its remedy."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import click

from h2h.cli.config import judged
from h2h.cli.examine import (
    CHECKS,
    Line,
    Patient,
    Verdict,
    banks,
    examined,
    installation,
)
from h2h.cli.language import teller
from h2h.cli.output import Row, show_rows
from h2h.cli.workspace import now
from h2h.core.words import say


@click.command()
@click.option("--banks", "asks_banks", is_flag=True, help="Also log in at each bank.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def doctor(path: Path, *, asks_banks: bool, as_json: bool) -> None:
    """Look everything over: configuration, rights, keys, clock, disk, ledger, chain, contacts.

    Exit 1 when something must be mended. It changes nothing.
    """
    told = teller(path)
    rows: list[Row] = [
        {
            "verdict": line.verdict.value,
            "check": line.check,
            "found": told(line.found),
            "remedy": told(line.remedy) or None,
        }
        for line in _lines(path, asks_banks=asks_banks)
    ]
    show_rows(rows, ("verdict", "check", "found", "remedy"), as_json=as_json, empty="")
    failed = sum(row["verdict"] == Verdict.FAIL.value for row in rows)
    if not as_json:
        words = say("{count} to mend", count=failed) if failed else say("nothing to mend")
        click.echo(told(words))
    if failed:
        raise click.exceptions.Exit(1)


def _lines(path: Path, *, asks_banks: bool) -> Iterator[Line]:
    yield from installation(_installed())
    problems, to_do = judged(path)
    for findings, verdict in ((problems, Verdict.FAIL), (to_do, Verdict.WARN)):
        for each in findings:
            found = say(
                "{key}: found {found}; expected {expected}",
                key=each.key or each.file.name,
                found=each.found,
                expected=each.expected,
            )
            yield Line("config.toml", verdict, found, each.remedy)
    if problems:
        return  # nothing of it could be looked at
    from h2h.config import load  # noqa: PLC0415 - heavy

    if not to_do:
        yield Line("config.toml", Verdict.OK, say("it is right"))
    patient = Patient(path, load(path), now())
    for name, check in (*CHECKS, *([("server", banks)] if asks_banks else ())):
        yield from examined(name, check, patient)


def _installed() -> Distribution | None:
    try:
        return distribution("h2h")
    except PackageNotFoundError:
        return None
