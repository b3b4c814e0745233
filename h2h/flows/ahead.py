"""Sealing ahead: while one file goes to its bank, gpg is at work on those that come after it.

A small file costs gpg more time than all else together, and gpg works beside us, in processes of
its own. So the files of a sweep are prepared a few ahead, and the seals of those are begun. All
else is done in one thread and in the order of the files: the ledger, the checks, the one session.
A seal that was begun and is never asked for has changed nothing outside its dossier.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from h2h.ports import Sealer

_FOR_EACH_AGENT = 3  # files: one at work, and others that wait for it


class Seals:
    """The seals of one sweep. At each bank as many are made at once as it has agents."""

    def __init__(self) -> None:
        self._workers: dict[Sealer, ThreadPoolExecutor] = {}
        self._begun: dict[Path, Future[None]] = {}

    def begin(self, sealer: Sealer, plain: Path, sealed: Path) -> None:
        """Have `sealed` made beside, as soon as an agent is free; never by two at once."""
        if sealed in self._begun:
            return
        if sealer not in self._workers:
            self._workers[sealer] = ThreadPoolExecutor(sealer.agents, "seal")
        self._begun[sealed] = self._workers[sealer].submit(sealer.seal, plain, sealed)

    def make(self, sealer: Sealer, plain: Path, sealed: Path) -> None:
        """Make it now, or wait for what was begun; raises what sealing raises."""
        begun = self._begun.pop(sealed, None)
        if begun is None:
            sealer.seal(plain, sealed)
        else:
            begun.result()

    @property
    def enough(self) -> bool:
        """Is so much begun that every agent is busy for a while?"""
        agents = sum(sealer.agents for sealer in self._workers)
        return len(self._begun) >= agents * _FOR_EACH_AGENT

    def close(self) -> None:
        """Wait for the seals at work; those that only wait are not made."""
        for workers in self._workers.values():
            workers.shutdown(cancel_futures=True)
