"""What `h2h doctor` looks at: each a function that yields lines, and changes nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from importlib.metadata import Distribution
from pathlib import Path
from typing import TYPE_CHECKING

from h2h.core.chain import Link, link
from h2h.core.words import Words, say, words_of
from h2h.errors import ConfigError, H2HError

if TYPE_CHECKING:
    from h2h.adapters.sql.ledger import SqlLedger
    from h2h.config import Bank, Config
    from h2h.ports import Session

_TAIL = 200  # records of the chain that a quick look recomputes
_SOON = (90, 14)  # days before a certificate ends: warned of, failed
_LEAST_INODES = 1_000
_OLDEST_GPG = (2, 2)
_DRIFT = 60  # seconds that two clocks may differ
_LONG_AGO = timedelta(days=4)  # without a contact; a long weekend is no alarm


class Verdict(StrEnum):
    """How a line was judged."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Line:
    """One finding; `remedy` "" where nothing is to be done."""

    check: str
    verdict: Verdict
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """The workspace that is looked over."""

    path: Path  # of config.toml
    config: Config
    now: datetime


Check = Callable[[Patient], Iterator[Line]]


def _ok(check: str, words: str) -> Line:
    return Line(check, Verdict.OK, words)


# --------------------------------------------------------------------------------- of this machine


def installation(distribution: Distribution | None) -> Iterator[Line]:
    """Are the files of h2h those of its wheel (SWIFT CSCF 6.2, software integrity)?"""
    check = "installation"
    if distribution is None or _is_editable(distribution):
        yield _ok(check, say("a checkout: its files are judged by its version control"))
        return
    changed = list(changed_files(distribution))
    if changed:
        names = ", ".join(changed[:5])
        words = say("{count} files differ from the wheel: {names}", count=len(changed), names=names)
        remedy = say("Find out who changed them, then install h2h again")
        yield Line(check, Verdict.FAIL, words, remedy)
    else:
        count = len(distribution.files or ())
        yield _ok(check, say("all {count} files are those of the wheel", count=count))


def _is_editable(distribution: Distribution) -> bool:
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    return bool(origin.get("dir_info", {}).get("editable"))


def changed_files(distribution: Distribution) -> Iterator[str]:
    """Files that are not as RECORD has them, and Python files beside them that it does not have."""
    known = set[Path]()
    for file in distribution.files or ():
        path = Path(str(distribution.locate_file(file)))
        known.add(path)
        if file.hash is None or file.hash.mode != "sha256":
            continue
        if not path.is_file() and file.parts[0] == "..":
            continue  # `pip install --target` puts the command elsewhere
        if not path.is_file() or _record_hash(path) != file.hash.value:
            yield str(file)
    package = Path(str(distribution.locate_file("h2h")))
    yield from (str(path) for path in sorted(package.rglob("*.py")) if path not in known)


def _record_hash(path: Path) -> str:
    found = hashlib.sha256(path.read_bytes()).digest()
    return base64.urlsafe_b64encode(found).decode().rstrip("=")


def schemas(_patient: Patient) -> Iterator[Line]:
    """Do the schemas that decide what is sent have the hashes of the release?"""
    from h2h import resources  # noqa: PLC0415 - seldom needed

    resources.verify_schemas()
    count = len(resources.carried())
    yield _ok("schemas", say("{count} schemas have the hashes of the release", count=count))


def gpg(_patient: Patient) -> Iterator[Line]:
    """Is there a gpg that is young enough?"""
    from h2h.adapters.pgp_keys import version  # noqa: PLC0415 - heavy

    found = version()
    words = say("GnuPG {major}.{minor}", major=found[0], minor=found[1])
    if found < _OLDEST_GPG:
        yield Line("gpg", Verdict.FAIL, words, say("Install GnuPG 2.2 or later"))
    else:
        yield _ok("gpg", words)


