"""`h2h operator`: who may act at the desk. Passwords come from a prompt or stdin, never by argv."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.cli.output import Row, show_rows
from h2h.cli.workspace import acting, ledger_at, now, user
from h2h.errors import Refused

if TYPE_CHECKING:
    from h2h.ports import MoveRow, Proposal

_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
_reason = click.option("--reason", required=True, help="Why, in words; it is kept for ever.")
_name = click.argument("name", metavar="NAME")
_role = click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    help="viewer, operator, approver, admin or payroll; may be given several times.",
)


@click.group()
def operator() -> None:
    """Who may act. Once there are two admins, every change waits until a second one confirms it."""


@operator.command()
@_name
@_role
@click.option("--os-user", help='Who he is in the shell (default: NAME); "" for nobody.')
@click.option(
    "--password", "asks", is_flag=True, help="Ask for (half of) a first password, to be changed."
)
@_reason
@_json
@click.pass_obj
def add(
    path: Path,
    name: str,
    roles: tuple[str, ...],
    os_user: str | None,
    reason: str,
    *,
    asks: bool,
    as_json: bool,
) -> None:
    """Add the operator NAME; the workspace's owner adds the first two admins."""
    from h2h import desk  # noqa: PLC0415 - heavy
    from h2h.config import load  # noqa: PLC0415 - heavy

    owner = load(path).owner == user()
    password = _new_password() if asks else ""
    with ledger_at(path) as ledger:
        change = desk.add_operator(
            ledger,
            name,
            roles,
            acting(ledger),
            reason,
            now(),
            os_user=name if os_user is None else os_user,
            password=password,
            owner=owner,
        )
    if change is not None:
        _tell(change, as_json=as_json)
        return
    told = {"operator": name, "outcome": "added"}
    click.echo(json.dumps(told) if as_json else f"{name} is an operator now")


@operator.command("list")
@_json
@click.pass_obj
def list_(path: Path, *, as_json: bool) -> None:
    """Everybody there is or was, and the changes that wait for a second person."""
    with ledger_at(path) as ledger:
        there, waiting = ledger.operators(), ledger.proposals()
    rows: list[Row] = [
        {
            "kind": "operator",
            "name": each.name,
            "roles": list(each.roles),
            "os_user": each.os_user or None,
            "signs_in_with": _factors(password=each.has_password, totp=each.has_totp),
            "state": "active" if each.active else "removed",
        }
        for each in there
    ]
    changes = [_row(change) for change in waiting]
    if as_json:
        show_rows([*rows, *changes], (), as_json=True, empty="")
        return
    columns = ("name", "roles", "os_user", "signs_in_with", "state")
    show_rows(rows, columns, as_json=False, empty="There is no operator yet.")
    if changes:
        click.secho("wait for a second person: `h2h operator confirm NUMBER`", bold=True)
        show_rows(changes, _CHANGE, as_json=False, empty="")


@operator.command()
@_name
@_reason
@_json
@click.pass_obj
def remove(path: Path, name: str, reason: str, *, as_json: bool) -> None:
    """Remove the operator NAME; nobody else will ever have this name."""
    _propose(path, "remove", name, reason, as_json=as_json)


@operator.command()
@_name
@_role
@_reason
@_json
@click.pass_obj
def role(path: Path, name: str, roles: tuple[str, ...], reason: str, *, as_json: bool) -> None:
    """Give the operator NAME these roles instead of those he has."""
    _propose(path, "role", name, reason, roles=roles, as_json=as_json)


@operator.command()
@_name
@click.option("--reason", default="", help="Why, in words; for somebody else's password.")
@_json
@click.pass_obj
def password(path: Path, name: str, reason: str, *, as_json: bool) -> None:
    """Set your own password; somebody else's waits for a second admin, and he has to change it."""
    from h2h import desk  # noqa: PLC0415 - heavy

    chosen = _new_password()
    with ledger_at(path) as ledger:
        own = acting(ledger) == name
        if own:
            desk.change_password(ledger, name, chosen, now())
    if not own:
        _propose(path, "password", name, reason, password=chosen, as_json=as_json)
        return
    told = {"operator": name, "outcome": "password set"}
    click.echo(json.dumps(told) if as_json else f"the password of {name} is set")


@operator.command()
@_name
@click.option("--remove", "removes", is_flag=True, help="Take it away (a second admin confirms).")
@click.option("--reason", default="", help="Why, in words; with --remove.")
@_json
@click.pass_obj
def totp(path: Path, name: str, reason: str, *, removes: bool, as_json: bool) -> None:
    """Make your own second factor new; its address is shown once, for your telephone."""
    from h2h import desk  # noqa: PLC0415 - heavy

    if removes:
        _propose(path, "totp", name, reason, as_json=as_json)
        return
    with ledger_at(path) as ledger:
        if acting(ledger) != name:
            raise Refused("only its owner makes a second factor", "An admin can --remove it")
        address = desk.new_second_factor(ledger, name, now())
    click.echo(json.dumps({"operator": name, "address": address}) if as_json else address)


