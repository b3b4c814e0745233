"""ERP, h2h and bank in whatever order Hypothesis thinks of, with every fault as one more act.

The flows, the ledger, the archive and the bank's folder are the real ones. h2h dies between any two
calls, a session is cut before or after any of its acts, an act is performed when its session is
long gone, the bank collects and reports when it likes, the desk is told the truth and says it.
After every act the independent checker judges; at the end everything must have come to rest.
"""

from __future__ import annotations

import itertools
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from h2h import desk
from h2h.core.states import AT_THE_BANK, Confirm, Out, Publish
from h2h.errors import H2HError, Transient
from h2h.flows.sweep import Sweep
from tests.conftest import make_payment_file
from tests.flows.conftest import OURS, Killer, Room, bank_terms, status_file

from .judged import judged
from .report import FULL

if TYPE_CHECKING:
    from h2h.ports import Services, Session

    from .report import Tally

EXAMPLES = 400 if FULL else 2
STEPS = 50 if FULL else 15
CALLS = st.integers(0, 60)  # about as many as a sweep with one file makes
ACTS = 12  # of a session in it
FAULTS = st.sampled_from(
    [
        "nothing happens",
        *("h2h dies, before", "h2h dies, after"),
        *("cut", "lost", "late"),
        *("cut, delivering", "lost, delivering", "late, delivering"),
    ]
)
LAWS = ("I1", "I2", "I3", "I4", "I5")  # I6, I7: no statements here, and no answer after a death
CHANGING = ("put", "rename", "replace", "remove")


class Death(BaseException):
    """h2h ends here, as by kill -9."""


class Fate(Killer):
    """Lets h2h live, until a call is named at which it dies."""

    def __init__(self, hits: Path) -> None:
        super().__init__(hits)
        self.left = -1  # calls to live; below 0: for ever
        self.side = "before"

    def _may_die(self, number: int, side: str, name: str) -> None:
        if side == self.side and self.left >= 0:
            self.left -= 1
            if self.left < 0:
                raise Death


class Line:
    """The line to the bank: one act of a session goes wrong, in one of three ways."""

    def __init__(self, *, hides: bool) -> None:
        self.hides = hides  # the bank's folder shows nothing of what was uploaded
        self.left, self.fault = -1, ""
        self.at_publishing = False  # it goes wrong where the file becomes visible
        self.late: list[Callable[[], object]] = []  # acts that the server has not performed yet

    def wrap(self, session: Session) -> Session:
        return cast("Session", Wire(self, session))

    def act(self, name: str, path: object, perform: Callable[[], object]) -> object:
        ours = str(path).startswith("in/") and not str(path).endswith(".tmp")
        publishing = ours and name in {"put", "rename", "replace"}
        self.left = -1 if publishing and self.at_publishing else self.left - 1
        self.at_publishing &= not publishing
        if self.hides and name == "stat" and str(path).startswith("in/"):
            return None
        if self.left != -1 or not self.fault:
            return perform()
        fault, self.fault = self.fault, ""
        if fault == "lost":
            perform()
        elif fault == "late" and name in CHANGING:
            self.late.append(perform)
        raise Transient("the line was cut")


class Wire:
    """A session on a line."""

    def __init__(self, line: Line, session: Session) -> None:
        self._line, self._session = line, session
        self.host = session.host

    def __getattr__(self, name: str) -> Callable[..., object]:
        act = getattr(self._session, name)
        return lambda *given: self._line.act(name, given[-1], lambda: act(*given))


