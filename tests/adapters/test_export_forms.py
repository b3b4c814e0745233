"""Each form is read back by somebody else's parser, or judged by the message's own schema.

Money must be the same, to the last digit, over every statement of the corpus that balances.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import mt940 as library
import openpyxl
import pytest
from lxml import etree
from mockbank import bai2 as mock_bank

from h2h import resources
from h2h.adapters.messages import Iso20022Messages
from h2h.core import books
from h2h.core.money import decimals_of
from h2h.core.statement import (
    Balance,
    Entry,
    EntryDetail,
    Exchange,
    Statement,
    StatementKind,
    whole,
)
from h2h.errors import Corrupt, Refused
from h2h.export import ErpExporter
from h2h.export.columns import STANDARD
from h2h.export.offline import BankFile
from h2h.ports import FormTerms, Source

LARGEST = 1_000_000
NEWEST = "viafintech+camt_parser/spec/fixtures/053/valid_example_with_datetime.xml"


@pytest.fixture(scope="module")
def balanced(corpus: Path) -> list[Statement]:
    """Every statement of the corpus that balances."""
    found = []
    for path in sorted(path for path in corpus.rglob("*") if path.is_file()):
        try:
            statements = [*whole(Iso20022Messages().read(path, LARGEST).parts)]
        except Corrupt:
            continue
        found += [each for each in statements if books.balanced(each, books.tally_of(each))]
    assert len(found) > 40
    return found


Made = Callable[[str, Statement], Path]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """made(form, statement): the file."""

    def makes(form: str, statement: Statement) -> Path:
        target = tmp_path / f"made.{form}"
        ErpExporter().write(FormTerms(form), [statement], target)
        return target

    return makes


@contextmanager
def refusals(found: list[str]) -> Iterator[None]:
    """What does not fit into a form is refused with its reason, and no money is bent."""
    try:
        yield
    except Refused as error:
        found.append(error.cause)


def booked(statement: Statement) -> list[Decimal]:
    return [entry.amount for entry in statement.entries if entry.status == "BOOK"]


def ends(statement: Statement) -> tuple[Balance, Balance]:
    first, last = books.opening(statement), books.closing(statement)
    assert first is not None
    assert last is not None
    return first, last


def by_library(read: Any, which: str) -> Decimal:  # noqa: ANN401 - mt-940 says no types of its own
    """The opening or closing balance as mt-940 reads it, of a page the interim one."""
    names = (f"{kind}_{which}_balance" for kind in ("final", "intermediate"))
    amount: Decimal = next(read.data[name] for name in names if name in read.data).amount.amount
    return amount


def test_mt940_is_read_by_mt_940_with_the_same_money(balanced: list[Statement], made: Made) -> None:
    refused: list[str] = []
    compared = 0
    for statement in balanced:
        with refusals(refused):
            text = made("mt940", statement).read_text("ascii")
            (read,) = library.parse_statements(text, options=library.Options.all())
            first, last = ends(statement)
            assert [entry.data["amount"].amount for entry in read] == booked(statement)
            assert by_library(read, "opening") == first.amount
            assert by_library(read, "closing") == last.amount
            compared += 1
    assert compared > 35
    assert [words for words in refused if "account that is not 1 to 35" not in words] == []


def test_bai2_is_read_by_mock_bank_with_the_same_money(
    balanced: list[Statement], made: Made
) -> None:
    refused: list[str] = []
    compared = 0
    for statement in balanced:
        with refusals(refused):
            text = made("bai2", statement).read_text("ascii")
            assert mock_bank.trailers_agree(text) == []
            places = decimals_of(statement.currency)
            first, last = ends(statement)
            minor = [int(amount.copy_abs().scaleb(places)) for amount in booked(statement)]
            (record,) = [each for each in mock_bank.read(text) if each.code == "03"]
            groups = mock_bank.summary_groups(record.values)
            told = {group.type_code: group.amount for group in groups}
            assert told["015" if last.type == "CLBD" else "030"] == int(last.amount.scaleb(places))
            if first.type != "ITBD":
                (parsed,) = mock_bank.statements(text)
                assert parsed.opening == int(first.amount.scaleb(places))
                assert [entry.amount for entry in parsed.entries] == minor
                moved = sum(e.amount if e.type_code < "400" else -e.amount for e in parsed.entries)
                assert parsed.opening + moved == parsed.closing
            compared += 1
    assert compared > 35
    assert refused == []


# ------------------------------------------------------------------------------- camt, the original


@pytest.mark.parametrize("version", ["02", "04", "06", "08"])
def test_a_rewritten_camt_passes_the_schema_of_its_version(
    corpus: Path, tmp_path: Path, version: str
) -> None:
    source, target = corpus / NEWEST, tmp_path / "made.xml"
    ErpExporter().write(FormTerms(f"camt.{version}"), [], target, source=Source(source, (1,)))
    schema = resources.schema(f"camt.053.001.{version}")
    assert schema is not None
    etree.XMLSchema(etree.parse(schema)).assertValid(etree.parse(target))
    before, after = (BankFile(path, LARGEST).statements[0] for path in (source, target))
    assert [entry.amount for entry in after.entries] == [entry.amount for entry in before.entries]
    assert after.balances == before.balances


def test_only_the_statements_that_are_handed_over_are_in_the_file(
    corpus: Path, tmp_path: Path
) -> None:
    path = corpus / "genkgo+camt/test/data/camt053.v2.multi.statement.xml"
    wanted = [each.id for each in BankFile(path, LARGEST).statements][1]
    for form in ("original", "camt.02"):
        target = tmp_path / form
        ErpExporter().write(FormTerms(form), [], target, source=Source(path, (2,)))
        assert [each.id for each in BankFile(target, LARGEST).statements] == [wanted]


def test_the_whole_original_has_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    path, target = corpus / NEWEST, tmp_path / "made.xml"
    ErpExporter().write(FormTerms("original"), [], target, source=Source(path, (1,)))
    assert target.read_bytes() == path.read_bytes()


def test_no_camt_is_made_of_what_is_none(tmp_path: Path) -> None:
    path = tmp_path / "in.sta"
    path.write_text(":20:X\n:25:1\n:28C:1\n:60F:C260101EUR0,\n:62F:C260101EUR0,\n-\n", "ascii")
    with pytest.raises(Refused, match="the bank sends MT940"):
        ErpExporter().write(FormTerms("camt.02"), [], tmp_path / "o", source=Source(path, (1,)))
    with pytest.raises(Refused, match="bank's own file, which is not at hand"):
        ErpExporter().write(FormTerms("camt.02"), [], tmp_path / "o")
    assert [*tmp_path.iterdir()] == [path]


# ------------------------------------------------------------------------------------------ several

ENTRY = Entry(
    index=1, amount=Decimal("-123456789012.34"), currency="EUR", status="BOOK", reversal=False,
    booking_date=date(2026, 3, 2), value_date=None, entry_reference="", servicer_reference="SVC",
    bank_transaction_code="PMNT/ICDT/ESCT", additional_information="=SUM(A1)",
    batch_transactions=2, batch_message_id="", batch_id="", charges=(),
    details=(EntryDetail(amount=Decimal("1.000"), remittance="货款"),),
    exchange=Exchange(Decimal(1), "USD"),
)  # fmt: skip
STATEMENT = Statement(
    index=1, kind=StatementKind.STATEMENT, id="S1", account="DE89370400440532013000",
    currency="EUR", electronic_sequence="7", legal_sequence="", period_from=None, period_to=None,
    created="2026-03-03T06:00:00+01:00", copy="",
    balances=(
        Balance("OPBD", Decimal("123456789012.34"), "EUR", date(2026, 3, 2)),
        Balance("CLBD", Decimal("0.00"), "EUR", date(2026, 3, 2)),
    ),
    entries=(ENTRY,),
)  # fmt: skip
SECOND = replace(STATEMENT, id="S2", account="DE02120300000000202051", index=2)


def test_several_statements_of_a_file_go_into_one(tmp_path: Path) -> None:
    exporter, target = ErpExporter(), tmp_path / "made"
    told = exporter.write(FormTerms("mt940"), [STATEMENT, SECOND], target)
    assert {words.split(":")[0] for words in told} == {"statement S1", "statement S2"}
    read = library.parse_statements(target.read_text("ascii"), options=library.Options.all())
    assert [each.data["account_identification"] for each in read] == [
        STATEMENT.account,
        SECOND.account,
    ]
    exporter.write(FormTerms("bai2", bank="COBADEFF", customer="ACME"), [STATEMENT, SECOND], target)
    text = target.read_text("ascii")
    assert mock_bank.trailers_agree(text) == []
    assert [each.account for each in mock_bank.statements(text)] == [
        STATEMENT.account,
        SECOND.account,
    ]
    assert text.startswith("01,COBADEFF,ACME,260303,0600,")


def test_of_what_has_no_room_the_first_hundred_things_are_told(tmp_path: Path) -> None:
    pending = replace(STATEMENT, entries=[ENTRY._replace(status="PDNG")] * 250)
    told = ErpExporter().write(FormTerms("mt940"), [pending], tmp_path / "made")
    assert [told[0], told[99]] == ["statement S1: entry 1 of status PDNG, -123456789012.34"] * 2
    assert told[100:] == ["statement S1: and 150 more"]


def test_the_same_statements_always_make_the_same_file(tmp_path: Path) -> None:
    for form in ("bai2", "xlsx", "mt940"):
        contents = []
        for name in ("one", "two"):
            ErpExporter().write(FormTerms(form), [STATEMENT, SECOND], tmp_path / name)
            contents.append((tmp_path / name).read_bytes())
        assert contents[0] == contents[1], form


@pytest.mark.parametrize("form", ["mt940", "bai2"])
def test_a_statement_that_a_form_cannot_hold_leaves_no_file(tmp_path: Path, form: str) -> None:
    fine = ENTRY._replace(amount=Decimal("0.001"))
    statements = [STATEMENT, replace(SECOND, entries=(fine,))]
    with pytest.raises(Refused, match="more decimals than the currency"):
        ErpExporter().write(FormTerms(form), statements, tmp_path / "made")
    assert [*tmp_path.iterdir()] == []


def test_intraday_reports_are_for_mt942_and_statements_for_mt940() -> None:
    end_of_day = StatementKind.STATEMENT
    others = {StatementKind.INTRADAY, StatementKind.NOTIFICATION}
    assert {kind for kind in StatementKind if FormTerms("mt940").takes(kind)} == {end_of_day}
    assert {kind for kind in StatementKind if FormTerms("mt942").takes(kind)} == others
    notified = FormTerms("csv", kinds=frozenset({StatementKind.NOTIFICATION}))
    assert [kind for kind in StatementKind if notified.takes(kind)] == [StatementKind.NOTIFICATION]


# --------------------------------------------------------------------------------------------- xlsx


def cells(path: Path) -> list[tuple[object, ...]]:
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    return [*sheet.iter_rows(values_only=True)]


def test_a_workbook_has_the_columns_of_the_csv(made: Made, tmp_path: Path) -> None:
    head, row = cells(made("xlsx", STATEMENT))
    assert head == tuple(STANDARD)
    made_at = openpyxl.load_workbook(tmp_path / "made.xlsx").properties.created
    assert made_at == datetime(2000, 1, 1)  # noqa: DTZ001 - the clock is not in it
    told = dict(zip(head, row, strict=True))
    assert told["kind"] == "statement"
    assert told["entry"] == 1
    assert told["reversal"] is False
    assert told["booking_date"] == datetime(2026, 3, 2)  # noqa: DTZ001 - Excel knows no zones
    assert told["value_date"] is None
    assert told["entry_information"] == "'=SUM(A1)"
    assert told["remittance"] == "货款"
    assert told["entry_exchange"] == "1 USD"


@pytest.mark.parametrize(
    ("written", "cell", "form"),
    [
        ("-1234567890123.45", -1234567890123.45, "0.00"),  # 15 digits
        ("12345678901234.56", "12345678901234.56", "General"),  # 16
        ("999999999999999", 999999999999999, "0"),
        ("0.00001", 0.00001, "0.00000"),
        ("-0.10", -0.1, "0.00"),
    ],
)
def test_an_amount_is_a_number_where_excel_keeps_all_its_digits(
    made: Made, written: str, cell: float | str, form: str
) -> None:
    statement = replace(STATEMENT, entries=(ENTRY._replace(amount=Decimal(written)),))
    sheet = openpyxl.load_workbook(made("xlsx", statement)).active
    assert sheet is not None
    found = sheet.cell(2, [*STANDARD].index("entry_amount") + 1)
    assert (found.value, type(found.value), found.number_format) == (cell, type(cell), form)


def test_a_text_too_long_for_a_cell_is_cut_and_told(tmp_path: Path) -> None:
    entry = ENTRY._replace(additional_information="x" * 40_000)
    terms = FormTerms("xlsx", columns=("entry_information",), header=False)
    told = ErpExporter().write(
        terms, [replace(STATEMENT, entries=(entry,))], tmp_path / "made.xlsx"
    )
    assert [*told] == ["1 texts are cut to 32767 characters, the most of a cell"]
    assert cells(tmp_path / "made.xlsx") == [("x" * 32_767,)]


def test_dates_of_a_workbook_are_shown_as_asked(tmp_path: Path) -> None:
    terms = FormTerms("xlsx", columns=("booking_date",), date_format="%d.%m.%Y", header=False)
    ErpExporter().write(terms, [STATEMENT], tmp_path / "made.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "made.xlsx").active
    assert sheet is not None
    assert sheet.cell(1, 1).number_format == "dd.mm.yyyy"
    with pytest.raises(Refused, match="no date format for XLSX"):
        ErpExporter().write(replace(terms, date_format="%j"), [STATEMENT], tmp_path / "made.xlsx")
