"""Rates from a file of the treasury: `currency,rate`, one a line, read again when it changes."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from h2h.core import money
from h2h.errors import ConfigError, H2HError
from h2h.ports import Log

_LARGEST = 1_000_000  # bytes


class RatesFile:
    """What one unit of each currency is worth, all in the same currency. A file that cannot be read
    gives none, so that the stricter policy holds; the log says why."""

    def __init__(self, path: Path | None, log: Log) -> None:
        self._path = path
        self._log = log
        self._seen: tuple[int, int, int] | None = None
        self._rates: Mapping[str, Decimal] = {}

    def __call__(self) -> Mapping[str, Decimal]:
        """The rates as the file has them now."""
        if self._path is None:
            return {}
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_size, status.st_mtime_ns)
            if seen != self._seen:
                self._rates, self._seen = read_rates(self._path), seen
        except (OSError, H2HError) as error:
            self._log.event("no_rates", file=str(self._path), because=str(error))
            self._rates, self._seen = {}, None
        return self._rates


def read_rates(path: Path) -> Mapping[str, Decimal]:
    """The rates of a file. Raises ConfigError for a line that is no rate, with its number."""
    if path.stat().st_size > _LARGEST:
        raise ConfigError(f"{path} has more than {_LARGEST} bytes", _AS)
    try:
        lines = csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline=""))
        rows = [(number, row) for number, row in enumerate(lines, 1) if any(row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path} is no CSV in UTF-8 ({error})", _AS) from error
    rates: dict[str, Decimal] = {}
    for number, row in rows:
        if number == 1 and [cell.strip().lower() for cell in row] == ["currency", "rate"]:
            continue
        currency, rate = _rate(path, number, row)
        if currency in rates:
            raise ConfigError(f"{path}, line {number}: {currency} has a rate already", _AS)
        rates[currency] = rate
    return rates


def _rate(path: Path, number: int, row: list[str]) -> tuple[str, Decimal]:
    try:
        currency, rate = (cell.strip() for cell in row)
        found = money.amount(rate)
    except ValueError as error:
        raise ConfigError(f"{path}, line {number}: {','.join(row)!r} is no rate", _AS) from error
    if currency not in money.CURRENCIES or not found:
        raise ConfigError(f"{path}, line {number}: {','.join(row)!r} is no rate", _AS)
    return currency, found


_AS = "Write a line such as USD,0.9213 for each currency"
