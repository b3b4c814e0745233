"""Every account and status report of the corpus is read, or refused for a stated reason."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.core import books
from h2h.core.money import plain
from h2h.core.statement import Statement
from h2h.errors import Corrupt
from h2h.export import ErpExporter
from h2h.ports import FormTerms

if TYPE_CHECKING:
    from tests.adapters.conftest import ReadWhole, WholeMessage

CORPUS = Path(os.environ.get("H2H_CORPUS") or Path(__file__).parents[3] / "shared" / "corpus")
pytestmark = pytest.mark.usefixtures("corpus")

REFUSED = {
    "genkgo+camt/test/data/camt052.v1.xml": "camt.052.001.01 is no bank message that is read here",
    "genkgo+camt/test/data/camt053.v2.wrong.xml": "camt.053.001.02 without any statement in it",
    "moov-io+iso20022/test/testdata/invalid_pain_v11.xml": "unknown name space ''",
}
# Made-up samples, most of them, whose figures nobody added up.
_SEK = "balance CLBD is in SEK, not in EUR"
HELD = {
    "genkgo+camt/test/Unit/Camt053/Stubs/camt053.v2.minimal.xml": _SEK,
    "genkgo+camt/test/Unit/Camt053/Stubs/camt053.v3.xml": _SEK,
    "genkgo+camt/test/Unit/Camt053/Stubs/camt053.v4.xml": _SEK,
    "genkgo+camt/test/data/camt053.v2.all-balance-types.xml": "by 5.820 EUR",
    "genkgo+camt/test/data/camt053.v2.five.decimals.xml": "by 0.050 EUR",
    "genkgo+camt/test/data/camt053.v2.minimal.ultimate.xml": _SEK,
    "genkgo+camt/test/data/camt053.v2.minimal.xml": _SEK,
    "genkgo+camt/test/data/camt053.v2.with-account-name.xml": "entry 1 is in EUR, not in JPY",
    "genkgo+camt/test/data/camt053.v2.with-party-ids.xml": _SEK,
    "genkgo+camt/test/data/camt053.v3.xml": _SEK,
    "genkgo+camt/test/data/camt053.v4.xml": _SEK,
    "genkgo+camt/test/data/camt053.v8.xml": _SEK,
    "insensefi+corporate/camt53.xml": "by 2318.46 EUR",
    "moov-io+iso20022/test/testdata/"
    "camt.053_P_CH2909000000250094239_1110092698_0_2020112503071366.xml": "by 1537.00 CHF",
    "newinnovations+camt053/doc/error-camt053.xml": "by 50.00 EUR",
    "newinnovations+camt053/doc/example-camt053-b.xml": "entry 10 is in EUR, not in USD",
    "phoughton+pyiso20022/example_files/gs_camt/camt053_001_02.xml": "entry 8 is in EUR",
    "viafintech+camt_parser/spec/fixtures/053/valid_example_v8.xml": "entry 3 is in EUR",
    "viafintech+camt_parser/spec/fixtures/053/valid_example_with_batch.xml": "by 12774.14 EUR",
    "viafintech+camt_parser/spec/fixtures/053/valid_example_with_debit.xml": "by 66.12 EUR",
    "viafintech+camt_parser/spec/fixtures/053/valid_example_with_instdamt.xml": "by 100.00 CHF",
}


@cache
def sources() -> tuple[dict[str, str], ...]:
    """Every report of the corpus; payment files are another test's."""
    with (CORPUS / "SOURCES.tsv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        return tuple(row for row in rows if row["message"] != "pain.001")


Messages = Mapping[str, "WholeMessage"]


@pytest.fixture(scope="module")
def messages(corpus: Path, read_whole: ReadWhole) -> Messages:
    """What could be read, by path."""
    paths = [row["path"] for row in sources() if row["path"] not in REFUSED]
    return {path: read_whole(corpus / path, 1_000_000) for path in paths}


def balanced(statement: Statement) -> bool | None:
    return books.balanced(statement, books.tally_of(statement))


def judge(statement: Statement) -> str:
    return books.judge(statement, books.tally_of(statement), [statement.account])


def fingerprint(statement: Statement) -> str:
    return books.statement_fingerprint(statement, books.tally_of(statement))


def test_every_report_is_read_or_refused_for_a_stated_reason(
    messages: Messages, read_whole: ReadWhole
) -> None:
    for path, reason in REFUSED.items():
        with pytest.raises(Corrupt) as refused:
            read_whole(CORPUS / path, 1_000_000)
        assert reason in refused.value.cause
    assert (len(sources()), len(messages)) == (107, 104)
    kinds = Counter(message.message[:8] for message in messages.values())
    assert kinds == {"camt.052": 19, "camt.053": 44, "camt.054": 35, "pain.002": 6}


def test_nothing_in_them_is_lost(messages: Messages) -> None:
    statements = [s for message in messages.values() for s in message.statements]
    entries = [entry for statement in statements for entry in statement.entries]
    assert (len(statements), len(entries), sum(len(e.details) for e in entries)) == (237, 247, 324)
    assert [statement.doubts for statement in statements if statement.doubts] == []
    assert [s for s in statements if not s.account] == []
    for path, message in messages.items():
        text = (CORPUS / path).read_text("utf-8")
        ends = Counter(re.findall(r"</(?:\w+:)?(Rpt|Stmt|Ntfctn|Ntry)\s*>", text))
        assert sum(len(tuple(s.entries)) for s in message.statements) == ends.pop("Ntry", 0), path
        assert len(message.statements) == ends.total(), path


def test_the_schemas_verdict_is_the_one_that_came_with_the_corpus(messages: Messages) -> None:
    verdicts = Counter[str]()
    for row in sources():
        if (message := messages.get(row["path"])) is None:
            continue
        rules = {problem.rule for problem in message.problems}
        assert rules <= {"schema", "version-between", "statement-summary"}, row["path"]
        if "version-between" in rules:
            verdicts["not carried"] += 1
        else:
            verdict = "invalid" if "schema" in rules else "valid"
            assert verdict == row["schema_verdict"], row["path"]
            verdicts[verdict] += 1
    assert verdicts == {"valid": 85, "invalid": 11, "not carried": 8}


def test_statements_balance_or_are_on_the_list_of_those_that_do_not(messages: Messages) -> None:
    held, verdicts = {}, Counter[bool | None]()
    for path, message in messages.items():
        for statement in message.statements:
            verdicts[balanced(statement)] += 1
            if why := judge(statement):
                held[path] = why
    assert held.keys() == HELD.keys()
    for path, reason in HELD.items():
        assert reason in held[path], path
    assert verdicts == {True: 152, False: 21, None: 64}


def test_a_file_delivered_again_under_new_names_has_the_same_fingerprints(
    tmp_path: Path, messages: Messages, read_whole: ReadWhole
) -> None:
    again = tmp_path / "again.xml"
    renamed = 0
    for path, message in messages.items():
        text = (CORPUS / path).read_text("utf-8")
        if message.message_id and text.count(f">{message.message_id}<") == 1:
            again.write_text(text.replace(f">{message.message_id}<", ">SENT-AGAIN<"), "utf-8")
            second = read_whole(again, 1_000_000)
            assert second.message_id == "SENT-AGAIN"
            pairs = zip(second.statements, message.statements, strict=True)
            assert all(fingerprint(new) == fingerprint(old) for new, old in pairs), path
            renamed += len(message.statements)
    assert renamed > 150


def test_any_digit_changed_in_a_balanced_statement_of_the_corpus_is_caught(
    tmp_path: Path, messages: Messages, read_whole: ReadWhole
) -> None:
    """One digit of every opening, closing and booked amount, in files of one statement."""
    mutant = tmp_path / "mutant.xml"
    mutants = caught = 0
    for path, message in messages.items():
        statements = message.statements
        if len(statements) != 1 or balanced(statements[0]) is not True:
            continue
        text = (CORPUS / path).read_text("utf-8")
        first, last = books.opening(statements[0]), books.closing(statements[0])
        booked = [entry.amount for entry in statements[0].entries if entry.status == "BOOK"]
        for figure in {b.amount for b in (first, last) if b} | set(booked):
            for changed in _once_in(text, figure):
                mutant.write_text(changed, "utf-8")
                statement = read_whole(mutant, 1_000_000).statements[0]
                mutants += 1
                caught += judge(statement) != ""
    assert mutants > 50
    assert caught == mutants


def _once_in(text: str, figure: Decimal) -> list[str]:
    """The text with the figure's last digit changed, if it stands there once."""
    digits = plain(abs(figure))
    other = digits[:-1] + ("7" if digits[-1] != "7" else "3")
    return [text.replace(f">{digits}<", f">{other}<")] if text.count(f">{digits}<") == 1 else []


def test_every_report_can_be_exported(messages: Messages, tmp_path: Path) -> None:
    exporter, target = ErpExporter(), tmp_path / "made.csv"
    rows = 0
    for message in messages.values():
        if message.report:
            content = exporter.report(message.report)[0].content
        else:
            assert exporter.write(FormTerms("csv"), message.statements, target) == ()
            content = target.read_bytes()
        rows += content.count(b"\r\n") - 1
    assert rows > 324
