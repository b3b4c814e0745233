"""What somebody types to find a file or a payment, as the keys that it may be. Pure."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from h2h.core.money import CURRENCIES, DECIMALS, amount, plain

LONGEST = 200  # characters of what is looked for: one thing, not a list
_MOST_DECIMALS = 4
_LAST = "\U0010ffff"
_AMOUNT = re.compile(r"(?:([A-Za-z]{3})\s*)?([\d.,'\s]*\d)(?:\s*([A-Za-z]{3}))?", re.ASCII)
_DAYS = (
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})", re.ASCII),
    re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})", re.ASCII),
    re.compile(r"(?P<day>\d{1,2})\s+(?P<word>[A-Za-z]{3})[a-z]*\s+(?P<year>\d{4})", re.ASCII),
    re.compile(r"(?P<year>\d{4})年(?P<month>\d{1,2})月(?P<day>\d{1,2})日", re.ASCII),
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class Sought(NamedTuple):
    """`amounts` are the plain texts that a ledger may have of one amount; `currency` "": any."""

    text: str
    lower: str
    account: str
    amounts: tuple[str, ...]
    currency: str


def sought(text: str) -> Sought:
    """The keys that `text` may be."""
    text = " ".join(text.split())
    currency, amounts = _amounts(text)
    return Sought(text, lower(text), "".join(text.split()).upper(), amounts, currency)


def lower(text: str) -> str:
    """As the databases do it: only the letters of ASCII."""
    return "".join(each.lower() if each.isascii() else each for each in text)


def after_all(prefix: str) -> str:
    """What sorts behind every text that begins with `prefix`.

    Surrogates are no characters of a database, and behind U+10FFFF there is none.
    """
    kept = prefix.rstrip(_LAST) or prefix
    if kept[-1] == _LAST:
        return kept + _LAST
    return kept[:-1] + ("\ue000" if kept[-1] == "\ud7ff" else chr(ord(kept[-1]) + 1))


def day_of(text: str) -> date | None:
    """`2026-11-23`, `23.11.2026`, `23 Nov 2026` or `2026年11月23日`; None for anything else."""
    for shape in _DAYS:
        if found := shape.fullmatch(text.strip()):
            parts = found.groupdict()
            word = (parts.get("word") or "").lower()
            if word and word not in _MONTHS:
                return None
            month = _MONTHS.index(word) + 1 if word else int(parts["month"])
            try:
                return date(int(parts["year"]), month, int(parts["day"]))
            except ValueError:
                return None
    return None


def _amounts(text: str) -> tuple[str, tuple[str, ...]]:
    """The currency that is written before or behind an amount, and the amount's texts."""
    found = _AMOUNT.fullmatch(text)
    if not found:
        return "", ()
    currency = (found[1] or found[3] or "").upper()
    if currency and currency not in CURRENCIES:
        return "", ()
    try:
        value = amount(_written(found[2]))
    except ValueError:
        return "", ()
    return currency, _texts(value, DECIMALS.get(currency, 2))


def _written(figure: str) -> str:
    """`48,210.00`, `48.210,00`, `48 210.00` and `48210` as `48210.00` and `48210`.

    Of two marks the last is the decimal one; one comma, with three digits behind it, is none.
    """
    digits = re.sub(r"[\s']", "", figure)
    if "," not in digits:
        return digits.replace(".", "", digits.count(".") - 1) if digits.count(".") > 1 else digits
    whole, _, rest = digits.rpartition(",")
    if digits.rfind(".") > digits.rfind(",") or (len(rest) == 3 and "." not in digits):
        return digits.replace(",", "")
    return f"{whole.replace('.', '').replace(',', '')}.{rest}"


def _texts(value: Decimal, decimals: int) -> tuple[str, ...]:
    """As it may have been written: with the currency's decimals first, with fewer, or more."""
    least = plain(value.normalize())
    whole, _, fraction = least.partition(".")
    counts = sorted(range(len(fraction), _MOST_DECIMALS + 1), key=lambda n: (n != decimals, n))
    return tuple(f"{whole}.{fraction:0<{n}}" if n else whole for n in counts) or (least,)
