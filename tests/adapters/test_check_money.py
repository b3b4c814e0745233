"""A digit that was changed on the way: in an account, an amount, a count or a sum, it is found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

import pytest
from lxml import etree

from h2h.adapters.messages.iso20022 import schema
from h2h.adapters.messages.iso20022.check import check
from h2h.core.terms import CheckTerms

TODAY = date(2026, 11, 23)
MONEY = re.compile(rb"<(IBAN|InstdAmt Ccy=\"EUR\"|NbOfTxs|CtrlSum)>([^<]+)<")
PAYMENTS = ({"amount": "1234.56"}, {"amount": "0.07"}, {"amount": "99999"})


class File(Protocol):
    """The builders in tests/conftest.py."""

    def __call__(
        self, message_id: str, payments: Sequence[Mapping[str, str]], *, version: str
    ) -> bytes: ...


def mutants(content: bytes) -> Iterator[bytes]:
    """The file with one digit of its money changed, for each digit and each other digit."""
    for match in MONEY.finditer(content):
        for at in range(*match.span(2)):
            for digit in range(ord("0"), ord("9") + 1):
                if content[at : at + 1].isdigit() and content[at] != digit:
                    yield content[:at] + bytes([digit]) + content[at + 1 :]


@pytest.mark.parametrize("version", ["pain.001.001.03", "pain.001.001.09", "pain.008.001.02"])
def test_every_digit_that_is_changed_is_found(
    tmp_path: Path, payment_file: File, collection_file: File, version: str
) -> None:
    write = collection_file if version.startswith("pain.008") else payment_file
    whole = write("M", PAYMENTS, version=version)
    path = tmp_path / "payments.xml"
    path.write_bytes(whole)
    assert check(path, CheckTerms(), TODAY).valid
    changed = [*mutants(whole)]
    assert len(changed) > 900
    assert [mutant for mutant in changed if _passes(path, mutant)] == []
    # what a parser with the schema alone would have let pass
    alone = schema.carried(version)
    assert alone is not None
    assert sum(_conforms(alone, mutant) for mutant in changed) > 0.8 * len(changed)


def _passes(path: Path, content: bytes) -> bool:
    path.write_bytes(content)
    return check(path, CheckTerms(), TODAY, first=True).valid


def _conforms(alone: etree.XMLSchema, content: bytes) -> bool:
    judge = schema.Judge(alone)
    judge.feed(content)
    return not judge.complaints()
