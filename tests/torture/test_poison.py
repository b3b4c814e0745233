"""A file that ends the process which reads it: after three deaths it is set aside, others go on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from h2h import desk
from h2h.adapters.messages import Iso20022Messages
from h2h.adapters.pgp import GpgSealer
from h2h.cli.run import _end_at_sigterm
from h2h.core.payment import Verdict
from h2h.core.problem import Severity
from h2h.core.states import In, Out
from h2h.core.terms import CheckTerms
from h2h.errors import Transient
from h2h.ports import BankMessage, Services

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, Room

    from .report import Tally

POISON = b"POISON"


def is_killed() -> NoReturn:
    """As by the kernel when memory is out, or by systemd's watchdog."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("it lives on")


def crashes() -> NoReturn:
    """As a parser does after a segmentation fault."""
    os._exit(139)


def is_stopped() -> NoReturn:
    """SIGTERM, as the commands take it."""
    _end_at_sigterm()
    os.kill(os.getpid(), signal.SIGTERM)
    raise AssertionError("it lives on")


def may_pass() -> NoReturn:
    raise Transient("the schema cannot be read now")


Harm = Callable[[], NoReturn]


def taste(path: Path, harm: Harm) -> None:
    """Do `harm` where the word POISON stands in the file."""
    if POISON in path.read_bytes():
        harm()


class FatalMessages(Iso20022Messages):
    """The real ones, but that poison harms."""

    def __init__(self, harm: Harm) -> None:
        self.harm = harm

    def check(self, path: Path, terms: CheckTerms, today: date, *, first: bool = False) -> Verdict:
        taste(path, self.harm)
        return super().check(path, terms, today, first=first)

    def read(
        self, path: Path, largest: int, severities: Mapping[str, Severity] | None = None
    ) -> BankMessage:
        taste(path, self.harm)
        return super().read(path, largest, severities)


class FatalSealer(GpgSealer):
    """The real one, but that poison harms whoever opens it."""

    def __init__(self, home: Path, harm: Harm) -> None:
        super().__init__(home, "none")
        self.harm = harm

    def open(self, sealed: Path, plain: Path, largest: int) -> str:
        taste(sealed, self.harm)
        return super().open(sealed, plain, largest)


