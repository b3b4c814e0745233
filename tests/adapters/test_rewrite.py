"""Account reports rewritten to the version that an ERP reads: each thing that has another place."""

from __future__ import annotations

import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from h2h import resources
from h2h.adapters.catalogue import translator
from h2h.adapters.messages import Iso20022Messages
from h2h.core.statement import Statement, whole
from h2h.core.words import tell
from h2h.errors import Corrupt, Refused

LARGE = 10_000_000
SPACE = "urn:iso:std:iso:20022:tech:xsd:"
OLD, YOUNG = ("02", "04", "06"), ("04", "06")
UETR = "eb6305c9-1f7f-49de-aed0-16487c27b42d"
LEI = "529900T8BM49AURSDO55"
OWN = '<Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
ACCOUNT = "<Id><IBAN>DE89370400440532013000</IBAN></Id>"
CREATED = "<CreDtTm>2026-03-03T06:00:00</CreDtTm>"
BALANCE = """<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp>{line}<Amt Ccy="EUR">10.00</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-02</Dt></Dt></Bal>"""


def entry(transaction: str = OWN, more: str = "", batch: str = "", status: str = "BOOK") -> str:
    """An entry of 10.00 EUR with one transaction."""
    return f"""<Ntry><NtryRef>N1</NtryRef><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Sts><Cd>{status}</Cd></Sts><BookgDt><Dt>2026-03-02</Dt></BookgDt><BkTxCd/>{more}
<NtryDtls>{batch}<TxDtls>{transaction}</TxDtls></NtryDtls></Ntry>"""


def party(inner: str) -> str:
    """A transaction with this debtor."""
    return f"{OWN}<RltdPties><Dbtr>{inner}</Dbtr></RltdPties>"


class Bank:
    """Sends statements, has them rewritten, and finds its way in the result."""

    def __init__(self, folder: Path) -> None:
        self.source, self.target = folder / "bank.xml", folder / "erp.xml"
        self.both = (self.source, self.target)
        self.told: tuple[str, ...] = ()
        self.sent = self.message = ""

    def sends(
        self,
        *entries: str,
        version: str = "08",
        balance: str = "",
        account: str = ACCOUNT,
        head: str = CREATED,
        header: str = "",
        behind: str = "",
        at_last: str = "",
    ) -> Bank:
        """A camt.053 of one statement."""
        self.sent = f"camt.053.001.{version}"
        self.source.write_text(
            f"""<Document xmlns="{SPACE}{self.sent}"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-03-03T05:00:00+01:00</CreDtTm>{header}</GrpHdr>
<Stmt><Id>S1</Id>{head}<Acct>{account}</Acct>{balance or BALANCE.format(line="")}
{"".join(entries)}{behind}</Stmt>{at_last}</BkToCstmrStmt></Document>""",
            "utf-8",
        )
        return self

    def rewritten(self, version: str, *, valid: bool = True) -> Bank:
        """The same as a .`version`; valid source, valid target."""
        self.message = f"camt.053.001.{version}"
        assert (slips(self.source, self.sent) == []) == valid, slips(self.source, self.sent)
        told = Iso20022Messages().rewrite(self.source, self.message, self.target)
        self.told = tuple(told)
        assert (slips(self.target, self.message) == []) == valid, slips(self.target, self.message)
        return self

    def texts(self, path: str) -> list[str]:
        """The values at a path of tags, `//Refs/EndToEndId`; an amount with its currency."""
        steps = re.sub(r"(?<=/)(\w)", r"b:\1", path)
        root = etree.parse(str(self.target))
        found: list[etree._Element] = root.xpath(  # type: ignore[assignment]  # elements only
            steps, namespaces={"b": SPACE + self.message}
        )
        return [" ".join(filter(None, (each.text, each.get("Ccy")))) for each in found]


def slips(path: Path, message: str) -> list[str]:
    """What the schema says against a file."""
    schema = etree.XMLSchema(etree.parse(str(resources.schema(message))))
    schema.validate(etree.parse(str(path)))
    return [error.message for error in schema.error_log]  # type: ignore[attr-defined]  # as stubbed


def read(path: Path) -> list[Statement]:
    return list(whole(Iso20022Messages().read(path, LARGE).parts))


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path)


# ------------------------------------------------------------------------- additional information


@pytest.mark.parametrize("version", OLD)
def test_a_uetr_goes_behind_the_banks_own_additional_information(bank: Bank, version: str) -> None:
    transaction = f"<Refs><EndToEndId>E1</EndToEndId><UETR>{UETR}</UETR></Refs>{OWN}"
    bank.sends(entry(transaction + "<AddtlTxInf>Rent</AddtlTxInf>"), entry(transaction))
    bank.rewritten(version)
    assert bank.texts("//AddtlTxInf") == [f"Rent; UETR: {UETR}", f"UETR: {UETR}"]
    assert bank.texts("//Refs/EndToEndId") == ["E1", "E1"]
    assert bank.told == (
        "UETR: moved to AddtlTxInf (2 in all, first: statement 1, entry 1, transaction 1)",
    )
    assert "移至" in tell(bank.told[0], translator("zh"))


