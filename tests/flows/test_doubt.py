"""A file whose delivery got no answer: who may settle it, and that nothing else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest

from h2h import desk
from h2h.adapters.folder import FolderBank
from h2h.core.states import Confirm, Out
from h2h.errors import Refused, Transient
from h2h.flows.sweep import Sweep
from h2h.flows.waves import sweep_outbound
from h2h.ports import Bank, Session

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, MakeRoom, Room

WHO, WHY = "os:anna", "the bank said so on the telephone"


@dataclass
class Line:
    """What goes wrong between us and the bank; every login goes through `around`."""

    loses: str = ""  # the act whose answer is lost: "rename", "put", …
    performs: bool = True  # is it performed all the same?
    refuses: str = ""  # the act that the server refuses
    hides: bool = False  # the folder shows nothing
    cut_at: str = ""  # the act that fails before anything happens, once
    cut_at_stat: int = 0  # which look of all fails so
    stats: int = 0
    logins: list[list[str]] = field(default_factory=list)  # of each, its acts

    def around(self, session: Session) -> Session:
        self.logins.append([])
        return cast("Session", Wired(self, session, self.logins[-1]))


class Wired:
    """A session on a line."""

    def __init__(self, line: Line, session: Session, acts: list[str]) -> None:
        self._line, self._session, self._acts = line, session, acts
        self.host = session.host

    def __getattr__(self, name: str) -> Callable[..., object]:
        act = getattr(self._session, name)

        def do(*given: object) -> object:
            line, path = self._line, str(given[-1])
            self._acts.append(f"{name} {given[-1]}")
            ours = path.startswith("in/")
            line.stats += ours and name == "stat"
            if line.cut_at == name or line.cut_at_stat == line.stats > 0:
                line.cut_at, line.cut_at_stat = "", 0
                raise Transient("the line was cut")
            if ours and line.refuses == name:
                raise Refused(f"{name}: permission denied")
            if ours and line.hides and name == "stat":
                return None
            lost = line.loses == name and (name != "put" or not path.endswith(".tmp"))
            done = act(*given) if line.performs or not lost else None
            if lost:
                line.loses = ""
                raise Transient("the answer was lost")
            return done

        return do


@dataclass
class Doubtful:
    """A room whose payment file is in doubt, and the line to its bank."""

    room: Room
    line: Line

    def state(self) -> Out:
        return Out(self.room.file().state)

    @property
    def in_the_folder(self) -> list[str]:
        return sorted(path.name for path in (self.room.bank / "in").iterdir())

    def not_sent(self) -> str:
        with self.room.services() as services, Sweep(services, patient=False) as sweep:
            return desk.resolve_not_sent(sweep, self.room.file().id, WHO, WHY)

    def sent(self) -> None:
        with self.room.ledger() as ledger:
            desk.resolve_sent(ledger, self.room.file().id, WHO, WHY, self.room.clock.now())


MakeDoubtful = Callable[..., Doubtful]


@pytest.fixture
def doubtful(make_room: MakeRoom, payment_file: PaymentFile) -> MakeDoubtful:
    """Makes a file in doubt: its publishing was performed (and collected at once), or was not."""

    def make(line: Line | None = None, *, collects: bool = False, **terms: object) -> Doubtful:
        line = line or Line(loses="rename", performs=False)
        room = make_room(collects=collects, **terms)
        room.wrap_session = line.around
        room.furnish()
        room.drop(payment_file())
        with room.services() as services:
            room.run(services)
        return Doubtful(room, line)

    return make


def answered(room: Room, place: str, name: str, content: bytes) -> None:
    """The bank lays a file into one of its folders, and it is fetched."""
    (room.bank / place / name).write_bytes(content)
    room.sweep()


# --------------------------------------------------------------------------------- where it looks


def test_after_a_lost_answer_a_new_session_looks(doubtful: MakeDoubtful) -> None:
    case = doubtful(Line(loses="rename"))
    assert case.state() is Out.SENT
    assert [path.name for path in case.room.at_the_bank()] == [case.room.file().final_name]
    publishing = [acts for acts in case.line.logins if any("rename" in act for act in acts)]
    (last,) = publishing
    assert last[-1].startswith("rename")  # that session is never asked again


def test_every_later_look_has_a_session_of_its_own(doubtful: MakeDoubtful) -> None:
    case = doubtful()
    before = len(case.line.logins)
    case.room.sweep(times=3)  # the first comes too early
    looks = [acts for acts in case.line.logins[before:] if acts and acts[0].startswith("stat in/")]
    assert len(looks) == 2
    assert case.state() is Out.IN_DOUBT


@dataclass
class TwoHosts:
    """A bank with a disaster site; it notes who was asked for."""

    up: set[str]
    bank: Bank | None = None
    asked: list[str] = field(default_factory=list)

    @contextmanager
    def session(self, host: str = "") -> Iterator[Session]:
        hosts: Sequence[str] = [host] if host else ["first", "second"]
        self.asked += hosts
        answers = [name for name in hosts if name in self.up]
        if not answers or self.bank is None:
            raise Transient(f"{', '.join(hosts)}: no answer")
        with self.bank.session(answers[0]) as session:
            yield session


def run_at(room: Room, hosts: TwoHosts) -> None:
    with room.services() as services:
        hosts.bank = services.servers["acme"]
        with_hosts = replace(services, servers={**services.servers, "acme": hosts})
        with Sweep(with_hosts, patient=False) as sweep:
            sweep_outbound(sweep)


def test_a_file_that_was_announced_is_looked_for_at_no_other_host(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    line = Line(loses="rename", performs=False)
    room = make_room()
    room.wrap_session = line.around
    room.furnish()
    room.drop(payment_file())
    hosts = TwoHosts({"first"})
    run_at(room, hosts)
    assert room.file().state is Out.IN_DOUBT
    hosts.up, hosts.asked = {"second"}, []  # where nothing of ours lies, so all seems open
    room.clock.advance(hours=1)
    run_at(room, hosts)
    assert hosts.asked == ["first"]
    assert (room.file().state, room.published()) == (Out.IN_DOUBT, [])


# ---------------------------------------------------------------------- what a person can rely on


def test_in_doubt_no_late_rename_can_publish_the_file_any_more(doubtful: MakeDoubtful) -> None:
    case = doubtful()
    assert (case.state(), case.in_the_folder) == (Out.IN_DOUBT, [])
    final = f"in/{case.room.file().final_name}"
    with FolderBank(case.room.bank).session() as late, pytest.raises(Refused, match="not there"):
        late.rename(f"{final}.1.tmp", final)


def test_not_sent_is_asked_once_more_when_the_temporary_could_not_be_withdrawn(
    doubtful: MakeDoubtful,
) -> None:
    case = doubtful(Line(loses="rename", performs=False, refuses="remove"))
    assert case.state() is Out.IN_DOUBT
    assert len(case.in_the_folder) == 1
    with pytest.raises(Refused, match="permission denied"):
        case.not_sent()
    case.line.refuses = ""
    with pytest.raises(Refused, match="may have been published until now"):
        case.not_sent()
    assert (case.state(), case.in_the_folder) == (Out.IN_DOUBT, [])
    assert case.not_sent() == "sealed"
    case.room.sweep()
    assert (case.state(), len(case.room.published())) == (Out.SENT, 1)


# -------------------------------------------------------------------------------- what settles it

ENTRY = """<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-11-23</Dt></BookgDt><ValDt><Dt>2026-11-23</Dt></ValDt>
<AcctSvcrRef>R1</AcctSvcrRef><BkTxCd><Prtry><Cd>NTRF</Cd></Prtry></BkTxCd><NtryDtls><TxDtls><Refs>
{ids}</Refs><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd></TxDtls></NtryDtls></Ntry>"""


def by_report(case: Doubtful, bank_files: BankFiles) -> None:
    answered(case.room, "out", "status.xml", bank_files.status_file())


def by_acknowledgement(case: Doubtful, bank_files: BankFiles) -> None:
    answered(case.room, "acks", "a.ack", f"received {case.room.file().final_name}".encode())


def by_entry(case: Doubtful, bank_files: BankFiles) -> None:
    with case.room.ledger() as ledger:
        (payment,) = ledger.payments(case.room.file().id)
    ids = f"<EndToEndId>{payment.end_to_end_id}</EndToEndId>"
    block = bank_files.notification("1")
    head = block[: block.index("<Ntry>")]
    entry = ENTRY.format(amount=payment.amount, ids=ids)
    booked = bank_files.report_file(head + entry, message="camt.054.001.02")
    answered(case.room, "out", "debit.xml", booked)


def by_a_person(case: Doubtful, bank_files: BankFiles) -> None:
    case.sent()


SETTLED = [
    (by_report, Out.ACCEPTED),
    (by_acknowledgement, Out.ACKNOWLEDGED),
    (by_entry, Out.ACCEPTED),
    (by_a_person, Out.SENT),
]


@pytest.mark.parametrize("hides", [False, True], ids=["list", "report-only"])
@pytest.mark.parametrize(("settle", "end"), SETTLED)
def test_a_doubt_is_settled_by(
    settle: Callable[[Doubtful, BankFiles], None],
    end: Out,
    hides: bool,
    doubtful: MakeDoubtful,
    bank_files: BankFiles,
) -> None:
    line = Line(loses="rename", hides=hides)
    confirm = Confirm.REPORT_ONLY if hides else Confirm.LIST
    case = doubtful(line, collects=True, confirm=confirm)
    case.room.sweep(times=2)
    assert case.state() is Out.IN_DOUBT
    settle(case, bank_files)
    assert case.state() is end
    with case.room.ledger() as ledger:
        targets = [move.target for move in ledger.moves(case.room.file().id)]
    assert targets[targets.index("in_doubt") + 1] == "sent"  # before what was told of it
    case.room.sweep(times=2)
    assert len(case.room.published()) == 1


# --------------------------------------------------------------------- a bank that shows nothing


def test_what_a_report_only_bank_does_not_show_is_staged_and_sent_all_the_same(
    doubtful: MakeDoubtful,
) -> None:
    case = doubtful(Line(hides=True), confirm=Confirm.REPORT_ONLY)
    assert case.state() is Out.SENT
    assert len(case.room.published()) == 1


def test_a_bank_that_should_show_what_was_uploaded_and_does_not_gets_nothing(
    doubtful: MakeDoubtful,
) -> None:
    case = doubtful(Line(hides=True), confirm=Confirm.LIST)
    assert case.state() is Out.SEALED
    assert "the bank shows nothing" in case.room.file().due_because
    assert case.room.published() == []


def test_at_a_report_only_bank_no_look_settles_a_doubt(doubtful: MakeDoubtful) -> None:
    case = doubtful(Line(loses="rename"), confirm=Confirm.REPORT_ONLY)
    assert case.state() is Out.IN_DOUBT  # although the folder would show it this once
    before = len([acts for acts in case.line.logins if any(" in/" in act for act in acts)])
    case.room.sweep(times=3)
    after = len([acts for acts in case.line.logins if any(" in/" in act for act in acts)])
    assert (case.state(), after) == (Out.IN_DOUBT, before)


def test_what_a_report_only_bank_hides_is_published_only_at_the_host_where_it_was_staged(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    line = Line(hides=True, cut_at_stat=3)  # the first one after staging
    room = make_room(confirm=Confirm.REPORT_ONLY)
    room.wrap_session = line.around
    room.furnish()
    room.drop(payment_file())
    hosts = TwoHosts({"first"})
    run_at(room, hosts)
    assert (room.file().state, room.file().host) == (Out.STAGED, "first")
    hosts.up = {"second"}
    run_at(room, hosts)
    assert (room.file().state, room.file().host) == (Out.SENT, "second")
    with room.ledger() as ledger:
        targets = [move.target for move in ledger.moves(room.file().id)]
    assert targets[-5:] == ["staged", "sealed", "staged", "delivering", "sent"]
    assert len(room.published()) == 1


# ------------------------------------------------------------------------------ when it lasts long


def calls(room: Room) -> int:
    return len(room.log.named("in_doubt_too_long"))


def test_after_its_deadline_a_person_is_called_once_and_status_says_so(
    doubtful: MakeDoubtful,
) -> None:
    case = doubtful(doubt_deadline=timedelta(minutes=30))
    room = case.room
    room.clock.advance(minutes=29)
    room.sweep()  # an hour passes after it
    assert calls(room) == 0
    assert not room.file().due_because.startswith("No proof")
    room.sweep(times=3)
    assert calls(room) == 1
    assert room.file().due_because.startswith("No proof of its arrival since 2026-11-23 11:00 UTC")
    assert (case.state(), room.published()) == (Out.IN_DOUBT, [])


def test_a_bank_that_cannot_be_reached_does_not_keep_the_person_from_being_called(
    doubtful: MakeDoubtful,
) -> None:
    case = doubtful()
    room = case.room
    room.bank.rename(room.root / "away")
    room.sweep(times=3)
    assert calls(room) == 1
    assert room.file().due_because.startswith("No proof of its arrival")
    assert "the bank's folder" in room.file().due_because
    (room.root / "away").rename(room.bank)
    case.sent()
    room.sweep()
    assert calls(room) == 1


def test_a_second_sending_has_a_deadline_of_its_own(doubtful: MakeDoubtful) -> None:
    case = doubtful()
    case.room.sweep(times=3)
    case.line.loses, case.line.performs = "rename", False
    case.not_sent()
    case.room.sweep(times=1)
    assert (case.state(), calls(case.room)) == (Out.IN_DOUBT, 1)
    case.room.sweep(times=2)
    assert calls(case.room) == 2


# ---------------------------------------------------------------------- "we have that one already"


def refused_as_duplicate(bank_files: BankFiles, code: str = "DU01") -> bytes:
    report = bank_files.status_file(status="RJCT")
    why = f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn></StsRsnInf></OrgnlGrpInfAndSts>"
    return report.replace(b"</OrgnlGrpInfAndSts>", why.encode())


def resent(case: Doubtful) -> Doubtful:
    """A person was wrong: the bank has it, and it goes once more."""
    case.room.collects = False
    assert case.not_sent() == "sealed"
    case.room.sweep(times=2)
    assert case.state() is Out.SENT
    return case


@pytest.mark.parametrize("code", ["DU01", "AM05"])
def test_a_resent_file_that_is_refused_as_a_duplicate_had_arrived(
    code: str, doubtful: MakeDoubtful, bank_files: BankFiles
) -> None:
    case = resent(doubtful(Line(loses="rename"), collects=True))
    answered(case.room, "out", "no.xml", refused_as_duplicate(bank_files, code))
    assert case.state() is Out.SENT
    yes = bank_files.status_file().replace(b"R-1", b"R-2")
    answered(case.room, "out", "yes.xml", yes)
    assert case.state() is Out.ACCEPTED


def test_a_resent_file_in_doubt_is_settled_by_being_refused_as_a_duplicate(
    doubtful: MakeDoubtful, bank_files: BankFiles
) -> None:
    case = doubtful(Line(loses="rename"), collects=True)
    case.line.loses = "rename"
    case.not_sent()
    case.room.sweep()
    assert case.state() is Out.IN_DOUBT
    answered(case.room, "out", "no.xml", refused_as_duplicate(bank_files))
    assert case.state() is Out.SENT


def test_a_file_that_went_once_and_is_refused_as_a_duplicate_is_rejected(
    room: Room, payment_file: PaymentFile, bank_files: BankFiles
) -> None:
    room.drop(payment_file())
    room.sweep()
    answered(room, "out", "no.xml", refused_as_duplicate(bank_files))
    assert room.file().state is Out.REJECTED


def test_a_payment_that_is_refused_as_a_duplicate_is_rejected_also_in_a_resent_file(
    doubtful: MakeDoubtful, bank_files: BankFiles
) -> None:
    case = resent(doubtful(Line(loses="rename"), collects=True))
    payment = """<OrgnlPmtInfAndSts><OrgnlPmtInfId>MSG-1-B1</OrgnlPmtInfId><TxInfAndSts>
