"""config.toml: what is accepted, and how every mistake is named at its place."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import tomllib
import traceback
from collections.abc import Callable, Iterator
from datetime import time
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given, settings
from hypothesis import strategies as st

from h2h.config import (
    Config,
    ConfigProblems,
    Door,
    Finding,
    Secret,
    Sftp,
    Timeouts,
    load,
)
from h2h.config.findings import Key, Wrong
from h2h.config.models import tables_and_keys
from h2h.config.places import places
from h2h.config.to_do import left_to_do
from h2h.config.values import cron, temporary
from h2h.core.expected import StatementDays
from h2h.core.problem import Severity
from h2h.core.states import Publish
from h2h.errors import ConfigError

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "config.toml").read_text()
DOCUMENTATION = (ROOT / "docs" / "config.md").read_text()

Edit = Callable[[str, str], list[Finding]]


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def findings(path: Path) -> list[Finding]:
    with pytest.raises(ConfigProblems) as caught:
        load(path)
    return list(caught.value.findings)


@pytest.fixture
def edited(tmp_path: Path) -> Edit:
    """What is found once `old` in the example has become `new`."""

    def edit(old: str, new: str) -> list[Finding]:
        assert old in EXAMPLE
        return findings(written(tmp_path, EXAMPLE.replace(old, new)))

    return edit


def line_of(text: str) -> int:
    line, *_ = [n for n, line in enumerate(EXAMPLE.splitlines(), 1) if text in line]
    return line


# --------------------------------------------------------------------------------- what is accepted


def test_the_example_is_right_and_ready_for_use(tmp_path: Path) -> None:
    config = load(written(tmp_path, EXAMPLE))
    acme = config.banks["acme"]
    assert config.h2h.environment == "test"
    assert config.h2h.database == f"sqlite:///{tmp_path}/ledger.db"
    assert config.h2h.outbox == tmp_path / "outbox"
    assert acme.zone == ZoneInfo("Europe/Berlin")
    assert acme.customer == "corp1"
    assert acme.pgp.home == tmp_path / "keys/acme"
    assert isinstance(acme.transport, Sftp)
    assert acme.transport.upload.publish is Publish.RENAME
    assert [download.pattern for download in acme.transport.download] == ["*.xml*", "*.pdf"]
    assert [window.weekdays for window in acme.closed_windows] == [{5}, {6}]
    assert acme.sealed(acme.transport.download[0])


_ARCHIVE_KEYS = ("key", "home", "passphrase")


def test_every_commented_line_of_the_example_is_a_key_with_its_default(tmp_path: Path) -> None:
    """A user removes the # and nothing changes, save where the comment names no default."""
    plain = load(written(tmp_path, EXAMPLE))
    tables = "export|policies|alerts|reports|retention"
    commented = rf"(?m)^# ([\w-]+ = |\[banks\.acme\.|\[\[(?:{tables})\]\])"
    uncommented = re.sub(commented, r"\1", EXAMPLE)
    full = load(written(tmp_path, uncommented))
    workspace = {key for key, value in full.h2h if value != getattr(plain.h2h, key)}
    asked = {"rates", "export_head", "database_password"}
    asked |= {"certificates", "metrics_port", "metrics_token"}
    assert workspace <= asked | {f"archive_{key}" for key in _ARCHIVE_KEYS}
    before, after = dict(plain.banks["acme"]), dict(full.banks["acme"])
    changed = {key for key, value in after.items() if value != before[key]}
    assert changed == {
        *("own_schema", "largest_file", "most_payments", "limits", "rules", "sftp", "pgp", "door"),
        *("slips", "profile", "hybrid_addresses", "cut_offs", "after_cut_off", "test_indicator"),
    }
    assert (plain.export, plain.policies, plain.alerts) == ((), (), ())
    assert plain.reports == ()
    [report] = full.reports
    assert (len(report.kinds), report.formats) == (6, ("html", "csv"))
    [channel] = full.alerts
    assert channel.mail is not None
    assert (channel.name, channel.mail.to, channel.collect) == (
        "treasury",
        ("cash@acme.example",),
        60,
    )
    [policy] = full.policies
    assert (policy.name, policy.approvals, policy.above) == ("large", 2, Decimal("10000.00"))
    [receiver] = full.export
    assert (receiver.name, receiver.preset, receiver.split) == ("erp", "sap", "file")
    assert [form.form for form in receiver.forms or ()] == ["camt.02", "csv"]
    assert full.banks["acme"].rules == {"execution-date-past": Severity.HOLD}
    assert full.banks["acme"].slips == {"statement-summary": Severity.HOLD}
    assert full.banks["acme"].door == Door(marker=".ok")
    (cut_off,) = full.banks["acme"].cut_offs
    assert (cut_off.scheme, cut_off.currency) == ("", "EUR")
    assert (cut_off.time, cut_off.days_before) == (time(14), 1)
    limit = full.banks["acme"].limits["EUR"]
    amounts = [str(amount) for amount in (limit.payment, limit.file, limit.day)]
    assert amounts == ["100000.00", "1000000.00", "2000000.00"]
    assert full.banks["acme"].sftp is not None
    assert full.banks["acme"].sftp.timeouts == Timeouts()


