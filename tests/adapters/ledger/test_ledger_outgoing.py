"""Payment files in the ledger: each goes once, and every step of it is on the record."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from h2h.core.chain import first_broken
from h2h.core.payment import Execution
from h2h.core.problem import Problem, Severity
from h2h.core.states import Out
from h2h.core.words import say, tell
from h2h.errors import Refused, Transient
from h2h.ports import Change, File, HandOver, Ledger, Seen

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office


def test_the_ledger_fulfils_its_port(office: Office) -> None:
    ledger: Ledger = office.ledger
    assert ledger.files() == []


# ---------------------------------------------------------------------------------------- the door


def test_a_claim_is_committed_and_an_unfinished_one_is_found_again(office: Office) -> None:
    seen = office.seen()
    first = office.ledger.claiming(seen, "acme", "a", office.now)
    assert (first.id, first.state, first.bank) == ("a", Out.CLAIMING, "acme")
    assert office.open().claiming(seen, "acme", "b", office.later()) == first
    office.moved(first, Out.CLAIMED)
    assert office.ledger.claiming(seen, "acme", "c", office.later()).id == "c"


def test_a_name_that_is_no_text_is_kept_as_the_file_system_has_it(office: Office) -> None:
    seen = Seen("acme", "bad\udcff\n.xml", 2**64 - 1, 1, 1)
    file = office.ledger.claiming(seen, None, "a", office.now)
    assert (file.door_name, file.door_inode) == (seen.name, seen.inode)
    assert file.name == "bad\\xff\\x0a.xml"


def test_what_lay_in_a_door_at_its_first_scan_is_known_once_under_any_name(office: Office) -> None:
    office.ledger.first_scan("acme", [office.seen("pay.tmp", inode=7)], office.now)
    office.ledger.first_scan("acme", [office.seen("new.xml", inode=8)], office.now)
    old = office.ledger.claiming(office.seen("pay.xml", inode=7), "acme", "a", office.now)
    new = office.ledger.claiming(office.seen("new.xml", inode=8), "acme", "b", office.now)
    again = office.ledger.claiming(office.seen("more.xml", inode=7), "acme", "c", office.now)
    assert (old.first_scan, new.first_scan, again.first_scan) == (True, False, False)


def test_an_empty_first_scan_counts(office: Office) -> None:
    office.ledger.first_scan("acme", [], office.now)
    office.open().first_scan("acme", [office.seen(inode=7)], office.later())
    assert not office.ledger.claiming(office.seen(inode=7), "acme", "a", office.now).first_scan


# ------------------------------------------------------------------------------------------- moving


def test_only_the_first_of_two_who_saw_the_same_state_moves_the_file(office: Office) -> None:
    file = office.admitted()
    assert office.ledger.move(file, Out.APPROVED, office.now) is not None
    assert office.open().move(file, Out.HELD, office.now) is None
    assert office.ledger.wait(file, None, "", failed=True) is None
    assert office.state(file) is Out.APPROVED


def test_an_unlawful_move_is_an_error_and_leaves_nothing(office: Office) -> None:
    file = office.admitted()
    before = office.ledger.moves()
    with pytest.raises(ValueError, match="valid to sent"):
        office.ledger.move(file, Out.SENT, office.now)
    assert office.ledger.moves() == before


@pytest.mark.parametrize(
    ("state", "back"),
    [
        (Out.VALID, Out.CLAIMED),
        (Out.APPROVED, Out.APPROVED),
        (Out.SEALED, Out.SEALED),
        (Out.STAGED, Out.SEALED),
    ],
)
def test_a_held_file_remembers_where_a_release_leads(office: Office, state: Out, back: Out) -> None:
    file = office.on_the_road(state)
    held = office.moved(file, Out.HELD)
    assert held.held_from is back
    assert office.moved(held, back).held_from is None


def test_a_release_skips_no_step_that_the_file_has_not_been_through(office: Office) -> None:
    held = office.moved(office.claimed(), Out.HELD)
    with pytest.raises(ValueError, match="held from claimed, not from sealed"):
        office.ledger.move(held, Out.SEALED, office.now)


def test_a_wait_says_why_and_a_move_clears_it(office: Office) -> None:
    file = office.admitted()
    until = office.now + timedelta(hours=1)
    office.ledger.wait(file, until, "bank closed", failed=True)
    waiting = office.ledger.wait(file, until, "no route", failed=True)
    assert waiting is not None
    assert (waiting.due_at, waiting.due_because, waiting.failures) == (until, "no route", 2)
    assert office.ledger.files(due=office.now) == []
    assert office.ledger.files(due=until) == [waiting]
    moved = office.moved(file, Out.APPROVED)
    assert (moved.due_at, moved.due_because, moved.failures) == (None, "", 0)


def test_files_come_oldest_first_and_by_what_is_asked(office: Office) -> None:
    first, second = office.admitted(), office.claimed()
    inbound = office.fetched()
    assert [file.id for file in office.ledger.files()] == [first.id, second.id, inbound.id]
    assert [file.id for file in office.ledger.files([Out.CLAIMED, Out.VALID])] == [
        first.id,
        second.id,
    ]
    assert office.ledger.files([Out.CLAIMED], direction="out", bank="acme") == [second]
    assert office.ledger.files(direction="in") == [inbound]
    assert office.ledger.files(bank="other") == []
    assert office.ledger.files([]) == []


def test_a_change_is_written_with_its_move_and_read_back_whole(office: Office) -> None:
    problem = Problem("iban", Severity.ERROR, "wrong", "mend it", "payment 1", 7)
    day = office.now.date()
    change = Change(
        message="pain.001.001.09",
        message_id="M1",
        initiating_party="ACME",
        transactions=2,
        control_sum={"EUR": "12345678901234567.89"},
        executions=(Execution(day, "EUR", "SEPA"),),
        checked_on=day,
        problems=(problem,),
        host="sftp1",
    )
    moved = office.moved(office.claimed(), Out.INVALID, change)
    for name in Change.__dataclass_fields__:
        if getattr(change, name) is not None:
            assert getattr(moved, name) == getattr(change, name)
    assert office.open().file(moved.id) == moved


def test_the_words_of_a_problem_can_be_told_in_another_language_after_a_restart(
    office: Office,
) -> None:
    place = say("{place}, {part}", place=say("batch {batch}", batch=2), part=say("amount"))
    words = say("execution is asked for on {requested}", requested=date(2026, 11, 20))
    problem = Problem("x", Severity.WARN, words, "plain", place, found="{braces}")
    moved = office.moved(office.claimed(), Out.INVALID, Change(problems=(problem,)))
    again = office.open().file(moved.id)
    assert again is not None
    (kept,) = again.problems
    assert kept == problem
    chinese = {"amount": "金额", "execution is asked for on {requested}": "要求 {requested} 执行"}
    assert tell(kept.message, lambda each: chinese.get(each, each)) == "要求 2026-11-20 执行"
    assert tell(kept.path or "", lambda each: chinese.get(each, each)) == "batch 2, 金额"


def test_times_keep_their_moment_whatever_zone_they_were_told_in(office: Office) -> None:
    elsewhere = datetime(2026, 7, 1, 8, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5.5)))
    file = office.ledger.claiming(office.seen(), "acme", "a", elsewhere)
    assert file.created == elsewhere
    assert file.created.tzinfo is UTC
    with pytest.raises(Exception, match="without a zone"):
        office.ledger.move(file, Out.CLAIMED, datetime(2026, 1, 1))  # noqa: DTZ001  the point


# ---------------------------------------------------------------------------------------- the chain


def test_every_move_and_waiver_is_a_link_of_one_chain_across_files(office: Office) -> None:
    one, two = office.claimed(), office.claimed()
    office.moved(one, Out.HELD)
    office.ledger.waive(two, ["past-date"], "ann", "agreed by phone", office.later())
    office.ledger.pause("acme", "ann", "audit", office.later())
    moves = office.ledger.moves()
    assert [move.sequence for move in moves] == list(range(1, 8))
    assert first_broken(moves) is None
    waived = office.ledger.moves(two.id)[-1]
    assert (waived.who, waived.source, waived.target) == ("ann", "claimed", "claimed")
    assert waived.because == "waived past-date: agreed by phone"
    assert waived.content == two.sha256
    assert moves[-1].file_id == ""


@pytest.mark.parametrize("statement", ["UPDATE moves SET because = 'x'", "DELETE FROM moves"])
def test_no_record_can_be_changed_or_removed(office: Office, statement: str) -> None:
    office.claimed()
    engine = create_engine(office.url)
    with pytest.raises(IntegrityError, match="append-only"), engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()
    assert len(office.ledger.moves()) == 2


DROP = {
    "sqlite": "DROP TRIGGER moves_UPDATE",
    "postgresql": "DROP TRIGGER moves_append_only ON moves",
}


def test_a_record_changed_behind_the_ledgers_back_shows(office: Office) -> None:
    office.claimed()
    engine = create_engine(office.url)
    with engine.begin() as connection:
        connection.execute(text(DROP[connection.dialect.name]))
        connection.execute(text("UPDATE moves SET who = 'nobody' WHERE sequence = 2"))
    engine.dispose()
    broken = first_broken(office.ledger.moves())
    assert broken is not None
    assert broken.sequence == 2


# --------------------------------------------------------------------------------------- once only


def test_the_same_bytes_go_once(office: Office) -> None:
    first = office.admitted(file=office.claimed("same"))
    late = office.claimed("same")
    assert office.ledger.same_bytes(late) == first
    second = office.admitted(file=late)
    assert (second.state, second.duplicate_of) == (Out.DUPLICATE, first.id)
    assert [(p.rule, p.severity) for p in second.problems] == [("duplicate-file", Severity.INFO)]
    assert office.ledger.payments(second.id) == []


def test_of_two_equal_files_in_the_check_at_once_exactly_one_gets_in(office: Office) -> None:
    one, two = office.claimed("same"), office.claimed("same")
    assert office.ledger.same_bytes(one) is None
    assert office.admitted(file=two).state is Out.VALID
    assert office.admitted(file=one).state is Out.DUPLICATE


def test_a_message_id_with_other_content_is_refused_loudly(office: Office) -> None:
    first = office.admitted(message_id="M1")
    second = office.admitted(message_id="M1")
    assert (second.state, second.duplicate_of) == (Out.DUPLICATE, first.id)
    (problem,) = second.problems
    assert (problem.rule, problem.severity) == ("duplicate-message", Severity.ERROR)
    assert first.id in problem.message


@pytest.mark.parametrize("end", [Out.CANCELLED, Out.INVALID, Out.DUPLICATE])
def test_a_file_that_never_went_leaves_its_identities_free(office: Office, end: Out) -> None:
    office.admitted(message_id="taken")
    file = office.claimed("same")
    if end is Out.INVALID:
        office.moved(file, end, Change(message_id="M1", initiating_party="ACME"))
    elif end is Out.CANCELLED:
        office.moved(office.admitted(file=file, message_id="M1"), end)
    else:
        office.admitted(file=file, message_id="taken")
    again = office.admitted(file=office.claimed("same"), message_id="M1")
    assert again.state is Out.VALID


def test_a_held_file_occupies_its_identities(office: Office) -> None:
    hold = Problem("past-date", Severity.HOLD, "date is past", "look")
    held = office.admitted(file=office.claimed("same"), message_id="M1", holds=[hold])
    assert (held.state, held.because) == (Out.HELD, "date is past")
    assert office.admitted(file=office.claimed("same")).state is Out.DUPLICATE
    assert office.admitted(message_id="M1").state is Out.DUPLICATE


def test_the_database_itself_refuses_a_second_file_with_one_message_id(office: Office) -> None:
    office.admitted(message_id="M1")
    with pytest.raises(IntegrityError):
        office.moved(office.claimed(), Out.HELD, Change(message_id="M1", initiating_party="ACME"))


def test_a_second_run_of_the_erp_is_held_with_a_pointer_to_the_first(office: Office) -> None:
    first = office.admitted(office.payment(remittance="Invoice 4711-A"))
    second = office.admitted(
        office.payment(), office.payment(amount=Decimal(10), remittance="INVOICE 4711 a")
    )
    assert second.state is Out.HELD
    (problem,) = second.problems
    assert (problem.rule, problem.severity) == ("similar-payment", Severity.HOLD)
    assert f"file {first.id}" in problem.message
    assert problem.path is not None
    assert problem.path.startswith("payment 2 (")


def test_the_same_end_to_end_id_accounts_and_amount_are_held(office: Office) -> None:
    office.admitted(office.payment(end_to_end_id="INV-1", remittance="x"))
    assert office.admitted(office.payment(end_to_end_id="INV-1", remittance="y")).state is Out.HELD


@pytest.mark.parametrize(
    "other",
    [
        {"amount": Decimal("10.01")},
        {"currency": "USD"},
        {"counterparty_account": "XX"},
        {"account": "YY"},
    ],
)
def test_what_differs_in_money_or_accounts_is_not_alike(
    office: Office, other: dict[str, object]
) -> None:
    same: dict[str, object] = {"end_to_end_id": "INV-1", "remittance": "rent"}
    office.admitted(office.payment(**same))
    found = office.admitted(office.payment(**{**same, **other}))
    assert (found.state, found.problems) == (Out.VALID, ())


def test_not_provided_is_no_end_to_end_id(office: Office) -> None:
    office.admitted(office.payment(end_to_end_id="NOTPROVIDED", remittance="one"))
    found = office.admitted(office.payment(end_to_end_id="NOTPROVIDED", remittance="two"))
    assert (found.state, found.problems) == (Out.VALID, ())


def test_without_a_remittance_a_similar_payment_is_only_mentioned(office: Office) -> None:
    first = office.admitted(office.payment(remittance=" - "))
    found = office.admitted(office.payment(remittance=""))
    assert found.state is Out.VALID
    (problem,) = found.problems
    assert (problem.rule, problem.severity) == ("similar-payment", Severity.WARN)
    assert first.id in problem.message


def test_twins_within_one_file_are_its_own_affair(office: Office) -> None:
    twins = [office.payment(end_to_end_id="E", remittance="rent") for _ in range(2)]
    assert office.admitted(*twins).problems == ()


@pytest.mark.parametrize(("days", "state"), [(29, Out.HELD), (31, Out.VALID)])
def test_the_window_of_similar_payments_is_counted_in_days(
    office: Office, days: int, state: Out
) -> None:
    office.admitted(office.payment(remittance="rent"))
    office.later(days=days)
    assert office.admitted(office.payment(remittance="rent"), days=30).state is state


def test_a_waiver_for_this_content_lets_a_similar_payment_in(office: Office) -> None:
    office.admitted(office.payment(remittance="rent"))
    held = office.admitted(office.payment(remittance="rent"), file=office.claimed("second"))
    looked_at = office.ledger.waive(held, ["similar-payment"], "ann", "two rents", office.later())
    assert looked_at is not None
    assert office.ledger.waived(held) == {"similar-payment"}
    back = office.moved(looked_at, Out.CLAIMED, Change(problems=()))
    found = office.admitted(office.payment(remittance="rent"), file=back)
    assert (found.state, [p.severity for p in found.problems]) == (Out.VALID, [Severity.WARN])
    assert len(office.ledger.payments(found.id)) == 1
    third = office.admitted(office.payment(remittance="rent"))
    assert third.state is Out.HELD


def test_ten_thousand_payments_are_admitted_and_each_is_found_alike(office: Office) -> None:
    chunk = [office.payment() for _ in range(10_000)]
    first = office.admitted(*chunk)
    second = office.admitted(*(office.payment(remittance=p.remittance) for p in chunk))
    rows = office.ledger.payments(first.id)
    assert [row.number for row in rows] == list(range(1, 10_001))
    assert {row.amount for row in rows} == {"10.00"}
    (problem,) = second.problems
    assert "and 9999 more" in problem.message


@pytest.mark.parametrize("amount", ["0.00001", "999999999999999999", "1234567890123.45678"])
def test_amounts_come_back_to_the_last_digit(office: Office, amount: str) -> None:
    file = office.admitted(office.payment(amount=Decimal(amount)))
    assert office.ledger.payments(file.id)[0].amount == amount


# ---------------------------------------------------------------------------------------- the name


def _reserve(office: Office, file: File, *, gap_free: bool = False) -> File:
    found = office.ledger.reserve(
        file, lambda number: f"PAY_{number:04}", "in", office.later(), gap_free=gap_free
    )
    assert found is not None
    return found


def test_a_name_is_reserved_once_and_attempts_are_counted(office: Office) -> None:
    file = _reserve(office, office.on_the_road(Out.SEALED))
    assert (file.final_name, file.attempt) == ("PAY_0001", 1)
    again = _reserve(office, file)
    assert (again.final_name, again.attempt) == ("PAY_0001", 2)
    assert _reserve(office, office.on_the_road(Out.SEALED)).final_name == "PAY_0002"


def test_a_reserved_name_is_refused_to_another_file(office: Office) -> None:
    files = [office.on_the_road(Out.SEALED) for _ in range(3)]
    office.ledger.reserve(files[0], lambda _: "same", "in", office.now, gap_free=False)
    with pytest.raises(Refused, match=f"same in in is file {files[0].id}"):
        office.ledger.reserve(files[1], lambda _: "same", "in", office.now, gap_free=False)
    found = office.ledger.reserve(files[2], lambda n: f"n{n}", "in", office.now, gap_free=False)
    assert found is not None
    assert found.final_name == "n2"  # the refused one spent nothing


def test_without_gap_free_a_cancelled_number_is_lost(office: Office) -> None:
    office.moved(_reserve(office, office.on_the_road(Out.SEALED)), Out.CANCELLED)
    assert _reserve(office, office.on_the_road(Out.SEALED)).final_name == "PAY_0002"


def test_gap_free_numbers_wait_for_proof_and_a_cancelled_file_hands_its_own_on(
    office: Office,
) -> None:
    first, second, third = (office.on_the_road(Out.SEALED) for _ in range(3))
    first = _reserve(office, first, gap_free=True)
    with pytest.raises(Transient, match=first.id):
        _reserve(office, second, gap_free=True)
    office.moved(first, Out.CANCELLED)
    second = _reserve(office, second, gap_free=True)
    assert second.final_name == "PAY_0001"
    for target in (Out.STAGED, Out.DELIVERING, Out.IN_DOUBT):
        second = office.moved(second, target)
        with pytest.raises(Transient, match=second.id):
            _reserve(office, third, gap_free=True)
    office.moved(second, Out.SENT)
    assert _reserve(office, third, gap_free=True).final_name == "PAY_0002"


def test_nothing_is_reserved_for_a_file_that_was_announced(office: Office) -> None:
    with pytest.raises(ValueError, match="in_doubt"):
        _reserve(office, office.on_the_road(Out.IN_DOUBT))


# ----------------------------------------------------------------------------------------- evidence


def test_a_file_is_unrecorded_until_its_newest_move_is_shown(office: Office) -> None:
    file = office.claimed()
    assert office.ledger.unrecorded() == [file]
    office.ledger.recorded(file, file.last_move)
    assert office.ledger.unrecorded() == []
    office.ledger.recorded(file, 1)
    assert office.ledger.unrecorded() == []
    file = office.moved(file, Out.HELD)
    assert office.ledger.unrecorded() == [file]


def test_an_answer_half_handed_over_is_finished_later(office: Office) -> None:
    file = office.claimed()
    item = HandOver("acme/answers", ".t", "pay.json", "sha")
    office.ledger.handing_over(file, [item], recorded=file.last_move)
    assert [found.id for found in office.open().unrecorded()] == [file.id]
    assert office.ledger.pending_hand_overs(file) == [item]
    office.ledger.handed_over(file)
    assert office.ledger.pending_hand_overs(file) == []
    assert office.ledger.unrecorded() == []


def test_a_waiver_speaks_for_its_content_alone(office: Office) -> None:
    one, two = office.claimed("one"), office.claimed("two")
    again = office.ledger.waive(one, ["a", "b"], "ann", "why", office.now)
    assert again is not None
    office.ledger.waive(again, ["b"], "bob", "again", office.now)
    assert office.ledger.waived(one) == {"a", "b"}
    assert office.ledger.waived(two) == frozenset()
    assert math.prod(len(office.ledger.moves(file.id)) for file in (one, two)) == 8


@pytest.mark.parametrize(
    ("rule", "who", "pointing"),
    [("b", "ann", False), ("b", "ann", True), ("a", "eve", True)],
    ids=["of no move", "of another rule", "by another person"],
)
def test_a_waiver_written_by_hand_counts_only_once_the_chain_tells_of_it(
    office: Office, *, rule: str, who: str, pointing: bool
) -> None:
    one = office.claimed("one")
    office.ledger.waive(one, ["a"], "ann", "why", office.now)
    [waiver] = [each for each in office.ledger.moves(one.id) if each.who == "ann"]
    engine = create_engine(office.url)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM waivers"))
        connection.execute(
            text(
                "INSERT INTO waivers (content, rule, file_id, who, reason, at, move) VALUES "
                f"('{one.sha256}', '{rule}', '{one.id}', '{who}', 'why', "
                f"'2026-11-23 10:00:00.000000', {waiver.sequence if pointing else 0})"
            )
        )
    engine.dispose()
    assert office.ledger.waived(one) == frozenset()
    looked_at = office.ledger.file(one.id)
    assert looked_at is not None
    office.ledger.waive(looked_at, [rule], "bob", "looked", office.now)
    assert office.ledger.waived(one) == {rule}
