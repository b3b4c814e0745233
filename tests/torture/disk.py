"""A disk of chosen size.

As root it is a tmpfs whose size is set to what lies on it and so many pages more. A plain user may
not mount: there every write of this process, and of gpg below it, ends at a largest file size
(RLIMIT_FSIZE), which fails the same calls in the same order, with EFBIG for ENOSPC.
"""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

PAGE = 4096
_ROOMY = 1 << 30


class Disk(Protocol):
    """What lies below one folder can be made full and roomy again."""

    def full(self, pages: int) -> None:
        """Leave so many pages of 4,096 bytes."""
        ...

    def read_only(self) -> None:
        """Nothing can be written at all."""
        ...

    def roomy(self) -> None:
        """Space returns, and may be written."""
        ...


class _Tmpfs:
    def __init__(self, place: Path) -> None:
        self._place = place

    def full(self, pages: int) -> None:
        facts = os.statvfs(self._place)
        self._resize((facts.f_blocks - facts.f_bfree) * facts.f_frsize + pages * PAGE)

    def read_only(self) -> None:
        self._remount("ro")

    def roomy(self) -> None:
        self._remount(f"rw,size={_ROOMY}")

    def _resize(self, size: int) -> None:
        self._remount(f"size={max(size, PAGE)}")  # zero would mean without limit

    def _remount(self, options: str) -> None:
        command = ["mount", "-o", f"remount,{options}", str(self._place)]
        subprocess.run(command, check=True)


class _FileSizes:
    def full(self, pages: int) -> None:
        self._limit(pages * PAGE)

    def read_only(self) -> None:
        self._limit(0)

    def roomy(self) -> None:
        self._limit(resource.getrlimit(resource.RLIMIT_FSIZE)[1])

    def _limit(self, size: int) -> None:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


@contextmanager
def disk_at(place: Path) -> Iterator[Disk]:
    """A disk of its own at the empty folder `place`."""
    if os.geteuid() != 0:
        limit = _FileSizes()
        try:
            yield limit
        finally:
            limit.roomy()
        return
    place.mkdir(parents=True, exist_ok=True)
    options = f"size={_ROOMY},mode=0700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "h2h-disk", str(place)], check=True)
    try:
        yield _Tmpfs(place)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
