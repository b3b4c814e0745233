"""OpenPGP with the real gpg: what makes a bank file believed, and what is left when it is not."""

from __future__ import annotations

import errno
import hashlib
import os
import select
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from h2h.adapters.pgp import GpgSealer
from h2h.core.problem import Severity
from h2h.errors import ConfigError, Corrupt, H2HError, Refused, Transient

if TYPE_CHECKING:
    from tests.adapters.conftest import MakeParty, Party

SECRET_WORDS = b"Employee 4711 earns 5,300.00 EUR"
PLAIN = b"<Document>" + SECRET_WORDS * 1000 + os.urandom(50_000) + b"</Document>"
LARGEST = 1_000_000


@dataclass
class Scene:
    """We (corp), our bank, a stranger whose key lies in our ring too, and a folder of ours."""

    corp: Party
    bank: Party
    stranger: Party
    folder: Path

    def sealer(self, seal: str = "sign+encrypt", **terms: object) -> GpgSealer:
        """Ours. Keyword terms replace what is agreed."""
        agreed: dict[str, object] = {
            "sign_with": self.corp.fingerprint,
            "encrypt_to": [self.bank.fingerprint],
            "accept_from": [self.bank.fingerprint],
        }
        return GpgSealer(self.corp.home, seal, **(agreed | terms))  # type: ignore[arg-type]

    def from_bank(self, *arguments: str, who: Party | None = None, plain: bytes = PLAIN) -> bytes:
        """What gpg makes of `plain` at the bank (or at `who`)."""
        return (who or self.bank).gpg(*arguments, "--output", "-", stdin=plain)

    def signed_for_us(self, *arguments: str, who: Party | None = None) -> bytes:
        who = who or self.bank
        rest = arguments or ("-u", who.fingerprint)
        return self.from_bank("--sign", "--encrypt", "-r", self.corp.fingerprint, *rest, who=who)

    def opened(self, sealed: bytes, sealer: GpgSealer | None = None) -> str:
        (self.folder / "received").write_bytes(sealed)
        sealer = sealer or self.sealer()
        return sealer.open(self.folder / "received", self.folder / "opened.xml", LARGEST)

    def no_plaintext(self) -> bool:
        """Is nothing of the content in our folder?"""
        files = [path for path in self.folder.rglob("*") if path.name != "received"]
        return not files


@pytest.fixture
def scene(request: pytest.FixtureRequest, keyrings: MakeParty, tmp_path: Path) -> Scene:
    kind = getattr(request, "param", "ed25519")
    corp, bank, stranger = (keyrings(name, kind) for name in ("corp", "bank", "stranger"))
    corp.learns(bank)
    corp.learns(stranger)
    for other in (bank, stranger):
        other.learns(corp)
        other.learns(bank)
    folder = tmp_path / "dossier"
    folder.mkdir(mode=0o700)
    return Scene(corp, bank, stranger, folder)


BOTH = pytest.mark.parametrize("scene", ["ed25519", "rsa2048"], indirect=True)


# ------------------------------------------------------------------------------------- accepted


@BOTH
def test_a_file_signed_by_the_bank_and_encrypted_for_us_is_opened(scene: Scene) -> None:
    assert scene.opened(scene.signed_for_us()) == scene.bank.fingerprint
    opened = scene.folder / "opened.xml"
    assert opened.read_bytes() == PLAIN
    assert opened.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in scene.folder.iterdir()) == ["opened.xml", "received"]


def test_a_file_that_the_bank_also_encrypted_for_itself_is_opened(scene: Scene) -> None:
    recipients = ["-r", scene.bank.fingerprint, "-u", scene.bank.fingerprint]
    assert scene.opened(scene.signed_for_us(*recipients)) == scene.bank.fingerprint


def test_a_file_signed_by_a_subkey_counts_as_its_primary_key(
    scene: Scene, keyrings: MakeParty
) -> None:
    bank = keyrings("bank-subkey")
    bank.gpg("--quick-add-key", bank.fingerprint, "ed25519", "sign", "2y")
    bank.learns(scene.corp)
    scene.corp.learns(bank)
    rows = [row.split(":") for row in bank.gpg("--with-colons", "--list-keys").decode().split("\n")]
    subkey = next(row[4] for row in rows if row[0] == "sub" and "s" in row[11])
    sealed = scene.signed_for_us("-u", f"{subkey}!", who=bank)
    sealer = scene.sealer(accept_from=[bank.fingerprint])
    assert scene.opened(sealed, sealer) == bank.fingerprint


