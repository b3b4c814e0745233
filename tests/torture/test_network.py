"""A session that is cut anywhere, in every way: the bank gets each file once or a person is asked.

The session carries a payment file of 16 KB out and a statement in. The full form cuts it every 64
bytes, both ways, in each mode; the short form at a few places, the answer to the rename among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from h2h.core.states import Publish
from tests.adapters.conftest import SshServer

from .proxy import MODES, Fault
from .report import FULL, Tally
from .wired import Trial, endure, measured, partial_files, wired_room

PARTS = 8 if FULL else 1  # of the places, a test each
STEP = 64  # bytes
BANKS = [(Publish.RENAME, False), (Publish.RENAME, True), (Publish.POSIX_RENAME, True)]
Place = tuple[str, int]


def places(size: dict[str, int]) -> Sequence[Place]:
    """Every 64 bytes of a session, both ways."""
    return [(way, at) for way in ("up", "down") for at in range(0, size[way], STEP)]


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("mode", MODES)
def test_cut_anywhere_a_payment_arrives_once_and_a_statement_is_booked_once(
    mode: str, part: int, start_server: Callable[..., SshServer], full: bool, tally: Tally
) -> None:
    publish, takes = BANKS[(part + MODES.index(mode)) % len(BANKS)]
    with wired_room(start_server(), publish, takes=takes) as room:
        trials = [Trial(room, 0)]
        whole = places(measured(trials[0]))
        chosen = whole[part::PARTS] if full else whole[-40::25]
        begun = 0
        for number, (way, after) in enumerate(chosen, start=1):
            trial = Trial(room, number)
            begun += endure(trial, Fault(mode, way, after), f"line cut: {mode}", tally)
            assert trial.found == [], (mode, way, after)
            trials.append(trial)
        assert partial_files(trials) == 0
        # a login that this machine was too busy for ends before its place, and is not counted
        assert begun >= 0.9 * len(chosen)
