"""An exhaustive small model of delivery: one payment file, its bank, and everything between them.

The steps are the real ones of h2h.flows.outbound and h2h.desk, taken act by act: a step runs until
it asks for an act whose answer is not known yet, the world performs that act (or does not, or half
of it, or later), and the step is run again with one answer more. Breadth first, every order of
events:

- each act may be performed and answered, performed and its answer lost, or given up by us and
  performed afterwards, when its session is long gone; the server may die between its two halves;
- we may be killed before and after every act; a second daemon may start at any moment;
- the bank collects at any moment; what it has collected it may report at any moment;
- the desk asks the bank at any moment, is told the truth of that moment, and acts on it later.

What the model leaves out: a person who says what is not true, or who is told to ask the bank once
more and does not; a bank that removes our files unread; under `direct` also a bank that is asked
while a request of ours still lives at its server.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import NamedTuple, cast
from zoneinfo import ZoneInfo

import pytest

from h2h.core.states import (
    Confirm,
    Out,
    Proof,
    Publish,
    Sighting,
    State,
    delivery_decision,
    may_move,
    proves_arrival,
)
from h2h.core.terms import CheckTerms
from h2h.desk import files as desk
from h2h.errors import H2HError, Refused, Transient
from h2h.flows import outbound
from h2h.flows.sweep import Sweep
from h2h.ports import BankTerms, File, RemoteFile

NOW = datetime.fromisoformat("2026-11-23T10:00:00+00:00")
FINAL = "in/pay"
NOTHING, PARTIAL, WHOLE = 0, 1, 2  # bytes under a name; our file has two
MOST_ATTEMPTS = 3 if os.environ.get("H2H_TORTURE") == "full" else 2
MOST_IN_FLIGHT = 2
LOST, NO, DONE, OLD = "lost", "no", "done", "old"
ENDS = {Out.SENT, Out.IN_DOUBT, Out.HELD, Out.CANCELLED}

Act = tuple[str, ...]
Answer = str | int
Names = tuple[tuple[str, int], ...]  # what lies at the bank, by name


class Process(NamedTuple):
    """A daemon: the act that a person asked of it, or the step of the file's state, so far."""

    program: str = ""  # "" between two steps
    state: Out = Out.SEALED  # of the file as the step found it
    attempt: int = 0
    answers: tuple[Answer, ...] = ()


class Flight(NamedTuple):
    """A request at the bank's server; its owner is a daemon that waits for the answer, or -1."""

    act: Act
    half: bool = False
    owner: int = -1


class World(NamedTuple):
    """Everything that matters, at one moment."""

    state: Out = Out.SEALED
    held_from: Out = Out.SEALED
    attempt: int = 0
    announced: bool = False  # ever
    names: Names = ()
    flights: tuple[Flight, ...] = ()
    daemons: tuple[Process | None, Process | None] = (None, None)
    collected: int = 0
    told: str = ""  # what the bank told the desk: "", "yes", "no"
    withdrawn: int = 0  # the attempt whose temporary is known to be gone


# ----------------------------------------------------------------------- the real steps, act by act


class Ask(BaseException):
    """A step wants an act whose answer is not known yet."""

    def __init__(self, act: Act) -> None:
        self.act = act


@dataclass
class Script:
    """Answers the acts of a step from what is known, then asks."""

    answers: tuple[Answer, ...]
    at: int = 0

    def do(self, *act: str) -> Answer:
        if self.at == len(self.answers):
            raise Ask(act)
        self.at += 1
        answer = self.answers[self.at - 1]
        if answer == LOST:
            raise Transient("the line was cut")
        if answer == NO:
            raise Refused("the server says no")
        return answer


@dataclass
class ScriptedSession:
    """A login at the bank."""

    script: Script
    host: str = "host"

    def stat(self, path: str) -> RemoteFile | None:
        size = int(self.script.do("stat", path))
        return RemoteFile(path, size, 0) if size else None

    def put(self, _: Path, path: str) -> None:
        self.script.do("put", path)

    def rename(self, source: str, target: str) -> None:
        self.script.do("rename", source, target)

    def replace(self, source: str, target: str) -> None:
        self.script.do("replace", source, target)

    def remove(self, path: str) -> None:
        self.script.do("remove", path)


