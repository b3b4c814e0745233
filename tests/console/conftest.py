"""The console of a small workspace, asked as a browser asks, without one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from h2h.config import load
from h2h.console.app import application
from h2h.flows.consent import remember_config
from h2h.ports import Services
from h2h.wiring import wire

PASSWORD = "correct horse battery staple"
CONFIG = """
[h2h]
environment = "test"

[banks.acme]
calendar = "ECB"
zone = "Europe/Berlin"

[banks.acme.folder]
root = "bank"
upload = { folder = "in", temporary = "{name}.{attempt}.tmp", publish = "rename" }
download = [{ folder = "out", pattern = "*.xml", kind = "message", after = "delete" }]

[banks.acme.door]
settle = 0

[banks.acme.pgp]
seal = "none"

[[banks.acme.accounts]]
iban = "DE89370400440532013000"
currency = "EUR"
entity = "Acme GmbH"
"""


@dataclass
class FixedClock:
    """The present moment, as long as nobody moves it."""

    moment: datetime = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def advance(self, **span: float) -> None:
        self.moment += timedelta(**span)


class Quiet:
    """A log that nobody reads."""

    def event(self, event: str, /, **facts: str | int | None) -> None:
        pass


@dataclass
class Site:
    """The console, its workspace, and its clock."""

    services: Services
    clock: FixedClock

    def browser(self) -> TestClient:
        app = application(self.services)
        return TestClient(app, base_url="http://127.0.0.1", follow_redirects=True)

    def enrol(self, name: str, *roles: str) -> None:
        """An operator with a password of his own, as two admins would have made him."""
        ledger, now = self.services.ledger, self.clock.now()
        if "admin" in roles:
            ledger.enrol(name, "", roles, "", "os:owner", "first", now)
        else:
            change = ledger.propose("add", name, "root-a", "new", now, roles=roles)
            ledger.decide(change.id, "root-b", "yes", now, confirmed=True)
        ledger.set_password(name, PASSWORD, now)

    def sign_in(self, name: str, password: str = PASSWORD) -> TestClient:
        browser = self.browser()
        form = token_of(browser.get("/sign-in").text)
        fields = {"token": form, "name": name, "password": password, "code": ""}
        browser.post("/sign-in", data=fields)
        return browser


def token_of(page: str) -> str:
    """The token of the first form of a page."""
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found is not None, page
    return found[1]


@pytest.fixture
def token() -> Callable[[str], str]:
    return token_of


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2id with little memory: what a guess costs in production is not what is tested."""
    monkeypatch.setattr("argon2.PasswordHasher", partial(PasswordHasher, 1, 8, 1))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A workspace with two admins."""
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "bank").mkdir()
    clock = FixedClock()
    with wire(load(tmp_path / "config.toml"), Quiet(), clock) as services:
        remember_config(services)
        site = Site(services, clock)
        site.enrol("root-a", "admin")
        site.enrol("root-b", "admin")
        yield site
