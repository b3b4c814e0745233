"""An ERP with bad manners: it writes slowly, pauses, and replaces what it has dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path


def write_slowly(path: Path, content: bytes, pieces: int, pause: float) -> None:
    """Write in place, under the final name, with a pause after each piece."""
    size = len(content) // pieces + 1
    with path.open("wb", buffering=0) as file:
        for at in range(0, len(content), size):
            file.write(content[at : at + size])
            time.sleep(pause)


@contextmanager
def replacing(path: Path, versions: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Replace `path` a thousand times a second, each time by the next version, whole.

    Gives the list of what was dropped so far.
    """
    dropped: list[bytes] = []
    ended = threading.Event()

    def run() -> None:
        for version in versions:
            temporary = path.with_name(f".{path.name}.tmp")
            temporary.write_bytes(version)
            dropped.append(version)
            temporary.replace(path)
            if ended.wait(0.001):
                return

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield dropped
    finally:
        ended.set()
        thread.join()
