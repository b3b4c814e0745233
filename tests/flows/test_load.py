"""Many files at once: gpg works ahead, and still each file goes once, in its turn, by itself."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from h2h.adapters.archive import dossier_path
from h2h.core.states import Out
from h2h.errors import Refused
from h2h.flows.ahead import Seals
from h2h.flows.sweep import Sweep
from h2h.flows.waves import sweep_outbound
from h2h.wiring import new_ids

if TYPE_CHECKING:
    from h2h.ports import Sealer
    from tests.conftest import PaymentFile
    from tests.flows.conftest import Room

MANY = 12
DEADLINE = 20.0


@dataclass
class Watched:
    """A sealer that first asks somebody else."""

    sealer: Sealer
    first: Callable[[Path], None]
    agents: int = 2

    def seal(self, plain: Path, sealed: Path) -> None:
        self.first(plain)
        self.sealer.seal(plain, sealed)

    def sidecar(self, sealed: Path) -> Path | None:
        return self.sealer.sidecar(sealed)

    def open(self, sealed: Path, plain: Path, largest: int) -> str:
        return self.sealer.open(sealed, plain, largest)

    __hash__ = object.__hash__


def drop(room: Room, payment_file: PaymentFile, count: int) -> list[bytes]:
    """One-payment files, each to another creditor."""
    contents = []
    for number in range(count):
        creditor = {"creditor_name": f"Supplier {number}", "amount": f"{number + 1}.00"}
        contents.append(payment_file(f"MSG-{number:03}", [creditor]))
        room.drop(contents[-1], f"pay-{number:03}.xml")
    return contents


def run(
    room: Room,
    first: Callable[[Path], None] = lambda _: None,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    with room.services() as services:
        sealers = {name: Watched(one, first) for name, one in services.sealers.items()}
        with Sweep(replace(services, sealers=sealers), stopping=stopping) as sweep:
            sweep_outbound(sweep)


def states(room: Room) -> Counter[str]:
    return Counter(file.state.value for file in room.files())


def test_of_many_files_each_is_delivered_once_and_answered(
    room: Room, payment_file: PaymentFile
) -> None:
    contents = drop(room, payment_file, MANY)
    run(room)
    assert states(room) == {"sent": MANY}
    assert len(room.published()) == len(set(room.published())) == MANY
    assert sorted(path.read_bytes() for path in room.at_the_bank()) == sorted(contents)
    told = [json.loads(path.read_text()) for path in (room.inbox / "acme/answers").glob("*.json")]
    assert Counter(answer["file"] for answer in told if answer["verdict"] == "sent") == Counter(
        f"pay-{number:03}.xml" for number in range(MANY)
    )


def test_the_bank_gets_them_in_the_order_in_which_they_were_dropped(
    room: Room, payment_file: PaymentFile
) -> None:
    drop(room, payment_file, MANY)
    even_later = threading.Event()

    def slow_first(plain: Path) -> None:
        if b"MSG-000" in plain.read_bytes():
            even_later.wait(DEADLINE)
        elif b"MSG-003" in plain.read_bytes():
            even_later.set()

    run(room, slow_first)
    names = [(file.name, file.final_name) for file in room.files()]
    assert sorted(names, key=lambda pair: pair[1]) == sorted(names)


def test_the_next_file_is_being_sealed_while_the_first_one_still_is(
    room: Room, payment_file: PaymentFile
) -> None:
    drop(room, payment_file, 4)
    together = threading.Barrier(2)
    met: list[bool] = []

    def meet(_: Path) -> None:
        with suppress(threading.BrokenBarrierError):
            together.wait(DEADLINE)
            met.append(True)

    run(room, meet)
    assert met == [True] * 4


def test_a_file_that_cannot_be_sealed_stops_itself_alone(
    room: Room, payment_file: PaymentFile
) -> None:
    drop(room, payment_file, MANY)

    def refuse_one(plain: Path) -> None:
        if b"MSG-007" in plain.read_bytes():
            raise Refused("the key cannot be used", "Look at the ring")

    run(room, refuse_one)
    assert states(room) == {"sent": MANY - 1, "held": 1}
    assert room.file("pay-007.xml").state is Out.HELD
    assert len(room.published()) == MANY - 1


def test_told_to_stop_in_the_middle_the_rest_goes_at_the_next_start(
    room: Room, payment_file: PaymentFile
) -> None:
    drop(room, payment_file, MANY)
    run(room, stopping=lambda: len(room.published()) >= 5)
    assert 5 <= len(room.published()) < MANY
    assert states(room)["delivering"] == 0
    run(room)
    assert states(room) == {"sent": MANY}
    assert len(room.published()) == len(set(room.published())) == MANY


def test_what_was_approved_before_is_judged_again_before_it_is_sealed(
    room: Room, payment_file: PaymentFile
) -> None:
    drop(room, payment_file, 3)
    run(room, stopping=lambda: any(file["target"] == "approved" for file in moved(room)))
    (approved,) = [file for file in room.files() if file.state is Out.APPROVED]
    with closing(sqlite3.connect(room.root / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE files SET sha256 = 'another' WHERE id = ?", [approved.id])
    sealed: list[str] = []
    run(room, lambda plain: sealed.append(plain.parent.name))
    assert states(room) == {"sent": 2, "held": 1}
    assert len(sealed) == 2
    assert approved.id not in sealed


def moved(room: Room) -> list[dict[str, str | int | None]]:
    return room.log.named("moved")


def test_what_is_being_sealed_is_not_begun_twice(tmp_path: Path) -> None:
    begun: list[Path] = []

    class Slow:
        agents = 2

        def seal(self, _: Path, sealed: Path) -> None:
            begun.append(sealed)

    seals, sealer = Seals(), cast("Sealer", Slow())
    for _ in range(2):
        seals.begin(sealer, tmp_path / "plain", tmp_path / "sealed")
    seals.make(sealer, tmp_path / "plain", tmp_path / "sealed")
    seals.close()
    assert begun == [tmp_path / "sealed"]


def test_ids_of_one_moment_are_all_different(room: Room) -> None:
    draw = new_ids(room.clock)
    ids = [draw() for _ in range(20_000)]
    assert len({*ids}) == len(ids)
    assert {dossier_path(room.root, each).parent for each in ids} == {room.root / "2026/11/23"}


def test_an_id_that_is_taken_is_drawn_again(room: Room, payment_file: PaymentFile) -> None:
    drop(room, payment_file, 1)
    room.sweep()
    (first,) = room.files()
    drop(room, payment_file, 3)
    with room.services() as services:
        ids = iter([f"{first.id[:-6]}abcdef", first.id])
        drawn = replace(services, new_id=lambda: next(ids, None) or services.new_id())
        room.run(drawn)
    room.sweep()
    states = Counter(file.state for file in room.files())
    assert states == {Out.SENT: 3, Out.DUPLICATE: 1}
    assert len({*room.published()}) == len(room.published()) == 3
    assert not any((room.root / "outbox" / "acme").iterdir())