@dataclass
class ScriptedSweep:
    """What a step needs of a sweep, its ledger and its archive."""

    script: Script
    terms: BankTerms
    file: File
    unreachable: dict[str, str] = field(default_factory=dict)
    now: datetime = NOW

    @property
    def services(self) -> SimpleNamespace:
        archive = SimpleNamespace(path=lambda *_: Path("sealed"), digest=lambda _: ("hash", WHOLE))
        sealer = SimpleNamespace(sidecar=lambda _: None)
        banks = {"acme": self.terms}
        return SimpleNamespace(archive=archive, sealers={"acme": sealer}, banks=banks)

    @property
    def ledger(self) -> SimpleNamespace:
        return SimpleNamespace(
            file=lambda _: self.file,
            move=self._move,
            reserve=self._reserve,
            waived=lambda _: set(),
            moves=lambda _: (),
            operators=lambda: (),  # nobody else could say it too
            slot=self._slot,
        )

    @property
    def log(self) -> SimpleNamespace:
        return SimpleNamespace(event=lambda *_, **__: None)

    def session(self, *_: str) -> ScriptedSession:
        return ScriptedSession(self.script)

    fresh_session = session

    def drop(self, *_: str) -> None: ...

    def stop_button(self, *_: str) -> None: ...

    def wait(self, *_: object, **__: object) -> None: ...

    def move(self, file: File, target: State, *_: object) -> File | None:
        error = sys.exception()  # what a step stops for must come from the world, not from here
        assert error is None or isinstance(error, H2HError), repr(error)
        return self._move(file, target)

    def _move(self, file: File, target: State, *_: object, **__: object) -> File | None:
        moved = self.script.do("move", file.state, target)
        return replace(file, state=target, host="host") if moved == DONE else None

    def _slot(self, *_: object) -> bool:
        return self.script.do("slot") == DONE

    def _reserve(self, file: File, *_: object, **__: object) -> File | None:
        attempt = self.script.do("reserve", file.state)
        return replace(file, attempt=int(attempt)) if attempt != OLD else None


@dataclass(frozen=True)
class Rules:
    """One way of publishing, and what the model is made to get wrong."""

    publish: Publish
    confirm: Confirm = Confirm.LIST
    lock: bool = True
    cancels: bool = True  # a person may cancel what is held
    temporary: str = "{name}.{attempt}.tmp"

    @property
    def terms(self) -> BankTerms:
        return BankTerms(
            name="acme",
            zone=ZoneInfo("UTC"),
            calendar="ECB",
            accounts=(),
            check=CheckTerms(),
            downloads=(),
            upload_folder="in",
            temporary=self.temporary,
            file_name="pay",
            customer="",
            publish=self.publish,
            confirm=self.confirm,
        )


