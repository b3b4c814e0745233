"""Profiles of schemes and banks: the TOML files of h2h/profiles, read into values of the core.

```toml
title = "…"
calendar = "ECB"              # business days, where those of a bank are not known
extends = "sepa"              # what is not said here is as there
[demands]                     # the fields of h2h.core.demands.Demands
currencies = ["EUR"]
[rules]                       # severities of single rules
end-to-end-id = "error"
[service_levels]              # code = the profile whose demands apply to payments of that code
SEPA = "sepa"
[local_instruments]
INST = "sepa-instant"
```
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import NoReturn

from h2h import resources
from h2h.core.demands import Demands, Profile
from h2h.core.problem import Severity
from h2h.core.rules import RULES
from h2h.core.rules.fixed import FIXED
from h2h.errors import ConfigError

Demanded = Mapping[str, object]  # fields of Demands that a file sets

_SECTIONS = (
    "title",
    "calendar",
    "extends",
    "demands",
    "rules",
    "service_levels",
    "local_instruments",
)


def profile_names() -> tuple[str, ...]:
    """The names of all profiles, in order."""
    return tuple(sorted(path.stem for path in resources.find("profiles").glob("*.toml")))


def load_profile(name: str) -> Profile:
    """The profile `name`. Raises ConfigError, naming file, key and remedy, for what is unknown."""
    if name not in profile_names():
        cause = f"there is no profile {name!r}"
        raise ConfigError(cause, f"Choose one of {', '.join(profile_names())}")
    source = _whole(name)
    return Profile(
        name,
        source.title,
        _demands(name),
        source.severities,
        {code: _demands(other) for code, other in source.service_levels.items()},
        {code: _demands(other) for code, other in source.local_instruments.items()},
        source.calendar,
    )


@cache
def _demands(name: str) -> Demands:
    """One object for each profile, so that payments under the same demands are seen to be."""
    return Demands(**_whole(name).demands)  # type: ignore[arg-type]  # read by each field's kind


# ---------------------------------------------------------------------------------------- one file


@dataclass(frozen=True, slots=True)
class _Source:
    """What a file says, every key and value looked at."""

    title: str = ""
    calendar: str = ""
    extends: str = ""
    demands: Demanded = field(default_factory=dict)
    severities: Mapping[str, Severity] = field(default_factory=dict)
    service_levels: Mapping[str, str] = field(default_factory=dict)
    local_instruments: Mapping[str, str] = field(default_factory=dict)

    def over(self, base: _Source) -> _Source:
        """This one where it speaks, `base` where it does not."""
        return _Source(
            self.title or base.title,
            self.calendar or base.calendar,
            "",
            {**base.demands, **self.demands},
            {**base.severities, **self.severities},
            {**base.service_levels, **self.service_levels},
            {**base.local_instruments, **self.local_instruments},
        )


def _whole(name: str, *above: str) -> _Source:
    """A profile with all that it extends; `above` are those that have led here."""
    source = _read(name)
    if not source.extends:
        return source
    if source.extends in {name, *above}:
        way = " extends ".join((*above, name, source.extends))
        _wrong(_path(name), "extends", f"{way}, itself", "Let one of them stand alone")
    return source.over(_whole(source.extends, *above, name))


@cache
def _read(name: str) -> _Source:
    path = _path(name)
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}", "Mend the profile, or install h2h again") from error
    for key in table:
        _known(path, key, key, _SECTIONS)
    return _Source(
        _text(path, "title", table.get("title", "")),
        _text(path, "calendar", table.get("calendar", "")),
        _profile(path, "extends", table["extends"]) if "extends" in table else "",
        {key: _demand(path, key, value) for key, value in _table(path, table, "demands")},
        {key: _severity(path, key, value) for key, value in _table(path, table, "rules")},
        _profiles(path, table, "service_levels"),
        _profiles(path, table, "local_instruments"),
    )


def _path(name: str) -> Path:
    return resources.find("profiles") / f"{name}.toml"


def _table(path: Path, table: Mapping[str, object], name: str) -> Sequence[tuple[str, object]]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        _wrong(path, name, "is no table", f"Write [{name}] and its keys below")
    return [*found.items()]


def _profiles(path: Path, table: Mapping[str, object], section: str) -> Mapping[str, str]:
    return {
        code: _profile(path, f"{section}.{code}", value)
        for code, value in _table(path, table, section)
    }


# -------------------------------------------------------------------------------------- one value


def _demand(path: Path, name: str, value: object) -> object:
    key = f"demands.{name}"
    _known(path, key, name, [*_KINDS])
    expected, read = _READERS[_KINDS[name]]
    found = read(value)
    if found is None:
        _wrong(path, key, f"is {value!r}", f"Give {expected}")
    return found


def _severity(path: Path, rule: str, value: object) -> Severity:
    key = f"rules.{rule}"
    _known(path, key, rule, [*(each.id for each in RULES), *_AGREED])
    if value not in [*Severity]:
        _wrong(path, key, f"is {value!r}", f"Give one of {', '.join(Severity)}")
    return Severity(str(value))


def _profile(path: Path, key: str, value: object) -> str:
    if value not in profile_names():
        remedy = f"Choose one of {', '.join(profile_names())}"
        _wrong(path, key, f"names {value!r}, which is no profile", remedy)
    return str(value)


def _text(path: Path, key: str, value: object) -> str:
    if not isinstance(value, str):
        _wrong(path, key, f"is {value!r}", "Give a text")
    return value


def _known(path: Path, key: str, word: str, words: Sequence[str]) -> None:
    if word not in words:
        from difflib import get_close_matches  # noqa: PLC0415 - a good profile need not wait for it

        close = get_close_matches(word, words, n=1)
        remedy = f"Did you mean {close[0]!r}?" if close else f"Use {', '.join(words)}"
        _wrong(path, key, "is unknown", remedy)


def _wrong(path: Path, key: str, found: str, remedy: str) -> NoReturn:
    raise ConfigError(f"{path}: {key} {found}", remedy)


def _texts(value: object) -> frozenset[str] | None:
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return frozenset(value)
    return None


def _of(kind: type) -> Callable[[object], object]:
    return lambda value: value if type(value) is kind else None


def _amount(value: object) -> Decimal | None:
    """An amount is written as a text: TOML's numbers with a point are not exact."""
    try:
        return Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        return None


_AGREED = tuple(fixed.id for fixed in FIXED if fixed.agreed)
_KINDS = {each.name: str(each.type) for each in fields(Demands)}
# How a field of Demands is written, by the type it is declared with.
_READERS: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "str": ("a text", _of(str)),
    "bool": ("true or false", _of(bool)),
    "int": ("a whole number", _of(int)),
    "frozenset[str]": ("a list of texts", _texts),
    "Decimal | None": ('an amount in quotes, as "1000.00"', _amount),
}
