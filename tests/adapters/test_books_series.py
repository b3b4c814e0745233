"""Thirty days of five banks, in any order, with repeats and gaps: one and the same ledger.

Not compared is what tells of the arrival itself: ids of files, the chain of moves, and which
statements wait before they are handed over.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, select

from h2h.adapters.messages import Iso20022Messages
from h2h.adapters.sql import tables
from h2h.adapters.sql.ledger import SqlLedger, open_ledger
from h2h.core.chain import first_broken
from h2h.core.money import plain
from h2h.core.statement import Part
from h2h.core.states import In, Kept, Out
from h2h.core.terms import Account
from h2h.ports import BankMessage, Change, File, RemoteFile, Seen

from ..series.banks import (  # noqa: TID252 - `tests` is on no path
    BANKS,
    Series,
    all_series,
)
from ..series.paper import Order, pain001  # noqa: TID252 - the same

SENT = datetime(2026, 12, 10, 8, tzinfo=UTC)  # our payment files, before the banks' month
NOW = datetime(2027, 1, 9, 12, tzinfo=UTC)
ORDERS = {"rhein": 15, "alpen": 35, "polder": 55, "mersey": 65, "harbor": 30}
REPEATS = 15
# A file of each bank, and the statement that does not go on where the one before it ended.
MISSING = {
    "rhein": ("rhein-007.xml", {"RE-20261216", "RU-20261216"}),
    "alpen": ("alpen-007.xml", {"AL-20261221"}),
    "polder": ("polder-007.xml", {"PO-20261218"}),
    "mersey": ("mersey-006.sta", {"ME-20261223"}),
    "harbor": ("harbor-009.bai", {"HARBUS33-261223-9"}),
}
# Columns of a statement that tell of its arrival or of its hand-over.
ARRIVAL = frozenset(
    {"id", "key", "file_id", "index", "because", "waits", "handing", "exported", "assigned"}
)

KEYS = frozenset({"exact_key", "similar_key"})

Ledger = Mapping[str, object]  # what is compared, by topic


@dataclass(frozen=True, slots=True)
class Read:
    """A bank file after it was read once; it is booked from memory as often as is wanted."""

    message: BankMessage
    parts: tuple[Part, ...]

    def again(self) -> BankMessage:
        return replace(self.message, parts=iter(self.parts))


@dataclass(frozen=True, slots=True)
class Room:
    """A ledger into which all files of a bank were fetched, and what they say."""

    series: Series
    folder: Path
    fetched: tuple[File, ...]
    read: tuple[Read, ...]

    def ledger(self) -> SqlLedger:
        """A ledger of its own, nothing booked."""
        for old in self.folder.glob("now.db*"):
            old.unlink()
        shutil.copy(self.folder / "fetched.db", self.folder / "now.db")
        return _open(self.folder, "now")

    def book(self, ledger: SqlLedger, order: Sequence[int], first: int = 0) -> None:
        """Book the files `order`; the first of them was fetched as number `first`."""
        ours = [Account(number, "", "", "Acme") for number in sorted(self.series.accounts)]
        for file, number in zip(self.fetched[first:], order, strict=False):
            message = self.read[number].again()
            if message.report:
                assert ledger.tell(file, message.report, NOW, rejects_only=False)
            else:
                assert ledger.book(file, message, ours, NOW)

    def after(self, order: Sequence[int]) -> Ledger:
        """What the ledger says after the files came in this order."""
        ledger = self.ledger()
        try:
            self.book(ledger, order)
            return said(ledger)
        finally:
            ledger.close()

    def as_sent(self) -> range:
        return range(len(self.read))


def _open(folder: Path, name: str) -> SqlLedger:
    return open_ledger(f"sqlite:///{folder}/{name}.db", "test", archive=folder / "archive")


def _room(series: Series, folder: Path) -> Room:
    folder.mkdir()
    read = []
    for each in series.deliveries:
        path = folder / each.name
        path.write_text(each.content, "utf-8", newline="")
        message = Iso20022Messages().read(path, 1_000_000)
        read.append(Read(message, tuple(message.parts)))
    ledger = _open(folder, "fetched")
    for order in series.orders:
        _send(ledger, order, folder / f"{order.message_id}.xml", series.bank)
    fetched = []
    for number in range(len(read) + REPEATS):
        remote = RemoteFile(f"{number}", 100, 1)
        made = ledger.fetched(f"b{number}", series.bank, 0, "out", remote, f"{number}", 100, NOW)
        for state in (In.OPENED, In.READ):
            moved = ledger.move(made, state, NOW)
            assert moved is not None
            made = moved
        fetched.append(made)
    ledger.close()
    return Room(series, folder, tuple(fetched), tuple(read))


def _send(ledger: SqlLedger, order: Order, path: Path, bank: str) -> None:
    """Take a payment file of ours to the bank, or to where nobody knows whether it arrived."""
    path.write_text(pain001(order), "utf-8")
    seen = Seen(bank, path.name, 1, 100, 1)
    file: File | None = ledger.claiming(seen, bank, f"out-{order.message_id}", SENT)
    assert file
    change = Change(sha256=order.message_id, message_id=order.message_id, message="pain.001.001.09")
    file = ledger.move(file, Out.CLAIMED, SENT, change=change)
    assert file
    file = ledger.admit(file, change, (), Iso20022Messages().payments(path), 0, SENT)
    road = (Out.APPROVED, Out.SEALED, Out.STAGED, Out.DELIVERING)
    for state in (*road, Out.IN_DOUBT if order.doubt else Out.SENT):
        assert file
        file = ledger.move(file, state, SENT)


@pytest.fixture(scope="module")
def rooms() -> Iterator[Mapping[str, Room]]:
    """By bank; in memory where the system has a place for it."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield {series.bank: _room(series, Path(folder) / series.bank) for series in all_series()}


