"""What real files say, to the last field: golden results with zero tolerance, and two tables.

`H2H_GOLDEN=write pytest tests/adapters/test_corpus_golden.py` writes the golden results anew; what
changed in them is then compared with the source file by eye. They hold facts, not the files: a long
text is kept as its beginning, its length and its hash.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.adapters.messages import Unreadable
from h2h.core import books
from h2h.core.money import plain
from h2h.core.problem import Problem

if TYPE_CHECKING:
    from tests.adapters.conftest import ReadWhole, WholeMessage

GOLDEN = Path(__file__).parent.parent / "golden"
_LONGEST = 60  # characters of a text that are kept as they are

_BALLERINA = (
    "ballerina-platform+module-ballerinax-financial.swiftmt-to-iso20022/swiftmt_to_iso20022/tests/"
)
_DVBERN = "dvbern+iso20022/iso20022-ch-impl/src/test/resources/ch/dvbern/oss/lib/iso20022/"
_GENKGO = "genkgo+camt/test/data/"
_MOOV = "moov-io+iso20022/test/testdata/"
_VIAFINTECH = "viafintech+camt_parser/spec/fixtures/"

# Golden result -> the file, and what it is chosen for.
CHOSEN = {
    # camt.053
    "query-farm-053-08": "Query-farm+vgi-iso20022/data/camt053/statement1.xml",  # totals that lie
    "ballerina-053-08-page": f"{_BALLERINA}c_53_1_1/mt940_camt_053_B_D.xml",  # in an envelope
    "ballerina-053-08-nine": f"{_BALLERINA}c_53_1_1/mt950_camt_053_A_B.xml",
    "swiss-053-04-sample": f"{_DVBERN}camt053/v00104/Business Sample camt.053.001.04.xml",  # FX
    "swiss-053-04-day": f"{_DVBERN}camt053/v00104/"  # reversals, charges, returns, batches
    "camt.053_P_CH0309000000250090342_380000000_0_2016053100163801.xml",
    "genkgo-053-03": f"{_GENKGO}camt053.v3.xml",  # a version between
    "genkgo-053-02-balances": f"{_GENKGO}camt053.v2.all-balance-types.xml",
    "genkgo-053-02-decimals": f"{_GENKGO}camt053.v2.five.decimals.xml",
    "genkgo-053-02-two": f"{_GENKGO}camt053.v2.multi.statement.xml",
    "genkgo-053-02-empty": f"{_GENKGO}camt53.only-Dt-with-DtTm.xml",  # no entries
    "insensefi-053-02": "insensefi+corporate/camt53.xml",
    "dutch-053-02": "jasperkrijgsman+dutch-sepa-iso20022/src/main/resources/camt.053.001.02.xml",
    "finnish-053-02": f"{_MOOV}FI_camt_053_sample.xml.xml",
    "postfinance-053-04": f"{_MOOV}"  # does not balance
    "camt.053_P_CH2909000000250094239_1110092698_0_2020112503071366.xml",
    "dutch-053-02-two": "newinnovations+camt053/doc/example-camt053-a.xml",
    "goldman-053-02": "phoughton+pyiso20022/example_files/gs_camt/camt053_001_02.xml",
    "viafintech-053-02": f"{_VIAFINTECH}053/valid_example.xml",  # mandates
    "viafintech-053-08": f"{_VIAFINTECH}053/valid_example_v8.xml",
    "viafintech-053-10": f"{_VIAFINTECH}053/valid_example_with_datetime.xml",
    # camt.052
    "ballerina-052-08": f"{_BALLERINA}c_52_1_1/mt942_camt_052_C_D.xml",
    "genkgo-052-06-zero": f"{_GENKGO}camt052.v6.Amt-zero.xml",  # an amount of zero
    "finnish-052-02": f"{_MOOV}FI_camt_052_sample.xml.xml",  # pending entries
    "goldman-052-02": "phoughton+pyiso20022/example_files/gs_camt/camt052_001_02.xml",  # accounts
    # camt.054
    "ballerina-054-08": f"{_BALLERINA}c_54_1_1/mt900_camt_054_A_B.xml",
    "swiss-054-08-uetr": f"{_DVBERN}camt054.v00108/"
    "200519_camt.054_P_CH2909000000250094239_1111091335_0_2020061900081727_v2019.xml",
    "swiss-054-04-reversed": f"{_DVBERN}camt054/v00104/"
    "camt_054_Beispiel_NoCrdtBookedNotReversed.xml",
    "genkgo-054-08": f"{_GENKGO}camt054.v8.xml",
    "finnish-054-02": f"{_MOOV}FI_camt_054_sample.xml.xml",  # information entries
    "postfinance-054-04-charges": f"{_MOOV}"
    "200519_camt054-ESR-ASR_P_CH2909000000250094239_1110092704_0_2019042500372179.xml",
    "postfinance-054-04-return": f"{_MOOV}"
    "camt054-returns_p_ch5109000000250092291_1110097606_0_2020112500512470.xml",
    # pain.002: of the group, of a batch, of a payment
    "postfinance-002-group": f"{_MOOV}pain002-epo_p_0_0_0_2018032614401842.xml",
    "postfinance-002-batch": f"{_MOOV}"
    "pain002-chdd-cor1_p_ch2909000000250094239_1110097483_0_2018031317221082.xml",
    "postfinance-002-payment": f"{_MOOV}"
    "pain002-epo_p_ch2909000000250094239_1109800799_0_2018032612092784.xml",
    "postfinance-002-part": f"{_MOOV}"
    "pain002-epo_p_ch5109000000250092291_1110097605_0_2018031511252307.xml",
}

# What a bank may not send: file -> the rule that refuses it, and why. Payment files, which only go
# out, are refused alike and are counted.
REFUSED = {
    f"{_GENKGO}camt052.v1.xml": ("message", "camt.052.001.01 is no bank message that is read here"),
    f"{_GENKGO}camt053.v2.wrong.xml": ("message", "camt.053.001.02 without any statement in it"),
    f"{_MOOV}invalid_pain_v11.xml": ("message", "unknown name space ''"),
}
_PAYMENT_FILES = 23

# Made-up samples, most of them, whose figures nobody added up. By how much closing is too much, or
# why the figures cannot be added up.
_SEK = "balance CLBD is in SEK, not in EUR"
UNBALANCED = {
    "genkgo+camt/test/Unit/Camt053/Stubs/camt053.v2.minimal.xml": _SEK,
    "genkgo+camt/test/Unit/Camt053/Stubs/camt053.v3.xml": _SEK,
    "genkgo+camt/test/Unit/Camt053/Stubs/camt053.v4.xml": _SEK,
    f"{_GENKGO}camt053.v2.all-balance-types.xml": "-5.820",
    f"{_GENKGO}camt053.v2.five.decimals.xml": "0.050",
    f"{_GENKGO}camt053.v2.minimal.ultimate.xml": _SEK,
    f"{_GENKGO}camt053.v2.minimal.xml": _SEK,
    f"{_GENKGO}camt053.v2.with-account-name.xml": "entry 1 is in EUR, not in JPY",
    f"{_GENKGO}camt053.v2.with-party-ids.xml": _SEK,
    f"{_GENKGO}camt053.v3.xml": _SEK,
    f"{_GENKGO}camt053.v4.xml": _SEK,
    f"{_GENKGO}camt053.v8.xml": _SEK,
    "insensefi+corporate/camt53.xml": "-2318.46",
    # the closing balance leaves out an entry that is valued on the next day
    f"{_MOOV}camt.053_P_CH2909000000250094239_1110092698_0_2020112503071366.xml": "-1537.00",
    "newinnovations+camt053/doc/error-camt053.xml": "-50.00",
    "newinnovations+camt053/doc/example-camt053-b.xml": "entry 10 is in EUR, not in USD",
    "phoughton+pyiso20022/example_files/gs_camt/camt053_001_02.xml": (
        "entry 8 is in EUR, not in USD"
    ),
    f"{_VIAFINTECH}053/valid_example_v8.xml": "entry 3 is in EUR, not in CHF",
    f"{_VIAFINTECH}053/valid_example_with_batch.xml": "12774.14",
    f"{_VIAFINTECH}053/valid_example_with_debit.xml": "66.12",
    f"{_VIAFINTECH}053/valid_example_with_instdamt.xml": "-100.00",
}


def sources(corpus: Path) -> list[dict[str, str]]:
    """Every file of the corpus, payment files too."""
    with (corpus / "SOURCES.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


@pytest.fixture(scope="module")
def messages(corpus: Path, read_whole: ReadWhole) -> Mapping[str, WholeMessage]:
    """What a bank may send and is read, by path."""
    return {
        row["path"]: read_whole(corpus / row["path"], 1_000_000)
        for row in sources(corpus)
        if row["path"] not in REFUSED and row["message"] != "pain.001"
    }


def test_every_file_is_read_or_refused_by_a_rule(
    corpus: Path, messages: Mapping[str, WholeMessage], read_whole: ReadWhole
) -> None:
    refused = Counter[str]()
    for row in sources(corpus):
        if row["path"] in messages:
            continue
        with pytest.raises(Unreadable) as refusal:
            read_whole(corpus / row["path"], 1_000_000)
        problem = refusal.value.problem
        rule, why = REFUSED.get(row["path"], ("message", " is no bank message that is read here"))
        assert (problem.rule, why in problem.message) == (rule, True), row["path"]
        assert problem.remedy
        refused[row["message"]] += 1
    assert refused.pop("pain.001") == _PAYMENT_FILES
    assert refused.total() == len(REFUSED)
    assert len(messages) == 104


def test_statements_balance_or_are_named_with_their_difference(
    messages: Mapping[str, WholeMessage],
) -> None:
    found = {}
    balanced = 0
    for path, message in messages.items():
        for statement in message.statements:
            tally = books.tally_of(statement)
            verdict = books.balanced(statement, tally)
            balanced += verdict is True
            if verdict is False:
                words = books.imbalance(statement, tally)
                figures = books.equation(statement, tally)
                difference = figures.difference if figures else Decimal(0)
                by = f"by {plain(abs(difference))} {statement.currency}: "
                named = plain(difference) if by in words else words
                found[path] = named.removeprefix("does not balance: ")
    assert found == UNBALANCED
    assert balanced == 152


# ---------------------------------------------------------------------------------- golden results


def facts(value: object) -> object:
    """What was read, ready for JSON."""
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and len(value) > _LONGEST:
        digest = hashlib.sha256(value.encode()).hexdigest()[:16]
        return f"{value[:20]}... {len(value)} characters, {digest}"
    if isinstance(value, Problem):  # its words are the schema's, in part
        return {"rule": value.rule, "severity": value.severity, "path": value.path or ""}
    if hasattr(value, "_fields") or hasattr(value, "__dataclass_fields__"):
        return named(value)
    if isinstance(value, tuple | list):
        return [facts(each) for each in value]
    return value


def named(value: object) -> dict[str, object]:
    """The fields of a value that say anything."""
    names: Iterable[str] = getattr(value, "_fields", getattr(value, "__dataclass_fields__", ()))
    told = {name: facts(getattr(value, name)) for name in names}
    return {
        name: said
        for name, said in told.items()
        if said is not False and said not in ("", None, [], {})
    }


def golden(message: WholeMessage) -> str:
    """All that is read of a file, and what becomes of each statement."""
    told: dict[str, object] = {"message": message.message, "message_id": message.message_id}
    told["statements"] = [
        {"judged": books.judge(each, books.tally_of(each), [each.account])} | named(each)
        for each in message.statements
    ]
    told["report"] = facts(message.report)
    told["problems"] = facts(message.problems)
    kept = {name: value for name, value in told.items() if value}
    return json.dumps(kept, indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", CHOSEN)
def test_a_real_file_says_what_it_said_when_it_was_looked_through(
    messages: Mapping[str, WholeMessage], name: str
) -> None:
    path = GOLDEN / f"{name}.json"
    found = golden(messages[CHOSEN[name]])
    if os.environ.get("H2H_GOLDEN") == "write":
        path.write_text(found, "utf-8")
    assert found == path.read_text("utf-8")


def test_every_golden_result_is_compared() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == CHOSEN.keys()
    assert len(CHOSEN) >= 30
