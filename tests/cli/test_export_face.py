"""`h2h export` and `h2h read --format`: what is booked, or a file, in the form that is needed."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
import pytest
from click.testing import CliRunner, Result

from h2h import daemon
from h2h.adapters.journal import Silence
from h2h.cli import root
from h2h.config import load
from h2h.errors import Refused
from h2h.export import FORMS, PRESETS
from h2h.wiring import wire

if TYPE_CHECKING:
    from tests.cli.conftest import FolderBank, Monday

OURS, SECOND, STRANGE = "DE89370400440532013000", "DE02120300000000202051", "DE02100500000054540402"
MORE = f"""
[[banks.acme.accounts]]
iban = "{SECOND}"
currency = "EUR"
"""
ISO = "urn:iso:std:iso:20022:tech:xsd:"
STATUS = f"""<Document xmlns="{ISO}pain.002.001.03"><CstmrPmtStsRpt>
<GrpHdr><MsgId>R</MsgId><CreDtTm>2026-11-23T06:00:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>M1</OrgnlMsgId><OrgnlMsgNmId>pain.001</OrgnlMsgNmId>
<GrpSts>RJCT</GrpSts></OrgnlGrpInfAndSts></CstmrPmtStsRpt></Document>"""


def statement(number: int, account: str, *amounts: str) -> str:
    """A day of an account that begins with 10.00."""
    entries = "".join(
        f"""<Ntry><Amt Ccy="EUR">{amount.lstrip("-")}</Amt>
<CdtDbtInd>{"DBIT" if amount.startswith("-") else "CRDT"}</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-11-20</Dt></BookgDt><BkTxCd/>
<NtryDtls><TxDtls><RmtInf><Ustrd>Łódź {amount}; paid</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""
        for amount in amounts
    )
    closing = 10 + sum(map(float, amounts))
    balances = "".join(
        f"""<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount:.2f}</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>"""
        for code, amount in (("OPBD", 10.0), ("CLBD", closing))
    )
    return f"""<Stmt><Id>S{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb>
<CreDtTm>2026-11-20T20:00:00</CreDtTm><Acct><Id><IBAN>{account}</IBAN></Id><Ccy>EUR</Ccy></Acct>
{balances}{entries}</Stmt>"""


def document(*statements: str) -> str:
    return f"""<Document xmlns="{ISO}camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-11-20T20:00:00</CreDtTm></GrpHdr>
{"".join(statements)}</BkToCstmrStmt></Document>"""


DAY = document(
    statement(1, OURS, "1.00", "-0.25"), statement(2, STRANGE, "7.00"), statement(3, SECOND, "2.50")
)


@dataclass
class Workspace:
    """A workspace whose bank is a folder; the second statement is of an account not ours."""

    folder: Path
    clock: Monday
    day: str = ""  # file ids
    status: str = ""

    def receive(self, name: str, content: str) -> str:
        (self.folder / "bank" / "out" / name).write_text(content, "utf-8")
        with wire(load(self.folder / "config.toml"), Silence(), self.clock) as services:
            daemon.once(services)
            files = services.ledger.files(direction="in")
            return next(file.id for file in files if file.remote_name == name)

    def export(self, *arguments: str | Path) -> Result:
        config = ["--config", str(self.folder / "config.toml")]
        return CliRunner().invoke(root, [*config, "export", *map(str, arguments)])


@pytest.fixture(scope="module")
def workspace(
    tmp_path_factory: pytest.TempPathFactory, folder_bank: FolderBank, monday: Monday
) -> Workspace:
    made = Workspace(folder_bank(tmp_path_factory.mktemp("workspace"), MORE), monday)
    made.day = made.receive("day.xml", DAY)
    made.status = made.receive("status.xml", STATUS)
    assert made.day != made.status
    return made


def rows(text: str, **dialect: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=dialect.get("at", ",")))


def test_what_is_booked_of_a_file_is_exported_and_the_rest_is_named(workspace: Workspace) -> None:
    result = workspace.export(workspace.day, "--as", "csv")
    assert result.exit_code == 0
    assert [row["entry_amount"] for row in rows(result.stdout)] == ["1.00", "-0.25", "2.50"]
    assert result.stderr == (
        f"h2h: statement {workspace.day}-2 is held: account {STRANGE} is not one of ours at this "
        "bank\n"
    )


def test_one_statement_is_exported_alone_from_the_banks_own_file(workspace: Workspace) -> None:
    result = workspace.export(f"{workspace.day}-3", "--as", "original")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.count("<Stmt>") == 1
    assert f"<IBAN>{SECOND}</IBAN>" in result.stdout


