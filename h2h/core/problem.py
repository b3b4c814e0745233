"""What is wrong with a file, said so that somebody can mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """What a problem does to the file that has it; a bank's profile may change it."""

    ERROR = "error"  # the file is refused
    HOLD = "hold"  # a person decides
    WARN = "warn"  # recorded and shown
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: the rule, where it struck, and the next move.

    `path` is readable (`batch 2, payment 14 (INV-4711), creditor account`); `line` counts from 1
    and is None where the place has none (an empty file, a file of one line too long to point at).
    """

    rule: str
    severity: Severity
    message: str
    remedy: str
    path: str | None = None
    line: int | None = None

    def as_json(self) -> dict[str, str | int | None]:
        """The problem in the shape that `h2h check --json` and the answers to the ERP promise."""
        return {
            "rule": self.rule,
            "severity": self.severity.value,
            "path": self.path,
            "line": self.line,
            "message": self.message,
            "remedy": self.remedy,
        }


def worst(problems: Iterable[Problem]) -> Severity | None:
    """The gravest severity among `problems`, None when there are none."""
    order = list(Severity)
    return min((p.severity for p in problems), key=order.index, default=None)
