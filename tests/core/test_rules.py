"""Each rule for outgoing payments, on plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum import iban as reference

from h2h.core.payment import Batch, Header, Payment
from h2h.core.problem import Problem, Severity
from h2h.core.rules import RULES, Tally, judge_dates
from h2h.core.rules.accounts import iban_fault
from h2h.core.rules.agents import bic_fault

TODAY = date(2026, 11, 23)
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


@dataclass(frozen=True)
class OurAccount:
    number: str


@dataclass(frozen=True)
class Terms:
    accounts: tuple[OurAccount, ...] | None = None
    severities: Mapping[str, Severity] = field(default_factory=dict)
    past_date_tolerance: int = 0


HEADER = Header("pain.001.001.09", "MSG-1", "Acme", "2026-11-20T10:00:00", None, None)
BATCH = Batch(
    index=1,
    id="B-1",
    method="TRF",
    debtor_name="Acme",
    debtor_account=IBANS[0],
    debtor_agent="COBADEFFXXX",
    debtor_currency="EUR",
    requested_execution_date=TODAY,
    service_level="SEPA",
    local_instrument="",
    charge_bearer="SLEV",
    transactions=None,
    control_sum=None,
    debtor_iban=IBANS[0],
    debtor_bic="COBADEFFXXX",
)


def pay(
    index: int = 1,
    amount: str = "10.50",
    currency: str = "EUR",
    *,
    batch: Batch = BATCH,
    end_to_end_id: str = "",
    iban: str = IBANS[1],
    bic: str = "",
) -> Payment:
    return Payment(
        batch=batch,
        index=index,
        instruction_id="",
        end_to_end_id=end_to_end_id or f"E-{batch.index}-{index}",
        uetr="",
        amount=Decimal(amount),
        currency=currency,
        creditor_name="Supplier",
        creditor_account=iban,
        creditor_agent=bic,
        reference="",
        remittance="",
        purpose="",
        creditor_iban=iban,
        creditor_bic=bic,
    )


def judge(
    payments: Sequence[Payment], terms: Terms | None = None, header: Header = HEADER, chunk: int = 2
) -> list[Problem]:
    """All rules over `payments` in chunks, as the check runs them."""
    rules = [rule(terms or Terms(), TODAY) for rule in RULES]
    tally = Tally()
    problems: list[Problem] = []
    chunks = [payments[at : at + chunk] for at in range(0, len(payments), chunk)]

    def again() -> Iterator[Sequence[Payment]]:
        return iter(chunks)

    for part in chunks:
        ended = list(tally.add(part))
        for rule in rules:
            problems += map(rule.problem, rule.payments(part))
            problems += [rule.problem(each) for totals in ended for each in rule.batch(totals)]
    for rule in rules:
        problems += [rule.problem(each) for totals in tally.end() for each in rule.batch(totals)]
        problems += map(rule.problem, rule.file(header, tally, again))
    return problems


def rules_of(problems: Sequence[Problem]) -> list[str]:
    return [problem.rule for problem in problems]


def test_a_good_file_has_no_problem() -> None:
    assert judge([pay(1), pay(2), pay(3, bic="AGRIFRPP")]) == []


def test_every_rule_has_a_name_of_its_own_and_a_remedy() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.remedy.endswith(".") for rule in RULES)


def test_a_file_without_payments_is_refused() -> None:
    assert rules_of(judge([])) == ["no-payments"]


# ------------------------------------------------------------------------- declared against found


def test_a_wrong_number_of_transactions_tells_both_figures() -> None:
    (problem,) = judge([pay(1), pay(2)], header=replace(HEADER, transactions=3))
    assert problem.rule == "number-of-transactions"
    assert problem.path == "group header, number of transactions"
    assert "3" in problem.message
    assert "2" in problem.message


def test_a_wrong_control_sum_tells_both_figures() -> None:
    (problem,) = judge([pay(1), pay(2)], header=replace(HEADER, control_sum=Decimal("21.01")))
    assert problem.rule == "control-sum"
    assert "21.01" in problem.message
    assert "21.00" in problem.message


def test_a_control_sum_may_leave_out_trailing_zeros() -> None:
    assert judge([pay(1)], header=replace(HEADER, control_sum=Decimal("10.5"))) == []


def test_a_control_sum_adds_different_currencies() -> None:
    payments = [pay(1), pay(2, "1000", "JPY"), pay(3, "0.125", "KWD")]
    assert judge(payments, header=replace(HEADER, control_sum=Decimal("1010.625"))) == []


@pytest.mark.parametrize("chunk", [1, 2, 3, 100])
def test_each_batch_is_counted_and_summed_by_itself(chunk: int) -> None:
    good = replace(BATCH, transactions=3, control_sum=Decimal("31.50"))
    bad = replace(BATCH, index=2, id="B-2", transactions=2, control_sum=Decimal(10))
    payments = [*(pay(n, batch=good) for n in (1, 2, 3)), pay(1, batch=bad)]
    problems = judge(payments, chunk=chunk)
    assert rules_of(problems) == ["number-of-transactions", "control-sum"]
    assert all(problem.path is not None and "batch 2 (B-2)" in problem.path for problem in problems)


def test_no_control_sum_is_judged_where_an_amount_cannot_be_read() -> None:
    payments = [pay(1), pay(2, "NaN")]
    assert judge(payments, header=replace(HEADER, control_sum=Decimal(99))) == []


@given(st.lists(st.decimals(min_value=0, max_value=10**13, places=5), min_size=1, max_size=30))
def test_the_tally_is_exact_however_it_is_cut(amounts: list[Decimal]) -> None:
    tally = Tally()
    for index, amount in enumerate(amounts, 1):
        list(tally.add([pay(index, str(amount))]))
    assert tally.control_sum * 100_000 == sum(int(amount * 100_000) for amount in amounts)


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
        ("DE8937040044053201300X", "a letter where a digit belongs"),
        ("DE88370400440532013000", "wrong check digits"),
        ("DE89 3704 0044 0532 0130 00", "is not an IBAN"),
        ("DE", "is not an IBAN"),
    ],
)
def test_a_wrong_iban_is_refused_in_words(iban: str, words: str) -> None:
    (problem,) = judge([pay(iban=iban)])
    assert (problem.rule, problem.severity) == ("iban", Severity.ERROR)
    assert problem.path == "batch 1, payment 1 (E-1-1), creditor account"
    assert words in problem.message


def test_an_iban_of_a_country_outside_the_registry_is_a_warning() -> None:
    body = "MA00" + "2" * 24
    iban = "MA" + reference.calc_check_digits(body) + body[4:]
    (problem,) = judge([pay(iban=iban)])
    assert (problem.rule, problem.severity) == ("iban-country", Severity.WARN)


def test_a_payment_without_iban_is_no_matter_of_the_iban_rule() -> None:
    assert judge([replace(pay(), creditor_iban="", creditor_account="4711 / 0")]) == []


def test_a_wrong_iban_of_ours_is_refused_once_a_batch() -> None:
    batch = replace(BATCH, debtor_iban="DE88370400440532013000")
    (problem,) = judge([pay(1, batch=batch), pay(2, batch=batch), pay(3, batch=batch)])
    assert problem.path == "batch 1 (B-1), debtor account"


@pytest.mark.parametrize("ours", ["DE89 3704 0044 0532 0130 00", "de89370400440532013000"])
def test_our_account_is_known_however_it_is_spaced(ours: str) -> None:
    assert judge([pay()], Terms(accounts=(OurAccount(ours),))) == []


def test_an_account_that_is_not_ours_is_refused() -> None:
    (problem,) = judge([pay()], Terms(accounts=(OurAccount(IBANS[3]),)))
    assert (problem.rule, problem.severity) == ("debtor-account", Severity.ERROR)
    assert IBANS[0] in problem.message


def test_offline_nothing_is_known_of_our_accounts() -> None:
    assert judge([pay()], Terms(accounts=None)) == []


# ----------------------------------------------------------------------------------- banks, amounts


@pytest.mark.parametrize("bic", ["COBADEFF", "COBADEFFXXX", "AGRIFRPP882", "UNCRXKPR"])
def test_a_right_bic_passes(bic: str) -> None:
    assert bic_fault(bic) is None


@pytest.mark.parametrize(
    ("bic", "words"), [("COBAQQFF", "names no country"), ("COBADEF", "is not a BIC")]
)
def test_a_wrong_bic_is_refused(bic: str, words: str) -> None:
    (problem,) = judge([pay(bic=bic)])
    assert problem.rule == "bic"
    assert words in problem.message


def test_a_wrong_bic_of_our_bank_is_refused() -> None:
    (problem,) = judge([pay(batch=replace(BATCH, debtor_bic="COBAZZFF"))])
    assert problem.path == "batch 1 (B-1), debtor agent"


@pytest.mark.parametrize(
    ("amount", "currency", "rules"),
    [
        ("100", "JPY", []),
        ("100.00", "JPY", []),
        ("100.5", "JPY", ["currency-decimals"]),
        ("1.125", "KWD", []),
        ("1.125", "EUR", ["currency-decimals"]),
        ("1.120", "EUR", []),
        ("0.00", "EUR", ["amount-positive"]),
        ("1", "DEM", ["currency"]),
        ("1", "EURO", ["currency"]),
    ],
)
def test_amounts_fit_their_currency(amount: str, currency: str, rules: list[str]) -> None:
    assert rules_of(judge([pay(1, amount, currency)])) == rules


# -------------------------------------------------------------------------------- identities, dates


def test_a_repeated_end_to_end_id_is_a_warning_that_names_both() -> None:
    second = replace(BATCH, index=2)
    payments = [pay(1), pay(2), pay(1, batch=second, end_to_end_id="E-1-2")]
    (problem,) = judge(payments)
    assert (problem.rule, problem.severity) == ("end-to-end-id", Severity.WARN)
    assert problem.path == "batch 2, payment 1 (E-1-2), end-to-end id"
    assert "batch 1, payment 2" in problem.message


def test_an_id_given_three_times_is_told_twice() -> None:
    payments = [pay(index, end_to_end_id="SAME") for index in (1, 2, 3)]
    assert rules_of(judge(payments)) == ["end-to-end-id", "end-to-end-id"]


def test_not_provided_may_be_repeated() -> None:
    assert judge([pay(index, end_to_end_id="NOTPROVIDED") for index in range(1, 6)]) == []


@given(st.lists(st.sampled_from("ABCDEFGH"), min_size=1, max_size=20))
def test_the_ids_told_are_those_that_were_seen_before(ids: list[str]) -> None:
    payments = [pay(index, end_to_end_id=each) for index, each in enumerate(ids, 1)]
    told = [problem.path for problem in judge(payments)]
    assert told == [
        f"batch 1, payment {index} ({each}), end-to-end id"
        for index, each in enumerate(ids, 1)
        if each in ids[: index - 1]
    ]


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
    requested: date, tolerance: int, *, past: bool
) -> None:
    terms = Terms(past_date_tolerance=tolerance)
    problems = judge([pay(batch=replace(BATCH, requested_execution_date=requested))], terms)
    assert rules_of(problems) == ["execution-date-past"] * past
    assert rules_of(judge_dates([requested], terms, TODAY)) == ["execution-date-past"] * past


def test_a_date_that_passed_while_the_file_waited_is_told_with_the_severity_of_the_bank() -> None:
    terms = Terms(severities={"execution-date-past": Severity.HOLD})
    (problem,) = judge_dates([TODAY, date(2026, 11, 20), date(2026, 11, 20)], terms, TODAY)
    assert problem.severity is Severity.HOLD
    assert "2026-11-20, 3 days ago" in problem.message


def test_a_bank_may_change_the_severity_of_a_rule() -> None:
    terms = Terms(severities={"end-to-end-id": Severity.ERROR})
    (problem,) = judge([pay(1, end_to_end_id="X"), pay(2, end_to_end_id="X")], terms)
    assert problem.severity is Severity.ERROR


def test_all_problems_come_at_once() -> None:
    batch = replace(BATCH, requested_execution_date=date(2026, 1, 1), transactions=7)
    wrong = pay(1, "0", batch=batch, iban="DE88370400440532013000", bic="COBAQQFF")
    assert set(rules_of(judge([wrong]))) == {
        "number-of-transactions",
        "iban",
        "bic",
        "amount-positive",
        "execution-date-past",
    }
