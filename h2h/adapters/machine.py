"""What is asked of the machine itself: how much room its disks have, when a certificate ends."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from h2h.ports.alerts import Disk, Expiry


def disks_of(rooms: Mapping[str, Path]) -> Sequence[Disk]:
    """The file systems below these folders, each once, under the name of its first room; a folder
    that is not there is left out."""
    return list(_disks(rooms))


def _disks(rooms: Mapping[str, Path]) -> Iterator[Disk]:
    seen: set[int] = set()
    for room, path in rooms.items():
        try:
            device, usage = path.stat().st_dev, shutil.disk_usage(path)
        except OSError:
            continue
        if device not in seen:
            seen.add(device)
            yield Disk(room, usage.free, usage.total)


def expiry_of(certificate: Path) -> Expiry | None:
    """When a certificate (PEM, the first of its file) ends; None when it cannot be read."""
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415 - heavy, seldom needed

    try:
        found = load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError):
        return None
    return Expiry(f"certificate {certificate.name}", found.not_valid_after_utc.date())
