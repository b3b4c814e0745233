"""The ERP's folders, into which finished files are handed: whole, or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from h2h.adapters import durable
from h2h.adapters.durable import disk
from h2h.core.naming import is_plain
from h2h.errors import Transient
from h2h.ports import Content


class FolderDesktop:
    """Folders below `root` (which must exist). The umask decides who may read what is handed over.

    `folder` is relative, its parts separated by `/` (`acme/statements`); it is made when missing.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def taken(self, folder: str, name: str) -> bool:
        """Does something of that name lie there?"""
        with disk(f"looking for {name} in {self.root / folder}"):
            return os.path.lexists(self._folder(folder) / name)

    def prepare(
        self, folder: str, name: str, content: Content, *, key: str = ""
    ) -> tuple[str, str]:
        """Write a flushed temporary: (its name, sha256). The same name and key give the same."""
        if not is_plain(name):
            raise ValueError(f"not a file name: {name!r}")
        own = "/".join(filter(None, (key, name)))
        temporary = f".{hashlib.sha256(own.encode()).hexdigest()[:32]}.writing"
        with disk(f"preparing {name} for the ERP in {self.root / folder}"):
            place = self._folder(folder)
            sha256 = _filled(place / temporary, content)
            durable.sync_folder(place)
            return temporary, sha256

    def publish(self, folder: str, temporary: str, name: str, *, replace: bool) -> None:
        """Rename it to its final name; a missing temporary means that it was handed over.

        With `replace` an earlier file of that name is replaced; else Transient is raised.
        """
        with disk(f"handing {name} to the ERP in {self.root / folder}"):
            place = self._folder(folder)
            try:
                if replace:
                    (place / temporary).replace(place / name)
                else:
                    _rename_new(place / temporary, place / name)
            except FileNotFoundError:
                return
            durable.sync_folder(place)

    def _folder(self, folder: str) -> Path:
        """Its root, which must exist: a desktop that is not mounted is not made anew."""
        if folder.startswith("/"):
            place = Path(folder)
            place.parent.stat()
            place.mkdir(exist_ok=True)
            return place
        parts = folder.split("/")
        if not all(map(is_plain, parts)):
            raise ValueError(f"not a folder of the ERP: {folder!r}")
        place = self.root.joinpath(*parts)
        self.root.stat()
        place.mkdir(parents=True, exist_ok=True)
        return place


def _rename_new(temporary: Path, final: Path) -> None:
    """Rename over nothing. Where that takes a link and a removal, a crash may have left both."""
    try:
        durable.rename_new(temporary, final)
    except FileExistsError as error:
        if not final.samefile(temporary):
            raise Transient(
                f"a file named {final.name} lies in {final.parent} and is not overwritten",
                "It goes on by itself once that file is taken away",
            ) from error
        temporary.unlink()


def _filled(temporary: Path, content: Content) -> str:
    """Write `temporary`, flushed; its sha256."""
    if callable(content):
        content(temporary)
        return durable.digest(temporary)[0]
    with durable.created(temporary, 0o666) as target:
        return _fill(target, content)


def _fill(target: int, content: Path | bytes) -> str:
    if isinstance(content, bytes):
        durable.write_all(target, content)
        return hashlib.sha256(content).hexdigest()
    source = durable.open_regular(content)
    try:
        return durable.copy(source, target)[0]
    finally:
        os.close(source)