def one_life(room: Room) -> int:
    """A sweep in a process of its own; its exit status, or minus the signal that killed it."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            room.sweep()
            code = 0
        except SystemExit as stop:
            code = int(str(stop.code))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    room.clock.advance(hours=1)
    return os.waitstatus_to_exitcode(status)


def states(room: Room, direction: str = "out") -> dict[str, str]:
    return {file.name: file.state.value for file in room.files(direction)}


def drop_three(room: Room, payment_file: PaymentFile) -> None:
    """The second of three is poison."""
    room.drop(payment_file("MSG-1"), "a.xml")
    room.drop(payment_file("POISON"), "b.xml")
    room.drop(payment_file("MSG-3"), "c.xml")


@pytest.mark.parametrize(("harm", "status"), [(is_killed, -signal.SIGKILL), (crashes, 139)])
def test_a_payment_file_in_whose_check_h2h_dies_three_times_is_held_and_its_neighbours_go(
    harm: Harm, status: int, room: Room, payment_file: PaymentFile, tally: Tally
) -> None:
    room.messages = FatalMessages(harm)
    drop_three(room, payment_file)
    ends = [one_life(room) for _ in range(4)]
    survived = states(room) == {"a.xml": Out.SENT, "b.xml": Out.HELD, "c.xml": Out.SENT}
    tally("poison, payment file", survived=survived)
    assert ends == [status, status, status, 0]
    assert survived, states(room)
    (problem,) = room.file("b.xml").problems
    assert (problem.rule, problem.severity) == ("poison", Severity.HOLD)
    assert "3 times" in problem.message
    assert "h2h release" in problem.remedy
    assert len(room.published()) == 2


@pytest.mark.parametrize("where", ["open", "read"])
def test_a_bank_file_in_whose_reading_h2h_dies_three_times_is_quarantined_and_its_neighbours_go(
    where: str, room: Room, bank_files: BankFiles, tally: Tally
) -> None:
    if where == "open":
        room.sealer = FatalSealer(room.root, is_killed)
    else:
        room.messages = FatalMessages(is_killed)
    for name, block in (
        ("a.xml", bank_files.statement("1")),
        ("b.xml", bank_files.statement("2") + "<!-- POISON -->"),
        ("c.xml", bank_files.notification("3")),
    ):
        message = "camt.054.001.02" if name == "c.xml" else "camt.053.001.02"
        content = bank_files.report_file(block, message=message)
        (room.bank / "out" / name).write_bytes(content)
    ends = [one_life(room) for _ in range(4)]
    wanted = {"a.xml": In.DONE, "b.xml": In.QUARANTINED, "c.xml": In.DONE}
    survived = states(room, "in") == wanted
    tally("poison, bank file", survived=survived)
    assert ends == [-signal.SIGKILL] * 3 + [0]
    assert survived, states(room, "in")
    (problem,) = room.file("b.xml").problems
    assert (problem.rule, problem.severity) == ("poison", Severity.ERROR)
    assert "h2h replay" in problem.remedy


def test_a_released_poison_file_gets_its_attempts_anew(
    room: Room, payment_file: PaymentFile
) -> None:
    room.messages = FatalMessages(is_killed)
    drop_three(room, payment_file)
    for _ in range(4):
        one_life(room)
    release(room)
    ends = [one_life(room) for _ in range(4)]
    assert ends == [-signal.SIGKILL] * 3 + [0]
    assert room.file("b.xml").state is Out.HELD
    release(room)
    room.messages = Iso20022Messages()  # h2h was mended
    assert one_life(room) == 0
    assert room.file("b.xml").state is Out.SENT


def release(room: Room) -> None:
    with room.ledger() as ledger:
        file, signed = room.file("b.xml"), ("anna", "looked at it")
        desk.release(ledger, file.id, *signed, room.clock.now(), seen=file.last_move)


def test_a_quarantined_poison_file_that_is_replayed_gets_its_attempts_anew(
    room: Room, bank_files: BankFiles
) -> None:
    content = bank_files.report_file(bank_files.statement("2") + "<!-- POISON -->")
    (room.bank / "out" / "b.xml").write_bytes(content)
    room.messages = FatalMessages(is_killed)
    assert [one_life(room) for _ in range(4)][-1] == 0
    room.messages = Iso20022Messages()
    with room.ledger() as ledger:
        desk.replay(ledger, room.file("b.xml").id, "anna", "upgraded", room.clock.now())
    assert one_life(room) == 0
    assert room.file("b.xml").state is In.DONE


@pytest.mark.parametrize(("harm", "status"), [(is_stopped, 143), (may_pass, 0)])
def test_neither_a_stop_nor_an_error_that_may_pass_is_a_death(
    harm: Harm, status: int, room: Room, payment_file: PaymentFile
) -> None:
    room.messages = FatalMessages(harm)
    drop_three(room, payment_file)
    assert [one_life(room) for _ in range(5)] == [status] * 5
    file = room.file("b.xml")
    assert (file.state, file.begun) == (Out.CLAIMED, 0)


def test_a_stop_between_two_deaths_begins_the_count_anew(
    room: Room, payment_file: PaymentFile
) -> None:
    drop_three(room, payment_file)
    for harm in (is_killed, is_killed, is_stopped, is_killed, is_killed):
        room.messages = FatalMessages(harm)
        one_life(room)
    file = room.file("b.xml")
    assert (file.state, file.begun) == (Out.CLAIMED, 2)


def test_with_no_attempts_set_a_file_is_never_set_aside(
    room: Room, payment_file: PaymentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = type(room)._services

    def services(self: Room, ledger: object) -> Services:
        return replace(usual(self, ledger), poison_attempts=0)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(type(room), "_services", services)
    room.messages = FatalMessages(is_killed)
    drop_three(room, payment_file)
    assert [one_life(room) for _ in range(5)] == [-signal.SIGKILL] * 5
    file = room.file("b.xml")
    assert (file.state, file.begun) == (Out.CLAIMED, 0)


def test_deaths_after_the_check_set_nothing_aside(room: Room, payment_file: PaymentFile) -> None:
    def dies(*_: object) -> None:
        is_killed()

    class FatalSeal(FatalSealer):
        seal = dies  # type: ignore[assignment]  # whatever it is given

    room.sealer = FatalSeal(room.root, is_killed)
    room.drop(payment_file("MSG-1"), "a.xml")
    assert [one_life(room) for _ in range(5)] == [-signal.SIGKILL] * 5
    room.sealer = None
    assert one_life(room) == 0
    assert room.file("a.xml").state is Out.SENT
