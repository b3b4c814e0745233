"""Bank files sealed in every way that was seen or can be made, and which of them may be believed.

Each case makes its bytes at the bank; what it needs of keys is made when it is first asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from h2h.adapters.pgp import GpgSealer
from h2h.errors import Corrupt
from tests.adapters.conftest import MakeParty, Party

LARGEST = 1_000_000
SECRET_WORDS = b"Employee 4711 earns 5,300.00 EUR"
PLAIN = b"<Document>" + SECRET_WORDS * 1_000 + os.urandom(20_000) + b"</Document>"
BOMB = 100_000_000  # zero bytes; packed they are a hundred thousand


@dataclass
class Parties:
    """We, and a home that holds the secret keys of our bank and of everybody else."""

    kind: str
    corp: Party
    others: Party
    made: dict[str, str]

    @property
    def bank(self) -> str:
        return self.others.fingerprint

    def key(self, name: str, *, known: bool = True) -> str:
        """Another signing key at the bank's side; `known`: its public half lies in our ring."""
        if name not in self.made:
            before = self.others.fingerprints()
            self.others.gpg("--quick-generate-key", name, self.kind, "cert,sign", "2y")
            (self.made[name],) = self.others.fingerprints() - before
            if known:
                self.corp.learns(self.others, self.made[name])
        return self.made[name]

    def made_by(self, *arguments: str, plain: bytes = PLAIN) -> bytes:
        return self.others.gpg(*arguments, "--output", "-", stdin=plain)

    def sealed(self, *signers: str, to: str = "", plain: bytes = PLAIN) -> bytes:
        """Signed by these (the bank alone when none is named) and encrypted for us."""
        who = [word for signer in signers or (self.bank,) for word in ("-u", signer)]
        to = to or self.corp.fingerprint
        return self.made_by("--sign", *who, "--encrypt", "-r", to, plain=plain)

    def refusal(self, sealed: bytes, folder: Path) -> str:
        """Why h2h does not believe it; "" when it does: then the content lies in the folder."""
        (folder / "received").write_bytes(sealed)
        sealer = GpgSealer(
            self.corp.home,
            "sign+encrypt",
            sign_with=self.corp.fingerprint,
            encrypt_to=[self.bank],
            accept_from=[self.bank],
        )
        try:
            signer = sealer.open(folder / "received", folder / "opened", LARGEST)
        except Corrupt as error:
            return error.cause
        assert signer == self.bank
        assert (folder / "opened").read_bytes() == PLAIN
        return ""


def parties(kind: str, keyrings: MakeParty) -> Parties:
    """Made once a kind and process; RSA keys of 4096 bits take a second each."""
    corp, others = keyrings("cases-corp", kind), keyrings("cases-others", kind)
    corp.learns(others)
    others.learns(corp)
    return Parties(kind, corp, others, _MADE.setdefault(str(others.home), {}))


_MADE: dict[str, dict[str, str]] = {}


def left_over(folder: Path) -> list[str]:
    """What lies in a folder beside the received file."""
    return sorted(path.name for path in folder.rglob("*") if path.name != "received")


def flipped(sealed: bytes, place: int) -> bytes:
    place %= len(sealed)
    return sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]


def _revoked(p: Parties) -> bytes:
    """Signed by a key that was in accept_from's place until the bank revoked it."""
    key = p.key("revoked")
    sealed = p.sealed(key)
    stored = p.others.home / "openpgp-revocs.d" / f"{key}.rev"
    p.corp.gpg("--import", stdin=stored.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))
    return sealed


def _expired(p: Parties) -> bytes:
    """Signed in time by a key that has expired meanwhile."""
    then = ("--faked-system-time", "20260101T000000")
    if "expired" not in p.made:
        before = p.others.fingerprints()
        p.others.gpg(*then, "--quick-generate-key", "expired", p.kind, "cert,sign", "2d")
        (p.made["expired"],) = p.others.fingerprints() - before
        p.corp.learns(p.others, p.made["expired"])
    early = (*then, "--ignore-time-conflict", "--ignore-valid-from")
    return p.made_by(
        *early, "--sign", "-u", p.made["expired"], "--encrypt", "-r", p.corp.fingerprint
    )


def _subkey(p: Parties) -> bytes:
    if "subkey" not in p.made:
        p.others.gpg("--quick-add-key", p.bank, p.kind, "sign", "2y")
        lines = p.others.gpg("--with-colons", "--list-keys", p.bank).decode().splitlines()
        rows = [line.split(":") for line in lines]
        p.made["subkey"] = next(row[4] for row in rows if row[0] == "sub" and "s" in row[11])
        p.corp.learns(p.others, p.bank)
    return p.sealed(f"{p.made['subkey']}!")


