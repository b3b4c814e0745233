"""What is read of messages, and what is written for the ERP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from h2h.core.payment import Payment, Verdict
from h2h.core.problem import Problem, Severity
from h2h.core.recall import Recall, Resolution
from h2h.core.statement import Part, Statement
from h2h.core.status import StatusReport
from h2h.core.terms import CheckTerms
from h2h.ports.terms import FormTerms


@dataclass(slots=True)
class BankMessage:
    """A bank file while it is read: account reports part by part, or a status report.

    `parts` can be walked once, and raises Corrupt where the file turns out to be none. Until then
    `problems`, what was wrong with it, may grow, and `message_id` may not be known.
    """

    message: str
    parts: Iterator[Part] = field(default_factory=lambda: iter(()))
    report: StatusReport | None = None
    resolution: Resolution | None = None
    message_id: str = ""
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A status report of our own, by which the ERP learns that a payment file is rejected.

    `reasons` are placed by their XPath; those of the file as a whole have none.
    """

    message_id: str
    created: datetime
    reasons: tuple[Problem, ...]


class Messages(Protocol):
    """The formats. Files are only read; nothing here decides."""

    def check(self, path: Path, terms: CheckTerms, today: date) -> Verdict:
        """Judge an outgoing file; never raises for bad content."""
        ...

    def payments(self, path: Path) -> Iterator[Sequence[Payment]]:
        """The payments of a file that was found valid, in chunks."""
        ...

    def read(
        self, path: Path, largest: int, severities: Mapping[str, Severity] | None = None
    ) -> BankMessage:
        """Read a bank file. Raises Corrupt when it is not one; slips are in `problems`.

        `severities` are those of slips, by statement.SLIPS; one that is to hold makes a doubt of
        the statement that has it.
        """
        ...

    def refuse(self, path: Path, refusal: Refusal, target: Path) -> None:
        """Write to `target`, flushed, the status report that rejects the payment file at `path`.

        Raises Refused when the file gives no message id that a report can name, Corrupt when it
        cannot be read.
        """
        ...

    def write_recall(self, path: Path, recall: Recall, target: Path) -> None:
        """Write to `target`, flushed, the recall of payments of the file at `path`.

        The same recall of the same file gives the same bytes. Raises Corrupt when the file cannot
        be read, Refused when an id of it that the bank needs does not fit into a recall.
        """
        ...

    def check_recall(self, path: Path) -> Verdict:
        """Judge a recall by its schema alone: no rule of payments is for it."""
        ...

    def extract(self, path: Path, keep: Sequence[int], target: Path) -> None:
        """Write the file with only the statements `keep` (indexes from 1) left in it."""
        ...

    def rewrite(
        self, path: Path, message: str, target: Path, *, keep: Sequence[int] = ()
    ) -> Sequence[str]:
        """Write account reports to `target`, flushed, as `message` ("camt.053.001.02").

        It must be an older version of the same family; with `keep`, only these statements (indexes
        from 1). Returns in words what was moved to the additional information, what found no room,
        and what the schema says against the result. Raises Corrupt when the file holds no account
        report, Refused when `message` cannot be made of it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Export:
    """One file to be made for the ERP: its suffix (".csv"), its content, and what that lost."""

    suffix: str
    content: bytes
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """The bank's verified file, and the statements of it (indexes from 1) that are handed over."""

    path: Path
    keep: tuple[int, ...]


REPORTS = (FormTerms("csv"), FormTerms("jsonl"))  # the rows of a status report, unless told


class Exporter(Protocol):
    """What the ERP gets of booked statements and of status reports."""

    def write(
        self,
        terms: FormTerms,
        statements: Sequence[Statement],
        target: Path,
        *,
        source: Source | None = None,
    ) -> Sequence[str]:
        """Write `statements` in one form to `target`, flushed; sentences of what was left out.

        The entries of a statement may be walked more than once and are never all in memory.
        `original` and `camt.NN` are made of `source`. Raises Refused when money or identity does
        not go into the form, and leaves no `target` behind then.
        """
        ...

    def suffix(self, terms: FormTerms) -> str:
        """The end of the file's name: ".csv"; of `original` as for XML."""
        ...

    def report(
        self, report: StatusReport, forms: Sequence[FormTerms] = REPORTS
    ) -> Sequence[Export]:
        """The rows of a status report in those of `forms` that have rows: CSV and JSON Lines.

        It is handed over as the bank wrote it too. Columns are its own; separator, decimal mark,
        encoding and header are those of the form.
        """
        ...
