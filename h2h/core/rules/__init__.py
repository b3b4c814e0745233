"""The rules for outgoing payments, one topic a file; RULES is all of them, in their order."""

from __future__ import annotations

from h2h.core.rules.accounts import DebtorAccount, Iban, IbanCountry
from h2h.core.rules.agents import Bic
from h2h.core.rules.amounts import CurrencyDecimals, CurrencyExists, PositiveAmount
from h2h.core.rules.dates import (
    AfterCutOff,
    ExecutionDateFar,
    ExecutionDateHoliday,
    ExecutionDatePast,
    judge_dates,
)
from h2h.core.rules.identity import RepeatedEndToEndId
from h2h.core.rules.limits import (
    DayTotal,
    FileTotal,
    LargestPayment,
    MostPayments,
    judge_limits,
)
from h2h.core.rules.rule import Finding, Rule, Tally, Terms
from h2h.core.rules.totals import ControlSum, NoPayments, NumberOfTransactions

RULES: tuple[type[Rule], ...] = (
    NoPayments,
    NumberOfTransactions,
    ControlSum,
    DebtorAccount,
    Iban,
    IbanCountry,
    Bic,
    CurrencyExists,
    CurrencyDecimals,
    PositiveAmount,
    RepeatedEndToEndId,
    ExecutionDatePast,
    ExecutionDateHoliday,
    ExecutionDateFar,
    AfterCutOff,
    LargestPayment,
    MostPayments,
    FileTotal,
    DayTotal,
)

__all__ = ["RULES", "Finding", "Rule", "Tally", "Terms", "judge_dates", "judge_limits"]
