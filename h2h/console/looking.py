"""What the address asks to be shown: a search, its filters, and where the page before ended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from h2h.console.asking import usual_day
from h2h.core.operators import Act
from h2h.core.search import LONGEST
from h2h.core.words import say
from h2h.ports import Wish

if TYPE_CHECKING:
    from h2h.console.page import Asked

_FIELDS = ("q", "state", "bank", "direction", "from", "to")
DIRECTIONS = ("out", "in")


@dataclass(frozen=True, slots=True)
class Looked:
    """`wish` None: nothing is looked for, a note says why. `fields` is what the form shows."""

    path: str
    fields: Mapping[str, str]
    wish: Wish | None
    notes: tuple[str, ...]
    after: str

    @property
    def narrowed(self) -> bool:
        """Was anything asked for at all?"""
        return any(self.fields.values())

    def following(self, after: str) -> str:
        """The address of the next page."""
        return self.address(after=after)

    def address(self, path: str = "", **more: str) -> str:
        """The same search, elsewhere or from another place on."""
        given = {name: value for name, value in {**self.fields, **more}.items() if value}
        return f"{path or self.path}?{urlencode(given)}"


def looked(asked: Asked, states: Iterable[str]) -> Looked:
    """What is asked for of files or payments that can be in `states`."""
    given = asked.request.query_params
    path, after = asked.request.url.path, given.get("after", "")[:LONGEST]
    text = given.get("q", "").strip()
    fields = {name: given.get(name, "").strip()[:LONGEST] for name in _FIELDS}
    if len(text) > LONGEST or len(text.splitlines()) > 1:
        words = say(
            "That is {count} characters: look for one thing at a time, an id, a name or an amount.",
            count=len(text),
        )
        return Looked(path, {**fields, "q": ""}, None, (words,), "")
    notes: list[str] = []
    facts = {name: fields[name] for name in ("state", "bank", "direction")}
    known = {"state": [*states], "bank": [*asked.room.services.banks], "direction": DIRECTIONS}
    for name, value in facts.items():
        if value and value not in known[name]:
            notes.append(say("{value} is not known here, and was left out.", value=value))
            fields[name] = facts[name] = ""
    since, until = (_day(fields, name, notes) for name in ("from", "to"))
    text, meant = _meant(text, known, asked)
    facts = {name: value or meant.get(name, "") for name, value in facts.items()}
    if meant_day := usual_day(text):
        text, since, until = "", since or meant_day, until or meant_day
    wish = Wish(
        text,
        **facts,
        since=_begin(asked, since),
        until=_begin(asked, until + timedelta(days=1)) if until else None,
        currencies=_currencies(asked),
        unveiled=asked.may(Act.UNVEIL),
    )
    return Looked(path, fields, wish, tuple(notes), after)


def _day(fields: dict[str, str], name: str, notes: list[str]) -> date | None:
    written = fields[name]
    day = usual_day(written)
    if written and day is None:
        notes.append(say("{value} is no day, and was left out.", value=written))
        fields[name] = ""
        return None
    return day


def _begin(asked: Asked, day: date | None) -> datetime | None:
    return datetime.combine(day, time.min, asked.room.zone) if day else None


def _meant(
    text: str, known: Mapping[str, Iterable[str]], asked: Asked
) -> tuple[str, dict[str, str]]:
    """A text that is the name of a bank, or of a state in the reader's language, means that."""
    for bank in known["bank"]:
        if text.casefold() == bank.casefold():
            return "", {"bank": bank}
    for state in known["state"]:
        if text and text.casefold() in {state, asked.telling.state_word(state).casefold()}:
            return "", {"state": state}
    return text, {}


def _currencies(asked: Asked) -> tuple[str, ...]:
    """In which our accounts are kept: an amount may be of each of them."""
    banks = asked.room.services.banks.values()
    return tuple(sorted({account.currency for terms in banks for account in terms.accounts}))
