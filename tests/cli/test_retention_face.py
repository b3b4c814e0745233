"""`h2h retention` in the shell: seen, held, proposed by one, erased by the other's word."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from click.testing import CliRunner, Result

from h2h.cli import root
from h2h.errors import Refused

Run = Callable[..., Result]
CONFIG = """
[h2h]
environment = "test"

[banks.acme]
calendar = "ECB"
zone = "Europe/Berlin"
door = { settle = 0 }

[banks.acme.folder]
root = "bank"
upload = { folder = "in" }

[banks.acme.pgp]
seal = "none"

[[banks.acme.accounts]]
iban = "DE89370400440532013000"
currency = "EUR"

[[retention]]
years = 10
kinds = ["statement"]

[[retention]]
years = 6
"""
WHY = ("--reason", "its time is over")
THEN, NOW = "2019-05-06 10:00", "2026-11-23 10:00"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs a command in a workspace, as the user `by` of the machine."""
    usual = os.umask(0o077)  # the daemon sets its own
    (tmp_path / "config.toml").write_text(CONFIG)
    for name in ("bank/in", "outbox/acme"):
        (tmp_path / name).mkdir(parents=True)

    def run(*words: str, by: str = getpass.getuser()) -> Result:
        for place in ("workspace", "operator"):
            monkeypatch.setattr(f"h2h.cli.{place}.user", lambda: by)
        return CliRunner().invoke(root, ["--config", str(tmp_path / "config.toml"), *words])

    yield run
    os.umask(usual)


@pytest.fixture
def old(run: Run, tmp_path: Path) -> Run:
    """A workspace with a file that was refused years ago, and two admins."""
    with time_machine.travel(f"{THEN}+00:00"):
        done(run("send"))  # the door is seen empty
        (tmp_path / "outbox" / "acme" / "pay.xml").write_bytes(b"<Document>Geheim AG</Document>")
        done(run("send"))
        for name in ("anna", "bob"):
            done(run("operator", "add", name, "--role", "admin", *WHY))
    return run


@pytest.fixture(autouse=True)
def today() -> Iterator[None]:
    with time_machine.travel(f"{NOW}+00:00"):
        yield


def done(result: Result) -> Result:
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def told(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done(result).stdout.splitlines()]


def rows(run: Run, kind: str) -> list[dict[str, Any]]:
    return [row for row in told(run("retention", "list", "--json")) if row["kind"] == kind]


def test_two_admins_erase_what_is_past_its_time(old: Run, tmp_path: Path) -> None:
    [row] = rows(old, "file")
    assert (row["document"], row["kept_until"], row["stays_because"]) == (
        "payment",
        "2025-12-31",
        None,
    )
    [change] = told(old("retention", "propose", *WHY, "--json", by="anna"))
    [whole] = rows(old, "list")
    assert (change["sha256"], change["files"]) == (whole["sha256"], "1")
    assert "h2h retention confirm NUMBER" in done(old("retention", "list")).output
    words = ("retention", "confirm", str(change["number"]), *WHY, "--json")
    assert isinstance(old(*words, by="anna").exception, Refused)
    [answer] = told(old(*words, by="bob"))
    assert (answer["outcome"], answer["decided_by"], answer["stay"]) == ("confirmed", "bob", {})
    assert "Nothing is past its time." in done(old("retention", "list")).output
    kept = [path for path in (tmp_path / "archive").rglob("*") if path.is_file()]
    assert not any(b"Geheim" in path.read_bytes() for path in kept)
    assert "1 of them are erased" in done(old("archive", "verify")).output
    [told_of] = told(old("archive", "show", row["file_id"], "--json"))
    assert [each["name"] for each in told_of["contents"] if each["erased"]] == ["original.xml"]
    targets = [link["what"] for link in told(old("retention", "log", "--json", by="anna"))]
    assert targets == ["retention-proposed", "retention-confirmed"]


def test_a_hold_keeps_a_file_until_it_is_lifted(old: Run) -> None:
    [row] = rows(old, "file")
    words = ("hold", "--file", row["file_id"], "--until", "2020-01-01", "--reason", "a lawsuit")
    [made] = told(old("retention", *words, "--json", by="anna"))
    assert rows(old, "file")[0]["stays_because"] == "legal hold 1"
    assert [each["reason"] for each in rows(old, "hold")] == ["a lawsuit"]
    refused = old("retention", "propose", *WHY, by="anna")
    assert "nothing is past its time that may go" in str(refused.exception)
    [lift] = told(old("retention", "unhold", str(made["number"]), *WHY, "--json", by="bob"))
    assert [row["what"] for row in rows(old, "proposal")] == ["lift hold 1"]
    assert len(rows(old, "hold")) == 1
    second = ("retention", "confirm", str(lift["number"]), *WHY)
    assert isinstance(old(*second, by="bob").exception, Refused)
    assert "legal hold 1 is lifted" in done(old(*second, by="anna")).output
    assert rows(old, "hold") == []
    assert rows(old, "file")[0]["stays_because"] is None
