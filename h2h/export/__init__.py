"""What the ERP is handed beside the bank's own XML: CSV and JSON Lines (see docs/exports.md).

Amounts are plain decimal strings, signed: a credit to the account is positive. Dates are ISO. In
CSV a text that a spreadsheet would take for a formula gets a leading apostrophe; JSON is exact.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from h2h.core.money import plain
from h2h.core.statement import Charge, Entry, EntryDetail, Statement
from h2h.core.status import BatchStatus, PaymentStatus, Reason, StatusReport, reason_words
from h2h.ports import Export

Cell = str | int | Decimal | date | None
Row = dict[str, Cell]

# What spreadsheets start to calculate at (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _charges(charges: Iterable[Charge]) -> str:
    """`0.25 EUR; 1.00 EUR`: beside the amount, never part of it."""
    return "; ".join(f"{plain(charge.amount)} {charge.currency}" for charge in charges)


# The columns, in their order, and where each comes from.
_STATEMENT: Mapping[str, Callable[[Statement], Cell]] = {
    "kind": lambda statement: statement.kind.value,
    "account": lambda statement: statement.account,
    "currency": lambda statement: statement.currency,
    "statement_id": lambda statement: statement.id,
    "sequence": lambda statement: statement.electronic_sequence or statement.legal_sequence,
}
_ENTRY: Mapping[str, Callable[[Entry], Cell]] = {
    "entry": lambda entry: entry.index,
    "status": lambda entry: entry.status,
    "entry_amount": lambda entry: entry.amount,
    "entry_currency": lambda entry: entry.currency,
    "reversal": lambda entry: entry.reversal,
    "booking_date": lambda entry: entry.booking_date,
    "value_date": lambda entry: entry.value_date,
    "entry_reference": lambda entry: entry.entry_reference,
    "entry_servicer_reference": lambda entry: entry.servicer_reference,
    "bank_transaction_code": lambda entry: entry.bank_transaction_code,
    "entry_information": lambda entry: entry.additional_information,
    "batch_transactions": lambda entry: entry.batch_transactions,
    "batch_message_id": lambda entry: entry.batch_message_id,
    "batch_id": lambda entry: entry.batch_id,
    "entry_charges": lambda entry: _charges(entry.charges),
}
_DETAIL: Mapping[str, Callable[[EntryDetail], Cell]] = {
    "detail_amount": lambda detail: detail.amount,
    "detail_currency": lambda detail: detail.currency,
    "message_id": lambda detail: detail.message_id,
    "payment_batch_id": lambda detail: detail.batch_id,
    "instruction_id": lambda detail: detail.instruction_id,
    "end_to_end_id": lambda detail: detail.end_to_end_id,
    "servicer_reference": lambda detail: detail.servicer_reference,
    "transaction_id": lambda detail: detail.transaction_id,
    "uetr": lambda detail: detail.uetr,
    "debtor_name": lambda detail: detail.debtor_name,
    "debtor_account": lambda detail: detail.debtor_account,
    "creditor_name": lambda detail: detail.creditor_name,
    "creditor_account": lambda detail: detail.creditor_account,
    "remittance": lambda detail: detail.remittance,
    "reference": lambda detail: detail.reference,
    "return_reason": lambda detail: detail.return_reason,
    "additional_information": lambda detail: detail.additional_information,
    "detail_charges": lambda detail: _charges(detail.charges),
}

_NO_PAYMENT = PaymentStatus("", "", "", (), "", "", "")
_NO_BATCH = BatchStatus("", "", (), ())
_STATUS: Mapping[str, Callable[[StatusReport, BatchStatus, PaymentStatus], Cell]] = {
    "message_id": lambda report, _, __: report.message_id,
    "original_message_id": lambda report, _, __: report.original_message_id,
    "original_message": lambda report, _, __: report.original_message,
    "group_status": lambda report, _, __: report.group_status,
    "batch_id": lambda _, batch, __: batch.id,
    "batch_status": lambda _, batch, __: batch.status,
    "instruction_id": lambda _, __, payment: payment.instruction_id,
    "end_to_end_id": lambda _, __, payment: payment.end_to_end_id,
    "payment_status": lambda _, __, payment: payment.status,
    "status": lambda *levels: _counting(*levels)[0],
    "reason": lambda *levels: reason_words(_counting(*levels)[1]),
    "amount": lambda _, __, payment: payment.amount,
    "currency": lambda _, __, payment: payment.currency,
    "servicer_reference": lambda _, __, payment: payment.servicer_reference,
}


def _counting(
    report: StatusReport, batch: BatchStatus, payment: PaymentStatus
) -> tuple[str, tuple[Reason, ...]]:
    """The payment's status counts, else its batch's, else the group's; its reasons likewise."""
    level = next((level for level in (payment, batch) if level.status), None)
    return (level.status, level.reasons) if level else (report.group_status, report.reasons)


