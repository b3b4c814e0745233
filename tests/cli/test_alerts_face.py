"""`h2h alerts`: a channel is tried, and what was told and what waits is listed."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from h2h import daemon
from h2h.adapters.journal import Silence
from h2h.cli import root
from h2h.config import load
from h2h.core.alerts import Alert, Event
from h2h.core.words import say
from h2h.wiring import wire

CONFIG = """
[h2h]
environment = "test"
language = "{language}"
disk_free = 1

[banks.acme]
calendar = "ECB"
zone = "Europe/Berlin"
door = {{ settle = 0 }}

[banks.acme.folder]
root = "bank"
upload = {{ folder = "in" }}

[banks.acme.pgp]
seal = "none"

[[banks.acme.accounts]]
iban = "DE89370400440532013000"
currency = "EUR"

[[alerts]]
name = "hook"
webhook = {{ url = "http://127.0.0.1:{port}/x" }}
"""


@pytest.fixture
def posted() -> Iterator[tuple[int, list[dict[str, object]]]]:
    """A web server's port, and what was posted to it."""
    bodies: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.server_address[1], bodies
    server.shutdown()
    server.server_close()
    thread.join()


def workspace(folder: Path, port: int, language: str = "en") -> Path:
    (folder / "bank" / "in").mkdir(parents=True)
    path = folder / "config.toml"
    path.write_text(CONFIG.format(port=port, language=language))
    return path


def call(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["--config", str(path), *arguments])


def test_a_test_goes_through_the_channel_in_the_language_of_the_workspace(
    tmp_path: Path, posted: tuple[int, list[dict[str, object]]]
) -> None:
    port, bodies = posted
    path = workspace(tmp_path, port, "zh")
    assert call(path, "alerts", "test", "hook").output == "已通过 hook 发送。\n"
    assert [body["subject"] for body in bodies] == ["h2h TEST 信息: 测试 (1)"]
    assert "hook" in str(call(path, "alerts", "test", "mail").exception)


def test_a_pass_queues_and_tells_and_the_list_shows_it(
    tmp_path: Path, posted: tuple[int, list[dict[str, object]]]
) -> None:
    port, bodies = posted
    path = workspace(tmp_path, port)
    assert call(path, "alerts", "list").output == "Nobody had to be told of anything.\n"
    with wire(load(path), Silence()) as services:
        daemon.once(services)
        (tmp_path / "outbox" / "acme" / "bad.xml").write_bytes(b"<x/>")
        daemon.once(services)
        [body] = bodies
        words = say("{iban} is not ours", iban="DE89370400440532013000")
        waits = [("hook", Alert(Event.TROUBLE, words))]
        services.ledger.queue_alerts(waits, services.clock.now())
        services.ledger.alerts_failed("hook", "it answered 500", services.clock.now())
    assert body["subject"] == "h2h TEST WARNING: refused by h2h (1)"
    listed = call(path, "alerts", "list", "--json").stdout.splitlines()
    newest, sent = map(json.loads, listed)
    assert (newest["event"], newest["sent"]) == ("trouble", None)
    assert newest["words"] == "DE89...3000 is not ours"
    assert (sent["event"], sent["bank"], bool(sent["sent"])) == ("refused", "acme", True)
    assert "1 alerts wait, 1 failures: it answered 500" in call(path, "alerts", "list").output
