"""The refusal as a bank would send it: the ERP reopens its items on it, so a wrong one pays twice.

It is told once of a file that is at its end and of which nothing was ever with a bank; of any other
never.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h import desk
from h2h.adapters.archive import FolderArchive
from h2h.adapters.messages import Iso20022Messages
from h2h.config import load
from h2h.core.problem import Severity
from h2h.core.states import Out
from h2h.core.status import StatusReport
from h2h.core.terms import Account, CheckTerms
from h2h.errors import Transient
from h2h.flows.inbound import sweep_inbound
from h2h.flows.integrity import Verifier
from h2h.flows.sweep import Sweep
from h2h.flows.waves import sweep_outbound
from h2h.ports import Session
from h2h.wiring import terms_of

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, MakeRoom, MakeRounds, Room

REPOSITORY = Path(__file__).parents[2]
WHO, WHY = "os:anna", "the invoice is disputed"
WRONG = {"creditor_iban": "FR1420041010050500013M02607"}
RENT = {"end_to_end_id": "RENT", "remittance": "Rent December"}
OURS = (Account("DE89370400440532013000", "", "EUR", "Acme GmbH"),)
HOLDS_PAST_DATES = CheckTerms(accounts=OURS, severities={"execution-date-past": Severity.HOLD})
Act = Callable[..., str]


@pytest.fixture
def office(make_room: MakeRoom) -> Room:
    """A room whose bank's reports are read by an ERP that reads refusals too."""
    room = make_room(refusals=True)
    room.furnish()
    return room


def told(room: Room) -> list[StatusReport]:
    """The refusals that the ERP finds among its bank's status reports."""
    found = [room.inbox / "acme" / "status" / name for name in room.handed_over("status")]
    read = [Iso20022Messages().read(path, 10_000) for path in found if path.suffix == ".xml"]
    return [message.report for message in read if message.report is not None]


def verdict(room: Room, name: str = "pay.xml") -> dict[str, object]:
    """The plain answer, which comes with and without a refusal."""
    file = room.file(name)
    place = room.inbox / "acme" / "answers" / f"{name}.{file.id}.json"
    facts: dict[str, object] = json.loads(place.read_text())
    return facts


def decide(room: Room, act: Act, name: str = "pay.xml") -> None:
    with room.ledger() as ledger:
        act(ledger, room.file(name).id, WHO, WHY, room.clock.now())


