"""`h2h doctor`: each fault of a workspace has its line, its verdict and its remedy."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.metadata import Distribution
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from h2h import desk
from h2h.adapters.journal import Journal
from h2h.adapters.ssh_keys import new_key
from h2h.cli import examine
from h2h.cli.doctor import doctor
from h2h.cli.examine import Line, Patient, Verdict
from h2h.config import load
from h2h.flows.consent import remember_config
from h2h.ports import Health
from h2h.sandbox.bank import PracticeBank
from h2h.sandbox.keys import stop_agent
from h2h.wiring import ledger_of, wire


@pytest.fixture(scope="module")
def open_bank() -> Iterator[PracticeBank]:
    folder = Path(tempfile.mkdtemp(prefix="h2h-"))
    with PracticeBank(folder / "bank") as bank:
        yield bank
    for home in folder.rglob("pubring.kbx"):
        stop_agent(home.parent)
    shutil.rmtree(folder)


@pytest.fixture
def config(open_bank: PracticeBank) -> Path:
    """The config.toml of a healthy workspace, without a ledger yet."""
    workspace = Path(tempfile.mkdtemp(prefix="w", dir=open_bank.folder.parent))
    return open_bank.write_workspace(workspace)


@pytest.fixture(autouse=True)
def set_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether this machine has time servers is not what is tested."""
    monkeypatch.setattr(examine, "_time_is_set", lambda: "yes")


def run(config: Path, *options: str) -> Result:
    return CliRunner().invoke(doctor, [*options], obj=config)


def lines(config: Path, *options: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in run(config, *options, "--json").output.splitlines()]


def faults(config: Path, *options: str) -> dict[str, dict[str, str]]:
    """What is not in order, by what was looked at."""
    return {line["check"]: line for line in lines(config, *options) if line["verdict"] != "ok"}


def looked_at(
    check: Callable[[Patient], Iterator[Line]], config: Path, now: datetime | None = None
) -> list[Line]:
    patient = Patient(config, load(config), now or datetime.now(UTC))
    return list(examine.examined("check", check, patient))


def test_a_healthy_workspace_has_nothing_to_mend_and_is_left_as_it_was(config: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in config.parent.glob("*")}
    done = run(config)
    assert done.exit_code == 0, done.output
    assert "nothing to mend" in done.output
    assert faults(config) == {}
    checked = {line["check"] for line in lines(config)}
    assert {"installation", "config.toml", "schemas", "archive", "disk", "gpg"} <= checked
    assert {"keys of practice", "clock", "ledger"} <= checked
    assert {path: path.stat().st_mtime_ns for path in config.parent.glob("*")} == before


def test_an_exchanged_key_file_is_told_until_two_persons_have_confirmed_it(config: Path) -> None:
    key = "banks.practice.sftp.private_key"
    agreed = ("agreed by telephone", datetime.now(UTC))

    def start() -> None:
        with wire(load(config), Journal()) as services:
            remember_config(services)

    with closing(ledger_of(load(config))) as ledger:
        for name in ("anna", "bob"):
            ledger.enrol(name, "", ["admin"], "", "os:x", *agreed)
    start()
    assert "configuration" not in faults(config)
    file = config.parent / "keys/practice-ssh"
    content = file.read_text()
    file.write_text(f"{content}\n")  # another file, the same key
    assert "configuration" not in faults(config)
    file.unlink()
    new_key(file, "ed25519", "somebody")
    found = faults(config)["configuration"]
    assert (found["verdict"], key in found["found"]) == ("fail", True)
    start()
    with closing(ledger_of(load(config))) as ledger:
        [change] = ledger.proposals()
        assert "banks.practice.sftp.private_key: public half (changed)" in change.details["keys"]
        for name in ("anna", "bob"):
            desk.confirm_config(ledger, name, *agreed)
    assert "configuration" not in faults(config)


def test_a_wrong_configuration_ends_it_with_every_problem(config: Path) -> None:
    config.write_text(config.read_text().replace('"ECB"', '"ECBX"').replace('"EUR"', '"EURO"'))
    done = run(config, "--json")
    assert done.exit_code == 1
    found = [json.loads(line) for line in done.output.splitlines()]
    failed = [line for line in found if line["verdict"] == "fail"]
    assert {line["check"] for line in failed} == {"config.toml"}
    assert len(failed) == 2
    assert all(line["remedy"] for line in failed)


