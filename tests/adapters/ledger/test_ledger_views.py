"""Whoever looks finds files and payments by anything, page by page, and never by a whole table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, event, select

from h2h.adapters.sql import tables, viewing
from h2h.core.states import In, Out, Pay
from h2h.ports import Change, Wish

if TYPE_CHECKING:
    from h2h.core.payment import Payment
    from h2h.ports import File
    from tests.adapters.ledger.conftest import Office

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
DAY = datetime(2026, 11, 20, 9, tzinfo=UTC)


def drop(office: Office, day: int, *payments: Payment, name: str = "", **facts: object) -> File:
    """A payment file of the `day`th November, admitted, with an id as files have it."""
    office.now = datetime(2026, 11, day, 9, tzinfo=UTC)
    new_id = f"202611{day:02}-090000-{next(office.numbers):06x}"
    seen = office.seen(name or f"{new_id}.xml")
    file = office.ledger.claiming(seen, "acme", new_id, office.now)
    file = office.moved(file, Out.CLAIMED, Change(sha256=f"bytes of {new_id}", **facts))  # type: ignore[arg-type]  # as given
    return office.admitted(*payments, file=file)


def found(office: Office, text: str = "", **wish: object) -> list[str]:
    """The names of the files that are found."""
    page = office.ledger.search_files(Wish(text, **wish))  # type: ignore[arg-type]  # as given
    return [file.name for file in page.rows]


def paid(office: Office, text: str = "", **wish: object) -> list[str]:
    """The EndToEndIds of the payments that are found."""
    page = office.ledger.search_payments(Wish(text, **wish))  # type: ignore[arg-type]  # as given
    return [row.payment.end_to_end_id for row in page.rows]


@pytest.fixture
def filed(office: Office) -> Office:
    """Three payment files and a bank file of as many days."""
    office.now = DAY
    one = office.payment(end_to_end_id="RENT-11", counterparty_name="Ländliche Immobilien")
    two = office.payment(
        end_to_end_id="INV-7", amount=Decimal("1200.50"), counterparty_account="GB33BUKB20201555"
    )
    drop(office, 17, one, name="rent.xml", control_sum={"EUR": "10.00"})
    drop(office, 18, two, name="PayRun_A.xml", control_sum={"EUR": "1200.50"}, message_id="ERP-2")
    held = drop(office, 19, office.payment(), name="payrun_b.xml", control_sum={"USD": "77"})
    office.moved(held, Out.HELD)
    office.now = DAY
    new_id = "20261120-090000-0000ff"
    from h2h.ports import RemoteFile  # noqa: PLC0415 - here alone

    remote = RemoteFile("stmt.xml", 100, 1)
    bank_file = office.ledger.fetched(new_id, "globex", 0, "out", remote, "hash", 100, DAY)
    office.book(
        office.statement("0.00", "0.00"),
        file=office.moved(office.moved(bank_file, In.OPENED), In.READ),
    )
    return office


def test_a_file_is_found_by_anything_that_is_written_of_it(filed: Office) -> None:
    everything = ["stmt.xml", "payrun_b.xml", "PayRun_A.xml", "rent.xml"]
    assert found(filed) == everything
    for text in ("payrun", "PAYRUN_"):
        assert found(filed, text) == ["payrun_b.xml", "PayRun_A.xml"]
    for text in ("20261118", "INV-7", "1,200.50", "EUR 1200.5", "gb33 BUKB 2020 1555"):
        assert found(filed, text) == ["PayRun_A.xml"]
    assert found(filed, "77", currencies=("EUR", "USD")) == ["payrun_b.xml"]
    assert found(filed, "USD 77") == ["payrun_b.xml"]
    assert found(filed, "USD 1200.50") == []
    assert found(filed, "LäNDLICHE immo") == ["rent.xml"]
    assert found(filed, "de89 3704 0044 0532 0130 00") == ["stmt.xml"]
    (statement,) = filed.ledger.statements("20261120-090000-0000ff")
    assert found(filed, statement.id) == ["stmt.xml"]
    assert found(filed, "%") == found(filed, "nothing like it") == []
    first = filed.ledger.search_files(Wish("rent")).rows[0]
    assert found(filed, first.message_id) == found(filed, first.sha256) == ["rent.xml"]


def test_every_filter_narrows_what_is_found(filed: Office) -> None:
    assert found(filed, state="held") == ["payrun_b.xml"]
    assert found(filed, direction="in") == found(filed, bank="globex") == ["stmt.xml"]
    assert found(filed, bank="acme", direction="out", state="valid") == ["PayRun_A.xml", "rent.xml"]
    assert found(filed, bank="acme", direction="in") == []
    assert found(filed, state="held", direction="in") == []
    since = datetime(2026, 11, 18, tzinfo=UTC)
    until = since + timedelta(days=1)
    assert found(filed, since=since, until=until) == ["PayRun_A.xml"]
    assert found(filed, "payrun", since=until) == ["payrun_b.xml"]
    assert found(filed, "payrun", state="valid") == ["PayRun_A.xml"]


def test_a_payment_is_found_by_what_it_says(filed: Office) -> None:
    assert paid(filed)[1:] == ["INV-7", "RENT-11"]
    for text in ("INV-7", "1.200,50", "GB33 BUKB 2020 1555"):
        assert paid(filed, text) == ["INV-7"]
    assert paid(filed, "Ländliche") == ["RENT-11"]
    assert paid(filed, "EUR 10")[1:] == ["RENT-11"]
    assert paid(filed, "USD 10") == paid(filed, "inv-8") == []
    assert paid(filed, state="rejected") == paid(filed, bank="globex") == []
    assert len(paid(filed, state="instructed")) == 3
    assert paid(filed, "10", until=DAY - timedelta(days=2)) == ["RENT-11"]


def test_nothing_is_found_by_what_confidential_payments_say(office: Office) -> None:
    office.now = DAY
    salary = office.payment(end_to_end_id="SALARY", counterparty_name="Bob")
    drop(office, 18, salary, name="salaries.xml", control_sum={"EUR": "10.00"}, confidential=True)
    for text in ("SALARY", "bob", "10.00"):
        assert found(office, text, unveiled=True) == ["salaries.xml"]
        assert paid(office, text, unveiled=True) == ["SALARY"]
        assert found(office, text, unveiled=False) == []
        assert paid(office, text, unveiled=False) == []
    assert found(office, "salaries", unveiled=False) == ["salaries.xml"]
    assert found(office, "10.00", currencies=("EUR",), unveiled=False) == ["salaries.xml"]


def test_pages_follow_each_other_without_a_gap_or_a_twin(office: Office) -> None:
    office.now = DAY
    for day in range(1, 8):
        same = [office.payment(counterparty_name="Same") for _ in range(3)]
        drop(office, day, *same, name="payrun.xml")
    for wish in (Wish(), Wish("payrun"), Wish("same"), Wish(bank="acme"), Wish(state="held")):
        whole = [file.id for file in office.ledger.search_files(wish).rows]
        pages, after = [], ""
        while True:
            page = office.ledger.search_files(wish, after, 2)
            pages += [file.id for file in page.rows]
            if not (after := page.after):
                break
        assert pages == whole == sorted(whole, reverse=True)
    numbers, after = [], ""
    while True:
        some = office.ledger.search_payments(Wish("same"), after, 4)
        numbers += [(row.payment.file_id, row.payment.number) for row in some.rows]
        if not (after := some.after):
            break
    assert numbers == sorted(set(numbers), reverse=True)
    assert len(numbers) == 21


def test_a_page_that_looked_far_enough_ends_and_says_so(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.now = DAY
    payments = [office.payment(counterparty_name="Same") for _ in range(20)]
    drop(office, 18, *payments)
    monkeypatch.setattr(viewing, "_MOST", 10)
    page = office.ledger.search_payments(Wish("same", state="booked"), limit=4)
    assert page.rows == []
    assert page.partial
    rest = office.ledger.search_payments(Wish("same", state="booked"), page.after, limit=4)
    assert not rest.partial or rest.after < page.after


def test_too_many_names_that_begin_so_are_told(office: Office) -> None:
    office.now = DAY
    names = [office.payment(counterparty_name=f"Lieferant {n:02}") for n in range(25)]
    drop(office, 18, *names)
    page = office.ledger.search_payments(Wish("lieferant"))
    assert page.names
    assert len(page.rows) == 20
    assert not office.ledger.search_payments(Wish("lieferant 07")).names


def test_a_file_is_paged_by_the_numbers_of_its_payments(office: Office) -> None:
    file = drop(office, 18, *(office.payment() for _ in range(5)))
    pages = [office.ledger.payments_page(file.id, after, 2) for after in (0, 2, 4)]
    assert [[row.number for row in page] for page in pages] == [[1, 2], [3, 4], [5]]


def test_a_days_files_are_counted_with_what_they_move(filed: Office) -> None:
    counts = filed.ledger.counts_since(datetime(2026, 11, 18, tzinfo=UTC))
    assert {state: (each.files, dict(each.sums)) for state, each in counts.out.items()} == {
        "valid": (1, {"EUR": Decimal("1200.50")}),
        "held": (1, {"USD": Decimal(77)}),
    }
    assert (counts.bank_files, dict(counts.statements), dict(counts.refused)) == (
        1,
        {"statement": 1},
        {},
    )


def test_refusals_are_counted_by_their_code(office: Office) -> None:
    ours = office.on_the_road(
        Out.SENT, office.payment(end_to_end_id="A"), office.payment(), message_id="M1"
    )
    told = office.ledger.tell(
        office.read(), office.report("M1", "", ("A", "RJCT")), office.later(), rejects_only=False
    )
    assert told is not None
    counts = office.ledger.counts_since(ours.created)
    assert dict(counts.refused) == {"AC04": 1}
    assert paid(office, state=Pay.REJECTED.value) == ["A"]


def test_balances_of_the_last_days_begin_with_the_one_before(office: Office) -> None:
    for day, closing in ((5, "10.00"), (6, "20.00"), (7, "30.00")):
        opening = f"{day * 10 - 50}.00"
        entry = office.entry("10.00")
        office.book(office.statement(opening, closing, entry, day=day))
    rows = office.ledger.booked_balances(date(2026, 1, 7))
    assert [(row.as_of, row.amount) for row in rows] == [
        (date(2026, 1, 6), "20.00"),
        (date(2026, 1, 7), "30.00"),
    ]


def test_one_payment_is_traced_by_its_place(filed: Office) -> None:
    file = filed.ledger.search_files(Wish("rent")).rows[0]
    traced = filed.ledger.trace_one(file.id, 1)
    assert traced is not None
    assert (traced.payment.end_to_end_id, traced.file.id) == ("RENT-11", file.id)
    assert filed.ledger.trace_one(file.id, 2) is None


# --------------------------------------------------------------------------------------- the plans


@contextmanager
def _asked(office: Office) -> Iterator[list[tuple[str, object]]]:
    asked: list[tuple[str, object]] = []

    def note(
        connection: Connection, cursor: object, statement: str, given: object, *_: object
    ) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            asked.append((statement, given))

    event.listen(office.ledger._engine, "before_cursor_execute", note)
    yield asked
    event.remove(office.ledger._engine, "before_cursor_execute", note)


def _look(office: Office) -> None:
    """Every way to look for something."""
    ledger, since = office.ledger, DAY - timedelta(days=9)
    for text in ("payrun", "1200.50", "EUR 10", "same", "20261118-090000-000001-1"):
        ledger.search_files(Wish(text, currencies=("EUR",)), "20261119-000000-000000", 50)
        ledger.search_payments(Wish(text), "20261119-000000-000000:3", 50)
    for state in ("", "held", "duplicate"):
        for bank in ("", "acme"):
            for direction in ("", "out"):
                for day in (None, since):
                    wish = Wish("", state, bank, direction, day, DAY)
                    ledger.search_files(wish, "20261119-000000-000000", 50)
    for state in ("", "rejected", "instructed", "booked"):
        ledger.search_payments(Wish(state=state), "20261119-000000-000000:3", 50)
    ledger.payments_page("20261118-090000-000001", 7, 100)
    ledger.counts_since(since)
    ledger.booked_balances(since.date())
    ledger.trace_one("20261118-090000-000001", 1)


_WALKS = ("SCAN walk", "SCAN CONSTANT ROW")  # what a recursive question has found so far


@ON_SQLITE
def test_no_page_reads_or_sorts_a_whole_table(filed: Office) -> None:
    with _asked(filed) as asked:
        _look(filed)
    assert len(asked) > 100
    slow = {}
    with filed.ledger._reading() as connection:
        for statement, given in dict(asked).items():
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)  # type: ignore[arg-type]  # as it was given
            steps = [str(row[3]) for row in rows]
            sorts = "TEMP B-TREE" in " ".join(steps) and "message_id =" not in statement
            scans = [s for s in steps if s.startswith("SCAN") and not s.startswith(_WALKS)]
            if scans or (sorts and "sha256 =" not in statement):
                slow[statement] = steps
    assert slow == {}, slow.values()


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_postgresql_can_answer_each_page_from_an_index(filed: Office) -> None:
    with _asked(filed) as asked:
        _look(filed)
    slow = []
    with filed.ledger._reading() as connection:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        for statement, given in dict(asked).items():
            plan = connection.exec_driver_sql(f"EXPLAIN {statement}", given)  # type: ignore[arg-type]  # as it was given
            slow += [row[0] for row in plan if "Seq Scan" in row[0]]
    assert slow == []


def test_names_of_any_case_are_one_creditor_for_the_policies(office: Office) -> None:
    """The index of names is by their small letters: the exact name still decides."""
    office.on_the_road(Out.SENT, office.payment(counterparty_name="GLOBEX SA"))
    new = office.admitted(office.payment(counterparty_account="GB29NWBK60161331926819"))
    assert office.ledger.creditors(new).changed == 0
    with office.ledger._reading() as connection:
        names = connection.execute(select(tables.payments.c.counterparty_name)).scalars().all()
    assert sorted(names) == ["GLOBEX SA", "Globex SA"]
