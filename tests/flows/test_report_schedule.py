"""Reports that make themselves: one slot makes one report, whatever happens in between."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from h2h.errors import Transient
from h2h.ports import Services
from h2h.ports.reporting import ReportTerms
from h2h.reports.schedule import Reporter, make_due

if TYPE_CHECKING:
    from tests.flows.conftest import MakeRoom, Room

DAILY = ReportTerms(
    *("cash", ("movements",), False, time(7), ZoneInfo("Europe/Berlin"), "ECB", ("csv",)),
)
FRIDAY = "cash_movements_2026-11-20_2026-11-22.csv"  # made on Monday, with the weekend


@pytest.fixture(scope="module")
def new_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where an empty ledger is kept once it was made."""
    return tmp_path_factory.mktemp("new") / "ledger.db"


@pytest.fixture
def room(make_room: MakeRoom, new_ledger: Path) -> Room:
    """A room in which nothing ever happened."""
    made = make_room(calendar="ECB")
    made.make_rooms()
    if not new_ledger.exists():
        with made.ledger():
            pass
        shutil.copy(made.root / "ledger.db", new_ledger)
    shutil.copy(new_ledger, made.root / "ledger.db")
    return made


@dataclass
class Postman:
    """Takes mails, or says that he cannot now."""

    sent: list[tuple[str, tuple[str, ...], str, list[str]]] = field(default_factory=list)
    away: bool = False

    def mail(
        self, key: str, to: Sequence[str], subject: str, text: str, attachments: Sequence[Path]
    ) -> None:
        if self.away:
            raise Transient("the mail server does not answer")
        assert all(path.read_bytes() for path in attachments)
        self.sent.append((key, tuple(to), subject, [path.name for path in attachments]))


@contextmanager
def services(room: Room, terms: ReportTerms) -> Iterator[Services]:
    """Everything anew, as after a restart, with this report."""
    with room.services() as made:
        yield replace(made, reports=(terms,), banks={"acme": room.terms})


def look(room: Room, moment: str, terms: ReportTerms = DAILY) -> list[str]:
    """What lies in inbox/reports after a look at `moment`."""
    room.clock.time = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    with services(room, terms) as made:
        Reporter(made).look()
    return there(room)


def there(room: Room) -> list[str]:
    folder = room.inbox / "reports"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_daily_report_is_made_when_it_is_due_and_once(room: Room) -> None:
    assert look(room, "2026-11-23T05:59") == ["cash_movements_2026-11-19_2026-11-19.csv"]
    found = look(room, "2026-11-23T06:00")
    assert found == ["cash_movements_2026-11-19_2026-11-19.csv", FRIDAY]
    assert look(room, "2026-11-23T23:00") == found
    for name in found:
        (room.inbox / "reports" / name).unlink()  # the ERP takes them away
    assert look(room, "2026-11-23T23:30") == []


def test_days_on_which_nothing_ran_are_made_up_for(room: Room) -> None:
    look(room, "2026-11-23T06:00")
    names = [name[15:25] for name in look(room, "2026-11-27T06:00")]
    assert names == ["2026-11-20", "2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26"]


def test_a_monthly_report_tells_of_the_month_before_on_its_first_business_day(
    room: Room,
) -> None:
    monthly = replace(DAILY, monthly=True)
    assert look(room, "2026-11-01T12:00", monthly) == ["cash_movements_2026-09-01_2026-09-30.csv"]
    found = look(room, "2026-11-02T06:00", monthly)  # the 1st is a Sunday
    assert found[-1] == "cash_movements_2026-10-01_2026-10-31.csv"
    assert look(room, "2026-11-03T06:00", monthly) == found


def test_a_night_that_has_an_hour_twice_makes_one_report(room: Room) -> None:
    nightly = replace(DAILY, calendar="", at=time(2, 30))
    look(room, "2026-10-24T00:30", nightly)
    first = look(room, "2026-10-25T00:30", nightly)
    assert len(first) == 2
    assert look(room, "2026-10-25T01:30", nightly) == first


