"""Fail the n-th operation, for n = 1, 2, 3 and on until a run is clean.

Every SQL statement and commit, every act on the disk, every call of a session and every start of
gpg fails once. The same process goes on, then a restart does; the checker judges after each. What
waits for a person then is settled by one, and all must have ended well.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine, PoolProxiedConnection, event
from sqlalchemy.exc import OperationalError

import tests.flows.conftest as flows
from h2h import desk
from h2h.adapters import durable, pgp
from h2h.adapters.sql.ledger import SqlLedger, open_ledger
from h2h.core.states import In, Out
from h2h.daemon import Daemon
from h2h.errors import Transient
from h2h.flows.sweep import Sweep
from h2h.ports import Session

from .invariants import Told, broken, sha256_of
from .judged import place_of
from .report import FULL

if TYPE_CHECKING:
    from tests.adapters.conftest import MakeParty
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, MakeRoom, Room

    from .report import Tally

# The short form tries every so-manieth, of these kinds.
EVERY = {"sql": 101, "committed": 47, "disk": 97, "called": 29}
PARTS = 2 if FULL else 1
DISK = ("fsync", "rename", "replace", "unlink", "open", "write", "mkdir", "link", "rmdir")
DELIVERED = 3  # yesterday's file and two of today
H2H = str(Path(durable.__file__).parent.parent)


@dataclass
class Fault:
    """Counts the operations of one kind, and strikes at the n-th."""

    kind: str
    at: int = 0
    operations: list[str] = field(default_factory=list)
    armed: bool = True

    def strikes(self, operation: str) -> bool:
        if not self.armed:
            return False
        self.operations.append(operation)
        return len(self.operations) == self.at

    @property
    def struck(self) -> str:
        return self.operations[self.at - 1] if 0 < self.at <= len(self.operations) else ""


# ------------------------------------------------------------------------------------- what fails


def sql_error() -> OperationalError:
    return OperationalError("", {}, sqlite3.OperationalError("disk I/O error"))


def fail_sql(fault: Fault, patch: pytest.MonkeyPatch) -> None:
    """A statement fails; a commit fails; or a commit is made, and its answer lost."""

    def opened(url: str, environment: str, *, archive: Path) -> SqlLedger:
        ledger = open_ledger(url, environment, archive=archive)
        spoil(ledger._engine)
        return ledger

    def spoil(engine: Engine) -> None:
        def before(_c: object, _k: object, statement: str, *_: object) -> None:
            if fault.kind == "sql" and fault.strikes(statement):
                raise sql_error()

        def commit(connection: PoolProxiedConnection) -> None:
            if fault.kind == "commit" and fault.strikes("commit"):
                raise sql_error()
            done(connection)
            if fault.kind == "committed" and fault.strikes("committed"):
                raise sql_error()

        event.listen(engine, "before_cursor_execute", before)
        done = engine.dialect.do_commit
        patch.setattr(engine.dialect, "do_commit", commit)

    patch.setattr(flows, "open_ledger", opened)


def fail_disk(fault: Fault, patch: pytest.MonkeyPatch) -> None:
    """An act on the disk fails, where code of h2h asks for it."""

    def failing(name: str, act: Callable[..., object]) -> Callable[..., object]:
        def acts(*arguments: object, **named: object) -> object:
            if asked_by_h2h() and fault.strikes(f"{name} {arguments[0]!r}"[:90]):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return act(*arguments, **named)

        return acts

    for name in DISK:
        patch.setattr(os, name, failing(name, getattr(os, name)))
    patch.setattr(durable, "_renameat2", failing_renameat2(fault, durable._renameat2))


def asked_by_h2h() -> bool:
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.endswith("pathlib.py"):
        frame = frame.f_back
    return frame.f_code.co_filename.startswith(H2H)


def failing_renameat2(
    fault: Fault, act: Callable[[Path, Path], int]
) -> Callable[[Path, Path], int]:
    def acts(source: Path, target: Path) -> int:
        return errno.EIO if fault.strikes(f"renameat2 {source.name}") else act(source, target)

    return acts


class Unlucky:
    """A session whose n-th call fails: before it is made, or after it was (its answer is lost)."""

    def __init__(self, session: Session, fault: Fault) -> None:
        self._session, self._fault = session, fault
        self.host = session.host
        self._may_fail("login")

    def _may_fail(self, name: str) -> None:
        if self._fault.strikes(name):
            raise Transient(f"the connection was cut at {name}")

    def __getattr__(self, name: str) -> Callable[..., object]:
        act = getattr(self._session, name)

        def call(*arguments: object) -> object:
            if self._fault.kind == "call":
                self._may_fail(name)
            answer = act(*arguments)
            if self._fault.kind == "called":
                self._may_fail(name)
            return answer

        return call


def fail_gpg(fault: Fault, patch: pytest.MonkeyPatch) -> None:
    """gpg does not start, or (every second time) is killed as soon as it has."""
    starts = pgp._Gpg._open_subprocess

    def start(self: pgp._Gpg, args: list[str], passphrase: bool = False) -> subprocess.Popen[bytes]:
        struck = fault.strikes(f"gpg {args[0]}")
        if struck and fault.at % 2:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        process = starts(self, args, passphrase)
        if struck:
            process.send_signal(signal.SIGKILL)
        return process

    patch.setattr(pgp._Gpg, "_open_subprocess", start)


SPOIL = {
    "sql": fail_sql,
    "commit": fail_sql,
    "committed": fail_sql,
    "disk": fail_disk,
    "call": lambda *_: None,
    "called": lambda *_: None,
    "gpg": fail_gpg,
}

# ---------------------------------------------------------------------------------------- one try


@dataclass
class Day:
    """What is dropped and laid out in a room, and what must have come of it."""

    room: Room
    yesterday: bytes
    drops: dict[str, bytes]
    bad: frozenset[str]
    offers: dict[str, bytes]
    ends: dict[str, str]

    def begin(self) -> None:
        for name, content in self.drops.items():
            self.room.drop(content, name)
        for name, content in self.offers.items():
            (self.room.bank / "out" / name).write_bytes(content)

    def judged(self) -> list[str]:
        told = Told([self.yesterday, *self.drops.values()], self.bad, [*self.offers.values()])
        return broken(place_of(self.room), told)

    def ended(self) -> dict[str, str]:
        files = (*self.room.files(), *self.room.files("in"))
        return {file.name: file.state.value for file in files}

    def well(self) -> bool:
        return self.ended() == self.ends


def go_on(day: Day, sweeps: int) -> None:
    """The same process goes on, as the daemon does: what may pass ends a sweep, nothing else.

    At the start it ends the process; whoever watches over it starts the next.
    """
    with suppress(Transient), day.room.services() as services:
        for _ in range(sweeps):
            with suppress(Transient):
                day.room.run(services)
            day.room.clock.advance(hours=1)


def person(day: Day) -> int:
    """Whatever waits for a person is settled by one who asked the bank; how much that was."""
    room, waited = day.room, 0
    has = {line.split(maxsplit=1)[1] for line in room.deliveries.read_text().splitlines()}
    signed = ("anna", "looked at it")
    with room.services() as services, Sweep(services) as sweep:
        for file in (
            *services.ledger.files(direction="out"),
            *services.ledger.files([In.QUARANTINED]),
        ):
            waited += 1
            if file.state is Out.HELD:
                seen = file.last_move
                desk.release(services.ledger, file.id, *signed, sweep.now, seen=seen)
            elif file.state is In.QUARANTINED and file.name in day.offers:
                desk.replay(services.ledger, file.id, *signed, sweep.now)
            elif file.state is Out.IN_DOUBT and file.final_name in has:
                desk.resolve_sent(services.ledger, file.id, *signed, sweep.now)
            elif file.state is Out.IN_DOUBT:
                desk.resolve_not_sent(sweep, file.id, *signed, seen=file.last_move)
            else:
                waited -= 1
    return waited


@contextmanager
def spoiled(day: Day, fault: Fault) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        SPOIL[fault.kind](fault, patch)
        if fault.kind in {"call", "called"}:
            patch.setattr(day.room, "wrap_session", lambda session: Unlucky(session, fault))
        yield


def attempt(day: Day, fault: Fault) -> int:
    """One try; how many files waited for a person."""
    with spoiled(day, fault):
        day.begin()
        go_on(day, 1)
        fault.armed = False
        assert day.judged() == [], fault.struck
        go_on(day, 2)
    assert day.judged() == [], fault.struck
    go_on(day, 1)
    assert day.judged() == [], fault.struck
    waited = person(day)
    if waited:
        go_on(day, 2)
        assert day.judged() == [], fault.struck
    return waited


NewDay = Callable[[], Day]


@pytest.fixture
def new_day(
    make_room: MakeRoom, payment_file: PaymentFile, bank_files: BankFiles, tmp_path: Path
) -> NewDay:
    """A furnished room and a day's files: two good ones, a cut one, a statement, a report."""
    numbers, template = iter(range(100_000)), tmp_path / "yesterday"

    def make() -> Day:
        room, yesterday = make_room(marker=".ok"), payment_file("MSG-0")
        room.root = template
        if not template.exists():
            room.furnish()
            room.drop(yesterday, "y.xml")
            room.sweep()
        room.root = tmp_path / f"day-{next(numbers)}"
        shutil.copytree(template, room.root)
        room.clock.advance(hours=2)
        cut = payment_file("MSG-CUT")[:-40]
        drops = {"a.xml": payment_file("MSG-1"), "b.xml": payment_file("MSG-2"), "cut.xml": cut}
        offers = {
            "st.xml": bank_files.report_file(bank_files.statement("1")),
            "told.xml": bank_files.status_file("MSG-0"),
        }
        ends = {
            "y.xml": "accepted",
            "a.xml": "sent",
            "b.xml": "sent",
            "cut.xml": "invalid",
            "st.xml": "done",
            "told.xml": "done",
        }
        return Day(room, yesterday, drops, frozenset({sha256_of(cut)}), offers, ends)

    return make


