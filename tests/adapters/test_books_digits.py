"""One digit of one amount written wrongly: the statement is held, whatever bank and format.

Every digit counts of the opening and closing balance and of every booked entry, as the bank wrote
them. By their nature other figures cannot be caught so: amounts in the details of an entry, charges
and counter values beside it, pending entries, available and forward balances, and a second balance
where another one counts already. The mutants of a statement are judged as statements of one file.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from h2h.adapters.messages import Iso20022Messages
from h2h.core import books
from h2h.core.statement import Statement, whole

from ..series.banks import BANKS, all_series  # noqa: TID252 - `tests` is on no path

Span = tuple[int, int]
CAUGHT = "held: does not balance"

_STATEMENT = re.compile(r"<(?P<p>(?:\w+:)?)Stmt>.*?</(?P=p)Stmt\s*>", re.DOTALL)
_FIGURE = re.compile(  # a balance may tell its credit line before its own amount
    r"<(?P<p>(?:\w+:)?)(?P<tag>Bal|Ntry)>(?:<(?P=p)CdtLine>.*?</(?P=p)CdtLine>|.)*?"
    r"<(?P=p)Amt\s[^>]*>\s*([^<]+?)\s*<",
    re.DOTALL,
)
_MT_FIGURE = re.compile(r"^:(?:6[02][FM]:[CD]\d{6}[A-Z]{3}|61:\d{10}R?[CD])(\d+,\d*)", re.MULTILINE)
_BAI_FIGURE = re.compile(r"(?<=,010,)-?(\d+)|(?<=,015,)-?(\d+)|^16,\d{3},(\d+)", re.MULTILINE)


def read(path: Path) -> Sequence[Statement]:
    return tuple(whole(Iso20022Messages().read(path, 1_000_000_000).parts))


def tallied(statement: Statement) -> books.Tally:
    return books.tally_of(statement)


def mutants(text: str, spans: Sequence[Span], each: int) -> Iterator[str]:
    """The text with one digit changed: every digit within the spans to `each` other ones."""
    for start, end in spans:
        for place in range(start, end):
            if text[place].isdigit():
                for step in range(1, each + 1):
                    # every digit gets others, all nine of them for each = 9
                    other = (int(text[place]) + step * (1 if each == 9 else 3)) % 10
                    yield f"{text[:place]}{other}{text[place + 1 :]}"


def counting(statement: Statement, block: str) -> list[Span]:
    """Where in a camt statement the figures of its equation stand."""
    found: dict[str, list[Span]] = {"Bal": [], "Ntry": []}
    for figure in _FIGURE.finditer(block):
        found[figure["tag"]].append(figure.span(3))
    entries = tuple(statement.entries)
    assert (len(found["Bal"]), len(found["Ntry"])) == (len(statement.balances), len(entries))
    ends = [books.opening(statement), books.closing(statement)]
    spans = [
        span
        for span, balance in zip(found["Bal"], statement.balances, strict=True)
        if any(balance is end for end in ends)
    ]
    assert len(spans) == 2
    pairs = zip(found["Ntry"], entries, strict=True)
    return spans + [span for span, entry in pairs if entry.status == "BOOK"]


def judged(path: Path, text: str) -> Counter[str]:
    """What becomes of the statements in a file."""
    path.write_text(text, "utf-8", newline="")
    found = Counter[str]()
    for statement in read(path):
        tally = tallied(statement)
        held = books.judge(statement, tally, [statement.account])
        off = books.imbalance(statement, tally)
        assert bool(off) is (books.balanced(statement, tally) is False)
        found[CAUGHT if held and off else f"missed: {statement.id}"] += 1
    return found


def camt_mutants(path: Path, text: str, each: int) -> Counter[str]:
    """Of every balanced statement in a camt.053."""
    path.write_text(text, "utf-8", newline="")
    blocks = list(_STATEMENT.finditer(text))
    top, bottom = text[: blocks[0].start()], text[blocks[-1].end() :]
    statements = read(path)
    found = Counter[str]()
    for statement, block in zip(statements, blocks, strict=True):
        if books.balanced(statement, tallied(statement)):
            made = list(mutants(block[0], counting(statement, block[0]), each))
            found += judged(path, top + "".join(made) + bottom)
            assert found.total() >= len(made)
    return found


def text_mutants(figures: re.Pattern[str]) -> Callable[[Path, str, int], Counter[str]]:
    """Of a file in plain text, one file for each: a trailer of BAI2 counts what is in it."""

    def judge(path: Path, text: str, each: int) -> Counter[str]:
        spans = [found.span(found.lastindex or 0) for found in figures.finditer(text)]
        assert spans
        found = Counter[str]()
        for mutant in mutants(text, spans, each):
            path.write_text(mutant, "utf-8", newline="")
            wrong = [s for s in read(path) if books.imbalance(s, tallied(s))]
            held = [s for s in wrong if books.judge(s, tallied(s), [s.account])]
            found[CAUGHT if len(held) == len(wrong) == 1 else "missed"] += 1
        return found

    return judge


FORMATS = {"mersey": text_mutants(_MT_FIGURE), "harbor": text_mutants(_BAI_FIGURE)}
EACH = {"rhein": 2, "alpen": 3, "polder": 3, "mersey": 1, "harbor": 1}
AT_LEAST = {"rhein": 2_500, "alpen": 1_500, "polder": 2_000, "mersey": 800, "harbor": 1_000}
# reports, intraday, notifications
_NO_EQUATION = re.compile("pain.002|camt.05[24]|:34F:|^02,.*,3/$", re.MULTILINE)


@pytest.mark.parametrize("bank", BANKS)
def test_any_digit_of_a_banks_month_is_caught(tmp_path: Path, bank: str) -> None:
    mutant = tmp_path / "mutant.txt"
    found = Counter[str]()
    (series,) = (series for series in all_series() if series.bank == bank)
    for delivery in series.deliveries:
        if not _NO_EQUATION.search(delivery.content.replace("camt.054.001.08</MsgNmId", "")):
            found += FORMATS.get(bank, camt_mutants)(mutant, delivery.content, EACH[bank])
    assert found.keys() == {CAUGHT}
    assert found.total() > AT_LEAST[bank]


def test_any_digit_of_a_balanced_statement_of_the_corpus_is_caught(
    tmp_path: Path, corpus: Path
) -> None:
    with (corpus / "SOURCES.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    found = Counter[str]()
    for row in rows:
        text = (corpus / row["path"]).read_text("utf-8")
        if row["message"] == "camt.053" and _STATEMENT.search(text):
            found += camt_mutants(tmp_path / "mutant.xml", text, 2)
    assert found.keys() == {CAUGHT}
    assert found.total() > 4_000