def test_what_finds_no_room_is_told_first_and_the_banks_own_words_stay(bank: Bank) -> None:
    words = "x" * 480
    transaction = f"<Refs><UETR>{UETR}</UETR></Refs>{OWN}<AddtlTxInf>{words}</AddtlTxInf>"
    account = ACCOUNT + "<Prxy><Tp><Cd>EMAL</Cd></Tp><Id>a@b</Id></Prxy>"
    bank.sends(entry(transaction), account=account).rewritten("02")
    assert bank.texts("//AddtlTxInf") == [words]
    assert bank.texts("//AddtlStmtInf") == ["Acct/Prxy/Tp: EMAL; Acct/Prxy/Id: a@b"]
    at = "(1 in all, first: statement 1, entry 1, transaction 1)"
    assert bank.told == (
        f"UETR: not kept, AddtlTxInf has no room {at}",
        "Acct/Prxy/Id: moved to AddtlStmtInf (1 in all, first: statement 1)",
        "Acct/Prxy/Tp: moved to AddtlStmtInf (1 in all, first: statement 1)",
    )


def test_a_place_is_told_by_its_numbers(bank: Bank) -> None:
    details = f"{OWN}</TxDtls><TxDtls><Refs><UETR>{UETR}</UETR></Refs>{OWN}"
    card = "<CardTx><POI><Id><Id>POI7</Id></Id></POI></CardTx>"
    bank.sends(entry(), entry(), entry(details, card)).rewritten("02")
    assert [words.partition("first: ")[2] for words in bank.told] == [
        "statement 1, entry 3)",
        "statement 1, entry 3, transaction 2)",
    ]


def test_each_level_keeps_its_own(bank: Bank) -> None:
    page = "<StmtPgntn><PgNb>1</PgNb><LastPgInd>true</LastPgInd></StmtPgntn>"
    query = "<OrgnlBizQry><MsgId>Q1</MsgId></OrgnlBizQry><AddtlInf>Hello</AddtlInf>"
    card = "<CardTx><POI><Id><Id>POI7</Id></Id></POI></CardTx>"
    bank.sends(
        entry(OWN + "<LclInstrm><Cd>INST</Cd></LclInstrm>", card),
        head=f"{page}<ElctrncSeqNb>7</ElctrncSeqNb>{CREATED}",
        header=query,
        behind="<AddtlStmtInf>Overdraft until May</AddtlStmtInf>",
    ).rewritten("02")
    assert bank.texts("//GrpHdr/AddtlInf") == ["Hello; OrgnlBizQry/MsgId: Q1"]
    assert bank.texts("//AddtlStmtInf") == [
        "Overdraft until May; StmtPgntn/PgNb: 1; StmtPgntn/LastPgInd: true"
    ]
    assert bank.texts("//AddtlNtryInf") == ["CardTx/POI/Id/Id: POI7"]
    assert bank.texts("//AddtlTxInf") == ["LclInstrm: INST"]
    assert bank.texts("//ElctrncSeqNb") == ["7"]


def test_supplementary_data_stays_where_the_target_has_it_and_is_told_where_not(bank: Bank) -> None:
    data = """<SplmtryData><PlcAndNm>P</PlcAndNm><Envlp><x:Own xmlns:x="urn:own"><x:Code>7
    </x:Code></x:Own></Envlp></SplmtryData>"""
    bank.sends(entry(OWN + data), at_last=data).rewritten("04")
    own = etree.parse(str(bank.target)).findall(".//{urn:own}Code")
    assert [code.text.strip() for code in own if code.text] == ["7", "7"]
    assert not bank.told
    bank.rewritten("02")
    assert bank.texts("//AddtlTxInf") == ["SplmtryData/PlcAndNm: P; SplmtryData/Envlp/Own/Code: 7"]
    lost = [words for words in bank.told if "not kept" in words]
    assert len(lost) == 2
    assert all("the message as a whole" in words for words in lost)


def test_an_enclosure_in_the_banks_own_name_space_keeps_it(bank: Bank) -> None:
    data = "<SplmtryData><Envlp><Doc>7</Doc></Envlp></SplmtryData>"
    bank.sends(entry(OWN + data)).rewritten("06")
    kept = etree.parse(str(bank.target)).find(f".//{{{SPACE}{bank.sent}}}Doc")
    assert kept is not None
    assert kept.text == "7"


def test_a_statement_inside_an_enclosure_is_none_of_the_banks(bank: Bank) -> None:
    inner = f"<Doc><BkToCstmrStmt><Stmt>{entry()}</Stmt></BkToCstmrStmt></Doc>"
    data = f"<SplmtryData><Envlp>{inner}</Envlp></SplmtryData>"
    bank.sends(entry(OWN + data), entry()).rewritten("06")
    assert [(s.id, len(tuple(s.entries))) for s in read(bank.target)] == [("S1", 2)]


def test_of_many_kinds_the_last_are_only_counted(bank: Bank) -> None:
    contacts = "".join(f"<Othr><ChanlTp>C{n:02}</ChanlTp><Id>{n}</Id></Othr>" for n in range(3))
    pay = "<CtctDtls><EmailPurp>A</EmailPurp><JobTitl>B</JobTitl><Rspnsblty>C</Rspnsblty>"
    contact = f"{pay}<Dept>D</Dept>{contacts}<PrefrdMtd>MAIL</PrefrdMtd></CtctDtls>"
    parties = "".join(
        f"<{tag}><Pty><Nm>N</Nm>{contact}</Pty></{tag}>" for tag in ("InitgPty", "Dbtr", "Cdtr")
    )
    details = f"<Refs><UETR>{UETR}</UETR></Refs>{OWN}<RltdPties>{parties}</RltdPties>"
    bank.sends(entry(details)).rewritten("06")
    assert len(bank.told) == 21
    assert bank.told[-1] == "and 2 more of such kinds"


