"""mock-bank, run in this process: it decides payments, books them and writes the bank's answers."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import date, time, timedelta
from pathlib import Path

import mockbank

from h2h.core.calendar import is_business_day
from h2h.sandbox.office import Office
from h2h.sandbox.recalls import Asked, Fate

_OPENS = time(9)
_NO_CUT_OFF = "23:59"  # a payment due today is booked today, whatever the hour of the rehearsal
_NEVER = 86_400_000  # ms; the gateway says when the drop folder is to be read
_HOLIDAYS_KNOWN = 2 * 366  # days
_BOOKS = ("payment", "collection")  # its tables
_PAYMENTS = """SELECT {table}.* FROM {table} JOIN file ON file.id = {table}.file_id
WHERE file.msg_id = ? AND {table}.status IN ('accepted', 'returned')"""
_CANCELLED = "UPDATE {table} SET status = 'cancelled' WHERE id = ?"


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

    def take_back(self, asked: Asked) -> Mapping[str, Fate]:
        """Cancel what is asked back and not booked yet; what became of each, by its EndToEndId.

        mock-bank has no door for this, so its books are opened here, under its own lock.
        """
        fates: dict[str, Fate] = {}
        state = self._server.state
        with state.lock:
            for table in _BOOKS:
                for row in state.conn.execute(_PAYMENTS.format(table=table), (asked.original,)):
                    if asked.means(row["pmt_inf_id"], row["end_to_end_id"]):
                        fates[row["end_to_end_id"]] = _fate(row)
                        if fates[row["end_to_end_id"]] is Fate.TAKEN_BACK:
                            state.conn.execute(_CANCELLED.format(table=table), (row["id"],))
            state.conn.commit()
        return fates

    def stop(self) -> None:
        """End the server, its folder watch and its thread."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)


def _fate(row: Mapping[str, object]) -> Fate:
    if row["status"] == "returned":
        return Fate.RETURNED
    return Fate.BOOKED if row["booked_at"] else Fate.TAKEN_BACK


def _holidays(today: date, calendar: str) -> list[date]:
    """Weekdays from `today` on that are no business days."""
    days = [today + timedelta(days=number) for number in range(_HOLIDAYS_KNOWN)]
    return [day for day in days if day.weekday() < 5 and not is_business_day(day, calendar)]
