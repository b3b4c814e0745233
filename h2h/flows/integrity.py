"""Proving that nothing was changed: the chain, files' rows, dossiers, and heads noted elsewhere.

Reads only, one record after the other, so that a million of them need no more memory than ten.
What moves meanwhile is no finding: the next night verifies it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby, islice
from pathlib import Path
from typing import Any, NamedTuple

from h2h.core.chain import RECOVERED, RECOVERING, Head, Link, Walk, link_of
from h2h.core.dossier import manifest_facts
from h2h.core.retention import CONFIRMED, erasure_told
from h2h.core.states import BEFORE_DELIVERING
from h2h.errors import ConfigError, Corrupt, H2HError, Refused
from h2h.flows.evidence import facts_of
from h2h.ports import Archive, Dossier, File, HeadExport, Ledger, Services, Snapshot, Unreadable

MANIFEST = "manifest.json"
MOVES = "moves.jsonl"
_AT_ONCE = 500  # heads looked up
_EVERY = timedelta(minutes=1)  # at most, of an export of the head


@dataclass(frozen=True, slots=True)
class Finding:
    """What does not agree, and where: a record of the chain, a file, its dossier, a place in it."""

    sequence: int | None
    file_id: str
    dossier: str
    place: str
    why: str


class Noted(NamedTuple):
    """A head as it was noted outside of the ledger."""

    head: Head
    place: str


@dataclass(slots=True)
class Verdict:
    """How much was looked at; `findings` are handed on as they come."""

    records: int = 0
    files: int = 0
    erased: int = 0  # files whose contents are gone, as the chain tells
    head: Head = field(default_factory=Head)


class Verifier:
    """Compares ledger, archive, and heads that were noted elsewhere."""

    def __init__(self, ledger: Ledger, archive: Archive, noted: Iterable[Noted] = ()) -> None:
        self._ledger = ledger
        self._archive = archive
        self._noted = noted
        self._recovered = _spans(ledger.recoveries())
        self._agreed = frozenset(link.content for link in ledger.room_moves(CONFIRMED))
        self.verdict = Verdict()

    def findings(self) -> Iterator[Finding]:
        """Every disagreement: those of the chain first, then file by file in the order of ids."""
        with self._ledger.snapshot() as snapshot:
            self.verdict.head = snapshot.head()
            yield from self._chain(snapshot)
            yield from self._files(snapshot)

    # -- the chain

    def _chain(self, snapshot: Snapshot) -> Iterator[Finding]:
        walk = Walk()
        for broken in walk.misfits(snapshot.links()):
            place = self._place(broken.file_id)
            where = f"move {broken.sequence}"
            yield Finding(broken.sequence, broken.file_id, place, where, broken.why)
        self.verdict.records = walk.records
        try:
            for some in _chunks(self._all_noted(), _AT_ONCE):
                yield from self._missed(some, snapshot)
        except Corrupt as error:
            yield Finding(None, "", "", error.cause, error.next_move)

    def _all_noted(self) -> Iterator[Noted]:
        heads = self._archive.heads()
        if not heads and self.verdict.head.sequence:
            raise Corrupt("head.json", "it is missing")
        yield from (Noted(head, "the archive (head.json, announced)") for head in heads)
        for each in self._archive.announcements():
            yield Noted(Head(each.sequence, each.hash), f"the announcement of {each.file_id}")
        yield from self._noted

    def _missed(self, noted: Sequence[Noted], snapshot: Snapshot) -> Iterator[Finding]:
        """Heads that the ledger does not have, but for those that a recovery set aside."""
        hashes = snapshot.hashes([each.head.sequence for each in noted])
        for head, place in noted:
            found = hashes.get(head.sequence) or self._ledger.hash_at(head.sequence)
            aside = any(first < head.sequence < last for first, last in self._recovered)
            if found == head.hash or aside or head == Head():
                continue
            why = f"{place} has another hash of it" if found else f"it is missing; {place} has it"
            yield Finding(head.sequence, "", "", f"move {head.sequence}", why)

    # -- files and dossiers

    def _files(self, snapshot: Snapshot) -> Iterator[Finding]:
        ids = _Dossiers(self._archive.dossiers())
        links = groupby(snapshot.links_by_file(), key=lambda link: link.file_id)
        ahead = next(links, None)
        if ahead is not None and ahead[0] == "":  # acts on the room
            ahead = next(links, None)
        for file in snapshot.files():
            self.verdict.files += 1
            while ahead is not None and ahead[0] < file.id:
                yield from self._without_row(ahead[0], ahead[1])
                ahead = next(links, None)
            for stranger in ids.before(file.id):
                yield from self._stranger(stranger)
            there = ids.take(file.id)
            own = list(ahead[1]) if ahead is not None and ahead[0] == file.id else []
            if own:
                ahead = next(links, None)
            found = list(self._file(file, own, there=there))
            if found and not self._moved_on(file):
                yield from found
        while ahead is not None:
            yield from self._without_row(ahead[0], ahead[1])
            ahead = next(links, None)
        for stranger in ids.rest():
            yield from self._stranger(stranger)

    def _without_row(self, file_id: str, links: Iterable[Link]) -> Iterator[Finding]:
        first = next(iter(links)).sequence
        yield Finding(first, file_id, self._place(file_id), "ledger", "its row is missing")

    def _stranger(self, file_id: str) -> Iterator[Finding]:
        known = self._ledger.file(file_id) is not None  # since we began
        if not known and not self._archive.is_incoming(file_id):
            place = self._place(file_id)
            yield Finding(None, file_id, place, place, "the ledger does not know this dossier")

    def _moved_on(self, file: File | Unreadable) -> bool:
        if isinstance(file, Unreadable):
            return False
        now = self._ledger.file(file.id)
        return now is not None and (now.last_move, now.recorded) != (file.last_move, file.recorded)

    def _file(
        self, file: File | Unreadable, links: list[Link], *, there: bool
    ) -> Iterator[Finding]:
        place = self._place(file.id)
        if isinstance(file, Unreadable):
            yield Finding(None, file.id, place, "ledger", file.why)
            return
        last = links[-1] if links else None
        for why in _row_misfits(file, last):
            yield Finding(file.last_move, file.id, place, "ledger", why)
        dossier = self._archive.dossier(file.id) if there else None
        if dossier is None:
            if file.sha256 or file.recorded:
                yield Finding(None, file.id, place, place, "its dossier is missing")
            return
        for number, where, why in self._dossier(file, links, dossier):
            yield Finding(number, file.id, place, where, why)

    def _dossier(
        self, file: File, links: list[Link], dossier: Dossier
    ) -> Iterator[tuple[int | None, str, str]]:
        shown = file.recorded >= file.last_move > 0
        yield from _moves_misfits(dossier.moves, links, shown=shown)
        facts = None if dossier.manifest is None else manifest_facts(dossier.manifest)
        if dossier.manifest is not None and facts is None:
            yield None, MANIFEST, "its content was changed"
        if dossier.manifest is None and file.recorded:
            yield None, MANIFEST, "it is missing"
        if facts is not None and shown:
            yield from _fact_misfits(file, facts)
        erasure = self._erasure(links)
        self.verdict.erased += bool(erasure)
        yield from self._contents(file, dossier, facts, erasure, shown=shown)

    def _erasure(self, links: Sequence[Link]) -> str:
        """How far the erasure is that the chain tells of, of a list that two persons agreed on:
        erasing, erased, or "" when there is none."""
        told = [
            erasure_told(link.source, link.target, link.who, str(link.because)) for link in links
        ]
        agreed = [what for what, hash_ in told if what and hash_ in self._agreed]
        return agreed[-1] if agreed else ""

    def _contents(
        self,
        file: File,
        dossier: Dossier,
        facts: Mapping[str, object] | None,
        erasure: str,
        *,
        shown: bool,
    ) -> Iterator[tuple[int | None, str, str]]:
        told = (facts or {}).get("files")
        listed = told if isinstance(told, dict) else {}
        promised = _promised(file)
        ahead = frozenset() if file.sealed_sha256 else _AHEAD
        for name in sorted({*listed, *promised} - ahead):
            told = listed.get(name, {})
            sha256 = promised.get(name) or told.get("sha256", "")
            why = self._content_misfit(name, told, sha256, dossier, erased=bool(erasure))
            if why:
                yield None, name, why
        present = {*dossier.contents, *dossier.at_rest}
        if facts is not None and shown:
            for name in sorted(present - listed.keys() - ahead):
                yield None, name, "nothing tells that it belongs there"
        for name in sorted(present) if erasure == "erased" else ():
            if not name.startswith(MOVES):
                yield None, name, "it was erased, and is there"

    def _content_misfit(
        self, name: str, told: Mapping[str, Any], sha256: str, dossier: Dossier, *, erased: bool
    ) -> str:
        at_rest = told.get("at_rest")
        if name in dossier.contents:
            return self._differs(dossier.contents[name], sha256)
        if at_rest and name in dossier.at_rest:
            if why := self._differs(dossier.at_rest[name], at_rest.get("sha256")):
                return why
        elif not erased or name.startswith(MOVES):
            return "it is missing"
        same = told.get("sha256", sha256) == sha256
        return "" if same else "the manifest tells another hash than the ledger"

    def _differs(self, path: Path, sha256: str) -> str:
        try:
            found, _ = self._archive.digest(path)
        except H2HError as error:
            return f"it cannot be read: {error.cause}"
        return "" if found == sha256 else "its content was changed"

    def _place(self, file_id: str) -> str:
        try:
            return str(self._archive.place(file_id)) if file_id else ""
        except ValueError:
            return ""


class _Dossiers:
    """The ids of dossiers, taken in step with those of the ledger."""

    def __init__(self, ids: Iterator[str]) -> None:
        self._ids = ids
        self._next = next(ids, None)

    def before(self, file_id: str) -> Iterator[str]:
        while self._next is not None and self._next < file_id:
            yield self._next
            self._next = next(self._ids, None)

    def take(self, file_id: str) -> bool:
        if self._next != file_id:
            return False
        self._next = next(self._ids, None)
        return True

    def rest(self) -> Iterator[str]:
        while self._next is not None:
            yield self._next
            self._next = next(self._ids, None)


def _chunks(noted: Iterable[Noted], size: int) -> Iterator[list[Noted]]:
    each = iter(noted)
    while some := list(islice(each, size)):
        yield some


def _spans(recoveries: Sequence[Link]) -> list[tuple[int, int]]:
    """What each recovery set aside: the numbers between the last record that ledger and archive
    had in common (its `content`) and its beginning."""
    begun = [each for each in recoveries if each.target == RECOVERING and each.content.isdigit()]
    return [(int(each.content), each.sequence) for each in begun]


def _row_misfits(file: File, last: Link | None) -> Iterator[str]:
    """A row follows from the file's last move."""
    if last is None:
        yield "no move of it is in the chain"
        return
    if last.sequence != file.last_move:
        yield f"its last move is {last.sequence}, its row says {file.last_move}"
    if last.target != file.state.value:
        yield f"its last move left it {last.target}, its row says {file.state}"
    if last.content and last.content != file.sha256:
        yield "its row has another hash of its content than its last move"


