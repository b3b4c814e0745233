"""Who the bank's server is: only a pinned host key counts, and nobody else sees a credential."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import paramiko
import pytest
from paramiko.common import AUTH_SUCCESSFUL

from h2h.adapters.sftp import CIPHERS, MACS, SftpBank
from h2h.errors import HostKeyChanged, LoginRefused

if TYPE_CHECKING:
    from tests.adapters.conftest import SshKey, SshServer, StartServer


def never() -> str:
    pytest.fail("a credential was asked for")


def log_in(bank: SftpBank) -> str:
    """The kind of host key that the session was opened with."""
    with bank.session() as session:
        return session._transport.get_remote_server_key().get_name()


class Impostor(paramiko.ServerInterface):
    """Lets everybody in, and remembers every attempt."""

    def __init__(self, attempts: list[str]) -> None:
        self.attempts = attempts

    def get_allowed_auths(self, username: str) -> str:
        self.attempts.append(f"asked what {username} may")
        return "publickey,password"

    def check_auth_none(self, username: str) -> int:
        self.attempts.append(f"none {username}")
        return AUTH_SUCCESSFUL

    def check_auth_password(self, username: str, password: str) -> int:
        self.attempts.append(f"password {username} {password}")
        return AUTH_SUCCESSFUL

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.attempts.append(f"key {username}")
        return AUTH_SUCCESSFUL


@pytest.fixture
def impostor(ssh_key: SshKey) -> Iterator[tuple[int, list[str]]]:
    """(port, attempts) of a server with a key of its own."""
    attempts: list[str] = []
    done: list[paramiko.Transport] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    transport = paramiko.Transport(listener.accept()[0])
                    done.append(transport)
                    key = paramiko.Ed25519Key(filename=str(ssh_key("ed25519", "impostor").path))
                    transport.add_server_key(key)
                    with suppress(paramiko.SSHException, EOFError):
                        transport.start_server(server=Impostor(attempts))

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], attempts
        listener.shutdown(socket.SHUT_RDWR)
    for transport in done:
        transport.close()


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_an_impostor_learns_neither_key_nor_password_nor_name(
    impostor: tuple[int, list[str]], ssh_key: SshKey, kind: str
) -> None:
    """Neither with another key of the pinned kind, nor with one of another kind."""
    port, attempts = impostor
    bank = SftpBank(
        hosts=["127.0.0.1"],
        username="corp1",
        host_keys=[ssh_key(kind, "host").public],
        private_key=never,
        password=never,
        port=port,
    )
    with pytest.raises(HostKeyChanged, match="pinned") as refused:
        log_in(bank)
    assert "Ask the bank" in refused.value.next_move
    assert attempts == []


def test_a_key_that_changes_between_two_sessions_is_refused_and_not_learnt(
    start_server: StartServer, ssh_key: SshKey
) -> None:
    server = start_server()
    bank = server.bank()
    assert log_in(bank) == "ssh-ed25519"
    server.stop()
    true_key, server.host_key = server.host_key, ssh_key("ed25519", "swapped")
    server.start()
    for _ in range(2):
        with pytest.raises(HostKeyChanged):
            log_in(replace(bank, private_key=never))
    server.stop()
    server.host_key = true_key
    server.start()
    assert log_in(bank) == "ssh-ed25519"


@pytest.mark.parametrize(("pinned", "name"), [("rsa", "ssh-rsa"), ("ed25519", "ssh-ed25519")])
def test_the_pinned_kind_is_asked_for_whichever_the_server_prefers(
    start_server: StartServer, ssh_key: SshKey, pinned: str, name: str
) -> None:
    keys = [ssh_key(kind, "host") for kind in ("rsa", "ed25519", "ecdsa")]
    server = start_server(HostKey="\nHostKey ".join(str(key.path) for key in keys))
    bank = replace(server.bank(), host_keys=[ssh_key(pinned, "host").public])
    assert log_in(bank) == name


def test_no_kind_is_taken_beside_the_pinned_ones(
    start_server: StartServer, ssh_key: SshKey
) -> None:
    server = start_server(HostKey=str(ssh_key("ecdsa", "host").path))
    bank = replace(server.bank(), host_keys=[ssh_key("ed25519", "host").public], private_key=never)
    with pytest.raises(HostKeyChanged, match=r"no host key of the pinned kind \(ssh-ed25519\)"):
        log_in(bank)
    assert "Accepted" not in (server.room / "sshd.log").read_text()


# --------------------------------------------------------------------------------- the algorithms

# What must never be agreed on; `sshd -Q` of OpenSSH 9.2 knows all of the first three.
WEAK = (
    *("3des-cbc", "aes128-cbc", "aes192-cbc", "aes256-cbc"),
    *("hmac-md5", "hmac-md5-96", "hmac-sha1", "hmac-sha1-96", "hmac-sha1-etm@openssh.com"),
    *("diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1"),
    *("diffie-hellman-group-exchange-sha1", "ssh-rsa", "ssh-dss", "none", "zlib"),
)


def test_nothing_of_the_weak_list_is_offered_and_the_key_exchange_is_strict(
    server: SshServer,
) -> None:
    with server.bank().session() as session:
        transport = session._transport
        options = transport.get_security_options()
        offered = {*options.ciphers, *options.digests, *options.kex, *options.key_types}
        assert not offered & set(WEAK)
        assert (tuple(options.ciphers), tuple(options.digests)) == (CIPHERS, MACS)
        assert tuple(options.compression) == ("none",)
        assert options.kex
        assert transport.agreed_on_strict_kex is True  # type: ignore[attr-defined]  # Terrapin


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"Ciphers": "3des-cbc", "MACs": "hmac-md5"}, "ciphers"),
        ({"Ciphers": "aes128-ctr", "MACs": "hmac-md5,hmac-md5-96"}, "macs"),
        ({"KexAlgorithms": "diffie-hellman-group1-sha1"}, "kex"),
    ],
)
def test_a_server_that_has_only_what_broke_long_ago_is_refused_in_words(
    start_server: StartServer, options: dict[str, str], words: str
) -> None:
    bank = replace(start_server(**options).bank(), private_key=never, password=never)
    with pytest.raises(LoginRefused, match=f"no longer safe: .*{words}") as refused:
        log_in(bank)
    assert "Ask the bank for aes-ctr or aes-gcm" in refused.value.next_move
