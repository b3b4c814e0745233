"""The only room that knows the core and the adapters: Config -> Services."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path

from h2h import resources
from h2h.adapters.alert_log import AlertLog
from h2h.adapters.archive import FolderArchive
from h2h.adapters.catalogue import translator
from h2h.adapters.channels import AppriseChannel, MailChannel, WebhookChannel
from h2h.adapters.desktop import FolderDesktop
from h2h.adapters.door import FolderDoor
from h2h.adapters.folder import FolderBank
from h2h.adapters.heads import HeadFile, HeadSyslog
from h2h.adapters.input_seal import InputSeal, Sha256Seal, signature_seal
from h2h.adapters.machine import disks_of, expiry_of
from h2h.adapters.messages import Iso20022Messages
from h2h.adapters.metrics import Metrics
from h2h.adapters.pdf import ChromiumPrinter
from h2h.adapters.pgp import GpgSealer
from h2h.adapters.profiles import load_profile
from h2h.adapters.rates import RatesFile
from h2h.adapters.sftp import SftpBank
from h2h.adapters.sftp import Timeouts as SftpTimeouts
from h2h.adapters.sql.ledger import LedgerLock, SqlLedger, ledger_lock, open_ledger
from h2h.config.findings import Key, Trouble, dotted
from h2h.config.fingerprints import POLICIES, sections_of
from h2h.config.models import Account as AccountTable
from h2h.config.models import Bank as BankTable
from h2h.config.models import Channel as ChannelTable
from h2h.config.models import Config, Sftp
from h2h.config.models import Door as DoorTable
from h2h.config.models import Export as ExportTable
from h2h.config.models import Form as FormTable
from h2h.config.models import Policy as PolicyTable
from h2h.config.models import Report as ReportTable
from h2h.config.secret import Secret
from h2h.core.alerts import Interest
from h2h.core.approval import Policies, Policy
from h2h.core.books import account_key
from h2h.core.calendar import CutOff
from h2h.core.demands import NO_PROFILE, Demands, Limit, Profile
from h2h.core.expected import Expected
from h2h.core.fingerprints import UNREAD, digest
from h2h.core.problem import Severity
from h2h.core.retention import Rule
from h2h.core.statement import StatementKind
from h2h.core.terms import Account, CheckTerms
from h2h.errors import ConfigError, H2HError
from h2h.export import PRESETS, ErpExporter
from h2h.export.columns import COLUMNS, STANDARD
from h2h.pace import pace
from h2h.ports import (
    EVERYBODY,
    Bank,
    BankTerms,
    Channel,
    Clock,
    Door,
    DoorTerms,
    Download,
    Expiry,
    FormTerms,
    HeadExport,
    Log,
    Receiver,
    ReportTerms,
    Services,
    Watch,
)

ROOT_DOOR = "outbox"  # the door whose files are routed by debtor account


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.now(UTC)


@contextmanager
def wire(
    config: Config, log: Log, clock: Clock | None = None, *, recovering: bool = False
) -> Iterator[Services]:
    """Everything that the flows may touch, made from the configuration; closed at the end.

    Missing doors are created. Raises ConfigError when the workspace does not permit a start.
    """
    resources.verify_schemas()
    os.umask(0o077)
    pace()
    _make_rooms(config)
    time = clock or SystemClock()
    archive = archive_of(config)
    ledger = ledger_of(config, recovering=recovering)
    channels = tuple(map(channel_of, config.alerts))
    if channels:
        log = AlertLog(log, ledger, time, [each.interest for each in channels])
    token = config.h2h.metrics_token
    sealers = {name: sealer_of(bank) for name, bank in config.banks.items()}
    servers = {name: server_of(bank) for name, bank in config.banks.items()}
    watch = watch_of(config, sealers)
    try:
        yield Services(
            environment=config.h2h.environment,
            ledger=ledger,
            archive=archive,
            messages=Iso20022Messages(),
            exporter=ErpExporter(),
            desktop=FolderDesktop(config.h2h.inbox),
            clock=time,
            log=log,
            doors=doors_of(config),
            banks={name: terms_of(name, bank, config) for name, bank in config.banks.items()},
            servers=servers,
            sealers=sealers,
            new_id=new_ids(time),
            translate=translator(config.h2h.language),
            receivers=receivers_of(config),
            policies=policies_of(config),
            rates=RatesFile(config.h2h.rates, log),
            configured_by=config.owner,
            sections=sections_of(config),
            contents=lambda: contents_of(config, servers),
            poison_attempts=config.h2h.poison_attempts,
            heads=tuple(map(_head_export, config.h2h.export_head)),
            channels=channels,
            watch=watch,
            metrics=Metrics(ledger, time, tuple(config.banks), watch.disks).text,
            metrics_token=token.read if token else None,
            reports=tuple(_report(each, channels) for each in config.reports),
            printer=ChromiumPrinter(),
            language=config.h2h.language,
            retention=retention_of(config),
        )
    finally:
        archive.close()
        ledger.close()


def archive_of(config: Config) -> FolderArchive:
    """The archive, with its own key where one is named."""
    workspace = config.h2h
    if workspace.archive_key is None or workspace.archive_home is None:
        return FolderArchive(workspace.archive)
    secret = workspace.archive_passphrase
    key = GpgSealer(
        workspace.archive_home,
        "encrypt",
        encrypt_to=(workspace.archive_key,),
        passphrase=secret.read if secret else None,
    )
    return FolderArchive(workspace.archive, key)


def _head_export(place: str) -> HeadExport:
    kind, _, rest = place.partition(":")
    if kind == "file":
        return HeadFile(Path(rest))
    host, _, port = rest.rpartition(":")
    return HeadSyslog((host, int(port)) if rest else "/dev/log")


def channel_of(table: ChannelTable) -> Channel:
    """One way to people."""
    usual, seconds = frozenset(table.severities), table.timeout
    banks, collect = frozenset(table.banks), timedelta(seconds=table.collect)
    interest = Interest(table.name, frozenset(table.events), usual, banks, collect)
    if table.apprise is not None:
        return AppriseChannel(
            interest, urls=[each.read for each in table.apprise.urls], timeout=seconds
        )
    if table.webhook is not None:
        url, token = table.webhook.url, table.webhook.token
        return WebhookChannel(
            interest,
            url=url.read if isinstance(url, Secret) else lambda: str(url),
            token=token.read if token else None,
            timeout=seconds,
        )
    mail = table.mail
    if mail is None:
        raise ValueError("a channel without mail, webhook and apprise")
    return MailChannel(
        interest,
        server=mail.server,
        port=mail.port,
        sender=mail.sender,
        to=mail.to,
        tls=mail.tls,
        username=mail.username,
        password=mail.password.read if mail.password else None,
        timeout=seconds,
    )


def _report(table: ReportTable, channels: Sequence[Channel]) -> ReportTerms:
    """A report that makes itself; without `mail_by` the first channel that mails brings it."""
    by = (each for each in channels if isinstance(each, MailChannel))
    named = (each for each in by if table.mail_by in {"", each.interest.name})
    return ReportTerms(
        table.name,
        table.kinds,
        table.every == "month",
        table.time,
        table.zone,
        table.calendar or "",
        table.formats,
        frozenset(table.banks),
        frozenset(map(account_key, table.accounts)),
        frozenset(table.entities),
        table.mail_to,
        next(named, None) if table.mail_to else None,
    )


def watch_of(config: Config, sealers: Mapping[str, GpgSealer]) -> Watch:
    """From when on what lasts is told, and where the machine is asked."""
    workspace = config.h2h
    rooms = {"archive": workspace.archive, "inbox": workspace.inbox, "outbox": workspace.outbox}
    if workspace.database.startswith("sqlite:///"):
        rooms["ledger"] = Path(workspace.database.removeprefix("sqlite:///")).parent

    def expiries() -> list[Expiry]:
        found = [expiry_of(path) for path in workspace.certificates]
        for name, sealer in sealers.items():
            with suppress(H2HError):  # what uses the ring says what is wrong with it
                found += [Expiry(what, ends, name) for what, ends in sealer.expiries()]
        return [each for each in found if each is not None]

    return Watch(
        cut_off_near=timedelta(minutes=workspace.cut_off_near),
        silent_after=timedelta(hours=workspace.silent_hours),
        disk_free=workspace.disk_free,
        expiries=expiries,
        disks=lambda: disks_of(rooms),
    )


def ledger_of(config: Config, *, recovering: bool = False) -> SqlLedger:
    """The ledger alone, for commands that only look. `recovering`: it may be empty beside a filled
    archive, from which it is filled."""
    archive = config.h2h.archive / ".none" if recovering else config.h2h.archive
    secret = config.h2h.database_password
    return open_ledger(
        config.h2h.database,
        config.h2h.environment,
        archive=archive,
        password=secret.read if secret else None,
    )


def lock_of(config: Config) -> LedgerLock:
    """The lock of its ledger: who moves files holds it."""
    secret = config.h2h.database_password
    return ledger_lock(config.h2h.database, secret.read if secret else None)


def new_ids(clock: Clock) -> Callable[[], str]:
    """Ids of files: the moment, readable (its dossier lies by its date), and six hex digits.

    They are counted on from a random number: of ten thousand random ones in a second, some would be
    alike.
    """
    numbers = count(secrets.randbits(24))
    return lambda: f"{clock.now():%Y%m%d-%H%M%S}-{next(numbers) % (1 << 24):06x}"


def _make_rooms(config: Config) -> None:
    rooms = [config.h2h.outbox, config.h2h.inbox, config.h2h.archive]
    rooms += [config.h2h.outbox / name for name in config.banks]
    for room in rooms:
        room.mkdir(mode=0o700, parents=True, exist_ok=True)


def doors_of(config: Config) -> tuple[Door, ...]:
    """One door a bank, and the outbox itself, where files are routed by debtor account."""
    outbox = config.h2h.outbox
    doors = [_door(ROOT_DOOR, outbox, None, config.h2h.door, subfolders=tuple(config.banks))]
    for name, bank in config.banks.items():
        doors.append(_door(f"{ROOT_DOOR}/{name}", outbox / name, name, bank.door))
    for door in doors:
        door.check()
    return tuple(doors)


def _door(
    name: str, folder: Path, bank: str | None, rule: DoorTable, subfolders: tuple[str, ...] = ()
) -> FolderDoor:
    terms = DoorTerms(
        name,
        folder,
        bank,
        settle=rule.settle,
        marker=rule.marker,
        incomplete_wait=rule.incomplete_wait,
        confidential=rule.confidential,
    )
    return FolderDoor(terms, doors=subfolders, seal=_input_seal(rule))


def _input_seal(rule: DoorTable) -> InputSeal | None:
    """What the ERP must put beside each file. Raises ConfigError for a ring that is not named."""
    if rule.seal == "none":
        return None
    if rule.seal == "sha256":
        return Sha256Seal()
    if rule.home is None or not rule.signers:
        raise ConfigError('seal = "openpgp" without home or signers', "Name both in the door")
    return signature_seal(rule.home, rule.signers)


def terms_of(name: str, bank: BankTable, config: Config) -> BankTerms:
    """What was agreed with a bank, as the flows need it."""
    accounts = tuple(_account(account) for account in bank.accounts)
    largest = bank.largest_file or config.h2h.largest_file
    transport = bank.transport
    return BankTerms(
        name=name,
        zone=bank.zone,
        calendar=bank.calendar,
        accounts=accounts,
        check=check_terms_of(bank, accounts, config),
        downloads=tuple(
            Download(d.folder, d.pattern, d.kind, d.after, d.move_to, bank.sealed(d), d.reference)
            for d in transport.download
        ),
        upload_folder=transport.upload.folder,
        temporary=transport.upload.temporary,
        file_name=transport.file_name,
        customer=bank.customer,
        publish=transport.upload.publish,
        confirm=bank.confirm,
        doubt_deadline=timedelta(minutes=bank.doubt_deadline),
        gap_free=bank.gap_free,
        rejects_only=bank.status_reports == "rejects-only",
        refusals=bank.refusals == "pain.002",
        slips=bank.slips,
        similar_days=bank.similar_days,
        closed=bank.closed_windows,
        fetch=bank.fetch,
        largest_file=largest,
        fingerprint=digest(sections_of(config)[f"banks.{name}"]),
        confidential_accounts=frozenset(
            account_key(account.iban or account.number)
            for account in bank.accounts
            if account.confidential
        ),
    )


def configuration_of(config: Config) -> Mapping[str, Mapping[str, str]]:
    """What takes two persons to change: the tables of config.toml and the files that they name."""
    servers = {name: server_of(bank) for name, bank in config.banks.items()}
    return {**sections_of(config), **contents_of(config, servers)}


def contents_of(config: Config, servers: Mapping[str, Bank]) -> Mapping[str, Mapping[str, str]]:
    """What stands in the files that banks name: of a private key its public half, of a bank's own
    schema its hash; UNREAD for one that cannot be read now."""
    found: dict[str, Mapping[str, str]] = {}
    for name, bank in config.banks.items():
        server = servers[name]
        if isinstance(server, SftpBank):
            half = server.public_half()
            found[f"banks.{name}.sftp.private_key"] = {"public half": half or UNREAD}
        if bank.own_schema is not None:
            found[f"banks.{name}.schema"] = {"content": _content(bank.own_schema)}
    return found


def _content(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:
        return UNREAD


def policies_of(config: Config) -> Policies:
    """Who has to approve what, and a hash of how that is written."""
    return Policies(tuple(map(_policy, config.policies)), digest(sections_of(config)[POLICIES]))


def _policy(policy: PolicyTable) -> Policy:
    return Policy(
        policy.name,
        policy.approvals,
        frozenset(policy.members),
        frozenset(policy.banks),
        frozenset(map(account_key, policy.accounts)),
        frozenset(policy.entities),
        frozenset(policy.currencies),
        policy.above,
        policy.day_above,
        policy.amounts_in or "",
        policy.new_creditor,
        policy.changed_creditor,
        policy.after_cut_off,
    )


def retention_of(config: Config) -> tuple[Rule, ...]:
    """How long what is kept."""
    return tuple(
        Rule(each.years, frozenset(each.kinds), frozenset(map(account_key, each.accounts)))
        for each in config.retention
    )


def check_terms_of(bank: BankTable, accounts: tuple[Account, ...], config: Config) -> CheckTerms:
    """What files to this bank are judged by. Raises ConfigError when its profile is unknown."""
    late = {} if bank.after_cut_off is None else {"after-cut-off": _LATE[bank.after_cut_off]}
    return CheckTerms(
        accounts=accounts,
        severities={**late, **bank.rules},
        largest_file=bank.largest_file or config.h2h.largest_file,
        schema=bank.own_schema,
        past_date_tolerance=bank.past_date_tolerance,
        profile=profile_of(bank),
        environment=config.h2h.environment,
        calendar=bank.calendar,
        cut_offs=tuple(
            CutOff(each.time, each.days_before, each.scheme, each.currency)
            for each in bank.cut_offs
        ),
        limits={
            currency: Limit(each.payment, each.file, each.day)
            for currency, each in bank.limits.items()
        },
        most_payments=bank.most_payments,
        test_indicator=bank.test_indicator or "",
    )


_LATE = {"warn": Severity.WARN, "hold": Severity.HOLD, "refuse": Severity.ERROR}


def profile_of(bank: BankTable) -> Profile:
    """The bank's profile, with its own word on addresses and its own code lists."""
    profile = NO_PROFILE if bank.profile is None else load_profile(bank.profile)
    hybrid = bank.hybrid_addresses

    def own(demands: Demands) -> Demands:
        return replace(
            demands,
            hybrid_addresses=demands.hybrid_addresses if hybrid is None else hybrid,
            purposes=frozenset(bank.purposes) or demands.purposes,
            regulatory_codes=frozenset(bank.regulatory_codes) or demands.regulatory_codes,
        )

    return profile.altered(own)