# --------------------------------------------------------------------------------- status and codes


@pytest.mark.parametrize("version", OLD)
def test_a_status_becomes_a_plain_code_and_an_unknown_one_never_booked(
    bank: Bank, version: str
) -> None:
    own = entry().replace("<Cd>BOOK</Cd>", "<Prtry>BOOKED?</Prtry>")
    bank.sends(entry(), entry(status="FUTR"), own, entry(status="PDNG")).rewritten(version)
    assert bank.texts("//Ntry/Sts") == ["BOOK", "INFO", "INFO", "PDNG"]
    assert bank.texts("//AddtlNtryInf") == ["Sts: FUTR", "Sts: BOOKED?"]


def test_a_code_that_the_target_does_not_list_becomes_a_proprietary_one(bank: Bank) -> None:
    lines = "<CdtLine><Incl>false</Incl><Tp><Cd>CRED</Cd></Tp></CdtLine><CdtLine><Incl>true</Incl>"
    balance = BALANCE.format(line=f"{lines}</CdtLine>")
    account = f"{ACCOUNT}<Tp><Cd>TRAN</Cd></Tp>"
    reference = (
        "<CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp><Ref>RF18</Ref></CdtrRefInf>"
    )
    document = "<RfrdDocInf><Tp><CdOrPrtry><Cd>PUOR</Cd></CdOrPrtry></Tp><Nb>4711</Nb></RfrdDocInf>"
    strd = f"{OWN}<RmtInf><Strd>{document}{reference}</Strd></RmtInf>"
    unlisted = balance + balance.replace("CLBD", "OPPB")
    bank.sends(entry(strd), balance=unlisted, account=account).rewritten("02")
    assert bank.texts("//Bal/Tp/CdOrPrtry/Cd") == ["CLBD"]
    assert bank.texts("//Bal/Tp/CdOrPrtry/Prtry") == ["OPPB"]
    assert bank.texts("//Bal/CdtLine/Incl") == ["false", "false"]
    assert bank.texts("//Acct/Tp/Prtry") == ["TRAN"]
    assert bank.texts("//RfrdDocInf/Tp/CdOrPrtry/Prtry") == ["PUOR"]
    assert bank.texts("//CdtrRefInf/Tp/CdOrPrtry/Cd") == ["SCOR"]
    assert [b.type for b in read(bank.target)[0].balances] == ["CLBD", "OPPB"]


# ----------------------------------------------------------------------------- parties and accounts


@pytest.mark.parametrize(("version", "tag"), [("02", "BIC"), ("04", "BICFI"), ("06", "BICFI")])
def test_a_bank_keeps_its_bic_by_the_name_of_the_version(
    bank: Bank, version: str, tag: str
) -> None:
    agent = "<{0}><FinInstnId><BICFI>{1}</BICFI>{2}</FinInstnId></{0}>"
    agents = "".join(
        [
            agent.format("InstgAgt", "DEUTDEFF", ""),
            agent.format("DbtrAgt", "COBADEFFXXX", f"<LEI>{LEI}</LEI>"),
            agent.format("CdtrAgt", "1OBADEFF", ""),  # lawful since .08
        ]
    )
    agents = f"{OWN}<RltdAgts>{agents}</RltdAgts>"
    bank.sends(entry(agents)).rewritten(version)
    assert bank.texts(f"//DbtrAgt/FinInstnId/{tag}") == ["COBADEFFXXX"]
    assert bank.texts("//CdtrAgt") == []
    assert bank.texts("//AddtlTxInf") == [
        f"InstgAgt/BICFI: DEUTDEFF; DbtrAgt/LEI: {LEI}; CdtrAgt/{tag}: 1OBADEFF"
    ]


@pytest.mark.parametrize(("version", "tag"), [("02", "BICOrBEI"), ("04", "AnyBIC")])
def test_a_party_loses_its_wrapper_and_nothing_else(bank: Bank, version: str, tag: str) -> None:
    debtor = "<Pty><Nm>A &amp; B</Nm><Id><OrgId><AnyBIC>ACMEDEFF</AnyBIC></OrgId></Id></Pty>"
    bank.sends(entry(party(debtor))).rewritten(version)
    assert bank.texts("//Dbtr/Nm") == ["A & B"]
    assert bank.texts(f"//Dbtr/Id/OrgId/{tag}") == ["ACMEDEFF"]
    assert not bank.told


@pytest.mark.parametrize("name", ["", "Commerzbank"])
def test_a_bank_that_is_a_party_is_named(bank: Bank, name: str) -> None:
    named = name and f"<Nm>{name}</Nm>"
    agent = f"<FinInstnId><BICFI>COBADEFF</BICFI><LEI>{LEI}</LEI>{named}</FinInstnId>"
    bank.sends(entry(party(f"<Agt>{agent}</Agt>"))).rewritten("02")
    assert bank.texts("//Dbtr/Nm") == [name or "COBADEFF"]
    assert bank.texts("//Dbtr/Id/OrgId/BICOrBEI") == ["COBADEFF"]
    assert bank.texts("//AddtlTxInf") == [f"Dbtr/Agt/LEI: {LEI}"]
    names = [
        [d.debtor_name for e in read(path)[0].entries for d in e.details] for path in bank.both
    ]
    assert names[0] == names[1]


