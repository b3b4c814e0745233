"""Verifying the archive on demand: one at a time, in a thread of its own, for whoever asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from threading import Lock, Thread

from h2h.core.words import say
from h2h.errors import H2HError, Refused
from h2h.flows.integrity import Finding, Verdict, Verifier
from h2h.ports import Services

_MOST = 200  # findings that are shown one by one


@dataclass
class Run:
    """One verification. While it runs `ended` is None and the verdict grows."""

    who: str
    began: datetime
    verdict: Verdict = field(default_factory=Verdict)
    findings: Sequence[Finding] = ()
    count: int = 0
    ended: datetime | None = None
    error: H2HError | None = None
    done: bool = False  # everything was looked at


class Proving:
    """The verification that runs, or ran last, since this console started."""

    def __init__(self) -> None:
        self._guard = Lock()
        self.run: Run | None = None

    def begin(self, services: Services, who: str) -> None:
        """Start one; Refused while another runs."""
        with self._guard:
            if self.run is not None and self.run.ended is None:
                words = say("a verification runs, asked for by {who}", who=self.run.who)
                raise Refused(words, say("Wait for its result"))
            self.run = Run(who, services.clock.now())
            thread = Thread(
                target=_verify, args=(services, self.run), name="verification", daemon=True
            )
            thread.start()


def _verify(services: Services, run: Run) -> None:
    """What was found enters the chain, so that the next one to ask knows who looked last."""
    try:
        _look(services, run)
    except H2HError as error:
        run.error = error
    except Exception as error:  # noqa: BLE001 - of a thread nobody else hears why it ended
        words = say("the verification broke off: {why}", why=f"{type(error).__name__}: {error}")
        run.error = H2HError(words, say("Nothing is proven; run `h2h archive verify` in the shell"))
    finally:
        run.ended = services.clock.now()
    if run.done:  # last, since every page looks again when the chain has grown
        words = say("{files} files, findings: {count}", files=run.verdict.files, count=run.count)
        services.ledger.note_verified(run.who, words, run.ended, whole=not run.count)


def _look(services: Services, run: Run) -> None:
    verifier = Verifier(services.ledger, services.archive)
    run.verdict = verifier.verdict
    every = verifier.findings()
    run.findings = list(islice(every, _MOST))
    run.count = len(run.findings) + sum(1 for _ in every)
    run.done = True
