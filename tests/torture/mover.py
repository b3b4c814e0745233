"""The bank behind its server, in its own process: what shows its final name is taken at once.

Its log is the oracle: one line a file, `sha256 inode name time`, where h2h never looks. Without
`takes` it notes each file once and leaves it lying.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_BANK = """
import hashlib, os, sys, time
folder, taken, log, takes = *sys.argv[1:4], sys.argv[4] == "True"
noted = set()
boss = os.getppid()
print("ready", flush=True)
while os.getppid() == boss:  # a test that was killed leaves nobody behind
    for entry in os.scandir(folder):
        if entry.name.endswith(".tmp") or entry.inode() in noted:
            continue
        place = entry.path
        if takes:
            place = os.path.join(taken, f"{time.monotonic_ns()}-{entry.name}")
            os.rename(entry.path, place)
        else:
            noted.add(entry.inode())
        with open(place, "rb") as file, open(log, "a") as notes:
            sha256 = hashlib.sha256(file.read()).hexdigest()
            notes.write(f"{sha256} {entry.inode()} {entry.name} {time.time():.3f}\\n")
    time.sleep(0.002)
"""


@dataclass
class Mover:
    """Watches `folder`; `received` is what the bank can swear to."""

    folder: Path
    taken: Path
    log: Path
    takes: bool

    def __post_init__(self) -> None:
        self.log.touch()
        places = map(str, (self.folder, self.taken, self.log, self.takes))
        command = [sys.executable, "-S", "-c", _BANK, *places]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def caught_up(self) -> bool:
        """Has everything that lies under a final name been noted?"""
        assert self._process.poll() is None, "the bank's mover died"
        inodes = {line.split()[1] for line in self.log.read_text().splitlines()}
        lying = (path for path in self.folder.iterdir() if not path.name.endswith(".tmp"))
        return all(not self.takes and str(path.stat().st_ino) in inodes for path in lying)

    def received(self, wait: Callable[[Callable[[], bool], str], None]) -> Counter[str]:
        """How often each content (by its sha256) ever became visible to the bank."""
        wait(self.caught_up, "the bank notes what lies there")
        return Counter(line.split()[0] for line in self.log.read_text().splitlines())

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
