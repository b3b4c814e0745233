"""What a bank's server permits, tried out with small files, and the terms that follow from it.

The files have names that a bank ignores (a leading dot, `.tmp`); whatever happens they are removed,
and what could not be removed is said.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from h2h.core.words import Words, say, words_of
from h2h.errors import H2HError, Transient
from h2h.ports import BankTerms, Session

_CONTENT = b"h2h tries out what this server permits. This file may be deleted.\n"
_MOST = 100_000  # names in a folder


class Result(StrEnum):
    """What became of one act."""

    YES = "yes"
    NO = "no"
    NOTE = "note"  # neither good nor bad, but somebody should know
    FAILED = "failed"  # h2h cannot work with this server so


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that was tried."""

    act: str
    result: Result
    words: str


@dataclass(frozen=True, slots=True)
class Advice:
    """What config.toml should say; both "" when the server does not let a file in at all."""

    publish: str
    confirm: str
    why: Words


class Probe:
    """Tries one bank's server out; `acts` and `advice` tell what came of it."""

    def __init__(self, terms: BankTerms) -> None:
        self._terms = terms
        mark = secrets.token_hex(4)
        names = (f".h2h-probe-{mark}-{number}.tmp" for number in range(1, 6))
        self._paths = tuple(f"{terms.upload_folder}/{name}" for name in names)
        self.acts: list[Act] = []
        self._can: set[str] = set()

    @property
    def failed(self) -> bool:
        """Can h2h not work with this server as it is?"""
        return any(act.result is Result.FAILED for act in self.acts)

    def run(self, log_in: Callable[[], AbstractContextManager[Session]]) -> None:
        """Try everything; a line that is cut is noted, and what was put is removed on a new one."""
        try:
            with log_in() as session:
                self._note("login", Result.YES, say("{host} let us in", host=session.host))
                self._try_all(session)
        except H2HError as error:
            self._note("connection" if self.acts else "login", Result.FAILED, words_of(error))
        if self.acts[0].result is Result.YES:
            self._clean(log_in)

    def _try_all(self, session: Session) -> None:
        self._folders(session)
        with tempfile.TemporaryDirectory(prefix="h2h-") as folder:
            local = Path(folder) / "probe"
            local.write_bytes(_CONTENT)
            if not self._write(session, local):
                return
            self._read_back(session, Path(folder) / "back")
            self._rename(session, local)
            self._replace(session, local)
        self._delete(session)

    # -- the acts

    def _folders(self, session: Session) -> None:
        seen: set[str] = set()
        for folder in (self._terms.upload_folder, *(d.folder for d in self._terms.downloads)):
            if folder not in seen:
                seen.add(folder)
                with self._act("list", Result.FAILED, folder) as say_yes:
                    count = len(session.listing(folder, _MOST))
                    say_yes(say("{folder}: {count} files", folder=folder, count=count))

    def _write(self, session: Session, local: Path) -> bool:
        with self._act("write", Result.FAILED, self._terms.upload_folder) as say_yes:
            session.put(local, self._paths[0])
            say_yes(say("{size} bytes were taken", size=len(_CONTENT)))
        return "write" in self._can

    def _read_back(self, session: Session, back: Path) -> None:
        path = self._paths[0]
        with self._act("stat", Result.NO, path) as say_yes:
            found = session.stat(path)
            if found is None:
                self._note("stat", Result.NO, say("what was put is not shown"))
            elif found.size == len(_CONTENT):
                say_yes(say("its size is told rightly"))
            else:
                words = say("{size} bytes are told of {put}", size=found.size, put=len(_CONTENT))
                self._note("stat", Result.FAILED, words)
        with self._act("read back", Result.NOTE, path) as say_yes:
            session.get(path, back, len(_CONTENT))
            if back.read_bytes() == _CONTENT:
                say_yes(say("the same bytes came back"))
            else:
                self._note("read back", Result.FAILED, say("other bytes came back"))

    def _rename(self, session: Session, local: Path) -> None:
        first, target, second = self._paths[:3]
        with self._act("rename", Result.NO, first) as say_yes:
            session.rename(first, target)
            say_yes(say("it is renamed"))
        if "rename" not in self._can:
            return
        self._look(session, target)
        session.put(local, second)
        try:
            session.rename(second, target)
        except Transient:
            raise
        except H2HError:
            self._can.add("rename keeps")
            self._note("rename onto", Result.YES, say("a name that exists is refused"))
        else:
            words = say("a name that exists is overwritten: only names of our own are safe")
            self._note("rename onto", Result.NOTE, words)

    def _replace(self, session: Session, local: Path) -> None:
        source, target = self._paths[3:]
        session.put(local, source)
        with self._act("posix-rename", Result.NO, source) as say_yes:
            session.replace(source, target)
            say_yes(say("it is renamed"))
        if "posix-rename" in self._can:
            self._look(session, target)

    def _look(self, session: Session, path: str) -> None:
        """Is what was renamed shown under its new name?"""
        with self._act("stat after rename", Result.NO, path):
            if session.stat(path) is not None:
                self._can.add("seen after rename")

    def _delete(self, session: Session) -> None:
        with self._act("delete", Result.NO, self._terms.upload_folder) as say_yes:
            for path in self._paths:
                session.remove(path)
            say_yes(say("what was put is removed"))

    def _clean(self, log_in: Callable[[], AbstractContextManager[Session]]) -> None:
        """Remove whatever is left, on a new line, since the other one may be cut."""
        try:
            with log_in() as session:
                left = [path for path in self._paths if not _removed(session, path)]
        except H2HError:
            left = [*self._paths]
        if left:
            names = ", ".join(left)
            words = say("could not be removed, so ask the bank to do it: {names}", names=names)
            self._note("left behind", Result.NOTE, words)
        else:
            self._note("left behind", Result.YES, say("nothing"))

    # -- what follows

    @property
    def advice(self) -> Advice:
        """`publish` and `confirm` that suit this server."""
        if "write" not in self._can:
            return Advice("", "", say("The server does not let us write: ask the bank"))
        sees = {"stat", "seen after rename"} <= self._can
        confirm = "list" if sees or self._direct else "report-only"
        if {"rename", "rename keeps"} <= self._can:
            why = say("A plain rename is there, and never overwrites: the safest way")
            return Advice("rename", confirm, why)
        if "posix-rename" in self._can:
            why = say("No plain rename that keeps what is there: posix-rename, for unique names")
            return Advice("posix-rename", confirm, why)
        if "rename" in self._can:
            why = say("The plain rename overwrites; h2h looks for the final name first")
            return Advice("rename", confirm, why)
        why = say(
            "No rename at all: the file is written under its final name, a cut needs a person"
        )
        return Advice("direct", "list" if "stat" in self._can else "report-only", why)

    @property
    def _direct(self) -> bool:
        return not {"rename", "posix-rename"} & self._can and "stat" in self._can

    # -- notes

    @contextmanager
    def _act(self, act: str, otherwise: Result, about: str) -> Iterator[Callable[[Words], None]]:
        """Note a no as `otherwise`; the line that is cut ends everything."""

        def say_yes(words: Words) -> None:
            self._can.add(act)
            self._note(act, Result.YES, words)

        try:
            yield say_yes
        except Transient:
            raise
        except H2HError as error:
            words = say("{path}: {why}", path=about, why=words_of(error))
            self._note(act, otherwise, words)

    def _note(self, act: str, result: Result, words: str) -> None:
        self.acts.append(Act(act, result, words))


def _removed(session: Session, path: str) -> bool:
    """Is it not there (any more)?"""
    try:
        session.remove(path)
    except Transient:
        raise
    except H2HError:
        return False
    return True
