"""What the ledger keeps of retention: how old files are, legal holds, and lists to be erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from h2h.core.retention import Expired, Hold, Retained
from h2h.ports.approvals import Proposal


@dataclass(frozen=True, slots=True)
class Erasure:
    """A file of a confirmed list whose erasure has not come to its end.

    `begun`: the chain tells of it and the ledger's own rows are erased; the dossier's contents may
    still be there.
    """

    file_id: str
    number: int  # of the list
    hash: str
    begun: bool


class Retention(Protocol):
    """The part of the ledger that retention lives in."""

    def retained(self, before: date) -> Sequence[Retained]:
        """What came before that day and is not erased, in any order."""
        ...

    def holds(self) -> Sequence[Hold]:
        """Legal holds that stand. Raises Corrupt when they are not those of the chain."""
        ...

    def hold(self, wish: Hold, now: datetime) -> Hold:
        """Enter a legal hold, chained; its number is given here."""
        ...

    def propose_unhold(self, number: int, who: str, reason: str, now: datetime) -> Proposal:
        """That a hold be lifted, which waits for a second person; Refused when none of this number
        stands, or it was proposed already."""
        ...

    def unhold(self, change: int, who: str, reason: str, now: datetime) -> Proposal:
        """Confirm such a change and lift its hold, chained, in one transaction. Refused when it is
        decided already, or when `who` proposed it."""
        ...

    def propose_erasure(
        self, files: Sequence[Expired], as_of: date, who: str, reason: str, now: datetime
    ) -> Proposal:
        """A list that waits for a second person, bound to its hash; an older one is superseded."""
        ...

    def confirm_erasure(
        self, number: int, files: Sequence[Expired], who: str, reason: str, now: datetime
    ) -> Proposal:
        """Commit that the files of a list are to be erased, in one transaction.

        `files` is the list as it is now. Refused when it is not the one that was proposed, when
        `who` proposed it, or when it is decided already.
        """
        ...

    def to_erase(self) -> Sequence[Erasure]:
        """What is confirmed and not done."""
        ...

    def begin_erasure(self, erasure: Erasure, now: datetime) -> str:
        """Commit the intent: a link of the file's chain, and its personal data gone from the rows.

        Where the file moved since the list was made, is needed again or held, it stays: chained,
        and told in words; "" when the erasure has begun.
        """
        ...

    def end_erasure(self, erasure: Erasure, now: datetime) -> None:
        """Chain that the contents are removed; once."""
        ...

    def erased(self, file_id: str) -> bool:
        """Has the erasure of this file begun?"""
        ...
