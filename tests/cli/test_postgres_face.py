"""A workspace whose ledger is on PostgreSQL, from config.toml to the bank and back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.adapters.sql.ledger import ledger_lock

if TYPE_CHECKING:
    from tests.conftest import PaymentFile

CONFIG = """
[h2h]
environment = "test"
database = "{url}"
database_password = "file:password"

[banks.acme]
calendar = "ECB"
zone = "Europe/Berlin"
door = {{ settle = 0 }}

[banks.acme.folder]
root = "bank"
upload = {{ folder = "in" }}
download = [{{ folder = "out", pattern = "*.xml" }}]

[banks.acme.pgp]
seal = "none"

[[banks.acme.accounts]]
iban = "DE89370400440532013000"
currency = "EUR"
"""
STATEMENT = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-20T20:00:00</CreDtTm></GrpHdr><Stmt><Id>S1</Id>
<ElctrncSeqNb>1</ElctrncSeqNb><CreDtTm>2026-11-20T20:00:00</CreDtTm>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">100.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">150.10</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>
<Ntry><Amt Ccy="EUR">50.10</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-11-20</Dt></BookgDt><BkTxCd/></Ntry></Stmt></BkToCstmrStmt></Document>"""


@pytest.fixture
def workspace(tmp_path: Path, ledger_database: str) -> Path:
    for name in ("bank/in", "bank/out"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "password").touch(0o600)
    (tmp_path / "password").write_text("canary-7\n")
    (tmp_path / "config.toml").write_text(CONFIG.format(url=ledger_database))
    return tmp_path


def h2h(folder: Path, *words: str, code: int = 0) -> list[dict[str, object]]:
    """What a command prints as JSON lines; it ends with `code` and never shows the password."""
    command = [sys.executable, "-m", "h2h", *words, "--json"]
    ran = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == code, ran.stderr
    assert "canary-7" not in ran.stdout + ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]


def test_a_payment_goes_out_and_a_statement_comes_in(
    workspace: Path, payment_file: PaymentFile, ledger_database: str
) -> None:
    h2h(workspace, "run", "--once")  # the doors are seen empty
    (workspace / "outbox" / "acme" / "pay.xml").write_bytes(payment_file())
    (workspace / "bank" / "out" / "st.xml").write_text(STATEMENT)
    h2h(workspace, "run", "--once")
    (sent,) = (workspace / "bank" / "in").iterdir()
    assert sent.read_bytes() == payment_file()
    (waiting,) = h2h(workspace, "status")
    assert (waiting["name"], waiting["state"]) == ("pay.xml", "sent")
    (balance,) = h2h(workspace, "balances")
    assert "150.10" in balance.values()
    with ledger_lock(ledger_database).lock():
        h2h(workspace, "run", "--once", code=1)  # another daemon has the ledger
