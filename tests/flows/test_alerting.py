"""Alerts are queued with what they follow from, sent beside the payments, told once, never lost."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from h2h.adapters.alert_log import AlertLog
from h2h.core.alerts import Alert, Event, Interest, Message
from h2h.core.calendar import CutOff
from h2h.core.expected import Expected, StatementDays
from h2h.core.states import Out
from h2h.core.terms import Account, CheckTerms
from h2h.errors import Refused, Transient
from h2h.flows.alerting import Courier, Watcher, couriers, tell_at_once
from h2h.ports import BankTerms, Disk, Expiry, File, Health, Services, Watch

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import BankFiles, MakeRoom, Room

EVERYTHING = frozenset({"critical", "warning", "info"})
OURS = "DE89370400440532013000"


@dataclass
class Pigeon:
    """A channel that keeps what it was given, or fails, or takes its time."""

    interest: Interest = field(default_factory=lambda: Interest("pigeon", levels=EVERYTHING))
    messages: list[Message] = field(default_factory=list)
    wrong: Exception | None = None
    gate: threading.Event | None = None
    begun: threading.Event = field(default_factory=threading.Event)

    def send(self, message: Message) -> None:
        self.begun.set()
        if self.gate is not None:
            self.gate.wait(20)
        if self.wrong is not None:
            raise self.wrong
        self.messages.append(message)

    @property
    def text(self) -> str:
        return "".join(message.text for message in self.messages)


def never(_terms: BankTerms, _now: datetime) -> datetime | None:
    return None


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a furnished room is kept, from which the others are copied."""
    return tmp_path_factory.mktemp("furnished") / "room"


@pytest.fixture
def room(make_room: MakeRoom, furnished: Path) -> Room:
    """A furnished room, its doors seen empty once."""
    made = make_room()
    if furnished.exists():
        shutil.copytree(furnished, made.root)
        made.clock.advance(hours=1)
    else:
        made.furnish()
        shutil.copytree(made.root, furnished)
    return made


@pytest.fixture
def pigeon() -> Pigeon:
    return Pigeon()


@contextmanager
def told(room: Room, pigeon: Pigeon, watch: Watch | None = None) -> Iterator[Services]:
    """The room's services with this channel, after a first look: what was before is not told."""
    with room.services() as plain:
        log = AlertLog(room.log, plain.ledger, room.clock, [pigeon.interest])
        services = replace(plain, channels=(pigeon,), watch=watch or Watch(), log=log)
        Watcher(services, never).look()
        yield services


def waiting(services: Services) -> list[Alert]:
    """What waits in the queue, oldest first."""
    return [row.alert for row in reversed(services.ledger.alerts()) if row.sent is None]


def events(services: Services) -> list[Event]:
    return [alert.event for alert in waiting(services)]


# ------------------------------------------------------------------------------- what is queued


def test_a_payment_file_is_told_when_it_comes_and_goes(
    room: Room, pigeon: Pigeon, payment_file: PaymentFile
) -> None:
    with told(room, pigeon) as services:
        room.drop(payment_file())
        room.run(services)
        Watcher(services, never).look()
        assert events(services) == [Event.RECEIVED, Event.SENT]


def test_nothing_that_was_before_the_first_look_is_told(
    room: Room, pigeon: Pigeon, payment_file: PaymentFile
) -> None:
    room.drop(payment_file())
    room.sweep()
    with told(room, pigeon) as services:
        Watcher(services, never).look()
        assert waiting(services) == []


def test_a_move_is_told_once_by_whomever_it_is_looked_at_next(
    room: Room, pigeon: Pigeon, payment_file: PaymentFile
) -> None:
    """As after a kill: what was moved and not looked at is told by the next process."""
    with told(room, pigeon) as services:
        room.drop(payment_file())
        room.run(services)
    for _ in range(2):
        with room.services() as plain:
            services = replace(plain, channels=(pigeon,))
            Watcher(services, never).look()
            assert events(services) == [Event.RECEIVED, Event.SENT]


def test_a_refused_file_is_told_with_its_reason(room: Room, pigeon: Pigeon) -> None:
    with told(room, pigeon) as services:
        room.drop(b"<nonsense/>", "bad.xml")
        room.run(services)
        Watcher(services, never).look()
        refused = waiting(services)[-1]
        assert refused.event is Event.REFUSED
        assert "bad.xml" in refused.words


