"""Erasure by two persons: what goes, what stays, and that nothing goes too early or half."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, text

from h2h import desk
from h2h.adapters.archive import FolderArchive
from h2h.adapters.sql.store import append
from h2h.core.dossier import manifest_facts
from h2h.core.retention import Hold, Kind, Rule, erasing_words
from h2h.core.states import In, Out
from h2h.desk import retaining
from h2h.errors import Corrupt, Refused
from h2h.flows.evidence import bring_up_to_date, record
from h2h.flows.integrity import Verifier
from h2h.flows.retention import Listed, carry_out, listed
from h2h.flows.sweep import Sweep
from tests.conftest import make_payment_file
from tests.flows.conftest import Killer, Room, report_file, statement, status_file

if TYPE_CHECKING:
    from h2h.ports import File
    from tests.conftest import PaymentFile

WHY = "its time is over"
RULES = (Rule(5),)
PAYMENTS = (Rule(5, frozenset({Kind.PAYMENT})),)
STATEMENTS = (Rule(5, frozenset({Kind.STATEMENT})),)
SECRETS = ("Geheim", "FR1420041010050500013M02606", "Lohn Mai", "Kunde Klein")
DETAILS = """<NtryDtls><TxDtls><Refs><EndToEndId>IN-7</EndToEndId></Refs>
<AmtDtls><TxAmt><Amt Ccy="EUR">50.00</Amt></TxAmt></AmtDtls>
<RltdPties><Dbtr><Nm>Kunde Klein</Nm></Dbtr></RltdPties>
<RmtInf><Ustrd>Lohn Mai</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"""


@pytest.fixture(scope="module")
def years_ago(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A payment file that its bank accepted, its report, a statement, a PDF, a file that nobody
    could read and one of a wrong content; with two admins."""
    room = Room(tmp_path_factory.mktemp("ago") / "room")
    room.furnish()
    payment = {"creditor_name": "Geheim AG", "remittance": "Lohn Mai"}
    room.drop(make_payment_file(payments=[payment]))
    room.drop(b"<Document/>", "broken.xml")
    room.sweep()
    told = statement("1").replace("</Ntry>", DETAILS)
    out = room.bank / "out"
    (out / "st.xml").write_bytes(report_file(told))
    (out / "status.xml").write_bytes(status_file())
    (out / "noise.xml").write_bytes(b"nothing of any kind")
    (room.bank / "papers" / "advice.pdf").write_bytes(b"%PDF Kunde Klein")
    room.sweep(2)
    with room.ledger() as ledger:
        for name in ("anna", "bob"):
            ledger.enrol(name, f"os-{name}", ["admin"], "", "os:x", WHY, room.clock.now())
    return room.root


@pytest.fixture
def old(years_ago: Path, tmp_path: Path) -> Room:
    """The same room, eight years on."""
    shutil.copytree(years_ago, tmp_path / "room")
    room = Room(tmp_path / "room")
    room.clock.advance(days=8 * 366)
    return room


def find(room: Room, rules: Sequence[Rule] = RULES) -> Listed:
    with room.ledger() as ledger:
        return listed(ledger, rules, room.clock.now().date())


def propose(room: Room, who: str = "anna", rules: Sequence[Rule] = RULES) -> int:
    with room.ledger() as ledger:
        return retaining.propose(ledger, rules, who, WHY, room.clock.now()).id


def confirm(room: Room, number: int, who: str = "bob", rules: Sequence[Rule] = RULES) -> None:
    with room.ledger() as ledger:
        retaining.confirm(ledger, rules, number, who, WHY, room.clock.now())


def hold(room: Room, **named: Any) -> int:  # noqa: ANN401  of a Hold
    usual: dict[str, Any] = {"file_id": "", "account": "", "since": None, "until": None}
    with room.ledger() as ledger:
        wish = Hold(0, **usual | named, who="anna", reason="a lawsuit")
        return retaining.hold(ledger, wish, room.clock.now()).id


def erase(room: Room) -> dict[str, str]:
    """One pass over what is confirmed, as after a restart."""
    with room.services() as services, Sweep(services) as sweep:
        return carry_out(sweep)


def erase_all(room: Room, rules: Sequence[Rule] = RULES) -> None:
    confirm(room, propose(room, rules=rules), rules=rules)
    assert erase(room) == {}


