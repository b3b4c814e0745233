"""The table of a torture: what was tried, what survived, what was lost, doubled or in doubt."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

FULL = os.environ.get("H2H_TORTURE") == "full"  # `make torture`; else the short form
PLACE = "H2H_TORTURE_TALLY"  # environment: the file to which every worker adds its rows
COLUMNS = ("tried", "survived", "lost", "doubled", "in_doubt")


class Tally(Protocol):
    """Adds to the row of `fault`. Called often or once: rows of one name are summed."""

    def __call__(
        self,
        fault: str,
        *,
        tried: int = 1,
        survived: int = 0,
        lost: int = 0,
        doubled: int = 0,
        in_doubt: int = 0,
    ) -> None: ...


def tallied(
    fault: str,
    *,
    tried: int = 1,
    survived: int = 0,
    lost: int = 0,
    doubled: int = 0,
    in_doubt: int = 0,
) -> None:
    """Append one line where the controller finds it; a single write, so that workers may race."""
    place = os.environ.get(PLACE)
    if place is None:  # a run that prints no table
        return
    line = json.dumps([fault, tried, survived, lost, doubled, in_doubt]) + "\n"
    with Path(place).open("ab", buffering=0) as rows:
        rows.write(line.encode())


def table(rows: str) -> Sequence[str]:
    """The lines to print, from what the workers wrote."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0] * len(COLUMNS))
    for line in rows.splitlines():
        fault, *figures = json.loads(line)
        sums[fault] = [old + new for old, new in zip(sums[fault], figures, strict=True)]
    width = max(map(len, sums), default=0)
    head = f"{'fault':{width}}" + "".join(f"{column.replace('_', ' '):>10}" for column in COLUMNS)
    lines = (
        f"{fault:{width}}" + "".join(f"{figure:>10}" for figure in figures)
        for fault, figures in sorted(sums.items())
    )
    return [head, *lines] if sums else []
