"""`h2h report`: what a treasurer reads on the screen, and what a program gets."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Iterator
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
    from tests.conftest import PaymentFile

OURS = "DE89370400440532013000"
MORE = """
entity = "Acme GmbH"

[[reports]]
name = "daily"
kinds = ["movements", "turnaround"]
time = "06:00"
zone = "Europe/Berlin"
calendar = "ECB"
formats = ["json"]
"""
STATEMENT = f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-20T20:00:00</CreDtTm></GrpHdr><Stmt><Id>S1</Id>
<ElctrncSeqNb>1</ElctrncSeqNb><CreDtTm>2026-11-20T20:00:00</CreDtTm>
<Acct><Id><IBAN>{OURS}</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1000.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">987.55</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>
<Ntry><Amt Ccy="EUR">12.45</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-11-20</Dt></BookgDt><BkTxCd/><AddtlNtryInf>=SUM(A1)</AddtlNtryInf>
</Ntry></Stmt></BkToCstmrStmt></Document>"""


@dataclass
class Workspace:
    """A workspace whose bank is a folder; it sent one payment and has one statement."""

    folder: Path
    clock: Monday

    def sweep(self) -> None:
        with wire(load(self.folder / "config.toml"), Silence(), self.clock) as services:
            daemon.once(services)

    def run(self, *words: str) -> Result:
        command = ["--config", str(self.folder / "config.toml"), "report", *words]
        return CliRunner().invoke(root, command)

    def lines(self, *words: str) -> list[dict[str, Any]]:
        told = self.run(*words, "--json")
        assert told.exit_code == 0, told.output
        return [json.loads(line) for line in told.stdout.splitlines()]


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lived") / "workspace"


@pytest.fixture
def workspace(
    tmp_path: Path,
    payment_file: PaymentFile,
    monkeypatch: pytest.MonkeyPatch,
    once: Path,
    folder_bank: FolderBank,
    monday: Monday,
) -> Iterator[Workspace]:
    """One that was lived in; it is made once."""
    usual = os.umask(0o077)  # the daemon sets its own
    for module in ("position", "report"):
        monkeypatch.setattr(f"h2h.cli.{module}.now", monday.now)
    made = Workspace(tmp_path / "workspace", monday)
    if once.exists():
        shutil.copytree(once, made.folder)
    else:
        folder_bank(made.folder, MORE)
        made.sweep()
        (made.folder / "bank" / "out" / "s1.xml").write_text(STATEMENT)
        pay = payment_file(payments=({"amount": "30.25"},), execution_date="2026-11-24")
        (made.folder / "outbox" / "acme" / "pay.xml").write_bytes(pay)
        made.sweep()
        shutil.copytree(made.folder, once)
    yield made
    os.umask(usual)


def test_movements_as_json_have_a_line_for_the_report_and_one_a_row(workspace: Workspace) -> None:
    head, accounts, entry = workspace.lines("movements")
    assert (head["report"], head["from"], head["to"]) == ("movements", "2026-11-01", "2026-11-23")
    assert accounts == {
        "table": "accounts",
        "bank": "acme",
        "account": OURS,
        "currency": "EUR",
        "statements": 1,
        "opening": "1000.00",
        "booked": "-12.45",
        "closing": "987.55",
        "difference": "0.00",
        "entries": 1,
        "as_of": "2026-11-20",
    }
    assert (entry["amount"], entry["text"], entry["statement"]) == ("-12.45", "=SUM(A1)", "1")


def test_the_screen_shows_headings_figures_and_notes(workspace: Workspace) -> None:
    told = workspace.run("reconciliation").stdout
    assert told.startswith("Reconciliation 2026-11-01 … 2026-11-23")
    assert "None of them counts until a person has looked at it." in told
    assert "30.25" in told
    assert "-12.45" in told
    assert "Total" in workspace.run("position").stdout


@pytest.mark.parametrize("kind", ["position", "movements", "rejects", "turnaround", "fees"])
def test_days_banks_and_accounts_narrow_every_report(workspace: Workspace, kind: str) -> None:
    whose = ("--bank", "acme", "--account", OURS, "--entity", "Acme GmbH")
    head, *_ = workspace.lines(kind, "--from", "2026-11-20", "--to", "2026-11-20", *whose)
    assert (head["from"], head["to"]) == ("2026-11-20", "2026-11-20")
    empty = workspace.lines(kind, "--account", "DE02120300000000202051")
    assert [line for line in empty[1:] if line.get("account") == OURS] == []


def test_csv_on_the_screen_runs_nothing_in_a_spreadsheet(workspace: Workspace) -> None:
    told = workspace.run("movements", "--format", "csv").stdout
    cells = [cell for line in csv.reader(io.StringIO(told)) for cell in line]
    assert "'=SUM(A1)" in cells
    assert "-12.45" in cells


def test_a_file_is_written_whole_and_never_over_another(workspace: Workspace) -> None:
    target = workspace.folder / "fees.xlsx"
    words = ("fees", "--format", "xlsx", "--to-file", str(target))
    assert workspace.run(*words).exit_code == 0
    content = target.read_bytes()
    assert content[:2] == b"PK"
    again = workspace.run(*words)
    assert again.exit_code == 1
    assert "is there already" in str(again.exception)
    assert target.read_bytes() == content
    assert [path.name for path in workspace.folder.glob(".fees*")] == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("fees", "--format", "pdf"), "name a file with --to-file"),
        (("fees", "--bank", "nobody"), "there is no bank 'nobody'"),
        (("fees", "--from", "2026-12-01", "--to", "2026-11-01"), "lies behind"),
        (("fees", "--from", "yesterday"), "Invalid value"),
    ],
)
def test_wrong_use_is_told(workspace: Workspace, words: tuple[str, ...], told: str) -> None:
    refused = workspace.run(*words)
    assert refused.exit_code == 2
    assert told in refused.stderr


def test_a_pass_makes_what_is_due_by_the_configuration(workspace: Workspace) -> None:
    found = sorted(path.name for path in (workspace.folder / "inbox" / "reports").iterdir())
    assert found == [
        "daily_movements_2026-11-20_2026-11-22.json",
        "daily_turnaround_2026-11-20_2026-11-22.json",
    ]
