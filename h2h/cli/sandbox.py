"""`h2h sandbox`: the practice bank, until Ctrl-C; `h2h sandbox advance`: its next business day."""

from __future__ import annotations

import json
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.errors import ConfigError
from h2h.sandbox import practice_bank
from h2h.sandbox.manners import BEHAVIOURS
from h2h.sandbox.office import running_office

if TYPE_CHECKING:
    from h2h.sandbox.bank import PracticeBank


class _Group(click.Group):
    """A group that takes `--behave cut-after BYTES` as it is said."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "cut-after" in args[:-1]:
            at = args.index("cut-after")
            args = [*args[:at], f"cut-after={args[at + 1]}", *args[at + 2 :]]
        return super().parse_args(ctx, args)


_WRONGS = "\n\n".join(f"{name}: {what}" for name, what in BEHAVIOURS.items())


@click.group(
    cls=_Group,
    invoke_without_command=True,
    epilog=f"What --behave knows (cut-after with its BYTES):\n\n{_WRONGS}",
)
@click.option(
    "--folder", type=click.Path(path_type=Path), help="Where the bank lives; keep it short."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Its SFTP port; 0: a free one."
)
@click.option(
    "--workspace", type=click.Path(path_type=Path), help="Write a customer's workspace there."
)
@click.option("--behave", multiple=True, metavar="NAME", help="What goes wrong; see below.")
@click.option(
    "--customer-key",
    type=click.Path(path_type=Path),
    help="Your own OpenPGP public key, instead of one that the bank makes for you.",
)
@click.option("--customer-ssh-key", type=click.Path(path_type=Path), help="And your SSH .pub.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def sandbox(
    context: click.Context,
    folder: Path | None,
    port: int,
    workspace: Path | None,
    behave: tuple[str, ...],
    customer_key: Path | None,
    customer_ssh_key: Path | None,
    *,
    as_json: bool,
) -> None:
    """Run a practice bank on this machine: SFTP, PGP, and a mock bank that answers.

    Without --folder it lives in a temporary one that goes when it ends.
    """
    if context.invoked_subcommand is None:
        keys = _own_keys(customer_key, customer_ssh_key, workspace)
        _run(folder, port, workspace, behave, keys, as_json=as_json)


@sandbox.command()
@click.option(
    "--folder", type=click.Path(path_type=Path), required=True, help="The running bank's."
)
@click.option("--days", type=click.IntRange(1, 366), default=1, help="How many business days.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def advance(folder: Path, days: int, *, as_json: bool) -> None:
    """End the bank's business day: it books what is due and issues statements.

    What was uploaded before is decided first, and the statements are there when this ends.
    """
    from h2h.sandbox.rest import wait_until_at_rest  # noqa: PLC0415 - not for --help

    office = running_office(folder)
    office.today()  # does it answer at all?
    wait_until_at_rest(folder)
    for day in office.end_of_day(days):
        click.echo(json.dumps({"ended": str(day)}) if as_json else f"the bank's {day} has ended")
    wait_until_at_rest(folder)


@sandbox.command()
@click.option(
    "--folder", type=click.Path(path_type=Path), required=True, help="The running bank's."
)
@click.option("--message", default="FIRST-1", show_default=True, help="Its message id.")
def payment(folder: Path, message: str) -> None:
    """Print a payment file as an ERP would write it: three payments, due on the bank's day."""
    from h2h.sandbox.story import GOOD, payment_file  # noqa: PLC0415 - not for --help

    office = running_office(folder)
    debtor = next(account for account in office.accounts() if account.id == "ACME")
    click.echo(payment_file(message, GOOD, debtor, office.today()).decode(), nl=False)


def _own_keys(
    openpgp: Path | None, ssh: Path | None, workspace: Path | None
) -> tuple[Path, Path] | None:
    """The customer's own public keys; both or none, and then the workspace is his own as well."""
    if openpgp is None and ssh is None:
        return None
    if openpgp is None or ssh is None:
        raise ConfigError("one key alone", "Give both --customer-key and --customer-ssh-key")
    if workspace is not None:
        raise ConfigError("a workspace for keys of your own", "Leave --workspace out: you have one")
    return openpgp, ssh


def _run(
    folder: Path | None,
    port: int,
    workspace: Path | None,
    behave: tuple[str, ...],
    keys: tuple[Path, Path] | None,
    *,
    as_json: bool,
) -> None:
    """Start it, say so, and stop it in order on the first SIGINT or SIGTERM."""

    def tell(line: str) -> None:
        click.echo(json.dumps({"event": line}) if as_json else line)

    for number in (signal.SIGTERM, signal.SIGINT):  # a shell may have it ignored in the background
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as stack:
        try:
            if folder is None:
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="h2h-")))
            bank = stack.enter_context(practice_bank(folder, port, tell, behave=behave, keys=keys))
            config = bank.write_workspace(workspace) if workspace else None
            facts = _facts(bank, config, keys=keys is not None, behave=behave)
            click.echo(json.dumps(facts) if as_json else _told(facts))
            while True:
                signal.pause()
        except KeyboardInterrupt:
            tell("the practice bank closes")


def _facts(
    bank: PracticeBank, config: Path | None, *, keys: bool, behave: tuple[str, ...]
) -> dict[str, object]:
    told = bank.introduction
    others = {account.iban for account in bank.accounts()} - {a.iban for a in told.accounts}
    return {
        "sftp": f"sftp://{told.username}@{told.host}:{told.port}",
        "folder": str(bank.folder),
        "received": str(bank.received_log),
        "letter": str(bank.folder / "letter"),
        "customer_keys": None if keys else str(bank.folder / "customer"),
        "behaves": list(behave),
        "bank_date": str(bank.today()),
        "accounts": [account.iban for account in told.accounts],
        "creditors": {a.iban: a.behaviour for a in bank.accounts() if a.iban in others},
        "config": str(config) if config else None,
        "section": None if keys else bank.config_section(),
    }


def _told(facts: dict[str, object]) -> str:
    """The facts as lines for a person, the section to paste last."""
    lines = [
        f"{name.replace('_', ' '):14} {value}"
        for name, values in facts.items()
        if name not in {"config", "section"} and values
        for value in _each(values)
    ]
    lines.append(f"next day       h2h sandbox advance --folder {facts['folder']}")
    if facts["config"]:
        return "\n".join([*lines, f"workspace      {facts['config']}", "Ctrl-C ends it."])
    if not facts["section"]:
        return "\n".join([*lines, "Ctrl-C ends it. `h2h bank add` writes it into a config.toml."])
    return "\n".join([*lines, "Ctrl-C ends it. For a config.toml:", "", str(facts["section"])])


def _each(values: object) -> list[str]:
    if isinstance(values, dict):
        return [f"{key}  {value}" for key, value in values.items()]
    return values if isinstance(values, list) else [str(values)]