def test_what_an_address_lacks_becomes_a_line_of_it_while_there_is_room(bank: Bank) -> None:
    parts = "<BldgNm>Haus A</BldgNm><Flr>3</Flr><PstBx>99</PstBx><PstCd>60311</PstCd>"
    lines = "".join(f"<AdrLine>line {number}</AdrLine>" for number in range(5))
    address = f"<StrtNm>Weg</StrtNm>{parts}<TwnNm>Ort</TwnNm>{lines}"
    bank.sends(entry(party(f"<Pty><PstlAdr>{address}</PstlAdr></Pty>"))).rewritten("02")
    assert bank.texts("//PstlAdr/StrtNm") == ["Weg"]
    assert bank.texts("//PstlAdr/AdrLine") == [
        *(f"line {number}" for number in range(5)),
        "BldgNm: Haus A",
        "Flr: 3",
    ]
    assert bank.texts("//AddtlTxInf") == ["Dbtr/PstlAdr/PstBx: 99"]
    assert (
        "Flr: moved to AdrLine (1 in all, first: statement 1, entry 1, transaction 1)" in bank.told
    )


def test_an_account_without_a_number_is_known_by_its_proxy(bank: Bank) -> None:
    proxy = "<Prxy><Id>{}</Id></Prxy>"
    bank.sends(entry(), version="10", account=proxy.format("+49-1")).rewritten("06")
    assert bank.texts("//Acct/Id/Othr/Id") == ["+49-1"]
    assert bank.told[0].startswith("Acct/Id: missing, taken from Prxy/Id")
    bank.sends(entry(), version="10", account=proxy.format("x" * 35)).rewritten("08")
    assert bank.texts("//Acct/Id/Othr/Id") == ["NOTPROVIDED"]


def test_a_counterpartys_account_without_a_number_is_only_told_of(bank: Bank) -> None:
    account = "<RltdPties><DbtrAcct><Nm>Wallet</Nm></DbtrAcct></RltdPties>"
    bank.sends(entry(OWN + account), version="10").rewritten("04")
    assert bank.texts("//DbtrAcct") == []
    assert bank.texts("//AddtlTxInf") == ["DbtrAcct/Nm: Wallet"]


def test_a_statement_without_its_own_time_has_that_of_the_message(bank: Bank) -> None:
    bank.sends(entry(), head="").rewritten("06")
    assert bank.texts("//Stmt/CreDtTm") == ["2026-03-03T05:00:00+01:00"]
    assert bank.told == ("CreDtTm: missing, taken from GrpHdr (1 in all, first: statement 1)",)
    bank.rewritten("08")
    assert bank.texts("//Stmt/CreDtTm") == []


# ------------------------------------------------------------------------------------------- money


def test_in_02_a_transactions_amount_is_that_of_its_amount_details(bank: Bank) -> None:
    instructed = '<InstdAmt><Amt Ccy="USD">11.00</Amt></InstdAmt>'
    bank.sends(entry(f"{OWN}<AmtDtls>{instructed}</AmtDtls>"), entry()).rewritten("02")
    assert bank.texts("//TxDtls/AmtDtls/TxAmt/Amt") == ["10.00 EUR", "10.00 EUR"]
    assert bank.texts("//TxDtls/AmtDtls/InstdAmt/Amt") == ["11.00 USD"]
    assert not bank.told


@pytest.mark.parametrize("value", ["10.00", "10", "010.000"])
def test_in_02_the_same_amount_stands_there_once(bank: Bank, value: str) -> None:
    same = f'<AmtDtls><TxAmt><Amt Ccy="EUR">{value}</Amt></TxAmt></AmtDtls>'
    bank.sends(entry(OWN + same)).rewritten("02")
    assert bank.texts("//TxDtls/AmtDtls//Amt") == [f"{value} EUR"]
    assert not bank.told


def test_in_02_the_same_figure_in_another_currency_is_another_amount(bank: Bank) -> None:
    other = '<AmtDtls><TxAmt><Amt Ccy="USD">10.00</Amt></TxAmt></AmtDtls>'
    bank.sends(entry(OWN + other)).rewritten("02")
    assert bank.texts("//TxDtls/AmtDtls/TxAmt/Amt") == ["10.00 EUR"]
    assert bank.texts("//PrtryAmt/Amt") == ["10.00 USD"]


def test_in_02_a_transaction_without_amount_gets_none(bank: Bank) -> None:
    bank.sends(entry("<Refs><EndToEndId>E1</EndToEndId></Refs>")).rewritten("02")
    assert bank.texts("//TxDtls/*") == [""]
    assert not bank.told


def test_in_02_another_transaction_amount_becomes_a_proprietary_one(bank: Bank) -> None:
    rate = "<CcyXchg><SrcCcy>USD</SrcCcy><XchgRate>1.1</XchgRate></CcyXchg>"
    other = f'<TxAmt><Amt Ccy="USD">11.00</Amt>{rate}</TxAmt>'
    counter = '<CntrValAmt><Amt Ccy="EUR">10.00</Amt></CntrValAmt>'
    bank.sends(entry(f"{OWN}<AmtDtls>{other}{counter}</AmtDtls>")).rewritten("02")
    assert bank.texts("//TxDtls/AmtDtls/TxAmt/Amt") == ["10.00 EUR"]
    assert bank.texts("//PrtryAmt/Tp") == ["TxAmt"]
    assert bank.texts("//PrtryAmt/Amt") == ["11.00 USD"]
    assert bank.texts("//PrtryAmt/CcyXchg/XchgRate") == ["1.1"]
    assert bank.texts("//CntrValAmt/Amt") == ["10.00 EUR"]
    assert [words.partition(" (")[0] for words in bank.told] == ["TxAmt: moved to PrtryAmt"]