<OrgnlEndToEndId>MSG-1-1</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AM05</Cd></Rsn>
</StsRsnInf></TxInfAndSts></OrgnlPmtInfAndSts></CstmrPmtStsRpt>"""
    report = bank_files.status_file(status="PART").replace(b"</CstmrPmtStsRpt>", payment.encode())
    answered(case.room, "out", "no.xml", report)
    assert case.state() is Out.REJECTED


@pytest.mark.parametrize(("settle", "end"), SETTLED[:2])
def test_what_is_to_go_once_more_stays_when_the_bank_proves_that_it_has_it(
    settle: Callable[[Doubtful, BankFiles], None],
    end: Out,
    doubtful: MakeDoubtful,
    bank_files: BankFiles,
) -> None:
    case = doubtful(Line(loses="rename"), collects=True)
    case.line.cut_at = "put"  # so that it is not gone before the bank's answer is read
    assert case.not_sent() == "sealed"
    settle(case, bank_files)
    assert case.state() is end
    case.room.sweep(times=3)
    assert len(case.room.published()) == 1


def test_what_a_statement_proves_stops_the_second_sending(
    doubtful: MakeDoubtful, bank_files: BankFiles
) -> None:
    case = doubtful(Line(loses="rename"), collects=True)
    case.line.cut_at = "put"
    assert case.not_sent() == "sealed"
    by_entry(case, bank_files)
    case.room.sweep(times=3)
    assert len(case.room.published()) == 1
