"""Structured creditor references: their check digits, and the Swiss account that wants one.

What a reference is shows in its look (`RF`, `+++`), in its type and issuer, and, where these say
only that it is the creditor's (SCOR), in the country of his account. What is not known is left
alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat

from h2h.core.checkdigits import luhn, mod_10_recursive, mod_97, weighted
from h2h.core.demands import Demands
from h2h.core.payment import LINE, Chunk
from h2h.core.problem import Severity
from h2h.core.rules.rule import Finding, Rule
from h2h.core.words import Words, say

_SCOR, _QRR, _BBA = "SCOR", "QRR", "BBA"  # the creditor's, a Swiss bank's, the Belgian banks'

_RF = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}", re.IGNORECASE | re.ASCII)
_PRINTED = re.compile(r"([+*])\1\1([0-9]{3})/([0-9]{4})/([0-9]{5})\1\1\1")
_KID = re.compile(r"[0-9]{1,24}[0-9-]")
_QR_IBAN = re.compile(r"(?:CH|LI)[0-9]{2}3[01][0-9]{3}")


def rf_fault(reference: str) -> Words | None:
    """ISO 11649: RF, two check digits (mod 97-10), up to 21 letters or digits."""
    if not _RF.fullmatch(reference):
        return say(
            "{reference} is no ISO reference: RF, two digits, up to 21 letters or digits",
            reference=reference,
        )
    return None if mod_97(reference[4:] + reference[:4]) == 1 else _wrong(reference)


def qr_fault(reference: str) -> Words | None:
    """Swiss QR reference: 27 digits, not all 0, the last by mod 10 recursive."""
    if not _digits(reference, 27, 27) or not reference.strip("0"):
        return say("{reference} is no QR reference: 27 digits", reference=reference)
    return _wrong(reference) if mod_10_recursive(reference) else None


def belgian_fault(reference: str) -> Words | None:
    """Belgian structured communication: 10 digits, then what 97 leaves of them, 97 for nothing."""
    printed = _PRINTED.fullmatch(reference)
    number = "".join(printed.groups()[1:]) if printed else reference
    if not _digits(number, 12, 12):
        return say("{reference} is no Belgian reference: 12 digits", reference=reference)
    return None if int(number[10:]) == (int(number[:10]) % 97 or 97) else _wrong(reference)


def finnish_fault(reference: str) -> Words | None:
    """Finnish reference: 4 to 20 digits, the last by the weights 7, 3, 1."""
    if not _digits(reference, 4, 20):
        return say("{reference} is no Finnish reference: 4 to 20 digits", reference=reference)
    return _wrong(reference) if weighted(reference, (1, 7, 3)) % 10 else None


def kid_fault(reference: str) -> Words | None:
    """Norwegian KID: 2 to 25 digits, the last by mod 10, or by mod 11, which has `-` for 10."""
    if not _KID.fullmatch(reference):
        return say("{reference} is no KID: 2 to 25 digits", reference=reference)
    left = -weighted(reference[:-1], (2, 3, 4, 5, 6, 7)) % 11
    by_eleven = reference[-1] == "0123456789-"[left]
    by_ten = reference.isdecimal() and luhn(reference) == 0
    return None if by_ten or by_eleven else _wrong(reference)


def _digits(text: str, least: int, most: int) -> bool:
    return least <= len(text) <= most and text.isascii() and text.isdecimal()


def _wrong(reference: str) -> Words:
    return say("{reference} has a wrong check digit: it was mistyped", reference=reference)


Check = Callable[[str], Words | None]

_NATIONAL: dict[str, Check] = {
    "BE": belgian_fault,
    "CH": rf_fault,  # beside the QR reference, which has a type of its own
    "FI": finnish_fault,
    "LI": rf_fault,
    "NO": kid_fault,
}


def check_of(reference: str, kind: str, issuer: str, country: str) -> Check | None:
    """How a reference is checked; None when that is not known. `country` is of the account."""
    if _RF.fullmatch(reference) or (kind == _SCOR and reference[:2].upper() == "RF"):
        return rf_fault
    if _PRINTED.fullmatch(reference) or _BBA in {kind, issuer}:
        return belgian_fault
    if kind == _QRR:
        return qr_fault
    if kind != _SCOR:
        return None
    return rf_fault if issuer == "ISO" else _NATIONAL.get(country)


class CreditorReference(Rule):
    """A structured creditor reference has the form and the check digits of its kind."""

    id = "creditor-reference"
    code = "RR09"
    source = (
        "ISO 11649 (RF); Swiss Payment Standards (QRR); Febelfin (BBA); Finance Finland "
        "(viitenumero); Bits (KID)"
    )
    remedy = say("Copy the reference from the invoice again.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        if "reference" not in chunk.filled:
            return
        columns = chunk.columns
        for at, references in enumerate(columns.reference):
            if not references:
                continue
            kinds, issuers = columns.reference_type[at], columns.reference_issuer[at]
            country = columns.iban[at][:2] or columns.agent_bic[at][4:6]
            for reference, kind, issuer in _each(references, kinds, issuers):
                check = check_of(reference, kind, issuer, country)
                if check is not None and (words := check(reference)):
                    code = "CH16" if check is qr_fault else ""
                    yield Finding(chunk[at], "reference", words, reference, code=code)


def _each(references: str, kinds: str, issuers: str) -> Iterable[tuple[str, str, str]]:
    """Each reference with its type and issuer; "" when it is open which belongs to which."""
    if LINE not in references:
        return ((references, kinds, issuers),)
    several = references.split(LINE)
    return zip(several, *(_aligned(texts, len(several)) for texts in (kinds, issuers)), strict=True)


def _aligned(texts: str, count: int) -> Iterator[str] | Sequence[str]:
    split = texts.split(LINE)
    if len(split) == count:
        return split
    return repeat(split[0] if len({*split}) == 1 else "", count)


def _among(ibans: Sequence[str], country: str) -> bool:
    """Is one of them of this country?"""
    return LINE + country in LINE.join(["", *ibans])


class QrIban(Rule):
    """A QR reference goes to a QR-IBAN, and a QR-IBAN gets a QR reference."""

    id = "qr-iban"
    code = "CH16"
    source = "Swiss Payment Standards: QR-IBAN, institution id 30000 to 31999"
    remedy = say("Take account and reference from the same QR-bill.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        ibans, kinds = chunk.columns.iban, chunk.columns.reference_type
        if not _among(ibans, "CH") and not _among(ibans, "LI") and _QRR not in "".join(kinds):
            return
        for at, (iban, kind) in enumerate(zip(ibans, kinds, strict=True)):
            wanted = _QR_IBAN.match(iban) is not None
            given = _QRR in kind.split(LINE)
            if wanted and not given:
                words = say("{iban} is a QR-IBAN; the payment has no QR reference", iban=iban)
                yield Finding(chunk[at], "iban", words, iban, _QRR, "CH21")
            elif given and not wanted:
                words = say("a QR reference goes to a QR-IBAN; {iban} is none", iban=iban or "-")
                yield Finding(chunk[at], "iban", words, iban)


class BelgianRemittance(Rule):
    """A Belgian reference printed in free text to a Belgian account has right check digits."""

    id = "belgian-remittance"
    severity = Severity.WARN
    code = "RR09"
    source = "Febelfin: structured communication, +++090/9337/55493+++"
    remedy = say("Copy the reference again, and give it as a structured one.")

    def payments(self, chunk: Chunk, demands: Sequence[Demands]) -> Iterator[Finding]:
        del demands
        columns = chunk.columns
        if not _among(columns.iban, "BE"):
            return
        for at, (iban, text) in enumerate(zip(columns.iban, columns.remittance, strict=True)):
            for printed in _PRINTED.finditer(text) if iban.startswith("BE") else ():
                if words := belgian_fault(printed[0]):
                    yield Finding(chunk[at], "remittance", words, printed[0])
