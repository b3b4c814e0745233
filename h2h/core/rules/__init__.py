"""The rules for outgoing payments, one topic a file; RULES is all of them, in their order."""

from __future__ import annotations

from h2h.core.rules.accounts import AccountCurrency, DebtorAccount, Iban, IbanCountry
from h2h.core.rules.addresses import (
    AddressLines,
    AddressRequired,
    AgentAddress,
    CountryExists,
    HybridAddress,
    RepeatedAddress,
    TownAndCountry,
)
from h2h.core.rules.agents import Bic
from h2h.core.rules.amounts import CurrencyDecimals, CurrencyExists, PositiveAmount
from h2h.core.rules.characters import Characters, Slashes
from h2h.core.rules.clearing import AgentRequired, ClearingMember, ClearingSystem
from h2h.core.rules.dates import (
    AfterCutOff,
    ExecutionDateFar,
    ExecutionDateHoliday,
    ExecutionDatePast,
    judge_dates,
)
from h2h.core.rules.header import (
    BankAuthorisation,
    InitiatingParty,
    NoTestInProduction,
    UnmarkedTest,
)
from h2h.core.rules.identity import (
    RepeatedBatchId,
    RepeatedEndToEndId,
    RepeatedInstructionId,
    RepeatedUetr,
    TwinPayment,
)
from h2h.core.rules.limits import (
    DayTotal,
    FileTotal,
    LargestPayment,
    MostPayments,
    judge_limits,
)
from h2h.core.rules.parties import CounterpartyName, Lei, NameLength, OwnName
from h2h.core.rules.references import BelgianRemittance, CreditorReference, QrIban
from h2h.core.rules.rule import Finding, Rule, Tally
from h2h.core.rules.scheme import (
    ChargeBearer,
    ChargeBearerTwice,
    IbanOnly,
    LocalInstrument,
    OneCurrency,
    PayeeVerified,
    PurposeCode,
    PurposeRequired,
    RegulatoryCode,
    RegulatoryReport,
    RemittanceEither,
    RemittanceLength,
    RemittanceLines,
    SchemeCountry,
    SchemeCurrency,
    ServiceLevel,
)
from h2h.core.rules.totals import ControlSum, NoPayments, NumberOfTransactions

RULES: tuple[type[Rule], ...] = (
    NoPayments,
    NumberOfTransactions,
    ControlSum,
    InitiatingParty,
    BankAuthorisation,
    NoTestInProduction,
    UnmarkedTest,
    DebtorAccount,
    AccountCurrency,
    Iban,
    IbanCountry,
    Bic,
    AgentRequired,
    AgentAddress,
    ClearingMember,
    ClearingSystem,
    CounterpartyName,
    OwnName,
    NameLength,
    Lei,
    TownAndCountry,
    AddressLines,
    RepeatedAddress,
    HybridAddress,
    AddressRequired,
    CountryExists,
    CurrencyExists,
    CurrencyDecimals,
    PositiveAmount,
    RepeatedBatchId,
    RepeatedInstructionId,
    RepeatedEndToEndId,
    RepeatedUetr,
    TwinPayment,
    CreditorReference,
    QrIban,
    BelgianRemittance,
    Characters,
    Slashes,
    SchemeCurrency,
    OneCurrency,
    ServiceLevel,
    LocalInstrument,
    ChargeBearer,
    ChargeBearerTwice,
    SchemeCountry,
    IbanOnly,
    RemittanceLength,
    RemittanceLines,
    RemittanceEither,
    PurposeRequired,
    PurposeCode,
    RegulatoryReport,
    RegulatoryCode,
    PayeeVerified,
    ExecutionDatePast,
    ExecutionDateHoliday,
    ExecutionDateFar,
    AfterCutOff,
    LargestPayment,
    MostPayments,
    FileTotal,
    DayTotal,
)

__all__ = ["RULES", "Finding", "Rule", "Tally", "judge_dates", "judge_limits"]
