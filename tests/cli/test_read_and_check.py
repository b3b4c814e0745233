"""`h2h read` and `h2h check` at the command line: one line a file, and the exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from h2h.cli import root
from h2h.cli.check import check
from h2h.cli.read import read

ISO = "urn:iso:std:iso:20022:tech:xsd:"
STATEMENT = f"""<Document xmlns="{ISO}camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-03T06:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>S[red]1</Id><ElctrncSeqNb>7</ElctrncSeqNb><CreDtTm>2026-03-03T06:00:00Z</CreDtTm>
<FrToDt><FrDtTm>2026-03-01T00:00:00</FrDtTm><ToDtTm>2026-03-02T00:00:00</ToDtTm></FrToDt>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">10.00</Amt>
<CdtDbtInd>DBIT</CdtDbtInd><Dt><Dt>2026-03-02</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">1.50</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-02</Dt></Dt></Bal>
<Ntry><Amt Ccy="EUR">12.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BkTxCd/></Ntry>
<Ntry><Amt Ccy="EUR">0.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BkTxCd/></Ntry>
</Stmt></BkToCstmrStmt></Document>"""
STATUS = f"""<Document xmlns="{ISO}pain.002.001.03"><CstmrPmtStsRpt>
<GrpHdr><MsgId>R</MsgId><CreDtTm>2026-03-03T06:00:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>M1</OrgnlMsgId><OrgnlMsgNmId>pain.001</OrgnlMsgNmId>
<GrpSts>PART</GrpSts></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>B1</OrgnlPmtInfId>
<TxInfAndSts><OrgnlEndToEndId>E1</OrgnlEndToEndId><TxSts>RJCT</TxSts>
<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></TxInfAndSts></OrgnlPmtInfAndSts>
</CstmrPmtStsRpt></Document>"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    contents = {"statement": STATEMENT, "status": STATUS, "broken": STATEMENT[:-30], "empty": ""}
    for name, content in contents.items():
        (tmp_path / name).write_text(content, "utf-8")
    return {name: tmp_path / name for name in (*contents, "missing")}


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(read, [str(argument) for argument in arguments])


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.output.splitlines()]


def test_a_statement_is_told_in_the_promised_shape(files: dict[str, Path]) -> None:
    result = run("--json", files["statement"])
    assert result.exit_code == 0
    assert lines(result) == [
        {
            "file": str(files["statement"]),
            "message": "camt.053.001.02",
            "statements": [
                {
                    "account": "DE89370400440532013000",
                    "currency": "EUR",
                    "id": "S[red]1",
                    "sequence": "7",
                    "from": "2026-03-01",
                    "to": "2026-03-02",
                    "opening": "-10.00",
                    "closing": "1.50",
                    "entries": 2,
                    "credit_sum": "12.00",
                    "debit_sum": "0.50",
                    "balanced": True,
                }
            ],
            "problems": [],
        }
    ]


def test_entries_are_told_when_asked_for(files: dict[str, Path]) -> None:
    (found,) = lines(run("--json", "--entries", files["statement"]))
    entries = found["statements"][0]["entry_list"]
    assert [entry["entry_amount"] for entry in entries] == ["12.00", "-0.50"]


def test_a_status_report_has_payments_instead_of_statements(files: dict[str, Path]) -> None:
    (found,) = lines(run("--json", files["status"]))
    assert list(found) == [
        "file",
        "message",
        "original_message_id",
        "group_status",
        "reasons",
        "batches",
        "payments",
        "problems",
    ]
    assert (found["original_message_id"], found["group_status"]) == ("M1", "PART")
    assert found["payments"] == [
        {
            "batch_id": "B1",
            "instruction_id": None,
            "end_to_end_id": "E1",
            "status": "RJCT",
            "reasons": [{"code": "AC04", "words": ""}],
            "amount": None,
            "currency": None,
        }
    ]


