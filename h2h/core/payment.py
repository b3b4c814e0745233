"""What a payment file says: its header, its batches, its payments. Plain values, no XML.

Credit transfers and collections (direct debits) look alike from here. A batch runs on one *account*
of ours, the debtor's in a credit transfer and the creditor's in a collection; each payment has a
*counterparty*, the other side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple, overload

from h2h.core import money
from h2h.core.problem import Problem, Severity

NOT_PROVIDED = "NOTPROVIDED"  # the EndToEndId of a payment that has none
LINE = "\n"  # between the parts of a text that comes several times

_AMOUNTS = re.compile(r"(?:[0-9]{1,18}(?:\.[0-9]{1,18})?\n)*")
_NOT_A_NUMBER = Decimal("NaN")


class Address(NamedTuple):
    """A postal address; `lines` are the free ones, `parts` the structured ones beside the two."""

    town: str
    country: str
    lines: str  # joined by LINE
    parts: str  # street, building, post code and the like, joined by LINE

    @property
    def present(self) -> bool:
        """Is anything of it given?"""
        return any(self)


_NO_ADDRESS = Address("", "", "", "")


class Agent(NamedTuple):
    """A bank as a file names it."""

    bic: str
    member: str  # its id in a clearing system
    member_scheme: str  # the system's ISO code (CNAPS: CNAPS; Fedwire: USABA), or its own name
    name: str
    lei: str
    address: Address

    @property
    def identifier(self) -> str:
        """BIC, else the clearing member id, else ""."""
        return self.bic or self.member


@dataclass(frozen=True, slots=True)
class Header:
    """The group header. `transactions` and `control_sum` are what the file declares, if it does."""

    message: str  # "pain.001.001.09"
    message_id: str
    initiating_party: str  # the identifier if there is one, else the name
    created: str  # as written; never used for arithmetic
    transactions: int | None
    control_sum: Decimal | None
    party_name: str = ""
    party_lei: str = ""
    authorisations: tuple[str, ...] = ()  # codes or own words of the authorisation element

    @property
    def collection(self) -> bool:
        """Is money to be collected (pain.008), not sent?"""
        return self.message.startswith("pain.008")


@dataclass(frozen=True, slots=True)
class Batch:
    """One payment information block: one account of ours, one requested date."""

    index: int  # from 1
    id: str
    method: str
    name: str  # of the account's holder
    account: str  # IBAN, or the number as written
    iban: str  # the account where the file gives it as an IBAN
    account_currency: str  # "" when the file does not say
    agent: Agent
    requested_execution_date: date | None  # the collection date of a direct debit
    service_level: str
    local_instrument: str
    category_purpose: str
    charge_bearer: str
    transactions: int | None  # declared
    control_sum: Decimal | None  # declared
    address: Address
    lei: str = ""
    ultimate_name: str = ""
    ultimate_address: Address = _NO_ADDRESS
    creditor_scheme_id: str = ""  # of a collection
    sequence_type: str = ""  # of a collection
    charges_iban: str = ""  # the account that charges are taken from
    agent_iban: str = ""  # an account that our bank has with another

    @property
    def collection(self) -> bool:
        """Is money to be collected (direct debit), not sent?"""
        return self.method == "DD"

    @property
    def place(self) -> str:
        """Where it stands, in words a clerk can follow."""
        return f"batch {self.index} ({self.id})"


@dataclass(frozen=True, slots=True)
class Payment:
    """One credit transfer or collection. `amount` is exact; ids are as the file wrote them.

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
    counterparty_name: str
    counterparty_account: str  # IBAN, or the number as written
    counterparty_agent: str  # BIC, else the clearing member id, else ""
    reference: str  # the structured creditor reference, "" when there is none
    remittance: str  # unstructured remittance lines, joined by a space
    purpose: str

    @property
    def place(self) -> str:
        """Where it stands, in words a clerk can follow."""
        return f"batch {self.batch.index}, payment {self.index} ({self.end_to_end_id})"


class Execution(NamedTuple):
    """What decides whether payments are in time: their day, and what a cut-off goes by."""

    day: date  # the requested execution date, or the collection date of a direct debit
    currency: str
    service_level: str = ""
    local_instrument: str = ""


Texts = Sequence[str]