def test_rights_that_let_others_in_are_told_with_the_command_that_mends_them(config: Path) -> None:
    config.chmod(0o666)
    (config.parent / "archive").chmod(0o755)
    found = faults(config)
    assert found["config.toml"]["remedy"] == f"chmod 600 {config}"
    assert (found["archive"]["verdict"], found["config.toml"]["verdict"]) == ("warn", "fail")
    config.chmod(0o600)
    key = config.parent / "keys/practice-ssh"
    key.chmod(0o644)
    assert faults(config)["config.toml"]["remedy"] == f"chmod 600 {key}"
    key.unlink()
    assert "cannot be read" in faults(config)["config.toml"]["found"]


def test_keys_that_end_are_warned_of_and_ended_ones_fail(config: Path) -> None:
    for days, verdict in ((300, "ok"), (350, "warn"), (400, "fail")):
        now = datetime.now(UTC) + timedelta(days=days)
        assert {line.verdict.value for line in looked_at(examine.keys, config, now)} == {verdict}
    shutil.rmtree(config.parent / "keys/practice")
    [line] = looked_at(examine.keys, config)
    assert line.verdict is Verdict.FAIL
    assert line.check == "keys of practice"


def test_a_disk_that_is_nearly_full_is_told(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, verdict in ((2_000_000_000, "ok"), (900_000_000, "warn"), (100_000_000, "fail")):
        usage = SimpleNamespace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda _path, usage=usage: usage)
        assert {line.verdict.value for line in looked_at(examine.file_systems, config)} == {verdict}


def test_a_ledger_on_a_network_disk_fails_and_an_archive_there_is_warned_of(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("h2h.adapters.sql.sqlite.file_system", lambda *_: "nfs4")
    found = [line.verdict.value for line in looked_at(examine.file_systems, config)]
    assert found[:2] == ["warn", "fail"]


def test_an_old_gpg_and_a_clock_that_nobody_sets_are_told(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("h2h.adapters.pgp_keys.version", lambda: (2, 1))
    monkeypatch.setattr(examine, "_time_is_set", lambda: "no")
    assert [line.verdict for line in looked_at(examine.gpg, config)] == [Verdict.FAIL]
    assert [line.verdict for line in looked_at(examine.clock, config)] == [Verdict.WARN]


# -- ledger and chain


def test_the_ledger_tells_of_its_chain_and_of_each_banks_contact(config: Path) -> None:
    with_ledger(config)
    found = {line.check: line for line in looked_at(examine.ledger, config)}
    assert found["chain"].verdict is Verdict.OK
    assert "no daemon" in found["ledger"].found
    assert found["contact with practice"].verdict is Verdict.WARN  # none yet
    for health, verdict in (
        (Health("practice", 0, 0, None, "", datetime.now(UTC)), Verdict.OK),
        (Health("practice", 0, 0, None, "", datetime.now(UTC) - timedelta(days=9)), Verdict.WARN),
        (Health("practice", 3, 0, None, "no answer"), Verdict.WARN),
        (Health("practice", 3, 1, None, "the key was refused"), Verdict.FAIL),
    ):
        ledger = ledger_of(load(config))
        ledger.set_health(health)
        ledger.close()
        found = {line.check: line for line in looked_at(examine.ledger, config)}
        assert found["contact with practice"].verdict is verdict


def with_ledger(config: Path) -> None:
    """A ledger with a few records of the stop button."""
    ledger = ledger_of(load(config))
    for _ in range(2):
        ledger.pause("practice", "anna", "lunch", datetime.now(UTC))
        ledger.resume("practice", "anna", "back", datetime.now(UTC))
    ledger.close()


@pytest.mark.parametrize(
    ("trigger", "act", "told"),
    [
        ("moves_UPDATE", "UPDATE moves SET who = 'eve' WHERE sequence = 2", "record 2"),
        ("moves_DELETE", "DELETE FROM moves WHERE sequence = 3", "record 4"),
    ],
)
def test_a_record_that_was_changed_or_taken_out_by_hand_fails(
    config: Path, trigger: str, act: str, told: str
) -> None:
    with_ledger(config)
    database = sqlite3.connect(config.parent / "ledger.db")
    database.execute(f"DROP TRIGGER {trigger}")
    database.execute(act)
    database.commit()
    database.close()
    found = {line.check: line for line in looked_at(examine.ledger, config)}
    assert found["chain"].verdict is Verdict.FAIL
    assert told in found["chain"].found
    assert run(config).exit_code == 1


def test_a_filled_archive_without_its_ledger_fails(config: Path) -> None:
    (config.parent / "archive/2026/11/23/20261123-100000-abcdef").mkdir(parents=True)
    [line] = looked_at(examine.ledger, config)
    assert line.verdict is Verdict.FAIL
    assert "recover" in line.remedy
    assert not (config.parent / "ledger.db").exists()


# -- certificates, servers, the installation itself


@pytest.mark.parametrize(
    ("days", "verdict"), [(200, "ok"), (60, "warn"), (5, "fail"), (-1, "fail")]
)
def test_a_certificate_near_its_end_is_told(config: Path, days: int, verdict: str) -> None:
    now = datetime.now(UTC)
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=300))
    signed = builder.not_valid_after(now + timedelta(days=days, hours=1)).sign(key, hashes.SHA256())
    (config.parent / "console.pem").write_bytes(signed.public_bytes(Encoding.PEM))
    text = config.read_text()
    config.write_text(text.replace("[h2h]\n", '[h2h]\ncertificates = ["console.pem"]\n'))
    assert [line.verdict.value for line in looked_at(examine.certificates, config)] == [verdict]


