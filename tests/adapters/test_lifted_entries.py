"""Entries lifted past the parser are what the parser would have read, whatever surrounds them."""

from __future__ import annotations

import csv
import os
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from h2h.adapters.messages.iso20022 import camt, incoming, lifting, reports, shapes, xml
from h2h.core.problem import Problem
from h2h.core.statement import Entry, Statement, whole
from h2h.errors import Corrupt

pytestmark = pytest.mark.usefixtures("learning_at_once")
FIRST = lifting.AT_FIRST  # before this module sets it to none

LARGE = 10_000_000
MUTANTS = int(os.environ.get("H2H_MUTANTS", "200"))
OURS = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="{OURS}" xmlns:p="{OURS}" xmlns:x="urn:x"><BkToCstmrStmt>
<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-03T06:00:00Z</CreDtTm></GrpHdr>
"""
REPORT = """<Stmt><Id>S</Id><CreDtTm>2026-03-03T06:00:00Z</CreDtTm>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>2026-03-02</Dt></Dt></Bal>
"""
TAIL = "</Stmt></BkToCstmrStmt></Document>"


def ntry(name: str, remittance: str = "", amount: str = "1.50", sign: str = "CRDT") -> str:
    return (
        f'<Ntry><NtryRef>{name}</NtryRef><Amt Ccy="EUR">{amount}</Amt>'
        f"<CdtDbtInd>{sign}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>"
        "<BookgDt><Dt>2026-03-02</Dt></BookgDt><BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd>"
        "<SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>\n"
        f"<NtryDtls><TxDtls><Refs><EndToEndId>{name}</EndToEndId></Refs>"
        f"<RmtInf><Ustrd>{remittance or name}</Ustrd><Ustrd>more</Ustrd></RmtInf></TxDtls>"
        "</NtryDtls></Ntry>\n"
    )


KNOWN = ntry("E1") + ntry("E2")  # the second is lifted


@dataclass(frozen=True)
class Outcome:
    """What a file says, or why it says nothing."""

    statements: tuple[Statement, ...]
    message_id: str
    problems: Sequence[Problem]
    refused: str = ""

    @property
    def entries(self) -> tuple[Entry, ...]:
        return tuple(entry for each in self.statements for entry in each.entries)

    @property
    def references(self) -> list[str]:
        return [entry.entry_reference for entry in self.entries]


def outcome(path: Path, *, lift: bool) -> Outcome:
    try:
        message = camt.read(incoming.open_message(path, LARGE), lift=lift)
        statements = tuple(whole(message.parts))
    except Corrupt as error:
        return Outcome((), "", (), str(error))
    told = sorted(message.problems, key=lambda problem: str(problem.as_json()))
    return Outcome(statements, message.message_id, told)


def lifted(path: Path) -> Outcome:
    """The file read in the quick way, which must find what the parser alone finds."""
    quick, thorough = outcome(path, lift=True), outcome(path, lift=False)
    assert quick == thorough
    return quick


Lifted = Callable[[str], Outcome]


@pytest.fixture
def lift(tmp_path: Path) -> Lifted:
    def reads(text: str) -> Outcome:
        path = tmp_path / "bank.xml"
        path.write_text(text, "utf-8", newline="")
        return lifted(path)

    return reads


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The references of the entries that the parser read, from here on, in the quick way."""
    names: list[str] = []
    take = reports._Reading._entry

    def note(reading: reports._Reading, element: xml.Element) -> None:
        names.append(element.findtext(f"{{{OURS}}}NtryRef") or "")
        take(reading, element)

    monkeypatch.setattr(reports._Reading, "_entry", note)
    return names


# ----------------------------------------------------------------------------------- what is lifted


def test_nothing_is_learned_of_the_first_entries(
    lift: Lifted, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifting, "AT_FIRST", FIRST)
    found = lift(HEAD + REPORT + "".join(ntry(f"E{n}") for n in range(FIRST + 9)) + TAIL)
    assert found.references == [f"E{n}" for n in range(FIRST + 9)]
    assert parsed == [f"E{n}" for n in range(FIRST + 1)]


