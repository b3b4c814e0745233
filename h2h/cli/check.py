"""`h2h check FILE…`: judge outgoing files, offline, before anybody sends them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from h2h.core.money import plain
from h2h.core.naming import escaped
from h2h.core.problem import Severity, worst
from h2h.core.words import Words, say, tell
from h2h.pace import pace

if TYPE_CHECKING:
    from h2h.core.demands import Profile
    from h2h.core.payment import Verdict
    from h2h.core.terms import CheckTerms
    from h2h.core.words import Translate

ENGLISH = "en"


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--bank", help="Judge by the terms of this bank of the workspace.")
@click.option("--profile", help="Judge by this profile (sepa, cgi, swiss, …), no workspace needed.")
@click.option("--first", is_flag=True, help="Stop at the first error, the rest unread.")
@click.option("--lang", help="Tell it in this language (en, zh).")
@click.option("--json", "as_lines", is_flag=True, help="One JSON object a line, one line a file.")
@click.pass_context
def check(
    context: click.Context,
    files: tuple[Path, ...],
    *,
    bank: str | None,
    profile: str | None,
    first: bool,
    lang: str | None,
    as_lines: bool,
) -> None:
    """Judge payment files (pain.001, pain.008): the schema and every rule, all problems at once.

    With --bank its profile is used, unless --profile names another. Exit code 1 when a file has a
    problem of severity `error`.
    """
    pace()
    asked = _asked(context.obj, bank, profile)
    translate = _translator(lang or asked.language)
    valid = True
    for path, verdict in check_files(files, asked.terms, asked.today, first=first):
        valid = valid and verdict.valid
        if as_lines:
            click.echo(json.dumps(as_json(path, verdict, translate)))
        else:
            _show(path, verdict, translate, first=first)
    context.exit(0 if valid else 1)


class _Asked(NamedTuple):
    """What to judge by, and the language of the workspace."""

    terms: CheckTerms
    today: date
    language: str


def _asked(config_path: Path, bank: str | None, profile: str | None) -> _Asked:
    """Without a bank no workspace is needed."""
    asked = _of_nobody() if bank is None else _of_bank(config_path, bank)
    if profile is None:
        return asked
    chosen, terms = _profile(profile), asked.terms
    calendar = terms.calendar or chosen.calendar
    return asked._replace(terms=replace(terms, profile=chosen, calendar=calendar))


def _of_nobody() -> _Asked:
    from h2h.core.terms import CheckTerms  # noqa: PLC0415 - read with the rules, not for --help

    return _Asked(CheckTerms(), datetime.now().astimezone().date(), ENGLISH)


def _of_bank(config_path: Path, name: str) -> _Asked:
    from h2h.config import load  # noqa: PLC0415 - only with a workspace
    from h2h.wiring import terms_of  # noqa: PLC0415 - the same

    config = load(config_path)
    if name not in config.banks:
        raise click.BadParameter(f"there is no bank {name} in {config_path}")
    terms = terms_of(name, config.banks[name], config)
    now = datetime.now(terms.zone)
    return _Asked(replace(terms.check, now=now), now.date(), config.h2h.language)


def _profile(name: str) -> Profile:
    from h2h.adapters.profiles import load_profile, profile_names  # noqa: PLC0415 - reads rules

    if name not in profile_names():
        known = ", ".join(profile_names())
        raise click.BadParameter(f"there is no profile {name!r}; there are {known}")
    return load_profile(name)


def _translator(language: str) -> Translate:
    if language == ENGLISH:
        return str
    from h2h.adapters.catalogue import languages, translator  # noqa: PLC0415 - seldom needed

    if language not in languages():
        known = ", ".join(languages())
        raise click.BadParameter(f"there is no language {language!r}; there are {known}")
    return translator(language)


def check_files(
    paths: Sequence[Path], terms: CheckTerms, today: date, *, first: bool = False
) -> Iterator[tuple[Path, Verdict]]:
    """Each file with its verdict."""
    from h2h.adapters.messages import Iso20022Messages  # noqa: PLC0415 - lxml

    messages = Iso20022Messages()
    for path in paths:
        yield path, messages.check(path, terms, today, first=first)


def as_json(path: Path, verdict: Verdict, translate: Translate = str) -> dict[str, object]:
    """One verdict as `h2h check --json` tells it; what is unknown is null."""
    return {
        "file": escaped(str(path)),
        "message": verdict.message,
        "valid": verdict.valid,
        "transactions": verdict.transactions,
        "control_sum": {ccy: plain(value) for ccy, value in verdict.control_sum.items()},
        "problems": [problem.told(translate).as_json() for problem in verdict.problems],
        "more": verdict.more,
    }


# --------------------------------------------------------------------------------- for a person


def _show(path: Path, verdict: Verdict, translate: Translate, *, first: bool) -> None:
    """The verdict in one line, then what is wrong."""
    if isinstance(sys.stdout, TextIOWrapper):  # a terminal may lack what a file is written with
        sys.stdout.reconfigure(errors="backslashreplace")
    words, colour = _judgement(verdict)
    told = say("{file}: {judgement}", file=escaped(str(path)), judgement=words)
    click.secho(tell(told, translate), fg=colour, bold=True)
    if not verdict.problems:
        return
    from rich.console import Console  # noqa: PLC0415 - 40 ms that a good file need not pay

    from h2h.cli.problems import show_problems  # noqa: PLC0415 - the same

    console = Console(markup=False, highlight=False, emoji=False)
    more = 0 if first else verdict.more  # what came by before the reading ended is no count
    show_problems(console, path, verdict.problems, more=more, translate=translate)
    click.echo()


def _judgement(verdict: Verdict) -> tuple[Words, str]:
    """The verdict in words, and its colour."""
    if not verdict.valid:
        words, colour = say("NOT VALID"), "red"
    elif worst(verdict.problems) is Severity.HOLD:
        words, colour = say("valid, but a person must decide"), "yellow"
    else:
        words, colour = say("valid"), "green"
    return say("{verdict} ({content})", verdict=words, content=_content(verdict)), colour


def _content(verdict: Verdict) -> Words:
    message = verdict.message or say("unreadable")
    if verdict.transactions is None:
        return say("{message}", message=message)
    count = verdict.transactions
    payments = say("1 payment") if count == 1 else say("{count} payments", count=count)
    told = say("{content}, {more}", content=message, more=payments)
    for currency, value in verdict.control_sum.items():
        told = say("{content}, {more}", content=told, more=f"{plain(value)} {currency}".rstrip())
    return told