def verify(room: Room) -> tuple[list[str], int]:
    """(what was found, files that are known as erased)."""
    with room.ledger() as ledger:
        verifier = Verifier(ledger, FolderArchive(room.root / "archive"))
        found = [f"{each.place}: {each.why}" for each in verifier.findings()]
        return found, verifier.verdict.erased


def contents(room: Room, file: File) -> set[str]:
    return {path.name for path in FolderArchive(room.root / "archive").place(file.id).iterdir()}


def edit(room: Room, statement: str) -> None:
    """Somebody writes into the database by hand."""
    engine = create_engine(f"sqlite:///{room.root}/ledger.db")
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def everything(room: Room) -> str:
    """All that ledger and archive have, as text."""
    engine = create_engine(f"sqlite:///{room.root}/ledger.db")
    with engine.connect() as connection:
        names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))
        rows = [
            str(tuple(row))
            for name in names.scalars().all()
            for row in connection.execute(text(f"SELECT * FROM {name}"))
        ]
    engine.dispose()
    kept = [path for path in (room.root / "archive").rglob("*") if path.is_file()]
    return "\n".join([*rows, *(path.read_bytes().decode("utf-8", "replace") for path in kept)])


# --------------------------------------------------------------------------------- what is listed


def test_everything_that_is_final_is_past_its_time_in_its_year(old: Room) -> None:
    kinds = {each.file.file_id: each.file.kind for each in find(old).may_go}
    by_name = {file.name: kinds.get(file.id) for file in (*old.files(), *old.files("in"))}
    assert by_name == {
        "pay.xml": Kind.PAYMENT,
        "broken.xml": Kind.PAYMENT,
        "st.xml": Kind.STATEMENT,
        "status.xml": Kind.STATUS,
        "noise.xml": None,
        "advice.pdf": Kind.DOCUMENT,
    }
    assert len(kinds) == 6
    assert find(old, ()).files == []
    assert find(old, [Rule(9)]).files == []


def test_a_report_belongs_to_the_account_of_the_payments_that_it_tells_of(old: Room) -> None:
    other = Rule(5, accounts=frozenset({"NL91ABNA0417164300"}))
    ours = Rule(5, accounts=frozenset({"DE89370400440532013000"}))
    names = {each.file.file_id for each in find(old, [ours]).files}
    assert names == {old.file(name).id for name in ("pay.xml", "status.xml", "st.xml")}
    assert find(old, [other]).files == []


def test_what_the_bank_has_not_settled_stays(old: Room) -> None:
    edit(old, "UPDATE files SET state = 'sent' WHERE name = 'pay.xml'")
    stays = {each.file.file_id: each.kept for each in find(old).files if each.kept}
    assert stays == {old.file().id: "it is sent, which is not final"}


def test_what_the_bank_or_the_erp_still_needs_stays(old: Room) -> None:
    statement = old.file("st.xml").id
    for edited, why in (
        ("UPDATE exports SET state = 'held'", "the ERP does not have all of it yet"),
        ("UPDATE statements SET kept = 'held'", "a statement in it waits for a person"),
        ("UPDATE files SET remote_done = 0", "it is to be removed at the bank first"),
        ("UPDATE files SET recorded = 0", "its dossier does not show its newest move yet"),
    ):
        before = (old.root / "ledger.db").read_bytes()
        edit(old, edited)
        stays = {each.file.file_id: each.kept for each in find(old).files if each.kept}
        assert stays[statement] == why
        (old.root / "ledger.db").write_bytes(before)


# ------------------------------------------------------------------------------------- two persons


def test_two_persons_erase_what_is_past_its_time_and_the_chain_verifies(old: Room) -> None:
    before = everything(old)
    assert all(secret in before for secret in SECRETS)
    hashes = {file.name: file.sha256 for file in (*old.files(), *old.files("in"))}
    erase_all(old)
    after = everything(old)
    assert [secret for secret in SECRETS if secret in after] == []
    assert verify(old) == ([], 6)
    assert {file.name: file.sha256 for file in (*old.files(), *old.files("in"))} == hashes
    assert contents(old, old.file()) == {"manifest.json", "moves.jsonl"}
    with old.ledger() as ledger:
        (payment,) = ledger.payments(old.file().id)
        assert (payment.amount, payment.state.value, payment.end_to_end_id) == (
            "100.00",
            "accepted",
            "MSG-1-1",
        )
        (row,) = ledger.statements(old.file("st.xml").id)
        statement = ledger.statement(row.id)
        assert statement is not None
        (entry,) = statement.entries
        assert (f"{entry.amount}", entry.booking_date) == ("50.00", date(2026, 11, 20))
        (detail,) = entry.details
        assert (detail.end_to_end_id, detail.debtor_name) == ("IN-7", "")
        assert [f"{each.amount}" for each in ledger.balances()] == ["150.00"]


