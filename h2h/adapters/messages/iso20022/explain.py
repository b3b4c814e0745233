"""What a schema complains of, in words that a clerk understands.

libxml2 says of every fault which of a few dozen things it is, and with which value; each has its
sentence here. What is not listed is told as libxml2 says it, without name spaces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from h2h.core.words import Words, listed, say

# The clerk's words for the parts of a message.
TAGS = {
    "GrpHdr": say("group header"),
    "PmtInf": say("batch"),
    "CdtTrfTxInf": say("payment"),
    "DrctDbtTxInf": say("payment"),
    "PmtId": say("payment id"),
    "InstrId": say("instruction id"),
    "EndToEndId": say("end-to-end id"),
    "UETR": say("UETR"),
    "Amt": say("amount"),
    "InstdAmt": say("amount"),
    "EqvtAmt": say("equivalent amount"),
    "Cdtr": say("creditor"),
    "CdtrAcct": say("creditor account"),
    "CdtrAgt": say("creditor agent"),
    "UltmtCdtr": say("ultimate creditor"),
    "Dbtr": say("debtor"),
    "DbtrAcct": say("debtor account"),
    "CdtrAgtAcct": say("account of the creditor agent"),
    "DbtrAgtAcct": say("account of the debtor agent"),
    "IntrmyAgt1Acct": say("account of the intermediary agent"),
    "IntrmyAgt2Acct": say("account of the second intermediary agent"),
    "IntrmyAgt3Acct": say("account of the third intermediary agent"),
    "ChrgsAcct": say("charges account"),
    "DbtrAgt": say("debtor agent"),
    "UltmtDbtr": say("ultimate debtor"),
    "IntrmyAgt1": say("intermediary agent"),
    "CdtrSchmeId": say("creditor scheme id"),
    "RmtInf": say("remittance information"),
    "RgltryRptg": say("regulatory reporting"),
    "ReqdExctnDt": say("requested execution date"),
    "ReqdColltnDt": say("requested collection date"),
    "PmtTpInf": say("payment type"),
    "SvcLvl": say("service level"),
    "LclInstrm": say("local instrument"),
    "CtgyPurp": say("category purpose"),
    "SeqTp": say("sequence type"),
    "Purp": say("purpose"),
    "InitgPty": say("initiating party"),
    "MsgId": say("message id"),
    "CreDtTm": say("creation time"),
    "Authstn": say("authorisation"),
    "NbOfTxs": say("number of transactions"),
    "CtrlSum": say("control sum"),
    "PmtMtd": say("payment method"),
    "PmtInfId": say("batch id"),
    "ChrgBr": say("charge bearer"),
    "DrctDbtTx": say("direct debit"),
    "MndtRltdInf": say("mandate"),
    "MndtId": say("mandate id"),
    "DtOfSgntr": say("date of signature"),
    "PstlAdr": say("address"),
    "TwnNm": say("town"),
    "Ctry": say("country"),
    "AdrLine": say("address line"),
    "CtryOfRes": say("country of residence"),
    "Nm": say("name"),
    "LEI": say("LEI"),
    "ClrSysMmbId": say("clearing member id"),
    "CdtrRefInf": say("creditor reference"),
    "Ustrd": say("unstructured remittance"),
    "InstrForCdtrAgt": say("instruction for the creditor agent"),
}


class Explained(NamedTuple):
    """A complaint in words. `code` is the reason code a bank would give."""

    message: Words
    remedy: Words
    code: str = "FF01"
    found: str = ""
    expected: str = ""


_NAMES = re.compile(r"\{(?:urn|https?):[^{}]*\}")
_SUBJECT = re.compile(r"Element '([^']*)'(?:, attribute '([^']*)')?: (?:\[facet '(\w+)'\] )?")
_AT_SOURCE = say("Correct it in the master data or the document it was made from, and write again.")
_AT_EXPORT = say(
    "Correct the program or mapping that writes the file; its order and tags are wrong."
)


def explain(complaint: str, way: Sequence[str] = ()) -> Explained:
    """The complaint of libxml2's schema validator in our words; `way` are the tags that lead to the
    element, itself the last."""
    subject = _SUBJECT.match(complaint)
    if subject is None:
        return Explained(say("{complaint}", complaint=_plain(complaint)), _AT_EXPORT)
    what = _subject(_plain(subject[1]), way)
    if subject[2]:
        what = say("{what}, attribute {attribute}", what=what, attribute=_plain(subject[2]))
    rest = complaint[subject.end() :].strip()
    for pattern, sentence in _SENTENCES:
        if match := pattern.fullmatch(rest):
            return sentence(what, *match.groups())
    words = say("{what}: {complaint}", what=what, complaint=_plain(rest))
    return Explained(words, _AT_EXPORT)


def _plain(text: str) -> str:
    """Without name spaces."""
    return _NAMES.sub("", text).strip()


def named(tag: str) -> Words:
    """A tag with its clerk's word, `creditor (Cdtr)`; the tag alone when it has none."""
    word = TAGS.get(tag)
    return say("{tag}", tag=tag) if word is None else say("{word} ({tag})", word=word, tag=tag)


