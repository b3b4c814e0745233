"""A ledger opens only where its promises hold, and belongs to one h2h and one environment."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from h2h.adapters.sql import postgres, schema, sqlite, tables
from h2h.adapters.sql.ledger import ledger_lock, open_ledger
from h2h.core.chain import first_broken
from h2h.core.payment import Payment
from h2h.core.states import Out
from h2h.errors import ConfigError, Corrupt, Refused, Transient
from h2h.ports import Change, RemoteFile

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office


def run(url: str, script: str) -> subprocess.Popen[str]:
    """Another process with the ledger open as `ledger`; it says `ready` and waits for a line."""
    prelude = f"""
import sys
from datetime import datetime, UTC
from pathlib import Path
from h2h.adapters.sql.ledger import open_ledger
from h2h.core.payment import Payment
from h2h.core.states import Out
from h2h.ports import Seen
ledger = open_ledger({url!r}, "test", archive=Path("nowhere"))
now = datetime(2026, 1, 1, tzinfo=UTC)
print("ready", flush=True)
sys.stdin.readline()
"""
    return subprocess.Popen(
        [sys.executable, "-c", prelude + script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def said(process: subprocess.Popen[str]) -> str:
    words, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return words.strip()


# ------------------------------------------------------------------------------------- the schema


def _schema(url: str) -> set[tuple[str, str]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index')")
        )
        made = {(name, " ".join((sql or "").split())) for name, sql in found}
    engine.dispose()
    return {(name, sql) for name, sql in made if "alembic" not in name}


@ON_SQLITE
def test_the_migrations_make_exactly_the_tables_in_the_code(office: Office, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    engine = create_engine(other)
    tables.metadata.create_all(engine)
    engine.dispose()
    assert _schema(office.url) == _schema(other)


def test_the_newest_migration_is_the_version_that_the_code_expects() -> None:
    scripts = ScriptDirectory(str(schema.MIGRATIONS))
    assert scripts.get_current_head() == tables.SCHEMA_VERSION


def test_an_unknown_version_is_refused(office: Office) -> None:
    engine = create_engine(office.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(ConfigError, match="has schema 9999"):
        office.open()


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/other.db"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE customers (id INTEGER)"))
    engine.dispose()
    with pytest.raises(ConfigError, match="not a ledger of h2h"):
        open_ledger(url, "test", archive=tmp_path / "archive")


def test_a_migration_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(schema, "remember", stop)
        with pytest.raises(KeyboardInterrupt):
            open_ledger(url, "test", archive=tmp_path / "archive")
    assert _schema(url) == set()
    open_ledger(url, "test", archive=tmp_path / "archive").close()


# ------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "url",
    [
        "mysql://h/d",
        "postgresql://h",
        "postgresql+psycopg2://h/d",
        "sqlite://",
        "sqlite:///:memory:",
        "ledger.db",
    ],
)
def test_another_kind_of_database_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="database"):
        open_ledger(url, "test", archive=tmp_path)


def test_another_environment_than_at_the_first_start_is_refused(office: Office) -> None:
    with pytest.raises(ConfigError, match=r'environment "test".*says "production"'):
        office.open("production")


def test_an_empty_ledger_beside_a_filled_archive_is_refused_and_not_made(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    (archive / "2026" / "01" / "31" / "f1").mkdir(parents=True)
    path = tmp_path / "ledger.db"
    with pytest.raises(ConfigError, match="empty, but the archive has dossiers"):
        open_ledger(f"sqlite:///{path}", "test", archive=archive)
    assert not path.exists()
    path.touch()
    with pytest.raises(ConfigError, match="empty, but the archive has dossiers"):
        open_ledger(f"sqlite:///{path}", "test", archive=archive)


def test_a_filled_ledger_opens_beside_a_filled_archive(office: Office) -> None:
    office.claimed()
    (office.archive / "2026" / "01" / "31" / "f1").mkdir(parents=True)
    assert len(office.open().files()) == 1


@pytest.mark.parametrize("kind", ["nfs4", "nfs", "cifs", "smb3", "fuse.sshfs", "fuse.rclone"])
def test_a_network_file_system_is_refused(kind: str, tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    folder = tmp_path / "net drive"
    escaped = str(folder).replace(" ", "\\040")
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nsrv:/x {escaped} {kind} rw 0 0\n")
    with pytest.raises(ConfigError, match=f"network file system .{kind}"):
        sqlite.refuse_network(folder / "ledger.db", mounts)
    sqlite.refuse_network(tmp_path / "ledger.db", mounts)


def test_a_file_that_is_no_database_is_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database " * 100)
    with pytest.raises(Corrupt, match="damaged"):
        open_ledger(f"sqlite:///{path}", "test", archive=tmp_path / "archive")


@ON_SQLITE
def test_the_files_of_the_ledger_are_its_owners_alone(office: Office, tmp_path: Path) -> None:
    office.claimed()
    with office.ledger.lock():
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("ledger*")}
    assert modes == dict.fromkeys(
        ["ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.db.lock"], 0o600
    )


@ON_SQLITE
def test_every_connection_is_durable(office: Office) -> None:
    with office.ledger._reading() as connection:
        got = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert got == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": sqlite.BUSY_TIMEOUT,
    }


def test_a_database_that_cannot_be_durable_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sqlite._PRAGMAS, "journal_mode", ("MEMORY", "wal"))
    with pytest.raises(ConfigError, match="does not take journal_mode"):
        open_ledger(f"sqlite:///{tmp_path}/ledger.db", "test", archive=tmp_path / "archive")


# --------------------------------------------------------------------------------- one at a time


def test_two_daemons_exclude_each_other_and_the_pid_is_told(office: Office) -> None:
    script = 'with ledger.lock():\n    print("held", flush=True)\n    sys.stdin.readline()'
    other = run(office.url, script)
    ready(other)
    go(other)
    assert other.stdout is not None
    assert other.stdout.readline() == "held\n"
    assert ledger_lock(office.url).is_locked()
    with pytest.raises(Refused, match=rf"another h2h runs on this ledger .pid {other.pid}\b"):
        office.ledger.lock().__enter__()
    other.send_signal(signal.SIGKILL)
    other.communicate()
    assert not office.ledger.is_locked()
    with office.ledger.lock():
        assert office.ledger.is_locked()


@ON_SQLITE
def test_only_the_one_that_holds_the_lock_checkpoints(office: Office) -> None:
    def interval() -> object:
        with office.open()._reading() as connection:
            return connection.exec_driver_sql("PRAGMA wal_autocheckpoint").scalar()

    assert interval() == 1000
    with office.ledger.lock():
        assert interval() == 0


def test_of_two_processes_exactly_one_moves_the_file(office: Office) -> None:
    files = [office.admitted() for _ in range(20)]
    script = """
