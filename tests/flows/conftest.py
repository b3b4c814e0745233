"""A room of real parts around the flows: two banks that are folders, doors, an archive, a ledger.

`Room.services` makes everything anew on the same disk, as a restart does. `Killer` stands around
every port call and may end the process there.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TypeVar, cast
from zoneinfo import ZoneInfo

import pytest

from h2h.adapters.archive import FolderArchive
from h2h.adapters.desktop import FolderDesktop
from h2h.adapters.door import FolderDoor
from h2h.adapters.folder import FolderBank
from h2h.adapters.input_seal import InputSeal
from h2h.adapters.messages import Iso20022Messages
from h2h.adapters.pgp import GpgSealer
from h2h.adapters.sql.ledger import SqlLedger, open_ledger
from h2h.core.terms import Account, CheckTerms
from h2h.export import ErpExporter
from h2h.flows.inbound import sweep_inbound
from h2h.flows.sweep import Sweep
from h2h.flows.waves import sweep_outbound
from h2h.ports import (
    EVERYBODY,
    Bank,
    BankTerms,
    Content,
    Door,
    DoorTerms,
    Download,
    Exporter,
    File,
    Messages,
    Receiver,
    RemoteFile,
    Sealer,
    Services,
    Session,
)

OURS = "DE89370400440532013000"
OTHERS = "NL91ABNA0417164300"
MONDAY = datetime(2026, 11, 23, 10, tzinfo=UTC)
Port = TypeVar("Port")
DOWNLOADS = (
    Download("out", "*.xml", after="delete"),
    Download("papers", "*.pdf", kind="document", after="move", move_to="read"),
    Download("acks", "*.ack", kind="ack", after="delete"),
)


@dataclass
class FixedClock:
    """Time stands still until a test moves it."""

    time: datetime = MONDAY

    def now(self) -> datetime:
        return self.time

    def advance(self, **span: float) -> None:
        self.time += timedelta(**span)


@dataclass
class RecordingLog:
    """Keeps every event."""

    events: list[tuple[str, dict[str, str | int | None]]] = field(default_factory=list)

    def event(self, event: str, /, **facts: str | int | None) -> None:
        self.events.append((event, facts))

    def named(self, event: str) -> list[dict[str, str | int | None]]:
        return [facts for name, facts in self.events if name == event]


WrapSession = Callable[[Session], Session]


def unwrapped(session: Session) -> Session:
    return session


class WrappedBank:
    """A bank whose sessions are wrapped."""

    def __init__(self, bank: Bank, wrap: WrapSession) -> None:
        self._bank = bank
        self._wrap = wrap

    @contextmanager
    def session(self, host: str = "") -> Iterator[Session]:
        with self._bank.session(host) as session:
            yield self._wrap(session)


class BankSide:
    """The bank's own view: notes what becomes visible under a final name; may collect it at once.

    The note is made with the file's hash, in a file outside of everything that h2h touches.
    """

    def __init__(self, session: Session, room: Room, *, collects: bool) -> None:
        self._session = session
        self._room = room
        self._collects = collects
        self.host = session.host

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)

    def listing(self, folder: str, most: int) -> Sequence[RemoteFile]:
        """By name, so that every round makes the same calls in the same order."""
        return sorted(self._session.listing(folder, most), key=lambda remote: remote.name)

    def put(self, local: Path, path: str) -> None:
        self._session.put(local, path)
        if not path.endswith(".tmp"):
            self._visible(path)

    def rename(self, source: str, target: str) -> None:
        self._session.rename(source, target)
        self._visible(target)

    def replace(self, source: str, target: str) -> None:
        self._session.replace(source, target)
        self._visible(target)

    def _visible(self, path: str) -> None:
        if not path.startswith("in/"):
            return
        final = self._room.bank / path
        with self._room.deliveries.open("a") as note:
            note.write(f"{hashlib.sha256(final.read_bytes()).hexdigest()} {final.name}\n")
        if self._collects:
            final.rename(self._room.collected / final.name)


class DeskSide:
    """The ERP's own view: notes every file that appears under its final name."""

    def __init__(self, desktop: FolderDesktop, notes: Path) -> None:
        self._desktop = desktop
        self._notes = notes

    def taken(self, folder: str, name: str) -> bool:
        return self._desktop.taken(folder, name)

    def prepare(
        self, folder: str, name: str, content: Content, *, key: str = ""
    ) -> tuple[str, str]:
        return self._desktop.prepare(folder, name, content, key=key)

    def publish(self, folder: str, temporary: str, name: str, *, replace: bool) -> None:
        appears = (self._desktop.root / folder / temporary).exists()
        self._desktop.publish(folder, temporary, name, replace=replace)
        if appears:
            with self._notes.open("a") as note:
                note.write(f"{folder}/{name}\n")


