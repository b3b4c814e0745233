"""An ERP that writes slowly, or replaces what we take: what is sent is what was whole."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from h2h.adapters.door import FolderDoor
from h2h.core.states import Out
from h2h.ports import Door, DoorTerms
from tests.adapters.conftest import wait_until
from tests.conftest import make_payment_file
from tests.flows.conftest import OURS, Room, bank_terms

from .erp import replacing, write_slowly
from .report import FULL, Tally

VERSIONS = 10_000 if FULL else 30


@dataclass
class PatientRoom(Room):
    """Room whose one door waits for the end of a document."""

    def _doors(self) -> Sequence[Door]:  # type: ignore[override]  # as many as a tuple
        folder = self.root / "outbox" / "acme"
        terms = DoorTerms("outbox/acme", folder, "acme", settle=0.02, incomplete_wait=60)
        return (FolderDoor(terms),)


def test_a_writer_that_pauses_longer_than_files_settle_is_waited_for(
    tmp_path: Path, tally: Tally
) -> None:
    room = PatientRoom(tmp_path, terms=bank_terms("acme", OURS))
    room.furnish()
    content = make_payment_file()
    path = room.root / "outbox" / "acme" / "pay.xml"
    writer = threading.Thread(target=write_slowly, args=[path, content, 12, 0.05])
    writer.start()
    with room.services() as services:

        def done() -> bool:
            room.run(services)
            return bool(room.files())

        wait_until(done, "the file is taken")
        writer.join()
        room.run(services)
    (file,) = room.files()
    whole = (file.state, file.sha256) == (Out.SENT, hashlib.sha256(content).hexdigest())
    tally("ERP: slow, pausing", survived=whole, lost=not whole)
    assert whole


def test_files_replaced_a_thousand_times_a_second_are_sent_whole_and_once(
    room: Room, tally: Tally
) -> None:
    room.terms = replace(room.terms, similar_days=0)
    day = "2026-12-01"
    versions = [make_payment_file(f"MSG-{n}", execution_date=day) for n in range(VERSIONS)]
    path = room.root / "outbox" / "acme" / "pay.xml"
    with room.services() as services:
        with replacing(path, versions) as dropped:
            wait_until(lambda: bool(dropped), "the first is dropped")
            while len(dropped) < len(versions):
                room.run(services)
        for _ in range(3):
            room.clock.advance(hours=1)
            room.run(services)
    files, published = room.files(), room.published()
    whole = {hashlib.sha256(version).hexdigest() for version in versions}
    doubled, strange = len(published) - len(set(published)), set(published) - whole
    sent = [file for file in files if file.state is Out.SENT]
    last = hashlib.sha256(versions[-1]).hexdigest() in published
    tally(
        "ERP: replaced while taken",
        tried=len(versions),
        survived=len(versions) if last and not strange and not doubled else 0,
        lost=not last,
        doubled=doubled,
    )
    assert (doubled, strange, last) == (0, set(), True)
    assert {file.state for file in files} <= {Out.SENT, Out.CANCELLED}
    assert sorted(file.sha256 for file in sent) == sorted(published)
    assert not any((room.root / "outbox" / "acme").iterdir())
