"""After a restore: what archive, ledger and the banks' folders know differently, and what is done.

An older ledger forgot what went and what came since. The archive proves it: each dossier's moves,
and what was announced right before it may have become visible at its bank. What the archive knows
and the ledger does not is entered again, so that nothing of it is sent, booked or handed over a
second time; what cannot be proven is held for a person. Repeatable: what is done stays done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from typing import Any

from h2h.core.chain import RECOVERED, Head, Link, link_of
from h2h.core.dossier import manifest_facts
from h2h.core.naming import is_temporary
from h2h.core.states import (
    ANNOUNCED,
    AT_THE_BANK,
    BEFORE_DELIVERING,
    NEVER_WENT,
    Handed,
    In,
    Out,
    State,
)
from h2h.errors import H2HError
from h2h.flows import evidence
from h2h.flows.integrity import lost_heads, unfinished
from h2h.flows.sweep import Sweep
from h2h.ports import Announcement, Dossier, ExportRow, File, Made, Reinstated


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is known differently: what, what was done, and who must act ("": nobody)."""

    file_id: str
    bank: str
    what: str
    done: str
    act: str = ""


@dataclass(slots=True)
class Known:
    """What the archive knows of one file."""

    dossier: Dossier
    facts: Mapping[str, Any] | None  # of its manifest
    links: list[Link]  # of its moves.jsonl, as far as they are whole
    announced: Announcement | None

    @property
    def newest(self) -> int:
        """The number of its last record."""
        return self.links[-1].sequence if self.links else 0

    @property
    def doubtful(self) -> bool:
        """Was it announced, and does nothing later tell how that ended?"""
        return self.announced is not None and self.announced.sequence >= self.newest


