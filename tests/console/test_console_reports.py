"""The page Reports: six reports for a period, on the screen and as files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.reports.making import REPORTS

if TYPE_CHECKING:
    from tests.console.conftest import Site

DAYS = "from=2026-11-01&to=2026-11-23"


def test_all_reports_are_listed_with_what_they_answer(site: Site) -> None:
    site.enrol("alice", "viewer")
    page = site.sign_in("alice").get(f"/reports?{DAYS}").text
    assert '<a href="/reports" aria-current="page">Reports</a>' in page
    for kind, made in REPORTS.items():
        assert f'href="/reports/{kind}?from=2026-11-01&amp;to=2026-11-23"' in page
        assert str(made.question) in page


def test_each_is_shown_for_the_days_and_offered_in_every_form(site: Site) -> None:
    site.enrol("alice", "viewer")
    browser = site.sign_in("alice")
    for kind, made in REPORTS.items():
        answer = browser.get(f"/reports/{kind}?{DAYS}&bank=acme")
        assert answer.status_code == 200, kind
        assert f"<h1>{made.title}</h1>" in answer.text
        assert 'value="2026-11-01"' in answer.text
        assert "<option selected>acme</option>" in answer.text
        address = rf"/reports/{kind}/download\?format=(\w+)&amp;from=2026-11-01"
        assert re.findall(address, answer.text) == ["html", "pdf", "xlsx", "csv", "json"]
        assert "Of confidential payments only sums and numbers are shown." in answer.text


def test_a_report_is_downloaded_under_its_name_and_nothing_stays_behind(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.enrol("alice", "viewer")
    browser = site.sign_in("alice")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = set(tmp_path.iterdir())
    for form in ("csv", "html", "xlsx", "json"):
        answer = browser.get(f"/reports/position/download?format={form}&{DAYS}")
        assert answer.status_code == 200
        name = f"position_2026-11-01_2026-11-23.{form}"
        assert name in answer.headers["content-disposition"]
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.content
    assert set(tmp_path.iterdir()) == before


def test_the_role_payroll_sees_all(site: Site) -> None:
    site.enrol("carol", "payroll")
    page = site.sign_in("carol").get(f"/reports/rejects?{DAYS}").text
    assert "Of confidential payments" not in page


def test_what_makes_no_sense_is_refused_in_words(site: Site) -> None:
    site.enrol("alice", "viewer")
    browser = site.sign_in("alice")
    for address, words in (
        ("/reports/position?from=x", "this is no date"),
        ("/reports/position?from=2026-11-30&to=2026-11-01", "lies behind"),
        ("/reports/gossip", "there is no report gossip"),
        ("/reports/position/download?format=exe", "there is no form exe"),
    ):
        answer = browser.get(address)
        assert answer.status_code == 409, address
        assert words in answer.text


def test_a_stranger_gets_no_report(site: Site, token: Callable[[str], str]) -> None:
    answer = site.browser().get(f"/reports/position/download?format=csv&{DAYS}")
    assert answer.url.path == "/sign-in"
    assert token(answer.text)
