"""Bringing a database to the schema of this version, or refusing it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select, text

from h2h.adapters.sql import tables
from h2h.errors import ConfigError

MIGRATIONS = Path(__file__).with_name("migrations")
_VERSION_TABLE = "alembic_version"


def upgrade(connection: Connection, place: str) -> None:
    """Run the migrations that are missing, within the caller's transaction.

    Raises ConfigError for a database that is not ours or that a newer version has written.
    """
    version = _version(connection, place)
    if version == tables.SCHEMA_VERSION:
        return
    known = {script.name.split("_")[0] for script in MIGRATIONS.glob("versions/*.py")}
    if version and version not in known:
        raise ConfigError(
            f"{place} has schema {version}; this h2h knows up to {tables.SCHEMA_VERSION}",
            "Install the h2h version that wrote it, or a newer one",
        )
    _run_migrations(connection)


def _version(connection: Connection, place: str) -> str:
    """The schema version found, "" for an empty database."""
    there = inspect(connection).get_table_names()
    if _VERSION_TABLE in there:
        found = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}"))  # noqa: S608  a constant
        return str(found.scalar_one())
    if there:
        raise ConfigError(
            f"{place} is a database, but not a ledger of h2h",
            "Correct `database` in [h2h]",
        )
    return ""


def _run_migrations(connection: Connection) -> None:
    # Alembic is needed at a first start and after an update only.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")


def remember(connection: Connection, environment: str, place: str) -> None:
    """Keep the environment of the first start; raises ConfigError for another one later."""
    settings = tables.settings
    kept = select(settings.c.value).where(settings.c.name == "environment")
    found = connection.execute(kept).scalar()
    if found is None:
        connection.execute(insert(settings).values(name="environment", value=environment))
    elif found != environment:
        raise ConfigError(
            f'{place} belongs to environment "{found}", the configuration says "{environment}"',
            "Test and production need a workspace each; correct `environment` or `database`",
        )


def is_empty(connection: Connection) -> bool:
    """Has nothing ever happened in this ledger?"""
    return connection.execute(select(tables.moves.c.sequence).limit(1)).first() is None
