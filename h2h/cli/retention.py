"""`h2h retention`: what is past its time, legal holds, and erasure by two persons."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.cli.output import Row, show_rows
from h2h.cli.workspace import acting, ledger_at, now, translator_at
from h2h.core.words import say, tell
from h2h.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from h2h.core.retention import Hold, Rule
    from h2h.core.words import Translate
    from h2h.flows.retention import Listed
    from h2h.ports import Ledger, Proposal

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
_reason = click.option("--reason", required=True, help="Why, in words; it is kept for ever.")
_day = click.DateTime(["%Y-%m-%d"])


@click.group()
def retention() -> None:
    """How long what is kept; nothing is erased before two operators agreed on the list."""


@contextmanager
def _at(path: Path) -> Iterator[tuple[Ledger, Sequence[Rule]]]:
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.wiring import retention_of  # noqa: PLC0415 - heavy

    with ledger_at(path) as ledger:
        yield ledger, retention_of(load(path))


# ------------------------------------------------------------------------------------------ looking


@retention.command("list")
@_json
@click.pass_obj
def list_(path: Path, *, as_json: bool) -> None:
    """Files past their time, what keeps some of them, legal holds, and lists that wait."""
    from h2h.desk.retaining import KIND, UNHOLD  # noqa: PLC0415 - heavy
    from h2h.flows.retention import listed  # noqa: PLC0415 - heavy

    with _at(path) as (ledger, rules):
        found = listed(ledger, rules, now().date())
        holds, left = ledger.holds(), len(ledger.to_erase())
        waiting = [each for each in ledger.proposals() if each.kind in {KIND, UNHOLD}]
    files = _files(found, translator_at(path))
    lists = [_list_row(each) for each in waiting]
    standing = [_hold_row(each) for each in holds]
    if as_json:
        told: Row = {
            "kind": "list",
            "as_of": found.as_of.isoformat(),
            "files": len(found.may_go),
            "sha256": found.hash,
            "to_erase": left,
        }
        show_rows([*files, *standing, *lists, told], (), as_json=True, empty="")
        return
    _show(path, files, standing, lists, found.hash, left)


def _show(
    path: Path, files: list[Row], holds: list[Row], lists: list[Row], hash_: str, left: int
) -> None:
    translate = translator_at(path)
    empty = tell(say("Nothing is past its time."), translate)
    show_rows(files, _FILE, as_json=False, empty=empty)
    if any(not row["stays_because"] for row in files):
        click.echo(tell(say("What may go, as a hash: {hash}", hash=hash_), translate))
    if holds:
        click.secho(tell(say("Legal holds"), translate), bold=True)
        show_rows(holds, _HOLD, as_json=False, empty="")
    if lists:
        words = say("Wait for a second person: `h2h retention confirm NUMBER`")
        click.secho(tell(words, translate), bold=True)
        show_rows(lists, _LIST, as_json=False, empty="")
    if left:
        words = say("{count} files of a confirmed list are not erased yet", count=left)
        click.secho(tell(words, translate), bold=True)


_FILE = ("file_id", "document", "accounts", "kept_until", "stays_because")
_HOLD = ("number", "file_id", "account", "since", "until", "who", "reason")
_LIST = ("number", "what", "files", "sha256", "who", "reason", "at")


def _files(found: Listed, translate: Translate) -> list[Row]:
    return [
        {
            "kind": "file",
            "file_id": each.file.file_id,
            "document": each.file.kind.value if each.file.kind else None,
            "accounts": sorted(each.file.accounts),
            "kept_until": each.until.isoformat(),
            "stays_because": tell(each.kept, translate) or None,
        }
        for each in found.files
    ]


def _hold_row(hold: Hold) -> Row:
    return {
        "kind": "hold",
        "number": hold.id,
        "file_id": hold.file_id or None,
        "account": hold.account or None,
        "since": hold.since.isoformat() if hold.since else None,
        "until": hold.until.isoformat() if hold.until else None,
        "who": hold.who,
        "reason": hold.reason,
    }


def _list_row(change: Proposal) -> Row:
    """A list of files to erase, or a hold to lift."""
    lists = "files" in change.details
    return {
        "kind": "proposal",
        "number": change.id,
        "what": "erase" if lists else f"lift hold {change.subject}",
        "files": change.details["files"][0] if lists else None,
        "sha256": change.details["sha256"][0],
        "as_of": change.details["as_of"][0] if lists else None,
        "who": change.who,
        "reason": change.reason,
        "at": change.at.isoformat(timespec="seconds"),
        "outcome": change.outcome or None,
        "decided_by": change.decided_by or None,
    }


# ------------------------------------------------------------------------------------ two persons


@retention.command()
@_reason
@_json
@click.pass_obj
def propose(path: Path, reason: str, *, as_json: bool) -> None:
    """Propose to erase every file past its time that nothing keeps."""
    from h2h.desk import retaining  # noqa: PLC0415 - heavy

    with _at(path) as (ledger, rules):
        change = retaining.propose(ledger, rules, acting(ledger), reason, now())
    row = _list_row(change)
    words = say(
        "list {number}, {files} files, waits for a second admin: "
        "`h2h retention confirm {number} --reason …`",
        number=change.id,
        files=row["files"],
    )
    click.echo(json.dumps(row, ensure_ascii=False) if as_json else tell(words, translator_at(path)))


@retention.command()
@click.argument("number", type=int)
@_reason
@_json
@click.pass_obj
def confirm(path: Path, number: int, reason: str, *, as_json: bool) -> None:
    """Be the second person for NUMBER: the files of its list are erased, for ever; or its hold is
    lifted."""
    from h2h.cli.run import ask_or_do  # noqa: PLC0415 - heavy
    from h2h.desk import retaining  # noqa: PLC0415 - heavy

    with _at(path) as (ledger, rules):
        lifts = (number, retaining.UNHOLD) in {(each.id, each.kind) for each in ledger.proposals()}
        if lifts:
            change = retaining.unhold(ledger, number, acting(ledger), reason, now())
        else:
            change = retaining.confirm(ledger, rules, number, acting(ledger), reason, now())
    if lifts:
        words = say("legal hold {number} is lifted", number=change.subject)
        told = json.dumps(_list_row(change), ensure_ascii=False)
        click.echo(told if as_json else tell(words, translator_at(path)))
        return
    stay = ask_or_do("erase", "", path)
    row = _list_row(change)
    if as_json:
        click.echo(json.dumps({**row, "stay": stay}, ensure_ascii=False))
    else:
        erased = int(change.details["files"][0]) - len(stay)
        click.echo(tell(say("{count} files are erased", count=erased), translator_at(path)))
        for file_id, why in stay.items():
            click.echo(f"{file_id}: {why}")
    if stay:
        raise Refused(tell(say("not all of the list is erased"), translator_at(path)))


# ------------------------------------------------------------------------------------------- holds


@retention.command()
@click.option("--file", "file_id", default="", help="Only this file.")
@click.option("--account", default="", help="Only files of this account of ours.")
@click.option("--since", type=_day, help="Only what tells of this day or later.")
@click.option("--until", type=_day, help="Only what tells of this day or before.")
@_reason
@_json
@click.pass_obj
def hold(
    path: Path,
    file_id: str,
    account: str,
    since: datetime | None,
    until: datetime | None,
    reason: str,
    *,
    as_json: bool,
) -> None:
    """Keep what fits all that is named, whatever its time, until the hold is lifted."""
    from h2h.core.books import account_key  # noqa: PLC0415 - with the desk
    from h2h.core.retention import Hold  # noqa: PLC0415 - with the desk
    from h2h.desk import retaining  # noqa: PLC0415 - heavy

    days = (since.date() if since else None, until.date() if until else None)
    with ledger_at(path) as ledger:
        wish = Hold(0, file_id, account_key(account), *days, acting(ledger), reason)
        made = retaining.hold(ledger, wish, now())
    words = say("legal hold {number}", number=made.id)
    told = json.dumps(_hold_row(made), ensure_ascii=False)
    click.echo(told if as_json else tell(words, translator_at(path)))


@retention.command()
@click.argument("number", type=int)
@_reason
@_json
@click.pass_obj
def unhold(path: Path, number: int, reason: str, *, as_json: bool) -> None:
    """Propose to lift the legal hold NUMBER; a second admin confirms it."""
    from h2h.desk import retaining  # noqa: PLC0415 - heavy

    with ledger_at(path) as ledger:
        change = retaining.propose_unhold(ledger, number, acting(ledger), reason, now())
    words = say(
        "change {change}, to lift legal hold {number}, waits for a second admin: "
        "`h2h retention confirm {change} --reason …`",
        change=change.id,
        number=number,
    )
    told = json.dumps(_list_row(change), ensure_ascii=False)
    click.echo(told if as_json else tell(words, translator_at(path)))


@retention.command()
@_json
@click.pass_obj
def log(path: Path, *, as_json: bool) -> None:
    """For the auditor: every hold and every list, as the chain has them."""
    from h2h import desk  # noqa: PLC0415 - heavy
    from h2h.cli.operator import show_links  # noqa: PLC0415 - its only use
    from h2h.core.operators import Act  # noqa: PLC0415 - with the desk

    with ledger_at(path) as ledger:
        desk.insist(ledger, acting(ledger), Act.AUDIT)
        links = list(ledger.room_moves("retention-"))
    show_links(links, as_json=as_json)
