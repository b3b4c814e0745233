"""How commands speak: one JSON object a line, or a table for people."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TextIO, cast

import click

_WIDTH_OF_A_PIPE = 200  # characters: what is not read on a screen is broken into lines late

# What a terminal may obey, or what makes a line look like another: C0 (but for line ends, tabs and
# the escape sequences of our own colours, which XML and escaped names cannot carry), C1, Unicode's
# format characters (right-to-left orders, zero widths, tags) and line separators.
_ORDERS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)

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
        import json  # noqa: PLC0415 - the help starts without it

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


class _Harmless:
    """A stream that spells what a terminal would obey (`\\u009b`), as JSON may spell it too."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text` with its orders spelled."""
        return self._stream.write(_ORDERS.sub(_spelled, text))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of `lines`."""
        for line in lines:
            self.write(line)


def _spelled(found: re.Match[str]) -> str:
    import json  # noqa: PLC0415 - as above

    return json.dumps(found[0])[1:-1] if found[0] != "\x7f" else "\\u007f"


def give_no_orders() -> None:
    """From now on nothing that is said, whoever wrote it, gives a terminal an order."""
    sys.stdout = cast("TextIO", _Harmless(sys.stdout))
    sys.stderr = cast("TextIO", _Harmless(sys.stderr))
