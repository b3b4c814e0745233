"""Schemes: what a SEPA, instant, domestic or cross-border payment may carry, and what it must.

Nothing here is demanded by itself: each rule is silent until a profile demands it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import ClassVar

from h2h.core.demands import Demands, spans
from h2h.core.payment import LINE, Batch, Chunk, Columns, Header, Payment, Texts
from h2h.core.problem import Severity
from h2h.core.rules.rule import Again, BatchTotals, Finding, Rule, Tally
from h2h.core.terms import CheckTerms
from h2h.core.words import Words, say

_SCHEME = "the rulebook and guidelines of the scheme (EPC for SEPA), as the profile has them"
_BANK = "the bank's code list, as the profile has it"
_MOST_LISTED = 12

# ---------------------------------------------------------------------- values that must be listed


class Listed(Rule):
    """A value that is one of those demanded, wherever it is given."""

    field: ClassVar[str]

    def allowed(self, demands: Demands) -> frozenset[str]:
        """The values demanded; empty: any."""
        raise NotImplementedError

    def words(self, strange: str) -> Words:
        """What is said of a value that is none of them."""
        raise NotImplementedError

    def column(self, chunk: Chunk) -> Texts:
        """The values; "" where there is none."""
        column: Texts = getattr(chunk.columns, self.field)
        return column

    def strange(self, text: str, allowed: frozenset[str]) -> str:
        """The part of `text` that is not allowed; "" when there is none, or no text."""
        return "" if text in allowed else text

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        for wanted, places in spans(demands) if self.field in chunk.filled else ():
            if allowed := self.allowed(wanted):
                column = self.column(chunk)
                found = {text: self.strange(text, allowed) for text in set(column)}
                for at in places if any(found.values()) else ():
                    if strange := found.get(column[at]):
                        yield self.finding(chunk[at], strange, allowed)

    def finding(self, where: Batch | Payment, strange: str, allowed: frozenset[str]) -> Finding:
        """The value with what is expected in its place, unless that is too long to read."""
        expected = ", ".join(sorted(allowed)) if len(allowed) <= _MOST_LISTED else ""
        return Finding(where, self.field, self.words(strange), strange, expected)


class ListedInBatches(Listed):
    """The same for what a batch may give for all of its payments."""

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        allowed = self.allowed(self.terms.profile.of(totals.batch))
        text: str = getattr(totals.batch, self.field)
        if allowed and (strange := self.strange(text, allowed)):
            yield self.finding(totals.batch, strange, allowed)


class SchemeCurrency(Listed):
    """Every payment is in a currency of its scheme."""

    id = "scheme-currency"
    code = "AM03"
    source = _SCHEME
    remedy = say("Pay in a currency of the scheme, or by a scheme that takes this one.")
    field = "currency"

    def allowed(self, demands: Demands) -> frozenset[str]:
        return demands.currencies

    def words(self, strange: str) -> Words:
        return say("{currency} is no currency of this scheme", currency=strange)


class ServiceLevel(ListedInBatches):
    """A service level, where one is given, is one of the scheme's."""

    id = "service-level"
    code = "FF04"
    source = _SCHEME
    remedy = say("Give a service level of the scheme, or check the file by another profile.")
    field = "service_level"

    def allowed(self, demands: Demands) -> frozenset[str]:
        return demands.service_levels

    def words(self, strange: str) -> Words:
        return say("{level} is no service level of this scheme", level=strange)


class LocalInstrument(Rule):
    """Each payment has the scheme's local instrument, where it has one (instant: INST)."""

    id = "local-instrument"
    code = "FF05"
    source = _SCHEME
    remedy = say("Give the scheme's local instrument, or check the file by another profile.")

    def __init__(self, terms: CheckTerms, today: date) -> None:
        super().__init__(terms, today)
        self._told: Batch | None = None  # once a batch is enough

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        for wanted, part in spans(demands):
            for at in part if wanted.local_instrument else ():
                batch = chunk.batches[at]
                given = chunk.columns.local_instrument[at] or batch.local_instrument
                if given != wanted.local_instrument and batch is not self._told:
                    self._told = batch
                    words = say(
                        "the local instrument is {given}, not {wanted}",
                        given=given or "-",
                        wanted=wanted.local_instrument,
                    )
                    yield Finding(batch, "local_instrument", words, given, wanted.local_instrument)


class ChargeBearer(ListedInBatches):
    """A charge bearer, where one is given, is one of the scheme's (SEPA: SLEV)."""

    id = "charge-bearer"
    code = "BE19"
    source = _SCHEME
    remedy = say("Give the charge bearer of the scheme, or leave it out.")
    field = "charge_bearer"

    def allowed(self, demands: Demands) -> frozenset[str]:
        return demands.charge_bearers

    def words(self, strange: str) -> Words:
        return say("{bearer} is no charge bearer of this scheme", bearer=strange)


