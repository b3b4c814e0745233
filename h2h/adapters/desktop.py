"""The ERP's folders, into which finished files are handed: whole, or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from h2h.adapters import durable
from h2h.adapters.durable import disk
from h2h.core.naming import is_plain


class FolderDesktop:
    """Folders below `root` (which must exist). The umask decides who may read what is handed over.

    `folder` is relative, its parts separated by `/` (`acme/statements`); it is made when missing.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self, folder: str, name: str, content: Path | bytes) -> tuple[str, str]:
        """Write a flushed temporary: (its name, sha256). The same name gives the same temporary."""
        if not is_plain(name):
            raise ValueError(f"not a file name: {name!r}")
        temporary = f".{hashlib.sha256(name.encode()).hexdigest()[:32]}.writing"
        with disk(f"preparing {name} for the ERP in {self.root / folder}"):
            place = self._folder(folder)
            with durable.created(place / temporary, 0o666) as target:
                sha256 = _fill(target, content)
            durable.sync_folder(place)
            return temporary, sha256

    def publish(self, folder: str, temporary: str, name: str) -> None:
        """Rename it to its final name, replacing an earlier answer of that name.

        A missing temporary means that it was handed over.
        """
        with disk(f"handing {name} to the ERP in {self.root / folder}"):
            place = self._folder(folder)
            try:
                (place / temporary).replace(place / name)
            except FileNotFoundError:
                return
            durable.sync_folder(place)

    def _folder(self, folder: str) -> Path:
        parts = folder.split("/")
        if not all(map(is_plain, parts)):
            raise ValueError(f"not a folder of the ERP: {folder!r}")
        place = self.root.joinpath(*parts)
        self.root.stat()  # a desktop that is not mounted is not made anew
        place.mkdir(parents=True, exist_ok=True)
        return place


def _fill(target: int, content: Path | bytes) -> str:
    if isinstance(content, bytes):
        durable.write_all(target, content)
        return hashlib.sha256(content).hexdigest()
    source = durable.open_regular(content)
    try:
        return durable.copy(source, target)[0]
    finally:
        os.close(source)