def operations(new_day: NewDay, kind: str) -> Sequence[str]:
    """The operations of an undisturbed run, which must end well."""
    fault, day = Fault(kind), new_day()
    assert attempt(day, fault) == 0
    assert day.well(), day.ended()
    return fault.operations


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(
    "kind", [kind for kind in SPOIL if kind != "gpg" and (FULL or kind in EVERY)]
)
def test_whichever_operation_fails_once_all_ends_well(
    kind: str, part: int, new_day: NewDay, tally: Tally
) -> None:
    found = operations(new_day, kind)
    step = 1 if FULL else EVERY[kind]
    first = random.Random(kind).randint(1, step)
    try_each(range(first + part, len(found) + 1, step * PARTS), kind, new_day, tally)


@pytest.mark.parametrize("part", range(PARTS))
def test_whenever_gpg_fails_to_start_all_ends_well(
    part: int, new_day: NewDay, keyrings: MakeParty, tally: Tally
) -> None:
    us, bank = keyrings("us"), keyrings("bank")
    us.learns(bank)
    bank.learns(us)

    def sealed_day() -> Day:
        day = new_day()
        day.room.sealer = pgp.GpgSealer(
            us.home,
            "sign+encrypt",
            sign_with=us.fingerprint,
            encrypt_to=[bank.fingerprint],
            accept_from=[bank.fingerprint],
        )
        seal = ("--sign", "--encrypt", "-u", bank.fingerprint, "-r", us.fingerprint)
        day.offers = {name: bank.gpg(*seal, stdin=text) for name, text in day.offers.items()}
        return day

    count = len(operations(sealed_day, "gpg"))
    assert count >= 4
    step = 1 if FULL else 3
    try_each(range(1 + part, count + 1, step * PARTS), "gpg", sealed_day, tally)


def try_each(numbers: range, kind: str, new_day: NewDay, tally: Tally) -> None:
    for number in numbers:
        fault, day = Fault(kind, number), new_day()
        waited = attempt(day, fault)
        times = day.room.published()
        tally(
            f"fail the n-th {kind}",
            survived=day.well(),
            lost=max(0, DELIVERED - len(set(times))),
            doubled=len(times) - len(set(times)),
            in_doubt=waited,
        )
        assert fault.struck, (kind, number)
        assert day.well(), (kind, number, fault.struck, day.ended())
        assert len(times) == DELIVERED, (kind, number, fault.struck)


def test_a_pass_that_a_locked_ledger_ends_does_not_end_the_daemon(
    room: Room, payment_file: PaymentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.drop(payment_file())
    fault = Fault("sql", 1)
    with monkeypatch.context() as patch:
        fail_sql(fault, patch)
        with room.services() as services:
            daemon = Daemon(services)
            daemon._pass_or_tell()
            assert room.log.named("pass_failed")[0]["because"] != ""
            daemon._pass_or_tell()
    assert len(room.log.named("pass_failed")) == 1
    assert room.file().state is Out.SENT