def test_a_batch_that_is_rejected_as_a_whole_is_told_with_its_reason(
    files: dict[str, Path],
) -> None:
    body = """<OrgnlGrpInfAndSts><OrgnlMsgId>M1</OrgnlMsgId>
    <OrgnlMsgNmId>pain.001.001.03</OrgnlMsgNmId><StsRsnInf><Rsn><Cd>DS0A</Cd></Rsn></StsRsnInf>
    </OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>B1</OrgnlPmtInfId>
    <PmtInfSts>RJCT</PmtInfSts><StsRsnInf><Rsn><Cd>NARR</Cd></Rsn>
    <AddtlInf>unknown debtor</AddtlInf>
    </StsRsnInf></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"""
    start = STATUS.index("<OrgnlGrpInfAndSts>")
    files["status"].write_text(STATUS[:start] + body, "utf-8")
    (found,) = lines(run("--json", files["status"]))
    assert found["reasons"] == [{"code": "DS0A", "words": ""}]
    assert found["batches"] == [
        {
            "batch_id": "B1",
            "status": "RJCT",
            "reasons": [{"code": "NARR", "words": "unknown debtor"}],
        }
    ]
    told = " ".join(run(files["status"]).output.split())
    assert "of M1: no group status DS0A" in told
    assert all(words in told for words in ("B1", "(batch)", "RJCT", "NARR", "unknown debtor"))


def test_each_file_gets_one_line_and_an_unreadable_one_fails_the_whole(
    files: dict[str, Path],
) -> None:
    result = run("--json", *files.values(), files["statement"].parent)
    assert result.exit_code == 1
    told = lines(result)
    assert [found["message"] for found in told] == [
        "camt.053.001.02",
        "pain.002.001.03",
        *[None] * 4,
    ]
    for found in told[2:]:
        assert found["statements"] == []
        (problem,) = found["problems"]
        assert (problem["severity"], bool(problem["message"])) == ("error", True)
        assert problem["remedy"]
    assert [found["problems"][0]["rule"] for found in told[2:]] == ["xml", "empty", "file", "file"]


def test_a_statement_that_does_not_balance_is_named_and_is_no_failure(
    files: dict[str, Path],
) -> None:
    files["statement"].write_text(STATEMENT.replace(">1.50<", ">1.51<"), "utf-8")
    result = run("--json", files["statement"])
    assert result.exit_code == 0
    (found,) = lines(result)
    assert found["statements"][0]["balanced"] is False
    (problem,) = found["problems"]
    assert (problem["rule"], problem["severity"], problem["path"]) == (
        "balance",
        "hold",
        "statement 1",
    )
    assert "by 0.01 EUR" in problem["message"]


def test_a_person_sees_every_figure_and_what_is_wrong(files: dict[str, Path]) -> None:
    result = run(*files.values())
    assert result.exit_code == 1
    for words in (
        "-10.00",
        "1.50",
        "yes",
        "PART",
        "RJCT",
        "AC04",
        "missing: unreadable",
        "-> Ask the bank",
    ):
        assert words in result.output


def test_a_file_must_be_named() -> None:
    assert run("--json").exit_code == 2


def test_a_file_of_the_wrong_kind_gets_one_verdict_a_file(files: dict[str, Path]) -> None:
    arguments = ["--json", *map(str, files.values())]
    result = CliRunner().invoke(check, arguments)
    assert result.exit_code == 1
    told = lines(result)
    assert len(told) == len(files)
    for found in told:
        assert list(found) == [
            "file",
            "message",
            "valid",
            "transactions",
            "control_sum",
            "problems",
            "more",
        ]
        assert (found["valid"], bool(found["problems"])) == (False, True)


def test_the_commands_can_be_listed_without_loading_a_parser() -> None:
    heavy = "{'lxml', 'xmlschema', 'sqlalchemy', 'paramiko'}"
    code = f"import sys, h2h.cli.read, h2h.cli.check; print({heavy} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_with_a_bank_the_check_knows_our_accounts(
    tmp_path: Path, payment_file: Callable[..., bytes]
) -> None:
    CliRunner().invoke(root, ["init", str(tmp_path / "work")])
    config = str(tmp_path / "work" / "config.toml")
    foreign = tmp_path / "foreign.xml"
    foreign.write_bytes(
        payment_file(
            "M-1",
            [
                {
                    "end_to_end_id": "E-1",
                    "amount": "1.00",
                    "currency": "EUR",
                    "creditor_iban": "NL91ABNA0417164300",
                    "creditor_name": "Creditor",
                    "remittance": "one",
                }
            ],
            debtor_iban="NL20INGB0001234567",
            execution_date=date(2030, 1, 2),
            version="pain.001.001.09",
        )
    )
    told = CliRunner().invoke(root, ["--config", config, "check", "--json", str(foreign)])
    assert "debtor-account" not in told.output
    told = CliRunner().invoke(
        root, ["--config", config, "check", "--bank", "acme", "--json", str(foreign)]
    )
    assert told.exit_code == 1
    assert "debtor-account" in told.output
