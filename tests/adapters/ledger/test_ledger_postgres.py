"""What PostgreSQL alone can do to a ledger: vanish in a commit, lose a lock, be careless."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from h2h.adapters.sql import postgres, tables
from h2h.adapters.sql.ledger import open_ledger
from h2h.core.chain import first_broken
from h2h.core.statement import Part
from h2h.core.states import Out
from h2h.errors import ConfigError, Refused, Transient
from tests.postgres import Cluster

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office


@pytest.fixture
def backend(ledger_database: str) -> str:
    """The office's ledger is on PostgreSQL alone here."""
    return ledger_database


def opened(url: str, tmp_path: Path, **more: Callable[[], str]) -> None:
    open_ledger(url, "test", archive=tmp_path / "archive", **more).close()


def database_of(office: Office) -> str:
    return str(office.ledger._engine.url.database)


def cut(cluster: Cluster, office: Office) -> None:
    """End every session of the ledger, as an administrator or a crash does."""
    ours = f"FROM pg_stat_activity WHERE datname = '{database_of(office)}'"
    cluster.do(f"SELECT pg_terminate_backend(pid, 5000) {ours}")


# ------------------------------------------------------------------------------------- the schema


_SHAPE = """
SELECT 'column', table_name, column_name || ' ' || data_type || ' ' || is_nullable
  FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'rule', conrelid::regclass::text, conname || ' ' || pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
"""


def test_the_migrations_make_exactly_the_tables_in_the_code(
    office: Office, cluster: Cluster
) -> None:
    name = cluster.empty()
    engine = create_engine(cluster.url(name))
    tables.metadata.create_all(engine)
    engine.dispose()
    ours = cluster.do(_SHAPE, database_of(office))
    assert {row for row in ours if "alembic" not in str(row)} == {*cluster.do(_SHAPE, name)}
    cluster.drop(name)


# ------------------------------------------------------------------------------------- refusals


def test_a_role_that_need_not_wait_for_the_disk_is_refused(
    office: Office, cluster: Cluster
) -> None:
    cluster.do(f"ALTER DATABASE {database_of(office)} SET synchronous_commit = off")
    with pytest.raises(ConfigError, match=r"would lose .*synchronous_commit is off"):
        office.open()


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_would_lose_data_is_refused(
    office: Office, cluster: Cluster, setting: str
) -> None:
    cluster.restart(**{setting: "off"})
    try:
        with pytest.raises(ConfigError, match=f"would lose .*{setting} is off"):
            office.open()
    finally:
        cluster.restart()
    office.open()


@pytest.mark.parametrize(
    ("made", "words"),
    [("LOCALE 'en_US.UTF-8'", "dictionary order"), ("ENCODING 'LATIN1' LOCALE 'C'", "LATIN1")],
)
def test_a_database_that_keeps_text_otherwise_is_refused(
    made: str, words: str, cluster: Cluster, tmp_path: Path
) -> None:
    if "en_US" in made:  # ICU has it on every machine
        made = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'"
    cluster.do(f"CREATE DATABASE otherwise {made} TEMPLATE template0")
    try:
        with pytest.raises(ConfigError, match=words):
            opened(cluster.url("otherwise"), tmp_path)
    finally:
        cluster.drop("otherwise")


def test_a_server_or_database_that_is_not_there_is_a_matter_of_the_configuration(
    cluster: Cluster, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r'nowhere on 127\.0\.0\.1 .*"nowhere" does not exist'):
        opened(cluster.url("nowhere", port=cluster.port), tmp_path)
    with pytest.raises(ConfigError, match=r"x on 127\.0\.0\.1 cannot be used"):
        opened(cluster.url("x", port=1), tmp_path)


def test_a_role_without_rights_is_told_which_and_its_password_is_never_shown(
    office: Office, cluster: Cluster, tmp_path: Path
) -> None:
    canary = secrets.token_hex(8)
    cluster.do("CREATE ROLE clerk LOGIN")
    try:
        with pytest.raises(ConfigError, match="permission denied") as caught:
            opened(office.url.replace("h2h@", "clerk@"), tmp_path, password=lambda: canary)
        assert canary not in str(caught.getrepr())
    finally:
        cluster.do("DROP ROLE clerk")


@pytest.mark.parametrize(
    ("url", "mode"),
    [
        ("postgresql://h2h@db.acme.example/h2h", "verify-full"),
        ("postgresql://h2h@db.acme.example/h2h?sslmode=verify-ca", None),
        ("postgresql://h2h@127.0.0.1/h2h", None),
        ("postgresql://h2h@/h2h?host=/run/postgresql", None),
        ("postgresql://h2h@/h2h?host=/run/postgresql,db.acme.example", "verify-full"),
    ],
)
def test_another_machine_must_prove_its_name(url: str, mode: str | None) -> None:
    engine = postgres.engine(make_url(url))
    assert postgres._link(engine.url).get("sslmode") == mode


