"""Who gets what of the banks' files: which accounts, in which forms, in order, and never twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h import desk
from h2h.adapters.messages import Iso20022Messages
from h2h.core.problem import Severity
from h2h.core.states import Handed, In, Kept
from h2h.core.terms import Account
from h2h.errors import Corrupt, Refused
from h2h.export import ErpExporter
from h2h.ports import EVERYBODY, BankMessage, ExportRow, FormTerms, Receiver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from h2h.core.statement import Entry, Statement
    from h2h.ports import Source
    from tests.flows.conftest import BankFiles, MakeRoom, MakeRounds, Room

OURS = "DE89370400440532013000"
SISTERS = "DE75512108001245126199"
ORIGINAL, CSV, MT940 = FormTerms("original"), FormTerms("csv"), FormTerms("mt940")
SAP = Receiver("sap", (ORIGINAL,), folder="sap")
Chain = Callable[..., str]


def received(room: Room, receiver: str = "sap", folder: str = "statements") -> list[str]:
    place = room.inbox / receiver / folder
    return sorted(path.name for path in place.iterdir()) if place.is_dir() else []


def times(room: Room) -> list[str]:
    """Every file that ever appeared, by its folder and name, answers left out."""
    return room.handed.read_text().split()


def send(room: Room, content: bytes, name: str = "st.xml", folder: str = "out") -> None:
    (room.bank / folder / name).write_bytes(content)


def rows(room: Room, name: str = "st.xml") -> dict[tuple[str, str], ExportRow]:
    """By statement number (0: the whole file) and receiver."""
    with room.ledger() as ledger:
        file = room.file(name)
        return {
            (row.subject.removeprefix(file.id).lstrip("-") or "0", row.receiver): row
            for row in ledger.exports(file.id)
        }


def states(room: Room, name: str = "st.xml") -> Mapping[tuple[str, str], Handed]:
    return {key: row.state for key, row in rows(room, name).items()}


@pytest.fixture
def chained(bank_files: BankFiles) -> Chain:
    """Statement `number` of an account: each adds 50.00 to 100.00 and follows on the one before."""

    def make(number: int, account: str = OURS, *, wrong: bool = False) -> str:
        block = bank_files.statement(str(number))
        block = block.replace("150.00", "999.00" if wrong else f"{100 + 50 * number}.00")
        block = block.replace(">100.00", f">{50 + 50 * number}.00", 1)
        block = block.replace("2026-11-20", f"2026-11-{number:02}")
        block = block.replace("2026-11-21", f"2026-11-{number + 1:02}")
        return block.replace(OURS, account)

    return make


@pytest.fixture
def two_accounts(make_room: MakeRoom) -> Room:
    accounts = (Account(OURS, "", "EUR", "Acme GmbH"), Account(SISTERS, "", "EUR", "Sister AG"))
    room = make_room(accounts=accounts)
    room.furnish()
    return room


# ------------------------------------------------------------------------------------ who gets what


def test_each_receiver_gets_the_accounts_that_match_all_it_asks_for(
    two_accounts: Room, bank_files: BankFiles, chained: Chain
) -> None:
    room = two_accounts
    room.receivers = (
        SAP,
        replace(SAP, name="sister", folder="sister", entities=frozenset({"Sister AG"})),
        replace(SAP, name="mine", folder="mine", accounts=frozenset({OURS})),
        replace(
            SAP,
            name="nobody",
            folder="nobody",
            accounts=frozenset({OURS}),
            entities=frozenset({"Sister AG"}),
        ),
        replace(SAP, name="other", folder="other", banks=frozenset({"other"})),
    )
    send(room, bank_files.report_file(chained(1), chained(1, SISTERS)))
    room.sweep()
    assert states(room).keys() == {("1", "sap"), ("2", "sap"), ("2", "sister"), ("1", "mine")}
    (whole,) = (room.inbox / "sap" / "statements").iterdir()
    (sisters,) = (room.inbox / "sister" / "statements").iterdir()
    assert (OURS in whole.read_text(), SISTERS in whole.read_text()) == (True, True)
    assert (OURS in sisters.read_text(), SISTERS in sisters.read_text()) == (False, True)


def test_a_file_is_split_by_account_and_keeps_its_ids(
    two_accounts: Room, bank_files: BankFiles, chained: Chain
) -> None:
    two_accounts.receivers = (replace(SAP, by_account=True),)
    send(two_accounts, bank_files.report_file(chained(1), chained(1, SISTERS), chained(2)))
    two_accounts.sweep()
    texts = [path.read_text() for path in (two_accounts.inbox / "sap" / "statements").iterdir()]
    found = sorted((OURS in text, SISTERS in text, text.count("<Stmt>")) for text in texts)
    assert found == [(False, True, 1), (True, False, 2)]
    assert all("<MsgId>B-1</MsgId>" in text for text in texts)


def test_a_receiver_that_comes_later_gets_what_is_booked_from_then_on(
    room: Room, bank_files: BankFiles, chained: Chain
) -> None:
    room.receivers = (SAP,)
    send(room, bank_files.report_file(chained(1)), "one.xml")
    room.sweep()
    room.receivers = (SAP, replace(SAP, name="bi", folder="bi"))
    send(room, bank_files.report_file(chained(2)), "two.xml")
    room.sweep(times=2)
    assert [len(received(room, name)) for name in ("sap", "bi")] == [2, 1]


def test_what_is_due_to_a_receiver_that_has_gone_is_held(
    room: Room, bank_files: BankFiles, chained: Chain
) -> None:
    room.receivers = (replace(SAP, folder=f"{room.root}/away/sap"),)
    send(room, bank_files.report_file(chained(1)))
    room.sweep()
    assert room.file("st.xml").state is In.EXPORTING
    room.receivers = (EVERYBODY,)
    room.sweep(times=3)
    row = rows(room)["1", "sap"]
    assert (row.state, room.file("st.xml").state) == (Handed.HELD, In.DONE)
    assert "no receiver 'sap'" in row.because


def test_status_reports_and_documents_go_to_those_who_take_them(
    room: Room, bank_files: BankFiles
) -> None:
    deaf = replace(SAP, name="bi", folder="bi", status_reports=False, documents="none")
    far = replace(SAP, name="far", folder="far", accounts=frozenset({SISTERS}))
    room.receivers = (SAP, deaf, far, replace(SAP, name="csv", folder="csv", forms=(CSV,)))
    send(room, bank_files.status_file(), "told.xml")
    send(room, b"%PDF-1.7", "fees.pdf", "papers")
    room.sweep()
    assert [name.rsplit(".")[-1] for name in received(room, "sap", "status")] == ["xml"]
    assert [name.rsplit(".")[-1] for name in received(room, "csv", "status")] == ["csv", "xml"]
    assert len(received(room, "sap", "documents")) == 1
    assert not (room.inbox / "bi").exists()
    assert not (room.inbox / "far").exists()


def test_the_rows_of_a_status_report_look_as_the_receiver_reads_them(
    room: Room, bank_files: BankFiles
) -> None:
    marked = replace(CSV, separator=";", header=False)
    room.receivers = (replace(SAP, forms=(ORIGINAL, CSV, marked)),)
    send(room, bank_files.status_file(), "told.xml")
    room.sweep()
    first, second, _ = (
        room.inbox / "sap/status" / name for name in received(room, folder="status")
    )
    assert first.read_text().startswith("message_id,original_message_id,")
    assert second.name.endswith(".csv-2.csv")
    assert second.read_text().startswith("R-1;MSG-1;")


# ---------------------------------------------------------------------------------- forms and names


class Narrow(ErpExporter):
    """MT940 has no room for statement S-2."""

    def write(
        self,
        terms: FormTerms,
        statements: Sequence[Statement],
        target: Path,
        *,
        source: Source | None = None,
    ) -> Sequence[str]:
        told = super().write(terms, statements, target, source=source)
        if terms.form == "mt940" and any(each.id == "S-2" for each in statements):
            target.unlink()
            raise Refused("its amount has too many digits")
        return [*told, "left out: everything"]


def test_a_form_that_does_not_fit_is_held_for_its_statement_alone(
    room: Room, bank_files: BankFiles, chained: Chain
) -> None:
    room.receivers = (replace(SAP, forms=(ORIGINAL, MT940)),)
    room.exporter = Narrow()
    send(room, bank_files.report_file(chained(1), chained(2), chained(3)))
    room.sweep()
    assert sorted(name.rsplit(".")[-1] for name in received(room)) == ["sta", "xml"]
    (sta,) = (room.inbox / "sap" / "statements").glob("*.sta")
    assert sta.read_text().count(":20:") == 2
    found = rows(room)
    held = found["2", "sap"]
    assert [found[key].state for key in sorted(found)] == [Handed.DONE, Handed.HELD, Handed.DONE]
    assert [(made.form, made.refused) for made in held.made] == [
        ("original", ""),
        ("mt940", "its amount has too many digits"),
    ]
    assert "left out: everything" in found["1", "sap"].made[1].left_out
    (event,) = room.log.named("form_held")
    assert (event["receiver"], event["form"]) == ("sap", "mt940")
    with room.ledger() as ledger:
        assert [row.exported for row in ledger.statements()] == [True, False, True]


def test_a_marker_follows_each_file(room: Room, bank_files: BankFiles, chained: Chain) -> None:
    room.receivers = (replace(SAP, forms=(ORIGINAL, CSV), marker=".ok"),)
    send(room, bank_files.report_file(chained(1)))
    room.sweep()
    names = [line.rpartition("/")[2] for line in times(room)]
    assert [name.split(".", 2)[-1] for name in names] == ["xml", "xml.ok", "csv", "csv.ok"]
    assert (room.inbox / times(room)[1]).read_bytes() == b""


def test_a_name_is_made_of_the_template_and_cut_to_what_the_erp_takes(
    room: Room, bank_files: BankFiles, chained: Chain
) -> None:
    template = "{account}_{date:%Y%m%d}_{id}"
    room.receivers = (replace(SAP, file_name=template, longest_name=50),)
    send(room, bank_files.report_file(chained(1)))
    room.sweep()
    (name,) = received(room)
    assert len(name) <= 50
    assert name.endswith(f"_20261101_{room.file('st.xml').id}.xml")


def test_a_notification_without_a_period_is_of_the_day_on_which_the_bank_made_it(
    room: Room, bank_files: BankFiles
) -> None:
    room.receivers = (replace(SAP, file_name="{date:%Y%m%d}_{id}"),)
    send(room, bank_files.report_file(bank_files.notification("1"), message="camt.054.001.02"))
    room.sweep()
    (name,) = received(room, folder="notifications")
    assert (f"{room.clock.time:%Y%m%d}", name[:9]) == ("20261123", "20261121_")


def test_two_forms_of_one_ending_have_names_of_their_own(
    room: Room, bank_files: BankFiles, chained: Chain
) -> None:
    room.receivers = (replace(SAP, forms=(CSV, replace(CSV, separator=";"))),)
    send(room, bank_files.report_file(chained(1)))
    room.sweep()
    plain, second = sorted(received(room), key=len)
    assert (plain.count(".csv"), second.endswith(".csv-2.csv")) == (1, True)


def test_what_lies_there_is_never_overwritten(
    room: Room, bank_files: BankFiles, chained: Chain
) -> None:
    room.receivers = (SAP,)
    place = room.inbox / "sap" / "statements"
    place.mkdir(parents=True)
    ahead = f"st.{room.clock.time:%Y%m%d-%H%M%S}-000001.xml"
    (place / ahead).write_bytes(b"theirs")
    send(room, bank_files.report_file(chained(1)))
    room.sweep()
    assert (place / ahead).read_bytes() == b"theirs"
    assert received(room) == sorted([ahead, ahead.replace(".xml", "-2.xml")])


def test_a_folder_that_is_not_mounted_holds_up_no_other_receiver(
    room: Room, bank_files: BankFiles, chained: Chain
) -> None:
    away = room.root / "away"
    room.receivers = (replace(SAP, name="far", folder=f"{away}/far"), SAP)
    away.mkdir()
    send(room, bank_files.report_file(chained(1)))
    room.sweep()
    assert (received(room), room.file("st.xml").state) == (received(room), In.EXPORTING)
    assert len(received(room)) == 1
    assert "mounted" in room.file("st.xml").due_because
    (away / "far").mkdir()
    room.sweep(times=2)
    assert room.file("st.xml").state is In.DONE
    assert len(list((away / "far" / "statements").iterdir())) == 1
    assert len(times(room)) == 2


class Peeking:
    """Entries that look into the folder while they are written."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seen = folder, set[str]()

    def __iter__(self) -> Iterator[Entry]:
        self.seen |= {path.name for path in self.folder.iterdir()}
        yield from ()


