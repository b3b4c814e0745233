"""What nobody's browser asks, and what is answered nevertheless."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from h2h.console.app import application
from h2h.console.serve import HERE, serve

if TYPE_CHECKING:
    from tests.console.conftest import Site

Token = Callable[[str], str]
ODD = (
    "/log?after=99999999999999999999",
    "/log?until=9999-12-31",
    "/log?since=0001-01-01",
    "/log?who=%00",
    "/archive?until=9999-12-31&text=x",
    "/archive/%2e%2e.tar.gz",
    "/archive/...tar.gz",
    "/files?q=%F4%8F%BF%BF",
    "/files?q=%ED%9F%BF",
    "/files?q=9999-12-31",
    "/files/x?after=99999999999999999999",
    "/files/x/payments/99999999999999999999",
    "/payments?after=x:99999999999999999999",
    "/reports/turnaround?from=0001-01-01&to=9999-12-31",
)


def test_no_address_however_odd_ends_in_a_mistake_of_ours(site: Site) -> None:
    browser = site.sign_in("root-a")
    for address in ODD:
        answer = browser.get(address)
        assert answer.status_code in {200, 404, 409}, address
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_language_is_chosen_whatever_page_it_was_chosen_on(site: Site) -> None:
    answer = site.browser().post("/language", data={"language": "zh", "back": "//["})
    assert answer.url.path == "/sign-in"


def test_a_form_that_is_too_long_is_told_so(site: Site, token: Token) -> None:
    browser = site.sign_in("root-a")
    form = token(browser.get("/").text)
    answer = browser.post("/pause", data={"token": form, "bank": "", "reason": "x" * 70_000})
    assert answer.status_code == 413
    assert "this form is too long" in answer.text
    assert site.services.ledger.pauses() == []


def test_a_mistake_of_ours_is_told_with_the_headers_of_every_answer(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("h2h.console.pages.sign_in.room_of", broken)
    app = application(site.services)
    answer = TestClient(app, raise_server_exceptions=False).get("/sign-in")
    assert answer.status_code == 500
    assert "finds the reason in its log" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_form_comes_through_a_proxy_that_ends_the_tls(site: Site, token: Token) -> None:
    browser = site.sign_in("root-a")
    form = {"token": token(browser.get("/").text), "bank": "acme", "reason": "strange"}
    answer = browser.post("/pause", data=form, headers={"origin": "https://127.0.0.1"})
    assert answer.status_code == 200
    assert len(site.services.ledger.pauses()) == 1


def test_nobody_writes_the_address_that_he_asks_from(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[uvicorn.Config] = []

    def run(server: uvicorn.Server, sockets: Any) -> None:  # noqa: ANN401 - as uvicorn has it
        asked.append(server.config)
        sockets[0].close()

    monkeypatch.setattr("uvicorn.Server.run", run)
    serve(site.services, HERE, 0, tell=lambda _: None)
    assert [each.proxy_headers for each in asked] == [False]
