"""Mail, web hook and apprise against real servers of their kind, which take, refuse and hang."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from h2h.adapters.channels import AppriseChannel, MailChannel, WebhookChannel
from h2h.core.alerts import Alert, Event, Group, Interest, Level, Line, Message, message
from h2h.errors import ConfigError, Refused, Transient

if TYPE_CHECKING:
    from aiosmtpd.smtp import Envelope, Session

SOON = 0.4  # seconds that a server may take here
SECRET = "s3cret-in-no-message"


def alert(words: str = "pay.xml is in doubt", environment: str = "test") -> Message:
    line = Line(datetime(2026, 11, 23, 10, tzinfo=UTC), Alert(Event.IN_DOUBT, words, "acme"))
    group = Group(Event.IN_DOUBT, Level.CRITICAL, "acme", 1)
    return message([group], [line], environment, str, str)


# ------------------------------------------------------------------------------------------- mail


@dataclass
class PostOffice:
    """An SMTP server's behaviour, and what it took."""

    port: int = 0
    refuse: str = ""  # an address that is not taken
    data_answer: str = "250 OK"
    delay: float = 0.0
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address == self.refuse:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        await asyncio.sleep(self.delay)
        assert isinstance(envelope.original_content, bytes)
        mail = message_from_bytes(envelope.original_content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        if self.data_answer.startswith("250"):
            self.mails.append((list(envelope.rcpt_tos), mail))
        return self.data_answer

    def authenticate(self, *arguments: object) -> AuthResult:
        login = arguments[-1]
        name, password = login.login, login.password  # type: ignore[attr-defined]  # LoginPassword
        self.logins.append((name, password))
        good = password == SECRET.encode()
        return AuthResult(success=good, handled=good)  # not handled: the server refuses


@pytest.fixture
def office() -> Iterator[PostOffice]:
    """A mail server in a thread of its own."""
    made = PostOffice()
    loop = asyncio.new_event_loop()

    def protocol() -> SMTP:
        return SMTP(
            made,
            hostname="here",
            loop=loop,
            authenticator=made.authenticate,
            auth_require_tls=False,
        )

    server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0))
    made.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield made
    loop.call_soon_threadsafe(server.close)
    asyncio.run_coroutine_threadsafe(_end_tasks(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def _end_tasks() -> None:
    others = [each for each in asyncio.all_tasks() if each is not asyncio.current_task()]
    for each in others:
        each.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def mail_to(office: PostOffice, *to: str, password: str = "") -> MailChannel:
    return MailChannel(
        Interest("treasury"),
        server="127.0.0.1",
        port=office.port,
        sender="h2h@acme.example",
        to=to or ("cash@acme.example",),
        tls="none",
        username="h2h" if password else "",
        password=(lambda: password) if password else None,
        timeout=SOON,
    )


def test_a_mail_is_plain_text_with_the_worst_in_its_subject(office: PostOffice) -> None:
    mail_to(office, "cash@acme.example", "it@acme.example").send(alert("付款 pay.xml"))
    [(to, mail)] = office.mails
    assert to == ["cash@acme.example", "it@acme.example"]
    assert mail["Subject"] == "h2h TEST CRITICAL: in doubt (1)"
    assert mail["From"] == "h2h@acme.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "text/plain"
    assert "付款 pay.xml" in mail.get_content()


def test_no_words_make_another_header(office: PostOffice) -> None:
    evil = "x\r\nBcc: eve@evil.example\r\n\r\n.\r\nMAIL FROM:<eve@evil.example>"
    mail_to(office).send(alert(evil, environment="test\r\nBcc: eve@evil.example"))
    [(to, mail)] = office.mails
    assert to == ["cash@acme.example"]
    assert mail["Bcc"] is None
    assert len(mail["Subject"].splitlines()) == 1
    assert "Bcc: eve@evil.example" in mail.get_content()  # on its line, as words


def test_a_login_is_made_with_the_secret(office: PostOffice) -> None:
    mail_to(office, password=SECRET).send(alert())
    assert office.logins == [(b"h2h", SECRET.encode())]
    assert len(office.mails) == 1


def test_a_refused_login_is_told_without_the_secret(office: PostOffice) -> None:
    with pytest.raises(Refused, match="refused the login") as caught:
        mail_to(office, password="wrong-" + SECRET).send(alert())
    assert SECRET not in str(caught.value)
    assert office.mails == []


def test_an_address_that_is_refused_is_named(office: PostOffice) -> None:
    office.refuse = "gone@acme.example"
    with pytest.raises(Refused, match=r"gone@acme\.example"):
        mail_to(office, "gone@acme.example").send(alert())
    with pytest.raises(Refused, match=r"gone@acme\.example"):
        mail_to(office, "cash@acme.example", "gone@acme.example").send(alert())
    assert [to for to, _ in office.mails] == [["cash@acme.example"]]


def test_a_report_is_mailed_with_its_files_under_one_identity(
    office: PostOffice, tmp_path: Path
) -> None:
    files = [tmp_path / "cash_2026-11-23.csv", tmp_path / "cash_2026-11-23.html"]
    for path in files:
        path.write_text(f"content of {path.suffix}")
    to, key = ["cfo@acme.example"], "report cash 2026-11-23"
    for _ in range(2):  # tried again: whoever reads knows it by its identity
        mail_to(office).mail(key, to, "Position", "as of today", files)
    (reached, first), (_, second) = office.mails
    assert reached == to
    assert first["Message-ID"] == second["Message-ID"]
    assert [
        (part.get_filename(), part.get_content_type()) for part in first.iter_attachments()
    ] == [
        ("cash_2026-11-23.csv", "text/csv"),
        ("cash_2026-11-23.html", "text/html"),
    ]
    office.refuse = "cfo@acme.example"
    with pytest.raises(Refused, match=r"cfo@acme\.example"):
        mail_to(office).mail(key, to, "Position", "as of today", files)


def test_a_mail_server_that_is_busy_is_tried_again(office: PostOffice) -> None:
    office.data_answer = "451 try later"
    with pytest.raises(Transient, match="451 try later"):
        mail_to(office).send(alert())


def test_a_mail_server_that_hangs_ends_in_time(office: PostOffice) -> None:
    office.delay = 60.0
    with pytest.raises(Transient, match="timed out"):
        mail_to(office).send(alert())


def test_a_mail_server_that_is_down_is_tried_again() -> None:
    with pytest.raises(Transient, match="refused"):
        mail_to(PostOffice(port=closed_port())).send(alert())


def test_a_mail_server_without_tls_gets_nothing_where_tls_was_agreed(office: PostOffice) -> None:
    channel = MailChannel(
        Interest("treasury"),
        server="127.0.0.1",
        port=office.port,
        sender="h2h@acme.example",
        to=("cash@acme.example",),
        username="h2h",
        password=lambda: SECRET,
        timeout=SOON,
    )
    with pytest.raises(Transient, match="STARTTLS"):
        channel.send(alert())
    assert (office.mails, office.logins) == ([], [])


def closed_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


# --------------------------------------------------------------------------------------- web hook


@dataclass
class Hook:
    """A web server's behaviour, and what was posted to it."""

    status: int = 200
    location: str = ""
    hangs: threading.Event | None = None
    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0


@contextmanager
def listening(hook: Hook) -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.posts.append((self.path, dict(self.headers.items()), body))
            if hook.hangs is not None:
                hook.hangs.wait(20)
            self.send_response(hook.status)
            if hook.location:
                self.send_header("Location", hook.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            hook.posts.append((self.path, {}, b"GET"))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield hook
    finally:
        if hook.hangs is not None:
            hook.hangs.set()
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with listening(Hook()) as made:
        yield made


def webhook(hook: Hook, token: Callable[[], str] | None = None) -> WebhookChannel:
    address = f"http://127.0.0.1:{hook.port}/hooks/{SECRET}"
    return WebhookChannel(Interest("ops"), url=lambda: address, token=token, timeout=SOON)


def test_a_web_hook_gets_counts_and_lines_as_json(hook: Hook) -> None:
    webhook(hook, lambda: "the-token").send(alert())
    [(path, headers, body)] = hook.posts
    facts = json.loads(body)
    assert path == f"/hooks/{SECRET}"
    assert headers["Authorization"] == "Bearer the-token"
    assert headers["Content-Type"] == "application/json"
    assert (facts["level"], facts["environment"], facts["count"]) == ("critical", "test", 1)
    assert facts["groups"] == [
        {"event": "in_doubt", "level": "critical", "bank": "acme", "count": 1}
    ]
    assert "pay.xml is in doubt" in facts["lines"][0]


@pytest.mark.parametrize(
    ("status", "kind"), [(500, Transient), (503, Transient), (429, Transient), (404, Refused)]
)
def test_what_a_web_hook_answers_decides_what_is_told(
    hook: Hook, status: int, kind: type[Exception]
) -> None:
    hook.status = status
    with pytest.raises(kind, match=str(status)) as caught:
        webhook(hook).send(alert())
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(hook: Hook, status: int) -> None:
    with listening(Hook()) as other:
        hook.status, hook.location = status, f"http://127.0.0.1:{other.port}/stolen"
        with pytest.raises(Refused, match=str(status)):
            webhook(hook, lambda: SECRET).send(alert())
        assert other.posts == []


def test_a_web_hook_that_hangs_ends_in_time(hook: Hook) -> None:
    hook.hangs = threading.Event()
    with pytest.raises(Transient, match="timed out"):
        webhook(hook).send(alert())
    assert len(hook.posts) == 1


def test_a_web_hook_that_is_down_is_tried_again() -> None:
    with pytest.raises(Transient, match="refused"):
        webhook(Hook(port=closed_port())).send(alert())


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "nonsense"])
def test_only_web_addresses_are_opened(address: str) -> None:
    with pytest.raises(ConfigError, match="no http address"):
        WebhookChannel(Interest("ops"), url=lambda: address).send(alert())


# ---------------------------------------------------------------------------------------- apprise


# apprise 2 loads a module of Python's that goes with 3.13
on_apprise = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def chat(hook: Hook) -> AppriseChannel:
    address = f"json://127.0.0.1:{hook.port}/{SECRET}"
    return AppriseChannel(Interest("chat"), urls=[lambda: address], timeout=SOON)


@on_apprise
def test_a_chat_gets_subject_text_and_kind(hook: Hook) -> None:
    chat(hook).send(alert())
    [(_, _, body)] = hook.posts
    facts = json.loads(body)
    assert facts["title"] == "h2h TEST CRITICAL: in doubt (1)"
    assert "pay.xml is in doubt" in facts["message"]
    assert facts["type"] == "failure"


@on_apprise
def test_a_chat_that_fails_or_hangs_is_tried_again(
    hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    hook.status = 500
    with pytest.raises(Transient, match="chat") as caught:
        chat(hook).send(alert())
    hook.hangs = threading.Event()
    with pytest.raises(Transient, match="chat"):
        chat(hook).send(alert())
    assert len(hook.posts) == 2
    assert SECRET not in str(caught.value) + caplog.text


@on_apprise
def test_a_chat_that_redirects_is_not_followed(hook: Hook) -> None:
    with listening(Hook()) as other:
        hook.status, hook.location = 307, f"http://127.0.0.1:{other.port}/stolen"
        with pytest.raises(Transient):
            chat(hook).send(alert())
        assert other.posts == []


@on_apprise
def test_an_address_that_apprise_does_not_know_is_told_by_its_number() -> None:
    channel = AppriseChannel(Interest("chat"), urls=[lambda: f"nonsense://{SECRET}"])
    with pytest.raises(ConfigError, match="number 1") as caught:
        channel.send(alert())
    assert SECRET not in str(caught.value)
