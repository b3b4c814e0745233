"""The formats that banks and ERPs write: files are only read here, nothing is decided.

Each format is imported where it is used: a check of one payment is not to wait for all of them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from h2h.adapters.messages.iso20022.xml import Unreadable

if TYPE_CHECKING:
    from h2h.adapters.messages.iso20022.incoming import Opened, Severities
    from h2h.core.payment import Chunk, Verdict
    from h2h.core.problem import Severity
    from h2h.core.recall import Recall
    from h2h.core.terms import CheckTerms
    from h2h.ports import BankMessage, Refusal

__all__ = ["Iso20022Messages", "Unreadable"]

_MT940 = re.compile(rb"^(?:\{1:|:20:)", re.MULTILINE)
_TOP = 4096  # bytes: some banks put lines of their own before the first message


class Iso20022Messages:
    """ISO 20022 messages, as ports.Messages wants them; statements in MT940 and BAI2 are read too.

    What a bank file is shows in its content, never in its name.
    """

    def check(self, path: Path, terms: CheckTerms, today: date, *, first: bool = False) -> Verdict:
        """Judge an outgoing file; never raises for bad content."""
        from h2h.adapters.messages.iso20022 import check  # noqa: PLC0415 - as above

        return check.check(path, terms, today, first=first)

    def payments(self, path: Path) -> Iterator[Chunk]:
        """The payments of a file that was found valid, in chunks."""
        from h2h.adapters.messages.iso20022 import check  # noqa: PLC0415 - as above

        return check.payments(path)

    def read(
        self, path: Path, largest: int, severities: Mapping[str, Severity] | None = None
    ) -> BankMessage:
        """Read a bank file. Raises Corrupt when it is not one; slips are in `problems`.

        `severities` are those of slips in ISO 20022 messages, by statement.SLIPS.
        """
        if form := _text_form(path):
            from h2h.adapters.messages.text import bound  # noqa: PLC0415 - as above

            bound(path, largest)
            return form.read(path)
        from h2h.adapters.messages.iso20022 import incoming  # noqa: PLC0415 - as above

        opened = incoming.open_message(path, largest)
        return _reader(opened.family)(opened, severities or incoming.AS_USUAL)

    def refuse(self, path: Path, refusal: Refusal, target: Path) -> None:
        """Write to `target`, flushed, the status report that rejects the payment file at `path`."""
        from h2h.adapters.messages.iso20022.refusal import write  # noqa: PLC0415 - as above

        write(path, refusal, target)

    def write_recall(self, path: Path, recall: Recall, target: Path) -> None:
        """Write to `target`, flushed, the recall of payments of the file at `path`."""
        from h2h.adapters.messages.iso20022.cancellation import write  # noqa: PLC0415 - as above

        write(path, recall, target)

    def check_recall(self, path: Path) -> Verdict:
        """Judge a recall by its schema alone."""
        from h2h.adapters.messages.iso20022 import cancellation  # noqa: PLC0415 - as above

        return cancellation.check(path)

    def extract(self, path: Path, keep: Sequence[int], target: Path) -> None:
        """Write the file with only the statements `keep` (indexes from 1) left in it, flushed."""
        if form := _text_form(path):
            with target.open("wb") as out:
                form.extract(path, keep, out)
                out.flush()
                os.fsync(out.fileno())
            return
        from h2h.adapters.messages.iso20022 import extract, incoming  # noqa: PLC0415 - as above

        opened = incoming.open_message(path, path.stat().st_size)
        extract.extract(opened, keep, target)

    def rewrite(
        self, path: Path, message: str, target: Path, *, keep: Sequence[int] = ()
    ) -> Sequence[str]:
        """Write the account reports at `path` to `target` in an older version of their message."""
        from h2h.adapters.messages.iso20022.rewrite import rewrite  # noqa: PLC0415 - as above

        return rewrite(path, message, target, keep)


def _reader(family: str) -> Callable[[Opened, Severities], BankMessage]:
    """What reads a message of this family."""
    from h2h.adapters.messages.iso20022 import camt, pain002, resolution  # noqa: PLC0415 - as above

    return {"pain.002": pain002.read, "camt.029": resolution.read}.get(family, camt.read)


class _TextForm(Protocol):
    """A module that reads statements in plain text."""

    def read(self, path: Path) -> BankMessage: ...

    def extract(self, path: Path, keep: Sequence[int], target: BinaryIO) -> None: ...


def _text_form(path: Path) -> _TextForm | None:
    """What reads the file, None where XML may be in it."""
    from h2h.adapters.messages import bai2, mt940, text  # noqa: PLC0415 - as above

    top = text.head(path)[:_TOP].lstrip()
    if top.startswith(b"01,"):
        return bai2
    return mt940 if not top.startswith(b"<") and _MT940.search(top) else None
