"""kill -9 between all port calls of a round, then a restart: the bank's log decides."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.core.states import In, Kept, Out, Publish
from h2h.ports import Archive, Desktop, Door, Exporter, Messages, Sealer, Session
from tests.flows.conftest import LOOKS, Killer

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, MakeRoom, MakeRounds, Room

Where = tuple[int, str, str]
HANDED_OVER = {
    "st.xml": Counter(["statements.xml", "statements.csv", "statements.jsonl"]),
    "told.xml": Counter(["status.xml", "status.csv", "status.jsonl"]),
    "fees.pdf": Counter(["documents.pdf"]),
}


def every_place(calls: Sequence[str]) -> set[tuple[str, str]]:
    changing = [name for name in calls if name not in LOOKS]
    return {*((name, "before") for name in changing), (changing[-1], "after")}


@pytest.mark.parametrize(
    ("publish", "collects"),
    [(publish, collects) for publish in Publish for collects in (False, True)],
)
def test_killed_anywhere_a_payment_file_is_delivered_once(
    publish: Publish,
    collects: bool,
    make_room: MakeRoom,
    rounds: MakeRounds,
    payment_file: PaymentFile,
) -> None:
    content = payment_file()
    room = make_room(marker=".ok", collects=collects, publish=publish)
    room.furnish()
    work = rounds(room, lambda room: room.drop(content))
    calls = work.prepare()
    assert len(room.published()) == 1
    # What comes before the name is reserved, and after it is told, knows nothing of how a bank
    # publishes, so one bank of the six is enough for it.
    whole = publish is Publish.RENAME and not collects
    first = 0 if whole else calls.index("ledger.reserve")
    last = len(calls) if whole else calls.index("ledger.moves")
    doubtful = announced_part(calls)
    for where in work.between(calls, first, last):
        room.sweep(times=2)
        assert_delivered_once(room, content, where, may_be_in_doubt=where[0] in doubtful)
    assert work.hit() == every_place(calls[first:last])


def announced_part(calls: Sequence[str]) -> range:
    """From the announcement (the move after the last look at the stop button) to its end."""
    last_look = max(at for at, name in enumerate(calls) if name == "ledger.pauses")
    announced = calls.index("ledger.move", last_look)
    return range(announced, calls.index("ledger.move", announced + 1) + 1)


def assert_delivered_once(
    room: Room, content: bytes, where: Where, *, may_be_in_doubt: bool
) -> None:
    (file,) = room.files()
    published, copies = room.published(), [path.read_bytes() for path in room.at_the_bank()]
    assert file.state is Out.SENT or (file.state is Out.IN_DOUBT and may_be_in_doubt), where
    assert published in ([hashlib.sha256(content).hexdigest()], []), where
    assert copies == [content] * len(published), where
    assert published or file.state is Out.IN_DOUBT, where
    assert list((room.root / "outbox" / "acme").iterdir()) == [], where
    assert_answered(room, file.id, "sent" if file.state is Out.SENT else "taken", where)


def assert_answered(room: Room, file_id: str, verdict: str, where: Where) -> None:
    names = [f"pay.xml.{file_id}.json", f"pay.xml.{file_id}.txt"]
    found = sorted(path.name for path in (room.inbox / "acme" / "answers").iterdir())
    assert found == names, where  # so no temporary is left either
    told = json.loads((room.inbox / "acme" / "answers" / names[0]).read_text())
    assert told["verdict"] == verdict, where


@pytest.mark.parametrize("third", range(3))  # of the calls: each test has a limit of time
@pytest.mark.parametrize("name", HANDED_OVER)
def test_killed_anywhere_a_bank_file_is_booked_and_handed_over_once(
    name: str,
    third: int,
    make_room: MakeRoom,
    rounds: MakeRounds,
    payment_file: PaymentFile,
    bank_files: BankFiles,
) -> None:
    room = make_room()
    room.furnish()
    room.drop(payment_file())
    room.sweep()
    blocks = (bank_files.statement("1"), bank_files.statement("2", closing="999.00"))
    contents = {
        "st.xml": bank_files.report_file(*blocks),
        "told.xml": bank_files.status_file(),
        "fees.pdf": b"%PDF-1.7 fees",
    }
    (room.bank / ("papers" if name == "fees.pdf" else "out") / name).write_bytes(contents[name])
    work = rounds(room, lambda room: None)
    calls = work.prepare()
    begin = calls.index("session.listing")  # before it lies an outbound sweep with nothing to do
    first, last = (begin + (len(calls) - begin) * part // 3 for part in (third, third + 1))
    assert handed_over(room) == HANDED_OVER[name]
    for where in work.between(calls, first, last):
        room.sweep(times=2)
        (file,) = room.files("in")
        assert (file.name, file.state) == (name, In.DONE), where
        assert handed_over(room) == HANDED_OVER[name], where
        assert list((room.bank / "out").iterdir()) == [], where
        OUTCOMES[name](room, where)
    assert work.hit() == every_place(calls[first:last])


def handed_over(room: Room) -> Counter[str]:
    """How often the ERP saw a bank file's result appear, by folder and suffix; what lies there
    must be exactly that."""
    paths = [room.inbox / line for line in room.handed.read_text().splitlines()]
    seen = [path for path in paths if path.parent.name != "answers"]
    for folder in {path.parent for path in seen}:
        lying = sorted(path.name for path in folder.iterdir())
        assert lying == sorted(path.name for path in seen if path.parent == folder)
    return Counter(f"{path.parent.name}{path.suffix}" for path in seen)


def assert_booked_once(room: Room, where: Where) -> None:
    with room.ledger() as ledger:
        rows = ledger.statements()
        assert [(row.kept, row.exported) for row in rows] == [
            (Kept.BOOKED, True),
            (Kept.HELD, False),
        ], where
        kept = ledger.statement(rows[0].id)
        assert kept is not None
        assert len(list(kept.entries)) == 1, where


def assert_told_once(room: Room, where: Where) -> None:
    assert room.file().state is Out.ACCEPTED, where


def assert_filed_once(room: Room, where: Where) -> None:
    assert [path.name for path in (room.bank / "read").iterdir()] == ["fees.pdf"], where


OUTCOMES = {
    "st.xml": assert_booked_once,
    "told.xml": assert_told_once,
    "fees.pdf": assert_filed_once,
}


# What no round of one file comes to: recalls, other formats, an answer as by the bank, start-up.
NOT_IN_A_ROUND = {
    "messages.refuse",
    "messages.write_recall",
    "messages.check_recall",
    "messages.extract",
    "messages.rewrite",
    "archive.tidy",
    "archive.erase",  # two persons ask for it: killed in test_retention.py
    "door.unsettled",
    # a door that asks for seals is killed in test_input_seal_flow.py
    *("door.sealed", "door.judge_seal", "door.copy_seal", "door.drop_seal"),
}


def test_the_rounds_call_every_port_that_acts_outside_the_ledger(
    make_room: MakeRoom, payment_file: PaymentFile, bank_files: BankFiles, tmp_path: Path
) -> None:
    called: set[str] = set()
    for publish in (Publish.RENAME, Publish.POSIX_RENAME):
        room = make_room(marker=".ok", publish=publish)
        room.root = tmp_path / publish
        room.furnish()
        killer = room.killer = Killer(tmp_path / "hits")
        room.drop(payment_file())
        contents = {"out/st.xml": bank_files.report_file(bank_files.statement("1"))}
        contents |= {"out/told.xml": bank_files.status_file(), "papers/fees.pdf": b"%PDF fees"}
        for name, content in contents.items():
            (room.bank / name).write_bytes(content)
        room.sweep()
        called |= {*killer.calls}
    assert set(acts()) - called <= NOT_IN_A_ROUND


def acts() -> Iterator[str]:
    """Every method of the ports to the outside, as a killer names it."""
    ports = {
        "session": Session,
        "archive": Archive,
        "desktop": Desktop,
        "sealer": Sealer,
        "door": Door,
        "messages": Messages,
        "exporter": Exporter,
    }
    for name, port in ports.items():
        yield from (f"{name}.{method}" for method in vars(port) if not method.startswith("_"))
    yield from ("bank.session", "bank.logout")
