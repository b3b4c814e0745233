"""config.toml changed by a command: what stands there stays, and nothing wrong replaces it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from h2h.config import Config, ConfigProblems, load
from h2h.core.words import say
from h2h.errors import Refused


def text_of(path: Path) -> str:
    """The text of config.toml. Raises Refused when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        words = say("{path} cannot be read: {why}", path=path, why=why)
        raise Refused(words, say("`h2h init DIR` makes a workspace with one")) from error


def replaced(path: Path, before: str, after: str) -> Config:
    """Put `after` in the place of `before`, atomically, with its rights and owner; what it says.

    It is loaded first, from a file beside it. Raises ConfigProblems when it is not right, Refused
    when somebody else changed the file meanwhile; it is as it was then.
    """
    from h2h.adapters import durable  # noqa: PLC0415 - not for --help

    path = path.resolve()  # a link stays one
    draft = path.with_name(f".{path.name}.draft")
    status = path.stat()
    try:
        durable.write(draft, after.encode())
        draft.chmod(status.st_mode & 0o777)  # whatever the umask says
        if os.geteuid() == 0:
            os.chown(draft, status.st_uid, status.st_gid)  # its owner is who configured
        _judged(draft, path)
        if text_of(path) != before:
            words = say("{path} was changed by somebody else meanwhile", path=path)
            raise Refused(words, say("Look at it, then do it again"))
        draft.replace(path)
        durable.sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)
    return load(path)


def _judged(draft: Path, path: Path) -> None:
    """Raise for what is wrong in the draft, as it would be in the file."""
    try:
        load(draft)
    except ConfigProblems as wrong:
        findings = [replace(each, file=path) for each in wrong.findings]
        raise ConfigProblems(findings) from None
