"""What the flows need from outside, as Protocols and frozen terms; the adapters fulfil them.

Every act on the outside world goes through one of these methods, so that a test can stop the
process before and after each of them. Each method is either repeatable or says what it leaves
behind when it is cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from h2h.core.calendar import Window
from h2h.core.expected import Report
from h2h.core.payment import Execution, Payment, Verdict
from h2h.core.position import Open, Owner, Reported
from h2h.core.problem import Problem, Severity
from h2h.core.recall import Answer, Recall, Resolution, Scope
from h2h.core.statement import Part, Statement, StatementKind
from h2h.core.states import Handed, Kept, Out, Pay, Publish, State
from h2h.core.status import StatusReport
from h2h.core.terms import Account, CheckTerms
from h2h.core.words import Translate

# --------------------------------------------------------------- terms: what was agreed with a bank


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
    gap_free: bool = False
    rejects_only: bool = False  # status_reports = "rejects-only"
    refusals: bool = False  # refusals = "pain.002": the ERP reads those of h2h as it reads a bank's
    slips: Mapping[str, Severity] = field(default_factory=dict)  # of statement.SLIPS, else warnings
    similar_days: int = 30
    closed: tuple[Window, ...] = ()
    fetch: tuple[str, ...] = ()  # cron lines, weekdays by name
    largest_file: int = 1_000_000_000
    most_entries: int = 100_000  # names taken from one remote listing


@dataclass(frozen=True, slots=True)
class DoorTerms:
    """A folder that the ERP drops files into. `bank` None: routed by debtor account."""

    name: str
    folder: Path
    bank: str | None
    settle: float = 2.0  # seconds without change
    marker: str = ""  # e.g. ".ok": a file is taken once NAME.ok stands beside it
    incomplete_wait: float = 0.0  # seconds that a truncated document is waited for


# -------------------------------------------------------------------------------------- the outside


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at the bank. `mtime` is in seconds since the epoch, as the server tells it."""

    name: str
    size: int
    mtime: int


class Session(Protocol):
    """One login at a bank's server. Any call may raise Transient (outcome unknown) or Refused."""

    host: str  # the one of the bank's hosts that answered

    def stat(self, path: str) -> RemoteFile | None:
        """The file at `path`; None only when the server says that it is not there."""
        ...

    def put(self, local: Path, path: str) -> None:
        """Write `local` to `path`, overwriting; cut, it leaves an incomplete file there."""
        ...

    def rename(self, source: str, target: str) -> None:
        """Rename, failing when `target` exists; cut, both names or either may exist."""
        ...

    def replace(self, source: str, target: str) -> None:
        """Rename atomically, overwriting `target` (posix-rename@openssh.com)."""
        ...

    def remove(self, path: str) -> None:
        """Remove `path`; a file already gone is no error."""
        ...

    def listing(self, folder: str, most: int) -> Sequence[RemoteFile]:
        """Regular files in `folder`, hostile names left out; Refused above `most` names."""
        ...

    def get(self, path: str, local: Path, largest: int) -> None:
        """Fetch `path` into `local`, flushed; Refused above `largest` bytes."""
        ...


class Bank(Protocol):
    """A bank's server."""

    def session(self, host: str = "") -> AbstractContextManager[Session]:
        """Log in at the first host that answers, or at `host` alone when it is given.

        Raises Transient, LoginRefused or HostKeyChanged; nothing was sent then.
        """
        ...


class Sealer(Protocol):
    """OpenPGP at one bank, with its own ring and its own pinned keys."""

    def seal(self, plain: Path, sealed: Path) -> None:
        """Write the sealed `plain` to `sealed`, flushed, complete or not at all."""
        ...

    def sidecar(self, sealed: Path) -> Path | None:
        """The detached signature that travels beside `sealed`, None when the seal is one file."""
        ...

    def open(self, sealed: Path, plain: Path, largest: int) -> str:
        """Verify and decrypt; returns the signer's primary fingerprint ("" when unsealed).

        Raises Corrupt when the file is not authentic, and leaves no plaintext behind then.
        """
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """A settled file in a door. `name` is the file system's, undecodable bytes as surrogates."""

    door: str
    name: str
    inode: int
    size: int
    mtime_ns: int


