"""What was agreed with a bank about the files that go to it, as far as they are judged by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from h2h.core.calendar import CutOff
from h2h.core.demands import NO_PROFILE, Limit, Profile
from h2h.core.expected import Expected
from h2h.core.problem import Severity


@dataclass(frozen=True, slots=True)
class Account:
    """One of our accounts. `number` is the IBAN, or the number as the bank writes it."""

    number: str
    bank_code: str
    currency: str
    entity: str
    expects: Expected | None = None  # when its statements are due; None: nobody waits for them


@dataclass(frozen=True, slots=True)
class CheckTerms:
    """What outgoing files are judged by. `accounts` None: nothing is known of them (offline).

    `now` and `gone_today` are of the moment: whoever asks for a check fills them in.
    """

    accounts: tuple[Account, ...] | None = None
    severities: Mapping[str, Severity] = field(default_factory=dict)
    largest_file: int = 1_000_000_000  # bytes
    schema: Path | None = None  # the bank's own XSD, judged after the standard one
    past_date_tolerance: int = 0  # days
    profile: Profile = NO_PROFILE
    environment: str = ""  # test | production, "" when it does not matter (offline)
    calendar: str = ""  # the bank's business days, "" when they are not known (offline)
    now: datetime | None = None  # in the bank's zone; None: nothing is late (offline)
    cut_offs: tuple[CutOff, ...] = ()  # the first that fits counts
    limits: Mapping[str, Limit] = field(default_factory=dict)  # by currency
    most_payments: int | None = None  # in one file
    gone_today: Mapping[str, Decimal] = field(default_factory=dict)  # and what may still go today
    test_indicator: str = ""  # what marks a test file in its authorisation element
