"""Reports on a bank's days: exact, equal to the books, and nothing confidential for everybody."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from h2h.core.expected import Expected, StatementDays
from h2h.core.terms import Account
from h2h.reports.making import made
from h2h.reports.table import HIDDEN, Books, Cell, Scope

if TYPE_CHECKING:
    from tests.conftest import PaymentFile
    from tests.flows.conftest import MakeRoom, Room

OURS = "DE89370400440532013000"
DAYS = (date(2026, 11, 23), date(2026, 11, 25))


def entry(amount: str, name: str = "", code: str = "PMNT/ICDT/ESCT", more: str = "") -> str:
    """A booked line; `name` is the EndToEndId behind it."""
    domain, family, sub = code.split("/")
    known = f"<Refs><EndToEndId>{name}</EndToEndId></Refs>" if name else ""
    return f"""<Ntry><Amt Ccy="EUR">{amount.lstrip("-")}</Amt>
<CdtDbtInd>{"DBIT" if amount.startswith("-") else "CRDT"}</CdtDbtInd><Sts>BOOK</Sts>
<BookgDt><Dt>2026-11-24</Dt></BookgDt><ValDt><Dt>2026-11-24</Dt></ValDt>
<BkTxCd><Domn><Cd>{domain}</Cd><Fmly><Cd>{family}</Cd><SubFmlyCd>{sub}</SubFmlyCd></Fmly></Domn>
</BkTxCd><NtryDtls><TxDtls>{known}{more}</TxDtls></NtryDtls></Ntry>"""


def statement(day: str, number: int, opening: str, closing: str, *entries: str) -> bytes:
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt>"
        f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
        for code, amount in (("OPBD", opening), ("CLBD", closing))
    )
    created = f"<CreDtTm>{day}T20:00:00</CreDtTm>"
    return f"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>M{number}</MsgId>{created}</GrpHdr><Stmt><Id>S{number}</Id>
<ElctrncSeqNb>{number}</ElctrncSeqNb>{created}<Acct><Id><IBAN>{OURS}</IBAN></Id><Ccy>EUR</Ccy>
</Acct>{balances}{"".join(entries)}</Stmt></BkToCstmrStmt></Document>""".encode()


REJECTED = b"""<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt>
<GrpHdr><MsgId>R-1</MsgId><CreDtTm>2026-11-23T12:30:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts><OrgnlMsgId>MSG-1</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>
<GrpSts>PART</GrpSts></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts><OrgnlPmtInfId>MSG-1-B1</OrgnlPmtInfId>
<TxInfAndSts><OrgnlEndToEndId>MSG-1-1</OrgnlEndToEndId><TxSts>ACSC</TxSts></TxInfAndSts>
<TxInfAndSts><OrgnlEndToEndId>MSG-1-2</OrgnlEndToEndId><TxSts>ACSC</TxSts></TxInfAndSts>
<TxInfAndSts><OrgnlEndToEndId>MSG-1-3</OrgnlEndToEndId><TxSts>RJCT</TxSts>
<StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></TxInfAndSts>
</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"""
CHARGE = '<Chrgs><Amt Ccy="EUR">1.20</Amt><CdtDbtInd>DBIT</CdtDbtInd><Tp><Cd>CRED</Cd></Tp></Chrgs>'
PAYMENTS: Sequence[dict[str, str]] = (
    {"amount": "100.00", "creditor_name": "Erste GmbH"},
    {"amount": "250.50", "creditor_name": "=cmd|' /C calc'!A0"},
    {"amount": "7.00", "creditor_name": "Dritte <b>AG</b>"},
)


