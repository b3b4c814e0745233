"""What a database says, in our words: what passes, damage, or a right that is missing."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from h2h.errors import ConfigError, Corrupt, H2HError, Transient

# PostgreSQL's codes (its manual, appendix A); SQLite has none.
_PASSING = ("25006", "25P03")  # a primary that became a standby; a session that was idle too long
_DAMAGED = ("XX001", "XX002")
_TOO_LARGE = "54"  # a value that no index takes: of the file at hand, so trying again is no help
_NO_RIGHT = "42501"
_ID_TAKEN = ("files.id", "pk_files")  # as SQLite and PostgreSQL name it


def in_our_words(error: DBAPIError) -> H2HError | None:
    """The error to raise instead; None for one that should not occur."""
    code = str(getattr(error.orig, "sqlstate", None) or "")
    if isinstance(error, IntegrityError) and any(name in str(error.orig) for name in _ID_TAKEN):
        return Transient(
            "another file has the id that was drawn for this one",
            "It is tried again by itself, with another id",
        )
    if code == _NO_RIGHT:
        return ConfigError(
            f"the ledger's role lacks a right: {error.orig}",
            "Let the role of `database` own the database, or grant it what is named",
        )
    if code in _DAMAGED or type(error.orig) is sqlite3.DatabaseError:
        return Corrupt(
            f"the ledger is damaged: {error.orig}",
            "Stop, keep the file, and restore it from the newest backup",
        )
    passes = isinstance(error, OperationalError) and not code.startswith(_TOO_LARGE)
    if passes or error.connection_invalidated or code in _PASSING:
        return Transient(
            f"the ledger cannot be used now: {error.orig}",
            "It is tried again by itself; look at the disk if this goes on",
        )
    return None
