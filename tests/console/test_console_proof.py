"""Accounts, archive, desk log, operators: what there is, that it is whole, and who may."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.flows.inbound import sweep_inbound
from h2h.flows.integrity import Verifier
from h2h.flows.sweep import Sweep
from h2h.flows.waves import sweep_outbound
from h2h.ports import File, Wanted

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.conftest import PaymentFile
    from tests.console.conftest import Site

Token = Callable[[str], str]
PASSWORD = "correct horse battery staple"  # of every operator of the site
IBAN = "DE89370400440532013000"
ONE = f"/accounts/one?bank=acme&account={IBAN}&currency=EUR"


def entry(amount: str, name: str, day: str) -> str:
    return f"""<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>ICDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>{name[:10]}</EndToEndId></Refs>
<RltdPties><Cdtr><Nm>{name}</Nm></Cdtr></RltdPties></TxDtls></NtryDtls></Ntry>"""


def statement(number: int, day: str, opening: str, closing: str, *entries: str) -> str:
    def balance(kind: str, amount: str) -> str:
        return f"""<Bal><Tp><CdOrPrtry><Cd>{kind}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">{amount}</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"""

    return f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>S{number}</MsgId><CreDtTm>{day}T20:00:00</CreDtTm></GrpHdr>
<Stmt><Id>S{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb><CreDtTm>{day}T20:00:00</CreDtTm>
<Acct><Id><IBAN>{IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>
{balance("OPBD", opening)}{balance("CLBD", closing)}{"".join(entries)}</Stmt>
</BkToCstmrStmt></Document>"""


@pytest.fixture
def booked(site: Site, tmp_path: Path) -> Site:
    """Two statements with a gap of 50 between them, the later one of today."""
    out = tmp_path / "bank" / "out"
    out.mkdir()
    first = statement(
        1, "2026-11-19", "100.00", "90.00", entry("10.00", "Ann &amp; Sons", "2026-11-19")
    )
    later = statement(4, "2026-11-23", "140.00", "120.00", entry("20.00", "Bob", "2026-11-23"))
    (out / "one.xml").write_text(first)
    (out / "two.xml").write_text(later)
    with Sweep(site.services) as sweep:
        sweep_inbound(sweep, ["acme"])
    return site


def dropped(site: Site, root: Path, content: bytes) -> File:
    """A payment file as far as it goes by itself."""
    with Sweep(site.services) as sweep:
        sweep_outbound(sweep)
    (root / "outbox" / "acme" / "pay.xml").write_bytes(content)
    with Sweep(site.services) as sweep:
        sweep_outbound(sweep)
    (file,) = site.services.ledger.found(Wanted(text="pay"), 9)
    return file


def reader(site: Site, *roles: str) -> TestClient:
    site.enrol("alice", *roles)
    return site.sign_in("alice")


# ----------------------------------------------------------------------------------------- accounts


def test_an_account_shows_what_it_has_and_where_its_statements_do_not_join(booked: Site) -> None:
    browser = reader(booked, "viewer")
    there = browser.get("/accounts").text
    assert "EUR 120.00" in there
    assert "today" in there
    page = browser.get(ONE).text
    assert "Ann &amp; Sons" in page
    assert "difference +50.00; missing: 2, 3" in page
    assert "the first one" in page
    newest, oldest = page.index(">EUR -20.00<"), page.index(">EUR -10.00<")
    assert newest < oldest


def test_entries_are_found_by_day_amount_and_name(booked: Site) -> None:
    browser = reader(booked, "viewer")
    for filters in ("since=2026-11-20", "amount=20", "text=bob", "until=2026-11-23&text=BOB"):
        page = browser.get(f"{ONE}&{filters}").text
        assert ">EUR -20.00<" in page
        assert ">EUR -10.00<" not in page
    assert "No entry is like that" in browser.get(f"{ONE}&text=nobody").text
    for wrong in ("since=never", "amount=much"):
        answer = browser.get(f"{ONE}&{wrong}")
        assert answer.status_code == 409
        assert "Write it as" in answer.text


def test_an_account_that_is_not_there_is_told_so(booked: Site) -> None:
    answer = reader(booked, "viewer").get("/accounts/one?bank=acme&account=XX&currency=EUR")
    assert answer.status_code == 409
    assert "there is no account XX" in answer.text


# ------------------------------------------------------------------------------------------ archive


def verified(site: Site, browser: TestClient, token: Token) -> str:
    """The result's page, once there is a result."""
    browser.post("/archive/verify", data={"token": token(browser.get("/archive").text)})
    for thread in threading.enumerate():
        if thread.name == "verification":
            thread.join(timeout=60)
    return browser.get("/archive/verification").text


def test_everything_is_verified_on_demand_and_the_chain_tells_who_asked(
    booked: Site, token: Token
) -> None:
    browser = reader(booked, "viewer")
    page = verified(booked, browser, token)
    assert "the chain is whole, every dossier is as it was recorded" in page
    told = browser.get("/archive").text
    assert "archive verified: whole" in told
    assert "by alice" in told


def test_a_changed_dossier_is_a_finding(booked: Site, token: Token) -> None:
    (file, *_) = booked.services.ledger.found(Wanted(), 1)
    place = booked.services.archive.place(file.id) / "received"
    place.chmod(0o600)
    place.write_text("changed")
    page = verified(booked, reader(booked, "viewer"), token)
    assert "its content was changed" in page
    assert "archive verified: findings" in booked.sign_in("alice").get("/archive").text


def test_a_verification_that_breaks_off_proves_nothing(
    booked: Site, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Verifier) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(Verifier, "findings", broken)
    page = verified(booked, reader(booked, "viewer"), token)
    assert "the verification broke off: OSError: the disk is gone" in page
    assert "the chain is whole" not in page


def test_who_may_not_verify_is_told_who_may(booked: Site, token: Token) -> None:
    browser = reader(booked, "operator")
    page = browser.get("/archive").text
    assert "Verify everything now" not in page
    answer = browser.post("/archive/verify", data={"token": token(page)})
    assert answer.status_code == 409


def test_the_auditor_takes_a_dossier_with_its_proof(booked: Site) -> None:
    browser = reader(booked, "viewer")
    (file, *_) = booked.services.ledger.found(Wanted(text="two"), 1)
    assert f"/archive/{file.id}.tar.gz" in browser.get("/archive?text=two").text
    answer = browser.get(f"/archive/{file.id}.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as tar:
        names = set(tar.getnames())
        chain = tar.extractfile(f"{file.id}/chain.jsonl")
        assert chain is not None
        first = json.loads(chain.readline())
    inside = {f"{file.id}/{name}" for name in ("received", "manifest.json", "chain.jsonl")}
    assert inside <= names
    assert first["file_id"] == file.id
    assert browser.get("/archive/nothing.tar.gz").status_code == 409


def test_a_confidential_dossier_is_for_payroll_alone(
    site: Site, tmp_path: Path, payment_file: PaymentFile
) -> None:
    category = b"<PmtTpInf><CtgyPurp><Cd>SALA</Cd></CtgyPurp></PmtTpInf><ReqdExctnDt>"
    file = dropped(site, tmp_path, payment_file().replace(b"<ReqdExctnDt>", category, 1))
    assert file.confidential
    browser = reader(site, "viewer")
    assert "confidential" in browser.get(f"/archive?text={file.id}").text
    assert browser.get(f"/archive/{file.id}.tar.gz").status_code == 409
    site.enrol("paula", "viewer", "payroll")
    assert site.sign_in("paula").get(f"/archive/{file.id}.tar.gz").status_code == 200


def test_what_a_bank_sent_is_for_payroll_alone_once_anything_is_confidential(
    booked: Site, tmp_path: Path, payment_file: PaymentFile
) -> None:
    (sent,) = booked.services.ledger.found(Wanted(text="two"), 9)
    browser = reader(booked, "viewer", "auditor")
    doors = (f"/files/{sent.id}/content/received", f"/archive/{sent.id}.tar.gz")
    assert [browser.get(door).status_code for door in doors] == [200, 200]
    category = b"<PmtTpInf><CtgyPurp><Cd>SALA</Cd></CtgyPurp></PmtTpInf><ReqdExctnDt>"
    dropped(booked, tmp_path, payment_file().replace(b"<ReqdExctnDt>", category, 1))
    assert [browser.get(door).status_code for door in doors] == [409, 409]
    assert "/content/" not in browser.get(f"/files/{sent.id}").text
    booked.enrol("paula", "viewer", "payroll")
    paula = booked.sign_in("paula")
    assert [paula.get(door).status_code for door in doors] == [200, 200]


# --------------------------------------------------------------------------------------------- log


def test_the_desk_log_tells_who_did_what_and_why(site: Site, token: Token) -> None:
    browser = reader(site, "operator")
    page = token(browser.get("/").text)
    browser.post("/pause", data={"token": page, "bank": "acme", "reason": "<b>odd</b>"})
    log = browser.get("/log").text
    assert "paused" in log
    assert "acme: &lt;b&gt;odd&lt;/b&gt;" in log
    assert "signed in" not in log
    assert "signed in" not in browser.get("/log?access=yes").text
    assert "Nobody did anything like that" in browser.get("/log?who=bob").text
    assert "Nobody did anything like that" in browser.get("/log?until=2026-11-22").text
    assert "paused" in browser.get("/log?who=alice&since=2026-11-23&until=2026-11-23").text


def test_the_auditor_sees_access_and_changes_too(site: Site) -> None:
    browser = reader(site, "viewer")
    log = browser.get("/log?access=yes").text
    for told in ("signed in", "operator added", "change of an operator proposed"):
        assert told in log


# ---------------------------------------------------------------------------------------- operators


def test_two_persons_add_an_operator(site: Site, token: Token) -> None:
    ann, bob = site.sign_in("root-a"), site.sign_in("root-b")
    fields = {
        "token": token(ann.get("/operators").text),
        "name": "carol",
        "roles": ["approver", "viewer"],
        "password": "a first password for her",
        "reason": "new here",
    }
    page = ann.post("/operators/add", data=fields).text
    assert "Take change" in page
    assert "Confirm change" not in page
    number = page.split('name="number" value="')[1].split('"')[0]
    own = {"token": token(page), "number": number, "decision": "confirm", "reason": "me too"}
    assert "proposed it himself" in ann.post("/operators/decide", data=own).text
    page = bob.get("/operators").text
    other = {"token": token(page), "number": number, "decision": "confirm", "reason": "known"}
    bob.post("/operators/decide", data=other)
    carol = site.services.ledger.operator("carol")
    assert carol is not None
    assert carol.roles == ("approver", "viewer")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("role", {"roles": ["operator"]}),
        ("password", {"password": "another first password"}),
        ("totp", {}),
        ("remove", {}),
    ],
)
def test_a_change_is_proposed_and_refused(
    site: Site, token: Token, kind: str, fields: dict[str, object]
) -> None:
    site.enrol("alice", "viewer")
    ann, bob = site.sign_in("root-a"), site.sign_in("root-b")
    page = token(ann.get("/operators").text)
    asked = {"token": page, "name": "alice", "kind": kind, "reason": "because", **fields}
    ann.post("/operators/change", data=asked)
    (change,) = site.services.ledger.proposals()
    assert (change.kind, change.subject) == (kind, "alice")
    page = token(bob.get("/operators").text)
    no = {"token": page, "number": str(change.id), "decision": "refuse", "reason": "no"}
    bob.post("/operators/decide", data=no)
    assert site.services.ledger.proposals() == []


def test_a_change_of_the_configuration_is_confirmed_here(site: Site, token: Token) -> None:
    ledger, now = site.services.ledger, site.clock.now()
    ledger.configured({"banks.acme": {"host": "1"}}, "root-a", now)
    ledger.configured({"banks.acme": {"host": "2"}}, "root-a", now)
    browser = site.sign_in("root-b")
    page = browser.get("/operators").text
    assert "configuration" in page
    (change,) = ledger.proposals()
    fields = {"number": str(change.id), "decision": "confirm", "reason": "seen"}
    browser.post("/operators/decide", data={"token": token(page), **fields})
    assert ledger.proposals() == []


def test_a_list_to_erase_waits_here_and_is_confirmed_where_it_is_shown(site: Site) -> None:
    ledger, now = site.services.ledger, site.clock.now()
    change = ledger.propose_erasure([], now.date(), "root-a", "past its time", now)
    page = site.sign_in("root-b").get("/operators")
    assert page.status_code == 200
    assert 'href="/archive/retention"' in page.text
    assert f"Confirm change {change.id}" not in page.text
    assert "Confirm change" not in page.text
    assert "Refuse change" in page.text


def test_all_sessions_of_an_operator_end_at_once(site: Site, token: Token) -> None:
    site.enrol("alice", "viewer")
    alice, ann = site.sign_in("alice"), site.sign_in("root-a")
    ann.post(
        "/operators/revoke", data={"token": token(ann.get("/operators").text), "name": "alice"}
    )
    assert alice.get("/").url.path == "/sign-in"


def test_a_viewer_looks_and_an_approver_does_not(site: Site, token: Token) -> None:
    viewer = reader(site, "viewer")
    page = viewer.get("/operators").text
    assert "Propose" not in page.split("These roles may propose changes")[0]
    site.enrol("bob", "approver")
    approver = site.sign_in("bob")
    assert approver.get("/operators").status_code == 409
    assert 'href="/operators"' not in approver.get("/").text
    fields = {"token": token(viewer.get("/").text), "name": "bob"}
    assert viewer.post("/operators/revoke", data=fields).status_code == 409


def test_a_new_second_factor_is_shown_once_to_who_knows_the_password(
    site: Site, token: Token
) -> None:
    browser = reader(site, "viewer")
    form = token(browser.get("/second-factor").text)
    wrong = browser.post("/second-factor", data={"token": form, "present": "a guess"})
    assert "otpauth" not in wrong.text
    right = browser.post("/second-factor", data={"token": form, "present": PASSWORD}).text
    assert "otpauth://totp/h2h:alice?secret=" in right
    again = browser.get("/second-factor").text
    assert "otpauth" not in again
    assert "a new one replaces it" in again


# ------------------------------------------------------------------------------------------- daemon


def test_every_page_says_so_while_no_daemon_runs(site: Site) -> None:
    browser = reader(site, "viewer")
    assert "No daemon runs" in browser.get("/").text
    with site.services.ledger.lock():
        for page in ("/", "/accounts", "/archive", "/log", "/operators"):
            assert "No daemon runs" not in browser.get(page).text
