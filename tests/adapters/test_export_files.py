"""What the ERP is handed: figures exact, rows that add up, nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from h2h.core.statement import (
    Balance,
    Charge,
    Entry,
    EntryDetail,
    Exchange,
    Statement,
    StatementKind,
)
from h2h.core.status import BatchStatus, PaymentStatus, Reason, StatusReport
from h2h.errors import Refused
from h2h.export import ErpExporter
from h2h.export.columns import COLUMNS, STANDARD
from h2h.ports import FormTerms

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


Write = Callable[..., bytes]
Exported = Callable[..., tuple[list[dict[str, str]], list[dict[str, Any]]]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write(terms, *statements): what is in the file then."""

    def writes(terms: FormTerms, *statements: Statement) -> bytes:
        target = tmp_path / "made"
        assert ErpExporter().write(terms, statements, target) == ()
        return target.read_bytes()

    return writes


@pytest.fixture
def exported(write: Write) -> Exported:
    """exported(*statements): the rows of the CSV and the objects of the JSON Lines."""

    def exports(*statements: Statement) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
        rows = rows_of(write(FormTerms("csv"), *statements))
        lines = write(FormTerms("jsonl"), *statements).decode("utf-8").split("\n")
        assert lines.pop() == ""
        return rows, [json.loads(line) for line in lines]

    return exports


def rows_of(content: bytes, encoding: str = "utf-8") -> list[dict[str, str]]:
    """The rows as Python's own reader finds them."""
    text = io.StringIO(content.decode(encoding), newline="")
    return list(csv.DictReader(text, strict=True))


def test_a_batch_booking_has_a_row_a_transaction_and_its_amount_stands_once(
    exported: Exported,
) -> None:
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


def test_texts_come_back_as_the_bank_wrote_them(exported: Exported) -> None:
    rows, objects = exported(STATEMENT)
    assert rows[3]["remittance"] == 'Müller; "Sohn"\nKöln, 你好'
    assert objects[2]["details"][0]["remittance"] == 'Müller; "Sohn"\nKöln, 你好'


def test_the_csv_is_rfc_4180_and_ascii_where_the_bank_was(write: Write) -> None:
    content = write(FormTerms("csv"), replace(STATEMENT, entries=[*STATEMENT.entries][:1]))
    head, first, second, end = content.split(b"\r\n")
    assert head.startswith(b"kind,account,currency,statement_id,sequence,entry,status,entry_amount")
    assert first.startswith(
        b"statement,DE89370400440532013000,EUR,S1,8,1,BOOK,-30.10,EUR,false,2026"
    )
    assert second.count(b",") == head.count(b",")
    assert end == b""


def test_json_lines_hold_an_object_an_entry_with_its_transactions_inside(
    exported: Exported,
) -> None:
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


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_text_that_a_spreadsheet_would_run_is_defused_in_csv_only(
    exported: Exported, start: str
) -> None:
    evil = f"{start}cmd|' /C calc'!A0"
    rows, objects = exported(
        replace(STATEMENT, id=evil, entries=(entry(1, "-1", detail("-1", evil)),))
    )
    assert (rows[0]["statement_id"], rows[0]["end_to_end_id"]) == (f"'{evil}", f"'{evil}")
    assert (rows[0]["entry_amount"], rows[0]["detail_amount"]) == ("-1", "-1")
    assert objects[0]["statement_id"] == evil


def test_nothing_to_tell_is_a_header_alone(exported: Exported, write: Write) -> None:
    assert exported(replace(STATEMENT, entries=())) == ([], [])
    assert write(FormTerms("csv")).startswith(b"kind,account,")
    assert write(FormTerms("csv", header=False)) == b""


def test_every_column_is_explained_in_the_documentation(exported: Exported) -> None:
    words = DOCUMENTATION.read_text("utf-8")
    rows, objects = exported(STATEMENT)
    assert [column for column in COLUMNS if f"`{column}`" not in words] == []
    assert [*rows[0]] == [*STANDARD]
    assert {*objects[0], *objects[0]["details"][0]} == {*STANDARD, "details"}


