"""One payment's whole life, as the ledger tells it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from h2h.core.problem import Problem, Severity
from h2h.core.statement import StatementKind
from h2h.core.states import Out, Pay
from h2h.core.status import BatchStatus, PaymentStatus, Reason

if TYPE_CHECKING:
    from h2h.ports import File, TraceEvent
    from tests.adapters.ledger.conftest import Office


def life(office: Office, name: str, number: int = 0) -> list[str]:
    """What happened, in order."""
    return [event.what for event in office.ledger.trace(name)[number].events]


def events(office: Office, name: str, what: str) -> list[TraceEvent]:
    (found,) = office.ledger.trace(name)
    return [event for event in found.events if event.what == what]


def test_a_payment_is_traced_from_the_door_to_its_return(office: Office) -> None:
    office.on_the_road(Out.SENT, office.payment(end_to_end_id="A"), message_id="M1")
    office.ledger.tell(
        office.read(),
        office.report("M1", "ACTC", ("A", "ACSP")),
        office.later(),
        rejects_only=False,
    )
    debit = office.entry("-10.00", office.detail(end_to_end_id="A"), servicer_reference="S1")
    office.book(office.statement("100.00", "90.00", debit, kind=StatementKind.INTRADAY))
    office.book(office.statement("100.00", "90.00", debit))
    back = office.entry("10.00", office.detail(end_to_end_id="A", return_reason="AC04"))
    office.book(office.statement("90.00", "100.00", back, day=20))
    assert life(office, "A") == [
        *("claiming", "claimed", "valid", "approved", "sealed", "staged", "delivering", "sent"),
        *("told", "told", "exact", "exact", "return"),
    ]
    (found,) = office.ledger.trace("A")
    assert found.payment.state is Pay.RETURNED
    assert [event.at for event in found.events] == sorted(event.at for event in found.events)


def test_each_report_tells_its_file_its_level_its_code_and_why(office: Office) -> None:
    office.on_the_road(Out.SENT, *(office.payment(end_to_end_id=n) for n in "AB"), message_id="M1")
    status = PaymentStatus("", "A", "RJCT", (Reason("AC04", "closed"),), "", "", "")
    batches = (BatchStatus("B1", "PART", (), (status,)),)
    report = replace(office.report("M1", "PART"), batches=batches)
    file = office.read()
    office.ledger.tell(file, report, office.later(), rejects_only=False)
    told = [
        (event.level, event.code, event.because, event.created, event.file_id)
        for event in events(office, "A", "told")
    ]
    when = "2026-01-05T10:00:00"
    assert told == [
        ("file", "PART", "", when, file.id),
        ("batch", "PART", "", when, file.id),
        ("payment", "RJCT", "AC04 closed", when, file.id),
    ]
    assert [event.level for event in events(office, "B", "told")] == ["file", "batch"]


def test_an_entry_tells_its_statement_its_place_its_day_and_its_amount(office: Office) -> None:
    office.on_the_road(Out.SENT, office.payment(end_to_end_id="A"))
    other = office.entry("1.00")
    debit = office.entry("-10.00", office.detail(end_to_end_id="A"), booking_date=date(2026, 1, 6))
    file = office.book(office.statement("100.00", "91.00", other, debit))
    (found,) = events(office, "A", "exact")
    assert (found.statement_id, found.entry, found.level) == (f"{file.id}-1", 2, "statement")
    assert (found.booking_date, found.amount, found.currency) == (date(2026, 1, 6), "-10.00", "EUR")


def test_a_batch_debit_is_told_of_each_payment_in_it_and_of_no_other(office: Office) -> None:
    payments = [office.payment(end_to_end_id=n, batch_id=b) for n, b in (("A", "B1"), ("B", "B2"))]
    office.on_the_road(Out.SENT, *payments, message_id="M1")
    office.book(office.statement("100.00", "90.00", office.entry("-10.00", batch_id="B1")))
    assert life(office, "A")[-1] == "batch"
    assert life(office, "B")[-1] == "sent"


def test_an_uncertain_entry_says_why(office: Office) -> None:
    office.on_the_road(Out.SENT, office.payment(end_to_end_id="A"))
    office.book(
        office.statement("9.00", "0.00", office.entry("-9.00", office.detail(end_to_end_id="A")))
    )
    (found,) = events(office, "A", "uncertain")
    assert found.because == "it is 9.00 EUR, the payment 10.00 EUR"


def test_other_reports_of_its_entry_are_named_by_the_banks_reference(office: Office) -> None:
    office.on_the_road(Out.SENT, office.payment(end_to_end_id="A"))
    nameless = office.entry("-10.00", servicer_reference="S1")
    debit = office.entry("-10.00", office.detail(end_to_end_id="A"), servicer_reference="S1")
    intraday = office.statement("100.00", "90.00", nameless, kind=StatementKind.INTRADAY)
    first = office.book(intraday)
    assert life(office, "A")[-1] == "sent"
    office.book(office.statement("100.00", "90.00", debit))
    (tied,) = events(office, "A", "tied")
    assert (tied.statement_id, tied.level, tied.entry) == (f"{first.id}-1", "intraday", 1)


def test_without_a_reference_the_notification_that_it_names_is_told(office: Office) -> None:
    office.on_the_road(Out.SENT, office.payment(end_to_end_id="A"))
    debit = office.entry("-10.00", office.detail(end_to_end_id="A"), linked_message_id="N1")
    message = office.message(
        office.statement("0.00", "0.00", office.entry("-10.00"), kind=StatementKind.NOTIFICATION)
    )
    message.message_id = "N1"
    notified = office.ledger.book(office.read(), message, [office.account()], office.later())
    assert notified is not None
    office.book(office.statement("100.00", "90.00", debit))
    (tied,) = events(office, "A", "tied")
    assert (tied.file_id, tied.because) == (notified.id, "N1")


def test_what_a_person_did_to_its_file_is_told_with_the_name(office: Office) -> None:
    hold = Problem("day-total", Severity.HOLD, "too much", "Wait.")
    held = office.admitted(office.payment(end_to_end_id="A"), holds=[hold])
    office.ledger.waive(held, ["day-total"], "ann", "agreed by phone", office.later())
    (found,) = events(office, "A", "noted")
    assert (found.who, found.because) == ("ann", "waived day-total: agreed by phone")


def test_each_payment_with_the_id_is_told_in_the_order_of_their_files(office: Office) -> None:
    first = office.on_the_road(Out.SENT, office.payment(end_to_end_id="A"))
    again = office.payment(end_to_end_id="A", amount=Decimal("11.00"))
    second = office.on_the_road(Out.SEALED, again)
    found = office.ledger.trace("A")
    assert [traced.file.id for traced in found] == [first.id, second.id]
    assert [traced.payment.amount for traced in found] == ["10.00", "11.00"]
    assert office.ledger.trace("B") == []


def test_a_recall_is_told_with_who_asked_and_what_the_bank_said(office: Office) -> None:
    ours = office.on_the_road(Out.SENT, office.payment(end_to_end_id="A"), message_id="M1")
    office.ledger.recall(
        ours,
        "R1",
        payments=["A"],
        batches=(),
        code="DUPL",
        who="ann",
        reason="paid twice",
        now=office.later(),
    )
    (found,) = events(office, "A", "recall")
    assert (found.who, found.file_id, found.level) == ("ann", "R1", "asked")
    assert found.because == "paid twice"


def recall(office: Office, file: File, recall_id: str, *names: str, reason: str) -> File:
    facts = {"code": "DUPL", "who": "ann", "reason": reason}
    asked = office.ledger.recall(
        file, recall_id, payments=names, batches=(), now=office.later(), **facts
    )
    assert asked is not None
    return asked


def test_a_recall_is_told_at_the_payments_alone_that_it_asks_back(office: Office) -> None:
    ours = office.on_the_road(Out.SENT, *(office.payment(end_to_end_id=name) for name in "ABC"))
    recall(office, ours, "R1", "A", reason="twice")
    recall(office, ours, "R2", "B", "C", reason="wrong sum")
    for name, reason in (("A", "twice"), ("B", "wrong sum"), ("C", "wrong sum")):
        (found,) = office.ledger.trace(name)
        by_ann = [event for event in found.events if event.who == "ann"]
        assert [(event.what, event.because) for event in by_ann] == [("recall", reason)]


def test_a_recall_that_was_taken_back_awaits_no_answer(office: Office) -> None:
    ours = office.on_the_road(Out.SENT, office.payment(end_to_end_id="A"))
    office.moved(recall(office, ours, "R1", "A", reason="twice"), Out.CANCELLED)
    (found,) = events(office, "A", "recall")
    assert found.level == "cancelled"
