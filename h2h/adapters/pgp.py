"""OpenPGP at one bank: its own ring, pinned keys, and no plaintext that was not proven first.

gpg is driven through python-gnupg, with these measured traps in mind. Its `valid` is True for a
tampered file and for any key in the ring, its `ok` for an unsigned file, its return code 0 for a
revoked signer: a file is accepted only when all agree (`_why_not`). Its copying through a pipe
turns a read error into a shorter file that is then signed: gpg is given the path and reads itself.
It waits without an end: a timer kills gpg.
"""

from __future__ import annotations

import errno
import io
import os
import queue
import re
import signal
import stat
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import gnupg

from h2h.adapters import durable
from h2h.adapters.durable import disk
from h2h.core.problem import Problem, Severity
from h2h.errors import ConfigError, Corrupt, H2HError, Refused, Transient

SEALS = ("sign+encrypt", "sign", "encrypt", "detached", "none")
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")
_LONGEST_SOCKET = 107  # bytes of a Unix socket's path, see unix(7)
_SLOWEST = 1_000_000  # bytes a second that gpg is trusted to do at least
_STATUS = "[GNUPG:] "
_SHARED = (  # what a home holds besides its agent's sockets and locks
    "pubring.kbx",
    "pubring.gpg",
    "private-keys-v1.d",
    "trustdb.gpg",
    "gpg-agent.conf",
)
_REGARDLESS = (  # nothing but what is said here decides, and nothing is fetched from anywhere
    "--no-options",
    "--no-auto-key-retrieve",
    "--no-auto-key-locate",
    "--disable-dirmngr",
    "--no-auto-check-trustdb",
    "--no-sk-comments",
)
_RECIPIENT_REASONS = {  # GnuPG, doc/DETAILS, INV_RECP and INV_SGNR
    "1": "it is not in the ring",
    "3": "it is not made for this use",
    "4": "it was revoked",
    "5": "it has expired",
    "9": "its secret part is missing",
    "13": "it is disabled",
}


