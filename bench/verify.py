"""What `h2h archive verify` costs: the whole command, over a ledger of a million records.

python bench/verify.py [RECORDS] [FILES]
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from measure import run, told

from h2h.adapters.archive import FolderArchive
from h2h.adapters.sql.ledger import open_ledger
from h2h.core.chain import GENESIS, Link, link
from h2h.flows.evidence import facts_of
from h2h.ports import File

CONFIG = """
[h2h]
environment = "test"
[banks.acme]
calendar = "ECB"
zone = "Europe/Berlin"
[banks.acme.folder]
root = "bank"
upload = { folder = "in" }
[banks.acme.pgp]
seal = "none"
[[banks.acme.accounts]]
iban = "DE89370400440532013000"
currency = "EUR"
"""
START = datetime(2026, 1, 1, tzinfo=UTC)
CONTENT = b"<Document/>" * 100
ROW = {
    "direction": "out",
    "bank": "acme",
    "name": "pay.xml",
    "state": "sent",
    "door": "outbox",
    "door_name": b"pay.xml",
    "door_inode": "1",
    "first_scan": 0,
    "size": len(CONTENT),
    "sha256": sha256(CONTENT).hexdigest(),
    "control_sum": "{}",
    "executions": "[]",
    "problems": "[]",
    "because": "",
    "due_because": "",
    "failures": 0,
    "attempt": 1,
}


def main() -> None:
    """Make the room, then verify it three times."""
    records, files = (int(each) for each in (*sys.argv[1:], "1000000", "10000")[:2])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "config.toml").write_text(CONFIG)
        (folder / "archive").mkdir()
        fill(folder, records, files)
        command = [sys.executable, "-m", "h2h", "--config", str(folder / "config.toml")]
        command += ["archive", "verify", "--json"]
        verdict = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        assert (verdict["moves"], verdict["files"]) == (records, files), verdict
        costs = [run(command) for _ in range(3)]
        print(f"{records:,} records of {files:,} files, each with its dossier")
        print(told("h2h archive verify", costs))


def fill(folder: Path, records: int, files: int) -> None:
    """Every file has as many moves, in turns, and a dossier that shows them all."""
    url, archive = f"sqlite:///{folder}/ledger.db", FolderArchive(folder / "archive")
    open_ledger(url, "test", archive=archive.root).close()
    ids = [f"{START + timedelta(minutes=n):%Y%m%d-%H%M%S}-{n:06x}" for n in range(files)]
    with closing(sqlite3.connect(folder / "ledger.db")) as database:
        database.executemany(
            f"INSERT INTO moves VALUES ({', '.join('?' * 10)})", moves(ids, records)
        )
        known = {each[1] for each in database.execute("PRAGMA table_info(files)")}
        numbers = ("last_move", "recorded", "sealed_size", "download", "remote_size", "begun")
        row = {**dict.fromkeys(known, ""), **dict.fromkeys(numbers, 0), **ROW}
        row |= {"remote_mtime": 0, "remote_done": 0, "transactions": None, "sequence": None}
        row |= dict.fromkeys(("held_from", "checked_on", "due_at"))
        row |= {"created": f"{START:%Y-%m-%d %H:%M:%S}.000000"}
        row = {name: value for name, value in row.items() if name in known}
        insert = f"INSERT INTO files ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
        for n, file_id in enumerate(ids):
            last = records - (records - 1 - n) % files
            row |= {"id": file_id, "final_name": f"{n}.xml", "message_id": f"M{n}"}
            row |= {"last_move": last, "recorded": last}
            database.execute(insert, tuple(row.values()))
        database.commit()
    with closing(open_ledger(url, "test", archive=archive.root)) as ledger:
        with ledger.snapshot() as snapshot:
            rows = snapshot.files()
            links = snapshot.links_by_file()
            each = records // files
            for file in rows:
                assert isinstance(file, File)
                lines = "".join(next(links).line() for _ in range(each))
                archive.path(file.id, "original.xml").write_bytes(CONTENT)
                archive.record(file.id, json.dumps(facts_of(file)), lines)
        archive.note_head(ledger.head(), START)


def moves(ids: list[str], records: int) -> Iterator[tuple[object, ...]]:
    previous, content = GENESIS, ROW["sha256"]
    for number in range(1, records + 1):
        at, file_id = START + timedelta(seconds=number), ids[(number - 1) % len(ids)]
        stamp = at.isoformat(timespec="microseconds")
        each = Link(
            number, file_id, "sent", "sent", stamp, "h2h", "told again", str(content), "", ""
        )
        new = link(previous, each.record())
        yield (number, file_id, "sent", "sent", f"{at:%Y-%m-%d %H:%M:%S}.000000", "h2h",
               "told again", content, previous, new)  # fmt: skip
        previous = new


if __name__ == "__main__":
    main()
