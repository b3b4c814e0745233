"""The command line: one file a noun. A command's module is imported when it is called."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import click

from h2h.cli.output import give_no_orders
from h2h.errors import ConfigError, H2HError

if TYPE_CHECKING:
    from pathlib import Path

# verb -> (module, attribute, what it does); the help needs none of the modules.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("init", "init", "Make a new workspace."),
    "demo": ("demo", "demo", "The whole round trip against the practice bank."),
    "sandbox": ("sandbox", "sandbox", "Run the practice bank."),
    "check": ("check", "check", "Judge outgoing payment files, offline."),
    "read": ("read", "read", "Read bank files, offline."),
    "run": ("run", "run", "Run the daemon; --once: one pass and out."),
    "send": ("run", "send", "Send what lies in the doors, now."),
    "fetch": ("run", "fetch", "Fetch from a bank, or from all, now."),
    "status": ("room", "status", "What is under way, and why it waits."),
    "show": ("room", "show", "The life of one file."),
    "trace": ("trace", "trace", "The life of one payment, from the ERP to the statement."),
    "balances": ("position", "balances", "What is booked, pending and sent, and how old it is."),
    "statements": ("room", "statements", "Statements and their outcome."),
    "report": ("report", "report", "What a period came to: six reports."),
    "export": ("export", "export", "Statements in a form that an ERP imports."),
    "archive": ("archive", "archive", "Look into the archive, prove it."),
    "recover": ("recover", "recover", "Reconcile a restored ledger with archive and banks."),
    "pause": ("desk", "pause", "Stop everything outward, at all banks or one."),
    "resume": ("desk", "resume", "Go on after a pause."),
    "resolve": ("desk", "resolve", "Settle a file in doubt."),
    "approve": ("desk", "approve", "Approve a payment file that waits for it."),
    "hold": ("desk", "hold", "Set a payment file aside before it is delivered."),
    "release": ("desk", "release", "Let a held file or statement go on."),
    "cancel": ("desk", "cancel", "Take a file back before it is delivered."),
    "recall": ("desk", "recall", "Ask the bank to take a sent file or payment back."),
    "reject": ("desk", "reject", "Refuse a file that waits, or a held statement."),
    "replay": ("desk", "replay", "Have a bank file read again."),
    "operator": ("operator", "operator", "Who may act, and changes by two persons."),
    "retention": ("retention", "retention", "How long what is kept, and its erasure."),
    "console": ("console", "console", "The operators' page."),
    "alerts": ("alerts", "alerts", "What people were told, and whether it reaches them."),
    "config": ("config", "config", "Check the configuration, confirm its changes."),
    "bank": ("bank", "bank", "Add a bank, probe its server."),
    "keys": ("keys", "keys", "Our keys for a bank: make, list, letter, renew."),
    "doctor": ("doctor", "doctor", "Look everything over, each fault with its remedy."),
}


class Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(f"h2h.cli.{module}"), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - narrows what getattr gives
        return command

    def format_commands(
        self,
        ctx: click.Context,
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, words) for name, (_, _, words) in COMMANDS.items()])


def _path(_: click.Context, __: click.Parameter, value: str) -> Path:
    from pathlib import Path  # noqa: PLC0415 - the help needs no path, and starts without it

    return Path(value)


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(),
    default="config.toml",
    callback=_path,
    help="The workspace's config.toml (default: ./config.toml).",
)
@click.version_option(package_name="h2h")
@click.pass_context
def root(ctx: click.Context, config: Path) -> None:
    """h2h moves payment files to banks and their reports back, each exactly once."""
    ctx.obj = config
    give_no_orders()


def main() -> None:
    """Run; exit codes: 0 done, 1 refused or failed, 2 wrong use or configuration."""
    try:
        root()
    except ConfigError as error:
        click.echo(f"h2h: {error}", err=True)
        sys.exit(2)
    except H2HError as error:
        click.echo(f"h2h: {error}", err=True)
        sys.exit(1)