class GpgSealer:
    """Seals for and opens from one bank; see h2h.ports.Sealer. Keys are full fingerprints.

    `seal` also says what is accepted: a file must have been encrypted when `seal` includes
    encryption, and signed by one of `accept_from`. Only with `seal = "encrypt"` and no
    `accept_from` is an unsigned file taken. "detached" leaves the file in clear and puts
    NAME.sig beside it, on both ways; "none" copies, for tests with a bank.

    `agents` files are sealed or opened at once, by threads, each in a GnuPG home of its own with an
    agent of its own; all of them have the one ring of `home`.

    Raises ConfigError, at once or at the first use, when gpg, its home or the keys cannot work.
    """

    def __init__(
        self,
        home: Path,
        seal: str,
        *,
        sign_with: str = "",
        encrypt_to: Sequence[str] = (),
        accept_from: Sequence[str] = (),
        passphrase: Callable[[], str] | None = None,
        armor: bool = False,
        compress: bool = True,
        cipher: str = "AES256",
        digest: str = "SHA256",
        timeout: float = 30.0,
        pins: str = "accept_from",
        agents: int = 1,
    ) -> None:
        if seal not in SEALS:
            raise ConfigError(f"seal {seal!r} is not known", f"Use one of {', '.join(SEALS)}")
        self._home = home
        self._seal = seal
        self._signs = seal in {"sign+encrypt", "sign", "detached"}
        self._encrypts = seal in {"sign+encrypt", "encrypt"}
        self._sign_with = _fingerprint(sign_with, "sign_with") if self._signs else ""
        wanted = encrypt_to if self._encrypts else ()
        self._encrypt_to = tuple(_fingerprint(key, "encrypt_to") for key in wanted)
        self._accept_from = frozenset(_fingerprint(key, "accept_from") for key in accept_from)
        if self._encrypts and not self._encrypt_to:
            raise ConfigError("encrypt_to is empty", "Name the bank's encryption key")
        self._pins = pins  # the key of the configuration that names them
        self._passphrase = passphrase
        self._armor = armor
        self._making = ["--rfc4880", "--cipher-algo", cipher, "--digest-algo", digest]
        self._making += ["--compress-algo", "zip", "-z1"] if compress else ["-z0"]
        self._making += [
            "--set-filename",
            "",
        ]  # the name of our dossier's file is nobody's business
        self._timeout = timeout
        self.agents = agents
        self._homes: queue.LifoQueue[_Home] = queue.LifoQueue()  # those that nobody uses now
        for number in range(agents, 0, -1):
            self._homes.put(_Home(home if number == 1 else _beside(home, number)))

    # -- sealing

    def seal(self, plain: Path, sealed: Path) -> None:
        """Write the sealed `plain` to `sealed`, flushed, complete or not at all.

        Raises Refused (a key cannot be used), Transient (gpg hangs, the disk is full).
        """
        signature = self.sidecar(sealed)
        if signature is not None:
            self._make(plain, signature)
        if self._seal in {"none", "detached"}:
            with disk(f"writing {sealed}"):
                _copy(plain, sealed)
        else:
            self._make(plain, sealed)

    def sidecar(self, sealed: Path) -> Path | None:
        """The detached signature that travels beside `sealed`, None when the seal is one file."""
        return sealed.with_name(sealed.name + ".sig") if self._seal == "detached" else None

    def _make(self, plain: Path, target: Path) -> None:
        """Run gpg on `plain`; its output appears as `target` only when all went well."""
        temporary = target.with_name(f".{target.name}.writing")
        with disk(f"sealing {plain}"), _private(temporary):
            size = plain.stat().st_size
            self._judge_making(self._run_making(plain, temporary, size), plain)
            _flush(temporary)
            temporary.replace(target)
            durable.sync_folder(target.parent)

    def _run_making(self, plain: Path, output: Path, size: int) -> _Result:
        rest = [*self._making, *self._signer(), "--", str(plain)]
        nothing = io.BytesIO()
        with self._ready(size) as gpg:
            if self._encrypts:
                outcome = gpg.encrypt_file(
                    nothing,
                    self._encrypt_to,
                    sign=self._signs,
                    always_trust=True,
                    passphrase=self._secret(),
                    armor=self._armor,
                    output=str(output),
                    extra_args=rest,
                )
            else:
                outcome = gpg.sign_file(
                    nothing,
                    passphrase=self._secret(),
                    clearsign=False,
                    detach=self._seal == "detached",
                    binary=not self._armor,
                    output=str(output),
                    extra_args=rest,
                )
            return _Result(outcome, gpg.timed_out)

    def _signer(self) -> list[str]:
        """`--local-user`, as `--default-key` falls back to another key when this one is missing."""
        return ["--local-user", self._sign_with] if self._signs else []

    def _judge_making(self, result: _Result, plain: Path) -> None:
        signed = not self._signs or result.has("SIG_CREATED")
        encrypted = not self._encrypts or result.has("END_ENCRYPTION")
        if result.returncode == 0 and signed and encrypted:
            self._insist_named(result)
            return
        self._raise_if_ours(result, f"sealing {plain.name}")
        for keyword in ("INV_RECP", "INV_SGNR"):
            for value in result.values(keyword):
                code, _, key = value.partition(" ")
                expired = result.has("KEYEXPIRED")  # gpg then gives the code 0
                unknown = "it has expired" if expired else "gpg gives no reason"
                reason = _RECIPIENT_REASONS.get(code, unknown)
                raise Refused(
                    f"the key {key} cannot be used to seal: {reason}",
                    f"Put the right key into the ring {self._home}, then release the file",
                )
        raise Refused(
            f"gpg did not seal {plain.name}: {result.last_words}",
            f"Look at the keys in {self._home} (`h2h config check`), then release the file",
        )

    def _insist_named(self, result: _Result) -> None:
        """Raise Refused unless gpg took the keys that are named, each as a primary key.

        gpg also finds a fingerprint among the subkeys of another key, which its owner may have put
        there, and then encrypts to that owner.
        """
        taken = {value.split(" ")[0] for value in result.values("KEY_CONSIDERED")}
        named = {*self._encrypt_to, self._sign_with}
        if not set(self._encrypt_to) <= taken <= named:
            other = ", ".join(sorted(taken - named)) or "none"
            raise Refused(
                f"gpg would seal with other keys than those that are named: {other}",
                f"Find out who changed the ring {self._home}; put the right keys into it, then"
                " release the file",
            )

    # -- opening

    def open(self, sealed: Path, plain: Path, largest: int) -> str:
        """Verify and decrypt; returns the signer's primary fingerprint ("" when unsealed).

        Raises Corrupt when the file is not authentic or too large; no plaintext is left then.
        Raises ConfigError or Transient when the trouble is ours (no passphrase, gpg hangs).
        """
        temporary = plain.with_name(f".{plain.name}.opening")
        with disk(f"opening {sealed}"), _private(temporary):
            signer = self._open_into(temporary, sealed, largest)
            if temporary.stat().st_size > largest:
                raise _too_large(sealed, largest)
            _flush(temporary)
            temporary.replace(plain)
            durable.sync_folder(plain.parent)
            return signer

    def _open_into(self, temporary: Path, sealed: Path, largest: int) -> str:
        if self._seal in {"none", "detached"}:
            if sealed.stat().st_size > largest:
                raise _too_large(sealed, largest)
            signer = self._verify(sealed) if self._seal == "detached" else ""
            _copy(sealed, temporary)
            return signer
        return self._judge_opening(self._decrypt(sealed, temporary, largest), sealed, largest)

    def _decrypt(self, sealed: Path, output: Path, largest: int) -> _Result:
        with self._ready(largest) as gpg:
            outcome = gpg.decrypt_file(
                io.BytesIO(),
                passphrase=self._secret(),
                output=str(output),
                extra_args=["--max-output", str(max(largest, 1)), "--", str(sealed)],
            )
            return _Result(outcome, gpg.timed_out)

    def verify(self, content: Path, signature: Path) -> str:
        """The signer's primary fingerprint of a file and its detached signature.

        Raises Corrupt when the signature does not count, ConfigError or Transient when the trouble
        is ours.
        """
        with self._ready(content.stat().st_size) as gpg:
            outcome = gpg.verify_file(io.BytesIO(), extra_args=["--", str(signature), str(content)])
            result = _Result(outcome, gpg.timed_out)
        return self._judge_opening(result, content, 0)

    def _verify(self, sealed: Path) -> str:
        signature = sealed.with_name(sealed.name + ".sig")
        if not signature.is_file():
            raise Corrupt(
                f"{sealed.name} came without its signature {signature.name}",
                "The bank sends it, then read the file again",
            )
        return self.verify(sealed, signature)

    def _judge_opening(self, result: _Result, sealed: Path, largest: int) -> str:
        """The signer's fingerprint; raises unless everything about the file is as agreed."""
        why = self._why_not(result)
        if why is None:
            return result.signer
        self._raise_if_ours(result, f"opening {sealed.name}")
        if "exceeded --max-output" in result.text:
            raise _too_large(sealed, largest)
        cause, next_move = why
        raise Corrupt(f"{sealed.name}: {cause}", next_move)

    def _why_not(self, result: _Result) -> tuple[str, str] | None:
        """Why the file is not accepted, and who must act; None when it is.

        Accepted means: return code 0, decrypted where that was agreed, exactly one signature, a
        valid one, by a pinned primary key, and no problem reported. A message that is also for
        others is fine: gpg then reports their keys as problems although it decrypted with ours.
        """
        checks = (
            self._decryption_problem,
            _signature_problem,
            self._signer_problem,
            _other_problem,
        )
        return next((why for check in checks if (why := check(result)) is not None), None)

    def _decryption_problem(self, result: _Result) -> tuple[str, str] | None:
        if result.decrypted or not self._encrypts:
            return None
        if result.has("DECRYPTION_INFO"):  # its session key was found, so it is for us
            return "it was altered or cut after it was encrypted", "Ask the bank to send it again"
        if result.has("NO_SECKEY"):
            keys = ", ".join(result.values("NO_SECKEY"))
            return (
                f"it is encrypted for the key {keys}, which is not ours",
                "Give the bank our present public key, or put the old secret key into the ring",
            )
        return "it is not encrypted, or no OpenPGP file", "Ask the bank for an encrypted file"

    def _signer_problem(self, result: _Result) -> tuple[str, str] | None:
        signatures = result.values("VALIDSIG")
        if not signatures:
            if self._encrypts and not self._signs and not self._accept_from:
                return None
            return "it is not signed", "Ask the bank for a signed file; this one is not booked"
        if len(signatures) > 1 or len(result.values("NEWSIG")) > 1:
            return "it carries more than one signature", "Ask the bank for a file with one"
        if result.signer not in self._accept_from:
            return (
                f"it is signed by {result.signer}, which is not in {self._pins}",
                f"Ask the bank whether that key is its own; only then add it to {self._pins}",
            )
        return None

    # -- gpg

    @contextmanager
    def _ready(self, size: int) -> Iterator[_Gpg]:
        """gpg in a home that nobody else uses now, with as much time as `size` bytes may take."""
        home = self._homes.get()
        try:
            if home.path != self._home:
                _keep_in_step(home.path, self._home)
            if home.gpg is None:
                home.gpg = self._started(home.path)
            home.gpg.limit = self._timeout + size / _SLOWEST
            home.gpg.timed_out = False
            yield home.gpg
        finally:
            self._homes.put(home)

    def _started(self, home: Path) -> _Gpg:
        check_home(home)
        options = [*_REGARDLESS]
        if self._passphrase is None:
            options += ["--pinentry-mode", "error"]  # nobody sits there to type it
        try:
            return _Gpg(home, options, self._timeout)
        except (OSError, ValueError) as error:
            raise _not_started(error) from error

    def _secret(self) -> str | None:
        """The passphrase as python-gnupg's latin-1 pipe must have it to carry UTF-8."""
        if self._passphrase is None:
            return None
        return self._passphrase().encode().decode("latin-1")

    def _raise_if_ours(self, result: _Result, doing: str) -> None:
        """Raise for trouble on this machine, which says nothing about the file."""
        if result.timed_out:
            raise Transient(
                f"{doing}: gpg was killed, it had not ended in time",
                f"It is tried again; `gpgconf --homedir {self._home} --kill all` ends its agent",
            )
        for pattern, error in _OUR_TROUBLE:
            if pattern.search(result.text):
                raise error(doing, self._home)

    # -- the keys themselves

    def verify_keys(self, today: date) -> list[Problem]:
        """What is or will soon be wrong with the keys: missing, expired, expiring in 30 days."""
        if self._seal == "none":
            return []
        with self._ready(0) as gpg:
            public = {key["fingerprint"]: key for key in gpg.list_keys()}
            secret = {key["fingerprint"]: key for key in gpg.list_keys(secret=True)}
        problems = []
        if self._signs:
            problems += _judge_key(self._sign_with, secret, "S", "our signing key", today)
        for key in self._encrypt_to:
            problems += _judge_key(key, public, "E", "the bank's encryption key", today)
        for key in sorted(self._accept_from):
            problems += _judge_key(key, public, "S", "the bank's signing key", today)
        if self._encrypts and not any("E" in key["cap"] for key in secret.values()):
            problems.append(_missing("our decryption key", f"in {self._home}"))
        return problems

    def expiries(self) -> Sequence[tuple[str, date]]:
        """Each of its keys that ends some day: which one, and the first day without it."""
        if self._seal == "none":
            return []
        used = [("our signing key", self._sign_with, "S")] if self._signs else []
        used += [("the bank's encryption key", key, "E") for key in self._encrypt_to]
        used += [("the bank's signing key", key, "S") for key in sorted(self._accept_from)]
        with self._ready(0) as gpg:
            ring = {key["fingerprint"]: key for key in gpg.list_keys()}
        found = []
        for what, fingerprint, use in used:
            ends = _expiry(ring[fingerprint], use) if fingerprint in ring else None
            if ends is not None:
                found.append((f"{what} {fingerprint}", ends))
        return found


