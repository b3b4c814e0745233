"""What an ERP puts beside a payment file, so that nobody on the way to h2h can change it unseen.

A checksum (NAME.sha256) finds a file that was damaged or swapped, but whoever may write to the door
may write a fitting one. A detached OpenPGP signature (NAME.sig, NAME.asc) by a pinned key is proof.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from h2h.adapters import durable
from h2h.adapters.durable import disk
from h2h.adapters.pgp import GpgSealer
from h2h.core.naming import escaped
from h2h.core.problem import Problem, Severity
from h2h.core.words import say
from h2h.errors import Corrupt

RULE = "input-seal"
LARGEST_SEAL = 65_536  # bytes; a real one has a few hundred
_SHA256 = re.compile(rb"\s*\\?([0-9A-Fa-f]{64})(?:[ \t]+\*?[^\r\n]+)?\s*")  # see sha256sum(1)


class InputSeal(Protocol):
    """One kind of seal."""

    suffixes: tuple[str, ...]  # of its name in the door, the preferred first
    kept: str  # what is added to the name of the original in the dossier

    def wrong(self, original: Path, seal: Path, sha256: str) -> str:
        """Why the seal does not fit our copy, which has this hash; "" when it fits."""
        ...


class Sha256Seal:
    """NAME.sha256: what `sha256sum NAME` writes, or the bare hexadecimal digits."""

    suffixes: tuple[str, ...] = (".sha256",)
    kept = ".sha256"

    def wrong(self, original: Path, seal: Path, sha256: str) -> str:
        """Why the checksum does not fit; `original` itself is not read again."""
        with disk(f"reading the seal of {original}"):
            found = _SHA256.fullmatch(seal.read_bytes())
        if found is None:
            return say("its seal is no SHA-256 checksum of 64 hexadecimal digits")
        told = found[1].decode().lower()
        if told == sha256:
            return ""
        return say("its seal names SHA-256 {told}, the file has {found}", told=told, found=sha256)


class SignatureSeal:
    """NAME.sig or NAME.asc: a detached signature by one of the pinned keys of a ring."""

    suffixes: tuple[str, ...] = (".sig", ".asc")
    kept = ".sig"

    def __init__(self, ring: GpgSealer) -> None:
        self._ring = ring

    def wrong(self, original: Path, seal: Path, sha256: str) -> str:
        """Why the signature does not count. Raises Transient or ConfigError for gpg's own sake."""
        try:
            self._ring.verify(original, seal)
        except Corrupt as error:
            return say("its signature does not count: {why}", why=error.cause)
        with disk(f"reading {original}"):
            same = durable.digest(original)[0] == sha256  # of what gpg has just read
        return "" if same else say("{name} changed after it was taken", name=original.name)


def signature_seal(home: Path, signers: tuple[str, ...]) -> SignatureSeal:
    """Signatures by `signers` (full fingerprints), whose public keys lie in the ring `home`."""
    return SignatureSeal(GpgSealer(home, "none", accept_from=signers, pins="signers"))


def judged(seal: InputSeal, original: Path, sha256: str) -> Problem | None:
    """What is wrong with the seal of a taken file; None: it fits. A missing one never fits."""
    beside = kept_as(seal, original)
    if not beside.is_file():
        why: str = say("it came without its seal")
    else:
        why = seal.wrong(original, beside, sha256)
    if not why:
        return None
    remedy = say("Find out who changed the file, then drop it again with the seal that fits it.")
    return Problem(RULE, Severity.ERROR, why, remedy)


def kept_as(seal: InputSeal, original: Path) -> Path:
    """Where the seal of a taken file lies."""
    return original.with_name(original.name + seal.kept)


def is_fit(status: os.stat_result) -> bool:
    """May this be a seal: a regular file with one name, and small?"""
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and status.st_size <= LARGEST_SEAL


def copied(seal: InputSeal, door: Path, name: str, original: Path) -> bool:
    """Copy the seal of `name` beside `original`; False when it is not in the door.

    Repeatable: what was copied once stays. The copy carries the time of the seal, by which `drop`
    knows it again.
    """
    target = kept_as(seal, original)
    with disk(f"copying the seal of {escaped(name)} from {door}"):
        if target.exists():
            return True
        for suffix in seal.suffixes:
            with suppress(FileNotFoundError):
                if _copied(door / (name + suffix), target):
                    return True
    return False


def _copied(source: Path, target: Path) -> bool:
    if not is_fit(source.lstat()):
        return False
    descriptor = durable.open_regular(source)
    try:
        before = os.fstat(descriptor)
        if not is_fit(before):
            return False
        temporary = target.with_name(f".{target.name}.writing")
        with durable.created(temporary) as copy:
            durable.write_all(copy, os.read(descriptor, LARGEST_SEAL))
            os.utime(copy, ns=(before.st_mtime_ns, before.st_mtime_ns))
        temporary.rename(target)
        durable.sync_folder(target.parent)
        return True
    finally:
        os.close(descriptor)


def dropped(seal: InputSeal, door: Path, name: str, original: Path) -> None:
    """Remove from the door the seal that was copied, and no later one of that name."""
    with disk(f"removing the seal of {escaped(name)} from {door}"), suppress(FileNotFoundError):
        ours = kept_as(seal, original).stat()
        for suffix in seal.suffixes:
            source = door / (name + suffix)
            with suppress(FileNotFoundError):
                status = source.lstat()
                if (status.st_size, status.st_mtime_ns) == (ours.st_size, ours.st_mtime_ns):
                    source.unlink()
                    durable.sync_folder(door)
