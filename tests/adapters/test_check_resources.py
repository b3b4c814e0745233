"""The data that travels with the code is found, and is what was released."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from h2h import resources
from h2h.errors import ConfigError


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package folder as an installed wheel has it."""
    package = tmp_path / "site-packages" / "h2h"
    package.mkdir(parents=True)
    shutil.copytree(resources.find("schemas"), package / "_schemas")
    (package / "_config.toml").write_text("[h2h]\n")
    monkeypatch.setattr(resources, "_PACKAGE", package)
    _forget()
    yield package
    _forget()


def _forget() -> None:
    resources.find.cache_clear()
    resources.carried.cache_clear()


def test_the_schemas_are_those_that_were_released() -> None:
    resources.verify_schemas()
    assert {"pain.001.001.03", "pain.001.001.09"} <= set(resources.carried())


def test_a_version_that_is_not_carried_has_no_schema() -> None:
    assert resources.schema("pain.001.001.13") is None
    assert resources.schema("../config") is None


def test_an_installed_wheel_brings_its_own(wheel: Path) -> None:
    resources.verify_schemas()
    assert resources.schema("camt.053.001.08") == wheel / "_schemas" / "camt.053.001.08.xsd"
    assert resources.config_example().read_text() == "[h2h]\n"


@pytest.mark.parametrize("harm", ["change", "remove", "add"])
def test_a_schema_that_is_not_the_released_one_stops_the_start(wheel: Path, harm: str) -> None:
    path = wheel / "_schemas" / "pain.001.001.09.xsd"
    if harm == "change":
        path.write_bytes(path.read_bytes().replace(b"TRF", b"TRE"))
    elif harm == "remove":
        path.unlink()
    else:
        shutil.copy(path, path.with_name("pain.001.001.13.xsd"))
    with pytest.raises(ConfigError, match=r"pain\.001\.001"):
        resources.verify_schemas()


def test_a_missing_resource_names_itself(wheel: Path) -> None:
    with pytest.raises(ConfigError, match="profiles"):
        resources.find("profiles")
