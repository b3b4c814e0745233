"""Which approvals a file needs, whether it has them, and until when: all without a ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from h2h.core.approval import (
    AccountSum,
    Demand,
    Facts,
    Group,
    Policies,
    Policy,
    Then,
    approve_by,
    demanded,
    missing,
)
from h2h.core.calendar import CutOff
from h2h.core.operators import Act, Role, may
from h2h.core.payment import Execution

OURS, THEIRS = "DE89370400440532013000", "NL91ABNA0417164300"
BERLIN = ZoneInfo("Europe/Berlin")
RATES = {"EUR": Decimal(1), "USD": Decimal("0.9"), "KWD": Decimal(3)}


def facts(amount: str = "100.00", currency: str = "EUR", **more: object) -> Facts:
    plain = Facts("acme", (AccountSum(OURS, currency, Decimal(amount)),), {OURS: "Acme GmbH"})
    return replace(plain, **more)  # type: ignore[arg-type]  # as the test names them


def asked(policy: Policy, of: Facts, rates: dict[str, Decimal] | None = None) -> int:
    return demanded(of, [policy], RATES if rates is None else rates).count


def test_without_a_policy_nobody_is_asked() -> None:
    assert demanded(facts(), [], RATES).nothing


@pytest.mark.parametrize(
    ("condition", "other"),
    [
        ({"banks": frozenset({"acme"})}, {"banks": frozenset({"globex"})}),
        ({"accounts": frozenset({OURS})}, {"accounts": frozenset({THEIRS})}),
        ({"entities": frozenset({"Acme GmbH"})}, {"entities": frozenset({"Acme Ltd"})}),
        ({"currencies": frozenset({"EUR"})}, {"currencies": frozenset({"USD"})}),
    ],
)
def test_a_policy_is_for_the_files_that_it_names(
    condition: dict[str, frozenset[str]], other: dict[str, frozenset[str]]
) -> None:
    assert asked(Policy("p", 2, **condition), facts()) == 2  # type: ignore[arg-type]  # see above
    assert asked(Policy("p", 2, **other), facts()) == 0  # type: ignore[arg-type]  # the same


def test_above_means_more_than_to_the_last_cent() -> None:
    policy = Policy("large", 1, above=Decimal("100.00"), amounts_in="EUR")
    assert asked(policy, facts("100.00")) == 0
    assert asked(policy, facts("100.01")) == 1


def test_another_currency_is_compared_by_its_rate_exactly() -> None:
    policy = Policy("large", 1, above=Decimal("90.00"), amounts_in="EUR")
    assert asked(policy, facts("100.00", "USD")) == 0
    assert asked(policy, facts("100.000000000000000001", "USD")) == 1


@pytest.mark.parametrize("rates", [{}, {"EUR": Decimal(1)}, {"JPY": Decimal(1)}])
def test_without_a_rate_the_stricter_rule_holds(rates: dict[str, Decimal]) -> None:
    policy = Policy("large", 1, above=Decimal("1000000.00"), amounts_in="EUR")
    assert asked(policy, facts("0.01", "JPY" if "JPY" in rates else "USD"), rates) == 1


def test_no_rate_is_needed_where_all_is_in_the_policys_currency() -> None:
    policy = Policy("large", 1, above=Decimal("1000.00"), amounts_in="EUR")
    assert asked(policy, facts("999.00"), {}) == 0


def test_the_days_total_counts_what_went_before() -> None:
    policy = Policy("day", 1, day_above=Decimal("150.00"), amounts_in="EUR")
    gone = (AccountSum(OURS, "EUR", Decimal("50.00")),)
    assert asked(policy, facts("100.00", gone_today=gone)) == 0
    assert asked(policy, facts("100.01", gone_today=gone)) == 1


def test_the_strictest_of_several_policies_counts_whatever_their_order() -> None:
    policies = [Policy("one"), Policy("two", 2), Policy("none", 0)]
    both = [demanded(facts(), order, RATES) for order in (policies, policies[::-1])]
    assert [demand.count for demand in both] == [2, 2]


def test_unusual_things_ask_for_one_more_pair_of_eyes_or_hold_the_file() -> None:
    policy = Policy("usual", 1, new_creditor=Then.ONE_MORE, after_cut_off=Then.ONE_MORE)
    odd = facts(new_creditors=2, changed_creditors=1, late=True)
    demand = demanded(odd, [policy, Policy("hold", 0, changed_creditor=Then.HOLD)], RATES)
    assert demand.count == 2
    assert [problem.rule for problem in demand.hold] == ["changed-creditor"]
    assert "2 creditor accounts were never paid before" in demand.reasons


def test_a_group_is_asked_for_by_name() -> None:
    demand = demanded(facts(), [Policy("board", 2, frozenset({"ann", "bob", "eve"}))], RATES)
    assert missing(demand, ["ann", "mallory"]) == "1 of 2 approvals by ann, bob, eve"
    assert not missing(demand, ["ann", "eve"])


def test_the_same_person_counts_once() -> None:
    two = Demand(2, (Group(2),))
    assert missing(two, ["ann", "ann"]) == "1 of 2 approvals"
    assert not missing(two, ["ann", "bob"])


@pytest.mark.parametrize(("approvers", "enough"), [("a", 0), ("b", 1), ("ab", 1), ("ac", 0)])
def test_who_dropped_or_configured_does_not_suffice_alone(approvers: str, enough: int) -> None:
    words = missing(Demand(1, (Group(1),)), [*approvers], involved=["a", "c"])
    assert bool(words) is not bool(enough)


def test_only_policies_that_ask_it_need_the_history_of_creditors() -> None:
    assert not Policy("p").asks_creditors
    assert Policy("p", changed_creditor=Then.HOLD).asks_creditors


def test_policies_of_a_bank_are_those_for_all_banks_too() -> None:
    every, acme = Policy("every"), Policy("acme", banks=frozenset({"acme"}))
    assert Policies((every, acme)).of("globex") == (every,)


# ------------------------------------------------------------------------------------- until when

CUT_OFFS = (CutOff(time(15, 40), 0, "", "EUR"), CutOff(time(11), 1, "", "USD"))


def until(execution: Execution, now: datetime) -> tuple[str, bool, bool] | None:
    found = approve_by([execution], CUT_OFFS, "ECB", BERLIN, now)
    return (f"{found.at:%d %H:%M}", found.today, found.passed) if found else None


def test_approve_by_the_cut_off_of_the_execution_date() -> None:
    monday = datetime(2026, 11, 23, 9, tzinfo=UTC)
    today, tomorrow = date(2026, 11, 23), date(2026, 11, 24)
    assert until(Execution(today, "EUR"), monday) == ("23 15:40", True, False)
    assert until(Execution(tomorrow, "EUR"), monday) == ("24 15:40", False, False)
    assert until(Execution(tomorrow, "USD"), monday) == ("23 11:00", True, False)
    assert until(Execution(tomorrow, "JPY"), monday) is None


def test_the_cut_off_counts_by_the_banks_own_clock_and_calendar() -> None:
    after = datetime(2026, 11, 23, 14, 40, tzinfo=UTC)  # 15:40 in Berlin
    assert until(Execution(date(2026, 11, 23), "EUR"), after) == ("23 15:40", True, True)
    sunday = Execution(date(2026, 11, 22), "EUR")  # past: it can only be executed today
    assert until(sunday, after) == ("23 15:40", True, True)
    monday = Execution(date(2026, 11, 30), "USD")  # the business day before is a Friday
    assert until(monday, after) == ("27 11:00", False, False)


# ------------------------------------------------------------------------------------------- roles


def test_only_an_approver_approves_and_only_payroll_sees_what_is_confidential() -> None:
    assert [role for role in Role if may([role], Act.APPROVE)] == [Role.APPROVER]
    assert [role for role in Role if may([role], Act.UNVEIL)] == [Role.PAYROLL]
    assert [role for role in Role if may([role], Act.CONFIRM)] == [Role.ADMIN]


def test_a_stranger_may_nothing() -> None:
    assert not any(may([], act) for act in Act)
