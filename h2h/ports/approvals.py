"""What the ledger keeps of policies and approvals, and of who may act at the desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from h2h.core.approval import AccountSum, Demand, Group
from h2h.ports.rows import File, MoveRow


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for when a file began to wait for approvals."""

    file_id: str
    content: str  # sha256 of exactly what will be sealed
    terms: str  # hash of the policies and of the bank's configuration in force
    count: int
    groups: tuple[Group, ...]
    because: str
    involved: tuple[str, ...]  # operators who dropped the file or configured: never enough alone
    at: datetime

    @property
    def demand(self) -> Demand:
        """The same for core.approval."""
        return Demand(self.count, self.groups, (self.because,))


@dataclass(frozen=True, slots=True)
class Approval:
    """One person's yes, bound to content and terms; `move` is its link of the chain."""

    file_id: str
    operator: str
    content: str
    terms: str
    reason: str
    at: datetime
    move: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the approvals of a file are: who said yes so that it counts, the first one first, and
    what is missing, in words."""

    given: tuple[str, ...]
    missing: str


@dataclass(frozen=True, slots=True)
class Creditors:
    """Accounts in a file that nothing was paid to before; `changed` of them under a known name."""

    new: int
    changed: int


class Approvals(Protocol):
    """The part of the ledger that approvals live in."""

    def account_sums(self, file: File) -> Sequence[AccountSum]:
        """What an admitted file moves by account and currency; counted once a content."""
        ...

    def sums_gone(
        self, bank: str, day: date, besides: File, since: datetime
    ) -> Sequence[AccountSum]:
        """The same of all that went to `bank` on its `day`, which began at `since`, or is on its
        way there; once `besides` is approved, what is not yet counts behind it. Raises Corrupt when
        the chain tells otherwise of one of these files."""
        ...

    def creditors(self, file: File) -> Creditors:
        """Compared with the payments of all files that went to a bank, or are approved; an account
        is known only as far as the chain tells of these payments."""
        ...

    def ask_approval(
        self, file: File, demand: Demand, terms: str, involved: Sequence[str], now: datetime
    ) -> File | None:
        """Remember what is asked, and move VALID or APPROVED -> AWAITING_APPROVAL.

        A file that waits already stays where it is; None when somebody moved it.
        """
        ...

    def asked_of(self, file_id: str) -> Asked | None:
        """What the file was asked for when it began to wait; None: nothing was."""
        ...

    def approvals(self, file_id: str) -> Sequence[Approval]:
        """All that were given, those of other content or other terms too, the oldest first."""
        ...

    def approve(
        self, file: File, content: str, terms: str, who: str, reason: str, now: datetime
    ) -> File | None:
        """One approval of a waiting file and its link of the chain, in one transaction; with the
        last one that is missing the file is approved.

        `content` and `terms` are what the person looked at. Raises Refused when they are not those
        that are asked for, or the person approved them before; None when the file moved on.
        """
        ...

    def counting(self, asked: Asked) -> Sequence[Approval]:
        """Those of `approvals` that count now: for what is asked for, by who may still approve."""
        ...

    def progress(self, file_ids: Sequence[str]) -> Mapping[str, Progress]:
        """Of those files that were asked for approvals, how far they are."""
        ...

    def waiting_for(self, asked: Asked) -> str:
        """What is still missing, in words; "" when the approvals suffice."""
        ...

    def broken_path(self, file: File) -> str:
        """Why the ledger's word on a file is not what the chain tells, "" when it is.

        The moves of the file, each with its hash, must lead from the door to the state that it is
        in, under its content; each approval must be the link of the chain that it names; and what
        is read of the file to judge it must be what was noted when it was claimed and checked:
        see h2h.core.noted.
        """
        ...


# -------------------------------------------------------------------------------------- operators


@dataclass(frozen=True, slots=True)
class Operator:
    """A person at the desk. What proves it is him stays in the ledger."""

    name: str
    os_user: str  # of the shell; "" for none
    roles: tuple[str, ...]
    active: bool
    has_password: bool
    has_totp: bool
    created: datetime


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session of the console. `must_change`: its password was set by somebody else, so that it
    has no role until the operator has set one of his own."""

    operator: str
    roles: tuple[str, ...]
    must_change: bool
    since: datetime
    address: str


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session that is open. `id` names it to people, and opens nothing."""

    id: str
    operator: str
    address: str
    since: datetime
    seen: datetime  # used last, give or take a minute


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that waits for a second person, or did.

    `kind` is add, remove, role, password, totp, config, retention or unhold; `subject` an operator,
    the sections of the configuration, or a legal hold; `details` what is told of it (never a
    secret). `second_half` is told once, to whoever confirms a password: see Operators.decide.
    """

    id: int
    kind: str
    subject: str
    details: Mapping[str, Sequence[str]]
    who: str
    reason: str
    at: datetime
    outcome: str = ""  # confirmed | refused | superseded
    decided_by: str = ""
    decided: datetime | None = None
    second_half: str = ""


