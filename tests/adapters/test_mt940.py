"""MT940 and MT942, as banks write them and as ERPs take them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import mt940 as library
import pytest
from click.testing import CliRunner

from h2h.adapters.messages import Iso20022Messages
from h2h.adapters.messages.mt940_writer import write_mt940, write_mt942
from h2h.cli.read import read as read_command
from h2h.core import books
from h2h.core.problem import Severity
from h2h.core.statement import Balance, Charge, Entry, EntryDetail, Statement, StatementKind
from h2h.errors import Corrupt, Refused

if TYPE_CHECKING:
    from tests.adapters.conftest import ReadWhole, WholeMessage

LARGE = 1_000_000
IBAN = "DE89370400440532013000"
TOP = f""":20:STARTUMSE
:25:{IBAN}
:28C:00123/001
"""
CREDIT = """:61:2611231123CR20,00NTRFNONREF//BANKREF1
:86:166?00GUTSCHR. UEBERWEISUNG?109251?20EREF+INV-4711?21KREF+K-1
?22SVWZ+Rechnung 4711 vom 1?23. November?30COBADEFFXXX?31DE0212030
0000000202051?32Mustermann GmbH?33 und Co
"""
DEBIT = """:61:2611231123D1000,5NTRFCUST-REF//BANKREF2
BOOKED AS AGREED
:86:Miete November
"""
STATEMENT = (
    f"{TOP}:60F:C261122EUR1500,00\n{CREDIT}{DEBIT}:62F:C261123EUR519,50\n:64:C261123EUR519,50\n-\n"
)

Read = Callable[[str | bytes], "WholeMessage"]


@pytest.fixture
def read(tmp_path: Path, read_whole: ReadWhole) -> Read:
    def reads(text: str | bytes) -> WholeMessage:
        path = tmp_path / "statement.sta"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return read_whole(path, LARGE)

    return reads


def one(message: WholeMessage) -> Statement:
    (statement,) = message.statements
    return statement


def first_of(message: WholeMessage) -> Entry:
    return next(iter(one(message).entries))


def balanced(statement: Statement) -> bool | None:
    return books.balanced(statement, books.tally_of(statement))


def equation(statement: Statement) -> books.Equation | None:
    return books.equation(statement, books.tally_of(statement))


def with_line(line: str, *, opening: str = "C261122EUR1500,00", closing: str) -> str:
    return f"{TOP}:60F:{opening}\n:61:{line}\n:62F:{closing}\n"


def test_a_statement_is_read_with_its_balances_and_entries(read: Read) -> None:
    message = read(STATEMENT)
    statement = one(message)
    assert (message.message, message.problems) == ("MT940", ())
    assert statement.kind is StatementKind.STATEMENT
    assert (statement.id, statement.account, statement.currency) == ("STARTUMSE", IBAN, "EUR")
    assert statement.electronic_sequence == "123"
    assert (statement.period_from, statement.period_to) == (date(2026, 11, 22), date(2026, 11, 23))
    assert [(b.type, b.amount, b.date) for b in statement.balances] == [
        ("OPBD", Decimal("1500.00"), date(2026, 11, 22)),
        ("CLBD", Decimal("519.50"), date(2026, 11, 23)),
        ("CLAV", Decimal("519.50"), date(2026, 11, 23)),
    ]
    assert [e.amount for e in statement.entries] == [Decimal("20.00"), Decimal("-1000.5")]
    assert balanced(statement) is True


def test_the_german_subfields_become_the_transaction_behind_the_entry(read: Read) -> None:
    entry, _ = one(read(STATEMENT)).entries
    (detail,) = entry.details
    assert entry.bank_transaction_code == "NTRF+166+9251"
    assert entry.additional_information == "GUTSCHR. UEBERWEISUNG"
    assert entry.servicer_reference == "BANKREF1"
    assert detail.end_to_end_id == "INV-4711"
    assert detail.instruction_id == "K-1"
    assert detail.remittance == "Rechnung 4711 vom 1. November"
    assert (detail.debtor_name, detail.debtor_account) == (
        "Mustermann GmbH und Co",
        "DE02120300000000202051",
    )
    assert (detail.creditor_name, detail.creditor_account) == ("", "")
    assert detail.additional_information == "?30COBADEFFXXX"


def test_supplementary_details_and_free_information_are_told_together(read: Read) -> None:
    _, entry = one(read(STATEMENT)).entries
    assert entry.additional_information == "BOOKED AS AGREED Miete November"
    assert entry.details[0].instruction_id == "CUST-REF"
    assert entry.value_date == entry.booking_date == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("mark", "amount", "reversal", "status"),
    [
        ("C", "20.00", False, "BOOK"),
        ("D", "-20.00", False, "BOOK"),
        ("RC", "-20.00", True, "BOOK"),  # a reversal of a credit takes the money away
        ("RD", "20.00", True, "BOOK"),
        ("EC", "20.00", False, "PDNG"),
        ("ED", "-20.00", False, "PDNG"),
        ("CR", "20.00", False, "BOOK"),  # the R of EUR: a funds code
        ("DR", "-20.00", False, "BOOK"),
        ("RDR", "20.00", True, "BOOK"),
        ("RCR", "-20.00", True, "BOOK"),
    ],
)
def test_the_mark_decides_sign_reversal_and_status(
    read: Read, mark: str, amount: str, reversal: bool, status: str
) -> None:
    message = read(with_line(f"2611231123{mark}20,00NTRFNONREF", closing="C261123EUR1520,00"))
    (entry,) = one(message).entries
    assert (entry.amount, entry.reversal, entry.status) == (Decimal(amount), reversal, status)
    assert message.problems == ()


def test_a_foreign_funds_code_is_a_slip(read: Read) -> None:
    message = read(with_line("2611231123CD20,00NTRFNONREF", closing="C261123EUR1520,00"))
    assert [(p.severity, p.message) for p in message.problems] == [
        (Severity.WARN, "the funds code D does not fit EUR")
    ]


@pytest.mark.parametrize(
    ("value", "booked", "closing", "expected"),
    [
        ("270104", "1231", "270104", date(2026, 12, 31)),
        ("261231", "0104", "270104", date(2027, 1, 4)),
        ("261231", "1231", "270104", date(2026, 12, 31)),
        ("270210", "1230", "270210", date(2026, 12, 30)),  # 42 days before, not 323 behind
        ("280301", "0229", "280301", date(2028, 2, 29)),
        ("261123", "    ", "261123", None),
        ("261123", "", "261123", None),
    ],
)
def test_the_entry_date_finds_its_year(
    read: Read, value: str, booked: str, closing: str, expected: date | None
) -> None:
    text = with_line(f"{value}{booked}C20,00NTRFNONREF", closing=f"C{closing}EUR1520,00")
    (entry,) = one(read(text)).entries
    assert entry.booking_date == expected


def test_a_back_valued_entry_is_booked_in_the_statements_period(read: Read) -> None:
    text = with_line(
        "2603010104C20,00NTRFNONREF", opening="C261231EUR0,00", closing="C270105EUR20,00"
    )
    assert first_of(read(text)).booking_date == date(2027, 1, 4)


def test_a_thirtieth_of_february_stays_no_day(read: Read) -> None:
    message = read(with_line("2602300301C20,00NTRFNONREF", closing="C260301EUR1520,00"))
    assert first_of(message).value_date is None
    assert message.problems[0].message == "the value date 260230 is no day"
    assert message.problems[0].path == "statement 1, entry 1"
    assert message.problems[0].line == 5


def test_pages_are_joined_by_their_interim_balances(read: Read) -> None:
    first = f"{TOP}:60F:C261122EUR1500,00\n{CREDIT}:62M:C261123EUR1520,00\n-\n"
    second = (
        TOP.replace("/001", "/002") + f":60M:C261123EUR1520,00\n{DEBIT}:62F:C261123EUR519,50\n-\n"
    )
    pages = read(first + second).statements
    assert [page.electronic_sequence for page in pages] == ["123/1", "123/2"]
    assert [[b.type for b in page.balances] for page in pages] == [
        ["OPBD", "ITBD"],
        ["ITBD", "CLBD"],
    ]
    assert [balanced(page) for page in pages] == [True, True]
    closing, opening = books.closing(pages[0]), books.opening(pages[1])
    assert closing is not None
    assert opening is not None
    assert closing.amount == opening.amount == Decimal("1520.00")


def test_several_statements_keep_their_own_balances(read: Read) -> None:
    second = STATEMENT.replace(IBAN, "FR1420041010050500013M02606").replace("EUR", "CHF")
    statements = read(STATEMENT + second).statements
    assert [(s.account, s.currency) for s in statements] == [
        (IBAN, "EUR"),
        ("FR1420041010050500013M02606", "CHF"),
    ]
    assert [len(s.balances) for s in statements] == [3, 3]


def test_what_follows_the_closing_balance_is_not_the_last_entrys(read: Read) -> None:
    text = STATEMENT.replace("-\n", ":86:YOUR ADVISER HAS CHANGED\n-\n")
    _, entry = one(read(text)).entries
    assert entry.additional_information == "BOOKED AS AGREED Miete November"


ENVELOPE = "{1:F01COBADEFFXXXX0000000000}{2:I940COBADEFFXXXXN}{4:\n"


@pytest.mark.parametrize(
    "text",
    [
        STATEMENT,
        STATEMENT.replace("\n", "\r\n"),
        STATEMENT.removesuffix("-\n"),
        STATEMENT.removesuffix("\n-\n"),
        "\ufeff" + STATEMENT,
        "\r\n" + STATEMENT,
        "ABNANL2A\n940\nABNANL2A\n" + STATEMENT,
        ENVELOPE + STATEMENT.removesuffix("-\n") + "-}",
        "\x01" + ENVELOPE + STATEMENT.removesuffix("-\n") + "-}{5:{CHK:123456789ABC}}\x03",
    ],
    ids=["bare", "crlf", "no dash", "no end", "mark", "blank", "preamble", "blocks", "frame"],
)
def test_a_statement_is_the_same_in_any_envelope(read: Read, text: str) -> None:
    message = read(text)
    assert one(message).entries == one(read(STATEMENT)).entries
    assert one(message).balances == one(read(STATEMENT)).balances
    assert message.problems == ()


def test_messages_in_blocks_may_follow_without_a_line_feed(read: Read) -> None:
    message = ENVELOPE + STATEMENT.removesuffix("-\n") + "-}"
    assert len(read(message + message).statements) == 2


def test_an_envelope_that_is_not_closed_was_cut_off(read: Read) -> None:
    with pytest.raises(Corrupt, match=r"statement.sta: it ends before its last message was closed"):
        read(ENVELOPE + STATEMENT.removesuffix("-\n"))


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_umlauts_are_read_in_either_encoding(read: Read, encoding: str) -> None:
    text = STATEMENT.replace("Mustermann", "Müller")
    detail = first_of(read(text.encode(encoding))).details[0]
    assert detail.debtor_name == "Müller GmbH und Co"


@pytest.mark.parametrize(
    ("written", "account"),
    [
        (IBAN, IBAN),
        (f"{IBAN}EUR", IBAN),
        (f"{IBAN} EUR", IBAN),
        (f"COBADEFFXXX/{IBAN}", IBAN),
        ("37040044/0532013000", "0532013000"),
        ("//37040044/0532013000", "0532013000"),
        ("37040044/0532013000EUR", "0532013000"),
        ("0532013000EUR", "0532013000"),
        ("12345-A EUR", "12345-A"),
        ("12345-AEUR", "12345-AEUR"),  # nobody knows whether the currency is meant
        ("0067-00763/93984487", "0067-00763/93984487"),
    ],
)
def test_the_account_is_found_in_every_form(read: Read, written: str, account: str) -> None:
    assert one(read(STATEMENT.replace(IBAN, written))).account == account


def test_an_account_with_its_bank_on_a_second_line(read: Read) -> None:
    text = STATEMENT.replace(f":25:{IBAN}", f":25P:{IBAN}\nCOBADEFFXXX")
    assert one(read(text)).account == IBAN


def test_forward_balances_are_all_kept(read: Read) -> None:
    forward = ":65:C261124EUR600,00\n:65:C261125EUR700,00\n-\n"
    statement = one(read(STATEMENT.replace("-\n", forward)))
    assert [(b.type, b.amount) for b in statement.balances[3:]] == [
        ("FWAV", Decimal("600.00")),
        ("FWAV", Decimal("700.00")),
    ]


def test_an_overdrawn_account_has_negative_balances(read: Read) -> None:
    text = with_line("261123D20,00NTRFNONREF", opening="C261122EUR5,", closing="D261123EUR15,")
    statement = one(read(text))
    assert [b.amount for b in statement.balances] == [Decimal(5), Decimal(-15)]
    assert balanced(statement) is True


# -------------------------------------------------------------------------- codewords and free text


def entry_of(read: Read, information: str) -> Entry:
    text = with_line(f"261123D20,00NTRFNONREF\n:86:{information}", closing="C261123EUR1480,00")
    (entry,) = one(read(text)).entries
    return entry


def test_codewords_between_slashes_are_told_apart(read: Read) -> None:
    (detail,) = entry_of(
        read,
        "/EREF/INV-4711//MARF/M-1//CSID/NL01ZZZ//CNTP/NL32INGB0000012345/INGBN\nL2A/ING "
        "Testrekening INZ///REMI/USTD//Factuur 4711/dec/",
    ).details
    assert detail.end_to_end_id == "INV-4711"
    assert (detail.creditor_account, detail.creditor_name) == (
        "NL32INGB0000012345",
        "ING Testrekening INZ",
    )
    assert detail.remittance == "Factuur 4711/dec"
    assert detail.additional_information == "/BIC/INGBNL2A /MARF/M-1 /CSID/NL01ZZZ"


def test_a_structured_reference_and_a_return_are_told(read: Read) -> None:
    (detail,) = entry_of(
        read, "/RTRN/AC04/PREF/BATCH-1/ORDP//NAME/J. Jansen/REMI/STRD/CUR/9000000000000001/"
    ).details
    assert detail.reference == "9000000000000001"
    assert detail.return_reason == "AC04"
    assert detail.batch_id == "BATCH-1"
    assert detail.creditor_name == "J. Jansen"


def test_a_returned_payment_has_its_reason(read: Read) -> None:
    (detail,) = entry_of(read, "159?00RETOURE?20EREF+E-1?21SVWZ+RETURN?34901?32Muster").details
    assert (detail.end_to_end_id, detail.return_reason) == ("E-1", "901")


def test_another_separator_and_keywords_in_one_piece_are_understood(read: Read) -> None:
    (detail,) = entry_of(read, "116>00LAST>20EREF+A-1 KREF+B-2>21SVWZ+Ware A+B>22 bezahlt?").details
    assert (detail.end_to_end_id, detail.instruction_id) == ("A-1", "B-2")
    assert detail.remittance == "Ware A+B bezahlt?"


def test_free_text_goes_on_over_full_lines_only(read: Read) -> None:
    full = "x" * 65
    entry = entry_of(read, f"{full}y\nshort\nlines")
    assert entry.additional_information == f"{full}y short lines"
    assert entry_of(read, f"{full}\ny").additional_information == f"{full}y"


def test_information_that_looks_like_a_field_is_text(read: Read) -> None:
    assert entry_of(read, "arrived at\n:12:30 o'clock").additional_information.endswith(
        ":12:30 o'clock"
    )


# --------------------------------------------------------------------------------- money in doubt


def doubts(message: WholeMessage) -> list[str]:
    assert {p.severity for p in message.problems} == {Severity.HOLD}
    found = list(one(message).doubts)
    assert found == [p.message for p in message.problems]
    return found


@pytest.mark.parametrize(
    "line",
    [
        "261123C1.234.56NTRFNONREF",  # mt-940 reads 1
        "261123C1234.567NTRFNONREF",  # thousands or a fraction?
        "261123C12345678901234567890,00NTRFNONREF",  # and drops digits here
        "261123C1,234,56NTRFNONREF",
        "261123C20,00",
        "261123X20,00NTRFNONREF",
        "261123C\u0663,00NTRFNONREF",
        "C20,00NTRFNONREF",
    ],
)
def test_an_entry_that_cannot_be_read_exactly_is_in_doubt(read: Read, line: str) -> None:
    text = with_line(f"{line}\n:86:for nobody", closing="C261123EUR1500,00")
    message = read(text.replace(":61:", f"{CREDIT}:61:"))
    (doubt,) = doubts(message)
    assert doubt.startswith("entry 2 is left out: ")
    assert message.problems[0].path == "statement 1, entry 2"
    assert message.problems[0].line == 9
    (entry,) = one(message).entries
    assert "nobody" not in repr(entry)


@pytest.mark.parametrize(
    "balance", ["C261123EUR519.505", "C261123EUR51950", "X261123EUR519,50", "C261123EUR519,50X"]
)
def test_a_balance_that_cannot_be_read_exactly_is_in_doubt(read: Read, balance: str) -> None:
    found = doubts(read(STATEMENT.replace(":62F:C261123EUR519,50", f":62F:{balance}")))
    assert found[0] == f"field 62F is left out: {balance!r} is no balance"
    assert found[1] == "the closing balance is missing"


@pytest.mark.parametrize(
    ("field", "why"),
    [
        (":60F:C261122EUR1500,00\n", "the opening balance is missing"),
        (":62F:C261123EUR519,50\n", "the closing balance is missing"),
        (f":25:{IBAN}\n", "the account is missing"),
    ],
)
def test_what_a_statement_must_have_is_missed(read: Read, field: str, why: str) -> None:
    assert doubts(read(STATEMENT.replace(field, ""))) == [why]


def test_a_second_opening_balance_is_in_doubt(read: Read) -> None:
    text = STATEMENT.replace(":60F:C261122EUR1500,00\n", ":60F:C261122EUR1500,00\n" * 2)
    assert doubts(read(text)) == ["field 60F is left out: there is more than one of it"]


def test_a_second_account_in_one_statement_is_in_doubt(read: Read) -> None:
    text = STATEMENT.replace(":28C:", ":25:DE02120300000000202051\n:28C:")
    assert "field 25 is left out: it stands there a second time" in doubts(read(text))[0]
    assert read(STATEMENT.replace(":28C:", ":21:A\n:21:B\n:28C:")).problems == ()


@pytest.mark.parametrize("figure", ["EUR1500,00", "CR20,00", "D1000,5", "EUR519,50"])
def test_every_single_wrong_digit_of_an_amount_is_caught(read: Read, figure: str) -> None:
    for place, character in enumerate(figure):
        if character.isdigit():
            wrong = f"{figure[:place]}{(int(character) + 1) % 10}{figure[place + 1 :]}"
            statement = one(read(STATEMENT.replace(figure, wrong, 1)))
            assert balanced(statement) is False, wrong


def test_slips_are_warnings_with_their_place(read: Read) -> None:
    text = STATEMENT.replace(":60F:", ":60:").replace(":86:Miete", ":NS:19something\n:86:Miete")
    message = read(text)
    assert [(p.severity, p.path, p.message) for p in message.problems] == [
        (Severity.WARN, "statement 1, field 60", "says neither F (final) nor M (page)"),
        (Severity.WARN, "statement 1, field NS", "field NS is not read"),
    ]
    assert balanced(one(message)) is True


def test_a_file_full_of_slips_shows_the_first_twenty(read: Read) -> None:
    assert len(read(STATEMENT.replace("-\n", ":NS:19\n" * 30 + "-\n")).problems) == 20


def test_an_amount_without_its_comma_is_read_where_the_balances_prove_it(read: Read) -> None:
    message = read(with_line("261123C500NTRFNONREF", closing="C261123EUR2000,00"))
    assert first_of(message).amount == Decimal(500)
    assert balanced(one(message)) is True
    assert message.problems[0].message == "the amount 500 has no decimal comma"


@pytest.mark.parametrize(
    ("line", "figure", "words"),
    [
        ("261123C12.5NTRFREF", "12.5", "the amount 12.5 has a full stop for its decimal comma"),
        ("261123C12.50NTRFREF", "12.50", "the amount 12.50 has a full stop for its decimal comma"),
        ("261123C,5NTRFREF", "0.5", "the amount ,5 begins with its comma"),
        ("2611231123C7,00 NTRFREF//B1", "7", "a blank stands behind the amount"),
        ("2611231123CR7,00//B1", "7", "the transaction type is missing"),
    ],
)
def test_a_line_with_one_meaning_is_read_with_a_warning(
    read: Read, line: str, figure: str, words: str
) -> None:
    closing = f"C261123EUR{Decimal(1500) + Decimal(figure)}"
    message = read(with_line(line, closing=closing.replace(".", ",") + "," * ("." not in closing)))
    assert first_of(message).amount == Decimal(figure)
    assert balanced(one(message)) is True
    assert (message.problems[0].severity, message.problems[0].message) == (Severity.WARN, words)


def test_a_balance_with_a_full_stop_is_read_with_a_warning(read: Read) -> None:
    message = read(STATEMENT.replace(":62F:C261123EUR519,50", ":62F:C261123EUR519.50"))
    assert balanced(one(message)) is True
    (problem,) = message.problems
    assert problem.path == "statement 1, field 62F"
    assert problem.message == "the amount 519.50 has a full stop for its decimal comma"


def test_words_behind_a_balance_are_not_part_of_it(read: Read) -> None:
    message = read(STATEMENT.replace("EUR519,50\n", "EUR519,50\nEnd of day\n", 1))
    assert balanced(one(message)) is True
    assert [p.message for p in message.problems] == ["'End of day' behind it is not read"]


def test_a_dash_on_a_line_of_its_own_may_be_broken_text(read: Read) -> None:
    text = STATEMENT.replace(":62F:", ":86:SEPA-\n-\nEnd to end\n:62F:")
    message = read(text + text)
    assert [balanced(statement) for statement in message.statements] == [True, True]
    assert tuple(message.statements[0].entries)[-1].additional_information.endswith(
        "- - End to end"
    )


def test_the_end_of_nothing_before_the_first_message_is_passed_over(read: Read) -> None:
    assert one(read(f"\r\n-\r\n{STATEMENT}")) == one(read(STATEMENT))


def test_several_statements_may_share_one_block(read: Read) -> None:
    body = STATEMENT.removesuffix("-\n")
    head = "{1:F01BANKDEFFAXXX0000000000}{2:I940CORPDEFFXXXXN}{4:\n"
    message = read(f"{head}{body}{body}-}}")
    assert [balanced(statement) for statement in message.statements] == [True, True]
    for cut in (f"{head}{body}{body}", f"{head}{body}{head}{body}-}}"):
        with pytest.raises(Corrupt, match="before its last message was closed"):
            read(cut)


def test_statements_joined_with_the_mark_that_ends_a_file_stay_apart(read: Read) -> None:
    body = STATEMENT.removesuffix("-\n")
    message = read(f"{body}\x1a{body}\x1a")
    assert [balanced(statement) for statement in message.statements] == [True, True]
    assert message.problems == ()


# ------------------------------------------------------------------------------------------- MT942

INTERIM = f""":20:INTRADAY
:25:{IBAN}
:28C:7/1
:34F:EURD0,
:34F:EURC0,
:13D:2611231015+0100
{CREDIT}{DEBIT}:90D:1EUR1000,5
:90C:1EUR20,00
-
"""


def test_an_interim_report_is_intraday_and_has_no_equation(read: Read) -> None:
    message = read(INTERIM)
    statement = one(message)
    assert (message.message, statement.kind) == ("MT942", StatementKind.INTRADAY)
    assert (statement.currency, statement.created) == ("EUR", "2026-11-23T10:15:00+01:00")
    assert [e.amount for e in statement.entries] == [Decimal("20.00"), Decimal("-1000.5")]
    assert [e.currency for e in statement.entries] == ["EUR", "EUR"]
    assert (balanced(statement), message.problems) == (None, ())


def test_a_wrong_sum_of_an_interim_report_is_in_doubt(read: Read) -> None:
    assert doubts(read(INTERIM.replace("1EUR20,00", "2EUR21,00"))) == [
        "field 90C says 2 entries of 21.00 in all; there are 1 of 20.00"
    ]


@pytest.mark.parametrize(
    ("old", "new"), [(":34F:EURC0,", ":34F:EURC50,"), ("7/1", "7/2"), ("CR20", "ECR20")]
)
def test_a_sum_that_may_count_more_than_is_listed_is_a_warning(
    read: Read, old: str, new: str
) -> None:
    message = read(INTERIM.replace("1EUR20,00", "2EUR21,00").replace(old, new))
    assert {p.severity for p in message.problems} == {Severity.WARN}
    assert one(message).doubts == ()


def test_an_interim_report_without_sums_and_end_may_be_cut_off(read: Read) -> None:
    (problem,) = read(INTERIM.partition(":90D:")[0]).problems
    assert (problem.severity, problem.path, problem.line) == (Severity.WARN, "statement 1", 1)
    assert problem.message == "has neither sums nor an end: it may be cut off"


def test_the_envelope_tells_an_interim_report(read: Read) -> None:
    text = "{1:F01X}{2:O9421015261123X}{4:\n" + TOP + "-}"
    message = read(text)
    assert (message.message, one(message).doubts) == ("MT942", ())


# -------------------------------------------------------------------------- files and their borders


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.sta"
    path.write_text(STATEMENT)
    with pytest.raises(Corrupt, match=r"large.sta: has \d+ bytes; at most 100 are allowed"):
        Iso20022Messages().read(path, 100)


def test_an_endless_line_is_no_statement(read: Read) -> None:
    with pytest.raises(Corrupt, match="line 12: a line has more than 65536 bytes"):
        read(STATEMENT.replace("Miete", "\n" + "x" * 400_000))


def test_bytes_without_meaning_are_no_statement(read: Read) -> None:
    with pytest.raises(Corrupt, match="a byte 0 is in it"):
        read(STATEMENT.replace("Miete", "\0"))


def test_statements_are_left_out_without_touching_the_others(tmp_path: Path) -> None:
    second = STATEMENT.replace("STARTUMSE", "SECOND")
    source, target = tmp_path / "all.sta", tmp_path / "some.sta"
    source.write_bytes((STATEMENT + second + STATEMENT).encode())
    messages = Iso20022Messages()
    messages.extract(source, (2,), target)
    assert target.read_bytes() == second.encode()
    messages.extract(source, (1, 2, 3), target)
    assert target.read_bytes() == source.read_bytes()
    with pytest.raises(ValueError, match="which has 3"):
        messages.extract(source, (4,), target)


def test_h2h_read_tells_a_statement_in_the_documented_shape(tmp_path: Path) -> None:
    path = tmp_path / "x.sta"
    path.write_text(STATEMENT)
    result = CliRunner().invoke(read_command, [str(path), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.output) == {
        "file": str(path),
        "message": "MT940",
        "statements": [
            {
                "account": IBAN,
                "currency": "EUR",
                "id": "STARTUMSE",
                "sequence": "123",
                "from": "2026-11-22",
                "to": "2026-11-23",
                "opening": "1500.00",
                "closing": "519.50",
                "entries": 2,
                "credit_sum": "20.00",
                "debit_sum": "1000.5",
                "balanced": True,
            }
        ],
        "problems": [],
    }


# ------------------------------------------------------------------------------- the second opinion


def by_library(text: str) -> list[list[Decimal]]:
    """The amounts of each statement as mt-940 reads them."""
    statements = library.parse_statements(text, options=library.Options.all())
    return [[entry.data["amount"].amount for entry in statement] for statement in statements]


def test_mt_940_reads_the_same_amounts(read: Read) -> None:
    marks = {"C": "1,5", "D": "2,", "RC": "3,25", "RD": "4,00"}
    lines = "".join(f":61:2611231123{mark}{figure}NTRFNONREF\n" for mark, figure in marks.items())
    text = STATEMENT + f"{TOP}:60F:C261122EUR0,00\n{lines}:62F:C261123EUR0,25\n-\n"
    ours = read(text).statements
    assert [[entry.amount for entry in statement.entries] for statement in ours] == by_library(text)
    assert [balanced(statement) for statement in ours] == [True, True]


# ---------------------------------------------------------------------------------------- writing

EUR = "EUR"
DETAIL = EntryDetail(
    end_to_end_id="INV-4711",
    instruction_id="I-1",
    debtor_name="Müller & Söhne GmbH",
    debtor_account="DE02120300000000202051",
    remittance="Rechnung 4711?",
)
ENTRY = Entry(
    index=1,
    amount=Decimal("20.00"),
    currency=EUR,
    status="BOOK",
    reversal=False,
    booking_date=date(2026, 12, 31),
    value_date=date(2027, 1, 4),
    entry_reference="",
    servicer_reference="BANKREF1",
    bank_transaction_code="PMNT/RCDT/ESCT",
    additional_information="GUTSCHRIFT",
    batch_transactions=None,
    batch_message_id="",
    batch_id="",
    charges=(),
    details=(DETAIL,),
)
BALANCES = (
    Balance("OPBD", Decimal("-5.00"), EUR, date(2026, 12, 30)),
    Balance("CLBD", Decimal("15.00"), EUR, date(2026, 12, 31)),
)
BOOKED = Statement(
    index=1,
    kind=StatementKind.STATEMENT,
    id="S-1",
    account=IBAN,
    currency=EUR,
    electronic_sequence="365",
    legal_sequence="",
    period_from=date(2026, 12, 31),
    period_to=date(2026, 12, 31),
    created="2026-12-31T20:00:00+01:00",
    copy="",
    balances=BALANCES,
    entries=(ENTRY,),
)


def written(statement: Statement) -> tuple[str, tuple[str, ...]]:
    target = io.BytesIO()
    write = write_mt940 if statement.kind is StatementKind.STATEMENT else write_mt942
    left = write(statement, target)
    return target.getvalue().decode("ascii"), left


def with_entry(**changes: object) -> Statement:
    return replace(BOOKED, entries=(ENTRY._replace(**changes),))  # type: ignore[arg-type]  # fields


def test_a_statement_is_written_as_banks_write_it() -> None:
    text, left = written(BOOKED)
    assert left == ()
    assert text.split("\r\n") == [
        ":20:S-1",
        f":25:{IBAN}",
        ":28C:365",
        ":60F:D261230EUR5,00",
        ":61:2701041231C20,00NTRFI-1//BANKREF1",
        ":86:166?00GUTSCHRIFT?20EREF+INV-4711?21KREF+I-1?31DE02120300000000202",
        "051?32Mueller + Soehne GmbH?22SVWZ+Rechnung 4711.",
        ":62F:C261231EUR15,00",
        "-",
        "",
    ]


def test_what_was_written_is_read_again(read: Read) -> None:
    statement = one(read(written(BOOKED)[0]))
    (entry,) = statement.entries
    assert balanced(statement) is True
    assert (entry.amount, entry.booking_date, entry.value_date) == (
        ENTRY.amount,
        ENTRY.booking_date,
        ENTRY.value_date,
    )
    (detail,) = entry.details
    assert detail.end_to_end_id == DETAIL.end_to_end_id
    assert detail.instruction_id == DETAIL.instruction_id
    assert detail.debtor_account == DETAIL.debtor_account
    assert detail.debtor_name == "Mueller + Soehne GmbH"


@pytest.mark.parametrize(
    ("amount", "reversal", "mark"),
    [("1.00", False, "C"), ("-1.00", False, "D"), ("1.00", True, "RD"), ("-1.00", True, "RC")],
)
def test_a_reversal_keeps_the_direction_of_its_money(
    read: Read, amount: str, reversal: bool, mark: str
) -> None:
    text, _ = written(with_entry(amount=Decimal(amount), reversal=reversal))
    assert f":61:2701041231{mark}1,00N" in text
    (entry,) = one(read(text)).entries
    assert (entry.amount, entry.reversal) == (Decimal(amount), reversal)
    assert by_library(text) == [[Decimal(amount)]]


def test_a_page_begins_and_ends_with_interim_balances() -> None:
    first, last = (balance._replace(type="ITBD") for balance in BALANCES)
    text, _ = written(replace(BOOKED, electronic_sequence="365/2", balances=(first, last)))
    assert ":28C:365/2\r\n:60M:D261230EUR5,00\r\n" in text
    assert ":62M:C261231EUR15,00\r\n" in text


def test_available_balances_are_written_and_others_are_told() -> None:
    more = tuple(Balance(kind, Decimal(7), EUR, date(2027, 1, 4)) for kind in ("CLAV", "FWAV"))
    odd = Balance("INFO", Decimal(8), EUR, None)
    text, left = written(replace(BOOKED, balances=(*BALANCES, *more, odd)))
    assert text.endswith(":64:C270104EUR7,\r\n:65:C270104EUR7,\r\n-\r\n")
    assert left == ("balance INFO of 8 EUR",)


def test_no_line_is_too_long_or_looks_like_a_field(read: Read) -> None:
    long = DETAIL._replace(remittance=":20:-" * 60, debtor_name="N" * 70, end_to_end_id="E" * 35)
    text, left = written(with_entry(details=(long,)))
    lines = text.split("\r\n")
    information = lines[lines.index(next(line for line in lines if line.startswith(":86:"))) :]
    assert len(information) - 3 <= 6  # behind it stand the balance, the end and nothing
    assert all(len(line.removeprefix(":86:")) <= 65 for line in lines)
    assert [line for line in information[1:] if line.startswith((":", "-"))] == [
        ":62F:C261231EUR15,00",
        "-",
    ]
    assert [words.split(" no room")[0] for words in left] == [
        "entry 1: name:",
        "entry 1: remittance:",
    ]
    assert first_of(read(text)).details[0].end_to_end_id == "E" * 35


@pytest.mark.parametrize("offset", range(0, 27, 2))
def test_information_has_six_lines_at_most_wherever_it_breaks(offset: int) -> None:
    detail = DETAIL._replace(remittance="x" * offset + "- " * 200, debtor_name="N" * 54)
    text, _ = written(with_entry(details=(detail,)))
    assert text[text.index(":86:") : text.index(":62F:")].count("\r\n") == 6


def test_an_id_without_room_is_left_out_whole() -> None:
    text, left = written(with_entry(details=(DETAIL._replace(end_to_end_id="E" * 500),)))
    assert "EREF" not in text
    assert "EEE" not in text
    assert left[0].startswith("entry 1: end to end id: no room for 'EREF+EEE")


def test_a_text_never_changes_an_id(read: Read) -> None:
    detail = DETAIL._replace(
        remittance="see EREF+FORGED", additional_information="text", debtor_name="?20EREF+X"
    )
    (entry,) = one(read(written(with_entry(details=(detail,)))[0])).entries
    assert entry.details[0].end_to_end_id == "INV-4711"
    assert entry.details[0].remittance == "see EREF +FORGED text"


def test_an_id_that_changes_or_is_too_long_is_told() -> None:
    detail = DETAIL._replace(end_to_end_id="RE_4711", instruction_id="")
    text, left = written(with_entry(details=(detail,), servicer_reference="B" * 17))
    assert "NTRFNONREF\r\n" in text
    assert left == (
        f"entry 1: the bank's reference {'B' * 17!r} has no place in 16 characters",
        "entry 1: end to end id: 'RE_4711' is written 'RE-4711'",
    )


def test_characters_that_become_points_are_told_once_an_entry() -> None:
    detail = DETAIL._replace(remittance="电子 5% a=b 电", debtor_name="电力 GmbH")
    text, left = written(with_entry(details=(detail,)))
    assert "SVWZ+.. 5. a-b ." in text
    assert left == ("entry 1: what SWIFT's character set lacks is changed: 电力子%=",)


def test_of_many_lost_characters_the_first_twenty_are_shown() -> None:
    texts = "".join(map(chr, range(0x4E00, 0x4E00 + 25)))
    _, (words,) = written(with_entry(details=(DETAIL._replace(remittance=texts),)))
    assert words.endswith(f"is changed: {texts[:20]} and 5 more")


def test_two_statements_with_long_ids_have_two_references() -> None:
    ids = ("2026-11-23-ACCOUNT-0001-A", "2026-11-24-ACCOUNT-0001-A", "A_1", "A-1")
    made = [written(replace(BOOKED, id=each)) for each in ids]
    references = [text.split("\r\n")[0].removeprefix(":20:") for text, _ in made]
    assert len(set(references)) == 4
    assert (references[0][:10], references[2][:4], references[3]) == ("2026-11-2-", "A-1-", "A-1")
    assert all(len(reference) <= 16 for reference in references)
    for wanted, reference, (_, left) in zip(ids, references, made, strict=True):
        assert left == (
            () if wanted == reference else (f"statement id {wanted!r} is written {reference!r}",)
        )


def test_a_batch_is_one_line_and_says_so() -> None:
    charge = Charge(Decimal("0.25"), EUR, "")
    text, left = written(with_entry(details=(DETAIL, DETAIL), batch_id="B-1", charges=(charge,)))
    assert "INV-4711" not in text
    assert "NTRFB-1//" in text
    assert left == (
        "entry 1: the 2 transactions behind it",
        "entry 1: the charge 0.25 EUR",
    )


def test_pending_entries_are_no_part_of_a_booked_statement() -> None:
    pending = ENTRY._replace(index=2, status="PDNG")
    text, left = written(replace(BOOKED, entries=(ENTRY, pending)))
    assert text.count(":61:") == 1
    assert left == ("entry 2 of status PDNG, 20.00",)


def test_a_booking_date_that_would_be_read_in_another_year_is_left_out() -> None:
    text, left = written(with_entry(booking_date=date(2025, 12, 31)))
    assert ":61:270104C20,00" in text
    assert left == ("entry 1: the booking date 2025-12-31, whose year would be lost",)


def test_an_interim_report_is_written_with_its_sums(read: Read) -> None:
    pending = ENTRY._replace(index=2, status="PDNG", amount=Decimal(-3))
    report = replace(BOOKED, kind=StatementKind.INTRADAY, balances=(), entries=(ENTRY, pending))
    text, left = written(report)
    assert ":34F:EUR0,\r\n:13D:2612312000+0100\r\n" in text
    assert text.endswith(":90D:1EUR3,\r\n:90C:1EUR20,00\r\n-\r\n")
    assert left == ()
    message = read(text)
    assert message.problems == ()
    assert [(e.amount, e.status) for e in one(message).entries] == [
        (Decimal("20.00"), "BOOK"),
        (Decimal(-3), "PDNG"),
    ]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (replace(BOOKED, balances=BALANCES[:1]), "has no opening or no closing balance"),
        (with_entry(amount=Decimal("1.001")), "more decimals than the currency"),
        (with_entry(amount=Decimal("1234567890123.00")), "longer than 15 characters"),
        (with_entry(currency="USD"), "has an entry in USD, not in EUR"),
        (replace(BOOKED, account="X" * 36), "has an account that is not"),
        (replace(BOOKED, kind=StatementKind.INTRADAY, created=""), "does not say when it was made"),
    ],
)
def test_what_cannot_be_written_exactly_is_refused(statement: Statement, why: str) -> None:
    with pytest.raises(Refused, match=why):
        written(statement)


def test_every_statement_of_the_corpus_has_the_same_sums_for_mt_940(
    corpus: Path, read: Read, read_whole: ReadWhole
) -> None:
    compared = 0
    for path in sorted(corpus.rglob("*.xml")):
        for statement in camt_statements(path, read_whole):
            try:
                text, _ = written(statement)
            except Refused:
                continue
            shown = {"BOOK"} if statement.kind is StatementKind.STATEMENT else {"BOOK", "PDNG"}
            amounts = [e.amount for e in statement.entries if e.status in shown]
            ours = one(read(text))
            assert [entry.amount for entry in ours.entries] == amounts, path
            assert equation(ours) == equation(statement), path
            if not any(entry.status == "PDNG" for entry in statement.entries):
                assert by_library(text) == [amounts], path
                compared += 1
    assert compared > 150


def camt_statements(path: Path, read_whole: ReadWhole) -> tuple[Statement, ...]:
    try:
        return read_whole(path, 10 * LARGE).statements
    except Corrupt:
        return ()