def test_the_look_of_a_table_is_said_with_options(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "day.csv"
    result = workspace.export(
        f"{workspace.day}-1", "--as", "csv", "--out", out, "--separator", ";",
        "--decimal-mark", ",", "--encoding", "gb18030", "--date-format", "%d.%m.%Y",
        "--columns", "booking_date,debit,credit,remittance", "--headings", "日期,借,贷,摘要",
    )  # fmt: skip
    assert (result.exit_code, result.output) == (0, "")
    assert out.read_bytes().decode("gb18030") == (
        "日期;借;贷;摘要\r\n"
        '20.11.2026;;1,00;"Łódź 1.00; paid"\r\n'
        '20.11.2026;0,25;;"Łódź -0.25; paid"\r\n'
    )
    assert [path.name for path in tmp_path.iterdir()] == ["day.csv"]


def test_the_name_of_an_erp_is_a_form_too(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "day.xlsx"
    assert workspace.export(f"{workspace.day}-1", "--as", "kingdee", "--out", out).exit_code == 0
    sheet = openpyxl.load_workbook(out).active
    assert sheet is not None
    found = [*sheet.iter_rows(values_only=True)]
    assert found[0][:2] == ("日期", "摘要")
    assert [row[5] for row in found[1:]] == [11, 10.75]


def test_what_a_form_leaves_out_is_told(workspace: Workspace) -> None:
    result = workspace.export(f"{workspace.day}-1", "--as", "mt940")
    assert result.stdout_bytes.startswith(b":20:S1\r\n")
    looks = ["--columns", "remittance", "--encoding", "latin-1"]
    told = workspace.export(f"{workspace.day}-1", "--as", "csv", *looks)
    assert told.stderr == "h2h: 4 characters that latin-1 lacks are written as ?\n"


@pytest.mark.parametrize(
    ("form", "content"),
    [
        ("original", STATUS),
        ("sap", STATUS),
        ("dynamics365", STATUS),
        ("jsonl", '"group_status":"RJCT"'),
        ("csv", "R,M1,pain.001,RJCT"),
    ],
)
def test_a_status_report_is_handed_out_as_it_came_or_as_rows(
    workspace: Workspace, form: str, content: str
) -> None:
    result = workspace.export(workspace.status, "--as", form)
    assert result.exit_code == 0
    assert content in result.stdout


def test_the_rows_of_a_status_report_obey_the_options(workspace: Workspace) -> None:
    looks = ["--separator", ";", "--no-header"]
    result = workspace.export(workspace.status, "--as", "csv", *looks)
    assert result.stdout_bytes == b"R;M1;pain.001;RJCT;;;;;;RJCT;;;;\r\n"


def test_help_and_refusal_list_every_form_and_preset(workspace: Workspace) -> None:
    told = " ".join(workspace.export("--help").stdout.split()).replace("- ", "-")
    refused = str(workspace.export(workspace.day, "--as", "ofx").exception)
    for name in (*FORMS, *PRESETS):
        assert re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", told), name
        assert re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", refused), name


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--as", "mt940", "--separator", ";"), "--separator says nothing in mt940: it is for csv"),
        (("--as", "jsonl", "--columns", "account"), "--columns says nothing in jsonl"),
        (("--as", "sap", "--no-header"), "--no-header says nothing in camt.02"),
        (("--as", "csv", "--date-format", "%H"), "a format of %Y, %y, %m, %d and"),
        (("--as", "xlsx", "--date-format", "%B"), "a format of %Y, %y, %m, %d and"),
        (("--as", "csv", "--separator", "||"), "one character"),
    ],
)
def test_an_option_without_effect_is_refused(
    workspace: Workspace, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    day = tmp_path / "day.xml"
    day.write_text(DAY, "utf-8")
    kept = workspace.export(f"{workspace.day}-1", *options)
    offline = read(day, "--format", *options[1:])
    for result in (kept, offline):
        assert (result.exit_code, result.stdout) == (2, "")
        assert words in " ".join(result.stderr.split())


def test_the_columns_of_a_status_report_are_its_own(workspace: Workspace) -> None:
    result = workspace.export(workspace.status, "--as", "csv", "--columns", "account")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--columns is for statements" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("20261123-000000-ffffff", "--as", "csv"), "there is no bank file and no statement"),
        (("{day}-2", "--as", "csv"), "nothing of .*-2 is booked"),
        (("{day}", "--as", "mt942"), "mt942 takes no statement"),
        (("{day}", "--as", "ofx"), "there is no form and no preset ofx"),
        (("{day}-9", "--as", "csv"), "file [0-9a-f-]+ has no statement 9: it has 3"),
        (("{status}-1", "--as", "csv"), "file [0-9a-f-]+ has no statement 1: it has none"),
        (("{status}", "--as", "netsuite"), "netsuite takes no status report"),
        (("{status}", "--as", "ofx"), "there is no form and no preset ofx"),
        (("{day}", "--as", "camt.08"), "cannot be rewritten"),
        (("{day}", "--as", "csv", "--columns", "amount"), "there is no column amount"),
        (("{status}", "--as", "mt940"), "a status report cannot be made to mt940"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    workspace: Workspace, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    out = tmp_path / "made"
    ids = {"day": workspace.day, "status": workspace.status}
    result = workspace.export(*(each.format(**ids) for each in arguments), "--out", out)
    assert isinstance(result.exception, Refused)
    assert result.exit_code == 1
    with pytest.raises(Refused, match=words):
        raise result.exception
    assert [*tmp_path.iterdir()] == []


def test_a_refused_export_leaves_the_file_of_before(workspace: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "made"
    out.write_text("before")
    assert workspace.export(workspace.day, "--as", "camt.08", "--out", out).exit_code == 1
    assert out.read_text() == "before"


# ----------------------------------------------------------------------------------------- offline


@pytest.fixture
def day(tmp_path: Path) -> Path:
    path = tmp_path / "day.xml"
    path.write_text(DAY, "utf-8")
    return path


def read(*arguments: str | Path) -> Result:
    return CliRunner().invoke(root, ["read", *map(str, arguments)])


def test_a_file_is_read_in_another_form_without_a_workspace(day: Path) -> None:
    result = read(day, "--format", "csv")
    assert (result.exit_code, result.stderr) == (0, "")
    told = [(row["statement_id"], row["entry_amount"]) for row in rows(result.stdout)]
    assert told == [("S1", "1.00"), ("S1", "-0.25"), ("S2", "7.00"), ("S3", "2.50")]


def test_statements_may_be_walked_in_any_order_and_again(day: Path) -> None:
    from h2h.export.offline import BankFile  # noqa: PLC0415 - the command imports it lazily too

    first, second, third = BankFile(day, 1_000_000).statements
    for each, amounts in (
        (third, ["2.50"]),
        (first, ["1.00", "-0.25"]),
        (first, ["1.00", "-0.25"]),
    ):
        assert [str(entry.amount) for entry in each.entries] == amounts
    begun = iter(first.entries)
    assert str(next(begun).amount) == "1.00"
    assert [str(entry.amount) for entry in second.entries] == ["7.00"]
    assert [str(entry.amount) for entry in begun] == ["-0.25"]


def test_a_running_balance_needs_what_stands_behind_the_entries_too(tmp_path: Path) -> None:
    path = tmp_path / "day.sta"
    path.write_bytes(
        b":20:X\r\n:25:1\r\n:28C:1\r\n:60F:C261120EUR5,\r\n:61:261120C1,NTRFNONREF\r\n"
        b":62F:C261120EUR6,\r\n-\r\n"
    )
    result = read(path, "--format", "csv", "--columns", "running_balance", "--no-header")
    assert result.stdout_bytes == b"6\r\n"


def test_jsonl_says_what_read_json_says(day: Path) -> None:
    lines = [json.loads(line) for line in read(day, "--format", "jsonl").stdout.splitlines()]
    told = json.loads(read(day, "--json", "--entries").stdout)
    assert lines == [entry for each in told["statements"] for entry in each["entry_list"]]


def test_a_status_report_is_rows_offline(tmp_path: Path) -> None:
    path = tmp_path / "status.xml"
    path.write_text(STATUS, "utf-8")
    (row,) = rows(read(path, "--format", "csv").stdout)
    assert row["status"] == "RJCT"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["{day}", "--format", "mt942"], 1, "mt942 takes no statement"),
        (["{day}", "{day}", "--format", "csv"], 2, "one FILE at a time"),
        (["{day}", "--separator", ";"], 2, "told with --format FORM"),
        (["{day}", "--format", "csv", "--out", "/nowhere/at/all"], 2, "there is no folder"),
        (["{cut}", "--format", "csv"], 1, "cut.xml"),
    ],
)
def test_wrong_use_is_told(day: Path, arguments: list[str], code: int, words: str) -> None:
    cut = day.with_name("cut.xml")
    cut.write_text(DAY[:-40], "utf-8")
    names = {"{day}": str(day), "{cut}": str(cut)}
    result = read(*(names.get(each, each) for each in arguments))
    assert (result.exit_code, result.stdout) == (code, "")
    assert words in result.stderr


def test_the_standard_output_is_bytes_as_they_are(day: Path) -> None:
    command = [sys.executable, "-m", "h2h", "read", str(day), "--format", "csv"]
    child = subprocess.run(
        [*command, "--columns", "remittance", "--encoding", "gb18030"],
        capture_output=True,
        check=True,
    )
    assert child.stdout.decode("gb18030").splitlines()[1] == "Łódź 1.00; paid"
