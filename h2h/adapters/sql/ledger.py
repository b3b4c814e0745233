"""The ledger: the truth of state, in one SQL database.

Each part of the port lives in a file of its own (outgoing, incoming, books, answers, exports,
room) over the same `Store`; this file puts them together and opens the database, or says why not.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import Engine, make_url
from sqlalchemy.exc import ArgumentError

from h2h.adapters.sql import schema, sqlite
from h2h.adapters.sql.answers import Answers
from h2h.adapters.sql.books import Books
from h2h.adapters.sql.documents import Documents
from h2h.adapters.sql.exports import Exports
from h2h.adapters.sql.incoming import IncomingFiles
from h2h.adapters.sql.outgoing import OutgoingFiles
from h2h.adapters.sql.position import Positions
from h2h.adapters.sql.recalls import Recalls
from h2h.adapters.sql.refusals import Refusals
from h2h.adapters.sql.room import Room
from h2h.adapters.sql.tracing import Traces
from h2h.errors import ConfigError


class SqlLedger(
    OutgoingFiles,
    IncomingFiles,
    Positions,
    Books,
    Answers,
    Recalls,
    Refusals,
    Exports,
    Documents,
    Traces,
    Room,
):
    """h2h.ports.Ledger over SQLAlchemy Core."""

    def __init__(self, engine: Engine, lock: sqlite.LedgerLock) -> None:
        super().__init__(engine)
        self._lock = lock

    def lock(self) -> AbstractContextManager[None]:
        """Hold this ledger alone, as the daemon does; Refused when another h2h has it."""
        return self._lock.lock()

    def is_locked(self) -> bool:
        """Does a daemon run on this ledger?"""
        return self._lock.is_locked()

    def prepare(self, environment: str, archive: Path, place: str) -> None:
        """Make or mend the schema and compare what was remembered, in one transaction."""
        with self._writing() as connection:
            schema.upgrade(connection, place)
            schema.remember(connection, environment, place)
            if schema.is_empty(connection):
                _refuse_filled(archive, place)


def open_ledger(url: str, environment: str, *, archive: Path) -> SqlLedger:
    """Open the ledger at `url` (`sqlite:////absolute/ledger.db`), making it at the first start.

    Raises ConfigError for: another kind of database, a network file system, a schema that this
    version does not know, an empty ledger beside a filled `archive`, and an `environment` other
    than that of the first start.
    """
    path = _path(url)
    sqlite.refuse_network(path)
    if not path.exists():
        _refuse_filled(archive, str(path))
    lock = ledger_lock(url)
    engine = sqlite.engine(make_url(url), path, checkpoints=not lock.is_locked())
    ledger = SqlLedger(engine, lock)
    try:
        ledger.prepare(environment, archive, str(path))
    except BaseException:
        ledger.close()
        raise
    return ledger


def ledger_lock(url: str) -> sqlite.LedgerLock:
    """The lock of the ledger at `url`, without opening it."""
    path = _path(url)
    return sqlite.LedgerLock(path.with_name(path.name + ".lock"))


def _path(url: str) -> Path:
    try:
        made = make_url(url)
    except ArgumentError as error:
        raise ConfigError(f"not the address of a database: {url}", _WHICH) from error
    if made.get_backend_name() != "sqlite" or made.database in {None, "", ":memory:"}:
        raise ConfigError(f"not a database that h2h can use: {made.render_as_string()}", _WHICH)
    return Path(str(made.database))


_WHICH = "Set `database` in [h2h] to sqlite:///PATH"


def _refuse_filled(archive: Path, place: str) -> None:
    """An empty ledger that forgot what the archive proves could send everything again."""
    dossier = next(archive.glob("[0-9]*/[0-9]*/[0-9]*/*/"), None)
    if dossier is not None:
        raise ConfigError(
            f"the ledger {place} is empty, but the archive has dossiers ({dossier})",
            "Restore the ledger from its backup, or correct `database` in [h2h]",
        )
