"""Fresh keys for both sides: OpenPGP rings and SSH keys, without passphrases.

A passphrase would have to lie beside its key here; a real customer's lies in a credential store.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from h2h.errors import ConfigError

# ed25519 keys are made in 50 ms; RSA, which some banks still demand, takes up to seconds.
_RECIPE = """\
%no-protection
Key-Type: EDDSA
Key-Curve: ed25519
Key-Usage: sign
Subkey-Type: ECDH
Subkey-Curve: cv25519
Subkey-Usage: encrypt
Name-Real: {owner}
Expire-Date: 1y
%commit
"""
_NOT_COPIED = shutil.ignore_patterns("S.*", "*.lock", ".#*", "*~")  # sockets and locks of an agent


@dataclass(frozen=True, slots=True)
class Ring:
    """One side's GnuPG home and the primary fingerprint of its own key."""

    home: Path
    fingerprint: str


def new_ring(home: Path, owner: str) -> Ring:
    """Make a GnuPG home with one fresh key; raises ConfigError when gpg cannot."""
    home.mkdir(mode=0o700, parents=True)
    recipe = _RECIPE.format(owner=owner).encode()
    try:
        status = _gpg(home, "--status-fd", "1", "--gen-key", feed=recipe)
    except ConfigError:
        stop_agent(home)
        raise
    created = next(line for line in status.decode().splitlines() if " KEY_CREATED " in line)
    return Ring(home, created.split()[-1])


def introduce(one: Ring, other: Ring) -> None:
    """Give each side the other's public key."""
    for giver, taker in ((one, other), (other, one)):
        public = _gpg(giver.home, "--export", giver.fingerprint)
        _gpg(taker.home, "--import", feed=public)


def copied(ring: Ring, home: Path) -> Ring:
    """The same ring in another folder, replacing what lies there."""
    if home.exists():
        stop_agent(home)
        shutil.rmtree(home)
    shutil.copytree(ring.home, home, ignore=_NOT_COPIED)
    return Ring(home, ring.fingerprint)


def taken_in(ring: Ring, public: Path) -> str:
    """Add somebody's public key to a ring, and return its fingerprint."""
    try:
        content = public.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"{public}: {error.strerror}", "Name the customer's public key"
        ) from error
    status = _gpg(ring.home, "--status-fd", "1", "--import", feed=content).decode()
    imported = [line for line in status.splitlines() if " IMPORT_OK " in line]
    if not imported:
        raise ConfigError(f"{public} holds no OpenPGP key", "Name the customer's public key")
    return imported[0].split()[-1]


def public_text(ring: Ring) -> str:
    """A side's own public key, as text."""
    return _gpg(ring.home, "--armor", "--export", ring.fingerprint).decode()


def customers_ssh_key(public: Path) -> asyncssh.SSHKey:
    """The customer's own public SSH key."""
    try:
        return asyncssh.read_public_key(public)
    except (OSError, asyncssh.KeyImportError) as error:
        raise ConfigError(f"{public}: {error}", "Name the customer's .pub file") from error


def stop_agent(home: Path) -> None:
    """End whatever GnuPG started for this home; a home without an agent is no error."""
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)


def new_ssh_key(path: Path) -> asyncssh.SSHKey:
    """Make an ed25519 key pair: `path` (mode 0600) and `path`.pub."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_private(path, key.export_private_key())
    path.with_name(f"{path.name}.pub").write_bytes(key.export_public_key())
    return key


def public_line(key: asyncssh.SSHKey) -> str:
    """The public half as a config or a known_hosts file has it: `ssh-ed25519 AAAA…`."""
    return key.export_public_key().decode().strip()


def write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody but its owner could read at any moment."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _gpg(home: Path, *arguments: str, feed: bytes = b"") -> bytes:
    command = ["gpg", "--homedir", str(home), "--batch", "--no-tty", "--quiet", *arguments]
    try:
        done = subprocess.run(command, input=feed, capture_output=True, check=True)
    except FileNotFoundError as error:
        raise ConfigError(
            "the program gpg is not installed", "Install GnuPG 2.2 or newer"
        ) from error
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        raise ConfigError(
            f"gpg could not work in {home}: {said[-1] if said else f'exit {error.returncode}'}",
            "Use a folder with a path under 80 characters: the agent's socket lies in it",
        ) from error
    return done.stdout
