"""What is measured of the ledger, counted by the database."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from h2h.adapters.sql import tables
from h2h.adapters.sql.store import Store
from h2h.core.states import Out
from h2h.ports.measures import FilesThere, Step

files, moves = tables.files, tables.moves


class Measured(Store):
    """h2h.ports.measures.Measures, but for the lock, which the ledger knows."""

    def files_there(self) -> Sequence[FilesThere]:
        kinds = (files.c.direction, files.c.bank, files.c.state)
        counted = (func.count(), func.min(files.c.created), func.sum(files.c.size))
        with self._reading() as connection:
            rows = connection.execute(select(*kinds, *counted).group_by(*kinds))
            return [
                FilesThere(direction, bank or "", state, count, oldest, int(size))
                for direction, bank, state, count, oldest, size in rows
            ]

    def steps_since(self, sequence: int, limit: int = 10_000) -> Sequence[Step]:
        before = moves.alias("before")
        sent = (
            select(func.max(before.c.at))
            .where(before.c.file_id == moves.c.file_id, before.c.sequence < moves.c.sequence)
            .where(before.c.target == Out.SENT.value)
            .scalar_subquery()
        )
        columns = (moves.c.sequence, files.c.direction, files.c.bank, moves.c.target, moves.c.at)
        query = (
            select(*columns, files.c.created, sent)
            .join(files, files.c.id == moves.c.file_id)
            .where(moves.c.sequence > sequence)
            .order_by(moves.c.sequence)
            .limit(limit)
        )
        with self._reading() as connection:
            return [
                Step(number, direction, bank or "", target, at, created, before_that)
                for number, direction, bank, target, at, created, before_that in connection.execute(
                    query
                )
            ]

    def writable(self) -> None:
        with self._writing() as connection:
            connection.execute(select(tables.settings.c.name).limit(1)).first()
