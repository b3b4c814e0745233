"""What waits for a person among statements and documents: `h2h status`, `show`, `release`."""

# ruff: noqa: RUF001 - Chinese has full-width marks

from __future__ import annotations

import json
import os
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
from h2h.core.naming import escaped
from h2h.errors import Refused
from h2h.wiring import wire

if TYPE_CHECKING:
    from tests.cli.conftest import FolderBank, Monday

OURS, STRANGE = "DE89370400440532013000", "DE02100500000054540402"
ERP = """
[[export]]
name = "erp"
preset = "sap"
documents = "with-entry"
"""


def balance(code: str, amount: str, day: str) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt>"
        f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def statement(number: int, first: str, last: str, amounts: str, account: str = OURS) -> str:
    """A statement of some days with one credit; `amounts` are opening, credit and closing."""
    opening, credit, closing = amounts.split()
    return f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>M{number}</MsgId><CreDtTm>{last}T20:00:00</CreDtTm></GrpHdr><Stmt><Id>S{number}</Id>
<ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>{last}T20:00:00</CreDtTm>
<FrToDt><FrDtTm>{first}T00:00:00</FrDtTm><ToDtTm>{last}T23:59:59</ToDtTm></FrToDt>
<Acct><Id><IBAN>{account}</IBAN></Id><Ccy>EUR</Ccy></Acct>
{balance("OPBD", opening, first)}{balance("CLBD", closing, last)}
<Ntry><Amt Ccy="EUR">{credit}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>{last}</Dt></BookgDt><BkTxCd/></Ntry></Stmt></BkToCstmrStmt></Document>"""


@dataclass
class Workspace:
    """A workspace whose bank is a folder, and whose ERP takes documents with their entries."""

    folder: Path
    clock: Monday

    def receive(self, name: str, content: str, place: str = "out") -> str:
        """The id of the file."""
        (self.folder / "bank" / place / name).write_text(content)
        with wire(load(self.folder / "config.toml"), Silence(), self.clock) as services:
            daemon.once(services)
        return self.file_id(name)

    def file_id(self, name: str) -> str:
        with wire(load(self.folder / "config.toml"), Silence(), self.clock) as services:
            files = services.ledger.files(direction="in")
            return next(file.id for file in files if file.name == escaped(name))

    def run(self, *words: str) -> Result:
        command = ["--config", str(self.folder / "config.toml"), *words]
        return CliRunner().invoke(root, command)

    def waiting(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.run("status", "--json").stdout.splitlines()]
        return [line for line in lines if line["kind"] != "file"]

    def problems(self, identity: str) -> list[dict[str, Any]]:
        found: dict[str, Any] = json.loads(self.run("show", identity, "--json").stdout)
        problems: list[dict[str, Any]] = found["problems"]
        return problems

    def speak_chinese(self) -> None:
        path = self.folder / "config.toml"
        path.write_text(path.read_text().replace("[h2h]", '[h2h]\nlanguage = "zh"', 1))


@pytest.fixture
def workspace(tmp_path: Path, folder_bank: FolderBank, monday: Monday) -> Iterator[Workspace]:
    usual = os.umask(0o077)  # the daemon sets its own
    yield Workspace(folder_bank(tmp_path, ERP, papers=True), monday)
    os.umask(usual)


@pytest.fixture
def held(workspace: Workspace) -> str:
    """The id of a held statement: its account is not ours."""
    day = statement(1, "2026-11-20", "2026-11-20", "10.00 1.00 11.00", STRANGE)
    return workspace.receive("strange.xml", day) + "-1"


@pytest.fixture
def overlapping(workspace: Workspace) -> str:
    """The id of a statement that begins before the one before has ended."""
    week = statement(1, "2026-11-16", "2026-11-19", "10.00 1.00 11.00")
    workspace.receive("week.xml", week)
    later = statement(2, "2026-11-18", "2026-11-20", "50.00 2.00 52.00")
    return workspace.receive("later.xml", later) + "-1"


NOT_OURS = f"account {STRANGE} is not one of ours at this bank"
ANOTHER_BALANCE = "it begins before the one before has ended, with another balance"


def test_a_held_statement_is_in_the_room_with_its_reason_and_the_next_move(
    workspace: Workspace, held: str
) -> None:
    (line,) = workspace.waiting()
    assert line == {
        "kind": "statement",
        "state": "held",
        "id": held,
        "file_id": held.removesuffix("-1"),
        "bank": "acme",
        "account": STRANGE,
        "currency": "EUR",
        "receiver": None,
        "because": NOT_OURS,
        "next": f"`h2h release {held} --reason …` or `h2h reject {held} --reason …`",
    }
    assert workspace.run("status").stdout.splitlines() == [
        f"HELD statement {held} (acme {STRANGE} EUR): {NOT_OURS}. Next move: {line['next']}",
        "No file is under way.",
    ]
    assert workspace.run("reject", held, "--reason", "not ours").exit_code == 0
    assert workspace.run("status").stdout == "Nothing is under way.\n"


def test_a_held_statement_is_a_problem_of_its_file(workspace: Workspace, held: str) -> None:
    (problem,) = workspace.problems(held.removesuffix("-1"))
    assert (problem["rule"], problem["severity"]) == ("held-statement", "hold")
    assert (problem["message"], problem["path"]) == (NOT_OURS, f"statement 1 ({held})")
    assert f"h2h release {held}" in problem["remedy"]
    told = workspace.run("show", held.removesuffix("-1")).stdout
    assert f"hold held-statement: {NOT_OURS}" in told
    assert "no problems" not in told


def test_the_id_of_a_statement_shows_its_file(workspace: Workspace, held: str) -> None:
    told = workspace.run("show", held)
    assert told.exit_code == 0
    assert told.stdout == workspace.run("show", held.removesuffix("-1")).stdout
    assert workspace.run("show", held.replace("-1", "-2")).exit_code == 1


def test_an_overlap_waits_with_the_words_for_it(workspace: Workspace, overlapping: str) -> None:
    (line,) = workspace.waiting()
    assert (line["state"], line["id"], line["because"]) == ("waiting", overlapping, ANOTHER_BALANCE)
    assert line["next"] == f"`h2h release {overlapping} --reason …` hands it over"
    (problem,) = workspace.problems(overlapping)
    assert (problem["rule"], problem["message"]) == ("waiting-statement", ANOTHER_BALANCE)
    assert ANOTHER_BALANCE in workspace.run("statements").stdout
    assert workspace.run("release", overlapping, "--reason", "the bank says so").exit_code == 0
    assert workspace.waiting() == []


def test_a_document_that_has_not_found_its_entry_is_in_the_room(workspace: Workspace) -> None:
    document = workspace.receive("receipt_REF-9.pdf", "%PDF-1.7", "papers")
    (line,) = workspace.waiting()
    assert (line["kind"], line["state"], line["id"]) == ("document", "waiting", document)
    assert (line["receiver"], line["because"]) == ("erp", "no entry REF-9 was handed over yet")


def test_the_words_are_chinese_where_the_workspace_is(
    workspace: Workspace, overlapping: str
) -> None:
    workspace.speak_chinese()
    (line,) = workspace.waiting()
    assert line["because"] == "该对账单在上一张结束之前开始，且余额不同"
    assert workspace.problems(overlapping)[0]["message"] == line["because"]
    assert workspace.run("pause", "--reason", "x").exit_code == 0
    paused, told, nothing = workspace.run("status").stdout.splitlines()
    assert paused.endswith(" 暂停 全部：x")
    assert told.startswith("等待 对账单")
    assert nothing == "没有正在处理的文件。"
    assert workspace.run("fetch").stdout.startswith("完成；")
    assert line["because"] in workspace.run("statements").stdout


def test_the_archives_verdict_is_said_in_words(workspace: Workspace, held: str) -> None:
    moves = len(json.loads(workspace.run("show", held, "--json").stdout)["moves"])
    # and one that is no file's: how the workspace was configured when it began
    assert workspace.run("archive", "verify").stdout == (
        f"{moves + 1} moves, 1 files: the chain is whole, every dossier is as it was recorded\n"
    )


def refused(told: Result) -> str:
    assert isinstance(told.exception, Refused)
    return str(told.exception)


def test_a_decision_is_not_made_twice_and_says_whose_it_was(
    workspace: Workspace, held: str
) -> None:
    first = workspace.run("release", held, "--reason", "a new account")
    assert first.stdout == f"{held} is now booked\n"
    again = refused(workspace.run("release", held, "--reason", "a new account"))
    assert again.startswith(f"statement {held} is booked already. On 20")
    assert ": a new account (" in again
    assert "superseded" not in again
    never = refused(workspace.run("release", held.replace("-1", "-7"), "--reason", "x"))
    assert "there is no file and no statement" in never


def test_a_bank_file_is_not_released_but_its_statements(workspace: Workspace, held: str) -> None:
    file_id = held.removesuffix("-1")
    for act in ("release", "reject"):
        told = refused(workspace.run(act, file_id, "--reason", "x"))
        assert told.startswith(f"{file_id} is a bank file")
        assert told.endswith(f"Waiting in it: {held}")
    workspace.run("reject", held, "--reason", "not ours")
    told = refused(workspace.run("release", file_id, "--reason", "x"))
    assert told.endswith("None of its statements waits for a person")


def test_a_form_held_at_a_receiver_is_in_the_room(workspace: Workspace) -> None:
    """The receiver's folder was away, and then the receiver itself."""
    path = workspace.folder / "config.toml"
    here = path.read_text()
    away = workspace.folder / "away"
    path.write_text(here + f'folder = "{away}/erp"\n')
    day = statement(1, "2026-11-20", "2026-11-20", "10.00 1.00 11.00")
    workspace.receive("day.xml", day)
    path.write_text(here.replace('name = "erp"', 'name = "other"'))
    workspace.receive("nothing.xml", "")
    file_id = workspace.file_id("day.xml")
    (line,) = workspace.waiting()
    assert (line["kind"], line["state"], line["id"]) == ("form", "held", f"{file_id}-1")
    assert (line["receiver"], line["account"]) == ("erp", OURS)
    assert "no receiver 'erp'" in line["because"]
    assert line["next"] == f"mend the cause, then `h2h replay {file_id} --reason …`"