class Cut:
    """A session whose rename gets lost before the bank hears of it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.host = session.host

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)

    def rename(self, source: str, target: str) -> None:
        raise Transient(f"the line was cut while {source} became {target}")


def sent_in_doubt_then_cancelled(room: Room, content: bytes) -> None:
    """A file that the bank says it does not have, and that a person then takes back."""
    whole = room.wrap_session
    room.wrap_session = Cut  # type: ignore[assignment] # the rest of the session is delegated
    room.drop(content)
    room.sweep()
    room.wrap_session = whole
    assert room.file().state is Out.IN_DOUBT
    with room.services() as services, Sweep(services, patient=False) as sweep:
        desk.resolve_not_sent(sweep, room.file().id, WHO, WHY)
    decide(room, desk.cancel)


# --------------------------------------------------------------------------- who is told of it


def test_a_file_that_its_check_refuses_is_rejected_as_by_its_bank(
    office: Room, payment_file: PaymentFile
) -> None:
    office.drop(payment_file(payments=[{}, WRONG]))
    office.sweep(times=3)
    file = office.file()
    assert file.state is Out.INVALID
    assert file.refusal == f"H2H-{file.id}"
    assert len(file.refusal) <= 35
    assert office.handed_over("status") == [
        f"{file.refusal}{s}" for s in (".csv", ".jsonl", ".xml")
    ]
    (report,) = told(office)
    assert (report.message_id, report.original_message_id) == (file.refusal, "MSG-1")
    assert (report.group_status, report.batches[0].status) == ("RJCT", "RJCT")
    ((name, status, reasons),) = [
        (payment.end_to_end_id, payment.status, payment.reasons)
        for payment in report.batches[0].payments
    ]
    assert (name, status, [reason.code for reason in reasons]) == ("MSG-1-2", "RJCT", ["AC01"])
    assert verdict(office)["verdict"] == "refused"
    assert verdict(office)["status_report"] == file.refusal
    assert file.refusal in str(verdict(office)["next_move"])


def test_what_the_configuration_says_is_what_the_flows_are_told(tmp_path: Path) -> None:
    example = (REPOSITORY / "config.toml").read_text()
    for line, asked in (('# refusals = "none"', False), ('refusals = "pain.002"', True)):
        path = tmp_path / "config.toml"
        path.write_text(example.replace('# refusals = "none"', line))
        config = load(path)
        assert terms_of("acme", config.banks["acme"], config).refusals is asked


def test_nobody_is_told_unless_the_bank_is_configured_for_it(
    room: Room, payment_file: PaymentFile
) -> None:
    room.drop(payment_file(payments=[WRONG]))
    room.sweep(times=2)
    assert verdict(room)["verdict"] == "refused"
    assert (room.handed_over("status"), room.file().refusal) == ([], "")


def test_a_refusal_is_on_record_in_the_chain_and_in_the_dossier(
    office: Room, payment_file: PaymentFile
) -> None:
    office.drop(payment_file(payments=[WRONG]))
    with office.services() as services, Sweep(services) as sweep:
        sweep_outbound(sweep)
    file = office.file()
    with office.ledger() as ledger:
        last = ledger.moves(file.id)[-1]
        findings = [*Verifier(ledger, FolderArchive(office.root / "archive")).findings()]
    assert (last.source, last.target) == ("invalid", "invalid")
    assert file.refusal in last.because
    (manifest,) = (office.root / "archive").rglob("manifest.json")
    facts = json.loads(manifest.read_text())
    assert facts["refusal"] == file.refusal
    handed = office.inbox / "acme" / "status" / f"{file.refusal}.xml"
    assert (manifest.parent / "refusal.xml").read_bytes() == handed.read_bytes()
    assert "refusal.xml" in facts["files"]
    moves = (manifest.parent / "moves.jsonl").read_text().splitlines()
    assert json.loads(moves[-1])["because"] == last.because
    assert findings == []


def test_a_new_message_may_follow_and_goes(office: Room, payment_file: PaymentFile) -> None:
    office.drop(payment_file(payments=[RENT | WRONG]))
    office.sweep()
    office.drop(payment_file("MSG-2", [RENT]), "second.xml")
    office.sweep()
    assert office.file("second.xml").state is Out.SENT


def test_an_alike_payment_of_long_ago_does_not_stand_in_the_way(
    office: Room, payment_file: PaymentFile
) -> None:
    rent = {"remittance": "Rent"}
    office.drop(payment_file(payments=[rent]), "first.xml")
    office.sweep()
    office.clock.advance(days=31)
    office.drop(payment_file("MSG-2", [rent, WRONG]))
    office.sweep()
    assert office.file().state is Out.INVALID
    assert [report.original_message_id for report in told(office)] == ["MSG-2"]


# ----------------------------------------------------------------------------------- who never is


def test_a_duplicate_is_not_rejected(office: Room, payment_file: PaymentFile) -> None:
    office.drop(payment_file(), "first.xml")
    office.drop(payment_file(), "second.xml")
    office.drop(payment_file(payments=[{"amount": "7.00"}]), "third.xml")
    office.sweep(times=2)
    assert sorted(file.state for file in office.files()) == [
        Out.DUPLICATE,
        Out.DUPLICATE,
        Out.SENT,
    ]
    assert told(office) == []


def test_other_content_under_a_message_id_that_went_is_not_rejected(
    office: Room, payment_file: PaymentFile
) -> None:
    office.drop(payment_file(), "first.xml")
    office.sweep()
    office.drop(payment_file(payments=[WRONG | {"end_to_end_id": "OTHER"}]))
    office.sweep(times=2)
    assert (office.file().state, told(office)) == (Out.INVALID, [])
    (event,) = office.log.named("no_refusal")
    assert office.file("first.xml").id in str(event["because"])
    assert verdict(office)["status_report"] is None


def test_what_may_still_go_is_not_rejected(office: Room, payment_file: PaymentFile) -> None:
    with office.ledger() as ledger:
        desk.pause(ledger, "acme", WHO, WHY, office.clock.now())
    office.drop(payment_file(), "waiting.xml")
    office.sweep()
    office.drop(payment_file(payments=[WRONG | {"end_to_end_id": "OTHER"}]), "same-id.xml")
    office.drop(payment_file("MSG-2", [WRONG | {"end_to_end_id": "MSG-1-1"}]), "same-item.xml")
    office.sweep(times=2)
    assert office.file("waiting.xml").state is Out.SEALED
    assert office.file("same-id.xml").state is Out.INVALID
    assert office.file("same-item.xml").state is Out.INVALID
    assert told(office) == []


def test_payments_that_went_in_another_message_are_not_rejected(
    office: Room, payment_file: PaymentFile
) -> None:
    office.drop(payment_file(payments=[RENT]), "first.xml")
    office.sweep()
    office.drop(payment_file("MSG-2", [RENT | WRONG, {}]), "same-item.xml")
    alike = {"remittance": "RENT  december"}
    office.drop(payment_file("MSG-3", [alike, WRONG]), "alike.xml")
    office.sweep(times=2)
    for name in ("same-item.xml", "alike.xml"):
        assert (office.file(name).state, office.file(name).refusal) == (Out.INVALID, "")
    assert told(office) == []


def test_an_item_that_a_person_held_back_as_paid_before_is_not_rejected(
    office: Room, payment_file: PaymentFile
) -> None:
    office.drop(payment_file(payments=[RENT]), "first.xml")
    office.sweep()
    office.drop(payment_file("MSG-2", [RENT]))
    office.sweep()
    assert office.file().state is Out.HELD
    decide(office, desk.reject)
    office.sweep(times=2)
    assert (office.file().state, told(office)) == (Out.CANCELLED, [])


def test_what_was_ever_in_doubt_is_not_rejected(office: Room, payment_file: PaymentFile) -> None:
    sent_in_doubt_then_cancelled(office, payment_file())
    office.sweep()
    assert (office.file().state, told(office)) == (Out.CANCELLED, [])
    office.drop(payment_file(payments=[WRONG | {"end_to_end_id": "OTHER"}]), "same-id.xml")
    office.drop(payment_file("MSG-2", [WRONG | {"end_to_end_id": "MSG-1-1"}]), "same-item.xml")
    office.sweep(times=2)
    assert {file.state for file in office.files()} == {Out.CANCELLED, Out.INVALID}
    assert told(office) == []


def test_what_lay_in_the_door_before_h2h_came_is_not_rejected(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = make_room(refusals=True)
    room.make_rooms()
    room.drop(payment_file())
    room.drop(payment_file("MSG-2", [WRONG]), "wrong.xml")
    room.sweep()
    assert (room.file().state, room.file("wrong.xml").state) == (Out.HELD, Out.INVALID)
    decide(room, desk.cancel)
    room.sweep(times=2)
    assert told(room) == []


@pytest.mark.parametrize(("day", "state"), [("2026-12-01", Out.SEALED), ("2026-11-20", Out.HELD)])
def test_what_the_bank_names_too_early_is_not_rejected(
    day: str, state: Out, make_room: MakeRoom, payment_file: PaymentFile, bank_files: BankFiles
) -> None:
    room = make_room(refusals=True, check=HOLDS_PAST_DATES)
    room.furnish()
    with room.ledger() as ledger:
        desk.pause(ledger, "acme", WHO, WHY, room.clock.now())
    room.drop(payment_file(execution_date=day))
    room.sweep()
    assert room.file().state is state
    with room.ledger() as ledger:
        desk.resume(ledger, "acme", WHO, WHY, room.clock.now())
    (room.bank / "out" / "told.xml").write_bytes(bank_files.status_file())
    with room.services() as services, Sweep(services) as sweep:
        sweep_inbound(sweep, ["acme"])
    assert (room.file().state, room.file().problems[-1].rule) == (Out.HELD, "known-at-bank")
    decide(room, desk.cancel)
    room.sweep(times=2)
    assert [report.message_id for report in told(room)] == ["R-1"]  # the bank's own


def test_what_has_its_name_taken_at_the_bank_is_not_rejected(
    office: Room, payment_file: PaymentFile
) -> None:
    (office.bank / "in" / "ACME_0001.xml").write_bytes(b"whose?")
    office.drop(payment_file())
    office.sweep()
    assert office.file().state is Out.HELD
    decide(office, desk.cancel)
    office.sweep(times=2)
    assert (office.file().state, told(office)) == (Out.CANCELLED, [])


def test_what_a_person_cancels_is_not_rejected_for_it_may_be_paid_otherwise(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = make_room(refusals=True, check=HOLDS_PAST_DATES)
    room.furnish()
    room.drop(payment_file(execution_date="2026-11-20"))
    room.sweep()
    decide(room, desk.reject)
    room.drop(payment_file(payments=[WRONG | {"end_to_end_id": "OTHER"}]), "same-id.xml")
    room.drop(payment_file("MSG-2", [WRONG | {"end_to_end_id": "MSG-1-1"}]), "same-item.xml")
    room.sweep(times=2)
    assert (verdict(room)["verdict"], told(room)) == ("cancelled", [])
    assert {room.file(f"same-{what}.xml").state for what in ("id", "item")} == {Out.INVALID}


def test_what_came_to_the_wrong_banks_door_is_not_rejected(
    office: Room, payment_file: PaymentFile
) -> None:
    office.drop(payment_file(debtor_iban="NL91ABNA0417164300"))
    office.sweep(times=2)
    assert [problem.rule for problem in office.file().problems] == ["debtor-account"]
    assert (verdict(office)["verdict"], told(office)) == ("refused", [])


def test_a_message_that_a_bank_has_reported_on_is_not_rejected(
    office: Room, payment_file: PaymentFile, bank_files: BankFiles
) -> None:
    (office.bank / "out" / "told.xml").write_bytes(bank_files.status_file())
    office.sweep()
    office.drop(payment_file(payments=[WRONG]))
    office.sweep(times=2)
    assert (office.file().state, office.file().refusal) == (Out.INVALID, "")


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        (b"CdtTrfTxInf>", b"CdtTrfTxInfo>"),
        (b"PmtInf>", b"PmtInfo>"),
        (b"InstdAmt>", b"InstrAmt>"),
        (b"EndToEndId>", b"EndToEndID>"),
        (b"<EndToEndId>", b"<EndToEndId> "),
        (b"MSG-1-1", b"NOTPROVIDED"),
        (b"<MsgId>", b"<MsgId> "),
        (b"<NbOfTxs>1<", b"<NbOfTxs>2<"),
    ],
)
def test_what_cannot_be_compared_is_not_rejected(
    office: Room, payment_file: PaymentFile, written: bytes, instead: bytes
) -> None:
    content = payment_file(payments=[WRONG])
    assert written in content
    office.drop(content.replace(written, instead))
    office.sweep(times=2)
    assert (office.file().state, told(office)) == (Out.INVALID, [])
    assert verdict(office)["verdict"] == "refused"


def test_what_no_report_can_name_is_answered_all_the_same(
    office: Room, payment_file: PaymentFile
) -> None:
    office.drop(payment_file()[:-40], "cut.xml")
    office.drop(payment_file("M" * 36), "long.xml")
    office.drop(payment_file(debtor_iban="FR1420041010050500013M02606"), "lost.xml", door="")
    office.sweep(times=2)
    assert [file.state for file in office.files()] == [Out.INVALID] * 3
    assert told(office) == []
    assert verdict(office, "cut.xml")["verdict"] == "refused"
    assert verdict(office, "long.xml")["verdict"] == "refused"


def test_a_file_that_changed_in_its_dossier_is_not_rejected(
    office: Room, payment_file: PaymentFile
) -> None:
    with office.services() as services:
        office.drop(payment_file(payments=[WRONG]))
        check = services.messages.check

        def check_and_change(*given: object) -> object:
            found = check(*given)  # type: ignore[arg-type]  # as it was given
            (original,) = (office.root / "archive").rglob("original.xml")
            original.write_bytes(payment_file("MSG-9", [WRONG]))
            return found

        services.messages.check = check_and_change  # type: ignore[method-assign,assignment]
        office.run(services)
    assert (verdict(office)["verdict"], told(office)) == ("refused", [])


# --------------------------------------------------------------------------- once, and for all


def test_a_message_is_rejected_once(office: Room, payment_file: PaymentFile) -> None:
    office.drop(payment_file(payments=[WRONG]), "first.xml")
    office.sweep()
    office.drop(payment_file(payments=[WRONG]), "again.xml")
    office.drop(payment_file(payments=[WRONG, {}]), "more.xml")
    office.sweep(times=2)
    assert [file.state for file in office.files()] == [Out.INVALID] * 3
    assert [report.message_id for report in told(office)] == [office.file("first.xml").refusal]


def test_a_message_that_was_rejected_goes_only_when_a_person_says_so(
    office: Room, payment_file: PaymentFile
) -> None:
    office.drop(payment_file(payments=[WRONG]), "first.xml")
    office.sweep()
    office.drop(payment_file())
    office.sweep(times=2)
    assert office.file().state is Out.HELD
    assert [problem.rule for problem in office.file().problems][-1] == "already-refused"
    decide(office, desk.release)
    office.sweep()
    assert office.file().state is Out.SENT


def test_killed_anywhere_the_erp_is_told_once(
    make_room: MakeRoom, rounds: MakeRounds, payment_file: PaymentFile
) -> None:
    room = make_room(refusals=True)
    room.furnish()
    work = rounds(room, lambda room: room.drop(payment_file(payments=[WRONG])))
    calls = work.prepare()
    whole = handed_over(room)
    assert whole == Counter(
        ["answers.json", "answers.txt", "status.csv", "status.jsonl", "status.xml"]
    )
    first = calls.index("messages.refuse")  # before it, nothing of a refusal is there
    last = calls.index("archive.record", first) + 1  # after it, the dossier shows it
    for where in work.killed(calls, first, last):
        room.sweep()
        file = room.file()
        assert (file.state, file.refusal) == (Out.INVALID, f"H2H-{file.id}"), where
        assert handed_over(room) == whole, where
        assert [report.message_id for report in told(room)] == [file.refusal], where
        assert verdict(room)["status_report"] == file.refusal, where
        (manifest,) = (room.root / "archive").rglob("manifest.json")
        assert json.loads(manifest.read_text())["refusal"] == file.refusal, where
        assert not list(room.inbox.rglob(".*")), where
    names = {(name, side) for name in calls[first:last] for side in ("before", "after")}
    assert work.hit() == names


def handed_over(room: Room) -> Counter[str]:
    """How often the ERP saw something appear, by folder and suffix."""
    paths = [room.inbox / line for line in room.handed.read_text().splitlines()]
    return Counter(f"{path.parent.name}{path.suffix}" for path in paths)
