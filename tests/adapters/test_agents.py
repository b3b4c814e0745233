"""Several agents at one ring: what makes them many, and that the ring stays one."""

from __future__ import annotations

import hashlib
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.adapters.pgp import GpgSealer

if TYPE_CHECKING:
    from tests.adapters.conftest import MakeParty, Party

PLAIN = b"<Document>one payment</Document>"
MakeSealer = Callable[..., GpgSealer]


@pytest.fixture
def parties(keyrings: MakeParty) -> Iterator[tuple[Party, Party]]:
    """We and our bank, each with the other's key."""
    corp, bank = keyrings("corp-agents"), keyrings("bank-agents")
    corp.learns(bank)
    bank.learns(corp)
    yield corp, bank
    for home in corp.home.glob("agent-*"):
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


@pytest.fixture
def sealer(parties: tuple[Party, Party]) -> MakeSealer:
    """Our sealer with two agents; keyword terms replace what is agreed."""
    corp, bank = parties

    def make(*encrypt_to: str) -> GpgSealer:
        return GpgSealer(
            corp.home,
            "sign+encrypt",
            sign_with=corp.fingerprint,
            encrypt_to=encrypt_to or [bank.fingerprint],
            accept_from=[bank.fingerprint],
            agents=2,
        )

    return make


def sealed_together(sealer: GpgSealer, folder: Path, count: int) -> list[Path]:
    """Seal as many files in as many threads, begun at one moment."""
    begun = threading.Barrier(count)

    def seal(number: int) -> Path:
        plain, sealed = folder / f"{number}.xml", folder / f"{number}.pgp"
        plain.write_bytes(PLAIN + str(number).encode())
        begun.wait(20)
        sealer.seal(plain, sealed)
        return sealed

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(seal, range(count)))


def test_what_several_agents_seal_at_once_the_bank_opens(
    parties: tuple[Party, Party], sealer: MakeSealer, tmp_path: Path
) -> None:
    _, bank = parties
    made = sealed_together(sealer(), tmp_path, 6)
    opened = [bank.gpg("--decrypt", path) for path in made]
    assert opened == [PLAIN + str(number).encode() for number in range(6)]


def test_a_second_home_is_private_and_holds_links_to_the_one_ring(
    parties: tuple[Party, Party], sealer: MakeSealer, tmp_path: Path
) -> None:
    corp, _ = parties
    keys = {digest(path) for path in (corp.home / "private-keys-v1.d").iterdir()}
    sealed_together(sealer(), tmp_path, 6)
    (second,) = corp.home.glob("agent-*")
    assert second.stat().st_mode & 0o777 == 0o700
    assert (second / "private-keys-v1.d").resolve() == corp.home / "private-keys-v1.d"
    copied = [path for path in second.iterdir() if path.is_file() and not path.is_symlink()]
    assert keys.isdisjoint(map(digest, copied))


def test_a_key_that_joins_the_ring_is_known_to_every_agent(
    parties: tuple[Party, Party], sealer: MakeSealer, keyrings: MakeParty, tmp_path: Path
) -> None:
    corp, _ = parties
    sealed_together(sealer(), tmp_path, 2)
    later = keyrings("bank-agents-later")
    corp.learns(later)
    made = sealed_together(sealer(later.fingerprint), tmp_path, 4)
    later.learns(corp)
    assert [later.gpg("--decrypt", path)[: len(PLAIN)] for path in made] == [PLAIN] * 4


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