class Door(Protocol):
    """A folder that the ERP drops files into."""

    terms: DoorTerms

    def scan(self) -> Sequence[Seen]:
        """Every file that is complete by the door's rule now; never blocks, follows no link."""
        ...

    def present(self) -> Sequence[Seen]:
        """Every regular file there now, settled or not, temporary names included."""
        ...

    def unsettled(self) -> bool:
        """Is something in the door that the last scan did not yet take for complete?"""
        ...

    def refused(self) -> Sequence[tuple[str, str]]:
        """(name, why) of what lies in the door and can never be taken: a folder, a link, a pipe."""
        ...


class Archive(Protocol):
    """The dossiers. Paths it returns lie inside one; a dossier is named by its file id."""

    def claim(self, file_id: str, door: Path, seen: Seen) -> tuple[str, int] | None:
        """Bring a file in from its door: (sha256, size) of our private copy.

        Repeatable at every point; None when the file has left the door before we came.
        """
        ...

    def unmark(self, door: Path, seen: Seen, marker: str) -> None:
        """Remove the marker file of a claimed file."""
        ...

    def path(self, file_id: str, name: str) -> Path:
        """Where `name` of this dossier lies (its folder exists)."""
        ...

    def incoming(self, file_id: str) -> Path:
        """Where a bank file is fetched to before the ledger knows it."""
        ...

    def receive(self, file_id: str) -> Path:
        """Move what was fetched into its dossier; repeatable; returns the path there."""
        ...

    def digest(self, path: Path) -> tuple[str, int]:
        """(sha256, size) of a file as it lies on disk now."""
        ...

    def record(self, file_id: str, manifest: str, moves: str) -> None:
        """Write `manifest.json` and `moves.jsonl` of a dossier, each complete or not at all."""
        ...

    def tidy(self, known: Callable[[str], bool]) -> None:
        """Remove fetched files that never got into the ledger (they still lie at the bank)."""
        ...


# What a file is made of: another file, its bytes, or what writes it, flushed, where it is told to.
Content = Path | bytes | Callable[[Path], None]


class Desktop(Protocol):
    """Folders of the ERP into which finished files are handed: below the inbox, or absolute."""

    def taken(self, folder: str, name: str) -> bool:
        """Does something of that name lie there?"""
        ...

    def prepare(
        self, folder: str, name: str, content: Content, *, key: str = ""
    ) -> tuple[str, str]:
        """Write a flushed temporary: (its name, sha256). The same name and key give the same."""
        ...

    def publish(self, folder: str, temporary: str, name: str, *, replace: bool) -> None:
        """Rename it to its final name; a missing temporary means that it was handed over.

        Where something of that name lies there already it is replaced, or Transient is raised.
        """
        ...


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
    """One file to be made for the ERP: its suffix (".csv") and its content."""

    suffix: str
    content: bytes


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


@dataclass(frozen=True, slots=True)
class Source:
    """The bank's verified file, and the statements of it (indexes from 1) that are handed over."""

    path: Path
    keep: tuple[int, ...]


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

    def report(self, report: StatusReport) -> Sequence[Export]:
        """CSV and JSON Lines of a status report, which is handed over as the bank wrote it too."""
        ...


# --------------------------------------------------------------------------------------- the ledger


@dataclass(frozen=True, slots=True)
class File:
    """A file as the ledger knows it. Fields that its direction or state lacks are None or ""."""

    id: str
    direction: str  # out | in
    bank: str | None
    name: str  # escaped: printable, one line
    state: State
    held_from: Out | None
    created: datetime
    door: str
    door_name: str  # as the file system has it
    door_inode: int
    first_scan: bool
    sha256: str
    size: int
    message: str
    message_id: str
    initiating_party: str
    transactions: int | None
    control_sum: Mapping[str, str]
    executions: tuple[Execution, ...]
    checked_on: date | None  # the bank's day on which it was judged last; its amounts count then
    problems: tuple[Problem, ...]
    because: str
    due_at: datetime | None
    due_because: str
    failures: int  # transient ones in a row
    attempt: int
    final_name: str
    sealed_sha256: str
    sealed_size: int
    duplicate_of: str
    download: int  # index of the Download it came by
    remote_folder: str
    remote_name: str
    remote_size: int
    remote_mtime: int
    remote_done: bool
    opened_by: str  # fingerprint of the signer
    host: str = ""  # where it was announced: in doubt, no other host is asked
    last_move: int = 0  # sequence of its newest move
    recorded: int = 0  # sequence of the newest move that its dossier and answer show
    refusal: str = ""  # message id of the status report of ours that told the ERP of its refusal

    @property
    def recall(self) -> bool:
        """Is it a recall, which h2h makes itself? Every other outgoing file came by a door."""
        return self.direction == "out" and not self.door


