"""`h2h alerts`: what was told, what still waits, and whether a channel works."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.cli.output import Row, show_rows
from h2h.cli.workspace import ledger_at, now, translator_at
from h2h.core.words import say, tell
from h2h.errors import Refused

if TYPE_CHECKING:
    from h2h.core.words import Translate
    from h2h.ports import AlertRow, Backlog

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group()
def alerts() -> None:
    """What people were told, and whether it reaches them."""


@alerts.command()
@click.argument("name")
@click.pass_obj
def test(path: Path, *, name: str) -> None:
    """Send a test through the channel NAME, past the queue."""
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.core.alerts import Alert, Event, Group, Line, message  # noqa: PLC0415 - as above
    from h2h.core.confidential import masked  # noqa: PLC0415 - as above
    from h2h.wiring import channel_of  # noqa: PLC0415 - heavy

    config, translate = load(path), translator_at(path)
    table = next((each for each in config.alerts if each.name == name), None)
    if table is None:
        there = ", ".join(each.name for each in config.alerts) or tell(say("none"), translate)
        words = say("there is no channel {name}; there is: {there}", name=name, there=there)
        raise Refused(tell(words, translate))
    alert = Alert(Event.TEST, say("the channel {name} works", name=name))
    groups = [Group(alert.event, alert.level, "", 1)]
    lines = [Line(now(), alert)]
    told = message(groups, lines, config.h2h.environment, translate, masked)
    channel_of(table).send(told)
    click.echo(tell(say("Sent through {name}.", name=name), translate))


@alerts.command("list")
@click.option("--channel", default="", help="Only of this channel.")
@click.option("--limit", default=100, type=click.IntRange(1, 10_000), help="At most so many.")
@_json
@click.pass_obj
def list_(path: Path, *, channel: str, limit: int, as_json: bool) -> None:
    """The newest alerts, and channels that do not take theirs."""
    translate = translator_at(path)
    with ledger_at(path) as ledger:
        rows = [_row(each, translate) for each in ledger.alerts(channel, limit)]
        failing = [each for each in ledger.backlogs() if each.failures]
    empty = tell(say("Nobody had to be told of anything."), translate)
    columns = ("at", "channel", "level", "event", "bank", "words", "sent")
    show_rows(rows, columns, as_json=as_json, empty=empty)
    for each in failing if not as_json else ():
        click.echo(tell(_failing(each), translate), err=True)


def _row(each: AlertRow, translate: Translate) -> Row:
    from h2h.core.confidential import masked  # noqa: PLC0415 - seldom needed

    return {
        "id": each.id,
        "at": each.at.isoformat(timespec="seconds"),
        "channel": each.channel,
        "level": each.alert.level.value,
        "event": each.alert.event.value,
        "bank": each.alert.bank,
        "file_id": each.alert.file_id,
        "words": masked(tell(each.alert.words, translate)),
        "sent": each.sent.isoformat(timespec="seconds") if each.sent else None,
    }


def _failing(each: Backlog) -> str:
    return say(
        "{channel}: {count} alerts wait, {failures} failures: {because}",
        channel=each.channel,
        count=each.waiting,
        failures=each.failures,
        because=each.because,
    )
