"""Commands that speak the workspace's language, also while its configuration is not right yet."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import click

from h2h.core.words import Translate, tell, words_of
from h2h.errors import ConfigError, H2HError, Refused, Transient


class Speaking(click.Group):
    """A group whose failures are told in the language of the workspace."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; what it raises says the same in that language."""
        try:
            return super().invoke(ctx)
        except (Refused, Transient, ConfigError) as error:
            told = in_language(error, ctx.obj)
            if told is error:
                raise
            raise told from error


def in_language(error: H2HError, path: Path | None) -> H2HError:
    """The same failure, told; one that is no sentence of ours stays as it is."""
    words = words_of(error)
    told = tell(words, language_of(path))
    return error if told == words else type(error)(told)


def language_of(path: Path | None) -> Translate:
    """How sentences are said in the language that a config.toml names; else in English."""
    from h2h.adapters.catalogue import translator  # noqa: PLC0415 - not for --help

    try:
        raw = tomllib.loads((path or Path("config.toml")).read_text("utf-8"))
        return translator(str(raw.get("h2h", {}).get("language", "en")))
    except (OSError, ValueError, AttributeError, ConfigError):
        return translator("en")


def teller(path: Path | None) -> Callable[[str], str]:
    """Tells sentences in the workspace's language."""
    translate = language_of(path)
    return lambda words: tell(words, translate)
