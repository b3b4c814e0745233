"""Time and limits while files wait: judged when a file comes, and again until it is announced."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h import desk
from h2h.adapters.profiles import load_profile
from h2h.config import load
from h2h.core.calendar import CutOff
from h2h.core.demands import NO_PROFILE, Limit
from h2h.core.problem import Severity
from h2h.core.states import Out
from h2h.errors import ConfigError, Transient
from h2h.wiring import terms_of

if TYPE_CHECKING:
    from h2h.core.terms import CheckTerms
    from h2h.ports import RemoteFile, Session
    from tests.conftest import PaymentFile
    from tests.flows.conftest import MakeRoom, Room

EXAMPLE = Path(__file__).parents[2] / "config.toml"
HUNDRED_A_DAY = {"EUR": Limit(day=Decimal(100))}


class Unreachable:
    """A session that takes no file."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.host = session.host

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)

    def put(self, local: Path, path: str) -> None:
        raise Transient(f"the line was cut while {local.name} became {path}")


def agreed(make_room: MakeRoom, **terms: object) -> Room:
    """A room whose bank has agreed on this."""
    room = make_room()
    check: CheckTerms = replace(room.terms.check, calendar="ECB", **terms)  # type: ignore[arg-type]  # as the test names them
    room.terms = replace(room.terms, calendar="ECB", check=check)
    room.furnish()
    return room


def pay(room: Room, payment_file: PaymentFile, amount: str, name: str, **facts: str) -> None:
    """The ERP drops a file of one payment."""
    room.drop(payment_file(name, [{"amount": amount}], **facts), f"{name}.xml")


def shut(room: Room) -> None:
    room.wrap_session = Unreachable  # type: ignore[assignment]  # the rest of the session is delegated


def states(room: Room) -> dict[str, str]:
    return {file.name.removesuffix(".xml"): str(file.state) for file in room.files()}


def reasons(room: Room, name: str) -> set[str]:
    return {problem.rule for problem in room.file(f"{name}.xml").problems}


