"""What the ERP is handed: figures exact, rows that add up, nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from h2h.core.statement import Charge, Entry, EntryDetail, Statement, StatementKind
from h2h.core.status import BatchStatus, PaymentStatus, Reason, StatusReport
from h2h.export import ErpExporter

DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs" / "exports.md"


def detail(amount: str | None, end_to_end_id: str, remittance: str = "") -> EntryDetail:
    figure = Decimal(amount) if amount else None
    return EntryDetail(amount=figure, end_to_end_id=end_to_end_id, remittance=remittance)


def entry(index: int, amount: str, *details: EntryDetail) -> Entry:
    return Entry(
        index=index,
        amount=Decimal(amount),
        currency="EUR",
        status="BOOK",
        reversal=index == 2,
        booking_date=date(2026, 3, 2),
        value_date=None,
        entry_reference="",
        servicer_reference="SVC",
        bank_transaction_code="PMNT/ICDT/ESCT",
        additional_information="",
        batch_transactions=len(details) or None,
        batch_message_id="",
        batch_id="",
        charges=(Charge(Decimal("0.250"), "EUR", "FEE"), Charge(Decimal(-1), "EUR", "")),
        details=details,
    )


STATEMENT = Statement(
    index=1,
    kind=StatementKind.STATEMENT,
    id="S1",
    account="DE89370400440532013000",
    currency="EUR",
    electronic_sequence="",
    legal_sequence="8",
    period_from=None,
    period_to=None,
    created="",
    copy="",
    balances=(),
    entries=(
        entry(1, "-30.10", detail("-10.10", "E1"), detail("-20.00", "E2")),
        entry(2, "0.0000001"),
        entry(3, "123456789012345678", detail(None, "E3", 'Müller; "Sohn"\nKöln, 你好')),
    ),
)


def exported(*statements: Statement) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """The CSV's rows and the JSON Lines' objects."""
    table, lines = ErpExporter().statements(statements)
    assert (table.suffix, lines.suffix) == (".csv", ".jsonl")
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8"), newline="")))
    return rows, [json.loads(line) for line in lines.content.decode("utf-8").splitlines()]


def test_a_batch_booking_has_a_row_a_transaction_and_its_amount_stands_once() -> None:
    rows, _ = exported(STATEMENT)
    told = [
        (row["entry"], row["entry_amount"], row["detail"], row["detail_amount"]) for row in rows
    ]
    assert told == [
        ("1", "-30.10", "1", "-10.10"),
        ("1", "", "2", "-20.00"),
        ("2", "0.0000001", "", ""),
        ("3", "123456789012345678", "1", ""),
    ]
    assert [row["entry_charges"] for row in rows] == [
        "0.250 EUR; -1 EUR",
        "",
        *["0.250 EUR; -1 EUR"] * 2,
    ]
    total = sum(Decimal(row["entry_amount"]) for row in rows if row["entry_amount"])
    assert total == sum(entry.amount for entry in STATEMENT.entries)


def test_texts_come_back_as_the_bank_wrote_them() -> None:
    rows, objects = exported(STATEMENT)
    assert rows[3]["remittance"] == 'Müller; "Sohn"\nKöln, 你好'
    assert objects[2]["details"][0]["remittance"] == 'Müller; "Sohn"\nKöln, 你好'


def test_the_csv_is_rfc_4180_and_ascii_where_the_bank_was() -> None:
    table, _ = ErpExporter().statements([replace(STATEMENT, entries=[*STATEMENT.entries][:1])])
    head, first, second, end = table.content.split(b"\r\n")
    assert head.startswith(b"kind,account,currency,statement_id,sequence,entry,status,entry_amount")
    assert first.startswith(
        b"statement,DE89370400440532013000,EUR,S1,8,1,BOOK,-30.10,EUR,false,2026"
    )
    assert second.count(b",") == head.count(b",")
    assert end == b""


def test_json_lines_hold_an_object_an_entry_with_its_transactions_inside() -> None:
    _, objects = exported(STATEMENT)
    assert [found["entry"] for found in objects] == [1, 2, 3]
    assert [found["entry_amount"] for found in objects] == [
        "-30.10",
        "0.0000001",
        "123456789012345678",
    ]
    assert [detail["end_to_end_id"] for detail in objects[0]["details"]] == ["E1", "E2"]
    assert objects[1]["details"] == []
    assert (objects[0]["reversal"], objects[1]["reversal"]) == (False, True)
    assert (objects[0]["booking_date"], objects[0]["value_date"]) == ("2026-03-02", None)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_text_that_a_spreadsheet_would_run_is_defused_in_csv_only(start: str) -> None:
    evil = f"{start}cmd|' /C calc'!A0"
    rows, objects = exported(
        replace(STATEMENT, id=evil, entries=(entry(1, "-1", detail("-1", evil)),))
    )
    assert (rows[0]["statement_id"], rows[0]["end_to_end_id"]) == (f"'{evil}", f"'{evil}")
    assert (rows[0]["entry_amount"], rows[0]["detail_amount"]) == ("-1", "-1")
    assert objects[0]["statement_id"] == evil


def test_nothing_to_tell_is_a_header_alone() -> None:
    rows, objects = exported(replace(STATEMENT, entries=()))
    assert (rows, objects) == ([], [])
    assert ErpExporter().statements([])[0].content.startswith(b"kind,account,")


def test_every_column_is_explained_in_the_documentation() -> None:
    words = DOCUMENTATION.read_text("utf-8")
    rows, _ = exported(STATEMENT)
    missing = [column for column in rows[0] if f"`{column}`" not in words]
    assert missing == []
    assert len(rows[0]) == 39


# ----------------------------------------------------------------------------------- status reports

REJECTED = PaymentStatus("I1", "E1", "RJCT", (Reason("AC04", "closed"),), "10.00", "EUR", "SVC")
SILENT = PaymentStatus("I2", "E2", "", (), "", "", "")
REPORT = StatusReport(
    message_id="R1",
    created="",
    original_message_id="M1",
    original_message="pain.001.001.09",
    group_status="PART",
    reasons=(Reason("NARR", "see below"),),
    batches=(
        BatchStatus("B1", "ACCP", (Reason("B", "batch"),), (REJECTED, SILENT)),
        BatchStatus("B2", "", (), ()),
    ),
)


def test_a_status_report_has_a_row_a_payment_with_the_status_that_counts() -> None:
    table, lines = ErpExporter().report(REPORT)
    rows = list(csv.DictReader(io.StringIO(table.content.decode(), newline="")))
    told = [(r["batch_id"], r["end_to_end_id"], r["status"], r["reason"]) for r in rows]
    assert told == [
        ("B1", "E1", "RJCT", "AC04 closed"),
        ("B1", "E2", "ACCP", "B batch"),
        ("B2", "", "PART", "NARR see below"),
    ]
    assert {row["original_message_id"] for row in rows} == {"M1"}
    assert rows[0]["amount"] == "10.00"
    objects = [json.loads(line) for line in lines.content.decode().splitlines()]
    assert objects == [dict(row) for row in rows]


def test_a_report_on_the_whole_file_has_one_row() -> None:
    table, _ = ErpExporter().report(replace(REPORT, group_status="ACCP", batches=()))
    rows = list(csv.DictReader(io.StringIO(table.content.decode(), newline="")))
    assert [(row["group_status"], row["status"], row["batch_id"]) for row in rows] == [
        ("ACCP", "ACCP", "")
    ]
