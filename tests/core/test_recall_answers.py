"""What a bank's answer to a recall means, payment by payment."""

from __future__ import annotations

import pytest

from h2h.core.recall import (
    Answer,
    Asked,
    Outcome,
    Resolution,
    message_id,
    outcome,
    recall_state,
)
from h2h.core.states import Out, Pay
from h2h.core.status import BatchStatus, PaymentKey, PaymentStatus, Reason

ASKED, PENDING, RECALLED, REFUSED = Answer
COURT = (Reason("LEGL", "court order"),)


def asked(*ids: str, answer: Answer = ASKED) -> list[Asked]:
    """Payments of two batches: those called B… stand in batch B, all others in A."""
    return [
        Asked(PaymentKey(n, "B" if name[0] == "B" else "A", "", name, "10", Pay.ACCEPTED), answer)
        for n, name in enumerate(ids, 1)
    ]


def listed(name: str, status: str, reasons: tuple[Reason, ...] = ()) -> PaymentStatus:
    return PaymentStatus("", name, status, reasons, "", "", "")


def said(
    case: str = "",
    *payments: PaymentStatus,
    group: str = "",
    batch: str = "",
    reasons: tuple[Reason, ...] = (),
) -> Resolution:
    """A resolution; `batch` is the status of batch A, where the listed payments stand, too."""
    batches = (BatchStatus("A" if batch else "", batch, (), payments),)
    return Resolution("R-1", "", (), "MSG-1", case, group, reasons, batches)


def answers(done: Outcome) -> dict[int, str]:
    return {each.number: each.answer.value for each in done.answered}


@pytest.mark.parametrize(
    ("resolution", "expected"),
    [
        (said("CNCL"), "recalled"),
        (said("CNCL", group="ACCR"), "recalled"),
        (said("PECR", listed("E-1", "ACCR")), "recalled"),
        (said("", listed("E-1", "ACCR")), "recalled"),
        (said("PDCR", listed("E-1", "ACCR")), "recalled"),
        (said("CNCL", listed("E-1", "")), "recalled"),
        (said("RJCR"), "refused"),
        (said("", group="RJCR"), "refused"),
        (said("PECR", listed("E-1", "RJCR")), "refused"),
        (said("PDCR"), "pending"),
        (said("CWFW"), "pending"),
        (said("PECR", listed("E-1", "PDCR")), "pending"),
    ],
)
def test_a_clear_answer_is_taken_without_an_alarm(resolution: Resolution, expected: str) -> None:
    done = outcome(resolution, asked("E-1"))
    assert answers(done) == {1: expected}
    assert done.alarms == ()


@pytest.mark.parametrize(
    ("resolution", "alarm"),
    [
        (said("INFO"), "INFO is no known answer"),
        (said("MODI", listed("E-1", "")), "MODI is no known answer"),
        (said("CNCL", listed("E-1", "FOO")), "FOO is no known answer"),
        (said("", group="ACCR"), "without CNCL"),
        (said("INFO", batch="ACCR"), "without CNCL"),
        (said("CNCL", listed("E-9", "ACCR")), "'E-9' fits no payment of it"),
    ],
)
def test_what_is_less_than_clear_moves_nothing_and_is_an_alarm(
    resolution: Resolution, alarm: str
) -> None:
    done = outcome(resolution, asked("E-1"))
    assert answers(done) == {}
    assert alarm in " | ".join(done.alarms)


@pytest.mark.parametrize("resolution", [said(""), said("PECR"), said("", group="PACR")])
def test_a_part_of_it_says_nothing_of_what_it_does_not_list(resolution: Resolution) -> None:
    assert outcome(resolution, asked("E-1")) == Outcome((), ())


@pytest.mark.parametrize(
    "resolution",
    [
        said("CNCL", listed("E-1", "RJCR")),
        said("RJCR", listed("E-1", "ACCR")),
        said("CNCL", group="RJCR"),
        said("", listed("E-1", "ACCR"), batch="RJCR"),
        said("", listed("E-1", "ACCR"), listed("E-1", "RJCR")),
        said("", listed("E-1", "RJCR"), listed("E-1", "ACCR")),
    ],
)
def test_a_refusal_wins_over_an_acceptance_and_an_alarm_tells_of_it(
    resolution: Resolution,
) -> None:
    done = outcome(resolution, asked("E-1"))
    assert answers(done) == {1: "refused"}
    assert "counts as refused" in " | ".join(done.alarms)