def _moves_misfits(
    text: bytes | None, links: Sequence[Link], *, shown: bool
) -> Iterator[tuple[int | None, str, str]]:
    """moves.jsonl is the ledger's moves; it may lack the newest ones after a crash."""
    expected = [link.line().encode() for link in links]
    if text is None:
        if shown:
            yield None, MOVES, "it is missing"
        return
    if text == b"".join(expected):
        return
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if number >= len(expected) or line != expected[number]:
            told = link_of(line)
            sequence = links[number].sequence if number < len(links) else told and told.sequence
            yield sequence, f"{MOVES} line {number + 1}", "it is not the ledger's move"
            return
    if shown:
        missing = links[len(lines) :]
        words = f"{len(missing)} of the ledger's moves are missing"
        yield (missing[0].sequence if missing else None), MOVES, words


def _fact_misfits(file: File, facts: Mapping[str, object]) -> Iterator[tuple[None, str, str]]:
    """The row as the manifest tells it, but for what changes without a move."""
    row = json.loads(json.dumps(facts_of(file)))
    loose = _LOOSE | (_RESERVED if file.state in BEFORE_DELIVERING else frozenset())
    for name in row.keys() - loose:
        if facts.get(name) != row[name]:
            yield None, MANIFEST, f"{name} is not what the ledger's row says"


