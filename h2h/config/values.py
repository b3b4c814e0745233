"""How single values are read: each function takes what TOML gave and returns it ready for use.

A value that cannot be read raises `Wrong` with what was expected and the remedy.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

from pydantic import ValidationInfo
from stdnum import iban

from h2h.config.findings import Wrong
from h2h.config.secret import Secret
from h2h.core import money
from h2h.core.alerts import Event
from h2h.core.approval import Then
from h2h.core.calendar import WEEKDAYS, Window, calendar_names, parse_windows
from h2h.core.expected import StatementDays
from h2h.core.naming import Value, expanded, is_plain, is_temporary
from h2h.core.problem import Severity
from h2h.core.retention import Kind
from h2h.core.rules import RULES
from h2h.core.rules.fixed import FIXED
from h2h.core.statement import SLIPS
from h2h.core.states import Confirm, Publish
from h2h.errors import ConfigError

POSTGRESQL = "postgresql://"
HOST_KEY_TYPES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
_SECRET = re.compile(r"(?P<kind>cred|env|file):(?P<name>[^\x00-\x1f\x7f]+)")
_CREDENTIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-fA-F:]*:[0-9a-fA-F:.]*")
_PROXY = re.compile(r"[A-Za-z0-9.-]+:(?P<port>\d{1,5})", re.ASCII)
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}", re.ASCII)


def text(value: object) -> str:
    """Any text on one line."""
    if not isinstance(value, str):
        raise Wrong("a text in quotes", 'Write it as "…"')
    if not value.isprintable():
        raise Wrong("one line of printable characters", "Remove line ends and control characters")
    return value


def filled(value: object) -> str:
    """A text that says something."""
    if not text(value).strip():
        raise Wrong("a text that is not empty", "Fill it in, or remove the key")
    return text(value)


def path(value: object, info: ValidationInfo) -> Path:
    """A path, relative to the folder of config.toml, made absolute."""
    if filled(value).startswith("~"):
        raise Wrong("a path without ~", "Write the whole path: a service has no home folder")
    return _base(info) / text(value)


def _base(info: ValidationInfo) -> Path:
    """The folder of config.toml, which `load` passes in."""
    context: Mapping[str, Path] = info.context or {}
    return context["base"]


def remote_folder(value: object) -> str:
    """A folder at the bank, without the last slash; "." is where the login lands."""
    folder = filled(value)
    if ".." in folder.split("/") or "\\" in folder:
        raise Wrong("a folder at the bank", "Write it with / and without ..")
    return folder.rstrip("/") or "/"


def pattern(value: object) -> str:
    """A shell pattern for file names."""
    if "/" in filled(value):
        raise Wrong("a pattern for names, such as *.xml", "Put the folder into the key `folder`")
    return text(value)


_A_REFERENCE = r"In single quotes, such as '_([0-9A-Z]{10,})\.pdf$'"


def reference(value: object) -> re.Pattern[str]:
    """A regular expression with one group, of a document's name."""
    try:
        found = re.compile(filled(value))
    except re.error as error:
        raise Wrong(f"a regular expression ({error})", _A_REFERENCE) from error
    if found.groups != 1:
        raise Wrong("a regular expression with one group, the bank's reference", _A_REFERENCE)
    return found


def marker(value: object) -> str:
    """The suffix of a marker file, e.g. `.ok`; "" for none."""
    suffix = text(value)
    if suffix and (not suffix.startswith(".") or not is_plain("x" + suffix)):
        raise Wrong('a suffix such as ".ok" or ".done"', "Begin it with a dot")
    if suffix and is_temporary("x" + suffix):
        raise Wrong("a suffix that is not a temporary one", 'Use ".ok" or ".done"')
    return suffix


def secret(value: object, info: ValidationInfo) -> Secret:
    """A reference to a secret."""
    found = _SECRET.fullmatch(value) if isinstance(value, str) else None
    if found is None or (found["kind"] != "file" and not _CREDENTIAL.fullmatch(found["name"])):
        raise Wrong(
            "where the secret is: cred:NAME, file:PATH or env:NAME",
            "Never write the secret itself here; if you did, take it for known and replace it",
        )
    reference = Secret(found["kind"], found["name"], _base(info))
    if found["kind"] == "file":
        _only_ours(reference)
    return reference


