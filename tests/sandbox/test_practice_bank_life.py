"""How the practice bank starts, keeps its calendar, gives a workspace, and stops."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from h2h.cli.sandbox import sandbox
from h2h.config import load
from h2h.errors import ConfigError, Refused, Transient
from h2h.sandbox import practice_bank
from h2h.sandbox.bank import PracticeBank
from h2h.sandbox.mock import MockBank
from h2h.sandbox.office import Office, running_office


def agents_in(folder: Path) -> list[str]:
    """Command lines of the processes that go on working in `folder`: one that was told to end may
    take a moment for it."""
    until = time.monotonic() + 20
    while (found := running_in(folder)) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def running_in(folder: Path) -> list[str]:
    """Command lines of the running processes that work in `folder`."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(folder) in line:
            found.append(line)
    return found


def is_listening(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# -- starting and stopping


def test_when_it_has_stopped_nothing_of_it_runs_any_more(short: Path) -> None:
    before = set(threading.enumerate())
    with PracticeBank(short / "bank") as bank:
        told, office = bank.introduction, bank.office
        config = bank.write_workspace(short / "work")
        load(config)
        assert is_listening(told.port)
        assert running_in(short) != []
        idle = socket.create_connection((told.host, told.port))  # a customer that hangs on the line
    with closing(idle):
        assert not is_listening(told.port)
    with pytest.raises(Transient, match="no practice bank answers"):
        office.today()
    assert agents_in(short) == []
    assert set(threading.enumerate()) == before


def test_a_taken_port_is_said_and_nothing_stays_behind(short: Path) -> None:
    before = set(threading.enumerate())
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match="address already in use"):
            PracticeBank(short / "bank", port).start()
    assert agents_in(short) == []
    assert set(threading.enumerate()) == before


def test_each_start_makes_new_keys_in_its_own_folder(short: Path) -> None:
    with PracticeBank(short / "bank") as bank:
        first = bank.introduction
        with pytest.raises(ConfigError, match="already runs"):
            PracticeBank(short / "bank").start()
    with PracticeBank(short / "bank") as bank:
        second = bank.introduction
    assert first.host_key != second.host_key
    assert first.bank.fingerprint != second.bank.fingerprint
    assert first.customer.fingerprint != second.customer.fingerprint


def test_somebody_elses_folder_is_left_alone(short: Path) -> None:
    (short / "letters").mkdir()
    (short / "letters/dear.txt").write_text("dear")
    with pytest.raises(ConfigError, match="neither empty nor"):
        PracticeBank(short / "letters").start()
    assert [path.name for path in (short / "letters").iterdir()] == ["dear.txt"]


def test_a_folder_too_deep_for_gpg_is_said(short: Path) -> None:
    before = set(threading.enumerate())
    with pytest.raises(ConfigError, match="80 characters"):
        PracticeBank(short / ("deep" * 30)).start()
    assert set(threading.enumerate()) == before


