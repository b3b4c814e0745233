"""Addresses: where a party has one, it has a town and a country.

Since November 2026 (SEPA: the 15th; cross-border: the 14th) an address is *structured* or *hybrid*:
town and country, and at most two free lines which repeat nothing of the rest. Free lines alone are
refused. A bank is known by its BIC or its clearing member id; only one without either needs an
address.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from h2h.core.countries import COUNTRIES
from h2h.core.demands import Demands, spans
from h2h.core.payment import LINE, Address, Batch, Chunk, Payment, Texts
from h2h.core.rules.columns import judged
from h2h.core.rules.rule import BatchTotals, Finding, Rule, Sides
from h2h.core.words import Words, say

MOST_LINES, LONGEST_LINE = 2, 70

_SOURCE = "EPC153-22, guidance on addresses, from 15 November 2026; CBPR+, from 14 November 2026"
_FIELDS = ("town", "country", "address_lines", "address_parts")
_BEHIND_US = "ultimate_debtor_"
_PARTIES = {
    prefix: [prefix + field for field in _FIELDS]
    for prefix in ("", _BEHIND_US, "ultimate_creditor_")
}
_ADDRESS_CODES = Sides("BE07", "BE04")
_COUNTRY_CODES = Sides("BE10", "BE11")


class _Columns(NamedTuple):
    """The addresses of one party in a chunk."""

    town: Texts
    country: Texts
    lines: Texts
    parts: Texts


class _Fault(NamedTuple):
    """What is wrong with an address, and with which field of it."""

    field: str
    message: Words
    found: str = ""
    expected: str = ""
    codes: Sides = _ADDRESS_CODES


class _PartyAddress(Rule):
    """A demand on every party's address: of a batch, of a payment, and of those behind them."""

    code = "BE04"
    source = _SOURCE

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        for prefix, names in _PARTIES.items():
            if chunk.filled.isdisjoint(names):
                continue
            columns = _Columns(*(_column(chunk, name) for name in names))
            for at in self.suspects(columns, demands):
                address = Address(*(column[at] for column in columns))
                if address.present and (fault := self.fault(address, demands[at])):
                    codes, batch = fault.codes, chunk.batches[at]
                    code = codes.ours(batch) if prefix == _BEHIND_US else codes.theirs(batch)
                    yield _finding(chunk[at], prefix, fault, code)

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        batch = totals.batch
        demands = self.terms.profile.of(batch)
        for prefix, address in (("", batch.address), ("ultimate_", batch.ultimate_address)):
            if address.present and (fault := self.fault(address, demands)):
                yield _finding(batch, prefix, fault, fault.codes.ours(batch))

    @abstractmethod
    def suspects(self, columns: _Columns, demands: Sequence[Demands]) -> Iterable[int]:
        """Where `fault` may find something: a quick look that lets no fault pass."""

    @abstractmethod
    def fault(self, address: Address, demands: Demands) -> _Fault | None:
        """What is wrong with an address that is there."""


def _finding(where: Payment | Batch, prefix: str, fault: _Fault, code: str) -> Finding:
    return Finding(where, prefix + fault.field, fault.message, fault.found, fault.expected, code)


class TownAndCountry(_PartyAddress):
    """Every address that is given has a town and a country: free lines alone are refused."""

    id = "address"
    remedy = say("Give town and country in fields of their own, or leave the address out.")

    def suspects(self, columns: _Columns, demands: Sequence[Demands]) -> Iterable[int]:
        del demands
        if all(columns.town) and all(columns.country):
            return ()
        return [
            at
            for at, (town, country, lines, parts) in enumerate(zip(*columns, strict=True))
            if not (town and country) and (town or country or lines or parts)
        ]

    def fault(self, address: Address, demands: Demands) -> _Fault | None:
        del demands
        if address.town and address.country:
            return None
        if address.town:
            return _Fault("address_parts", say("the address has no country"), codes=_COUNTRY_CODES)
        if address.country:
            return _Fault("address_parts", say("the address has no town"))
        if address.parts:
            return _Fault("address_parts", say("the address has neither town nor country"))
        words = say("the address has free lines only, no town and no country")
        return _Fault("address_lines", words, address.lines.replace(LINE, ", "))


