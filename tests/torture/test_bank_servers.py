"""Servers that forbid, run full or hold a name already: told in words, never twice, never half."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from h2h.core.states import Out, Publish
from h2h.ports import Bank, Session
from tests.adapters.conftest import SshServer
from tests.flows.conftest import WrappedBank

from .report import Tally
from .wired import Trial, WiredRoom, wired_room

StartServer = Callable[..., SshServer]
SFTP_SERVER = "/usr/lib/openssh/sftp-server"


def told(room: WiredRoom, name: str) -> str:
    """What the ledger says of a file, to a person."""
    file = room.file(name)
    return " ".join((file.because, file.due_because, *(p.message for p in file.problems)))


@pytest.mark.parametrize(
    ("forbidden", "publish", "state", "copies"),
    [
        # an attribute, a folder: we need neither
        ("setstat,fsetstat,mkdir", Publish.RENAME, Out.SENT, 1),
        # a clear no to the upload or the look: nothing was announced, a person mends the rights
        ("open,write", Publish.RENAME, Out.HELD, 0),
        ("lstat,stat", Publish.RENAME, Out.HELD, 0),
        # a no after the announcement is no proof: a person asks the bank
        ("rename", Publish.RENAME, Out.IN_DOUBT, 0),
        ("rename", Publish.POSIX_RENAME, Out.SENT, 1),
    ],
)
def test_what_a_server_forbids_is_told_and_nothing_goes_twice(
    forbidden: str,
    publish: Publish,
    state: Out,
    copies: int,
    start_server: StartServer,
    tally: Tally,
) -> None:
    server = start_server()
    server.stop()
    server.options["Subsystem"] = f"sftp internal-sftp -d {server.folder} -P {forbidden}"
    server.start()
    with wired_room(server, publish, takes=True) as room:
        trial = Trial(room, 1)
        trial.prepare()
        for _ in range(3):
            room.sweep_once()
        got = room.received().get(trial.sha256, 0)
        tally(f"server forbids {forbidden}", survived=got == copies, doubled=got > 1)
        assert (trial.file().state, got) == (state, copies), told(room, trial.name)
        if state is Out.HELD:
            assert "Permission denied" in told(room, trial.name)


def test_a_full_disk_at_the_bank_is_waited_out(start_server: StartServer, tally: Tally) -> None:
    server = start_server()
    server.stop()
    limited = server.room / "sftp"
    limited.write_text(f"#!/bin/sh\ntrap '' XFSZ\nulimit -f 8\nexec {SFTP_SERVER} \"$@\"\n")
    limited.chmod(0o700)
    server.options["Subsystem"] = f"sftp {limited} -d {server.folder}"
    server.start()
    with wired_room(server, Publish.RENAME, takes=True) as room:
        trial = Trial(room, 1)
        trial.prepare()
        room.sweep_once()
        room.sweep_once()
        assert trial.file().state is Out.SEALED
        assert "Failure" in told(room, trial.name)
        assert room.received() == {}
        limited.write_text(f'#!/bin/sh\nexec {SFTP_SERVER} "$@"\n')
        trial.recover()
        trial.judge()
        tally("server's disk full", survived=not trial.found)
        assert trial.found == []
        assert [path.name for path in (room.bank / "in").iterdir()] == []


class NameTakenMeanwhile:
    """A session before whose rename somebody else puts a file under the final name."""

    def __init__(self, session: Session, bank: Path, content: bytes) -> None:
        self._session = session
        self._bank = bank
        self._content = content

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)

    def rename(self, source: str, target: str) -> None:
        (self._bank / target).write_bytes(self._content)
        self._session.rename(source, target)


def test_a_name_taken_in_the_last_moment_is_never_overwritten_and_asked_about(
    start_server: StartServer, tally: Tally
) -> None:
    with wired_room(start_server(), Publish.RENAME, takes=False) as room:
        room.wrap_server = lambda bank: cast(
            "Bank",
            WrappedBank(
                bank,
                lambda session: cast("Session", NameTakenMeanwhile(session, room.bank, b"theirs")),
            ),
        )
        trial = Trial(room, 1)
        trial.prepare()
        room.sweep_once()
        room.sweep_once()
        (lying,) = room.at_the_bank()
        tally("name taken in the last moment", survived=lying.read_bytes() == b"theirs")
        assert trial.file().state is Out.IN_DOUBT
        assert lying.read_bytes() == b"theirs"
        assert trial.sha256 not in room.received()
