"""The ways to people: mail, a web hook, and apprise for chats. Each ends within its time limit.

A channel says what went wrong as Transient (it may pass) or Refused (somebody must mend it), and
never with a secret or an address that holds one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import mimetypes
import smtplib
import ssl
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from h2h.core.alerts import Interest, Message
from h2h.errors import ConfigError, Refused, Transient

_LONGEST = 300  # characters of what a server said
_BUSY = {408, 425, 429}  # HTTP: it may pass, as every 5xx
_MEND = "Look at the channel in [[alerts]], then `h2h alerts test {name}`"

Told = Callable[[], str]  # reads a secret when it is needed


class MailChannel:
    """Plain text by SMTP; see h2h.ports.Channel.

    `tls`: "starttls" and "implicit" check the server's certificate, "none" sends in clear.
    """

    def __init__(
        self,
        interest: Interest,
        *,
        server: str,
        port: int,
        sender: str,
        to: Sequence[str],
        tls: str = "starttls",
        username: str = "",
        password: Told | None = None,
        timeout: float = 20.0,
    ) -> None:
        self.interest = interest
        self._server = server
        self._port = port
        self._sender = sender
        self._to = to
        self._tls = tls
        self._username = username
        self._password = password
        self._timeout = timeout

    def send(self, message: Message) -> None:
        """Hand it to the mail server, to all addresses or as many as it takes."""
        self._deliver(self._mail(message), self._to)

    def _deliver(self, mail: EmailMessage, to: Sequence[str]) -> None:
        with _in_our_words(self.interest.name, self._server), self._session() as session:
            refused = session.send_message(mail, self._sender, to)
        if refused:
            raise Refused(
                f"the mail server did not take {', '.join(sorted(refused))}",
                _MEND.format(name=self.interest.name),
            )

    def mail(
        self, key: str, to: Sequence[str], subject: str, text: str, attachments: Sequence[Path]
    ) -> None:
        """h2h.ports.reporting.Mailer: the same key makes the same Message-ID."""
        domain = self._sender.rpartition("@")[2]
        identity = hashlib.sha256(key.encode()).hexdigest()[:32]
        mail = self._headed(subject, to, f"<{identity}@{domain}>")
        mail.set_content(text)
        for path in attachments:
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            main, _, sub = kind.partition("/")
            mail.add_attachment(path.read_bytes(), main, sub, filename=path.name)
        self._deliver(mail, to)

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        where, wait = (self._server, self._port), self._timeout
        checked = ssl.create_default_context()
        if self._tls == "implicit":
            session: smtplib.SMTP = smtplib.SMTP_SSL(*where, timeout=wait, context=checked)
        else:
            session = smtplib.SMTP(*where, timeout=wait)
        with session:
            if self._tls == "starttls":
                session.starttls(context=checked)
            if self._username and self._password is not None:
                session.login(self._username, self._password())
            yield session

    def _mail(self, message: Message) -> EmailMessage:
        """`EmailMessage` refuses a line end in a header; the subject has none."""
        identity = make_msgid(domain=self._sender.rpartition("@")[2])
        mail = self._headed(message.subject, self._to, identity)
        mail.set_content(message.text)
        return mail

    def _headed(self, subject: str, to: Sequence[str], identity: str) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = subject
        mail["From"] = self._sender
        mail["To"] = ", ".join(to)
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = identity
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notice answers it
        return mail


class WebhookChannel:
    """A POST of JSON; see h2h.ports.Channel. Redirects are not followed: what is posted here is
    for that address alone."""

    def __init__(
        self,
        interest: Interest,
        *,
        url: Told,
        token: Told | None = None,
        timeout: float = 20.0,
    ) -> None:
        self.interest = interest
        self._url = url
        self._token = token
        self._timeout = timeout

    def send(self, message: Message) -> None:
        """Post it; any answer of the 200s says that it arrived."""
        address = urlsplit(self._url())
        if address.scheme not in {"http", "https"} or not address.hostname:
            raise ConfigError("the web hook has no http address", _MEND.format(name=self._name))
        headers = {"Content-Type": "application/json", "User-Agent": "h2h"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token()}"
        request = urllib.request.Request(  # noqa: S310 - http and https alone, see above
            address.geturl(), _json(message), headers, method="POST"
        )
        with _in_our_words(self._name, address.hostname):
            self._opener().open(request, timeout=self._timeout).close()

    @property
    def _name(self) -> str:
        return self.interest.name

    def _opener(self) -> urllib.request.OpenerDirector:
        return urllib.request.build_opener(_NoRedirects)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What would be followed is an error instead."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Follow nothing."""


