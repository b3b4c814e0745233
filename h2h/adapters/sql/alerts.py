"""The durable queue of alerts: each is committed before it is sent, and marked afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from h2h.adapters.sql import tables
from h2h.adapters.sql.store import Store
from h2h.core.alerts import RANK, Alert, Condition, Event, Group, Level, Line
from h2h.core.chain import Head
from h2h.core.states import How
from h2h.ports.alerts import AlertRow, Backlog, Batch

alerts, told, channels = tables.alerts, tables.conditions, tables.channels
settings = tables.settings
_SEEN = "alerts_seen"
_KEPT = timedelta(days=90)  # after it was sent
_SILENT = timedelta(days=1)  # that an alert of the log is not repeated
_RANK = case(RANK, value=alerts.c.level)


def _waits(channel: str) -> tuple[ColumnElement[bool], ...]:
    return (alerts.c.channel == channel, alerts.c.sent.is_(None))


class AlertRows(Store):
    """h2h.ports.alerts.Alerts."""

    # -- what was looked at

    def alerts_seen(self) -> Head | None:
        with self._reading() as connection:
            return _seen(connection)

    def conditions(self) -> Mapping[str, Condition]:
        lasting = select(told).where(told.c.until.is_(None))
        with self._reading() as connection:
            rows = connection.execute(lasting).mappings()
            return {row["key"]: Condition(row["key"], _alert(row), row["value"]) for row in rows}

    def queue_alerts(
        self,
        queued: Sequence[tuple[str, Alert]],
        now: datetime,
        *,
        seen: Head | None = None,
        began: Sequence[Condition] = (),
        ended: Sequence[str] = (),
        until: datetime | None = None,
    ) -> None:
        with self._writing() as connection:
            _queue(connection, queued, now)
            if seen is not None:
                _set_seen(connection, seen)
            for key in (*ended, *(each.key for each in began)):
                connection.execute(delete(told).where(told.c.key == key))
            for each in began:
                connection.execute(insert(told).values(_row_of(each, now, until)))

    def note_alert(
        self, queued: Sequence[tuple[str, Alert]], condition: Condition, now: datetime
    ) -> bool:
        with self._writing() as connection:
            connection.execute(delete(told).where(told.c.until <= now))
            same = select(told.c.value).where(told.c.key == condition.key)
            if connection.execute(same).scalar() == condition.value:
                return False
            _queue(connection, queued, now)
            connection.execute(delete(told).where(told.c.key == condition.key))
            connection.execute(insert(told).values(_row_of(condition, now, now + _SILENT)))
            return True

    # -- what goes out

    def alert_batch(self, channel: str, most: int) -> Batch | None:
        waits = _waits(channel)
        edges = select(func.max(alerts.c.id), func.min(alerts.c.at)).where(*waits)
        kinds = (alerts.c.event, alerts.c.level, alerts.c.bank)
        with self._reading() as connection:
            last, oldest = connection.execute(edges).one()
            if last is None:
                return None
            counted = select(*kinds, func.count()).where(*waits).group_by(*kinds)
            worst = select(alerts).where(*waits).order_by(_RANK, alerts.c.id).limit(most)
            groups = tuple(
                Group(Event(event), Level(level), bank, count)
                for event, level, bank, count in connection.execute(counted)
            )
            rows = connection.execute(worst).mappings()
            first = tuple(Line(row["at"], _alert(row)) for row in rows)
        return Batch(channel, last, oldest, groups, first)

    def alerts_sent(self, channel: str, last: int, now: datetime) -> None:
        with self._writing() as connection:
            those = update(alerts).where(*_waits(channel), alerts.c.id <= last)
            connection.execute(those.values(sent=now))
            connection.execute(delete(channels).where(channels.c.name == channel))
            connection.execute(delete(alerts).where(alerts.c.sent < now - _KEPT))

    def alerts_failed(self, channel: str, because: str, due_at: datetime) -> None:
        this = channels.c.name == channel
        with self._writing() as connection:
            failures = connection.execute(select(channels.c.failures).where(this)).scalar() or 0
            connection.execute(delete(channels).where(this))
            row = {"name": channel, "failures": failures + 1, "due_at": due_at, "because": because}
            connection.execute(insert(channels).values(row))

    # -- what is shown

    def returned_in(self, file_id: str) -> int:
        claims, statements = tables.claims, tables.statements
        counted = (
            select(func.count())
            .select_from(claims)
            .join(statements, statements.c.key == claims.c.statement)
        )
        these = (statements.c.file_id == file_id, claims.c.how == How.RETURN.value)
        with self._reading() as connection:
            return connection.execute(counted.where(*these)).scalar_one()

    def backlogs(self) -> Sequence[Backlog]:
        with self._reading() as connection:
            return list(_backlogs(connection))

    def alerts(self, channel: str = "", limit: int = 100) -> Sequence[AlertRow]:
        query = select(alerts).order_by(alerts.c.id.desc()).limit(limit)
        if channel:
            query = query.where(alerts.c.channel == channel)
        with self._reading() as connection:
            rows = connection.execute(query).mappings()
            return [
                AlertRow(row["id"], row["channel"], row["at"], _alert(row), row["sent"])
                for row in rows
            ]


def _seen(connection: Connection) -> Head | None:
    kept = connection.execute(select(settings.c.value).where(settings.c.name == _SEEN)).scalar()
    if kept is None:
        return None
    sequence, _, hash_ = kept.partition(" ")
    return Head(int(sequence), hash_)


def _set_seen(connection: Connection, seen: Head) -> None:
    connection.execute(delete(settings).where(settings.c.name == _SEEN))
    value = f"{seen.sequence} {seen.hash}"
    connection.execute(insert(settings).values(name=_SEEN, value=value))


def _queue(connection: Connection, queued: Sequence[tuple[str, Alert]], now: datetime) -> None:
    if not queued:
        return
    newest = connection.execute(select(func.max(alerts.c.id))).scalar() or 0
    rows = [
        {"id": number, "channel": channel, "at": now, "sent": None, **_facts(alert)}
        for number, (channel, alert) in enumerate(queued, newest + 1)
    ]
    connection.execute(insert(alerts), rows)


def _facts(alert: Alert) -> dict[str, object]:
    return {
        "event": alert.event.value,
        "level": alert.level.value,
        "bank": alert.bank,
        "file_id": alert.file_id,
        "words": alert.words,
    }


def _row_of(each: Condition, now: datetime, until: datetime | None) -> dict[str, object]:
    row = {"key": each.key, "value": each.value, "since": now, "until": until}
    return row | _facts(each.alert)


def _alert(row: RowMapping) -> Alert:
    event, level = Event(row["event"]), Level(row["level"])
    return Alert(event, row["words"], row["bank"], row["file_id"], level)


def _backlogs(connection: Connection) -> Iterator[Backlog]:
    name = alerts.c.channel
    waits = case((alerts.c.sent.is_(None), 1))  # counted where it is not NULL
    counted = select(name, func.count(waits)).group_by(name)
    counts = dict(map(tuple, connection.execute(counted)))
    failing = {row["name"]: row for row in connection.execute(select(channels)).mappings()}
    for channel in sorted({*counts, *failing}):
        row, count = failing.get(channel), counts.get(channel, 0)
        if row is None:
            yield Backlog(channel, count, 0, None, "")
        else:
            yield Backlog(channel, count, row["failures"], row["due_at"], row["because"])
