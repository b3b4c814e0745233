"""An office with a ledger: it claims, checks and sends payment files, and gets the bank's answers.

Every database that h2h supports is a `backend` here; the same tests run on each.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest

from h2h.adapters.sql.ledger import SqlLedger, open_ledger
from h2h.core.payment import Address, Agent, Batch, Payment
from h2h.core.problem import Problem
from h2h.core.statement import Balance, Entry, EntryDetail, Part, Statement, StatementKind
from h2h.core.states import In, Out, State
from h2h.core.status import BatchStatus, PaymentStatus, Reason, StatusReport
from h2h.core.terms import Account
from h2h.ports import BankMessage, Change, File, RemoteFile, Seen

OURS = "DE89370400440532013000"
THEIRS = "FR1420041010050500013M02606"
NOWHERE = Address("", "", "", "")
NEW_YEAR = datetime(2026, 1, 1, 9, tzinfo=UTC)
_ROAD = (Out.APPROVED, Out.SEALED, Out.STAGED, Out.DELIVERING, Out.SENT)


# Hundreds of acts each. Here they run on a file; with H2H_TORTURE=full on every database.
_LONG = {
    "test_any_sequence_of_acts_keeps_the_chain_and_the_tables",
    "test_ten_thousand_payments_are_admitted_and_each_is_found_alike",
    "test_the_ledger_is_the_same_whatever_comes_first_and_how_often",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what takes too long on a server."""
    if os.environ.get("H2H_TORTURE") == "full":
        return
    items[:] = [
        item
        for item in items
        if not (item.name.endswith("[postgresql]") and item.name.partition("[")[0] in _LONG)
    ]