def test_a_confidential_file_is_told_without_name_and_reason(
    room: Room, pigeon: Pigeon, payment_file: PaymentFile
) -> None:
    room.terms = replace(room.terms, confidential_accounts=frozenset({OURS}))
    with told(room, pigeon) as services:
        room.drop(payment_file(payments=[{"creditor_name": "Eve Example"}]), "salaries.xml")
        room.run(services)
        tell_at_once(services, never)
    assert "sent: " in pigeon.text
    for hidden in ("salaries", "Eve", "100.00"):
        assert hidden not in pigeon.text


def test_a_gap_between_statements_is_told(
    room: Room, pigeon: Pigeon, bank_files: BankFiles
) -> None:
    with told(room, pigeon) as services:
        for number, closing in (("1", "150.00"), ("5", "150.00")):
            content = bank_files.report_file(bank_files.statement(number, closing))
            (room.bank / "out" / f"s{number}.xml").write_bytes(content)
            room.run(services)
        (room.bank / "out" / "bad.xml").write_bytes(
            bank_files.report_file(bank_files.statement("6", "999.00"))
        )
        room.run(services)
        tell_at_once(services, never)
    assert "gap between statements: statement S-5 of DE89...3000" in pigeon.text
    assert "statement held: statement S-6 of DE89...3000" in pigeon.text


def test_why_a_statement_of_a_confidential_account_is_held_is_not_quoted(
    room: Room, pigeon: Pigeon, bank_files: BankFiles
) -> None:
    room.terms = replace(room.terms, confidential_accounts=frozenset({OURS}))
    with told(room, pigeon) as services:
        content = bank_files.report_file(bank_files.statement("6", "999.00"))
        (room.bank / "out" / "bad.xml").write_bytes(content)
        room.run(services)
        [row] = services.ledger.undecided()
        assert "999.00" in row.because
        tell_at_once(services, never)
    assert "statement held: statement S-6" in pigeon.text
    assert "999" not in pigeon.text


def test_a_rejection_by_the_bank_is_told(
    room: Room, pigeon: Pigeon, payment_file: PaymentFile, bank_files: BankFiles
) -> None:
    with told(room, pigeon) as services:
        room.drop(payment_file())
        room.run(services)
        (room.bank / "out" / "r.xml").write_bytes(bank_files.status_file(status="RJCT"))
        room.run(services)
        Watcher(services, never).look()
        assert events(services).count(Event.REJECTED) == 1


def test_a_chain_that_was_changed_by_hand_is_told(
    room: Room, pigeon: Pigeon, payment_file: PaymentFile
) -> None:
    with told(room, pigeon) as services:
        room.drop(payment_file())
        room.run(services)
        seen = services.ledger.alerts_seen()
        assert seen is not None
        services.ledger.queue_alerts((), room.clock.now(), seen=replace(seen, hash="f" * 64))
        Watcher(services, never).look()
        [broken] = [alert for alert in waiting(services) if alert.event is Event.CHAIN]
        assert f"record {seen.sequence + 1}" in broken.words


def test_the_stop_button_is_told(room: Room, pigeon: Pigeon) -> None:
    with told(room, pigeon) as services:
        services.ledger.pause("acme", "anna", "keys lost", room.clock.now())
        Watcher(services, never).look()
        [paused] = waiting(services)
        assert (paused.event, "anna" in paused.words) == (Event.PAUSED, True)


# ---------------------------------------------------------------------------------- what lasts


def minute_by_minute(
    room: Room, services: Services, watcher: Watcher, count: int = 2
) -> list[Event]:
    for _ in range(count):
        room.clock.advance(minutes=1)
        watcher.look()
    return events(services)


def test_a_full_disk_is_told_once_and_when_it_is_over(room: Room, pigeon: Pigeon) -> None:
    free = [500]
    watch = Watch(disk_free=1_000, disks=lambda: [Disk("archive", free[0], 10_000)])
    with told(room, pigeon, watch) as services:
        watcher = Watcher(services, never)
        assert minute_by_minute(room, services, watcher, 3) == [Event.DISK]
        free[0] = 5_000
        assert minute_by_minute(room, services, watcher, 3) == [Event.DISK, Event.DISK]
        assert "no longer so" in waiting(services)[-1].words
        free[0] = 500
        assert len(minute_by_minute(room, services, watcher, 3)) == 3