@pytest.mark.parametrize("between", ["", " ", "\n\n\t", "\r\n"])
def test_only_the_first_entry_of_its_shape_is_parsed(
    lift: Lifted, parsed: list[str], between: str
) -> None:
    found = lift(HEAD + REPORT + between.join(ntry(f"E{n}") for n in range(9)) + TAIL)
    assert found.references == [f"E{n}" for n in range(9)]
    assert [entry.index for entry in found.entries] == list(range(1, 10))
    assert found.entries[8].details[0].remittance == "E8 more"
    assert parsed == ["E0"]


@pytest.mark.parametrize(("block", "proven"), [(1 << 18, 50), (2000, 1)])
def test_shapes_that_take_turns_are_each_learned_once(
    lift: Lifted, parsed: list[str], monkeypatch: pytest.MonkeyPatch, block: int, proven: int
) -> None:
    """In small blocks the shapes are soon joined into one expression."""
    monkeypatch.setattr(xml, "BLOCK", block)
    monkeypatch.setattr(shapes, "_PROVEN", proven)
    short = ntry("S").replace("<Ustrd>more</Ustrd>", "")
    charged = ntry("C").replace(
        "\n<Ntry", '<Chrgs><Rcrd><Amt Ccy="EUR">1</Amt></Rcrd></Chrgs>\n<Ntry'
    )
    turns = [ntry("L"), short, charged, ntry("T"), ntry("L"), charged, short, short, ntry("L")]
    found = lift(HEAD + REPORT + "".join(turns * 30) + TAIL)
    assert found.references[:9] == ["L", "S", "C", "T", "L", "C", "S", "S", "L"]
    assert parsed == ["L", "S", "C"]
    assert [len(entry.charges) for entry in found.entries[:4]] == [0, 0, 1, 0]


def test_texts_with_the_entities_of_xml_itself_are_lifted(lift: Lifted, parsed: list[str]) -> None:
    texts = ["A &amp; B", "&lt;&gt;", "&amp;lt;", "&quot;&apos;", "&amp;copy &amp;amp"]
    found = lift(HEAD + REPORT + "".join(ntry(f"E{n}", t) for n, t in enumerate(texts)) + TAIL)
    told = [entry.details[0].remittance.removesuffix(" more") for entry in found.entries]
    assert told == ["A & B", "<>", "&lt;", "\"'", "&copy &amp"]
    assert parsed == ["E0"]


def test_a_shape_is_known_in_the_statements_after(lift: Lifted, parsed: list[str]) -> None:
    each = [f"{REPORT}{ntry(f'A{n}')}{ntry(f'B{n}')}{ntry(f'C{n}')}</Stmt>" for n in range(3)]
    found = lift(HEAD + "".join(each) + TAIL.removeprefix("</Stmt>"))
    assert [[e.index for e in s.entries] for s in found.statements] == [[1, 2, 3]] * 3
    assert parsed == ["A0", "A1", "A2"]


def test_an_entry_between_two_blocks_is_lifted_whole(
    lift: Lifted, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml, "BLOCK", 7)
    found = lift(HEAD + REPORT + "".join(ntry(f"ü中😀{n}") for n in range(5)) + TAIL)
    assert found.references == [f"ü中😀{n}" for n in range(5)]
    assert parsed == ["ü中😀0"]