def test_in_02_no_amount_takes_the_sign_of_an_entry_that_has_another(bank: Bank) -> None:
    charged = '<Amt Ccy="EUR">2.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>'
    details = '<AmtDtls><InstdAmt><Amt Ccy="EUR">2.00</Amt></InstdAmt></AmtDtls>'
    bank.sends(entry(charged + details)).rewritten("02")
    assert bank.texts("//TxDtls//TxAmt") == bank.texts("//TxDtls//InstdAmt") == []
    assert bank.texts("//PrtryAmt/Tp") == ["DBIT Amt", "DBIT InstdAmt"]
    assert bank.texts("//PrtryAmt/Amt") == ["2.00 EUR", "2.00 EUR"]
    assert bank.texts("//AddtlTxInf") == ["CdtDbtInd: DBIT"]
    assert [d.amount for e in read(bank.target)[0].entries for d in e.details] == [None]


@pytest.mark.parametrize("version", YOUNG)
def test_a_missing_amount_of_a_transaction_is_taken_only_from_the_same_figure(
    bank: Bank, version: str
) -> None:
    reference = "<Refs><EndToEndId>E1</EndToEndId></Refs>"
    own = '<AmtDtls><TxAmt><Amt Ccy="EUR">9.00</Amt></TxAmt></AmtDtls>'
    batch = "<Btch><NbOfTxs>5</NbOfTxs></Btch>"
    bank.sends(entry(reference), entry(reference + own), entry(reference, batch=batch))
    bank.rewritten(version)
    assert bank.texts("//TxDtls/Amt") == ["10.00 EUR", "9.00 EUR"]
    assert bank.texts("//TxDtls/CdtDbtInd") == ["CRDT", "CRDT"]
    assert bank.texts("//Refs/EndToEndId") == ["E1", "E1"]
    assert bank.texts("//AddtlNtryInf") == ["TxDtls/EndToEndId: E1"]
    assert [words.partition(" (")[0] for words in bank.told] == [
        "Amt: missing, taken from AmtDtls/TxAmt",
        "Amt: missing, taken from Ntry",
        "CdtDbtInd: missing, taken from Ntry",
        "TxDtls/EndToEndId: moved to AddtlNtryInf",
    ]


def test_the_amount_of_an_entry_is_not_given_to_two_transactions(bank: Bank) -> None:
    two = "<Refs><TxId>{}</TxId></Refs>"
    bank.sends(entry(f"{two.format(1)}</TxDtls><TxDtls>{two.format(2)}")).rewritten("06")
    assert bank.texts("//TxDtls") == []
    assert bank.texts("//AddtlNtryInf") == ["TxDtls/TxId: 1; TxDtls/TxId: 2"]


def test_in_02_every_record_of_charges_is_an_element_of_its_own(bank: Bank) -> None:
    kind = "<Tp><Cd>COMM</Cd></Tp>", "<Tp><Cd>WIRE</Cd></Tp>"
    agent = "<Agt><FinInstnId><BICFI>COBADEFF</BICFI></FinInstnId></Agt>"
    first = f'<Rcrd><Amt Ccy="EUR">1.00</Amt><ChrgInclInd>true</ChrgInclInd>{kind[0]}</Rcrd>'
    second = f'<Rcrd><Amt Ccy="EUR">2.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>{kind[1]}{agent}</Rcrd>'
    total = '<TtlChrgsAndTaxAmt Ccy="EUR">3.00</TtlChrgsAndTaxAmt>'
    bank.sends(
        entry(more=f"<Chrgs>{total}{first}{second}</Chrgs>"), entry(more=f"<Chrgs>{total}</Chrgs>")
    ).rewritten("02")
    assert bank.texts("//Ntry/Chrgs/Amt") == ["1.00 EUR", "2.00 EUR", "3.00 EUR"]
    assert bank.texts("//Ntry[1]/Chrgs[1]/TtlChrgsAndTaxAmt") == ["3.00 EUR"]
    assert bank.texts("//Ntry[1]/Chrgs[2]/TtlChrgsAndTaxAmt") == []
    assert bank.texts("//Chrgs/Tp/Cd") == ["COMM"]
    assert bank.texts("//Chrgs/Tp/Prtry/Id") == ["WIRE"]
    assert bank.texts("//Chrgs/Pty/FinInstnId/BIC") == ["COBADEFF"]
    assert bank.texts("//AddtlNtryInf") == ["Chrgs/ChrgInclInd: true"]
    charges = [[each.charges for each in read(path)[0].entries] for path in bank.both]
    assert charges[0] == charges[1]


