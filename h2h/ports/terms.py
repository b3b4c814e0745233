"""What was agreed with a bank, a door, a receiver."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from h2h.core.calendar import Window
from h2h.core.problem import Severity
from h2h.core.statement import StatementKind
from h2h.core.states import Confirm, Publish
from h2h.core.terms import Account, CheckTerms


@dataclass(frozen=True, slots=True)
class Download:
    """One folder at the bank to fetch from. `after` is what happens there once all is safe here."""

    folder: str
    pattern: str
    kind: str = "message"  # message | document | ack
    after: str = "leave"  # delete | move | leave
    move_to: str = ""
    sealed: bool = True  # False: this bank sends these files in clear, as its config says
    # of a document's name: its one group is the bank's reference of the entry it belongs to
    reference: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class BankTerms:
    """What the flows need to know of a bank; credentials stay in the adapters."""

    name: str
    zone: ZoneInfo
    calendar: str
    accounts: tuple[Account, ...]
    check: CheckTerms
    downloads: tuple[Download, ...]
    upload_folder: str
    temporary: str  # "{name}.{attempt}.tmp"
    file_name: str  # "{customer}_{message}_{date:%Y%m%d}_{sequence:04}.xml.pgp"
    customer: str
    publish: Publish = Publish.RENAME
    confirm: Confirm = Confirm.LIST
    doubt_deadline: timedelta = timedelta(minutes=60)  # then a person is called
    gap_free: bool = False
    rejects_only: bool = False  # status_reports = "rejects-only"
    refusals: bool = False  # refusals = "pain.002": the ERP reads those of h2h as it reads a bank's
    slips: Mapping[str, Severity] = field(default_factory=dict)  # of statement.SLIPS, else warnings
    similar_days: int = 30
    closed: tuple[Window, ...] = ()
    fetch: tuple[str, ...] = ()  # cron lines, weekdays by name
    largest_file: int = 1_000_000_000
    most_entries: int = 100_000  # names taken from one remote listing
    fingerprint: str = ""  # hash of how it is configured: approvals are bound to it
    confidential_accounts: frozenset[str] = frozenset()  # all on these accounts


@dataclass(frozen=True, slots=True)
class DoorTerms:
    """A folder that the ERP drops files into. `bank` None: routed by debtor account."""

    name: str
    folder: Path
    bank: str | None
    settle: float = 2.0  # seconds without change
    marker: str = ""  # e.g. ".ok": a file is taken once NAME.ok stands beside it
    incomplete_wait: float = 0.0  # seconds that a truncated document is waited for
    confidential: bool = False  # all that is dropped here


@dataclass(frozen=True, slots=True)
class FormTerms:
    """One form in which a receiver gets statements.

    `form` is original (the bank's verified file), camt.02, camt.04, camt.06 or camt.08 (rewritten
    to that version of its own family), mt940 (end of day), mt942 (all else), bai2, csv, jsonl or
    xlsx. What csv and xlsx look like is said by the rest.
    """

    form: str
    columns: tuple[str, ...] = ()  # names of docs/exports.md, in this order; () all
    headings: tuple[str, ...] = ()  # other headings for them, e.g. Chinese ones; () the names
    separator: str = ","
    decimal_mark: str = "."
    encoding: str = "utf-8"  # utf-8 | utf-8-sig | gb18030 | latin-1
    date_format: str = "%Y-%m-%d"
    header: bool = True
    rows: str = "transactions"  # or "entries": one row each, of a batch without its transactions
    booked: bool = False  # entries with the status BOOK only
    kinds: frozenset[StatementKind] = frozenset(StatementKind)
    ending: str = ""  # of the file's name, e.g. ".txt"; "" the form's own
    bank: str = ""  # bai2: the sender
    customer: str = ""  # bai2: the receiver

    def takes(self, kind: StatementKind) -> bool:
        """Is a statement of this kind handed over in this form?"""
        end_of_day = kind is StatementKind.STATEMENT
        possible = {"mt940": end_of_day, "mt942": not end_of_day}.get(self.form, True)
        return possible and kind in self.kinds


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who gets what of the banks' files, and how. What is not given as a condition holds for all.

    `accounts` are keys of core.books.account_key. `documents` come as-they-come, with-entry (once
    the statement of their entry is handed over, beside it) or not at all (none).
    """

    name: str
    forms: tuple[FormTerms, ...]
    folder: str = ""  # below the inbox, or absolute; "" one for each bank
    banks: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    entities: frozenset[str] = frozenset()
    by_account: bool = False  # a file is split by account
    in_order: bool = False  # a statement waits for the one before it
    marker: str = ""  # of an empty file behind each file: ".ok"
    file_name: str = ""  # template without ending; "" the bank's name and our id
    longest_name: int = 120  # characters, with the ending
    status_reports: bool = True
    documents: str = "as-they-come"


# Everything, by bank: when no other receiver is configured.
EVERYBODY = Receiver("", (FormTerms("original"), FormTerms("csv"), FormTerms("jsonl")))
