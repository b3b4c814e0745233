"""A day at the desk in a real Chromium, at the real `h2h console`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from h2h.config import load
from h2h.core.calendar import business_day_after
from h2h.core.states import Out
from h2h.flows.inbound import sweep_inbound
from h2h.flows.sweep import Sweep
from h2h.flows.waves import sweep_outbound
from h2h.ports import File, Services, Wish
from h2h.wiring import wire
from tests.conftest import make_payment_file

PASSWORD = "correct horse battery staple"
IBAN = "DE89370400440532013000"
PATIENCE = 20  # seconds, of a machine that does much else
CONFIG = """
[h2h]
environment = "test"
language = "en"

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

[[policies]]
name = "two"
approvals = 2
"""
STATEMENT = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>S1</MsgId><CreDtTm>2026-11-20T20:00:00</CreDtTm></GrpHdr><Stmt><Id>S1</Id>
<ElctrncSeqNb>1</ElctrncSeqNb><CreDtTm>2026-11-20T20:00:00</CreDtTm>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">50.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">75.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>
<Ntry><Amt Ccy="EUR">25.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-11-20</Dt></BookgDt><ValDt><Dt>2026-11-20</Dt></ValDt>
<BkTxCd><Prtry><Cd>NTRF</Cd></Prtry></BkTxCd></Ntry></Stmt></BkToCstmrStmt></Document>"""


def needed(there: bool, what: str) -> None:
    """Skip without a part that is not there; where CI=true fail."""
    if not there:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing(f"{what} is not here: make setup-test")


@dataclass
class Desk:
    """A workspace with clerks, its console in a process of its own, and a browser."""

    root: Path
    services: Services
    browser: Browser
    address: str = ""
    console: subprocess.Popen[str] | None = None
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "h2h", "--config", str(self.root / "config.toml"), *words]

    def start(self) -> None:
        """Start the console; it says where it is."""
        self.console = subprocess.Popen(
            self.command("console", "--port", "0"), stdout=subprocess.PIPE, text=True
        )
        assert self.console.stdout is not None
        self.address = self.console.stdout.readline().strip()
        assert self.address.startswith("http://127.0.0.1:")

    def stop(self) -> None:
        assert self.console is not None
        end(self.console)

    def page(self, **settings: Any) -> Page:  # noqa: ANN401 - as the browser takes them
        """A new browser of somebody, at the first page."""
        context = self.browser.new_context(locale="en-GB", **settings)
        context.set_default_timeout(PATIENCE * 1000)
        page = context.new_page()
        page.goto(self.address)
        return page

    def enter(self, name: str, **settings: Any) -> Page:  # noqa: ANN401 - as the browser takes them
        """Sign in as `name`."""
        page = self.page(**settings)
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Today", level=1)).to_be_visible()
        page.wait_for_load_state()
        return page

    def drop(self, name: str = "", amount: str = "48210.00") -> File:
        """The ERP drops a file, and it goes as far as it goes by itself."""
        number = next(self.numbers)
        day = business_day_after(datetime.now(UTC).date(), 3, "ECB").isoformat()
        payments = [{"amount": amount, "remittance": f"invoice {number}"}]
        content = make_payment_file(f"RUN-{number}", payments, execution_date=day)
        (self.root / "outbox" / "acme" / (name or f"run-{number}.xml")).write_bytes(content)
        self.sweep()
        return self.services.ledger.search_files(Wish(direction="out")).rows[0]

    def sweep(self) -> None:
        with Sweep(self.services) as sweep:
            sweep_outbound(sweep)
            sweep_inbound(sweep, ["acme"])

    def doubt(self) -> File:
        """A file whose delivery was announced and never answered."""
        file = self.drop()
        ledger, now = self.services.ledger, datetime.now(UTC)
        for target in (Out.APPROVED, Out.SEALED, Out.STAGED, Out.DELIVERING, Out.IN_DOUBT):
            if target is Out.STAGED:
                named = ledger.reserve(file, lambda n: f"p{n}.xml", "in", now, gap_free=False)
                assert named is not None
                file = named
            moved = ledger.move(file, target, now)
            assert moved is not None
            file = moved
        return file

    def state(self, file: File) -> str:
        found = self.services.ledger.file(file.id)
        assert found is not None
        return found.state.value


