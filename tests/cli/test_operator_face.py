"""Operators, approvals and the configuration's confirmation in the shell."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from h2h.cli import root
from h2h.config import load
from h2h.core.states import Out
from h2h.errors import Refused
from h2h.wiring import ledger_of

if TYPE_CHECKING:
    from tests.conftest import PaymentFile

Run = Callable[..., Result]
CONFIG = """
[h2h]
environment = "test"

[banks.acme]
calendar = "ECB"
zone = "Europe/Berlin"
door = { settle = 0 }
cut_offs = [{ time = "15:40" }]

[banks.acme.folder]
root = "bank"
upload = { folder = "in" }

[banks.acme.pgp]
seal = "none"

[[banks.acme.accounts]]
iban = "DE89370400440532013000"
currency = "EUR"
confidential = true

[[policies]]
name = "one"
"""
WHY = ("--reason", "agreed by telephone")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a command in a workspace, as the user `by` of the machine."""
    usual = os.umask(0o077)  # the daemon sets its own
    (tmp_path / "config.toml").write_text(CONFIG)
    for name in ("bank/in", "bank/out", "outbox/acme"):
        (tmp_path / name).mkdir(parents=True)

    def run(*words: str, by: str = getpass.getuser(), types: str = "") -> Result:
        for place in ("workspace", "operator"):
            monkeypatch.setattr(f"h2h.cli.{place}.user", lambda: by)
        command = ["--config", str(tmp_path / "config.toml"), *words]
        return CliRunner().invoke(root, command, input=types)

    yield run
    os.umask(usual)


@pytest.fixture
def staffed(run: Run) -> Run:
    """A workspace with two admins, an approver and one for salaries."""
    for name in ("anna", "bob"):
        roles = ("--role", "admin", "--role", "approver")
        done(run("operator", "add", name, *roles, *WHY))
    for number, (name, role) in enumerate((("eve", "approver"), ("paula", "payroll")), 1):
        done(run("operator", "add", name, "--role", role, *WHY, by="anna"))
        done(run("operator", "confirm", str(number), *WHY, by="bob"))
    return run


@pytest.fixture
def waiting(staffed: Run, tmp_path: Path, payment_file: PaymentFile) -> str:
    """The id of a confidential file that waits for one approval."""
    done(staffed("send"))  # the door is seen empty
    content = payment_file(payments=[{"end_to_end_id": "INV-1"}], execution_date="2039-12-01")
    (tmp_path / "outbox" / "acme" / "pay.xml").write_bytes(content)
    done(staffed("send"))
    [row] = told(staffed("status", "--json", by="eve"))
    assert row["state"] == "awaiting_approval"
    return str(row["file_id"])


def done(result: Result) -> Result:
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def told(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done(result).stdout.splitlines()]


def test_only_the_owner_adds_the_first_admins(run: Run) -> None:
    words = ("operator", "add", "anna", "--role", "admin", *WHY)
    refused = run(*words, by="mallory")
    assert isinstance(refused.exception, Refused)
    assert "anna is an operator now" in done(run(*words)).output


def test_a_change_waits_for_the_second_admin(staffed: Run) -> None:
    [change] = told(
        staffed("operator", "role", "eve", "--role", "viewer", *WHY, "--json", by="bob")
    )
    assert (change["who"], change["outcome"]) == ("bob", None)
    again = staffed("operator", "confirm", str(change["number"]), *WHY, by="bob")
    assert isinstance(again.exception, Refused)
    assert "wait for a second person" in staffed("operator", "list", by="anna").output
    done(staffed("operator", "refuse", str(change["number"]), *WHY, by="anna"))
    rows = told(staffed("operator", "list", "--json", by="anna"))
    assert {row["name"]: row["roles"] for row in rows}["eve"] == ["approver"]


def test_a_file_is_approved_and_goes(staffed: Run, waiting: str, tmp_path: Path) -> None:
    life = told(staffed("show", waiting, "--json", by="eve"))[0]
    assert life["approve_by"] == "2039-12-01T15:40:00+01:00"
    words = ("approve", waiting, *WHY, "--sha256", life["sha256"], "--json")
    [answer] = told(staffed(*words, by="eve"))
    assert answer == {"id": waiting, "state": "approved", "who": "eve", "missing": None}
    done(staffed("send"))
    assert len([*(tmp_path / "bank" / "in").iterdir()]) == 1


def test_a_confidential_dossier_is_handed_to_payroll_alone(
    staffed: Run, waiting: str, tmp_path: Path
) -> None:
    wish = ("archive", "export", waiting, "--to", str(tmp_path / "handed"))
    refused = staffed(*wish, by="eve")
    assert f"{waiting} is confidential" in str(refused.exception)
    assert not (tmp_path / "handed").exists()
    done(staffed(*wish, by="paula"))


