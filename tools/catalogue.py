"""Brings h2h/locale/*/LC_MESSAGES/h2h.po up to date with the code, and compiles it.

Every sentence for people is the literal first argument of a call of `say` (h2h/core/words.py), in
the code and in the console's templates. New ones come in without a translation, those that are gone
are dropped; nothing else is touched.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment, nodes

REPOSITORY = Path(__file__).resolve().parent.parent
CODE = REPOSITORY / "h2h"
_NEVER = datetime(2026, 1, 1, tzinfo=UTC)  # a date of today would change the file every day


def sentences() -> dict[str, list[str]]:
    """Every template in the code, and the files that it is in."""
    found: dict[str, list[str]] = {}
    for path in sorted((*CODE.rglob("*.py"), *CODE.rglob("*.html"))):
        for template in _templates(path) if path.suffix == ".py" else _in_page(path):
            files = found.setdefault(template, [])
            name = path.relative_to(REPOSITORY).as_posix()
            if name not in files:
                files.append(name)
    return found


def _templates(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"), path.name)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say":
            match node.args:
                case [ast.Constant(value=str(template)), *_]:
                    yield template
                case _:
                    sys.exit(f"{path}:{node.lineno}: say() needs its sentence as a literal")


def _in_page(path: Path) -> Iterator[str]:
    for call in Environment(autoescape=True).parse(path.read_text("utf-8")).find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name == "say":
            match call.args:
                case [nodes.Const(value=str(template)), *_]:
                    yield template
                case _:
                    sys.exit(f"{path}:{call.lineno}: say() needs its sentence as a literal")


def catalogues() -> list[Path]:
    """The .po file of every language."""
    return sorted((CODE / "locale").glob("*/LC_MESSAGES/h2h.po"))


def update(path: Path) -> Catalog:
    """Write the .po anew from the code and the translations it has, and the .mo from it."""
    with path.open("rb") as file:
        old = read_po(file, locale=path.parents[1].name)
    new = Catalog(
        old.locale,
        project="h2h",
        charset="utf-8",
        fuzzy=False,
        creation_date=_NEVER,
        revision_date=_NEVER,
    )
    for template, files in sorted(sentences().items()):
        known = old.get(template)
        told = str(known.string) if known else ""
        new.add(template, told, auto_comments=files)  # no lines: every edit would change them
    with path.open("wb") as file:
        write_po(file, new, width=100, omit_header=False, ignore_obsolete=True)
    with path.with_suffix(".mo").open("wb") as file:
        write_mo(file, new)
    return new


def main() -> None:
    """Update all; tell what is still to be translated."""
    for path in catalogues():
        for message in update(path):
            if message.id and not message.string:
                sys.stdout.write(f"{path.parents[1].name}: not yet translated: {message.id}\n")


if __name__ == "__main__":
    main()
