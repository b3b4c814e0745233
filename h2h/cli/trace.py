"""One payment's whole life: what the ERP dropped, what the bank told, what the account shows."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.cli.output import Row, show_rows
from h2h.cli.workspace import acting, ledger_at, translator_at
from h2h.core.words import tell

if TYPE_CHECKING:
    from h2h.core.words import Translate
    from h2h.ports import TracedPayment, TraceEvent

_UNCERTAIN = "uncertain"
_OPEN = ("asked", "pending")  # a recall that the bank has not decided


@click.command()
@click.argument("end_to_end_id", metavar="END_TO_END_ID")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a payment.")
@click.pass_obj
def trace(path: Path, end_to_end_id: str, *, as_json: bool) -> None:
    """The life of every payment with this END_TO_END_ID, and what it still lacks."""
    from h2h import desk  # noqa: PLC0415 - with the ledger

    with ledger_at(path) as ledger:
        roles = desk.roles_of(ledger, acting(ledger))
        found = [desk.veil_trace(traced, roles) for traced in ledger.trace(end_to_end_id)]
    if not found:
        click.echo(f"there is no payment {end_to_end_id}; `h2h show ID` lists a file's", err=True)
        sys.exit(1)
    translate = translator_at(path)
    for traced in found:
        life = _life(traced, translate)
        if as_json:
            click.echo(json.dumps(life, ensure_ascii=False))
        else:
            _show(life)


def _life(traced: TracedPayment, translate: Translate) -> dict[str, object]:
    from h2h.core.missing import next_of  # noqa: PLC0415 - with the ledger
    from h2h.core.states import Out  # noqa: PLC0415 - the same

    payment, file = traced.payment, traced.file
    day = payment.requested_execution_date
    uncertain = [event for event in traced.events if event.what == _UNCERTAIN]
    lacks = next_of(
        payment.state,
        Out(file.state),
        file.id,
        payment.account,
        uncertain=bool(uncertain),
        recalled=any(event.what == "recall" and event.level in _OPEN for event in traced.events),
    )
    return {
        "end_to_end_id": payment.end_to_end_id,
        "instruction_id": payment.instruction_id or None,
        "batch_id": payment.batch_id or None,
        "file_id": file.id,
        "file": file.name,
        "bank": file.bank,
        "number": payment.number,
        "amount": payment.amount,
        "currency": payment.currency,
        "account": payment.account,
        "counterparty_name": payment.counterparty_name,
        "counterparty_account": payment.counterparty_account,
        "requested_execution_date": day.isoformat() if day else None,
        "state": payment.state.value,
        "status": payment.status or None,
        "reason": payment.reason or None,
        "servicer_reference": payment.servicer_reference or None,
        "payee_check": payment.payee_check or None,
        "payee_name": payment.payee_name or None,
        "events": [_event(event, translate) for event in traced.events if event not in uncertain],
        "uncertain": [_event(event, translate) for event in uncertain],
        "next": tell(lacks, translate),
    }


def _event(event: TraceEvent, translate: Translate) -> Row:
    return {
        "at": event.at.isoformat(timespec="seconds"),
        "event": event.what,
        "who": event.who or None,
        "file_id": event.file_id,
        "file": event.file_name,
        "because": tell(event.because, translate) or None,
        "code": event.code or None,
        "created": event.created or None,
        "level": event.level or None,
        "statement": event.statement_id or None,
        "entry": event.entry or None,
        "booking_date": event.booking_date.isoformat() if event.booking_date else None,
        "amount": event.amount or None,
        "currency": event.currency or None,
        "reference": event.reference or None,
    }


# ----------------------------------------------------------------------------------- for a person


def _show(life: dict[str, object]) -> None:
    click.secho("{end_to_end_id}: {amount} {currency}, {state}".format(**life), bold=True)
    click.echo("from {account} to {counterparty_name} ({counterparty_account})".format(**life))
    click.echo("payment {number} of {file} (file {file_id}), bank {bank}".format(**life))
    if life["payee_check"]:
        click.echo("payee check {payee_check} {name}".format(name=life["payee_name"] or "", **life))
    _table(life["events"])
    if life["uncertain"]:
        click.secho("uncertain: what may be this payment, for a person to look at", bold=True)
        _table(life["uncertain"])
    click.echo("next: {next}".format(**life))


def _table(events: object) -> None:
    rows = [_line(event) for event in events] if isinstance(events, list) else []
    columns = ("at", "event", "who", "file", "told")
    show_rows(rows, columns, as_json=False, empty="  nothing happened yet")


def _line(event: Row) -> Row:
    """An event in five columns, the bank's part in one of them."""
    booked = event["statement"] and (
        f"{event['amount']} {event['currency']} booked {event['booking_date'] or 'without a date'}"
        f", entry {event['entry']} of {event['level']} {event['statement']}"
    )
    level = event["level"] if not event["statement"] else None
    told = (event["code"], level, booked, event["because"])
    return {
        "at": event["at"],
        "event": event["event"],
        "who": event["who"],
        "file": event["file"],
        "told": ", ".join(str(part) for part in told if part),
    }
