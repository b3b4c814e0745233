"""What is wrong with a file, said so that somebody can mend it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from h2h.core.words import Translate, Words, say, tell


class Severity(StrEnum):
    """What a problem does to the file that has it; a bank's profile may change it."""

    ERROR = "error"  # the file is refused
    HOLD = "hold"  # a person decides
    WARN = "warn"  # recorded and shown
    INFO = "info"


SEVERITY_WORDS: Mapping[Severity, Words] = {
    Severity.ERROR: say("error"),
    Severity.HOLD: say("hold"),
    Severity.WARN: say("warning"),
    Severity.INFO: say("info"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: the rule, where it struck, and the next move.

    `path` is readable (`batch 2, payment 14 (INV-4711), creditor account`), `xpath` is for a
    machine; `line` and `column` count from 1 and are None where the place has none (an empty file).
    `code` is the ISO reason code (external code set, ExternalStatusReason1Code) with which a bank
    would answer.
    """

    rule: str
    severity: Severity
    message: str
    remedy: str
    path: str | None = None
    line: int | None = None
    code: str | None = None
    xpath: str | None = None
    column: int | None = None
    found: str | None = None
    expected: str | None = None

    def as_json(self) -> dict[str, str | int | None]:
        """The problem in the shape that `h2h check --json` and the answers to the ERP promise."""
        return {
            "rule": self.rule,
            "severity": self.severity.value,
            "code": self.code,
            "path": self.path,
            "xpath": self.xpath,
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "found": self.found,
            "expected": self.expected,
            "remedy": self.remedy,
        }

    def told(self, translate: Translate) -> Problem:
        """The same problem in another language."""
        return replace(
            self,
            message=tell(self.message, translate),
            remedy=tell(self.remedy, translate),
            path=tell(self.path, translate) if self.path else self.path,
            found=tell(self.found, translate) if self.found else self.found,
            expected=tell(self.expected, translate) if self.expected else self.expected,
        )


def place_words(path: str | None, line: int | None, column: int | None) -> Words | None:
    """Where a problem is: `batch 2 (B-2), control sum, line 7, column 3`; None: the whole file."""
    if line is None:
        return say("{place}", place=path) if path else None
    if column is None:
        at = say("line {line}", line=line)
    else:
        at = say("line {line}, column {column}", line=line, column=column)
    return say("{place}, {part}", place=path, part=at) if path else at


def worst(problems: Iterable[Problem]) -> Severity | None:
    """The gravest severity among `problems`, None when there are none."""
    order = list(Severity)
    return min((p.severity for p in problems), key=order.index, default=None)