def _only_ours(reference: Secret) -> None:
    try:
        mode = reference.path.stat().st_mode if reference.path else 0
    except (OSError, ValueError):
        return  # not there yet: that is left to do, not wrong
    if mode & 0o077:
        raise Wrong(
            "a file that its owner alone may read (mode 0600)",
            f"chmod 600 {reference.path}",
            found=f"{reference} with mode {mode & 0o777:04o}",
        )


_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
_WEB = re.compile(r"https?://[^\s@\x00-\x20]+")
_HERE = ("http://127.0.0.1", "http://localhost", "http://[::1]")


def mail_address(value: object) -> str:
    """One mail address, without a name before it."""
    if not _MAIL.fullmatch(text(value)):
        raise Wrong('a mail address such as "treasury@acme.example"', "One address, no name")
    return text(value)


def web_address(value: object, info: ValidationInfo) -> str | Secret:
    """An https address without a secret, or where one with a secret is to be found."""
    if isinstance(value, str) and _SECRET.fullmatch(value):
        return secret(value, info)
    address = filled(value)
    if not _WEB.fullmatch(address) or not address.startswith(("https://", *_HERE)):
        raise Wrong(
            "an https address, or cred:NAME, file:PATH or env:NAME of one that holds a secret",
            "In clear only to this machine; no user and password in it",
        )
    return address


def alert_event(value: object) -> str:
    """What an alert tells of."""
    known = [event.value for event in Event]
    if text(value) not in known:
        close = get_close_matches(text(value), known, n=1)
        remedy = f"Did you mean {close[0]!r}?" if close else "See docs/alerts.md"
        raise Wrong(f"one of {', '.join(known)}", remedy)
    return text(value)


def export_head(value: object, info: ValidationInfo) -> str:
    """Where the chain's head is exported to: `file:` with an absolute path from now on, `syslog`
    or `syslog:HOST:PORT`."""
    kind, _, rest = filled(value).partition(":")
    if kind == "file" and rest and not rest.startswith("~"):
        return f"file:{_base(info) / rest}"
    if kind == "syslog" and (not rest or _PROXY.fullmatch(rest)):
        return filled(value)
    raise Wrong("file:PATH, syslog or syslog:HOST:PORT", 'Write for example "file:heads.jsonl"')


def zone(value: object) -> ZoneInfo:
    """A time zone of the IANA database."""
    try:
        return ZoneInfo(filled(value))
    except (OSError, KeyError, ValueError) as error:  # unknown names fail in several ways
        if isinstance(error, Wrong):
            raise
    raise Wrong(
        'a time zone such as "Europe/Berlin"', "See `timedatectl list-timezones` for the names"
    )


def calendar(value: object) -> str:
    """A holiday calendar."""
    if filled(value) not in calendar_names():
        raise Wrong(
            'a financial calendar such as "ECB" (TARGET), "NYSE", or a country such as "DE"',
            "Ask the bank which days it processes payments on",
        )
    return text(value)


def clock_time(value: object) -> time:
    """A time of the day, to the minute."""
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text(value), re.ASCII):
        raise Wrong('a time such as "14:30"', "Hours from 00 to 23; it is in the bank's zone")
    return time.fromisoformat(text(value))


def windows(value: object) -> tuple[Window, ...]:
    """One entry of `closed`."""
    try:
        return parse_windows(text(value))
    except ValueError as error:
        why = "" if isinstance(error, Wrong) else f": {error}"
    raise Wrong(
        f'a weekly span such as "sat 17:00 - sun 01:00" or "tue,thu 17:00 - 22:00"{why}',
        "Times are in the bank's zone",
    )


def statement_days(value: object) -> StatementDays | None:
    """`none`, `business-days`, `daily`, or a list of weekdays; None when nothing is expected."""
    expected = '"business-days", "daily", "none", or a list of weekdays such as ["fri"]'
    if isinstance(value, tuple):
        names = [name for name in value if name in WEEKDAYS]
        if not names or len(names) < len(value):
            raise Wrong(expected, f"Write weekdays as {', '.join(WEEKDAYS)}")
        return StatementDays(frozenset(WEEKDAYS.index(name) for name in names))
    if text(value) not in _STATEMENT_DAYS:
        raise Wrong(expected, "Ask the bank on which days it makes a statement")
    return _STATEMENT_DAYS[text(value)]


_ALL_WEEK = frozenset(range(len(WEEKDAYS)))
_STATEMENT_DAYS: Mapping[str, StatementDays | None] = {
    "none": None,
    "business-days": StatementDays(_ALL_WEEK),
    "daily": StatementDays(_ALL_WEEK, on_holidays=True),
}


