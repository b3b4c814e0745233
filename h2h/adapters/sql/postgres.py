"""All that only PostgreSQL can do: its sessions, its durability, its locks, its bulk copy.

Writers follow each other by an advisory lock that ends with its transaction, as SQLite's BEGIN
IMMEDIATE makes them do; so what is checked in a write transaction still holds when it is committed.
A reader sees one moment. The lock of the daemon is a session's, and gone with it.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import URL, Connection, Dialect, Engine, NullPool, Table, create_engine, event
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from h2h.adapters.sql.sqlite import WRITES
from h2h.errors import ConfigError, Refused, Transient

if TYPE_CHECKING:
    import psycopg

Password = Callable[[], str]  # read anew for each connection

PATIENCE = 15.0  # seconds in which a server that restarts is waited for
_OLDEST = 130000  # its version: since then it tells what became of a transaction
_LOCK_PATIENCE = 1.0  # seconds in which the session of a holder that died ends
_PAUSE = 0.1
_OURS = 0x683268  # the first number of our advisory locks; the second says which
_WRITER, _DAEMON = 1, 2
_LOCAL = frozenset({"", "localhost", "127.0.0.1", "::1"})

_SESSION = {
    "lock_timeout": "60s",  # as SQLite's busy_timeout
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",  # a large bank file is read within a transaction
    "default_transaction_isolation": "read\\ committed",
    "TimeZone": "UTC",
    "tcp_keepalives_idle": "30",  # the locks of a client that vanished end within two minutes
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6",
}
_LINK: dict[str, str | int] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 6,
    "tcp_user_timeout": 60_000,  # milliseconds that what was sent may stay without an answer
}

_ASKED = """
SELECT current_setting('fsync'), current_setting('full_page_writes'),
       current_setting('synchronous_commit'), pg_is_in_recovery(),
       current_setting('server_encoding'), 'B' < 'a' AND 'a-b' < 'aa'
