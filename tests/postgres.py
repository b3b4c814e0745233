"""A PostgreSQL of the tests' own: a private cluster for each worker, started when first asked for.

It listens in a temporary folder and on a free port of 127.0.0.1, is durable (fsync on; the folder
lies in memory where it can), and is stopped by its own pid, also when the tests die.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import psycopg
import pytest

from h2h.adapters.sql.ledger import open_ledger

ROLE = "h2h"
_MEMORY = Path("/dev/shm")
_STARTS_WITHIN = 60.0


class Cluster:
    """One server. Its only login, `h2h`, needs no password and may do everything."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs = programs
        self.folder = folder
        self.data = folder / "data"
        self.port = _free_port()
        self._numbers = count(1)
        self._server: subprocess.Popen[bytes] | None = None
        self._user = _user()
        if self._user:
            shutil.chown(folder, self._user, self._user)
        words = (f"-D{self.data}", f"-U{ROLE}", "-Atrust", "-EUTF8", "--locale=C", "--no-sync")
        self._run("initdb", *words).check_returncode()

    def start(self, **settings: str) -> None:
        """Start the server, from the main thread, with which it ends; wait until it answers."""
        usual = {"listen_addresses": "127.0.0.1", "unix_socket_directories": str(self.folder)}
        usual |= {"port": str(self.port), "shared_buffers": "32MB", "max_connections": "60"}
        words = [f"-c{name}={value}" for name, value in (usual | settings).items()]
        log = self.folder / "log"
        with log.open("ab") as out:
            self._server = subprocess.Popen(
                [*self._as_user(), str(self._programs / "postgres"), f"-D{self.data}", *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        end = time.monotonic() + _STARTS_WITHIN
        while not self._answers():
            assert self._server.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop it: SIGQUIT at once, as a crash does (`immediate`); SIGINT in order (`fast`)."""
        if self._server is not None:
            self._server.send_signal(how)
            self._server.wait(_STARTS_WITHIN)
            self._server = None

    def restart(self, **settings: str) -> None:
        """As `pg_ctl restart -m immediate`: it recovers from its log."""
        self.stop()
        self.start(**settings)

    def url(self, database: str, *, port: int | None = None) -> str:
        """The address of a database: by its socket, or by TCP on `port`."""
        if port is None:
            return f"postgresql://{ROLE}@/{database}?host={self.folder}&port={self.port}"
        return f"postgresql://{ROLE}@127.0.0.1:{port}/{database}"

    def do(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """One statement by the server's owner, committed at once."""
        address = self.url(database)
        with closing(psycopg.connect(address, autocommit=True)) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def empty(self, template: str = "template0") -> str:
        """The name of a new database."""
        name = f"h2h{next(self._numbers)}"
        self.do(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, database: str) -> None:
        """Remove a database, whoever uses it."""
        self.do(f"DROP DATABASE {database} WITH (FORCE)")

    def _answers(self) -> bool:
        try:
            self.do("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *words: str) -> subprocess.CompletedProcess[bytes]:
        command = [*self._as_user(), str(self._programs / program), *words]
        return subprocess.run(command, check=False, stdout=subprocess.DEVNULL)

    def _as_user(self) -> list[str]:
        """PostgreSQL refuses root; it ends when we do."""
        switch = ["setpriv", "--pdeathsig", "INT"]
        if self._user:
            switch += [f"--reuid={self._user}", f"--regid={self._user}", "--clear-groups"]
        return switch


def _user() -> str:
    """Whom to run it as, "" for ourselves."""
    if os.getuid() != 0:
        return ""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port: int = free.getsockname()[1]
        return port


def _programs() -> Path | None:
    """Where Debian keeps PostgreSQL's programs, of the newest version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    on_path = shutil.which("postgres")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running server."""
    programs = _programs()
    if programs is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("PostgreSQL is not installed (Debian: postgresql-15)")
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="h2h-pg-", dir=memory) as folder:
        made = Cluster(programs, Path(folder))
        made.start()
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="session")
def ledger_template(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with an empty ledger of environment `test`."""
    name = cluster.empty()
    nowhere = tmp_path_factory.mktemp("archive")
    open_ledger(cluster.url(name), "test", archive=nowhere).close()
    return name


@pytest.fixture
def ledger_database(cluster: Cluster, ledger_template: str) -> Iterator[str]:
    """The address of a database with an empty ledger, for one test."""
    name = cluster.empty(ledger_template)
    yield cluster.url(name)
    cluster.drop(name)