def test_a_workbook_leaves_nothing_half_where_the_erp_looks(
    room: Room, bank_files: BankFiles, chained: Chain, tmp_path: Path
) -> None:
    send(room, bank_files.report_file(chained(1)))
    room.sweep()
    folder = tmp_path / "erp"
    folder.mkdir()
    entries = Peeking(folder)
    with room.ledger() as ledger:
        found = ledger.statement(ledger.statements()[0].id)
    assert found is not None
    target = folder / ".a.writing"
    room.exporter.write(FormTerms("xlsx"), [replace(found, entries=entries)], target)
    assert len(entries.seen) == 2
    assert all(name.startswith(".") for name in entries.seen)
    assert list(folder.iterdir()) == [target]


# ----------------------------------------------------------------------------------------- in order


@pytest.fixture
def ordered(room: Room) -> Room:
    room.receivers = (replace(SAP, in_order=True), replace(SAP, name="bi", folder="bi"))
    return room


def arrive(room: Room, bank_files: BankFiles, name: str, *blocks: str) -> None:
    send(room, bank_files.report_file(*blocks), f"{name}.xml")
    room.sweep()


def order(room: Room, receiver: str = "sap") -> list[str]:
    """The files that a receiver got, in the order in which they appeared."""
    return [
        line.rpartition("/")[2].partition(".")[0]
        for line in times(room)
        if line.startswith(receiver)
    ]


