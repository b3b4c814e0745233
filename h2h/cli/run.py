"""`h2h run`, `send`, `fetch`: what moves files. While a daemon runs, it is asked to do it."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from h2h.cli.workspace import translator_at
from h2h.core.words import say, tell

if TYPE_CHECKING:
    from h2h.config import Config
    from h2h.ports import Services


@click.command()
@click.option("--once", is_flag=True, help="One pass over doors, doubts and timetable, then out.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def run(path: Path, *, once: bool, as_json: bool) -> None:
    """Run the daemon, or one pass with --once."""
    from h2h import daemon  # noqa: PLC0415 - heavy
    from h2h.adapters.journal import Journal  # noqa: PLC0415 - heavy
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.pace import keep_to_ourselves  # noqa: PLC0415 - ctypes takes a while
    from h2h.wiring import wire  # noqa: PLC0415 - heavy

    keep_to_ourselves()
    config = load(path)
    if once:
        _end_at_sigterm()
    with _alone(config), wire(config, Journal()) as services:
        if not once:
            with _probed(config, services):
                daemon.Daemon(services).run()
            return
        unreachable = daemon.once(services)
    _tell(unreachable, path, as_json=as_json)


@contextmanager
def _probed(config: Config, services: Services) -> Iterator[None]:
    """/metrics, /healthz and /readyz of the daemon, where a port is configured for them."""
    from h2h.adapters.probes import serving  # noqa: PLC0415 - for the daemon alone
    from h2h.flows.readiness import PATHS, answer  # noqa: PLC0415 - as above

    def respond(path: str, address: str, headers: Mapping[str, str]) -> tuple[int, str, bytes]:
        told = answer(services, path, address, headers)
        return told.status, told.kind, told.body

    port = config.h2h.metrics_port
    with nullcontext() if port is None else serving(port, PATHS, respond):
        yield


@click.command()
@click.argument("bank", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def send(path: Path, *, bank: str | None, as_json: bool) -> None:
    """Send what lies in the doors, now."""
    _act("send", bank, path, as_json=as_json)


@click.command()
@click.argument("bank", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def fetch(path: Path, *, bank: str | None, as_json: bool) -> None:
    """Fetch from BANK, or from all banks, now."""
    _act("fetch", bank, path, as_json=as_json)


def _act(verb: str, bank: str | None, path: Path, *, as_json: bool) -> None:
    from h2h.config import load  # noqa: PLC0415 - heavy

    if bank is not None and bank not in load(path).banks:
        raise click.BadParameter(f"there is no bank {bank} in {path}")
    _end_at_sigterm()
    _tell(ask_or_do(verb, bank or "", path), path, as_json=as_json)


def _end_at_sigterm() -> None:
    """A single pass ends as at Ctrl-C: what is held is let go of; it is no crash."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


def ask_or_do(verb: str, subject: str, path: Path) -> dict[str, str]:
    """Have the running daemon do it; without one, hold the ledger and do it here."""
    from h2h import asking  # noqa: PLC0415 - heavy
    from h2h.adapters.journal import Journal  # noqa: PLC0415 - heavy
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.pace import keep_to_ourselves  # noqa: PLC0415 - ctypes takes a while
    from h2h.wiring import SystemClock, ledger_of, wire  # noqa: PLC0415 - heavy

    config = load(path)
    ledger = ledger_of(config)
    try:
        if ledger.is_locked():
            return asking.ask(ledger, verb, subject, SystemClock().now())
    finally:
        ledger.close()
    keep_to_ourselves()
    with _alone(config), wire(config, Journal()) as services:
        return asking.do(services, verb, subject)


def _alone(config: Config) -> AbstractContextManager[None]:
    """Hold the workspace's ledger, so that no second h2h moves its files."""
    from h2h.wiring import lock_of  # noqa: PLC0415 - heavy

    return lock_of(config).lock()


def _tell(unreachable: dict[str, str], path: Path, *, as_json: bool) -> None:
    """Say that it is done, or which banks could not be reached; exit 1 when there are some."""
    if as_json:
        click.echo(json.dumps({"unreachable": unreachable}))
    else:
        translate = translator_at(path)
        for bank, because in unreachable.items():
            words = say("{bank} could not be reached: {because}", bank=bank, because=because)
            click.echo(tell(words, translate), err=True)
        if not unreachable:
            words = say("Done; `h2h status` shows what is still under way.")
            click.echo(tell(words, translate))
    if unreachable:
        sys.exit(1)