class ErpExporter:
    """CSV and JSON Lines, as ports.Exporter wants them."""

    def statements(self, statements: Sequence[Statement]) -> Sequence[Export]:
        """CSV: a row for each transaction of each entry. JSON Lines: an object an entry."""
        rows = (row for statement in statements for row in _statement_rows(statement))
        objects = (
            entry_object(statement, entry)
            for statement in statements
            for entry in statement.entries
        )
        return (
            Export(".csv", _csv([*_STATEMENT, *_ENTRY, "detail", *_DETAIL], rows)),
            Export(".jsonl", _json_lines(objects)),
        )

    def report(self, report: StatusReport) -> Sequence[Export]:
        """A row a payment; a batch, or the whole, that lists no payment has one row of its own."""
        rows = list(_status_rows(report))
        return (
            Export(".csv", _csv([*_STATUS], rows)),
            Export(".jsonl", _json_lines(map(_object, rows))),
        )


# --------------------------------------------------------------------------------------- statements


def entry_object(statement: Statement, entry: Entry) -> dict[str, object]:
    """One entry with its transactions under `details`, ready for JSON."""
    found = _object(_entry_row(statement, entry))
    found["details"] = [_object(_detail_row(*pair)) for pair in enumerate(entry.details, 1)]
    return found


def _statement_rows(statement: Statement) -> Iterator[Row]:
    """The entry's amount and charges stand in its first row only, so that a column adds up."""
    for entry in statement.entries:
        row = _entry_row(statement, entry)
        if not entry.details:
            yield row
        for number, detail in enumerate(entry.details, 1):
            yield {**row, **_detail_row(number, detail)}
            row = {**row, "entry_amount": None, "entry_charges": None}


def _entry_row(statement: Statement, entry: Entry) -> Row:
    return {
        **{name: cell(statement) for name, cell in _STATEMENT.items()},
        **{name: cell(entry) for name, cell in _ENTRY.items()},
    }


def _detail_row(number: int, detail: EntryDetail) -> Row:
    return {"detail": number, **{name: cell(detail) for name, cell in _DETAIL.items()}}


# ----------------------------------------------------------------------------------- status reports


def _status_rows(report: StatusReport) -> Iterator[Row]:
    for batch in report.batches or (_NO_BATCH,):
        for payment in batch.payments or (_NO_PAYMENT,):
            yield {name: cell(report, batch, payment) for name, cell in _STATUS.items()}


# ------------------------------------------------------------------------------------------ writing


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> bytes:
    """RFC 4180 in UTF-8 with a header line."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
    return text.getvalue().encode()


def _cell(value: Cell) -> str:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return _text(value) or ""


def _object(row: Mapping[str, Cell]) -> dict[str, object]:
    """For JSON: counts and flags as they are, amounts and dates as text, the rest null."""
    return {
        name: value if isinstance(value, int | str) else _text(value) for name, value in row.items()
    }


def _text(value: Cell) -> str | None:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return None if value is None else str(value)


def _json_lines(objects: Iterable[Mapping[str, object]]) -> bytes:
    lines = (json.dumps(found, ensure_ascii=False, separators=(",", ":")) for found in objects)
    return "".join(f"{line}\n" for line in lines).encode()
