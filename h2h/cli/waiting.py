"""What waits for a person, or for another thing, among statements, their forms and documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from h2h.cli.output import Row
from h2h.core.problem import Problem, Severity
from h2h.core.states import Handed, Kept
from h2h.core.words import say, tell
from h2h.desk.waiting import why_statement

if TYPE_CHECKING:
    from h2h.core.words import Translate
    from h2h.ports import ExportRow, Ledger, StatementRow

KINDS = {
    "statement": say("statement"),
    "form": say("form"),
    "document": say("document"),
}
STATES = {"held": say("HELD"), "waiting": say("WAITING")}


def waiting_rows(ledger: Ledger, translate: Translate) -> list[Row]:
    """An object for each: its `kind`, where it stands, why, and the next move."""
    statements = (_of_statement(row, ledger, translate) for row in ledger.undecided())
    return [*statements, *(_of_export(row, ledger, translate) for row in ledger.stuck())]


def line_of(row: Row, translate: Translate) -> str:
    """One of `waiting_rows` as a person reads it."""
    parts = (row["bank"], row["account"], row["currency"], row["receiver"])
    told = say(
        "{state} {kind} {id} ({owner}): {because}. Next move: {next_move}",
        state=STATES[str(row["state"])],
        kind=KINDS[str(row["kind"])],
        id=row["id"],
        owner=" ".join(str(part) for part in parts if part),
        because=row["because"],
        next_move=row["next"],
    )
    return tell(told, translate)


def problems_of(ledger: Ledger, file_id: str) -> Iterator[Problem]:
    """The statements of a file that wait for a person, as its problems."""
    for row in ledger.statements(file_id):
        if needs_person(row):
            yield Problem(
                f"{_state(row)}-statement",
                Severity.HOLD,
                why_statement(row, ledger),
                _next_move(row),
                say("statement {number} ({id})", number=row.index, id=row.id),
            )


def needs_person(row: StatementRow) -> bool:
    """Is it held, or does its hand-over wait?"""
    return row.kept is Kept.HELD or (row.kept is Kept.BOOKED and row.waits)


def _state(row: StatementRow) -> str:
    return "held" if row.kept is Kept.HELD else "waiting"


def _next_move(row: StatementRow) -> str:
    if row.kept is Kept.HELD:
        return say("`h2h release {id} --reason …` or `h2h reject {id} --reason …`", id=row.id)
    return say("`h2h release {id} --reason …` hands it over", id=row.id)


def _of_statement(row: StatementRow, ledger: Ledger, translate: Translate) -> Row:
    return {
        "kind": "statement",
        "state": _state(row),
        "id": row.id,
        "file_id": row.file_id,
        "bank": row.bank,
        "account": row.account,
        "currency": row.currency,
        "receiver": None,
        "because": tell(why_statement(row, ledger), translate) or None,
        "next": tell(_next_move(row), translate),
    }


def _of_export(row: ExportRow, ledger: Ledger, translate: Translate) -> Row:
    """A form that a receiver cannot have, or what waits for another thing to be handed over."""
    file = ledger.file(row.file_id)
    named = [each for each in ledger.statements(row.file_id) if each.id == row.subject]
    held = row.state is Handed.HELD
    kind = "form" if held else "statement" if named else "document"
    return {
        "kind": kind,
        "state": "held" if held else "waiting",
        "id": row.subject,
        "file_id": row.file_id,
        "bank": file.bank if file else None,
        "account": named[0].account if named else None,
        "currency": named[0].currency if named else None,
        "receiver": row.receiver or None,
        "because": tell(row.because, translate) or None,
        "next": tell(_next_of(kind, row), translate),
    }


def _next_of(kind: str, row: ExportRow) -> str:
    if kind == "form":
        return say("mend the cause, then `h2h replay {id} --reason …`", id=row.file_id)
    if kind == "document":
        return say("it follows the statement with its entry; ask the bank if that does not come")
    return say("ask the bank for what is missing, or `h2h release {id} --reason …`", id=row.subject)