@dataclass
class Recovery:
    """One `h2h recover`. `without`: banks whose folder nobody can look into now."""

    sweep: Sweep
    who: str
    reason: str
    dry_run: bool = False
    without: frozenset[str] = frozenset()
    complete: bool = field(default=True, init=False)
    _names: set[str] = field(default_factory=set, init=False)  # of files that are entered

    def run(self) -> Iterator[Difference]:
        """Reconcile, telling each difference. The ledger may send again only when it came to its
        end and `complete` is True."""
        services = self.sweep.services
        lost = lost_heads(services)
        needed = bool(lost) or unfinished(services.ledger)
        announced = {each.file_id: each for each in services.archive.announcements()}
        if needed and not self.dry_run:
            self._begin(announced)
        for file_id in services.archive.dossiers():
            yield from self._dossier(file_id, announced.pop(file_id, None))
        for file_id, each in announced.items():
            yield from self._announced_only(file_id, each)
        yield from self._without_dossier()
        for bank in services.banks:
            yield from self._bank(bank)
        if needed and not self.dry_run and self.complete:
            evidence.bring_up_to_date(self.sweep)
            services.ledger.end_recovery(self.who, self.reason, self.sweep.now)
            evidence.note_head(self.sweep)

    def _begin(self, announced: Mapping[str, Announcement]) -> None:
        """Number what follows beyond everything that the archive knows."""
        services, ledger = self.sweep.services, self.sweep.ledger
        heads = [*services.archive.heads()]
        heads += [Head(each.sequence, each.hash) for each in announced.values()]
        known = [self._known(file_id, None) for file_id in services.archive.dossiers()]
        heads += [Head(each.newest, each.links[-1].hash) for each in known if each.links]
        both = (head.sequence for head in heads if ledger.hash_at(head.sequence) == head.hash)
        beyond = max(head.sequence for head in heads)
        ledger.begin_recovery(max(both, default=0), beyond, self.who, self.reason, self.sweep.now)

    def _known(self, file_id: str, announced: Announcement | None) -> Known:
        dossier = self.sweep.services.archive.dossier(file_id)
        assert dossier is not None  # noqa: S101 - the archive has just named it
        lines = (dossier.moves or b"").splitlines(keepends=True)
        links = [link for line in lines if (link := link_of(line)) is not None]
        facts = manifest_facts(dossier.manifest) if dossier.manifest else None
        return Known(dossier, facts, links, announced)

    # -- dossiers

    def _dossier(self, file_id: str, announced: Announcement | None) -> Iterator[Difference]:
        known = self._known(file_id, announced)
        file = self.sweep.ledger.file(file_id)
        if file is None:
            yield from self._forgotten(known)
        elif file.direction == "out":
            yield from self._outgoing(file, known)
        else:
            yield from self._incoming(file, known)

    def _forgotten(self, known: Known) -> Iterator[Difference]:
        """A dossier that the ledger does not know."""
        facts = self._facts(known)
        if facts is None:
            yield from self._unwritten(known)
        elif facts["direction"] == "in":
            words = f"the ledger forgot this bank file, which was {facts['state']}"
            done = "entered again: it is booked anew, and what the ERP has is not handed over again"
            yield self._enter(known, facts, In.FETCHED, words, done, _forgotten_acts(known.links))
        else:
            state = _state(known, facts)
            words = f"the ledger forgot this payment file, which was {_last(known, facts)}"
            yield self._enter(known, facts, state, words, *_entered(state))

    def _unwritten(self, known: Known) -> Iterator[Difference]:
        """Neither manifest nor announcement: h2h ended before it wrote them."""
        dossier = known.dossier
        if self.sweep.services.archive.is_incoming(dossier.file_id):
            return  # half-fetched: it lies at its bank still
        names = ", ".join(sorted({*dossier.contents, *dossier.at_rest})) or "nothing"
        what = f"a dossier that nobody knows and that tells nothing of itself; in it: {names}"
        act = f"look into {dossier.place}; what is no payment that went, drop at its door again"
        yield Difference(dossier.file_id, "", what, "left as it is: nothing of it is sent", act)

    def _outgoing(self, file: File, known: Known) -> Iterator[Difference]:
        doubtful = known.doubtful and self._unknown(known)
        if not self._lost(known) and not doubtful:
            return
        facts = self._facts(known)
        if facts is None:
            what = (
                f"the archive has a later record, but no manifest; the ledger has it {file.state}"
            )
            yield self._hold(file, what)
            return
        state = _state(known, facts)
        if file.state is state or (file.state is Out.HELD and state is Out.HELD):
            return
        words = f"the ledger has it {file.state}, the archive {_last(known, facts)}"
        yield self._enter(known, facts, state, words, *_entered(state))

    def _unknown(self, known: Known) -> bool:
        """Is the announcement one that this ledger did not see?"""
        told = known.announced
        return told is not None and self.sweep.ledger.hash_at(told.sequence) != told.hash

    def _lost(self, known: Known) -> list[Link]:
        """Its newest records that this ledger does not have, but for those of a history that an
        ended recovery went through.

        By their hashes: acts at the desk since the restore may have taken their numbers.
        """
        hash_at, ended = self.sweep.ledger.hash_at, self._ended
        found = takewhile(
            lambda link: link.sequence > ended and hash_at(link.sequence) != link.hash,
            reversed(known.links),
        )
        return list(found)[::-1]

    @cached_property
    def _ended(self) -> int:
        """The number with which the last recovery before this one ended."""
        recoveries = self.sweep.ledger.recoveries()
        return max((each.sequence for each in recoveries if each.target == RECOVERED), default=0)

    def _incoming(self, file: File, known: Known) -> Iterator[Difference]:
        facts, lost = known.facts, self._lost(known)
        if facts is None or not lost:
            return
        words = f"the ledger has it {file.state}, the archive {facts['state']}"
        done = "what the ERP has is not handed over again; it goes on from where the ledger has it"
        yield self._enter(known, facts, file.state, words, done, _forgotten_acts(lost))

    def _announced_only(self, file_id: str, told: Announcement) -> Iterator[Difference]:
        """Announced, but its dossier is gone."""
        file = self.sweep.ledger.file(file_id)
        if file is not None and self.sweep.ledger.hash_at(told.sequence) == told.hash:
            return
        what = "it was announced to its bank, its dossier is missing"
        known = Known(
            Dossier(file_id, self.sweep.services.archive.place(file_id), None, None, {}, {}),
            told.facts,
            [],
            told,
        )
        act = "restore its dossier from the archive's backup; ask the bank whether it has it"
        if file is None or file.state in BEFORE_DELIVERING:
            yield self._enter(known, told.facts, Out.IN_DOUBT, what, "entered as in doubt", act)

    def _without_dossier(self) -> Iterator[Difference]:
        archive = self.sweep.services.archive
        for file in self.sweep.ledger.files():
            if not file.sha256 or archive.dossier(file.id) is not None:
                continue
            what = f"the ledger has it {file.state}, its dossier is missing"
            if file.state in BEFORE_DELIVERING - {Out.HELD}:
                yield self._hold(file, what)
            else:
                act = "restore it from the archive's backup"
                yield Difference(file.id, file.bank or "", what, "nothing", act)

    # -- the banks' folders

    def _bank(self, bank: str) -> Iterator[Difference]:
        """What lies in the folder that payment files go to, against what the ledger thinks."""
        if bank in self.without:
            words = "nobody looked into its folder, as asked for"
            yield Difference("", bank, words, "nothing", "compare it by hand")
            return
        terms = self.sweep.services.banks[bank]
        ours = {
            file.final_name: file
            for file in self.sweep.ledger.files(bank=bank, direction="out")
            if file.final_name
        }
        try:
            with self.sweep.services.servers[bank].session() as session:  # a pause stops no look
                seen = session.listing(terms.upload_folder, terms.most_entries)
        except (H2HError, OSError) as error:
            self.complete = False
            act = f"run `h2h recover` again; `--without-bank {bank}` if nobody can look"
            yield Difference("", bank, f"its folder was not seen: {error}", "nothing", act)
            return
        for remote in sorted(seen, key=lambda each: each.name):
            if is_temporary(remote.name) or remote.name.endswith(".sig"):
                continue
            file = ours.get(remote.name)
            if file is None and remote.name in self._names:
                continue  # a dry run: it is not entered yet
            if file is None:
                what = f"{remote.name} lies at the bank, no file of the ledger has this name"
                act = "ask the bank what it is, before files go that may be the same"
                yield Difference("", bank, what, "nothing", act)
            elif file.state in BEFORE_DELIVERING:
                what = f"{remote.name} lies at the bank, the ledger has its file {file.state}"
                yield self._doubt(file, what)

    # -- what is done

    def _enter(
        self,
        known: Known,
        facts: Mapping[str, Any],
        state: State,
        what: str,
        done: str,
        act: str = "",
    ) -> Difference:
        file_id, bank = str(facts["file_id"]), str(facts["bank"] or "")
        self._names.add(str(facts["final_name"]))
        if self.dry_run:
            return Difference(file_id, bank, what, f"to be done: {done}", act)
        exports = [_export(each) for each in facts.get("exports", ())]
        payments = self._payments(known, facts) if state not in NEVER_WENT else []
        wish = Reinstated(facts, state, f"recovered: {what}", payments, exports)
        try:
            file = self.sweep.ledger.reinstate(wish, self.who, self.sweep.now)
            evidence.record(file, self.sweep)
            if state in AT_THE_BANK | NEVER_WENT:
                self.sweep.ledger.recorded(file, file.last_move)  # the ERP was told
        except H2HError as error:
            self.complete = False
            return Difference(file_id, bank, what, f"nothing: {error.cause}", error.next_move)
        return Difference(file_id, bank, what, done, act)

    def _payments(self, known: Known, facts: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Of a payment file that was admitted once, those of its original."""
        if facts["direction"] != "out" or not facts["door"] or not facts["message_id"]:
            return []
        archive, messages = self.sweep.services.archive, self.sweep.services.messages
        try:
            return list(messages.payments(archive.path(known.dossier.file_id, "original.xml")))
        except (H2HError, OSError):
            return []  # the file stands by itself; `h2h archive verify` tells of its original

    def _facts(self, known: Known) -> Mapping[str, Any] | None:
        """Those of the manifest, or those that were announced where they are newer."""
        if known.doubtful and known.announced is not None:
            return known.announced.facts
        return known.facts

    def _hold(self, file: File, what: str) -> Difference:
        act = "find out whether it went, then `h2h release` or `h2h cancel`"
        return self._move(file, Out.HELD, what, "held", act)

    def _doubt(self, file: File, what: str) -> Difference:
        """As if it had been announced: the resolver, a report or a person settles it."""
        facts = {**evidence.facts_of(file), "state": Out.IN_DOUBT.value}
        return self._move(
            file, Out.IN_DOUBT, what, "in doubt: its size there settles it", "", facts
        )

    def _move(
        self,
        file: File,
        state: Out,
        what: str,
        done: str,
        act: str,
        facts: Mapping[str, object] | None = None,
    ) -> Difference:
        bank = file.bank or ""
        if self.dry_run:
            return Difference(file.id, bank, what, f"to be done: {done}", act)
        if file.state is not state:
            wish = Reinstated(facts or evidence.facts_of(file), state, f"recovered: {what}")
            self.sweep.ledger.reinstate(wish, self.who, self.sweep.now)
        return Difference(file.id, bank, what, done, act)


def _last(known: Known, facts: Mapping[str, Any]) -> str:
    return "announced to its bank" if known.doubtful else str(facts["state"])


def _state(known: Known, facts: Mapping[str, Any]) -> Out:
    """As what a payment file is entered again."""
    last = Out(facts["state"])
    if known.doubtful or last in ANNOUNCED:
        return Out.IN_DOUBT
    return Out.HELD if last in BEFORE_DELIVERING else last


def _entered(state: Out) -> tuple[str, str]:
    """What was done, and who must act."""
    if state is Out.IN_DOUBT:
        return (
            "entered as in doubt: it is not sent again",
            "the bank's folder or its report settles it; else ask the bank, then `h2h resolve`",
        )
    if state is Out.HELD:
        return (
            "entered as held: it is not sent by itself",
            "find out whether it went, then `h2h release` or `h2h cancel`",
        )
    return f"entered as {state}: it is not sent again", ""


def _forgotten_acts(links: Sequence[Link]) -> str:
    """What persons decided and must decide again."""
    acts = [f"{link.who} at {link.at[:16]}: {link.because}" for link in links if link.who != "h2h"]
    return f"decide again what was decided: {'; '.join(acts)}" if acts else ""


def _export(told: Mapping[str, Any]) -> ExportRow:
    made = tuple(
        Made(each["form"], tuple(each["names"]), tuple(each["left_out"]), each["refused"])
        for each in told["made"]
    )
    return ExportRow(**{**told, "state": Handed(told["state"]), "made": made})
