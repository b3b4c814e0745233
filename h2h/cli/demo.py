"""`h2h demo`: the whole round trip against the practice bank, told as it happens.

Nothing is staged: the files go through the same door, flows, seal and SFTP as at a real bank, and
what is told is read from the ledger. What does not come out as told ends with exit code 1.
"""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.errors import ConfigError, Refused

if TYPE_CHECKING:
    from rich.console import Console

    from h2h.flows.sweep import Sweep
    from h2h.ports import File, PaymentRow, Services
    from h2h.sandbox.bank import PracticeBank
    from h2h.sandbox.story import Transfer

BANK = "practice"
_SETTLE = "\n[banks.practice.door]\nsettle = 0.2  # seconds: the demo's files are dropped whole\n"
_WITHIN = 20.0  # seconds that the practice bank may take for an answer
_POLL = 0.1
_TOLD = frozenset({"sent", "invalid", "duplicate", "held", "quarantined"})  # states, as told
_GOOD, _PARTLY, _BROKEN = "suppliers.xml", "consultants.xml", "broken.xml"


@click.command()
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="Leave the workspace and the bank in this folder: new or empty, with a short path.",
)
def demo(keep: Path | None) -> None:
    """The whole round trip against a practice bank on this machine."""
    from rich.console import Console  # noqa: PLC0415 - 60 ms that the help need not pay

    from h2h.sandbox import practice_bank  # noqa: PLC0415 - heavy

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    teller = Teller(Console(markup=False, highlight=False, emoji=False))
    with ExitStack() as stack:
        folder = _kept(keep) if keep else stack.enter_context(_temporary())
        bank = stack.enter_context(practice_bank(folder / "bank", tell=teller.bank))
        workspace = folder / "workspace"
        config = bank.write_workspace(workspace)
        config.write_text(config.read_text() + _SETTLE)
        with _services(config, teller) as services:
            Demo(services, bank, workspace, teller).play()
    teller.title("Done; the practice bank has closed")
    if keep:
        teller.line(f"The workspace lies in {workspace}; look around:")
        teller.line(f"  h2h --config {config} status")
    else:
        teller.line("The workspace is gone again. To keep it: h2h demo --keep DIR")


def _kept(folder: Path) -> Path:
    folder = folder.absolute()
    if folder.exists() and any(folder.iterdir()):
        raise ConfigError(f"{folder} is not empty", "Choose a new or empty folder for --keep")
    return folder


@contextmanager
def _temporary() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="h2h-") as folder:
        yield Path(folder)


@contextmanager
def _services(config: Path, teller: Teller) -> Iterator[Services]:
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.daemon import recover  # noqa: PLC0415 - heavy
    from h2h.wiring import lock_of, wire  # noqa: PLC0415 - heavy

    loaded = load(config)
    with lock_of(loaded).lock(), wire(loaded, teller) as services:
        recover(services)
        yield services


# ------------------------------------------------------------------------------------- the teller


@dataclass(frozen=True)
class Teller:
    """Tells the story: coloured on a terminal, plain lines elsewhere. Fulfils h2h.ports.Log."""

    console: Console

    def title(self, words: str) -> None:
        """Begin a chapter."""
        self.console.print()
        self.line(words, "bold")

    def line(self, words: str, style: str = "") -> None:
        """One line; what came from outside is made printable."""
        from h2h.core.naming import escaped  # noqa: PLC0415 - the help need not pay

        self.console.print(escaped(words), style=style or None, soft_wrap=True)

    def bank(self, words: str) -> None:
        """What the practice bank says it did."""
        self.line(f"  bank  {words}", "cyan")

    def event(self, event: str, /, **facts: str | int | None) -> None:
        """What the flows say they do, in the trade's words."""
        because = f": {facts['because']}" if facts.get("because") else ""
        match event:
            case "moved" | "checked" if facts["target"] in _TOLD:
                self.line(f"  h2h   {facts['name']} is {facts['target']}{because}")
            case "fetched":
                self.line(f"  h2h   fetched {facts['name']}")
            case "told":
                self.line(f"  h2h   payment file {facts['file_id']}{because}")
            case "alarm" | "waiting" | "bank_unreachable" | "not_fetched" | "unclear_delivery":
                self.line(f"  h2h   {event.replace('_', ' ')}{because}", "red")
            case _:
                pass