@dataclass
class Room:
    """One workspace on disk, with the bank `acme` (and `other`, of which only the name matters)."""

    root: Path
    clock: FixedClock = field(default_factory=FixedClock)
    log: RecordingLog = field(default_factory=RecordingLog)
    terms: BankTerms = field(
        default_factory=lambda: bank_terms("acme", OURS),
    )
    marker: str = ""
    seal: InputSeal | None = None
    receivers: tuple[Receiver, ...] = (EVERYBODY,)
    messages: Messages = field(default_factory=Iso20022Messages)
    exporter: Exporter = field(default_factory=ErpExporter)
    sealer: Sealer | None = None  # None: everything travels in clear
    collects: bool = False
    watched: bool = False  # somebody else keeps the bank's log, and collects
    wrap_session: WrapSession = unwrapped
    killer: Killer | None = None
    database: str = ""  # the ledger's address, where it is not a file of the room

    # -- places

    @property
    def bank(self) -> Path:
        return self.root / "bank"

    @property
    def collected(self) -> Path:
        return self.root / "collected"

    @property
    def deliveries(self) -> Path:
        return self.root / "deliveries.log"

    @property
    def handed(self) -> Path:
        return self.root / "handed.log"

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    def furnish(self) -> None:
        """Make the rooms, and let every door be looked into once while it is empty."""
        self.make_rooms()
        self.sweep()

    def make_rooms(self) -> None:
        for name in ("bank/in", "bank/out", "bank/papers", "bank/read", "bank/acks", "bank2/in"):
            (self.root / name).mkdir(parents=True)
        for name in ("outbox/acme", "inbox", "archive", "collected"):
            (self.root / name).mkdir(parents=True)
        self.deliveries.touch()
        self.handed.touch()

    # -- what people and machines do

    def drop(self, content: bytes, name: str = "pay.xml", door: str = "acme") -> None:
        """The ERP drops a file (and its marker, where the door asks for one)."""
        path = self.root / "outbox" / door / name
        if self.seal is not None:
            checksum = hashlib.sha256(content).hexdigest()
            path.with_name(name + ".sha256").write_text(f"{checksum}  {name}\n")
        path.write_bytes(content)
        if self.marker and door:
            path.with_name(name + self.marker).touch()

    def sweep(self, times: int = 1) -> None:
        """Restart h2h and let it sweep `times` times, an hour apart."""
        with self.services() as services:
            for _ in range(times):
                self.run(services)
                self.clock.advance(hours=1)

    def run(self, services: Services) -> None:
        with Sweep(services) as sweep:
            sweep_outbound(sweep)
            sweep_inbound(sweep, ["acme"])

    def files(self, direction: str = "out") -> Sequence[File]:
        with self.ledger() as ledger:
            return ledger.files(direction=direction)

    def file(self, name: str = "pay.xml") -> File:
        """The newest file of this name."""
        return [file for file in (*self.files(), *self.files("in")) if file.name == name][-1]

    def at_the_bank(self) -> list[Path]:
        """Every file that the bank can see or has collected, temporary ones left out."""
        found = [*(self.bank / "in").iterdir(), *self.collected.iterdir()]
        return [path for path in found if not path.name.endswith(".tmp")]

    def published(self) -> list[str]:
        """The hash of every file that ever became visible to the bank."""
        return [line.split()[0] for line in self.deliveries.read_text().splitlines()]

    def handed_over(self, folder: str) -> list[str]:
        """Names of what the ERP finds in a folder of its desk."""
        place = self.inbox / "acme" / folder
        return sorted(path.name for path in place.iterdir()) if place.is_dir() else []

    # -- real parts

    @contextmanager
    def ledger(self) -> Iterator[SqlLedger]:
        url = self.database or f"sqlite:///{self.root}/ledger.db"
        ledger = open_ledger(url, "test", archive=self.root / "archive")
        try:
            yield ledger
        finally:
            ledger.close()

    @contextmanager
    def services(self) -> Iterator[Services]:
        """Everything anew, as after a restart."""
        with self.ledger() as ledger:
            services = self._services(ledger)
            yield self.killer.around(services) if self.killer else services

    def _services(self, ledger: SqlLedger) -> Services:
        other = bank_terms("other", OTHERS)
        sealer = self.sealer or GpgSealer(self.root, "none")
        return Services(
            environment="test",
            ledger=ledger,
            archive=FolderArchive(self.root / "archive"),
            messages=self.messages,
            exporter=self.exporter,
            desktop=DeskSide(FolderDesktop(self.inbox), self.handed),
            clock=self.clock,
            log=self.log,
            doors=self._doors(),
            banks={"acme": self.terms, "other": other},
            servers={
                "acme": WrappedBank(FolderBank(self.bank), self._wrapped),
                "other": FolderBank(self.root / "bank2"),
            },
            sealers={"acme": sealer, "other": sealer},
            new_id=self._new_id,
            receivers=self.receivers,
        )

    def _new_id(self) -> str:
        """Ids in order, counted on disk: a killed round and the next one make the same."""
        with (self.root / "ids").open("ab") as count:
            count.write(b".")
            return f"{self.clock.now():%Y%m%d-%H%M%S}-{count.tell():06x}"

    def _doors(self) -> tuple[Door, ...]:
        outbox = self.root / "outbox"
        routed = DoorTerms("outbox", outbox, None, settle=0)
        acme = DoorTerms("outbox/acme", outbox / "acme", "acme", settle=0, marker=self.marker)
        return FolderDoor(routed, doors=("acme",), seal=self.seal), FolderDoor(acme, seal=self.seal)

    def _wrapped(self, session: Session) -> Session:
        if self.watched:
            return self.wrap_session(session)
        own = BankSide(session, self, collects=self.collects)
        return self.wrap_session(cast("Session", own))


