"""The books: what a statement adds up to, and by what it is known again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from h2h.core import books
from h2h.core.statement import Balance, Entry, EntryDetail, Statement, StatementKind

OURS = "DE89 3704 0044 0532 0130 00"
DAY = date(2026, 3, 2)


def balance(type_: str, amount: str, day: date | None = DAY, currency: str = "EUR") -> Balance:
    return Balance(type_, Decimal(amount), currency, day)


def detail(end_to_end_id: str = "INV-1", remittance: str = "") -> EntryDetail:
    blank = dict.fromkeys(EntryDetail.__dataclass_fields__, "")
    fields = {**blank, "end_to_end_id": end_to_end_id, "remittance": remittance}
    return EntryDetail(**{**fields, "amount": None, "charges": ()})  # type: ignore[arg-type]


def entry(amount: str, index: int = 1, status: str = "BOOK", currency: str = "EUR") -> Entry:
    return Entry(
        index=index,
        amount=Decimal(amount),
        currency=currency,
        status=status,
        reversal=False,
        booking_date=DAY,
        value_date=DAY,
        entry_reference="",
        servicer_reference="",
        bank_transaction_code="PMNT/RCDT/ESCT",
        additional_information="",
        batch_transactions=None,
        batch_message_id="",
        batch_id="",
        charges=(),
        details=(detail(),),
    )


def statement(balances: tuple[Balance, ...], entries: tuple[Entry, ...] = ()) -> Statement:
    return Statement(
        index=1,
        kind=StatementKind.STATEMENT,
        id="STMT-1",
        account="DE89370400440532013000",
        currency="EUR",
        electronic_sequence="7",
        legal_sequence="",
        period_from=DAY,
        period_to=DAY,
        created="2026-03-03T06:00:00Z",
        copy="",
        balances=balances,
        entries=entries,
    )


GOOD = statement(
    (balance("OPBD", "1000.10"), balance("CLBD", "874.60")),
    (entry("-125.75", 1), entry("0.25", 2), entry("99.00", 3, "PDNG"), entry("5", 4, "INFO")),
)


def test_opening_and_booked_entries_make_the_closing() -> None:
    assert books.balanced(GOOD) is True
    assert books.judge(GOOD, [OURS]) == ""


def test_a_hundredth_too_much_holds_the_statement_and_is_named() -> None:
    wrong = replace(GOOD, balances=(GOOD.balances[0], balance("CLBD", "874.61")))
    assert books.balanced(wrong) is False
    assert books.judge(wrong, [OURS]) == (
        "does not balance by 0.01 EUR: opening 1000.10 and booked entries -125.50 make less than "
        "closing 874.61"
    )


def test_a_sum_beyond_the_usual_precision_is_not_rounded() -> None:
    great = "123456789012345678901234"
    opened, closed = balance("OPBD", great), balance("CLBD", f"{great}.00001")
    assert books.balanced(statement((opened, closed))) is False
    assert books.balanced(statement((opened, closed), (entry("0.00001"),))) is True


def test_only_an_end_of_day_statement_is_asked_to_balance() -> None:
    for kind in (StatementKind.INTRADAY, StatementKind.NOTIFICATION):
        other = replace(GOOD, kind=kind, balances=(balance("OPBD", "1"), balance("CLBD", "2")))
        assert books.balanced(other) is None
        assert books.judge(other, [OURS]) == ""
        assert books.continuity(Decimal(99), other) == ()


def test_a_missing_balance_leaves_nothing_to_ask() -> None:
    assert books.balanced(replace(GOOD, balances=GOOD.balances[:1])) is None
    assert books.balanced(replace(GOOD, balances=GOOD.balances[1:])) is None


def test_available_and_forward_balances_take_no_part() -> None:
    others = (
        balance("CLAV", "5"),
        balance("FWAV", "6"),
        balance("OPAV", "7"),
        balance("XPCD", "8"),
    )
    assert books.balanced(replace(GOOD, balances=(*others, *GOOD.balances))) is True


def test_the_previous_closing_stands_in_for_a_missing_opening() -> None:
    previous = balance("PRCD", "1000.10", date(2026, 3, 1))
    assert books.opening(replace(GOOD, balances=(previous, GOOD.balances[1]))) == previous
    assert books.opening(replace(GOOD, balances=(previous, *GOOD.balances))) == GOOD.balances[0]


def test_of_several_days_in_one_statement_the_outer_balances_count() -> None:
    first, second = DAY, date(2026, 3, 3)
    days = (
        balance("OPBD", "20", second),
        balance("CLBD", "20", first),
        balance("CLBD", "30", second),
        balance("OPBD", "10", first),
    )
    both = statement(days, (entry("10"), entry("10")))
    assert books.opening(both) == days[3]
    assert books.closing(both) == days[2]
    assert books.balanced(both) is True


@pytest.mark.parametrize(
    ("types", "opens", "closes"),
    [
        (("OPBD", "ITBD"), "10", "20"),
        (("ITBD", "ITBD"), "10", "20"),
        (("ITBD", "CLBD"), "10", "20"),
        (("ITBD",), None, None),
    ],
)
def test_the_pages_of_a_statement_hang_together_by_interim_balances(
    types: tuple[str, ...], opens: str | None, closes: str | None
) -> None:
    amounts = zip(types, ("10", "20"), strict=False)
    page = statement(tuple(balance(type_, amount) for type_, amount in amounts), (entry("10"),))
    first, last = books.opening(page), books.closing(page)
    assert (first and first.amount) == (opens and Decimal(opens))
    assert (last and last.amount) == (closes and Decimal(closes))


def test_figures_in_another_currency_are_not_added_up() -> None:
    foreign = replace(GOOD, entries=(*GOOD.entries, entry("0", 5, "BOOK", "USD")))
    assert books.judge(foreign, [OURS]) == "does not balance: entry 5 is in USD, not in EUR"
    assert books.balanced(foreign) is False
    closing = balance("CLBD", "874.60", DAY, "SEK")
    other = replace(GOOD, balances=(GOOD.balances[0], closing))
    assert books.judge(other, [OURS]) == "does not balance: balance CLBD is in SEK, not in EUR"
    assert books.balanced(other) is False


def test_an_account_is_ours_however_it_is_written() -> None:
    for number in ("DE89370400440532013000", "de89 3704 0044 0532 0130 00"):
        assert books.judge(replace(GOOD, account=number), [OURS]) == ""
    other = replace(GOOD, account="DE02120300000000202051")
    assert "DE02120300000000202051 is not one of ours" in books.judge(other, [OURS])
    assert "is not one of ours" in books.judge(GOOD, [])


def test_doubts_hold_a_statement_that_balances() -> None:
    doubtful = replace(GOOD, doubts=("entry 3 is left out: its sign is missing",))
    assert books.judge(doubtful, [OURS]) == "entry 3 is left out: its sign is missing"


def test_continuity_names_a_first_statement_and_a_gap() -> None:
    assert books.continuity(None, GOOD) == ("first",)
    assert books.continuity(Decimal("1000.1"), GOOD) == ()
    assert books.continuity(Decimal("1000.11"), GOOD) == ("gap",)
    assert books.continuity(Decimal(1), replace(GOOD, balances=GOOD.balances[1:])) == ()


# ------------------------------------------------------------------------------------- fingerprints


def test_a_statement_sent_again_under_new_names_is_known_again() -> None:
    again = replace(
        GOOD,
        index=9,
        id="STMT-2",
        created="2026-03-04T06:00:00Z",
        copy="DUPL",
        account="DE89 3704 0044 0532 0130 00",
        balances=(balance("OPBD", "1000.100"), GOOD.balances[1]),
    )
    assert books.statement_fingerprint(again) == books.statement_fingerprint(GOOD)


@pytest.mark.parametrize(
    "other",
    [
        replace(GOOD, account="DE02120300000000202051"),
        replace(GOOD, currency="USD"),
        replace(GOOD, kind=StatementKind.INTRADAY),
        replace(GOOD, electronic_sequence="8"),
        replace(GOOD, electronic_sequence="", period_to=date(2026, 3, 3)),
        replace(GOOD, balances=(balance("OPBD", "1000.11"), GOOD.balances[1])),
        replace(GOOD, balances=(*GOOD.balances, balance("CLAV", "1"))),
        replace(GOOD, entries=GOOD.entries[1:]),
        replace(GOOD, entries=(replace(GOOD.entries[0], details=(detail("INV-2"),)),)),
    ],
)
def test_a_statement_that_says_something_else_is_another_one(other: Statement) -> None:
    assert books.statement_fingerprint(other) != books.statement_fingerprint(GOOD)


def test_honest_twins_are_two_entries_and_told_apart_by_their_occurrence() -> None:
    twins = replace(GOOD, entries=(entry("-5", 1), entry("7", 2), entry("-5.00", 3)))
    (first, one), (other, two), (second, three) = books.entry_fingerprints(twins)
    assert first == second != other
    assert (one, two, three) == (1, 1, 2)


def test_no_text_can_pass_for_the_end_of_another() -> None:
    left = replace(entry("1"), entry_reference="a", servicer_reference='","b')
    right = replace(entry("1"), entry_reference='a","', servicer_reference="b")
    of = [books.entry_fingerprints(replace(GOOD, entries=(e,)))[0][0] for e in (left, right)]
    assert of[0] != of[1]


def test_every_field_of_an_entry_is_in_its_fingerprint() -> None:
    base = replace(entry("1"), details=(detail(),))
    seen = {books.entry_fingerprints(replace(GOOD, entries=(base,)))[0][0]}
    changed = [replace(base, **{name: "other"}) for name in _texts(base)]  # type: ignore[arg-type]
    changed += [
        replace(base, details=(replace(detail(), **{name: "other"}),))  # type: ignore[arg-type]
        for name in _texts(detail())
    ]
    for other in changed:
        seen.add(books.entry_fingerprints(replace(GOOD, entries=(other,)))[0][0])
    assert len(seen) == len(changed) + 1
    assert len(changed) == 24


def _texts(value: Entry | EntryDetail) -> list[str]:
    return [n for n in value.__dataclass_fields__ if isinstance(getattr(value, n), str)]
