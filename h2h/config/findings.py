"""What is wrong in a configuration, or left to do: with its place, and never with a secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from h2h.errors import ConfigError

Key = tuple[str | int, ...]  # ("banks", "acme", "accounts", 0, "iban")

# Values of these keys are never shown, whatever they hold.
SECRET_KEYS = frozenset(
    {"private_key", "password", "passphrase", "proxy", "database", "database_password"}
)
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with one key, before its place in the file is looked up."""

    key: Key
    found: str
    expected: str
    remedy: str

    def at(self, file: Path, line: int) -> Finding:
        """The same as a Finding."""
        return Finding(file, line, dotted(self.key), self.found, self.expected, self.remedy)


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem, or one thing left to do. `line` counts from 1, 0 when the file has no place."""

    file: Path
    line: int
    key: str
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file.name}:{self.line}" if self.line else self.file.name
        key = f"{self.key}: " if self.key else ""
        return f"{place}: {key}found {self.found}; expected {self.expected}. {self.remedy}"

    def as_json(self) -> dict[str, str | int]:
        """The finding in the shape that `h2h config check --json` promises."""
        return asdict(self) | {"file": str(self.file)}


class ConfigProblems(ConfigError):
    """Everything that is wrong in config.toml, at once; nothing was started."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        one = len(self.findings) == 1
        lines = "".join(f"\n  {finding}" for finding in self.findings)
        super().__init__(f"{'1 problem' if one else f'{len(self.findings)} problems'}:{lines}")


class Wrong(ValueError):
    """Raised while one value is read: what was expected there, and the remedy.

    `found` is set when the value may be shown and is clearer in words than as it stands.
    """

    def __init__(self, expected: str, remedy: str, found: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.remedy = remedy
        self.found = found


def dotted(key: Key) -> str:
    """A key as a person writes it: `banks.acme.accounts[1].iban`, lists counted from 1."""
    text = ""
    for part in key:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{_quoted(part)}"
    return text.removeprefix(".")


def _quoted(part: str) -> str:
    plain = part.replace("-", "").replace("_", "")
    return part if plain.isalnum() and part.isascii() else repr(part)


def shown(key: Key, value: object) -> str:
    """`value` in words that may stand in a log: no secrets, no contents of tables, one line."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, tuple):
        return f"a list of {len(value)}"
    if SECRET_KEYS.intersection(key):
        return "a value that is not shown"
    if isinstance(value, str):
        return _text_shown(value)
    if isinstance(value, int) and value.bit_length() > 64:
        return "an enormous number"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text_shown(value: str) -> str:
    if "PRIVATE KEY" in value:
        return "a private key, which is not shown"
    return repr(value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…")