def test_a_key_is_told_of_90_30_7_days_and_1_day_before_it_expires(
    room: Room, pigeon: Pigeon
) -> None:
    ends = date(2027, 3, 1)
    watch = Watch(expiries=lambda: [Expiry("our signing key ABCD", ends, "acme")])
    with told(room, pigeon, watch) as services:
        watcher, days = Watcher(services, never), []
        for before in range(98, -3, -1):
            room.clock.time = datetime(2027, 3, 1, 9, tzinfo=UTC) - timedelta(days=before)
            count = len(waiting(services))
            watcher.look()
            days += [before] * (len(waiting(services)) - count)
        assert days == [90, 30, 7, 1, 0]


def test_a_cut_off_that_comes_near_is_told_once_for_all_files_that_wait(
    room: Room, pigeon: Pigeon, payment_file: PaymentFile
) -> None:
    accounts = (Account(OURS, "", "EUR", "Acme GmbH"),)
    check = CheckTerms(accounts=accounts, cut_offs=(CutOff(clock_time(15, 40), 0, "", "EUR"),))
    room.terms = replace(room.terms, calendar="ECB", check=check)
    with told(room, pigeon) as services:
        for number in (1, 2):
            today = payment_file(f"M-{number}", execution_date="2026-11-23")
            room.drop(today, f"p{number}.xml")
        _hold_all(room, services)
        watcher = Watcher(services, never)
        room.clock.time = datetime(2026, 11, 23, 13, 30, tzinfo=UTC)  # 14:30 in Berlin
        assert Event.CUT_OFF not in minute_by_minute(room, services, watcher)
        room.clock.time = datetime(2026, 11, 23, 13, 45, tzinfo=UTC)
        minute_by_minute(room, services, watcher, 3)
        [near] = [alert for alert in waiting(services) if alert.event is Event.CUT_OFF]
        assert "2 files to acme" in near.words
        assert "15:40" in near.words


def _hold_all(room: Room, services: Services) -> list[File]:
    """Two files that a person has to decide on."""
    services.ledger.pause("acme", "anna", "wait", room.clock.now())
    room.run(services)
    held = []
    for file in services.ledger.files(direction="out"):
        moved = services.ledger.move(file, Out.HELD, room.clock.now(), because="a look", who="anna")
        assert moved is not None
        held.append(moved)
    assert len(held) == 2
    return held


def test_a_bank_that_lets_nobody_in_over_its_timetable_is_told(room: Room, pigeon: Pigeon) -> None:
    nine = datetime(2026, 11, 23, 9, tzinfo=UTC)

    def slot(terms: BankTerms, now: datetime) -> datetime | None:
        return nine if terms.name == "acme" and now >= nine else None

    with told(room, pigeon) as services:
        seen = nine - timedelta(minutes=30)
        services.ledger.set_health(Health("acme", 0, 0, None, "", seen))
        watcher = Watcher(services, slot)
        room.clock.time = nine + timedelta(hours=3, minutes=50)
        assert minute_by_minute(room, services, watcher) == []
        room.clock.time = nine + timedelta(hours=4)
        assert minute_by_minute(room, services, watcher) == [Event.SILENT]
        services.ledger.set_health(Health("acme", 0, 0, None, "", room.clock.now()))
        assert minute_by_minute(room, services, watcher) == [Event.SILENT, Event.SILENT]


def test_a_statement_that_is_missing_is_told_by_its_day(room: Room, pigeon: Pigeon) -> None:
    expects = Expected(StatementDays(frozenset(range(7))), clock_time(9), 1)
    account = Account(OURS, "", "EUR", "Acme GmbH", expects)
    room.terms = replace(room.terms, calendar="ECB", accounts=(account,))
    with told(room, pigeon) as services:
        watcher = Watcher(services, never)
        minute_by_minute(room, services, watcher, 3)
    with room.services() as services:
        missing = [alert for alert in waiting(services) if alert.event is Event.STATEMENT_MISSING]
        assert len(missing) == 1
        assert "2026-11-20" in missing[0].words


def test_a_file_in_doubt_for_too_long_is_told_as_critical(
    room: Room, pigeon: Pigeon, payment_file: PaymentFile
) -> None:
    with told(room, pigeon) as services:
        services.ledger.pause("acme", "anna", "wait", room.clock.now())
        room.drop(payment_file())
        room.run(services)
        [file] = services.ledger.files(direction="out")
        for state in (Out.STAGED, Out.DELIVERING, Out.IN_DOUBT):
            moved = services.ledger.move(file, state, room.clock.now())
            assert moved is not None
            file = moved
        watcher = Watcher(services, never)
        assert minute_by_minute(room, services, watcher)[-1] is Event.IN_DOUBT
        room.clock.advance(minutes=60)
        assert minute_by_minute(room, services, watcher)[-1] is Event.IN_DOUBT_TOO_LONG


