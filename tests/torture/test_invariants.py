"""The checker sees what it is there to see: each invariant is broken by hand, and named."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .invariants import Told, broken, sha256_of
from .judged import place_of

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, Room

Harm = Callable[["Room"], None]


def sql(*statements: str) -> Harm:
    def harm(room: Room) -> None:
        with closing(sqlite3.connect(room.root / "ledger.db")) as ledger, ledger:
            for trigger in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
                ledger.execute(f"DROP TRIGGER {trigger[0]}")
            for statement in statements:
                assert ledger.execute(statement).rowcount != 0

    return harm


def original(room: Room) -> Path:
    return next((room.root / "archive").glob("[0-9]*/*/*/*/original.xml"))


def sent(room: Room) -> Path:
    return next((room.bank / "in").iterdir())


def left_in_its_door(room: Room) -> None:
    room.drop(original(room).read_bytes(), "again.xml")


def lost(room: Room) -> None:
    original(room).unlink()


def lost_at_the_bank(room: Room) -> None:
    for received in (room.root / "archive").glob("[0-9]*/*/*/*/received"):
        received.unlink()


def sent_twice(room: Room) -> None:
    log = room.deliveries.read_text()
    room.deliveries.write_text(log + log)


def sent_under_another_name(room: Room) -> None:
    log = room.deliveries.read_text()
    room.deliveries.write_text(log + log.split()[0] + " other.xml\n")


def never_arrived(room: Room) -> None:
    room.deliveries.write_text("")


def cut_short(room: Room) -> None:
    whole = sent(room).read_bytes()
    sent(room).write_bytes(whole[:-20])


def received_in_part(room: Room) -> None:
    with room.deliveries.open("a") as log:
        log.write(f"{sha256_of(b'half')} half.xml\n")


def unanswered(room: Room) -> None:
    for path in room.inbox.rglob("answers/*.json"):
        path.unlink()


def half_answered(room: Room) -> None:
    for path in room.inbox.rglob("answers/*.json"):
        path.write_text(path.read_text()[:-9])


HARMS: list[tuple[str, Harm]] = [
    ("I1", left_in_its_door),
    ("I1", lost),
    ("I1", lost_at_the_bank),
    ("I2", sent_twice),
    ("I2", sent_under_another_name),
    ("I2", never_arrived),
    ("I2", sql("UPDATE files SET state = 'staged' WHERE state = 'sent'")),
    ("I3", cut_short),
    ("I3", received_in_part),
    ("I4", sql("DELETE FROM moves WHERE target = 'approved'")),
    ("I4", sql("DELETE FROM moves WHERE target = 'opened'")),
    ("I5", sql("UPDATE moves SET because = 'edited' WHERE sequence = 3")),
    ("I5", sql("DELETE FROM moves WHERE sequence = 3")),
    ("I5", sql("UPDATE files SET state = 'exporting' WHERE state = 'done'")),
    ("I5", sql("UPDATE files SET last_move = 1")),
    ("I6", sql("UPDATE statements SET closing = '150.01'")),
    ("I6", sql("DELETE FROM entries")),
    ("I7", unanswered),
    ("I7", half_answered),
    ("I7", sql("UPDATE files SET failures = 1, due_because = ''")),
]


@pytest.fixture
def told(room: Room, payment_file: PaymentFile, bank_files: BankFiles) -> Told:
    """A room in which a payment file was sent and a statement booked."""
    content = payment_file()
    statement = bank_files.report_file(bank_files.statement("1"))
    room.drop(content)
    (room.bank / "out" / "st.xml").write_bytes(statement)
    room.sweep()
    return Told([content], offered=[statement])


def test_a_room_where_all_went_well_breaks_none(room: Room, told: Told) -> None:
    assert broken(place_of(room), told) == []


def test_each_harm_breaks_the_invariant_that_forbids_it(room: Room, told: Told) -> None:
    whole = room.root.with_name("whole")
    shutil.copytree(room.root, whole)
    for number, (invariant, harm) in enumerate(HARMS):
        shutil.rmtree(room.root)
        shutil.copytree(whole, room.root)
        harm(room)
        found = broken(place_of(room), told)
        assert invariant in {words.partition(":")[0] for words in found}, (number, found)


def test_what_must_never_go_out_or_be_booked_is_seen(room: Room, told: Told) -> None:
    bad = frozenset(map(sha256_of, told.dropped))
    forged = frozenset(map(sha256_of, told.offered))
    found = broken(place_of(room), Told(told.dropped, bad, told.offered, forged))
    assert [words.partition(":")[0] for words in found] == ["I4", "I4"]
