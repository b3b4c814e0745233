"""How a page is made: what it knows of the reader, and how figures, times and states are told."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.datastructures import FormData
from starlette.responses import HTMLResponse, Response

from h2h import resources
from h2h.adapters.catalogue import languages, translator
from h2h.console.proving import Proving
from h2h.console.states import STATES, StateWord
from h2h.core.money import decimals_of, plain
from h2h.core.operators import ACT_WORDS, Act, may, role_words, who_may
from h2h.core.retention import Kind
from h2h.core.words import Translate, say, tell, words_of
from h2h.desk.veil import content_veiled
from h2h.ports import Services, SignedIn

if TYPE_CHECKING:
    from starlette.requests import Request

    from h2h.errors import H2HError
    from h2h.ports import Expiry, File, Ledger

LANGUAGE = "h2h_language"
_EXPIRIES_ANEW, _EXPIRES_SOON = timedelta(hours=1), timedelta(days=90)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass
class Room:
    """What all pages share: the workspace's services, and the templates."""

    services: Services
    secure: bool = False
    proving: Proving = field(default_factory=Proving)
    streams: Counter[str] = field(default_factory=Counter)  # that are open, by session; touched by
    # the event loop's thread alone
    _expiries: tuple[datetime, Sequence[Expiry]] | None = None

    def expiries(self) -> Sequence[Expiry]:
        """Which keys and certificates end within 90 days; asked anew each hour, since gpg tells."""
        now = self.now
        if self._expiries is None or now - self._expiries[0] > _EXPIRIES_ANEW:
            near = (now + _EXPIRES_SOON).date()
            found = [each for each in self.services.watch.expiries() if each.ends <= near]
            self._expiries = now, found
        return self._expiries[1]

    @property
    def ledger(self) -> Ledger:
        """The workspace's ledger."""
        return self.services.ledger

    @property
    def now(self) -> datetime:
        """The present moment, in UTC."""
        return self.services.clock.now()

    @property
    def zone(self) -> ZoneInfo:
        """The operators' zone: that of the first bank."""
        return next((terms.zone for terms in self.services.banks.values()), ZoneInfo("UTC"))

    def telling(self, request: Request) -> Telling:
        """How this reader is told things."""
        language = language_of(request)
        return Telling(translator(language), language, self.zone)

    def render(
        self,
        request: Request,
        template: str,
        *,
        asked: Asked | None = None,
        status: int = 200,
        **context: object,
    ) -> Response:
        """A page from its template; without `asked` one for somebody who is not signed in."""
        words = self.telling(request)
        language = words.language
        facts = {
            "say": words.say,
            "telling": words,
            "asked": asked,
            "room": self,
            "language": language,
            "environment": self.services.environment,
            "seen": asked.seen if asked else "",
            "pauses": self.ledger.pauses() if asked else (),
            "daemon_runs": self.ledger.is_locked() if asked else None,
            "path": request.url.path,
            **context,
        }
        html = templates().get_template(template).render(facts)
        return HTMLResponse(html, status_code=status)


@dataclass
class Asked:
    """One request of a signed-in operator."""

    request: Request
    room: Room
    session: SignedIn
    form_token: str
    form: FormData = field(default_factory=FormData)
    seen: int = 0  # the newest move when it was asked: what came later is told by itself

    @property
    def who(self) -> str:
        """The operator's name."""
        return self.session.operator

    @property
    def telling(self) -> Telling:
        """How he is told things."""
        return self.room.telling(self.request)

    def hides(self, file: File) -> bool:
        """Is the content of `file` hidden from him?"""
        room = self.room
        return content_veiled(room.ledger, file, self.session.roles, room.services.banks)

    def may(self, act: Act) -> bool:
        """Does a role of his permit `act`?"""
        return may(self.session.roles, act)

    def text(self, name: str) -> str:
        """A field of the form, "" when it has none."""
        return str(self.form.get(name, "")).strip()

    def render(self, template: str, *, status: int = 200, **context: object) -> Response:
        """A page for this operator."""
        return self.room.render(self.request, template, asked=self, status=status, **context)


def room_of(request: Request) -> Room:
    """What the application was made with."""
    room = request.app.state.room
    assert isinstance(room, Room)  # noqa: S101 - narrows what the state gives
    return room


def language_of(request: Request) -> str:
    """The reader's choice, else the first of his browser's that there is, else English."""
    known = languages()
    chosen = request.cookies.get(LANGUAGE, "")
    if chosen in known:
        return chosen
    for each in request.headers.get("accept-language", "").split(","):
        if (name := each.strip()[:2].lower()) in known:
            return name
    return "en"


# ------------------------------------------------------------------------------------------ telling


