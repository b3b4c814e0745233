"""What the flows need from outside, as Protocols and frozen terms; the adapters fulfil them.

Every act on the outside world goes through one of these methods, so that a test can stop the
process before and after each of them. Each method is either repeatable or says what it leaves
behind when it is cut.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from h2h.core.approval import Policies
from h2h.core.retention import Rule
from h2h.core.words import Translate
from h2h.ports.alerts import AlertRow, Backlog, Batch, Channel, Disk, Expiry, Watch
from h2h.ports.approvals import (
    Approval,
    Approvals,
    Asked,
    Creditors,
    Operator,
    Operators,
    Progress,
    Proposal,
    SessionRow,
    SignedIn,
)
from h2h.ports.formats import (
    REPORTS,
    BankMessage,
    Export,
    Exporter,
    Messages,
    Refusal,
    Source,
)
from h2h.ports.ledger import Ledger
from h2h.ports.measures import FilesThere, Measures, Step
from h2h.ports.outside import (
    Archive,
    Bank,
    Clock,
    Content,
    Desktop,
    Door,
    Log,
    RemoteFile,
    Sealer,
    Seen,
    Session,
)
from h2h.ports.proof import (
    Announcement,
    Dossier,
    HeadExport,
    Reinstated,
    Snapshot,
    Unreadable,
    Wanted,
)
from h2h.ports.reporting import Printer, ReportTerms
from h2h.ports.retention import Erasure, Retention
from h2h.ports.rows import (
    BalanceRow,
    Booked,
    Change,
    Clash,
    ExportRow,
    File,
    HandOver,
    Health,
    Link,
    Made,
    MoveRow,
    Pause,
    PaymentRow,
    RecalledRow,
    RecallRow,
    Request,
    StatementRow,
    Told,
    TracedPayment,
    TraceEvent,
)
from h2h.ports.terms import EVERYBODY, BankTerms, DoorTerms, Download, FormTerms, Receiver
from h2h.ports.views import Counts, Found, FoundPayment, Sum, Views, Wish

__all__ = [
    "EVERYBODY",
    "REPORTS",
    "AlertRow",
    "Announcement",
    "Approval",
    "Approvals",
    "Archive",
    "Asked",
    "Backlog",
    "BalanceRow",
    "Bank",
    "BankMessage",
    "BankTerms",
    "Batch",
    "Booked",
    "Change",
    "Channel",
    "Clash",
    "Clock",
    "Content",
    "Counts",
    "Creditors",
    "Desktop",
    "Disk",
    "Door",
    "DoorTerms",
    "Dossier",
    "Download",
    "Erasure",
    "Expiry",
    "Export",
    "ExportRow",
    "Exporter",
    "File",
    "FilesThere",
    "FormTerms",
    "Found",
    "FoundPayment",
    "HandOver",
    "HeadExport",
    "Health",
    "Ledger",
    "Link",
    "Log",
    "Made",
    "Measures",
    "Messages",
    "MoveRow",
    "Operator",
    "Operators",
    "Pause",
    "PaymentRow",
    "Printer",
    "Progress",
    "Proposal",
    "RecallRow",
    "RecalledRow",
    "Receiver",
    "Refusal",
    "Reinstated",
    "RemoteFile",
    "ReportTerms",
    "Request",
    "Retention",
    "Sealer",
    "Seen",
    "Services",
    "Session",
    "SessionRow",
    "SignedIn",
    "Snapshot",
    "Source",
    "StatementRow",
    "Step",
    "Sum",
    "Told",
    "TraceEvent",
    "TracedPayment",
    "Unreadable",
    "Views",
    "Wanted",
    "Watch",
    "Wish",
]


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a flow may touch, wired from the configuration."""

    environment: str
    ledger: Ledger
    archive: Archive
    messages: Messages
    exporter: Exporter
    desktop: Desktop
    clock: Clock
    log: Log
    doors: Sequence[Door]
    banks: Mapping[str, BankTerms]
    servers: Mapping[str, Bank]
    sealers: Mapping[str, Sealer]
    new_id: Callable[[], str]
    translate: Translate = str  # the language in which the ERP is answered
    receivers: Sequence[Receiver] = (EVERYBODY,)
    policies: Policies = field(default_factory=Policies)
    rates: Callable[[], Mapping[str, Decimal]] = dict  # what one unit of each currency is worth
    configured_by: str = ""  # the operating system's user who owns config.toml
    sections: Mapping[str, Mapping[str, str]] = field(
        default_factory=dict
    )  # see Operators.configured
    contents: Callable[[], Mapping[str, Mapping[str, str]]] = dict  # of the files that they name
    poison_attempts: int = 3  # deaths in the reading of one file until it is set aside; 0 for ever
    heads: Sequence[HeadExport] = ()  # where the chain's head is exported to
    channels: Sequence[Channel] = ()  # who is told
    watch: Watch = field(default_factory=Watch)
    metrics: Callable[[], bytes] = bytes  # what is measured, in the form that Prometheus reads
    metrics_token: Callable[[], str] | None = None  # what asks for them has to know it
    reports: Sequence[ReportTerms] = ()  # that make themselves
    printer: Printer | None = None  # makes PDF
    language: str = "en"  # the one of `translate`
    retention: Sequence[Rule] = ()  # how long what is kept
