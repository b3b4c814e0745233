"""What the room looks like: status, show, statements."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.cli.deadlines import deadlines, until_words
from h2h.cli.output import Row, show_rows
from h2h.cli.position import missing_statements
from h2h.cli.waiting import line_of, problems_of, waiting_rows
from h2h.cli.workspace import acting, ledger_at, translator_at
from h2h.core.states import Out
from h2h.core.words import say, sentences, tell
from h2h.desk import approvals_of, roles_of, veil, veil_moves, veil_problems
from h2h.desk.waiting import because_of, shared_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from h2h.core.approval import ApproveBy
    from h2h.core.problem import Problem
    from h2h.core.words import Translate
    from h2h.ports import File, Ledger, Pause, Progress, StatementRow

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.command()
@_json
@click.pass_obj
def status(path: Path, *, as_json: bool) -> None:
    """What is not final, where it stands and what it waits for; what is paused, and missing."""
    from h2h.core.states import IN_FINAL, SETTLED, In  # noqa: PLC0415 - with the ledger

    translate = translator_at(path)
    with ledger_at(path) as ledger:
        files = [
            *ledger.files(frozenset(Out) - SETTLED, direction="out"),
            *ledger.files(frozenset(In) - IN_FINAL, direction="in"),
        ]
        pauses = ledger.pauses()
        seen = roles_of(ledger, acting(ledger))
        missing = [] if as_json else missing_statements(path, ledger, folded=True)
        waiting = waiting_rows(ledger, translate)
        progress = _progress(ledger, files)
    for pause in [] if as_json else pauses:
        click.secho(tell(_paused(pause), translate), fg="red", bold=True)
    for row in missing:
        click.secho(tell(_missing(row), translate), fg="yellow", bold=True)
    for row in [] if as_json else waiting:
        click.secho(line_of(row, translate), fg="yellow")
    decide_by = deadlines(path, files)
    columns = ("file_id", "name", "bank", "direction", "state", "due_at", "due_because")
    rows = [
        {
            "kind": "file",
            **_waiting(file, translate, seen, progress.get(file.id)),
            **_until(file, decide_by, translate),
        }
        for file in files
    ]
    more = ("decide_by",) if any(row["decide_by"] for row in rows) else ()
    nothing = say("No file is under way.") if waiting else say("Nothing is under way.")
    empty = tell(nothing, translate)
    shown = [*rows, *waiting] if as_json else rows
    show_rows(shown, (*columns, *more), as_json=as_json, empty=empty)


def _paused(pause: Pause) -> str:
    what = pause.bank or say("everything")
    return say("PAUSED {what} by {who}: {reason}", what=what, who=pause.who, reason=pause.reason)


def _missing(row: Row) -> str:
    return say(
        "MISSING {bank} {account} {currency} statement of {day}: {because}",
        **{name: row[name] for name in ("bank", "account", "currency", "day", "because")},
    )


def _until(file: File, deadlines: Mapping[str, ApproveBy], translate: Translate) -> Row:
    """Until when somebody has to decide, for a program and for people."""
    found = deadlines.get(file.id)
    words = tell(until_words(found), translate) if found else None
    return {"approve_by": found.at.isoformat() if found else None, "decide_by": words}


def _progress(ledger: Ledger, files: Sequence[File]) -> Mapping[str, Progress]:
    """How far the approvals are of those that wait for them."""
    return ledger.progress([file.id for file in files if file.state is Out.AWAITING_APPROVAL])


def _waiting(
    file: File, translate: Translate, roles: Collection[str] | None, progress: Progress | None
) -> Row:
    because = because_of(file, roles, progress)
    return {
        "file_id": file.id,
        "name": file.name,
        "bank": file.bank,
        "direction": file.direction,
        "state": file.state.value,
        "due_at": file.due_at.isoformat() if file.due_at else None,
        "due_because": tell(because, translate) or None,
        "approved_by": list(progress.given) if progress else [],
        "missing": tell(progress.missing, translate) or None if progress else None,
    }


@click.command()
@click.argument("file_id", metavar="ID")
@_json
@click.pass_obj
def show(path: Path, file_id: str, *, as_json: bool) -> None:
    """The life of the file ID, or of the file of the statement ID: moves, problems, content."""
    translate = translator_at(path)
    with ledger_at(path) as ledger:
        file = _found(ledger, file_id, translate)
        roles = roles_of(ledger, acting(ledger))
        life = _life(file, ledger, translate, roles)
        problems = _problems_of(file, ledger, roles)
    life |= _until(file, deadlines(path, [file]), translate)
    if as_json:
        click.echo(json.dumps(life, ensure_ascii=False))
        return
    click.echo(f"{file.name}: {file.state} at {file.bank or 'no bank yet'} (file {file.id})")
    if life["decide_by"]:
        click.secho(str(life["decide_by"]), fg="yellow")
    _section("moves", life["moves"], "no moves")
    _problems(file, problems, path, translate)
    _section("approvals", life["approvals"], "")
    _section("payments", life["payments"], "")
    _section("recalls", life["recalls"], "")
    _section("statements", life["statements"], "")
    _section("exports", life["exports"], "")
    _section("documents", life["documents"], "")


def _found(ledger: Ledger, identity: str, translate: Translate) -> File:
    """The file of this id, or that of the statement with it; leaves with words for another id."""
    owner = identity.rpartition("-")[0]
    if file := ledger.file(identity):
        return file
    if any(row.id == identity for row in ledger.statements(owner)) and (file := ledger.file(owner)):
        return file
    words = say("there is no file {id}; `h2h status` lists the ids", id=identity)
    if ledger.trace(identity):
        words = say("{id} is a payment, not a file: `h2h trace {id}`", id=identity)
    click.echo(tell(words, translate), err=True)
    sys.exit(1)


def _problems_of(file: File, ledger: Ledger, roles: Collection[str] | None) -> list[Problem]:
    """What is wrong with a file, and with its statements that wait for a person."""
    own = veil_problems(file, file.problems, roles)
    return [*own, *(problems_of(ledger, file.id) if file.direction == "in" else ())]


def _section(title: str, rows: object, empty: str) -> None:
    if not isinstance(rows, list) or (not rows and not empty):
        return
    click.secho(title, bold=True)
    show_rows(rows, list(rows[0]) if rows else [], as_json=False, empty=f"  {empty}")


def _problems(file: File, problems: Sequence[Problem], path: Path, translate: Translate) -> None:
    """As `h2h check` shows them, with the file around each place as it lies in the archive."""
    click.secho("problems", bold=True)
    if not problems:
        click.echo("  no problems")
        return
    from rich.console import Console  # noqa: PLC0415 - seldom needed

    from h2h.adapters.archive import dossier_path  # noqa: PLC0415 - heavy
    from h2h.cli.problems import show_problems  # noqa: PLC0415 - rich
    from h2h.config import load  # noqa: PLC0415 - heavy

    name = "original.xml" if file.direction == "out" else "opened"
    content = dossier_path(load(path).h2h.archive, file.id) / name
    console = Console(markup=False, highlight=False, emoji=False)
    show_problems(console, content, problems, translate=translate)


def _life(
    file: File, ledger: Ledger, translate: Translate, roles: Collection[str] | None
) -> dict[str, object]:
    moves = [
        {
            "at": move.at.isoformat(timespec="seconds"),
            "from": move.source,
            "to": move.target,
            "who": move.who,
            "because": tell(move.because, translate),
        }
        for move in veil_moves(file, ledger.moves(file.id), roles)
    ]
    payments = [
        {
            "end_to_end_id": row.end_to_end_id,
            "amount": row.amount,
            "currency": row.currency,
            "counterparty_name": row.counterparty_name,
            "counterparty_account": row.counterparty_account,
            "state": row.state.value,
            "status": row.status,
            "reason": row.reason,
            "payee_check": row.payee_check,
            "payee_name": row.payee_name,
        }
        for row in veil(file, ledger.payments(file.id) if file.direction == "out" else (), roles)
    ]
    return {
        **_waiting(file, translate, roles, _progress(ledger, [file]).get(file.id)),
        "confidential": file.confidential,
        "message": file.message or None,
        "message_id": file.message_id or None,
        "transactions": file.transactions,
        "control_sum": dict(file.control_sum),
        "sha256": file.sha256,
        "final_name": file.final_name or None,
        "status_report": file.refusal or None,
        "moves": moves,
        "approvals": _approvals(file, ledger, translate),
        "problems": [each.told(translate).as_json() for each in _problems_of(file, ledger, roles)],
        "payments": payments,
        "recalls": _recalls(file, ledger),
        "statements": _statements(ledger, translate, file.id) if file.direction == "in" else [],
        "exports": _exports(file, ledger),
        "documents": _documents(file, ledger),
    }


def _approvals(file: File, ledger: Ledger, translate: Translate) -> list[Row]:
    """Who said yes to what; `counts`: to these bytes, under the terms that are asked for, by
    somebody who may approve still."""
    asked = ledger.asked_of(file.id)
    given: list[Row] = [
        {
            "who": each.operator,
            "at": each.at.isoformat(timespec="seconds"),
            "reason": each.reason,
            "sha256": each.content,
            "counts": not why_not,
            "why_not": tell(why_not, translate) or None,
        }
        for each, why_not in approvals_of(ledger, file)
    ]
    missing = ledger.waiting_for(asked) if asked and file.state is Out.AWAITING_APPROVAL else ""
    if missing:
        because = sentences((missing, asked.because if asked else ""))
        given.append({"who": None, "at": None, "reason": tell(because, translate)})
    return given


def _exports(file: File, ledger: Ledger) -> list[Row]:
    """Who received what of a bank file, a row for each form of it."""
    return [
        {
            "subject": row.subject,
            "receiver": row.receiver or "everybody",
            "state": row.state.value,
            "form": made.form if made else None,
            "names": list(made.names) if made else [],
            "left_out": list(made.left_out) if made else [],
            "because": made.refused if made else row.because,
        }
        for row in (ledger.exports(file.id) if file.direction == "in" else ())
        for made in row.made or (None,)
    ]


def _documents(file: File, ledger: Ledger) -> list[Row]:
    """A document's entry, or the documents of a file's entries."""
    from h2h.core.money import plain  # noqa: PLC0415 - with the ledger

    return [
        {
            "document": link.document,
            "name": link.name,
            "reference": link.reference,
            "statement": link.statement_id,
            "entry": link.entry,
            "account": link.account,
            "amount": plain(link.amount),
            "currency": link.currency,
            "booking_date": link.booking_date.isoformat() if link.booking_date else None,
        }
        for link in (ledger.links(file.id) if file.direction == "in" else ())
    ]


def _recalls(file: File, ledger: Ledger) -> list[Row]:
    """The recalls of a payment file; of a recall, what it asks back itself."""
    own = ledger.recall_of(file.id)
    return [
        {
            "recall": row.file_id,
            "of": row.original_id,
            "scope": row.scope.value,
            "state": row.state.value,
            "who": row.who,
            "reason": f"{row.code} {row.reason}",
            "answers": ", ".join(f"{number} {answer}" for answer, number in row.answers.items()),
        }
        for row in ([own] if own else ledger.recalls(file.id))
    ]


@click.command()
@click.option("--account", help="Only this account.")
@click.option("--missing", is_flag=True, help="Those that are overdue, and the gaps.")
@_json
@click.pass_obj
def statements(path: Path, *, account: str | None, missing: bool, as_json: bool) -> None:
    """Every statement, its outcome, its gap to the one before, and why it is held."""
    if missing:
        _show_missing(path, account, as_json=as_json)
        return
    with ledger_at(path) as ledger:
        rows = _statements(ledger, translator_at(path), account=account, told=not as_json)
    columns = ("id", "kind", "bank", "account", "currency", "to", "closing", "outcome", "flags")
    show_rows(rows, (*columns, "because"), as_json=as_json, empty="No statement came yet.")


def _show_missing(path: Path, account: str | None, *, as_json: bool) -> None:
    from h2h.core.books import account_key  # noqa: PLC0415 - with the ledger

    with ledger_at(path) as ledger:
        rows = missing_statements(path, ledger, folded=not as_json)
    if account is not None:
        rows = [row for row in rows if account_key(str(row["account"])) == account_key(account)]
    columns = ("bank", "account", "currency", "day", "due", "because")
    show_rows(rows, columns, as_json=as_json, empty="No statement is missing.")


def _statements(
    ledger: Ledger,
    translate: Translate,
    file_id: str | None = None,
    account: str | None = None,
    *,
    told: bool = False,
) -> list[Row]:
    """Statements as a program reads them; `told`: `because` says all that there is to say."""
    found = ledger.statements(file_id, account=account)
    gaps = _gaps(ledger, found, translate)
    shared = {row.id: ledger.shared_entries(row.id) for row in found if "overlap" in row.flags}

    def because(row: StatementRow) -> str:
        words = row.because
        if told:
            words = words or gaps.get(row.id, "") or shared_words(row, shared.get(row.id, 0))
        return tell(words, translate)

    return [
        {
            "id": row.id,
            "file_id": row.file_id,
            "kind": row.kind.value,
            "bank": row.bank,
            "account": row.account,
            "currency": row.currency,
            "number": row.number,
            "sequence": row.sequence,
            "from": row.period_from.isoformat() if row.period_from else None,
            "to": row.period_to.isoformat() if row.period_to else None,
            "opening": row.opening,
            "closing": row.closing,
            "entries": row.entries,
            "outcome": row.kept.value,
            "because": because(row),
            "flags": [*row.flags, *(("waits",) if row.waits else ())],
            "gap": gaps.get(row.id),
            "shared": shared.get(row.id, 0),
        }
        for row in found
    ]


def _gaps(ledger: Ledger, found: Iterable[StatementRow], translate: Translate) -> dict[str, str]:
    """The words of the gap before each statement that has one."""
    from h2h.core.expected import gaps_in  # noqa: PLC0415 - with the ledger
    from h2h.core.position import Owner  # noqa: PLC0415 - the same

    owners = {Owner(row.bank, row.account, row.currency) for row in found if "gap" in row.flags}
    return {
        gap.after.id: tell(gap.words(), translate)
        for owner in owners
        for gap in gaps_in(ledger.reports(owner))
    }
