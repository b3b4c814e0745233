"""The tables of the ledger, with the constraints that make the laws hold by themselves.

The migrations make the real schema; a test compares it with what stands here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    cast,
    func,
    text,
)

from h2h.adapters.sql.types import (
    Amount,
    Executions,
    FileName,
    Inode,
    Problems,
    Sentence,
    Texts,
    UtcTime,
)
from h2h.core.recall import Answer, Scope
from h2h.core.states import NEVER_WENT, OPEN_PAYMENT, TOLD, Handed, How, In, Kept, Out, Pay

SCHEMA_VERSION = "0001"  # the newest migration; a test compares it with the scripts

metadata = MetaData(
    naming_convention={
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _listed(states: Iterable[str]) -> str:
    return ", ".join(sorted(f"'{state}'" for state in states))


def _words(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, default="")


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, default=0)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, default=False)


def _of_file(*, key: bool = False, nullable: bool = False) -> Column[str]:
    return Column("file_id", String, ForeignKey("files.id"), primary_key=key, nullable=nullable)


files = Table(
    "files",
    metadata,
    Column("id", String, primary_key=True),
    Column("direction", String, nullable=False),
    Column("bank", String),
    _words("name"),
    Column("state", String, nullable=False),
    Column("held_from", String),
    Column("created", UtcTime, nullable=False),
    _words("door"),
    Column("door_name", FileName, nullable=False, default=""),
    Column("door_inode", Inode, nullable=False, default=0),
    _flag("first_scan"),
    _words("sha256"),
    _number("size"),
    _words("message"),
    _words("message_id"),
    _words("initiating_party"),
    Column("transactions", BigInteger),
    Column("control_sum", JSON, nullable=False, default={}),
    Column("executions", Executions, nullable=False, default=()),
    Column("checked_on", Date),
    Column("problems", Problems, nullable=False, default=()),
    Column("because", Sentence, nullable=False, default=""),
    Column("due_at", UtcTime),
    _words("due_because"),
    _number("failures"),
    _number("attempt"),
    _words("final_folder"),
    _words("final_name"),
    Column("sequence", BigInteger),  # the number in the final name
    _words("sealed_sha256"),
    _number("sealed_size"),
    _words("duplicate_of"),
    _number("download"),
    _words("remote_folder"),
    _words("remote_name"),
    _number("remote_size"),
    _number("remote_mtime"),
    _flag("remote_done"),
    _words("opened_by"),
    _words("host"),
    _number("last_move"),
    _number("recorded"),
    _words("refusal"),
    _words("dropped_by"),
    _flag("confidential"),
    _number("begun"),
    CheckConstraint(
        f"(direction = 'out' AND state IN ({_listed(Out)}))"
        f" OR (direction = 'in' AND state IN ({_listed(In)}))",
        name="state",
    ),
    CheckConstraint("(state = 'held') = (held_from IS NOT NULL)", name="held_from"),
)

_MAY_GO = f"direction = 'out' AND state NOT IN ({_listed(NEVER_WENT)})"


def _index(name: str, *columns: ColumnElement[Any], where: str = "", unique: bool = False) -> None:
    """An index that is partial (`where`) on both databases."""
    partial = text(where) if where else None
    Index(name, *columns, unique=unique, sqlite_where=partial, postgresql_where=partial)


_index("files_confidential", files.c.id, where="confidential")
_index(
    "one_message",
    files.c.bank,
    files.c.initiating_party,
    files.c.message_id,
    where=f"{_MAY_GO} AND message_id <> ''",
    unique=True,
)
_index(
    "one_final_name",
    files.c.bank,
    files.c.final_folder,
    files.c.final_name,
    where=f"{_MAY_GO} AND final_name <> ''",
    unique=True,
)
_index(
    "one_claim",
    files.c.door,
    files.c.door_name,
    files.c.door_inode,
    where="state = 'claiming'",
    unique=True,
)
_index(
    "one_remote_file",
    files.c.bank,
    files.c.remote_folder,
    files.c.remote_name,
    files.c.remote_size,
    files.c.remote_mtime,
    where="direction = 'in'",
    unique=True,
)
_index("files_by_state", files.c.state, files.c.created, files.c.id)
_index("files_by_created", files.c.created, files.c.id)
_index("files_by_bytes", files.c.sha256, files.c.direction)
_index("files_by_message", files.c.message_id, files.c.bank, files.c.direction)
_index("files_by_final_name", files.c.bank, files.c.final_folder, files.c.final_name)
_index("files_by_bank", files.c.bank, files.c.state, files.c.id)
_index("files_by_day", files.c.bank, files.c.checked_on)
_index("files_by_sequence", files.c.bank, files.c.sequence)
_index("files_unrecorded", files.c.id, where="last_move > recorded")
_index("files_at_the_bank", files.c.bank, files.c.direction, files.c.remote_done)

# For whoever looks: an id begins with the moment of its making, so that the newest come first.
FILE_NAME, FINAL_NAME = func.lower(files.c.name), func.lower(files.c.final_name)
SUMS = cast(files.c.control_sum, Text)
_index("files_of_state", files.c.state, files.c.id)
_index("files_of_bank", files.c.bank, files.c.id)
_index("files_of_name", FILE_NAME, files.c.id)
_index("files_of_final_name", FINAL_NAME, files.c.id, where="final_name <> ''")
_index("files_of_sum", SUMS, files.c.id, where="direction = 'out'")

moves = Table(
    "moves",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    _of_file(nullable=True),  # NULL: an act on the whole room, as a pause is
    _words("source"),
    _words("target"),
    Column("at", UtcTime, nullable=False),
    _words("who"),
    _words("because"),
    _words("content"),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
)
_index("moves_by_file", moves.c.file_id, moves.c.sequence)
BY_PERSONS = "who <> 'h2h'"
_index("moves_by_persons", moves.c.at, moves.c.sequence, where=BY_PERSONS)
_index("moves_by_person", moves.c.who, moves.c.at, moves.c.sequence, where=BY_PERSONS)

payments = Table(
    "payments",
    metadata,
    _of_file(key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _words("batch_id"),
    _words("instruction_id"),
    _words("end_to_end_id"),
    Column("amount", Amount, nullable=False),
    _words("currency"),
    _words("account"),
    _words("counterparty_account"),
    _words("counterparty_name"),
    _words("remittance"),
    Column("requested_execution_date", Date),
    Column("state", String, nullable=False),
    Column("told", String, nullable=False, default=Pay.INSTRUCTED.value),  # the most, by reports
    _words("told_at"),  # when the report that told it was made, and so the next two
    _words("status"),
    _words("reason"),
    _words("servicer_reference"),  # the bank's own, the greatest that reports tell
    _words("payee_check"),  # the code of its verification
    _words("payee_name"),
    _words("payee_at"),
    Column("exact_key", LargeBinary),  # NULL: without an EndToEndId
    Column("similar_key", LargeBinary, nullable=False),
    _flag("described"),  # has a remittance to tell it by
    CheckConstraint(f"state IN ({_listed(Pay)})", name="state"),
    CheckConstraint(f"told IN ({_listed(TOLD)})", name="told"),
)
_index("payments_by_exact_key", payments.c.exact_key, where="exact_key IS NOT NULL")
_index("payments_by_similar_key", payments.c.similar_key)
_PAYMENT = (payments.c.file_id, payments.c.number)
_index("payments_by_end_to_end_id", payments.c.end_to_end_id, *_PAYMENT)
_index(
    "payments_by_instruction_id",
    payments.c.instruction_id,
    where="instruction_id <> ''",
)
_index("payments_by_batch", payments.c.batch_id, payments.c.file_id)
OPEN_PAYMENTS = f"state IN ({_listed(OPEN_PAYMENT)})"
_index("payments_open", *_PAYMENT, where=OPEN_PAYMENTS)

_index("payments_by_counterparty", payments.c.counterparty_account, *_PAYMENT)
CREDITOR = func.lower(payments.c.counterparty_name)
_index("payments_by_name", CREDITOR, *_PAYMENT)
_index("payments_by_amount", payments.c.amount, *_PAYMENT)
TROUBLED = tuple(sorted((Pay.CANCELLED, Pay.REJECTED, Pay.RETURNED)))
TROUBLED_PAYMENTS = f"state IN ({_listed(TROUBLED)})"
_index("payments_troubled", payments.c.state, *_PAYMENT, where=TROUBLED_PAYMENTS)

# What a file moves, counted once: its payments do not change after its check.
account_sums = Table(
    "account_sums",
    metadata,
    _of_file(key=True),
    Column("account", String, primary_key=True),
    Column("currency", String, primary_key=True),
    Column("content", String, nullable=False),
    Column("amount", Amount, nullable=False),
)

# What a file was asked for when it began to wait.
demands = Table(
    "demands",
    metadata,
    _of_file(key=True),
    _words("content"),
    _words("terms"),
    Column("count", Integer, nullable=False),
    Column("groups", JSON, nullable=False),  # [count, [members]] each
    Column("because", Sentence, nullable=False, default=""),
    Column("involved", Texts, nullable=False, default=()),
    Column("at", UtcTime, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    _of_file(key=True),
    Column("operator", String, primary_key=True),  # nobody counts twice
    Column("content", String, primary_key=True),
    Column("terms", String, primary_key=True),
    _words("reason"),
    Column("at", UtcTime, nullable=False),
    _number("move"),  # its link of the chain
)

operators = Table(
    "operators",
    metadata,
    Column("name", String, primary_key=True),
    _words("os_user"),
    Column("roles", Texts, nullable=False, default=()),
    Column("active", Boolean, nullable=False, default=True),
    Column("created", UtcTime, nullable=False),
    _words("password"),  # argon2id
    _flag("must_change"),  # somebody else set it
    _words("totp"),
    _number("totp_step"),  # the last one used: a code is good once
    _number("move"),  # the link of the chain that tells of this row
)
_index("one_os_user", operators.c.os_user, where="active AND os_user <> ''", unique=True)

sessions = Table(
    "sessions",
    metadata,
    Column("token", String, primary_key=True),  # its sha256
    Column("operator", String, ForeignKey("operators.name"), nullable=False),
    _words("address"),
    Column("created", UtcTime, nullable=False),
    Column("seen", UtcTime, nullable=False),
    Column("revoked", UtcTime),
)
_index("sessions_by_operator", sessions.c.operator)

# Failed sign-ins in a row, of an operator or from an address.
sign_ins = Table(
    "sign_ins",
    metadata,
    Column("key", String, primary_key=True),
    _number("failures"),
    Column("until", UtcTime, nullable=False),
)

# Changes by two persons.
proposals = Table(
    "proposals",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    _words("subject"),
    Column("details", JSON, nullable=False, default={}),
    _words("secret"),  # of a new password: its argon2id hash
    _words("who"),
    _words("reason"),
    Column("at", UtcTime, nullable=False),
    _words("outcome"),
    _words("decided_by"),
    Column("decided", UtcTime),
)

# What is never erased while they stand.
legal_holds = Table(
    "legal_holds",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    _words("file_id"),
    _words("account"),
    Column("since", Date),
    Column("until", Date),
    _words("who"),
    _words("reason"),
    Column("at", UtcTime, nullable=False),
    Column("lifted", UtcTime),
)

# The files of the lists that two persons agreed to erase.
erasures = Table(
    "erasures",
    metadata,
    Column("list", Integer, ForeignKey("proposals.id"), primary_key=True, autoincrement=False),
    _of_file(key=True),
    _words("hash"),  # of the list
    _number("last_move"),  # of the file, as the list has it
    Column("begun", UtcTime),
    Column("ended", UtcTime),
    _words("kept"),  # why it stayed after all
)
_index("erasures_open", erasures.c.list, erasures.c.file_id, where="ended IS NULL")
_index("erasures_by_file", erasures.c.file_id)

# How the sections of the configuration are remembered: hashes, by key.
configs = Table(
    "configs",
    metadata,
    Column("section", String, primary_key=True),
    Column("facts", JSON, nullable=False, default={}),
    Column("digest", String, nullable=False),  # of the keys
    _number("move"),
)

waivers = Table(
    "waivers",
    metadata,
    Column("content", String, primary_key=True),  # the sha256 that the person looked at
    Column("rule", String, primary_key=True),
    _of_file(),
    _words("who"),
    _words("reason"),
    Column("at", UtcTime, nullable=False),
    _number("move"),  # the link of the chain that tells of it
)

sequences = Table(
    "sequences",
    metadata,
    Column("bank", String, primary_key=True),
    _number("last"),
)

first_scans = Table(
    "first_scans",
    metadata,
    Column("door", String, primary_key=True),
    Column("at", UtcTime, nullable=False),
)

first_seen = Table(
    "first_seen",
    metadata,
    Column("door", String, ForeignKey("first_scans.door"), primary_key=True),
    Column("inode", Inode, primary_key=True),  # a name may change while the file is written
)

# As a text, since a database uses a partial index only where it sees the same constants.
IN_THE_BOOKS = f"kept IN ({_listed((Kept.BOOKED, Kept.SUPERSEDED))})"
_COUNTS = "kept = 'booked' AND version <> ''"

statements = Table(
    "statements",
    metadata,
    Column("id", String, primary_key=True),
    Column("key", BigInteger, nullable=False),  # by which its rows know it
    _of_file(),
    Column("index", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("bank", String, nullable=False),
    _words("account"),
    _words("currency"),
    _words("number"),
    _words("sequence"),
    _words("electronic_sequence"),
    _words("legal_sequence"),
    _words("page"),
    _words("copy"),
    _words("created"),  # as the bank wrote it, the earliest of all deliveries
    Column("period_from", Date),
    Column("period_to", Date),
    Column("opening", Amount),
    Column("closing", Amount),
    Column("booked", Amount, nullable=False),  # the sum of its BOOK entries
    Column("as_of", Date),  # the day of the closing balance
    Column("kept", String, nullable=False),
    _words("because"),
    Column("flags", Texts, nullable=False, default=()),
    _flag("waits"),  # a person must release its hand-over
    _flag("assigned"),  # who receives it has been decided
    Column("entries", Integer, nullable=False),
    _words("fingerprint"),
    _words("version"),  # what the versions of one statement have in common; "" where none can be
    _words("position"),  # its place among the statements of its account, as a sortable text
    CheckConstraint(f"kept IN ({_listed(Kept)})", name="kept"),
)
_index("statements_by_key", statements.c.key, unique=True)
_index("statements_by_file", statements.c.file_id, statements.c.index, unique=True)
_index(
    "one_booking",
    statements.c.bank,
    statements.c.fingerprint,
    where=IN_THE_BOOKS,
    unique=True,
)
_index("one_version", statements.c.bank, statements.c.version, where=_COUNTS, unique=True)
_index("statements_by_version", statements.c.bank, statements.c.version)
_index("statements_of_account", statements.c.account, statements.c.file_id)
UNASSIGNED = "kept = 'booked' AND NOT waits AND NOT assigned"
_index("statements_unassigned", statements.c.file_id, where=UNASSIGNED)
_index(
    "statements_by_account",
    statements.c.account,
    statements.c.currency,
    statements.c.bank,
    statements.c.position,
)

INTRADAY = "kind = 'intraday' AND kept = 'booked'"
_index(
    "intraday_by_created",
    statements.c.account,
    statements.c.currency,
    statements.c.bank,
    statements.c.created,
    statements.c.position,
    where=INTRADAY,
)

balances = Table(
    "balances",
    metadata,
    Column("statement_id", String, ForeignKey("statements.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("type", String, nullable=False),
    Column("amount", Amount, nullable=False),
    _words("currency"),
    Column("date", Date),
)

# Written before their statement, whose row needs their sum; so the key is looked at in the end.
entries = Table(
    "entries",
    metadata,
    Column(
        "statement",
        BigInteger,
        ForeignKey("statements.key", deferrable=True, initially="DEFERRED"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("index", Integer, primary_key=True, autoincrement=False),
    Column("fingerprint", LargeBinary, nullable=False),  # honest twins have the same
    Column("amount", Amount, nullable=False),
    _words("currency"),
    _words("status"),
    _flag("reversal"),
    Column("booking_date", Date),
    Column("value_date", Date),
    _words("entry_reference"),
    _words("servicer_reference"),
    _words("bank_transaction_code"),
    _words("additional_information"),
    Column("batch_transactions", BigInteger),
    _words("batch_message_id"),
    _words("batch_id"),
    _words("linked_message_id"),
    _words("charges"),  # JSON
    _words("exchange"),  # JSON, "" without one
    _words("details"),  # JSON: the transactions behind it, by name, without what they lack
    sqlite_with_rowid=False,  # its entries lie together, in order
)
_index(
    "entries_by_reference",
    entries.c.servicer_reference,
    where="servicer_reference <> ''",
)

reports = Table(
    "reports",
    metadata,
    Column("bank", String, primary_key=True),
    Column("message_id", String, primary_key=True),
    Column("fingerprint", String, primary_key=True),
    _of_file(),
    _words("original_message_id"),  # named by the bank, whether it is one of ours or not
)

_index("reports_by_original", reports.c.original_message_id)

# What reports and acknowledgements said, at the level at which they said it.
told = Table(
    "told",
    metadata,
    Column("report_id", String, ForeignKey("files.id"), primary_key=True),
    Column("place", Integer, primary_key=True, autoincrement=False),
    _of_file(),
    Column("number", Integer, nullable=False),  # the payment's; 0: of a batch or the whole file
    _words("batch_id"),  # "" for the whole file
    _words("code"),
    _words("reason"),
    _words("created"),  # the report, as text that sorts
)
_index("told_by_payment", told.c.file_id, told.c.number)

# Every reference of its own that a bank has told of a payment: its entry may have any of them.
told_references = Table(
    "told_references",
    metadata,
    _of_file(key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("servicer_reference", String, primary_key=True),
)
_index("told_references_by_reference", told_references.c.servicer_reference)

# The booked lines that are payments of ours, or may be.
claims = Table(
    "claims",
    metadata,
    Column(
        "statement",
        BigInteger,
        ForeignKey("statements.key"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("entry", Integer, primary_key=True, autoincrement=False),
    Column("detail", Integer, primary_key=True, autoincrement=False),  # 0: the entry as a whole
    _of_file(key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # 0: a whole batch
    Column("batch_id", String, primary_key=True),  # of a whole batch
    Column("how", String, nullable=False),
    _words("why"),  # it is not certain
    CheckConstraint(f"how IN ({_listed(How)})", name="how"),
)
_index("claims_by_payment", claims.c.file_id, claims.c.number)

recalls = Table(
    "recalls",
    metadata,
    _of_file(key=True),  # the recall's own
    Column("original_id", String, ForeignKey("files.id"), nullable=False),
    Column("scope", String, nullable=False),
    _words("code"),
    _words("reason"),
    _words("who"),
    Column("at", UtcTime, nullable=False),
    CheckConstraint(f"scope IN ({_listed(Scope)})", name="scope"),
)
_index("recalls_by_original", recalls.c.original_id)

recalled = Table(
    "recalled",
    metadata,
    Column("file_id", String, ForeignKey("recalls.file_id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # in the original
    Column("answer", String, nullable=False),
    _words("code"),  # the bank's
    _words("reason"),
    CheckConstraint(f"answer IN ({_listed(Answer)})", name="answer"),
)

hand_overs = Table(
    "hand_overs",
    metadata,
    Column("folder", String, primary_key=True),
    Column("temporary", String, primary_key=True),
    _of_file(),
    _number("place"),  # in the order in which they appear: a marker after its file
    _words("receiver"),
    _words("name"),
    _words("sha256"),
)
_index("hand_overs_by_file", hand_overs.c.file_id)

# What each receiver gets of a bank file: its statements; or the whole, a report or a document.
exports = Table(
    "exports",
    metadata,
    Column("subject", String, primary_key=True),  # the statement's id, else the file's
    Column("receiver", String, primary_key=True),
    _of_file(),
    Column("state", String, nullable=False),
    _words("because"),
    Column("made", JSON, nullable=False, default=()),  # each form: names, what it left out, or why
    CheckConstraint(f"state IN ({_listed(Handed)})", name="state"),
)
_index("exports_by_file", exports.c.file_id, exports.c.subject)
_index("exports_by_state", exports.c.state, exports.c.receiver)

documents = Table(
    "documents",
    metadata,
    _of_file(key=True),
    Column("bank", String, nullable=False),
    Column("reference", String, nullable=False),  # the bank's, of the entry that it belongs to
)
_index("documents_by_reference", documents.c.bank, documents.c.reference)

pauses = Table(
    "pauses",
    metadata,
    Column("bank", String, primary_key=True),
    _words("who"),
    _words("reason"),
    Column("since", UtcTime, nullable=False),
)

health = Table(
    "health",
    metadata,
    Column("bank", String, primary_key=True),
    _number("failures"),
    _number("login_failures"),
    Column("due_at", UtcTime),
    _words("because"),
    Column("contact", UtcTime),
)

slots = Table(
    "slots",
    metadata,
    Column("key", String, primary_key=True),
    Column("at", UtcTime, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("verb", String, nullable=False),
    _words("bank"),
    Column("at", UtcTime, nullable=False),
    _words("answer"),
)
_index("requests_open", requests.c.id, where="answer = ''")

# What somebody is told, once for each channel that it is for.
alerts = Table(
    "alerts",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel", String, nullable=False),
    Column("event", String, nullable=False),
    Column("level", String, nullable=False),
    _words("bank"),
    _words("file_id"),
    Column("words", Sentence, nullable=False, default=""),
    Column("at", UtcTime, nullable=False),
    Column("sent", UtcTime),
)
_index("alerts_waiting", alerts.c.channel, alerts.c.id, where="sent IS NULL")
_index("alerts_by_channel", alerts.c.channel, alerts.c.id)
_index("alerts_by_sent", alerts.c.sent)

# What lasts and was told of: it is told again when it has changed.
conditions = Table(
    "conditions",
    metadata,
    Column("key", String, primary_key=True),
    _words("value"),
    Column("event", String, nullable=False),
    Column("level", String, nullable=False),
    _words("bank"),
    _words("file_id"),
    Column("words", Sentence, nullable=False, default=""),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime),  # NULL: until it is seen to have ended
)

# Channels that did not take their alerts.
channels = Table(
    "channels",
    metadata,
    Column("name", String, primary_key=True),
    _number("failures"),
    Column("due_at", UtcTime),
    _words("because"),
)

settings = Table(
    "settings",
    metadata,
    Column("name", String, primary_key=True),
    _words("value"),
)