def live(room: Room, payment_file: PaymentFile) -> None:
    """Three payments go at 10:00; at 11:00 one is rejected; the next evening one is booked."""
    room.drop(payment_file(payments=PAYMENTS, execution_date="2026-11-24"))
    room.drop(payment_file("MSG-2", ({"creditor_iban": "FR00"},)), "bad.xml")
    room.sweep()
    (room.bank / "out" / "r1.xml").write_bytes(REJECTED)
    room.sweep()
    room.clock.time = datetime(2026, 11, 24, 21, tzinfo=UTC)
    first = statement("2026-11-23", 1, "1000.00", "1000.00")
    second = statement(
        *("2026-11-24", 2, "1000.00", "866.49"),
        entry("-100.00", "MSG-1-1"),
        entry("-3.50", code="ACMT/MDOP/CHRG"),
        entry("-30.01", more=CHARGE + "<RmtInf><Ustrd>card</Ustrd></RmtInf>"),
    )
    for name, content in (("s1.xml", first), ("s2.xml", second)):
        (room.bank / "out" / name).write_bytes(content)
    room.sweep()


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the days are kept once they were lived."""
    return tmp_path_factory.mktemp("lived") / "room"


@pytest.fixture
def lived(make_room: MakeRoom, payment_file: PaymentFile, once: Path) -> Room:
    """A room of its own after these days."""
    account = Account(
        OURS,
        "",
        "EUR",
        "Acme GmbH",
        Expected(StatementDays(frozenset(range(7))), by=time(9), days_after=0),
    )
    room = make_room(accounts=(account,), calendar="ECB")
    if not once.exists():
        room.furnish()
        live(room, payment_file)
        shutil.copytree(room.root, once)
        return room
    shutil.copytree(once, room.root)
    room.clock.time = datetime(2026, 11, 24, 22, tzinfo=UTC)
    return room


def asked(room: Room, kind: str, **facts: object) -> dict[str, list[dict[str, Cell]]]:
    """The tables of a report as rows by name, its totals among them."""
    with room.services() as services:
        books = Books(services.ledger, {"acme": room.terms}, services.clock.now())
        usual = Scope(*DAYS, room.terms.zone, unveiled=True)
        scope = replace(usual, **facts)  # type: ignore[arg-type]  # as the test names them
        report = made(kind, books, scope, "test")
        return {
            table.name: [
                dict(zip((column.name for column in table.columns), row, strict=True))
                for row in (*table.rows, *table.totals)
            ]
            for table in report.tables
        }


def picked(rows: list[dict[str, Cell]], *names: str) -> list[tuple[Cell, ...]]:
    return [tuple(row[name] for name in names) for row in rows]


def test_movements_lead_from_opening_to_closing_and_are_those_of_the_books(lived: Room) -> None:
    found = asked(lived, "movements")
    [line] = found["accounts"]
    assert picked([line], "opening", "booked", "closing", "difference", "entries") == [
        (Decimal("1000.00"), Decimal("-133.51"), Decimal("866.49"), 0, 3)
    ]
    with lived.ledger() as ledger:
        booked = [
            each.amount
            for row in ledger.statements()
            for each in getattr(ledger.statement(row.id), "entries", ())
        ]
    assert [row["amount"] for row in found["entries"]] == booked
    assert sum(booked) == line["booked"]
    assert asked(lived, "movements", first=date(2026, 11, 25))["accounts"] == []
    assert asked(lived, "movements", banks=frozenset({"other"}))["entries"] == []


def test_a_statement_that_is_missing_shows_as_a_difference(lived: Room) -> None:
    late = statement("2026-11-26", 4, "900.00", "905.00", entry("5.00"))
    (lived.bank / "out" / "s4.xml").write_bytes(late)
    lived.sweep()
    [line] = asked(lived, "movements", last=date(2026, 11, 26))["accounts"]
    assert (line["closing"], line["difference"]) == (Decimal("905.00"), Decimal("33.51"))


def test_rejects_tell_the_code_in_words_the_rule_and_the_creditor(lived: Room) -> None:
    found = asked(lived, "rejects")
    assert picked(found["reasons"], "code", "meaning", "bank", "payments", "amount") == [
        ("AC04", "the account is closed", "acme", 1, Decimal("7.00"))
    ]
    assert picked(found["counterparties"], "counterparty", "amount") == [
        ("Dritte <b>AG</b>", Decimal("7.00"))
    ]
    assert picked(found["payments"], "day", "end_to_end_id", "state") == [
        (date(2026, 11, 23), "MSG-1-3", "rejected")
    ]
    assert ("iban", "acme", "error", 1) in picked(
        found["rules"], "rule", "bank", "severity", "files"
    )
    assert picked(found["files"], "name", "state") == [("bad.xml", "refused by h2h")]
    assert asked(lived, "rejects", first=date(2026, 11, 24))["payments"] == []


def test_a_return_is_told_on_the_day_of_its_entry_with_its_reason(lived: Room) -> None:
    back = entry(
        "100.00",
        "MSG-1-1",
        "PMNT/RCDT/RRTN",
        "<RtrInf><Rsn><Cd>AC06</Cd></Rsn></RtrInf>",
    ).replace("2026-11-24", "2026-11-27")
    content = statement("2026-11-27", 3, "866.49", "966.49", back)
    (lived.bank / "out" / "s3.xml").write_bytes(content)
    lived.sweep()
    days = {"first": date(2026, 11, 27), "last": date(2026, 11, 27)}
    [row] = asked(lived, "rejects", **days)["payments"]
    assert (row["state"], row["code"], row["day"]) == ("returned", "AC06", date(2026, 11, 27))


def test_turnaround_measures_each_stage_and_what_goes_through_by_itself(lived: Room) -> None:
    found = asked(lived, "turnaround")
    pay = lived.file().id
    hours = [(row["until"], row["median"], row["slowest_file"]) for row in found["times"]]
    assert hours == [
        ("sent", timedelta(), pay),
        ("accepted", timedelta(hours=1), pay),
        ("booked", timedelta(hours=34), pay),
    ]
    names = ("files", "sent", "straight", "approved", "touched", "straight_through")
    assert picked(found["through"], *names) == [(2, 1, 1, 0, 0, Decimal("50.0"))]
    by = picked(found["refusals"], "by", "rule", "files", "payments")
    assert ("the bank", "AC04", 1, 1) in by
    assert ("h2h", "iban", 1, None) in by


def test_a_late_statement_and_a_missing_one_are_told(lived: Room) -> None:
    lived.clock.time = datetime(2026, 11, 26, 21, tzinfo=UTC)
    found = asked(lived, "turnaround")["late_statements"]
    assert picked(found, "day", "came", "late", "because") == [
        (
            *(date(2026, 11, 23), datetime(2026, 11, 24, 21, tzinfo=UTC)),
            *(timedelta(hours=37), "came late"),
        ),
        (
            *(date(2026, 11, 24), datetime(2026, 11, 24, 21, tzinfo=UTC)),
            *(timedelta(hours=13), "came late"),
        ),
        (
            *(date(2026, 11, 25), None),
            *(timedelta(days=1, hours=13), "due 2026-11-25 09:00, and not here"),
        ),
    ]


def test_fees_that_are_booked_and_those_named_beside_are_never_added(lived: Room) -> None:
    found = asked(lived, "fees")
    names = ("month", "currency", "fee_entries", "booked", "charged_entries", "beside")
    line = ("2026-11", "EUR", 1, Decimal("3.50"), 1, Decimal("1.20"))
    assert picked(found["months"], *names) == [line, ("", *line[1:])]
    assert picked(found["fees"], "how", "type", "fee") == [
        ("an entry", "ACMT/MDOP/CHRG", Decimal("3.50")),
        ("beside an entry", "CRED", Decimal("1.20")),
    ]


def test_reconciliation_finds_each_payment_and_each_debit_its_partner_or_none(
    lived: Room,
) -> None:
    found = asked(lived, "reconciliation")
    assert picked(found["sent"], "how", "payments", "amount") == [
        ("matched", 1, Decimal("100.00")),
        ("open", 1, Decimal("250.50")),
        ("rejected", 1, Decimal("7.00")),
    ]
    assert picked(found["open"], "end_to_end_id", "age", "state") == [("MSG-1-2", 0, "accepted")]
    assert picked(found["debits"], "amount", "text") == [
        (Decimal("-3.50"), ""),
        (Decimal("-30.01"), "card"),
    ]
    assert found["uncertain"] == []


def test_an_uncertain_match_is_told_with_the_reason(lived: Room) -> None:
    other = statement("2026-11-25", 3, "866.49", "616.00", entry("-250.49", "MSG-1-2"))
    (lived.bank / "out" / "s3.xml").write_bytes(other)
    lived.sweep()
    [row] = asked(lived, "reconciliation")["uncertain"]
    assert (row["end_to_end_id"], row["amount"]) == ("MSG-1-2", Decimal("-250.49"))
    assert row["why"]


def test_the_position_adds_no_currency_to_another(lived: Room) -> None:
    found = asked(lived, "position", last=date(2026, 11, 24))
    assert picked(found["accounts"], "bank", "currency", "booked") == [
        ("acme", "EUR", Decimal("866.49")),
        ("", "EUR", Decimal("866.49")),
    ]
    assert picked(found["entities"], "entity", "booked") == [("Acme GmbH", Decimal("866.49"))]


def test_of_a_confidential_account_everybody_sees_sums_alone(lived: Room) -> None:
    lived.terms = replace(lived.terms, confidential_accounts=frozenset({OURS}))
    veiled = asked(lived, "movements", unveiled=False)
    [row] = veiled["entries"]
    assert (row["amount"], row["counterparty"]) == (Decimal("-133.51"), HIDDEN)
    assert veiled["accounts"] == asked(lived, "movements")["accounts"]
    [debits] = asked(lived, "reconciliation", unveiled=False)["debits"]
    assert (debits["amount"], debits["counterparty"]) == (Decimal("-33.51"), HIDDEN)


def test_names_and_amounts_of_a_confidential_file_are_in_no_report(
    make_room: MakeRoom, payment_file: PaymentFile
) -> None:
    room = make_room(confidential_accounts=frozenset({OURS}))
    room.furnish()
    live(room, payment_file)
    room.terms = replace(room.terms, confidential_accounts=frozenset())  # the file stays so
    secret = {"MSG-1-1", "MSG-1-2", "MSG-1-3", "Dritte <b>AG</b>"}
    for kind in ("movements", "rejects", "reconciliation", "fees", "turnaround"):
        open_ = asked(room, kind)
        told = asked(room, kind, unveiled=False)
        cells = {str(cell) for rows in told.values() for row in rows for cell in row.values()}
        assert not secret & cells, kind
        assert open_.keys() == told.keys()
    told = asked(room, "rejects", unveiled=False)
    assert picked(told["reasons"], "payments", "amount") == [(1, HIDDEN)]
    assert picked(told["payments"], "counterparty", "amount") == [(HIDDEN, HIDDEN)]
