"""The position: what is booked, pending, sent, and what comes of it in the next days."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from h2h.core.money import total
from h2h.core.position import (
    BY,
    Agreed,
    Booked,
    Open,
    Owner,
    Position,
    Reported,
    grouped,
    owner_of,
    positions,
)

WEDNESDAY = date(2026, 12, 30)  # before New Year, when TARGET rests
ACME = Owner("acme", "DE1", "EUR")
DOLLARS = Owner("acme", "DE1", "USD")
OTHER = Owner("other", "NL1", "EUR")
AGREED = {
    ACME: Agreed("Acme GmbH", WEDNESDAY, "ECB"),
    DOLLARS: Agreed("Acme GmbH", WEDNESDAY, "ECB"),
    OTHER: Agreed("Acme BV", WEDNESDAY, "NYSE"),
}


def amount(text: str) -> Decimal:
    return Decimal(text)


def booked(owner: Owner, figure: str, day: date | None = WEDNESDAY) -> Booked:
    return Booked(owner, amount(figure), day)


def sent(owner: Owner, figure: str, day: date | None) -> Open:
    return Open(owner, day, amount(figure), 1)


def forecast(position: Position) -> dict[str, str | None]:
    return {
        day.isoformat(): None if figure is None else str(figure)
        for day, figure in position.forecast()
    }


def test_every_account_has_a_line_whether_anything_is_known_of_it_or_not() -> None:
    lines = positions(AGREED, [booked(ACME, "10.00")], [], [])
    assert [(each.account, each.currency, each.booked) for each in lines] == [
        ("DE1", "EUR", amount("10.00")),
        ("DE1", "USD", None),
        ("NL1", "EUR", None),
    ]
    assert [each.without_balance for each in lines] == [0, 1, 1]


def test_an_account_that_left_the_configuration_still_shows_its_money() -> None:
    (line,) = positions({}, [booked(ACME, "10.00")], [], [sent(ACME, "-1.00", None)], days=3)
    assert (line.booked, line.sent_open, line.entity) == (amount("10.00"), amount("-1.00"), "")
    assert line.forecast() == []


def test_the_forecast_adds_what_is_pending_now_and_what_is_sent_on_its_day() -> None:
    lines = positions(
        {ACME: AGREED[ACME]},
        [booked(ACME, "100.00")],
        [Reported(ACME, amount("5.00"), amount("-2.50"))],
        [
            sent(ACME, "-30.00", WEDNESDAY - timedelta(days=9)),  # past: today
            sent(ACME, "-7.00", date(2027, 1, 2)),  # a Saturday: Monday
            sent(ACME, "40.00", date(2027, 1, 4)),  # a collection
            sent(ACME, "-1.00", None),  # no day named: today
            sent(ACME, "-500.00", date(2027, 2, 1)),  # beyond
        ],
        days=3,
    )
    assert lines[0].sent_open == amount("-498.00")
    assert forecast(lines[0]) == {
        "2026-12-30": "71.50",
        "2026-12-31": "71.50",
        "2027-01-04": "104.50",
    }


def test_without_a_balance_nothing_is_forecast() -> None:
    (line,) = positions({ACME: AGREED[ACME]}, [], [], [sent(ACME, "-1", WEDNESDAY)], days=1)
    assert forecast(line) == {"2026-12-30": None}


def test_a_total_is_as_old_as_its_oldest_part_and_counts_what_it_lacks() -> None:
    old = WEDNESDAY - timedelta(days=5)
    lines = positions(AGREED, [booked(ACME, "10.00"), booked(OTHER, "2.00", old)], [], [], days=2)
    euros, dollars = grouped(lines, "currency")
    assert (euros.currency, euros.booked, euros.as_of) == ("EUR", amount("12.00"), old)
    assert (euros.accounts, euros.without_balance, euros.account, euros.bank) == (2, 0, "", "")
    assert (dollars.booked, dollars.without_balance) == (None, 1)
    by_bank = {(each.bank, each.currency): each for each in grouped(lines, "bank")}
    assert set(by_bank) == {("acme", "EUR"), ("acme", "USD"), ("other", "EUR")}
    assert {each.entity for each in grouped(lines, "entity")} == {"Acme GmbH", "Acme BV"}


def test_a_total_that_lacks_a_balance_is_shown_and_not_forecast() -> None:
    lines = positions(AGREED, [booked(ACME, "10.00")], [], [], days=1)
    euros = grouped(lines, "currency")[0]
    assert (euros.booked, euros.without_balance) == (amount("10.00"), 1)
    assert {figure for _, figure in euros.forecast()} == {None}


def test_what_is_told_of_an_account_without_a_balance_is_in_no_total() -> None:
    told = [Reported(owner, amount("5.00"), amount("-1.00")) for owner in (ACME, OTHER)]
    lines = positions(AGREED, [booked(ACME, "10.00")], told, [sent(OTHER, "-3.00", None)])
    euros = grouped(lines, "currency")[0]
    assert (euros.booked_since, euros.pending) == (amount("5.00"), amount("-1.00"))
    assert (euros.sent_open, euros.accounts) == (amount("-3.00"), 2)


def test_an_account_that_is_not_ours_is_in_no_total_and_stops_no_forecast() -> None:
    strange, left = Owner("acme", "XX9", "EUR"), Owner("acme", "DE9", "EUR")
    told = [Reported(strange, amount("0"), amount("0"))]
    known = [booked(ACME, "10.00"), booked(left, "7.00")]
    lines = positions({ACME: AGREED[ACME]}, known, told, [], days=1)
    assert [each.account for each in lines] == ["DE1", "DE9"]
    (euros,) = grouped(lines, "currency")
    assert (euros.booked, euros.accounts, euros.without_balance) == (amount("10.00"), 1, 0)
    assert forecast(euros) == {"2026-12-30": "10.00"}
    assert grouped(lines[1:], "bank") == []


def test_banks_with_other_holidays_are_forecast_by_the_day() -> None:
    """The New York exchange and TARGET both rest on 1 January; on 25 May only New York does."""
    today = date(2026, 5, 22)
    agreed = {
        ACME: Agreed("Acme GmbH", today, "ECB"),
        OTHER: Agreed("Acme BV", today, "NYSE"),
    }
    lines = positions(
        agreed,
        [booked(ACME, "1.00"), booked(OTHER, "2.00")],
        [],
        [sent(OTHER, "-0.50", date(2026, 5, 25))],
        days=2,
    )
    (euros,) = grouped(lines, "currency")
    assert forecast(euros) == {"2026-05-22": "3.00", "2026-05-25": "2.50"}
    assert list(forecast(lines[1])) == ["2026-05-22", "2026-05-26"]


def test_an_undated_balance_makes_an_undated_total() -> None:
    lines = positions(AGREED, [booked(ACME, "1"), booked(OTHER, "1", None)], [], [])
    assert grouped(lines, "currency")[0].as_of is None


def test_an_account_is_known_however_its_number_is_spaced() -> None:
    assert owner_of("acme", "de 1", "EUR") == ACME


FIGURES = st.decimals(min_value=-(10**15), max_value=10**15, places=3)
OWNERS = st.builds(
    Owner,
    st.sampled_from(["acme", "other"]),
    st.sampled_from(["A", "B", "C"]),
    st.sampled_from(["EUR", "JPY", "KWD"]),
)


@given(
    st.dictionaries(OWNERS, FIGURES),
    st.lists(st.tuples(OWNERS, FIGURES, st.integers(-3, 9))),
    st.sampled_from(BY),
)
def test_no_grouping_loses_or_mixes_money(
    closings: dict[Owner, Decimal], payments: list[tuple[Owner, Decimal, int]], by: str
) -> None:
    opened = [Open(o, WEDNESDAY + timedelta(days=n), figure, 1) for o, figure, n in payments]
    closed = [Booked(owner, figure, WEDNESDAY) for owner, figure in closings.items()]
    configured = dict.fromkeys([*closings, *(owner for owner, *_ in payments)], AGREED[ACME])
    lines = grouped(positions(configured, closed, [], opened, days=5), by)
    for currency in ("EUR", "JPY", "KWD", "USD"):
        ours = [each for each in lines if each.currency == currency]
        assert total(each.booked or Decimal(0) for each in ours) == total(
            figure for owner, figure in closings.items() if owner.currency == currency
        )
        assert total(each.sent_open for each in ours) == total(
            figure for owner, figure, _ in payments if owner.currency == currency
        )
    assert sum(each.without_balance for each in lines) == sum(
        each.accounts for each in lines
    ) - len(closings)
