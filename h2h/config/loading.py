"""config.toml -> Config, or every problem of it at once."""

from __future__ import annotations

import pwd
import re
import stat
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from h2h.config.checks import Raw, cross_checks
from h2h.config.findings import ConfigProblems, Finding, Key, Trouble, Wrong, shown
from h2h.config.models import Config, tables_and_keys
from h2h.config.places import Places, places

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LARGEST = 1_000_000  # bytes; nobody writes more by hand
_SEE = "See docs/config.md"


def load(path: Path) -> Config:
    """Read and check a config.toml. Raises ConfigProblems with everything that is wrong in it."""
    text = _read(path)
    raw, where = _parsed(path, text)
    raw = _with_defaults(raw)
    base = path.absolute().parent
    config, troubles = _validated(raw, base)
    known = {trouble.key for trouble in troubles}
    troubles += [trouble for trouble in cross_checks(Raw(raw), base) if trouble.key not in known]
    if config is None or troubles:
        raise ConfigProblems(located(troubles, path, where))
    return config.owned_by(_owner(path))


def _owner(path: Path) -> str:
    """Whose the file is; the number of a user whom nobody knows here."""
    number = path.stat().st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def located(troubles: list[Trouble], path: Path, where: Places) -> list[Finding]:
    """The troubles with their lines, in the order of the file."""
    findings = [trouble.at(path, where.line(trouble.key)) for trouble in troubles]
    return sorted(findings, key=lambda finding: finding.line)


def places_of(path: Path) -> Places:
    """The lines of a config.toml that `load` has accepted."""
    return places(_read(path))


# ---------------------------------------------------------------------------------------- the text


def _read(path: Path) -> str:
    """The file's text; raises ConfigProblems when there is none."""
    remedy = "`h2h init DIR` makes a workspace with one, --config PATH names another"
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            found, expected = "something else than a file", "config.toml"
        elif status.st_size > _LARGEST:
            found, expected = f"{status.st_size} bytes", f"at most {_LARGEST}"
        else:
            return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found, expected = f"byte {error.start + 1} is not UTF-8", "a text in UTF-8"
        remedy = "Save the file as UTF-8"
    except (OSError, ValueError) as error:  # a NUL in the path is a ValueError
        why = error.strerror if isinstance(error, OSError) else "not a path"
        found, expected = str(why), "a readable config.toml"
    raise ConfigProblems([Finding(path, 0, "", found, expected, remedy)])


def _parsed(path: Path, text: str) -> tuple[dict[str, object], Places]:
    try:
        return tomllib.loads(text), places(text)
    except RecursionError:
        line, why = 0, "lists within lists beyond reason"
    except ValueError as error:  # also a number with too many digits
        place = re.search(r" \(at line (\d+), column \d+\)", str(error))
        line = int(place[1]) if place else 0
        why = str(error).removesuffix(place[0]) if place else "a text that is no TOML"
    remedy = "Mend this line first: nothing else could be read"
    raise ConfigProblems([Finding(path, line, "", why, "TOML, see https://toml.io", remedy)])


# -------------------------------------------------------------------------------------- the values


def _with_defaults(raw: Mapping[str, object]) -> dict[str, object]:
    """Lists as tuples, as the models want them, and the defaults that another key decides."""
    root = {name: _frozen(value) for name, value in raw.items()}
    banks = root.get("banks")
    if isinstance(banks, dict):
        root["banks"] = {name: _bank_defaults(name, bank) for name, bank in banks.items()}
    return root


def _bank_defaults(name: str, bank: object) -> object:
    """`pgp.home` is keys/NAME; `customer` is the username at the bank, else NAME."""
    if not isinstance(bank, dict):
        return bank
    pgp = bank.get("pgp", {})
    if isinstance(pgp, dict):
        pgp = {"home": f"keys/{name}", **pgp}
    username = Raw(bank).table("sftp").text("username")
    return {"customer": username or name, **bank, "pgp": pgp}


def _frozen(value: object) -> object:
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {name: _frozen(item) for name, item in value.items()}
    return value


def _validated(raw: Mapping[str, object], base: Path) -> tuple[Config | None, list[Trouble]]:
    try:
        return Config.model_validate(raw, context={"base": base}), []
    except ValidationError as error:
        errors = error.errors(include_url=False)
    return None, [_trouble(details) for details in errors if not _follows(details)]


def _follows(details: ErrorDetails) -> bool:
    """Is it only the consequence of another error: a list too short for its elements are bad?"""
    return details["type"] == "too_short" and bool(details["input"])


def _trouble(details: ErrorDetails) -> Trouble:
    """One of pydantic's errors in our words."""
    key: Key = tuple(part for part in details["loc"] if part != "[key]")
    kind, context = details["type"], details.get("ctx", {})
    if kind == "missing":
        return Trouble(key, "nothing", "this key", f"Add it. {_SEE}")
    if kind == "extra_forbidden":
        return Trouble(key, "an unknown key", *_known_keys(key))
    wrong = context.get("error")
    found = shown(key, details["input"])
    if isinstance(wrong, Wrong):
        return Trouble(key, wrong.found or found, wrong.expected, wrong.remedy)
    if "[key]" in details["loc"]:
        return Trouble(key, found, "a name of at most 40 of a-z, 0-9 and -", "Rename it")
    return Trouble(key, found, _expected(kind, context, details["msg"]), _SEE)


def _expected(kind: str, context: Mapping[str, object], words: str) -> str:
    plain = {
        "tuple_type": "a list in [ ]",
        "model_type": "a table",
        "mapping_type": "a table",
        "bool_type": "true or false",
        "int_type": "a whole number",
        "float_type": "a number",
        "string_type": "a text in quotes",
    }
    if kind == "literal_error":
        return f"one of {context['expected']}"
    if kind == "too_short":
        return "at least one"
    return plain.get(kind, words.removeprefix("Input should be "))


def _known_keys(key: Key) -> tuple[str, str]:
    """(expected, remedy) for an unknown key: the likely misspelling, or the table it belongs to."""
    name, table = str(key[-1]), _pattern(key[:-1])
    keys = [(where, known) for where, _, known in tables_and_keys()]
    here = [known for where, known in keys if where == table]
    close = get_close_matches(name, here, n=1)
    elsewhere = next((where for where, known in keys if known == name), None)
    if close:
        remedy = f"Did you mean {close[0]!r}?"
    elif elsewhere is not None:
        remedy = f"Did you mean this key of {elsewhere.replace('*', 'NAME') or 'the file itself'}?"
    else:
        remedy = f"Remove it. {_SEE}"
    return f"one of {', '.join(here)}", remedy


def _pattern(key: Key) -> str:
    """`("banks", "acme", "accounts", 0)` as `banks.*.accounts[]`, where there is such a table."""
    parts: list[str] = []
    for part in key:
        if isinstance(part, int):
            parts[-1] += "[]"
        else:
            parts.append(part)
    tables = {where for where, _, _ in tables_and_keys()}
    return next((where for where in tables if _fits(parts, where.split("."))), ".".join(parts))


def _fits(parts: list[str], pattern: list[str]) -> bool:
    return len(parts) == len(pattern) and all(
        known in {"*", part} for part, known in zip(parts, pattern, strict=True)
    )
