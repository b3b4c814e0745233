"""The formats that banks and ERPs write: files are only read here, nothing is decided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from h2h.adapters.messages.iso20022 import camt, check, extract, incoming, pain002
from h2h.adapters.messages.iso20022 import refusal as reject
from h2h.adapters.messages.iso20022.xml import Unreadable
from h2h.core.payment import Chunk, Verdict
from h2h.ports import BankMessage, CheckTerms, Refusal

__all__ = ["Iso20022Messages", "Unreadable"]


class Iso20022Messages:
    """ISO 20022 messages, as ports.Messages wants them."""

    def check(self, path: Path, terms: CheckTerms, today: date, *, first: bool = False) -> Verdict:
        """Judge an outgoing file; never raises for bad content."""
        return check.check(path, terms, today, first=first)

    def payments(self, path: Path) -> Iterator[Chunk]:
        """The payments of a file that was found valid, in chunks."""
        return check.payments(path)

    def read(self, path: Path, largest: int) -> BankMessage:
        """Read a bank file. Raises Corrupt when it is not one; slips are in `problems`."""
        opened = incoming.open_message(path, largest)
        return pain002.read(opened) if opened.family == "pain.002" else camt.read(opened)

    def refuse(self, path: Path, refusal: Refusal, target: Path) -> None:
        """Write to `target`, flushed, the status report that rejects the payment file at `path`."""
        reject.write(path, refusal, target)

    def extract(self, path: Path, keep: Sequence[int], target: Path) -> None:
        """Write the file with only the statements `keep` (indexes from 1) left in it, flushed."""
        opened = incoming.open_message(path, path.stat().st_size)
        extract.extract(opened, keep, target)
