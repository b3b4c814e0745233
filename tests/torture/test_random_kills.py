"""kill -9 at random moments under load: the ERP drops, the bank collects and lays out, h2h dies.

One process plays ERP, bank and killer: it starts h2h as a child that sweeps for ever, and between
two looks at the bank's folder ends it after a time that a seeded generator draws. After each death
the checker judges; at the end a person settles what waits for one.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h import desk
from h2h.core.states import In, Kept, Out, Publish
from h2h.flows.sweep import Sweep

from .invariants import Told, broken, sha256_of
from .judged import place_of
from .report import FULL

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, MakeRoom, Room

    from .report import Tally

ROUNDS = 40 if FULL else 1
KILLS = 50 if FULL else 6  # a round: 2,000 in all
LONGEST = 0.25  # seconds that a process lives at most; a file takes about 0.02
PAYMENT_FILES = 24 if FULL else 8
STATEMENTS = 8 if FULL else 3


@dataclass
class Town:
    """ERP and bank around a room, each with what it knows itself."""

    room: Room
    to_drop: list[tuple[str, bytes]]
    to_offer: list[tuple[str, bytes]]
    bad: frozenset[str]
    dropped: list[bytes] = field(default_factory=list)
    offered: list[bytes] = field(default_factory=list)
    seen: set[tuple[str, int]] = field(default_factory=set)

    def work(self, draw: random.Random) -> None:
        """The ERP and the bank each do a little."""
        if self.to_drop and draw.random() < 0.3:
            self.dropped.append(self._appear(self.room.root / "outbox" / "acme", self.to_drop))
        if self.to_offer and draw.random() < 0.1:
            self.offered.append(self._appear(self.room.bank / "out", self.to_offer))
        self.look()

    def _appear(self, folder: Path, rest: list[tuple[str, bytes]]) -> bytes:
        """A file appears whole, as a good writer lets it."""
        name, content = rest.pop(0)
        aside = self.room.root / "aside"
        aside.write_bytes(content)
        aside.rename(folder / name)
        return content

    def look(self) -> None:
        """The bank notes what is new under a final name, and may collect it."""
        for path in sorted((self.room.bank / "in").iterdir()):
            if path.name.endswith(".tmp"):  # which may be gone before it is looked at
                continue
            mark = path.name, path.stat().st_ino
            if mark in self.seen or self._grows(path):
                continue
            self.seen.add(mark)
            with self.room.deliveries.open("a") as log:
                log.write(f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.name}\n")
            if self.room.collects:
                path.rename(self.room.collected / f"{len(self.seen)}-{path.name}")

    def _grows(self, path: Path) -> bool:
        """A bank that has files written under their final names waits for their end."""
        direct = self.room.terms.publish is Publish.DIRECT
        return direct and not path.read_bytes().endswith(b"</Document>\n")

    def judged(self) -> list[str]:
        told = Told(self.dropped, self.bad, self.offered)
        return broken(place_of(self.room), told)

    def unfinished(self) -> bool:
        return bool(self.to_drop or self.to_offer)


def live(room: Room) -> None:
    """The child: h2h as a daemon, which sweeps again and again until it is killed."""
    with room.services() as services:
        while True:
            room.run(services)


def one_life(town: Town, draw: random.Random) -> None:
    """Start h2h, and kill it at a moment of the seed's choice."""
    child = os.fork()
    if child == 0:
        try:
            live(town.room)
        finally:
            os._exit(70)
    end = time.monotonic() + draw.uniform(0, LONGEST)
    try:
        while time.monotonic() < end:
            town.work(draw)
            time.sleep(0.002)  # the bank looks every so often; the moment of death is what is drawn
    finally:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    town.look()
    town.room.clock.advance(hours=1)


