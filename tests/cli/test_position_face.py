"""`h2h balances` and `h2h statements --missing`: what a treasurer sees, and a program reads."""

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
    from tests.cli.conftest import FolderBank, Monday
    from tests.conftest import PaymentFile

MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)
OURS, SECOND = "DE89370400440532013000", "DE02120300000000202051"
MORE = f"""
entity = "Acme GmbH"
statements = "business-days"

[[banks.acme.accounts]]
iban = "{SECOND}"
currency = "EUR"
entity = "Acme Holding"
"""


@dataclass
class Workspace:
    """A workspace on a Monday in November, whose bank is a folder."""

    folder: Path
    clock: Monday

    def sweep(self) -> None:
        config = load(self.folder / "config.toml")
        with wire(config, Silence(), self.clock) as services:
            daemon.once(services)

    def statement(self, day: str, number: int, opening: str, closing: str, entry: str) -> None:
        """The bank makes a statement with one credit."""
        balances = "".join(
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt>"
            f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
            for code, amount in (("OPBD", opening), ("CLBD", closing))
        )
        created = f"<CreDtTm>{day}T20:00:00</CreDtTm>"
        (self.folder / "bank" / "out" / f"{number}.xml").write_text(
            f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>M{number}</MsgId>{created}</GrpHdr><Stmt><Id>S{number}</Id>
<ElctrncSeqNb>{number}</ElctrncSeqNb>{created}<Acct><Id><IBAN>{OURS}</IBAN></Id><Ccy>EUR</Ccy>
</Acct>{balances}<Ntry><Amt Ccy="EUR">{entry}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
<BkTxCd/></Ntry></Stmt></BkToCstmrStmt></Document>"""
        )

    def run(self, *words: str) -> Result:
        command = ["--config", str(self.folder / "config.toml"), *words]
        return CliRunner().invoke(root, command, catch_exceptions=False)

    def lines(self, *words: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*words, "--json").stdout.splitlines()]


@pytest.fixture
def workspace(
    tmp_path: Path,
    payment_file: PaymentFile,
    monkeypatch: pytest.MonkeyPatch,
    folder_bank: FolderBank,
    monday: Monday,
) -> Iterator[Workspace]:
    """Statements 5 and 7 came, number 6 did not; a payment for tomorrow is sent."""
    usual = os.umask(0o077)  # the daemon sets its own
    monkeypatch.setattr("h2h.cli.position.now", monday.now)
    made = Workspace(folder_bank(tmp_path, MORE), monday)
    made.sweep()
    made.statement("2026-11-18", 5, "100.00", "150.00", "50.00")
    made.statement("2026-11-20", 7, "160.50", "170.50", "10.00")
    pay = payment_file(payments=({"amount": "30.25"},), execution_date="2026-11-24")
    (tmp_path / "outbox" / "acme" / "pay.xml").write_bytes(pay)
    made.sweep()
    yield made
    os.umask(usual)


GAP = (
    "no statement between no. 5 of 2026-11-18 (closing 150.00) and no. 7 of 2026-11-20 "
    "(opening 160.50): difference +10.50; missing: 6"
)
ACME_LINE = {
    "bank": "acme",
    "account": OURS,
    "entity": "Acme GmbH",
    "currency": "EUR",
    "booked": "170.50",
    "as_of": "2026-11-20",
    "age": 3,
    "booked_since": "0",
    "pending": "0",
    "sent_open": "-30.25",
    "accounts": 1,
    "without_balance": 0,
    "forecast": [],
}


def test_the_position_by_account_is_told_in_the_promised_shape(workspace: Workspace) -> None:
    second, first = workspace.lines("balances")
    assert first == ACME_LINE
    assert (second["account"], second["booked"], second["age"]) == (SECOND, None, None)


def test_the_forecast_counts_a_payment_from_its_day_on(workspace: Workspace) -> None:
    _, first = workspace.lines("balances", "--forecast", "3")
    assert first["forecast"] == [
        {"day": "2026-11-23", "balance": "170.50"},
        {"day": "2026-11-24", "balance": "140.25"},
        {"day": "2026-11-25", "balance": "140.25"},
    ]
    table = workspace.run("balances", "--forecast", "2").stdout.partition("forecast")[2]
    assert [line.split()[-2:] for line in table.splitlines()[-2:]] == [
        ["2026-11-23", "170.50"],
        ["2026-11-24", "140.25"],
    ]


def test_a_past_day_has_booked_balances_only(workspace: Workspace) -> None:
    _, first = workspace.lines("balances", "--as-of", "2026-11-19")
    found = {name: first[name] for name in ("booked", "as_of", "age", "pending", "sent_open")}
    assert found == {
        "booked": "150.00",
        "as_of": "2026-11-18",
        "age": 1,
        "pending": None,
        "sent_open": None,
    }
    refused = workspace.run("balances", "--as-of", "2026-11-19", "--forecast", "3")
    assert refused.exit_code == 2
    assert "leave out --as-of or --forecast" in refused.stderr


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("bank", [("acme", None, "170.50")]),
        ("currency", [(None, None, "170.50")]),
        ("entity", [(None, "Acme GmbH", "170.50"), (None, "Acme Holding", None)]),
    ],
)
def test_the_position_is_added_up_by_what_is_asked(
    workspace: Workspace, by: str, names: list[tuple[str | None, ...]]
) -> None:
    found = workspace.lines("balances", "--by", by)
    assert [(line["bank"], line["entity"], line["booked"]) for line in found] == names
    assert sum(line["without_balance"] for line in found) == 1


def test_a_person_sees_the_age_of_a_balance(workspace: Workspace) -> None:
    heading, line = workspace.run("balances", "--by", "currency").stdout.splitlines()
    names = ("currency", "accounts", "booked", "as of", "age", "booked since", "pending")
    assert heading.split() == [*" ".join((*names, "sent open")).split()]
    assert line.split() == [
        *("EUR", "1", "of", "2", "170.50", "2026-11-20", "3", "0", "0", "-30.25"),
    ]


def test_what_is_missing_is_listed_with_its_gap(workspace: Workspace) -> None:
    assert workspace.lines("statements", "--missing") == [
        {
            "bank": "acme",
            "account": OURS,
            "currency": "EUR",
            "day": "2026-11-19",
            "due": "2026-11-20T09:00:00+01:00",
            "because": GAP,
        }
    ]
    assert workspace.lines("statements", "--missing", "--account", SECOND) == []
    assert (
        "No statement is missing"
        in workspace.run("statements", "--missing", "--account", SECOND).stdout
    )


def test_the_room_begins_with_what_is_missing_and_its_lines_stay_files(
    workspace: Workspace,
) -> None:
    first = workspace.run("status").stdout.splitlines()[0]
    assert first == f"MISSING acme {OURS} EUR statement of 2026-11-19: {GAP}"
    assert {line["name"] for line in workspace.lines("status")} == {"pay.xml"}


def test_a_statement_behind_a_gap_bears_its_words(workspace: Workspace) -> None:
    found = workspace.lines("statements", "--account", OURS)
    assert [(line["sequence"], line["flags"], line["gap"]) for line in found] == [
        ("5", ["first"], None),
        ("7", ["gap"], GAP),
    ]
    workspace.statement("2026-11-19", 6, "150.00", "160.50", "10.50")
    workspace.sweep()
    assert [line["gap"] for line in workspace.lines("statements")] == [None, None, None]
    assert workspace.lines("statements", "--missing") == []


def test_days_that_follow_each_other_are_one_row_for_a_person(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = MONDAY + timedelta(days=3)
    monkeypatch.setattr("h2h.cli.position.now", lambda: later)
    since = "due from 2026-11-24 09:00 on, and not here"
    lines = workspace.run("status").stdout.splitlines()
    assert lines[:2] == [
        f"MISSING acme {OURS} EUR statement of 2026-11-19: {GAP}",
        f"MISSING acme {OURS} EUR statement of 2026-11-23 … 2026-11-25, 3 days: {since}",
    ]
    missing = workspace.run("statements", "--missing").stdout
    assert "2026-11-23 … 2026-11-25, 3 days" in missing
    days = [line["day"] for line in workspace.lines("statements", "--missing")]
    assert days == ["2026-11-19", "2026-11-23", "2026-11-24", "2026-11-25"]


def test_a_day_that_came_parts_the_missing_ones(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.statement("2026-11-24", 9, "170.50", "171.50", "1.00")
    workspace.sweep()
    later = MONDAY + timedelta(days=4)
    monkeypatch.setattr("h2h.cli.position.now", lambda: later)
    told = [line for line in workspace.run("status").stdout.splitlines() if "not here" in line]
    assert [line.partition(" of ")[2].partition(": ")[0] for line in told] == [
        "2026-11-23",
        "2026-11-25 … 2026-11-26, 2 days",
    ]