def test_the_dossier_tells_the_hash_and_the_reason(old: Room) -> None:
    file = old.file()
    erase_all(old, PAYMENTS)
    dossier = FolderArchive(old.root / "archive").dossier(file.id)
    assert dossier is not None
    facts = manifest_facts(dossier.manifest or b"")
    assert facts is not None
    told = facts["files"]["original.xml"]
    assert (told["sha256"], told["size"]) == (file.sha256, file.size)
    assert told["erased"].startswith("list 1 (")
    lines = [json.loads(line) for line in (dossier.moves or b"").splitlines()]
    begun, ended = lines[-2:]
    assert "proposed by anna, confirmed by bob" in begun["because"]
    assert begun["because"].endswith(WHY)
    assert ended["because"].startswith("erased: list 1 (")


def test_the_one_who_proposed_does_not_confirm(old: Room) -> None:
    number = propose(old)
    with pytest.raises(Refused, match="anna proposed it himself"):
        confirm(old, number, "anna")
    assert erase(old) == {}
    assert verify(old) == ([], 0)


def test_without_operators_nobody_erases(room: Room) -> None:
    with room.ledger() as ledger, pytest.raises(Refused, match="no operator"):
        retaining.propose(ledger, RULES, "os:root", WHY, room.clock.now())


def test_who_is_no_admin_neither_proposes_nor_confirms(old: Room) -> None:
    with old.ledger() as ledger:
        now = old.clock.now()
        change = desk.add_operator(ledger, "otto", ["operator"], "anna", WHY, now)
        assert change is not None
        desk.confirm(ledger, change.id, "bob", WHY, now)
    with pytest.raises(Refused, match="may not"):
        propose(old, "otto")
    number = propose(old)
    with pytest.raises(Refused, match="may not"):
        confirm(old, number, "otto")


def test_a_changed_list_needs_a_new_proposal(old: Room) -> None:
    number = propose(old)
    hold(old, file_id=old.file().id)
    with pytest.raises(Refused, match="changed since it was proposed"):
        confirm(old, number)
    confirm(old, propose(old))
    with pytest.raises(Refused, match="no list 1 waits"):
        confirm(old, number)
    erase(old)
    assert "original.xml" in contents(old, old.file())
    assert verify(old) == ([], 5)


def test_other_rules_make_another_list(old: Room) -> None:
    number = propose(old)
    with pytest.raises(Refused, match="changed since it was proposed"):
        confirm(old, number, rules=[Rule(6)])


def test_the_mechanism_of_operators_confirms_no_list(old: Room) -> None:
    number = propose(old)
    with old.ledger() as ledger, pytest.raises(Refused, match="list of files to erase"):
        desk.confirm(ledger, number, "bob", WHY, old.clock.now())
    with old.ledger() as ledger:
        desk.refuse(ledger, number, "bob", WHY, old.clock.now())
    with pytest.raises(Refused, match="waits for a second person"):
        confirm(old, number)


def test_a_list_is_erased_once(old: Room) -> None:
    erase_all(old, PAYMENTS)
    with pytest.raises(Refused, match="nothing is past its time"):
        propose(old, rules=PAYMENTS)
    with old.ledger() as ledger:
        head = ledger.head()
    assert erase(old) == {}
    with old.ledger() as ledger:
        assert ledger.head() == head


# ------------------------------------------------------------------------------------------- holds


def test_a_hold_that_comes_after_the_confirmation_still_keeps_its_file(old: Room) -> None:
    confirm(old, propose(old))
    hold(old, file_id=old.file("st.xml").id)
    assert erase(old) == {old.file("st.xml").id: "legal hold 1"}
    assert "received" in contents(old, old.file("st.xml"))
    assert "Kunde Klein" in everything(old)
    assert verify(old) == ([], 5)


