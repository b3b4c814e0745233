"""What the forms made of rows share: columns put together to lines, and a file written whole."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import repeat
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from h2h.core.spreadsheet import FORMULA, defused
from h2h.core.statement import Entry, Statement
from h2h.export.columns import Values

_BETWEEN = "\x1f"
_FORMULA_INSIDE = re.compile(f"{_BETWEEN}[{re.escape(''.join(FORMULA))}]")


class RowWriter(Protocol):
    """A file made of entries, while they come in."""

    def begin(self, statement: Statement) -> None:
        """The entries that come now are this statement's."""
        ...

    def add(self, entries: Sequence[Entry]) -> None:
        """Write the next entries."""
        ...

    def end(self) -> Sequence[str]:
        """Complete the file; sentences of what was left out or changed."""
        ...

    def abandon(self) -> None:
        """Let go of everything: the file is not wanted any more."""
        ...


@contextmanager
def written(target: Path) -> Iterator[BinaryIO]:
    """`target`, open to be written; flushed at the end, gone when something was raised."""
    try:
        with target.open("wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise


class Cells(NamedTuple):
    """The cells of a column, and what stands around each: "%s", or '"%s"'."""

    cells: Sequence[str]
    slot: str = "%s"


def lines(pattern: Callable[[Sequence[str]], str], columns: Sequence[Cells]) -> Iterable[str]:
    """The cells of each row put into `pattern`; those that are the same in all rows only once.

    `pattern` makes a line of a slot for each column, and has no percent sign of its own.
    """
    slots, varying = [], []
    for cells, slot in columns:
        if cells[0] == cells[-1] and cells.count(cells[0]) == len(cells):
            slots.append((slot % cells[0]).replace("%", "%%"))
        else:
            slots.append(slot)
            varying.append(cells)
    template = pattern(slots)
    if not varying:
        return repeat(template % (), len(columns[0].cells))
    return map(template.__mod__, zip(*varying, strict=True))


def all_defused(texts: Sequence[str]) -> Sequence[str]:
    """The same of many, fast where nothing is to be done, which is nearly always."""
    if _FORMULA_INSIDE.search(_BETWEEN + _BETWEEN.join(texts)):
        return [*map(defused, texts)]
    return texts


def figures(amounts: Values) -> list[str]:
    """Amounts without exponents, "" for none."""
    found = ["" if amount is None else str(amount) for amount in amounts]
    if "E" in "".join(found):
        return ["" if amount is None else f"{amount:f}" for amount in amounts]
    return found


class Days(dict[date | None, str]):
    """Dates as they are written; a statement has few of them."""

    def __init__(self, form: str, nothing: str = "") -> None:
        super().__init__({None: nothing})
        self._form = form

    def __missing__(self, day: date) -> str:
        self[day] = text = day.strftime(self._form)
        return text

    def told(self, days: Values) -> list[str]:
        return [self[day] for day in days]
