"""What is begun ahead: the work of gpg and of the disk goes on beside the one thread of the flow.

A small file costs gpg more time than all else together, and gpg works beside us, in processes of
its own. So the files of a sweep are prepared a wave ahead, and the seals of those are begun. A disk
that has to flush many files takes hardly longer than for one when it is asked for all at once. All
else is done in one thread and in the order of the files: the ledger, the checks, the one session.
What was begun and is never asked for has changed nothing outside its dossier, or may be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TypeVar

from h2h.ports import Sealer

_FLUSHING = 8  # at once: the disk takes them as one

Result = TypeVar("Result")


class Beside:
    """Acts on the disk, some of them at once; whoever asks for one waits until all are done."""

    def __init__(self) -> None:
        self._workers: ThreadPoolExecutor | None = None

    def each(self, acts: Sequence[Callable[[], Result]]) -> list[Result]:
        """What each act gives; raises what the first of those that fail raises, once all ended."""
        if len(acts) < 2:
            return [act() for act in acts]
        if self._workers is None:
            self._workers = ThreadPoolExecutor(_FLUSHING, "beside")
        begun = [self._workers.submit(act) for act in acts]
        wait(begun)
        return [each.result() for each in begun]

    def close(self) -> None:
        """End the threads; none of them is at work."""
        if self._workers is not None:
            self._workers.shutdown()


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

    def begun(self, sealed: Path) -> bool:
        """Is it made beside, and nobody has asked for it yet?"""
        return sealed in self._begun

    def make(self, sealer: Sealer, plain: Path, sealed: Path) -> None:
        """Make it now, or wait for what was begun; raises what sealing raises."""
        begun = self._begun.pop(sealed, None)
        if begun is None:
            sealer.seal(plain, sealed)
        else:
            begun.result()

    def settle(self, sealed: Iterable[Path]) -> None:
        """Wait until none of these is at work."""
        wait([self._begun[path] for path in sealed if path in self._begun])

    def close(self) -> None:
        """Wait for the seals at work; those that only wait are not made."""
        for workers in self._workers.values():
            workers.shutdown(cancel_futures=True)
