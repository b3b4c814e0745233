"""What is handed over: to whom, in which order, and how far it is.

Names and hashes of flushed temporaries are committed here before any of them is renamed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    Select,
    bindparam,
    case,
    delete,
    insert,
    or_,
    select,
    text,
    union,
    update,
)

from h2h.adapters.sql import tables
from h2h.adapters.sql.documents import complete
from h2h.adapters.sql.outgoing import record_up_to
from h2h.adapters.sql.prepared import Prepared
from h2h.adapters.sql.store import Store, append, file_of, select_files
from h2h.core.states import Handed, In, Kept
from h2h.ports import ExportRow, File, HandOver, Made, Refusal

exports, hand_overs, statements = tables.exports, tables.hand_overs, tables.statements
files = tables.files

_OPEN = (Handed.WAITING.value, Handed.DUE.value, Handed.HANDING.value)
_UNDER_WAY = (Handed.DUE.value, Handed.HANDING.value)
_NOT_BEGUN = (Handed.WAITING.value, Handed.DUE.value)
_ACCOUNT = ("bank", "account", "currency")


class Exports(Store):
    """Who receives what, and every hand-over on its way."""

    # -- who receives it

    def assign(
        self,
        file: File,
        statements: Sequence[str],
        wanted: Sequence[ExportRow],
        *,
        again: bool = False,
    ) -> None:
        table = tables.statements
        with self._writing() as connection:
            if statements:
                decided = update(table).where(table.c.id == bindparam("ours"))
                ours = [{"ours": statement} for statement in statements]
                connection.execute(decided.values(assigned=True), ours)
            if again:
                held = (exports.c.file_id == file.id) & (exports.c.state == Handed.HELD.value)
                connection.execute(update(exports).where(held).values(state=Handed.DUE.value))
            known = {(row.subject, row.receiver) for row in _exports(connection, file.id)}
            new = [row for row in wanted if (row.subject, row.receiver) not in known]
            if new:
                connection.execute(insert(exports), [asdict(row) for row in new])

    def exports(self, file_id: str) -> Sequence[ExportRow]:
        with self._reading() as connection:
            return _exports(connection, file_id)

    def stuck(self) -> Sequence[ExportRow]:
        query = select(*(exports.c[field.name] for field in fields(ExportRow)))
        query = query.where(exports.c.state.in_((Handed.WAITING.value, Handed.HELD.value)))
        order = (exports.c.file_id, exports.c.subject, exports.c.receiver)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(*order)).mappings()
            return [_export_of(dict(row)) for row in rows]

    def exportable(self, due: datetime | None = None) -> Sequence[File]:
        open_ = select(exports.c.file_id).where(exports.c.state.in_(_UNDER_WAY))
        fresh = select(statements.c.file_id).where(text(tables.UNASSIGNED))
        query = select_files().where(
            files.c.id.in_(union(open_, fresh)), files.c.state == In.DONE.value
        )
        if due is not None:
            query = query.where(or_(files.c.due_at.is_(None), files.c.due_at <= due))
        with self._reading() as connection:
            rows = connection.execute(query.order_by(files.c.created, files.c.id)).mappings()
            return [file_of(row) for row in rows]

    # -- in order

    def let_through(self) -> None:
        with self._reading() as connection:
            waiting = connection.execute(_queues()).all()
            gone = connection.execute(_superseded()).scalars().all()
        if not waiting and not gone:
            return
        with self._writing() as connection:
            if gone:
                _drop(connection, gone)
            for queue in waiting:
                _let_through(connection, queue)

    # -- on the way

    def handing_over(
        self,
        file: File,
        handed: Sequence[HandOver],
        exports: Sequence[ExportRow] = (),
        *,
        recorded: int | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        with self._writing() as connection:
            if handed:
                rows = [
                    asdict(item) | {"file_id": file.id, "place": place}
                    for place, item in enumerate(handed)
                ]
                connection.execute(insert(hand_overs), rows)
            for row in exports:
                _set(connection, replace(row, state=Handed.HANDING))
            if recorded is not None:
                record_up_to(connection, file, recorded)
            if refusal is not None:
                _told_refused(connection, file, refusal)

    def pending_hand_overs(self, file: File) -> Sequence[HandOver]:
        with self._reading() as connection:
            return [HandOver(*row) for row in _PENDING.rows(connection, {"the_id": file.id})]

    def handed_over(self, file: File, receiver: str = "") -> None:
        ours = {"the_id": file.id, "the_receiver": receiver}
        with self._writing() as connection:
            _HANDED_OVER.run(connection, ours)
            for row in _exports(connection, file.id):
                if row.receiver == receiver and row.state is Handed.HANDING:
                    held = any(made.refused for made in row.made)
                    _set(connection, replace(row, state=Handed.HELD if held else Handed.DONE))
                    complete(connection, row.subject, receiver)


_PENDING = Prepared(
    select(*(hand_overs.c[field.name] for field in fields(HandOver)))
    .where(hand_overs.c.file_id == bindparam("the_id"))
    .order_by(hand_overs.c.receiver, hand_overs.c.place, hand_overs.c.folder)
)
_HANDED_OVER = Prepared(
    delete(hand_overs).where(
        hand_overs.c.file_id == bindparam("the_id"),
        hand_overs.c.receiver == bindparam("the_receiver"),
    )
)
_EXPORT = [field.name for field in fields(ExportRow)]
_EXPORTS_OF_FILE = Prepared(
    select(*(exports.c[name] for name in _EXPORT))
    .where(exports.c.file_id == bindparam("the_id"))
    .order_by(exports.c.subject, exports.c.receiver)
)


def _set(connection: Connection, row: ExportRow) -> None:
    ours = (exports.c.subject == row.subject) & (exports.c.receiver == row.receiver)
    connection.execute(update(exports).where(ours).values(**asdict(row)))


def _exports(connection: Connection, file_id: str) -> list[ExportRow]:
    rows = _EXPORTS_OF_FILE.rows(connection, {"the_id": file_id})
    return [_export_of(dict(zip(_EXPORT, row, strict=True))) for row in rows]


def _export_of(row: dict[str, Any]) -> ExportRow:
    made = (
        Made(**{**found, "names": tuple(found["names"]), "left_out": tuple(found["left_out"])})
        for found in row["made"]
    )
    return ExportRow(**{**row, "state": Handed(row["state"]), "made": tuple(made)})


def _told_refused(connection: Connection, file: File, refusal: Refusal) -> None:
    ours, written = files.c.id == file.id, {"refusal": refusal.message_id}
    connection.execute(update(files).where(ours).values(**written))
    words = f"the status report {refusal.message_id} tells the ERP that it is rejected"
    at, state = refusal.created, file.state
    append(connection, file.id, state, state, at, "h2h", words, file.sha256)


# ----------------------------------------------------------------------------------------- in order


def _queues() -> Select[Any]:
    """The accounts of which something waits for its turn, by receiver."""
    names = (statements.c[name] for name in _ACCOUNT)
    joined = exports.join(statements, statements.c.id == exports.c.subject)
    query = select(exports.c.receiver, *names).distinct().select_from(joined)
    return query.where(exports.c.state == Handed.WAITING.value)


def _superseded() -> Select[Any]:
    """What a later version superseded before it was handed over, or has to wait for a person since
    it counts again."""
    joined = exports.join(statements, statements.c.id == exports.c.subject)
    gone = (statements.c.kept != Kept.BOOKED.value) | statements.c.waits
    query = select(exports.c.subject).distinct().select_from(joined)
    return query.where(exports.c.state.in_(_NOT_BEGUN), gone)


def _drop(connection: Connection, subjects: Sequence[str]) -> None:
    """They are not handed over any more; who receives them is decided anew if they count again."""
    ours = exports.c.subject.in_(subjects) & exports.c.state.in_(_NOT_BEGUN)
    connection.execute(delete(exports).where(ours))
    undecided = update(statements).where(statements.c.id.in_(subjects))
    connection.execute(undecided.values(assigned=False))


def _let_through(connection: Connection, queue: Row[Any]) -> None:
    """Make due what nothing stands before any more; what follows it in its own file goes along."""
    last, busy = _last_handed(connection, queue), ""
    for row in _in_order(connection, queue):
        if row["state"] == Handed.WAITING.value:
            because = _in_the_way(connection, queue.receiver, row, busy, last)
            state = Handed.WAITING if because else Handed.DUE
            if (because, state) != (row["because"], row["state"]):
                ours = (exports.c.subject == row["id"]) & (exports.c.receiver == queue.receiver)
                changed = update(exports).where(ours)
                connection.execute(changed.values(state=state.value, because=because))
            if because:
                return
        busy = row["file_id"]


def _of_queue(query: Select[Any], queue: Row[Any]) -> Select[Any]:
    same = (statements.c[name] == getattr(queue, name) for name in _ACCOUNT)
    joined = query.join(exports, exports.c.subject == statements.c.id)
    return joined.where(*same, exports.c.receiver == queue.receiver)


def _last_handed(connection: Connection, queue: Row[Any]) -> str:
    """The place of the newest statement that the receiver has in every form; "" before the
    first."""
    query = _of_queue(select(statements.c.position), queue)
    query = query.where(exports.c.state == Handed.DONE.value, _end_of_day())
    return connection.execute(query.order_by(statements.c.position.desc()).limit(1)).scalar() or ""


def _in_order(connection: Connection, queue: Row[Any]) -> Iterator[RowMapping]:
    columns = (statements.c[name] for name in ("id", "file_id", "flags", "position", *_ACCOUNT))
    query = _of_queue(select(*columns, exports.c.state, exports.c.because), queue)
    query = query.where(exports.c.state.in_(_OPEN), _end_of_day())
    yield from connection.execute(query.order_by(statements.c.position)).mappings().all()


def _end_of_day() -> ColumnElement[bool]:
    return statements.c.kind == "statement"


def _in_the_way(
    connection: Connection, receiver: str, row: RowMapping, busy: str, last: str
) -> str:
    """Why it is not its turn; "" when it is."""
    if busy and busy != row["file_id"]:
        return f"what is in file {busy} comes before it"
    if "gap" in row["flags"]:
        return "the statement before it is missing"
    same = (statements.c[name] == row[name] for name in _ACCOUNT)
    between = (statements.c.position < row["position"]) & (statements.c.position > last)
    query = select(statements.c.id, _obstacle(receiver).label("why")).where(*same, between)
    query = query.where(_end_of_day(), _obstacle(receiver) != "")
    first = connection.execute(query.order_by(statements.c.position).limit(1)).first()
    return f"statement {first.id} before it {first.why}" if first else ""


def _obstacle(receiver: str) -> ColumnElement[str]:
    """Why a receiver lacks an earlier statement that it may still get; "" when it stops nothing."""
    booked = statements.c.kept == Kept.BOOKED.value
    own = exports.c.subject == statements.c.id
    versions = statements.alias("versions")
    same = (versions.c.bank == statements.c.bank) & (versions.c.version == statements.c.version)
    of_it = (versions.c.id == statements.c.id) | (same & (versions.c.version != ""))
    version = select(versions.c.id).where(of_it).correlate(statements)

    def has(which: ColumnElement[bool], state: Handed) -> ColumnElement[bool]:
        theirs = (exports.c.receiver == receiver) & (exports.c.state == state.value)
        return select(exports.c.subject).where(which, theirs).correlate(statements).exists()

    one_handed = has(exports.c.subject.in_(version), Handed.DONE)
    return case(
        (statements.c.kept == Kept.HELD.value, "is held"),
        (booked & statements.c.waits & ~one_handed, "waits for a person"),
        (booked & has(own, Handed.HELD), "is held in a form"),
        else_="",
    )


def let_go(connection: Connection, statement_id: str, because: str) -> bool:
    """A person ends the wait for an earlier statement; False when it does not wait."""
    ours = (exports.c.subject == statement_id) & (exports.c.state == Handed.WAITING.value)
    due = update(exports).where(ours).values(state=Handed.DUE.value, because=because)
    return connection.execute(due).rowcount > 0


def exported() -> ColumnElement[bool]:
    """Has every receiver of a statement got it?"""
    open_ = select(exports.c.subject).where(
        exports.c.subject == statements.c.id, exports.c.state != Handed.DONE.value
    )
    return (statements.c.assigned & ~open_.exists()).label("exported")
