"""A recall: asked at the desk, sent as payments are, and believed only when the bank says CNCL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pytest

from h2h import desk
from h2h.adapters.messages import Iso20022Messages
from h2h.core.states import In, Out
from h2h.errors import Refused
from h2h.flows.inbound import sweep_inbound
from h2h.flows.sweep import Sweep
from h2h.ports import File

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, MakeRoom, MakeRounds, Room

SIDES = ("before", "after")
WHO, WHY = "os:anna", "the supplier was paid twice"
TWO = ({"end_to_end_id": "INV-1"}, {"end_to_end_id": "INV-2", "amount": "7.05"})


ANSWER = """<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.029.001.09"><RsltnOfInvstgtn>
<Assgnmt><Id>{message_id}</Id><Assgnr><Agt><FinInstnId><BICFI>COBADEFFXXX</BICFI></FinInstnId></Agt>
</Assgnr><Assgne><Pty><Nm>Acme GmbH</Nm></Pty></Assgne><CreDtTm>2026-11-23T12:00:00</CreDtTm>
</Assgnmt>{case}<Sts><Conf>{said}</Conf></Sts><CxlDtls><OrgnlGrpInfAndSts>
<OrgnlMsgId>{original}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>{reason}
</OrgnlGrpInfAndSts>{listed}</CxlDtls></RsltnOfInvstgtn></Document>"""
LISTED = """<TxInfAndSts><OrgnlEndToEndId>{name}</OrgnlEndToEndId><TxCxlSts>{status}</TxCxlSts>
</TxInfAndSts>"""


def resolution(
    said: str,
    case: str = "",
    *,
    original: str = "MSG-1",
    message_id: str = "A-1",
    reason: str = "",
    **listed: str,
) -> bytes:
    """A camt.029 about the case of a recall; `listed` are EndToEndIds (INV_1) and their status."""
    creator = "<Cretr><Pty><Nm>Acme GmbH</Nm></Pty></Cretr>"
    return ANSWER.format(
        message_id=message_id,
        case=f"<RslvdCase><Id>{case}</Id>{creator}</RslvdCase>" if case else "",
        said=said,
        original=original,
        reason=f"<CxlStsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></CxlStsRsnInf>" if reason else "",
        listed="".join(
            LISTED.format(name=name.replace("_", "-"), status=status)
            for name, status in listed.items()
        ),
    ).encode()


def recall(room: Room, identity: str = "", **asked: object) -> File:
    """What a person asks at the desk, of the payment file unless told."""
    with room.services() as services:
        return desk.recall(
            services.ledger,
            identity or room.file().id,
            WHO,
            WHY,
            room.clock.now(),
            recall_id=services.new_id(),
            **asked,  # type: ignore[arg-type]  # as desk.recall names them
        )


def ask(room: Room) -> None:
    recall(room)


def the_recall(room: Room) -> File:
    return next(file for file in room.files() if file.recall)


def answer(room: Room, content: bytes, name: str = "answer.xml") -> File:
    """The bank answers, and h2h fetches it."""
    (room.bank / "out" / name).write_bytes(content)
    room.sweep()
    return room.file(name)


def answers(room: Room) -> dict[str, str]:
    with room.ledger() as ledger:
        rows = ledger.recalled(the_recall(room).id)
    return {row.end_to_end_id: row.answer.value for row in rows}


def payments(room: Room) -> dict[str, str]:
    with room.ledger() as ledger:
        return {row.end_to_end_id: row.state.value for row in ledger.payments(room.file().id)}


def alarms(room: Room) -> str:
    return " | ".join(str(facts["because"]) for facts in room.log.named("alarm"))


@pytest.fixture
def sent(room: Room, payment_file: PaymentFile) -> Room:
    """A room that has sent a file of two payments."""
    room.drop(payment_file(payments=TWO))
    room.sweep()
    assert room.file().state is Out.SENT
    return room


@pytest.fixture
def recalled(sent: Room) -> Room:
    """A room that has recalled all of that file."""
    recall(sent)
    sent.sweep()
    assert the_recall(sent).state is Out.SENT
    return sent


def case(room: Room) -> str:
    return the_recall(room).message_id


# ------------------------------------------------------------------------------------------ asking


def test_the_recall_of_a_confidential_file_is_confidential(
    room: Room, payment_file: PaymentFile
) -> None:
    category = b"<PmtTpInf><CtgyPurp><Cd>SALA</Cd></CtgyPurp></PmtTpInf><ReqdExctnDt>"
    room.drop(payment_file(payments=TWO).replace(b"<ReqdExctnDt>", category, 1))
    room.sweep()
    assert recall(room).confidential
    room.sweep()
    done = the_recall(room)
    assert (done.state, done.confidential) == (Out.SENT, True)


def test_a_recall_goes_the_road_of_a_payment_file(sent: Room) -> None:
    asked = recall(sent)
    assert (asked.state, asked.recall) == (Out.CLAIMING, True)
    sent.sweep()
    done = the_recall(sent)
    assert (done.state, done.final_name) == (Out.SENT, "ACME_0002.xml")
    with sent.services() as services:
        content = services.archive.path(done.id, "original.xml")
    assert Iso20022Messages().check_recall(content).problems == ()
    assert sorted(path.name for path in sent.at_the_bank()) == ["ACME_0001.xml", "ACME_0002.xml"]
    assert (sent.bank / "in" / "ACME_0002.xml").read_bytes() == content.read_bytes()
    with sent.ledger() as ledger:
        road = [move.target for move in ledger.moves(done.id)]
    assert " ".join(road) == "claiming claimed valid approved sealed staged delivering sent"
    assert (content.parent / "manifest.json").exists()


def test_who_asked_and_why_stands_in_the_chain_of_both_files(sent: Room) -> None:
    asked = recall(sent)
    with sent.ledger() as ledger:
        ours, theirs = ledger.moves(asked.id)[0], ledger.moves(sent.file().id)[-1]
    assert [(move.who, WHY in move.because) for move in (ours, theirs)] == [(WHO, True)] * 2
    assert sent.file().id in ours.because
    assert asked.id in theirs.because


def test_the_erp_is_told_nothing_of_a_file_that_it_did_not_drop(recalled: Room) -> None:
    told = recalled.handed_over("answers")
    assert {name.removeprefix(f"pay.xml.{recalled.file().id}") for name in told} == {
        ".json",
        ".txt",
    }


def test_a_payment_is_recalled_by_its_end_to_end_id(sent: Room) -> None:
    recall(sent, "INV-2")
    sent.sweep()
    assert answers(sent) == {"INV-2": "asked"}
    content = (sent.bank / "in" / "ACME_0002.xml").read_bytes()
    assert b"<OrgnlEndToEndId>INV-2</OrgnlEndToEndId>" in content
    assert b"INV-1" not in content
    assert b'<OrgnlInstdAmt Ccy="EUR">7.05</OrgnlInstdAmt>' in content


def test_some_payments_or_a_batch_of_a_file_are_recalled(sent: Room) -> None:
    recall(sent, payments=["INV-1"])
    recall(sent, payments=["INV-2"], code="DUPL")
    sent.sweep()
    assert {file.state for file in sent.files() if file.recall} == {Out.SENT}
    assert b"<Cd>DUPL</Cd>" in (sent.bank / "in" / "ACME_0003.xml").read_bytes()


def test_a_batch_is_recalled_as_a_whole(sent: Room) -> None:
    recall(sent, batches=["MSG-1-B1"])
    sent.sweep()
    assert answers(sent) == {"INV-1": "asked", "INV-2": "asked"}
    content = (sent.bank / "in" / "ACME_0002.xml").read_bytes()
    assert b"<PmtInfCxl>true</PmtInfCxl>" in content
    assert b"INV-1" not in content


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"payments": ["INV-9"]}, "0 payments of .* INV-9"),
        ({"batches": ["B-9"]}, "no batch B-9"),
        ({"code": "WHIM"}, "WHIM is no reason"),
        ({"identity": "INV-9"}, "no payment file INV-9"),
    ],
)
def test_what_is_not_there_is_not_recalled(sent: Room, asked: dict[str, str], why: str) -> None:
    with pytest.raises(Refused, match=why):
        recall(sent, **asked)
    assert [file.name for file in sent.files()] == ["pay.xml"]


def test_an_end_to_end_id_of_two_files_is_ambiguous(sent: Room, payment_file: PaymentFile) -> None:
    sent.drop(payment_file("MSG-2", [{"end_to_end_id": "INV-1", "amount": "8.00"}]), "more.xml")
    sent.sweep()
    with pytest.raises(Refused, match="INV-1 is a payment of several files"):
        recall(sent, "INV-1")
    recall(sent, sent.file("more.xml").id, payments=["INV-1"])


def test_one_payment_is_asked_back_by_one_recall_at_a_time(sent: Room) -> None:
    first = recall(sent, payments=["INV-2"])
    with pytest.raises(Refused, match=f"INV-2 is asked by recall {first.id}"):
        recall(sent)
    sent.sweep()
    with pytest.raises(Refused, match="is asked by recall"):
        recall(sent, "INV-2")


def test_what_was_not_sent_is_cancelled_not_recalled(room: Room, payment_file: PaymentFile) -> None:
    with room.ledger() as ledger:
        desk.pause(ledger, "", WHO, WHY, room.clock.now())
    room.drop(payment_file())
    room.sweep()
    with pytest.raises(Refused, match="the bank does not have it"):
        recall(room)


def test_a_file_in_doubt_is_settled_before_it_is_recalled(
    room: Room, payment_file: PaymentFile
) -> None:
    with room.ledger() as ledger:
        desk.pause(ledger, "", WHO, WHY, room.clock.now())
    room.drop(payment_file())
    room.sweep()
    for state in (Out.STAGED, Out.DELIVERING, Out.IN_DOUBT):
        with room.ledger() as ledger:
            assert ledger.move(room.file(), state, room.clock.now())
        with pytest.raises(Refused, match=_WHY_NOT[state]):
            recall(room)


_WHY_NOT = {
    Out.STAGED: "staged: the bank does not have it",
    Out.DELIVERING: "is being delivered",
    Out.IN_DOUBT: r"is in doubt.*Settle the doubt first",
}


def test_a_recall_is_not_recalled(recalled: Room) -> None:
    with pytest.raises(Refused, match="is no payment file"):
        recall(recalled, the_recall(recalled).id)


def test_a_payment_file_changed_in_the_archive_is_not_recalled(sent: Room) -> None:
    with sent.services() as services:
        original = services.archive.path(sent.file().id, "original.xml")
    original.write_bytes(original.read_bytes().replace(b"7.05", b"9.05"))
    recall(sent)
    sent.sweep()
    assert the_recall(sent).state is Out.CANCELLED
    assert "changed after it was checked" in the_recall(sent).because
    assert len(sent.published()) == 1


def test_a_recall_that_is_cancelled_before_it_goes_may_be_asked_again(sent: Room) -> None:
    with sent.ledger() as ledger:
        desk.pause(ledger, "", WHO, WHY, sent.clock.now())
    first = recall(sent)
    sent.sweep()
    with sent.ledger() as ledger:
        desk.cancel(ledger, first.id, WHO, "a mistake", sent.clock.now())
    assert recall(sent).id != first.id


# --------------------------------------------------------------------------------------- answering


def test_cncl_makes_the_payments_cancelled(recalled: Room) -> None:
    told = answer(recalled, resolution("CNCL", case(recalled)))
    assert told.state is In.DONE
    assert answers(recalled) == {"INV-1": "recalled", "INV-2": "recalled"}
    assert payments(recalled) == {"INV-1": "cancelled", "INV-2": "cancelled"}
    assert (recalled.file().state, the_recall(recalled).state) == (
        Out.CANCELLED_BY_BANK,
        Out.ACCEPTED,
    )
    assert alarms(recalled) == ""


def test_the_erp_gets_the_answer_as_the_bank_wrote_it(recalled: Room) -> None:
    content = resolution("CNCL", case(recalled))
    answer(recalled, content)
    [name] = recalled.handed_over("status")
    assert (recalled.inbox / "acme" / "status" / name).read_bytes() == content


def test_a_refusal_moves_no_payment_and_is_told_with_its_reason(recalled: Room) -> None:
    answer(recalled, resolution("RJCR", case(recalled), reason="ARDT"))
    assert answers(recalled) == {"INV-1": "refused", "INV-2": "refused"}
    assert payments(recalled) == {"INV-1": "instructed", "INV-2": "instructed"}
    assert (recalled.file().state, the_recall(recalled).state) == (Out.SENT, Out.REJECTED)
    with recalled.ledger() as ledger:
        assert "2 refused (ARDT)" in ledger.moves(recalled.file().id)[-1].because
    assert recall(recalled).state is Out.CLAIMING  # asked again


def test_pending_moves_nothing_until_cncl_comes(recalled: Room) -> None:
    answer(recalled, resolution("PDCR", case(recalled)))
    assert answers(recalled) == {"INV-1": "pending", "INV-2": "pending"}
    assert the_recall(recalled).state is Out.ACKNOWLEDGED
    assert payments(recalled) == {"INV-1": "instructed", "INV-2": "instructed"}
    answer(recalled, resolution("CNCL", case(recalled), message_id="A-2"), "second.xml")
    assert payments(recalled) == {"INV-1": "cancelled", "INV-2": "cancelled"}
    assert the_recall(recalled).state is Out.ACCEPTED


def test_a_partial_acceptance_recalls_only_what_it_lists(recalled: Room) -> None:
    answer(recalled, resolution("PECR", case(recalled), INV_1="ACCR", INV_2="RJCR"))
    assert payments(recalled) == {"INV-1": "cancelled", "INV-2": "instructed"}
    assert answers(recalled) == {"INV-1": "recalled", "INV-2": "refused"}
    assert the_recall(recalled).state is Out.PART_ACCEPTED


def test_the_same_answer_twice_is_a_duplicate(recalled: Room) -> None:
    answer(recalled, resolution("CNCL", case(recalled)))
    again = answer(recalled, resolution("CNCL", case(recalled)), "again.xml")
    assert again.state is In.DUPLICATE
    assert alarms(recalled) == ""


def test_an_answer_to_nothing_that_we_asked_is_an_alarm_and_moves_nothing(recalled: Room) -> None:
    answer(recalled, resolution("CNCL", "ANOTHER-CASE", original="MSG-9"))
    assert "answers no recall of ours" in alarms(recalled)
    assert payments(recalled) == {"INV-1": "instructed", "INV-2": "instructed"}
    assert answers(recalled) == {"INV-1": "asked", "INV-2": "asked"}


def test_an_answer_without_our_case_is_found_by_the_payment_files_message_id(
    recalled: Room,
) -> None:
    answer(recalled, resolution("CNCL"))
    assert payments(recalled) == {"INV-1": "cancelled", "INV-2": "cancelled"}


def test_a_bank_may_name_the_payment_in_the_recall_instead_of_the_case(recalled: Room) -> None:
    answer(recalled, resolution("CNCL", f"{case(recalled)}-1", original="ITS-OWN"))
    assert answers(recalled) == {"INV-1": "recalled", "INV-2": "recalled"}


def test_only_what_is_still_with_the_bank_is_asked_back_again(recalled: Room) -> None:
    answer(recalled, resolution("PECR", case(recalled), INV_1="ACCR", INV_2="RJCR"))
    with pytest.raises(Refused, match="payment INV-1 is cancelled already"):
        recall(recalled, payments=["INV-1"])
    again = recall(recalled)
    with recalled.ledger() as ledger:
        assert [row.end_to_end_id for row in ledger.recalled(again.id)] == ["INV-2"]


def test_an_answer_before_the_recall_has_gone_is_an_alarm_and_holds_it(sent: Room) -> None:
    with sent.ledger() as ledger:
        desk.pause(ledger, "", WHO, WHY, sent.clock.now())
    recall(sent)
    sent.sweep()
    with sent.ledger() as ledger:
        desk.resume(ledger, "", WHO, WHY, sent.clock.now())
        (sent.bank / "out" / "early.xml").write_bytes(resolution("CNCL", case(sent)))
    with sent.services() as services, Sweep(services) as sweep:
        sweep_inbound(sweep, ["acme"])
    assert the_recall(sent).state is Out.HELD
    assert "was not delivered" in alarms(sent)
    assert payments(sent) == {"INV-1": "instructed", "INV-2": "instructed"}


@pytest.mark.parametrize("order", [("CNCL", "RJCR"), ("RJCR", "CNCL")])
def test_yes_and_no_in_whatever_order_come_to_no_with_an_alarm(
    recalled: Room, order: Sequence[str]
) -> None:
    for number, said in enumerate(order):
        content = resolution(said, case(recalled), message_id=f"A-{number}")
        answer(recalled, content, f"{number}.xml")
    assert "contradicts" in alarms(recalled)
    assert answers(recalled) == {"INV-1": "refused", "INV-2": "refused"}
    assert payments(recalled) == {"INV-1": "instructed", "INV-2": "instructed"}
    assert (recalled.file().state, the_recall(recalled).state) == (Out.SENT, Out.REJECTED)


@pytest.mark.parametrize(
    ("said", "expected"),
    [("ACTC", Out.ACKNOWLEDGED), ("ACCP", Out.ACKNOWLEDGED), ("RJCT", Out.REJECTED)],
)
def test_a_status_report_on_the_recall_accepts_no_more_than_its_message(
    said: str, expected: Out, recalled: Room, bank_files: BankFiles
) -> None:
    answer(recalled, bank_files.status_file(case(recalled), said), "status.xml")
    assert the_recall(recalled).state is expected
    assert answers(recalled) == {"INV-1": "asked", "INV-2": "asked"}
    assert payments(recalled) == {"INV-1": "instructed", "INV-2": "instructed"}
    if expected is Out.REJECTED:
        assert recall(recalled).state is Out.CLAIMING  # in another form, perhaps


BOOKED = """<Id>N-1</Id><CreDtTm>2026-12-01T18:00:00</CreDtTm>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>
<Ntry><NtryRef>1</NtryRef><Amt Ccy="EUR">100.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-12-01</Dt></BookgDt><ValDt><Dt>2026-12-01</Dt></ValDt>
<BkTxCd><Prtry><Cd>NTRF</Cd></Prtry></BkTxCd><NtryDtls><TxDtls><Refs><MsgId>MSG-1</MsgId>
<EndToEndId>INV-1</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>"""


def test_a_booked_payment_stays_booked_though_it_is_recalled(
    recalled: Room, bank_files: BankFiles
) -> None:
    answer(recalled, bank_files.report_file(BOOKED, message="camt.054.001.02"), "booked.xml")
    assert payments(recalled) == {"INV-1": "booked", "INV-2": "instructed"}
    answer(recalled, resolution("CNCL", case(recalled)))
    assert answers(recalled) == {"INV-1": "recalled", "INV-2": "recalled"}
    assert payments(recalled) == {"INV-1": "booked", "INV-2": "cancelled"}


# ------------------------------------------------------------------------------------------ kill -9


def test_killed_anywhere_a_recall_is_written_and_sent_once(
    make_room: MakeRoom, rounds: MakeRounds, payment_file: PaymentFile
) -> None:
    room = make_room()
    room.furnish()
    room.drop(payment_file(payments=TWO))
    room.sweep()
    work = rounds(room, ask)
    calls = work.prepare()
    first = calls.index("ledger.recall_of")
    last = calls.index("ledger.move", first) + 1  # from there on it is a file as any other
    for where in work.killed(calls, first, last):
        room.sweep()
        assert the_recall(room).state is Out.SENT, where
        assert len(room.published()) == len(set(room.published())) == 2, where
        assert answers(room) == {"INV-1": "asked", "INV-2": "asked"}, where
    assert work.hit() == {(name, side) for name in calls[first:last] for side in SIDES}


def test_killed_anywhere_an_answer_is_applied_and_handed_over_once(
    make_room: MakeRoom, rounds: MakeRounds, payment_file: PaymentFile
) -> None:
    room = make_room()
    room.furnish()
    room.drop(payment_file(payments=TWO))
    room.sweep()
    recall(room)
    room.sweep()
    (room.bank / "out" / "answer.xml").write_bytes(resolution("CNCL", case(room)))
    work = rounds(room, lambda room: None)
    calls = work.prepare()
    first = calls.index("ledger.resolve")
    last = calls.index("ledger.file", first) + 1  # from there on it is a report as any other
    for where in work.killed(calls, first, last):
        room.sweep()
        assert room.file("answer.xml").state is In.DONE, where
        assert payments(room) == {"INV-1": "cancelled", "INV-2": "cancelled"}, where
        with room.ledger() as ledger:
            said = [move for move in ledger.moves(room.file().id) if "2 recalled" in move.because]
        assert len(said) == 1, where
        assert len(room.handed_over("status")) == 1, where
    assert work.hit() == {(name, side) for name in calls[first:last] for side in SIDES}