# ----------------------------------------------------------------------------- what is wanted of it

OPENING = Balance("OPBD", Decimal("100.00"), "EUR", date(2026, 3, 1))


def chosen(*columns: str, **looks: Any) -> FormTerms:  # noqa: ANN401 - fields of FormTerms
    return FormTerms("csv", columns=columns, **looks)


def test_only_the_columns_asked_for_come_in_their_order_under_their_headings(write: Write) -> None:
    terms = chosen("entry_amount", "entry", headings=("金额", "序号"))
    content = write(terms, replace(STATEMENT, entries=[entry(1, "-30.10"), entry(2, "5")]))
    assert content.decode("utf-8") == "金额,序号\r\n-30.10,1\r\n5,2\r\n"


def test_separator_decimal_mark_and_dates_are_those_of_the_receiver(write: Write) -> None:
    terms = chosen(
        "entry_amount", "booking_date", "remittance",
        separator=";", decimal_mark=",", date_format="%d.%m.%Y", header=False,
    )  # fmt: skip
    statement = replace(STATEMENT, entries=[entry(1, "-1234.50", detail(None, "E", "a;b, c"))])
    assert write(terms, statement) == b'-1234,50;02.03.2026;"a;b, c"\r\n'


def test_a_decimal_comma_between_commas_stands_in_quotes(write: Write) -> None:
    terms = chosen("entry_amount", "entry", decimal_mark=",", header=False)
    assert write(terms, replace(STATEMENT, entries=[entry(1, "-1.50")])) == b'"-1,50",1\r\n'


@pytest.mark.parametrize(
    ("encoding", "begins"),
    [("utf-8", b"remi"), ("utf-8-sig", b"\xef\xbb\xbfremi"), ("gb18030", b"remi")],
)
def test_every_letter_survives_in_an_encoding_that_has_it(
    write: Write, encoding: str, begins: bytes
) -> None:
    words = ["货款 𠮷野家 €", "Straße, Łódź", "😀"] * 400
    entries = [entry(n, "1", detail(None, "", text)) for n, text in enumerate(words, 1)]
    content = write(chosen("remittance", encoding=encoding), replace(STATEMENT, entries=entries))
    assert content.startswith(begins)
    assert content.count(b"\xef\xbb\xbf") == (encoding == "utf-8-sig")
    assert [row["remittance"] for row in rows_of(content, encoding)] == words


def test_what_latin_1_lacks_is_replaced_and_told(tmp_path: Path) -> None:
    target = tmp_path / "made.csv"
    statement = replace(STATEMENT, entries=[entry(1, "1", detail(None, "", "Łódź? müde €"))])
    told = ErpExporter().write(chosen("remittance", encoding="latin-1"), [statement], target)
    assert target.read_bytes() == "remittance\r\n?ód?? müde ?\r\n".encode("latin-1")
    assert [*told] == ["3 characters that latin-1 lacks are written as ?"]


def test_debit_credit_and_balance_stand_in_the_first_row_of_an_entry(write: Write) -> None:
    pending = entry(3, "-7.00")._replace(status="PDNG")
    batch = entry(1, "-30.10", detail("-10.10", "A"), detail("-20.00", "B"))
    statement = replace(
        STATEMENT, balances=(OPENING,), entries=[batch, entry(2, "5.00"), pending, entry(4, "0.05")]
    )
    names = ("entry", "debit", "credit", "running_balance")
    rows = rows_of(write(chosen(*names), statement))
    assert [tuple(row.values()) for row in rows] == [
        ("1", "30.10", "", "69.90"),
        ("1", "", "", ""),
        ("2", "", "5.00", "74.90"),
        ("3", "7.00", "", ""),
        ("4", "", "0.05", "74.95"),
    ]