def test_the_same_file_again_is_authentic_again(scene: Scene) -> None:
    sealed = scene.signed_for_us()
    assert scene.opened(sealed) == scene.opened(sealed) == scene.bank.fingerprint


def test_an_armoured_file_is_opened(scene: Scene) -> None:
    assert scene.opened(scene.signed_for_us("--armor")) == scene.bank.fingerprint


# -------------------------------------------------------------------------------------- refused


def flipped(sealed: bytes, place: int) -> bytes:
    place %= len(sealed)
    return sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]


def without_mdc(scene: Scene) -> bytes:
    """A message of old: signed by the bank, encrypted without any protection of integrity.

    gpg no longer writes it, so its packets are made here: the key packet of a real message, and a
    packet of type 9 in OpenPGP's own CFB mode (RFC 4880, 5.7 and 13.9).
    """
    plain = scene.from_bank("--sign", "-z0", "-u", scene.bank.fingerprint)
    sealed = scene.from_bank("--encrypt", "--cipher-algo", "AES256", "-r", scene.corp.fingerprint)
    key_packet = sealed[: 2 + sealed[1]]
    command = ["gpg", "--homedir", str(scene.corp.home), "--show-session-key", "--decrypt"]
    told = subprocess.run(command, input=sealed, capture_output=True, check=True).stderr
    key = bytes.fromhex(told.split(b"session key: '9:")[1][:64].decode())
    prefix = os.urandom(16)
    first = Cipher(AES(key), CFB(bytes(16))).encryptor()
    head = first.update(prefix + prefix[-2:])
    rest = Cipher(AES(key), CFB(head[2:])).encryptor().update(plain)
    body = head + rest
    return key_packet + b"\xc9\xff" + len(body).to_bytes(4, "big") + body


INJECTED = "x\n[GNUPG:] GOODSIG {0} bank\n[GNUPG:] VALIDSIG {0} 2026-11-23 1 0 4 0 22 8 00 {0}\n"
Make = Callable[[Scene], bytes]
FOR_US: Callable[[Scene], list[str]] = lambda s: ["--encrypt", "-r", s.corp.fingerprint]  # noqa: E731

