"""Files and payments in the console: found, looked at, decided over, and proven."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from h2h import daemon
from h2h.core.approval import Policies, Policy
from h2h.core.statement import Balance, Part, Statement, StatementKind
from h2h.core.states import In, Kept, Out
from h2h.flows.inbound import sweep_inbound
from h2h.flows.sweep import Sweep
from h2h.flows.waves import sweep_outbound
from h2h.ports import BankMessage, File, RemoteFile, Wish

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.conftest import PaymentFile
    from tests.console.conftest import Site

Token = Callable[[str], str]
TWO = Policies((Policy("two", 2),), "2")
NASTY = "<script>alert(1)</script>"


class Made(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.scripts: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag == "script":
            self.scripts.append(dict(attrs).get("src"))


class Desk:
    """The site with what moves its files."""

    def __init__(self, site: Site, root: Path) -> None:
        self.site, self.root = site, root
        for folder in ("in", "out"):
            (root / "bank" / folder).mkdir()
        self.sweep()

    def sweep(self, policies: Policies | None = None) -> None:
        """One pass, as the daemon makes it."""
        services = replace(self.site.services, policies=policies or Policies())
        with Sweep(services) as sweep:
            sweep_outbound(sweep)
            sweep_inbound(sweep, ["acme"])
        self.site.clock.advance(minutes=1)

    def drop(self, content: bytes, name: str = "pay.xml", policies: Policies | None = None) -> File:
        """The ERP drops a file; the newest one that there is after a pass."""
        (self.root / "outbox" / "acme" / name).write_bytes(content)
        self.sweep(policies)
        return self.newest()

    def newest(self) -> File:
        return self.site.services.ledger.search_files(Wish()).rows[0]

    def file(self, file: File) -> File:
        found = self.site.services.ledger.file(file.id)
        assert found is not None
        return found


@pytest.fixture
def at(site: Site, tmp_path: Path) -> Desk:
    """A console with a clerk of each role."""
    for name, role in (
        ("alice", "approver"),
        ("bob", "approver"),
        ("otto", "operator"),
        ("vera", "viewer"),
        ("paula", "payroll"),
    ):
        site.enrol(name, role)
    return Desk(site, tmp_path)


def pressed(
    browser: TestClient, token: Token, address: str, verb: str, **fields: str
) -> tuple[int, str]:
    """Press a button of the page at `address`, as its form says; what the next page shows."""
    page = browser.get(address).text
    found = re.search(r'name="content" value="([^"]*)"', page)
    content = found[1] if found else ""
    shown = re.search(r'name="seen" value="([^"]*)"', page)
    seen = shown[1] if shown else ""
    signed = {"token": token(page), "reason": "seen on paper"}
    fields = {**signed, "content": content, "seen": seen, **fields}
    answer = browser.post(f"{address}/{verb}", data=fields)
    return answer.status_code, answer.text


# ----------------------------------------------------------------------------------------- finding


def test_a_file_and_its_payments_are_found_by_what_the_address_asks(
    at: Desk, payment_file: PaymentFile
) -> None:
    payments = [{"amount": "48210.00", "creditor_name": "Lieferant Eins"}, {"amount": "7.50"}]
    file = at.drop(payment_file("RUN-A", payments), "payrun_1123.xml")
    at.drop(payment_file("RUN-B"), "other.xml")
    browser = at.site.sign_in("vera")
    link = f'href="/files/{file.id}"'
    for asked in ("q=payrun", "q=RUN-A", "q=48,210.00", "q=lieferant", "q=EUR+48217.50"):
        page = browser.get(f"/files?{asked}").text
        assert link in page, asked
        assert "other.xml" not in page
    for asked in ("", "q=sent", "bank=acme&direction=out&state=sent", "q=23.11.2026", "q=ACME"):
        page = browser.get(f"/files?{asked}").text
        assert link in page, asked
        assert "other.xml" in page
    for asked in ("direction=in", "state=held", "from=2026-11-24", "to=2026-11-22", "q=nothing"):
        assert "No file fits." in browser.get(f"/files?{asked}").text, asked
    page = browser.get("/payments?q=Lieferant").text
    assert f'href="/files/{file.id}/payments/1"' in page
    assert "EUR 48,210.00" in page
    assert "EUR 7.50" not in page


def test_what_makes_no_sense_in_the_address_is_said_and_left_out(at: Desk) -> None:
    browser = at.site.sign_in("vera")
    for path in ("/files", "/payments"):
        page = browser.get(f"{path}?state=odd&bank=x&from=31.02.2026&to=0001-01-01&after=%00'")
        assert page.status_code == 200
        assert page.text.count("was left out") == 4
    assert browser.get("/payments?after=x:99999999999999999999").status_code == 200


def test_five_thousand_pasted_rows_get_a_clear_page(at: Desk) -> None:
    browser = at.site.sign_in("vera")
    rows = "\n".join(f"INV-{n}" for n in range(5_000))
    for path in ("/files", "/payments"):
        page = browser.get(path, params={"q": rows})
        assert page.status_code == 200
        assert "look for one thing at a time" in page.text


def test_the_next_page_begins_where_this_one_ends(at: Desk, payment_file: PaymentFile) -> None:
    file = at.drop(payment_file("RUN-A", [{}] * 120))
    browser = at.site.sign_in("vera")
    page = browser.get("/payments").text
    onward = re.search(r'rel="next" href="([^"]+)"', page)
    assert onward is not None
    assert f"/files/{file.id}/payments/70" in browser.get(onward[1].replace("&amp;", "&")).text
    page = browser.get(f"/files/{file.id}").text
    assert page.count(f'href="/files/{file.id}/payments/') == 100
    assert (
        f'href="/files/{file.id}/payments/120"' in browser.get(f"/files/{file.id}?after=100").text
    )


# ---------------------------------------------------------------------------------------- deciding


def test_two_persons_approve_on_the_page_and_it_goes(
    at: Desk, token: Token, payment_file: PaymentFile
) -> None:
    file = at.drop(payment_file("RUN-A", [{}, {}]), policies=TWO)
    assert file.state is Out.AWAITING_APPROVAL
    address = f"/files/{file.id}"
    alice, bob = at.site.sign_in("alice"), at.site.sign_in("bob")
    page = alice.get(address).text
    assert "Approve EUR 200.00: 2 payments" in page
    assert f'value="{file.sha256}"' in page
    assert 'data-key="a"' in page
    status, page = pressed(alice, token, address, "approve")
    assert (status, at.file(file).state) == (200, Out.AWAITING_APPROVAL)
    assert "seen on paper" in page
    assert "Approve EUR" not in page  # alice has said yes
    status, page = pressed(bob, token, address, "approve")
    assert (status, at.file(file).state) == (200, Out.APPROVED)
    at.sweep(TWO)
    assert at.file(file).state is Out.SENT


def test_an_approval_under_other_terms_than_were_shown_is_refused(
    at: Desk, token: Token, payment_file: PaymentFile
) -> None:
    file = at.drop(payment_file(), policies=TWO)
    alice = at.site.sign_in("alice")
    page = alice.get(f"/files/{file.id}").text
    terms = page.partition('name="terms" value="')[2].partition('"')[0]
    form = {"token": token(page), "reason": "yes", "content": file.sha256, "terms": terms}
    at.sweep(replace(TWO, fingerprint="3"))
    other = alice.post(f"/files/{file.id}/approve", data=form)
    assert other.status_code == 409
    assert "not what you looked at" in other.text
    assert at.site.services.ledger.approvals(file.id) == []


def test_the_same_person_twice_is_refused_in_words(
    at: Desk, token: Token, payment_file: PaymentFile
) -> None:
    file = at.drop(payment_file(), policies=TWO)
    alice = at.site.sign_in("alice")
    page = alice.get(f"/files/{file.id}").text
    form = {"token": token(page), "reason": "yes", "content": file.sha256}
    assert alice.post(f"/files/{file.id}/approve", data=form).status_code == 200
    again = alice.post(f"/files/{file.id}/approve", data=form)  # the form once more
    assert again.status_code == 409
    assert "alice has approved" in again.text
    assert at.file(file).state is Out.AWAITING_APPROVAL


def test_two_approvers_in_the_same_moment_both_count_and_move_it_once(
    at: Desk, token: Token, payment_file: PaymentFile
) -> None:
    file = at.drop(payment_file(), policies=TWO)
    address, together = f"/files/{file.id}", threading.Barrier(2)
    forms = []
    for name in ("alice", "bob"):
        browser = at.site.sign_in(name)
        page = browser.get(address).text
        fields = {"token": token(page), "reason": "yes", "content": file.sha256}
        forms.append((browser, fields))

    def approve(browser: TestClient, fields: dict[str, str]) -> int:
        together.wait(10)
        return browser.post(f"{address}/approve", data=fields).status_code

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda form: approve(*form), forms)) == [200, 200]
    targets = [move.target for move in at.site.services.ledger.moves(file.id)]
    assert targets.count("approved") == 1
    assert len(at.site.services.ledger.approvals(file.id)) == 2


def test_an_approval_for_a_file_that_changed_meanwhile_is_void(
    at: Desk, token: Token, payment_file: PaymentFile
) -> None:
    file = at.drop(payment_file(), policies=TWO)
    alice, otto = at.site.sign_in("alice"), at.site.sign_in("otto")
    page = alice.get(f"/files/{file.id}").text
    for content in ("0" * 64, ""):
        form = {"token": token(page), "reason": "yes", "content": content}
        assert alice.post(f"/files/{file.id}/approve", data=form).status_code == 409
    assert at.site.services.ledger.approvals(file.id) == []
    status, page = pressed(otto, token, f"/files/{file.id}", "hold", content="0" * 64)
    assert status == 409
    assert "is not what this page showed any more" in page
    engine = create_engine(f"sqlite:///{at.root}/ledger.db")
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE files SET sha256 = '{'1' * 64}'"))
    engine.dispose()
    form = {"token": token(alice.get(f"/files/{file.id}").text), "reason": "yes"}
    answer = alice.post(f"/files/{file.id}/approve", data={**form, "content": "1" * 64})
    assert answer.status_code == 409
    assert at.site.services.ledger.approvals(file.id) == []


def test_what_may_not_be_pressed_is_absent_and_who_may_is_said(
    at: Desk, token: Token, payment_file: PaymentFile
) -> None:
    file = at.drop(payment_file(), policies=TWO)
    vera = at.site.sign_in("vera")
    page = vera.get(f"/files/{file.id}").text
    assert f'action="/files/{file.id}/' not in page
    assert "approve a file: these roles may: approver" in page
    for verb in ("approve", "reject", "hold", "release", "cancel", "sent", "not-sent", "recall"):
        form = {"token": token(page), "reason": "I want it", "content": file.sha256}
        answer = vera.post(f"/files/{file.id}/{verb}", data=form)
        assert (verb, answer.status_code) == (verb, 409)
        assert "may not do this" in answer.text
    assert vera.post(f"/files/{file.id}/burn", data=form).status_code == 404
    assert at.file(file).state is Out.AWAITING_APPROVAL


def test_a_file_is_held_released_and_cancelled_on_its_page(
    at: Desk, token: Token, payment_file: PaymentFile
) -> None:
    file = at.drop(payment_file(), policies=TWO)
    otto = at.site.sign_in("otto")
    address = f"/files/{file.id}"
    for verb, state in (("hold", Out.HELD), ("release", Out.AWAITING_APPROVAL)):
        status, page = pressed(otto, token, address, verb)
        assert (status, at.file(file).state) == (200, state)
    assert "seen on paper" in page
    status, _ = pressed(otto, token, address, "reject")
    assert (status, at.file(file).state) == (200, Out.CANCELLED)
    status, page = pressed(otto, token, address, "release", content=file.sha256)
    assert status == 409
    assert "not held" in page


def in_doubt(at: Desk, content: bytes) -> File:
    """A file whose delivery was announced and never answered."""
    file = at.drop(content, policies=TWO)
    ledger, now = at.site.services.ledger, at.site.clock.now()
    for target in (Out.APPROVED, Out.SEALED, Out.STAGED, Out.DELIVERING, Out.IN_DOUBT):
        if target is Out.STAGED:
            reserved = ledger.reserve(file, lambda n: f"pay{n}.xml", "in", now, gap_free=False)
            assert reserved is not None
            file = reserved
        moved = ledger.move(file, target, now)
        assert moved is not None
        file = moved
    return file


def test_a_doubt_is_settled_as_the_bank_says(
    at: Desk, token: Token, payment_file: PaymentFile
) -> None:
    file = in_doubt(at, payment_file())
    otto = at.site.sign_in("otto")
    assert "It arrived" in otto.get(f"/files/{file.id}").text
    status, page = pressed(otto, token, f"/files/{file.id}", "sent")
    assert (status, at.file(file).state) == (200, Out.SENT)
    assert "Ask acme to take back EUR 100.00" in page


def test_a_doubt_is_settled_the_other_way_without_a_daemon(
    at: Desk, token: Token, payment_file: PaymentFile
) -> None:
    file = in_doubt(at, payment_file())
    otto, address = at.site.sign_in("otto"), f"/files/{file.id}"
    status, page = pressed(otto, token, address, "not-sent")
    assert (status, at.file(file).state) == (409, Out.IN_DOUBT)
    assert "ask the bank once more" in page  # the temporary is gone from now on
    status, page = pressed(otto, token, address, "not-sent")
    assert (status, at.file(file).state) == (200, Out.IN_DOUBT)
    assert "otto said at" in page
    assert "One of these has to say it too: alice, bob" in page
    assert "send the same bytes again" not in page  # he has said it
    assert "a second person has to say it too" in otto.get("/").text
    assert pressed(otto, token, address, "not-sent")[0] == 409
    status, page = pressed(at.site.sign_in("alice"), token, address, "not-sent")
    assert (status, at.file(file).state) == (200, Out.SEALED)
    assert not at.site.services.ledger.is_locked()


def test_the_second_word_is_for_the_move_that_was_shown(
    at: Desk, token: Token, payment_file: PaymentFile
) -> None:
    file = in_doubt(at, payment_file())
    otto, address = at.site.sign_in("otto"), f"/files/{file.id}"
    alice = at.site.sign_in("alice")
    before = re.search(r'name="seen" value="([^"]*)"', alice.get(address).text)
    assert before is not None
    for _ in range(2):
        pressed(otto, token, address, "not-sent")
    for seen in (before[1], "", "0", "-1", "garbage", "9" * 40, "٣", "1;2"):
        status, page = pressed(alice, token, address, "not-sent", seen=seen)
        assert (status, "moved on meanwhile" in page) == (409, True), seen
    ledger = at.site.services.ledger
    assert at.file(file).state is Out.IN_DOUBT
    told = ledger.note(at.file(file), "a report with an unknown code", "h2h", at.site.clock.now())
    assert told is not None
    status, page = pressed(alice, token, address, "not-sent")  # the first word is not the newest
    assert (status, at.file(file).state) == (200, Out.IN_DOUBT)
    assert "alice said at" in page


def test_the_bank_is_looked_at_again_by_a_button(
    at: Desk, token: Token, payment_file: PaymentFile
) -> None:
    file = in_doubt(at, payment_file())
    otto, address = at.site.sign_in("otto"), f"/files/{file.id}"
    status, page = pressed(otto, token, address, "look-again")
    assert (status, at.file(file).state) == (200, Out.IN_DOUBT)
    assert "was looked at again" in page
    assert pressed(at.site.sign_in("vera"), token, address, "look-again")[0] == 409
    (at.root / "bank" / "in" / file.final_name).write_bytes(b"")  # it has our size, which is 0 here
    status, page = pressed(otto, token, address, "look-again")
    assert (status, at.file(file).state) == (200, Out.SENT)
    assert "lies at the bank with our size" in page
    assert pressed(otto, token, address, "look-again")[0] == 409  # nothing is in doubt any more


def test_a_running_daemon_is_asked_to_settle_it(
    at: Desk, token: Token, payment_file: PaymentFile
) -> None:
    file = in_doubt(at, payment_file())
    ledger, over = at.site.services.ledger, threading.Event()

    def run() -> None:
        with ledger.lock():
            running.set()
            while not over.wait(0.05):
                for request in ledger.asked():
                    with Sweep(at.site.services, patient=False) as sweep:
                        answer = daemon.act(request.verb, request.bank, sweep)
                    ledger.answer(request.id, json.dumps(answer))

    running = threading.Event()
    other = threading.Thread(target=run)
    other.start()
    try:
        assert running.wait(10)
        otto, address = at.site.sign_in("otto"), f"/files/{file.id}"
        statuses = [pressed(otto, token, address, "not-sent")[0] for _ in range(2)]
        statuses.append(pressed(at.site.sign_in("bob"), token, address, "not-sent")[0])
    finally:
        over.set()
        other.join(10)
    assert (statuses, at.file(file).state) == ([409, 200, 200], Out.SEALED)


def test_a_recall_is_asked_for_on_the_page_of_the_payment(
    at: Desk, token: Token, payment_file: PaymentFile
) -> None:
    file = at.drop(payment_file("RUN-A", [{}, {}]))
    otto = at.site.sign_in("otto")
    address = f"/files/{file.id}/payments/2"
    status, page = pressed(otto, token, address, "recall", code="DUPL")
    assert status == 200
    assert "asked, not answered" in page
    assert "Ask acme to take back" not in page
    assert len(at.site.services.ledger.recalls(file.id)) == 1


# -------------------------------------------------------------------------------------- bank files


def held_statement(at: Desk) -> tuple[File, str]:
    """A bank file with one statement that does not balance."""
    ledger, now = at.site.services.ledger, at.site.clock.now()
    remote = RemoteFile("stmt.xml", 1, 1)
    file = ledger.fetched("20261123-080000-0000aa", "acme", 0, "out", remote, "ab", 1, now)
    for state in (In.OPENED, In.READ):
        moved = ledger.move(file, state, now)
        assert moved is not None
        file = moved
    day = now.date()
    statement = Statement(
        index=1,
        kind=StatementKind.STATEMENT,
        id="S1",
        account="DE89370400440532013000",
        currency="EUR",
        electronic_sequence="1",
        legal_sequence="",
        period_from=day,
        period_to=day,
        created=f"{day}T08:00:00",
        copy="",
        balances=(
            Balance("OPBD", Decimal(1), "EUR", day),
            Balance("CLBD", Decimal(990), "EUR", day),
        ),
        entries=(),
    )
    message = BankMessage("camt.053.001.08", iter([Part(statement, last=True)]))
    accounts = at.site.services.banks["acme"].accounts
    ledger.book(file, message, accounts, now)
    (row,) = ledger.statements(file.id)
    assert row.kept is Kept.HELD
    return file, row.id


@pytest.mark.parametrize(("verb", "kept"), [("release", Kept.BOOKED), ("reject", Kept.REJECTED)])
def test_a_held_statement_is_decided_over_in_its_row(
    at: Desk, token: Token, verb: str, kept: Kept
) -> None:
    file, number = held_statement(at)
    address = f"/files/{file.id}"
    vera, otto = at.site.sign_in("vera"), at.site.sign_in("otto")
    page = vera.get(address).text
    assert "990" in page
    assert f"/statements/{number}/" not in page
    page = otto.get(address).text
    assert f'action="{address}/statements/{number}/{verb}"' in page
    form = {"token": token(page), "reason": "the bank explained it"}
    assert otto.post(f"{address}/statements/{number}x/{verb}", data=form).status_code == 404
    assert otto.post(f"{address}/statements/{number}/{verb}", data=form).status_code == 200
    (row,) = at.site.services.ledger.statements(file.id)
    assert row.kept is kept
    assert otto.post(f"{address}/statements/{number}/{verb}", data=form).status_code == 409
    refused = vera.post(
        f"{address}/statements/{number}/{verb}",
        data={**form, "token": token(vera.get(address).text)},
    )
    assert refused.status_code == 409


def test_a_quarantined_file_is_read_again(at: Desk, token: Token) -> None:
    (at.root / "bank" / "out" / "odd.xml").write_text("<odd/>")
    at.sweep()
    file = at.newest()
    assert file.state is In.QUARANTINED
    otto = at.site.sign_in("otto")
    status, page = pressed(otto, token, f"/files/{file.id}", "replay")
    assert (status, at.file(file).state) == (200, In.FETCHED)
    assert "seen on paper" in page
    answer = otto.get(f"/files/{file.id}/content/received")
    assert answer.content == b"<odd/>"


# ----------------------------------------------------------------------------------------- looking


def test_nothing_that_a_payment_carries_becomes_part_of_the_page(
    at: Desk, payment_file: PaymentFile
) -> None:
    nasty = {"creditor_name": NASTY, "remittance": f"{NASTY}'\"", "end_to_end_id": "<b>&'\""}
    content = payment_file("<i>ID</i>", [nasty])
    file = at.drop(content, "<img src=x onerror=alert(1)>'\".xml")
    assert file.state is Out.HELD or file.problems or file.state is Out.SENT
    browser = at.site.sign_in("vera")
    pages = [
        f"/files/{file.id}",
        "/files",
        "/payments",
        "/",
        f"/files/{file.id}/payments/1",
        f"/files?q={NASTY}&state={NASTY}&bank={NASTY}&from={NASTY}",
        f"/payments?q={NASTY}&after={NASTY}",
    ]
    for address in pages:
        page = browser.get(address).text
        made = Made()
        made.feed(page)
        assert not made.tags & {"img", "b"}, address
        assert made.scripts == ["/static/h2h.js"], address
        assert not {name for name in made.attributes if name.startswith(("on", "style"))}, address
        assert "<i>ID" not in page, address


def test_the_life_of_a_payment_is_told_from_the_file_to_what_is_missing(
    at: Desk, payment_file: PaymentFile
) -> None:
    file = at.drop(payment_file("RUN-A", [{"remittance": "invoice 7"}]))
    page = at.site.sign_in("vera").get(f"/files/{file.id}/payments/1").text
    assert "invoice 7" in page
    assert "then an entry on account" in page
    assert page.index("taken in") < page.index("sealed") < page.rindex("sent")
    assert at.site.sign_in("vera").get(f"/files/{file.id}/payments/2").status_code == 404


def test_problems_stand_beside_the_place_in_the_file(at: Desk, payment_file: PaymentFile) -> None:
    bad = payment_file("RUN-A", [{"creditor_iban": "FR1420041010050500013M02607"}])
    file = at.drop(bad)
    assert file.state is Out.INVALID
    page = at.site.sign_in("vera").get(f"/files/{file.id}").text
    assert "&lt;IBAN&gt;FR1420041010050500013M02607" in page
    assert "^" in page


def test_the_contents_are_downloaded_and_never_shown(at: Desk, payment_file: PaymentFile) -> None:
    content = payment_file("RUN-A")
    file = at.drop(content)
    browser = at.site.sign_in("vera")
    answer = browser.get(f"/files/{file.id}/content/original.xml")
    assert answer.content == content
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="{file.id}-original.xml"'
    )
    assert answer.headers["content-type"] == "application/octet-stream"
    for name in ("..%2f..%2fledger.db", "ledger.db", "%2e%2e%2fx", "original.xml%00"):
        assert browser.get(f"/files/{file.id}/content/{name}").status_code == 404
    assert browser.get("/files/nobody").status_code == 404


def test_a_confidential_file_shows_its_sums_alone(
    at: Desk, token: Token, payment_file: PaymentFile
) -> None:
    names = [{"creditor_name": "Erna Muster", "amount": "4321.00"}, {"amount": "5000.00"}]
    salaries = payment_file("PAY-11", names).replace(
        b"<PmtMtd>TRF</PmtMtd>",
        b"<PmtMtd>TRF</PmtMtd><PmtTpInf><CtgyPurp><Cd>SALA</Cd></CtgyPurp></PmtTpInf>",
    )
    salaries = move_type_information(salaries)
    file = at.drop(salaries, "salaries.xml", policies=TWO)
    assert file.confidential, file.problems
    alice, paula = at.site.sign_in("alice"), at.site.sign_in("paula")
    for address in (
        f"/files/{file.id}",
        f"/files/{file.id}/payments/1",
        "/payments",
        "/files",
        "/",
    ):
        assert "Muster" not in (page := alice.get(address).text), address
        assert "4,321.00" not in page
    assert "Approve EUR 9,321.00: 2 payments" in alice.get(f"/files/{file.id}").text
    assert "No payment fits." in alice.get("/payments?q=Erna").text
    assert "No file fits." in alice.get("/files?q=4321.00").text
    assert "Erna Muster" in paula.get("/payments?q=Erna").text
    assert alice.get(f"/files/{file.id}/content/original.xml").status_code == 409
    assert paula.get(f"/files/{file.id}/content/original.xml").content == salaries
    status, _ = pressed(alice, token, f"/files/{file.id}", "approve")
    assert status == 200


def move_type_information(content: bytes) -> bytes:
    """After the sums of the batch, where the schema wants it."""
    begin, end = content.index(b"<PmtTpInf>"), content.index(b"</PmtTpInf>") + 11
    part, rest = content[begin:end], content[:begin] + content[end:]
    at = rest.index(b"<ReqdExctnDt>")
    return rest[:at] + part + rest[at:]


def test_every_page_is_told_in_the_readers_language(at: Desk, payment_file: PaymentFile) -> None:
    file = at.drop(payment_file("RUN-A"), policies=TWO)
    browser = at.site.sign_in("alice")
    browser.post("/language", data={"language": "zh", "back": "/"})
    for address in ("/files", "/payments", f"/files/{file.id}", f"/files/{file.id}/payments/1"):
        page = browser.get(address).text
        assert 'lang="zh-CN"' in page
        shown = re.sub(r"<[^>]+>", " ", page.partition("<main")[2].partition("</main>")[0])
        assert not re.search(r"\b(State|Reason|Creditor|Payments|Came|Who|awaits)\b", shown), (
            address
        )
