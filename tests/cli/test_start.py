"""What a start of the command costs, and what it says when it is used wrongly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("sqlalchemy", "paramiko", "lxml", "xmlschema", "apscheduler", "gnupg", "watchdog")


def h2h(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "h2h", *words]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from h2h.cli import root\n"
        "root(['--help'], standalone_mode=False)\n"
        f"print('imported:', sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "imported: []" in done.stdout
    assert "balances" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        "init",
        "demo",
        "sandbox",
        "check",
        "read",
        "run",
        "send",
        "fetch",
        "status",
        "show",
        "balances",
        "statements",
        "archive",
        "pause",
        "resume",
        "resolve",
        "release",
        "cancel",
        "recall",
        "reject",
        "config",
    ],
)
def test_every_command_has_a_help(command: str, tmp_path: Path) -> None:
    done = h2h(command, "--help", folder=tmp_path)
    assert done.returncode == 0
    assert f"{command} [OPTIONS]" in done.stdout


@pytest.mark.parametrize("command", ["run --once", "send", "fetch", "status", "balances"])
def test_a_missing_configuration_is_wrong_use(command: str, tmp_path: Path) -> None:
    done = h2h(*command.split(), folder=tmp_path)
    assert done.returncode == 2
    assert "config.toml" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_command_is_wrong_use(tmp_path: Path) -> None:
    assert h2h("nonsense", folder=tmp_path).returncode == 2
