"""Each rule for outgoing payments, on plain values."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from stdnum import iban as reference

from h2h.core.payment import Address, Agent, Batch, Chunk, Columns
from h2h.core.problem import Severity
from h2h.core.rules import RULES, Tally
from h2h.core.rules.accounts import iban_fault
from h2h.core.rules.agents import bic_fault

if TYPE_CHECKING:
    from tests.core.conftest import Found, Judge

IBANS = (
    "DE89370400440532013000",
    "FR1420041010050500013M02606",
    "GB82WEST12345698765432",
    "NL91ABNA0417164300",
    "CH9300762011623852957",
    "NO9386011117947",
    "MT84MALT011000012345MTLCAST001S",
    "LT121000011101001000",
    "BR1800360305000010009795493C1",
)
drawing = settings(  # the fixture `judge` keeps nothing between two examples
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def rules_of(problems: Sequence[Found]) -> list[str]:
    return [problem.rule for problem in problems]


def of(found: Sequence[Found], rule: str) -> list[Found]:
    return [each for each in found if each.rule == rule]


def test_a_good_file_has_no_problem(judge: Judge) -> None:
    assert judge({}, {"amount": "7"}, {"amount": "8", "agent_bic": "AGRIFRPP"}) == []


def test_every_rule_has_a_name_of_its_own_a_code_a_source_and_a_remedy() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.remedy.endswith(".") for rule in RULES)
    assert all(rule.source and len(rule.code) == 4 and rule.__doc__ for rule in RULES)


def test_a_file_without_payments_is_refused(judge: Judge) -> None:
    assert rules_of(judge()) == ["no-payments"]


# ------------------------------------------------------------------------- declared against found


def test_a_wrong_number_of_transactions_tells_both_figures(judge: Judge) -> None:
    found = judge({}, {}, header=replace(judge.header, transactions=3))
    (problem,) = of(found, "number-of-transactions")
    assert (problem.place, problem.field) == ("header", "transactions")
    assert problem.message == "declares 3 payments, but contains 2"


def test_a_wrong_control_sum_tells_both_figures(judge: Judge) -> None:
    found = judge({}, {}, header=replace(judge.header, control_sum=Decimal("21.01")))
    (problem,) = of(found, "control-sum")
    assert (problem.place, problem.field) == ("header", "control_sum")
    assert "21.01" in problem.message
    assert "21.00" in problem.message


def test_a_control_sum_may_leave_out_trailing_zeros(judge: Judge) -> None:
    assert judge({}, header=replace(judge.header, control_sum=Decimal("10.5"))) == []


def test_a_control_sum_adds_different_currencies(judge: Judge) -> None:
    yen, dinar = {"amount": "1000", "currency": "JPY"}, {"amount": "0.125", "currency": "KWD"}
    found = judge({}, yen, dinar, header=replace(judge.header, control_sum=Decimal("1010.625")))
    assert of(found, "control-sum") == []


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_each_batch_is_counted_and_summed_by_itself(judge: Judge, chunk: int) -> None:
    good = replace(judge.batch, transactions=3, control_sum=Decimal("31.50"))
    bad = replace(judge.batch, index=2, id="B-2", transactions=2, control_sum=Decimal(10))
    found = judge.batches([(good, [{}, {}, {}]), (bad, [{}])], chunk=chunk)
    told = [(each.rule, each.place) for each in found if each.place.startswith("batch 2")]
    assert told == [
        ("number-of-transactions", "batch 2 (B-2)"),
        ("control-sum", "batch 2 (B-2)"),
    ]
    assert of(found, "control-sum") == of(found[-2:], "control-sum")


def test_where_an_amount_cannot_be_read_there_is_no_sum_to_compare(judge: Judge) -> None:
    header = replace(judge.header, control_sum=Decimal(99))
    found = judge({}, {}, {"amount": "1e3"}, {"amount": "-0"}, header=header)
    (problem,) = of(found, "control-sum")
    assert (problem.place, problem.field) == ("batch 1, payment 3 (E-1-3)", "amount")
    assert "“1e3”" in problem.message


@given(st.lists(st.decimals(min_value=0, max_value=10**13, places=5), min_size=1, max_size=30))
def test_the_tally_is_exact_however_it_is_cut(amounts: list[Decimal]) -> None:
    tally = Tally()
    for number, amount in enumerate(amounts, 1):
        list(tally.add(_chunk_of(number, f"{amount:f}")))
    assert tally.control_sum * 100_000 == sum(int(amount * 100_000) for amount in amounts)


def _chunk_of(number: int, amount: str) -> Chunk:
    texts = {"amount": amount, "currency": "EUR"}
    return Chunk([_BATCH], [number], Columns(*([texts.get(n, "")] for n in Columns._fields)))


_NOWHERE = Address("", "", "", "")
_BATCH = Batch(
    index=1,
    id="B-1",
    method="TRF",
    name="Acme",
    account=IBANS[0],
    iban=IBANS[0],
    account_currency="EUR",
    agent=Agent("", "", "", "", "", _NOWHERE),
    requested_execution_date=None,
    service_level="",
    local_instrument="",
    category_purpose="",
    charge_bearer="",
    transactions=None,
    control_sum=None,
    address=_NOWHERE,
)


# ------------------------------------------------------------------------------------- accounts


def test_the_ibans_of_these_tests_are_right() -> None:
    assert [iban_fault(iban) for iban in IBANS] == [None] * len(IBANS)


@pytest.mark.parametrize("iban", IBANS)
def test_every_change_of_one_digit_in_an_iban_is_caught(iban: str) -> None:
    changed = [
        iban[:at] + digit + iban[at + 1 :]
        for at, old in enumerate(iban)
        if old.isdigit()
        for digit in "0123456789"
        if digit != old
    ]
    assert len(changed) > 9 * 10
    assert [each for each in changed if iban_fault(each) is None] == []


FORMS = {"DE": "n" * 18, "FR": "n" * 10 + "c" * 11 + "nn", "GB": "aaaa" + "n" * 14, "NO": "n" * 11}
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
KINDS = {"n": "0123456789", "a": LETTERS, "c": "0123456789" + LETTERS}


@pytest.mark.parametrize("country", FORMS)
def test_of_hundreds_of_ibans_every_change_of_one_digit_is_caught(country: str) -> None:
    draw = random.Random(country)
    for _ in range(250):
        body = "".join(draw.choice(KINDS[kind]) for kind in FORMS[country])
        iban = country + reference.calc_check_digits(f"{country}00{body}") + body
        assert iban_fault(iban) is None
        changed = [
            f"{iban[:at]}{digit}{iban[at + 1 :]}"
            for at, old in enumerate(iban)
            if old.isdigit()
            for digit in "0123456789"
            if digit != old
        ]
        assert [each for each in changed if iban_fault(each) is None] == []


@pytest.mark.parametrize("iban", IBANS)
def test_every_swap_of_two_neighbours_in_an_iban_is_caught(iban: str) -> None:
    swapped = [
        iban[:at] + iban[at + 1] + iban[at] + iban[at + 2 :]
        for at in range(len(iban) - 1)
        if iban[at] != iban[at + 1]
    ]
    assert [each for each in swapped if iban_fault(each) is None] == []


@given(st.data())
def test_our_iban_check_agrees_with_stdnum(data: st.DataObject) -> None:
    iban = data.draw(st.sampled_from(IBANS))
    at = data.draw(st.integers(0, len(iban) - 1))
    new = data.draw(st.text("0123456789ABCXYZ", max_size=2))
    changed = iban[:at] + new + iban[at + 1 :]
    assume(changed[:2] == iban[:2])  # a country without a registered form is a rule of its own
    assert (iban_fault(changed) is None) == reference.is_valid(changed, check_country=False)


@given(
    st.from_regex(r"(DE|FR|GB|NL|CH|NO|LT|BE|SA|PL)[0-9]{2}[A-Z0-9]{8,26}", fullmatch=True),
)
def test_our_check_digits_agree_with_stdnum_on_any_body(body: str) -> None:
    iban = body[:2] + reference.calc_check_digits(body) + body[4:]
    assert (iban_fault(iban) is None) == reference.is_valid(iban, check_country=False)


@pytest.mark.parametrize(
    ("iban", "words"),
    [
        ("DE8937040044053201300", "has 21 characters; an IBAN of DE has 22"),
        ("DE8937040044053201300X", "letters and digits are not where they belong"),
        ("BG80200496611020345678", "letters and digits are not where they belong"),
        ("DE88370400440532013000", "wrong check digits"),
        ("DE89 3704 0044 0532 0130 00", "is not an IBAN"),
        ("DE", "is not an IBAN"),
        ("DE8937040044053201300²", "is not an IBAN"),
    ],
)
def test_a_wrong_iban_is_refused_in_words(judge: Judge, iban: str, words: str) -> None:
    (problem,) = of(judge({}, {"iban": iban}, {}), "iban")
    assert problem.severity is Severity.ERROR
    assert (problem.place, problem.field) == ("batch 1, payment 2 (E-1-2)", "iban")
    assert words in problem.message


@drawing
@given(st.lists(st.text("DE0123456789AXÄ² \n", max_size=24) | st.sampled_from(IBANS), min_size=1))
@example(ibans=["DE89370400440532013000\nDE89370400440532013000", "", IBANS[1]])
def test_the_quick_look_at_many_ibans_finds_what_a_look_at_each_does(
    judge: Judge, ibans: list[str]
) -> None:
    found = of(judge(*({"iban": iban} for iban in ibans), chunk=1000), "iban")
    wrong = [at for at, iban in enumerate(ibans, 1) if iban and iban_fault(iban)]
    assert [each.place for each in found] == [f"batch 1, payment {at} (E-1-{at})" for at in wrong]


def test_an_iban_of_a_country_outside_the_registry_is_a_warning(judge: Judge) -> None:
    body = "MA00" + "2" * 24
    iban = "MA" + reference.calc_check_digits(body) + body[4:]
    (problem,) = judge({"iban": iban})
    assert (problem.rule, problem.severity) == ("iban-country", Severity.WARN)


def test_a_payment_without_iban_is_no_matter_of_the_iban_rule(judge: Judge) -> None:
    assert of(judge({"iban": "", "number": "4711 / 0"}), "iban") == []


def test_a_wrong_iban_of_ours_is_refused_once_a_batch(judge: Judge) -> None:
    wrong = "DE88370400440532013000"
    (problem,) = of(
        judge({}, {}, {}, batch=replace(judge.batch, account=wrong, iban=wrong)), "iban"
    )
    assert (problem.place, problem.field) == ("batch 1 (B-1)", "iban")


@pytest.mark.parametrize("ours", ["DE89 3704 0044 0532 0130 00", "de89370400440532013000"])
def test_our_account_is_known_however_it_is_spaced(judge: Judge, ours: str) -> None:
    terms = replace(judge.terms, accounts=(judge.account(ours),))
    assert of(judge({}, terms=terms), "debtor-account") == []


def test_an_account_that_is_not_ours_is_refused(judge: Judge) -> None:
    terms = replace(judge.terms, accounts=(judge.account(IBANS[3]),))
    (problem,) = of(judge({}, terms=terms), "debtor-account")
    assert (problem.severity, problem.field) == (Severity.ERROR, "account")
    assert IBANS[0] in problem.message


def test_offline_nothing_is_known_of_our_accounts(judge: Judge) -> None:
    assert judge({}, terms=replace(judge.terms, accounts=None)) == []


# ----------------------------------------------------------------------------------- banks, amounts


@pytest.mark.parametrize("bic", ["COBADEFF", "COBADEFFXXX", "AGRIFRPP882", "UNCRXKPR"])
def test_a_right_bic_passes(bic: str) -> None:
    assert bic_fault(bic) is None


@pytest.mark.parametrize("field", ["agent_bic", "intermediary_bic"])
@pytest.mark.parametrize(
    ("bic", "words"), [("COBAQQFF", "names no country"), ("COBADEF", "is not a BIC")]
)
def test_a_wrong_bic_is_refused(judge: Judge, field: str, bic: str, words: str) -> None:
    (problem,) = of(judge({}, {field: bic}), "bic")
    assert (problem.place, problem.field) == ("batch 1, payment 2 (E-1-2)", field)
    assert words in problem.message


def test_a_wrong_bic_of_our_bank_is_refused(judge: Judge) -> None:
    agent = judge.batch.agent._replace(bic="COBAZZFF")
    (problem,) = of(judge({}, batch=replace(judge.batch, agent=agent)), "bic")
    assert (problem.place, problem.field) == ("batch 1 (B-1)", "agent")


@pytest.mark.parametrize(
    ("amount", "currency", "rules"),
    [
        ("100", "JPY", set()),
        ("100.00", "JPY", set()),
        ("100.5", "JPY", {"currency-decimals"}),
        ("1.125", "KWD", set()),
        ("1.125", "EUR", {"currency-decimals"}),
        ("1.120", "EUR", set()),
        ("1.1234", "CLF", set()),
        ("0.00", "EUR", {"amount-positive"}),
        ("1", "DEM", {"currency"}),
        ("1", "EURO", {"currency"}),
    ],
)
def test_amounts_fit_their_currency(
    judge: Judge, amount: str, currency: str, rules: set[str]
) -> None:
    found = judge({}, {"amount": amount, "currency": currency})
    topic = {"currency", "currency-decimals", "amount-positive"}
    assert {each.rule for each in found} & topic == rules
    assert {each.place for each in found if each.rule in topic} <= {"batch 1, payment 2 (E-1-2)"}


# -------------------------------------------------------------------------------- identities, dates


def test_a_repeated_end_to_end_id_is_a_warning_that_names_both(judge: Judge) -> None:
    second = replace(judge.batch, index=2)
    found = judge.batches([(judge.batch, [{}, {}]), (second, [{"end_to_end_id": "E-1-2"}])])
    (problem,) = of(found, "end-to-end-id")
    assert problem.severity is Severity.WARN
    assert (problem.place, problem.field) == ("batch 2, payment 1 (E-1-2)", "end_to_end_id")
    assert "batch 1, payment 2" in problem.message


def test_an_id_given_three_times_is_told_twice(judge: Judge) -> None:
    found = judge(*[{"end_to_end_id": "SAME"}] * 3)
    assert rules_of(of(found, "end-to-end-id")) == ["end-to-end-id", "end-to-end-id"]


def test_not_provided_may_be_repeated(judge: Judge) -> None:
    assert of(judge(*[{"end_to_end_id": "NOTPROVIDED"}] * 5), "end-to-end-id") == []


@drawing
@given(st.lists(st.sampled_from("ABCDEFGH"), min_size=1, max_size=20))
def test_the_ids_told_are_those_that_were_seen_before(judge: Judge, ids: list[str]) -> None:
    found = of(judge(*({"end_to_end_id": each} for each in ids)), "end-to-end-id")
    assert [problem.place for problem in found] == [
        f"batch 1, payment {index} ({each})"
        for index, each in enumerate(ids, 1)
        if each in ids[: index - 1]
    ]


def test_a_bank_may_change_the_severity_of_a_rule(judge: Judge) -> None:
    terms = replace(judge.terms, severities={"end-to-end-id": Severity.ERROR})
    found = judge({"end_to_end_id": "X"}, {"end_to_end_id": "X"}, terms=terms)
    assert [each.severity for each in of(found, "end-to-end-id")] == [Severity.ERROR]


def test_all_problems_come_at_once(judge: Judge) -> None:
    batch = replace(judge.batch, requested_execution_date=date(2026, 1, 1), transactions=7)
    wrong = {"amount": "0", "iban": "DE88370400440532013000", "agent_bic": "COBAQQFF"}
    assert set(rules_of(judge(wrong, batch=batch))) >= {
        "number-of-transactions",
        "iban",
        "bic",
        "amount-positive",
        "execution-date-past",
    }
