"""`h2h config`: is config.toml right, what is left to do, and who confirmed its changes?"""

from __future__ import annotations

import json
from pathlib import Path

import click

from h2h.cli.workspace import acting, ledger_at, now
from h2h.config import Config, ConfigProblems, Finding, load
from h2h.config.findings import Trouble
from h2h.config.loading import located, places_of
from h2h.config.to_do import left_to_do


@click.group("config")
def config() -> None:
    """Look at the configuration."""


@config.command("check")
@click.option("--config", "path", type=click.Path(path_type=Path), help="The config.toml to judge.")
@click.option("--json", "as_json", is_flag=True, help="One object, for programs.")
@click.pass_context
def check(context: click.Context, path: Path | None, *, as_json: bool) -> None:
    """Judge config.toml: all problems at once, each with its line and remedy.

    Exit 2 when anything is wrong; what is only left to do is named, and exits 0.
    """
    path = path or context.obj or Path("config.toml")
    problems, to_do = judged(path)
    if as_json:
        click.echo(_as_json(path, problems, to_do))
    else:
        click.echo("\n".join(_as_words(path, problems, to_do)))
    context.exit(2 if problems else 0)


@config.command("confirm")
@click.option("--reason", required=True, help="Why, in words; it is kept for ever.")
@click.option("--json", "as_json", is_flag=True, help="One object, for programs.")
@click.pass_obj
def confirm(path: Path, reason: str, *, as_json: bool) -> None:
    """Be the second person for the change of the configuration; what waited for it is sent then.

    A key file that was exchanged takes two: nobody knows who did it.
    """
    from h2h import desk  # noqa: PLC0415 - heavy

    with ledger_at(path) as ledger:
        change = desk.confirm_config(ledger, acting(ledger), reason, now())
    keys = list(change.details.get("keys", ()))
    told = {"change": change.id, "outcome": change.outcome, "by": change.who, "keys": keys}
    if as_json:
        click.echo(json.dumps(told))
        return
    state = change.outcome or "agreed to by a first person; somebody else confirms it"
    click.echo(f"change {change.id} by {change.who} is {state}:")
    click.echo("\n".join(f"  {key}" for key in keys))


@config.command("log")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def log(path: Path, *, as_json: bool) -> None:
    """For the auditor: every change of the configuration, by key names, as the chain has them."""
    from h2h import desk  # noqa: PLC0415 - heavy
    from h2h.cli.operator import show_links  # noqa: PLC0415 - seldom needed
    from h2h.core.operators import Act  # noqa: PLC0415 - with the desk

    with ledger_at(path) as ledger:
        desk.insist(ledger, acting(ledger), Act.AUDIT)
        links = list(ledger.room_moves("config-"))
    show_links(links, as_json=as_json)


def judged(path: Path) -> tuple[list[Finding], list[Finding]]:
    """(problems, what is left to do) of a config.toml; the second is empty while it is wrong."""
    try:
        loaded = load(path)
    except ConfigProblems as wrong:
        return list(wrong.findings), []
    unknown = [*_unknown_profiles(path, loaded), *_unknown_in_exports(path, loaded)]
    return unknown, [] if unknown else left_to_do(path, loaded)


def _unknown_profiles(path: Path, loaded: Config) -> list[Finding]:
    """Profiles that are named and not there: `load` does not know which there are."""
    from h2h.adapters.profiles import profile_names  # noqa: PLC0415 - not for --help

    known = profile_names()
    troubles = [
        Trouble(
            ("banks", name, "profile"),
            repr(bank.profile),
            f"one of {', '.join(known)}",
            "Choose one, or leave the key out",
        )
        for name, bank in loaded.banks.items()
        if bank.profile is not None and bank.profile not in known
    ]
    return located(troubles, path, places_of(path))


def _unknown_in_exports(path: Path, loaded: Config) -> list[Finding]:
    """Presets and columns: `load` does not know which there are."""
    from h2h.wiring import unknown_in_exports  # noqa: PLC0415 - heavy

    return located(list(unknown_in_exports(loaded)), path, places_of(path))


def _as_json(path: Path, problems: list[Finding], to_do: list[Finding]) -> str:
    answer = {
        "file": str(path),
        "valid": not problems,
        "problems": [finding.as_json() for finding in problems],
        "to_do": [finding.as_json() for finding in to_do],
    }
    return json.dumps(answer, ensure_ascii=False)


def _as_words(path: Path, problems: list[Finding], to_do: list[Finding]) -> list[str]:
    if problems:
        return [*map(str, problems), f"{path}: {len(problems)} to mend, nothing was started"]
    verdict = f"{path} is right"
    return [*map(str, to_do), f"{verdict}; {len(to_do)} left to do" if to_do else verdict]