def test_a_statement_waits_for_the_missing_one_and_goes_on_in_order(
    ordered: Room, bank_files: BankFiles, chained: Chain
) -> None:
    arrive(ordered, bank_files, "one", chained(1))
    arrive(ordered, bank_files, "four", chained(4))
    arrive(ordered, bank_files, "three", chained(3))
    assert (order(ordered), order(ordered, "bi")) == (["one"], ["one", "four", "three"])
    assert ordered.file("three.xml").state is In.DONE
    assert rows(ordered, "three.xml")["1", "sap"].because == "the statement before it is missing"
    arrive(ordered, bank_files, "two", chained(2))
    assert order(ordered) == ["one", "two", "three", "four"]
    assert len(times(ordered)) == 8


def test_a_statement_waits_while_an_earlier_one_is_held(
    ordered: Room, bank_files: BankFiles, chained: Chain
) -> None:
    arrive(ordered, bank_files, "one", chained(1))
    arrive(ordered, bank_files, "two", chained(2, wrong=True))
    arrive(ordered, bank_files, "three", chained(3))
    assert order(ordered) == ["one"]
    with ordered.ledger() as ledger:
        ledger.reject_statement(
            f"{ordered.file('two.xml').id}-1", "ann", "wrong", ordered.clock.time
        )
    arrive(ordered, bank_files, "good", chained(2))
    assert order(ordered) == ["one", "good", "three"]


