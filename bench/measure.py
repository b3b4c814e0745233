"""What the benches share: whole processes in turns, their times and peaks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

Command = Sequence[str]


@dataclass(frozen=True)
class Cost:
    """One run: seconds and KiB."""

    seconds: float
    memory: int


def run(command: Command) -> Cost:
    """Run a command to its end; 0 and 1 are its verdicts, all else is a failure of the bench."""
    began = perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in {0, 1}:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(perf_counter() - began, usage.ru_maxrss)


def in_turns(commands: Mapping[str, Command], rounds: int) -> Mapping[str, list[Cost]]:
    """The costs of each command, one round after the other."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            costs[name].append(run(command))
    return costs


def median(costs: Sequence[Cost]) -> float:
    """The middle one of the times."""
    import statistics  # noqa: PLC0415 - as below

    return statistics.median(cost.seconds for cost in costs)


def told(name: str, costs: Sequence[Cost]) -> str:
    """One command's line."""
    times = " ".join(f"{cost.seconds:.2f}" for cost in costs)
    peak = max(cost.memory for cost in costs) / 1024
    return f"  {name:28} median {median(costs):7.3f} s  peak {peak:5.0f} MiB  ({times})"


def python_with(folder: Path, *packages: str) -> str:
    """A Python of its own with these packages; made in `folder` where there is none yet."""
    home = folder / "-".join(packages)
    python = home / "bin" / "python"
    if not python.exists():
        import venv  # noqa: PLC0415 - what is measured imports this file, and not that

        venv.create(home, with_pip=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(install, check=True)
    return str(python)