def test_in_02_every_record_of_interest_is_an_element_of_its_own(bank: Bank) -> None:
    record = '<Rcrd><Amt Ccy="EUR">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Rsn>R</Rsn></Rcrd>'
    total = '<TtlIntrstAndTaxAmt Ccy="EUR">3.00</TtlIntrstAndTaxAmt>'
    records = record.format("1.00") + record.format("2.00")
    bank.sends(entry(more=f"<Intrst>{total}{records}</Intrst>")).rewritten("02")
    assert bank.texts("//Ntry/Intrst/Amt") == ["1.00 EUR", "2.00 EUR"]
    assert bank.texts("//AddtlNtryInf") == ["Intrst/TtlIntrstAndTaxAmt: 3.00 EUR"]


def test_an_interest_that_is_only_a_sum_has_no_sign_and_is_told_of(bank: Bank) -> None:
    total = '<TtlIntrstAndTaxAmt Ccy="EUR">3.00</TtlIntrstAndTaxAmt>'
    bank.sends(entry(more=f"<Intrst>{total}</Intrst>")).rewritten("02")
    assert bank.texts("//Intrst") == []
    assert bank.texts("//AddtlNtryInf") == ["Intrst/TtlIntrstAndTaxAmt: 3.00 EUR"]
    assert len(bank.told) == 1


def test_a_tax_keeps_its_zone_by_its_older_name(bank: Bank) -> None:
    bank.sends(entry(f"{OWN}<Tax><AdmstnZone>Z1</AdmstnZone></Tax>")).rewritten("06")
    assert bank.texts("//Tax/AdmstnZn") == ["Z1"]


def test_in_02_the_net_of_all_entries_is_a_figure_and_its_sign(bank: Bank) -> None:
    net = "<TtlNetNtry><Amt>7.50</Amt><CdtDbtInd>DBIT</CdtDbtInd></TtlNetNtry>"
    totals = f"<TxsSummry><TtlNtries><NbOfNtries>1</NbOfNtries>{net}</TtlNtries></TxsSummry>"
    bank.sends(entry(), balance=BALANCE.format(line="") + totals).rewritten("02")
    assert bank.texts("//TtlNtries/TtlNetNtryAmt") == ["7.50"]
    assert bank.texts("//TtlNtries/CdtDbtInd") == ["DBIT"]
    assert not bank.told


def test_securities_keep_what_02_knows_of_them(bank: Bank) -> None:
    paper = "<OthrId><Id>716460</Id><Tp><Prtry>WKN</Prtry></Tp></OthrId><Desc>SAP</Desc>"
    price = '<DealPric><Tp><Yldd>false</Yldd></Tp><Val><Amt Ccy="EUR">1.5</Amt></Val></DealPric>'
    action = "<CorpActn><EvtTp>DVCA</EvtTp><EvtId>C1</EvtId></CorpActn>"
    kind = "<Tp><Id>CASH</Id><Issr>X</Issr></Tp>"
    safe = f"<SfkpgAcct><Id>D7</Id>{kind}</SfkpgAcct>"
    bank.sends(
        entry(f"{OWN}<RltdPric>{price}</RltdPric><FinInstrmId>{paper}</FinInstrmId>{action}{safe}")
    ).rewritten("02")
    assert bank.texts("//FinInstrmId/Prtry/Id") == ["716460"]
    assert bank.texts("//FinInstrmId/Prtry/Tp") == ["WKN"]
    assert bank.texts("//RltdPric/DealPric") == ["1.5 EUR"]
    assert bank.texts("//CorpActn/Cd") + bank.texts("//CorpActn/Nb") == ["DVCA", "C1"]
    assert bank.texts("//SfkpgAcct/Id/Othr/Id") == ["D7"]
    assert bank.texts("//SfkpgAcct/Tp/Prtry") == ["CASH"]
    assert sorted(bank.texts("//AddtlTxInf")[0].split("; ")) == [
        "FinInstrmId/Desc: SAP",
        "RltdPric/DealPric/Tp/Yldd: false",
        "SfkpgAcct/Tp/Issr: X",
    ]


def test_of_the_places_of_a_remittance_the_older_versions_know_one(bank: Bank) -> None:
    place = "<RmtLctnDtls><Mtd>{}</Mtd>{}</RmtLctnDtls>"
    places = place.format("FAXI", "") + place.format("EMAL", "<ElctrncAdr>a@b</ElctrncAdr>")
    bank.sends(entry(f"{OWN}<RltdRmtInf><RmtId>R1</RmtId>{places}</RltdRmtInf>")).rewritten("04")
    assert bank.texts("//RltdRmtInf/RmtLctnMtd") == ["FAXI"]
    assert bank.texts("//RltdRmtInf/RmtLctnElctrncAdr") == []  # it is not the fax's
    assert bank.texts("//AddtlTxInf") == [
        "RltdRmtInf/RmtLctnDtls/Mtd: EMAL; RltdRmtInf/RmtLctnDtls/ElctrncAdr: a@b"
    ]


def test_the_amounts_of_a_document_stay_what_they_are(bank: Bank) -> None:
    typed = "<{0}><Tp><Cd>STDV</Cd></Tp><Amt Ccy='EUR'>{1}</Amt></{0}>"
    amounts = "".join(typed.format("DscntApldAmt", n) for n in (1, 2)) + typed.format("TaxAmt", 3)
    strd = f"<RmtInf><Strd><RfrdDocAmt>{amounts}</RfrdDocAmt></Strd></RmtInf>"
    bank.sends(entry(OWN + strd)).rewritten("02")
    assert bank.texts("//RfrdDocAmt/DscntApldAmt") == ["1 EUR"]
    assert bank.texts("//RfrdDocAmt/TaxAmt") == ["3 EUR"]
    assert "DscntApldAmt/Amt: 2 EUR" in bank.texts("//AddtlTxInf")[0]


