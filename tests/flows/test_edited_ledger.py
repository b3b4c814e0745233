"""A ledger that was edited by hand does not send: the chain noted what a file is judged by."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from h2h import desk
from h2h.core.approval import Policies, Policy, Then
from h2h.core.fingerprints import digest
from h2h.core.states import Out
from h2h.errors import Refused
from h2h.flows.consent import remember_config
from h2h.ports import File

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import Room

WHY = "seen on paper"
ONE = Policies((Policy("one"),), "1")
LARGE = Policies((Policy("large", above=Decimal(50), amounts_in="EUR"),), "l")
DAY = Policies((Policy("day", 1, day_above=Decimal(150), amounts_in="EUR"),), "d")
NEW = Policies((Policy("new", 0, new_creditor=Then.ONE_MORE),), "n")

# What a hand may write, and the words in which it is told.
EDITS = {
    "UPDATE files SET bank = 'other' WHERE id = '{id}'": "its bank",
    "UPDATE files SET door = 'elsewhere' WHERE id = '{id}'": "its door",
    "UPDATE files SET door = '' WHERE id = '{id}'": "its door",  # a recall, which nobody approves
    "UPDATE files SET dropped_by = 'mallory' WHERE id = '{id}'": "who dropped it",
    "UPDATE files SET first_scan = true WHERE id = '{id}'": "whether it lay in its door",
    "UPDATE files SET message = 'camt.055.001.12' WHERE id = '{id}'": "its kind of message",
    "UPDATE files SET transactions = 2 WHERE id = '{id}'": "its number of payments",
    "UPDATE files SET control_sum = '{{\"EUR\": \"1.00\"}}' WHERE id = '{id}'": "its sums",
    "UPDATE files SET executions = '[]' WHERE id = '{id}'": "its execution",
    "UPDATE account_sums SET amount = '1.00' WHERE file_id = '{id}'": "its sums by account",
    "UPDATE account_sums SET account = 'DE00' WHERE file_id = '{id}'": "its sums by account",
    "UPDATE payments SET account = 'DE00' WHERE file_id = '{id}'": "its payments",
    "UPDATE payments SET currency = 'JPY' WHERE file_id = '{id}'": "its payments",
    "UPDATE payments SET amount = '1.00' WHERE file_id = '{id}'": "its payments",
    "UPDATE payments SET counterparty_account = 'N' WHERE file_id = '{id}'": "its payments",
    "UPDATE payments SET counterparty_name = 'Known' WHERE file_id = '{id}'": "its payments",
    "DELETE FROM payments WHERE file_id = '{id}'": "its payments",
}


@pytest.fixture
def staffed(room: Room) -> Room:
    """A room with operators."""
    with room.ledger() as ledger:
        for name in ("anna", "bob"):
            ledger.enrol(
                name, f"os-{name}", ["admin", "approver"], "", "os:x", WHY, room.clock.now()
            )
    return room


def sweep(room: Room, policies: Policies = ONE, **more: object) -> File:
    with room.services() as plain:
        services = replace(plain, policies=policies, **more)  # type: ignore[arg-type]  # of Services
        remember_config(services)
        room.run(services)
    room.clock.advance(minutes=5)
    return room.file()


def approve(room: Room, who: str = "anna", name: str = "pay.xml") -> str:
    with room.ledger() as ledger:
        return desk.approve(ledger, room.file(name).id, who, WHY, room.clock.now())


def edit(room: Room, *statements: str) -> None:
    """Somebody writes into the database by hand."""
    engine = create_engine(f"sqlite:///{room.root}/ledger.db")
    with engine.begin() as connection:
        for statement in statements:
            assert connection.execute(text(statement)).rowcount > 0
    engine.dispose()


def waiting(room: Room, payment_file: PaymentFile) -> list[str]:
    """A file for each edit, all of which wait for an approval; their names."""
    names = [f"{number}.xml" for number in range(len(EDITS))]
    for number, name in enumerate(names):
        room.drop(payment_file(f"M-{number}", [{"amount": f"{100 + number}.00"}]), name)
    room.drop(payment_file())
    assert sweep(room, LARGE).state is Out.AWAITING_APPROVAL
    return names


def edited(room: Room, names: list[str]) -> None:
    edit(
        room, *(each.format(id=room.file(name).id) for each, name in zip(EDITS, names, strict=True))
    )


def test_a_file_whose_rows_were_edited_after_its_approval_is_held(
    staffed: Room, payment_file: PaymentFile
) -> None:
    names = waiting(staffed, payment_file)
    assert {approve(staffed, name=name) for name in (*names, "pay.xml")} == {"approved"}
    edited(staffed, names)
    assert sweep(staffed, LARGE).state is Out.SENT  # the one that nobody edited
    assert len(staffed.published()) == 1
    for name, words in zip(names, EDITS.values(), strict=True):
        held = staffed.file(name)
        assert (held.state, held.problems[-1].rule) == (Out.HELD, "changed-by-hand")
        assert words in held.problems[-1].message
        assert "h2h archive verify" in held.problems[-1].remedy


def test_a_file_whose_rows_were_edited_while_it_waited_cannot_be_approved(
    staffed: Room, payment_file: PaymentFile
) -> None:
    names = waiting(staffed, payment_file)
    edited(staffed, names)
    for name, words in zip(names, EDITS.values(), strict=True):
        with pytest.raises(Refused, match=words):
            approve(staffed, name=name)
    assert approve(staffed) == "approved"
    sweep(staffed, LARGE)
    assert len(staffed.published()) == 1


def test_sums_lowered_while_the_bank_is_away_do_not_pass_under_a_limit(
    staffed: Room, payment_file: PaymentFile
) -> None:
    staffed.drop(payment_file())
    with staffed.ledger() as ledger:
        ledger.pause("acme", "anna", WHY, staffed.clock.now())
    assert sweep(staffed, Policies()).state is Out.SEALED
    edit(staffed, """UPDATE files SET control_sum = '{"EUR": "1.00"}'""")
    with staffed.ledger() as ledger:
        ledger.resume("acme", "anna", WHY, staffed.clock.now())
    assert sweep(staffed, Policies()).state is Out.HELD
    assert staffed.published() == []


# ------------------------------------------------------------------------------------- other files


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE account_sums SET amount = '1.00' WHERE file_id = '{id}'",
        """UPDATE files SET control_sum = '{{"EUR": "1.00"}}' WHERE id = '{id}'""",
        "UPDATE files SET state = 'cancelled' WHERE id = '{id}'",
        "UPDATE files SET bank = 'other' WHERE id = '{id}'",
        "UPDATE files SET checked_on = '2020-01-01' WHERE id = '{id}'",
    ],
)
def test_a_days_total_that_was_lowered_by_hand_holds_the_next_file(
    staffed: Room, payment_file: PaymentFile, statement: str
) -> None:
    staffed.drop(payment_file("M-1"))
    first = sweep(staffed, DAY)
    assert first.state is Out.SENT
    with staffed.ledger() as ledger:
        ledger.account_sums(first)
    edit(staffed, statement.format(id=first.id))
    staffed.drop(payment_file("M-2", [{"amount": "60.00"}]))
    held = sweep(staffed, DAY)
    assert held.state is Out.HELD
    assert first.id in held.problems[-1].message
    assert len(staffed.published()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments SET counterparty_account = 'NL91ABNA0417164300' WHERE file_id = '{id}'",
        """INSERT INTO payments SELECT file_id, 2, batch_id, instruction_id, end_to_end_id, amount,
        currency, account, 'NL91ABNA0417164300', counterparty_name, remittance,
        requested_execution_date, state, told, told_at, status, reason, servicer_reference,
        payee_check, payee_name, payee_at, exact_key, similar_key, described FROM payments""",
    ],
)
def test_a_creditor_written_into_an_earlier_file_stays_a_new_one(
    staffed: Room, payment_file: PaymentFile, statement: str
) -> None:
    staffed.drop(payment_file("M-1"))
    first = sweep(staffed, Policies())
    assert first.state is Out.SENT
    edit(staffed, statement.format(id=first.id))
    staffed.drop(payment_file("M-2", [{"creditor_iban": "NL91ABNA0417164300"}]))
    assert sweep(staffed, NEW).state is Out.AWAITING_APPROVAL


# ---------------------------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE configs SET facts = '{after}', digest = '{digest}' WHERE section = 'banks.acme'",
        "UPDATE configs SET digest = '{digest}' WHERE section = 'banks.acme'",
        "DELETE FROM configs",
    ],
)
def test_a_configuration_confirmed_by_hand_sends_nothing_until_two_persons_confirm_it(
    staffed: Room, payment_file: PaymentFile, statement: str
) -> None:
    before, after = {"sftp.hosts": "a"}, {"sftp.hosts": "b"}

    def under(facts: dict[str, str]) -> File:
        more = {"configured_by": "os-anna", "sections": {"banks.acme": facts}}
        return sweep(staffed, Policies(), **more)

    staffed.drop(payment_file("M-1"))
    assert under(before).state is Out.SENT
    edit(staffed, statement.format(after=json.dumps(after), digest=digest(after)))
    staffed.drop(payment_file("M-2", [{"amount": "1.00"}]))
    waiting = under(after)
    assert waiting.state is Out.APPROVED
    assert "h2h config confirm" in waiting.due_because
    with staffed.ledger() as ledger, pytest.raises(Refused, match="anna proposed it"):
        desk.confirm_config(ledger, "anna", WHY, staffed.clock.now())
    with staffed.ledger() as ledger:
        desk.confirm_config(ledger, "bob", WHY, staffed.clock.now())
    assert under(after).state is Out.SENT


# ------------------------------------------------------------------------------------- operators


def test_operators_that_were_taken_away_by_hand_let_nobody_approve_in_their_place(
    staffed: Room, payment_file: PaymentFile
) -> None:
    staffed.drop(payment_file())
    sweep(staffed)
    edit(staffed, "DELETE FROM operators")
    assert approve(staffed, "os:mallory") == "approved"
    held = sweep(staffed)
    assert (held.state, staffed.published()) == (Out.HELD, [])
    assert "the roles of os:mallory" in held.problems[-1].message