def test_statements_that_waited_in_one_file_go_in_one_file(
    ordered: Room, bank_files: BankFiles, chained: Chain
) -> None:
    arrive(ordered, bank_files, "one", chained(1))
    arrive(ordered, bank_files, "rest", chained(3), chained(4))
    arrive(ordered, bank_files, "two", chained(2))
    assert order(ordered) == ["one", "two", "rest"]


def test_what_comes_in_one_fetch_is_booked_before_any_of_it_is_handed_over(
    ordered: Room, bank_files: BankFiles, chained: Chain
) -> None:
    for name, number in (("a-three", 3), ("b-one", 1), ("c-four", 4), ("d-two", 2)):
        send(ordered, bank_files.report_file(chained(number)), f"{name}.xml")
    ordered.sweep()
    expected = ["b-one", "d-two", "a-three", "c-four"]
    assert (order(ordered), order(ordered, "bi")) == (expected, expected)
    assert len(times(ordered)) == 8


def test_of_two_files_that_interlock_an_ordered_receiver_gets_each_statement_in_its_turn(
    ordered: Room, bank_files: BankFiles, chained: Chain
) -> None:
    send(ordered, bank_files.report_file(chained(1), chained(3)), "odd.xml")
    send(ordered, bank_files.report_file(chained(2), chained(4)), "even.xml")
    ordered.sweep()
    assert order(ordered) == ["odd", "even", "odd", "even"]
    assert order(ordered, "bi") == ["odd", "even"]


