"""What becomes an alert, whom it reaches, and what a message about many says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from h2h.adapters.catalogue import translator
from h2h.core.alerts import (
    TITLES,
    Alert,
    Event,
    Group,
    Interest,
    Level,
    Line,
    Message,
    Moved,
    message,
    of_event,
    of_move,
    over,
)
from h2h.core.confidential import masked
from h2h.core.words import say

AT = datetime(2026, 11, 23, 10, 29, tzinfo=UTC)


def moved(source: str, target: str, **facts: object) -> Moved:
    usual = {"file_id": "F-1", "name": "pay.xml", "bank": "acme", "direction": "out"}
    return Moved(**{**usual, "source": source, "target": target, "because": "", **facts})  # type: ignore[arg-type]  # as the test names them


def told(alerts: list[Alert], language: str = "en") -> Message:
    counts = Counter((alert.event, alert.level, alert.bank) for alert in alerts)
    groups = [Group(*key, count) for key, count in counts.items()]
    lines = [Line(AT, alert) for alert in alerts[:20]]
    return message(groups, lines, "test", translator(language), masked)


@pytest.mark.parametrize(
    ("source", "target", "event"),
    [
        ("claiming", "claimed", Event.RECEIVED),
        ("held", "claimed", None),  # a release
        ("delivering", "sent", Event.SENT),
        ("claimed", "invalid", Event.REFUSED),
        ("claimed", "duplicate", Event.REFUSED),
        ("valid", "held", Event.HELD),
        ("valid", "awaiting_approval", Event.APPROVAL),
        ("delivering", "in_doubt", Event.IN_DOUBT),
        ("sent", "rejected", Event.REJECTED),
        ("acknowledged", "part_accepted", Event.REJECTED),
        ("sent", "cancelled_by_bank", Event.REJECTED),
        ("sealed", "staged", None),
        ("sent", "accepted", None),
    ],
)
def test_the_moves_of_a_payment_file_that_people_hear_of(
    source: str, target: str, event: Event | None
) -> None:
    alert = of_move(moved(source, target))
    assert (alert.event if alert else None) == event


@pytest.mark.parametrize(
    ("source", "target", "event"),
    [
        ("", "fetched", Event.RECEIVED),
        ("quarantined", "fetched", None),  # read again
        ("fetched", "quarantined", Event.QUARANTINED),
        ("opened", "duplicate", None),
    ],
)
def test_the_moves_of_a_bank_file_that_people_hear_of(
    source: str, target: str, event: Event | None
) -> None:
    alert = of_move(moved(source, target, direction="in"))
    assert (alert.event if alert else None) == event


def test_a_file_that_ends_h2h_is_critical_wherever_it_stands() -> None:
    for direction, target in (("out", "held"), ("in", "quarantined")):
        alert = of_move(moved("claimed", target, direction=direction, poison=True))
        assert alert is not None
        assert (alert.event, alert.level) == (Event.POISON, Level.CRITICAL)


def test_an_alert_of_a_confidential_file_has_neither_its_name_nor_its_reason() -> None:
    secret = moved(
        "valid", "held", name="salaries.xml", because="EUR 4711.00 to Eve", confidential=True
    )
    alert = of_move(secret)
    assert alert is not None
    assert "F-1" in alert.words
    for hidden in ("salaries", "4711", "Eve"):
        assert hidden not in told([alert]).text


def test_a_file_that_nobody_has_read_yet_is_told_by_its_id_alone() -> None:
    for facts in (moved("claiming", "claimed"), moved("claimed", "held", poison=True)):
        alert = of_move(facts)
        assert alert is not None
        assert ("F-1" in alert.words, "pay.xml" in alert.words) == (True, False)


def test_words_that_may_quote_a_confidential_file_are_left_out() -> None:
    facts = {"because": "salaries.xml: EUR 4711.00", "bank": "acme", "file_id": "B-1"}
    open_, hidden = (of_event("alarm", facts, hidden=each) for each in (False, True))
    assert open_ is not None
    assert hidden is not None
    assert "4711" in open_.alert.words
    assert "4711" not in hidden.alert.words + hidden.value + hidden.key
    assert "h2h show B-1" in hidden.alert.words


def test_what_the_log_says_every_pass_has_one_key_and_value() -> None:
    facts = {"door": "outbox/acme", "because": "it is gone"}
    first, again = (of_event("door_unusable", facts, hidden=False) for _ in range(2))
    assert first is not None
    assert first == again
    other = of_event("door_unusable", {**facts, "because": "not ours"}, hidden=False)
    assert other is not None
    assert (other.key == first.key, other.value == first.value) == (True, False)


def test_events_of_the_log_that_moves_and_states_tell_are_no_alerts_twice() -> None:
    for event in ("moved", "checked", "statement", "statement_missing", "in_doubt_too_long"):
        assert of_event(event, {"because": "x", "file_id": "F-1"}, hidden=False) is None


def test_a_channel_gets_its_events_levels_and_banks() -> None:
    rejected = Alert(Event.REJECTED, "x", "acme")
    assert Interest("all").wants(rejected)
    assert not Interest("doubts", frozenset({"in_doubt"})).wants(rejected)
    assert not Interest("worst", levels=frozenset({"critical"})).wants(rejected)
    assert not Interest("globex", banks=frozenset({"globex"})).wants(rejected)
    assert Interest("globex", banks=frozenset({"globex"})).wants(Alert(Event.DISK, "full"))
    assert not Interest("all").wants(Alert(Event.SENT, "x"))  # info is asked for by name


def test_what_is_over_is_good_news() -> None:
    ended = over(Alert(Event.DISK, say("the disk of {room} has {free} MB left", room="a", free=1)))
    assert ended.level is Level.INFO
    assert "the disk of a has 1 MB left" in ended.words


def test_a_storm_is_one_message_with_its_count_and_its_first_lines() -> None:
    storm = [Alert(Event.REJECTED, f"file {number}", "acme") for number in range(1_000)]
    made = told(storm)
    assert made.count == 1_000
    assert "1000 (acme)" in made.text
    assert "and 980 more" in made.text
    assert made.text.count("rejected by the bank: file ") == 20
    assert "rejected by the bank (1000)" in made.subject


def test_the_subject_says_the_worst_first() -> None:
    made = told(
        [Alert(Event.REJECTED, "a"), Alert(Event.REJECTED, "b"), Alert(Event.IN_DOUBT, "c")]
    )
    assert made.subject == "h2h TEST CRITICAL: in doubt (1), rejected by the bank (2)"
    assert made.level is Level.CRITICAL


def test_account_numbers_are_masked_in_what_others_said() -> None:
    alert = Alert(Event.STATEMENT_HELD, "statement 7 of DE89370400440532013000: it has a gap")
    assert "DE89...3000" in told([alert]).text
    assert "0532013" not in told([alert]).text


def test_the_message_speaks_the_language_of_the_workspace() -> None:
    alert = of_move(moved("delivering", "in_doubt"))
    assert alert is not None
    made = told([alert], "zh")
    assert not any(words in made.text + made.subject for words in ("in doubt", "CRITICAL", " is "))
    assert all(translator("zh")(words) != words for words in TITLES.values())


@given(st.text(max_size=60), st.text(max_size=600))
def test_no_name_makes_a_second_line_or_header(name: str, because: str) -> None:
    alert = of_move(moved("valid", "held", name=name, because=because))
    assert alert is not None
    made = told([alert, Alert(Event.TROUBLE, because + "\r\nBcc: eve@evil.example")])
    assert made.subject.isprintable()
    assert all(line.isprintable() for line in made.lines)
    assert len(made.text.splitlines()) == 2 + 1 + 2  # two counts, a blank line, two alerts


def test_the_bank_waits_a_minute_for_others_unless_told() -> None:
    assert Interest("x").collect == timedelta(minutes=1)