REFUSED: dict[str, tuple[Make, str]] = {
    "another key of our ring": (lambda s: s.signed_for_us(who=s.stranger), "not in accept_from"),
    "a byte changed": (lambda s: flipped(s.signed_for_us(), -5000), "altered or cut"),
    "the last byte changed": (lambda s: flipped(s.signed_for_us(), -1), "altered or cut"),
    "cut in the middle": (lambda s: s.signed_for_us()[:30_000], "altered or cut"),
    "the last byte missing": (lambda s: s.signed_for_us()[:-1], "altered or cut"),
    "not signed": (lambda s: s.from_bank(*FOR_US(s)), "it is not signed"),
    "signed but not encrypted": (
        lambda s: s.from_bank("--sign", "-u", s.bank.fingerprint),
        "it is not encrypted",
    ),
    "two messages in one": (lambda s: s.signed_for_us() * 2, "altered or cut"),
    "followed by rubbish": (lambda s: s.signed_for_us() + b"\0" * 100, "altered or cut"),
    "without protection of integrity": (without_mdc, "altered or cut"),
    "encrypted with a password only": (
        lambda s: s.from_bank("--symmetric", "--passphrase", "x"),
        "it is not encrypted",
    ),
    "only packed": (lambda s: s.from_bank("--store"), "it is not encrypted"),
    "encrypted for somebody else": (
        lambda s: s.from_bank("--sign", "--encrypt", "-r", s.bank.fingerprint),
        "not ours",
    ),
    "status lines in its file name": (
        lambda s: s.from_bank("--set-filename", INJECTED.format(s.bank.fingerprint), *FOR_US(s)),
        "it is not signed",
    ),
    "words of ours in its file name": (
        lambda s: s.from_bank("--set-filename", "x: No space left on device", *FOR_US(s)),
        "it is not signed",
    ),
    "a bomb": (
        lambda s: s.from_bank(
            "--sign", "-u", s.bank.fingerprint, *FOR_US(s), plain=bytes(100_000_000)
        ),
        f"more than {LARGEST} bytes",
    ),
    "empty": (lambda s: b"", "it is not encrypted"),
    "no OpenPGP at all": (lambda s: b"<Document/>", "it is not encrypted"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_not_authentic_is_refused_and_leaves_no_plaintext(
    scene: Scene, case: str
) -> None:
    make, words = REFUSED[case]
    with pytest.raises(Corrupt, match=words) as refused:
        scene.opened(make(scene))
    assert refused.value.next_move
    assert "received" in str(refused.value)
    assert scene.no_plaintext()


def test_a_bomb_is_stopped_while_it_unpacks(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    real = GpgSealer._decrypt

    def decrypt(self: GpgSealer, sealed: Path, output: Path, largest: int) -> object:
        result = real(self, sealed, output, largest)
        written.append(output.stat().st_size)
        return result

    monkeypatch.setattr(GpgSealer, "_decrypt", decrypt)
    with pytest.raises(Corrupt):
        scene.opened(REFUSED["a bomb"][0](scene))
    assert len(written) == 1
    assert written[0] <= LARGEST


@pytest.mark.parametrize("scene", ["rsa2048"], indirect=True)
@pytest.mark.parametrize(
    "case",
    ["another key of our ring", "a byte changed", "not signed", "encrypted for somebody else"],
)
def test_with_rsa_keys_the_same_is_refused(scene: Scene, case: str) -> None:
    make, words = REFUSED[case]
    with pytest.raises(Corrupt, match=words):
        scene.opened(make(scene))
    assert scene.no_plaintext()


def test_an_unknown_signer_is_refused(scene: Scene, keyrings: MakeParty) -> None:
    unknown = keyrings("unknown")
    unknown.learns(scene.corp)
    with pytest.raises(Corrupt, match="not in the ring"):
        scene.opened(scene.signed_for_us(who=unknown))
    assert scene.no_plaintext()


def test_a_key_that_holds_the_banks_own_as_its_subkey_is_not_sealed_to(
    keyrings: MakeParty, tmp_path: Path
) -> None:
    """gpg finds the bank's fingerprint in it, and encrypts to what the stranger added last."""
    when = ("--faked-system-time", "20260101T000000!")  # a fingerprint holds the time of its making
    bank, thief = (keyrings(name, "ed25519", *when) for name in ("bank-taken", "thief"))
    listed = bank.gpg("--with-colons", "--with-keygrip", "--list-keys").decode().splitlines()
    grip = next(line.split(":")[9] for line in listed if line.startswith("grp"))
    secret = Path("private-keys-v1.d") / f"{grip}.key"
    (thief.home / secret).write_bytes((bank.home / secret).read_bytes())
    answers = f"addkey\n13\n{grip}\nq\n0\nsave\n".encode()
    words = ("--expert", *when, "--no-batch", "--command-fd", "0", "--edit-key", thief.fingerprint)
    thief.gpg(*words, stdin=answers)
    ours = keyrings("corp-robbed")
    ours.learns(thief)
    (tmp_path / "plain").write_bytes(PLAIN)

    sealer = GpgSealer(
        ours.home, "sign+encrypt", sign_with=ours.fingerprint, encrypt_to=[bank.fingerprint]
    )

    with pytest.raises(Refused, match=f"named: {thief.fingerprint}") as refused:
        sealer.seal(tmp_path / "plain", tmp_path / "sealed")
    assert "who changed the ring" in refused.value.next_move
    assert [path.name for path in tmp_path.iterdir()] == ["plain"]
    ours.gpg("--yes", "--delete-keys", thief.fingerprint)
    ours.learns(bank)
    sealer.seal(tmp_path / "plain", tmp_path / "sealed")
    assert (tmp_path / "sealed").exists()


@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("first", ["bank", "other"])
def test_a_file_with_two_signatures_is_refused(
    scene: Scene, keyrings: MakeParty, known: bool, first: str
) -> None:
    bank = keyrings(f"bank-two-{known}")
    bank.learns(scene.corp)
    scene.corp.learns(bank)
    others = bank.fingerprints() - {bank.fingerprint, scene.corp.fingerprint}
    other = next(iter(others)) if others else bank.new_key("other", "ed25519", "2y")
    if known:
        scene.corp.learns(bank, other)
    order = [bank.fingerprint, other] if first == "bank" else [other, bank.fingerprint]
    sealed = scene.signed_for_us("-u", order[0], "-u", order[1], who=bank)
    with pytest.raises(Corrupt, match=r"more than one signature|not in the ring"):
        scene.opened(sealed, scene.sealer(accept_from=[bank.fingerprint]))
    assert scene.no_plaintext()


def test_a_signer_that_was_revoked_is_refused(scene: Scene, keyrings: MakeParty) -> None:
    bank = keyrings("bank-revoked")
    bank.learns(scene.corp)
    sealed = scene.signed_for_us(who=bank)
    stored = bank.home / "openpgp-revocs.d" / f"{bank.fingerprint}.rev"
    certificate = stored.read_bytes().replace(b":-----BEGIN", b"-----BEGIN")
    scene.corp.learns(bank)
    scene.corp.gpg("--import", stdin=certificate)
    with pytest.raises(Corrupt, match="revoked the key") as refused:
        scene.opened(sealed, scene.sealer(accept_from=[bank.fingerprint]))
    assert "Ask the bank for its present key" in refused.value.next_move
    assert scene.no_plaintext()


def test_a_signer_that_has_expired_meanwhile_is_named_as_such(
    scene: Scene, keyrings: MakeParty
) -> None:
    then = ["--faked-system-time", "20260101T000000"]
    corp = keyrings("corp-then", "ed25519", *then)
    bank = keyrings("bank-expired", "ed25519", *then, expires="2d")
    bank.learns(corp)
    corp.learns(bank)
    sealed = bank.gpg(*then, "--sign", "--encrypt", "-r", corp.fingerprint, stdin=PLAIN)
    sealer = GpgSealer(
        corp.home,
        "sign+encrypt",
        sign_with=corp.fingerprint,
        encrypt_to=[bank.fingerprint],
        accept_from=[bank.fingerprint],
    )
    with pytest.raises(Corrupt, match="has expired") as refused:
        scene.opened(sealed, sealer)
    assert "renewed key" in refused.value.next_move
    assert scene.no_plaintext()
    (scene.folder / "plain").write_bytes(PLAIN)
    with pytest.raises(Refused, match=f"{bank.fingerprint} cannot be used to seal: .*expired"):
        sealer.seal(scene.folder / "plain", scene.folder / "sealed")


# -------------------------------------------------------------------------------------- sealing


@BOTH
@pytest.mark.parametrize("armor", [False, True])
@pytest.mark.parametrize("compress", [False, True])
def test_the_bank_opens_what_we_seal(scene: Scene, armor: bool, compress: bool) -> None:
    (scene.folder / "original.xml").write_bytes(PLAIN)
    target = scene.folder / "sealed.pgp"
    sealer = scene.sealer(armor=armor, compress=compress)
    sealer.seal(scene.folder / "original.xml", target)
    sealed = target.read_bytes()
    assert sealed.startswith(b"-----BEGIN PGP MESSAGE") is armor
    assert target.stat().st_mode & 0o777 == 0o600
    assert sealer.sidecar(target) is None
    bank = GpgSealer(
        scene.bank.home,
        "sign+encrypt",
        sign_with=scene.bank.fingerprint,
        encrypt_to=[scene.corp.fingerprint],
        accept_from=[scene.corp.fingerprint],
    )
    assert bank.open(target, scene.folder / "there", LARGEST) == scene.corp.fingerprint
    assert (scene.folder / "there").read_bytes() == PLAIN
    packets = scene.bank.gpg("--list-packets", target).decode()
    assert "mdc_method: 2" in packets
    assert "aead" not in packets
    assert ("compressed packet" in packets) is compress
    assert 'name=""' in packets


@pytest.mark.parametrize("digest", ["SHA256", "SHA512"])
def test_cipher_and_digest_are_what_the_bank_asked_for(scene: Scene, digest: str) -> None:
    (scene.folder / "original.xml").write_bytes(PLAIN)
    sealer = scene.sealer(cipher="AES128", digest=digest)
    sealer.seal(scene.folder / "original.xml", scene.folder / "sealed")
    command = ["gpg", "--homedir", str(scene.bank.home), "--batch", "--show-session-key"]
    done = subprocess.run(
        [*command, "--list-packets", scene.folder / "sealed"], capture_output=True, check=True
    )
    assert f"digest algo {'8' if digest == 'SHA256' else '10'}," in done.stdout.decode()
    assert b"session key: '7:" in done.stderr


def test_sealing_again_replaces_what_an_earlier_cut_left(scene: Scene) -> None:
    (scene.folder / "original.xml").write_bytes(PLAIN)
    (scene.folder / ".sealed.writing").write_bytes(b"half")
    (scene.folder / "sealed").write_bytes(b"old")
    scene.sealer().seal(scene.folder / "original.xml", scene.folder / "sealed")
    assert scene.bank.gpg("--decrypt", scene.folder / "sealed") == PLAIN
    assert sorted(path.name for path in scene.folder.iterdir()) == ["original.xml", "sealed"]


def test_a_missing_key_of_the_bank_is_refused_and_nothing_goes_out_in_clear(
    scene: Scene,
) -> None:
    (scene.folder / "original.xml").write_bytes(PLAIN)
    target = scene.folder / "sealed"
    nobody = "0123456789ABCDEF0123456789ABCDEF01234567"
    with pytest.raises(Refused, match=f"{nobody} cannot be used to seal: it is not in the ring"):
        scene.sealer(encrypt_to=[nobody]).seal(scene.folder / "original.xml", target)
    with pytest.raises(Refused, match="cannot be used to seal"):
        scene.sealer(sign_with=nobody).seal(scene.folder / "original.xml", target)
    with pytest.raises(Refused, match="cannot be used to seal"):
        scene.sealer(sign_with=scene.bank.fingerprint).seal(scene.folder / "original.xml", target)
    assert [path.name for path in scene.folder.iterdir()] == ["original.xml"]


def test_sign_only_is_opened_by_the_same_agreement(scene: Scene) -> None:
    sealer = scene.sealer("sign")
    assert (
        scene.opened(scene.from_bank("--sign", "-u", scene.bank.fingerprint), sealer)
        == scene.bank.fingerprint
    )
    (scene.folder / "opened.xml").unlink()
    for make in (REFUSED["only packed"][0], REFUSED["not signed"][0]):
        with pytest.raises(Corrupt, match="not signed"):
            scene.opened(make(scene), sealer)
    signed = scene.from_bank("--sign", "-z0", "-u", scene.bank.fingerprint)
    with pytest.raises(Corrupt, match="does not fit its content"):
        scene.opened(flipped(signed, 20_000), sealer)
    with pytest.raises(Corrupt, match="not in accept_from"):
        scene.opened(scene.from_bank("--sign", who=scene.stranger), sealer)
    assert scene.no_plaintext()
    (scene.folder / "received").unlink()
    (scene.folder / "a").write_bytes(PLAIN)
    sealer.seal(scene.folder / "a", scene.folder / "b")
    scene.bank.gpg("--verify", scene.folder / "b")


def test_encrypt_only_takes_unsigned_files_only_when_nobody_is_to_sign(scene: Scene) -> None:
    unsigned = REFUSED["not signed"][0](scene)
    with pytest.raises(Corrupt, match="not signed"):
        scene.opened(unsigned, scene.sealer("encrypt"))
    assert scene.opened(unsigned, scene.sealer("encrypt", accept_from=[])) == ""
    assert (scene.folder / "opened.xml").read_bytes() == PLAIN
    with pytest.raises(Corrupt, match="not in accept_from"):
        scene.opened(scene.signed_for_us(), scene.sealer("encrypt", accept_from=[]))
    (scene.folder / "opened.xml").unlink()
    with pytest.raises(Corrupt, match="altered or cut"):
        scene.opened(flipped(unsigned, -1), scene.sealer("encrypt", accept_from=[]))
    assert scene.no_plaintext()


def test_a_detached_signature_travels_beside_the_file(scene: Scene) -> None:
    ours, target = scene.sealer("detached"), scene.folder / "sealed"
    (scene.folder / "plain").write_bytes(PLAIN)
    ours.seal(scene.folder / "plain", target)
    assert target.read_bytes() == PLAIN
    beside = ours.sidecar(target)
    assert beside == scene.folder / "sealed.sig"
    scene.bank.gpg("--verify", beside, target)


def test_a_detached_signature_must_come_with_the_file_and_fit(scene: Scene) -> None:
    sealer = scene.sealer("detached")
    signature = scene.folder / "received.sig"
    with pytest.raises(Corrupt, match=r"without its signature received\.sig"):
        scene.opened(PLAIN, sealer)
    signature.write_bytes(scene.from_bank("--detach-sign", "-u", scene.bank.fingerprint))
    assert scene.opened(PLAIN, sealer) == scene.bank.fingerprint
    (scene.folder / "opened.xml").unlink()
    with pytest.raises(Corrupt, match="does not fit its content"):
        scene.opened(flipped(PLAIN, 100), sealer)
    signature.write_bytes(scene.from_bank("--detach-sign", who=scene.stranger))
    with pytest.raises(Corrupt, match="not in accept_from"):
        scene.opened(PLAIN, sealer)
    assert not (scene.folder / "opened.xml").exists()


def test_without_a_seal_bytes_are_copied_up_to_the_limit(scene: Scene) -> None:
    assert scene.opened(PLAIN, scene.sealer("none")) == ""
    assert (scene.folder / "opened.xml").read_bytes() == PLAIN
    with pytest.raises(Corrupt, match="more than"):
        scene.opened(bytes(LARGEST + 1), scene.sealer("none"))


# ------------------------------------------------------------------------------- gpg's own trouble


@pytest.fixture
def wrapped_gpg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """wrapped_gpg(script): a gpg first on the PATH that does `script`, then is the real one."""

    def wrap(script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        (folder / "gpg").write_text(f'#!/bin/sh\n{script}\nexec /usr/bin/gpg "$@"\n')
        (folder / "gpg").chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
        return folder

    return wrap


def test_a_passphrase_is_used_and_seen_nowhere(
    scene: Scene,
    keyrings: MakeParty,
    wrapped_gpg: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    words = "correct horse 电池 staple"
    corp = keyrings("corp-locked", passphrase=words)
    corp.learns(scene.bank)
    scene.bank.learns(corp)
    corp.stop_agent()
    folder = wrapped_gpg('printf "%s\\n" "$@" >> "${0%/*}/seen"; env >> "${0%/*}/seen"')
    terms = {"sign_with": corp.fingerprint, "encrypt_to": [scene.bank.fingerprint]}
    sealer = GpgSealer(corp.home, "sign+encrypt", passphrase=lambda: words, **terms)  # type: ignore[arg-type]
    (scene.folder / "plain").write_bytes(PLAIN)
    with caplog.at_level("DEBUG"):
        sealer.seal(scene.folder / "plain", scene.folder / "sealed")
    assert scene.bank.gpg("--decrypt", scene.folder / "sealed") == PLAIN
    assert "--sign" in (folder / "seen").read_text()
    assert "horse" not in (folder / "seen").read_text()
    assert "horse" not in caplog.text


@pytest.mark.parametrize("given", [None, "a wrong one"])
def test_a_missing_or_wrong_passphrase_is_our_trouble_and_not_the_bank_s(
    scene: Scene, keyrings: MakeParty, given: str | None
) -> None:
    corp = keyrings("corp-locked", passphrase="correct horse 电池 staple")
    corp.learns(scene.bank)
    scene.bank.learns(corp)
    sealed = scene.bank.gpg("--sign", "--encrypt", "-r", corp.fingerprint, stdin=PLAIN)
    corp.stop_agent()
    sealer = GpgSealer(
        corp.home,
        "sign+encrypt",
        sign_with=corp.fingerprint,
        encrypt_to=[scene.bank.fingerprint],
        accept_from=[scene.bank.fingerprint],
        passphrase=None if given is None else lambda: given,
    )
    with pytest.raises(ConfigError, match="passphrase of our key") as refused:
        scene.opened(sealed, sealer)
    assert "a wrong one" not in str(refused.value)
    assert scene.no_plaintext()
    with pytest.raises(ConfigError, match="passphrase of our key"):
        sealer.seal(scene.folder / "received", scene.folder / "sealed")


def test_gpg_that_is_not_installed_is_a_matter_of_the_machine(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="apt-get install gnupg"):
        scene.opened(b"x")


def test_gpg_that_hangs_is_killed(scene: Scene, wrapped_gpg: Callable[[str], Path]) -> None:
    sealed = scene.signed_for_us()
    folder = wrapped_gpg(
        'case "$*" in *list-config*) ;; *) echo $$ > "${0%/*}/pid"; exec sleep 300;; esac'
    )
    with pytest.raises(Transient, match="gpg was killed"):
        scene.opened(sealed, scene.sealer(timeout=0.5))
    assert scene.no_plaintext()
    assert not Path(f"/proc/{(folder / 'pid').read_text().strip()}/cmdline").exists()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("kill -KILL $$", "gpg was killed"),
        ('echo "gpg: fork: Resource temporarily unavailable" >&2; exit 2', "unavailable"),
    ],
)
def test_a_first_start_that_a_busy_machine_refuses_is_tried_again(
    scene: Scene, wrapped_gpg: Callable[[str], Path], script: str, words: str
) -> None:
    folder = wrapped_gpg(script)
    sealer = scene.sealer()
    with pytest.raises(Transient, match=words):
        scene.opened(b"x", sealer)
    (folder / "gpg").unlink()
    assert scene.opened(scene.signed_for_us(), sealer) == scene.bank.fingerprint


def test_a_machine_without_a_process_left_is_transient(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_process(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    sealed, sealer = scene.signed_for_us(), scene.sealer()
    with monkeypatch.context() as patch:
        patch.setattr("gnupg.Popen", no_process)
        with pytest.raises(Transient, match="temporarily unavailable"):
            scene.opened(sealed, sealer)
    assert scene.opened(sealed, sealer) == scene.bank.fingerprint


@pytest.mark.parametrize(
    "line",
    [
        "gpg: can't fork: Resource temporarily unavailable",
        "gpg: public key decryption failed: End of file",
    ],
)
def test_trouble_of_this_machine_in_the_middle_says_nothing_about_the_file(
    scene: Scene, wrapped_gpg: Callable[[str], Path], line: str
) -> None:
    sealed = scene.signed_for_us()
    wrapped_gpg(f'case "$*" in *list-config*) ;; *) echo "{line}" >&2; exit 2;; esac')
    with pytest.raises(Transient):
        scene.opened(sealed, scene.sealer())
    assert scene.no_plaintext()


def agent_of(party: Party) -> int:
    command = ["gpg-connect-agent", "--homedir", str(party.home), "GETINFO pid", "/bye"]
    told = subprocess.run(command, capture_output=True, check=True).stdout
    return int(told.split()[1])


def test_a_stuck_agent_is_transient_and_a_dead_one_is_started_again(
    scene: Scene, keyrings: MakeParty
) -> None:
    corp = keyrings("corp-agent")
    corp.learns(scene.bank)
    scene.bank.learns(corp)
    sealed = scene.bank.gpg("--sign", "--encrypt", "-r", corp.fingerprint, stdin=PLAIN)
    sealer = GpgSealer(
        corp.home,
        "sign+encrypt",
        sign_with=corp.fingerprint,
        encrypt_to=[scene.bank.fingerprint],
        accept_from=[scene.bank.fingerprint],
        timeout=1.0,
    )
    agent = agent_of(corp)
    os.kill(agent, signal.SIGSTOP)
    try:
        with pytest.raises(Transient, match="gpg was killed"):
            scene.opened(sealed, sealer)
        assert scene.no_plaintext()
    finally:
        gone = os.pidfd_open(agent)
        os.kill(agent, signal.SIGKILL)
        ended, *_ = select.select([gone], [], [], 30)  # it still answers until it has ended
        os.close(gone)
    assert ended
    patient = GpgSealer(
        corp.home,
        "sign+encrypt",
        sign_with=corp.fingerprint,
        encrypt_to=[scene.bank.fingerprint],
        accept_from=[scene.bank.fingerprint],
    )
    assert scene.opened(sealed, patient) == scene.bank.fingerprint


def test_a_home_that_cannot_work_is_named(scene: Scene, tmp_path: Path) -> None:
    def opened_in(home: Path) -> str:
        with pytest.raises(ConfigError) as refused:
            GpgSealer(home, "sign", sign_with="A" * 40).open(
                scene.folder / "x", scene.folder / "y", 10
            )
        return str(refused.value)

    (tmp_path / "open").mkdir(mode=0o755)
    deep = tmp_path / ("x" * 100)
    deep.mkdir(mode=0o700)
    assert "no folder" in opened_in(tmp_path / "missing")
    assert "chmod 0700" in opened_in(tmp_path / "open")
    assert "too long for the agent's socket" in opened_in(deep)


@pytest.mark.parametrize(
    ("seal", "terms", "words"),
    [
        ("seal", {}, "not known"),
        ("sign", {"sign_with": "DEADBEEF"}, "not a full fingerprint"),
        ("encrypt", {"encrypt_to": []}, "encrypt_to is empty"),
        ("encrypt", {"encrypt_to": ["bank@example"]}, "not a full fingerprint"),
        ("none", {"accept_from": ["0xDEADBEEF"]}, "not a full fingerprint"),
    ],
)
def test_keys_are_named_by_their_whole_fingerprint(
    scene: Scene, seal: str, terms: dict[str, object], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        scene.sealer(seal, **terms)


def test_a_full_disk_is_transient(scene: Scene, wrapped_gpg: Callable[[str], Path]) -> None:
    wrapped_gpg(
        'case "$*" in *list-config*) ;; *)'
        ' echo "gpg: error writing: No space left on device" >&2; exit 2;; esac'
    )
    (scene.folder / "plain").write_bytes(PLAIN)
    errors: list[H2HError] = []
    for act in (
        lambda: scene.sealer().seal(scene.folder / "plain", scene.folder / "sealed"),
        lambda: scene.opened(b"x"),
    ):
        with pytest.raises(Transient, match="no space left") as full:
            act()
        errors.append(full.value)
    assert len(errors) == 2


# ------------------------------------------------------------------------------------ the keys


TODAY = datetime.now(UTC).date()  # gpg itself knows no other


def problems_of(sealer: GpgSealer, today: date = TODAY) -> list[tuple[Severity, str]]:
    return [(problem.severity, problem.message) for problem in sealer.verify_keys(today)]


def test_sound_keys_are_no_problem(scene: Scene) -> None:
    assert problems_of(scene.sealer()) == []
    assert problems_of(scene.sealer("none")) == []


def test_keys_that_expire_within_thirty_days_are_told_before(
    scene: Scene, keyrings: MakeParty
) -> None:
    bank = keyrings("bank-soon", expires="20d")
    scene.corp.learns(bank)
    end = TODAY + timedelta(days=20)
    sealer = scene.sealer(encrypt_to=[bank.fingerprint], accept_from=[bank.fingerprint])
    found = problems_of(sealer)
    assert [severity for severity, _ in found] == [Severity.WARN, Severity.WARN]
    assert all(f"{bank.fingerprint} expires on {end}" in words for _, words in found)
    assert [severity for severity, _ in problems_of(sealer, end)] == [Severity.ERROR] * 2


def test_missing_expired_and_revoked_keys_are_told(scene: Scene, keyrings: MakeParty) -> None:
    nobody = "0123456789ABCDEF0123456789ABCDEF01234567"
    then = ["--faked-system-time", "20260101T000000"]
    expired = keyrings("bank-expired", "ed25519", *then, expires="2d")
    scene.corp.learns(expired)
    found = problems_of(
        scene.sealer(
            sign_with=scene.bank.fingerprint,
            encrypt_to=[expired.fingerprint],
            accept_from=[nobody],
        )
    )
    assert found == [
        (Severity.ERROR, f"our signing key {scene.bank.fingerprint} is missing"),
        (
            Severity.ERROR,
            f"the bank's encryption key {expired.fingerprint} expired on 2026-01-03",
        ),
        (Severity.ERROR, f"the bank's signing key {nobody} is missing"),
    ]


def test_the_plaintext_that_the_bank_reads_is_the_very_one_we_checked(scene: Scene) -> None:
    """A file larger than any pipe's buffer, so that a short read would show."""
    large = os.urandom(1 << 20) * 8
    (scene.folder / "plain").write_bytes(large)
    for seal in ("sign+encrypt", "sign"):
        scene.sealer(seal).seal(scene.folder / "plain", scene.folder / "sealed")
        there = scene.bank.gpg("--decrypt", scene.folder / "sealed")
        assert hashlib.sha256(there).digest() == hashlib.sha256(large).digest()