# ------------------------------------------------------------------------- homes with their agents


@dataclass(slots=True)
class _Home:
    """A GnuPG home, which has an agent of its own, and gpg in it once that was started."""

    path: Path
    gpg: _Gpg | None = None


def _beside(home: Path, number: int) -> Path:
    """The second home and so on: a private folder in the first."""
    return home / f"agent-{number}"


def _keep_in_step(other: Path, home: Path) -> None:
    """Make `other` a home with the ring of `home`: by links, so no key is copied anywhere.

    One agent works on one file at a time, and the agent is known by its home; so more homes at one
    ring are what lets more than one file be sealed at once.
    """
    if not home.is_dir():
        return  # looking at the home says so
    other.mkdir(mode=0o700, exist_ok=True)
    for name in _SHARED:
        link = other / name
        if (home / name).exists() and not link.is_symlink():
            with suppress(FileExistsError):
                link.symlink_to(Path("..") / name)


# ---------------------------------------------------------------------------- python-gnupg, bounded


class _Gpg(gnupg.GPG):  # type: ignore[misc]  # python-gnupg ships no types
    """python-gnupg with a limit in seconds on each run of gpg."""

    def __init__(self, home: Path, options: list[str], limit: float) -> None:
        self.limit = limit
        self.timed_out = False
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        super().__init__(gnupghome=str(home), options=options, env=environment)

    def _open_subprocess(
        self,
        args: list[str],
        passphrase: bool = False,  # noqa: FBT001, FBT002 - python-gnupg's own signature
    ) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] = super()._open_subprocess(args, passphrase)
        timer = threading.Timer(self.limit, self._give_up, [process])
        timer.daemon = True
        timer.start()
        self._timer = timer
        return process

    def _collect_output(self, *args: Any, **kwargs: Any) -> int:  # noqa: ANN401 - passed through
        try:
            code: int = super()._collect_output(*args, **kwargs)
        finally:
            self._timer.cancel()
        return code

    def _give_up(self, process: subprocess.Popen[bytes]) -> None:
        self.timed_out = True
        process.kill()