def bank_terms(name: str, account: str) -> BankTerms:
    accounts = (Account(account, "", "EUR", "Acme GmbH"),)
    return BankTerms(
        name=name,
        zone=ZoneInfo("Europe/Berlin"),
        calendar="TARGET",
        accounts=accounts,
        check=CheckTerms(accounts=accounts),
        downloads=DOWNLOADS if name == "acme" else (),
        upload_folder="in",
        temporary="{name}.{attempt}.tmp",
        file_name="{customer}_{sequence:04}.xml",
        customer="ACME",
    )


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """A furnished room, its doors seen empty once."""
    made = Room(tmp_path)
    made.furnish()
    return made


MakeRoom = Callable[..., Room]


@pytest.fixture
def make_room(tmp_path: Path) -> MakeRoom:
    """Makes a room that is not furnished yet; `publish` and the like go into the bank's terms."""

    def make(*, marker: str = "", collects: bool = False, **terms: object) -> Room:
        usual = bank_terms("acme", OURS)
        agreed = replace(usual, **terms)  # type: ignore[arg-type]  # as the test names them
        return Room(tmp_path / "room", terms=agreed, marker=marker, collects=collects)

    return make


# ---------------------------------------------------------------------------------- kill -9


class Killer:
    """Stands around every port call, counts them, and kills its own process at one of them.

    `calls` holds the name of each; `at` None only counts. The death is noted in `hits` first.
    """

    def __init__(self, hits: Path, at: int | None = None, side: str = "before") -> None:
        self.calls: list[str] = []
        self._counting = threading.Lock()
        self._hits = hits
        self._at = at
        self._side = side

    def call(self, name: str, act: Callable[[], object]) -> object:
        with self._counting:  # what is done beside calls from threads of its own
            number = len(self.calls)
            self.calls.append(name)
        self._may_die(number, "before", name)
        result = act()
        self._may_die(number, "after", name)
        return result

    def _may_die(self, number: int, side: str, name: str) -> None:
        if (number, side) == (self._at, self._side):
            with self._hits.open("a") as hits:
                hits.write(f"{name} {side}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, services: Services) -> Services:
        """The same services, with this killer around every method of every port."""
        return replace(
            services,
            ledger=self._port("ledger", services.ledger),
            archive=self._port("archive", services.archive),
            messages=self._port("messages", services.messages),
            exporter=self._port("exporter", services.exporter),
            desktop=self._port("desktop", services.desktop),
            doors=tuple(self._port("door", door) for door in services.doors),
            servers={name: self._port("bank", bank) for name, bank in services.servers.items()},
            sealers={name: self._port("sealer", one) for name, one in services.sealers.items()},
        )

    def _port(self, name: str, port: Port) -> Port:
        return cast("Port", _Guarded(self, name, port))  # it passes every method on


class _Guarded:
    """One port behind a killer."""

    def __init__(self, killer: Killer, name: str, port: object) -> None:
        self._killer = killer
        self._name = name
        self._port = port

    def __getattr__(self, name: str) -> object:
        value = getattr(self._port, name)
        if not callable(value):
            return value
        call = functools.partial(self._call, f"{self._name}.{name}", value)
        if name == "together":
            return functools.partial(_together, self._killer, value)
        return _GuardedLogin(self._killer, value) if name == "session" else call

    def _call(
        self, name: str, method: Callable[..., object], *args: object, **named: object
    ) -> object:
        return self._killer.call(name, lambda: method(*args, **named))


@contextmanager
def _together(killer: Killer, begin: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Many calls of the ledger in one transaction: its commit is a call of its own."""
    with ExitStack() as stack:
        stack.enter_context(begin())
        yield
        killer.call("ledger.together", stack.close)


class _GuardedLogin:
    """A bank's `session`: login and logout are calls of their own."""

    def __init__(self, killer: Killer, login: Callable[..., object]) -> None:
        self._killer = killer
        self._login = login

    def __call__(self, host: str = "") -> _GuardedLogin:
        self._context = self._login(host)
        return self

    def __enter__(self) -> _Guarded:
        enter = self._context.__enter__  # type: ignore[attr-defined]  # a context manager
        return _Guarded(self._killer, "session", self._killer.call("bank.session", enter))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        leave = self._context.__exit__  # type: ignore[attr-defined]  # a context manager
        self._killer.call("bank.logout", lambda: leave(kind, error, trace))


KILLED = -signal.SIGKILL

# The calls that change nothing, neither in the ledger nor outside.
LOOKS = frozenset(
    {
        *("archive.digest", "archive.head", "archive.path", "door.present", "door.refused"),
        *("door.scan", "desktop.taken", "exporter.report", "exporter.suffix", "ledger.broken_path"),
        *("ledger.exportable", "ledger.exports", "ledger.file", "ledger.files", "ledger.head"),
        *("ledger.health", "ledger.known", "ledger.moves", "ledger.operator_of", "ledger.pauses"),
        *("ledger.pending_hand_overs", "ledger.remote_pending", "ledger.same_bytes"),
        *("ledger.statement", "ledger.statements", "ledger.unassigned", "ledger.unrecorded"),
        *("ledger.waived", "messages.check", "messages.payments", "messages.read"),
        *("sealer.sidecar", "session.listing", "session.stat"),
    }
)


def run_and_kill(room: Room, hits: Path, at: int, side: str) -> int:
    """One sweep in a process of its own that dies at call `at`; what os.wait says of its end."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            room.killer = Killer(hits, at, side)
            room.sweep()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


@dataclass
class Rounds:
    """A round of work that is done again and again from the same start, killed at each call."""

    room: Room
    start: Callable[[Room], None]
    hits: Path
    template: Path

    def prepare(self) -> list[str]:
        """Remember the room as it is, and the names of the calls of an undisturbed round."""
        self.hits.touch()
        shutil.copytree(self.room.root, self.template)
        self.start(self.room)
        killer = self.room.killer = Killer(self.hits)
        self.room.sweep()
        self.room.killer = None
        return killer.calls

    def between(
        self, calls: Sequence[str], first: int, last: int
    ) -> Iterator[tuple[int, str, str]]:
        """`killed` before each call that changes something, and after the last of them.

        That is everywhere: a flow acts on the world through its ports alone, so what a death leaves
        is the same from one change to the next. `make torture` tries both sides of every call.
        """
        changing = [at for at in range(first, last) if calls[at] not in LOOKS]
        for at in changing:
            yield from self.killed(calls, at, at + 1, sides=("before",))
        yield from self.killed(calls, changing[-1], changing[-1] + 1, sides=("after",))

    def killed(
        self,
        calls: Sequence[str],
        first: int,
        last: int,
        *,
        sides: Sequence[str] = ("before", "after"),
    ) -> Iterator[tuple[int, str, str]]:
        """For each call from `first` up to `last`, and each side: (number, name, side).

        The process has died there, and the room is as it was left.
        """
        time = self.room.clock.time
        for at in range(first, last):
            for side in sides:
                self.room.clock.time = time
                shutil.rmtree(self.room.root)
                shutil.copytree(self.template, self.room.root)
                self.start(self.room)
                assert run_and_kill(self.room, self.hits, at, side) == KILLED
                self.room.clock.advance(hours=1)
                yield at, calls[at], side

    def hit(self) -> set[tuple[str, str]]:
        """Where the process really died."""
        pairs = (line.split() for line in self.hits.read_text().splitlines())
        return {(name, side) for name, side in pairs}


MakeRounds = Callable[[Room, Callable[[Room], None]], Rounds]


@pytest.fixture
def rounds(tmp_path: Path) -> MakeRounds:
    """Makes the rounds of a furnished room."""
    return lambda room, start: Rounds(room, start, tmp_path / "hits", tmp_path / "template")


# ------------------------------------------------------------------------------ the bank's files

_SPACE = "urn:iso:std:iso:20022:tech:xsd:"
_SHAPES = {
    "camt.053.001.02": ("BkToCstmrStmt", "Stmt"),
    "camt.054.001.02": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


def statement(number: str, closing: str = "150.00") -> str:
    """A statement of our account: 100.00, then one credit of 50.00; `closing` may not fit."""
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt>"
        "<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-20</Dt></Dt></Bal>"
        for code, amount in (("OPBD", "100.00"), ("CLBD", closing))
    )
    return _report_block(number, balances)


def notification(number: str) -> str:
    """A notification of one credit; it carries no balances."""
    return _report_block(number, "")


def _report_block(number: str, balances: str) -> str:
    return f"""<Id>S-{number}</Id><ElctrncSeqNb>{number}</ElctrncSeqNb>
<CreDtTm>2026-11-21T06:00:00</CreDtTm>
<Acct><Id><IBAN>{OURS}</IBAN></Id><Ccy>EUR</Ccy></Acct>{balances}
<Ntry><NtryRef>N{number}</NtryRef><Amt Ccy="EUR">50.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Sts>BOOK</Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt><ValDt><Dt>2026-11-20</Dt></ValDt>
<AcctSvcrRef>REF-{number}</AcctSvcrRef><BkTxCd><Prtry><Cd>NTRF</Cd></Prtry></BkTxCd></Ntry>"""


def report_file(*blocks: str, message: str = "camt.053.001.02") -> bytes:
    """A bank file of these account reports."""
    body, block = _SHAPES[message]
    inner = "".join(f"<{block}>{content}</{block}>" for content in blocks)
    head = "<GrpHdr><MsgId>B-1</MsgId><CreDtTm>2026-11-21T06:00:00</CreDtTm></GrpHdr>"
    return (
        f'<Document xmlns="{_SPACE}{message}"><{body}>{head}{inner}</{body}></Document>'
    ).encode()


def status_file(message_id: str = "MSG-1", status: str = "ACCP") -> bytes:
    """A status report on all of a payment file."""
    return f"""<Document xmlns="{_SPACE}pain.002.001.03"><CstmrPmtStsRpt>
<GrpHdr><MsgId>R-1</MsgId><CreDtTm>2026-11-23T11:00:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>{message_id}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>
<GrpSts>{status}</GrpSts></OrgnlGrpInfAndSts></CstmrPmtStsRpt></Document>""".encode()


class BankFiles:
    """The makers of bank files, for tests that need no import."""

    statement = staticmethod(statement)
    notification = staticmethod(notification)
    report_file = staticmethod(report_file)
    status_file = staticmethod(status_file)


@pytest.fixture
def bank_files() -> BankFiles:
    """Tiny camt.053, camt.054 and pain.002 documents."""
    return BankFiles()
