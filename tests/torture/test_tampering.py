"""Whatever somebody changes in ledger or archive is found, and the first bad record named."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.adapters.archive import FolderArchive
from h2h.flows.integrity import Finding, Verifier

from .report import FULL, Tally

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, Room

Choice = random.Random
PARTS, EACH = (20, 500) if FULL else (2, 100)
_CHANGED = ("file_id", "source", "target", "at", "who", "because", "content", "previous", "hash")


@pytest.mark.parametrize("part", range(PARTS))
def test_every_tampering_is_found_and_named(
    part: int, room: Room, payment_file: PaymentFile, bank_files: BankFiles, tally: Tally
) -> None:
    for number in range(3):
        room.drop(payment_file(f"MSG-{number}"), f"pay{number}.xml")
    room.sweep()
    (room.bank / "out" / "st.xml").write_bytes(bank_files.report_file(bank_files.statement("1")))
    room.sweep(times=2)
    assert findings(room) == []
    whole = room.root / "whole"
    shutil.copytree(room.root / "archive", whole / "archive")
    shutil.copy(room.root / "ledger.db", whole / "ledger.db")
    choose, missed = random.Random(part), []
    for attempt in range(EACH):
        tamper = choose.choice(TAMPERINGS)
        named = tamper(room, choose)
        found = findings(room)
        if not any(named in (each.sequence, each.file_id, each.place) for each in found):
            missed.append((attempt, tamper.__name__, named, found))
        put_back(room, whole)
    tally("tampering", tried=EACH, survived=EACH - len(missed), lost=len(missed))
    assert missed == []


def findings(room: Room) -> list[Finding]:
    with room.ledger() as ledger:
        return list(Verifier(ledger, FolderArchive(room.root / "archive")).findings())


def put_back(room: Room, whole: Path) -> None:
    shutil.rmtree(room.root / "archive")
    shutil.copytree(whole / "archive", room.root / "archive")
    for path in room.root.glob("ledger.db*"):
        path.unlink()
    shutil.copy(whole / "ledger.db", room.root / "ledger.db")


# ------------------------------------------------------- each returns what the finding must name


def forged(room: Room, *statements: str) -> None:
    with closing(sqlite3.connect(room.root / "ledger.db", isolation_level=None)) as database:
        for trigger in ("moves_UPDATE", "moves_DELETE"):
            database.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        database.execute("PRAGMA foreign_keys=OFF")
        database.execute("PRAGMA ignore_check_constraints=ON")
        for statement in statements:
            database.execute(statement)


def records(room: Room) -> int:
    with room.ledger() as ledger:
        return ledger.head().sequence


def edited_record(room: Room, choose: Choice) -> int:
    number = choose.randint(1, records(room))
    column = choose.choice(_CHANGED)
    forged(room, f"UPDATE moves SET {column} = 'x' || {column} WHERE sequence = {number}")
    return number


def deleted_record(room: Room, choose: Choice) -> int:
    number = choose.randint(1, records(room))
    forged(room, f"DELETE FROM moves WHERE sequence = {number}")
    return number


def cut_tail(room: Room, choose: Choice) -> int:
    last = records(room)
    # one without any record is not opened at all
    forged(room, f"DELETE FROM moves WHERE sequence > {choose.randint(1, last - 1)}")
    return last


def swapped_records(room: Room, choose: Choice) -> int:
    one, other = sorted(choose.sample(range(1, records(room) + 1), 2))
    forged(
        room,
        f"UPDATE moves SET sequence = -1 WHERE sequence = {one}",
        f"UPDATE moves SET sequence = {one} WHERE sequence = {other}",
        f"UPDATE moves SET sequence = {other} WHERE sequence = -1",
    )
    return one


def inserted_record(room: Room, choose: Choice) -> int:
    number = choose.randint(1, records(room))
    forged(
        room,
        f"UPDATE moves SET sequence = -sequence WHERE sequence > {number}",
        "UPDATE moves SET sequence = 1 - sequence WHERE sequence < 0",
        "INSERT INTO moves SELECT sequence + 1, file_id, source, target, at, who, because, content,"
        f" hash, hash FROM moves WHERE sequence = {number}",
    )
    return number + 1


def some_file(room: Room, choose: Choice) -> str:
    return choose.choice([*room.files(), *room.files("in")]).id


def edited_row(room: Room, choose: Choice) -> str:
    file_id = some_file(room, choose)
    column = choose.choice(("state", "bank", "name", "sha256", "message_id", "message", "door"))
    forged(room, f"UPDATE files SET {column} = 'x' || {column} WHERE id = '{file_id}'")
    return file_id


def deleted_row(room: Room, choose: Choice) -> str:
    file_id = some_file(room, choose)
    forged(room, f"DELETE FROM files WHERE id = '{file_id}'")
    return file_id


def dossier_file(room: Room, choose: Choice) -> Path:
    place = FolderArchive(room.root / "archive").place(some_file(room, choose))
    return choose.choice(sorted(place.iterdir()))


def flipped_bit(room: Room, choose: Choice) -> str:
    path = dossier_file(room, choose)
    content = bytearray(path.read_bytes())
    content[choose.randrange(len(content))] ^= 1 << choose.randrange(8)
    path.write_bytes(content)
    return path.parent.name


def cut_file(room: Room, choose: Choice) -> str:
    path = dossier_file(room, choose)
    content = path.read_bytes()
    path.write_bytes(content[: choose.randrange(len(content))])
    return path.parent.name


def deleted_file(room: Room, choose: Choice) -> str:
    path = dossier_file(room, choose)
    path.unlink()
    return path.parent.name


def added_file(room: Room, choose: Choice) -> str:
    path = dossier_file(room, choose)
    path.with_name("reply.xml").write_bytes(b"x")
    return path.parent.name


def deleted_dossier(room: Room, choose: Choice) -> str:
    path = dossier_file(room, choose)
    shutil.rmtree(path.parent)
    return path.parent.name


def swapped_lines(room: Room, choose: Choice) -> str:
    path = dossier_file(room, choose).with_name("moves.jsonl")
    lines = path.read_bytes().splitlines(keepends=True)
    one, other = choose.sample(range(len(lines)), 2)
    lines[one], lines[other] = lines[other], lines[one]
    path.write_bytes(b"".join(lines))
    return path.parent.name


def swapped_contents(room: Room, choose: Choice) -> str:
    one, other = (room.file(f"pay{number}.xml").id for number in choose.sample(range(3), 2))
    archive = FolderArchive(room.root / "archive")
    here, there = archive.path(one, "original.xml"), archive.path(other, "original.xml")
    content = here.read_bytes()
    here.write_bytes(there.read_bytes())
    there.write_bytes(content)
    return one


def deleted_head(room: Room, choose: Choice) -> str:
    shutil.rmtree(room.root / "archive" / "announced")
    path = room.root / "archive" / "head.json"
    if choose.randrange(2):
        path.unlink()
    else:
        path.write_bytes(b"{}")
    return "head.json" if not path.exists() else f"{path} is no head of a chain"


TAMPERINGS: tuple[Callable[[Room, Choice], object], ...] = (
    *(edited_record, deleted_record, cut_tail, swapped_records, inserted_record),
    *(edited_row, deleted_row, flipped_bit, cut_file, deleted_file, added_file),
    *(deleted_dossier, swapped_lines, swapped_contents, deleted_head),
)
