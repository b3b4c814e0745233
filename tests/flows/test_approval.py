"""Approvals that cannot be bypassed: bound to bytes, policy and bank, and proven by the chain."""

from __future__ import annotations

import getpass
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
from argon2 import PasswordHasher
from sqlalchemy import create_engine, text

from h2h import desk
from h2h.core.approval import Policies, Policy, Then
from h2h.core.fingerprints import UNREAD
from h2h.core.operators import UNKNOWN
from h2h.core.states import Out
from h2h.daemon import Daemon
from h2h.errors import Refused
from h2h.flows.consent import remember_config
from h2h.ports import File

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import Room

WHY = "seen on paper"
ONE = Policies((Policy("one"),), "1")
TWO = Policies((Policy("two", 2),), "2")
PASSWORD = "a horse that nobody rides"
FIRST_HALF = "a horse of two riders"
HALVES = FIRST_HALF + "x" * 16


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2id with little memory: what a guess costs in production is not what is tested."""
    monkeypatch.setattr("argon2.PasswordHasher", partial(PasswordHasher, 1, 8, 1))


@pytest.fixture
def staffed(room: Room) -> Room:
    """A room with operators; whoever runs the tests is nobody of them."""
    with room.ledger() as ledger:
        for name in ("anna", "bob"):
            ledger.enrol(name, f"os-{name}", ["admin", "approver"], "", "os:x", WHY, now(room))
        add(room, "eve", "approver")
        add(room, "otto", "operator")
        add(room, "paula", "payroll")
    return room


@pytest.fixture
def signing(staffed: Room, monkeypatch: pytest.MonkeyPatch) -> Room:
    """The same: anna has set her password herself, eve's was chosen by two admins, as halves."""
    with staffed.ledger() as ledger:
        desk.change_password(ledger, "anna", PASSWORD, now(staffed))
        change = desk.change_operator(
            ledger, "password", "eve", "anna", WHY, now(staffed), password=FIRST_HALF
        )
        monkeypatch.setattr("h2h.adapters.credentials._LETTERS", "x")  # the same every time
        change = desk.confirm(ledger, change.id, "bob", WHY, now(staffed))
    assert FIRST_HALF + change.second_half == HALVES
    return staffed


def now(room: Room) -> Any:  # noqa: ANN401  a datetime, as the room's clock has it
    return room.clock.now()


def add(room: Room, name: str, *roles: str, os_user: str = "") -> None:
    """By two persons, as every operator after the first two."""
    with room.ledger() as ledger:
        change = desk.add_operator(ledger, name, roles, "anna", WHY, now(room), os_user=os_user)
        assert change is not None
        desk.confirm(ledger, change.id, "bob", WHY, now(room))


def sweep(room: Room, policies: Policies = ONE, **more: Any) -> File:  # noqa: ANN401  of Services
    """One pass under these policies; returns the newest payment file."""
    with room.services() as plain:
        services = replace(plain, policies=policies, **more)
        remember_config(services)
        room.run(services)
    room.clock.advance(minutes=5)
    return room.file()


def approve(room: Room, who: str, content: str = "") -> str:
    with room.ledger() as ledger:
        return desk.approve(ledger, room.file().id, who, WHY, now(room), content=content)


def edit(room: Room, *statements: str) -> None:
    """Somebody writes into the database by hand."""
    engine = create_engine(f"sqlite:///{room.root}/ledger.db")
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


# ------------------------------------------------------------------------------------- approving


def test_a_file_waits_until_two_persons_have_approved_it(
    staffed: Room, payment_file: PaymentFile
) -> None:
    staffed.drop(payment_file())
    assert sweep(staffed, TWO).state is Out.AWAITING_APPROVAL
    assert approve(staffed, "anna") == "awaiting_approval"
    assert sweep(staffed, TWO).state is Out.AWAITING_APPROVAL
    assert approve(staffed, "eve") == "approved"
    assert sweep(staffed, TWO).state is Out.SENT
    with staffed.ledger() as ledger:
        file = staffed.file()
        given = [each for each in ledger.moves(file.id) if each.who in {"anna", "eve"}]
        assert [move.content for move in given] == [file.sha256] * 2
        assert all(WHY in move.because for move in given)


