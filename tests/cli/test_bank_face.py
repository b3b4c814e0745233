"""`h2h bank add` and `h2h bank probe`, at the practice bank."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from h2h.adapters.folder import FolderBank
from h2h.adapters.pgp_keys import Ring
from h2h.cli.bank import bank
from h2h.cli.init import make_workspace
from h2h.cli.keys import keys
from h2h.config import ConfigProblems, load
from h2h.errors import LoginRefused, Refused, Transient
from h2h.flows.probing import Probe
from h2h.flows.probing import Result as Outcome
from h2h.ports import BankTerms, RemoteFile, Session
from h2h.sandbox.bank import PracticeBank, PublicKeys
from h2h.sandbox.keys import stop_agent
from h2h.wiring import terms_of

ACCOUNT = "NL41MOCK0000000001 EUR ACME Corporation"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="h2h-"))
    yield folder
    for home in folder.rglob("pubring.kbx"):
        stop_agent(home.parent)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def prepared(folder: Path) -> Path:
    """A workspace without a bank, with keys for `practice`."""
    config = make_workspace(folder / "prepared", empty=True)
    arguments = ["new", "practice", "--owner", "ACME Corporation", "--kind", "ed25519"]
    made = CliRunner().invoke(keys, arguments, obj=config)
    assert made.exit_code == 0, made.output
    return config.parent


@pytest.fixture(scope="module")
def open_bank(folder: Path, prepared: Path) -> Iterator[PracticeBank]:
    ours = PublicKeys(prepared / "keys/practice-openpgp.asc", prepared / "keys/practice-ssh.pub")
    with PracticeBank(folder / "bank", keys=ours) as opened:
        yield opened


@pytest.fixture
def config(prepared: Path, folder: Path, open_bank: PracticeBank) -> Iterator[Path]:
    """The config.toml of a workspace of its own; the bank behaves."""
    workspace = Path(tempfile.mkdtemp(prefix="w", dir=folder)) / "ws"
    shutil.copytree(prepared, workspace, ignore=shutil.ignore_patterns("S.*"))
    yield workspace / "config.toml"
    open_bank.behave()


def told(bank: PracticeBank, name: str) -> str:
    """What the bank's letter says."""
    return (bank.folder / "letter" / name).read_text().strip()