seen = {file.id: file for file in ledger.files([Out.VALID])}
print("seen", flush=True)
sys.stdin.readline()
print(sum(ledger.move(file, Out.APPROVED, now) is not None for file in seen.values()))
"""
    others = [run(office.url, script) for _ in range(2)]
    for step in ("ready", "seen"):
        for other in others:
            assert other.stdout is not None
            assert other.stdout.readline() == f"{step}\n"
        for other in others:
            go(other)
    assert sum(int(said(other)) for other in others) == 20
    assert all(office.state(file) is Out.APPROVED for file in files)
    assert first_broken(office.ledger.moves()) is None
    assert len(office.ledger.moves()) == 20 * 4


def test_of_two_processes_exactly_one_admits_a_message(office: Office) -> None:
    office.claimed(), office.claimed()
    script = """
from h2h.ports import Change, RemoteFile
mine = ledger.files([Out.CLAIMED])[{index}]
change = Change(message_id="M1", initiating_party="ACME")
print(ledger.admit(mine, change, [], [], 30, now).state)
"""
    others = [run(office.url, script.format(index=index)) for index in range(2)]
    for other in others:
        ready(other)
    for other in others:
        go(other)
    assert sorted(said(other) for other in others) == ["duplicate", "valid"]


def test_a_writer_waits_for_another_and_then_says_that_it_could_not(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sqlite._PRAGMAS, "busy_timeout", ("50", 50))
    monkeypatch.setitem(postgres._SESSION, "lock_timeout", "50ms")
    impatient = office.open()
    file = office.claimed()
    with office.ledger._writing(), pytest.raises(Transient, match=r"locked|lock timeout"):
        impatient.move(file, Out.HELD, office.now)
    assert impatient.move(file, Out.HELD, office.now) is not None


@pytest.mark.parametrize("cut", ["set", "append"])
def test_a_kill_in_mid_transaction_leaves_nothing_half(office: Office, cut: str) -> None:
    file = office.admitted()
    before = office.ledger.moves()
    script = f"""
import os
from h2h.adapters.sql import store
def die(*_, **__):
    os.kill(os.getpid(), 9)
whole = store.{"set_and_read" if cut == "set" else "_insert_link"}
def cut(*given, **named):
    whole(*given, **named)
    die()
store.{"set_and_read" if cut == "set" else "_insert_link"} = cut
ledger.move(ledger.file({file.id!r}), Out.APPROVED, now)
"""
    other = run(office.url, script)
    ready(other)
    go(other)
    other.communicate(timeout=60)
    assert other.returncode == -signal.SIGKILL
    assert office.state(file) is Out.VALID
    assert office.open().moves() == before
    assert office.moved(file, Out.APPROVED).state is Out.APPROVED


def test_a_kill_while_payments_are_stored_leaves_the_file_to_be_checked_again(
    office: Office,
) -> None:
    file = office.claimed()
    script = f"""
import os
from h2h.ports import Change, RemoteFile
def chunks():
    yield []
    os.kill(os.getpid(), 9)
ledger.admit(ledger.file({file.id!r}), Change(message_id="M"), [], chunks(), 30, now)
"""
    other = run(office.url, script)
    ready(other)
    go(other)
    other.communicate(timeout=60)
    assert other.returncode == -signal.SIGKILL
    assert office.state(file) is Out.CLAIMED
    assert office.admitted(file=file, message_id="M").state is Out.VALID


def test_an_error_in_the_middle_undoes_the_whole_act(office: Office) -> None:
    file = office.claimed()

    def chunks() -> Iterator[list[Payment]]:
        yield [office.payment()]
        raise RuntimeError("the file cannot be read on")

    with pytest.raises(RuntimeError, match="read on"):
        office.ledger.admit(file, Change(message_id="M"), [], chunks(), 30, office.now)
    assert office.state(file) is Out.CLAIMED
    assert office.ledger.payments(file.id) == []


def test_an_id_that_another_file_has_is_refused_for_now(office: Office) -> None:
    taken, remote = office.claimed(), RemoteFile("a.xml", 10, 5)
    before = office.ledger.moves()
    with pytest.raises(Transient, match="another file has the id"):
        office.ledger.claiming(office.seen(), "acme", taken.id, office.now)
    with pytest.raises(Transient, match="another file has the id"):
        office.ledger.fetched(taken.id, "acme", 0, "out", remote, "sha", 10, office.now)
    assert office.ledger.moves() == before
    assert office.ledger.file(taken.id) == taken
    assert office.ledger.known("acme", "out", [remote]) == frozenset()
