"""Batch bookings with many thousand transactions: read in little memory, or refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from h2h.adapters.messages.iso20022 import camt, incoming, reports
from h2h.core.statement import Statement, whole
from h2h.errors import Corrupt

OURS = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"
HEAD = f"""<Document xmlns="{OURS}"><BkToCstmrStmt>
<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-03T06:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>S</Id><CreDtTm>2026-03-03T06:00:00Z</CreDtTm>
<Acct><Id><IBAN>DE89370400440532013000</IBAN></Id><Ccy>EUR</Ccy></Acct>
"""
TAIL = "</Stmt></BkToCstmrStmt></Document>"
ENTRY = """<Ntry><Amt Ccy="EUR">9</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BkTxCd/>
"""
CARD = "<CardTx><Card><PlainCardData><PAN>4711</PAN></PlainCardData></Card></CardTx>"


def transactions(count: int) -> str:
    """Some with a sign and a card of their own, in lists of their own now and then."""
    ways = (
        '<TxDtls><Refs><EndToEndId>E{}</EndToEndId></Refs><Amt Ccy="EUR">1.00</Amt></TxDtls>\n',
        (
            '<TxDtls><Refs><EndToEndId>E{}</EndToEndId></Refs><Amt Ccy="EUR">2</Amt>'
            "<CdtDbtInd>CRDT</CdtDbtInd></TxDtls></NtryDtls><NtryDtls>"
        ),
        (
            "<TxDtls><Refs><EndToEndId>E{}</EndToEndId></Refs>"
            "<SplmtryData><Envlp><TxDtls/></Envlp></SplmtryData>"
            f"{CARD.replace('4711', '4712')}</TxDtls>"
        ),
    )
    each = "".join(ways[number % 3].format(number) for number in range(count))
    return f"<NtryDtls><Btch><NbOfTxs>{count}</NbOfTxs></Btch>{each}</NtryDtls>"


def read(path: Path, text: str, *, lift: bool = True) -> tuple[Statement, ...]:
    path.write_text(text, "utf-8")
    return tuple(whole(camt.read(incoming.open_message(path, 10**9), lift=lift).parts))


@pytest.mark.parametrize("most", [1, 7, 100])
def test_transactions_kept_as_texts_are_those_of_the_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(reports, "_MOST_ELEMENTS", most)
    monkeypatch.setattr(reports, "_MOST_DETAILS", 300)
    entries = "".join(f"{ENTRY}{transactions(n)}{CARD}</Ntry>" for n in (250, 0, 1, 2, 101, 99))
    path = tmp_path / "bank.xml"
    (quick,) = read(path, HEAD + entries + TAIL)
    assert (quick,) == read(path, HEAD + entries + TAIL, lift=False)
    assert [len(entry.details) for entry in quick.entries] == [250, 0, 1, 2, 101, 99]
    first = next(iter(quick.entries))
    signed = [(str(d.amount), d.card_number) for d in first.details[:3]]
    assert signed == [("-1.00", "4711"), ("2", "4711"), ("None", "4712")]


def test_a_doubtful_transaction_among_many_leaves_its_own_entry_out(tmp_path: Path) -> None:
    wrong = ENTRY + transactions(250).replace(">1.00<", ">1,00<", 1) + "</Ntry>"
    good = f"{ENTRY}{transactions(150)}</Ntry>"
    path, text = tmp_path / "bank.xml", HEAD + good + wrong + good + TAIL
    (quick,) = read(path, text)
    assert (quick,) == read(path, text, lift=False)
    assert [len(entry.details) for entry in quick.entries] == [150, 150]
    assert quick.doubts == ("entry 2 is left out: '1,00' is no amount",)


@pytest.mark.parametrize("lift", [True, False])
def test_an_entry_that_is_too_large_makes_its_file_corrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lift: bool
) -> None:
    monkeypatch.setattr(reports, "_LARGEST_ENTRY", 1 << 20)
    monkeypatch.setattr(incoming, "LARGEST_TREE", 1 << 20)
    monkeypatch.setattr(incoming, "CHUNK", 2)
    small = f"{ENTRY}{transactions(2000)}</Ntry>"  # many of them are no large one
    text = f"{HEAD}{small * 9}{ENTRY}{transactions(20_000)}</Ntry>{TAIL}"
    said = r"bank\.xml: statement 1, entry 10: has more than 1048576 bytes.*split this entry"
    with pytest.raises(Corrupt, match=said):
        read(tmp_path / "bank.xml", text, lift=lift)


def test_a_slip_in_a_file_with_an_entry_too_large_for_a_tree_is_told_without_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "LARGEST_TREE", 1 << 18)
    path = tmp_path / "bank.xml"
    path.write_text(f"{HEAD}{ENTRY}{transactions(5000)}</Ntry>{TAIL}", "utf-8")
    message = camt.read(incoming.open_message(path, 10**9))
    assert [len(tuple(each.entries)) for each in whole(message.parts)] == [1]
    assert [(each.rule, each.path) for each in message.problems] == [("schema", "")]
    assert "nobody looked where" in message.problems[0].message


# One entry of 4 MB, as a tree 120 MB; then one of 14 MB of which only 4 MB are looked at.
CHILD = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from h2h.adapters.messages.iso20022 import camt, incoming, reports
from h2h.errors import Corrupt
from test_read_large_entries import ENTRY, HEAD, TAIL, transactions

def details():
    message = camt.read(incoming.open_message(path, 10**9))
    return sum(len(e.details) for part in message.parts for e in part.statement.entries)

path = Path(sys.argv[2])
def write(times):
    some = transactions(3000).partition("</Btch>")[2].removesuffix("</NtryDtls>")
    with path.open("w") as file:
        file.write(HEAD + ENTRY + "<NtryDtls>")
        for _ in range(times):
            file.write(some)
        file.write("</NtryDtls></Ntry>" + TAIL)

incoming.LARGEST_TREE = 1 << 18
write(1)
print(details())
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 90_000_000,) * 2)
write(10)
print(details())
reports._LARGEST_ENTRY = 1 << 22
write(40)
try:
    details()
except Corrupt as error:
    print("4194304 bytes" in str(error))
"""


def test_a_large_batch_booking_is_read_or_refused_in_little_memory(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(tmp_path / "bank.xml")]
    child = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (child.stdout, child.stderr) == ("3000\n30000\nTrue\n", "")
