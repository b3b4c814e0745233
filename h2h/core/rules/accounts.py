"""Accounts: a counterparty's IBAN is possible, and the batch's account is ours at that bank.

IBAN: ISO 13616. Check digits by ISO 7064 mod 97-10; the form of each country from the IBAN registry
as python-stdnum carries it. Its own check takes 33 µs, more than a payment may take as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache, lru_cache

from stdnum import numdb

from h2h.core.demands import Demands
from h2h.core.payment import LINE, Batch, Chunk
from h2h.core.problem import Severity
from h2h.core.rules.rule import BatchTotals, Finding, Rule, Sides
from h2h.core.terms import Account, CheckTerms
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
            "{iban} is not built like an IBAN of {country}: "
            "letters and digits are not where they belong",
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


def _suspects(ibans: Sequence[str], countries: frozenset[str]) -> Iterable[int]:
    """Where `iban_fault` may find something: a quick look that lets no fault pass.

    The forms of all are matched in one go, their letters turned to digits in another, so that what
    is left for each IBAN is one division. Where that is not possible, each is looked at.
    """
    text = "\n".join([*ibans, ""])
    lines = text.count("\n") == len(ibans)  # not so if one has line breaks, or comes twice
    if not (lines and _forms(countries).fullmatch(text)):
        return (at for at, iban in enumerate(ibans) if iban)
    for letter in set(text) & _LETTERS.keys():
        text = text.replace(letter, _LETTERS[letter])
    # the country's two letters have become four digits, and the check digits follow them
    numbers = enumerate(text.split("\n")[:-1])
    return (at for at, each in numbers if each and int(each[6:] + each[:6]) % 97 != 1)


@lru_cache
def _forms(countries: frozenset[str]) -> re.Pattern[str]:
    """Lines that are empty or an IBAN in capitals of one of these countries."""
    forms = [
        form[1].pattern.replace(_CLASSES["c"], "[A-Z0-9]")
        if (form := _form(country))
        else f"{re.escape(country)}[0-9]{{2}}[A-Z0-9]{{1,30}}"
        for country in sorted(countries)
        if country.isascii() and country.isalpha() and country.isupper()
    ]
    return re.compile(f"(?:(?:{'|'.join(forms)})?\n)*")


class Iban(Rule):
    """Every IBAN has its country's form and right check digits."""

    id = "iban"
    code = "AC01"
    source = "ISO 13616-1, the IBAN registry; ISO 7064 mod 97-10"
    remedy = say("Ask the owner for the IBAN and correct it in the master data.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        yield from self._column(chunk, "iban", frozenset(chunk.iban_countries))
        for field in ("agent_iban", "intermediary_iban"):
            if field in chunk.filled:
                countries = {iban[:2] for iban in getattr(chunk.columns, field)}
                yield from self._column(chunk, field, frozenset(countries))

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        for field in ("iban", "charges_iban", "agent_iban"):
            iban: str = getattr(totals.batch, field)
            if iban and (fault := iban_fault(iban)):
                yield Finding(totals.batch, field, fault, iban)

    def _column(self, chunk: Chunk, field: str, countries: frozenset[str]) -> Iterator[Finding]:
        ibans: Sequence[str] = getattr(chunk.columns, field)
        for at in _suspects(ibans, countries):
            # three intermediaries may have one each; the counterparty has one
            for iban in [ibans[at]] if field == "iban" else ibans[at].split(LINE):
                if iban and (fault := iban_fault(iban)):
                    yield Finding(chunk[at], field, fault, iban)


class IbanCountry(Rule):
    """Every IBAN's country is in the registry: some use IBANs without being in it."""

    id = "iban-country"
    severity = Severity.WARN
    code = "AC01"
    source = "the IBAN registry"
    remedy = say("Make sure that the bank accepts an IBAN of this country.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        countries = set(chunk.iban_countries)
        unlisted = {country for country in countries if country and _form(country) is None}
        for at, country in enumerate(chunk.iban_countries) if unlisted else ():
            if country in unlisted:
                words = say("the IBAN registry does not list {country}", country=country)
                yield Finding(chunk[at], "iban", words, chunk.columns.iban[at])


class DebtorAccount(Rule):
    """The account of each batch, to be debited or credited, is one of ours at that bank."""

    id = "debtor-account"
    code = "AC02"
    source = "the accounts of the configuration"
    remedy = say(
        "Send the file to the bank of this account, or add the account to the configuration."
    )

    def __init__(self, terms: CheckTerms, today: date) -> None:
        super().__init__(terms, today)
        self._ours = None if terms.accounts is None else _by_number(terms.accounts)

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        batch, side = totals.batch, _ACCOUNT.ours(totals.batch)
        if self._ours is None:
            return
        ours = self._ours.get(compact(batch.account), ())
        if not ours:
            words = (
                say("{account} is none of our accounts at this bank", account=batch.account)
                if batch.account
                else say("no account is given")
            )
            yield Finding(batch, "account", words, batch.account, code=side)
        elif not _at_its_bank(batch, ours):
            found, expected = batch.agent.identifier, _listed(each.bank_code for each in ours)
            words = say(
                "{account} is ours at the bank code {expected}, and {found} is given",
                account=batch.account,
                expected=expected,
                found=found or say("none"),
            )
            yield Finding(batch, "agent", words, found, expected, side)


class AccountCurrency(Rule):
    """The currency that a batch gives for our account is the one that the account has."""

    id = "account-currency"
    code = "AC10"
    source = "the accounts of the configuration"
    remedy = say("Correct the currency in the master data, or in the configuration.")

    def __init__(self, terms: CheckTerms, today: date) -> None:
        super().__init__(terms, today)
        self._ours = _by_number(terms.accounts or ())

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        batch, found = totals.batch, totals.batch.account_currency
        ours = self._ours.get(compact(batch.account), ()) if found else ()
        if ours and found not in {each.currency for each in ours}:
            expected = _listed(each.currency for each in ours)
            words = say(
                "our account {account} is in {expected}, not in {found}",
                account=batch.account,
                expected=expected,
                found=found,
            )
            side = _ACCOUNT_CURRENCY.ours(batch)
            yield Finding(batch, "account_currency", words, found, expected, side)


_ACCOUNT = Sides("AC02", "AC03")
_ACCOUNT_CURRENCY = Sides("AC10", "AC11")


def _by_number(accounts: Iterable[Account]) -> Mapping[str, Sequence[Account]]:
    found: dict[str, list[Account]] = {}
    for account in accounts:
        found.setdefault(compact(account.number), []).append(account)
    return found


def _at_its_bank(batch: Batch, ours: Iterable[Account]) -> bool:
    """Does the batch name the bank of one of these accounts, where they have a bank code?

    Numbers are unique at one bank only. A clearing member id decides; a BIC alone is taken for it.
    """
    member = compact(batch.agent.member)
    codes = {compact(account.bank_code) for account in ours}
    return member in codes or "" in codes or bool(not member and batch.agent.bic)


def _listed(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))