@dataclass(frozen=True, slots=True)
class Clash:
    """Why a checked file is not admitted: the rule, the other file, and words."""

    rule: str  # duplicate-file | duplicate-message | similar-payment
    other: str
    words: str


@dataclass(frozen=True, slots=True)
class Change:
    """The facts that a move or a wait writes beside the state; None leaves a field as it was."""

    bank: str | None = None
    sha256: str | None = None
    size: int | None = None
    message: str | None = None
    message_id: str | None = None
    initiating_party: str | None = None
    transactions: int | None = None
    control_sum: Mapping[str, str] | None = None
    executions: tuple[Execution, ...] | None = None
    checked_on: date | None = None
    problems: tuple[Problem, ...] | None = None
    sealed_sha256: str | None = None
    sealed_size: int | None = None
    duplicate_of: str | None = None
    opened_by: str | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True)
class HandOver:
    """One finished file on its way to the ERP; `temporary` lies flushed in `folder`."""

    folder: str
    temporary: str
    name: str
    sha256: str
    receiver: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """One form of what was handed over, or why it could not be made (`refused`)."""

    form: str
    names: tuple[str, ...]  # under which it was handed over
    left_out: tuple[str, ...] = ()  # what has no place in this form
    refused: str = ""


@dataclass(frozen=True, slots=True)
class ExportRow:
    """What one receiver gets of a bank file: a statement, or the file itself."""

    subject: str  # the statement's id, else the file's
    receiver: str
    file_id: str
    state: Handed
    because: str = ""
    made: tuple[Made, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A document, and a booked entry that its reference names."""

    document: str  # its file's id
    name: str
    reference: str
    statement_id: str
    account: str
    entry: int  # its number in the statement
    amount: Decimal
    currency: str
    booking_date: date | None


@dataclass(frozen=True, slots=True)
class Booked:
    """What became of one statement when it was offered to the books."""

    statement_id: str
    index: int
    kept: Kept
    because: str = ""


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A statement as the ledger keeps it."""

    id: str
    file_id: str
    index: int
    kind: StatementKind
    bank: str
    account: str
    currency: str
    number: str  # the bank's statement id
    sequence: str
    period_from: date | None
    period_to: date | None
    opening: str | None
    closing: str | None
    as_of: date | None  # the day of the closing balance, else the last one that it covers
    kept: Kept
    because: str
    flags: tuple[str, ...]  # "first", "gap", "overlap"
    waits: bool  # its hand-over waits for a person: it is a second version, or overlaps
    exported: bool  # every receiver has it
    entries: int


@dataclass(frozen=True, slots=True)
class MoveRow:
    """One link of the chain: every state change, waiver and act of a person is one.

    `hash` = SHA-256 over the canonical JSON of the record and the `previous` hash, so that no
    record can be changed, dropped or swapped unseen.
    """

    sequence: int
    file_id: str
    source: str
    target: str
    at: datetime
    who: str  # "h2h", or the person
    because: str
    content: str  # sha256 of the file's content at that moment, "" before it is known
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """A payment as the ledger keeps it. `amount` is a plain decimal string."""

    file_id: str
    number: int  # its place in the file, from 1
    batch_id: str
    instruction_id: str
    end_to_end_id: str
    amount: str
    currency: str
    account: str
    counterparty_account: str
    counterparty_name: str
    remittance: str
    requested_execution_date: date | None
    state: Pay
    status: str  # the bank's last code
    reason: str  # "AC04 closed account number", "" when none was given
    servicer_reference: str = ""  # the bank's own, as far as a report told it
    payee_check: str = ""  # the code of the verification of the payee
    payee_name: str = ""  # that the bank returned


@dataclass(frozen=True, slots=True)
class RecallRow:
    """A recall as the ledger keeps it; `answers` counts its payments by what the bank said."""

    file_id: str  # its own
    original_id: str
    scope: Scope
    code: str
    reason: str
    who: str
    at: datetime
    state: Out
    answers: Mapping[Answer, int]


@dataclass(frozen=True, slots=True)
class RecalledRow:
    """One payment that a recall asks back, and what the bank has said of it."""

    file_id: str  # the recall's
    number: int  # its place in the original, from 1
    end_to_end_id: str
    answer: Answer
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """The last booked closing balance of an account and currency, and how old it is."""

    bank: str
    account: str
    currency: str
    amount: str
    as_of: date | None
    statement_id: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a status report or an acknowledgement did, for the log and the operator."""

    file_id: str  # the payment file it names; "" when no file of ours is named
    moved: tuple[str, ...]  # "sent -> part_accepted"
    alarms: tuple[str, ...]
    waiting: str = ""  # why somebody must authorise or cancel it at the bank


@dataclass(frozen=True, slots=True)
class TraceEvent:
    """Something that happened to a payment: a move of its file, a report, a recall, an entry.

    `what` is the state that its file came to, `noted`, `told`, `recall`, how an entry is the
    payment (a value of How), or `tied`: another report tells of the same entry.
    """

    at: datetime  # when it happened here, or the file that tells of it came
    what: str
    who: str
    file_id: str  # the file that it happened to, or that tells of it
    file_name: str
    because: str
    code: str = ""  # the bank's
    created: str = ""  # when the bank made it, as it wrote it
    level: str = ""  # of a report: payment, batch or file; of an entry: the statement's kind
    statement_id: str = ""
    entry: int = 0
    booking_date: date | None = None
    amount: str = ""
    currency: str = ""
    reference: str = ""  # the bank's own


@dataclass(frozen=True, slots=True)
class TracedPayment:
    """A payment, its file, and all that happened to it, in order."""

    payment: PaymentRow
    file: File
    events: tuple[TraceEvent, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """How a bank's server has behaved lately. `due_at` None: it may be tried now."""

    bank: str
    failures: int
    login_failures: int
    due_at: datetime | None
    because: str


@dataclass(frozen=True, slots=True)
class Pause:
    """A stop button that is pressed; `bank` "" stops all."""

    bank: str
    who: str
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Request:
    """Something a person asked of the running daemon; `answer` is "" until it is done."""

    id: int
    verb: str  # send | fetch
    bank: str
    answer: str


class Ledger(Protocol):
    """The truth of state. Each method that writes is one transaction, or nothing.

    A method that moves a file compares and sets: it returns None when the file was no longer in
    the state that the caller saw (somebody else moved it; read again), and raises ValueError for a
    move that the tables of core.states do not know.
    """

    # -- files

    def file(self, file_id: str) -> File | None: ...

    def files(
        self,
        states: Iterable[State] | None = None,
        *,
        direction: str | None = None,
        bank: str | None = None,
        due: datetime | None = None,
    ) -> Sequence[File]:
        """Files, oldest first; with `due` only those whose due_at is None or not after it."""
        ...

    def first_scan(self, door: str, present: Sequence[Seen], now: datetime) -> None:
        """Remember what lay in a door at its very first scan; later calls change nothing."""
        ...

    def claiming(self, seen: Seen, bank: str | None, file_id: str, now: datetime) -> File:
        """Commit the intent to claim; an unfinished claim of the same file is returned instead."""
        ...

    def move(
        self,
        file: File,
        target: State,
        now: datetime,
        *,
        because: str = "",
        who: str = "h2h",
        change: Change | None = None,
    ) -> File | None:
        """One lawful move with its facts; clears due_at, due_because and failures.

        A move to HELD remembers `held_from`, the state that a release returns to: CLAIMED from
        CLAIMED or VALID, APPROVED from APPROVED, SEALED from SEALED or STAGED.
        """
        ...

    def wait(
        self, file: File, until: datetime | None, because: str, *, failed: bool
    ) -> File | None:
        """Leave the state, say why nothing happens yet; `failed` counts one more failure."""
        ...

    def same_bytes(self, file: File) -> File | None:
        """Another outgoing file with the same sha256 that went or may still go."""
        ...

    def admit(
        self,
        file: File,
        change: Change,
        holds: Sequence[Problem],
        payments: Iterable[Sequence[Payment]],
        similar_days: int,
        now: datetime,
    ) -> File | None:
        """Let a checked file in, in one write transaction: the uniqueness rules, its payments, and
        the move CLAIMED -> VALID, or HELD when `holds` (waived rules already left out) or a similar
        payment asks for a person, or DUPLICATE (same bytes, or same message id at this bank).

        The clash is added to the file's problems with the rule ids `duplicate-file`,
        `duplicate-message`, `similar-payment`. Payments of an earlier check are replaced.
        """
        ...

    def gone(self, bank: str, day: date, besides: File) -> Mapping[str, Decimal]:
        """The sums by currency of what went to `bank` on its `day` or is on its way there.

        Neither the file `besides` nor what is held or was refused by the bank counts.
        """
        ...

    def elsewhere(self, file: File, payments: Iterable[Sequence[Payment]], since: datetime) -> str:
        """The id of another file that went or may still go, whatever became of it since, and has
        the file's message id at its bank or a payment of `payments`: "" when there is none.

        A payment is the same when it has the EndToEndId, or is so alike that it would hold a file
        and was made after `since`. A file with this message id whose refusal the ERP was told by a
        status report counts too.
        """
        ...

    def waived(self, file: File) -> frozenset[str]:
        """Rules that a person waived for exactly this content."""
        ...

    def waive(self, file: File, rules: Sequence[str], who: str, reason: str, now: datetime) -> None:
        """Record waivers bound to the file's sha256."""
        ...

    def reserve(
        self, file: File, name: Callable[[int], str], folder: str, now: datetime, *, gap_free: bool
    ) -> File | None:
        """Begin the next attempt: `attempt` + 1 and, the first time, the final name.

        `name(sequence)` makes the name from the next number of this bank. Raises Refused when that
        name is taken at this bank and folder, Transient when `gap_free` and another file of
        the bank holds a reservation (is reserved, and not yet proven delivered or cancelled).
        A cancelled file hands its number on when `gap_free`.
        """
        ...

    def unrecorded(self) -> Sequence[File]:
        """Files with moves that their dossier and the ERP's answer do not show yet, and outgoing
        files with hand-overs that are committed but not done."""
        ...

    def recorded(self, file: File, last_move: int) -> None:
        """Dossier and answer show every move up to `last_move`."""
        ...

    def moves(self, file_id: str | None = None) -> Sequence[MoveRow]: ...

    def payments(self, file_id: str) -> Sequence[PaymentRow]: ...

    def payments_named(self, end_to_end_id: str) -> Sequence[PaymentRow]:
        """Payments of files that went or may still go, by their EndToEndId, oldest file first."""
        ...

    # -- recalls

    def recall(
        self,
        original: File,
        recall_id: str,
        *,
        payments: Sequence[str],
        batches: Sequence[str],
        code: str,
        who: str,
        reason: str,
        now: datetime,
    ) -> File | None:
        """Commit the intent to recall: an outgoing file `claiming`, what it asks back, and a link
        of the chain for both files.

        `payments` are EndToEndIds, `batches` ids of batches; without either the whole file is
        meant. Only what is still with the bank is asked back. None when somebody moved the
        original; Refused when a name fits no payment, or several, nothing is left to ask back, or
        a recall that is not answered yet, or was granted, asks for one of them.
        """
        ...

    def recall_of(self, file_id: str) -> RecallRow | None:
        """The recall that is this file."""
        ...

    def recalls(self, original_id: str) -> Sequence[RecallRow]:
        """The recalls of a payment file, oldest first."""
        ...

    def recalled(self, file_id: str) -> Sequence[RecalledRow]:
        """The payments that a recall asks back, in the order of the original."""
        ...

    def resolve(self, file: File, resolution: Resolution, now: datetime) -> Told | None:
        """Apply the bank's answer to a recall in one transaction and move READ -> BOOKED (DUPLICATE
        for one that was applied before).

        What is recalled is cancelled, unless it is booked: then the money comes back as an entry.
        An answer that fits no recall of ours moves nothing and is an alarm. It proves arrival, and
        comes too early, as a status report does. None: somebody moved the file.
        """
        ...

    def trace(self, end_to_end_id: str) -> Sequence[TracedPayment]:
        """The whole life of each payment with this EndToEndId."""
        ...

    # -- bank files

    def known(self, bank: str, folder: str, remote: Sequence[RemoteFile]) -> frozenset[str]:
        """Names among `remote` that were fetched already with this very size and mtime."""
        ...

    def fetched(
        self,
        file_id: str,
        bank: str,
        download: int,
        folder: str,
        remote: RemoteFile,
        sha256: str,
        size: int,
        now: datetime,
    ) -> File:
        """Record a bank file whose raw bytes are flushed in the archive."""
        ...

    def book(
        self,
        file: File,
        message: BankMessage,
        our_accounts: Sequence[Account],
        now: datetime,
    ) -> File | None:
        """Book what deserves it while the message is read, in one transaction, and move READ ->
        BOOKED or DUPLICATE with what was found wrong.

        Each statement gets an outcome: booked (flags `first`, `gap`, `overlap`), duplicate, held
        (unknown account, does not balance) with its reason, or superseded. Of two versions of one
        statement the one that the bank made later is booked, whichever came first. Raises Corrupt
        when the message turns out to be none; nothing is booked then.
        """
        ...

    def release_statement(
        self, statement_id: str, who: str, reason: str, now: datetime
    ) -> StatementRow | None:
        """held -> booked by a person, or the end of a hand-over's wait; None when neither fits."""
        ...

    def reject_statement(
        self, statement_id: str, who: str, reason: str, now: datetime
    ) -> StatementRow | None:
        """held -> rejected by a person; None when it is not held."""
        ...

    def tell(
        self, file: File, report: StatusReport, now: datetime, *, rejects_only: bool
    ) -> Told | None:
        """Apply a status report in one transaction and move READ -> BOOKED (DUPLICATE for a report
        whose message id and content were applied before).

        A report that names a file `delivering` or `in_doubt` proves its arrival: `sent` is written
        first, in the same transaction. One that names a file before `delivering` is an alarm and
        holds that file. None: somebody moved the file.
        """
        ...

    def acknowledge(self, file: File, text: str, now: datetime) -> Told | None:
        """Apply a declared acknowledgement and move READ -> BOOKED.

        The outgoing file of this bank whose final name occurs in `text` becomes `acknowledged`,
        over `sent` where it was in doubt.
        """
        ...

    def document(self, file: File, now: datetime, reference: str = "") -> File | None:
        """Move a declared document READ -> BOOKED, or DUPLICATE when its bytes were here before.

        `reference` is the bank's, of the entry that it belongs to.
        """
        ...

    def statements(
        self, file_id: str | None = None, *, account: str | None = None
    ) -> Sequence[StatementRow]: ...

    def statement(self, statement_id: str) -> Statement | None:
        """A statement that is kept, as it was read; its entries come from the ledger when they are
        walked. None for one that is not there or a duplicate."""
        ...

    def shared_entries(self, statement_id: str) -> int:
        """How many entries of a statement the others of its account and kind, of the same days,
        tell too; of honest twins as many as the others have."""
        ...

    def unassigned(self, file_id: str) -> Sequence[StatementRow]:
        """Booked statements of a file of which nobody has decided yet who receives them; without
        those that a person must release."""
        ...

    def links(self, file_id: str) -> Sequence[Link]:
        """Of a document the booked entries that its reference names; of any other file the
        documents of its booked entries."""
        ...

    def reports(self, owner: Owner, since: date | None = None) -> Sequence[Report]:
        """The booked end-of-day statements of an account in the order of the books; with `since`
        those of that day or later, and the one before them."""
        ...

    def balances(self, as_of: date | None = None) -> Sequence[BalanceRow]:
        """The newest booked closing balance of every account, not later than `as_of`."""
        ...

    def pending(self) -> Sequence[Reported]:
        """What the banks have told of each account since its newest booked closing balance.

        Pending is what the newest report shows so and none as booked. What intraday reports show as
        booked is counted once, by the bank's reference, else by all that an entry says.
        """
        ...

    def open_payments(self) -> Sequence[Open]:
        """Payments in files that were announced to a bank, instructed to accepted, by account and
        day. What the bank shows as a pending entry already is left out: it counts there."""
        ...

    def remote_pending(self, bank: str) -> Sequence[File]:
        """Bank files with an outcome whose `after` at the bank is still to be done."""
        ...

    def remote_done(self, file: File) -> None: ...

    # -- handing over

    def handing_over(
        self,
        file: File,
        handed: Sequence[HandOver],
        exports: Sequence[ExportRow] = (),
        *,
        recorded: int | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        """Commit names and hashes of flushed temporaries before any of them is renamed.

        `exports` are done, or held, when `handed_over` comes; `recorded` is written in the
        same transaction, so that an answer is made once. So is that a `refusal` is among what is
        handed over: the file bears its message id from then on, and the chain has a link for it.
        """
        ...

    def pending_hand_overs(self, file: File) -> Sequence[HandOver]:
        """In the order in which they appear."""
        ...

    def handed_over(self, file: File, receiver: str = "") -> None:
        """Everything of the file that was on its way to `receiver` is there.

        Documents that waited for entries of these statements are due to it now.
        """
        ...

    def assign(
        self,
        file: File,
        statements: Sequence[str],
        wanted: Sequence[ExportRow],
        *,
        again: bool = False,
    ) -> None:
        """Decide in one transaction who receives what; `wanted` that is there already stays.

        `statements` are decided with that, received by somebody or not. With `again`, what is held
        of the file is due once more.
        """
        ...

    def exports(self, file_id: str) -> Sequence[ExportRow]:
        """Who receives what of a bank file, and how far it is."""
        ...

    def exportable(self, due: datetime | None = None) -> Sequence[File]:
        """Bank files that were done, and have something to hand over again."""
        ...

    def let_through(self) -> None:
        """Make due what waits for an earlier statement of its account, where it is there now.

        A statement waits while the one before it is missing, or an earlier one is held or not
        handed over yet. One that was superseded meanwhile is not handed over any more.
        """
        ...

    # -- the room

    def pause(self, bank: str, who: str, reason: str, now: datetime) -> None: ...

    def resume(self, bank: str, who: str, reason: str, now: datetime) -> bool:
        """False when nothing was paused. Also clears the bank's failures."""
        ...

    def pauses(self) -> Sequence[Pause]: ...

    def health(self, bank: str) -> Health: ...

    def set_health(self, health: Health) -> None: ...

    def slot(self, key: str, now: datetime) -> bool:
        """Take a timetable slot (bank, job, business date, time); False when it was taken."""
        ...

    def taken(self, beginning: str) -> Sequence[str]:
        """The slots taken whose key begins so."""
        ...

    def ask(self, verb: str, bank: str, now: datetime) -> int: ...

    def asked(self) -> Sequence[Request]: ...

    def answer(self, request: int, answer: str) -> None: ...

    def request(self, request: int) -> Request | None: ...


class Log(Protocol):
    """Where events go: to the journal, and to whoever watches."""

    def event(self, event: str, /, **facts: str | int | None) -> None:
        """Note that something happened; account numbers are masked behind this door."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a flow may touch, wired from the configuration."""

    environment: str
    ledger: Ledger
    archive: Archive
    messages: Messages
    exporter: Exporter
    desktop: Desktop
    clock: Clock
    log: Log
    doors: Sequence[Door]
    banks: Mapping[str, BankTerms]
    servers: Mapping[str, Bank]
    sealers: Mapping[str, Sealer]
    new_id: Callable[[], str]
    translate: Translate = str  # the language in which the ERP is answered
    receivers: Sequence[Receiver] = (EVERYBODY,)