class Trade(RuleBasedStateMachine):
    """A company and its bank."""

    publish = Publish.RENAME
    confirm = Confirm.LIST
    ends: ClassVar[Counter[str]] = Counter()
    services: Services

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp(prefix="h2h-trade-"))
        terms = bank_terms("acme", OURS)
        terms = replace(terms, publish=self.publish, confirm=self.confirm)
        self.room = Room(self.place / "room", terms=terms)
        self.room.furnish()
        self.line = Line(hides=self.confirm is Confirm.REPORT_ONLY)
        self.fate = Fate(self.place / "hits")
        self.room.wrap_session, self.room.killer = self.line.wrap, self.fate
        self.dropped: list[bytes] = []
        self.numbers = itertools.count(1)
        self.running = ExitStack()
        self.services = self.running.enter_context(self.room.services())

    def restart(self) -> None:
        self.fate.left = -1
        self.running.close()
        self.services = self.running.enter_context(self.room.services())

    def sweep(self) -> None:
        try:
            self.room.run(self.services)
        except Death:
            self.restart()
        self.fate.left, self.line.fault, self.line.at_publishing = -1, "", False

    # -- the ERP

    @rule()
    def drops_a_file(self) -> None:
        number = next(self.numbers)
        payment = {"amount": f"{100 + number}.00", "remittance": f"Invoice {number}"}
        self._drop(make_payment_file(f"MSG-{number}", [payment]))

    @precondition(lambda self: self.dropped)
    @rule()
    def drops_the_last_file_again(self) -> None:
        self._drop(self.dropped[-1])

    def _drop(self, content: bytes) -> None:
        self.room.drop(content, f"pay-{len(self.dropped)}.xml")
        self.dropped.append(content)

    # -- h2h, and what befalls it

    @rule(fault=FAULTS, at=CALLS)
    def a_file_goes_while(self, fault: str, at: int) -> None:
        self.drops_a_file()
        self.befalls(fault, at)

    @rule(fault=FAULTS, at=CALLS)
    def what_is_there_goes_on_while(self, fault: str, at: int) -> None:
        self.befalls(fault, at)

    def befalls(self, fault: str, at: int) -> None:
        what, _, where = fault.partition(", ")
        if what == "h2h dies":
            self.fate.left, self.fate.side = at, where
        elif what != "nothing happens":
            self.line.fault, self.line.at_publishing = what, where == "delivering"
            self.line.left = -1 if self.line.at_publishing else at % ACTS
        self.sweep()

    @precondition(lambda self: self.line.late)
    @rule()
    def the_server_performs_what_it_was_asked_long_ago(self) -> None:
        with suppress(H2HError):
            self.line.late.pop(0)()

    @rule(minutes=st.sampled_from([1, 20, 90]))
    def time_passes(self, minutes: int) -> None:
        self.room.clock.advance(minutes=minutes)

    # -- the bank

    @initialize(at_once=st.booleans())
    def the_bank_collects_at_once_or_later(self, at_once: bool) -> None:
        self.room.collects = at_once

    @rule()
    def the_bank_collects(self) -> None:
        for path in self._visible():
            path.rename(self.room.collected / path.name)

    @precondition(lambda self: any(self.room.collected.iterdir()))
    @rule(status=st.sampled_from(["ACTC", "ACCP", "RJCT"]), draw=st.integers(0, 100))
    def the_bank_reports(self, status: str, draw: int) -> None:
        files = sorted(self.room.collected.iterdir())
        message = re.search(rb"<MsgId>(.*?)</MsgId>", files[draw % len(files)].read_bytes())
        assert message is not None
        number = next(self.numbers)
        report = status_file(message[1].decode(), status).replace(b"R-1", f"R-{number}".encode())
        (self.room.bank / "out" / f"status-{number}.xml").write_bytes(report)

    def _visible(self) -> list[Path]:
        here = sorted((self.room.bank / "in").iterdir())
        return [path for path in here if not path.name.endswith(".tmp")]

    # -- the desk

    @rule()
    def the_desk_settles_what_is_in_doubt(self) -> None:
        if self.publish is Publish.DIRECT and self.line.late:
            return  # the bank is asked once no session of ours lives there any more
        has = {path.name for path in (*self._visible(), *self.room.collected.iterdir())}
        for file in self.services.ledger.files({Out.IN_DOUBT}, direction="out"):
            words = ("os:anna", "the bank said so")
            with suppress(H2HError):
                if file.final_name in has:
                    now = self.room.clock.now()
                    desk.resolve_sent(self.services.ledger, file.id, *words, now)
                else:
                    with Sweep(self.services, patient=False) as sweep:
                        desk.resolve_not_sent(sweep, file.id, *words, seen=file.last_move)

    @rule()
    def the_desk_pauses_for_a_while(self) -> None:
        now = self.room.clock.now()
        self.services.ledger.pause("acme", "os:anna", "we look into it", now)
        before = self.room.published()
        self.sweep()
        assert self.room.published() == before
        self.services.ledger.resume("acme", "os:anna", "all is well", now)

    # -- what must hold

    @invariant()
    def no_law_is_broken(self) -> None:
        found = [words for words in judged(self.room, self.dropped) if words.startswith(LAWS)]
        assert found == []

    def teardown(self) -> None:
        """Once all faults have ceased, everything comes to rest."""
        try:
            self.line.late.clear()
            for _ in range(4):
                self.room.clock.advance(hours=2)
                self.restart()
                self.sweep()
                self.the_desk_settles_what_is_in_doubt()
            self.no_law_is_broken()
            files = self.services.ledger.files(direction="out")
            states = Counter(Out(file.state) for file in files)
            assert len(files) == len(self.dropped)
            assert set(states) <= {*AT_THE_BANK, Out.DUPLICATE, Out.HELD}, states
            self.ends.update(state.value for state in states.elements())
        finally:
            self.running.close()
            shutil.rmtree(self.place)


WAYS = [
    (Publish.RENAME, Confirm.LIST),
    (Publish.RENAME, Confirm.REPORT_ONLY),
    (Publish.POSIX_RENAME, Confirm.LIST),
    (Publish.DIRECT, Confirm.LIST),
]


@pytest.mark.parametrize(("publish", "confirm"), WAYS)
def test_whatever_happens_in_whatever_order_no_payment_is_lost_or_doubled(
    publish: Publish, confirm: Confirm, tally: Tally
) -> None:
    ends = Counter[str]()
    machine = type("Trade", (Trade,), {"publish": publish, "confirm": confirm, "ends": ends})
    chosen = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=not FULL,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=chosen)
    tally("any order of faults", tried=ends.total(), survived=ends.total())
    assert ends.total() - ends["held"] - ends["duplicate"] > 0
