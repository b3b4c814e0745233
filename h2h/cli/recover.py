"""`h2h recover`: after a restore, until it has come to its end nothing is sent."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.cli.output import Row, show_rows
from h2h.cli.workspace import operator, translator_at
from h2h.core.words import say, tell

if TYPE_CHECKING:
    from h2h.flows.recovery import Difference


@click.command()
@click.option("--reason", required=True, help="Why, in words; it is kept for ever.")
@click.option("--dry-run", is_flag=True, help="Only tell the differences.")
@click.option(
    "--without-bank",
    "without",
    multiple=True,
    metavar="BANK",
    help="Go on although nobody can look into the folder of BANK; may be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def recover(
    path: Path, *, reason: str, dry_run: bool, without: tuple[str, ...], as_json: bool
) -> None:
    """Reconcile a restored ledger with archive and banks, and list every difference."""
    from h2h.adapters.journal import Silence  # noqa: PLC0415 - heavy
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.flows.integrity import HeadExporter  # noqa: PLC0415 - heavy
    from h2h.flows.recovery import Recovery  # noqa: PLC0415 - heavy
    from h2h.flows.sweep import Sweep  # noqa: PLC0415 - heavy
    from h2h.wiring import lock_of, wire  # noqa: PLC0415 - heavy

    config = load(path)
    for bank in without:
        if bank not in config.banks:
            raise click.BadParameter(f"there is no bank {bank} in {path}")
    if not reason.strip():
        raise click.BadParameter("say in words why", param_hint="--reason")
    with (
        lock_of(config).lock(),
        wire(config, Silence(), recovering=True) as services,
        Sweep(services, patient=False) as sweep,
    ):
        recovery = Recovery(sweep, operator(), reason, dry_run, frozenset(without))
        found = list(recovery.run())
        HeadExporter(services).export(at_once=True)
    _tell(path, found, complete=recovery.complete, as_json=as_json)


def _tell(path: Path, found: list[Difference], *, complete: bool, as_json: bool) -> None:
    rows: list[Row] = [asdict(each) for each in found]
    empty = tell(say("Ledger, archive and banks agree."), translator_at(path))
    show_rows(rows, ("file_id", "bank", "what", "done", "act"), as_json=as_json, empty=empty)
    if as_json:
        click.echo(json.dumps({"differences": len(rows), "complete": complete}))
    elif not complete:
        words = say("Not everything could be reconciled: nothing is sent until it is.")
        click.echo(tell(words, translator_at(path)), err=True)
    if not complete:
        sys.exit(1)
