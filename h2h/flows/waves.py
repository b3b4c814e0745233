"""How the payment files of a room go: those that lie in the doors, then each as far as it goes.

What many small files have in common is done once for all of them. A commit and a flush wait for
the disk, and each costs more than what it keeps. So the files of a sweep go in waves, and what the
ledger is told of a wave at one stage is one transaction. Nothing is done in between on the strength
of what is not committed yet, and the announcement and the bank's answer are committed for each file
by itself: a crash leaves one of them in doubt, not a wave.

A wave that cannot be committed is undone whole; then its files take that stage one by one, and what
stopped the wave stops its own file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import groupby
from types import MappingProxyType

from h2h.core.states import ANNOUNCED, Out, State
from h2h.errors import H2HError, Refused, Transient
from h2h.flows import evidence
from h2h.flows.outbound import (
    SEALED,
    STEPS,
    advance,
    attempt,
    call_a_person,
    check,
    claim,
    claimed,
    door_of,
    put,
    reserve,
    seal,
    sealing,
    staged,
)
from h2h.flows.poison import ended
from h2h.flows.sweep import Step, Sweep
from h2h.ports import Door, File, Seen

SIZE = 32  # files; the ledger is not written to by anybody else while a wave is committed
SMALL = 1 << 17  # bytes: a larger file takes so long that it goes by itself

Act = Callable[[File], File | None]

BEFORE_THE_SEAL = (Out.CLAIMING, Out.CLAIMED, Out.VALID, Out.AWAITING_APPROVAL)
TO_THE_SEAL: Mapping[State, Step] = MappingProxyType(
    {state: step for state, step in STEPS.items() if state in BEFORE_THE_SEAL}
)
# The same in the parts of which a wave is committed as one.
CLAIMING: Mapping[State, Step] = MappingProxyType({Out.CLAIMING: claim})
JUDGING: Mapping[State, Step] = MappingProxyType({**TO_THE_SEAL, Out.CLAIMED: ended(check)})
SEALING: Mapping[State, Step] = MappingProxyType({Out.APPROVED: seal})


def sweep_outbound(sweep: Sweep, bank: str | None = None) -> None:
    """Take in what lies in the doors and move every payment file as far as it goes.

    With `bank`, only that bank's door and files (and the door that is routed by account).
    """
    for door in sweep.services.doors:
        if bank is None or door.terms.bank in {None, bank}:
            take_in(door, sweep)
    due = sweep.now if sweep.patient else None
    files = sweep.ledger.files(STEPS, direction="out", due=due)
    ours = [file for file in files if bank is None or file.bank in {None, bank}]
    if len(ours) > 1:
        _in_waves(ours, sweep)
    else:
        _one_by_one(ours, sweep)
    for file in sweep.ledger.files(ANNOUNCED, direction="out"):
        call_a_person(file, sweep)
    evidence.bring_up_to_date(sweep, moved=bool(ours))


def take_in(door: Door, sweep: Sweep) -> None:
    """Commit the intent to claim every settled file of a door; claiming is the first step."""
    try:
        sweep.ledger.first_scan(door.terms.name, door.present(), sweep.now)
        fresh = [seen for seen in door.scan() if seen not in sweep.taken]
        for start in range(0, len(fresh), SIZE):
            _intend(door, fresh[start : start + SIZE], sweep)
        for name, why in door.refused():
            sweep.log.event("not_a_file", name=name, door=door.terms.name, because=why)
    except (Transient, Refused) as error:
        sweep.log.event("door_unusable", door=door.terms.name, because=str(error))


def _intend(door: Door, fresh: Sequence[Seen], sweep: Sweep) -> None:
    """One commit for the intents of some files; nothing was touched yet."""
    new = [(sweep.services.new_id(), seen) for seen in fresh]
    with sweep.ledger.together():
        taken = [sweep.ledger.claiming(seen, door.terms.bank, id_, sweep.now) for id_, seen in new]
    for (new_id, seen), file in zip(new, taken, strict=True):
        if file.id == new_id:
            sweep.log.event("taken", file_id=file.id, name=file.name, door=seen.door)
        sweep.taken.add(seen)


def _one_by_one(files: Iterable[File], sweep: Sweep) -> None:
    for file in files:
        if sweep.stopping():
            return
        advance(file, sweep)
        evidence.bring_one_up_to_date(file.id, sweep)


# ------------------------------------------------------------------------------- many files at once


def _in_waves(files: Sequence[File], sweep: Sweep) -> None:
    """The files in their order, a wave at a time; gpg is at work on the one behind it.

    What was approved or sealed before goes first, by itself: it counts before what is judged now.
    """
    ready: Sequence[File] = ()
    for new, some in groupby(files, lambda file: file.state in BEFORE_THE_SEAL):
        if new:
            for wave in waves([*some]):
                behind = _to_the_seal(wave, sweep)
                _to_the_bank(ready, sweep)
                ready = behind
        else:
            _to_the_bank(ready, sweep)
            ready = ()
            _one_by_one(some, sweep)
    _to_the_bank(ready, sweep)


def _to_the_seal(wave: Sequence[File], sweep: Sweep) -> Sequence[File]:
    """The files as they stand after their check and approval; the seals of these are begun."""
    sweep.beside.each([partial(_claim_beside, file, sweep) for file in wave])
    begun: dict[str, File] = {}
    taken = together(wave, partial(_claim_and_begin, begun=begun, sweep=sweep), sweep)
    ready = {file.id: file for file in taken}
    try:
        _judge_wave(ready, begun, sweep)
    finally:  # whatever ended it, a stop too, it was no death of those that were not judged
        for file in begun.values():
            if file.id not in ready or ready[file.id].state is Out.CLAIMED:
                sweep.ledger.end(file)
    return [*ready.values()]


def _judge_wave(ready: dict[str, File], begun: Mapping[str, File], sweep: Sweep) -> None:
    """Check and approve together what was begun together, the others each by itself."""
    for file in [*ready.values()]:
        if file.state is Out.CLAIMED and file.id not in begun:
            _keep(ready, file, advance(file, sweep, TO_THE_SEAL))
    judged = [file for file in ready.values() if file.state in BEFORE_THE_SEAL]
    approved = together(judged, partial(advance, sweep=sweep, steps=JUDGING), sweep)
    now = {file.id: file for file in approved}
    for file in judged:
        _keep(ready, file, now.get(file.id))
    for file in approved:
        if file.state is Out.APPROVED:  # just now: what waited longer is judged again first
            with suppress(KeyError, H2HError):  # its own step meets it again and says so
                sweep.seals.begin(*sealing(file, sweep))


def _keep(ready: dict[str, File], file: File, now: File | None) -> None:
    if now is None:
        del ready[file.id]
    else:
        ready[file.id] = now


def _claim_beside(file: File, sweep: Sweep) -> None:
    """Bring a file in beside the others; one that a seal comes with waits for its turn."""
    door = door_of(file, sweep)
    if file.state is Out.CLAIMING and not file.recall and door is not None and not door.sealed:
        with suppress(Exception):  # whatever it is, its own step meets it again and says so
            sweep.claimed[file.id] = claimed(file, door, sweep)


def _claim_and_begin(file: File, *, begun: dict[str, File], sweep: Sweep) -> File | None:
    """Claim a file, and note beforehand that its check begins: if it ends the process, the whole
    wave is noted once. So one in which h2h died before is not begun with others."""
    now, most = advance(file, sweep, CLAIMING), sweep.services.poison_attempts
    if now is None or now.state is not Out.CLAIMED or now.begun or now.size > SMALL:
        return now
    if most == 1:
        return now
    begun[now.id] = now
    return attempt(_begin, now, sweep) if most else now


def _begin(file: File, sweep: Sweep) -> File | None:
    return sweep.ledger.begin(file)


def _to_the_bank(ready: Sequence[File], sweep: Sweep) -> None:
    """What is ready goes to its bank, in its order: together what was sealed ahead."""
    for ahead, some in groupby(ready, partial(_is_ahead, sweep=sweep)):
        if ahead:
            _deliver_wave([*some], sweep)
        else:
            _one_by_one(some, sweep)


def _is_ahead(file: File, *, sweep: Sweep) -> bool:
    """Is it sealed, or being sealed, and may others of its bank have a name at the same time?"""
    terms = sweep.services.banks.get(file.bank or "")
    return (
        file.state is Out.APPROVED
        and file.size <= SMALL
        and terms is not None
        and not terms.gap_free
        and sweep.seals.begun(sweep.services.archive.path(file.id, SEALED))
    )


def _deliver_wave(approved: Sequence[File], sweep: Sweep) -> None:
    """Seal and reserve together, upload, note that together, then announce and deliver each."""
    sweep.seals.settle(sealing(file, sweep)[2] for file in approved)
    for bank in sorted({file.bank or "" for file in approved}):
        with suppress(Exception):  # whatever it is, its own step meets it again and says so
            sweep.session(bank)
    reserved = together(approved, partial(_seal_and_reserve, sweep=sweep), sweep)
    uploaded = [
        now for file in reserved if not sweep.stopping() and (now := attempt(put, file, sweep))
    ]
    noted = together(uploaded, partial(attempt, staged, sweep=sweep), sweep)
    sent = {file.id: file for file in each(noted, partial(advance, sweep=sweep), sweep)}
    evidence.bring_wave_up_to_date([sent.get(file.id, file) for file in approved], sweep)


def _seal_and_reserve(file: File, *, sweep: Sweep) -> File | None:
    """Its time and its approval are judged once: nobody else writes to the ledger meanwhile."""
    sealed = advance(file, sweep, SEALING)
    return attempt(reserve, sealed, sweep) if sealed is not None else None


# ------------------------------------------------------------------------------ committed as one


def waves(files: Sequence[File]) -> Iterator[Sequence[File]]:
    """The files in their order, some at a time."""
    for start in range(0, len(files), SIZE):
        yield files[start : start + SIZE]


def together(files: Sequence[File], act: Act, sweep: Sweep) -> list[File]:
    """What `act` makes of each file, without those that it stops; committed as one."""
    try:
        with sweep.ledger.together():
            return [*each(files, act, sweep)]
    except H2HError as error:
        sweep.log.event("wave_undone", files=len(files), because=str(error))
    return [*each(_anew(files, sweep), act, sweep)]


def each(files: Sequence[File], act: Act, sweep: Sweep) -> Iterator[File]:
    """What `act` makes of each file, without those that it stops; none is begun when h2h ends."""
    for file in files:
        if sweep.stopping():
            return
        if (now := act(file)) is not None:
            yield now


def _anew(files: Sequence[File], sweep: Sweep) -> list[File]:
    """As the ledger knows them now: a commit whose answer was lost may have been made."""
    found = [(sweep.ledger.file(file.id), file) for file in files]
    return [now for now, seen in found if now is not None and now.state is seen.state]
