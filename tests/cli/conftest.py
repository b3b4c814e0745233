"""What the faces of the shell are shown on: a workspace whose bank is a folder, on a Monday."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

_CONFIG = """
[h2h]
environment = "test"

[banks.acme]
calendar = "ECB"
zone = "Europe/Berlin"
door = {{ settle = 0 }}

[banks.acme.folder]
root = "bank"
upload = {{ folder = "in" }}
download = [{download}]

[banks.acme.pgp]
seal = "none"

[[banks.acme.accounts]]
iban = "DE89370400440532013000"
currency = "EUR"
{more}
"""
_MESSAGES = '{ folder = "out", pattern = "*.xml" }'
_PAPERS = """{ folder = "papers", kind = "document", reference = '_([A-Z0-9-]+)\\.pdf$' }"""

FolderBank = Callable[..., Path]


class Monday:
    """The clock of a Monday in November, at ten."""

    def now(self) -> datetime:
        return datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.fixture(scope="session")
def monday() -> Monday:
    """A clock that stands."""
    return Monday()


@pytest.fixture(scope="session")
def folder_bank() -> FolderBank:
    """folder_bank(folder, more, papers=False): `folder` is a workspace whose bank acme is a folder.

    `more` stands behind its account in config.toml; `papers`: the bank has documents too.
    """

    def make(folder: Path, more: str = "", *, papers: bool = False) -> Path:
        for name in ("in", "out", *(["papers"] if papers else [])):
            (folder / "bank" / name).mkdir(parents=True)
        for door in (folder / "outbox", folder / "outbox" / "acme"):
            door.mkdir(0o700)
        download = f"{_MESSAGES}, {_PAPERS}" if papers else _MESSAGES
        (folder / "config.toml").write_text(_CONFIG.format(download=download, more=more))
        return folder

    return make
