"""Today: what went and what came, what is missing, how the banks are, what there is."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from sqlalchemy import create_engine, text

from h2h.console.chart import HEIGHT, Line, chart
from h2h.core.expected import Expected, StatementDays
from h2h.core.statement import Balance, Part, Statement, StatementKind
from h2h.core.states import In
from h2h.core.terms import Account
from h2h.daemon import next_slot
from h2h.flows.sweep import Sweep
from h2h.flows.waves import sweep_outbound
from h2h.ports import BankMessage, Expiry, Health, RemoteFile, Watch

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.console.conftest import Site

OURS = Account("DE89370400440532013000", "", "EUR", "Acme GmbH")
DAYS = [date(2026, 11, day) for day in range(1, 5)]


def main_of(site: Site) -> str:
    """The page without its head."""
    site.enrol("vera", "viewer")
    page = site.sign_in("vera").get("/")
    assert page.status_code == 200
    return page.text.partition("<main")[2]


def book(site: Site, day: date, closing: str) -> None:
    """A statement of our account, as it came from the bank."""
    ledger, now = site.services.ledger, site.clock.now()
    remote = RemoteFile(f"{day}.xml", 1, 1)
    file = ledger.fetched(f"{day:%Y%m%d}-080000-000001", "acme", 0, "out", remote, "", 1, now)
    for state in (In.OPENED, In.READ):
        moved = ledger.move(file, state, now)
        assert moved is not None
        file = moved
    balances = (Balance("CLBD", Decimal(closing), "EUR", day),)
    statement = Statement(
        index=1,
        kind=StatementKind.STATEMENT,
        id=f"S{day}",
        account=OURS.number,
        currency="EUR",
        electronic_sequence="",
        legal_sequence="",
        period_from=day,
        period_to=day,
        created=f"{day}T20:00:00",
        copy="",
        balances=balances,
        entries=(),
    )
    message = BankMessage("camt.053.001.08", iter([Part(statement, last=True)]))
    ledger.book(file, message, [OURS], now)
    (row,) = ledger.statements(file.id)
    if row.kept == "held":  # it does not balance: only its closing matters here
        ledger.release_statement(row.id, "vera", "for the test", now)


def test_an_empty_workspace_says_so_in_words(site: Site) -> None:
    page = main_of(site)
    for words in ("Nothing waits.", "Out today: 0 files", "In today: 0 files", "no contact yet"):
        assert words in page
    assert "<svg" not in page


def test_what_went_today_is_counted_with_its_sums(
    site: Site, tmp_path: Path, payment_file: PaymentFile
) -> None:
    (tmp_path / "bank" / "in").mkdir()
    for content, name in ((b"", "none"), (payment_file("A"), "a"), (b"no xml", "b")):
        if content:
            (tmp_path / "outbox" / "acme" / f"{name}.xml").write_bytes(content)
        with Sweep(site.services) as sweep:
            sweep_outbound(sweep)
        site.clock.advance(minutes=1)
    page = main_of(site)
    assert "Out today: 2 files" in page
    assert re.search(r"1 sent, no answer yet</a> *<span[^>]*>EUR 100.00", page)
    assert "1 refused here" in page
    assert f"last contact 23 Nov 2026 10:{31}" in page
    site.clock.advance(days=1)
    assert "Out today: 0 files" in site.sign_in("vera").get("/").text


def test_a_bank_that_cannot_be_reached_says_since_when_and_until_when(site: Site) -> None:
    now = site.clock.now()
    health = Health("acme", 3, 1, now + timedelta(minutes=30), "no such key", now)
    site.services.ledger.set_health(health)
    page = main_of(site)
    assert "login refused: no such key, next try 23 Nov 2026 11:00" in page
    assert "last contact 23 Nov 2026 10:30" in page


def test_keys_that_end_soon_are_told(site: Site) -> None:
    soon = [Expiry("key ABCD", date(2026, 11, 27), "acme"), Expiry("other", date(2027, 11, 27))]
    site.services = replace(site.services, watch=Watch(expiries=lambda: soon))
    page = main_of(site)
    assert "acme key ABCD: expires on 27 Nov 2026, in 4 days" in page
    assert "other" not in page


def test_a_statement_that_is_overdue_is_missed(site: Site) -> None:
    weekdays = StatementDays(frozenset(range(5)))
    terms = site.services.banks["acme"]
    account = replace(terms.accounts[0], expects=Expected(weekdays))
    banks = {"acme": replace(terms, accounts=(account,))}
    site.services = replace(site.services, banks=banks)
    book(site, date(2026, 11, 18), "100.00")
    page = main_of(site)
    assert "Missing: acme EUR" in page
    assert "statement of 19 Nov 2026" in page


def test_the_position_is_told_by_bank_and_currency_with_its_age_and_its_month(site: Site) -> None:
    for day, closing in ((10, "100.00"), (16, "-20.00"), (17, "250.50")):
        book(site, date(2026, 11, day), closing)
    page = main_of(site)
    assert "EUR 250.50" in page
    assert "6 days old" in page
    svg = re.search(r"<svg.*?</svg>", page, re.DOTALL)
    assert svg is not None
    drawing = ET.fromstring(svg[0])
    assert drawing.get("role") == "img"
    assert drawing.find("title") is not None
    assert "acme: EUR 250.50" in (drawing.findtext("desc") or "")
    assert drawing.find("line[@class='zero']") is not None
    assert "style=" not in svg[0]
    table = page[page.index("The same in figures") :]
    assert "-20.00" in table
    assert table.index("10 Nov 2026") < table.index("17 Nov 2026")


# -------------------------------------------------------------------------------------- the chart


def test_a_line_has_a_gap_where_nothing_is_known() -> None:
    made = chart(DAYS, [Line("acme", (Decimal(1), None, Decimal(3), Decimal(2)))])
    assert made is not None
    assert made.drawn[0].path.count("M") == 2
    assert made.zero is None


def test_labels_do_not_cover_each_other_and_stay_on_the_paper() -> None:
    lines = [Line(f"bank {n}", tuple(Decimal(n) for _ in DAYS)) for n in range(8)]
    made = chart(DAYS, [*lines, Line("far", tuple(Decimal(-1000) for _ in DAYS))])
    assert made is not None
    heights = sorted(line.label_y for line in made.drawn)
    assert all(later - before >= 13.9 for before, later in pairwise(heights))
    assert heights[0] >= 0
    assert heights[-1] <= HEIGHT
    assert len({(line.dash, line.colour) for line in made.drawn[:6]}) == 6


@pytest.mark.parametrize("amount", ["0", "999999999999999999", "-0.00001"])
def test_a_balance_that_never_moves_is_a_line_in_the_middle(amount: str) -> None:
    made = chart(DAYS, [Line("acme", tuple(Decimal(amount) for _ in DAYS))])
    assert made is not None
    assert len(set(re.findall(r" (\d+\.\d+)", made.drawn[0].path))) == 1


def test_nothing_is_drawn_of_nothing() -> None:
    assert chart(DAYS, []) is None
    assert chart(DAYS, [Line("acme", (None,) * 4)]) is None


# ------------------------------------------------------------------------------------ next fetch


def test_the_next_fetch_is_on_a_business_day(site: Site) -> None:
    terms = replace(site.services.banks["acme"], fetch=("30 6,18 * * *",))
    friday = datetime(2026, 11, 20, 18, tzinfo=UTC)
    assert next_slot(terms, friday - timedelta(hours=1)) == datetime(
        2026, 11, 20, 17, 30, tzinfo=UTC
    )
    assert next_slot(terms, friday) == datetime(2026, 11, 23, 5, 30, tzinfo=UTC)
    at_once = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
    assert next_slot(terms, at_once) == datetime(2026, 11, 23, 5, 30, tzinfo=UTC)
    assert next_slot(replace(terms, fetch=()), friday) is None


def test_a_bank_that_lets_us_in_is_remembered_to_the_minute(site: Site, tmp_path: Path) -> None:
    (tmp_path / "bank" / "in").mkdir()
    contacts = []
    for _ in range(3):
        with Sweep(site.services) as sweep:
            sweep.session("acme")
        contacts.append(site.services.ledger.health("acme").contact)
        site.clock.advance(seconds=40)
    first = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
    assert contacts == [first, first, first + timedelta(seconds=80)]
    site.services.ledger.resume("acme", "vera", "look", site.clock.now())
    assert site.services.ledger.health("acme").contact == contacts[-1]
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.db")
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM health")).scalar() == 1
    engine.dispose()
