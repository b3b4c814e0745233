"""Recalls at the practice bank: what is not booked yet comes back, all else is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from h2h.adapters.messages import Iso20022Messages
from h2h.cli import root
from h2h.core.calendar import business_day_after
from h2h.core.recall import Recall, Resolution, Scope

if TYPE_CHECKING:
    from h2h.sandbox.bank import PracticeBank
    from tests.conftest import PaymentFile
    from tests.sandbox.conftest import Customer

OURS, ELSEWHERE = "NL41MOCK0000000001", "NL30MOCK0000000005"
PaidIn = Callable[[int], bytes]


@pytest.fixture
def paid_in(bank: PracticeBank, payment_file: PaymentFile) -> PaidIn:
    """A file of two payments that are due in so many business days."""

    def paid(days: int) -> bytes:
        day = business_day_after(bank.today(), days, "ECB") if days else bank.today()
        two = [{"creditor_iban": ELSEWHERE, "amount": amount} for amount in ("100.05", "7.00")]
        return payment_file(payments=two, debtor_iban=OURS, execution_date=day.isoformat())

    return paid


def recalled(
    customer: Customer, content: bytes, scope: Scope = Scope.FILE, *numbers: int
) -> Resolution:
    """What the bank says to the recall of a payment file."""
    original, request = customer.workspace / "pay.xml", customer.workspace / "recall.xml"
    original.write_bytes(content)
    asked = Recall("H2H-1", datetime.now(UTC), "CUST", "a mistake", scope, frozenset(numbers))
    messages = Iso20022Messages()
    messages.write_recall(original, asked, request)
    customer.upload("recall.xml.pgp", customer.sealed(request.read_bytes()))
    told = customer.workspace / "told.xml"
    told.write_bytes(customer.fetched("camt.029"))
    found = messages.read(told, 1_000_000)
    assert (found.resolution is not None, found.problems) == (True, [])
    assert found.resolution is not None
    return found.resolution


def said(resolution: Resolution) -> dict[str, str]:
    return {
        each.end_to_end_id: " ".join([each.status, *(reason.code for reason in each.reasons)])
        for batch in resolution.batches
        for each in batch.payments
    }


def test_what_is_not_booked_yet_is_taken_back_and_never_booked(
    customer: Customer, paid_in: PaidIn
) -> None:
    customer.upload("pay.xml.pgp", customer.sealed(paid_in(2)))
    told = recalled(customer, paid_in(2))
    assert told.confirmation == "CNCL"
    assert said(told) == {"MSG-1-1": "ACCR", "MSG-1-2": "ACCR"}
    assert "H2H-1" in told.references
    before = {account.id: account.balance for account in customer.bank.accounts()}
    customer.bank.end_of_day(4)
    assert {account.id: account.balance for account in customer.bank.accounts()} == before


def test_one_payment_is_taken_back_and_the_other_is_booked(
    customer: Customer, paid_in: PaidIn
) -> None:
    customer.upload("pay.xml.pgp", customer.sealed(paid_in(2)))
    told = recalled(customer, paid_in(2), Scope.PAYMENTS, 1)
    assert (told.confirmation, said(told)) == ("CNCL", {"MSG-1-1": "ACCR"})
    customer.bank.end_of_day(4)
    assert b"MSG-1-2" in (entry := customer.fetched("camt.054"))
    assert b"MSG-1-1" not in entry


def test_what_is_booked_is_not_taken_back(customer: Customer, paid_in: PaidIn) -> None:
    customer.upload("pay.xml.pgp", customer.sealed(paid_in(0)))
    told = recalled(customer, paid_in(0), Scope.BATCH, 1)
    assert told.confirmation == "RJCR"
    assert said(told) == {"MSG-1-1": "RJCR AGNT", "MSG-1-2": "RJCR AGNT"}


def test_what_never_came_cannot_be_taken_back(customer: Customer, paid_in: PaidIn) -> None:
    told = recalled(customer, paid_in(0))
    assert (told.confirmation, said(told)) == ("RJCR", {})
    assert [reason.code for reason in told.reasons] == ["NOOR"]
    assert [arrival.outcome for arrival in customer.bank.arrivals()] == ["received"]


# -- the whole round trip, with the command that people use


@pytest.fixture
def workspace(bank: PracticeBank, short: Path) -> Path:
    return bank.write_workspace(short / "work")


def h2h(config: Path, *words: str) -> str:
    done = CliRunner().invoke(root, ["--config", str(config), *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def life(config: Path, file_id: str) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(h2h(config, "show", file_id, "--json"))
    return shown


def test_a_payment_is_recalled_from_the_shell_to_the_banks_yes(
    bank: PracticeBank, workspace: Path, paid_in: PaidIn
) -> None:
    h2h(workspace, "run", "--once")  # the door is seen empty
    (workspace.parent / "outbox" / "practice" / "pay.xml").write_bytes(paid_in(2))
    h2h(workspace, "run", "--once")
    bank.sweep()
    h2h(workspace, "fetch")
    asked = json.loads(h2h(workspace, "recall", "MSG-1-2", "--reason", "a mistake", "--json"))
    h2h(workspace, "send")
    bank.sweep()
    h2h(workspace, "fetch")
    recall = life(workspace, asked["recall"])
    assert (recall["state"], recall["message"]) == ("accepted", "camt.055.001.08")
    [row] = recall["recalls"]
    assert (row["scope"], row["answers"]) == ("payments", "1 recalled")
    original = life(workspace, row["of"])
    states = {each["end_to_end_id"]: each["state"] for each in original["payments"]}
    assert states == {"MSG-1-1": "accepted", "MSG-1-2": "cancelled"}
    assert original["recalls"] == [row]
    assert original["state"] == "part_accepted"
    assert "recalls" in h2h(workspace, "show", row["of"])
    assert "the chain is whole" in h2h(workspace, "archive", "verify")
