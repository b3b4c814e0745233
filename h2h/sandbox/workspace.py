"""The customer's side of the practice bank: a workspace with keys, doors and a config.toml."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePath

from h2h.errors import ConfigError
from h2h.sandbox.keys import Ring, copied, write_private
from h2h.sandbox.office import BankAccount

RING = PurePath("keys/practice")
SSH_KEY = PurePath("keys/practice-ssh")
_WRITTEN_BY_US = (
    "# Written by `h2h sandbox`, and again at its next start: the bank's keys and port change."
)
_ROOMS = ("", "outbox", "outbox/practice", "inbox", "archive", "keys")


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a customer is told and given when the practice bank opens its door to it."""

    host: str
    port: int
    username: str
    host_key: str  # "ssh-ed25519 AAAA…"
    calendar: str
    zone: str
    customer: Ring
    customer_ssh_key: Path
    bank: Ring
    accounts: tuple[BankAccount, ...]


def bank_section(told: Introduction, ring: PurePath, ssh_key: PurePath) -> str:
    """The `[banks.practice]` part of a config.toml; relative paths start at that file."""
    ours, banks = _text(told.customer.fingerprint), _text(told.bank.fingerprint)
    lines = [
        "[banks.practice]",
        f"customer = {_text(told.username.upper())}",
        f"calendar = {_text(told.calendar)}",
        f"zone = {_text(told.zone)}",
        'fetch = ["* * * * *"]                 # a rehearsal does not wait',
        "",
        "[banks.practice.sftp]",
        f"hosts = [{_text(told.host)}]",
        f"port = {told.port}",
        f"username = {_text(told.username)}",
        f"private_key = {_text(f'file:{ssh_key}')}",
        f"host_keys = [{_text(told.host_key)}]",
        'upload = { folder = "Outbox", temporary = "{name}.{attempt}.tmp", publish = "rename" }',
        'download = [{ folder = "Inbox", pattern = "*.xml.pgp", after = "delete" }]',
        "",
        "[banks.practice.pgp]",
        f"home = {_text(str(ring))}",
        'seal = "sign+encrypt"',
        f"sign_with = {ours}",
        f"encrypt_to = [{banks}]",
        f"accept_from = [{banks}]",
    ]
    return "\n".join([*lines, *map(_account, told.accounts), ""])


def write_workspace(folder: Path, told: Introduction) -> Path:
    """Make `folder` a workspace of this customer; returns its config.toml.

    A config.toml of an earlier practice bank is replaced, its keys as well; anybody else's raises
    ConfigError before anything is touched.
    """
    config = folder / "config.toml"
    if config.exists() and not config.read_text().startswith(_WRITTEN_BY_US):
        raise ConfigError(
            f"{config} is not one that the practice bank wrote",
            "Choose an empty folder for the workspace, or paste the printed section into yours",
        )
    for room in _ROOMS:
        (folder / room).mkdir(mode=0o700, parents=True, exist_ok=True)
    copied(told.customer, folder / RING)
    write_private(folder / SSH_KEY, told.customer_ssh_key.read_bytes())
    head = f'{_WRITTEN_BY_US}\n\n[h2h]\nenvironment = "test"\ndatabase = "sqlite:///ledger.db"\n\n'
    write_private(config, (head + bank_section(told, RING, SSH_KEY)).encode())
    return config


def _account(account: BankAccount) -> str:
    return "\n".join(
        [
            "",
            "[[banks.practice.accounts]]",
            f"iban = {_text(account.iban)}",
            f"currency = {_text(account.currency)}",
            f"entity = {_text(account.name)}",
        ]
    )


def _text(value: str) -> str:
    """`value` as a TOML basic string: JSON's escapes are all TOML's as well."""
    return json.dumps(value, ensure_ascii=False)
