"""Waves: what many small files have in common is done once for all of them.

A commit and a flush wait for the disk, and each costs more than what it keeps. So the files of a
sweep go in waves, and what the ledger is told of a wave at one stage is one transaction. Nothing is
done in between on the strength of what is not committed yet, and the announcement and the bank's
answer are committed for each file by itself: a crash leaves one of them in doubt, not a wave.

A wave that cannot be committed is undone whole; then its files take that stage one by one, and what
stopped the wave stops its own file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from h2h.errors import H2HError
from h2h.flows.sweep import Sweep
from h2h.ports import File

SIZE = 32  # files; the ledger is not written to by anybody else while a wave is committed
SMALL = 1 << 17  # bytes: a larger file takes so long that it goes by itself

Act = Callable[[File], File | None]


def waves(files: Sequence[File]) -> Iterator[Sequence[File]]:
    """The files in their order, some at a time."""
    for start in range(0, len(files), SIZE):
        yield files[start : start + SIZE]


def together(files: Sequence[File], act: Act, sweep: Sweep) -> list[File]:
    """What `act` makes of each file, without those that it stops; committed as one."""
    try:
        with sweep.ledger.together():
            return [*each(files, act, sweep)]
    except H2HError as error:
        sweep.log.event("wave_undone", files=len(files), because=str(error))
    return [*each(_anew(files, sweep), act, sweep)]


def each(files: Sequence[File], act: Act, sweep: Sweep) -> Iterator[File]:
    """What `act` makes of each file, without those that it stops; none is begun when h2h ends."""
    for file in files:
        if sweep.stopping():
            return
        if (now := act(file)) is not None:
            yield now


def _anew(files: Sequence[File], sweep: Sweep) -> list[File]:
    """As the ledger knows them now: a commit whose answer was lost may have been made."""
    found = [(sweep.ledger.file(file.id), file) for file in files]
    return [now for now, seen in found if now is not None and now.state is seen.state]
