"""The practice bank as a whole: what it is made of, and in which order it starts and stops."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self
from zoneinfo import ZoneInfo

from h2h.adapters.pgp import GpgSealer
from h2h.adapters.ssh_keys import fingerprint
from h2h.core.calendar import business_date
from h2h.errors import ConfigError, Transient
from h2h.sandbox import workspace
from h2h.sandbox.gateway import Arrival, Gateway, Rooms
from h2h.sandbox.keys import (
    Ring,
    customers_ssh_key,
    introduce,
    new_ring,
    new_ssh_key,
    public_line,
    public_text,
    stop_agent,
    taken_in,
)
from h2h.sandbox.manners import OF_ACCOUNTS, Manners, manners
from h2h.sandbox.mock import MockBank
from h2h.sandbox.office import STATE, BankAccount, Office, running_office
from h2h.sandbox.server import SftpServer
from h2h.sandbox.workspace import Introduction

if TYPE_CHECKING:
    import asyncssh

HOST, USERNAME = "127.0.0.1", "corp1"
CALENDAR, ZONE = "ECB", "Europe/Amsterdam"  # mock-bank's accounts are Dutch
CUSTOMER_ACCOUNTS = frozenset({"ACME"})
_OURS = ("sftp", "bank", "customer", "letter")
_RETURNED_AFTER = {"days": 1}  # business days


class PublicKeys(NamedTuple):
    """A customer's own keys, as files: OpenPGP and SSH."""

    openpgp: Path
    ssh: Path