_AHEAD = frozenset({"sealed.pgp", "sealed.pgp.sig"})  # begun before the ledger vouches for it
_LOOSE = frozenset({"problems", "refusal", "attempt"})
_RESERVED = frozenset({"final_folder", "final_name", "sequence", "host"})


def _promised(file: File) -> dict[str, str]:
    """The hashes that the ledger itself vouches for, by name in the dossier."""
    first = "original.xml" if file.direction == "out" else "received"
    known = {first: file.sha256, "sealed.pgp": file.sealed_sha256}
    return {name: sha256 for name, sha256 in known.items() if sha256}


# ------------------------------------------------------------------------------- noted elsewhere


def noted_in(path: Path) -> Iterator[Noted]:
    """The heads in an exported file. Raises Refused for a line that is none."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.endswith(b"\n"):
                return  # it was being written
            try:
                facts = json.loads(line)
                head = Head(int(facts["sequence"]), str(facts["hash"]))
            except (ValueError, KeyError, TypeError) as error:
                raise Refused(
                    f"{path} line {number} is no head of a chain", "Give a file that h2h exported"
                ) from error
            yield Noted(head, f"{path} line {number}")


class HeadExporter:
    """Exports the head after it changed: at most once a minute, and when asked to be the last."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._last = Head()
        self._at: datetime | None = None

    def export(self, *, at_once: bool = False) -> None:
        """To every place; one that cannot be reached is told of, and tried again."""
        now = self._services.clock.now()
        if not self._services.heads:
            return
        if not at_once and self._at is not None and now - self._at < _EVERY:
            return
        head = self._services.ledger.head()
        if head in {self._last, Head()}:
            return
        self._at = now
        if all([self._export_to(place, head, now) for place in self._services.heads]):  # noqa: C419 - every place
            self._last = head

    def _export_to(self, place: HeadExport, head: Head, now: datetime) -> bool:
        try:
            place.export(head, now)
        except (H2HError, OSError) as error:
            self._services.log.event("head_not_exported", because=str(error))
            return False
        return True


