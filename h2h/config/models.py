"""The shape of config.toml: one frozen model a table, every value ready for use.

`docs/config.md` documents each key; a test holds the two together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import time as Time  # noqa: N812  a key is called time
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal, get_args, get_origin
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, PrivateAttr

from h2h.config import values
from h2h.config.secret import Secret
from h2h.core.approval import Then
from h2h.core.calendar import Window
from h2h.core.expected import StatementDays
from h2h.core.problem import Severity
from h2h.core.retention import Kind
from h2h.core.states import Confirm, Publish

Text = Annotated[str, PlainValidator(values.text)]
Filled = Annotated[str, PlainValidator(values.filled)]
LocalPath = Annotated[Path, PlainValidator(values.path)]
SecretReference = Annotated[Secret, PlainValidator(values.secret)]
RemoteFolder = Annotated[str, PlainValidator(values.remote_folder)]
Fingerprint = Annotated[str, PlainValidator(values.fingerprint)]
RuleId = Annotated[str, PlainValidator(values.rule)]
SlipId = Annotated[str, PlainValidator(values.slip)]
BankName = Annotated[str, Field(pattern=r"^[a-z0-9-]+$", max_length=40)]
Bytes = Annotated[int, Field(ge=1, le=10**12)]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Timeout = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Days = Annotated[int, Field(ge=0, le=366)]
Minutes = Annotated[int, Field(ge=1, le=44_640)]
Currency = Annotated[str, PlainValidator(values.currency)]
AnyOrName = Annotated[str, PlainValidator(values.any_or_name)]
Sum = Annotated[Decimal, PlainValidator(values.amount)]
Closed = Annotated[tuple[Window, ...], PlainValidator(values.windows)]


class Table(BaseModel):
    """One table of config.toml: nothing unknown, nothing converted in silence, nothing changed."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)


class Door(Table):
    """`[banks.X.door]`, `[h2h.door]`: when a file that the ERP drops is taken for complete."""

    settle: Seconds = 2.0
    marker: Annotated[str, PlainValidator(values.marker)] = ""
    incomplete_wait: Seconds = 0.0
    seal: Literal["none", "sha256", "openpgp"] = "none"
    signers: tuple[Fingerprint, ...] = ()
    home: LocalPath | None = None
    confidential: bool = False


class Workspace(Table):
    """`[h2h]`: this installation."""

    environment: Literal["test", "production"]
    database: Annotated[str, PlainValidator(values.database)] = Field(
        default="sqlite:///ledger.db", validate_default=True
    )
    database_password: SecretReference | None = None
    language: Literal["en", "zh"] = "en"
    largest_file: Bytes = 1_000_000_000
    poison_attempts: Annotated[int, Field(ge=0, le=100)] = 3
    outbox: LocalPath = Field(default="outbox", validate_default=True)
    inbox: LocalPath = Field(default="inbox", validate_default=True)
    archive: LocalPath = Field(default="archive", validate_default=True)
    archive_key: Fingerprint | None = None
    archive_home: LocalPath | None = None
    archive_passphrase: SecretReference | None = None
    rates: LocalPath | None = None
    export_head: tuple[Annotated[str, PlainValidator(values.export_head)], ...] = ()
    cut_off_near: Minutes = 60
    silent_hours: Annotated[int, Field(ge=1, le=720)] = 4
    disk_free: Bytes = 1_000_000_000
    certificates: tuple[LocalPath, ...] = ()
    metrics_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    metrics_token: SecretReference | None = None
    door: Door = Door()


class Upload(Table):
    """How a file is put at the bank."""

    folder: RemoteFolder
    temporary: Annotated[str, PlainValidator(values.temporary)] = "{name}.{attempt}.tmp"
    publish: Annotated[Publish, PlainValidator(values.publish)] = Publish.RENAME


class Download(Table):
    """One folder at the bank that is fetched from."""

    folder: RemoteFolder
    pattern: Annotated[str, PlainValidator(values.pattern)] = "*"
    kind: Literal["message", "document", "ack"] = "message"
    after: Literal["delete", "move", "leave"] = "leave"
    move_to: RemoteFolder = ""
    seal: bool = True
    reference: Annotated[re.Pattern[str], PlainValidator(values.reference)] | None = None


