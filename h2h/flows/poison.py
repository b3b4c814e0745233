"""A file whose reading ends the process is set aside, so that its neighbours go on.

An error stops its own file (law 8), but a parser that crashes, takes all memory or hangs until the
watchdog strikes takes the daemon with it, and the next start would meet the same file first. So the
ledger is told before such a step begins and when it ends; what a start finds begun and not ended
was a death. Only steps that may be repeated without end are counted: nothing from `sealed` on.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

from h2h.core.problem import Problem, Severity
from h2h.core.words import say
from h2h.flows.sweep import Step, Sweep
from h2h.ports import File

SetAside = Callable[[File, Sweep, Problem], None]


def guarded(step: Step, set_aside: SetAside, severity: Severity) -> Step:
    """`step`, not begun once more after the process died in it `poison_attempts` times running.

    Any other end of the step, an error or a wish to stop included, forgets the deaths before it.
    """

    @functools.wraps(step)
    def guard(file: File, sweep: Sweep) -> File | None:
        most = sweep.services.poison_attempts
        if not most:
            return step(file, sweep)
        if file.begun >= most:
            set_aside(file, sweep, _poison(file, severity))
            return None
        begun = sweep.ledger.begin(file)
        return None if begun is None else ends(begun, sweep)

    ends = ended(step)
    return guard


def ended(step: Step) -> Step:
    """`step` for a file of which the ledger was told that it begins."""

    @functools.wraps(step)
    def ends(begun: File, sweep: Sweep) -> File | None:
        try:
            return step(begun, sweep)
        except BaseException:  # a move forgets by itself; whatever else ends it, it is no death
            sweep.ledger.end(begun)
            raise

    return ends


def _poison(file: File, severity: Severity) -> Problem:
    words = say("h2h died {count} times running while it read this file", count=file.begun)
    remedy = say(
        "Look at the journal for how it died, mend the cause, "
        "then `h2h release` (a payment file) or `h2h replay` (a bank file)."
    )
    return Problem("poison", severity, words, remedy)
