"""`h2h archive`: find, show and hand out dossiers, and prove that nothing in them was changed."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.cli.output import Row, show_rows
from h2h.cli.workspace import insist_unveiled, ledger_at, translator_at
from h2h.core.words import say, tell
from h2h.errors import Refused

if TYPE_CHECKING:
    from h2h.adapters.archive import FolderArchive
    from h2h.flows.integrity import Finding, Noted
    from h2h.ports import Dossier, File, Ledger

_MOST = 1_000  # findings told one by one
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group()
def archive() -> None:
    """Look into the archive, and prove it."""


@contextmanager
def _archive_at(path: Path) -> Iterator[FolderArchive]:
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.wiring import archive_of  # noqa: PLC0415 - heavy

    made = archive_of(load(path))
    try:
        yield made
    finally:
        made.close()


# ------------------------------------------------------------------------------------------- proof


@archive.command()
@click.option(
    "--head",
    "heads",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of exported heads: a cut tail and a rewritten chain show against it.",
)
@_json
@click.pass_obj
def verify(path: Path, *, heads: tuple[Path, ...], as_json: bool) -> None:
    """Compare ledger and archive: the chain of moves, and every file in every dossier."""
    from h2h.flows.integrity import Verifier, noted_in  # noqa: PLC0415 - heavy

    noted: Iterator[Noted] = (each for file in heads for each in noted_in(file))
    with ledger_at(path) as ledger, _archive_at(path) as dossiers:
        verifier = Verifier(ledger, dossiers, noted)
        every = verifier.findings()
        findings = list(islice(every, _MOST))
        count = len(findings) + sum(1 for _ in every)
        verdict, recoveries = verifier.verdict, _recoveries(ledger)
        if findings:
            _alert(path, ledger, findings[0])
    if as_json:
        told = {
            "moves": verdict.records,
            "files": verdict.files,
            "erased": verdict.erased,
            "head": verdict.head.hash if verdict.head.sequence else None,
            "sequence": verdict.head.sequence,
            "recoveries": recoveries,
            "count": count,
            "findings": [asdict(finding) for finding in findings],
        }
        click.echo(json.dumps(told))
    else:
        _tell_verdict(path, findings, count, verdict.records, verdict.files)
        if verdict.erased:
            words = say("{count} of them are erased, as the chain tells", count=verdict.erased)
            click.echo(tell(words, translator_at(path)))
        for each in recoveries:
            click.echo(f"{each['at']} {each['because']}")
    if findings:
        sys.exit(1)


def _alert(path: Path, ledger: Ledger, finding: Finding) -> None:
    """Whoever has this proved at night is told by day; the daemon sends it."""
    from h2h.adapters.alert_log import AlertLog  # noqa: PLC0415 - beside its only use
    from h2h.adapters.journal import Silence  # noqa: PLC0415 - as above
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.wiring import SystemClock, channel_of  # noqa: PLC0415 - heavy

    interests = [channel_of(each).interest for each in load(path).alerts]
    log = AlertLog(Silence(), ledger, SystemClock(), interests)
    log.event("chain_broken", because=f"{finding.place}: {finding.why}")


def _tell_verdict(
    path: Path, findings: list[Finding], count: int, records: int, files: int
) -> None:
    verdict = say(
        "{moves} moves, {files} files: the chain is whole, every dossier is as it was recorded",
        moves=records,
        files=files,
    )
    if findings:
        first = findings[0]
        at = ", ".join(filter(None, (first.place, first.file_id, first.dossier)))
        verdict = say("The first bad record: {place}: {why}", place=at, why=first.why)
    click.echo(tell(verdict, translator_at(path)))
    rows: list[Row] = [asdict(finding) for finding in findings]
    if rows:
        show_rows(rows, ("sequence", "file_id", "place", "why"), as_json=False, empty="")
    if count > len(rows):
        click.echo(f"... {count - len(rows)} more")


def _recoveries(ledger: Ledger) -> list[dict[str, str]]:
    from h2h.core.chain import RECOVERED  # noqa: PLC0415 - beside its only use

    ended = (link for link in ledger.recoveries() if link.target == RECOVERED)
    return [{"at": link.at, "who": link.who, "because": link.because} for link in ended]


@archive.command()
@_json
@click.pass_obj
def head(path: Path, *, as_json: bool) -> None:
    """How far the chain has come: keep it where nobody can change it."""
    with ledger_at(path) as ledger, ledger.snapshot() as snapshot:
        found = snapshot.head()
        newest = next(snapshot.links(found.sequence - 1), None)
    at = newest.at if newest else None
    if as_json:
        click.echo(json.dumps({"sequence": found.sequence, "hash": found.hash, "at": at}))
    else:
        click.echo(f"{found.sequence} {found.hash} {at or ''}".rstrip())


# ------------------------------------------------------------------------------------------ looking


@archive.command()
@click.argument("text", default="")
@click.option("--bank", default="", help="Only files of this bank.")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Files that came on it or later.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Files that came on it or before.")
@click.option("--most", type=click.IntRange(1), default=100, show_default=True)
@_json
@click.pass_obj
def find(
    path: Path,
    text: str,
    *,
    bank: str,
    since: datetime | None,
    until: datetime | None,
    most: int,
    as_json: bool,
) -> None:
    """Find dossiers by TEXT (a file id, message id, sha256, or how a name begins), bank and day."""
    from h2h.ports import Wanted  # noqa: PLC0415 - with the ledger

    wanted = Wanted(text, bank, _day(since), _day(until))
    with ledger_at(path) as ledger, _archive_at(path) as dossiers:
        rows = [_row(file, dossiers) for file in ledger.found(wanted, most)]
    columns = ("file_id", "direction", "bank", "name", "state", "created", "message_id")
    empty = tell(say("Nothing in the archive is like that."), translator_at(path))
    show_rows(rows, columns, as_json=as_json, empty=empty)
    if not rows:
        sys.exit(1)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _row(file: File, dossiers: FolderArchive) -> Row:
    return {
        "file_id": file.id,
        "direction": file.direction,
        "bank": file.bank,
        "name": file.name,
        "state": file.state.value,
        "created": file.created.isoformat(timespec="seconds"),
        "message": file.message,
        "message_id": file.message_id,
        "sent_as": file.final_name,
        "sha256": file.sha256,
        "dossier": str(dossiers.place(file.id)),
    }


@archive.command()
@click.argument("identity", metavar="ID")
@_json
@click.pass_obj
def show(path: Path, identity: str, *, as_json: bool) -> None:
    """What lies in the dossier of the file ID, what became of it, and who decided."""
    from h2h.flows.handout import dossier_of  # noqa: PLC0415 - with the ledger

    translate = translator_at(path)
    with ledger_at(path) as ledger, _archive_at(path) as dossiers:
        file, dossier = dossier_of(identity, ledger, dossiers)
        contents = list(_contents(dossier, dossiers))
        moves: list[Row] = [
            {
                "sequence": move.sequence,
                "at": move.at.isoformat(timespec="seconds"),
                "from": move.source,
                "to": move.target,
                "who": move.who,
                "because": tell(move.because, translate),
                "hash": move.hash,
            }
            for move in ledger.moves(file.id)
        ]
    decisions = [move for move in moves if move["who"] != "h2h"]
    if as_json:
        told = {**_row(file, dossiers), "contents": contents, "moves": moves}
        click.echo(json.dumps({**told, "decisions": decisions}, ensure_ascii=False))
        return
    click.echo(f"{file.id}  {file.name}  {file.state}\n{dossier.place}")
    for title, rows, columns in (
        ("contents", contents, ("name", "size", "sha256", "at_rest", "erased")),
        ("moves", moves, ("sequence", "at", "from", "to", "who", "because")),
        ("decisions", decisions, ("at", "to", "who", "because")),
    ):
        click.secho(title, bold=True)
        show_rows(rows, columns, as_json=False, empty="  -")


def _contents(dossier: Dossier, dossiers: FolderArchive) -> Iterator[Row]:
    from h2h.core.dossier import manifest_facts  # noqa: PLC0415 - beside its only use

    facts = manifest_facts(dossier.manifest or b"") or {}
    listed = facts.get("files")
    known = listed if isinstance(listed, dict) else {}
    for name in sorted({*dossier.contents, *dossier.at_rest}):
        plain = dossier.contents.get(name)
        told = known.get(name, {})
        sha256, size = dossiers.digest(plain) if plain else (told.get("sha256"), told.get("size"))
        at_rest = told.get("at_rest", {}).get("sha256") if name in dossier.at_rest else None
        yield {"name": name, "size": size, "sha256": sha256, "at_rest": at_rest, "erased": None}
    for name, told in sorted(known.items()):
        if "erased" in told and name not in {*dossier.contents, *dossier.at_rest}:
            sha256, at_rest = told.get("sha256"), told.get("at_rest", {}).get("sha256")
            row = {"name": name, "size": told.get("size"), "sha256": sha256, "at_rest": at_rest}
            yield {**row, "erased": told["erased"]}


# -------------------------------------------------------------------------------------- handing out


@archive.command()
@click.argument("identity", metavar="ID")
@click.option(
    "--to",
    "target",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The folder in which ID/ is made (default: here).",
)
@_json
@click.pass_obj
def export(path: Path, identity: str, *, target: Path, as_json: bool) -> None:
    """Copy the dossier of ID, opened, with the chain from its first record to the head."""
    from h2h.flows.handout import dossier_of, hand_out  # noqa: PLC0415 - with the ledger

    with ledger_at(path) as ledger, _archive_at(path) as dossiers:
        file, _ = dossier_of(identity, ledger, dossiers)
        insist_unveiled(path, ledger, file)
        folder = target / file.id
        if folder.exists():
            words = say("{folder} is there already", folder=folder)
            raise Refused(words, say("Remove it, or export to another folder"))
        made = folder.with_name(f".{folder.name}.writing")
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700, parents=True)
        try:
            proof = hand_out(file.id, ledger, dossiers, made)
        except BaseException:
            shutil.rmtree(made)
            raise
        made.rename(folder)
    told = {
        "file_id": file.id,
        "folder": str(folder),
        "records": proof[0],
        "sequence": proof[1].sequence,
        "head": proof[1].hash,
    }
    line = f"{folder}: its dossier, and chain.jsonl: {proof[0]} records up to {proof[1].hash}"
    click.echo(json.dumps(told) if as_json else line)
