"""A day at the practice bank, seen by its customer."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lxml import etree

from h2h.resources import schema
from h2h.sandbox.keys import introduce, new_ring

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.sandbox.conftest import Customer

OURS, ELSEWHERE = "NL41MOCK0000000001", "NL30MOCK0000000005"
GLOBEX, CLOSED, NO_BANK = "NL14MOCK0000000002", "NL84MOCK0000000003", "NL57MOCK0000000004"


def payments(
    write: PaymentFile, customer: Customer, *transfers: tuple[str, str], message_id: str = "MSG-1"
) -> bytes:
    """A payment file due on the bank's today: (creditor, amount) each."""
    paid = [{"creditor_iban": iban, "amount": amount} for iban, amount in transfers]
    today = customer.bank.today().isoformat()
    return write(message_id, paid, debtor_iban=OURS, execution_date=today)


def texts(document: bytes, tag: str) -> list[str]:
    """What stands in every element of that name, whatever its namespace."""
    return [e.text or "" for e in etree.fromstring(document).iterfind(f".//{{*}}{tag}")]


def assert_standard(document: bytes, message: str) -> None:
    etree.XMLSchema(file=str(schema(message))).assertValid(etree.fromstring(document))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_payment_file_is_answered_payment_by_payment(
    customer: Customer, payment_file: PaymentFile
) -> None:
    file = payments(
        payment_file, customer, (ELSEWHERE, "100.05"), (CLOSED, "20.00"), (NO_BANK, "3.00")
    )
    customer.upload("first.xml.pgp", customer.sealed(file))

    answer = customer.fetched("pain.002")
    assert_standard(answer, "pain.002.001.10")
    assert texts(answer, "OrgnlMsgId") == ["MSG-1"]
    assert texts(answer, "GrpSts") == ["PART"]
    assert texts(answer, "OrgnlEndToEndId") == ["MSG-1-1", "MSG-1-2", "MSG-1-3"]
    assert texts(answer, "TxSts") == ["ACCP", "RJCT", "RJCT"]
    assert [code for code in texts(answer, "Cd") if code in {"AC04", "RC01"}] == ["AC04", "RC01"]


def test_what_reached_the_bank_is_written_down_out_of_the_customers_reach(
    customer: Customer, payment_file: PaymentFile
) -> None:
    file = payments(payment_file, customer, (ELSEWHERE, "1.00"))
    sealed = customer.sealed(file)
    customer.upload("first.xml.pgp", sealed)

    [arrival] = customer.bank.arrivals()
    assert (arrival.name, arrival.message_id) == ("first.xml.pgp", "MSG-1")
    assert (arrival.outcome, arrival.answer) == ("received", "ACCP 1 accepted 0 rejected")
    assert arrival.sealed_sha256 == sha256(sealed.read_bytes())
    assert arrival.plain_sha256 == sha256(file)
    assert sorted(customer.sftp.listdir("/")) == ["Inbox", "Outbox"]
    assert sorted(customer.sftp.listdir("/../..")) == ["Inbox", "Outbox"]
    assert customer.sftp.listdir("Outbox") == []


def test_a_day_brings_the_debit_notification_and_a_statement_that_balances(
    customer: Customer, payment_file: PaymentFile
) -> None:
    today = customer.bank.today()
    file = payments(payment_file, customer, (ELSEWHERE, "100.05"), (ELSEWHERE, "0.95"))
    customer.upload("first.xml.pgp", customer.sealed(file))
    [ended] = customer.bank.end_of_day()

    notification = customer.fetched("camt.054")
    assert_standard(notification, "camt.054.001.08")
    assert texts(notification, "EndToEndId") == ["MSG-1-1", "MSG-1-2"]
    statement = customer.fetched("camt.053")
    assert_standard(statement, "camt.053.001.08")
    balances = etree.fromstring(statement).iterfind(".//{*}Bal/{*}Amt")
    opening, closing = (Decimal(balance.text or "") for balance in balances)
    assert (opening, closing) == (Decimal("125000.00"), Decimal("124899.00"))
    assert customer.bank.today() > ended >= today


def test_statements_of_other_customers_stay_in_the_bank(customer: Customer) -> None:
    customer.bank.end_of_day(2)
    assert len(customer.bank.accounts()) == 4
    # three open accounts a day; the fourth is closed
    assert customer.inbox() == [
        "camt.053.001.08-ACME-1.xml.pgp",
        "camt.053.001.08-ACME-4.xml.pgp",
    ]