# ----------------------------------------------------------------------------- what the log tells


def test_what_the_log_says_again_and_again_is_told_once_a_day(room: Room, pigeon: Pigeon) -> None:
    with told(room, pigeon) as services:
        for _ in range(5):
            services.log.event("door_unusable", door="outbox/acme", because="it is gone")
        room.clock.advance(hours=2)
        services.log.event("door_unusable", door="outbox/acme", because="it is gone")
        assert events(services) == [Event.TROUBLE]
        services.log.event("door_unusable", door="outbox/acme", because="no right to read it")
        assert len(waiting(services)) == 2
        room.clock.advance(hours=25)
        services.log.event("door_unusable", door="outbox/acme", because="no right to read it")
        assert len(waiting(services)) == 3


def test_what_was_told_in_a_wave_that_was_undone_is_told_again(room: Room, pigeon: Pigeon) -> None:
    def tell() -> None:
        services.log.event("door_unusable", door="outbox/acme", because="it is gone")

    def undone() -> NoReturn:
        with services.ledger.together():
            tell()
            raise Transient("the disk is full", "make room")

    with told(room, pigeon) as services:
        with pytest.raises(Transient):
            undone()
        assert waiting(services) == []
        services.log.event("wave_undone", files=2, because="the disk is full")
        tell()
        assert len(waiting(services)) == 1


def test_an_alarm_about_a_confidential_file_quotes_nothing(
    room: Room, pigeon: Pigeon, payment_file: PaymentFile
) -> None:
    room.terms = replace(room.terms, confidential_accounts=frozenset({OURS}))
    with told(room, pigeon) as services:
        room.drop(payment_file(), "salaries.xml")
        room.run(services)
        [file] = services.ledger.files(direction="out")
        words = "salaries.xml: EUR 100.00 is blocked"
        services.log.event("alarm", file_id="B-1", bank="acme", because=words, about=file.id)
        services.log.event("alarm", file_id="B-2", bank="acme", because=words, about=None)
        services.log.event("waiting_at_bank", file_id=file.id, bank="acme", because=words)
        tell_at_once(services, never)
    assert "h2h show B-1" in pigeon.text
    assert "salaries" not in pigeon.text


def test_work_goes_on_while_the_ledger_takes_no_alert(
    room: Room, pigeon: Pigeon, monkeypatch: pytest.MonkeyPatch
) -> None:
    with told(room, pigeon) as services:
        with monkeypatch.context() as broken:
            broken.setattr(services.ledger, "note_alert", _full)
            services.log.event("door_unusable", door="outbox", because="one")
        assert room.log.named("alert_not_queued")
        services.log.event("door_unusable", door="outbox/acme", because="two")
        assert sorted(alert.words for alert in waiting(services)) == [
            "outbox/acme: two",
            "outbox: one",
        ]