"""


# ------------------------------------------------------------------------------------- connections


def place(url: URL) -> str:
    """The database as people know it; never a password."""
    where = url.query.get("host") or url.host or "localhost"
    return f"PostgreSQL {url.database} on {where}"


def engine(url: URL, password: Password | None = None) -> Engine:
    """An engine whose every connection is durable; what is not raises ConfigError on connecting."""
    made = _engine(url, password)
    event.listen(made, "begin", _begin)
    return made


def _engine(url: URL, password: Password | None, **options: Any) -> Engine:  # noqa: ANN401  create_engine's own
    options["hide_parameters"] = True  # amounts and names stay out of errors
    try:
        made = create_engine(
            url.set(drivername="postgresql+psycopg"), connect_args=_link(url), **options
        )
    except ImportError as error:
        raise ConfigError(
            f"the driver of PostgreSQL is missing ({error})", "Install h2h[postgres]"
        ) from error
    where = place(url)

    def name_ourselves(_: Dialect, __: object, ___: list[Any], given: dict[str, Any]) -> None:
        host = socket.gethostname()
        given["application_name"] = f"h2h {os.getpid()} {host}"[:63]
        if password is not None:
            given["password"] = password()

    def insist(driver: psycopg.Connection[Any], _: object) -> None:
        _insist_durable(driver, where)

    event.listen(made, "do_connect", name_ourselves)
    event.listen(made, "connect", insist)
    return made


def _link(url: URL) -> dict[str, str | int]:
    """What a connection is made with, beside what the address says.

    Another machine must show a certificate for its name, unless the address says otherwise.
    """
    told = url.query.get("host") or url.host or ""
    hosts = told.split(",") if isinstance(told, str) else told
    local = all(host in _LOCAL or host.startswith("/") for host in hosts)
    options = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    link = _LINK | {"options": options} | ({} if local else {"sslmode": "verify-full"})
    return {name: value for name, value in link.items() if name not in url.query}


def _insist_durable(driver: psycopg.Connection[Any], where: str) -> None:
    if driver.info.server_version < _OLDEST:
        raise ConfigError(f"{where} is too old", "Use PostgreSQL 13 or newer")
    asked = driver.execute(_ASKED).fetchall()
    driver.rollback()
    fsync, pages, commit, standby, encoding, bytewise = asked[0]
    for name, value in (("fsync", fsync), ("full_page_writes", pages)):
        if value != "on":
            raise ConfigError(
                f"{where} would lose data at a power cut: {name} is {value}",
                f"Set {name} = on in postgresql.conf",
            )
    if commit == "off":
        raise ConfigError(
            f"{where} would lose what it has committed: synchronous_commit is off",
            "Set synchronous_commit = on, for the server or for h2h's role",
        )
    if standby:
        raise ConfigError(f"{where} is a standby", "Name the primary in `database`")
    if encoding != "UTF8" or not bytewise:
        raise ConfigError(
            f"{where} keeps text in another way than h2h: encoding {encoding},"
            f" {'byte' if bytewise else 'dictionary'} order",
            "Make it with: CREATE DATABASE … ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0",
        )


def _begin(connection: Connection) -> None:
    """A writer waits for the one before it; a reader sees one moment and cannot write."""
    if not connection.get_execution_options().get(WRITES, False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        return
    asked = f"SELECT pg_advisory_xact_lock({_OURS}, {_WRITER}), pg_current_xact_id()::text"
    connection.info[_BEGUN] = connection.exec_driver_sql(asked).one()[1]


_BEGUN = "h2h_transaction"  # in a connection's info: the id of its write transaction


# ------------------------------------------------------------------------------------ transactions


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A read transaction, begun as soon as a server that restarts is back."""
    with _begun(engine) as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A write transaction; when its commit was not answered, the server is asked what became of it.

    Raises OperationalError when it was rolled back, or when the server stays away.
    """
    with _begun(engine) as connection:
        yield connection
        begun = connection.info[_BEGUN]
        try:
            connection.commit()
        except DBAPIError as error:
            if not (error.connection_invalidated and _was_committed(engine, begun)):
                raise


def _begun(engine: Engine) -> Connection:
    """A connection within a transaction. Nothing has been done yet, so this may be tried again."""
    end = time.monotonic() + PATIENCE
    while True:
        connection = None
        try:
            connection = engine.connect()
            connection.begin()
        except DBAPIError as error:
            if connection is not None:
                _drop(connection)
            unreachable = connection is None or error.connection_invalidated
            if not unreachable or time.monotonic() > end:
                raise
            time.sleep(_PAUSE)
        else:
            return connection


def _drop(connection: Connection) -> None:
    with suppress(DBAPIError, InvalidRequestError):
        connection.invalidate()
    with suppress(DBAPIError, InvalidRequestError):
        connection.close()


def _was_committed(engine: Engine, begun: str) -> bool:
    """What became of a transaction: the next writer begins when it is over, either way."""
    with suppress(DBAPIError), _begun(engine) as connection:
        asked = "SELECT pg_xact_status(%s::xid8)"
        return connection.exec_driver_sql(asked, (begun,)).scalar() == "committed"
    return False


# ---------------------------------------------------------------------------------------- many rows


def copy_rows(connection: Connection, table: Table, rows: Iterable[tuple[object, ...]]) -> None:
    """Add rows that have every column of `table` in its order, by COPY."""
    import psycopg  # noqa: PLC0415 - an extra

    quoted = connection.dialect.identifier_preparer.quote
    names = ", ".join(quoted(column.name) for column in table.columns)
    statement = f"COPY {quoted(table.name)} ({names}) FROM STDIN"
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    try:
        with driver.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)
    except psycopg.Error as error:
        raise DBAPIError.instance(
            statement,
            None,
            error,
            psycopg.Error,
            hide_parameters=True,
            connection_invalidated=driver.closed,
            dialect=connection.dialect,
        ) from error


# ----------------------------------------------------------------------------------------- the lock


class LedgerLock:
    """One h2h at a time on a ledger: an advisory lock of a session of its own, gone with it."""

    def __init__(self, url: URL, password: Password | None) -> None:
        self._engine = _engine(url, password, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._guard = threading.Lock()
        self._taken = False
        self._session: Connection | None = None

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the ledger. Raises Refused, naming the holder, when another has it."""
        with unreachable_is_wrong(place(self._engine.url)):
            session = self._take()
        self._taken, self._session = True, session
        try:
            yield
        finally:
            self._taken = False
            self._let_go()

    def is_locked(self) -> bool:
        """Does somebody hold the ledger now?"""
        with self._engine.connect() as session:
            return _holder(session) is not None

    def insist(self) -> None:
        """Go on only as the one that holds the ledger; a lock that was lost is taken again.

        Nothing is asked of a process that has never locked it. Raises Refused when another has it
        now, Transient when the server does not answer.
        """
        with self._guard:
            if self._taken and not self._still_held():
                self._let_go()
                try:
                    self._session = self._take()
                except DBAPIError as error:
                    raise Transient(
                        f"the lock on the ledger was lost: {error.orig}",
                        "It is tried again by itself; look at the server if this goes on",
                    ) from error

    def insist_or_wait(self) -> None:
        """As `insist`, for a file that waits then: it is not the file's fault."""
        try:
            self.insist()
        except Refused as error:
            raise Transient(error.cause, error.next_move) from error

    def _still_held(self) -> bool:
        """The lock lives as long as its session does."""
        if self._session is None:
            return False
        try:
            self._session.exec_driver_sql("SELECT 1")
        except DBAPIError:
            return False
        return True

    def _take(self) -> Connection:
        session = self._engine.connect()
        try:
            _lock(session)
        except BaseException:
            _drop(session)
            raise
        return session

    def _let_go(self) -> None:
        if self._session is not None:
            _drop(self._session)
            self._session = None


_LOCKS: dict[URL, LedgerLock] = {}  # of this process: who sends asks the lock that the daemon took


def lock_at(url: URL, password: Password | None = None) -> LedgerLock:
    """The lock of the ledger at `url`, the same one at each call."""
    if url not in _LOCKS:
        _LOCKS[url] = LedgerLock(url, password)
    return _LOCKS[url]


_TRY = f"SELECT pg_try_advisory_lock({_OURS}, {_DAEMON})"
_HOLDER = f"""
SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE locktype = 'advisory' AND classid = {_OURS} AND objid = {_DAEMON} AND objsubid = 2 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""  # noqa: S608  constants


def _holder(session: Connection) -> str | None:
    """`pid 123 on node1` of whoever holds the ledger."""
    found = session.exec_driver_sql(_HOLDER).scalar()
    if found is None:
        return None
    _, pid, host = (*str(found).split(" "), "", "")[:3]
    return f"pid {pid} on {host}"


def _lock(session: Connection) -> None:
    end = time.monotonic() + _LOCK_PATIENCE
    while not session.exec_driver_sql(_TRY).scalar():
        if time.monotonic() > end:
            raise Refused(
                f"another h2h runs on this ledger ({_holder(session) or 'unknown'})",
                "Leave the work to it, or stop it first",
            )
        time.sleep(_PAUSE)


@contextmanager
def unreachable_is_wrong(where: str) -> Iterator[None]:
    """At a start, a server that does not let us in is a matter of the configuration."""
    try:
        yield
    except DBAPIError as error:
        told = " ".join(str(error.orig).split())
        raise ConfigError(
            f"{where} cannot be used: {told}",
            "See that the server runs, and that `database` and `database_password` are right",
        ) from error