def test_a_message_id_that_comes_again_is_answered_as_a_duplicate(
    customer: Customer, payment_file: PaymentFile
) -> None:
    sealed = customer.sealed(payments(payment_file, customer, (ELSEWHERE, "1.00")))
    customer.upload("first.xml.pgp", sealed)
    assert texts(customer.fetched("pain.002"), "GrpSts") == ["ACCP"]
    customer.upload("again.xml.pgp", sealed)

    answer = customer.fetched("pain.002")
    assert (texts(answer, "GrpSts"), texts(answer, "Cd")) == (["RJCT"], ["DUPL"])
    assert [arrival.message_id for arrival in customer.bank.arrivals()] == ["MSG-1", "MSG-1"]


def test_an_account_that_closes_during_the_rehearsal_is_paid_no_more(
    customer: Customer, payment_file: PaymentFile
) -> None:
    assert customer.bank.set_account("GLOBEX", closed=True).closed
    customer.upload(
        "first.xml.pgp", customer.sealed(payments(payment_file, customer, (GLOBEX, "1.00")))
    )
    answer = customer.fetched("pain.002")
    assert (texts(answer, "TxSts"), texts(answer, "Cd")[-1]) == (["RJCT"], "AC04")


# -- what the bank does not take


@pytest.mark.parametrize("seal", ["none", "encrypt", "sign+encrypt"])
def test_a_file_that_the_customer_did_not_sign_is_set_aside_unread(
    seal: str, customer: Customer, payment_file: PaymentFile, short: Path
) -> None:
    told = customer.bank.introduction
    stranger = new_ring(short / "stranger", "Stranger")
    introduce(stranger, told.bank)  # worse than a forger's: the bank even has its public key
    file = payments(payment_file, customer, (ELSEWHERE, "1.00"))
    customer.upload("forged.xml.pgp", customer.sealed(file, seal=seal, ring=stranger))

    [arrival] = customer.bank.arrivals()
    assert (arrival.outcome, arrival.message_id, arrival.plain_sha256) == ("rejected", "", "")
    assert customer.inbox() == []
    bank = customer.bank.folder / "bank"
    aside = [path.name for path in (bank / "received/rejected").iterdir()]
    assert aside == ["000001_forged.xml.pgp_rejected"]
    assert [path for path in (bank / "drop").rglob("*") if path.is_file()] == []


def test_an_authentic_file_that_is_no_payment_message_is_refused_in_words(
    customer: Customer,
) -> None:
    customer.upload("letter.xml.pgp", customer.sealed(b"Dear bank, please pay."))
    [arrival] = customer.bank.arrivals()
    assert (arrival.outcome, arrival.message_id) == ("rejected", "")
    answer = customer.fetched("pain.002")
    assert (texts(answer, "GrpSts"), texts(answer, "OrgnlMsgId")) == (["RJCT"], ["NOTPROVIDED"])
    assert "letter.xml" in " ".join(texts(answer, "AddtlInf"))


def test_a_name_can_be_anything_and_stays_data(
    customer: Customer, payment_file: PaymentFile
) -> None:
    name = "-rf \x1b[31m\n" + "x" * 240 + ".pgp"
    sealed = customer.sealed(payments(payment_file, customer, (ELSEWHERE, "1.00")))
    customer.sftp.put(str(sealed), "Outbox/a.tmp")
    customer.sftp.rename("Outbox/a.tmp", f"Outbox/{name}")
    customer.bank.sweep()
    [arrival] = customer.bank.arrivals()
    assert arrival.name.startswith("-rf \\x1b[31m\\x0ax")
    assert (arrival.outcome, arrival.message_id) == ("received", "MSG-1")


def test_files_under_a_temporary_name_are_left_alone(
    customer: Customer, payment_file: PaymentFile
) -> None:
    sealed = customer.sealed(payments(payment_file, customer, (ELSEWHERE, "1.00")))
    for name in ("one.xml.pgp.1.tmp", "two.xml.pgp.part", ".three.xml.pgp"):
        customer.sftp.put(str(sealed), f"Outbox/{name}")
    customer.sftp.symlink("/Outbox/two.xml.pgp.part", "Outbox/link.xml.pgp")
    customer.bank.sweep()
    assert customer.bank.arrivals() == ()
    assert len(customer.sftp.listdir("Outbox")) == 4


def test_a_file_uploaded_under_its_final_name_is_taken_when_it_is_closed(
    customer: Customer, payment_file: PaymentFile
) -> None:
    sealed = customer.sealed(payments(payment_file, customer, (ELSEWHERE, "1.00"))).read_bytes()
    with customer.sftp.open("Outbox/direct.xml.pgp", "wb") as remote:
        remote.write(sealed[:100])
        customer.sftp.stat("Outbox/direct.xml.pgp")
        customer.bank.sweep()
        assert customer.bank.arrivals() == ()
        remote.write(sealed[100:])
    customer.bank.sweep()
    [arrival] = customer.bank.arrivals()
    assert arrival.sealed_sha256 == sha256(sealed)
    assert arrival.outcome == "received"