class _Result:
    """What one run of gpg said, by its own status lines (doc/DETAILS) and by python-gnupg."""

    def __init__(self, outcome: Any, timed_out: bool) -> None:  # noqa: ANN401, FBT001 - untyped library
        self.timed_out = timed_out
        self.returncode: int = outcome.returncode
        self.text: str = getattr(outcome, "stderr", "")
        self.valid: bool = bool(getattr(outcome, "valid", False))
        self.signer: str = getattr(outcome, "pubkey_fingerprint", None) or ""
        reported: list[dict[str, str]] = getattr(outcome, "problems", [])
        self.problems = [p for p in reported if p["status"] != "no secret key"]
        lines = [line.removeprefix(_STATUS) for line in self._lines(_STATUS)]
        self._statuses = [line.partition(" ") for line in lines]
        # Two messages in one file give both words, and `ok`.
        self.decrypted = bool(getattr(outcome, "ok", False)) and not self.has("DECRYPTION_FAILED")

    def _lines(self, prefix: str) -> list[str]:
        return [line for line in self.text.splitlines() if line.startswith(prefix)]

    def values(self, keyword: str) -> list[str]:
        return [value for found, _, value in self._statuses if found == keyword]

    def has(self, keyword: str) -> bool:
        return bool(self.values(keyword))

    @property
    def last_words(self) -> str:
        """gpg's last line for people."""
        said = self._lines("gpg: ")
        return said[-1].removeprefix("gpg: ") if said else f"return code {self.returncode}"


