"""Payments lifted past the parser are what the parser would have read, whatever surrounds them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from h2h.adapters.messages.iso20022 import lifting, xml
from h2h.adapters.messages.iso20022.fields import Finder, Plan, kind_of
from h2h.adapters.messages.iso20022.payments import Reading
from h2h.core.payment import Columns

pytestmark = pytest.mark.usefixtures("learning_at_once")
FIRST = lifting.AT_FIRST  # before this module sets it to none

OURS = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
HEAD = f"""<Document xmlns="{OURS}" xmlns:p="{OURS}" xmlns:x="urn:x"><CstmrCdtTrfInitn>
<GrpHdr><MsgId>M</MsgId></GrpHdr>
"""
BATCH = "<PmtInf><PmtInfId>B</PmtInfId><Dbtr><Nm>Acme</Nm></Dbtr>\n"
TAIL = "</PmtInf></CstmrCdtTrfInitn></Document>"


def pay(name: str, remittance: str = "", tag: str = "CdtTrfTxInf") -> str:
    return (
        f"<{tag}><PmtId><EndToEndId>{name}</EndToEndId></PmtId>"
        f'<Amt><InstdAmt Ccy="EUR">1.50</InstdAmt></Amt><Cdtr><Nm>{name}</Nm></Cdtr>'
        f"<RmtInf><Ustrd>{remittance or name}</Ustrd></RmtInf></{tag}>\n"
    )


KNOWN = pay("E1") + pay("E2")  # the second is lifted


class Read:
    """What a pass over a file found, and how much of it the parser was given."""

    def __init__(self, room: Path, text: str, *, lift: bool) -> None:
        path = room / "payments.xml"
        path.write_text(text, "utf-8", newline="")
        reading = Reading(path, xml.opening(path), lift=lift)
        self.rows: list[tuple[str, int, tuple[str, ...]]] = []
        for chunk in reading.chunks():
            columns = zip(*chunk.columns, strict=True)
            for batch, number, row in zip(chunk.batches, chunk.numbers, columns, strict=True):
                self.rows.append((batch.id, number, row))
        self.header = reading.header

    def column(self, field: str) -> list[str]:
        return [row[Columns._fields.index(field)] for _, _, row in self.rows]


def lifted(room: Path, text: str) -> Read:
    """The text read in the quick way, which must find what the parser alone finds."""
    quick, thorough = Read(room, text, lift=True), Read(room, text, lift=False)
    assert (quick.rows, quick.header) == (thorough.rows, thorough.header)
    return quick


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The end-to-end ids that were given to the parser, when files are read from here on."""
    names: list[str] = []
    feed = xml.Stream.feed

    def note(stream: xml.Stream, piece: bytes) -> object:
        names.extend(re.findall("<(?:p:)?EndToEndId>(.*?)<", piece.decode()))
        return feed(stream, piece)

    monkeypatch.setattr(xml.Stream, "feed", note)
    return names


# ----------------------------------------------------------------------------------- what is lifted


def test_nothing_is_learned_of_the_first_payments(
    tmp_path: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifting, "AT_FIRST", FIRST)
    payments = "".join(pay(f"E{n}") for n in range(FIRST + 9))
    read = Read(tmp_path, HEAD + BATCH + payments + TAIL, lift=True)
    assert read.column("end_to_end_id") == [f"E{n}" for n in range(FIRST + 9)]
    assert parsed == [f"E{n}" for n in range(FIRST + 1)]


@pytest.mark.parametrize("between", ["", " ", "\n\n\t", "\r\n"])
def test_only_the_first_payment_of_its_shape_is_parsed(
    tmp_path: Path, parsed: list[str], between: str
) -> None:
    text = HEAD + BATCH + between.join(pay(f"E{n}") for n in range(9)) + TAIL
    read = Read(tmp_path, text, lift=True)
    assert read.column("end_to_end_id") == [f"E{n}" for n in range(9)]
    assert parsed == ["E0"]


def test_shapes_that_alternate_are_each_learned_once(tmp_path: Path, parsed: list[str]) -> None:
    short = pay("S").replace("<RmtInf><Ustrd>S</Ustrd></RmtInf>", "")
    mixed = [pay("L"), short, pay("L"), pay("L"), short, short, pay("L")]
    read = Read(tmp_path, HEAD + BATCH + "".join(mixed) + TAIL, lift=True)
    assert read.column("remittance") == ["L", "", "L", "L", "", "", "L"]
    assert parsed == ["L", "S"]