def _subject(tag: str, way: Sequence[str]) -> Words:
    """The element complained of. A tag without a word of its own, a bare Cd, borrows the word of
    the part it lies in."""
    if tag in TAGS or tag not in _BARE or not way or way[-1] != tag:
        return named(tag)
    for depth in range(len(way) - 2, 1, -1):
        if word := TAGS.get(way[depth]):
            return say("{word} ({tag})", word=word, tag="/".join(way[depth:]))
    return named(tag)


def _list(tags: str) -> str:
    return listed(map(named, _plain(tags).replace(",", " ").split())) or say("nothing")


def _unexpected(what: str, expected: str | None) -> Explained:
    if not expected:
        words = say("{what} does not belong here", what=what)
        return Explained(words, _AT_EXPORT)
    wanted = _list(expected)
    words = say("{what} does not belong here; expected is {wanted}", what=what, wanted=wanted)
    return Explained(words, _AT_EXPORT, expected=wanted)


def _missing(what: str, expected: str) -> Explained:
    wanted = _list(expected)
    words = say("{what} is incomplete: {wanted} is missing", what=what, wanted=wanted)
    return Explained(words, _AT_SOURCE, "CH21", expected=wanted)


def _length(what: str, found: str, how: str, bound: str) -> Explained:
    if how == "exceeds":
        words = say(
            "{what} has {found} characters, {bound} at most are allowed",
            what=what,
            found=found,
            bound=bound,
        )
        return Explained(words, say("Shorten it at the source."), "CH16", found, bound)
    words = say(
        "{what} has {found} characters, at least {bound} are needed",
        what=what,
        found=found,
        bound=bound,
    )
    return Explained(words, _AT_SOURCE, "CH16", found, bound)


# Tags that say nothing without the part they lie in.
_BARE = frozenset({"Cd", "Prtry", "Id", "Tp", "Dt", "DtTm", "Othr", "Inf", "Issr"})

# How the standard's patterns read.
_BIC = say("a BIC: 8 or 11 capital letters and digits, e.g. DEUTDEFF or DEUTDEFF500")
_PATTERNS = {
    "[A-Z]{2,2}": say("two capital letters, e.g. DE"),
    "[A-Z]{3,3}": say("three capital letters, e.g. EUR"),
    "[A-Z]{2,2}[0-9]{2,2}[a-zA-Z0-9]{1,30}": say("an IBAN without spaces"),
    "[A-Z]{6,6}[A-Z2-9][A-NP-Z0-9]([A-Z0-9]{3,3}){0,1}": _BIC,
    "[A-Z0-9]{4,4}[A-Z]{2,2}[A-Z0-9]{2,2}([A-Z0-9]{3,3}){0,1}": _BIC,
    "[A-Z0-9]{18,18}[0-9]{2,2}": say("an LEI: 18 capital letters and digits, then two digits"),
    "[0-9]{1,15}": say("digits only, 15 at most"),
    "[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}": say(
        "a UUID of version 4 in small letters, e.g. 3fa85f64-5717-4562-b3fc-2c963f66afa6"
    ),
}


def _pattern(what: str, value: str, pattern: str) -> Explained:
    wanted = _PATTERNS.get(pattern)
    if wanted is None:
        words = say("{what}: “{value}” is not written as it must be", what=what, value=value)
        return Explained(words, _AT_SOURCE, "CH16", value, pattern)
    words = say("{what}: “{value}” is not {wanted}", what=what, value=value, wanted=wanted)
    return Explained(words, _AT_SOURCE, "CH16", value, wanted)