class AddressLines(_PartyAddress):
    """An address has at most two free lines of 70 characters beside town and country."""

    id = "address-lines"
    remedy = say("Put street, building and post code in fields of their own; shorten what is left.")

    def suspects(self, columns: _Columns, demands: Sequence[Demands]) -> Iterable[int]:
        del demands
        if not any(columns.lines):
            return ()
        return [
            at
            for at, text in enumerate(columns.lines)
            if len(text) > LONGEST_LINE or text.count(LINE) >= MOST_LINES
        ]

    def fault(self, address: Address, demands: Demands) -> _Fault | None:
        del demands
        if not (address.town or address.country):
            return None  # its lines are too many whatever their number
        lines = address.lines.split(LINE)
        expected = say(
            "{count} lines of {length} characters", count=MOST_LINES, length=LONGEST_LINE
        )
        if len(lines) > MOST_LINES:
            words = say("the address has {count} free lines", count=len(lines))
            return _Fault("address_lines", words, str(len(lines)), expected)
        for line in lines:
            if len(line) > LONGEST_LINE:
                words = say("a free line of the address has {length} characters", length=len(line))
                return _Fault("address_lines", words, line, expected)
        return None


class RepeatedAddress(_PartyAddress):
    """The free lines of an address repeat nothing that it has in a field of its own."""

    id = "address-repeated"
    remedy = say("Take out of the free lines what stands in a field of its own.")

    def suspects(self, columns: _Columns, demands: Sequence[Demands]) -> Iterable[int]:
        del demands
        if not any(columns.lines):
            return ()
        return [
            at
            for at, (town, country, lines, parts) in enumerate(zip(*columns, strict=True))
            if lines and _alike(lines, town, country, parts)
        ]

    def fault(self, address: Address, demands: Demands) -> _Fault | None:
        del demands
        for line in filter(None, address.lines.split(LINE)):
            if repeated := _repeated(line, address):
                words = say(
                    "the free line {line} repeats {part}, which has a field of its own",
                    line=line,
                    part=repeated,
                )
                return _Fault("address_lines", words, line)
        return None


def _alike(lines: str, town: str, country: str, parts: str) -> bool:
    """May the free lines repeat something? Then they hold its first word, or the country."""
    folded = lines.casefold()
    return (
        country in lines
        or _town_words(town).partition(" ")[0] in folded
        or any(_words(part).partition(" ")[0] in folded for part in parts.split(LINE) if part)
    )


_TOKENS = re.compile(r"[^\W_]+|[,;/]")
_NUMBER = re.compile(r".*\d|[,;/]")
_CLEAR = re.compile(r"[^\W\d_]{3}|(?:[^\W_][\W_]*){4}")  # a house number is in many places


def _repeated(line: str, address: Address) -> str:
    """What `line` repeats of the address; "" when nothing.

    A street may be called after its town or hold a country's letters (`Rue de Paris`), so these are
    repeated only where they stand by themselves, between commas and numbers (`10115 Berlin`).
    """
    for part in filter(_CLEAR.search, address.parts.split(LINE)):
        if f" {_words(part)} " in f" {_words(line)} ":
            return part
    for run in _runs(_TOKENS.findall(line)):
        if run == [address.country]:
            return address.country
        called = " ".join(word for word in run if word != address.country).casefold()
        if called and called == _town_words(address.town):
            return address.town
    return ""


@lru_cache(maxsize=4096)
def _words(text: str) -> str:
    return " ".join(filter(str.isalnum, _TOKENS.findall(text))).casefold()


@lru_cache(maxsize=4096)
def _town_words(town: str) -> str:
    """Without the numbers of its districts."""
    return " ".join(filter(str.isalpha, _TOKENS.findall(town))).casefold()


def _runs(tokens: Sequence[str]) -> Iterator[Sequence[str]]:
    """The words between commas and numbers."""
    run: list[str] = []
    for token in tokens:
        if _NUMBER.match(token):
            yield run
            run = []
        else:
            run.append(token)
    yield run


class HybridAddress(_PartyAddress):
    """No address has free lines, at a bank that takes structured addresses alone."""

    id = "address-hybrid"
    source = "the bank's profile"
    remedy = say("Put all parts of the address in fields of their own, without free lines.")

    def suspects(self, columns: _Columns, demands: Sequence[Demands]) -> Iterable[int]:
        lines = columns.lines
        if not any(lines):
            return ()
        return [at for at, text in enumerate(lines) if text and not demands[at].hybrid_addresses]

    def fault(self, address: Address, demands: Demands) -> _Fault | None:
        if not address.lines or demands.hybrid_addresses:
            return None
        words = say("this bank takes no free lines in an address")
        return _Fault("address_lines", words, address.lines.replace(LINE, ", "))


