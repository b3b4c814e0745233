"""The truth of state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from h2h.core.expected import Report
from h2h.core.payment import Payment
from h2h.core.position import Open, Owner, Reported
from h2h.core.problem import Problem
from h2h.core.recall import Resolution
from h2h.core.statement import Statement
from h2h.core.states import State
from h2h.core.status import StatusReport
from h2h.core.terms import Account
from h2h.ports.account_views import AccountViews
from h2h.ports.alerts import Alerts
from h2h.ports.approvals import Approvals, Operators
from h2h.ports.formats import BankMessage, Refusal
from h2h.ports.measures import Measures
from h2h.ports.outside import RemoteFile, Seen
from h2h.ports.proof import LedgerProof
from h2h.ports.reporting import Reporting
from h2h.ports.retention import Retention
from h2h.ports.rows import (
    BalanceRow,
    Change,
    ExportRow,
    File,
    HandOver,
    Health,
    Link,
    MoveRow,
    Pause,
    PaymentRow,
    RecalledRow,
    RecallRow,
    Request,
    StatementRow,
    Told,
    TracedPayment,
)
from h2h.ports.views import Views


class Ledger(
    Approvals,
    Operators,
    LedgerProof,
    Views,
    Alerts,
    Measures,
    AccountViews,
    Reporting,
    Retention,
    Protocol,
):
    """The truth of state. Each method that writes is one transaction, or nothing.

    A method that moves a file compares and sets: it returns None when the file was no longer in
    the state that the caller saw (somebody else moved it; read again), and raises ValueError for a
    move that the tables of core.states do not know.
    """

    def together(self) -> AbstractContextManager[None]:
        """All calls of this thread within are one transaction: committed at its end, or undone when
        anything is raised out of it or out of one of the calls. After one that raised, every
        further call raises Transient, and so does the end.

        Nothing within may act outside on the strength of what was written within.
        """
        ...

    # -- files

    def file(self, file_id: str) -> File | None: ...

    def files(
        self,
        states: Iterable[State] | None = None,
        *,
        direction: str | None = None,
        bank: str | None = None,
        due: datetime | None = None,
    ) -> Sequence[File]:
        """Files, oldest first; with `due` only those whose due_at is None or not after it."""
        ...

    def first_scan(self, door: str, present: Sequence[Seen], now: datetime) -> None:
        """Remember what lay in a door at its very first scan; later calls change nothing."""
        ...

    def claiming(self, seen: Seen, bank: str | None, file_id: str, now: datetime) -> File:
        """Commit the intent to claim; an unfinished claim of the same file is returned instead."""
        ...

    def move(
        self,
        file: File,
        target: State,
        now: datetime,
        *,
        because: str = "",
        who: str = "h2h",
        change: Change | None = None,
    ) -> File | None:
        """One lawful move with its facts; clears due_at, due_because, failures and begun.

        A move to HELD remembers `held_from`, the state that a release returns to: CLAIMED from
        CLAIMED or VALID, APPROVED from APPROVED, SEALED from SEALED or STAGED.
        """
        ...

    def wait(
        self, file: File, until: datetime | None, because: str, *, failed: bool
    ) -> File | None:
        """Leave the state, say why nothing happens yet; `failed` counts one more failure."""
        ...

    def begin(self, file: File) -> File | None:
        """Commit that a step begins in which the process may die: `begun` + 1; a move clears it."""
        ...

    def end(self, file: File) -> None:
        """The step that began came to an end, and moved nothing: `begun` is 0."""
        ...

    def same_bytes(self, file: File) -> File | None:
        """Another outgoing file with the same sha256 that went or may still go."""
        ...

    def admit(
        self,
        file: File,
        change: Change,
        holds: Sequence[Problem],
        payments: Iterable[Sequence[Payment]],
        similar_days: int,
        now: datetime,
    ) -> File | None:
        """Let a checked file in, in one write transaction: the uniqueness rules, its payments, and
        the move CLAIMED -> VALID, or HELD when `holds` (waived rules already left out) or a similar
        payment asks for a person, or DUPLICATE (same bytes, or same message id at this bank).

        The clash is added to the file's problems with the rule ids `duplicate-file`,
        `duplicate-message`, `similar-payment`. Payments of an earlier check are replaced.
        """
        ...

    def gone(self, bank: str, day: date, besides: File) -> Mapping[str, Decimal]:
        """The sums by currency of what went to `bank` on its `day` or is on its way there.

        Neither the file `besides` nor what is held or was refused by the bank counts.
        """
        ...

    def elsewhere(self, file: File, payments: Iterable[Sequence[Payment]], since: datetime) -> str:
        """The id of another file that went or may still go, whatever became of it since, and has
        the file's message id at its bank or a payment of `payments`: "" when there is none.

        A payment is the same when it has the EndToEndId, or is so alike that it would hold a file
        and was made after `since`. A file with this message id whose refusal the ERP was told by a
        status report counts too.
        """
        ...

    def waived(self, file: File) -> frozenset[str]:
        """Rules that a person waived for exactly this content."""
        ...

    def waive(
        self, file: File, rules: Sequence[str], who: str, reason: str, now: datetime
    ) -> File | None:
        """Record waivers bound to the file's sha256; None when any move came after `file` was seen:
        it may be held for more than the person knows."""
        ...

    def note(self, file: File, because: str, who: str, now: datetime) -> File | None:
        """A link of the chain that moves nothing: what a person said of a file; None when any move
        came after `file` was seen."""
        ...

    def reserve(
        self, file: File, name: Callable[[int], str], folder: str, now: datetime, *, gap_free: bool
    ) -> File | None:
        """Begin the next attempt: `attempt` + 1 and, the first time, the final name.

        `name(sequence)` makes the name from the next number of this bank. Raises Refused when that
        name is taken at this bank and folder, Transient when `gap_free` and another file of
        the bank holds a reservation (is reserved, and not yet proven delivered or cancelled).
        A cancelled file hands its number on when `gap_free`.
        """
        ...

    def unrecorded(self) -> Sequence[File]:
        """Files with moves that their dossier and the ERP's answer do not show yet, and outgoing
        files with hand-overs that are committed but not done."""
        ...

    def recorded(self, file: File, last_move: int) -> None:
        """Dossier and answer show every move up to `last_move`."""
        ...

    def moves(self, file_id: str | None = None) -> Sequence[MoveRow]: ...

    def newest_move(self) -> int:
        """The sequence of the newest move, 0 before there is one: has anything happened?"""
        ...

    def payments(self, file_id: str) -> Sequence[PaymentRow]: ...

    def payments_named(self, end_to_end_id: str) -> Sequence[PaymentRow]:
        """Payments of files that went or may still go, by their EndToEndId, oldest file first."""
        ...

    # -- recalls

    def recall(
        self,
        original: File,
        recall_id: str,
        *,
        payments: Sequence[str],
        batches: Sequence[str],
        code: str,
        who: str,
        reason: str,
        now: datetime,
    ) -> File | None:
        """Commit the intent to recall: an outgoing file `claiming`, what it asks back, and a link
        of the chain for both files.

        `payments` are EndToEndIds, `batches` ids of batches; without either the whole file is
        meant. Only what is still with the bank is asked back. None when somebody moved the
        original; Refused when a name fits no payment, or several, nothing is left to ask back, or
        a recall that is not answered yet, or was granted, asks for one of them.
        """
        ...

    def recall_of(self, file_id: str) -> RecallRow | None:
        """The recall that is this file."""
        ...

    def recalls(self, original_id: str) -> Sequence[RecallRow]:
        """The recalls of a payment file, oldest first."""
        ...

    def recalled(self, file_id: str) -> Sequence[RecalledRow]:
        """The payments that a recall asks back, in the order of the original."""
        ...

    def resolve(self, file: File, resolution: Resolution, now: datetime) -> Told | None:
        """Apply the bank's answer to a recall in one transaction and move READ -> BOOKED (DUPLICATE
        for one that was applied before).

        What is recalled is cancelled, unless it is booked: then the money comes back as an entry.
        An answer that fits no recall of ours moves nothing and is an alarm. It proves arrival, and
        comes too early, as a status report does. None: somebody moved the file.
        """
        ...

    def trace(self, end_to_end_id: str) -> Sequence[TracedPayment]:
        """The whole life of each payment with this EndToEndId."""
        ...

    # -- bank files

    def known(self, bank: str, folder: str, remote: Sequence[RemoteFile]) -> frozenset[str]:
        """Names among `remote` that were fetched already with this very size and mtime."""
        ...

    def fetched(
        self,
        file_id: str,
        bank: str,
        download: int,
        folder: str,
        remote: RemoteFile,
        sha256: str,
        size: int,
        now: datetime,
    ) -> File:
        """Record a bank file whose raw bytes are flushed in the archive."""
        ...

    def book(
        self,
        file: File,
        message: BankMessage,
        our_accounts: Sequence[Account],
        now: datetime,
    ) -> File | None:
        """Book what deserves it while the message is read, in one transaction, and move READ ->
        BOOKED or DUPLICATE with what was found wrong.

        Each statement gets an outcome: booked (flags `first`, `gap`, `overlap`), duplicate, held
        (unknown account, does not balance) with its reason, or superseded. Of two versions of one
        statement the one that the bank made later is booked, whichever came first. Raises Corrupt
        when the message turns out to be none; nothing is booked then.
        """
        ...

    def release_statement(
        self, statement_id: str, who: str, reason: str, now: datetime
    ) -> StatementRow | None:
        """held -> booked by a person, or the end of a hand-over's wait; None when neither fits."""
        ...

    def reject_statement(
        self, statement_id: str, who: str, reason: str, now: datetime
    ) -> StatementRow | None:
        """held -> rejected by a person; None when it is not held."""
        ...

    def tell(
        self, file: File, report: StatusReport, now: datetime, *, rejects_only: bool
    ) -> Told | None:
        """Apply a status report in one transaction and move READ -> BOOKED (DUPLICATE for a report
        whose message id and content were applied before).

        A report that names a file `delivering` or `in_doubt` proves its arrival: `sent` is written
        first, in the same transaction. One that names a file before `delivering` is an alarm and
        holds that file. None: somebody moved the file.
        """
        ...

    def acknowledge(self, file: File, text: str, now: datetime) -> Told | None:
        """Apply a declared acknowledgement and move READ -> BOOKED.

        The outgoing file of this bank whose final name occurs in `text` becomes `acknowledged`,
        over `sent` where it was in doubt.
        """
        ...

    def document(self, file: File, now: datetime, reference: str = "") -> File | None:
        """Move a declared document READ -> BOOKED, or DUPLICATE when its bytes were here before.

        `reference` is the bank's, of the entry that it belongs to.
        """
        ...

    def statements(
        self, file_id: str | None = None, *, account: str | None = None
    ) -> Sequence[StatementRow]: ...

    def undecided(self) -> Sequence[StatementRow]:
        """Statements that are held, and those whose hand-over waits for a person."""
        ...

    def statement(self, statement_id: str) -> Statement | None:
        """A statement that is kept, as it was read; its entries come from the ledger when they are
        walked. None for one that is not there or a duplicate."""
        ...

    def shared_entries(self, statement_id: str) -> int:
        """How many entries of a statement the others of its account and kind, of the same days,
        tell too; of honest twins as many as the others have."""
        ...

    def unassigned(self, file_id: str) -> Sequence[StatementRow]:
        """Booked statements of a file of which nobody has decided yet who receives them; without
        those that a person must release."""
        ...

    def links(self, file_id: str) -> Sequence[Link]:
        """Of a document the booked entries that its reference names; of any other file the
        documents of its booked entries."""
        ...

    def reports(self, owner: Owner, since: date | None = None) -> Sequence[Report]:
        """The booked end-of-day statements of an account in the order of the books; with `since`
        those of that day or later, and the one before them."""
        ...

    def balances(self, as_of: date | None = None) -> Sequence[BalanceRow]:
        """The newest booked closing balance of every account, not later than `as_of`."""
        ...

    def pending(self) -> Sequence[Reported]:
        """What the banks have told of each account since its newest booked closing balance.

        Pending is what the newest report shows so and none as booked. What intraday reports show as
        booked is counted once, by the bank's reference, else by all that an entry says.
        """
        ...

    def open_payments(self) -> Sequence[Open]:
        """Payments in files that were announced to a bank, instructed to accepted, by account and
        day. What the bank shows as a pending entry already is left out: it counts there."""
        ...

    def remote_pending(self, bank: str) -> Sequence[File]:
        """Bank files with an outcome whose `after` at the bank is still to be done."""
        ...

    def remote_done(self, file: File) -> None: ...

    # -- handing over

    def handing_over(
        self,
        file: File,
        handed: Sequence[HandOver],
        exports: Sequence[ExportRow] = (),
        *,
        recorded: int | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        """Commit names and hashes of flushed temporaries before any of them is renamed.

        `exports` are done, or held, when `handed_over` comes; `recorded` is written in the
        same transaction, so that an answer is made once. So is that a `refusal` is among what is
        handed over: the file bears its message id from then on, and the chain has a link for it.
        """
        ...

    def pending_hand_overs(self, file: File) -> Sequence[HandOver]:
        """In the order in which they appear."""
        ...

    def handed_over(self, file: File, receiver: str = "") -> None:
        """Everything of the file that was on its way to `receiver` is there.

        Documents that waited for entries of these statements are due to it now.
        """
        ...

    def assign(
        self,
        file: File,
        statements: Sequence[str],
        wanted: Sequence[ExportRow],
        *,
        again: bool = False,
    ) -> None:
        """Decide in one transaction who receives what; `wanted` that is there already stays.

        `statements` are decided with that, received by somebody or not. With `again`, what is held
        of the file is due once more.
        """
        ...

    def exports(self, file_id: str) -> Sequence[ExportRow]:
        """Who receives what of a bank file, and how far it is."""
        ...

    def stuck(self) -> Sequence[ExportRow]:
        """What waits for something before it can be handed over, and what is held at a receiver."""
        ...

    def exportable(self, due: datetime | None = None) -> Sequence[File]:
        """Bank files that were done, and have something to hand over again."""
        ...

    def let_through(self) -> None:
        """Make due what waits for an earlier statement of its account, where it is there now.

        A statement waits while the one before it is missing, or an earlier one is held or not
        handed over yet. One that was superseded meanwhile is not handed over any more.
        """
        ...

    # -- the room

    def pause(self, bank: str, who: str, reason: str, now: datetime) -> None: ...

    def resume(self, bank: str, who: str, reason: str, now: datetime) -> bool:
        """False when nothing was paused. Also clears the bank's failures."""
        ...

    def pauses(self) -> Sequence[Pause]: ...

    def health(self, bank: str) -> Health: ...

    def set_health(self, health: Health) -> None: ...

    def slot(self, key: str, now: datetime) -> bool:
        """Take a timetable slot (bank, job, business date, time); False when it was taken."""
        ...

    def taken(self, beginning: str) -> Sequence[str]:
        """The slots taken whose key begins so."""
        ...

    def insist(self) -> None:
        """Go on only as the one that holds this ledger, if this process ever took its lock.

        A lock that was lost with its session is taken again. Raises Refused when another h2h has
        it by now, Transient when the database does not answer.
        """

    def lock(self) -> AbstractContextManager[None]:
        """Hold this ledger alone, as the daemon does; Refused when another h2h has it."""
        ...

    def ask(self, verb: str, bank: str, now: datetime) -> int: ...

    def asked(self) -> Sequence[Request]: ...

    def answer(self, request: int, answer: str) -> bool:
        """Close an open request; False when it is answered, or withdrawn, already."""
        ...

    def request(self, request: int) -> Request | None: ...