def _code(what: str, value: str, allowed: str) -> Explained:
    codes = allowed.replace("'", "")
    words = say(
        "{what}: “{value}” is none of the codes {codes}", what=what, value=value, codes=codes
    )
    return Explained(words, _AT_SOURCE, "CH16", value, codes)


def _digits(what: str, value: str, allowed: str) -> Explained:
    words = say(
        "{what}: “{value}” has too many digits, {allowed} are allowed",
        what=what,
        value=value,
        allowed=allowed,
    )
    return Explained(words, _AT_SOURCE, "AM12", value, allowed)


def _bound(what: str, value: str, how: str, bound: str) -> Explained:
    sign = "≥" if how == "less" else "≤"
    words = say(
        "{what}: “{value}” is out of bounds, it must be {sign} {bound}",
        what=what,
        value=value,
        sign=sign,
        bound=bound,
    )
    return Explained(words, _AT_SOURCE, "AM12", value, f"{sign} {bound}")


# Types by their names, the standard's own or those of XML Schema.
_KINDS = (
    (re.compile("DateTime|dateTime"), say("a date and time as 2026-11-23T08:30:00")),
    (re.compile("Date|date"), say("a date as 2026-11-23")),
    (re.compile("Amount|Number|Rate|decimal"), say("a number")),
    (re.compile("Indicator|boolean"), say("true or false")),
)


def _type(what: str, value: str, kind: str) -> Explained:
    wanted = next((words for pattern, words in _KINDS if pattern.search(_plain(kind))), None)
    if wanted is None:
        words = say("{what}: “{value}” is not written as it must be", what=what, value=value)
        return Explained(words, _AT_SOURCE, "CH16", value)
    words = say("{what}: “{value}” is not {wanted}", what=what, value=value, wanted=wanted)
    return Explained(words, _AT_SOURCE, "CH16", value, wanted)


def _attribute_missing(what: str, name: str) -> Explained:
    words = say("{what} lacks its attribute {name}", what=what, name=name)
    return Explained(words, _AT_EXPORT, "CH21", expected=name)


def _attribute_unknown(what: str, name: str) -> Explained:
    words = say("{what} does not belong here", what=what)
    return Explained(words, _AT_EXPORT, found=_plain(name))


def _text(what: str) -> Explained:
    words = say("{what} holds text between its elements", what=what)
    return Explained(words, _AT_EXPORT, "CH16")


def _elements(what: str) -> Explained:
    words = say("{what} holds elements where only text may stand", what=what)
    return Explained(words, _AT_EXPORT, "CH16")


def _root(what: str) -> Explained:
    return Explained(say("{what} cannot be the root of this message", what=what), _AT_EXPORT)


_Sentence = Callable[..., Explained]
_SENTENCES: Sequence[tuple[re.Pattern[str], _Sentence]] = [
    (re.compile(pattern, re.DOTALL), sentence)
    for pattern, sentence in (
        (r"This element is not expected\.(?: Expected is (?:one of )?\( (.*?) \)\.)?", _unexpected),
        (r"Missing child element\(s\)\. Expected is (?:one of )?\( (.*?) \)\.", _missing),
        (
            r"The value(?: '.*')? has a length of '(\d+)'; this (exceeds|underruns) .* '(\d+)'\.",
            _length,
        ),
        (r"The value '(.*)' is not accepted by the pattern '(.*)'\.", _pattern),
        (r"The value '(.*)' is not an element of the set \{(.*)\}\.", _code),
        (r"The value '(.*)' has more .*digits than are allowed \('?(\d+)'?\)\.", _digits),
        (r"The value '(.*)' is (less|greater) than the m\w+ value allowed \('(.*)'\)\.", _bound),
        (r"'(.*)' is not a valid value of the (?:atomic|local atomic|union) type '(.*)'\.", _type),
        (r"The attribute '(.*)' is required but missing\.", _attribute_missing),
        (r"The attribute '(.*)' is not allowed\.", _attribute_unknown),
        (r"Character content other than whitespace is not allowed.*", _text),
        (r"Element content is not allowed.*", _elements),
        (r"No matching global declaration available.*", _root),
    )
]
