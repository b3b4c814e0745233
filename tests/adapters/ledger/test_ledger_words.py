"""Why a file stands where it does is kept so that every reader can be told in his language."""

# ruff: noqa: RUF001 - Chinese has full-width marks

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from h2h.adapters.catalogue import translator
from h2h.core.states import Out
from h2h.core.words import Words, say, sentences, tell

if TYPE_CHECKING:
    from tests.adapters.ledger.conftest import Office


def because(office: Office, file_id: str) -> str:
    """As another process reads it."""
    found = office.open().file(file_id)
    assert found is not None
    return found.because


def test_a_sentence_is_read_back_with_its_template_and_values(office: Office) -> None:
    words = sentences([say("line {line}", line=7), say("{tag}", tag=say("name"))])
    file = office.admitted()
    office.ledger.move(file, Out.HELD, office.later(), because=words)
    read = because(office, file.id)
    assert read == "line 7; name"
    assert isinstance(read, Words)
    assert tell(read, translator("zh")) == "第 7 行；名称"


@pytest.mark.parametrize(
    "reason", ['["wrong", {}]', '"ok" by phone', "[]", "line {line}", "", "null", "“说明”"]
)
def test_a_persons_reason_is_read_back_as_it_was_written(office: Office, reason: str) -> None:
    file = office.admitted()
    office.ledger.move(file, Out.CANCELLED, office.later(), because=reason, who="anna")
    read = because(office, file.id)
    assert read == reason
    assert not isinstance(read, Words)
    assert office.ledger.moves(file.id)[-1].because == reason


def test_a_report_that_settles_a_doubt_can_be_told_in_chinese(office: Office) -> None:
    file = office.on_the_road(Out.IN_DOUBT, office.payment(end_to_end_id="E"), message_id="M1")
    report = office.report("M1", "", ("E", "ACSP"))
    office.ledger.tell(office.read(), report, office.later(), rejects_only=False)
    told = tell(because(office, file.id), translator("zh"))
    assert told == f"状态报告 {report.message_id}：1 笔 accepted"
    proof = office.ledger.moves(file.id)[-2].because
    assert proof == f"report {report.message_id} proves that it arrived"