def test_a_shape_is_known_in_the_batches_after(tmp_path: Path, parsed: list[str]) -> None:
    batches = [f"{BATCH}{pay(f'A{n}')}{pay(f'B{n}')}{pay(f'C{n}')}</PmtInf>" for n in range(3)]
    read = Read(tmp_path, HEAD + "".join(batches) + TAIL.removeprefix("</PmtInf>"), lift=True)
    assert [number for _, number, _ in read.rows] == [1, 2, 3] * 3
    assert parsed == ["A0", "A1", "A2"]


def test_a_payment_between_two_blocks_is_lifted_whole(
    tmp_path: Path, parsed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml, "BLOCK", 7)
    text = HEAD + BATCH + "".join(pay(f"ü中😀{n}") for n in range(5)) + TAIL
    read = Read(tmp_path, text, lift=True)
    assert read.column("name") == [f"ü中😀{n}" for n in range(5)]
    assert parsed == ["ü中😀0"]


characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.text(characters, max_size=12), min_size=1, max_size=9), st.integers(20, 400))
def test_texts_are_lifted_as_the_parser_reads_them(
    tmp_path: Path, texts: Sequence[str], block: int
) -> None:
    text = HEAD + BATCH + "".join(pay(f"E{n}", escape(each)) for n, each in enumerate(texts)) + TAIL
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml, "BLOCK", block)
        try:
            Read(tmp_path, text, lift=False)
        except xml.Unreadable:  # characters that XML does not allow: no text with them is lifted
            assert lifting.learn(pay("E", "".join(texts))) is None or _unmatched(texts)
        else:
            lifted(tmp_path, text)


def _unmatched(texts: Sequence[str]) -> bool:
    pattern = lifting.learn(pay("E", "x"))
    assert pattern is not None
    return not all(pattern.expression.fullmatch(pay("E", escape(each)).strip()) for each in texts)


# ------------------------------------------------------------------------------- what is not lifted

LATER = pay("F1") + pay("F2")
TRICKS = {
    "an empty payment before a comment": f"<CdtTrfTxInf /><!-- </CdtTrfTxInf>{LATER}-->",
    "an empty one with an attribute": f"<CdtTrfTxInf a='>' /><!-- </CdtTrfTxInf>{LATER}-->",
    "an empty one behind a comment": (
        f"<!-- <CdtTrfTxInf> --><CdtTrfTxInf/><!-- </CdtTrfTxInf>{LATER}-->"
    ),
    "an empty one behind a section": (
        f"<![CDATA[<CdtTrfTxInf>]]><CdtTrfTxInf/><!-- </CdtTrfTxInf>{LATER}-->"
    ),
    "payments in a comment": f"<!-- {LATER} -->",
    "a comment that begins in a payment": (
        f"<CdtTrfTxInf><!-- </CdtTrfTxInf>{LATER}--></CdtTrfTxInf>"
    ),
    "payments in a section": f"<![CDATA[{LATER}]]>",
    "payments in an instruction": f"<?x {LATER}?>",
    "an end in a value": pay("F", "<![CDATA[</CdtTrfTxInf>]]>"),
    "an end in an attribute": f"<CdtTrfTxInf a='</CdtTrfTxInf>'>{LATER}</CdtTrfTxInf>",
    "payments in a payment": f"<CdtTrfTxInf>{LATER}</CdtTrfTxInf>",
    "payments in other data": f"<SplmtryData><Envlp>{LATER}</Envlp></SplmtryData>",
    "a batch in a payment": (
        f"<CdtTrfTxInf><PmtInf>{LATER}</PmtInf></CdtTrfTxInf><CdtTrfTxInf></CdtTrfTxInf>"
    ),
    "payments outside a batch": f"</PmtInf>{LATER}{BATCH}",
    "payments of another name space": pay("F", tag="x:CdtTrfTxInf") * 2,
    "another name space in a payment": (
        f"<CdtTrfTxInf xmlns='urn:x'><Amt>1</Amt></CdtTrfTxInf>{pay('F')}"
    ),
    "another name space in a batch": (
        f"</PmtInf><p:PmtInf xmlns='urn:x'>{pay('F', tag='p:CdtTrfTxInf')}{LATER}"
        f"{LATER}</p:PmtInf><PmtInf>"
    ),
    "a prefix that changes its meaning": (
        f"{pay('F', tag='p:CdtTrfTxInf')}{pay('F', tag='p:CdtTrfTxInf')}</PmtInf>"
        f"<PmtInf xmlns:p='urn:x'>{pay('G')}{pay('G', tag='p:CdtTrfTxInf')}</PmtInf>{BATCH}"
    ),
    "elements of another name space": pay("F").replace("RmtInf", "x:RmtInf") * 3,
    "attributes of another name space": pay("F").replace("Ccy", "x:Ccy") * 3,
    "an attribute twice": pay("F").replace('"EUR"', "'EUR'") * 3,
    "attributes in another order": pay("F").replace("Ccy", 'a="1" Ccy') * 3,
    "white space in an attribute": pay("F") + pay("F").replace("EUR", "EU\tR") + LATER,
    "an entity in an attribute": pay("F") + pay("F").replace("EUR", "&#69;UR") + LATER,
    "text between elements": pay("F").replace("<Cdtr>", "x<Cdtr>") * 3,
    "text before a payment": f"x{LATER}",
    "a line break in a value": pay("F", "a\r\nb") + LATER,
    "an element where a text was": pay("F") + pay("F", "<x>y</x>") + LATER,
    "an empty element": pay("F").replace("<Nm>F</Nm>", "<Nm/>") * 3,
    "an element without text": pay("F").replace("<Nm>F</Nm>", "<Nm></Nm>") * 3,
    "blanks in a tag": pay("F").replace("</Cdtr>", "</Cdtr >").replace("<Cdtr>", "<Cdtr\n>") * 3,
    "a repeated element": pay("F").replace("</Ustrd>", "</Ustrd><Ustrd>G</Ustrd>") * 3,
    "a name in a value": pay("CdtTrfTxInf") + LATER,
    "a greater sign": pay("F", "a>b") + LATER,
    "a very long payment": pay("F", "x" * 20_000) * 3,
    "a payment with a very long gap": pay("F").replace("<Cdtr>", " " * 20_000 + "<Cdtr>") * 3,
}


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("block", [1 << 18, 50])
def test_no_trick_makes_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trick: str, block: int
) -> None:
    monkeypatch.setattr(xml, "BLOCK", block)
    try:
        lifted(tmp_path, HEAD + BATCH + KNOWN + TRICKS[trick] + KNOWN + TAIL)
    except xml.Unreadable:
        assert trick == "an end in an attribute"  # which is not well-formed


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_makes_a_difference_when_payments_are_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trick: str
) -> None:
    monkeypatch.setattr(xml, "BLOCK", 50)
    monkeypatch.setattr(lifting, "HELD_BACK", 20)
    try:
        lifted(tmp_path, HEAD + BATCH + KNOWN + TRICKS[trick] + KNOWN + TAIL)
    except xml.Unreadable:
        assert trick == "an end in an attribute"


