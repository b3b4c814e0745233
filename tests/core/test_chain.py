"""The hash chain finds every edited, removed, added and reordered record, and names the first."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from h2h.core.chain import GENESIS, Broken, Link, first_broken, link, record, record_of

CHANGED = "its content was changed after it was written"


@dataclass(frozen=True)
class Move:
    sequence: int
    file_id: str
    source: str
    target: str
    at: datetime
    who: str
    because: str
    content: str
    previous: str = ""
    hash: str = ""


def chained(count: int) -> list[Move]:
    start = datetime(2026, 11, 23, 10, tzinfo=UTC)
    moves: list[Move] = []
    previous = GENESIS
    for n in range(1, count + 1):
        at = start + timedelta(seconds=n)
        move = Move(n, f"file-{n % 3}", "claimed", "valid", at, "h2h", "Müller\n", "ab")
        previous, before = link(previous, record_of(move)), previous
        moves.append(replace(move, previous=before, hash=previous))
    return moves


def test_an_untouched_chain_holds() -> None:
    assert first_broken(chained(50)) is None
    assert first_broken([]) is None


@pytest.mark.parametrize(
    "forge",
    [
        lambda move: replace(move, file_id="forged"),
        lambda move: replace(move, source="forged"),
        lambda move: replace(move, target="forged"),
        lambda move: replace(move, who="forged"),
        lambda move: replace(move, because="forged"),
        lambda move: replace(move, content="forged"),
        lambda move: replace(move, hash="forged"),
    ],
)
def test_an_edited_record_is_named(forge: Callable[[Move], Move]) -> None:
    moves = chained(20)
    moves[6] = forge(moves[6])
    assert first_broken(moves) == Broken(7, moves[6].file_id, CHANGED)


def test_a_record_with_another_number_or_moment_is_named() -> None:
    moves = chained(20)
    renumbered = replace(moves[-1], sequence=21)
    gap = Broken(20, "", "it is missing: 21 comes after 19")
    assert first_broken([*moves[:-1], renumbered]) == gap
    later = replace(moves[-1], at=moves[-1].at + timedelta(microseconds=1))
    assert first_broken([*moves[:-1], later]) == Broken(20, later.file_id, CHANGED)


def test_a_forged_record_with_a_fitting_hash_is_named_by_its_successor() -> None:
    moves = chained(20)
    forged = replace(moves[6], who="mallory")
    moves[6] = replace(forged, hash=link(forged.previous, record_of(forged)))
    broken = first_broken(moves)
    assert broken is not None
    assert broken.sequence == 8


def test_a_removed_an_added_and_a_swapped_record_are_named() -> None:
    choose = random.Random(7)
    for _ in range(200):
        whole = chained(12)
        place = choose.randrange(11)
        removed = whole[:place] + whole[place + 1 :]
        doubled = whole[: place + 1] + whole[place:]
        swapped = [*whole[:place], whole[place + 1], whole[place], *whole[place + 2 :]]
        for tampered in (removed, doubled, swapped):
            broken = first_broken(tampered)
            assert broken is not None
            assert broken.sequence in {place + 1, place + 2}


def test_the_same_moment_in_another_zone_hashes_alike() -> None:
    at = datetime(2026, 11, 23, 10, tzinfo=UTC)
    berlin = at.astimezone(timezone(timedelta(hours=1)))
    assert record(1, "f", "a", "b", at, "h2h", "", "") == record(
        1, "f", "a", "b", berlin, "h2h", "", ""
    )


def test_what_is_read_fast_is_what_was_written() -> None:
    texts = ("file-1", "a", "b", "2026", 'Müller "M"\\', "\n\x1f\u2028", "ab")
    each = Link(7, *texts, GENESIS, "cd")
    assert each.deserved() == link(GENESIS, each.record())
    assert each.line() == json.dumps({**each.record(), "previous": GENESIS, "hash": "cd"}) + "\n"


def test_fields_cannot_be_shifted_into_each_other() -> None:
    assert link(GENESIS, {"who": "ab", "because": "c"}) != link(
        GENESIS, {"who": "a", "because": "bc"}
    )