def test_what_moves_after_the_confirmation_stays(old: Room) -> None:
    confirm(old, propose(old))
    with old.ledger() as ledger:
        file = old.file("st.xml")
        ledger.move(file, In.FETCHED, old.clock.now(), because=WHY, who="anna")
    assert erase(old) == {file.id: "it moved since the list was made"}
    assert "received" in contents(old, file)


def test_a_lifted_hold_keeps_nothing_and_both_are_chained(old: Room) -> None:
    number = hold(old, account="DE89370400440532013000")
    assert find(old).may_go == []
    with old.ledger() as ledger:
        change = retaining.propose_unhold(ledger, number, "anna", "over", old.clock.now())
        assert find(old).may_go == []
        with pytest.raises(Refused, match="anna proposed it himself"):
            retaining.unhold(ledger, change.id, "anna", "settled", old.clock.now())
        with pytest.raises(Refused, match="no operator here"):
            retaining.unhold(ledger, change.id, "os:root", "settled", old.clock.now())
        desk.confirm(ledger, change.id, "bob", "settled", old.clock.now())
        links = ledger.room_moves("retention-")
        assert [(link.target, link.who) for link in links] == [
            ("retention-hold", "anna"),
            ("retention-unhold-proposed", "anna"),
            ("retention-unhold", "bob"),
        ]
        assert [str(link.because) for link in links] == [
            "hold 1: a lawsuit",
            "change 1, unhold 1: over",
            "hold 1 of anna, change 1 of anna: settled",
        ]
    assert len(find(old).may_go) == 6


def test_a_hold_that_a_hand_took_away_stops_every_erasure(old: Room) -> None:
    confirm(old, propose(old))
    hold(old, account="DE89370400440532013000")
    for edited in ("UPDATE legal_holds SET account = 'X'", "DELETE FROM legal_holds"):
        edit(old, edited)
        with pytest.raises(Corrupt, match="legal holds"):
            find(old)
    assert len(erase(old)) == 6
    assert verify(old) == ([], 0)


def test_a_hold_names_something(old: Room) -> None:
    with pytest.raises(Refused, match="names a file, an account or a period"):
        hold(old)
    with pytest.raises(Refused, match="there is no file"):
        hold(old, file_id="20200101-000000-abcdef")


# ------------------------------------------------------------------------------------------ proof


def test_a_content_removed_without_a_record_is_found(old: Room) -> None:
    dossier = FolderArchive(old.root / "archive").place(old.file().id)
    (dossier / "original.xml").unlink()
    assert verify(old) == (["original.xml: it is missing"], 0)


def test_a_manifest_alone_excuses_no_missing_content(old: Room) -> None:
    FolderArchive(old.root / "archive").erase(old.file().id, "list 1 (by nobody)")
    found, erased = verify(old)
    assert {"original.xml: it is missing", "sealed.pgp: it is missing"} <= set(found)
    assert erased == 0


def test_a_link_that_no_two_persons_agreed_on_excuses_nothing(old: Room) -> None:
    file = old.file()
    words = erasing_words(1, "ab" * 32, "anna", "bob", WHY)
    engine = create_engine(f"sqlite:///{old.root}/ledger.db")
    with engine.begin() as connection:
        state, now = file.state, old.clock.now()
        append(connection, file.id, state, state, now, "h2h", words, file.sha256)
    engine.dispose()
    FolderArchive(old.root / "archive").erase(file.id, "list 1")
    found, erased = verify(old)
    assert {"original.xml: it is missing", "sealed.pgp: it is missing"} <= set(found)
    assert erased == 0


def test_what_comes_back_into_an_erased_dossier_is_found(old: Room) -> None:
    erase_all(old, PAYMENTS)
    dossier = FolderArchive(old.root / "archive").place(old.file().id)
    (dossier / "original.xml").write_bytes(b"back")
    found, _ = verify(old)
    assert "original.xml: it was erased, and is there" in found