def insist_current(services: Services) -> None:
    """Raise ConfigError when the archive knows more than the ledger, which then is older (restored
    from a backup) or another: it could send again what was sent."""
    if unfinished(services.ledger):
        raise ConfigError("a recovery of the ledger has begun and not ended", _RECOVER)
    for head in lost_heads(services):
        raise ConfigError(
            f"the archive knows the ledger's move {head.sequence}, which this ledger does not"
            " have: it is older, as after a restore, or another. Nothing is sent",
            _RECOVER,
        )


_RECOVER = 'Run `h2h recover --reason "…"`, or restore the newest ledger'


def lost_heads(services: Services) -> list[Head]:
    """Of the newest heads that the archive noted those that the ledger does not have."""
    ledger = services.ledger
    lost = [
        head
        for head in services.archive.heads()
        if head != Head() and ledger.hash_at(head.sequence) != head.hash
    ]
    recoveries = ledger.recoveries() if lost else ()
    ended = max((each.sequence for each in recoveries if each.target == RECOVERED), default=0)
    return [head for head in lost if head.sequence > ended]


def unfinished(ledger: Ledger) -> bool:
    """Has a recovery begun that did not come to its end?"""
    recoveries = ledger.recoveries()
    return bool(recoveries) and recoveries[-1].target == RECOVERING