class SchemeCountry(Listed):
    """The counterparty's IBAN is of a country that the scheme reaches."""

    id = "scheme-country"
    code = "AG03"
    source = f"{_SCHEME}: its countries and territories"
    remedy = say("Send it as a cross-border payment, outside of this scheme.")
    field = "iban"

    def allowed(self, demands: Demands) -> frozenset[str]:
        return demands.countries

    def column(self, chunk: Chunk) -> Texts:
        return chunk.iban_countries

    def words(self, strange: str) -> Words:
        return say("an account in {country} is not reached by this scheme", country=strange)


class PurposeCode(Listed):
    """A purpose, where one is given, is on the bank's list."""

    id = "purpose-code"
    code = "FF07"
    source = _BANK
    remedy = say("Give a purpose of the bank's list.")
    field = "purpose"

    def allowed(self, demands: Demands) -> frozenset[str]:
        return demands.purposes

    def words(self, strange: str) -> Words:
        return say("{purpose} is no purpose that the bank takes", purpose=strange)


class RegulatoryCode(Listed):
    """Every code of a regulatory report is on the bank's list."""

    id = "regulatory-code"
    code = "RR05"
    source = _BANK
    remedy = say("Give a code of the bank's list for regulatory reports.")
    field = "regulatory_codes"

    def allowed(self, demands: Demands) -> frozenset[str]:
        return demands.regulatory_codes

    def strange(self, text: str, allowed: frozenset[str]) -> str:
        return next((code for code in text.split(LINE) if code not in allowed), "")

    def words(self, strange: str) -> Words:
        return say("{code} is no code of a regulatory report that the bank takes", code=strange)


# ------------------------------------------------------------------- what must be there, and where


class RequiredIn(Rule):
    """Something that payments to banks of certain countries must carry."""

    fields: ClassVar[tuple[str, ...]]  # one of them suffices

    def countries(self, demands: Demands) -> frozenset[str]:
        """Those whose banks, or supervisors, ask for it."""
        raise NotImplementedError

    def words(self, country: str) -> Words:
        """What is said where it is missing."""
        raise NotImplementedError

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        columns = chunk.columns
        given: list[Texts] = [getattr(columns, name) for name in self.fields]
        for wanted, places in spans(demands):
            countries = self.countries(wanted)
            if countries.isdisjoint(_bank_countries(chunk) if countries else ()):
                continue
            for at in places:
                country = _bank_country(columns, at)
                if country in countries and not any(column[at] for column in given):
                    yield Finding(chunk[at], self.fields[0], self.words(country))


def _bank_countries(chunk: Chunk) -> set[str]:
    """Every country that a counterparty's bank may be in: a quick look that misses none."""
    columns = chunk.columns
    return {
        *(bic[4:6] for bic in set(columns.agent_bic)),
        *columns.agent_country,
        *chunk.iban_countries,
        *(system[:2] for system in set(columns.agent_member_scheme)),
    }


def _bank_country(columns: Columns, at: int) -> str:
    """The country of a counterparty's bank: by its BIC, its address, the IBAN, or its clearing
    system, whose ISO code begins with its country; "" when none is there."""
    return (
        columns.agent_bic[at][4:6]
        or columns.agent_country[at]
        or columns.iban[at][:2]
        or columns.agent_member_scheme[at][:2]
    )


class PurposeRequired(RequiredIn):
    """A payment to a country whose banks ask for its purpose gives one."""

    id = "purpose-required"
    code = "FF07"
    source = "the rules of the country's supervisor, as the profile has them"
    remedy = say("Give the purpose by its code, as the counterparty's bank expects it.")
    fields = ("purpose",)

    def countries(self, demands: Demands) -> frozenset[str]:
        return demands.purpose_required_in

    def words(self, country: str) -> Words:
        return say("a payment to {country} needs a purpose, and none is given", country=country)


class RegulatoryReport(RequiredIn):
    """A payment to a country that asks for a regulatory report carries one."""

    id = "regulatory-report"
    code = "RR05"
    source = "the rules of the country's supervisor, as the profile has them"
    remedy = say("Give the regulatory report, with the code that the bank expects.")
    fields = ("regulatory_codes", "regulatory_information")

    def countries(self, demands: Demands) -> frozenset[str]:
        return demands.regulatory_required_in

    def words(self, country: str) -> Words:
        return say(
            "a payment to {country} needs a regulatory report, and none is given", country=country
        )


