"""Rewritten account reports say the same as the bank's: those of the corpus, and made-up ones."""

from __future__ import annotations

import csv
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from lxml import etree

from h2h import resources
from h2h.adapters.messages import Iso20022Messages
from h2h.adapters.messages.iso20022.structure import Value, types
from h2h.core.statement import Entry, EntryDetail, Statement, whole

CORPUS = Path(os.environ.get("H2H_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
SPACE = "urn:iso:std:iso:20022:tech:xsd:"
FAMILIES = ("camt.052", "camt.053", "camt.054")
REPORTS = tuple(each for each in resources.carried() if each.startswith(FAMILIES))


def older(message: str) -> Iterator[str]:
    """The older versions of a message."""
    return (each for each in REPORTS if each[:8] == message[:8] and each[-2:] < message[13:15])


@cache
def schema(message: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(resources.schema(message))))


def valid(path: Path, message: str) -> bool:
    return schema(message).validate(etree.parse(str(path)))


# --------------------------------------------------------------------------------------- the corpus


def read(path: Path) -> list[Statement]:
    """The statements of a file as h2h reads them."""
    return list(whole(Iso20022Messages().read(path, 10_000_000).parts))


@cache
def sources() -> tuple[tuple[Path, str, bool], ...]:
    """Path, message and "is it valid?" of every account report of the corpus after .02."""
    with (CORPUS / "SOURCES.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return tuple(
        (
            CORPUS / row["path"],
            f"{row['message']}.{row['version']}",
            row["schema_verdict"] == "valid",
        )
        for row in rows
        if row["message"] in FAMILIES and row["version"] > "001.02"
    )


def expected(entry: Entry, made: Entry, version: str) -> Entry:
    """What of the bank's entry has a place in the target; `made` is the entry there."""
    assert len(entry.details) == len(made.details)
    if entry.status not in {"BOOK", "PDNG", "INFO"} and version < "08":
        entry = entry._replace(status="INFO")
    pairs = zip(entry.details, made.details, strict=True)
    return entry._replace(
        additional_information=_kept(entry, made),
        details=tuple(_expected(entry, one, other, version) for one, other in pairs),
    )


def _kept(one: Entry | EntryDetail, other: Entry | EntryDetail) -> str:
    """The other's additional information, which begins with the bank's."""
    assert other.additional_information.startswith(one.additional_information)
    return other.additional_information


def _expected(entry: Entry, detail: EntryDetail, made: EntryDetail, version: str) -> EntryDetail:
    detail = detail._replace(additional_information=_kept(detail, made))
    if version < "08" and detail.uetr:
        assert detail.uetr in made.additional_information
        detail = detail._replace(uetr="")
    if version == "02" and "CdtDbtInd" in made.additional_information:
        assert detail.amount == 0 or (detail.amount or 0) * entry.amount < 0
        detail = detail._replace(amount=None, currency="", exchange=None)
    if version in {"04", "06"} and detail.amount is None and len(entry.details) == 1:
        detail = detail._replace(amount=entry.amount, currency=entry.currency)
    return detail


@pytest.mark.usefixtures("corpus")
def test_every_report_of_the_corpus_says_the_same_in_every_older_version(tmp_path: Path) -> None:
    target = tmp_path / "erp.xml"
    made = Counter[bool]()
    entries = details = 0
    for path, message, lawful in sources():
        bank = read(path)
        for wanted in older(message):
            Iso20022Messages().rewrite(path, wanted, target)
            assert valid(target, wanted) or not lawful, (path, wanted)
            for one, other in zip(bank, read(target), strict=True):
                pairs = list(zip(one.entries, other.entries, strict=True))
                assert [expected(a, b, wanted[-2:]) for a, b in pairs] == [b for _, b in pairs]
                page = "" if wanted.endswith("02") else one.page
                created = one.created or other.created
                head = replace(one, entries=(), page=page, created=created)
                assert replace(other, entries=()) == head
                assert created
                entries += len(pairs)
                details += sum(len(entry.details) for entry, _ in pairs)
            made[lawful] += 1
    assert (made, entries, details) == ({True: 116, False: 9}, 210, 277)


# ------------------------------------------------------------------------------ made by the schemas

SAMPLES = (
    *(
        "EUR",
        "DE",
        "en",
        "1",
        "042",
        "0421",
        "a1B2",
        "+49-69-123456",
        "123456789012345",
        "12345678",
    ),
    *("DE89370400440532013000", "COBADEFFXXX", "1OBADEFF", "US0378331005", "DE0007164600"),
    *("529900T8BM49AURSDO55", "f47ac10b-58cc-4372-a567-0e02b2c3d479"),
)
PLAIN = {
    "date": ("2026-02-28", "2026-10-01+02:00"),
    "dateTime": ("2026-02-28T09:30:00", "2026-02-28T09:30:00.123Z"),
    "gYear": ("2026",),
    "gYearMonth": ("2026-02",),
    "boolean": ("true", "false", "1", "0"),
    "base64Binary": ("QUJD",),
}


class Garden:
    """Grows valid documents of a message; every free text in one is another word."""

    def __init__(self, message: str, seed: int, plenty: float) -> None:
        self.types, self.space = types(message), f"{{{SPACE}{message}}}"
        self.chance, self.plenty = random.Random(seed), plenty
        self.words = 0
        self.document = etree.Element(self.space + "Document")
        self.fill(self.document, "Document")

    def fill(self, node: etree._Element, name: str) -> None:
        kind = self.types[name]
        if kind.value:
            node.text = self.value(kind.value)
            if kind.currency:
                node.set("Ccy", self.chance.choice(("EUR", "USD")))
            return
        if not kind.parts:
            etree.SubElement(node, "{urn:elsewhere}Anything").text = self.word()
        chosen = [self.chance.choice([*kind.parts])] if kind.choice else kind.parts
        for tag in chosen:
            part = kind.parts[tag]
            due = part.fewest or int(self.chance.random() < self.plenty)
            more = due and part.most > 1 and self.chance.random() < self.plenty / 3
            for _ in range(2 if more else due):
                self.fill(etree.SubElement(node, self.space + tag), part.type)

    def value(self, kind: Value) -> str:
        if kind.codes:
            return self.chance.choice(sorted(kind.codes))
        if kind.base in PLAIN:
            return self.chance.choice(PLAIN[kind.base])
        if kind.pattern:
            return self.chance.choice([text for text in SAMPLES if kind.pattern.fullmatch(text)])
        if kind.base == "decimal":
            return str(self.chance.randrange(1, 999))
        word, longest = self.word(), kind.longest or 0
        length = self.chance.choice((len(word), longest)) if longest <= 140 else len(word)
        return word.ljust(length, "x")[:longest]

    def word(self) -> str:
        """A word of four characters that comes once."""
        self.words += 1
        number = self.words
        digits = "0123456789abcdefghijklmnop"
        return "q" + "".join(digits[number // 26**place % 26] for place in (2, 1, 0))


def gardens(*plenties: float) -> Iterator[tuple[str, int, float]]:
    """A sparse to full document of every version after .02."""
    for seed, plenty in enumerate(plenties):
        for message in REPORTS:
            if [*older(message)]:
                yield message, seed, plenty


def words(document: etree._Element) -> set[str]:
    """The words of a document that came out of a garden."""
    texts = (str(text) for text in document.itertext())
    return {word for text in texts for word in re.findall("(?<![0-9a-z])q[0-9a-p]{3}", text)}


def test_whatever_is_valid_is_valid_in_every_older_version(tmp_path: Path) -> None:
    source, target = tmp_path / "bank.xml", tmp_path / "erp.xml"
    made = 0
    for message, seed, plenty in gardens(0.1, 0.3, 0.6, 1.0):
        document = Garden(message, seed, plenty).document
        assert schema(message).validate(document), message
        source.write_bytes(etree.tostring(document))
        for wanted in older(message):
            told = Iso20022Messages().rewrite(source, wanted, target)
            assert valid(target, wanted), (message, wanted, seed)
            assert not [line for line in told if "against the standard" in line]
            made += 1
    assert made == 180


def test_with_room_enough_nothing_that_a_bank_can_write_gets_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "bank.xml", tmp_path / "erp.xml"
    monkeypatch.setattr(Value, "longest", property(lambda _: 1_000_000))
    found = 0
    for message, seed, plenty in gardens(0.6, 1.0):
        garden = Garden(message, seed, plenty)
        body = garden.document[0]
        for data in body.findall("{*}SplmtryData"):  # of the whole message: .02 has no room at all
            body.remove(data)
        source.write_bytes(etree.tostring(garden.document))
        for wanted in older(message):
            Iso20022Messages().rewrite(source, wanted, target)
            sent, made = words(garden.document), words(etree.parse(str(target)).getroot())
            assert sent <= made, (message, wanted, seed, sorted(sent - made))
            found += len(sent)
    assert found > 30_000
