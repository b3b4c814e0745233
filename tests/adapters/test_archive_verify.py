"""The archive's proof: whatever somebody changes, in the ledger or in a dossier, is named."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.adapters.archive import FolderArchive
from h2h.adapters.heads import HeadFile
from h2h.core.chain import GENESIS, Link, link
from h2h.errors import Refused
from h2h.flows.integrity import Finding, Verifier, noted_in
from tests.flows.conftest import Room
from tests.flows.conftest import bank_files as bank_files  # noqa: PLC0414 - a fixture of ours too

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles


@pytest.fixture
def proven(tmp_path: Path, payment_file: PaymentFile, bank_files: BankFiles) -> Room:
    """Three payment files that went, a report and a statement that came: all as it should be."""
    room = Room(tmp_path)
    room.furnish()
    for number in range(3):
        room.drop(payment_file(f"MSG-{number}"), f"pay{number}.xml")
        room.sweep()
    (room.bank / "out" / "st.xml").write_bytes(bank_files.report_file(bank_files.statement("1")))
    room.sweep(times=2)
    assert findings(room) == []
    return room


def findings(room: Room, *heads: Path) -> list[Finding]:
    noted = (each for path in heads for each in noted_in(path))
    with room.ledger() as ledger:
        return list(Verifier(ledger, FolderArchive(room.root / "archive"), noted).findings())


def why(room: Room, *heads: Path) -> list[tuple[int | None, str, str]]:
    return [(each.sequence, each.place, each.why) for each in findings(room, *heads)]


def forge(room: Room, *statements: str) -> None:
    """As somebody with the database in hands does it: nothing holds them."""
    with closing(sqlite3.connect(room.root / "ledger.db", isolation_level=None)) as database:
        database.execute("DROP TRIGGER IF EXISTS moves_UPDATE")
        database.execute("DROP TRIGGER IF EXISTS moves_DELETE")
        database.execute("PRAGMA foreign_keys=OFF")
        database.execute("PRAGMA ignore_check_constraints=ON")
        for statement in statements:
            database.execute(statement)


def dossier(room: Room, name: str = "pay1.xml") -> Path:
    return FolderArchive(room.root / "archive").place(room.file(name).id)


def first_move(room: Room, name: str = "pay1.xml") -> int:
    with room.ledger() as ledger:
        return ledger.moves(room.file(name).id)[0].sequence


def test_a_manifest_tells_what_lies_in_its_dossier(proven: Room) -> None:
    manifest = json.loads((dossier(proven) / "manifest.json").read_text())
    assert manifest["state"] == "sent"
    assert set(manifest["files"]) == {"original.xml", "sealed.pgp"}
    assert manifest["files"]["original.xml"]["sha256"] == proven.file("pay1.xml").sha256


def test_every_byte_changed_in_a_dossier_is_found(proven: Room) -> None:
    choose = random.Random(7)
    paths = sorted(path for path in (proven.root / "archive").rglob("*") if path.is_file())
    assert len(paths) > 15
    for path in paths:
        before = path.read_bytes()
        place, bit = choose.randrange(len(before)), 1 << choose.randrange(8)
        path.write_bytes(before[:place] + bytes([before[place] ^ bit]) + before[place + 1 :])
        found = findings(proven)
        own = [each for each in found if each.file_id == path.parent.name]
        assert own or (found and path.name in {"head.json", "2026-11.jsonl"}), (path, place, bit)
        path.write_bytes(before)
    assert findings(proven) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("who", "mallory"),
        ("because", "x"),
        ("target", "sent"),
        ("at", "2026-01-01 00:00:00.000000"),
        ("content", "ab"),
        ("file_id", "20261123-000000-000000"),
        ("hash", "00"),
        ("at", "nonsense"),
    ],
)
def test_an_edited_record_is_named(proven: Room, column: str, value: str) -> None:
    number = first_move(proven) + 1
    forge(proven, f"UPDATE moves SET {column} = '{value}' WHERE sequence = {number}")
    found = findings(proven)
    assert (found[0].sequence, found[0].why) == (
        number,
        "its content was changed after it was written",
    )
    assert found[0].file_id
    assert found[0].dossier.endswith(found[0].file_id)


def test_a_deleted_record_is_named(proven: Room) -> None:
    number = first_move(proven) + 1
    forge(proven, f"DELETE FROM moves WHERE sequence = {number}")
    assert why(proven)[0] == (
        number,
        f"move {number}",
        f"it is missing: {number + 1} comes after {number - 1}",
    )


def test_swapped_records_are_named(proven: Room) -> None:
    one = first_move(proven) + 1
    forge(
        proven,
        f"UPDATE moves SET sequence = -1 WHERE sequence = {one}",
        f"UPDATE moves SET sequence = {one} WHERE sequence = {one + 1}",
        f"UPDATE moves SET sequence = {one + 1} WHERE sequence = -1",
    )
    assert why(proven)[0] == (one, f"move {one}", f"it was written after another {one - 1}")


def test_a_record_that_was_put_in_is_named(proven: Room) -> None:
    with proven.ledger() as ledger:
        head = ledger.head()
    file = proven.file("pay1.xml")
    facts = Link(head.sequence + 1, file.id, "sent", "accepted", "2026-11-23T10:00:00.000000+00:00",
                 "h2h", "", file.sha256, head.hash, "")  # fmt: skip
    forge(
        proven,
        "INSERT INTO moves VALUES "
        f"({facts.sequence}, '{file.id}', 'sent', 'accepted', '2026-11-23 10:00:00.000000',"
        f" 'h2h', '', '{file.sha256}', '{head.hash}', '{link(head.hash, facts.record())}')",
    )
    assert {each.file_id for each in findings(proven)} == {file.id}
    assert why(proven)[0][1] == "ledger"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("state", "valid"),
        ("state", "nonsense"),
        ("sha256", "ab"),
        ("last_move", "3"),
        ("name", "other.xml"),
        ("final_name", "x"),
        ("bank", "other"),
        ("sealed_sha256", "ab"),
        ("control_sum", "[1"),
        ("created", "2026-11-01 00:00:00.000000"),
    ],
)
def test_a_row_edited_by_hand_is_named(proven: Room, column: str, value: str) -> None:
    file = proven.file("pay1.xml")
    forge(proven, f"UPDATE files SET {column} = '{value}' WHERE id = '{file.id}'")
    assert {each.file_id for each in findings(proven)} == {file.id}


def test_a_deleted_row_is_named(proven: Room) -> None:
    file = proven.file("pay1.xml")
    forge(proven, f"DELETE FROM files WHERE id = '{file.id}'")
    assert ("ledger", "its row is missing") in [
        (each.place, each.why) for each in findings(proven) if each.file_id == file.id
    ]


def test_a_cut_tail_is_found_by_what_the_archive_noted(proven: Room) -> None:
    with proven.ledger() as ledger:
        last = ledger.head().sequence
    forge(proven, f"DELETE FROM moves WHERE sequence > {last - 2}")
    assert any(each.sequence == last and "it is missing" in each.why for each in findings(proven))


def rewrite(room: Room, change: str) -> None:
    """Change the ledger, then chain all of it anew, as one does who knows how."""
    forge(room, change)
    with closing(sqlite3.connect(room.root / "ledger.db", isolation_level=None)) as database:
        previous = GENESIS
        for row in database.execute("SELECT * FROM moves ORDER BY sequence").fetchall():
            number, file_id, source, target, at, who, because, content, *_ = row
            stamp = f"{at[:10]}T{at[11:]}+00:00"
            each = Link(number, file_id or "", source, target, stamp, who, because, content, "", "")
            new = link(previous, each.record())
            changed = (previous, new, number)
            database.execute("UPDATE moves SET previous = ?, hash = ? WHERE sequence = ?", changed)
            previous = new


def test_a_rewritten_chain_is_found_by_the_exported_head(proven: Room, tmp_path: Path) -> None:
    heads = tmp_path / "heads.jsonl"
    with proven.ledger() as ledger:
        HeadFile(heads).export(ledger.head(), proven.clock.now())
    assert why(proven, heads) == []
    rewrite(proven, "UPDATE moves SET who = 'mallory' WHERE sequence = 1")
    number = json.loads(heads.read_text())["sequence"]
    found = why(proven, heads)
    assert (number, f"move {number}", f"{heads} line 1 has another hash of it") in found


def test_what_is_no_file_of_heads_is_refused(proven: Room, tmp_path: Path) -> None:
    (tmp_path / "heads").write_text("no head\n")
    with pytest.raises(Refused, match="line 1"):
        why(proven, tmp_path / "heads")


def test_missing_and_strange_things_in_the_archive_are_named(proven: Room) -> None:
    (dossier(proven, "pay0.xml") / "original.xml").unlink()
    moves = dossier(proven) / "moves.jsonl"
    moves.write_bytes(b"".join(moves.read_bytes().splitlines(keepends=True)[:-2]))
    (dossier(proven, "pay2.xml") / "note.txt").write_text("x")
    archive = FolderArchive(proven.root / "archive")
    archive.path("20261123-999999-000000", "original.xml").write_bytes(b"x")
    assert [(each.place, each.why) for each in findings(proven)] == [
        ("original.xml", "it is missing"),
        ("moves.jsonl", "2 of the ledger's moves are missing"),
        ("note.txt", "nothing tells that it belongs there"),
        (
            str(archive.place("20261123-999999-000000")),
            "the ledger does not know this dossier",
        ),
    ]


def test_a_missing_dossier_and_a_missing_head_are_named(proven: Room) -> None:
    place = dossier(proven)
    place.rename(proven.root / "elsewhere")
    (proven.root / "archive" / "head.json").unlink()
    for path in (proven.root / "archive" / "announced").iterdir():
        path.unlink()
    assert [(each.place, each.why) for each in findings(proven)] == [
        ("head.json", "it is missing"),
        (str(place), "its dossier is missing"),
    ]


def test_a_dossier_that_is_not_written_up_after_a_crash_is_no_finding(proven: Room) -> None:
    file, place = proven.file("pay1.xml"), dossier(proven)
    moves = place / "moves.jsonl"
    moves.write_bytes(b"".join(moves.read_bytes().splitlines(keepends=True)[:-1]))
    forge(proven, f"UPDATE files SET recorded = recorded - 1 WHERE id = '{file.id}'")
    assert findings(proven) == []


def test_what_moves_while_it_is_verified_is_no_finding(
    proven: Room, payment_file: PaymentFile
) -> None:
    with proven.ledger() as ledger:
        every = iter(Verifier(ledger, Moving(proven, payment_file("MSG-9"))).findings())
        assert list(every) == []


class Moving(FolderArchive):
    """An archive in which a file comes and goes while its dossiers are listed."""

    def __init__(self, room: Room, content: bytes) -> None:
        super().__init__(room.root / "archive")
        self._room, self._content = room, content

    def dossiers(self) -> Iterator[str]:
        self._room.drop(self._content, "late.xml")
        self._room.sweep()
        assert self._room.file("late.xml").state == "sent"
        return super().dossiers()
