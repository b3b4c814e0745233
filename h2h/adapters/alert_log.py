"""A log that also queues: the events of which nothing but the log tells become alerts."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from h2h.core.alerts import Condition, Interest, of_event
from h2h.errors import H2HError
from h2h.ports import Clock, Ledger, Log

_MOST_UNWRITTEN = 1_000  # kept until the ledger takes them
_A_WHILE = timedelta(hours=1)


class AlertLog:
    """Fulfils h2h.ports.Log over another one.

    Whatever keeps an alert from being committed, the work that logged it goes on; it is committed
    with the next one. Moves and lasting states are not told here: h2h.flows.alerting reads them
    from the ledger, where none is lost.
    """

    def __init__(
        self, log: Log, ledger: Ledger, clock: Clock, interests: Sequence[Interest]
    ) -> None:
        self._log = log
        self._ledger = ledger
        self._clock = clock
        self._interests = interests
        self._unwritten: deque[Condition] = deque(maxlen=_MOST_UNWRITTEN)
        self._told: dict[str, tuple[str, datetime]] = {}  # what the ledger need not be asked again

    def event(self, event: str, /, **facts: str | int | None) -> None:
        """Note the event, and queue what somebody has to hear of."""
        self._log.event(event, **facts)
        if event == "wave_undone":  # and with it what was noted while it lasted
            self._told.clear()
        found = of_event(event, facts, hidden=True)
        if found is None:
            return
        try:
            if not self._hidden(event, facts):
                found = of_event(event, facts, hidden=False) or found
            self._unwritten.append(found)
            self._write()
        except H2HError as error:
            if found not in self._unwritten:
                self._unwritten.append(found)
            self._log.event("alert_not_queued", because=str(error))

    def _hidden(self, event: str, facts: dict[str, str | int | None]) -> bool:
        """May the words quote a confidential file? Of an alarm they are of the file `about`; where
        nobody says which, they may be of any."""
        about = facts.get("about" if event == "alarm" else "file_id")
        if about is None:
            return facts.get("file_id") is not None
        file = self._ledger.file(str(about))
        return file is not None and file.confidential

    def _write(self) -> None:
        while self._unwritten:
            self._note(self._unwritten[0], self._clock.now())
            self._unwritten.popleft()

    def _note(self, each: Condition, now: datetime) -> None:
        value, at = self._told.get(each.key, (None, now))
        queued = [(i.name, each.alert) for i in self._interests if i.wants(each.alert)]
        if not queued or (value == each.value and now - at < _A_WHILE):
            return
        self._ledger.note_alert(queued, each, now)
        if len(self._told) >= _MOST_UNWRITTEN:
            self._told.clear()
        self._told[each.key] = each.value, now
