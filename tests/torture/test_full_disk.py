"""A disk that is full at any moment, anywhere: nothing is lost or half, and it goes on by itself.

A daemon sweeps while so many pages are left; then it is restarted, still without space; then space
returns. Nobody helps it. The files are padded to about a hundred pages, so that the levels fall
into every write.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from h2h.adapters.desktop import FolderDesktop
from h2h.adapters.folder import FolderBank
from h2h.adapters.journal import Journal
from h2h.adapters.pgp import GpgSealer
from h2h.adapters.sql.ledger import SqlLedger, open_ledger
from h2h.core.states import In, Out, State
from h2h.errors import ConfigError, Transient
from h2h.ports import Download, Sealer, Services
from tests.adapters.conftest import Party
from tests.conftest import make_payment_file
from tests.flows.conftest import OURS, Room, bank_terms, report_file

from .disk import Disk, disk_at
from .report import FULL, Tally
from .wired import in_series

PADDING = (b"<!--" + b"x" * 16377 + b"-->") * 25  # a hundred pages
# Where space ends: which folder lies on that disk, from and to how many pages are left, and whether
# files are sealed. The statement comes after the payment file, so it meets what that one left.
PLACES = {
    "claim": ("archive", 0, 104, False),
    "seal": ("archive", 100, 214, True),
    "archive": ("archive", 200, 320, False),
    "decrypt": ("archive", 290, 430, True),
    "ledger": ("books", 0, 200, False),
    "log": ("journal", 0, 4, False),
    "hand-over": ("inbox", 0, 110, False),
}
LEVELS = int(os.environ.get("H2H_TORTURE_LEVELS", "200")) if FULL else 2


@dataclass
class DiskRoom(Room):
    """A room whose bank is a plain folder, and whose ledger and log have folders of their own."""

    sealer: Sealer | None = None
    bank_sealer: Sealer | None = None
    visible: dict[Path, str] = field(default_factory=dict)  # by final name: the hash first seen

    @contextmanager
    def ledger(self) -> Iterator[SqlLedger]:
        url = f"sqlite:///{self.root}/books/ledger.db"
        ledger = open_ledger(url, "test", archive=self.root / "archive")
        try:
            yield ledger
        finally:
            ledger.close()

    def _services(self, ledger: SqlLedger) -> Services:
        services = super()._services(ledger)
        sealers = {**services.sealers, **({"acme": self.sealer} if self.sealer else {})}
        return replace(
            services,
            sealers=sealers,
            servers={**services.servers, "acme": FolderBank(self.bank)},
            desktop=FolderDesktop(self.inbox),
        )

    def sweep_as_the_daemon(self, services: Services) -> None:
        """What passes by itself ends a pass and no more."""
        with suppress(Transient):
            self.run(services)

    def opened(self, path: Path) -> bytes:
        """What lies at the bank, as the bank reads it."""
        if self.bank_sealer is None:
            return path.read_bytes()
        plain = self.root / "opened"
        self.bank_sealer.open(path, plain, 1 << 30)
        return plain.read_bytes()

    def restart(self) -> None:
        """Start anew and sweep; without space a start may be refused, and is tried again."""
        with suppress(Transient, ConfigError), self.services() as services:
            self.sweep_as_the_daemon(services)


@dataclass
class Trial:
    """One payment file out and one statement in, while so many pages are left."""

    room: DiskRoom
    number: int
    found: list[str] = field(default_factory=list)
    payment: bytes = b""
    statement: bytes = b""

    def prepare(self) -> None:
        day = f"{self.room.clock.now() + timedelta(days=7):%Y-%m-%d}"
        plain = make_payment_file(f"MSG-{self.number}", execution_date=day)
        self.payment = plain.replace(b"</GrpHdr>", b"</GrpHdr>" + PADDING)
        plain = report_file(in_series(self.number))
        self.statement = plain.replace(b"</GrpHdr>", b"</GrpHdr>" + PADDING)
        self.room.drop(self.payment, self.payment_name)
        place = self.room.bank / "out" / self.statement_name
        place.write_bytes(self.statement)
        if self.room.bank_sealer is not None:
            sealed = self.room.root / "sealed"
            self.room.bank_sealer.seal(place, sealed)
            sealed.replace(place)

    def suffer(self, disk: Disk, pages: int | None) -> None:
        """Sweep while so many pages are left; None: while nothing can be written."""
        with self.room.services() as services:
            if pages is None:
                disk.read_only()
            else:
                disk.full(pages)
            self.room.sweep_as_the_daemon(services)
            self.room.clock.advance(hours=1)
            self.room.sweep_as_the_daemon(services)
            self.nothing_half()
        self.room.restart()
        self.nothing_half()
        disk.roomy()

    def nothing_half(self) -> None:
        """What the bank and the ERP see never changes any more; at last it is seen whole."""
        desk = self.room.inbox / "acme" / "statements"
        handed = [path for path in desk.glob("*") if not path.name.startswith(".")]
        for path in (*self.room.at_the_bank(), *handed):
            sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
            if self.room.visible.setdefault(path, sha256) != sha256:
                self.found.append(f"half: {path.name}")

    def recover(self) -> None:
        """Space is back: a few sweeps, nobody helps."""
        for _ in range(4):
            self.room.sweep()
            if (self.payment_file(), self.bank_file()) == (Out.SENT, In.DONE):
                break
        self.nothing_half()

    def judge(self) -> None:
        states = self.payment_file(), self.bank_file()
        if states != (Out.SENT, In.DONE):
            self.found.append(f"it did not go on: {states}")
        if self.copies() != 1:
            self.found.append(f"the bank has it {self.copies()} times")
        endings = [name.rsplit(".", 1)[1] for name in self.handed()]
        if endings != ["csv", "jsonl", "xml"]:
            self.found.append(f"the ERP got {self.handed()}")
        if any((self.room.root / "outbox" / "acme").iterdir()):
            self.found.append("something lies in the door")
        if left := [str(path) for path in self.room.root.rglob(".*ing") if path.is_file()]:
            self.found.append(f"left behind: {left}")

    def payment_file(self) -> State | None:
        return next((f.state for f in self.room.files() if f.name == self.payment_name), None)

    def bank_file(self) -> State | None:
        return next((f.state for f in self.room.files("in") if f.name == self.statement_name), None)

    @property
    def payment_name(self) -> str:
        return f"pay-{self.number}.xml"

    @property
    def statement_name(self) -> str:
        return f"st-{self.number}.xml"

    def copies(self) -> int:
        """How many files at the bank are this payment file, whole."""
        return sum(self.room.opened(path) == self.payment for path in self.room.at_the_bank())

    def handed(self) -> list[str]:
        desk = self.room.inbox / "acme" / "statements"
        return sorted(path.name for path in desk.glob(f"st-{self.number}.*"))


@contextmanager
def room_on(
    place: str, root: Path, keyrings: Callable[..., Party]
) -> Iterator[tuple[DiskRoom, Disk]]:
    """A furnished room, with the disk where `place` says."""
    folder, _, _, sealed = PLACES[place]
    terms = replace(bank_terms("acme", OURS), downloads=(Download("out", "*.xml", after="delete"),))
    room = DiskRoom(root, terms=terms)
    if sealed:
        corp, bank = keyrings("corp"), keyrings("bank")
        corp.learns(bank)
        bank.learns(corp)
        room.sealer, room.bank_sealer = sealer_of(corp, bank), sealer_of(bank, corp)
    room.make_rooms()
    for name in ("books", "journal"):
        (root / name).mkdir()
    with disk_at(root / folder) as disk, (root / "journal" / "h2h.log").open("w") as stream:
        if place == "log":
            room.log = Journal(stream)  # type: ignore[assignment]  # the port, not the recorder
        room.sweep()
        yield room, disk


def sealer_of(own: Party, other: Party) -> Sealer:
    return GpgSealer(
        own.home,
        "sign+encrypt",
        sign_with=own.fingerprint,
        encrypt_to=[other.fingerprint],
        accept_from=[other.fingerprint],
        compress=False,
    )


@pytest.mark.parametrize("place", PLACES if FULL else ["claim", "decrypt", "ledger", "log"])
def test_a_full_disk_loses_nothing_and_goes_on_by_itself(
    place: str, tmp_path: Path, keyrings: Callable[..., Party], tally: Tally
) -> None:
    _, first, last, _ = PLACES[place]
    with room_on(place, tmp_path / "room", keyrings) as (room, disk):
        for number in range(LEVELS):
            pages = first + (last - first) * number // LEVELS
            trial = Trial(room, number)
            trial.prepare()
            trial.suffer(disk, pages)
            trial.recover()
            trial.judge()
            survived, copies = not trial.found, trial.copies()
            tally(f"disk full: {place}", survived=survived, lost=not copies, doubled=copies > 1)
            assert trial.found == [], (place, pages)


@pytest.mark.parametrize("place", ["archive", "hand-over"])
def test_a_disk_that_turns_read_only_loses_nothing_and_goes_on_by_itself(
    place: str, tmp_path: Path, keyrings: Callable[..., Party], tally: Tally
) -> None:
    with room_on(place, tmp_path / "room", keyrings) as (room, disk):
        trial = Trial(room, 0)
        trial.prepare()
        trial.suffer(disk, None)
        trial.recover()
        trial.judge()
        tally("disk read-only", survived=not trial.found)
        assert trial.found == []
