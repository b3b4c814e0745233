"""What the ledger tells: files, statements, payments, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from h2h.core.payment import Execution
from h2h.core.problem import Problem
from h2h.core.recall import Answer, Scope
from h2h.core.statement import StatementKind
from h2h.core.states import Handed, Kept, Out, Pay, State


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
    dropped_by: str = ""  # the operating system's user who owned it in its door
    confidential: bool = False  # names and amounts are for the role payroll alone
    begun: int = 0  # times running that a step began to read it and never ended: h2h died in it

    final_folder: str = ""
    sequence: int | None = None  # the number in the final name

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
    confidential: bool | None = None


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
    position: str  # its place among the statements of its account, as a text that sorts that way


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
    contact: datetime | None = None  # when it let us in last, to the minute


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
