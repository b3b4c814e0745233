"""How the practice bank misbehaves on demand: `h2h sandbox --behave NAME`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from h2h.errors import ConfigError

# name -> what the bank does then; those of its office are mock-bank's own, see office.py
BEHAVIOURS: Mapping[str, str] = {
    "closed-account": "its other accounts are closed: payments to them are rejected (AC04)",
    "reject-file": "every payment file is rejected as a whole (FF01)",
    "duplicate": "whatever it sends comes twice, under two names",
    "silent": "no status report is ever sent; entries and statements are",
    "late-return": "each payment is booked, and returned on the next business day",
    "statement-gap": "the last entry is left out of each statement, which so does not balance",
    "cut-after": "the line is cut when BYTES of a file were uploaded, once",
    "deaf": "the renaming of a file is done and not answered, once; then it answers again",
    "no-rename": "a plain rename is refused",
    "no-posix-rename": "posix-rename is refused",
    "slow": "each answer takes half a second",
    "wrong-key": "the server shows another host key than the one it told",
    "full": "its disk is full: nothing can be uploaded",
}
OF_ACCOUNTS: Mapping[str, str] = {  # ours -> mock-bank's, of the customer's accounts
    "reject-file": "reject-file",
    "silent": "silent",
    "late-return": "return-later",
    "statement-gap": "statement-gap",
}
_CUT = "cut-after"


@dataclass(slots=True)
class Manners:
    """What is wrong with the bank now. May be changed while it runs, but for `wrong-key`."""

    names: frozenset[str] = frozenset()
    cut_after: int | None = None  # bytes; None when the line has been cut

    def has(self, name: str) -> bool:
        """Does it behave so?"""
        return name in self.names

    def once(self, name: str) -> bool:
        """Does it, and has it not done so yet?"""
        there = name in self.names
        self.names -= {name}
        return there


def manners(wanted: Iterable[str]) -> Manners:
    """Of words such as `silent` and `cut-after=4096`. Raises ConfigError for one that is none."""
    names, cut_after = set[str](), None
    for word in wanted:
        name, _, number = word.partition("=")
        if name not in BEHAVIOURS or bool(number) != (name == _CUT):
            raise ConfigError(
                f"the practice bank does not know how to behave {word!r}",
                f"It knows {', '.join(BEHAVIOURS)} (cut-after with a number of bytes)",
            )
        if number:
            cut_after = _bytes(number)
        names.add(name)
    return Manners(frozenset(names), cut_after)


def _bytes(number: str) -> int:
    if not number.isdecimal():
        raise ConfigError(f"{number!r} is no number of bytes", "Such as: cut-after 4096")
    return int(number)