@pytest.mark.parametrize(
    ("written_so", "days"),
    [
        ('"none"', None),
        ('"business-days"', StatementDays(frozenset(range(7)))),
        ('"daily"', StatementDays(frozenset(range(7)), on_holidays=True)),
        ('["fri", "mon"]', StatementDays(frozenset({0, 4}))),
    ],
)
def test_the_days_with_a_statement_are_agreed_by_account(
    tmp_path: Path, written_so: str, days: StatementDays | None
) -> None:
    text = EXAMPLE.replace('# statements = "none"', f"statements = {written_so}")
    text = text.replace('# empty_statements = "sent"', 'empty_statements = "omitted"')
    account = load(written(tmp_path, text)).banks["acme"].accounts[0]
    assert account.statements == days
    assert (account.statement_by, account.empty_statements) == (time(9), "omitted")


FOLDER_BANK = """
[h2h]
environment = "test"

[banks.rehearsal]
calendar = "DE"
zone = "Asia/Shanghai"

[banks.rehearsal.folder]
root = "bank"
upload = { folder = "in", publish = "direct" }
download = [{ folder = "out/", after = "move", move_to = "done" }]

[banks.rehearsal.pgp]
seal = "none"

[[banks.rehearsal.accounts]]
number = "000123"
bank_code = "021000021"
currency = "USD"
"""


def test_a_folder_can_stand_for_a_bank(tmp_path: Path) -> None:
    bank = load(written(tmp_path, FOLDER_BANK)).banks["rehearsal"]
    assert bank.sftp is None
    assert bank.folder is not None
    assert bank.folder.root == tmp_path / "bank"
    assert bank.folder.download[0].folder == "out"
    assert bank.customer == "rehearsal"
    assert not bank.sealed(bank.folder.download[0])


def test_values_are_tidied_where_people_copy_them_with_spaces(tmp_path: Path) -> None:
    text = EXAMPLE.replace("DE89370400440532013000", "de89 3704 0044 0532 0130 00")
    text = text.replace('sign_with = "0000000000', 'sign_with = "abcd 0000 00 ')
    config = load(written(tmp_path, text))
    assert config.banks["acme"].accounts[0].iban == "DE89370400440532013000"
    assert config.banks["acme"].pgp.sign_with == "ABCD" + "0" * 36


