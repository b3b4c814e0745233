"""How long files are kept, what keeps them longer, and which list two persons agree on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from h2h.core.retention import (
    Hold,
    Kind,
    Retained,
    Rule,
    came_before,
    erased_words,
    erasing_words,
    erasure_told,
    expired,
    kind_of,
    list_hash,
)

OURS, OTHER = "DE89370400440532013000", "NL91ABNA0417164300"
FILE = Retained(
    "20200301-100000-aaaaaa",
    "ab" * 32,
    7,
    Kind.PAYMENT,
    frozenset({OURS}),
    date(2020, 3, 1),
    date(2020, 3, 5),
)
TEN = Rule(10)


def hold(**facts: object) -> Hold:
    usual: dict[str, object] = {"file_id": "", "account": "", "since": None, "until": None}
    return Hold(1, **usual | facts, who="anna", reason="a lawsuit")  # type: ignore[arg-type]  # as named


def kept_until(file: Retained, *rules: Rule) -> date | None:
    """The last day on which it is not listed; None: it never is."""
    found = expired([file], rules, (), date(2999, 1, 1))
    return found[0].until if found else None


def test_without_a_rule_nothing_is_ever_past_its_time() -> None:
    assert kept_until(FILE) is None
    assert came_before((), date(2999, 1, 1)) is None


def test_a_time_ends_with_the_calendar_year() -> None:
    last = date(2030, 12, 31)
    assert kept_until(FILE, TEN) == last
    assert expired([FILE], [TEN], (), last) == []
    assert len(expired([FILE], [TEN], (), last + timedelta(days=1))) == 1
    assert kept_until(replace(FILE, newest=date(2021, 1, 1)), TEN) == date(2031, 12, 31)


def test_what_came_later_than_the_shortest_time_need_not_be_looked_at() -> None:
    assert came_before([TEN, Rule(6)], date(2027, 5, 5)) == date(2021, 1, 1)
    just = replace(FILE, newest=date(2020, 12, 31))
    assert len(expired([just], [Rule(6)], (), date(2027, 1, 1))) == 1
    later = replace(FILE, newest=date(2021, 1, 1))
    assert expired([later], [Rule(6)], (), date(2027, 12, 31)) == []


def test_a_rule_is_for_its_kinds_and_accounts_alone() -> None:
    assert kept_until(FILE, Rule(6, frozenset({Kind.STATUS}))) is None
    assert kept_until(FILE, Rule(6, accounts=frozenset({OTHER}))) is None
    assert kept_until(FILE, Rule(6, frozenset({Kind.PAYMENT}), frozenset({OURS}))) is not None


def test_of_several_rules_the_longest_counts() -> None:
    thirty = Rule(30, accounts=frozenset({OURS}))
    assert kept_until(FILE, thirty, Rule(6)) == date(2050, 12, 31)


def test_a_file_of_several_accounts_stays_as_long_as_the_longest_of_them() -> None:
    both = replace(FILE, accounts=frozenset({OURS, OTHER}))
    ours, other = Rule(6, accounts=frozenset({OURS})), Rule(30, accounts=frozenset({OTHER}))
    assert kept_until(both, ours, other) == date(2050, 12, 31)
    assert kept_until(both, ours) is None


def test_a_file_of_an_unknown_account_could_be_of_any() -> None:
    stranger = replace(FILE, accounts=frozenset())
    thirty = Rule(30, accounts=frozenset({OTHER}))
    assert kept_until(stranger, thirty) is None
    assert kept_until(stranger, Rule(6), thirty) == date(2050, 12, 31)


def test_a_file_that_nobody_could_read_could_be_of_any_kind() -> None:
    unread = replace(FILE, kind=None)
    payments = Rule(30, frozenset({Kind.PAYMENT}))
    assert kept_until(unread, payments) is None
    assert kept_until(unread, Rule(6), payments) == date(2050, 12, 31)


@pytest.mark.parametrize(
    ("named", "keeps"),
    [
        ({"file_id": FILE.file_id}, True),
        ({"file_id": "20200301-100000-bbbbbb"}, False),
        ({"account": OURS}, True),
        ({"account": OTHER}, False),
        ({"since": date(2020, 3, 5)}, True),
        ({"since": date(2020, 3, 6)}, False),
        ({"until": date(2020, 3, 1)}, True),
        ({"until": date(2020, 2, 29)}, False),
        ({"account": OURS, "since": date(2021, 1, 1)}, False),
    ],
)
def test_a_hold_keeps_what_fits_all_that_it_names(named: dict[str, object], keeps: bool) -> None:
    (found,) = expired([FILE], [Rule(1)], [hold(**named)], date(2030, 1, 1))
    assert bool(found.kept) is keeps


def test_a_hold_of_an_account_keeps_what_could_be_its() -> None:
    stranger = replace(FILE, accounts=frozenset())
    (found,) = expired([stranger], [Rule(1)], [hold(account=OTHER)], date(2030, 1, 1))
    assert found.kept == "legal hold 1"


def test_what_is_needed_still_stays_and_says_why() -> None:
    needed = replace(FILE, needed="it is sent, which is not final")
    (found,) = expired([needed], [Rule(1)], (), date(2030, 1, 1))
    assert found.kept == "it is sent, which is not final"


def test_the_hash_of_a_list_changes_with_every_file_and_every_move() -> None:
    other = replace(FILE, file_id="20200301-100000-bbbbbb")
    both = expired([FILE, other], [Rule(1)], (), date(2030, 1, 1))
    hashes = {
        list_hash(both),
        list_hash(both[:1]),
        list_hash([replace(both[0], file=replace(FILE, last_move=8)), both[1]]),
        list_hash([replace(both[0], file=replace(FILE, sha256="cd" * 32)), both[1]]),
        list_hash([replace(both[0], until=date(2029, 12, 31)), both[1]]),
    }
    assert len(hashes) == 5
    assert list_hash(both) == list_hash(both[::-1])


def test_the_chain_tells_of_an_erasure_in_words_that_no_person_can_say() -> None:
    begun = erasing_words(3, "ab" * 32, "anna", "bob", "its time is over")
    ended = erased_words(3, "ab" * 32)
    assert erasure_told("done", "done", "h2h", begun) == ("erasing", "ab" * 32)
    assert erasure_told("done", "done", "h2h", ended) == ("erased", "ab" * 32)
    assert erasure_told("sent", "held", "h2h", begun) == ("", "")
    assert erasure_told("done", "done", "anna", begun) == ("", "")
    assert erasure_told("done", "done", "h2h", f"noted: {begun}") == ("", "")


@pytest.mark.parametrize(
    ("message", "kinds", "told", "kind"),
    [
        ("camt.053.001.08", ["statement"], False, Kind.STATEMENT),
        ("MT940", ["statement", "intraday"], False, Kind.STATEMENT),
        ("camt.052.001.08", ["intraday"], False, Kind.REPORT),
        ("camt.054.001.08", ["notification"], False, Kind.REPORT),
        ("camt.054.001.08", [], False, Kind.REPORT),
        ("pain.002.001.10", [], False, Kind.STATUS),
        ("", [], True, Kind.STATUS),
        ("", [], False, Kind.DOCUMENT),
    ],
)
def test_a_bank_file_is_what_was_found_in_it(
    message: str,
    kinds: list[str],
    told: bool,
    kind: Kind,
) -> None:
    assert kind_of("in", message, kinds, told=told, read=True) is kind


def test_what_nobody_could_read_has_no_kind() -> None:
    assert kind_of("in", "", [], told=False, read=False) is None
    assert kind_of("out", "", [], told=False, read=False) is Kind.PAYMENT
