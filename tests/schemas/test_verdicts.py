"""The same verdict as others' schemas, on documents grown, broken, collected and from a bank."""

import csv
import os
import random
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from .documents import MUTATIONS, Mutation, grow
from .oracles import NAMESPACE, messages, ours, references, structure_of

CORPUS = Path(os.environ.get("H2H_CORPUS") or Path(__file__).resolve().parents[3] / "shared/corpus")
EXAMPLES = 200

mutations = st.lists(
    st.tuples(
        st.sampled_from(MUTATIONS),
        st.integers(min_value=0, max_value=10**4),
        st.integers(min_value=0, max_value=10**4),
    ),
    max_size=3,
)


@cache
def judge(text: str) -> etree.XMLSchema:
    """A schema, compiled."""
    return etree.XMLSchema(etree.fromstring(text.encode()))


@cache
def our_judge(message: str) -> etree.XMLSchema:
    """Our schema of a message, compiled."""
    return etree.XMLSchema(etree.parse(ours(message)))


@pytest.mark.parametrize("message", messages())
def test_same_verdict_on_mutated_documents(message: str) -> None:
    theirs = references(message)
    types = structure_of(next(iter(theirs.values())))
    seen: Counter[bool] = Counter()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(min_value=0, max_value=10**6), mutations)
    def compare(seed: int, steps: list[tuple[Mutation, int, int]]) -> None:
        document = grow(types, message, random.Random(seed))
        for mutate, where, pick in steps:
            nodes = list(document.iter())
            mutate(nodes[where % len(nodes)], pick)
        verdicts = {name: judge(text).validate(document) for name, text in theirs.items()}
        assert set(verdicts.values()) == {our_judge(message).validate(document)}, verdicts
        if not steps:
            assert all(verdicts.values()), "a grown document is not valid"
        seen.update(verdicts.values())

    compare()
    assert min(seen[True], seen[False]) >= EXAMPLES // 10, seen  # both verdicts are given often


def document_in(path: Path) -> etree._Element:
    """The document in a file, taken out of whatever envelope it is in."""
    root = etree.parse(path, etree.XMLParser(resolve_entities=False)).getroot()
    (found,) = root.iter("{*}Document")
    return found


def collected() -> list[tuple[str, str, bool]]:
    """File, message and verdict of everything in the corpus that we carry a schema for."""
    with (CORPUS / "SOURCES.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        (row["path"], f"{row['message']}.{row['version']}", row["schema_verdict"] == "valid")
        for row in rows
        if f"{row['message']}.{row['version']}" in messages()
    ]


@pytest.mark.usefixtures("corpus")
def test_same_verdict_on_collected_files() -> None:
    files = collected()
    assert len(files) >= 100
    wrong = []
    for path, message, valid in files:
        if our_judge(message).validate(document_in(CORPUS / path)) != valid:
            wrong.append(f"{path}: {message}, expected {'valid' if valid else 'invalid'}")
    assert not wrong, "\n".join(wrong)


ORDER = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn><GrpHdr>
<MsgId>ORDER-1</MsgId><CreDtTm>2026-10-01T09:00:00</CreDtTm><NbOfTxs>2</NbOfTxs>
<CtrlSum>30.00</CtrlSum><InitgPty><Nm>Acme</Nm></InitgPty></GrpHdr><PmtInf>
<PmtInfId>BATCH-1</PmtInfId><PmtMtd>TRF</PmtMtd><NbOfTxs>2</NbOfTxs><CtrlSum>30.00</CtrlSum>
<ReqdExctnDt><Dt>2026-10-01</Dt></ReqdExctnDt><Dbtr><Nm>Acme</Nm></Dbtr>
<DbtrAcct><Id><IBAN>{debtor}</IBAN></Id></DbtrAcct>
<DbtrAgt><FinInstnId><BICFI>{bank}</BICFI></FinInstnId></DbtrAgt>{payments}
</PmtInf></CstmrCdtTrfInitn></Document>"""
PAYMENT = """<CdtTrfTxInf><PmtId><EndToEndId>E2E-{number}</EndToEndId></PmtId>
<Amt><InstdAmt Ccy="EUR">{amount}</InstdAmt></Amt><Cdtr><Nm>Creditor</Nm></Cdtr>
<CdtrAcct><Id><IBAN>{creditor}</IBAN></Id></CdtrAcct></CdtTrfTxInf>"""


@contextmanager
def practice_bank() -> Iterator[str]:
    """A mock bank's address; its day is 1 October 2026."""
    command = [sys.executable, "-m", "mockbank", "--port", "0", "--clock", "2026-10-01T09:00"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as bank:
        try:
            assert bank.stderr is not None
            found = re.search(r"http://\S+?:\d+", bank.stderr.readline())
            assert found is not None
            yield found.group()
        finally:
            bank.terminate()


def call(address: str, body: str = "", method: str = "GET") -> str:
    """The bank's answer, a refusal too."""
    request = urllib.request.Request(address, body.encode(), method=method)
    request.add_header("Content-Type", "application/xml")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.read(), "utf-8")
    except urllib.error.HTTPError as refusal:
        with refusal:
            return str(refusal.read(), "utf-8")


def test_a_bank_of_another_make_writes_what_ours_accepts() -> None:
    debtor, open_account, closed = "NL41MOCK0000000001", "NL14MOCK0000000002", "NL84MOCK0000000003"
    payments = "".join(
        PAYMENT.format(number=number, amount=amount, creditor=creditor)
        for number, amount, creditor in ((1, "10.00", open_account), (2, "20.00", closed))
    )
    order = ORDER.format(debtor=debtor, bank="MOCKNL2A", payments=payments)
    with practice_bank() as bank:
        for _ in range(2):  # the second time it is a duplicate, refused as a whole
            call(f"{bank}/payments", order, "POST")
        call(f"{bank}/_mock/advance?days=2", "", "POST")
        mailbox = call(f"{bank}/_mock/mailbox?raw&leave")
    assert our_judge("pain.001.001.09").validate(etree.fromstring(order.encode()))
    seen: Counter[str] = Counter()
    for text in re.split(r"(?=<\?xml\b)", mailbox):
        if text.strip():
            document = etree.fromstring(text.encode())
            message = (etree.QName(document).namespace or "").removeprefix(NAMESPACE)
            our_judge(message).assertValid(document)
            seen[message] += 1
    assert seen["pain.002.001.10"] >= 2
    assert seen.keys() >= {"camt.053.001.08", "camt.054.001.08"}
