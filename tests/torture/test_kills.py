"""kill -9 before and after every port call, over forty times each, and again during the recovery.

After each death and at the end the invariants are judged by a checker that knows no code of h2h.
The short form, once each, is tests/flows/test_kills.py; here it tries a few calls with the checker.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

from h2h.core.states import In, Out, Publish
from tests.flows.conftest import KILLED, run_and_kill

from .judged import judged
from .report import FULL

if TYPE_CHECKING:
    from h2h.ports import File
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, MakeRoom, MakeRounds, Room, Rounds

    from .report import Tally

TIMES_OUT = 7 if FULL else 1  # for each of six ways to publish: 42 times at every call and side
TIMES_IN = 14 if FULL else 1  # for each of three kinds of bank file
PARTS = 4 if FULL else 1
STRIDE = 1 if FULL else 48  # the short form tries every so-manieth call
MOST_MORE = 2  # further deaths, during the recovery
WAYS = [(publish, collects) for publish in Publish for collects in (False, True)][
    :: 1 if FULL else 5
]
BANK_FILES = ("st.xml", "told.xml", "fees.pdf")[: 3 if FULL else 1]


def chosen(calls: Sequence[str], part: int) -> list[int]:
    """The calls of this part."""
    return list(range(part, len(calls), STRIDE * PARTS))


def both_sides(calls: Sequence[str], chosen: Sequence[int]) -> set[tuple[str, str]]:
    return {(calls[at], side) for at in chosen for side in ("before", "after")}


def deaths(work: Rounds, calls: Sequence[str], part: int, times: int) -> Iterator[tuple[int, str]]:
    """Kill at each chosen call and side, again and again: (turn, where) after each death."""
    for at in chosen(calls, part):
        for turn in range(times):
            for number, name, side in work.killed(calls, at, at + 1):
                yield turn, f"{number} {name} {side}"


def killed_again(room: Room, work: Rounds, calls: Sequence[str], where: str, turn: int) -> int:
    """Kill the recovery up to MOST_MORE times, at calls that the seed chooses."""
    draw = random.Random(f"{where} {turn}")
    more = 0 if turn == 0 else draw.randint(0, MOST_MORE)
    died = 0
    for _ in range(more):
        at, side = draw.randrange(len(calls)), draw.choice(("before", "after"))
        died += run_and_kill(room, work.template.with_name("more"), at, side) == KILLED
        room.clock.advance(hours=1)
    return died


def poisoned(file: File, died: int) -> bool:
    """Was every death in its check or reading? Then it is set aside, as it should be."""
    aside = file.state in {Out.HELD, In.QUARANTINED}
    return died > MOST_MORE and aside and [each.rule for each in file.problems] == ["poison"]


def recover(room: Room) -> float:
    """The restart: seconds until the first sweep after it is done."""
    begun = time.monotonic()
    room.sweep()
    ready = time.monotonic() - begun
    room.sweep()
    return ready


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize(("publish", "collects"), WAYS)
def test_whatever_is_killed_a_payment_file_arrives_once_or_waits_for_a_person(
    publish: Publish,
    collects: bool,
    part: int,
    make_room: MakeRoom,
    rounds: MakeRounds,
    payment_file: PaymentFile,
    tally: Tally,
) -> None:
    content = payment_file()
    room = make_room(marker=".ok", collects=collects, publish=publish)
    room.furnish()
    work = rounds(room, lambda room: room.drop(content))
    calls = work.prepare()
    slowest = 0.0
    for turn, where in deaths(work, calls, part, TIMES_OUT):
        died = 1 + killed_again(room, work, calls, where, turn)
        assert judged(room, [content]) == [], where
        ready = recover(room)
        slowest = max(slowest, ready)
        (file,), times = room.files(), len(room.published())
        settled = file.state in {Out.SENT, Out.IN_DOUBT} or poisoned(file, died)
        lost = file.state is Out.SENT and not times
        tally(
            "kill -9 at a port call, payment file",
            tried=died,
            survived=died if settled and not lost and times < 2 else died - 1,
            lost=lost,
            doubled=times > 1,
            in_doubt=file.state is Out.IN_DOUBT,
        )
        tally("ready again within 10 s", survived=ready < 10)
        assert judged(room, [content]) == [], where
        assert settled, (where, file.state)
    print(f"{publish} collects={collects}: slowest restart {slowest:.2f} s")  # noqa: T201  measured
    assert work.hit() == both_sides(calls, chosen(calls, part))


def handed_over(room: Room) -> Counter[str]:
    """How often the ERP saw something of the bank file appear, by folder and suffix."""
    paths = [room.inbox / line for line in room.handed.read_text().splitlines()]
    return Counter(f"{p.parent.name}{p.suffix}" for p in paths if p.parent.name != "answers")


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("name", BANK_FILES)
def test_whatever_is_killed_a_bank_file_is_booked_and_handed_over_once(
    name: str,
    part: int,
    make_room: MakeRoom,
    rounds: MakeRounds,
    payment_file: PaymentFile,
    bank_files: BankFiles,
    tally: Tally,
) -> None:
    room = make_room()
    room.furnish()
    paid = payment_file()
    room.drop(paid)
    room.sweep()
    blocks = (bank_files.statement("1"), bank_files.statement("2", closing="999.00"))
    contents = {
        "st.xml": bank_files.report_file(*blocks),
        "told.xml": bank_files.status_file(),
        "fees.pdf": b"%PDF-1.7 fees",
    }
    content = contents[name]
    (room.bank / ("papers" if name == "fees.pdf" else "out") / name).write_bytes(content)
    work = rounds(room, lambda room: None)
    calls = work.prepare()
    handed = handed_over(room)
    for turn, where in deaths(work, calls, part, TIMES_IN):
        died = 1 + killed_again(room, work, calls, where, turn)
        assert judged(room, [paid], [content]) == [], where
        ready = recover(room)
        (file,) = room.files("in")
        seen = handed_over(room)
        missing = not poisoned(file, died) and handed - seen
        tally(
            "kill -9 at a port call, bank file",
            tried=died,
            survived=died if not missing and not seen - handed else died - 1,
            lost=sum(missing.values()) if missing else 0,
            doubled=sum((seen - handed).values()),
        )
        tally("ready again within 10 s", survived=ready < 10)
        assert judged(room, [paid], [content]) == [], where
        assert file.state is In.DONE or poisoned(file, died), where
        assert seen == handed or poisoned(file, died), where
    assert work.hit() == both_sides(calls, chosen(calls, part))
