"""What is no readable bank message is refused with its file, place and next move."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.adapters.messages import Unreadable
from h2h.adapters.messages.iso20022 import incoming, reports, xml
from h2h.errors import Corrupt

if TYPE_CHECKING:
    from tests.adapters.conftest import ReadWhole, WholeMessage

SPACE = "urn:iso:std:iso:20022:tech:xsd:"
BODY = """<BkToCstmrStmt>
<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-03T06:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>S</Id><CreDtTm>2026-03-03T06:00:00Z</CreDtTm>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>2026-03-02</Dt></Dt></Bal></Stmt></BkToCstmrStmt>"""
GOOD = f'<Document xmlns="{SPACE}camt.053.001.02">{BODY}</Document>'


Read = Callable[..., "WholeMessage"]


@pytest.fixture
def read(tmp_path: Path, read_whole: ReadWhole) -> Read:
    """read(content, largest): until its last part, or until it turns out to be none."""

    def reads(content: bytes, largest: int = 1_000_000) -> WholeMessage:
        path = tmp_path / "bank\nfile.xml"
        path.write_bytes(content)
        return read_whole(path, largest)

    return reads


@pytest.mark.parametrize(
    ("content", "rule", "words"),
    [
        (b"", "empty", "empty"),
        (b"   \n", "xml", ""),
        (b"IBAN;Amount\r\n", "xml", ""),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "xml", ""),
        (b"\x00" * 500, "xml", ""),
        (b"<html><body>busy</body></html>", "message", "root is html"),
        (b"<Document/>", "message", "holds no message"),
        (b'<Document xmlns="urn:x"><Stmt/></Document>', "message", "'urn:x' of Stmt"),
        (GOOD.replace(SPACE, "").encode(), "message", "unknown name space"),
        (re.sub(' xmlns="[^"]*"', "", GOOD).encode(), "message", "no xmlns tells which version"),
        (GOOD.replace("camt.053", "camt.057").encode(), "message", "camt.057.001.02"),
        (GOOD.replace("camt.053", "pain.001").encode(), "message", "pain.001.001.02"),
        (GOOD.replace("001.02", "001.01").encode(), "message", "camt.053.001.01"),
        (GOOD.replace("camt.053", "camt.052").encode(), "message", "camt.052.001.02 holds BkToCst"),
        (GOOD.replace("Stmt>", "Rpt>").encode(), "message", "camt.053.001.02"),
        (
            GOOD.replace("</BkToCstmrStmt>", "</BkToCstmrStmt><BkToCstmrStmt/>").encode(),
            "message",
            "not exactly one",
        ),
        (f"<Envelope>{GOOD}{GOOD}</Envelope>".encode(), "message", "more than one message"),
        ((GOOD + GOOD).encode(), "xml", "line 6"),
        ((GOOD + "tail").encode(), "xml", "line 6"),
        (f"<!DOCTYPE Document>{GOOD}".encode(), "doctype", "DOCTYPE"),
        (
            f'<!DOCTYPE Document [<!ENTITY a "1">]>{GOOD.replace(">1<", ">&a;<")}'.encode(),
            "doctype",
            "DOCTYPE",
        ),
        (GOOD.replace(">1<", ">&a;<").encode(), "xml", "line 5"),
        (GOOD.replace("<Id>S<", "<Id>Köln<").encode("latin-1"), "encoding", "line 3"),
        (f'<?xml version="1.0" encoding="KLINGON"?>{GOOD}'.encode(), "encoding", ""),
        (GOOD.replace("Id>", "x:Id>").encode(), "xml", "prefix"),
        (GOOD.replace("<BkTo", "<x:BkTo").replace("</BkTo", "</x:BkTo").encode(), "message", "''"),
        (GOOD.replace("</Bal>", "</Balance>").encode(), "xml", "line 6"),
        (GOOD.replace(">1<", ">1\x01<").encode(), "xml", "line 5"),
    ],
)
def test_bad_content_is_refused_with_file_place_and_next_move(
    read: Read, content: bytes, rule: str, words: str
) -> None:
    with pytest.raises(Corrupt) as refused:
        read(content)
    assert isinstance(refused.value, Unreadable)
    assert refused.value.problem.rule == rule
    assert refused.value.cause.startswith("bank\\x0afile.xml: ")
    assert words in refused.value.cause
    assert refused.value.next_move.startswith("Ask the bank ")


def test_a_statement_message_without_a_statement_is_refused(read: Read) -> None:
    start, end = GOOD.index("<Stmt>"), GOOD.index("</BkToCstmrStmt>")
    with pytest.raises(Corrupt, match="without any statement"):
        read((GOOD[:start] + GOOD[end:]).encode())


def test_a_file_above_the_limit_is_refused_before_it_is_opened(read: Read) -> None:
    assert read(GOOD.encode(), len(GOOD)).statements
    with pytest.raises(Corrupt, match=rf"{len(GOOD)} bytes") as refused:
        read(GOOD.encode(), len(GOOD) - 1)
    assert "largest_file" in refused.value.next_move


def test_a_folder_or_nothing_in_place_of_a_file_is_refused(
    tmp_path: Path, read_whole: ReadWhole
) -> None:
    folder = tmp_path / "x.xml"
    folder.mkdir()
    for path in (folder, tmp_path / "missing.xml"):
        with pytest.raises(Corrupt, match=path.name):
            read_whole(path, 1000)


@pytest.mark.parametrize("message", ["camt.053.001.02", "camt.053.001.05"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_statement_cut_short_at_any_byte_is_refused(
    read: Read, message: str, encoding: str
) -> None:
    """libxml2 with a schema beside it takes half a document for a whole one in silence."""
    text = f'<?xml version="1.0" encoding="{encoding}"?>\n{GOOD}'
    whole = text.replace("camt.053.001.02", message).encode(encoding)
    assert len(read(whole).statements) == 1
    cuts = 0
    for length in range(len(whole)):
        with pytest.raises(Corrupt):
            read(whole[:length])
        cuts += 1
    assert cuts == len(whole)


def test_a_parser_that_stops_early_without_a_word_is_not_believed(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = reports._Reading._fed

    def silent(reading: reports._Reading, feed: Callable[[], object]) -> Iterator[xml.Element]:
        yield from (each for each in ended(reading, feed) if each.getparent() is not None)

    envelope = f"<Envelope>{GOOD}</Envelope>".encode()
    assert len(read(envelope).statements) == 1
    monkeypatch.setattr(reports._Reading, "_fed", silent)
    with pytest.raises(Corrupt, match="ends before"):
        read(envelope)


def test_nor_is_one_that_is_asked_for_the_schemas_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = incoming.streamed

    def silent(
        path: Path,
        kinds: tuple[str, ...],
        tags: tuple[str, ...] | None = None,
        measure: Callable[[int], object] = id,
    ) -> Iterator[object]:
        yield from list(events(path, kinds, tags, measure))[:-1]

    path = tmp_path / "bank.xml"
    path.write_text(f"<Envelope>{GOOD}</Envelope>", "utf-8")
    opened = incoming.open_message(path, 1_000_000)
    assert len(list(incoming.parts(opened, []))) == 2
    monkeypatch.setattr(incoming, "streamed", silent)
    with pytest.raises(Corrupt, match="ends before"):
        list(incoming.parts(opened, []))


def test_white_space_and_comments_behind_the_document_are_no_truncation(read: Read) -> None:
    assert len(read(f"{GOOD}\n<!-- end -->\n\n".encode()).statements) == 1


def test_nesting_without_end_is_refused(read: Read) -> None:
    deep = GOOD.replace("<Id>S</Id>", "<Id>" * 5000 + "</Id>" * 5000)
    with pytest.raises(Corrupt, match="depth"):
        read(deep.encode())