def test_with_banks_each_server_is_asked_and_its_clock_compared(
    config: Path, open_bank: PracticeBank
) -> None:
    found = {line.check: line for line in looked_at(examine.banks, config)}
    assert {line.verdict for line in found.values()} == {Verdict.OK}
    assert found.keys() == {"server of practice", "clock of practice"}
    assert list(open_bank.outbox.iterdir()) == []
    off = {
        line.check: line
        for line in looked_at(examine.banks, config, datetime.now(UTC) - timedelta(hours=1))
    }
    assert off["clock of practice"].verdict is Verdict.WARN
    config.write_text(config.read_text().replace('"test"', '"production"'))
    assert [line.check for line in looked_at(examine.banks, config)] == ["server of practice"]
    port = str(open_bank.introduction.port)
    config.write_text(config.read_text().replace(f"port = {port}", "port = 1"))
    assert [line.verdict for line in looked_at(examine.banks, config)] == [Verdict.FAIL]


def test_files_that_differ_from_their_wheel_fail(tmp_path: Path) -> None:
    package, info = tmp_path / "h2h", tmp_path / "h2h-0.1.0.dist-info"
    package.mkdir()
    info.mkdir()
    (package / "desk.py").write_text("held = True\n")
    (package / "gone.py").write_text("")
    records = [record(tmp_path, name) for name in ("h2h/desk.py", "h2h/gone.py")]
    moved = "../../bin/h2h,sha256=AAAA,4"  # the command, where pip was told to put it elsewhere
    (info / "RECORD").write_text("\n".join([*records, moved, "h2h-0.1.0.dist-info/RECORD,,", ""]))
    (info / "METADATA").write_text("Name: h2h\nVersion: 0.1.0\n")
    wheel = Distribution.at(info)
    assert [line.verdict for line in examine.installation(wheel)] == [Verdict.OK]

    (package / "desk.py").write_text("held = False\n")
    (package / "gone.py").unlink()
    (package / "planted.py").write_text("")
    assert sorted(Path(name).name for name in examine.changed_files(wheel)) == [
        "desk.py",
        "gone.py",
        "planted.py",
    ]
    assert [line.verdict for line in examine.installation(wheel)] == [Verdict.FAIL]


def record(root: Path, name: str) -> str:
    content = (root / name).read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
    return f"{name},sha256={digest},{len(content)}"


def test_a_checkout_says_that_it_is_one(tmp_path: Path) -> None:
    [line] = examine.installation(None)
    assert "checkout" in line.found
    (tmp_path / "METADATA").write_text("Name: h2h\nVersion: 0.1.0\n")
    (tmp_path / "direct_url.json").write_text(
        '{"dir_info": {"editable": true}, "url": "file:///x"}'
    )
    [line] = examine.installation(Distribution.at(tmp_path))
    assert "checkout" in line.found
