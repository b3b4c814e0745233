"""`h2h keys`: made, listed, put into a letter, renewed while both are good."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from h2h.adapters.pgp import GpgSealer
from h2h.adapters.pgp_keys import Ring
from h2h.adapters.sftp import _private_key
from h2h.cli.init import make_workspace
from h2h.cli.keys import keys, new
from h2h.config import load
from h2h.errors import ConfigError, Refused
from h2h.sandbox.keys import stop_agent

BANKS_TABLES = """
[banks.acme]
calendar = "ECB"
zone = "Europe/Berlin"

[banks.acme.sftp]
hosts = ["sftp.acme.example"]
username = "corp1"
private_key = "file:keys/acme-ssh"
host_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
upload = { folder = "Outbox" }

[banks.acme.pgp]
sign_with = "OURS"      # what we sign with
encrypt_to = ["THEIRS"]

[[banks.acme.accounts]]
iban = "DE89370400440532013000"
currency = "EUR"
"""


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A workspace with keys for `acme`, and another ring with the bank's key."""
    folder = Path(tempfile.mkdtemp(prefix="h2h-"))
    config = make_workspace(folder / "made", empty=True)
    before = os.umask(0o022)  # as in a shell, whatever a test before this one has set
    done = run(config, "new", "acme", "--owner", "Acme GmbH", "--kind", "ed25519")
    os.umask(before)
    assert done.exit_code == 0, done.output
    bank = Ring(folder / "bank")
    theirs = bank.new("Acme Bank", "ed25519", 1)
    ours = Ring(folder / "made/keys/acme")
    (folder / "bank.asc").write_text(bank.public(theirs))
    ours.take_in(folder / "bank.asc")
    bank.take_in(folder / "made/keys/acme-openpgp.asc")
    [own] = [key.fingerprint for key in ours.members() if key.ours]
    tables = BANKS_TABLES.replace("OURS", own).replace("THEIRS", theirs)
    config.write_text(config.read_text() + tables)
    yield folder
    for home in folder.rglob("pubring.kbx"):
        stop_agent(home.parent)
    shutil.rmtree(folder)


@pytest.fixture
def config(made: Path) -> Path:
    """The same in a workspace of its own."""
    workspace = Path(tempfile.mkdtemp(prefix="w", dir=made)) / "ws"
    shutil.copytree(made / "made", workspace, ignore=shutil.ignore_patterns("S.*"))
    return workspace / "config.toml"


def run(config: Path, *arguments: str, feed: str = "") -> Result:
    return CliRunner().invoke(keys, [*arguments], obj=config, input=feed)


def listed(config: Path) -> list[dict[str, object]]:
    lines = run(config, "list", "acme", "--json").output.splitlines()
    return [json.loads(line) for line in lines]


def ours(config: Path) -> list[str]:
    """Our OpenPGP keys, oldest first."""
    return [k.fingerprint for k in Ring(config.parent / "keys/acme").members() if k.ours]


# -- made


def test_new_keys_are_for_us_alone_to_read(config: Path) -> None:
    folder = config.parent / "keys"
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {
        "acme": 0o700,
        "acme-openpgp.asc": 0o600,
        "acme-ssh": 0o600,
        "acme-ssh.pub": 0o644,
    }
    key = _private_key((folder / "acme-ssh").read_text)
    assert key.get_base64() in (folder / "acme-ssh.pub").read_text()


def test_rsa_of_4096_bits_is_what_a_bank_gets_when_nothing_is_said() -> None:
    defaults = {parameter.name: parameter.default for parameter in new.params}
    assert (defaults["kind"], defaults["ssh_kind"]) == ("rsa4096", "ed25519")


def test_keys_that_are_there_are_never_replaced(config: Path) -> None:
    before = (config.parent / "keys/acme-ssh").read_bytes()
    again = run(config, "new", "acme", "--kind", "ed25519")
    assert isinstance(again.exception, Refused)
    assert "rotate" in again.exception.cause + again.exception.next_move
    shutil.rmtree(config.parent / "keys/acme")
    half = run(config, "new", "acme", "--kind", "ed25519")
    assert isinstance(half.exception, Refused)
    assert (config.parent / "keys/acme-ssh").read_bytes() == before
    assert not (config.parent / "keys/acme").exists()


def test_a_passphrase_comes_from_stdin_and_guards_the_key(config: Path) -> None:
    done = run(config, "new", "other", "--kind", "ed25519", "--passphrase", feed="fünf Wörter\n")
    assert done.exit_code == 0, done.output
    assert "passphrase = " in done.output
    assert "Wörter" not in done.output
    home = config.parent / "keys/other"
    [key] = [each.fingerprint for each in Ring(home).members()]
    plain, sealed = config.parent / "plain", config.parent / "sealed"
    plain.write_text("pain")
    with pytest.raises(ConfigError, match="passphrase"):
        GpgSealer(home, "sign", sign_with=key).seal(plain, sealed)
    GpgSealer(home, "sign", sign_with=key, passphrase=lambda: "fünf Wörter").seal(plain, sealed)
    assert sealed.stat().st_size > 0


@pytest.mark.parametrize("name", ["../up", "Acme", "a b", "x" * 41])
def test_a_name_that_is_none_makes_nothing(config: Path, name: str) -> None:
    before = sorted(config.parent.rglob("*"))
    assert run(config, "new", name, "--kind", "ed25519").exit_code == 2
    assert sorted(config.parent.rglob("*")) == before


# -- listed


