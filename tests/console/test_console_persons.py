"""Who is at the desk, and what takes two: first passwords, legal holds, lists to erase."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest

from h2h.core.retention import Hold, Rule
from h2h.core.states import In
from h2h.errors import Refused
from h2h.ports import RemoteFile

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.console.conftest import Site

Token = Callable[[str], str]
HALF, PAGE = "told by the first admin", "/archive/retention"


def post(browser: TestClient, token: Token, page: str, address: str, **fields: str) -> str:
    """Press a button of a page; what is shown then."""
    shown = browser.get(page).text
    given = {"token": token(shown), "reason": "agreed", **fields}
    return browser.post(address, data=given).text


# ------------------------------------------------------------------------------- first passwords


def test_no_single_person_knows_the_first_password_of_another(site: Site, token: Token) -> None:
    ann, ben = site.sign_in("root-a"), site.sign_in("root-b")
    fields = {"name": "eve", "roles": "viewer", "password": HALF}
    page = post(ann, token, "/operators", "/operators/add", **fields)
    assert "shown once" not in page
    decided = {"number": "1", "decision": "confirm"}
    page = post(ben, token, "/operators", "/operators/decide", **decided)
    found = re.search(r"shown once: <code>([a-z0-9]{16})</code>", page)
    assert found is not None
    assert "shown once" not in ben.get("/operators").text
    for alone in (HALF, found[1]):
        assert site.sign_in("eve", alone).get("/").url.path == "/sign-in"
    whole = HALF + found[1]
    eve = site.sign_in("eve", whole)
    assert eve.get("/").url.path == "/password"
    form = token(eve.get("/password").text)
    same = eve.post("/password", data={"token": form, "password": whole, "again": whole})
    assert (same.status_code, "this is the present password" in same.text) == (409, True)
    assert eve.get("/").url.path == "/password"


def test_a_half_that_is_too_short_is_refused_at_once(site: Site, token: Token) -> None:
    fields = {"name": "eve", "roles": "viewer", "password": "short"}
    page = post(site.sign_in("root-a"), token, "/operators", "/operators/add", **fields)
    assert "at least 12 characters" in page
    assert site.services.ledger.proposals() == []


def test_roles_and_acts_are_told_in_the_readers_language(site: Site, token: Token) -> None:
    site.enrol("otto", "operator")
    ann, otto = site.sign_in("root-a"), site.sign_in("otto")
    for browser in (ann, otto):
        browser.cookies["h2h_language"] = "zh"
    assert "操作员 (operator)" in ann.get("/operators").text
    refused = post(otto, token, PAGE, f"{PAGE}/lift", number="1")
    assert "提议变更" in refused
    assert "管理员 (admin)" in refused
    assert "propose a change" not in refused


# -------------------------------------------------------------------------------------- sessions


def test_everybody_sees_his_own_sessions_and_ends_one(site: Site, token: Token) -> None:
    site.enrol("vera", "viewer")
    stolen, vera, ann = site.sign_in("vera"), site.sign_in("vera"), site.sign_in("root-a")
    page = vera.get("/sessions").text
    ids = re.findall(r'name="session" value="([0-9a-f]{16})"', page)
    assert len(ids) == 2
    assert page.count("this one") == 1
    this = re.search(r'this one</span></td>.*?value="([0-9a-f]{16})"', page, re.DOTALL)
    assert this is not None
    (other,) = set(ids) - {this[1]}
    assert ann.get("/sessions").text.count("End this session") == 3
    anns = site.services.ledger.session_id(ann.cookies["h2h_session"])
    refused = post(vera, token, "/sessions", "/sessions/end", session=anns)
    assert "vera may not do this (propose a change)" in refused
    for odd in ("", "%", "_" * 16, "0" * 16, "garbage"):
        assert "over already" in post(vera, token, "/sessions", "/sessions/end", session=odd)
    post(vera, token, "/sessions", "/sessions/end", session=other)
    assert stolen.get("/").url.path == "/sign-in"
    assert vera.get("/").url.path == "/"
    post(ann, token, "/sessions", "/sessions/end", session=this[1])
    assert vera.get("/").url.path == "/sign-in"
    assert [move.who for move in site.services.ledger.room_moves("sign-out")] == ["vera", "root-a"]


# ------------------------------------------------------------------------------------- retention


@pytest.fixture
def old(site: Site) -> Site:
    """A site with a bank file that is past its time."""
    ledger, then = site.services.ledger, site.clock.now().replace(year=2015)
    remote = RemoteFile("old.xml", 1, 1)
    file = ledger.fetched("20150101-080000-000001", "acme", 0, "out", remote, "", 1, then)
    moved = ledger.move(file, In.QUARANTINED, then, because="unreadable")
    assert moved is not None
    ledger.remote_done(moved)
    ledger.recorded(moved, moved.last_move)
    site.services = replace(site.services, retention=(Rule(6),))
    site.enrol("otto", "operator")
    return site


def test_what_is_past_its_time_is_erased_by_two_persons(old: Site, token: Token) -> None:
    ann, ben, otto = (old.sign_in(name) for name in ("root-a", "root-b", "otto"))
    page = otto.get(PAGE).text
    assert "20150101-080000-000001" in page
    assert "31 Dec 2021" in page
    assert "Propose to erase" not in page
    found = re.search(r'name="hash" value="([^"]+)"', ann.get(PAGE).text)
    assert found is not None
    stale = post(ann, token, PAGE, f"{PAGE}/propose", hash="0" * 64)
    assert "the list is not the one that this page showed" in stale
    page = post(ann, token, PAGE, f"{PAGE}/propose", hash=found[1])
    assert "Take change 2 back" in page
    assert "Confirm change 2" not in page
    assert "proposed it himself" in post(ann, token, PAGE, f"{PAGE}/confirm", number="2")
    assert "no such change" in post(ben, token, PAGE, f"{PAGE}/confirm", number="one")
    page = post(ben, token, PAGE, f"{PAGE}/confirm", number="2")
    assert "1 files of a confirmed list are not erased yet" in page
    assert [each.file_id for each in old.services.ledger.to_erase()] == ["20150101-080000-000001"]


def test_a_legal_hold_is_placed_by_one_and_lifted_by_two(old: Site, token: Token) -> None:
    ann, ben, otto = (old.sign_in(name) for name in ("root-a", "root-b", "otto"))
    ledger = old.services.ledger
    assert "names a file, an account or a period" in post(otto, token, PAGE, f"{PAGE}/hold")
    assert "never is no day" in post(otto, token, PAGE, f"{PAGE}/hold", since="never")
    page = post(otto, token, PAGE, f"{PAGE}/hold", until="2019-12-31")
    assert "legal hold 1" in page
    assert [hold.until for hold in ledger.holds()] == [date(2019, 12, 31)]
    assert "May go: 0 files" in page
    assert "may not do this" in post(otto, token, PAGE, f"{PAGE}/lift", number="1")
    page = post(ann, token, PAGE, f"{PAGE}/lift", number="1")
    assert "root-a asks to lift it" in page
    assert "lifts hold 1 already" in post(ben, token, PAGE, f"{PAGE}/lift", number="1")
    assert "proposed it himself" in post(ann, token, PAGE, f"{PAGE}/lifted", number="2")
    assert len(ledger.holds()) == 1
    page = post(ben, token, PAGE, f"{PAGE}/lifted", number="2")
    assert "No legal hold stands." in page
    assert "is confirmed" in post(ben, token, PAGE, f"{PAGE}/lifted", number="2")


def test_lifting_a_hold_is_never_one_persons_act(old: Site) -> None:
    ledger, now = old.services.ledger, old.clock.now()
    ledger.hold(Hold(0, "", "", None, date(2019, 12, 31), "otto", "a lawsuit"), now)
    change = ledger.propose_unhold(1, "root-a", "settled", now)
    with pytest.raises(Refused, match="lifts a legal hold"):  # compared with what there is
        ledger.decide(change.id, "root-b", "yes", now, confirmed=True)
    with pytest.raises(Refused, match="proposed it himself"):
        ledger.unhold(change.id, "root-a", "yes", now)
    ledger.decide(change.id, "root-b", "not yet", now, confirmed=False)
    assert len(ledger.holds()) == 1
    assert [move.target for move in ledger.room_moves("retention-")] == [
        "retention-hold",
        "retention-unhold-proposed",
        "retention-refused",
    ]