def _signature_problem(result: _Result) -> tuple[str, str] | None:
    """The worst that gpg says of a signature, and who must act."""
    for keyword, cause, next_move in (
        ("BADSIG", "its signature does not fit its content", "Ask the bank to send it again"),
        (
            "REVKEYSIG",
            "its owner has revoked the key that signed it",
            "Ask the bank for its present key and for the file signed with that",
        ),
        (
            "EXPKEYSIG",
            "the key that signed it has expired",
            "Import the bank's renewed key into the ring, then read the file again",
        ),
        ("EXPSIG", "its signature has expired", "Ask the bank to sign it again"),
        (
            "NO_PUBKEY",
            "it is signed by a key that is not in the ring",
            "Ask the bank for its present key; compare the fingerprint by telephone",
        ),
        ("ERRSIG", "its signature cannot be checked", "Ask the bank how it signs"),
    ):
        if values := result.values(keyword):
            return f"{cause} ({values[0].split(' ')[0]})", next_move
    return None


def _other_problem(result: _Result) -> tuple[str, str] | None:
    """Whatever else gpg finds fault with; a signature must be `valid` in its own words."""
    signed = result.has("VALIDSIG")
    if result.returncode == 0 and not result.problems and result.valid is signed:
        return None
    return f"gpg finds fault with it: {result.last_words}", "Ask the bank to send it again"


