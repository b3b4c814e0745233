"""Bank files in the ledger: booked once, in any order, and what they say of our payments."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from h2h.core.chain import first_broken
from h2h.core.statement import Balance, StatementKind
from h2h.core.states import In, Kept, Out, Pay
from h2h.ports import RemoteFile

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office


def _payment_states(office: Office, file_id: str) -> list[Pay]:
    return [row.state for row in office.ledger.payments(file_id)]


# ----------------------------------------------------------------------------------------- fetching


def test_a_remote_file_is_known_by_name_size_and_time(office: Office) -> None:
    here = RemoteFile("a.xml", 10, 5)
    first = office.ledger.fetched("a", "acme", 1, "out", here, "sha", 10, office.now)
    assert (first.state, first.download, first.remote_name) == (In.FETCHED, 1, "a.xml")
    others = [replace(here, name="b.xml"), replace(here, size=11), replace(here, mtime=6)]
    assert office.ledger.known("acme", "out", [here, *others[:1]]) == {"a.xml"}
    assert office.ledger.known("acme", "out", others) == frozenset()
    assert office.ledger.known("acme", "other", [here]) == frozenset()
    assert office.ledger.known("bank2", "out", [here]) == frozenset()
    again = office.ledger.fetched("b", "acme", 1, "out", here, "sha", 10, office.now)
    assert again.id == "a"


def test_thousands_of_names_are_looked_up_at_once(office: Office) -> None:
    office.fetched()
    listing = [RemoteFile(f"n{number}", 1, 1) for number in range(40_000)]
    name = office.ledger.files(direction="in")[0].remote_name
    listing.append(RemoteFile(name, 100, 1))
    assert office.ledger.known("acme", "out", listing) == {name}


def pending(office: Office) -> list[str]:
    return [file.id for file in office.ledger.remote_pending("acme")]


def test_a_bank_file_is_removed_at_the_bank_only_after_its_recorded_outcome(
    office: Office,
) -> None:
    file = office.read()
    assert office.ledger.remote_pending("acme") == []
    booked = office.book(file=file)
    assert office.ledger.remote_pending("acme") == []  # no dossier tells of it yet
    office.ledger.recorded(booked, booked.last_move)
    bad = office.moved(office.fetched(), In.QUARANTINED)
    office.ledger.recorded(bad, bad.last_move)
    assert pending(office) == [booked.id, bad.id]
    office.ledger.remote_done(booked)
    assert pending(office) == [bad.id]
    assert office.ledger.remote_pending("other") == []


def test_a_document_with_the_same_bytes_is_a_duplicate(office: Office) -> None:
    first = office.ledger.document(office.read("pdf"), office.later())
    second = office.ledger.document(office.read("pdf"), office.later())
    assert first is not None
    assert second is not None
    assert first.state is In.BOOKED
    assert (second.state, second.duplicate_of) == (In.DUPLICATE, first.id)
    assert office.ledger.document(replace(first, state=In.READ), office.later()) is None


# ---------------------------------------------------------------------------------------- the books


def test_a_statement_is_booked_with_its_entries_and_balance(office: Office) -> None:
    detail = office.detail(end_to_end_id="E", remittance="Überweisung 你好")
    entry = office.entry("-12.50", detail, reversal=True, batch_transactions=3)
    file = office.book(office.statement("100.00", "87.50", entry))
    assert file.state is In.BOOKED
    (row,) = office.ledger.statements(file.id)
    assert (row.kept, row.flags, row.entries) == (Kept.BOOKED, ("first",), 1)
    assert (row.opening, row.closing) == ("100.00", "87.50")
    assert office.entries(row.id) == [entry]
    (balance,) = office.ledger.balances()
    assert (balance.account, balance.currency, balance.amount) == (row.account, "EUR", "87.50")
    assert balance.as_of == row.period_to


def test_honest_twins_are_two_entries(office: Office) -> None:
    twins = [office.entry("5.00"), office.entry("5.00")]
    file = office.book(office.statement("0.00", "10.00", *twins))
    (row,) = office.ledger.statements(file.id)
    assert [entry.index for entry in office.entries(row.id)] == [1, 2]


def test_the_same_statement_in_another_file_is_a_duplicate(office: Office) -> None:
    statement = office.statement("0.00", "5.00", office.entry("5.00"))
    first = office.book(statement)
    second = office.book(replace(statement, id="other", created="2026-02-01"))
    assert (first.state, second.state) == (In.BOOKED, In.DUPLICATE)
    (row,) = office.ledger.statements(second.id)
    assert (row.kept, row.because) == (Kept.DUPLICATE, f"booked before as statement {first.id}-1")
    assert office.entries(row.id) == []
    assert len(office.ledger.balances()) == 1


def test_a_bad_statement_among_good_ones_is_held_alone(office: Office) -> None:
    good = office.statement("0.00", "5.00", office.entry("5.00"), day=1)
    wrong = office.statement("5.00", "9.99", office.entry("5.00"), day=2)
    strange = office.statement("0.00", "0.00", account="FR000", day=3)
    file = office.book(*(replace(s, index=i) for i, s in enumerate((good, wrong, strange), 1)))
    assert file.state is In.BOOKED
    rows = office.ledger.statements(file.id)
    assert [row.kept for row in rows] == [Kept.BOOKED, Kept.HELD, Kept.HELD]
    assert "does not balance" in rows[1].because
    assert "not one of ours" in rows[2].because
    assert rows[1].because in file.because
    assert [balance.amount for balance in office.ledger.balances()] == ["5.00"]


def test_booking_again_changes_nothing(office: Office) -> None:
    file = office.read()
    statement = office.statement("0.00", "0.00")
    office.book(statement, file=file)
    before = office.ledger.moves(), office.ledger.statements()
    again = office.message(statement)
    assert office.ledger.book(file, again, [office.account()], office.later()) is None
    assert (office.ledger.moves(), office.ledger.statements()) == before


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_statements_in_any_order_give_the_same_balances_and_flags(
    office: Office, order: tuple[int, ...]
) -> None:
    days = [
        office.statement("0.00", "5.00", office.entry("5.00"), day=1),
        office.statement("5.00", "6.00", office.entry("1.00"), day=2),
        office.statement("7.00", "8.00", office.entry("1.00"), day=3),  # one euro is missing
        office.statement("8.00", "9.00", office.entry("1.00"), day=4),
    ]
    for place in order:
        office.book(days[place])
    rows = office.ledger.statements(account=office.account().number)
    assert [row.flags for row in rows] == [("first",), (), ("gap",), ()]
    assert [balance.amount for balance in office.ledger.balances()] == ["9.00"]


def test_numbers_that_begin_again_every_year_do_not_turn_the_order(office: Office) -> None:
    old = office.statement("0.00", "1.00", office.entry("1.00"), day=1, electronic_sequence="250")
    new = office.statement("1.00", "3.00", office.entry("2.00"), day=2, electronic_sequence="1")
    office.book(new)
    office.book(old)
    assert [balance.amount for balance in office.ledger.balances()] == ["3.00"]
    assert [row.flags for row in office.ledger.statements(account=old.account)] == [("first",), ()]


def test_several_statements_of_one_day_stand_in_the_order_of_their_numbers(office: Office) -> None:
    first = office.statement("0.00", "1.00", office.entry("1.00"), electronic_sequence="9")
    second = office.statement("1.00", "3.00", office.entry("2.00"), electronic_sequence="10")
    office.book(second)
    office.book(first)
    assert [balance.amount for balance in office.ledger.balances()] == ["3.00"]


@pytest.mark.parametrize("kind", [StatementKind.INTRADAY, StatementKind.NOTIFICATION])
def test_only_an_end_of_day_statement_makes_a_booked_balance(
    office: Office, kind: StatementKind
) -> None:
    office.book(office.statement("0.00", "5.00", office.entry("5.00")))
    report = office.statement("5.00", "99.00", office.entry("94.00"), day=6, kind=kind)
    (row,) = office.ledger.statements(office.book(report).id)
    assert (row.kept, row.kind, row.flags) == (Kept.BOOKED, kind, ())
    assert [balance.amount for balance in office.ledger.balances()] == ["5.00"]
    tomorrow = office.statement("5.00", "5.00", day=7)
    assert office.ledger.statements(office.book(tomorrow).id)[0].flags == ()


def test_balances_are_kept_apart_by_currency(office: Office) -> None:
    euro = office.statement("0.00", "5.00", office.entry("5.00"))
    dollars = Balance("CLBD", Decimal(7), "USD", None), Balance("OPBD", Decimal(7), "USD", None)
    office.book(euro, replace(euro, index=2, currency="USD", balances=dollars, entries=()))
    assert [(b.currency, b.amount) for b in office.ledger.balances()] == [
        ("EUR", "5.00"),
        ("USD", "7"),
    ]


def test_a_person_releases_a_held_statement_with_name_and_reason(office: Office) -> None:
    file = office.book(office.statement("0.00", "7.00", office.entry("5.00")))
    (held,) = office.ledger.statements(file.id)
    assert office.ledger.unassigned(file.id) == []
    released = office.ledger.release_statement(held.id, "ann", "bank confirmed", office.later())
    assert released is not None
    assert (released.kept, released.flags) == (Kept.BOOKED, ("first",))
    assert office.ledger.unassigned(file.id) == [released]
    assert [balance.amount for balance in office.ledger.balances()] == ["7.00"]
    assert office.ledger.release_statement(held.id, "ann", "again", office.later()) is None
    last = office.ledger.moves(file.id)[-1]
    assert (last.who, last.source, last.target) == ("ann", "booked", "booked")
    assert "bank confirmed" in last.because


def test_a_released_statement_that_came_again_meanwhile_is_not_booked_twice(
    office: Office,
) -> None:
    statement = office.statement("0.00", "7.00", office.entry("5.00"))
    one, two = office.book(statement), office.book(statement)
    assert (one.state, two.state) == (In.BOOKED, In.BOOKED)
    first = office.ledger.release_statement(f"{one.id}-1", "ann", "ok", office.later())
    second = office.ledger.release_statement(f"{two.id}-1", "ann", "ok", office.later())
    assert first is not None
    assert second is not None
    assert (first.kept, second.kept) == (Kept.BOOKED, Kept.DUPLICATE)


def test_a_person_rejects_a_held_statement(office: Office) -> None:
    file = office.book(office.statement("0.00", "7.00", office.entry("5.00")))
    rejected = office.ledger.reject_statement(f"{file.id}-1", "ann", "wrong", office.later())
    assert rejected is not None
    assert (rejected.kept, rejected.because) == (Kept.REJECTED, "rejected by ann: wrong")
    assert office.ledger.balances() == []
    assert office.ledger.reject_statement(f"{file.id}-1", "ann", "x", office.later()) is None


# ----------------------------------------------------------------------------------- status reports


def test_a_report_moves_payments_and_their_file(office: Office) -> None:
    ours = office.on_the_road(
        Out.SENT,
        office.payment(end_to_end_id="A"),
        office.payment(end_to_end_id="B"),
        message_id="M1",
    )
    report = office.report("M1", "PART", ("A", "ACCP"), ("B", "RJCT"))
    told = office.ledger.tell(office.read(), report, office.later(), rejects_only=False)
    assert told is not None
    assert (told.file_id, told.moved, told.alarms) == (ours.id, ("sent -> part_accepted",), ())
    assert _payment_states(office, ours.id) == [Pay.ACCEPTED, Pay.REJECTED]
    rejected = office.ledger.payments(ours.id)[1]
    assert (rejected.status, rejected.reason) == ("RJCT", "AC04 closed")
    assert office.state(ours) is Out.PART_ACCEPTED
    last = office.ledger.moves(ours.id)[-1]
    assert (last.source, last.target) == ("sent", "part_accepted")
    assert report.message_id in last.because
    assert first_broken(office.ledger.moves()) is None


def test_under_rejects_only_the_unlisted_are_accepted(office: Office) -> None:
    payments = [office.payment(end_to_end_id=name) for name in "AB"]
    ours = office.on_the_road(Out.SENT, *payments, message_id="M1")
    report = office.report("M1", "PART", ("B", "RJCT"))
    office.ledger.tell(office.read(), report, office.later(), rejects_only=True)
    assert _payment_states(office, ours.id) == [Pay.ACCEPTED, Pay.REJECTED]


@pytest.mark.parametrize("state", [Out.DELIVERING, Out.IN_DOUBT])
def test_a_report_proves_the_arrival_of_a_file_in_doubt(office: Office, state: Out) -> None:
    ours = office.on_the_road(state, message_id="M1")
    told = office.ledger.tell(
        office.read(), office.report("M1", "ACTC"), office.later(), rejects_only=False
    )
    assert told is not None
    assert told.moved == (f"{state} -> sent", "sent -> acknowledged")
    assert [m.target for m in office.ledger.moves(ours.id)][-2:] == ["sent", "acknowledged"]


@pytest.mark.parametrize("state", [Out.VALID, Out.APPROVED, Out.SEALED, Out.STAGED])
def test_a_report_before_delivery_is_an_alarm_and_holds_the_file(
    office: Office, state: Out
) -> None:
    ours = office.on_the_road(state, message_id="M1")
    told = office.ledger.tell(
        office.read(), office.report("M1", "ACCP"), office.later(), rejects_only=False
    )
    assert told is not None
    assert told.moved == (f"{state} -> held",)
    assert "which was not delivered" in told.alarms[0]
    assert office.state(ours) is Out.HELD
    assert _payment_states(office, ours.id) == [Pay.INSTRUCTED]


def test_a_report_on_a_message_that_is_not_ours_is_an_alarm(office: Office) -> None:
    office.on_the_road(Out.SENT, message_id="M1")
    file = office.read()
    told = office.ledger.tell(file, office.report("M2", "ACCP"), office.later(), rejects_only=False)
    assert told is not None
    assert (told.file_id, told.moved) == ("", ())
    assert "message M2 is none of ours" in told.alarms[0]
    assert office.state(file) is In.BOOKED


def test_the_same_report_again_is_a_duplicate_and_changes_nothing(office: Office) -> None:
    ours = office.on_the_road(Out.SENT, message_id="M1")
    report = office.report("M1", "ACCP")
    first, second = office.read(), office.read()
    office.ledger.tell(first, report, office.later(), rejects_only=False)
    before = office.ledger.file(ours.id)
    told = office.ledger.tell(second, report, office.later(), rejects_only=False)
    assert told is not None
    assert (told.file_id, told.moved, told.alarms) == ("", (), ())
    found = office.ledger.file(second.id)
    assert found is not None
    assert (found.state, found.duplicate_of) == (In.DUPLICATE, first.id)
    assert office.ledger.file(ours.id) == before
    assert office.ledger.tell(second, report, office.later(), rejects_only=False) is None


def test_other_content_under_the_same_report_id_is_applied(office: Office) -> None:
    ours = office.on_the_road(Out.SENT, message_id="M1")
    report = office.report("M1", "ACTC")
    for one in (report, replace(report, group_status="ACCP")):
        office.ledger.tell(office.read(), one, office.later(), rejects_only=False)
    assert office.state(ours) is Out.ACCEPTED


def test_an_accepted_payment_may_still_be_rejected(office: Office) -> None:
    ours = office.on_the_road(Out.SENT, message_id="M1")
    for status in ("ACSC", "RJCT"):
        report = office.report("M1", status)
        office.ledger.tell(office.read(), report, office.later(), rejects_only=False)
    assert office.state(ours) is Out.REJECTED


def test_an_unknown_code_is_recorded_and_moves_nothing(office: Office) -> None:
    ours = office.on_the_road(Out.SENT, message_id="M1")
    told = office.ledger.tell(
        office.read(), office.report("M1", "XXXX"), office.later(), rejects_only=False
    )
    assert told is not None
    assert told.moved == ()
    assert "XXXX" in told.alarms[0]
    assert office.state(ours) is Out.SENT
    assert office.ledger.payments(ours.id)[0].status == "XXXX"


def test_a_duplicate_answer_to_a_resent_file_means_that_the_first_arrived(office: Office) -> None:
    ours = office.on_the_road(Out.IN_DOUBT, message_id="M1")
    for target in (Out.SEALED, Out.STAGED, Out.DELIVERING, Out.SENT):
        ours = office.moved(ours, target)
    report = office.report("M1", "RJCT", code="DU01")
    told = office.ledger.tell(office.read(), report, office.later(), rejects_only=False)
    assert told is not None
    assert "the first delivery had arrived" in told.alarms[0]
    assert office.state(ours) is Out.SENT
    assert _payment_states(office, ours.id) == [Pay.INSTRUCTED]


def test_a_duplicate_answer_to_a_file_sent_once_is_a_rejection(office: Office) -> None:
    ours = office.on_the_road(Out.SENT, message_id="M1")
    report = office.report("M1", "RJCT", code="DU01")
    office.ledger.tell(office.read(), report, office.later(), rejects_only=False)
    assert office.state(ours) is Out.REJECTED


# --------------------------------------------------------------------------------- acknowledgements


def _reserved(office: Office, name: str, until: Out) -> str:
    sealed = office.on_the_road(Out.SEALED)
    file = office.ledger.reserve(sealed, lambda _: name, "in", office.later(), gap_free=False)
    assert file is not None
    for target in (Out.STAGED, Out.DELIVERING, Out.IN_DOUBT, Out.SENT):
        if file.state is until:
            break
        file = office.moved(file, target)
    return file.id


def test_an_acknowledgement_names_a_file_by_its_whole_name(office: Office) -> None:
    short = _reserved(office, "PAY_1.xml", Out.SENT)
    long = _reserved(office, "MY_PAY_1.xml.pgp", Out.IN_DOUBT)
    told = office.ledger.acknowledge(
        office.read(), "received MY_PAY_1.xml.pgp.\nOK", office.later()
    )
    assert told is not None
    assert (told.file_id, told.alarms) == (long, ())
    assert told.moved == ("in_doubt -> sent", "sent -> acknowledged")
    told = office.ledger.acknowledge(office.read(), "PAY_1.xml,1,OK", office.later())
    assert told is not None
    assert (told.file_id, told.moved) == (short, ("sent -> acknowledged",))


@pytest.mark.parametrize(
    "text", ["pay_1.xml", "PAYX1.xml", "MY_PAY_1.xml", "PAY_1.xml.pgp", "", "%"]
)
def test_an_acknowledgement_of_something_else_is_an_alarm(office: Office, text: str) -> None:
    _reserved(office, "PAY_1.xml", Out.SENT)
    told = office.ledger.acknowledge(office.read(), text, office.later())
    assert told is not None
    assert (told.file_id, told.moved) == ("", ())
    assert "names no file of ours" in told.alarms[0]


def test_an_acknowledgement_before_delivery_holds_the_file(office: Office) -> None:
    staged = _reserved(office, "PAY_1.xml", Out.STAGED)
    told = office.ledger.acknowledge(office.read(), "PAY_1.xml", office.later())
    assert told is not None
    assert (told.file_id, told.moved) == (staged, ("staged -> held",))


def test_a_late_acknowledgement_takes_nothing_back(office: Office) -> None:
    sent = _reserved(office, "PAY_1.xml", Out.SENT)
    file = office.ledger.file(sent)
    assert file is not None
    accepted = office.report(file.message_id, "ACCP")
    office.ledger.tell(office.read(), accepted, office.later(), rejects_only=False)
    told = office.ledger.acknowledge(office.read(), "PAY_1.xml", office.later())
    assert told is not None
    assert (told.file_id, told.moved, told.alarms) == (sent, (), ())


# ------------------------------------------------------------------------------------- booked lines


def test_a_debit_that_is_exactly_one_payment_makes_it_booked_and_a_return_returned(
    office: Office,
) -> None:
    ours = office.on_the_road(Out.SENT, office.payment(end_to_end_id="A"))
    debit = office.entry("-10.00", office.detail(end_to_end_id="A"))
    office.book(office.statement("100.00", "90.00", debit, day=1))
    assert _payment_states(office, ours.id) == [Pay.BOOKED]
    assert office.state(ours) is Out.ACCEPTED
    back = office.entry("10.00", office.detail(end_to_end_id="A", return_reason="AC04"))
    office.book(office.statement("90.00", "100.00", back, day=2))
    assert _payment_states(office, ours.id) == [Pay.RETURNED]
    assert first_broken(office.ledger.moves()) is None


def test_a_batch_booking_books_each_payment_by_its_own_amount(office: Office) -> None:
    amounts = {"A": Decimal("1.10"), "B": Decimal("2.20")}
    ours = office.on_the_road(
        Out.SENT, *(office.payment(end_to_end_id=n, amount=a) for n, a in amounts.items())
    )
    details = [office.detail(end_to_end_id=n, amount=a, currency="EUR") for n, a in amounts.items()]
    office.book(office.statement("10.00", "6.70", office.entry("-3.30", *details)))
    assert _payment_states(office, ours.id) == [Pay.BOOKED, Pay.BOOKED]


@pytest.mark.parametrize(
    ("amount", "facts", "entry"),
    [
        ("-10.01", {}, {}),
        ("10.00", {}, {}),  # somebody else's credit under the same id
        ("-10.00", {"end_to_end_id": "NOTPROVIDED"}, {}),
        ("-10.00", {"message_id": "another message"}, {}),
        ("-10.00", {}, {"status": "PDNG"}),
    ],
)
def test_what_is_not_certainly_our_payment_moves_nothing(
    office: Office, amount: str, facts: dict[str, object], entry: dict[str, object]
) -> None:
    ours = office.on_the_road(Out.SENT, office.payment(end_to_end_id="A"))
    detail = office.detail(**{"end_to_end_id": "A", **facts})
    booked = Decimal(0) if entry else Decimal(amount)
    closing = str(Decimal("50.00") + booked)
    office.book(office.statement("50.00", closing, office.entry(amount, detail, **entry)))
    assert _payment_states(office, ours.id) == [Pay.INSTRUCTED]


def test_a_return_that_stands_before_its_debit_still_counts(office: Office) -> None:
    ours = office.on_the_road(Out.SENT, office.payment(end_to_end_id="A"))
    back = office.entry("10.00", office.detail(end_to_end_id="A", return_reason="AC04"))
    debit = office.entry("-10.00", office.detail(end_to_end_id="A"))
    office.book(office.statement("5.00", "5.00", back, debit))
    assert _payment_states(office, ours.id) == [Pay.RETURNED]


def test_a_debit_of_another_account_is_not_our_payment(office: Office) -> None:
    other = office.payment(end_to_end_id="A", account="DE02120300000000202051")
    ours = office.on_the_road(Out.SENT, other)
    debit = office.entry("-10.00", office.detail(end_to_end_id="A"))
    office.book(office.statement("100.00", "90.00", debit))
    assert _payment_states(office, ours.id) == [Pay.INSTRUCTED]


def test_two_payments_that_fit_one_line_stay_as_they_are(office: Office) -> None:
    twins = [office.payment(end_to_end_id="A") for _ in range(2)]
    ours = office.on_the_road(Out.SENT, *twins)
    debit = office.entry("-10.00", office.detail(end_to_end_id="A"))
    office.book(office.statement("100.00", "90.00", debit))
    assert _payment_states(office, ours.id) == [Pay.INSTRUCTED, Pay.INSTRUCTED]


def test_a_line_that_names_our_message_proves_the_arrival(office: Office) -> None:
    ours = office.on_the_road(Out.IN_DOUBT, message_id="M1")
    office.book(office.statement("9.00", "4.00", office.entry("-5.00", batch_message_id="M1")))
    assert office.state(ours) is Out.SENT
    assert _payment_states(office, ours.id) == [Pay.INSTRUCTED]


def test_a_payment_found_in_the_account_proves_the_arrival_of_its_file(office: Office) -> None:
    ours = office.on_the_road(Out.IN_DOUBT, office.payment(end_to_end_id="A"))
    debit = office.entry("-10.00", office.detail(end_to_end_id="A"))
    office.book(office.statement("100.00", "90.00", debit))
    assert [m.target for m in office.ledger.moves(ours.id)][-2:] == ["sent", "accepted"]
    assert _payment_states(office, ours.id) == [Pay.BOOKED]


def test_a_held_statement_says_nothing_of_our_payments_until_it_is_released(
    office: Office,
) -> None:
    ours = office.on_the_road(Out.SENT, office.payment(end_to_end_id="A"))
    debit = office.entry("-10.00", office.detail(end_to_end_id="A"))
    file = office.book(office.statement("100.00", "80.00", debit))
    assert _payment_states(office, ours.id) == [Pay.INSTRUCTED]
    office.ledger.release_statement(f"{file.id}-1", "ann", "bank erred", office.later())
    assert _payment_states(office, ours.id) == [Pay.BOOKED]


def test_an_overlap_waits_and_tells_how_many_entries_are_there_already(office: Office) -> None:
    fee, other, later = office.entry("1.00"), office.entry("2.00"), office.entry("4.00")
    early, late = date(2026, 1, 5), date(2026, 1, 6)
    first = office.statement("0.00", "4.00", fee, fee, other, day=5)
    second = office.statement(
        "1.00", "8.00", fee, other, later, day=6, period_from=early, period_to=late
    )
    office.book(first)
    file = office.book(second)
    (row,) = office.ledger.statements(file.id)
    assert (row.kept, row.flags, row.waits) == (Kept.BOOKED, ("overlap",), True)
    assert office.ledger.shared_entries(row.id) == 2  # one of the twins, and the other
    released = office.ledger.release_statement(row.id, "ann", "looked", office.later())
    assert released is not None
    assert not released.waits
    assert office.ledger.release_statement(row.id, "ann", "again", office.later()) is None


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_statements_of_one_day_without_numbers_stand_as_their_balances_join(
    office: Office, order: tuple[int, ...]
) -> None:
    figures = [("10.00", "20.00"), ("20.00", "30.00"), ("30.00", "35.00")]
    day = []
    for begins, ends in figures:
        moved = office.entry(str(Decimal(ends) - Decimal(begins)))
        found = office.statement(begins, ends, moved)
        day.append(replace(found, electronic_sequence="0", created=""))
    for index in order:
        office.book(day[index])
    rows = office.ledger.statements(account=office.account().number)
    assert [row.closing for row in rows] == ["20.00", "30.00", "35.00"]
    assert [(row.flags, row.waits) for row in rows] == [
        (("first",), False),
        ((), False),
        ((), False),
    ]
    assert [balance.amount for balance in office.ledger.balances()] == ["35.00"]


def test_an_overlap_that_shows_later_waits_too_unless_it_was_handed_over(office: Office) -> None:
    late = office.statement("7.00", "8.00", office.entry("1.00"), day=6)
    late = replace(late, period_from=date(2026, 1, 4))
    file = office.book(late)
    office.book(office.statement("0.00", "5.00", office.entry("5.00"), day=5))
    (row,) = office.ledger.statements(file.id)
    assert (row.flags, row.waits) == (("overlap",), True)
    office.book(office.statement("5.00", "7.00", office.entry("2.00"), day=5, created="x"))
    (row,) = office.ledger.statements(file.id)
    assert (row.flags, row.waits) == ((), False)


def test_the_same_number_at_two_banks_is_two_accounts(office: Office) -> None:
    empty = office.statement("0.00", "0.00")
    assert office.book(empty).state is In.BOOKED
    assert office.book(empty, file=office.read(bank="globex")).state is In.BOOKED
    assert {row.bank for row in office.ledger.statements()} == {"acme", "globex"}


def test_two_statements_of_a_day_of_an_account_that_is_emptied_are_no_versions(
    office: Office,
) -> None:
    both = [
        replace(office.statement("0.00", "0.00", office.entry(sum_), office.entry(f"-{sum_}")))
        for sum_ in ("5.00", "7.00")
    ]
    for each in both:
        office.book(each)
    rows = office.ledger.statements(account=office.account().number)
    assert [(row.kept, row.waits) for row in rows] == [(Kept.BOOKED, False)] * 2
