"""What entries and their transactions say beside money: exchange, cards, cheques, agents, links."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from h2h.adapters.messages import Iso20022Messages
from h2h.adapters.messages.iso20022 import reports
from h2h.core.problem import Problem, Severity
from h2h.core.statement import Entry, EntryDetail, Exchange, Statement, whole

SPACE = "urn:iso:std:iso:20022:tech:xsd:"
TOP = """\
<Id>S</Id><CreDtTm>2026-03-03T06:00:00Z</CreDtTm>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>
"""
OLD = "<Sts>BOOK</Sts>"
NEW = "<Sts><Cd>BOOK</Cd></Sts>"

Read = Callable[..., tuple[list[Statement], list[Problem]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """read(report, version, severities): its statements, and what was wrong."""

    def reads(
        report: str, version: str = "08", **severities: Severity
    ) -> tuple[list[Statement], list[Problem]]:
        path = tmp_path / "bank.xml"
        path.write_text(
            f'<Document xmlns="{SPACE}camt.053.001.{version}"><BkToCstmrStmt><GrpHdr><MsgId>M'
            "</MsgId><CreDtTm>2026-03-03T06:00:00Z</CreDtTm></GrpHdr>"
            f"<Stmt>{report}</Stmt></BkToCstmrStmt></Document>",
            "utf-8",
        )
        wanted = {name.replace("_", "-"): severity for name, severity in severities.items()}
        message = Iso20022Messages().read(path, 1_000_000, wanted)
        return list(whole(message.parts)), message.problems

    return reads


@pytest.fixture
def entry(read: Read) -> Callable[..., Entry]:
    """entry(inside, version): an entry of 100 EUR with something inside, free of slips."""

    def reads(inside: str, version: str = "08", status: str = NEW) -> Entry:
        text = (
            f'{TOP}{balance("CLBD", "100")}<Ntry><Amt Ccy="EUR">100</Amt>'
            f"<CdtDbtInd>CRDT</CdtDbtInd>{status}<BkTxCd/>{inside}</Ntry>"
        )
        (statement,), problems = read(text, version)
        assert problems == []
        (found,) = statement.entries
        return found

    return reads


def balance(code: str, amount: str, sign: str = "<CdtDbtInd>CRDT</CdtDbtInd>") -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="EUR">{amount}</Amt>{sign}<Dt><Dt>2026-03-02</Dt></Dt></Bal>\n'
    )


def detail(entry: Entry) -> EntryDetail:
    (found,) = entry.details
    return found


RATE = "<CcyXchg><SrcCcy>USD</SrcCcy><TrgtCcy>EUR</TrgtCcy><XchgRate>0.9215</XchgRate></CcyXchg>"
FOREIGN = (
    f'<AmtDtls><InstdAmt><Amt Ccy="USD">108.52</Amt></InstdAmt><TxAmt><Amt Ccy="EUR">100</Amt>'
    f'{RATE}</TxAmt><CntrValAmt><Amt Ccy="EUR">100.00</Amt></CntrValAmt></AmtDtls>'
)
EXCHANGED = Exchange(Decimal("108.52"), "USD", Decimal("100.00"), "EUR", "0.9215", "USD", "EUR")


def test_an_exchange_is_read_of_the_entry_and_of_its_transaction(
    entry: Callable[..., Entry],
) -> None:
    found = entry(f"{FOREIGN}<NtryDtls><TxDtls>{FOREIGN}</TxDtls></NtryDtls>")
    assert found.exchange == detail(found).exchange == EXCHANGED
    assert detail(found).amount == Decimal(100)


def test_an_amount_that_is_only_repeated_is_no_exchange(entry: Callable[..., Entry]) -> None:
    same = (
        '<AmtDtls><InstdAmt><Amt Ccy="EUR">100</Amt></InstdAmt>'
        '<CntrValAmt><Amt Ccy="EUR">100</Amt></CntrValAmt></AmtDtls>'
    )
    found = entry(f"{same}<NtryDtls><TxDtls>{same}</TxDtls></NtryDtls>")
    assert (found.exchange, detail(found).exchange) == (None, None)


def test_a_foreign_amount_without_rate_is_an_exchange(entry: Callable[..., Entry]) -> None:
    found = entry('<AmtDtls><InstdAmt><Amt Ccy="USD">108.52</Amt></InstdAmt></AmtDtls>')
    assert found.exchange == Exchange(Decimal("108.52"), "USD")


def test_the_references_of_mandate_cheque_and_card_are_read(entry: Callable[..., Entry]) -> None:
    card = (
        "<CardTx><Card><PlainCardData><PAN>{}</PAN><XpryDt>2029-01</XpryDt></PlainCardData></Card>"
        "</CardTx>"
    )
    refs = "<Refs><MndtId>MANDATE-7</MndtId><ChqNb>000815</ChqNb></Refs>"
    own = entry(f"<NtryDtls><TxDtls>{refs}{card.format('51234567890')}</TxDtls></NtryDtls>")
    assert (detail(own).mandate_id, detail(own).cheque_number) == ("MANDATE-7", "000815")
    assert detail(own).card_number == "51234567890"
    of_the_entry = entry(f"{card.format('49876543210')}<NtryDtls><TxDtls/></NtryDtls>")
    assert detail(of_the_entry).card_number == "49876543210"


@pytest.mark.parametrize(
    ("bank", "version", "status", "read_as"),
    [
        ("<BICFI>COBADEFFXXX</BICFI>", "08", NEW, "COBADEFFXXX"),
        ("<BIC>COBADEFFXXX</BIC>", "02", OLD, "COBADEFFXXX"),
        ("<ClrSysMmbId><MmbId>021000021</MmbId></ClrSysMmbId>", "08", NEW, "021000021"),
        ("<Nm>Some Bank</Nm>", "08", NEW, ""),
    ],
)
def test_an_agent_is_its_bic_else_its_number_in_a_clearing_system(
    entry: Callable[..., Entry], bank: str, version: str, status: str, read_as: str
) -> None:
    agents = "".join(
        f"<{tag}><FinInstnId>{bank}</FinInstnId></{tag}>" for tag in ("DbtrAgt", "CdtrAgt")
    )
    found = entry(
        f"<NtryDtls><TxDtls><RltdAgts>{agents}</RltdAgts></TxDtls></NtryDtls>", version, status
    )
    assert (detail(found).debtor_agent, detail(found).creditor_agent) == (read_as, read_as)


def test_ultimate_parties_and_purpose_are_read(entry: Callable[..., Entry]) -> None:
    parties = "".join(
        f"<{tag}><Pty><Nm>{name}</Nm></Pty></{tag}>"
        for tag, name in (("UltmtDbtr", "Mother Ltd"), ("UltmtCdtr", "Daughter Ltd"))
    )
    found = detail(
        entry(
            f"<NtryDtls><TxDtls><RltdPties>{parties}</RltdPties><Purp><Cd>SALA</Cd></Purp>"
            "</TxDtls></NtryDtls>"
        )
    )
    assert (found.ultimate_debtor, found.ultimate_creditor) == ("Mother Ltd", "Daughter Ltd")
    assert found.purpose == "SALA"


def test_an_entry_names_the_notification_that_has_its_details(entry: Callable[..., Entry]) -> None:
    link = "<AddtlInfInd><MsgNmId>camt.054.001.08</MsgNmId><MsgId>NTF-9</MsgId></AddtlInfInd>"
    assert entry(link).linked_message_id == "NTF-9"


def test_the_page_is_the_statements_own_else_the_messages(read: Read) -> None:
    pages = "<StmtPgntn><PgNb>2</PgNb><LastPgInd>false</LastPgInd></StmtPgntn>"
    report = TOP.replace("<CreDtTm>", f"{pages}<CreDtTm>") + balance("CLBD", "1")
    (statement,), problems = read(report)
    assert (statement.page, problems) == ("2", [])


@pytest.mark.parametrize(("last", "page"), [("false", "1"), ("true", "")])
def test_a_message_in_one_page_makes_no_page_of_its_statement(
    tmp_path: Path, last: str, page: str
) -> None:
    """Before version 04 only the message had pages, and most say that they are page 1 of 1."""
    path = tmp_path / "bank.xml"
    path.write_text(
        f'<Document xmlns="{SPACE}camt.053.001.02"><BkToCstmrStmt><GrpHdr><MsgId>M</MsgId>'
        "<CreDtTm>2026-03-03T06:00:00Z</CreDtTm><MsgPgntn><PgNb>1</PgNb>"
        f"<LastPgInd>{last}</LastPgInd></MsgPgntn></GrpHdr><Stmt>{TOP}{balance('CLBD', '1')}</Stmt>"
        "</BkToCstmrStmt></Document>",
        "utf-8",
    )
    message = Iso20022Messages().read(path, 1_000_000)
    (part,) = (part for part in message.parts if part.last)
    assert (part.statement.page, message.problems) == (page, [])


# ------------------------------------------------------------------------------ slips by severity

ENTRY = (
    '<Ntry><Amt Ccy="EUR">{}</Amt><CdtDbtInd>{}</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BkTxCd/>'
    "</Ntry>\n"
)
CREDIT, DEBIT = ENTRY.format("30", "CRDT"), ENTRY.format("10", "DBIT")


def of(problems: list[Problem], rule: str) -> list[Problem]:
    return [problem for problem in problems if problem.rule == rule]


def test_a_balance_without_sign_is_a_credit_where_only_that_balances(read: Read) -> None:
    text = TOP + balance("OPBD", "100") + balance("CLBD", "120", "") + CREDIT + DEBIT
    (statement,), problems = read(text)
    assert [str(each.amount) for each in statement.balances] == ["100", "120"]
    assert statement.doubts == ()
    (slip,) = of(problems, "balance-sign")
    assert (slip.severity, slip.path) == (Severity.WARN, "statement 1, balance 2, CdtDbtInd")
    assert slip.line == text[: text.index("120")].count("\n") + 1


@pytest.mark.parametrize(
    "text",
    [
        balance("OPBD", "100") + balance("CLBD", "121", "") + CREDIT + DEBIT,  # off by one
        balance("OPBD", "100", "") + balance("CLBD", "100", ""),  # both could be debits
        balance("OPBD", "10", "") + balance("CLBD", "10") + CREDIT + DEBIT,  # it is a debit
        balance("OPBD", "100") + balance("CLBD", "120") + balance("CLAV", "5", "") + CREDIT + DEBIT,
        balance("CLBD", "120", "") + CREDIT,  # nothing to prove it by
    ],
)
def test_a_balance_without_sign_is_in_doubt_where_it_is_not_proved(read: Read, text: str) -> None:
    (statement,), problems = read(TOP + text)
    assert statement.doubts
    assert all(doubt.endswith("is left out: its sign is missing") for doubt in statement.doubts)
    assert of(problems, "balance-sign") == []
    unsigned = text.count("</Amt><Dt>")
    assert len(statement.balances) == text.count("<Bal>") - unsigned
    assert len(of(problems, "statement-doubt")) == len(statement.doubts) == unsigned


def test_a_balance_without_sign_that_comes_after_many_entries_is_in_doubt(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Booked amounts are added up only where it is known beforehand that a sign will be missing."""
    monkeypatch.setattr(reports, "PART", 1)
    text = CREDIT + DEBIT + balance("OPBD", "100") + balance("CLBD", "120", "")
    (statement,), _ = read(TOP + text)
    assert statement.doubts == ("balance 2 (CLBD) is left out: its sign is missing",)


