"""The wheel works by itself: built, put into an empty environment, used from elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import PaymentFile

REPOSITORY = Path(__file__).parent.parent
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


def _run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment that has our wheel, and sees the libraries of this one."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    built = _run(*PIP, *build, REPOSITORY, cwd=folder)
    assert built.returncode == 0, built.stderr
    wheels = list(folder.glob("h2h-*.whl"))
    assert len(wheels) == 1
    home = folder / "environment"
    venv.create(home, symlinks=True)
    put = _run(*PIP, "--python", home, "install", "--no-deps", "--no-index", *wheels, cwd=folder)
    assert put.returncode == 0, put.stderr
    _lend_libraries(home)
    return home


def _lend_libraries(home: Path) -> None:
    """Our own place comes first on the path, and editable installs stay behind: no `.pth` runs."""
    place = sysconfig.get_path("purelib", vars={"base": str(home)})
    Path(place, "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")


def test_the_wheel_runs_its_own_code_and_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    program = "import h2h, h2h.resources as r; print(h2h.__file__, r.find('schemas'))"
    done = _run(installed / "bin" / "python", "-c", program, cwd=tmp_path)
    code, schemas = done.stdout.split()
    assert Path(code).is_relative_to(installed)
    assert Path(schemas).is_relative_to(installed)


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_wheel_gives_a_command(installed: Path, tmp_path: Path, option: str) -> None:
    done = _run(installed / "bin" / "h2h", option, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "h2h" in done.stdout


def test_the_wheel_judges_a_payment_file(
    installed: Path, tmp_path: Path, payment_file: PaymentFile
) -> None:
    tomorrow = date.today() + timedelta(days=1)  # noqa: DTZ011 - the command has the same clock
    path = tmp_path / "salaries.xml"
    path.write_bytes(payment_file(execution_date=tomorrow.isoformat()))
    done = _run(installed / "bin" / "h2h", "check", "--json", path, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["message"], found["valid"]) == ("pain.001.001.09", True)


def test_the_wheel_carries_every_schema_and_the_example(installed: Path, tmp_path: Path) -> None:
    program = (
        "from h2h import resources; resources.verify_schemas();"
        "print(resources.config_example().read_text() != '', *resources.carried())"
    )
    done = _run(installed / "bin" / "python", "-c", program, cwd=tmp_path)
    carried = sorted(path.stem for path in (REPOSITORY / "schemas").glob("*.xsd"))
    assert done.stdout.split() == ["True", *carried]


def test_the_wheel_carries_every_profile(installed: Path, tmp_path: Path) -> None:
    program = (
        "from h2h.adapters.profiles import load_profile, profile_names;"
        "print(*(load_profile(name).name for name in profile_names()))"
    )
    done = _run(installed / "bin" / "python", "-c", program, cwd=tmp_path)
    carried = sorted(path.stem for path in (REPOSITORY / "h2h" / "profiles").glob("*.toml"))
    assert (done.stdout.split(), done.stderr) == (carried, "")