def test_a_configuration_cannot_be_changed_once_read(tmp_path: Path) -> None:
    config = load(written(tmp_path, EXAMPLE))
    with pytest.raises(ValueError, match="frozen"):
        config.h2h.environment = "production"


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistake(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xef\xbb\xbf" + EXAMPLE.replace("\n", "\r\n").encode())
    assert load(path).h2h.environment == "test"


def test_reading_the_configuration_loads_no_heavy_module() -> None:
    heavy = ["sqlalchemy", "paramiko", "lxml", "xmlschema", "apscheduler", "gnupg"]
    code = (
        f"import sys, h2h.config, h2h.config.to_do; print([m for m in {heavy} if m in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


# ------------------------------------------------------------------------------ each mistake, named


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ('environment = "test"', 'environment = "prod"', "h2h.environment", "'production'"),
        ("sqlite:///ledger.db", "mysql://db/x", "h2h.database", "sqlite:///ledger.db"),
        ("sqlite:///ledger.db", "postgresql://db/x", "h2h.database", "postgresql://h2h@"),
        ("sqlite:///ledger.db", "postgresql://u@db/x?dbname=y", "h2h.database", "sslmode"),
        ("sqlite:///ledger.db", "postgresql://u:pw@db/x", "h2h.database", "database_password"),
        ("sqlite:///ledger.db", "postgresql://u@/x?password=y", "h2h.database", "without the"),
        ('language = "en"', 'language = "de"', "h2h.language", "'en'"),
        ("1_000_000_000", '"1 GB"', "h2h.largest_file", "a whole number"),
        ("1_000_000_000", "0", "h2h.largest_file", "greater than or equal to 1"),
        ("1_000_000_000", "true", "h2h.largest_file", "a whole number"),
        ("1_000_000_000", "9" * 400, "h2h.largest_file", "1000000000000"),
        ('# inbox = "inbox"', 'inbox = "outbox/in"', "h2h.inbox", "apart from outbox"),
        ('# archive = "archive"', 'archive = "~/x"', "h2h.archive", "without ~"),
        ('"ECB"', '"TARGET7"', "banks.acme.calendar", "a financial calendar"),
        ('"Europe/Berlin"', '"Berlin"', "banks.acme.zone", "a time zone"),
        ('"Europe/Berlin"', '"../../etc/passwd"', "banks.acme.zone", "a time zone"),
        ("mon-fri", "1-5", "banks.acme.fetch[1]", "weekdays by name"),
        ("mon-fri", "mon-5", "banks.acme.fetch[1]", "weekdays by name"),
        ("*/15 6-20", "*/15 20-6", "banks.acme.fetch[1]", "hour from 0 to 23"),
        ("*/15 6-20 * *", "*/15 6-20 *", "banks.acme.fetch[1]", "five fields"),
        ("sat 17:00 - sun 01:00", "sat 17 to 18", "banks.acme.closed[1]", "a weekly span"),
        ('# customer = "corp1"', 'customer = ""', "banks.acme.customer", "not empty"),
        ("# gap_free = false", "gap_free = 0", "banks.acme.gap_free", "true or false"),
        ("# similar_days = 30", "similar_days = -1", "banks.acme.similar_days", "equal to 0"),
        ('# confirm = "list"', 'confirm = "look"', "banks.acme.confirm", "report-only"),
        ("# doubt_deadline = 60", "doubt_deadline = 0", "banks.acme.doubt_deadline", "equal to 1"),
        ("# past_date_tolerance = 0", "past_date_tolerance = 1.5",
         "banks.acme.past_date_tolerance", "a whole number"),
        ('# status_reports = "all"', 'status_reports = "some"', "banks.acme.status_reports",
         "'rejects-only'"),
        ('["sftp.acme.example"]', "[]", "banks.acme.sftp.hosts", "at least one"),
        ('["sftp.acme.example"]', '"sftp.acme.example"', "banks.acme.sftp.hosts", "a list"),
        ('"sftp.acme.example"', '"sftp.acme.example:22"', "banks.acme.sftp.hosts[1]", "host name"),
        ("# port = 22", "port = 70000", "banks.acme.sftp.port", "65535"),
        ('"file:keys/acme-ssh"', '"hunter2"', "banks.acme.sftp.private_key", "cred:NAME"),
        ('"file:keys/acme-ssh"', '"vault:x"', "banks.acme.sftp.private_key", "cred:NAME"),
        ('"file:keys/acme-ssh"', '"cred:../x"', "banks.acme.sftp.private_key", "cred:NAME"),
        ('"ssh-ed25519 AAAAC3', '"sftp.acme.example ssh-ed25519 AAAAC3',
         "banks.acme.sftp.host_keys[1]", "TYPE BASE64"),
        ('"ssh-ed25519 AAAAC3', '"ssh-rsa AAAAC3', "banks.acme.sftp.host_keys[1]", "ssh-rsa key"),
        ('"ssh-ed25519 AAAAC3NzaC1l', '"ssh-ed25519 AAAAC3NzaC1l!', "banks.acme.sftp.host_keys[1]",
         "the whole base64"),
        ('AAAAAAAAAAAAAAAA",', 'AAAAAAAAAAAA",', "banks.acme.sftp.host_keys[1]",
         "the whole base64"),
        ('# proxy = "proxy', 'proxy = "user:pw@proxy', "banks.acme.sftp.proxy", "HOST:PORT"),
        ('"{name}.{attempt}.tmp"', '"{name}.tmp"', "banks.acme.sftp.upload.temporary",
         "{name} and {attempt}"),
        ('"{name}.{attempt}.tmp"', '"x.{attempt}"', "banks.acme.sftp.upload.temporary",
         "{name} and {attempt}"),
        ('"{name}.{attempt}.tmp"', '"../{name}.{attempt}"', "banks.acme.sftp.upload.temporary",
         "plain file name"),
        ('publish = "rename"', 'publish = "copy"', "banks.acme.sftp.upload.publish",
         "posix-rename"),
        ('folder = "Outbox"', 'folder = "../x"', "banks.acme.sftp.upload.folder", "without .."),
        ('kind = "document"', 'kind = "pdf"', "banks.acme.sftp.download[2].kind", "'document'"),
        ('"*.pdf"', '"Inbox/*.pdf"', "banks.acme.sftp.download[2].pattern", "pattern for names"),
        ('"document", after = "delete"', '"document", after = "move"',
         "banks.acme.sftp.download[2].move_to", "a folder at the bank"),
        ('"document", after = "delete"', '"document", after = "delete", move_to = "x"',
         "banks.acme.sftp.download[2].move_to", "no such key"),
        ("_{sequence:04}", "", "banks.acme.sftp.file_name", "{sequence} or {id}"),
        ("{customer}_", "{client}_", "banks.acme.sftp.file_name", "{client}"),
        ("{customer}_", "{customer", "banks.acme.sftp.file_name", "plain file name"),
        ("{customer}_", "{customer.__class__}_", "banks.acme.sftp.file_name", "plain file name"),
        ("{customer}_", "a/{customer}_", "banks.acme.sftp.file_name", "plain file name"),
        ("{sequence:04}", "{sequence:9999999999}", "banks.acme.sftp.file_name", "below 100"),
        ("# timeouts = { connect = 10", "timeouts = { connect = inf",
         "banks.acme.sftp.timeouts.connect", "finite number"),
        ('seal = "sign+encrypt"', 'seal = "pgp"', "banks.acme.pgp.seal", "'sign+encrypt'"),
        ('sign_with = "00000000', 'sign_with = "', "banks.acme.pgp.sign_with", "40 hexadecimal"),
        ('sign_with = "0000000000000000000000000000000000000000"', 'sign_with = ""',
         "banks.acme.pgp.sign_with", "40 hexadecimal"),
        ('# passphrase = "cred:acme-passphrase"', 'passphrase = "geheim"',
         "banks.acme.pgp.passphrase", "file:PATH"),
        ('# cipher = "AES256"', 'cipher = "ROT13"', "banks.acme.pgp.cipher", "'AES128'"),
        ('"DE89370400440532013000"', '"DE89370400440532013001"', "banks.acme.accounts[1].iban",
         "check digits"),
        ("iban = ", "number = ", "banks.acme.accounts[1]", "number and bank_code"),
        ('currency = "EUR"', 'currency = "eur"', "banks.acme.accounts[1].currency", "ISO 4217"),
        ('# statements = "none"', 'statements = "workdays"', "banks.acme.accounts[1].statements",
         "business-days"),
        ('# statements = "none"', 'statements = ["mon", "5"]', "banks.acme.accounts[1].statements",
         "mon, tue, wed"),
        ('# statements = "none"', "statements = []", "banks.acme.accounts[1].statements",
         "mon, tue, wed"),
        ('# statement_by = "09:00"', 'statement_by = "9"', "banks.acme.accounts[1].statement_by",
         '"14:30"'),
        ("# statement_days_after = 1", "statement_days_after = -1",
         "banks.acme.accounts[1].statement_days_after", "equal to 0"),
        ('# empty_statements = "sent"', 'empty_statements = "none"',
         "banks.acme.accounts[1].empty_statements", "'omitted'"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_key_and_what_is_expected(
    edited: Edit, old: str, new: str, key: str, words: str
) -> None:
    [finding] = edited(old, new)
    assert finding.key == key
    assert words in f"{finding.expected} {finding.remedy}"
    assert finding.remedy


@pytest.mark.parametrize(
    ("line", "key", "words"),
    [
        ('profile = "../sepa"', "profile", "name of a profile"),
        ('hybrid_addresses = "no"', "hybrid_addresses", "true or false"),
        ('cut_offs = [{ time = "2 pm" }]', "cut_offs[1].time", '"14:30"'),
        ('cut_offs = [{ time = "24:00" }]', "cut_offs[1].time", "00 to 23"),
        ("cut_offs = [{ time = 14:00:00 }]", "cut_offs[1].time", "a text"),
        ('cut_offs = [{ scheme = "SEPA" }]', "cut_offs[1].time", "this key"),
        ('after_cut_off = "shift"', "after_cut_off", "'hold'"),
        ("most_payments = 0", "most_payments", "equal to 1"),
        ('test_indicator = " "', "test_indicator", "not empty"),
        ("limits.EUR = { payment = 100000.00 }", "limits.EUR.payment", "in quotes"),
        ('limits.EUR = { day = "100,000" }', "limits.EUR.day", "No spaces"),
        ('limits.EUR = { file = "0.00" }', "limits.EUR.file", "an amount"),
        ('limits.Eur = { file = "1" }', "limits.Eur", "ISO 4217"),
    ],
)  # fmt: skip
def test_a_mistake_in_what_a_bank_takes_is_named(
    edited: Edit, line: str, key: str, words: str
) -> None:
    [finding] = edited("# gap_free = false", line)
    assert finding.key == f"banks.acme.{key}"
    assert words in f"{finding.expected} {finding.remedy}"


@pytest.mark.parametrize(
    ("old", "new", "key", "remedy"),
    [
        ("gap_free = false", "gapfree = false", "banks.acme.gapfree", "'gap_free'"),
        ("# port = 22", "prot = 22", "banks.acme.sftp.prot", "'port'"),
        ("# gap_free = false", "port = 22", "banks.acme.port", "banks.NAME.sftp"),
        ("# gap_free = false", "quotas = []", "banks.acme.quotas", "docs/config.md"),
        ("# gap_free = false", 'cut_offs = [{ tiem = "14:00", time = "14:00" }]',
         "banks.acme.cut_offs[1].tiem", "'time'"),
        ("# gap_free = false", 'limits.EUR = { paymnt = "1" }', "banks.acme.limits.EUR.paymnt",
         "'payment'"),
        ('pattern = "*.pdf"', 'pattern = "*", patern = "*.pdf"',
         "banks.acme.sftp.download[2].patern", "'pattern'"),
        ("[h2h]", "[h2hh]\n[h2h]", "h2hh", "'h2h'"),
        ('entity = "Acme GmbH"', 'entiti = "Acme GmbH"', "banks.acme.accounts[1].entiti",
         "'entity'"),
    ],
)  # fmt: skip
def test_an_unknown_key_gets_the_likely_one(
    tmp_path: Path, old: str, new: str, key: str, remedy: str
) -> None:
    text = EXAMPLE.replace(f"# {old}", old).replace(old, new, 1)
    [finding] = findings(written(tmp_path, text))
    assert (finding.key, finding.found) == (key, "an unknown key")
    assert remedy in finding.remedy


def test_an_unknown_rule_is_an_error_since_it_would_protect_nothing(edited: Edit) -> None:
    rules = '\n[banks.acme.rules]\nexecution-date-paste = "hold"\niban = "fatal"\n'
    unknown, severity = edited("# [banks.acme.rules]", rules)
    assert "'execution-date-past'" in unknown.remedy
    assert severity.key == "banks.acme.rules.iban"
    assert "error, hold, warn, info" in severity.expected


def test_a_slip_of_the_bank_never_refuses_its_file(edited: Edit) -> None:
    slips = '\n[banks.acme.slips]\nschema = "error"\niban = "hold"\n'
    found = {each.key: each for each in edited("# [banks.acme.slips]", slips)}
    assert "hold, warn, info" in found["banks.acme.slips.schema"].expected
    assert "statement-summary" in found["banks.acme.slips.iban"].expected


def test_a_bank_needs_a_plain_name_that_is_not_taken(tmp_path: Path) -> None:
    for name, words in (('"Ac me"', "a-z"), ('"../x"', "a-z"), ("answers", "another name")):
        text = EXAMPLE.replace("banks.acme", f"banks.{name}")
        [finding] = findings(written(tmp_path, text))
        assert words in finding.expected


def test_a_configuration_without_a_bank_can_do_nothing(tmp_path: Path) -> None:
    [missing] = findings(written(tmp_path, '[h2h]\nenvironment = "test"\n'))
    [empty] = findings(written(tmp_path, '[h2h]\nenvironment = "test"\n[banks]\n'))
    assert (missing.key, empty.key) == ("banks", "banks")


def test_an_empty_file_lacks_both_tables(tmp_path: Path) -> None:
    assert [finding.key for finding in findings(written(tmp_path, ""))] == ["h2h", "banks"]


# ------------------------------------------------------------------------------- keys that disagree


@pytest.mark.parametrize(
    ("seal", "needed"),
    [
        ("sign+encrypt", ["sign_with", "encrypt_to", "accept_from"]),
        ("sign", ["sign_with", "accept_from"]),
        ("encrypt", ["encrypt_to", "accept_from"]),
        ("detached", ["sign_with", "accept_from"]),
    ],
)
def test_a_seal_needs_its_keys(tmp_path: Path, seal: str, needed: list[str]) -> None:
    bare = re.sub(r"(?m)^(sign_with|encrypt_to|accept_from) = .*\n", "", EXAMPLE)
    text = bare.replace('seal = "sign+encrypt"', f'seal = "{seal}"')
    keys = [finding.key for finding in findings(written(tmp_path, text))]
    assert keys == [f"banks.acme.pgp.{name}" for name in needed]


def test_without_a_pgp_table_files_are_not_sent_in_clear_but_refused(tmp_path: Path) -> None:
    before, _, after = EXAMPLE.partition("[banks.acme.pgp]")
    text = before + "[[banks.acme.accounts]]" + after.partition("[[banks.acme.accounts]]")[2]
    keys = [finding.key for finding in findings(written(tmp_path, text))]
    assert keys == [f"banks.acme.pgp.{name}" for name in ("sign_with", "encrypt_to", "accept_from")]


def test_no_seal_is_for_the_test_environment_only(tmp_path: Path) -> None:
    assert load(written(tmp_path, FOLDER_BANK)).banks["rehearsal"].pgp.seal == "none"
    production = FOLDER_BANK.replace('"test"', '"production"')
    [finding] = findings(written(tmp_path, production))
    assert finding.key == "banks.rehearsal.pgp.seal"
    misspelt = FOLDER_BANK.replace('"test"', '"tset"')
    keys = [finding.key for finding in findings(written(tmp_path, misspelt))]
    assert keys == ["h2h.environment", "banks.rehearsal.pgp.seal"]


def test_a_key_that_would_prove_nothing_is_not_left_standing(tmp_path: Path) -> None:
    named = FOLDER_BANK.replace('seal = "none"', f'seal = "none"\naccept_from = ["{"A" * 40}"]')
    [finding] = findings(written(tmp_path, named))
    assert finding.key == "banks.rehearsal.pgp.accept_from"


def test_files_in_clear_need_no_accepted_key_only_where_all_are_declared_so(tmp_path: Path) -> None:
    bare = re.sub(r"(?m)^accept_from = .*\n", "", EXAMPLE)
    one = bare.replace('kind = "document",', 'kind = "document", seal = false,')
    [finding] = findings(written(tmp_path, one))
    assert finding.key == "banks.acme.pgp.accept_from"
    both = one.replace('kind = "message",', 'kind = "message", seal = false,')
    bank = load(written(tmp_path, both)).banks["acme"]
    assert [bank.sealed(download) for download in bank.transport.download] == [False, False]


def test_a_bank_is_reached_in_exactly_one_way(tmp_path: Path) -> None:
    both = EXAMPLE + '[banks.acme.folder]\nroot = "bank"\nupload = { folder = "in" }\n'
    [finding] = findings(written(tmp_path, both))
    assert (finding.key, finding.found) == ("banks.acme", "both")
    neither = re.sub(r"(?s)\[banks\.acme\.sftp\].*(?=\[banks\.acme\.pgp\])", "", EXAMPLE)
    [finding] = findings(written(tmp_path, neither))
    assert (finding.key, finding.found) == ("banks.acme", "neither")


SECOND_BANK = "[banks" + EXAMPLE.replace("acme", "other").partition("[banks")[2]


def test_an_account_at_two_banks_could_not_be_routed(tmp_path: Path) -> None:
    text = EXAMPLE + SECOND_BANK.replace("DE89370400440532013000", "de89 3704 0044 0532 0130 00")
    [finding] = findings(written(tmp_path, text))
    assert finding.key == "banks.other.accounts[1].iban"
    assert "banks.acme has it already" in finding.expected


def test_an_account_in_two_currencies_at_one_bank_is_lawful_and_in_one_twice_is_not(
    tmp_path: Path,
) -> None:
    account = '[[banks.acme.accounts]]\niban = "DE89370400440532013000"\ncurrency = "USD"\n'
    assert len(load(written(tmp_path, EXAMPLE + account)).banks["acme"].accounts) == 2
    [finding] = findings(written(tmp_path, EXAMPLE + account.replace("USD", "EUR")))
    assert "each account and currency once" in finding.expected


def test_two_banks_never_share_a_ring(tmp_path: Path) -> None:
    other = SECOND_BANK.replace("keys/other", "keys/acme")
    text = EXAMPLE + other.replace("DE89370400440532013000", "FR7630006000011234567890189")
    [finding] = findings(written(tmp_path, text))
    assert finding.key == "banks.other.pgp.home"


# ---------------------------------------------------------------------------- all at once, in place


def test_all_problems_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = (
        EXAMPLE.replace('"ECB"', '"ECBX"')
        .replace("# port = 22", "prot = 22")
        .replace('seal = "sign+encrypt"', 'seal = "none"')
        .replace('environment = "test"', 'environment = "production"')
        .replace('after = "delete" },\n]', 'after = "shred" },\n]')
        .replace("532013000", "532013001")
    )
    found = findings(written(tmp_path, text))
    assert [(finding.key, finding.line) for finding in found] == [
        ("banks.acme.calendar", line_of('calendar = "ECB"')),
        ("banks.acme.sftp.prot", line_of("# port = 22")),
        ("banks.acme.sftp.download[2].after", line_of('pattern = "*.pdf"')),
        ("banks.acme.pgp.seal", line_of('seal = "sign+encrypt"')),
        ("banks.acme.pgp.accept_from", line_of("accept_from = ")),
        ("banks.acme.accounts[1].iban", line_of("iban = ")),
    ]
    error = ConfigProblems(found)
    assert "6 problems" in str(error)
    assert all(str(finding) in str(error) for finding in found)


def test_a_missing_key_is_placed_at_the_table_that_lacks_it(tmp_path: Path) -> None:
    text = EXAMPLE.replace('username = "corp1"', "").replace('currency = "EUR"', "")
    assert [(finding.key, finding.line) for finding in findings(written(tmp_path, text))] == [
        ("banks.acme.sftp.username", line_of("[banks.acme.sftp]")),
        ("banks.acme.accounts[1].currency", line_of("[[banks.acme.accounts]]")),
    ]


def test_broken_toml_is_one_problem_on_its_line(edited: Edit) -> None:
    [finding] = edited('zone = "Europe/Berlin"', 'zone = "Europe/Berlin')
    assert finding.line == line_of("zone =")
    [finding] = edited('zone = "Europe/Berlin"', 'calendar = "DE"')
    assert finding.line == line_of("zone =")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"[h2h]\n# caf\xe9\n", "not UTF-8"),
        (b"#" * 2_000_000, "2000000 bytes"),
        (b"a = " + b"[" * 100_000, "beyond reason"),
        (b"a = " + b"9" * 10_000, "no TOML"),
    ],
)
def test_what_is_no_text_or_beyond_reason_is_said_in_words(
    tmp_path: Path, content: bytes, found: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    [finding] = findings(path)
    assert found in finding.found


def test_a_config_that_is_not_there_names_the_next_move(tmp_path: Path) -> None:
    [missing] = findings(tmp_path / "config.toml")
    [folder] = findings(tmp_path)
    assert missing.found == "No such file or directory"
    assert folder.found == "something else than a file"
    assert "h2h init" in missing.remedy


# -------------------------------------------------------------------------------- the line of a key


def test_the_line_of_a_key_is_found_however_toml_lets_it_be_written() -> None:
    text = '''# a = 1
title = "x"  # = [ { not a key
[ banks . "ac.me" ]
sftp.hosts = [
  "a", # ]
  "b = {",
]
note = """
[not.a.table]
a = 1"""""
last = \'\'\'
[[x]]
\'\'\'
inline = { a = 1, "b c" = [ { d = 1.5 },
   { d = 2020-01-01T00:00:00Z } ] }
[[banks.accounts]]
iban = 1
[banks.accounts.more]
x = 1
[[banks.accounts]]
iban = 2
quotes = ["""a"""", "]",
  3]
'''
    lines = places(text).lines
    expected: dict[Key, int] = {
        ("title",): 2,
        ("banks",): 3,
        ("banks", "ac.me"): 3,
        ("banks", "ac.me", "sftp"): 4,
        ("banks", "ac.me", "sftp", "hosts"): 4,
        ("banks", "ac.me", "sftp", "hosts", 0): 5,
        ("banks", "ac.me", "sftp", "hosts", 1): 6,
        ("banks", "ac.me", "note"): 8,
        ("banks", "ac.me", "last"): 11,
        ("banks", "ac.me", "inline"): 14,
        ("banks", "ac.me", "inline", "a"): 14,
        ("banks", "ac.me", "inline", "b c"): 14,
        ("banks", "ac.me", "inline", "b c", 0): 14,
        ("banks", "ac.me", "inline", "b c", 0, "d"): 14,
        ("banks", "ac.me", "inline", "b c", 1): 15,
        ("banks", "ac.me", "inline", "b c", 1, "d"): 15,
        ("banks", "accounts"): 16,
        ("banks", "accounts", 0): 16,
        ("banks", "accounts", 0, "iban"): 17,
        ("banks", "accounts", 0, "more"): 18,
        ("banks", "accounts", 0, "more", "x"): 19,
        ("banks", "accounts", 1): 20,
        ("banks", "accounts", 1, "iban"): 21,
        ("banks", "accounts", 1, "quotes"): 22,
        ("banks", "accounts", 1, "quotes", 0): 22,
        ("banks", "accounts", 1, "quotes", 1): 22,
        ("banks", "accounts", 1, "quotes", 2): 23,
    }
    assert lines == expected
    assert set(lines) == set(_keys(tomllib.loads(text)))


def _keys(value: object, above: Key = ()) -> Iterator[Key]:
    pairs: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list):
        pairs = list(enumerate(value))
    for key, inner in pairs:
        yield (*above, key)
        yield from _keys(inner, (*above, key))