def end(process: subprocess.Popen[str]) -> None:
    """Ask a process of ours to end, and wait for it."""
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)


def until(true: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    needed(path is not None, "chromium")
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*flags, "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def axe() -> str:
    path = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
    needed(path.exists(), "axe-core")
    return path.read_text()


class Quiet:
    """A log that nobody reads."""

    def event(self, event: str, /, **facts: str | int | None) -> None:
        pass


@pytest.fixture(scope="module")
def desk(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One workspace for all tests of this file; each drops files of its own."""
    root = tmp_path_factory.mktemp("desk")
    (root / "config.toml").write_text(CONFIG)
    for folder in ("in", "out"):
        (root / "bank" / folder).mkdir(parents=True)
    (root / "bank" / "out" / "statement.xml").write_text(STATEMENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("argon2.PasswordHasher", partial(PasswordHasher, 1, 8, 1))
        with wire(load(root / "config.toml"), Quiet()) as services:
            desk = Desk(root, services, chromium)
            staff(services)
            desk.sweep()
            desk.start()
            yield desk
            desk.stop()


@pytest.fixture(autouse=True)
def closed(chromium: Browser) -> Iterator[None]:
    """No page of one test goes on in the next."""
    expect.set_options(timeout=PATIENCE * 500)
    yield
    for context in chromium.contexts:
        context.close()


def staff(services: Services) -> None:
    """Two admins, and one of each role that is needed."""
    ledger, now = services.ledger, datetime.now(UTC)
    ledger.configured(services.sections, "os:owner", now)
    for name in ("ann", "ben"):
        ledger.enrol(name, "", ["admin"], "", "os:owner", "first", now)
        ledger.set_password(name, PASSWORD, now)
    others = {"alice": "approver", "bob": "approver", "otto": "operator", "vera": "viewer"}
    for name, role in others.items():
        change = ledger.propose("add", name, "ann", "new", now, roles=[role])
        ledger.decide(change.id, "ben", "yes", now, confirmed=True)
        ledger.set_password(name, PASSWORD, now)


# ------------------------------------------------------------------------------------- in and out


def test_a_clerk_signs_in_and_out_and_nothing_stays_behind(desk: Desk) -> None:
    page = desk.page()
    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password").fill("a guess")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("the name, the password or the code is wrong")
    page.get_by_label("Name").fill("vera")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("vera", exact=True).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_without_a_script_every_page_can_be_read(desk: Desk) -> None:
    file = desk.drop()
    page = desk.enter("vera", java_script_enabled=False)
    expect(page.get_by_role("table").first).to_contain_text(file.name)
    page.get_by_role("link", name="Accounts").click()
    expect(page.get_by_role("table")).to_contain_text("EUR 75.00")


# ---------------------------------------------------------------------------------------- deciding


def test_two_people_approve_and_the_same_one_never_counts_twice(desk: Desk) -> None:
    file = desk.drop("payroll-run.xml")
    alice = desk.enter("alice")
    alice.goto(f"{desk.address}/files/{file.id}")
    again = alice.context.new_page()
    again.goto(alice.url)
    for page in (alice, again):  # the second one was opened before the first was pressed
        form = page.locator("form", has=page.get_by_role("button", name=re.compile("^Approve EUR")))
        form.get_by_label("Reason").fill("seen on paper")
        form.get_by_role("button").click()
        page.wait_for_load_state()
    assert len(desk.services.ledger.approvals(file.id)) == 1
    assert desk.state(file) == "awaiting_approval"
    bob = desk.enter("bob")
    bob.goto(f"{desk.address}/files/{file.id}")
    form = bob.locator("form", has=bob.get_by_role("button", name=re.compile("^Approve EUR 48,2")))
    form.get_by_label("Reason").fill("called the ERP")
    form.get_by_role("button").click()
    expect(bob.locator("#main")).to_contain_text("approved")
    assert desk.state(file) == "approved"


def test_a_doubt_is_resolved_with_a_reason(desk: Desk) -> None:
    file = desk.doubt()
    page = desk.enter("otto")
    page.get_by_role("link", name=file.name).first.click()
    expect(page.get_by_role("button", name="Look again")).to_be_visible()
    form = page.locator("form", has=page.get_by_role("button", name=re.compile("It arrived")))
    form.get_by_label("Reason").fill("the bank confirmed by telephone")
    form.get_by_role("button").click()
    expect(page.get_by_role("button", name=re.compile("It arrived"))).to_have_count(0)
    assert desk.state(file) == "sent"


def test_what_was_dropped_is_downloaded_byte_for_byte(desk: Desk) -> None:
    file = desk.drop()
    page = desk.enter("vera")
    page.goto(f"{desk.address}/files/{file.id}")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="original.xml").click()
    original = desk.services.archive.path(file.id, "original.xml")
    assert Path(waiting.value.path()).read_bytes() == original.read_bytes()


def test_the_stop_button_is_seen_by_everybody(desk: Desk) -> None:
    otto, vera = desk.enter("otto"), desk.enter("vera")
    stop = otto.get_by_role("region", name="Stop button")
    stop.get_by_label("Bank").select_option("acme")
    stop.get_by_label("Reason").fill("strange files")
    stop.get_by_role("button").click()
    vera.goto(f"{desk.address}/log")
    expect(vera.get_by_role("alert")).to_contain_text("Paused: acme")
    expect(vera.get_by_role("alert")).to_contain_text("strange files")
    expect(vera.get_by_role("button", name="Resume")).to_have_count(0)
    otto.get_by_role("alert").get_by_label("Reason").fill("all clear")
    otto.get_by_role("button", name="Resume").click()
    expect(otto.get_by_role("alert")).to_have_count(0)


# ------------------------------------------------------------------------------ keys, and by itself


def test_the_whole_desk_is_reached_by_keys(desk: Desk) -> None:
    file = desk.drop("by-keys.xml")
    page = desk.enter("alice")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox").first).to_be_focused()
    page.keyboard.type("by-keys")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Files", level=1)).to_be_visible()
    page.wait_for_load_state()
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/files/{file.id}")
    page.wait_for_load_state()
    page.keyboard.press("a")
    approve = page.get_by_role("button", name=re.compile("^Approve"))
    form = page.locator("form", has=approve)
    expect(form.get_by_label("Reason")).to_be_focused()
    page.keyboard.type("?")
    expect(page.get_by_role("dialog")).to_have_count(0)  # it is a letter where one types
    page.keyboard.press("Tab")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_page_changes_by_itself_when_something_moves(desk: Desk) -> None:
    page = desk.enter("vera")
    page.evaluate("document.body.dataset.same = 'page'")
    file = desk.drop("came-later.xml")
    row = page.get_by_role("row", name=re.compile(file.name))
    expect(row).to_be_visible(timeout=PATIENCE * 500)
    assert page.evaluate("document.body.dataset.same") == "page"


def test_a_hidden_page_asks_for_nothing_until_somebody_looks_at_it_again(desk: Desk) -> None:
    page = desk.enter("vera")
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/static/" not in request.url:  # the browser fetches the icon whenever it likes
            asked.append(request.url)

    def looked_at(state: str) -> None:
        page.evaluate(
            "state => { Object.defineProperty(document, 'hidden', "
            "{ value: state === 'hidden', configurable: true });"
            "document.dispatchEvent(new Event('visibilitychange')); }",
            state,
        )

    looked_at("hidden")
    page.on("request", note)
    file = desk.drop("while-hidden.xml")
    other = desk.enter("otto")  # the same stream tells somebody who looks
    expect(other.get_by_role("row", name=re.compile(file.name))).to_be_visible()
    later = desk.drop("while-hidden-too.xml")
    expect(other.get_by_role("row", name=re.compile(later.name))).to_be_visible()
    assert asked == []
    looked_at("visible")
    expect(page.get_by_role("row", name=re.compile(later.name))).to_be_visible()
    assert any("/events" in url for url in asked)


def test_the_end_of_a_session_leaves_nothing_on_the_screen(desk: Desk) -> None:
    page = desk.enter("vera")
    expect(page.locator("#connection")).to_be_hidden()
    desk.services.ledger.revoke_all("vera", "ann", datetime.now(UTC))
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_page_says_when_its_connection_is_gone(desk: Desk) -> None:
    page = desk.enter("vera")
    expect(page.locator("#connection")).to_be_hidden()
    page.route("**/events?*", lambda route: route.abort())
    page.reload()
    expect(page.locator("#connection")).to_have_text(re.compile("The connection is gone"))


def test_the_archive_is_verified_and_the_page_tells_the_result_by_itself(desk: Desk) -> None:
    page = desk.enter("vera")
    page.goto(f"{desk.address}/archive")
    page.get_by_role("button", name="Verify everything now").click()
    expect(page.get_by_role("heading", name="Verification")).to_be_visible()
    expect(page.locator("main")).to_contain_text("the chain is whole")


# ------------------------------------------------------------------------------ daemon and console


def test_the_console_works_without_the_daemon_and_the_daemon_without_the_console(
    desk: Desk,
) -> None:
    file = desk.drop()
    alice, bob = desk.enter("alice"), desk.enter("bob")
    expect(alice.get_by_text("No daemon runs.")).to_be_visible()
    daemon = subprocess.Popen(
        desk.command("run"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True
    )
    try:
        until(desk.services.ledger.is_locked, "the daemon runs")
        for page in (alice, bob):
            page.goto(f"{desk.address}/files/{file.id}")
            expect(page.get_by_text("No daemon runs.")).to_have_count(0)
            approve = page.get_by_role("button", name=re.compile("^Approve"))
            page.locator("form", has=approve).get_by_label("Reason").fill("seen")
            approve.click()
            page.wait_for_load_state()
        desk.stop()
        until(lambda: desk.state(file) == "sent", "the daemon sends it without a console")
    finally:
        end(daemon)
    desk.start()
    page = desk.enter("vera")
    expect(page.get_by_text("No daemon runs.")).to_be_visible()


# ------------------------------------------------------------------------------------ accessibility


def pages(desk: Desk) -> list[str]:
    """The address of each page, with something on it."""
    file = desk.drop()
    (bank_file,) = desk.services.ledger.search_files(Wish(direction="in")).rows
    account = f"/accounts/one?bank=acme&account={IBAN}&currency=EUR"
    of_files = [f"/files/{file.id}", f"/files/{bank_file.id}", f"/files/{file.id}/payments/1"]
    listed = ["/", "/files", "/payments", "/accounts", account, *of_files]
    proof = ["/archive?text=run", "/archive/verification", "/log?access=yes", "/operators"]
    persons = ["/password", "/second-factor", "/sessions", "/archive/retention"]
    return [*listed, *proof, *persons, "/files/nothing"]


def faults(page: Page, options: str) -> list[str]:
    """What axe-core calls serious or critical."""
    told = page.evaluate(f"axe.run(document, {{{options} resultTypes: ['violations']}})")
    return [
        f"{each['id']}: {node['html'][:120]}"
        for each in told["violations"]
        if each["impact"] in {"serious", "critical"}
        for node in each["nodes"]
    ]


def test_axe_finds_no_serious_fault_on_any_page_in_either_theme(desk: Desk, axe: str) -> None:
    page = desk.enter("ann")
    found: dict[str, list[str]] = {}
    for address in ("/sign-in", *pages(desk)):
        page.goto(f"{desk.address}{address}")
        page.evaluate(axe)
        page.emulate_media(color_scheme="light")
        serious = faults(page, "")
        page.emulate_media(color_scheme="dark")  # the same page, of which the colours are others
        serious += faults(page, "runOnly: ['color-contrast'],")
        if serious:
            found[address] = serious
    assert found == {}


def test_no_page_scrolls_sideways_on_a_telephone(desk: Desk) -> None:
    page = desk.enter("ann", viewport={"width": 390, "height": 800})
    wide = []
    for address in pages(desk):
        page.goto(f"{desk.address}{address}")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(address)
    assert wide == []