def _account(account: AccountTable) -> Account:
    number = account.iban or account.number
    return Account(number, account.bank_code, account.currency, account.entity, _expected(account))


def _expected(account: AccountTable) -> Expected | None:
    if account.statements is None:
        return None
    return Expected(
        account.statements,
        account.statement_by,
        account.statement_days_after,
        empty_omitted=account.empty_statements == "omitted",
    )


def receivers_of(config: Config) -> tuple[Receiver, ...]:
    """Who gets what. Raises ConfigError for a preset or column that there is not."""
    for trouble in unknown_in_exports(config):
        where = f"{dotted(trouble.key)}: found {trouble.found}; expected {trouble.expected}"
        raise ConfigError(where, trouble.remedy)
    return tuple(map(_receiver, config.export)) or (EVERYBODY,)


def unknown_in_exports(config: Config) -> Iterator[Trouble]:
    """What is named and not there: the configuration does not know presets and columns."""
    for index, export in enumerate(config.export):
        if export.preset is not None and export.preset not in PRESETS:
            there = f"one of {', '.join(PRESETS)}"
            yield Trouble(("export", index, "preset"), repr(export.preset), there, _CHOOSE)
        for number, form in enumerate(export.forms or ()):
            key: Key = ("export", index, "forms", number)
            for place, column in enumerate(form.columns):
                if column not in COLUMNS:
                    there = f"one of {', '.join(COLUMNS)}"
                    yield Trouble((*key, "columns", place), repr(column), there, _CHOOSE)
            if form.headings and len(form.headings) != len(form.columns or STANDARD):
                there = f"one for each of the {len(form.columns or STANDARD)} columns"
                found = f"{len(form.headings)} headings"
                yield Trouble((*key, "headings"), found, there, "Give each column its heading")