# ------------------------------------------------------------------------------------ fetch times

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_FIELDS: tuple[tuple[str, int, int, list[str]], ...] = (
    ("minute", 0, 59, []),
    ("hour", 0, 23, []),
    ("day of the month", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 6, list(WEEKDAYS)),
)
_CRON_PART = re.compile(
    r"(?P<first>\*|[a-z]{3}|\d{1,2})(?:-(?P<last>[a-z]{3}|\d{1,2}))?(?:/(?P<step>\d{1,2}))?",
    re.ASCII,
)


def cron(value: object) -> str:
    """A cron line of five fields: minute, hour, day, month, weekday by name."""
    fields = text(value).lower().split()
    if len(fields) != len(_FIELDS):
        raise Wrong(
            "five fields: minute hour day month weekday",
            'For example "*/15 6-20 * * mon-fri"',
        )
    if any(character.isdigit() for character in fields[-1]):
        raise Wrong(
            "weekdays by name (mon-fri)",
            "Write names: 1 is Monday to some crons and Tuesday to others",
        )
    for written, (name, least, most, names) in zip(fields, _FIELDS, strict=True):
        for part in written.split(","):
            _cron_part(part, name, least, most, names)
    return " ".join(fields)


def _cron_part(part: str, name: str, least: int, most: int, names: list[str]) -> None:
    found = _CRON_PART.fullmatch(part)
    span = f"{names[0]} to {names[-1]}" if names else f"{least} to {most}"
    wrong = Wrong(f"a {name} from {span}, *, a-b or */n", f"Mend the {name} field {part!r}")
    if found is None or (found["first"] == "*" and found["last"]):
        raise wrong
    if found["last"] and found["first"].isdigit() is not found["last"].isdigit():
        raise wrong  # 1-jan: the scheduler reads a span of names or of numbers
    first = least if found["first"] == "*" else _cron_number(found["first"], least, names)
    last = most if found["first"] == "*" else first
    if found["last"]:
        last = _cron_number(found["last"], least, names)
    step = int(found["step"] or 1)
    stepless = found["step"] is None or found["last"] or found["first"] == "*"
    if not (least <= first <= last <= most and 1 <= step <= max(1, last - first) and stepless):
        raise wrong


def _cron_number(written: str, least: int, names: list[str]) -> int:
    """The value of a number or name; -1, which is in no range, for an unknown name."""
    if written.isdigit():
        return int(written)
    return names.index(written) + least if written in names else -1


# ----------------------------------------------------------------------------------- the connection


def host(value: object) -> str:
    """A host name or address, without port and scheme."""
    if not _HOST.fullmatch(text(value)):
        raise Wrong(
            'a host name such as "sftp.bank.example"', "Put the port into `port`, the user apart"
        )
    return text(value)


def proxy(value: object) -> str:
    """`HOST:PORT` of an HTTP proxy that knows CONNECT."""
    found = _PROXY.fullmatch(text(value))
    if found is None or not 1 <= int(found["port"]) <= 65535:
        raise Wrong(
            "an HTTP proxy as HOST:PORT", "No user and password: let the proxy know our address"
        )
    return text(value)


def host_key(value: object) -> str:
    """One public key of the server as OpenSSH writes it; returned as `TYPE BASE64`."""
    words = text(value).split()
    kind, blob = (words[0], words[1]) if len(words) > 1 else ("", "")
    if kind not in HOST_KEY_TYPES:
        raise Wrong(
            f'a host key as "TYPE BASE64", TYPE one of {", ".join(HOST_KEY_TYPES)}',
            "Ask the bank for it; a line of known_hosts needs its first word removed",
        )
    if not _is_key(kind, blob):
        raise Wrong(
            f"the whole base64 of a {kind} key",
            "Copy it again: the part after the type is cut or altered",
        )
    return f"{kind} {blob}"


def _is_key(kind: str, blob: str) -> bool:
    """RFC 4253 §6.6: a public key is length-prefixed strings, the first one its type."""
    try:
        raw = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        return False
    parts = []
    while raw:
        if len(raw) < 4:
            return False
        length = struct.unpack(">I", raw[:4])[0]
        if len(raw) < 4 + length:
            return False
        parts.append(raw[4 : 4 + length])
        raw = raw[4 + length :]
    return len(parts) >= 2 and parts[0] == kind.encode()


