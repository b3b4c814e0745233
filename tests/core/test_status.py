"""What a status report does to our payments, and what follows for their file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations_with_replacement, permutations

import pytest

from h2h.core.states import OUT_MOVES, PAY_MOVES, Out, Pay
from h2h.core.status import (
    MEANINGS,
    MOST_ALARMS,
    BatchStatus,
    Effect,
    Meaning,
    PaymentKey,
    PaymentStatus,
    Reason,
    StatusReport,
    answers_duplicate,
    file_state,
    meaning_of,
    payment_targets,
    reason_words,
)

ONE = PaymentKey(1, "B1", "I1", "E1", "10.00", Pay.INSTRUCTED)
TWO = PaymentKey(2, "B1", "I2", "E2", "20.00", Pay.INSTRUCTED)
THREE = PaymentKey(3, "B2", "I3", "E3", "30.00", Pay.INSTRUCTED)
ALL = (ONE, TWO, THREE)


def told(
    end_to_end_id: str, status: str, *, instruction_id: str = "", amount: str = ""
) -> PaymentStatus:
    return PaymentStatus(instruction_id, end_to_end_id, status, (), amount, "", "")


def report(
    group: str = "", *batches: BatchStatus, reasons: tuple[Reason, ...] = ()
) -> StatusReport:
    return StatusReport("R1", "", "M1", "pain.001.001.09", group, reasons, batches)


def batch(id_: str, status: str, *payments: PaymentStatus) -> BatchStatus:
    return BatchStatus(id_, status, (), payments)


def states(effect: Effect) -> dict[int, Pay]:
    return {target.number: target.state for target in effect.targets}


def apply(
    said: StatusReport, payments: Sequence[PaymentKey] = ALL, *, rejects_only: bool = False
) -> Effect:
    return payment_targets(said, payments, rejects_only=rejects_only)


# --------------------------------------------------------------------------------------- the table


@pytest.mark.parametrize(
    ("codes", "state"),
    [
        ("RCVD ACTC PDNG PATC ACFW RCVC RVCM RVNC RVNM RVMC RVNA", Pay.ACKNOWLEDGED),
        ("ACCP ACFC ACWC ACSP ACPD ACWP ACSC ACCC", Pay.ACCEPTED),
        ("RJCT", Pay.REJECTED),
        ("CANC", Pay.CANCELLED),
    ],
)
def test_every_code_of_the_table_moves_a_payment_to_its_state(codes: str, state: Pay) -> None:
    for code in codes.split():
        effect = apply(report(code))
        assert states(effect) == {1: state, 2: state, 3: state}
        assert [target.code for target in effect.targets] == [code] * 3
        assert effect.alarms == ()


def test_the_table_has_no_code_beyond_those() -> None:
    assert len(MEANINGS) == 11 + 8 + 1 + 1 + 2
    assert meaning_of("BLCK") is Meaning.BLOCKED
    assert meaning_of("PART") is Meaning.PARTLY


def test_an_unknown_code_is_recorded_and_moves_nothing() -> None:
    effect = apply(report("", batch("B1", "", told("E1", "WHAT"))))
    assert [(t.number, t.state, t.code) for t in effect.targets] == [(1, Pay.INSTRUCTED, "WHAT")]
    assert effect.alarms == ("WHAT is no known status of a payment; it moves nothing",)


def test_a_blocked_payment_stays_where_it_was_and_is_an_alarm() -> None:
    effect = apply(report("", batch("B1", "", told("E1", "BLCK"))))
    assert states(effect) == {1: Pay.INSTRUCTED}
    assert effect.alarms == ("BLCK: the bank blocks payment 1 (E1)",)


# ------------------------------------------------------------------------------------------- levels


def test_the_payments_status_counts_else_its_batchs_else_the_groups() -> None:
    said = report("ACTC", batch("B1", "ACCP", told("E1", "RJCT"), told("E2", "")))
    assert states(apply(said)) == {1: Pay.REJECTED, 2: Pay.ACCEPTED, 3: Pay.ACKNOWLEDGED}


def test_a_batchs_status_reaches_its_unlisted_payments_only() -> None:
    assert states(apply(report("", batch("B1", "ACCP")))) == {1: Pay.ACCEPTED, 2: Pay.ACCEPTED}


def test_under_part_unlisted_payments_stay_as_they_were() -> None:
    for said in (
        report("PART", batch("B1", "", told("E1", "RJCT"))),
        report("PART", batch("B1", "PART", told("E1", "RJCT"))),
    ):
        assert states(apply(said)) == {1: Pay.REJECTED}


def test_where_the_bank_reports_rejects_only_the_rest_is_accepted() -> None:
    said = report("PART", batch("B1", "PART", told("E1", "RJCT")))
    effect = apply(said, rejects_only=True)
    assert states(effect) == {1: Pay.REJECTED, 2: Pay.ACCEPTED, 3: Pay.ACCEPTED}
    assert [target.code for target in effect.targets] == ["RJCT", "PART", "PART"]
    only_a_batch = report("", batch("B1", "PART", told("E1", "RJCT")))
    assert states(apply(only_a_batch, rejects_only=True)) == {1: Pay.REJECTED, 2: Pay.ACCEPTED}


def test_reasons_come_from_the_level_that_counted() -> None:
    status = replace(told("E1", "RJCT"), reasons=(Reason("AC04", "closed account number"),))
    said = report("RJCT", batch("B1", "", status), reasons=(Reason("NARR", ""), Reason("", "all")))
    reasons = {target.number: target.reason for target in apply(said).targets}
    assert reasons == {1: "AC04 closed account number", 2: "NARR; all", 3: "NARR; all"}
    assert reason_words(()) == ""


# ----------------------------------------------------------------------------------------- matching


def test_twins_by_end_to_end_id_are_told_apart_by_instruction_or_amount() -> None:
    twins = (ONE, replace(TWO, end_to_end_id="E1"))
    by_instruction = report("", batch("B1", "", told("E1", "RJCT", instruction_id="I2")))
    by_amount = report("", batch("B1", "", told("E1", "RJCT", amount="20")))
    assert states(apply(by_instruction, twins)) == {2: Pay.REJECTED}
    assert states(apply(by_amount, twins)) == {2: Pay.REJECTED}


def test_a_twin_in_another_batch_is_not_meant() -> None:
    twins = (ONE, replace(THREE, end_to_end_id="E1"))
    assert states(apply(report("", batch("B2", "", told("E1", "RJCT"))), twins)) == {
        3: Pay.REJECTED
    }


def test_what_fits_two_payments_moves_neither_and_is_an_alarm() -> None:
    twins = (ONE, replace(TWO, end_to_end_id="E1"), THREE)
    effect = apply(report("ACCP", batch("B1", "", told("E1", "RJCT"))), twins)
    assert states(effect) == {3: Pay.ACCEPTED}
    assert effect.alarms == ("RJCT for payment 'E1' fits 2 of our payments",)


def test_an_instruction_id_that_is_not_given_does_not_mean_the_payment_that_has_none() -> None:
    twins = (ONE, replace(TWO, end_to_end_id="E1", instruction_id=""))
    assert apply(report("", batch("B1", "", told("E1", "RJCT"))), twins).targets == ()


@pytest.mark.parametrize(
    "listed",
    [
        told("NOBODY", "RJCT"),
        told("E1", "RJCT", instruction_id="I9"),
        told("", "RJCT"),
        told("NOTPROVIDED", "RJCT"),
    ],
)
def test_what_fits_no_payment_is_an_alarm(listed: PaymentStatus) -> None:
    effect = apply(report("", batch("B1", "", listed)))
    assert effect.targets == ()
    assert len(effect.alarms) == 1
    assert "fits none of our payments" in effect.alarms[0]


def test_a_payment_without_an_end_to_end_id_is_found_by_its_instruction() -> None:
    nameless = replace(ONE, end_to_end_id="NOTPROVIDED")
    said = report("", batch("B1", "", told("NOTPROVIDED", "RJCT", instruction_id="I1")))
    assert states(apply(said, (nameless, TWO))) == {1: Pay.REJECTED}


def test_an_instruction_id_that_the_bank_made_up_excludes_nobody() -> None:
    plain = replace(ONE, instruction_id="")
    said = report("", batch("NOTPROVIDED", "", told("E1", "RJCT", instruction_id="BANK-1")))
    assert states(apply(said, (plain, TWO))) == {1: Pay.REJECTED}


def test_a_batch_that_is_not_ours_is_an_alarm() -> None:
    effect = apply(report("", batch("B9", "RJCT")))
    assert effect == Effect((), ("RJCT for batch B9: not in our file",))


def test_many_alarms_are_cut_short() -> None:
    strangers = [told(f"X{number}", "RJCT") for number in range(MOST_ALARMS + 5)]
    alarms = apply(report("", batch("B1", "", *strangers))).alarms
    assert len(alarms) == MOST_ALARMS + 1
    assert alarms[-1] == "and 5 more of the kind"


# ------------------------------------------------------------------------------- in whatever order


def after(codes: Sequence[str], start: Pay = Pay.INSTRUCTED) -> tuple[Pay, int]:
    """One payment's state after the reports in this order, and how many alarms there were."""
    payment, alarms = replace(ONE, state=start), 0
    for code in codes:
        effect = apply(report(code), (payment,))
        alarms += len(effect.alarms)
        for target in effect.targets:
            assert target.state is payment.state or target.state in PAY_MOVES[payment.state]
            payment = replace(payment, state=target.state)
    return payment.state, alarms