def _no_passphrase(doing: str, home: Path) -> H2HError:
    return ConfigError(
        f"{doing}: the passphrase of our key in {home} is missing or wrong",
        "Set `passphrase` in [banks.….pgp] of config.toml",
    )


def _no_space(doing: str, home: Path) -> H2HError:
    return Transient(
        f"{doing}: no space left for gpg in {home} or the archive", "Free some space; it goes on"
    )


def _no_room(doing: str, home: Path) -> H2HError:
    return Transient(
        f"{doing}: the machine has no process or memory left for gpg in {home}",
        "It is tried again; look at its limits (`ulimit -u`) and at what else runs",
    )


def _not_started(error: OSError | ValueError) -> H2HError:
    """What the first run of gpg failed for: a machine that is busy, else one without it.

    python-gnupg makes a new OSError, so that the number is in the one before it.
    """
    cause = error.__context__ if isinstance(error.__context__, OSError) else error
    words = f"gpg does not start: {cause}"
    if str(error).startswith(_KILLED):
        return Transient(f"{words}: gpg was killed, it had not ended in time", "It is tried again")
    if getattr(cause, "errno", None) in _SCARCE or _BUSY.search(_FAILED.sub("", str(error))):
        return Transient(words, "It is tried again; look at the machine's limits and load")
    return ConfigError(words, "Install GnuPG 2.2 or later (apt-get install gnupg)")


def _no_agent(doing: str, home: Path) -> H2HError:
    return Transient(
        f"{doing}: the agent of {home} does not answer",
        f"It is tried again; `gpgconf --homedir {home} --kill all` ends a stuck agent",
    )


_FAILED = re.compile(r"^Error invoking gpg: -?\d+: ")  # before what gpg said
_KILLED = f"Error invoking gpg: -{signal.SIGKILL.value}:"
_SCARCE = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
_BUSY = re.compile(
    r"^gpg: .*: (?:Resource temporarily unavailable|Cannot allocate memory)$", re.MULTILINE
)
_CRYPTING = r"^gpg: (?:.*: )?(?:public key decryption|signing|sign\+encrypt) failed: "
_AGENT_LEFT = r"(?:End of file|Broken pipe|Connection reset by peer|No agent running|IPC .*)$"

# gpg's own lines, whole: a file name or a user id inside a message can imitate none of them.
_OUR_TROUBLE: tuple[tuple[re.Pattern[str], Callable[[str, Path], H2HError]], ...] = (
    (re.compile(r"^gpg: .*: No space left on device$", re.MULTILINE), _no_space),
    (_BUSY, _no_room),
    (re.compile(r"^gpg: can't connect to the agent: ", re.MULTILINE), _no_agent),
    (re.compile(_CRYPTING + _AGENT_LEFT, re.MULTILINE), _no_agent),
    (
        re.compile(
            _CRYPTING + r"(?:Bad passphrase|No passphrase given|No pinentry)$", re.MULTILINE
        ),
        _no_passphrase,
    ),
)