class Model:
    """The world's transitions, and what must hold in every state of it."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.next_act = cache(self._next_act)

    def _next_act(self, process: Process) -> Act | None:
        """What a step asks for next; None when it has ended."""
        file = _file(process.state, process.attempt)
        script = Script(process.answers)
        sweep = cast("Sweep", ScriptedSweep(script, self.rules.terms, file))
        try:
            if process.program == "not_sent":
                with suppress(Refused, Transient):
                    desk.resolve_not_sent(sweep, file.id, "anna", "the bank said so")
            else:
                outbound.advance(file, sweep)
        except Ask as ask:
            return ask.act
        return None

    # -- what may happen

    def events(self, world: World) -> Iterator[tuple[str, World]]:
        """Every next state, with the event that leads there."""
        for number in (0, 1):
            yield from self._of_daemon(world, number)
        for flight in sorted(set(world.flights)):
            yield from self._of_flight(world, flight)
        yield from self._of_bank(world)
        yield from self._of_desk(world)

    def _of_daemon(self, world: World, number: int) -> Iterator[tuple[str, World]]:
        process, other = world.daemons[number], world.daemons[1 - number]
        if process is None:
            if other is None or not self.rules.lock:
                yield f"daemon {number} starts", _with(world, number, Process())
            return  # else the lock ends it at once
        yield f"daemon {number} is killed", _orphaned(_with(world, number, None), number)
        if not process.program:
            begun = process._replace(program="step", state=world.state, attempt=world.attempt)
            if world.state in outbound.STEPS and self.next_act(begun):
                yield f"daemon {number} begins with {world.state}", _with(world, number, begun)
            return
        if any(flight.owner == number for flight in world.flights):
            given_up = self._answered(_orphaned(world, number), number, LOST)
            yield f"daemon {number} waits no longer", given_up
            return
        act = self.next_act(process)
        if act is not None:
            yield from self._acts(world, number, act)

    def _acts(self, world: World, number: int, act: Act) -> Iterator[tuple[str, World]]:
        name = f"daemon {number}: {' '.join(act)}"
        match act:
            case "move", expected, target:
                yield name, self._moved(world, number, Out(expected), Out(target))
            case "reserve", expected:
                if world.state is not expected:
                    yield name, self._answered(world, number, OLD)
                elif world.attempt < MOST_ATTEMPTS:
                    reserved = world._replace(attempt=world.attempt + 1)
                    yield name, self._answered(reserved, number, reserved.attempt)
            case ("slot",):
                process = world.daemons[number]
                assert process is not None
                new = process.attempt > world.withdrawn
                told = "" if new and process.program == "not_sent" else world.told  # ask once more
                withdrawn = max(process.attempt, world.withdrawn)
                world = world._replace(withdrawn=withdrawn, told=told)
                yield name, self._answered(world, number, DONE if new else OLD)
            case "stat", path:
                hidden = self.rules.confirm is Confirm.REPORT_ONLY
                size = NOTHING if hidden else _at(world, path)
                yield name, self._answered(world, number, size)
                yield f"{name}, lost", self._answered(world, number, LOST)
            case _ if len(world.flights) < MOST_IN_FLIGHT:
                flights = (*world.flights, Flight(act, owner=number))
                yield name, world._replace(flights=tuple(sorted(flights)))

    def _moved(self, world: World, number: int, expected: Out, target: Out) -> World:
        if world.state is not expected:
            return self._answered(world, number, OLD)
        assert may_move(expected, target)
        held_from = expected if target is Out.HELD else Out.SEALED
        announced = world.announced or target is Out.DELIVERING
        told = world.told if target is Out.IN_DOUBT else ""
        world = world._replace(state=target, held_from=held_from, announced=announced, told=told)
        return self._answered(world, number, DONE)

    def _answered(self, world: World, number: int, answer: Answer) -> World:
        """The daemon knows one answer more; a step that has ended is forgotten."""
        process = world.daemons[number]
        assert process is not None
        process = process._replace(answers=(*process.answers, answer))
        return _with(world, number, process if self.next_act(process) else Process())

    def _of_flight(self, world: World, flight: Flight) -> Iterator[tuple[str, World]]:
        """The server goes on with a request, or forgets it."""
        late = "late " if flight.owner < 0 else ""
        name = f"the server: {late}{' '.join(flight.act)}{', rest' if flight.half else ''}"
        left = list(world.flights)
        left.remove(flight)
        without = world._replace(flights=tuple(left))
        if flight.owner < 0:
            yield f"{name}, never", without
        if flight.act[0] == "remove" and flight.owner >= 0:
            yield f"{name}, refused", self._answered(without, flight.owner, NO)
        after, answer = _performed(without, flight)
        if answer is None:
            flights = tuple(sorted((*left, flight._replace(half=True))))
            yield name, after._replace(flights=flights)
        elif flight.owner < 0:
            yield name, after
        else:
            yield name, self._answered(after, flight.owner, answer)
            yield f"{name}, answer lost", self._answered(after, flight.owner, LOST)

    def _of_bank(self, world: World) -> Iterator[tuple[str, World]]:
        size = _at(world, FINAL)
        if size == WHOLE or (size and not world.flights):  # it sees whether somebody still writes
            collected = world.collected + (size == WHOLE)
            without = _put(world, FINAL, NOTHING)
            yield f"the bank collects {size}", without._replace(collected=collected)
        if world.collected and proves_arrival(world.state, announced_before=world.announced):
            yield "the bank reports", world._replace(state=Out.SENT, told="")

    def _of_desk(self, world: World) -> Iterator[tuple[str, World]]:
        has_it = bool(world.collected) or _at(world, FINAL) == WHOLE
        if world.state is Out.IN_DOUBT and not (self._direct and world.flights):
            yield "the desk asks", world._replace(told="yes" if has_it else "no")
        if world.state is Out.IN_DOUBT and world.told == "yes":
            yield "the desk: sent", world._replace(state=Out.SENT, told="")
        for number, process in enumerate(world.daemons):
            if world.state is Out.IN_DOUBT and world.told == "no" and process == Process():
                asked = Process("not_sent", world.state, world.attempt)
                yield "the desk: not sent", _with(world, number, asked)
        if world.state is Out.HELD and not has_it:
            yield "the desk releases", world._replace(state=world.held_from)
            if self.rules.cancels:
                yield "the desk cancels", world._replace(state=Out.CANCELLED)

    @property
    def _direct(self) -> bool:
        return self.rules.publish is Publish.DIRECT

    # -- what must hold

    def broken(self, world: World) -> str:
        """Which law a state breaks; "" for none."""
        size = _at(world, FINAL)
        copies = world.collected + (size == WHOLE)
        if world.collected > 1:
            return "the bank collected two copies"
        if size == PARTIAL and not self._direct:
            return "half a file is visible to the bank"
        if world.state is Out.SENT and not copies:
            return "it is called sent, and never arrived"
        if world.state is Out.CANCELLED and copies:
            return "it is called cancelled, and arrived"
        if not world.announced and copies:
            return "it is visible before it was announced"
        return ""


def _file(state: Out, attempt: int) -> File:
    known = dict.fromkeys(File.__dataclass_fields__)
    known |= {"id": "F", "direction": "out", "bank": "acme", "door": "acme", "state": state}
    known |= {"final_name": "pay", "attempt": attempt, "host": "host", "failures": 0}
    known |= {"sealed_sha256": "hash", "sealed_size": WHOLE, "control_sum": {}}
    known |= {"problems": (), "executions": (), "due_because": ""}
    return File(**known)  # type: ignore[arg-type]  # the rest is not looked at


def _with(world: World, number: int, process: Process | None) -> World:
    daemons = [*world.daemons]
    daemons[number] = process
    return world._replace(daemons=(daemons[0], daemons[1]))


def _orphaned(world: World, number: int) -> World:
    flights = (f._replace(owner=-1) if f.owner == number else f for f in world.flights)
    return world._replace(flights=tuple(sorted(flights)))


def _at(world: World, path: str) -> int:
    return dict(world.names).get(path, NOTHING)


def _put(world: World, path: str, size: int) -> World:
    names = {**dict(world.names), path: size}
    return world._replace(names=tuple(sorted((n, s) for n, s in names.items() if s)))


def _performed(world: World, flight: Flight) -> tuple[World, str | None]:
    """What the server does next of a request: the world, and its answer, None: half is done."""
    match flight.act:
        case "put", path if not flight.half:
            return _put(world, path, PARTIAL), None
        case "put", path:  # into the very file that was opened, which may have been taken away
            return (_put(world, path, WHOLE) if _at(world, path) == PARTIAL else world), DONE
        case "rename", source, target if not flight.half:  # link, which fails when target exists
            if not _at(world, source) or _at(world, target):
                return world, NO
            return _put(world, target, _at(world, source)), None
        case "rename", source, _:  # unlink
            return _put(world, source, NOTHING), DONE
        case "replace", source, target:
            if not _at(world, source):
                return world, NO
            return _put(_put(world, target, _at(world, source)), source, NOTHING), DONE
        case "remove", path:
            return _put(world, path, NOTHING), DONE
    raise AssertionError(flight)


# ---------------------------------------------------------------------------------- the exploration


class Explored(NamedTuple):
    """What was seen: states, transitions, and how a law was broken, event by event."""

    states: int
    transitions: int
    violation: str = ""
    trace: tuple[str, ...] = ()
    reached: frozenset[Out] = frozenset()
    resent: bool = False


def explore(rules: Rules) -> Explored:
    """Breadth first through every state of the world, until a law is broken."""
    model, start = Model(rules), World()
    came_from: dict[World, tuple[World, str] | None] = {start: None}
    before: dict[World, list[World]] = defaultdict(list)
    queue = deque([start])
    transitions = 0
    while queue:
        world = queue.popleft()
        for event, after in model.events(world):
            transitions += 1
            before[after].append(world)
            if after in came_from:
                continue
            came_from[after] = (world, event)
            if words := model.broken(after):
                return Explored(len(came_from), transitions, words, _trace(after, came_from))
            queue.append(after)
    for world in came_from.keys() - _that_end(before, came_from):
        words = "it neither arrives nor waits for a person"
        return Explored(len(came_from), transitions, words, _trace(world, came_from))
    return Explored(
        len(came_from),
        transitions,
        reached=frozenset(world.state for world in came_from),
        resent=any(w.announced and w.state is Out.SENT and w.attempt > 1 for w in came_from),
    )


def _that_end(before: dict[World, list[World]], known: Mapping[World, object]) -> set[World]:
    """The states from which an end can be reached; attempts run out in the model alone."""
    found = {w for w in known if w.state in ENDS or w.attempt == MOST_ATTEMPTS}
    queue = deque(found)
    while queue:
        for world in before[queue.popleft()]:
            if world not in found:
                found.add(world)
                queue.append(world)
    return found


def _trace(world: World, came_from: dict[World, tuple[World, str] | None]) -> tuple[str, ...]:
    events = []
    while step := came_from[world]:
        world, event = step
        events.append(event)
    return tuple(reversed(events))


# ---------------------------------------------------------------------------------------- the tests


@pytest.fixture(autouse=True)
def _beside_the_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dates, limits, approvals, roles and the archive's notes decide nothing about a delivery."""
    monkeypatch.setattr(outbound, "_still_in_time", lambda *_: True)
    monkeypatch.setattr(desk, "signed", lambda *_: None)
    monkeypatch.setattr(outbound, "_tell_the_archive", lambda *_: None)