def test_a_file_that_cannot_be_read_keeps_no_other_of_its_fetch(
    ordered: Room, bank_files: BankFiles, chained: Chain
) -> None:
    send(ordered, bank_files.report_file(chained(2)), "a-two.xml")
    send(ordered, b"<Document>", "b-bad.xml")
    send(ordered, bank_files.report_file(chained(1)), "c-one.xml")
    ordered.sweep()
    assert order(ordered) == ["c-one", "a-two"]
    assert ordered.file("b-bad.xml").state is In.QUARANTINED


def test_a_person_lets_go_what_waits_for_what_will_never_come(
    ordered: Room, bank_files: BankFiles, chained: Chain
) -> None:
    arrive(ordered, bank_files, "one", chained(1))
    arrive(ordered, bank_files, "three", chained(3))
    arrive(ordered, bank_files, "four", chained(4))
    with ordered.ledger() as ledger:
        waiting = f"{ordered.file('three.xml').id}-1"
        assert ledger.release_statement(waiting, "ann", "never sent", ordered.clock.time)
    ordered.sweep()
    assert order(ordered) == ["one", "three", "four"]


def test_what_is_superseded_while_it_waits_is_not_handed_over(
    ordered: Room, bank_files: BankFiles, chained: Chain
) -> None:
    arrive(ordered, bank_files, "one", chained(1))
    arrive(ordered, bank_files, "three", chained(3))
    corrected = chained(3).replace("T06:00:00", "T07:00:00").replace("REF-3", "REF-3B")
    arrive(ordered, bank_files, "again", corrected)
    arrive(ordered, bank_files, "two", chained(2))
    ordered.sweep()
    assert order(ordered) == ["one", "two"]
    with ordered.ledger() as ledger:
        again = f"{ordered.file('again.xml').id}-1"
        assert ledger.release_statement(again, "ann", "it is right", ordered.clock.time)
    ordered.sweep()
    assert order(ordered) == ["one", "two", "again"]


# ---------------------------------------------------------------------------- documents and entries

BY_NAME = re.compile(r"_([0-9A-Z-]{4,})\.pdf$")


@pytest.fixture
def with_papers(make_room: MakeRoom) -> Room:
    """The receipts of this bank carry a reference; `sap` gets them beside the statement."""
    room = make_room()
    message, paper, ack = room.terms.downloads
    room.terms = replace(room.terms, downloads=(message, replace(paper, reference=BY_NAME), ack))
    room.receivers = (
        replace(SAP, documents="with-entry"),
        replace(SAP, name="bi", folder="bi"),
    )
    room.furnish()
    return room


@pytest.mark.parametrize("first", ["document", "statement"])
def test_a_receipt_is_handed_over_with_the_statement_of_its_entry(
    first: str, with_papers: Room, bank_files: BankFiles, chained: Chain
) -> None:
    room = with_papers
    if first == "statement":
        arrive(room, bank_files, "st", chained(1))
    send(room, b"%PDF-1.7", "receipt_REF-1.pdf", "papers")
    room.sweep()
    if first == "document":
        assert not (room.inbox / "sap").exists()
        assert len(received(room, "bi", "documents")) == 1
        arrive(room, bank_files, "st", chained(1))
    names = received(room)
    assert len(names) == 2
    assert names[0].startswith("REF-1.receipt_REF-1.")
    assert names[0].endswith(".pdf")
    assert received(room, "sap", "documents") == []
    with room.ledger() as ledger:
        paper, statement = room.file("receipt_REF-1.pdf").id, room.file("st.xml").id
        (link,) = ledger.links(paper)
        assert [link] == list(ledger.links(statement))
        assert (link.statement_id, link.entry, str(link.amount)) == (f"{statement}-1", 1, "50.00")