class Columns(NamedTuple):
    """The fields of some payments, a column each; "" where a payment lacks the field.

    What may come several times is joined by LINE. Fields that a batch may give for all of its
    payments (service level and the like) hold only what the payment itself says.
    """

    instruction_id: Texts
    end_to_end_id: Texts
    uetr: Texts
    amount: Texts
    currency: Texts
    service_level: Texts
    local_instrument: Texts
    category_purpose: Texts
    charge_bearer: Texts
    name: Texts  # of the counterparty, and so the next ones
    country_of_residence: Texts
    lei: Texts
    town: Texts
    country: Texts
    address_lines: Texts
    address_parts: Texts
    iban: Texts
    number: Texts  # an account that is no IBAN
    account_currency: Texts
    agent_iban: Texts  # an account that the counterparty's bank has with another
    intermediary_iban: Texts
    agent_bic: Texts  # of the counterparty's bank, and so the next ones
    agent_member: Texts
    agent_member_scheme: Texts
    agent_name: Texts
    agent_lei: Texts
    agent_town: Texts
    agent_country: Texts
    agent_address_lines: Texts
    agent_address_parts: Texts
    intermediary_bic: Texts  # of the first intermediary agent, and so the next ones
    intermediary_member: Texts
    intermediary_member_scheme: Texts
    intermediary_town: Texts
    intermediary_country: Texts
    intermediary_address_lines: Texts
    intermediary_address_parts: Texts
    ultimate_debtor: Texts
    ultimate_debtor_town: Texts
    ultimate_debtor_country: Texts
    ultimate_debtor_address_lines: Texts
    ultimate_debtor_address_parts: Texts
    ultimate_creditor: Texts
    ultimate_creditor_town: Texts
    ultimate_creditor_country: Texts
    ultimate_creditor_address_lines: Texts
    ultimate_creditor_address_parts: Texts
    purpose: Texts
    instruction_for_agent: Texts
    regulatory_codes: Texts
    regulatory_information: Texts
    reference: Texts
    reference_type: Texts  # SCOR, or the issuer's own word (QRR)
    reference_issuer: Texts
    remittance: Texts
    mandate_id: Texts  # of a collection, and so the next one
    mandate_date: Texts


class Chunk(Sequence[Payment]):
    """Payments that follow each other in a file, in columns: what rules are given.

    `batches` and `numbers` say where each stands. An element is made a Payment when it is asked
    for, so a rule that finds nothing makes none.
    """

    def __init__(self, batches: Sequence[Batch], numbers: Sequence[int], columns: Columns) -> None:
        self.batches = batches
        self.numbers = numbers
        self.columns = columns

    @cached_property
    def amounts(self) -> Sequence[Decimal]:
        """Exact; NaN where the text is no amount."""
        texts = self.columns.amount
        joined = "\n".join([*texts, ""])
        if joined.count("\n") == len(texts) and _AMOUNTS.fullmatch(joined):
            return [*map(Decimal, texts)]
        return [*map(_amount, texts)]

    @cached_property
    def iban_countries(self) -> Sequence[str]:
        """The first two letters of each counterparty's IBAN."""
        return [iban[:2] for iban in self.columns.iban]

    @cached_property
    def filled(self) -> frozenset[str]:
        """The names of the columns that hold anything: most hold nothing."""
        nothing = ("",) * len(self)
        return frozenset(
            name
            for name, column in zip(Columns._fields, self.columns, strict=True)
            if column[0] or tuple(column) != nothing
        )

    def __len__(self) -> int:
        return len(self.batches)

    @overload
    def __getitem__(self, at: int) -> Payment: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Payment]: ...
    def __getitem__(self, at: int | slice) -> Payment | Sequence[Payment]:
        if isinstance(at, slice):
            return [self[each] for each in range(*at.indices(len(self)))]
        columns = self.columns
        return Payment(
            self.batches[at],
            self.numbers[at],
            columns.instruction_id[at],
            columns.end_to_end_id[at],
            columns.uetr[at],
            self.amounts[at],
            columns.currency[at],
            columns.name[at],
            columns.iban[at] or columns.number[at],
            columns.agent_bic[at] or columns.agent_member[at],
            columns.reference[at],
            columns.remittance[at].replace(LINE, " "),
            columns.purpose[at],
        )

    def __iter__(self) -> Iterator[Payment]:
        return (self[at] for at in range(len(self)))


def _amount(text: str) -> Decimal:
    try:
        return money.amount(text)
    except ValueError:
        return _NOT_A_NUMBER  # the schema says that this is no amount


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of checking one outgoing file, all problems at once.

    `header` is None when the file could not be read as a payment message; `control_sum` holds the
    exact sums by currency of what the file really contains; `accounts` are ours, `more` counts the
    problems beyond those told.
    """

    message: str | None
    header: Header | None
    transactions: int | None
    control_sum: Mapping[str, Decimal]
    problems: tuple[Problem, ...]
    accounts: tuple[str, ...] = ()
    executions: tuple[Execution, ...] = ()
    more: int = 0

    @property
    def valid(self) -> bool:
        """False only for problems of severity `error`."""
        return not any(p.severity is Severity.ERROR for p in self.problems)
