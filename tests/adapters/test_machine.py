"""What the machine tells: when keys and certificates end, how much room its disks have."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509.oid import NameOID

from h2h.adapters.machine import disks_of, expiry_of
from h2h.adapters.pgp import GpgSealer
from h2h.ports import Expiry

if TYPE_CHECKING:
    from tests.adapters.conftest import MakeParty

ENDS = datetime(2027, 3, 1, 12, tzinfo=UTC)


def certificate() -> bytes:
    key = ed25519.Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "console")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(ENDS - timedelta(days=90))
        .not_valid_after(ENDS)
    )
    return made.sign(key, None).public_bytes(serialization.Encoding.PEM)


def test_a_certificate_tells_its_last_day(tmp_path: Path) -> None:
    (tmp_path / "console.pem").write_bytes(certificate())
    found = expiry_of(tmp_path / "console.pem")
    assert found == Expiry("certificate console.pem", date(2027, 3, 1))
    (tmp_path / "other.pem").write_text("nonsense")
    assert expiry_of(tmp_path / "other.pem") is None
    assert expiry_of(tmp_path / "missing.pem") is None


def test_the_keys_of_a_bank_tell_when_they_end_and_by_the_use_they_have(
    keyrings: MakeParty,
) -> None:
    ours, bank = (
        keyrings("corp-ends", expires="2027-03-01"),
        keyrings("bank-never", expires="never"),
    )
    ours.learns(bank)
    sealer = GpgSealer(
        ours.home,
        "sign+encrypt",
        sign_with=ours.fingerprint,
        encrypt_to=(bank.fingerprint,),
        accept_from=(bank.fingerprint,),
    )
    assert sealer.expiries() == [(f"our signing key {ours.fingerprint}", date(2027, 3, 1))]
    assert GpgSealer(ours.home, "none").expiries() == []


def test_a_subkey_that_ends_before_its_key_counts(keyrings: MakeParty) -> None:
    ours, bank = (
        keyrings("corp-ends", expires="2027-03-01"),
        keyrings("bank-sub", expires="2030-01-01"),
    )
    subkey = next(
        line.split(":")[9]
        for line in bank.gpg("--with-colons", "--list-keys").decode().splitlines()[::-1]
        if line.startswith("fpr")
    )
    bank.gpg("--quick-set-expire", bank.fingerprint, "2028-05-05", subkey)
    ours.learns(bank)
    sealer = GpgSealer(ours.home, "encrypt", encrypt_to=(bank.fingerprint,))
    [(what, ends)] = sealer.expiries()
    assert what.startswith("the bank's encryption key")
    assert ends == date(2028, 5, 5)


def test_a_disk_is_told_once_and_a_folder_that_is_gone_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    rooms = {"archive": tmp_path, "inbox": tmp_path / "inbox", "outbox": tmp_path / "gone"}
    [disk] = disks_of(rooms)
    assert disk.room == "archive"
    assert 0 < disk.free <= disk.size
