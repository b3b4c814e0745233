"""`h2h init DIR`: a new workspace with its doors and the commented example configuration."""

from __future__ import annotations

import json
from pathlib import Path

import click

from h2h.config import load
from h2h.config.to_do import left_to_do
from h2h.errors import ConfigError
from h2h.resources import config_example

_BANKS = "\n# ----"  # the ruler in the example before its first bank
_NEXT = "h2h keys new BANK, then h2h bank add BANK"
_ROOMS = ("outbox", "inbox", "archive", "keys")


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--empty", is_flag=True, help="Without the example bank: for `h2h bank add`.")
@click.option("--json", "as_json", is_flag=True, help="One object, for programs.")
def init(folder: Path, *, empty: bool, as_json: bool) -> None:
    """Make DIR a workspace: config.toml, outbox, inbox, archive, keys."""
    config = make_workspace(folder, empty=empty)
    if empty:
        made = {"workspace": str(folder), "config": str(config), "to_do": [_NEXT]}
        words = f"{folder} is a workspace. Next: {_NEXT}"
        click.echo(json.dumps(made, ensure_ascii=False) if as_json else words)
        return
    to_do = left_to_do(config, load(config))
    if as_json:
        answer = {
            "workspace": str(folder),
            "config": str(config),
            "to_do": [finding.as_json() for finding in to_do],
        }
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    click.echo(f"{folder} is a workspace. Left to do in it:")
    for finding in to_do:
        click.echo(f"  {finding}")
    click.echo(f"Then: h2h config check --config {config}")


def make_workspace(folder: Path, *, empty: bool = False) -> Path:
    """Fill `folder`, which is new or empty; returns its config.toml, `empty` of any bank.

    Raises ConfigError, and leaves everything as it was, when something else lies there.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"{folder} is not empty", "Name a new folder; nothing was changed")
        folder.chmod(0o700)
        for room in _ROOMS:
            (folder / room).mkdir(mode=0o700)
        config = folder / "config.toml"
        config.touch(mode=0o600)
        text = config_example().read_text("utf-8")
        config.write_text(text.partition(_BANKS)[0] if empty else text, "utf-8")
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be made a workspace: {error.strerror}", "Name another folder"
        ) from error
    return config
