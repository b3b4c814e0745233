"""The systemd unit: systemd understands it, and it is shut as tightly as promised."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parent.parent / "systemd"
UNIT = SYSTEMD / "h2h.service"
VERIFY = SYSTEMD / "h2h-verify.service"
TIMER = SYSTEMD / "h2h-verify.timer"
COMMAND = "/opt/h2h/bin/h2h --config /etc/h2h/config.toml"


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists on every machine, the one thing systemd would miss."""
    return _startable(UNIT, tmp_path)


@pytest.fixture(params=[UNIT, VERIFY], ids=lambda path: path.name)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Each of the units, likewise."""
    return _startable(request.param, tmp_path)


def _startable(unit: Path, folder: Path) -> Path:
    text = unit.read_text()
    assert text.count(COMMAND) == 1
    path = folder / unit.name
    path.write_text(text.replace(COMMAND, "/bin/true"))
    return path


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_systemd_understands_every_line_of_the_unit(service: Path) -> None:
    done = _analyze("verify", "--man=no", str(service))
    about_ours = [line for line in done.stderr.splitlines() if service.name in line]
    assert (done.returncode, about_ours) == (0, [])


def test_a_misspelt_setting_would_be_noticed(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("ProtectSystem=", "ProtectSistem="))
    assert "ProtectSistem" in _analyze("verify", "--man=no", str(unit)).stderr


def test_the_unit_exposes_no_more_than_two_of_ten(service: Path) -> None:
    done = _analyze("security", "--offline=true", "--no-pager", "--threshold=20", str(service))
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= 2.0
    assert done.returncode == 0


def test_the_proof_runs_every_night_also_after_one_without_power(tmp_path: Path) -> None:
    _startable(VERIFY, tmp_path)
    timer = tmp_path / TIMER.name
    timer.write_text(TIMER.read_text())
    done = _analyze("verify", "--man=no", str(timer))
    about_ours = [line for line in done.stderr.splitlines() if "h2h-verify" in line]
    assert (done.returncode, about_ours) == (0, [])
    assert {"OnCalendar=*-*-* 02:40:00", "Persistent=yes"} <= set(TIMER.read_text().splitlines())
    assert f"ExecStart={COMMAND} archive verify" in VERIFY.read_text().splitlines()


def test_secrets_are_left_in_no_core_file_and_no_readable_file() -> None:
    lines = UNIT.read_text().splitlines()
    assert {"LimitCORE=0", "UMask=0077", "User=h2h", "Type=notify"} <= set(lines)
    assert any(line.startswith("WatchdogSec=") for line in lines)


def test_every_line_that_is_left_loose_is_explained(unit: Path) -> None:
    done = _analyze("security", "--offline=true", "--no-pager", str(unit))
    loose = re.findall(r"^✗ (?:\w+=~)?([@\w]+)(?:\((\w+)\|)?", done.stdout, re.MULTILINE)
    names = [first + second for first, second in loose]
    assert "PrivateNetwork" in names
    assert "AF_INET" in names
    comments = "".join(line for line in UNIT.read_text().splitlines() if line.startswith("#"))
    assert [name for name in names if name not in comments] == []
