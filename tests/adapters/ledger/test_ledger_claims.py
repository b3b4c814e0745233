"""Reports and booked lines make payments' states, whichever of them comes first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from h2h.adapters.sql import tables
from h2h.core.chain import first_broken
from h2h.core.matching import CONTRADICTION
from h2h.core.statement import Charge, Entry, StatementKind
from h2h.core.states import Out, Pay
from h2h.core.status import BatchStatus, PaymentStatus, Reason, StatusReport
from h2h.ports import File, Told

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office

INTRADAY, NOTIFICATION = StatementKind.INTRADAY, StatementKind.NOTIFICATION


def sent(office: Office, *names: str, message_id: str = "M1", **facts: object) -> File:
    """A file at the bank with a payment of 10.00 for each name."""
    made = [office.payment(end_to_end_id=name, **facts) for name in names]
    return office.on_the_road(Out.SENT, *made, message_id=message_id)


def states(office: Office, file: File) -> list[Pay]:
    return [row.state for row in office.ledger.payments(file.id)]


def tell(office: Office, report: StatusReport) -> Told:
    told = office.ledger.tell(office.read(), report, office.later(), rejects_only=False)
    assert told is not None
    return told


def debit(office: Office, amount: str, day: int = 5, **facts: object) -> File:
    """A statement of one day with one debit that has one detail."""
    of_entry = {name: facts.pop(name) for name in [*facts] if name in Entry._fields}
    details = (office.detail(**facts),) if facts else ()
    entry = office.entry(amount, *details, booking_date=date(2026, 1, day), **of_entry)
    closing = str(Decimal("100.00") + entry.amount)
    return office.book(office.statement("100.00", closing, entry, day=day))


def claims(office: Office) -> list[tuple[str, int, str, str]]:
    """(file, payment, batch, how) of every claim."""
    columns = (tables.claims.c[name] for name in ("file_id", "number", "batch_id", "how"))
    with office.ledger._reading() as connection:
        return sorted(tuple(row) for row in connection.execute(select(*columns)))


# ------------------------------------------------------------------------------------- one payment


def test_an_instruction_id_finds_the_payment_where_the_bank_gives_no_end_to_end_id(
    office: Office,
) -> None:
    ours = sent(office, "A", instruction_id="ORDER-1")
    debit(office, "-10.00", instruction_id="ORDER-1", end_to_end_id="NOTPROVIDED")
    assert states(office, ours) == [Pay.BOOKED]


@pytest.mark.parametrize("report_first", [True, False])
def test_the_banks_own_reference_finds_it_once_a_report_has_told_it(
    office: Office, report_first: bool
) -> None:
    ours = sent(office, "A")
    status = PaymentStatus("", "A", "ACSP", (), "", "", "BANK-7")
    report = replace(office.report("M1"), batches=(BatchStatus("B1", "", (), (status,)),))
    acts: list[Callable[[], object]] = [
        lambda: tell(office, report),
        lambda: debit(office, "-10.00", servicer_reference="BANK-7"),
    ]
    for act in acts if report_first else acts[::-1]:
        act()
    assert states(office, ours) == [Pay.BOOKED]
    assert claims(office) == [(ours.id, 1, "", "exact")]


def test_an_uncertain_line_is_kept_for_a_person_and_counts_for_nothing(office: Office) -> None:
    ours = sent(office, "A")
    debit(office, "-9.00", end_to_end_id="A")
    assert states(office, ours) == [Pay.INSTRUCTED]
    assert claims(office) == [(ours.id, 1, "", "uncertain")]


def test_one_entry_in_three_reports_claims_the_payment_thrice_and_moves_it_once(
    office: Office,
) -> None:
    ours = sent(office, "A")
    entry = office.entry("-10.00", office.detail(end_to_end_id="A"), servicer_reference="S1")
    for kind in (INTRADAY, NOTIFICATION, StatementKind.STATEMENT):
        booked = office.book(office.statement("100.00", "90.00", entry, kind=kind))
        assert booked.problems == ()
    assert [how for *_, how in claims(office)] == ["exact"] * 3
    words = [m.because for m in office.ledger.moves(ours.id) if "1 booked" in m.because]
    assert len(words) == 1


@pytest.mark.parametrize(
    ("facts", "day", "alarms"),
    [
        ({"servicer_reference": "S1"}, 6, 1),  # another day
        ({"servicer_reference": "S2"}, 5, 1),  # another entry of the same day
        ({"servicer_reference": "S1"}, 5, 0),  # an overlap brings it once more
    ],
)
def test_two_debits_for_one_payment_are_an_alarm(
    office: Office, facts: dict[str, object], day: int, alarms: int
) -> None:
    sent(office, "A")
    first = debit(office, "-10.00", servicer_reference="S1", end_to_end_id="A")
    entry = office.entry(
        "-10.00", office.detail(end_to_end_id="A"), booking_date=date(2026, 1, day), **facts
    )
    other = office.entry("1.00", booking_date=date(2026, 1, 9))
    second = office.book(office.statement("100.00", "91.00", entry, other, day=9))
    assert first.problems == ()
    found = [problem.message for problem in second.problems if problem.rule == CONTRADICTION]
    assert len(found) == alarms
    assert all("payment 1 is booked twice: entry 1 of" in words for words in found)


def test_twins_in_one_statement_for_one_payment_are_an_alarm(office: Office) -> None:
    sent(office, "A")
    twins = [office.entry("-10.00", office.detail(end_to_end_id="A")) for _ in range(2)]
    booked = office.book(office.statement("100.00", "80.00", *twins))
    assert [problem.rule for problem in booked.problems] == [CONTRADICTION]


def test_a_return_weeks_later_is_found_and_charges_must_explain_what_is_less(
    office: Office,
) -> None:
    ours = sent(office, "A", "B", "C")
    for day, name in enumerate("ABC", 5):
        debit(office, "-10.00", day, end_to_end_id=name)
    back = {"return_reason": "AC04 closed"}
    debit(office, "10.00", 26, end_to_end_id="A", **back)
    debit(office, "8.00", 27, end_to_end_id="B", **back)
    charge = Charge(Decimal("2.00"), "EUR", "")
    debit(office, "8.00", 28, end_to_end_id="C", charges=(charge,), **back)
    assert states(office, ours) == [Pay.RETURNED, Pay.BOOKED, Pay.RETURNED]
    assert office.state(ours) is Out.ACCEPTED


@pytest.mark.parametrize("report_first", [True, False])
def test_a_rejection_of_what_is_booked_is_an_alarm_in_either_order(
    office: Office, report_first: bool
) -> None:
    ours = sent(office, "A")
    alarms: list[str] = []

    def report() -> None:
        alarms.extend(tell(office, office.report("M1", "", ("A", "RJCT"))).alarms)

    def entry() -> None:
        booked = debit(office, "-10.00", end_to_end_id="A")
        alarms.extend(problem.message for problem in booked.problems)

    for act in (report, entry) if report_first else (entry, report):
        act()
    assert states(office, ours) == [Pay.BOOKED]
    assert office.state(ours) is Out.ACCEPTED
    assert len(alarms) == 1
    assert "booked" in alarms[0]


def test_what_contradicts_in_a_statement_that_a_person_releases_is_told_on_its_file(
    office: Office,
) -> None:
    sent(office, "A")
    twins = [office.entry("-10.00", office.detail(end_to_end_id="A")) for _ in range(2)]
    file = office.book(office.statement("100.00", "70.00", *twins))
    office.ledger.release_statement(f"{file.id}-1", "ann", "bank erred", office.later())
    found = office.ledger.file(file.id)
    assert found is not None
    assert [problem.rule for problem in found.problems] == [CONTRADICTION]


# ------------------------------------------------------------------------------------------ batches


def batch_debit(office: Office, amount: str, **facts: object) -> File:
    return debit(office, amount, 5, **{"batch_message_id": "M1", "batch_id": "B1", **facts})


def test_a_batch_debit_books_all_of_its_batch(office: Office) -> None:
    ours = sent(office, "A", "B", "C")
    batch_debit(office, "-30.00", batch_transactions=3)
    assert states(office, ours) == [Pay.BOOKED] * 3
    assert claims(office) == [(ours.id, 0, "B1", "batch")]


@pytest.mark.parametrize("facts", [{"batch_message_id": ""}, {"batch_id": ""}, {}])
def test_the_batch_or_the_message_alone_is_enough_to_find_it(
    office: Office, facts: dict[str, object]
) -> None:
    ours = sent(office, "A", "B")
    batch_debit(office, "-20.00", **facts)
    assert states(office, ours) == [Pay.BOOKED] * 2


@pytest.mark.parametrize("report_first", [True, False])
@pytest.mark.parametrize(
    ("amount", "count", "expected"),
    [
        ("-20.00", 2, [Pay.BOOKED, Pay.BOOKED, Pay.REJECTED]),
        ("-30.00", 3, [Pay.BOOKED, Pay.BOOKED, Pay.REJECTED]),
        ("-20.00", 3, [Pay.INSTRUCTED, Pay.INSTRUCTED, Pay.REJECTED]),
        ("-25.00", None, [Pay.INSTRUCTED, Pay.INSTRUCTED, Pay.REJECTED]),
    ],
)
def test_a_sum_claims_what_is_not_rejected_whichever_comes_first(
    office: Office, report_first: bool, amount: str, count: int | None, expected: list[Pay]
) -> None:
    ours = sent(office, "A", "B", "C")
    acts: list[Callable[[], object]] = [
        lambda: tell(office, office.report("M1", "", ("C", "RJCT"))),
        lambda: batch_debit(office, amount, batch_transactions=count),
    ]
    for act in acts if report_first else acts[::-1]:
        act()
    assert states(office, ours) == expected
    how = "batch" if Pay.BOOKED in expected else "uncertain"
    assert claims(office) == [(ours.id, 0, "B1", how)]


def test_some_details_of_a_batch_claim_theirs_and_the_entry_the_rest(office: Office) -> None:
    ours = sent(office, "A", "B", "C")
    detail = office.detail(end_to_end_id="A", amount=Decimal("-10.00"), currency="EUR")
    entry = office.entry("-30.00", detail, batch_id="B1", batch_transactions=3)
    office.book(office.statement("100.00", "70.00", entry))
    assert states(office, ours) == [Pay.BOOKED] * 3
    assert claims(office) == [(ours.id, 0, "B1", "batch"), (ours.id, 1, "", "exact")]


def test_a_message_in_one_sum_claims_its_batches_on_that_account_only(office: Office) -> None:
    payments = [
        office.payment(end_to_end_id="A", batch_id="B1"),
        office.payment(end_to_end_id="B", batch_id="B2"),
        office.payment(end_to_end_id="C", batch_id="B3", account="DE02120300000000202051"),
    ]
    ours = office.on_the_road(Out.SENT, *payments, message_id="M1")
    batch_debit(office, "-20.00", batch_id="")
    assert states(office, ours) == [Pay.BOOKED, Pay.BOOKED, Pay.INSTRUCTED]


def test_a_batch_of_two_files_with_the_same_sum_is_left_to_a_person(office: Office) -> None:
    files = [sent(office, name, message_id=message) for name, message in (("A", "M1"), ("B", "M2"))]
    debit(office, "-10.00", batch_id="B1")
    assert [states(office, file) for file in files] == [[Pay.INSTRUCTED]] * 2
    assert {how for *_, how in claims(office)} == {"uncertain"}


def test_one_payment_of_a_booked_batch_is_returned(office: Office) -> None:
    ours = sent(office, "A", "B")
    batch_debit(office, "-20.00")
    debit(office, "10.00", 20, end_to_end_id="B", return_reason="AC04")
    assert states(office, ours) == [Pay.BOOKED, Pay.RETURNED]


# ----------------------------------------------------------------------------- what is taken back


def versions(office: Office, first: Entry, second: Entry) -> list[Callable[[], object]]:
    """A statement of one day, and its correction an hour later."""
    old = office.statement("100.00", str(100 + first.amount), first, day=6)
    new = office.statement("100.00", str(100 + second.amount), second, day=6)
    new = replace(new, created="2026-01-06T21:00:00")
    return [lambda: office.book(old), lambda: office.book(new)]


@pytest.mark.parametrize("in_order", [True, False])
def test_what_a_superseded_statement_said_does_not_count(office: Office, in_order: bool) -> None:
    ours = sent(office, "A", "B")
    wrong, right = (office.entry("-10.00", office.detail(end_to_end_id=name)) for name in "AB")
    acts = versions(office, wrong, right)
    for act in acts if in_order else acts[::-1]:
        act()
    assert states(office, ours) == [Pay.INSTRUCTED, Pay.BOOKED]
    assert office.state(ours) is Out.ACKNOWLEDGED
    assert claims(office) == [(ours.id, 2, "", "exact")]


def test_a_file_whose_only_entry_is_corrected_away_is_sent_again_as_its_chain_shows(
    office: Office,
) -> None:
    ours = sent(office, "A")
    wrong = office.entry("-10.00", office.detail(end_to_end_id="A"))
    for act in versions(office, wrong, office.entry("-10.00")):
        act()
    moves = office.ledger.moves(ours.id)
    assert [move.target for move in moves][-3:] == ["sent", "accepted", "sent"]
    assert "counts no more: 1 instructed" in moves[-1].because
    assert first_broken(office.ledger.moves()) is None


# -------------------------------------------------------------------------- which file is meant


def test_without_a_message_id_a_report_is_found_by_our_files_name(office: Office) -> None:
    sealed = office.on_the_road(Out.SEALED, office.payment(end_to_end_id="A"), message_id="M1")
    ours = office.ledger.reserve(
        sealed, lambda _: "PAY_7.xml.pgp", "in", office.now, gap_free=False
    )
    assert ours is not None
    for target in (Out.STAGED, Out.DELIVERING, Out.SENT):
        ours = office.moved(ours, target)
    for message_id, name in (("NOTPROVIDED", "PAY_7.xml"), ("ANOTHER", "PAY_7.xml.pgp")):
        report = replace(office.report(message_id, "ACCP"), original_message=name)
        assert tell(office, report).file_id == ours.id
    assert states(office, ours) == [Pay.ACCEPTED]


@pytest.mark.parametrize("message_id", ["", "NOTPROVIDED"])
def test_without_a_message_id_a_report_is_found_by_its_payments(
    office: Office, message_id: str
) -> None:
    ours = sent(office, "A", "B")
    sent(office, "A", "C", message_id="M2", amount=Decimal("11.00"))
    assert (
        tell(office, office.report(message_id, "", ("A", "ACCP"), ("B", "RJCT"))).file_id == ours.id
    )
    assert states(office, ours) == [Pay.ACCEPTED, Pay.REJECTED]
    unclear = tell(office, office.report(message_id, "", ("A", "RJCT")))
    assert (unclear.file_id, len(unclear.alarms)) == ("", 1)
    assert states(office, ours) == [Pay.ACCEPTED, Pay.REJECTED]


def test_a_report_on_batches_alone_is_found_by_them(office: Office) -> None:
    ours = sent(office, "A", batch_id="BATCH-7")
    batch = BatchStatus("BATCH-7", "ACCP", (), ())
    assert tell(office, replace(office.report(""), batches=(batch,))).file_id == ours.id


def test_the_payments_of_another_message_prove_nothing(office: Office) -> None:
    ours = sent(office, "A")
    told = tell(office, office.report("SOMEBODY-ELSES", "", ("A", "RJCT")))
    assert (told.file_id, len(told.alarms)) == ("", 1)
    assert states(office, ours) == [Pay.INSTRUCTED]


# ------------------------------------------------------------------------ verification of the payee


def test_a_payees_check_is_kept_with_the_name_and_waits_until_the_bank_accepts(
    office: Office,
) -> None:
    ours = sent(office, "A", "B")
    close = PaymentStatus("", "A", "RVMC", (Reason("", "Globex S.A."),), "", "", "")
    checked = replace(office.report("M1", "RVCM"), batches=(BatchStatus("B1", "", (), (close,)),))
    told = tell(office, checked)
    assert told.alarms == ()
    assert "waiting at the bank (RVCM, RVMC): authorise or cancel there" in told.waiting
    rows = office.ledger.payments(ours.id)
    assert [(row.payee_check, row.payee_name) for row in rows] == [
        ("RVMC", "Globex S.A."),
        ("", ""),
    ]
    assert {row.state for row in rows} == {Pay.ACKNOWLEDGED}
    tell(office, office.report("M1", "ACSP"))
    again = replace(checked, message_id="R-AGAIN")
    assert tell(office, again).waiting == ""


# -------------------------------------------------------------------------------- in whatever order


def deliveries(office: Office, mark: str) -> list[Callable[[], object]]:
    """A payment file's life as its bank tells it, contradictions and corrections included."""
    names = [f"{mark}-{letter}" for letter in "ABCDEFG"]
    batches = ["B1", "B1", "B1", "B2", "B2", "B2", "B3"]
    a, b, c, d, e, f, g = names

    def report(
        hour: int, group: str = "", **by_batch: Sequence[tuple[str, str, str]]
    ) -> StatusReport:
        told = tuple(
            BatchStatus(
                name,
                "",
                (),
                tuple(PaymentStatus("", n, code, (), "", "", ref) for n, code, ref in listed),
            )
            for name, listed in by_batch.items()
        )
        at = f"2026-01-05T{hour:02}:00:00"
        return replace(office.report(mark, group), created=at, batches=told)

    def one(name: str, amount: str = "-10.00", **facts: object) -> Entry:
        return office.entry(amount, office.detail(end_to_end_id=name, **facts))

    def statement(day: int, hour: int, *entries: Entry, **facts: object) -> Callable[[], object]:
        closing = str(sum((entry.amount for entry in entries), Decimal("100.00")))
        made = office.statement("100.00", closing, *entries, day=day, **facts)
        made = replace(
            made, electronic_sequence=f"{mark}/{day}", created=f"2026-01-{day:02}T{hour:02}:00:00"
        )
        return lambda: office.book(made)

    sum_of_two = office.entry("-20.00", batch_message_id=mark, batch_id="B2", batch_transactions=2)
    office.on_the_road(
        Out.IN_DOUBT,
        *(
            office.payment(end_to_end_id=n, batch_id=batch)
            for n, batch in zip(names, batches, strict=True)
        ),
        message_id=mark,
    )
    reports = [
        report(8, "ACTC"),
        report(9, "PART", B2=[(f, "RJCT", "")]),
        report(10, B1=[(a, "ACCP", ""), (b, "ACCP", "")]),
        report(11, B1=[(a, "RJCT", "")]),
        report(12, B2=[(d, "RVMC", ""), (e, "ACSP", "")]),
        report(13, B3=[(g, "ACSC", f"BANK-{mark}")]),
        replace(report(14, B2=[(e, "RJCT", "")]), created="2026-01-07T10:00:00"),
    ]
    return [
        *(lambda told=told: tell(office, told) for told in reports),
        statement(
            5, 20, one(a), sum_of_two, office.entry("-10.00", servicer_reference=f"BANK-{mark}")
        ),
        statement(5, 12, one(b), kind=INTRADAY),
        statement(5, 13, one(a), kind=NOTIFICATION),
        statement(6, 20, one(c), one(b)),
        statement(6, 21, one(b), office.entry("-10.00")),  # corrects the one before
        statement(20, 20, one(b, "10.00", return_reason="AC04"), one(c, "-9.00")),
    ]