class Timeouts(Table):
    """How long the server is waited for, in seconds."""

    connect: Timeout = 10.0
    login: Timeout = 30.0
    idle: Timeout = 30.0  # between two packets
    call: Timeout = 45.0  # one call, beside the time that its bytes may take
    slowest: Annotated[int, Field(ge=1, le=10**9)] = 16_384  # bytes a second


class Transport(Table):
    """What a bank's server and a bank's folder have in common."""

    upload: Upload
    download: tuple[Download, ...] = ()
    file_name: Annotated[str, PlainValidator(values.file_name)] = (
        "{customer}_{message}_{date:%Y%m%d}_{sequence:04}.xml.pgp"
    )


class Sftp(Transport):
    """`[banks.X.sftp]`: the bank's server."""

    hosts: Annotated[tuple[Annotated[str, PlainValidator(values.host)], ...], Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 22
    username: Filled
    private_key: SecretReference
    password: SecretReference | None = None
    host_keys: Annotated[
        tuple[Annotated[str, PlainValidator(values.host_key)], ...], Field(min_length=1)
    ]
    proxy: Annotated[str, PlainValidator(values.proxy)] | None = None
    timeouts: Timeouts = Timeouts()


class Folder(Transport):
    """`[banks.X.folder]`: a bank that is a folder, for rehearsals."""

    root: LocalPath


class Pgp(Table):
    """`[banks.X.pgp]`: how files are sealed, and whose seal is accepted."""

    home: LocalPath
    seal: Literal["sign+encrypt", "sign", "encrypt", "detached", "none"] = "sign+encrypt"
    sign_with: Fingerprint | None = None
    encrypt_to: tuple[Fingerprint, ...] = ()
    accept_from: tuple[Fingerprint, ...] = ()
    passphrase: SecretReference | None = None
    armor: bool = False
    compress: bool = True
    cipher: Literal["AES256", "AES192", "AES128", "TWOFISH", "CAMELLIA256", "3DES"] = "AES256"
    digest: Literal["SHA256", "SHA384", "SHA512", "SHA224", "SHA1"] = "SHA256"
    agents: Annotated[int, Field(ge=1, le=16)] = 1


class Account(Table):
    """`[[banks.X.accounts]]`: one of our accounts at this bank."""

    iban: Annotated[str, PlainValidator(values.iban_number)] = ""
    number: Text = ""
    bank_code: Text = ""
    currency: Currency
    entity: Text = ""
    statements: Annotated[StatementDays | None, PlainValidator(values.statement_days)] = Field(
        default="none", validate_default=True
    )
    statement_by: Annotated[Time, PlainValidator(values.clock_time)] = Field(
        default="09:00", validate_default=True
    )
    statement_days_after: Annotated[int, Field(ge=0, le=31)] = 1
    empty_statements: Literal["sent", "omitted"] = "sent"
    confidential: bool = False


class CutOff(Table):
    """One of `cut_offs`: until when the bank takes payments for an execution date."""

    scheme: AnyOrName = Field(default="*", validate_default=True)
    currency: AnyOrName = Field(default="*", validate_default=True)
    time: Annotated[Time, PlainValidator(values.clock_time)]
    days_before: Days = 0


class Limit(Table):
    """`[banks.X.limits]`, one currency: the largest amounts that the bank takes."""

    payment: Sum | None = None
    file: Sum | None = None
    day: Sum | None = None


class Bank(Table):
    """`[banks.X]`: everything that was agreed with one bank."""

    calendar: Annotated[str, PlainValidator(values.calendar)]
    zone: Annotated[ZoneInfo, PlainValidator(values.zone)]
    fetch: tuple[Annotated[str, PlainValidator(values.cron)], ...] = ()
    closed: tuple[Closed, ...] = ()
    customer: Filled
    gap_free: bool = False
    confirm: Annotated[Confirm, PlainValidator(values.confirm)] = Confirm.LIST
    doubt_deadline: Minutes = 60
    status_reports: Literal["all", "rejects-only"] = "all"
    refusals: Literal["none", "pain.002"] = "none"
    own_schema: LocalPath | None = Field(default=None, alias="schema")
    largest_file: Bytes | None = None
    profile: Annotated[str, PlainValidator(values.profile)] | None = None
    hybrid_addresses: bool | None = None
    purposes: tuple[Filled, ...] = ()
    regulatory_codes: tuple[Filled, ...] = ()
    past_date_tolerance: Days = 0
    cut_offs: tuple[CutOff, ...] = ()
    after_cut_off: Literal["warn", "hold", "refuse"] | None = None
    most_payments: Annotated[int, Field(ge=1, le=10**9)] | None = None
    limits: Mapping[Currency, Limit] = {}
    test_indicator: Filled | None = None
    similar_days: Days = 30
    rules: Mapping[RuleId, Annotated[Severity, PlainValidator(values.severity)]] = {}
    slips: Mapping[SlipId, Annotated[Severity, PlainValidator(values.slip_severity)]] = {}
    sftp: Sftp | None = None
    folder: Folder | None = None
    pgp: Pgp
    door: Door = Door()
    accounts: Annotated[tuple[Account, ...], Field(min_length=1)]

    @property
    def transport(self) -> Sftp | Folder:
        """How this bank is reached; exactly one of the two is there once `load` has checked."""
        transport = self.sftp or self.folder
        if transport is None:
            raise ValueError("a bank without sftp and without folder")
        return transport

    @property
    def closed_windows(self) -> tuple[Window, ...]:
        """All spans of `closed`; a span longer than a day makes several."""
        return tuple(chain.from_iterable(self.closed))

    def sealed(self, download: Download) -> bool:
        """Do files of `download` come sealed? In clear only where the configuration says so."""
        return download.seal and self.pgp.seal != "none"


Words = tuple[Filled, ...]
Kinds = tuple[Literal["statement", "intraday", "notification"], ...]


class Form(Table):
    """One of the `forms` of a receiver: what its statements look like."""

    form: Literal[
        "original",
        "camt.02",
        "camt.04",
        "camt.06",
        "camt.08",
        "mt940",
        "mt942",
        "bai2",
        "csv",
        "jsonl",
        "xlsx",
    ]
    columns: Words = ()
    headings: Words = ()
    separator: Annotated[str, PlainValidator(values.separator)] = ","
    decimal_mark: Literal[".", ","] = "."
    encoding: Literal["utf-8", "utf-8-sig", "gb18030", "latin-1"] = "utf-8"
    date_format: Annotated[str, PlainValidator(values.date_format)] = "%Y-%m-%d"
    header: bool = True
    rows: Literal["transactions", "entries"] = "transactions"
    booked: bool = False
    kinds: Annotated[Kinds, Field(min_length=1)] = ("statement", "intraday", "notification")
    ending: Annotated[str, PlainValidator(values.marker)] = ""
    bank: Text = ""
    customer: Text = ""


class Export(Table):
    """`[[export]]`: who gets what of the banks' files; what is left out the preset decides."""

    name: BankName
    preset: Annotated[str, PlainValidator(values.preset)] | None = None
    forms: Annotated[tuple[Form, ...], Field(min_length=1)] | None = None
    banks: Words = ()
    accounts: Words = ()
    entities: Words = ()
    split: Literal["file", "account"] | None = None
    in_order: bool | None = None
    marker: Annotated[str, PlainValidator(values.marker)] | None = None
    file_name: Annotated[str, PlainValidator(values.export_name)] | None = None
    longest_name: Annotated[int, Field(ge=40, le=200)] | None = None
    folder: LocalPath | None = None
    status_reports: bool | None = None
    documents: Annotated[str, PlainValidator(values.documents)] | None = None


Unusual = Annotated[Then, PlainValidator(values.then)]


class Policy(Table):
    """`[[policies]]`: which payment files need whose approval."""

    name: BankName
    approvals: Annotated[int, Field(ge=0, le=9)] = 1
    members: Words = ()
    banks: Words = ()
    accounts: Words = ()
    entities: Words = ()
    currencies: tuple[Currency, ...] = ()
    above: Sum | None = None
    day_above: Sum | None = None
    amounts_in: Currency | None = None
    new_creditor: Unusual = Field(default="nothing", validate_default=True)
    changed_creditor: Unusual = Field(default="nothing", validate_default=True)
    after_cut_off: Unusual = Field(default="nothing", validate_default=True)


class Mail(Table):
    """`mail` of a channel: by SMTP."""

    server: Annotated[str, PlainValidator(values.host)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 587
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    username: Text = ""
    password: SecretReference | None = None
    sender: Annotated[str, PlainValidator(values.mail_address)]
    to: Annotated[
        tuple[Annotated[str, PlainValidator(values.mail_address)], ...], Field(min_length=1)
    ]


class Webhook(Table):
    """`webhook` of a channel: a POST of JSON."""

    url: Annotated[Secret | str, PlainValidator(values.web_address)]
    token: SecretReference | None = None


class Apprise(Table):
    """`apprise` of a channel: addresses that hold their secrets, so only where they are."""

    urls: Annotated[tuple[SecretReference, ...], Field(min_length=1)]


class Channel(Table):
    """`[[alerts]]`: who is told of what, and how."""

    name: BankName
    mail: Mail | None = None
    webhook: Webhook | None = None
    apprise: Apprise | None = None
    events: tuple[Annotated[str, PlainValidator(values.alert_event)], ...] = ()
    severities: Annotated[
        tuple[Literal["critical", "warning", "info"], ...], Field(min_length=1)
    ] = ("critical", "warning")
    banks: Words = ()
    collect: Seconds = 60.0
    timeout: Timeout = 20.0


class Retention(Table):
    """`[[retention]]`: how long what is kept; without any, for ever."""

    years: Annotated[int, Field(ge=1, le=100)]
    kinds: tuple[Annotated[Kind, PlainValidator(values.kind)], ...] = ()
    accounts: Words = ()


ReportKind = Literal["position", "movements", "rejects", "turnaround", "fees", "reconciliation"]


class Report(Table):
    """`[[reports]]`: what makes itself, when, and who gets it."""

    name: BankName
    kinds: Annotated[tuple[ReportKind, ...], Field(min_length=1)]
    every: Literal["day", "month"] = "day"
    time: Annotated[Time, PlainValidator(values.clock_time)] = Field(
        default="07:00", validate_default=True
    )
    zone: Annotated[ZoneInfo, PlainValidator(values.zone)] = Field(
        default="UTC", validate_default=True
    )
    calendar: Annotated[str, PlainValidator(values.calendar)] | None = None
    formats: Annotated[
        tuple[Literal["html", "pdf", "xlsx", "csv", "json"], ...], Field(min_length=1)
    ] = ("html", "csv")
    banks: Words = ()
    accounts: Words = ()
    entities: Words = ()
    mail_to: Words = ()
    mail_by: Text = ""


class Config(Table):
    """The whole of config.toml."""

    h2h: Workspace
    banks: Annotated[Mapping[BankName, Bank], Field(min_length=1)]
    export: tuple[Export, ...] = ()
    policies: tuple[Policy, ...] = ()
    alerts: tuple[Channel, ...] = ()
    retention: tuple[Retention, ...] = ()
    reports: tuple[Report, ...] = ()
    _owner: str = PrivateAttr("")

    @property
    def owner(self) -> str:
        """The operating system's user who owns config.toml, and so may have configured."""
        return self._owner

    def owned_by(self, user: str) -> Config:
        """The same, known to be that user's."""
        self._owner = user
        return self


def tables_and_keys(
    model: type[Table] = Config, above: str = ""
) -> Iterator[tuple[str, type[Table], str]]:
    """Every key there is: (table, model, key), the table as `banks.*.sftp.download[]`."""
    for name, info in model.model_fields.items():
        key = info.alias or name
        yield above, model, key
        for inner, suffix in _tables_in(info.annotation):
            yield from tables_and_keys(inner, f"{above}.{key}{suffix}".removeprefix("."))


def _tables_in(annotation: object, suffix: str = "") -> Iterator[tuple[type[Table], str]]:
    """The models inside of an annotation, with how they are reached: "", "[]" or ".*"."""
    if isinstance(annotation, type) and issubclass(annotation, Table):
        yield annotation, suffix
        return
    origin = get_origin(annotation)
    step = "[]" if origin is tuple else ".*" if origin is Mapping else ""
    for argument in get_args(annotation):
        yield from _tables_in(argument, suffix + step)
