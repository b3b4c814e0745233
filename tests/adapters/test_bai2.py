"""BAI2, as US banks write it and as ERPs take it; mock-bank's reader is the second opinion."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from mockbank import bai2 as mock

from h2h.adapters.messages import Iso20022Messages
from h2h.adapters.messages.bai2_writer import write_bai2
from h2h.cli.read import read as read_command
from h2h.core import books
from h2h.core.problem import Severity
from h2h.core.statement import Balance, Charge, Entry, EntryDetail, Statement, StatementKind
from h2h.errors import Corrupt, Refused

if TYPE_CHECKING:
    from tests.adapters.conftest import ReadWhole, WholeMessage

LARGE = 10_000_000
GROUP = "02,CORP,BANK,1,261123,2400,USD,2/\n"
ACCOUNT = """03,0123456789,,010,+100000,,,015,85050,,Z,045,80000,,0/
16,195,5050,V,261124,1200,BANKREF1,INV-4711,Wire in, from A/B Inc/
16,475,20000,Z,,1042/
49,290100,4/
"""
OTHER = """03,9876543210,JPY,010,500,,,015,500,,/
49,1000,2/
"""
FILE = (
    f"01,BANK,CORP,261124,0630,7,80,,2/\n{GROUP}{ACCOUNT}{OTHER}98,291100,2,8/\n99,291100,1,10/\n"
)

Read = Callable[[str], "WholeMessage"]


@pytest.fixture
def read(tmp_path: Path, read_whole: ReadWhole) -> Read:
    def reads(text: str) -> WholeMessage:
        path = tmp_path / "statement.bai"
        path.write_bytes(text.encode())
        return read_whole(path, LARGE)

    return reads


def only(text: str = ACCOUNT, group: str = GROUP, *, total: int = 290100, lines: int = 4) -> str:
    """A file with one account."""
    head = "01,BANK,CORP,261124,0630,7,,,2/\n"
    return f"{head}{group}{text}98,{total},1,{lines + 2}/\n99,{total},1,{lines + 4}/\n"


def one(message: WholeMessage) -> Statement:
    (statement,) = message.statements
    return statement


def balanced(statement: Statement) -> bool | None:
    return books.balanced(statement, books.tally_of(statement))


def equation(statement: Statement) -> books.Equation | None:
    return books.equation(statement, books.tally_of(statement))


def test_a_file_is_read_with_its_accounts(read: Read) -> None:
    message = read(FILE)
    assert (message.message, message.message_id, message.problems) == ("BAI2", "BANK-261124-7", ())
    dollars, yen = message.statements
    assert (dollars.account, dollars.currency) == ("0123456789", "USD")
    assert dollars.kind is StatementKind.STATEMENT
    assert dollars.period_from == dollars.period_to == date(2026, 11, 23)
    assert dollars.created == "2026-11-24T06:30:00"
    assert [(b.type, b.amount) for b in dollars.balances] == [
        ("OPBD", Decimal("1000.00")),
        ("CLBD", Decimal("850.50")),
        ("CLAV", Decimal("800.00")),
    ]
    assert (yen.index, yen.account, yen.currency) == (2, "9876543210", "JPY")
    assert [b.amount for b in yen.balances] == [Decimal(500), Decimal(500)]
    assert [balanced(statement) for statement in message.statements] == [True, True]


def test_the_type_code_tells_credit_from_debit(read: Read) -> None:
    credit, debit = read(FILE).statements[0].entries
    assert (credit.amount, credit.bank_transaction_code) == (Decimal("50.50"), "195")
    assert (debit.amount, debit.bank_transaction_code) == (Decimal("-200.00"), "475")
    assert (credit.booking_date, credit.value_date) == (date(2026, 11, 23), date(2026, 11, 24))
    assert (debit.booking_date, debit.value_date) == (date(2026, 11, 23), date(2026, 11, 23))
    assert (credit.servicer_reference, credit.details[0].instruction_id) == ("BANKREF1", "INV-4711")
    assert credit.additional_information == "Wire in, from A/B Inc"
    assert (debit.servicer_reference, debit.details[0].instruction_id) == ("", "1042")


@pytest.mark.parametrize(
    ("code", "amount"),
    [("100", "1"), ("399", "1"), ("400", "-1"), ("699", "-1"), ("920", "1"), ("960", "-1")],
)
def test_the_ranges_of_type_codes(read: Read, code: str, amount: str) -> None:
    text = only(f"03,1,USD/\n16,{code},100,Z/\n49,100,3/\n", total=100, lines=3)
    (entry,) = one(read(text)).entries
    assert entry.amount == Decimal(amount)


@pytest.mark.parametrize(
    ("funds", "value_date"),
    [
        ("", date(2026, 11, 23)),
        ("0", date(2026, 11, 23)),
        ("Z", date(2026, 11, 23)),
        ("1", None),
        ("V,261130,", date(2026, 11, 30)),
        ("S,100,200,300", None),
        ("D,3,0,100,1,200,3,300", None),
    ],
)
def test_a_funds_type_takes_as_many_fields_as_it_has(
    read: Read, funds: str, value_date: date | None
) -> None:
    text = only(f"03,1,USD/\n16,195,600,{funds},REF,CUST,text/\n49,600,3/\n", total=600, lines=3)
    (entry,) = one(read(text)).entries
    assert entry.value_date == value_date
    assert entry.servicer_reference == "REF"
    assert entry.details[0].instruction_id == "CUST"
    assert entry.additional_information == "text"


def test_a_summary_may_be_split_in_the_middle_by_a_continuation(read: Read) -> None:
    text = only(
        "03,1,USD,010,500000,,,190,70000000,4,0,110/\n"
        "88,70000000,15,D,3,0,20000000,1,30000000,3,20000000,015/\n88,500000,,/\n49,141000000,4/\n",
        total=141000000,
    )
    statement = one(read(text))
    assert [(b.type, b.amount) for b in statement.balances] == [
        ("OPBD", Decimal("5000.00")),
        ("CLBD", Decimal("5000.00")),
    ]
    assert statement.doubts == ()


def test_a_text_goes_on_in_continuations(read: Read) -> None:
    text = only(
        "03,1,USD/\n16,195,100,Z,REF,,INVOICE 1, 2/\n88,AND 3/4, PAID/\n49,100,4/\n", total=100
    )
    (entry,) = one(read(text)).entries
    assert entry.additional_information == "INVOICE 1, 2 AND 3/4, PAID"


def test_records_may_share_a_line_and_lines_may_be_padded(read: Read) -> None:
    expected = [replace(statement, doubts=()) for statement in read(FILE).statements]
    assert list(read(FILE.replace("/\n16,", "/    16,").replace("\n", "   \r\n")).statements) == (
        expected
    )


def test_a_text_that_was_broken_without_a_new_record(read: Read) -> None:
    text = FILE.replace("Wire in, from", "Wire in,\nfrom")
    entry, _ = read(text).statements[0].entries
    assert entry.additional_information == "Wire in, from A/B Inc"
    assert read(text).problems == ()


def test_an_overdrawn_account_has_a_negative_balance(read: Read) -> None:
    text = only(
        "03,1,USD,010,-500,,,015,-700,,/\n16,475,200,Z/\n49,-1000,3/\n", total=-1000, lines=3
    )
    statement = one(read(text))
    assert [b.amount for b in statement.balances] == [Decimal("-5.00"), Decimal("-7.00")]
    assert (balanced(statement), statement.doubts) == (True, ())


@pytest.mark.parametrize(
    ("modifier", "kind"),
    [
        ("", StatementKind.STATEMENT),
        ("1", StatementKind.INTRADAY),
        ("2", StatementKind.STATEMENT),
        ("3", StatementKind.INTRADAY),
        ("4", StatementKind.STATEMENT),
    ],
)
def test_the_as_of_date_modifier_tells_interim_from_final(
    read: Read, modifier: str, kind: StatementKind
) -> None:
    group = GROUP.replace(",2/", f",{modifier}/")
    assert one(read(only(group=group))).kind is kind


def test_type_890_is_words_and_no_entry(read: Read) -> None:
    text = only("03,1,USD/\n16,890,,,,,Rates will change/\n49,0,3/\n", total=0, lines=3)
    message = read(text)
    assert one(message).entries == ()
    assert [(p.severity, p.path, p.line) for p in message.problems] == [
        (Severity.WARN, "statement 1, entry 1", 4)
    ]
    assert message.problems[0].message.endswith("Rates will change")


# --------------------------------------------------------------------------------- money in doubt


@pytest.mark.parametrize(
    ("old", "new", "held"),
    [
        ("16,195,5050", "16,195,5051", [1]),
        ("010,+100000", "010,+100001", [1]),
        ("49,290100,4", "49,290101,4", [1, 2]),  # the group's total does not fit either
        ("49,290100,4", "49,290100,5", [1]),
        ("16,475,20000,Z,,1042/\n", "", [1, 2]),
        ("98,291100,2,8", "98,291101,2,8", [1, 2]),
        ("98,291100,2,8", "98,291100,3,8", [1, 2]),
        ("98,291100,2,8", "98,291100,2,9", [1, 2]),
        ("99,291100,1,10", "99,291101,1,10", [1, 2]),
        ("99,291100,1,10", "99,291100,2,10", [1, 2]),
        ("99,291100,1,10", "99,291100,1,11", [1, 2]),
        ("99,291100,1,10", "99,x,1,10", [1, 2]),
    ],
)
def test_control_totals_and_counts_are_verified(
    read: Read, old: str, new: str, held: list[int]
) -> None:
    message = read(FILE.replace(old, new, 1))
    assert [s.index for s in message.statements if s.doubts] == held
    assert {p.severity for p in message.problems} == {Severity.HOLD}


def test_a_difference_is_told_with_its_place(read: Read) -> None:
    (problem,) = read(FILE.replace("16,195,5050", "16,195,5051")).problems
    assert problem.path == "statement 1, record 49"
    assert problem.line == 6
    assert problem.message == (
        "record 49 does not fit its account: control total says 290100, its records give 290101"
    )


@pytest.mark.parametrize(
    ("record", "why"),
    [
        ("16,195,50.50,Z", "'50.50' is no amount in minor units"),
        ("16,195,-5050,Z", "'-5050' is no amount in minor units"),
        ("16,195,,Z", "'' is no amount in minor units"),
        ("16,720,5050,Z", "type code 720 says neither credit nor debit"),
        ("16,ABC,5050,Z", "'ABC' is no type code"),
        ("16,195,5050,D,x", "a distributed availability (D) has 'x' parts"),
    ],
)
def test_an_entry_that_cannot_be_read_exactly_is_in_doubt(
    read: Read, record: str, why: str
) -> None:
    message = read(only(f"03,1,USD/\n{record}/\n49,5050,3/\n", total=5050, lines=3))
    assert message.problems[0].message == f"entry 1 is left out: {why}"
    assert (message.problems[0].severity, message.problems[0].line) == (Severity.HOLD, 4)
    assert one(message).doubts[0] == message.problems[0].message


@pytest.mark.parametrize("status", ["2", "3", "4"])
def test_a_deletion_a_correction_or_a_test_is_for_a_person(read: Read, status: str) -> None:
    (doubt,) = one(read(only(group=GROUP.replace("BANK,1", f"BANK,{status}")))).doubts
    assert doubt.startswith("the bank declares it ")


def test_an_account_without_number_or_with_an_odd_currency_is_in_doubt(read: Read) -> None:
    assert one(read(only(ACCOUNT.replace("0123456789", "")))).doubts == ("the account is missing",)
    found = one(read(only(ACCOUNT.replace("0123456789,", "0123456789,US")))).doubts
    assert found == ("its currency 'US' is none",)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (FILE.partition("99,")[0], "it ends before its record 99: it was cut off"),
        (FILE.partition("49,")[0], "it ends before its record 99: it was cut off"),
        (FILE.replace("49,290100,4/\n", ""), "line 6: a record 03 cannot stand behind 16"),
        (FILE.replace(GROUP, ""), "line 2: a record 03 cannot stand behind 01"),
        (FILE.replace(GROUP, "77,what/\n"), "line 2: it holds a line that is no record"),
        (
            FILE.replace(",80,,2/", ",80,,1/"),
            "line 1: it is of version 1; versions 2 and 3 are read",
        ),
        (FILE.replace("1,261123", "1,261323"), "line 2: the as-of date '261323' is no day"),
        ("01,A,B,261124,0630,7,,,2/\n99,0,0,2/\n", "no account is in it"),
    ],
)
def test_what_is_no_whole_file_is_refused(read: Read, text: str, why: str) -> None:
    with pytest.raises(Corrupt) as refused:
        read(text)
    assert refused.value.cause == f"statement.bai: {why}"


def test_version_3_is_read_as_version_2_is(read: Read) -> None:
    assert read(FILE.replace(",80,,2/", ",80,,3/")) == read(FILE)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.bai"
    path.write_text(FILE)
    with pytest.raises(Corrupt, match=r"large.bai: has \d+ bytes; at most 100 are allowed"):
        Iso20022Messages().read(path, 100)


def test_h2h_read_tells_an_account_in_the_documented_shape(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text(FILE)
    result = CliRunner().invoke(read_command, [str(path), "--json"])
    assert result.exit_code == 0
    told = json.loads(result.output)
    assert (told["message"], told["problems"]) == ("BAI2", [])
    assert told["statements"][0] == {
        "account": "0123456789",
        "currency": "USD",
        "id": "BANK-261124-7",
        "sequence": None,
        "from": "2026-11-23",
        "to": "2026-11-23",
        "opening": "1000.00",
        "closing": "850.50",
        "entries": 2,
        "credit_sum": "50.50",
        "debit_sum": "200.00",
        "balanced": True,
    }


# ---------------------------------------------------------------------------------------- cutting


def test_accounts_are_left_out_and_the_trailers_fit_again(
    tmp_path: Path, read: Read, read_whole: ReadWhole
) -> None:
    second = GROUP.replace("261123", "261124") + OTHER.replace("987", "111") + "98,1000,1,4/\n"
    text = FILE.replace("99,291100,1,10", second + "99,292100,2,14")
    source, target = tmp_path / "all.bai", tmp_path / "some.bai"
    source.write_text(text)
    whole = read(text)
    assert whole.problems == ()
    messages = Iso20022Messages()
    for keep in ([1], [2], [3], [1, 2], [1, 3], [2, 3], [1, 2, 3]):
        messages.extract(source, keep, target)
        found = read_whole(target, LARGE)
        assert found.problems == ()
        assert [s.account for s in found.statements] == [
            whole.statements[index - 1].account for index in keep
        ]
        assert mock.trailers_agree(target.read_text()) == []
    assert target.read_bytes() == source.read_bytes()
    with pytest.raises(ValueError, match="which has 3"):
        messages.extract(source, [4], target)


# ---------------------------------------------------------------------------------------- writing

ENTRY = Entry(
    index=1,
    amount=Decimal("50.50"),
    currency="USD",
    status="BOOK",
    reversal=False,
    booking_date=date(2026, 11, 23),
    value_date=date(2026, 11, 24),
    entry_reference="",
    servicer_reference="BANKREF1",
    bank_transaction_code="PMNT/RCDT/XBCT",
    additional_information="Wire, incoming",
    batch_transactions=None,
    batch_message_id="",
    batch_id="",
    charges=(),
    details=(
        EntryDetail(
            end_to_end_id="INV-4711",
            debtor_name="A/S Müller, Nord",
            remittance="Invoice/16,4711",
        ),
    ),
)
STATEMENT = Statement(
    index=1,
    kind=StatementKind.STATEMENT,
    id="S-1",
    account="0123456789",
    currency="USD",
    electronic_sequence="1",
    legal_sequence="",
    period_from=None,
    period_to=date(2026, 11, 23),
    created="",
    copy="",
    balances=(
        Balance("OPBD", Decimal("-1000.00"), "USD", None),
        Balance("CLBD", Decimal("-949.50"), "USD", None),
    ),
    entries=(ENTRY,),
)


def written(*statements: Statement) -> tuple[str, Sequence[str]]:
    target = io.BytesIO()
    left = write_bai2(
        statements,
        target,
        sender="BANK",
        receiver="CORP",
        created=datetime(2026, 11, 24, 6, 30),  # noqa: DTZ001 - the bank's own clock
        number=7,
    )
    return target.getvalue().decode("ascii"), left


def with_entry(**changes: object) -> Statement:
    return replace(STATEMENT, entries=(ENTRY._replace(**changes),))  # type: ignore[arg-type]  # fields


def test_a_file_is_written_as_banks_write_it() -> None:
    text, left = written(STATEMENT)
    assert left == ()
    assert text.split("\r\n") == [
        "01,BANK,CORP,261124,0630,7,,,2/",
        "02,CORP,BANK,1,261123,,USD,2/",
        "03,0123456789,USD,010,-100000,,,015,-94950,,,100,5050,1,,400,0,0,/",
        "16,195,5050,V,261124,,BANKREF1,INV-4711,Wire, incoming A/S Mueller, Nord Invoice/16 4711/",
        "49,-184850,3/",
        "98,-184850,1,5/",
        "99,-184850,1,7/",
        "",
    ]


def test_both_readers_agree_on_what_was_written(read: Read) -> None:
    text, _ = written(STATEMENT, replace(STATEMENT, account="42"))
    ours, theirs = read(text), mock.statements(text)
    assert ours.problems == ()
    assert mock.trailers_agree(text) == []
    assert [balanced(statement) for statement in ours.statements] == [True, True]
    assert [(p.account, p.opening, p.closing) for p in theirs] == [
        ("0123456789", -100000, -94950),
        ("42", -100000, -94950),
    ]
    assert [entry.amount for parsed in theirs for entry in parsed.entries] == [5050, 5050]


@pytest.mark.parametrize(
    ("code", "amount", "reversal", "expected"),
    [
        ("PMNT/RCDT/ESCT", "1.00", False, "195"),
        ("PMNT/ICDT/ESCT", "-1.00", False, "495"),
        ("PMNT/ICDT/RRTN", "1.00", False, "399"),
        ("PMNT/ICDT/ESCT", "1.00", True, "399"),
        ("PMNT/RCDT/ESCT", "-1.00", True, "699"),
        ("PMNT/ICHQ/CCHQ", "-1.00", False, "475"),
        ("142", "1.00", False, "142"),
        ("142", "-1.00", False, "699"),
        ("NTRF+166", "1.00", False, "399"),
    ],
)
def test_the_written_type_code_has_the_direction_of_the_money(
    read: Read, code: str, amount: str, reversal: bool, expected: str
) -> None:
    statement = with_entry(bank_transaction_code=code, amount=Decimal(amount), reversal=reversal)
    (entry,) = one(read(written(statement)[0])).entries
    assert (entry.bank_transaction_code, entry.amount) == (expected, Decimal(amount))
    assert entry.additional_information.startswith("REVERSAL") is reversal


def test_what_has_no_place_is_told() -> None:
    charge = Charge(Decimal("0.25"), "USD", "")
    statement = replace(
        with_entry(
            servicer_reference="A,B", details=ENTRY.details * 2, charges=(charge,), batch_id="B/1"
        ),
        balances=(*STATEMENT.balances, Balance("INFO", Decimal(1), "USD", None)),
    )
    pending = ENTRY._replace(index=2, status="PDNG")
    text, left = written(replace(statement, entries=(*statement.entries, pending)))
    assert ",A B,B-1," in text
    assert left == (
        "balance INFO of 1 USD",
        "entry 1: the 2 transactions behind it",
        "entry 1: the charge 0.25 USD",
        "entry 1: the bank's reference 'A,B' is written 'A B'",
        "entry 1: the reference 'B/1' is written 'B-1'",
        "entry 2 of status PDNG, 50.50",
    )


def test_characters_that_become_points_are_told_once_an_entry() -> None:
    detail = ENTRY.details[0]._replace(remittance="电子 5%", debtor_name="电力")
    text, left = written(with_entry(details=(detail,)))
    assert ".. 5." in text
    assert left == ("entry 1: what SWIFT's character set lacks is changed: 电力子%",)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (with_entry(amount=Decimal("1.001")), "more decimals than the currency"),
        (with_entry(currency="EUR"), "has an entry in EUR, not in USD"),
        (
            replace(STATEMENT, balances=(Balance("CLBD", Decimal(1), "EUR", None),)),
            "has a balance in EUR, not in USD",
        ),
        (replace(STATEMENT, account="12,34"), "has an account number that BAI2 cannot hold"),
        (replace(STATEMENT, period_to=None), "does not say of which day it is"),
    ],
)
def test_what_cannot_be_written_exactly_is_refused(statement: Statement, why: str) -> None:
    with pytest.raises(Refused, match=why):
        written(statement)


def test_yen_have_no_minor_unit(read: Read) -> None:
    balances = tuple(b._replace(amount=b.amount * 2, currency="JPY") for b in STATEMENT.balances)
    entry = ENTRY._replace(amount=Decimal(101), currency="JPY")
    statement = replace(STATEMENT, currency="JPY", balances=balances, entries=(entry,))
    text, _ = written(statement)
    assert "010,-2000,,,015,-1899,," in text
    assert balanced(one(read(text))) is True


def test_every_statement_of_the_corpus_comes_back_with_its_sums(
    corpus: Path, read: Read, read_whole: ReadWhole
) -> None:
    compared = 0
    for path in sorted(corpus.rglob("*.xml")):
        statements = camt_statements(path, read_whole)
        try:
            text, _ = written(*statements)
        except Refused:
            continue
        if not statements:
            continue
        assert mock.trailers_agree(text) == [], path
        message = read(text)
        assert message.problems == (), path
        for source, found in zip(statements, message.statements, strict=True):
            amounts = [entry.amount for entry in source.entries if entry.status == "BOOK"]
            assert [entry.amount for entry in found.entries] == amounts, path
            expected = equation(source)
            assert expected in {None, equation(found)}, path
            compared += 1
    assert compared > 150


def camt_statements(path: Path, read_whole: ReadWhole) -> tuple[Statement, ...]:
    try:
        return read_whole(path, LARGE).statements
    except Corrupt:
        return ()
