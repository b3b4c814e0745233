"""The books: what a statement adds up to, and by what it is known again."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TypeVar

import pytest

from h2h.core import books
from h2h.core.books import Place
from h2h.core.statement import (
    Balance,
    Charge,
    Entry,
    EntryDetail,
    Exchange,
    Part,
    Statement,
    StatementKind,
    whole,
)

OURS = "DE89 3704 0044 0532 0130 00"
DAY = date(2026, 3, 2)


def balance(type_: str, amount: str, day: date | None = DAY, currency: str = "EUR") -> Balance:
    return Balance(type_, Decimal(amount), currency, day)


def detail(end_to_end_id: str = "INV-1") -> EntryDetail:
    return EntryDetail(end_to_end_id=end_to_end_id)


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


ENTRIES = (entry("-125.75", 1), entry("0.25", 2), entry("99.00", 3, "PDNG"), entry("5", 4, "INFO"))
GOOD = statement((balance("OPBD", "1000.10"), balance("CLBD", "874.60")), ENTRIES)


def balanced(statement: Statement) -> bool | None:
    return books.balanced(statement, books.tally_of(statement))


def judge(statement: Statement, our_accounts: Collection[str] = (OURS,)) -> str:
    return books.judge(statement, books.tally_of(statement), our_accounts)


def fingerprint(statement: Statement) -> str:
    return books.statement_fingerprint(statement, books.tally_of(statement))


def test_opening_and_booked_entries_make_the_closing() -> None:
    assert balanced(GOOD) is True
    assert judge(GOOD) == ""


def test_a_hundredth_too_much_holds_the_statement_and_is_named() -> None:
    wrong = replace(GOOD, balances=(GOOD.balances[0], balance("CLBD", "874.61")))
    assert balanced(wrong) is False
    assert judge(wrong) == (
        "does not balance by 0.01 EUR: opening 1000.10 and booked entries -125.50 make less than "
        "closing 874.61"
    )


def test_a_sum_beyond_the_usual_precision_is_not_rounded() -> None:
    great = "123456789012345678901234"
    opened, closed = balance("OPBD", great), balance("CLBD", f"{great}.00001")
    assert balanced(statement((opened, closed))) is False
    assert balanced(statement((opened, closed), (entry("0.00001"),))) is True


def test_only_an_end_of_day_statement_is_asked_to_balance() -> None:
    for kind in (StatementKind.INTRADAY, StatementKind.NOTIFICATION):
        other = replace(GOOD, kind=kind, balances=(balance("OPBD", "1"), balance("CLBD", "2")))
        assert balanced(other) is None
        assert judge(other) == ""


def test_a_missing_balance_leaves_nothing_to_ask() -> None:
    assert balanced(replace(GOOD, balances=GOOD.balances[:1])) is None
    assert balanced(replace(GOOD, balances=GOOD.balances[1:])) is None


def test_available_and_forward_balances_take_no_part() -> None:
    others = (
        balance("CLAV", "5"),
        balance("FWAV", "6"),
        balance("OPAV", "7"),
        balance("XPCD", "8"),
    )
    assert balanced(replace(GOOD, balances=(*others, *GOOD.balances))) is True


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
    assert balanced(both) is True


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
    assert judge(foreign) == "does not balance: entry 5 is in USD, not in EUR"
    assert balanced(foreign) is False
    closing = balance("CLBD", "874.60", DAY, "SEK")
    other = replace(GOOD, balances=(GOOD.balances[0], closing))
    assert judge(other) == "does not balance: balance CLBD is in SEK, not in EUR"
    assert balanced(other) is False


def test_an_account_is_ours_however_it_is_written() -> None:
    for number in ("DE89370400440532013000", "de89 3704 0044 0532 0130 00"):
        assert judge(replace(GOOD, account=number)) == ""
    other = replace(GOOD, account="DE02120300000000202051")
    assert "DE02120300000000202051 is not one of ours" in judge(other)
    assert "is not one of ours" in judge(GOOD, [])


def test_doubts_hold_a_statement_that_balances() -> None:
    doubtful = replace(GOOD, doubts=("entry 3 is left out: its sign is missing",))
    assert judge(doubtful) == "entry 3 is left out: its sign is missing"


def test_what_entries_come_to_is_the_same_in_however_many_parts_they_pass() -> None:
    entries = (*ENTRIES, entry("-5", 5), entry("-5.00", 6), entry("1", 7, "BOOK", "USD"))
    at_once = books.Tally()
    marks = at_once.add(entries)
    for size in (1, 2, 3, 6):
        in_parts = books.Tally()
        cut = [entries[at : at + size] for at in range(0, len(entries), size)]
        assert [each for chunk in cut for each in in_parts.add(chunk)] == marks
        assert told(in_parts) == told(at_once)
    assert told(books.tally_of(replace(GOOD, entries=entries))) == told(at_once)
    assert told(at_once)[:-1] == (
        7,
        Decimal("105.25"),
        Decimal("135.75"),
        {"EUR": Decimal("-135.50"), "USD": Decimal(1)},
        {"EUR": 1, "USD": 7},
    )


def told(tally: books.Tally) -> tuple[object, ...]:
    sums = (tally.credits, tally.debits, tally.booked, tally.first_booked)
    return (tally.entries, *sums, tally.fingerprint)


def test_a_statement_without_entries_comes_to_nothing() -> None:
    tally = books.tally_of(replace(GOOD, entries=()))
    assert told(tally)[:-1] == (0, Decimal(0), Decimal(0), {}, {})


def test_parts_make_whole_statements_again() -> None:
    second = replace(GOOD, index=2, entries=())

    def parts() -> Iterator[Part]:
        yield Part(replace(GOOD, balances=(), entries=ENTRIES[:3]), last=False)
        yield Part(replace(GOOD, entries=ENTRIES[3:]), last=True)
        yield Part(second, last=True)

    assert list(whole(parts())) == [GOOD, second]


# ------------------------------------------------------------------------------------- what follows

HUNDRED = Decimal(100)
BEFORE = Place(Decimal(50), HUNDRED, date(2026, 3, 1), date(2026, 3, 2))


def figure(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def after(begins: str | None, period_from: date | None, as_of: date | None = None) -> Place:
    return Place(figure(begins), Decimal(7), period_from, as_of)


@pytest.mark.parametrize(
    ("here", "flags"),
    [
        (after("100.00", date(2026, 3, 3)), ()),
        (after("100", date(2026, 3, 2)), ()),  # a second one of the day goes on
        (after("100.01", date(2026, 3, 3)), ("gap",)),
        (after("50", date(2026, 3, 2)), ("overlap",)),
        (after("50", date(2026, 3, 1)), ("overlap",)),
        (after("50", None, date(2026, 3, 2)), ("overlap",)),  # its closing day stands in
        (after("50", None, date(2026, 3, 3)), ("gap",)),
        (after("50", None), ("gap",)),  # no day is known
        (after(None, date(2026, 3, 1)), ()),  # no balance is known
    ],
)
def test_a_statement_goes_on_or_leaves_a_gap_or_overlaps(
    here: Place, flags: tuple[str, ...]
) -> None:
    assert books.flags_after(BEFORE, here) == flags


@pytest.mark.parametrize(
    ("before", "here", "flag"),
    [
        ("5", "6", "overlap"),
        ("5", "7", "gap"),  # the sixth is missing, of the same day
        ("5/1", "5/2", "overlap"),
        ("5/1", "5/3", "gap"),
        ("5/9", "6/1", "overlap"),
        ("5", "5", "overlap"),
        ("", "7", "overlap"),
        ("5", "A7", "overlap"),  # no number tells
    ],
)
def test_of_one_day_a_number_that_is_missing_tells_a_gap(before: str, here: str, flag: str) -> None:
    previous = replace(BEFORE, number=before)
    same_day = replace(after("50", date(2026, 3, 2)), number=here)
    assert books.flags_after(previous, same_day) == (flag,)
    earlier = replace(same_day, period_from=date(2026, 3, 1))
    assert books.flags_after(previous, earlier) == ("overlap",)


def test_behind_nothing_it_is_the_first_and_behind_what_is_unknown_nothing_shows() -> None:
    here = after("50", date(2026, 3, 1))
    assert books.flags_after(None, here) == ("first",)
    assert books.flags_after(replace(BEFORE, ends=None), here) == ()
    assert books.flags_after(replace(BEFORE, as_of=None), here) == ("gap",)


@pytest.mark.parametrize(
    ("opening", "closing", "begins", "ends"),
    [
        ("10", "12.5", "10", "12.5"),
        ("10", None, "10", "12.5"),  # a first page without the interim balance that it ends with
        (None, "12.5", "10", "12.5"),
        (None, None, None, None),
        ("10", "99", "10", "99"),  # what the bank says is not put right
        ("0", None, "0", "2.5"),
        (None, "0", "-2.5", "0"),
    ],
)
def test_a_page_with_one_balance_tells_the_other_by_its_entries(
    opening: str | None, closing: str | None, begins: str | None, ends: str | None
) -> None:
    place = books.place_of(figure(opening), figure(closing), Decimal("2.5"), DAY, DAY)
    assert (place.begins, place.ends) == (figure(begins), figure(ends))
    assert (place.period_from, place.as_of) == (DAY, DAY)


def test_two_pages_of_one_balance_each_go_on_from_each_other() -> None:
    first = books.place_of(Decimal(10), None, Decimal("2.5"), DAY, DAY)
    second = books.place_of(None, Decimal(20), Decimal("7.5"), DAY, DAY)
    assert books.flags_after(first, second) == ()
    assert books.flags_after(first, replace(second, begins=Decimal(13))) == ("overlap",)


def test_it_stands_on_the_day_of_its_closing_balance_else_on_its_last_day() -> None:
    last = date(2026, 3, 4)
    assert books.as_of(replace(GOOD, period_to=last)) == DAY
    assert books.as_of(replace(GOOD, period_to=last, balances=GOOD.balances[:1])) == last
    undated = (GOOD.balances[0], balance("CLBD", "1", None))
    assert books.as_of(replace(GOOD, period_to=last, balances=undated)) == last
    assert books.as_of(replace(GOOD, period_to=None, balances=())) is None


def on(
    day: date, number: str = "", created: str = "2026-03-03T06:00:00Z", **more: str
) -> Statement:
    balances = (balance("OPBD", "1", day), balance("CLBD", "1", day))
    found = replace(GOOD, period_to=day, balances=balances, created=created)
    return replace(found, electronic_sequence=number, **more)  # type: ignore[arg-type]  # texts


@pytest.mark.parametrize(
    "ordered",
    [
        # numbers begin again each year
        [on(date(2026, 12, 30), "364"), on(date(2026, 12, 31), "365"), on(date(2027, 1, 4), "1")],
        # several of a day, and pages: by number, not by letter
        [on(DAY, "9"), on(DAY, "10"), on(DAY, "12/1"), on(DAY, "12/2"), on(DAY, "12/10")],
        [on(DAY, "", legal_sequence="9"), on(DAY, "", legal_sequence="10")],
        [on(DAY, "7", page="2"), on(DAY, "7", page="10"), on(DAY, "8", page="1")],
        [on(DAY, legal_sequence="7", page="2"), on(DAY, legal_sequence="8", page="1")],
        # the day of the closing balance, whatever else is covered
        [replace(on(DAY, "8"), period_to=date(2026, 3, 9)), on(date(2026, 3, 3), "7")],
        # made one after the other, though by the clock on the wall it is the other way round
        [
            on(DAY, "7", "2026-03-03T07:00:00+02:00"),
            on(DAY, "7", "2026-03-03T06:00:00Z"),
            on(DAY, "7", "2026-03-03T02:00:00.5-05:00"),
        ],
        # what has no day at all stands first
        [replace(on(DAY), period_to=None, balances=()), on(date(1999, 1, 1))],
    ],
)
def test_statements_stand_in_the_order_in_which_the_bank_made_them(
    ordered: list[Statement],
) -> None:
    # the fingerprints run against the order: they decide nothing as long as anything else tells
    places = [
        books.position(each, f"{99 - number}") for number, each in enumerate(ordered, start=1)
    ]
    assert sorted(places) == places
    assert len(set(places)) == len(places)


def test_two_that_nothing_tells_apart_stand_in_the_order_of_their_fingerprints() -> None:
    assert books.position(GOOD, "a") < books.position(replace(GOOD, id="OTHER"), "b")


@pytest.mark.parametrize(
    ("written", "in_utc"),
    [
        ("2026-03-03T06:00:00Z", "2026-03-03T06:00:00.000000"),
        ("2026-03-03T06:00:00.5+02:00", "2026-03-03T04:00:00.500000"),
        ("2026-03-03T06:00:00", "2026-03-03T06:00:00.000000"),  # the bank's own clock
        ("0001-01-01T00:00:00+02:00", "0001-01-01T00:00:00+02:00"),
        ("yesterday", "yesterday"),
        ("", ""),
    ],
)
def test_times_are_compared_in_utc_where_they_name_their_zone(written: str, in_utc: str) -> None:
    assert books.moment(written) == in_utc


# ----------------------------------------------------------------------------------------- versions


def test_another_content_of_the_same_statement_is_another_version_of_it() -> None:
    corrected = replace(
        GOOD,
        id="STMT-2",
        account="DE89 3704 0044 0532 0130 00",
        created="2026-03-05T06:00:00Z",
        balances=(balance("OPBD", "1000.100"), balance("CLBD", "900")),
        entries=(),
    )
    assert books.version_of(corrected) == books.version_of(GOOD) != ""
    assert fingerprint(corrected) != fingerprint(GOOD)


@pytest.mark.parametrize(
    "other",
    [
        on(date(2027, 3, 2), "7"),  # the same number a year later
        replace(GOOD, electronic_sequence="8"),
        replace(GOOD, legal_sequence="8"),
        replace(GOOD, page="2"),
        replace(GOOD, period_from=date(2026, 3, 1)),
        replace(GOOD, period_to=date(2026, 3, 3)),
        replace(GOOD, balances=(balance("OPBD", "1000.11"), GOOD.balances[1])),
        replace(GOOD, balances=GOOD.balances[1:]),
        replace(GOOD, balances=(GOOD.balances[0], balance("CLBD", "874.60", date(2026, 3, 3)))),
        replace(GOOD, account="DE02120300000000202051"),
        replace(GOOD, currency="USD"),
    ],
)
def test_another_number_day_page_or_opening_is_another_statement(other: Statement) -> None:
    assert books.version_of(other) != books.version_of(GOOD)


def test_only_end_of_day_statements_have_versions() -> None:
    for kind in (StatementKind.INTRADAY, StatementKind.NOTIFICATION):
        assert books.version_of(replace(GOOD, kind=kind)) == ""


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
    assert fingerprint(again) == fingerprint(GOOD)


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
        replace(GOOD, entries=ENTRIES[1:]),
        replace(GOOD, entries=(*ENTRIES[:3], entry("5.01", 4, "INFO"))),
        replace(GOOD, page="2"),
        replace(GOOD, entries=(ENTRIES[0]._replace(details=(detail("INV-2"),)),)),
    ],
)
def test_a_statement_that_says_something_else_is_another_one(other: Statement) -> None:
    assert fingerprint(other) != fingerprint(GOOD)


def test_honest_twins_have_the_same_fingerprint_wherever_they_stand() -> None:
    first, other, second = books.Tally().add((entry("-5", 1), entry("7", 2), entry("-5.00", 3)))
    assert first.fingerprint == second.fingerprint != other.fingerprint
    assert len(first.fingerprint) == 16


def test_a_statement_with_one_of_two_twins_is_another_one() -> None:
    twins = (entry("-5", 1), entry("-5", 2))
    assert fingerprint(replace(GOOD, entries=twins)) != fingerprint(
        replace(GOOD, entries=twins[:1])
    )


def test_no_text_can_pass_for_the_end_of_another() -> None:
    left = entry("1")._replace(entry_reference="a", servicer_reference='","b')
    right = entry("1")._replace(entry_reference='a","', servicer_reference="b")
    assert books.mark(left).fingerprint != books.mark(right).fingerprint


CHARGE = Charge(Decimal(1), "EUR", "FEE")
CHANGED = Exchange(rate="1.1")
# what a field says instead of nothing, or of what entry() makes it say
OTHERWISE = {
    "amount": Decimal(2),
    "instructed": Decimal(2),
    "counter": Decimal(2),
    "reversal": True,
    "booking_date": date(2026, 3, 4),
    "value_date": None,
    "batch_transactions": 2,
    "charges": (CHARGE,),
    "details": (),
    "exchange": CHANGED,
}


Fields = TypeVar("Fields", Entry, EntryDetail, Charge, Exchange)


def otherwise(value: Fields) -> list[Fields]:
    """The value with one field after the other saying something else."""
    return [
        value._replace(**{name: OTHERWISE.get(name, "other")})  # type: ignore[arg-type]  # by name
        for name in value._fields
        if name != "index"
    ]


def test_every_field_of_an_entry_is_in_its_fingerprint() -> None:
    base = entry("1")
    details = [(each,) for each in otherwise(detail())]
    charges = [(each,) for each in otherwise(CHARGE)]
    exchanges = otherwise(CHANGED)
    changed = otherwise(base)
    changed += [base._replace(details=each) for each in details]
    changed += [base._replace(charges=each) for each in charges]
    changed += [base._replace(exchange=each) for each in exchanges]
    changed += [base._replace(details=(detail()._replace(charges=each),)) for each in charges]
    changed += [base._replace(details=(detail()._replace(exchange=each),)) for each in exchanges]
    seen = {books.mark(each).fingerprint for each in (base, *changed)}
    assert len(seen) == len(changed) + 1
    assert len(changed) == 17 + 27 + 2 * (3 + 7)
    assert books.mark(base._replace(index=9)) == books.mark(base)


def test_the_transactions_behind_an_entry_are_told_by_name_without_what_they_lack() -> None:
    first = detail()._replace(amount=Decimal("0.00"), charges=(CHARGE,), exchange=CHANGED)
    marked = books.mark(entry("1")._replace(details=(first, EntryDetail())))
    assert json.loads(marked.details) == [
        {
            "amount": "0",
            "end_to_end_id": "INV-1",
            "charges": [["1", "EUR", "FEE"]],
            "exchange": [None, "", None, "", "1.1", "", ""],
        },
        {},
    ]


# ------------------------------------------------------------------------------- the order of a day


ZERO = (balance("OPBD", "0"), balance("CLBD", "0"))


@pytest.mark.parametrize(
    ("one", "same_name"),
    [
        (replace(GOOD, balances=ZERO), True),  # a balance that does not move, as in cash pooling
        (replace(GOOD, electronic_sequence="", balances=()), False),  # a page that tells nothing
        (replace(GOOD, balances=GOOD.balances[1:]), False),
        (replace(GOOD, balances=ZERO, id=""), False),
    ],
)
def test_where_numbers_do_not_tell_the_banks_id_must_be_the_same(
    one: Statement, *, same_name: bool
) -> None:
    again = replace(one, created="2026-03-03T09:00:00Z")
    assert (books.version_of(one) == books.version_of(again) != "") is same_name
    other = replace(one, id="STMT-2")
    assert books.version_of(other) == "" or books.version_of(other) != books.version_of(one)


def test_a_number_of_no_end_tells_nothing() -> None:
    previous = replace(BEFORE, number="9" * 5000)
    same_day = replace(after("50", date(2026, 3, 2)), number="9" * 5001)
    assert books.flags_after(previous, same_day) == ("overlap",)


def leading(*balances: tuple[str, str]) -> list[Place]:
    return [Place(Decimal(begins), Decimal(ends), DAY, DAY) for begins, ends in balances]


@pytest.mark.parametrize(
    ("places", "before", "order"),
    [
        (leading(("30", "35"), ("10", "20"), ("20", "30")), None, [1, 2, 0]),
        (leading(("10", "20"), ("20", "30")), "10", [0, 1]),
        (leading(("20", "10"), ("10", "20")), "10", [1, 0]),  # a circle: what was before tells
        (leading(("20", "10"), ("10", "20")), "20", [0, 1]),
        (leading(("10", "15"), ("10", "20"), ("20", "10")), None, [1, 2, 0]),
        (leading(("20", "20"), ("10", "20")), None, [1, 0]),  # a day without entries
        (leading(("10", "20"), ("25", "30"), ("5", "10")), None, [0, 1, 2]),  # not joined: as given
        (leading(("10", "20"), ("30", "40")), "30", [0, 1]),
        ([Place(None, None, DAY, DAY), *leading(("10", "20"))], None, [0, 1]),
        (leading(("10", "20")), None, [0]),
        ([], None, []),
    ],
)
def test_statements_of_a_day_stand_as_their_balances_join(
    places: list[Place], before: str | None, order: list[int]
) -> None:
    assert list(books.chained(places, figure(before))) == order


def test_a_turn_comes_behind_the_day_and_before_all_else() -> None:
    place = books.position(on(DAY, "7"), "f")
    later = books.with_turn(place, 1)
    assert books.with_turn(later, 0) == place
    assert place < books.with_turn(books.position(on(DAY, "6"), "f"), 1) < books.with_turn(place, 2)
    assert books.with_turn(place, 999) < books.position(on(DAY + timedelta(1)), "f")
