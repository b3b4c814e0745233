"""SSH keys and certificates: our own key, the server's fingerprints, when a certificate ends."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from pathlib import Path

# paramiko stands on this library, so it is there
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from h2h.adapters import durable
from h2h.adapters.durable import disk
from h2h.errors import ConfigError, Refused

KINDS = ("ed25519", "rsa4096")


def new_key(path: Path, kind: str, owner: str) -> str:
    """Make a key pair: `path` (0600, no passphrase) and `path`.pub; returns the public line.

    A credential store or the folder's rights keep it: nobody is there to type a passphrase. Raises
    Refused when there is a key already.
    """
    if path.exists():
        raise Refused(f"{path} is there already", "It is not replaced; move it away yourself")
    made: ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
    if kind == "ed25519":
        made = ed25519.Ed25519PrivateKey.generate()
    else:
        made = rsa.generate_private_key(65537, int(kind.removeprefix("rsa")))
    secret = made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = made.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    line = f"{public.decode()} {owner}"
    with disk(f"writing {path}"):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        durable.write(path, secret)
        durable.write(public_part(path), f"{line}\n".encode(), 0o644)
    return line


def public_part(path: Path) -> Path:
    """Where the public half of the key at `path` lies."""
    return path.with_name(f"{path.name}.pub")


def fingerprint(line: str) -> str:
    """`SHA256:…` of a public key or host key line, as OpenSSH shows it."""
    blob = base64.b64decode(line.split()[1])
    return f"SHA256:{base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip('=')}"


def certificate_end(path: Path) -> datetime:
    """When the first certificate of a PEM file expires. Raises ConfigError when there is none."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no PEM certificate"
        raise ConfigError(f"{path}: {why}", "Name the certificate that the console is given") from (
            error
        )
