"""The group header: who sends the file, who must still authorise it, and whether it is a test."""

from __future__ import annotations

from collections.abc import Iterator

from h2h.core.payment import Header
from h2h.core.problem import Severity
from h2h.core.rules.rule import Again, Finding, Rule, Tally
from h2h.core.words import say

# Authorisation1Code; AUTH says that nobody needs to do anything more.
_AT_THE_BANK = ("FDET", "FSUM", "ILEV")


class InitiatingParty(Rule):
    """The file names who sends it: banks know their customer by it."""

    id = "initiating-party"
    severity = Severity.WARN
    code = "CH21"
    source = "ISO 20022: InitiatingParty; the bank tells which identifier it expects"
    remedy = say("Give the identifier that the bank has assigned, or a name.")

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del tally, again
        if not header.initiating_party:
            words = say("the initiating party has no identifier and no name")
            yield Finding(header, "party_name", words)


class BankAuthorisation(Rule):
    """The file asks for no approval at the bank, where a person must give it on the bank's page."""

    id = "bank-authorisation"
    severity = Severity.WARN
    code = "DS0A"
    source = "ISO 20022: Authorisation, codes FDET, FSUM, ILEV; AUTH is authorised already"
    remedy = say("See that somebody authorises it at the bank: until then nothing is paid.")

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del tally, again
        for code in header.authorisations:
            if code in _AT_THE_BANK:
                words = say("{code} asks that a person authorises the file at the bank", code=code)
                yield Finding(header, "authorisations", words, code)


class NoTestInProduction(Rule):
    """No test file goes to the bank in production."""

    id = "test-file"
    code = "DS28"
    source = "`test_indicator` and `environment` of the configuration"
    remedy = say("Write the file without the indicator; a test goes to the bank's test system.")

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del tally, again
        terms = self.terms
        if terms.environment == "production" and _marked(header, terms.test_indicator):
            words = say(
                "{mark} marks a test file, and this is production", mark=terms.test_indicator
            )
            yield Finding(header, "authorisations", words, terms.test_indicator)


class UnmarkedTest(Rule):
    """A file in the test environment bears the bank's test indicator."""

    id = "test-file-unmarked"
    severity = Severity.WARN
    code = "DS28"
    source = "`test_indicator` and `environment` of the configuration"
    remedy = say("Let the ERP's test system write the indicator into the authorisation element.")

    def file(self, header: Header, tally: Tally, again: Again) -> Iterator[Finding]:
        del tally, again
        terms, mark = self.terms, self.terms.test_indicator
        if mark and terms.environment == "test" and not _marked(header, mark):
            words = say("{mark}, by which the bank knows a test file, is missing", mark=mark)
            yield Finding(header, "authorisations", words, "", mark)


def _marked(header: Header, mark: str) -> bool:
    """Does the file bear the mark, in whatever letters?"""
    found = {each.strip().casefold() for each in header.authorisations}
    return bool(mark) and mark.strip().casefold() in found
