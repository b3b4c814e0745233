"""Parties: the counterparty has a name, of its own and short enough, and LEIs are possible."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date
from operator import attrgetter

from h2h.core.checkdigits import mod_97
from h2h.core.demands import Demands, spans
from h2h.core.payment import LINE, Chunk, Header, Texts
from h2h.core.problem import Severity
from h2h.core.rules.accounts import compact
from h2h.core.rules.columns import judged
from h2h.core.rules.rule import Again, BatchTotals, Finding, Rule, Sides, Tally
from h2h.core.terms import CheckTerms
from h2h.core.words import Words, say

_NAME_CODES = Sides("BE08", "BE22")
_ID_CODES = Sides("BE16", "BE17")
_AGENT_CODES = Sides("RC03", "RC04")
_LEI = re.compile(r"[A-Z0-9]{18}[0-9]{2}")


class CounterpartyName(Rule):
    """The counterparty has a name."""

    id = "name"
    code = "BE21"
    source = "ISO 20022: Creditor/Name, Debtor/Name; Regulation (EU) 2023/1113"
    remedy = say("Give the account holder's name as the bank knows it.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        names = chunk.columns.name
        if all(map(str.strip, names)):
            return
        for at, name in enumerate(names):
            if not name.strip():
                code = _NAME_CODES.theirs(chunk.batches[at])
                yield Finding(chunk[at], "name", say("the counterparty has no name"), code=code)


class OwnName(Rule):
    """The counterparty is not called like ourselves, but for payments to an account of ours."""

    id = "own-name"
    severity = Severity.WARN
    code = "BE01"
    source = "the batch's account holder; the accounts of the configuration"
    remedy = say("Make sure that the money is meant for an account of our own.")

    def __init__(self, terms: CheckTerms, today: date) -> None:
        super().__init__(terms, today)
        self._ours = {compact(ours.number) for ours in terms.accounts or ()}

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        columns, batches = chunk.columns, chunk.batches
        own = {_plain(name) for name in set(map(attrgetter("name"), batches))} - {""}
        all_names = LINE.join(columns.name).casefold()
        if not any(name in all_names for name in own):
            return
        for at, name in enumerate(columns.name):
            account = compact(columns.iban[at] or columns.number[at])
            if name and _plain(name) == _plain(batches[at].name) and account not in self._ours:
                words = say(
                    "the counterparty is called like the account's holder: {name}", name=name
                )
                yield Finding(chunk[at], "name", words, name)


def _plain(name: str) -> str:
    return name.strip().casefold()


class NameLength(Rule):
    """No name is longer than the scheme takes."""

    id = "name-length"
    code = "BE20"
    source = "the scheme's profile"
    remedy = say("Shorten the name, by the form of company first, so that it stays recognisable.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        for wanted, places in spans(demands):
            if wanted.name_length:
                for field in chunk.filled & {"name", "ultimate_debtor", "ultimate_creditor"}:
                    yield from self._long(chunk, field, places, wanted.name_length)

    def _long(
        self, chunk: Chunk, field: str, places: Sequence[int], most: int
    ) -> Iterator[Finding]:
        column: Texts = getattr(chunk.columns, field)
        if max(map(len, column)) <= most:
            return
        for at in places:
            if words := _too_long(column[at], most):
                yield Finding(chunk[at], field, words, column[at], str(most))

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        batch = totals.batch
        most = self.terms.profile.of(batch).name_length
        for field, name in (("name", batch.name), ("ultimate_name", batch.ultimate_name)):
            if most and (words := _too_long(name, most)):
                yield Finding(batch, field, words, name, str(most))


def _too_long(name: str, most: int) -> Words | None:
    if len(name) <= most:
        return None
    return say("the name has {length} characters; {most} are taken", length=len(name), most=most)


class Lei(Rule):
    """Every LEI has its form and right check digits."""

    id = "lei"
    code = "BE15"
    source = "ISO 17442; ISO 7064 mod 97-10"
    remedy = say("Look the LEI up at search.gleif.org and correct it in the master data.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        for field, codes in (("lei", _ID_CODES), ("agent_lei", _AGENT_CODES)):
            if field not in chunk.filled:
                continue
            column: Texts = getattr(chunk.columns, field)
            for at, words in judged(column, lei_fault):
                code = codes.theirs(chunk.batches[at])
                yield Finding(chunk[at], field, words, column[at], code=code)

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        batch = totals.batch
        for field, lei, codes in (
            ("lei", batch.lei, _ID_CODES),
            ("agent_lei", batch.agent.lei, _AGENT_CODES),
        ):
            if lei and (words := lei_fault(lei)):
                yield Finding(batch, field, words, lei, code=codes.ours(batch))

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del tally, again
        if header.party_lei and (words := lei_fault(header.party_lei)):
            yield Finding(header, "party_lei", words, header.party_lei)


def lei_fault(lei: str) -> Words | None:
    """What is wrong with a legal entity identifier, in words; None when nothing is."""
    if not _LEI.fullmatch(lei):
        return say("{lei} is no LEI: 18 capital letters or digits, then 2 digits", lei=lei)
    if mod_97(lei) != 1:
        return say("{lei} has wrong check digits: a character was mistyped or swapped", lei=lei)
    return None
