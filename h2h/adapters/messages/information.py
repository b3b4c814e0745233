"""Field 86 of MT940 and MT942: what the bank tells of an entry, in its three dialects.

* The German sub-fields (Deutsche Kreditwirtschaft, Anlage 3): `166?00GUTSCHRIFT?20EREF+...?32NAME`,
  a business transaction code, then sub-fields of two digits, SEPA keywords at the start of one.
* Codewords between slashes, as Dutch banks and SWIFT have them: `/EREF/.../REMI/USTD//.../`.
* Free text.

What has no place of its own is kept as additional information: nothing is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from h2h.adapters.messages.text import in_set_x, lost_in, words_of

LINE, LINES = 65, 6  # SWIFT: 6*65x
_SUBFIELD = 27  # characters of the German sub-fields for purpose and name
_PURPOSE = (*(f"{n}" for n in range(20, 30)), "60", "61", "62", "63")
_GERMAN = re.compile(r"(\d{3})([?<>~^|@])\d\d", re.ASCII)
_KEYWORDS = (
    "EREF KREF MREF CRED DEBT SVWZ ABWA ABWE IBAN BIC PURP COAM OAMT MDAT SQTP ORCR ORMR DDAT RTRN"
)
# At the start of a sub-field (marked \0), or after a blank, as banks write it in one piece.
_KEYWORD = re.compile(rf"(?:^|(?<=[\0 ]))({'|'.join(_KEYWORDS.split())})\+")
_ANY_KEYWORD = re.compile(rf"({'|'.join(_KEYWORDS.split())})\+")
_CODEWORDS = (
    "EREF PREF IREF MARF CSID CNTP REMI PURP ORDP BENM NAME IBAN BIC ADDR ULTC ULTD ISDT RTRN TRTP "
    "TRCD TYPE BUSP SVCL EXCH OCMT CHGS1 CHGS2 NRTX ID SUBJ"
)
_CODEWORD = re.compile(rf"/({'|'.join(_CODEWORDS.split())})/")
_KNOWN = frozenset({"00", "10", "31", "32", "33", "34"})  # beside the purpose
_RETURNS = frozenset({"108", "109", "159"})  # codes of returned collections and credit transfers


@dataclass(frozen=True, slots=True)
class Information:
    """Field 86 taken apart; "" where nothing is told."""

    code: str = ""  # German business transaction code (Geschäftsvorfallcode)
    journal: str = ""  # Primanota
    posting_text: str = ""
    end_to_end_id: str = ""
    instruction_id: str = ""
    batch_id: str = ""
    name: str = ""  # the other side's
    account: str = ""
    remittance: str = ""
    reference: str = ""  # a structured creditor reference
    return_reason: str = ""
    purpose: str = ""
    others: str = ""  # all else of a structured text
    free: str = ""  # a text without structure


# ------------------------------------------------------------------------------------------ reading


def parse(text: str) -> Information:
    """Take field 86 apart; `text` has its lines joined by line feeds."""
    if found := _GERMAN.match(text):
        return _german(found[1], found[2], text[3:].replace("\n", ""))
    if _CODEWORD.match(text):
        return _codewords(text.replace("\n", ""))
    return Information(free=_unwrapped(text))


def _unwrapped(text: str) -> str:
    """A full line goes on in the next one without a blank, a shorter one was ended on purpose."""
    lines = text.split("\n")
    return "".join(line if len(line) == LINE else f"{line} " for line in lines).strip()


def _german(code: str, separator: str, text: str) -> Information:
    _, *parts = re.split(rf"{re.escape(separator)}(\d\d)", text)
    found: dict[str, str] = {}
    purpose: list[str] = []
    unknown: list[str] = []
    for tag, value in zip(parts[::2], parts[1::2], strict=True):
        if tag in _PURPOSE:
            purpose.append(value)
        elif tag in _KNOWN:
            found[tag] = found.get(tag, "") + value
        else:
            unknown.append(f"{separator}{tag}{value.strip()}")
    supplement = found.get("34", "").strip()
    if supplement and code not in _RETURNS:
        unknown.append(f"{separator}34{supplement}")
    keys = _keywords(purpose)
    return Information(
        code=code,
        journal=found.get("10", "").strip(),
        posting_text=found.get("00", "").strip(),
        end_to_end_id=keys.pop("EREF", ""),
        instruction_id=keys.pop("KREF", ""),
        name=(found.get("32", "") + found.get("33", "")).strip(),
        account=found.get("31", "").strip(),
        remittance=words_of(keys.pop("", ""), keys.pop("SVWZ", "")),
        return_reason=keys.pop("RTRN", "") or (supplement if code in _RETURNS else ""),
        others=words_of(*(f"{key}+{value}" for key, value in keys.items()), *unknown),
    )


def _keywords(values: Iterable[str]) -> dict[str, str]:
    """The SEPA keywords of a purpose; what stands before the first has the key ""."""
    first, *parts = _KEYWORD.split("\0".join(values))
    found = {"": first.replace("\0", "").strip()}
    for key, value in zip(parts[::2], parts[1::2], strict=True):
        found[key] = words_of(found.get(key, ""), value.replace("\0", ""))
    return found


def _codewords(text: str) -> Information:
    found = dict(_worded(text))
    account, _, bank_and_name = found.pop("CNTP", "").partition("/")
    bank, _, name = bank_and_name.partition("/")
    unstructured, reference = _remittance(found.pop("REMI", ""))
    others = {
        "BIC": bank,
        **{key: value for key, value in found.items() if key not in _CODEWORD_FIELDS and value},
    }
    return Information(
        end_to_end_id=found.get("EREF", ""),
        instruction_id=found.get("IREF", ""),
        batch_id=found.get("PREF", ""),
        name=found.get("NAME") or name.split("/")[0] or found.get("ORDP") or found.get("BENM", ""),
        account=account or found.get("IBAN", ""),
        remittance=unstructured,
        reference=reference,
        return_reason=found.get("RTRN", ""),
        others=words_of(*(f"/{key}/{value}" for key, value in others.items() if value)),
    )


_CODEWORD_FIELDS = frozenset({"EREF", "IREF", "PREF", "NAME", "ORDP", "BENM", "IBAN", "RTRN"})


def _worded(text: str) -> Iterator[tuple[str, str]]:
    places = [(found.start(), found.end(), found[1]) for found in _CODEWORD.finditer(text)]
    for (_, start, word), (end, _, _) in pairwise([*places, (len(text), 0, "")]):
        yield word, text[start:end].strip(" /")


def _remittance(text: str) -> tuple[str, str]:
    """(unstructured text, structured reference) of `USTD//text` or `STRD/CUR/reference`."""
    form, _, rest = text.partition("/")
    if form == "STRD":
        return "", rest.rpartition("/")[2]
    return (rest.lstrip("/") if form == "USTD" else text), ""


# ------------------------------------------------------------------------------------------ writing


def build(information: Information, size: int = LINE * LINES) -> tuple[str, list[str]]:
    """Field 86 in the German sub-fields, at most six lines of 65; and what did not fit or changed.

    Ids are never cut: one that does not fit is left out, a text loses its end.
    """
    lost: list[str] = []
    text = information.code
    for words, pieces, whole in _pieces(information, lost):
        fitting = list(_fitting(pieces, size - len(text)))
        if whole and len(fitting) < len(pieces):
            fitting = []
        if left := "".join(piece for _, piece in pieces[len(fitting) :]):
            lost.append(f"{words}: no room for {left!r}")
        text += "".join(f"?{tag}{piece}" for tag, piece in fitting)
    if words := lost_in(_texts(information)):
        lost.append(words)
    lines = list(wrapped(text))
    return ("\n".join(lines), lost) if len(lines) <= LINES else build(information, size - 5)


def _texts(information: Information) -> str:
    """All that is no id: what becomes of an id is told with it."""
    parts = (information.posting_text, information.journal, information.account, information.name)
    return words_of(*parts, information.remittance, information.reference, information.others)


_Piece = tuple[str, str]  # tag of a sub-field, and its content


def _pieces(
    information: Information, lost: list[str]
) -> Iterator[tuple[str, Sequence[_Piece], bool]]:
    """(what it is, its sub-fields, may it not be cut), the most telling first."""
    purpose = iter(_PURPOSE)
    posting, others = _value(information.posting_text), _value(information.others)
    yield "posting text", _cut(posting[:_SUBFIELD].strip(), iter(["00"])), False
    yield "journal", _cut(_value(information.journal), iter(["10"])), True
    ids = {
        "end to end id": ("EREF", information.end_to_end_id),
        "instruction id": ("KREF", information.instruction_id),
        "return reason": ("RTRN", information.return_reason),
    }
    for words, (key, value) in ids.items():
        if value and (written := _value(value)) != value:
            lost.append(f"{words}: {value!r} is written {written!r}")
        if value:
            yield words, _cut(f"{key}+{_value(value)}", purpose), True
    yield "account", [("31", _value(information.account))] if information.account else [], True
    yield "name", _cut(_value(information.name), iter(["32", "33"])), False
    keyed = bool(_KEYWORD.match(others))
    told = words_of(
        _value(words_of(information.remittance, information.reference)),
        "" if keyed else others,
        posting if len(posting) > _SUBFIELD else "",
    )
    text = _ANY_KEYWORD.sub(r"\1 +", told)  # inside a text it would be read as one
    yield "remittance", _cut(f"SVWZ+{text}" if text else "", purpose), False
    yield "additional information", _cut(others if keyed else "", purpose), False


def _value(text: str) -> str:
    """A value in the character set; a question mark would begin a sub-field."""
    return " ".join(in_set_x(text).replace("?", ".").split())


def _cut(text: str, tags: Iterator[str]) -> list[_Piece]:
    """`text` in sub-fields of 27; none ends with a blank, which readers would strip."""
    pieces: list[_Piece] = []
    while text and (tag := next(tags, "")):
        end = _SUBFIELD
        while len(text) > end and text[end - 1] == " ":
            end -= 1
        pieces.append((tag, text[:end]))
        text = text[end:]
    if text:
        pieces.append(("", text))  # no sub-field is left for it
    return pieces


def _fitting(pieces: Sequence[_Piece], room: int) -> Iterator[_Piece]:
    for tag, piece in pieces:
        room -= len(piece) + 3
        if room < 0 or not tag:
            return
        yield tag, piece


def wrapped(text: str) -> Iterator[str]:
    """Lines of at most 65, none that begins with `:` or `-` or ends with a blank.

    The first two would read as a field and as the message's end, the last is stripped by readers.
    """
    while len(text) > LINE:
        ends = range(LINE, 0, -1)
        end = next((e for e in ends if text[e] not in ":-" and text[e - 1] != " "), LINE)
        yield text[:end]
        text = text[end:]
    if text:
        yield text