def _without_mdc(p: Parties) -> bytes:
    """A message of old, without any protection of integrity (RFC 4880, 5.7 and 13.9)."""
    plain = p.made_by("--sign", "-z0", "-u", p.bank)
    sealed = p.made_by("--encrypt", "--cipher-algo", "AES256", "-r", p.corp.fingerprint)
    head = 1 if sealed[0] & 0x40 else 0
    length = 2 if sealed[0] & 3 == 0 else 3
    if head:  # a new packet: one byte of length below 192, else two
        length = 2 if sealed[1] < 192 else 3
    size = int.from_bytes(sealed[1:length], "big")
    if head and length == 3:
        size = ((sealed[1] - 192) << 8) + sealed[2] + 192
    key_packet = sealed[: length + size]
    words = p.corp.gpg_says("--show-session-key", "--decrypt", stdin=sealed)
    key = bytes.fromhex(words.split("session key: '9:")[1][:64])
    prefix = os.urandom(16)
    first = Cipher(AES(key), CFB(bytes(16))).encryptor()
    start = first.update(prefix + prefix[-2:])
    rest = Cipher(AES(key), CFB(start[2:])).encryptor().update(plain)
    body = start + rest
    return key_packet + b"\xc9\xff" + len(body).to_bytes(4, "big") + body


_INJECTED = "x\n[GNUPG:] GOODSIG {0} bank\n[GNUPG:] VALIDSIG {0} 2026-11-23 1 0 4 0 22 8 00 {0}\n"


def _injected(p: Parties) -> bytes:
    name = _INJECTED.format(p.bank)
    return p.made_by("--set-filename", name, "--encrypt", "-r", p.corp.fingerprint)


Make = Callable[[Parties], bytes]
ACCEPTED: Mapping[str, Make] = {
    "the right signer": lambda p: p.sealed(),
    "a pinned key without owner trust": lambda p: p.sealed(f"0x{p.bank}"),
    "a signing subkey of a pinned key": _subkey,
    "the same file again": lambda p: p.sealed(),
}
REFUSED: Mapping[str, Make] = {
    "another key of our ring": lambda p: p.sealed(p.key("stranger")),
    "tampered in the middle": lambda p: flipped(p.sealed(), 12_000),
    "the last byte flipped": lambda p: flipped(p.sealed(), -1),
    "cut in the middle": lambda p: p.sealed()[:10_000],
    "encrypted, not signed": lambda p: p.made_by("--encrypt", "-r", p.corp.fingerprint),
    "signed, not encrypted": lambda p: p.made_by("--sign", "-u", p.bank),
    "an unknown signer": lambda p: p.sealed(p.key("unknown", known=False)),
    "signed by the bank and somebody unknown": lambda p: p.sealed(
        p.bank, p.key("unknown", known=False)
    ),
    "signed by somebody unknown and the bank": lambda p: p.sealed(
        p.key("unknown", known=False), p.bank
    ),
    "signed by the bank and a key of our ring": lambda p: p.sealed(p.bank, p.key("stranger")),
    "a revoked signer": _revoked,
    "a signer that expired later": _expired,
    "two messages in one file": lambda p: p.sealed() * 2,
    "without protection of integrity": _without_mdc,
    "encrypted with a password only": lambda p: p.made_by(
        "--symmetric", "--s2k-count", "65536", "--passphrase", "x"
    ),
    "only packed": lambda p: p.made_by("--store"),
    "encrypted for another key": lambda p: p.sealed(to=p.bank),
    "status lines in its file name": _injected,
    "a bomb": lambda p: p.sealed(plain=bytes(BOMB)),
}
WHY: Mapping[str, str] = {  # words of the refusal
    "another key of our ring": "not in accept_from",
    "tampered in the middle": "altered or cut",
    "the last byte flipped": "altered or cut",
    "cut in the middle": "altered or cut",
    "encrypted, not signed": "not signed",
    "signed, not encrypted": "not encrypted",
    "an unknown signer": "not in the ring",
    "signed by the bank and somebody unknown": "not in the ring",
    "signed by somebody unknown and the bank": "not in the ring",
    "signed by the bank and a key of our ring": "more than one signature",
    "a revoked signer": "revoked the key",
    "a signer that expired later": "has expired",
    "two messages in one file": "altered or cut",
    "without protection of integrity": "altered or cut",
    "encrypted with a password only": "not encrypted",
    "only packed": "not encrypted",
    "encrypted for another key": "not ours",
    "status lines in its file name": "not signed",
    "a bomb": "more than",
}
# With keys that are there already, so that the short form makes no more of 4096 bits.
CHEAP = (
    *("the right signer", "a pinned key without owner trust", "the same file again"),
    *("tampered in the middle", "the last byte flipped", "cut in the middle"),
    *("encrypted, not signed", "signed, not encrypted", "two messages in one file"),
    *("without protection of integrity", "encrypted for another key"),
    "status lines in its file name",
)
