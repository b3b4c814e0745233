"""Where the data that travels with the code lies: schemas, profiles, locale, the example config.

An installed wheel carries them inside the package (`h2h/_schemas`, `h2h/_config.toml`); a checkout
has `schemas/` and `config.toml` beside the package.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from h2h.errors import ConfigError

_PACKAGE = Path(__file__).parent
_SUM_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S+)")


@cache
def find(name: str) -> Path:
    """The file or folder `name` ("schemas", "profiles", "locale", "config.toml").

    Raises ConfigError when the installation lacks it.
    """
    places = (_PACKAGE / f"_{name}", _PACKAGE / name, _PACKAGE.parent / name)
    for place in places:
        if place.exists():
            return place
    raise ConfigError(f"h2h's own {name} is missing from {_PACKAGE}", "Install h2h again.")


def config_example() -> Path:
    """The commented example configuration."""
    return find("config.toml")


def schema(message: str) -> Path | None:
    """The schema of `message` ("pain.001.001.09"); None when this version is not carried."""
    return find("schemas") / f"{message}.xsd" if message in carried() else None


@cache
def carried() -> tuple[str, ...]:
    """The message versions that have a schema here, in order."""
    return tuple(sorted(path.stem for path in find("schemas").glob("*.xsd")))


def verify_schemas() -> None:
    """Compare every schema with SHA256SUMS; raises ConfigError on the first that differs.

    A schema decides what is sent to a bank, so a changed or missing one stops the start.
    """
    import hashlib  # noqa: PLC0415 - at a start only

    folder = find("schemas")
    sums = dict(map(_sum_line, (folder / "SHA256SUMS").read_text("ascii").splitlines()))
    for name in sorted(sums.keys() | {path.name for path in folder.glob("*.xsd")}):
        path = folder / name
        found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "nothing"
        if found != sums.get(name):
            cause = f"{path} is not the schema h2h was released with (its SHA-256: {found})"
            raise ConfigError(cause, "Install h2h again, or run `make schemas` in a checkout.")


def _sum_line(line: str) -> tuple[str, str]:
    match = _SUM_LINE.fullmatch(line)
    if match is None:
        raise ConfigError(f"SHA256SUMS has an unreadable line: {line!r}", "Install h2h again.")
    return match[2], match[1]