_CHOOSE = "Choose one, see docs/receivers.md"


def _receiver(export: ExportTable) -> Receiver:
    """The preset, and before it what the table itself says."""
    preset = PRESETS[export.preset] if export.preset else None
    usual = Receiver(export.name, EVERYBODY.forms, folder=export.name)
    if preset is not None:
        usual = replace(
            usual,
            forms=preset.forms,
            by_account=preset.by_account,
            in_order=preset.in_order,
            marker=preset.marker,
            file_name=preset.file_name,
            longest_name=preset.longest_name,
            status_reports=preset.status_reports,
            documents=preset.documents,
        )
    own = {
        "forms": tuple(map(_form, export.forms)) if export.forms else None,
        "folder": str(export.folder) if export.folder else None,
        "by_account": export.split and export.split == "account",
        **{name: getattr(export, name) for name in _AS_THEY_ARE},
    }
    return replace(
        usual,
        banks=frozenset(export.banks),
        accounts=frozenset(map(account_key, export.accounts)),
        entities=frozenset(export.entities),
        **{name: value for name, value in own.items() if value is not None},
    )


_AS_THEY_ARE = (
    "in_order",
    "marker",
    "file_name",
    "longest_name",
    "status_reports",
    "documents",
)


def _form(form: FormTable) -> FormTerms:
    return FormTerms(**{**dict(form), "kinds": frozenset(map(StatementKind, form.kinds))})


def server_of(bank: BankTable) -> Bank:
    """How the bank is reached: its SFTP server, or a folder."""
    transport = bank.transport
    if not isinstance(transport, Sftp):
        return FolderBank(Path(transport.root))
    waits = transport.timeouts
    return SftpBank(
        hosts=transport.hosts,
        username=transport.username,
        host_keys=transport.host_keys,
        private_key=transport.private_key.read,
        password=transport.password.read if transport.password else None,
        port=transport.port,
        proxy=transport.proxy,
        timeouts=SftpTimeouts(
            connect=waits.connect,
            login=waits.login,
            idle=waits.idle,
            call=waits.call,
            slowest=waits.slowest,
        ),
    )


def sealer_of(bank: BankTable) -> GpgSealer:
    """OpenPGP at this bank."""
    pgp = bank.pgp
    return GpgSealer(
        pgp.home,
        pgp.seal,
        sign_with=pgp.sign_with or "",
        encrypt_to=pgp.encrypt_to,
        accept_from=pgp.accept_from,
        passphrase=pgp.passphrase.read if pgp.passphrase else None,
        armor=pgp.armor,
        compress=pgp.compress,
        cipher=pgp.cipher,
        digest=pgp.digest,
        agents=pgp.agents,
    )
