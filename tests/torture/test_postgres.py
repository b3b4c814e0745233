"""The ledger on PostgreSQL: h2h is killed at a port call, the server is restarted under load."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.core.chain import first_broken
from h2h.core.states import Out
from h2h.errors import H2HError
from tests.flows.conftest import KILLED, Killer, MakeRoom, Room, run_and_kill
from tests.postgres import Cluster

from .report import FULL, Tally

if TYPE_CHECKING:
    from tests.conftest import PaymentFile

_SIDES = ("before", "after")
_SETTLED = (Out.SENT, Out.IN_DOUBT)
_PATIENCE = 120.0
_A_RESTART = 3  # files


@pytest.fixture
def furnished(
    make_room: MakeRoom, cluster: Cluster, ledger_template: str
) -> Iterator[tuple[Room, str]]:
    """A room whose ledger is on PostgreSQL, and the name of its database."""
    name = cluster.empty(ledger_template)
    room = make_room()
    room.database = cluster.url(name)
    room.furnish()
    yield room, name
    cluster.drop(name)


# ------------------------------------------------------------------------------------------- kills


@pytest.mark.parametrize("part", range(4 if FULL else 1))  # of the calls
def test_killed_anywhere_a_payment_file_is_delivered_once(
    part: int,
    furnished: tuple[Room, str],
    cluster: Cluster,
    payment_file: PaymentFile,
    tmp_path: Path,
    tally: Tally,
) -> None:
    room, base = furnished
    shutil.copytree(room.root, tmp_path / "template")
    hits = tmp_path / "hits"
    hits.touch()
    begins = room.clock.time

    def again() -> str:
        """The room and its database as they were, with a file in the door."""
        room.clock.time = begins
        shutil.rmtree(room.root)
        shutil.copytree(tmp_path / "template", room.root)
        name = cluster.empty(base)
        room.database = cluster.url(name)
        room.drop(payment_file())
        return name

    name = again()
    killer = room.killer = Killer(hits)
    room.sweep()
    room.killer = None
    cluster.drop(name)
    assert len(room.published()) == 1
    tried = [(at, side) for at in chosen(killer.calls, part) for side in _SIDES]
    for at, side in tried:
        name = again()
        assert run_and_kill(room, hits, at, side) == KILLED
        room.clock.advance(hours=1)
        room.sweep(times=2)
        (file,), published = room.files(), room.published()
        cluster.drop(name)
        tally(
            "kill at a port call, PostgreSQL",
            survived=int(file.state in _SETTLED),
            doubled=max(0, len(published) - 1),
            in_doubt=int(file.state is Out.IN_DOUBT),
            lost=int(file.state is Out.SENT and not published),
        )
        assert file.state in _SETTLED, (at, side)
        assert published == [file.sha256] or (file.state, published) == (Out.IN_DOUBT, [])
    names = [line.split()[0] for line in hits.read_text().splitlines()]
    assert names == [killer.calls[at] for at, _ in tried]


def chosen(calls: Sequence[str], part: int) -> Sequence[int]:
    """A quarter of the calls; in the short form some around the announcement and the delivery."""
    if FULL:
        return range(part, len(calls), 4)
    rename = calls.index("session.rename")
    announced = max(at for at, name in enumerate(calls[:rename]) if name == "ledger.move")
    return (announced, rename, calls.index("ledger.move", rename))


# ----------------------------------------------------------------------------------- restarts


@pytest.mark.parametrize("part", range(10 if FULL else 1))
def test_each_file_is_sent_once_while_the_server_is_restarted_at_once(
    part: int,
    furnished: tuple[Room, str],
    cluster: Cluster,
    payment_file: PaymentFile,
    tally: Tally,
) -> None:
    room, _ = furnished
    restarts = 10 if FULL else 3
    worker = in_the_background(lambda: work(room))
    for number in range(restarts):
        for each in range(number * _A_RESTART, (number + 1) * _A_RESTART):
            amount = f"{each + 1}.{part:02}"  # no payment is similar to another
            content = payment_file(f"M-{part}-{each}", [{"amount": amount}])
            hidden = room.root / "outbox" / "acme" / f".{each}.tmp"
            hidden.write_bytes(content)
            hidden.rename(hidden.with_name(f"pay{each}.xml"))
        until(lambda arrived=number * _A_RESTART: len(room.published()) > arrived)  # type: ignore[misc]
        cluster.restart()
    (room.root / "enough").touch()
    _, status = os.waitpid(worker, 0)
    files, published = room.files(), Counter(room.published())
    lost = [file for file in files if file.state is Out.SENT and not published[file.sha256]]
    tally(
        "PostgreSQL restarted at once, files under way",
        tried=restarts * _A_RESTART,
        survived=sum(file.state in _SETTLED for file in files),
        doubled=sum(times - 1 for times in published.values()),
        in_doubt=sum(file.state is Out.IN_DOUBT for file in files),
        lost=len(lost),
    )
    assert status == 0
    assert len(files) == restarts * _A_RESTART
    assert {file.state for file in files} <= {*_SETTLED}
    assert set(published.values()) == {1}
    assert lost == []
    with room.ledger() as ledger:
        assert first_broken(ledger.moves()) is None


def work(room: Room) -> None:
    """Sweep, as a daemon that starts again does, until all is done; no error but ours comes."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        last = (room.root / "enough").exists()
        try:
            room.sweep()
            outbox = room.root / "outbox" / "acme"
            if last and not [*outbox.iterdir()] and all(f.state in _SETTLED for f in room.files()):
                return
        except H2HError:
            continue
    raise AssertionError


def in_the_background(act: Callable[[], None]) -> int:
    """`act` in a process of its own, which ends with 0 when it returns."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return child


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)
