"""Pages that change by themselves: what that costs, and that it keeps no session open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import pytest
from starlette.requests import Request

from h2h.console.page import Room
from h2h.console.pages import events
from h2h.ports import Services

if TYPE_CHECKING:
    from tests.console.conftest import Site


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The looks of a stream follow each other."""
    monkeypatch.setattr(events, "_LOOK", 0)


def stream(room: Room, token: str, seen: str = "") -> AsyncIterator[str]:
    """A stream as a browser opens it that goes on listening."""

    async def listening() -> dict[str, object]:
        await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    headers = [(b"cookie", f"h2h_session={token}".encode())]
    scope = {"type": "http", "headers": headers, "query_string": f"seen={seen}".encode()}
    return events._changes(Request(scope, listening), room)


def lines(site: Site, then: Callable[[], object], count: int) -> list[str]:
    """The first `count` lines of a stream; `then` happens behind the second one."""
    token = site.sign_in("vera").cookies["h2h_session"]
    newest = str(site.services.ledger.newest_move())

    async def listen() -> list[str]:
        room, found = Room(site.services), []
        async for line in stream(room, token, newest):
            found.append(line)
            if len(found) == 2:
                await asyncio.to_thread(then)
            if len(found) == count:
                break
        return found

    return asyncio.run(listen())


@pytest.fixture
def vera(site: Site) -> Site:
    site.enrol("vera", "viewer")
    return site


def test_a_stream_tells_the_newest_move_and_nothing_while_nothing_moves(vera: Site) -> None:
    ledger, now = vera.services.ledger, vera.clock.now()
    told = lines(vera, lambda: ledger.pause("acme", "otto", "strange", now), 3)
    assert told == ["retry: 3000\n\n", ": still here\n\n", f"data: {ledger.newest_move()}\n\n"]


def test_the_end_of_a_session_closes_its_stream(vera: Site) -> None:
    ledger, now = vera.services.ledger, vera.clock.now()
    told = lines(vera, lambda: ledger.revoke_all("vera", "root-a", now), 9)
    assert told[2:] == ["event: ended\ndata:\n\n"]


def test_a_page_that_looks_by_itself_keeps_no_session_open(vera: Site) -> None:
    browser = vera.sign_in("vera")
    token = browser.cookies["h2h_session"]
    for _ in range(2):
        vera.clock.advance(minutes=14)
        page = browser.get("/", headers={"X-Live": "1"})
        assert (page.url.path, 'data-live="waits"' in page.text) == ("/", True)
        assert vera.services.ledger.session(token, vera.clock.now(), used=False) is not None
    vera.clock.advance(minutes=4)
    assert browser.get("/").url.path == "/sign-in"
    browser = vera.sign_in("vera")
    for _ in range(3):  # a person who uses the page
        vera.clock.advance(minutes=14)
        assert browser.get("/").url.path == "/"


def test_streams_are_limited_for_each_session_and_in_all(vera: Site) -> None:
    tokens = [vera.sign_in("vera").cookies["h2h_session"] for _ in range(2)]

    async def open_many(room: Room) -> tuple[list[str], list[str]]:
        some = [stream(room, tokens[0]) for _ in range(events._MOST_OF_ONE + 1)]
        first = [await anext(each) for each in some]
        other = await anext(more := stream(room, tokens[1]))
        for each in (*some, more):
            await each.aclose()  # type: ignore[attr-defined]  # of the generator
        return first, [other]

    room = Room(vera.services)
    mine, others = asyncio.run(open_many(room))
    assert mine == ["retry: 3000\n\n"] * events._MOST_OF_ONE + ["event: full\ndata:\n\n"]
    assert others == ["retry: 3000\n\n"]
    assert room.streams == {}
    room.streams["somebody"] = events._MOST
    assert asyncio.run(first_of(room, tokens[0])) == "event: full\ndata:\n\n"


async def first_of(room: Room, token: str) -> str:
    return await anext(stream(room, token))


def test_the_loop_goes_on_while_the_ledger_is_slow(
    vera: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = vera.sign_in("vera").cookies["h2h_session"]
    loop_thread: list[bool] = []

    def slow(_: Room, __: str) -> int:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            loop_thread.append(False)
        else:
            loop_thread.append(True)
        return 1

    monkeypatch.setattr(events, "_newest", slow)

    async def listen() -> None:
        each = stream(Room(vera.services), token)
        for _ in range(2):
            await anext(each)

    asyncio.run(listen())
    assert loop_thread == [False]


def test_an_odd_place_to_begin_from_is_the_very_first(vera: Site) -> None:
    services: Services = vera.services
    token = vera.sign_in("vera").cookies["h2h_session"]

    async def second(seen: str) -> str:
        each = stream(Room(services), token, seen)
        await anext(each)
        return await anext(each)

    newest = f"data: {services.ledger.newest_move()}\n\n"
    for odd in ("", "garbage", "-1", "9" * 40, "%D9%A3"):
        assert asyncio.run(second(odd)) == newest, odd
