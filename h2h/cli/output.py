"""How commands speak: one JSON object a line, or a table for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import click

Value = str | int | bool | None | Sequence[str] | Sequence[Mapping[str, str | int | None]]
Row = Mapping[str, Value]


def show_rows(rows: Sequence[Row], columns: Sequence[str], *, as_json: bool, empty: str) -> None:
    """Print `rows` as JSON lines, or their `columns` as a table; `empty` when there are none."""
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
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    Console(markup=False, highlight=False, emoji=False).print(table)


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, (str, int)):
        return str(value)
    return ", ".join(map(str, value))