HONEST = [Rules(publish, confirm) for publish in Publish for confirm in Confirm]


@pytest.mark.parametrize("rules", HONEST, ids=lambda rules: f"{rules.publish}, {rules.confirm}")
def test_in_every_order_of_events_the_bank_gets_one_whole_copy_or_a_person_is_asked(
    rules: Rules,
) -> None:
    explored = explore(rules)
    assert explored.violation == "", "\n".join(explored.trace)
    assert explored.reached >= {Out.SENT, Out.IN_DOUBT, Out.SEALED}
    assert explored.resent  # after a doubt that a person has settled


def _again_whenever_the_temporary_is_there(
    _: Publish, seen: Sighting, size: int, __: Confirm
) -> Proof:
    if seen.final == size:
        return Proof.ARRIVED
    return Proof.RENAME_AGAIN if seen.temporary == size else Proof.UNKNOWN


def _gone_means_arrived(_: Publish, seen: Sighting, size: int, __: Confirm) -> Proof:
    return Proof.ARRIVED if seen.final == size or seen.temporary is None else Proof.UNKNOWN


def _any_size_will_do(publish: Publish, seen: Sighting, size: int, confirm: Confirm) -> Proof:
    return Proof.ARRIVED if seen.final else delivery_decision(publish, seen, size, confirm)


