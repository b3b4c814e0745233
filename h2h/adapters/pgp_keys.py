"""The keys in a bank's OpenPGP ring: made, listed, taken in, shown. Sealing is pgp.py's."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from h2h.adapters.pgp import check_home
from h2h.errors import ConfigError, Refused

# kind -> what it is made of; RSA-4096 is what every bank's gateway reads.
_KINDS = {
    "rsa4096": "Key-Type: RSA\nKey-Length: 4096\nKey-Usage: sign\n"
    "Subkey-Type: RSA\nSubkey-Length: 4096\nSubkey-Usage: encrypt\n",
    "rsa2048": "Key-Type: RSA\nKey-Length: 2048\nKey-Usage: sign\n"
    "Subkey-Type: RSA\nSubkey-Length: 2048\nSubkey-Usage: encrypt\n",
    "ed25519": "Key-Type: EDDSA\nKey-Curve: ed25519\nKey-Usage: sign\n"
    "Subkey-Type: ECDH\nSubkey-Curve: cv25519\nSubkey-Usage: encrypt\n",
}
KINDS = tuple(_KINDS)
_ALGORITHMS = {"1": "RSA", "16": "ElGamal", "17": "DSA", "18": "ECDH", "19": "ECDSA", "22": "EdDSA"}
_LONGEST = 300.0  # seconds of one run of gpg: a key of 4096 bits on a slow machine
_VERSION = re.compile(rb"gpg \(GnuPG[^)]*\) (\d+)\.(\d+)[\d.]*")


@dataclass(frozen=True, slots=True)
class RingKey:
    """A primary key in a ring. `expires` None: never. `ours`: its secret part is there."""

    fingerprint: str
    owner: str
    algorithm: str  # "RSA 4096"
    created: datetime
    expires: date | None
    ours: bool
    usable: bool  # neither revoked, disabled nor expired


class Ring:
    """A GnuPG home. Methods raise ConfigError when gpg cannot work there."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def new(self, owner: str, kind: str, years: int, passphrase: str = "") -> str:
        """Make a key of one of KINDS in the home, which is made too; returns its fingerprint."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        protection = f"Passphrase: {_one_line(passphrase)}\n" if passphrase else "%no-protection\n"
        recipe = f"{_KINDS[kind]}Name-Real: {_one_line(owner)}\nExpire-Date: {years}y\n"
        loopback = ("--pinentry-mode", "loopback")
        status = self._gpg(
            *loopback, "--status-fd", "1", "--gen-key", feed=f"{recipe}{protection}%commit\n"
        )
        return next(line for line in status.splitlines() if " KEY_CREATED " in line).split()[-1]

    def members(self) -> Sequence[RingKey]:
        """Every primary key, oldest first; none when the home is not there yet."""
        if not self.home.is_dir():
            return ()
        ours = {key.fingerprint for key in _parsed(self._gpg(*_LIST, "--list-secret-keys"))}
        found = _parsed(self._gpg(*_LIST, "--list-keys"), ours)
        return sorted(found, key=lambda key: key.created)  # within a second as the ring has them

    def fingerprints_in(self, file: Path) -> Sequence[str]:
        """The primary keys that a file of public keys holds, without taking them in."""
        text = self._gpg("--with-colons", "--show-keys", "--", str(file))
        return [key.fingerprint for key in _parsed(text)]

    def take_in(self, file: Path) -> None:
        """Add the public keys of `file`."""
        self._gpg("--import", "--", str(file))

    def public(self, fingerprint: str) -> str:
        """The public key, as text."""
        text = self._gpg("--armor", "--export", fingerprint)
        if not text:
            raise Refused(f"the key {fingerprint} is not in {self.home}", "See `h2h keys list`")
        return text

    def stop_agent(self) -> None:
        """End the agent of this home: a command that has made a key leaves nothing running."""
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False)

    def _gpg(self, *arguments: str, feed: str = "") -> str:
        check_home(self.home)
        options = ["--batch", "--no-tty", "--quiet", "--no-options", "--no-auto-key-locate"]
        command = ["gpg", "--homedir", str(self.home), *options, *arguments]
        return _run(command, feed).decode(errors="replace")


_LIST = ("--with-colons", "--fixed-list-mode")


def version() -> tuple[int, int]:
    """gpg's version. Raises ConfigError when there is none."""
    found = _VERSION.match(_run(["gpg", "--version"]))
    return (int(found[1]), int(found[2])) if found else (0, 0)


def grouped(fingerprint: str) -> str:
    """A fingerprint as it is read aloud: groups of four."""
    return " ".join(fingerprint[at : at + 4] for at in range(0, len(fingerprint), 4))


def _run(command: list[str], feed: str = "") -> bytes:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(
            command,
            input=feed.encode(),
            capture_output=True,
            check=True,
            env=environment,
            timeout=_LONGEST,
        )
    except FileNotFoundError as error:
        raise ConfigError(
            "the program gpg is not installed", "Install GnuPG 2.2 or later (apt-get install gnupg)"
        ) from error
    except subprocess.TimeoutExpired:
        # `from None`: the exception holds the input, which may hold a passphrase
        raise ConfigError(f"gpg had not ended after {_LONGEST:.0f} seconds", _LOOK) from None
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip().splitlines()
        why = said[-1].removeprefix("gpg: ") if said else f"return code {error.returncode}"
        raise ConfigError(f"gpg did not do it: {why}", _LOOK) from None
    return done.stdout


_LOOK = "Look at the GnuPG home and at what was given"


def _one_line(text: str) -> str:
    """Nothing that would be another line of gpg's recipe."""
    if not text.isprintable() or text != text.strip():
        raise Refused("a name or passphrase must be one plain line", "Choose another one")
    return text


def _parsed(text: str, ours: set[str] | None = None) -> Iterator[RingKey]:
    """The primary keys of a listing with colons (GnuPG, doc/DETAILS)."""
    primary: list[str] = []
    fingerprint = ""
    for line in text.splitlines():
        fields = line.split(":")
        if fields[0] in {"pub", "sec"}:
            primary, fingerprint = fields, ""
        elif fields[0] == "fpr" and primary and not fingerprint:
            fingerprint = fields[9]
        elif fields[0] == "uid" and primary:
            yield _key(primary, fingerprint, fields[9], ours or set())
            primary = []  # one owner is enough


def _key(primary: Sequence[str], fingerprint: str, owner: str, ours: set[str]) -> RingKey:
    return RingKey(
        fingerprint=fingerprint,
        owner=owner.replace(r"\x3a", ":"),
        algorithm=f"{_ALGORITHMS.get(primary[3], primary[3])} {primary[2]}",
        created=_moment(primary[5]),
        expires=_moment(primary[6]).date() if primary[6] else None,
        ours=fingerprint in ours,
        usable=primary[1] not in {"r", "d", "i", "e"} and "D" not in primary[11],
    )


def _moment(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
