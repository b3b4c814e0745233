"""What a payment file says: its header, its batches, its payments. Plain values, no XML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from h2h.core.problem import Problem, Severity

NOT_PROVIDED = "NOTPROVIDED"  # the EndToEndId of a payment that has none


@dataclass(frozen=True, slots=True)
class Header:
    """The group header. `transactions` and `control_sum` are what the file declares, if it does."""

    message: str  # "pain.001.001.09"
    message_id: str
    initiating_party: str  # the identifier if there is one, else the name
    created: str  # as written; never used for arithmetic
    transactions: int | None
    control_sum: Decimal | None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """One payment information block: one debtor account, one requested execution date."""

    index: int  # from 1
    id: str
    method: str
    debtor_name: str
    debtor_account: str  # IBAN, or the number as written
    debtor_agent: str  # BIC, else the clearing member id, else ""
    debtor_currency: str  # "" when the file does not say
    requested_execution_date: date | None
    service_level: str
    local_instrument: str
    charge_bearer: str
    transactions: int | None  # declared
    control_sum: Decimal | None  # declared
    line: int | None = None
    debtor_iban: str = ""  # the account where the file gives it as an IBAN
    debtor_bic: str = ""  # the agent where the file gives it as a BIC

    @property
    def place(self) -> str:
        """Where it stands, in words a clerk can follow."""
        return f"batch {self.index} ({self.id})"


@dataclass(frozen=True, slots=True)
class Payment:
    """One credit transfer. `amount` is exact; ids are as the file wrote them.

    In a file that breaks its schema an amount may be unreadable: it is NaN there, and so is every
    sum that it belongs to.
    """

    batch: Batch
    index: int  # within its batch, from 1
    instruction_id: str
    end_to_end_id: str
    uetr: str
    amount: Decimal
    currency: str
    creditor_name: str
    creditor_account: str
    creditor_agent: str
    reference: str  # the structured creditor reference, "" when there is none
    remittance: str  # unstructured remittance lines, joined by a space
    purpose: str
    line: int | None = None
    creditor_iban: str = ""  # the account where the file gives it as an IBAN
    creditor_bic: str = ""  # the agent where the file gives it as a BIC

    @property
    def place(self) -> str:
        """Where it stands, in words a clerk can follow."""
        return f"batch {self.batch.index}, payment {self.index} ({self.end_to_end_id})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of checking one outgoing file, all problems at once.

    `header` is None when the file could not be read as a payment message; `control_sum` holds the
    exact sums by currency of what the file really contains.
    """

    message: str | None
    header: Header | None
    transactions: int | None
    control_sum: Mapping[str, Decimal]
    problems: tuple[Problem, ...]
    debtor_accounts: tuple[str, ...] = ()
    execution_dates: tuple[date, ...] = field(default=())

    @property
    def valid(self) -> bool:
        """False only for problems of severity `error`."""
        return not any(p.severity is Severity.ERROR for p in self.problems)
