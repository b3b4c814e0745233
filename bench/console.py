"""What a page of the console costs as the ledger grows: python bench/console.py [PART…].

A ledger of 1,000,000 payments in 100,000 files is asked for the same pages as one of 1,000 payments
in 100 files. The figure is the processor's time that the server takes for a page, whole, from the
request to the last byte, in one process without a network; the median of the rounds. What happened
today is the same in both: what grows is the past.

Parts: pages (at most 3 times), help (`h2h --help` beside a bare Python, at most 5 times).
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

from measure import in_turns, median, told

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from starlette.applications import Starlette

NOW = datetime(2026, 11, 23, 14, tzinfo=UTC)
DAYS = 1_000
TODAY = 50  # files of this day, in either ledger
BANKS = ("acme", "globex", "initech", "umbrella", "hooli")
PASSWORD = "correct horse battery staple"
CONFIG = """
[h2h]
environment = "test"
""" + "".join(
    f"""
[banks.{name}]
calendar = "ECB"
zone = "Europe/Berlin"
fetch = ["*/15 7-18 * * mon-fri"]
[banks.{name}.folder]
root = "bank"
upload = {{ folder = "in", temporary = "{{name}}.{{attempt}}.tmp", publish = "rename" }}
[banks.{name}.pgp]
seal = "none"
[[banks.{name}.accounts]]
number = "{number}"
bank_code = "37040044"
currency = "EUR"
entity = "Acme GmbH"
"""
    for number, name in enumerate(BANKS, 1000001)
)
PAGES = {
    "Today": "/",
    "Files": "/files",
    "Files, one bank's rejected": "/files?bank=globex&state=rejected",
    "Files, further back": "/files?after={middle}",
    "Files, by a creditor": "/files?q=lieferant+0000123",
    "Files, by an amount": "/files?q=EUR+123.45",
    "Payments": "/payments",
    "Payments, rejected": "/payments?state=rejected",
    "Payments, by the name of all": "/payments?q=lieferant",
    "One file": "/files/{middle}",
    "One payment": "/files/{middle}/payments/3",
}


class Clock:
    """It stands still: this day is today."""

    def now(self) -> datetime:
        return NOW


class Quiet:
    """A log that nobody reads."""

    def event(self, event: str, /, **facts: str | int | None) -> None:
        pass


# ------------------------------------------------------------------------------- a ledger of years


def moment(number: int, files: int) -> datetime:
    """When a file came: the last ones today, the others evenly over the years."""
    if number >= files - TODAY:
        return NOW - timedelta(minutes=5 * (files - number))
    return NOW - timedelta(days=1 + DAYS * (files - number) / files)


def name_of(number: int, files: int) -> str:
    """A file's id."""
    return f"{moment(number, files):%Y%m%d-%H%M%S}-{number:06x}"


def fill(connection: Connection, files: int, payments: int, links: int) -> None:
    """Payment files and bank files, ten of the first to one of the second, with all they have."""
    from h2h.adapters.sql import tables  # noqa: PLC0415 - heavy

    out = [number for number in range(files) if number % 11]
    each = payments // len(out) + 1
    _insert(connection, tables.files, (_file(number, files, each) for number in range(files)))
    _insert(connection, tables.moves, _moves(files, links))
    _insert(connection, tables.payments, _payments(out, files, payments, each))
    _insert(connection, tables.statements, _statements(files))


def _insert(connection: Connection, table: Any, rows: Iterable[Mapping[str, object]]) -> None:  # noqa: ANN401  a Table
    from itertools import islice  # noqa: PLC0415 - beside its only use

    from sqlalchemy import insert  # noqa: PLC0415 - heavy

    rows = iter(rows)
    while chunk := list(islice(rows, 5_000)):
        connection.execute(insert(table), chunk)


def _state(number: int, files: int) -> str:
    if number % 11 == 0:
        return "done"
    if number >= files - 10:
        return "awaiting_approval" if number % 2 else "held"
    return "rejected" if number % 97 == 0 else "accepted"


def _file(number: int, files: int, each: int) -> dict[str, object]:
    state = _state(number, files)
    out = number % 11 != 0
    return {
        "id": name_of(number, files),
        "direction": "out" if out else "in",
        "bank": BANKS[number % len(BANKS)],
        "name": f"payrun_{number:06}.xml" if out else f"statement_{number:06}.xml",
        "state": state,
        "held_from": "claimed" if state == "held" else None,
        "created": moment(number, files),
        "sha256": f"{number:064x}",
        "message_id": f"MSG-{number}" if out else "",
        "initiating_party": "Acme",
        "transactions": each if out else None,
        "control_sum": {"EUR": f"{number}.45"} if out else {},
        "remote_name": "" if out else f"statement_{number:06}.xml",
        "remote_mtime": number,
        "last_move": 6 * number + 6,
        "recorded": 6 * number + 6,
    }


def _moves(files: int, links: int) -> Iterator[dict[str, object]]:
    life = ("claiming", "claimed", "valid", "approved", "sealed", "sent")
    for number in range(files):
        for step, state in enumerate(life):
            yield {
                "sequence": links + 6 * number + step + 1,
                "file_id": name_of(number, files),
                "source": life[step - 1] if step else "",
                "target": state,
                "at": moment(number, files) + timedelta(seconds=step),
                "who": "h2h",
                "content": f"{number:064x}",
                "previous": f"{6 * number + step:064x}",
                "hash": f"{6 * number + step + 1:064x}",
            }