class AddressRequired(Rule):
    """The counterparty has an address, where scheme or bank demand one."""

    id = "address-required"
    code = "BE04"
    source = "the scheme's profile: cross-border transfers, and those beyond the EEA"
    remedy = say("Give the counterparty's town and country.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        columns = chunk.columns
        if all(columns.town):
            return
        given = [_column(chunk, name) for name in _FIELDS]
        for wanted, places in spans(demands):
            for at in places if wanted.address_required else ():
                if not any(column[at] for column in given):
                    words = say("the counterparty has no address")
                    code = _ADDRESS_CODES.theirs(chunk.batches[at])
                    yield Finding(chunk[at], "address_parts", words, code=code)


class AgentAddress(Rule):
    """A bank without BIC and clearing member id has a town and a country."""

    id = "agent-address"
    code = "RC02"
    source = "CBPR+: an agent is named by BIC, by clearing member id, or by name and address"
    remedy = say("Give the bank's BIC or clearing member id, else its town and country.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        for prefix, codes in _AGENTS.items():
            names = [prefix + field for field in _FIELDS]
            if chunk.filled.isdisjoint([prefix + "name", *names]):
                continue
            bics, members = _column(chunk, prefix + "bic"), _column(chunk, prefix + "member")
            columns = [_column(chunk, name) for name in names]
            for at in () if all(bics) else range(len(chunk)):
                if bics[at] or members[at]:
                    continue
                name = chunk.columns.agent_name[at] if prefix == "agent_" else ""
                if fault := _agent_fault(name, Address(*(column[at] for column in columns))):
                    yield _finding(chunk[at], prefix, fault, codes.theirs(chunk.batches[at]))

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        agent = totals.batch.agent
        if not agent.identifier and (fault := _agent_fault(agent.name, agent.address)):
            yield _finding(totals.batch, "agent_", fault, _AGENTS["agent_"].ours(totals.batch))


_AGENTS = {"agent_": Sides("RC03", "RC04"), "intermediary_": Sides("RC11", "RC11")}


def _agent_fault(name: str, address: Address) -> _Fault | None:
    """What a bank lacks that has neither BIC nor clearing member id."""
    if not (name or address.present) or (address.town and address.country):
        return None
    words = say("the bank has no BIC, no clearing member id, and no town and country")
    return _Fault("address_parts" if address.present else "name", words, name)


class CountryExists(Rule):
    """Every country, of an address or of residence, is one of ISO 3166-1."""

    id = "country"
    code = "BE09"
    source = "ISO 3166-1 alpha-2; XK for Kosovo"
    remedy = say("Give the country's code of two letters, e.g. GB for the United Kingdom.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        for field in chunk.filled & _COUNTRIES.keys():
            column = _column(chunk, field)
            for at, words in judged(column, _country_fault):
                codes, batch = _COUNTRIES[field], chunk.batches[at]
                ours = field.startswith(_BEHIND_US)
                code = codes.ours(batch) if ours else codes.theirs(batch)
                yield Finding(chunk[at], field, words, column[at], code=code)

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        batch = totals.batch
        for field, country, codes in (
            ("country", batch.address.country, _COUNTRY_CODES),
            ("ultimate_country", batch.ultimate_address.country, _COUNTRY_CODES),
            ("agent_country", batch.agent.address.country, _COUNTRIES["agent_country"]),
        ):
            if words := _country_fault(country):
                yield Finding(batch, field, words, country, code=codes.ours(batch))


_COUNTRIES = {
    "country": _COUNTRY_CODES,
    "ultimate_debtor_country": _COUNTRY_CODES,
    "ultimate_creditor_country": _COUNTRY_CODES,
    "country_of_residence": Sides("BE13", "BE14"),
    "agent_country": Sides("AG05", "AG06"),
    "intermediary_country": Sides("AG04", "AG04"),
}


def _country_fault(country: str) -> Words | None:
    if not country or country in COUNTRIES:
        return None
    return say("ISO 3166-1 has no country {country}", country=country)


def _column(chunk: Chunk, name: str) -> Texts:
    column: Texts = getattr(chunk.columns, name)
    return column
