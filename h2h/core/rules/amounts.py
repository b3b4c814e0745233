"""Amounts and currencies: ISO 4217 knows the currency, its decimals are kept, and money moves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from h2h.core.money import CURRENCIES, decimals_of, decimals_used, plain
from h2h.core.payment import Payment
from h2h.core.rules.rule import Finding, Rule


class PositiveAmount(Rule):
    """Every amount is above zero (a minus sign already breaks the schema)."""

    id = "amount-positive"
    remedy = "Leave the payment out, or give its amount."

    def payments(self, payments: Sequence[Payment]) -> Iterator[Finding]:
        for payment in payments:
            if payment.amount.is_zero():
                yield Finding(payment, "amount", f"the amount is {plain(payment.amount)}")


class CurrencyExists(Rule):
    """Every currency is one of ISO 4217."""

    id = "currency"
    remedy = "Give the currency's ISO 4217 code, e.g. EUR."

    def payments(self, payments: Sequence[Payment]) -> Iterator[Finding]:
        for payment in payments:
            if payment.currency and payment.currency not in CURRENCIES:
                words = f"ISO 4217 has no currency {payment.currency} in use"
                yield Finding(payment, "currency", words)


class CurrencyDecimals(Rule):
    """No amount has more decimals than its currency."""

    id = "currency-decimals"
    remedy = "Round at the source as its books do; a bank refuses or cuts what a currency lacks."

    def payments(self, payments: Sequence[Payment]) -> Iterator[Finding]:
        for payment in payments:
            # the text's own decimals bound those that count: most amounts end the look here
            if len(str(payment.amount).partition(".")[2]) <= (
                allowed := decimals_of(payment.currency)
            ):
                continue
            used = decimals_used(payment.amount)
            if used > allowed:
                words = f"{plain(payment.amount)} has {used} decimals; {payment.currency} has "
                yield Finding(payment, "amount", f"{words}{allowed}")
