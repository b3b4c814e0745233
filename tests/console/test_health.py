"""What Prometheus and watchers ask: the figures, whether h2h lives, whether files would move."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from h2h.adapters.metrics import Metrics
from h2h.adapters.probes import serving
from h2h.adapters.sql.ledger import ledger_lock
from h2h.console.app import application
from h2h.core.alerts import Alert, Event
from h2h.core.states import Out
from h2h.errors import ConfigError, Transient
from h2h.flows.readiness import PATHS, answer
from h2h.ports import BalanceRow, Disk, Health, Seen, Services

if TYPE_CHECKING:
    from tests.console.conftest import Site

DOCS = Path(__file__).parents[2] / "docs"
HERE = ("127.0.0.1", 50_000)
IBAN = "DE89370400440532013000"


def browser(services: Services, client: tuple[str, int] = HERE) -> TestClient:
    return TestClient(application(services), base_url="http://127.0.0.1", client=client)


def sent_file(site: Site, message_id: str, seconds: int) -> str:
    """A payment file that was dropped, and sent so many seconds later."""
    ledger, now = site.services.ledger, site.clock.now()
    seen = Seen("outbox/acme", f"{message_id}.xml", hash(message_id) % 10**9, 100, 0)
    file = ledger.claiming(seen, "acme", f"20261123-093000-{message_id}", now)
    steps = (Out.CLAIMED, Out.VALID, Out.APPROVED, Out.SEALED, Out.STAGED, Out.DELIVERING, Out.SENT)
    for step in steps:
        if step is Out.DELIVERING:
            site.clock.advance(seconds=seconds)
        moved = ledger.move(file, step, site.clock.now())
        assert moved is not None
        file = moved
    return file.id


def value(text: str, sample: str, **labels: str) -> float:
    """One sample of a scrape."""
    found = [
        each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
        if each.name == sample and labels.items() <= each.labels.items()
    ]
    assert len(found) == 1, (sample, labels, found)
    return found[0]


# ---------------------------------------------------------------------------------- who may ask


@pytest.mark.parametrize("path", PATHS)
def test_this_machine_asks_without_a_sign_in_and_nobody_else(site: Site, path: str) -> None:
    assert browser(site.services).get(path).status_code in {200, 503}
    assert browser(site.services, ("10.0.0.7", 50_000)).get(path).status_code == 403
    proxied = {"X-Forwarded-For": "10.0.0.7"}
    assert browser(site.services).get(path, headers=proxied).status_code == 403


@pytest.mark.parametrize("path", PATHS)
def test_with_a_token_whoever_knows_it_may_ask(site: Site, path: str) -> None:
    services = replace(site.services, metrics_token=lambda: "the-token")
    away = browser(services, ("10.0.0.7", 50_000))
    known = {"Authorization": "Bearer the-token"}
    assert away.get(path, headers=known).status_code in {200, 503}
    for wrong in ({}, {"Authorization": "Bearer other"}, {"Authorization": "Basic the-token"}):
        assert away.get(path, headers=wrong).status_code == 403
        assert browser(services).get(path, headers=wrong).status_code == 403


# ---------------------------------------------------------------------------------- alive, ready


def test_it_is_alive_while_the_ledger_answers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    here = browser(site.services)
    assert (here.get("/healthz").status_code, here.get("/healthz").text) == (200, "ok\n")
    monkeypatch.setattr(site.services.ledger, "newest_move", _gone)
    assert here.get("/healthz").status_code == 503
    assert here.get("/metrics").status_code == 503
    assert f"{IBAN[:4]}...{IBAN[-4:]}" in here.get("/healthz").text  # masked


def _gone() -> None:
    raise Transient(f"the disk of {IBAN} is gone")


def test_it_is_ready_while_a_daemon_holds_a_ledger_that_can_be_written(
    site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = browser(site.services)
    assert (here.get("/readyz").status_code, here.get("/readyz").text) == (503, "no daemon runs\n")
    with ledger_lock(f"sqlite:///{tmp_path}/ledger.db").lock():
        assert here.get("/readyz").status_code == 200
        monkeypatch.setattr(site.services.ledger, "writable", _gone)
        assert here.get("/readyz").status_code == 503


def test_a_pause_after_failures_is_not_ready_and_a_persons_is(site: Site, tmp_path: Path) -> None:
    here, ledger = browser(site.services), site.services.ledger
    with ledger_lock(f"sqlite:///{tmp_path}/ledger.db").lock():
        ledger.pause("", "root-a", "lunch", site.clock.now())
        assert here.get("/readyz").status_code == 200
        ledger.pause("acme", "h2h", "login refused 3 times", site.clock.now())
        assert here.get("/readyz").text == "acme is paused after failures\n"


# -------------------------------------------------------------------------------------- figures


def test_files_are_counted_by_state_with_the_age_of_the_oldest(site: Site) -> None:
    first = sent_file(site, "M-1", 0)
    site.clock.advance(minutes=10)
    sent_file(site, "M-2", 0)
    text = browser(site.services).get("/metrics").text
    labels = {"direction": "out", "bank": "acme", "state": "sent"}
    assert value(text, "h2h_files", **labels) == 2
    assert value(text, "h2h_oldest_file_age_seconds", **labels) == 600
    file = site.services.ledger.file(first)
    assert file is not None
    rejected = site.services.ledger.move(file, Out.REJECTED, site.clock.now())
    assert rejected is not None
    text = browser(site.services).get("/metrics").text
    assert value(text, "h2h_files", **{**labels, "state": "rejected"}) == 1
    waits = [line for line in text.splitlines() if line.startswith("h2h_oldest_file_age_seconds{")]
    assert [line for line in waits if "rejected" in line] == []  # what is over does not wait
    assert value(text, "h2h_oldest_file_age_seconds", **labels) == 0


def test_latencies_are_measured_along_the_chain_each_move_once(site: Site) -> None:
    here = browser(site.services)
    here.get("/metrics")  # counting begins
    file = site.services.ledger.file(sent_file(site, "M-1", 40))
    assert file is not None
    site.clock.advance(seconds=200)
    site.services.ledger.move(file, Out.ACCEPTED, site.clock.now())
    for _ in range(2):
        text = here.get("/metrics").text
    assert value(text, "h2h_drop_to_sent_seconds_sum", bank="acme") == 40
    assert value(text, "h2h_drop_to_sent_seconds_bucket", bank="acme", le="60.0") == 1
    assert value(text, "h2h_drop_to_sent_seconds_bucket", bank="acme", le="15.0") == 0
    assert value(text, "h2h_sent_to_answer_seconds_sum", bank="acme") == 200
    assert value(text, "h2h_sent_to_answer_seconds_count", bank="acme") == 1


def test_failures_are_counted_by_class(site: Site) -> None:
    here = browser(site.services)
    here.get("/metrics")
    for number in (1, 2):
        file = site.services.ledger.file(sent_file(site, f"M-{number}", 0))
        assert file is not None
        site.services.ledger.move(file, Out.REJECTED, site.clock.now())
    labels = {"bank": "acme", "class": "rejected"}
    assert value(here.get("/metrics").text, "h2h_failures_total", **labels) == 2


def test_banks_alerts_and_disks_are_there(site: Site) -> None:
    ledger, now = site.services.ledger, site.clock.now()
    ledger.set_health(Health("acme", 3, 1, None, "no route", now - timedelta(hours=1)))
    ledger.pause("acme", "root-a", "lunch", now)
    ledger.queue_alerts([("treasury", Alert(Event.DISK, "full"))] * 2, now)
    ledger.alerts_failed("treasury", "down", now)
    metrics = Metrics(ledger, site.clock, ("acme",), lambda: [Disk("archive", 123, 456)])
    text = metrics.text().decode()
    contact = "h2h_bank_last_contact_timestamp_seconds"
    assert value(text, contact, bank="acme") == (now - timedelta(hours=1)).timestamp()
    assert value(text, "h2h_bank_failures", bank="acme") == 3
    assert value(text, "h2h_bank_login_failures", bank="acme") == 1
    assert value(text, "h2h_paused", bank="acme") == 1
    assert value(text, "h2h_paused", bank="all") == 0
    assert value(text, "h2h_alerts_waiting", channel="treasury") == 2
    assert value(text, "h2h_alert_failures", channel="treasury") == 1
    assert value(text, "h2h_disk_free_bytes", room="archive") == 123
    assert value(text, "h2h_running") == 0


def test_the_age_of_a_balance_is_that_of_the_oldest_account_and_names_none(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = (date(2026, 11, 20), date(2026, 11, 22))
    rows = [BalanceRow("acme", IBAN, "EUR", "1.00", day, "S") for day in days]
    monkeypatch.setattr(site.services.ledger, "balances", lambda: rows)
    text = browser(site.services).get("/metrics").text
    since = datetime(2026, 11, 20, 23, 59, 59, 999999, UTC)
    age = (site.clock.now() - since).total_seconds()
    assert value(text, "h2h_balance_age_seconds", bank="acme", currency="EUR") == age
    assert IBAN not in text


# ---------------------------------------------------------------------- the daemon's own ear


def test_the_daemon_answers_the_same_on_its_port_and_nothing_else(site: Site) -> None:
    def respond(path: str, address: str, headers: object) -> tuple[int, str, bytes]:
        assert address == "127.0.0.1"
        told = answer(site.services, path, address, {})
        return told.status, told.kind, told.body

    with serving(0, PATHS, respond) as port:
        base = f"http://127.0.0.1:{port}"
        with urllib.request.urlopen(f"{base}/metrics", timeout=10) as reply:
            assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            assert b"h2h_running" in reply.read()
        with urllib.request.urlopen(f"{base}/healthz?x", timeout=10) as reply:
            assert reply.read() == b"ok\n"
        for path in ("/", "/metrics/", "/etc/passwd"):
            assert status_of(f"{base}{path}") == 404
        assert status_of(f"{base}/metrics", method="POST") == 501
        with pytest.raises(ConfigError, match="metrics_port"), serving(port, PATHS, respond):
            pytest.fail("the port is taken")


def status_of(address: str, method: str = "GET") -> int:
    request = urllib.request.Request(address, method=method)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    with caught.value as error:
        return error.code


# ------------------------------------------------------------------------------- what docs/ names

NAMED: dict[str, Callable[[], str]] = {
    "docs/grafana/h2h.json": lambda: "\n".join(expressions()),
    "docs/prometheus-alerts.yml": (DOCS / "prometheus-alerts.yml").read_text,
}


def expressions() -> list[str]:
    """Every query of the dashboard."""
    dashboard = json.loads((DOCS / "grafana" / "h2h.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


def families(site: Site) -> set[str]:
    """Every name that a query may have, of a site where everything has happened once."""
    metrics = Metrics(site.services.ledger, site.clock, ("acme",), lambda: [Disk("a", 1, 2)])
    names = set()
    for family in text_string_to_metric_families(metrics.text().decode()):
        suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        names |= {family.name + suffix for suffix in suffixes.get(family.type, ("",))}
    return {name for name in names if not name.endswith("_created")}


@pytest.mark.parametrize("place", NAMED)
def test_every_figure_that_a_page_names_is_there(site: Site, place: str) -> None:
    named = set(re.findall(r"\bh2h_[a-z_]+[a-z]\b", NAMED[place]()))
    assert len(named) > 5
    assert named <= families(site)


def test_the_page_of_figures_names_all_of_them_and_no_other(site: Site) -> None:
    page = (DOCS / "metrics.md").read_text()
    rows = set(re.findall(r"^\| `(h2h_\w+)` \|", page, re.MULTILINE))
    assert rows == {re.sub("_(bucket|sum|count)$", "", name) for name in families(site)}
    assert set(re.findall(r"`(h2h_\w+)`", page)) == rows
