"""How commands speak: one JSON object a line, or a table for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Mapping, Sequence

import click

_WIDTH_OF_A_PIPE = 200  # characters: what is not read on a screen is broken into lines late

Value = str | int | bool | None | Sequence[str] | Sequence[Mapping[str, str | int | None]]
Row = Mapping[str, Value]


def show_rows(
    rows: Sequence[Row],
    columns: Sequence[str],
    *,
    as_json: bool,
    empty: str,
    figures: Collection[str] = (),
) -> None:
    """Print `rows` as JSON lines, or their `columns` as a table; `empty` when there are none.

    The columns that are `figures` stand to the right, and are never broken into lines.
    """
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    if not rows:
        click.echo(empty)
        return
    from rich.console import Console  # noqa: PLC0415 - 60 ms that --json need not pay
    from rich.table import Table  # noqa: PLC0415 - the same

    table = Table(box=None, header_style="bold")
    for column in columns:
        figure = column in figures
        table.add_column(
            column.replace("_", " "),
            overflow="fold",
            no_wrap=figure,
            justify="right" if figure else "left",
        )
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_PIPE
    Console(markup=False, highlight=False, emoji=False, width=width).print(table)


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, (str, int)):
        return str(value)
    return ", ".join(map(str, value))
