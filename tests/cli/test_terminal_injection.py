"""What an ERP or a bank writes is shown to people; a terminal must find nothing in it to obey."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from h2h.cli import root
from tests.flows.conftest import Room, report_file, statement

if TYPE_CHECKING:
    from tests.conftest import PaymentFile

# Lawful in XML: the C1 control that is ESC [ in one character, an order from right to left, a line.
ORDER = "\u009b2J\u202e\u2028"
CONFIG = """
[h2h]
environment = "test"
[banks.acme]
calendar = "ECB"
zone = "Europe/Berlin"
[banks.acme.folder]
root = "bank"
upload = { folder = "in" }
download = [{ folder = "out", pattern = "*.xml" }]
[banks.acme.pgp]
seal = "none"
[[banks.acme.accounts]]
iban = "DE89370400440532013000"
currency = "EUR"
"""


@pytest.fixture
def workspace(tmp_path: Path, payment_file: PaymentFile) -> Path:
    """A day's work with orders in every text: an id, a name, a reference, a file's name."""
    room = Room(tmp_path / "room")
    room.furnish()
    payment = {
        "end_to_end_id": f"E{ORDER}1",
        "creditor_name": f"Evil{ORDER} Ltd",
        "remittance": f"=cmd{ORDER}",
    }
    room.drop(payment_file(f"M{ORDER}1", [payment]), f"\x1b[2J{ORDER}.xml")
    told = statement("1").replace("REF-1", f"R{ORDER}").replace("S-1", f"S{ORDER}")
    told = told.replace("<NtryRef>N1", f"<NtryRef>N{ORDER}")
    (room.bank / "out" / "st.xml").write_bytes(report_file(told))
    room.drop(b"<Document/>", f"bad\x1b]0;x\x07{ORDER}.xml")
    room.sweep(times=2)
    config = room.root / "config.toml"
    config.write_text(CONFIG)
    return config


def test_nothing_that_is_shown_gives_a_terminal_an_order(workspace: Path) -> None:
    with Room(workspace.parent).ledger() as ledger:
        ids = [file.id for way in ("out", "in") for file in ledger.files(direction=way)]
    assert len(ids) == 3
    shown = {}
    for words in (
        *(["show", file_id] for file_id in ids),
        *(["status"], ["statements"], ["balances"]),
        ["trace", f"E{ORDER}1"],
        *(["statements", "--json"], ["status", "--json"]),
        ["trace", "no\x1b[2Jbody"],
        ["show", "no\x1b[2Jbody"],
    ):
        done = CliRunner().invoke(root, ["--config", str(workspace), *words])
        shown[" ".join(map(ascii, words))] = done.output + str(done.exception or "")
    bad = {
        words: ascii(text)
        for words, text in shown.items()
        if not all(c.isprintable() or c == "\n" for c in text)
    }
    assert bad == {}
    assert any("Evil" in text or "E\\u009b" in text for text in shown.values())