def _payments(out: list[int], files: int, payments: int, each: int) -> Iterator[dict[str, object]]:
    for count in range(payments):
        number = out[count // each]
        state = _state(number, files)
        paid = "instructed" if state in {"held", "awaiting_approval"} else "booked"
        yield {
            "file_id": name_of(number, files),
            "number": count % each + 1,
            "batch_id": "B1",
            "end_to_end_id": f"INV-{count}",
            "amount": Decimal(count % 5_000) + Decimal("0.45"),
            "currency": "EUR",
            "account": "1000001",
            "counterparty_account": f"DE{count % 50_000:020}",
            "counterparty_name": f"Lieferant {count % 50_000:07}",
            "remittance": f"Rechnung {count}",
            "requested_execution_date": moment(number, files).date(),
            "state": "rejected" if state == "rejected" else paid,
            "exact_key": count.to_bytes(8, "big"),
            "similar_key": count.to_bytes(8, "big"),
        }


def _statements(files: int) -> Iterator[dict[str, object]]:
    """A statement in each bank file; the last months have one of each account and day."""
    for number in range(0, files, 11):
        day: date = moment(number, files).date()
        bank = number % len(BANKS)
        yield {
            "id": f"{name_of(number, files)}-1",
            "key": number + 1,
            "file_id": name_of(number, files),
            "index": 1,
            "kind": "statement",
            "bank": BANKS[bank],
            "account": f"{1000001 + bank}",
            "currency": "EUR",
            "as_of": day,
            "closing": Decimal(number),
            "booked": Decimal(0),
            "kept": "booked",
            "entries": 0,
            "fingerprint": f"{number}",
            "position": f"{day}|{number:08}",
        }


# -------------------------------------------------------------------------------------- the pages


def workspace(folder: Path, files: int, payments: int) -> Path:
    """A workspace with so much in its ledger; made in `folder` where there is none yet."""
    from sqlalchemy import create_engine  # noqa: PLC0415 - heavy

    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.wiring import wire  # noqa: PLC0415 - heavy

    made = folder / f"console-{payments}"
    if (made / "filled").exists():
        return made
    (made / "bank").mkdir(parents=True)
    (made / "config.toml").write_text(CONFIG)
    with wire(load(made / "config.toml"), Quiet(), Clock()) as services:
        for name in ("anna", "bob"):
            services.ledger.enrol(name, "", ["admin"], "", "os:bench", "bench", NOW)
            services.ledger.set_password(name, PASSWORD, NOW)
    engine = create_engine(f"sqlite:///{made}/ledger.db")
    with engine.begin() as connection:
        links = connection.exec_driver_sql("SELECT max(sequence) FROM moves").scalar() or 0
        fill(connection, files, payments, links)
    engine.dispose()
    (made / "filled").touch()
    return made


async def ask(app: Starlette, address: str, cookie: str) -> tuple[int, bytes]:
    """One request to the application, without a network; status and page."""
    path, _, query = address.partition("?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(b"host", b"127.0.0.1"), (b"cookie", f"h2h_session={cookie}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    status, parts = 0, []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)
        parts.append(message.get("body", b""))

    await app(scope, receive, send)  # type: ignore[arg-type]  # looser than the protocol
    return status, b"".join(parts)


def cost_of_pages(made: Path, files: int, rounds: int) -> dict[str, float]:
    """The processor's seconds for each page, the median of so many."""
    from h2h.config import load  # noqa: PLC0415 - heavy
    from h2h.console.app import application  # noqa: PLC0415 - heavy
    from h2h.wiring import wire  # noqa: PLC0415 - heavy

    with wire(load(made / "config.toml"), Quiet(), Clock()) as services:
        app = application(services)
        token, _ = services.ledger.sign_in("anna", PASSWORD, "", "", NOW)
        middle = name_of(files // 2 // 11 * 11 + 1, files)

        async def measured() -> dict[str, float]:
            costs: dict[str, list[float]] = {name: [] for name in PAGES}
            for _ in range(rounds + 2):  # the first two warm up
                for name, address in PAGES.items():
                    began = process_time()
                    status, page = await ask(app, address.format(middle=middle), token)
                    costs[name].append(process_time() - began)
                    assert status == 200, (name, status, page[:2000])
            return {name: statistics.median(each[2:]) for name, each in costs.items()}

        return asyncio.run(measured())


def pages(folder: Path, rounds: int) -> Iterator[str]:
    """Each page of a large ledger beside the same of a small one."""
    few, many = (100, 1_000), (100_000, 1_000_000)
    small, large = (
        cost_of_pages(workspace(folder, *size), size[0], rounds) for size in (few, many)
    )
    yield "1,000,000 payments in 100,000 files beside 1,000 in 100, milliseconds a page"
    for name in PAGES:
        ratio = large[name] / small[name]
        yield (
            f"  {name:30} {small[name] * 1000:7.1f} {large[name] * 1000:7.1f}  {ratio:.2f} x (3.0)"
        )


def help_(folder: Path, rounds: int) -> Iterator[str]:
    """The start of the program beside that of the language."""
    del folder
    h2h = str(Path(sys.executable).with_name("h2h"))
    commands = {"h2h --help": [h2h, "--help"], "python -c pass": [sys.executable, "-c", "pass"]}
    costs = in_turns(commands, rounds)
    for name, each in costs.items():
        yield told(name, each)
    ours, bare = (median(costs[name]) for name in commands)
    yield f"  {ours / bare:.2f} x a bare Python (5.0)"


PARTS = {"pages": pages, "help": help_}


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=[*PARTS], metavar="PART")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--folder", type=Path, help="keeps the ledgers for the next time")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for part in asked.parts:
            for line in PARTS[part](folder, asked.rounds):
                print(line, flush=True)


if __name__ == "__main__":
    main()
