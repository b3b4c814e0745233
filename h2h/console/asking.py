"""What an address asks for: days, amounts, and the next page."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from h2h.console.page import Asked
from h2h.core.search import day_of, sought
from h2h.core.words import say
from h2h.errors import Refused

_FIRST, _LAST = date(1970, 1, 2), date(9000, 1, 1)
_PLACE = re.compile(r"[0-9]{1,18}")


def given(asked: Asked, name: str, most: int = 200) -> str:
    """A field of the address, "" without one; nobody means more than `most` characters."""
    return asked.request.query_params.get(name, "").strip()[:most]


def day(asked: Asked, name: str) -> date | None:
    """A day of the address. Raises Refused for what is none."""
    text = given(asked, name)
    found = usual_day(text) if text else None
    if text and found is None:
        raise Refused(say("{day} is no day", day=text), say("Write it as 2026-11-23"))
    return found


def day_of_form(asked: Asked, name: str) -> date | None:
    """A day of the form, None for an empty field. Raises Refused for what is none."""
    text = asked.text(name)
    if (found := usual_day(text)) is None and text:
        raise Refused(say("{day} is no day", day=text), say("Write it as 2026-11-23"))
    return found


def usual_day(text: str) -> date | None:
    """A day that every zone and database can count from; None for anything else."""
    found = day_of(text)
    return found if found and _FIRST <= found <= _LAST else None


def place(asked: Asked, name: str) -> str:
    """A place in a list, as a number that a database can hold; "" for anything else."""
    text = given(asked, name)
    return text if _PLACE.fullmatch(text) else ""


def amounts(asked: Asked, name: str) -> tuple[Decimal, ...]:
    """An amount of the address, with or without its sign. Raises Refused for what is none."""
    text = given(asked, name)
    found = sought(text.lstrip("-+")).amounts
    if text and not found:
        raise Refused(say("{amount} is no amount", amount=text), say("Write it as 1,234.56"))
    return tuple(Decimal(each) for each in found)


def begins(asked: Asked, on: date | None, *, after: int = 0) -> datetime | None:
    """The first moment of a day in the operators' zone, or of the `after`-th day behind it."""
    if on is None:
        return None
    return datetime.combine(on + timedelta(days=after), time(), asked.room.zone)


def onward(asked: Asked, **changed: str) -> str:
    """The same address with other fields, without its host: where the next page is."""
    return f"?{asked.request.url.include_query_params(**changed).query}"