def add(config: Path, bank_: PracticeBank, **changes: str) -> Result:
    """`h2h bank add practice` with everything given, but for what `changes` says otherwise."""
    given = {
        "host": told(bank_, "host"),
        "port": told(bank_, "port"),
        "user": told(bank_, "user"),
        "upload": "Outbox",
        "download": "Inbox",
        "calendar": "ECB",
        "zone": "Europe/Amsterdam",
        "account": ACCOUNT,
        "bank-key": str(bank_.folder / "letter/openpgp-key.asc"),
        "bank-fingerprint": told(bank_, "openpgp-fingerprint"),
        "fingerprint": told(bank_, "host-key-fingerprint"),
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    options = [f"--{name}={value}" for name, value in given.items()]
    return CliRunner().invoke(bank, ["add", "practice", *options], obj=config)


# -- add


def test_a_bank_is_added_below_what_stands_there_and_can_be_used(
    config: Path, open_bank: PracticeBank
) -> None:
    before = config.read_text() + "\n# our own word\n"
    config.write_text(before)
    config.chmod(0o640)
    usual = os.umask(0o077)  # as h2h sets it
    added = add(config, open_bank)
    os.umask(usual)
    assert added.exit_code == 0, added.output
    assert config.read_text().startswith(before.rstrip() + "\n\n")
    assert config.stat().st_mode & 0o777 == 0o640
    table = load(config).banks["practice"]
    assert table.sftp is not None
    assert table.sftp.host_keys == (" ".join(open_bank.introduction.host_key.split()[:2]),)
    assert (
        table.pgp.accept_from == table.pgp.encrypt_to == (told(open_bank, "openpgp-fingerprint"),)
    )
    assert table.accounts[0].entity == "ACME Corporation"
    assert [path.name for path in config.parent.glob(".*")] == []


@pytest.mark.parametrize("which", ["fingerprint", "bank_fingerprint"])
def test_a_key_that_the_bank_did_not_name_is_not_pinned(
    config: Path, open_bank: PracticeBank, which: str
) -> None:
    before = config.read_text()
    wrong = "SHA256:" + "A" * 43 if which == "fingerprint" else "A" * 40
    refused = add(config, open_bank, **{which: wrong})
    assert isinstance(refused.exception, Refused)
    assert "not the one that the bank named" in refused.exception.cause
    assert config.read_text() == before
    fingerprints = [key.fingerprint for key in Ring(config.parent / "keys/practice").members()]
    assert told(open_bank, "openpgp-fingerprint") not in fingerprints


def test_what_is_not_given_is_asked_for_until_it_is_right_and_the_fingerprints_end_is_typed(
    config: Path, open_bank: PracticeBank
) -> None:
    host, openpgp = (told(open_bank, f"{which}-fingerprint") for which in ("host-key", "openpgp"))
    answers = [
        told(open_bank, "host"),
        *("no port", told(open_bank, "port")),
        told(open_bank, "user"),
        *("", ""),  # the folders as proposed
        "ECB",
        *("Europe/Nowhere", "Europe/Amsterdam"),
        *(ACCOUNT, "-"),
        str(open_bank.folder / "letter/openpgp-key.asc"),
        openpgp[-6:],
        *("wrong!", host[-6:]),
    ]
    asked = CliRunner().invoke(bank, ["add", "practice"], obj=config, input="\n".join(answers))
    assert asked.exit_code == 0, asked.output
    before_confirmed = asked.output.split("is confirmed")[0]
    assert openpgp[:-6] in before_confirmed
    assert openpgp not in before_confirmed
    assert load(config).banks["practice"].zone.key == "Europe/Amsterdam"


def test_a_fingerprint_whose_end_nobody_knows_is_not_pinned(
    config: Path, open_bank: PracticeBank
) -> None:
    before = config.read_text()
    script = ["--bank-fingerprint", told(open_bank, "openpgp-fingerprint")]
    for name in ("host", "port", "user"):
        script += [f"--{name}", told(open_bank, name)]
    script += ["--upload=O", "--download=I", "--calendar=ECB", "--zone=Europe/Berlin"]
    script += ["--account", ACCOUNT, "--bank-key", str(open_bank.folder / "letter/openpgp-key.asc")]
    asked = CliRunner().invoke(
        bank, ["add", "practice", *script], obj=config, input="aaaaaa\nbbbbbb\n\ncccccc\n"
    )
    assert isinstance(asked.exception, Refused)
    assert config.read_text() == before


def test_what_config_does_not_take_leaves_the_file_as_it_was(
    config: Path, open_bank: PracticeBank
) -> None:
    before = config.read_bytes()
    refused = add(config, open_bank, account="NL00MOCK0000000001 EUR")
    assert isinstance(refused.exception, ConfigProblems)
    assert {finding.file for finding in refused.exception.findings} == {config}
    assert config.read_bytes() == before
    assert list(config.parent.glob(".*")) == []


def test_a_bank_that_stands_there_or_has_no_key_yet_is_refused(
    config: Path, open_bank: PracticeBank
) -> None:
    assert add(config, open_bank).exit_code == 0
    again = add(config, open_bank)
    assert isinstance(again.exception, Refused)
    assert "already" in again.exception.cause
    other = CliRunner().invoke(bank, ["add", "other"], obj=config)
    assert isinstance(other.exception, Refused)
    assert "`h2h keys new other`" in str(other.exception)


def test_what_is_refused_is_said_in_the_language_of_the_workspace(config: Path) -> None:
    config.write_text(config.read_text().replace('language = "en"', 'language = "zh"'))
    refused = CliRunner().invoke(bank, ["add", "other"], obj=config)
    assert isinstance(refused.exception, Refused)
    assert str(refused.exception) == "other 还没有密钥。用 `h2h keys new other` 生成"


# -- probe


def test_a_probe_tells_what_the_server_permits_and_leaves_nothing_behind(
    config: Path, open_bank: PracticeBank
) -> None:
    assert add(config, open_bank).exit_code == 0
    probed = CliRunner().invoke(bank, ["probe", "practice", "--json"], obj=config)
    assert probed.exit_code == 0, probed.output
    lines = [json.loads(line) for line in probed.output.splitlines()]
    acts = {line["act"]: line["result"] for line in lines[:-1]}
    assert set(acts.values()) == {"yes"}
    assert {"login", "list", "write", "stat", "rename", "posix-rename", "delete"} <= acts.keys()
    assert (lines[-1]["publish"], lines[-1]["confirm"]) == ("rename", "list")
    assert list(open_bank.outbox.iterdir()) == []


def test_in_production_a_probe_is_made_only_when_somebody_says_yes(
    config: Path, open_bank: PracticeBank
) -> None:
    assert add(config, open_bank).exit_code == 0
    config.write_text(config.read_text().replace('"test"', '"production"'))
    refused = CliRunner().invoke(bank, ["probe", "practice"], obj=config)
    assert isinstance(refused.exception, Refused)
    assert "--yes" in str(refused.exception)
    agreed = CliRunner().invoke(bank, ["probe", "practice", "--yes"], obj=config)
    assert agreed.exit_code == 0
    assert 'publish = "rename"' in agreed.output


def test_a_full_server_fails_the_probe_and_is_left_clean(
    config: Path, open_bank: PracticeBank
) -> None:
    assert add(config, open_bank).exit_code == 0
    open_bank.behave("full")
    probed = CliRunner().invoke(bank, ["probe", "practice"], obj=config)
    assert probed.exit_code == 1
    assert "failed" in probed.output
    assert list(open_bank.outbox.iterdir()) == []


# -- servers of other kinds


class Server:
    """A folder as a bank's server, with a session that some acts are taken from."""

    def __init__(self, root: Path, session: Callable[[Session], Session]) -> None:
        (root / "Outbox").mkdir(parents=True)
        (root / "Inbox").mkdir()
        self.root, self._session = root, session
        self.logins = 0

    @contextmanager
    def log_in(self) -> Iterator[Session]:
        self.logins += 1
        with FolderBank(self.root).session("folder") as session:
            yield self._session(session)

    def left(self) -> list[str]:
        return [path.name for path in (self.root / "Outbox").iterdir()]


class Limited:
    """Hands everything on; tests take something away."""

    def __init__(self, session: Session) -> None:
        self._inner = session
        self.host = session.host

    def stat(self, path: str) -> RemoteFile | None:
        return self._inner.stat(path)

    def put(self, local: Path, path: str) -> None:
        self._inner.put(local, path)

    def rename(self, source: str, target: str) -> None:
        self._inner.rename(source, target)

    def replace(self, source: str, target: str) -> None:
        self._inner.replace(source, target)

    def remove(self, path: str) -> None:
        self._inner.remove(path)

    def listing(self, folder: str, most: int) -> Sequence[RemoteFile]:
        return self._inner.listing(folder, most)

    def get(self, path: str, local: Path, largest: int) -> None:
        self._inner.get(path, local, largest)


@pytest.fixture
def terms(config: Path, open_bank: PracticeBank) -> BankTerms:
    assert add(config, open_bank).exit_code == 0
    loaded = load(config)
    return terms_of("practice", loaded.banks["practice"], loaded)


def probed(server: Server, terms: BankTerms) -> Probe:
    probe = Probe(terms)
    probe.run(server.log_in)
    return probe


def test_a_line_that_is_cut_half_way_is_told_and_what_was_put_is_removed_on_a_new_one(
    tmp_path: Path, terms: BankTerms
) -> None:
    class Cut(Limited):
        def rename(self, source: str, target: str) -> None:
            super().rename(source, target)
            raise Transient("the line is gone")

    server = Server(tmp_path / "cut", Cut)
    probe = probed(server, terms)
    assert probe.failed
    assert server.logins == 2
    assert server.left() == []


def test_what_cannot_be_removed_is_named(tmp_path: Path, terms: BankTerms) -> None:
    class Keeps(Limited):
        def remove(self, path: str) -> None:
            raise Refused("nobody may remove here")

    server = Server(tmp_path / "keeps", Keeps)
    last = probed(server, terms).acts[-1]
    assert last.act == "left behind"
    assert last.result is Outcome.NOTE
    assert server.left() != []
    assert all(name in last.words for name in server.left())


def test_a_server_that_shows_nothing_is_confirmed_by_reports_alone(
    tmp_path: Path, terms: BankTerms
) -> None:
    class Blind(Limited):
        def stat(self, path: str) -> RemoteFile | None:
            return None

    probe = probed(Server(tmp_path / "blind", Blind), terms)
    assert (probe.advice.publish, probe.advice.confirm) == ("rename", "report-only")


def test_a_server_that_nobody_may_write_to_has_no_advice(tmp_path: Path, terms: BankTerms) -> None:
    class ReadOnly(Limited):
        def put(self, local: Path, path: str) -> None:
            raise Refused("read only")

    probe = probed(Server(tmp_path / "closed", ReadOnly), terms)
    assert probe.failed
    assert probe.advice.publish == ""


def test_a_rename_that_overwrites_gives_way_to_posix_rename(
    tmp_path: Path, terms: BankTerms
) -> None:
    class Overwrites(Limited):
        def rename(self, source: str, target: str) -> None:
            self._inner.replace(source, target)

    probe = probed(Server(tmp_path / "over", Overwrites), terms)
    assert probe.advice.publish == "posix-rename"


def test_a_login_that_is_refused_is_tried_once(tmp_path: Path, terms: BankTerms) -> None:
    logins = []

    @contextmanager
    def refuse() -> Iterator[Session]:
        logins.append(1)
        raise LoginRefused("key or password was refused")
        yield  # makes it a generator

    probe = Probe(terms)
    probe.run(refuse)
    assert [act.result for act in probe.acts] == [Outcome.FAILED]
    assert logins == [1]