class Telling:
    """Words, figures and times in the reader's form."""

    def __init__(self, translate: Translate, language: str, zone: ZoneInfo) -> None:
        self.translate = translate
        self.language = language
        self.zone = zone

    def say(self, template: str, /, **values: object) -> str:
        """A sentence of a template, in the reader's language."""
        told = self.translate(template)
        facts = {name: self.words(v) if isinstance(v, str) else v for name, v in values.items()}
        return told.format(**facts) if facts else told

    def roles(self, roles: Iterable[str]) -> str:
        """Roles in the reader's words."""
        return self.words(role_words(roles))

    def kind(self, kind: str | None) -> str:
        """What a file is, for how long it is kept."""
        return self.words(_KINDS.get(kind or "", "—"))

    def words(self, words: str) -> str:
        """A sentence that the code made, in the reader's language."""
        return tell(words, self.translate)

    def error(self, error: H2HError) -> str:
        """What went wrong, and the next move."""
        return tell(words_of(error), self.translate)

    def time(self, moment: datetime | None, zone: ZoneInfo | None = None) -> str:
        """`10:02`, or with its day when that is not today: 23 Nov 2026 10:02."""
        if moment is None:
            return ""
        here = moment.astimezone(zone or self.zone)
        return f"{self.day(here.date())} {here:%H:%M}"

    def clock(self, moment: datetime) -> str:
        """The time of day to the second."""
        return f"{moment.astimezone(self.zone):%H:%M:%S}"

    def day(self, day: date | None) -> str:
        """A date written out: 23 Nov 2026, or 2026年11月23日."""
        if day is None:
            return ""
        if self.language == "zh":
            return f"{day.year}年{day.month}月{day.day}日"
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def money(self, amount: Decimal | str | None, currency: str = "") -> str:
        """`EUR 1,248,902.10`: the currency before it, its own decimals, thousands apart."""
        if amount is None or amount == "":
            return "—"
        try:
            value = plain(Decimal(amount))
        except ArithmeticError:  # hidden, as what is confidential
            return f"{currency} {amount}".strip()
        sign, digits = ("-", value[1:]) if value.startswith("-") else ("", value)
        whole, _, fraction = digits.partition(".")
        fraction = fraction.ljust(decimals_of(currency) if currency else 0, "0")
        return f"{currency} {sign}{int(whole):,}{fraction and '.'}{fraction}".strip()

    def sums(self, control_sum: Mapping[str, str]) -> str:
        """What a file moves, by currency."""
        return ", ".join(self.money(each, currency) for currency, each in control_sum.items())

    def number(self, count: int) -> str:
        """A count with its thousands apart."""
        return f"{count:,}"

    def state(self, state: str) -> Markup:
        """A state as a shape, a word and a colour."""
        word: StateWord = STATES.get(state) or StateWord("·", "quiet", state)
        label = escape(self.words(word.word))
        shown = Markup('<span class="state {}"><i aria-hidden="true">{}</i> {}</span>')
        return shown.format(word.kind, word.shape, label)

    def state_word(self, state: str) -> str:
        """The word alone."""
        return self.words(STATES[state].word) if state in STATES else state

    def hashes(self, words: str) -> Markup:
        """A sentence in the reader's language, with the hashes in it shortened as `short` does."""
        told = escape(self.words(words))
        return Markup(_HASH.sub(lambda found: str(self.short(found[0])), told))  # noqa: S704 - escaped

    def short(self, identity: str) -> Markup:
        """An id shortened in its middle, whole on hover and when copied."""
        if len(identity) <= _SHORT:
            return Markup('<code class="id">{}</code>').format(identity)
        return Markup('<code class="id" title="{whole}">{begin}…{end}</code>').format(
            whole=identity, begin=identity[:8], end=identity[-6:]
        )


_SHORT = 20
_HASH = re.compile(r"\b[0-9a-f]{64}\b")
_KINDS: Mapping[str, str] = {
    Kind.PAYMENT: say("payment file"),
    Kind.STATEMENT: say("statement"),
    Kind.REPORT: say("report within the day"),
    Kind.STATUS: say("status report"),
    Kind.DOCUMENT: say("document"),
}

# The pages of the head, by their address.
PAGES = (
    ("/", say("Today")),
    ("/files", say("Files")),
    ("/payments", say("Payments")),
    ("/accounts", say("Accounts")),
    ("/archive", say("Archive")),
    ("/reports", say("Reports")),
    ("/log", say("Log")),
    ("/operators", say("Operators")),
)


@pass_context
def _token(context: Context) -> Markup:
    """The hidden field that makes a form ours."""
    field = Markup('<input type="hidden" name="token" value="{}">')
    return field.format(context["asked"].form_token)


@lru_cache(maxsize=1)
def templates() -> Environment:
    """The templates, which escape whatever they are given."""
    folder: Path = resources.find("console") / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"Act": Act, "who_may": who_may, "pages": PAGES, "token": _token}
    environment.globals["act_words"] = ACT_WORDS
    return environment
