"""Writes docs/rules.md from the rules themselves, so that every rule is in it as it is."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from h2h.core.rules import RULES, Rule
from h2h.core.rules.fixed import FIXED

PAGE = Path(__file__).resolve().parent.parent / "docs" / "rules.md"
_HEAD = """\
# What a payment file is judged by

`h2h check` and the daemon judge every payment file (pain.001, pain.008) by its schema and by the
rules below. A problem names its rule, the ISO 20022 reason code with which a bank would refuse, the
place in the file, what was found and expected, and the next move.

Severities: an `error` refuses the file, a `hold` asks a person, a `warn` is recorded and shown, an
`info` is told. The code is the usual one: where the standard has one for the debtor's side and
one for the creditor's (RC03 and RC04, BE07 and BE04), a finding bears that of its side. A bank's
profile ([profiles.md](profiles.md)) may change a severity, and
`[banks.NAME.rules]` in config.toml goes before it. A rule that needs a demand (a character set, an
address, a purpose) is silent where no profile makes it.

This page is written by `make rules`.
"""
_COLUMNS = ("rule", "what it demands", "severity", "code", "source", "remedy")
_FIXED = "## The file, its schema, and what went before"


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    for module, rules in groupby(sorted(RULES, key=_topic), lambda rule: rule.__module__):
        parts += [f"## {_title(module)}\n", _table(map(_row, rules))]
    fixed = (
        (each.id, each.demand, each.severity, each.code, each.source, each.remedy) for each in FIXED
    )
    parts += [f"{_FIXED}\n", _table(fixed)]
    return "\n".join(parts)


def _topic(rule: type[Rule]) -> int:
    """The topics stand in the order in which RULES comes to them."""
    return [each.__module__ for each in RULES].index(rule.__module__)


def _title(module: str) -> str:
    """A topic's first line of documentation: `Accounts: every IBAN …`, without the rest."""
    return _first_line(sys.modules[module]).rstrip(".").partition(":")[0]


def _row(rule: type[Rule]) -> tuple[str, ...]:
    return rule.id, _first_line(rule), rule.severity, rule.code, rule.source, rule.remedy


def _first_line(documented: object) -> str:
    return (documented.__doc__ or "").splitlines()[0]


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(
        [*_lines([_COLUMNS, ("---",) * len(_COLUMNS)]), *_lines(map(_marked, rows)), ""]
    )


def _lines(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in rows:
        yield f"| {' | '.join(row)} |"


def _marked(row: tuple[str, ...]) -> tuple[str, ...]:
    return f"`{row[0]}`", *row[1:]


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
