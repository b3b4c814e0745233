"""Bank files in the ledger: what was fetched, and what is still to be done at the bank."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, insert, select, update

from h2h.adapters.sql import tables
from h2h.adapters.sql.store import Store, append, file_of, files, select_files, shift, the_file
from h2h.core.naming import escaped
from h2h.core.states import In
from h2h.ports import File, RemoteFile

_CHUNK = 500  # names asked for in one statement
# An outcome is there: our copy is not needed at the bank any more.
_SETTLED = (In.BOOKED, In.EXPORTING, In.DONE, In.DUPLICATE, In.QUARANTINED)
_KEPT = (In.BOOKED, In.EXPORTING, In.DONE)


class IncomingFiles(Store):
    """The inbound half, but for the books."""

    def known(self, bank: str, folder: str, remote: Sequence[RemoteFile]) -> frozenset[str]:
        found: set[str] = set()
        with self._reading() as connection:
            for start in range(0, len(remote), _CHUNK):
                found.update(_known(connection, bank, folder, remote[start : start + _CHUNK]))
        return frozenset(found)

    def fetched(
        self,
        file_id: str,
        bank: str,
        download: int,
        folder: str,
        remote: RemoteFile,
        sha256: str,
        size: int,
        now: datetime,
    ) -> File:
        with self._writing() as connection:
            here = _remote_files(connection, bank, folder, remote)
            if here:
                return here[0]
            connection.execute(
                insert(files).values(
                    id=file_id,
                    direction="in",
                    bank=bank,
                    name=escaped(remote.name),
                    state=In.FETCHED.value,
                    created=now,
                    sha256=sha256,
                    size=size,
                    download=download,
                    remote_folder=folder,
                    remote_name=remote.name,
                    remote_size=remote.size,
                    remote_mtime=remote.mtime,
                )
            )
            append(connection, file_id, "", In.FETCHED, now, "h2h", f"from {folder}", sha256)
            return the_file(connection, file_id)

    def document(self, file: File, now: datetime, reference: str = "") -> File | None:
        with self._writing() as connection:
            twin = _same_bytes_before(connection, file)
            target = In.DUPLICATE if twin else In.BOOKED
            because = f"the same bytes came as file {twin.id}" if twin else ""
            facts = {"duplicate_of": twin.id} if twin else {}
            if not shift(connection, file, target, now, because=because, facts=facts):
                return None
            if reference and not twin:
                named = insert(tables.documents)
                connection.execute(
                    named.values(file_id=file.id, bank=file.bank, reference=reference)
                )
            return the_file(connection, file.id)

    def remote_pending(self, bank: str) -> Sequence[File]:
        query = select_files().where(
            files.c.direction == "in",
            files.c.bank == bank,
            files.c.remote_done.is_(False),
            files.c.state.in_(_SETTLED),
            files.c.recorded >= files.c.last_move,  # its dossier shows the outcome
        )
        with self._reading() as connection:
            rows = connection.execute(query.order_by(files.c.created, files.c.id)).mappings()
            return [file_of(row) for row in rows]

    def remote_done(self, file: File) -> None:
        with self._writing() as connection:
            connection.execute(update(files).where(files.c.id == file.id).values(remote_done=True))


def _known(
    connection: Connection, bank: str, folder: str, remote: Sequence[RemoteFile]
) -> set[str]:
    query = select(files.c.remote_name, files.c.remote_size, files.c.remote_mtime).where(
        files.c.direction == "in",
        files.c.bank == bank,
        files.c.remote_folder == folder,
        files.c.remote_name.in_([one.name for one in remote]),
    )
    here = {tuple(row) for row in connection.execute(query)}
    return {one.name for one in remote if (one.name, one.size, one.mtime) in here}


def _remote_files(connection: Connection, bank: str, folder: str, remote: RemoteFile) -> list[File]:
    query = select_files().where(
        files.c.direction == "in",
        files.c.bank == bank,
        files.c.remote_folder == folder,
        files.c.remote_name == remote.name,
        files.c.remote_size == remote.size,
        files.c.remote_mtime == remote.mtime,
    )
    return [file_of(row) for row in connection.execute(query).mappings()]


def _same_bytes_before(connection: Connection, file: File) -> File | None:
    query = select_files().where(
        and_(files.c.direction == "in", files.c.bank == file.bank),
        files.c.sha256 == file.sha256,
        files.c.id != file.id,
        files.c.state.in_(_KEPT),
    )
    found = connection.execute(query.order_by(files.c.created).limit(1)).mappings().first()
    return file_of(found) if found else None
