"""The workspace that a command was called for."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from h2h.core.words import tell, words_of
from h2h.errors import Refused

if TYPE_CHECKING:
    from h2h.adapters.sql.ledger import SqlLedger
    from h2h.core.words import Translate
    from h2h.ports import Ledger


@contextmanager
def ledger_at(config_path: Path) -> Iterator[SqlLedger]:
    """The workspace's ledger, for a command that looks or decides; a refusal of the desk is told in
    the workspace's language."""
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.wiring import ledger_of  # noqa: PLC0415 - heavy

    ledger = ledger_of(load(config_path))
    try:
        yield ledger
    except Refused as error:
        raise Refused(tell(words_of(error), translator_at(config_path))) from error
    finally:
        ledger.close()


def translator_at(config_path: Path) -> Translate:
    """How sentences are said in the workspace's language."""
    from h2h.adapters.catalogue import translator  # noqa: PLC0415 - seldom needed
    from h2h.config import load  # noqa: PLC0415 - heavy

    return translator(load(config_path).h2h.language)


def operator() -> str:
    """Who acts: the operating system's user, whatever the environment says."""
    return f"os:{user()}"


def acting(ledger: Ledger) -> str:
    """Who acts: the operator whom the operating system's user is, else `os:USER`; whether he may,
    the desk decides."""
    found = ledger.operator_of(user())
    return found.name if found else operator()


def user() -> str:
    """The operating system's user, whatever the environment says."""
    return pwd.getpwuid(os.getuid()).pw_name


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
