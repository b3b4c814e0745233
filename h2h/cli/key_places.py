"""Where a bank's keys lie: as config.toml says, else in keys/ beside it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from h2h.core.words import say
from h2h.errors import Refused

_NAME = re.compile(r"[a-z0-9-]{1,40}")
_FILE = "file:"


@dataclass(frozen=True, slots=True)
class KeyPlaces:
    """Of the bank `name`, which config.toml need not have yet."""

    name: str
    home: Path  # of its OpenPGP ring
    ssh_key: Path | None  # None: it is no file (a credential or a variable)
    sign_with: str  # "" when config.toml does not say

    @property
    def folder(self) -> Path:
        """Where the letter and the public keys are put."""
        return self.home.parent

    @property
    def public_key(self) -> Path:
        """Our OpenPGP public keys, to give to the bank."""
        return self.folder / f"{self.name}-openpgp.asc"


def places_of_keys(config: Path, name: str) -> KeyPlaces:
    """Where the keys of bank `name` lie, or will. Raises BadParameter for a name that is none."""
    if not _NAME.fullmatch(name):
        raise click.BadParameter(f"{name!r} is no name for a bank: at most 40 of a-z, 0-9 and -")
    base = config.absolute().parent
    bank = _table(_table(_raw(config), "banks"), name)
    pgp, sftp = _table(bank, "pgp"), _table(bank, "sftp")
    private_key = str(sftp.get("private_key", f"{_FILE}keys/{name}-ssh"))
    is_file = private_key.startswith(_FILE)
    return KeyPlaces(
        name,
        base / str(pgp.get("home", f"keys/{name}")),
        base / private_key.removeprefix(_FILE) if is_file else None,
        str(pgp.get("sign_with", "")).replace(" ", "").upper(),
    )


def _raw(config: Path) -> Mapping[str, object]:
    """What stands in config.toml, right or not: a bank may be missing that is just being added."""
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        words = say("{path} cannot be read: {why}", path=config, why=str(error))
        raise Refused(words, say("`h2h init DIR` makes a workspace with one")) from error


def _table(values: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = values.get(name)
    return found if isinstance(found, Mapping) else {}