@dataclass
class Office:
    """What the flows do around a ledger, and values with every field filled in."""

    url: str
    archive: Path
    ledger: SqlLedger
    now: datetime = NEW_YEAR
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    opened: list[SqlLedger] = field(default_factory=list)

    def open(self, environment: str = "test") -> SqlLedger:
        """The same ledger on connections of its own."""
        opened = open_ledger(self.url, environment, archive=self.archive)
        self.opened.append(opened)
        return opened

    def later(self, **span: float) -> datetime:
        self.now += timedelta(**span or {"seconds": 1})
        return self.now

    # -- payment files

    def seen(self, name: str = "pay.xml", inode: int | None = None) -> Seen:
        return Seen("acme", name, inode or next(self.numbers), 100, 1)

    def claimed(self, content: str = "") -> File:
        """A file on its way in, before its check; `content` stands for its hash."""
        new_id = f"f{next(self.numbers)}"
        file = self.ledger.claiming(self.seen(f"{new_id}.xml"), "acme", new_id, self.later())
        return self.moved(file, Out.CLAIMED, Change(sha256=content or f"bytes of {new_id}"))

    def moved(self, file: File, target: State, change: Change | None = None) -> File:
        moved = self.ledger.move(file, target, self.later(), change=change)
        assert moved is not None
        return moved

    def payment(self, **facts: object) -> Payment:
        """10.00 EUR from our account to theirs; `facts` says what is different."""
        batch = Batch(
            index=1,
            id=str(facts.pop("batch_id", "B1")),
            method="TRF",
            name="Acme GmbH",
            account=str(facts.pop("account", OURS)),
            iban="",
            account_currency="EUR",
            agent=Agent("", "", "", "", "", NOWHERE),
            requested_execution_date=date(2026, 1, 5),
            service_level="SEPA",
            local_instrument="",
            category_purpose="",
            charge_bearer="SLEV",
            transactions=None,
            control_sum=None,
            address=NOWHERE,
        )
        number = next(self.numbers)
        plain: dict[str, object] = {
            "index": number,
            "instruction_id": f"I{number}",
            "end_to_end_id": f"E{number}",
            "uetr": "",
            "amount": Decimal("10.00"),
            "currency": "EUR",
            "counterparty_name": "Globex SA",
            "counterparty_account": THEIRS,
            "counterparty_agent": "",
            "reference": "",
            "remittance": f"invoice {number}",
            "purpose": "",
        }
        return Payment(batch=batch, **{**plain, **facts})  # type: ignore[arg-type]  # as filled in

    def admitted(
        self,
        *payments: Payment,
        file: File | None = None,
        message_id: str = "",
        holds: Sequence[Problem] = (),
        days: int = 30,
    ) -> File:
        """A file that went through its check, whatever the ledger made of it."""
        file = file or self.claimed()
        change = Change(message_id=message_id or f"M{next(self.numbers)}", initiating_party="ACME")
        chunk = payments or (self.payment(),)
        found = self.ledger.admit(file, change, holds, [chunk], days, self.later())
        assert found is not None
        return found

    def on_the_road(self, until: Out, *payments: Payment, message_id: str = "") -> File:
        """A file taken as far as `until`."""
        file = self.admitted(*payments, message_id=message_id)
        for target in (until,) if until is Out.AWAITING_APPROVAL else _ROAD:
            if file.state is until:
                break
            if until is Out.IN_DOUBT and file.state is Out.DELIVERING:
                return self.moved(file, until)
            file = self.moved(file, target)
        assert file.state is until
        return file

    def state(self, file: File) -> State:
        found = self.ledger.file(file.id)
        assert found is not None
        return found.state

    # -- bank files

    def fetched(self, sha256: str = "", bank: str = "acme") -> File:
        new_id = f"b{next(self.numbers)}"
        remote = RemoteFile(f"{new_id}.xml", 100, 1)
        sha256 = sha256 or f"bytes of {new_id}"
        return self.ledger.fetched(new_id, bank, 0, "out", remote, sha256, 100, self.later())

    def read(self, sha256: str = "", bank: str = "acme") -> File:
        return self.moved(self.moved(self.fetched(sha256, bank), In.OPENED), In.READ)

    def entry(self, amount: str, *details: EntryDetail, **facts: object) -> Entry:
        plain: dict[str, object] = {
            "index": 1,
            "currency": "EUR",
            "status": "BOOK",
            "reversal": False,
            "booking_date": date(2026, 1, 5),
            "value_date": date(2026, 1, 5),
            "entry_reference": "",
            "servicer_reference": "",
            "bank_transaction_code": "PMNT/ICDT/ESCT",
            "additional_information": "",
            "batch_transactions": None,
            "batch_message_id": "",
            "batch_id": "",
            "charges": (),
        }
        return Entry(amount=Decimal(amount), details=details, **{**plain, **facts})  # type: ignore[arg-type]  # as filled in

    def detail(self, **facts: object) -> EntryDetail:
        return EntryDetail(**facts)  # type: ignore[arg-type]  # as filled in

    def statement(
        self, opening: str, closing: str, *entries: Entry, day: int = 5, **facts: object
    ) -> Statement:
        """An end-of-day statement of our account; entries are numbered as they come."""
        on = date(2026, 1, day)
        numbered = tuple(e._replace(index=i) for i, e in enumerate(entries, 1))
        plain: dict[str, object] = {
            "index": 1,
            "kind": StatementKind.STATEMENT,
            "id": f"S{next(self.numbers)}",
            "account": OURS,
            "currency": "EUR",
            "electronic_sequence": str(day),
            "legal_sequence": "",
            "period_from": on,
            "period_to": on,
            "created": f"2026-01-{day:02}T20:00:00",
            "copy": "",
            "balances": (
                Balance("OPBD", Decimal(opening), "EUR", on),
                Balance("CLBD", Decimal(closing), "EUR", on),
            ),
        }
        return Statement(entries=numbered, **{**plain, **facts})  # type: ignore[arg-type]  # as filled in

    def book(self, *statements: Statement, file: File | None = None) -> File:
        message = self.message(*statements)
        booked = self.ledger.book(file or self.read(), message, [self.account()], self.later())
        assert booked is not None
        return booked

    def message(self, *statements: Statement) -> BankMessage:
        """A bank file with these statements, one part each."""
        return BankMessage("camt.053.001.08", (Part(s, last=True) for s in statements))

    def entries(self, statement_id: str) -> list[Entry]:
        """What the ledger has of a statement's entries."""
        statement = self.ledger.statement(statement_id)
        return [] if statement is None else list(statement.entries)

    def account(self) -> Account:
        return Account(OURS, "", "EUR", "Acme GmbH")

    def report(
        self, message_id: str, group: str = "", *payments: tuple[str, str], code: str = ""
    ) -> StatusReport:
        """A status report; `payments` are (EndToEndId, status), `code` the group's reason."""
        told = tuple(
            PaymentStatus("", name, status, (Reason("AC04", "closed"),), "", "", "")
            for name, status in payments
        )
        return StatusReport(
            message_id=f"R{next(self.numbers)}",
            created="2026-01-05T10:00:00",
            original_message_id=message_id,
            original_message="pain.001.001.09",
            group_status=group,
            reasons=(Reason(code, ""),) if code else (),
            batches=(BatchStatus("B1", "", (), told),) if told else (),
        )


@pytest.fixture(scope="session")
def new_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty ledger in a file, to be copied: making one takes longer than most tests."""
    folder = tmp_path_factory.mktemp("new")
    open_ledger(f"sqlite:///{folder}/ledger.db", "test", archive=folder / "archive").close()
    return folder / "ledger.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest, tmp_path: Path, new_ledger: Path) -> str:
    """The address of a fresh database."""
    if request.param == "sqlite":
        shutil.copy(new_ledger, tmp_path / "ledger.db")
        return f"sqlite:///{tmp_path}/ledger.db"
    return str(request.getfixturevalue("ledger_database"))


@pytest.fixture
def office(backend: str, tmp_path: Path) -> Iterator[Office]:
    archive = tmp_path / "archive"
    ledger = open_ledger(backend, "test", archive=archive)
    made = Office(backend, archive, ledger, opened=[ledger])
    try:
        yield made
    finally:
        for opened in made.opened:
            opened.close()