def test_a_statement_full_of_doubts_tells_the_first_hundred_and_counts_the_rest(
    read: Read,
) -> None:
    text = TOP + balance("CLBD", "20") + ENTRY.format("1,0", "CRDT") * 1234 + CREDIT
    (statement,), problems = read(text)
    assert len(of(problems, "statement-doubt")) == 100
    *told, rest = statement.doubts
    assert told == [f"entry {n} is left out: '1,0' is no amount" for n in range(1, 101)]
    assert rest == "1134 more are left out or in doubt"
    assert [entry.index for entry in statement.entries] == [1235]


def test_nothing_needs_no_sign(read: Read) -> None:
    text = TOP + balance("OPBD", "0.00", "") + balance("CLBD", "20") + CREDIT + DEBIT
    (statement,), problems = read(text)
    assert [str(each.amount) for each in statement.balances] == ["0.00", "20"]
    assert (statement.doubts, {problem.rule for problem in problems}) == ((), {"schema"})


TOTALS = (
    "<TxsSummry><TtlNtries><NbOfNtries>{}</NbOfNtries><Sum>{}</Sum></TtlNtries><TtlCdtNtries>"
    "<NbOfNtries>{}</NbOfNtries><Sum>{}</Sum></TtlCdtNtries><TtlDbtNtries><NbOfNtries>{}"
    "</NbOfNtries><Sum>{}</Sum></TtlDbtNtries></TxsSummry>\n"
)
PENDING = ENTRY.format("5", "DBIT").replace("BOOK", "PDNG")