# --------------------------------------------------------------------------------------- the play


class Demo:
    """One day of a customer at the practice bank. A chapter that goes wrong raises Refused."""

    def __init__(
        self, services: Services, bank: PracticeBank, workspace: Path, teller: Teller
    ) -> None:
        self._services = services
        self._ledger = services.ledger
        self._bank = bank
        self._workspace = workspace
        self._say = teller
        [self._account] = bank.introduction.accounts

    def play(self) -> None:
        """The day from the first look into the door to the booked statement."""
        self._open()
        self._send()
        self._hear()
        self._send_again()
        self._close_the_day()
        self._show_what_is_there()

    def _open(self) -> None:
        told = self._bank.introduction
        self._say.title("A practice bank opens on this machine")
        self._say.line(f"  sftp://{told.username}@{told.host}:{told.port}, date {self._today}")
        self._say.line(f"  our account {self._account.iban} {self._account.currency}")
        self._sweep_out()  # what lies in a door at its first scan is held; now there is nothing

    def _send(self) -> None:
        from h2h.core.states import Out  # noqa: PLC0415 - heavy
        from h2h.sandbox import story  # noqa: PLC0415 - heavy

        self._say.title("The ERP drops three payment files into outbox/practice")
        wrong = story.total(story.BROKEN) + 1
        self._drop(_GOOD, self._file("DEMO-1", story.GOOD))
        self._drop(_PARTLY, self._file("DEMO-2", story.PARTLY))
        self._drop(_BROKEN, self._file("DEMO-3", story.BROKEN, wrong))
        self._sweep_out()
        broken = self._outgoing(_BROKEN)
        _expect(broken.state is Out.INVALID, f"{_BROKEN} is {broken.state}, not invalid")
        self._say.title(f"{_BROKEN} was refused and not sent; its problems, all at once")
        for problem in broken.problems:
            place = f" (line {problem.line})" if problem.line else ""
            self._say.line(f"  {problem.severity} {problem.rule}{place}: {problem.message}", "red")
            self._say.line(f"    {problem.remedy}")

    def _hear(self) -> None:
        from h2h.core.states import Out  # noqa: PLC0415 - heavy

        waiting = {Out.SENT, Out.ACKNOWLEDGED}
        self._say.title("The bank's status reports are fetched, verified and read")
        self._fetch_until(
            lambda: not {self._outgoing(_GOOD).state, self._outgoing(_PARTLY).state} & waiting,
            f"the bank's answers to {_GOOD} and {_PARTLY}",
        )
        self._say.title("What the bank answered, payment by payment")
        answers = [
            self._tell_payment(row) for name in (_GOOD, _PARTLY) for row in self._payments(name)
        ]
        _expect(
            answers == ["accepted"] * 4 + ["rejected AC04"],
            f"the bank's answers are {', '.join(answers)}",
        )

    def _tell_payment(self, row: PaymentRow) -> str:
        """Tell one payment's answer; returns it as `accepted`, or `rejected` with its code."""
        from h2h.core.states import Pay  # noqa: PLC0415 - heavy

        verdict = "accepted" if row.state in {Pay.ACCEPTED, Pay.BOOKED} else row.state.value
        who = f"{row.end_to_end_id}  {row.amount:>8} {row.currency}  {row.counterparty_name:24}"
        words = f"  {who} {verdict} {row.reason}".rstrip()
        self._say.line(words, "green" if verdict == "accepted" else "red")
        return f"{verdict} {row.reason.partition(' ')[0]}".rstrip()

    def _send_again(self) -> None:
        from h2h.core.states import Out  # noqa: PLC0415 - heavy
        from h2h.sandbox import story  # noqa: PLC0415 - heavy

        self._say.title(f"By mistake the ERP drops {_GOOD} a second time")
        first = self._outgoing(_GOOD)
        original = self._services.archive.path(first.id, "original.xml")
        self._drop(_GOOD, original.read_bytes())
        self._sweep_out()
        again = next(f for f in self._sent_files() if f.name == _GOOD and f.id != first.id)
        _expect(again.state is Out.DUPLICATE, f"the second {_GOOD} is {again.state}")
        arrived = [arrival.message_id for arrival in self._bank.arrivals()]
        _expect(sorted(arrived) == ["DEMO-1", "DEMO-2"], f"the bank received {arrived}")
        self._say.line(f"  {story.total(story.GOOD)} EUR go out once; the bank received two files")

    def _close_the_day(self) -> None:
        from h2h.sandbox import story  # noqa: PLC0415 - heavy

        self._say.title("The bank ends its day; its notifications and statement are fetched")
        self._bank.end_of_day()
        self._fetch_until(lambda: bool(self._ledger.balances()), "the bank's statement")
        paid = story.total(story.GOOD) + Decimal(story.PARTLY[0].amount)
        closing = Decimal(self._account.balance).scaleb(-2) - paid
        self._say.title("The balances booked")
        [balance] = self._ledger.balances()
        self._say.line(f"  {balance.account}  {balance.amount} {balance.currency}, {balance.as_of}")
        _expect(Decimal(balance.amount) == closing, f"{balance.amount} was booked, not {closing}")

    def _show_what_is_there(self) -> None:
        from h2h.adapters.archive import dossier_path  # noqa: PLC0415 - heavy

        ready = sorted(path for path in (self._workspace / "inbox").rglob("*") if path.is_file())
        for folder in ("answers", "status", "notifications", "statements"):
            there = any(path.parent.name == folder for path in ready)
            _expect(there, f"nothing lies in inbox/{BANK}/{folder}")
        self._say.title(f"Ready for the ERP, below {self._workspace}")
        for path in ready:
            self._say.line(f"  {path.relative_to(self._workspace)}")
        self._say.title("A dossier of every file, with its proof")
        for file in self._ledger.files():
            dossier = dossier_path(self._workspace / "archive", file.id)
            _expect((dossier / "manifest.json").is_file(), f"there is no dossier in {dossier}")
            place = dossier.relative_to(self._workspace)
            self._say.line(f"  {place}  {file.direction:3} {file.state:13} {file.name}")

    # -- what the chapters are made of

    @property
    def _today(self) -> str:
        return self._bank.today().isoformat()

    def _file(
        self, message_id: str, transfers: Sequence[Transfer], control_sum: Decimal | None = None
    ) -> bytes:
        from h2h.sandbox.story import payment_file  # noqa: PLC0415 - heavy

        return payment_file(message_id, transfers, self._account, self._bank.today(), control_sum)

    def _drop(self, name: str, content: bytes) -> None:
        """As an ERP should: written under a temporary name, then renamed."""
        door = self._workspace / "outbox" / BANK
        temporary = door / f"{name}.tmp"
        temporary.write_bytes(content)
        temporary.rename(door / name)
        self._say.line(f"  ERP   outbox/{BANK}/{name}")

    def _sweep_out(self) -> None:
        from h2h.daemon import wait_until_settled  # noqa: PLC0415 - heavy
        from h2h.flows.waves import sweep_outbound  # noqa: PLC0415 - heavy

        with self._sweep() as sweep:
            wait_until_settled(sweep)
            sweep_outbound(sweep)

    def _fetch_until(self, done: Callable[[], bool], awaited: str) -> None:
        """Fetch until everything in the bank's Inbox has been taken in and `done` holds."""
        from h2h.flows.inbound import sweep_inbound  # noqa: PLC0415 - heavy

        end = time.monotonic() + _WITHIN
        while True:
            self._bank.sweep()
            with self._sweep() as sweep:
                sweep_inbound(sweep, [BANK])
            if done() and not any(self._bank.inbox.iterdir()):
                return
            _expect(time.monotonic() < end, f"{awaited} did not come within {_WITHIN:.0f} s")
            time.sleep(_POLL)

    def _sweep(self) -> Sweep:
        from h2h.flows.sweep import Sweep  # noqa: PLC0415 - heavy

        return Sweep(self._services, patient=False)

    def _sent_files(self) -> Sequence[File]:
        return self._ledger.files(direction="out")

    def _outgoing(self, name: str) -> File:
        """The first file that was dropped under `name`."""
        found = next((file for file in self._sent_files() if file.name == name), None)
        if found is None:
            raise Refused(f"{name} was not taken from its door", _REPORT)
        return found

    def _payments(self, name: str) -> Sequence[PaymentRow]:
        return self._ledger.payments(self._outgoing(name).id)


_REPORT = "This should not happen; run it again with --keep DIR and look into the dossiers."


def _expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - the condition itself
    if not holds:
        raise Refused(f"the demo did not come out as told: {otherwise}", _REPORT)
