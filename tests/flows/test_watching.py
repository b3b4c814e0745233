"""What tells the daemon of a new file is a hint: without it, it looks by itself."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, NoReturn

import pytest
from watchdog.observers import Observer

from h2h.daemon import Daemon

if TYPE_CHECKING:
    from tests.flows.conftest import MakeRoom


def test_a_machine_without_a_watch_left_does_not_keep_the_daemon_from_its_work(
    make_room: MakeRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: object) -> NoReturn:
        raise OSError(errno.EMFILE, "inotify instance limit reached")

    monkeypatch.setattr(Observer, "start", refused)
    room = make_room()
    room.make_rooms()
    with room.services() as services, Daemon(services)._watching():
        pass
    (event,) = room.log.named("doors_not_watched")
    assert "limit reached" in str(event["because"])
