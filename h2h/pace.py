"""How a process runs that reads large files."""

from __future__ import annotations

import gc
import sys


def pace() -> None:
    """Seldom look for cycles, of which reading makes none; and let the thread that judges a file
    beside wait a millisecond for Python's lock, not five."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
    sys.setswitchinterval(0.001)