class PracticeBank:
    """A whole bank in `folder`, with fresh keys at every start. Use it as a context manager.

    `folder` is new, empty, or an earlier practice bank's; its path should be short, since gpg's
    sockets lie in it. `port` 0 takes a free one. `tell` is given a line about each file moved.
    With `keys` the customer brings his own public keys, as he would to a real bank; else the bank
    makes him some. `behave` are words of manners.BEHAVIOURS.
    Below `folder`:

        sftp/Outbox   the customer uploads there    bank/received.jsonl   what reached the bank
        sftp/Inbox    the customer fetches there    bank/received/        those files, sealed
        customer/     the customer's keys           bank/sent/            the answers, in clear
                                                    letter/               its keys, fingerprints
    """

    def __init__(
        self,
        folder: Path,
        port: int = 0,
        tell: Callable[[str], None] = lambda _line: None,
        *,
        behave: Iterable[str] = (),
        keys: PublicKeys | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self._words = tuple(behave)
        self.manners: Manners = manners(self._words)
        self._keys = keys
        self.outbox = self.folder / "sftp/Outbox"
        self.inbox = self.folder / "sftp/Inbox"
        self.received_log = self.folder / "bank/received.jsonl"
        self._port = port
        self._tell = tell
        self._running = ExitStack()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Open the bank; raises ConfigError when the folder or the port is not to be had."""
        with ExitStack() as started:
            self._start(started)
            self._running = started.pop_all()

    def stop(self) -> None:
        """End every thread, listener and agent; what was received and sent stays in the folder."""
        self._running.close()

    # -- what a rehearsal does with it

    def today(self) -> date:
        """The bank's date; give payments this requested execution date, and they book at once."""
        return self.office.today()

    def end_of_day(self, days: int = 1) -> tuple[date, ...]:
        """End so many business days; what is due is booked and the statements are in the Inbox."""
        ended = self.office.end_of_day(days)
        self._gateway.sweep()
        return ended

    def sweep(self) -> None:
        """Take what was uploaded and answer it now instead of in a moment."""
        self._gateway.sweep()

    def accounts(self) -> tuple[BankAccount, ...]:
        """Every account the bank holds; the customer's are those of CUSTOMER_ACCOUNTS."""
        return self.office.accounts()

    def set_account(
        self,
        account: str,
        *,
        closed: bool | None = None,
        behaviour: str | None = None,
        balance: int | None = None,
    ) -> BankAccount:
        """Change an account by its id, as Office.set_account does."""
        return self.office.set_account(account, closed=closed, behaviour=behaviour, balance=balance)

    def behave(self, *words: str) -> None:
        """From now on do these of manners.BEHAVIOURS wrong, and nothing else."""
        wanted = manners(words)
        self.manners.names, self.manners.cut_after = wanted.names, wanted.cut_after
        for account, usual in self._usual.items():
            ours = account in CUSTOMER_ACCOUNTS
            found = [OF_ACCOUNTS[name] for name in OF_ACCOUNTS if ours and name in wanted.names]
            if not ours and self.manners.has("closed-account"):
                found = ["closed-account"]
            behaviour = found[0] if found else usual
            days = _RETURNED_AFTER if behaviour == "return-later" else {}
            self.office.set_account(account, behaviour=behaviour, parameters=days)

    def arrivals(self) -> tuple[Arrival, ...]:
        """Every file that reached the bank, in order."""
        if not self.received_log.exists():
            return ()
        lines = self.received_log.read_text().splitlines()
        return tuple(Arrival(**json.loads(line)) for line in lines)

    def write_workspace(self, folder: Path) -> Path:
        """Write the customer's workspace: config.toml (returned), keys and doors.

        The agents that use its ring are stopped with the bank.
        """
        config = workspace.write_workspace(folder, self.introduction)
        self._running.callback(stop_agent, folder / workspace.RING)
        return config

    def config_section(self) -> str:
        """The `[banks.practice]` section with absolute paths of the keys, to paste anywhere."""
        customer = self.introduction
        return workspace.bank_section(customer, customer.customer.home, customer.customer_ssh_key)

    # -- how it starts

    def _start(self, started: ExitStack) -> None:
        rooms = self._furnished()
        bank_ring = new_ring(self.folder / "bank/keys", "Practice Bank")
        started.callback(stop_agent, bank_ring.home)
        customer_ring, customer_key = self._customer(bank_ring, started)
        host_key = new_ssh_key(self.folder / "bank/ssh-host-key")
        told_key = host_key
        if self.manners.has("wrong-key"):
            told_key = new_ssh_key(self.folder / "bank/ssh-host-key-told")

        today = business_date(datetime.now(UTC), ZoneInfo(ZONE))
        mock = MockBank(rooms.drop, rooms.pickup, today, ZONE, CALENDAR)
        started.callback(mock.stop)
        self.office = mock.office
        changed = Event()
        server = SftpServer(
            self.folder / "sftp",
            host_key,
            USERNAME,
            customer_key,
            changed,
            self._port,
            self.manners,
        )
        port = server.start()
        started.callback(server.stop)
        sealer = _sealer(bank_ring, customer_ring)
        self._gateway = Gateway(
            rooms,
            sealer,
            mock.office,
            mock.take_back,
            CUSTOMER_ACCOUNTS,
            server.being_written,
            changed,
            self._tell,
            self.manners,
        )
        started.callback(self._gateway.stop)
        self._gateway.start()
        accounts = tuple(a for a in self.accounts() if a.id in CUSTOMER_ACCOUNTS)
        self.introduction = Introduction(
            host=HOST,
            port=port,
            username=USERNAME,
            host_key=public_line(told_key),
            calendar=CALENDAR,
            zone=ZONE,
            customer=customer_ring,
            customer_ssh_key=self.folder / "customer/ssh-key",
            bank=bank_ring,
            accounts=accounts,
        )
        self._usual = {account.id: account.behaviour for account in self.accounts()}
        self.behave(*self._words)
        self._write_letter(bank_ring)
        (self.folder / STATE).write_text(json.dumps({"office": mock.office.url, "port": port}))

    def _customer(self, bank_ring: Ring, started: ExitStack) -> tuple[Ring, asyncssh.SSHKey]:
        """The customer's keys: those he brought (the bank has no secret of his), or fresh ones."""
        if self._keys is not None:
            theirs = taken_in(bank_ring, self._keys.openpgp)
            return Ring(Path(), theirs), customers_ssh_key(self._keys.ssh)
        ring = new_ring(self.folder / "customer/keys", "Practice Customer")
        started.callback(stop_agent, ring.home)
        introduce(bank_ring, ring)
        return ring, new_ssh_key(self.folder / "customer/ssh-key")

    def _write_letter(self, bank_ring: Ring) -> None:
        """What a real bank tells on paper: where it is, and its keys."""
        letter = self.folder / "letter"
        letter.mkdir()
        told = self.introduction
        (letter / "openpgp-key.asc").write_text(public_text(bank_ring))
        facts = {
            "host": told.host,
            "port": str(told.port),
            "user": told.username,
            "account": " ".join(account.iban for account in told.accounts),
            "openpgp-fingerprint": bank_ring.fingerprint,
            "host-key-fingerprint": fingerprint(told.host_key),
        }
        for name, value in facts.items():
            (letter / name).write_text(f"{value}\n")

    def _furnished(self) -> Rooms:
        """Fresh folders; those of an earlier practice bank are cleared away."""
        _clear(self.folder)
        bank = self.folder / "bank"
        rooms = Rooms(
            outbox=self.outbox,
            inbox=self.inbox,
            received=bank / "received",
            rejected=bank / "received/rejected",
            drop=bank / "drop",
            pickup=bank / "pickup",
            sent=bank / "sent",
            log=self.received_log,
        )
        for room in (rooms.outbox, rooms.inbox, rooms.rejected, rooms.drop, rooms.sent):
            room.mkdir(parents=True)
        rooms.pickup.mkdir()
        return rooms


def _clear(folder: Path) -> None:
    if not (folder / STATE).exists():
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(
                f"{folder} is neither empty nor a practice bank's", "Choose another folder"
            )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    if _answers(running_office(folder)):
        raise ConfigError(f"a practice bank already runs in {folder}", "Stop it first")
    for ours in _OURS:
        shutil.rmtree(folder / ours, ignore_errors=True)


def _answers(office: Office) -> bool:
    try:
        office.today()
    except Transient:
        return False
    return True


def _sealer(bank: Ring, customer: Ring) -> GpgSealer:
    return GpgSealer(
        bank.home,
        "sign+encrypt",
        sign_with=bank.fingerprint,
        encrypt_to=[customer.fingerprint],
        accept_from=[customer.fingerprint],
    )