def ledger_of(office: Office, mark: str) -> list[tuple[object, ...]]:
    """All that is known of the payments of a message, but when and in what order it came."""
    payments, files, made = tables.payments, tables.files, tables.statements
    names = [
        *("number", "state", "told", "told_at", "status", "reason"),
        *("servicer_reference", "payee_check", "payee_name", "payee_at"),
    ]
    ours = select(files.c.id).where(files.c.message_id == mark).scalar_subquery()
    queries = (
        select(*(payments.c[name] for name in names)).where(payments.c.file_id == ours),
        select(files.c.state).where(files.c.id == ours),
        select(made.c.electronic_sequence, made.c.kind, made.c.created, *tables.claims.c[1:3])
        .add_columns(*tables.claims.c[4:])
        .join(made, made.c.key == tables.claims.c.statement)
        .where(tables.claims.c.file_id == ours),
    )
    with office.ledger._reading() as connection:
        found = [sorted(map(str, connection.execute(query))) for query in queries]
    return [tuple(word.replace(mark, "MARK") for word in each) for each in found]


@pytest.fixture
def in_order(office: Office) -> list[tuple[object, ...]]:
    mark = f"M{next(office.numbers)}"
    for act in deliveries(office, mark):
        act()
    found = ledger_of(office, mark)
    assert "'returned'" in str(found)
    assert "uncertain" in str(found)
    return found