@pytest.mark.parametrize(
    ("totals", "denied"),
    [
        (("3", "45", "1", "30", "2", "15"), []),  # all entries
        (("2", "40.00", "1", "30.0", "1", "-10"), []),  # the booked ones
        (("4", "45", "1", "30", "2", "15"), ["TtlNtries/NbOfNtries"]),
        (("3", "46", "2", "31", "3", "16"), [
            "TtlNtries/Sum", "TtlCdtNtries/NbOfNtries", "TtlCdtNtries/Sum",
            "TtlDbtNtries/NbOfNtries", "TtlDbtNtries/Sum",
        ]),
    ],
)  # fmt: skip
def test_totals_that_the_entries_deny_are_a_warning_with_both_figures(
    read: Read, totals: tuple[str, ...], denied: list[str]
) -> None:
    text = TOP + balance("CLBD", "20") + TOTALS.format(*totals) + CREDIT + DEBIT + PENDING
    (statement,), problems = read(text)
    told = of(problems, "statement-summary")
    assert [each.path for each in told] == [f"statement 1, TxsSummry/{path}" for path in denied]
    assert statement.doubts == ()
    if denied == ["TtlNtries/NbOfNtries"]:
        assert "says 4" in told[0].message
        assert "come to 3 or 2" in told[0].message