def test_the_balance_runs_on_over_all_rows_made_at_once(write: Write) -> None:
    entries = [entry(number, "0.01") for number in range(1, 1202)]
    statement = replace(STATEMENT, balances=(OPENING,), entries=entries)
    rows = rows_of(write(chosen("running_balance"), statement))
    assert [row["running_balance"] for row in rows][499:502] == ["105.00", "105.01", "105.02"]
    assert rows[-1]["running_balance"] == "112.01"


def test_without_an_opening_balance_there_is_none_to_run(write: Write) -> None:
    rows = rows_of(write(chosen("entry", "running_balance"), STATEMENT))
    assert {row["running_balance"] for row in rows} == {""}


def test_of_a_batch_one_row_is_left_where_rows_are_entries(write: Write) -> None:
    names = ("entry", "entry_amount", "end_to_end_id")
    rows = rows_of(write(chosen(*names, rows="entries"), STATEMENT))
    assert [tuple(row.values()) for row in rows] == [
        ("1", "-30.10", ""),
        ("2", "0.0000001", ""),
        ("3", "123456789012345678", "E3"),
    ]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_pending_entries_stay_out_where_only_booked_ones_are_wanted(
    write: Write, form: str
) -> None:
    entries = [entry(1, "1"), entry(2, "2")._replace(status="PDNG"), entry(3, "3")]
    content = write(FormTerms(form, booked=True, header=False), replace(STATEMENT, entries=entries))
    assert content.count(b"\n") == 2
    assert b"PDNG" not in content


OURS = "DE89370400440532013000"
THEM = EntryDetail(debtor_name="Payer", debtor_account="X1", creditor_name="Payee")


@pytest.mark.parametrize(
    ("amount", "detail", "name"),
    [
        ("1", THEM, "Payer"),
        ("-1", THEM, "Payee"),
        ("1", THEM._replace(debtor_account=OURS, creditor_account="X2"), "Payee"),  # came back
        ("-1", THEM._replace(creditor_account=OURS.lower()), "Payer"),
        ("-1", THEM._replace(debtor_account=OURS, creditor_account=OURS), "Payee"),
    ],
)
def test_the_other_side_is_the_one_that_is_not_our_account(
    write: Write, amount: str, detail: EntryDetail, name: str
) -> None:
    statement = replace(STATEMENT, entries=[entry(1, amount, detail)])
    (row,) = rows_of(write(chosen("counterparty_name"), statement))
    assert row["counterparty_name"] == name


RATE = Exchange(Decimal("100.00"), "USD", Decimal("92.35"), "EUR", "1.0828", "EUR", "USD")


def test_an_exchange_is_told_in_words_in_parts_and_as_an_object(
    exported: Exported, write: Write
) -> None:
    statement = replace(STATEMENT, entries=[entry(1, "92.35")._replace(exchange=RATE)])
    (row,), (found,) = exported(statement)
    assert row["entry_exchange"] == "100.00 USD = 92.35 EUR at 1.0828 EUR/USD"
    assert row["detail_exchange"] == ""
    assert found["entry_exchange"] == {
        "instructed_amount": "100.00",
        "instructed_currency": "USD",
        "counter_amount": "92.35",
        "counter_currency": "EUR",
        "rate": "1.0828",
        "source": "EUR",
        "target": "USD",
    }
    parts = rows_of(write(chosen("instructed_amount", "exchange_rate"), statement))
    assert parts == [{"instructed_amount": "100.00", "exchange_rate": "1.0828"}]


def test_amounts_that_are_equal_keep_their_own_decimals(exported: Exported) -> None:
    written = ["1.0", "1.00", "1", "1.0"]
    entries = [entry(number, text) for number, text in enumerate(written, 1)]
    rows, objects = exported(replace(STATEMENT, entries=entries))
    assert [row["entry_amount"] for row in rows] == written
    assert [found["entry_amount"] for found in objects] == written


@pytest.mark.parametrize("text", ["C:\\new", 'the "one"', "a\x01b", "a\u2028b", "Ł"])
def test_json_has_each_letter_as_it_is(exported: Exported, text: str) -> None:
    entries = [entry(1, "1", detail(None, "", text)), entry(2, "1", detail(None, "", "plain"))]
    _, objects = exported(replace(STATEMENT, entries=entries))
    assert [found["details"][0]["remittance"] for found in objects] == [text, "plain"]


