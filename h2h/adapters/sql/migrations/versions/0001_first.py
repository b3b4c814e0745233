"""The first schema.

Revision 0001.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_MAY_GO = "direction = 'out' AND state NOT IN ('cancelled', 'duplicate', 'invalid')"

_APPEND_ONLY = """
CREATE TRIGGER moves_{act} BEFORE {act} ON moves
BEGIN SELECT RAISE(ABORT, 'moves are append-only'); END
"""
_SAYS_APPEND_ONLY = """
CREATE FUNCTION moves_are_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'moves are append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$
"""
_APPEND_ONLY_THERE = """
CREATE TRIGGER moves_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON moves
FOR EACH STATEMENT EXECUTE FUNCTION moves_are_append_only()
"""


def _index(
    name: str,
    table: str,
    columns: Sequence[str | sa.TextClause],
    where: str = "",
    *,
    unique: bool = False,
) -> None:
    partial = sa.text(where) if where else None
    op.create_index(
        name, table, columns, unique=unique, sqlite_where=partial, postgresql_where=partial
    )


def upgrade() -> None:
    _files()
    _first_scans()
    _health()
    _pauses()
    _requests()
    _sequences()
    _settings()
    _alerts()
    _slots()
    _first_seen()
    _hand_overs()
    _exports()
    _documents()
    _moves()
    _payments()
    _reports()
    _told()
    _recalls()
    _recalled()
    _statements()
    _claims()
    _waivers()
    _account_sums()
    _demands()
    _approvals()
    _operators()
    _sessions()
    _sign_ins()
    _proposals()
    _legal_holds()
    _erasures()
    _configs()
    _balances()
    _entries()
    if op.get_bind().dialect.name == "sqlite":
        for act in ("UPDATE", "DELETE"):
            op.execute(_APPEND_ONLY.format(act=act))
    else:
        op.execute(_SAYS_APPEND_ONLY)
        op.execute(_APPEND_ONLY_THERE)


def _files() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("bank", sa.String(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("held_from", sa.String(), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("door", sa.Text(), nullable=False),
        sa.Column("door_name", sa.LargeBinary(), nullable=False),
        sa.Column("door_inode", sa.String(), nullable=False),
        sa.Column("first_scan", sa.Boolean(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("initiating_party", sa.Text(), nullable=False),
        sa.Column("transactions", sa.BigInteger(), nullable=True),
        sa.Column("control_sum", sa.JSON(), nullable=False),
        sa.Column("executions", sa.JSON(), nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=True),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_because", sa.Text(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("final_folder", sa.Text(), nullable=False),
        sa.Column("final_name", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("sealed_sha256", sa.Text(), nullable=False),
        sa.Column("sealed_size", sa.BigInteger(), nullable=False),
        sa.Column("duplicate_of", sa.Text(), nullable=False),
        sa.Column("download", sa.BigInteger(), nullable=False),
        sa.Column("remote_folder", sa.Text(), nullable=False),
        sa.Column("remote_name", sa.Text(), nullable=False),
        sa.Column("remote_size", sa.BigInteger(), nullable=False),
        sa.Column("remote_mtime", sa.BigInteger(), nullable=False),
        sa.Column("remote_done", sa.Boolean(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("last_move", sa.BigInteger(), nullable=False),
        sa.Column("recorded", sa.BigInteger(), nullable=False),
        sa.Column("refusal", sa.Text(), nullable=False),
        sa.Column("dropped_by", sa.Text(), nullable=False),
        sa.Column("confidential", sa.Boolean(), nullable=False),
        sa.Column("begun", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(direction = 'out' AND state IN ('accepted', 'acknowledged', "
            "'approved', 'awaiting_approval', 'cancelled', 'cancelled_by_bank', "
            "'claimed', 'claiming', 'delivering', 'duplicate', 'held', 'in_doubt', 'invalid', "
            "'part_accepted', 'rejected', 'sealed', 'sent', 'staged', 'valid')) OR "
            "(direction = 'in' AND state IN ('booked', 'done', 'duplicate', "
            "'exporting', 'fetched', 'opened', 'quarantined', 'read'))",
            name="ck_files_state",
        ),
        sa.CheckConstraint("(state = 'held') = (held_from IS NOT NULL)", name="ck_files_held_from"),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
    )
    _index("files_at_the_bank", "files", ["bank", "direction", "remote_done"])
    _index("files_by_bank", "files", ["bank", "state", "id"])
    _index("files_by_day", "files", ["bank", "checked_on"])
    _index("files_by_bytes", "files", ["sha256", "direction"])
    _index("files_by_created", "files", ["created", "id"])
    _index("files_by_final_name", "files", ["bank", "final_folder", "final_name"])
    _index("files_by_message", "files", ["message_id", "bank", "direction"])
    _index("files_by_sequence", "files", ["bank", "sequence"])
    _index("files_by_state", "files", ["state", "created", "id"])
    _index("files_confidential", "files", ["id"], where="confidential")
    _index("files_of_state", "files", ["state", "id"])
    _index("files_of_bank", "files", ["bank", "id"])
    _index("files_of_name", "files", [sa.text("lower(name)"), "id"])
    final_name, named = sa.text("lower(final_name)"), "final_name <> ''"
    _index("files_of_final_name", "files", [final_name, "id"], where=named)
    sums = sa.text("CAST(control_sum AS TEXT)")
    _index("files_of_sum", "files", [sums, "id"], where="direction = 'out'")
    _index("files_unrecorded", "files", ["id"], where="last_move > recorded")
    _index(
        "one_claim",
        "files",
        ["door", "door_name", "door_inode"],
        where="state = 'claiming'",
        unique=True,
    )
    _index(
        "one_final_name",
        "files",
        ["bank", "final_folder", "final_name"],
        where=_MAY_GO + " AND final_name <> ''",
        unique=True,
    )
    _index(
        "one_message",
        "files",
        ["bank", "initiating_party", "message_id"],
        where=_MAY_GO + " AND message_id <> ''",
        unique=True,
    )
    _index(
        "one_remote_file",
        "files",
        ["bank", "remote_folder", "remote_name", "remote_size", "remote_mtime"],
        where="direction = 'in'",
        unique=True,
    )


def _first_scans() -> None:
    op.create_table(
        "first_scans",
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("door", name="pk_first_scans"),
    )


def _health() -> None:
    op.create_table(
        "health",
        sa.Column("bank", sa.String(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("login_failures", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("contact", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("bank", name="pk_health"),
    )


def _pauses() -> None:
    op.create_table(
        "pauses",
        sa.Column("bank", sa.String(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("bank", name="pk_pauses"),
    )


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("bank", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
    )
    _index("requests_open", "requests", ["id"], where="answer = ''")


def _sequences() -> None:
    op.create_table(
        "sequences",
        sa.Column("bank", sa.String(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bank", name="pk_sequences"),
    )


def _settings() -> None:
    op.create_table(
        "settings",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_settings"),
    )


def _alert() -> list[sa.Column[str]]:
    return [
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("bank", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
    ]


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        *_alert(),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    _index("alerts_waiting", "alerts", ["channel", "id"], where="sent IS NULL")
    _index("alerts_by_channel", "alerts", ["channel", "id"])
    _index("alerts_by_sent", "alerts", ["sent"])
    op.create_table(
        "conditions",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        *_alert(),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_conditions"),
    )
    op.create_table(
        "channels",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("because", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_channels"),
    )


def _slots() -> None:
    op.create_table(
        "slots",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_slots"),
    )


def _first_seen() -> None:
    op.create_table(
        "first_seen",
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("inode", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["door"], ["first_scans.door"], name="fk_first_seen_door"),
        sa.PrimaryKeyConstraint("door", "inode", name="pk_first_seen"),
    )


def _hand_overs() -> None:
    op.create_table(
        "hand_overs",
        sa.Column("folder", sa.String(), nullable=False),
        sa.Column("temporary", sa.String(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_hand_overs_file_id"),
        sa.PrimaryKeyConstraint("folder", "temporary", name="pk_hand_overs"),
    )
    _index("hand_overs_by_file", "hand_overs", ["file_id"])


def _exports() -> None:
    op.create_table(
        "exports",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("receiver", sa.String(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("made", sa.JSON(), nullable=False),
        sa.CheckConstraint(
            "state IN ('done', 'due', 'handing', 'held', 'waiting')", name="ck_exports_state"
        ),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_exports_file_id"),
        sa.PrimaryKeyConstraint("subject", "receiver", name="pk_exports"),
    )
    _index("exports_by_file", "exports", ["file_id", "subject"])
    _index("exports_by_state", "exports", ["state", "receiver"])


def _documents() -> None:
    op.create_table(
        "documents",
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("bank", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_documents_file_id"),
        sa.PrimaryKeyConstraint("file_id", name="pk_documents"),
    )
    _index("documents_by_reference", "documents", ["bank", "reference"])


def _moves() -> None:
    op.create_table(
        "moves",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("file_id", sa.String(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_moves_file_id"),
        sa.PrimaryKeyConstraint("sequence", name="pk_moves"),
    )
    _index("moves_by_file", "moves", ["file_id", "sequence"])
    by_persons = "who <> 'h2h'"
    _index("moves_by_persons", "moves", ["at", "sequence"], where=by_persons)
    _index("moves_by_person", "moves", ["who", "at", "sequence"], where=by_persons)


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("instruction_id", sa.Text(), nullable=False),
        sa.Column("end_to_end_id", sa.Text(), nullable=False),
        sa.Column("amount", sa.String(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("counterparty_account", sa.Text(), nullable=False),
        sa.Column("counterparty_name", sa.Text(), nullable=False),
        sa.Column("remittance", sa.Text(), nullable=False),
        sa.Column("requested_execution_date", sa.Date(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("told", sa.String(), nullable=False),
        sa.Column("told_at", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("servicer_reference", sa.Text(), nullable=False),
        sa.Column("payee_check", sa.Text(), nullable=False),
        sa.Column("payee_name", sa.Text(), nullable=False),
        sa.Column("payee_at", sa.Text(), nullable=False),
        sa.Column("exact_key", sa.LargeBinary(), nullable=True),
        sa.Column("similar_key", sa.LargeBinary(), nullable=False),
        sa.Column("described", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "state IN ('accepted', 'acknowledged', 'booked', 'cancelled', "
            "'instructed', 'rejected', 'returned')",
            name="ck_payments_state",
        ),
        sa.CheckConstraint(
            "told IN ('accepted', 'acknowledged', 'cancelled', 'instructed', 'rejected')",
            name="ck_payments_told",
        ),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_payments_file_id"),
        sa.PrimaryKeyConstraint("file_id", "number", name="pk_payments"),
    )
    payment = ["file_id", "number"]
    _index("payments_by_end_to_end_id", "payments", ["end_to_end_id", *payment])
    _index(
        "payments_by_instruction_id",
        "payments",
        ["instruction_id"],
        where="instruction_id <> ''",
    )
    _index("payments_by_batch", "payments", ["batch_id", "file_id"])
    open_ = "state IN ('accepted', 'acknowledged', 'instructed')"
    _index("payments_open", "payments", payment, where=open_)
    _index("payments_by_exact_key", "payments", ["exact_key"], where="exact_key IS NOT NULL")
    _index("payments_by_counterparty", "payments", ["counterparty_account", *payment])
    _index("payments_by_name", "payments", [sa.text("lower(counterparty_name)"), *payment])
    _index("payments_by_amount", "payments", ["amount", *payment])
    troubled = "state IN ('cancelled', 'rejected', 'returned')"
    _index("payments_troubled", "payments", ["state", *payment], where=troubled)
    _index("payments_by_similar_key", "payments", ["similar_key"])


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("bank", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_reports_file_id"),
        sa.Column("original_message_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("bank", "message_id", "fingerprint", name="pk_reports"),
    )
    _index("reports_by_original", "reports", ["original_message_id"])


def _told() -> None:
    op.create_table(
        "told",
        sa.Column("report_id", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["files.id"], name="fk_told_report_id"),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_told_file_id"),
        sa.PrimaryKeyConstraint("report_id", "place", name="pk_told"),
    )
    _index("told_by_payment", "told", ["file_id", "number"])
    op.create_table(
        "told_references",
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("servicer_reference", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_told_references_file_id"),
        sa.PrimaryKeyConstraint(
            "file_id", "number", "servicer_reference", name="pk_told_references"
        ),
    )
    _index("told_references_by_reference", "told_references", ["servicer_reference"])


def _claims() -> None:
    op.create_table(
        "claims",
        sa.Column("statement", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("detail", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("how", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "how IN ('batch', 'exact', 'return', 'uncertain')", name="ck_claims_how"
        ),
        sa.ForeignKeyConstraint(["statement"], ["statements.key"], name="fk_claims_statement"),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_claims_file_id"),
        sa.PrimaryKeyConstraint(
            "statement", "entry", "detail", "file_id", "number", "batch_id", name="pk_claims"
        ),
    )
    _index("claims_by_payment", "claims", ["file_id", "number"])


def _statements() -> None:
    op.create_table(
        "statements",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("bank", sa.String(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Text(), nullable=False),
        sa.Column("electronic_sequence", sa.Text(), nullable=False),
        sa.Column("legal_sequence", sa.Text(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("copy", sa.Text(), nullable=False),
        sa.Column("created", sa.Text(), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=True),
        sa.Column("period_to", sa.Date(), nullable=True),
        sa.Column("opening", sa.String(), nullable=True),
        sa.Column("closing", sa.String(), nullable=True),
        sa.Column("booked", sa.String(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("kept", sa.String(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.Column("assigned", sa.Boolean(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("position", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "kept IN ('booked', 'duplicate', 'held', 'rejected', 'superseded')",
            name="ck_statements_kept",
        ),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_statements_file_id"),
        sa.PrimaryKeyConstraint("id", name="pk_statements"),
    )
    told, counts = "kept IN ('booked', 'superseded')", "kept = 'booked' AND version <> ''"
    _index("one_booking", "statements", ["bank", "fingerprint"], where=told, unique=True)
    _index("one_version", "statements", ["bank", "version"], where=counts, unique=True)
    _index("statements_by_version", "statements", ["bank", "version"])
    _index("statements_of_account", "statements", ["account", "file_id"])
    unassigned = "kept = 'booked' AND NOT waits AND NOT assigned"
    _index("statements_unassigned", "statements", ["file_id"], where=unassigned)
    _index("statements_by_account", "statements", ["account", "currency", "bank", "position"])
    owner, intraday = ["account", "currency", "bank"], "kind = 'intraday' AND kept = 'booked'"
    _index("intraday_by_created", "statements", [*owner, "created", "position"], where=intraday)
    _index("statements_by_key", "statements", ["key"], unique=True)
    _index("statements_by_file", "statements", ["file_id", "index"], unique=True)


def _waivers() -> None:
    op.create_table(
        "waivers",
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("move", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_waivers_file_id"),
        sa.PrimaryKeyConstraint("content", "rule", name="pk_waivers"),
    )


def _balances() -> None:
    op.create_table(
        "balances",
        sa.Column("statement_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("amount", sa.String(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statements.id"], name="fk_balances_statement_id"
        ),
        sa.PrimaryKeyConstraint("statement_id", "number", name="pk_balances"),
    )


def _recalls() -> None:
    op.create_table(
        "recalls",
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("original_id", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("scope IN ('batch', 'file', 'payments')", name="ck_recalls_scope"),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_recalls_file_id"),
        sa.ForeignKeyConstraint(["original_id"], ["files.id"], name="fk_recalls_original_id"),
        sa.PrimaryKeyConstraint("file_id", name="pk_recalls"),
    )
    _index("recalls_by_original", "recalls", ["original_id"])


def _recalled() -> None:
    op.create_table(
        "recalled",
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "answer IN ('asked', 'pending', 'recalled', 'refused')", name="ck_recalled_answer"
        ),
        sa.ForeignKeyConstraint(["file_id"], ["recalls.file_id"], name="fk_recalled_file_id"),
        sa.PrimaryKeyConstraint("file_id", "number", name="pk_recalled"),
    )


def _entries() -> None:
    op.create_table(
        "entries",
        sa.Column("statement", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("index", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("amount", sa.String(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reversal", sa.Boolean(), nullable=False),
        sa.Column("booking_date", sa.Date(), nullable=True),
        sa.Column("value_date", sa.Date(), nullable=True),
        sa.Column("entry_reference", sa.Text(), nullable=False),
        sa.Column("servicer_reference", sa.Text(), nullable=False),
        sa.Column("bank_transaction_code", sa.Text(), nullable=False),
        sa.Column("additional_information", sa.Text(), nullable=False),
        sa.Column("batch_transactions", sa.BigInteger(), nullable=True),
        sa.Column("batch_message_id", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("linked_message_id", sa.Text(), nullable=False),
        sa.Column("charges", sa.Text(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["statement"],
            ["statements.key"],
            name="fk_entries_statement",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("statement", "index", name="pk_entries"),
        sqlite_with_rowid=False,
    )
    referred = "servicer_reference <> ''"
    _index("entries_by_reference", "entries", ["servicer_reference"], where=referred)


def _account_sums() -> None:
    op.create_table(
        "account_sums",
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("amount", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_account_sums_file_id"),
        sa.PrimaryKeyConstraint("file_id", "account", "currency", name="pk_account_sums"),
    )


def _demands() -> None:
    op.create_table(
        "demands",
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("groups", sa.JSON(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("involved", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_demands_file_id"),
        sa.PrimaryKeyConstraint("file_id", name="pk_demands"),
    )


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("terms", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("move", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_approvals_file_id"),
        sa.PrimaryKeyConstraint("file_id", "operator", "content", "terms", name="pk_approvals"),
    )


def _operators() -> None:
    op.create_table(
        "operators",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("os_user", sa.Text(), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("totp", sa.Text(), nullable=False),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("move", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_operators"),
    )
    _index("one_os_user", "operators", ["os_user"], where="active AND os_user <> ''", unique=True)


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["operator"], ["operators.name"], name="fk_sessions_operator"),
        sa.PrimaryKeyConstraint("token", name="pk_sessions"),
    )
    _index("sessions_by_operator", "sessions", ["operator"])


def _sign_ins() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_sign_ins"),
    )


def _proposals() -> None:
    op.create_table(
        "proposals",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_proposals"),
    )


def _legal_holds() -> None:
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_legal_holds"),
    )


def _erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("list", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("file_id", sa.String(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("last_move", sa.BigInteger(), nullable=False),
        sa.Column("begun", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kept", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["list"], ["proposals.id"], name="fk_erasures_list"),
        sa.ForeignKeyConstraint(["file_id"], ["files.id"], name="fk_erasures_file_id"),
        sa.PrimaryKeyConstraint("list", "file_id", name="pk_erasures"),
    )
    _index("erasures_open", "erasures", ["list", "file_id"], where="ended IS NULL")
    _index("erasures_by_file", "erasures", ["file_id"])


def _configs() -> None:
    op.create_table(
        "configs",
        sa.Column("section", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("move", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("section", name="pk_configs"),
    )
