"""A bank that is a folder: the same contract as a bank's server, without a network.

It is for rehearsing and for banks whose own client fetches from a folder. `rename` fails when the
target exists (renameat2 with RENAME_NOREPLACE; where the file system lacks that, link and unlink,
as OpenSSH does it).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from h2h.adapters import durable
from h2h.adapters.durable import disk
from h2h.core.naming import is_plain
from h2h.errors import Refused
from h2h.ports import RemoteFile


class FolderBank:
    """A bank whose paths lie below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @contextmanager
    def session(self, host: str = "") -> Iterator[FolderSession]:
        """Nobody logs in; `host` is taken as given. Raises Transient when the folder is gone."""
        with disk(f"looking for the bank's folder {self.root}"):
            self.root.stat()
        yield FolderSession(self.root, host or "folder")


class FolderSession:
    """Acts below `root`; see h2h.ports.Session."""

    def __init__(self, root: Path, host: str) -> None:
        self._root = root
        self.host = host

    def stat(self, path: str) -> RemoteFile | None:
        with disk(f"looking for {path}"):
            try:
                status = self._at(path).lstat()
            except FileNotFoundError:
                return None
            return RemoteFile(Path(path).name, status.st_size, int(status.st_mtime))

    def put(self, local: Path, path: str) -> None:
        with disk(f"writing {path}"):
            source = durable.open_regular(local)
            try:
                target = os.open(self._at(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                try:
                    durable.copy(source, target)
                    os.fsync(target)
                finally:
                    os.close(target)
            finally:
                os.close(source)

    def rename(self, source: str, target: str) -> None:
        with disk(f"renaming {source} to {target}"):
            try:
                durable.rename_new(self._at(source), self._at(target))
            except FileExistsError as error:
                raise Refused(f"{target} exists already") from error
            except FileNotFoundError as error:
                raise Refused(f"{source} is not there") from error

    def replace(self, source: str, target: str) -> None:
        with disk(f"renaming {source} to {target}"):
            try:
                self._at(source).replace(self._at(target))
            except FileNotFoundError as error:
                raise Refused(f"{source} is not there") from error

    def remove(self, path: str) -> None:
        with disk(f"removing {path}"):
            self._at(path).unlink(missing_ok=True)

    def listing(self, folder: str, most: int) -> Sequence[RemoteFile]:
        found = []
        with disk(f"listing {folder}"), _listed(self._at(folder), folder) as entries:
            for number, entry in enumerate(entries, start=1):
                if number > most:
                    raise Refused(
                        f"{folder} holds more than {most} files", "Ask the bank to empty it"
                    )
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISREG(status.st_mode) and is_plain(entry.name):
                    found.append(RemoteFile(entry.name, status.st_size, int(status.st_mtime)))
        return found

    def get(self, path: str, local: Path, largest: int) -> None:
        with disk(f"fetching {path}"):
            try:
                source = durable.open_regular(self._at(path))
            except FileNotFoundError as error:
                raise Refused(f"{path} is not there") from error
            try:
                size = os.fstat(source).st_size
                if size > largest:
                    raise Refused(f"{path} has {size} bytes, more than {largest} are not taken")
                with durable.created(local) as target:
                    durable.copy(source, target)
                durable.sync_folder(local.parent)
            finally:
                os.close(source)

    def _at(self, path: str) -> Path:
        parts = [part for part in path.split("/") if part not in {"", "."}]
        if ".." in parts:
            raise Refused(f"{path} leads out of the bank's folder")
        return self._root.joinpath(*parts)


@contextmanager
def _listed(place: Path, folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
    try:
        entries = os.scandir(place)
    except FileNotFoundError as error:
        raise Refused(f"the bank has no folder {folder}", "Mend its name in config.toml") from error
    with entries:
        yield entries