@pytest.mark.parametrize(
    ("reference", "found"), [("N1", 1), ("TX-9", 1), ("DETAIL-9", 1), ("N2", 0), ("TX", 0)]
)
def test_a_receipt_is_found_by_every_reference_of_its_entry(
    reference: str, found: int, with_papers: Room, bank_files: BankFiles, chained: Chain
) -> None:
    details = (
        "<NtryDtls><TxDtls><Refs><AcctSvcrRef>DETAIL-9</AcctSvcrRef><TxId>TX-9</TxId></Refs>"
        "</TxDtls></NtryDtls></Ntry>"
    )
    with_papers.terms = replace(
        with_papers.terms,
        downloads=tuple(
            replace(each, reference=each.reference and re.compile(r"_(.*)\.pdf"))
            for each in with_papers.terms.downloads
        ),
    )
    send(with_papers, b"%PDF-1.7", f"r_{reference}.pdf", "papers")
    with_papers.sweep()
    arrive(with_papers, bank_files, "st", chained(1).replace("</Ntry>", details))
    with with_papers.ledger() as ledger:
        for name in (f"r_{reference}.pdf", "st.xml"):
            assert len(ledger.links(with_papers.file(name).id)) == found
    assert len(received(with_papers)) == 1 + found


def test_a_receipt_without_a_reference_in_its_name_comes_as_it_comes(with_papers: Room) -> None:
    send(with_papers, b"%PDF-1.7", "terms.pdf", "papers")
    with_papers.sweep()
    assert len(received(with_papers, "sap", "documents")) == 1


# ---------------------------------------------------------------------------------- read once more


class Illiterate(Iso20022Messages):
    """A version that could not read this yet."""

    def read(
        self, path: Path, largest: int, severities: Mapping[str, Severity] | None = None
    ) -> BankMessage:
        del largest, severities
        raise Corrupt(f"{path.name} cannot be read", "Ask the bank")


def replay(room: Room, name: str = "st.xml") -> str:
    """A person has it read again, and it is; in words what came of it."""
    with room.ledger() as ledger:
        file = room.file(name)
        desk.replay(ledger, file.id, "ann", "it can be read now", room.clock.time)
    room.sweep()
    with room.ledger() as ledger:
        moves = ledger.moves(file.id)
    asked = next(move for move in reversed(moves) if move.target == In.FETCHED)
    assert (asked.who, asked.because) == ("ann", "it can be read now")
    return next(move.because for move in reversed(moves) if move.target == In.BOOKED)


def test_a_quarantined_file_is_read_again_booked_and_handed_over(
    room: Room, bank_files: BankFiles, chained: Chain
) -> None:
    literate, room.messages = room.messages, Illiterate()
    send(room, bank_files.report_file(chained(1)))
    room.sweep()
    assert room.file("st.xml").state is In.QUARANTINED
    assert times(room) == []
    room.messages = literate
    replay(room)
    file = room.file("st.xml")
    assert (file.state, file.problems, len(times(room))) == (In.DONE, (), 3)


def test_a_file_that_is_done_is_read_again_and_nothing_changes(
    room: Room, bank_files: BankFiles, chained: Chain
) -> None:
    send(room, bank_files.report_file(chained(1), chained(2, wrong=True)))
    room.sweep()
    with room.ledger() as ledger:
        before, handed = ledger.statements(), times(room)
    assert replay(room).startswith("read again: nothing is new; ")
    with room.ledger() as ledger:
        assert (ledger.statements(), times(room)) == (before, handed)
        assert len(list(ledger.statement(before[0].id).entries)) == 1  # type: ignore[union-attr]
    assert room.file("st.xml").state is In.DONE


