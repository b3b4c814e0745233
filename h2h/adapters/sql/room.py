"""What belongs to the whole room: pauses, banks' health, the timetable, requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, insert, select, update

from h2h.adapters.sql import tables
from h2h.adapters.sql.prepared import Prepared
from h2h.adapters.sql.store import Store, append
from h2h.ports import Health, Pause, Request

pauses, health, slots, requests = tables.pauses, tables.health, tables.slots, tables.requests


class Room(Store):
    """The stop button, the waiting rooms and the counters."""

    # -- the stop button

    def pause(self, bank: str, who: str, reason: str, now: datetime) -> None:
        with self._writing() as connection:
            connection.execute(delete(pauses).where(pauses.c.bank == bank))
            connection.execute(insert(pauses).values(bank=bank, who=who, reason=reason, since=now))
            append(connection, "", "", "paused", now, who, f"{bank or 'everything'}: {reason}", "")

    def resume(self, bank: str, who: str, reason: str, now: datetime) -> bool:
        with self._writing() as connection:
            done = connection.execute(delete(pauses).where(pauses.c.bank == bank)).rowcount > 0
            well = update(health).values(failures=0, login_failures=0, due_at=None, because="")
            connection.execute(well.where(health.c.bank == bank) if bank else well)
            if done:
                words = f"{bank or 'everything'}: {reason}"
                append(connection, "", "paused", "resumed", now, who, words, "")
            return done

    def pauses(self) -> Sequence[Pause]:
        with self._reading() as connection:
            return [Pause(*row) for row in _PAUSES.rows(connection, {})]

    # -- the banks' health and the timetable

    def health(self, bank: str) -> Health:
        query = select(*(health.c[field.name] for field in fields(Health)))
        with self._reading() as connection:
            found = connection.execute(query.where(health.c.bank == bank)).first()
            return Health(*found) if found else Health(bank, 0, 0, None, "")

    def set_health(self, health: Health) -> None:
        table = tables.health
        with self._writing() as connection:
            connection.execute(delete(table).where(table.c.bank == health.bank))
            connection.execute(insert(table).values(**asdict(health)))

    def slot(self, key: str, now: datetime) -> bool:
        with self._writing() as connection:
            if connection.execute(select(slots).where(slots.c.key == key)).first():
                return False
            connection.execute(insert(slots).values(key=key, at=now))
            return True

    def taken(self, beginning: str) -> Sequence[str]:
        after = beginning[:-1] + chr(ord(beginning[-1]) + 1)
        query = select(slots.c.key).where(slots.c.key >= beginning, slots.c.key < after)
        with self._reading() as connection:
            return list(connection.execute(query.order_by(slots.c.key)).scalars())

    # -- requests to the running daemon

    def ask(self, verb: str, bank: str, now: datetime) -> int:
        with self._writing() as connection:
            number = (connection.execute(select(func.max(requests.c.id))).scalar() or 0) + 1
            connection.execute(insert(requests).values(id=number, verb=verb, bank=bank, at=now))
            return number

    def asked(self) -> Sequence[Request]:
        open_ = _requests().where(requests.c.answer == "").order_by(requests.c.id)
        with self._reading() as connection:
            return [Request(*row) for row in connection.execute(open_)]

    def answer(self, request: int, answer: str) -> bool:
        with self._writing() as connection:
            asked = update(requests).where(requests.c.id == request, requests.c.answer == "")
            return connection.execute(asked.values(answer=answer)).rowcount == 1

    def request(self, request: int) -> Request | None:
        with self._reading() as connection:
            found = connection.execute(_requests().where(requests.c.id == request)).first()
            return Request(*found) if found else None


def _requests() -> Select[Any]:
    return select(*(requests.c[field.name] for field in fields(Request)))


_PAUSES = Prepared(
    select(*(pauses.c[field.name] for field in fields(Pause))).order_by(pauses.c.bank)
)