@pytest.mark.parametrize(
    "fragment",
    [
        pay("E", "<!-- c -->"),
        pay("E", "<?x y?>"),
        pay("E", "<![CDATA[x]]>"),
        pay("E", "a&amp;b"),
        pay("E").replace("<Cdtr>", "<Cdtr xmlns='urn:x'>"),
        pay("E").replace("<Cdtr>", '<Cdtr xmlns="urn:x">'),
        pay("E").replace("<Cdtr>", '<Cdtr xmlns:y="urn:x">'),
        pay("E").replace("<Cdtr>", "text<Cdtr>"),
        pay("E").replace('"EUR"', "'EUR'"),
        pay("E").replace('"EUR"', '"a>b"'),
        pay("E").replace("Ccy=", "Ccy ="),
        pay("E", "x" * 20_000),
        pay("E").strip() + "<",
    ],
)
def test_of_some_payments_no_shape_is_learned(fragment: str) -> None:
    assert lifting.learn(pay("E").strip()) is not None
    assert lifting.learn(fragment.strip()) is None


@pytest.mark.parametrize("text", ["a&b", "a<b", "a>b", "a\tb", "a\nb", "a\rb", "\x01", "\ufffe"])
def test_a_shape_has_room_for_plain_texts_only(text: str) -> None:
    pattern = lifting.learn(pay("E").strip())
    assert pattern is not None
    assert pattern.expression.fullmatch(pay("E", "plain").strip())
    assert not pattern.expression.fullmatch(pay("E", text).strip())
    assert not pattern.expression.fullmatch(pay("E").strip().replace("EUR", text))


def test_nothing_is_lifted_out_of_a_comment_that_began_a_block_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml, "BLOCK", 2000)
    monkeypatch.setattr(lifting, "HELD_BACK", 20)
    comment = (HEAD + BATCH + KNOWN + "<!--").ljust(2000) + LATER + "-->"
    read = lifted(tmp_path, comment + KNOWN + TAIL)
    assert read.column("end_to_end_id") == ["E1", "E2", "E1", "E2"]