@operator.command()
@click.argument("number", type=int)
@_reason
@_json
@click.pass_obj
def confirm(path: Path, number: int, reason: str, *, as_json: bool) -> None:
    """Be the second person for the change NUMBER."""
    from h2h import desk  # noqa: PLC0415 - heavy

    with ledger_at(path) as ledger:
        change = desk.confirm(ledger, number, acting(ledger), reason, now())
    _tell(change, as_json=as_json)


@operator.command()
@click.argument("number", type=int)
@_reason
@_json
@click.pass_obj
def refuse(path: Path, number: int, reason: str, *, as_json: bool) -> None:
    """Say no to the change NUMBER."""
    from h2h import desk  # noqa: PLC0415 - heavy

    with ledger_at(path) as ledger:
        change = desk.refuse(ledger, number, acting(ledger), reason, now())
    _tell(change, as_json=as_json)


@operator.command()
@_name
@_json
@click.pass_obj
def revoke(path: Path, name: str, *, as_json: bool) -> None:
    """End all sessions of the operator NAME in the console."""
    from h2h import desk  # noqa: PLC0415 - heavy

    with ledger_at(path) as ledger:
        ended = desk.revoke_sessions(ledger, name, acting(ledger), now())
    told = {"operator": name, "sessions_ended": ended}
    click.echo(json.dumps(told) if as_json else f"{ended} sessions of {name} are ended")


@operator.command()
@_json
@click.pass_obj
def log(path: Path, *, as_json: bool) -> None:
    """For the auditor: every change of operators and every sign-in, as the chain has them."""
    from h2h import desk  # noqa: PLC0415 - heavy
    from h2h.core.operators import Act  # noqa: PLC0415 - with the desk

    with ledger_at(path) as ledger:
        desk.insist(ledger, acting(ledger), Act.AUDIT)
        links = [*ledger.room_moves("operator-"), *ledger.room_moves("sign-")]
    show_links(links, as_json=as_json)


def show_links(links: list[MoveRow], *, as_json: bool) -> None:
    """Links of the chain that belong to no file."""
    rows: list[Row] = [
        {
            "sequence": move.sequence,
            "at": move.at.isoformat(timespec="seconds"),
            "what": move.target,
            "who": move.who,
            "because": str(move.because),
        }
        for move in sorted(links, key=lambda move: move.sequence)
    ]
    columns = ("sequence", "at", "what", "who", "because")
    show_rows(rows, columns, as_json=as_json, empty="Nothing happened yet.")


# ---------------------------------------------------------------------------------------- changes

_CHANGE = ("number", "change", "subject", "details", "who", "reason", "at")


def _propose(
    path: Path,
    kind: str,
    name: str,
    reason: str,
    *,
    as_json: bool,
    roles: tuple[str, ...] = (),
    password: str = "",
) -> None:
    from h2h import desk  # noqa: PLC0415 - heavy

    with ledger_at(path) as ledger:
        who = acting(ledger)
        change = desk.change_operator(
            ledger, kind, name, who, reason, now(), roles=roles, password=password
        )
    _tell(change, as_json=as_json)


def _tell(change: Proposal, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_row(change), ensure_ascii=False))
    elif change.outcome:
        click.echo(f"change {change.id} ({change.kind} {change.subject}) is {change.outcome}")
        if change.second_half:
            whose = f"the second half of the first password of {change.subject}"
            click.echo(
                f"{whose}, told once, to be typed right behind the first: {change.second_half}"
            )
    else:
        words = f"change {change.id} ({change.kind} {change.subject}) waits for a second admin"
        click.echo(f"{words}: h2h operator confirm {change.id} --reason …")


def _row(change: Proposal) -> Row:
    details = "; ".join(
        f"{key}: {', '.join(value)}" for key, value in change.details.items() if any(value)
    )
    return {
        "kind": "change",
        "number": change.id,
        "change": change.kind,
        "subject": change.subject,
        "details": details,
        "who": change.who,
        "reason": change.reason,
        "at": change.at.isoformat(timespec="seconds"),
        "outcome": change.outcome or None,
        "decided_by": change.decided_by or None,
        "second_half": change.second_half or None,
    }


def _factors(*, password: bool, totp: bool) -> list[str]:
    return [name for name, there in (("password", password), ("totp", totp)) if there]


def _new_password() -> str:
    """Asked for twice at a terminal; else the first line of stdin."""
    if sys.stdin.isatty():
        asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return asked
    return sys.stdin.readline().rstrip("\n")