def clock(_patient: Patient) -> Iterator[Line]:
    """Does something set the clock? Cut-offs, expiry and dates follow it."""
    synchronised = _time_is_set()
    if synchronised == "yes":
        yield _ok("clock", say("it is set by time servers"))
    else:
        words = say("nothing tells that the clock is set by time servers")
        yield Line("clock", Verdict.WARN, words, say("Let chrony or systemd-timesyncd set it"))


def _time_is_set() -> str:
    command = ["timedatectl", "show", "--property=NTPSynchronized", "--value"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip()


# ------------------------------------------------------------------------------- of the workspace


def folders(patient: Patient) -> Iterator[Line]:
    """Are the rooms there, may h2h write in them, and may nobody else?"""
    rooms = patient.config.h2h
    for name, room in (
        ("outbox", rooms.outbox),
        ("inbox", rooms.inbox),
        ("archive", rooms.archive),
    ):
        yield _room(name, room)
    if patient.path.stat().st_mode & 0o022:
        words = say("others may write {path}", path=patient.path)
        yield Line("config.toml", Verdict.FAIL, words, f"chmod 600 {patient.path}")


def _room(name: str, room: Path) -> Line:
    if not room.is_dir():
        words = say("{path} is not there yet", path=room)
        return Line(name, Verdict.WARN, words, say("The first start makes it"))
    if not os.access(room, os.R_OK | os.W_OK | os.X_OK):
        words = say("{path} cannot be written", path=room)
        return Line(name, Verdict.FAIL, words, say("Give it to the user that runs h2h"))
    if room.stat().st_mode & 0o007:
        words = say("everybody on this machine may enter {path}", path=room)
        return Line(name, Verdict.WARN, words, f"chmod o-rwx {room}")
    return _ok(name, str(room))


def file_systems(patient: Patient) -> Iterator[Line]:
    """Ledger and archive on a local disk, with room for some more."""
    from h2h.adapters.sql.sqlite import refuse_network  # noqa: PLC0415 - heavy

    archive, ledger = patient.config.h2h.archive, ledger_file(patient.config)
    for path in filter(None, (archive, ledger)):
        try:
            refuse_network(path)
        except ConfigError as error:
            verdict = Verdict.FAIL if path == ledger else Verdict.WARN
            remedy = say("Use a disk of this machine")
            yield Line("file system", verdict, error.cause, remedy)
    seen = set[int]()
    for path in filter(None, (archive, ledger and ledger.parent, patient.config.h2h.inbox)):
        if path.is_dir() and path.stat().st_dev not in seen:
            seen.add(path.stat().st_dev)
            yield _disk(path, patient.config.h2h.disk_free)


def _disk(path: Path, least: int) -> Line:
    """`least` bytes free, else warned of; a fifth of that is a fault."""
    free = shutil.disk_usage(path).free
    state = os.statvfs(path)
    words = say("{free} MB are free at {path}", free=free // 1_000_000, path=path)
    short = bool(state.f_files) and state.f_favail < _LEAST_INODES
    if free >= least and not short:
        return _ok("disk", words)
    verdict = Verdict.WARN if free >= least // 5 and not short else Verdict.FAIL
    return Line(
        "disk", verdict, words, say("Free some space, or move the archive to a larger disk")
    )


def ledger_file(config: Config) -> Path | None:
    """Where the ledger lies; None when a server has it."""
    kind, _, place = config.h2h.database.partition(":///")
    return Path(place) if kind == "sqlite" else None


def keys(patient: Patient) -> Iterator[Line]:
    """The OpenPGP keys of each bank: there, usable, and not about to expire."""
    for name, bank in patient.config.banks.items():
        check = f"keys of {name}"
        yield from examined(check, partial(_keys_of, check, bank), patient)


def _keys_of(check: str, bank: Bank, patient: Patient) -> Iterator[Line]:
    from h2h.core.problem import Severity  # noqa: PLC0415 - seldom needed
    from h2h.wiring import sealer_of  # noqa: PLC0415 - heavy

    problems = sealer_of(bank).verify_keys(patient.now.date())
    for problem in problems:
        verdict = Verdict.FAIL if problem.severity is Severity.ERROR else Verdict.WARN
        yield Line(check, verdict, problem.message, problem.remedy)
    if not problems:
        yield _ok(check, say("there, and good for more than 30 days"))


def certificates(patient: Patient) -> Iterator[Line]:
    """How long the certificates are good that config.toml names (the console's)."""
    from h2h.adapters.ssh_keys import certificate_end  # noqa: PLC0415 - heavy

    for path in patient.config.h2h.certificates:
        end = certificate_end(path)
        days = (end - patient.now).days
        words = say(
            "{path} is good for {days} days, until {day}",
            path=path,
            days=days,
            day=f"{end:%Y-%m-%d}",
        )
        soon, late = _SOON
        verdict = Verdict.OK if days > soon else Verdict.WARN if days > late else Verdict.FAIL
        remedy = "" if verdict is Verdict.OK else say("Renew it")
        yield Line("certificate", verdict, words, remedy)


# ------------------------------------------------------------------------------------ of the ledger


def ledger(patient: Patient) -> Iterator[Line]:
    """The ledger: of a known version, its chain whole, and how the banks answered lately."""
    from h2h.wiring import ledger_of  # noqa: PLC0415 - heavy

    place = ledger_file(patient.config)
    if place is not None and not place.exists():
        filled = any(patient.config.h2h.archive.glob("[0-9]*/[0-9]*/[0-9]*/*/"))
        verdict = Verdict.FAIL if filled else Verdict.OK
        remedy = say("Restore it from its backup, then `h2h recover`") if filled else ""
        yield Line("ledger", verdict, say("there is none yet"), remedy)
        return
    with closing(ledger_of(patient.config)) as opened:
        runs = say("a daemon runs on it") if opened.is_locked() else say("no daemon runs on it")
        yield _ok("ledger", say("it opens; {runs}", runs=runs))
        yield from _chain(opened, patient)
        yield from _confirmed(opened, patient.config)
        yield from _contacts(opened, patient)


def _chain(opened: SqlLedger, patient: Patient) -> Iterator[Line]:
    """Its newest records fit each other, and the archive noted the same ones."""
    head = opened.head()
    with opened.snapshot() as snapshot:
        broken = _broken(snapshot.links(max(head.sequence - _TAIL, 0)))
    broken = broken or _unlike_archive(opened, patient.config)
    if broken is None:
        words = say("its end fits (record {sequence})", sequence=head.sequence)
        yield _ok("chain", words)
    else:
        remedy = say("Stop h2h, keep a copy of everything, then `h2h archive verify`")
        yield Line("chain", Verdict.FAIL, broken, remedy)


def _broken(links: Iterator[Link]) -> Words | None:
    previous = None
    for each in links:
        fits = link(each.previous, each.record()) == each.hash
        if not fits or previous not in {None, each.previous}:
            return say(
                "record {sequence} is not as it was written, or does not follow the one before",
                sequence=each.sequence,
            )
        previous = each.hash
    return None


def _unlike_archive(opened: SqlLedger, config: Config) -> Words | None:
    from h2h.wiring import archive_of  # noqa: PLC0415 - heavy

    if not config.h2h.archive.is_dir():
        return None
    with closing(archive_of(config)) as archive:
        for noted in archive.heads():
            if noted.sequence and opened.hash_at(noted.sequence) != noted.hash:
                return say(
                    "the archive noted another record {sequence} than the ledger has",
                    sequence=noted.sequence,
                )
    return None


def _confirmed(opened: SqlLedger, config: Config) -> Iterator[Line]:
    """Have two persons seen the configuration, and the keys that lie in files?"""
    from h2h.flows.consent import changed_since  # noqa: PLC0415 - heavy
    from h2h.wiring import configuration_of  # noqa: PLC0415 - heavy

    in_force, check = opened.config_in_force(), "configuration"
    changed = changed_since(configuration_of(config), in_force) if opened.operators() else []
    if changed and in_force:
        words = say(
            "changed and not confirmed: {sections}; nothing is sent there",
            sections=", ".join(changed),
        )
        remedy = say("Find out who did it; `h2h config confirm` once h2h has noted the change")
        yield Line(check, Verdict.FAIL, words, remedy)
    else:
        yield _ok(check, say("nothing waits for a second person"))


def _contacts(opened: SqlLedger, patient: Patient) -> Iterator[Line]:
    """When each bank let us in last, and what it said when it did not."""
    for name in patient.config.banks:
        health, check = opened.health(name), f"contact with {name}"
        if health.login_failures:
            words = say("it refused our login: {why}", why=health.because)
            remedy = say("Compare user, key and password with the bank before it locks us out")
            yield Line(check, Verdict.FAIL, words, remedy)
        elif health.failures:
            words = say("{count} tries failed: {why}", count=health.failures, why=health.because)
            yield Line(
                check, Verdict.WARN, words, say("`h2h bank probe {bank}` tells more", bank=name)
            )
        elif health.contact is None:
            remedy = say("`h2h bank probe {bank}` tries it", bank=name)
            yield Line(check, Verdict.WARN, say("none yet"), remedy)
        else:
            old = patient.now - health.contact > _LONG_AGO
            words = say("last at {time} UTC", time=f"{health.contact:%Y-%m-%d %H:%M}")
            asked = say("Does the daemon run? Look at `fetch` of this bank")
            yield Line(check, Verdict.WARN, words, asked) if old else _ok(check, words)


# ------------------------------------------------------------------------------------- of the banks


def banks(patient: Patient) -> Iterator[Line]:
    """Each bank's server lets us in, and its clock agrees with ours.

    Its clock shows in the time of a small file that is put there and removed; not in production.
    """
    from h2h.wiring import server_of  # noqa: PLC0415 - heavy

    for name, bank in patient.config.banks.items():
        check = f"server of {name}"
        try:
            with server_of(bank).session() as session:
                yield _ok(check, say("{host} let us in", host=session.host))
                if patient.config.h2h.environment == "test":
                    yield _their_clock(name, session, bank.transport.upload.folder, patient.now)
        except H2HError as error:
            yield Line(check, Verdict.FAIL, error.cause, error.next_move)


def _their_clock(name: str, session: Session, folder: str, now: datetime) -> Line:
    path = f"{folder}/.h2h-clock-{secrets.token_hex(4)}.tmp"
    with tempfile.TemporaryDirectory(prefix="h2h-") as own:
        local = Path(own) / "clock"
        local.write_bytes(b"h2h compares clocks. This file may be deleted.\n")
        session.put(local, path)
    try:
        found = session.stat(path)
    finally:
        session.remove(path)
    check = f"clock of {name}"
    if found is None:
        return _ok(check, say("its server shows no time"))
    apart = round(found.mtime - now.timestamp())
    words = say("it is {seconds} seconds ahead of ours", seconds=apart)
    if abs(apart) <= _DRIFT:
        return _ok(check, words)
    return Line(check, Verdict.WARN, words, say("Compare both with a time server"))


def examined(name: str, check: Check, patient: Patient) -> Iterator[Line]:
    """The lines of a check; what it raises is a line too."""
    try:
        yield from check(patient)
    except H2HError as error:
        yield Line(name, Verdict.FAIL, words_of(error))


CHECKS: tuple[tuple[str, Check], ...] = (
    ("schemas", schemas),
    ("folders", folders),
    ("file system", file_systems),
    ("gpg", gpg),
    ("keys", keys),
    ("certificate", certificates),
    ("clock", clock),
    ("ledger", ledger),
)