def test_a_pending_payment_under_a_granted_case_is_not_recalled() -> None:
    done = outcome(said("CNCL", listed("E-1", "PDCR")), asked("E-1"))
    assert answers(done) == {1: "pending"}
    assert "counts as pending" in done.alarms[0]


def test_cncl_beside_a_list_speaks_for_the_others_only_with_the_group() -> None:
    both = asked("E-1", "E-2")
    assert answers(outcome(said("CNCL", listed("E-1", "ACCR")), both)) == {1: "recalled"}
    whole = outcome(said("CNCL", listed("E-1", "ACCR"), group="ACCR"), both)
    assert answers(whole) == {1: "recalled", 2: "recalled"}


def test_a_batch_speaks_for_its_own_payments_only() -> None:
    done = outcome(said("", batch="RJCR"), asked("E-1", "B-1"))
    assert answers(done) == {1: "refused"}


@pytest.mark.parametrize(
    ("before", "case", "expected", "alarms"),
    [
        (RECALLED, "RJCR", {1: "refused"}, 1),
        (REFUSED, "CNCL", {}, 1),
        (RECALLED, "PDCR", {}, 0),
        (REFUSED, "PDCR", {}, 0),
        (RECALLED, "CNCL", {}, 0),
        (PENDING, "CNCL", {1: "recalled"}, 0),
        (PENDING, "RJCR", {1: "refused"}, 0),
    ],
)
def test_of_answers_that_follow_each_other_the_refusal_wins(
    before: Answer, case: str, expected: dict[int, str], alarms: int
) -> None:
    done = outcome(said(case), asked("E-1", answer=before))
    assert (answers(done), len(done.alarms)) == (expected, alarms)


def test_the_nearest_reasons_are_told() -> None:
    own = (Reason("ARDT", "returned on Monday"),)
    done = outcome(said("RJCR", listed("E-1", "", own), reasons=COURT), asked("E-1", "E-2"))
    assert [each.reason for each in done.answered] == [
        "ARDT returned on Monday",
        "LEGL court order",
    ]
    assert {each.code for each in done.answered} == {"RJCR"}


def test_two_payments_of_one_name_are_told_apart_by_their_amount_or_not_at_all() -> None:
    twins = asked("E-1", "E-1")
    done = outcome(said("PECR", listed("E-1", "ACCR")), twins)
    assert answers(done) == {}
    assert "fits 2 payments" in done.alarms[0]


def test_many_doubts_are_told_in_few_alarms() -> None:
    many = [listed(f"X-{number}", "ACCR") for number in range(100)]
    alarms = outcome(said("PECR", *many), asked("E-1")).alarms
    assert len(alarms) == 21
    assert alarms[-1] == "and 80 more of the kind"


@pytest.mark.parametrize(
    ("found", "current", "expected"),
    [
        ((), Out.SENT, None),
        ((ASKED,), Out.SENT, None),
        ((PENDING, ASKED), Out.SENT, Out.ACKNOWLEDGED),
        ((REFUSED, ASKED), Out.SENT, Out.ACKNOWLEDGED),
        ((RECALLED, REFUSED), Out.ACKNOWLEDGED, Out.PART_ACCEPTED),
        ((RECALLED,), Out.PART_ACCEPTED, Out.ACCEPTED),
        ((REFUSED,), Out.ACCEPTED, Out.REJECTED),
        ((RECALLED,), Out.ACCEPTED, None),
        ((REFUSED,), Out.REJECTED, None),
    ],
)
def test_the_recall_follows_its_payments(
    found: tuple[Answer, ...], current: Out, expected: Out | None
) -> None:
    assert recall_state(found, current) is expected


def test_a_message_id_of_ours_fits_and_leaves_room_for_the_number_of_a_payment() -> None:
    assert len(message_id("20261123-101530-7f3a9c") + "-1000000") <= 35
