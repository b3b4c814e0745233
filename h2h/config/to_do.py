"""What a sound configuration still waits for: keys, rings and figures only the user can supply."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

from h2h.config.findings import Finding, Key, Trouble
from h2h.config.loading import located, places_of
from h2h.config.models import Bank, Channel, Config, Door, Sftp
from h2h.config.secret import Secret
from h2h.errors import ConfigError

_RESERVED = ".example"  # RFC 2606: no such host will ever exist


def left_to_do(path: Path, config: Config) -> list[Finding]:
    """What is missing on this machine before `config`, loaded from `path`, can do its work."""
    troubles = [*_door(("h2h", "door"), config.h2h.door)]
    troubles += _unread(("h2h", "database_password"), config.h2h.database_password)
    troubles += [t for name, bank in config.banks.items() for t in _bank(("banks", name), bank)]
    troubles += _unread(("h2h", "metrics_token"), config.h2h.metrics_token)
    for index, channel in enumerate(config.alerts):
        for key, secret in _secrets_of(channel):
            troubles += _unread(("alerts", index, *key), secret)
    for index, receiver in enumerate(config.export):
        if receiver.folder is not None:
            remedy = "Mount or create it; until then what is due there waits"
            troubles += _missing(("export", index, "folder"), receiver.folder, remedy)
    return located(troubles, path, places_of(path))


def _bank(key: Key, bank: Bank) -> Iterator[Trouble]:
    if bank.sftp is not None:
        yield from _server((*key, "sftp"), bank.sftp)
    if bank.folder is not None:
        yield from _missing((*key, "folder", "root"), bank.folder.root, "Create the folder")
    if bank.own_schema is not None:
        yield from _missing((*key, "schema"), bank.own_schema, "Put the bank's schema there")
    if bank.pgp.seal != "none":
        yield from _ring((*key, "pgp"), bank)
    yield from _door((*key, "door"), bank.door)


def _door(key: Key, door: Door) -> Iterator[Trouble]:
    if door.home is not None:
        yield from _home((*key, "home"), door.home)


def _server(key: Key, sftp: Sftp) -> Iterator[Trouble]:
    for index, host in enumerate(sftp.hosts):
        if host.endswith(_RESERVED):
            at = (*key, "hosts", index)
            yield Trouble(
                at, f"{host!r} of the example", "the bank's server", "Ask the bank for it"
            )
    for index, line in enumerate(sftp.host_keys):
        if not any(base64.b64decode(line.split()[1])[-32:]):
            yield Trouble(
                (*key, "host_keys", index),
                "the made-up key of the example",
                "the server's host key",
                "Ask the bank for it on a second way; do not copy what the server shows",
            )
    yield from _unread((*key, "private_key"), sftp.private_key)
    yield from _unread((*key, "password"), sftp.password)


def _ring(key: Key, bank: Bank) -> Iterator[Trouble]:
    pgp = bank.pgp
    yield from _home((*key, "home"), pgp.home)
    named: dict[Key, str | None] = {("sign_with",): pgp.sign_with}
    named |= {("encrypt_to", index): one for index, one in enumerate(pgp.encrypt_to)}
    named |= {("accept_from", index): one for index, one in enumerate(pgp.accept_from)}
    for where, fingerprint in named.items():
        if fingerprint is not None and set(fingerprint) == {"0"}:
            yield Trouble(
                (*key, *where),
                "the made-up fingerprint of the example",
                "the fingerprint of a key in the ring",
                "See `gpg --fingerprint`; compare the bank's by telephone",
            )
    yield from _unread((*key, "passphrase"), pgp.passphrase)


def _home(key: Key, home: Path) -> Iterator[Trouble]:
    """A GnuPG home that is not there, or that others may enter."""
    yield from _missing(key, home, f"mkdir -m 700 {home}, then import the keys with gpg --homedir")
    if home.is_dir() and home.stat().st_mode & 0o077:
        yield Trouble(key, "a folder that others may enter", "mode 0700", f"chmod 700 {home}")


def _unread(key: Key, secret: Secret | None) -> Iterator[Trouble]:
    """A secret that cannot be read. Credentials exist only inside of the service: else not judged.

    The secret itself is let go of at once.
    """
    outside = secret is not None and secret.kind == "cred" and secret.path is None
    if secret is None or outside:
        return
    try:
        secret.read()
    except ConfigError as error:
        yield Trouble(key, error.cause, f"a secret under {secret}", error.next_move)


def _secrets_of(channel: Channel) -> Iterator[tuple[Key, Secret | None]]:
    if channel.mail is not None:
        yield ("mail", "password"), channel.mail.password
    if channel.webhook is not None:
        url = channel.webhook.url
        yield ("webhook", "url"), url if isinstance(url, Secret) else None
        yield ("webhook", "token"), channel.webhook.token
    if channel.apprise is not None:
        for index, secret in enumerate(channel.apprise.urls):
            yield ("apprise", "urls", index), secret


def _missing(key: Key, path: Path, remedy: str) -> Iterator[Trouble]:
    if not os.path.lexists(path):
        yield Trouble(key, f"nothing at {path}", "a file or folder", remedy)