# ------------------------------------------------------------------------------------------ secrets


def test_a_secret_is_read_from_where_the_reference_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("line one\nline two\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("BANK_PASSWORD", "s3cret")
    assert Secret("file", "key", tmp_path).read() == "line one\nline two"
    assert Secret("cred", "key", Path("/")).read() == "line one\nline two"
    assert Secret("env", "BANK_PASSWORD", Path("/")).read() == "s3cret"


def test_a_renewed_secret_needs_no_restart(tmp_path: Path) -> None:
    secret = Secret("file", "key", tmp_path)
    (tmp_path / "key").write_text("old")
    assert secret.read() == "old"
    (tmp_path / "key").write_text("new")
    assert secret.read() == "new"


def test_a_secret_that_cannot_be_read_says_who_must_do_what(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv("BANK_PASSWORD", raising=False)
    (tmp_path / "binary").write_bytes(b"\xff\xfegeheim")
    (tmp_path / "empty").write_text("\n")
    for secret, words in (
        (Secret("file", "nothing", tmp_path), "chmod 600"),
        (Secret("file", "binary", tmp_path), "chmod 600"),
        (Secret("file", "empty", tmp_path), "chmod 600"),
        (Secret("cred", "acme-ssh", tmp_path), "LoadCredential=acme-ssh"),
        (Secret("env", "BANK_PASSWORD", tmp_path), "environment variable BANK_PASSWORD"),
    ):
        with pytest.raises(ConfigError, match=re.escape(str(secret))) as caught:
            secret.read()
        assert words in caught.value.next_move
        assert "geheim" not in "".join(traceback.format_exception(caught.value))


def test_a_secrets_text_is_in_no_representation_of_the_configuration(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "keys").mkdir()
    key = tmp_path / "keys" / "acme-ssh"
    key.touch(mode=0o600)
    key.write_text("hunter2")
    config = load(written(tmp_path, EXAMPLE))
    assert config.banks["acme"].sftp is not None
    assert config.banks["acme"].sftp.private_key.read() == "hunter2"
    with caplog.at_level(logging.INFO):
        logging.getLogger("h2h").info("%r %s", config, config.banks["acme"].sftp.private_key)
    assert "hunter2" not in repr(config) + caplog.text
    assert "file:keys/acme-ssh" in caplog.text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('private_key = "file:keys/acme-ssh"', 'private_key = "hunter2"'),
        ('private_key = "file:keys/acme-ssh"', 'private_key = ["hunter2"]'),
        ('private_key = "file:keys/acme-ssh"', 'private_key = { text = "hunter2" }'),
        ('private_key = "file:keys/acme-ssh"', 'privat_key = "hunter2"'),
        ('private_key = "file:keys/acme-ssh"', 'private_key = "cred:hunter2 x"'),
        ('# password = "cred:acme-password"', 'pass = "hunter2"'),
        ("sqlite:///ledger.db", "postgresql://h2h:hunter2@db/x"),
        ("# proxy =", 'proxy = "http://u:hunter2@proxy" #'),
        ("ssh-ed25519 AAAA", "-----BEGIN PRIVATE KEY----- hunter2"),
        ("[banks.acme.sftp]", '[banks.acme.sftp]\nhosts = { password = "hunter2" }\nx = 1\n[x]'),
        ('# passphrase = "cred:acme-passphrase"', 'passphrase = "hunter2'),
    ],
)
def test_a_secret_written_by_mistake_is_never_echoed(tmp_path: Path, old: str, new: str) -> None:
    assert old in EXAMPLE
    path = written(tmp_path, EXAMPLE.replace(old, new))
    with pytest.raises(ConfigProblems) as caught:
        load(path)
    shown = json.dumps([finding.as_json() for finding in caught.value.findings])
    assert "hunter2" not in shown + "".join(traceback.format_exception(caught.value))


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    key = tmp_path / "keys" / "acme-ssh"
    key.touch(mode=0o600)
    path = written(tmp_path, EXAMPLE)
    assert load(path).banks["acme"].sftp is not None
    for mode in (0o640, 0o604, 0o644):
        key.chmod(mode)
        [finding] = findings(path)
        assert finding.key == "banks.acme.sftp.private_key"
        assert f"{mode:04o}" in finding.found
        assert finding.remedy == f"chmod 600 {key}"