class IbanOnly(Rule):
    """Both accounts are given by IBAN, where the scheme knows no other number."""

    id = "iban-only"
    code = "AC01"
    source = _SCHEME
    remedy = say("Ask the owner for the IBAN.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        columns = chunk.columns
        if all(columns.iban):
            return
        for wanted, places in spans(demands):
            for at in places if wanted.iban_only else ():
                if not columns.iban[at]:
                    words = say("the scheme needs the counterparty's IBAN, and none is given")
                    yield Finding(chunk[at], "iban", words, columns.number[at])

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        batch = totals.batch
        if not batch.iban and self.terms.profile.of(batch).iban_only:
            words = say("the scheme needs the IBAN of our account, and none is given")
            yield Finding(batch, "account", words, batch.account)


# -------------------------------------------------------------------------- remittance information


class RemittanceLength(Rule):
    """The unstructured remittance information is no longer than the scheme carries."""

    id = "remittance-length"
    code = "RR07"
    source = f"{_SCHEME}: 140 characters in SEPA"
    remedy = say("Shorten the text: the bank refuses or cuts what is longer.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        column = chunk.columns.remittance
        longest = max(map(len, column)) if "remittance" in chunk.filled else 0
        for wanted, places in spans(demands) if longest else ():
            most = wanted.remittance_length
            for at in places if 0 < most < longest else ():
                if (found := len(column[at]) - column[at].count(LINE)) > most:
                    words = say(
                        "the text has {found} characters; the scheme carries {most}",
                        found=found,
                        most=most,
                    )
                    yield Finding(chunk[at], "remittance", words, str(found), str(most))


class RemittanceLines(Rule):
    """Unstructured remittance information is given no more often than the scheme carries it."""

    id = "remittance-lines"
    code = "RR07"
    source = f"{_SCHEME}: one occurrence in SEPA"
    remedy = say("Put the text into as many elements as the scheme carries.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        column = chunk.columns.remittance
        several = "remittance" in chunk.filled and LINE in "".join(column)
        for wanted, places in spans(demands) if several else ():
            most = wanted.remittance_lines
            for at in places if most else ():
                if (found := column[at].count(LINE) + 1) > most:
                    words = say(
                        "the text comes in {found} elements; the scheme carries {most}",
                        found=found,
                        most=most,
                    )
                    yield Finding(chunk[at], "remittance", words, str(found), str(most))


class RemittanceEither(Rule):
    """Remittance information is structured or unstructured, where the scheme carries only one."""

    id = "remittance-either"
    code = "RR07"
    source = f"{_SCHEME}: structured or unstructured"
    remedy = say("Give the structured reference alone, or a text alone.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        columns = chunk.columns
        if not {"reference", "remittance"} <= chunk.filled:
            return
        for wanted, places in spans(demands):
            for at in places if wanted.remittance_either else ():
                if columns.reference[at] and columns.remittance[at]:
                    words = say("there is a structured reference and a text beside it")
                    yield Finding(chunk[at], "remittance", words, columns.remittance[at])


# ------------------------------------------------------------------------------ batches, and files


class OneCurrency(Rule):
    """All payments of a batch are in one currency, where the scheme or the bank wants it."""

    id = "one-currency"
    code = "AM03"
    source = _SCHEME
    remedy = say("Write a batch for each currency.")

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        batch, found = totals.batch, sorted(filter(None, totals.by_currency))
        if len(found) > 1 and self.terms.profile.of(batch).one_currency_a_batch:
            currencies = ", ".join(found)
            words = say("the batch mixes currencies: {currencies}", currencies=currencies)
            yield Finding(batch, "", words, currencies)


class ChargeBearerTwice(Rule):
    """The charge bearer stands in the batch or in its payments, not in both."""

    id = "charge-bearer-twice"
    severity = Severity.WARN
    code = "CH07"
    source = "ISO 20022 pain.001 and pain.008: the rule on ChargeBearer at two levels"
    remedy = say("Give the charge bearer once: in the batch, or in each payment.")

    def __init__(self, terms: CheckTerms, today: date) -> None:
        super().__init__(terms, today)
        self._twice: set[int] = set()

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Sequence[Finding]:
        del demands
        if "charge_bearer" in chunk.filled:
            pairs = zip(chunk.batches, chunk.columns.charge_bearer, strict=True)
            self._twice |= {batch.index for batch, own in pairs if own and batch.charge_bearer}
        return ()

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        if totals.batch.index in self._twice:
            words = say("the charge bearer is given for the batch and again for its payments")
            yield Finding(totals.batch, "charge_bearer", words, totals.batch.charge_bearer)


class PayeeVerified(Rule):
    """A SEPA file of one payment is always verified against the payee's name."""

    id = "payee-verified"
    severity = Severity.INFO
    code = "NARR"
    source = "Regulation (EU) 2024/886, article 5c: verification of payee"
    remedy = say("Nothing; see that the name is the one under which the account is held.")

    def __init__(self, terms: CheckTerms, today: date) -> None:
        super().__init__(terms, today)
        self._verified = False

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Sequence[Finding]:
        del chunk
        self._verified = demands[0].payee_verified
        return ()

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del again
        if self._verified and tally.transactions == 1 and not header.collection:
            words = say("it is a single payment, so the bank verifies the payee's name")
            yield Finding(None, "", words)