def test_without_a_policy_for_it_a_file_goes_as_before(
    staffed: Room, payment_file: PaymentFile
) -> None:
    staffed.drop(payment_file())
    large = Policies((Policy("large", above=Decimal(1000), amounts_in="EUR"),), "l")
    assert sweep(staffed, large).state is Out.SENT


def test_the_same_person_twice_is_one_person(staffed: Room, payment_file: PaymentFile) -> None:
    staffed.drop(payment_file())
    sweep(staffed, TWO)
    approve(staffed, "anna")
    with pytest.raises(Refused, match="anna has approved"):
        approve(staffed, "anna")
    assert sweep(staffed, TWO).state is Out.AWAITING_APPROVAL


def test_two_approvers_in_the_same_moment_both_count_and_move_it_once(
    staffed: Room, payment_file: PaymentFile
) -> None:
    staffed.drop(payment_file())
    sweep(staffed, TWO)
    start, states = threading.Barrier(2), []

    def decide(who: str) -> None:
        start.wait()
        states.append(approve(staffed, who))

    threads = [threading.Thread(target=decide, args=[who]) for who in ("anna", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states) == ["approved", "awaiting_approval"]
    with staffed.ledger() as ledger:
        file = staffed.file()
        assert {each.operator for each in ledger.approvals(file.id)} == {"anna", "eve"}
        targets = [m.target for m in ledger.moves(file.id) if m.source != m.target]
        assert targets.count("approved") == 1


def test_who_dropped_the_file_cannot_approve_it_alone(
    staffed: Room, payment_file: PaymentFile
) -> None:
    add(staffed, "dora", "approver", os_user=getpass.getuser())
    staffed.drop(payment_file())
    sweep(staffed)
    assert approve(staffed, "dora") == "awaiting_approval"
    assert approve(staffed, "eve") == "approved"


def test_who_configured_cannot_approve_alone(staffed: Room, payment_file: PaymentFile) -> None:
    staffed.drop(payment_file())
    sweep(staffed, configured_by="os-anna")
    assert approve(staffed, "anna") == "awaiting_approval"
    assert approve(staffed, "bob") == "approved"


@pytest.mark.parametrize("who", ["otto", "paula", "mallory", "os:root"])
def test_nobody_else_approves(staffed: Room, payment_file: PaymentFile, who: str) -> None:
    staffed.drop(payment_file())
    sweep(staffed)
    with pytest.raises(Refused, match=r"may not do this|is no operator"):
        approve(staffed, who)


@pytest.mark.parametrize(("kind", "roles"), [("remove", []), ("role", ["viewer"])])
def test_the_approval_of_who_may_approve_no_longer_does_not_count(
    staffed: Room, payment_file: PaymentFile, kind: str, roles: list[str]
) -> None:
    staffed.drop(payment_file())
    sweep(staffed, TWO)
    assert approve(staffed, "eve") == "awaiting_approval"
    with staffed.ledger() as ledger:
        change = desk.change_operator(ledger, kind, "eve", "anna", WHY, now(staffed), roles=roles)
        desk.confirm(ledger, change.id, "bob", WHY, now(staffed))
    assert approve(staffed, "anna") == "awaiting_approval"
    assert approve(staffed, "bob") == "approved"
    assert sweep(staffed, TWO).state is Out.SENT


def test_an_approval_for_other_bytes_than_were_shown_is_refused(
    staffed: Room, payment_file: PaymentFile
) -> None:
    staffed.drop(payment_file())
    sweep(staffed)
    with pytest.raises(Refused, match="not what you looked at"):
        approve(staffed, "anna", content="0" * 64)
    assert sweep(staffed).state is Out.AWAITING_APPROVAL


def test_while_there_is_no_operator_another_user_of_the_workspace_approves(
    room: Room, payment_file: PaymentFile
) -> None:
    room.drop(payment_file())
    sweep(room)
    assert approve(room, f"os:{getpass.getuser()}") == "awaiting_approval"  # he dropped it
    assert approve(room, "os:somebody") == "approved"
    assert sweep(room).state is Out.SENT


def test_an_operator_holds_and_rejects_what_waits(staffed: Room, payment_file: PaymentFile) -> None:
    staffed.drop(payment_file())
    file = sweep(staffed)
    with staffed.ledger() as ledger:
        assert desk.hold(ledger, file.id, "otto", WHY, now(staffed)) == "held"
        assert desk.release(ledger, file.id, "otto", WHY, now(staffed)) == "awaiting_approval"
        assert desk.reject(ledger, file.id, "eve", WHY, now(staffed)) == "cancelled"
    assert sweep(staffed).state is Out.CANCELLED
    assert staffed.published() == []


# ------------------------------------------------------------------------------------------- void


def approved(room: Room, content: bytes) -> File:
    """A file that was approved and is not sealed yet: the bank is paused."""
    room.drop(content)
    sweep(room)
    approve(room, "anna")
    assert room.file().state is Out.APPROVED
    return room.file()


def test_another_policy_voids_what_was_approved(staffed: Room, payment_file: PaymentFile) -> None:
    approved(staffed, payment_file())
    changed = Policies((Policy("one", above=Decimal(1), amounts_in="EUR"),), "changed")
    assert sweep(staffed, changed).state is Out.AWAITING_APPROVAL
    assert staffed.published() == []
    assert approve(staffed, "anna") == "approved"  # the same person, of the new terms
    assert sweep(staffed, changed).state is Out.SENT


def test_another_configuration_of_the_bank_voids_it(
    staffed: Room, payment_file: PaymentFile
) -> None:
    approved(staffed, payment_file())
    staffed.terms = replace(staffed.terms, fingerprint="another host")
    assert sweep(staffed).state is Out.AWAITING_APPROVAL


def test_changed_bytes_are_never_sealed(staffed: Room, payment_file: PaymentFile) -> None:
    file = approved(staffed, payment_file())
    [original] = (staffed.root / "archive").glob(f"*/*/*/{file.id}/original.xml")
    original.write_bytes(original.read_bytes().replace(b"100.00", b"900.00"))
    assert sweep(staffed).state is Out.HELD
    assert staffed.published() == []


# -------------------------------------------------------------------------- a ledger edited by hand


@pytest.mark.parametrize("state", ["approved", "sealed", "staged"])
def test_a_state_written_by_hand_does_not_send(
    staffed: Room, payment_file: PaymentFile, state: str
) -> None:
    staffed.drop(payment_file())
    sweep(staffed)
    edit(staffed, f"UPDATE files SET state = '{state}'")
    for _ in range(3):
        sweep(staffed)
    assert staffed.published() == []
    assert staffed.file().state is Out.HELD


@pytest.mark.parametrize("who", ["aaron", "eve"])
def test_an_approval_written_by_hand_does_not_send(
    staffed: Room, payment_file: PaymentFile, who: str
) -> None:
    staffed.drop(payment_file())
    file = sweep(staffed, TWO)
    approve(staffed, "anna")
    with staffed.ledger() as ledger:
        [real] = ledger.approvals(file.id)
    edit(
        staffed,
        "INSERT INTO approvals (file_id, operator, content, terms, reason, at, move) "
        f"VALUES ('{file.id}', '{who}', '{real.content}', '{real.terms}', '{WHY}', "
        f"'2026-11-23 10:00:00.000000', {real.move})",
    )
    sweep(staffed, TWO)
    assert staffed.published() == []
    held = sweep(staffed, TWO)
    assert held.state is Out.HELD
    assert f"the approval by {who}" in held.problems[-1].message


def test_a_demand_lowered_by_hand_does_not_send(staffed: Room, payment_file: PaymentFile) -> None:
    staffed.drop(payment_file())
    sweep(staffed, TWO)
    edit(staffed, "UPDATE demands SET count = 1, groups = '[]'")
    assert approve(staffed, "anna") == "approved"
    assert sweep(staffed, TWO).state is Out.AWAITING_APPROVAL
    assert staffed.published() == []


def test_a_role_given_by_hand_does_not_send(staffed: Room, payment_file: PaymentFile) -> None:
    staffed.drop(payment_file())
    sweep(staffed)
    edit(staffed, """UPDATE operators SET roles = '["approver"]' WHERE name = 'otto'""")
    assert approve(staffed, "otto") == "approved"
    held = sweep(staffed)
    assert (held.state, staffed.published()) == (Out.HELD, [])
    assert "the roles of otto" in held.problems[-1].message


# --------------------------------------------------------------------------------- what is unusual


def test_a_new_creditor_asks_for_one_more_and_a_changed_account_holds(
    staffed: Room, payment_file: PaymentFile
) -> None:
    watch = Policy("watch", 0, new_creditor=Then.ONE_MORE, changed_creditor=Then.HOLD)
    policies = Policies((watch,), "w")
    staffed.drop(payment_file("M-1"))
    assert sweep(staffed, policies).state is Out.AWAITING_APPROVAL
    approve(staffed, "anna")
    assert sweep(staffed, policies).state is Out.SENT
    staffed.drop(payment_file("M-2", [{"amount": "7.00"}]))
    assert sweep(staffed, policies).state is Out.SENT  # known by now
    staffed.drop(payment_file("M-3", [{"creditor_iban": "NL91ABNA0417164300"}]))
    held = sweep(staffed, policies)
    assert (held.state, held.problems[-1].rule) == (Out.HELD, "changed-creditor")
    with staffed.ledger() as ledger:
        desk.release(ledger, held.id, "otto", WHY, now(staffed))
    assert sweep(staffed, policies).state is Out.AWAITING_APPROVAL  # it is new, too


def test_the_days_total_is_counted_over_files(staffed: Room, payment_file: PaymentFile) -> None:
    day = Policies((Policy("day", 1, day_above=Decimal(150), amounts_in="EUR"),), "d")
    staffed.drop(payment_file("M-1"))
    assert sweep(staffed, day).state is Out.SENT
    staffed.drop(payment_file("M-2", [{"amount": "50.01"}]))
    assert sweep(staffed, day).state is Out.AWAITING_APPROVAL


def test_of_files_that_come_together_those_within_the_days_total_go(
    staffed: Room, payment_file: PaymentFile
) -> None:
    day = Policies((Policy("day", 1, day_above=Decimal(150), amounts_in="EUR"),), "d")
    names = ["pay.xml", "pay2.xml", "pay3.xml", "pay4.xml", "pay5.xml"]
    for name in names:
        staffed.drop(payment_file(name, [{"amount": "70.00"}]), name)
    sweep(staffed, day)
    assert [staffed.file(name).state for name in names] == [
        *[Out.SENT] * 2,
        *[Out.AWAITING_APPROVAL] * 3,
    ]
    with staffed.ledger() as ledger:
        desk.approve(ledger, staffed.file("pay3.xml").id, "anna", WHY, now(staffed))
    sweep(staffed, day)
    assert staffed.file("pay3.xml").state is Out.SENT
    assert [staffed.file(name).state for name in names[3:]] == [Out.AWAITING_APPROVAL] * 2


# ------------------------------------------------------------------------------ confidential files


def test_salaries_are_seen_by_payroll_alone_and_no_log_tells_of_them(
    staffed: Room, payment_file: PaymentFile
) -> None:
    purpose = b"<CtgyPurp><Cd>SALA</Cd></CtgyPurp>"
    content = payment_file(payments=[{"creditor_name": "Herr Geheim", "amount": "4711.00"}])
    place = content.index(b"<ReqdExctnDt>")
    salaries = content[:place] + b"<PmtTpInf>" + purpose + b"</PmtTpInf>" + content[place:]
    staffed.drop(salaries)
    file = sweep(staffed)
    assert file.confidential
    with staffed.ledger() as ledger:
        rows = ledger.payments(file.id)
        for who, hidden in (("eve", True), ("otto", True), ("paula", False)):
            [row] = desk.veil(file, rows, desk.roles_of(ledger, who))
            assert ("Geheim" in row.counterparty_name, row.amount == "4711.00") == (not hidden,) * 2
    assert file.control_sum == {"EUR": "4711.00"}  # what an approver sees
    assert not [facts for _, facts in staffed.log.events if "4711" in str(facts)]


# --------------------------------------------------------------------------------- configuration


def test_a_changed_bank_waits_for_a_second_person_before_anything_goes_there(
    staffed: Room, payment_file: PaymentFile
) -> None:
    before = {"banks.acme": {"sftp.hosts": "a", "zone": "z"}}
    after = {"banks.acme": {"sftp.hosts": "b", "zone": "z"}}

    def under(sections: dict[str, dict[str, str]]) -> File:
        return sweep(staffed, Policies(), configured_by="os-anna", sections=sections)

    staffed.drop(payment_file("M-1"))
    assert under(before).state is Out.SENT
    staffed.drop(payment_file("M-2", [{"amount": "1.00"}]))
    waiting = under(after)
    assert waiting.state is Out.APPROVED
    assert "h2h config confirm" in waiting.due_because
    with staffed.ledger() as ledger:
        [change] = ledger.proposals()
        assert change.details["keys"] == ["banks.acme: sftp.hosts (changed)"]
        with pytest.raises(Refused, match="anna proposed it"):
            desk.confirm_config(ledger, "anna", WHY, now(staffed))
        desk.confirm_config(ledger, "bob", WHY, now(staffed))
        assert [m.target for m in ledger.room_moves("config-")][-1] == "config-confirmed"
    assert under(after).state is Out.SENT


def test_an_exchanged_key_file_waits_until_two_persons_have_seen_it(
    staffed: Room, payment_file: PaymentFile
) -> None:
    ours = "banks.acme.sftp.private_key"
    sections: dict[str, dict[str, str]] = {"banks.acme": {"zone": "z"}}

    def under(public_half: str) -> File:
        contents = {ours: {"public half": public_half}}
        more = {"sections": sections, "contents": lambda: contents}
        return sweep(staffed, Policies(), configured_by="os-anna", **more)

    staffed.drop(payment_file("M-1"))
    assert under("1").state is Out.SENT
    staffed.drop(payment_file("M-2", [{"amount": "1.00"}]))
    waiting = under("2")
    assert (waiting.state, ours in waiting.due_because) == (Out.APPROVED, True)
    with staffed.ledger() as ledger:
        [change] = ledger.proposals()
        assert (change.who, change.details["keys"]) == (UNKNOWN, [f"{ours}: public half (changed)"])
        # whoever owns config.toml need not have exchanged it, so that he is the first of the two
        assert desk.confirm_config(ledger, "anna", WHY, now(staffed)).outcome == ""
        with pytest.raises(Refused, match="anna proposed it"):
            desk.confirm_config(ledger, "anna", WHY, now(staffed))
    assert under("2").state is Out.APPROVED
    with staffed.ledger() as ledger:
        assert desk.confirm_config(ledger, "bob", WHY, now(staffed)).outcome == "confirmed"
        assert [m.target for m in ledger.room_moves("config-")][-3:] == [
            "config-proposed",
            "config-agreed",
            "config-confirmed",
        ]
    assert under("2").state is Out.SENT
    staffed.drop(payment_file("M-3", [{"amount": "2.00"}]))
    assert under(UNREAD).state is Out.SENT  # what cannot be read logs in nowhere: no change
    with staffed.ledger() as ledger:
        assert ledger.proposals() == []
    staffed.drop(payment_file("M-4", [{"amount": "3.00"}]))
    assert under("1").state is Out.APPROVED  # the one of before is another one again


def test_a_key_file_that_is_exchanged_while_the_daemon_runs_is_noted(staffed: Room) -> None:
    key = {"public half": "1"}
    with staffed.services() as plain:
        contents = lambda: {"banks.acme.sftp.private_key": dict(key)}  # noqa: E731 - a field
        services = replace(plain, sections={"banks.acme": {"zone": "z"}}, contents=contents)
        remember_config(services)
        daemon = Daemon(services)
        for _ in range(2):
            daemon._pass()
        assert services.ledger.proposals() == []
        key["public half"] = "2"
        for _ in range(2):
            daemon._pass()
        assert [each.who for each in services.ledger.proposals()] == [UNKNOWN]
    assert [name for name, _ in staffed.log.events].count("config_changed") == 1


# -------------------------------------------------------------------------------------- operators


def test_the_first_two_admins_need_no_second_person_and_the_third_does(staffed: Room) -> None:
    with staffed.ledger() as ledger:
        with pytest.raises(Refused, match="only the first 2 admins"):
            ledger.enrol("max", "", ["admin"], "", "os:x", WHY, now(staffed))
        change = desk.add_operator(ledger, "max", ["admin"], "anna", WHY, now(staffed))
        assert change is not None
        assert ledger.operator("max") is None
        with pytest.raises(Refused, match="proposed it"):
            desk.confirm(ledger, change.id, "anna", WHY, now(staffed))
        desk.confirm(ledger, change.id, "bob", WHY, now(staffed))
        assert ledger.operator("max") is not None
        with pytest.raises(Refused, match="is confirmed"):
            desk.confirm(ledger, change.id, "bob", WHY, now(staffed))


def test_the_last_two_admins_stay(staffed: Room) -> None:
    with staffed.ledger() as ledger, pytest.raises(Refused, match="last 2 admins"):
        desk.change_operator(ledger, "remove", "bob", "anna", WHY, now(staffed))


def test_a_removed_operator_has_no_session_and_his_name_is_never_given_again(
    signing: Room,
) -> None:
    token = signed_in(signing, "eve", HALVES)
    with signing.ledger() as ledger:
        change = desk.change_operator(ledger, "remove", "eve", "anna", WHY, now(signing))
        desk.confirm(ledger, change.id, "bob", WHY, now(signing))
        assert ledger.session(token, now(signing)) is None
        with pytest.raises(Refused, match="for ever"):
            desk.add_operator(ledger, "eve", ["viewer"], "anna", WHY, now(signing))


def signed_in(room: Room, name: str, password: str = PASSWORD, totp: str = "") -> str:
    with room.ledger() as ledger:
        return ledger.sign_in(name, password, totp, "10.0.0.1", now(room))[0]


def test_a_password_that_somebody_else_chose_gives_no_role(signing: Room) -> None:
    for half in (FIRST_HALF, "x" * 16, "x" * 16 + FIRST_HALF, f"{FIRST_HALF}{'y' * 16}"):
        with pytest.raises(Refused, match="is wrong"):
            signed_in(signing, "eve", half)
        signing.clock.advance(minutes=1)
    token = signed_in(signing, "eve", HALVES)
    with signing.ledger() as ledger:
        session = ledger.session(token, now(signing))
        assert session is not None
        assert (session.must_change, session.roles) == (True, ())
        with pytest.raises(Refused, match="the present password"):
            desk.change_password(ledger, "eve", HALVES, now(signing))
        desk.change_password(ledger, "eve", "five words of my own", now(signing))
        assert ledger.session(token, now(signing)) is None
    with signing.ledger() as ledger:
        _, own = ledger.sign_in("eve", "five words of my own", "", "10.0.0.1", now(signing))
    assert own.roles == ("approver",)


def test_a_session_ends_at_sign_out_when_revoked_and_when_idle(signing: Room) -> None:
    stolen, revoked, idle = (signed_in(signing, "anna") for _ in range(3))
    with signing.ledger() as ledger:
        ledger.sign_out(stolen, now(signing))
        assert ledger.session(stolen, now(signing)) is None
        assert ledger.session(idle, now(signing)) is not None
        later = now(signing) + timedelta(minutes=31)
        assert ledger.session(idle, later) is None
        assert ledger.session("made up", now(signing)) is None
        assert ledger.revoke_all("anna", "anna", now(signing)) == 2
        assert ledger.session(revoked, now(signing)) is None


def test_a_second_factor_is_asked_for_and_good_once(signing: Room) -> None:
    with signing.ledger() as ledger:
        address = desk.new_second_factor(ledger, "anna", now(signing))
    code = pyotp.parse_uri(address).at(now(signing))  # type: ignore[attr-defined]  # a TOTP
    for wrong in ("", "000000" if code != "000000" else "000001"):
        with pytest.raises(Refused, match="is wrong"):
            signed_in(signing, "anna", totp=wrong)
    assert signed_in(signing, "anna", totp=code)
    with pytest.raises(Refused, match="is wrong"):
        signed_in(signing, "anna", totp=code)


def test_a_password_guessed_a_thousand_times_costs_time_and_locks_nobody_for_ever(
    signing: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []

    def fits(given: str, _: str) -> bool:
        looked.append(given)
        return given == PASSWORD

    monkeypatch.setattr("h2h.adapters.credentials.fits", fits)
    with signing.ledger() as ledger:
        for number in range(1000):
            with pytest.raises(Refused):
                ledger.sign_in("eve", f"guess {number}", "", "10.6.6.6", now(signing))
            signing.clock.advance(seconds=1)
        assert len(looked) < 20  # of 1,000 in a quarter of an hour
        with pytest.raises(Refused, match="too many attempts"):
            ledger.sign_in("eve", PASSWORD, "", "10.6.6.6", now(signing))
        assert ledger.sign_in("eve", PASSWORD, "", "10.0.0.1", now(signing))  # she is not kept out
        signing.clock.advance(minutes=5)
        assert ledger.sign_in("eve", PASSWORD, "", "10.6.6.6", now(signing))
        refused = [move for move in ledger.room_moves("sign-") if move.target == "sign-refused"]
        assert len(refused) == len(looked) - 2


def test_a_name_guessed_at_from_everywhere_waits_half_a_minute_at_most(signing: Room) -> None:
    with signing.ledger() as ledger:
        for number in range(60):
            with pytest.raises(Refused, match="is wrong"):
                ledger.sign_in("eve", "guess", "", f"10.6.6.{number}", now(signing))
            signing.clock.advance(seconds=30)
        signing.clock.advance(seconds=-1)
        with pytest.raises(Refused, match="too many attempts"):
            ledger.sign_in("eve", HALVES, "", "10.0.0.1", now(signing))
        signing.clock.advance(seconds=1)
        assert ledger.sign_in("eve", HALVES, "", "10.0.0.1", now(signing))


def test_failures_of_the_day_before_are_forgotten(signing: Room) -> None:
    with signing.ledger() as ledger:
        for _ in range(8):
            for _ in range(4):
                with pytest.raises(Refused, match="is wrong"):
                    ledger.sign_in("eve", "guess", "", "10.6.6.6", now(signing))
            signing.clock.advance(days=1, seconds=1)


def test_whether_a_name_exists_does_not_show(signing: Room) -> None:
    words: list[str] = []
    for name in ("eve", "nobody"):
        with signing.ledger() as ledger, pytest.raises(Refused) as refused:
            ledger.sign_in(name, "wrong", "", f"10.0.0.{len(words)}", now(signing))
        words.append(str(refused.value))
    assert words[0] == words[1]


def test_no_secret_stands_in_the_ledger_as_it_was_given(signing: Room) -> None:
    token = signed_in(signing, "anna")
    files = [path for path in Path(signing.root).glob("ledger.db*") if path.is_file()]
    content = b"".join(path.read_bytes() for path in files)
    assert PASSWORD.encode() not in content
    assert FIRST_HALF.encode() not in content
    assert token.encode() not in content
    assert b"$argon2id$" in content


Act = Callable[..., str]


@pytest.mark.parametrize("act", [desk.release, desk.cancel, desk.replay, desk.resolve_sent])
def test_each_verb_needs_a_role_once_there_are_operators(staffed: Room, act: Act) -> None:
    for who in ("paula", "os:root"):
        with staffed.ledger() as ledger, pytest.raises(Refused, match=r"may not|no operator"):
            act(ledger, "20261123-000000-abcdef", who, WHY, now(staffed))