# ------------------------------------------------------------------------- slips, envelopes, pieces


def test_a_banks_slip_stays_a_slip_and_is_told(bank: Bank) -> None:
    unsigned = BALANCE.format(line="").replace("<CdtDbtInd>CRDT</CdtDbtInd>", "")
    bank.sends(entry(), balance=unsigned + BALANCE.format(line="")).rewritten("02", valid=False)
    assert bank.texts("//Bal/Amt") == ["10.00 EUR", "10.00 EUR"]
    assert bank.texts("//Bal/CdtDbtInd") == ["CRDT"]
    assert len(bank.told) == 1
    assert bank.told[0].startswith("as the bank wrote it, against the standard: Element 'Dt'")
    assert "urn:" not in bank.told[0]


def test_slips_that_are_lawful_in_the_target_are_mended_on_the_way(bank: Bank) -> None:
    agent = (
        f"{OWN}<RltdAgts><DbtrAgt><FinInstnId><BIC>COBADEFF</BIC></FinInstnId></DbtrAgt></RltdAgts>"
    )
    slip = entry(agent).replace("<Sts><Cd>BOOK</Cd></Sts>", "<Sts>BOOK</Sts>")
    bank.sends(slip.replace("<Dt>2026-03-02</Dt>", "2026-03-02"))
    assert len(slips(bank.source, bank.sent)) == 5
    for version, bic in (("02", "BIC"), ("04", "BICFI"), ("06", "BICFI")):
        message = f"camt.053.001.{version}"
        told = Iso20022Messages().rewrite(bank.source, message, bank.target)
        bank.message = message
        assert bank.texts("//Sts") == ["BOOK"]
        assert bank.texts(f"//FinInstnId/{bic}") == ["COBADEFF"]
        assert bank.texts("//BookgDt/Dt") == ["2026-03-02"]
        assert (list(told), slips(bank.target, message)) == ([], [])


@pytest.mark.parametrize("version", ["02", "06", "08"])
def test_blanks_around_a_status_or_sign_change_neither(bank: Bank, version: str) -> None:
    blank = '<Amt Ccy="EUR">10.00 </Amt><CdtDbtInd> CRDT\n</CdtDbtInd>'
    bank.sends(entry(blank, status=" BOOK\n"))
    Iso20022Messages().rewrite(bank.source, f"camt.053.001.{version}", bank.target)
    made = read(bank.target)[0]
    assert [each.status for each in made.entries] == ["BOOK"]
    assert [d.amount for each in made.entries for d in each.details] == [Decimal("10.00")]


def test_an_amount_that_is_none_stays_as_the_bank_wrote_it(bank: Bank) -> None:
    bank.sends(entry().replace('"EUR">10.00</Amt><CdtDbtInd>CRDT', '"EUR">1O</Amt><CdtDbtInd>C', 1))
    bank.rewritten("02", valid=False)
    assert bank.texts("//Ntry/Amt") == ["1O EUR"]
    assert bank.texts("//Ntry/CdtDbtInd") == ["C"]


def test_a_balance_behind_the_entries_is_not_lost(bank: Bank) -> None:
    late = BALANCE.format(line="").replace("CLBD", "OPBD")
    bank.sends(entry(), entry(), behind=late).rewritten("02", valid=False)
    assert [b.type for b in read(bank.target)[0].balances] == ["CLBD", "OPBD"]
    assert len(bank.texts("//Ntry")) == 2


