"""Which version of a statement counts, and what each follows on: the same for any order of arrival.

Both are derived from all statements of an account that are in the books, so each function here may
be called again and changes nothing then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, RowMapping, and_, bindparam, select, update

from h2h.adapters.sql import tables
from h2h.adapters.sql.settling import settle, unsettle
from h2h.adapters.sql.store import append, the_file
from h2h.core.books import Place, chained, flags_after, moment, place_of, with_turn
from h2h.core.money import total
from h2h.core.statement import StatementKind
from h2h.core.states import Kept

statements = tables.statements

_MOST_PAGES = 1000  # of one statement without a balance on them
_COUNTING = and_(  # the end-of-day statements of the account that count
    *(statements.c[name] == bindparam(f"the_{name}") for name in ("bank", "account", "currency")),
    statements.c.kept == Kept.BOOKED.value,
    statements.c.kind == StatementKind.STATEMENT.value,
)
_position = statements.c.position
# Built once: SQLAlchemy takes longer to build each than SQLite to answer it.
_ROW = select(statements).where(statements.c.id == bindparam("the_id"))
_VERSIONS = select(statements).where(
    statements.c.bank == bindparam("the_bank"),
    statements.c.version == bindparam("the_version"),
    statements.c.kept.in_([Kept.BOOKED.value, Kept.SUPERSEDED.value]),
)
_OF_DAY = (
    select(statements)
    .where(_COUNTING, _position.between(bindparam("first"), bindparam("last")))
    .order_by(_position)
)
_BEHIND = (
    select(statements)
    .where(_COUNTING, _position > bindparam("place"))
    .order_by(_position)
    .limit(_MOST_PAGES)
)
_AHEAD = (
    select(statements)
    .where(_COUNTING, _position < bindparam("place"))
    .order_by(_position.desc())
    .limit(_MOST_PAGES)
)
_CHANGED = update(statements).where(statements.c.id == bindparam("the_id"))


def choose(connection: Connection, statement_id: str, now: datetime) -> tuple[Kept, str]:
    """Let the latest version of a statement count; what became of this one, and why.

    Another version than the one that the ERP may have waits for a person to be handed over.
    """
    ours = _row(connection, statement_id)
    versions = _versions(connection, ours)
    latest = max(versions, key=lambda row: (moment(row["created"]), row["fingerprint"]))
    for row in versions:
        if row["id"] != latest["id"]:
            _supersede(connection, row, latest["id"], now)
    if latest["kept"] == Kept.SUPERSEDED.value:
        _count(connection, latest, second=len(versions) > 1)
        if latest["id"] != statement_id:
            settle(connection, the_file(connection, latest["file_id"]), latest["id"], now)
    after = _row(connection, statement_id)
    return Kept(after["kept"]), after["because"]


def restate(
    connection: Connection, statement_id: str, facts: Mapping[str, object], now: datetime
) -> None:
    """Write what another delivery of a statement tells beside its figures.

    When the bank made it may decide between versions, and a number or day tells of what it is one.
    """
    row = _row(connection, statement_id)
    if facts["version"] == row["version"]:
        flag_around(connection, row, facts)
        choose(connection, statement_id, now)
        return
    others = [other["id"] for other in _versions(connection, row) if other["id"] != statement_id]
    left = others[:1] if row["kept"] == Kept.BOOKED.value else []  # they lack one that counts
    _set_aside(
        connection, row, "another delivery shows that it is another statement's version", now
    )
    _change(connection, row, facts)
    for each in (statement_id, *left):
        kept, _ = choose(connection, each, now)
        if kept is Kept.BOOKED:
            file = the_file(connection, _row(connection, each)["file_id"])
            settle(connection, file, each, now)


def _versions(connection: Connection, ours: RowMapping) -> Sequence[RowMapping]:
    if not ours["version"]:
        return [ours]
    same = {"the_bank": ours["bank"], "the_version": ours["version"]}
    return connection.execute(_VERSIONS, same).mappings().all()


def _supersede(connection: Connection, row: RowMapping, by: str, now: datetime) -> None:
    _set_aside(connection, row, f"superseded by statement {by}, a later version of it", now)


def _set_aside(connection: Connection, row: RowMapping, because: str, now: datetime) -> None:
    changed = {"kept": Kept.SUPERSEDED.value, "because": because, "waits": False, "flags": ()}
    if row["kept"] == Kept.BOOKED.value:
        unsettle(connection, row["id"], now)
        file = the_file(connection, row["file_id"])
        words = f"statement {row['id']} is {because}"
        append(connection, file.id, file.state, file.state, now, "h2h", words, file.sha256)
    flag_around(connection, row, changed)


def _count(connection: Connection, row: RowMapping, *, second: bool) -> None:
    because = "a later version of a statement that came before" if second else ""
    changed = {"kept": Kept.BOOKED.value, "because": because, "waits": second}
    flag_around(connection, row, changed)


def _change(connection: Connection, row: RowMapping, changed: Mapping[str, object]) -> None:
    connection.execute(_CHANGED, {"the_id": row["id"], **changed})


def _row(connection: Connection, statement_id: str) -> RowMapping:
    return connection.execute(_ROW, {"the_id": statement_id}).mappings().one()


# --------------------------------------------------------------------------------------- continuity


def flag_around(connection: Connection, before: RowMapping, changed: Mapping[str, object]) -> None:
    """Change a statement, and judge anew what follows on what: it, those of its days before and
    after the change, and those behind them."""
    around = _day_and_behind(connection, before)
    _change(connection, before, changed)
    row = _row(connection, before["id"])
    found = {each["id"] for each in (*around, *_day_and_behind(connection, row), row)}
    for each in found:
        _flag(connection, _row(connection, each))


def _day_and_behind(connection: Connection, row: RowMapping) -> Sequence[RowMapping]:
    """The statements of a statement's day, each at its turn, and the one behind them."""
    day = row["position"].partition("|")[0]
    of_day = {**_account(row), "first": f"{day}|", "last": f"{day}~"}
    group = connection.execute(_OF_DAY, of_day).mappings().all()
    given = sorted(group, key=lambda each: with_turn(each["position"], 0))
    ahead = _before(connection, group[0]) if group else None
    order = chained([_place(each) for each in given], ahead.ends if ahead else None)
    for turn, index in enumerate(order):
        place = with_turn(given[index]["position"], turn)
        if place != given[index]["position"]:
            _change(connection, given[index], {"position": place})
    last = with_turn(row["position"], len(group))
    return [*group, *_next(connection, row, last)]


