"""The ledger: the truth of state, in one SQL database.

Each part of the port lives in a file of its own (outgoing, incoming, books, answers, exports,
room) over the same `Store`; this file puts them together and opens the database, or says why not.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from h2h.adapters.durable import disk
from h2h.adapters.sql import postgres, schema, sqlite
from h2h.adapters.sql.account_views import AccountViewing
from h2h.adapters.sql.alerts import AlertRows
from h2h.adapters.sql.answers import Answers
from h2h.adapters.sql.approvals import ApprovalRows
from h2h.adapters.sql.books import Books
from h2h.adapters.sql.documents import Documents
from h2h.adapters.sql.exports import Exports
from h2h.adapters.sql.incoming import IncomingFiles
from h2h.adapters.sql.measures import Measured
from h2h.adapters.sql.operators import OperatorRows
from h2h.adapters.sql.outgoing import OutgoingFiles
from h2h.adapters.sql.position import Positions
from h2h.adapters.sql.postgres import Password
from h2h.adapters.sql.recalls import Recalls
from h2h.adapters.sql.refusals import Refusals
from h2h.adapters.sql.reinstating import Reinstating
from h2h.adapters.sql.reporting import ReportRows
from h2h.adapters.sql.retention import RetentionRows
from h2h.adapters.sql.room import Room
from h2h.adapters.sql.store import Database
from h2h.adapters.sql.tracing import Traces
from h2h.adapters.sql.viewing import Viewing
from h2h.errors import ConfigError

LedgerLock = sqlite.LedgerLock | postgres.LedgerLock


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
    Viewing,
    Reinstating,
    ReportRows,
    ApprovalRows,
    OperatorRows,
    RetentionRows,
    AccountViewing,
    AlertRows,
    Measured,
    Room,
):
    """h2h.ports.Ledger over SQLAlchemy Core."""

    def __init__(self, database: Database, lock: LedgerLock) -> None:
        super().__init__(database)
        self._lock = lock

    def lock(self) -> AbstractContextManager[None]:
        """Hold this ledger alone, as the daemon does; Refused when another h2h has it."""
        return self._lock.lock()

    def is_locked(self) -> bool:
        """Does a daemon run on this ledger?"""
        return self._lock.is_locked()

    def insist(self) -> None:
        """Go on only as the one that holds this ledger, if this process ever took its lock.

        A lock that was lost with its session is taken again. Raises Refused when another h2h has
        it by now, Transient when the database does not answer.
        """
        self._lock.insist()

    def prepare(self, environment: str, archive: Path, place: str) -> None:
        """Make or mend the schema and compare what was remembered, in one transaction."""
        with self._writing() as connection:
            schema.upgrade(connection, place)
            schema.remember(connection, environment, place)
            if schema.is_empty(connection):
                _refuse_filled(archive, place)


def open_ledger(
    url: str, environment: str, *, archive: Path, password: Password | None = None
) -> SqlLedger:
    """Open the ledger at `url`, making it at the first start.

    That is `sqlite:////absolute/ledger.db`, or `postgresql://role@host/database` of a database
    that is there; `password` tells the role's. Raises ConfigError for: another kind of database, a
    network file system, a server that is not reached or would lose data, a schema that this version
    does not know, an empty ledger beside a filled `archive`, and an `environment` other than that
    of the first start.
    """
    made = _url(url)
    if made.get_backend_name() == "sqlite":
        return _on_sqlite(made, environment, archive)
    lock, engine = postgres.lock_at(made, password), postgres.engine(made, password)
    database = Database(engine, postgres.reading, postgres.writing, lock.insist_or_wait)
    ledger, place = SqlLedger(database, lock), postgres.place(made)
    with postgres.unreachable_is_wrong(place):
        engine.connect().close()
    return _prepared(ledger, environment, archive, place)


def _on_sqlite(url: URL, environment: str, archive: Path) -> SqlLedger:
    path = Path(str(url.database))
    sqlite.refuse_network(path)
    if not path.exists():
        _refuse_filled(archive, str(path))
    lock = sqlite.lock_at(path)
    with disk(f"opening the ledger {path}"):
        engine = sqlite.engine(url, path, checkpoints=not lock.is_locked())
    database = Database(engine, sqlite.reading)
    return _prepared(SqlLedger(database, lock), environment, archive, str(path))


def _prepared(ledger: SqlLedger, environment: str, archive: Path, place: str) -> SqlLedger:
    try:
        ledger.prepare(environment, archive, place)
    except BaseException:
        ledger.close()
        raise
    return ledger


def ledger_lock(url: str, password: Password | None = None) -> LedgerLock:
    """The lock of the ledger at `url`, without opening it."""
    made = _url(url)
    if made.get_backend_name() == "sqlite":
        return sqlite.lock_at(Path(str(made.database)))
    return postgres.lock_at(made, password)


def _url(url: str) -> URL:
    try:
        made = make_url(url)
    except ArgumentError as error:
        raise ConfigError("not the address of a database", _WHICH) from error
    if made.drivername not in {"sqlite", "postgresql"} or made.database in {None, "", ":memory:"}:
        raise ConfigError(f"not a database that h2h can use: {made.render_as_string()}", _WHICH)
    return made


_WHICH = "Set `database` in [h2h] to sqlite:///PATH or postgresql://ROLE@HOST/DATABASE"


def _refuse_filled(archive: Path, place: str) -> None:
    """An empty ledger that forgot what the archive proves could send everything again."""
    dossier = next(archive.glob("[0-9]*/[0-9]*/[0-9]*/*/"), None)
    if dossier is not None:
        raise ConfigError(
            f"the ledger {place} is empty, but the archive has dossiers ({dossier})",
            "Restore the ledger from its backup and run `h2h recover`,"
            " or correct `database` in [h2h]",
        )