def test_more_than_the_bank_takes_on_a_day_is_held_and_the_rest_goes_on(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = agreed(make_room, limits=HUNDRED_A_DAY)
    for name, amount in (("A", "60.00"), ("B", "60.00"), ("C", "40.00")):
        pay(room, payment_file, amount, name)
        room.sweep()
    assert states(room) == {"A": "sent", "B": "held", "C": "sent"}
    assert "day-total" in reasons(room, "B")
    assert len(room.published()) == 2


def test_two_files_of_one_scan_share_the_day(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = agreed(make_room, limits=HUNDRED_A_DAY)
    pay(room, payment_file, "60.00", "A")
    pay(room, payment_file, "60.01", "B")
    room.sweep()
    assert sorted(states(room).values()) == ["held", "sent"]


def test_a_new_day_has_its_own_limit(make_room: MakeRoom, payment_file: PaymentFile) -> None:
    room = agreed(make_room, limits=HUNDRED_A_DAY)
    pay(room, payment_file, "60.00", "A")
    room.sweep()
    room.clock.advance(days=1)
    pay(room, payment_file, "60.01", "B")
    room.sweep()
    assert states(room) == {"A": "sent", "B": "sent"}


def test_a_person_may_let_a_day_go_beyond_its_limit(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = agreed(make_room, limits=HUNDRED_A_DAY)
    pay(room, payment_file, "101.00", "A")
    room.sweep()
    assert states(room) == {"A": "held"}
    with room.ledger() as ledger:
        desk.release(ledger, room.file("A.xml").id, "os:anna", "agreed", room.clock.now())
    room.sweep()
    assert states(room) == {"A": "sent"}


def test_a_file_counts_on_the_day_on_which_it_goes(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = agreed(make_room, limits=HUNDRED_A_DAY)
    open_line = room.wrap_session
    shut(room)
    pay(room, payment_file, "60.00", "A")
    room.sweep()
    room.wrap_session = open_line
    room.clock.advance(days=1)
    room.sweep()
    assert states(room) == {"A": "sent"}
    pay(room, payment_file, "41.00", "B")
    room.sweep()
    assert states(room) == {"A": "sent", "B": "held"}


class StopsBeforeAnnouncing:
    """A session that breaks when the final name is looked for a second time: a file is staged."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._looks = 0
        self.host = session.host

    def __getattr__(self, name: str) -> object:
        return getattr(self._session, name)

    def stat(self, path: str) -> RemoteFile | None:
        self._looks += not path.endswith(".tmp")
        if self._looks > 1:
            raise Transient(f"the line was cut while {path} was looked for")
        return self._session.stat(path)


def test_a_staged_file_counts_on_the_day_on_which_it_is_announced(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = agreed(make_room, limits=HUNDRED_A_DAY)
    open_line = room.wrap_session
    room.wrap_session = StopsBeforeAnnouncing  # type: ignore[assignment]  # as above
    pay(room, payment_file, "60.00", "A")
    room.sweep()
    assert states(room) == {"A": "staged"}
    room.wrap_session = open_line
    room.clock.advance(days=1)
    room.sweep()
    pay(room, payment_file, "41.00", "B")
    room.sweep()
    assert states(room) == {"A": "sent", "B": "held"}


def test_a_file_that_waited_finds_its_day_spent_by_another(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = agreed(make_room, limits=HUNDRED_A_DAY)
    open_line = room.wrap_session
    shut(room)
    for name, amount in (("A", "60.00"), ("B", "61.00")):
        pay(room, payment_file, amount, name)
        room.sweep()
    assert states(room) == {"A": "sealed", "B": "held"}
    with room.ledger() as ledger:
        desk.release(ledger, room.file("B.xml").id, "os:anna", "it goes first", room.clock.now())
    room.sweep()
    assert states(room) == {"A": "sealed", "B": "sealed"}
    room.wrap_session = open_line
    room.sweep()
    assert states(room) == {"A": "held", "B": "sent"}
    assert "day-total" in reasons(room, "A")


def test_a_file_that_waits_beyond_the_cut_off_is_held_before_it_goes(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = agreed(
        make_room,
        cut_offs=(CutOff(time(14), currency="EUR"),),
        severities={"after-cut-off": Severity.HOLD},
    )
    open_line = room.wrap_session
    shut(room)
    pay(room, payment_file, "60.00", "A", execution_date="2026-11-23")
    room.sweep()
    assert (states(room), reasons(room, "A")) == ({"A": "sealed"}, set())
    room.wrap_session = open_line
    room.clock.advance(hours=3)
    room.sweep()
    assert states(room) == {"A": "held"}
    assert reasons(room, "A") == {"after-cut-off"}
    assert room.file("A.xml").held_from is Out.SEALED
    assert room.published() == []


def test_a_cut_off_is_in_the_banks_own_zone(make_room: MakeRoom, payment_file: PaymentFile) -> None:
    room = agreed(make_room, cut_offs=(CutOff(time(11, 30)),))  # it is 12:00 in Berlin, 11:00 UTC
    pay(room, payment_file, "60.00", "A", execution_date="2026-11-23")
    room.sweep()
    (problem,) = room.file("A.xml").problems
    assert problem.message.endswith("now it is 2026-11-23 12:00")
    assert states(room) == {"A": "sent"}


# ------------------------------------------------------------------------- from the configuration

AGREED = """
profile = "sepa"
hybrid_addresses = false
purposes = ["GDDS"]
regulatory_codes = ["121010"]
cut_offs = [
  { scheme = "URGP", time = "16:00" },
  { currency = "EUR", time = "14:00", days_before = 1 },
]
after_cut_off = "refuse"
most_payments = 5
limits = { EUR = { payment = "10.50", day = "99" } }
test_indicator = "TEST"
rules = { end-to-end-id = "error" }
"""


def configured(folder: Path, lines: str) -> CheckTerms:
    text = EXAMPLE.read_text().replace('\nzone = "Europe', f'\n{lines}\nzone = "Europe')
    (folder / "config.toml").write_text(text)
    config = load(folder / "config.toml")
    return terms_of("acme", config.banks["acme"], config).check


def test_what_is_agreed_with_a_bank_reaches_the_check(tmp_path: Path) -> None:
    terms = configured(tmp_path, AGREED)
    assert terms.cut_offs == (
        CutOff(time(16), scheme="URGP"),
        CutOff(time(14), 1, currency="EUR"),
    )
    assert terms.severities == {"after-cut-off": "error", "end-to-end-id": "error"}
    assert terms.limits == {"EUR": Limit(Decimal("10.50"), None, Decimal(99))}
    assert (terms.most_payments, terms.test_indicator) == (5, "TEST")
    assert (terms.environment, terms.calendar) == ("test", "ECB")
    assert terms.profile.name == "sepa"
    everywhere = [
        terms.profile.demands,
        *terms.profile.by_service_level.values(),
        *terms.profile.by_local_instrument.values(),
    ]
    assert len(everywhere) > 1
    assert not any(demands.hybrid_addresses for demands in everywhere)
    assert {demands.purposes for demands in everywhere} == {frozenset({"GDDS"})}
    assert {demands.regulatory_codes for demands in everywhere} == {frozenset({"121010"})}
    assert (terms.now, terms.gone_today) == (None, {})


def test_a_bank_of_which_nothing_is_said_demands_nothing(tmp_path: Path) -> None:
    terms = configured(tmp_path, "")
    assert (terms.severities, terms.limits, terms.cut_offs) == ({}, {}, ())
    assert terms.profile == NO_PROFILE
    plain = configured(tmp_path, 'profile = "sepa"').profile
    assert plain == load_profile("sepa")


def test_an_unknown_profile_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sepa-instant"):
        configured(tmp_path, 'profile = "spea"')
