"""Execution dates: past, on a holiday, far ahead, after the cut-off; and again after a wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from h2h.core.calendar import CutOff
from h2h.core.demands import Demands, Profile
from h2h.core.payment import Execution
from h2h.core.problem import Severity
from h2h.core.rules import Tally, judge_dates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.core.conftest import Found, Judge, Terms

BERLIN = ZoneInfo("Europe/Berlin")
FRIDAY, MONDAY, TUESDAY = date(2026, 11, 20), date(2026, 11, 23), date(2026, 11, 24)
AT_TWO = (CutOff(time(14)),)


def of(found: Sequence[Found], rule: str) -> list[Found]:
    return [each for each in found if each.rule == rule]


def asked(judge: Judge, day: date | None, terms: Terms, **facts: str) -> list[Found]:
    """What is found on a payment for that day, of which a batch says these facts."""
    batch = replace(judge.batch, requested_execution_date=day, **facts)  # type: ignore[arg-type]  # all texts
    return judge({}, batch=batch, terms=terms)


def demanding(judge: Judge, demands: Demands) -> Terms:
    return replace(judge.terms, calendar="ECB", profile=Profile(demands=demands))


# ------------------------------------------------------------------------------- past, holiday, far


@pytest.mark.parametrize(
    ("requested", "tolerance", "past"),
    [
        (date(2026, 11, 23), 0, False),
        (date(2026, 11, 24), 0, False),
        (date(2026, 11, 22), 0, True),
        (date(2026, 11, 20), 3, False),
        (date(2026, 11, 19), 3, True),
    ],
)
def test_a_past_execution_date_is_told_beyond_the_tolerance(
    judge: Judge, requested: date, tolerance: int, *, past: bool
) -> None:
    terms = replace(judge.terms, past_date_tolerance=tolerance)
    told = of(asked(judge, requested, terms), "execution-date-past")
    assert [each.field for each in told] == ["requested_execution_date"] * past
    waited = judge_dates([Execution(requested, "EUR")], terms, judge.today)
    assert [each.rule for each in waited] == ["execution-date-past"] * past


@pytest.mark.parametrize(
    ("requested", "closed"),
    [
        (date(2026, 11, 28), True),  # a Saturday
        (date(2026, 12, 25), True),
        (date(2026, 12, 24), False),
    ],
)
def test_a_day_on_which_the_bank_does_not_work_is_told_and_not_shifted(
    judge: Judge, requested: date, *, closed: bool
) -> None:
    terms = demanding(judge, Demands(business_days=True))
    told = of(asked(judge, requested, terms), "execution-date-holiday")
    assert [each.severity for each in told] == [Severity.WARN] * closed
    for silent in (demanding(judge, Demands()), replace(terms, calendar="")):
        assert of(asked(judge, requested, silent), "execution-date-holiday") == []


def test_an_instant_payment_of_a_batch_knows_no_holiday(judge: Judge) -> None:
    profile = Profile(
        demands=Demands(business_days=True),
        by_local_instrument={"INST": Demands(cut_off=False)},
    )
    sunday = replace(judge.batch, requested_execution_date=date(2026, 11, 29))
    terms = replace(judge.terms, calendar="ECB", profile=profile)
    assert judge({"local_instrument": "INST"}, batch=sunday, terms=terms) == []
    mixed = judge({"local_instrument": "INST"}, {"amount": "7"}, batch=sunday, terms=terms)
    assert [each.rule for each in mixed] == ["execution-date-holiday"]


@pytest.mark.parametrize(("days", "far"), [(30, False), (31, True)])
def test_a_date_farther_ahead_than_the_scheme_takes_is_refused(
    judge: Judge, days: int, *, far: bool
) -> None:
    requested = date.fromordinal(judge.today.toordinal() + days)
    told = of(
        asked(judge, requested, demanding(judge, Demands(days_ahead=30))), "execution-date-far"
    )
    assert [each.severity for each in told] == [Severity.ERROR] * far


@pytest.mark.parametrize("requested", [None, date.min, date.max])
def test_no_date_is_too_odd_to_be_judged(judge: Judge, requested: date | None) -> None:
    terms = replace(
        demanding(judge, Demands(business_days=True, days_ahead=30)),
        now=datetime(2026, 11, 23, 15, tzinfo=BERLIN),
        cut_offs=(CutOff(time(14), days_before=1),),
    )
    rules = {each.rule for each in asked(judge, requested, terms)}
    expected = {
        None: set(),
        date.min: {"execution-date-past", "after-cut-off"},
        date.max: {"execution-date-far"},
    }
    assert rules - {"execution-date-holiday"} == expected[requested]


# ----------------------------------------------------------------------------------------- cut-offs


@pytest.mark.parametrize(
    ("now", "requested", "days_before", "late"),
    [
        ("2026-11-23 13:59:59", MONDAY, 0, False),
        ("2026-11-23 14:00:00", MONDAY, 0, True),
        ("2026-11-23 23:00:00", TUESDAY, 0, False),
        ("2026-11-23 13:00:00", TUESDAY, 1, False),
        ("2026-11-23 14:00:00", TUESDAY, 1, True),
        ("2026-11-20 13:00:00", MONDAY, 1, False),  # a Friday: the weekend does not count
        ("2026-11-20 14:00:00", MONDAY, 1, True),
        ("2026-11-21 08:00:00", MONDAY, 1, True),
        ("2026-11-23 13:00:00", FRIDAY, 0, False),  # past, so it can only be executed today
        ("2026-11-23 14:00:00", FRIDAY, 0, True),
    ],
)
def test_a_cut_off_is_counted_in_business_days_before_the_execution_date(
    judge: Judge, now: str, requested: date, days_before: int, *, late: bool
) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=BERLIN)
    terms = replace(
        judge.terms, calendar="ECB", now=moment, cut_offs=(CutOff(time(14), days_before),)
    )
    batch = replace(judge.batch, requested_execution_date=requested)
    found = judge({}, batch=batch, terms=terms, today=moment.date())
    told = of(found, "after-cut-off")
    assert [each.severity for each in told] == [Severity.WARN] * late


def test_a_cut_off_names_the_moment_and_what_time_it_is(judge: Judge) -> None:
    terms = late(judge)
    (problem,) = of(asked(judge, MONDAY, terms), "after-cut-off")
    assert problem.message == (
        "the cut-off for execution on 2026-11-23 was 2026-11-23 14:00; now it is 2026-11-23 15:00"
    )
    assert asked(judge, MONDAY, replace(terms, now=None)) == []


def late(judge: Judge, *cut_offs: CutOff, profile: Profile | None = None) -> Terms:
    """Monday at three in the afternoon."""
    return replace(
        judge.terms,
        calendar="ECB",
        now=datetime(2026, 11, 23, 15, tzinfo=BERLIN),
        cut_offs=cut_offs or AT_TWO,
        profile=profile or judge.terms.profile,
    )


@pytest.mark.parametrize(
    ("scheme", "currency", "late_too"),
    [
        ("", "", True),
        ("urgp", "", True),
        ("URGP", "EUR", True),
        ("cgi", "", True),
        ("SEPA", "", False),
        ("", "USD", False),
        ("URGP", "USD", False),
    ],
)
def test_a_cut_off_is_for_a_scheme_and_a_currency(
    judge: Judge, scheme: str, currency: str, *, late_too: bool
) -> None:
    profile = Profile(demands=Demands(scheme="cgi"))
    terms = late(judge, CutOff(time(14), 0, scheme, currency), profile=profile)
    found = asked(judge, MONDAY, terms, service_level="URGP")
    assert bool(of(found, "after-cut-off")) is late_too


def test_the_first_cut_off_that_fits_counts(judge: Judge) -> None:
    terms = late(judge, CutOff(time(16), scheme="URGP"), CutOff(time(14)))
    assert of(asked(judge, MONDAY, terms, service_level="URGP"), "after-cut-off") == []
    assert of(asked(judge, MONDAY, terms, service_level="SEPA"), "after-cut-off") != []


def test_a_scheme_without_a_cut_off_is_never_late(judge: Judge) -> None:
    terms = late(judge, profile=Profile(by_local_instrument={"INST": Demands(cut_off=False)}))
    assert of(asked(judge, MONDAY, terms, local_instrument="INST"), "after-cut-off") == []
    assert of(asked(judge, MONDAY, terms), "after-cut-off") != []


def test_a_batch_that_is_late_in_two_currencies_is_told_once(judge: Judge) -> None:
    found = judge({}, {"currency": "USD"}, {"currency": "GBP"}, terms=late(judge))
    assert len(of(found, "after-cut-off")) == 1


# ---------------------------------------------------------------------------------- after a wait


def test_a_date_that_passed_while_the_file_waited_is_told_with_the_severity_of_the_bank(
    judge: Judge,
) -> None:
    terms = replace(judge.terms, severities={"execution-date-past": Severity.HOLD})
    kept = [Execution(judge.today, "EUR"), Execution(FRIDAY, "EUR"), Execution(FRIDAY, "USD")]
    (problem,) = judge_dates(kept, terms, judge.today)
    assert problem.severity is Severity.HOLD
    assert "2026-11-20, 3 days ago" in problem.message
    assert (problem.found, problem.expected) == ("2026-11-20", "2026-11-23")


def test_what_is_kept_of_a_file_is_enough_for_every_date_rule(judge: Judge) -> None:
    demands = Demands(business_days=True, days_ahead=30)
    profile = Profile(by_service_level={"SEPA": demands})
    terms = late(judge, CutOff(time(14), scheme="SEPA"), profile=profile)
    saturday, past = date(2026, 11, 28), date(2026, 11, 19)
    kept = [Execution(day, "EUR", "SEPA") for day in (past, saturday, date(2027, 11, 23))]
    assert [each.rule for each in judge_dates(kept, terms, judge.today)] == [
        "execution-date-past",
        "execution-date-holiday",
        "execution-date-far",
        "after-cut-off",
    ]


def test_the_executions_of_a_file_say_what_its_payments_ask_for(judge: Judge) -> None:
    first = replace(judge.batch, service_level="SEPA")
    second = replace(judge.batch, index=2, requested_execution_date=TUESDAY)
    fields = [{}, {"currency": "USD"}, {"service_level": "URGP", "local_instrument": "X"}]
    tally = Tally()
    batches = [
        totals
        for chunk in judge.chunks([(first, fields), (second, [{}])], 2)
        for totals in tally.add(chunk)
    ]
    of_the_first = {
        Execution(MONDAY, "EUR", "SEPA"),
        Execution(MONDAY, "USD", "SEPA"),
        Execution(MONDAY, "EUR", "URGP", "X"),
    }
    assert [totals.executions for totals in batches] == [of_the_first]
    assert tally.executions == of_the_first | {Execution(TUESDAY, "EUR")}
