"""`h2h sandbox`: the practice bank, until Ctrl-C; `h2h sandbox advance`: its next business day."""

from __future__ import annotations

import json
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.sandbox import practice_bank
from h2h.sandbox.office import running_office

if TYPE_CHECKING:
    from h2h.sandbox.bank import PracticeBank


@click.group(invoke_without_command=True)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where the bank lives; keep it short."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Its SFTP port; 0: a free one."
)
@click.option(
    "--workspace", type=click.Path(path_type=Path), help="Write a customer's workspace there."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def sandbox(
    context: click.Context, folder: Path | None, port: int, workspace: Path | None, *, as_json: bool
) -> None:
    """Run a practice bank on this machine: SFTP, PGP, and a mock bank that answers.

    Without --folder it lives in a temporary one that goes when it ends.
    """
    if context.invoked_subcommand is None:
        _run(folder, port, workspace, as_json=as_json)


@sandbox.command()
@click.option(
    "--folder", type=click.Path(path_type=Path), required=True, help="The running bank's."
)
@click.option("--days", type=click.IntRange(1, 366), default=1, help="How many business days.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def advance(folder: Path, days: int, *, as_json: bool) -> None:
    """End the bank's business day: it books what is due and issues statements."""
    for day in running_office(folder).end_of_day(days):
        click.echo(json.dumps({"ended": str(day)}) if as_json else f"the bank's {day} has ended")


def _run(folder: Path | None, port: int, workspace: Path | None, *, as_json: bool) -> None:
    """Start it, say so, and stop it in order on the first SIGINT or SIGTERM."""

    def tell(line: str) -> None:
        click.echo(json.dumps({"event": line}) if as_json else line)

    for number in (signal.SIGTERM, signal.SIGINT):  # a shell may have it ignored in the background
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as stack:
        try:
            if folder is None:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="h2h-")))
            bank = stack.enter_context(practice_bank(folder, port, tell))
            config = bank.write_workspace(workspace) if workspace else None
            facts = _facts(bank, config)
            click.echo(json.dumps(facts) if as_json else _told(facts))
            while True:
                signal.pause()
        except KeyboardInterrupt:
            tell("the practice bank closes")


def _facts(bank: PracticeBank, config: Path | None) -> dict[str, object]:
    told = bank.introduction
    others = {account.iban for account in bank.accounts()} - {a.iban for a in told.accounts}
    return {
        "sftp": f"sftp://{told.username}@{told.host}:{told.port}",
        "folder": str(bank.folder),
        "received": str(bank.received_log),
        "customer_keys": str(bank.folder / "customer"),
        "bank_date": str(bank.today()),
        "accounts": [account.iban for account in told.accounts],
        "creditors": {a.iban: a.behaviour for a in bank.accounts() if a.iban in others},
        "config": str(config) if config else None,
        "section": bank.config_section(),
    }


def _told(facts: dict[str, object]) -> str:
    """The facts as lines for a person, the section to paste last."""
    lines = [
        f"{name.replace('_', ' '):14} {value}"
        for name, values in facts.items()
        if name not in {"config", "section"}
        for value in _each(values)
    ]
    lines.append(f"next day       h2h sandbox advance --folder {facts['folder']}")
    if facts["config"]:
        return "\n".join([*lines, f"workspace      {facts['config']}", "Ctrl-C ends it."])
    return "\n".join([*lines, "Ctrl-C ends it. For a config.toml:", "", str(facts["section"])])


def _each(values: object) -> list[str]:
    if isinstance(values, dict):
        return [f"{key}  {value}" for key, value in values.items()]
    return values if isinstance(values, list) else [str(values)]