def test_percent_signs_and_braces_are_letters_like_others(exported: Exported) -> None:
    evil = '100 %s {0} %(x)s "\\ \x1f\u2028'
    same = [entry(number, "1", detail(None, evil, evil)) for number in (1, 2)]
    rows, objects = exported(replace(STATEMENT, id=evil, entries=same))
    assert [row["remittance"] for row in rows] == [evil, evil]
    assert [found["details"][0]["remittance"] for found in objects] == [evil, evil]
    assert {found["statement_id"] for found in objects} == {evil}


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (chosen("amount"), "there is no column amount"),
        (chosen("entry", headings=("a", "b")), "2 headings are given for 1 columns"),
        (FormTerms("csv", encoding="utf-16"), "there is no encoding utf-16"),
        (FormTerms("csv", separator="a"), "'a' cannot separate cells"),
        (FormTerms("csv", decimal_mark="x"), "'x' is no decimal mark"),
        (FormTerms("ofx"), "there is no form ofx"),
    ],
)
def test_a_form_that_cannot_be_is_refused_and_leaves_no_file(
    tmp_path: Path, terms: FormTerms, words: str
) -> None:
    with pytest.raises(Refused, match=words):
        ErpExporter().write(terms, [STATEMENT], tmp_path / "made.csv")
    assert [*tmp_path.iterdir()] == []


# Entries are made while they are walked. Python has 40 MB for them; 30,000 at once take 60 MB.
CHILD = """
import resource, sys
from dataclasses import replace
from pathlib import Path
from h2h.export import ErpExporter
from h2h.ports import FormTerms
sys.path.insert(0, sys.argv[1])
from test_export_files import OPENING, STATEMENT, detail, entry

class Many:
    def __iter__(self):
        for number in range(1, count + 1):
            yield entry(number, "1.00", detail("1.00", f"E{number}", f"Invoice {number} of many"))

size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 40_000_000,) * 2)
balances = (OPENING, OPENING._replace(type="CLBD"))
statement = replace(STATEMENT, balances=balances, entries=Many())
for form, count in (("csv", 100_000), ("jsonl", 100_000), ("mt940", 30_000), ("bai2", 30_000)):
    target = Path(sys.argv[2]) / form
    ErpExporter().write(FormTerms(form), [statement], target)
    with target.open("rb") as made:
        print(form, sum(1 for line in made))
"""


def test_a_hundred_thousand_entries_need_no_more_memory_than_a_few(tmp_path: Path) -> None:
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", CHILD, here, str(tmp_path)]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    told = "csv 100001\njsonl 100000\nmt940 60006\nbai2 30006\n"
    assert (child.stdout, child.stderr) == (told, "")


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


def test_the_rows_of_a_report_have_the_marks_and_the_encoding_of_the_receiver() -> None:
    marks = {"separator": ";", "decimal_mark": ",", "encoding": "gb18030", "header": False}
    report = replace(REPORT, message_id="报告;1")
    forms = (FormTerms("original"), FormTerms("csv", ending=".txt", **marks))  # type: ignore[arg-type]  # as named
    (table,) = ErpExporter().report(report, forms)
    assert table.suffix == ".txt"
    first, *_ = table.content.decode("gb18030").split("\r\n")
    assert (
        first
        == '"报告;1";M1;pain.001.001.09;PART;B1;ACCP;I1;E1;RJCT;RJCT;AC04 closed;10,00;EUR;SVC'
    )


def test_what_the_encoding_of_a_report_lacks_is_told() -> None:
    forms = (FormTerms("csv", encoding="latin-1"), FormTerms("csv", encoding="utf-8-sig"))
    plain, marked = ErpExporter().report(replace(REPORT, message_id="报"), forms)
    assert plain.left_out == ("3 characters that latin-1 lacks are written as ?",)
    assert (marked.content[:3], marked.left_out) == (b"\xef\xbb\xbf", ())
