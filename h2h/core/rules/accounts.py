"""Accounts: a counterparty's IBAN is possible, and the batch's account is ours at that bank.

IBAN: ISO 13616. Check digits by ISO 7064 mod 97-10; the form of each country from the IBAN registry
as python-stdnum carries it. Its own check takes 33 µs, more than a payment may take as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache

from stdnum import numdb

from h2h.core.demands import Demands
from h2h.core.payment import Chunk
from h2h.core.problem import Severity
from h2h.core.rules.rule import BatchTotals, Finding, Rule, Terms
from h2h.core.words import Words, say

_LETTERS = {chr(ord("A") + n): str(10 + n) for n in range(26)}
_SHAPE = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{1,30}", re.IGNORECASE | re.ASCII)
_PART = re.compile(r"(\d+)!([nac])")
_CLASSES = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Za-z0-9]"}


def compact(number: str) -> str:
    """An account number without white space and in capitals, for comparing."""
    return "".join(number.split()).upper()


def iban_fault(iban: str) -> Words | None:
    """What is wrong with an IBAN written without spaces, in words; None when nothing is.

    The form is judged for the countries of the registry, the check digits for all.
    """
    if not _SHAPE.fullmatch(iban):
        return say(
            "{iban} is not an IBAN: two letters, two digits, then up to 30 letters or digits",
            iban=iban,
        )
    country = iban[:2].upper()
    form = _form(country)
    if form is not None and len(iban) != form[0]:
        return say(
            "{iban} has {found} characters; an IBAN of {country} has {expected}",
            iban=iban,
            found=len(iban),
            country=country,
            expected=form[0],
        )
    if form is not None and not form[1].fullmatch(iban.upper()):
        return say(
            "{iban} is not built like an IBAN of {country}: a letter where a digit belongs",
            iban=iban,
            country=country,
        )
    if int(_digits(iban.upper())) % 97 != 1:
        return say("{iban} has wrong check digits: a character was mistyped or swapped", iban=iban)
    return None


def _digits(iban: str) -> str:
    return "".join(_LETTERS.get(each, each) for each in iban[4:] + iban[:4])


@cache
def _form(country: str) -> tuple[int, re.Pattern[str]] | None:
    """Length and shape of a country's IBAN; None when the registry does not list it."""
    _, facts = numdb.get("iban").info(country)[0]
    if "bban" not in facts:
        return None
    parts = _PART.findall(facts["bban"])
    shape = "".join(f"{_CLASSES[kind]}{{{count}}}" for count, kind in parts)
    length = 4 + sum(int(count) for count, _ in parts)
    return length, re.compile(f"{country}[0-9]{{2}}{shape}")


def _suspects(ibans: Sequence[str]) -> Iterator[int]:
    """Where `iban_fault` may find something: a quick look that lets no fault pass.

    The letters of all are turned to digits in one go, so that what is left for each IBAN is its
    form and one division.
    """
    digits = "\n".join(ibans)
    for letter in set(digits) & _LETTERS.keys():
        digits = digits.replace(letter, _LETTERS[letter])
    numbers = digits.split("\n")
    if len(numbers) != len(ibans):  # one is written with line breaks, or comes twice
        yield from range(len(ibans))
        return
    for at, (iban, number) in enumerate(zip(ibans, numbers, strict=True)):
        if not iban:
            continue
        form = _form(iban[:2])
        # the country's two letters have become four digits, and the check digits follow them
        if (
            form is None
            or not form[1].fullmatch(iban)
            or not number.isdecimal()
            or int(number[6:] + number[:6]) % 97 != 1
        ):
            yield at


class Iban(Rule):
    """Every IBAN has its country's form and right check digits."""

    id = "iban"
    code = "AC01"
    source = "ISO 13616-1, the IBAN registry; ISO 7064 mod 97-10"
    remedy = say("Ask the owner for the IBAN and correct it in the master data.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        ibans = chunk.columns.iban
        for at in _suspects(ibans):
            if ibans[at] and (fault := iban_fault(ibans[at])):
                yield Finding(chunk[at], "iban", fault, ibans[at])

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        iban = totals.batch.iban
        if iban and (fault := iban_fault(iban)):
            yield Finding(totals.batch, "iban", fault, iban)


class IbanCountry(Rule):
    """Every IBAN's country is in the registry: some use IBANs without being in it."""

    id = "iban-country"
    severity = Severity.WARN
    code = "AC01"
    source = "the IBAN registry"
    remedy = say("Make sure that the bank accepts an IBAN of this country.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        ibans = chunk.columns.iban
        unlisted = {country for iban in ibans if (country := iban[:2]) and _form(country) is None}
        for at, iban in enumerate(ibans) if unlisted else ():
            if iban[:2] in unlisted:
                words = say("the IBAN registry does not list {country}", country=iban[:2])
                yield Finding(chunk[at], "iban", words, iban)


class DebtorAccount(Rule):
    """The account of each batch, to be debited or credited, is one of ours at that bank."""

    id = "debtor-account"
    code = "AC02"
    source = "the accounts of the configuration"
    remedy = say(
        "Send the file to the bank of this account, or add the account to the configuration."
    )

    def __init__(self, terms: Terms, today: date) -> None:
        super().__init__(terms, today)
        accounts = terms.accounts
        self._ours = None if accounts is None else {compact(ours.number) for ours in accounts}

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        account = totals.batch.account
        if self._ours is not None and compact(account) not in self._ours:
            words = (
                say("{account} is none of our accounts at this bank", account=account)
                if account
                else say("no account is given")
            )
            yield Finding(totals.batch, "account", words, account)