def test_who_may_not_is_told_who_may(staffed: Run, waiting: str) -> None:
    refused = staffed("approve", waiting, *WHY, by="paula")
    assert "These roles may: approver" in str(refused.exception)
    stranger = staffed("cancel", waiting, *WHY, by="mallory")
    assert "os:mallory is no operator here" in str(stranger.exception)


def test_what_is_confidential_is_shown_to_payroll_alone(staffed: Run, waiting: str) -> None:
    for words in (("show", waiting), ("show", waiting, "--json"), ("trace", "INV-1", "--json")):
        seen = {by: done(staffed(*words, by=by)).output for by in ("eve", "mallory", "paula")}
        assert [("Fournisseur" in text) for text in seen.values()] == [False, False, True]
    life = told(staffed("show", waiting, "--json", by="eve"))[0]
    assert life["control_sum"] == {"EUR": "100.00"}  # an approver sees totals


def test_a_changed_bank_is_confirmed_by_key_names(
    staffed: Run, waiting: str, tmp_path: Path
) -> None:
    done(staffed("approve", waiting, *WHY, by="eve"))
    path = tmp_path / "config.toml"
    path.write_text(path.read_text().replace("Europe/Berlin", "Europe/Rome"))
    done(staffed("send"))
    assert [*(tmp_path / "bank" / "in").iterdir()] == []
    [change] = told(staffed("config", "confirm", *WHY, "--json", by="bob"))
    assert change["keys"] == ["banks.acme: zone (changed)"]
    done(staffed("send"))  # the approval was for another bank, so it waits again
    done(staffed("approve", waiting, *WHY, by="eve"))
    done(staffed("send"))
    assert len([*(tmp_path / "bank" / "in").iterdir()]) == 1
    log = told(staffed("config", "log", "--json", by="anna"))
    assert [row["what"] for row in log] == [
        "config-confirmed",
        "config-proposed",
        "config-confirmed",
    ]
    assert "Rome" not in json.dumps(log)


def test_a_password_comes_by_stdin_and_is_nowhere_to_be_read(staffed: Run, tmp_path: Path) -> None:
    short = staffed("operator", "password", "eve", by="eve", types="short\n")
    assert "at least 12 characters" in str(short.exception)
    done(staffed("operator", "password", "eve", by="eve", types="five words of her own\n"))
    rows = told(staffed("operator", "list", "--json", by="anna"))
    assert {row["name"]: row["signs_in_with"] for row in rows}["eve"] == ["password"]
    log = done(staffed("operator", "log", by="anna")).output
    assert "operator-password" in log
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.db*"))
    assert b"five words" not in stored + log.encode()


def test_the_log_of_access_is_for_auditors(staffed: Run) -> None:
    assert isinstance(staffed("operator", "log", by="eve").exception, Refused)


def test_a_doubt_is_settled_by_two_approvers_in_the_shell(
    staffed: Run, waiting: str, tmp_path: Path
) -> None:
    doubt(tmp_path, waiting)
    words = ("resolve", waiting, "--not-sent", *WHY)
    assert "ask the bank once more" in str(staffed(*words, by="eve").exception)
    first = done(staffed(*words, by="eve")).output
    assert "is in doubt until one of these says so too: anna, bob" in first
    assert "eve has said so" in str(staffed(*words, by="eve").exception)
    stale = staffed(*words, "--seen", "1", by="anna")
    assert "moved on meanwhile" in str(stale.exception)
    assert "in_doubt" in done(staffed("resolve", waiting, "--look", by="anna")).output
    assert "may not do this" in str(staffed("resolve", waiting, "--look", by="paula").exception)
    for odd in ((), ("--look", "--sent", *WHY), ("--not-sent",)):
        assert staffed("resolve", waiting, *odd, by="anna").exit_code == 2
    assert "is now sealed" in done(staffed(*words, by="anna")).output


def doubt(workspace: Path, file_id: str) -> None:
    """The delivery of a file was announced, and never answered."""
    ledger, now = ledger_of(load(workspace / "config.toml")), datetime.now(UTC)
    file = ledger.file(file_id)
    for target in (Out.APPROVED, Out.SEALED, Out.STAGED, Out.DELIVERING, Out.IN_DOUBT):
        assert file is not None
        if target is Out.STAGED:
            file = ledger.reserve(file, "pay{}.xml".format, "in", now, gap_free=False)
            assert file is not None
        file = ledger.move(file, target, now)
    ledger.close()