# ---------------------------------------------------------------------------- what a ledger says


def said(ledger: SqlLedger) -> Ledger:
    """Statements, entries and balances by the statements' fingerprints, and what follows."""
    rows = _rows(ledger, tables.statements)
    kept = [row for row in rows if row["kept"] != Kept.DUPLICATE.value]
    by_key = {row["key"]: row["fingerprint"] for row in kept}
    by_id = {row["id"]: row["fingerprint"] for row in kept}
    facts: dict[str, object] = {
        str(row["fingerprint"]): {name: row[name] for name in row.keys() - ARRIVAL} for row in kept
    }
    assert len(facts) == len(kept)
    entries = Counter(_told(by_key[row["statement"]], row) for row in _rows(ledger, tables.entries))
    told = Counter(
        _told(by_id[str(row["statement_id"])], row) for row in _rows(ledger, tables.balances)
    )
    orders = {
        f"payment {row['end_to_end_id']}": {name: row[name] for name in row.keys() - KEYS}
        for row in _rows(ledger, tables.payments)
    }
    claims = Counter(_told(by_key[row["statement"]], row) for row in _rows(ledger, tables.claims))
    reported = Counter(_told("", row) for row in _rows(ledger, tables.told))
    files = {file.message_id: file.state for file in ledger.files(direction="out")}
    balances = [(row.account, row.amount, row.as_of) for row in ledger.balances()]
    pending = sorted(map(repr, ledger.pending()))
    return (
        facts
        | orders
        | {
            "entries": entries,
            "claims": claims,
            "told": reported,
            "files": files,
            "balances of statements": told,
            "balances": balances,
            "pending": pending,
        }
    )


def _rows(ledger: SqlLedger, table: Table) -> list[dict[str, object]]:
    with ledger._reading() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def _told(fingerprint: object, row: Mapping[str, object]) -> str:
    facts = {name: row[name] for name in row.keys() - {"statement", "statement_id", "report_id"}}
    return repr((fingerprint, sorted(facts.items())))


def differences(found: Ledger, wanted: Ledger) -> list[object]:
    """Topics on which two ledgers differ, in a form that a person can read."""
    words: list[object] = []
    for topic in sorted(found.keys() | wanted.keys()):
        one, other = found.get(topic), wanted.get(topic)
        if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
            unlike = {name: (one[name], other[name]) for name in one if one[name] != other[name]}
            words += [(one.get("number"), one.get("created"), unlike)] if unlike else []
        elif one != other:
            words.append((topic, one, other))
    return words


# ------------------------------------------------------------------------------- any order of them


