"""Where the rules' findings stand in the file: what they read, and the line and path they name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

import pytest

from h2h.adapters.messages.iso20022.check import check
from h2h.core.problem import Problem
from h2h.core.terms import CheckTerms

TODAY = date(2026, 11, 23)
PAYMENT = "/Document/CstmrCdtTrfInitn/PmtInf[1]/CdtTrfTxInf[1]"
NAME = b"<Cdtr><Nm>Fournisseur SA</Nm></Cdtr>"


class PaymentFile(Protocol):
    """The builder in tests/conftest.py."""

    def __call__(self, message_id: str = ...) -> bytes: ...


class Judged(Protocol):
    """Judges a file of one payment in which one text is replaced by another."""

    def __call__(self, old: bytes, new: bytes) -> Sequence[Problem]: ...


@pytest.fixture
def judged(tmp_path: Path, payment_file: PaymentFile) -> Judged:
    def judge(old: bytes, new: bytes) -> Sequence[Problem]:
        content = payment_file("M")
        assert content.count(old) == 1
        path = tmp_path / "payments.xml"
        path.write_bytes(content.replace(old, new))
        return check(path, CheckTerms(), TODAY).problems

    return judge


@pytest.mark.parametrize(
    ("address", "rule", "path", "words"),
    [
        (b"<AdrLine>Paris</AdrLine>", "address", "/AdrLine", "creditor, address line"),
        (b"<Ctry>FR</Ctry>", "address", "", "creditor, address"),
        (b"<TwnNm>Ayr</TwnNm><Ctry>UK</Ctry>", "country", "/Ctry", "creditor, country"),
    ],
)
def test_an_address_is_pointed_at_where_it_stands(
    judged: Judged, address: bytes, rule: str, path: str, words: str
) -> None:
    there = NAME.replace(b"</Cdtr>", b"\n<PstlAdr>%b</PstlAdr></Cdtr>" % address)
    (problem,) = judged(NAME, there)
    assert problem.rule == rule
    assert problem.xpath == f"{PAYMENT}/Cdtr/PstlAdr{path}"
    assert problem.path == f"batch 1, payment 1 (M-1), {words}"


@pytest.mark.parametrize(("issuer", "rules"), [(b"BBA", ["creditor-reference"]), (b"DISP", [])])
def test_the_issuer_of_a_reference_is_read(judged: Judged, issuer: bytes, rules: list[str]) -> None:
    kind = b"<Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry><Issr>%b</Issr></Tp>" % issuer
    reference = b"<CdtrRefInf>%b<Ref>010806817184</Ref></CdtrRefInf>" % kind
    found = judged(
        b"</CdtrAcct>",
        b"</CdtrAcct><RmtInf><Strd>%b</Strd></RmtInf>" % reference,
    )
    assert [problem.rule for problem in found] == rules
    paths = {problem.xpath for problem in found}
    assert paths <= {f"{PAYMENT}/RmtInf/Strd/CdtrRefInf/Ref"}


def test_the_bank_of_a_payment_is_pointed_at_by_its_number(judged: Judged) -> None:
    number = b"<ClrSysId><Cd>GBDSC</Cd></ClrSysId><MmbId>20-40-00</MmbId>"
    bank = b"<CdtrAgt><FinInstnId><ClrSysMmbId>%b</ClrSysMmbId></FinInstnId></CdtrAgt>" % number
    (problem,) = judged(NAME, bank + NAME)
    assert (problem.rule, problem.code) == ("clearing-member", "RC10")
    assert problem.xpath == f"{PAYMENT}/CdtrAgt/FinInstnId/ClrSysMmbId/MmbId"
    assert problem.path == "batch 1, payment 1 (M-1), creditor agent, clearing member id"
