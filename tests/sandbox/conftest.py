"""A practice bank that runs, and a customer of it with its own tools."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest

from h2h.adapters.pgp import GpgSealer
from h2h.sandbox.bank import PracticeBank
from h2h.sandbox.keys import Ring, stop_agent
from h2h.sandbox.workspace import RING, SSH_KEY


@dataclass(frozen=True)
class Customer:
    """What a customer of the practice bank does, by hand."""

    bank: PracticeBank
    workspace: Path
    sftp: paramiko.SFTPClient

    @property
    def ring(self) -> Ring:
        return Ring(self.workspace / RING, self.bank.introduction.customer.fingerprint)

    @property
    def key(self) -> paramiko.PKey:
        return paramiko.Ed25519Key.from_private_key_file(str(self.workspace / SSH_KEY))

    def sealed(
        self, content: bytes, *, seal: str = "sign+encrypt", ring: Ring | None = None
    ) -> Path:
        """`content` as it goes to the bank, from the customer's ring or another."""
        plain, sealed = self.workspace / "plain", self.workspace / "sealed"
        plain.write_bytes(content)
        sealer(ring or self.ring, self.bank.introduction.bank.fingerprint, seal).seal(plain, sealed)
        return sealed

    def upload(self, name: str, sealed: Path) -> None:
        """As the connector does it: a temporary name, then a rename; answered when it returns."""
        self.sftp.put(str(sealed), f"Outbox/{name}.1.tmp")
        self.sftp.rename(f"Outbox/{name}.1.tmp", f"Outbox/{name}")
        self.bank.sweep()

    def inbox(self) -> list[str]:
        return sorted(self.sftp.listdir("Inbox"))

    def fetched(self, start: str) -> bytes:
        """The one file in the Inbox whose name starts so, opened; it is removed there."""
        [name] = [name for name in self.inbox() if name.startswith(start)]
        sealed, plain = self.workspace / "fetched", self.workspace / "opened"
        self.sftp.get(f"Inbox/{name}", str(sealed))
        self.sftp.remove(f"Inbox/{name}")
        banks = self.bank.introduction.bank.fingerprint
        assert sealer(self.ring, banks, "sign+encrypt").open(sealed, plain, 1_000_000) == banks
        return plain.read_bytes()


def sealer(ring: Ring, bank: str, seal: str) -> GpgSealer:
    return GpgSealer(
        ring.home, seal, sign_with=ring.fingerprint, encrypt_to=[bank], accept_from=[bank]
    )


@pytest.fixture
def short() -> Iterator[Path]:
    """A temporary folder whose path is short enough for an agent's socket."""
    folder = Path(tempfile.mkdtemp(prefix="h2h-"))
    yield folder
    for home in folder.rglob("pubring.kbx"):
        stop_agent(home.parent)
    shutil.rmtree(folder)


@pytest.fixture
def bank(short: Path) -> Iterator[PracticeBank]:
    with PracticeBank(short / "bank") as bank:
        yield bank


@pytest.fixture
def customer(bank: PracticeBank, short: Path) -> Iterator[Customer]:
    workspace = short / "customer"
    bank.write_workspace(workspace)
    key = paramiko.Ed25519Key.from_private_key_file(str(workspace / SSH_KEY))
    with login(bank, "corp1", key) as sftp:
        yield Customer(bank, workspace, sftp)


@contextmanager
def login(bank: PracticeBank, username: str, key: paramiko.PKey) -> Iterator[paramiko.SFTPClient]:
    told = bank.introduction
    with paramiko.Transport((told.host, told.port)) as transport:
        transport.connect(username=username, pkey=key)
        sftp = paramiko.SFTPClient.from_transport(transport)
        assert sftp is not None
        with sftp:
            yield sftp