def test_an_erased_file_is_neither_read_again_nor_recalled(old: Room) -> None:
    erase_all(old)
    now = old.clock.now()
    with old.ledger() as ledger:
        roles = ["admin", "operator"]
        change = desk.change_operator(ledger, "role", "anna", "bob", WHY, now, roles=roles)
        desk.confirm(ledger, change.id, "anna", WHY, now)
        with pytest.raises(Refused, match="is erased"):
            desk.replay(ledger, old.file("noise.xml").id, "anna", WHY, now)
        with pytest.raises(Refused, match="is erased"):
            desk.recall(ledger, old.file().id, "anna", WHY, now, recall_id="20340101-000000-aaaaaa")


def test_the_same_file_is_a_duplicate_after_its_erasure(
    old: Room, payment_file: PaymentFile
) -> None:
    erase_all(old, PAYMENTS)
    old.drop(payment_file(execution_date="2034-12-20"), "again.xml")
    old.sweep()
    assert old.file("again.xml").state is Out.DUPLICATE
    assert len(old.published()) == 1


# ------------------------------------------------------------------------------------------- kills


def test_killed_at_every_call_an_erasure_comes_to_the_same_end(old: Room, tmp_path: Path) -> None:
    confirm(old, propose(old, rules=STATEMENTS), rules=STATEMENTS)
    start = tmp_path.with_name(f"{tmp_path.name}-start")
    shutil.copytree(old.root, start)
    old.killer = killer = Killer(tmp_path / "hits")
    erase(old)
    old.killer = None
    calls = killer.calls
    changes = ("ledger.begin_erasure", "archive.erase", "ledger.end_erasure", "archive.record")
    for at in map(calls.index, changes):  # what lies between them only looks
        shutil.rmtree(old.root)
        shutil.copytree(start, old.root)
        assert erase_and_die(old, at, "after") == -signal.SIGKILL
        assert verify(old)[0] == [], calls[at]
        assert erase(old) == {}
        assert_erased(old, calls[at])


def erase_and_die(room: Room, at: int, side: str) -> int:
    child = os.fork()
    if child == 0:
        try:
            room.killer = Killer(room.root.with_name("died"), at, side)
            erase(room)
        finally:
            os._exit(70)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def assert_erased(room: Room, where: str) -> None:
    file = room.file("st.xml")
    with room.services() as services, Sweep(services) as sweep:
        bring_up_to_date(sweep)
    assert contents(room, file) == {"manifest.json", "moves.jsonl"}, where
    assert verify(room) == ([], 1), where
    with room.ledger() as ledger:
        told = [str(move.because)[:8] for move in ledger.moves(file.id)]
        assert [words for words in told if words.startswith("eras")] == ["erasing:", "erased: "]
        assert ledger.to_erase() == []


def test_cut_between_two_contents_the_rest_goes_next_time(
    old: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm(old, propose(old, rules=PAYMENTS), rules=PAYMENTS)
    gone: list[str] = []

    def unlink_one(path: Path, **more: bool) -> None:
        if gone and path.parent.name == old.file().id:
            raise OSError(5, "Input/output error")
        gone.append(path.name)
        os.unlink(path)  # noqa: PTH108 - what Path.unlink does

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", unlink_one)
        assert old.file().id in erase(old)
    assert verify(old)[0] == []
    assert erase(old) == {}
    assert contents(old, old.file()) == {"manifest.json", "moves.jsonl"}
    assert verify(old) == ([], 2)


def test_no_log_names_anybody(old: Room) -> None:
    confirm(old, propose(old))
    hold(old, file_id=old.file("st.xml").id)
    erase(old)
    events = [(name, facts) for name, facts in old.log.events if "eras" in name]
    assert {name for name, _ in events} == {"erased", "erasure_stopped"}
    assert [secret for secret in SECRETS if secret in str(events)] == []


# -------------------------------------------------------------------------------- sealed at rest


def test_what_is_sealed_at_rest_goes_too(old: Room) -> None:
    """As with a key of the archive: the content bears another name."""
    file = old.file("st.xml")
    place = FolderArchive(old.root / "archive").place(file.id)
    (place / "received").rename(place / "received.rest")
    with old.services() as services, Sweep(services) as sweep:
        record(file, sweep)
    confirm(old, propose(old, rules=STATEMENTS), rules=STATEMENTS)
    assert erase(old) == {}
    assert contents(old, file) == {"manifest.json", "moves.jsonl"}
    assert verify(old) == ([], 1)