def _account(row: RowMapping) -> dict[str, object]:
    return {f"the_{name}": row[name] for name in ("bank", "account", "currency")}


def _next(connection: Connection, row: RowMapping, place: str) -> Sequence[RowMapping]:
    """The statement behind a place, none or one; pages without a balance hand on what is before
    them."""
    found: list[RowMapping] = []
    for each in connection.execute(_BEHIND, {**_account(row), "place": place}).mappings():
        found.append(each)
        if each["opening"] is not None or each["closing"] is not None:
            break
    return found


def _flag(connection: Connection, row: RowMapping) -> None:
    if row["kept"] != Kept.BOOKED.value or row["kind"] != StatementKind.STATEMENT.value:
        return
    flags = flags_after(_before(connection, row), _place(row))
    if flags == tuple(row["flags"]):
        return
    waits = row["waits"]
    if not row["assigned"] and not row["because"]:  # a second version waits in any case
        waits = "overlap" in flags
    _change(connection, row, {"flags": flags, "waits": waits})


def _before(connection: Connection, row: RowMapping) -> Place | None:
    """The statement before; pages without any balance add their entries to what was before them."""
    pages = list[RowMapping]()
    ahead = {**_account(row), "place": row["position"]}
    for each in connection.execute(_AHEAD, ahead).mappings():
        place = _place(each)
        if place.ends is not None:
            return _carried(place, pages)
        pages.append(each)
    return _place(pages[0]) if pages else None


def _carried(place: Place, pages: Iterable[RowMapping]) -> Place:
    ends: Decimal | None = place.ends
    for page in pages:
        ends = None if ends is None else total((ends, page["booked"]))
    last = max((page["as_of"] for page in pages if page["as_of"]), default=place.as_of)
    return replace(place, ends=ends, as_of=last)


def _place(row: RowMapping) -> Place:
    opening, closing, booked = row["opening"], row["closing"], row["booked"]
    number = "/".join(filter(None, (row["sequence"], row["page"])))
    return place_of(opening, closing, booked, row["period_from"], row["as_of"], number)