# ------------------------------------------------------------------------------- what is left to do


def test_what_only_the_user_can_supply_is_left_to_do_and_not_wrong(tmp_path: Path) -> None:
    path = written(tmp_path, EXAMPLE)
    assert [(finding.key, finding.line) for finding in left_to_do(path, load(path))] == [
        ("banks.acme.sftp.hosts[1]", line_of("hosts =")),
        ("banks.acme.sftp.private_key", line_of("private_key =")),
        ("banks.acme.sftp.host_keys[1]", line_of('"ssh-ed25519')),
        ("banks.acme.pgp.home", line_of('home = "keys/acme"')),
        ("banks.acme.pgp.sign_with", line_of("sign_with =")),
        ("banks.acme.pgp.encrypt_to[1]", line_of("encrypt_to =")),
        ("banks.acme.pgp.accept_from[1]", line_of("accept_from =")),
    ]


def test_nothing_is_left_once_everything_is_supplied(tmp_path: Path) -> None:
    (tmp_path / "keys" / "acme").mkdir(parents=True, mode=0o700)
    key = tmp_path / "keys" / "acme-ssh"
    key.touch(mode=0o600)
    key.write_text("a key")
    text = EXAMPLE.replace("sftp.acme.example", "sftp.acme.test").replace('"0000', '"ABCD')
    path = written(tmp_path, text.replace('AAAAAAA",', 'AAAAAAB",'))
    assert left_to_do(path, load(path)) == []
    (tmp_path / "keys" / "acme").chmod(0o750)
    assert [finding.expected for finding in left_to_do(path, load(path))] == ["mode 0700"]