def test_whatever_breaks_while_it_looks_or_sends_ends_neither_the_pass_nor_the_channel(
    room: Room, pigeon: Pigeon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> NoReturn:
        raise ValueError("nobody expected this")

    with told(room, pigeon) as services:
        monkeypatch.setattr(Watch, "expiries", broken)
        Watcher(services, never).look()
        assert [each["because"] for each in room.log.named("alerts_not_queued")]
        monkeypatch.setattr(Courier, "deliver", broken)
        Courier(services, pigeon).once()
        assert [each["because"] for each in room.log.named("alert_not_sent")]


def _full(*_: object) -> bool:
    raise Transient("the disk is full")


# ----------------------------------------------------------------------------------- what is sent


def queue(services: Services, count: int, event: Event = Event.REJECTED) -> None:
    alerts = [("pigeon", Alert(event, f"number {number}", "acme")) for number in range(count)]
    services.ledger.queue_alerts(alerts, services.clock.now())


def test_a_storm_of_a_thousand_rejects_is_one_message(room: Room, pigeon: Pigeon) -> None:
    with told(room, pigeon) as services:
        queue(services, 1_000)
        queue(services, 1, Event.IN_DOUBT)
        courier = Courier(services, pigeon)
        assert not courier.deliver()  # others are waited for
        room.clock.advance(minutes=1)
        assert courier.deliver()
        assert not courier.deliver()
        [message] = pigeon.messages
        assert message.count == 1_001
        assert message.subject.startswith(
            "h2h TEST CRITICAL: in doubt (1), rejected by the bank (1000"
        )
        assert len(message.lines) == 20
        assert "in doubt: number 0" in message.lines[0]


def test_what_a_channel_did_not_take_stays_and_goes_out_later(room: Room, pigeon: Pigeon) -> None:
    with told(room, pigeon) as services:
        queue(services, 3)
        courier = Courier(services, pigeon)
        pigeon.wrong = Transient("the mail server is down")
        assert not courier.deliver(at_once=True)
        [backlog] = services.ledger.backlogs()
        assert (backlog.waiting, backlog.failures) == (3, 1)
        pigeon.wrong = None
        assert not courier.deliver(at_once=True)  # its pause is not over
        room.clock.advance(minutes=1)
        assert courier.deliver(at_once=True)
        assert pigeon.messages[0].count == 3
        [backlog] = services.ledger.backlogs()
        assert (backlog.waiting, backlog.failures, backlog.because) == (0, 0, "")


def test_the_pauses_of_a_channel_that_is_down_grow(room: Room, pigeon: Pigeon) -> None:
    pigeon.wrong = Refused("550 no such user")
    with told(room, pigeon) as services:
        queue(services, 1)
        pauses = []
        for _ in range(4):
            Courier(services, pigeon).deliver(at_once=True)
            [backlog] = services.ledger.backlogs()
            assert backlog.due_at is not None
            pauses.append((backlog.due_at - room.clock.now()).total_seconds() / 60)
            room.clock.time = backlog.due_at
        assert pauses == [1, 2, 4, 8]


def test_a_kill_after_the_sending_repeats_the_message_and_loses_none(
    room: Room, pigeon: Pigeon, monkeypatch: pytest.MonkeyPatch
) -> None:
    with told(room, pigeon) as services:
        queue(services, 2)
        with monkeypatch.context() as killed:
            killed.setattr(services.ledger, "alerts_sent", _dies)
            with pytest.raises(SystemError):
                Courier(services, pigeon).deliver(at_once=True)
    with room.services() as services:
        queue(services, 1, Event.IN_DOUBT)
        Courier(services, pigeon).deliver(at_once=True)
        assert [message.count for message in pigeon.messages] == [2, 3]
        assert waiting(services) == []


def _dies(*_: object) -> None:
    raise SystemError("killed here")


def test_a_channel_that_hangs_keeps_no_other_and_no_payment_waiting(
    room: Room, pigeon: Pigeon, payment_file: PaymentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("h2h.flows.alerting._PAUSE", 0.01)
    monkeypatch.setattr("h2h.flows.alerting._LAST_WORDS", 0.01)
    gate = threading.Event()
    slow = Pigeon(Interest("slow", levels=EVERYTHING, collect=timedelta()), gate=gate)
    quick = Pigeon(Interest("quick", levels=EVERYTHING, collect=timedelta()))
    with told(room, pigeon) as plain:
        services = replace(plain, channels=(slow, quick))
        alert = Alert(Event.DISK, "full")
        services.ledger.queue_alerts([("slow", alert), ("quick", alert)], room.clock.now())
        with couriers(services):
            assert slow.begun.wait(20)
            room.drop(payment_file())
            room.run(services)
            assert len(room.at_the_bank()) == 1
            _until(lambda: bool(quick.messages))
            assert slow.messages == []
            gate.set()
            _until(lambda: all(row.sent for row in services.ledger.alerts()))


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_a_channel_gets_only_what_it_asked_for(room: Room, payment_file: PaymentFile) -> None:
    other = Pigeon(Interest("other", frozenset({"sent"}), EVERYTHING, frozenset({"globex"})))
    sent = Pigeon(Interest("sent", frozenset({"sent"}), EVERYTHING))
    with told(room, sent) as plain:
        services = replace(plain, channels=(sent, other))
        room.drop(payment_file())
        room.run(services)
        tell_at_once(services, never)
    assert [message.count for message in sent.messages] == [1]
    assert other.messages == []


def test_sent_alerts_are_forgotten_after_a_while(room: Room, pigeon: Pigeon) -> None:
    with told(room, pigeon) as services:
        queue(services, 2)
        Courier(services, pigeon).deliver(at_once=True)
        room.clock.advance(days=91)
        queue(services, 1)
        Courier(services, pigeon).deliver(at_once=True)
        assert len(services.ledger.alerts()) == 1


def test_without_a_channel_nothing_is_looked_at(room: Room, payment_file: PaymentFile) -> None:
    room.drop(payment_file())
    with room.services() as services:
        room.run(services)
        Watcher(services, never).look()
        assert services.ledger.alerts_seen() is None
