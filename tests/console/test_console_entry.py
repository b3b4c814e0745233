"""Coming in: signing in, going out, and forms that are not ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.console.conftest import Site

Token = Callable[[str], str]
PASSWORD = "correct horse battery staple"  # of every operator of the site


def test_a_stranger_is_shown_the_sign_in_and_nothing_else(site: Site) -> None:
    answer = site.browser().get("/")
    assert answer.url.path == "/sign-in"
    assert "Position" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_an_operator_signs_in_looks_and_goes(site: Site, token: Token) -> None:
    site.enrol("alice", "viewer")
    browser = site.sign_in("alice")
    page = browser.get("/").text
    assert "<h1>Today</h1>" in page
    kept = browser.cookies["h2h_session"]
    gone = browser.post("/sign-out", data={"token": token(page)})
    assert gone.url.path == "/sign-in"
    stolen = site.browser()
    stolen.cookies["h2h_session"] = kept
    assert stolen.get("/").url.path == "/sign-in"


def test_a_wrong_password_is_told_as_any_other_mistake(site: Site) -> None:
    pages = []
    for name in ("root-a", "nobody"):
        browser = site.browser()
        form = browser.get("/sign-in").text.split('name="token" value="')[1].split('"')[0]
        fields = {"token": form, "name": name, "password": "guess", "code": ""}
        answer = browser.post("/sign-in", data=fields)
        assert answer.status_code == 401
        pages.append(answer.text.replace(answer.text.split('name="token" value="')[1][:32], ""))
    assert pages[0] == pages[1]


def test_a_form_of_another_page_or_session_does_nothing(site: Site, token: Token) -> None:
    site.enrol("alice", "operator")
    browser = site.sign_in("alice")
    other = token(site.sign_in("alice").get("/").text)
    for form, origin in ((other, "http://127.0.0.1"), ("", ""), (None, "http://evil.example")):
        page = token(browser.get("/").text)
        headers = {"origin": origin} if origin else {}
        fields = {"token": page if form is None else form, "reason": "x", "bank": ""}
        assert browser.post("/pause", data=fields, headers=headers).status_code == 403
    assert site.services.ledger.pauses() == []


def test_the_stop_button_is_pressed_and_let_go(site: Site, token: Token) -> None:
    site.enrol("alice", "operator")
    browser = site.sign_in("alice")
    page = browser.get("/").text
    browser.post("/pause", data={"token": token(page), "bank": "acme", "reason": "strange files"})
    page = browser.get("/").text
    assert "Paused: acme" in page
    assert "strange files" in page
    site.clock.advance(minutes=1)
    site.services.ledger.pause("acme", "bob", "a thief", site.clock.now())
    old = {"token": token(page), "bank": "acme", "reason": "all clear", "since": since_of(page)}
    assert browser.post("/resume", data=old).status_code == 409  # alice never saw bob's
    page = browser.get("/").text
    assert "a thief" in page
    browser.post("/resume", data={**old, "since": since_of(page)})
    assert "Paused" not in browser.get("/").text


def since_of(page: str) -> str:
    return page.split('name="since" value="')[1].partition('"')[0]


def test_a_bank_that_does_not_exist_is_not_paused(site: Site, token: Token) -> None:
    site.enrol("alice", "operator")
    browser = site.sign_in("alice")
    fields = {"token": token(browser.get("/").text), "bank": "acne", "reason": "strange files"}
    for address in ("/pause", "/resume"):
        assert browser.post(address, data=fields).status_code == 409
    assert site.services.ledger.pauses() == []


def test_who_may_only_look_is_told_who_may(site: Site, token: Token) -> None:
    site.enrol("alice", "viewer")
    browser = site.sign_in("alice")
    page = browser.get("/").text
    assert "Stop everything outward" not in page
    answer = browser.post("/pause", data={"token": token(page), "bank": "", "reason": "x"})
    assert answer.status_code == 409
    assert "operator, approver, admin" in answer.text


def test_a_password_that_somebody_else_set_opens_one_page_only(site: Site, token: Token) -> None:
    now = site.clock.now()
    half = "set by the admin 1"
    change = site.services.ledger.propose(
        "add", "bob", "root-a", "new", now, roles=["viewer"], password=half
    )
    change = site.services.ledger.decide(change.id, "root-b", "yes", now, confirmed=True)
    browser = site.sign_in("bob", half + change.second_half)
    page = browser.get("/")
    assert page.url.path == "/password"
    own = "my own long pass phrase"
    browser.post("/password", data={"token": token(page.text), "password": own, "again": own})
    assert "<h1>Today</h1>" in site.sign_in("bob", own).get("/").text


def test_the_reader_chooses_his_language(site: Site) -> None:
    browser = site.browser()
    browser.post("/language", data={"language": "zh", "back": "/sign-in"})
    assert 'lang="zh-CN"' in browser.get("/sign-in").text
    away = browser.post("/language", data={"language": "en", "back": "//evil.example/"})
    assert away.url.host == "127.0.0.1"


def test_who_found_an_open_session_cannot_make_it_his_own(site: Site, token: Token) -> None:
    site.enrol("alice", "viewer")
    browser = site.sign_in("alice")
    form = token(browser.get("/password").text)
    new = {"password": "a thief's long phrase", "again": "a thief's long phrase"}
    answer = browser.post("/password", data={"token": form, "present": "guess", **new})
    assert "the present password is wrong" in answer.text
    answer = browser.post("/password", data={"token": form, "present": PASSWORD, **new})
    assert answer.url.path == "/sign-in"