def test_a_folder_bank_waits_for_its_folder_and_its_schema(tmp_path: Path) -> None:
    path = written(tmp_path, FOLDER_BANK.replace('zone = "', 'schema = "own.xsd"\nzone = "'))
    assert [finding.key for finding in left_to_do(path, load(path))] == [
        "banks.rehearsal.schema",
        "banks.rehearsal.folder.root",
    ]
    (tmp_path / "bank").mkdir()
    (tmp_path / "own.xsd").touch()
    assert left_to_do(path, load(path)) == []


# ------------------------------------------------------------------------------------ cron, fuzzing

_NUMBERS = st.integers(0, 70).map(str)
_NAMES = st.sampled_from(["mon", "fri", "sun", "jan", "dec", "xyz"])
_ATOMS = st.one_of(st.just("*"), _NUMBERS, _NAMES)
_PARTS = st.builds(
    lambda first, last, step: first + (f"-{last}" if last else "") + (f"/{step}" if step else ""),
    _ATOMS,
    st.one_of(st.none(), _ATOMS),
    st.one_of(st.none(), _NUMBERS),
)
_CRON_FIELDS = st.lists(_PARTS, min_size=1, max_size=2).map(",".join)


@given(st.integers(0, 4), _CRON_FIELDS)
def test_a_cron_line_that_is_accepted_is_one_the_scheduler_understands(at: int, field: str) -> None:
    fields = ["0", "12", "*", "*", "mon-fri"]
    fields[at] = field
    try:
        line = cron(" ".join(fields))
    except Wrong:
        return
    assert CronTrigger.from_crontab(line, timezone="Europe/Berlin").fields


