"""kill -9 before and after every port call of a round, then a restart: the bank's log decides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable

import pytest

from h2h.core.states import In, Kept, Out, Publish

PAYMENT_IDS = ("MSG-1",)


def both_sides(calls):
    return {(name, side) for name in calls for side in ("before", "after")}


@pytest.mark.parametrize("collects", [False, True], ids=["lies there", "collected at once"])
@pytest.mark.parametrize("publish", list(Publish))
def test_killed_anywhere_a_payment_file_is_delivered_once(
    publish, collects, make_room, rounds, payment_file
) -> None:
    content = payment_file()
    room = make_room(marker=".ok", collects=collects, publish=publish)
    room.furnish()
    work = rounds(room, lambda room: room.drop(content))
    calls = work.prepare()
    for where in work.killed(calls):
        room.sweep(times=2)
        assert_delivered_once(room, content, where)
    assert work.hit() == both_sides(calls)


def assert_delivered_once(room, content, where) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    published = room.published()
    assert published in ([], [sha256]), where
    (file,) = room.files()
    print(where, file.state)
    if file.state is Out.SENT:
        assert [path.read_bytes() for path in room.at_the_bank()] == [content], where
        assert published == [sha256]