def test_a_large_statement_of_many_parts_is_read_the_same(
    lift: Lifted, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = HEAD + REPORT + "".join(ntry(f"E{n}") for n in range(40)) + TAIL
    whole_one = lift(text)
    for part in (1, 7, 39, 40, 41):
        monkeypatch.setattr(reports, "PART", part)
        assert lift(text) == whole_one


def test_money_in_doubt_is_told_with_its_line_though_it_was_lifted(lift: Lifted) -> None:
    wrong = [ntry("A"), ntry("B"), ntry("C", amount="1,50"), ntry("D", sign="X"), ntry("E")]
    text = (
        HEAD
        + REPORT
        + "".join(wrong)
        + ntry("F", amount="-1").replace("<Ustrd>more", "<Ustrd>")
        + TAIL
    )
    found = lift(text)
    assert found.references == ["A", "B", "E"]
    held = [problem for problem in found.problems if problem.rule == "statement-doubt"]
    lines = {text[: text.index(f">{name}<")].count("\n") + 1 for name in "CDF"}
    assert {problem.line for problem in held} == lines
    assert {problem.path for problem in held} == {
        "statement 1, entry 3, Amt",
        "statement 1, entry 4, CdtDbtInd",
        "statement 1, entry 6, Amt",
    }


def test_a_balance_in_doubt_behind_lifted_entries_has_its_line(lift: Lifted) -> None:
    late = '<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp>\n<Amt Ccy="EUR">one</Amt></Bal>'
    text = HEAD + REPORT.replace(">1<", ">many<") + KNOWN * 9 + late + TAIL
    held = [each for each in lift(text).problems if each.rule == "statement-doubt"]
    lines = [text[: text.index(words)].count("\n") + 1 for words in ("<Bal>", late)]
    assert sorted(each.line or 0 for each in held) == lines


# ------------------------------------------------------------------------------- what is not lifted

LATER = ntry("F1") + ntry("F2")
F = ntry("F")
SECOND = "<TxDtls><Refs><TxId>T</TxId></Refs></TxDtls>"
PREFIXED = re.sub("<(/?)", r"<\1p:", F)
OTHERWISE = '<Stmt xmlns:p="urn:x">'
FOREIGN = F.replace("<Ntry>", "<x:Ntry>").replace("</Ntry>", "</x:Ntry>")
TRICKS = {
    "an empty entry before a comment": f"<Ntry /><!-- </Ntry>{LATER}-->",
    "an empty one with an attribute": f"<Ntry a='>' /><!-- </Ntry>{LATER}-->",
    "an empty one behind a comment": f"<!-- <Ntry> --><Ntry/><!-- </Ntry>{LATER}-->",
    "an empty one behind a section": f"<![CDATA[<Ntry>]]><Ntry/><!-- </Ntry>{LATER}-->",
    "entries in a comment": f"<!-- {LATER} -->",
    "a comment that begins in an entry": f"<Ntry><!-- </Ntry>{LATER}--></Ntry>",
    "entries in a section": f"<![CDATA[{LATER}]]>",
    "entries in an instruction": f"<?x {LATER}?>",
    "an end in a text": ntry("F", "<![CDATA[</Ntry>]]>"),
    "an end in an attribute": f"<Ntry a='</Ntry>'>{LATER}</Ntry>",
    "entries in an entry": f"<Ntry>{LATER}</Ntry>",
    "entries in other data": f"<SplmtryData><Envlp>{LATER}</Envlp></SplmtryData>",
    "a statement in an entry": f"<Ntry><Stmt>{LATER}</Stmt></Ntry><Ntry></Ntry>",
    "entries outside a statement": f"</Stmt>{LATER}{REPORT}",
    "a whole message in other data": (
        f"<SplmtryData><Envlp><Document><BkToCstmrStmt>{REPORT}{LATER}</Stmt></BkToCstmrStmt>"
        f"</Document></Envlp></SplmtryData>"
    ),
    "entries of another name space": FOREIGN * 2,
    "another name space in an entry": f"<Ntry xmlns='urn:x'><Amt>1</Amt></Ntry>{F}",
    "a prefix for all": PREFIXED * 3,
    "a prefix for some": F.replace("Amt", "p:Amt") * 3,
    "a prefix that changes its meaning": (
        f"{PREFIXED * 2}</Stmt>{REPORT.replace('<Stmt>', OTHERWISE)}{F}{PREFIXED}</Stmt>{REPORT}"
    ),
    "elements of another name space": F.replace("RmtInf", "x:RmtInf") * 3,
    "the same twice, once of another name space": F.replace(
        "<Sts>", "<x:Sts><Cd>BOOK</Cd></x:Sts><Sts>"
    )
    * 3,
    "attributes of another name space": F.replace("Ccy", "x:Ccy") * 3,
    "quotes of the other kind": F.replace('"EUR"', "'EUR'") * 3,
    "attributes in another order": F.replace("Ccy", 'a="1" Ccy') * 3,
    "white space in an attribute": F + F.replace("EUR", "EU\tR") + LATER,
    "an entity in an attribute": F + F.replace("EUR", "&#69;UR") + LATER,
    "no currency": F + F.replace("EUR", "") + LATER,
    "text between elements": F.replace("<Sts>", "x<Sts>") * 3,
    "text before an entry": f"x{LATER}",
    "a line break in a text": ntry("F", "a\r\nb") + LATER,
    "an entity in a text": ntry("F", "a&amp;b") + LATER,
    "entities in texts": ntry("F", "a&amp;&lt;b&gt;&apos;&quot;c") + ntry("G", "&amp;amp;lt;") * 2,
    "an entity as a number": ntry("F", "&amp;") + ntry("F", "&#38;&#x20;") + LATER,
    "an entity of nobody": ntry("F", "&amp;") + ntry("F", "&a;&amp") + LATER,
    "an entity cut short": ntry("F", "&amp;") + ntry("F", "&amp") + LATER,
    "blanks around a text": F + ntry("F", " a ") + ntry("F", "\u00a0b\u3000") + LATER,
    "a text of blanks": F + ntry("F", "   ") + LATER,
    "an empty reference": F + F.replace(">F</EndToEndId>", "></EndToEndId>") + LATER,
    "an element where a text was": F + ntry("F", "<x>y</x>") + LATER,
    "an empty element": F.replace("<NtryRef>F</NtryRef>", "<NtryRef/>") * 3,
    "an element without text": F.replace("<NtryRef>F</NtryRef>", "<NtryRef></NtryRef>") * 3,
    "blanks in a tag": F.replace("</Sts>", "</Sts >").replace("<Sts>", "<Sts\n>") * 3,
    "two amounts": F.replace("<Sts>", '<Amt Ccy="EUR">1</Amt><Sts>') * 3,
    "several transactions": F.replace("</NtryDtls>", f"{SECOND}</NtryDtls>") * 3,
    "a name in a text": ntry("Ntry") + LATER,
    "a greater sign": ntry("F", "a>b") + LATER,
    "private characters": ntry("F\ue001", "\ue002") + ntry("G\ue001", "\ue003") + LATER,
    "words of a format": ntry("F%s", "{0}%d'\"\\") * 3,
    "a very long entry": ntry("F", "x" * 20_000) * 3,
    "an entry with a very long gap": F.replace("<Sts>", " " * 20_000 + "<Sts>") * 3,
    "a broken end": F + F.replace("</Sts>", "</Stz>") + LATER,
    "a control character": F + ntry("F", "\x01") + LATER,
}


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize(("block", "held_back"), [(1 << 18, 1 << 16), (50, 1 << 16), (50, 20)])
def test_no_trick_makes_a_difference(
    lift: Lifted, monkeypatch: pytest.MonkeyPatch, trick: str, block: int, held_back: int
) -> None:
    monkeypatch.setattr(xml, "BLOCK", block)
    monkeypatch.setattr(lifting, "HELD_BACK", held_back)
    found = lift(HEAD + REPORT + KNOWN + TRICKS[trick] + KNOWN + TAIL)
    broken = {"an end in an attribute", "a broken end", "a control character"}
    broken |= {"an entity of nobody", "an entity cut short"}
    assert (found.refused != "") == (trick in broken)


ODD = ["a·b", "é", "a\u0300", "中", "p-1.x", "p"]


@pytest.mark.parametrize("prefix", ODD)
@pytest.mark.parametrize("hidden", ["<!-- {} -->", "<?x {}?>", "<Foo><![CDATA[{}]]></Foo>"])
def test_whatever_the_prefix_what_is_hidden_behind_an_entry_is_no_entry(
    lift: Lifted, prefix: str, hidden: str
) -> None:
    head = HEAD.replace("xmlns:p=", f'xmlns:{prefix}="{OURS}" xmlns:q=')
    odd = [re.sub("<(/?)", rf"<\1{prefix}:", ntry(name)) for name in ("A", "B", "C")]
    entries = odd[0] + hidden.format(ntry("A") + LATER) + odd[1] + odd[2]
    assert lift(head + REPORT + entries + TAIL).references == ["A", "B", "C"]
    among = ntry("E0") + entries + ntry("E5")
    assert lift(head + REPORT + among + TAIL).references == ["E0", "A", "B", "C", "E5"]


def test_beside_prefixes_that_nobody_writes_all_is_parsed(lift: Lifted, parsed: list[str]) -> None:
    assert lift(HEAD.replace("xmlns:p=", "xmlns:é=") + REPORT + KNOWN * 2 + TAIL).references
    assert parsed == ["E1", "E2"] * 2


def test_an_end_tag_cut_in_two_does_not_end_where_a_hidden_one_does(
    lift: Lifted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifting, "HELD_BACK", 20)
    before = HEAD + REPORT + KNOWN + ntry("F").strip()
    for cut in range(10):
        monkeypatch.setattr(xml, "BLOCK", len(before.encode()) - cut)
        for behind in (f"<!-- <Ntry></Ntry>{LATER}-->", f"<Foo>{FOREIGN}{LATER}</Foo>"):
            found = lift(before + behind + KNOWN + TAIL)
            assert found.references == ["E1", "E2", "F", "E1", "E2"]


def test_an_envelope_around_the_message_makes_no_difference(
    lift: Lifted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schema judges what is in it, in one pass; only what it finds is looked at again."""
    again: list[object] = []
    slips = incoming.slips

    def note(*arguments: object) -> None:
        again.append(arguments)
        slips(*arguments)  # type: ignore[arg-type]  # as they came

    monkeypatch.setattr(incoming, "slips", note)
    head = '<Wrap xmlns="urn:w"><AppHdr/>'
    inside = (HEAD + REPORT + KNOWN * 9 + TAIL).partition("?>")[2]
    for block in (1 << 18, 50, 7):
        monkeypatch.setattr(xml, "BLOCK", block)
        assert lift(f"{head}{inside}</Wrap>").references == ["E1", "E2"] * 9
        assert again == []
    slip = inside.replace("<Cd>BOOK</Cd>", "BOOK")
    assert {problem.rule for problem in lift(f"{head}{slip}</Wrap>").problems} == {"schema"}
    prefixed = re.sub("<(/?)", r"<\1p:", inside).replace("xmlns=", "xmlns:q=")
    for prefix in ODD:
        odd = prefixed.replace("xmlns:p=", f"xmlns:{prefix}=")
        odd = re.sub("<(/?)p:", rf"<\1{prefix}:", odd)
        assert lift(f'<Wrap xmlns:{prefix}="{OURS}">{odd}</Wrap>').problems == []
    assert len(again) == 1


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "us-ascii"])
def test_other_encodings_are_read_by_the_parser_alone(tmp_path: Path, encoding: str) -> None:
    name = encoding.removesuffix("-sig").upper()
    text = (HEAD + REPORT + KNOWN * 9 + TAIL).replace("UTF-8", name, 1)
    path = tmp_path / "bank.xml"
    path.write_bytes(text.encode(encoding))
    assert lifted(path).references == ["E1", "E2"] * 9


def test_bytes_that_are_no_utf8_are_refused_behind_lifted_entries(tmp_path: Path) -> None:
    path = tmp_path / "bank.xml"
    path.write_bytes((HEAD + REPORT + KNOWN * 9).encode() + ntry("ü").encode("latin-1"))
    assert "bank.xml: line " in lifted(path).refused


@pytest.mark.parametrize("length", [1, 60, 500, 1400])
def test_a_file_cut_short_among_lifted_entries_is_refused(lift: Lifted, length: int) -> None:
    text = HEAD + REPORT + KNOWN * 9 + TAIL
    assert lift(text[:-length]).refused


def test_where_every_entry_is_written_otherwise_learning_ends(
    lift: Lifted, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[str] = []
    tried = shapes.Shapes.tried

    def note(known: shapes.Shapes[object], fragment: str) -> None:
        learned.append(fragment)
        tried(known, fragment)

    monkeypatch.setattr(shapes.Shapes, "tried", note)
    monkeypatch.setattr(lifting, "FREE", 20_000)
    many = [ntry(f"E{n}").replace("<Sts>", " " * n + "<Sts>") for n in range(120)]
    found = lift(HEAD + REPORT + "".join(many) + TAIL)
    assert found.references == [f"E{n}" for n in range(120)]
    assert 20 < len(learned) < 60


def test_more_shapes_than_are_kept_are_read_all_the_same(
    lift: Lifted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shapes, "MOST", 3)
    monkeypatch.setattr(shapes, "_PROVEN", 2)
    many = [ntry(f"E{n}").replace("<Sts>", " " * (n % 5) + "<Sts>") * 3 for n in range(40)]
    found = lift(HEAD + REPORT + "".join(many) + TAIL)
    assert len(found.entries) == 120


# --------------------------------------------------------------------------- the corpus and mutants


def reports_of(corpus: Path) -> list[Path]:
    with (corpus / "SOURCES.tsv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        return [corpus / row["path"] for row in rows if row["message"].startswith("camt")]


def test_the_corpus_says_the_same_both_ways_when_its_entries_are_repeated(
    corpus: Path, tmp_path: Path
) -> None:
    again, entries = tmp_path / "again.xml", 0
    entry = re.compile(rb"<(\w+:)?Ntry>.*?</(\w+:)?Ntry>", re.DOTALL)
    for path in reports_of(corpus):
        again.write_bytes(entry.sub(rb"\g<0>\g<0>\g<0>", path.read_bytes()))
        entries += len(lifted(again).entries)
    assert entries == 3 * 247


def mutant(draw: random.Random, text: str) -> str:
    """The text, harmed in one of the ways that readers stumble over."""
    at = draw.randrange(len(HEAD), len(text))
    tag = draw.choice([*re.finditer(r"<[^<>]+>", text)])
    leaf = draw.choice([*re.finditer(r">([^<>\s][^<>]*)<", text)])
    ways = (
        (at, at + 1, ""),
        (at, at, draw.choice("<>&\"' \n\r\t\x010a,.-é\u00a0")),
        (at, len(text), ""),
        (tag.start(), tag.end(), ""),
        (tag.start(), tag.end(), tag[0] * 2),
        (tag.start(), tag.start(), "<!-- "),
        (tag.start(), tag.start(), draw.choice([KNOWN, "<Ntry/>", "<x/>", "<Amt/>"])),
        (leaf.start(1), leaf.end(1), draw.choice(["", " ", "x", "1", "&lt;", "<!--c-->"])),
        (leaf.start(1), leaf.end(1), f" {leaf[1]} "),
    )
    start, end, instead = draw.choice(ways)
    return text[:start] + instead + text[end:]


def test_mutants_say_the_same_both_ways(lift: Lifted) -> None:
    draw = random.Random(20260303)
    kinds = [ntry("K"), ntry("L", "a b", sign="DBIT"), ntry("N").replace("<Ustrd>more</Ustrd>", "")]
    refused = 0
    for _ in range(MUTANTS):
        entries = "".join(draw.choice(kinds) for _ in range(draw.randint(2, 12)))
        refused += lift(mutant(draw, HEAD + REPORT + entries + TAIL)).refused != ""
    assert 0 < refused < MUTANTS
