"""How long files are kept, what stops their erasure, and which list of them two persons agree on.

A time ends with a calendar year, as those of the commercial and tax codes do (HGB § 257, AO § 147):
N years after the one in which a file last moved, or of the last day that it tells of, whichever is
later. Where several rules fit, the longest counts; where none fits, a file is kept for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from h2h.core.fingerprints import digest
from h2h.core.words import say


class Kind(StrEnum):
    """What a file is, for how long it is kept."""

    PAYMENT = "payment"  # payment files, collections and recalls, whatever became of them
    STATEMENT = "statement"  # of the day: camt.053, MT940, BAI2
    REPORT = "report"  # within the day: camt.052, camt.054, MT942
    STATUS = "status"  # pain.002, camt.029, acknowledgements
    DOCUMENT = "document"  # what was declared so, and never read


@dataclass(frozen=True, slots=True)
class Rule:
    """So many years, for these kinds and accounts; without any: for all."""

    years: int
    kinds: frozenset[Kind] = frozenset()
    accounts: frozenset[str] = frozenset()  # as account_key has them


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: nothing that fits all that it names is erased; None and "" name nothing."""

    id: int
    file_id: str
    account: str
    since: date | None
    until: date | None
    who: str
    reason: str


@dataclass(frozen=True, slots=True)
class Retained:
    """What decides how long one file is kept.

    `kind` None: nobody could read what it is; no `accounts`: whose it is is not known. `needed`:
    why it is not over yet, "" when it is.
    """

    file_id: str
    sha256: str
    last_move: int
    kind: Kind | None
    accounts: frozenset[str]
    first: date  # of the days that it tells of, and on which it came
    newest: date  # likewise, and on which it moved last
    needed: str = ""


@dataclass(frozen=True, slots=True)
class Expired:
    """A file past its time; `kept` says why it stays all the same, "" when it may go."""

    file: Retained
    until: date
    kept: str = ""


def years_of(file: Retained, rules: Iterable[Rule]) -> int | None:
    """How many years it is kept; None: for ever.

    What touches several accounts stays as long as the longest of them. What could be any account's
    (or any kind's) stays as long as any, and goes only where a rule is for all of them.
    """
    rules = list(rules)
    kinds = [file.kind] if file.kind else list(Kind)
    longest = [_years(kind, file.accounts, rules) for kind in kinds]
    return None if None in longest else max(filter(None, longest))


def _years(kind: Kind, accounts: frozenset[str], rules: Iterable[Rule]) -> int | None:
    ours = [rule for rule in rules if not rule.kinds or kind in rule.kinds]
    if not accounts:
        general = any(not rule.accounts for rule in ours)
        return max(rule.years for rule in ours) if general else None
    longest = [
        max((rule.years for rule in ours if not rule.accounts or one in rule.accounts), default=0)
        for one in accounts
    ]
    return max(longest) if all(longest) else None


def kept_until(file: Retained, years: int) -> date:
    """The last day on which it is kept."""
    return date(file.newest.year + years, 12, 31)


def came_before(rules: Iterable[Rule], today: date) -> date | None:
    """What came on this day or later is younger than every rule's time; None without a rule."""
    shortest = min((rule.years for rule in rules), default=None)
    return None if shortest is None else date(today.year - shortest, 1, 1)


def expired(
    files: Iterable[Retained], rules: Sequence[Rule], holds: Sequence[Hold], today: date
) -> list[Expired]:
    """Those past their time, in the order of their ids, and why some of them stay."""
    found = []
    for file in files:
        years = years_of(file, rules)
        if years is not None and (until := kept_until(file, years)) < today:
            found.append(Expired(file, until, file.needed or held(file, holds)))
    return sorted(found, key=lambda each: each.file.file_id)


def held(file: Retained, holds: Iterable[Hold]) -> str:
    """The hold that keeps a file, in words; "" when none does."""
    for hold in holds:
        if _holds(hold, file):
            return say("legal hold {number}", number=hold.id)
    return ""


def _holds(hold: Hold, file: Retained) -> bool:
    """Of a file whose accounts are not known, any account's hold is its."""
    if hold.file_id and hold.file_id != file.file_id:
        return False
    if hold.account and file.accounts and hold.account not in file.accounts:
        return False
    before = hold.until is not None and file.first > hold.until
    after = hold.since is not None and file.newest < hold.since
    return not before and not after


def list_hash(files: Iterable[Expired]) -> str:
    """What two persons agree on, as a hash: which files, with which content, as they stand now."""
    rows = [
        [each.file.file_id, each.file.sha256, each.file.last_move, each.until.isoformat()]
        for each in sorted(files, key=lambda each: each.file.file_id)
    ]
    return digest({"erase": rows})


# ------------------------------------------------------------------------------------ in the chain

PROPOSED = "retention-proposed"  # targets of links that belong to no file
CONFIRMED = "retention-confirmed"  # its content: the hash of the list
REFUSED = "retention-refused"
HELD, UNHELD, KEPT = "retention-hold", "retention-unhold", "retention-kept"
UNHOLD_PROPOSED = "retention-unhold-proposed"
_LINK = re.compile(r"(erasing|erased): list \d+ \(([0-9a-f]{64})\)")


def erasing_words(number: int, hash_: str, proposed: str, confirmed: str, reason: str) -> str:
    """Of the link with which the erasure of a file begins."""
    by = f"proposed by {proposed}, confirmed by {confirmed}"
    return f"erasing: list {number} ({hash_}), {by}: {reason}"


def erased_words(number: int, hash_: str) -> str:
    """Of the link that ends it."""
    return f"erased: list {number} ({hash_}), its contents are removed"


def erasure_told(source: str, target: str, who: str, because: str) -> tuple[str, str]:
    """(erasing | erased, the hash of the list) of such a link; two times "" for any other."""
    found = _LINK.match(because) if source == target and who == "h2h" else None
    return (found[1], found[2]) if found else ("", "")


def kind_of(
    direction: str, message: str, kinds: Iterable[str], *, told: bool, read: bool
) -> Kind | None:
    """What a file is: by its direction, the kinds of the statements in it, whether reports were
    `told` from it, and its message as it was recognised. None: nobody could `read` it."""
    kinds = set(kinds)
    if direction == "out":
        return Kind.PAYMENT
    if kinds:
        return Kind.STATEMENT if "statement" in kinds else Kind.REPORT
    if told or message.startswith(("pain.002", "camt.029")):
        return Kind.STATUS
    if message:
        return Kind.REPORT if message.startswith(_WITHIN_THE_DAY) else Kind.STATEMENT
    return Kind.DOCUMENT if read else None


_WITHIN_THE_DAY = ("camt.052", "camt.054", "MT942")
