"""Who gets in at the practice bank's SFTP server, and what it does with names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import asyncssh
import paramiko
import pytest

from h2h.adapters.sftp import SftpBank
from h2h.config import load

if TYPE_CHECKING:
    from h2h.sandbox.bank import PracticeBank
    from tests.sandbox.conftest import Customer


def logged_in(bank: PracticeBank, username: str, key: paramiko.PKey | None, password: str) -> bool:
    told = bank.introduction
    with paramiko.Transport((told.host, told.port)) as transport:
        try:
            transport.connect(username=username, pkey=key, password=password)
        except paramiko.AuthenticationException:
            return False
        return transport.is_authenticated()


def test_the_customers_own_key_opens_the_door_and_the_pinned_host_key_answers(
    customer: Customer,
) -> None:
    told = customer.bank.introduction
    with paramiko.Transport((told.host, told.port)) as transport:
        transport.connect(username="corp1", pkey=customer.key)
        shown = transport.get_remote_server_key()
    assert told.host_key.split()[:2] == [shown.get_name(), shown.get_base64()]


def test_nobody_else_gets_in(customer: Customer, short: Path) -> None:
    stranger = short / "stranger"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(stranger)
    strange_key = paramiko.Ed25519Key.from_private_key_file(str(stranger))
    assert logged_in(customer.bank, "corp1", customer.key, "")
    assert not logged_in(customer.bank, "corp1", strange_key, "")
    assert not logged_in(customer.bank, "root", customer.key, "")
    assert not logged_in(customer.bank, "corp1", None, "corp1")


def test_the_login_gives_files_and_no_shell(customer: Customer) -> None:
    told = customer.bank.introduction
    with paramiko.Transport((told.host, told.port)) as transport:
        transport.connect(username="corp1", pkey=customer.key)
        channel = transport.open_session()
        with pytest.raises(paramiko.SSHException):
            channel.exec_command("id")


def test_a_plain_rename_refuses_a_name_that_exists_and_keeps_what_is_there(
    customer: Customer,
) -> None:
    for name in ("a.tmp", "b.tmp"):
        with customer.sftp.open(f"Outbox/{name}", "wb") as remote:
            remote.write(name.encode())
    with pytest.raises(OSError, match="exists"):
        customer.sftp.rename("Outbox/a.tmp", "Outbox/b.tmp")
    with customer.sftp.open("Outbox/b.tmp") as remote:
        assert remote.read() == b"b.tmp"
    assert sorted(customer.sftp.listdir("Outbox")) == ["a.tmp", "b.tmp"]


def test_a_posix_rename_replaces_a_name_that_exists(customer: Customer) -> None:
    for name in ("a.tmp", "b.tmp"):
        with customer.sftp.open(f"Outbox/{name}", "wb") as remote:
            remote.write(name.encode())
    customer.sftp.posix_rename("Outbox/a.tmp", "Outbox/b.tmp")
    with customer.sftp.open("Outbox/b.tmp") as remote:
        assert remote.read() == b"a.tmp"
    assert customer.sftp.listdir("Outbox") == ["b.tmp"]


def test_the_connectors_own_session_works_there_with_what_the_workspace_says(
    bank: PracticeBank, short: Path
) -> None:
    practice = load(bank.write_workspace(short / "work")).banks["practice"]
    assert practice.sftp is not None
    server = SftpBank(
        hosts=practice.sftp.hosts,
        port=practice.sftp.port,
        username=practice.sftp.username,
        host_keys=practice.sftp.host_keys,
        private_key=practice.sftp.private_key.read,
    )
    (short / "file").write_bytes(b"not sealed")
    bank.end_of_day()
    with server.session() as session:
        session.put(short / "file", "Outbox/a.xml.pgp.1.tmp")
        assert session.stat("Outbox/a.xml.pgp") is None
        session.rename("Outbox/a.xml.pgp.1.tmp", "Outbox/a.xml.pgp")
        bank.sweep()
        assert session.stat("Outbox/a.xml.pgp") is None  # the bank has collected it
        [statement] = session.listing("Inbox", 10)
        session.get(f"Inbox/{statement.name}", short / "statement", 1_000_000)
        session.remove(f"Inbox/{statement.name}")
        assert list(session.listing("Inbox", 10)) == []
    assert (short / "statement").stat().st_size == statement.size
    assert [arrival.name for arrival in bank.arrivals()] == ["a.xml.pgp"]