def fingerprint(value: object) -> str:
    """The whole fingerprint of an OpenPGP key: 40 (or, for newer keys, 64) hexadecimal digits."""
    compact = re.sub(r"[\s:]", "", text(value)).upper()
    if not _FINGERPRINT.fullmatch(compact):
        raise Wrong(
            "a whole fingerprint of 40 hexadecimal digits",
            "See `gpg --fingerprint`; a short key id can be forged, so it is not taken",
        )
    return compact


# -------------------------------------------------------------------------------------------- names

_SAMPLE: dict[str, Value] = {
    "customer": "CUSTOMER",
    "message": "pain.001.001.09",
    "message_id": "MESSAGE-ID",
    "date": date(2026, 12, 31),
}
_SAMPLE_NAME = "FILE.xml"
_WIDE = re.compile(r"\{[^{}]*:[^{}]*\d{3}")


def file_name(value: object) -> str:
    """The template of a file's name at the bank; no two files may get the same one."""
    template = filled(value)
    first, second = (_expanded(template, _SAMPLE | _numbered(n)) for n in (1, 2))
    if first == second:
        raise Wrong(
            "a template with {sequence} or {id}",
            "Without one of them two files would get the same name",
        )
    return template


_EXPORT_SAMPLE: dict[str, Value] = {
    "name": "NAME",
    "id": "20261231-235959-0a1b2c",
    "bank": "bank",
    "account": "DE89370400440532013000",
    "currency": "EUR",
    "kind": "statement",
    "date": date(2026, 12, 31),
    "sequence": "1",
}


def export_name(value: object) -> str:
    """The template of the name under which a file is handed over, without its ending."""
    if "{id}" not in filled(value):
        raise Wrong("a template with {id}", "It is what tells two files apart; it is never cut")
    _expanded(text(value), _EXPORT_SAMPLE)
    return text(value)


def _numbered(number: int) -> dict[str, Value]:
    return {"sequence": number, "id": f"FILE-ID-{number}"}


def temporary(value: object) -> str:
    """The template of the name a file has at the bank until it is complete."""
    names = {
        _expanded(filled(value), {"name": name, "attempt": attempt})
        for name in (_SAMPLE_NAME, "OTHER.xml")
        for attempt in (1, 2)
    }
    if len(names) < 4 or _SAMPLE_NAME in names:
        raise Wrong(
            "a template with {name} and {attempt}",
            'Use "{name}.{attempt}.tmp": a late rename of an earlier attempt must miss this one',
        )
    return text(value)


def _expanded(template: str, values: dict[str, Value]) -> str:
    fields = ", ".join(f"{{{field}}}" for field in values)
    if _WIDE.search(template):  # a width of a billion would fill the memory
        raise Wrong("a template with widths below 100", "Shorten the number after the colon")
    try:
        return expanded(template, values)
    except (ConfigError, UnicodeError) as error:
        why = error.cause if isinstance(error, ConfigError) else "not plain text"
    raise Wrong(f"a template of a plain file name ({why})", f"Its fields are {fields}")


# ---------------------------------------------------------------------------------------- accounts


def iban_number(value: object) -> str:
    """An IBAN without spaces, its check digits right."""
    compact = text(value).replace(" ", "").upper()
    if not (compact.isascii() and iban.is_valid(compact)):
        raise Wrong("an IBAN whose check digits are right", "Copy it again from the bank's paper")
    return compact


def amount(value: object) -> Decimal:
    """An amount above zero, as a text: TOML's numbers with a point are not exact."""
    try:
        found = money.amount(value) if isinstance(value, str) else Decimal(0)
    except ValueError:
        found = Decimal(0)
    if not found:
        raise Wrong('an amount in quotes, such as "100000.00"', "No spaces, commas or currency")
    return found


def any_or_name(value: object) -> str:
    """A name, or `*` for any, which becomes ""."""
    return "" if text(value) == "*" else text(value)


def profile(value: object) -> str:
    """The name of a profile; whether there is one is known to those who read them."""
    if not re.fullmatch(r"[a-z0-9-]+", text(value), re.ASCII):
        raise Wrong('the name of a profile, such as "sepa"', "Choose one of docs/config.md")
    return text(value)


def currency(value: object) -> str:
    """An ISO 4217 code."""
    if not re.fullmatch(r"[A-Z]{3}", text(value), re.ASCII):
        raise Wrong('a currency code such as "EUR"', "Write the three capital letters of ISO 4217")
    return text(value)


# -------------------------------------------------------------------------------------------- words


def then(value: object) -> Then:
    """nothing | one-more | hold."""
    return Then(_one_of(value, [each.value for each in Then]))


