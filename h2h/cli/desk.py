"""The desk in the shell: approve, hold, release, reject, cancel, recall, resolve, pause, resume."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.cli.workspace import acting, ledger_at, now, translator_at
from h2h.core.words import say, tell
from h2h.errors import Refused

if TYPE_CHECKING:
    from h2h.ports import Ledger

_reason = click.option("--reason", required=True, help="Why, in words; it is kept for ever.")
_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


def _act(
    act: Callable[[Ledger, str, str, str, datetime], str],
    path: Path,
    identity: str,
    reason: str,
    *,
    as_json: bool,
) -> None:
    with ledger_at(path) as ledger:
        _say(identity, act(ledger, identity, acting(ledger), reason, now()), as_json=as_json)


def _known(bank: str, path: Path) -> None:
    """A mistyped bank would be a stop button that stops nothing."""
    from h2h.config import load  # noqa: PLC0415 - heavy

    if bank and bank not in load(path).banks:
        raise click.BadParameter(f"there is no bank {bank} in {path}")


def _say(identity: str, state: str, *, as_json: bool) -> None:
    told = {"id": identity, "state": state}
    click.echo(json.dumps(told) if as_json else f"{identity} is now {state}")


@click.command()
@click.argument("identity", metavar="ID")
@click.option("--sha256", default="", help="Only if the file is still this one, as `show` told.")
@_reason
@_json
@click.pass_obj
def approve(path: Path, identity: str, sha256: str, reason: str, *, as_json: bool) -> None:
    """Approve the payment file ID that waits for it; with the last approval it goes on."""
    from h2h import desk  # noqa: PLC0415 - heavy

    with ledger_at(path) as ledger:
        who = acting(ledger)
        state = desk.approve(ledger, identity, who, reason, now(), content=sha256)
        asked = ledger.asked_of(identity)
        missing = ledger.waiting_for(asked) if asked else ""
    if state == "awaiting_approval" and not as_json:
        click.echo(f"{identity} is approved by {who}; it still waits: {missing}")
        return
    told = {"id": identity, "state": state, "who": who, "missing": missing or None}
    click.echo(json.dumps(told) if as_json else f"{identity} is now {state}")


@click.command()
@click.argument("identity", metavar="ID")
@_reason
@_json
@click.pass_obj
def hold(path: Path, identity: str, reason: str, *, as_json: bool) -> None:
    """Set the payment file ID aside before it is delivered; `release` lets it go on."""
    from h2h import desk  # noqa: PLC0415 - heavy

    _act(desk.hold, path, identity, reason, as_json=as_json)


@click.command()
@click.argument("identity", metavar="ID")
@click.option("--seen", type=int, help="Only if this is still its newest move, as you saw it.")
@_reason
@_json
@click.pass_obj
def release(path: Path, identity: str, reason: str, *, seen: int | None, as_json: bool) -> None:
    """Let the held file or statement ID go on; the daemon or `h2h send` moves it."""
    from h2h import desk  # noqa: PLC0415 - heavy

    _act(partial(desk.release, seen=seen), path, identity, reason, as_json=as_json)


@click.command()
@click.argument("identity", metavar="ID")
@_reason
@_json
@click.pass_obj
def reject(path: Path, identity: str, reason: str, *, as_json: bool) -> None:
    """Refuse the file ID that is held or waits for approval, or the held statement ID."""
    from h2h import desk  # noqa: PLC0415 - heavy

    _act(desk.reject, path, identity, reason, as_json=as_json)


@click.command()
@click.argument("identity", metavar="ID")
@_reason
@_json
@click.pass_obj
def cancel(path: Path, identity: str, reason: str, *, as_json: bool) -> None:
    """Take the payment file ID back before it is delivered."""
    from h2h import desk  # noqa: PLC0415 - heavy

    _act(desk.cancel, path, identity, reason, as_json=as_json)


@click.command()
@click.argument("identity", metavar="ID")
@click.option(
    "--payment",
    "payments",
    multiple=True,
    metavar="END_TO_END_ID",
    help="Only this payment of the file; may be given several times.",
)
@click.option(
    "--batch",
    "batches",
    multiple=True,
    metavar="BATCH_ID",
    help="Only this batch of the file; may be given several times.",
)
@click.option(
    "--code",
    default="CUST",
    show_default=True,
    help="The ISO reason for the bank: CUST, DUPL, AM09, FRAD, and more.",
)
@_reason
@_json
@click.pass_obj
def recall(
    path: Path,
    identity: str,
    payments: tuple[str, ...],
    batches: tuple[str, ...],
    code: str,
    reason: str,
    *,
    as_json: bool,
) -> None:
    """Ask the bank to take back the sent payment file ID, or the payment with the EndToEndId ID."""
    from h2h import desk  # noqa: PLC0415 - heavy
    from h2h.wiring import SystemClock, new_ids  # noqa: PLC0415 - heavy

    if payments and batches:
        raise click.UsageError("give --payment or --batch, not both")
    with ledger_at(path) as ledger:
        asked = desk.recall(
            ledger,
            identity,
            acting(ledger),
            reason,
            now(),
            recall_id=new_ids(SystemClock())(),
            code=code,
            payments=payments,
            batches=batches,
        )
    told = {"id": identity, "recall": asked.id, "state": asked.state.value}
    words = f"recall {asked.id} of {identity} is on its way; the daemon or `h2h send` sends it"
    click.echo(json.dumps(told) if as_json else words)


@click.command()
@click.argument("identity", metavar="ID")
@click.option("--sent/--not-sent", "sent", default=None, help="What the bank says.")
@click.option("--look", is_flag=True, help="Only look at the bank's server again, now.")
@click.option("--seen", type=int, help="Only if this is still its newest move, as you saw it.")
@click.option("--reason", default="", help="Why, in words; it is kept for ever.")
@_json
@click.pass_obj
def resolve(
    path: Path,
    identity: str,
    reason: str,
    *,
    sent: bool | None,
    look: bool,
    seen: int | None,
    as_json: bool,
) -> None:
    """Settle the file ID in doubt, as the bank says; --not-sent lets the same bytes go again, once
    a second person (an approver) said so too."""
    if (sent is None) != look or (sent is not None and not reason):
        words = "say --sent or --not-sent, as the bank told you, with --reason; or --look"
        raise click.UsageError(words)
    from h2h import desk  # noqa: PLC0415 - heavy

    if sent:
        _act(desk.resolve_sent, path, identity, reason, as_json=as_json)
        return
    _settle("look-again" if look else "not-sent", path, identity, reason, seen, as_json=as_json)


def _settle(
    verb: str, path: Path, identity: str, reason: str, seen: int | None, *, as_json: bool
) -> None:
    """What only the holder of the ledger does with a doubt."""
    from h2h import desk  # noqa: PLC0415 - heavy
    from h2h.cli.run import ask_or_do  # noqa: PLC0415 - heavy
    from h2h.desk.files import file_named  # noqa: PLC0415 - heavy

    with ledger_at(path) as ledger:
        file, who = file_named(ledger, identity), acting(ledger)
        move = file.last_move if seen is None else seen
        others = desk.second_for(ledger, who)
    act = {"file_id": file.id, "who": who, "reason": reason, "seen": move}
    answer = ask_or_do(verb, json.dumps(act), path)
    if "refused" in answer:
        raise Refused(answer["refused"])
    if verb == "not-sent" and answer["state"] == file.state and not as_json:
        names = ", ".join(others)
        words = say(
            "{id} is in doubt until one of these says so too: {names}", id=identity, names=names
        )
        click.echo(tell(words, translator_at(path)))
        return
    _say(identity, answer["state"], as_json=as_json)


@click.command()
@click.argument("identity", metavar="ID")
@_reason
@_json
@click.pass_obj
def replay(path: Path, identity: str, reason: str, *, as_json: bool) -> None:
    """Have the bank file ID read again; the daemon or `h2h fetch` does it, `h2h show` tells."""
    from h2h import desk  # noqa: PLC0415 - heavy

    _act(desk.replay, path, identity, reason, as_json=as_json)


@click.command()
@click.argument("bank", default="")
@_reason
@_json
@click.pass_obj
def pause(path: Path, bank: str, reason: str, *, as_json: bool) -> None:
    """Stop everything outward at once: at BANK, or at all banks."""
    from h2h import desk  # noqa: PLC0415 - heavy

    _known(bank, path)
    with ledger_at(path) as ledger:
        desk.pause(ledger, bank, acting(ledger), reason, now())
    _say(bank or "everything", "paused", as_json=as_json)


@click.command()
@click.argument("bank", default="")
@click.option("--reason", default="resumed", help="Why, in words.")
@_json
@click.pass_obj
def resume(path: Path, bank: str, reason: str, *, as_json: bool) -> None:
    """Go on after a pause, at BANK or at all banks."""
    from h2h import desk  # noqa: PLC0415 - heavy

    _known(bank, path)
    with ledger_at(path) as ledger:
        desk.resume(ledger, bank, acting(ledger), reason, now())
    _say(bank or "everything", "resumed", as_json=as_json)
