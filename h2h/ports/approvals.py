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
class Creditors:
    """Accounts in a file that nothing was paid to before; `changed` of them under a known name."""

    new: int
    changed: int


class Approvals(Protocol):
    """The part of the ledger that approvals live in."""

    def account_sums(self, file: File) -> Sequence[AccountSum]:
        """What an admitted file moves by account and currency; counted once a content."""
        ...

    def sums_gone(self, bank: str, day: date, besides: File) -> Sequence[AccountSum]:
        """The same of all that went to `bank` on its `day` or is on its way there."""
        ...

    def creditors(self, file: File) -> Creditors:
        """Compared with the payments of all files that went to a bank, or are approved."""
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

    def waiting_for(self, asked: Asked) -> str:
        """What is still missing, in words; "" when the approvals suffice."""
        ...

    def broken_path(self, file: File) -> str:
        """Why the ledger's word on a file is not what the chain tells, "" when it is.

        The moves of the file, each with its hash, must lead from the door to the state that it is
        in, under its content; and each approval must be the link of the chain that it names.
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
class Proposal:
    """A change that waits for a second person, or did.

    `kind` is add, remove, role, password, totp or config; `subject` an operator, or the sections of
    the configuration; `details` what is told of it (never a secret).
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
        """A change of operators that waits for a second admin. Refused when it cannot be made."""
        ...

    def proposals(self, *, all_of_them: bool = False) -> Sequence[Proposal]:
        """Those that wait; `all_of_them` with those that were decided."""
        ...

    def decide(
        self, number: int, who: str, reason: str, now: datetime, *, confirmed: bool
    ) -> Proposal:
        """Confirm (and make) or refuse a change, in one transaction. Refused when it is decided
        already, when `who` proposed it, or when it cannot be made any more."""
        ...

    def insist_password(self, name: str, password: str, now: datetime) -> None:
        """Raise Refused unless it is his; wrong ones make him wait as signing in does."""
        ...

    def set_password(self, name: str, password: str, now: datetime) -> None:
        """An operator's own new password; all of his sessions end. Refused when it is too weak."""
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

    def session(self, token: str, now: datetime) -> SignedIn | None:
        """The session of a token; None when it ended, was revoked, or its operator left."""
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