def kind(value: object) -> Kind:
    """payment | statement | report | status | document."""
    return Kind(_one_of(value, [each.value for each in Kind]))


def publish(value: object) -> Publish:
    """rename | posix-rename | direct."""
    return Publish(_one_of(value, [mode.value for mode in Publish]))


def confirm(value: object) -> Confirm:
    """list | report-only."""
    return Confirm(_one_of(value, [mode.value for mode in Confirm]))


def severity(value: object) -> Severity:
    """error | hold | warn | info."""
    return Severity(_one_of(value, [level.value for level in Severity]))


def rule(value: object) -> str:
    """The id of a rule, or of something else in the check whose severity may be agreed."""
    ids = sorted([*(rule.id for rule in RULES), *(each.id for each in FIXED if each.agreed)])
    if text(value) not in ids:
        close = get_close_matches(text(value), ids, n=1)
        remedy = f"Did you mean {close[0]!r}?" if close else "Remove it"
        raise Wrong(f"the id of a rule: one of {', '.join(ids)}", remedy)
    return text(value)


def preset(value: object) -> str:
    """The name of an ERP; whether there is a preset of it is known to those who read them."""
    if not re.fullmatch(r"[a-z0-9-]+", text(value), re.ASCII):
        raise Wrong('the name of a preset, such as "sap"', "Choose one of docs/receivers.md")
    return text(value)


def documents(value: object) -> str:
    """as-they-come | with-entry | none; true and false stand for the first and the last."""
    words = ["as-they-come", "with-entry", "none"]
    if isinstance(value, bool):
        return words[0] if value else words[2]
    return _one_of(value, words)


def separator(value: object) -> str:
    """What stands between the cells of a line."""
    if not isinstance(value, str) or len(value) != 1 or value.isalnum() or value in '\r\n"%.-':
        raise Wrong('one character, such as ";" or "\\t"', "Choose a comma, ; | or a tab")
    return value


def date_format(value: object) -> str:
    """How days are written, in the words of strftime."""
    if not re.fullmatch(r"(%[Yymd]|[-./ ])+", text(value)):
        raise Wrong("a format of %Y, %y, %m, %d and - . / or a blank", 'Such as "%d.%m.%Y"')
    return text(value)


def slip(value: object) -> str:
    """What a bank may get wrong in what it sends, by its rule id."""
    return _one_of(value, list(SLIPS))


def slip_severity(value: object) -> Severity:
    """What such a slip does; none refuses a bank's file."""
    return Severity(_one_of(value, ["hold", "warn", "info"]))


def _one_of(value: object, words: list[str]) -> str:
    if text(value) not in words:
        raise Wrong(f"one of {', '.join(words)}", "Choose one of these words")
    return text(value)


_LINK_KEYS = frozenset(
    {"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile"}
    | {"connect_timeout", "target_session_attrs", "channel_binding", "gssencmode"}
)


def database(value: object, info: ValidationInfo) -> str:
    """`sqlite:///PATH`, its path made absolute; or the address of a PostgreSQL database."""
    url = value if isinstance(value, str) else ""
    if url.startswith(POSTGRESQL):
        return _on_postgres(url)
    scheme, _, name = url.partition("sqlite:///")
    if scheme or not name or not name.isprintable() or "?" in name or name == ":memory:":
        raise Wrong(
            'a database as "sqlite:///ledger.db" (relative to this file)',
            "Keep the ledger in a SQLite file on a local disk, or name a PostgreSQL database:"
            " postgresql://ROLE@HOST/DATABASE",
        )
    return f"sqlite:///{_base(info) / name}"


def _on_postgres(url: str) -> str:
    """`postgresql://ROLE@HOST[:PORT]/DATABASE[?sslmode=…]`, without the password."""
    try:
        parts = urlsplit(url)
        options = {name for name, _ in parse_qsl(parts.query, strict_parsing=bool(parts.query))}
        secret = parts.password is not None
        whole = bool(parts.username and parts.path.strip("/")) and not parts.fragment
    except ValueError:
        secret, whole, options = False, False, set()
    if secret or "password" in options:
        raise Wrong(
            "the address of a database without the password",
            "Take it for known and replace it; name the new one in `database_password`",
        )
    if not whole or not url.isprintable() or " " in url or not options <= _LINK_KEYS:
        raise Wrong(
            'a database as "postgresql://h2h@db.example/h2h"',
            f"After a ? only these may stand: {', '.join(sorted(_LINK_KEYS))}",
        )
    return url
