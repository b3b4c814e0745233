"""What a spreadsheet does to a text, and how far it can count."""

from __future__ import annotations

# What spreadsheets start to calculate at (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
EXACT_DIGITS = 15  # significant digits that a number in a cell keeps
LONGEST_CELL = 32_767  # characters
MOST_ROWS = 1_048_576  # of a sheet


def defused(text: str) -> str:
    """`text`, behind an apostrophe if a spreadsheet would take it for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
