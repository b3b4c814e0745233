"""The group header: its sender, its authorisation, and the mark of a test file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from h2h.core.problem import Severity

if TYPE_CHECKING:
    from tests.core.conftest import Found, Judge


def told(judge: Judge, environment: str, mark: str, *authorisations: str) -> list[Found]:
    terms = replace(judge.terms, environment=environment, test_indicator=mark)
    return judge({}, terms=terms, header=replace(judge.header, authorisations=authorisations))


def test_a_file_that_nobody_signs_for_is_warned_about(judge: Judge) -> None:
    (problem,) = judge({}, header=replace(judge.header, initiating_party=""))
    assert (problem.rule, problem.severity) == ("initiating-party", Severity.WARN)
    assert problem.place == "header"


@pytest.mark.parametrize("code", ["FDET", "FSUM", "ILEV"])
def test_a_file_that_waits_for_a_person_at_the_bank_is_warned_about(
    judge: Judge, code: str
) -> None:
    (problem,) = told(judge, "production", "", code)
    assert (problem.rule, problem.severity) == ("bank-authorisation", Severity.WARN)
    assert problem.message.startswith(code)


def test_a_file_that_is_authorised_already_is_no_matter(judge: Judge) -> None:
    assert told(judge, "production", "TEST", "AUTH", "our own words") == []


@pytest.mark.parametrize("written", ["TEST", "test", " Test "])
def test_a_test_file_in_production_is_refused_however_it_is_written(
    judge: Judge, written: str
) -> None:
    (problem,) = told(judge, "production", "TEST", "AUTH", written)
    assert (problem.rule, problem.severity) == ("test-file", Severity.ERROR)
    assert problem.field == "authorisations"


def test_in_the_test_environment_the_mark_belongs_there(judge: Judge) -> None:
    assert told(judge, "test", "TEST", "TEST") == []
    (problem,) = told(judge, "test", "TEST", "AUTH")
    assert (problem.rule, problem.severity) == ("test-file-unmarked", Severity.WARN)


@pytest.mark.parametrize("environment", ["", "test", "production"])
def test_a_bank_without_a_test_indicator_knows_no_test_files(
    judge: Judge, environment: str
) -> None:
    assert told(judge, environment, "", "TEST", " ") == []


def test_offline_nothing_is_known_of_the_environment(judge: Judge) -> None:
    assert told(judge, "", "TEST", "TEST") == told(judge, "", "TEST") == []