@pytest.mark.parametrize(
    "line",
    ["*/15 6-20 * * mon-fri", "0 7,12,18 * * *", "30 6 1 jan-jun/2 sat", "5-55/10 * 1-7 * MON"],
)
def test_the_usual_cron_lines_are_accepted(line: str) -> None:
    assert CronTrigger.from_crontab(cron(line), timezone="Europe/Berlin").fields


def test_a_temporary_name_tells_files_and_attempts_apart() -> None:
    assert temporary("{name}.{attempt}.filepart") == "{name}.{attempt}.filepart"
    with pytest.raises(Wrong, match="attempt"):
        temporary("{name}.part")


_LINES = EXAMPLE.splitlines()
_VALUES = st.sampled_from(
    ["1", "-1", "true", '""', '"x"', "[]", "{}", "[[1]]", "1979-05-27", "07:32:00", "nan", "inf",
     "1e400", '"\\u0000"', '"\\uD7FF"', "9" * 50, "[{}]", "{ a = 1 }", '"{x"', '"é\\n"', "''"]
)  # fmt: skip


@st.composite
def mutants(draw: st.DrawFn) -> str:
    """The example with a few lines dropped, doubled, cut, swapped or given another value."""
    lines = [line.lstrip("# ") if draw(st.booleans()) else line for line in _LINES]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(lines) - 1))
        line = lines[at]
        key = line.partition("=")[0]
        lines[at] = draw(
            st.sampled_from(["", line + "\n" + line, line[: len(line) // 2], line[::-1]])
            | _VALUES.map(lambda value, key=key: f"{key}= {value}")  # type: ignore[misc]  # mypy infers no lambda with a default
            | st.text(max_size=20)
        )
    return "\n".join(lines)


@settings(max_examples=300)
@given(mutants())
def test_a_mutated_file_is_read_or_refused_in_words_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "mutant.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    problems, config = judged(path)
    assert bool(problems) is (config is None)
    assert all(one.found and one.expected and one.remedy for one in problems)
    assert all(str(one).isprintable() for one in problems)
    if config is not None:
        assert {finding.file for finding in left_to_do(path, config)} <= {path}


def judged(path: Path) -> tuple[tuple[Finding, ...], Config | None]:
    try:
        return (), load(path)
    except ConfigProblems as error:
        return error.findings, None


@given(st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["h2h", "banks", "acme", "sftp", "pgp", "upload", "seal",
                                       "download", "accounts", "rules"]), inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_tables_of_any_shape_are_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, shape: object
) -> None:
    def toml(value: object) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(toml, value)) + "]"
        return json.dumps(value)

    path = tmp_path_factory.getbasetemp() / "shape.toml"
    text = f"h2h = {toml(shape)}\nbanks = {{ acme = {toml(shape)} }}\n"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    assert findings(path)


# -------------------------------------------------------------------------------- the documentation


def _documented() -> dict[tuple[str, str], str]:
    """(table, key) -> default, as docs/config.md has it."""
    rows: dict[tuple[str, str], str] = {}
    table = ""
    for line in DOCUMENTATION.splitlines():
        if line.startswith("## "):
            name = line.removeprefix("## ").strip("`")
            table = re.sub("NAME|CURRENCY", "*", name.strip("[]"))
            table = re.sub(r"^(export|alerts)\.", r"\1[].", table)
            table += "[]" if name.startswith("[[") else ""
        elif row := re.match(r"\| `(\w+)` \| [^|]+ \| ([^|]+) \| ", line):
            rows[table, row[1]] = row[2].strip()
    return rows


def _default(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f'`"{value}"`'
        case int():
            return f"`{value:_}`"
        case float():
            return f"`{value:g}`"
        case tuple():
            return "`[]`"
        case dict():
            return "`{}`"
        case _:
            return "its defaults"


def test_the_documentation_has_every_key_with_its_default_and_no_other() -> None:
    decided_elsewhere = {
        ("banks.*", "customer"): "the username, else NAME",
        ("banks.*", "pgp"): "its defaults",
        ("banks.*.pgp", "home"): '`"keys/NAME"`',
        ("export[].forms[]", "kinds"): "all",
        ("alerts[]", "severities"): '`["critical", "warning"]`',
        ("reports[]", "formats"): '`["html", "csv"]`',
    }
    expected = {}
    for table, model, key in tables_and_keys():
        place = re.sub(r"\.folder\.", ".sftp.", table)  # upload and download are documented once
        field = next(f for name, f in model.model_fields.items() if key in {name, f.alias})
        default = "required" if field.is_required() else _default(field.default)
        if table:
            expected[place, key] = decided_elsewhere.get((place, key), default)
    assert _documented() == expected