def test_without_the_extra_the_remedy_is_one_command(
    short: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith(("h2h.sandbox.", "asyncssh"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "asyncssh", None)
    with pytest.raises(ConfigError, match=r'pip install "h2h\[sandbox\]"'):
        practice_bank(short / "bank")


# -- the calendar


@contextmanager
def mock_bank(folder: Path, today: str) -> Iterator[Office]:
    mock = MockBank(
        folder / "drop", folder / "pickup", date.fromisoformat(today), "Europe/Amsterdam", "ECB"
    )
    try:
        yield mock.office
    finally:
        mock.stop()


@pytest.mark.parametrize(
    ("today", "ended"),
    [
        ("2026-11-23", ["2026-11-23", "2026-11-24"]),
        ("2026-11-21", ["2026-11-23", "2026-11-24"]),  # opened on a Saturday
        ("2026-12-24", ["2026-12-24", "2026-12-28"]),  # Christmas Day, then a weekend
    ],
)
def test_days_end_one_business_day_after_the_other(
    today: str, ended: list[str], tmp_path: Path
) -> None:
    with mock_bank(tmp_path, today) as office:
        assert office.today() == date.fromisoformat(today)
        assert [day.isoformat() for day in office.end_of_day(2)] == ended
        assert office.today() > date.fromisoformat(ended[-1])


def test_each_business_day_gives_each_open_account_one_statement(tmp_path: Path) -> None:
    with mock_bank(tmp_path, "2026-12-24") as office:
        office.set_account("GLOBEX", closed=True)
        office.end_of_day(2)
    names = sorted(path.name for path in (tmp_path / "pickup").iterdir())
    assert [name.split("-")[:2] for name in names] == [
        *[["camt.053.001.08", "ACME"]] * 2,
        *[["camt.053.001.08", "EURODIS"]] * 2,
    ]


def test_an_unknown_account_is_refused_with_the_banks_words(tmp_path: Path) -> None:
    with mock_bank(tmp_path, "2026-11-23") as office:
        with pytest.raises(Refused, match="no account 'NOBODY'"):
            office.set_account("NOBODY", closed=True)
        assert office.set_account("ACME", balance=100, behaviour="silent").balance == 100


# -- the workspace


def test_the_workspace_is_a_config_that_loads_and_keys_that_only_the_owner_reads(
    bank: PracticeBank, short: Path
) -> None:
    folder = short / "work"
    config = load(bank.write_workspace(folder))
    told = bank.introduction

    assert config.h2h.environment == "test"
    practice = config.banks["practice"]
    assert practice.sftp is not None
    assert (practice.sftp.hosts, practice.sftp.port) == (("127.0.0.1",), told.port)
    assert practice.sftp.username == "corp1"
    assert practice.pgp.home == folder / "keys/practice"
    assert practice.pgp.sign_with == told.customer.fingerprint
    assert practice.pgp.encrypt_to == practice.pgp.accept_from == (told.bank.fingerprint,)
    assert [account.iban for account in practice.accounts] == ["NL41MOCK0000000001"]
    modes = {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in [
            *folder.iterdir(),
            *(folder / "outbox").iterdir(),
            *(folder / "keys").iterdir(),
        ]
    }
    assert modes == {
        "config.toml": 0o600,
        "keys": 0o700,
        "keys/practice": 0o700,
        "keys/practice-ssh": 0o600,
        "outbox": 0o700,
        "outbox/practice": 0o700,
        "inbox": 0o700,
        "archive": 0o700,
    }


def test_the_section_to_paste_loads_from_anywhere(bank: PracticeBank, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[h2h]\nenvironment = "test"\n\n' + bank.config_section())
    practice = load(config).banks["practice"]
    assert practice.pgp.home == bank.introduction.customer.home
    assert practice.sftp is not None
    assert practice.sftp.private_key.path == bank.introduction.customer_ssh_key


def test_a_config_of_an_earlier_practice_bank_is_renewed(short: Path) -> None:
    for _ in range(2):
        with PracticeBank(short / "bank") as bank:
            config = load(bank.write_workspace(short / "work"))
            assert config.banks["practice"].pgp.accept_from == (bank.introduction.bank.fingerprint,)


def test_a_config_of_somebody_else_is_not_touched(bank: PracticeBank, short: Path) -> None:
    (short / "work").mkdir()
    (short / "work/config.toml").write_text("# ours\n")
    with pytest.raises(ConfigError, match="is not one that the practice bank wrote"):
        bank.write_workspace(short / "work")
    assert [path.name for path in (short / "work").iterdir()] == ["config.toml"]
    assert (short / "work/config.toml").read_text() == "# ours\n"


# -- the command


def test_the_command_runs_until_it_is_told_to_stop_and_its_day_can_be_advanced(
    short: Path,
) -> None:
    program = "from h2h.cli.sandbox import sandbox; sandbox()"
    arguments = ["--workspace", str(short / "work"), "--json"]
    command = [sys.executable, "-c", program, *arguments]
    environment = os.environ | {"TMPDIR": str(short)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        facts = json.loads(process.stdout.readline())
        folder = Path(facts["folder"])
        assert load(Path(facts["config"])).banks["practice"].accounts[0].iban in facts["accounts"]
        assert facts["creditors"]["NL84MOCK0000000003"] == "closed-account"

        advanced = CliRunner().invoke(sandbox, ["advance", "--folder", str(folder), "--json"])
        assert advanced.exit_code == 0, advanced.output
        assert json.loads(advanced.output)["ended"] >= facts["bank_date"]
        sent = json.loads(process.stdout.readline())["event"]
        assert sent.startswith("sent camt.053.001.08-ACME-1")

        process.send_signal(signal.SIGTERM)
        rest, _ = process.communicate(timeout=60)
    assert json.loads(rest) == {"event": "the practice bank closes"}
    assert process.returncode == 0
    assert not folder.exists()
    assert agents_in(short) == []


def test_a_person_reads_plain_lines_and_the_section_to_paste(short: Path) -> None:
    program = "from h2h.cli.sandbox import sandbox; sandbox()"
    # as a shell starts what it puts into the background: deaf to Ctrl-C
    deaf = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    command = [*deaf, sys.executable, "-c", program, "--folder", str(short / "bank")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = "".join(iter(process.stdout.readline, 'entity = "ACME Corporation"\n'))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert "creditors      NL84MOCK0000000003  closed-account\n" in told
    assert f"next day       h2h sandbox advance --folder {short / 'bank'}\n" in told
    pasted = tomllib.loads(told[told.index("[banks.practice]") :])["banks"]["practice"]
    assert pasted["pgp"]["home"] == str(short / "bank/customer/keys")
    assert agents_in(short) == []


def test_a_bank_that_never_ran_cannot_be_advanced(short: Path) -> None:
    with pytest.raises(ConfigError, match="there is no practice bank"):
        running_office(short)