def test_reports_without_contradiction_end_the_same_in_any_order() -> None:
    for codes, end in (
        (("RCVD", "ACTC", "ACCP", "ACSP", "ACSC"), Pay.ACCEPTED),
        (("RCVC", "ACTC", "PDNG", "RJCT"), Pay.REJECTED),
        (("RCVD", "ACTC", "CANC"), Pay.CANCELLED),
    ):
        assert {after(order) for order in permutations(codes)} == {(end, 0)}


def test_a_rejection_after_acceptance_counts_and_the_other_way_round_is_an_alarm() -> None:
    ends = {order: after(order) for order in permutations(("ACTC", "ACSC", "RJCT"))}
    for order, (state, alarms) in ends.items():
        assert state is Pay.REJECTED
        assert alarms == (order.index("RJCT") < order.index("ACSC"))


def test_of_a_rejection_and_a_cancellation_the_first_counts_and_the_second_is_an_alarm() -> None:
    for order in permutations(("ACTC", "RJCT", "CANC")):
        state, alarms = after(order)
        first = min(("RJCT", "CANC"), key=order.index)
        assert state is {"RJCT": Pay.REJECTED, "CANC": Pay.CANCELLED}[first]
        assert alarms == 1


@pytest.mark.parametrize(
    ("start", "code", "end", "alarms"),
    [
        (Pay.BOOKED, "RJCT", Pay.BOOKED, 1),
        (Pay.BOOKED, "CANC", Pay.BOOKED, 1),
        (Pay.BOOKED, "ACSC", Pay.BOOKED, 0),
        (Pay.BOOKED, "ACTC", Pay.BOOKED, 0),
        (Pay.RETURNED, "ACSC", Pay.RETURNED, 0),
        (Pay.RETURNED, "RJCT", Pay.RETURNED, 1),
        (Pay.REJECTED, "ACTC", Pay.REJECTED, 0),
        (Pay.REJECTED, "RJCT", Pay.REJECTED, 0),
        (Pay.ACCEPTED, "CANC", Pay.CANCELLED, 0),
    ],
)
def test_only_contradictions_are_alarms_old_news_is_not(
    start: Pay, code: str, end: Pay, alarms: int
) -> None:
    assert after([code], start) == (end, alarms)