def _too_large(sealed: Path, largest: int) -> Corrupt:
    return Corrupt(
        f"{sealed.name} holds more than {largest} bytes when it is opened",
        "Ask the bank what it is; raise `largest_file` only for a real statement",
    )


# ------------------------------------------------------------------------------------------- parts


def _fingerprint(key: str, where: str) -> str:
    """A full fingerprint without blanks; raises ConfigError, as a short id can be forged."""
    full = key.replace(" ", "").removeprefix("0x").upper()
    if not _FINGERPRINT.fullmatch(full):
        raise ConfigError(
            f"{where} = {key!r} is not a full fingerprint",
            "Write all 40 hexadecimal digits, as `gpg --list-keys` shows them",
        )
    return full


def check_home(home: Path) -> None:
    """Raise ConfigError unless gpg can and may work in `home`."""
    if not home.is_dir():
        raise ConfigError(f"the GnuPG home {home} is no folder", "Make it with mode 0700")
    if home.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"others may look into the GnuPG home {home}", f"chmod 0700 {home}")
    socket = home.absolute() / "S.gpg-agent.browser"  # the longest of the agent's sockets
    if len(os.fsencode(socket)) > _LONGEST_SOCKET:
        raise ConfigError(
            f"the path of the GnuPG home {home} is too long for the agent's socket",
            f"Move it to a path of at most {_LONGEST_SOCKET - len('/S.gpg-agent.browser')} bytes",
        )


@contextmanager
def _private(path: Path) -> Iterator[None]:
    """An empty file at `path` that only we can read, gone at the end unless it was renamed."""
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


def _flush(path: Path) -> None:
    descriptor = durable.open_regular(path)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.copying")
    descriptor = durable.open_regular(source)
    try:
        with durable.created(temporary) as copy:
            durable.copy(descriptor, copy)
    finally:
        os.close(descriptor)
    temporary.replace(target)
    durable.sync_folder(target.parent)


def _judge_key(
    fingerprint: str, ring: Mapping[str, Mapping[str, Any]], use: str, what: str, today: date
) -> list[Problem]:
    """Problems of one key; `use` is the capability it must have, S or E."""
    key = ring.get(fingerprint)
    if key is None:
        return [_missing(what, fingerprint)]
    ends = _expiry(key, use)
    if key["trust"] in {"r", "d", "i"} or (use not in key["cap"] and not (ends and ends <= today)):
        return [_key_problem(f"{what} {fingerprint} cannot be used (revoked or for another use)")]
    if ends is not None and ends <= today:
        return [_key_problem(f"{what} {fingerprint} expired on {ends}")]
    if ends is not None and ends <= today + timedelta(days=30):
        words = f"{what} {fingerprint} expires on {ends}"
        return [_key_problem(words, Severity.WARN)]
    return []


def _expiry(key: Mapping[str, Any], use: str) -> date | None:
    """The day on which `key` can no longer be used for `use` (S or E), None: never.

    A subkey made for it counts, the one that lasts longest; nothing outlives the primary key.
    """
    subkeys = key.get("subkey_info", {}).values()
    able = [subkey["expires"] for subkey in subkeys if use.lower() in subkey["cap"]]
    if use.lower() in key["cap"]:
        able.append(key["expires"])
    ends = [key["expires"]]
    if able and all(able):
        ends.append(max(able, key=int))
    days = [datetime.fromtimestamp(int(end), UTC).date() for end in ends if end]
    return min(days, default=None)


def _missing(what: str, which: str) -> Problem:
    return _key_problem(f"{what} {which} is missing")


def _key_problem(message: str, severity: Severity = Severity.ERROR) -> Problem:
    remedy = "Agree on a new key with the bank, import it, and name it in config.toml"
    return Problem("pgp-key", severity, message, remedy)
