"""The one doorway to money: Decimal from the first character to the last column.

ISO 20022 amounts have at most 18 digits, at most 5 of them after the point
(ActiveOrHistoricCurrencyAndAmount); Decimal's default 28 digits of precision would round a sum of
many such amounts silently, so sums run in a context that raises instead of rounding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Context, Decimal, Inexact, localcontext

_EXACT = Context(prec=60, traps=[Inexact])
_DIGITS = 18  # before or after the point
_SHAPE = re.compile(r"[+]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)

# ISO 4217: currencies whose minor unit is not two digits. All others have two.
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"
DECIMALS = {
    **dict.fromkeys(_NO_DECIMALS.split(), 0),
    **dict.fromkeys(_THREE_DECIMALS.split(), 3),
    **dict.fromkeys(_FOUR_DECIMALS.split(), 4),
}

# ISO 4217 without metals, bond units and codes for testing: what a payment can be made in.
_CURRENCIES = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN "
    "BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR "
    "FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY "
    "KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU "
    "MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON "
    "RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP "
    "TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER "
    "ZAR ZMW ZWG "
)
CURRENCIES = frozenset(_CURRENCIES.split())


def amount(text: str) -> Decimal:
    """Read an unsigned amount as XML Schema writes it (`1234.50`, no exponent, no sign but `+`).

    Raises ValueError when `text` is anything else, or has more digits than a sum of amounts keeps;
    white space around it is XML's and is dropped.
    """
    stripped = text.strip(" \t\r\n")
    whole, _, fraction = stripped.partition(".")
    long = len(whole.lstrip("+0")) > _DIGITS or len(fraction.rstrip("0")) > _DIGITS
    if long or not _SHAPE.fullmatch(stripped):
        raise ValueError(f"not an amount: {text!r}")
    return Decimal(stripped)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum; raises decimal.Inexact rather than round."""
    with localcontext(_EXACT):
        return sum(amounts, Decimal(0))


def product(amount: Decimal, rate: Decimal) -> Decimal:
    """The exact product; raises decimal.Inexact rather than round."""
    with localcontext(_EXACT):
        return amount * rate


def plain(value: Decimal) -> str:
    """`value` as the ERP and the ledger write it: no exponent, its own decimals kept."""
    return f"{value:f}"


def decimals_of(currency: str) -> int:
    """How many decimals ISO 4217 gives `currency` (2 when it is not listed as an exception)."""
    return DECIMALS.get(currency, 2)


def decimals_used(value: Decimal) -> int:
    """Significant decimals of `value`: trailing zeros do not count (1.500 uses one)."""
    exponent = value.normalize(_EXACT).as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
