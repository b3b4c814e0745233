"""The queue of alerts and the figures, on every database."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from h2h.core.alerts import Alert, Condition, Event, Group, Level
from h2h.core.chain import Head
from h2h.core.states import Out
from h2h.core.words import say
from h2h.ports import Backlog

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office

REJECTED = Alert(Event.REJECTED, say("{count} files", count=2), "acme", "F-1")
DOUBT = Alert(Event.IN_DOUBT, "[no words of ours", "acme", "F-2")
SENT = Alert(Event.SENT, "sent")


def test_what_waits_is_counted_and_told_the_worst_first(office: Office) -> None:
    queued = [("mail", SENT), ("mail", REJECTED), ("hook", SENT), ("mail", DOUBT)]
    office.ledger.queue_alerts(queued, office.now)
    office.ledger.queue_alerts([("mail", REJECTED)], office.later())
    batch = office.open().alert_batch("mail", 3)
    assert batch is not None
    assert (batch.last, batch.oldest) == (5, office.now - timedelta(seconds=1))
    assert set(batch.groups) == {
        Group(Event.SENT, Level.INFO, "", 1),
        Group(Event.REJECTED, Level.WARNING, "acme", 2),
        Group(Event.IN_DOUBT, Level.CRITICAL, "acme", 1),
    }
    assert [line.alert.event for line in batch.first] == ["in_doubt", "rejected", "rejected"]
    assert batch.first[0].alert.words == "[no words of ours"
    assert getattr(batch.first[1].alert.words, "template", "") == "{count} files"


def test_what_came_while_a_message_was_sent_still_waits(office: Office) -> None:
    office.ledger.queue_alerts([("mail", SENT)], office.now)
    batch = office.ledger.alert_batch("mail", 20)
    office.open().queue_alerts([("mail", DOUBT), ("hook", DOUBT)], office.later())
    assert batch is not None
    office.ledger.alerts_sent("mail", batch.last, office.later())
    rest = office.ledger.alert_batch("mail", 20)
    assert rest is not None
    assert [line.alert.event for line in rest.first] == [Event.IN_DOUBT]
    assert office.ledger.backlogs() == [
        Backlog("hook", 1, 0, None, ""),
        Backlog("mail", 1, 0, None, ""),
    ]
    office.ledger.alerts_failed("mail", "down", office.now)
    office.ledger.alerts_failed("mail", "still down", office.later())
    assert office.ledger.backlogs()[1] == Backlog("mail", 1, 2, office.now, "still down")


def test_alerts_and_how_far_was_looked_are_one_transaction(office: Office) -> None:
    assert office.ledger.alerts_seen() is None
    began = Condition("disk", Alert(Event.DISK, "full"), "1")
    seen = Head(7, "a" * 64)
    office.ledger.queue_alerts([("mail", SENT)], office.now, seen=seen, began=[began])
    other = office.open()
    assert (other.alerts_seen(), other.conditions()["disk"].value) == (seen, "1")
    other.queue_alerts([], office.now, began=[Condition("disk", began.alert, "2")])
    assert office.ledger.conditions()["disk"].value == "2"
    other.queue_alerts([], office.now, ended=["disk"])
    assert office.ledger.conditions() == {}
    assert office.ledger.alerts_seen() == seen


def test_what_the_log_told_is_told_again_after_a_day(office: Office) -> None:
    noted = Condition("door", Alert(Event.TROUBLE, "gone"), "gone")
    queued = [("mail", noted.alert)]
    assert office.ledger.note_alert(queued, noted, office.now)
    assert not office.open().note_alert(queued, noted, office.later(hours=23))
    assert office.ledger.conditions() == {}  # it does not last: no look ends it
    assert office.ledger.note_alert(queued, noted, office.later(hours=1))
    assert len(office.ledger.alerts("mail")) == 2


def test_files_and_moves_are_measured(office: Office) -> None:
    start = office.ledger.newest_move()
    file = office.claimed("one")
    [there] = office.ledger.files_there()
    assert (there.direction, there.state, there.count, there.oldest, there.size) == (
        *("out", "claimed", 1),
        file.created,
        file.size,
    )
    moved = office.ledger.move(file, Out.CANCELLED, office.later())
    assert moved is not None
    steps = office.ledger.steps_since(start)
    assert [step.target for step in steps] == ["claiming", "claimed", "cancelled"]
    assert (steps[-1].at, steps[-1].created, steps[-1].sent) == (office.now, file.created, None)
    assert office.ledger.steps_since(steps[-1].sequence) == []
    assert [step.target for step in office.ledger.steps_since(start, 1)] == ["claiming"]
    file = office.on_the_road(Out.SENT)
    office.moved(file, Out.ACCEPTED)
    assert office.ledger.steps_since(steps[-1].sequence)[-1].sent == office.ledger.moves()[-2].at
    office.ledger.writable()
