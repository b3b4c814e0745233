"""Amounts and currencies: ISO 4217 knows the currency, its decimals are kept, and money moves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from h2h.core.demands import Demands
from h2h.core.money import CURRENCIES, decimals_of, decimals_used, plain
from h2h.core.payment import Chunk
from h2h.core.rules.rule import Finding, Rule
from h2h.core.words import say


class PositiveAmount(Rule):
    """Every amount is above zero (a minus sign already breaks the schema)."""

    id = "amount-positive"
    code = "AM01"
    source = "ISO 20022: InstructedAmount; EPC implementation guidelines: 0.01 or more"
    remedy = say("Leave the payment out, or give its amount.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        if all(chunk.amounts):
            return
        for at, amount in enumerate(chunk.amounts):
            if amount.is_zero():
                words = say("the amount is {amount}", amount=plain(amount))
                yield Finding(chunk[at], "amount", words, plain(amount))


class CurrencyExists(Rule):
    """Every currency is one of ISO 4217."""

    id = "currency"
    code = "AM11"
    source = "ISO 4217, the list of active codes"
    remedy = say("Give the currency's ISO 4217 code, e.g. EUR.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        currencies = chunk.columns.currency
        if set(currencies) <= CURRENCIES:
            return
        for at, currency in enumerate(currencies):
            if currency and currency not in CURRENCIES:
                words = say("ISO 4217 has no currency {currency} in use", currency=currency)
                yield Finding(chunk[at], "currency", words, currency)


class CurrencyDecimals(Rule):
    """No amount has more decimals than its currency."""

    id = "currency-decimals"
    code = "CH20"
    source = "ISO 4217, minor units"
    remedy = say(
        "Round at the source as its books do; a bank refuses or cuts what a currency lacks."
    )

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        currencies = chunk.columns.currency
        fewest = min(map(decimals_of, set(currencies)))
        if not re.search(rf"\.[0-9]{{{fewest + 1}}}", "\n".join(chunk.columns.amount)):
            return  # no text has more decimals, so no amount has
        for at, currency in enumerate(currencies):
            amount, allowed = chunk.amounts[at], decimals_of(currency)
            if (used := decimals_used(amount)) > allowed:
                words = say(
                    "{amount} has {used} decimals; {currency} has {allowed}",
                    amount=plain(amount),
                    used=used,
                    currency=currency,
                    allowed=allowed,
                )
                yield Finding(chunk[at], "amount", words, plain(amount), str(allowed))
