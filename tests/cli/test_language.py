"""A workspace with `language = "zh"`: its ERP and its operators are told everything in Chinese."""

# ruff: noqa: RUF001 - Chinese has full-width marks

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from h2h.cli import root
from h2h.errors import Refused

if TYPE_CHECKING:
    from tests.cli.conftest import FolderBank
    from tests.conftest import PaymentFile

Run = Callable[..., str]


@pytest.fixture
def workspace(tmp_path: Path, folder_bank: FolderBank) -> Iterator[Path]:
    """A workspace whose bank is a folder."""
    usual = os.umask(0o077)  # the daemon sets its own
    config = folder_bank(tmp_path) / "config.toml"
    config.write_text(config.read_text().replace("[h2h]", '[h2h]\nlanguage = "zh"', 1))
    yield tmp_path
    os.umask(usual)


@pytest.fixture
def run(workspace: Path) -> Run:
    """Runs a command in the workspace; what it prints."""

    def run(*words: str) -> str:
        command = ["--config", str(workspace / "config.toml"), *words]
        return CliRunner().invoke(root, command, catch_exceptions=False).stdout

    return run


@pytest.fixture
def answer(workspace: Path, run: Run, payment_file: PaymentFile) -> dict[str, Any]:
    """What the ERP is told of a file that lay in its door before h2h first looked into it."""
    (workspace / "outbox" / "acme" / "pay.xml").write_bytes(payment_file())
    run("send")
    [path] = (workspace / "inbox" / "acme" / "answers").glob("*.json")
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return told


def test_the_erp_is_answered_in_the_language_of_the_configuration(answer: dict[str, Any]) -> None:
    assert answer["verdict"] == "held"
    assert answer["because"] == "文件在 h2h 首次查看投放目录之前就已在其中，可能已经支付"


def test_show_tells_the_problems_in_it(run: Run, answer: dict[str, Any]) -> None:
    life = json.loads(run("show", answer["file_id"], "--json"))
    [problem] = [each for each in life["problems"] if each["rule"] == "first-scan"]
    assert problem["message"] == answer["because"]
    assert life["due_because"] == answer["because"]
    assert problem["remedy"].startswith("请确认银行没有收到该文件")
    shown = run("show", answer["file_id"])
    assert f"\n  待人工决定 first-scan：{answer['because']}\n    处理：请确认银行没有收到" in shown


def test_the_moves_keep_the_words_that_were_chained(run: Run, answer: dict[str, Any]) -> None:
    life = json.loads(run("show", answer["file_id"], "--json"))
    assert life["moves"][-1]["because"].startswith("the file lay in its door")
    assert "链完整" in run("archive", "verify")


def test_the_check_with_the_bank_speaks_it_too(
    run: Run, workspace: Path, payment_file: PaymentFile
) -> None:
    path = workspace / "pay.xml"
    path.write_bytes(payment_file(debtor_iban="NL91ABNA0417164300", execution_date="2039-12-01"))
    told = run("check", "--bank", "acme", str(path))
    assert "NL91ABNA0417164300 不是本方在该银行的账户" in told
    assert "none of our accounts" in run("check", "--bank", "acme", "--lang", "en", str(path))


def test_the_desk_refuses_in_it(run: Run, answer: dict[str, Any]) -> None:
    run("cancel", answer["file_id"], "--reason", "wrong file")
    with pytest.raises(Refused, match="的状态是 cancelled，不在待人工决定之列。") as refused:
        run("release", answer["file_id"], "--reason", "too late")
    assert str(refused.value).endswith("只有待人工决定的才能放行")