def _sent_again(file: File, _: str, sweep: Sweep) -> File | None:
    doubtful = file if file.state is Out.IN_DOUBT else sweep.move(file, Out.IN_DOUBT)
    return doubtful and sweep.move(doubtful, Out.SEALED)


class Mistake(NamedTuple):
    """A rule that is broken on purpose, and the law that the model then sees broken."""

    words: str
    rules: Rules
    violation: str
    broken: Mapping[str, Callable[..., object]] = MappingProxyType({})


MISTAKES = (
    Mistake(
        "the temporary is still there, so a plain rename is repeated",
        Rules(Publish.RENAME),
        "two copies",
        {"delivery_decision": _again_whenever_the_temporary_is_there},
    ),
    Mistake(
        "no answer is a failure, so it is sent again",
        Rules(Publish.RENAME, cancels=False),
        "two copies",
        {"_doubt": _sent_again},
    ),
    Mistake(
        "final and temporary are gone, so it must have arrived",
        Rules(Publish.RENAME),
        "never arrived",
        {"delivery_decision": _gone_means_arrived},
    ),
    Mistake(
        "what a report-only bank does not show has arrived",
        Rules(Publish.RENAME, Confirm.REPORT_ONLY),
        "never arrived",
        {"delivery_decision": _gone_means_arrived},
    ),
    Mistake(
        "half a file under the final name has arrived",
        Rules(Publish.DIRECT),
        "never arrived",
        {"delivery_decision": _any_size_will_do},
    ),
    Mistake(
        "the temporary stays at the bank while a person asks",
        Rules(Publish.RENAME, cancels=False),
        "two copies",
        {"withdraws": lambda _: False},
    ),
    Mistake(
        "one temporary name serves all attempts",
        Rules(Publish.RENAME, temporary="{name}.tmp"),
        "half a file",
    ),
    Mistake(
        "two daemons share a ledger",
        Rules(Publish.DIRECT, lock=False, cancels=False),
        "called sent, and never arrived",
    ),
)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.words)
def test_a_broken_rule_is_found_out(mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, broken in mistake.broken.items():
        for module in (outbound, desk):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, broken)
    explored = explore(mistake.rules)
    assert mistake.violation in explored.violation
    assert explored.trace