@pytest.mark.parametrize("prefix", ["", "camt"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_whatever_the_envelope_the_result_is_a_plain_document_in_utf_8(
    bank: Bank, prefix: str, encoding: str
) -> None:
    bank.sends(entry(party("<Pty><Nm>Müller &lt;&#13;&gt;</Nm></Pty>")))
    document = bank.source.read_text("utf-8")
    if prefix:
        document = re.sub(r"<(/?)(\w)", rf"<\1{prefix}:\2", document)
        document = document.replace("xmlns=", f"xmlns:{prefix}=")
    wrapped = f'<?xml version="1.0" encoding="{encoding}"?><x:Env xmlns:x="urn:x"><!-- c -->'
    bank.source.write_bytes(f"{wrapped}<x:Head/>{document}</x:Env>".encode(encoding))
    message = bank.message = "camt.053.001.02"
    assert not Iso20022Messages().rewrite(bank.source, message, bank.target)
    assert slips(bank.target, message) == []
    assert bank.texts("//Dbtr/Nm") == ["Müller <\r>"]
    assert bank.target.read_text("utf-8").startswith('<?xml version="1.0" encoding="UTF-8"?>\n<Doc')


def three(path: Path) -> Path:
    """A camt.054 of three notifications, the second without entries."""
    report = f"<Ntfctn><Id>S{{}}</Id>{CREATED}<Acct>{ACCOUNT}</Acct>{{}}</Ntfctn>"
    entries = (entry() * 2, "", entry())
    reports = "".join(report.format(number, each) for number, each in enumerate(entries, 1))
    path.write_text(
        f'<Document xmlns="{SPACE}camt.054.001.08"><BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>M</MsgId>'
        f"{CREATED}</GrpHdr>{reports}</BkToCstmrDbtCdtNtfctn></Document>",
        "utf-8",
    )
    return path


@pytest.mark.parametrize("keep", [(), (1,), (2,), (3,), (1, 3), (3, 2), (1, 2, 3)])
def test_of_several_statements_those_asked_for_are_kept(
    tmp_path: Path, keep: tuple[int, ...]
) -> None:
    source, target = three(tmp_path / "bank.xml"), tmp_path / "erp.xml"
    Iso20022Messages().rewrite(source, "camt.054.001.04", target, keep=keep)
    assert slips(target, "camt.054.001.04") == []
    kept = [(s.id, len(tuple(s.entries))) for s in read(target)]
    lengths = {1: 2, 2: 0, 3: 1}
    assert kept == [(f"S{number}", lengths[number]) for number in sorted(keep or lengths)]


@pytest.mark.parametrize("keep", [(0,), (1, 4), (-1,)])
def test_a_statement_that_is_not_there_cannot_be_kept(
    tmp_path: Path, keep: tuple[int, ...]
) -> None:
    source, target = three(tmp_path / "bank.xml"), tmp_path / "erp.xml"
    with pytest.raises(ValueError, match="which has 3"):
        Iso20022Messages().rewrite(source, "camt.054.001.04", target, keep=keep)
    assert not target.exists()


# ----------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("camt.052.001.02", "camt.053.001.08 cannot be rewritten to camt.052.001.02"),
        ("camt.053.001.10", "camt.053.001.08 cannot be rewritten to camt.053.001.10"),
        ("camt.053.001.03", "camt.053.001.03 is no account report that can be written"),
        ("pain.001.001.03", "pain.001.001.03 is no account report that can be written"),
    ],
)
def test_what_cannot_be_made_is_refused_in_words(bank: Bank, message: str, words: str) -> None:
    bank.sends(entry()).target.write_text("an older file", "utf-8")
    with pytest.raises(Refused) as refused:
        Iso20022Messages().rewrite(bank.source, message, bank.target)
    assert refused.value.cause == words
    assert refused.value.next_move
    assert bank.target.read_text("utf-8") == "an older file"


@pytest.mark.parametrize(
    "content",
    [
        "<html/>",
        ":20:STARTUMS\n:25:10020030/1234567\n",
        f'<Document xmlns="{SPACE}pain.002.001.10"><CstmrPmtStsRpt/></Document>',
        f'<Document xmlns="{SPACE}camt.053.001.08"><BkToCstmrStmt/></Document>',
    ],
)
def test_what_is_no_account_report_is_corrupt(bank: Bank, content: str) -> None:
    bank.source.write_text(content, "utf-8")
    with pytest.raises(Corrupt):
        Iso20022Messages().rewrite(bank.source, "camt.053.001.02", bank.target)
    assert not bank.target.exists()


def test_of_a_file_that_is_cut_short_nothing_is_left(bank: Bank) -> None:
    whole_file = bank.sends(entry(), entry()).source.read_bytes()
    bank.source.write_bytes(whole_file[: whole_file.rindex(b"<NtryDtls>")])
    with pytest.raises(Corrupt, match="not well-formed"):
        Iso20022Messages().rewrite(bank.source, "camt.053.001.02", bank.target)
    assert not bank.target.exists()


def test_two_messages_in_one_envelope_are_not_made_one(bank: Bank) -> None:
    document = bank.sends(entry()).source.read_text("utf-8")
    bank.source.write_text(f"<Env>{document}{document}</Env>", "utf-8")
    with pytest.raises(Corrupt):
        Iso20022Messages().rewrite(bank.source, "camt.053.001.02", bank.target)


# --------------------------------------------------------------------------------------------- size


def test_the_file_is_flushed_when_it_is_complete(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[bytes] = []
    monkeypatch.setattr("os.fsync", lambda _: flushed.append(bank.target.read_bytes()))
    bank.sends(entry()).rewritten("02")
    assert flushed == [bank.target.read_bytes()]


_CHILD = """
import resource, sys
from pathlib import Path
from h2h.adapters.messages import Iso20022Messages
messages, (small, large, target) = Iso20022Messages(), map(Path, sys.argv[1:])
messages.rewrite(small, "camt.053.001.02", target)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
told = messages.rewrite(large, "camt.053.001.02", target)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, *told, sep="\\n")
"""


def test_memory_is_the_same_for_a_hundred_thousand_entries(bank: Bank, tmp_path: Path) -> None:
    short = re.sub("<NtryDtls>.*</NtryDtls>", "", entry(), flags=re.DOTALL)
    long = entry(f"<Refs><UETR>{UETR}</UETR></Refs>{OWN}")
    small, large = tmp_path / "small.xml", tmp_path / "large.xml"
    bank.sends(*[short, long] * 500).source.rename(small)
    bank.sends(*[*[short] * 19, long] * 5000).source.rename(large)
    command = [sys.executable, "-c", _CHILD, str(small), str(large), str(bank.target)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    grown, *told = done.stdout.splitlines()
    assert int(grown) < 4096  # KiB, of a file of 26 MB
    assert told == [
        "UETR: moved to AddtlTxInf (5000 in all, first: statement 1, entry 20, transaction 1)"
    ]
    assert bank.target.read_bytes().count(b"</Ntry>") == 100_000
