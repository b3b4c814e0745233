"""Whose turn it is at a receiver that takes statements in their order: nothing is overtaken."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from h2h.core.states import Kept
from h2h.errors import Refused
from h2h.export import ErpExporter
from h2h.ports import FormTerms, Receiver

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from h2h.core.statement import Statement
    from h2h.ports import Source
    from tests.flows.conftest import BankFiles, Room

Numbered = Callable[..., str]


@pytest.fixture
def numbered(bank_files: BankFiles) -> Numbered:
    """Statement `number` of an account: each adds 50.00 to 100.00 and follows on the one before.

    `correction`: another content under the same number, made at that hour of a later day.
    """

    def make(number: int, *, correction: str = "") -> str:
        block = bank_files.statement(str(number))
        block = block.replace("150.00", f"{100 + 50 * number}.00")
        block = block.replace(">100.00", f">{50 + 50 * number}.00", 1)
        block = block.replace("2026-11-20", f"2026-11-{number:02}")
        if correction:
            told = "<AddtlNtryInf>corrected</AddtlNtryInf></Ntry>"
            block = block.replace("</Ntry>", told)
            return block.replace("2026-11-21T06:00:00", f"2026-11-25T{correction}:00:00")
        return block.replace("2026-11-21", f"2026-11-{number + 1:02}")

    return make


@pytest.fixture
def ordered(room: Room) -> Room:
    room.receivers = (Receiver("sap", (FormTerms("original"),), folder="sap", in_order=True),)
    return room


def arrive(room: Room, bank_files: BankFiles, **named: str) -> None:
    """Files with a statement each, by name, in one sweep."""
    for name, block in named.items():
        (room.bank / "out" / f"{name}.xml").write_bytes(bank_files.report_file(block))
    room.sweep()


def order(room: Room) -> list[str]:
    """The files that the receiver got, in the order in which they appeared."""
    lines = room.handed.read_text().split()
    return [line.rpartition("/")[2].partition(".")[0] for line in lines]


def why(room: Room, name: str) -> str:
    with room.ledger() as ledger:
        (row,) = ledger.exports(room.file(f"{name}.xml").id)
    return row.because


def release(room: Room, name: str) -> None:
    with room.ledger() as ledger:
        statement = f"{room.file(f'{name}.xml').id}-1"
        assert ledger.release_statement(statement, "ann", "it is right", room.clock.time)
    room.sweep()


def test_a_correction_that_waits_stops_what_follows_while_the_receiver_has_no_version_of_it(
    ordered: Room, bank_files: BankFiles, numbered: Numbered
) -> None:
    arrive(ordered, bank_files, one=numbered(1))
    arrive(ordered, bank_files, two=numbered(2), two_b=numbered(2, correction="09"))
    arrive(ordered, bank_files, three=numbered(3))
    assert order(ordered) == ["one"]
    waiting = ordered.file("two_b.xml").id
    assert why(ordered, "three") == f"statement {waiting}-1 before it waits for a person"
    release(ordered, "two_b")
    assert order(ordered) == ["one", "two_b", "three"]


def test_a_correction_of_what_the_receiver_has_stops_nothing(
    ordered: Room, bank_files: BankFiles, numbered: Numbered
) -> None:
    arrive(ordered, bank_files, two=numbered(2))
    arrive(ordered, bank_files, three_b=numbered(3, correction="09"), four=numbered(4))
    arrive(ordered, bank_files, five=numbered(5), four_b=numbered(4, correction="09"))
    assert order(ordered) == ["two", "three_b", "four", "five"]


def test_an_overlap_that_waits_stops_what_follows_on_it(
    ordered: Room, bank_files: BankFiles, numbered: Numbered
) -> None:
    arrive(ordered, bank_files, one=numbered(1))
    arrive(ordered, bank_files, two=numbered(2))
    over = numbered(2, correction="09").replace("<ElctrncSeqNb>2<", "<ElctrncSeqNb>3<")
    over = over.replace(">150.00<", ">140.00<").replace(">200.00<", ">190.00<")
    after = numbered(3).replace("<ElctrncSeqNb>3<", "<ElctrncSeqNb>4<")
    after = after.replace(">200.00<", ">190.00<").replace(">250.00<", ">240.00<")
    arrive(ordered, bank_files, over=over)
    arrive(ordered, bank_files, after=after)
    assert order(ordered) == ["one", "two"]
    release(ordered, "over")
    assert order(ordered) == ["one", "two", "over", "after"]


class Narrow(ErpExporter):
    """Has a form into which the second statement does not fit."""

    def write(
        self,
        terms: FormTerms,
        statements: Sequence[Statement],
        target: Path,
        *,
        source: Source | None = None,
    ) -> Sequence[str]:
        if any(statement.id == "S-2" for statement in statements):
            raise Refused("too many digits", "Take another form")
        return super().write(terms, statements, target, source=source)


def test_a_form_that_is_held_stops_what_follows_until_a_person_lets_it_go(
    ordered: Room, bank_files: BankFiles, numbered: Numbered
) -> None:
    ordered.exporter = Narrow()
    for number, name in enumerate(("one", "two", "three", "four"), 1):
        arrive(ordered, bank_files, **{name: numbered(number)})
    assert order(ordered) == ["one"]
    held = ordered.file("two.xml").id
    assert why(ordered, "three") == f"statement {held}-1 before it is held in a form"
    release(ordered, "three")
    assert order(ordered) == ["one", "three", "four"]


def test_a_statement_that_counts_again_before_it_was_handed_over_is_handed_over_in_its_turn(
    ordered: Room, bank_files: BankFiles, numbered: Numbered
) -> None:
    arrive(ordered, bank_files, one=numbered(1))
    arrive(ordered, bank_files, three=numbered(3))
    arrive(ordered, bank_files, other=numbered(3, correction="09"))
    days = (
        "<FrToDt><FrDtTm>2026-11-03T00:00:00</FrDtTm><ToDtTm>2026-11-03T23:00:00</ToDtTm></FrToDt>"
    )
    shown = numbered(3, correction="08").replace("<Acct>", f"{days}<Acct>")
    arrive(ordered, bank_files, shown=shown)  # the earlier delivery tells of what it is a version
    with ordered.ledger() as ledger:
        (three,) = ledger.statements(ordered.file("three.xml").id)
    assert (three.kept, three.exported) == (Kept.BOOKED, False)
    arrive(ordered, bank_files, two=numbered(2))
    assert order(ordered) == ["one", "two", "three"]


def test_a_statement_that_counts_again_as_a_later_version_waits_for_a_person(
    ordered: Room, bank_files: BankFiles, numbered: Numbered
) -> None:
    arrive(ordered, bank_files, one=numbered(1))
    first, correction = numbered(3, correction="09"), numbered(3)
    correction = correction.replace("2026-11-04T06:00:00", "2026-11-25T10:00:00")
    arrive(ordered, bank_files, three=first)
    sooner = correction.replace("T10:00:00", "T08:00:00")
    arrive(ordered, bank_files, other=correction, sooner=sooner)
    with ordered.ledger() as ledger:
        (three,) = ledger.statements(ordered.file("three.xml").id)
        assert list(ledger.exports(three.id.rpartition("-")[0])) == []
    assert (three.kept, three.waits, three.exported) == (Kept.BOOKED, True, False)
    arrive(ordered, bank_files, two=numbered(2))
    assert order(ordered) == ["one", "two"]
    release(ordered, "three")
    assert order(ordered) == ["one", "two", "three"]
