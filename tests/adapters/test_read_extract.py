"""Leaving statements out of a file: the others keep every byte."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.adapters.messages import Iso20022Messages
from h2h.errors import Corrupt

if TYPE_CHECKING:
    from tests.adapters.conftest import ReadWhole

LARGE = 1_000_000
STATEMENT = """<{p}Stmt>
 <{p}Id>S{n}</{p}Id><!-- </{p}Stmt> is no end here --><{p}CreDtTm>2026-03-03T06:00:00Z</{p}CreDtTm>
 <{p}Acct><{p}Id><{p}Othr><{p}Id><![CDATA[4<7>11]]></{p}Id></{p}Othr></{p}Id></{p}Acct>
 <{p}Bal><{p}Tp><{p}CdOrPrtry><{p}Cd>CLBD</{p}Cd></{p}CdOrPrtry></{p}Tp>
 <{p}Amt Ccy='EUR'>{n}</{p}Amt>
 <{p}CdtDbtInd>CRDT</{p}CdtDbtInd><{p}Dt><{p}Dt>2026-03-02</{p}Dt></{p}Dt></{p}Bal>
 <{p}AddtlStmtInf>Überweisung € {n}</{p}AddtlStmtInf>
</{p}Stmt >"""


def document(count: int, prefix: str = "", gap: str = "\n  ") -> str:
    statements = gap.join(STATEMENT.format(p=prefix, n=n) for n in range(1, count + 1))
    space = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"
    declared = f'xmlns{":" if prefix else ""}{prefix.rstrip(":")}="{space}"'
    return (
        f"<{prefix}Document {declared}><{prefix}BkToCstmrStmt>{gap}<{prefix}GrpHdr>"
        f"<{prefix}MsgId>M</{prefix}MsgId><{prefix}CreDtTm>2026-03-03T06:00:00</{prefix}CreDtTm>"
        f"</{prefix}GrpHdr>{gap}{statements}{gap}</{prefix}BkToCstmrStmt></{prefix}Document>\n"
    )


@pytest.mark.parametrize("prefix", ["", "camt:"])
@pytest.mark.parametrize("gap", ["", "\r\n\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_every_choice_of_statements_keeps_theirs_byte_for_byte(
    tmp_path: Path, read_whole: ReadWhole, prefix: str, gap: str, encoding: str
) -> None:
    name = encoding.removesuffix("-sig")
    text = f'<?xml version="1.0" encoding="{name}"?>{document(4, prefix, gap)}'
    source, target = tmp_path / "bank.xml", tmp_path / "kept.xml"
    source.write_bytes(text.encode(encoding))
    messages = Iso20022Messages()
    whole = read_whole(source, LARGE).statements
    choices = [keep for size in range(1, 4) for keep in combinations(range(1, 5), size)]
    for keep in choices:
        messages.extract(source, keep, target)
        expected = text
        for number in set(range(1, 5)) - set(keep):
            expected = expected.replace(STATEMENT.format(p=prefix, n=number), "")
        assert target.read_bytes() == expected.encode(encoding)
        kept = read_whole(target, LARGE).statements
        assert [s.id for s in kept] == [whole[number - 1].id for number in keep]
        assert [s.balances for s in kept] == [whole[number - 1].balances for number in keep]
    assert len(choices) == 14


def test_when_all_are_kept_the_bytes_are_the_same(tmp_path: Path) -> None:
    source, target = tmp_path / "bank.xml", tmp_path / "kept.xml"
    source.write_text(document(3), "utf-8")
    target.write_text("a longer file that was there before" * 1000, "utf-8")
    Iso20022Messages().extract(source, (1, 2, 3), target)
    assert target.read_bytes() == source.read_bytes()


def test_an_empty_element_and_an_envelope_are_cut_at_their_own_ends(tmp_path: Path) -> None:
    source, target = tmp_path / "bank.xml", tmp_path / "kept.xml"
    supplement = f"<SplmtryData><Envlp>{document(1)}</Envlp></SplmtryData></Stmt >"
    two = document(2, gap="").replace("</Stmt >", supplement, 1)
    inner = re.sub(r"(</GrpHdr>)", r"\1<Stmt/><!-- between -->", two, count=1)
    source.write_text(f"<BizMsg><AppHdr><Stmt/></AppHdr>{inner}</BizMsg>", "utf-8")
    Iso20022Messages().extract(source, (2, 3), target)
    assert target.read_text("utf-8") == source.read_text("utf-8").replace(
        "<Stmt/><!-- between -->", "<!-- between -->", 1
    )


@pytest.mark.parametrize("keep", [(), (0,), (1, 4), (-1,)])
def test_a_statement_that_is_not_in_the_file_cannot_be_kept(
    tmp_path: Path, keep: tuple[int, ...]
) -> None:
    source, target = tmp_path / "bank.xml", tmp_path / "kept.xml"
    source.write_text(document(3), "utf-8")
    with pytest.raises(ValueError, match="has 3"):
        Iso20022Messages().extract(source, keep, target)
    assert not target.exists()


def test_what_is_no_bank_message_is_not_copied(tmp_path: Path) -> None:
    source, target = tmp_path / "bank.xml", tmp_path / "kept.xml"
    source.write_text("<html/>", "utf-8")
    with pytest.raises(Corrupt):
        Iso20022Messages().extract(source, (1,), target)
    assert not target.exists()
