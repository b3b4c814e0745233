"""Approvals, operators and sessions, as both databases keep them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from h2h.core.approval import AccountSum, Demand, Group
from h2h.core.states import Out
from h2h.errors import Refused
from h2h.ports import Creditors

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office

WHY, PASSWORD = "seen", "a horse that nobody rides"


def test_an_approval_is_a_link_of_the_chain_and_the_last_one_moves_the_file(
    office: Office,
) -> None:
    file = office.admitted(office.payment(), office.payment(counterparty_name="Other"))
    waiting = office.ledger.ask_approval(file, Demand(2, (Group(2),)), "t", ["ann"], office.later())
    assert waiting is not None
    first = office.ledger.approve(waiting, file.sha256, "t", "ann", WHY, office.later())
    assert first is not None
    assert first.state is Out.AWAITING_APPROVAL
    with pytest.raises(Refused):
        office.ledger.approve(first, file.sha256, "t", "ann", WHY, office.later())
    last = office.ledger.approve(first, file.sha256, "t", "bob", WHY, office.later())
    assert last is not None
    assert last.state is Out.APPROVED
    assert office.ledger.approve(first, file.sha256, "t", "eve", WHY, office.later()) is None
    assert office.ledger.broken_path(last) == ""
    assert [each.operator for each in office.open().approvals(file.id)] == ["ann", "bob"]


def test_sums_are_counted_by_account_and_exact(office: Office) -> None:
    large = office.payment(amount=Decimal("0.10"))
    file = office.admitted(*[large] * 3)
    found = office.ledger.account_sums(file)
    assert found == [AccountSum(large.batch.account, "EUR", Decimal("0.30"))]
    assert office.ledger.account_sums(file) == found  # as it was counted


def test_a_creditor_is_known_once_a_file_with_it_was_approved(office: Office) -> None:
    file = office.admitted(office.payment())
    assert office.ledger.creditors(file) == Creditors(1, 0)
    office.moved(file, Out.APPROVED)
    again = office.admitted(office.payment(remittance="another"))
    assert office.ledger.creditors(again) == Creditors(0, 0)
    moved = office.admitted(office.payment(counterparty_account="NL91ABNA0417164300"))
    assert office.ledger.creditors(moved) == Creditors(1, 1)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE files SET dropped_by = 'mallory'", "who dropped it"),
        ('UPDATE files SET executions = \'[["2031-01-02", "EUR"]]\'', "its execution dates"),
        ("UPDATE account_sums SET amount = '1.00'", "its sums by account"),
        ("UPDATE payments SET amount = '1.00' WHERE number = 2", "its payments"),
        ("DELETE FROM payments WHERE number = 2", "its payments"),
    ],
)
def test_rows_that_are_not_as_the_chain_noted_them_are_told(
    office: Office, statement: str, words: str
) -> None:
    names = ("Bj\u00f6rk \u9648", "", "Globex SA")
    file = office.admitted(*(office.payment(counterparty_name=name) for name in names))
    approved = office.moved(file, Out.APPROVED)
    office.ledger.account_sums(approved)
    assert office.ledger.broken_path(approved) == ""
    engine = create_engine(office.url)
    with engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount > 0
    engine.dispose()
    edited = office.ledger.file(file.id)
    assert edited is not None
    assert words in office.ledger.broken_path(edited)


def test_an_account_is_known_only_from_payments_that_the_chain_tells_of(office: Office) -> None:
    office.moved(office.admitted(office.payment()), Out.APPROVED)
    between = office.admitted(office.payment(counterparty_account="NL91ABNA0417164300"))
    office.moved(between, Out.APPROVED)
    engine = create_engine(office.url)
    with engine.begin() as connection:
        edit = "UPDATE payments SET counterparty_account = 'FI2112345600000785' WHERE file_id = :id"
        connection.execute(text(edit), {"id": between.id})
    engine.dispose()
    again = office.payment(remittance="another")
    new = office.payment(counterparty_account="FI2112345600000785", counterparty_name="New")
    assert office.ledger.creditors(office.admitted(again, new)) == Creditors(1, 0)


def test_operators_sign_in_and_are_signed_out_by_a_change(office: Office) -> None:
    ledger = office.ledger
    for name in ("ann", "bob"):
        ledger.enrol(name, name, ["admin"], PASSWORD * (name == "ann"), "os:x", WHY, office.later())
    token, session = ledger.sign_in("ann", PASSWORD, "", "10.0.0.1", office.now)
    assert (session.operator, session.must_change) == ("ann", True)
    assert office.open().session(token, office.now) == session
    change = ledger.propose("role", "ann", "bob", WHY, office.now, roles=["admin", "viewer"])
    assert ledger.decide(change.id, "ann", WHY, office.now, confirmed=True).outcome == "confirmed"
    assert ledger.session(token, office.now) is None
    assert [move.target for move in ledger.room_moves("sign-")] == ["sign-in"]
    assert office.open().operator_of("ann") == ledger.operator("ann")


def test_the_configuration_is_remembered_by_its_hashes(office: Office) -> None:
    first = {"banks.acme": {"zone": "1"}}
    assert office.ledger.configured(first, "os:x", office.now) is None
    for name in ("ann", "bob"):
        office.ledger.enrol(name, name, ["admin"], "", "os:x", WHY, office.later())
    change = office.ledger.configured({"banks.acme": {"zone": "2"}}, "ann", office.now)
    assert change is not None
    assert office.ledger.configured({"banks.acme": {"zone": "2"}}, "ann", office.now) == change
    before = office.ledger.config_in_force()
    office.ledger.decide(change.id, "bob", WHY, office.now, confirmed=True)
    assert office.open().config_in_force() != before


def test_how_far_many_files_are_is_told_at_once(office: Office) -> None:
    ledger = office.ledger
    for name in ("ann", "bob"):
        ledger.enrol(name, "", ["admin", "approver"], "", "os:x", WHY, office.later())
    files = []
    for number, givers in enumerate((("bob",), (), ("ann", "bob"))):
        file = office.admitted(office.payment(remittance=f"{number}"))
        waiting = ledger.ask_approval(file, Demand(2, (Group(2),)), "t", [], office.later())
        for who in givers:
            assert waiting is not None
            waiting = ledger.approve(waiting, file.sha256, "t", who, WHY, office.later())
        files.append(file)
    ids = [file.id for file in files]
    found = ledger.progress(ids)
    assert {each: found[each].given for each in ids} == {
        ids[0]: ("bob",),
        ids[1]: (),
        ids[2]: ("ann", "bob"),
    }
    assert [found[each].missing for each in ids] == ["1 of 2 approvals", "0 of 2 approvals", ""]
    assert ledger.progress([]) == {}
    assert {each: move.hash for each, move in ledger.newest_moves(ids).items()} == {
        each: ledger.moves(each)[-1].hash for each in ids
    }


def test_a_note_moves_nothing_and_is_of_what_was_seen(office: Office) -> None:
    file = office.admitted(office.payment())
    noted = office.ledger.note(file, "they searched twice", "ann", office.later())
    assert noted is not None
    assert (noted.state, noted.last_move > file.last_move) == (file.state, True)
    assert office.ledger.note(file, "an old page", "bob", office.later()) is None
    assert [str(move.because) for move in office.ledger.moves(file.id)][-1] == "they searched twice"


def test_one_session_is_ended_and_the_others_stay(office: Office) -> None:
    ledger = office.ledger
    ledger.enrol("ann", "", ["admin"], PASSWORD, "os:x", WHY, office.later())
    tokens = [ledger.sign_in("ann", PASSWORD, "", f"10.0.0.{n}", office.now)[0] for n in (1, 2)]
    assert [each.address for each in ledger.sessions(office.now)] != []
    first, second = (ledger.session_id(token) for token in tokens)
    assert {each.id: each.address for each in ledger.sessions(office.now)} == {
        first: "10.0.0.1",
        second: "10.0.0.2",
    }
    for odd in ("", "%" * 16, "_" * 16, first[:15], f"{first}0", "x" * 16):
        assert not ledger.revoke(odd, "ann", office.now)
    assert ledger.revoke(first, "ann", office.now)
    assert not ledger.revoke(first, "ann", office.now)
    assert [ledger.session(token, office.now) is None for token in tokens] == [True, False]