def test_a_statement_that_was_held_is_judged_anew(
    room: Room, bank_files: BankFiles, chained: Chain
) -> None:
    room.receivers = (SAP,)
    send(room, bank_files.report_file(chained(1), chained(1, SISTERS)))
    room.sweep()
    sisters = Account(SISTERS, "", "EUR", "Sister AG")
    room.terms = replace(room.terms, accounts=(*room.terms.accounts, sisters))
    assert replay(room).startswith("read again: statement 2: booked; ")
    with room.ledger() as ledger:
        assert [row.kept for row in ledger.statements(room.file("st.xml").id)] == [
            Kept.BOOKED,
            Kept.BOOKED,
        ]
    assert len(received(room)) == 2
    replay(room)
    assert len(times(room)) == 2


def test_a_form_that_was_held_is_made_once_it_fits(
    room: Room, bank_files: BankFiles, chained: Chain
) -> None:
    room.receivers = (replace(SAP, forms=(ORIGINAL, MT940)),)
    whole, room.exporter = room.exporter, Narrow()
    send(room, bank_files.report_file(chained(1), chained(2)))
    room.sweep()
    room.exporter = whole
    replay(room)
    assert states(room) == {("1", "sap"): Handed.DONE, ("2", "sap"): Handed.DONE}
    texts = [path.read_text() for path in (room.inbox / "sap" / "statements").glob("*.sta")]
    assert sorted(text.count(":20:") for text in texts) == [1, 1]
    assert len(list((room.inbox / "sap" / "statements").glob("*.xml"))) == 1


@pytest.mark.parametrize("name", ["told.xml", "st.xml", "nothing"])
def test_what_cannot_be_read_again_is_refused(
    name: str, room: Room, bank_files: BankFiles, chained: Chain
) -> None:
    send(room, bank_files.status_file(), "told.xml")
    send(room, bank_files.report_file(chained(1)), "first.xml")
    room.sweep()
    send(room, bank_files.report_file(chained(1)))  # a duplicate
    room.sweep()
    file_id = "nothing" if name == "nothing" else room.file(name).id
    with room.ledger() as ledger, pytest.raises(Refused, match=file_id):
        desk.replay(ledger, file_id, "ann", "why not", room.clock.time)


# ------------------------------------------------------------------------------------------ kill -9


def test_killed_anywhere_each_receiver_gets_each_statement_once(
    make_room: MakeRoom, rounds: MakeRounds, bank_files: BankFiles, chained: Chain
) -> None:
    room = make_room()
    room.receivers = (
        replace(SAP, in_order=True, marker=".ok"),
        replace(SAP, name="bi", folder="bi", forms=(CSV,)),
    )
    room.furnish()
    arrive(room, bank_files, "one", chained(1))
    arrive(room, bank_files, "three", chained(3))
    assert (order(room), order(room, "bi")) == (["one"] * 2, ["one", "three"])
    send(room, bank_files.report_file(chained(2)), "two.xml")
    work = rounds(room, lambda room: None)
    calls = work.prepare()
    seen = appeared(room)
    assert order(room) == ["one", "one", "two", "two", "three", "three"]
    first, last = calls.index("ledger.assign"), calls.index("ledger.remote_pending")
    writing = [at for at in range(first, last) if calls[at] in WRITING]
    # before the next of them is after this one: nothing else changes anything
    before = (where for at in writing for where in work.killed(calls, at, at + 1, sides=["before"]))
    after = work.killed(calls, writing[-1], writing[-1] + 1, sides=["after"])
    for where in chain(before, after):
        room.sweep()
        assert appeared(room) == seen, where
        lying = [path for name in ("sap", "bi") for path in (room.inbox / name).rglob("*.*")]
        found = sorted(str(path.relative_to(room.inbox)) for path in lying)
        assert found == sorted(times(room)), where
        assert {file.state for file in room.files("in")} == {In.DONE}, where
    assert {name for name, _ in work.hit()} == WRITING


# What changes something while files are handed over: a kill beside anything else is one of these.
WRITING = {
    *("ledger.assign", "ledger.let_through", "ledger.handing_over", "ledger.handed_over"),
    *("ledger.move", "exporter.write", "desktop.prepare", "desktop.publish"),
}


def appeared(room: Room) -> Counter[str]:
    """How often each file appeared; its id tells the time of the round and is left out."""
    return Counter(re.sub(r"\d{8}-\d{6}-", "", line) for line in times(room))
