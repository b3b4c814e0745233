"""`h2h show` and `h2h replay`: who received what, which document belongs where, and once more."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from h2h import daemon
from h2h.adapters.journal import Silence
from h2h.cli import root
from h2h.config import load
from h2h.wiring import wire

if TYPE_CHECKING:
    from tests.cli.conftest import FolderBank, Monday

OURS = "DE89370400440532013000"
ERP = """
[[export]]
name = "erp"
preset = "sap"
documents = "with-entry"
"""
STATEMENT = f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>
<GrpHdr><MsgId>B-1</MsgId><CreDtTm>2026-11-21T06:00:00</CreDtTm></GrpHdr>
<Stmt><Id>S-1</Id><ElctrncSeqNb>1</ElctrncSeqNb><CreDtTm>2026-11-21T06:00:00</CreDtTm>
<Acct><Id><IBAN>{OURS}</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">0.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-19</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">50.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>
<Ntry><Amt Ccy="EUR">50.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-11-20</Dt></BookgDt><ValDt><Dt>2026-11-20</Dt></ValDt>
<AcctSvcrRef>REF-1</AcctSvcrRef><BkTxCd><Prtry><Cd>NTRF</Cd></Prtry></BkTxCd>
<NtryDtls><TxDtls><Refs><UETR>00000000-0000-4000-8000-000000000001</UETR></Refs></TxDtls>
</NtryDtls></Ntry></Stmt></BkToCstmrStmt></Document>"""


@dataclass
class Workspace:
    """A workspace whose bank is a folder, and whose ERP is SAP."""

    folder: Path
    clock: Monday

    def sweep(self) -> None:
        with wire(load(self.folder / "config.toml"), Silence(), self.clock) as services:
            daemon.once(services)

    def h2h(self, *args: str) -> Result:
        return CliRunner().invoke(root, ["--config", str(self.folder / "config.toml"), *args])

    def dossiers(self) -> Iterator[Path]:
        return (self.folder / "archive").rglob("manifest.json")

    def show(self, name: str) -> Mapping[str, Any]:
        manifests = map(json.loads, (path.read_text() for path in self.dossiers()))
        (found,) = (each["file_id"] for each in manifests if each["name"] == name)
        life: Mapping[str, Any] = json.loads(self.h2h("show", found, "--json").output)
        return life


@pytest.fixture
def workspace(tmp_path: Path, folder_bank: FolderBank, monday: Monday) -> Workspace:
    made = Workspace(folder_bank(tmp_path, ERP, papers=True), monday)
    made.sweep()
    (tmp_path / "bank" / "papers" / "receipt_REF-1.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "bank" / "out" / "st.xml").write_text(STATEMENT)
    made.sweep()
    return made


def test_show_tells_who_received_what_and_what_was_left_out(workspace: Workspace) -> None:
    (export,) = workspace.show("st.xml")["exports"]
    assert (export["receiver"], export["state"], export["form"]) == ("erp", "done", "camt.02")
    (name,) = export["names"]
    assert (workspace.folder / "inbox" / "erp" / "statements" / name).is_file()
    assert any("UETR" in words for words in export["left_out"])
    manifests = map(json.loads, (path.read_text() for path in workspace.dossiers()))
    (told,) = (each["exports"] for each in manifests if each["name"] == "st.xml")
    assert told[0]["made"][0]["names"] == [name]


def test_show_of_a_document_names_its_entry_and_of_a_statement_its_documents(
    workspace: Workspace,
) -> None:
    paper, statement = workspace.show("receipt_REF-1.pdf"), workspace.show("st.xml")
    (link,) = paper["documents"]
    assert statement["documents"] == [link]
    assert (link["reference"], link["entry"], link["amount"]) == ("REF-1", 1, "50.00")
    assert link["statement"] == statement["statements"][0]["id"]
    (beside,) = (workspace.folder / "inbox" / "erp" / "statements").glob("*.pdf")
    assert beside.name.startswith("REF-1.receipt_REF-1.")


def test_replay_has_a_file_read_again_and_says_that_nothing_is_new(workspace: Workspace) -> None:
    file_id = workspace.show("st.xml")["file_id"]
    asked = workspace.h2h("replay", file_id, "--reason", "after the upgrade", "--json")
    assert json.loads(asked.output) == {"id": file_id, "state": "fetched"}
    workspace.sweep()
    life = workspace.show("st.xml")
    assert life["state"] == "done"
    words = [move["because"] for move in life["moves"]]
    assert any(each.startswith("read again: nothing is new") for each in words)
    assert len(list((workspace.folder / "inbox" / "erp" / "statements").iterdir())) == 2
    refused = workspace.h2h("replay", "nothing", "--reason", "why")
    assert refused.exit_code == 1
