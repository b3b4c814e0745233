"""What a file waits for, wherever it is shown: who has approved, until when, and whose word counts
no more."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from h2h.core.approval import Policies, Policy
from h2h.core.calendar import CutOff
from h2h.core.states import Out
from h2h.flows.sweep import Sweep
from h2h.flows.waves import sweep_outbound
from h2h.ports import File, Wish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import PaymentFile
    from tests.console.conftest import Site

Token = Callable[[str], str]
Drop = Callable[..., File]
ASKED = r"FROM (moves|demands|approvals|operators)"  # for what a file waits, and since when
TWO = Policies((Policy("two", 2),), "2")


@pytest.fixture
def drop(site: Site, tmp_path: Path, payment_file: PaymentFile) -> Drop:
    """Has the ERP drop a file, and makes one pass."""
    (tmp_path / "bank" / "in").mkdir()
    for name, role in (("alice", "approver"), ("bob", "approver"), ("otto", "operator")):
        site.enrol(name, role)
    sweep(site)

    def drop(message_id: str, policies: Policies = TWO) -> File:
        place = tmp_path / "outbox" / "acme" / f"{message_id}.xml"
        place.write_bytes(payment_file(message_id, execution_date="2026-11-23"))
        sweep(site, policies)
        site.clock.advance(minutes=1)
        return site.services.ledger.search_files(Wish()).rows[0]

    return drop


def sweep(site: Site, policies: Policies | None = None) -> None:
    with Sweep(replace(site.services, policies=policies or Policies())) as sweep:
        sweep_outbound(sweep)


def approve(site: Site, file: File, who: str) -> File:
    ledger = site.services.ledger
    asked = ledger.asked_of(file.id)
    assert asked is not None
    found = ledger.approve(file, asked.content, asked.terms, who, "seen", site.clock.now())
    assert found is not None
    return found


def test_who_has_approved_and_until_when_stands_wherever_the_file_waits(
    site: Site, drop: Drop
) -> None:
    terms = site.services.banks["acme"]
    check = replace(terms.check, cut_offs=(CutOff(time(15, 40)),))
    banks = {"acme": replace(terms, check=check)}
    file = approve(site, drop("A"), "bob")
    site.services = replace(site.services, banks=banks)
    browser = site.sign_in("alice")
    for address in ("/", "/files", f"/files/{file.id}"):
        page = browser.get(address).text
        assert "1 of 2 approvals, after bob" in page, address
        assert "Approve by 23 Nov 2026 15:40 to make today&#39;s cut-off." in page, address


def test_what_goes_on_by_itself_says_until_when_it_waits(site: Site, drop: Drop) -> None:
    file = drop("A")
    ledger, until = site.services.ledger, site.clock.now().replace(hour=21, minute=0)
    moved = ledger.move(file, Out.APPROVED, site.clock.now())
    assert moved is not None
    ledger.wait(moved, until, "acme is closed for maintenance", failed=False)
    browser = site.sign_in("otto")
    for address in ("/", "/files"):
        page = browser.get(address).text
        assert "acme is closed for maintenance" in page, address
        assert "until 23 Nov 2026 22:00" in page, address
    assert "It goes on at 23 Nov 2026 22:00." in browser.get(f"/files/{file.id}").text
    ledger.wait(moved, None, "paused by otto: strange files", failed=False)
    assert re.search(r"until that is over</td>\s*<td[^>]*>paused by otto", browser.get("/").text)


def test_many_waiting_files_are_asked_about_at_once(site: Site, drop: Drop) -> None:
    engine = site.services.ledger._engine  # type: ignore[attr-defined]  # of the adapter
    browser, counts = site.sign_in("otto"), []
    said: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: said.append(given[2]))
    for message_ids in (("A",), ("B", "C", "D")):
        for message_id in message_ids:
            drop(message_id)
        for address in ("/", "/files?state=awaiting_approval"):
            said.clear()
            live = browser.get(address, headers={"X-Live": "1"})  # no use, so nothing is written
            assert live.text.count("0 of 2 approvals") == (1 if message_ids == ("A",) else 4)
            counts.append(sum(bool(re.search(ASKED, each)) for each in said))
    assert counts[:2] == counts[2:]


def test_the_approval_of_somebody_who_left_is_shown_as_not_counting(site: Site, drop: Drop) -> None:
    file = approve(site, drop("A"), "bob")
    ledger, now = site.services.ledger, site.clock.now()
    address = f"/files/{file.id}"
    browser = site.sign_in("alice")
    assert '<td data-label="Counts">yes</td>' in browser.get(address).text
    change = ledger.propose("remove", "bob", "root-a", "left us", now)
    ledger.decide(change.id, "root-b", "yes", now, confirmed=True)
    page = browser.get(address).text
    assert "no: bob was removed since, or lost the role" in page
    assert "Missing: 0 of 2 approvals" in page
    assert "after bob" not in browser.get("/").text


@pytest.mark.parametrize("seen", ["", "0", "garbage", "-1", "9" * 40, "٣"])
def test_a_release_without_the_move_that_was_seen_does_nothing_and_says_so(
    site: Site, drop: Drop, token: Token, seen: str
) -> None:
    file = drop("A")
    ledger = site.services.ledger
    held = ledger.move(file, Out.HELD, site.clock.now(), because="look at it")
    assert held is not None
    otto, address = site.sign_in("otto"), f"/files/{file.id}"
    fields = {"content": file.sha256, "reason": "fine", "token": token(otto.get(address).text)}
    given = {"seen": seen} if seen else {}
    answer = otto.post(f"{address}/release", data={**fields, **given})
    assert (answer.status_code, ledger.file(file.id)) == (409, held)
    assert "Look at it again, then decide" in answer.text
    old = {**fields, "seen": str(file.last_move)}
    assert otto.post(f"{address}/release", data=old).status_code == 409
    assert ledger.file(file.id) == held
