"""The answers to the ERP in the language of the workspace: sentences are told, codes stay."""

# ruff: noqa: RUF001 - Chinese has full-width marks

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from h2h import desk
from h2h.adapters.catalogue import translator
from h2h.core.states import Out
from h2h.flows.sweep import Sweep

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import MakeRoom, Room

RENT = {"remittance": "Rent November 2026"}
CLOSED_ACCOUNT = {"end_to_end_id": "INV-2", "creditor_iban": "FR1420041010050500013M02607"}


def sweep(room: Room, language: str = "zh") -> None:
    """A sweep of a workspace that speaks this language."""
    with room.services() as services:
        room.run(replace(services, translate=translator(language)))


def answer(room: Room, name: str = "pay.xml", folder: str = "acme/answers") -> dict[str, Any]:
    path = room.inbox / folder / f"{name}.{room.file(name).id}.json"
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return told


def letter(room: Room, name: str = "pay.xml", folder: str = "acme/answers") -> list[str]:
    path = room.inbox / folder / f"{name}.{room.file(name).id}.txt"
    return path.read_text("utf-8").splitlines()


def english(words: str) -> list[str]:
    """Two small words in a row: names and codes do not look like that."""
    return re.findall(r"\b[a-z]+ [a-z]+\b", re.sub(r"`[^`]*`", "", words))


def test_a_sent_file_is_answered_in_chinese(room: Room, payment_file: PaymentFile) -> None:
    room.drop(payment_file())
    sweep(room)
    told = answer(room)
    assert (told["verdict"], told["state"]) == ("sent", "sent")
    assert told["because"] == "银行服务器已确认"
    assert letter(room) == [
        "pay.xml：已发送",
        "银行服务器已确认",
        "1 笔，EUR 100.00；报文标识号 MSG-1",
        "下一步：无须处理：请等待银行的状态报告。",
        f"文件编号：{room.file().id}",
    ]


def test_a_refused_file_is_answered_with_chinese_sentences_and_the_usual_codes(
    room: Room, payment_file: PaymentFile
) -> None:
    room.drop(payment_file(payments=[{}, CLOSED_ACCOUNT]))
    sweep(room)
    told = answer(room)
    assert (told["verdict"], told["state"]) == ("refused", "invalid")
    [problem] = told["problems"]
    assert (problem["rule"], problem["severity"], problem["code"]) == ("iban", "error", "AC01")
    assert problem["message"] == "FR1420041010050500013M02607 的校验位不符：有字符录错或颠倒"
    assert told["because"] == problem["message"]
    assert letter(room)[3:6] == [
        f"- 错误 iban AC01：{problem['message']}",
        "  位置：第 1 批第 2 笔（INV-2），收款账户，第 31 行第 23 列",
        "  请向账户持有人核实 IBAN，并更正主数据。",
    ]


def test_several_reasons_are_one_chinese_sentence_even_after_a_restart(
    room: Room, payment_file: PaymentFile
) -> None:
    room.drop(payment_file().replace(b"<CtrlSum>100", b"<CtrlSum>99"))
    sweep(room)
    reason = "声明的控制总和为 99.00，但各笔金额合计为 100.00"
    assert answer(room)["because"] == f"{reason}；{reason}"
    assert room.file().because.startswith("declares a control sum of 99.00")


def test_the_same_answers_are_in_english_where_the_workspace_is(
    room: Room, payment_file: PaymentFile
) -> None:
    room.drop(payment_file(payments=[{}, CLOSED_ACCOUNT]))
    sweep(room, "en")
    problem = (
        "FR1420041010050500013M02607 has wrong check digits: a character was mistyped or swapped"
    )
    assert letter(room) == [
        "pay.xml: refused",
        problem,
        "2 payments, EUR 200.00; message id MSG-1",
        f"- error iban AC01: {problem}",
        "  at batch 1, payment 2 (INV-2), creditor account, line 31, column 23",
        "  Ask the owner for the IBAN and correct it in the master data.",
        "Next move: Correct the problems and drop the file again.",
        f"File id: {room.file().id}",
    ]


def test_duplicates_and_held_files_are_answered_in_chinese(
    room: Room, payment_file: PaymentFile
) -> None:
    first = payment_file(payments=[RENT])
    room.drop(first)
    sweep(room)
    room.drop(first, "again.xml")
    room.drop(payment_file("MSG-1", [{"amount": "7"}]), "other.xml")
    room.drop(payment_file("MSG-2", [RENT]), "alike.xml")
    sweep(room)
    sent = room.file().id
    again, other, alike = (answer(room, f"{name}.xml") for name in ("again", "other", "alike"))
    assert again["because"] == f"已处理过：内容完全相同的文件此前已收到（文件 {sent}）"
    assert [problem["code"] for problem in again["problems"]] == ["DU01"]
    assert other["because"] == f"报文标识号 MSG-1 已被内容不同的文件 {sent} 使用"
    place = "第 1 笔（MSG-2-1），EUR 100.00"
    assert alike["because"] == f"{place}：与文件 {sent} 的账户、金额和附言相同"
    assert [told["verdict"] for told in (again, other, alike)] == ["duplicate", "duplicate", "held"]


def test_a_file_for_no_bank_is_answered_in_chinese_with_a_code(
    room: Room, payment_file: PaymentFile
) -> None:
    room.drop(payment_file(debtor_iban="FR1420041010050500013M02606"), door="")
    sweep(room)
    [problem] = answer(room, folder="answers")["problems"]
    assert (problem["rule"], problem["code"]) == ("routing", "AC02")
    assert problem["message"] == "文件所用的账户均未在任何银行配置"


def test_what_lay_in_a_door_at_the_start_is_answered_in_chinese(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = make_room()
    room.make_rooms()
    room.drop(payment_file())
    sweep(room)
    assert room.file().state is Out.HELD
    assert not any(map(english, letter(room)))


def test_a_taken_name_is_answered_in_chinese(room: Room, payment_file: PaymentFile) -> None:
    (room.bank / "in" / "ACME_0001.xml").touch()
    room.drop(payment_file())
    sweep(room)
    [problem] = answer(room)["problems"]
    assert problem["rule"] == "name-taken"
    assert not any(map(english, letter(room)))


def test_a_persons_reason_is_told_as_it_was_given(room: Room, payment_file: PaymentFile) -> None:
    (room.bank / "in" / "ACME_0001.xml").touch()
    room.drop(payment_file())
    sweep(room)
    with room.services() as services, Sweep(services) as open_sweep:
        desk.cancel(open_sweep.ledger, room.file().id, "anna", '["not ours"]', room.clock.now())
    sweep(room)
    told = answer(room)
    assert (told["verdict"], told["because"]) == ("cancelled", '["not ours"]')


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_dossier_and_the_chain_keep_their_english(
    language: str, room: Room, payment_file: PaymentFile
) -> None:
    room.drop(payment_file(payments=[CLOSED_ACCOUNT]))
    sweep(room, language)
    dossier = next((room.root / "archive").rglob("manifest.json")).parent
    [problem] = json.loads((dossier / "manifest.json").read_text())["problems"]
    last = json.loads((dossier / "moves.jsonl").read_text().splitlines()[-1])
    assert last["because"] == problem["message"]
    assert problem["message"].endswith(
        "has wrong check digits: a character was mistyped or swapped"
    )
