"""`h2h trace`: one payment from the door to the statement, for a person and for a program."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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
    from tests.cli.conftest import FolderBank
    from tests.conftest import PaymentFile

OURS = "DE89370400440532013000"
REPORT = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>
<GrpHdr><MsgId>R1</MsgId><CreDtTm>2026-11-23T10:30:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>MSG-1</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>
<GrpSts>RVCM</GrpSts></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>MSG-1-B1</OrgnlPmtInfId>
<TxInfAndSts><OrgnlEndToEndId>INV-1</OrgnlEndToEndId><TxSts>RVMC</TxSts><StsRsnInf>
<AddtlInf>Fournisseur S.A.</AddtlInf></StsRsnInf></TxInfAndSts></OrgnlPmtInfAndSts>
</CstmrPmtStsRpt></Document>"""
STATEMENT = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>S1</MsgId><CreDtTm>2026-11-24T20:00:00</CreDtTm></GrpHdr><Stmt><Id>S1</Id>
<ElctrncSeqNb>1</ElctrncSeqNb><CreDtTm>2026-11-24T20:00:00</CreDtTm><Acct><Id><IBAN>{account}
</IBAN></Id><Ccy>EUR</Ccy></Acct><Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd>
<Sts>BOOK</Sts><BookgDt><Dt>2026-11-24</Dt></BookgDt><AcctSvcrRef>BANK-7</AcctSvcrRef><BkTxCd/>
<NtryDtls><TxDtls><Refs><EndToEndId>INV-1</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>
</Stmt></BkToCstmrStmt></Document>"""


@dataclass
class Clock:
    """A clock that goes on by a minute each time it is looked at."""

    time: datetime = datetime(2026, 11, 23, 10, tzinfo=UTC)

    def now(self) -> datetime:
        self.time += timedelta(minutes=1)
        return self.time


@dataclass
class Workspace:
    folder: Path
    clock: Clock

    def sweep(self) -> None:
        config = load(self.folder / "config.toml")
        with wire(config, Silence(), self.clock) as services:
            daemon.once(services)

    def bank_sends(self, name: str, content: str) -> None:
        (self.folder / "bank" / "out" / name).write_text(content)
        self.sweep()

    def trace(self, *words: str) -> Result:
        command = ["--config", str(self.folder / "config.toml"), "trace", *words]
        return CliRunner().invoke(root, command, catch_exceptions=False)

    def life(self) -> dict[str, Any]:
        (line,) = self.trace("INV-1", "--json").stdout.splitlines()
        found: dict[str, Any] = json.loads(line)
        return found


@pytest.fixture
def workspace(
    tmp_path: Path, payment_file: PaymentFile, folder_bank: FolderBank
) -> Iterator[Workspace]:
    """A payment of 100.00 EUR is at the bank."""
    usual = os.umask(0o077)  # the daemon sets its own
    made = Workspace(folder_bank(tmp_path), Clock())
    made.sweep()
    pay = payment_file(payments=({"end_to_end_id": "INV-1"},), execution_date="2026-11-24")
    (tmp_path / "outbox" / "acme" / "pay.xml").write_bytes(pay)
    made.sweep()
    yield made
    os.umask(usual)


def test_a_payments_life_is_told_in_the_promised_shape(workspace: Workspace) -> None:
    workspace.bank_sends("told.xml", REPORT)
    workspace.bank_sends("st.xml", STATEMENT.format(account=OURS, amount="100.00"))
    life = workspace.life()
    found = {name: life[name] for name in life if name not in {"events", "file_id"}}
    assert found == {
        "end_to_end_id": "INV-1",
        "instruction_id": None,
        "batch_id": "MSG-1-B1",
        "file": "pay.xml",
        "bank": "acme",
        "number": 1,
        "amount": "100.00",
        "currency": "EUR",
        "account": OURS,
        "counterparty_name": "Fournisseur SA",
        "counterparty_account": "FR1420041010050500013M02606",
        "requested_execution_date": "2026-11-24",
        "state": "booked",
        "status": "RVMC",
        "reason": "Fournisseur S.A.",
        "servicer_reference": None,
        "payee_check": "RVMC",
        "payee_name": "Fournisseur S.A.",
        "uncertain": [],
        "next": "Nothing: it is booked",
    }
    road = ["claiming", "claimed", "valid", "approved", "sealed", "staged", "delivering", "sent"]
    assert [event["event"] for event in life["events"]] == [*road, "told", "told", "exact"]
    entry = life["events"][-1]
    assert entry.pop("at") > life["events"][-2]["at"]
    assert entry.pop("statement").startswith(entry.pop("file_id"))
    assert entry == {
        "event": "exact",
        "who": None,
        "file": "st.xml",
        "because": None,
        "code": None,
        "created": None,
        "level": "statement",
        "entry": 1,
        "booking_date": "2026-11-24",
        "amount": "-100.00",
        "currency": "EUR",
        "reference": "BANK-7",
    }


def test_what_is_still_missing_is_told(workspace: Workspace) -> None:
    assert workspace.life()["next"] == (
        f"The bank's status report, then an entry on account {OURS}"
    )
    workspace.bank_sends("told.xml", REPORT.replace("RVMC", "ACSP"))
    assert workspace.life()["next"] == f"An entry on account {OURS}"
    workspace.bank_sends("st.xml", STATEMENT.format(account=OURS, amount="99.00"))
    life = workspace.life()
    assert life["next"].startswith("A person's look at the uncertain entries")
    (uncertain,) = life["uncertain"]
    assert uncertain["because"] == "it is 99.00 EUR, the payment 100.00 EUR"


def test_a_person_reads_who_what_and_when(workspace: Workspace) -> None:
    workspace.bank_sends("told.xml", REPORT)
    workspace.bank_sends("st.xml", STATEMENT.format(account=OURS, amount="100.00"))
    told = workspace.trace("INV-1").stdout
    assert told.startswith("INV-1: 100.00 EUR, booked\n")
    assert "payee check RVMC Fournisseur S.A.\n" in told
    assert "RVMC, payment, Fournisseur S.A." in told
    assert "-100.00 EUR booked 2026-11-24, entry 1 of statement" in told
    assert told.endswith("next: Nothing: it is booked\n")
    assert "uncertain" not in told


def test_a_payment_that_is_not_there_is_a_clear_failure(workspace: Workspace) -> None:
    found = workspace.trace("INV-2")
    assert found.exit_code == 1
    assert "there is no payment INV-2" in found.output


def test_after_booking_the_answer_to_a_recall_is_still_awaited(workspace: Workspace) -> None:
    command = ["--config", str(workspace.folder / "config.toml"), "recall", "INV-1"]
    CliRunner().invoke(root, [*command, "--reason", "paid twice"], catch_exceptions=False)
    workspace.bank_sends("st.xml", STATEMENT.format(account=OURS, amount="100.00"))
    life = workspace.life()
    assert (life["state"], life["next"]) == (
        "booked",
        "The bank's answer to the recall: it is booked",
    )
    assert [event["event"] for event in life["events"] if event["who"] not in {"h2h", None}] == [
        "recall"
    ]
