"""`h2h archive` and `h2h recover`: dossiers found, shown, handed out and proven, also at rest."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from h2h import daemon
from h2h.adapters.archive import FolderArchive
from h2h.adapters.heads import HeadSyslog
from h2h.adapters.journal import Silence
from h2h.adapters.pgp import GpgSealer
from h2h.cli import root
from h2h.config import load
from h2h.core.chain import Head
from h2h.errors import ConfigError, Transient
from h2h.wiring import wire
from tests.adapters.conftest import keyrings as keyrings  # noqa: PLC0414 - a fixture of ours too
from tests.flows.conftest import MONDAY, FixedClock

if TYPE_CHECKING:
    from tests.adapters.conftest import MakeParty
    from tests.conftest import PaymentFile

CONFIG = """
[h2h]
environment = "test"
export_head = ["file:heads.jsonl"]
{more}

[banks.acme]
calendar = "ECB"
zone = "Europe/Berlin"
door = {{ settle = 0 }}

[banks.acme.folder]
root = "bank"
upload = {{ folder = "in" }}

[banks.acme.pgp]
home = "keys"
seal = "none"

[[banks.acme.accounts]]
iban = "DE89370400440532013000"
currency = "EUR"
"""


@dataclass
class Workspace:
    folder: Path

    def sweep(self) -> None:
        with wire(load(self.folder / "config.toml"), Silence(), FixedClock()) as services:
            daemon.once(services)

    def run(self, *words: str) -> Result:
        command = ["--config", str(self.folder / "config.toml"), *words]
        return CliRunner().invoke(root, command)

    def told(self, *words: str) -> Any:  # noqa: ANN401 - as JSON gives it
        return json.loads(self.run("archive", *words, "--json").output.splitlines()[0])

    def dossier(self) -> Path:
        return Path(self.told("find", "MSG-1")["dossier"])


def make(folder: Path, more: str = "") -> Workspace:
    (folder / "bank" / "in").mkdir(parents=True)
    (folder / "config.toml").write_text(CONFIG.format(more=more))
    made = Workspace(folder)
    made.sweep()
    return made


@pytest.fixture
def workspace(tmp_path: Path, payment_file: PaymentFile) -> Workspace:
    """One refused payment file, and one that went."""
    made = make(tmp_path)
    for name, content in (("bad.xml", b"<no/>"), ("pay.xml", payment_file())):
        (tmp_path / "outbox" / "acme" / name).write_bytes(content)
        made.sweep()
    return made


@pytest.mark.parametrize("text", ["pay.x", "MSG-1", "sha256", "id"])
def test_a_dossier_is_found_by_what_one_knows_of_it(
    workspace: Workspace, payment_file: PaymentFile, text: str
) -> None:
    file_id = workspace.dossier().name
    known = {"sha256": hashlib.sha256(payment_file()).hexdigest(), "id": file_id}
    assert workspace.told("find", known.get(text, text))["file_id"] == file_id


def test_a_dossier_is_found_by_day_and_bank(workspace: Workspace) -> None:
    day = "2026-11-23"
    found = workspace.run("archive", "find", "--since", day, "--until", day, "--bank", "acme")
    assert found.output.count(day) == 2
    assert workspace.run("archive", "find", "--since", "2026-11-24").exit_code == 1
    assert workspace.run("archive", "find", "--bank", "other").exit_code == 1


def test_a_dossier_is_shown_with_its_contents_and_moves(workspace: Workspace) -> None:
    told = workspace.told("show", workspace.dossier().name)
    assert [each["name"] for each in told["contents"]] == ["original.xml", "sealed.pgp"]
    assert told["contents"][0]["sha256"] == told["sha256"]
    assert [move["to"] for move in told["moves"]][-2:] == ["delivering", "sent"]
    assert told["decisions"] == []
    assert workspace.run("archive", "show", "20260101-000000-none").exit_code == 1


def test_a_handed_out_dossier_proves_itself(workspace: Workspace, tmp_path: Path) -> None:
    told = workspace.told("export", workspace.dossier().name, "--to", str(tmp_path / "out"))
    lines = (Path(told["folder"]) / "chain.jsonl").read_text().splitlines()
    previous = json.loads(lines[0])["previous"]
    for line in lines:  # as docs/archive.md tells it
        record = json.loads(line)
        assert record.pop("previous") == previous
        previous = record.pop("hash")
        told_before = json.loads(line)["previous"]
        text = json.dumps([told_before, record], sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(text.encode("ascii")).hexdigest() == previous
    assert previous == told["head"] == workspace.told("head")["hash"]
    again = workspace.run("archive", "export", workspace.dossier().name, "--to", f"{tmp_path}/out")
    assert again.exit_code == 1


def test_the_first_bad_record_is_named(workspace: Workspace) -> None:
    heads = str(workspace.folder / "heads.jsonl")
    assert workspace.run("archive", "verify", "--head", heads).exit_code == 0
    (workspace.dossier() / "original.xml").write_bytes(b"x")
    done = workspace.run("archive", "verify")
    assert done.exit_code == 1
    assert done.output.startswith("The first bad record: original.xml, " + workspace.dossier().name)
    told = workspace.told("verify")
    assert (told["count"], told["findings"][0]["why"]) == (1, "its content was changed")


def test_the_head_is_exported_after_changes_only(workspace: Workspace) -> None:
    heads = workspace.folder / "heads.jsonl"
    before = heads.read_text()
    assert json.loads(before.splitlines()[-1])["hash"] == workspace.told("head")["hash"]
    workspace.run("pause", "--reason", "a change")
    workspace.sweep()
    assert heads.read_text().startswith(before)
    assert json.loads(heads.read_text().splitlines()[-1])["hash"] == workspace.told("head")["hash"]


def test_a_restored_ledger_is_recovered_in_the_shell(
    workspace: Workspace, payment_file: PaymentFile
) -> None:
    ledger = workspace.folder / "ledger.db"
    workspace.told("head")
    shutil.copy(ledger, workspace.folder / "backup.db")
    (workspace.folder / "outbox" / "acme" / "new.xml").write_bytes(payment_file("MSG-2"))
    workspace.sweep()
    for path in workspace.folder.glob("ledger.db*"):
        path.unlink()
    shutil.copy(workspace.folder / "backup.db", ledger)
    refused = workspace.run("send")
    assert isinstance(refused.exception, ConfigError)
    assert workspace.run("recover").exit_code == 2
    done = workspace.run("recover", "--reason", "disk", "--json")
    *differences, last = map(json.loads, done.output.splitlines())
    assert [each["done"] for each in differences] == ["entered as sent: it is not sent again"]
    assert last == {"differences": 1, "complete": True}
    assert "agree" in workspace.run("recover", "--reason", "once more").output
    assert workspace.run("send").exit_code == 0
    told = workspace.told("verify")
    assert (told["count"], len(told["recoveries"])) == (0, 1)


# ------------------------------------------------------------------------------------------ at rest


def test_a_final_dossier_is_sealed_and_opened_where_the_key_is(
    tmp_path: Path, keyrings: MakeParty, payment_file: PaymentFile
) -> None:
    party = keyrings("archive")
    key = f'archive_key = "{party.fingerprint}"\narchive_home = "{party.home}"'
    made = make(tmp_path, key)
    (tmp_path / "outbox" / "acme" / "bad.xml").write_bytes(b"<no/>")
    (tmp_path / "outbox" / "acme" / "pay.xml").write_bytes(payment_file())
    made.sweep()
    place = Path(made.told("find", "bad.xml")["dossier"])
    assert sorted(path.name for path in place.iterdir()) == [
        "manifest.json",
        "moves.jsonl",
        "original.xml.rest",
    ]
    assert (made.dossier() / "original.xml").exists()  # sent is not final
    assert made.told("verify")["findings"] == []
    told = made.told("export", place.name, "--to", str(tmp_path / "out"))
    assert (Path(told["folder"]) / "original.xml").read_bytes() == b"<no/>"
    assert not list((tmp_path / "archive").glob(".opened*"))
    (tmp_path / "config.toml").write_text(CONFIG.format(more=""))
    closed = made.run("archive", "export", place.name, "--to", str(tmp_path / "closed"))
    assert "sealed at rest" in str(closed.exception)
    assert list((tmp_path / "closed").iterdir()) == []
    sealed = place / "original.xml.rest"
    sealed.write_bytes(sealed.read_bytes()[:-1])
    assert made.told("verify")["findings"][0]["why"] == "its content was changed"


def test_a_cut_sealing_is_taken_up(tmp_path: Path, keyrings: MakeParty) -> None:
    party = keyrings("archive")
    key = GpgSealer(party.home, "encrypt", encrypt_to=(party.fingerprint,))
    (tmp_path / "archive").mkdir()
    archive, file_id = FolderArchive(tmp_path / "archive", key), "20261123-100000-abc"
    archive.path(file_id, "received").write_bytes(b"secret")
    cut = FolderArchive(tmp_path / "archive", key)
    cut._forget_plain = _cut  # type: ignore[assignment,method-assign]  # as a power cut does
    with pytest.raises(Transient, match="cut"):
        cut.record(file_id, '{"a": 1}', "", final=True)
    place = archive.place(file_id)
    assert {path.name for path in place.iterdir()} > {"received", "received.rest"}
    archive.record(file_id, '{"a": 1}', "", final=True)
    assert not (place / "received").exists()
    archive.record(file_id, '{"a": 2}', "", final=True)  # told again: both hashes stay known
    facts = json.loads((place / "manifest.json").read_text())["files"]["received"]
    assert facts["sha256"] == hashlib.sha256(b"secret").hexdigest()
    assert archive.digest(place / "received.rest")[0] == facts["at_rest"]["sha256"]
    assert archive.path(file_id, "received").read_bytes() == b"secret"
    archive.close()
    assert archive.receive(file_id).read_bytes() == b"secret"
    archive.close()


def _cut(_: Path) -> None:
    raise Transient("cut", "")


# ------------------------------------------------------------------------------------------- syslog


def test_the_head_goes_to_syslog(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
        log.bind(str(tmp_path / "log"))
        log.settimeout(10)
        HeadSyslog(str(tmp_path / "log")).export(Head(7, "ab" * 32), MONDAY)
        told = log.recv(1_000).decode()
    assert told.startswith("<38>h2h: chain head {")
    assert '"sequence": 7' in told


def test_a_syslog_that_does_not_listen_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(Transient, match="syslog"):
        HeadSyslog(str(tmp_path / "nobody")).export(Head(7, "ab" * 32), MONDAY)
