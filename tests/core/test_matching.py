"""Which payment of ours a booked line is, and which batch a sum."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from h2h.core.matching import (
    Batch,
    Candidate,
    Line,
    Match,
    Member,
    lines_of,
    the_batch,
    the_payment,
)
from h2h.core.statement import Charge, Entry, EntryDetail, Exchange
from h2h.core.states import How, Pay

OURS = "DE89370400440532013000"
THEIRS = "FR1420041010050500013M02606"
HUNDRED = Decimal("100.00")
TRANSFER = Candidate("f1", 1, "MSG-1", "B1", "I1", "INV-1", HUNDRED, "EUR", OURS, "BANK-1")
COLLECTION = TRANSFER._replace(file_id="f2", collection=True)
DEBIT = Line(1, 1, OURS, -HUNDRED, "EUR", end_to_end_id="INV-1")
CREDIT = DEBIT._replace(amount=HUNDRED)


def how(line: Line, *candidates: Candidate) -> list[tuple[str, int, How]]:
    return [(each.file_id, each.number, each.how) for each in the_payment(line, candidates)]


# ----------------------------------------------------------------------------------- one payment


def test_a_transfer_is_booked_by_a_debit_and_a_collection_by_a_credit() -> None:
    assert how(DEBIT, TRANSFER, COLLECTION) == [("f1", 1, How.EXACT)]
    assert how(CREDIT, TRANSFER, COLLECTION) == [("f2", 1, How.EXACT)]


def test_a_return_comes_back_the_other_way_and_says_so() -> None:
    assert how(CREDIT._replace(returned=True), TRANSFER) == [("f1", 1, How.RETURN)]
    assert how(DEBIT._replace(returned=True), COLLECTION) == [("f2", 1, How.RETURN)]


def test_somebody_elses_payment_to_us_with_the_same_id_is_none_of_ours() -> None:
    assert how(CREDIT, TRANSFER) == []
    assert how(DEBIT, COLLECTION) == []


def test_money_that_goes_the_payments_way_and_is_said_to_come_back_is_uncertain() -> None:
    assert how(DEBIT._replace(returned=True), TRANSFER) == [("f1", 1, How.UNCERTAIN)]


@pytest.mark.parametrize(
    "ids",
    [
        {"end_to_end_id": "NOTPROVIDED", "instruction_id": "I1"},
        {"end_to_end_id": "THE-BANKS", "instruction_id": "I1"},
        {"end_to_end_id": "", "servicer_reference": "BANK-1"},
        {"end_to_end_id": "INV-1", "instruction_id": "THE-BANKS"},
    ],
)
def test_it_is_found_by_the_first_of_its_ids_that_is_one_of_ours(ids: dict[str, Any]) -> None:
    assert how(DEBIT._replace(**ids), TRANSFER) == [("f1", 1, How.EXACT)]


@pytest.mark.parametrize(
    "ids",
    [
        {"end_to_end_id": ""},
        {"end_to_end_id": "NOTPROVIDED"},
        {"end_to_end_id": "INV-2", "servicer_reference": "BANK-2"},
    ],
)
def test_without_an_id_of_ours_it_is_none_of_ours(ids: dict[str, Any]) -> None:
    nameless = TRANSFER._replace(end_to_end_id="NOTPROVIDED", instruction_id="")
    assert how(DEBIT._replace(**ids), TRANSFER, nameless) == []


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"amount": Decimal("-100.01")}, "it is 100.01 EUR, the payment 100.00 EUR"),
        ({"currency": "CHF"}, "it is 100.00 CHF, the payment 100.00 EUR"),
        ({"account": "NL91ABNA0417164300"}, f"NL91ABNA0417164300, the payment of {OURS}"),
        ({"message_id": "MSG-2"}, "it names message MSG-2, the payment is of MSG-1"),
    ],
)
def test_a_line_that_differs_in_anything_is_uncertain_and_says_in_what(
    other: dict[str, Any], why: str
) -> None:
    (found,) = the_payment(DEBIT._replace(**other), [TRANSFER])
    assert (found.how, found.number) == (How.UNCERTAIN, 1)
    assert why in found.why


@pytest.mark.parametrize(
    ("code", "found"),
    [("PMNT/RDDT/ESDD", []), ("PMNT/ICDT/ESCT", [("f1", 1, How.EXACT)])],
)
def test_a_direct_debit_of_the_supplier_under_our_id_is_not_our_transfer(
    code: str, found: list[tuple[str, int, How]]
) -> None:
    booked = entry(EntryDetail(end_to_end_id="INV-1"), amount=-HUNDRED, bank_transaction_code=code)
    (line,) = lines_of(booked, OURS)
    assert how(line, TRANSFER) == found


def test_a_transfer_under_the_id_of_our_collection_is_not_it() -> None:
    assert how(CREDIT._replace(family="ICDT"), COLLECTION) == []
    assert how(CREDIT._replace(family="IDDT"), COLLECTION) == [("f2", 1, How.EXACT)]


@pytest.mark.parametrize(
    ("accounts", "sure"),
    [
        ({"creditor_account": THEIRS}, True),
        ({"creditor_account": "FR14 2004 1010 0505 0001 3M02 606", "debtor_account": OURS}, True),
        ({"creditor_account": "NL91ABNA0417164300"}, False),
        ({"creditor_account": "FR14XXXXXXXXXXXXXXXXXXX2606"}, True),  # masked
        ({"creditor_account": "0500013M026"}, True),  # in a country's own form
    ],
)
def test_another_counterparty_than_the_payments_is_uncertain(
    accounts: dict[str, str], sure: bool
) -> None:
    detail = EntryDetail(end_to_end_id="INV-1", **accounts)  # type: ignore[arg-type]  # texts
    (line,) = lines_of(entry(detail, amount=-HUNDRED), OURS)
    transfer = TRANSFER._replace(counterparty_account=THEIRS)
    assert how(line, transfer) == [("f1", 1, How.EXACT if sure else How.UNCERTAIN)]


def test_two_payments_that_both_fit_are_left_to_a_person() -> None:
    twins = (TRANSFER, TRANSFER._replace(number=2))
    assert how(DEBIT, *twins) == [("f1", 1, How.UNCERTAIN), ("f1", 2, How.UNCERTAIN)]


def test_of_two_that_fit_the_instruction_or_the_batch_tells() -> None:
    twin = TRANSFER._replace(number=2, instruction_id="I2")
    assert how(DEBIT._replace(instruction_id="I2"), TRANSFER, twin) == [("f1", 2, How.EXACT)]
    other = TRANSFER._replace(number=2, batch_id="B2")
    assert how(DEBIT._replace(batch_id="B2"), TRANSFER, other) == [("f1", 2, How.EXACT)]


def test_of_two_with_one_id_the_one_that_agrees_is_it() -> None:
    other = TRANSFER._replace(number=2, amount=Decimal("99.00"))
    assert how(DEBIT, other, TRANSFER) == [("f1", 1, How.EXACT)]


def test_charges_that_the_bank_names_may_make_the_difference() -> None:
    short = CREDIT._replace(amount=Decimal("92.50"), returned=True)
    assert how(short, TRANSFER) == [("f1", 1, How.UNCERTAIN)]
    assert how(short._replace(charges=Decimal("7.50")), TRANSFER) == [("f1", 1, How.RETURN)]
    assert how(short._replace(charges=Decimal("7.49")), TRANSFER) == [("f1", 1, How.UNCERTAIN)]
    dear = DEBIT._replace(amount=Decimal("-103.00"), charges=Decimal("3.00"))
    assert how(dear, TRANSFER) == [("f1", 1, How.EXACT)]
    assert how(dear._replace(amount=Decimal("-97.00")), TRANSFER) == [("f1", 1, How.UNCERTAIN)]


def test_in_another_currency_the_amount_that_was_ordered_counts() -> None:
    dollars = TRANSFER._replace(currency="USD", amount=Decimal(110))
    exchanged = DEBIT._replace(instructed=Decimal("110.00"), instructed_currency="USD")
    assert how(exchanged, dollars) == [("f1", 1, How.EXACT)]
    assert how(exchanged._replace(instructed=Decimal(111)), dollars) == [("f1", 1, How.UNCERTAIN)]


# ----------------------------------------------------------------------------------------- batches

LATE = "2026-03-05T09:00:00"
MEMBERS = (
    Member(Decimal("10.00"), Pay.ACCEPTED, ""),
    Member(Decimal("20.00"), Pay.ACCEPTED, ""),
    Member(Decimal("30.00"), Pay.REJECTED, "2026-03-02T09:00:00"),
)
BATCH = Batch("f1", "MSG-1", ("B1",), OURS, "EUR", collection=False, payments=MEMBERS)
SUM = Line(1, 0, OURS, Decimal("-60.00"), "EUR", batch_id="B1", booked_on=date(2026, 3, 3))


def batch_how(line: Line, *batches: Batch) -> list[tuple[str, str, How]]:
    return [(each.file_id, each.batch_id, each.how) for each in the_batch(line, batches)]


@pytest.mark.parametrize("count", [None, 3])
def test_a_sum_of_all_is_the_batch(count: int | None) -> None:
    assert the_batch(SUM._replace(transactions=count), [BATCH]) == [Match("f1", 0, "B1", How.BATCH)]


def test_a_sum_of_what_is_not_rejected_is_the_batch() -> None:
    rest = SUM._replace(amount=Decimal("-30.00"), transactions=2)
    assert batch_how(rest, BATCH) == [("f1", "B1", How.BATCH)]
    assert batch_how(rest._replace(transactions=3), BATCH) == [("f1", "B1", How.UNCERTAIN)]


def test_what_was_rejected_after_the_booking_was_in_the_sum() -> None:
    late = (MEMBERS[0], MEMBERS[1]._replace(told=Pay.REJECTED, at=LATE), MEMBERS[2])
    rest = SUM._replace(amount=Decimal("-30.00"))
    assert batch_how(rest, BATCH._replace(payments=late)) == [("f1", "B1", How.BATCH)]
    early = (MEMBERS[0], MEMBERS[1]._replace(told=Pay.REJECTED, at="2026-03-03"), MEMBERS[2])
    assert batch_how(rest, BATCH._replace(payments=early)) == [("f1", "B1", How.UNCERTAIN)]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (
            {"amount": Decimal("-59.00"), "transactions": 3},
            "59.00 EUR for 3 payments, the batch 60.00 for 3, of which not rejected 30.00 for 2",
        ),
        ({"transactions": 4}, "for 4 payments"),
        ({"currency": "CHF"}, "it is 60.00 CHF"),
        ({"account": "NL91ABNA0417164300"}, "it is of account NL91ABNA0417164300"),
        ({"message_id": "MSG-2"}, "it names message MSG-2"),
        ({"amount": Decimal("60.00"), "returned": True}, "a batch that comes back"),
    ],
)
def test_a_sum_that_differs_in_anything_is_uncertain(other: dict[str, Any], why: str) -> None:
    (found,) = the_batch(SUM._replace(**other), [BATCH])
    assert (found.how, found.number, found.batch_id) == (How.UNCERTAIN, 0, "B1")
    assert why in found.why


def test_somebody_elses_credit_under_the_name_of_our_batch_is_none_of_ours() -> None:
    assert batch_how(SUM._replace(amount=Decimal("60.00")), BATCH) == []
    assert batch_how(SUM._replace(amount=Decimal("60.00")), BATCH._replace(collection=True)) == [
        ("f1", "B1", How.BATCH)
    ]


def test_a_sum_that_two_batches_make_is_left_to_a_person() -> None:
    both = (BATCH, BATCH._replace(file_id="f2"))
    assert {found for *_, found in batch_how(SUM, *both)} == {How.UNCERTAIN}


def test_one_sum_for_a_whole_message_claims_each_of_its_batches() -> None:
    whole = BATCH._replace(ids=("B1", "B2"))
    assert batch_how(SUM, whole) == [("f1", "B1", How.BATCH), ("f1", "B2", How.BATCH)]


# ------------------------------------------------------------------------------- lines of an entry


def entry(*details: EntryDetail, **facts: object) -> Entry:
    plain: dict[str, object] = {
        "index": 7,
        "amount": Decimal("-30.00"),
        "currency": "EUR",
        "status": "BOOK",
        "reversal": False,
        "booking_date": date(2026, 3, 3),
        "value_date": None,
        "entry_reference": "",
        "servicer_reference": "BANK-1",
        "bank_transaction_code": "PMNT/ICDT/ESCT",
        "additional_information": "",
        "batch_transactions": None,
        "batch_message_id": "MSG-1",
        "batch_id": "B1",
        "charges": (),
    }
    return Entry(details=details, **{**plain, **facts})  # type: ignore[arg-type]  # as filled in


def read(found: Entry) -> list[Line]:
    return [*lines_of(found, OURS)]


def test_a_detail_alone_has_what_its_entry_has() -> None:
    charge = Charge(Decimal(1), "EUR", "")
    (line,) = read(entry(EntryDetail(end_to_end_id="INV-1"), charges=(charge,)))
    assert (line.entry, line.detail, line.amount) == (7, 1, Decimal("-30.00"))
    assert (line.message_id, line.batch_id, line.servicer_reference) == ("MSG-1", "B1", "BANK-1")
    assert line.charges == 1


def test_details_that_tell_the_whole_entry_are_its_lines() -> None:
    details = (
        EntryDetail(amount=Decimal("-10.00"), currency="EUR", end_to_end_id="INV-1"),
        EntryDetail(amount=Decimal("-20.00"), currency="EUR", end_to_end_id="INV-2"),
    )
    lines = read(entry(*details, batch_transactions=2))
    assert [(line.detail, line.amount, line.end_to_end_id) for line in lines] == [
        (1, Decimal("-10.00"), "INV-1"),
        (2, Decimal("-20.00"), "INV-2"),
    ]
    assert {line.servicer_reference for line in lines} == {""}


def test_an_entry_without_details_or_with_some_only_stands_for_itself() -> None:
    (line,) = read(entry(batch_transactions=5))
    assert (line.detail, line.batch_id, line.transactions) == (0, "B1", 5)
    one_of_two = EntryDetail(amount=Decimal("-10.00"), currency="EUR", end_to_end_id="INV-1")
    for some in (entry(one_of_two, batch_transactions=2), entry(one_of_two, EntryDetail())):
        assert [line.detail for line in read(some)] == [*range(1, len(some.details) + 1), 0]


def test_among_others_a_detail_without_an_amount_is_no_payment_to_recognise() -> None:
    nameless = EntryDetail(end_to_end_id="INV-1", instruction_id="I1", batch_id="B9")
    lines = read(entry(nameless, nameless, batch_id=""))
    assert [line.named for line in lines] == [False, False, True]
    assert lines[-1].batch_id == "B9"


@pytest.mark.parametrize(
    ("detail", "facts"),
    [
        (EntryDetail(return_reason="AC04"), {}),
        (EntryDetail(), {"reversal": True}),
        (EntryDetail(), {"bank_transaction_code": "PMNT/RCDT/RRTN"}),
        (EntryDetail(), {"bank_transaction_code": "PMNT/IDDT/UPDD"}),
    ],
)
def test_that_money_comes_back_is_told_in_several_ways(
    detail: EntryDetail, facts: dict[str, object]
) -> None:
    assert [line.returned for line in read(entry(detail, **facts))] == [True]
    assert [line.returned for line in read(entry(EntryDetail()))] == [False]


def test_what_was_ordered_is_taken_from_the_detail_or_the_entry() -> None:
    exchange = Exchange(instructed=Decimal(33), instructed_currency="USD")
    for found in (entry(EntryDetail(exchange=exchange)), entry(EntryDetail(), exchange=exchange)):
        (line,) = read(found)
        assert (line.instructed, line.instructed_currency) == (Decimal(33), "USD")