def test_the_list_says_whose_each_key_is_what_for_and_how_long(config: Path) -> None:
    rows = {str(row["use"]): row for row in listed(config)}
    signs, bank = rows["['ours', 'opens', 'signs']"], rows["[\"the bank's\", 'sealed to']"]
    assert len(rows) == 3
    for row in (signs, bank):
        ends = date.fromisoformat(str(row["expires"]))
        assert row["days"] == (ends - datetime.now(UTC).date()).days
    assert date.fromisoformat(str(signs["expires"])) > date.fromisoformat(str(bank["expires"]))
    assert str(rows["['ours', 'logs in']"]["fingerprint"]).startswith("SHA256:")


def test_keys_of_a_bank_that_is_still_to_be_added_are_listed_too(config: Path) -> None:
    config.write_text(config.read_text().partition("[banks.acme]")[0])
    for arguments in (["list", "--json"], ["list", "acme", "--json"]):
        rows = [json.loads(line) for line in run(config, *arguments).output.splitlines()]
        assert ["ours", "opens"] in [row["use"] for row in rows]


# -- the letter


def test_the_letter_has_fingerprints_in_fours_and_public_keys_in_two_languages(
    config: Path,
) -> None:
    assert run(config, "letter", "acme").exit_code == 0
    folder = config.parent / "keys"
    [own] = ours(config)
    fours = " ".join(re.findall("....", own))
    public = Ring(folder / "acme").public(own).strip()
    for name in ("acme-letter.html", "acme-letter.txt"):
        text = (folder / name).read_text("utf-8")
        assert fours in text
        assert public in text
        assert (folder / "acme-ssh.pub").read_text().split()[1] in text.replace("&#x2F;", "/")
        assert "signature" in text
        assert "签字" in text
        assert "PRIVATE" not in text
        assert "http" not in text


def test_a_letter_without_keys_is_refused_with_the_next_move(config: Path) -> None:
    refused = run(config, "letter", "nobody")
    assert isinstance(refused.exception, Refused)
    assert "h2h keys new nobody" in str(refused.exception)


def test_the_letter_escapes_what_the_owner_wrote(config: Path) -> None:
    assert run(config, "new", "odd", "--kind", "ed25519", "--owner", "A <b> & Co").exit_code == 0
    assert run(config, "letter", "odd").exit_code == 0
    page = (config.parent / "keys/odd-letter.html").read_text("utf-8")
    assert "A &lt;b&gt; &amp; Co" in page
    assert "<b>" not in page


# -- the rollover


def test_two_keys_live_until_the_switch_and_both_open(made: Path, config: Path) -> None:
    [old] = ours(config)
    rotated = run(config, "rotate", "acme", "--kind", "ed25519", "--json")
    assert rotated.exit_code == 0, rotated.output
    new_key = json.loads(rotated.output)["key"]
    assert ours(config) == [old, new_key]
    assert load(config).banks["acme"].pgp.sign_with == old
    assert new_key.replace(" ", "") in (made_letter(config)).replace(" ", "")

    theirs = load(config).banks["acme"].pgp.encrypt_to[0]
    bank = Ring(made / "bank")
    bank.take_in(config.parent / "keys/acme-openpgp.asc")
    plain, sealed = config.parent / "plain", config.parent / "sealed"
    plain.write_text("camt")
    for key in (old, new_key):
        GpgSealer(bank.home, "sign+encrypt", sign_with=theirs, encrypt_to=[key]).seal(plain, sealed)
        home = config.parent / "keys/acme"
        opener = GpgSealer(
            home, "sign+encrypt", sign_with=old, encrypt_to=[theirs], accept_from=[theirs]
        )
        assert opener.open(sealed, config.parent / "opened", 1_000) == theirs

    before = config.read_text()
    assert run(config, "rotate", "acme", "--switch").exit_code == 0
    assert config.read_text() == before.replace(old, new_key)
    assert load(config).banks["acme"].pgp.sign_with == new_key
    assert ours(config) == [old, new_key]


def made_letter(config: Path) -> str:
    assert run(config, "letter", "acme").exit_code == 0
    return (config.parent / "keys/acme-letter.txt").read_text("utf-8")


def test_a_third_key_waits_until_the_second_is_used(config: Path) -> None:
    early = run(config, "rotate", "acme", "--switch")
    assert isinstance(early.exception, Refused)
    assert run(config, "rotate", "acme", "--kind", "ed25519").exit_code == 0
    again = run(config, "rotate", "acme", "--kind", "ed25519")
    assert isinstance(again.exception, Refused)
    assert "waits" in again.exception.cause
    assert run(config, "rotate", "acme", "--switch").exit_code == 0
    twice = run(config, "rotate", "acme", "--switch")
    assert isinstance(twice.exception, Refused)


def test_the_next_ssh_key_lies_beside_the_present_one_until_the_switch(config: Path) -> None:
    folder = config.parent / "keys"
    old = (folder / "acme-ssh").read_bytes()
    assert run(config, "rotate", "acme", "--ssh").exit_code == 0
    assert (folder / "acme-ssh").read_bytes() == old
    new_key = (folder / "acme-ssh.next").read_bytes()
    assert "waits for --switch" in str(listed(config))
    assert run(config, "rotate", "acme", "--ssh", "--switch").exit_code == 0
    assert (folder / "acme-ssh").read_bytes() == new_key
    assert (folder / "acme-ssh.old").read_bytes() == old
    assert (folder / "acme-ssh").stat().st_mode & 0o777 == 0o600
    assert not (folder / "acme-ssh.next").exists()
    assert (
        _private_key((folder / "acme-ssh").read_text).get_base64()
        in (folder / "acme-ssh.pub").read_text()
    )