@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("before", ["publish", "handed"])
def test_a_stop_between_intent_and_evidence_hands_over_once(
    room: Room, monkeypatch: pytest.MonkeyPatch, before: str, *, taken: bool
) -> None:
    """Stopped before the renaming, or before it was noted; the ERP may have taken the file."""
    room.clock.time = datetime(2026, 11, 23, 6, tzinfo=UTC)
    with services(room, DAILY) as made, monkeypatch.context() as stopped:
        if before == "publish":
            stopped.setattr(type(made.desktop), "publish", _stop)
        else:
            known = made.ledger.slot
            stopped.setattr(
                made.ledger,
                "slot",
                lambda key, now: _stop() if key.endswith("handed") else known(key, now),
            )
        with pytest.raises(KeyboardInterrupt):
            make_due(DAILY, made)
    published = before == "handed"
    assert (FRIDAY in there(room)) is published
    if taken and published:
        (room.inbox / "reports" / FRIDAY).unlink()
    look(room, "2026-11-23T06:01")
    assert (FRIDAY in there(room)) is not (taken and published)
    assert [name for name in there(room) if name.startswith(".")] == []
    assert room.handed.read_text().count(FRIDAY) == 1


def _stop(*_: object, **__: object) -> bool:
    raise KeyboardInterrupt


def test_what_lies_there_is_never_overwritten(room: Room) -> None:
    folder = room.inbox / "reports"
    folder.mkdir()
    (folder / FRIDAY).write_text("somebody's own")
    found = look(room, "2026-11-23T06:00")
    assert found == [FRIDAY, FRIDAY.replace(".csv", "_2.csv")]
    assert (folder / FRIDAY).read_text() == "somebody's own"


def test_what_came_there_after_the_intent_is_not_overwritten_either(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.clock.time = datetime(2026, 11, 23, 6, tzinfo=UTC)
    with services(room, DAILY) as made, monkeypatch.context() as stopped:
        stopped.setattr(type(made.desktop), "publish", _stop)
        with pytest.raises(KeyboardInterrupt):
            make_due(DAILY, made)
    own = room.inbox / "reports" / FRIDAY
    own.write_text("somebody's own")
    look(room, "2026-11-23T06:01")
    assert own.read_text() == "somebody's own"
    own.unlink()
    look(room, "2026-11-23T06:20")
    assert b"Booked" in own.read_bytes()


def test_a_form_that_cannot_be_made_is_told_and_keeps_no_other_back(room: Room) -> None:
    look(room, "2026-11-23T06:00", replace(DAILY, forms=("pdf", "csv")))
    assert there(room) == [FRIDAY]
    [told] = room.log.named("report_not_made")
    assert (told["form"], "chromium" in str(told["because"])) == ("pdf", True)


def test_a_report_is_mailed_once_and_again_when_the_server_was_away(room: Room) -> None:
    postman = Postman(away=True)
    mailed = replace(DAILY, mail_to=("cash@acme.example",), mailer=postman)
    look(room, "2026-11-23T06:00", mailed)
    assert there(room) == [FRIDAY]
    assert len(room.log.named("report_failed")) == 1
    postman.away = False
    for moment in ("2026-11-23T06:20", "2026-11-23T06:40"):
        look(room, moment, mailed)
    [(key, to, subject, files)] = postman.sent
    assert (key, to) == ("report cash 2026-11-23", ("cash@acme.example",))
    assert subject == "TEST Movements: 2026-11-20 to 2026-11-22"
    assert [name.startswith("cash_movements_2026-11-20") for name in files] == [True]


def test_a_mail_that_does_not_go_is_given_up_after_two_days_and_told(room: Room) -> None:
    mailed = replace(DAILY, mail_to=("x@acme.example",), mailer=Postman(away=True))
    look(room, "2026-11-23T06:00", mailed)
    look(room, "2026-11-25T05:00", mailed)
    assert room.log.named("report_not_mailed") == []
    look(room, "2026-11-25T06:00", mailed)
    assert len(room.log.named("report_not_mailed")) == 1