@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # an order that fails is short enough
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(order=st.permutations(range(13)), again=st.lists(st.integers(0, 12), max_size=4))
def test_the_ledger_is_the_same_whatever_comes_first_and_how_often(
    office: Office, in_order: list[tuple[object, ...]], order: list[int], again: list[int]
) -> None:
    mark = f"M{next(office.numbers)}"
    acts = deliveries(office, mark)
    for number in [*order, *again]:
        acts[number]()
    assert ledger_of(office, mark) == in_order


# ------------------------------------------------------------------------ the bank's own references


def referring(office: Office, reference: str, hour: int) -> StatusReport:
    status = PaymentStatus("", "A", "ACSP", (), "", "", reference)
    report = replace(office.report("M1"), batches=(BatchStatus("B1", "", (), (status,)),))
    return replace(report, created=f"2026-01-05T{hour}:00:00")


@pytest.mark.parametrize("order", [*permutations(range(3))])
@pytest.mark.parametrize("booked_under", ["R1", "R2"])
def test_of_two_references_the_entry_may_have_either_whatever_comes_first(
    office: Office, order: Sequence[int], booked_under: str
) -> None:
    ours = sent(office, "A")
    acts: list[Callable[[], object]] = [
        lambda: tell(office, referring(office, "R1", 10)),
        lambda: tell(office, referring(office, "R2", 11)),
        lambda: debit(office, "-10.00", servicer_reference=booked_under),
    ]
    for which in order:
        acts[which]()
    assert states(office, ours) == [Pay.BOOKED]


