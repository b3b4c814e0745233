"""A room whose bank is a real sshd behind the proxy, with the bank's own log as the oracle.

A trial: the ERP drops a payment file and the bank lays out a statement; one sweep meets a fault;
then h2h restarts and the line is clean. What became of both is told by the bank's log, the books
and the ERP's folders.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from h2h import desk
from h2h.adapters.sftp import Timeouts
from h2h.adapters.sql.ledger import SqlLedger
from h2h.core.states import Kept, Out, Publish
from h2h.flows.sweep import Sweep
from h2h.ports import Bank, Download, File, Services
from tests.adapters.conftest import SshServer, wait_until
from tests.conftest import make_payment_file
from tests.flows.conftest import OURS, Room, bank_terms, report_file, statement

from .mover import Mover
from .proxy import Fault, Proxy
from .report import Tally

# Short, so that a silent line costs little; a busy machine only makes one more trial of it.
IMPATIENT = Timeouts(connect=2.0, login=2.0, idle=0.4, call=0.8, slowest=100_000)
STUCK = 60.0  # seconds: nothing waits longer, FAULTS.md says
_PAYMENTS = 52  # of a file of more than 16 KB
_PATIENCE = 6  # clean sweeps within which all must be settled


def as_it_is(bank: Bank) -> Bank:
    return bank


@dataclass
class WiredRoom(Room):
    """Room with `acme` behind a proxy. `takes`: the bank collects at once."""

    server: SshServer | None = None
    proxy: Proxy | None = None
    mover: Mover | None = None
    timeouts: Timeouts = IMPATIENT
    wrap_server: Callable[[Bank], Bank] = as_it_is

    def _services(self, ledger: SqlLedger) -> Services:
        assert self.server is not None
        assert self.proxy is not None
        bank = self.wrap_server(replace(self.server.bank(self.timeouts), port=self.proxy.port))
        services = super()._services(ledger)
        return replace(services, servers={**services.servers, "acme": bank})

    def sweep_once(self) -> float:
        """Restart, sweep, let an hour go by; the seconds it took."""
        began = time.monotonic()
        self.sweep()
        return time.monotonic() - began

    def received(self) -> dict[str, int]:
        """What became visible to the bank, by hash."""
        assert self.mover is not None
        return dict(self.mover.received(wait_until))


@contextmanager
def wired_room(server: SshServer, publish: Publish, *, takes: bool) -> Iterator[WiredRoom]:
    """A furnished room around `server`, whose folders it makes."""
    terms = replace(
        bank_terms("acme", OURS),
        publish=publish,
        downloads=(Download("out", "*.xml", after="delete"),),
    )
    room = WiredRoom(server.room, terms=terms, server=server)
    room.make_rooms()
    room.proxy = Proxy(server.port)
    room.mover = Mover(room.bank / "in", room.collected, room.deliveries, takes)
    try:
        room.sweep()
        yield room
    finally:
        room.mover.stop()
        room.proxy.close()


def in_series(number: int) -> str:
    """The statement of that number, each following on the one before."""
    opening, day = 100 + 50 * number, date(2026, 1, 1) + timedelta(days=number)
    text = statement(f"{number}", closing=f"{opening + 50}.00")
    return text.replace(">100.00<", f">{opening}.00<").replace("2026-11-20", f"{day}")


@dataclass
class Trial:
    """One payment file out and one statement in, through one fault."""

    room: WiredRoom
    number: int
    content: bytes = b""
    sha256: str = ""
    longest: float = 0.0
    found: list[str] = field(default_factory=list)  # what went wrong, in words

    @property
    def name(self) -> str:
        return f"pay-{self.number}.xml"

    @property
    def statement_name(self) -> str:
        return f"st-{self.number}.xml"

    def prepare(self) -> None:
        """The ERP drops a file, the bank lays out a statement."""
        day = f"{(self.room.clock.now() + timedelta(days=7)):%Y-%m-%d}"
        payments = [{"amount": f"{100 + at}.00"} for at in range(_PAYMENTS)]
        message_id = f"MSG-{self.number}"
        self.content = make_payment_file(message_id, payments, execution_date=day)
        self.sha256 = hashlib.sha256(self.content).hexdigest()
        self.room.drop(self.content, self.name)
        place = self.room.bank / "out" / self.statement_name
        place.write_bytes(report_file(in_series(self.number)))

    def suffer(self, fault: Fault) -> bool:
        """Sweep through the fault; did it begin?"""
        proxy = self.room.proxy
        assert proxy is not None
        proxy.fault = fault
        self.longest = max(self.longest, self.room.sweep_once())
        begun = proxy.begun
        proxy.fault = None
        proxy.forget()
        return begun

    def recover(self) -> None:
        """Restart with a clean line until the payment file is sent or in doubt, and all is in."""
        for _ in range(_PATIENCE):
            self.longest = max(self.longest, self.room.sweep_once())
            if self.file().state in {Out.SENT, Out.IN_DOUBT} and self._booked():
                return
        self.found.append(f"stuck: {self.file().state}: {self.file().due_because}")

    def file(self) -> File:
        return self.room.file(self.name)

    def _booked(self) -> bool:
        with self.room.ledger() as ledger:
            kept = [row.kept for row in ledger.statements() if row.number == f"S-{self.number}"]
        return kept == [Kept.BOOKED]

    def judge(self) -> Out:
        """What the oracle says of it; the state in which h2h was left alone."""
        state, copies = self.file().state, self.room.received().get(self.sha256, 0)
        assert isinstance(state, Out)
        if state is Out.SENT and copies != 1:
            self.found.append(f"sent, and the bank has it {copies} times")
        if state is Out.IN_DOUBT:
            self._left_alone(copies)
        self._booked_once()
        if self.longest > STUCK:
            self.found.append(f"stuck for {self.longest:.0f} s")
        return state

    def _left_alone(self, copies: int) -> None:
        """In doubt nothing is sent by itself; then a person who asked the bank settles it."""
        before = self.file().attempt
        self.room.sweep_once()
        again = self.room.received().get(self.sha256, 0)
        if copies > 1 or again != copies or self.file().attempt != before:
            self.found.append(f"in doubt, and the bank got it {copies}, then {again} times")
        self.settle_as_a_person()
        copies = self.room.received().get(self.sha256, 0)
        if self.file().state is not Out.SENT or copies != 1:
            self.found.append(f"settled as {self.file().state}, the bank has it {copies} times")

    def settle_as_a_person(self) -> None:
        """Look into the bank's own log, and say what is there."""
        file, told = self.file(), ("an operator", "the bank said so")
        with self.room.services() as services, Sweep(services, patient=False) as sweep:
            if self.room.received().get(self.sha256):
                desk.resolve_sent(services.ledger, file.id, *told, services.clock.now())
            else:
                desk.resolve_not_sent(sweep, file.id, *told, seen=file.last_move)
        self.room.sweep_once()

    def _booked_once(self) -> None:
        if not self._booked():
            self.found.append("the statement is not booked once")
        if (self.room.bank / "out" / self.statement_name).exists():
            self.found.append("the statement still lies at the bank")
        incoming = self.room.file(self.statement_name)
        handed = [line for line in self.room.handed.read_text().split() if incoming.id in line]
        if len(handed) != len(set(handed)) or len(handed) != 3:
            self.found.append(f"the ERP got {handed}")