class Operators(Protocol):
    """The part of the ledger that operators, their sessions and changes by two persons live in."""

    def operators(self) -> Sequence[Operator]:
        """Everybody there is or was, by name."""
        ...

    def operator(self, name: str) -> Operator | None:
        """An active operator."""
        ...

    def operator_of(self, os_user: str) -> Operator | None:
        """The active operator whom the operating system knows by this name."""
        ...

    def enrol(
        self,
        name: str,
        os_user: str,
        roles: Sequence[str],
        password: str,
        who: str,
        reason: str,
        now: datetime,
    ) -> None:
        """Add an operator at once: the first admins. Refused when there are enough of them, or the
        name or the user is taken. `password` "": none."""
        ...

    def propose(
        self,
        kind: str,
        subject: str,
        who: str,
        reason: str,
        now: datetime,
        *,
        roles: Sequence[str] = (),
        os_user: str = "",
        password: str = "",
    ) -> Proposal:
        """A change of operators that waits for a second admin. Refused when it cannot be made.

        `password` is the first half of a new one.
        """
        ...

    def proposals(self, *, all_of_them: bool = False) -> Sequence[Proposal]:
        """Those that wait; `all_of_them` with those that were decided."""
        ...

    def decide(
        self, number: int, who: str, reason: str, now: datetime, *, confirmed: bool
    ) -> Proposal:
        """Confirm (and make) or refuse a change, in one transaction. Refused when it is decided
        already, when `who` proposed it, or when it cannot be made any more.

        A new password is the half that was proposed and, right behind it, the `second_half` that
        is made here: neither of the two persons can sign in as a third one.
        """
        ...

    def insist_password(self, name: str, password: str, now: datetime) -> None:
        """Raise Refused unless it is his; wrong ones make him wait as signing in does."""
        ...

    def set_password(self, name: str, password: str, now: datetime) -> None:
        """An operator's own new password; all of his sessions end. Refused when it is too weak, or
        the present one."""
        ...

    def new_totp(self, name: str, now: datetime) -> str:
        """An operator's own new second factor; returns its otpauth:// address, told only once."""
        ...

    def sign_in(
        self, name: str, password: str, totp: str, address: str, now: datetime
    ) -> tuple[str, SignedIn]:
        """(token, session). Raises Refused, in the same words whatever was wrong, and makes the
        operator and the address wait longer after each of several failures, never for ever."""
        ...

    def session(self, token: str, now: datetime, *, used: bool = True) -> SignedIn | None:
        """The session of a token; None when it ended, was revoked, or its operator left. Not `used`
        by a person, as when a page looks by itself, it does not last longer for that."""
        ...

    def session_id(self, token: str) -> str:
        """What names the session of this token among `sessions`."""
        ...

    def sessions(self, now: datetime) -> Sequence[SessionRow]:
        """All that are open, by operator, the newest first."""
        ...

    def revoke(self, session: str, who: str, now: datetime) -> bool:
        """End one session; False when there is no such one open."""
        ...

    def sign_out(self, token: str, now: datetime) -> None:
        """End one session."""
        ...

    def revoke_all(self, name: str, who: str, now: datetime) -> int:
        """End all sessions of an operator; how many there were."""
        ...

    def room_moves(self, beginning: str) -> Sequence[MoveRow]:
        """Links of the chain that belong to no file, whose target begins so: `operator-` (changes
        of operators), `sign-` (access), `config-` (changes of the configuration)."""
        ...

    # -- the configuration

    def configured(
        self,
        sections: Mapping[str, Mapping[str, str]],
        who: str,
        now: datetime,
    ) -> Proposal | None:
        """What h2h is configured with: hashes by key, by section (`banks.NAME`, `policies`, `h2h`,
        and a file that one names, `banks.NAME.schema`).

        Remembered at once at the first start and while there are no operators; otherwise the change
        waits for a second person.
        """
        ...

    def config_in_force(self) -> Mapping[str, str]:
        """The hash of each section that is remembered and confirmed."""
        ...
