"""What a status report does to our payments, and what follows for their file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations_with_replacement, permutations

import pytest

from h2h.core.states import AT_THE_BANK, Out, Pay
from h2h.core.status import (
    MEANINGS,
    MOST_ALARMS,
    BatchStatus,
    Effect,
    Fact,
    Meaning,
    Payee,
    PaymentKey,
    PaymentStatus,
    Reason,
    StatusReport,
    answers_duplicate,
    file_state,
    meaning_of,
    payment_targets,
    reason_words,
    usable,
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
    group: str = "", *batches: BatchStatus, reasons: tuple[Reason, ...] = (), at: str = ""
) -> StatusReport:
    return StatusReport("R1", at, "M1", "pain.001.001.09", group, reasons, batches)


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
        ("RCVD ACTC PDNG PATC ACFW RCVC RVCM RCVM RVNC RVNM RVMC RVNA", Pay.ACKNOWLEDGED),
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
    assert len(MEANINGS) == 12 + 8 + 1 + 1 + 2
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
    assert effect.targets == ()
    assert effect.alarms == ("RJCT for batch B9: not in our file",)


def test_many_alarms_are_cut_short() -> None:
    strangers = [told(f"X{number}", "RJCT") for number in range(MOST_ALARMS + 5)]
    alarms = apply(report("", batch("B1", "", *strangers))).alarms
    assert len(alarms) == MOST_ALARMS + 1
    assert alarms[-1] == "and 5 more of the kind"


# ------------------------------------------------------------------------------- in whatever order


def after(reports: Sequence[StatusReport], start: PaymentKey = ONE) -> tuple[PaymentKey, list[str]]:
    """What was told of one payment after the reports in this order, and the alarms."""
    payment, alarms = start, list[str]()
    for said in reports:
        effect = apply(said, (payment,))
        alarms += effect.alarms
        payment = effect.targets[0] if effect.targets else payment
    return payment, alarms


def on(day: int, code: str) -> StatusReport:
    return report(code, at=f"2026-01-{day:02}T10:00:00")


def test_reports_end_the_same_in_any_order_and_the_code_is_that_of_the_weightiest() -> None:
    for codes, state, code in (
        (("RCVD", "ACTC", "ACCP", "ACSP", "ACSC"), Pay.ACCEPTED, "ACSC"),
        (("RCVC", "ACTC", "PDNG", "RJCT"), Pay.REJECTED, "RJCT"),
        (("RCVD", "ACTC", "CANC"), Pay.CANCELLED, "CANC"),
        (("WHAT", "RCVD"), Pay.ACKNOWLEDGED, "RCVD"),
    ):
        for order in permutations([on(day, code) for day, code in enumerate(codes, 1)]):
            payment, _ = after(order)
            assert (payment.state, payment.code) == (state, code)


def test_reports_without_contradiction_raise_no_alarm_in_any_order() -> None:
    for codes in (("RCVD", "ACTC", "ACCP", "ACSC", "RJCT"), ("ACTC", "ACCP", "CANC")):
        for order in permutations([on(day, code) for day, code in enumerate(codes, 1)]):
            assert after(order)[1] == []


@pytest.mark.parametrize("codes", [("RJCT", "ACSC"), ("CANC", "ACSC"), ("RJCT", "CANC")])
def test_contradictions_are_alarms_in_either_order(codes: tuple[str, str]) -> None:
    reports = [on(day, code) for day, code in enumerate(codes, 1)]
    first, second = after(reports), after(reports[::-1])
    assert first[0] == second[0]
    assert len(first[1]) == len(second[1]) == 1


def test_an_acceptance_beside_a_rejection_of_the_same_moment_is_an_alarm() -> None:
    for order in permutations([on(1, "ACSC"), on(1, "RJCT")]):
        payment, alarms = after(order)
        assert payment.state is Pay.REJECTED
        assert len(alarms) == 1


def test_the_same_report_again_tells_nothing_new() -> None:
    payment, _ = after([on(1, "ACSC")])
    assert apply(on(1, "ACSC"), (payment,)).targets == ()


def test_the_rejection_of_what_is_booked_is_an_alarm_and_its_acceptance_old_news() -> None:
    booked = replace(ONE, booked=True)
    assert after([report("RJCT")], booked)[1] == ["RJCT contradicts: payment 1 (E1) is booked"]
    assert after([report("CANC")], booked)[1] == ["CANC contradicts: payment 1 (E1) is booked"]
    assert after([report("ACSC"), report("ACTC")], booked)[1] == []


def test_a_payment_listed_twice_in_one_report_is_told_the_weightiest() -> None:
    twice = batch("B1", "", told("E1", "ACSC"), told("E1", "RJCT"))
    for said in (report("", twice), report("", replace(twice, payments=twice.payments[::-1]))):
        effect = apply(said)
        assert states(effect) == {1: Pay.REJECTED}
        assert len(effect.alarms) == 1


# ------------------------------------------------------------------------ verification of the payee


def payee(code: str, words: str = "", name: str = "") -> PaymentStatus:
    reasons = (Reason("", words),) if words else ()
    return replace(told("E1", code), reasons=reasons, payee_name=name)


@pytest.mark.parametrize(
    ("status", "check", "name", "waiting"),
    [
        (payee("RCVC"), "RCVC", "", ()),
        (payee("RVMC", "Globex S.A."), "RVMC", "Globex S.A.", ("RVMC",)),
        (payee("RVMC", name="Globex S.A."), "RVMC", "Globex S.A.", ("RVMC",)),
        (payee("RVNM"), "RVNM", "", ("RVNM",)),
        (payee("RVNA"), "RVNA", "", ("RVNA",)),
        (payee("RVNC"), "RVNC", "", ()),
        (replace(told("E1", "PDNG"), reasons=(Reason("RVNM", ""),)), "RVNM", "", ("RVNM",)),
        (told("E1", "PDNG"), "", "", ()),
        (told("E1", "PATC"), "", "", ("PATC",)),
    ],
)
def test_a_payees_check_neither_accepts_nor_rejects_and_may_wait_for_a_person(
    status: PaymentStatus, check: str, name: str, waiting: tuple[str, ...]
) -> None:
    effect = apply(report("", batch("B1", "", status)))
    found = effect.targets[0]
    assert found.state is Pay.ACKNOWLEDGED
    assert (found.payee.check, found.payee.name) == (check, name)
    assert effect.waiting == waiting


def test_a_check_of_all_payees_with_mismatches_says_nothing_of_one_payee() -> None:
    for code in ("RVCM", "RCVM"):
        effect = apply(report(code, batch("B1", "", payee("RVMC", "Globex S.A."))))
        assert effect.waiting == tuple(sorted((code, "RVMC")))
        assert [target.payee.check for target in effect.targets] == ["RVMC", "", ""]
    assert [target.payee.check for target in apply(report("RCVC")).targets] == ["RCVC"] * 3


def test_the_latest_check_of_a_payee_counts_in_any_order() -> None:
    reports = [
        report("", batch("B1", "", payee("RVNM")), at="2026-01-05T10:00:00"),
        report("", batch("B1", "", payee("RCVC")), at="2026-01-05T11:00:00"),
    ]
    for order in permutations(reports):
        assert after(order)[0].payee == Payee("2026-01-05T11:00:00.000000", "RCVC", "")


# --------------------------------------------------------------------------------------- what stays


def test_what_a_report_says_is_kept_at_its_level() -> None:
    reasons = (Reason("AC04", "closed"),)
    said = report(
        "PART",
        replace(batch("B1", "ACCP", told("E1", ""), told("E2", "RJCT")), reasons=reasons),
        batch("B2", ""),
    )
    assert apply(said).facts == (
        Fact(0, "", "PART", ""),
        Fact(0, "B1", "ACCP", "AC04 closed"),
        Fact(2, "B1", "RJCT", ""),
    )


def test_the_banks_own_reference_of_a_payment_is_kept() -> None:
    status = replace(told("E1", ""), servicer_reference="BANK-7")
    (found,) = apply(report("", batch("B1", "", status))).targets
    assert (found.servicer_reference, found.state) == ("BANK-7", Pay.INSTRUCTED)


@pytest.mark.parametrize("name", ["", "NOTPROVIDED", "notprovided", "UNKNOWN", "NONREF"])
def test_a_word_in_place_of_the_message_id_is_none(name: str) -> None:
    assert not usable(name)
    assert usable("MSG-1")


# --------------------------------------------------------------------------------- the file's state


@pytest.mark.parametrize(
    ("payments", "state"),
    [
        ((), None),
        ((Pay.INSTRUCTED,), None),  # it stays sent
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


def test_only_a_file_at_its_bank_follows_its_payments_and_wherever_they_lead() -> None:
    for current, other in ((current, other) for current in Out for other in AT_THE_BANK):
        for payments in combinations_with_replacement(Pay, 3):
            target = file_state(payments, current)
            if current in AT_THE_BANK:
                assert (target or current) is (file_state(payments, other) or other)
            else:
                assert target is None
    assert file_state([Pay.INSTRUCTED], Out.ACCEPTED) is Out.SENT
    assert file_state([Pay.ACCEPTED, Pay.REJECTED], Out.REJECTED) is Out.PART_ACCEPTED


def test_a_duplicate_answer_proves_that_the_first_copy_arrived() -> None:
    for code in ("DU01", "AM05"):
        assert answers_duplicate(report("RJCT", reasons=(Reason(code, ""),)))
    assert not answers_duplicate(report("RJCT", reasons=(Reason("AM10", ""),)))
    assert not answers_duplicate(report("ACTC", reasons=(Reason("DU01", ""),)))
    rejected = replace(told("E1", "RJCT"), reasons=(Reason("AM05", ""),))
    assert not answers_duplicate(report("PART", batch("B1", "", rejected)))
