"""Between the SFTP server and the bank's office: opens what arrives, seals what leaves.

What arrives is taken out of the customer's Outbox, opened and judged, once; the office never sees
a file that the customer did not sign. `received.jsonl` says what reached the bank, whatever the
customer believes.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from h2h.core.naming import escaped, is_temporary, sanitised, shortened
from h2h.errors import H2HError
from h2h.ports import Sealer
from h2h.sandbox import recalls
from h2h.sandbox.manners import Manners
from h2h.sandbox.office import Office

TakeBack = Callable[[recalls.Asked], Mapping[str, recalls.Fate]]

_LARGEST = 1_000_000_000  # bytes of an opened file
_LOOK = 0.2  # seconds: the office's clock may be moved from another process
_NO_ACCOUNT = "bank"  # mock-bank's word in the name of an answer about an unreadable file
_SEALS = (".pgp", ".gpg", ".asc")


@dataclass(frozen=True, slots=True)
class Rooms:
    """The gateway's folders, all on one file system; the customer reaches the first two."""

    outbox: Path
    inbox: Path
    received: Path
    rejected: Path
    drop: Path
    pickup: Path
    sent: Path
    log: Path


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that reached the bank under its final name, as `received.jsonl` keeps it."""

    name: str  # escaped
    sealed_sha256: str
    plain_sha256: str  # "" when it could not be opened
    message_id: str  # "" when no payment message was found in it
    outcome: str  # received | rejected
    answer: str  # the bank's decision, or why it was rejected
    at: str  # UTC, ISO 8601


class Gateway:
    """Moves files between the customer's folders and the office until it is stopped.

    `accounts` are the ids of the customer's accounts: what the bank writes about others stays in
    the bank. Whoever changes something sets `wake`. `tell` is given a line about each file.
    """

    def __init__(
        self,
        rooms: Rooms,
        sealer: Sealer,
        office: Office,
        take_back: TakeBack,
        accounts: frozenset[str],
        being_written: Callable[[], frozenset[int]],
        wake: threading.Event,
        tell: Callable[[str], None],
        manners: Manners,
    ) -> None:
        self._rooms = rooms
        self._manners = manners
        self._sealer = sealer
        self._office = office
        self._take_back = take_back
        self._delivered_accounts = accounts | {_NO_ACCOUNT}
        self._being_written = being_written
        self._tell = tell
        self._taken = 0
        self._sweeping = threading.Lock()
        self._wake = wake
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)

    def start(self) -> None:
        """Begin to look after the folders."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the sweep that is under way, and end the thread."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def sweep(self) -> None:
        """Take every complete file from the Outbox, and put every answer into the Inbox."""
        with self._sweeping:
            for path in list(self._complete()):
                self._receive(path)
                self._send_answers()
            self._send_answers()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            self.sweep()
            self._wake.wait(_LOOK)

    # -- in

    def _complete(self) -> Iterator[Path]:
        """Regular files under a final name that nobody is writing."""
        with os.scandir(self._rooms.outbox) as entries:
            seen = [entry for entry in entries if not is_temporary(entry.name)]
        open_now = self._being_written()
        for entry in sorted(seen, key=lambda entry: entry.name):
            if entry.is_file(follow_symlinks=False) and entry.inode() not in open_now:
                yield Path(entry.path)

    def _receive(self, arrived: Path) -> None:
        stem = f"{self._taken + 1:06}_{shortened(arrived.name)}"
        sealed = self._rooms.received / stem
        try:
            arrived.rename(sealed)
        except FileNotFoundError:
            return  # the customer took it back
        self._taken += 1
        arrival = self._judged(arrived.name, sealed)
        if arrival.outcome == "rejected":
            sealed.rename(self._rooms.rejected / f"{stem}_rejected")
        with self._rooms.log.open("a") as log:
            log.write(json.dumps(asdict(arrival)) + "\n")
        self._tell(f"{arrival.outcome} {arrival.name}: {arrival.answer}")

    def _judged(self, name: str, sealed: Path) -> Arrival:
        """Open it with the bank's ring, and have the office decide on what is in it."""
        plain = self._rooms.drop / f"{_without_seal(sanitised(name))[:120]}.xml"
        plain_sha256, message_id = "", ""
        try:
            self._sealer.open(sealed, plain, _LARGEST)
            plain_sha256 = _sha256(plain)
            message_id, answer = self._decided(plain)
        except H2HError as error:
            answer = error.cause
        return Arrival(
            name=escaped(name),
            sealed_sha256=_sha256(sealed),
            plain_sha256=plain_sha256,
            message_id=message_id,
            outcome="received" if message_id else "rejected",
            answer=answer,
            at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )

    def _decided(self, plain: Path) -> tuple[str, str]:
        """The message id of what is in the drop, and what was made of it."""
        asked = recalls.read(plain)
        if asked is None:
            (decision,) = self._office.read_drop()
            return decision.message_id, str(decision)
        plain.unlink()
        fates = self._take_back(asked)
        answer = self._rooms.pickup / f"{recalls.ANSWER}-{_NO_ACCOUNT}-{self._taken}.xml"
        answer.write_bytes(recalls.answer(asked, fates, self._taken))
        return asked.message_id, f"{recalls.confirmation(fates)} {len(fates)} asked back"

    # -- out

    def _send_answers(self) -> None:
        """Send what the office wrote, `<type>-<account>-<number>.<ext>`, in the order it wrote."""
        names = [path.name for path in self._rooms.pickup.iterdir() if not is_temporary(path.name)]
        for name in sorted(names, key=_number):
            if name.split("-")[1] in self._delivered_accounts:
                self._send(name)
            (self._rooms.pickup / name).rename(self._rooms.sent / name)

    def _send(self, name: str) -> None:
        twice = (f"again-{name}.pgp",) if self._manners.has("duplicate") else ()
        for sealed in (f"{name}.pgp", *twice):
            self._sealer.seal(self._rooms.pickup / name, self._rooms.inbox / sealed)
            self._tell(f"sent {sealed}")


def _number(answer: str) -> int:
    return int(answer.split("-")[2].partition(".")[0])


def _without_seal(name: str) -> str:
    stem, dot, last = name.rpartition(".")
    plain = stem if f"{dot}{last}".lower() in _SEALS else name
    return plain.removesuffix(".xml")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
