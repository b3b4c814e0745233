"""mock-bank, run in this process: it decides payments, books them and writes the bank's answers."""

from __future__ import annotations

import threading
from datetime import date, time, timedelta
from pathlib import Path

import mockbank

from h2h.core.calendar import is_business_day
from h2h.sandbox.office import Office

_OPENS = time(9)
_NO_CUT_OFF = "23:59"  # a payment due today is booked today, whatever the hour of the rehearsal
_NEVER = 86_400_000  # ms; the gateway says when the drop folder is to be read
_HOLIDAYS_KNOWN = 2 * 366  # days


class MockBank:
    """A mock-bank that reads files from `drop` and writes its own into `pickup`.

    Its clock starts at nine in the morning of `today` in `zone` and goes on from there; it keeps
    the business days of `calendar`. Its accounts live in memory.
    """

    def __init__(self, drop: Path, pickup: Path, today: date, zone: str, calendar: str) -> None:
        self._server = mockbank.make_server(
            mockbank.Config(
                port=0,
                quiet=True,
                timezone=zone,
                cutoff=_NO_CUT_OFF,
                clock=f"{today}T{_OPENS:%H:%M}",
                drop_dir=str(drop),
                pickup_dir=str(pickup),
                drop_settle_ms=0,
                drop_interval_ms=_NEVER,
            )
        )
        self.office = Office(f"http://127.0.0.1:{self._server.server_address[1]}")
        self._thread = threading.Thread(target=self._serve, name="mock-bank", daemon=True)
        self._thread.start()
        self.office.set_holidays(_holidays(today, calendar))

    def stop(self) -> None:
        """End the server, its folder watch and its thread."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)


def _holidays(today: date, calendar: str) -> list[date]:
    """Weekdays from `today` on that are no business days."""
    days = [today + timedelta(days=number) for number in range(_HOLIDAYS_KNOWN)]
    return [day for day in days if day.weekday() < 5 and not is_business_day(day, calendar)]