def test_totals_of_all_pages_are_not_compared_with_one(read: Read) -> None:
    pages = "<StmtPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></StmtPgntn><CreDtTm>"
    text = TOP.replace("<CreDtTm>", pages) + balance("CLBD", "20")
    _, problems = read(text + TOTALS.format(*"999999") + CREDIT)
    assert problems == []


SLIPS = {
    "schema": ("<NtryRef>{}</NtryRef>".format("R" * 36), "entry 1, NtryRef"),
    "statement_summary": ("", "its summary says 9"),
}


@pytest.mark.parametrize("rule", SLIPS)
@pytest.mark.parametrize("severity", [Severity.HOLD, Severity.WARN, Severity.INFO])
def test_a_slip_holds_its_statement_only_where_the_bank_is_held_to_it(
    read: Read, rule: str, severity: Severity
) -> None:
    inside, words = SLIPS[rule]
    totals = TOTALS.format("9", "30", "1", "30", "0", "0") if not inside else ""
    text = TOP + balance("CLBD", "20") + totals + CREDIT.replace("<Ntry>", f"<Ntry>{inside}")
    report = f"{text}</Stmt><Stmt>{TOP}{balance('CLBD', '1')}"
    (first, second), problems = read(report, **{rule: severity})
    (problem,) = problems
    assert (problem.rule, problem.severity) == (rule.replace("_", "-"), severity)
    assert [words in doubt for doubt in first.doubts] == [True] * (severity is Severity.HOLD)
    assert second.doubts == ()
    assert len(tuple(first.entries)) == 1


def test_a_version_between_holds_every_statement_where_that_is_wanted(read: Read) -> None:
    report = f"{TOP}{balance('CLBD', '1')}</Stmt><Stmt>{TOP}{balance('CLBD', '1')}"
    statements, problems = read(report, "09", version_between=Severity.HOLD)
    assert [problem.severity for problem in problems] == [Severity.HOLD]
    assert [statement.doubts for statement in statements] == [(problems[0].message,)] * 2
    statements, _ = read(report, "09")
    assert [statement.doubts for statement in statements] == [(), ()]
