"""What stands against telling the ERP that a payment file is rejected: it is, or was, elsewhere.

An ERP reopens what a status report rejects and pays it anew, so doubt is decided against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, Select, exists, or_, select

from h2h.adapters.sql import tables
from h2h.adapters.sql.outgoing import MAY_GO
from h2h.adapters.sql.store import Store, files, moves
from h2h.core import duplicates
from h2h.core.matching import NAMELESS
from h2h.core.payment import Payment
from h2h.core.states import ANNOUNCED, Out
from h2h.ports import File

# Whatever became of it: a file in doubt may have been settled as not sent, and cancelled then. And
# who cancels a file may do so because its payments were made in another way.
_ANNOUNCED = exists().where(moves.c.file_id == files.c.id, moves.c.target.in_(sorted(ANNOUNCED)))
_WENT_OR_MAY_GO = or_(MAY_GO, files.c.state == Out.CANCELLED.value, _ANNOUNCED)


class Refusals(Store):
    """Which other file has a file's message id or payments."""

    def elsewhere(self, file: File, payments: Iterable[Sequence[Payment]], since: datetime) -> str:
        with self._reading() as connection:
            for query in (_same_message(file), _named_by_a_bank(file)):
                if other := _first(connection, query):
                    return other
            found = (_same_payment(connection, file, chunk, since) for chunk in payments)
            return next(filter(None, found), "")


def _same_message(file: File) -> Select[str]:
    return select(files.c.id).where(
        files.c.message_id == file.message_id,  # at whatever bank
        files.c.direction == "out",
        files.c.id != file.id,
        or_(_WENT_OR_MAY_GO, files.c.refusal != ""),
    )


def _named_by_a_bank(file: File) -> Select[str]:
    """The bank's report on this message, whoever brought it there."""
    reports = tables.reports
    return select(reports.c.file_id).where(reports.c.original_message_id == file.message_id)


def _same_payment(
    connection: Connection, file: File, chunk: Sequence[Payment], since: datetime
) -> str:
    payments = tables.payments
    of_others = (
        select(files.c.id)
        .join_from(payments, files, files.c.id == payments.c.file_id)
        .where(files.c.id != file.id, _WENT_OR_MAY_GO)
    )
    ours = [*chunk]
    names = {payment.end_to_end_id for payment in ours} - NAMELESS
    alike = {key.similar for key in map(duplicates.keys, ours) if key.described}
    named = of_others.where(payments.c.end_to_end_id.in_(names))
    similar = of_others.where(payments.c.similar_key.in_(alike), files.c.created >= since)
    return _first(connection, named) or _first(connection, similar)


def _first(connection: Connection, query: Select[str]) -> str:
    return connection.execute(query.limit(1)).scalar() or ""
