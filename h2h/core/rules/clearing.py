"""Clearing systems: a bank's member id has the form of its system, and the system is named.

The systems and the lengths of their ids are those of ISO 20022's list
ExternalClearingSystemIdentification1Code. An id may stand alone, or begin with its system's code
(`GBDSC204000`) where the system is not given beside it.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from h2h.core.checkdigits import weighted
from h2h.core.demands import Demands, spans
from h2h.core.payment import Chunk, Texts
from h2h.core.problem import Severity
from h2h.core.rules.columns import judged
from h2h.core.rules.rule import BatchTotals, Finding, Rule, Sides
from h2h.core.words import Words, say

_DIGITS = {
    "ATBLZ": (5, 5),  # Austrian Bankleitzahl
    "AUBSB": (6, 6),  # Australian bank state branch
    "CACPA": (9, 9),  # Canadian routing number
    "CHBCC": (3, 5),  # Swiss institution id without its check digit
    "CHSIC": (6, 6),  # and with it
    "CNAPS": (12, 12),  # China's bank number
    "DEBLZ": (8, 8),  # German Bankleitzahl
    "ESNCC": (8, 9),  # Spanish interbank code
    "GBDSC": (6, 6),  # British sort code
    "GRBIC": (7, 7),  # Greek HEBIC
    "HKNCC": (3, 3),  # Hong Kong bank code
    "IENCC": (6, 6),  # Irish sort code
    "ITNCC": (10, 10),  # Italian ABI and CAB
    "JPZGN": (7, 7),  # Japanese Zengin bank and branch
    "NZNCC": (6, 6),  # New Zealand bank and branch
    "PLKNR": (8, 8),  # Polish bank and branch
    "PTNCC": (8, 8),  # Portuguese code
    "RUCBC": (9, 9),  # Russian BIK
    "SESBA": (4, 4),  # Swedish clearing number
    "SGIBG": (7, 7),  # Singapore bank and branch
    "THCBC": (3, 3),  # Thai bank code
    "TWNCC": (7, 7),  # Taiwan's financial institution code
    "USABA": (9, 9),  # Fedwire and ACH routing number
    "USPID": (4, 4),  # CHIPS participant
    "ZANCC": (6, 6),  # South African branch
}
_INDIAN = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")
_ROUTING = re.compile(r"0[0-9]|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80")  # the ABA's own prefixes
_WITHOUT_FORM = frozenset({"BEFTN", "CNCIP", "KRBOK", "MZBMO", "NGBCS", "SLCFT"})
SYSTEMS = frozenset({*_DIGITS, "INFSC", *_WITHOUT_FORM})

_AGENTS = {"agent_": Sides("RC09", "RC10"), "intermediary_": Sides("RC11", "RC11")}
_MISSING = Sides("RC03", "RC04")


class Member(NamedTuple):
    """A member id and the clearing system that it is of."""

    system: str
    number: str

    @classmethod
    def of(cls, system: str, text: str) -> Member:
        """Read an id, which may have its system's code before it if it has none beside it."""
        if not system and text[:5] in SYSTEMS:
            return cls(text[:5], text[5:])
        return cls(system, text)

    @property
    def form(self) -> Words | None:
        """How an id of this system is written; None when that is not known."""
        if self.system == "INFSC":
            return say("four letters, 0, six letters or digits")
        if self.system not in _DIGITS:
            return None
        least, most = _DIGITS[self.system]
        if least == most:
            return say("{count} digits", count=most)
        return say("{least} to {most} digits", least=least, most=most)

    @property
    def formed(self) -> bool:
        """Is it written so?"""
        if self.system == "INFSC":
            return _INDIAN.fullmatch(self.number) is not None
        least, most = _DIGITS.get(self.system, (0, 0))
        return not most or bool(re.fullmatch(f"[0-9]{{{least},{most}}}", self.number))


def member_fault(member: Member) -> Words | None:
    """What is wrong with a clearing member id, in words; None when nothing is."""
    number, system = member.number, member.system
    if not member.formed:
        return say(
            "{number} is no {system}: {form}", number=number, system=system, form=member.form
        )
    if system == "USABA" and not _ROUTING.match(number):
        return say("{number} is no routing number: none begins so", number=number)
    if system == "USABA" and weighted(number, (1, 7, 3)) % 10:
        return say("{number} has a wrong check digit: a digit was mistyped", number=number)
    return None


def system_fault(member: Member) -> Words | None:
    """What is to be said of a system that is not named or not listed; None when it is."""
    if member.system in SYSTEMS:
        return None
    if member.system:
        return say("ISO's list has no clearing system {system}", system=member.system)
    return say("{number} does not say of which clearing system it is", number=member.number)


class _MemberRule(Rule):
    """A demand on every clearing member id, of the batch's bank and of those of a payment."""

    code = "RC08"

    @staticmethod
    @abstractmethod
    def fault(member: Member) -> Words | None:
        """What is wrong with it."""

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        for prefix, codes in _AGENTS.items():
            field = prefix + "member"
            if field not in chunk.filled:
                continue
            texts: Texts = getattr(chunk.columns, field)
            systems: Texts = getattr(chunk.columns, prefix + "member_scheme")
            for at, words in judged([*zip(systems, texts, strict=True)], self._fault):
                code = codes.theirs(chunk.batches[at])
                yield Finding(chunk[at], field, words, texts[at], code=code)

    def batch(self, totals: BatchTotals) -> Iterator[Finding]:
        agent = totals.batch.agent
        if words := self._fault((agent.member_scheme, agent.member)):
            code = _AGENTS["agent_"].ours(totals.batch)
            yield Finding(totals.batch, "agent_member", words, agent.member, code=code)

    def _fault(self, written: tuple[str, str]) -> Words | None:
        return self.fault(Member.of(*written)) if written[1] else None


class ClearingMember(_MemberRule):
    """Every clearing member id has the length, form and check digit of its system."""

    id = "clearing-member"
    source = "ISO 20022: ExternalClearingSystemIdentification1Code; ABA routing number policy"
    remedy = say("Correct the bank's number in the master data; digits alone, without dashes.")
    fault = staticmethod(member_fault)


class ClearingSystem(_MemberRule):
    """A clearing member id says of which system it is, by a code of ISO's list."""

    id = "clearing-system"
    severity = Severity.WARN
    source = "ISO 20022: ExternalClearingSystemIdentification1Code"
    remedy = say("Give the code of the clearing system beside the id, e.g. USABA for Fedwire.")
    fault = staticmethod(system_fault)


class AgentRequired(Rule):
    """The counterparty's bank is named, by BIC or clearing member id, where that is demanded; a
    cheque has none."""

    id = "agent-required"
    code = "RC02"
    source = "the scheme's profile: cross-border transfers"
    remedy = say("Give the BIC of the counterparty's bank, or its clearing member id.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        bics, members = chunk.columns.agent_bic, chunk.columns.agent_member
        if all(bics):
            return
        for wanted, places in spans(demands):
            for at in places if wanted.agent_required else ():
                cheque = chunk.batches[at].method == "CHK"  # goes by post to whom it names
                if not (bics[at] or members[at] or cheque):
                    words = say("the counterparty's bank has neither BIC nor clearing member id")
                    yield Finding(
                        chunk[at], "agent_bic", words, code=_MISSING.theirs(chunk.batches[at])
                    )