def _json(message: Message) -> bytes:
    facts = {
        "subject": message.subject,
        "text": message.text,
        "level": message.level,
        "environment": message.environment,
        "count": message.count,
        "groups": [
            {"event": each.event, "level": each.level, "bank": each.bank, "count": each.count}
            for each in message.groups
        ],
        "lines": message.lines,
    }
    return json.dumps(facts, ensure_ascii=False).encode()


class AppriseChannel:
    """Whatever apprise speaks to: Teams, Slack, DingTalk, WeCom, Feishu; see h2h.ports.Channel."""

    def __init__(self, interest: Interest, *, urls: Sequence[Told], timeout: float = 20.0) -> None:
        self.interest = interest
        self._urls = urls
        self._timeout = timeout

    def send(self, message: Message) -> None:
        """Through all addresses; raises Transient when one of them failed."""
        try:
            import apprise  # noqa: PLC0415 - an extra, and heavy
        except ImportError as error:
            raise ConfigError("apprise is not installed", "pip install 'h2h[alerts]'") from error
        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it would log addresses
        bell = apprise.Apprise()
        for number, url in enumerate(self._urls, 1):
            if not bell.add(f"{_bounded(url(), self._timeout)}"):
                raise ConfigError(
                    f"apprise does not know its address number {number}",
                    _MEND.format(name=self.interest.name),
                )
        kind = _KINDS[message.level]
        if not bell.notify(body=message.text, title=message.subject, notify_type=kind):
            raise Transient(f"apprise could not send through {self.interest.name}", "")


_KINDS = {"critical": "failure", "warning": "warning", "info": "info"}


def _bounded(url: str, timeout: float) -> str:
    """Its connect and read timeouts (`cto`, `rto`), and no redirect to another place."""
    mark = "&" if "?" in url else "?"
    return f"{url}{mark}cto={timeout}&rto={timeout}&redirect=no"


@contextmanager
def _in_our_words(name: str, where: str) -> Iterator[None]:
    """What a server or the network said, as an expected failure without secrets."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        why = "; ".join(f"{each}: {_said(words)}" for each, (_, words) in error.recipients.items())
        raise Refused(f"{where} refused the addresses: {why}", _MEND.format(name=name)) from error
    except smtplib.SMTPAuthenticationError as error:
        words = f"{where} refused the login ({error.smtp_code})"
        raise Refused(words, _MEND.format(name=name)) from error
    except smtplib.SMTPResponseException as error:
        raise Transient(f"{where} answered {error.smtp_code} {_said(error.smtp_error)}") from error
    except smtplib.SMTPException as error:
        raise Transient(f"{where}: {type(error).__name__} {str(error)[:_LONGEST]}") from error
    except HTTPError as error:
        error.close()
        busy = error.code >= 500 or error.code in _BUSY
        kind = Transient if busy else Refused
        raise kind(f"{where} answered {error.code}", _MEND.format(name=name)) from error
    except URLError as error:
        raise Transient(f"{where}: {error.reason}") from error
    except (OSError, HTTPException) as error:
        raise Transient(f"{where}: {str(error) or type(error).__name__}") from error


def _said(words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return " ".join(text.split())[:_LONGEST]
