"""The practice bank misbehaves on demand, and the customer's h2h comes out right."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from h2h.adapters.journal import Journal
from h2h.cli.sandbox import sandbox
from h2h.config import load
from h2h.daemon import recover, wait_until_settled
from h2h.errors import ConfigError
from h2h.flows.inbound import sweep_inbound
from h2h.flows.probing import Probe
from h2h.flows.sweep import Sweep
from h2h.flows.waves import sweep_outbound
from h2h.ports import File, PaymentRow, Services, StatementRow
from h2h.sandbox.bank import PracticeBank
from h2h.sandbox.keys import stop_agent
from h2h.sandbox.manners import BEHAVIOURS, manners
from h2h.sandbox.story import ELSEWHERE, IN_HOUSE, Transfer, payment_file
from h2h.wiring import lock_of, wire

BANK = "practice"
_IMPATIENT = (
    "[banks.practice.sftp]\n"
    "timeouts = { connect = 2, login = 5, idle = 0.5, call = 0.5, slowest = 1_000_000 }"
)
ONE = (Transfer("12.50", "Vermeer Papier B.V.", ELSEWHERE, "Invoice 1"),)
BOTH = (*ONE, Transfer("80.00", "Globex Supplies B.V.", IN_HOUSE, "Invoice 2"))


@dataclass
class Company:
    """A customer of the bank, with its own h2h."""

    bank: PracticeBank
    services: Services
    workspace: Path

    def send(self, message_id: str, transfers: Sequence[Transfer] = ONE) -> File:
        """Drop a file and send it; what became of it."""
        [account] = self.bank.introduction.accounts
        text = payment_file(message_id, transfers, account, self.bank.today())
        temporary = self.workspace / f"outbox/{BANK}/{message_id}.tmp"
        temporary.write_bytes(text)
        temporary.rename(temporary.with_suffix(".xml"))
        return self.sweep_out(message_id)

    def sweep_out(self, message_id: str = "") -> File:
        with self._sweep() as sweep:
            wait_until_settled(sweep)
            sweep_outbound(sweep)
        return self.file(message_id)

    def fetch(self) -> dict[str, str]:
        """Fetch what the bank has written; which banks could not be reached, and why."""
        self.bank.sweep()
        with self._sweep() as sweep:
            sweep_inbound(sweep, [BANK])
            return dict(sweep.unreachable)

    def end_of_day(self) -> None:
        self.bank.end_of_day()
        self.fetch()

    def file(self, message_id: str) -> File:
        files = self.services.ledger.files(direction="out")
        return next((f for f in files if f.name == f"{message_id}.xml"), files[0])

    def payments(self, message_id: str) -> Sequence[PaymentRow]:
        return self.services.ledger.payments(self.file(message_id).id)

    def statements(self) -> list[StatementRow]:
        kept = self.services.ledger.statements()
        return [row for row in kept if row.kind == "statement"]

    def arrived(self, message_id: str) -> int:
        return sum(arrival.message_id == message_id for arrival in self.bank.arrivals())

    def _sweep(self) -> Sweep:
        return Sweep(self.services, patient=False)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="h2h-"))
    yield folder
    for home in folder.rglob("pubring.kbx"):
        stop_agent(home.parent)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def open_bank(folder: Path) -> Iterator[PracticeBank]:
    """One bank for all tests here: its keys are what takes long. Each test behaves anew."""
    with PracticeBank(folder / "bank") as bank:
        yield bank


@pytest.fixture
def company(open_bank: PracticeBank, folder: Path) -> Iterator[Company]:
    with customer_of(open_bank, folder) as company:
        yield company
    open_bank.behave()


@contextmanager
def customer_of(bank: PracticeBank, folder: Path) -> Iterator[Company]:
    """A fresh customer of a bank whose Inbox is empty."""
    for left in bank.inbox.iterdir():
        left.unlink()
    workspace = Path(tempfile.mkdtemp(prefix="w", dir=folder))
    config = bank.write_workspace(workspace)
    text = config.read_text().replace("[banks.practice.sftp]", _IMPATIENT)
    config.write_text(f"{text}\n[banks.practice.door]\nsettle = 0\n")
    loaded = load(config)
    with lock_of(loaded).lock(), wire(loaded, Journal()) as services:
        recover(services)
        company = Company(bank, services, workspace)
        with company._sweep() as sweep:
            sweep_outbound(sweep)  # the door's first scan
        yield company


# -- the office


def test_a_payment_to_a_closed_account_is_rejected_and_its_neighbour_is_not(
    company: Company,
) -> None:
    company.bank.behave("closed-account")
    company.send("CLOSED-1", BOTH)
    company.fetch()
    assert [row.state.value for row in company.payments("CLOSED-1")] == ["booked", "rejected"]
    assert company.payments("CLOSED-1")[1].reason.startswith("AC04")
    assert company.file("CLOSED-1").state.value == "part_accepted"


def test_a_file_that_the_bank_rejects_is_rejected_with_all_its_payments(company: Company) -> None:
    company.bank.behave("reject-file")
    company.send("REJECT-1", BOTH)
    company.fetch()
    assert company.file("REJECT-1").state.value == "rejected"
    assert {row.state.value for row in company.payments("REJECT-1")} == {"rejected"}


def test_what_comes_twice_is_booked_once(company: Company) -> None:
    company.bank.behave("duplicate")
    company.send("TWICE-1")
    company.end_of_day()
    assert company.file("TWICE-1").state.value == "accepted"
    assert sorted(row.kept.value for row in company.statements()) == ["booked", "duplicate"]
    [balance] = company.services.ledger.balances()
    assert balance.amount == company.statements()[0].closing
    fetched = [f for f in company.services.ledger.files(direction="in") if "camt.053" in f.name]
    assert sorted(f.state.value for f in fetched) == ["done", "duplicate"]


def test_a_silent_bank_never_reports_and_its_entry_proves_the_payment(company: Company) -> None:
    company.bank.behave("silent")
    assert company.send("SILENT-1").state.value == "sent"
    company.end_of_day()
    names = [file.name for file in company.services.ledger.files(direction="in")]
    assert names
    assert not any(name.startswith("pain.002") for name in names)
    assert company.file("SILENT-1").state.value == "accepted"
    assert [row.state.value for row in company.payments("SILENT-1")] == ["booked"]


def test_a_late_return_is_found_when_the_bank_tells_of_it(company: Company) -> None:
    company.bank.behave("late-return")
    company.send("RETURN-1")
    company.fetch()
    assert [row.state.value for row in company.payments("RETURN-1")] == ["booked"]
    company.end_of_day()
    assert [row.state.value for row in company.payments("RETURN-1")] == ["returned"]


def test_a_statement_that_lacks_an_entry_is_held_and_not_booked(company: Company) -> None:
    company.bank.behave("statement-gap")
    company.send("GAP-1", BOTH)
    company.end_of_day()
    [statement] = company.statements()
    assert statement.kept.value == "held"
    assert "balance" in statement.because
    assert company.services.ledger.balances() == []


# -- the line


def test_a_cut_upload_is_sent_again_whole_and_arrives_once(company: Company) -> None:
    company.bank.behave("cut-after=100")
    cut = company.send("CUT-1")
    assert cut.state.value == "sealed"
    assert company.arrived("CUT-1") == 0
    assert company.sweep_out("CUT-1").state.value == "sent"
    company.bank.sweep()
    assert company.arrived("CUT-1") == 1


def test_a_renaming_without_an_answer_is_in_doubt_until_the_bank_reports(company: Company) -> None:
    company.bank.behave("deaf", "silent")
    assert company.send("DEAF-1").state.value == "in_doubt"
    assert company.sweep_out("DEAF-1").state.value == "in_doubt"
    company.end_of_day()
    assert company.file("DEAF-1").state.value != "in_doubt"
    assert [row.state.value for row in company.payments("DEAF-1")] == ["booked"]
    assert company.arrived("DEAF-1") == 1


def test_a_bank_without_rename_gets_nothing_and_the_probe_says_what_to_set(
    company: Company,
) -> None:
    company.bank.behave("no-rename")
    assert company.send("NORENAME-1").state.value == "in_doubt"  # a person says what to do
    company.bank.sweep()
    assert company.arrived("NORENAME-1") == 0
    assert advice(company) == "posix-rename"
    company.bank.behave("no-posix-rename")
    assert advice(company) == "rename"
    company.bank.behave("no-rename", "no-posix-rename")
    assert advice(company) == "direct"


def advice(company: Company) -> str:
    probe = Probe(company.services.banks[BANK])
    probe.run(company.services.servers[BANK].session)
    assert not probe.failed
    return probe.advice.publish


def test_a_slow_bank_is_waited_for(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("h2h.sandbox.server._SLOW", 0.05)
    company.bank.behave("slow")
    assert company.send("SLOW-1").state.value == "sent"


def test_a_full_bank_gets_the_file_when_it_has_room_again(company: Company) -> None:
    company.bank.behave("full")
    assert company.send("FULL-1").state.value == "sealed"
    company.bank.behave()
    assert company.sweep_out("FULL-1").state.value == "sent"
    company.bank.sweep()
    assert company.arrived("FULL-1") == 1


def test_a_bank_that_shows_another_host_key_gets_nothing(folder: Path) -> None:
    with (
        PracticeBank(folder / "wrong", behave=["wrong-key"]) as bank,
        customer_of(bank, folder) as company,
    ):
        assert company.send("WRONG-1").state.value == "sealed"
        assert "not pinned" in company.fetch()[BANK]
        assert bank.arrivals() == ()


# -- how it is asked for


def test_every_behaviour_is_known_to_the_shell_and_said_in_its_help() -> None:
    told = CliRunner().invoke(sandbox, ["--help"]).output
    for name in BEHAVIOURS:
        assert f"  {name}:" in told


@pytest.mark.parametrize("word", ["rude", "cut-after", "silent=3", "cut-after=many"])
def test_a_behaviour_that_is_none_is_refused_with_those_there_are(word: str) -> None:
    with pytest.raises(ConfigError):
        manners([word])


def test_the_bytes_of_a_cut_are_said_after_a_blank(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, ...]] = []
    monkeypatch.setattr("h2h.cli.sandbox._run", lambda *given, **_: seen.append(given[3]))
    arguments = ["--behave", "cut-after", "4096", "--behave", "silent"]
    assert CliRunner().invoke(sandbox, arguments).exit_code == 0
    assert seen == [("cut-after=4096", "silent")]