def test_a_payment_listed_twice_in_one_report_is_judged_line_by_line() -> None:
    twice = batch("B1", "", told("E1", "ACSC"), told("E1", "RJCT"))
    assert states(apply(report("", twice))) == {1: Pay.REJECTED}
    effect = apply(report("", replace(twice, payments=twice.payments[::-1])))
    assert states(effect) == {1: Pay.REJECTED}
    assert effect.alarms == ("ACSC contradicts: payment 1 (E1) is rejected",)


# --------------------------------------------------------------------------------- the file's state


@pytest.mark.parametrize(
    ("payments", "state"),
    [
        ((), None),
        ((Pay.INSTRUCTED,), None),
        ((Pay.ACKNOWLEDGED, Pay.ACKNOWLEDGED), Out.ACKNOWLEDGED),
        ((Pay.ACKNOWLEDGED, Pay.INSTRUCTED), Out.ACKNOWLEDGED),
        ((Pay.ACCEPTED, Pay.INSTRUCTED), Out.ACKNOWLEDGED),
        ((Pay.REJECTED, Pay.INSTRUCTED), Out.ACKNOWLEDGED),
        ((Pay.ACCEPTED, Pay.BOOKED, Pay.RETURNED), Out.ACCEPTED),
        ((Pay.REJECTED, Pay.REJECTED), Out.REJECTED),
        ((Pay.CANCELLED,), Out.CANCELLED_BY_BANK),
        ((Pay.CANCELLED, Pay.REJECTED), Out.REJECTED),
        ((Pay.ACCEPTED, Pay.REJECTED), Out.PART_ACCEPTED),
        ((Pay.BOOKED, Pay.CANCELLED, Pay.INSTRUCTED), Out.PART_ACCEPTED),
    ],
)
def test_a_sent_files_state_follows_from_its_payments(
    payments: tuple[Pay, ...], state: Out | None
) -> None:
    assert file_state(payments, Out.SENT) is state


def test_a_files_state_never_moves_unlawfully() -> None:
    moves = 0
    for current in Out:
        for payments in combinations_with_replacement(Pay, 3):
            target = file_state(payments, current)
            assert target is None or target in OUT_MOVES[current]
            moves += target is not None
    assert moves > 100
    assert file_state([Pay.ACKNOWLEDGED], Out.ACCEPTED) is None
    assert file_state([Pay.ACCEPTED, Pay.REJECTED], Out.ACCEPTED) is Out.PART_ACCEPTED


def test_a_duplicate_answer_proves_that_the_first_copy_arrived() -> None:
    for code in ("DU01", "AM05"):
        assert answers_duplicate(report("RJCT", reasons=(Reason(code, ""),)))
    assert not answers_duplicate(report("RJCT", reasons=(Reason("AM10", ""),)))
    assert not answers_duplicate(report("ACTC", reasons=(Reason("DU01", ""),)))
    rejected = replace(told("E1", "RJCT"), reasons=(Reason("AM05", ""),))
    assert not answers_duplicate(report("PART", batch("B1", "", rejected)))
