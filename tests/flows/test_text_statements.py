"""Statements that are no XML take the same road, and keep their form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from h2h.core.states import In, Kept
from h2h.ports import Download

if TYPE_CHECKING:
    from tests.flows.conftest import MakeRoom

MT940 = b"""{1:F01COBADEFFXXXX0000000000}{2:I940ACMEDEFFXXXXN}{4:
:20:STMT1
:25:DE89370400440532013000
:28C:1/1
:60F:C261119EUR100,00
:61:2611201120C50,00NTRFINV-1//BANK-1
:86:166?00GUTSCHRIFT?20SVWZ+Invoice 1?32Customer
:62F:C261120EUR150,00
-}"""


def test_an_mt940_statement_is_booked_and_handed_over_as_it_came(make_room: MakeRoom) -> None:
    room = make_room(downloads=(Download("out", "*.sta", after="delete"),))
    room.furnish()
    (room.bank / "out" / "day.sta").write_bytes(MT940)
    room.sweep()
    (file,) = room.files("in")
    assert (file.state, file.message) == (In.DONE, "MT940")
    with room.ledger() as ledger:
        (row,) = ledger.statements()
    assert (row.kept, row.exported) == (Kept.BOOKED, True)
    names = room.handed_over("statements")
    assert names == [f"day.{file.id}{suffix}" for suffix in (".csv", ".jsonl", ".sta")]
    handed = (room.inbox / "acme" / "statements" / names[2]).read_bytes()
    assert handed == MT940
