"""The bank's server stops in the middle: frozen and thawed late, killed, restarted.

A frozen server has the bytes of a rename in its buffer and may execute it long after h2h has given
up, looked, and asked a person.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from h2h.core.states import Publish
from tests.adapters.conftest import SshServer, wait_until

from .proxy import Fault
from .report import FULL, Tally
from .wired import Trial, endure, measured, partial_files, wired_room

KINDS = ("frozen, thawed late", "frozen, thawed soon", "killed", "restarted")
STOPS = 53 if FULL else 1  # of each kind: 212 in all, of which a few may end too early
BANKS = [(Publish.RENAME, True), (Publish.RENAME, False), (Publish.POSIX_RENAME, True)]


@dataclass
class Stop:
    """One stop of a server, by its kind."""

    server: SshServer
    kind: str
    frozen: list[int] = field(default_factory=list)

    def act(self) -> None:
        """When the bytes have passed."""
        if self.kind.startswith("frozen"):
            self.frozen = self._sessions()
            for pid in self.frozen:
                os.kill(pid, signal.SIGSTOP)
        else:
            self.server.kill_sessions()
            if self.kind == "restarted":
                self.server.stop()

    def soon(self) -> None:
        """Before h2h comes back."""
        if self.kind == "restarted" and self.server.process is None:
            self.server.start()
        if self.kind.endswith("soon"):
            self._thaw()

    def late(self) -> None:
        """After h2h has come as far as it could."""
        self._thaw()

    def _sessions(self) -> list[int]:
        """The server's processes that speak with somebody, the children's children too."""
        found: list[int] = []
        parents = [self.server.pid]
        while parents:
            parent = parents.pop()
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
            parents += map(int, children)
            found += map(int, children)
        return found

    def _thaw(self) -> None:
        """Let it do what it still had to do, to its end."""
        pids, self.frozen = self.frozen, []
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        wait_until(lambda: all(map(_gone, pids)), "the thawed sessions end")


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_stops_in_the_middle_gets_each_file_once(
    kind: str, start_server: Callable[..., SshServer], tally: Tally
) -> None:
    draw = random.Random(kind)
    server = start_server()
    publish, takes = BANKS[KINDS.index(kind) % len(BANKS)]
    with wired_room(server, publish, takes=takes) as room:
        trials = [Trial(room, 0)]
        size = measured(trials[0])
        begun = 0
        for number in range(1, STOPS + 1):
            trial, stop = Trial(room, number), Stop(server, kind)
            way = draw.choice(("up", "up", "down"))
            # half of them near the publishing, which follows the 16 KB
            after = draw.randrange(int(size[way] * draw.choice((0, 0.85))), int(size[way] * 0.97))
            fault = Fault("act", way, after, stop.act)
            row = f"server {kind}"
            begun += endure(trial, fault, row, tally, soon=stop.soon, late=stop.late)
            assert trial.found == [], (kind, way, after)
            trials.append(trial)
        assert partial_files(trials) == 0
        assert begun >= 0.9 * STOPS
