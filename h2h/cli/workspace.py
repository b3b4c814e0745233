"""The workspace that a command was called for."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from h2h.core.words import say, tell, words_of
from h2h.errors import Refused

if TYPE_CHECKING:
    from h2h.adapters.sql.ledger import SqlLedger
    from h2h.core.words import Translate
    from h2h.ports import BankTerms, File, Ledger


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


def banks_at(path: Path) -> dict[str, BankTerms]:
    """What was agreed with every bank of the workspace."""
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.wiring import terms_of  # noqa: PLC0415 - heavy

    config = load(path)
    return {name: terms_of(name, bank, config) for name, bank in config.banks.items()}


def operator() -> str:
    """Who acts: the operating system's user, whatever the environment says."""
    return f"os:{user()}"


def acting(ledger: Ledger) -> str:
    """Who acts: the operator whom the operating system's user is, else `os:USER`; whether he may,
    the desk decides."""
    found = ledger.operator_of(user())
    return found.name if found else operator()


def insist_unveiled(path: Path, ledger: Ledger, file: File) -> None:
    """Raises Refused when the content of `file` is hidden from who acts."""
    from h2h.core.operators import Act, who_may  # noqa: PLC0415 - with the ledger
    from h2h.desk import content_veiled, roles_of  # noqa: PLC0415 - with the ledger

    if content_veiled(ledger, file, roles_of(ledger, acting(ledger)), banks_at(path)):
        words = say("{id} is confidential", id=file.id)
        raise Refused(words, say("These roles may: {roles}", roles=who_may(Act.UNVEIL)))


def user() -> str:
    """The operating system's user, whatever the environment says."""
    return pwd.getpwuid(os.getuid()).pw_name


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)