def finish(town: Town) -> int:
    """Let everything come to its end; a person settles what waits. Returns how many waited."""
    room, waited = town.room, 0
    draw = random.Random(0)
    while town.unfinished():
        town.work(draw)
    for _ in range(3):
        room.sweep(times=2)
        town.look()
        waiting = [file for file in room.files() if file.state in {Out.IN_DOUBT, Out.HELD}]
        waited += len(waiting)
        for file in waiting:
            settle(room, file.id)
        for file in room.files("in"):
            if file.state is In.QUARANTINED:
                with room.ledger() as ledger:
                    desk.replay(ledger, file.id, "anna", "it was killed", room.clock.now())
    return waited


def settle(room: Room, file_id: str) -> None:
    """The bank is asked, and answers out of its log."""
    has = {line.split(maxsplit=1)[1] for line in room.deliveries.read_text().splitlines()}
    with room.services() as services, Sweep(services) as sweep:
        file = services.ledger.file(file_id)
        assert file is not None
        signed = ("anna", "the bank was asked")
        if file.state is Out.HELD:
            assert [problem.rule for problem in file.problems] == ["poison"], file.problems
            desk.release(services.ledger, file_id, *signed, sweep.now, seen=file.last_move)
        elif file.final_name in has:
            desk.resolve_sent(services.ledger, file_id, *signed, sweep.now)
        else:
            (room.bank / "in" / file.final_name).unlink(missing_ok=True)  # the bank drops a half
            desk.resolve_not_sent(sweep, file_id, *signed, seen=file.last_move)


@pytest.fixture
def town(
    make_room: MakeRoom, payment_file: PaymentFile, bank_files: BankFiles
) -> Callable[[int], Town]:
    """town(seed): good files, among them a broken one and one that is dropped twice."""

    def build(seed: int) -> Town:
        publish, collects = [*itertools.product(Publish, (False, True))][seed % 6]
        room = make_room(publish=publish, collects=collects)
        room.watched = True
        room.furnish()
        good = [payment_file(f"MSG-{n}", [{}] * (1 + n % 5)) for n in range(PAYMENT_FILES)]
        cut = payment_file("MSG-BAD")[:-40]
        drops = [(f"pay-{n}.xml", content) for n, content in enumerate(good)]
        drops[3:3] = [("again.xml", good[1]), ("cut.xml", cut)]
        offers = [
            (f"st-{n}.xml", bank_files.report_file(bank_files.statement(str(n))))
            for n in range(STATEMENTS)
        ]
        return Town(room, drops, offers, frozenset({sha256_of(cut)}))

    return build


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_killed_at_random_under_load_everything_arrives_once(
    seed: int, town: Callable[[int], Town], tally: Tally
) -> None:
    place, draw = town(seed), random.Random(seed)
    for kill in range(KILLS):
        one_life(place, draw)
        assert place.judged() == [], (seed, kill)
    waited = finish(place)
    times = Counter(place.room.published())
    expected = {sha256_of(content) for content in place.dropped} - place.bad
    lost = len(expected - times.keys())
    doubled = sum(number - 1 for number in times.values())
    tally(
        "kill -9 at random under load",
        tried=KILLS,
        survived=KILLS - lost - doubled,
        lost=lost,
        doubled=doubled,
        in_doubt=waited,
    )
    assert place.judged() == []
    assert times == Counter(expected)
    assert_all_settled(place)


def assert_all_settled(place: Town) -> None:
    states = {file.name: file.state for file in place.room.files()}
    assert states.pop("cut.xml") is Out.INVALID
    pair = {states.pop("again.xml"), states.pop("pay-1.xml")}
    assert pair == {Out.SENT, Out.DUPLICATE}
    assert set(states.values()) == {Out.SENT}
    assert {file.state for file in place.room.files("in")} == {In.DONE}
    with place.room.ledger() as ledger:
        rows = ledger.statements()
    assert Counter(row.kept for row in rows) == {Kept.BOOKED: STATEMENTS}
    # all tell of one day, so a person must release the hand-over of every one but the first
    assert all(row.exported or row.waits for row in rows)