# ------------------------------------------------------------------------------ the server is gone


def test_sessions_that_were_ended_are_replaced_without_a_word(
    office: Office, cluster: Cluster
) -> None:
    file = office.admitted()
    cut(cluster, office)
    assert office.state(file) is Out.VALID
    cut(cluster, office)
    assert office.moved(file, Out.APPROVED).state is Out.APPROVED


def test_a_server_that_restarts_is_waited_for(
    office: Office, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = office.admitted()
    waits = threading.Event()
    real = time.sleep

    def sleep(seconds: float) -> None:
        waits.set()
        real(seconds)

    cluster.stop()
    with monkeypatch.context() as patched, ThreadPoolExecutor(1) as clerk:
        patched.setattr(time, "sleep", sleep)
        moved = clerk.submit(office.ledger.move, file, Out.APPROVED, office.later())
        assert waits.wait(10)
        cluster.start()
        found = moved.result()
    assert found is not None
    assert found.state is Out.APPROVED


def test_a_server_that_stays_away_is_a_failure_that_passes(
    office: Office, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "PATIENCE", 0.2)
    file = office.admitted()
    cluster.stop()
    try:
        with pytest.raises(Transient, match="cannot be used now"):
            office.ledger.move(file, Out.APPROVED, office.now)
    finally:
        cluster.start()
    assert office.state(file) is Out.VALID


@contextmanager
def commit_unanswered(
    office: Office, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, *, done: bool
) -> Iterator[list[bool]]:
    """The next commit breaks the session: after the server has done it, or before."""
    dialect = office.ledger._engine.dialect
    whole = dialect.do_commit
    broken: list[bool] = []

    def do_commit(driver: object) -> None:
        if not broken:
            broken.append(done)
            if done:
                whole(driver)  # type: ignore[arg-type]  # as it was given
            cut(cluster, office)
        whole(driver)  # type: ignore[arg-type]  # as it was given
        if done:
            driver.execute("SELECT 1")  # type: ignore[attr-defined]  # psycopg's: the line is dead

    with monkeypatch.context() as patched:
        patched.setattr(dialect, "do_commit", do_commit)
        yield broken


def test_a_commit_that_was_done_but_not_answered_counts_once(
    office: Office, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = office.admitted()
    with commit_unanswered(office, cluster, monkeypatch, done=True) as broken:
        moved = office.moved(file, Out.APPROVED)
    assert broken == [True]
    assert moved.state is Out.APPROVED
    assert [move.target for move in office.ledger.moves(file.id)].count("approved") == 1
    assert first_broken(office.ledger.moves()) is None


def test_a_commit_that_was_not_done_is_told_and_may_be_tried_again(
    office: Office, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = office.admitted()
    with (
        commit_unanswered(office, cluster, monkeypatch, done=False) as broken,
        pytest.raises(Transient),
    ):
        office.ledger.move(file, Out.APPROVED, office.now)
    assert broken == [False]
    assert office.state(file) is Out.VALID
    assert office.moved(file, Out.APPROVED).state is Out.APPROVED


def test_a_cut_in_the_middle_of_a_booking_leaves_nothing(office: Office, cluster: Cluster) -> None:
    file = office.read()
    statement = office.statement("0.00", "1.00", office.entry("1.00"))
    message = office.message(statement)
    read = message.parts

    def parts() -> Iterator[Part]:
        yield from read
        cut(cluster, office)

    message.parts = parts()
    with pytest.raises(Transient):
        office.ledger.book(file, message, [office.account()], office.later())
    assert office.ledger.statements() == []
    office.book(statement, file=file)
    assert len(office.ledger.statements()) == 1


# ------------------------------------------------------------------------------------- the lock


def test_a_lock_that_was_lost_is_taken_again_before_a_delivery(
    office: Office, cluster: Cluster
) -> None:
    file = office.on_the_road(Out.STAGED)
    with office.ledger.lock():
        cut(cluster, office)
        assert not office.ledger.is_locked()
        office.moved(file, Out.DELIVERING)
        assert office.ledger.is_locked()
    assert not office.ledger.is_locked()


def test_who_lost_the_lock_to_another_sends_nothing_more(office: Office, cluster: Cluster) -> None:
    file = office.on_the_road(Out.STAGED)
    other = postgres.LedgerLock(office.ledger._engine.url, None)
    with office.ledger.lock():
        cut(cluster, office)
        with other.lock():
            with pytest.raises(Transient, match="another h2h runs on this ledger"):
                office.ledger.move(file, Out.DELIVERING, office.now)
            with pytest.raises(Refused, match="another h2h runs on this ledger"):
                office.ledger.insist()
            assert office.state(file) is Out.STAGED
        assert office.moved(file, Out.DELIVERING).state is Out.DELIVERING


def test_a_reader_cannot_write(office: Office) -> None:
    with office.ledger._reading() as connection, pytest.raises(DBAPIError, match="read-only"):
        connection.execute(text("DELETE FROM pauses"))
