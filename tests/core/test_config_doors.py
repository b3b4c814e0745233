"""`[banks.NAME.door]` and `[h2h.door]`: the seal that a door asks for, and mistakes by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from h2h.config import ConfigProblems, load
from h2h.config.to_do import left_to_do
from h2h.wiring import doors_of

EXAMPLE = (Path(__file__).parents[2] / "config.toml").read_text()
SIGNERS = f'signers = ["{"A" * 40}"]\n'
DOORS = pytest.mark.parametrize("door", ["banks.acme.door", "h2h.door"])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    for room in ("outbox/acme", "inbox", "archive"):
        (tmp_path / room).mkdir(parents=True)
    return tmp_path / "config.toml"


def written(path: Path, door: str, keys: str) -> Path:
    path.write_text(f"{EXAMPLE}\n[{door}]\n{keys}")
    return path


def mistakes(path: Path, door: str, keys: str) -> list[str]:
    with pytest.raises(ConfigProblems) as caught:
        load(written(path, door, keys))
    return [finding.key for finding in caught.value.findings]


@DOORS
@pytest.mark.parametrize(
    ("keys", "sealed"),
    [
        ("", False),
        ('seal = "none"\n', False),
        ('seal = "sha256"\n', True),
        (f'seal = "openpgp"\nhome = "keys/erp"\n{SIGNERS}', True),
    ],
)
def test_a_door_asks_for_the_seal_that_is_named_and_the_other_door_for_none(
    path: Path, door: str, keys: str, sealed: bool
) -> None:
    root, acme = doors_of(load(written(path, door, keys)))
    asked, other = (root, acme) if door == "h2h.door" else (acme, root)
    assert (asked.sealed, other.sealed) == (sealed, False)


@DOORS
@pytest.mark.parametrize(
    ("keys", "named"),
    [
        ('seal = "openpgp"\n', ["signers", "home"]),
        (f'seal = "openpgp"\n{SIGNERS}', ["home"]),
        ('seal = "sha256"\nhome = "keys/erp"\n', ["home"]),
        (SIGNERS, ["signers"]),
        ('seal = "openpgp"\nhome = "keys/erp"\nsigners = ["DEADBEEF"]\n', ["signers[1]"]),
        ('seal = "sha256"\nmarker = ".sha256"\n', ["marker"]),
        (f'seal = "openpgp"\nhome = "k"\nmarker = ".asc"\n{SIGNERS}', ["marker"]),
        ('seal = "md5"\n', ["seal"]),
    ],
)
def test_a_seal_that_would_prove_nothing_is_a_mistake(
    path: Path, door: str, keys: str, named: list[str]
) -> None:
    assert sorted(mistakes(path, door, keys)) == sorted(f"{door}.{name}" for name in named)


@DOORS
def test_a_ring_that_is_not_there_yet_is_left_to_do(path: Path, door: str) -> None:
    keys = f'seal = "openpgp"\nhome = "keys/erp"\n{SIGNERS}'
    config = load(written(path, door, keys))
    missing = [each for each in left_to_do(path, config) if each.key == f"{door}.home"]
    assert len(missing) == 1
    (path.parent / "keys" / "erp").mkdir(parents=True, mode=0o755)
    (found,) = (each for each in left_to_do(path, config) if each.key == f"{door}.home")
    assert "others may enter" in found.found
    (path.parent / "keys" / "erp").chmod(0o700)
    assert not [each for each in left_to_do(path, config) if each.key == f"{door}.home"]