@pytest.mark.parametrize("prefix", ["a·b", "é", "a\u0300", "中", "p-1.x", "p"])
@pytest.mark.parametrize("hidden", ["<!-- {} -->", "<?x {}?>", "<Foo><![CDATA[{}]]></Foo>"])
def test_whatever_the_prefix_what_is_hidden_behind_a_payment_is_no_payment(
    tmp_path: Path, prefix: str, hidden: str
) -> None:
    head = HEAD.replace("xmlns:p=", f'xmlns:{prefix}="{OURS}" xmlns:q=')
    odd = [re.sub("<(/?)", rf"<\1{prefix}:", pay(name)) for name in ("A", "B", "C")]
    paid = odd[0] + hidden.format(pay("A") + LATER) + odd[1] + odd[2]
    for before, names in (("", ["A", "B", "C"]), (pay("E"), ["E", "A", "B", "C"])):
        read = lifted(tmp_path, head + BATCH + before + paid + TAIL)
        assert read.column("end_to_end_id") == names


def test_beside_prefixes_that_nobody_writes_all_is_parsed(
    tmp_path: Path, parsed: list[str]
) -> None:
    Read(tmp_path, HEAD.replace("xmlns:p=", "xmlns:é=") + BATCH + KNOWN * 2 + TAIL, lift=True)
    assert parsed == ["E1", "E2"] * 2


def test_an_end_tag_cut_in_two_does_not_end_where_a_hidden_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifting, "HELD_BACK", 20)
    before = HEAD + BATCH + KNOWN + pay("F").strip()
    for cut in range(16):
        monkeypatch.setattr(xml, "BLOCK", len(before.encode()) - cut)
        hidden = f"<Foo><x:CdtTrfTxInf>1</x:CdtTrfTxInf>{LATER}</Foo>"
        for behind in (f"<!-- <CdtTrfTxInf></CdtTrfTxInf>{LATER}-->", hidden):
            read = lifted(tmp_path, before + behind + KNOWN + TAIL)
            assert read.column("end_to_end_id") == ["E1", "E2", "F", "E1", "E2"]


def test_bytes_that_are_no_utf8_are_refused_behind_lifted_payments(tmp_path: Path) -> None:
    path = tmp_path / "payments.xml"
    path.write_bytes((HEAD + BATCH + KNOWN).encode() + pay("ü").encode("latin-1") + TAIL.encode())
    with pytest.raises(xml.Unreadable, match="encoding"):
        list(Reading(path, xml.opening(path)).chunks())


# ------------------------------------------------------------------------- shapes that do not pay


@pytest.fixture
def learned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The payments from which a shape was tried to be learned, from here on."""
    fragments: list[str] = []
    learn = lifting.learn

    def note(fragment: str) -> lifting.Pattern | None:
        fragments.append(fragment)
        return learn(fragment)

    monkeypatch.setattr(lifting, "learn", note)
    return fragments


def test_where_every_payment_is_written_otherwise_learning_ends(
    tmp_path: Path, learned: list[str]
) -> None:
    many = [pay(f"E{n}").replace("<Cdtr>", " " * n + "<Cdtr>") for n in range(900)]
    read = Read(tmp_path, HEAD + BATCH + "".join(many) + TAIL, lift=True)
    assert read.column("end_to_end_id") == [f"E{n}" for n in range(900)]
    assert 100 < len(learned) < 800


def test_learning_goes_on_once_it_has_paid() -> None:
    shapes = lifting.Shapes()
    assert shapes.want(pay("E"))
    shapes.learned = 10**6
    assert not shapes.want(pay("E"))
    pattern = lifting.learn(pay("E").strip())
    assert pattern is not None
    plan = Plan(Finder(kind_of("pain.001.001.09").payment_paths), pattern.paths)
    shapes.add(lifting.Shape(pattern.expression, plan))
    shapes.rows(pay("E") * 300_000, 0)
    assert shapes.want("<CdtTrfTxInf></CdtTrfTxInf>")
    assert not shapes.want(pay("E"))  # known


def test_the_shape_that_matched_last_is_kept_longest(tmp_path: Path, learned: list[str]) -> None:
    others = [pay("O").replace("<Cdtr>", " " * n + "<Cdtr>") for n in range(1, lifting.MOST + 9)]
    text = "".join(pay("K") + pay("K") + other for other in others)
    Read(tmp_path, HEAD + BATCH + text + TAIL, lift=True)
    assert [each for each in learned if ">K<" in each] == [pay("K").strip()]