def partial_files(trials: Sequence[Trial]) -> int:
    """How many contents the bank of these trials saw that nobody ever sent."""
    whole = {trial.sha256 for trial in trials}
    return len(trials[0].room.received().keys() - whole)


def measured(trial: Trial) -> dict[str, int]:
    """The bytes of an undisturbed session, by direction."""
    proxy = trial.room.proxy
    assert proxy is not None
    trial.prepare()
    trial.room.sweep_once()
    assert (trial.judge(), trial.found) == (Out.SENT, [])
    (line,) = (line for line in proxy.lines if line.passed["up"] > len(trial.content))
    proxy.forget()
    return dict(line.passed)


def nothing() -> None:
    """What happens between fault and recovery, usually."""


def endure(
    trial: Trial,
    fault: Fault,
    row: str,
    tally: Tally,
    *,
    soon: Callable[[], None] = nothing,
    late: Callable[[], None] = nothing,
) -> bool:
    """One trial from drop to judgement, tallied; did the fault begin?

    `soon` happens before h2h recovers, `late` after it has come as far as it can.
    """
    trial.prepare()
    begun = trial.suffer(fault)
    soon()
    trial.recover()
    late()
    state = trial.judge()
    copies = trial.room.received().get(trial.sha256, 0)
    tally(
        row,
        tried=int(begun),
        survived=int(begun and not trial.found),
        lost=int(copies == 0),
        doubled=int(copies > 1),
        in_doubt=int(state is Out.IN_DOUBT),
    )
    return begun