@st.composite
def arrivals(draw: st.DrawFn, files: int) -> list[int]:
    """Every file at least once, in some order; some several times, and some not before the end."""
    order = draw(st.permutations(range(files)))
    for number in draw(st.lists(st.sampled_from(range(files)), max_size=REPEATS)):
        order.insert(draw(st.integers(0, len(order))), number)
    late = draw(st.frozensets(st.sampled_from(range(files)), max_size=6))
    return [n for n in order if n not in late] + [n for n in order if n in late]


def test_two_hundred_orders_are_tried() -> None:
    assert sum(ORDERS.values()) == 200
    assert ORDERS.keys() == BANKS.keys()


@pytest.mark.parametrize("bank", ORDERS)
def test_any_order_of_arrival_gives_the_same_ledger(rooms: Mapping[str, Room], bank: str) -> None:
    room = rooms[bank]
    wanted = room.after(room.as_sent())
    tried = 0

    @settings(
        max_examples=ORDERS[bank],
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),  # half a minute an order tells more than an hour of shrinking
    )
    @given(order=arrivals(len(room.read)))
    def same(order: list[int]) -> None:
        nonlocal tried
        tried += 1
        assert differences(room.after(order), wanted) == []

    same()
    assert tried == ORDERS[bank]


# --------------------------------------------------------------------------- what they come to


def test_the_ledger_says_of_every_account_what_its_bank_meant(rooms: Mapping[str, Room]) -> None:
    for room in rooms.values():
        ledger = room.ledger()
        room.book(ledger, room.as_sent())
        found = {(row.account, row.currency): row.amount for row in ledger.balances()}
        truth = room.series.truth
        assert found == {owner: plain(told.closing) for owner, told in truth.items()}
        for (account, _), told in truth.items():
            rows = [row for row in ledger.statements(account=account) if row.kind == "statement"]
            assert Counter(row.kept for row in rows if row.kept is not Kept.DUPLICATE) == Counter(
                {Kept.BOOKED: told.statements, Kept.SUPERSEDED: told.superseded}
            )
            flags = Counter(flag for row in rows for flag in row.flags)
            assert flags == Counter({"first": 1, "overlap": told.overlaps})
        assert first_broken(ledger.moves()) is None
        ledger.close()


def test_every_payment_is_what_its_bank_made_of_it(rooms: Mapping[str, Room]) -> None:
    for room in (room for room in rooms.values() if room.series.orders):
        ledger = room.ledger()
        room.book(ledger, room.as_sent())
        sent = ledger.files(direction="out")
        states = {row.end_to_end_id: row.state for file in sent for row in ledger.payments(file.id)}
        assert states == room.series.payments
        assert {file.message_id: file.state for file in sent} == room.series.files
        ledger.close()


def test_the_slips_of_the_banks_are_recorded_and_hold_nothing(rooms: Mapping[str, Room]) -> None:
    slips = {}
    for bank, room in rooms.items():
        assert all(not part.statement.doubts for read in room.read for part in read.parts)
        problems = [problem for read in room.read for problem in read.message.problems]
        slips[bank] = {(found.rule, (found.path or "").rpartition(", ")[2]) for found in problems}
    assert slips == {
        "rhein": {("schema", "Sts")},
        "alpen": {
            ("schema", "Acct/Svcr/FinInstnId/BIC"),
            ("schema", "NtryDtls/TxDtls/RltdAgts/CdtrAgt/FinInstnId/BIC"),
            ("schema", "NtryDtls/TxDtls/RltdAgts/DbtrAgt/FinInstnId/BIC"),
            ("schema", "TxSts"),  # a code that the old version does not know
            ("schema", "entry 1"),  # a page without any balance; the next is told of the same
            ("schema", "statement 1"),
        },
        "polder": set(),
        "mersey": set(),
        "harbor": set(),
    }


@pytest.mark.parametrize("bank", ORDERS)
def test_a_file_that_is_missing_leaves_a_gap_until_it_comes(
    rooms: Mapping[str, Room], bank: str
) -> None:
    room, (name, behind) = rooms[bank], MISSING[bank]
    (missing,) = (n for n, each in enumerate(room.series.deliveries) if each.name == name)
    ledger = room.ledger()
    room.book(ledger, [n for n in room.as_sent() if n != missing])
    assert {row.number for row in ledger.statements() if "gap" in row.flags} == behind
    room.book(ledger, [missing], first=len(room.read))
    assert {row.number for row in ledger.statements() if "gap" in row.flags} == set()
    ledger.close()
