"""Check digits: what of a number is left over when it was copied well.

Each finds every single wrong digit. python-stdnum has most of them; these are its equals at a
fraction of the time, and are tested against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

_LETTERS = {ord("A") + n: str(10 + n) for n in range(26)}
_RECURSIVE = (0, 9, 4, 6, 8, 2, 7, 1, 3, 5)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def mod_97(text: str) -> int:
    """ISO 7064 mod 97-10 of letters and digits, A for 10 to Z for 35: 1 when it is right."""
    return int(text.upper().translate(_LETTERS)) % 97


def luhn(digits: str) -> int:
    """Mod 10 with every second digit doubled, from the right: 0 when it is right."""
    places = zip(map(int, reversed(digits)), cycle((False, True)), strict=False)
    return sum(_DOUBLED[digit] if second else digit for digit, second in places) % 10


def mod_10_recursive(digits: str) -> int:
    """The Swiss postal check: 0 when it is right."""
    carry = 0
    for digit in map(int, digits):
        carry = _RECURSIVE[(carry + digit) % 10]
    return (10 - carry) % 10


def weighted(digits: str, weights: Sequence[int]) -> int:
    """The sum of the digits times `weights`, which repeat, from the right."""
    return sum(
        digit * weight
        for digit, weight in zip(map(int, reversed(digits)), cycle(weights), strict=False)
    )
