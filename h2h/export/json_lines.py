"""JSON Lines: an object an entry, with its transactions inside. Nothing in it is altered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import BinaryIO

import orjson

from h2h.core.money import plain
from h2h.core.statement import Entry, Exchange, Statement
from h2h.export.columns import DETAIL, ENTRY, HEAD, Chunk, Column, Kind, Values, chunk_of
from h2h.export.writing import Cells, Days, figures, lines

_BOOKED = "BOOK"
_DAYS = Days('"%Y-%m-%d"', "null")


class JsonLinesWriter:
    """A file of JSON Lines while entries come in; with `booked` those of status BOOK only."""

    def __init__(self, out: BinaryIO, *, booked: bool) -> None:
        self._out, self._booked = out, booked

    def begin(self, statement: Statement) -> None:
        """The entries that come now are this statement's."""
        self._statement = statement

    def add(self, entries: Sequence[Entry]) -> None:
        """Write a line for each of the next entries."""
        if self._booked:
            entries = [entry for entry in entries if entry.status == _BOOKED]
        self._out.write("".join(objects(self._statement, entries)).encode())

    def end(self) -> Sequence[str]:
        """Nothing is left out."""
        return ()

    def abandon(self) -> None:
        """Nothing is held."""


def entry_object(statement: Statement, entry: Entry) -> dict[str, object]:
    """One entry with its transactions under `details`, ready for JSON."""
    found: dict[str, object] = orjson.loads("".join(objects(statement, [entry])))
    return found


def objects(statement: Statement, entries: Sequence[Entry]) -> Iterable[str]:
    """A line for each entry."""
    if not entries:
        return ()
    own = chunk_of(statement, entries)
    details = Cells(_details(statement, entries))
    columns = [*_columns(HEAD, own), *_columns(ENTRY, own), details]
    return lines(_ENTRY_OBJECT, columns)


def _details(statement: Statement, entries: Sequence[Entry]) -> Sequence[str]:
    """The list of transactions of each entry."""
    flat = [detail for entry in entries for detail in entry.details]
    if not flat:
        return ["[]"] * len(entries)
    numbers = [number for entry in entries for number in range(1, len(entry.details) + 1)]
    rows = chunk_of(statement, numbers=numbers, details=flat)
    made = [*lines(_DETAIL_OBJECT, _columns(DETAIL, rows))]
    if len(made) == len(entries) and all(number == 1 for number in numbers):
        return [f"[{row}]" for row in made]
    rest = iter(made)
    return [f"[{','.join(islice(rest, len(entry.details)))}]" for entry in entries]


# ------------------------------------------------------------------------------------------ values


def _columns(columns: Mapping[str, Column], chunk: Chunk) -> list[Cells]:
    return [_TELL[column.kind](column.values(chunk)) for column in columns.values()]


def _texts(texts: Values) -> Cells:
    """Texts between quotes; most have nothing that JSON writes in another way."""
    joined = "".join(texts)
    if joined.isprintable() and '"' not in joined and "\\" not in joined:
        return Cells(texts, '"%s"')
    return Cells([orjson.dumps(text).decode() for text in texts])


def _amounts(amounts: Values) -> Cells:
    return Cells([f'"{figure}"' if figure else "null" for figure in figures(amounts)])


def _exchange(exchange: Exchange | None) -> str:
    if exchange is None:
        return "null"
    told = {
        "instructed_amount": exchange.instructed,
        "instructed_currency": exchange.instructed_currency,
        "counter_amount": exchange.counter,
        "counter_currency": exchange.counter_currency,
        "rate": exchange.rate,
        "source": exchange.source,
        "target": exchange.target,
    }
    return orjson.dumps(told, plain).decode()


_TELL: Mapping[Kind, Callable[[Values], Cells]] = {
    Kind.TEXT: _texts,
    Kind.AMOUNT: _amounts,
    Kind.DAY: lambda days: Cells(_DAYS.told(days)),
    Kind.COUNT: lambda counts: Cells(["null" if n is None else str(n) for n in counts]),
    Kind.FLAG: lambda flags: Cells(["true" if flag else "false" for flag in flags]),
    Kind.EXCHANGE: lambda found: Cells(
        [*map(_exchange, found)] if any(found) else ["null"] * len(found)
    ),
}


def _object(names: Iterable[str], end: str = "") -> Callable[[Sequence[str]], str]:
    """How an object with these names is written around its values."""
    keys = [f'"{name}":' for name in names]

    def pattern(values: Sequence[str]) -> str:
        pairs = zip(keys, values, strict=True)
        return "{" + ",".join([key + value for key, value in pairs]) + "}" + end

    return pattern


_ENTRY_OBJECT = _object([*HEAD, *ENTRY, "details"], "\n")
_DETAIL_OBJECT = _object(DETAIL)
