"""`h2h recall` in the shell: what it asks for, what it says, and how it is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from h2h.cli import root
from h2h.errors import Refused

if TYPE_CHECKING:
    from tests.cli.conftest import FolderBank
    from tests.conftest import PaymentFile

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, folder_bank: FolderBank) -> Iterator[Run]:
    """Runs a command in a workspace whose bank is a folder."""
    usual = os.umask(0o077)  # the daemon sets its own
    folder_bank(tmp_path)

    def run(*words: str) -> Result:
        command = ["--config", str(tmp_path / "config.toml"), *words]
        return CliRunner().invoke(root, command)

    yield run
    os.umask(usual)


@pytest.fixture
def sent(run: Run, tmp_path: Path, payment_file: PaymentFile) -> str:
    """The id of a file of two payments that was sent."""
    done = run("send")  # the door is seen empty
    assert done.exit_code == 0, done.output
    content = payment_file(payments=[{"end_to_end_id": "INV-1"}, {"amount": "7.05"}],
                           execution_date="2039-12-01")  # fmt: skip
    (tmp_path / "outbox" / "acme" / "pay.xml").write_bytes(content)
    run("send")
    [answer] = (tmp_path / "inbox" / "acme" / "answers").glob("*.json")
    told = json.loads(answer.read_text("utf-8"))
    assert told["verdict"] == "sent"
    identity: str = told["file_id"]
    return identity


def shown(run: Run, identity: str) -> dict[str, Any]:
    life: dict[str, Any] = json.loads(run("show", identity, "--json").stdout)
    return life


def test_it_says_which_recall_is_on_its_way(run: Run, sent: str) -> None:
    done = run("recall", sent, "--reason", "paid twice", "--code", "DUPL")
    assert done.exit_code == 0
    [row] = shown(run, sent)["recalls"]
    assert done.stdout.startswith(f"recall {row['recall']} of {sent} is on its way")
    assert (row["scope"], row["state"], row["answers"]) == ("file", "claiming", "2 asked")
    assert row["reason"] == "DUPL paid twice"


def test_show_has_a_line_for_it_in_both_files(run: Run, sent: str) -> None:
    told = json.loads(run("recall", "INV-1", "--reason", "a mistake", "--json").stdout)
    assert (told["id"], told["state"]) == ("INV-1", "claiming")
    run("send")
    for identity in (sent, told["recall"]):
        [row] = shown(run, identity)["recalls"]
        assert (row["recall"], row["of"], row["state"]) == (told["recall"], sent, "sent")
    assert "recalls" in run("show", sent).stdout


def test_a_reason_and_one_kind_of_part_are_asked_for(run: Run, sent: str) -> None:
    assert run("recall", sent).exit_code == 2
    both = run("recall", sent, "--payment", "INV-1", "--batch", "MSG-1-B1", "--reason", "x")
    assert (both.exit_code, "not both" in both.output) == (2, True)
    assert shown(run, sent)["recalls"] == []


def test_asking_twice_is_refused_with_the_recall_that_is_open(run: Run, sent: str) -> None:
    first = json.loads(run("recall", sent, "--reason", "a mistake", "--json").stdout)
    again = run("recall", sent, "--reason", "a mistake")
    assert isinstance(again.exception, Refused)
    assert first["recall"] in str(again.exception)


def test_the_banks_answer_is_read_offline(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "answer.xml"
    path.write_text(
        """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.029.001.09"><RsltnOfInvstgtn>
<Assgnmt><Id>A-1</Id><Assgnr><Pty/></Assgnr><Assgne><Pty/></Assgne>
<CreDtTm>2026-11-23T12:00:00</CreDtTm></Assgnmt><Sts><Conf>PECR</Conf></Sts><CxlDtls>
<OrgnlGrpInfAndSts><OrgnlMsgId>MSG-1</OrgnlMsgId><OrgnlMsgNmId>pain.001</OrgnlMsgNmId>
</OrgnlGrpInfAndSts><TxInfAndSts><OrgnlEndToEndId>INV-1</OrgnlEndToEndId><TxCxlSts>RJCR</TxCxlSts>
<CxlStsRsnInf><Rsn><Cd>ARDT</Cd></Rsn></CxlStsRsnInf></TxInfAndSts></CxlDtls></RsltnOfInvstgtn>
</Document>"""
    )
    told = json.loads(run("read", "--json", str(path)).stdout)
    assert (told["original_message_id"], told["confirmation"]) == ("MSG-1", "PECR")
    [payment] = told["payments"]
    assert (payment["end_to_end_id"], payment["status"]) == ("INV-1", "RJCR")
    assert payment["reasons"] == [{"code": "ARDT", "words": ""}]
    assert "of MSG-1: PECR" in run("read", str(path)).stdout


def test_the_id_of_a_payment_is_not_combined_with_others(run: Run, sent: str) -> None:
    told = run("recall", "INV-1", "--payment", "INV-2", "--reason", "a mistake")
    assert isinstance(told.exception, Refused)
    assert "INV-1 is an EndToEndId: it names one payment already" in str(told.exception)
    assert shown(run, sent)["recalls"] == []


def test_show_points_from_a_payment_to_its_trace(run: Run, sent: str) -> None:
    told = run("show", "INV-1")
    assert (told.exit_code, told.stderr) == (
        1,
        "INV-1 is a payment, not a file: `h2h trace INV-1`\n",
    )
    assert "there is no file INV-9" in run("show", "INV-9").stderr


def test_what_was_done_is_said_on_the_standard_output(run: Run, sent: str) -> None:
    for words in (["send"], ["fetch"], ["run", "--once"]):
        told = run(*words)
        assert told.stdout == "Done; `h2h status` shows what is still under way.\n"
        assert json.loads(run(*words, "--json").stdout) == {"unreachable": {}}


def test_a_payment_file_is_not_asked_of_the_bank(
    run: Run, tmp_path: Path, payment_file: PaymentFile
) -> None:
    path = tmp_path / "pay.xml"
    path.write_bytes(payment_file())
    (problem,) = json.loads(run("read", "--json", str(path)).stdout)["problems"]
    assert problem["remedy"] == "It is a payment file: judge it with `h2h check`"
