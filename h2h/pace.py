"""How a process runs that reads large files and holds secrets."""

from __future__ import annotations

import gc
import resource
import sys

_PR_SET_DUMPABLE = 4  # prctl(2)


def pace() -> None:
    """Seldom look for cycles, of which reading makes none; and let the thread that judges a file
    beside wait a millisecond for Python's lock, not five."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    sys.setswitchinterval(0.001)


def keep_to_ourselves() -> None:
    """Let no secret get out of this process's memory: no core file, no debugger of the same user.

    Children write no core files either; whether they may be looked into is theirs to say.
    """
    import ctypes  # noqa: PLC0415 - offline commands keep no secrets and need not pay for it

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
