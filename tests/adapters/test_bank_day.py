"""One day at the bank: the installed daemon, OpenSSH's server, and the mock bank behind it."""

from __future__ import annotations

import getpass
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

import pytest

from h2h.sandbox import practice_bank
from h2h.sandbox.bank import PracticeBank

PaymentFile = Callable[..., bytes]
DEBTOR, GOOD, CLOSED = "NL41MOCK0000000001", "NL30MOCK0000000005", "NL84MOCK0000000003"


def wait_until(true: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait for a condition, with a deadline."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.05)


class KeyPair(Protocol):
    """An SSH key of the fixture's."""

    path: Path

    @property
    def public(self) -> str: ...


class Server(Protocol):
    """The sshd that `start_server` gives."""

    port: int
    host_key: KeyPair
    allowed: KeyPair

    @property
    def folder(self) -> Path: ...


@dataclass
class Day:
    """A workspace, its bank, and the h2h command."""

    bank: PracticeBank
    workspace: Path

    def h2h(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "h2h", "--config", str(self.config), *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    @property
    def config(self) -> Path:
        return self.workspace / "config.toml"

    def handed(self, folder: str, suffix: str) -> list[Path]:
        return sorted((self.workspace / "inbox/practice" / folder).glob(f"*{suffix}"))

    def drop(self, name: str, content: bytes) -> None:
        place = self.workspace / "outbox/practice"
        (place / f"{name}.tmp").write_bytes(content)
        (place / f"{name}.tmp").rename(place / name)


@pytest.fixture
def day(start_server: Callable[[], Server]) -> Iterator[Day]:
    """The practice bank's rooms, reached through OpenSSH instead of its own server."""
    server = start_server()
    with (
        tempfile.TemporaryDirectory(prefix="h2h") as room,
        practice_bank(Path(room) / "bank", tell=lambda _: None) as bank,
    ):
        workspace = Path(room) / "work"
        bank.write_workspace(workspace)
        for name, folder in (("Outbox", bank.outbox), ("Inbox", bank.inbox)):
            (server.folder / name).symlink_to(folder)
        _point_at(workspace / "config.toml", server)
        yield Day(bank, workspace)


def _point_at(config: Path, server: Server) -> None:
    facts = {
        "port": str(server.port),
        "username": f'"{getpass.getuser()}"',
        "host_keys": f'["{server.host_key.public}"]',
        "private_key": f'"file:{server.allowed.path}"',
    }
    text = config.read_text()
    for key, value in facts.items():
        text, found = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        assert found == 1
    config.write_text(text)


def _payment(end_to_end_id: str, amount: str, creditor: str) -> dict[str, str]:
    return {
        "end_to_end_id": end_to_end_id,
        "amount": amount,
        "currency": "EUR",
        "creditor_iban": creditor,
        "creditor_name": f"Creditor {end_to_end_id}",
        "remittance": f"Invoice {end_to_end_id}",
    }


def test_a_bank_day_from_the_erps_door_to_booked_balances(
    day: Day, payment_file: PaymentFile
) -> None:
    today: date = day.bank.today()
    payments = [_payment("INV-1", "100.10", GOOD), _payment("INV-2", "20.20", CLOSED)]
    good = payment_file(
        "DAY-1", payments, debtor_iban=DEBTOR, execution_date=today, version="pain.001.001.09"
    )
    journal = day.workspace / "journal"
    with journal.open("w") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "h2h", "--config", str(day.config), "run"], stderr=log
        )
    try:
        wait_until(
            lambda: daemon.poll() is not None or '"started"' in journal.read_text(),
            "the daemon starts",
        )
        assert daemon.poll() is None, journal.read_text()
        second = day.h2h("run", "--once")
        assert second.returncode == 1
        assert f"pid {daemon.pid}" in second.stderr
        day.drop("run1.xml", good)
        wait_until(day.bank.arrivals, "the file reaches the bank")
        day.drop("run1 again.xml", good)
        day.drop("broken.xml", good.replace(b"DAY-1", b"DAY-2").replace(b"100.10", b"100.11"))
        wait_until(lambda: len(day.handed("answers", ".json")) == 3, "three answers")
        wait_until(lambda: _asked(day) and day.handed("status", ".xml"), "the bank's report")
        day.bank.end_of_day()
        wait_until(lambda: _asked(day) and day.handed("statements", ".csv"), "the statement")
    finally:
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0

    verdicts = {
        facts["file"]: facts["verdict"]
        for facts in map(json.loads, (p.read_text() for p in day.handed("answers", ".json")))
    }
    assert verdicts == {"run1.xml": "sent", "run1 again.xml": "duplicate", "broken.xml": "refused"}
    assert [arrival.message_id for arrival in day.bank.arrivals()] == ["DAY-1"]
    balances = json.loads(day.h2h("balances", "--json").stdout)
    assert balances["booked"] == "124899.90"
    assert day.h2h("archive", "verify").returncode == 0
    assert list((day.workspace / "outbox/practice").iterdir()) == []
    assert list(day.bank.inbox.iterdir()) == []
    assert DEBTOR not in journal.read_text()


def _asked(day: Day) -> bool:
    """Ask the running daemon to fetch; it answers when it has."""
    return day.h2h("fetch").returncode == 0
