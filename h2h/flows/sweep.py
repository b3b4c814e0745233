"""One pass over the room: at most one session a bank, opened when the first file needs it.

Both flows run inside a sweep. It knows when a bank may not be spoken to (the stop button, a closed
window, a back-off after failures), so that no step has to.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from h2h.core.calendar import back_off, window_end
from h2h.core.states import State
from h2h.core.words import say
from h2h.errors import H2HError, HostKeyChanged, LoginRefused, Transient
from h2h.flows.ahead import Beside, Seals
from h2h.ports import (
    BankMessage,
    BankTerms,
    Change,
    Clock,
    Download,
    File,
    Health,
    Ledger,
    Log,
    Seen,
    Services,
    Session,
)

OPENED = "opened"  # a bank file without its seal, in its dossier
MOST_LOGIN_FAILURES = 3  # banks lock an account after few: then only a person tries again
_AFTER_LOGIN_FAILURE = timedelta(minutes=15)
_SELDOM = timedelta(minutes=1)  # a contact within it is not remembered anew


class NotNow(H2HError):
    """A bank may not or cannot be spoken to now; `until` is when to try again, None: unknown."""

    def __init__(
        self, because: str, until: datetime | None = None, *, failed: bool = False
    ) -> None:
        super().__init__(because)
        self.until = until
        self.failed = failed


class Sweep:
    """Sessions and moves of one pass. Use it as a context manager: leaving it logs out.

    `patient` waits out back-offs, as the daemon does; a person who asks for a sweep is not made to
    wait, except after refused logins, which could lock the account.
    """

    def __init__(
        self,
        services: Services,
        *,
        patient: bool = True,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.services = services
        self.stopping = stopping  # asked before each file: a daemon that drains starts no more
        self.ledger: Ledger = services.ledger
        self.clock: Clock = services.clock
        self.log: Log = services.log
        self.patient = patient
        self.unreachable: dict[str, str] = {}
        self.seals = Seals()
        self.beside = Beside()
        self.claimed: dict[str, tuple[str, int] | None] = {}  # what was brought in beside
        self.taken: set[Seen] = set()  # whose claim is in the ledger already
        self._sessions: dict[str, tuple[ExitStack, Session]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seals.close()
        self.beside.close()
        for bank in list(self._sessions):
            self.drop(bank)

    @property
    def now(self) -> datetime:
        """The present moment, in UTC."""
        return self.clock.now()

    # -- sessions

    def session(self, bank: str, host: str = "") -> Session:
        """This sweep's session at `bank` (at `host`, when given); raises NotNow."""
        if bank in self._sessions:
            session = self._sessions[bank][1]
            if host in {"", session.host}:
                return session
            self.drop(bank)
        self._may_speak(self.services.banks[bank])
        return self._log_in(bank, host)

    def fresh_session(self, bank: str, host: str) -> Session:
        """A new login at that very host: what an earlier one asked for has no say in this one."""
        self.drop(bank)
        return self.session(bank, host)

    def drop(self, bank: str) -> None:
        """Close the session: after an unclear answer nothing it says is proof."""
        stack, _ = self._sessions.pop(bank, (ExitStack(), None))
        try:
            stack.close()
        except H2HError as error:
            self.log.event("logout_failed", bank=bank, because=str(error))

    def lost(self, bank: str, error: H2HError) -> None:
        """The bank's server stopped answering in the middle: log out and come back later."""
        self.drop(bank)
        self._failed(bank, error)

    def _may_speak(self, terms: BankTerms) -> None:
        self.stop_button(terms.name)
        if terms.name in self.unreachable:
            raise NotNow(self.unreachable[terms.name], self.ledger.health(terms.name).due_at)
        closed_until = window_end(self.now, terms.closed, terms.zone)
        if closed_until is not None:
            words = say("{bank} is closed for maintenance", bank=terms.name)
            raise NotNow(words, closed_until)
        health = self.ledger.health(terms.name)
        waits = self.patient or health.login_failures > 0
        if waits and health.due_at is not None and health.due_at > self.now:
            raise NotNow(health.because, health.due_at)

    def stop_button(self, bank: str) -> None:
        """Raises NotNow while everything, or this bank, is paused."""
        for pause in self.ledger.pauses():
            if pause.bank in {"", bank}:
                raise NotNow(say("paused by {who}: {reason}", who=pause.who, reason=pause.reason))

    def _log_in(self, bank: str, host: str) -> Session:
        stack = ExitStack()
        try:
            session = stack.enter_context(self.services.servers[bank].session(host))
        except (Transient, LoginRefused, HostKeyChanged) as error:
            raise self._failed(bank, error) from error
        self._sessions[bank] = (stack, session)
        health = self.ledger.health(bank)
        old = health.contact is None or self.now - health.contact >= _SELDOM
        if health.failures or health.login_failures or old:
            self.ledger.set_health(Health(bank, 0, 0, None, "", self.now))
        return session

    def _failed(self, bank: str, error: H2HError) -> NotNow:
        """Remember a failed login, so that the next one comes later and not for ever."""
        health, now = self.ledger.health(bank), self.now
        refused = isinstance(error, LoginRefused)
        logins = health.login_failures + refused
        pause = back_off(health.failures + 1)
        if refused:
            pause = max(pause, _AFTER_LOGIN_FAILURE * logins)
        because = str(error)
        told = (health.failures + 1, logins, now + pause, because, health.contact)
        self.ledger.set_health(Health(bank, *told))
        self.unreachable[bank] = because
        self.log.event("bank_unreachable", bank=bank, because=because)
        if isinstance(error, HostKeyChanged):
            self.log.event("host_key_changed", bank=bank, because=because)
        if logins >= MOST_LOGIN_FAILURES:
            words = (
                f"login refused {logins} times; mend the key or password, then `h2h resume {bank}`"
            )
            self.ledger.pause(bank, "h2h", words, now)
        return NotNow(because, now + pause, failed=True)

    # -- moves

    def move(
        self, file: File, target: State, because: str = "", change: Change | None = None
    ) -> File | None:
        """Move a file on; None when somebody else moved it meanwhile."""
        moved = self.ledger.move(file, target, self.now, because=because, change=change)
        if moved is not None:
            self.log.event(
                "moved",
                file_id=file.id,
                name=file.name,
                bank=moved.bank,
                source=file.state,
                target=moved.state,
                because="" if moved.confidential else because,
            )
        return moved

    def wait(self, file: File, until: datetime | None, because: str, *, failed: bool) -> None:
        """Leave a file where it is, and say why."""
        if failed and until is None:
            until = self.now + back_off(file.failures + 1)
        if (file.due_at, file.due_because) != (until, because):
            self.ledger.wait(file, until, because, failed=failed)
            self.log.event("waiting", file_id=file.id, name=file.name, because=because)


Step = Callable[[File, Sweep], File | None]


def original_of(file: File, sweep: Sweep) -> Path:
    """A payment file as the ERP dropped it: our private copy."""
    return sweep.services.archive.path(file.id, "original.xml")


def terms_of(file: File, sweep: Sweep) -> BankTerms:
    """The terms of a file's bank; raises KeyError only for a file that was never routed."""
    return sweep.services.banks[file.bank or ""]


# ------------------------------------------------------------------------------------- bank files


def download_of(file: File, terms: BankTerms) -> Download:
    """How it was fetched; a table that has gone from the config is treated as a message."""
    if 0 <= file.download < len(terms.downloads):
        return terms.downloads[file.download]
    return Download(file.remote_folder, "*")


def content_of(file: File, sweep: Sweep) -> Path:
    """What to read: the opened file, or what came when it came in clear."""
    if download_of(file, terms_of(file, sweep)).sealed:
        return sweep.services.archive.path(file.id, OPENED)
    return sweep.services.archive.receive(file.id)


def message_of(file: File, sweep: Sweep) -> BankMessage:
    """A bank file, read."""
    terms = terms_of(file, sweep)
    return sweep.services.messages.read(content_of(file, sweep), terms.largest_file, terms.slips)