def test_a_transaction_within_a_batch_is_found_by_its_own_reference(office: Office) -> None:
    ours = sent(office, "A", "B")
    tell(office, referring(office, "R1", 10))
    details = [
        office.detail(amount=Decimal("10.00"), currency="EUR", servicer_reference=reference)
        for reference in ("R1", "another's")
    ]
    batch = office.entry("-20.00", *details, servicer_reference="SUM", batch_transactions=2)
    office.book(office.statement("100.00", "80.00", batch))
    assert states(office, ours) == [Pay.BOOKED, Pay.INSTRUCTED]


@pytest.mark.parametrize(
    ("bookings", "state"),
    [("-+", Pay.RETURNED), ("-+-", Pay.BOOKED), ("-+-+", Pay.RETURNED)],
)
def test_what_is_reversed_and_booked_once_more_is_booked(
    office: Office, bookings: str, state: Pay
) -> None:
    ours = sent(office, "A")
    named = office.detail(end_to_end_id="A")
    made = [
        office.entry(f"{sign}10.00", named, reversal=sign == "+", servicer_reference=f"S{place}")
        for place, sign in enumerate(bookings)
    ]
    closing = str(sum((entry.amount for entry in made), Decimal("100.00")))
    office.book(office.statement("100.00", closing, *made))
    assert states(office, ours) == [state]
    once = office.statement("100.00", "90.00", made[0], kind=NOTIFICATION)
    office.book(once)
    assert states(office, ours) == [state]


def test_a_batch_that_is_debited_twice_is_an_alarm(office: Office) -> None:
    sent(office, "A", "B")
    sums = [office.entry("-20.00", batch_id="B1", batch_message_id="M1") for _ in range(2)]
    booked = office.book(office.statement("100.00", "60.00", *sums))
    (problem,) = booked.problems
    assert "batch B1 is booked twice: entry" in problem.message
